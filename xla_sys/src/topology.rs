//! Descriptions of sets of devices that need not be there.

use std::sync::Arc;

use crate::api::{Api, PjrtStruct, named_values, slice, text};
use crate::bindings as c;
use crate::client::ClientHandle;
use crate::executable::Owner;
use crate::{CompileOptions, DeviceDescription, Error, Executable, NamedValue, Plugin, Program, Result};

/// The C handle, and who frees it.
pub(crate) enum TopologyHandle {
    Own { api: Arc<Api>, raw: *mut c::PJRT_TopologyDescription },
    OfClient { client: Arc<ClientHandle>, raw: *mut c::PJRT_TopologyDescription },
}

// SAFETY: PJRT topologies are immutable and may be used and destroyed on any thread.
unsafe impl Send for TopologyHandle {}
// SAFETY: as above.
unsafe impl Sync for TopologyHandle {}

impl TopologyHandle {
    pub(crate) fn api(&self) -> &Arc<Api> {
        match self {
            TopologyHandle::Own { api, .. } => api,
            TopologyHandle::OfClient { client, .. } => &client.api,
        }
    }

    fn raw(&self) -> *mut c::PJRT_TopologyDescription {
        match self {
            TopologyHandle::Own { raw, .. } | TopologyHandle::OfClient { raw, .. } => *raw,
        }
    }
}

impl Drop for TopologyHandle {
    fn drop(&mut self) {
        if let TopologyHandle::Own { api, raw } = self {
            let mut args = c::PJRT_TopologyDescription_Destroy_Args { topology: *raw, ..PjrtStruct::new() };
            // SAFETY: we own the topology, and everything made from it is gone.
            let _ = unsafe { api.call(&mut args) };
        }
    }
}

/// A set of devices and how they are connected, for which programs can be compiled ahead of time. Cheap to clone.
#[derive(Clone)]
pub struct Topology {
    handle: Arc<TopologyHandle>,
    platform_name: String,
    platform_version: String,
}

impl Topology {
    pub(crate) fn create(plugin: &Plugin, name: &str, options: &[NamedValue]) -> Result<Topology> {
        let raw_options: Vec<_> = options.iter().map(NamedValue::as_raw).collect();
        let mut args = c::PJRT_TopologyDescription_Create_Args {
            topology_name: name.as_ptr().cast(),
            topology_name_size: name.len(),
            create_options: raw_options.as_ptr(),
            num_options: raw_options.len(),
            ..PjrtStruct::new()
        };
        // SAFETY: the name and options outlive the call.
        unsafe { plugin.api.call(&mut args) }?;
        if args.topology.is_null() {
            return Err(Error::malformed("PJRT_TopologyDescription_Create", "the topology is null"));
        }
        Topology::new(TopologyHandle::Own { api: plugin.api.clone(), raw: args.topology })
    }

    pub(crate) fn of_client(client: &Arc<ClientHandle>) -> Result<Topology> {
        let mut args = c::PJRT_Client_TopologyDescription_Args { client: client.raw, ..PjrtStruct::new() };
        // SAFETY: the client is alive, and keeps the topology alive.
        unsafe { client.api.call(&mut args) }?;
        if args.topology.is_null() {
            return Err(Error::malformed("PJRT_Client_TopologyDescription", "the topology is null"));
        }
        Topology::new(TopologyHandle::OfClient { client: client.clone(), raw: args.topology })
    }

    fn new(handle: TopologyHandle) -> Result<Topology> {
        let topology = handle.raw();
        let mut name = c::PJRT_TopologyDescription_PlatformName_Args { topology, ..PjrtStruct::new() };
        let mut version = c::PJRT_TopologyDescription_PlatformVersion_Args { topology, ..PjrtStruct::new() };
        // SAFETY: the topology is alive, and with it the texts, which are copied.
        let (platform_name, platform_version) = unsafe {
            handle.api().call(&mut name)?;
            handle.api().call(&mut version)?;
            (
                text(name.platform_name, name.platform_name_size),
                text(version.platform_version, version.platform_version_size),
            )
        };
        Ok(Topology { handle: Arc::new(handle), platform_name, platform_version })
    }

    /// The platform: `cpu`, `cuda`, `tpu`.
    pub fn platform_name(&self) -> &str {
        &self.platform_name
    }

    /// What the platform says of its version.
    pub fn platform_version(&self) -> &str {
        &self.platform_version
    }

    /// Descriptions of all devices.
    pub fn devices(&self) -> Result<Vec<DeviceDescription>> {
        let api = self.handle.api();
        let mut args = c::PJRT_TopologyDescription_GetDeviceDescriptions_Args {
            topology: self.handle.raw(),
            ..PjrtStruct::new()
        };
        // SAFETY: the topology is alive, and with it its descriptions.
        unsafe {
            api.call(&mut args)?;
            let raws = slice(args.descriptions, args.num_descriptions).iter();
            raws.map(|&raw| DeviceDescription::read(api, raw)).collect()
        }
    }

    /// Platform-specific attributes.
    pub fn attributes(&self) -> Result<Vec<NamedValue>> {
        let mut args =
            c::PJRT_TopologyDescription_Attributes_Args { topology: self.handle.raw(), ..PjrtStruct::new() };
        // SAFETY: the topology is alive, and with it the attributes, which are copied.
        unsafe {
            self.handle.api().call(&mut args)?;
            Ok(named_values(args.attributes, args.num_attributes))
        }
    }

    /// The topology as bytes, for use in keys of caches.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        let mut args =
            c::PJRT_TopologyDescription_Serialize_Args { topology: self.handle.raw(), ..PjrtStruct::new() };
        // SAFETY: the topology is alive; the bytes live until the deleter is called, once, after they are copied.
        unsafe {
            self.handle.api().call(&mut args)?;
            let bytes = slice(args.serialized_bytes.cast::<u8>(), args.serialized_bytes_size).to_vec();
            if let Some(delete) = args.serialized_topology_deleter {
                delete(args.serialized_topology);
            }
            Ok(bytes)
        }
    }

    /// Compiles a program for these devices, without any of them. The options must assign devices by their ids.
    pub fn compile(&self, program: &Program, options: &CompileOptions) -> Result<Executable> {
        let raw_program = program.as_raw();
        let options = options.to_bytes()?;
        let mut args = c::PJRT_Compile_Args {
            topology: self.handle.raw(),
            program: &raw_program,
            compile_options: options.as_ptr().cast(),
            compile_options_size: options.len(),
            ..PjrtStruct::new()
        };
        // SAFETY: the topology is alive, and the program and options outlive the call. The new executable is ours.
        unsafe {
            self.handle.api().call(&mut args)?;
            Executable::from_raw("PJRT_Compile", Owner::Topology(self.handle.clone()), args.executable)
        }
    }
}

impl std::fmt::Debug for Topology {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topology").field("platform_name", &self.platform_name).finish_non_exhaustive()
    }
}
