"""Measures encoding beside SentencePiece and Hugging Face's tokenizers, one core each, of the same texts, in rounds that alternate.

    python3 -m venv peers && peers/bin/pip install sentencepiece tokenizers
    cargo build --release -p data --example encode_speed
    peers/bin/python bench/tokenizer.py NAME.model TEXT... [--rounds 5] [--megabytes 10] [--program target/release/examples/encode_speed]

NAME.model is a SentencePiece model, such as `gopher tokenizer train` makes. Each TEXT is measured for itself: .jsonl has an object with
`text` on each line; of anything else, paragraphs between empty lines are the documents; .xz is read too. SentencePiece reads the same
model. Hugging Face's library reads none: BPE pieces, their merges and the normalization are handed to it, and it cuts text at spaces,
as it does fastest. A model that is no BPE is measured beside SentencePiece only. Time is processor time.
"""

import argparse
import hashlib
import json
import lzma
import os
import statistics
import struct
import subprocess
import tempfile
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402
from sentencepiece import sentencepiece_model_pb2 as proto  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("texts", nargs="+")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--passes", type=int, default=1, help="times that our program encodes the texts in a round")
parser.add_argument("--megabytes", type=float, default=10, help="of text at most, from the beginning")
parser.add_argument("--program", default="target/release/examples/encode_speed")
arguments = parser.parse_args()

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def read(path):
    opener = lzma.open if path.endswith(".xz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        if ".jsonl" in path:
            documents = (json.loads(line)["text"] for line in file)
        else:
            documents = file.read().split("\n\n")
        texts, room = [], arguments.megabytes * 1e6
        for text in documents:
            room -= len(text.encode())
            if room < 0:
                break
            texts.append(text)
    return texts


library = sentencepiece.SentencePieceProcessor(model_file=arguments.model)


def hugging_face():
    model = proto.ModelProto()
    with open(arguments.model, "rb") as file:
        model.ParseFromString(file.read())
    if model.trainer_spec.model_type != proto.TrainerSpec.BPE:
        return None
    ids = {piece.piece: number for number, piece in enumerate(model.pieces)}
    merges = []
    for number, piece in enumerate(model.pieces):
        if piece.type == proto.ModelProto.SentencePiece.NORMAL:
            text = piece.piece
            pairs = [(text[:cut], text[cut:]) for cut in range(1, len(text))]
            pairs = [pair for pair in pairs if pair[0] in ids and pair[1] in ids]
            merges.extend((-piece.score, ids[left], ids[right], (left, right)) for left, right in pairs)
    merges = [pair for *_, pair in sorted(merges)]
    bpe = tokenizers.models.BPE(vocab=ids, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=model.trainer_spec.byte_fallback)
    found = tokenizers.Tokenizer(bpe)
    if model.normalizer_spec.precompiled_charsmap:
        found.normalizer = tokenizers.normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
    scheme = "always" if model.normalizer_spec.add_dummy_prefix else "never"
    found.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme=scheme, split=True)
    return found


other = hugging_face()


def timed(encode):
    began = time.process_time()
    ids = encode()
    return time.process_time() - began, ids


def ours(path):
    output = subprocess.run([arguments.program, arguments.model, path, str(arguments.passes)], capture_output=True, check=True, text=True)
    found = json.loads(output.stdout)
    return statistics.mean(found["seconds"]), found


def measure(path):
    texts = read(path)
    size = sum(len(text.encode()) for text in texts) / 1e6
    runs = {"gopher": lambda: ours(plain.name), "sentencepiece": lambda: timed(lambda: library.encode(texts, num_threads=1))}
    if other is not None:
        runs["tokenizers"] = lambda: timed(lambda: other.encode_batch_fast(texts, add_special_tokens=False))
    rates, names = {name: [] for name in runs}, list(runs)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as plain:
        for text in texts:
            plain.write(json.dumps({"text": text}) + "\n")
        plain.flush()
        for number in range(arguments.rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                seconds, last = runs[name]()
                rates[name].append(size / seconds)
                if name == "gopher":
                    found = last
                elif name == "sentencepiece":
                    expected = last
                else:
                    others = [encoding.ids for encoding in last]
    flat = [number for ids in expected for number in ids]
    digest = hashlib.sha256(struct.pack(f"<{len(flat)}I", *flat)).hexdigest()
    print(f"{os.path.basename(path)}: {len(texts)} texts, {size:.2f} MB, {len(flat)} tokens, {arguments.rounds} rounds")
    print(f"  ids of gopher {'are' if digest == found['sha256'] else 'ARE NOT'} those of sentencepiece")
    if other is not None:
        same = sum(left == right for left, right in zip(expected, others))
        print(f"  ids of tokenizers are those of sentencepiece in {same / len(texts):.2%} of the texts")
    for name, rate in rates.items():
        ratios = sorted(ours / its for ours, its in zip(rates["gopher"], rate))
        ratio = statistics.median(ratios)
        print(f"  {name:<14} {statistics.median(rate):>7.2f} MB/s   gopher is {ratio:.2f}× ({ratios[0]:.2f} to {ratios[-1]:.2f})")


print(f"sentencepiece {sentencepiece.__version__}, tokenizers {tokenizers.__version__}; {arguments.model} of {library.get_piece_size()} pieces")
for path in arguments.texts:
    measure(path)
