"""Measures the rules of quality and repetition beside datatrove's, one core each, on the same documents in one run.

    python3 -m venv peers && peers/bin/pip install datatrove spacy nltk numpy regex
    cargo build --release -p massivetext --example filter_speed
    peers/bin/python bench/massivetext.py DOCUMENTS.jsonl [--seconds 10] [--program target/release/examples/filter_speed]

DOCUMENTS.jsonl has an object with `text` on each line; .xz is read too. datatrove is measured twice: with its own words (spaCy), and with
words between whitespace, as our `datatrove-ws` has them. Its filters stop at the first rule that fails; ours measure every statistic.
"""

import argparse
import importlib
import json
import lzma
import os
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("documents")
parser.add_argument("--seconds", type=float, default=10)
parser.add_argument("--program", default="target/release/examples/filter_speed")
arguments = parser.parse_args()

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

opener = lzma.open if arguments.documents.endswith(".xz") else open
with opener(arguments.documents, "rt", encoding="utf-8") as file:
    texts = [json.loads(line)["text"] for line in file]

quality = importlib.import_module("datatrove.pipeline.filters.gopher_quality_filter")
repetition = importlib.import_module("datatrove.pipeline.filters.gopher_repetition_filter")
from datatrove.data import Document  # noqa: E402


def datatrove():
    filters = [quality.GopherQualityFilter(), repetition.GopherRepetitionFilter()]
    filters[0].filter(Document(text=texts[0], id=""))  # loads the tokenizer
    documents = kept = 0
    processor = time.process_time()
    while time.process_time() - processor < arguments.seconds:
        for text in texts:
            document = Document(text=text, id="")
            kept += all(one.filter(document) is True for one in filters)
            documents += 1
            if time.process_time() - processor >= arguments.seconds:
                break
    return documents / (time.process_time() - processor)


ALL = ("paper", "datatrove-ws", "dolma", "dclm", "rpv2", "curator")


def ours(path, *sets, where=None):
    before = os.times()
    command = [arguments.program, path, where or str(arguments.seconds), *sets]
    output = subprocess.run(command, capture_output=True, check=True, text=True)
    after = os.times()
    found = json.loads(output.stdout)
    # Processor time, as above: other programs on this machine count for neither.
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return found["documents"] / used


with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as plain:
    for text in texts:
        plain.write(json.dumps({"text": text}) + "\n")
    plain.flush()
    rows = [("datatrove, its own words", datatrove())]
    quality.split_into_words = repetition.split_into_words = lambda text, language: text.split()
    rows.append(("datatrove, words between whitespace", datatrove()))
    rows.append(("gopher, datatrove-ws", ours(plain.name, "datatrove-ws")))
    rows.append(("gopher, paper", ours(plain.name, "paper")))
    rows.append(("gopher, all six rule sets", ours(plain.name, *ALL)))
    # From file to files: reading, judging, statistics, compression.
    for _ in range(19):
        for text in texts:
            plain.write(json.dumps({"text": text}) + "\n")
    plain.flush()
    with tempfile.TemporaryDirectory() as folder:
        rows.append(("gopher, the stage, paper", ours(plain.name, "paper", where=folder + "/one")))
        rows.append(("gopher, the stage, all six", ours(plain.name, *ALL, where=folder + "/six")))

characters = sum(map(len, texts)) / len(texts)
print(f"{len(texts)} documents of {characters:.0f} characters on average; documents per second of processor time")
for name, rate in rows:
    print(f"{name:<36} {rate:>9.1f}  {rate / rows[0][1]:>7.1f}×")
