//! Resampling of documents.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

use super::LEVEL;
use super::estimate::{Interval, Method};
use super::moments::{percentile, sample_deviation};

/// How documents are drawn: as many as there are, each any of them, again and again.
///
/// The draws are those of xoshiro256++ from a seed, and depend on nothing but the seed and the numbers of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// How often.
    pub resamples: usize,
    /// Where the draws begin.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 10_000, seed: 1234 }
    }
}

impl Bootstrap {
    /// The values of a statistic over resamples of groups of so many documents, each group resampled on its own, sorted.
    ///
    /// `statistic` gets, for each group, the positions drawn.
    pub fn distribution(
        &self,
        groups: &[usize],
        mut statistic: impl FnMut(&[Vec<usize>]) -> f64,
    ) -> Vec<f64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let mut drawn: Vec<Vec<usize>> = groups.iter().map(|&count| vec![0; count]).collect();
        let mut values: Vec<f64> = (0..self.resamples)
            .map(|_| {
                for positions in &mut drawn {
                    let count = positions.len() as u64;
                    positions.fill_with(|| below(&mut random, count) as usize);
                }
                statistic(&drawn)
            })
            .collect();
        values.sort_by(f64::total_cmp);
        values
    }
}

/// A number below `count`, each as likely as the others (Lemire 2019).
pub(super) fn below(random: &mut Xoshiro256PlusPlus, count: u64) -> u64 {
    loop {
        let wide = u128::from(random.next_u64()) * u128::from(count);
        // Too small a low half belongs to a number that would come up once too often.
        if wide as u64 >= count.wrapping_neg() % count {
            return (wide >> 64) as u64;
        }
    }
}

/// The interval of [`LEVEL`] between two percentiles of a sorted distribution; `None` if it has a value that is no number.
pub(super) fn interval(sorted: &[f64]) -> Option<Interval> {
    let (low, high) = (percentile(sorted, (1.0 - LEVEL) / 2.0), percentile(sorted, (1.0 + LEVEL) / 2.0));
    sorted_numbers(sorted).then_some(Interval { low, high, method: Method::Bootstrap })
}

/// The standard deviation of a distribution, which is the standard error of what it is of.
pub(super) fn deviation(sorted: &[f64]) -> Option<f64> {
    sample_deviation(sorted).filter(|_| sorted_numbers(sorted))
}

fn sorted_numbers(sorted: &[f64]) -> bool {
    !sorted.is_empty() && sorted.iter().all(|value| value.is_finite())
}
