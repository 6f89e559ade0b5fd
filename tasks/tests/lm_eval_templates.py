"""Every template of lm-evaluation-harness's own task files, rendered by Jinja2 with guessed documents.

    pip install lm_eval==0.4.13
    python tasks/tests/lm_eval_templates.py > FILE
    LM_EVAL_TEMPLATES=FILE cargo test -p tasks --test stock -- --nocapture

A line has a template `t`, a document `d` and what it renders to, `o`. Documents are guessed until up to six render.
"""

import json
import random
import sys
from pathlib import Path

import lm_eval.tasks
import yaml
from jinja2 import meta
from lm_eval.utils import apply_template, env

TEXTS = ["it's a test", " Lead and trail. ", 'say "no"', "B", "naïve Straße", "a\nb", "1", "2", "word", "yes", "A) x", "Ünï",
         "false", "choice, two; three", "the _ blank", "x.y?z"]
LISTS = ["text", "label", "choices", "labels", "answer", "value", "spans"]
FIELDS = ["A", "B", "C", "D", "E", "text", "label", "en", "1", "2", "3", "4", "id", "answer", "stem", "value", "aliases"]


class Loader(yaml.CSafeLoader):
    pass


Loader.add_constructor("!function", lambda loader, node: None)


def templates():
    found = set()
    for path in Path(lm_eval.tasks.__file__).parent.rglob("*"):
        if not path.is_file() or not path.name.endswith((".yaml", ".yml", "_yaml")):
            continue
        try:
            task = yaml.load(path.read_bytes(), Loader=Loader)
        except yaml.YAMLError:
            continue
        for keys in (task, task.get("fewshot_config")) if isinstance(task, dict) else ():
            for key in ("doc_to_text", "doc_to_target", "doc_to_choice", "description", "gen_prefix"):
                value = (keys or {}).get(key)
                if isinstance(value, str) and "{" in value:
                    found.add(value)
    return sorted(found)


def guess(rng, simple):
    kinds = [
        lambda: rng.choice(TEXTS),
        lambda: rng.randrange(4),
        lambda: [rng.choice(TEXTS) for _ in range(5)],
        lambda: {key: [rng.choice(TEXTS) for _ in range(4)] for key in LISTS},
        lambda: {key: rng.choice(TEXTS) for key in FIELDS},
        lambda: rng.random() < 0.5,
        lambda: rng.random() * 10,
        lambda: [{key: rng.choice(TEXTS) for key in ("question", "answer", "text", "role", "content")} for _ in range(3)],
        lambda: [rng.randrange(3) for _ in range(4)],
    ]
    return kinds[0]() if simple else rng.choice(kinds[:1] * 3 + kinds)()


def main():
    rng = random.Random(3)
    rendered = 0
    sources = templates()
    for source in sources:
        names = sorted(meta.find_undeclared_variables(env.parse(source)))
        count = 0
        for attempt in range(400):
            document = {name: guess(rng, attempt < 3) for name in names}
            try:
                text = apply_template(source, document)
            except Exception:  # whatever a wrong guess leads to
                continue
            print(json.dumps({"t": source, "d": document, "o": text}))
            count += 1
            if count == 6:
                break
        rendered += count > 0
    print(f"{rendered} of {len(sources)} templates rendered", file=sys.stderr)


main()
