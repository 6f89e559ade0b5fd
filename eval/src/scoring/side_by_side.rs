//! Decoding of several texts side by side: the device's part of [`Scorer::generate`](super::Scorer::generate).

use model::DecodeShape;
use runtime::{Buffer, DeviceKind, Program};

use super::engine::Engine;
use crate::decoder::{cache_types, check_memory, chunk_and_capacity};
use crate::step::{Step, Weights, apart};
use crate::{Error, Result};

/// Programs that read one prompt in chunks, and decode as many texts side by side as there are rows, each at a position of its
/// own. The number of rows is the device's, however many texts there are: so no bit of a text depends on the others.
pub(super) struct SideBySide {
    read: Step,
    step: Step,
    place: Program,
    /// The parameters' layers, and what steps read besides.
    weights: Weights,
    rows: usize,
    chunk: usize,
}

/// What the texts' tokens left, and that of the prompt that was read last.
pub(super) struct Caches {
    all: Vec<Buffer>,
    one: Vec<Buffer>,
}

impl SideBySide {
    /// Compiles the programs for texts of `window` tokens.
    pub fn new(engine: &Engine, window: usize) -> Result<Self> {
        let Engine { runtime, devices, config, precision, parameters, .. } = engine;
        let (chunk, capacity) = chunk_and_capacity(window);
        // Pages and tables of scoring are there as well.
        let weights = parameters.iter().map(|buffer| buffer.ty().bytes() as u64).sum::<u64>() + engine.held();
        let one: u64 = cache_types(config, *precision, window).iter().map(|ty| ty.bytes() as u64).sum();
        let fits = |rows: usize| check_memory(runtime, window, weights, one.saturating_mul(rows as u64 + 1));
        let mut rows = match runtime.kind() {
            DeviceKind::Cpu => 8,
            DeviceKind::Cuda | DeviceKind::Tpu => 32,
        };
        while rows > 1 && fits(rows).is_err() {
            rows /= 2;
        }
        fits(rows)?;
        let decode = |batch, chunk, own_positions| {
            let shape =
                DecodeShape { batch, groups: 1, chunk, window: capacity, attended: capacity, own_positions };
            Step::compile(devices, config, *precision, shape)
        };
        let tables = match model::decode_tables(config, *precision, capacity)? {
            Some(tables) => runtime.compile(&tables)?.run(&parameters.iter().collect::<Vec<_>>())?,
            None => Vec::new(),
        };
        let place =
            model::place_caches(config, *precision, rows, capacity, capacity, apart(devices, config))?;
        let step = decode(rows, 1, true)?;
        Ok(Self {
            read: decode(1, chunk, false)?,
            place: runtime.compile(&place)?,
            weights: step.weights(runtime, parameters, tables)?,
            step,
            rows,
            chunk,
        })
    }

    /// Texts that are decoded side by side.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Of texts that nothing is read of.
    pub fn caches(&self, engine: &Engine) -> Result<Caches> {
        let caches = |step: &Step| step.caches(&engine.runtime, &engine.parameters, &self.weights);
        Ok(Caches { all: caches(&self.step)?, one: caches(&self.read)? })
    }

    /// Reads a prompt into a row: the logits of what follows it.
    pub fn read(&self, engine: &Engine, caches: &mut Caches, row: usize, prompt: &[u32]) -> Result<Vec<f32>> {
        let mut logits = None;
        for (index, tokens) in prompt.chunks(self.chunk).enumerate() {
            let mut padded: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
            padded.resize(self.chunk, 0);
            // Keys that an earlier prompt left lie after every token read, until they are overwritten.
            let position = [(index * self.chunk) as i32];
            let (padded, position) = ((&padded[..], &[1, self.chunk][..]), (&position[..], &[][..]));
            let last = tokens.len() - 1;
            logits = Some(self.run(engine, &self.read, padded, position, last, &mut caches.one)?);
        }
        let row = engine.runtime.upload_slice(&[row as i32], &[])?;
        let inputs: Vec<&Buffer> = [&row].into_iter().chain(&caches.all).chain(&caches.one).collect();
        caches.all = self.place.run(&inputs)?;
        Ok(of_tokens(engine, &logits.ok_or(Error::EmptyPrompt)?)?.remove(0))
    }

    /// Reads a token of each row, given with its position: each row's logits of what follows. What a row without a text is given
    /// does not matter.
    pub fn step(
        &self,
        engine: &Engine,
        caches: &mut Caches,
        tokens: &[(u32, usize)],
    ) -> Result<Vec<Vec<f32>>> {
        let ids: Vec<i32> = tokens.iter().map(|&(token, _)| token as i32).collect();
        let positions: Vec<i32> = tokens.iter().map(|&(_, position)| position as i32).collect();
        let (ids, positions) = ((&ids[..], &[self.rows, 1][..]), (&positions[..], &[self.rows][..]));
        of_tokens(engine, &self.run(engine, &self.step, ids, positions, 0, &mut caches.all)?)
    }

    fn run(
        &self,
        engine: &Engine,
        step: &Step,
        (tokens, tokens_shape): (&[i32], &[usize]),
        (position, position_shape): (&[i32], &[usize]),
        last: usize,
        caches: &mut Vec<Buffer>,
    ) -> Result<Buffer> {
        let runtime = &engine.runtime;
        let tokens = runtime.upload_slice(tokens, tokens_shape)?;
        let position = runtime.upload_slice(position, position_shape)?;
        let last = runtime.upload_slice(&[last as i32], &[])?;
        step.run(&engine.parameters, &self.weights, [&tokens, &position, &last], caches)
    }
}

/// Each row's logits, without those of ids that pad the vocabulary and stand for nothing.
fn of_tokens(engine: &Engine, logits: &Buffer) -> Result<Vec<Vec<f32>>> {
    let logits = logits.to_vec::<f32>()?;
    let rows = logits.chunks(engine.config.padded_vocabulary());
    Ok(rows.map(|row| row[..engine.config.tokens()].to_vec()).collect())
}
