//! Byte-level BPE: text is cut into words by a pattern, the bytes of each become pieces, and adjacent pieces merge, the
//! pair of lowest rank first, the leftmost of equals.
//!
//! Pieces are written in an alphabet in which each byte is one printable character ([`alphabet`]). Added pieces, such
//! as the marks of a chat, are found in the text first and become their single ids.

mod alphabet;
mod json;
mod merge;
mod split;

use rustc_hash::FxHashMap;

use super::normalizer::PrefixMatcher;
use super::pool::Pool;
use super::word_cache::WordCache;
use crate::{Error, Result};
use merge::{Merges, Scratch};

pub use split::PreTokenizer;

/// A byte-level BPE tokenizer's parts, whichever file they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct ByteLevelModel {
    /// The pieces by id: in the alphabet of bytes, added pieces as they stand in texts.
    pub pieces: Vec<String>,
    /// The pairs of pieces that merge, the first first.
    pub merges: Vec<(String, String)>,
    /// The pieces that are found in a text before it is cut into words.
    pub added: Vec<AddedPiece>,
    /// How text is cut into words.
    pub pre_tokenizer: PreTokenizer,
    /// Whether a word that is a piece becomes it, whatever merges there are.
    pub ignore_merges: bool,
    /// What a byte without a piece becomes; without it, such bytes are left out.
    pub unknown: Option<u32>,
    /// The id that begins a text.
    pub begin_of_text: Option<u32>,
    /// The id that ends a text.
    pub end_of_text: Option<u32>,
}

/// A piece that is found in a text before it is cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddedPiece {
    /// Its id.
    pub id: u32,
    /// Whether it is a mark and not text, such as `<|im_start|>`.
    pub special: bool,
    /// Whether it is looked for only where no piece without this flag was found.
    pub normalized: bool,
}

/// A byte-level BPE tokenizer, checked and indexed.
pub(super) struct ByteLevel {
    model: ByteLevelModel,
    pub(super) json: Vec<u8>,
    ids: FxHashMap<String, u32>,
    /// The pieces of the 256 bytes.
    bytes: Box<[Option<u32>; 256]>,
    merges: Merges,
    /// By id.
    is_added: Vec<bool>,
    /// Added pieces in the order in which texts are searched for them.
    matchers: [PrefixMatcher; 2],
    /// The same without marks.
    matchers_of_text: [PrefixMatcher; 2],
    memories: Pool<Memory>,
}

impl ByteLevel {
    /// Checks and indexes a model.
    pub(super) fn new(model: ByteLevelModel, name: &str) -> Result<Self> {
        let bad = |detail: String| Error::NotAByteLevelTokenizer { name: name.into(), detail };
        if model.pieces.is_empty() {
            return Err(bad("it has no pieces".into()));
        }
        let mut ids = FxHashMap::default();
        for (id, piece) in model.pieces.iter().enumerate() {
            if piece.is_empty() {
                return Err(bad(format!("piece {id} is empty")));
            }
            if let Some(first) = ids.insert(piece.clone(), id as u32) {
                return Err(bad(format!("the piece {piece:?} appears twice, as {first} and {id}")));
            }
        }
        let count = model.pieces.len();
        let marks = [
            ("unknown", model.unknown),
            ("begin_of_text", model.begin_of_text),
            ("end_of_text", model.end_of_text),
        ];
        let added = model.added.iter().map(|added| ("an added piece", Some(added.id)));
        for (what, id) in marks.into_iter().chain(added) {
            if let Some(id) = id.filter(|&id| id as usize >= count) {
                return Err(bad(format!("{what} has the id {id}, but there are {count} pieces")));
            }
        }
        let mut is_added = vec![false; count];
        for added in &model.added {
            if std::mem::replace(&mut is_added[added.id as usize], true) {
                return Err(bad(format!("the piece {} is added twice", added.id)));
            }
        }
        let merges = Merges::new(&model.merges, &ids).map_err(bad)?;
        let mut bytes = Box::new([None; 256]);
        for (byte, id) in bytes.iter_mut().enumerate() {
            let mut buffer = [0; 4];
            let character: &str = alphabet::character(byte as u8).encode_utf8(&mut buffer);
            *id = ids.get(character).copied().filter(|&id| !is_added[id as usize]);
        }
        let is_mark = |added: &AddedPiece| {
            added.special || [model.begin_of_text, model.end_of_text].contains(&Some(added.id))
        };
        let matchers = |marks: bool| {
            [false, true].map(|normalized| {
                let added = model.added.iter().filter(|added| added.normalized == normalized);
                let added = added.filter(|added| marks || !is_mark(added));
                PrefixMatcher::new(added.map(|added| model.pieces[added.id as usize].clone()).collect())
            })
        };
        let (matchers, matchers_of_text) = (matchers(true), matchers(false));
        let json = model.to_json();
        let memories = Pool::default();
        Ok(Self { model, json, ids, bytes, merges, is_added, matchers, matchers_of_text, memories })
    }

