"""Prompts and metrics of lm-evaluation-harness 0.4.13 for the task files beside this script, as a test's expected values.

    pip install lm_eval==0.4.13
    python tasks/tests/lm_eval_prompts.py FOLDER

writes into FOLDER the data files (made up here, or of ../shared/data where that is), and `expected.jsonl`: for each task and
number of shots what the harness asks of each document, and what it measures of answers that are made up from the position of
the request alone. `LM_EVAL_PROMPTS=FOLDER cargo test -p tasks --test lm_eval` compares. A part of it is in the repository as
files/expected.jsonl, which every run of the tests compares.
"""

import hashlib
import json
import lzma
import os
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent / "files"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"

# (task file, numbers of shots). What comes before None needs no shared data.
MADE_UP = [
    ("random_shots", [0, 1, 5, 7]),
    ("own_split", [0, 2, 6]),
    ("train_spare", [0, 3]),
    ("printed", [0, 2]),
    ("prefixed", [0, 2]),
    ("letters", [0, 1]),
    ("several", [0]),
    ("mutual", [0, 4]),
    ("wikitext", [0]),
    ("truthfulqa_mc2", [0]),
    ("race", [0, 1]),
]
FROM_DATA = [("piqa", [0, 3]), ("hellaswag", [0, 2]), ("winogrande", [0, 5]), ("boolq", [0, 2])]


def words():
    """Questions with everything that tends to go wrong: quotes, spaces, other scripts, numbers of every kind."""
    rng = random.Random(7)
    tricky = ["it's", 'say "no"', "tab\there", "Zürich", "naïve ", " lead", "数", "back\\slash", "new\nline", "a'b\"c", "ß", "zero\u200bwidth"]
    rows = []
    for i in range(60):
        options = rng.sample(tricky, 3) + [f"word{i}"]
        answer = rng.choice(options)
        right = [position for position in range(4) if position % 2 == i % 2]
        rows.append({
            "choices": [option.strip() for option in options], "topic": rng.choice(["sea", "sky", "it's"]), "question": f" What is {rng.choice(tricky)} number {i}? ",
            "options": options, "answer": answer, "number": i, "score": i / 8 if i % 7 else 1e-7 * (i + 1), "seen": i % 3 == 0,
            "nothing": None, "right": right,
        })
    return rows


def made_up_data():
    rows = words()
    yield "words", rows[:30]
    yield "words_train", rows[30:] + rows[:3]
    page = " = Head = \n The s ' dog 's ( small ) cost 1 @,@ 000 @.@ 5 , well @-@ known ; \" quoted \" and ' so ' [ x ] { y } 20 ° C N \n = = Two = = \n End . \n"
    yield "wikitext", [{"page": page}, {"page": "plain\x1ctext\u00a0here"}, {"page": "ends ( open \" only ' one"}]
    yield "truthfulqa", [
        {"question": "Is water wet?", "mc2_targets": {"choices": ["Yes", "Of course", "No"], "labels": [1, 1, 0]}},
        {"question": "Are cats \"dogs\"?", "mc2_targets": {"choices": ["They're not", "Yes", "Both"], "labels": [1, 0, 0]}},
    ]
    problem = lambda q, a, *o: {"question": q, "answer": a, "options": list(o)}
    yield "race", [
        {"article": "A tale.\nOf two.", "problems": str([
            problem("The tale is  _  .", "B", "long", "short", "sad", "new"), problem("Who's there?", "A", "x", "y", "z", "w"),
            problem("How many  _  are there", "D", "1", "2", "3", "4")])},
        {"article": "Other", "problems": str([problem("It says  _  .", "C", "a", "b's", "c", "d")])},
        {"article": "Third", "problems": str([problem("Why?", "A", "a", "b", "c", "d"), problem("\"How\"?", "B", "a", "b", "c", "d")])},
    ]


