//! A training step on random tokens, to be timed.

use anyhow::{Context, Result};
use clap::Args;
use model::Preset;
use runtime::{Buffer, Program, Runtime, TransferToHost};
use train::state::{StoredRows, TrainState};
use train::step::{StepOptions, initialize, train_step};

/// Which model, and how much of a batch.
#[derive(Args)]
pub struct Size {
    /// A model of Table 1.
    #[arg(long, default_value = "44m")]
    pub model: String,
    /// Sequences per step.
    #[arg(long, default_value_t = 2)]
    pub batch: usize,
    /// Tokens per sequence.
    #[arg(long, default_value_t = 512)]
    pub sequence: usize,
}

impl Size {
    pub fn preset(&self) -> Result<Preset> {
        Preset::find(&self.model).with_context(|| format!("no model `{}`", self.model))
    }
}

/// A compiled step with its state on the device.
pub struct Training {
    pub program: Program,
    pub tokens: Vec<i32>,
    state: TrainState,
    targets: Vec<i32>,
    completed: usize,
}

impl Training {
    pub fn start(runtime: &Runtime, options: &StepOptions) -> Result<Self> {
        let program = runtime.compile(&train_step(options)?)?;
        let initialize = runtime.compile(&initialize(options)?)?;
        let state = TrainState::initialize(runtime, program.inputs(), &initialize, 0, StoredRows::default())?;
        // A linear congruential sequence: what the tokens are does not change the time a step takes.
        let mut word = 1u64;
        let mut token = || {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((word >> 33) % options.model.sizes().vocabulary_size as u64) as i32
        };
        let count = program.inputs()[state.buffers().len() + 4].ty.elements();
        let tokens: Vec<i32> = (0..count).map(|_| token()).collect();
        let targets = tokens.iter().map(|_| token()).collect();
        Ok(Self { program, state, tokens, targets, completed: 0 })
    }

    /// Uploads a batch and starts a step; what is returned becomes its loss.
    pub fn step(&mut self) -> Result<TransferToHost> {
        self.completed += 1;
        let (program, first) = (&self.program, self.state.buffers().len());
        let others = [
            program.upload_slice(first, &[self.completed as f32])?,
            program.upload_slice(first + 1, &[3e-4f32])?,
            program.upload_slice(first + 2, &[f32::INFINITY])?,
            program.upload_slice(first + 3, &[1f32])?,
            program.upload_slice(first + 4, &self.tokens)?,
            program.upload_slice(first + 5, &self.targets)?,
        ];
        let inputs: Vec<&Buffer> = self.state.buffers().iter().chain(&others).collect();
        let metrics = self.state.advance(program.run(&inputs)?);
        Ok(metrics[0].start_to_host()?)
    }
}
