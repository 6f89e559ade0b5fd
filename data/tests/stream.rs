//! Ids decoded one after another give the text of all at once, for both kinds of tokenizers.

mod small_bpe;

use std::sync::LazyLock;

use data::tokenizer::PreTokenizer;
use data::{Document, Tokenizer, TokenizerConfig};
use proptest::prelude::*;

const TEXT: &str = "Naïve cafés — 日本語, emoji 🙂👩‍👩‍👧, tabs\tand\nlines.  Two spaces. ";

/// SentencePiece that falls back to bytes, which most of its pieces are; and byte-level BPE.
static TOKENIZERS: LazyLock<[Tokenizer; 2]> = LazyLock::new(|| {
    let config = TokenizerConfig { vocabulary_size: 330, ..TokenizerConfig::default() };
    let document = Document { name: "text".into(), text: TEXT.repeat(2) };
    let trained = Tokenizer::train([Ok(document)], &config).unwrap();
    [trained, byte_level()]
});

fn byte_level() -> Tokenizer {
    Tokenizer::from_byte_level(small_bpe::model(PreTokenizer::Gpt2), "the test's").unwrap()
}

/// What a stream gives after each id and at its end, all joined; and how often it had something to give.
fn streamed(tokenizer: &Tokenizer, ids: &[u32]) -> (String, usize) {
    let (mut stream, mut text, mut pieces) = (tokenizer.stream(), String::new(), 0);
    for &id in ids {
        stream.push(id).unwrap();
        let piece = stream.take();
        pieces += usize::from(!piece.is_empty());
        text.push_str(&piece);
    }
    text.push_str(&stream.finish());
    (text, pieces)
}

/// The text of bytes as the libraries of both kinds give it: U+FFFD for each byte that belongs to no character, or for each
/// longest run that could begin one.
fn lossy(bytes: &[u8], each: bool) -> String {
    if !each {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let chunks = bytes.utf8_chunks();
    chunks.map(|chunk| format!("{}{}", chunk.valid(), "\u{FFFD}".repeat(chunk.invalid().len()))).collect()
}

proptest! {
    #[test]
    fn a_stream_gives_the_text_of_all_ids(ids in prop::collection::vec(0u32..1000, 0..60)) {
        for tokenizer in &*TOKENIZERS {
            let size = tokenizer.vocabulary_size() as u32;
            let ids: Vec<u32> = ids.iter().map(|id| id % size).collect();
            prop_assert_eq!(streamed(tokenizer, &ids).0, tokenizer.decode(&ids).unwrap());
        }
    }

    /// Characters of several bytes are not torn: no mark stands for a part of one.
    #[test]
    fn a_stream_tears_no_character(text in "[a-zé日本🙂 ]{0,24}") {
        for tokenizer in &*TOKENIZERS {
            let ids = tokenizer.encode(&text);
            let (streamed, _) = streamed(tokenizer, &ids);
            prop_assert_eq!(&streamed, &tokenizer.decode(&ids).unwrap());
            prop_assert!(!streamed.contains('\u{FFFD}'), "{}", streamed);
        }
    }

    /// Random bytes, most of which are no text, against the standard library.
    #[test]
    fn bytes_that_are_no_text_are_marked(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0xe0u8..=0xf4, 0x80u8..=0xbf], 0..40)) {
        let [sentencepiece, _] = &*TOKENIZERS;
        let ids: Vec<u32> =
            bytes.iter().map(|byte| sentencepiece.id(&format!("<0x{byte:02X}>")).unwrap()).collect();
        prop_assert_eq!(streamed(sentencepiece, &ids).0, lossy(&bytes, true));
        let byte_level = LazyLock::force(&BYTES);
        let ids: Vec<u32> = bytes.iter().map(|&byte| byte_level.1[usize::from(byte)]).collect();
        prop_assert_eq!(streamed(&byte_level.0, &ids).0, lossy(&bytes, false));
    }
}

/// A byte-level tokenizer, and the id of each byte.
static BYTES: LazyLock<(Tokenizer, Vec<u32>)> = LazyLock::new(|| {
    let tokenizer = byte_level();
    let ids = small_bpe::bytes().iter().map(|letter| tokenizer.id(letter).unwrap()).collect();
    (tokenizer, ids)
});

#[test]
fn text_comes_as_soon_as_it_is_whole() {
    let (tokenizer, ids) = &*BYTES;
    let smile: Vec<u32> = "a🙂b".bytes().map(|byte| ids[usize::from(byte)]).collect();
    assert_eq!(streamed(tokenizer, &smile), ("a🙂b".into(), 3));
}
