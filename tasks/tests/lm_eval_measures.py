"""What filters and aggregations of lm-evaluation-harness 0.4.13 make of made-up answers, as a test's expected values.

    pip install lm_eval==0.4.13 scikit-learn
    python tasks/tests/lm_eval_measures.py > tasks/tests/files/measures.jsonl

`cargo test -p tasks --test measures` compares. Each line is a list of filters with answers to one document and what is left of
them, or an aggregation with documents' values and their number.
"""

import json
import random

import lm_eval.api.metrics as metrics
from lm_eval.filters import build_filter_ensemble
from lm_eval.api.instance import Instance

PATTERNS = [
    r"(?<=answer is )\w+", r"(?<![\d.])\d+(?![\d.])", r"(?i)(?:answer|result)(?: is|:)\s*\(?([A-D])\)?", r"\b(\w+) \1\b", r"(\d+)$",
    r"\\boxed{(.*?)}", r"^[^[]+", r"x{2,3}", r"x{,2}y", r"(?P<sign>[-+]?)(?P<digits>\d+)", r"[&&~~]+", r"(yes|no)\Z", r"a(?=b)|c(?!d)",
    r"(?m)^(\w+)$", r"(?s)<b>(.*)</b>", r"{\s*(\d+)\s*}", r"([[\]])", r"(?:^|\n)([A-E])\.?\s*$", r"[^\w\s]+", r"(?<=\$)\d+(?:\.\d\d)?",
]
TEXTS = [
    "The answer is blue.", "the the cat sat", "It costs $12.50, not $3.\n", "Answer: (B)", "result is c", "\\boxed{42} and \\boxed{7}", "[a] & b && c ~~",
    "xxxxy xy y", "+12 -7 8", "yes", "no\n", "ab cd ce ac", "one\ntwo\n", "<b>bold\nmore</b>", "{ 17 } {x}", "D", "so\nE.", "…ünï 3.14 & 15", "",
]


def filtered(filters, answers, document):
    components = [(f["function"], {k: v for k, v in f.items() if k != "function"} or None) for f in filters]
    instance = Instance(request_type="generate_until", doc=document, arguments=("", {}), idx=0, metadata=("t", 0, len(answers)))
    instance.resps = list(answers)
    build_filter_ensemble("f", components).apply([instance])
    left = instance.filtered_resps["f"]
    return left if isinstance(left, str) else list(left)[0]


def filter_cases():
    rng = random.Random(3)
    first = {"function": "take_first"}
    for pattern in PATTERNS:
        for text in TEXTS:
            for select in (0, -1):
                yield [{"function": "regex", "regex_pattern": pattern, "group_select": select}, first], [text], {}
    for _ in range(40):
        answers = [rng.choice(["A", "B", "b ", " C", "a", "none"]) for _ in range(rng.randrange(1, 9))]
        k = rng.randrange(1, len(answers) + 1)
        yield [{"function": "majority_vote"}, first], answers, {}
        yield [{"function": "take_first_k", "k": k}, {"function": "remove_whitespace"}, {"function": "uppercase"}, {"function": "majority_vote"}, first], answers, {}
        yield [{"function": "lowercase"}, {"function": "map", "mapping_dict": {"a": "first", "b": "second"}, "default_value": "other"}, first], answers, {}
    document = {"choices": ["Guilty", "Guilty of Romance", "not at all"]}
    for text in ["(B)", "It is guilty of romance.", "guilty!", "answer: C", "nothing", "Not at all"]:
        yield [{"function": "multi_choice_regex", "regex_pattern": r"(\([A-C]\))", "ignore_case": True}, first], [text], document


def aggregation_cases():
    rng = random.Random(5)
    numbers = [rng.uniform(-9, -0.1) for _ in range(37)]
    for name in ["mean", "median", "nanmean", "perplexity"]:
        yield name, numbers
        yield name, numbers[:6]
    weighted = [(rng.uniform(-90, -1), rng.randrange(1, 40)) for _ in range(23)]
    for name in ["weighted_perplexity", "bits_per_byte"]:
        yield name, weighted
    for count in (1, 5, 60):
        two = [(rng.randrange(2), int(rng.random() < 0.7)) for _ in range(count)]
        yield "f1", two
        yield "matthews_corrcoef", two
    yield "f1", [(1, 0), (0, 1)]
    yield "matthews_corrcoef", [(rng.randrange(4), rng.randrange(4)) for _ in range(50)]
    for classes in (2, 5):
        rows = []
        for _ in range(31):
            weights = [rng.random() for _ in range(classes)]
            rows.append((rng.randrange(classes), [weight / sum(weights) for weight in weights]))
        yield "brier_score", rows


FUNCTIONS = {"mean": metrics.mean, "median": metrics.median, "nanmean": metrics.nanmean, "perplexity": metrics.perplexity,
             "weighted_perplexity": metrics.weighted_perplexity, "bits_per_byte": metrics.bits_per_byte, "f1": metrics.f1_score,
             "matthews_corrcoef": metrics.matthews_corrcoef, "brier_score": metrics.brier_score}


def main():
    for filters, answers, document in filter_cases():
        try:
            left = filtered(filters, answers, document)
        except IndexError:
            continue
        print(json.dumps({"filters": filters, "answers": answers, "document": document, "left": left}, ensure_ascii=False))
    for name, values in aggregation_cases():
        print(json.dumps({"aggregation": name, "values": values, "number": float(FUNCTIONS[name](values))}))


main()
