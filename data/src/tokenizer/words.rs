//! Counts of words, within a limit of memory.
//!
//! Text is cut into stretches. A hash of its content gives each a level: half of them have level 0, a quarter level 1, and
//! so on. Words are counted for each level by itself; where they take more memory than they may, the lowest level that is
//! left is forgotten. In the end the lowest level is the first from which on all fit, in whichever order the text came.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};

use super::normalizer::SPACE;
use super::train::script;
use crate::{Error, Result};

/// Bytes of normalised text that are taken or left as one, or a little more, up to the end of a word.
const STRETCH: usize = 1 << 12;
/// Longer words are cut where no piece can span.
const LONG_WORD: usize = 256;
/// What a distinct word takes in training, in bytes: for itself, and for each of its bytes.
const WORD_MEMORY: u64 = 128;
const BYTE_MEMORY: u64 = 16;

/// How much memory training a tokenizer may take, and what chooses the text where that is too little for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Bytes for the words of the text, without the text of one document, which is in memory too.
    pub memory: u64,
    /// Another one chooses other text.
    pub seed: u64,
}

impl Sampling {
    /// All of the text, whatever memory that takes.
    pub const ALL: Self = Self { memory: u64::MAX, seed: 0 };

    /// All of the text, or as much of it as 1 GiB has room for.
    pub const USUAL: Self = Self { memory: 1 << 30, seed: 0 };
}

/// The text that a tokenizer was trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Bytes of the text after normalisation.
    pub normalized_bytes: u64,
    /// Of these, bytes of text that the tokenizer was trained on.
    pub used_bytes: u64,
    /// Distinct words in the text that the tokenizer was trained on.
    pub distinct_words: u64,
    /// The most words that were held at once; those of several levels count for each.
    pub most_words: u64,
}

impl Sample {
    /// The share of the text that the tokenizer was trained on.
    pub fn share(&self) -> f64 {
        if self.normalized_bytes == 0 { 0.0 } else { self.used_bytes as f64 / self.normalized_bytes as f64 }
    }
}

/// Counts the words of a text.
pub(super) struct WordCounts {
    sampling: Sampling,
    /// By number less [`WordCounts::lowest`].
    levels: Vec<Level>,
    /// The lowest level that is left.
    lowest: usize,
    /// What the words of all levels take.
    memory: u64,
    words: u64,
    most_words: u64,
    normalized_bytes: u64,
}

#[derive(Default)]
struct Level {
    counts: FxHashMap<Box<str>, u64>,
    memory: u64,
    bytes: u64,
}

impl WordCounts {
    pub(super) fn new(sampling: Sampling) -> Self {
        // A hash of 64 bits has up to 64 zeros.
        let levels = (0..=64).map(|_| Level::default()).collect();
        Self { sampling, levels, lowest: 0, memory: 0, words: 0, most_words: 0, normalized_bytes: 0 }
    }

    /// Counts the words of a normalised document.
    pub(super) fn add(&mut self, normalized: &str) {
        self.normalized_bytes += normalized.len() as u64;
        let mut rest = normalized;
        while !rest.is_empty() {
            let mut places = STRETCH..rest.len();
            let least = places.find(|&at| rest.is_char_boundary(at)).unwrap_or(rest.len());
            let end = rest[least..].find(SPACE).map_or(rest.len(), |at| least + at);
            let (stretch, after) = rest.split_at(end);
            self.add_stretch(stretch);
            rest = after;
        }
    }

