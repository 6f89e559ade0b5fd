#!/usr/bin/env python3
"""Asks `gopher serve` as real clients do: curl, the openai package, llm and lm_eval; and puts it under load.

    python3 tests/serving_clients.py --gopher target/release/gopher --run RUN [--load SECONDS] [--documents N]

Starts the server on a free port and ends it. A client that is not installed is skipped with a word, unless --all is given:

    pip install openai==3.57.0 llm==0.36 "lm_eval[api]==0.4.13"

lm_eval's scores must be those of `gopher eval`, to the last digit, one request at a time and eight at a time. Under load there
are 64 streams at a time, clients that vanish, slow readers and requests that make no sense; every stream must be whole, no slot may stay
taken, the process may not grow, and SIGTERM under load may not lose a running stream. Exit code 0 if all of that holds.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class Server:
    """A server that is ready, as a process of its own."""

    def __init__(self, gopher, run, *arguments):
        command = [gopher, "serve", "--run", run, "--addr", "127.0.0.1:0", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.curl = self.process.stdout.readline()
        if not self.curl.startswith("curl http://"):
            sys.exit(f"the server did not start: {self.curl!r}")
        self.address = self.curl.split("/")[2]
        self.url = f"http://{self.address}"

    def end(self):
        """SIGTERM: the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def memory(self):
        """Bytes of anonymous memory, in the computer's and swapped out."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        numbers = (line.split()[1] for line in lines if line.startswith(("RssAnon:", "VmSwap:")))
        return sum(int(number) * 1024 for number in numbers)

    def metric(self, name):
        import urllib.request

        with urllib.request.urlopen(f"{self.url}/metrics") as reply:
            for line in reply.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[1])
        raise KeyError(name)


def check_curl(server):
    """The line that the server prints works."""
    output = subprocess.run(server.curl.rstrip(), shell=True, capture_output=True, text=True, check=True).stdout
    answer = json.loads(output)
    assert answer["object"] == "text_completion" and answer["choices"][0]["text"], output
    return answer["model"]


def check_openai(server):
    import openai

    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
    model = client.models.list().data[0].id
    ask = dict(model=model, prompt="Once upon a time", max_tokens=12, seed=3)
    whole = client.completions.create(**ask, n=2, logprobs=2, stop=["zzz"])
    assert [choice.index for choice in whole.choices] == [0, 1] and whole.usage.completion_tokens >= 2
    assert len(whole.choices[0].logprobs.tokens) == len(whole.choices[0].logprobs.token_logprobs)
    pieces = list(client.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    text = "".join(choice.text for piece in pieces for choice in piece.choices)
    assert text == client.completions.create(**ask).choices[0].text == whole.choices[0].text
    assert pieces[-1].choices == [] and pieces[-1].usage.total_tokens > 0
    assert all(choice.finish_reason is None for piece in pieces[:-2] for choice in piece.choices)
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    talk = dict(model=model, messages=messages, max_tokens=16, seed=1, temperature=0.5)
    said = client.chat.completions.create(**talk, logprobs=True, top_logprobs=3)
    pieces = list(client.chat.completions.create(**talk, stream=True))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert text == said.choices[0].message.content and pieces[0].choices[0].delta.role == "assistant"
    assert len(said.choices[0].logprobs.content[0].top_logprobs) == 3
    for wrong, kind, param in [
        (dict(ask, temperature=-1), openai.BadRequestError, "temperature"),
        (dict(ask, model="other"), openai.NotFoundError, "model"),
        (dict(ask, max_tokens=10**6), openai.BadRequestError, "prompt"),
        (dict(ask, suffix="x"), openai.BadRequestError, "suffix"),
    ]:
        try:
            client.completions.create(**wrong)
        except kind as error:
            assert error.param == param, error
        else:
            raise AssertionError(f"{wrong} was taken")


def check_llm(server, model, folder):
    environment = dict(os.environ, LLM_USER_PATH=folder)
    entry = f"- model_id: served\n  model_name: {model}\n  api_base: {server.url}/v1\n"
    Path(folder, "extra-openai-models.yaml").write_text(entry)
    command = [sys.executable, "-m", "llm", "-m", "served", "--key", "none", "-o", "max_tokens", "12", "Who are you?"]
    for more in [[], ["--no-stream"]]:
        output = subprocess.run(command + more, env=environment, capture_output=True, text=True)
        assert output.returncode == 0 and output.stdout.strip(), output


TASK = """task: served
dataset_path: json
dataset_kwargs: {data_files: {validation: FILE}}
validation_split: validation
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
"""


def documents(count):
    """Questions that begin alike, of several lengths, with characters of several bytes."""
    words = "the sea of troubles and slings arrows naïve café 日本 whether nobler mind suffer fortune".split()
    draw = random.Random(1)
    for index in range(count):
        some = [draw.choice(words) for _ in range(4 + index * 5 % 30)]
        choices = [" " + " ".join(draw.choice(words) for _ in range(1 + index % 4)) for _ in range(3)]
        yield {"question": "To be, or not to be: " + " ".join(some), "choices": choices, "answer": index % 3}


def check_lm_eval(server, gopher, run, count, folder):
    folder = Path(folder)
    data = folder / "served.jsonl"
    data.write_text("".join(json.dumps(document) + "\n" for document in documents(count)))
    tasks = folder / "tasks"
    tasks.mkdir()
    (tasks / "served.yaml").write_text(TASK.replace("FILE", str(data)))
    ours = folder / "ours"
    command = [gopher, "eval", "--run", run, "--include", tasks, "--tasks", "served", "--protocol", "lm-eval", "-o", ours]
    subprocess.run(command, check=True, capture_output=True)
    expected = samples(ours / "samples.jsonl")
    for concurrent in [1, 8]:
        theirs = folder / f"theirs-{concurrent}"
        arguments = f"base_url={server.url}/v1/completions,tokenizer_backend=remote,num_concurrent={concurrent},max_retries=1"
        command = [sys.executable, "-m", "lm_eval", "--model", "local-completions", "--model_args", arguments]
        command += ["--include_path", tasks, "--tasks", "served", "--output_path", theirs, "--log_samples"]
        environment = dict(os.environ, HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HOME=str(folder / "hf"))
        output = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert output.returncode == 0, output.stderr[-3000:]
        got = samples(next(theirs.rglob("samples_served_*.jsonl")))
        assert len(got) == count
        for document, answers in expected.items():
            # Sums of equal numbers; from Python 3.12 on, sum() rounds less than adding one after another.
            digits = 17 if sys.version_info < (3, 12) else 13
            rounded = lambda all: [(f"{number:.{digits}g}", greedy) for number, greedy in all]
            assert rounded(answers) == rounded(got[document]), (concurrent, document, answers, got[document])


def samples(path):
    """Log-probability and greediness of each choice, by document."""
    truth = {"True": True, "False": False}
    by_document = {}
    for line in path.read_text().splitlines():
        sample = json.loads(line)
        answers = [answer[0] if isinstance(answer[0], list) else answer for answer in sample["resps"]]
        by_document[sample["doc_id"]] = [(float(number), truth.get(greedy, greedy)) for number, greedy in answers]
    return by_document


class Load:
    """Clients of all kinds at once."""

    def __init__(self, server):
        self.server = server
        self.host, port = server.address.split(":")
        self.port = int(port)
        self.first, self.between, self.counts = [], [], {}
        self.is_over = False

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    async def connect(self, body, path="/v1/completions"):
        reader, writer = await asyncio.open_connection(self.host, self.port)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        return reader, writer

    def request(self, draw):
        words = ["sea", "king", "mind", "to be", "日本", "😀"]
        prompt = " ".join(draw.choice(words) for _ in range(draw.randint(1, 40)))
        ask = {"prompt": prompt, "max_tokens": draw.randint(1, 24), "stream": True, "seed": draw.randint(0, 9)}
        if draw.random() < 0.3:
            ask["stop"] = ["\n", " the"]
        if draw.random() < 0.2:
            ask["logprobs"] = 2
        if draw.random() < 0.1:
            ask["echo"] = True
        return ask

    async def stream(self, seed, pause=0.0):
        """One stream to its end; with a pause between reads, a slow one."""
        begin = last = time.monotonic()
        try:
            reader, writer = await self.connect(self.request(random.Random(seed)))
            status = await reader.readline()
        except ConnectionError:
            status = b""
        if not status and self.is_over:
            # The server has ended before it took the request.
            return
        if b" 429 " in status:
            self.count("told to come again")
            writer.close()
            return
        if b" 503 " in status and self.is_over:
            writer.close()
            return
        assert b" 200 " in status, status
        text, piece = b"", b""
        while piece := await self.piece(reader, 512 if pause else 65536, text):
            now = time.monotonic()
            if b'"choices"' in piece:
                (self.between if b'"choices"' in text else self.first).append(now - (last if b'"choices"' in text else begin))
                last = now
            text += piece
            if pause:
                await asyncio.sleep(pause)
        writer.close()
        assert b"data: [DONE]\n\n" in text and b'"error"' not in text, text[-300:]
        self.count("streams")

    async def piece(self, reader, most, text):
        try:
            return await reader.read(most)
        except ConnectionError as error:
            raise AssertionError(f"a stream was lost after {text[-300:]}") from error

    async def vanish(self, draw):
        reader, writer = await self.connect(dict(self.request(draw), max_tokens=100))
        await asyncio.sleep(draw.random() * 0.3)
        writer.transport.abort()
        self.count("vanished")

    async def nonsense(self, draw):
        good = json.dumps(self.request(draw)).encode()
        body = bytearray(good)
        for _ in range(draw.randint(1, 8)):
            body[draw.randrange(len(body))] = draw.randrange(256)
        cut = bytes(body[: draw.randint(0, len(body))])
        path = draw.choice(["/v1/completions", "/v1/chat/completions", "/tokenize", "/detokenize", "/x"])
        try:
            reader, writer = await self.connect(cut, path)
            status = await asyncio.wait_for(reader.readline(), 60)
            assert not status or int(status.split()[1]) != 500, (status, cut)
            writer.close()
        except (ConnectionError, asyncio.TimeoutError) as error:
            if not self.is_over:
                raise AssertionError((cut, error)) from error
        self.count("malformed")

    async def worker(self, kind, seed):
        draw = random.Random(seed)
        while not self.is_over:
            try:
                if kind == "stream":
                    await self.stream(draw.random())
                elif kind == "slow":
                    await self.stream(draw.random(), 0.05)
                elif kind == "vanish":
                    await self.vanish(draw)
                else:
                    await self.nonsense(draw)
                    await asyncio.sleep(0.01)
            except ConnectionError:
                if not self.is_over:
                    raise
                return

    async def run(self, seconds):
        kinds = ["stream"] * 64 + ["slow"] * 4 + ["vanish"] * 4 + ["nonsense"] * 4
        workers = [asyncio.create_task(self.worker(kind, index)) for index, kind in enumerate(kinds)]
        begin, memory = time.monotonic(), []
        while time.monotonic() - begin < seconds:
            await asyncio.sleep(min(5, seconds / 10))
            memory.append(self.server.memory())
            for worker in workers:
                if worker.done():
                    worker.result()
        # The end comes while all are at work.
        self.is_over = True
        self.server.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*workers)
        return memory


def percentile(numbers, share):
    numbers = sorted(numbers)
    return numbers[min(len(numbers) - 1, int(share * len(numbers)))] if numbers else float("nan")


def check_load(gopher, run, seconds, arguments):
    # A small cache of prompts, which is full soon: from then on memory is to stay as it is.
    usual = {"--slots": "16", "--queue": "256", "--prefix-cache": "8MiB"}
    usual = [word for option, value in usual.items() if option not in arguments for word in (option, value)]
    server = Server(gopher, run, *usual, *arguments)
    load = Load(server)
    try:
        memory = asyncio.run(load.run(seconds))
        code = server.process.wait(120)
    finally:
        server.process.kill()
    assert code == 0, code
    half = memory[len(memory) // 2 :]
    growth = max(half) - min(memory[len(memory) // 4 :])
    print(f"  {load.counts}; anonymous memory {min(memory) >> 20} to {max(memory) >> 20} MiB, late growth {growth >> 20} MiB")
    for name, numbers in [("first piece", load.first), ("between pieces", load.between)]:
        print(f"  {name}: p50 {percentile(numbers, 0.5):.3f} s, p99 {percentile(numbers, 0.99):.3f} s")
    assert load.counts.get("streams", 0) > 0
    assert growth < 128 << 20, memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gopher", default="target/release/gopher")
    parser.add_argument("--run", required=True)
    parser.add_argument("--documents", type=int, default=40, help="documents that lm_eval scores")
    parser.add_argument("--load", type=float, default=20, help="seconds of load; 0 for none")
    parser.add_argument("--all", action="store_true", help="a client that is not there is a failure")
    parser.add_argument("--serve", nargs=argparse.REMAINDER, default=[], help="more arguments of gopher serve; the last option")
    arguments = parser.parse_args()
    gopher = os.path.abspath(arguments.gopher)
    server = Server(gopher, arguments.run, *arguments.serve)

    def step(name, package, check, *inputs):
        if package and importlib.util.find_spec(package) is None:
            if arguments.all:
                sys.exit(f"{name}: {package} is not installed")
            print(f"{name}: skipped: {package} is not installed")
            return None
        begin = time.monotonic()
        result = check(*inputs)
        print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)
        return result

    try:
        with tempfile.TemporaryDirectory() as folder:
            model = step("curl", None, check_curl, server)
            step("openai", "openai", check_openai, server)
            step("llm", "llm", check_llm, server, model, folder)
            step("lm_eval", "lm_eval", check_lm_eval, server, gopher, arguments.run, arguments.documents, folder)
        assert server.metric("gopher_slots_taken") == 0
        assert server.end() == 0
    finally:
        server.process.kill()
    if arguments.load > 0:
        step("load", None, check_load, gopher, arguments.run, arguments.load, arguments.serve)


if __name__ == "__main__":
    main()
