//! A client: the connection to the devices of this machine.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::api::{Api, PjrtStruct, slice, text};
use crate::bindings as c;
use crate::buffer::BufferHandle;
use crate::key_value::Callbacks;
use crate::{
    ArrayType, Buffer, CompileOptions, Device, Error, Event, HostArray, KeyValueStore, LoadedExecutable,
    NamedValue, Plugin, Program, Result, Topology, Value,
};

/// Owns the C handle. Everything that a client made keeps it alive.
pub(crate) struct ClientHandle {
    pub(crate) api: Arc<Api>,
    pub(crate) raw: *mut c::PJRT_Client,
    /// The plugin has pointers into this until the client is destroyed.
    _callbacks: Option<Box<Callbacks>>,
}

// SAFETY: PJRT clients may be used and destroyed on any thread.
unsafe impl Send for ClientHandle {}
// SAFETY: and by several threads at once.
unsafe impl Sync for ClientHandle {}

impl Drop for ClientHandle {
    fn drop(&mut self) {
        let mut args = c::PJRT_Client_Destroy_Args { client: self.raw, ..PjrtStruct::new() };
        // SAFETY: the last reference is gone, and with it everything made by this client.
        let _ = unsafe { self.api.call(&mut args) };
    }
}

/// A connection to the devices of this machine. Cheap to clone; destroyed when it and everything made by it are dropped.
#[derive(Clone)]
pub struct Client {
    handle: Arc<ClientHandle>,
    platform_name: String,
    platform_version: String,
    devices: Arc<[Device]>,
    addressable_devices: Arc<[Device]>,
}

impl Client {
    pub(crate) fn create(
        plugin: &Plugin,
        options: &[NamedValue],
        store: Option<Arc<dyn KeyValueStore>>,
    ) -> Result<Client> {
        options.iter().try_for_each(check_option)?;
        let api = plugin.api.clone();
        let raw_options: Vec<_> = options.iter().map(NamedValue::as_raw).collect();
        let mut args = c::PJRT_Client_Create_Args {
            create_options: raw_options.as_ptr(),
            num_options: raw_options.len(),
            ..PjrtStruct::new()
        };
        let callbacks = store.map(Callbacks::new);
        if let Some(callbacks) = &callbacks {
            callbacks.register(&mut args);
        }
        // SAFETY: the options outlive the call. The callbacks outlive the client; without one, the plugin has no use for
        // them once the call is over.
        unsafe { api.call(&mut args) }?;
        if args.client.is_null() {
            return Err(Error::malformed("PJRT_Client_Create", "the client is null"));
        }
        let mute = callbacks.as_ref().is_some_and(|callbacks| callbacks.has_unreported_error());
        let handle = Arc::new(ClientHandle { api, raw: args.client, _callbacks: callbacks });
        if mute {
            let detail = "it gave the key-value store no way to report an error";
            return Err(Error::malformed("PJRT_Client_Create", detail));
        }
        let client = handle.raw;
        let api = &handle.api;
        let mut name = c::PJRT_Client_PlatformName_Args { client, ..PjrtStruct::new() };
        let mut version = c::PJRT_Client_PlatformVersion_Args { client, ..PjrtStruct::new() };
        let mut all = c::PJRT_Client_Devices_Args { client, ..PjrtStruct::new() };
        let mut addressable = c::PJRT_Client_AddressableDevices_Args { client, ..PjrtStruct::new() };
        // SAFETY: the client is alive, and with it the texts and lists, which are copied.
        unsafe {
            api.call(&mut name)?;
            api.call(&mut version)?;
            api.call(&mut all)?;
            api.call(&mut addressable)?;
            let read = |raw: &*mut c::PJRT_Device| Device::from_raw(&handle, *raw);
            let devices = slice(all.devices, all.num_devices).iter().map(read).collect::<Result<_>>()?;
            let addressable_devices =
                slice(addressable.addressable_devices, addressable.num_addressable_devices).iter();
            if addressable_devices.len() == 0 {
                return Err(Error::malformed("PJRT_Client_AddressableDevices", "the client has no devices"));
            }
            Ok(Client {
                platform_name: text(name.platform_name, name.platform_name_size),
                platform_version: text(version.platform_version, version.platform_version_size),
                devices,
                addressable_devices: addressable_devices.map(read).collect::<Result<_>>()?,
                handle: handle.clone(),
            })
        }
    }

    /// The platform: `cpu`, `cuda`, `tpu`.
    pub fn platform_name(&self) -> &str {
        &self.platform_name
    }

    /// What the platform says of its version.
    pub fn platform_version(&self) -> &str {
        &self.platform_version
    }

    /// All devices, of every host.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The devices this process can use.
    pub fn addressable_devices(&self) -> &[Device] {
        &self.addressable_devices
    }

    /// The index of this process among those of a multi-host run; 0 otherwise.
    pub fn process_index(&self) -> Result<i32> {
        let mut args = c::PJRT_Client_ProcessIndex_Args { client: self.handle.raw, ..PjrtStruct::new() };
        // SAFETY: the client is alive.
        unsafe { self.handle.api.call(&mut args) }?;
        Ok(args.process_index)
    }

    /// The description of the client's devices, for which programs can be compiled without loading them.
    pub fn topology(&self) -> Result<Topology> {
        Topology::of_client(&self.handle)
    }

