//! What the engine is asked for, and what it tells.

use std::sync::Arc;
use std::time::Instant;

use eval::Sampling;
use tokio::sync::mpsc::UnboundedSender;

/// One answer that is wanted.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its place among the answers of its request.
    pub index: usize,
    /// The tokens before it: at least one, at most a window.
    pub prompt: Arc<[u32]>,
    /// Its tokens at most. With those of the prompt they fit the window, but for the last one, which is not read.
    pub max_tokens: usize,
    /// How its tokens are chosen.
    pub sampling: Sampling,
    /// What is added to logits before a token is chosen.
    pub logit_bias: Arc<[(u32, f32)]>,
    /// It ends before the first of these.
    pub stop: Arc<[String]>,
    /// Whether it has no white space at its ends, as the turn of a dialogue.
    pub trims: bool,
    /// Log-probabilities of its tokens, with so many of the most probable ones.
    pub logprobs: Option<usize>,
    /// Whether the prompt's tokens are scored too, with up to 5 of the most probable ones.
    pub score_prompt: bool,
    /// When it is given up.
    pub deadline: Instant,
    /// When it came.
    pub arrived: Instant,
    /// Who is told. What is never taken is bounded by the window; nobody waits for a slow listener.
    pub events: UnboundedSender<(usize, Event)>,
}

/// A token with its log-probability.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenScore {
    /// The token.
    pub id: u32,
    /// Characters of the text it belongs to (the prompt's, or the answer's) that come before it.
    pub offset: usize,
    /// Natural logarithm of its probability; none for the first token of a prompt.
    pub log_probability: Option<f32>,
    /// The most probable tokens in its place.
    pub top: Vec<(u32, f32)>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model ended the text, or a stop string came.
    Stop,
    /// It has as many tokens as it may have.
    Length,
}

impl Finish {
    /// As clients know it.
    pub fn name(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
        }
    }
}

/// Why an answer cannot be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It took too long.
    Deadline,
    /// The device failed.
    Device(String),
    /// The model's numbers are none.
    Model(String),
}

/// What becomes of a task, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The tokens of its prompt are scored.
    Prompt(Vec<TokenScore>),
    /// More of its text.
    Piece {
        /// The text, which may be empty.
        text: String,
        /// The tokens that begin in it, if scores are wanted.
        scores: Vec<TokenScore>,
    },
    /// It is whole.
    End {
        /// Why.
        finish: Finish,
        /// Tokens that were made for it.
        tokens: usize,
    },
    /// It never will be.
    Failed(Failure),
}
