//! The paper's statistics: one definition of "duplicate" and one of "character" for the whole of Table A1.
//!
//! What occurs more than once is a duplicate, each of its occurrences counts, and no character counts twice. Characters are
//! those inside words, so that blank lines and indentation change nothing.

use super::{DUPLICATE, Evidence, Repeats, RuleSet, Statistics, TOP, Words, fraction};
use crate::ngrams::Repeated;
use crate::text::{Word, count, is_space, range_in, stop_word, trim};

pub(super) const STATISTICS: &[&str] = &[
    "n_words",
    "mean_word_length",
    "hash_per_word",
    "ellipsis_per_word",
    "bullet_line_fraction",
    "ellipsis_line_fraction",
    "alpha_word_fraction",
    "distinct_stop_words",
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

const SET: RuleSet = RuleSet::Paper;

/// What a line with a bullet point begins with: what any of the public rule sets takes for one.
const BULLETS: &[char] = &[
    '•', '‣', '⁃', '⁌', '⁍', '∙', '○', '●', '◘', '◦', '⦾', '⦿', '▶', '◀', '■', '□', '▪', '▫', '–', '*', '-',
];

pub(super) fn begin(text: &str, words: &[Word], out: &mut Statistics, evidence: &mut impl Evidence) {
    let n = words.len();
    let characters: usize = words.iter().map(|word| word.length).sum();
    let hashes = count(text, "#", |bytes| evidence.note(SET, "hash_per_word", bytes));
    let ellipses = ["...", "…"]
        .map(|ellipsis| count(text, ellipsis, |bytes| evidence.note(SET, "ellipsis_per_word", bytes)));
    let mut lines = 0;
    let (mut bullets, mut ends) = (0, 0);
    for line in text.split('\n').map(trim).filter(|line| !line.is_empty()) {
        lines += 1;
        if line.starts_with(BULLETS) {
            bullets += 1;
            evidence.note(SET, "bullet_line_fraction", range_in(text, line));
        }
        if line.ends_with("...") || line.ends_with('…') {
            ends += 1;
            evidence.note(SET, "ellipsis_line_fraction", range_in(text, line));
        }
    }
    let mut letters = 0;
    let mut stops = [false; 8];
    for word in words {
        letters += usize::from(word.has_letter);
        if !word.has_letter {
            evidence.note(SET, "alpha_word_fraction", word.bytes.clone());
        }
        let bare = text[word.bytes.clone()].trim_matches(|c: char| c.is_ascii_punctuation());
        if bare.len() <= 4
            && let Some(index) = stop_word(&bare.to_ascii_lowercase())
        {
            stops[index] = true;
            evidence.note(SET, "distinct_stop_words", range_in(text, bare));
        }
    }
    out.extend([
        n as f64,
        fraction(characters, n),
        fraction(hashes, n),
        fraction(ellipses.iter().sum(), n),
        fraction(bullets, lines),
        fraction(ends, lines),
        fraction(letters, n),
        stops.iter().filter(|found| **found).count() as f64,
    ]);

    let inside_words = |part: &str| part.chars().filter(|&c| !is_space(c)).count();
    let line_repeats =
        Repeats::of(text.split('\n').map(trim).filter(|line| !line.is_empty()), inside_words, |line, _| {
            for statistic in ["dup_line_frac", "dup_line_char_frac"] {
                evidence.note(SET, statistic, range_in(text, line));
            }
        });
    let paragraph_repeats = Repeats::of(paragraphs(text), inside_words, |paragraph, _| {
        for statistic in ["dup_para_frac", "dup_para_char_frac"] {
            evidence.note(SET, statistic, range_in(text, paragraph));
        }
    });
    out.extend([
        fraction(line_repeats.copies, line_repeats.parts),
        fraction(paragraph_repeats.copies, paragraph_repeats.parts),
        fraction(line_repeats.copy_characters, characters),
        fraction(paragraph_repeats.copy_characters, characters),
    ]);
}

/// What stands between lines that are blank or of whitespace alone, without the whitespace at its ends.
fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.split_inclusive('\n').map(|line| (range_in(text, line), trim(line).is_empty()));
    std::iter::from_fn(move || {
        let (mut bytes, _) = lines.by_ref().find(|(_, blank)| !blank)?;
        for (line, blank) in lines.by_ref() {
            if blank {
                break;
            }
            bytes.end = line.end;
        }
        Some(trim(&text[bytes]))
    })
}

pub(super) fn grams(words: &Words, repeated: &Repeated, out: &mut Statistics, evidence: &mut impl Evidence) {
    let n = repeated.n();
    let all = repeated.all_characters();
    let part = match n {
        2..=4 => {
            let best = repeated.most_frequent_by_coverage();
            if let Some((kind, _)) = best {
                repeated.covered(repeated.places_of(kind.first), |stretch| {
                    evidence.note(SET, TOP[n - 2], words.bytes(stretch));
                });
            }
            best.map_or(0, |(_, covered)| covered)
        }
        _ => repeated.covered(repeated.places().map(|(place, _)| place), |stretch| {
            evidence.note(SET, DUPLICATE[n - 5], words.bytes(stretch));
        }),
    };
    out.push(fraction(part, all));
}

#[cfg(test)]
mod tests {
    #[test]
    fn paragraphs_are_between_blank_lines() {
        let found: Vec<_> = super::paragraphs("\n a\nb \n \t\n\r\nc\n\n\nd").collect();
        assert_eq!(found, ["a\nb", "c", "d"]);
        assert_eq!(super::paragraphs(" \n\n").count(), 0);
    }
}
