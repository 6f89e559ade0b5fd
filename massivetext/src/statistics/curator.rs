//! NeMo Curator's scores for English (Curator 1e2e427, `filters/heuristic`).
//!
//! Lines that are not blank stand for sentences; the share of the most frequent n-gram is what the text loses when its words,
//! with single spaces, are cut out; the first copy of a duplicate does not count.

use super::{DUPLICATE, Evidence, Repeats, RuleSet, Statistics, TOP, Words, fraction};
use crate::ngrams::Repeated;
use crate::text::{Word, count, length, range_in, stop_word, trim};

pub(super) const STATISTICS: &[&str] = &[
    "symbol_to_word",
    "repeated_lines",
    "repeated_paragraphs",
    "repeated_lines_char",
    "repeated_paragraphs_char",
    "word_count",
    "words_without_alphabets",
    "common_english_words",
    "mean_word_length",
    "ellipsis",
    "bullet_ratio",
    "n_chars",
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

const SET: RuleSet = RuleSet::Curator;

/// Where `n_chars` is among the statistics.
const CHARACTERS: usize = 11;

const BULLETS: [char; 12] = ['•', '‣', '⁃', '⁌', '⁍', '∙', '○', '●', '◘', '◦', '⦾', '⦿'];

const ELLIPSES: [&str; 8] = ["...", "[...]", "…", "(...)", "[…]", "-»", "read more..", "read more"];

/// `part / whole`, and no number where Curator divides by zero.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').filter(|line| !trim(line).is_empty())
}

pub(super) fn begin(text: &str, words: &[Word], out: &mut Statistics, evidence: &mut impl Evidence) {
    let n = words.len();
    let (mut characters, mut symbols, mut letters, mut stops) = (0, 0, 0, 0);
    for word in words {
        let written = &text[word.bytes.clone()];
        characters += word.length;
        // Runs of "#", not their characters, are set against the word's length.
        let hashes = written.split(|c| c != '#').filter(|run| !run.is_empty()).count();
        if 2 * hashes > word.length || ELLIPSES.contains(&written) {
            symbols += 1;
            evidence.note(SET, "symbol_to_word", word.bytes.clone());
        }
        if word.has_letter || written.chars().any(char::is_alphabetic) {
            letters += 1;
        } else {
            evidence.note(SET, "words_without_alphabets", word.bytes.clone());
        }
        if stops < 2 && stop_word(written).is_some() {
            stops += 1;
            evidence.note(SET, "common_english_words", word.bytes.clone());
        }
    }
    let (mut all_lines, mut bullets, mut ends) = (0, 0, 0);
    for line in lines(text) {
        all_lines += 1;
        let bare = trim(line);
        if bare.starts_with(BULLETS) {
            bullets += 1;
            evidence.note(SET, "bullet_ratio", range_in(text, line));
        }
        // "Read more" in any case; no ending is longer than 11 bytes.
        let tail = bare.char_indices().rev().map(|(at, _)| at).take(11).last().unwrap_or(0);
        let tail = bare[tail..].to_lowercase();
        if ELLIPSES.iter().any(|ellipsis| tail.ends_with(ellipsis)) {
            ends += 1;
            evidence.note(SET, "ellipsis", range_in(text, line));
        }
    }
    let line_repeats = Repeats::of(lines(text), length, |line, later| {
        if later {
            evidence.note(SET, "repeated_lines", range_in(text, line));
            evidence.note(SET, "repeated_lines_char", range_in(text, line));
        }
    });
    let paragraph_repeats = Repeats::of(text.split("\n\n"), length, |part, later| {
        if later {
            evidence.note(SET, "repeated_paragraphs", range_in(text, part));
            evidence.note(SET, "repeated_paragraphs_char", range_in(text, part));
        }
    });
    let unique = |repeats: &Repeats| share(repeats.parts - repeats.later, repeats.parts);
    let unique_characters = |repeats: &Repeats| {
        share(repeats.part_characters - repeats.later_characters, repeats.part_characters)
    };
    out.extend([
        share(symbols, n),
        unique(&line_repeats),
        unique(&paragraph_repeats),
        unique_characters(&line_repeats),
        unique_characters(&paragraph_repeats),
        n as f64,
        share(letters, n),
        stops as f64,
        share(characters, n),
        share(ends, all_lines),
        share(bullets, all_lines),
        length(text) as f64,
    ]);
}

pub(super) fn grams(words: &Words, repeated: &Repeated, out: &mut Statistics, evidence: &mut impl Evidence) {
    let n = repeated.n();
    let all = out[CHARACTERS] as usize;
    if repeated.grams() == 0 {
        out.push(1.0);
        return;
    }
    let part = match n {
        2..=4 => repeated.most_frequent().map_or(0, |kind| {
            let gram = repeated.gram(kind.first);
            let written: Vec<&str> =
                words.words[gram].iter().map(|word| &words.text[word.bytes.clone()]).collect();
            let written = written.join(" ");
            let times = count(words.text, &written, |bytes| evidence.note(SET, TOP[n - 2], bytes));
            times * length(&written)
        }),
        _ => {
            let mut characters = 0;
            // The end of the last copy.
            let mut end = 0;
            for (place, _) in repeated.places().filter(|(_, is_first)| !is_first) {
                let gram = repeated.gram(place);
                let overlap = end.max(gram.start) - gram.start;
                let spaces = (n - overlap).min(n - 1);
                characters += repeated.characters(gram.start + overlap..gram.end) + spaces;
                evidence.note(SET, DUPLICATE[n - 5], words.bytes(gram.clone()));
                end = gram.end;
            }
            characters
        }
    };
    out.push(fraction(part, all));
}
