//! Element types, array types, and arrays in host memory.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use half::{bf16, f16};

use crate::bindings as c;
use crate::{Error, Result};

macro_rules! element_types {
    ($($(#[$doc:meta])* $variant:ident $name:literal $size:literal $raw:ident;)*) => {
        /// The type of an array's elements.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ElementType { $($(#[$doc])* $variant,)* }

        impl ElementType {
            /// Every element type, in the order of their declaration.
            pub const ALL: &'static [ElementType] = &[$(ElementType::$variant,)*];

            /// The short name, such as `bf16`.
            pub fn name(self) -> &'static str {
                match self { $(ElementType::$variant => $name,)* }
            }

            /// The size of one element in bytes.
            pub fn byte_size(self) -> usize {
                match self { $(ElementType::$variant => $size,)* }
            }

            pub(crate) fn to_raw(self) -> c::PJRT_Buffer_Type {
                match self { $(ElementType::$variant => c::$raw,)* }
            }

            pub(crate) fn from_raw(raw: c::PJRT_Buffer_Type, operation: &'static str) -> Result<ElementType> {
                match raw {
                    $(c::$raw => Ok(ElementType::$variant),)*
                    other => Err(Error::malformed(operation, format!("element type number {other} is not supported"))),
                }
            }

            /// The type whose number in XLA's `PrimitiveType` is this.
            pub(crate) fn from_primitive_type(number: u64) -> Option<ElementType> {
                // xla_data.proto numbers the types differently from the C API; these are all that this crate supports.
                Some(match number {
                    1 => ElementType::Pred,
                    2 => ElementType::I8,
                    3 => ElementType::I16,
                    4 => ElementType::I32,
                    5 => ElementType::I64,
                    6 => ElementType::U8,
                    7 => ElementType::U16,
                    8 => ElementType::U32,
                    9 => ElementType::U64,
                    10 => ElementType::F16,
                    11 => ElementType::F32,
                    12 => ElementType::F64,
                    16 => ElementType::Bf16,
                    _ => return None,
                })
            }
        }
    };
}

element_types! {
    /// A truth value, one byte, 0 or 1.
    Pred "pred" 1 PJRT_Buffer_Type_PRED;
    /// Signed 8-bit integer.
    I8 "i8" 1 PJRT_Buffer_Type_S8;
    /// Signed 16-bit integer.
    I16 "i16" 2 PJRT_Buffer_Type_S16;
    /// Signed 32-bit integer.
    I32 "i32" 4 PJRT_Buffer_Type_S32;
    /// Signed 64-bit integer.
    I64 "i64" 8 PJRT_Buffer_Type_S64;
    /// Unsigned 8-bit integer.
    U8 "u8" 1 PJRT_Buffer_Type_U8;
    /// Unsigned 16-bit integer.
    U16 "u16" 2 PJRT_Buffer_Type_U16;
    /// Unsigned 32-bit integer.
    U32 "u32" 4 PJRT_Buffer_Type_U32;
    /// Unsigned 64-bit integer.
    U64 "u64" 8 PJRT_Buffer_Type_U64;
    /// IEEE 754 half precision.
    F16 "f16" 2 PJRT_Buffer_Type_F16;
    /// bfloat16: the upper half of a single-precision number.
    Bf16 "bf16" 2 PJRT_Buffer_Type_BF16;
    /// IEEE 754 single precision.
    F32 "f32" 4 PJRT_Buffer_Type_F32;
    /// IEEE 754 double precision.
    F64 "f64" 8 PJRT_Buffer_Type_F64;
}

impl std::fmt::Display for ElementType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A Rust type that is the host form of an [`ElementType`]. For [`ElementType::Pred`] see [`HostArray::from_bools`].
///
/// # Safety
/// Every bit pattern of `BYTE_SIZE` bytes is a valid value without padding.
pub unsafe trait Element: Copy + Send + Sync + 'static {
    /// The element type of arrays of `Self`.
    const TYPE: ElementType;
}

macro_rules! elements {
    ($($rust:ty => $variant:ident),*) => {
        $(
            // SAFETY: plain numbers without padding or invalid values.
            unsafe impl Element for $rust {
                const TYPE: ElementType = ElementType::$variant;
            }
            const _: () = assert!(align_of::<$rust>() <= ALIGNMENT);
        )*
    };
}
elements!(i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64,
          f16 => F16, bf16 => Bf16, f32 => F32, f64 => F64);

/// An element type and the size of every dimension. No dimensions make a scalar.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArrayType {
    /// The type of every element.
    pub element_type: ElementType,
    /// The sizes of the dimensions, outermost first.
    pub dims: Vec<usize>,
}

