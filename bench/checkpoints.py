#!/usr/bin/env python3
"""Measures what checkpoints cost a training.

usage: python3 bench/checkpoints.py [--binary target/release/gopher] [--rounds 3] [--text FILE --vocabulary 32000]
                                     [--only blocking|overhead] [--record]

1. Blocking, 117M: how long training waits for a save in the background (checkpoint.background = true) and for one in
   the foreground, in runs that alternate. Bar: the first under 5% of the second.
2. Overhead, 44M: of a save every 100 steps, as a part of wall time. Per save, the overhead is the time training waited,
   and what the steps took longer that ran while it was written than the median of the others of the same run. Saves come
   every 20 steps here, so that there are several in a run. Bar: under 2%.

The paper's vocabulary of 32,000 needs a text that a tokenizer of as many pieces can be trained on, such as 10 MB of
Wikipedia: name it with --text. Without one, the quick start's text is taken, which is enough for 8,192 pieces. --record
appends the tables to docs/performance.md.
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
SAVED = re.compile(r"saved \S*step-(\d+): (\S+ \S+) in ([\d.]+) s, of which training waited ([\d.]+) s")


def train(options, run, model, steps, every, background, more):
    """The saves of a run, as (step, size, seconds, waited), and its metrics."""
    values = {"model.preset": model, "model.vocabulary_size": options.vocabulary, "training.checkpoint_every": every,
              "training.validation_every": 0, "training.validation_batches": 1,
              "checkpoint.background": str(background).lower(), "checkpoint.keep_last": 1, **more}
    tokenizer = Path(run).parent / "tokenizer.model"
    if tokenizer.exists():
        values["data.tokenizer"] = tokenizer
    command = [options.binary, "train", "--run", str(run), "--steps", str(steps), "--json"]
    if options.text:
        command += ["--data", str(Path(options.text).resolve())]
    for key, value in values.items():
        command += ["--set", f"{key}={value}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stderr)
    if not tokenizer.exists():
        tokenizer.write_bytes((Path(run) / "tokenizer.model").read_bytes())
    saves = [(int(step), size, float(seconds), float(waited)) for step, size, seconds, waited in
             SAVED.findall(result.stderr)]
    records = [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]
    return saves, records


def blocking(options, folder):
    """The first table, and the ratio of medians."""
    waits = {True: [], False: []}
    size = ""
    for number in range(options.rounds):
        for background in [True, False] if number % 2 == 0 else [False, True]:
            run = Path(folder) / f"blocking-{number}-{background}"
            more = {"training.batch": 1, "training.sequence_length": 32}
            saves, _ = train(options, run, "117m", 49, 16, background, more)
            size = saves[0][1]
            waits[background] += [waited for step, _, _, waited in saves if 16 < step < 49]
            subprocess.run(["rm", "-rf", str(run)], check=True)
    medians = {background: statistics.median(values) for background, values in waits.items()}
    ratio = medians[True] / medians[False]
    rows = ["| | training waited, median s | least | most | saves |", "|---|---|---|---|---|"]
    for background, name in [(True, "in the background"), (False, "in the foreground")]:
        values = waits[background]
        rows.append(f"| {name} | {medians[background]:.3f} | {min(values):.3f} | {max(values):.3f} | {len(values)} |")
    text = (f"117M with a vocabulary of {options.vocabulary:,}, {size} of state, saved every 16 steps of 32 tokens; {options.rounds} runs "
            f"of each kind, in turn. The first save of a process, "
            f"for which memory is taken, and the last, which is waited for, are not counted. Training waits "
            f"**{100 * ratio:.1f}%** as long.")
    return [text, "", *rows, ""], ratio


def overhead(options, folder):
    """The second table, and the overhead as a part of wall time."""
    parts, waits, slower, steps = [], [], [], []
    size = ""
    for number in range(options.rounds):
        run = Path(folder) / f"overhead-{number}"
        more = {"training.batch": 2, "training.sequence_length": 512}
        saves, records = train(options, run, "44m", 65, 20, True, more)
        seconds = {record["step"]: record["seconds"] for record in records}
        during = {}
        for step, size, took, waited in saves:
            if step == 65:
                continue
            left = took - waited
            during[step] = []
            for later in range(step + 1, 66):
                if left <= 0:
                    break
                during[step].append(later)
                left -= seconds[later]
        busy = {step for steps_of in during.values() for step in steps_of} | {1}
        usual = statistics.median(value for step, value in seconds.items() if step not in busy)
        steps.append(usual)
        for step, _, _, waited in saves:
            if step in during:
                more_seconds = sum(seconds[later] - usual for later in during[step])
                waits.append(waited)
                slower.append(more_seconds)
                parts.append((waited + more_seconds) / (100 * usual))
        subprocess.run(["rm", "-rf", str(run)], check=True)
    part = statistics.median(parts)
    text = (f"44M with a vocabulary of {options.vocabulary:,}, {size} of state, steps of 2 x 512 tokens (median {statistics.median(steps):.3f} s); "
            f"{len(parts)} saves. Every 100 steps, a save costs **{100 * part:.2f}%** of wall time.")
    rows = ["| per save | median | least | most |", "|---|---|---|---|",
            *[f"| {name} | {statistics.median(values):{form}} | {min(values):{form}} | {max(values):{form}} |"
              for name, values, form in [("training waited, s", waits, ".3f"),
                                         ("steps longer while it was written, s", slower, ".3f"),
                                         ("part of 100 steps", parts, ".2%")]]]
    return [text, "", *rows, ""], part


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "target" / "release" / "gopher"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", help="a text file to train on, instead of the quick start's text")
    parser.add_argument("--vocabulary", type=int, default=8192, help="the tokenizer's pieces (8192)")
    parser.add_argument("--only", choices=["blocking", "overhead"], help="one of the two tables")
    parser.add_argument("--record", action="store_true", help="append the tables to docs/performance.md")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        first, ratio = blocking(options, folder) if options.only != "overhead" else ([], 0)
        second, part = overhead(options, folder) if options.only != "blocking" else ([], 0)
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    lines = [f"### Checkpoints, {date}, commit {commit.stdout.strip()}", "",
             f"{os.cpu_count()} cores, load average {load:.1f} before the run (other work ran beside it).", "", *first, *second]
    print("\n".join(lines))
    if options.record:
        with open(ROOT / "docs" / "performance.md", "a", encoding="utf-8") as file:
            file.write("\n" + "\n".join(lines))
    sys.exit(0 if ratio < 0.05 and part < 0.02 else 1)


if __name__ == "__main__":
    main()
