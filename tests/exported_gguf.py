#!/usr/bin/env python3
"""Has llama.cpp read a GGUF file of `gopher export`, and compares what it says with `gopher eval perplexity`.

    pip install llama-cpp-python          # builds from source: a C++ compiler, and some minutes
    python3 tests/exported_gguf.py --gopher target/release/gopher --run RUN [--gguf FILE] [--text FILE ...]

RUN is of a Llama: imported, or trained. The ids of every text must be the same, and the log-probability of each text too, to 1e-3 for each
text and a token of it on average; in float32, keys and values included. Exit code 0 if that holds. It is run by hand.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

# Tokens of a text at most.
WINDOW = 2048

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "In 1969, 2 men walked on the Moon; 10 more followed until December 1972.",
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))  # 3\n",
    "Es war einmal ein König, der hatte drei Töchter. 日本語も少し。 😀👩‍🚀",
    "  Leading spaces,\ttabs and   several   spaces, and\r\nother line ends.\n\n",
    "Signs of all sorts: x^2 + y^2 = z^2, 3.14159, a/b, C:\\temp, <b>bold</b>.",
    "Water boils at one hundred degrees at sea level. On a mountain the air is thinner, and it boils sooner. " * 4,
]


def of_gopher(gopher, run, texts, folder):
    """Tokens and log-probability of each text."""
    files = []
    for index, text in enumerate(texts):
        files.append(str(folder / f"{index}.txt"))
        Path(files[-1]).write_bytes(text.encode())
    words = [gopher, "eval", "perplexity", *files, "--run", run, "--window", str(WINDOW), "--json"]
    output = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [(file["tokens"], file["log_probability"]) for file in json.loads(output)["files"]]


def ids_of_gopher(gopher, run, text, folder):
    """The ids of a text."""
    path = folder / "text.txt"
    path.write_bytes(text.encode())
    words = [gopher, "tokenizer", "encode", run, str(path)]
    output = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [int(word) for word in output.split()]


def of_llama_cpp(path, texts):
    """Ids and log-probability of each text, after the token that begins one."""
    import llama_cpp
    import numpy as np

    # Keys and values in float32 (type 0), as the weights are.
    model = llama_cpp.Llama(model_path=str(path), n_ctx=WINDOW, n_batch=WINDOW, logits_all=True, type_k=0, type_v=0, verbose=False)
    begin = model.token_bos() if model.token_bos() >= 0 else model.token_eos()
    for text in texts:
        ids = model.tokenize(text.encode(), add_bos=False, special=False)
        model.reset()
        model.eval([begin, *ids])
        logits = np.array(model.scores[: len(ids)], np.float64)
        most = logits.max(axis=1, keepdims=True)
        logs = logits - most - np.log(np.exp(logits - most).sum(axis=1, keepdims=True))
        yield ids, float(logs[np.arange(len(ids)), ids].sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gopher", default="target/release/gopher")
    parser.add_argument("--run", required=True)
    parser.add_argument("--gguf", type=Path, help="the file [default: one that is exported for this]")
    parser.add_argument("--text", type=Path, nargs="*", help="files of texts [default: seven short ones]")
    arguments = parser.parse_args()
    texts = [path.read_bytes().decode() for path in arguments.text] if arguments.text else TEXTS
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        path = arguments.gguf or folder / "model.gguf"
        if not path.exists():
            subprocess.run([arguments.gopher, "export", "--run", arguments.run, "--format", "gguf", "-o", path], check=True)
        ours = of_gopher(arguments.gopher, arguments.run, texts, folder)
        whole = token = count = 0
        for text, (tokens, expected), (ids, got) in zip(texts, ours, of_llama_cpp(path, texts)):
            name = repr(text[:40])
            if ids != ids_of_gopher(arguments.gopher, arguments.run, text, folder) or len(ids) != tokens:
                sys.exit(f"{name}: {len(ids)} tokens of llama.cpp are not the {tokens} of gopher: {ids}")
            difference = abs(got - expected)
            print(f"{len(ids):5} tokens  {expected:12.5f}  {got:12.5f}  apart {difference:.1e}  {name}")
            whole, token, count = max(whole, difference), max(token, difference / len(ids)), count + len(ids)
    print(f"{len(texts)} texts, {count} tokens, all ids the same; log-probability of a text within {whole:.1e}, of a token on average within {token:.1e}")
    sys.exit(whole > 1e-3 or token > 1e-3)


if __name__ == "__main__":
    main()
