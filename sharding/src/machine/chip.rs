//! What one device of each chip can do. Sources, number by number: `docs/topologies.md`.

use std::borrow::Cow;

use graph::DType;
use xla_sys::locate::DeviceKind;

/// A chip, described by what one *device as XLA sees it* has: half a chip on TPU v2, v3 and 7x, whose two cores are
/// two devices; a whole chip everywhere else (on v4 and v5p both cores are one device, a megacore).
#[derive(Debug, Clone, PartialEq)]
pub struct Chip {
    /// The name in a topology, such as `v3` or `h100`; of a chip that a file describes, the file.
    pub name: Cow<'static, str>,
    /// Whose plugin compiles for it.
    pub kind: DeviceKind,
    /// Devices on one chip.
    pub devices_per_chip: usize,
    /// Memory that a program may use, bytes.
    pub memory_bytes: u64,
    /// Peak of dense matmuls of bfloat16, in floating-point operations per second (a multiply and an add are two).
    pub bf16_flops: f64,
    /// As above for float32, in XLA's highest precision.
    pub f32_flops: f64,
    /// The clock that a compiler's cycles are counted in, Hz.
    pub clock_hz: f64,
    /// Bytes per second between the device and its memory.
    pub memory_bytes_per_second: f64,
    /// The fast links: between the chips of a slice, or the GPUs of a host.
    pub interconnect: Interconnect,
    /// Hosts at most whose GPUs fast links join as those of one host: 18 in a rack of GB200 NVL72, 1 elsewhere.
    pub linked_hosts: usize,
    /// One device's share of the network between slices (TPU) or hosts (GPU), one way, bytes per second.
    pub network_bytes_per_second: f64,
    /// Seconds until the first byte of a transfer over that network arrives. An assumption.
    pub network_latency: f64,
}

/// How the devices of a slice, or of a host, are joined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interconnect {
    /// Links between neighbouring chips in a grid, closed to a ring where [`Topology::wrap`](super::Topology::wrap)
    /// says so.
    Torus {
        /// Dimensions of the grid, with two links of a chip in each.
        dimensions: usize,
        /// Bytes per second over one link, one way.
        link_bytes_per_second: f64,
        /// Seconds a hop takes before the first byte.
        hop_latency: f64,
    },
    /// A switch: every device reaches every other at its full rate.
    Switch {
        /// Bytes per second out of one device, one way.
        bytes_per_second: f64,
        /// Seconds a step of a collective operation takes before the first byte.
        latency: f64,
    },
}

/// Reported by libtpu 0.0.52 for the largest pod as `device_memory_bytes_limit`; smaller slices have a little more.
const TPU_MEMORY: [u64; 7] = [
    8_033_665_024,
    16_622_026_752,
    33_012_318_208,
    16_909_205_504,
    102_782_074_880,
    33_545_912_320,
    101_715_017_728,
];

/// Of a GPU's memory, what is left to programs beside CUDA's own context, NCCL's buffers and fragmentation. An
/// assumption.
pub const GPU_MEMORY_FRACTION: f64 = 0.9;

/// Seconds before the first byte, all assumed but the hop's (1 µs in "How to Scale Your Model").
const ICI_HOP: f64 = 1e-6;
const NVLINK_STEP: f64 = 3e-6;
const PCIE_STEP: f64 = 10e-6;
/// Bytes per second that a card sends over x16 of PCIe.
pub(super) const PCIE_4: f64 = 32e9;
const PCIE_5: f64 = 64e9;
/// A card's share of the network between hosts where nothing else is known, bytes per second.
pub(super) const CARD_NETWORK: f64 = 12.5e9;
const INFINIBAND_STEP: f64 = 8e-6;
const DATA_CENTER_STEP: f64 = 30e-6;

