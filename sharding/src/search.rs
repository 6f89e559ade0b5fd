//! Finding the best plans for a machine.
//!
//! Every plan of the space is looked at: every factorisation of the devices into stages, data and model, every number
//! of microbatches, ZeRO level, rematerialisation policy, and the residual stream split or not. Each first gets a lower
//! bound of its step time and memory by arithmetic; in order of that bound, plans are then built, split and priced
//! ([`crate::cost`]), until no bound is below the worst plan kept. What is found is therefore what an exhaustive search
//! finds.

mod bound;
mod obstacle;
mod work;

use std::thread;

use crate::cost::Estimate;
use crate::machine::Collective;
use crate::partition::Rules;
use crate::plan::{MeshShape, Plan, RematPolicy};
pub use bound::{Bound, bound};
pub use obstacle::Obstacle;
pub use work::{Kept, Numbers, PolicyWork, Traffic, Work};

/// Bytes of a training's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtypeBytes {
    /// Of a parameter.
    pub parameter: u64,
    /// Of an element of the residual stream.
    pub activation: u64,
}

/// A model to be planned for, as far as a search needs to know it.
pub trait Workload: Sync {
    /// Its work, on sequences of this length.
    fn work(&self, sequence_length: usize) -> Work;

    /// Bytes of its numbers.
    fn dtype_bytes(&self) -> DtypeBytes;

    /// Seconds of a memory-bound op that reads and writes `bytes` of a device's memory.
    fn memory_bound_seconds(&self, bytes: f64) -> f64;

    /// Seconds of a collective of `bytes` over one axis of a mesh.
    fn collective_seconds(&self, mesh: MeshShape, axis: &str, collective: Collective, bytes: f64) -> f64;

    /// Memory and time of a plan on the machine.
    ///
    /// # Errors
    /// When the plan cannot be built, in words.
    fn estimate(&self, plan: &Plan) -> Result<Estimate, String>;
}

/// The parts of a plan that the user has decided.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)] // Each is the field of a plan of its name.
pub struct Pins {
    pub stage: Option<usize>,
    pub data: Option<usize>,
    pub model: Option<usize>,
    pub microbatches: Option<usize>,
    pub zero: Option<u8>,
    pub remat: Option<RematPolicy>,
    pub sequence_sharding: Option<bool>,
}

/// Where to search.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// The machine's name.
    pub topology: String,
    /// Its slices.
    pub slices: usize,
    /// Groups of devices with fast links of their own: slices, or hosts of GPUs.
    pub islands: usize,
    /// Its devices.
    pub devices: usize,
    /// Memory of a device, in bytes.
    pub memory: u64,
    /// Bytes that a plan may be predicted to need at most to count as one that compiles
    /// ([`MemoryError::certain_bytes`](crate::margin::MemoryError::certain_bytes)); `memory` if nothing is known of that.
    pub certain_memory: u64,
    /// Floating-point operations per second of a device in matmuls, at most.
    pub flops_per_second: f64,
    /// Sequences of a batch.
    pub batch: usize,
    /// Tokens of a sequence.
    pub sequence_length: usize,
    /// What is decided.
    pub pins: Pins,
}

/// A plan with what it is expected to take.
#[derive(Clone, Debug)]
pub struct Priced {
    /// The plan.
    pub plan: Plan,
    /// Its price.
    pub estimate: Estimate,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The fastest plans that are predicted to fit, fastest first.
    pub plans: Vec<Priced>,
    /// The fastest plan that needs no more than [`Space::certain_memory`], if one is not much slower ([`WORTH_A_WAIT`])
    /// than the fastest of all.
    pub certain: Option<Priced>,
    /// The plan that needs least memory among those that do not fit; there only if none fits.
    pub nearest: Option<Priced>,
    /// Plans in the space.
    pub candidates: usize,
    /// Plans that were built and priced.
    pub priced: usize,
    /// Of the plans that could not be built, one reason.
    pub refused: Option<String>,
}

