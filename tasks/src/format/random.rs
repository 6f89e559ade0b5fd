//! Python's pseudo-random numbers, MT19937 (Matsumoto and Nishimura 1998), and its way of drawing a sample.

use std::collections::HashSet;

const LENGTH: usize = 624;
const MIDDLE: usize = 397;

/// MT19937.
#[derive(Clone)]
pub(crate) struct MersenneTwister {
    state: [u32; LENGTH],
    next: usize,
}

impl MersenneTwister {
    /// Seeded by one word, as `numpy.random.RandomState(seed)`.
    pub fn by_word(seed: u32) -> Self {
        let mut state = [0; LENGTH];
        state[0] = seed;
        for i in 1..LENGTH {
            let before: u32 = state[i - 1];
            state[i] = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: LENGTH }
    }

    /// Seeded as `random.Random(seed)`, for seeds below 2³².
    pub fn python(seed: u32) -> Self {
        let mut twister = Self::by_word(19_650_218);
        let state = &mut twister.state;
        let mut i = 1;
        for _ in 0..LENGTH {
            let before = state[i - 1];
            state[i] = (state[i] ^ (before ^ (before >> 30)).wrapping_mul(1_664_525)).wrapping_add(seed);
            i += 1;
            if i == LENGTH {
                state[0] = state[LENGTH - 1];
                i = 1;
            }
        }
        for _ in 1..LENGTH {
            let before = state[i - 1];
            state[i] =
                (state[i] ^ (before ^ (before >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i == LENGTH {
                state[0] = state[LENGTH - 1];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        twister
    }

    /// 32 random bits.
    pub fn word(&mut self) -> u32 {
        if self.next == LENGTH {
            for i in 0..LENGTH {
                let bits = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % LENGTH] & 0x7fff_ffff);
                let odd = if bits & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + MIDDLE) % LENGTH] ^ (bits >> 1) ^ odd;
            }
            self.next = 0;
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// A whole number below `bound`, as Python's `Random._randbelow`.
    fn below(&mut self, bound: usize) -> usize {
        let bits = usize::BITS - bound.leading_zeros();
        loop {
            let drawn = (self.word() >> (32 - bits)) as usize;
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// Positions that Python's `Random.sample` draws, in its order.
    ///
    /// `count` is at most `population`, and that below 2³².
    pub fn sample(&mut self, population: usize, count: usize) -> Vec<usize> {
        // Python draws from a list, or remembers what it drew, whichever is smaller.
        let mut small = 21;
        if count > 5 {
            small += 4usize.pow((((count * 3) as f64).ln() / 4f64.ln()).ceil() as u32);
        }
        if population <= small {
            let mut pool: Vec<usize> = (0..population).collect();
            (0..count)
                .map(|i| {
                    let at = self.below(population - i);
                    let drawn = pool[at];
                    pool[at] = pool[population - i - 1];
                    drawn
                })
                .collect()
        } else {
            let mut seen = HashSet::new();
            (0..count)
                .map(|_| {
                    loop {
                        let drawn = self.below(population);
                        if seen.insert(drawn) {
                            break drawn;
                        }
                    }
                })
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MersenneTwister;

    // Expected numbers are CPython 3.11's.
    #[test]
    fn draws_what_python_draws() {
        // (population, count, first sample, second sample) of random.Random(1234).
        type Case = (usize, usize, &'static [usize], &'static [usize]);
        let cases: [Case; 10] = [
            (5, 5, &[3, 0, 4, 2, 1], &[0, 4, 1, 3, 2]),
            (10, 3, &[7, 1, 0], &[1, 0, 9]),
            (21, 4, &[14, 3, 0, 2], &[18, 1, 2, 3]),
            (100, 5, &[99, 56, 14, 0, 11], &[74, 4, 85, 88, 10]),
            (100, 6, &[99, 56, 14, 0, 11, 74], &[4, 85, 88, 10, 12, 98]),
            (277, 7, &[225, 59, 3, 46, 17, 42, 50], &[181, 121, 8, 15, 177, 247, 237]),
            (278, 6, &[225, 59, 3, 46, 17, 42], &[50, 181, 121, 8, 15, 177]),
            (1000, 5, &[989, 796, 451, 119, 7], &[92, 932, 965, 961, 826]),
            (
                4000,
                30,
                &[
                    3958, 3187, 1805, 478, 30, 371, 3731, 3860, 3847, 3305, 2384, 143, 2750, 2838, 343, 403,
                    3139, 1452, 969, 71, 126, 3230, 64, 1417, 2655, 2552, 1983, 2522, 1898, 608,
                ],
                &[
                    373, 749, 2922, 468, 3462, 59, 2060, 1993, 3606, 3952, 1023, 264, 2733, 2216, 3736, 1908,
                    280, 2463, 2765, 364, 2109, 2371, 188, 1104, 3376, 2279, 258, 2640, 1238, 1970,
                ],
            ),
            (
                70000,
                11,
                &[57767, 15315, 981, 11880, 4577, 11001, 12900, 46482, 31039, 2284, 4038],
                &[2076, 45362, 63471, 60758, 19471, 11965, 23998, 14996, 1916, 65940, 63799],
            ),
        ];
        for (population, count, first, second) in cases {
            let mut random = MersenneTwister::python(1234);
            assert_eq!(random.sample(population, count), first, "{count} of {population}");
            assert_eq!(random.sample(population, count), second, "{count} of {population}, again");
        }
    }
}
