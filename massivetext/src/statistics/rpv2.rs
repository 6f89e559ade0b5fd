//! RedPajama-v2's quality signals (RedPajama-Data 6d2cee9, `core/quality_signals`).
//!
//! n-grams are of normalised words: without ASCII punctuation, in lower case, canonically decomposed. Values are rounded to
//! 8 places. There is no signal of duplicate lines, of paragraphs, or of how many stop words there are.

use unicode_normalization::UnicodeNormalization as _;

use super::{DUPLICATE, Evidence, RuleSet, Statistics, TOP, Words, fraction};
use crate::ngrams::Repeated;
use crate::text::{Word, count, is_letter, is_space, length, range_in};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

pub(super) const STATISTICS: &[&str] = &[
    "n_words",
    "mean_word_length",
    "symbol_per_word",
    "bullet_line_fraction",
    "ellipsis_line_fraction",
    "non_alpha_word_fraction",
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

const SET: RuleSet = RuleSet::Rpv2;

const BULLETS: [char; 10] = ['•', '‣', '▶', '◀', '◦', '■', '□', '▪', '▫', '–'];

/// The normalised words of a text.
#[derive(Default)]
pub(super) struct Normalised {
    text: String,
    /// Their bytes in `text`, and their code points.
    words: Vec<Word>,
    /// What they were made of.
    pub(super) raw: Vec<Word>,
}

impl Normalised {
    fn fill(&mut self, text: &str, words: &[Word]) {
        self.text.clear();
        self.words.clear();
        self.raw.clear();
        for word in words {
            let start = self.text.len();
            let written = &text[word.bytes.clone()];
            if written.is_ascii() {
                let kept = written.bytes().filter(|byte| !byte.is_ascii_punctuation());
                self.text.extend(kept.map(|byte| byte.to_ascii_lowercase() as char));
            } else {
                let kept: String = written.chars().filter(|c| !c.is_ascii_punctuation()).collect();
                self.text.extend(kept.to_lowercase().nfd());
            }
            let bytes = start..self.text.len();
            if !bytes.is_empty() {
                let length = length(&self.text[bytes.clone()]);
                self.words.push(Word { bytes, length, has_letter: false });
                self.raw.push(word.clone());
            }
        }
    }

    /// The words with their code points.
    pub(super) fn words(&self) -> impl Iterator<Item = (&str, usize)> {
        self.words.iter().map(|word| (&self.text[word.bytes.clone()], word.length))
    }
}

/// Rounded to 8 places, as Python's `round` does: to the nearest decimal.
fn rounded(value: f64) -> f64 {
    format!("{value:.8}").parse().unwrap_or(value)
}

/// `part / whole`, rounded, and no number of nothing.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { f64::NAN } else { rounded(part as f64 / whole as f64) }
}

/// The tokens of NLTK's `WordPunctTokenizer`, and how many of them have an ASCII letter: stretches of letters, numbers and
/// underscores, and stretches of other characters that are not whitespace.
fn tokens(text: &str) -> (usize, usize) {
    let (mut tokens, mut with_letter) = (0, 0);
    // Of the token so far: whether it is of letters, and whether one is of ASCII.
    let mut token: Option<(bool, bool)> = None;
    for c in text.chars() {
        let of_word = (!is_space(c))
            .then(|| c == '_' || is_letter(c) || c.general_category_group() == GeneralCategoryGroup::Number);
        if token.map(|(kind, _)| kind) != of_word {
            token = of_word.map(|kind| (kind, false));
            tokens += usize::from(token.is_some());
        }
        if let Some((_, letter)) = &mut token
            && c.is_ascii_alphabetic()
            && !std::mem::replace(letter, true)
        {
            with_letter += 1;
        }
    }
    (tokens, with_letter)
}

pub(super) fn begin(
    text: &str,
    words: &[Word],
    normalised: &mut Normalised,
    out: &mut Statistics,
    evidence: &mut impl Evidence,
) {
    normalised.fill(text, words);
    let n = normalised.words.len();
    let characters: usize = normalised.words.iter().map(|word| word.length).sum();
    let (tokens, with_letter) = tokens(text);
    let symbols = ["#", "...", "…"]
        .map(|symbol| count(text, symbol, |bytes| evidence.note(SET, "symbol_per_word", bytes)));
    let (mut lines, mut bullets, mut ends) = (0, 0, 0);
    for line in text.split_inclusive('\n') {
        lines += 1;
        if line.trim_start_matches(is_space).starts_with(BULLETS) {
            bullets += 1;
            evidence.note(SET, "bullet_line_fraction", range_in(text, line));
        }
        let end = line.trim_end_matches(is_space);
        if end.ends_with("...") || end.ends_with('…') {
            ends += 1;
            evidence.note(SET, "ellipsis_line_fraction", range_in(text, line));
        }
    }
    let without_letter = match tokens {
        0 => f64::NAN,
        _ => rounded(1.0 - with_letter as f64 / tokens as f64),
    };
    out.extend([
        n as f64,
        share(characters, n),
        share(symbols.iter().sum(), tokens),
        // Made of a signal of each line.
        if lines == 0 { f64::NAN } else { fraction(bullets, lines) },
        share(ends, lines),
        without_letter,
    ]);
}

pub(super) fn grams(words: &Words, repeated: &Repeated, out: &mut Statistics, evidence: &mut impl Evidence) {
    let n = repeated.n();
    let part = match n {
        2..=4 => repeated.most_frequent().filter(|kind| kind.count > 1).map_or(0, |kind| {
            for place in repeated.places_of(kind.first) {
                evidence.note(SET, TOP[n - 2], words.bytes(repeated.gram(place)));
            }
            kind.count * repeated.characters(repeated.gram(kind.first))
        }),
        _ => repeated.covered(repeated.places().map(|(place, _)| place), |stretch| {
            evidence.note(SET, DUPLICATE[n - 5], words.bytes(stretch));
        }),
    };
    out.push(rounded(fraction(part, repeated.all_characters())));
}
