//! A plugin with its devices.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use graph::{DType, Function, Literal, Partitioned, TensorType};
use xla_sys::locate::{self, Located, Locator};
use xla_sys::{Client, Device, Element, Event, HostArray, Plugin, PluginOptions};

use crate::buffer::{array_type, tensor_type};
use crate::compiled::{Key, ProgramCache};
use crate::error::says_no_device;
use crate::options::{CompileOptions, client_options};
use crate::slice::slice;
use crate::{Buffer, DeviceKind, DeviceLayout, Error, Found, Processes, Program, Progress, Result};

/// The choice of a plugin, and how it is started.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    /// The plugin file the user names; otherwise it is searched for as described in [`xla_sys::locate`].
    pub plugin: Option<PathBuf>,
    /// Number of devices the CPU plugin pretends to have, which share the cores; 1 if not given. Ignored for other kinds
    /// of device.
    pub virtual_devices: Option<usize>,
    /// The processes whose devices programs run on; `None` for this one alone.
    pub processes: Option<Processes>,
    /// Compile programs that may compute other bits in another process, if that is faster. Without effect on CPUs and TPUs, whose programs never do.
    pub nondeterministic: bool,
    /// Flags for XLA, such as `--xla_dump_to=FOLDER`, added to those of `XLA_FLAGS` but for those it has already. The first runtime
    /// of a process decides, for its plugin reads them once. A flag that the plugin does not know makes it end the process.
    pub xla_flags: &'static [&'static str],
    /// Where compiled programs are kept and found again; `None` to compile each. Without effect but on a CPU, and for several processes,
    /// which compile together.
    pub programs: Option<ProgramCache>,
}

/// A plugin, its client and its devices: arrays and programs that say no more are on the first. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Runtime {
    kind: DeviceKind,
    located: Located,
    plugin: Plugin,
    client: Client,
    devices: Arc<[Device]>,
    /// For each of `devices`, whether it is this process's.
    addressable: Arc<[bool]>,
    device: Device,
    nondeterministic: bool,
    programs: Option<ProgramCache>,
    turn: Arc<Mutex<Vec<Event>>>,
}

impl Runtime {
    /// Finds a plugin, fetching the pinned wheel if there is no other, and starts it.
    ///
    /// # Errors
    /// [`Error::Plugin`] when no plugin is found or can be fetched, [`Error::Device`] when it cannot be used,
    /// [`Error::NoDevice`] when it has no device.
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
    /// [`Error::Device`] when the plugin cannot be used, [`Error::NoDevice`] when it has no device.
    pub fn find(kind: DeviceKind) -> Result<Option<Self>> {
        Self::find_with(kind, &RuntimeOptions::default())
    }

    /// As [`Runtime::find`], with options.
    ///
    /// # Errors
    /// As [`Runtime::find`].
    pub fn find_with(kind: DeviceKind, options: &RuntimeOptions) -> Result<Option<Self>> {
        let located = Locator::from_environment().find(kind, options.plugin.as_deref())?;
        located.map(|located| Self::load(kind, located, options)).transpose()
    }

    fn load(kind: DeviceKind, located: Located, options: &RuntimeOptions) -> Result<Self> {
        let mut plugin_options = PluginOptions::located(kind, &located);
        plugin_options.xla_flags.extend(options.xla_flags.iter().map(|&flag| flag.to_owned()));
        let plugin = Plugin::load(&located.path, &plugin_options)?;
        let client_options = client_options(kind, options);
        let absent = |error: xla_sys::Error| match says_no_device(kind, &error.to_string()) {
            true => Error::NoDevices { kind, plugin: located.path.clone() },
            false => error.into(),
        };
        let client = match &options.processes {
            Some(processes) if processes.count > 1 => {
                if kind == DeviceKind::Cpu {
                    let (platform, processes) = (kind.to_string(), processes.count);
                    return Err(Error::CannotJoin { platform, processes });
                }
                plugin.client_with_store(&client_options, processes.store.clone()).map_err(absent)?
            }
            _ => plugin.client(&client_options).map_err(absent)?,
        };
        let device = client.addressable_devices().first().cloned();
        let device = device.ok_or_else(|| Error::NoDevice { platform: client.platform_name().to_owned() })?;
        let mut devices = client.devices().to_vec();
        // Plans count slice by slice, and by identifier in each; plugins list devices as they like.
        devices.sort_by_key(|device| (slice(kind, device.description()), device.id()));
        if let Some(Processes { count, index, .. }) = options.processes {
            let processes: BTreeSet<_> =
                devices.iter().map(|device| device.description().process_index).collect();
            if processes.len() != count {
                let (platform, seen) = (client.platform_name().to_owned(), processes.len());
                return Err(Error::OtherProcesses { index, platform, seen, processes: count });
            }
        }
        let addressable =
            devices.iter().map(|device| client.addressable_devices().contains(device)).collect();
        let devices = devices.into();
        let (nondeterministic, turn) = (options.nondeterministic, Arc::default());
        // Loading was seen to give the same bits with the default CPU plugin; others compile until it is seen there.
        let is_alone = options.processes.as_ref().is_none_or(|processes| processes.count == 1);
        let programs = options.programs.clone().filter(|_| kind == DeviceKind::Cpu && is_alone);
        Ok(Self {
            kind,
            located,
            plugin,
            client,
            devices,
            addressable,
            device,
            nondeterministic,
            programs,
            turn,
        })
    }

