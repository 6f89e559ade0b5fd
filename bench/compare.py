#!/usr/bin/env python3
"""Times our training step beside the same step in JAX and PyTorch, alternating in one run.

usage: python3 bench/compare.py [--rounds 3] [--steps 8] [--install jax,torch] [--record] ...

The step is the paper's 44M model in float32: forward, backward, clipping by global norm, Adam, on 2 sequences of 512
tokens. Ours is `examples/bench_step.rs`. The others are scripts that take BATCH SEQUENCE STEPS and print one line
`NUMBER LOSS SECONDS` per step: `jax_gopher.py` and `torch_gopher.py` in the folder that --peers names. One that is
not there, or whose Python environment is not there, is skipped, and the table says so.

Each round runs every contestant once, in its own process, and each round begins with another one, so that a change of
the machine's speed meets all of them. The first steps of a process are not counted: compilation, first touch of
memory, PyTorch's tracing. Ratios are taken within a round: the median step of JAX divided by the median step of the
contestant, so more is faster.

--install makes virtual environments for the others under --venvs: 0.4 GB on disk for JAX; several GB for PyTorch, since
its wheel asks for the CUDA libraries even where there is no GPU.
--record appends the table to docs/performance.md.
"""

import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What a contestant needs installed.
PACKAGES = {"jax": ["jax==0.10.2"], "torch": ["torch", "numpy", "setuptools"]}
# (name in the table, environment, script, arguments)
OTHERS = [
    ("JAX", "jax", "jax_gopher.py", []),
    ("PyTorch", "torch", "torch_gopher.py", []),
    ("PyTorch, compiled", "torch", "torch_gopher.py", ["--compile"]),
]
BASE = "JAX"


def arguments():
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gopher" / "bench"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="steps counted per process")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before them")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--sequence", type=int, default=512)
    parser.add_argument("--peers", type=Path, default=ROOT.parent / "shared" / "peers", help="folder of the others' scripts")
    parser.add_argument("--venvs", type=Path, default=cache, help="folder of the others' virtual environments")
    parser.add_argument("--only", help="comma-separated parts of names; ours always runs")
    parser.add_argument("--install", default="", metavar="jax,torch", help="make these virtual environments")
    parser.add_argument("--record", action="store_true", help="append the table to docs/performance.md")
    parser.add_argument("ours", nargs="*", help="more arguments for bench_step, after --")
    return parser.parse_args()


def install(venvs, names):
    for name in filter(None, names.split(",")):
        if name not in PACKAGES:
            sys.exit(f"error: --install does not know `{name}`; it knows {', '.join(PACKAGES)}")
        if (venvs / name / "bin" / "python").exists():
            continue
        packages = PACKAGES[name]
        print(f"installing {' '.join(packages)} into {venvs / name}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", venvs / name], check=True)
        subprocess.run([venvs / name / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], check=True)


def build_ours():
    """The path of our executable, freshly built."""
    command = ["cargo", "build", "--release", "--example", "bench_step", "--message-format=json"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "bench_step":
            return message["executable"]
    sys.exit("error: cargo built no bench_step")


def contestants(options):
    """[(name, command)] of those that can run, and [(name, reason)] of those that cannot."""
    sizes = [str(options.batch), str(options.sequence), str(options.warm_up + options.steps)]
    ours = [build_ours(), "--batch", sizes[0], "--sequence", sizes[1], "--steps", str(options.steps),
            "--warm-up", str(options.warm_up), *options.ours]
    present, skipped = [("Gopher in Rust", ours)], []
    for name, venv, script, extra in OTHERS:
        script, python = options.peers / script, options.venvs / venv / "bin" / "python"
        if options.only and not any(part in name for part in options.only.split(",")):
            continue
        if not script.exists():
            skipped.append((name, f"no {script.name} in the folder --peers"))
        elif not python.exists():
            skipped.append((name, f"no environment `{venv}` in the folder --venvs (--install {venv} makes it)"))
        else:
            present.append((name, [str(python), str(script), *sizes, *extra]))
    return present, skipped


def run(command):
    """Seconds of each step, peak resident bytes, and standard output."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        text = output.read()
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{text[-2000:]}")
    lines = re.findall(r"^\d+ \S+ ([0-9.]+)$", text, re.MULTILINE)
    return [float(seconds) for seconds in lines], usage.ru_maxrss * 1024, text


def version(python, package):
    code = f"import importlib.metadata as m; print(m.version('{package}'))"
    result = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return f"{package} {result.stdout.strip()}"


def machine():
    processor = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    return f"{processor}, {len(os.sched_getaffinity(0))} cores"


def main():
    options = arguments()
    install(options.venvs, options.install)
    present, skipped = contestants(options)
    load_before = os.getloadavg()[0]
    seconds = {name: [] for name, _, _ in present}
    memory = {}
    details = {}
    for number in range(options.rounds):
        turn = number % len(present)
        for name, command in present[turn:] + present[:turn]:
            steps, peak, text = run(command)
            counted = steps[options.warm_up:][:options.steps]
            seconds[name].append(counted)
            memory[name] = max(peak, memory.get(name, 0))
            if name == present[0][0]:
                details = json.loads(text.strip().splitlines()[-1])
            print(f"round {number + 1}, {name}: median {statistics.median(counted):.3f} s", file=sys.stderr)

    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    versions = [details["plugin"]]
    versions += [version(options.venvs / venv / "bin" / "python", venv) for venv in PACKAGES
                 if any(str(options.venvs / venv / "bin") in command[0] for _, command, _ in present)]
    lines = [
        f"### {date}, commit {commit.stdout.strip()}", "",
        f"{machine()}; load average before the run {load_before:.1f}; {'; '.join(versions)}. "
        f"Batch {options.batch} × {options.sequence} tokens, {options.rounds} rounds of {options.steps} steps"
        + (f", `{' '.join(options.ours)}`" if options.ours else "") + ".", "",
        f"| | median s | least s | tokens/s | ratio to {BASE} (each round) | peak resident GB |", "|---|---|---|---|---|---|",
    ]
    for name, rounds in seconds.items():
        every = [value for steps in rounds for value in steps]
        median = statistics.median(every)
        ratio = "–"
        if seconds.get(BASE):
            ratios = [statistics.median(base) / statistics.median(own) for base, own in zip(seconds[BASE], rounds)]
            ratio = f"**{statistics.median(ratios):.2f}** ({', '.join(f'{value:.2f}' for value in ratios)})"
        lines.append(f"| {name} | {median:.3f} | {min(every):.3f} | {options.batch * options.sequence / median:.0f} | "
                     f"{ratio} | {memory[name] / 1e9:.2f} |")
    lines += [f"| {name} | skipped: {reason} | | | | |" for name, reason in skipped]
    lines += [
        "", f"Ours: compiled in {details['compile_seconds']:.1f} s; the host takes {details['dispatch_seconds'] * 1e3:.2f} ms "
        f"to hand a step to the device, and with a step handed over before the last loss is read, the device waited for the "
        f"host {details['dispatches_the_device_waited_for']} times in {options.steps} steps "
        f"({details['seconds_when_ahead']:.3f} s per step); the program needs {details['program_bytes'] / 1e9:.2f} GB "
        f"(state {(details['program_bytes'] - details['temporary_bytes']) / 1e9:.2f}, temporaries "
        f"{details['temporary_bytes'] / 1e9:.2f}).", "",
    ]
    print("\n".join(lines))
    if options.record:
        with open(ROOT / "docs" / "performance.md", "a", encoding="utf-8") as file:
            file.write("\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
