#!/usr/bin/env python3
"""A server of one page on the files of `gopher export --program prefill|decode|tables|place`: what it takes to serve a model elsewhere.

    pip install jax==0.10.2 safetensors
    python3 tests/exported_programs.py --gopher target/release/gopher --run RUN [--seq 128] [--slots 3] [--tokens 16]

Exports the programs of a run with its weights, compiles them with XLA as JAX has it, and continues texts side by side, greedily. They must
have the tokens of `gopher generate --temperature 0`. JAX only moves arrays and hands the files to XLA: no model is written here.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import jax
import jaxlib.xla_client as xla
import numpy as np
from safetensors.numpy import load_file

PROMPTS = ["To be, or not to be", "a", "The first of all was the one that nobody had seen before, and then"]
DTYPES = {"f32": np.float32, "i32": np.int32, "bf16": jax.numpy.bfloat16}


class Program:
    """An exported program, which takes and gives arrays by name."""

    def __init__(self, path):
        self.signature = json.loads(pathlib.Path(f"{path}.signature.json").read_text())
        device = jax.devices("cpu")[0]
        devices = xla.DeviceList((device,))
        self.executable = device.client.compile_and_load(pathlib.Path(path).read_text(), devices, xla.CompileOptions())

    def __call__(self, **given):
        entries = self.signature["inputs"]
        inputs = [jax.numpy.asarray(given[entry["name"]], DTYPES[entry["dtype"]]) for entry in entries]
        for entry, array in zip(entries, inputs):
            assert list(array.shape) == entry["shape"], entry["name"]
        outputs = self.executable.execute_sharded(inputs).disassemble_into_single_device_arrays()
        return {entry["name"]: arrays[0] for entry, arrays in zip(self.signature["outputs"], outputs)}

    def caches(self):
        """What it begins with."""
        begins = lambda entry: (entry["initializer"] or {}).get("kind") == "zeros" and not entry["name"].startswith("parameters/")
        return {entry["name"]: np.zeros(entry["shape"], DTYPES[entry["dtype"]]) for entry in self.signature["inputs"] if begins(entry)}


def read(prefill, held, prompt):
    """Reads a prompt chunk by chunk: the likeliest token after it, and what it left."""
    chunk, caches = prefill.signature["serving"]["chunk"], prefill.caches()
    for start in range(0, len(prompt), chunk):
        tokens = prompt[start : start + chunk]
        padded = np.array([tokens + [0] * (chunk - len(tokens))])
        out = prefill(tokens=padded, position=start, last=len(tokens) - 1, **held, **caches)
        logits = out.pop("logits")
        caches = out
    return int(np.argmax(logits)), caches


def serve(programs, held, prompts, count):
    """Continues prompts side by side; each begins two steps after the one before."""
    all_caches = programs["decode"].caches()
    slots = programs["decode"].signature["serving"]["slots"]
    texts = {}
    for step in range(count + 2 * len(prompts)):
        if step % 2 == 0 and step // 2 < len(prompts):
            slot = step // 2
            token, one = read(programs["prefill"], held, prompts[slot])
            one = {f"one/{name}": cache for name, cache in one.items()}
            all_caches = programs["place"](row=slot, **all_caches, **one)
            texts[slot] = [token]
        tokens = [texts[slot][-1] if slot in texts else 0 for slot in range(slots)]
        position = [len(prompts[slot]) + len(texts[slot]) - 1 if slot in texts else 0 for slot in range(slots)]
        out = programs["decode"](tokens=np.array(tokens)[:, None], position=position, last=0, **held, **all_caches)
        logits = np.asarray(out.pop("logits"))
        all_caches = out
        for slot, text in texts.items():
            text.append(int(np.argmax(logits[slot])))
    return [texts[slot][:count] for slot in range(len(prompts))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gopher", default="target/release/gopher")
    parser.add_argument("--run", required=True)
    parser.add_argument("--seq", default="128", help="positions of the caches")
    parser.add_argument("--slots", default="3")
    parser.add_argument("--tokens", type=int, default=16)
    arguments = parser.parse_args()
    gopher = lambda *words: subprocess.run([arguments.gopher, *words], check=True, capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        programs = {}
        weights = f"{folder}/weights.safetensors"
        more = {"prefill": ["--weights", weights], "decode": ["--batch", arguments.slots], "place": ["--batch", arguments.slots], "tables": []}
        for name, words in more.items():
            path = f"{folder}/{name}"
            command = [arguments.gopher, "export", "--run", arguments.run, "--program", name, "--format", "stablehlo", "--seq", arguments.seq, "-o", path, *words]
            done = subprocess.run(command, capture_output=True, text=True)
            if name == "tables" and done.returncode == 2 and "has none" in done.stderr:
                continue
            if done.returncode:
                sys.exit(done.stderr)
            programs[name] = Program(path)
        held = load_file(weights)
        if "tables" in programs:
            held |= programs["tables"](**held)
        held = {name: jax.numpy.asarray(array) for name, array in held.items()}
        say = lambda prompt: json.loads(gopher("generate", "--run", arguments.run, "--prompt", prompt, "--tokens", str(arguments.tokens),
                                               "--window", arguments.seq, "--temperature", "0", "--json"))
        expected = [say(prompt) for prompt in PROMPTS]
        got = serve(programs, held, [answer["prompt_tokens"] for answer in expected], arguments.tokens)
    end = programs["decode"].signature["tokens"]["end_of_text"]
    for prompt, answer, tokens in zip(PROMPTS, expected, got):
        of_generate = answer["tokens"] + [end] * (answer["stop"] == "end_of_text")
        assert tokens[: len(of_generate)] == of_generate, f"{prompt!r}: {tokens} for {of_generate}"
        print(f"{prompt!r}: {len(of_generate)} tokens, those of gopher generate")


if __name__ == "__main__":
    main()
