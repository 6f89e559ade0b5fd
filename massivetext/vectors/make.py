"""Writes rules.jsonl: documents at every threshold of the paper's rules, with what is expected and why.

    python3 make.py > rules.jsonl

Every document is built so that the statistic can be counted by hand: words are made of a counter, so that none occurs twice
unless it is meant to, and have four letters unless it is meant otherwise. `expected` is a fraction of whole numbers, counted
on paper, and never computed by a program that measures text.
"""

import itertools
import json

FILL = ["the", "and"]  # stop words, once each, where a document is meant to pass that rule


def words(n, prefix="", length=4):
    """n different words of `length` letters."""
    letters = "bcdfghjklm"
    for number in range(n):
        word = prefix + "".join(letters[int(digit)] for digit in f"{number:0{length - len(prefix)}d}")
        yield word[:length]


def lines(all_words, per=8):
    all_words = list(all_words)
    return "\n".join(" ".join(all_words[i : i + per]) for i in range(0, len(all_words), per))


def vector(rule, position, text, statistic, expected, dropped, derivation, **more):
    numerator, denominator = expected
    row = dict(id=f"{rule}/{position}", rule=rule, position=position, statistic=statistic, numerator=numerator,
               denominator=denominator, dropped=dropped, derivation=derivation, text=text, **more)
    print(json.dumps(row, ensure_ascii=False))


def three(rule, statistic, at, make, drops="above"):
    """Just below, at and just above a threshold; `make(k)` gives (text, numerator, denominator, derivation)."""
    for position, k in (("below", at - 1), ("at", at), ("above", at + 1)):
        text, numerator, denominator, derivation = make(k)
        vector(rule, position, text, statistic, (numerator, denominator), position == drops, derivation)


def number_of_words(n):
    others = words(n - 2) if n < 100 else ["a"] * (n - 2)
    return lines(itertools.chain(FILL, others)), n, 1, f"2 stop words and {n - 2} others: {n} words"


three("min_words", "n_words", 50, number_of_words, "below")
three("max_words", "n_words", 100_000, number_of_words)


def mean_length(letters):
    def make(k):
        # 100 words of `letters` characters, the last one shorter or longer.
        total = 100 * letters + k
        all_words = list(words(100, length=letters)) if letters > 3 else [
            a + b + c for a, b, c in itertools.product("bcdfg", "hjklm", "npqr")]
        all_words[-1] = "z" * (letters + k)
        return lines(all_words), total, 100, f"99 words of {letters} characters and one of {letters + k}: {total} / 100"
    return make


three("min_word_length", "mean_word_length", 0, mean_length(3), "below")
three("max_word_length", "mean_word_length", 0, mean_length(10))


def symbols(symbol):
    def make(k):
        all_words = list(itertools.chain(FILL, words(98)))
        for i in range(k):
            all_words[2 + i] += symbol
        return lines(all_words), k, 100, f"{k} words of 100 end with {symbol}: {k} / 100"
    return make


three("hashes", "hash_per_word", 10, symbols("#"))
three("ellipses", "ellipsis_per_word", 10, symbols("…"))
text, *_ = symbols("...")(11)
vector("ellipses", "three dots", text, "ellipsis_per_word", (11, 100), True, "three full stops are an ellipsis: 11 / 100")
all_words = list(itertools.chain(FILL, words(98)))
text = lines(w + "#" * (2 <= i < 8) + "…" * (8 <= i < 14) for i, w in enumerate(all_words))
vector("hashes", "not pooled", text, "hash_per_word", (6, 100), False,
       "6 words with # and 6 with … of 100: each ratio is 0.06 on its own, and only both together are above 0.1")


def line_rule(mark):
    def make(k):
        all_lines = [" ".join(itertools.islice(source, 3)) for source in [itertools.chain(words(300))] for _ in range(100)]
        all_lines[0] = "the and " + all_lines[0]
        marked = [mark(line) if i < k else line for i, line in enumerate(all_lines)]
        return "\n".join(marked), k, 100, f"{k} of 100 lines: {mark('…')!r}"
    return make


three("bullet_lines", "bullet_line_fraction", 90, line_rule(lambda line: "• " + line))
three("ellipsis_lines", "ellipsis_line_fraction", 30, line_rule(lambda line: line + "…"))
text, *_ = line_rule(lambda line: "   - " + line)(91)
vector("bullet_lines", "indented hyphen", text, "bullet_line_fraction", (91, 100), True,
       "whitespace at the ends of a line is no part of it, and - is a bullet: 91 / 100")