impl ArrayType {
    /// An array type from its parts.
    pub fn new(element_type: ElementType, dims: impl Into<Vec<usize>>) -> ArrayType {
        ArrayType { element_type, dims: dims.into() }
    }

    /// The type of a single value.
    pub fn scalar(element_type: ElementType) -> ArrayType {
        ArrayType { element_type, dims: Vec::new() }
    }

    /// The size of a dense array of this type in bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if it exceeds the address space.
    pub fn byte_count(&self) -> Result<usize> {
        // A zero anywhere makes the array empty, whatever the other dimensions multiply to.
        if self.dims.contains(&0) {
            return Ok(0);
        }
        self.dims
            .iter()
            .try_fold(self.element_type.byte_size(), |bytes, &dim| bytes.checked_mul(dim))
            .filter(|&bytes| bytes <= isize::MAX as usize - ALIGNMENT)
            .ok_or_else(|| Error::TooLarge { array_type: self.clone() })
    }

    pub(crate) fn raw_dims(&self) -> Vec<i64> {
        self.dims.iter().map(|&dim| dim as i64).collect()
    }

    pub(crate) fn from_raw(
        element_type: c::PJRT_Buffer_Type,
        dims: &[i64],
        operation: &'static str,
    ) -> Result<ArrayType> {
        let dims = dims.iter().map(|&dim| usize::try_from(dim)).collect::<Result<Vec<_>, _>>();
        Ok(ArrayType {
            element_type: ElementType::from_raw(element_type, operation)?,
            dims: dims.map_err(|_| Error::malformed(operation, "a dimension is negative"))?,
        })
    }
}

/// Prints like `f32[2,3]`.
impl std::fmt::Display for ArrayType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[", self.element_type)?;
        for (position, dim) in self.dims.iter().enumerate() {
            write!(f, "{}{dim}", if position == 0 { "" } else { "," })?;
        }
        f.write_str("]")
    }
}

/// The alignment of memory that XLA's CPU client uses without copying.
const ALIGNMENT: usize = 64;

/// A zero-initialised, aligned allocation.
struct AlignedBytes {
    data: NonNull<u8>,
    size: usize,
}

// SAFETY: a plain owned allocation.
unsafe impl Send for AlignedBytes {}
// SAFETY: shared access only reads.
unsafe impl Sync for AlignedBytes {}

impl AlignedBytes {
    fn zeroed(size: usize) -> AlignedBytes {
        let layout = AlignedBytes::layout(size);
        // SAFETY: the layout's size is never 0.
        let data = unsafe { alloc_zeroed(layout) };
        let data = NonNull::new(data).unwrap_or_else(|| handle_alloc_error(layout));
        AlignedBytes { data, size }
    }

    fn layout(size: usize) -> Layout {
        // `ArrayType::byte_count` has bounded the size.
        Layout::from_size_align(size.max(1), ALIGNMENT).expect("array sizes are bounded")
    }

    fn as_slice(&self) -> &[u8] {
        // SAFETY: `data` points to `size` initialised bytes that we own.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.size) }
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as above, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.size) }
    }
}

impl Drop for AlignedBytes {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with the same layout.
        unsafe { dealloc(self.data.as_ptr(), AlignedBytes::layout(self.size)) }
    }
}

/// A dense, row-major array in host memory.
pub struct HostArray {
    array_type: ArrayType,
    data: AlignedBytes,
}

impl HostArray {
    /// An array of zeroes.
    pub fn zeros(array_type: ArrayType) -> Result<HostArray> {
        let size = array_type.byte_count()?;
        Ok(HostArray { array_type, data: AlignedBytes::zeroed(size) })
    }

