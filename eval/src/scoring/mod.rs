//! Scoring: how probable a model finds given tokens, for many texts at once, with the same bits whatever else is scored.
//!
//! What is computed once and why no number depends on the batch, the order or reuse is in `docs/scoring.md`.

mod encode;
mod engine;
mod generate;
mod generate_by_scoring;
mod memory;
mod pages;
mod sample;
mod schedule;
mod side_by_side;

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use data::Tokenizer;
use model::{ModelConfig, Precision};
use runtime::{Buffer, DeviceKind, Runtime};
use sharding::inference::InferenceMesh;

pub use encode::{Encoded, Encoding, Overlong};
use engine::{Engine, FIRST_PAGE, Pending, Shape, chunks_at};
use pages::Pages;
pub use sample::{Drawing, Prompt};
use schedule::{Limits, Schedule};
use side_by_side::SideBySide;

use crate::devices::{Devices, ReadParameter, divided};
use crate::slots::{SlotOptions, Slots};
use crate::{Error, Result};

/// Calls whose numbers are not waited for before more work is handed to the device.
const AHEAD: usize = 8;

/// How rows are scored. None of it changes a bit of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoringOptions {
    /// Rows in flight, of which those that read the same count once; at least 1.
    pub batch: usize,
    /// Whether what rows share at their beginning is computed once.
    pub reuse: bool,
    /// How many of the most probable tokens are given for each token scored.
    pub top: usize,
}

impl Default for ScoringOptions {
    fn default() -> Self {
        Self { batch: 256, reuse: true, top: 0 }
    }
}

/// Tokens to score, after tokens that are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Row {
    /// What is given: at least one token.
    pub context: Vec<u32>,
    /// What is scored. May be empty, which takes no work.
    pub continuation: Vec<u32>,
}

/// What the model makes of a [`Row`]: lists with one entry for each token of its continuation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowScore {
    /// Natural log of the token's probability after all tokens before it.
    pub log_probabilities: Vec<f32>,
    /// The most probable token there; of several, the one with the least id.
    pub best: Vec<u32>,
    /// The most probable tokens there with the logs of their probabilities, as many as [`ScoringOptions::top`]; empty lists
    /// if that is 0.
    pub top: Vec<Vec<(u32, f32)>>,
}

impl RowScore {
    /// The sum of the log-probabilities, in float64: that of the whole continuation.
    pub fn log_probability(&self) -> f64 {
        self.log_probabilities.iter().map(|&x| f64::from(x)).sum()
    }
}

/// What a [`Scorer`] has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Tokens that went through the model's layers.
    pub computed: u64,
    /// Tokens that did not have to, as another row begins with the same.
    pub reused: u64,
    /// Tokens whose log-probability was given.
    pub scored: u64,
    /// Tokens that texts were continued by.
    pub generated: u64,
    /// Calls of the layers' programs.
    pub calls: u64,
    /// Seconds that scoring took, compilation included.
    pub seconds: f64,
}

/// A model on a device, or split over several, that scores tokens.
pub struct Scorer {
    engine: Engine,
    encoding: Encoding,
    options: ScoringOptions,
    /// Tokens the model has.
    tokens: usize,
    pages: Pages,
    /// Programs that generate, by the tokens of the texts.
    side_by_side: BTreeMap<usize, SideBySide>,
    /// Slots that samples are drawn in, by their windows.
    slots_of: BTreeMap<usize, Slots>,
    statistics: Statistics,
}

impl Scorer {
    /// Compiles the head of a model and makes room on the device. `parameters` are the model's, in the order of
    /// [`ModelConfig::parameters`]; texts are encoded by `encoding`, whose window is the most tokens that are read of a row.
    ///
    /// # Errors
    /// [`Error::Batch`] if no row may be in flight, [`Error::ScoringMemory`] when it does not fit the device's memory, and
    /// [`Error::Device`] when a program cannot be compiled.
    pub fn new(
        runtime: &Runtime,
        config: &ModelConfig,
        precision: Precision,
        parameters: Vec<Buffer>,
        encoding: Encoding,
        options: ScoringOptions,
    ) -> Result<Self> {
        let devices = Devices::one(runtime);
        let shape = shape(&devices, config, precision, encoding.window(), options)?;
        let engine = Engine::new(&devices, config, precision, parameters, shape)?;
        Ok(Self::of(engine, config, encoding, options))
    }

