//! Devices, their descriptions and their memories.

use std::sync::Arc;

use crate::api::{Api, PjrtStruct, named_values, slice, text};
use crate::bindings as c;
use crate::client::ClientHandle;
use crate::{Error, NamedValue, Result};

/// The description of a device, present or not.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceDescription {
    /// The number by which device assignments name it, unique among all hosts' devices.
    pub id: i32,
    /// The process (host) it belongs to.
    pub process_index: i32,
    /// The vendor's name for this kind of device, such as `TPU v4`.
    pub kind: String,
    /// A short text that names the device, such as `CpuDevice(id=0)`.
    pub name: String,
    /// Platform-specific attributes, such as coordinates in the interconnect.
    pub attributes: Vec<NamedValue>,
}

impl DeviceDescription {
    /// # Safety
    /// `raw` is a live device description of this plugin.
    pub(crate) unsafe fn read(api: &Api, raw: *mut c::PJRT_DeviceDescription) -> Result<DeviceDescription> {
        if raw.is_null() {
            return Err(Error::malformed("PJRT_DeviceDescription", "a device description is null"));
        }
        let mut id = c::PJRT_DeviceDescription_Id_Args { device_description: raw, ..PjrtStruct::new() };
        let mut process =
            c::PJRT_DeviceDescription_ProcessIndex_Args { device_description: raw, ..PjrtStruct::new() };
        let mut kind = c::PJRT_DeviceDescription_Kind_Args { device_description: raw, ..PjrtStruct::new() };
        let mut name =
            c::PJRT_DeviceDescription_ToString_Args { device_description: raw, ..PjrtStruct::new() };
        let mut attributes =
            c::PJRT_DeviceDescription_Attributes_Args { device_description: raw, ..PjrtStruct::new() };
        // SAFETY: the description is alive, and with it the texts and attributes, which are copied.
        unsafe {
            api.call(&mut id)?;
            api.call(&mut process)?;
            api.call(&mut kind)?;
            api.call(&mut name)?;
            api.call(&mut attributes)?;
            Ok(DeviceDescription {
                id: id.id,
                process_index: process.process_index,
                kind: text(kind.device_kind, kind.device_kind_size),
                name: text(name.to_string, name.to_string_size),
                attributes: named_values(attributes.attributes, attributes.num_attributes),
            })
        }
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&crate::Value> {
        self.attributes.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.value)
    }
}

/// A device of a client. Cheap to clone.
#[derive(Clone)]
pub struct Device {
    pub(crate) client: Arc<ClientHandle>,
    pub(crate) raw: *mut c::PJRT_Device,
    description: Arc<DeviceDescription>,
}

// SAFETY: PJRT devices may be used from any thread; they live as long as their client.
unsafe impl Send for Device {}
// SAFETY: as above.
unsafe impl Sync for Device {}

impl Device {
    /// # Safety
    /// `raw` is null or a device of this client.
    pub(crate) unsafe fn from_raw(client: &Arc<ClientHandle>, raw: *mut c::PJRT_Device) -> Result<Device> {
        if raw.is_null() {
            return Err(Error::malformed("PJRT_Client_Devices", "a device is null"));
        }
        let mut args = c::PJRT_Device_GetDescription_Args { device: raw, ..PjrtStruct::new() };
        // SAFETY: the device lives as long as the client, and its description too.
        let description = unsafe {
            client.api.call(&mut args)?;
            DeviceDescription::read(&client.api, args.device_description)?
        };
        Ok(Device { client: client.clone(), raw, description: Arc::new(description) })
    }

    /// The number by which device assignments name it.
    pub fn id(&self) -> i32 {
        self.description.id
    }

    /// Its description.
    pub fn description(&self) -> &DeviceDescription {
        &self.description
    }

    /// Whether this process can use it.
    pub fn is_addressable(&self) -> Result<bool> {
        let mut args = c::PJRT_Device_IsAddressable_Args { device: self.raw, ..PjrtStruct::new() };
        // SAFETY: the device is alive.
        unsafe { self.client.api.call(&mut args) }?;
        Ok(args.is_addressable)
    }

