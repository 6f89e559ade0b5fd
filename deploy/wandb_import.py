"""Copies runs into Weights & Biases: their configurations, and every line of their metrics.jsonl.

    python3 deploy/wandb_import.py runs/a runs/b --project gopher
    wandb sync wandb/offline-run-*

Nothing is sent by the first command: it writes wandb's offline folders, which the second uploads. Wants the package wandb,
and Python 3.11 or later. docs/monitoring.md says more.
"""

import argparse
import json
import math
import pathlib
import re
import sys
import tomllib

# Names in wandb, as in TensorBoard, where they are others than in metrics.jsonl.
NAMES = {"loss": "loss/training", "validation_loss": "loss/validation"}
# How metrics.jsonl says numbers for which JSON has no words.
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Wrong(Exception):
    """A run that cannot be read."""


def configuration(run):
    """The configuration of a run: sections of keys."""
    path = run / "config.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Wrong(f"{path}: {error}") from error


def records(run):
    """Step by step, the step's number and its metrics by their names in wandb."""
    path = run / "metrics.jsonl"
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise Wrong(f"{path}: {error}") from error
    # What follows the last line end is nothing, or the half of a line that a killed process was writing.
    for number, line in enumerate(lines[:-1], 1):
        try:
            record = json.loads(line)
            step = record.pop("step")
            if not isinstance(step, int):
                raise ValueError(f"step is {step!r}")
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise Wrong(f"{path}, line {number}: not a step's metrics ({error})") from error
        yield step, {NAMES.get(key, key): value(entry) for key, entry in record.items()}


def value(entry):
    """A metric as wandb takes it."""
    return NOT_FINITE.get(entry, entry) if isinstance(entry, str) else entry


def identity(run):
    """An identity that is the same whenever the run is copied, so that a second copy goes on with the first."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", run.resolve().name)[:128]


def copy(wandb, run, arguments):
    """Writes a run, and returns how many steps it has."""
    settings = {"mode": "online" if arguments.online else "offline", "project": arguments.project}
    settings |= {"entity": arguments.entity, "id": identity(run), "name": run.resolve().name, "resume": "allow"}
    copied = wandb.init(config=configuration(run), **settings)
    steps = 0
    for step, metrics in records(run):
        copied.log(metrics, step=step)
        steps += 1
    copied.finish()
    return steps


def show(run):
    """Prints what would be written, without wandb."""
    print(json.dumps({"id": identity(run), "config": configuration(run)}))
    for step, metrics in records(run):
        print(json.dumps({"step": step, **metrics}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", metavar="RUN", type=pathlib.Path, nargs="+", help="run directory")
    parser.add_argument("--project", default="gopher", help="project in wandb (default: gopher)")
    parser.add_argument("--entity", help="user or team in wandb (default: the user's own)")
    parser.add_argument("--online", action="store_true", help="send at once instead of writing an offline folder")
    parser.add_argument("--dry-run", action="store_true", help="print what would be written as JSON lines; wants no wandb")
    arguments = parser.parse_args()
    try:
        if arguments.dry_run:
            for run in arguments.runs:
                show(run)
            return 0
        try:
            import wandb
        except ImportError:
            print("error: the package wandb is not installed: pip install wandb (or --dry-run)", file=sys.stderr)
            return 1
        for run in arguments.runs:
            # What is wrong with a run is noticed before any of it is written.
            steps = sum(1 for _ in records(run))
            configuration(run)
            copy(wandb, run, arguments)
            print(f"{run}: {steps} steps as {identity(run)}")
    except Wrong as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
