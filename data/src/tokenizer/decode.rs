//! Ids to text, all at once or one after another.

use super::normalizer::SPACE;
use super::proto::PieceType;
use super::sentencepiece::SentencePiece;
use super::{Tokenizer, TokenizerKind};
use crate::Result;

/// Text of ids that come one after another: the same as that of all of them at once, and no character torn.
///
/// What is not a character yet waits for the ids that follow.
pub struct TextStream<'a> {
    tokenizer: &'a Tokenizer,
    state: State,
    text: String,
}

/// How far the decoding of a text has come.
#[derive(Default)]
pub(super) struct State {
    /// Bytes of a character that is not whole.
    bytes: Vec<u8>,
    /// Whether there is some text.
    is_under_way: bool,
    /// Whether leading spaces are not taken away any more.
    is_past_start: bool,
}

impl<'a> TextStream<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, state: State::default(), text: String::new() }
    }

    /// Adds an id.
    ///
    /// # Errors
    /// An id outside the vocabulary.
    pub fn push(&mut self, id: u32) -> Result<()> {
        self.tokenizer.check_id(id)?;
        match &self.tokenizer.0 {
            TokenizerKind::SentencePiece(tokenizer) => {
                tokenizer.decode_id(id, &mut self.state, &mut self.text)
            }
            TokenizerKind::ByteLevel(tokenizer) => {
                tokenizer.push_bytes(id, &mut self.state.bytes);
                push_whole(&mut self.state.bytes, &mut self.text, |_| 1);
            }
        }
        self.state.is_under_way |= !self.text.is_empty();
        Ok(())
    }

    /// The text that has become whole since this was last asked.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The rest, with U+FFFD for bytes that came to be no character.
    pub fn finish(mut self) -> String {
        let bytes = self.state.bytes.len();
        let marks = match &self.tokenizer.0 {
            TokenizerKind::SentencePiece(_) => bytes,
            TokenizerKind::ByteLevel(_) => bytes.min(1),
        };
        self.text.extend((0..marks).map(|_| char::REPLACEMENT_CHARACTER));
        self.text
    }
}

impl SentencePiece {
    /// Appends what an id makes whole.
    fn decode_id(&self, id: u32, state: &mut State, text: &mut String) {
        if let Some(byte) = self.vocabulary.byte(id) {
            state.bytes.push(byte);
            return push_whole(&mut state.bytes, text, |invalid| invalid);
        }
        // A run of bytes ends: what is left of it is no character.
        text.extend(state.bytes.drain(..).map(|_| char::REPLACEMENT_CHARACTER));
        state.is_past_start |= state.is_under_way || !text.is_empty();
        let piece = self.vocabulary.pieces[id as usize].as_str();
        match self.vocabulary.kind(id) {
            PieceType::Control => {}
            PieceType::Unknown => text.push_str(&self.unknown_surface),
            _ => {
                let strips = self.normalizer.add_dummy_prefix || self.normalizer.remove_extra_whitespaces;
                let stripped = piece.strip_prefix(SPACE).filter(|_| !state.is_past_start && strips);
                // Where extra spaces are removed, all leading ones go; otherwise only the added one.
                state.is_past_start |= stripped.is_some() && !self.normalizer.remove_extra_whitespaces;
                text.extend(stripped.unwrap_or(piece).chars().map(|c| if c == SPACE { ' ' } else { c }));
            }
        }
    }
}

/// Moves what is whole of `bytes` to the text: characters, and as many U+FFFD as `marks` says for a number of bytes that cannot
/// begin one. What can stays.
fn push_whole(bytes: &mut Vec<u8>, text: &mut String, marks: fn(usize) -> usize) {
    let mut whole = 0;
    while let Some(rest) = bytes.get(whole..).filter(|rest| !rest.is_empty()) {
        let (valid, invalid) = match std::str::from_utf8(rest) {
            Ok(all) => (all.len(), Some(0)),
            Err(error) => (error.valid_up_to(), error.error_len()),
        };
        text.push_str(std::str::from_utf8(&rest[..valid]).unwrap_or_default());
        whole += valid;
        let Some(invalid) = invalid else { break };
        text.extend((0..if invalid > 0 { marks(invalid) } else { 0 }).map(|_| char::REPLACEMENT_CHARACTER));
        whole += invalid;
    }
    bytes.drain(..whole);
}
