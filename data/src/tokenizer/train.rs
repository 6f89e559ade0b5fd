//! Training a BPE model: counting words and characters, choosing pieces, writing the model.
//!
//! The rules are SentencePiece's defaults: a piece holds at most 16 characters, has the space sign only at
//! its start, and does not mix scripts (Latin with digits or punctuation, say). Unlike SentencePiece, which
//! looks for the most frequent pair among the most promising ones only, every merge here is the most frequent
//! pair of all.

use std::cmp::Reverse;

use prost::Message as _;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use unicode_script::{Script, UnicodeScript as _};

use super::Tokenizer;
use super::nfkc::nfkc_charsmap;
use super::normalizer::{Normalizer, PrefixMatcher, SPACE};
use super::pairs::Pairs;
use super::proto::{ModelProto, ModelType, NormalizerSpec, Piece, PieceType, TrainerSpec};
use super::vocabulary::byte_piece;
use super::words::{Sample, Sampling, WordCounts};
use crate::{Document, Error, Result};

/// `<unk>`, `<s>`, `</s>`.
const SPECIAL_PIECES: usize = 3;
const BYTE_PIECES: usize = 256;
/// Longer runs are cut for counting; no piece is nearly as long.
const MAX_RUN: usize = 1024;

/// The settings of training a tokenizer.
///
/// Vocabulary size, byte fall-back and NFKC are Gopher's; the coverage and piece length are SentencePiece's
/// defaults; keeping repeated spaces is our choice, because Gopher's text extraction keeps indentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenizerConfig {
    /// Number of pieces, of which 3 are special and 256 stand for bytes.
    pub vocabulary_size: usize,
    /// Fraction of the text's characters that get pieces of their own, above 0 and at most 1; the rarest
    /// others are written as bytes.
    pub character_coverage: f64,
    /// The most characters in a piece.
    pub max_piece_length: usize,
    /// Makes one space of several, and drops those at both ends. Then texts with indentation do not
    /// round-trip.
    pub remove_extra_whitespaces: bool,
}

impl Default for TokenizerConfig {
    fn default() -> Self {
        Self {
            vocabulary_size: 32_000,
            character_coverage: 0.9995,
            max_piece_length: 16,
            remove_extra_whitespaces: false,
        }
    }
}

impl TokenizerConfig {
    fn check(&self) -> Result<()> {
        let setting = |setting, value: String, detail: &str| {
            Err(Error::TokenizerSetting { setting, value, detail: detail.into() })
        };
        if !(self.character_coverage > 0.0 && self.character_coverage <= 1.0) {
            let value = self.character_coverage.to_string();
            return setting("character_coverage", value, "must be above 0 and at most 1");
        }
        if self.vocabulary_size > 1 << 24 {
            return setting("vocabulary_size", self.vocabulary_size.to_string(), "must be at most 16777216");
        }
        if !(2..=512).contains(&self.max_piece_length) {
            return setting(
                "max_piece_length",
                self.max_piece_length.to_string(),
                "must be between 2 and 512",
            );
        }
        Ok(())
    }
}

impl Tokenizer {
    /// Trains a BPE tokenizer on `documents`. The same documents and settings give the same bytes.
    ///
    /// Pieces: `<unk>` 0, `<s>` 1, `</s>` 2, the 256 bytes, the merges in the order they were made, the
    /// characters by falling frequency.
    ///
    /// # Errors
    /// A document's error, no text, settings out of range, or a vocabulary too small or too large for the
    /// text.
    pub fn train(
        documents: impl IntoIterator<Item = Result<Document>>,
        config: &TokenizerConfig,
    ) -> Result<Tokenizer> {
        Ok(Self::train_within(documents, config, Sampling::ALL)?.0)
    }

