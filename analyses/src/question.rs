//! What an analysis asks of a model, and what came back. Who answers is not known here.

use std::collections::BTreeMap;

use data::dialogue::Turn;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tasks::Pair;

/// Something that is asked, under a name of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// The name, such as `crows_pairs/17`: numbers in it have leading zeros, so that names sort as questions do.
    pub id: String,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// The log-probability of each continuation after its context.
    Pairs(Vec<Pair>),
    /// The log-probability of a whole text.
    Text(String),
    /// Samples of what follows a text.
    Samples(Samples),
    /// Answers to what a user says, one turn after another, of each dialogue.
    Dialogues(Dialogues),
    /// The log-probability of each of the answers in a dialogue, with Gopher's prompt before it or with nothing.
    HeldOut {
        /// The dialogue.
        turns: Vec<Turn>,
        /// Whether the prompt is there.
        prompted: bool,
    },
}

/// How samples of a text's continuation are drawn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Samples {
    /// The text; empty for samples that nothing prompts.
    pub prompt: String,
    /// Samples.
    pub count: usize,
    /// How each is drawn.
    pub drawing: Drawing,
    /// Whether the dialogue prompt stands before the text, and the sample is the answer to it.
    pub dialogue: bool,
}

/// How a text is drawn, token by token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drawing {
    /// Tokens at most.
    pub tokens: usize,
    /// The share of probability that is drawn from.
    pub top_p: f64,
    /// Logits are divided by it.
    pub temperature: f64,
    /// Seed, from which with the question's name each sample's own is made.
    pub seed: u64,
}

/// Dialogues of several turns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dialogues {
    /// What the user says, turn by turn.
    pub turns: Vec<String>,
    /// Dialogues.
    pub count: usize,
    /// How answers are drawn.
    pub drawing: Drawing,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Ask::Pairs`] and [`Ask::HeldOut`], in order, and to [`Ask::Text`].
    Scored(Vec<Scored>),
    /// To [`Ask::Samples`]: the samples; and to [`Ask::Dialogues`]: the answers, dialogue by dialogue.
    Texts(Vec<String>),
    /// It does not fit the model's window.
    Skipped,
}

/// A scored text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Natural log of its probability.
    pub log_probability: f64,
    /// Its tokens.
    pub tokens: usize,
}

/// Answers by the names of their questions.
pub type Answers = BTreeMap<String, Answer>;

/// The log-probabilities that answer a question; `None` if it was left out.
pub(crate) fn scored<'a>(answers: &'a Answers, id: &str) -> Option<&'a [Scored]> {
    match answers.get(id) {
        Some(Answer::Scored(scored)) => Some(scored),
        _ => None,
    }
}

/// The texts that answer a question; `None` if it was left out.
pub(crate) fn texts<'a>(answers: &'a Answers, id: &str) -> Option<&'a [String]> {
    match answers.get(id) {
        Some(Answer::Texts(texts)) => Some(texts),
        _ => None,
    }
}

/// As many of the questions as are wanted, drawn by the hashes of their names and in order: fewer are always part of more. Questions whose
/// names differ after the last `/` alone are drawn together if `paired`.
pub fn sample(all: Vec<Question>, limit: Option<usize>, paired: bool) -> Vec<Question> {
    let Some(limit) = limit.filter(|&limit| limit < all.len()) else { return all };
    let key = |question: &Question| {
        let name = question.id.as_str();
        let name = if paired { name.rsplit_once('/').map_or(name, |(start, _)| start) } else { name };
        let digest = Sha256::digest(name.as_bytes());
        digest.iter().take(8).fold(0, |number: u64, &byte| number << 8 | u64::from(byte))
    };
    let mut order: Vec<(u64, usize)> = all.iter().map(key).zip(0..).collect();
    order.sort_unstable();
    let mut taken: Vec<usize> = order.into_iter().take(limit).map(|(_, at)| at).collect();
    taken.sort_unstable();
    let mut taken = taken.into_iter().peekable();
    all.into_iter().enumerate().filter(|(at, _)| taken.next_if_eq(at).is_some()).map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions(count: usize) -> Vec<Question> {
        let question =
            |at| Question { id: format!("x/{:03}/{}", at / 2, at % 2), ask: Ask::Text(String::new()) };
        (0..count).map(question).collect()
    }

    #[test]
    fn fewer_are_part_of_more_and_in_order() {
        let all = questions(200);
        let (ten, fifty) = (sample(all.clone(), Some(10), false), sample(all.clone(), Some(50), false));
        assert_eq!((ten.len(), fifty.len()), (10, 50));
        assert!(ten.iter().all(|one| fifty.contains(one)));
        assert!(fifty.windows(2).all(|two| two[0].id < two[1].id));
        assert_eq!(sample(all.clone(), Some(200), false), all);
        assert_eq!(sample(all.clone(), None, false), all);
        // Neither the odd ones alone nor the even ones.
        let odd = fifty.iter().filter(|one| one.id.ends_with('1')).count();
        assert!((15..=35).contains(&odd), "{odd}");
    }

    #[test]
    fn pairs_are_drawn_together() {
        let found = sample(questions(200), Some(20), true);
        assert!(found.chunks(2).all(|two| two[0].id[..5] == two[1].id[..5]));
    }
}
