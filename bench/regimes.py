#!/usr/bin/env python3
"""Trains a small model on Shakespeare's plays in every precision regime, on one device and on four, and compares losses.

usage: python3 bench/regimes.py [--long] [--steps N] [--seeds 1,2,3] [--record]

300 steps on both; with --long 100,000 steps of a smaller model on one device, at the end of which the learning rate is
a hundredth of the highest. Those runs keep to a core each, as many at a time as there are cores.

All runs of a seed have the same initial parameters (but for rounding) and the same batches. Four devices are virtual
ones of the processor: four replicas that split the optimiser's state (ZeRO 1), the float32 copy among it. --record
writes a picture into docs and the measured part of docs/precision.md. `cargo build --release` comes first.

Exit status 1 if a run did not take all its steps or has a loss that is not finite.
"""

import argparse
import array
import concurrent.futures
import datetime
import json
import math
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOPHER = ROOT / "target" / "release" / "gopher"
REGIMES = ["f32", "bf16-activations", "bf16", "bf16-f32-copy"]
COLORS = {"f32": "#4c4c4c", "bf16-activations": "#0072b2", "bf16": "#d55e00", "bf16-f32-copy": "#009e73"}
SETTINGS = ["training.validation_every=0", "training.validation_batches=0", "schedule.warmup_steps=60"]
FIELDS = {"loss", "learning_rate", "validation_loss", "wall_seconds"}
POINTS = 300  # of a line of the picture


@dataclass(frozen=True)
class Experiment:
    """What is trained, beside what all have in common."""

    name: str
    layers: int
    heads: int
    width: int
    vocabulary: int
    steps: int
    batch: int
    length: int
    highest: float
    final_fraction: float
    machines: tuple
    at_once: int

    def settings(self):
        return [*SETTINGS, f"model.layers={self.layers}", f"model.heads={self.heads}", f"model.d_model={self.width}",
                f"model.key_value_size={self.width // self.heads}", f"model.vocabulary_size={self.vocabulary}",
                f"training.batch={self.batch}", f"training.sequence_length={self.length}",
                f"schedule.maximum={self.highest}", f"schedule.final_fraction={self.final_fraction}"]

    def plan(self, machine):
        return {"topology": machine, "mesh": {"data": int(machine.split(":")[1])}, "microbatches": 1, "zero": 1,
                "remat": "none", "sequence_sharding": False, "batch": self.batch, "sequence_length": self.length}


SHORT = Experiment("regimes", 2, 4, 128, 1024, 300, 8, 128, 2e-3, 0.1, ("cpu:1", "cpu:4"), at_once=1)
LONG = Experiment("regimes-long", 2, 2, 32, 512, 100_000, 4, 32, 1e-3, 0.01, ("cpu:1",), at_once=os.cpu_count())


def train_all(experiment, folder, seeds, steps):
    """The records of metrics.jsonl of every run, by (regime, machine, seed)."""
    keys = [(regime, machine, seed) for seed in seeds for machine in experiment.machines for regime in REGIMES]
    cores = queue.SimpleQueue()
    for core in sorted(os.sched_getaffinity(0))[:experiment.at_once]:
        cores.put(core)

    def one(key):
        core = cores.get()
        began = time.monotonic()
        try:
            records = train(experiment, folder, *key, steps, {core} if experiment.at_once > 1 else os.sched_getaffinity(0))
        finally:
            cores.put(core)
        regime, machine, seed = key
        print(f"{regime}, {machine}, seed {seed}: {final(records):.4f} in {time.monotonic() - began:.0f} s", file=sys.stderr)
        return key, records

    with concurrent.futures.ThreadPoolExecutor(cores.qsize()) as pool:
        return dict(pool.map(one, keys))


def train(experiment, folder, regime, machine, seed, steps, cores):
    """The records of the run's metrics.jsonl."""
    run = run_of(folder, regime, machine, seed)
    records = read(run)
    if len(records) == steps:
        return records
    command = [str(GOPHER), "train", "--run", str(run), "--json", "--steps", str(steps)]
    for setting in [*experiment.settings(), f"training.precision={regime}", f"training.seed={seed}"]:
        command += ["--set", setting]
    if machine != "cpu:1":
        plan = Path(folder) / "plan.json"
        plan.write_text(json.dumps(experiment.plan(machine)))
        command += ["--topology", machine, "--plan", str(plan)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, cores))
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return read(run)


def run_of(folder, regime, machine, seed):
    """The run directory."""
    return Path(folder) / f"{regime}-{machine.replace(':', '')}-{seed}"


def read(run):
    """What metrics.jsonl has of FIELDS, for each step; nothing if there is none."""
    path = run / "metrics.jsonl"
    if not path.exists():
        return []
    with path.open() as lines:
        return [{name: value for name, value in json.loads(line).items() if name in FIELDS} for line in lines]


