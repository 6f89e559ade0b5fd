#!/usr/bin/env python3
"""Scores of `gopher eval` beside those of lm-evaluation-harness, document by document and token by token.

    python3 bench/parity.py RUN [--gopher target/release/gopher] [--data ../shared/data] [--reference ../shared/reference/smollm2]

RUN is SmolLM2-135M imported (docs/import.md). For each task the documents that the reference has are scored, and compared: ids of
contexts and continuations, sums of log-probabilities, whether each token is the likeliest, what is chosen, and the metrics.
Prints the table of docs/parity.md; exits with 1 if anything differs by more than it may.
"""

import argparse
import json
import lzma
import pathlib
import subprocess
import sys
import tempfile

TASKS = ["piqa", "hellaswag", "winogrande", "lambada_openai", "boolq", "mmlu_anatomy", "mmlu_elementary_mathematics",
         "mmlu_us_foreign_policy"]


def reference(folder, task):
    with lzma.open(folder / f"samples_{task}.jsonl.xz", "rt", encoding="utf-8") as lines:
        return {document["doc"]: document for document in map(json.loads, lines)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--gopher", default="target/release/gopher")
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--reference", default="../shared/reference/smollm2", type=pathlib.Path)
    parser.add_argument("--output", help="folder for the results of each task [default: a temporary one]")
    arguments = parser.parse_args()
    expected = json.loads((arguments.reference / "results.json").read_text())
    output = pathlib.Path(arguments.output or tempfile.mkdtemp())
    print("| task | documents | requests | other ids | greedy differs | largest error of a sum, of what is allowed | acc | acc there |")
    print("|---|---|---|---|---|---|---|---|")
    failed = False
    for task in TASKS:
        theirs = reference(arguments.reference, task)
        limit = max(theirs) + 1
        subprocess.run([arguments.gopher, "eval", "--run", arguments.run, "--tasks", task, "--protocol", "lm-eval", "--data",
                        arguments.data, "--limit", str(limit), "-o", str(output / task)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        requests = other_ids = other_greedy = 0
        worst = 0.0
        right, right_there = [], []
        with open(output / task / "samples.jsonl", encoding="utf-8") as lines:
            for sample in map(json.loads, lines):
                document = theirs.get(sample["doc_id"])
                if document is None:
                    continue
                for there, here in zip(document["requests"], sample["gopher"]["requests"], strict=True):
                    requests += 1
                    same = all(there[ids] == here[ids] for ids in ("context_ids", "continuation_ids"))
                    other_ids += not same
                    other_greedy += there["is_greedy"] != here["greedy"]
                    # float32 sums drift with length, in torch's log-softmax too.
                    allowed = 1e-4 + 2e-5 * len(there["continuation_ids"])
                    worst = max(worst, abs(there["loglik"] - here["log_probability"]) / allowed)
                right.append(sample["acc"])
                right_there.append(document["acc"])
                other = [metric for metric in ("acc", "acc_norm") if metric in document and document[metric] != sample[metric]]
                if other:
                    failed = True
                    print(f"{task}, document {sample['doc_id']}: {', '.join(other)} differ", file=sys.stderr)
        mean = lambda values: sum(values) / len(values)
        failed |= other_ids > 0 or other_greedy > 0 or worst > 1 or len(right) != len(theirs)
        print(f"| {task} | {len(right)} | {requests} | {other_ids} | {other_greedy} | {worst:.2f} | {mean(right):.4f} | "
              f"{mean(right_there):.4f} |", flush=True)
        listed = expected.get(task, {}).get("acc")
        if listed is not None and abs(listed - mean(right)) > 5e-5:
            failed = True
            print(f"{task}: results.json there has {listed}", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
