"""Reads a training's TensorBoard events and its Prometheus endpoint with the programs that users read them with.

    python3 -m venv .venv && .venv/bin/pip install tensorboard==2.21.0 prometheus_client==0.26.0
    .venv/bin/python tests/monitoring.py target/release/gopher FOLDER

trains a tiny model in FOLDER, which must not exist: scrapes it while it goes on, kills it, goes on, and compares what
is seen with metrics.jsonl. Needs the CPU plugin in the cache (`gopher train` puts it there).
"""

import atexit
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
import xml.dom.minidom
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TINY = [
    "model.layers=1", "model.heads=2", "model.key_value_size=8", "model.d_model=16", "model.vocabulary_size=330",
    "training.batch=2", "training.sequence_length=32", "training.validation_every=10", "training.validation_batches=1",
    "training.checkpoint_every=50", "schedule.warmup_steps=2",
]
TEXT = 60 * (
    "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer\n"
    "The slings and arrows of outrageous fortune, Or to take arms against a sea of troubles\n"
)

# Name in Prometheus, and key in metrics.jsonl.
GAUGES = {
    "gopher_completed_steps": "step",
    "gopher_trained_tokens": "tokens",
    "gopher_training_loss": "loss",
    "gopher_learning_rate": "learning_rate",
    "gopher_gradient_norm": "grad_norm",
    "gopher_step_seconds": "seconds",
    "gopher_tokens_per_second": "tokens_per_second",
    "gopher_wall_seconds": "wall_seconds",
    "gopher_goodput_ratio": "goodput",
}
# Name in TensorBoard, and key in metrics.jsonl.
SCALARS = {
    "loss/training": "loss",
    "loss/validation": "validation_loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "tokens_per_second": "tokens_per_second",
    "goodput": "goodput",
}


class Training:
    def __init__(self, gopher, folder, run, steps, *more):
        sets = [word for key in TINY for word in ("--set", key)]
        command = [str(gopher), "train", "--run", run, "--data", "text.txt", "--steps", str(steps), *sets, *more]
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        # Whatever fails here, it goes on no longer than this.
        atexit.register(self.process.kill)

    def line(self, pattern):
        """The next line of standard error that holds a pattern."""
        line = "nothing"
        for line in self.process.stderr:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"no line {pattern!r}; exit code {self.process.wait()}: {line}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def finish(self):
        _, errors = self.process.communicate()
        assert self.process.returncode == 0, errors


def records(run):
    # The last line of a killed process may be torn.
    lines = (run / "metrics.jsonl").read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines]


def scrape(address):
    with urllib.request.urlopen(address, timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers
        page = answer.read().decode()
    families = list(text_string_to_metric_families(page))
    for family in families:
        assert family.documentation and family.type in ("gauge", "counter"), family
        assert len(family.samples) == 1, family
    return {sample.name: sample.value for family in families for sample in family.samples}


def check_prometheus(gopher, folder):
    training = Training(gopher, folder, "run", 10**6, "--metrics-addr", "0")
    address = training.line(r"http://127\.0\.0\.1:\d+/metrics")[0]
    training.line(r"step 1/")
    end = time.monotonic() + 120
    while (page := scrape(address)).get("gopher_completed_steps", 0) < 130:
        assert time.monotonic() < end, page
    assert page["gopher_run_info"] == 1 and page["gopher_checkpoint_step"] >= 50, page
    assert page["gopher_steps_total"] == page["gopher_completed_steps"], page
    assert page["gopher_tokens_total"] == page["gopher_trained_tokens"], page
    assert abs(page["gopher_last_step_timestamp_seconds"] - time.time()) < 60, page
    assert "gopher_mfu_ratio" not in page, "a CPU has no honest peak"
    training.kill()
    record = records(folder / "run")[int(page["gopher_completed_steps"]) - 1]
    for name, key in GAUGES.items():
        assert page[name] == record[key], (name, page[name], record[key])
    print(f"Prometheus: {len(page)} samples of step {record['step']} agree with metrics.jsonl")
    return int(page["gopher_completed_steps"])


def check_tensorboard(run, processes):
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    assert len(list(run.glob("events.out.tfevents.*"))) == processes
    tags = events.Tags()["scalars"]
    assert sorted(tags) == sorted(SCALARS), tags
    lines = records(run)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    for tag, key in SCALARS.items():
        expected = [(line["step"], line[key]) for line in lines if key in line]
        seen = [(event.step, event.value) for event in events.Scalars(tag)]
        assert [step for step, _ in seen] == [step for step, _ in expected], f"{tag}: steps"
        for (step, a), (_, b) in zip(seen, expected):
            assert abs(a - b) <= 1e-6 * abs(b), f"{tag}, step {step}: {a} {b}"
    print(f"TensorBoard: {len(tags)} scalars of {len(lines)} steps by {processes} processes, each step once")


def main(gopher, folder):
    gopher, folder = Path(gopher).resolve(), Path(folder)
    folder.mkdir(parents=True)
    (folder / "text.txt").write_text(TEXT)

    step = check_prometheus(gopher, folder)
    run = folder / "run"
    last = records(run)[-1]["step"]
    # The steps after the last checkpoint are done again, and then some.
    Training(gopher, folder, "run", last + 20).finish()
    assert records(run)[-1]["step"] == last + 20 > step
    check_tensorboard(run, 2)

    # Killed before the first checkpoint: from the beginning.
    training = Training(gopher, folder, "again", 10**6, "--set", "training.checkpoint_every=0")
    training.line(r"step 1/")
    time.sleep(1)
    training.kill()
    Training(gopher, folder, "again", 30).finish()
    check_tensorboard(folder / "again", 2)

    for name in ("loss.svg", "training.svg"):
        xml.dom.minidom.parse(str(run / name))
    compare = [str(gopher), "runs", "compare", "run", "again", "--json", "--plot", "compare.svg"]
    comparison = json.loads(subprocess.run(compare, cwd=folder, check=True, capture_output=True).stdout)
    assert [each["completed"] for each in comparison["runs"]] == [last + 20, 30], comparison
    xml.dom.minidom.parse(str(folder / "compare.svg"))
    print("charts are XML; gopher runs compare reads both runs")


if __name__ == "__main__":
    main(*sys.argv[1:])
