"""Measures deduplication by MinHash beside datatrove's, one core each, on the same documents in one run.

    python3 -m venv peers && peers/bin/pip install 'datatrove>=0.10,<0.11' spacy tokenizers 'xxhash<4'
    cargo build --release --bin gopher
    peers/bin/python bench/dedup.py [--documents 20000] [--rounds 3] [--program target/release/gopher]

Documents are passages of real texts (texts.py) of 200 to 1000 words; three in ten are edited copies of others. Both programs get the same
folder of lines, the same n-grams, bands and rows, and write lines that are not compressed; each is a process of its own, start included.
datatrove is measured twice: with its own words (spaCy), which takes minutes and is done in the first round alone, and with words between
whitespace. What differs: datatrove takes every two documents
that share a band for duplicates, and keeps one of each connected component; ours computes the similarity of such pairs exactly, keeps a
document if none that stays is similar, and writes those that go, with the one that stays.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

import texts

parser = argparse.ArgumentParser()
parser.add_argument("--documents", type=int, default=20000)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seed", type=int, default=5)
parser.add_argument("--program", default="target/release/gopher")
# How this file calls itself, with what datatrove is to do.
parser.add_argument("--datatrove", nargs=5, metavar=("WORDS", "NGRAM", "BANDS", "ROWS", "FOLDER"), help=argparse.SUPPRESS)
arguments = parser.parse_args()


def datatrove(words, ngram, bands, rows, folder):
    """The four steps, in this process."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    class Whitespace:
        def word_tokenize(self, text):
            return text.split()

    configuration = MinhashConfig(n_grams=int(ngram), num_buckets=int(bands), hashes_per_bucket=int(rows))
    inside = lambda name: os.path.join(folder, name)  # noqa: E731
    signature = MinhashDedupSignature(output_folder=inside("signatures"), config=configuration)
    if words == "whitespace":
        signature.word_tokenizer = Whitespace()
    reader = lambda: JsonlReader(os.path.join(os.path.dirname(folder), "in"))  # noqa: E731
    steps = [
        ([reader(), signature], 1),
        # One task for each band is what this step asks for; one worker does them in turn.
        ([MinhashDedupBuckets(inside("signatures"), inside("pairs"), config=configuration)], int(bands)),
        ([MinhashDedupCluster(inside("pairs"), inside("removals"), config=configuration)], 1),
        ([reader(), MinhashDedupFilter(inside("removals")), JsonlWriter(inside("out"), compression=None)], 1),
    ]
    seconds = []
    for pipeline, tasks in steps:
        began = time.process_time()
        LocalPipelineExecutor(pipeline=pipeline, tasks=tasks, workers=1).run()
        seconds.append(round(time.process_time() - began, 2))
    print(json.dumps(seconds))


if arguments.datatrove:
    datatrove(*arguments.datatrove)
    sys.exit()

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def documents():
    numbers = random.Random(arguments.seed)
    originals = texts.passages(texts.english(), numbers, 200, 1000)
    made = []
    for number in range(arguments.documents):
        if number % 10 < 7 or not made:
            made.append(next(originals, None))
            if made[-1] is None:
                sys.exit(f"the texts give {number} documents of these; ask for fewer (--documents)")
        else:
            passage = numbers.choice(made)
            words = [word for paragraph in passage for word in paragraph]
            made.append([texts.edited(words, numbers.choice([0, 1, 1, 2, 3, 5, 8, 13]), numbers)])
    return ["\n\n".join(" ".join(paragraph) for paragraph in passage) for passage in made]


def timed(command):
    """Processor time and seconds of a process, and what it printed."""
    before, began = os.times(), time.perf_counter()
    # datatrove writes its logs into the current folder.
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
    seconds, after = time.perf_counter() - began, os.times()
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, seconds, done.stdout


def lines(folder):
    names = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".jsonl")]
    return [json.loads(line)["id"] for name in names for line in open(name, encoding="utf-8")]


def ours(folder):
    command = [os.path.abspath(arguments.program), "data", "dedup", "--in", os.path.join(os.path.dirname(folder), "in"), "--out", os.path.join(folder, "out")]
    command += ["--rejected", os.path.join(folder, "gone"), "--threads", "1", "--compression", "none", "--json"]
    used, seconds, output = timed(command)
    return used, seconds, json.loads(output)


def theirs(words, receipt, folder):
    bands, rows = receipt["bands"]["bands"], receipt["bands"]["rows"]
    ngram = receipt["configuration"]["ngram"]
    command = [sys.executable, os.path.abspath(__file__), "--datatrove", words, str(ngram), str(bands), str(rows), folder]
    used, seconds, output = timed(command)
    return used, seconds, json.loads(output.strip().splitlines()[-1])


from importlib.metadata import version  # noqa: E402

with tempfile.TemporaryDirectory() as folder:
    os.mkdir(os.path.join(folder, "in"))
    made = documents()
    size = sum(len(text.encode()) for text in made)
    with open(os.path.join(folder, "in", "documents.jsonl"), "w", encoding="utf-8") as file:
        for number, text in enumerate(made):
            file.write(json.dumps({"id": f"d{number}", "text": text}, ensure_ascii=False) + "\n")
    _, _, receipt = ours(os.path.join(folder, "first"))
    names = ["gopher", "datatrove, its own words", "datatrove, words between whitespace"]
    rounds, details, stays = {name: [] for name in names}, {}, {}
    for number in range(arguments.rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            if number > 0 and "its own" in name:
                continue
            own = os.path.join(folder, f"{number}-{names.index(name)}")
            words = "whitespace" if "whitespace" in name else "own"
            used, seconds, details[name] = ours(own) if name == "gopher" else theirs(words, receipt, own)
            rounds[name].append((used, seconds))
            stays[name] = set(lines(os.path.join(own, "out")))
            subprocess.run(["rm", "-r", own], check=True)
    bands = receipt["bands"]
    print(f"{len(made)} documents, {size / 1e6:.1f} MB, {sum(len(text.split()) for text in made) / len(made):.0f} words on average;", end=" ")
    print(f"{receipt['configuration']['ngram']}-grams, {bands['bands']} bands of {bands['rows']} rows; {arguments.rounds} rounds, medians;", end=" ")
    print(f"datatrove {version('datatrove')}; load average {os.getloadavg()[0]:.1f}\n")
    print("| | documents/s of processor time | MB/s | processor s | s by the clock | ratio (least, most) | documents that stay | of these ours keeps |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        used, seconds = ([one[place] for one in rounds[name]] for place in range(2))
        ratios = sorted(their[0] / our[0] for their, our in zip(rounds[name], rounds["gopher"]))
        middle = statistics.median(used)
        ratio = "" if name == "gopher" else f"**{statistics.median(ratios):.1f}** ({ratios[0]:.1f}, {ratios[-1]:.1f})"
        shared = len(stays[name] & stays["gopher"])
        print(f"| {name} | {len(made) / middle:,.0f} | {size / 1e6 / middle:.1f} | {middle:.2f} | {statistics.median(seconds):.2f} | {ratio} | {len(stays[name])} | {shared} |")
    print()
    print(f"gopher: {receipt['ledger']['dropped']}, pairs {receipt['pairs']}")
    for name in names[1:]:
        print(f"{name}: processor seconds of signatures, bands, clusters, filter: {details[name]}")