def tensors(run):
    """The tensors of the newest checkpoint, as arrays of float32."""
    found = {}
    for path in sorted((run / "checkpoints").iterdir())[-1].rglob("*.safetensors"):
        data = path.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        for name, entry in json.loads(data[8:start]).items():
            if name != "__metadata__" and entry["dtype"] == "F32":
                begin, end = entry["data_offsets"]
                found[name] = array.array("f", data[start + begin:start + end])
    return found


def lost(run, steps, learning_rate):
    """Of matrices and of gains and biases: the fraction of numbers whose update of the last step, at a learning rate, is
    less than half the distance of bfloat16s, so that rounding to the nearest would lose it."""
    state = tensors(run)
    corrections = [1 - beta ** steps for beta in (0.9, 0.95)]
    counts = {True: [0, 0], False: [0, 0]}
    for name, values in state.items():
        if not name.startswith("parameters/"):
            continue
        name = name.removeprefix("parameters/")
        count = counts[not name.endswith(("norm", "bias"))]
        for value, mean, square in zip(values, state["adam/m/" + name], state["adam/v/" + name]):
            update = learning_rate * mean / corrections[0] / (math.sqrt(square / corrections[1]) + 1e-8)
            count[0] += value != 0 and abs(update) < 2.0 ** (math.frexp(value)[1] - 9)
            count[1] += 1
    return [counts[kind][0] / counts[kind][1] for kind in (True, False)]


