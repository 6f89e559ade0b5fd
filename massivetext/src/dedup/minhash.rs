//! Which documents are compared: those that share a band of minima (Broder 1997; Leskovec, Rajaraman & Ullman, chapter 3).
//!
//! A minimum is the least of a document's n-grams under one hash function; two documents have the same with a probability that is
//! their Jaccard similarity. A band is some minima in a row. Who shares a band is a candidate, and is verified.

use serde::{Deserialize, Serialize};

use super::grams::mix;

/// How many bands there are, and how many minima each has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bands {
    /// Bands.
    pub bands: usize,
    /// Minima of a band.
    pub rows: usize,
}

/// Most minima of a document: what decides the time that signatures take.
const MOST_MINIMA: usize = 160;

impl Bands {
    /// The longest bands with which a pair at the threshold is a candidate with the wanted probability: the longer they are, the fewer
    /// pairs below it are compared. `None` for numbers that are not between 0 and 1, or that so few minima cannot give.
    pub fn choose(threshold: f64, recall: f64) -> Option<Self> {
        if !(threshold > 0.0 && threshold <= 1.0 && recall > 0.0 && recall < 1.0) {
            return None;
        }
        let bands = |rows: i32| ((-recall).ln_1p() / (-threshold.powi(rows)).ln_1p()).ceil().max(1.0);
        let found = (1..=16).rev().find(|&rows| bands(rows) * f64::from(rows) <= MOST_MINIMA as f64)?;
        Some(Self { bands: bands(found) as usize, rows: found as usize })
    }

    /// The probability that a pair of this similarity is a candidate: the S-curve.
    pub fn probability(self, similarity: f64) -> f64 {
        1.0 - (1.0 - similarity.powi(self.rows as i32)).powi(self.bands as i32)
    }

    /// Puts a key for each band of a set into `keys`. Of an empty set, none.
    pub fn keys(self, set: &[u64], seed: u64, keys: &mut Vec<u64>) {
        keys.clear();
        if set.is_empty() {
            return;
        }
        for band in 0..self.bands {
            let mut key = mix(seed ^ band as u64);
            for row in 0..self.rows {
                let function = mix(seed.wrapping_add(mix((band * self.rows + row) as u64)));
                let least = set.iter().map(|gram| mix(gram ^ function)).min().unwrap_or_default();
                key = mix(key ^ least);
            }
            keys.push(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_give_the_wanted_recall() {
        assert_eq!(Bands::choose(0.8, 0.999), Some(Bands { bands: 23, rows: 6 }));
        for (threshold, recall) in [(0.5, 0.9), (0.7, 0.99), (0.8, 0.999), (0.95, 0.9999), (1.0, 0.999)] {
            let bands = Bands::choose(threshold, recall).unwrap();
            assert!(bands.probability(threshold) >= recall, "{bands:?}");
            assert!(bands.bands * bands.rows <= MOST_MINIMA, "{bands:?}");
        }
        for (threshold, recall) in [(0.0, 0.9), (0.8, 1.0), (1.1, 0.9), (f64::NAN, 0.9), (0.001, 0.999999)] {
            assert_eq!(Bands::choose(threshold, recall), None, "{threshold} {recall}");
        }
    }

    /// Over many pairs of known similarity, candidates are as many as the curve says.
    #[test]
    fn candidates_are_as_many_as_the_curve_says() {
        let bands = Bands { bands: 23, rows: 6 };
        for shared in [60usize, 80, 90] {
            // `shared` elements of both, of 100 in either.
            let pair = |number: u64| {
                let element = |i: usize| mix(number << 8 | i as u64);
                let rest = (100 - shared) / 2;
                [0..shared + rest, rest..100].map(|range| {
                    let mut set: Vec<u64> = range.map(element).collect();
                    set.sort_unstable();
                    set
                })
            };
            let (mut keys, mut others) = (Vec::new(), Vec::new());
            let pairs = 3000;
            let found = (0..pairs)
                .filter(|&number| {
                    let [a, b] = pair(number);
                    bands.keys(&a, 7, &mut keys);
                    bands.keys(&b, 7, &mut others);
                    keys.iter().zip(&others).any(|(a, b)| a == b)
                })
                .count();
            let [a, b] = pair(0);
            let expected = bands.probability(super::super::grams::jaccard(&a, &b));
            let rate = found as f64 / pairs as f64;
            let deviation = (expected * (1.0 - expected) / pairs as f64).sqrt();
            assert!((rate - expected).abs() < 5.0 * deviation + 1e-3, "{shared}: {rate} and {expected}");
        }
    }
}
