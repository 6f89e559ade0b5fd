"""Statistics of documents as the public programs' own code gives them, and which of their filters drops each.

    python3 peers.py CHECKOUTS < rules.jsonl > peers.jsonl

CHECKOUTS is a folder with checkouts (or the files named below alone) of allenai/dolma as `dolma`, mlfoundations/dclm as `dclm`,
togethercomputer/RedPajama-Data as `rpv2` and NVIDIA-NeMo/Curator as `curator`. From PyPI: datatrove, spacy, nltk 3.8.1, numpy, regex,
loguru, uniseg, msgspec, fasttext-wheel. Reads lines with `id` and `text`, writes a line for each and each program, with its statistics
under the names that gopher data explain has for them. Where a program raises an error, there is its name.
"""

import importlib
import json
import re
import sys
import types

checkouts = sys.argv[1]


def stub(name, **content):
    module = types.ModuleType(name)
    module.__dict__.update(content)
    sys.modules[name] = module
    return module


def guarded(function):
    try:
        return function()
    except Exception as error:  # their bug is a result
        return type(error).__name__


# datatrove, with words between whitespace.
quality = importlib.import_module("datatrove.pipeline.filters.gopher_quality_filter")
repetition = importlib.import_module("datatrove.pipeline.filters.gopher_repetition_filter")
from datatrove.data import Document  # noqa: E402

quality.split_into_words = repetition.split_into_words = lambda text, language: text.split()
REASONS = {
    "gopher_short_doc": "min_words", "gopher_long_doc": "max_words", "gopher_below_avg_threshold": "min_word_length",
    "gopher_above_avg_threshold": "max_word_length", "gopher_too_many_hashes": "hashes",
    "gopher_too_many_ellipsis": "ellipses", "gopher_too_many_bullets": "bullet_lines",
    "gopher_too_many_end_ellipsis": "ellipsis_lines", "gopher_below_alpha_threshold": "alphabetic_words",
    "gopher_enough_stop_words": "stop_words", "dup_para_frac": "duplicate_paragraphs",
    "dup_para_char_frac": "duplicate_paragraph_characters", "dup_line_frac": "duplicate_lines",
    "dup_line_char_frac": "duplicate_line_characters",
    **{f"top_{n}_gram": f"top_{n}_gram" for n in (2, 3, 4)},
    **{f"duplicated_{n}_n_grams": f"duplicate_{n}_gram" for n in range(5, 11)},
}


def datatrove(text):
    statistics = {}
    words = text.split()
    for n in (2, 3, 4):
        grams = repetition.get_n_grams(words, n)
        if grams:
            statistics[f"top_{n}_gram_char_frac"] = repetition.find_top_duplicate(grams) / len(text)
    for n in range(5, 11):
        statistics[f"dup_{n}_gram_char_frac"] = repetition.find_all_duplicate(words, n) / max(len(text), 1)
    document = Document(text=text, id="")
    for one in (quality.GopherQualityFilter(), repetition.GopherRepetitionFilter()):
        result = guarded(lambda: one.filter(document))
        if isinstance(result, str):
            return statistics, result
        if isinstance(result, tuple):
            return statistics, REASONS[result[1]]
    return statistics, None


# dolma: one file, without the package around it.
class Anything:
    def __init__(self, *a, **k):
        pass

    @staticmethod
    def add(name):
        return lambda cls: cls


source = open(f"{checkouts}/dolma/python/dolma/taggers/gopher.py").read()
source = re.sub(r"^from \.\.core.*$", "", source, flags=re.M)
dolma_module = stub("dolma_gopher", DocResult=Anything, Document=Anything, Span=Anything, TaggerRegistry=Anything,
                    BaseTagger=Anything)
exec(compile(source, "gopher.py", "exec"), dolma_module.__dict__)


def dolma(text):
    found = dict(dolma_module.get_attributes(text).__dict__)
    for name, short in (("fraction_of_characters_in_most_common_ngram", "most_common_ngram_char_frac"),
                        ("fraction_of_characters_in_duplicate_ngrams", "duplicate_ngram_char_frac")):
        found.update({f"{short}.{n}": value for n, value in found.pop(name)})
    return found, ...


