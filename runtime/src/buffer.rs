//! Arrays on devices.

use std::collections::HashSet;
use std::ops::Range;

use graph::{DType, Literal, TensorType};
use xla_sys::{ArrayType, BufferState, Element, ElementType, HostArray};

use crate::{DeviceLayout, Error, Result, Runtime};

/// A whole array in the memory of devices, or one that a running program will put there: one part on each device of its
/// layout. Reading it waits for that program, and gives that program's error if it fails.
///
/// Where several processes share the devices, each has the parts on its own ([`Runtime::is_addressable`]).
///
/// [`Runtime::is_addressable`]: crate::Runtime::is_addressable
#[derive(Debug)]
pub struct Buffer {
    /// On the devices of this process, by position of the layout's mesh.
    shards: Vec<xla_sys::Buffer>,
    /// The position of each.
    positions: Vec<usize>,
    ty: TensorType,
    layout: DeviceLayout,
}

/// A part of an array on a device of this process.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The position of its device in the layout's mesh.
    pub position: usize,
    /// The indices of the whole array that it has: a range for each dimension.
    pub ranges: Vec<Range<usize>>,
    /// The part itself.
    pub shard: &'a xla_sys::Buffer,
}

impl Buffer {
    /// A buffer of parts at some positions, ascending, whose types are those that `layout` gives the parts of an array of
    /// type `ty`.
    pub(crate) fn new(
        shards: Vec<xla_sys::Buffer>,
        positions: Vec<usize>,
        ty: TensorType,
        layout: DeviceLayout,
    ) -> Self {
        Self { shards, positions, ty, layout }
    }

    /// Dtype and shape of the whole array.
    pub fn ty(&self) -> &TensorType {
        &self.ty
    }

    /// The layout of the array on devices.
    pub fn layout(&self) -> &DeviceLayout {
        &self.layout
    }

    /// The part on each device of this process, by position of the layout's mesh; for what this type does not offer.
    pub fn shards(&self) -> &[xla_sys::Buffer] {
        &self.shards
    }

