//! Dialogues with a model that continues text, as in the paper (Rae et al. 2021, section 5): a prompt introduces an assistant
//! named Gopher and shows a few exchanges, and the turns follow it as "User:" and "Gopher:".
//!
//! [`fit`] makes tokens of a prompt and turns, for a window. What the model adds to them goes through an [`AnswerStream`], which
//! ends it where the next turn begins. Both are functions of their arguments alone.

use data::Tokenizer;
pub use data::dialogue::{ANSWER, ChatTemplate, DialoguePrompt, Role, TemplateError, Turn, USER, text};

use crate::scoring::Row;
use crate::stops::StopStream;
use crate::{Error, Result, Sampling};

/// How tokens of an answer are drawn unless asked for otherwise: nucleus sampling with 0.8, as in the paper.
pub fn sampling() -> Sampling {
    Sampling { top_p: 0.8, ..Sampling::default() }
}

/// Tokens that an answer has at most unless asked for otherwise: a quarter of the window, and no more than 256.
pub fn default_answer(window: usize) -> usize {
    (window / 4).clamp(1, 256)
}

/// Turns as tokens that the model continues with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// The tokens: what begins a text where the model wants that, the prompt, turns, and the beginning of the answer.
    pub tokens: Vec<u32>,
    /// How many of the oldest turns were left out, system messages not counted.
    pub left_out: usize,
}

/// The prompt and the newest turns as tokens, as many as leave room for an answer of `answer` tokens in a window of `window`.
///
/// The prompt, system messages and the newest turn of the user with all after it are always there. Older turns are there from one of the
/// user's on: all of them if they fit, and otherwise as many exchanges, counted from the newest, as fit with all that are newer. Names of
/// marks in the texts are only text. `begin_of_text` is the token that the model's texts begin with, if it wants one
/// ([`TrainedModel::begin_of_text`](crate::TrainedModel::begin_of_text)).
///
/// # Errors
/// [`Error::DialogueTooLong`] when what is always there does not fit.
pub fn fit(
    prompt: &DialoguePrompt,
    turns: &[Turn],
    tokenizer: &Tokenizer,
    begin_of_text: Option<u32>,
    window: usize,
    answer: usize,
) -> Result<Fitted> {
    let tokens = |turns: &[&Turn]| {
        let text = text(prompt, turns.iter().copied());
        Ok(begin_of_text.into_iter().chain(tokenizer.encode_text(&text)).collect())
    };
    fit_with(turns, window, answer, &tokens)
}

/// The newest turns as `tokens` encodes them.
fn fit_with(
    turns: &[Turn],
    window: usize,
    answer: usize,
    tokens: &dyn Fn(&[&Turn]) -> Result<Vec<u32>>,
) -> Result<Fitted> {
    let (system, spoken): (Vec<&Turn>, Vec<&Turn>) = turns.iter().partition(|turn| turn.role == Role::System);
    let from = |first: usize| tokens(&[&system[..], &spoken[first..]].concat());
    let room = window.checked_sub(answer);
    let fits = |tokens: &Vec<u32>| room.is_some_and(|room| tokens.len() <= room);
    let all = from(0)?;
    if fits(&all) {
        return Ok(Fitted { tokens: all, left_out: 0 });
    }
    let of_user = (1..spoken.len()).rev().filter(|&index| spoken[index].role == Role::User);
    let mut fitting = None;
    for left_out in of_user {
        let tokens = from(left_out)?;
        if !fits(&tokens) {
            break;
        }
        fitting = Some(Fitted { tokens, left_out });
    }
    match fitting {
        Some(fitting) => Ok(fitting),
        None => {
            let newest = spoken.iter().rposition(|turn| turn.role == Role::User).unwrap_or(0);
            Err(Error::DialogueTooLong { tokens: from(newest)?.len(), answer, window })
        }
    }
}

/// How dialogues become what a model continues.
#[derive(Debug)]
pub enum DialogueForm {
    /// A prompt and turns of "User:" and "Gopher:".
    Prompted(DialoguePrompt),
    /// The form that the model came with.
    Template(Box<ChatTemplate>),
}

impl Default for DialogueForm {
    fn default() -> Self {
        Self::Prompted(DialoguePrompt::none())
    }
}

impl DialogueForm {
    /// As [`fit`]. Of a template, a token that begins a text is there if the template puts it there.
    ///
    /// # Errors
    /// As there; [`Error::Template`] for turns that the template refuses.
    pub fn fit(
        &self,
        turns: &[Turn],
        tokenizer: &Tokenizer,
        begin_of_text: Option<u32>,
        window: usize,
        answer: usize,
    ) -> Result<Fitted> {
        match self {
            Self::Prompted(prompt) => fit(prompt, turns, tokenizer, begin_of_text, window, answer),
            Self::Template(template) => {
                let tokens = |turns: &[&Turn]| Ok(template.tokens(turns.iter().copied(), tokenizer)?);
                fit_with(turns, window, answer, &tokens)
            }
        }
    }