impl Chip {
    /// Every chip but those that files describe, and the virtual devices of a processor, whose numbers depend on how
    /// many there are.
    pub const ALL: [Chip; 19] = [
        // TPU v2 and v3: Jouppi et al. 2020 and Cloud TPU's pages, per chip, halved. Links: v2 496 Gbit/s (Jouppi
        // 2020); v3 70 GB/s (Jouppi 2023, table 4). Network: assumed, 100 Gbit/s for a host of four chips.
        tpu("v2", 2, TPU_MEMORY[0], 46e12, 700e6, 700e9, 2, 62e9, 25e9 / 8.0),
        tpu("v3", 2, TPU_MEMORY[1], 123e12, 940e6, 900e9, 2, 70e9, 25e9 / 8.0),
        // v4: Cloud TPU v4; 1.1 PB/s of all-reduce in a pod are 45 GB/s per link (the paper says 50). Network: 200
        // Gbit/s for a host of four chips ("How to Scale Your Model").
        tpu("v4", 1, TPU_MEMORY[2], 275e12, 1050e6, 1200e9, 3, 45e9, 50e9 / 8.0),
        // v5e, v5p, v6e, 7x: their Cloud TPU pages. "Bidirectional ICI per chip" counts both ways of all links.
        // Clocks of v5e, v6e and 7x: the peak over the multiply-adds a cycle does in libtpu's estimates.
        tpu("v5e", 1, TPU_MEMORY[3], 197e12, 1500e6, 819e9, 2, 50e9, 25e9 / 8.0),
        tpu("v5p", 1, TPU_MEMORY[4], 459e12, 1750e6, 2765e9, 3, 100e9, 50e9 / 8.0),
        tpu("v6e", 1, TPU_MEMORY[5], 918e12, 1750e6, 1638e9, 2, 100e9, 100e9 / 8.0),
        tpu("7x", 2, TPU_MEMORY[6], 2307e12, 2200e6, 7380e9, 3, 100e9, 100e9 / 8.0),
        // SXM modules: NVIDIA's data sheets, without sparsity; memory and clock as XLA describes them. Network: DGX,
        // one adapter for each GPU, of 200 (A100) and 400 Gbit/s.
        module("a100", 42_331_013_120, 312e12, 19.5e12, 1410e6, 1555e9, 300e9, 25e9),
        module("a100-80g", 85_100_068_864, 312e12, 19.5e12, 1410e6, 2039e9, 300e9, 25e9),
        module("h100", 84_942_979_072, 989.4e12, 66.9e12, 1980e6, 3352e9, 450e9, 50e9),
        module("h200", 151_397_597_184, 989.4e12, 66.9e12, 1980e6, 4800e9, 450e9, 50e9),
        // Blackwell: NVIDIA's data sheets of DGX B200 and GB200 NVL72, for one of their GPUs, without sparsity.
        module("b200", 180_000_000_000, 2250e12, 75e12, 1965e6, 8000e9, 900e9, 50e9),
        // NVLink joins 18 hosts.
        gpu("gb200", 186_000_000_000, 2500e12, 80e12, 2062e6, 8000e9, (900e9, NVLINK_STEP), 18, 50e9),
        // Cards on PCIe, of which two reach each other at the bus's rate: x16 of generation 4 or 5. bfloat16 with sums
        // in float32, without sparsity. Network: assumed, 100 Gbit/s for each.
        card("l4", 24_000_000_000, 121e12, 30.3e12, 2040e6, 300e9, PCIE_4),
        card("l40s", 48_000_000_000, 362.05e12, 91.6e12, 2520e6, 864e9, PCIE_4),
        card("rtx-4090", 24_000_000_000, 165.2e12, 82.6e12, 2520e6, 1008e9, PCIE_4),
        card("rtx-5090", 32_000_000_000, 209.5e12, 104.8e12, 2407e6, 1792e9, PCIE_5),
        card("rtx-6000-ada", 48_000_000_000, 364.2e12, 91.1e12, 2505e6, 960e9, PCIE_4),
        card("rtx-pro-6000", 96_000_000_000, 503.8e12, 125e12, 2617e6, 1792e9, PCIE_5),
    ];

