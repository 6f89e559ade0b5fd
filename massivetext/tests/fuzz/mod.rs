//! What tests with random bytes have in common.

use std::time::{Duration, Instant};

/// A generator of numbers that are the same everywhere.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }

    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.below(256) as u8).collect()
    }

    /// Changes a few bytes where they are.
    #[allow(dead_code)]
    pub fn changed(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(3) {
            let place = self.below(bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte = if self.below(2) == 0 { *byte ^ 1 << self.below(8) } else { self.below(256) as u8 };
            }
        }
        bytes
    }

    /// Changes, cuts, repeats or mixes bytes.
    pub fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(3) {
            let place = self.below(bytes.len());
            match self.below(6) {
                0 if !bytes.is_empty() => bytes[place] ^= 1 << self.below(8),
                1 => bytes.truncate(place),
                2 => drop(bytes.drain(..place)),
                3 => {
                    let insert = self.bytes(30);
                    bytes.splice(place..place, insert);
                }
                4 => {
                    let end = (place + self.below(40)).min(bytes.len());
                    let copy = bytes[place..end].to_vec();
                    bytes.splice(place..place, copy);
                }
                _ => bytes.extend(vec![0; self.below(20)]),
            }
        }
        bytes
    }
}

/// Seconds that `GOPHER_FUZZ_SECONDS` asks for.
pub fn seconds() -> Option<u64> {
    std::env::var("GOPHER_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok())
}

/// Tries cases, `few` of them unless `GOPHER_FUZZ_SECONDS` says how long; the numbers of a longer test are others. How many, and how
/// long the slowest took.
#[allow(dead_code)]
pub fn cases(few: u64, mut case: impl FnMut(&mut Numbers)) -> (u64, Duration) {
    let (began, mut numbers, mut tried) = (Instant::now(), Numbers(seconds().unwrap_or(1)), 0);
    let mut slowest = Duration::ZERO;
    while seconds().map_or(tried < few, |seconds| began.elapsed() < Duration::from_secs(seconds)) {
        let start = Instant::now();
        case(&mut numbers);
        slowest = slowest.max(start.elapsed());
        tried += 1;
    }
    (tried, slowest)
}