    /// The strings before which an answer ends.
    pub fn stops(&self, tokenizer: &Tokenizer) -> Vec<String> {
        match self {
            Self::Prompted(_) => stop_strings(tokenizer),
            Self::Template(template) => template.stops().to_vec(),
        }
    }
}

/// The strings before which an answer ends: the next turns' beginnings.
///
/// They are at the beginning of a line; with a tokenizer whose texts have no line ends, after a space.
pub fn stop_strings(tokenizer: &Tokenizer) -> Vec<String> {
    let lines = tokenizer.decode(&tokenizer.encode_text("a\nb"));
    let before = if lines.is_ok_and(|text| text.contains('\n')) { '\n' } else { ' ' };
    [USER, ANSWER].map(|name| format!("{before}{name}")).into()
}

/// An answer that comes piece by piece: it ends before a stop string, and has no white space around it.
///
/// What comes out does not depend on how the text was cut into pieces.
#[derive(Clone, Debug, Default)]
pub struct AnswerStream {
    stream: StopStream,
    /// Whether there is some text.
    begun: bool,
    /// White space that is the answer's if something follows.
    space: String,
}

impl AnswerStream {
    /// An answer that ends before the first of `stops`, such as [`stop_strings`].
    pub fn new(stops: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { stream: StopStream::new(stops), ..Self::default() }
    }

    /// Adds a piece of what the model has written, and gives what of the answer is certain now.
    pub fn push(&mut self, text: &str) -> String {
        let text = self.stream.push(text);
        self.trim(&text)
    }

    /// Whether a stop string has come: the answer is over.
    pub fn is_over(&self) -> bool {
        self.stream.stopped().is_some()
    }

    /// The model writes no more: the rest of the answer.
    pub fn finish(mut self) -> String {
        let text = std::mem::take(&mut self.stream).finish();
        self.trim(&text)
    }

    fn trim(&mut self, text: &str) -> String {
        let text = if self.begun { text } else { text.trim_start() };
        let kept = text.trim_end();
        let space = &text[kept.len()..];
        if kept.is_empty() {
            self.space.push_str(space);
            return String::new();
        }
        self.begun = true;
        std::mem::replace(&mut self.space, space.to_owned()) + kept
    }
}

/// The answers of a dialogue as rows to score: each with the tokens before it as [`fit`] gives them, with as many of the turns before it as
/// leave room. What ends an answer is not part of it.
///
/// An answer that does not fit the window with the prompt and the turn before it is `None`.
///
/// # Errors
/// None but those of [`fit`] that are not about the length.
pub fn answers(
    prompt: &DialoguePrompt,
    turns: &[Turn],
    tokenizer: &Tokenizer,
    begin_of_text: Option<u32>,
    window: usize,
) -> Result<Vec<Option<Answer>>> {
    let is_answer =
        |&index: &usize| turns[index].role == Role::Assistant && !turns[index].content.trim().is_empty();
    let answer = |index: usize| {
        let (before, content) = (&turns[..index], turns[index].content.trim());
        let ids = |text: &str| -> Vec<u32> {
            begin_of_text.into_iter().chain(tokenizer.encode_text(text)).collect()
        };
        // As many tokens as by itself, or one or two more where it meets what is before it.
        let room = tokenizer.encode_text(content).len() + 2;
        let Fitted { tokens, left_out } = match fit(prompt, before, tokenizer, begin_of_text, window, room) {
            Ok(fitted) => fitted,
            Err(Error::DialogueTooLong { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut spoken = 0;
        let kept = before.iter().filter(|turn| {
            spoken += usize::from(turn.role != Role::System);
            turn.role == Role::System || spoken > left_out
        });
        let kept: Vec<&Turn> = kept.collect();
        let whole = ids(&format!("{} {content}", text(prompt, kept)));
        let continuation = whole.get(tokens.len()..).unwrap_or_default().to_vec();
        if tokens.len() + continuation.len() > window {
            return Ok(None);
        }
        let row = Row { context: tokens, continuation };
        Ok(Some(Answer { row, left_out, bytes: content.len() }))
    };
    (0..turns.len()).filter(is_answer).map(answer).collect()
}

/// An answer with what was said before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was said before, and the answer's tokens.
    pub row: Row,
    /// Turns before it that were left out.
    pub left_out: usize,
    /// Bytes of its text.
    pub bytes: usize,
}
