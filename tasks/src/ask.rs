//! What is asked of a model, and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One document of a task, put to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its position in its data file, after the task's own preparation of documents.
    pub document: usize,
    /// Its fields, after that preparation.
    pub fields: Value,
    /// What is asked.
    pub ask: Ask,
    /// What is right.
    pub gold: Gold,
    /// Documents that stand before it as shots.
    pub shots: usize,
}

/// A context and a text that may follow it, as a task file renders them: white space at the end of the context has not been
/// moved yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pair {
    /// What is given. May be empty.
    pub context: String,
    /// What is scored.
    pub continuation: String,
}

/// What is asked about one document, one variant for each `output_type` of a task file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// `multiple_choice`: the log-probability of each choice.
    Choices {
        /// A pair for each choice, in the task's order.
        pairs: Vec<Pair>,
        /// The choices as they are measured for normalised metrics.
        choices: Vec<String>,
        /// The choices without their contexts, for `acc_mutual_info` only.
        unconditional: Vec<Pair>,
    },
    /// `loglikelihood`: the log-probability of one continuation.
    LogLikelihood(Pair),
    /// `loglikelihood_rolling`: the log-probability of a whole text, a window at a time.
    Rolling(String),
    /// `generate_until`: a text that continues a context.
    Generate {
        /// What is given.
        context: String,
        /// How.
        generation: Generation,
    },
}

/// How a text is generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// The text ends before the first of these.
    pub until: Vec<String>,
    /// Most tokens.
    pub max_tokens: usize,
    /// 0 for greedy.
    pub temperature: f64,
    /// Nucleus, 1 for all.
    pub top_p: f64,
    /// How many answers are wanted.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub repeats: usize,
}

fn one() -> usize {
    1
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

/// What is right about a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gold {
    /// One choice.
    Choice(usize),
    /// Any of several choices (`multiple_target`).
    Choices(Vec<usize>),
    /// A score for each choice, as BIG-bench has them.
    Grades(Vec<f64>),
    /// A text, or any of several.
    Texts(Vec<String>),
    /// Nothing beyond the text itself.
    None,
}

/// What a model answers to an [`Ask`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Ask::Choices`].
    Choices {
        /// One for each pair.
        scored: Vec<Scored>,
        /// One for each unconditional pair.
        unconditional: Vec<Scored>,
    },
    /// To [`Ask::LogLikelihood`].
    LogLikelihood(Scored),
    /// To [`Ask::Rolling`].
    Rolling(Scored),
    /// To [`Ask::Generate`]: the continuation, already cut at the first stop string.
    Generated(String),
    /// The same, one text for each of [`Generation::repeats`], where they differ.
    Repeated(Vec<String>),
    /// The document was left out because it does not fit the model's window (`--overlong skip`).
    Skipped,
}

/// A scored text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Natural log of its probability.
    pub log_probability: f64,
    /// Whether each of its tokens is the model's most probable one.
    pub greedy: bool,
    /// Tokens scored.
    pub tokens: usize,
    /// Tokens of the context that the window had no room for.
    pub truncated: usize,
}

/// A text of a user's file as part of an error, which is one line: control characters are escaped.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}
