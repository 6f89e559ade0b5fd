//! Text from text.

use std::ops::ControlFlow;
use std::time::Instant;

use data::Tokenizer;
use serde::Serialize;

use crate::{Decoder, Error, PROMPT_CHUNK, Result, Sampler, Sampling};

/// A model with its tokenizer.
pub struct Generator {
    decoder: Decoder,
    tokenizer: Tokenizer,
    /// What prompts begin with.
    begin_of_text: Option<u32>,
    /// Told how many tokens of a prompt are read, and of how many.
    reading: Box<dyn Fn(usize, usize)>,
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
    /// Seconds it took to read the prompt.
    pub prompt_seconds: f64,
    /// Seconds from there to the last token.
    pub seconds: f64,
    /// Tokens per second after the prompt and the first token, which comes of the prompt; `None` if there are no more.
    pub tokens_per_second: Option<f64>,
}

impl Generator {
    /// Puts a model and its tokenizer together.
    pub fn new(decoder: Decoder, tokenizer: Tokenizer) -> Self {
        Self { decoder, tokenizer, begin_of_text: None, reading: Box::new(|_, _| ()) }
    }

    /// The same, with this token before every prompt.
    pub fn with_begin_of_text(self, begin_of_text: Option<u32>) -> Self {
        Self { begin_of_text, ..self }
    }

    /// The same, which tells how many tokens of a prompt it has read, and of how many, while it reads a long one.
    pub fn with_reading(self, reading: impl Fn(usize, usize) + 'static) -> Self {
        Self { reading: Box::new(reading), ..self }
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
        let begin = Instant::now();
        let mut session = self.decoder.start()?;
        let mut logits = Vec::new();
        for piece in prompt_tokens.chunks(PROMPT_CHUNK) {
            logits = session.read(piece)?;
            if prompt_tokens.len() > PROMPT_CHUNK {
                (self.reading)(session.position(), prompt_tokens.len());
            }
        }
        let prompt_seconds = begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        let mut all = prompt_tokens.clone();
        let mut stream = self.tokenizer.stream();
        prompt_tokens.iter().try_for_each(|&token| stream.push(token))?;
        // The prompt's own text is no news.
        stream.take();
        let mut text = String::new();
        let mut stop = Stop::Tokens;
        for remaining in (0..tokens).rev() {
            let token = sampler.next(&logits)?;
            if Some(token) == self.tokenizer.end_of_text() {
                stop = Stop::EndOfText;
                break;
            }
            all.push(token);
            stream.push(token)?;
            let whole = stream.take();
            text.push_str(&whole);
            if !whole.is_empty() && emit(&whole).is_break() {
                stop = Stop::Caller;
                break;
            }
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
        let seconds = begin.elapsed().as_secs_f64();
        let rest = stream.finish();
        text.push_str(&rest);
        if stop != Stop::Caller && !rest.is_empty() && emit(&rest).is_break() {
            stop = Stop::Caller;
        }
        let tokens = all.split_off(prompt_tokens.len());
        let tokens_per_second = (tokens.len() > 1).then(|| (tokens.len() - 1) as f64 / seconds);
        Ok(Generation { prompt_tokens, tokens, text, stop, prompt_seconds, seconds, tokens_per_second })
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
