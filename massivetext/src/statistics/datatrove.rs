//! datatrove's statistics on words between whitespace (datatrove a649de7, `gopher_quality_filter.py` and
//! `gopher_repetition_filter.py`).
//!
//! Duplicates are the copies after the first; characters are all code points of the text; the words of an n-gram stand
//! together without a separator when duplicates are sought, so that "ab c" is "a bc".

use rustc_hash::FxHashMap;

use super::{DUPLICATE, Evidence, Repeats, RuleSet, Statistics, TOP, Words, fraction};
use crate::ngrams::Repeated;
use crate::text::{
    Word, count, is_space, length, python_lines, range_in, split_at_newlines, stop_word, trim,
};

pub(super) const STATISTICS: &[&str] = &[
    "n_words",
    "mean_word_length",
    // The two that datatrove judges: without words of punctuation alone.
    "n_non_symbol_words",
    "mean_non_symbol_word_length",
    "hash_per_word",
    "ellipsis_per_word",
    "bullet_line_fraction",
    "ellipsis_line_fraction",
    "alpha_word_fraction",
    "distinct_stop_words",
    "n_chars",
    "dup_para_frac",
    "dup_para_char_frac",
    "dup_line_frac",
    "dup_line_char_frac",
    TOP[0],
    TOP[1],
    TOP[2],
    DUPLICATE[0],
    DUPLICATE[1],
    DUPLICATE[2],
    DUPLICATE[3],
    DUPLICATE[4],
    DUPLICATE[5],
];

const SET: RuleSet = RuleSet::DatatroveWs;

/// Where `n_chars` is among the statistics.
const CHARACTERS: usize = 10;

/// What datatrove holds for punctuation: that of ASCII, typographic and East Asian characters (a full-width 1 among them), and
/// the control characters but tab and newline.
fn is_punctuation(c: char) -> bool {
    let control = matches!(c, '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}');
    let typographic = "«»´–—’“”„…∶━►、。〈〉《》「」【】！％（），．：；？～１";
    c.is_ascii_punctuation() || control || (!c.is_ascii() && typographic.contains(c))
}

pub(super) fn begin(text: &str, words: &[Word], out: &mut Statistics, evidence: &mut impl Evidence) {
    let n = words.len();
    let (mut characters, mut letters) = (0, 0);
    let (mut plain, mut plain_characters) = (0, 0);
    let mut stops = [false; 8];
    for word in words {
        let written = &text[word.bytes.clone()];
        characters += word.length;
        letters += usize::from(word.has_letter);
        if !word.has_letter {
            evidence.note(SET, "alpha_word_fraction", word.bytes.clone());
        }
        if word.has_letter || !written.chars().all(is_punctuation) {
            plain += 1;
            plain_characters += word.length;
        }
        if let Some(index) = stop_word(written) {
            stops[index] = true;
            evidence.note(SET, "distinct_stop_words", word.bytes.clone());
        }
    }
    let hashes = count(text, "#", |bytes| evidence.note(SET, "hash_per_word", bytes));
    let ellipses = ["...", "…"]
        .map(|ellipsis| count(text, ellipsis, |bytes| evidence.note(SET, "ellipsis_per_word", bytes)));
    let (mut lines, mut bullets, mut ends) = (0, 0, 0);
    for line in python_lines(text) {
        lines += 1;
        if line.trim_start_matches(is_space).starts_with(['•', '-']) {
            bullets += 1;
            evidence.note(SET, "bullet_line_fraction", range_in(text, line));
        }
        let end = line.trim_end_matches(is_space);
        if end.ends_with("...") || end.ends_with('…') {
            ends += 1;
            evidence.note(SET, "ellipsis_line_fraction", range_in(text, line));
        }
    }
    let all = length(text);
    out.extend([
        n as f64,
        fraction(characters, n),
        plain as f64,
        fraction(plain_characters, plain),
        fraction(hashes, n),
        fraction(ellipses.iter().sum(), n),
        fraction(bullets, lines),
        fraction(ends, lines),
        fraction(letters, n),
        stops.iter().filter(|found| **found).count() as f64,
        all as f64,
    ]);
    let paragraphs = Repeats::of(split_at_newlines(trim(text), 2), length, |part, later| {
        if later {
            evidence.note(SET, "dup_para_frac", range_in(text, part));
            evidence.note(SET, "dup_para_char_frac", range_in(text, part));
        }
    });
    let lines = Repeats::of(split_at_newlines(text, 1), length, |part, later| {
        if later {
            evidence.note(SET, "dup_line_frac", range_in(text, part));
            evidence.note(SET, "dup_line_char_frac", range_in(text, part));
        }
    });
    out.extend([
        fraction(paragraphs.later, paragraphs.parts),
        fraction(paragraphs.later_characters, all),
        fraction(lines.later, lines.parts),
        fraction(lines.later_characters, all),
    ]);
}

