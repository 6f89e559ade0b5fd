//! Arrays on a device.

use graph::{DType, Literal, TensorType};
use xla_sys::{ArrayType, BufferState, Element, ElementType, HostArray, TransferToHost};

use crate::{Error, Result};

/// An array in a device's memory, or one that a running program will put there. Reading it waits for that program,
/// and gives that program's error if it fails.
#[derive(Debug)]
pub struct Buffer {
    inner: xla_sys::Buffer,
    ty: TensorType,
}

impl Buffer {
    pub(crate) fn new(inner: xla_sys::Buffer) -> Result<Self> {
        let ty = tensor_type(inner.array_type())?;
        Ok(Self { inner, ty })
    }

    pub(crate) fn inner(&self) -> &xla_sys::Buffer {
        &self.inner
    }

    /// Dtype and shape.
    pub fn ty(&self) -> &TensorType {
        &self.ty
    }

    /// Copies the array to the host.
    ///
    /// # Errors
    /// That of the program that computes it, or that the buffer was given up to an output of one.
    pub fn to_host(&self) -> Result<HostArray> {
        Ok(self.inner.to_host()?)
    }

    /// Starts copying the array to the host and returns at once.
    ///
    /// # Errors
    /// As [`Buffer::to_host`].
    pub fn start_to_host(&self) -> Result<TransferToHost> {
        Ok(self.inner.start_to_host()?)
    }

    /// Copies the array to the host as little-endian bytes, row-major.
    ///
    /// # Errors
    /// As [`Buffer::to_host`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(self.to_host()?.bytes().to_vec())
    }

    /// Copies the array's elements to the host, row-major.
    ///
    /// # Errors
    /// As [`Buffer::to_host`], and when the elements are not of type `T`.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        Ok(self.to_host()?.as_slice::<T>()?.to_vec())
    }

    /// Copies the array to the host as a literal.
    ///
    /// # Errors
    /// As [`Buffer::to_host`].
    pub fn to_literal(&self) -> Result<Literal> {
        Ok(Literal::from_bytes(self.ty.clone(), self.to_host()?.bytes())?)
    }

    /// The value of a scalar of any dtype. 64-bit integers may be rounded.
    ///
    /// # Errors
    /// As [`Buffer::to_host`], and [`Error::NotScalar`] when there is not exactly one element.
    pub fn to_f64(&self) -> Result<f64> {
        if self.ty.elements() != 1 {
            return Err(Error::NotScalar { ty: self.ty.clone() });
        }
        Ok(self.to_host()?.to_f64_vec()[0])
    }

    /// Waits until the array is there.
    ///
    /// # Errors
    /// That of the program that computes it.
    pub fn wait(&self) -> Result<()> {
        Ok(self.inner.ready_event()?.wait()?)
    }

    /// Whether the array can still be read: its memory was not given to an output of a later program.
    ///
    /// # Errors
    /// When the plugin cannot tell.
    pub fn is_live(&self) -> Result<bool> {
        Ok(self.inner.state()? == BufferState::Live)
    }
}

/// The element type of a dtype.
pub(crate) fn element_type(dtype: DType) -> ElementType {
    match dtype {
        DType::Pred => ElementType::Pred,
        DType::U8 => ElementType::U8,
        DType::I32 => ElementType::I32,
        DType::U32 => ElementType::U32,
        DType::I64 => ElementType::I64,
        DType::F16 => ElementType::F16,
        DType::BF16 => ElementType::Bf16,
        DType::F32 => ElementType::F32,
        DType::F64 => ElementType::F64,
    }
}

/// The array type of a tensor type.
pub(crate) fn array_type(ty: &TensorType) -> ArrayType {
    ArrayType::new(element_type(ty.dtype), ty.shape.clone())
}

/// The tensor type of an array type.
pub(crate) fn tensor_type(ty: &ArrayType) -> Result<TensorType> {
    let dtype = DType::ALL.into_iter().find(|&dtype| element_type(dtype) == ty.element_type);
    let dtype = dtype.ok_or(Error::ElementType(ty.element_type))?;
    Ok(TensorType::new(dtype, ty.dims.clone()))
}
