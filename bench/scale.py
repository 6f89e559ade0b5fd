"""Runs the whole data pipeline over a made corpus of a given size, under a limit of memory, and prints what each stage took.

    cargo build --release --bin gopher
    python3 bench/scale.py --gb 2 [--threads 1 2] [--limit-mib 1024] [--memory-mib 384] [--folder FOLDER] [--corpus FOLDER]
        [--program target/release/gopher]

The corpus is lines in .jsonl.gz files, a function of --seed and --gb alone: documents of 3 to 20 pieces of real texts (texts.py), so that no two
are the same by chance; one in ten is an edited copy of an earlier one, one in ten breaks the rules of quality, one in twelve is in another
language. The pipeline is filter (the paper's rules alone), dedup, decontaminate, tokenize, with a tokenizer that it trains on a part. The limit
is of the process's address space (RLIMIT_AS, what `ulimit -v` sets), which is stricter than one of resident memory: what asks for more gets
none. --memory-mib is the pipeline's own setting, work.memory_mib. Needs about 2.5 times as much disk as the corpus has text.
With --corpus, the corpus is kept there, and taken from there if it is whole (making it takes longer than a stage).
"""

import argparse
import gzip
import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import texts

parser = argparse.ArgumentParser()
parser.add_argument("--gb", type=float, default=0.5, help="text of the corpus, in 10^9 bytes")
parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
parser.add_argument("--limit-mib", type=int, default=1024)
parser.add_argument("--memory-mib", type=int, default=384)
parser.add_argument("--seed", type=int, default=5)
parser.add_argument("--vocabulary", type=int, default=8192)
parser.add_argument("--train-gb", type=float, default=0.3, help="text that the tokenizer is trained on")
parser.add_argument("--compare", action="store_true", help="measure all rule sets, and not the paper's alone")
parser.add_argument("--folder", help="where a temporary folder is made for corpus and output")
parser.add_argument("--corpus", help="folder for the corpus alone, which is kept")
parser.add_argument("--program", default="target/release/gopher")
arguments = parser.parse_args()

# Text in one file.
FILE = 256_000_000


class Corpus:
    def __init__(self):
        order = random.Random(arguments.seed)
        pieces = lambda of: [" ".join(sum(passage, [])) for passage in texts.passages(of, order, 40, 90)]  # noqa: E731
        self.english, self.foreign = pieces(texts.english()), pieces(texts.foreign())

    def original(self, number):
        numbers = random.Random(arguments.seed << 40 | number)
        return numbers, numbers.random(), numbers.choices(self.english, k=numbers.randint(3, 20))

    def document(self, number):
        numbers, kind, pieces = self.original(number)
        if kind < 0.10 and number > 0:
            _, _, pieces = self.original(numbers.randrange(number))
            words = texts.edited(" \n\n ".join(pieces).split(" "), numbers.choice([0, 1, 1, 2, 3, 5]), numbers)
            return " ".join(words)
        if kind < 0.14:
            return "\n".join([pieces[0]] * numbers.randint(5, 30))
        if kind < 0.17:
            return "\n".join(" ".join(word + " #" for word in piece.split()[:20]) + " ..." for piece in pieces)
        if kind < 0.20:
            return " ".join(pieces[0].split()[: numbers.randint(1, 40)])
        if kind < 0.28:
            return "\n\n".join(numbers.choices(self.foreign, k=len(pieces)))
        return "\n\n".join(pieces)

    def write(self, folder):
        """Documents, bytes of text, bytes on disk."""
        wanted, made = {"gb": arguments.gb, "seed": arguments.seed}, folder + ".json"
        if os.path.exists(made):
            with open(made) as file:
                found = json.load(file)
            if {key: found.pop(key) for key in wanted} == wanted:
                return tuple(found.values())
            sys.exit(f"{folder} holds another corpus, as {made} says; take another --corpus, or remove both")
        documents = size = on_disk = 0
        os.makedirs(folder)
        while size < arguments.gb * 1e9:
            path = os.path.join(folder, f"{documents:010}.jsonl.gz")
            most = min(size + FILE, arguments.gb * 1e9)
            with open(path, "wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as file:
                while size < most:
                    lines = []
                    for number in range(documents, documents + 256):
                        text = self.document(number)
                        size += len(text.encode())
                        lines.append(json.dumps({"id": f"d{number}", "text": text}, ensure_ascii=False) + "\n")
                    documents += 256
                    file.write("".join(lines).encode())
            on_disk += os.path.getsize(path)
        with open(made, "w") as file:
            json.dump({**wanted, "documents": documents, "size": size, "on_disk": on_disk}, file)
        return documents, size, on_disk


def memory(process):
    """The most memory that was resident since the last call, in MiB."""
    try:
        with open(f"/proc/{process.pid}/status") as file:
            peak = next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)
        with open(f"/proc/{process.pid}/clear_refs", "w") as file:
            file.write("5")
        return peak / 1024
    except OSError:
        return 0.0