    /// Where compiled programs are kept, and a key that has all that decides their code but the program itself.
    pub(crate) fn program_cache(&self) -> Option<(&ProgramCache, Key)> {
        let cache = self.programs.as_ref()?;
        let mut key = Key::of_plugin(&self.located.path, self.platform_version(), self.kind)?;
        self.devices.iter().for_each(|device| key.add(device.description().kind.as_bytes()));
        Some((cache, key))
    }

    /// Whether programs may compute other bits in another process.
    pub(crate) fn is_nondeterministic(&self) -> bool {
        self.nondeterministic
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

    /// Number of devices, those of other processes included.
    pub fn device_count(&self) -> usize {
        self.devices().len()
    }

    /// The devices, those of other processes included, in the same order in each of them: slice by slice, then by
    /// identifier. [`DeviceLayout::devices`] are numbers of this list.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// Whether a device of [`Runtime::devices`] is one of this process's; false for a number that is none.
    pub fn is_addressable(&self, number: usize) -> bool {
        self.addressable.get(number) == Some(&true)
    }

    /// The positions of a layout's mesh whose devices are this process's, ascending: the parts that it uploads and reads.
    pub fn addressable_positions(&self, layout: &DeviceLayout) -> Vec<usize> {
        let devices = layout.devices().iter().enumerate();
        devices.filter(|&(_, &number)| self.is_addressable(number)).map(|(position, _)| position).collect()
    }

    /// The plugin, for what this type does not offer.
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// The client, for what this type does not offer.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The first device of this process, on which programs without a mesh run.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Bytes that programs and arrays may have together on a device: what its allocator allows, or for a CPU, the memory of
    /// this computer or of the container that the process is in. `None` where nobody says.
    pub fn memory_limit(&self) -> Option<u64> {
        let allocator = self.device.memory_stats().ok().and_then(|stats| stats.bytes_limit);
        match self.kind {
            DeviceKind::Cpu => crate::host_memory(),
            DeviceKind::Cuda | DeviceKind::Tpu => allocator.and_then(|limit| u64::try_from(limit).ok()),
        }
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

    /// Compiles a function for all devices of its mesh.
    ///
    /// # Errors
    /// [`Error::Layout`] when the splits are impossible for the function's types, [`Error::TooFewDevices`] when the
    /// mesh has more devices than there are, [`Error::PartitionedFormat`] for a format without partitioned programs,
    /// and as [`Runtime::compile`].
    pub fn compile_partitioned(
        &self,
        partitioned: &Partitioned,
        options: &CompileOptions,
    ) -> Result<Program> {
        Program::compile_partitioned(self, partitioned, None, options)
    }

    /// Compiles StableHLO code that stands for a function on a mesh: it has the function's whole inputs and outputs, and
    /// says how they are split.
    ///
    /// # Errors
    /// As [`Runtime::compile_partitioned`], and [`Error::CompiledType`] when the code splits them otherwise.
    pub fn compile_partitioned_code(
        &self,
        partitioned: &Partitioned,
        code: &[u8],
        options: &CompileOptions,
    ) -> Result<Program> {
        Program::compile_partitioned(self, partitioned, Some(code), options)
    }

    /// Copies a literal to the first device.
    ///
    /// # Errors
    /// [`Error::Device`] when the device's memory is full.
    pub fn upload(&self, literal: &Literal) -> Result<Buffer> {
        self.upload_bytes(literal.ty(), &literal.to_bytes())
    }

    /// Copies a literal to the devices of a layout.
    ///
    /// # Errors
    /// As [`Runtime::upload_bytes_with`].
    pub fn upload_with(&self, literal: &Literal, layout: &DeviceLayout) -> Result<Buffer> {
        self.upload_bytes_with(literal.ty(), &literal.to_bytes(), layout)
    }

    /// Copies an array, given as little-endian bytes in row-major order, to the first device.
    ///
    /// # Errors
    /// [`Error::Device`] when the bytes are not as many as the type takes, or the device's memory is full.
    pub fn upload_bytes(&self, ty: &TensorType, bytes: &[u8]) -> Result<Buffer> {
        self.upload_array(HostArray::from_bytes(array_type(ty), bytes)?)
    }

    /// Copies a whole array, given as little-endian bytes in row-major order, to the devices of a layout: to each its
    /// part.
    ///
    /// # Errors
    /// [`Error::Layout`] when the layout is impossible for the type; [`Error::TooFewDevices`] when the layout names a
    /// device that there is not; [`Error::Device`] when the bytes are not as many as the type takes, or a device's
    /// memory is full.
    pub fn upload_bytes_with(&self, ty: &TensorType, bytes: &[u8], layout: &DeviceLayout) -> Result<Buffer> {
        let expected = ty.bytes();
        if bytes.len() != expected {
            let (array_type, got) = (array_type(ty), bytes.len());
            return Err(xla_sys::Error::ByteCount { array_type, expected, got }.into());
        }
        let part_type = array_type(&layout.shard_type(ty)?);
        self.place(ty, layout, |position| {
            if layout.is_replicated() {
                return Ok(HostArray::from_bytes(part_type.clone(), bytes)?);
            }
            let mut part = HostArray::zeros(part_type.clone())?;
            layout.cut(ty, bytes, position, part.bytes_mut())?;
            // Truth values are made 0 or 1 on the way in.
            match ty.dtype {
                DType::Pred => Ok(HostArray::from_bytes(part_type.clone(), part.bytes())?),
                _ => Ok(part),
            }
        })
    }

    /// Copies numbers in row-major order to the first device.
    ///
    /// # Errors
    /// [`Error::Device`] when the values are not as many as the shape has, or the device's memory is full.
    pub fn upload_slice<T: Element>(&self, values: &[T], shape: &[usize]) -> Result<Buffer> {
        self.upload_array(HostArray::from_slice(values, shape)?)
    }

    /// Moves an array to the first device, without copying it where host and device share memory.
    ///
    /// # Errors
    /// [`Error::ElementType`] when its dtype is not one of [`graph::DType`], [`Error::Device`] when the device's memory
    /// is full.
    pub fn upload_array(&self, array: HostArray) -> Result<Buffer> {
        let layout = DeviceLayout::single(array.dims().len());
        self.upload_array_with(array, &layout)
    }

    /// Moves a whole array to the devices of a layout; to a single one without copying it where host and device share
    /// memory.
    ///
    /// # Errors
    /// As [`Runtime::upload_bytes_with`], and when its dtype is not one of [`graph::DType`].
    pub fn upload_array_with(&self, array: HostArray, layout: &DeviceLayout) -> Result<Buffer> {
        let ty = tensor_type(array.array_type())?;
        if layout.devices().len() > 1 {
            return self.upload_bytes_with(&ty, array.bytes(), layout);
        }
        layout.shard_type(&ty)?;
        let mut array = Some(array);
        self.place(&ty, layout, |_| Ok(array.take().expect("one device asks once")))
    }

    /// Makes an array on the devices of a layout from its parts. Each part on a device of this process is asked for once,
    /// by its indices in the whole array (a range for each dimension), however many devices hold it. So no process needs
    /// more of an array than its own devices hold.
    ///
    /// # Errors
    /// Those of `part`; [`Error::Layout`] when the layout is impossible for the type, or a part is of another type than
    /// its indices say; [`Error::TooFewDevices`] when the layout names a device that there is not; [`Error::Device`]
    /// when a device's memory is full.
    pub fn upload_parts<E: From<Error>>(
        &self,
        ty: &TensorType,
        layout: &DeviceLayout,
        mut part: impl FnMut(&[Range<usize>]) -> Result<HostArray, E>,
    ) -> Result<Buffer, E> {
        let part_type = array_type(&layout.shard_type(ty)?);
        let mut arrays: HashMap<Vec<Range<usize>>, HostArray> = HashMap::new();
        for position in self.addressable_positions(layout) {
            let ranges = layout.ranges(ty, position)?;
            let Entry::Vacant(entry) = arrays.entry(ranges) else { continue };
            let array = part(entry.key())?;
            if *array.array_type() != part_type {
                let (ranges, got) = (entry.key(), array.array_type());
                let reason = format!("indices {ranges:?} of an array {ty} are {part_type}, got {got}");
                return Err(Error::Layout { reason }.into());
            }
            entry.insert(array);
        }
        Ok(self.place(ty, layout, |position| Ok(arrays[&layout.ranges(ty, position)?].clone()))?)
    }

    /// Makes an array on the devices of a layout, of whose first dimension `rows` indices are given and the rest is zero, such
    /// as a table that is padded so that it splits. `read` fills a box of the given ones, by its indices, with little-endian
    /// bytes in row-major order; it is asked once for each part that has any, as [`Runtime::upload_parts`] asks.
    ///
    /// # Errors
    /// Those of `read` and of [`Runtime::upload_parts`].
    pub fn upload_padded<E: From<Error>>(
        &self,
        ty: &TensorType,
        layout: &DeviceLayout,
        rows: usize,
        mut read: impl FnMut(&[Range<usize>], &mut [u8]) -> Result<(), E>,
    ) -> Result<Buffer, E> {
        self.upload_parts(ty, layout, |ranges| {
            let shape: Vec<usize> = ranges.iter().map(Range::len).collect();
            let part_type = array_type(&TensorType::new(ty.dtype, shape));
            let mut array = HostArray::zeros(part_type).map_err(Error::from)?;
            let mut given = ranges.to_vec();
            if let Some(first) = given.first_mut() {
                first.end = first.end.min(rows).max(first.start);
            }
            let bytes = given.iter().map(Range::len).product::<usize>() * ty.dtype.size();
            if bytes > 0 {
                read(&given, &mut array.bytes_mut()[..bytes])?;
            }
            Ok(array)
        })
    }

    /// An array of zeros on the first device.
    ///
    /// # Errors
    /// [`Error::Device`] when the device's memory is full.
    pub fn zeros(&self, ty: &TensorType) -> Result<Buffer> {
        self.zeros_with(ty, &DeviceLayout::single(ty.rank()))
    }

    /// An array of zeros on the devices of a layout.
    ///
    /// # Errors
    /// As [`Runtime::upload_bytes_with`].
    pub fn zeros_with(&self, ty: &TensorType, layout: &DeviceLayout) -> Result<Buffer> {
        let part_type = array_type(&layout.shard_type(ty)?);
        self.place(ty, layout, |_| Ok(HostArray::zeros(part_type.clone())?))
    }

    /// Moves the part for each position of a layout's mesh to its device, if that is this process's.
    fn place(
        &self,
        ty: &TensorType,
        layout: &DeviceLayout,
        mut part: impl FnMut(usize) -> Result<HostArray>,
    ) -> Result<Buffer> {
        let what = || format!("an array {ty} that lies {layout}");
        let devices = self.devices_numbered(layout.devices(), what)?;
        let positions = self.addressable_positions(layout);
        if positions.is_empty() {
            let (what, parts) = (what(), layout.owners().len());
            return Err(Error::NotAddressable { what, own: 0, parts });
        }
        let place = |&position: &usize| Ok(self.client.move_to_device(part(position)?, devices[position])?);
        let shards = positions.iter().map(place).collect::<Result<Vec<_>>>()?;
        Ok(Buffer::new(shards, positions, ty.clone(), layout.clone()))
    }

    /// The right to start a program on several devices, for as long as the guard lives; it takes the events of the run.
    ///
    /// Virtual devices share a pool of threads, of which a run's part on a device keeps one while it waits for the others
    /// in a collective, and a later run's part one while it waits for the earlier run: with several runs under way, none
    /// is left for the parts that all wait for. So there is one at a time. Real devices have queues of their own.
    pub(crate) fn turn(&self) -> Option<MutexGuard<'_, Vec<Event>>> {
        if self.kind != DeviceKind::Cpu {
            return None;
        }
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // A failure reaches whoever reads the outputs.
        turn.drain(..).for_each(|event| drop(event.wait()));
        Some(turn)
    }

    /// The devices of these numbers, wanted for `what`.
    pub(crate) fn devices_numbered(
        &self,
        numbers: &[usize],
        what: impl Fn() -> String,
    ) -> Result<Vec<&Device>> {
        let device = |&number: &usize| self.devices().get(number);
        numbers.iter().map(device).collect::<Option<Vec<_>>>().ok_or_else(|| Error::TooFewDevices {
            what: what(),
            needed: numbers.iter().max().map_or(0, |&last| last + 1),
            platform: self.platform().to_owned(),
            available: self.device_count(),
        })
    }
}