    /// As [`Scorer::new`], split over a mesh of the first devices that there are. Of the parameters, `read` is asked for each part that a
    /// device has.
    ///
    /// # Errors
    /// As there, and those of `read`; [`Error::Mesh`] for a mesh that does not divide the model, [`Error::Devices`] for one of more
    /// devices than there are.
    pub fn on_mesh(
        runtime: &Runtime,
        mesh: InferenceMesh,
        config: &ModelConfig,
        precision: Precision,
        read: ReadParameter<'_>,
        encoding: Encoding,
        options: ScoringOptions,
    ) -> Result<Self> {
        let devices = Devices::of_mesh(runtime, mesh, config)?;
        Self::load(&devices, config, precision, read, encoding, options)
    }

    pub(crate) fn load(
        devices: &Devices,
        config: &ModelConfig,
        precision: Precision,
        read: ReadParameter<'_>,
        encoding: Encoding,
        options: ScoringOptions,
    ) -> Result<Self> {
        let padded = devices.model(config);
        let shape = shape(devices, &padded, precision, encoding.window(), options)?;
        let parameters = devices.load(config, precision, read)?;
        let engine = Engine::new(devices, &padded, precision, parameters, shape)?;
        Ok(Self::of(engine, config, encoding, options))
    }

    fn of(engine: Engine, config: &ModelConfig, encoding: Encoding, options: ScoringOptions) -> Self {
        let pages = Pages::new(FIRST_PAGE..engine.shape.pages as u32);
        let (tokens, statistics) = (config.tokens(), Statistics::default());
        Self {
            engine,
            encoding,
            options,
            tokens,
            pages,
            side_by_side: BTreeMap::new(),
            slots_of: BTreeMap::new(),
            statistics,
        }
    }

    /// Bytes on each device: of the parameters, and of what scoring takes beside them.
    pub(crate) fn memory(
        devices: &Devices,
        config: &ModelConfig,
        precision: Precision,
        window: usize,
        options: ScoringOptions,
    ) -> Result<(u64, u64)> {
        let shape = shape(devices, config, precision, window, options)?;
        let needed = memory::estimate(devices, config, precision, window, shape)?;
        Ok((needed.parameters, needed.beside()))
    }

    /// Slots for texts, over the same parameters.
    pub(crate) fn slots(&self, options: SlotOptions) -> Result<Slots> {
        let Engine { devices, config, precision, parameters, .. } = &self.engine;
        Slots::new(devices, config, *precision, Arc::clone(parameters), self.tokens, options)
    }

    /// Takes other parameters of the same model, and forgets what was scored.
    pub(crate) fn replace(&mut self, parameters: Arc<[Buffer]>) -> Result<()> {
        self.forget();
        // They hold layers of the old ones.
        self.side_by_side.clear();
        self.slots_of.clear();
        self.engine.replace(parameters)
    }

    /// What [`Scorer::new`] finds wrong before anything is loaded.
    ///
    /// # Errors
    /// [`Error::Batch`] and [`Error::ScoringMemory`].
    pub fn check(
        runtime: &Runtime,
        config: &ModelConfig,
        precision: Precision,
        window: usize,
        options: ScoringOptions,
    ) -> Result<()> {
        shape(&Devices::one(runtime), config, precision, window, options).map(|_| ())
    }

    /// The mesh of `count` devices over which a model is split unless one is asked for: the axis `model` is the shortest with
    /// which scoring fits the memory of each device.
    ///
    /// # Errors
    /// [`Error::Batch`]; [`Error::Devices`] when there are fewer devices.
    pub fn choose_mesh(
        runtime: &Runtime,
        count: usize,
        config: &ModelConfig,
        precision: Precision,
        window: usize,
        options: ScoringOptions,
    ) -> Result<InferenceMesh> {
        let mut failure = None;
        let mesh = InferenceMesh::choose(count, &divided(config), |mesh| {
            let devices = Devices::of_mesh(runtime, mesh, config);
            let fits = devices
                .and_then(|devices| shape(&devices, &devices.model(config), precision, window, options));
            match fits {
                Ok(_) => true,
                Err(Error::ScoringMemory { .. }) => false,
                Err(error) => {
                    failure = Some(error);
                    true
                }
            }
        });
        failure.map_or(Ok(mesh), Err)
    }

    /// The mesh that the model is split over; `None` on one device.
    pub fn mesh(&self) -> Option<InferenceMesh> {
        self.engine.devices.mesh()
    }

