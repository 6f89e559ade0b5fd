"""How fast requests are scored, beside Hugging Face transformers on the same weights, and what shared beginnings save.

    cargo build --release -p eval --example score
    python bench/score.py --run RUN --gguf FILE --requests requests.jsonl [--questions questions.jsonl] \
        [--rounds 3] [--batch 16] [--threads 2] [--binary target/release/examples/score]

RUN is the folder that `gopher import FILE` made. A line of the files is `[context ids, continuation ids]`; those of
--questions have long beginnings in common (five shots and a question each), and are scored with and without reuse.
transformers gets the requests as lm-evaluation-harness gives them to it: longest first, padded to the longest of a batch, a
log-softmax over all logits. Programs take turns, each in a process of its own; medians are given, in tokens scored a second
of wall time and, since other work may share the machine, of processor time. Compiling and loading are not measured.
Needs torch, transformers and gguf for the beside; without --gguf, only ours is measured.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time


def transformers_side(arguments):
    """One measured pass of transformers, in this process."""
    import pathlib

    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(arguments.threads)
    path = pathlib.Path(arguments.gguf)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    model.eval()
    rows = [json.loads(line) for line in open(arguments.requests)]
    rows.sort(key=lambda row: -len(row[0]) - len(row[1]))

    def score(rows):
        total, count = 0.0, 0
        for start in range(0, len(rows), arguments.batch):
            part = rows[start : start + arguments.batch]
            texts = [(context + continuation)[:-1] for context, continuation in part]
            longest = max(map(len, texts))
            tokens = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
            with torch.no_grad():
                scores = torch.log_softmax(model(tokens).logits, dim=-1)
            for index, (context, continuation) in enumerate(part):
                places = torch.arange(len(context) - 1, len(context) + len(continuation) - 1)
                picked = scores[index, places, torch.tensor(continuation)]
                total += picked.sum().item()
                count += len(continuation)
        return total, count

    score(rows[: arguments.batch])
    begin, cpu = time.monotonic(), time.process_time()
    total, count = score(rows)
    seconds, cpu = time.monotonic() - begin, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "scored": count, "sum": total}))


def run(command):
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run")
    parser.add_argument("--gguf")
    parser.add_argument("--requests")
    parser.add_argument("--questions")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--binary", default="target/release/examples/score")
    parser.add_argument("--only-transformers", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_transformers:
        return transformers_side(arguments)

    sides = {}
    if arguments.requests:
        sides["gopher"] = [arguments.binary, arguments.run, arguments.requests]
        if arguments.gguf:
            sides["transformers"] = [sys.executable, __file__, "--only-transformers", *sys.argv[1:]]
    if arguments.questions:
        sides["questions, reuse"] = [arguments.binary, arguments.run, arguments.questions, "reuse"]
        sides["questions, whole"] = [arguments.binary, arguments.run, arguments.questions, "whole"]
    results = {side: [] for side in sides}
    for number in range(arguments.rounds):
        for side, command in sides.items():
            result = run(command)
            results[side].append(result)
            print(f"round {number + 1}: {side}: {json.dumps(result)}", file=sys.stderr)

    def rate(side, key):
        return statistics.median(result["scored"] / result[key] for result in results[side])

    rates = {side: {key: rate(side, key) for key in ("seconds", "cpu_seconds")} for side in sides}
    for side, value in rates.items():
        print(f"{side:18} {value['seconds']:8.1f} tokens/s {value['cpu_seconds']:8.1f} tokens/s of processor time")
    for one, other in (("gopher", "transformers"), ("questions, reuse", "questions, whole")):
        if one in rates and other in rates:
            ratio = [rates[one][key] / rates[other][key] for key in ("seconds", "cpu_seconds")]
            print(f"{one} / {other}: {ratio[0]:.2f} by the clock, {ratio[1]:.2f} by processor time")


if __name__ == "__main__":
    main()
