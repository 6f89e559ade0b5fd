//! Elements of literals.

use super::cursor::Cursor;
use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::literal::{Elements, Literal};

/// Number of brackets around the elements that open before element `index`, or close after element `index - 1`.
fn brackets(shape: &[usize], index: usize) -> usize {
    let mut block = 1usize;
    let starts_block = |size: &&usize| {
        block = block.saturating_mul(**size);
        index.is_multiple_of(block)
    };
    shape.iter().rev().take_while(starts_block).count()
}

pub(super) fn print(out: &mut String, literal: &Literal) {
    let ty = literal.ty();
    let count = ty.elements();
    if count == 0 {
        return out.push_str("[]");
    }
    for index in 0..count {
        if index > 0 {
            out.push_str(", ");
        }
        out.extend(std::iter::repeat_n('[', brackets(&ty.shape, index)));
        match literal.elements() {
            Elements::Float(values) => out.push_str(&float(ty.dtype, values[index])),
            Elements::Int(values) if ty.dtype == DType::Pred => {
                out.push_str(if values[index] != 0 { "true" } else { "false" });
            }
            Elements::Int(values) => out.push_str(&values[index].to_string()),
        }
        out.extend(std::iter::repeat_n(']', brackets(&ty.shape, index + 1)));
    }
}

/// The shortest decimal that [`parse_float`] reads back as this value.
fn float(dtype: DType, value: f64) -> String {
    if value.is_nan() {
        return match value.to_bits() == f64::NAN.to_bits() {
            true => "nan".into(),
            false => format!("nan:0x{:016x}", value.to_bits()),
        };
    }
    match dtype {
        DType::F32 => format!("{:?}", value as f32),
        DType::F16 | DType::BF16 if value.is_finite() => {
            // Nine digits tell apart even float32 values.
            let digits = (0..9).map(|digits| format!("{value:.digits$e}").parse().unwrap_or(value));
            let shortest = digits.into_iter().find(|&decimal| dtype.round(decimal) == value);
            format!("{:?}", shortest.unwrap_or(value))
        }
        _ => format!("{value:?}"),
    }
}

/// Reads the elements of a literal of this type.
pub(super) fn parse(cursor: &mut Cursor<'_>, ty: &TensorType) -> Result<Literal, Error> {
    let start = cursor.position();
    let count = ty.elements();
    let (mut floats, mut ints) = (Vec::new(), Vec::new());
    if count == 0 {
        cursor.expect("[")?;
        cursor.expect("]")?;
    }
    for index in 0..count {
        if index > 0 {
            cursor.expect(",")?;
        }
        for _ in 0..brackets(&ty.shape, index) {
            cursor.expect("[")?;
        }
        let position = cursor.position();
        let text = cursor.number()?;
        let element = match ty.dtype {
            DType::Pred => parse_pred(text).map(|value| ints.push(value)),
            dtype if dtype.is_float() => parse_float(dtype, text).map(|value| floats.push(value)),
            dtype => parse_int(dtype, text).map(|value| ints.push(value)),
        };
        element
            .ok_or_else(|| cursor.error_at(position, format!("`{text}` is not a value of {}", ty.dtype)))?;
        for _ in 0..brackets(&ty.shape, index + 1) {
            cursor.expect("]")?;
        }
    }
    let literal = match ty.dtype.is_float() {
        true => Literal::from_floats(ty.clone(), floats),
        false => Literal::from_ints(ty.clone(), ints),
    };
    literal.map_err(|error| cursor.error_at(start, error.to_string()))
}

fn parse_pred(text: &str) -> Option<i64> {
    match text {
        "true" => Some(1),
        "false" => Some(0),
        _ => None,
    }
}

fn parse_int(dtype: DType, text: &str) -> Option<i64> {
    text.parse().ok().filter(|&value| dtype.wrap(value) == value)
}

fn parse_float(dtype: DType, text: &str) -> Option<f64> {
    match text {
        "nan" => Some(f64::NAN),
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ if text.starts_with("nan:0x") => {
            let bits = u64::from_str_radix(&text["nan:0x".len()..], 16).ok()?;
            Some(f64::from_bits(bits)).filter(|value| value.is_nan())
        }
        // Rust also reads words such as `infinity`; the text form does not have them.
        _ if text.contains(|c: char| c.is_ascii_alphabetic() && c != 'e') => None,
        // Rounded once: reading a float64 first would round twice.
        _ if dtype == DType::F32 => text.parse::<f32>().ok().map(f64::from),
        _ => text.parse().ok(),
    }
}
