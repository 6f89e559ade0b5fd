#!/usr/bin/env python3
"""Scoring and decoding speed beside Hugging Face transformers and llama.cpp, on the same weights, rows and tokens, in one run.

    cargo build --release -p eval --example score
    python3 bench/score.py RUN [--rounds 3] [--data ../shared/data] [--only gopher,transformers,llama.cpp] [--json FILE]

RUN is a folder that `gopher import MODEL.gguf` made, on the CPU. Needs `numpy`, and for the programs beside `torch`, `transformers`,
`accelerate`, `gguf` and `llama-cpp-python`; a program that is not installed is left out, and said to be. All get the weights dequantised to
float32: transformers by its own reader (which needs `accelerate`), llama.cpp from a GGUF file of float32 that this script writes (its keys and values stay
float16, its default).

Programs take turns, each measurement in a process of its own; loading, compiling and a first small call are not measured. The
median of the rounds is printed as a Markdown table, by the clock and by processor time, since other work may share the machine.
What is measured:
- scoring: HellaSwag's and PIQA's answers and windows of WikiText, in tokens scored a second. transformers gets requests as
  lm-evaluation-harness makes them: longest first, 16 padded to the longest of them. llama.cpp gets them as its llama-perplexity makes
  them: what answers of a document share once, in calls of up to 512 tokens.
- decoding: 64 tokens after prompts of 32, greedily, 1 prompt and 8 side by side, in tokens made a second, prompts included.
- MMLU, 5 shots, several subjects: with what questions share computed once, against each question whole in one pass (a row for its
  four letters). Of the latter every few questions are measured, as nothing is shared.
- what the plugin reaches in plain matmuls of the model's sizes, and what is reached in scoring.
"""

import argparse
import csv
import importlib.util
import json
import lzma
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

BATCH = 16
# Tokens of a call of ours on a CPU.
CALL = 256
PROMPT, MADE = 32, 64
# As tasks have hundreds, enough that calls are full.
DOCUMENTS = 64
WINDOWS, WINDOW = 16, 512
# Subjects of MMLU, questions of each, and how few of them are asked whole.
SUBJECTS = ["abstract_algebra", "anatomy", "clinical_knowledge", "college_biology", "computer_security", "econometrics",
            "global_facts", "high_school_biology", "human_aging", "international_law", "machine_learning", "management", "nutrition",
            "philosophy", "prehistory", "sociology"]
QUESTIONS, EVERY = 40, 10
PROGRAMS = {"gopher": [], "transformers": ["torch", "transformers", "accelerate", "gguf"], "llama.cpp": ["llama_cpp", "gguf"]}


# Rows.

def lines(folder, name, count):
    with lzma.open(folder / name, "rt", encoding="utf-8") as text:
        return [json.loads(line) for line, _ in zip(text, range(count))]


def hellaswag(data):
    def clean(text):
        text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
        return text.replace("  ", " ")

    for document in lines(data / "eval_hellaswag", "hellaswag_val.jsonl.xz", DOCUMENTS):
        context = document["ctx_a"] + " " + document["ctx_b"].capitalize()
        context = clean(document["activity_label"] + ": " + context)
        yield from ([context, " " + clean(ending)] for ending in document["endings"])


def piqa(data):
    for document in lines(data / "eval_piqa", "valid.jsonl.xz", DOCUMENTS):
        yield from ([f"Question: {document['goal']}\nAnswer:", " " + document[key]] for key in ("sol1", "sol2"))


def wikitext(data):
    with lzma.open(data / "lm_wikitext/wikitext-2/valid.txt.xz", "rt", encoding="utf-8") as text:
        return text.read(200_000)


def mmlu(data):
    """A row of each question, with the first of its letters."""
    def asked(row, answered):
        question, *choices, answer = row
        choices = "".join(f"{letter}. {choice}\n" for letter, choice in zip("ABCD", choices))
        return f"{question.strip()}\n{choices}Answer:" + (f" {answer}\n\n" if answered else "")

    def rows(part, subject, count):
        with open(data / f"eval_mmlu/{part}/{subject}_{part}.csv", newline="", encoding="utf-8") as file:
            return list(csv.reader(file))[:count]

    for subject in SUBJECTS:
        shots = "".join(asked(row, True) for row in rows("dev", subject, 5))
        about = f"The following are multiple choice questions (with answers) about {subject.replace('_', ' ')}.\n\n"
        yield [[about + shots + asked(row, False), letter]
               for row in rows("test", subject, QUESTIONS) for letter in (" A", " B", " C", " D")]


def encoded(arguments, parts):
    """Lists of rows of text as lists of rows of ids."""
    text = "".join(json.dumps(row) + "\n" for rows in parts for row in rows)
    output = subprocess.run([arguments.binary, arguments.run, "encode"], input=text, check=True, stdout=subprocess.PIPE, text=True)
    lines = iter(output.stdout.splitlines())
    return [[json.loads(next(lines)) for _ in rows] for rows in parts]