text, *_ = line_rule(lambda line: line + "...\r")(31)
vector("ellipsis_lines", "three dots and a carriage return", text, "ellipsis_line_fraction", (31, 100), True,
       "three full stops are an ellipsis, and the carriage return is whitespace at the end of the line: 31 / 100")
text, *_ = line_rule(lambda line: line + "…\n\n\n")(30)
vector("ellipsis_lines", "blank lines", text, "ellipsis_line_fraction", (30, 100), False,
       "blank lines are no lines: still 30 / 100")


def alphabetic(k):
    all_words = list(itertools.chain(FILL, words(k - 2), (f"{i:04d}" for i in range(100 - k))))
    return lines(all_words), k, 100, f"{k} of 100 words have a letter, the others are digits"


three("alphabetic_words", "alpha_word_fraction", 80, alphabetic, "below")
all_words = list(itertools.chain(FILL, words(77), ["é"], (f"{i:04d}" for i in range(20))))
vector("alphabetic_words", "accent", lines(all_words), "alpha_word_fraction", (80, 100), False, "é is a letter: 80 / 100")


def stop_words(k):
    return lines(itertools.chain(["the", "to", "with"][:k], words(100 - k))), k, 1, f"{k} of the eight words"


three("stop_words", "distinct_stop_words", 2, stop_words, "below")
vector("stop_words", "one of them often", lines(itertools.chain(["the"] * 9, words(91))), "distinct_stop_words", (1, 1), True,
       "nine times the same word is one of them")
vector("stop_words", "capitals and commas", lines(itertools.chain(["The,", "(of)"], words(98))), "distinct_stop_words", (2, 1),
       False, "case and punctuation at a word's ends do not count")


def copies(separator, extra, what):
    def make(k):
        # 100 parts, of which k are the same.
        source = words(600)
        parts = [" ".join(itertools.islice(source, 5)) for _ in range(100)]
        parts[0] = "the and " + parts[0]
        for i in range(k):
            parts[99 - i] = "zz" * extra
        return separator.join(parts), k, 100, f"{k} of 100 {what} are the same, every occurrence counts"
    return make


three("duplicate_lines", "dup_line_frac", 30, copies("\n", 1, "lines"))
three("duplicate_paragraphs", "dup_para_frac", 30, copies("\n\n", 1, "paragraphs"))
text, *_ = copies("\n\n\n \n", 1, "paragraphs")(30)
vector("duplicate_lines", "blank lines", text, "dup_line_frac", (30, 100), False,
       "blank lines are no lines, so none of them is a duplicate: 30 / 100")
text, *_ = copies("\n \t\n", 1, "paragraphs")(31)
vector("duplicate_paragraphs", "whitespace between", text, "dup_para_frac", (31, 100), True,
       "a line of whitespace alone is blank and separates paragraphs: 31 / 100")


