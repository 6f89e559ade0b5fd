//! The training step of a plan: built, split, and priced.

use graph::{Function, Partitioned, Remat, Split};
use model::{ModelConfig, Precision};
use sharding::cost::{Estimate, Rates};
use sharding::machine::Collective;
use sharding::partition::{Rules, partition};
use sharding::plan::{DATA, MODEL, MeshShape, Plan, RematPolicy, STAGE};
use sharding::search::{Sizes, Workload};

use crate::step::{Adam, Rounding, STATE, StepOptions, train_step};

/// A model, and how it is trained: what a plan is made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Sizes of the model.
    pub model: ModelConfig,
    /// Dtypes of parameters and activations.
    pub precision: Precision,
    /// The optimiser's constants.
    pub adam: Adam,
    /// Global norm that gradients are clipped to.
    pub clip_norm: f64,
    /// Queries per attention block; 0 chooses by sequence length.
    pub query_block: usize,
    /// Seed of stochastic rounding.
    pub seed: u32,
}

/// Why a plan has no program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The layers do not fall into equal stages.
    #[error("{layers} layers do not fall into {stages} equal stages of mesh axis `{STAGE}`")]
    Stages {
        /// Layers of the model.
        layers: usize,
        /// Stages of the plan.
        stages: usize,
    },
    /// The step cannot be built.
    #[error(transparent)]
    Graph(#[from] graph::Error),
    /// The step cannot be split.
    #[error(transparent)]
    Partition(#[from] sharding::partition::Error),
}

/// What a step's backward pass keeps under a policy.
pub fn remat(policy: RematPolicy) -> Remat {
    model::remat::policy(policy.name()).unwrap_or_default()
}

impl Planned {
    /// With the usual constants. Queries are taken in blocks, on CPUs as many as the model chooses; elsewhere in two,
    /// since compilers take longer over more than these save.
    pub fn new(
        model: ModelConfig,
        precision: Precision,
        clip_norm: f64,
        sequence_length: usize,
        kind: sharding::DeviceKind,
    ) -> Planned {
        let query_block = match kind {
            sharding::DeviceKind::Cpu => 0,
            _ => sequence_length.div_ceil(2),
        };
        Planned { model, precision, adam: Adam::default(), clip_norm, query_block, seed: 0 }
    }

    /// What the step of a plan is made for.
    pub fn step_options(&self, plan: &Plan) -> StepOptions {
        StepOptions {
            model: self.model.clone(),
            precision: self.precision,
            remat: remat(plan.remat),
            query_block: self.query_block,
            batch: plan.microbatch(),
            microbatches: plan.microbatches,
            stages: plan.stages,
            sequence_length: plan.sequence_length,
            adam: self.adam,
            clip_norm: self.clip_norm,
            seed: self.seed,
            rounding: Rounding::Stochastic,
        }
    }

    /// The training step that each device of a plan runs.
    ///
    /// # Errors
    /// Names the dimension that does not fall into equal parts.
    pub fn step(&self, plan: &Plan) -> Result<Partitioned, Error> {
        self.step_rounding(plan, Rounding::Stochastic)
    }

    fn step_rounding(&self, plan: &Plan, rounding: Rounding) -> Result<Partitioned, Error> {
        if !self.model.layers.is_multiple_of(plan.stages) {
            return Err(Error::Stages { layers: self.model.layers, stages: plan.stages });
        }
        split(&train_step(&StepOptions { rounding, ..self.step_options(plan) })?, plan)
    }
}

/// A function of a training (its step, loss or initialisation) split by a plan.
///
/// # Errors
/// Names the dimension that does not fall into equal parts.
pub fn split(function: &Function, plan: &Plan) -> Result<Partitioned, Error> {
    let derived;
    let rules = if plan.rules.tables.is_empty() {
        derived = plan.derived_rules();
        &derived
    } else {
        &plan.rules
    };
    let params: Vec<Split> = function
        .params
        .iter()
        .map(|param| placed(&param.name, &param.axes, function.ty(param.value).rank(), rules))
        .collect();
    let results: Vec<Split> = function
        .results
        .iter()
        .map(|output| match output.alias {
            Some(param) => params[param].clone(),
            None => vec![Vec::new(); function.ty(output.value).rank()],
        })
        .collect();
    Ok(partition(function, &plan.mesh(), &[STAGE], rules, &params, &results)?)
}

/// How an input of a training program is split: parameters and optimiser state by the tables of their names, batches as
/// activations, numbers not at all.
fn placed(name: &str, axes: &[String], rank: usize, rules: &Rules) -> Split {
    let table = if name.starts_with(STATE[0]) {
        "parameters"
    } else if name.starts_with("adam/") {
        "optimizer"
    } else {
        "activations"
    };
    let split = if axes.len() == rank { rules.split_in(table, axes) } else { None };
    split.unwrap_or_else(|| vec![Vec::new(); rank])
}

/// A model on a machine, for the search.
pub struct OnMachine<'a> {
    /// The model.
    pub planned: &'a Planned,
    /// What the machine's devices take for what.
    pub rates: &'a Rates<'a>,
}

impl Workload for OnMachine<'_> {
    fn sizes(&self) -> Sizes {
        let ModelConfig { layers, heads, d_model, vocabulary_size, .. } = self.planned.model;
        let other = (vocabulary_size * d_model + d_model + vocabulary_size) as u64;
        let Precision { parameters, activations } = self.planned.precision;
        Sizes {
            layers,
            heads,
            embed: d_model,
            feed_forward: self.planned.model.feed_forward_size(),
            vocabulary: vocabulary_size,
            layer_parameters: (self.planned.model.total_parameters() - other) / layers as u64,
            other_parameters: other,
            parameter_bytes: parameters.size() as u64,
            activation_bytes: activations.size() as u64,
        }
    }

    fn collective_seconds(&self, mesh: MeshShape, axis: &str, collective: Collective, bytes: f64) -> f64 {
        let sizes = [mesh.stage, mesh.data, mesh.model];
        let index = [STAGE, DATA, MODEL].iter().position(|name| *name == axis).unwrap_or(0);
        let links = self.rates.topology.group_links(&sizes, &[index]);
        links.map_or(0.0, |links| links.seconds(collective, bytes))
    }

    fn estimate(&self, plan: &Plan) -> Result<Estimate, String> {
        // Random bits are fused into the update and cost next to nothing there; here they would be most of the work.
        let step = self.planned.step_rounding(plan, Rounding::Nearest).map_err(|error| error.to_string())?;
        Estimate::of(&step, self.rates).map_err(|error| error.to_string())
    }
}