/// The meshes that split a model over the devices, whatever the batch.
fn meshes(space: &Space, work: &Work) -> Vec<MeshShape> {
    let Space { devices, islands, sequence_length, ref pins, .. } = *space;
    let allowed = |pin: Option<usize>, value: usize| pin.is_none_or(|pin| pin == value);
    let mut meshes = Vec::new();
    for stage in divisors(devices) {
        let fits = work.layers.is_multiple_of(stage) && allowed(pins.stage, stage);
        // Islands are joined by slow links: a stage does not cross them.
        let crosses = stage > 1 && !(stage.is_multiple_of(islands) || islands.is_multiple_of(stage));
        if !fits || crosses {
            continue;
        }
        for model in divisors(devices / stage) {
            let mesh = MeshShape { stage, data: devices / stage / model, model };
            let fits = work.divided.iter().all(|(_, size)| size.is_multiple_of(model));
            // Tensor parallelism over the slow links between them is never worth it.
            let within = model <= devices / islands;
            let zero = pins.zero.is_none_or(|level| zero_is_useful(level, mesh, work));
            let sequence = pins
                .sequence_sharding
                .is_none_or(|split| sequence_sharding_is_useful(split, mesh, sequence_length));
            if fits
                && within
                && zero
                && sequence
                && allowed(pins.model, model)
                && allowed(pins.data, mesh.data)
            {
                meshes.push(mesh);
            }
        }
    }
    meshes
}

fn zero_is_useful(level: u8, mesh: MeshShape, work: &Work) -> bool {
    level == 0 || (mesh.data > 1 && work.embed.is_multiple_of(mesh.data))
}

fn sequence_sharding_is_useful(split: bool, mesh: MeshShape, sequence_length: usize) -> bool {
    !split || (mesh.model > 1 && sequence_length.is_multiple_of(mesh.model))
}

/// All plans of a space, in a fixed order.
pub fn candidates(space: &Space, work: &Work) -> Vec<Plan> {
    let Space { batch, sequence_length, ref pins, .. } = *space;
    let allowed = |pin: Option<usize>, value: usize| pin.is_none_or(|pin| pin == value);
    let mut plans = Vec::new();
    for mesh in meshes(space, work) {
        let MeshShape { stage, data, .. } = mesh;
        if !batch.is_multiple_of(data) {
            continue;
        }
        for microbatches in divisors(batch / data) {
            if microbatches < stage || !allowed(pins.microbatches, microbatches) {
                continue;
            }
            for zero in 0..=3u8 {
                if !zero_is_useful(zero, mesh, work) || pins.zero.is_some_and(|pin| pin != zero) {
                    continue;
                }
                for sequence_sharding in [false, true] {
                    let useful = sequence_sharding_is_useful(sequence_sharding, mesh, sequence_length);
                    if !useful || pins.sequence_sharding.is_some_and(|pin| pin != sequence_sharding) {
                        continue;
                    }
                    for remat in RematPolicy::ALL {
                        if pins.remat.is_some_and(|pin| pin != remat) {
                            continue;
                        }
                        plans.push(Plan {
                            topology: space.topology.clone(),
                            slices: space.slices,
                            mesh,
                            stages: stage,
                            microbatches,
                            zero,
                            remat,
                            sequence_sharding,
                            batch,
                            sequence_length,
                            rules: Rules::default(),
                        });
                    }
                }
            }
        }
    }
    plans
}

/// Divisors, ascending.
fn divisors(number: usize) -> Vec<usize> {
    let mut low: Vec<usize> =
        (1..).take_while(|d| d * d <= number).filter(|&d| number.is_multiple_of(d)).collect();
    let high: Vec<usize> = low.iter().rev().map(|d| number / d).filter(|&d| !low.contains(&d)).collect();
    low.extend(high);
    low
}

/// The best `keep` plans of a space.
pub fn search(space: &Space, workload: &dyn Workload, keep: usize) -> Found {
    let work = workload.work(space.sequence_length);
    let all = candidates(space, &work);
    let bounded = all.into_iter().map(|plan| (bound(space, &work, workload, &plan), plan));
    run(space, workload, keep.max(1), bounded.collect())
}

/// Bytes on each device of the plan that needs fewest, among those with the smallest bounds; `None` if there is no plan.
pub fn smallest(space: &Space, workload: &dyn Workload) -> Option<u64> {
    let work = workload.work(space.sequence_length);
    let all = candidates(space, &work).into_iter();
    let mut all: Vec<(Bound, Plan)> = all.map(|plan| (bound(space, &work, workload, &plan), plan)).collect();
    all.sort_by_key(|(bound, plan)| {
        (bound.bytes, plan.remat != RematPolicy::Full, !plan.sequence_sharding, plan.microbatch())
    });
    all.truncate(32);
    let prices = price(workload, &all).into_iter();
    prices.filter_map(|(_, price)| Some(price.ok()?.peak_bytes())).min()
}

