//! Ids back to text, as SentencePiece decodes.

use super::normalizer::SPACE;
use super::proto::PieceType;
use super::sentencepiece::SentencePiece;

impl SentencePiece {
    /// The text of `ids`. Control pieces (`<s>`, `</s>`) give nothing; byte pieces that are not valid UTF-8
    /// give U+FFFD each; the space that encoding puts before the text is taken away. All ids are in the vocabulary.
    pub(super) fn decode(&self, ids: &[u32]) -> String {
        let mut text = String::new();
        let mut bytes = Vec::new();
        let strips = self.normalizer.add_dummy_prefix || self.normalizer.remove_extra_whitespaces;
        let mut at_start = true;
        for &id in ids {
            if let Some(byte) = self.vocabulary.byte(id) {
                bytes.push(byte);
                continue;
            }
            push_bytes(&mut bytes, &mut text);
            at_start &= text.is_empty();
            let piece = self.vocabulary.pieces[id as usize].as_str();
            match self.vocabulary.kind(id) {
                PieceType::Control => {}
                PieceType::Unknown => text.push_str(&self.unknown_surface),
                _ => {
                    let stripped = piece.strip_prefix(SPACE).filter(|_| at_start && strips);
                    // Where extra spaces are removed, all leading ones go; otherwise only the added one.
                    at_start &= stripped.is_none() || self.normalizer.remove_extra_whitespaces;
                    text.extend(stripped.unwrap_or(piece).chars().map(|c| if c == SPACE { ' ' } else { c }));
                }
            }
        }
        push_bytes(&mut bytes, &mut text);
        text
    }
}

/// Appends the text of a run of byte pieces: U+FFFD for each byte that does not belong to a character.
fn push_bytes(bytes: &mut Vec<u8>, text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    bytes.clear();
}
