"""Real texts for measurements of the data pipeline, and documents made of them; the same for the same seed.

The texts are in ../shared/data beside the project (each folder with its SOURCE.txt): novels, passages of Wikipedia, other web text, and
Genesis in five other languages. Used by dedup.py and scale.py.
"""

import glob
import gzip
import json
import lzma
import os
import re
import zipfile

SHARED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "shared", "data")


def english(shared=SHARED):
    """Texts in English, one after another."""
    for path in sorted(glob.glob(os.path.join(shared, "lm_books_english_novels", "*.txt.xz"))):
        with lzma.open(path, "rt", encoding="utf-8-sig") as file:
            yield file.read()
    for path in [os.path.join(shared, "lm_wikipedia_passages", "passages.jsonl.xz")] + sorted(
        glob.glob(os.path.join(shared, "lm_squad_shifts_contexts", "*.jsonl.xz"))
    ):
        with lzma.open(path, "rt", encoding="utf-8") as file:
            yield from (json.loads(line)["text"] for line in file)
    for path in sorted(glob.glob(os.path.join(shared, "lm_web_samples", "*.gz"))):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from (json.loads(line)["text"] for line in file)


def foreign(shared=SHARED):
    """Texts in Finnish, French, German, Portuguese and Swedish."""
    with zipfile.ZipFile(os.path.join(shared, "lm_nltk", "genesis.zip")) as archive:
        for name in ["finnish", "french", "german", "portuguese", "swedish"]:
            yield archive.read(f"genesis/{name}.txt").decode("latin-1")


def paragraphs(texts):
    """The paragraphs of texts, with lines joined."""
    for text in texts:
        for paragraph in re.split(r"\n\s*\n", text):
            words = paragraph.split()
            if words:
                yield words


def passages(texts, numbers, least, most):
    """Consecutive paragraphs of texts, until there are from `least` to `most` words; how many, `numbers` decides. Lists of paragraphs."""
    passage, length, wanted = [], 0, numbers.randint(least, most)
    for words in paragraphs(texts):
        for begin in range(0, len(words), most):
            part = words[begin : begin + most]
            passage.append(part)
            length += len(part)
            if length >= wanted:
                yield passage
                passage, length, wanted = [], 0, numbers.randint(least, most)


def edited(words, edits, numbers):
    """Words with so many of them exchanged for others of the same text, left out, or doubled."""
    words = list(words)
    for _ in range(edits):
        place = numbers.randrange(len(words))
        kind = numbers.randrange(3)
        if kind == 0:
            words[place] = numbers.choice(words)
        elif kind == 1 and len(words) > 1:
            del words[place]
        else:
            words.insert(place, words[place])
    return words