/// As [`search`], without bounds: every plan is built and priced. For tests of the search.
pub fn exhaustive(space: &Space, workload: &dyn Workload, keep: usize) -> Found {
    let all = candidates(space, &workload.work(space.sequence_length));
    let unbounded = all.into_iter().map(|plan| (Bound { seconds: 0.0, bytes: 0 }, plan));
    run(space, workload, keep.max(1), unbounded.collect())
}

/// How many times as long as the fastest plan's step one may take to be chosen for the room that it leaves.
pub const WORTH_A_WAIT: f64 = 2.0;

fn run(space: &Space, workload: &dyn Workload, keep: usize, mut all: Vec<(Bound, Plan)>) -> Found {
    let mut found = Found { candidates: all.len(), ..Found::default() };
    // Those that may fit come first; of the others only the smallest are of interest, if nothing fits.
    all.sort_by(|(a, _), (b, _)| {
        let fits = |bound: &Bound| bound.bytes <= space.memory;
        let key = |bound: &Bound| if fits(bound) { bound.seconds } else { bound.bytes as f64 };
        fits(b).cmp(&fits(a)).then(key(a).total_cmp(&key(b)))
    });
    let fitting = all.iter().filter(|(bound, _)| bound.bytes <= space.memory).count();
    let (may_fit, too_large) = all.split_at(fitting);
    const BATCH: usize = 16;
    for batch in may_fit.chunks(BATCH) {
        // No plan from here on takes less.
        let least = batch[0].0.seconds;
        let seconds = |priced: &Priced| priced.estimate.step_seconds;
        let all_listed = found.plans.get(keep - 1).is_some_and(|worst| least > seconds(worst));
        let best = found.plans.first().map_or(f64::INFINITY, seconds);
        let too_late = found.certain.as_ref().map_or(WORTH_A_WAIT * best, seconds);
        match (all_listed, least > too_late) {
            (true, true) => break,
            // Of interest are only those that may leave room.
            (true, false) => {
                let rooms = batch.iter().filter(|(bound, _)| bound.bytes <= space.certain_memory);
                take(space, keep, price(workload, &rooms.cloned().collect::<Vec<_>>()), &mut found);
            }
            (false, _) => take(space, keep, price(workload, batch), &mut found),
        }
    }
    let best = found.plans.first().map_or(f64::INFINITY, |best| best.estimate.step_seconds);
    found.certain.take_if(|certain| certain.estimate.step_seconds > WORTH_A_WAIT * best);
    if found.plans.is_empty() {
        take(space, keep, price(workload, &too_large[..too_large.len().min(BATCH)]), &mut found);
    } else {
        found.nearest = None;
    }
    found
}

type Prices = Vec<(Plan, Result<Estimate, String>)>;

/// Prices plans, several at once, in the order given.
fn price(workload: &dyn Workload, batch: &[(Bound, Plan)]) -> Prices {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let size = batch.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> = batch
            .chunks(size)
            .map(|part| {
                scope.spawn(move || -> Prices {
                    part.iter().map(|(_, plan)| (plan.clone(), workload.estimate(plan))).collect()
                })
            })
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn take(space: &Space, keep: usize, prices: Prices, found: &mut Found) {
    for (plan, price) in prices {
        found.priced += 1;
        let estimate = match price {
            Ok(estimate) => estimate,
            Err(reason) => {
                found.refused.get_or_insert(reason);
                continue;
            }
        };
        let priced = Priced { plan: plan.with_derived_rules(), estimate };
        if priced.estimate.peak_bytes() > space.memory {
            let smaller = |nearest: &Priced| priced.estimate.peak_bytes() < nearest.estimate.peak_bytes();
            if found.nearest.as_ref().is_none_or(smaller) {
                found.nearest = Some(priced);
            }
            continue;
        }
        // Of two equally fast plans, the one that needs less memory; of two such, the first.
        let key = |priced: &Priced| (priced.estimate.step_seconds, priced.estimate.peak_bytes());
        let (seconds, bytes) = key(&priced);
        let is_before = |other: &Priced| {
            let (other_seconds, other_bytes) = key(other);
            (other_seconds.total_cmp(&seconds)).then(other_bytes.cmp(&bytes)).is_le()
        };
        if bytes <= space.certain_memory && !found.certain.as_ref().is_some_and(is_before) {
            found.certain = Some(priced.clone());
        }
        let place = found.plans.partition_point(is_before);
        found.plans.insert(place, priced);
        found.plans.truncate(keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisors_ascend() {
        assert_eq!(divisors(1), [1]);
        assert_eq!(divisors(12), [1, 2, 3, 4, 6, 12]);
        assert_eq!(divisors(16), [1, 2, 4, 8, 16]);
    }
}
