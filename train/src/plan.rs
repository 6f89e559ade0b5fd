//! Plans of a training: the step of a plan is built, split over devices, and priced.

mod choose;
mod file;
mod fit;

use std::borrow::Cow;

use configuration::{Adam, Config, microbatches};
use graph::{Function, Partitioned, PlacementTable, Remat, Split};
use model::blocks::causal::LONGEST_AT_ONCE;
use model::remat::Policy;
use model::{ModelConfig, Precision, QueryBlocks};
use sharding::cost::{Estimate, Rates};
use sharding::machine::Collective;
use sharding::partition::{Rules, partition};
use sharding::plan::{DATA, MODEL, MeshShape, Plan, RematPolicy, STAGE};
use sharding::search::{DtypeBytes, Work, Workload};

use crate::step::{ADAM, PARAMETERS, Rounding, StepOptions, state_groups, train_step};
pub use choose::LISTED;
pub use file::{GivenError, read, read_for, read_kept};
pub use fit::{Recommended, fit_of};

/// A model, and how it is trained: what a plan is made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Sizes of the model.
    pub model: ModelConfig,
    /// Dtypes of parameters and activations.
    pub precision: Precision,
    /// Whether the optimiser's state holds a float32 copy of the parameters.
    pub float32_copy: bool,
    /// The optimiser's constants.
    pub adam: Adam,
    /// Global norm that gradients are clipped to.
    pub clip_norm: f64,
    /// How attention takes its queries.
    pub queries: QueryBlocks,
    /// Seed of stochastic rounding.
    pub seed: u32,
    /// Whether only targets that are not negative count ([`StepOptions::answers_only`]).
    pub answers_only: bool,
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
    /// No plan splits the model.
    #[error(
        "no plan splits the model over the {devices} devices of {machine}: {layers} layers, {heads} heads and a batch of {batch} sequences must fall into equal parts{reason}"
    )]
    NoPlan {
        /// The machine.
        machine: String,
        /// Its devices.
        devices: usize,
        /// Layers of the model.
        layers: usize,
        /// Its heads.
        heads: usize,
        /// Sequences of a whole batch.
        batch: usize,
        /// Why one of them cannot be built, if there are any, and what would do, such as the nearest batch.
        reason: String,
    },
    /// No plan fits the devices' memory.
    #[error(
        "no plan fits {machine}: the smallest needs {needed} bytes on each device, {} more than the {there} there are; take more devices or smaller batches",
        .needed.saturating_sub(*.there)
    )]
    NoRoom {
        /// The machine.
        machine: String,
        /// Bytes on each device of the plan that needs fewest.
        needed: u64,
        /// Bytes of a device.
        there: u64,
    },
    /// A batch of the ramp does not split as the first one does.
    #[error(
        "training.batch_ramp: a batch of {batch} sequences does not fall into at least {stages} microbatches of at most {microbatch} sequences that the {data} devices of mesh axis `{DATA}` share equally; choose a multiple of {}",
        .data * .stages
    )]
    Batch {
        /// Sequences of the batch.
        batch: usize,
        /// Most sequences of a microbatch: those of the first batch's.
        microbatch: usize,
        /// Replicas of the plan.
        data: usize,
        /// Stages of the plan.
        stages: usize,
    },
    /// The step cannot be built.
    #[error(transparent)]
    Graph(#[from] graph::Error),
    /// The step cannot be split.
    #[error(transparent)]
    Partition(#[from] sharding::partition::Error),
    /// No compiler has a description of the devices.
    #[error(transparent)]
    Target(#[from] Box<runtime::aot::Error>),
}

/// The rematerialisation that a policy's name stands for.
pub fn remat(policy: RematPolicy) -> Remat {
    match policy {
        RematPolicy::None => Policy::None,
        RematPolicy::Selective => Policy::Selective,
        RematPolicy::Attention => Policy::Attention,
        RematPolicy::Full => Policy::Full,
    }
    .remat()
}

/// Queries are taken in blocks, on CPUs as many as the model chooses; elsewhere, up to [`LONGEST_AT_ONCE`] tokens, in two, since
/// compilers take longer over more than these save.
fn usual_queries(kind: sharding::DeviceKind, sequence_length: usize) -> QueryBlocks {
    match kind {
        sharding::DeviceKind::Cpu => 0,
        _ if sequence_length > LONGEST_AT_ONCE => 0,
        _ => sequence_length.div_ceil(2),
    }
    .into()
}

impl Planned {
    /// The model and the training that a configuration describes, split over devices of its kind.
    pub fn of(config: &Config) -> Planned {
        let options = StepOptions::of(config, config.training.batch);
        let StepOptions { model, precision, adam, clip_norm, seed, float32_copy, .. } = options;
        let queries = match config.training.query_block {
            0 => usual_queries(config.device.kind, config.training.sequence_length),
            block => block.into(),
        };
        let answers_only = options.answers_only;
        Planned { model, precision, float32_copy, adam, clip_norm, queries, seed, answers_only }
    }

    /// With the usual constants, and without a float32 copy of the parameters.
    pub fn new(
        model: impl Into<ModelConfig>,
        precision: Precision,
        clip_norm: f64,
        sequence_length: usize,
        kind: sharding::DeviceKind,
    ) -> Planned {
        Planned {
            model: model.into(),
            precision,
            float32_copy: false,
            adam: Adam::default(),
            clip_norm,
            queries: usual_queries(kind, sequence_length),
            seed: 0,
            answers_only: false,
        }
    }

    /// The options of a plan's step. A vocabulary that the devices of `model` do not divide is padded.
    pub fn step_options(&self, plan: &Plan) -> StepOptions {
        StepOptions {
            model: self.model.with_vocabulary_multiple(plan.mesh.model),
            precision: self.precision,
            remat: remat(plan.remat),
            queries: self.queries,
            batch: plan.microbatch(),
            microbatches: plan.microbatches,
            stages: plan.stages,
            sequence_length: plan.sequence_length,
            adam: self.adam,
            clip_norm: self.clip_norm,
            seed: self.seed,
            rounding: Rounding::Stochastic,
            float32_copy: self.float32_copy,
            answers_only: self.answers_only,
        }
    }

    /// The groups of a state of this training ([`state_groups`]).
    pub fn state_groups(&self) -> &'static [&'static str] {
        state_groups(self.float32_copy)
    }

    /// The training step that each device of a plan runs.
    ///
    /// # Errors
    /// [`Error`], naming the dimension that does not fall into equal parts.
    pub fn step(&self, plan: &Plan) -> Result<Partitioned, Error> {
        self.step_rounding(plan, Rounding::Stochastic)
    }

    fn step_rounding(&self, plan: &Plan, rounding: Rounding) -> Result<Partitioned, Error> {
        let layers = self.model.sizes().layers;
        if !layers.is_multiple_of(plan.stages) {
            return Err(Error::Stages { layers, stages: plan.stages });
        }
        split(&train_step(&StepOptions { rounding, ..self.step_options(plan) })?, plan)
    }
}

/// A plan for another batch: the state lies on the devices as before, and no microbatch is larger.
///
/// # Errors
/// [`Error::Batch`] when the batch does not divide into microbatches of at most that size.
pub fn with_batch(plan: &Plan, batch: usize) -> Result<Plan, Error> {
    if batch == plan.batch {
        return Ok(plan.clone());
    }
    let (data, stages, microbatch) = (plan.mesh.data, plan.stages, plan.microbatch());
    match microbatches(batch, microbatch, data, stages) {
        Some(microbatches) => Ok(Plan { batch, microbatches, ..plan.clone() }),
        None => Err(Error::Batch { batch, microbatch, data, stages }),
    }
}

/// A function of a training (its step, loss or logits) split by a plan.
///
/// # Errors
/// [`Error`], naming the dimension that does not fall into equal parts.
pub fn split(function: &Function, plan: &Plan) -> Result<Partitioned, Error> {
    let rules = &*rules(plan);
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
            None if output.name == "logits" => {
                let axes = ["batch", "time", "vocabulary"].map(str::to_owned);
                placed(&output.name, &axes, axes.len(), rules)
            }
            None => vec![Vec::new(); function.ty(output.value).rank()],
        })
        .collect();
    Ok(partition(function, &plan.mesh(), &[STAGE], rules, &params, &results)?)
}

