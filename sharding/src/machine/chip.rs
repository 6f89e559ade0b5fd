//! What one device of each chip can do. Sources, number by number: `docs/topologies.md`.

use graph::DType;
use xla_sys::locate::DeviceKind;

/// A chip, described by what one *device as XLA sees it* has: half a chip on TPU v2, v3 and 7x, whose two cores are
/// two devices; a whole chip everywhere else (on v4 and v5p both cores are one device, a megacore).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chip {
    /// The name in a topology, such as `v3` or `h100`.
    pub name: &'static str,
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
const INFINIBAND_STEP: f64 = 8e-6;
const DATA_CENTER_STEP: f64 = 30e-6;

impl Chip {
    /// Every chip but the virtual devices of a processor, whose numbers depend on how many there are.
    pub const ALL: [Chip; 11] = [
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
        gpu("a100", 42_331_013_120, 312e12, 19.5e12, 1410e6, 1555e9, 300e9, 25e9),
        gpu("a100-80g", 85_100_068_864, 312e12, 19.5e12, 1410e6, 2039e9, 300e9, 25e9),
        gpu("h100", 84_942_979_072, 989.4e12, 66.9e12, 1980e6, 3352e9, 450e9, 50e9),
        gpu("h200", 151_397_597_184, 989.4e12, 66.9e12, 1980e6, 4800e9, 450e9, 50e9),
    ];

    /// The chip of this name.
    pub fn find(name: &str) -> Option<Chip> {
        Chip::ALL.into_iter().find(|chip| chip.name == name)
    }

    /// The chip of a device that a plugin calls `kind`, such as `TPU v5 lite` or `NVIDIA H100 80GB HBM3`; `None` for those
    /// that are not in [`Chip::ALL`], PCIe cards among them, and for processors.
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
            name: "cpu",
            kind: DeviceKind::Cpu,
            devices_per_chip: 1,
            memory_bytes: (16 << 30) / share as u64,
            bf16_flops: part(60e9),
            f32_flops: part(220e9),
            clock_hz: 2.5e9,
            memory_bytes_per_second: part(20e9),
            interconnect: Interconnect::Switch { bytes_per_second: part(5e9), latency: 20e-6 },
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
        name,
        kind: DeviceKind::Tpu,
        devices_per_chip,
        memory_bytes,
        bf16_flops: chip_flops / share,
        // A float32 matmul takes six of bfloat16 (docs/topologies.md).
        f32_flops: chip_flops / 6.0 / share,
        clock_hz,
        memory_bytes_per_second: chip_memory_bytes_per_second / share,
        interconnect: Interconnect::Torus { dimensions, link_bytes_per_second, hop_latency: ICI_HOP },
        network_bytes_per_second: chip_network_bytes_per_second / share,
        network_latency: DATA_CENTER_STEP,
    }
}

/// A GPU from the numbers of its data sheet.
#[allow(clippy::too_many_arguments)] // A row of the table.
const fn gpu(
    name: &'static str,
    device_memory: u64,
    bf16_flops: f64,
    f32_flops: f64,
    clock_hz: f64,
    memory_bytes_per_second: f64,
    nvlink_bytes_per_second: f64,
    network_bytes_per_second: f64,
) -> Chip {
    Chip {
        name,
        kind: DeviceKind::Cuda,
        devices_per_chip: 1,
        memory_bytes: (device_memory as f64 * GPU_MEMORY_FRACTION) as u64,
        bf16_flops,
        f32_flops,
        clock_hz,
        memory_bytes_per_second,
        interconnect: Interconnect::Switch {
            bytes_per_second: nvlink_bytes_per_second,
            latency: NVLINK_STEP,
        },
        network_bytes_per_second,
        network_latency: INFINIBAND_STEP,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_recognised_by_the_names_that_plugins_give_them() {
        let name = |kind: &str| Chip::of_device(kind).map(|chip| chip.name);
        assert_eq!(name("TPU v5 lite"), Some("v5e"));
        assert_eq!(name("NVIDIA H100 80GB HBM3"), Some("h100"));
        for other in ["cpu", "NVIDIA H100 PCIe", "NVIDIA GeForce RTX 4090", "TPU v4 lite", ""] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