    /// The devices by kind, and the mesh: what the bits of a score depend on beside the model, such as `cpu` or
    /// `cpu, data 2 x model 2`.
    pub fn devices(&self) -> String {
        let kind = self.engine.runtime.kind();
        self.mesh().map_or_else(|| kind.to_string(), |mesh| format!("{kind}, {mesh}"))
    }

    /// The most tokens that are read of a row: all but the last of its continuation.
    pub fn window(&self) -> usize {
        self.encoding.window()
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        self.encoding.tokenizer()
    }

    /// How texts become rows.
    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// What has been done so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Scores rows. `done` is given a row's position in `rows` and its score as soon as it is known, in any order; it may end
    /// the work.
    ///
    /// # Errors
    /// [`Error::EmptyContext`], [`Error::RowTooLong`] and [`Error::Token`] before anything is computed, [`Error::NotFinite`] for
    /// a model whose numbers are none, [`Error::Device`] when the device fails.
    pub fn score(
        &mut self,
        rows: &[Row],
        done: &mut dyn FnMut(usize, RowScore) -> ControlFlow<()>,
    ) -> Result<()> {
        self.score_between(rows, &mut || ControlFlow::Continue(()), done)
    }

    /// As [`Scorer::score`]; before each call of the device, `between` can do something else there, or end the work.
    ///
    /// # Errors
    /// As there.
    pub fn score_between(
        &mut self,
        rows: &[Row],
        between: &mut dyn FnMut() -> ControlFlow<()>,
        done: &mut dyn FnMut(usize, RowScore) -> ControlFlow<()>,
    ) -> Result<()> {
        self.check_rows(rows)?;
        let begin = Instant::now();
        let result = self.score_checked(rows, between, done);
        if !matches!(result, Ok(ControlFlow::Continue(()))) {
            // What was held for rows that are not scored any more is held by no one.
            self.forget();
        }
        self.statistics.seconds += begin.elapsed().as_secs_f64();
        result.map(|_| ())
    }

    /// As [`Scorer::score`], all at once and in order.
    ///
    /// # Errors
    /// As there.
    pub fn score_all(&mut self, rows: &[Row]) -> Result<Vec<RowScore>> {
        let mut scores = vec![RowScore::default(); rows.len()];
        self.score(rows, &mut |row, score| {
            scores[row] = score;
            ControlFlow::Continue(())
        })?;
        Ok(scores)
    }

    /// Forgets what earlier rows left on the device. Scores are the same with it and without.
    pub fn forget(&mut self) {
        self.pages = Pages::new(FIRST_PAGE..self.engine.shape.pages as u32);
    }

    /// Gives so many of the most probable tokens with each token scored from now on: [`ScoringOptions::top`].
    ///
    /// # Errors
    /// [`Error::Device`] when its program cannot be compiled.
    pub fn want_top(&mut self, count: usize) -> Result<()> {
        self.engine.want_top(count)?;
        self.options.top = count;
        Ok(())
    }

    /// Compiles what scoring needs that is compiled elsewhere when it is first needed, but for other numbers of most probable tokens.
    ///
    /// # Errors
    /// [`Error::Device`] when a program cannot be compiled.
    pub fn compile_all(&mut self) -> Result<()> {
        self.engine.compile_window(self.window())
    }

