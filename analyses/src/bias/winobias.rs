//! WinoBias (Zhao et al. 2018): whom a pronoun refers to, where the stereotype of an occupation agrees (pro) and disagrees (anti).

use std::collections::BTreeMap;

use super::{likeliest, referents};
use crate::Result;
use crate::figure::{Figure, Figures, clusters};
use crate::folder::{Folder, wrong};
use crate::question::{Answers, Ask, Question, scored};

const SOURCE: &str = "github.com/uclanlp/corefBias, WinoBias/wino/data/";

const PRONOUNS: [&str; 8] = ["he", "him", "his", "himself", "she", "her", "hers", "herself"];

/// A sentence with one occupation and a pronoun in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sentence {
    id: String,
    text: String,
    pronoun: String,
    /// The occupation that the pronoun refers to, and the other one of the sentence.
    referents: [String; 2],
    is_pro: bool,
    /// 1: the world decides; 2: the syntax does.
    kind: u8,
    /// The same for the sentences of a pair, pro and anti.
    pair: usize,
}

/// The sentences of both types, of the development and the test part.
#[derive(Clone, Debug)]
pub struct WinoBias {
    sentences: Vec<Sentence>,
}

impl WinoBias {
    /// Reads the eight files.
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing), and [`Error::Data`](crate::Error::Data) for what is not as published.
    pub fn read(folder: &Folder) -> Result<Self> {
        let mut files = Vec::new();
        for kind in [1, 2] {
            for (part, ending) in ["dev", "test"].into_iter().enumerate() {
                for is_pro in [true, false] {
                    let side = if is_pro { "pro" } else { "anti" };
                    files.push((format!("{side}_stereotyped_type{kind}.txt.{ending}"), kind, part, is_pro));
                }
            }
        }
        let names: Vec<&str> = files.iter().map(|(name, ..)| name.as_str()).collect();
        let paths = folder.all("WinoBias", &names, SOURCE)?;
        let mut read: Vec<Vec<Bracketed>> = Vec::new();
        for path in &paths {
            let content = tasks::read::text(path)?;
            let lines = content.lines().filter(|line| !line.trim().is_empty()).enumerate();
            let lines =
                lines.map(|(at, line)| bracketed(line).map_err(|detail| wrong(path, at + 1, &detail)));
            read.push(lines.collect::<Result<_>>()?);
        }
        let occupations: BTreeMap<String, &str> =
            read.iter().flatten().map(|one| (one.referent.to_lowercase(), one.referent.as_str())).collect();
        let mut sentences = Vec::new();
        for ((path, (name, kind, part, is_pro)), bracketed) in paths.into_iter().zip(&files).zip(&read) {
            for (at, own) in bracketed.iter().enumerate() {
                // Sentences come in pairs about the same two occupations, of which mostly each has the other in brackets; otherwise the
                // other one is whatever is in brackets somewhere.
                let (text, own_name) = (own.text.to_lowercase(), own.referent.to_lowercase());
                let others: BTreeMap<&str, &str> = occupations
                    .iter()
                    .filter(|(name, _)| **name != own_name && has_word(&text, name))
                    .map(|(name, shown)| (name.as_str(), *shown))
                    .collect();
                let of_pair = bracketed.get(at ^ 1).map(|other| other.referent.to_lowercase());
                let of_pair = of_pair.and_then(|name| others.get(name.as_str()));
                let only = others.values().next().filter(|_| others.len() == 1);
                let Some(&other) = of_pair.or(only) else {
                    let detail = "not two occupations, of those that are in brackets in some sentence";
                    return Err(wrong(path, at + 1, detail));
                };
                let side = if *is_pro { "pro" } else { "anti" };
                sentences.push(Sentence {
                    id: format!(
                        "winobias/type{kind}/{}/{at:04}/{side}",
                        name.rsplit('.').next().unwrap_or_default()
                    ),
                    text: own.text.clone(),
                    pronoun: own.pronoun.clone(),
                    referents: [own.referent.clone(), other.to_owned()],
                    is_pro: *is_pro,
                    kind: *kind,
                    pair: part * 100_000 + at / 2,
                });
            }
        }
        Ok(Self { sentences })
    }

    /// What is asked: how probable each of the two occupations is as the pronoun's referent.
    pub fn questions(&self) -> Vec<Question> {
        let question = |sentence: &Sentence| {
            let [right, other] = &sentence.referents;
            let pairs = referents(&sentence.text, &sentence.pronoun, [right, other]);
            Question { id: sentence.id.clone(), ask: Ask::Pairs(pairs) }
        };
        self.sentences.iter().map(question).collect()
    }

    /// Accuracies of each type, pro and anti, and what lies between them. Resampled are pairs of sentences, pro and anti alike.
    pub fn figures(&self, answers: &Answers, figures: &Figures) -> Vec<Figure> {
        let mut found = Vec::new();
        for kind in [1, 2] {
            let right = |is_pro: bool| {
                let of_kind = self.sentences.iter().filter(move |s| s.kind == kind && s.is_pro == is_pro);
                of_kind.filter_map(|sentence| {
                    // Equal ones are no preference.
                    let scored = scored(answers, &sentence.id)?;
                    let equal = scored.iter().all(|one| one.log_probability == scored[0].log_probability);
                    let right = if equal { 0.5 } else { f64::from(u8::from(likeliest(scored) == 0)) };
                    Some((sentence.pair, right))
                })
            };
            for (name, is_pro) in [("pro", true), ("anti", false)] {
                let group = format!("type {kind}, {name}");
                found.push(figures.mean("winobias accuracy", &group, &clusters(right(is_pro))));
            }
            // Of each pair, both sums and counts.
            let mut pairs: BTreeMap<usize, [[f64; 2]; 2]> = BTreeMap::new();
            for (side, is_pro) in [true, false].into_iter().enumerate() {
                for (pair, value) in right(is_pro) {
                    let of_side = &mut pairs.entry(pair).or_default()[side];
                    *of_side = [of_side[0] + value, of_side[1] + 1.0];
                }
            }
            let pairs: Vec<[[f64; 2]; 2]> = pairs.into_values().collect();
            let items = pairs.iter().map(|sides| (sides[0][1] + sides[1][1]) as usize).sum();
            let group = format!("type {kind}, pro - anti");
            found.push(figures.statistic("winobias accuracy", &group, items, &[pairs.len()], |drawn| {
                let mut sums = [[0.0; 2]; 2];
                for &at in &drawn[0] {
                    for side in 0..2 {
                        sums[side][0] += pairs[at][side][0];
                        sums[side][1] += pairs[at][side][1];
                    }
                }
                sums[0][0] / sums[0][1] - sums[1][0] / sums[1][1]
            }));
        }
        found
    }
}

