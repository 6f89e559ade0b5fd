"""Compares ours with Hugging Face's tokenizers library; run by parity.rs, which also sets up the environment.

python byte_level_parity.py FOLDER: FOLDER holds NAME.json and NAME.cases.jsonl (objects with text, ids, decoded), which
    the library must agree with. Prints one line per file; exits 1 on any difference.
"""

import json
import pathlib
import sys

import tokenizers

failed = False
for cases in sorted(pathlib.Path(sys.argv[1]).glob("*.cases.jsonl")):
    file = cases.with_name(cases.name.replace(".cases.jsonl", ".json"))
    tokenizer = tokenizers.Tokenizer.from_file(str(file))
    count = differences = 0
    for line in cases.read_bytes().splitlines():
        case = json.loads(line)
        count += 1
        ids = tokenizer.encode(case["text"]).ids
        decoded = tokenizer.decode(ids, skip_special_tokens=False)
        if ids != case["ids"] or decoded != case["decoded"]:
            differences += 1
            if differences <= 5:
                print(f"{file.name}: {case['text']!r}\n  library {ids} {decoded!r}", file=sys.stderr)
                print(f"  ours    {case['ids']} {case['decoded']!r}", file=sys.stderr)
    print(f"{file.name}: {count} texts, {differences} differ (tokenizers {tokenizers.__version__})")
    failed |= differences > 0 or count == 0
sys.exit(failed)