    /// The number the hardware gives it, such as the CUDA device number; -1 if there is none.
    pub fn local_hardware_id(&self) -> Result<i32> {
        let mut args = c::PJRT_Device_LocalHardwareId_Args { device: self.raw, ..PjrtStruct::new() };
        // SAFETY: the device is alive.
        unsafe { self.client.api.call(&mut args) }?;
        Ok(args.local_hardware_id)
    }

    /// The memories the device can address, its default memory first.
    pub fn memories(&self) -> Result<Vec<Memory>> {
        let mut default = c::PJRT_Device_DefaultMemory_Args { device: self.raw, ..PjrtStruct::new() };
        let mut all = c::PJRT_Device_AddressableMemories_Args { device: self.raw, ..PjrtStruct::new() };
        // SAFETY: the device is alive, and with it its memories.
        unsafe {
            self.client.api.call(&mut default)?;
            self.client.api.call(&mut all)?;
            let others =
                slice(all.memories, all.num_memories).iter().copied().filter(|&raw| raw != default.memory);
            std::iter::once(default.memory)
                .chain(others)
                .map(|raw| Memory::read(&self.client.api, raw))
                .collect()
        }
    }

    /// The allocator's statistics. CPU plugins have none and report [`ErrorCode::Unimplemented`](crate::ErrorCode).
    pub fn memory_stats(&self) -> Result<DeviceMemoryStats> {
        let mut args = c::PJRT_Device_MemoryStats_Args { device: self.raw, ..PjrtStruct::new() };
        // SAFETY: the device is alive.
        unsafe { self.client.api.call(&mut args) }?;
        let if_set = |value: i64, is_set: bool| is_set.then_some(value);
        Ok(DeviceMemoryStats {
            bytes_in_use: args.bytes_in_use,
            peak_bytes_in_use: if_set(args.peak_bytes_in_use, args.peak_bytes_in_use_is_set),
            largest_allocation: if_set(args.largest_alloc_size, args.largest_alloc_size_is_set),
            bytes_limit: if_set(args.bytes_limit, args.bytes_limit_is_set),
            bytes_reserved: if_set(args.bytes_reserved, args.bytes_reserved_is_set),
            largest_free_block: if_set(args.largest_free_block_bytes, args.largest_free_block_bytes_is_set),
            pool_bytes: if_set(args.pool_bytes, args.pool_bytes_is_set),
        })
    }
}

impl PartialEq for Device {
    fn eq(&self, other: &Device) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Device {}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Device").field(&self.description).finish()
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.description.name)
    }
}

/// A memory that devices can address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// A number, unique among the client's memories.
    pub id: i32,
    /// The platform's name for this kind of memory, such as `device` or `pinned_host`.
    pub kind: String,
    /// A short text that names the memory.
    pub name: String,
}

impl Memory {
    /// # Safety
    /// `raw` is null or a live memory of this plugin.
    unsafe fn read(api: &Api, raw: *mut c::PJRT_Memory) -> Result<Memory> {
        if raw.is_null() {
            return Err(Error::malformed("PJRT_Device_AddressableMemories", "a memory is null"));
        }
        let mut id = c::PJRT_Memory_Id_Args { memory: raw, ..PjrtStruct::new() };
        let mut kind = c::PJRT_Memory_Kind_Args { memory: raw, ..PjrtStruct::new() };
        let mut name = c::PJRT_Memory_ToString_Args { memory: raw, ..PjrtStruct::new() };
        // SAFETY: the memory is alive, and with it the texts, which are copied.
        unsafe {
            api.call(&mut id)?;
            api.call(&mut kind)?;
            api.call(&mut name)?;
            Ok(Memory {
                id: id.id,
                kind: text(kind.kind, kind.kind_size),
                name: text(name.to_string, name.to_string_size),
            })
        }
    }
}

/// A device allocator's statistics, in bytes. Platforms leave out what they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // Each field is the statistic of its name in the C API.
pub struct DeviceMemoryStats {
    pub bytes_in_use: i64,
    pub peak_bytes_in_use: Option<i64>,
    pub largest_allocation: Option<i64>,
    /// The most that can be allocated.
    pub bytes_limit: Option<i64>,
    pub bytes_reserved: Option<i64>,
    pub largest_free_block: Option<i64>,
    /// Bytes that the allocator holds, in use or not.
    pub pool_bytes: Option<i64>,
}
