//! Which plan is recommended: one that compiles, as far as that is known.

use runtime::aot::{Compiled, Refusal, Request, Target, Verified};
use sharding::DeviceKind;
use sharding::machine::Topology;
use sharding::margin::Fit;
use sharding::plan::Plan;
use sharding::search::{Found, Priced};

use super::{Error, Planned};

/// A plan, and whether it fits.
#[derive(Clone, Debug)]
pub struct Recommended {
    /// The plan with its price.
    pub priced: Priced,
    /// Whether it fits, and who says so.
    pub fit: Fit,
}

/// What a compiler's verdict says of a plan on devices of `memory` bytes. Only TPU compilers refuse what does not fit.
pub fn fit_of(outcome: &Result<Compiled, Refusal>, known: bool, memory: u64) -> Fit {
    match outcome {
        Ok(compiled) if compiled.peak_bytes_per_device <= memory => {
            Fit::Proven { needed: compiled.peak_bytes_per_device, known }
        }
        Ok(compiled) => Fit::Refused {
            needed: Some(compiled.peak_bytes_per_device),
            available: Some(memory),
            reason: "by the compiler's own count".to_owned(),
        },
        Err(refusal) => {
            let (needed, available) = match refusal {
                Refusal::OutOfMemory { needed, available, .. } => (Some(*needed), Some(*available)),
                _ => (None, None),
            };
            Fit::Refused { needed, available, reason: refusal.to_string() }
        }
    }
}

impl Planned {
    /// What the platform's compiler is asked to verify a plan.
    ///
    /// # Errors
    /// A plan that has no program; devices of which no compiler has a description.
    pub fn request(&self, topology: &Topology, plan: &Plan) -> Result<Request, Error> {
        let chip = topology.chip();
        let target = Target::of(topology).map_err(Box::new)?;
        let request = Request::new(target, graph::to_stablehlo_partitioned(&self.step(plan)?)?);
        // On v2 and v3, whose fusions meet in memory, the compiler's estimates and its schedule agree.
        let has_two_clocks = chip.kind == DeviceKind::Tpu && !matches!(&*chip.name, "v2" | "v3");
        let bytes_per_cycle = chip.memory_bytes_per_second / chip.clock_hz;
        Ok(Request { memory_bytes_per_cycle: has_two_clocks.then_some(bytes_per_cycle), ..request })
    }

    /// The verdict on a plan, if it is in the user's cache. Nothing is compiled for it.
    pub fn known_verdict(&self, topology: &Topology, plan: &Plan) -> Option<Result<Compiled, Refusal>> {
        let verified = Verified::from_environment().ok()?;
        if topology.kind() == DeviceKind::Cpu || verified.is_empty() {
            return None;
        }
        verified.known(&self.request(topology, plan).ok()?)
    }

    /// Whether a plan fits, by a verdict that is known, else by prediction.
    pub fn known_fit(&self, topology: &Topology, priced: &Priced) -> Fit {
        let memory = topology.chip().memory_bytes;
        match self.known_verdict(topology, &priced.plan) {
            Some(outcome) => fit_of(&outcome, true, memory),
            None => Fit::predicted(topology.kind(), priced.estimate.peak_bytes(), memory),
        }
    }

    /// Of the plans that a search found: the fastest that a compiler is known to have made, or that leaves more room than
    /// predictions are off; if there is none, the fastest that none is known to have refused.
    pub fn recommend(&self, topology: &Topology, found: &Found) -> Option<Recommended> {
        let mut second: Option<Recommended> = None;
        let seconds = |priced: &Priced| priced.estimate.step_seconds;
        let listed = |certain: &&Priced| !found.plans.iter().any(|listed| listed.plan == certain.plan);
        let late = found.certain.as_ref().filter(listed);
        for priced in found.plans.iter().chain(late) {
            // What leaves room is chosen unless something faster is proven.
            let fit = self.known_fit(topology, priced);
            let candidate = Recommended { priced: priced.clone(), fit };
            if candidate.fit.is_trusted() {
                return Some(candidate);
            }
            let is_refused = |one: &Recommended| matches!(one.fit, Fit::Refused { .. });
            let is_better = |second: &Recommended| {
                is_refused(second) && !is_refused(&candidate)
                    || is_refused(second) == is_refused(&candidate)
                        && seconds(&candidate.priced) < seconds(&second.priced)
            };
            if second.as_ref().is_none_or(is_better) {
                second = Some(candidate);
            }
        }
        second
    }
}