    pub(super) fn len(&self) -> usize {
        self.model.pieces.len()
    }

    pub(super) fn unknown(&self) -> Option<u32> {
        self.model.unknown
    }

    pub(super) fn begin_of_text(&self) -> Option<u32> {
        self.model.begin_of_text
    }

    pub(super) fn end_of_text(&self) -> Option<u32> {
        self.model.end_of_text
    }

    pub(super) fn piece(&self, id: u32) -> Option<&str> {
        self.model.pieces.get(id as usize).map(String::as_str)
    }

    pub(super) fn id(&self, piece: &str) -> Option<u32> {
        self.ids.get(piece).copied()
    }

    pub(super) fn model(&self) -> &ByteLevelModel {
        &self.model
    }

    /// The bytes of a text that a piece in the vocabulary stands for.
    pub(super) fn bytes_of(&self, id: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.push_bytes(id, &mut bytes);
        bytes
    }

    /// Appends the bytes of an id's piece.
    pub(super) fn push_bytes(&self, id: u32, bytes: &mut Vec<u8>) {
        let piece = &self.model.pieces[id as usize];
        if self.is_added[id as usize] || !alphabet::push_bytes(piece, bytes) {
            bytes.extend_from_slice(piece.as_bytes());
        }
    }

    /// Whether encoding leaves a byte out, as it has no piece and there is none for unknown bytes.
    pub(super) fn is_left_out(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)].is_none() && self.model.unknown.is_none()
    }

    /// An encoder, which remembers words it has seen.
    pub(super) fn encoder(&self) -> Encoder<'_> {
        Encoder { tokenizer: self, memory: self.memories.take() }
    }
}

/// Encodes texts one after another.
pub(super) struct Encoder<'a> {
    tokenizer: &'a ByteLevel,
    memory: Memory,
}

/// What an encoder has seen, and room to work in.
#[derive(Default)]
struct Memory {
    cache: WordCache,
    scratch: Scratch,
    fresh: Vec<u32>,
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        self.tokenizer.memories.give(std::mem::take(&mut self.memory));
    }
}

impl Encoder<'_> {
    /// Appends the ids of `text`.
    pub(super) fn encode_into(&mut self, text: &str, out: &mut Vec<u32>) {
        self.without_added(text, &self.tokenizer.matchers, out);
    }

    /// Appends the ids of `text`, in which there are no marks.
    pub(super) fn encode_text_into(&mut self, text: &str, out: &mut Vec<u32>) {
        self.without_added(text, &self.tokenizer.matchers_of_text, out);
    }

    /// Encodes text in which only added pieces of these matchers are looked for.
    fn without_added(&mut self, text: &str, matchers: &[PrefixMatcher], out: &mut Vec<u32>) {
        let tokenizer = self.tokenizer;
        let Some((matcher, others)) = matchers.split_first() else {
            return tokenizer.model.pre_tokenizer.words(text, &mut |word| self.word(word, out));
        };
        let mut rest = text;
        while let Some((start, length)) = matcher.find(rest) {
            let (before, found) = rest.split_at(start);
            let (found, after) = found.split_at(length);
            self.without_added(before, others, out);
            out.extend(tokenizer.id(found));
            rest = after;
        }
        self.without_added(rest, others, out);
    }

    fn word(&mut self, word: &str, out: &mut Vec<u32>) {
        let Memory { cache, scratch, fresh } = &mut self.memory;
        if let Some(ids) = cache.get(word) {
            out.extend_from_slice(ids);
            return;
        }
        fresh.clear();
        let whole = if self.tokenizer.model.ignore_merges {
            let spelled: String = word.bytes().map(alphabet::character).collect();
            self.tokenizer.id(&spelled)
        } else {
            None
        };
        match whole {
            Some(id) => fresh.push(id),
            None => {
                let unknown = self.tokenizer.model.unknown;
                let bytes = &self.tokenizer.bytes;
                let symbols = word.bytes().filter_map(|byte| bytes[byte as usize].or(unknown));
                scratch.merge(symbols, &self.tokenizer.merges, fresh);
            }
        }
        cache.insert(word, fresh);
        out.extend_from_slice(fresh);
    }
}