pub(super) fn grams(
    words: &Words,
    repeated: &Repeated,
    concatenations: &mut Concatenations,
    out: &mut Statistics,
    evidence: &mut impl Evidence,
) {
    let n = repeated.n();
    let all = out[CHARACTERS] as usize;
    let part = match n {
        2..=4 => repeated.most_frequent().map_or(0, |kind| {
            for place in repeated.places_of(kind.first) {
                evidence.note(SET, TOP[n - 2], words.bytes(repeated.gram(place)));
            }
            // The words and a space between each two.
            kind.count * (repeated.characters(repeated.gram(kind.first)) + n - 1)
        }),
        _ => {
            let mut characters = 0;
            concatenations.repeated(words, n, |gram| {
                characters += repeated.characters(gram.clone());
                evidence.note(SET, DUPLICATE[n - 5], words.bytes(gram));
            });
            characters
        }
    };
    out.push(fraction(part, all));
}

/// The words of a text, one after another without separators, hashed so that the hash of any stretch is a subtraction.
///
/// The hash is the polynomial of the bytes at a fixed point, modulo the prime 2^61 − 1. What has the same hash is compared
/// byte by byte.
#[derive(Default)]
pub(super) struct Concatenations {
    /// Hash of all words before each, and their bytes.
    before: Vec<(u64, usize)>,
    /// Powers of the point.
    powers: Vec<u64>,
    seen: FxHashMap<u64, usize>,
}

const PRIME: u64 = (1 << 61) - 1;
const POINT: u64 = 0x0a3b_1c95_7d2e_f641;

fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    reduced((product as u64 & PRIME) + (product >> 61) as u64)
}

fn reduced(sum: u64) -> u64 {
    if sum >= PRIME { sum - PRIME } else { sum }
}

impl Concatenations {
    pub(super) fn begin(&mut self, words: &Words) {
        self.before.clear();
        self.before.push((0, 0));
        let (mut hash, mut bytes) = (0, 0);
        for word in words.words {
            for &byte in &words.text.as_bytes()[word.bytes.clone()] {
                hash = reduced(times(hash, POINT) + u64::from(byte) + 1);
            }
            bytes += word.bytes.len();
            self.before.push((hash, bytes));
        }
        let mut power = self.powers.last().copied().unwrap_or(1);
        if self.powers.is_empty() {
            self.powers.push(power);
        }
        while self.powers.len() <= bytes {
            power = times(power, POINT);
            self.powers.push(power);
        }
    }

    /// Goes through the n-grams from left to right, as datatrove does: after one that has been seen it goes on behind it.
    /// `note` is told the words of each that has been seen.
    fn repeated(&mut self, words: &Words, n: usize, mut note: impl FnMut(std::ops::Range<usize>)) {
        self.seen.clear();
        let mut place = 0;
        while place + n < self.before.len() {
            let ((start, from), (end, to)) = (self.before[place], self.before[place + n]);
            let hash = reduced(end + PRIME - times(start, self.powers[to - from]));
            let first = *self.seen.entry(hash).or_insert(place);
            if first < place && same(words, first, place, n) {
                note(place..place + n);
                place += n;
            } else {
                place += 1;
            }
        }
    }
}

/// Whether the bytes of n words are those of n others.
fn same(words: &Words, left: usize, right: usize, n: usize) -> bool {
    let bytes = |place: usize| {
        words.words[place..place + n].iter().flat_map(|word| words.text.as_bytes()[word.bytes.clone()].iter())
    };
    bytes(left).eq(bytes(right))
}
