//! Element types and tensor types.

use std::fmt;
use std::str::FromStr;

/// The type of one element of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// Boolean, one byte each.
    Pred,
    /// Unsigned 8-bit integer.
    U8,
    /// Signed 32-bit integer.
    I32,
    /// Unsigned 32-bit integer.
    U32,
    /// Signed 64-bit integer.
    I64,
    /// IEEE 754 half precision.
    F16,
    /// bfloat16: the upper half of a float32.
    BF16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
}

impl DType {
    /// Every dtype, in declaration order.
    pub const ALL: [DType; 9] = [
        DType::Pred,
        DType::U8,
        DType::I32,
        DType::U32,
        DType::I64,
        DType::F16,
        DType::BF16,
        DType::F32,
        DType::F64,
    ];

    /// The name used in the IR's text form and in HLO text: `pred`, `u8`, `s32` is written `i32` here.
    pub fn name(self) -> &'static str {
        match self {
            DType::Pred => "pred",
            DType::U8 => "u8",
            DType::I32 => "i32",
            DType::U32 => "u32",
            DType::I64 => "i64",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::F32 => "f32",
            DType::F64 => "f64",
        }
    }

    /// Size of one element in bytes.
    pub fn size(self) -> usize {
        match self {
            DType::Pred | DType::U8 => 1,
            DType::F16 | DType::BF16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::F64 => 8,
        }
    }

    /// Whether values of this type can carry a gradient.
    pub fn is_float(self) -> bool {
        match self {
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => true,
            DType::Pred | DType::U8 | DType::I32 | DType::U32 | DType::I64 => false,
        }
    }

    /// Whether this is an integer type; `pred` is not.
    pub fn is_int(self) -> bool {
        self != DType::Pred && !self.is_float()
    }

    /// Whether this type has negative numbers.
    pub fn is_signed(self) -> bool {
        match self {
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 | DType::I32 | DType::I64 => true,
            DType::Pred | DType::U8 | DType::U32 => false,
        }
    }

    /// The type sums of this type are accumulated in: float32 for 16-bit floats, itself otherwise.
    pub fn accumulator(self) -> DType {
        match self {
            DType::F16 | DType::BF16 => DType::F32,
            DType::F32 | DType::F64 => self,
            DType::Pred | DType::U8 | DType::I32 | DType::U32 | DType::I64 => self,
        }
    }

    /// Rounds a number to the nearest value this float type can hold.
    pub fn round(self, value: f64) -> f64 {
        match self {
            DType::F16 => half::f16::from_f64(to_odd(value)).to_f64(),
            DType::BF16 => half::bf16::from_f64(to_odd(value)).to_f64(),
            DType::F32 => value as f32 as f64,
            DType::F64 | DType::Pred | DType::U8 | DType::I32 | DType::U32 | DType::I64 => value,
        }
    }

    /// Wraps an integer to this type's range, as two's complement arithmetic does; `pred` keeps non-zero as 1.
    pub fn wrap(self, value: i64) -> i64 {
        match self {
            DType::Pred => (value != 0) as i64,
            DType::U8 => value as u8 as i64,
            DType::I32 => value as i32 as i64,
            DType::U32 => value as u32 as i64,
            DType::I64 | DType::F16 | DType::BF16 | DType::F32 | DType::F64 => value,
        }
    }
}

/// Shortens a number to its upper 32 bits, with the last one set if any bit was lost, so that rounding it to 16 bits
/// is right: `half` ignores the lower 32 bits, which decide what looks like a tie.
fn to_odd(value: f64) -> f64 {
    let bits = value.to_bits();
    let lost = bits & 0xffff_ffff != 0;
    f64::from_bits((bits & !0xffff_ffff) | (lost as u64) << 32)
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        DType::ALL.into_iter().find(|dtype| dtype.name() == text).ok_or_else(|| {
            let known: Vec<_> = DType::ALL.iter().map(|dtype| dtype.name()).collect();
            format!("unknown dtype `{text}`; known are {}", known.join(", "))
        })
    }
}

/// Dtype and shape of a tensor. A scalar has an empty shape. Layout is always row-major.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// Type of each element.
    pub dtype: DType,
    /// Size of each dimension, outermost first.
    pub shape: Vec<usize>,
}

impl TensorType {
    /// A tensor type from its parts.
    pub fn new(dtype: DType, shape: impl Into<Vec<usize>>) -> Self {
        Self { dtype, shape: shape.into() }
    }

    /// The type of a single number.
    pub fn scalar(dtype: DType) -> Self {
        Self { dtype, shape: Vec::new() }
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements; 1 for a scalar. Saturates.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1, |product: usize, &size| product.saturating_mul(size))
    }

    /// Size in bytes of the elements. Saturates.
    pub fn bytes(&self) -> usize {
        self.elements().saturating_mul(self.dtype.size())
    }

    /// The same shape with another dtype.
    pub fn with_dtype(&self, dtype: DType) -> Self {
        Self { dtype, shape: self.shape.clone() }
    }

    /// Distance in elements between neighbours along each dimension, row-major.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1usize; self.rank()];
        for dim in (1..self.rank()).rev() {
            strides[dim - 1] = strides[dim].saturating_mul(self.shape[dim]);
        }
        strides
    }
}

impl fmt::Display for TensorType {
    /// `f32[2,3]`; a scalar is `f32[]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.dtype)?;
        for (dim, size) in self.shape.iter().enumerate() {
            write!(f, "{}{size}", if dim == 0 { "" } else { "," })?;
        }
        f.write_str("]")
    }
}