    fn add_stretch(&mut self, stretch: &str) {
        let level = self.level(stretch);
        let Some(counted) = level.checked_sub(self.lowest).and_then(|index| self.levels.get_mut(index))
        else {
            return;
        };
        counted.bytes += stretch.len() as u64;
        for word in words(stretch).flat_map(parts) {
            // The levels change only where this is left.
            let Some(counted) = level.checked_sub(self.lowest).and_then(|index| self.levels.get_mut(index))
            else {
                return;
            };
            if let Some(count) = counted.counts.get_mut(word) {
                *count += 1;
                continue;
            }
            let memory = WORD_MEMORY + BYTE_MEMORY * word.len() as u64;
            if memory > self.sampling.memory {
                // It would take the place of all others, and then be forgotten too.
                counted.bytes -= word.len() as u64;
                continue;
            }
            counted.counts.insert(word.into(), 1);
            counted.memory += memory;
            self.memory += memory;
            self.words += 1;
            self.most_words = self.most_words.max(self.words);
            while self.memory > self.sampling.memory && !self.levels.is_empty() {
                self.forget_lowest();
            }
        }
    }

    fn level(&self, stretch: &str) -> usize {
        if self.sampling == Sampling::ALL {
            return 0;
        }
        let hash =
            Sha256::new().chain_update(self.sampling.seed.to_le_bytes()).chain_update(stretch).finalize();
        let first = hash.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        first.trailing_zeros() as usize
    }

    fn forget_lowest(&mut self) {
        let level = self.levels.remove(0);
        self.lowest += 1;
        self.memory -= level.memory;
        self.words -= level.counts.len() as u64;
    }

    /// The counts of all words that are left.
    ///
    /// # Errors
    /// No text, or no memory for any of it.
    pub(super) fn finish(self) -> Result<(FxHashMap<Box<str>, u64>, Sample)> {
        let used_bytes: u64 = self.levels.iter().map(|level| level.bytes).sum();
        let mut counts = FxHashMap::default();
        for level in self.levels {
            if counts.is_empty() {
                counts = level.counts;
                continue;
            }
            for (word, count) in level.counts {
                match counts.entry(word) {
                    Entry::Occupied(mut entry) => *entry.get_mut() += count,
                    Entry::Vacant(entry) => _ = entry.insert(count),
                }
            }
        }
        if counts.keys().all(|word| word.chars().all(|c| c == SPACE || c.is_whitespace())) {
            if used_bytes < self.normalized_bytes {
                let detail = "too few bytes for the words of any part of this text; give more".into();
                let value = self.sampling.memory.to_string();
                return Err(Error::TokenizerSetting { setting: "memory", value, detail });
            }
            let detail = "a tokenizer cannot be trained on nothing".into();
            return Err(Error::NoText { paths: Vec::new(), detail });
        }
        let sample = Sample {
            normalized_bytes: self.normalized_bytes,
            used_bytes,
            distinct_words: counts.len() as u64,
            most_words: self.most_words,
        };
        Ok((counts, sample))
    }
}

/// The words of normalised text: each starts at a space sign and ends before the next.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let body = rest.chars().next()?.len_utf8();
        let end = rest[body..].find(SPACE).map_or(rest.len(), |at| body + at);
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

/// Cuts a long word where the script changes: no piece spans that, so that the same pieces are found.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let mut end = rest.len();
        if end > LONG_WORD {
            let mut before = None;
            let changes = rest.char_indices().find(|&(_, c)| {
                let own = script(c);
                std::mem::replace(&mut before, own).is_some_and(|before| own != Some(before))
            });
            end = changes.map_or(end, |(at, _)| at);
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tokenizer::train::count_runs;

    proptest! {
        /// Pieces are found in the same runs of characters, whether long words are cut or not.
        #[test]
        fn cutting_long_words_changes_no_run(word in "▁?[ab]{0,5}(a{200,300}|[aя]{0,9}|[日本カー]{0,300}|[.1]{1,2}){0,8}") {
            let characters: Vec<char> = "▁abя日カー.".chars().collect();
            let count = |words: &mut dyn Iterator<Item = &str>| {
                let mut counts: FxHashMap<Box<str>, u64> = FxHashMap::default();
                words.for_each(|word| *counts.entry(word.into()).or_default() += 1);
                count_runs(&counts, &characters)
            };
            prop_assert_eq!(parts(&word).collect::<String>(), &*word);
            prop_assert_eq!(count(&mut parts(&word)), count(&mut std::iter::once(&*word)));
        }
    }
}