def workloads(arguments, folder):
    data = arguments.data
    files = {}

    def write(name, rows):
        files[name] = folder / f"{name}.jsonl"
        files[name].write_text("".join(json.dumps(row) + "\n" for row in rows))
        print(f"{name}: {len(rows)} rows, {sum(len(row[0]) + len(row[1]) for row in rows)} tokens", file=sys.stderr)

    parts = [list(hellaswag(data)), list(piqa(data)), [["\n", wikitext(data)]], [row for rows in mmlu(data) for row in rows]]
    endings, solutions, [[_, ids]], questions = encoded(arguments, parts)
    write("HellaSwag", endings)
    write("PIQA", solutions)
    starts = range(0, WINDOWS * WINDOW, WINDOW)
    write("WikiText", [[ids[start : start + 1], ids[start + 1 : start + WINDOW + 1]] for start in starts])
    starts = range(WINDOWS * WINDOW, len(ids) - PROMPT, 500)
    write("prompts", [[ids[start : start + PROMPT], []] for start in list(starts)[:8]])
    write("MMLU", questions)
    # As many as fill calls.
    write("MMLU whole", questions[:: 4 * EVERY])
    return files


# The programs: each measures one thing in this process and prints a line of JSON.

def measured(work):
    """Seconds and processor seconds of what `work` does; what it gives is added."""
    begin, cpu = time.monotonic(), time.process_time()
    result = work()
    return {"seconds": time.monotonic() - begin, "cpu_seconds": time.process_time() - cpu, **result}


def transformers_side(what, file, arguments):
    os.environ["TQDM_DISABLE"] = "1"
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(arguments.threads)
    path = pathlib.Path(arguments.gguf)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    model.eval()
    rows = sorted(map(json.loads, open(file)), key=lambda row: -len(row[0]) - len(row[1]))

    def score(rows):
        total, count = 0.0, 0
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            texts = [(context + continuation)[:-1] for context, continuation in part]
            longest = max(map(len, texts))
            tokens = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
            scores = torch.log_softmax(model(tokens).logits, dim=-1)
            for index, (context, continuation) in enumerate(part):
                places = torch.arange(len(context) - 1, len(context) + len(continuation) - 1)
                total += scores[index, places, torch.tensor(continuation)].sum().item()
                count += len(continuation)
        return {"tokens": count, "sum": total}

    def decode(rows, made=MADE):
        prompts = torch.tensor([context for context, _ in rows])
        output = model.generate(prompts, attention_mask=torch.ones_like(prompts), do_sample=False, max_new_tokens=made,
                                min_new_tokens=made, pad_token_id=0)
        return {"tokens": output[:, PROMPT:].numel(), "ids": output[0, PROMPT:].tolist()[:8]}

    with torch.no_grad():
        if what == "score":
            score(rows[-2:])
            return measured(lambda: score(rows))
        decode(rows[: int(what)], 2)
        return measured(lambda: decode(rows[: int(what)]))


