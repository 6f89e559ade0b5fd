//! Arrays in device memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::api::{PjrtStruct, slice};
use crate::bindings as c;
use crate::client::ClientHandle;
use crate::error::BufferState;
use crate::{ArrayType, Device, Error, Event, HostArray, Result};

/// Owns the C handle.
pub(crate) struct BufferHandle {
    pub(crate) raw: *mut c::PJRT_Buffer,
    pub(crate) client: Arc<ClientHandle>,
}

// SAFETY: PJRT buffers may be used and destroyed on any thread.
unsafe impl Send for BufferHandle {}
// SAFETY: and by several threads at once.
unsafe impl Sync for BufferHandle {}

impl BufferHandle {
    /// # Safety
    /// `raw` is null or a buffer of this client that nobody else frees.
    pub(crate) unsafe fn from_raw(
        raw: *mut c::PJRT_Buffer,
        client: &Arc<ClientHandle>,
        operation: &'static str,
    ) -> Result<BufferHandle> {
        if raw.is_null() {
            return Err(Error::malformed(operation, "a buffer is null"));
        }
        Ok(BufferHandle { raw, client: client.clone() })
    }

    /// Asks the plugin for the type of the array.
    pub(crate) fn read_type(&self) -> Result<ArrayType> {
        let mut element = c::PJRT_Buffer_ElementType_Args { buffer: self.raw, ..PjrtStruct::new() };
        let mut dims = c::PJRT_Buffer_Dimensions_Args { buffer: self.raw, ..PjrtStruct::new() };
        // SAFETY: the buffer is alive, and with it the list of dimensions, which is copied.
        unsafe {
            self.client.api.call(&mut element)?;
            self.client.api.call(&mut dims)?;
            ArrayType::from_raw(element.type_, slice(dims.dims, dims.num_dims), "PJRT_Buffer_Dimensions")
        }
    }
}

impl Drop for BufferHandle {
    fn drop(&mut self) {
        let mut args = c::PJRT_Buffer_Destroy_Args { buffer: self.raw, ..PjrtStruct::new() };
        // SAFETY: we own the buffer and do not use it again.
        let _ = unsafe { self.client.api.call(&mut args) };
    }
}

/// An array in a device's memory, or the promise of one: buffers exist before the computation or transfer that fills
/// them has ended. Dropping a buffer frees its memory once nothing running needs it.
pub struct Buffer {
    handle: Arc<BufferHandle>,
    array_type: ArrayType,
    device: Device,
    deleted: AtomicBool,
    /// Whether other buffers are in its memory.
    shared: AtomicBool,
    /// The buffer that it is in the memory of.
    within: Option<Arc<BufferHandle>>,
}

impl Buffer {
    pub(crate) fn new(handle: BufferHandle, array_type: ArrayType, device: Device) -> Buffer {
        Buffer {
            handle: Arc::new(handle),
            array_type,
            device,
            deleted: AtomicBool::new(false),
            shared: AtomicBool::new(false),
            within: None,
        }
    }

    pub(crate) fn raw(&self) -> *mut c::PJRT_Buffer {
        self.handle.raw
    }

    pub(crate) fn client(&self) -> &Arc<ClientHandle> {
        &self.handle.client
    }

    /// The element type and dimensions.
    pub fn array_type(&self) -> &ArrayType {
        &self.array_type
    }

    /// The device the array lies on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether the buffer can be used, and if not, why.
    pub fn state(&self) -> Result<BufferState> {
        if self.deleted.load(Ordering::Acquire) {
            return Ok(BufferState::Deleted);
        }
        let mut args = c::PJRT_Buffer_IsDeleted_Args { buffer: self.raw(), ..PjrtStruct::new() };
        // SAFETY: the buffer is alive.
        unsafe { self.client().api.call(&mut args) }?;
        // What we did not delete, an execution took.
        Ok(if args.is_deleted { BufferState::Donated } else { BufferState::Live })
    }

    /// Whether the buffer can no longer be used, by deletion or donation.
    pub fn is_deleted(&self) -> Result<bool> {
        Ok(self.state()? != BufferState::Live)
    }

    /// Whether it is in the memory of another buffer ([`Buffer::rows`]).
    pub fn is_view(&self) -> bool {
        self.within.is_some()
    }

