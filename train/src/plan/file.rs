//! Files of plans: reading them, and checking them against a machine.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sharding::machine::Topology;
use sharding::partition::Rules;
use sharding::plan::{MeshShape, Plan, PlanError, RematPolicy};

/// The ways in which a given plan is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// The file cannot be read.
    #[error("cannot read the plan {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file holds something else than a plan.
    #[error("{}: not a plan: {reason}", .path.display())]
    NotAPlan {
        /// The file.
        path: PathBuf,
        /// What is missing or of the wrong type.
        reason: String,
    },
    /// The plan is for another machine.
    #[error("{}: the plan is for {plan}, not {machine}", .path.display())]
    Machine {
        /// The file.
        path: PathBuf,
        /// Machine of the plan.
        plan: String,
        /// Machine that is to be used.
        machine: String,
    },
    /// A field of the plan contradicts the others or the machine.
    #[error("{}: {source}", .path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// The field, and the contradiction.
        source: PlanError,
    },
    /// The plan is for other batches or sequences.
    #[error("{}: plan: {field} = {value}: {key} is {expected}", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Field of the plan.
        field: &'static str,
        /// Its value.
        value: usize,
        /// What gives the other value: a key of a configuration, or an option.
        key: &'static str,
        /// That value.
        expected: usize,
    },
    /// The model does not split like that.
    #[error("{}: {source}", .path.display())]
    Split {
        /// The file.
        path: PathBuf,
        /// What does not fall into equal parts.
        source: super::Error,
    },
}

/// Keys beside a plan's own in a file: the forecasts of a report of `gopher plan`, and the measurements of a run
/// directory.
const FACTS: [&str; 13] = [
    "sensitivity",
    "fit",
    "predicted",
    "compiled",
    "errors",
    "step",
    "validation",
    "device",
    "parameters",
    "state_bytes",
    "memory_bytes",
    "compile_seconds",
    "seal",
];

/// Reads a plan: one alone, the first of a report of `gopher plan`, or that of a run directory. What is known of it
/// besides is left out.
///
/// # Errors
/// [`GivenError::Read`] when the file cannot be read, [`GivenError::NotAPlan`] when it holds something else.
pub fn read(path: &Path) -> Result<Plan, GivenError> {
    plan(path, json(path)?)
}

/// As [`read`], for a plan that is to fit a machine; tables that were left out are filled in.
///
/// # Errors
/// Those of [`read`]; [`GivenError::Machine`] when the plan is for another machine, [`GivenError::Inconsistent`] when
/// its fields contradict each other.
pub fn read_for(path: &Path, topology: &Topology) -> Result<Plan, GivenError> {
    checked(path, read(path)?, topology)
}

/// The plan that a run directory keeps, if it is for this machine; `None` if there is none, or the run was on another.
///
/// # Errors
/// As [`read_for`].
pub fn read_kept(path: &Path, topology: &Topology) -> Result<Option<Plan>, GivenError> {
    let value = match json(path) {
        Err(GivenError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        value => value?,
    };
    if value.get("topology").and_then(Value::as_str) != Some(&topology.to_string()) {
        return Ok(None);
    }
    checked(path, plan(path, value)?, topology).map(Some)
}

fn json(path: &Path) -> Result<Value, GivenError> {
    let text =
        inputs::read_to_string(path).map_err(|source| GivenError::Read { path: path.to_owned(), source })?;
    inputs::json::from_slice(text.as_bytes()).map_err(|reason| not_a_plan(path, reason))
}

fn plan(path: &Path, mut value: Value) -> Result<Plan, GivenError> {
    if let Some(plans) = value.get_mut("plans") {
        let first = plans.get_mut(0).map(Value::take);
        value = first.ok_or_else(|| not_a_plan(path, "its list of plans is empty"))?;
    }
    if let Some(object) = value.as_object_mut() {
        FACTS.iter().for_each(|key| drop(object.remove(*key)));
    }
    serde_json::from_value(value.clone()).map_err(|error| {
        let place =
            wrong_field(&value).map(|(field, value)| format!("{field} = {value}: ")).unwrap_or_default();
        not_a_plan(path, format!("{place}{}", inputs::json::json_words(&error)))
    })
}

/// The first field whose value no plan can have, as `mesh.data`, and its value.
fn wrong_field(given: &Value) -> Option<(String, &Value)> {
    let good = Plan {
        topology: String::new(),
        slices: 1,
        mesh: MeshShape { stage: 1, data: 1, model: 1 },
        stages: 1,
        microbatches: 1,
        zero: 0,
        remat: RematPolicy::None,
        sequence_sharding: false,
        batch: 1,
        sequence_length: 1,
        rules: Rules::default(),
    };
    let good = serde_json::to_value(good).ok()?;
    // With one field of theirs in a plan that is right, what fails is that one.
    let fits = |place: &[&str], value: &Value| {
        let mut plan = good.clone();
        let mut field = &mut plan;
        for key in place {
            field = &mut field[*key];
        }
        *field = value.clone();
        serde_json::from_value::<Plan>(plan).is_ok()
    };
    let known = |key: &str| good.get(key).is_some();
    let (key, value) = given.as_object()?.iter().find(|(key, value)| known(key) && !fits(&[key], value))?;
    let inner = value.as_object().filter(|_| key == "mesh");
    match inner.and_then(|inner| inner.iter().find(|(axis, size)| !fits(&[key, axis], size))) {
        Some((axis, size)) => Some((format!("{key}.{axis}"), size)),
        None => Some((key.clone(), value)),
    }
}

fn not_a_plan(path: &Path, reason: impl ToString) -> GivenError {
    GivenError::NotAPlan { path: path.to_owned(), reason: reason.to_string() }
}

fn checked(path: &Path, mut plan: Plan, topology: &Topology) -> Result<Plan, GivenError> {
    // Someone may have written the machine by another of its names.
    if let Ok(named) = Topology::parse(&plan.topology, plan.slices) {
        plan.topology = named.to_string();
    }
    if (plan.topology.as_str(), plan.slices) != (&topology.to_string(), topology.slices()) {
        return Err(GivenError::Machine {
            path: path.to_owned(),
            plan: with_slices(&plan.topology, plan.slices),
            machine: topology.with_slices(),
        });
    }
    plan.check(topology.devices())
        .map_err(|source| GivenError::Inconsistent { path: path.to_owned(), source })?;
    Ok(plan)
}

fn with_slices(topology: &str, slices: usize) -> String {
    if slices == 1 { topology.to_owned() } else { format!("{topology} --slices {slices}") }
}
