//! Chat templates: the form in which a model was taught dialogues by whoever trained it, as a Jinja template that came with it.
//!
//! A template is a short program that somebody else wrote. It makes text of messages, in which marks such as `<|im_end|>` stand by
//! their names; here they become their single ids where the template put them, and stay text where somebody's message has them.

use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};

use super::{BETWEEN, Role, Turn};
use crate::tokenizer::{AddedPiece, PieceKind, Tokenizer, TokenizerModel};

/// What a template is called in messages.
const NAME: &str = "chat template";

/// Steps that a template may take for a dialogue: far more than any needs, and less than a second.
const FUEL: u64 = 5_000_000;

/// Where characters that no message has are looked for: a plane for private use.
const PRIVATE: u32 = 0x10_0000;

/// A model's own form of dialogues.
pub struct ChatTemplate {
    environment: Environment<'static>,
    /// Names of marks with their ids, longest first.
    marks: Vec<(String, u32)>,
    begin: String,
    end: String,
    source: String,
    stops: Vec<String>,
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatTemplate")
            .field("source", &self.source)
            .field("stops", &self.stops)
            .finish_non_exhaustive()
    }
}

/// A template that cannot be used, or a dialogue that it refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It cannot be read, or needs what there is not.
    #[error("the model's chat template cannot be used: {0}")]
    Unusable(String),
    /// It makes no text of these turns.
    #[error("the model's chat template refuses this dialogue: {0}")]
    Refused(String),
}

impl ChatTemplate {
    /// Reads a template for a tokenizer, and tries it on a short dialogue.
    ///
    /// # Errors
    /// [`TemplateError::Unusable`] for one that is no Jinja, needs a function or a filter that there is not, makes nothing of a dialogue of three
    /// turns, or ends answers with a mark that cannot be seen in a text.
    pub fn new(source: &str, tokenizer: &Tokenizer) -> Result<Self, TemplateError> {
        let unusable = |error: minijinja::Error| TemplateError::Unusable(reason(&error));
        let mut environment = Environment::new();
        // As `transformers` sets Jinja up.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(unusable)?);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: &str| {
            Err::<String, _>(minijinja::Error::new(ErrorKind::InvalidOperation, message.to_owned()))
        });
        environment.add_template_owned(NAME, source.to_owned()).map_err(unusable)?;
        let name = |id: Option<u32>| id.and_then(|id| tokenizer.piece(id)).unwrap_or_default().to_owned();
        let mut template = Self {
            environment,
            marks: marks(tokenizer),
            begin: name(tokenizer.begin_of_text()),
            end: name(tokenizer.end_of_text()),
            source: source.to_owned(),
            stops: Vec::new(),
        };
        template.stops = template.find_stops(tokenizer)?;
        Ok(template)
    }

    /// Strings before which an answer ends, beside the token that ends texts.
    pub fn stops(&self) -> &[String] {
        &self.stops
    }

    /// The tokens that the model continues with its answer to `turns`. A token that begins a text is among them if the template puts it
    /// there. Messages of the system are joined, and come first.
    ///
    /// # Errors
    /// [`TemplateError::Refused`] with the template's own reason.
    pub fn tokens<'a>(
        &self,
        turns: impl IntoIterator<Item = &'a Turn, IntoIter: Clone>,
        tokenizer: &Tokenizer,
    ) -> Result<Vec<u32>, TemplateError> {
        let turns = turns.into_iter();
        let system: Vec<&str> =
            turns.clone().filter(|turn| turn.role == Role::System).map(|turn| turn.content.trim()).collect();
        let joined = (!system.is_empty()).then(|| (Role::System, system.join(BETWEEN)));
        let spoken = turns.filter(|turn| turn.role != Role::System);
        let joined = joined.as_ref().map(|(role, text)| (*role, text.as_str()));
        let turns: Vec<(Role, &str)> =
            joined.into_iter().chain(spoken.map(|turn| (turn.role, turn.content.as_str()))).collect();
        let hidden = Hidden::new(&self.marks, &self.source, &turns);
        let text = self
            .render(turns.iter().map(|&(role, content)| (role, hidden.hide(content))))
            .map_err(|error| TemplateError::Refused(reason(&error)))?;
        let mut ids = Vec::new();
        let mut rest = text.as_str();
        while let Some((start, (mark, id))) = self.first_mark(rest) {
            ids.extend(tokenizer.encode_text(&hidden.show(&rest[..start])));
            ids.push(*id);
            rest = &rest[start + mark.len()..];
        }
        ids.extend(tokenizer.encode_text(&hidden.show(rest)));
        Ok(ids)
    }

    fn render(&self, turns: impl Iterator<Item = (Role, String)>) -> Result<String, minijinja::Error> {
        let role = |role| match role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let messages: Vec<_> =
            turns.map(|(who, content)| context! { role => role(who), content => content }).collect();
        self.environment.get_template(NAME)?.render(context! {
            messages => messages,
            add_generation_prompt => true,
            bos_token => &self.begin,
            eos_token => &self.end,
        })
    }

    /// The first mark in a text, the longest of several at one place.
    fn first_mark(&self, text: &str) -> Option<(usize, &(String, u32))> {
        let places = self.marks.iter().filter_map(|mark| Some((text.find(&mark.0)?, mark)));
        // Of several minima the first is taken, and marks are ordered by length.
        places.min_by_key(|&(start, _)| start)
    }

    /// What ends an answer: what the template puts between one and the next turn.
    fn find_stops(&self, tokenizer: &Tokenizer) -> Result<Vec<String>, TemplateError> {
        let [question, answer, next] = [0, 1, 2].map(|index| private(PRIVATE + index).to_string());
        let turns = [(Role::User, question), (Role::Assistant, answer.clone()), (Role::User, next.clone())];
        let text = self.render(turns.into_iter()).map_err(|error| TemplateError::Unusable(reason(&error)))?;
        let after = text.split_once(&answer).and_then(|(_, after)| after.split_once(&next));
        let Some((after, _)) = after else {
            let message = "it leaves turns of a dialogue out, or changes their order";
            return Err(TemplateError::Unusable(message.to_owned()));
        };
        match self.first_mark(after) {
            Some((start, (mark, id))) if after[..start].trim().is_empty() => {
                if Some(*id) == tokenizer.end_of_text() {
                    return Ok(Vec::new());
                }
                // Where marks are seen in the text that the model writes.
                match tokenizer.decode(&[*id]) {
                    Ok(text) if text == *mark => Ok(vec![text]),
                    _ => Err(TemplateError::Unusable(format!(
                        "it ends answers with {mark}, which is not the token that ends texts"
                    ))),
                }
            }
            found => {
                let end = found.map_or(after.len(), |(start, _)| start);
                let stop = after[..end].trim_end();
                Ok(if stop.trim().is_empty() { Vec::new() } else { vec![stop.to_owned()] })
            }
        }
    }
}

