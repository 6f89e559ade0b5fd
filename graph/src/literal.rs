//! Tensor values: constants of a program, and what the interpreter computes with.

use crate::dtype::{DType, TensorType};
use crate::error::Error;

/// Elements of a literal, widened to the largest type of their kind.
#[derive(Clone, Debug)]
pub enum Elements {
    /// Floats, each already rounded to the literal's dtype.
    Float(Vec<f64>),
    /// Integers and booleans (0 or 1), each already wrapped to the literal's dtype.
    Int(Vec<i64>),
}

/// A tensor with its values, row-major. Every element is representable in the literal's dtype.
#[derive(Clone, Debug)]
pub struct Literal {
    ty: TensorType,
    elements: Elements,
}

impl PartialEq for Literal {
    /// Bitwise: NaN equals NaN, and 0.0 differs from -0.0.
    fn eq(&self, other: &Self) -> bool {
        self.ty == other.ty
            && match (&self.elements, &other.elements) {
                (Elements::Float(a), Elements::Float(b)) => {
                    a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits()))
                }
                (Elements::Int(a), Elements::Int(b)) => a == b,
                (Elements::Float(_), Elements::Int(_)) | (Elements::Int(_), Elements::Float(_)) => false,
            }
    }
}

impl Literal {
    /// A float literal; values are rounded to `ty.dtype`.
    ///
    /// # Errors
    /// [`Error::Literal`] if `ty` is not a float type or the number of values is not the number of elements.
    pub fn from_floats(ty: TensorType, mut values: Vec<f64>) -> Result<Self, Error> {
        if !ty.dtype.is_float() || values.len() != ty.elements() {
            return Err(Error::Literal { ty, given: format!("{} floats", values.len()) });
        }
        values.iter_mut().for_each(|value| *value = ty.dtype.round(*value));
        Ok(Self { ty, elements: Elements::Float(values) })
    }

    /// An integer or boolean literal; values are wrapped to `ty.dtype`.
    ///
    /// # Errors
    /// [`Error::Literal`] if `ty` is a float type or the number of values is not the number of elements.
    pub fn from_ints(ty: TensorType, mut values: Vec<i64>) -> Result<Self, Error> {
        if ty.dtype.is_float() || values.len() != ty.elements() {
            return Err(Error::Literal { ty, given: format!("{} integers", values.len()) });
        }
        values.iter_mut().for_each(|value| *value = ty.dtype.wrap(*value));
        Ok(Self { ty, elements: Elements::Int(values) })
    }

    /// A single number of any dtype; integers take the truncated value.
    pub fn scalar(dtype: DType, value: f64) -> Self {
        let ty = TensorType::scalar(dtype);
        let elements = if dtype.is_float() {
            Elements::Float(vec![dtype.round(value)])
        } else {
            Elements::Int(vec![dtype.wrap(value as i64)])
        };
        Self { ty, elements }
    }

    /// Reads little-endian bytes, row-major, as plugins and files hold them.
    ///
    /// # Errors
    /// [`Error::Literal`] if there are not as many bytes as the type has.
    pub fn from_bytes(ty: TensorType, bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() != ty.bytes() {
            return Err(Error::Literal { ty, given: format!("{} bytes", bytes.len()) });
        }
        let chunks = bytes.chunks_exact(ty.dtype.size());
        fn array<const N: usize>(chunk: &[u8]) -> [u8; N] {
            let mut out = [0; N];
            out.copy_from_slice(chunk);
            out
        }
        let elements = match ty.dtype {
            DType::Pred => Elements::Int(chunks.map(|c| (c[0] != 0) as i64).collect()),
            DType::U8 => Elements::Int(chunks.map(|c| c[0] as i64).collect()),
            DType::I32 => Elements::Int(chunks.map(|c| i32::from_le_bytes(array(c)) as i64).collect()),
            DType::U32 => Elements::Int(chunks.map(|c| u32::from_le_bytes(array(c)) as i64).collect()),
            DType::I64 => Elements::Int(chunks.map(|c| i64::from_le_bytes(array(c))).collect()),
            DType::F16 => {
                Elements::Float(chunks.map(|c| half::f16::from_le_bytes(array(c)).to_f64()).collect())
            }
            DType::BF16 => {
                Elements::Float(chunks.map(|c| half::bf16::from_le_bytes(array(c)).to_f64()).collect())
            }
            DType::F32 => Elements::Float(chunks.map(|c| f32::from_le_bytes(array(c)) as f64).collect()),
            DType::F64 => Elements::Float(chunks.map(|c| f64::from_le_bytes(array(c))).collect()),
        };
        Ok(Self { ty, elements })
    }

    /// Little-endian bytes, row-major.
    pub fn to_bytes(&self) -> Vec<u8> {
        let dtype = self.ty.dtype;
        let mut out = Vec::with_capacity(self.ty.bytes());
        match &self.elements {
            Elements::Int(values) => {
                for value in values {
                    out.extend_from_slice(&value.to_le_bytes()[..dtype.size()]);
                }
            }
            Elements::Float(values) => {
                for &value in values {
                    match dtype {
                        DType::F16 => out.extend_from_slice(&half::f16::from_f64(value).to_le_bytes()),
                        DType::BF16 => out.extend_from_slice(&half::bf16::from_f64(value).to_le_bytes()),
                        DType::F32 => out.extend_from_slice(&(value as f32).to_le_bytes()),
                        DType::F64 | DType::Pred | DType::U8 | DType::I32 | DType::U32 | DType::I64 => {
                            out.extend_from_slice(&value.to_le_bytes());
                        }
                    }
                }
            }
        }
        out
    }

    /// Dtype and shape.
    pub fn ty(&self) -> &TensorType {
        &self.ty
    }

    /// The elements, row-major.
    pub fn elements(&self) -> &Elements {
        &self.elements
    }

    /// The float elements; `None` for integers and booleans.
    pub fn floats(&self) -> Option<&[f64]> {
        match &self.elements {
            Elements::Float(values) => Some(values),
            Elements::Int(_) => None,
        }
    }

    /// The integer or boolean elements; `None` for floats.
    pub fn ints(&self) -> Option<&[i64]> {
        match &self.elements {
            Elements::Int(values) => Some(values),
            Elements::Float(_) => None,
        }
    }
}