def final(records):
    """Mean training loss of the last tenth of the steps."""
    tail = records[-max(1, len(records) // 10):]
    return statistics.mean(record["loss"] for record in tail)


def grouped(values, group):
    """Means of that many successive values each; a rest at the end is left out."""
    return [statistics.fmean(values[i:i + group]) for i in range(0, len(values) - group + 1, group)]


def smoothed(values, width=15):
    """Running means, of fewer values at the ends."""
    half = width // 2
    return [statistics.mean(values[max(0, i - half):i + half + 1]) for i in range(len(values))]


def spread(values):
    """Mean and, of several values, its standard error."""
    mean = statistics.mean(values)
    if len(values) < 2:
        return f"{mean:+.4f}"
    return f"{mean:+.4f} ± {statistics.stdev(values) / math.sqrt(len(values)):.4f}"


def table(runs, machines, seeds):
    """Losses, and their differences to float32 on the same devices with the same seed."""
    lines = ["| regime | devices | training loss | difference to f32 | validation loss | difference to f32 |",
             "|---|---|---|---|---|---|"]
    for machine in machines:
        for regime in REGIMES:
            of = {seed: runs[regime, machine, seed] for seed in seeds}
            base = {seed: runs["f32", machine, seed] for seed in seeds}
            validation = lambda records: records[-1]["validation_loss"]
            row = [f"`{regime}`", machine.split(":")[1]]
            for loss in (final, validation):
                row.append(f"{statistics.mean(loss(records) for records in of.values()):.4f}")
                row.append("" if regime == "f32" else spread([loss(of[seed]) - loss(base[seed]) for seed in seeds]))
            lines.append("| " + " | ".join(row) + " |")
    return lines


class Panel:
    """A plot of lines, at a place of a picture."""

    def __init__(self, top, height, steps, low, high, title):
        self.left, self.width = 64, 620
        self.top, self.height, self.steps, self.low, self.high, self.title = top, height, steps, low, high, title

    def point(self, step, value):
        x = self.left + self.width * (step - 1) / max(1, self.steps - 1)
        y = self.top + self.height * (self.high - min(max(value, self.low), self.high)) / (self.high - self.low)
        return f"{x:.1f},{y:.1f}"

    def frame(self, ticks):
        right, bottom = self.left + self.width, self.top + self.height
        parts = [f'<text x="{self.left}" y="{self.top - 10}" font-weight="bold">{self.title}</text>']
        for tick in ticks:
            y = self.point(1, tick).split(",")[1]
            parts.append(f'<line x1="{self.left}" y1="{y}" x2="{right}" y2="{y}" stroke="#dddddd"/>')
            parts.append(f'<text x="{self.left - 8}" y="{y}" dy="4" text-anchor="end">{tick:g}</text>')
        for step in [1, *range(self.steps // 5, self.steps + 1, max(1, self.steps // 5))]:
            x = self.point(step, self.low).split(",")[0]
            parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{step:,}</text>')
        parts.append(f'<rect x="{self.left}" y="{self.top}" width="{self.width}" height="{self.height}" fill="none" '
                     'stroke="#888888"/>')
        return parts

    def line(self, values, color, dashed):
        group = self.steps / len(values)
        points = " ".join(self.point(group * index + (group + 1) / 2, value) for index, value in enumerate(values))
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.6"{dash}/>'


def picture(runs, machines, seeds, steps):
    """Losses above, and below their differences to float32; means over the seeds."""
    def mean(of):
        return [statistics.mean(values) for values in zip(*(grouped(of(seed), group) for seed in seeds))]

    group = max(1, steps // POINTS)
    losses = {(regime, machine): smoothed(mean(lambda seed: [record["loss"] for record in runs[regime, machine, seed]]), 5)
              for regime in REGIMES for machine in machines}
    differences = {
        (regime, machine): smoothed(mean(lambda seed: [
            a["loss"] - b["loss"] for a, b in zip(runs[regime, machine, seed], runs["f32", machine, seed])]))
        for regime in REGIMES[1:] for machine in machines}
    low = math.floor(min(map(min, losses.values())) * 2) / 2
    high = math.ceil(max(map(max, losses.values())) * 2) / 2
    most = max(abs(value) for values in differences.values() for value in values)
    bound = next(bound for bound in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5) if bound >= most)
    above = Panel(50, 250, steps, low, high, "training loss, nats per token")
    below = Panel(370, 190, steps, -bound, bound, f"difference to f32 on the same devices, mean of {15 * group:,} steps")
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 640" font-family="sans-serif" font-size="12">',
             '<rect width="720" height="640" fill="white"/>']
    parts += above.frame([low + 0.5 * index for index in range(int((high - low) * 2) + 1)])
    parts += below.frame([-bound, -bound / 2, 0, bound / 2, bound])
    for machine in machines:
        for regime in REGIMES:
            dashed = machine != "cpu:1"
            parts.append(above.line(losses[regime, machine], COLORS[regime], dashed))
            if regime != "f32":
                parts.append(below.line(differences[regime, machine], COLORS[regime], dashed))
    for index, regime in enumerate(REGIMES):
        x = 64 + 150 * index
        parts.append(f'<line x1="{x}" y1="612" x2="{x + 24}" y2="612" stroke="{COLORS[regime]}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 30}" y="616">{regime}</text>')
    devices = "solid: one device; dashed: four. " if len(machines) > 1 else ""
    parts.append(f'<text x="64" y="634">{devices}Horizontal axis: steps.</text>')
    return "\n".join([*parts, "</svg>", ""])


def section(experiment):
    """The lines of docs/precision.md between which the results of an experiment stand."""
    option = " --long" if experiment is LONG else ""
    return f"<!-- measured: begin (bench/regimes.py{option} --record) -->", "<!-- measured: end -->"


def seeds_of(text):
    """The numbers of a list with commas."""
    return [int(seed) for seed in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="more and smaller steps, down to a lower learning rate")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=seeds_of, default="1", help="several, with commas, give a standard error")
    parser.add_argument("--record", action="store_true", help="write the picture and docs/precision.md")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the runs there, and use those that are there")
    options = parser.parse_args()
    experiment = LONG if options.long else SHORT
    steps = options.steps or experiment.steps
    seeds = options.seeds
    began = datetime.datetime.now(datetime.timezone.utc)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        runs = train_all(experiment, folder, seeds, steps)
        rates = {"the highest learning rate": experiment.highest, "the last one": runs["f32", "cpu:1", seeds[0]][-1]["learning_rate"]}
        parts = []
        for name, rate in rates.items():
            matrices, vectors = lost(run_of(folder, "f32", "cpu:1", seeds[0]), steps, rate)
            parts.append(f"at {name}, {rate:.0e}, {matrices:.0%} of the updates of matrices and {vectors:.0%} of those of gains and biases")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    minutes = sum(records[-1]["wall_seconds"] for records in runs.values()) / 60
    lines = [f"{began:%Y-%m-%d %H:%M} UTC, commit {commit.stdout.strip()}, {os.cpu_count()} cores, "
             f"{minutes:.0f} minutes of training: {steps:,} steps of {experiment.batch} × {experiment.length} tokens of Shakespeare's plays, a model of "
             f"{experiment.layers} layers and width {experiment.width}, highest learning rate {experiment.highest:.0e}, last {experiment.highest * experiment.final_fraction:.0e}; seeds {','.join(map(str, seeds))}. Losses in nats per token, mean over "
             "the seeds; the training loss is the mean of the last tenth of the steps, the validation loss that of the whole "
             "held-out part after the last step. ± is the standard error over the seeds.", "", *table(runs, experiment.machines, seeds), "",
             f"![Loss curves of the regimes]({experiment.name}.svg)", "",
             "By the float32 run's state after the last step, rounding to the nearest would lose, since they are less than half "
             "the distance between two bfloat16s: " + "; ".join(parts) + ".", ""]
    print("\n".join(lines))
    if options.record:
        drawn = picture(runs, experiment.machines, seeds, steps)
        (ROOT / "docs" / f"{experiment.name}.svg").write_text(drawn, encoding="utf-8")
        path = ROOT / "docs" / "precision.md"
        text = path.read_text(encoding="utf-8")
        begin, end = section(experiment)
        before, rest = text.split(begin)
        after = rest.split(end, 1)[1]
        path.write_text("\n".join([before + begin, "", *lines]) + "\n" + end + after, encoding="utf-8")
    whole = all(len(records) == steps for records in runs.values())
    return whole and all(math.isfinite(record["loss"]) for records in runs.values() for record in records)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
