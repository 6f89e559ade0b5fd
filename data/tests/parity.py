"""Compares ours with the SentencePiece library; run by parity.rs, which also sets up the environment.

python parity.py train TEXT FOLDER: the library trains models with all kinds of settings on the lines of TEXT.
python parity.py compare FOLDER: FOLDER holds NAME.model and NAME.cases.jsonl (objects with text, ids, decoded, spans in
    bytes), which the library must agree with. Where there is NAME.txt too, it trains on its lines and must find the same pieces in
    the same order. Prints one line per comparison; exits 1 on any difference.
"""

import io
import json
import pathlib
import sys

import sentencepiece

VARIANTS = {
    "user_defined": dict(user_defined_symbols=["<sep>", "the", "ing", "日本"], control_symbols=["<ctl>"]),
    "user_defined_bytes": dict(user_defined_symbols=["<sep>", "  "], byte_fallback=True, normalization_rule_name="identity"),
    "suffix": dict(treat_whitespace_as_suffix=True),
    "no_prefix": dict(add_dummy_prefix=False, remove_extra_whitespaces=False, byte_fallback=True),
    "across_words": dict(split_by_whitespace=False),
    "case_folding": dict(normalization_rule_name="nmt_nfkc_cf", unk_surface="?"),
    "other_ids": dict(unk_id=3, bos_id=-1, eos_id=1, pad_id=0),
    "only_spaces": dict(allow_whitespace_only_pieces=True, remove_extra_whitespaces=False),
}


def train(text, **settings):
    model = io.BytesIO()
    lines = iter(text.read_bytes().decode().split("\n"))
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=lines, model_writer=model, minloglevel=2, **settings)
    return model.getvalue()


if sys.argv[1] == "train":
    text, folder = map(pathlib.Path, sys.argv[2:])
    for model_type in ("bpe", "unigram"):
        for name, settings in VARIANTS.items():
            model = train(text, model_type=model_type, vocab_size=700, hard_vocab_limit=False, **settings)
            (folder / f"{model_type}_{name}.model").write_bytes(model)
    sys.exit()

folder = pathlib.Path(sys.argv[2])
failed = False
for cases in sorted(folder.glob("*.cases.jsonl")):
    model = cases.with_name(cases.name.replace(".cases.jsonl", ".model"))
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    count = differences = 0
    for line in cases.read_bytes().splitlines():
        case = json.loads(line)
        count += 1
        ids = processor.encode(case["text"])
        proto = processor.encode(case["text"], return_type="proto")
        spans = [[piece.begin, piece.end] for piece in proto.pieces]
        same_spans = spans == case["spans"]
        if ids != case["ids"] or processor.decode(ids) != case["decoded"] or not same_spans:
            differences += 1
            if differences <= 5:
                print(f"{model.name}: {case['text']!r}\n  library {ids} {processor.decode(ids)!r}", file=sys.stderr)
                print(f"  ours    {case['ids']} {case['decoded']!r}", file=sys.stderr)
                print(f"  library {spans}\n  ours    {case['spans']}", file=sys.stderr)
    print(f"{model.name}: {count} texts, {differences} differ (sentencepiece {sentencepiece.__version__})")
    failed |= differences > 0 or count == 0
for text in sorted(folder.glob("*.txt")):
    ours = sentencepiece.SentencePieceProcessor(model_file=str(text.with_suffix(".model")))
    model = train(
        text,
        model_type="bpe",
        vocab_size=ours.get_piece_size(),
        byte_fallback=True,
        character_coverage=0.9995,
        normalization_rule_name="nfkc",
        remove_extra_whitespaces=False,
    )
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = [[p.id_to_piece(i) for i in range(p.get_piece_size())] for p in (ours, theirs)]
    same = pieces[0] == pieces[1]
    shared = len(set(pieces[0]) & set(pieces[1]))
    print(f"{text.name}: trained pieces {'are the same' if same else 'differ'} ({shared} of {len(pieces[0])} shared)")
    failed |= not same
sys.exit(failed)