/// Pieces of a tokenizer that are marks and no text, longest first.
fn marks(tokenizer: &Tokenizer) -> Vec<(String, u32)> {
    let mut marks: Vec<(String, u32)> = match tokenizer.model() {
        Some(TokenizerModel::ByteLevel(model)) => {
            let ends = [model.begin_of_text, model.end_of_text];
            let is_mark = |added: &&AddedPiece| added.special || ends.contains(&Some(added.id));
            model
                .added
                .iter()
                .filter(is_mark)
                .map(|added| (model.pieces[added.id as usize].clone(), added.id))
                .collect()
        }
        Some(TokenizerModel::SentencePiece(model)) => {
            let pieces = (0..).zip(&model.pieces);
            let control = pieces.filter(|(_, piece)| piece.kind == PieceKind::Control);
            control.map(|(id, piece)| (piece.text.clone(), id)).collect()
        }
        None => Vec::new(),
    };
    marks.retain(|(name, _)| !name.is_empty());
    marks.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    marks
}

/// Names of marks in messages, hidden from the search for those of the template: the first character of each is replaced by one that
/// occurs nowhere.
struct Hidden<'a> {
    marks: &'a [(String, u32)],
    /// First characters of marks; what replaces each is `base` plus its place.
    first: Vec<char>,
    base: u32,
}

impl<'a> Hidden<'a> {
    /// For messages of a template.
    fn new(marks: &'a [(String, u32)], source: &str, turns: &[(Role, &str)]) -> Self {
        let mut first: Vec<char> = marks.iter().filter_map(|(name, _)| name.chars().next()).collect();
        first.sort_unstable();
        first.dedup();
        let count = first.len() as u32;
        let is_free = |base: &u32| {
            let range = private(*base)..=private(base + count);
            !turns
                .iter()
                .map(|&(_, content)| content)
                .chain([source])
                .any(|text| text.contains(|c| range.contains(&c)))
        };
        // A message would have to be longer than any request to take them all.
        let base = (PRIVATE..0x10_ffff - count).step_by(count as usize + 1).find(is_free).unwrap_or(PRIVATE);
        Self { marks, first, base }
    }

    /// A message without marks: neither whole ones nor, at its end, the beginning of one.
    fn hide(&self, content: &str) -> String {
        let trimmed = content.trim_end().len();
        let mut hidden = String::with_capacity(content.len());
        for (start, c) in content.char_indices() {
            let place = self.first.binary_search(&c).ok().filter(|_| {
                let (rest, to_end) =
                    (&content[start..], content[start..].get(..trimmed.saturating_sub(start)));
                self.marks.iter().any(|(name, _)| {
                    rest.starts_with(name.as_str())
                        || to_end.is_some_and(|end| !end.is_empty() && name.starts_with(end))
                })
            });
            hidden.push(place.map_or(c, |place| private(self.base + place as u32)));
        }
        hidden
    }

    /// The text as it was.
    fn show(&self, text: &str) -> String {
        let shown = |c: char| {
            let place = u32::from(c).checked_sub(self.base);
            place.and_then(|place| self.first.get(place as usize)).copied().unwrap_or(c)
        };
        text.chars().map(shown).collect()
    }
}

/// A character for private use.
fn private(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// What is wrong, on one line.
fn reason(error: &minijinja::Error) -> String {
    let line = error.line().map_or(String::new(), |line| format!(" (line {line})"));
    let text = match (error.kind(), error.detail()) {
        (ErrorKind::InvalidOperation, Some(detail)) => detail.to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ") + &line
}
