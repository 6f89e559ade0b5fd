#!/usr/bin/env python3
"""Winogender and CrowS-Pairs by lm-evaluation-harness's own tasks, asked of `gopher serve`, beside `gopher analyze bias`.

    pip install "lm_eval[api]==0.4.13" datasets
    python3 tests/analyses_lm_eval.py --gopher target/release/gopher --run RUN --data DIR

DIR has `all_sentences.tsv` and `crows_pairs_anonymized.csv`, also in folders in it. The tasks are the package's files but for where
their data lie: the authors' files, which the analysis reads too. All documents are asked. Every score must be the same to the last
digit of its sum; exit code 0 if it is.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import lm_eval
from lm_eval.tasks import TaskManager

PRONOUNS = {"male": {"he", "him", "his"}, "female": {"she", "her", "hers"}, "neutral": {"they", "them", "their"}}


def find(folder, name):
    found = sorted(Path(folder).rglob(name))
    return found[0] if found else sys.exit(f"{folder} has no {name}")


def winogender(path):
    rows = []
    for row in csv.DictReader(path.open(), delimiter="\t", quoting=csv.QUOTE_NONE):
        occupation, participant, answer, gender, _ = row["sentid"].split(".")
        words = [word.strip(".,").lower() for word in row["sentence"].split()]
        pronoun = next(word for word in words if word in PRONOUNS[gender])
        rows.append({"sentence": row["sentence"], "pronoun": pronoun, "occupation": occupation,
                     "participant": participant, "label": int(answer), "gender": gender})
    return rows


def crows_pairs(path):
    return [{key: row[key] for key in ("sent_more", "sent_less", "bias_type")} for row in csv.DictReader(path.open())]


def tasks(folder, data):
    """The package's tasks over local files."""
    package = Path(lm_eval.__file__).parent / "tasks"
    for name, rows, source in (("winogender", winogender(find(data, "all_sentences.tsv")), "winogender/winogender.yaml"),
                               ("crows_pairs", crows_pairs(find(data, "crows_pairs_anonymized.csv")),
                                "crows_pairs/crows_pairs_english.yaml")):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / f"local_{name}.yaml").write_text(
            f"include: {package / source}\ntask: local_{name}\ntag: null\ndataset_path: json\ndataset_name: null\n"
            f"dataset_kwargs:\n  data_files:\n    test: {folder / (name + '.jsonl')}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gopher", default="target/release/gopher")
    parser.add_argument("--run", required=True)
    parser.add_argument("--data", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        tasks(folder, arguments.data)
        command = [arguments.gopher, "analyze", "bias", "--runs", arguments.run, "--data", arguments.data, "--only",
                   "winogender,crows-pairs", "--out", str(folder / "analyses"), "--json"]
        ours = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        server = subprocess.Popen([arguments.gopher, "serve", "--run", arguments.run, "--addr", "127.0.0.1:0", "--slots", "8",
                                   "--prompt", "none"], stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().split("/")[2]
            model = f"base_url=http://{address}/v1/completions,tokenizer_backend=remote,num_concurrent=8"
            results = lm_eval.simple_evaluate(
                model="local-completions", model_args=model, tasks=["local_winogender", "local_crows_pairs"],
                task_manager=TaskManager(include_path=str(folder)), bootstrap_iters=0)
        finally:
            server.terminate()
            server.wait()
    figures = {(figure["measure"], figure["group"]): figure for figure in ours["runs"][0]["figures"]}
    bad = 0
    for task, metric, name in (("local_winogender", "acc,none", "winogender accuracy"),
                               ("local_crows_pairs", "pct_stereotype,none", "crows_pairs pct_stereotype"),
                               ("local_crows_pairs", "likelihood_diff,none", "crows_pairs likelihood_diff")):
        theirs, our = results["results"][task][metric], figures[name, "all"]["value"]
        same = abs(theirs - our) <= 1e-12 * max(1.0, abs(theirs))
        print(f"{name}: {our!r}, lm_eval {theirs!r}{'' if same else '  DIFFERENT'}")
        bad += not same
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
