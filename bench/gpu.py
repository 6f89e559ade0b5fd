#!/usr/bin/env python3
"""What is checked on one NVIDIA GPU: the same bits after a crash, losses beside a CPU's, and the time of a step.

usage: python3 bench/gpu.py [--only bits,speed] [--peers FOLDER] [--cpu-metrics FILE] [--record] ...

Needs an NVIDIA GPU, a Python with jax[cuda13] (for its plugin and CUDA's libraries; Python itself runs only this
script and JAX's side of the comparison), and what `cargo build --release --bin gopher --example bench_step` made.

bits: a small model trains twice on the same text; the second run is killed with SIGKILL in the middle and started
again by the same command. Losses of all steps and the hashes of the last checkpoint must be equal; then steps are
replayed from a checkpoint. In float32, with bfloat16 parameters, and on a mesh of one device with a float32 copy.
cpu: if --cpu-metrics names the metrics.jsonl of the same float32 run made on a CPU (--make-cpu-metrics FILE makes it),
how far the losses of the first steps are apart.
speed: the training step of models of the paper beside the same step in JAX (`jax_gopher.py` in --peers), beside ours
without determinism, and beside the prediction of `gopher plan`.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEPS, EVERY, CPU_STEPS = 1500, 250, 100
# (model, sequences, regime): small enough for 80 GB without recomputation, in JAX too.
CASES = [("117m", 4, "bf16-activations"), ("417m", 2, "bf16-activations"), ("44m", 4, "f32")]
SHAPES = {"44m": (8, 16, 32, 512), "117m": (12, 12, 64, 768), "417m": (12, 12, 128, 1536)}
SEQUENCE = 2048


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="bits,cpu,speed")
    parser.add_argument("--device", default="cuda", help="cpu tries out the parts bits and cpu of this script")
    parser.add_argument("--gopher", type=Path, default=ROOT / "target/release/gopher")
    parser.add_argument("--bench-step", type=Path, default=ROOT / "target/release/examples/bench_step")
    parser.add_argument("--text", type=Path, help="text to train on; without it, the quick start's")
    parser.add_argument("--peers", type=Path, default=ROOT.parent / "shared" / "peers", help="folder of JAX's script")
    parser.add_argument("--cpu-metrics", type=Path)
    parser.add_argument("--make-cpu-metrics", type=Path, metavar="FILE", help="make that file on a CPU, and end")
    parser.add_argument("--cases", help="numbers of the speed cases, such as 0,2")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10, help="steps counted per process")
    parser.add_argument("--record", action="store_true", help="append the results to docs/performance.md")
    return parser.parse_args()


def command(options, run, precision, steps=STEPS, topology=None):
    data = ["--data", options.text] if options.text else []
    # The tokenizer of the first run serves the others.
    tokenizer = run.parent / "first" / "tokenizer.model"
    known = ["--set", f"data.tokenizer={tokenizer}"] if tokenizer.exists() else []
    machine = ["--topology", topology] if topology else ["--device", options.device]
    return [options.gopher, "train", *data, *machine, *known, "--run", run, "--steps", steps,
            "--set", f"training.checkpoint_every={EVERY}", "--set", f"training.precision={precision}", "--json"]


def execute(line, timeout=200):
    line = [str(word) for word in line]
    result = subprocess.run(line, capture_output=True, text=True, timeout=timeout)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(line)} ended with {result.returncode}:\n{result.stderr[-1500:]}")
    return result.stdout


def records(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def hashes(run):
    """Of the files with numbers of the last checkpoint."""
    manifest = json.loads((run / "checkpoints" / f"step-{STEPS:08}" / "manifest.json").read_text())
    return {name: file["sha256"] for name, file in manifest["files"].items() if name.endswith(".safetensors")}


def killed_and_resumed(line, run):
    """Lines of metrics there were when the process was killed."""
    line = [str(word) for word in line]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metrics, lines = run / "metrics.jsonl", 0
    while process.poll() is None and lines < EVERY * 5 // 2:
        time.sleep(0.01)
        lines = metrics.read_bytes().count(b"\n") if metrics.exists() else 0
    process.send_signal(signal.SIGKILL)
    process.wait()
    lines = metrics.read_bytes().count(b"\n")
    execute(line)
    return lines


def check_bits(options, folder):
    results = []
    execute(command(options, folder / "first", "f32", 1))
    mesh = f"gpu:{chip(options)}:1x1" if options.device == "cuda" else "cpu:1"
    for precision, topology in [("f32", None), ("bf16", None), ("bf16-f32-copy", mesh)]:
        whole, cut = folder / f"whole-{precision}", folder / f"cut-{precision}"
        summary = json.loads(execute(command(options, whole, precision, topology=topology)))
        lines = killed_and_resumed(command(options, cut, precision, topology=topology), cut)
        curve, again = ([(record["step"], record["loss"]) for record in records(run)] for run in (whole, cut))
        assert 0 < lines < STEPS, f"the process was killed after {lines} steps of {STEPS}"
        assert len(curve) == STEPS and curve == again, f"{precision}: the losses differ"
        shards = hashes(whole)
        assert shards and shards == hashes(cut), f"{precision}: the checkpoints differ"
        replay = execute([options.gopher, "replay", "--run", cut, "--step", str(EVERY * 2)])
        last = [line for line in replay.strip().splitlines() if line][-1]
        results.append(f"| `{precision}`{' on ' + topology if topology else ''} | {STEPS} | {lines} | same | same ({len(shards)} shards) | {last} | "
                       f"{summary['startup_seconds']:.1f} | {summary['loss']:.4f} |")
        print(results[-1], file=sys.stderr)
    return ["| regime | steps | killed after step | losses | last checkpoint | replay of a step | "
            "start-up s (compiling) | loss |", "|---|---|---|---|---|---|---|---|", *results]


def check_cpu(options, folder):
    run = folder / "beside-cpu"
    execute(command(options, run, "f32", CPU_STEPS))
    own = {record["step"]: record["loss"] for record in records(run)}
    reference = {record["step"]: record["loss"] for record in map(json.loads, options.cpu_metrics.read_text().splitlines())}
    steps = [step for step in (1, 2, 5, 10, 20, 50, 100) if step in own and step in reference]
    rows = [f"| {step} | {own[step]:.6f} | {reference[step]:.6f} | {own[step] - reference[step]:+.1e} |" for step in steps]
    return ["| step | loss here | on a CPU | difference |", "|---|---|---|---|", *rows]


def jax_step(options, model, batch, precision):
    layers, heads, width, d_model = SHAPES[model]
    line = [sys.executable, options.peers / "jax_gopher.py", batch, SEQUENCE, options.steps + 2,
            "--dtype", "f32" if precision == "f32" else "bf16",
            "--layers", layers, "--heads", heads, "--kv", width, "--d", d_model]
    text = execute(line)
    # The script prints milliseconds only: its median over all steps has more digits.
    seconds = batch * SEQUENCE / float(re.search(r"^tokens_per_s (\S+)$", text, re.MULTILINE)[1])
    return seconds, float(re.search(r"^compile_s (\S+)$", text, re.MULTILINE)[1])


def our_step(options, model, batch, precision, *more):
    line = [options.bench_step, "--device", "cuda", "--model", model, "--batch", batch, "--sequence", SEQUENCE,
            "--precision", precision, "--steps", options.steps, *more]
    return json.loads(execute(line).strip().splitlines()[-1])


def prediction(options, model, batch, precision):
    line = [options.gopher, "plan", "--model", model, "--topology", f"gpu:{chip(options)}:1x1", "--batch-tokens", batch * SEQUENCE,
            "--precision", precision, "--pin", "remat=none", "--pin", "microbatches=1", "--json"]
    try:
        return json.loads(execute(line))["plans"][0]
    except (RuntimeError, KeyError, IndexError) as error:
        print(f"no prediction: {error}", file=sys.stderr)
        return None


def check_speed(options, _):
    rows = []
    wanted = map(int, options.cases.split(",")) if options.cases else range(len(CASES))
    for model, batch, precision in [CASES[number] for number in wanted]:
        ours, jax = [], []
        for _ in range(options.rounds):
            ours.append(our_step(options, model, batch, precision))
            shown = ["median_seconds", "seconds_when_ahead", "compile_seconds", "program_bytes"]
            print({key: ours[-1][key] for key in shown}, file=sys.stderr)
            if (options.peers / "jax_gopher.py").exists():
                try:
                    jax.append(jax_step(options, model, batch, precision))
                    print(jax[-1], file=sys.stderr)
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    print(f"JAX: {str(error)[-300:]}", file=sys.stderr)
        median = statistics.median(result["median_seconds"] for result in ours)
        ahead = statistics.median(result["seconds_when_ahead"] for result in ours)
        tokens = batch * SEQUENCE
        ratios = [seconds / result["median_seconds"] for result, (seconds, _) in zip(ours, jax)]
        beside = "–"
        if ratios:
            seconds, each = statistics.median(seconds for seconds, _ in jax), ", ".join(f"{ratio:.2f}" for ratio in ratios)
            beside = f"{seconds:.4f}, compiled in {jax[0][1]:.0f} s: **{statistics.median(ratios):.2f}** ({each})"
        free = our_step(options, model, batch, precision, "--nondeterministic")
        plan = prediction(options, model, batch, precision)
        predicted = "–" if plan is None else plan_text(plan["predicted"])
        rows.append(f"| {model} `{precision}` {batch} × {SEQUENCE} | {median:.4f} | {tokens / ahead:,.0f} | {beside} | "
                    f"{ours[0]['compile_seconds']:.0f} | {free['median_seconds']:.4f}, compiled in {free['compile_seconds']:.0f} s | "
                    f"{ours[0]['program_bytes'] / 2**30:.2f} GiB | {predicted} |")
        print(rows[-1], file=sys.stderr)
    return ["| step | s | tokens/s with a step in advance | JAX, s: ratio (each round) | compiled in s | "
            "s without determinism | program | predicted |", "|---|---|---|---|---|---|---|---|", *rows]


def chip(options):
    name = execute(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    return next((chip for chip in ["h200", "h100", "a100"] if chip.upper() in name), "h100")


def plan_text(predicted):
    return f"{predicted['step_seconds']:.4f} s, {predicted['peak_bytes_per_device'] / 2**30:.2f} GiB"


def main():
    options = arguments()
    only = options.only.split(",")
    folder = Path(tempfile.mkdtemp(prefix="gopher-gpu-"))
    if options.make_cpu_metrics:
        options.device = "cpu"
        execute(command(options, folder / "cpu", "f32", CPU_STEPS))
        shutil.copy(folder / "cpu" / "metrics.jsonl", options.make_cpu_metrics)
        return
    gpu = "a CPU"
    if options.device == "cuda":
        gpu = execute(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]).strip()
    doctor = subprocess.run([options.gopher, "doctor", "--json"], capture_output=True, text=True).stdout
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    version = execute([options.gopher, "--version"]).strip()
    lines = [f"### {gpu}, {date}, {version}", ""]
    for plugin in json.loads(doctor)["plugins"]:
        if plugin["device"] == options.device and plugin.get("api_version"):
            lines += [f"PJRT API {'.'.join(map(str, plugin['api_version']))}, {plugin['platform_version']}.", ""]
    print("\n".join(lines), flush=True)
    parts = [("bits", check_bits), ("cpu", check_cpu), ("speed", check_speed)]
    for name, part in parts:
        if name in only and (name != "cpu" or options.cpu_metrics):
            table = [*part(options, folder), ""]
            print("\n".join(table), flush=True)
            lines += table
    if options.record:
        with open(ROOT / "docs" / "performance.md", "a", encoding="utf-8") as file:
            file.write("\n" + "\n".join(lines))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
