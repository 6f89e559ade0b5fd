#!/usr/bin/env python3
"""Trains the quick start twice, in float32 and with bfloat16 activations, and compares the loss curves.

usage: python3 bench/precision.py [--steps 100] [--record]

Both runs have the same seed, so the same initial parameters and the same batches. bfloat16 keeps 8 bits of a number:
the losses differ, but must track each other. Exit status 1 when the mean losses of the last tenth of the steps differ
by more than --tolerance (nats per token). --record appends the table to docs/performance.md.
"""

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRECISIONS = ["f32", "bf16-activations"]


def train(precision, steps, folder):
    """The records of the run's metrics.jsonl."""
    run = Path(folder) / precision
    command = ["cargo", "run", "--quiet", "--release", "--", "train", "--steps", str(steps), "--run", str(run), "--json",
               "--set", f"training.precision={precision}", "--set", "training.validation_every=0"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--tolerance", type=float, default=0.05)
    parser.add_argument("--record", action="store_true", help="append the table to docs/performance.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        single, half = (train(precision, options.steps, folder) for precision in PRECISIONS)

    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    lines = [f"### bfloat16 activations beside float32, {date}, commit {commit.stdout.strip()}", "",
             f"The quick start, {options.steps} steps. Losses in nats per token.", "",
             "| step | float32 | bfloat16 activations | difference |", "|---|---|---|---|"]
    for a, b in zip(single, half):
        if a["step"] == 1 or a["step"] % max(1, options.steps // 10) == 0:
            lines.append(f"| {a['step']} | {a['loss']:.4f} | {b['loss']:.4f} | {b['loss'] - a['loss']:+.4f} |")
    differences = [b["loss"] - a["loss"] for a, b in zip(single, half)]
    end = statistics.mean(differences[-max(1, options.steps // 10):])
    seconds = [statistics.median(record["seconds"] for record in run) for run in (single, half)]
    lines += ["", f"Largest difference of any step {max(map(abs, differences)):.4f}; of the mean over the last tenth {end:+.4f}; "
              f"validation loss {single[-1]['validation_loss']:.4f} and {half[-1]['validation_loss']:.4f}. "
              f"Median step {seconds[0]:.3f} s and {seconds[1]:.3f} s on this CPU.", ""]
    print("\n".join(lines))
    if options.record:
        with open(ROOT / "docs" / "performance.md", "a", encoding="utf-8") as file:
            file.write("\n" + "\n".join(lines))
    # A run that ended early or holds NaN does not pass either.
    return len(single) == len(half) == options.steps and abs(end) <= options.tolerance


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
