"""Deduplicates on a real Spark, a master and two workers on loopback, one of which is killed at its work, and compares every byte with
what one machine writes.

    python3 -m venv spark && spark/bin/pip install pyspark==4.3.0      # and a Java 17 or later
    cargo build --release --features parquet
    spark/bin/python deploy/spark/check.py --gopher target/release/gopher [--documents FILE.jsonl] [--count 20000]
"""

import argparse
import filecmp
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import pyspark

HOME = pathlib.Path(pyspark.__file__).parent
HERE = pathlib.Path(__file__).resolve().parent
MASTER, PAGE = 17077, 18080


def documents(count, file):
    """Made-up documents, two in three of them edited copies of others."""
    numbers = random.Random(5)
    texts = []
    with open(file, "w", encoding="utf-8") as lines:
        for number in range(count):
            if number % 3 == 0 or not texts:
                words = [f"w{numbers.randrange(50000)}" for _ in range(150 + numbers.randrange(200))]
            else:
                words = list(numbers.choice(texts))
                for _ in range(numbers.choice([0, 0, 1, 1, 2, 3, 5, 9])):
                    words[numbers.randrange(len(words))] = f"e{numbers.randrange(50000)}"
            texts.append(words)
            lines.write(json.dumps({"id": f"d{number}", "text": " ".join(words)}) + "\n")


class Cluster:
    """A master and two workers of 512 MB each."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.start("master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(MASTER), "--webui-port", str(PAGE))
        self.wait(0)
        for number in range(2):
            self.start(
                f"worker-{number}", "org.apache.spark.deploy.worker.Worker", "--cores", "1", "--memory", "512M",
                "--host", "127.0.0.1", "--work-dir", str(folder / f"worker-{number}"), f"spark://127.0.0.1:{MASTER}",
            )
        self.wait(2)

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "w")
        environment = dict(os.environ, SPARK_HOME=str(HOME), SPARK_LOCAL_IP="127.0.0.1")
        process = subprocess.Popen(
            [HOME / "bin/spark-class", *command], stdout=log, stderr=log, env=environment, start_new_session=True
        )
        self.processes.append(process)

    def state(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{PAGE}/json/", timeout=5) as answer:
            return json.load(answer)

    def wait(self, workers):
        for _ in range(120):
            try:
                if self.state()["aliveworkers"] >= workers:
                    return
            except OSError:
                pass
            time.sleep(0.5)
        sys.exit("the cluster did not start; see its logs in " + str(self.folder))

    def kill_worker(self):
        """Kills a worker and what it started, as a machine that is lost."""
        group = self.processes[1].pid
        all_processes = subprocess.run(["ps", "-eo", "pgid,args"], capture_output=True, text=True).stdout.splitlines()
        killed = [line for line in all_processes if line.split()[0] == str(group)]
        os.killpg(group, signal.SIGKILL)
        return len(killed)

    def stop(self):
        for process in reversed(self.processes):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def same(left, right):
    # Parts leave receipts of their own.
    compared = filecmp.dircmp(left, right, ignore=[".receipts"])
    names = sorted(compared.common_files)
    _, mismatch, errors = filecmp.cmpfiles(left, right, names, shallow=False)
    return names, compared.left_only + compared.right_only + mismatch + errors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gopher", type=pathlib.Path, required=True)
    parser.add_argument("--documents", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=20000)
    arguments = parser.parse_args()
    gopher = str(arguments.gopher.resolve())
    with tempfile.TemporaryDirectory(prefix="gopher-spark-") as place:
        place = pathlib.Path(place)
        docs = arguments.documents or place / "docs.jsonl"
        if not arguments.documents:
            documents(arguments.count, docs)
        run = lambda *command: subprocess.run([gopher, "data", "dedup", *command], check=True, stdout=subprocess.DEVNULL)
        common = ["--in", str(docs), "--shard-mib", "4"]
        begin = time.monotonic()
        run(*common, "--out", str(place / "one"), "--rejected", str(place / "one-gone"))
        print(f"one machine: {time.monotonic() - begin:.1f} s")
        for part in (2, 1, 3):
            run("signatures", *common, "--out", str(place / "signatures"), "--parquet", "--part", f"{part}/3")
        cluster = Cluster(place)
        try:
            begin = time.monotonic()
            job = subprocess.Popen(
                [HOME / "bin/spark-submit", "--master", f"spark://127.0.0.1:{MASTER}", "--driver-memory", "512m",
                 "--executor-memory", "450m", "--conf", "spark.driver.host=127.0.0.1", "--conf", f"spark.pyspark.python={sys.executable}",
                 HERE / "dedup.py", "--signatures", place / "signatures", "--out", place / "removals", "--gopher", gopher, "--partitions", "8"],
                stdout=subprocess.PIPE, stderr=open(place / "submit.log", "w"), text=True,
                env=dict(os.environ, SPARK_HOME=str(HOME), SPARK_LOCAL_IP="127.0.0.1"),
            )
            work = place / "removals/.work"
            while job.poll() is None and not (work / "2/_SUCCESS").exists() and not (work / "3").exists():
                time.sleep(0.1)
            killed = cluster.kill_worker() if job.poll() is None else 0
            print(f"killed a worker's {killed} processes after {time.monotonic() - begin:.1f} s")
            printed, _ = job.communicate(timeout=1800)
        finally:
            cluster.stop()
        if job.returncode != 0:
            print((place / "submit.log").read_text()[-4000:])
            sys.exit("the job failed")
        print(f"Spark: {time.monotonic() - begin:.1f} s: {printed.strip()}")
        for part in (3, 1, 2):
            run("apply", *common[:2], "--signatures", str(place / "signatures"), "--removals", str(place / "removals"),
                "--out", str(place / "many"), "--rejected", str(place / "many-gone"), "--part", f"{part}/3")
        for kind in ("", "-gone"):
            names, different = same(place / f"one{kind}", place / f"many{kind}")
            print(f"{len(names)} files alike{kind}: {' '.join(names)}")
            if different or not names:
                sys.exit(f"different: {different}")
        receipt = json.loads((place / "many/receipt.json").read_text())
        print(json.dumps(receipt["ledger"]), json.dumps(receipt["pairs"]))


if __name__ == "__main__":
    main()