    /// The arrays at the indices of the first dimension, in this array's memory: it is freed when none of them is left, and an
    /// execution that would write to it writes to a copy. For plugins whose devices have addresses as a CPU has.
    ///
    /// # Errors
    /// [`Error::BufferUnusable`] after deletion or donation, the error of the computation that should have
    /// made the array. The plugin's, or that of a scalar, when it cannot do that: XLA's for CPUs wants each part at a multiple of 64 bytes.
    pub fn rows(&self) -> Result<Vec<Buffer>> {
        self.check_live()?;
        let dims = &self.array_type.dims;
        let (Some((&rows, dims)), None) = (dims.split_first(), self.device_order()?) else {
            let detail = format!("{} has no rows that follow each other", self.array_type);
            return Err(Error::malformed("PJRT_Client_CreateViewOfDeviceBuffer", detail));
        };
        let row = ArrayType::new(self.array_type.element_type, dims);
        // A view does not wait for what fills its memory.
        self.ready_event()?.wait()?;
        let mut reference =
            c::PJRT_Buffer_IncreaseExternalReferenceCount_Args { buffer: self.raw(), ..PjrtStruct::new() };
        let mut memory =
            c::PJRT_Buffer_OpaqueDeviceMemoryDataPointer_Args { buffer: self.raw(), ..PjrtStruct::new() };
        if !self.shared.swap(true, Ordering::AcqRel) {
            // SAFETY: the buffer is alive. The plugin neither frees nor reuses its memory from here on until it is destroyed.
            unsafe { self.client().api.call(&mut reference) }?;
        }
        // SAFETY: the buffer is alive.
        unsafe { self.client().api.call(&mut memory) }?;
        let (start, bytes) = (memory.device_memory_ptr, row.byte_count()?);
        (0..rows).map(|index| self.view(start.wrapping_byte_add(index * bytes), &row)).collect()
    }

    /// An array in this array's memory, which is kept.
    fn view(&self, start: *mut std::ffi::c_void, array_type: &ArrayType) -> Result<Buffer> {
        let dims = array_type.raw_dims();
        let mut args = c::PJRT_Client_CreateViewOfDeviceBuffer_Args {
            client: self.client().raw,
            device_buffer_ptr: start,
            dims: dims.as_ptr(),
            num_dims: dims.len(),
            element_type: array_type.element_type.to_raw(),
            device: self.device.raw,
            // The CPU plugin calls it even if there is none.
            on_delete_callback: Some(nothing),
            ..PjrtStruct::new()
        };
        // SAFETY: the memory is an array of this type, filled, and stays so: the new buffer keeps the handle, whose buffer neither an
        // execution overwrites nor `delete` frees.
        unsafe { self.client().api.call(&mut args) }?;
        let operation = "PJRT_Client_CreateViewOfDeviceBuffer";
        // SAFETY: the buffer is new and ours.
        let handle = unsafe { BufferHandle::from_raw(args.buffer, self.client(), operation) }?;
        let buffer = Buffer::new(handle, array_type.clone(), self.device.clone());
        Ok(Buffer { within: Some(self.handle.clone()), ..buffer })
    }

    /// Gives up the array's memory now, or with the last of the buffers in it; work under way that uses it still ends well.
    pub fn delete(&self) -> Result<()> {
        if self.is_deleted()? {
            return Ok(());
        }
        let mut args = c::PJRT_Buffer_Delete_Args { buffer: self.raw(), ..PjrtStruct::new() };
        self.deleted.store(true, Ordering::Release);
        if self.shared.load(Ordering::Acquire) {
            return Ok(());
        }
        // SAFETY: the buffer is alive.
        unsafe { self.client().api.call(&mut args) }
    }

    /// The memory the array takes on the device, in bytes, padding included.
    pub fn on_device_size(&self) -> Result<usize> {
        self.check_live()?;
        let mut args = c::PJRT_Buffer_OnDeviceSizeInBytes_Args { buffer: self.raw(), ..PjrtStruct::new() };
        // SAFETY: the buffer is alive.
        unsafe { self.client().api.call(&mut args) }?;
        Ok(args.on_device_size_in_bytes)
    }

    /// An event that is ready when the array is. It carries the error of the computation that should have made it.
    pub fn ready_event(&self) -> Result<Event> {
        let mut args = c::PJRT_Buffer_ReadyEvent_Args { buffer: self.raw(), ..PjrtStruct::new() };
        // SAFETY: the buffer is alive.
        unsafe { self.client().api.call(&mut args) }?;
        // SAFETY: the event is new and ours.
        unsafe { Event::from_raw(args.event, self.client(), "the computation of a buffer") }
    }

    /// Copies the array to the host, and waits for it.
    ///
    /// # Errors
    /// [`Error::BufferUnusable`] after deletion or donation; the error of the computation that should have made the array.
    pub fn to_host(&self) -> Result<HostArray> {
        self.start_to_host()?.wait()
    }

    /// Starts to copy the array to the host.
    pub fn start_to_host(&self) -> Result<TransferToHost> {
        self.start_to_host_in(HostArray::zeros(self.array_type.clone())?)
    }

