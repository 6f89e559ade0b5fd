#!/usr/bin/env python3
"""Serving speed: tokens a second at several numbers of streams, time to the first token, and what a shared beginning saves.

    cargo build --release
    python3 bench/serve.py --run RUN [--gopher target/release/gopher] [--streams 1,8,32] [--tokens 64] [--rounds 3]
        [--peer NAME=URL]... [--json FILE]

`cargo run --release --example bench_slots` times the engine's steps alone, without a server.

Starts `gopher serve` for RUN and asks it; each peer is a server of OpenAI's API that is running already with the same weights, such as
llama.cpp's (`llama-server -m MODEL --parallel 32 --port 8090`, given as --peer llama.cpp=http://127.0.0.1:8090). Servers take turns. The
prompts are 32 words, other ones in each round; answers are greedy. The median of the rounds is printed, by the clock; of `gopher`,
processor seconds too, since other work may share the machine. A stream that ends early counts the tokens that it has.

The shared beginning: 6 prompts of about 500 tokens, of which all but the last words are the same, one after another; the time to the first
token of the first one against the median of the others. The beginning is another one in each round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

WORDS = "sea of troubles and by opposing end them to die to sleep no more the heart ache thousand natural shocks".split()
SHARED, ASKED = 430, 8


def words(count, seed):
    return " ".join(WORDS[(seed * 7 + place * (seed % 5 + 1) + place * place) % len(WORDS)] for place in range(count))


def stream(url, prompt, tokens):
    """Seconds to the first piece, to the end, and tokens made."""
    body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True, "stream_options": {"include_usage": True}}
    request = urllib.request.Request(f"{url}/v1/completions", json.dumps(body).encode(), {"content-type": "application/json"})
    begin, first, made = time.monotonic(), None, 0
    with urllib.request.urlopen(request) as reply:
        for line in reply:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            if event.get("usage"):
                made = event["usage"]["completion_tokens"]
            if event["choices"] and first is None:
                first = time.monotonic() - begin
    return first, time.monotonic() - begin, made


def level(url, streams, tokens, seed):
    results = [None] * streams

    def one(index):
        results[index] = stream(url, f"{index} {words(32, seed * 100 + index)}", tokens)

    begin = time.monotonic()
    threads = [threading.Thread(target=one, args=(index,)) for index in range(streams)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    seconds = time.monotonic() - begin
    firsts = sorted(result[0] for result in results)
    return {"tokens_per_second": sum(result[2] for result in results) / seconds, "first": firsts[len(firsts) // 2]}


def shared(url, seed):
    beginning = f"{seed} " + words(SHARED, seed + 3)
    firsts = [stream(url, f"{beginning} {index} {words(ASKED, index)}", 1)[0] for index in range(1 + 5)]
    return {"new": firsts[0], "found": statistics.median(firsts[1:])}


class Gopher:
    def __init__(self, gopher, run, slots):
        command = [gopher, "serve", "--run", run, "--addr", "127.0.0.1:0", "--slots", str(slots), "--prompt", "none"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("curl http://"):
            sys.exit("the server did not start")
        self.url = "http://" + line.split("/")[2]

    def processor(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gopher", default="target/release/gopher")
    parser.add_argument("--run", required=True)
    parser.add_argument("--streams", default="1,8,32")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--json")
    arguments = parser.parse_args()
    gopher = Gopher(arguments.gopher, arguments.run, arguments.slots)
    servers = {"gopher": gopher.url, **dict(peer.split("=", 1) for peer in arguments.peer)}
    results = {name: {} for name in servers}
    try:
        for round in range(arguments.rounds + 1):
            for name, url in servers.items():
                for streams in map(int, arguments.streams.split(",")):
                    # The first round is for warming up.
                    tokens = arguments.tokens if round else 2
                    before = gopher.processor()
                    result = level(url, streams, tokens, round)
                    if name == "gopher":
                        result["processor"] = gopher.processor() - before
                    if round:
                        results[name].setdefault(f"{streams} streams", []).append(result)
                if round:
                    results[name].setdefault("shared beginning", []).append(shared(url, round))
    finally:
        gopher.process.terminate()
        gopher.process.wait()
    median = {
        name: {what: {key: statistics.median(one[key] for one in all) for key in all[0]} for what, all in of.items()}
        for name, of in results.items()
    }
    for name, of in median.items():
        for what, numbers in of.items():
            print(f"{name}, {what}: " + ", ".join(f"{key.replace('_', ' ')} {number:.3g}" for key, number in numbers.items()))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(median, indent=2))


if __name__ == "__main__":
    main()