    /// As [`Tokenizer::train`], within a limit of memory. Where the words of all the text take more, it is trained on a
    /// sample, half of the text or a quarter or so on, that depends on text, seed and limit alone, and not on the order of
    /// documents. Where they do not, the bytes are those of [`Tokenizer::train`].
    ///
    /// # Errors
    /// As [`Tokenizer::train`], and a limit that is too low for any part of the text.
    pub fn train_within(
        documents: impl IntoIterator<Item = Result<Document>>,
        config: &TokenizerConfig,
        sampling: Sampling,
    ) -> Result<(Tokenizer, Sample)> {
        config.check()?;
        let normalizer_spec = NormalizerSpec {
            name: Some("nfkc".into()),
            precompiled_charsmap: Some(nfkc_charsmap()),
            add_dummy_prefix: Some(true),
            remove_extra_whitespaces: Some(config.remove_extra_whitespaces),
            escape_whitespaces: Some(true),
        };
        let normalizer = Normalizer::new(&normalizer_spec, false, PrefixMatcher::default())
            .expect("the table made here is well formed");
        let mut words = WordCounts::new(sampling);
        for document in documents {
            words.add(&normalizer.normalize(&document?.text));
        }
        let (words, sample) = words.finish()?;
        let characters = choose_characters(&words, config.character_coverage);
        let fixed = SPECIAL_PIECES + BYTE_PIECES + characters.len();
        let Some(merges) = config.vocabulary_size.checked_sub(fixed) else {
            return Err(Error::VocabularyTooSmall {
                requested: config.vocabulary_size,
                characters: characters.len(),
                minimum: fixed,
            });
        };
        let mut pairs = Pairs::new(&characters, config.max_piece_length);
        let runs = count_runs(&words, &characters);
        drop(words);
        for (run, count) in runs {
            pairs.add_run(&run, count);
        }
        let merged = pairs.merge(merges);
        if merged.len() < merges {
            let maximum = fixed + merged.len();
            return Err(Error::VocabularyTooLarge { requested: config.vocabulary_size, maximum });
        }
        let model = ModelProto {
            pieces: pieces(&merged, &characters),
            trainer_spec: Some(TrainerSpec {
                model_type: Some(ModelType::Bpe.into()),
                vocab_size: i32::try_from(config.vocabulary_size).ok(),
                character_coverage: Some(config.character_coverage as f32),
                max_sentencepiece_length: i32::try_from(config.max_piece_length).ok(),
                byte_fallback: Some(true),
                ..TrainerSpec::default()
            }),
            normalizer_spec: Some(normalizer_spec),
            denormalizer_spec: None,
        };
        Ok((Tokenizer::from_bytes(model.encode_to_vec(), "the tokenizer trained here")?, sample))
    }
}

/// The characters that get pieces, by falling frequency: the fewest that make up `coverage` of the text.
fn choose_characters(words: &FxHashMap<Box<str>, u64>, coverage: f64) -> Vec<char> {
    let mut counts: FxHashMap<char, u64> = FxHashMap::default();
    for (word, count) in words {
        // A piece's string cannot hold U+0000 in SentencePiece.
        for c in word.chars().filter(|&c| c != '\0') {
            *counts.entry(c).or_default() += count;
        }
    }
    // Needed whatever its share: every text starts with one.
    counts.entry(SPACE).or_default();
    let total: u64 = counts.values().sum();
    let mut characters: Vec<(char, u64)> = counts.into_iter().collect();
    characters.sort_by_key(|&(c, count)| (Reverse(count), c));
    let mut covered = 0;
    let mut chosen = Vec::new();
    for (c, count) in characters {
        if covered as f64 / total as f64 >= coverage && c != SPACE {
            continue;
        }
        covered += count;
        chosen.push(c);
    }
    chosen
}

/// What may stand together in a piece: the script, where Japanese counts as one; `None` goes with anything.
pub(super) fn script(c: char) -> Option<Script> {
    match c.script() {
        _ if c == SPACE => None,
        Script::Hiragana | Script::Katakana => Some(Script::Han),
        _ if c == '\u{30FC}' => Some(Script::Han),
        script => Some(script),
    }
}

/// Cuts words into the runs of characters that pieces may lie in, and counts those.
///
/// Because special pieces mix scripts (`<s>`, `<0x0A>`), no piece found in a run can take the name of one.
pub(super) fn count_runs(words: &FxHashMap<Box<str>, u64>, characters: &[char]) -> FxHashMap<Vec<char>, u64> {
    let chosen: rustc_hash::FxHashSet<char> = characters.iter().copied().collect();
    let mut runs: FxHashMap<Vec<char>, u64> = FxHashMap::default();
    let mut finish = |run: &mut Vec<char>, count: u64| {
        if run.len() > 1 {
            *runs.entry(std::mem::take(run)).or_default() += count;
        }
        run.clear();
    };
    for (word, &count) in words {
        let mut run: Vec<char> = Vec::new();
        let mut current = None;
        for c in word.chars() {
            let own = script(c);
            if run.len() >= MAX_RUN || !chosen.contains(&c) || (current.is_some() && own != current) {
                finish(&mut run, count);
            }
            if chosen.contains(&c) {
                run.push(c);
                current = own;
            } else {
                current = None;
            }
        }
        finish(&mut run, count);
    }
    runs
}

fn pieces(merged: &[String], characters: &[char]) -> Vec<Piece> {
    let piece = |text: String, score: f32, kind: PieceType| Piece {
        piece: Some(text),
        score: Some(score),
        kind: (kind != PieceType::Normal).then_some(kind.into()),
    };
    let special = [("<unk>", PieceType::Unknown), ("<s>", PieceType::Control), ("</s>", PieceType::Control)];
    let special = special.into_iter().map(|(name, kind)| piece(name.into(), 0.0, kind));
    let bytes = (0..=255).map(|byte| piece(byte_piece(byte), 0.0, PieceType::Byte));
    let normal = merged.iter().cloned().chain(characters.iter().map(char::to_string)).enumerate();
    let normal = normal.map(|(rank, text)| piece(text, -(rank as f32), PieceType::Normal));
    special.chain(bytes).chain(normal).collect()
}
