//! Text from text.

use std::ops::ControlFlow;
use std::time::Instant;

use data::Tokenizer;
use serde::Serialize;

use crate::{Decoder, Error, PROMPT_CHUNK, Result, Sampler, Sampling, Session};

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

    /// The token that prompts begin with, if there is one.
    pub fn begin_of_text(&self) -> Option<u32> {
        self.begin_of_text
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
        sampling.check()?;
        let window = self.decoder.window();
        let prompt = prompt_tokens(&self.tokenizer, self.begin_of_text, prompt, window)?;
        self.conversation()?.continue_tokens(&prompt, tokens, sampling, &mut |text| match text {
            "" => ControlFlow::Continue(()),
            text => emit(text),
        })
    }

    /// A place for texts that begin alike, such as the turns of a dialogue.
    ///
    /// # Errors
    /// [`Error::Device`] when the device's memory is too small for the cache.
    pub fn conversation(&self) -> Result<Conversation<'_>> {
        Ok(Conversation { generator: self, session: self.decoder.start()?, chunks: Vec::new() })
    }
}

/// Texts that are continued one after another. What a text has in common with the one before at its beginning is not
/// read again, and that changes no bit: only whole chunks of prompts are kept, which are computed in the same way whatever comes after.
pub struct Conversation<'a> {
    generator: &'a Generator,
    session: Session<'a>,
    /// Tokens of the whole chunks that the caches begin with.
    chunks: Vec<u32>,
}

impl Conversation<'_> {
    /// Continues the text of `prompt`, as [`Generator::generate`]. `watch` is given the new text after each chunk of the prompt
    /// and each token, which is empty if no character has become whole, and may end the work.
    ///
    /// # Errors
    /// As there, and [`Error::Token`] for an id outside the vocabulary.
    pub fn continue_tokens(
        &mut self,
        prompt: &[u32],
        tokens: usize,
        sampling: Sampling,
        watch: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Generation> {
        let Generator { decoder, tokenizer, reading, .. } = self.generator;
        let mut sampler = Sampler::new(sampling)?;
        let window = decoder.window();
        if prompt.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if prompt.len() > window {
            return Err(Error::PromptTooLong { tokens: prompt.len(), window });
        }
        let begin = Instant::now();
        let mut stop = Stop::Tokens;
        let mut logits = Vec::new();
        self.rewind(prompt);
        while self.session.position() < prompt.len() {
            let position = self.session.position();
            let piece = &prompt[position..prompt.len().min(position + decoder.chunk())];
            logits = self.session.read(piece)?;
            if piece.len() == decoder.chunk() {
                self.chunks.extend(piece);
            }
            if prompt.len() > PROMPT_CHUNK {
                reading(self.session.position(), prompt.len());
            }
            if watch("").is_break() {
                stop = Stop::Caller;
                break;
            }
        }
        let prompt_seconds = begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        let mut all = prompt.to_vec();
        let mut stream = tokenizer.stream();
        prompt.iter().try_for_each(|&token| stream.push(token))?;
        // The prompt's own text is no news.
        stream.take();
        let mut text = String::new();
        let tokens = if stop == Stop::Caller { 0 } else { tokens };
        for remaining in (0..tokens).rev() {
            let token = sampler.next(&logits)?;
            if Some(token) == tokenizer.end_of_text() {
                stop = Stop::EndOfText;
                break;
            }
            all.push(token);
            stream.push(token)?;
            let whole = stream.take();
            text.push_str(&whole);
            if watch(&whole).is_break() {
                stop = Stop::Caller;
                break;
            }
            if remaining == 0 {
                break;
            }
            logits = if self.session.position() < window {
                self.session.read(&[token])?
            } else {
                self.session.restart();
                self.chunks.clear();
                self.session.read(&all[all.len() - (window / 2).max(1)..])?
            };
        }
        let seconds = begin.elapsed().as_secs_f64();
        let rest = stream.finish();
        text.push_str(&rest);
        if stop != Stop::Caller && !rest.is_empty() && watch(&rest).is_break() {
            stop = Stop::Caller;
        }
        let tokens = all.split_off(prompt.len());
        let tokens_per_second = (tokens.len() > 1).then(|| (tokens.len() - 1) as f64 / seconds);
        let prompt_tokens = prompt.to_vec();
        Ok(Generation { prompt_tokens, tokens, text, stop, prompt_seconds, seconds, tokens_per_second })
    }

    /// Goes back to where a prompt is another than what was read, at the beginning of a chunk, and before its last token.
    fn rewind(&mut self, prompt: &[u32]) {
        let same =
            self.chunks.iter().zip(&prompt[..prompt.len() - 1]).take_while(|(old, new)| old == new).count();
        let chunk = self.generator.decoder.chunk();
        self.chunks.truncate(same / chunk * chunk);
        self.session.rewind(self.chunks.len());
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
