//! The loss on held-out text.

use std::ops::Range;

use configuration::Config;
use data::{Order, Sequences, TokenStream};
use runtime::{Program, TransferToHost};
use sharding::plan::Plan;

use super::dispatch::number;
use crate::Error;
use crate::state::TrainState;
use crate::upload_batch::upload_batch;

/// Batches of held-out text, the same ones every time and on every machine.
#[derive(Clone)]
pub(super) struct Validation {
    sequences: Sequences,
    /// Sequences of a batch.
    batch: usize,
    batches: u64,
    /// Sequences that the program takes at a time; they divide a batch.
    rows: usize,
}

impl Validation {
    /// The batches a configuration asks for; `None` if nothing is held out. The program takes as much of a batch at a time
    /// as fits the microbatches of a step.
    ///
    /// # Errors
    /// [`data::Error::SequenceTooLong`] when the held-out part is shorter than one sequence.
    pub(super) fn new(
        config: &Config,
        plan: Option<&Plan>,
        stream: &TokenStream,
    ) -> Result<Option<Validation>, Error> {
        if config.data.validation_fraction == 0.0 {
            return Ok(None);
        }
        let sequences = Sequences::new(stream, config.training.sequence_length, Order::Sequential)?;
        // No sequence is counted twice: what does not fill a batch is left out.
        let batch = sequences.per_epoch().min(config.training.batch as u64);
        let all = sequences.per_epoch() / batch;
        let batches = match config.training.validation_batches as u64 {
            0 => all,
            some => some.min(all),
        };
        let batch = batch as usize;
        let rows = common_divisor(batch, plan.map_or(config.microbatch(), Plan::microbatch));
        Ok(Some(Validation { sequences, batch, batches, rows }))
    }

    /// Sequences that the program takes at a time.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The plan by which the program is split: that of the step, but where its rows do not fall into equal parts, every
    /// device computes all of them.
    pub(super) fn plan(&self, plan: &Plan) -> Plan {
        let (mesh, mut plan) = (plan.mesh(), plan.clone());
        if let Some(activations) = plan.rules.tables.get_mut(graph::PlacementTable::Activations.name())
            && let Some(axes) = activations.get("batch")
            && !mesh.parts(axes).is_some_and(|parts| self.rows.is_multiple_of(parts))
        {
            activations.remove("batch");
        }
        plan
    }

    /// The mean loss over all batches. While the device works on one, the next is prepared; `ended` is called at the end
    /// of each.
    pub(super) fn loss(
        &self,
        program: &Program,
        state: &TrainState,
        mut ended: impl FnMut(),
    ) -> Result<f64, Error> {
        let (mut sum, mut count) = (0.0, 0.0);
        let mut finish = |(loss, counted): (TransferToHost, Option<TransferToHost>)| -> Result<(), Error> {
            // Where only answers count, some batches have more of them.
            let weight = counted.map_or(Ok(1.0), number)?;
            sum += number(loss)? * weight;
            count += weight;
            ended();
            Ok(())
        };
        let mut under_way = None;
        for index in 0..self.batches {
            for first in (0..self.batch).step_by(self.rows) {
                let rows = |rows: Range<usize>| {
                    self.sequences.batch(index, self.batch, first + rows.start..first + rows.end)
                };
                let mut inputs: Vec<_> = state.parameters().iter().collect();
                let [tokens, targets] = upload_batch(program, inputs.len(), rows)?;
                inputs.extend([&tokens, &targets]);
                let outputs = program.run(&inputs)?;
                let counted = outputs.get(1).map(|counted| counted.start_to_host()).transpose()?;
                let started = (outputs[0].start_to_host()?, counted);
                under_way.replace(started).map_or(Ok(()), &mut finish)?;
            }
        }
        under_way.map_or(Ok(()), &mut finish)?;
        Ok(sum / f64::max(count, 1.0))
    }
}

/// The largest number that divides both.
fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
