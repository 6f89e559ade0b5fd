//! A machine.

use xla_sys::locate::DeviceKind;
use xla_sys::{NamedValue, Value};

use super::parse::{self, name};
use super::sizes::Sizes;
use super::{Chip, Nearest, TopologyError};

/// Slices that one job has joined: 199 TPU v5e pods, rounded up.
pub(super) const MOST_SLICES: usize = 256;
/// Hosts of one GPU job: Llama 3 was trained on 2048 of eight H100; twice as many are taken as possible.
pub(super) const MOST_HOSTS: usize = 4096;
/// Virtual devices of a processor; more were not tried.
pub(super) const MOST_CPU_DEVICES: usize = 256;

/// A machine that exists, or virtual devices of a processor.
///
/// Devices are numbered slice by slice, then as the plugin numbers them: on a TPU the core changes first, then x, y and
/// z; on GPUs the one in the host, then the host. A mesh is laid over them in that order, its last axis first.
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    chip: Chip,
    /// Chips of a slice along each dimension; hosts and GPUs in each; or devices.
    shape: Vec<usize>,
    slices: usize,
}

impl Topology {
    pub(super) fn new(chip: Chip, shape: Vec<usize>, slices: usize) -> Topology {
        Topology { chip, shape, slices }
    }

    /// Reads `cpu:N` (virtual devices), `tpu:GEN:XxY[xZ]` (chips of a slice), or `gpu:NAME:HOSTSxGPUS` (hosts, and GPUs
    /// in each). `slices` of a TPU are joined by the data center's network; it is 1 otherwise. Case does not matter.
    ///
    /// # Errors
    /// [`TopologyError::Syntax`] if the text has another form; [`TopologyError::UnknownChip`] if there is no chip of the
    /// name; [`TopologyError::NoSuchMachine`], with those that come nearest, if no machine has that many or that shape.
    pub fn parse(text: &str, slices: usize) -> Result<Topology, TopologyError> {
        parse::parse(text, slices)
    }

    /// Every TPU slice that exists, smallest first, as one slice; and hosts of GPUs, one of each kind.
    pub fn all() -> Vec<Topology> {
        let of_chip = |chip: Chip| {
            let shapes = match Sizes::of(chip.name) {
                Some(sizes) => sizes.all(),
                None => vec![vec![1, 1], vec![1, 2], vec![1, 4], vec![1, 8]],
            };
            shapes.into_iter().map(move |shape| Topology::new(chip, shape, 1))
        };
        Chip::ALL.into_iter().flat_map(of_chip).collect()
    }

    /// The same machine with another amount of memory for programs on each device, bytes: what a processor really has,
    /// or less than all of a chip's.
    pub fn with_memory_bytes(mut self, bytes: u64) -> Topology {
        self.chip.memory_bytes = bytes;
        self
    }

    /// What each device can do.
    pub fn chip(&self) -> &Chip {
        &self.chip
    }

    /// Whose plugin compiles for it.
    pub fn kind(&self) -> DeviceKind {
        self.chip.kind
    }

    /// Slices of a TPU; 1 for other machines.
    pub fn slices(&self) -> usize {
        self.slices
    }

    /// Chips of a slice along each dimension (TPU); hosts, and GPUs in each; or virtual devices.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Devices as XLA counts them, in all slices.
    pub fn devices(&self) -> usize {
        self.chips() * self.chip.devices_per_chip
    }

    /// Devices joined by fast links: those of a slice (TPU), of a host (GPU), or all (CPU).
    pub fn devices_per_island(&self) -> usize {
        match self.kind() {
            DeviceKind::Cuda => self.shape.last().copied().unwrap_or(1),
            DeviceKind::Tpu | DeviceKind::Cpu => self.devices() / self.slices.max(1),
        }
    }

    /// Chips in all slices; virtual devices count as one each.
    pub fn chips(&self) -> usize {
        self.shape.iter().product::<usize>() * self.slices
    }

    /// Processes that run the machine, one on each host or virtual machine, in all slices.
    pub fn hosts(&self) -> usize {
        match self.kind() {
            DeviceKind::Cpu => 1,
            DeviceKind::Cuda => self.shape.first().copied().unwrap_or(1),
            DeviceKind::Tpu => {
                let per_host: i64 = self.host_bounds().iter().product();
                self.chips().div_ceil(usize::try_from(per_host).unwrap_or(1).max(1))
            }
        }
    }

