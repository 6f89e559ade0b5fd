"""Reads what `cargo run -p train --example artifacts -- FOLDER` wrote with the programs users read it with.

Needs the packages tensorboard and safetensors (with numpy):
    python3 -m venv .venv && .venv/bin/pip install tensorboard safetensors numpy
    .venv/bin/python train/tests/check_artifacts.py FOLDER
"""

import glob
import json
import os
import struct
import sys
import xml.dom.minidom

from safetensors import safe_open
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader


def close(a, b):
    return abs(a - b) <= 1e-6 * abs(b)


def main(folder):
    with open(os.path.join(folder, "metrics.jsonl")) as file:
        records = [json.loads(line) for line in file]
    assert [record["step"] for record in records] == list(range(1, 301)), "one line per step"

    files = sorted(glob.glob(os.path.join(folder, "events.out.tfevents.*")))
    assert len(files) == 2, files
    # The loader checks both checksums of every record, and stops at a bad one.
    counts = [len(list(RawEventFileLoader(file).Load())) for file in files]
    assert counts == [2 + 200, 2 + 150], counts
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0}).Reload()
    for tag, key in [("loss/training", "loss"), ("learning_rate", "learning_rate"), ("loss/validation", "validation_loss"), ("goodput", "goodput")]:
        expected = [(record["step"], record[key]) for record in records if key in record]
        seen = [(event.step, event.value) for event in events.Scalars(tag)]
        assert [step for step, _ in seen] == [step for step, _ in expected], f"{tag}: steps"
        assert all(close(a, b) for (_, a), (_, b) in zip(seen, expected)), f"{tag}: values"

    for name in ("loss.svg", "training.svg"):
        xml.dom.minidom.parse(os.path.join(folder, name))

    (checkpoint,) = glob.glob(os.path.join(folder, "checkpoints", "*"))
    path = os.path.join(checkpoint, "shard-00000-of-00001.safetensors")
    with safe_open(path, "numpy") as state:
        assert sorted(state.keys()) == ["adam/m/w", "adam/step", "parameters/w"]
        assert state.get_tensor("parameters/w").tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
        assert int(state.get_tensor("adam/step")) == 300
        assert state.get_slice("adam/m/w").get_dtype() == "BF16"
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        json.loads(file.read(length))
    print("TensorBoard, safetensors, JSON and XML readers agree with what was written")


if __name__ == "__main__":
    main(sys.argv[1])
