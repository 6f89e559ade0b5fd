//! NumPy's legacy permutations: the order in which BIG-bench shows choices.

use crate::format::MersenneTwister;

/// A number from 0 to `most`, both included: bits are drawn until those under its mask are not above it.
fn up_to(random: &mut MersenneTwister, most: u32) -> u32 {
    let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
    loop {
        let drawn = random.word() & mask;
        if drawn <= most {
            return drawn;
        }
    }
}

/// `numpy.random.RandomState(seed).permutation(length)`; `length` is at most 2^32.
pub(crate) fn permutation(seed: u32, length: usize) -> Vec<usize> {
    let mut random = MersenneTwister::by_word(seed);
    let mut order = (0..length).collect::<Vec<_>>();
    for last in (1..length).rev() {
        order.swap(last, up_to(&mut random, last as u32) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NumPy 2.4's own answers.
    #[test]
    fn the_order_is_numpys() {
        let orders: [&[usize]; 12] = [
            &[0],
            &[1, 0],
            &[0, 1, 2],
            &[1, 3, 0, 2],
            &[1, 4, 2, 0, 3],
            &[0, 1, 5, 2, 4, 3],
            &[0, 1, 5, 2, 4, 3, 6],
            &[1, 5, 0, 7, 2, 4, 3, 6],
            &[7, 1, 5, 0, 8, 2, 4, 3, 6],
            &[8, 1, 5, 0, 7, 2, 9, 4, 3, 6],
            &[5, 0, 9, 10, 2, 1, 8, 4, 7, 3, 6],
            &[10, 9, 0, 8, 5, 2, 1, 11, 4, 7, 3, 6],
        ];
        for order in orders {
            assert_eq!(permutation(42, order.len()), order);
        }
        // More draws than the generator holds at once.
        assert_eq!(permutation(42, 1000)[..8], [521, 737, 740, 660, 411, 678, 626, 513]);
        assert_eq!(permutation(42, 0), [0usize; 0]);
    }
}
