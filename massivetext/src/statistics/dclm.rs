//! DCLM's statistics (DCLM 361714b, `content_filters.py` as its RefinedWeb recipe uses them).
//!
//! Three kinds of words: fastText's tokens that begin with a letter or digit are counted, words between whitespace give
//! lengths and stop words, and Unicode's words (UAX 29) that begin with a letter or digit give n-grams. All occurrences of
//! a duplicate count, and no word of an n-gram twice.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{DUPLICATE, Evidence, Repeats, RuleSet, Statistics, TOP, Words, fraction};
use crate::ngrams::{Kind, Repeated};
use crate::text::{Word, count, is_letter, length, range_in, stop_word, trim};

pub(super) const STATISTICS: &[&str] = &[
    "n_words",
    "mean_word_length",
    "symbol_per_word",
    "bullet_line_fraction",
    "ellipsis_line_fraction",
    "non_alpha_word_fraction",
    "stop_words",
    "dup_line_frac",
    "dup_para_frac",
    "dup_line_char_frac",
    "dup_para_char_frac",
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

const SET: RuleSet = RuleSet::Dclm;

/// As Python's `str.isalnum` has it.
fn is_letter_or_number(c: char) -> bool {
    is_letter(c) || c.general_category_group() == GeneralCategoryGroup::Number
}

/// The parts between `separator`, without whitespace at their ends and without empty ones.
fn parts<'t>(text: &'t str, separator: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(separator).map(trim).filter(|part| !part.is_empty())
}

pub(super) fn begin(text: &str, words: &[Word], out: &mut Statistics, evidence: &mut impl Evidence) {
    let tokens = text.split([' ', '\n', '\r', '\t', '\u{b}', '\u{c}', '\0']);
    let counted = tokens.filter(|token| token.chars().next().is_some_and(is_letter_or_number)).count();
    let n = words.len();
    let (mut characters, mut without_letter, mut stops) = (0, 0, 0);
    for word in words {
        characters += word.length;
        without_letter += usize::from(!word.has_letter);
        if !word.has_letter {
            evidence.note(SET, "non_alpha_word_fraction", word.bytes.clone());
        }
        // No other character becomes one of the stop words' letters in lower case but the Kelvin sign, which none has.
        if word.length <= 4 && stop_word(&text[word.bytes.clone()].to_ascii_lowercase()).is_some() {
            stops += 1;
            evidence.note(SET, "stop_words", word.bytes.clone());
        }
    }
    let symbols = ["#", "...", ". . .", "…"]
        .map(|symbol| count(text, symbol, |bytes| evidence.note(SET, "symbol_per_word", bytes)));
    let (mut lines, mut bullets, mut ends) = (0, 0, 0);
    for line in parts(text, "\n") {
        lines += 1;
        if line.starts_with(['●', '•', '*', '-']) {
            bullets += 1;
            evidence.note(SET, "bullet_line_fraction", range_in(text, line));
        }
        if ["...", ". . .", "…"].iter().any(|ellipsis| line.ends_with(ellipsis)) {
            ends += 1;
            evidence.note(SET, "ellipsis_line_fraction", range_in(text, line));
        }
    }
    out.extend([
        counted as f64,
        fraction(characters, n),
        fraction(symbols.iter().sum(), n),
        fraction(bullets, lines),
        fraction(ends, lines),
        fraction(without_letter, n),
        stops as f64,
    ]);
    let names = ["dup_line_frac", "dup_line_char_frac"];
    let lines = repeats(text, "\n", names, evidence);
    let names = ["dup_para_frac", "dup_para_char_frac"];
    let paragraphs = repeats(text, "\n\n", names, evidence);
    out.extend([
        fraction(lines.copies, lines.parts),
        fraction(paragraphs.copies, paragraphs.parts),
        fraction(lines.copy_characters, lines.part_characters),
        fraction(paragraphs.copy_characters, paragraphs.part_characters),
    ]);
}

fn repeats(
    text: &str,
    separator: &str,
    statistics: [&'static str; 2],
    evidence: &mut impl Evidence,
) -> Repeats {
    Repeats::of(text.split(separator).map(trim).filter(|part| !part.is_empty()), length, |part, _| {
        statistics.into_iter().for_each(|name| evidence.note(SET, name, range_in(text, part)));
    })
}

/// Puts the words of n-grams into `words`.
pub(super) fn split(text: &str, words: &mut Vec<Word>) {
    words.clear();
    let found = text.split_word_bound_indices();
    let counted = found.filter(|(_, word)| word.chars().next().is_some_and(is_letter_or_number));
    words.extend(counted.map(|(start, word)| Word {
        bytes: start..start + word.len(),
        length: length(word),
        has_letter: false,
    }));
}

pub(super) fn grams(words: &Words, repeated: &Repeated, out: &mut Statistics, evidence: &mut impl Evidence) {
    let n = repeated.n();
    let part = match n {
        2..=4 => {
            // Of those that are as frequent, the longest.
            let longest = repeated.all_most_frequent().reduce(|best, kind| {
                let length = |kind: Kind| repeated.characters(repeated.gram(kind.first));
                if length(kind) > length(best) { kind } else { best }
            });
            longest.map_or(0, |kind| {
                for place in repeated.places_of(kind.first) {
                    evidence.note(SET, TOP[n - 2], words.bytes(repeated.gram(place)));
                }
                kind.count * repeated.characters(repeated.gram(kind.first))
            })
        }
        _ => repeated.covered(repeated.places().map(|(place, _)| place), |stretch| {
            evidence.note(SET, DUPLICATE[n - 5], words.bytes(stretch));
        }),
    };
    out.push(fraction(part, repeated.all_characters()));
}
