//! The deterministic loader: batches as a pure function of (seed, position).
//!
//! A sequence is a window of `sequence_length` inputs and the same window one token later as targets. Windows
//! start at every multiple of `sequence_length`, so each token of the stream (but the last few, and the
//! first) is a target exactly once per epoch. Within an epoch the windows come in the order of a
//! [`Permutation`] keyed by (seed, epoch). The *position* is the number of sequences consumed since the start
//! of training, by all hosts together; it is the only thing a resumed run needs, also when the batch size
//! changes on the way.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::corpus::TokenStream;
use crate::mixture::{Mixture, Source};
use crate::permutation::Permutation;
use crate::{Error, Result};

/// The order of sequences within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they stand in the stream, for validation.
    Sequential,
    /// A different permutation every epoch.
    Shuffled {
        /// The seed.
        seed: u64,
    },
}

/// Some rows of a batch: token ids, both fields row-major `[rows, sequence_length]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number of rows.
    pub rows: usize,
    /// Tokens per row.
    pub sequence_length: usize,
    /// The inputs of the model.
    pub inputs: Vec<i32>,
    /// The targets: the inputs one token later. Of dialogues, -1 where it is no token of an answer.
    pub targets: Vec<i32>,
}

/// A token stream cut into sequences, in an order.
#[derive(Clone, Debug)]
pub struct Sequences {
    stream: TokenStream,
    sequence_length: usize,
    per_epoch: u64,
    sampling: Sampling,
}

#[derive(Clone, Debug)]
enum Sampling {
    /// The stream as one.
    Whole(Order),
    /// Sources in it, by weight.
    Mixed(Mixture),
}

impl Sequences {
    /// Cuts `stream` into sequences of `sequence_length` inputs.
    ///
    /// # Errors
    /// A sequence length of 0, or longer than the stream.
    pub fn new(stream: &TokenStream, sequence_length: usize, order: Order) -> Result<Self> {
        if sequence_length == 0 {
            let (setting, value) = ("sequence_length", "0".into());
            return Err(Error::Setting { setting, value, detail: "must be at least 1".into() });
        }
        let tokens = stream.len();
        let per_epoch = (tokens.saturating_sub(1) / sequence_length) as u64;
        if per_epoch == 0 {
            return Err(Error::SequenceTooLong { part: stream.part(), sequence_length, tokens });
        }
        let sampling = Sampling::Whole(order);
        Ok(Self { stream: stream.clone(), sequence_length, per_epoch, sampling })
    }

    /// Cuts the sources in `stream` into sequences of `sequence_length` inputs, and shuffles them by `seed` so that each
    /// source has its share ([`crate::mixture`]).
    ///
    /// # Errors
    /// A sequence length of 0, a weight that is no positive number, or a source shorter than a sequence.
    ///
    /// # Panics
    /// If a source goes past the end of the stream.
    pub fn mixed(
        stream: &TokenStream,
        sources: &[Source],
        sequence_length: usize,
        seed: u64,
    ) -> Result<Self> {
        let whole = Self::new(stream, sequence_length, Order::Shuffled { seed })?;
        let within = |source: &Source| source.tokens.end <= stream.len();
        assert!(sources.iter().all(within), "a source goes past the end of {stream:?}");
        let mixture = Mixture::new(sources, sequence_length, seed)?;
        Ok(Self { per_epoch: mixture.sequences(), sampling: Sampling::Mixed(mixture), ..whole })
    }

    /// Number of sequences in an epoch; of a mixture, in one epoch of every source.
    pub fn per_epoch(&self) -> u64 {
        self.per_epoch
    }

    /// Tokens per sequence.
    pub fn sequence_length(&self) -> usize {
        self.sequence_length
    }

    /// Where in the stream the sequence at `position` begins, in tokens.
    pub fn start(&self, position: u64) -> usize {
        self.starts(position).next().expect("an endless iterator")
    }

    /// The sequences at positions `start`, `start + 1`, ... (`rows` of them), across the ends of epochs.
    ///
    /// # Errors
    /// Those of reading token shards.
    pub fn sequences(&self, start: u64, rows: usize) -> Result<Batch> {
        let size = rows * self.sequence_length;
        let (mut inputs, mut targets) = (Vec::with_capacity(size), Vec::with_capacity(size));
        let mut window = Vec::with_capacity(self.sequence_length + 1);
        for from in self.starts(start).take(rows) {
            window.clear();
            self.stream.extend(from..from + self.sequence_length + 1, &mut window)?;
            inputs.extend(&window[..self.sequence_length]);
            let first = targets.len();
            targets.extend(&window[1..]);
            self.stream.leave_out(from + 1, &mut targets[first..]);
        }
        Ok(Batch { rows, sequence_length: self.sequence_length, inputs, targets })
    }

    /// Has the system begin to read the `rows` sequences from position `start` on, where they are on disk, without waiting for
    /// them: [`Sequences::sequences`] of the same is quicker then.
    pub fn read_ahead(&self, start: u64, rows: usize) {
        for from in self.starts(start).take(rows) {
            self.stream.read_ahead(from..from + self.sequence_length + 1);
        }
    }

    /// The given `rows` of the batch of `batch_size` sequences that step `step` (from 0) reads, when all
    /// steps before it had the same batch size. Hosts that ask for different rows of one step together get
    /// the whole batch.
    ///
    /// # Errors
    /// Rows outside `0..batch_size`; those of reading token shards.
    pub fn batch(&self, step: u64, batch_size: usize, rows: Range<usize>) -> Result<Batch> {
        if rows.start > rows.end || rows.end > batch_size {
            let detail = format!("must lie within the batch, 0..{batch_size}");
            return Err(Error::Setting { setting: "rows", value: format!("{rows:?}"), detail });
        }
        let start = step.saturating_mul(batch_size as u64).saturating_add(rows.start as u64);
        self.sequences(start, rows.len())
    }

    /// Where the sequences at positions `position`, `position + 1`, ... begin, in tokens.
    fn starts(&self, position: u64) -> Box<dyn Iterator<Item = usize> + '_> {
        match &self.sampling {
            Sampling::Whole(order) => {
                // Each is below `per_epoch`, which fits the stream's length.
                Box::new(self.indices(*order, position).map(|index| index as usize * self.sequence_length))
            }
            Sampling::Mixed(mixture) => {
                Box::new((position..).map(|position| mixture.start(position, self.sequence_length)))
            }
        }
    }

    fn indices(&self, order: Order, start: u64) -> impl Iterator<Item = u64> {
        let per_epoch = self.per_epoch;
        let permutation = move |epoch| match order {
            Order::Sequential => None,
            Order::Shuffled { seed } => Some(Permutation::new(per_epoch, seed, epoch)),
        };
        let mut epoch = start / per_epoch;
        let mut within = start % per_epoch;
        let mut current = permutation(epoch);
        std::iter::from_fn(move || {
            if within == per_epoch {
                (epoch, within) = (epoch + 1, 0);
                current = permutation(epoch);
            }
            within += 1;
            let index = within - 1;
            Some(current.as_ref().map_or(index, |p| p.apply(index)))
        })
    }
}
