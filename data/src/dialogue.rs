//! Dialogues as texts, as in the paper (Rae et al. 2021, section 5): a prompt introduces an assistant named Gopher and shows a few
//! exchanges, and the turns follow it as "User:" and "Gopher:".

mod template;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use template::{ChatTemplate, TemplateError};

/// What the user's turns begin with.
pub const USER: &str = "User:";

/// What the model's turns begin with.
pub const ANSWER: &str = "Gopher:";

/// What stands between turns.
pub const BETWEEN: &str = "\n\n";

/// Who says something, as chat APIs call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whoever set the dialogue up: what the model is to be.
    #[serde(alias = "developer")]
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A turn of a dialogue, as chat APIs write it: `{"role": "user", "content": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Who says it.
    pub role: Role,
    /// What is said. White space at both ends does not count.
    pub content: String,
}

impl Turn {
    /// A turn.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

/// What stands before the turns: a text that says who takes part, and exchanges that show how it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialoguePrompt {
    introduction: String,
    exchanges: String,
}

impl DialoguePrompt {
    /// The prompt of Dialogue-Prompted Gopher, in our own words.
    pub fn gopher() -> Self {
        Self::from_text(include_str!("dialogue/prompt.txt"))
    }

    /// No prompt: of models that were trained on dialogues.
    pub fn none() -> Self {
        Self::default()
    }

    /// Any prompt. Exchanges begin at the first line that begins with `User:` or `Gopher:`; what is before is the introduction.
    pub fn from_text(text: &str) -> Self {
        let of_introduction = |line: &&str| !line.starts_with(USER) && !line.starts_with(ANSWER);
        let length = text.split_inclusive('\n').take_while(of_introduction).map(str::len).sum();
        let (introduction, exchanges) = text.split_at(length);
        Self { introduction: introduction.trim().to_owned(), exchanges: exchanges.trim().to_owned() }
    }
}

/// The text that the model continues with its answer to `turns`.
///
/// What the system says takes the place of the prompt's introduction, wherever it stands among the turns; several such messages are
/// joined. White space at both ends of a turn goes; nothing in it is escaped.
pub fn text<'a>(
    prompt: &DialoguePrompt,
    turns: impl IntoIterator<Item = &'a Turn, IntoIter: Clone>,
) -> String {
    let (mut text, _) = with_answers(prompt, turns);
    push_part(&mut text, ANSWER);
    text
}

/// The same up to the last turn, and where in it the answers are, each with the beginning of the next turn, which ends it.
pub(crate) fn with_answers<'a>(
    prompt: &DialoguePrompt,
    turns: impl IntoIterator<Item = &'a Turn, IntoIter: Clone>,
) -> (String, Vec<Range<usize>>) {
    let turns = turns.into_iter();
    let (mut text, mut answers) = (String::new(), Vec::new());
    let mut has_system = false;
    for turn in turns.clone().filter(|turn| turn.role == Role::System) {
        push_part(&mut text, turn.content.trim());
        has_system = true;
    }
    if !has_system {
        push_part(&mut text, &prompt.introduction);
    }
    push_part(&mut text, &prompt.exchanges);
    // Where the answer begins that is not over.
    let mut answer = None;
    for Turn { role, content } in turns {
        let name = match role {
            Role::System => continue,
            Role::User => USER,
            Role::Assistant => ANSWER,
        };
        push_part(&mut text, name);
        answers.extend(answer.take().map(|start| start..text.len()));
        if *role == Role::Assistant {
            answer = Some(text.len());
        }
        let content = content.trim();
        if !content.is_empty() {
            text.push(' ');
            text.push_str(content);
        }
    }
    answers.extend(answer.map(|start| start..text.len()));
    (text, answers)
}

/// Adds a part that stands by itself, unless it is empty.
fn push_part(text: &mut String, part: &str) {
    if !text.is_empty() && !part.is_empty() {
        text.push_str(BETWEEN);
    }
    text.push_str(part);
}
