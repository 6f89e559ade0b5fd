"""Compares recorded cases with the SentencePiece library.

Usage: python parity.py FOLDER, where FOLDER holds NAME.model and NAME.cases.jsonl (objects with text, ids, decoded).
Where there is NAME.txt too, the library trains on its lines and must find the same pieces in the same order.
Run by parity.rs, which also sets up the environment. Prints one line per comparison; exits 1 on any difference.
"""

import io
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
for text in sorted(pathlib.Path(sys.argv[1]).glob("*.txt")):
    ours = sentencepiece.SentencePieceProcessor(model_file=str(text.with_suffix(".model")))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.read_bytes().decode().split("\n")),
        model_writer=model,
        model_type="bpe",
        vocab_size=ours.get_piece_size(),
        byte_fallback=True,
        character_coverage=0.9995,
        normalization_rule_name="nfkc",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [[p.id_to_piece(i) for i in range(p.get_piece_size())] for p in (ours, theirs)]
    same = pieces[0] == pieces[1]
    shared = len(set(pieces[0]) & set(pieces[1]))
    print(f"{text.name}: trained pieces {'are the same' if same else 'differ'} ({shared} of {len(pieces[0])} shared)")
    failed |= not same
sys.exit(failed)
