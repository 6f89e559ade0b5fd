"""Compares recorded cases with the SentencePiece library.

Usage: python parity.py FOLDER, where FOLDER holds NAME.model and NAME.cases.jsonl (objects with text, ids, decoded).
Written by parity.rs, which also sets up the environment. Prints one line per model; exits 1 on any difference.
"""

import json
import pathlib
import sys

import sentencepiece

failed = False
for cases in sorted(pathlib.Path(sys.argv[1]).glob("*.cases.jsonl")):
    model = cases.with_name(cases.name.replace(".cases.jsonl", ".model"))
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    count = differences = 0
    for line in cases.read_bytes().splitlines():
        case = json.loads(line)
        count += 1
        ids = processor.encode(case["text"])
        if ids != case["ids"] or processor.decode(ids) != case["decoded"]:
            differences += 1
            if differences <= 5:
                print(f"{model.name}: {case['text']!r}\n  library {ids} {processor.decode(ids)!r}", file=sys.stderr)
                print(f"  ours    {case['ids']} {case['decoded']!r}", file=sys.stderr)
    print(f"{model.name}: {count} texts, {differences} differ (sentencepiece {sentencepiece.__version__})")
    failed |= differences > 0 or count == 0
sys.exit(failed)
