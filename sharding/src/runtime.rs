//! A plugin with its devices.

use std::path::{Path, PathBuf};

use graph::{Function, Literal, TensorType};
use xla_sys::locate::{self, Located, Locator};
use xla_sys::{Client, Device, Element, HostArray, NamedValue, Plugin};

use crate::buffer::array_type;
use crate::options::CompileOptions;
use crate::{Buffer, DeviceKind, Error, Found, Program, Progress, Result};

/// Where the plugin comes from and how it is started.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    /// The plugin file the user names; otherwise it is searched for as described in [`xla_sys::locate`].
    pub plugin: Option<PathBuf>,
    /// Number of devices the CPU plugin pretends to have; 1 if not given. Ignored for other kinds of device.
    pub virtual_devices: Option<usize>,
}

/// A plugin, its client, and the device programs run on. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Runtime {
    kind: DeviceKind,
    located: Located,
    plugin: Plugin,
    client: Client,
    device: Device,
}

impl Runtime {
    /// Finds a plugin, fetching the pinned wheel if there is no other, and starts it.
    ///
    /// # Errors
    /// When there is no plugin to be had, it cannot be used, or it has no device.
    pub fn start(
        kind: DeviceKind,
        options: &RuntimeOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        Self::load(kind, locate::locate(kind, options.plugin.as_deref(), progress)?, options)
    }

    /// Starts a plugin that is on this machine already; `None` if it would have to be fetched.
    ///
    /// # Errors
    /// When the plugin cannot be used or has no device.
    pub fn find(kind: DeviceKind) -> Result<Option<Self>> {
        let located = Locator::from_environment().find(kind, None)?;
        located.map(|located| Self::load(kind, located, &RuntimeOptions::default())).transpose()
    }

    fn load(kind: DeviceKind, located: Located, options: &RuntimeOptions) -> Result<Self> {
        let plugin = Plugin::load_located(kind, &located)?;
        let mut client_options = Vec::new();
        if kind == DeviceKind::Cpu {
            let count = options.virtual_devices.unwrap_or(1);
            client_options.push(NamedValue::new("cpu_device_count", count as i64));
        }
        let client = plugin.client(&client_options)?;
        let device = client.addressable_devices().first().cloned();
        let device = device.ok_or_else(|| Error::NoDevice { platform: client.platform_name().to_owned() })?;
        Ok(Self { kind, located, plugin, client, device })
    }

    /// The kind of device.
    pub fn kind(&self) -> DeviceKind {
        self.kind
    }

    /// The plugin's name for its platform, such as `cpu`.
    pub fn platform(&self) -> &str {
        self.client.platform_name()
    }

    /// The plugin's own version text.
    pub fn platform_version(&self) -> &str {
        self.client.platform_version()
    }

    /// The plugin's file.
    pub fn plugin_path(&self) -> &Path {
        &self.located.path
    }

    /// How the plugin was found.
    pub fn found(&self) -> &Found {
        &self.located.found
    }

    /// Number of devices this process may use.
    pub fn device_count(&self) -> usize {
        self.client.addressable_devices().len()
    }

    /// The plugin, for what this type does not offer.
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// The client, for what this type does not offer.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The device that programs run on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Compiles a function.
    ///
    /// # Errors
    /// [`Error::Export`] when the verifier refuses the function, [`Error::Compile`] when the compiler does.
    pub fn compile(&self, function: &Function) -> Result<Program> {
        self.compile_with(function, &CompileOptions::default())
    }

    /// Compiles a function with options.
    ///
    /// # Errors
    /// As [`Runtime::compile`].
    pub fn compile_with(&self, function: &Function, options: &CompileOptions) -> Result<Program> {
        Program::compile(self, function, None, options)
    }

    /// Compiles code, of the options' format, that stands for a function: it has the function's inputs and outputs.
    ///
    /// # Errors
    /// [`Error::Compile`] when the compiler refuses it or its inputs are of other types.
    pub fn compile_code(
        &self,
        function: &Function,
        code: &[u8],
        options: &CompileOptions,
    ) -> Result<Program> {
        Program::compile(self, function, Some(code), options)
    }

    /// Copies a literal to the device.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn upload(&self, literal: &Literal) -> Result<Buffer> {
        self.upload_bytes(literal.ty(), &literal.to_bytes())
    }

    /// Copies an array, given as little-endian bytes in row-major order, to the device.
    ///
    /// # Errors
    /// When the bytes do not fill the type, or the device has no room.
    pub fn upload_bytes(&self, ty: &TensorType, bytes: &[u8]) -> Result<Buffer> {
        self.upload_array(HostArray::from_bytes(array_type(ty), bytes)?)
    }

    /// Copies numbers in row-major order to the device.
    ///
    /// # Errors
    /// When they do not fill the shape, or the device has no room.
    pub fn upload_slice<T: Element>(&self, values: &[T], shape: &[usize]) -> Result<Buffer> {
        self.upload_array(HostArray::from_slice(values, shape)?)
    }

    /// Moves an array to the device, without copying it where host and device share memory.
    ///
    /// # Errors
    /// When its dtype is not one of [`graph::DType`], or the device has no room.
    pub fn upload_array(&self, array: HostArray) -> Result<Buffer> {
        Buffer::new(self.client.move_to_device(array, &self.device)?)
    }

    /// An array of zeros on the device.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn zeros(&self, ty: &TensorType) -> Result<Buffer> {
        self.upload_array(HostArray::zeros(array_type(ty))?)
    }
}
