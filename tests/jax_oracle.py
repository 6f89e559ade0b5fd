#!/usr/bin/env python3
"""Independent check of the models' loss, gradients and Adam step against JAX, for a Gopher and two Llamas.

The mathematics is written again here from the definitions in docs/model.md, the plain way: a Python loop over layers,
attention as one table of all pairs, jax.grad for the derivatives. Nothing is shared with the Rust code but the
file that `cargo run --release --example dump_gradients -- FILE MODEL` writes: parameters, optimiser state, tokens, and what
our program made of them through XLA's CPU plugin, all in float32.

usage: python3 tests/jax_oracle.py [FILE] [--venv DIR] [--tolerance 1e-5]

Without FILE, the example is run first, for each model. JAX is taken from the Python that runs this; with --venv, from a virtual
environment in DIR, which is made with jax 0.10.2 if it is not there.

Every tensor must agree with JAX in float32: ||ours - jax|| / ||jax|| <= tolerance, in the Euclidean norm over the
tensor's elements, of each layer by itself where layers are stacked. The same error against JAX in float64 is printed beside it: it shows how much of the difference is
float32 itself. Exit status 1 when any tensor is off.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

JAX = "jax==0.10.2"
MODELS = ("gopher", "llama", "llama-tied")
ROOT = Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--venv", type=Path, help="virtual environment with JAX; made if it is not there")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    return parser.parse_args()


def enter(venv):
    """Runs this script again with the Python of the virtual environment, which is made if need be."""
    python = venv / "bin" / "python"
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    if subprocess.run([python, "-c", "import jax"], capture_output=True).returncode if python.exists() else True:
        print(f"installing {JAX} into {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", JAX], check=True)
    os.execv(python, [str(python), *sys.argv])


def read_safetensors(path):
    """Tensors and metadata of a safetensors file: an 8-byte length, a JSON header, then the bytes."""
    import numpy as np

    raw = path.read_bytes()
    (length,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8 : 8 + length])
    metadata = header.pop("__metadata__")
    dtypes = {"F32": np.float32, "I32": np.int32}
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        data = np.frombuffer(raw[8 + length + start : 8 + length + end], dtypes[entry["dtype"]])
        tensors[name] = data.reshape(entry["shape"])
    return tensors, metadata


def loss(parameters, tokens, targets, sizes):
    """Mean negative log-probability of the targets, in the dtype of the parameters."""
    import jax
    import jax.numpy as jnp

    logits = {"gopher": gopher, "llama": llama}[sizes["kind"]](parameters, tokens, sizes)
    log_probabilities = jax.nn.log_softmax(logits, axis=-1)
    return -jnp.mean(jnp.take_along_axis(log_probabilities, targets[..., None], axis=-1))


def llama(parameters, tokens, sizes):
    """Logits of a Llama: rotary positions as complex numbers, keys and values repeated for each query head."""
    import jax
    import jax.numpy as jnp

    heads, groups, kv = sizes["heads"], sizes["key_value_heads"], sizes["key_value_size"]
    embedding = parameters["embedding"]
    dtype = embedding.dtype
    length = tokens.shape[1]

    def norm(x, gain):
        return gain * x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + sizes["norm_epsilon"])

    angle = jnp.arange(length, dtype=dtype)[:, None] / sizes["rope_base"] ** (jnp.arange(kv // 2, dtype=dtype) * 2 / kv)
    turn = jnp.exp(1j * angle)[None, :, None, :]  # [1, t, 1, kv / 2]

    def rotate(x):  # [b, t, h, kv]: the first half of a head is the real part
        turned = (x[..., : kv // 2] + 1j * x[..., kv // 2 :]) * turn
        return jnp.concatenate([turned.real, turned.imag], axis=-1).astype(dtype)

    visible = jnp.tril(jnp.ones((length, length), bool))
    x = embedding[tokens]
    for number in range(sizes["layers"]):
        part = {name[len("layers/"):]: value[number] for name, value in parameters.items() if name.startswith("layers/")}
        width = x.shape[-1]
        y = norm(x, part["attention/norm"])
        query = rotate((y @ part["attention/query"].reshape(width, heads * kv)).reshape(*y.shape[:2], heads, kv))
        key = rotate((y @ part["attention/key"].reshape(width, groups * kv)).reshape(*y.shape[:2], groups, kv))
        value = (y @ part["attention/value"].reshape(width, groups * kv)).reshape(*y.shape[:2], groups, kv)
        key, value = (jnp.repeat(each, heads // groups, axis=2) for each in (key, value))
        scores = jnp.einsum("bihk,bjhk->bhij", query, key) / jnp.sqrt(jnp.asarray(kv, dtype))
        weights = jax.nn.softmax(jnp.where(visible, scores, -jnp.inf), axis=-1)
        mixed = jnp.einsum("bhij,bjhk->bihk", weights, value).reshape(*y.shape[:2], heads * kv)
        x = x + mixed @ part["attention/output"].reshape(heads * kv, width)

        y = norm(x, part["feed_forward/norm"])
        hidden = jax.nn.silu(y @ part["feed_forward/gate"]) * (y @ part["feed_forward/up"])
        x = x + hidden @ part["feed_forward/down"]
    head = embedding if sizes["tied_embedding"] else parameters["head"]
    return norm(x, parameters["final/norm"]) @ head.T


def gopher(parameters, tokens, sizes):
    """Logits of a Gopher."""
    import jax
    import jax.numpy as jnp

    width, kv = sizes["d_model"], sizes["key_value_size"]
    length = tokens.shape[1]
    embedding = parameters["embedding"]
    dtype = embedding.dtype

    def norm(x, gain):
        return x / jnp.sqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6) * gain

    # Row n encodes distance n.
    frequency = 10000.0 ** (-jnp.arange(0, width, 2, dtype=dtype) / width)
    angle = jnp.arange(length, dtype=dtype)[:, None] * frequency[None, :]
    encoded = jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-1)
    position = jnp.arange(length)
    distance = position[:, None] - position[None, :]
    visible = distance >= 0

    x = embedding[tokens]
    for number in range(sizes["layers"]):
        attention = {name: parameters[f"layers/attention/{name}"][number] for name in (
            "norm", "query", "key", "value", "relative", "content_bias", "position_bias", "output", "output_bias")}
        feed_forward = {name: parameters[f"layers/feed_forward/{name}"][number] for name in (
            "norm", "in", "in_bias", "out", "out_bias")}

        y = norm(x, attention["norm"])
        query = jnp.einsum("btd,dhk->bthk", y, attention["query"])
        key = jnp.einsum("btd,dhk->bthk", y, attention["key"])
        value = jnp.einsum("btd,dhk->bthk", y, attention["value"])
        relative = jnp.einsum("nd,dhk->nhk", encoded, attention["relative"])
        by_content = jnp.einsum("bihk,bjhk->bhij", query + attention["content_bias"], key)
        of_distance = relative[jnp.maximum(distance, 0)]  # [i, j, h, k]
        by_position = jnp.einsum("bihk,ijhk->bhij", query + attention["position_bias"], of_distance)
        scores = (by_content + by_position) / jnp.sqrt(jnp.asarray(kv, dtype))
        weights = jax.nn.softmax(jnp.where(visible, scores, -jnp.inf), axis=-1)
        mixed = jnp.einsum("bhij,bjhk->bihk", weights, value)
        x = x + jnp.einsum("bihk,hkd->bid", mixed, attention["output"]) + attention["output_bias"]

        y = norm(x, feed_forward["norm"])
        hidden = jax.nn.gelu(y @ feed_forward["in"] + feed_forward["in_bias"], approximate=True)
        x = x + hidden @ feed_forward["out"] + feed_forward["out_bias"]

    return norm(x, parameters["final/norm"]) @ embedding.T + parameters["final/logits_bias"]


def step(state, tokens, targets, settings):
    """What our program returns, computed again: loss, gradients, their norm, and the state after one step of Adam."""
    import jax
    import jax.numpy as jnp

    parameters, mean, square = state
    value, gradients = jax.value_and_grad(loss)(parameters, tokens, targets, settings["model"])
    total = jnp.sqrt(sum(jnp.sum(g * g) for g in gradients.values()))
    factor = jnp.minimum(1.0, settings["clip_norm"] / total)
    beta1, beta2, epsilon = (settings["adam"][key] for key in ("beta1", "beta2", "epsilon"))
    count, rate = settings["step"], settings["learning_rate"]
    results = {"loss": value, "grad_norm": total}
    for name, gradient in gradients.items():
        clipped = gradient * factor
        m = beta1 * mean[name] + (1 - beta1) * clipped
        v = beta2 * square[name] + (1 - beta2) * clipped**2
        update = rate * (m / (1 - beta1**count)) / (jnp.sqrt(v / (1 - beta2**count)) + epsilon)
        results[f"gradients/{name}"] = gradient
        results[f"after/parameters/{name}"] = parameters[name] - update
        results[f"after/adam/m/{name}"] = m
        results[f"after/adam/v/{name}"] = v
    return results


def compare(path, tolerance):
    import jax
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    tensors, metadata = read_safetensors(path)
    settings = json.loads(metadata["settings"])

    def run(dtype):
        with_prefix = lambda prefix: {
            name[len(prefix):]: jax.numpy.asarray(value, dtype)
            for name, value in tensors.items() if name.startswith(prefix)}
        state = [with_prefix(prefix) for prefix in ("parameters/", "adam/m/", "adam/v/")]
        results = step(state, tensors["tokens"], tensors["targets"], settings)
        for name, value in results.items():
            assert value.dtype == dtype, (name, value.dtype)
        return {name: np.asarray(value, np.float64) for name, value in results.items()}

    single, double = run(np.float32), run(np.float64)
    print(f"ours: {metadata['plugin']}")
    print(f"JAX: {jax.__version__}, settings: {metadata['settings']}\n")
    ours = {name for name in tensors if name in ("loss", "grad_norm") or name.startswith(("gradients/", "after/"))}
    if ours != set(single):
        sys.exit(f"error: the two sides do not return the same tensors: {sorted(ours ^ set(single))}")

    def error(name, a, b):
        """Relative error; of tensors stacked over layers, that of the worst layer."""
        parts = zip(a, b) if "/layers/" in name else [(a, b)]
        return max(float(np.linalg.norm((x - y).ravel()) / np.linalg.norm(y.ravel())) for x, y in parts)

    # The state after the step is many tensors: one row for each kind, with its largest errors.
    kinds = ("after/parameters/", "after/adam/m/", "after/adam/v/")
    rows = {}
    for name in single:
        value = tensors[name].astype(np.float64)
        errors = (error(name, value, single[name]), error(name, value, double[name]),
                  error(name, single[name], double[name]))
        kind = next((kind for kind in kinds if name.startswith(kind)), name)
        shape = "×".join(map(str, value.shape)) or "scalar"
        rows.setdefault(kind, []).append((shape, np.linalg.norm(value), errors))
    print("| tensor | shape | norm | ours to JAX float32 | ours to JAX float64 | JAX float32 to float64 |")
    print("|---|---|---|---|---|---|")
    worst = {}
    for kind, entries in sorted(rows.items()):
        largest = [max(column) for column in zip(*(errors for _, _, errors in entries))]
        worst[kind] = largest[0]
        shape, size = entries[0][0], f"{entries[0][1]:.3g}"
        if kind in kinds:
            kind, shape, size = kind + "…", f"{len(entries)} tensors", ""
        print(f"| {kind} | {shape} | {size} | " + " | ".join(f"{e:.1e}" for e in largest) + " |")
    largest = max(worst.values())
    print(f"\nloss: ours {float(tensors['loss']):.7f}, JAX float32 {float(single['loss']):.7f}, "
          f"float64 {float(double['loss']):.9f}")
    wrong = [kind for kind, error in worst.items() if not error <= tolerance]
    print(f"{len(single)} tensors, largest error {largest:.1e}, tolerance {tolerance:.0e}: "
          + ("all agree" if not wrong else "WRONG: " + ", ".join(wrong)))
    return not wrong


def main():
    options = arguments()
    if options.venv:
        enter(options.venv)
    if options.file:
        return compare(options.file, options.tolerance)
    agree = []
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            path = Path(folder) / f"{model}.safetensors"
            command = ["cargo", "run", "--quiet", "--release", "--example", "dump_gradients", "--", str(path), model]
            subprocess.run(command, cwd=ROOT, check=True)
            agree.append(compare(path, options.tolerance))
    return all(agree)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