    /// An array from its bytes, in the machine's byte order. The bytes of a `pred` array are taken as true unless 0.
    ///
    /// # Errors
    /// [`Error::ByteCount`] if there are too few or too many bytes.
    pub fn from_bytes(array_type: ArrayType, bytes: &[u8]) -> Result<HostArray> {
        let expected = array_type.byte_count()?;
        if bytes.len() != expected {
            return Err(Error::ByteCount { array_type, expected, got: bytes.len() });
        }
        let mut array = HostArray::zeros(array_type)?;
        array.data.as_mut_slice().copy_from_slice(bytes);
        if array.array_type.element_type == ElementType::Pred {
            array.data.as_mut_slice().iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
        Ok(array)
    }

    /// An array from its elements in row-major order.
    ///
    /// # Errors
    /// [`Error::ByteCount`] if `values` does not fill `dims`.
    ///
    /// ```
    /// use xla_sys::HostArray;
    /// let array = HostArray::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3])?;
    /// assert_eq!(array.array_type().to_string(), "f32[2,3]");
    /// # Ok::<(), xla_sys::Error>(())
    /// ```
    pub fn from_slice<T: Element>(values: &[T], dims: &[usize]) -> Result<HostArray> {
        // SAFETY: elements are plain numbers without padding, so their bytes are initialised.
        let bytes = unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) };
        HostArray::from_bytes(ArrayType::new(T::TYPE, dims), bytes)
    }

    /// A `pred` array from truth values in row-major order.
    pub fn from_bools(values: &[bool], dims: &[usize]) -> Result<HostArray> {
        let bytes: Vec<u8> = values.iter().map(|&value| u8::from(value)).collect();
        HostArray::from_bytes(ArrayType::new(ElementType::Pred, dims), &bytes)
    }

    /// An array without dimensions.
    pub fn scalar<T: Element>(value: T) -> HostArray {
        HostArray::from_slice(&[value], &[]).expect("one value fills a scalar")
    }

    /// The element type and dimensions.
    pub fn array_type(&self) -> &ArrayType {
        &self.array_type
    }

    /// The element type.
    pub fn element_type(&self) -> ElementType {
        self.array_type.element_type
    }

    /// The sizes of the dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.array_type.dims
    }

    /// The elements' bytes, row-major, in the machine's byte order.
    pub fn bytes(&self) -> &[u8] {
        self.data.as_slice()
    }

    /// The elements' bytes, to be changed in place. Keep the bytes of a `pred` array 0 or 1.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.data.as_mut_slice()
    }

    /// The elements, row-major.
    ///
    /// # Errors
    /// [`Error::ElementType`] if the elements are of another type.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        self.check_element::<T>()?;
        let bytes = self.data.as_slice();
        // SAFETY: any bits are a valid `T`, and the allocation is aligned for every `Element`.
        Ok(unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) })
    }

    /// The elements, row-major, to be changed in place.
    ///
    /// # Errors
    /// [`Error::ElementType`] if the elements are of another type.
    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T]> {
        self.check_element::<T>()?;
        let bytes = self.data.as_mut_slice();
        // SAFETY: as in `as_slice`, and the borrow is exclusive.
        Ok(unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len() / size_of::<T>()) })
    }

    /// The elements of a `pred` array, row-major.
    ///
    /// # Errors
    /// [`Error::ElementType`] if the elements are of another type.
    pub fn to_bools(&self) -> Result<Vec<bool>> {
        if self.element_type() != ElementType::Pred {
            return Err(Error::ElementType { found: self.element_type(), requested: ElementType::Pred });
        }
        Ok(self.bytes().iter().map(|&byte| byte != 0).collect())
    }

    /// The elements converted to f64, row-major, whatever their type. 64-bit integers may be rounded.
    pub fn to_f64_vec(&self) -> Vec<f64> {
        fn convert<T: Element>(array: &HostArray, to: impl Fn(T) -> f64) -> Vec<f64> {
            array
                .as_slice::<T>()
                .expect("chosen by the element type")
                .iter()
                .map(|&value| to(value))
                .collect()
        }
        match self.element_type() {
            ElementType::Pred => self.bytes().iter().map(|&byte| f64::from(u8::from(byte != 0))).collect(),
            ElementType::I8 => convert::<i8>(self, f64::from),
            ElementType::I16 => convert::<i16>(self, f64::from),
            ElementType::I32 => convert::<i32>(self, f64::from),
            ElementType::I64 => convert::<i64>(self, |value| value as f64),
            ElementType::U8 => convert::<u8>(self, f64::from),
            ElementType::U16 => convert::<u16>(self, f64::from),
            ElementType::U32 => convert::<u32>(self, f64::from),
            ElementType::U64 => convert::<u64>(self, |value| value as f64),
            ElementType::F16 => convert::<f16>(self, f64::from),
            ElementType::Bf16 => convert::<bf16>(self, f64::from),
            ElementType::F32 => convert::<f32>(self, f64::from),
            ElementType::F64 => convert::<f64>(self, |value| value),
        }
    }

    /// The array whose bytes are these, given the dimensions from the fastest varying to the slowest, in row-major order.
    pub(crate) fn row_major_from(self, minor_to_major: &[i64]) -> HostArray {
        let size = self.element_type().byte_size();
        let dims = self.dims().to_vec();
        let mut strides = vec![0; dims.len()];
        let mut stride = size;
        for &dim in minor_to_major {
            strides[dim as usize] = stride;
            stride *= dims[dim as usize];
        }
        let mut result = AlignedBytes::zeroed(self.data.size);
        let mut index = vec![0; dims.len()];
        for element in result.as_mut_slice().chunks_exact_mut(size) {
            let offset: usize = index.iter().zip(&strides).map(|(index, stride)| index * stride).sum();
            element.copy_from_slice(&self.bytes()[offset..offset + size]);
            // The next index in row-major order.
            for dim in (0..dims.len()).rev() {
                index[dim] += 1;
                if index[dim] < dims[dim] {
                    break;
                }
                index[dim] = 0;
            }
        }
        HostArray { array_type: self.array_type, data: result }
    }

    fn check_element<T: Element>(&self) -> Result<()> {
        if self.element_type() == T::TYPE {
            Ok(())
        } else {
            Err(Error::ElementType { found: self.element_type(), requested: T::TYPE })
        }
    }
}

