//! Dialect: how much more surprising one dialect is to a model than another, on texts that a mixture model assigns to both.
//!
//! The mixture model is that of Blodgett et al. 2016: counts of words in four groups, of which the first, African American English, and
//! the last, White-aligned English, are the ones that its authors consider reliable.

use std::path::Path;

use regex::Regex;
use rustc_hash::FxHashMap;

use crate::figure::{Figure, Figures};
use crate::folder::Folder;
use crate::question::{Answers, Ask, Question, scored};
use crate::{Error, Result};

const SOURCE: &str = "github.com/slanglab/twitteraae, model/";

/// Groups of the mixture.
const GROUPS: usize = 4;

/// The places of the two dialects among them, and what they are called.
const DIALECTS: [(usize, &str); 2] = [(0, "African American"), (3, "White")];

/// Passes over a text's words.
const PASSES: usize = 5;

/// What each group has before a word is seen.
const PRIOR: f64 = 1.0;

/// The fewest words of a text that the model must know, and the least share.
const FEWEST_WORDS: usize = 5;
const LEAST_KNOWN: f64 = 0.2;

/// The mixture model.
#[derive(Debug)]
pub struct Mixture {
    /// Of each word, the probability in each group, relative to the others.
    words: FxHashMap<String, [f64; GROUPS]>,
    tokens: Regex,
}

impl Mixture {
    /// Reads `model_count_table.txt` and `model_vocab.txt`.
    ///
    /// # Errors
    /// [`Error::Missing`], and [`Error::Data`] for what is not as published.
    pub fn read(folder: &Folder) -> Result<Self> {
        let names = ["model_count_table.txt", "model_vocab.txt"];
        let paths = folder.all("the dialects' mixture model", &names, SOURCE)?;
        let (table, vocabulary) = (paths[0], paths[1]);
        let wrong = |path: &Path, line: usize, detail: &str| Error::Data {
            path: path.into(),
            detail: format!("line {}: {detail}", line + 1),
        };
        let mut counts: Vec<[f64; GROUPS]> = Vec::new();
        for (at, line) in tasks::read::text(table)?.lines().enumerate() {
            let numbers: Vec<f64> =
                line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
            let numbers = numbers.try_into().map_err(|_| wrong(table, at, "four numbers are expected"))?;
            counts.push(numbers);
        }
        let text = tasks::read::text(vocabulary)?;
        let names: Vec<&str> =
            text.lines().map(|line| line.rsplit('\t').next().unwrap_or_default().trim()).collect();
        if names.len() != counts.len() || names.is_empty() {
            let detail = format!("{} words, and {} has {} lines", names.len(), table.display(), counts.len());
            return Err(Error::Data { path: vocabulary.into(), detail });
        }
        let mut totals = [0.0; GROUPS];
        for of_word in &counts {
            for group in 0..GROUPS {
                totals[group] += of_word[group];
            }
        }
        let words = names.into_iter().zip(&counts).map(|(name, of_word)| {
            let mut likely = [0.0; GROUPS];
            for group in 0..GROUPS {
                likely[group] = (of_word[group] + 1.0) / totals[group];
            }
            (name.to_owned(), shares(likely))
        });
        let words = words.collect();
        let tokens = Regex::new(r"#?[\p{L}\p{N}_]+(?:['’]\p{L}+)*|[^\s\p{L}\p{N}_]+")
            .map_err(|error| Error::Data { path: vocabulary.into(), detail: error.to_string() })?;
        Ok(Self { words, tokens })
    }