    /// The parts on the devices of this process, those that several of them hold as often.
    ///
    /// # Errors
    /// None for a buffer that a runtime or a program made.
    pub fn parts(&self) -> Result<Vec<Part<'_>>> {
        let part = |(&position, shard)| {
            Ok(Part { position, ranges: self.layout.ranges(&self.ty, position)?, shard })
        };
        self.positions.iter().zip(&self.shards).map(part).collect()
    }

    /// The parts that this process is to save. Of the devices that hold a part, the one at the first position owns it: so
    /// every part of the array is owned by exactly one process, and all of them agree on which.
    ///
    /// # Errors
    /// As [`Buffer::parts`].
    pub fn owned_parts(&self) -> Result<Vec<Part<'_>>> {
        let owners = self.layout.owners();
        let mut parts = self.parts()?;
        parts.retain(|part| owners.binary_search(&part.position).is_ok());
        Ok(parts)
    }

    /// Copies the whole array to the host: of parts that several devices hold, one.
    ///
    /// # Errors
    /// [`Error::Device`] with the failure of the program that computes it, or when the buffer was donated to a program;
    /// [`Error::NotAddressable`] when only other processes have a part of it.
    pub fn to_host(&self) -> Result<HostArray> {
        self.start_to_host()?.wait()
    }

    /// Starts copying the whole array to the host and returns at once.
    ///
    /// # Errors
    /// As [`Buffer::to_host`].
    pub fn start_to_host(&self) -> Result<TransferToHost> {
        if self.layout.is_replicated() {
            return Ok(TransferToHost(Transfer::Whole(self.shards[0].start_to_host()?)));
        }
        let start = |index: usize| Ok((self.positions[index], self.shards[index].start_to_host()?));
        let parts = self.all_parts()?.into_iter().map(start).collect::<Result<Vec<_>>>()?;
        let (ty, layout) = (self.ty.clone(), self.layout.clone());
        Ok(TransferToHost(Transfer::Parts { parts, ty, layout }))
    }

    /// For each part of the array, the index of a shard that is it.
    fn all_parts(&self) -> Result<Vec<usize>> {
        let owners = self.layout.owners();
        if self.positions.len() == self.layout.devices().len() {
            return Ok(owners);
        }
        let (mut seen, mut indices) = (HashSet::new(), Vec::new());
        for (index, &position) in self.positions.iter().enumerate() {
            if seen.insert(self.layout.part(position)) {
                indices.push(index);
            }
        }
        if indices.len() == owners.len() {
            return Ok(indices);
        }
        let what = format!("an array {} that lies {}", self.ty, self.layout);
        Err(Error::NotAddressable { what, own: indices.len(), parts: owners.len() })
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
    /// [`Error::Device`] with the failure of the program that computes it.
    pub fn wait(&self) -> Result<()> {
        self.shards.iter().try_for_each(|shard| Ok(shard.ready_event()?.wait()?))
    }

    /// Whether the array can still be read: its memory was not given to an output of a later program.
    ///
    /// # Errors
    /// When the plugin cannot tell.
    pub fn is_live(&self) -> Result<bool> {
        for shard in &self.shards {
            if shard.state()? != BufferState::Live {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Runtime {
    /// The arrays at the indices of the first dimension of an array on one device: in its memory, as long as any of them is there,
    /// where the plugin can do that. XLA's for CPUs does for parts of a multiple of 64 bytes; others are copied.
    ///
    /// # Errors
    /// As [`Buffer::to_host`], and [`Error::Device`] when the device's memory is full.
    pub fn rows(&self, array: &Buffer) -> Result<Vec<Buffer>> {
        let Some((&rows, shape)) = array.ty.shape.split_first() else { return Ok(Vec::new()) };
        let ty = TensorType::new(array.ty.dtype, shape);
        let layout = DeviceLayout::single(ty.rank());
        if let ([shard], [position]) = (&array.shards[..], &array.positions[..])
            && array.layout == DeviceLayout::single(array.ty.rank())
            && let Ok(views) = shard.rows()
        {
            let view = |view| Buffer::new(vec![view], vec![*position], ty.clone(), layout.clone());
            return Ok(views.into_iter().map(view).collect());
        }
        let whole = array.to_host()?;
        let bytes = ty.bytes();
        (0..rows).map(|row| self.upload_bytes(&ty, &whole.bytes()[row * bytes..][..bytes])).collect()
    }
}

/// A copy of an array to the host under way.
#[derive(Debug)]
pub struct TransferToHost(Transfer);

#[derive(Debug)]
enum Transfer {
    /// From a device that holds all of it.
    Whole(xla_sys::TransferToHost),
    /// From devices that hold parts, with their positions.
    Parts { parts: Vec<(usize, xla_sys::TransferToHost)>, ty: TensorType, layout: DeviceLayout },
}

impl TransferToHost {
    /// Whether [`TransferToHost::wait`] would return at once, but for putting parts together.
    ///
    /// # Errors
    /// When the plugin cannot tell.
    pub fn is_ready(&self) -> Result<bool> {
        match &self.0 {
            Transfer::Whole(transfer) => Ok(transfer.is_ready()?),
            Transfer::Parts { parts, .. } => {
                for (_, part) in parts {
                    if !part.is_ready()? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    /// Waits for the whole array.
    ///
    /// # Errors
    /// [`Error::Device`] with the failure of the program that computes it.
    pub fn wait(self) -> Result<HostArray> {
        match self.0 {
            Transfer::Whole(transfer) => Ok(transfer.wait()?),
            Transfer::Parts { parts, ty, layout } => {
                let mut whole = HostArray::zeros(array_type(&ty))?;
                for (position, part) in parts {
                    layout.join(&ty, whole.bytes_mut(), position, part.wait()?.bytes())?;
                }
                Ok(whole)
            }
        }
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
pub fn array_type(ty: &TensorType) -> ArrayType {
    ArrayType::new(element_type(ty.dtype), ty.shape.clone())
}

/// The tensor type of an array type.
pub(crate) fn tensor_type(ty: &ArrayType) -> Result<TensorType> {
    let dtype = DType::ALL.into_iter().find(|&dtype| element_type(dtype) == ty.element_type);
    let dtype = dtype.ok_or(Error::ElementType(ty.element_type))?;
    Ok(TensorType::new(dtype, ty.dims.clone()))
}
