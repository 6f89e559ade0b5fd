//! How fast the devices of a machine are at what.

use graph::{Mesh, MeshAxis};
use serde::{Deserialize, Serialize};
use xla_sys::locate::DeviceKind;

use super::work::WorkKind;
use crate::machine::{AxisLinks, Chip, Lowered, Topology, TopologyError};

/// How much of its peaks a chip reaches, and how its compiler stores arrays. The TPUs' `matmuls` and `bytes` are fitted to the
/// compiler's cycles for verified plans, those held out excepted (`bench/plans.py`; `docs/plans.md` has the errors); a
/// generation without any has those of the one before. `bytes` is as low as it is since it stands for more than bandwidth:
/// compilers also move arrays from one layout to another. The CUDA compiler estimates no times: what A100s and H100s reach in matmuls
/// is fitted to the published runs that are not held out (`docs/published.md`, collectives beside the rest). Other rates of GPUs,
/// and the CPU's, are guesses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Part of the chip's peak that large matmuls reach.
    pub matmuls: f64,
    /// Part of the peak of bytes between device and memory that memory-bound ops reach.
    pub bytes: f64,
    /// Elementary operations on elements per second, as a part of the peak of matmuls.
    pub operations: f64,
    /// Rows, columns and sum lengths of matmuls are done in multiples of this.
    pub matmul_tile: usize,
    /// Multiples that the last two dimensions of arrays of 32-bit elements are stored in.
    pub array_tile: [usize; 2],
    /// Whether the compiler converts what loops read as a narrower type before them, and keeps both.
    pub narrows: bool,
    /// Whether the compiler stores what matmuls read, unless that is but converted.
    pub stores_operands: bool,
    /// Bytes of temporaries for each that [`super::Estimate`] counts.
    pub temporaries: f64,
    /// Bytes that every program takes besides.
    pub fixed_bytes: u64,
}

impl Calibration {
    /// The calibration of a chip.
    pub fn of(chip: &Chip) -> Calibration {
        Self::named(chip.kind, &chip.name)
    }

    /// The calibration of a chip of which only the kind is known.
    pub fn of_kind(kind: DeviceKind) -> Calibration {
        Self::named(kind, "")
    }

    fn named(kind: DeviceKind, name: &str) -> Calibration {
        let tpu = Calibration {
            matmuls: 0.9,
            bytes: 0.55,
            operations: 1.0 / 16.0,
            matmul_tile: 128,
            array_tile: [8, 128],
            narrows: true,
            stores_operands: false,
            temporaries: 1.0,
            fixed_bytes: 0,
        };
        match kind {
            DeviceKind::Cpu => Calibration {
                matmul_tile: 8,
                array_tile: [1, 1],
                bytes: 0.85,
                operations: 0.2,
                narrows: false,
                ..tpu
            },
            DeviceKind::Cuda => Calibration {
                matmuls: match name {
                    "h100" | "h200" => 0.52,
                    _ => 0.65,
                },
                bytes: 0.85,
                matmul_tile: 64,
                array_tile: [1, 1],
                operations: 1.0 / 30.0,
                narrows: false,
                stores_operands: true,
                ..tpu
            },
            DeviceKind::Tpu => match name {
                "v2" | "v3" => Calibration { matmuls: 0.95, bytes: 0.62, ..tpu },
                "v5e" | "v6e" => Calibration { bytes: 0.5, ..tpu },
                // v4, v5p, 7x; and a generation that is not calibrated yet.
                _ => tpu,
            },
        }
    }
}

/// A machine with a mesh laid over it.
#[derive(Clone, Debug)]
pub struct Rates<'a> {
    /// The machine.
    pub topology: &'a Topology,
    /// The devices' calibration.
    pub calibration: Calibration,
}

impl<'a> Rates<'a> {
    /// The rates of a machine.
    pub fn of(topology: &'a Topology) -> Self {
        Self { topology, calibration: Calibration::of(topology.chip()) }
    }

    /// Seconds of a matmul.
    pub(super) fn matmul(&self, kind: &WorkKind) -> f64 {
        let WorkKind::Matmul { batch, m, n, k, dtype, bytes, operations } = *kind else { return 0.0 };
        let tiled = |size: usize| size.next_multiple_of(self.calibration.matmul_tile) as f64;
        // Rows stream through the unit: they may be few.
        let rows = m.next_multiple_of(8) as f64;
        let flops = 2.0 * batch as f64 * rows * tiled(n) * tiled(k);
        let multiply = flops / (self.topology.chip().peak_flops(dtype) * self.calibration.matmuls);
        multiply.max(self.memory_bound(bytes as f64, operations))
    }

    /// Seconds of a memory-bound op that reads and writes `bytes` of memory, and does elementary `operations` on elements meanwhile.
    pub fn memory_bound(&self, bytes: f64, operations: f64) -> f64 {
        let chip = self.topology.chip();
        let moving = bytes / (chip.memory_bytes_per_second * self.calibration.bytes);
        let peak = chip.bf16_flops.max(chip.f32_flops);
        moving.max(operations / (peak * self.calibration.operations))
    }

    /// The links of a collective along axes of a mesh.
    ///
    /// # Errors
    /// [`TopologyError::Mesh`] if the mesh has another number of devices than the machine.
    pub(super) fn links(&self, mesh: &Mesh, axes: &[MeshAxis]) -> Result<AxisLinks, TopologyError> {
        let sizes: Vec<usize> = mesh.axes.iter().map(|axis| axis.size).collect();
        let index = |axis: &MeshAxis| mesh.axes.iter().position(|other| other.name == axis.name);
        let axes: Vec<usize> = axes.iter().filter_map(index).collect();
        self.topology.group_links(&sizes, &axes)
    }

    /// Seconds by the estimate that compiled programs get too: ring bytes over [`Chip`](crate::machine::Chip)'s assumed
    /// rate, whatever the axis; nothing for what crosses slices or hosts.
    pub(super) fn estimator(&self, lowered: &Lowered) -> f64 {
        if lowered.crosses { 0.0 } else { self.topology.estimator_seconds(lowered.ring_bytes()) }
    }
}
