//! Elementwise ops.

use super::{build, ints};
use crate::dtype::DType;
use crate::literal::{Elements, Literal};
use crate::op::{Binary, Comparison, Unary};

pub(super) fn unary(unary: Unary, x: &Literal) -> Literal {
    let dtype = x.ty().dtype;
    match x.elements() {
        Elements::Float(values) if unary == Unary::IsFinite => {
            let finite = values.iter().map(|value| value.is_finite() as i64).collect();
            build(&x.ty().with_dtype(DType::Pred), Elements::Int(finite))
        }
        Elements::Float(values) => {
            let values = values.iter().map(|&value| match unary {
                // These change no more than the sign bit.
                Unary::Neg | Unary::Abs | Unary::Sign => unary_float(unary, value),
                _ => one_nan(unary_float(unary, value)),
            });
            build(x.ty(), Elements::Float(values.collect()))
        }
        Elements::Int(values) => {
            build(x.ty(), Elements::Int(values.iter().map(|&value| unary_int(unary, dtype, value)).collect()))
        }
    }
}

/// Processors differ in the sign of a NaN that they compute.
pub(super) fn one_nan(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

fn unary_float(unary: Unary, x: f64) -> f64 {
    match unary {
        Unary::Neg => -x,
        Unary::Abs => x.abs(),
        // Zeros keep their sign and NaN stays NaN.
        Unary::Sign if x == 0.0 || x.is_nan() => x,
        Unary::Sign => x.signum(),
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Tanh => x.tanh(),
        Unary::Logistic => 1.0 / (1.0 + (-x).exp()),
        Unary::Sqrt => x.sqrt(),
        Unary::Rsqrt => 1.0 / x.sqrt(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Floor => x.floor(),
        Unary::Not | Unary::IsFinite => unreachable!("verified: not a function of floats to floats"),
    }
}

fn unary_int(unary: Unary, dtype: DType, x: i64) -> i64 {
    match unary {
        Unary::Neg => x.wrapping_neg(),
        Unary::Abs => x.wrapping_abs(),
        Unary::Sign => x.signum(),
        Unary::Not if dtype == DType::Pred => (x == 0) as i64,
        Unary::Not => !x,
        _ => unreachable!("verified: not a function of integers"),
    }
}

pub(super) fn binary(binary: Binary, x: &Literal, y: &Literal) -> Literal {
    let dtype = x.ty().dtype;
    let elements = match (x.elements(), y.elements()) {
        (Elements::Float(x), Elements::Float(y)) => {
            Elements::Float(x.iter().zip(y).map(|(&x, &y)| one_nan(binary_float(binary, x, y))).collect())
        }
        _ => {
            let pairs = ints(x).iter().zip(ints(y));
            Elements::Int(pairs.map(|(&x, &y)| binary_int(binary, dtype, x, y)).collect())
        }
    };
    build(x.ty(), elements)
}

pub(super) fn binary_float(binary: Binary, x: f64, y: f64) -> f64 {
    match binary {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div => x / y,
        Binary::Pow => x.powf(y),
        Binary::Max | Binary::Min if x.is_nan() || y.is_nan() => f64::NAN,
        Binary::Max => x.max(y),
        Binary::Min => x.min(y),
        Binary::Rem | Binary::And | Binary::Or | Binary::Xor | Binary::ShiftLeft | Binary::ShiftRight => {
            unreachable!("verified: not a function of floats")
        }
    }
}

/// Both integers are in the range of `dtype`; the caller wraps the result to it.
pub(super) fn binary_int(binary: Binary, dtype: DType, x: i64, y: i64) -> i64 {
    let bits = 8 * dtype.size() as u64;
    // The operands as the unsigned integers of the same bits.
    let unsigned = |value: i64| value as u64 & (u64::MAX >> (64 - bits));
    match binary {
        Binary::Add => x.wrapping_add(y),
        Binary::Sub => x.wrapping_sub(y),
        Binary::Mul => x.wrapping_mul(y),
        Binary::Div if y == 0 => -1,
        Binary::Div => x.wrapping_div(y),
        Binary::Rem if y == 0 => x,
        Binary::Rem => x.wrapping_rem(y),
        Binary::Max => x.max(y),
        Binary::Min => x.min(y),
        Binary::And => x & y,
        Binary::Or => x | y,
        Binary::Xor => x ^ y,
        Binary::ShiftLeft | Binary::ShiftRight if unsigned(y) >= bits => 0,
        Binary::ShiftLeft => x << y,
        Binary::ShiftRight => (unsigned(x) >> y) as i64,
        Binary::Pow => unreachable!("verified: not a function of integers"),
    }
}

pub(super) fn compare(comparison: Comparison, x: &Literal, y: &Literal) -> Literal {
    fn holds<T: PartialOrd>(comparison: Comparison, x: &T, y: &T) -> bool {
        match comparison {
            Comparison::Eq => x == y,
            Comparison::Ne => x != y,
            Comparison::Lt => x < y,
            Comparison::Le => x <= y,
            Comparison::Gt => x > y,
            Comparison::Ge => x >= y,
        }
    }
    let held = match (x.elements(), y.elements()) {
        (Elements::Float(x), Elements::Float(y)) => {
            x.iter().zip(y).map(|(x, y)| holds(comparison, x, y) as i64).collect()
        }
        _ => ints(x).iter().zip(ints(y)).map(|(x, y)| holds(comparison, x, y) as i64).collect(),
    };
    build(&x.ty().with_dtype(DType::Pred), Elements::Int(held))
}

pub(super) fn select(condition: &Literal, yes: &Literal, no: &Literal) -> Literal {
    fn choose<T: Copy>(condition: &[i64], yes: &[T], no: &[T]) -> Vec<T> {
        let pairs = condition.iter().zip(yes.iter().zip(no));
        pairs.map(|(&condition, (&yes, &no))| if condition != 0 { yes } else { no }).collect()
    }
    let condition = ints(condition);
    let elements = match (yes.elements(), no.elements()) {
        (Elements::Float(yes), Elements::Float(no)) => Elements::Float(choose(condition, yes, no)),
        _ => Elements::Int(choose(condition, ints(yes), ints(no))),
    };
    build(yes.ty(), elements)
}

pub(super) fn convert(x: &Literal, dtype: DType) -> Literal {
    let elements = match (x.elements(), dtype.is_float()) {
        (Elements::Float(values), true) => Elements::Float(values.clone()),
        (Elements::Float(values), false) => {
            Elements::Int(values.iter().map(|&value| float_to_int(value, dtype)).collect())
        }
        (Elements::Int(values), true) => {
            Elements::Float(values.iter().map(|&value| int_to_float(value, dtype)).collect())
        }
        (Elements::Int(values), false) => Elements::Int(values.clone()),
    };
    build(&x.ty().with_dtype(dtype), elements)
}

/// Truncates; a value out of range becomes the nearest in it, NaN becomes 0.
fn float_to_int(value: f64, dtype: DType) -> i64 {
    match dtype {
        DType::Pred => (value != 0.0) as i64,
        DType::U8 => value as u8 as i64,
        DType::I32 => value as i32 as i64,
        DType::U32 => value as u32 as i64,
        DType::I64 | DType::F16 | DType::BF16 | DType::F32 | DType::F64 => value as i64,
    }
}

/// Rounds once: a large 64-bit integer would otherwise be rounded to float64 first.
fn int_to_float(value: i64, dtype: DType) -> f64 {
    if dtype == DType::F64 {
        return value as f64;
    }
    // Round to odd: the bits that float64 cannot hold only need to be seen as not zero by the second rounding.
    let spare = (64 - value.unsigned_abs().leading_zeros()).saturating_sub(53);
    let kept = value.unsigned_abs() >> spare << spare;
    let odd = if kept == value.unsigned_abs() { kept } else { kept | 1 << spare };
    if value < 0 { -(odd as f64) } else { odd as f64 }
}