    /// The share of a text's words that each group accounts for; `None` of a text with too few words that the model knows.
    ///
    /// Words are given to groups in proportion to how probable they are there and to how much of the rest of the text the group has, a few
    /// times over (CVB0, as in the authors' own program).
    pub fn shares(&self, text: &str) -> Option<[f64; GROUPS]> {
        let text = text.to_lowercase();
        let all: Vec<&str> = self.tokens.find_iter(&text).map(|found| found.as_str()).collect();
        let known: Vec<&[f64; GROUPS]> = all.iter().filter_map(|word| self.words.get(*word)).collect();
        if known.len() < FEWEST_WORDS || (known.len() as f64) < LEAST_KNOWN * all.len() as f64 {
            return None;
        }
        let mut given: Vec<[f64; GROUPS]> = known.iter().map(|likely| **likely).collect();
        let mut sums = [0.0; GROUPS];
        for of_word in &given {
            for group in 0..GROUPS {
                sums[group] += of_word[group];
            }
        }
        for _ in 1..PASSES {
            for (of_word, likely) in given.iter_mut().zip(&known) {
                let mut new = [0.0; GROUPS];
                for group in 0..GROUPS {
                    sums[group] -= of_word[group];
                    new[group] = likely[group] * (sums[group] + PRIOR);
                }
                *of_word = shares(new);
                for group in 0..GROUPS {
                    sums[group] += of_word[group];
                }
            }
        }
        Some(shares(sums))
    }
}

fn shares(values: [f64; GROUPS]) -> [f64; GROUPS] {
    let sum: f64 = values.iter().sum();
    values.map(|value| value / sum)
}

/// Texts of the two dialects.
#[derive(Debug)]
pub struct Dialects {
    texts: Vec<Text>,
    /// Texts there were, of any dialect.
    read: usize,
}

#[derive(Debug)]
struct Text {
    id: String,
    text: String,
    /// Place in [`DIALECTS`].
    dialect: usize,
}

impl Dialects {
    /// The texts whose share of a dialect is at least `threshold` (0.8 in the paper's corpora of users). Texts are cleaned first:
    /// mentions, addresses and what marks a repeated message are no language of their author.
    ///
    /// # Errors
    /// [`Error::Value`] for a threshold that gives a text to both.
    pub fn align<'a>(
        mixture: &Mixture,
        texts: impl IntoIterator<Item = &'a str>,
        threshold: f64,
    ) -> Result<Self> {
        if !(threshold > 0.5 && threshold <= 1.0) {
            let detail = "above 0.5 and up to 1 is expected: less could give a text to both dialects";
            return Err(Error::Value { what: "threshold".into(), value: threshold, detail });
        }
        let (mut found, mut read) = (Vec::new(), 0);
        for (at, text) in texts.into_iter().enumerate() {
            read += 1;
            let text = clean(text);
            let Some(shares) = mixture.shares(&text) else { continue };
            let of = DIALECTS.iter().position(|(group, _)| shares[*group] >= threshold);
            found.extend(of.map(|dialect| Text { id: format!("dialect/{at:06}"), text, dialect }));
        }
        Ok(Self { texts: found, read })
    }

    /// How many texts each dialect has, of how many.
    pub fn counts(&self) -> String {
        let count = |dialect| self.texts.iter().filter(|text| text.dialect == dialect).count();
        let [(_, one), (_, other)] = DIALECTS;
        format!(
            "{} texts: {} aligned with {one} English, {} with {other} English",
            self.read,
            count(0),
            count(1)
        )
    }

    /// What is asked: how probable each text is. Of each dialect, a list.
    pub fn questions(&self) -> [Vec<Question>; 2] {
        [0, 1].map(|dialect| {
            let of_dialect = self.texts.iter().filter(|text| text.dialect == dialect);
            of_dialect
                .map(|text| Question { id: text.id.clone(), ask: Ask::Text(text.text.clone()) })
                .collect()
        })
    }

    /// Nats per token and bits per byte of each dialect, and how far they are apart. Resampled are texts of each dialect.
    pub fn figures(&self, answers: &Answers, figures: &Figures) -> Vec<Figure> {
        let mut texts: [Vec<[f64; 3]>; 2] = Default::default();
        for text in &self.texts {
            if let Some([one]) = scored(answers, &text.id) {
                texts[text.dialect].push([-one.log_probability, one.tokens as f64, text.text.len() as f64]);
            }
        }
        let per = |texts: &[[f64; 3]], drawn: &[usize], of: usize| {
            let sum = |at: usize| drawn.iter().map(|&text| texts[text][at]).sum::<f64>();
            sum(0) / sum(of)
        };
        let bits = std::f64::consts::LN_2;
        let mut found = Vec::new();
        let sizes = [texts[0].len(), texts[1].len()];
        for (measure, of, unit) in [("nats per token", 1, 1.0), ("bits per byte", 2, bits)] {
            for (dialect, (_, name)) in DIALECTS.iter().enumerate() {
                let own = &texts[dialect];
                found.push(figures.statistic(measure, name, own.len(), &[own.len()], |drawn| {
                    per(own, &drawn[0], of) / unit
                }));
            }
            let items = sizes[0] + sizes[1];
            found.push(figures.statistic(measure, "gap", items, &sizes, |drawn| {
                (per(&texts[0], &drawn[0], of) - per(&texts[1], &drawn[1], of)) / unit
            }));
        }
        let items = sizes[0] + sizes[1];
        found.push(figures.statistic("perplexity per token", "ratio", items, &sizes, |drawn| {
            (per(&texts[0], &drawn[0], 1) - per(&texts[1], &drawn[1], 1)).exp()
        }));
        found
    }
}

