//! Where in a text its tokens come from.

use super::byte_level::ByteLevel;
use super::proto::PieceType;
use super::sentencepiece::SentencePiece;
use super::{Tokenizer, TokenizerKind};

/// A token of a text, and the bytes of the text that it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: u32,
    /// Where its bytes begin in the text.
    pub start: usize,
    /// Where they end.
    pub end: usize,
}

impl Tokenizer {
    /// The tokens of `text`, with the ids of [`Tokenizer::encode`].
    ///
    /// Of SentencePiece, places are those that its library gives: what normalisation adds has no bytes of its own, and of a
    /// character that several tokens come from, such as one that is written as bytes, the last token has all bytes. Of byte-level
    /// BPE, a token may begin or end within a character.
    pub fn encode_with_offsets(&self, text: &str) -> Vec<Token> {
        self.offsets(text, self.encode(text))
    }

    /// The same with the ids of [`Tokenizer::encode_text`].
    pub fn encode_text_with_offsets(&self, text: &str) -> Vec<Token> {
        self.offsets(text, self.encode_text(text))
    }

    fn offsets(&self, text: &str, ids: Vec<u32>) -> Vec<Token> {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => tokenizer.offsets(text, &ids),
            TokenizerKind::ByteLevel(tokenizer) => tokenizer.offsets(text, &ids),
        }
    }
}

impl SentencePiece {
    fn offsets(&self, text: &str, ids: &[u32]) -> Vec<Token> {
        let (normalized, origins) = self.normalizer.normalize_with_origins(text);
        let origin = |at: usize| origins.get(at).copied().unwrap_or(text.len());
        let (mut tokens, mut at) = (Vec::with_capacity(ids.len()), 0);
        let mut left_of_character = 0;
        for (index, &id) in ids.iter().enumerate() {
            let rest = normalized.get(at..).unwrap_or_default();
            match self.vocabulary.kind(id) {
                PieceType::Byte => {
                    let length = rest.chars().next().map_or(0, char::len_utf8);
                    if left_of_character == 0 {
                        left_of_character = length;
                    }
                    left_of_character = left_of_character.saturating_sub(1);
                    let start = origin(at);
                    // The last byte of a character stands for all of it.
                    at += if left_of_character == 0 { length } else { 0 };
                    let end = origin(at);
                    tokens.push(Token { id, start, end });
                }
                kind => {
                    let length = match kind {
                        PieceType::Unknown => self.unknown_length(rest, &ids[index + 1..]),
                        _ => self.vocabulary.pieces[id as usize].len(),
                    };
                    tokens.push(Token { id, start: origin(at), end: origin(at + length) });
                    at += length;
                }
            }
        }
        tokens
    }

    /// How much of `rest` a run of unknown characters takes, before the pieces `after` it.
    ///
    /// No character of the run is a piece, nor are several of them: the next piece begins where it is first found.
    fn unknown_length(&self, rest: &str, after: &[u32]) -> usize {
        let known = after.iter().take_while(|&&id| self.vocabulary.kind(id) != PieceType::Unknown);
        let known: String = known.map(|&id| self.vocabulary.pieces[id as usize].as_str()).collect();
        if known.is_empty() {
            return rest.len();
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        rest[first..].find(&known).map_or(rest.len(), |found| first + found)
    }
}

impl ByteLevel {
    fn offsets(&self, text: &str, ids: &[u32]) -> Vec<Token> {
        let bytes = text.as_bytes();
        let mut at = 0;
        let token = |&id: &u32| {
            let piece = self.bytes_of(id);
            // Bytes that have no piece, where there is no unknown piece, became no token.
            while at < bytes.len() && !bytes[at..].starts_with(&piece) && self.is_left_out(bytes[at]) {
                at += 1;
            }
            let start = at;
            // An unknown byte does not spell its piece.
            let length = if bytes[at..].starts_with(&piece) { piece.len() } else { 1 };
            at = (at + length).min(bytes.len());
            Token { id, start, end: at }
        };
        ids.iter().map(token).collect()
    }
}
