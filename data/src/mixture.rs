//! Several sources in one stream, sampled by weight: a pure function of (seed, position).
//!
//! Of every [`BLOCK`] sequences, each source has its share, which is its weight rounded to a [`BLOCK`]th, and no less than
//! one; which of them are its is shuffled in each block. Within a source, sequences come as without a mixture: each once
//! in every epoch of the source, in another order every time, whatever the other sources' epochs. Where an epoch ends
//! inside a block, the two epochs are mixed within that block.

use std::ops::Range;

use crate::permutation::{Permutation, mix};
use crate::{Error, Result};

/// Sequences in which every source has exactly its share.
pub const BLOCK: u64 = 1000;

/// The key that separates the order of a block from that of a source with the same seed.
const BLOCKS: u64 = 0x4D49_5854_5552_4521;

/// A part of a stream that is sampled by a weight of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its tokens. No sequence crosses their ends.
    pub tokens: Range<usize>,
    /// Its share of all sequences, relative to the other sources'.
    pub weight: f64,
}

/// The order of the sequences of several sources.
#[derive(Clone, Debug)]
pub(crate) struct Mixture {
    seed: u64,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    first_token: usize,
    /// Sequences in an epoch.
    per_epoch: u64,
    /// Of the shuffled places of a block, those that are its.
    slots: Range<u64>,
}

impl Mixture {
    /// # Errors
    /// No sources or too many, a weight that is no positive number, or a source shorter than a sequence.
    pub(crate) fn new(sources: &[Source], sequence_length: usize, seed: u64) -> Result<Self> {
        let wrong = |value: String, detail: String| Err(Error::Setting { setting: "mixture", value, detail });
        if sources.is_empty() || sources.len() as u64 > BLOCK {
            return wrong(
                format!("{} sources", sources.len()),
                format!("must be between 1 and {BLOCK} sources"),
            );
        }
        for (index, Source { tokens, weight }) in sources.iter().enumerate() {
            if !(weight.is_finite() && *weight > 0.0) {
                return wrong(format!("weight {weight}"), "must be a positive number".into());
            }
            if tokens.len() <= sequence_length {
                let tokens = tokens.len();
                return wrong(
                    format!("source {}", index + 1),
                    format!(
                        "has {tokens} tokens to train on, not enough for one sequence of {sequence_length}"
                    ),
                );
            }
        }
        let mut next = 0;
        let parts = sources.iter().zip(shares(sources)).map(|(source, share)| {
            next += share;
            let per_epoch = ((source.tokens.len() - 1) / sequence_length) as u64;
            Part { first_token: source.tokens.start, per_epoch, slots: next - share..next }
        });
        Ok(Self { seed, parts: parts.collect() })
    }

    /// Sequences of all sources together.
    pub(crate) fn sequences(&self) -> u64 {
        self.parts.iter().map(|part| part.per_epoch).sum()
    }

    /// Where in the stream the sequence at `position` begins, in tokens.
    pub(crate) fn start(&self, position: u64, sequence_length: usize) -> usize {
        let (block, within) = (position / BLOCK, position % BLOCK);
        let slot = Permutation::new(BLOCK, self.seed ^ BLOCKS, block).apply(within);
        // The slots of all parts together are the block.
        let index = self.parts.partition_point(|part| part.slots.end <= slot);
        let part = &self.parts[index];
        let share = part.slots.end - part.slots.start;
        let taken = block * share + slot - part.slots.start;
        let seed = self.seed.wrapping_add(mix(index as u64));
        let order = Permutation::new(part.per_epoch, seed, taken / part.per_epoch);
        // Below `per_epoch`, which fits the stream's length.
        part.first_token + order.apply(taken % part.per_epoch) as usize * sequence_length
    }
}

/// Places of each source in a block, together [`BLOCK`]: their weights' quotas, rounded so that the largest remainders go
/// up.
fn shares(sources: &[Source]) -> Vec<u64> {
    let total: f64 = sources.iter().map(|source| source.weight).sum();
    let quotas: Vec<f64> = sources.iter().map(|source| source.weight / total * BLOCK as f64).collect();
    let mut shares: Vec<u64> = quotas.iter().map(|quota| (quota.floor() as u64).max(1)).collect();
    loop {
        let missing = BLOCK as i64 - shares.iter().sum::<u64>() as i64;
        let remainder = |&index: &usize| quotas[index] - shares[index] as f64;
        // Of equal remainders, the first source's.
        let by_remainder = |a: &usize, b: &usize| remainder(a).total_cmp(&remainder(b)).then(b.cmp(a));
        let chosen = match missing {
            0 => return shares,
            1.. => (0..shares.len()).max_by(by_remainder),
            _ => (0..shares.len()).filter(|&index| shares[index] > 1).min_by(by_remainder),
        };
        let Some(chosen) = chosen else { return shares };
        if missing > 0 {
            shares[chosen] += 1;
        } else {
            shares[chosen] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sources(weights: &[f64]) -> Vec<Source> {
        weights.iter().map(|&weight| Source { tokens: 0..10, weight }).collect()
    }

    /// The paper's MassiveText (Table 2): MassiveWeb, Books, C4, News, GitHub, Wikipedia.
    #[test]
    fn whole_percents_are_met_exactly() {
        let massive_text = [48.0, 27.0, 10.0, 10.0, 3.0, 2.0];
        assert_eq!(shares(&sources(&massive_text)), [480, 270, 100, 100, 30, 20]);
        let fractions = massive_text.map(|weight| weight / 100.0);
        assert_eq!(shares(&sources(&fractions)), [480, 270, 100, 100, 30, 20]);
    }

    #[test]
    fn what_is_rounded_goes_to_the_largest_remainders() {
        assert_eq!(shares(&sources(&[1.0, 1.0, 1.0])), [334, 333, 333]);
        assert_eq!(shares(&sources(&[1e9, 1.0])), [999, 1]);
        assert_eq!(shares(&sources(&[3.0])), [1000]);
    }

    #[test]
    fn impossible_mixtures_are_refused() {
        let message = |sources: &[Source]| Mixture::new(sources, 10, 1).unwrap_err().to_string();
        assert!(message(&[]).contains("between 1 and 1000 sources"));
        assert!(message(&sources(&[f64::NAN])).contains("weight NaN: must be a positive number"));
        assert!(message(&sources(&[0.0])).contains("weight 0: must be a positive number"));
        let expected = "mixture = source 1: has 10 tokens to train on, not enough for one sequence of 10";
        assert_eq!(message(&sources(&[1.0])), expected);
    }

    proptest! {
        #[test]
        fn shares_fill_a_block_and_are_near_their_weights(weights in prop::collection::vec(0.001..100.0f64, 1..30)) {
            let shares = shares(&sources(&weights));
            prop_assert_eq!(shares.iter().sum::<u64>(), BLOCK);
            let total: f64 = weights.iter().sum();
            for (share, weight) in shares.iter().zip(&weights) {
                let quota = weight / total * BLOCK as f64;
                prop_assert!(*share >= 1);
                // Those that round up to one take their places from others.
                prop_assert!((*share as f64 - quota).abs() <= 2.0 + weights.len() as f64 * f64::from(quota > 1.0));
            }
        }
    }
}