/// A message without mentions, addresses, marks of repetition, and with the characters that HTML escapes.
fn clean(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
    {
        text = text.replace(entity, character);
    }
    let is_kept = |word: &&str| {
        let bare = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '@' && c != '#');
        !bare.starts_with('@') && !bare.starts_with("http") && !bare.starts_with("&#") && bare != "RT"
    };
    let words: Vec<&str> = text.split_whitespace().filter(is_kept).collect();
    words.join(" ").trim_start_matches(['!', '"', ':', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two words of the first group, one of the last, and one that is everybody's.
    fn mixture(folder: &Path) -> Mixture {
        std::fs::write(
            folder.join("model_count_table.txt"),
            "90\t1\t1\t8\n90 1 1 8\n5 1 1 93\n100 100 100 100\n",
        )
        .unwrap();
        std::fs::write(folder.join("model_vocab.txt"), "9\tfinna\n9\tyall\n9\tlovely\n9\tthe\n").unwrap();
        Mixture::read(&Folder::open(folder).unwrap()).unwrap()
    }

    #[test]
    fn texts_go_to_the_group_of_their_words() {
        let folder = tempfile::tempdir().unwrap();
        let mixture = mixture(folder.path());
        // By the authors' own program.
        let check = |text: &str, expected: [f64; GROUPS]| {
            let found = mixture.shares(text).unwrap();
            assert!(
                found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-7),
                "{found:?}"
            );
        };
        check("Yall finna yall finna yall, the", [0.856_629_30, 0.049_151_75, 0.049_151_75, 0.045_067_20]);
        check("lovely lovely lovely lovely lovely", [0.009_669_20, 0.008_891_48, 0.008_891_48, 0.972_547_84]);
        assert_eq!(mixture.shares("yall finna yall finna"), None);
        assert_eq!(mixture.shares(&format!("yall finna yall finna yall {}", "other ".repeat(25))), None);
        let texts = [
            "yall finna yall finna the",
            "RT @x: lovely lovely lovely lovely the http://t.co/1",
            "the the the the the",
        ];
        let dialects = Dialects::align(&mixture, texts, 0.8).unwrap();
        assert_eq!(
            dialects.counts(),
            "3 texts: 1 aligned with African American English, 1 with White English"
        );
        let [_, white] = dialects.questions();
        assert_eq!(white[0].ask, Ask::Text("lovely lovely lovely lovely the".into()));
        assert!(Dialects::align(&mixture, texts, 0.5).is_err());
    }

    #[test]
    fn a_table_of_another_length_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        mixture(folder.path());
        std::fs::write(folder.path().join("model_vocab.txt"), "9\ta\n").unwrap();
        let error = Mixture::read(&Folder::open(folder.path()).unwrap()).unwrap_err().to_string();
        assert!(error.contains("model_vocab.txt: 1 words, and "), "{error}");
    }
}
