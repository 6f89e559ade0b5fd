"""Records what the SentencePiece library makes of a long document, which sentencepiece.rs compares ours with.

    python3 -m venv venv && venv/bin/pip install sentencepiece==0.2.3 protobuf==7.36.2
    venv/bin/python data/tests/unigram/record.py

Writes small.model, a unigram model that the library trains on words made up here, and long.json, the ids it gives for a
long document of such words. sentencepiece.rs makes the document again, from the same numbers.

A document whose best path is the same however scores are summed would show nothing. So the best paths of other sums are
computed here too; long.json has some ids from the first place on where each of them parts from the library's.
"""

import hashlib
import io
import json
import math
import pathlib
import struct

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

WORDS = 10_000


class Random:
    """The generator of ../random/mod.rs."""

    def __init__(self, state):
        self.state = state

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def words(seed, count):
    """Words of 1 to 20 letters, some of which are more frequent: they can be cut in many ways of nearly one score."""
    random = Random(seed)

    def word():
        return "".join("aaabbbccdde"[random.below(11)] for _ in range(1 + random.below(20)))

    return " ".join(word() for _ in range(count))


def single(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def best_path(scores, text, rounded, begins_anew):
    """The ids of the path with the highest sum of scores; sums are rounded, and may begin anew below -100000."""
    longest = max(map(len, scores))
    best = [(-math.inf, 0, 0)] * (len(text) + 1)
    best[0] = (0.0, 0, 0)
    for start in range(len(text)):
        ends = range(start, min(start + longest, len(text)) + 1)
        till_here = best[start][0]
        if begins_anew and till_here < -100_000:
            for end in ends:
                best[end] = (rounded(best[end][0] - till_here), *best[end][1:])
            till_here = 0.0
        for end in ends[1:]:
            if piece := scores.get(text[start:end]):
                score = rounded(till_here + piece[1])
                if score > best[end][0]:
                    best[end] = (score, start, piece[0])
    ids, end = [], len(text)
    while end > 0:
        ids.append(best[end][2])
        end = best[end][1]
    return ids[::-1]


model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=(words(seed, 12) for seed in range(1, 2001)),
    model_writer=model,
    model_type="unigram",
    vocab_size=200,
    normalization_rule_name="identity",
    num_threads=1,
    minloglevel=2,
)
model = model.getvalue()
pieces = sentencepiece_model_pb2.ModelProto.FromString(model).pieces
scores = {piece.piece: (i, piece.score) for i, piece in enumerate(pieces) if piece.type == piece.NORMAL}

text = words(0, WORDS)
ids = sentencepiece.SentencePieceProcessor(model_proto=model).encode(text)
normalized = "▁" + text.replace(" ", "▁")
assert best_path(scores, normalized, single, True) == ids
others = {
    "double precision": best_path(scores, normalized, float, False),
    "double precision, begun anew": best_path(scores, normalized, float, True),
    "single precision, never begun anew": best_path(scores, normalized, single, False),
}


def score(ids):
    """In double precision."""
    return sum(pieces[i].score for i in ids)


def parting(other):
    at = next(i for i, (a, b) in enumerate(zip(ids, other)) if a != b)
    return {"at": at, "library": ids[at : at + 8], "other": other[at : at + 8], "score_of_other": score(other)}


recorded = {
    "library": f"sentencepiece {sentencepiece.__version__}",
    "words": WORDS,
    "text_bytes": len(text.encode()),
    "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
    "ids": len(ids),
    "ids_sha256": hashlib.sha256(struct.pack(f"<{len(ids)}I", *ids)).hexdigest(),
    "score": score(ids),
    "partings": {name: parting(other) for name, other in others.items()},
}
folder = pathlib.Path(__file__).parent
(folder / "small.model").write_bytes(model)
(folder / "long.json").write_text(json.dumps(recorded, indent=1) + "\n")
print(json.dumps(recorded))
