//! Random numbers that are functions of counters, computed element by element inside a program.
//!
//! The generator is Threefry-2x32 with 20 rounds (Salmon et al. 2011). A draw is named by a key of two words and the
//! element's global index, so it does not depend on how a tensor is split over devices.

use graph::{Binary, BuildResult, Builder, DType, Error, Tensor, TensorType};

const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
const PARITY: f64 = 0x1BD1_1BDA_u32 as f64;

/// Two random words for each element of `counter`: all u32, of one shape; the key words are u32 scalars.
///
/// # Errors
/// When the operands are not u32.
pub fn threefry(b: &Builder, key: [Tensor; 2], counter: [Tensor; 2]) -> Result<[Tensor; 2], Error> {
    let _scope = b.scope("threefry");
    let parity = b.scalar(DType::U32, PARITY)?;
    let schedule = [key[0], key[1], b.xor(b.xor(key[0], key[1])?, parity)?];
    let rotate = |x: Tensor, by: u32| -> BuildResult {
        let left = b.binary(Binary::ShiftLeft, x, b.scalar(DType::U32, by as f64)?)?;
        let right = b.binary(Binary::ShiftRight, x, b.scalar(DType::U32, (32 - by) as f64)?)?;
        b.or(left, right)
    };
    let mut x = [b.add(counter[0], schedule[0])?, b.add(counter[1], schedule[1])?];
    for round in 0..5 {
        for by in ROTATIONS[round % 2] {
            let sum = b.add(x[0], x[1])?;
            x = [sum, b.xor(rotate(x[1], by)?, sum)?];
        }
        let injection = b.add(schedule[(round + 2) % 3], b.scalar(DType::U32, round as f64 + 1.0)?)?;
        x = [b.add(x[0], schedule[(round + 1) % 3])?, b.add(x[1], injection)?];
    }
    Ok(x)
}

/// Two random words per element of a tensor of `shape`, by the element's row-major index.
///
/// The index is 64 bits wide, in two words, so that tensors of more than 2^32 elements do not repeat.
///
/// # Errors
/// When the key is not u32.
pub fn bits(b: &Builder, key: [Tensor; 2], shape: &[usize]) -> Result<[Tensor; 2], Error> {
    bits_from(b, key, shape, None)
}

/// As [`bits`], for rows of a larger tensor: `first` (u32 scalar) is the index of the first along its leading dimension.
///
/// # Errors
/// When the key or `first` is not u32.
pub fn bits_from(
    b: &Builder,
    key: [Tensor; 2],
    shape: &[usize],
    first: Option<Tensor>,
) -> Result<[Tensor; 2], Error> {
    let ty = TensorType::new(DType::U32, shape);
    let mut low = b.full(&ty, 0.0)?;
    let mut high = low;
    // Horner's rule over the dimensions, with the product of two words taken in halves of 16 bits.
    for (dim, &size) in shape.iter().enumerate() {
        let size_word = b.scalar(DType::U32, (size as u32) as f64)?;
        let carry = multiply_high(b, low, size as u32)?;
        high = b.add(b.mul(high, size_word)?, carry)?;
        low = b.mul(low, size_word)?;
        let mut index = b.iota(ty.clone(), dim)?;
        if let (0, Some(first)) = (dim, first) {
            index = b.add(index, first)?;
        }
        let sum = b.add(low, index)?;
        let overflow = b.compare(graph::Comparison::Lt, sum, index)?;
        high = b.add(high, b.convert(overflow, DType::U32)?)?;
        low = sum;
    }
    threefry(b, key, [high, low])
}

/// The upper word of the product of a word and a constant.
fn multiply_high(b: &Builder, x: Tensor, factor: u32) -> BuildResult {
    let word = |value: u32| b.scalar(DType::U32, value as f64);
    let lower = |x: Tensor| b.and(x, word(0xFFFF)?);
    let upper = |x: Tensor| b.binary(Binary::ShiftRight, x, word(16)?);
    let (x_low, x_high) = (lower(x)?, upper(x)?);
    let (f_low, f_high) = (word(factor & 0xFFFF)?, word(factor >> 16)?);
    let low_low = b.mul(x_low, f_low)?;
    let middle = b.add(b.mul(x_high, f_low)?, upper(low_low)?)?;
    let cross = b.add(b.mul(x_low, f_high)?, lower(middle)?)?;
    b.add(b.add(b.mul(x_high, f_high)?, upper(middle)?)?, upper(cross)?)
}

/// Standard normal numbers, float32, by the Box-Muller transform of two words per element.
///
/// # Errors
/// When the key is not u32.
pub fn normal(b: &Builder, key: [Tensor; 2], shape: &[usize]) -> BuildResult {
    let [first, second] = bits(b, key, shape)?;
    // The upper 24 bits of a word are exact in float32. The radius needs a number in (0, 1], the angle in [0, 1).
    let fraction = |word: Tensor| {
        let upper = b.binary(Binary::ShiftRight, word, b.scalar(DType::U32, 8.0)?)?;
        b.scale(b.convert(upper, DType::F32)?, 1.0 / (1u32 << 24) as f64)
    };
    let radius = b.offset(fraction(first)?, 1.0 / (1u32 << 24) as f64)?;
    let radius = b.sqrt(b.scale(b.log(radius)?, -2.0)?)?;
    let angle = b.scale(fraction(second)?, std::f64::consts::TAU)?;
    b.mul(radius, b.cos(angle)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::Literal;

    /// Tensors of more than 2^32 elements rely on it, and no test can hold one.
    #[test]
    fn the_upper_word_of_a_product() {
        let words =
            [0u32, 1, 2, 0xFFFF, 0x1_0000, 0x1_0001, 0x1234_5678, 0x8000_0000, u32::MAX - 1, u32::MAX];
        for factor in words {
            let b = Builder::new("multiply_high");
            let x = b.param("x", TensorType::new(DType::U32, [words.len()]), &[]);
            b.output("upper", multiply_high(&b, x, factor).unwrap());
            let values = words.iter().map(|&word| i64::from(word)).collect();
            let x = Literal::from_ints(TensorType::new(DType::U32, [words.len()]), values).unwrap();
            let upper = graph::interpret(&b.finish().unwrap(), &[x]).unwrap();
            let expected: Vec<i64> =
                words.iter().map(|&word| ((u64::from(word) * u64::from(factor)) >> 32) as i64).collect();
            assert_eq!(upper[0].ints().unwrap(), expected, "times {factor}");
        }
    }
}
