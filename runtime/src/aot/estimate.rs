//! From cycles and bytes to seconds.

use serde::{Deserialize, Serialize};

use super::Cost;

/// The rates of a device, for [`Cost::estimate`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// The clock that the compiler's cycles are counted in, Hz.
    pub clock: f64,
    /// Bytes per second that a device sends to its neighbours in a ring, all links of one ring together.
    pub link: f64,
    /// As above between slices; `None` counts those transfers as free.
    pub between_slices: Option<f64>,
    /// Floating-point operations per second of matmuls, where the compiler estimates no cycles.
    pub matmul_flops: Option<f64>,
}

/// The estimated time of one execution of a program, to compare plans with, on these assumptions: cycles are the
/// compiler's, with each operation alone on the device; collective operations are limited by bandwidth alone, on rings
/// ([`CollectiveUse::ring_bytes`](super::CollectiveUse::ring_bytes)); starting them and waiting for others is free.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepEstimate {
    /// Seconds of computation.
    pub compute: f64,
    /// The part of it in fusions with a matmul.
    pub matrix: f64,
    /// Seconds of collective operations.
    pub collectives: f64,
    /// Both, one after the other: what a program takes that hides nothing.
    pub serial: f64,
    /// The longer of the two: what a program takes that hides everything.
    pub overlapped: f64,
}

impl Cost {
    /// How long one execution takes at these rates.
    pub fn estimate(&self, rates: &Rates) -> StepEstimate {
        let matmuls = rates.matmul_flops.map_or(0.0, |rate| self.matmul_flops / rate);
        let (compute, matrix) = if self.cycles.is_empty() {
            (matmuls, matmuls)
        } else {
            (self.total_cycles() / rates.clock, self.matrix_cycles() / rates.clock)
        };
        let seconds = self.collectives.iter().map(|each| {
            let rate = if each.crosses_slices { rates.between_slices } else { Some(rates.link) };
            rate.map_or(0.0, |rate| each.ring_bytes() / rate)
        });
        let collectives = seconds.sum();
        StepEstimate {
            compute,
            matrix,
            collectives,
            serial: compute + collectives,
            overlapped: f64::max(compute, collectives),
        }
    }
}
