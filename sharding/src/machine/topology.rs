//! A machine.

use xla_sys::locate::DeviceKind;

use super::limits::usual_gpus_per_host;
use super::sizes::Sizes;
use super::{Chip, Interconnect, Nearest};

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

    /// Every TPU slice that exists, smallest first, as one slice; and hosts of GPUs, one of each kind.
    pub fn all() -> Vec<Topology> {
        let of_chip = |chip: Chip| {
            let shapes = match Sizes::of(&chip.name) {
                Some(sizes) => sizes.all(),
                None => usual_gpus_per_host(&chip.name).iter().map(|&gpus| vec![1, gpus]).collect(),
            };
            shapes.into_iter().map(move |shape| Topology::new(chip.clone(), shape, 1))
        };
        Chip::ALL.into_iter().flat_map(of_chip).collect()
    }

    /// The same machine with another amount of memory for programs on each device, bytes: what a processor really has,
    /// or less than all of a chip's.
    pub fn with_memory_bytes(mut self, bytes: u64) -> Topology {
        self.chip.memory_bytes = bytes;
        self
    }

    /// The same machine with links of `factor` times the bandwidth, those of the network included.
    pub fn with_bandwidth(mut self, factor: f64) -> Topology {
        match &mut self.chip.interconnect {
            Interconnect::Torus { link_bytes_per_second, .. } => *link_bytes_per_second *= factor,
            Interconnect::Switch { bytes_per_second, .. } => *bytes_per_second *= factor,
        }
        self.chip.network_bytes_per_second *= factor;
        self
    }

    /// The same machine with so many seconds before the first byte of a transfer between slices or hosts.
    pub fn with_network_latency(mut self, seconds: f64) -> Topology {
        self.chip.network_latency = seconds;
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

    /// Devices joined by fast links: those of a slice (TPU), of a host or of hosts in one rack (GPU), or all (CPU).
    pub fn devices_per_island(&self) -> usize {
        match self.kind() {
            DeviceKind::Cuda => self.shape.last().copied().unwrap_or(1) * self.hosts_per_group(),
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

    /// Hosts whose GPUs have fast links between them: as many as there may be that make equal groups.
    fn hosts_per_group(&self) -> usize {
        let hosts = self.hosts();
        (1..=self.chip.linked_hosts).rev().find(|&group| hosts.is_multiple_of(group)).unwrap_or(1)
    }

    /// Which dimensions of a TPU slice are closed to rings. Empty for other machines.
    pub fn wrap(&self) -> Vec<bool> {
        Sizes::of(&self.chip.name).map(|sizes| sizes.wrap(&self.shape)).unwrap_or_default()
    }

    /// Chips of a TPU host, a virtual machine, along x, y and z: four, but all of a slice of one or eight.
    pub fn host_bounds(&self) -> [i64; 3] {
        match (&*self.chip.name, &self.shape[..]) {
            ("v5e" | "v6e", [1, 1]) => [1, 1, 1],
            ("v5e" | "v6e", [2, 4]) => [2, 4, 1],
            _ => [2, 2, 1],
        }
    }

    /// As the CUDA plugin's `topology` counts: groups with NVLink between all their GPUs (XLA calls them slices, and
    /// here each is a host, or those of a rack), hosts in each, GPUs in each. One host of eight is `[1, 1, 8]`. `[1, 1, 1]` without GPUs.
    pub fn cuda_groups(&self) -> [usize; 3] {
        match (self.kind(), &self.shape[..]) {
            (DeviceKind::Cuda, &[hosts, gpus]) => {
                let together = self.hosts_per_group();
                [hosts / together, together, gpus]
            }
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
            DeviceKind::Cuda => f.write_str(&name("gpu", &self.chip.name, &self.shape)),
            DeviceKind::Tpu => f.write_str(&name("tpu", &self.chip.name, &self.shape)),
        }
    }
}

/// The canonical text.
pub(super) fn name(family: &str, chip: &str, shape: &[usize]) -> String {
    let shape: Vec<_> = shape.iter().map(ToString::to_string).collect();
    format!("{family}:{chip}:{}", shape.join("x"))
}
