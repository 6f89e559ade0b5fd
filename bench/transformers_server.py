#!/usr/bin/env python3
"""A server of OpenAI's completions over transformers' `generate`, as a peer of bench/serve.py.

    pip install torch transformers gguf
    python3 bench/transformers_server.py MODEL.gguf|FOLDER [--port 8091] [--threads 2]

What asks within 30 ms of each other is one batch, padded on the left; answers are greedy, in float32, with the cache that `generate` has,
always as long as asked for, and sent when the batch is done.
"""

import argparse
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TOGETHER = 0.03


def load(path):
    path = Path(path)
    where = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name} if path.is_file() else {
        "pretrained_model_name_or_path": path}
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(**where)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    # Answers have the length that was asked for.
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model, tokenizer


def work(model, tokenizer, asked):
    """Answers batches, for ever."""
    while True:
        batch = [asked.get()]
        time.sleep(TOGETHER)
        while not asked.empty():
            batch.append(asked.get())
        inputs = tokenizer([prompt for prompt, _, _ in batch], return_tensors="pt", padding=True)
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            tokens = max(count for _, count, _ in batch)
            made = model.generate(**inputs, max_new_tokens=tokens, do_sample=False)[:, inputs["input_ids"].shape[1]:]
        for (_, count, reply), ids in zip(batch, made):
            reply.put((tokenizer.decode(ids[:count]), count))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, tokenizer = load(arguments.model)
    asked = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply = queue.Queue()
            asked.put((body["prompt"], body["max_tokens"], reply))
            text, count = reply.get()
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for event in ({"choices": [{"index": 0, "text": text, "finish_reason": "length"}]},
                          {"choices": [], "usage": {"completion_tokens": count}}):
                self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_):
            pass

    threading.Thread(target=work, args=(model, tokenizer, asked), daemon=True).start()
    print(f"ready at http://127.0.0.1:{arguments.port}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
