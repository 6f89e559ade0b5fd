//! The statistics of a document under each rule set, in one pass over its words.
//!
//! [`Measurer::measure`] splits a text into words once and finds the repeated n-grams once, for all rule sets that split at
//! whitespace. Each rule set's own reading is in its file; what it leaves open in the paper, and how it decides, is in
//! `docs/massivetext.md`.

mod curator;
mod datatrove;
mod dclm;
mod dolma;
mod paper;
mod rpv2;

use std::fmt;
use std::ops::Range;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::ngrams::Repeated;
use crate::text::{Word, split_words};

/// A rule set: the paper's, or what a public program makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleSet {
    /// The paper's wording (Rae et al. 2021, appendix A), with our choices where it leaves room.
    Paper,
    /// datatrove's functions on words between whitespace.
    DatatroveWs,
    /// dolma's `gopher_v1` attributes.
    Dolma,
    /// DCLM's filters of RefinedWeb.
    Dclm,
    /// RedPajama-v2's quality signals.
    Rpv2,
    /// NeMo Curator's heuristic filters for English.
    Curator,
}

impl RuleSet {
    /// All of them; the paper's first.
    pub const ALL: [RuleSet; 6] = [
        RuleSet::Paper,
        RuleSet::DatatroveWs,
        RuleSet::Dolma,
        RuleSet::Dclm,
        RuleSet::Rpv2,
        RuleSet::Curator,
    ];

    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            RuleSet::Paper => "paper",
            RuleSet::DatatroveWs => "datatrove-ws",
            RuleSet::Dolma => "dolma",
            RuleSet::Dclm => "dclm",
            RuleSet::Rpv2 => "rpv2",
            RuleSet::Curator => "curator",
        }
    }

    /// The rule set of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// The names of its statistics, in the order of [`Statistics`]. A dot stands for an object in an object.
    pub fn statistics(self) -> &'static [&'static str] {
        match self {
            RuleSet::Paper => paper::STATISTICS,
            RuleSet::DatatroveWs => datatrove::STATISTICS,
            RuleSet::Dolma => dolma::STATISTICS,
            RuleSet::Dclm => dclm::STATISTICS,
            RuleSet::Rpv2 => rpv2::STATISTICS,
            RuleSet::Curator => curator::STATISTICS,
        }
    }
}

impl fmt::Display for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The statistics of one document under one rule set, in the order of [`RuleSet::statistics`]. Not a number where the
/// program that made the rule set has no value or divides by zero.
pub type Statistics = Vec<f64>;