    /// Compiles a program and loads it onto its devices.
    ///
    /// # Errors
    /// What the compiler reports; [`Error::ProgramInput`] or [`Error::ProgramInputCount`] if the program's inputs are
    /// not those it was declared with.
    pub fn compile(&self, program: &Program, options: &CompileOptions) -> Result<LoadedExecutable> {
        let raw_program = program.as_raw();
        let options = options.to_bytes()?;
        let mut args = c::PJRT_Client_Compile_Args {
            client: self.handle.raw,
            program: &raw_program,
            compile_options: options.as_ptr().cast(),
            compile_options_size: options.len(),
            ..PjrtStruct::new()
        };
        // SAFETY: the program and options outlive the call.
        unsafe { self.handle.api.call(&mut args) }?;
        // SAFETY: a new executable of this client, which is ours.
        unsafe {
            LoadedExecutable::from_raw("PJRT_Client_Compile", &self.handle, args.executable, &program.inputs)
        }
    }

    /// Loads what [`Executable::serialize`](crate::Executable::serialize) gave, for a program with these inputs.
    /// It must come from the same plugin, version and kind of machine.
    pub fn deserialize_and_load(&self, serialized: &[u8], inputs: &[ArrayType]) -> Result<LoadedExecutable> {
        let mut args = c::PJRT_Executable_DeserializeAndLoad_Args {
            client: self.handle.raw,
            serialized_executable: serialized.as_ptr().cast(),
            serialized_executable_size: serialized.len(),
            ..PjrtStruct::new()
        };
        let operation = "PJRT_Executable_DeserializeAndLoad";
        // SAFETY: the bytes outlive the call.
        unsafe { self.handle.api.call(&mut args) }?;
        // SAFETY: a new executable of this client, which is ours.
        unsafe { LoadedExecutable::from_raw(operation, &self.handle, args.loaded_executable, inputs) }
    }

    /// Copies an array to a device. Returns once `array` may change; the transfer itself may take longer.
    pub fn copy_to_device(&self, array: &HostArray, device: &Device) -> Result<Buffer> {
        let semantics = c::PJRT_HostBufferSemantics_kImmutableOnlyDuringCall;
        let (buffer, done) = self.start_transfer(array, device, semantics)?;
        drop(done);
        Ok(buffer)
    }

    /// Gives an array to a device: without copying it where the device can use the host's memory (CPU), without waiting
    /// for the transfer elsewhere. The array's memory is freed when the device no longer needs it.
    pub fn move_to_device(&self, array: HostArray, device: &Device) -> Result<Buffer> {
        // Mutable, because nobody else sees the array: the device may write outputs into a donated one.
        let semantics = c::PJRT_HostBufferSemantics_kMutableZeroCopy;
        // Where the plugin breaks its contract it may still read the array: then leak it.
        let array = ManuallyDrop::new(array);
        let (buffer, done) = match self.start_transfer(&array, device, semantics) {
            Ok(pair) => pair,
            Err(error) => {
                if !matches!(error, Error::Malformed { .. }) {
                    drop(ManuallyDrop::into_inner(array));
                }
                return Err(error);
            }
        };
        // An error of the transfer reaches the user through the buffer.
        done.on_ready(move |_| drop(ManuallyDrop::into_inner(array)))?;
        Ok(buffer)
    }

    fn start_transfer(
        &self,
        array: &HostArray,
        device: &Device,
        semantics: c::PJRT_HostBufferSemantics,
    ) -> Result<(Buffer, Event)> {
        let array_type = array.array_type();
        let dims = array_type.raw_dims();
        let mut args = c::PJRT_Client_BufferFromHostBuffer_Args {
            client: self.handle.raw,
            data: array.bytes().as_ptr().cast(),
            type_: array_type.element_type.to_raw(),
            dims: dims.as_ptr(),
            num_dims: dims.len(),
            host_buffer_semantics: semantics,
            device: device.raw,
            ..PjrtStruct::new()
        };
        let operation = "PJRT_Client_BufferFromHostBuffer";
        if !Arc::ptr_eq(&self.handle, &device.client) {
            return Err(Error::ForeignDevice { device: device.to_string() });
        }
        // SAFETY: the device belongs to the client; the data are of the given type; the callers keep them alive as long
        // as the semantics ask.
        unsafe { self.handle.api.call(&mut args) }?;
        // SAFETY: both handles are new and ours.
        let (handle, done) = unsafe {
            (
                BufferHandle::from_raw(args.buffer, &self.handle, operation),
                Event::from_raw(args.done_with_host_buffer, &self.handle, operation),
            )
        };
        Ok((Buffer::new(handle?, array_type.clone(), device.clone()), done?))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("platform_name", &self.platform_name)
            .field("devices", &self.devices.len())
            .finish_non_exhaustive()
    }
}

/// CPU plugins end the process over a device count that is no count.
fn check_option(option: &NamedValue) -> Result<()> {
    match option.value {
        Value::Int(1..=MAX_CPU_DEVICES) => Ok(()),
        _ if option.name != "cpu_device_count" => Ok(()),
        _ => Err(Error::ClientOption {
            option: option.to_string(),
            expected: format!("an integer from 1 to {MAX_CPU_DEVICES}"),
        }),
    }
}

/// More virtual devices than anyone can use on one machine; each takes threads and memory.
const MAX_CPU_DEVICES: i64 = 1024;
