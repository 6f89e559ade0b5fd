//! Text from text.

use std::ops::ControlFlow;

use data::Tokenizer;
use serde::Serialize;

use crate::{Decoder, Error, Result, Sampler, Sampling};

/// A model with its tokenizer.
pub struct Generator {
    decoder: Decoder,
    tokenizer: Tokenizer,
    /// What prompts begin with.
    begin_of_text: Option<u32>,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The model ended the text.
    EndOfText,
    /// As many tokens as were asked for.
    Tokens,
    /// The caller wanted no more text.
    Caller,
}

/// A continued text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Generation {
    /// The prompt's tokens, with the one that begins a text where there is one.
    pub prompt_tokens: Vec<u32>,
    /// The tokens after them, `</s>` not included.
    pub tokens: Vec<u32>,
    /// The text of the tokens, without the prompt's.
    pub text: String,
    /// Why it ended.
    pub stop: Stop,
}

impl Generator {
    /// Puts a model and its tokenizer together.
    pub fn new(decoder: Decoder, tokenizer: Tokenizer) -> Self {
        Self { decoder, tokenizer, begin_of_text: None }
    }

    /// The same, with this token before every prompt.
    pub fn with_begin_of_text(self, begin_of_text: Option<u32>) -> Self {
        Self { begin_of_text, ..self }
    }

    /// The model.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Continues `prompt` by up to `tokens` tokens, or until the model ends the text with `</s>`. Each new piece of
    /// text is given to `emit` as soon as it is whole: pieces never split a character.
    ///
    /// A text that outgrows the window goes on: the model then reads its latest half window anew and forgets the rest.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], those of [`Sampling::check`], and [`Error::Device`] when the
    /// device fails.
    pub fn generate(
        &self,
        prompt: &str,
        tokens: usize,
        sampling: Sampling,
        emit: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Generation> {
        let mut sampler = Sampler::new(sampling)?;
        let window = self.decoder.window();
        let prompt_tokens = prompt_tokens(&self.tokenizer, self.begin_of_text, prompt, window)?;
        let mut session = self.decoder.start()?;
        let mut logits = session.read(&prompt_tokens)?;
        let mut all = prompt_tokens.clone();
        let before = self.tokenizer.decode(&prompt_tokens)?.len();
        let mut emitted = before;
        let mut stop = Stop::Tokens;
        for remaining in (0..tokens).rev() {
            let token = sampler.next(&logits)?;
            if Some(token) == self.tokenizer.end_of_text() {
                stop = Stop::EndOfText;
                break;
            }
            all.push(token);
            let text = self.tokenizer.decode(&all)?;
            let whole = whole_characters(&text);
            if whole > emitted && emit(text.get(emitted..whole).unwrap_or_default()).is_break() {
                stop = Stop::Caller;
                break;
            }
            emitted = emitted.max(whole);
            if remaining == 0 {
                break;
            }
            logits = if session.position() < window {
                session.read(&[token])?
            } else {
                session.restart();
                session.read(&all[all.len() - (window / 2).max(1)..])?
            };
        }
        let text = self.tokenizer.decode(&all)?;
        if stop != Stop::Caller
            && emitted < text.len()
            && emit(text.get(emitted..).unwrap_or_default()).is_break()
        {
            stop = Stop::Caller;
        }
        let tokens = all.split_off(prompt_tokens.len());
        Ok(Generation {
            prompt_tokens,
            tokens,
            text: text.get(before..).unwrap_or_default().to_owned(),
            stop,
        })
    }
}

/// The tokens of a prompt that is to be read with this window, after the one that begins a text, if there is to be one.
pub(crate) fn prompt_tokens(
    tokenizer: &Tokenizer,
    begin_of_text: Option<u32>,
    prompt: &str,
    window: usize,
) -> Result<Vec<u32>> {
    let prompt = tokenizer.encode(prompt);
    if prompt.is_empty() {
        return Err(Error::EmptyPrompt);
    }
    let prompt: Vec<u32> = begin_of_text.into_iter().chain(prompt).collect();
    match prompt.len() {
        tokens if tokens > window => Err(Error::PromptTooLong { tokens, window }),
        _ => Ok(prompt),
    }
}

/// Length of a text without the bytes at its end that are not a character yet, which decode to U+FFFD.
fn whole_characters(text: &str) -> usize {
    text.trim_end_matches('\u{FFFD}').len()
}
