//! What a split program takes on each device: memory at its peak, and seconds.
//!
//! The program that is priced is the one that would be compiled, op by op, with its collectives: nothing is estimated
//! from the shape of the model. What is a model is how a compiler stores and fuses (`lowering.rs`, `buffers.rs`) and how
//! fast a device is at what ([`Rates`]); both are compared with compilers' results in `docs/plans.md`.

mod buffers;
mod lowering;
mod memory;
mod narrowed;
mod rates;
mod work;

use std::collections::BTreeMap;

use graph::{DType, Partitioned, TensorType};
use serde::{Deserialize, Serialize};

use crate::machine::{AxisLinks, Collective, Habit, Lowered, TopologyError};
pub use rates::{Calibration, Rates};
pub use work::{Work, WorkKind};

/// Memory of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryItem {
    /// What it is: `parameters`, `optimizer`, or where in the program it is made.
    pub name: String,
    /// Bytes on each device.
    pub bytes: u64,
}

/// The scope in which models compute attention's scores, and apply them to values.
pub const SCORES: &str = "scores";

/// Time of one kind at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeItem {
    /// Where in the program.
    pub scope: String,
    /// `product` (a matmul), `pass` (a memory-bound op), or the name of a collective with its axes.
    pub kind: String,
    /// Times in a step.
    pub times: u64,
    /// Bytes in a step: moved over links, for collectives; read and written, for everything else.
    pub bytes: f64,
    /// Floating-point operations in a step, of matmuls.
    #[serde(default)]
    pub flops: f64,
    /// Seconds in a step.
    pub seconds: f64,
}

/// The price of a split program: memory and time on each device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What is in memory at the peak, the largest first.
    pub memory: Vec<MemoryItem>,
    /// Where the time goes, the longest first.
    pub time: Vec<TimeItem>,
    /// Seconds of matmuls.
    #[serde(rename = "product_seconds")]
    pub matmul_seconds: f64,
    /// Floating-point operations of matmuls.
    #[serde(rename = "product_flops")]
    pub matmul_flops: f64,
    /// Seconds of everything else a device does by itself: memory-bound ops.
    #[serde(rename = "pass_seconds")]
    pub memory_bound_seconds: f64,
    /// Seconds of collectives, on the links they go over.
    pub collective_seconds: f64,
    /// Seconds of collectives at the one rate that estimates of compiled programs assume.
    pub estimator_collective_seconds: f64,
    /// Seconds of a step, nothing overlapping.
    pub step_seconds: f64,
    /// Number and ring bytes of the collectives of a step, as the compiler makes them, by kind and group size.
    #[serde(default)]
    pub collectives: BTreeMap<String, CollectiveTotal>,
}

/// Collectives of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CollectiveTotal {
    /// How many run in a step.
    pub count: u64,
    /// Bytes each device sends in a step, on rings.
    pub ring_bytes: f64,
}

/// What collectives of a kind and group size are called in reports, such as `all-gather x 4 between slices`.
fn name(lowered: &Lowered) -> String {
    collective_name(lowered.collective, lowered.group, lowered.crosses)
}

/// What collectives of a kind and group size are called in reports.
pub fn collective_name(collective: Collective, group: usize, crosses: bool) -> String {
    let crosses = if crosses { " between slices" } else { "" };
    // Permutations are counted by pairs.
    let group = if collective == Collective::Permute { 2 } else { group };
    format!("{collective} x {group}{crosses}")
}

impl Estimate {
    /// Prices the program each device runs.
    ///
    /// # Errors
    /// [`TopologyError::Mesh`] if the program's mesh has another number of devices than the machine.
    pub fn of(program: &Partitioned, rates: &Rates<'_>) -> Result<Estimate, TopologyError> {
        let calibration = &rates.calibration;
        let size = |ty: &TensorType| stored_bytes(ty, calibration.array_tile);
        let memory = memory_at_peak(program, calibration);
        let mut items: BTreeMap<(String, String), TimeItem> = BTreeMap::new();
        let mut estimate = Estimate { memory, ..Estimate::default() };
        for work in work::work(&program.function, &size) {
            let times = work.times as f64;
            let (kind, bytes, seconds) = match &work.kind {
                WorkKind::Matmul { bytes, .. } => {
                    let seconds = rates.matmul(&work.kind) * times;
                    estimate.matmul_seconds += seconds;
                    estimate.matmul_flops += work.kind.flops() * times;
                    ("product".to_owned(), *bytes as f64 * times, seconds)
                }
                WorkKind::MemoryBound { bytes, operations } => {
                    let seconds = rates.memory_bound(*bytes as f64, *operations) * times;
                    estimate.memory_bound_seconds += seconds;
                    ("pass".to_owned(), *bytes as f64 * times, seconds)
                }
                WorkKind::Collective { collective, bytes, axes, is_narrow } => {
                    let links = rates.links(&program.mesh, axes)?;
                    // A sum of which each device takes its part.
                    let is_whole = *is_narrow && matches!(links.habit, Habit::Levels { .. });
                    let links = match is_whole {
                        true => AxisLinks { habit: Habit::Levels { sums_whole: true }, ..links },
                        false => links,
                    };
                    let mut sent = 0.0;
                    for lowered in links.lowered(*collective, *bytes as f64) {
                        sent += lowered.ring_bytes() * times;
                        estimate.estimator_collective_seconds += rates.estimator(&lowered) * times;
                        let total = estimate.collectives.entry(name(&lowered)).or_default();
                        total.count += work.times;
                        total.ring_bytes += lowered.ring_bytes() * times;
                    }
                    let seconds = links.seconds(*collective, *bytes as f64) * times;
                    estimate.collective_seconds += seconds;
                    let axes: Vec<_> = axes.iter().map(|axis| axis.name.as_str()).collect();
                    (format!("{collective} over {}", axes.join(" and ")), sent, seconds)
                }
            };
            let key = (work.scope.clone(), kind.clone());
            let item = items.entry(key).or_insert_with(|| TimeItem {
                scope: work.scope.clone(),
                kind,
                times: 0,
                bytes: 0.0,
                flops: 0.0,
                seconds: 0.0,
            });
            item.times += work.times;
            item.bytes += bytes;
            item.flops += work.kind.flops() * times;
            item.seconds += seconds;
        }
        estimate.time = items.into_values().collect();
        estimate.time.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        estimate.step_seconds =
            estimate.matmul_seconds + estimate.memory_bound_seconds + estimate.collective_seconds;
        Ok(estimate)
    }

