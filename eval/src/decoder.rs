//! A model on a device, reading one text after another.

use graph::TensorType;
use model::{DecodeShape, ModelConfig, Precision};
use runtime::{Buffer, Runtime};

use crate::devices::Devices;
use crate::step::{Step, Weights};
use crate::{Error, Result};

/// Tokens of a prompt that one step reads, if the window holds as many.
pub const PROMPT_CHUNK: usize = 64;

/// A model compiled for decoding one sequence: a program that reads a chunk of a prompt and one that reads a token,
/// over the same cache.
#[derive(Debug)]
pub struct Decoder {
    runtime: Runtime,
    config: ModelConfig,
    parameters: Vec<Buffer>,
    /// Their layers, and the tables that every step reads besides, computed once.
    weights: Weights,
    read_chunk: Step,
    read_one: Step,
    /// Positions of the caches.
    capacity: usize,
    chunk: usize,
    window: usize,
}

impl Decoder {
    /// Compiles the programs for `window` positions, which may be more than the model was trained on.
    /// `parameters` are the model's, in the order of [`ModelConfig::parameters`].
    ///
    /// # Errors
    /// [`Error::EmptyWindow`] when `window` is 0, [`Error::Memory`] when it does not fit the memory, [`Error::Device`] when a program cannot be compiled or the parameters
    /// are of other types.
    pub fn new(
        runtime: &Runtime,
        config: &ModelConfig,
        precision: Precision,
        parameters: Vec<Buffer>,
        window: usize,
    ) -> Result<Self> {
        if window == 0 {
            return Err(Error::EmptyWindow);
        }
        let (chunk, capacity) = chunk_and_capacity(window);
        let weights = parameters.iter().map(|buffer| buffer.ty().bytes() as u64).sum();
        let caches = cache_types(config, precision, window);
        check_memory(runtime, window, weights, caches.iter().map(|ty| ty.bytes() as u64).sum())?;
        let step = |chunk| {
            let shape = DecodeShape {
                batch: 1,
                groups: 1,
                chunk,
                window: capacity,
                attended: capacity,
                own_positions: false,
            };
            Step::compile(&Devices::one(runtime), config, precision, shape)
        };
        let tables = match model::decode_tables(config, precision, capacity)? {
            Some(tables) => runtime.compile(&tables)?.run(&parameters.iter().collect::<Vec<_>>())?,
            None => Vec::new(),
        };
        let (read_chunk, read_one) = (step(chunk)?, step(1)?);
        // Some plugins do not say what a program needs.
        if let Ok(memory) = read_chunk.program.memory() {
            check_memory(runtime, window, weights, memory.total().saturating_sub(weights))?;
        }
        Ok(Self {
            runtime: runtime.clone(),
            config: config.clone(),
            weights: read_one.weights(runtime, &parameters, tables)?,
            parameters,
            read_chunk,
            read_one,
            capacity,
            chunk,
            window,
        })
    }

    /// The model's sizes.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Positions that can be looked back at, the newest included.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Tokens of a prompt that one step reads: [`PROMPT_CHUNK`], or the window if that is shorter.
    pub fn chunk(&self) -> usize {
        self.chunk
    }

    /// Seconds it took to compile the programs.
    pub fn compile_seconds(&self) -> f64 {
        self.read_chunk.program.compile_seconds() + self.read_one.program.compile_seconds()
    }

    /// Gives the parameters back.
    pub fn into_parameters(self) -> Vec<Buffer> {
        self.parameters
    }

    /// A new text, with nothing read yet.
    ///
    /// # Errors
    /// [`Error::Device`] when the device's memory is too small for the cache.
    pub fn start(&self) -> Result<Session<'_>> {
        let caches = self.read_one.caches(&self.runtime, &self.parameters, &self.weights)?;
        Ok(Session { decoder: self, caches, position: 0 })
    }
}