/// Is told which parts of a text a statistic counts.
pub trait Evidence {
    /// Some bytes of the text count for a statistic.
    fn note(&mut self, set: RuleSet, statistic: &'static str, bytes: Range<usize>);
}

/// For those who want numbers alone.
impl Evidence for () {
    fn note(&mut self, _: RuleSet, _: &'static str, _: Range<usize>) {}
}

/// Measures documents one after another, in memory that it keeps.
#[derive(Default)]
pub struct Measurer {
    words: Vec<Word>,
    repeated: Repeated,
    concatenations: datatrove::Concatenations,
    normalised: rpv2::Normalised,
}

/// The longest n-grams of Table A1.
const LONGEST: usize = 10;

impl Measurer {
    /// The statistics of a text of less than 4 GiB under each of `sets`, in that order.
    pub fn measure(&mut self, text: &str, sets: &[RuleSet], evidence: &mut impl Evidence) -> Vec<Statistics> {
        let Self { words, repeated, concatenations, normalised } = self;
        split_words(text, words);
        let has = |set| sets.contains(&set);
        let mut all: Vec<Statistics> = Vec::with_capacity(sets.len());
        for &set in sets {
            let mut out = Vec::with_capacity(set.statistics().len());
            match set {
                RuleSet::Paper => paper::begin(text, words, &mut out, evidence),
                RuleSet::DatatroveWs => datatrove::begin(text, words, &mut out, evidence),
                RuleSet::Dolma => dolma::begin(text, words, &mut out, evidence),
                RuleSet::Dclm => dclm::begin(text, words, &mut out, evidence),
                RuleSet::Rpv2 => rpv2::begin(text, words, normalised, &mut out, evidence),
                RuleSet::Curator => curator::begin(text, words, &mut out, evidence),
            }
            all.push(out);
        }
        let at_whitespace = [RuleSet::Paper, RuleSet::DatatroveWs, RuleSet::Dolma, RuleSet::Curator];
        if at_whitespace.into_iter().any(has) {
            let text_words = Words { text, words };
            repeated.begin(words.iter().map(|word| (&text[word.bytes.clone()], word.length)));
            if has(RuleSet::DatatroveWs) {
                concatenations.begin(&text_words);
            }
            for _ in 2..=LONGEST {
                repeated.grow();
                for (&set, out) in sets.iter().zip(&mut all) {
                    match set {
                        RuleSet::Paper => paper::grams(&text_words, repeated, out, evidence),
                        RuleSet::DatatroveWs => {
                            datatrove::grams(&text_words, repeated, concatenations, out, evidence);
                        }
                        RuleSet::Dolma => dolma::grams(&text_words, repeated, out, evidence),
                        RuleSet::Curator => curator::grams(&text_words, repeated, out, evidence),
                        RuleSet::Dclm | RuleSet::Rpv2 => {}
                    }
                }
            }
        }
        for (&set, out) in sets.iter().zip(&mut all) {
            match set {
                RuleSet::Dclm => {
                    dclm::split(text, words);
                    let text_words = Words { text, words };
                    repeated.begin(words.iter().map(|word| (&text[word.bytes.clone()], word.length)));
                    for _ in 2..=LONGEST {
                        repeated.grow();
                        dclm::grams(&text_words, repeated, out, evidence);
                    }
                }
                RuleSet::Rpv2 => {
                    let text_words = Words { text, words: &normalised.raw };
                    repeated.begin(normalised.words());
                    for _ in 2..=LONGEST {
                        repeated.grow();
                        rpv2::grams(&text_words, repeated, out, evidence);
                    }
                }
                RuleSet::Paper | RuleSet::DatatroveWs | RuleSet::Dolma | RuleSet::Curator => {}
            }
        }
        all
    }
}

/// The words of a text.
struct Words<'a> {
    text: &'a str,
    words: &'a [Word],
}

impl Words<'_> {
    /// The bytes from the first to the last of some words.
    fn bytes(&self, words: Range<usize>) -> Range<usize> {
        match (self.words.get(words.start), self.words.get(words.end.saturating_sub(1))) {
            (Some(first), Some(last)) => first.bytes.start..last.bytes.end,
            _ => 0..0,
        }
    }
}

/// The statistics' names of the most frequent n-gram's share of the characters, n = 2 to 4.
const TOP: [&str; 3] = ["top_2_gram_char_frac", "top_3_gram_char_frac", "top_4_gram_char_frac"];

/// The statistics' names of the duplicate n-grams' share of the characters, n = 5 to 10.
const DUPLICATE: [&str; 6] = [
    "dup_5_gram_char_frac",
    "dup_6_gram_char_frac",
    "dup_7_gram_char_frac",
    "dup_8_gram_char_frac",
    "dup_9_gram_char_frac",
    "dup_10_gram_char_frac",
];

/// `part / whole`, and 0 of nothing.
fn fraction(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What is repeated among the parts of a text, such as its lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Repeats {
    /// Parts.
    parts: usize,
    /// Parts that occur more than once, all of their copies.
    copies: usize,
    /// Copies after the first.
    later: usize,
    /// Their characters, in the order of the counts above.
    part_characters: usize,
    copy_characters: usize,
    later_characters: usize,
}

impl Repeats {
    /// Compares parts; `characters` says how many characters one has. `note` is told each copy, and whether it is a later one.
    fn of<'t>(
        parts: impl Iterator<Item = &'t str>,
        characters: impl Fn(&str) -> usize,
        mut note: impl FnMut(&'t str, bool),
    ) -> Self {
        let parts: Vec<&str> = parts.collect();
        let mut counts: FxHashMap<&str, (usize, usize)> = FxHashMap::default();
        counts.reserve(parts.len());
        for (index, part) in parts.iter().enumerate() {
            counts.entry(part).or_insert((index, 0)).1 += 1;
        }
        let mut repeats = Self { parts: parts.len(), ..Self::default() };
        for (index, &part) in parts.iter().enumerate() {
            let length = characters(part);
            repeats.part_characters += length;
            let Some(&(first, count)) = counts.get(part) else { continue };
            if count < 2 {
                continue;
            }
            repeats.copies += 1;
            repeats.copy_characters += length;
            if index > first {
                repeats.later += 1;
                repeats.later_characters += length;
            }
            note(part, index > first);
        }
        repeats
    }
}