def shared_data():
    def rows(name):
        with lzma.open(SHARED / name, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    labels = (SHARED / "eval_piqa/valid-labels.lst").read_text().split()
    piqa = [{**row, "label": int(label)} for row, label in zip(rows("eval_piqa/valid.jsonl.xz"), labels, strict=True)]
    yield "piqa", piqa[:200]
    yield "hellaswag", rows("eval_hellaswag/hellaswag_val.jsonl.xz")[:200]
    yield "winogrande", rows("eval_winogrande/dev.jsonl.xz")[:200]
    yield "boolq", rows("eval_boolq/dev.jsonl.xz")[:100]


def made_up_answer(document, index):
    """Any numbers, the same in the test: a log-probability of a continuation and whether it is greedy."""
    digest = hashlib.sha256(f"{document}/{index}".encode()).digest()
    return -(digest[0] * 256 + digest[1]) / 1024 - 0.25, digest[2] % 3 == 0


def watch_shots(task):
    """The documents that the harness gives themselves as a shot, filled in while it builds requests."""
    own, document = set(), [-1, None]
    context, sample = task.fewshot_context, task.sampler.sample

    def watched_context(doc, **options):
        document[:] = [document[0] + 1, doc]
        return context(doc, **options)

    def watched_sample(*args, **options):
        shots = sample(*args, **options)
        if document[1] in list(shots):
            own.add(document[0])
        return shots

    task.fewshot_context, task.sampler.sample = watched_context, watched_sample
    return own


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    tasks = list(MADE_UP)
    data = dict(made_up_data())
    if SHARED.is_dir():
        tasks += FROM_DATA
        data |= dict(shared_data())
    for name, rows in data.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    os.chdir(folder)

    os.environ["HF_DATASETS_OFFLINE"] = "1"
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._yaml_loader import load_yaml

    made_up = {name for name, _ in MADE_UP}
    with open("expected.jsonl", "w", encoding="utf-8") as out:
        for name, counts in tasks:
            for shots in counts:
                task = ConfigurableTask(config=load_yaml(HERE / f"{name}.yaml"))
                task.set_config("num_fewshot", shots)
                task.set_fewshot_seed(seed=1234)
                limit = 30 if name == "letters" else 6 if name in made_up else 200
                own = watch_shots(task)
                task.build_all_requests(limit=limit, rank=0, world_size=1)
                documents, measured = {}, []
                for instance in task.instances:
                    documents.setdefault(instance.doc_id, []).append(instance)
                if task.OUTPUT_TYPE == "generate_until":
                    for instance in task.instances:
                        answer = instance.doc["answer"]
                        instance.resps = [f"Well, the answer is {answer}." if instance.doc_id % 2 else answer.upper()]
                    task.apply_filters()
                for document, instances in documents.items():
                    instances.sort(key=lambda instance: instance.idx)
                    requests = [[a for a in i.args if isinstance(a, str)] for i in instances]
                    if task.OUTPUT_TYPE == "generate_until":
                        values = {f"{metric},{filter}": value for filter in instances[0].filtered_resps
                                  for metric, value in task.process_results(instances[0].doc, [instances[0].filtered_resps[filter]]).items()}
                    else:
                        results = [made_up_answer(document, i) for i in range(len(instances))]
                        if task.OUTPUT_TYPE == "loglikelihood_rolling":
                            results = [result[0] for result in results]
                        values = {f"{metric},none": value for metric, value in task.process_results(instances[0].doc, results).items()}
                    measured.append(values)
                    line = {"task": name, "shots": shots, "limit": limit, "document": document, "requests": requests}
                    if document in own:
                        line["own_shot"] = True
                    if name not in made_up:
                        line["requests"] = hashlib.sha256("\0".join(sum(requests, [])).encode()).hexdigest()
                    out.write(json.dumps(line, ensure_ascii=False) + "\n")
                metrics = {}
                for key in measured[0]:
                    aggregation = task.aggregation()[key.split(",")[0]]
                    try:
                        metrics[key] = float(aggregation([values[key] for values in measured]))
                    except ImportError as error:
                        print(f"{name} {key}: {error}", file=sys.stderr)
                out.write(json.dumps({"task": name, "shots": shots, "metrics": metrics}) + "\n")


main()
