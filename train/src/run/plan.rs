//! The plan of a run: given in a file, kept in the run directory, or searched for.

use configuration::Config;
use sharding::machine::Topology;
use sharding::margin::Fit;
use sharding::plan::{MeshShape, Plan};
use store::run_directory::RunDirectory;
use store::self_checksum::{self, SelfChecksum};

use crate::Error;
use crate::observer::{Event, Observer};
use crate::plan::{Planned, read_kept, with_batch};

/// The plan that was given; else the one that the run directory keeps for this machine; else the best. It is for the
/// first batch, and every later one can be split as it says.
pub(super) fn choose(
    config: &Config,
    topology: &Topology,
    run: &RunDirectory,
    observer: &mut dyn Observer,
) -> Result<Plan, Error> {
    let plan = choose_first(config, topology, run, observer)?;
    for (_, batch) in config.batches().phases() {
        with_batch(&plan, batch)?;
    }
    Ok(plan)
}

fn choose_first(
    config: &Config,
    topology: &Topology,
    run: &RunDirectory,
    observer: &mut dyn Observer,
) -> Result<Plan, Error> {
    let planned = Planned::of(config);
    let (batch, sequence_length) = (config.training.batch, config.training.sequence_length);
    let expected = [("training.batch", batch), ("training.sequence_length", sequence_length)];
    if let Some(path) = &config.device.plan {
        let plan = planned.given(path, topology, expected)?;
        observer.event(Event::Note(describe(&plan, &format!("given by {}", path.display()))));
        return Ok(plan);
    }
    let path = run.plan();
    if let Ok(text) = inputs::read_to_string(&path)
        && self_checksum::check(&text) != SelfChecksum::Matches
    {
        return Err(Error::PlanChanged { path });
    }
    if let Some(plan) = read_kept(&path, topology)? {
        planned.check(&path, &plan, expected)?;
        observer.event(Event::Note(describe(&plan, "as before")));
        return Ok(plan);
    }
    let best = planned.best(topology, batch, sequence_length)?;
    let plan = best.priced.plan;
    observer.event(Event::Note(describe(&plan, "the best by the cost model")));
    match best.fit {
        Fit::Predicted { .. } => {}
        fit if fit.is_trusted() => observer.event(Event::Note(format!("its memory: {fit}"))),
        fit => observer.event(Event::Note(format!(
            "warning: its memory: {fit}; if it does not compile, have `gopher plan --verify -o FILE` find one that does, \
             and name it with --plan FILE"
        ))),
    }
    Ok(plan)
}

/// A line about a plan.
fn describe(plan: &Plan, origin: &str) -> String {
    let MeshShape { stage, data, model } = plan.mesh;
    let Plan { topology, microbatches, zero, remat, .. } = plan;
    let sharding = if plan.sequence_sharding { ", sequences sharded" } else { "" };
    format!(
        "plan for {topology}, {origin}: stage {stage} x data {data} x model {model}, {microbatches} microbatches, ZeRO \
         {zero}, remat {}{sharding}",
        remat.name()
    )
}