def llama_cpp_side(what, file, arguments):
    import ctypes

    import llama_cpp
    import numpy

    quiet = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(arguments.gguf_float32.encode(), llama_cpp.llama_model_default_params())
    parameters = llama_cpp.llama_context_default_params()
    sequences = 64 if what == "score" else int(what)
    parameters.n_ctx = 2048 if what == "score" else sequences * (PROMPT + MADE)
    parameters.n_batch = parameters.n_ubatch = 512
    parameters.n_seq_max = sequences
    parameters.kv_unified = what == "score"
    for name, value in (("n_outputs_max", 512), ("n_outputs_max_per_seq", 512)):
        if hasattr(parameters, name):
            setattr(parameters, name, value)
    parameters.n_threads = parameters.n_threads_batch = arguments.threads
    context = llama_cpp.llama_init_from_model(model, parameters)
    vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    batch = llama_cpp.llama_batch_init(512, 0, sequences)
    rows = list(map(json.loads, open(file)))

    def run(tokens):
        """Logits `[wanted, vocabulary]` of tokens (id, position, sequences, whether logits are wanted)."""
        batch.n_tokens = len(tokens)
        for place, (token, position, of, wanted) in enumerate(tokens):
            batch.token[place], batch.pos[place], batch.logits[place] = token, position, wanted
            batch.n_seq_id[place] = len(of)
            for index, sequence in enumerate(of):
                batch.seq_id[place][index] = sequence
        if llama_cpp.llama_decode(context, batch) != 0:
            raise RuntimeError("llama_decode")
        wanted = [place for place, token in enumerate(tokens) if token[3]]
        if not wanted:
            return None
        logits = llama_cpp.llama_get_logits(context)
        return numpy.ctypeslib.as_array(logits, (len(wanted), vocabulary))

    def forget():
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)

    def score(rows):
        texts = [context + continuation for context, continuation in rows]
        groups, index = [], 0
        while index < len(rows):
            same = 1
            while index + same < len(rows) and rows[index + same][0] == rows[index][0]:
                same += 1
            groups.append(range(index, index + same))
            index += same
        total, count, calls = 0.0, 0, [[]]
        asked, used = [[]], 0
        for group in groups:
            shared = len(rows[group[0]][0])
            size = shared - 1 + sum(len(texts[row]) - shared for row in group)
            if calls[-1] and (len(calls[-1]) + size > 512 or used + len(group) > sequences):
                calls.append([])
                asked.append([])
                used = 0
            of = {row: used + place for place, row in enumerate(group)}
            used += len(group)
            call = calls[-1]
            # The last token of the context scores the first of each continuation, and those that are read the ones after them.
            for position in range(shared):
                last = position == shared - 1
                call.append((texts[group[0]][position], position, list(of.values()), last))
                if last:
                    asked[-1].append([texts[row][shared] for row in group])
            for row in group:
                for position in range(shared, len(texts[row]) - 1):
                    call.append((texts[row][position], position, [of[row]], True))
                    asked[-1].append([texts[row][position + 1]])
        for call, targets in zip(calls, asked):
            forget()
            for start in range(0, len(call), 512):
                part = call[start : start + 512]
                logits = run(part)
                wanted = sum(token[3] for token in part)
                if not wanted:
                    continue
                largest = logits.max(axis=1)
                logits -= largest[:, None]
                picked = [logits[place, ids] for place, ids in enumerate(targets[:wanted])]
                numpy.exp(logits, out=logits)
                normal = numpy.log(logits.sum(axis=1))
                for values, log in zip(picked, normal):
                    total += float((values - log).sum())
                    count += len(values)
                del targets[:wanted]
        return {"tokens": count, "sum": total}

    def decode(rows, made=MADE):
        forget()
        prompts = [context for context, _ in rows]
        tokens = [(token, position, [row], position == len(prompt) - 1)
                  for row, prompt in enumerate(prompts) for position, token in enumerate(prompt)]
        first = []
        for number in range(made):
            ids = run(tokens).argmax(axis=1).tolist()
            first.append(ids[0])
            tokens = [(token, PROMPT + number, [row], True) for row, token in enumerate(ids)]
        return {"tokens": made * len(prompts), "ids": first[:8]}

    if what == "score":
        score(rows[:2])
        return measured(lambda: score(rows))
    decode(rows[: int(what)], 2)
    return measured(lambda: decode(rows[: int(what)]))


def write_float32(source, target):
    """The same GGUF with all tensors dequantised."""
    import gguf
    import numpy

    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "llama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        value = 0 if name == "general.file_type" else field.contents()
        sub_type = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, value, field.types[0], sub_type)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# The rounds.

def run(command):
    output = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.strip().splitlines()[-1])


def commands(arguments, files, programs):
    """What is measured, by (what, program)."""
    itself = [sys.executable, __file__, arguments.run, "--threads", arguments.threads, "--gguf", arguments.gguf,
              "--gguf-float32", arguments.gguf_float32, "--side"]
    made = {}
    for program in programs:
        for name in ("HellaSwag", "PIQA", "WikiText"):
            made[f"scoring, {name}", program] = ([arguments.binary, arguments.run, "score", files[name]] if program == "gopher" else
                                                 [*itself, program, "score", files[name]])
        for batch in (1, 8):
            made[f"decoding, {batch} text{'s' * (batch > 1)}", program] = (
                [arguments.binary, arguments.run, "decode", files["prompts"], batch, MADE] if program == "gopher" else
                [*itself, program, batch, files["prompts"]])
    if "gopher" in programs and not arguments.no_questions:
        made["MMLU, shared once", "gopher"] = [arguments.binary, arguments.run, "score", files["MMLU"]]
        made["MMLU, each whole", "gopher"] = [arguments.binary, arguments.run, "whole", files["MMLU whole"]]
    if "gopher" in programs:
        made["plain matmuls", "gopher"] = [arguments.binary, arguments.run, "matmul"]
    return made


def median(results, of):
    return statistics.median(map(of, results))