    /// The chip of this name.
    pub fn find(name: &str) -> Option<Chip> {
        Chip::ALL.into_iter().find(|chip| chip.name == name)
    }

    /// The chip of a device that a plugin calls `kind`, such as `TPU v5 lite` or `NVIDIA H100 80GB HBM3`; `None` for those
    /// that are not in [`Chip::ALL`], such as an H100 on PCIe, and for processors.
    pub fn of_device(kind: &str) -> Option<Chip> {
        let name = match kind {
            "TPU v2" => "v2",
            "TPU v3" => "v3",
            "TPU v4" => "v4",
            "TPU v5 lite" | "TPU v5e" => "v5e",
            "TPU v5" | "TPU v5p" => "v5p",
            "TPU v6 lite" | "TPU v6e" => "v6e",
            "TPU7x" => "7x",
            "NVIDIA A100-SXM4-40GB" => "a100",
            "NVIDIA A100-SXM4-80GB" => "a100-80g",
            "NVIDIA H100 80GB HBM3" => "h100",
            "NVIDIA H200" => "h200",
            "NVIDIA B200" => "b200",
            "NVIDIA GB200" => "gb200",
            "NVIDIA L4" => "l4",
            "NVIDIA L40S" => "l40s",
            "NVIDIA GeForce RTX 4090" => "rtx-4090",
            "NVIDIA GeForce RTX 5090" => "rtx-5090",
            "NVIDIA RTX 6000 Ada Generation" => "rtx-6000-ada",
            "NVIDIA RTX PRO 6000 Blackwell Workstation Edition"
            | "NVIDIA RTX PRO 6000 Blackwell Server Edition" => "rtx-pro-6000",
            _ => return None,
        };
        Chip::find(name)
    }

    /// One of `devices` virtual devices of a processor. Together they are a laptop of two cores and 16 GiB: 220 GFLOP/s
    /// of float32 matmuls were measured on two cores, bfloat16 is slower there; the other numbers are assumptions.
    /// [`Topology::with_memory_bytes`](super::Topology::with_memory_bytes) sets the memory to what there is.
    pub fn cpu(devices: usize) -> Chip {
        let share = devices.max(1);
        let part = |whole: f64| whole / share as f64;
        Chip {
            name: Cow::Borrowed("cpu"),
            kind: DeviceKind::Cpu,
            devices_per_chip: 1,
            memory_bytes: (16 << 30) / share as u64,
            bf16_flops: part(60e9),
            f32_flops: part(220e9),
            clock_hz: 2.5e9,
            memory_bytes_per_second: part(20e9),
            interconnect: Interconnect::Switch { bytes_per_second: part(5e9), latency: 20e-6 },
            linked_hosts: 1,
            network_bytes_per_second: part(5e9),
            network_latency: 20e-6,
        }
    }

    /// Peak of dense matmuls, in floating-point operations per second. 16-bit types count as bfloat16, all others as
    /// float32.
    pub fn peak_flops(&self, dtype: DType) -> f64 {
        match dtype {
            DType::BF16 | DType::F16 => self.bf16_flops,
            DType::F32 | DType::F64 => self.f32_flops,
            DType::Pred | DType::U8 | DType::I32 | DType::U32 | DType::I64 => self.f32_flops,
        }
    }

    /// What the simple serial estimate assumes for every collective operation: all fast links of the chip are busy one
    /// way, shared by the chip's devices. On a v3 core these are 4 × 70 / 2 = 140 GB/s.
    pub fn estimator_link_bytes_per_second(&self) -> f64 {
        match self.interconnect {
            Interconnect::Torus { dimensions, link_bytes_per_second, .. } => {
                (2 * dimensions) as f64 * link_bytes_per_second / self.devices_per_chip as f64
            }
            Interconnect::Switch { bytes_per_second, .. } => bytes_per_second,
        }
    }
}