def processor(process):
    """Processor time so far, in seconds, of all threads."""
    try:
        with open(f"/proc/{process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def files_of(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


class Run:
    """A run of the pipeline: a row for each of its steps."""

    def __init__(self, folder, threads):
        self.rows, self.began, self.disk, self.out = {}, time.monotonic(), 0, os.path.join(folder, "out")
        # Until the last step.
        self.used = 0.0
        before = os.times()
        command = [os.path.abspath(arguments.program), "data", "run", "pipeline.toml", "--threads", str(threads)]
        limit = arguments.limit_mib << 20
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        threading.Thread(target=self.watch, daemon=True).start()
        errors = []
        for line in self.process.stderr:
            errors.append(line)
            if line.startswith("web/") and " kept + " in line:
                self.step(line.split(":")[0].removeprefix("web/"))
        self.process.stdout.read()
        if self.process.wait() != 0:
            sys.exit("".join(errors[-20:]))
        after = os.times()
        self.processor = after.children_user + after.children_system - before.children_user - before.children_system
        self.rows["report"] = (time.monotonic() - self.began, self.processor - self.used, 0.0)

    def step(self, name):
        now, used = time.monotonic(), processor(self.process)
        self.rows[name] = (now - self.began, used - self.used, memory(self.process))
        self.began, self.used = now, used

    def watch(self):
        """Notices when the tokenizer is trained, which is no stage, and how much disk is used."""
        receipt = os.path.join(self.out, "tokenizer", "receipt.json")
        ticks = 0
        while self.process.poll() is None:
            if "tokenizer" not in self.rows and os.path.exists(receipt):
                self.step("tokenizer")
            if ticks % 40 == 0:
                sizes = 0
                for path in files_of(self.out):
                    try:
                        sizes += os.path.getsize(path)
                    except OSError:
                        pass
                self.disk = max(self.disk, sizes)
            ticks += 1
            time.sleep(0.05)


def digest(folder):
    whole = hashlib.sha256()
    for path in sorted(files_of(folder)):
        whole.update(os.path.relpath(path, folder).encode())
        with open(path, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


def pipeline(folder, corpus):
    shared = os.path.abspath(texts.SHARED)
    with open(os.path.join(folder, "pipeline.toml"), "w") as file:
        file.write(
            f"""out = "out"
[work]
memory_mib = {arguments.memory_mib}
[tokenizer]
train = {{ vocabulary_size = {arguments.vocabulary}, share = {min(1.0, arguments.train_gb / arguments.gb):.4f}, memory_mib = {arguments.memory_mib} }}
{'' if arguments.compare else '[filter]' + chr(10) + 'compare = []'}
[decontaminate]
against = ["{shared}/lm_wikitext/wikitext-103/wiki.valid.tokens.xz", "{shared}/eval_boolq/dev.jsonl.xz"]
against_field = ["passage"]
[subset.web]
kind = "web"
in = ["{corpus}"]
"""
        )


def table(run, documents, size, threads):
    with open(os.path.join(run.out, "report.json")) as file:
        stages = {stage["stage"]: stage for stage in json.load(file)["subsets"][0]["stages"]}
    total = sum(seconds for seconds, _, _ in run.rows.values())
    print(f"\n{threads} thread{'s' if threads > 1 else ''}: {total:.0f} s, {size / 1e6 / total:.1f} MB/s; processor {run.processor:.0f} s;", end=" ")
    print(f"at most {run.disk / 1e9:.2f} GB on disk beside the corpus; sha256 of all files {digest(run.out)}\n")
    print("| | documents in | documents out | MB read | MB written | s | processor s | MB/s of the corpus' text, by clock | by processor | peak MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, (seconds, used, peak) in run.rows.items():
        stage = stages.get(name)
        sizes = ["", "", "", ""]
        if stage:
            ledger = stage["ledger"]
            sizes = [f"{ledger['records']:,}", f"{ledger['kept']:,}", f"{stage['input_bytes'] / 1e6:,.0f}", f"{stage['output_bytes'] / 1e6:,.0f}"]
        rates = [f"{size / 1e6 / spent:.1f}" if stage or name == "tokenizer" else "" for spent in (seconds, max(used, 0.01))]
        resident = f"{peak:.0f}" if peak else ""
        print(f"| {name} | {' | '.join(sizes)} | {seconds:.1f} | {used:.1f} | {' | '.join(rates)} | {resident} |", flush=True)


def main(folder):
    began = time.monotonic()
    corpus = os.path.abspath(arguments.corpus or os.path.join(folder, "in"))
    documents, size, on_disk = Corpus().write(corpus)
    print(f"{documents:,} documents, {size / 1e9:.2f} GB of text, {on_disk / 1e9:.2f} GB on disk, made in {time.monotonic() - began:.0f} s;", end=" ")
    print(f"limit of address space {arguments.limit_mib} MiB (RLIMIT_AS), work.memory_mib = {arguments.memory_mib};", end=" ")
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}", flush=True)
    # Its path is in receipts, and so in the sum of all files: by itself it has the same in every run.
    pipeline(folder, corpus if arguments.corpus else "in")
    for threads in arguments.threads:
        run = Run(folder, threads)
        table(run, documents, size, threads)
        shutil.rmtree(run.out)


with tempfile.TemporaryDirectory(prefix="scale-", dir=arguments.folder) as where:
    main(where)
