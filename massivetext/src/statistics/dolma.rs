//! dolma's statistics (dolma 669f534, `gopher_v1`).
//!
//! The length of words is a median; "#" and "…" are pooled, by the words that contain one; all copies of a duplicate line
//! count, with their spaces, against the characters inside words; overlapping n-grams count more than once, above and below
//! the line.

use super::{Evidence, Repeats, RuleSet, Statistics, Words, fraction};
use crate::ngrams::Repeated;
use crate::text::{Word, length, range_in, stop_word};

pub(super) const STATISTICS: &[&str] = &[
    "character_count",
    "word_count",
    "median_word_length",
    "symbol_to_word_ratio",
    "fraction_of_words_with_alpha_character",
    "required_word_count",
    "fraction_of_lines_starting_with_bullet_point",
    "fraction_of_lines_ending_with_ellipsis",
    "fraction_of_duplicate_lines",
    "fraction_of_characters_in_duplicate_lines",
    GRAMS[0],
    GRAMS[1],
    GRAMS[2],
    GRAMS[3],
    GRAMS[4],
    GRAMS[5],
    GRAMS[6],
    GRAMS[7],
    GRAMS[8],
];

const GRAMS: [&str; 9] = [
    "most_common_ngram_char_frac.2",
    "most_common_ngram_char_frac.3",
    "most_common_ngram_char_frac.4",
    "duplicate_ngram_char_frac.5",
    "duplicate_ngram_char_frac.6",
    "duplicate_ngram_char_frac.7",
    "duplicate_ngram_char_frac.8",
    "duplicate_ngram_char_frac.9",
    "duplicate_ngram_char_frac.10",
];

const SET: RuleSet = RuleSet::Dolma;

pub(super) fn begin(text: &str, words: &[Word], out: &mut Statistics, evidence: &mut impl Evidence) {
    let n = words.len();
    let characters: usize = words.iter().map(|word| word.length).sum();
    let (mut symbols, mut letters, mut stops) = (0, 0, 0);
    for word in words {
        let written = &text[word.bytes.clone()];
        if written.contains(['#', '…']) {
            symbols += 1;
            evidence.note(SET, "symbol_to_word_ratio", word.bytes.clone());
        }
        letters += usize::from(word.has_letter);
        if !word.has_letter {
            evidence.note(SET, "fraction_of_words_with_alpha_character", word.bytes.clone());
        }
        if stop_word(written).is_some() {
            stops += 1;
            evidence.note(SET, "required_word_count", word.bytes.clone());
        }
    }
    let (mut lines, mut bullets, mut ends) = (0, 0, 0);
    // An empty text is not looked at.
    for line in text.split('\n').filter(|_| !text.is_empty()) {
        lines += 1;
        if line.starts_with(['*', '-']) {
            bullets += 1;
            evidence.note(SET, "fraction_of_lines_starting_with_bullet_point", range_in(text, line));
        }
        if line.ends_with('…') {
            ends += 1;
            evidence.note(SET, "fraction_of_lines_ending_with_ellipsis", range_in(text, line));
        }
    }
    let repeats = Repeats::of(text.split('\n').filter(|_| !text.is_empty()), length, |line, _| {
        evidence.note(SET, "fraction_of_duplicate_lines", range_in(text, line));
        evidence.note(SET, "fraction_of_characters_in_duplicate_lines", range_in(text, line));
    });
    out.extend([
        length(text) as f64,
        n as f64,
        median(words),
        fraction(symbols, n),
        fraction(letters, n),
        stops as f64,
        fraction(bullets, lines),
        fraction(ends, lines),
        fraction(repeats.copies, repeats.parts),
        repeats.copy_characters as f64 / at_least_one(characters),
    ]);
}

fn at_least_one(count: usize) -> f64 {
    count.max(1) as f64
}

fn median(words: &[Word]) -> f64 {
    let mut lengths: Vec<usize> = words.iter().map(|word| word.length).collect();
    lengths.sort_unstable();
    let middle = lengths.len() / 2;
    match lengths.len() {
        0 => 0.0,
        count if count % 2 == 1 => lengths[middle] as f64,
        _ => (lengths[middle - 1] + lengths[middle]) as f64 / 2.0,
    }
}

pub(super) fn grams(words: &Words, repeated: &Repeated, out: &mut Statistics, evidence: &mut impl Evidence) {
    let n = repeated.n();
    if repeated.grams() == 0 {
        // dolma leaves the attribute away.
        out.push(f64::NAN);
        return;
    }
    let statistic = GRAMS[n - 2];
    let value = if n <= 4 {
        let kind = repeated.most_frequent();
        let part = kind.map_or(0, |kind| {
            for place in repeated.places_of(kind.first) {
                evidence.note(SET, statistic, words.bytes(repeated.gram(place)));
            }
            kind.count * repeated.characters(repeated.gram(kind.first))
        });
        part as f64 / at_least_one(repeated.all_characters())
    } else {
        let mut part = 0;
        for (place, _) in repeated.places() {
            part += repeated.characters(repeated.gram(place));
            evidence.note(SET, statistic, words.bytes(repeated.gram(place)));
        }
        let all: usize = (0..repeated.grams()).map(|place| repeated.characters(repeated.gram(place))).sum();
        part as f64 / at_least_one(all)
    };
    out.push(value);
}
