//! The loss on held-out text.

use data::{Order, Sequences, TokenStream};
use model::parameters::COUNT;
use sharding::{Program, TransferToHost};

use crate::Error;
use crate::config::Config;
use crate::state::State;

/// Batches of held-out text, the same ones every time.
pub(super) struct Validation {
    sequences: Sequences,
    rows: usize,
    batches: u64,
}

impl Validation {
    /// The batches a configuration asks for; `None` if nothing is held out.
    ///
    /// # Errors
    /// When the held-out part is shorter than one sequence.
    pub(super) fn new(config: &Config, stream: &TokenStream) -> Result<Option<Validation>, Error> {
        if config.data.validation_fraction == 0.0 {
            return Ok(None);
        }
        let sequences = Sequences::new(stream, config.training.sequence_length, Order::Sequential)?;
        // No sequence is counted twice: what does not fill a batch is left out.
        let rows = sequences.per_epoch().min(config.training.batch as u64);
        let all = sequences.per_epoch() / rows;
        let batches = match config.training.validation_batches as u64 {
            0 => all,
            some => some.min(all),
        };
        Ok(Some(Validation { sequences, rows: rows as usize, batches }))
    }

    /// Sequences per batch.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Hands every batch to the device, after the steps it has been given, and does not wait.
    pub(super) fn start(&self, program: &Program, state: &State) -> Result<Vec<TransferToHost>, Error> {
        let mut losses = Vec::new();
        for index in 0..self.batches {
            let batch = self.sequences.batch(index, self.rows, 0..self.rows)?;
            let tokens = program.upload_slice(COUNT, &batch.inputs)?;
            let targets = program.upload_slice(COUNT + 1, &batch.targets)?;
            let mut inputs: Vec<_> = state.parameters().iter().collect();
            inputs.extend([&tokens, &targets]);
            losses.push(program.run(&inputs)?[0].start_to_host()?);
        }
        Ok(losses)
    }
}
