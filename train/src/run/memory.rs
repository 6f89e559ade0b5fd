//! Whether a step fits the memory of this computer, where its devices are the computer's own: said before anything is
//! allocated, with what would help.

use std::fs;
use std::path::Path;

use configuration::Config;
use graph::Remat;
use runtime::Program;
use sharding::DeviceKind;
use sharding::cost::{Estimate, Rates};
use sharding::machine::Topology;
use sharding::plan::{MeshShape, Plan, RematPolicy};

use crate::Error;
use crate::plan::{Planned, split};
use crate::step::{Rounding, StepOptions, train_step};

/// How far an estimate may be above what a compiled program takes: what is beyond cannot fit.
const MARGIN: f64 = 1.25;

/// Checks that a step can fit what is free of this computer's memory, by an estimate that compiles nothing. Devices that have
/// memory of their own are not looked at, nor is a computer that does not say how much it has.
///
/// # Errors
/// [`Error::NoMemory`].
pub(super) fn check(config: &Config, plan: Option<&Plan>) -> Result<(), Error> {
    if config.device.kind != DeviceKind::Cpu {
        return Ok(());
    }
    let Some(free) = free() else { return Ok(()) };
    let needed = match plan {
        Some(plan) => of_plan(config, plan),
        None => of_one_device(config),
    };
    match needed.filter(|&needed| needed as f64 > free as f64 * MARGIN) {
        Some(needed) => Err(Error::NoMemory { needed, free, way_out: way_out(config, plan, free) }),
        None => Ok(()),
    }
}

/// Whether an estimate leaves it open that a step does not fit, so that the compiled program is asked before anything is
/// allocated.
pub(super) fn is_close(config: &Config, plan: Option<&Plan>) -> bool {
    let needed = || match plan {
        Some(plan) => of_plan(config, plan),
        None => of_one_device(config),
    };
    config.device.kind == DeviceKind::Cpu
        && free().zip(needed()).is_some_and(|(free, needed)| needed as f64 * 2.0 > free as f64)
}

/// Checks that a compiled step fits what is free of this computer's memory.
///
/// # Errors
/// [`Error::NoMemory`].
pub(super) fn check_compiled(config: &Config, step: &Program, devices: usize) -> Result<(), Error> {
    let needed = step.memory()?.total() * devices as u64;
    match free().filter(|&free| config.device.kind == DeviceKind::Cpu && needed > free) {
        Some(free) => Err(Error::NoMemory { needed, free, way_out: way_out(config, None, free) }),
        None => Ok(()),
    }
}

/// What would make it fit.
fn way_out(config: &Config, plan: Option<&Plan>, free: u64) -> String {
    let smaller =
        "a smaller model, a smaller training.batch or a shorter training.sequence_length would need less";
    if plan.is_some() {
        return smaller.to_owned();
    }
    let batch = config.training.batch;
    let fits = |config: &Config| of_one_device(config).is_some_and(|needed| needed <= free);
    let with = |microbatches: usize, remat: Option<Remat>| {
        let mut config = config.clone();
        config.training.microbatches = microbatches;
        config.training.remat = remat.unwrap_or(config.training.remat);
        config
    };
    let parts = || (config.training.microbatches + 1..=batch).filter(|&parts| batch.is_multiple_of(parts));
    if let Some(parts) = parts().find(|&parts| fits(&with(parts, None))) {
        return format!("--set training.microbatches={parts} fits");
    }
    let full = || Some(crate::plan::remat(RematPolicy::Full));
    if let Some(parts) = parts().find(|&parts| fits(&with(parts, full()))) {
        return format!("--set training.microbatches={parts} --set training.remat=full fits");
    }
    let state = state_bytes(config);
    match state > free {
        true => format!("parameters and the optimiser's state alone take {}; {smaller}", gibibytes(state)),
        false => smaller.to_owned(),
    }
}

/// Bytes of parameters and the optimiser's state.
pub(super) fn state_bytes(config: &Config) -> u64 {
    let regime = config.regime();
    let parameters = config.model.total_parameters();
    let of_parameter = regime.dtypes().parameters.size() as u64;
    let copy = if regime.float32_copy() { 4 } else { 0 };
    parameters * (of_parameter + 8 + copy)
}