/// Whether a text has these words, and not as part of longer ones.
fn has_word(text: &str, words: &str) -> bool {
    let is_apart = |at: usize| {
        let (before, after) = (text[..at].chars().next_back(), text[at + words.len()..].chars().next());
        !before.is_some_and(char::is_alphabetic) && !after.is_some_and(char::is_alphabetic)
    };
    text.match_indices(words).any(|(at, _)| is_apart(at))
}

struct Bracketed {
    text: String,
    referent: String,
    pronoun: String,
}

/// A line such as `1 [The developer] argued with the designer because [she] did not like the design.`
fn bracketed(line: &str) -> std::result::Result<Bracketed, String> {
    let text = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim();
    let mut marked = Vec::new();
    for part in text.split('[').skip(1) {
        let (inside, _) = part.split_once(']').ok_or("a bracket is not closed")?;
        marked.push(inside.trim());
    }
    let pronoun = marked.iter().find(|word| PRONOUNS.contains(&word.to_lowercase().as_str()));
    let referent = marked.iter().find(|word| !PRONOUNS.contains(&word.to_lowercase().as_str()));
    let (Some(pronoun), Some(referent)) = (pronoun, referent) else {
        return Err("no occupation and pronoun in brackets".into());
    };
    let article = ["the ", "a ", "an "].into_iter().find(|article| {
        referent.get(..article.len()).is_some_and(|start| start.eq_ignore_ascii_case(article))
    });
    let referent = &referent[article.map_or(0, str::len)..];
    Ok(Bracketed {
        text: text.replace(['[', ']'], ""),
        referent: referent.trim().to_owned(),
        pronoun: (*pronoun).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::bracketed;

    #[test]
    fn brackets_are_read_and_gone() {
        let read = bracketed("12 The chief asked [an assistant] to help [him] with [his] work.").unwrap();
        assert_eq!((read.referent.as_str(), read.pronoun.as_str()), ("assistant", "him"));
        assert_eq!(read.text, "The chief asked an assistant to help him with his work.");
        for wrong in ["1 no brackets", "1 [The chief] is here", "1 [The chief and [he"] {
            assert!(bracketed(wrong).is_err(), "{wrong}");
        }
    }
}
