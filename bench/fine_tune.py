#!/usr/bin/env python3
"""Shows what a run gains by beginning with another's parameters: lower loss on another author's held-out text.

usage: python3 bench/fine_tune.py --text FILE|FOLDER [--binary target/release/gopher] [--first 800] [--steps 100,200]

1. A model is trained on the quick start's text, Shakespeare's plays, for --first steps.
2. For each number of --steps: a run that begins with its parameters (--from) and one that begins with its own, both on
   --text, with the same tokenizer, sequences, batches and steps. The rate of the first is a quarter of the quick start's.

Bar: the first has the lower loss on the held-out part of --text.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path


def train(options, folder, name, arguments):
    """The summary of a run."""
    command = [options.binary, "train", "--run", str(folder / name), "--json", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stderr)
    return json.loads(result.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", required=True)
    parser.add_argument("--binary", default="target/release/gopher")
    parser.add_argument("--first", default=800, type=int)
    parser.add_argument("--steps", default="100,200")
    options = parser.parse_args()
    options.binary = str(Path(options.binary).resolve())
    text = ["--data", str(Path(options.text).resolve())]
    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        first = train(options, folder, "first", ["--steps", str(options.first)])
        print(f"first: {options.first} steps, {first['tokens']:,} tokens, validation {first['validation_loss']:.3f} nats/token")
        print("| steps | --from | from the seed |\n|---|---|---|")
        for steps in options.steps.split(","):
            common = [*text, "--steps", steps, "--set", f"schedule.warmup_steps={int(steps) // 10}"]
            tuned = train(options, folder, f"tuned-{steps}",
                          [*common, "--from", str(folder / "first"), "--set", "schedule.maximum=5e-4"])
            tokenizer = folder / "first" / "tokenizer.model"
            fresh = train(options, folder, f"fresh-{steps}", [*common, "--set", f"data.tokenizer={tokenizer}"])
            losses = [run["validation_loss"] for run in (tuned, fresh)]
            print(f"| {steps} | {losses[0]:.3f} | {losses[1]:.3f} |", flush=True)
            good &= losses[0] < losses[1]
    sys.exit(0 if good else "beginning with the parameters is no better")


main()
