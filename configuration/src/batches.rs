//! The batch ramp: the number of sequences of each step and its position in the data, as pure functions of the step.
//!
//! A run that goes on needs no more than the number of completed steps.

use serde::{Deserialize, Serialize};

/// A change of the batch, once so many tokens have been trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchChange {
    /// The first step that begins after at least so many tokens is the first with this batch.
    pub tokens: u64,
    /// Sequences per step from then on.
    pub batch: usize,
}

/// The batches of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batches {
    sequence_length: u64,
    /// Steps with the same batch, in order; the first phase begins at step 0.
    phases: Vec<Phase>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Phase {
    /// Steps completed before it.
    steps: u64,
    /// Sequences taken before it.
    sequences: u64,
    /// Sequences of each of its steps.
    batch: usize,
}

impl Phase {
    fn sequences_after(&self, completed: u64) -> u64 {
        let steps = completed.saturating_sub(self.steps);
        self.sequences.saturating_add(steps.saturating_mul(self.batch as u64))
    }
}

impl Batches {
    /// Batches of `batch` sequences of `sequence_length` tokens, which change as `changes` say, in order of their tokens.
    pub fn new(batch: usize, sequence_length: usize, changes: &[BatchChange]) -> Batches {
        let sequence_length = sequence_length.max(1) as u64;
        let mut phases = vec![Phase { steps: 0, sequences: 0, batch }];
        for change in changes {
            let Some(&last) = phases.last() else { break };
            let sequences = change.tokens.div_ceil(sequence_length);
            let steps = sequences.saturating_sub(last.sequences).div_ceil(last.batch.max(1) as u64);
            let steps = last.steps.saturating_add(steps);
            if steps == last.steps {
                // The phase before would have no step.
                phases.pop();
            }
            phases.push(Phase { steps, sequences: last.sequences_after(steps), batch: change.batch });
        }
        Batches { sequence_length, phases }
    }

    fn phase(&self, completed: u64) -> &Phase {
        let after = self.phases.partition_point(|phase| phase.steps <= completed);
        // The first phase begins at 0.
        &self.phases[after.saturating_sub(1)]
    }

    /// Sequences of the step that follows `completed` steps.
    pub fn batch(&self, completed: u64) -> usize {
        self.phase(completed).batch
    }

    /// Sequences of all of the first `completed` steps: the position in the data of the step that follows.
    pub fn position(&self, completed: u64) -> u64 {
        self.phase(completed).sequences_after(completed)
    }

    /// Tokens of all of the first `completed` steps.
    pub fn tokens(&self, completed: u64) -> u64 {
        self.position(completed).saturating_mul(self.sequence_length)
    }

    /// Every batch there is, in order, with the number of steps before the first that has it.
    pub fn phases(&self) -> impl Iterator<Item = (u64, usize)> {
        self.phases.iter().map(|phase| (phase.steps, phase.batch))
    }
}

