"""Measures the extraction of main content beside trafilatura and resiliparse, one thread each, on the same pages in one run.

    python3 -m venv peers && peers/bin/pip install trafilatura lxml_html_clean resiliparse
    cargo build --release -p massivetext --example extract_pages
    peers/bin/python bench/extraction.py FOLDER [--rounds 5] [--seconds 4] [--program target/release/examples/extract_pages]

FOLDER has `html/*.html.gz` and, for the quality, `ground-truth.json`, as scrapinghub's article-extraction-benchmark has them; its metric
is used: F1 of 4-shingles, precision and recall as means over pages. All are given decoded text. trafilatura has its default settings
(and once `include_comments=False`, as that benchmark calls it), resiliparse `main_content=True`. Rounds alternate between the programs;
medians of pages per second of processor time are printed. resiliparse is left out if it is not installed.
"""

import argparse
import collections
import gzip
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import trafilatura

try:
    from resiliparse.extract.html2text import extract_plain_text
except ImportError:
    extract_plain_text = None

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=4)
parser.add_argument("--program", default="target/release/examples/extract_pages")
arguments = parser.parse_args()

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

pages = {}
for path in sorted((arguments.folder / "html").glob("*.html.gz")):
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        pages[path.name.removesuffix(".html.gz")] = file.read()

plain = tempfile.TemporaryDirectory()
for name, html in pages.items():
    pathlib.Path(plain.name, name + ".html").write_text(html, encoding="utf-8")


def in_python(extract):
    def rate():
        count = 0
        began = time.process_time()
        while time.process_time() - began < arguments.seconds:
            for html in pages.values():
                extract(html)
                count += 1
                if time.process_time() - began >= arguments.seconds:
                    break
        return count / (time.process_time() - began)

    return rate, lambda: {name: extract(html) or "" for name, html in pages.items()}


def run(*options):
    before = os.times()
    output = subprocess.run([arguments.program, plain.name, *options], capture_output=True, check=True, text=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return [json.loads(line) for line in output.stdout.splitlines()], used


def ours():
    found, used = run(str(arguments.seconds))
    return found[0]["pages"] / used


programs = {
    "trafilatura, default settings": in_python(trafilatura.extract),
    "trafilatura, no comments": in_python(lambda html: trafilatura.extract(html, include_comments=False)),
}
if extract_plain_text:
    programs["resiliparse"] = in_python(lambda html: extract_plain_text(html, main_content=True))
programs["gopher"] = ours, lambda: {page["file"]: page["text"] for page in run()[0]}

WORD = re.compile(r"\w+")


def shingles(text):
    words = WORD.findall(text)
    return collections.Counter(filter(None, (tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3)))))


def quality(texts, truth):
    precision, recall = [], []
    for name, article in truth.items():
        expected, found = shingles(article["articleBody"]), shingles(texts[name])
        common = (expected & found).total()
        precision += [common / found.total()] if found else []
        recall += [common / expected.total()] if expected else []
    precision, recall = statistics.mean(precision), statistics.mean(recall)
    return 2 * precision * recall / (precision + recall), precision, recall


rates = collections.defaultdict(list)
for _ in range(arguments.rounds):
    for name, (rate, _) in programs.items():
        rates[name].append(rate())

truth = arguments.folder / "ground-truth.json"
truth = json.loads(truth.read_text(encoding="utf-8")) if truth.exists() else None
length = sum(len(html.encode()) for html in pages.values()) / len(pages)
print(f"{len(pages)} pages of {length:.0f} bytes on average; pages per second of processor time, median of {arguments.rounds} rounds")
first = None
for name, (_, texts) in programs.items():
    median = statistics.median(rates[name])
    first = first or median
    line = f"{name:<32} {median:>8.1f} {median / first:>6.1f}×"
    if truth:
        line += "  F1 {:.3f}  precision {:.3f}  recall {:.3f}".format(*quality(texts(), truth))
    print(line, flush=True)
