//! Tokens from logits: what is drawn, and how probable it was.

use eval::{Result, Sampler, Sampling};

/// Draws an answer's tokens: the draw for a token is a function of the seed and of the token's index.
#[derive(Debug)]
pub(super) struct Draw {
    sampler: Sampler,
    bias: std::sync::Arc<[(u32, f32)]>,
}

impl Draw {
    pub fn new(sampling: Sampling, bias: std::sync::Arc<[(u32, f32)]>) -> Result<Self> {
        Ok(Self { sampler: Sampler::new(sampling)?, bias })
    }

    /// The next token.
    pub fn next(&mut self, logits: &[f32]) -> Result<u32> {
        if self.bias.is_empty() {
            return self.sampler.next(logits);
        }
        let mut biased = logits.to_vec();
        for &(token, bias) in &*self.bias {
            if let Some(logit) = biased.get_mut(token as usize) {
                *logit += bias;
            }
        }
        self.sampler.next(&biased)
    }
}

/// Log-probabilities of the tokens after some logits, in float64: subtracted from a logit, it gives that token's.
pub(super) fn log_total(logits: &[f32]) -> f64 {
    let maximum = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let maximum = f64::from(maximum);
    let total: f64 = logits.iter().map(|&logit| (f64::from(logit) - maximum).exp()).sum();
    maximum + total.ln()
}

/// The `count` tokens with the largest logits, the first first; of equal ones, those with the lowest ids.
pub(super) fn largest(logits: &[f32], count: usize) -> Vec<u32> {
    let before = |a: &u32, b: &u32| {
        let logit = |id: u32| logits[id as usize] + 0.0;
        logit(*b).total_cmp(&logit(*a)).then(a.cmp(b))
    };
    let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
    let count = count.min(ids.len());
    if count == 0 {
        return Vec::new();
    }
    ids.select_nth_unstable_by(count - 1, before);
    ids.truncate(count);
    ids.sort_unstable_by(before);
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first_and_of_equal_ones_the_first() {
        let logits = [1.0, 3.0, -0.0, 3.0, 0.0, -7.0];
        assert_eq!(largest(&logits, 4), [1, 3, 0, 2]);
        assert_eq!(largest(&logits, 9), [1, 3, 0, 2, 4, 5]);
        assert!(largest(&logits, 0).is_empty());
        assert!(largest(&[], 3).is_empty());
    }

    #[test]
    fn probabilities_add_up_to_one() {
        let logits = [1000.0f32, 999.0, -1000.0];
        let total = log_total(&logits);
        let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - total).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_bias_moves_tokens_in_and_out() {
        let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
        let mut draw = Draw::new(greedy, [(0, 100.0), (9, 1.0)].into()).unwrap();
        assert_eq!(draw.next(&[0.0, 3.0]).unwrap(), 0);
        let mut draw = Draw::new(greedy, [(1, -100.0)].into()).unwrap();
        assert_eq!(draw.next(&[0.0, 3.0]).unwrap(), 0);
    }
}