    /// The same step with attention fused: its scores never leave the chip, so that their matmuls take what their operations do at
    /// the rate of large matmuls, and everything else that is done with them nothing. No program of ours is like that;
    /// those of others are, and this is what they are compared by.
    pub fn with_fused_attention(&self, rates: &Rates<'_>) -> Estimate {
        let per_second = rates.topology.chip().peak_flops(DType::BF16) * rates.calibration.matmuls;
        let mut fused = self.clone();
        for item in fused.time.iter_mut().filter(|item| item.scope.split('/').any(|part| part == SCORES)) {
            let (total, seconds) = match &*item.kind {
                "product" => (&mut fused.matmul_seconds, item.flops / per_second),
                "pass" => (&mut fused.memory_bound_seconds, 0.0),
                _ => continue,
            };
            *total += seconds - item.seconds;
            item.seconds = seconds;
        }
        fused.step_seconds = fused.matmul_seconds + fused.memory_bound_seconds + fused.collective_seconds;
        fused
    }

    /// Bytes in use on each device when most are.
    pub fn peak_bytes(&self) -> u64 {
        self.memory.iter().map(|item| item.bytes).sum()
    }

    /// Seconds of a step if collectives ran entirely beside everything else.
    pub fn overlapped_seconds(&self) -> f64 {
        (self.matmul_seconds + self.memory_bound_seconds).max(self.collective_seconds)
    }

    /// Seconds of a step with collectives as the estimate for compiled programs prices them.
    pub fn estimator_seconds(&self) -> f64 {
        self.matmul_seconds + self.memory_bound_seconds + self.estimator_collective_seconds
    }
}

/// What is in memory on each device when most is, the largest first, for devices of this calibration.
pub fn memory_at_peak(program: &Partitioned, calibration: &Calibration) -> Vec<MemoryItem> {
    let size = |ty: &TensorType| stored_bytes(ty, calibration.array_tile);
    let habits =
        memory::Habits { narrows: calibration.narrows, stores_operands: calibration.stores_operands };
    let peak = memory::peak(&program.function, &size, habits);
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for held in &peak.held {
        let name = kind_of(&held.name, held.is_param);
        let factor = if held.is_param { 1.0 } else { calibration.temporaries };
        *kinds.entry(name).or_default() += (held.bytes as f64 * factor) as u64;
    }
    if calibration.fixed_bytes > 0 {
        kinds.insert("reserved by the compiler".to_owned(), calibration.fixed_bytes);
    }
    let mut memory: Vec<MemoryItem> =
        kinds.into_iter().map(|(name, bytes)| MemoryItem { name, bytes }).collect();
    memory.sort_by_key(|item| std::cmp::Reverse(item.bytes));
    memory
}

/// Bytes of an array whose two innermost dimensions are stored in multiples of a tile. The compiler chooses which these
/// are; it is taken to choose well.
fn stored_bytes(ty: &TensorType, tile: [usize; 2]) -> u64 {
    let plain = ty.bytes() as u64;
    let rank = ty.rank();
    if tile == [1, 1] || rank == 0 {
        return plain;
    }
    // Narrow elements share a row's registers.
    let rows = tile[0] * 4 / ty.dtype.size().clamp(1, 4);
    let padded = |size: usize, multiple: usize| size.next_multiple_of(multiple) as f64 / size.max(1) as f64;
    let mut best = f64::INFINITY;
    for lane in 0..rank {
        for row in (0..rank).filter(|&row| row != lane || rank == 1) {
            let row_factor = if rank == 1 { 1.0 } else { padded(ty.shape[row], rows) };
            best = best.min(padded(ty.shape[lane], tile[1]) * row_factor);
        }
    }
    (plain as f64 * best) as u64
}

/// A heading for something in memory.
fn kind_of(name: &str, is_param: bool) -> String {
    if is_param {
        let kind = name.split('/').next().unwrap_or(name);
        return if kind == "adam" { "optimizer".to_owned() } else { kind.to_owned() };
    }
    name.to_owned()
}
