//! Shuffling without a table: orders of data that are functions of a seed.

/// A bijection of `0..length` without a table: a Feistel network of eight rounds on the next even number of
/// bits, walked until it lands inside (Black & Rogaway 2002, "Ciphers with arbitrary finite domains").
///
/// Good enough to shuffle; not for secrets.
#[derive(Clone, Debug)]
pub struct Permutation {
    length: u64,
    half_bits: u32,
    keys: [u64; 8],
}

impl Permutation {
    /// The permutation of `0..length` (`length` at least 1) for a seed and an epoch.
    pub fn new(length: u64, seed: u64, epoch: u64) -> Self {
        let bits = u64::BITS - length.saturating_sub(1).leading_zeros();
        let key = mix(seed ^ mix(epoch));
        Self {
            length,
            half_bits: bits.div_ceil(2).max(1),
            keys: std::array::from_fn(|round| mix(key.wrapping_add(mix(round as u64)))),
        }
    }

    /// Where `index` goes.
    ///
    /// # Panics
    /// If `index` is not below the length.
    pub fn apply(&self, index: u64) -> u64 {
        assert!(index < self.length, "index {index} outside 0..{}", self.length);
        let mut value = index;
        // A walk that starts inside comes back inside, after fewer than four steps on average.
        loop {
            value = self.encrypt(value);
            if value < self.length {
                return value;
            }
        }
    }

    fn encrypt(&self, value: u64) -> u64 {
        let mask = (1u64 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        left << self.half_bits | right
    }
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection of 64 bits that scatters.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