/// The fewest parts of a batch, at least `least`, that are equal, of no more than `largest` sequences each, and fall into
/// `replicas` equal parts themselves; `None` if there are none.
pub fn microbatches(batch: usize, largest: usize, replicas: usize, least: usize) -> Option<usize> {
    let is_good = |parts: &usize| {
        let rows = batch / parts;
        batch.is_multiple_of(*parts) && rows.is_multiple_of(replicas) && rows <= largest
    };
    (least.max(1)..=batch / replicas.max(1)).find(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::{Corpus, CorpusConfig, Document, Order, Sequences, Source, Tokenizer, TokenizerConfig};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
        let text: String = (0..400).map(|i| format!("number {i} and {} make more\n", i * i % 97)).collect();
        let documents = || [Ok(Document { name: "numbers".into(), text: text.clone() })];
        let config = TokenizerConfig { vocabulary_size: 300, ..TokenizerConfig::default() };
        let tokenizer = Tokenizer::train(documents(), &config).unwrap();
        Corpus::encode(documents(), &tokenizer, &CorpusConfig::default()).unwrap()
    });

    fn change(tokens: u64, batch: usize) -> BatchChange {
        BatchChange { tokens, batch }
    }

    /// The paper's 280B model: 3M tokens a step, and 6M after half of 300 billion.
    #[test]
    fn the_papers_batch_doubles_midway() {
        let batches = Batches::new(1536, 2048, &[change(150_000_000_000, 3072)]);
        assert_eq!(batches.phases().collect::<Vec<_>>(), [(0, 1536), (47_684, 3072)]);
        assert_eq!(batches.tokens(47_684), 47_684 * 3_145_728);
        assert_eq!(batches.tokens(71_526), 47_684 * 3_145_728 + 23_842 * 6_291_456);
        assert!(batches.tokens(71_525) < 300_000_000_000 && batches.tokens(71_526) >= 300_000_000_000);
    }

    #[test]
    fn of_changes_at_the_same_step_the_last_counts() {
        let batches = Batches::new(4, 10, &[change(1, 2), change(40, 8), change(45, 1)]);
        // A step takes the 40 tokens that both later changes wait for, the second after another of 80.
        assert_eq!(batches.phases().collect::<Vec<_>>(), [(0, 4), (1, 8), (2, 1)]);
        assert_eq!(Batches::new(4, 10, &[change(0, 2)]).phases().collect::<Vec<_>>(), [(0, 2)]);
    }

    #[test]
    fn microbatches_are_the_fewest_that_fit() {
        assert_eq!(microbatches(8, 8, 1, 1), Some(1));
        assert_eq!(microbatches(16, 8, 1, 1), Some(2));
        assert_eq!(microbatches(12, 8, 1, 1), Some(2));
        assert_eq!(microbatches(16, 8, 4, 3), Some(4));
        assert_eq!(microbatches(6, 8, 4, 1), None);
        assert_eq!(microbatches(4, 8, 2, 3), None);
        assert_eq!(microbatches(7, 2, 1, 1), Some(7));
    }

    fn ramps() -> impl Strategy<Value = (usize, usize, Vec<BatchChange>)> {
        let changes = prop::collection::btree_map(1..2000u64, 1..20usize, 0..5);
        let changes = changes.prop_map(|map| map.into_iter().map(|(tokens, batch)| change(tokens, batch)));
        (1..20usize, 1..9usize, changes.prop_map(Iterator::collect))
    }

    proptest! {
        /// What the functions say of a step is what one finds who takes all steps before it, one by one.
        #[test]
        fn every_step_is_what_counting_gives((batch, length, changes) in ramps()) {
            let batches = Batches::new(batch, length, &changes);
            let mut position = 0;
            for completed in 0..300 {
                let tokens = position * length as u64;
                prop_assert_eq!((batches.position(completed), batches.tokens(completed)), (position, tokens));
                let due = changes.iter().rev().find(|change| change.tokens <= tokens);
                let expected = due.map_or(batch, |change| change.batch);
                prop_assert_eq!(batches.batch(completed), expected, "after {} steps", completed);
                position += expected as u64;
            }
        }

        /// Every process that begins anywhere, with any number of hosts beside it, sees the same data in the same order:
        /// no sequence twice and none left out. So too with several sources.
        #[test]
        fn any_resume_on_any_hosts_reads_the_same_sequence(
            (batch, length, changes) in ramps(), seed: u64, mix: bool, stops in prop::collection::vec((1..40u64, 1..=8usize), 1..6),
        ) {
            let sequences = if mix {
                let source = |tokens, weight| Source { tokens, weight };
                let sources = [source(0..2000, 0.3), source(2000..3000, 0.7)];
                Sequences::mixed(CORPUS.training(), &sources, length, seed).unwrap()
            } else {
                Sequences::new(CORPUS.training(), length, Order::Shuffled { seed }).unwrap()
            };
            let mut completed = 0;
            let mut read = Vec::new();
            for (steps, hosts) in stops {
                // A new process knows the configuration and the number of steps done.
                let batches = Batches::new(batch, length, &changes);
                for step in completed..completed + steps {
                    let (first, rows) = (batches.position(step), batches.batch(step));
                    let cut = |host: usize| rows * host / hosts;
                    for host in 0..hosts {
                        let mine = cut(host)..cut(host + 1);
                        read.extend(sequences.sequences(first + mine.start as u64, mine.len()).unwrap().inputs);
                    }
                }
                completed += steps;
            }
            let total = read.len() / length;
            prop_assert_eq!(read, sequences.sequences(0, total).unwrap().inputs);
        }
    }
}
