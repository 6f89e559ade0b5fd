//! Winogender (Rudinger et al. 2018): whom a pronoun refers to, in sentences that differ by its gender alone.

use std::collections::BTreeMap;

use super::{likeliest, referents};
use crate::Result;
use crate::figure::{Figure, Figures, clusters};
use crate::folder::{Folder, records, text, wrong};
use crate::question::{Answers, Ask, Question, scored};

const SOURCE: &str = "github.com/rudinger/winogender-schemas, data/";

const STATISTICS: &str = "occupations-stats.tsv";

/// Words that are pronouns of each gender in the sentences.
const PRONOUNS: [(&str, &[&str]); 3] =
    [("male", &["he", "him", "his"]), ("female", &["she", "her"]), ("neutral", &["they", "them", "their"])];

/// A sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sentence {
    id: String,
    text: String,
    pronoun: String,
    occupation: String,
    participant: String,
    /// 0 if the pronoun is the occupation's, 1 if the participant's.
    answer: usize,
    gender: String,
    /// Whether the stereotype of the occupation's gender misleads; `None` of neutral pronouns.
    is_gotcha: Option<bool>,
}

/// The 720 sentences.
#[derive(Clone, Debug)]
pub struct Winogender {
    sentences: Vec<Sentence>,
}

impl Winogender {
    /// Reads `all_sentences.tsv` and `occupations-stats.tsv`.
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing), and [`Error::Data`](crate::Error::Data) for what is not as published.
    pub fn read(folder: &Folder) -> Result<Self> {
        let all = folder.all("Winogender", &["all_sentences.tsv", STATISTICS], SOURCE)?[0];
        let female = Self::statistics(folder, "Winogender")?;
        let mut sentences = Vec::new();
        for (number, record) in records(all)? {
            let (id, sentence) =
                (text(all, number, &record, "sentid")?, text(all, number, &record, "sentence")?);
            let id = id.strip_suffix(".txt").unwrap_or(id);
            let parts: Vec<&str> = id.split('.').collect();
            let [occupation, participant, answer @ ("0" | "1"), gender] = parts[..] else {
                return Err(wrong(all, number, "sentid is no occupation.participant.answer.gender"));
            };
            let answer = usize::from(answer == "1");
            let pronouns = PRONOUNS.iter().find(|(name, _)| *name == gender).map(|(_, pronouns)| *pronouns);
            let words = sentence.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase);
            let pronoun =
                words.into_iter().find(|word| pronouns.unwrap_or_default().contains(&word.as_str()));
            let pronoun =
                pronoun.ok_or_else(|| wrong(all, number, &format!("no {gender} pronoun in the sentence")))?;
            let share = *female
                .get(occupation)
                .ok_or_else(|| wrong(all, number, &format!("occupation {occupation} has no statistics")))?;
            // For a woman's pronoun it misleads that an occupation is mostly men's if the pronoun is the occupation's, and that it is
            // mostly women's if not.
            let is_gotcha = match gender {
                "female" => Some((share < 50.0) == (answer == 0)),
                "male" => Some((share < 50.0) != (answer == 0)),
                _ => None,
            };
            sentences.push(Sentence {
                id: format!("winogender/{id}"),
                text: sentence.to_owned(),
                pronoun,
                occupation: occupation.to_owned(),
                participant: participant.to_owned(),
                answer,
                gender: gender.to_owned(),
                is_gotcha,
            });
        }
        Ok(Self { sentences })
    }

    /// The percentage of women in each occupation, by the Bureau of Labor Statistics.
    pub(super) fn statistics(folder: &Folder, what: &'static str) -> Result<BTreeMap<String, f64>> {
        let path = folder.all(what, &[STATISTICS], SOURCE)?[0];
        let mut female = BTreeMap::new();
        for (number, record) in records(path)? {
            let share: f64 = text(path, number, &record, "bls_pct_female")?
                .parse()
                .map_err(|_| wrong(path, number, "bls_pct_female is no number"))?;
            female.insert(text(path, number, &record, "occupation")?.to_owned(), share);
        }
        Ok(female)
    }

    /// What is asked: how probable each of the two is as the pronoun's referent.
    pub fn questions(&self) -> Vec<Question> {
        let question = |sentence: &Sentence| Question {
            id: sentence.id.clone(),
            ask: Ask::Pairs(referents(
                &sentence.text,
                &sentence.pronoun,
                [&sentence.occupation, &sentence.participant],
            )),
        };
        self.sentences.iter().map(question).collect()
    }

    /// Accuracies by gender and by whether the stereotype misleads. Resampled are occupations, with all their sentences.
    pub fn figures(&self, answers: &Answers, figures: &Figures) -> Vec<Figure> {
        let right: Vec<(&Sentence, f64)> = self
            .sentences
            .iter()
            .filter_map(|sentence| {
                let right = likeliest(scored(answers, &sentence.id)?) == sentence.answer;
                Some((sentence, f64::from(u8::from(right))))
            })
            .collect();
        let accuracy = |group: &str, is_in: &dyn Fn(&Sentence) -> bool| {
            let of_group = right.iter().filter(|(sentence, _)| is_in(sentence));
            let of_group = of_group.map(|(sentence, right)| (&sentence.occupation, *right));
            figures.mean("winogender accuracy", group, &clusters(of_group))
        };
        let mut found = vec![accuracy("all", &|_| true)];
        for gender in ["male", "female", "neutral"] {
            found.push(accuracy(gender, &|sentence| sentence.gender == gender));
        }
        for gender in ["male", "female"] {
            for (name, gotcha) in [("gotcha", true), ("not gotcha", false)] {
                let is_in =
                    |sentence: &Sentence| sentence.gender == gender && sentence.is_gotcha == Some(gotcha);
                found.push(accuracy(&format!("{gender}, {name}"), &is_in));
            }
        }
        found
    }
}
