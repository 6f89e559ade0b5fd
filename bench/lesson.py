"""Trains the same model on text as it was found, filtered, and filtered and deduplicated, and scores held-out clean text: the comparison
of the paper's appendix A.3.2, at a small scale.

    cargo build --release
    python3 bench/lesson.py [--seeds 1 2 3] [--steps 500] [--mb 12] [--program target/release/gopher]

The text is made of real texts (texts.py), as a function of --mb: of its documents 30% are passages of novels, Wikipedia and other web text,
30% copies of 40 pages with up to three words changed, 15% lists of links, 10% fragments of less than 40 words, and 15% in other
languages. One in 17 of the real texts is held out, and nothing of it is in the documents. Each model is the quick start's,
sees the same number of tokens (1,024 a step) and has the same tokenizer, trained on the text as it was found. Prints the mean over the seeds and
their standard deviation, and the differences of runs with the same seed.
"""

import argparse
import glob
import json
import os
import random
import statistics
import subprocess
import tempfile

import texts

parser = argparse.ArgumentParser()
parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
parser.add_argument("--steps", type=int, default=500)
parser.add_argument("--mb", type=float, default=12, help="text as it was found, in 10^6 bytes")
parser.add_argument("--program", default="target/release/gopher")
arguments = parser.parse_args()
program = os.path.abspath(arguments.program)


def joined(passage):
    return "\n\n".join(" ".join(words) for words in passage)


def documents(sources):
    numbers = random.Random(1)
    clean = [joined(passage) for passage in texts.passages(sources, numbers, 100, 400)]
    foreign = [joined(passage) for passage in texts.passages(texts.foreign(), numbers, 100, 400)]
    pages = [text.split(" ") for text in numbers.sample(clean, 40)]
    numbers.shuffle(clean)
    size = 0
    while size < arguments.mb * 1e6:
        kind = numbers.random()
        if kind < 0.30 and clean:
            text = clean.pop()
        elif kind < 0.60:
            text = " ".join(texts.edited(numbers.choice(pages), numbers.randint(0, 3), numbers))
        elif kind < 0.75:
            words = numbers.choice(pages)
            text = "\n".join(f"* {' '.join(numbers.choices(words, k=2))} # ..." for _ in range(numbers.randint(20, 80)))
        elif kind < 0.85:
            text = " ".join(numbers.choice(pages)[: numbers.randint(1, 40)])
        else:
            text = numbers.choice(foreign)
        size += len(text.encode())
        yield text


def gopher(*words):
    return subprocess.run([program, *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def main(folder):
    os.chdir(folder)
    sources = list(texts.english())
    with open("held-out.txt", "w", encoding="utf-8") as file:
        for source in sources[::17]:
            file.write(" ".join(source.split()[:2000]) + "\n")
    os.mkdir("found")
    with open("found/0.jsonl", "w", encoding="utf-8") as file:
        for number, text in enumerate(documents([source for place, source in enumerate(sources) if place % 17])):
            file.write(json.dumps({"id": f"d{number}", "text": text}, ensure_ascii=False) + "\n")
    gopher("data", "filter", "--in", "found", "--out", "filtered", "--compare", "none")
    gopher("data", "dedup", "--in", "filtered", "--out", "unique")
    for stage in ["filtered", "unique"]:
        with open(f"{stage}/receipt.json") as file:
            ledger = json.load(file)["ledger"]
        print(f"{stage}: {ledger['kept']:,} of {ledger['records']:,} documents", flush=True)
    gopher("tokenizer", "train", "found/0.jsonl", "-o", "pieces.model", "--vocabulary-size", "2048")
    scores = {}
    texts_of = {"as found": "found/*.jsonl", "filtered": "filtered/*.jsonl.zst", "filtered, deduplicated": "unique/*.jsonl.zst"}
    for seed in arguments.seeds:
        for number, (name, pattern) in enumerate(texts_of.items()):
            run = f"run-{number}-{seed}"
            settings = ["data.tokenizer=pieces.model", f"training.seed={seed}"]
            options = [word for setting in settings for word in ["--set", setting]]
            gopher("train", "--data", *sorted(glob.glob(pattern)), "--run", run, "--steps", str(arguments.steps), "--json", *options)
            scored = json.loads(gopher("eval", "perplexity", "held-out.txt", "--run", run, "--json"))
            scores.setdefault(name, []).append(scored["files"][0]["nats_per_token"])
            print(f"seed {seed}, {name}: {scores[name][-1]:.4f} nats a token", flush=True)
    print("\n| trained on | nats a token of held-out text | less than as found, same seed |\n|---|---|---|")
    for name, values in scores.items():
        less = [before - after for before, after in zip(scores["as found"], values)]
        spread = lambda values: statistics.stdev(values) if len(values) > 1 else 0.0  # noqa: E731
        print(f"| {name} | {statistics.mean(values):.4f} ± {spread(values):.4f} | {statistics.mean(less):.4f} ± {spread(less):.4f} |")


with tempfile.TemporaryDirectory() as folder:
    main(folder)
