//! Sentiment of a text by words: VADER (Hutto and Gilbert 2014), with the lexicon that its authors published.
//!
//! Words and emoticons have ratings. Words before them strengthen, weaken or negate these, capitals and exclamation marks strengthen
//! them, and what comes after "but" counts more. The sum is brought between -1 (negative) and 1 (positive).

use std::io::Read as _;
use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use crate::{Error, Result};

const LEXICON: &[u8] = include_bytes!("../parameters/vader/lexicon.tsv.xz");
const EMOJI: &[u8] = include_bytes!("../parameters/vader/emoji.tsv.xz");
const WORDS: &str = include_str!("../parameters/vader/words.json");

/// What a booster adds to a rating, and what capitals do.
const BOOST: f64 = 0.293;
const CAPITALS: f64 = 0.733;
/// What negation multiplies a rating by.
const NEGATION: f64 = -0.74;
/// What brings sums between -1 and 1.
const ALPHA: f64 = 15.0;

/// The model.
#[derive(Debug)]
pub struct Vader {
    lexicon: FxHashMap<String, f64>,
    emoji: FxHashMap<char, String>,
    boosters: FxHashMap<String, f64>,
    negations: FxHashSet<String>,
    idioms: FxHashMap<String, f64>,
}

#[derive(Deserialize)]
struct Words {
    boosters: Vec<String>,
    dampeners: Vec<String>,
    negations: FxHashSet<String>,
    idioms: FxHashMap<String, f64>,
}

/// A word as it stands and in lower case.
struct Word {
    text: String,
    lower: String,
}

impl Vader {
    /// The model, which is read once.
    ///
    /// # Errors
    /// [`Error::Parameters`] if this program was built with a damaged lexicon.
    pub fn get() -> Result<&'static Vader> {
        static READ: OnceLock<std::result::Result<Vader, String>> = OnceLock::new();
        let read = READ.get_or_init(Vader::read);
        read.as_ref().map_err(|detail| Error::Parameters { detail: detail.clone() })
    }

    fn read() -> std::result::Result<Vader, String> {
        let table = |bytes: &[u8]| {
            let mut text = String::new();
            lzma_rust2::XzReader::new(bytes, false)
                .read_to_string(&mut text)
                .map_err(|error| error.to_string())?;
            Ok::<_, String>(text)
        };
        let mut lexicon = FxHashMap::default();
        for line in table(LEXICON)?.lines() {
            let (word, rating) = line.split_once('\t').ok_or_else(|| format!("{line}: no rating"))?;
            lexicon.insert(word.to_owned(), rating.parse().map_err(|error| format!("{word}: {error}"))?);
        }
        let mut emoji = FxHashMap::default();
        for line in table(EMOJI)?.lines() {
            let (name, description) =
                line.split_once('\t').ok_or_else(|| format!("{line}: no description"))?;
            emoji.extend(name.chars().next().map(|name| (name, description.to_owned())));
        }
        let words: Words = serde_json::from_str(WORDS).map_err(|error| error.to_string())?;
        let with = |words: Vec<String>, boost: f64| words.into_iter().map(move |word| (word, boost));
        let boosters = with(words.boosters, BOOST).chain(with(words.dampeners, -BOOST)).collect();
        Ok(Vader { lexicon, emoji, boosters, negations: words.negations, idioms: words.idioms })
    }

    /// The sentiment of a text, from -1 (negative) over 0 (none, or as much of both) to 1 (positive): the package's `compound`, not
    /// rounded.
    pub fn compound(&self, text: &str) -> f64 {
        let text = self.with_words_for_emoji(text);
        let text = text.trim_matches(is_space);
        let words: Vec<Word> = text.split(is_space).filter(|word| !word.is_empty()).map(word_of).collect();
        let capitals = words.iter().filter(|word| is_upper(&word.text)).count();
        let some_are_upper = 0 < capitals && capitals < words.len();
        let mut ratings: Vec<f64> = (0..words.len())
            .map(|at| {
                let next_is_of = words.get(at + 1).is_some_and(|next| next.lower == "of");
                if self.boosters.contains_key(&words[at].lower) || (words[at].lower == "kind" && next_is_of) {
                    return 0.0;
                }
                self.rating(&words, at, some_are_upper)
            })
            .collect();
        after_but(&words, &mut ratings);
        let sum: f64 = ratings.iter().sum();
        let emphasis = emphasis(text);
        let sum = if sum > 0.0 {
            sum + emphasis
        } else if sum < 0.0 {
            sum - emphasis
        } else {
            sum
        };
        (sum / (sum * sum + ALPHA).sqrt()).clamp(-1.0, 1.0)
    }

    fn with_words_for_emoji(&self, text: &str) -> String {
        let (mut plain, mut after_space) = (String::with_capacity(text.len()), true);
        for character in text.chars() {
            match self.emoji.get(&character) {
                Some(description) => {
                    if !after_space {
                        plain.push(' ');
                    }
                    plain.push_str(description);
                    after_space = false;
                }
                None => {
                    plain.push(character);
                    after_space = character == ' ';
                }
            }
        }
        plain
    }

    /// The rating of a word where it stands.
    fn rating(&self, words: &[Word], at: usize, some_are_upper: bool) -> f64 {
        let word = &words[at];
        let Some(&of_word) = self.lexicon.get(&word.lower) else { return 0.0 };
        let before = |back: usize| at.checked_sub(back).map(|place| words[place].lower.as_str());
        let is_known = |lower: &str| self.lexicon.contains_key(lower);
        let mut rating = of_word;
        // "no" negates what it stands before, and is a word of its own otherwise.
        if word.lower == "no" && words.get(at + 1).is_some_and(|next| is_known(&next.lower)) {
            rating = 0.0;
        }
        let no_or = before(3) == Some("no") && matches!(before(1), Some("or" | "nor"));
        if before(1) == Some("no") || before(2) == Some("no") || no_or {
            rating = of_word * NEGATION;
        }
        if is_upper(&word.text) && some_are_upper {
            rating += if rating > 0.0 { CAPITALS } else { -CAPITALS };
        }
        for back in 1..=3 {
            let Some(place) = at.checked_sub(back) else { break };
            if is_known(&words[place].lower) {
                continue;
            }
            let boost = self.boost(&words[place], rating, some_are_upper);
            rating += match back {
                1 => boost,
                2 => boost * 0.95,
                _ => boost * 0.9,
            };
            rating = self.negate(words, at, back, rating);
            if back == 3 {
                rating = self.idioms(words, at, rating);
            }
        }
        if before(1) == Some("least") && !is_known("least") && !matches!(before(2), Some("at" | "very")) {
            rating *= NEGATION;
        }
        rating
    }

    /// What a word before a rated one adds to its rating.
    fn boost(&self, word: &Word, rating: f64, some_are_upper: bool) -> f64 {
        let Some(&boost) = self.boosters.get(&word.lower) else { return 0.0 };
        let boost = if rating < 0.0 { -boost } else { boost };
        if !(is_upper(&word.text) && some_are_upper) {
            return boost;
        }
        if rating > 0.0 { boost + CAPITALS } else { boost - CAPITALS }
    }

    /// What the word so many places back makes of a rating, if it negates.
    fn negate(&self, words: &[Word], at: usize, back: usize, rating: f64) -> f64 {
        let before = |back: usize| words[at - back].lower.as_str();
        let is_so = |back: usize| matches!(before(back), "so" | "this");
        let negates = self.negations.contains(before(back)) || before(back).contains("n't");
        let negated = if negates { rating * NEGATION } else { rating };
        match back {
            2 if before(2) == "never" && is_so(1) => rating * 1.25,
            2 if before(2) == "without" && before(1) == "doubt" => rating,
            // As the package has it: "so" or "this" right before is enough.
            3 if (before(3) == "never" && is_so(2)) || is_so(1) => rating * 1.25,
            3 if before(3) == "without" && (before(2) == "doubt" || before(1) == "doubt") => rating,
            _ => negated,
        }
    }

    /// The rating of an idiom that the word is in, and what phrases before it add.
    fn idioms(&self, words: &[Word], at: usize, rating: f64) -> f64 {
        let phrase = |first: usize, last: usize| {
            let words: Vec<&str> = words[first..=last].iter().map(|word| word.lower.as_str()).collect();
            words.join(" ")
        };
        let before = [
            phrase(at - 1, at),
            phrase(at - 2, at),
            phrase(at - 2, at - 1),
            phrase(at - 3, at - 1),
            phrase(at - 3, at - 2),
        ];
        let mut rating = before.iter().find_map(|phrase| self.idioms.get(phrase)).copied().unwrap_or(rating);
        for last in [at + 1, at + 2].into_iter().filter(|&last| last < words.len()) {
            rating = self.idioms.get(&phrase(at, last)).copied().unwrap_or(rating);
        }
        let [_, _, two_one, three_two_one, three_two] = &before;
        let boosts =
            [three_two_one, three_two, two_one].into_iter().filter_map(|phrase| self.boosters.get(phrase));
        rating + boosts.sum::<f64>()
    }
}