    /// Starts to copy the array to the host, into the memory of an array of its type.
    ///
    /// # Errors
    /// [`Error::ByteCount`] if that is of another size, and as [`Buffer::to_host`].
    pub fn start_to_host_in(&self, mut array: HostArray) -> Result<TransferToHost> {
        self.check_live()?;
        if *array.array_type() != self.array_type {
            let (array_type, expected) = (self.array_type.clone(), self.array_type.byte_count()?);
            return Err(Error::ByteCount { array_type, expected, got: array.bytes().len() });
        }
        let rank = self.array_type.dims.len() as i64;
        // Older plugins ignore the order they are asked for and copy in the device's: ask for that, and reorder here.
        let device_order = self.device_order()?;
        let minor_to_major = device_order.clone().unwrap_or_else(|| (0..rank).rev().collect());
        let mut layout: c::PJRT_Buffer_MemoryLayout = PjrtStruct::new();
        layout.type_ = c::PJRT_Buffer_MemoryLayout_Type_Tiled;
        layout.__bindgen_anon_1.tiled = c::PJRT_Buffer_MemoryLayout_Tiled {
            minor_to_major: minor_to_major.as_ptr(),
            minor_to_major_size: minor_to_major.len(),
            ..PjrtStruct::new()
        };
        let mut args = c::PJRT_Buffer_ToHostBuffer_Args {
            src: self.raw(),
            host_layout: &mut layout,
            dst: array.bytes_mut().as_mut_ptr().cast(),
            dst_size: array.bytes().len(),
            ..PjrtStruct::new()
        };
        let operation = "PJRT_Buffer_ToHostBuffer";
        // SAFETY: the destination is as large as its size says, and `TransferToHost` keeps it until the transfer ends.
        unsafe { self.client().api.call(&mut args) }?;
        // SAFETY: the event is new and ours. If it is null, the plugin broke its contract and may still write: leak.
        match unsafe { Event::from_raw(args.event, self.client(), operation) } {
            Ok(event) => Ok(TransferToHost { array: Some(array), device_order, event }),
            Err(error) => {
                std::mem::forget(array);
                Err(error)
            }
        }
    }

    /// Copies the array to another device of the same client.
    pub fn copy_to_device(&self, device: &Device) -> Result<Buffer> {
        self.check_live()?;
        if !Arc::ptr_eq(self.client(), &device.client) {
            return Err(Error::ForeignDevice { device: device.to_string() });
        }
        let mut args = c::PJRT_Buffer_CopyToDevice_Args {
            buffer: self.raw(),
            dst_device: device.raw,
            ..PjrtStruct::new()
        };
        // SAFETY: the buffer and the device are alive and of one client.
        unsafe { self.client().api.call(&mut args) }?;
        // SAFETY: the buffer is new and ours.
        let handle =
            unsafe { BufferHandle::from_raw(args.dst_buffer, self.client(), "PJRT_Buffer_CopyToDevice") }?;
        Ok(Buffer::new(handle, self.array_type.clone(), device.clone()))
    }

    /// The dimensions from the fastest varying to the slowest in device memory, unless that is row-major order.
    fn device_order(&self) -> Result<Option<Vec<i64>>> {
        let rank = self.array_type.dims.len();
        let mut args = c::PJRT_Buffer_GetMemoryLayout_Args { buffer: self.raw(), ..PjrtStruct::new() };
        // SAFETY: the buffer is alive.
        let known = rank > 1 && unsafe { self.client().api.call(&mut args) }.is_ok();
        if !known || args.layout.type_ != c::PJRT_Buffer_MemoryLayout_Type_Tiled {
            return Ok(None);
        }
        // SAFETY: the type says which member of the union is set; the list lives as long as the buffer.
        let order = unsafe {
            let tiled = &args.layout.__bindgen_anon_1.tiled;
            slice(tiled.minor_to_major, tiled.minor_to_major_size)
        };
        if order.iter().copied().eq((0..rank as i64).rev()) {
            return Ok(None);
        }
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..rank as i64) {
            let detail = format!("{order:?} is no order of {rank} dimensions");
            return Err(Error::malformed("PJRT_Buffer_GetMemoryLayout", detail));
        }
        Ok(Some(order.to_vec()))
    }

    fn check_live(&self) -> Result<()> {
        match self.state()? {
            BufferState::Live => Ok(()),
            state => Err(Error::BufferUnusable { array_type: self.array_type.clone(), state }),
        }
    }
}

/// What is to be done when a view is deleted: its memory is the other buffer's.
unsafe extern "C" fn nothing(_memory: *mut std::ffi::c_void, _argument: *mut std::ffi::c_void) {}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} on {})", self.array_type, self.device)
    }
}

/// A copy from a device to the host under way.
#[derive(Debug)]
pub struct TransferToHost {
    /// Taken by `wait`.
    array: Option<HostArray>,
    /// See `Buffer::device_order`.
    device_order: Option<Vec<i64>>,
    event: Event,
}

impl TransferToHost {
    /// Whether [`TransferToHost::wait`] would return at once.
    pub fn is_ready(&self) -> Result<bool> {
        self.event.is_ready()
    }

    /// Waits for the array.
    pub fn wait(mut self) -> Result<HostArray> {
        self.event.wait()?;
        let array = self.array.take().expect("only taken here");
        Ok(match &self.device_order {
            None => array,
            Some(order) => array.row_major_from(order),
        })
    }
}

impl Drop for TransferToHost {
    /// Waits: the plugin writes into the array until the transfer has ended.
    fn drop(&mut self) {
        if self.array.is_some() {
            let _ = self.event.wait();
        }
    }
}