def table(results):
    whats = list(dict.fromkeys(what for what, _ in results))
    rate = lambda key: lambda result: result["tokens"] / result[key]
    print("| | gopher | transformers | llama.cpp | gopher / transformers | gopher / llama.cpp |\n|---|---|---|---|---|---|")
    for what in whats:
        if not what.startswith(("scoring", "decoding")):
            continue
        cells = {}
        for program in PROGRAMS:
            if (what, program) in results:
                cells[program] = [median(results[what, program], rate(key)) for key in ("seconds", "cpu_seconds")]
        show = lambda pair: f"{pair[0]:.1f} ({pair[1]:.1f})" if pair else "–"
        ratio = lambda other: [a / b for a, b in zip(cells["gopher"], cells[other])] if {"gopher", other} <= set(cells) else None
        times = lambda pair: f"{pair[0]:.2f}× ({pair[1]:.2f}×)" if pair else "–"
        print(f"| {what} | " + " | ".join(show(cells.get(program)) for program in PROGRAMS) +
              f" | {times(ratio('transformers'))} | {times(ratio('llama.cpp'))} |")
    print("\nTokens a second by the clock, and by processor time in brackets.\n")
    shared, whole = results.get(("MMLU, shared once", "gopher")), results.get(("MMLU, each whole", "gopher"))
    if shared and whole:
        each = lambda side, key, texts: median(side, lambda result: result[key] / texts(result))
        # Four letters make a question; of the whole ones a row has one.
        of_shared, of_whole = (lambda result: result["tokens"] / 4), (lambda result: result["tokens"])
        print("| MMLU, 5 shots | questions | s a question (processor) | tokens computed a question | calls a question | of a call filled |\n"
              "|---|---|---|---|---|---|")
        for name, side, texts in (("shared once", shared, of_shared), ("each whole", whole, of_whole)):
            print(f"| {name} | {texts(side[0]):.0f} | {each(side, 'seconds', texts):.3f} ({each(side, 'cpu_seconds', texts):.3f}) | "
                  f"{each(side, 'computed', texts):.0f} | {each(side, 'calls', texts):.2f} | "
                  f"{side[0]['computed'] / side[0]['calls'] / CALL:.0%} |")
        ratios = [each(whole, key, of_whole) / each(shared, key, of_shared) for key in ("seconds", "cpu_seconds", "computed", "calls")]
        print("| ratio | | {:.2f}× ({:.2f}×) | {:.2f}× | {:.2f}× | |".format(*ratios))
        filled = whole[0]["computed"] / whole[0]["calls"] / CALL
        print("| had calls of the whole been full | | {:.2f}× ({:.2f}×) | | {:.2f}× | |\n".format(
            ratios[0] * filled, ratios[1] * filled, ratios[3] * filled))
    matmul = results.get(("plain matmuls", "gopher"))
    if matmul:
        print(f"Plain matmuls of a call's sizes through the same plugin: {median(matmul, lambda r: r['gflops'] / r['seconds']):.0f} GFLOP/s "
              f"({median(matmul, lambda r: r['gflops'] / r['cpu_seconds']):.0f} a second of processor time).")
        for what, program in results:
            if program == "gopher" and results[what, program][0].get("gflops") and what != "plain matmuls":
                side = results[what, program]
                print(f"{what}: {median(side, lambda r: r['gflops'] / r['seconds']):.0f} GFLOP/s "
                      f"({median(side, lambda r: r['gflops'] / r['cpu_seconds']):.0f}) in matmuls with the layers' weights, filling included.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data"))
    parser.add_argument("--gguf", help="the file that RUN was imported from [default: as RUN says]")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", default=",".join(PROGRAMS), help="programs, with commas between")
    parser.add_argument("--no-questions", action="store_true", help="leave MMLU out")
    parser.add_argument("--binary", default="target/release/examples/score")
    parser.add_argument("--json", type=pathlib.Path, help="file for all measurements")
    parser.add_argument("--gguf-float32", help=argparse.SUPPRESS)
    parser.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        program, what, file = arguments.side
        side = transformers_side if program == "transformers" else llama_cpp_side
        print(json.dumps(side(what, file, arguments)))
        return
    arguments.gguf = arguments.gguf or json.loads((pathlib.Path(arguments.run) / "import.json").read_text())["source"]
    programs = []
    for program in arguments.only.split(","):
        missing = [name for name in PROGRAMS[program] if importlib.util.find_spec(name) is None]
        if missing:
            print(f"{program}: left out, {', '.join(missing)} not installed", file=sys.stderr)
        else:
            programs.append(program)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        arguments.gguf_float32 = str(folder / "float32.gguf")
        if "llama.cpp" in programs:
            write_float32(arguments.gguf, arguments.gguf_float32)
        files = workloads(arguments, folder)
        todo = commands(arguments, files, programs)
        results = {key: [] for key in todo}
        for number in range(arguments.rounds):
            for key, command in todo.items():
                results[key].append(run(command))
                print(f"round {number + 1}: {key[0]}, {key[1]}: {json.dumps(results[key][-1])}", file=sys.stderr, flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps([{"what": what, "program": program, "rounds": rounds}
                                                  for (what, program), rounds in results.items()], indent=1))
        table(results)


if __name__ == "__main__":
    main()