/// A word without the punctuation around it, unless little is left: then it may be an emoticon.
fn word_of(token: &str) -> Word {
    let stripped = token.trim_matches(|c: char| c.is_ascii_punctuation());
    let text = if stripped.chars().count() <= 2 { token } else { stripped };
    Word { text: text.to_owned(), lower: text.to_lowercase() }
}

/// Whether a word has letters with case and all are capitals.
fn is_upper(word: &str) -> bool {
    let mut cased = word.chars().filter(|c| c.is_uppercase() || c.is_lowercase()).peekable();
    cased.peek().is_some() && cased.all(char::is_uppercase)
}

/// What Python's `str.split` takes for white space.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// What is before "but" counts half, what is after it one and a half.
///
/// The package looks each rating up by its value: of equal ones, it is always the first that is changed.
fn after_but(words: &[Word], ratings: &mut [f64]) {
    let Some(but) = words.iter().position(|word| word.lower == "but") else { return };
    for at in 0..ratings.len() {
        let rating = ratings[at];
        let Some(first) = ratings.iter().position(|&other| other == rating) else { continue };
        if first < but {
            ratings[first] = rating * 0.5;
        } else if first > but {
            ratings[first] = rating * 1.5;
        }
    }
}

/// What exclamation and question marks add.
fn emphasis(text: &str) -> f64 {
    let count = |mark: char| text.chars().filter(|&c| c == mark).count();
    let questions = match count('?') {
        0 | 1 => 0.0,
        few @ (2 | 3) => few as f64 * 0.18,
        _ => 0.96,
    };
    count('!').min(4) as f64 * 0.292 + questions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By vaderSentiment 3.3.2: `SentimentIntensityAnalyzer().polarity_scores(text)["compound"]`, four digits.
    #[test]
    fn the_package_says_the_same() {
        let vader = Vader::get().unwrap();
        for (text, compound) in include!("sentiment/known.in") {
            let found = vader.compound(text);
            assert!((found - compound).abs() < 0.5001e-4, "{text}: {found} for {compound}");
        }
    }
}
