//! Choosing a token from logits.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::{Error, Result};

/// The way tokens are chosen, from logits alone: the same logits, numbers and draw give the same token on every machine.
///
/// 1. Logits are divided by `temperature`. At 0 the likeliest token is taken; of equal ones, that with the lowest id.
/// 2. The `top_k` likeliest tokens are kept; of equal ones at the border, those with the lowest ids.
/// 3. Of these, the likeliest are kept, as few as have a share of `top_p` of the probability that step 2 left.
/// 4. One of these is drawn, each with its probability divided by the sum of all that are left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The number that logits are divided by before the softmax; 0 always takes the likeliest token.
    pub temperature: f64,
    /// Only so many of the likeliest tokens are drawn from; `None`, or a number from the vocabulary's size, keeps all.
    pub top_k: Option<u32>,
    /// Nucleus sampling (Holtzman et al. 2020): only the likeliest tokens whose probabilities together reach this
    /// share are drawn from. 1 keeps all.
    pub top_p: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Sampling {
    /// Temperature 1, every token, seed 0: samples of the model's own distribution.
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: 1.0, seed: 0 }
    }
}

impl Sampling {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Temperature`] when the temperature is negative or not finite, [`Error::TopK`] when `top_k` is 0,
    /// [`Error::TopP`] when `top_p` is not above 0 and at most 1.
    pub fn check(&self) -> Result<()> {
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Err(Error::Temperature(self.temperature));
        }
        if self.top_k == Some(0) {
            return Err(Error::TopK);
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(Error::TopP(self.top_p));
        }
        Ok(())
    }
}

/// Tokens that a nucleus is looked for in first.
const NUCLEUS: usize = 256;

/// Draws tokens, one after another. The draws are those of xoshiro256++: the same on every machine.
#[derive(Clone, Debug)]
pub struct Sampler {
    sampling: Sampling,
    random: Xoshiro256PlusPlus,
}

impl Sampler {
    /// A sampler at the start of its sequence.
    ///
    /// # Errors
    /// As [`Sampling::check`].
    pub fn new(sampling: Sampling) -> Result<Self> {
        sampling.check()?;
        Ok(Self { sampling, random: Xoshiro256PlusPlus::seed_from_u64(sampling.seed) })
    }

    /// The next token, an index into `logits`. Each call takes one draw, also at temperature 0.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a logit is infinite or NaN, or there is none.
    pub fn next(&mut self, logits: &[f32]) -> Result<u32> {
        // The upper 53 bits: every multiple of 2^-53 in [0, 1).
        let draw = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(Error::NotFinite);
        }
        // Of equal logits the first is taken.
        let better = |best: usize, index: usize| if logits[index] > logits[best] { index } else { best };
        let likeliest = (0..logits.len()).reduce(better).ok_or(Error::NotFinite)?;
        let Sampling { temperature, top_k, top_p, .. } = self.sampling;
        // Relative to the likeliest, whose weight is 1. A tiny temperature gives weights of 0, not NaN.
        let maximum = f64::from(logits[likeliest]);
        let weight = |index: usize| match (f64::from(logits[index]) - maximum) / temperature {
            exponent if exponent.is_nan() => f64::from(u8::from(index == likeliest)),
            exponent => exponent.exp(),
        };
        let mut candidates: Vec<(usize, f64)> =
            (0..logits.len()).map(|index| (index, weight(index))).collect();
        let most = top_k.map_or(logits.len(), |most| most as usize).min(logits.len());
        // By logits: weights of unlikely tokens are 0 alike. The sum makes a positive 0 of a negative one.
        let logit = |index: usize| logits[index] + 0.0;
        let before =
            |a: &(usize, f64), b: &(usize, f64)| logit(b.0).total_cmp(&logit(a.0)).then(a.0.cmp(&b.0));
        if most < candidates.len() {
            candidates.select_nth_unstable_by(most, before);
            candidates.truncate(most);
            candidates.sort_unstable_by(before);
        }
        let total: f64 = candidates.iter().map(|candidate| candidate.1).sum();
        let mut kept = total;
        if top_p < 1.0 {
            kept = 0.0;
            let (mut count, mut sorted) = (0, 0);
            while count < candidates.len() && kept < top_p * total {
                if count == sorted {
                    // The nucleus is small, mostly: no more is put in order than is asked for.
                    let more = candidates.len().min(sorted + (sorted * 7).max(NUCLEUS));
                    if more < candidates.len() {
                        candidates[sorted..].select_nth_unstable_by(more - sorted, before);
                    }
                    candidates[sorted..more].sort_unstable_by(before);
                    sorted = more;
                }
                kept += candidates[count].1;
                count += 1;
            }
            candidates.truncate(count.max(1));
        }
        let mut left = draw * kept;
        for &(index, weight) in &candidates {
            left -= weight;
            if left < 0.0 {
                return Ok(index as u32);
            }
        }
        // Rounding can leave a little over.
        Ok(likeliest as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frequencies(sampling: Sampling, logits: &[f32], draws: usize) -> Vec<f64> {
        let mut sampler = Sampler::new(sampling).unwrap();
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..draws {
            counts[sampler.next(logits).unwrap() as usize] += 1.0 / draws as f64;
        }
        counts
    }

    /// Frequencies of 20,000 draws come within 0.015 (over four standard deviations) of the distribution.
    #[track_caller]
    fn check(temperature: f64, top_p: f64, expected: [f64; 4]) {
        check_with(Sampling { temperature, top_p, seed: 7, top_k: None }, expected);
    }

    #[track_caller]
    fn check_with(sampling: Sampling, expected: [f64; 4]) {
        let logits = [0.1f64, 0.2, 0.4, 0.3].map(|p| p.ln() as f32);
        let got = frequencies(sampling, &logits, 20_000);
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 0.015, "{got} for {expected}");
            assert!(expected > 0.0 || *got == 0.0);
        }
    }

    #[test]
    fn temperature_and_nucleus_shape_the_distribution() {
        check(1.0, 1.0, [0.1, 0.2, 0.4, 0.3]);
        check(0.5, 1.0, [1.0 / 30.0, 4.0 / 30.0, 16.0 / 30.0, 9.0 / 30.0]);
        check(1.0, 0.35, [0.0, 0.0, 1.0, 0.0]);
        check(1.0, 0.6, [0.0, 0.0, 4.0 / 7.0, 3.0 / 7.0]);
        check(1.0, 1e-9, [0.0, 0.0, 1.0, 0.0]);
        check(1e9, 1.0, [0.25, 0.25, 0.25, 0.25]);
        check(0.0, 1.0, [0.0, 0.0, 1.0, 0.0]);
        check(1e-300, 0.5, [0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn the_likeliest_few_share_what_there_is_and_the_nucleus_is_theirs() {
        let with = |top_k, top_p| Sampling { top_k: Some(top_k), top_p, seed: 7, ..Sampling::default() };
        check_with(with(1, 1.0), [0.0, 0.0, 1.0, 0.0]);
        check_with(with(2, 1.0), [0.0, 0.0, 4.0 / 7.0, 3.0 / 7.0]);
        check_with(with(3, 1.0), [0.0, 2.0 / 9.0, 4.0 / 9.0, 3.0 / 9.0]);
        check_with(with(9, 1.0), [0.1, 0.2, 0.4, 0.3]);
        // 0.4 is less than half of everything, and more than half of what two tokens have.
        check_with(with(4, 0.5), [0.0, 0.0, 4.0 / 7.0, 3.0 / 7.0]);
        check_with(with(2, 0.5), [0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn of_equal_logits_the_first_is_taken() {
        let mut sampler = Sampler::new(Sampling { temperature: 0.0, ..Sampling::default() }).unwrap();
        assert_eq!(sampler.next(&[1.0, 2.0, 2.0]).unwrap(), 1);
    }

    /// Recorded once: a change here changes every published sample.
    #[test]
    fn the_draws_of_a_seed_stay_the_same() {
        let logits = [0.0f32; 10];
        let tokens = |seed| {
            let mut sampler = Sampler::new(Sampling { seed, ..Sampling::default() }).unwrap();
            (0..12).map(|_| sampler.next(&logits).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(tokens(0), [3, 3, 3, 0, 4, 0, 8, 8, 2, 0, 3, 0]);
        assert_ne!(tokens(0), tokens(1));
    }

    #[test]
    fn wrong_numbers_are_named() {
        let message = |temperature, top_p| {
            let sampling = Sampling { temperature, top_p, ..Sampling::default() };
            Sampler::new(sampling).unwrap_err().to_string()
        };
        assert!(message(-1.0, 1.0).contains("temperature is -1"));
        assert!(message(f64::NAN, 1.0).contains("temperature is NaN"));
        assert!(message(1.0, 0.0).contains("top-p is 0"));
        assert!(message(1.0, 1.5).contains("top-p is 1.5"));
        let none = Sampling { top_k: Some(0), ..Sampling::default() };
        assert!(none.check().unwrap_err().to_string().contains("top-k is 0"));
        let mut sampler = Sampler::new(Sampling::default()).unwrap();
        assert!(matches!(sampler.next(&[0.0, f32::NAN]), Err(Error::NotFinite)));
        assert!(matches!(sampler.next(&[]), Err(Error::NotFinite)));
    }

    proptest! {
        #[test]
        fn what_is_drawn_lies_in_the_nucleus(
            logits in prop::collection::vec(-80f32..80.0, 1..40),
            temperature in 0f64..3.0,
            top_p in 0.01f64..=1.0,
            seed: u64,
        ) {
            let sampling = Sampling { temperature, top_k: None, top_p, seed };
            let token = Sampler::new(sampling).unwrap().next(&logits).unwrap();
            let logit = logits[token as usize];
            if temperature > 0.0 {
                let weight = |other: f32| ((f64::from(other) - f64::from(logit)) / temperature).exp();
                let total: f64 = logits.iter().map(|&other| weight(other)).sum();
                let likelier: f64 =
                    logits.iter().filter(|&&other| other > logit).map(|&other| weight(other)).sum();
                prop_assert!(likelier <= top_p * total * (1.0 + 1e-9));
            } else {
                prop_assert!(logits.iter().all(|&other| other <= logit));
            }
        }

        #[test]
        fn what_is_drawn_is_one_of_the_likeliest_few(
            // Few values, so that many are equal.
            logits in prop::collection::vec((-6i8..6).prop_map(|x| f32::from(x) / 2.0), 1..40),
            temperature in 0f64..3.0,
            top_k in 1u32..45,
            top_p in 0.01f64..=1.0,
            seed: u64,
        ) {
            let draw = |top_k, top_p| {
                let mut sampler = Sampler::new(Sampling { temperature, top_k, top_p, seed }).unwrap();
                (0..8).map(|_| sampler.next(&logits).unwrap()).collect::<Vec<_>>()
            };
            let tokens = draw(Some(top_k), top_p);
            prop_assert_eq!(&tokens, &draw(Some(top_k), top_p));
            for &token in &tokens {
                // Tokens that come before this one when they are sorted.
                let before = |&other: &usize| {
                    let (other_logit, logit) = (logits[other], logits[token as usize]);
                    other_logit > logit || other_logit == logit && other < token as usize
                };
                prop_assert!((0..logits.len()).filter(before).count() < top_k as usize);
            }
            if top_k as usize >= logits.len() {
                prop_assert_eq!(&tokens, &draw(None, top_p));
            }
            let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
            let likeliest = Sampler::new(greedy).unwrap().next(&logits).unwrap();
            prop_assert_eq!(draw(Some(1), top_p), vec![likeliest; 8]);
        }
    }
}
