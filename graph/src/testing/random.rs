//! Random numbers, and literals of them, for tests of every crate that sees this one.

use crate::dtype::{DType, TensorType};
use crate::literal::Literal;

/// A sequence of random numbers that its seed alone decides (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// Starts the sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count`, which is not 0.
    pub fn below(&mut self, count: usize) -> usize {
        (self.bits() % count as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as usize) as i64
    }

    /// True every other time.
    pub fn flip(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Uniform in [`low`, `high`).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [-1, 1).
    pub fn signed_f32(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// True once in `count` times.
    pub fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of several items.
    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    /// The numbers from 0 to `count - 1` in any order.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..count).collect();
        (1..count).rev().for_each(|last| order.swap(last, self.below(last + 1)));
        order
    }

    /// Some of `0..count`, ascending.
    pub fn some_of(&mut self, count: usize) -> Vec<usize> {
        (0..count).filter(|_| self.flip()).collect()
    }

    /// Sizes of `rank` dimensions, from 1 to 3.
    pub fn sizes(&mut self, rank: usize) -> Vec<usize> {
        (0..rank).map(|_| 1 + self.below(3)).collect()
    }

    /// A shape of rank at most 3 with sizes from 1 to 4; once in a while 0 unless `tame`.
    pub fn shape(&mut self, tame: bool) -> Vec<usize> {
        let rank = self.below(4);
        (0..rank).map(|_| if !tame && self.once_in(16) { 0 } else { 1 + self.below(4) }).collect()
    }

    /// A literal of a type. If `tame`, floats are multiples of 1/64 between -2 and 2 and integers lie between
    /// -4 and 8 (0 and 8 if unsigned); otherwise any value of the dtype may occur.
    pub fn literal(&mut self, ty: &TensorType, tame: bool) -> Literal {
        let (count, dtype) = (ty.elements(), ty.dtype);
        let made = if dtype.is_float() {
            let values = (0..count).map(|_| if tame { self.tame_float() } else { self.wild_float(dtype) });
            Literal::from_floats(ty.clone(), values.collect())
        } else {
            let lowest = if dtype.is_signed() { -4 } else { 0 };
            let values = (0..count).map(|_| match tame || self.once_in(2) {
                true if dtype == DType::Pred => self.below(2) as i64,
                true => lowest + self.below((9 - lowest) as usize) as i64,
                false => self.bits() as i64,
            });
            Literal::from_ints(ty.clone(), values.collect())
        };
        made.expect("as many elements of the dtype's kind as the type has")
    }

    /// float64, uniform in [`low`, `high`).
    pub fn floats(&mut self, shape: &[usize], low: f64, high: f64) -> Literal {
        self.literal_of(DType::F64, shape, |random| random.uniform(low, high))
    }

    /// A float literal, uniform in [-`scale`, `scale`).
    pub fn scaled(&mut self, dtype: DType, shape: &[usize], scale: f64) -> Literal {
        self.literal_of(dtype, shape, |random| scale * random.uniform(-1.0, 1.0))
    }

    /// float64 of magnitude 0.3 to 1.5, any sign: away from what happens at 0.
    pub fn nonzero(&mut self, shape: &[usize]) -> Literal {
        self.literal_of(DType::F64, shape, |random| {
            let sign = if random.flip() { 1.0 } else { -1.0 };
            sign * random.uniform(0.3, 1.5)
        })
    }

    /// float64, no two of which are closer than 0.1: away from ties.
    pub fn distinct(&mut self, shape: &[usize]) -> Literal {
        let count: usize = shape.iter().product();
        let mut order = self.permutation(count).into_iter();
        self.literal_of(DType::F64, shape, |random| {
            let rank = order.next().unwrap_or_default();
            0.2 * (rank as f64 - count as f64 / 2.0) + random.uniform(0.0, 0.1)
        })
    }

    fn literal_of(
        &mut self,
        dtype: DType,
        shape: &[usize],
        mut element: impl FnMut(&mut Self) -> f64,
    ) -> Literal {
        let ty = TensorType::new(dtype, shape);
        let values = (0..ty.elements()).map(|_| element(self)).collect();
        Literal::from_floats(ty, values).expect("as many floats as the type has elements")
    }

    /// int32, from `low` to `high`, both included.
    pub fn ints(&mut self, shape: &[usize], low: i64, high: i64) -> Literal {
        let ty = TensorType::new(DType::I32, shape);
        let values = (0..ty.elements()).map(|_| self.between(low, high)).collect();
        Literal::from_ints(ty, values).expect("as many integers as the type has elements")
    }

    fn tame_float(&mut self) -> f64 {
        self.below(257) as f64 / 64.0 - 2.0
    }

    fn wild_float(&mut self, dtype: DType) -> f64 {
        match self.below(8) {
            0 => self.pick(&[0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN, 1e-40, 1e300]),
            1 => {
                let bytes = self.bits().to_le_bytes();
                let bits = Literal::from_bytes(TensorType::scalar(dtype), &bytes[..dtype.size()]);
                bits.ok().and_then(|bits| Some(bits.floats()?[0])).unwrap_or_default()
            }
            2 => self.tame_float() * 1e6,
            _ => self.tame_float(),
        }
    }
}