    /// Which dimensions of a TPU slice are closed to rings. Empty for other machines.
    pub fn wrap(&self) -> Vec<bool> {
        Sizes::of(self.chip.name).map(|sizes| sizes.wrap(&self.shape)).unwrap_or_default()
    }

    /// The name that [`xla_sys::Plugin`] makes this topology from: `v3:32x32` with libtpu, `cuda`, or `cpu`.
    pub fn plugin_name(&self) -> String {
        match self.kind() {
            DeviceKind::Cpu => "cpu".to_owned(),
            DeviceKind::Cuda => "cuda".to_owned(),
            DeviceKind::Tpu => {
                let generation = if self.chip.name == "7x" { "tpu7x" } else { self.chip.name };
                let sides: Vec<_> = self.shape.iter().map(ToString::to_string).collect();
                format!("{generation}:{}", sides.join("x"))
            }
        }
    }

    /// The options that go with [`Topology::plugin_name`]. CUDA also wants a `target_config`, the description of the
    /// GPU called [`Topology::gpu`]; the CPU's is an option of its client.
    pub fn plugin_options(&self) -> Vec<NamedValue> {
        match self.kind() {
            DeviceKind::Cpu => vec![NamedValue::new("cpu_device_count", Value::Int(integer(self.devices())))],
            DeviceKind::Cuda => {
                let [groups, hosts, gpus] = self.cuda_groups();
                vec![NamedValue::new("topology", Value::String(format!("{groups}x{hosts}x{gpus}")))]
            }
            DeviceKind::Tpu => {
                let mut options = Vec::new();
                if self.slices > 1 {
                    options.push(NamedValue::new("num_slices", Value::Int(integer(self.slices))));
                }
                let wrap = self.wrap();
                if wrap.contains(&true) {
                    let closed = |side| i64::from(wrap.get(side) == Some(&true));
                    options.push(NamedValue::new("wrap", Value::IntList((0..3).map(closed).collect())));
                }
                if matches!(self.chip.name, "v4" | "v5p") {
                    options.push(NamedValue::new("chip_config_name", Value::String("megacore".to_owned())));
                }
                // libtpu's own default is 2,2,1.
                let bounds = self.host_bounds();
                if bounds != [2, 2, 1] {
                    options.push(NamedValue::new("chips_per_host_bounds", Value::IntList(bounds.to_vec())));
                }
                options
            }
        }
    }

    /// Chips of a TPU host, a virtual machine, along x, y and z: four, but all of a slice of one or eight.
    fn host_bounds(&self) -> [i64; 3] {
        match (self.chip.name, &self.shape[..]) {
            ("v5e" | "v6e", [1, 1]) => [1, 1, 1],
            ("v5e" | "v6e", [2, 4]) => [2, 4, 1],
            _ => [2, 2, 1],
        }
    }

    /// The name of the GPU, of which the CUDA plugin wants a description.
    pub fn gpu(&self) -> Option<&'static str> {
        (self.kind() == DeviceKind::Cuda).then_some(self.chip.name)
    }

    /// As the CUDA plugin's `topology` counts: groups with NVLink between all their GPUs (XLA calls them slices, and
    /// here each is a host), hosts in each, GPUs in each. One host of eight is `[1, 1, 8]`. `[1, 1, 1]` without GPUs.
    pub fn cuda_groups(&self) -> [usize; 3] {
        match (self.kind(), &self.shape[..]) {
            (DeviceKind::Cuda, &[hosts, gpus]) => [hosts, 1, gpus],
            _ => [1, 1, 1],
        }
    }

    /// As the options of a command: `tpu:v3:32x32 --slices 4`.
    pub fn with_slices(&self) -> String {
        Nearest { topology: self.to_string(), slices: self.slices }.to_string()
    }
}

/// The text that [`Topology::parse`] reads, without the slices.
impl std::fmt::Display for Topology {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind() {
            DeviceKind::Cpu => write!(f, "cpu:{}", self.devices()),
            DeviceKind::Cuda => f.write_str(&name("gpu", self.chip.name, &self.shape)),
            DeviceKind::Tpu => f.write_str(&name("tpu", self.chip.name, &self.shape)),
        }
    }
}

/// No machine has so many devices that this saturates.
fn integer(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
