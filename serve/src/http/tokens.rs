//! Single tokens as text, for clients that look at them one by one.

use std::fmt::Write;

use data::Tokenizer;

/// The text of a token, and its bytes. What is no text by itself is written `bytes:\xf0\x9f`.
pub(crate) fn token_text(tokenizer: &Tokenizer, id: u32) -> (String, Vec<u8>) {
    let piece = tokenizer.piece(id).unwrap_or_default();
    let is_byte_level = tokenizer.file_name() == "tokenizer.json";
    if !is_byte_level {
        if let Some(byte) = byte_of(piece) {
            return (escaped(&[byte]), vec![byte]);
        }
        let text = piece.replace('\u{2581}', " ");
        let bytes = text.clone().into_bytes();
        return (text, bytes);
    }
    let text = tokenizer.decode(&[id]).unwrap_or_default();
    if !text.contains(char::REPLACEMENT_CHARACTER) {
        let bytes = text.clone().into_bytes();
        return (text, bytes);
    }
    let bytes: Vec<u8> = piece.chars().filter_map(byte_of_character).collect();
    match std::str::from_utf8(&bytes) {
        Ok(text) => (text.to_owned(), bytes),
        Err(_) => (escaped(&bytes), bytes),
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold("bytes:".to_owned(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "\\x{byte:02x}");
        text
    })
}

/// The byte of a SentencePiece piece such as `<0x0A>`.
fn byte_of(piece: &str) -> Option<u8> {
    let hex = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 2)
}

/// The byte that a character stands for in byte-level BPE: printable ones for themselves, others for those from U+0100 on.
fn byte_of_character(character: char) -> Option<u8> {
    let is_printable = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    match u32::from(character) {
        code @ 0..256 => u8::try_from(code).ok().filter(is_printable),
        code => (0..=255u8).filter(|byte| !is_printable(byte)).nth(code as usize - 256),
    }
}

#[cfg(test)]
mod tests {
    use data::{Document, TokenizerConfig};

    use super::*;

    #[test]
    fn tokens_of_bytes_are_told_apart() {
        let config = TokenizerConfig { vocabulary_size: 262, ..TokenizerConfig::default() };
        let document = Document { name: "text".into(), text: "aaa aaa aaa".into() };
        let tokenizer = Tokenizer::train([Ok(document)], &config).unwrap();
        let all: Vec<String> =
            (0..tokenizer.vocabulary_size() as u32).map(|id| token_text(&tokenizer, id).0).collect();
        let distinct: std::collections::HashSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert!(all.iter().any(|text| text == "bytes:\\xf0"), "{all:?}");
        assert!(all.iter().any(|text| text == " "), "{all:?}");
    }

    #[test]
    fn characters_of_byte_level_pieces_are_bytes() {
        let text = |piece: &str| piece.chars().filter_map(byte_of_character).collect::<Vec<u8>>();
        assert_eq!(text("Ġa"), b" a");
        assert_eq!(text("Ċ"), b"\n");
        assert_eq!(text("ðŁĺ"), [0xf0, 0x9f, 0x98]);
        assert_eq!(byte_of_character('\u{ad}'), None);
        assert_eq!(byte_of_character('日'), None);
    }
}
