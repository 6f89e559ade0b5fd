//! What a split program takes on each device: memory at its peak, and seconds.
//!
//! The program that is priced is the one that would be compiled, op by op, with its collectives: nothing is estimated
//! from the shape of the model. What is a model is how a compiler stores and fuses ([`buffers`]) and how fast a device
//! is at what ([`Rates`]); both are compared with compilers' results in `docs/plans.md`.

mod buffers;
mod memory;
mod work;

use std::collections::BTreeMap;

use graph::{Partitioned, TensorType};
use serde::{Deserialize, Serialize};

pub use work::{Collective, Work, WorkKind};

/// How fast a device is, and how its compiler lays out arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    /// Floating-point operations per second in products of 16-bit floats, at most.
    pub flops_per_second: f64,
    /// The same for products of 32-bit floats.
    pub flops_per_second_f32: f64,
    /// The part of that rate a large product reaches.
    pub product_efficiency: f64,
    /// Rows, columns and sum lengths of a product are done in multiples of this.
    pub product_tile: usize,
    /// Bytes per second between the device and its memory, as far as programs reach it.
    pub bytes_per_second: f64,
    /// Elementary operations on elements per second.
    pub operations_per_second: f64,
    /// Multiples that the last two dimensions of arrays are stored in, for 32-bit elements; 1 and 1 for none.
    pub tile: [usize; 2],
    /// Bytes the compiler's temporaries take beyond what [`memory`] counts, as a factor of these.
    pub temporaries_factor: f64,
    /// Bytes per second that collectives move, one at a time, over the links of a device.
    pub link_bytes_per_second: f64,
    /// Seconds a collective takes to start.
    pub collective_seconds: f64,
}

/// Memory of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryItem {
    /// What it is: `parameters`, `optimizer`, or where in the program it is made.
    pub name: String,
    /// Bytes on each device.
    pub bytes: u64,
}

/// Time of one kind at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeItem {
    /// Where in the program.
    pub scope: String,
    /// `product`, `pass`, or the name of a collective with its axes.
    pub kind: String,
    /// Times in a step.
    pub times: u64,
    /// Bytes in a step: moved over links, for collectives; read and written, for everything else.
    pub bytes: f64,
    /// Seconds in a step.
    pub seconds: f64,
}

/// What a split program takes on each device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What is in memory at the peak, the largest first.
    pub memory: Vec<MemoryItem>,
    /// Where the time goes, the longest first.
    pub time: Vec<TimeItem>,
    /// Seconds of products.
    pub product_seconds: f64,
    /// Seconds of everything else a device does by itself.
    pub pass_seconds: f64,
    /// Seconds of collectives.
    pub collective_seconds: f64,
    /// Seconds of a step, nothing overlapping.
    pub step_seconds: f64,
}

impl Estimate {
    /// Prices the program each device runs.
    pub fn of(program: &Partitioned, rates: &Rates) -> Estimate {
        let size = |ty: &TensorType| stored_bytes(ty, rates.tile);
        let peak = memory::peak(&program.function, &size);
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        for held in &peak.held {
            let name = kind_of(&held.name, held.is_param);
            let factor = if held.is_param { 1.0 } else { rates.temporaries_factor };
            *kinds.entry(name).or_default() += (held.bytes as f64 * factor) as u64;
        }
        let mut memory: Vec<MemoryItem> =
            kinds.into_iter().map(|(name, bytes)| MemoryItem { name, bytes }).collect();
        memory.sort_by_key(|item| std::cmp::Reverse(item.bytes));

        let mut items: BTreeMap<(String, String), TimeItem> = BTreeMap::new();
        let (mut product_seconds, mut pass_seconds, mut collective_seconds) = (0.0, 0.0, 0.0);
        for work in work::work(&program.function, &size) {
            let times = work.times as f64;
            let (kind, bytes, seconds) = match &work.kind {
                WorkKind::Product { bytes, .. } => {
                    let seconds = rates.product(&work.kind) * times;
                    product_seconds += seconds;
                    ("product".to_owned(), *bytes as f64 * times, seconds)
                }
                WorkKind::Pass { bytes, operations } => {
                    let seconds = rates.pass(*bytes as f64, *operations) * times;
                    pass_seconds += seconds;
                    ("pass".to_owned(), *bytes as f64 * times, seconds)
                }
                WorkKind::Collective { collective, bytes, axes } => {
                    let group: usize = axes.iter().map(|axis| axis.size).product();
                    let moved = moved(*collective, *bytes as f64, group);
                    let seconds = (moved / rates.link_bytes_per_second + rates.collective_seconds) * times;
                    collective_seconds += seconds;
                    let axes: Vec<_> = axes.iter().map(|axis| axis.name.as_str()).collect();
                    (format!("{} {}", collective.name(), axes.join("+")), moved * times, seconds)
                }
            };
            let key = (work.scope.clone(), kind.clone());
            let item = items.entry(key).or_insert_with(|| TimeItem {
                scope: work.scope.clone(),
                kind,
                times: 0,
                bytes: 0.0,
                seconds: 0.0,
            });
            item.times += work.times;
            item.bytes += bytes;
            item.seconds += seconds;
        }
        let mut time: Vec<TimeItem> = items.into_values().collect();
        time.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        let step_seconds = product_seconds + pass_seconds + collective_seconds;
        Estimate { memory, time, product_seconds, pass_seconds, collective_seconds, step_seconds }
    }

    /// Bytes in use on each device when most are.
    pub fn peak_bytes(&self) -> u64 {
        self.memory.iter().map(|item| item.bytes).sum()
    }

    /// Seconds of a step if collectives ran entirely beside everything else.
    pub fn overlapped_seconds(&self) -> f64 {
        (self.product_seconds + self.pass_seconds).max(self.collective_seconds)
    }
}

/// Bytes one device sends for a collective on a ring: of a whole of `bytes`, with `group` members.
pub fn moved(collective: Collective, bytes: f64, group: usize) -> f64 {
    let share = (group as f64 - 1.0) / group as f64;
    match collective {
        Collective::AllReduce => 2.0 * share * bytes,
        Collective::AllGather | Collective::ReduceScatter => share * bytes,
        Collective::AllToAll => share * bytes / 4.0,
        Collective::Permute => bytes,
    }
}

impl Rates {
    fn product(&self, kind: &WorkKind) -> f64 {
        let WorkKind::Product { batch, m, n, k, dtype, bytes, operations } = *kind else { return 0.0 };
        let tiled = |size: usize| size.next_multiple_of(self.product_tile) as f64;
        // The rows may be few: they stream through.
        let rows = m.next_multiple_of(8) as f64;
        let flops = 2.0 * batch as f64 * rows * tiled(n) * tiled(k);
        let peak = if dtype.size() <= 2 { self.flops_per_second } else { self.flops_per_second_f32 };
        let multiply = flops / (peak * self.product_efficiency);
        multiply.max(self.pass(bytes as f64, operations))
    }

    fn pass(&self, bytes: f64, operations: f64) -> f64 {
        (bytes / self.bytes_per_second).max(operations / self.operations_per_second)
    }
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
