//! Dispatch of one step to the devices: its inputs are uploaded and its program is started.

use std::cell::RefCell;
use std::ops::Range;

use configuration::Config;
use data::Sequences;
use runtime::{Buffer, Program, TransferToHost};
use store::skipped::Skipped;

use super::programs::TrainingPrograms;
use crate::Error;
use crate::upload_batch::upload_batch;

/// How many steps before it is dispatched the disk begins to read a step's sequences.
const READ_AHEAD: u64 = 4;

/// A step to be dispatched, and what decides whether its update is applied.
pub(crate) struct Dispatch<'a> {
    pub(crate) config: &'a Config,
    pub(crate) sequences: &'a Sequences,
    pub(crate) skipped: &'a Skipped,
    /// The step, from 1.
    pub(crate) step: u64,
    /// The loss above which the device leaves the update out.
    pub(crate) loss_limit: f64,
    /// `applied` of the step before, if it may have been a bad one.
    pub(crate) apply: Option<Buffer>,
}

/// A step under way on the devices: its results, once the devices have computed them.
pub(crate) struct Dispatched {
    pub(crate) learning_rate: f64,
    pub(crate) loss: TransferToHost,
    pub(crate) grad_norm: TransferToHost,
    pub(crate) applied: TransferToHost,
    /// `applied` on the device, an input of the next step.
    pub(crate) apply: Buffer,
}

impl Dispatch<'_> {
    /// Starts the step. `programs.state` is then the state after it; `reading_done` is called once the batch has been read.
    ///
    /// # Errors
    /// [`Error::Data`] when the batch cannot be read, [`Error::Device`] when a device refuses.
    pub(crate) fn start(
        self,
        programs: &mut TrainingPrograms,
        reading_done: impl FnOnce(),
    ) -> Result<Dispatched, Error> {
        let Dispatch { config, sequences, skipped, step, loss_limit, apply } = self;
        let training = &config.training;
        let batches = config.batches();
        let first = skipped.position(batches.position(step - 1));
        let learning_rate = config.schedule.learning_rate(step - 1, training.steps);
        let program = &programs.step;
        let read = RefCell::new(Vec::new());
        let rows = |rows: Range<usize>| {
            read.borrow_mut().push(rows.clone());
            sequences.sequences(first + rows.start as u64, rows.len())
        };
        let [tokens, targets] = upload_batch(program, input(program, "tokens"), rows)?;
        reading_done();
        let scalar = |name, value: f64| program.upload_slice(input(program, name), &[value as f32]);
        let inputs = [
            scalar("step", step as f64)?,
            scalar("learning_rate", learning_rate)?,
            scalar("loss_limit", loss_limit)?,
            apply.map_or_else(|| scalar("apply", 1.0), Ok)?,
            tokens,
            targets,
        ];
        let inputs: Vec<_> = programs.state.buffers().iter().chain(&inputs).collect();
        let outputs = program.run(&inputs)?;
        // While it runs, the disk brings what a later step reads: a slow disk then delays none.
        let later = step + READ_AHEAD;
        if later <= training.steps {
            let first = skipped.position(batches.position(later - 1));
            let rows = read.into_inner().into_iter();
            rows.for_each(|rows| sequences.read_ahead(first + rows.start as u64, rows.len()));
        }
        let mut metrics = programs.state.advance(outputs);
        let applied = metrics.pop();
        let (Some(apply), [loss, grad_norm]) = (applied, &metrics[..]) else {
            unreachable!("a step has these outputs after its state");
        };
        Ok(Dispatched {
            learning_rate,
            loss: loss.start_to_host()?,
            grad_norm: grad_norm.start_to_host()?,
            applied: apply.start_to_host()?,
            apply,
        })
    }
}

/// The index of an input that every step has.
fn input(program: &Program, name: &str) -> usize {
    program.input_index(name).unwrap_or_else(|| unreachable!("a step has an input `{name}`"))
}

/// Waits for a scalar.
pub(crate) fn number(transfer: TransferToHost) -> Result<f64, Error> {
    Ok(transfer.wait()?.to_f64_vec()[0])
}