# DCLM: the filters' file; what it imports of the rest is a decorator and a name.
stub("core")
stub("core.factory_utils", factory_function=lambda function: function)
stub("core.constants", CONTENT="text")
stub("transformers", AutoTokenizer=None)
stub("unidecode", unidecode=None)
sys.path.insert(0, f"{checkouts}/dclm")
core_utils = importlib.import_module("baselines.mappers.core_utils")
dclm_module = importlib.import_module("baselines.mappers.filters.content_filters")


def dclm(text):
    page = {"text": text}
    steps = [
        ("min_words", lambda m: m.page_length_filter(page, "word", min_length=50, ignore_punctuation=True)),
        ("max_words", lambda m: m.page_length_filter(page, "word", max_length=100000, ignore_punctuation=True)),
        ("min_word_length", lambda m: m.word_length_filter(page, min_length=3)),
        ("max_word_length", lambda m: m.word_length_filter(page, max_length=10)),
        ("symbols", lambda m: m.symbol_ratio_filter(page, max_symbol_to_word_ratio=0.1)),
        ("bullet_lines", lambda m: m.bullet_count_filter(page, max_bullet_start_ratio=0.9)),
        ("ellipsis_lines", lambda m: m.ellipsis_count_filter(page, max_ellipsis_end_ratio=0.3)),
        ("alphabetic_words", lambda m: m.alphabetic_word_ratio_filter(page, max_ratio=0.2)),
        ("stop_words", lambda m: m.stop_word_filter(page, count_unique=False, min_stop_word=2)),
        ("duplicate_lines", lambda m: m.repetition_filter(page, "line", 0.3, count_characters=False)),
        ("duplicate_paragraphs", lambda m: m.repetition_filter(page, "paragraph", 0.3, count_characters=False)),
        ("duplicate_line_characters", lambda m: m.repetition_filter(page, "line", 0.2)),
        ("duplicate_paragraph_characters", lambda m: m.repetition_filter(page, "paragraph", 0.2)),
        *((f"top_{n}_gram", lambda m, n=n, t=t: m.repetition_filter(page, n, t))
          for n, t in ((2, 0.2), (3, 0.18), (4, 0.16))),
        *((f"duplicate_{n}_gram", lambda m, n=n: m.repetition_filter(page, n, (20 - n) / 100)) for n in range(5, 11)),
    ]
    statistics = {"n_words": len(core_utils.split_words(text, ignore_punctuation=True))}
    dropped = next((rule for rule, step in steps if not step(dclm_module)), None)
    return statistics, dropped


# RedPajama-v2: its signals, imported as its own program does.
sys.path.insert(0, f"{checkouts}/rpv2/app/src")
for name in [name for name in sys.modules if name == "core" or name.startswith("core.")]:
    del sys.modules[name]
rp_document = importlib.import_module("core.document")
rp_repetitions = importlib.import_module("core.quality_signals.repetitions")
rp_language = importlib.import_module("core.quality_signals.natural_language")
rp_lines = importlib.import_module("core.quality_signals.lines")


def rpv2(text):
    document = rp_document.Document(text, domain=None)
    bullets = [score for *_, score in rp_lines.RPS_Lines_Start_With_Bulletpoint()(document)]
    signals = {
        "n_words": rp_language.RPS_Doc_Word_Count, "mean_word_length": rp_language.RPS_Doc_Mean_Word_Length,
        "symbol_per_word": rp_language.RPS_Doc_Symbol_To_Word_Ratio,
        "ellipsis_line_fraction": rp_language.RPS_Doc_Frac_Lines_End_With_Ellipsis,
        "non_alpha_word_fraction": rp_language.RPS_Doc_Frac_No_Alph_Words,
        **{f"top_{n}_gram_char_frac": getattr(rp_repetitions, f"RPS_Doc_Frac_Chars_Top_{n}gram") for n in (2, 3, 4)},
        **{f"dup_{n}_gram_char_frac": getattr(rp_repetitions, f"RPS_Doc_Frac_Chars_Dupe_{n}Grams") for n in range(5, 11)},
    }
    statistics = {name: signal()(document)[0][2] for name, signal in signals.items()}
    statistics["bullet_line_fraction"] = sum(bullets) / len(bullets) if bullets and bullets[0] is not None else None
    return statistics, ...


