//! A compiler's findings beside the cost model's, in a report of plans.

use std::collections::BTreeMap;

use sharding::cost::{CollectiveTotal, collective_name};
use sharding::machine::Topology;
use sharding::report::{Errors, Measured, ModelFacts, PlanEntry};

use super::{Compiled, Rates};

/// Adds to a plan of a report what the compiler says of its program.
pub fn measure(
    entry: &mut PlanEntry,
    compiled: &Compiled,
    known: bool,
    model: &ModelFacts,
    topology: &Topology,
    peak: f64,
) {
    let chip = topology.chip();
    let link = chip.estimator_link_bytes_per_second();
    let rates = Rates { clock: chip.clock_hz, link, between_slices: None, matmul_flops: None };
    let times = compiled.estimate(&rates);
    let has_cycles = !compiled.cost.cycles.is_empty();
    let cycles = |seconds: f64| has_cycles.then_some(seconds);
    let machine = topology.devices() as f64 * peak;
    let mfu = |seconds: f64| entry.plan.tokens() as f64 * model.flops_per_token / seconds / machine;
    let mut collectives: BTreeMap<String, CollectiveTotal> = BTreeMap::new();
    for each in &compiled.cost.collectives {
        let name = collective_name(each.kind, each.group_size, each.crosses_slices);
        let total = collectives.entry(name).or_default();
        total.count += each.executions;
        total.ring_bytes += each.ring_bytes();
    }
    let schedule = compiled.cost.schedule.map(|schedule| schedule.cycles / chip.clock_hz + times.collectives);
    entry.compiled = Some(Measured {
        schedule_seconds: schedule,
        schedule_mfu: schedule.map(mfu),
        schedule_estimated: compiled.cost.schedule.map(|cost| cost.estimated / cost.cycles.max(1.0)),
        peak_bytes_per_device: compiled.peak_bytes_per_device,
        step_seconds: cycles(times.serial),
        overlapped_seconds: cycles(times.overlapped),
        matrix_seconds: cycles(times.matrix),
        collective_seconds: times.collectives,
        mfu: cycles(mfu(times.serial)),
        overlapped_mfu: cycles(mfu(times.overlapped)),
        compile_seconds: compiled.compile_seconds,
        host_bytes: compiled.host_peak_rss,
        collectives,
        known,
    });
    let error = |predicted: f64, compiled: f64| predicted / compiled - 1.0;
    entry.errors = Some(Errors {
        peak_bytes_per_device: error(
            entry.predicted.peak_bytes_per_device as f64,
            compiled.peak_bytes_per_device as f64,
        ),
        step_seconds: cycles(error(entry.predicted.estimator_seconds, times.serial)),
        matrix_seconds: cycles(error(entry.predicted.matmul_seconds, times.matrix)),
    });
}