/// Bytes that a step on one device takes at its peak; `None` if it cannot be built, which the compilation will say better.
fn of_one_device(config: &Config) -> Option<u64> {
    let options =
        StepOptions { rounding: Rounding::Nearest, ..StepOptions::of(config, config.training.batch) };
    let plan = Plan {
        topology: "cpu:1".into(),
        slices: 1,
        mesh: MeshShape { stage: 1, data: 1, model: 1 },
        stages: 1,
        microbatches: options.microbatches,
        zero: 0,
        remat: RematPolicy::None,
        sequence_sharding: false,
        batch: config.training.batch,
        sequence_length: options.sequence_length,
        rules: Default::default(),
    };
    let topology = Topology::parse(&plan.topology, 1).ok()?;
    let program = split(&train_step(&options).ok()?, &plan).ok()?;
    Some(Estimate::of(&program, &Rates::of(&topology)).ok()?.peak_bytes())
}

/// Bytes that a step takes on all devices of a plan, which share this computer's memory.
fn of_plan(config: &Config, plan: &Plan) -> Option<u64> {
    let topology = config.topology().ok()??;
    let step = Planned::of(config).step(plan).ok()?;
    let estimate = Estimate::of(&step, &Rates::of(&topology)).ok()?;
    Some(estimate.peak_bytes() * topology.devices() as u64)
}

/// Bytes of memory that are free for this process: of the computer, and of its control group.
pub(super) fn free() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok();
    let of_computer = meminfo.and_then(|text| {
        let kibibytes = |name: &str| -> Option<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix("kB")?.trim().parse().ok()
        };
        Some((kibibytes("MemAvailable:")? + kibibytes("SwapFree:").unwrap_or(0)) * 1024)
    });
    let number = |path: &Path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let group = |limit: &str, used: &str| {
        let folder = Path::new("/sys/fs/cgroup");
        // What the group has in the page cache is given back when it is needed.
        let limit = number(&folder.join(limit))?;
        Some(limit.saturating_sub(number(&folder.join(used)).unwrap_or(0).min(limit / 2)))
    };
    let groups = [
        group("memory.max", "memory.current"),
        group("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ];
    groups.into_iter().flatten().chain(of_computer).min()
}

/// Bytes as people read them.
pub(crate) fn gibibytes(bytes: u64) -> String {
    let gibibytes = bytes as f64 / (1u64 << 30) as f64;
    if gibibytes < 10.0 { format!("{gibibytes:.2} GiB") } else { format!("{gibibytes:.0} GiB") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configuration::Draft;

    fn preset(sets: &[&str]) -> Config {
        let mut draft = Draft::quick_start().unwrap();
        sets.iter().for_each(|set| draft.set(set).unwrap());
        draft.finish().unwrap()
    }

    #[test]
    fn what_would_help_is_the_least_change_that_fits() {
        let sets = [
            "model.preset=44m",
            "training.batch=128",
            "training.sequence_length=2048",
            "training.remat=dots",
        ];
        let config = preset(&sets);
        let whole = of_one_device(&config).unwrap();
        assert!(whole > 60 << 30, "{whole}");
        let said = way_out(&config, None, whole / 10);
        let parts: usize = said
            .strip_prefix("--set training.microbatches=")
            .unwrap()
            .strip_suffix(" fits")
            .unwrap()
            .parse()
            .unwrap();
        let of = |parts: usize| {
            of_one_device(&preset(&[&sets[..], &[&format!("training.microbatches={parts}")]].concat()))
        };
        assert!(of(parts).unwrap() <= whole / 10 && of(parts / 2).unwrap() > whole / 10, "{said}");
        let said = way_out(&config, None, 1 << 20);
        assert!(said.starts_with("parameters and the optimiser's state alone take 0.49 GiB"), "{said}");
    }

    #[test]
    fn a_small_model_fits() {
        let config = preset(&[]);
        check(&config, None).unwrap();
        assert!(state_bytes(&config) < of_one_device(&config).unwrap());
    }
}