# NeMo Curator: the heuristic filters' files.
for package in ("nemo_curator", "nemo_curator.stages", "nemo_curator.stages.text", "nemo_curator.stages.text.filters",
                "nemo_curator.stages.text.utils", "nemo_curator.stages.text.filters.heuristic",
                "nemo_curator.stages.text.filters.heuristic.repetition"):
    stub(package).__path__ = [f"{checkouts}/curator/{package.replace('.', '/')}"]
heuristic = "nemo_curator.stages.text.filters.heuristic"
strings = importlib.import_module(f"{heuristic}.string")
repeats = importlib.import_module(f"{heuristic}.repetition.repetition")


def curator(text):
    filters = [
        ("symbols", "symbol_to_word", strings.SymbolsToWordsFilter(0.1)),
        ("duplicate_lines", "repeated_lines", repeats.RepeatedLinesFilter(0.7)),
        ("duplicate_paragraphs", "repeated_paragraphs", repeats.RepeatedParagraphsFilter(0.7)),
        ("duplicate_line_characters", "repeated_lines_char", repeats.RepeatedLinesByCharFilter(0.8)),
        ("duplicate_paragraph_characters", "repeated_paragraphs_char", repeats.RepeatedParagraphsByCharFilter(0.8)),
        ("words", "word_count", strings.WordCountFilter(50, 100000)),
        ("alphabetic_words", "words_without_alphabets", strings.WordsWithoutAlphabetsFilter(0.8)),
        ("stop_words", "common_english_words", strings.CommonEnglishWordsFilter(2, True)),
        ("word_length", "mean_word_length", strings.MeanWordLengthFilter(3, 10)),
        ("ellipsis_lines", "ellipsis", strings.EllipsisFilter(0.3)),
        *((f"top_{n}_gram", f"top_{n}_gram_char_frac", repeats.RepeatingTopNGramsFilter(n, t))
          for n, t in ((2, 0.2), (3, 0.18), (4, 0.16))),
        *((f"duplicate_{n}_gram", f"dup_{n}_gram_char_frac", repeats.RepeatingDuplicateNGramsFilter(n, (20 - n) / 100))
          for n in range(5, 11)),
        ("bullet_lines", "bullet_ratio", strings.BulletsFilter(0.9)),
    ]
    statistics, dropped = {}, None
    for rule, name, one in filters:
        for cache in ("_sentences", "_paragraphs", "_ngrams"):
            setattr(one, cache, None)
        score = guarded(lambda: one.score_document(text))
        if isinstance(score, str):
            return statistics, score
        statistics[name] = score
        if dropped is None and not one.keep_document(score):
            dropped = rule
            if rule == "words":
                dropped = "min_words" if score < 50 else "max_words"
            if rule == "word_length":
                dropped = "min_word_length" if score < 3 else "max_word_length"
    # Of n-grams that are equally frequent its top one is by chance of the hash seed: no number to agree with.
    words = text.split()
    for n in (2, 3, 4):
        counts = {}
        for gram in zip(*[words[i:] for i in range(n)]):
            counts[gram] = counts.get(gram, 0) + 1
        most = max(counts.values(), default=0)
        if sum(count == most for count in counts.values()) > 1:
            statistics.pop(f"top_{n}_gram_char_frac", None)
            if dropped is None or dropped is ... or "gram" in dropped or dropped == "bullet_lines":
                dropped = ...
    return statistics, dropped


PROGRAMS = {"datatrove-ws": datatrove, "dolma": dolma, "dclm": dclm, "rpv2": rpv2, "curator": curator}

for line in sys.stdin:
    row = json.loads(line)
    for name, program in PROGRAMS.items():
        statistics, dropped = program(row["text"])
        result = dict(id=row["id"], rules=name, statistics=statistics)
        if dropped is not ...:  # has thresholds of its own
            result["dropped_by"] = dropped
        print(json.dumps(result, ensure_ascii=False))