impl Clone for HostArray {
    fn clone(&self) -> HostArray {
        let mut data = AlignedBytes::zeroed(self.data.size);
        data.as_mut_slice().copy_from_slice(self.data.as_slice());
        HostArray { array_type: self.array_type.clone(), data }
    }
}

/// Equal types and equal bits: NaNs of the same bits are equal, zeroes of different sign are not.
impl PartialEq for HostArray {
    fn eq(&self, other: &HostArray) -> bool {
        self.array_type == other.array_type && self.bytes() == other.bytes()
    }
}

impl std::fmt::Debug for HostArray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ", self.array_type)?;
        let values = self.to_f64_vec();
        match values.len() {
            0..=64 => write!(f, "{values:?}"),
            count => write!(f, "{:?} … ({count} elements)", &values[..8]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_put_in_order() {
        let check = |stored: &[i8], dims: &[usize], minor_to_major: &[i64], expected: &[i8]| {
            let array = HostArray::from_slice(stored, dims).unwrap().row_major_from(minor_to_major);
            assert_eq!(array.as_slice::<i8>().unwrap(), expected);
            assert_eq!(array.dims(), dims);
        };
        check(&[0, 3, 1, 4, 2, 5], &[2, 3], &[0, 1], &[0, 1, 2, 3, 4, 5]);
        check(&[0, 1, 2, 3, 4, 5], &[2, 3], &[1, 0], &[0, 1, 2, 3, 4, 5]);
        // [1,2,2] with the middle dimension fastest.
        check(&[0, 2, 1, 3], &[1, 2, 2], &[1, 2, 0], &[0, 1, 2, 3]);
        check(&[], &[0, 3], &[0, 1], &[]);
    }

    #[test]
    fn arrays_say_what_is_wrong_with_them() {
        let check = |error: Error, expected: &str| assert_eq!(error.to_string(), expected);
        let f32s = |dims: &[usize]| ArrayType::new(ElementType::F32, dims);
        check(HostArray::from_slice(&[1.0f32], &[2]).unwrap_err(), "an array f32[2] takes 8 bytes, got 4");
        check(HostArray::scalar(1i8).as_slice::<u8>().unwrap_err(), "the array is i8, not u8");
        check(HostArray::scalar(1i8).to_bools().unwrap_err(), "the array is i8, not pred");
        let huge = f32s(&[usize::MAX, 2]);
        let expected = format!("an array f32[{},2] is larger than the address space", usize::MAX);
        check(HostArray::zeros(huge.clone()).unwrap_err(), &expected);
        check(HostArray::from_bytes(huge, &[]).unwrap_err(), &expected);
        assert_eq!(f32s(&[usize::MAX, 2, 0]).byte_count(), Ok(0));
    }

    #[test]
    fn any_element_type_converts_to_f64() {
        let check = |array: HostArray, expected: &[f64]| assert_eq!(array.to_f64_vec(), expected);
        check(HostArray::from_bools(&[true, false], &[2]).unwrap(), &[1.0, 0.0]);
        check(HostArray::from_bytes(ArrayType::new(ElementType::Pred, [2]), &[7, 0]).unwrap(), &[1.0, 0.0]);
        check(HostArray::scalar(-3i8), &[-3.0]);
        check(HostArray::scalar(u64::MAX), &[u64::MAX as f64]);
        check(HostArray::scalar(f16::from_f32(0.5)), &[0.5]);
        check(HostArray::scalar(bf16::from_f32(-1.5)), &[-1.5]);
        check(HostArray::scalar(0.1f32), &[f64::from(0.1f32)]);
    }
}
