//! Tokenizer files with damage anywhere in them: reading one never panics, and what is read encodes and decodes any text. Some
//! cases, or as many as `GOPHER_FUZZ_SECONDS` has room for:
//!
//! `GOPHER_FUZZ_SECONDS=300 cargo test -p data --test model_fuzz -- --nocapture`

#[path = "../../massivetext/tests/fuzz/mod.rs"]
mod fuzz;
mod small_bpe;

use data::tokenizer::PreTokenizer;
use data::{Document, Tokenizer, TokenizerConfig};
use fuzz::{Numbers, cases};

const TEXT: &str = "Naïve cafés — 日本語, emoji 🙂👩‍👩‍👧, tabs\tand\nlines.  Two spaces.\u{0} \u{FFFD}";

/// A SentencePiece file of few pieces, so that damage meets every field, and one of a byte-level BPE.
fn files() -> [(Vec<u8>, &'static str); 2] {
    let config = TokenizerConfig { vocabulary_size: 300, ..TokenizerConfig::default() };
    let document = Document { name: "text".into(), text: TEXT.repeat(2) };
    let trained = Tokenizer::train([Ok(document)], &config).unwrap();
    let byte_level = Tokenizer::from_byte_level(small_bpe::model(PreTokenizer::Gpt2), "the test's").unwrap();
    [(trained.to_bytes().to_vec(), "t.model"), (byte_level.to_bytes().to_vec(), "t.json")]
}

/// A number of protobuf with bits at will, up to ten bytes of it.
fn varint(numbers: &mut Numbers) -> Vec<u8> {
    let length = numbers.below(10);
    (0..=length).map(|i| numbers.below(128) as u8 | if i < length { 128 } else { 0 }).collect()
}

/// Damage to some part of a file: its text of normalisation rules is most of it, and would take most of the damage.
fn damaged(numbers: &mut Numbers, file: &[u8]) -> Vec<u8> {
    match numbers.below(4) {
        0 => numbers.damaged(file.to_vec()),
        1 => {
            let place = numbers.below(file.len());
            [&file[..place], &varint(numbers), &file[(place + 1).min(file.len())..]].concat()
        }
        // The pieces come first, and the settings last.
        2 => {
            let cut = numbers.below(file.len().min(6000));
            [numbers.damaged(file[..cut].to_vec()), file[cut..].to_vec()].concat()
        }
        _ => {
            let cut = file.len() - numbers.below(file.len().min(400));
            [file[..cut].to_vec(), numbers.damaged(file[cut..].to_vec())].concat()
        }
    }
}

#[test]
fn a_damaged_tokenizer_file_is_refused_or_works() {
    let files = files();
    let (mut refused, mut read) = (0, 0);
    let (tried, slowest) = cases(400, |numbers| {
        let (file, name) = &files[numbers.below(2)];
        match Tokenizer::from_bytes(damaged(numbers, file), name) {
            Err(error) => {
                assert!(error.to_string().contains(name), "{error}");
                refused += 1;
            }
            Ok(tokenizer) => {
                let ids = tokenizer.encode(TEXT);
                assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocabulary_size()));
                // A model without a piece for a character, or for bytes, cannot give it back, but says so or gives another.
                let _ = tokenizer.decode(&ids);
                let spans = tokenizer.encode_with_offsets(TEXT);
                assert_eq!(spans.len(), ids.len());
                (0..tokenizer.vocabulary_size() as u32).for_each(|id| drop(tokenizer.decode(&[id])));
                read += 1;
            }
        }
    });
    println!("{tried} files: {refused} refused, {read} read; slowest {slowest:?}");
    assert!(refused > 0 && read > 0, "{refused} refused, {read} read");
}