def character_copies(separator, what):
    def make(k):
        # Two copies of k/2 characters each (k even or odd by one word more), 1,000 characters in all.
        one = 100 + k  # characters of a copy
        rest = 1000 - 2 * one
        stops = "the and"  # 6 characters
        fill = rest - 6
        body = list(words(fill // 4)) if fill % 4 == 0 else list(words(fill // 4 - 1)) + ["q" * (4 + fill % 4)]
        parts = [stops, *(" ".join(body[i : i + 2]) for i in range(0, len(body), 2))]
        copy = "z" * one
        return separator.join([copy, *parts, copy]), 2 * one, 1000, (
            f"a {what} of {one} characters occurs twice in 1000 characters inside words: {2 * one} / 1000")
    return make


three("duplicate_line_characters", "dup_line_char_frac", 0, character_copies("\n", "line"))
three("duplicate_paragraph_characters", "dup_para_char_frac", 0, character_copies("\n\n", "paragraph"))


for n, times, all_characters in ((2, 10, 100), (3, 12, 200), (4, 12, 300)):
    # An n-gram of one-letter words with other words between: 20 / 100, 36 / 200, 48 / 300, and one character more or less.
    def make(k, n=n, times=times, total=all_characters):
        covered = n * times
        total -= k
        between = total - covered - 6
        gram = " ".join("vwxy"[:n])
        fill = list(words(between // 4 - 1)) + ["q" * (4 + between % 4)]
        # As many parts as there are gaps, so that no two n-grams touch.
        parts = ["the", *fill, "and"]
        assert len(parts) >= times, (n, len(parts))
        step = len(parts) // times
        out = []
        for i in range(times):
            out += [gram, *parts[i * step : (i + 1) * step if i < times - 1 else None]]
        return lines(" ".join(out).split()), covered, total, (
            f"{n} words of one character, {times} times, of {total} characters inside words: {covered} / {total}")

    three(f"top_{n}_gram", f"top_{n}_gram_char_frac", 0, make)

vector("top_2_gram", "overlaps", lines(itertools.chain(["hmm"] * 8, FILL, words(50))), "top_2_gram_char_frac", (24, 230), False,
       "hmm hmm occurs 7 times in 8 words; no character counts twice: 8 * 3 = 24 of 24 + 6 + 50 * 4 = 230")
vector("top_2_gram", "once", lines(itertools.chain(["z" * 80, "y" * 80], FILL, words(50))), "top_2_gram_char_frac", (0, 366), False,
       "no pair of words occurs twice, so none is frequent, however long: 0 of 160 + 6 + 200")
vector("top_2_gram", "a tie", lines(["v", "w", *words(10), "v", "w", "vvvv", "wwww", "the", "vvvv", "wwww", "and"]),
       "top_2_gram_char_frac", (16, 66), True, "v w and vvvv wwww occur twice each; the one that covers more counts: 16 of 4 + 40 + 16 + 6")

for n, threshold in zip(range(5, 11), range(15, 9, -1)):
    def make(k, n=n, threshold=threshold):
        # Two copies of an n-gram whose characters are `threshold` hundredths of 400 characters, less k of the rest.
        one = 2 * threshold
        total = 400 - k
        gram = [letter for letter in "npqrstvwxz"[: n - 1]]
        gram.append("y" * (one - (n - 1)))
        fill = total - 2 * one - 6
        body = list(words(fill // 4 - 1)) + ["q" * (4 + fill % 4)]
        half = len(body) // 2
        out = [*gram, "the", *body[:half], *gram, "and", *body[half:]]
        return lines(out), 2 * one, total, (
            f"{n} words with {one} characters occur twice, in {total} characters inside words: {2 * one} / {total}; every "
            "occurrence counts")

    three(f"duplicate_{n}_gram", f"dup_{n}_gram_char_frac", 0, make)

vector("duplicate_5_gram", "overlaps", lines(itertools.chain(["hm"] * 12, FILL, words(50))), "dup_5_gram_char_frac", (24, 230), False,
       "twelve times the same word is eight equal 5-grams that overlap; no character counts twice: 24 of 24 + 6 + 200")
vector("duplicate_5_gram", "three times", lines(
    itertools.chain(list("npqrs"), words(30), list("npqrs"), words(30, "z"), list("npqrs"), FILL)), "dup_5_gram_char_frac",
       (15, 261), False, "five words of one character occur three times, all three count: 15 of 15 + 240 + 6")
vector("duplicate_5_gram", "joined words", lines(
    ["ab", "c", "d", "e", "f", *words(20), "a", "bc", "d", "e", "f", "the", "and"]), "dup_5_gram_char_frac", (0, 98), False,
       "ab c d e f and a bc d e f are the same characters and other words: no 5-gram occurs twice. datatrove joins words without "
       "a separator and takes them for the same")
vector("empty", "document", "", "n_words", (0, 1), True, "no words, which is fewer than 50", dropped_by="min_words")
vector("empty", "whitespace", " \n\t\n\u2003\n", "n_words", (0, 1), True, "whitespace is no word", dropped_by="min_words")
vector("one line", "document", " ".join(itertools.chain(FILL, words(60))), "dup_line_frac", (0, 1), False,
       "one line has no copy", dropped_by=None)
vector("no spaces", "document", "z" * 5000, "n_words", (1, 1), True, "one word", dropped_by="min_words")
vector("unicode", "code points", lines(itertools.chain(FILL, (w[:3] + "\u0301𝒳" for w in words(98)))), "mean_word_length",
       (6 + 98 * 5, 100), False, "an accent and a letter outside the first plane are a code point each: (2 * 3 + 98 * 5) / 100")
vector("unicode", "spaces", "\u2003".join(itertools.chain(FILL, words(40))) + "\u00a0" + "\u3000".join(words(10, "z")), "n_words",
       (52, 1), False, "U+2003, U+00A0 and U+3000 are whitespace: 42 + 10 words")
vector("unicode", "no space", "\u200b".join(itertools.chain(FILL, words(60))), "n_words", (1, 1), True,
       "U+200B is no whitespace in Unicode: one word", dropped_by="min_words")
vector("unicode", "decomposed", lines(itertools.chain(FILL, words(60))) + "\ncafe\u0301 au lait\ncafé au lait", "dup_line_frac",
       (0, 10), False, "nothing is normalised: two spellings of a line are two lines")
