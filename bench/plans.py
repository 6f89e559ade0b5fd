#!/usr/bin/env python3
"""Verified plans: what compilers say of the best plan of each model on several machines, beside the prediction.

    python3 bench/plans.py collect [--only TEXT] [--again]   compile what is not recorded yet (TPU and CUDA compilers, no
                                                             devices); with --again what is, too
    python3 bench/plans.py table                             predict the recorded plans anew, and write docs/plans.md

Records are kept in sharding/calibration/verified.json: the plan and the compiler's numbers, which do not depend on the
cost model, and the peak memory that `table` predicted, from which `gopher plan` knows how far it is off. The constants of sharding/src/cost/rates.rs are chosen so that the errors of `table` are small on the cases
that are not held out. `GOPHER` names the program; otherwise target/release/gopher.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "sharding/calibration/verified.json"
DOCUMENT = ROOT / "docs/plans.md"
GOPHER = os.environ.get("GOPHER", str(ROOT / "target/release/gopher"))

# Model, machine, slices, tokens of a batch, whether it is held out of the calibration.
CASES = [
    ("44m", "gpu:a100:1x4", 1, "0.25M", False),
    ("44m", "tpu:v2:2x2", 1, "0.25M", False),
    ("44m", "tpu:v5e:2x2", 1, "0.25M", True),
    ("117m", "gpu:h100:1x4", 1, "0.25M", True),
    ("117m", "tpu:v3:2x2", 1, "0.25M", False),
    ("117m", "tpu:v4:2x2x1", 1, "0.25M", False),
    ("417m", "tpu:v3:4x4", 1, "0.25M", False),
    ("417m", "tpu:v5e:4x4", 1, "0.25M", False),
    ("417m", "tpu:v6e:2x2", 1, "0.25M", True),
    ("1.4b", "gpu:h100:1x8", 1, "0.25M", False),
    ("1.4b", "tpu:v3:4x4", 1, "0.25M", False),
    ("1.4b", "tpu:v4:2x2x4", 1, "0.25M", False),
    ("7.1b", "gpu:h200:1x8", 1, "2M", True),
    ("7.1b", "gpu:h100:4x8", 1, "2M", False),
    ("7.1b", "tpu:v3:8x8", 1, "2M", False),
    ("7.1b", "tpu:v5e:8x8", 1, "2M", False),
    ("7.1b", "tpu:v5p:2x2x4", 1, "2M", True),
    ("280b", "tpu:v3:32x32", 4, "6M", False),
    ("280b", "tpu:v3:32x32", 4, "3M", False),
    ("280b", "tpu:v4:16x16x16", 1, "6M", False),
    ("280b", "tpu:v5p:8x8x16", 1, "3M", True),
    ("280b", "tpu:v6e:16x16", 4, "6M", False),
    ("llama-7b", "gpu:h100:1x8", 1, "4M", True),
    ("llama-7b", "tpu:v5e:8x8", 1, "4M", True),
    ("llama-70b", "gpu:h100:8x8", 1, "4M", False),
    ("llama-70b", "tpu:v5e:16x16", 1, "4M", True),
    # Compiled after the model was last changed.
    ("44m", "gpu:h100:1x1", 1, "0.25M", True),
    ("44m", "tpu:v4:2x2x1", 1, "0.25M", True),
    ("117m", "gpu:a100:1x8", 1, "0.25M", True),
    ("117m", "gpu:h200:1x1", 1, "0.25M", True),
    ("117m", "tpu:v5e:2x2", 1, "0.25M", True),
    ("417m", "gpu:a100:1x8", 1, "0.25M", True),
    ("417m", "gpu:h100:1x8", 1, "0.25M", True),
    ("417m", "tpu:v5p:2x2x1", 1, "0.25M", True),
    ("1.4b", "gpu:a100:2x8", 1, "0.25M", True),
    ("1.4b", "gpu:a100-80g:1x8", 1, "0.25M", True),
    ("1.4b", "gpu:h200:1x8", 1, "0.25M", True),
    ("1.4b", "tpu:v5e:4x4", 1, "0.25M", True),
    ("1.4b", "tpu:v6e:4x4", 1, "0.25M", True),
    ("7.1b", "gpu:a100:8x8", 1, "2M", True),
    ("7.1b", "tpu:v4:4x4x4", 1, "2M", True),
    ("280b", "gpu:h100:128x8", 1, "6M", True),
    ("llama-7b", "gpu:a100:4x8", 1, "4M", True),
    ("llama-7b", "tpu:v4:4x4x4", 1, "4M", True),
    ("llama-7b", "tpu:v6e:4x4", 1, "4M", True),
    ("llama-70b", "gpu:h200:4x8", 1, "4M", True),
    ("7.1b", "gpu:a100-80g:2x8", 1, "2M", True),
    ("llama-70b", "gpu:a100-80g:8x8", 1, "4M", True),
]


def gopher(*arguments):
    result = subprocess.run([GOPHER, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    # With --verify there is a report however that ends.
    if result.returncode != 0 and not ("--verify" in arguments and result.stdout):
        raise RuntimeError(f"gopher {' '.join(arguments)} ended with {result.returncode}")
    return json.loads(result.stdout)


def read():
    return json.loads(RECORDS.read_text()) if RECORDS.exists() else []


def key(record):
    return (record["model"], record["topology"], record["slices"], record["batch"])


def collect(only, again):
    known = set() if again else {key(record) for record in read()}
    for model, topology, slices, batch, held_out in sorted(CASES, key=lambda case: (not case[1].startswith("gpu"), case[0] == "280b")):
        case = (model, topology, slices, batch)
        if case in known or (only and only not in " ".join(map(str, case))):
            continue
        print("compiling", *case, file=sys.stderr, flush=True)
        arguments = ["plan", "--model", model, "--topology", topology, "--slices", str(slices), "--batch-tokens", batch,
                     "--verify", "--limit", "3600", "--json"]
        try:
            plans = gopher(*arguments)["plans"]
            plan = next((plan for plan in plans if plan["fit"]["verdict"] == "proven"), None)
        except RuntimeError as error:
            print(f"  {error}", file=sys.stderr)
            continue
        if plan is None:
            print("  none is proven", file=sys.stderr)
            continue
        compiled = plan["compiled"]
        del compiled["known"]
        choices = {name: value for name, value in plan.items()
                   if name not in ("predicted", "compiled", "errors", "rules", "fit", "sensitivity")}
        # Read again: another process may have added to it.
        records = [record for record in read() if key(record) != case]
        records.append({"model": model, "topology": topology, "slices": slices, "batch": batch, "held_out": held_out,
                        "plan": choices, "compiled": compiled})
        RECORDS.parent.mkdir(exist_ok=True)
        records.sort(key=lambda record: [case[:4] for case in CASES].index(key(record)))
        RECORDS.write_text(json.dumps(records, indent=1) + "\n")


def predict(record):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(record["plan"], file)
        file.flush()
        report = gopher("plan", "--model", record["model"], "--topology", record["topology"], "--slices",
                        str(record["slices"]), "--batch-tokens", record["batch"], "--plan", file.name, "--json")
    return report["plans"][0]["predicted"]


def gib(count):
    return f"{count / 2**30:.3f}"


def percent(ratio):
    return "–" if ratio is None else f"{100 * ratio:+.1f}%"


def error(predicted, compiled):
    return None if compiled is None else predicted / compiled - 1


def sent(program):
    """Bytes that a device sends in a step to gather and to sum, on rings, each sum in one pass: records made before fused
    reduce-scatters were told from all-reduces count those as two."""
    passes = lambda name: 2 if name.startswith("all-reduce") else 1
    return sum(total["ring_bytes"] / passes(name) for name, total in program["collectives"].items())


def rows_of(records):
    rows = []
    for record in records:
        predicted, compiled, plan = predict(record), record["compiled"], record["plan"]
        rows.append({
            "record": record, "predicted": predicted, "compiled": compiled, "plan": plan,
            "memory": error(predicted["peak_bytes_per_device"], compiled["peak_bytes_per_device"]),
            "matmuls": error(predicted["product_seconds"], compiled["matrix_seconds"]),
            "step": error(predicted["estimator_seconds"], compiled["step_seconds"]),
            "collectives": error(sent(predicted), sent(compiled)) if sent(compiled) else None,
        })
    return rows


def summary(rows, name):
    errors = [abs(row[name]) for row in rows if row[name] is not None]
    if not errors:
        return "–"
    return f"median {100 * statistics.median(errors):.1f}%, worst {100 * max(errors):.1f}% of {len(errors)}"


def table():
    rows = rows_of(read())
    records = [{**row["record"], "predicted_peak_bytes": row["predicted"]["peak_bytes_per_device"]} for row in rows]
    RECORDS.write_text(json.dumps(records, indent=1) + "\n")
    lines = []
    head = ("| model | machine | tokens per step | stage × data × model | ZeRO | remat | microbatches | memory predicted / "
            "compiled, GiB | error | matmuls predicted / compiled, s | error | step by the estimator, s | error | MFU "
            "serial / overlapped | step by the schedule, s | MFU | sent predicted / compiled, GB | error | compile, s |")
    for held_out in (False, True):
        chosen = [row for row in rows if row["record"]["held_out"] is held_out]
        lines.append("## " + ("Held out of the calibration" if held_out else "Used for the calibration") + "\n")
        lines.append(head)
        lines.append("|" + "---|" * head.count("|"))
        lines[-1] = "|" + "---|" * (head.count("|") - 1)
        for row in chosen:
            record, plan, predicted, compiled = row["record"], row["plan"], row["predicted"], row["compiled"]
            mesh = plan["mesh"]
            machine = record["topology"] + (f" × {record['slices']}" if record["slices"] > 1 else "")
            seconds = lambda value: "–" if value is None else f"{value:.4g}"
            mfu = "–" if compiled["mfu"] is None else f"{100 * compiled['mfu']:.1f}% / {100 * compiled['overlapped_mfu']:.1f}%"
            lines.append("| " + " | ".join([
                record["model"], machine, record["batch"], f"{mesh['stage']} × {mesh['data']} × {mesh['model']}",
                str(plan["zero"]), plan["remat"], str(plan["microbatches"]),
                f"{gib(predicted['peak_bytes_per_device'])} / {gib(compiled['peak_bytes_per_device'])}",
                percent(row["memory"]),
                f"{seconds(predicted['product_seconds'])} / {seconds(compiled['matrix_seconds'])}", percent(row["matmuls"]),
                f"{seconds(predicted['estimator_seconds'])} / {seconds(compiled['step_seconds'])}", percent(row["step"]),
                mfu, seconds(compiled.get("schedule_seconds")),
                "–" if compiled.get("schedule_mfu") is None else f"{100 * compiled['schedule_mfu']:.1f}%",
                f"{sent(predicted) / 1e9:.4g} / {sent(compiled) / 1e9:.4g}", percent(row["collectives"]),
                f"{compiled['compile_seconds']:.0f}",
            ]) + " |")
        lines.append("")
        lines.append(f"Memory: {summary(chosen, 'memory')}. Matmuls: {summary(chosen, 'matmuls')}. Step: "
                     f"{summary(chosen, 'step')}. Sent: {summary(chosen, 'collectives')}.\n")
    text = DOCUMENT.read_text()
    start, end = "<!-- table -->\n", "<!-- end of table -->"
    before, rest = text.split(start)
    after = rest.split(end)[1]
    DOCUMENT.write_text(before + start + "\n" + "\n".join(lines) + "\n" + end + after)
    for name in ("memory", "matmuls", "step", "collectives"):
        print(f"{name:9} all: {summary(rows, name)}")
    for row in rows:
        record = row["record"]
        print(f"{record['model']:5} {record['topology']:16} {percent(row['memory']):>8} {percent(row['matmuls']):>8} "
              f"{percent(row['step']):>8} {'held out' if record['held_out'] else ''}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    collecting = commands.add_parser("collect")
    collecting.add_argument("--only", help="cases whose description contains this")
    collecting.add_argument("--again", action="store_true", help="also cases that are recorded")
    commands.add_parser("table")
    arguments = parser.parse_args()
    if arguments.command == "collect":
        collect(arguments.only, arguments.again)
    else:
        table()


if __name__ == "__main__":
    main()
