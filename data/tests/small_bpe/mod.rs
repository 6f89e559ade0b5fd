//! A small byte-level BPE model.

use data::tokenizer::{AddedPiece, ByteLevelModel, PreTokenizer};

/// The pieces of the 256 bytes in their order, in the alphabet as GPT-2 has it.
pub fn bytes() -> Vec<String> {
    let printable = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others: Vec<u32> = (0..256).filter(|&byte| !printable(byte)).collect();
    let character =
        |byte: u32| others.iter().position(|&other| other == byte).map_or(byte, |place| 256 + place as u32);
    (0..256).map(|byte| char::from_u32(character(byte)).unwrap().to_string()).collect()
}

/// The pairs that merge.
pub const MERGES: [(&str, &str); 10] = [
    ("h", "e"),
    ("t", "he"),
    ("Ġ", "the"),
    ("t", "h"),
    ("a", "b"),
    ("b", "c"),
    ("ab", "c"),
    ("Ġ", "Ġ"),
    ("Ã", "©"),
    ("a", "a"),
];

/// Marks 0 to 2, the bytes, and a piece for each merge.
pub fn model(pre_tokenizer: PreTokenizer) -> ByteLevelModel {
    let marks = ["<|end|>", "<|end", "<é>"].map(String::from);
    let merged = MERGES.map(|(left, right)| format!("{left}{right}"));
    let added = |id| AddedPiece { id, special: id == 0, normalized: false };
    ByteLevelModel {
        pieces: marks.into_iter().chain(bytes()).chain(merged).collect(),
        merges: MERGES.map(|(left, right)| (left.into(), right.into())).into(),
        added: (0..3).map(added).collect(),
        pre_tokenizer,
        ignore_merges: false,
        unknown: None,
        begin_of_text: Some(2),
        end_of_text: Some(0),
    }
}