/// Tokens of a prompt that a step reads, and positions of the caches.
pub(crate) fn chunk_and_capacity(window: usize) -> (usize, usize) {
    let chunk = PROMPT_CHUNK.min(window).max(1);
    // The last chunk of a prompt may be padded past the window's end.
    (chunk, window.next_multiple_of(chunk))
}

/// Types of what a window's tokens leave behind.
pub(crate) fn cache_types(config: &ModelConfig, precision: Precision, window: usize) -> Vec<TensorType> {
    let caches = config.caches(1, chunk_and_capacity(window).1).into_iter();
    caches.map(|spec| TensorType::new(precision.activations, spec.shape)).collect()
}

/// Whether a model and what a window takes beside it fit the device's memory, as far as that is known.
pub(crate) fn check_memory(runtime: &Runtime, window: usize, parameters: u64, cache: u64) -> Result<()> {
    match runtime.memory_limit() {
        Some(limit) if parameters.saturating_add(cache) > limit => {
            Err(Error::Memory { window, cache, parameters, limit })
        }
        _ => Ok(()),
    }
}

/// A text that is being read: the caches hold what all its tokens so far left, such as keys and values.
#[derive(Debug)]
pub struct Session<'a> {
    decoder: &'a Decoder,
    caches: Vec<Buffer>,
    position: usize,
}

impl Session<'_> {
    /// Number of tokens read.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Forgets what was read. The next token is the first.
    pub fn restart(&mut self) {
        self.rewind(0);
    }

    /// Forgets what was read from the token at `position` on; nothing, if so much was not read. The next token stands there.
    pub fn rewind(&mut self, position: usize) {
        // Keys that are left over lie after every token read from now on, until they are overwritten.
        self.position = self.position.min(position);
    }

    /// Reads tokens and returns the logits, one per piece of the vocabulary, for the token that follows the last.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`] without tokens, [`Error::PromptTooLong`] when they are more than the window has left,
    /// [`Error::Token`] for an id outside the vocabulary, [`Error::Device`] when the device fails. Nothing is read
    /// then.
    pub fn read(&mut self, tokens: &[u32]) -> Result<Vec<f32>> {
        let (decoder, vocabulary_size) = (self.decoder, self.decoder.config.tokens());
        let end = self.position + tokens.len();
        if end > decoder.window {
            return Err(Error::PromptTooLong { tokens: end, window: decoder.window });
        }
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocabulary_size) {
            return Err(Error::Token { token, vocabulary_size });
        }
        let mut logits = None;
        let mut rest = tokens;
        while !rest.is_empty() {
            let room = decoder.capacity - self.position;
            let chunk = if rest.len() == 1 || decoder.chunk > room { 1 } else { decoder.chunk };
            let (read, left) = rest.split_at(chunk.min(rest.len()));
            logits = Some(self.step(read, chunk)?);
            rest = left;
        }
        let logits = logits.ok_or(Error::EmptyPrompt)?;
        let mut logits = logits.to_vec::<f32>()?;
        // Ids that pad the vocabulary stand for nothing.
        logits.truncate(vocabulary_size);
        Ok(logits)
    }

    /// Reads up to `chunk` tokens with the program for that many.
    fn step(&mut self, tokens: &[u32], chunk: usize) -> Result<Buffer> {
        let Decoder { runtime, parameters, weights, read_chunk, read_one, .. } = self.decoder;
        let step = if chunk == 1 { read_one } else { read_chunk };
        let mut padded: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
        padded.resize(chunk, 0);
        let padded = runtime.upload_slice(&padded, &[1, chunk])?;
        let position = runtime.upload_slice(&[self.position as i32], &[])?;
        let last = runtime.upload_slice(&[tokens.len() as i32 - 1], &[])?;
        let logits = step.run(parameters, weights, [&padded, &position, &last], &mut self.caches)?;
        self.position += tokens.len();
        Ok(logits)
    }
}
