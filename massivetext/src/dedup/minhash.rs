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
        let mut minima = vec![u64::MAX; self.bands * self.rows];
        fill(set, seed, &mut minima);
        let key = |(band, rows): (usize, &[u64])| {
            rows.iter().fold(mix(seed ^ band as u64), |key, least| mix(key ^ least))
        };
        keys.extend(minima.chunks(self.rows.max(1)).enumerate().map(key));
    }
}

/// Puts a minimum of a set in each place of `minima`, all of which are `u64::MAX`.
///
/// Every round has a hash function, by which each n-gram goes to one place; a place that no round before has filled takes the least
/// hash that comes to it. After as many rounds as there are places, all n-grams go to one place in each round. So two sets have the same
/// in a place with a probability that is their Jaccard similarity, whichever places have been filled, and a long document is done in
/// two or three rounds (Dahlgaard, Knudsen & Thorup 2017, "Fast similarity sketching").
fn fill(set: &[u64], seed: u64, minima: &mut [u64]) {
    let places = minima.len();
    let mut is_full = vec![false; places];
    for round in 0..2 * places {
        let function = mix(seed.wrapping_add(mix(round as u64)));
        let hashes = set.iter().map(|gram| mix(gram ^ function));
        match round.checked_sub(places) {
            None => hashes.for_each(|hash| {
                let place = ((u128::from(hash) * places as u128) >> 64) as usize;
                if !is_full[place] {
                    minima[place] = minima[place].min(hash);
                }
            }),
            Some(place) if is_full[place] => {}
            Some(place) => minima[place] = hashes.min().unwrap_or(u64::MAX),
        }
        is_full.iter_mut().zip(&*minima).for_each(|(is_full, least)| *is_full = *least != u64::MAX);
        if is_full.iter().all(|&is_full| is_full) {
            return;
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

    /// The share of pairs that are candidates, of `pairs` that have `shared` elements of `all` in common, and what the curve says of them.
    fn rates(bands: Bands, shared: u64, all: u64, pairs: u64) -> (f64, f64) {
        let pair = |number: u64| {
            let rest = (all - shared) / 2;
            [0..shared + rest, rest..all].map(|range| {
                let mut set: Vec<u64> = range.map(|element| mix(number << 16 | element)).collect();
                set.sort_unstable();
                set
            })
        };
        let (mut keys, mut others) = (Vec::new(), Vec::new());
        let is_candidate = |number: &u64| {
            let [a, b] = pair(*number);
            bands.keys(&a, 7, &mut keys);
            bands.keys(&b, 7, &mut others);
            keys.iter().zip(&others).any(|(a, b)| a == b)
        };
        let found = (0..pairs).filter(is_candidate).count();
        (found as f64 / pairs as f64, bands.probability(shared as f64 / all as f64))
    }

    /// Over many pairs of known similarity, candidates are as many as the curve says.
    #[test]
    fn candidates_are_as_many_as_the_curve_says() {
        for (shared, all) in [(60, 100), (80, 100), (90, 100), (120, 200), (300, 500)] {
            let pairs = 3000;
            let (rate, expected) = rates(Bands { bands: 23, rows: 6 }, shared, all, pairs);
            let deviation = (expected * (1.0 - expected) / pairs as f64).sqrt();
            assert!(
                (rate - expected).abs() < 5.0 * deviation + 1e-3,
                "{shared} of {all}: {rate} and {expected}"
            );
        }
    }

    /// A document of few n-grams goes through many rounds, and is found as often as a long one.
    #[test]
    fn short_documents_are_found_too() {
        for (shared, all) in [(1, 1), (4, 5), (8, 10), (16, 20), (32, 40)] {
            let (rate, expected) = rates(Bands { bands: 23, rows: 6 }, shared, all, 3000);
            assert!(rate >= expected - 1e-3, "{shared} of {all}: {rate} and {expected}");
        }
    }
}