/// A TPU from the numbers of a chip.
#[allow(clippy::too_many_arguments)] // A row of the table.
const fn tpu(
    name: &'static str,
    devices_per_chip: usize,
    memory_bytes: u64,
    chip_flops: f64,
    clock_hz: f64,
    chip_memory_bytes_per_second: f64,
    dimensions: usize,
    link_bytes_per_second: f64,
    chip_network_bytes_per_second: f64,
) -> Chip {
    let share = devices_per_chip as f64;
    Chip {
        name: Cow::Borrowed(name),
        kind: DeviceKind::Tpu,
        devices_per_chip,
        memory_bytes,
        bf16_flops: chip_flops / share,
        // A float32 matmul takes six of bfloat16 (docs/topologies.md).
        f32_flops: chip_flops / 6.0 / share,
        clock_hz,
        memory_bytes_per_second: chip_memory_bytes_per_second / share,
        interconnect: Interconnect::Torus { dimensions, link_bytes_per_second, hop_latency: ICI_HOP },
        linked_hosts: 1,
        network_bytes_per_second: chip_network_bytes_per_second / share,
        network_latency: DATA_CENTER_STEP,
    }
}

/// A GPU from the numbers of its data sheet; `link` is what it sends to another one of its host, and the latency.
#[allow(clippy::too_many_arguments)] // A row of the table.
const fn gpu(
    name: &'static str,
    device_memory: u64,
    bf16_flops: f64,
    f32_flops: f64,
    clock_hz: f64,
    memory_bytes_per_second: f64,
    link: (f64, f64),
    linked_hosts: usize,
    network_bytes_per_second: f64,
) -> Chip {
    let (bytes_per_second, latency) = link;
    Chip {
        name: Cow::Borrowed(name),
        kind: DeviceKind::Cuda,
        devices_per_chip: 1,
        memory_bytes: (device_memory as f64 * GPU_MEMORY_FRACTION) as u64,
        bf16_flops,
        f32_flops,
        clock_hz,
        memory_bytes_per_second,
        interconnect: Interconnect::Switch { bytes_per_second, latency },
        linked_hosts,
        network_bytes_per_second,
        network_latency: INFINIBAND_STEP,
    }
}

/// A GPU with NVLink to the others of its host.
#[allow(clippy::too_many_arguments)] // A row of the table.
const fn module(
    name: &'static str,
    device_memory: u64,
    bf16_flops: f64,
    f32_flops: f64,
    clock_hz: f64,
    memory_bytes_per_second: f64,
    nvlink: f64,
    network: f64,
) -> Chip {
    let (memory, rate, link) = (device_memory, memory_bytes_per_second, (nvlink, NVLINK_STEP));
    gpu(name, memory, bf16_flops, f32_flops, clock_hz, rate, link, 1, network)
}

/// A GPU without NVLink.
pub(super) const fn card(
    name: &'static str,
    device_memory: u64,
    bf16_flops: f64,
    f32_flops: f64,
    clock_hz: f64,
    memory_bytes_per_second: f64,
    bus: f64,
) -> Chip {
    let (memory, rate, link) = (device_memory, memory_bytes_per_second, (bus, PCIE_STEP));
    gpu(name, memory, bf16_flops, f32_flops, clock_hz, rate, link, 1, CARD_NETWORK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_recognised_by_the_names_that_plugins_give_them() {
        let name = |kind: &str| Chip::of_device(kind).map(|chip| chip.name);
        assert_eq!(name("TPU v5 lite").as_deref(), Some("v5e"));
        assert_eq!(name("NVIDIA H100 80GB HBM3").as_deref(), Some("h100"));
        assert_eq!(name("NVIDIA GeForce RTX 4090").as_deref(), Some("rtx-4090"));
        for other in ["cpu", "NVIDIA H100 PCIe", "NVIDIA GeForce RTX 4080", "TPU v4 lite", ""] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