/// The program that begins a state ([`crate::step::initialize`]), split so that its tensors lie as a plan's step takes
/// them: each device makes its own parts, and as each number is a function of its place in the whole, they are the same
/// on every mesh.
///
/// # Errors
/// [`Error`], naming the dimension that does not fall into equal parts.
pub fn split_initialize(function: &Function, model: &ModelConfig, plan: &Plan) -> Result<Partitioned, Error> {
    let rules = rules(plan);
    let params: Vec<Split> =
        function.params.iter().map(|param| vec![Vec::new(); function.ty(param.value).rank()]).collect();
    let specs = model.parameters();
    // All parameters, and then their copy, if there is one.
    let groups = state_groups(true).iter().filter(|prefix| !prefix.starts_with(ADAM));
    let places = groups.flat_map(|prefix| specs.iter().map(move |spec| (prefix, spec.axes)));
    let results: Vec<Split> = function
        .results
        .iter()
        .zip(places)
        .map(|(output, (prefix, axes))| {
            let axes: Vec<String> = axes.iter().map(|&axis| axis.to_owned()).collect();
            placed(prefix, &axes, function.ty(output.value).rank(), &rules)
        })
        .collect();
    // It is of all stages' layers, unlike the step, which is written for one stage.
    Ok(partition(function, &plan.mesh(), &[], &rules, &params, &results)?)
}

/// The tables of a plan; those that follow from its other fields if there are none.
fn rules(plan: &Plan) -> Cow<'_, Rules> {
    match plan.rules.tables.is_empty() {
        true => Cow::Owned(plan.derived_rules()),
        false => Cow::Borrowed(&plan.rules),
    }
}

/// How an input of a training program is split: parameters and optimiser state by the tables of their names, batches as
/// activations, numbers not at all.
fn placed(name: &str, axes: &[String], rank: usize, rules: &Rules) -> Split {
    let is_of = |prefix: &&str| name.starts_with(*prefix);
    let table = if is_of(&PARAMETERS) {
        PlacementTable::Parameters
    } else if state_groups(true).iter().any(is_of) {
        PlacementTable::Optimizer
    } else {
        PlacementTable::Activations
    };
    rules.split_or_whole(table, axes, rank)
}

/// A model on a machine, for the search.
pub struct OnMachine<'a> {
    /// The model.
    pub planned: &'a Planned,
    /// The rates of the machine's devices.
    pub rates: &'a Rates<'a>,
}

impl Workload for OnMachine<'_> {
    fn work(&self, sequence_length: usize) -> Work {
        let Planned { model, queries, .. } = self.planned;
        model.work(sequence_length, queries.of_length(sequence_length))
    }

    fn dtype_bytes(&self) -> DtypeBytes {
        let Precision { parameters, activations } = self.planned.precision;
        DtypeBytes { parameter: parameters.size() as u64, activation: activations.size() as u64 }
    }

    fn memory_bound_seconds(&self, bytes: f64) -> f64 {
        self.rates.memory_bound(bytes, 0.0)
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