    /// Forgets what is on the device beside parameters and tables, which a failure may have spoilt.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn reset(&mut self) -> Result<()> {
        self.forget();
        self.engine.zero_pools()
    }

    fn check_rows(&self, rows: &[Row]) -> Result<()> {
        for (index, row) in rows.iter().enumerate() {
            if row.context.is_empty() {
                return Err(Error::EmptyContext { row: index });
            }
            let (tokens, window) = (schedule::inputs(row).count(), self.window());
            if tokens > window && !row.continuation.is_empty() {
                return Err(Error::RowTooLong { row: index, tokens, window });
            }
            let mut all = row.context.iter().chain(&row.continuation);
            if let Some(&token) = all.find(|&&token| token as usize >= self.tokens) {
                return Err(Error::Token { token, vocabulary_size: self.tokens });
            }
        }
        Ok(())
    }

    fn score_checked(
        &mut self,
        rows: &[Row],
        between: &mut dyn FnMut() -> ControlFlow<()>,
        done: &mut dyn FnMut(usize, RowScore) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let mut gathered = Gathered::new(rows, self.options.top > 0);
        for (row, _) in rows.iter().enumerate().filter(|(_, row)| row.continuation.is_empty()) {
            if done(row, RowScore::default()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        let ScoringOptions { batch, reuse, .. } = self.options;
        let Shape { chunk, rows: at_once, .. } = self.engine.shape;
        let class: fn(usize) -> usize = if self.engine.own_positions { chunks_at } else { |depth| depth };
        let limits = Limits { chunk, rows: at_once, batch, reuse, class };
        let mut schedule = Schedule::new(rows, limits, &mut self.pages);
        let mut pending: VecDeque<Pending> = VecDeque::new();
        loop {
            let call = schedule.next_call();
            let is_last = call.is_none();
            if let Some(call) = call {
                if between().is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                self.statistics.calls += 1;
                self.statistics.computed += call.jobs.iter().map(|job| job.tokens.len() as u64).sum::<u64>();
                pending.extend(self.engine.run(&call)?);
            }
            while pending.len() > if is_last { 0 } else { AHEAD } {
                let Some(run) = pending.pop_front() else { break };
                for (row, score) in gathered.add(run)? {
                    self.statistics.scored += score.log_probabilities.len() as u64;
                    if done(row, score).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            if is_last {
                break;
            }
        }
        self.statistics.reused += schedule.reused;
        Ok(ControlFlow::Continue(()))
    }
}

/// Scores as they come in.
struct Gathered {
    scores: Vec<RowScore>,
    /// Tokens of each row that have no score yet.
    missing: Vec<usize>,
}

impl Gathered {
    fn new(rows: &[Row], with_top: bool) -> Self {
        let missing: Vec<usize> = rows.iter().map(|row| row.continuation.len()).collect();
        let score = |&tokens: &usize| RowScore {
            log_probabilities: vec![0.0; tokens],
            best: vec![0; tokens],
            top: vec![Vec::new(); if with_top { tokens } else { 0 }],
        };
        Self { scores: missing.iter().map(score).collect(), missing }
    }

    /// The rows that are whole now.
    fn add(&mut self, run: Pending) -> Result<Vec<(usize, RowScore)>> {
        let mut whole = Vec::new();
        for score in run.finish()? {
            let (row, index) = (score.target.row, score.target.index);
            let to = &mut self.scores[row];
            to.log_probabilities[index] = score.log_probability;
            to.best[index] = score.best;
            if let Some(top) = to.top.get_mut(index) {
                *top = score.top;
            }
            self.missing[row] -= 1;
            if self.missing[row] == 0 {
                whole.push((row, std::mem::take(to)));
            }
        }
        Ok(whole)
    }
}

/// Sizes of the programs: a chunk and how many of them are computed side by side are the devices', whatever is scored. `config`
/// is the model as the devices have it.
///
/// # Errors
/// [`Error::Batch`], and [`Error::ScoringMemory`] when it does not fit.
fn shape(
    devices: &Devices,
    config: &ModelConfig,
    precision: Precision,
    window: usize,
    options: ScoringOptions,
) -> Result<Shape> {
    if options.batch == 0 {
        return Err(Error::Batch);
    }
    let (chunk, rows, positions): (usize, usize, usize) = match devices.runtime().kind() {
        // Measured: fuller calls make up for smaller ones, and short chunks share more.
        DeviceKind::Cpu => (16, 16, 64),
        DeviceKind::Cuda | DeviceKind::Tpu => (32, 128, 256),
    };
    let data = devices.data();
    let (rows, positions) = (rows.next_multiple_of(data), positions.next_multiple_of(data));
    let page = memory::pools(devices, config, precision, chunk, 1)?;
    let most = devices.memory_limit().map_or(MOST_MEMORY, |limit| MOST_MEMORY.min(limit / SHARE));
    let of_window = |window: usize| {
        let deepest = window.div_ceil(chunk);
        // Enough for the rows in flight, and for what they leave to those behind them; but at least for one.
        let wanted = deepest.saturating_mul(options.batch.saturating_add(1));
        let affordable = (most / page.max(1)) as usize;
        let pages = (FIRST_PAGE as usize).saturating_add(wanted.min(affordable.max(2 * deepest)));
        Shape { chunk, rows, positions, top: options.top, pages }
    };
    if let Some(limit) = devices.memory_limit() {
        memory::check(devices, config, precision, window, limit, of_window)?;
    }
    Ok(of_window(window))
}

/// Bytes that pages take at most on each device, if the longest row does not need more: enough that calls are full.
const MOST_MEMORY: u64 = 1 << 30;

/// The part of a device's memory that pages take at most, if the longest row does not need more.
const SHARE: u64 = 8;
