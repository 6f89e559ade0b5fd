//! Numbers as text that gives back the same number when read.

use crate::dtype::DType;

/// The shortest decimal that a reader who goes through a 64-bit float, as MLIR and HLO do, rounds to `value` of type
/// `dtype`; always with a decimal point. `None` for infinities and NaN.
pub(crate) fn decimal(dtype: DType, value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let reads_back =
        |text: &str| text.parse::<f64>().is_ok_and(|read| dtype.round(read).to_bits() == value.to_bits());
    let short = match dtype {
        DType::F32 => format!("{:?}", value as f32),
        DType::F16 | DType::BF16 => {
            // Six significant digits tell any two 16-bit floats apart.
            let digits = (0..6).map(|digits| format!("{value:.digits$e}")).find(|text| reads_back(text));
            digits.and_then(|text| text.parse::<f64>().ok()).map_or(String::new(), |v| format!("{v:?}"))
        }
        DType::F64 | DType::Pred | DType::U8 | DType::I32 | DType::U32 | DType::I64 => format!("{value:?}"),
    };
    let text = if reads_back(&short) { short } else { format!("{value:?}") };
    Some(match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => text,
    })
}

/// The bits of `value` as a number of type `dtype`, in hexadecimal, without prefix.
pub(crate) fn bits(dtype: DType, value: f64) -> String {
    match dtype {
        DType::F16 => format!("{:04X}", half::f16::from_f64(value).to_bits()),
        DType::BF16 => format!("{:04X}", half::bf16::from_f64(value).to_bits()),
        DType::F32 => format!("{:08X}", (value as f32).to_bits()),
        DType::F64 | DType::Pred | DType::U8 | DType::I32 | DType::U32 | DType::I64 => {
            format!("{:016X}", value.to_bits())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dtype: DType, value: f64, expected: Option<&str>) {
        assert_eq!(decimal(dtype, value).as_deref(), expected, "{value:?} as {dtype}");
    }

    #[test]
    fn decimals_are_short_and_exact() {
        check(DType::F32, 1.0, Some("1.0"));
        check(DType::F32, -0.0, Some("-0.0"));
        check(DType::F32, DType::F32.round(0.1), Some("0.1"));
        check(DType::F32, DType::F32.round(1e-8), Some("1.0e-8"));
        check(DType::F32, DType::F32.round(1.5e30), Some("1.5e30"));
        check(DType::F64, 0.1, Some("0.1"));
        check(DType::F64, DType::F32.round(0.1), Some("0.10000000149011612"));
        check(DType::BF16, DType::BF16.round(0.1), Some("0.1"));
        check(DType::F16, DType::F16.round(65504.0), Some("65500.0"));
        check(DType::F32, f64::INFINITY, None);
        check(DType::F32, f64::NAN, None);
    }

    #[test]
    fn every_16_bit_float_reads_back() {
        for pattern in 0..=u16::MAX {
            for (dtype, value) in [
                (DType::F16, half::f16::from_bits(pattern).to_f64()),
                (DType::BF16, half::bf16::from_bits(pattern).to_f64()),
            ] {
                match decimal(dtype, value) {
                    Some(text) => {
                        let read = dtype.round(text.parse().unwrap());
                        assert_eq!(read.to_bits(), value.to_bits(), "{text}");
                        assert!(text.contains('.'), "{text}");
                    }
                    None => assert!(!value.is_finite()),
                }
            }
        }
    }

    #[test]
    fn bits_have_the_width_of_the_type() {
        assert_eq!(bits(DType::F32, f64::INFINITY), "7F800000");
        assert_eq!(bits(DType::BF16, f64::NEG_INFINITY), "FF80");
        assert_eq!(bits(DType::F16, f64::NAN), "7E00");
        assert_eq!(bits(DType::F64, 1.0), "3FF0000000000000");
    }
}
