"""Compares what our reader of WARC files finds with what warcio and fastwarc find: records, their places, and the digests of their blocks.

    python3 -m venv peers && peers/bin/pip install warcio fastwarc
    cargo build --release -p massivetext --example warc_index
    peers/bin/python bench/warc.py [--records 2000] [--program target/release/examples/warc_index]

A file of so many records is made, of every type, as gzip members and as it is; warcio writes it. Then each reader reads it. It prints what
was compared, and how fast each reader was on one core.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import tempfile
import time

from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

parser = argparse.ArgumentParser()
parser.add_argument("--records", type=int, default=2000)
parser.add_argument("--program", default="target/release/examples/warc_index")
arguments = parser.parse_args()

numbers = random.Random(5)


def body():
    words = [numbers.choice(["<p>", "the ", "WARC/1.0\r\n", "caf\u00e9 ", "\r\n\r\n", "word ", "\0"]) for _ in range(numbers.randrange(3000))]
    data = "".join(words).encode()
    return gzip.compress(data, mtime=0) if numbers.random() < 0.2 else data


def make(path, is_packed):
    with open(path, "wb") as file:
        writer = WARCWriter(file, gzip=is_packed, warc_version=numbers.choice(["WARC/1.0", "WARC/1.1"]))
        file_info = writer.create_warcinfo_record("made.warc", {"software": "bench/warc.py"})
        writer.write_record(file_info)
        for number in range(arguments.records - 1):
            uri = f"http://host{number % 17}.example/page/{number}?caf\u00e9"
            kind = numbers.choice(["response"] * 5 + ["request", "resource", "metadata", "conversion", "revisit"])
            if kind == "response":
                fields = [("Content-Type", "text/html"), ("X-Folded", "a"), ("Server", "x" * numbers.randrange(100))]
                headers = StatusAndHeaders("200 OK", fields, protocol="HTTP/1.1")
                record = writer.create_warc_record(uri, kind, payload=io.BytesIO(body()), http_headers=headers)
            elif kind == "request":
                headers = StatusAndHeaders("GET / HTTP/1.1", [("Host", "host.example")], is_http_request=True)
                record = writer.create_warc_record(uri, kind, http_headers=headers)
            elif kind == "revisit":
                record = writer.create_revisit_record(uri, "sha1:X", uri, "2026-11-30T00:00:00Z")
            else:
                record = writer.create_warc_record(uri, kind, payload=io.BytesIO(body()), warc_content_type="text/plain")
            writer.write_record(record)


def timed(read):
    began = time.perf_counter()
    return read(), time.perf_counter() - began


def ours(path):
    lines = subprocess.run([arguments.program, path], check=True, capture_output=True, text=True).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert not any("fault" in line for line in found), "a fault in a file that is whole"
    return [(line["type"], line["member"] if line["member"] is not None else line["offset"], line["length"], line["sha256"]) for line in found]


def warcio(path):
    found = []
    with open(path, "rb") as file:
        records = ArchiveIterator(file, no_record_parse=True)
        for record in records:
            content = record.raw_stream.read()
            found.append((record.rec_type, records.get_record_offset(), len(content), hashlib.sha256(content).hexdigest()))
    return found


# fastwarc's types are bits.
TYPES = ["warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"]


def fastwarc(path):
    found = []
    for record in FastIterator(open(path, "rb"), parse_http=False):
        content = record.reader.read()
        found.append((TYPES[int(record.record_type).bit_length() - 2], record.stream_pos, len(content), hashlib.sha256(content).hexdigest()))
    return found


if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
with tempfile.TemporaryDirectory() as folder:
    for name, is_packed in [("made.warc.gz", True), ("made.warc", False)]:
        path = os.path.join(folder, name)
        make(path, is_packed)
        (found, seconds), (first, first_seconds), (second, second_seconds) = timed(lambda: ours(path)), timed(lambda: warcio(path)), timed(lambda: fastwarc(path))
        for peer, peer_found in [("warcio", first), ("fastwarc", second)]:
            different = sum(a != b for a, b in zip(found, peer_found)) + abs(len(found) - len(peer_found))
            print(f"{name}: {len(found)} records, {os.path.getsize(path)} bytes; {peer} finds {len(peer_found)}, {different} differ in type, place, length or sha256")
            for a, b in zip(found, peer_found):
                if a != b:
                    print("  first difference:", a, b)
                    break
        print(f"{name}: {seconds:.3f} s with JSON and a process of its own; warcio {first_seconds:.3f} s, fastwarc {second_seconds:.3f} s, all with sha256")
