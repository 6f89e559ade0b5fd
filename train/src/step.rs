//! The programs of training: the step, initialisation, and loss or logits alone.

mod microbatches;
mod optimizer;
pub mod pipeline;

use configuration::{Adam, Config};
use graph::{Builder, DType, Error, Function, Remat, Tensor, TensorType};
use model::parameters::add_params;
use model::{ForwardOptions, ModelConfig, Precision, QueryBlocks};

/// The options that a training step is built for.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOptions {
    /// Sizes of the model.
    pub model: ModelConfig,
    /// Dtypes of parameters and activations.
    pub precision: Precision,
    /// The rematerialisation policy: what the backward pass of the layers keeps.
    pub remat: Remat,
    /// How attention takes its queries.
    pub queries: QueryBlocks,
    /// Sequences per microbatch.
    pub batch: usize,
    /// Tokens per sequence.
    pub sequence_length: usize,
    /// The optimiser's constants.
    pub adam: Adam,
    /// Global norm that gradients are clipped to.
    pub clip_norm: f64,
    /// Microbatches of a step: their mean loss is that of the step, and their gradients are added up in float32.
    pub microbatches: usize,
    /// Stages of the pipeline, each of which has as many of the layers; 1 for none.
    pub stages: usize,
    /// Seed of stochastic rounding, for bfloat16 parameters.
    pub seed: u32,
    /// The rounding of new bfloat16 parameters.
    pub rounding: Rounding,
    /// Whether the optimiser's state holds a float32 copy of the parameters. The copy is what is updated then; parameters
    /// are the copy rounded to the nearest, and [`StepOptions::rounding`] means nothing.
    pub float32_copy: bool,
    /// Whether only targets that are not negative count: the loss is their mean, over all microbatches. It is for dialogues, of which
    /// only answers are learned.
    pub answers_only: bool,
}

/// The ways of rounding to a narrower dtype.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Up or down at random, so that the mean is the number itself (paper, section 3.2).
    #[default]
    Stochastic,
    /// To the nearest. Small updates are lost: this is for estimates of cost, not for training.
    Nearest,
}

/// The prefix of the parameters' names in the state.
pub use store::checkpoint::PARAMETERS;

/// The prefix of the names of Adam's tensors in the state: `adam/m/…` and `adam/v/…`. They start from zero.
pub const ADAM: &str = "adam/";

/// The prefix of the names of the parameters' float32 copy in the state.
pub const FLOAT32_COPY: &str = "optimizer/float32_copy/";

/// The groups of a state, each of which has a tensor per parameter, as prefixes of names, in the order of a step's
/// inputs and outputs: all parameters, all means, all means of squares, and with a float32 copy all of its tensors.
pub fn state_groups(float32_copy: bool) -> &'static [&'static str] {
    const GROUPS: [&str; 4] = [PARAMETERS, "adam/m/", "adam/v/", FLOAT32_COPY];
    if float32_copy { &GROUPS } else { &GROUPS[..3] }
}

impl StepOptions {
    /// A step with a batch of this training, on one device. Microbatches are never larger than those of the first batch.
    pub fn of(config: &Config, batch: usize) -> Self {
        let microbatches = config.microbatches(batch);
        let regime = config.regime();
        Self {
            model: config.model.clone(),
            precision: regime.dtypes(),
            remat: config.training.remat.clone(),
            queries: config.training.query_block.into(),
            batch: batch / microbatches,
            sequence_length: config.training.sequence_length,
            adam: config.optimizer,
            clip_norm: config.training.clip_norm,
            microbatches,
            stages: 1,
            seed: config.training.seed,
            rounding: Rounding::Stochastic,
            float32_copy: regime.float32_copy(),
            answers_only: config.data.dialogues,
        }
    }

    /// Float32, everything kept, one batch, one stage, Adam's usual constants, clipping to 1.
    pub fn new(model: impl Into<ModelConfig>, batch: usize, sequence_length: usize) -> Self {
        Self {
            model: model.into(),
            precision: Precision::FLOAT32,
            remat: Remat::None,
            queries: QueryBlocks::default(),
            batch,
            sequence_length,
            adam: Adam::default(),
            clip_norm: 1.0,
            microbatches: 1,
            stages: 1,
            seed: 0,
            rounding: Rounding::Stochastic,
            float32_copy: false,
            answers_only: false,
        }
    }

    /// [`state_groups`] of this step.
    pub fn state_groups(&self) -> &'static [&'static str] {
        state_groups(self.float32_copy)
    }

    /// Number of state tensors: inputs of a training step before its batch, and outputs before the metrics.
    pub fn state_count(&self) -> usize {
        self.state_groups().len() * self.model.parameters().len()
    }

    fn check(&self) -> Result<(), Error> {
        let (layers, stages, microbatches) = (self.model.sizes().layers, self.stages, self.microbatches);
        if stages == 0 || microbatches == 0 || !layers.is_multiple_of(stages) {
            let message = format!(
                "{layers} layers in {stages} stages with {microbatches} microbatches; both must be at least 1, and the \
                 layers a multiple of the stages"
            );
            return Err(Error::Type { op: "train_step", scope: String::new(), message });
        }
        Ok(())
    }

    /// The model that one stage holds: its share of the layers.
    fn stage_model(&self) -> ModelConfig {
        self.model.with_layers(self.model.sizes().layers / self.stages.max(1))
    }

    fn forward_options(&self) -> ForwardOptions {
        ForwardOptions {
            activations: self.precision.activations,
            remat: self.remat.clone(),
            queries: self.queries,
        }
    }

    /// Mean loss of one batch.
    fn loss(
        &self,
        b: &Builder,
        forward: &ForwardOptions,
        parameters: &[Tensor],
        tokens: Tensor,
        targets: Tensor,
    ) -> Result<Tensor, Error> {
        if !self.answers_only {
            return model::loss(b, &self.model, forward, parameters, tokens, targets);
        }
        let prepared =
            model::forward::prepare(b, &self.model, parameters, self.sequence_length, forward.activations)?;
        let sum = model::forward::counted_loss_prepared(b, &self.model, forward, &prepared, tokens, targets)?;
        b.mul(sum, model::forward::share_of_counted(b, targets, b.dtype(sum))?)
    }

    /// Dtype of losses.
    fn loss_dtype(&self) -> DType {
        self.precision.activations.accumulator()
    }

    /// Tokens and targets of one batch.
    fn batch_params(&self, b: &Builder) -> (Tensor, Tensor) {
        let ty = TensorType::new(DType::I32, [self.batch, self.sequence_length]);
        let tokens = b.param("tokens", ty.clone(), &["batch", "time"]);
        (tokens, b.param("targets", ty, &["batch", "time"]))
    }

    /// Tokens and targets of all microbatches of a step.
    fn step_params(&self, b: &Builder) -> (Tensor, Tensor) {
        if self.microbatches == 1 && self.stages == 1 {
            return self.batch_params(b);
        }
        let axes = ["microbatch", "batch", "time"];
        let ty = TensorType::new(DType::I32, [self.microbatches, self.batch, self.sequence_length]);
        let tokens = b.param("tokens", ty.clone(), &axes);
        (tokens, b.param("targets", ty, &axes))
    }
}

/// Mean loss of a step's batches, and its gradient for each parameter.
struct Derivative {
    loss: Tensor,
    gradients: Vec<Tensor>,
}

/// The program of one training step: loss, gradients, clipping by global norm, Adam.
///
/// Inputs: the state ([`StepOptions::state_groups`], each with a tensor for every parameter); `step`, f32 scalar, counting
/// from 1; `learning_rate`, f32 scalar; `loss_limit` and `apply`, f32 scalars; `tokens` and `targets`, i32 `[batch, time]`,
/// or `[microbatches, batch, time]` with several microbatches or stages.
/// Outputs: the state, each tensor in the memory of its input; `loss`, f32, mean nats per token that counts, before the step;
/// `grad_norm`, f32, global norm before clipping; `applied`, f32, 1 or 0.
///
/// A step leaves the state as it was, and `applied` is 0, if its loss or norm is not finite, its loss is above
/// `loss_limit`, or `apply` is 0. `applied` of one step can be `apply` of the next, which then changes nothing after a
/// bad step although it was started before anybody knew.
///
/// With several stages it is the program of one of them on a mesh with the axis [`pipeline::STAGE`], which has its share
/// of the layers' parameters and all others whole.
///
/// # Errors
/// [`graph::Error`] when the builder refuses the program, as for a model whose sizes contradict each other.
pub fn train_step(options: &StepOptions) -> Result<Function, Error> {
    options.check()?;
    let b = Builder::new("train_step");
    let model = options.stage_model();
    let groups = options.state_groups();
    let parameters = add_params(&b, &model, PARAMETERS, options.precision.parameters);
    // All of the optimiser's are float32.
    let group = |position: usize| add_params(&b, &model, groups[position], DType::F32);
    let (means, squares) = (group(1), group(2));
    let copy = options.float32_copy.then(|| group(3));
    let step = b.param("step", TensorType::scalar(DType::F32), &[]);
    let learning_rate = b.param("learning_rate", TensorType::scalar(DType::F32), &[]);
    let loss_limit = b.param("loss_limit", TensorType::scalar(DType::F32), &[]);
    let apply = b.param("apply", TensorType::scalar(DType::F32), &[]);
    let (tokens, targets) = options.step_params(&b);
    let derivative = match (options.stages, options.microbatches) {
        (1, 1) => {
            let forward = options.forward_options();
            let loss = options.loss(&b, &forward, &parameters, tokens, targets)?;
            Derivative { loss, gradients: graph::gradient(&b, loss, &parameters)? }
        }
        (1, _) => microbatches::accumulate(&b, options, &parameters, tokens, targets)?,
        _ => pipeline::pipeline(&b, options, &parameters, tokens, targets)?,
    };
    let state = optimizer::OptimizerState { parameters, means, squares, copy };
    let Derivative { loss, gradients } = derivative;
    let scalars = optimizer::Scalars { step, learning_rate, loss, loss_limit, apply };
    let updated = optimizer::update(&b, options, &state, &gradients, &scalars)?;
    let specs = model.parameters();
    for (position, (prefix, tensors)) in groups.iter().zip(updated.state).enumerate() {
        for (index, tensor) in tensors.into_iter().enumerate() {
            let name = format!("{prefix}{}", specs[index].name);
            b.output_aliased(name, tensor, Some(position * specs.len() + index));
        }
    }
    b.output("loss", loss);
    b.output("grad_norm", updated.norm);
    b.output("applied", updated.applied);
    b.finish()
}

/// The program that makes the state's first numbers, but for Adam's zeros: from `seed`, u32 scalar, all parameters, and
/// with a float32 copy all of its tensors, which are [`model::initialize()`]'s before rounding.
///
/// # Errors
/// [`graph::Error`] when the builder refuses the program, as for a model whose sizes contradict each other.
pub fn initialize(options: &StepOptions) -> Result<Function, Error> {
    let copy = options.float32_copy.then_some((FLOAT32_COPY, DType::F32));
    let groups: Vec<_> = [("", options.precision.parameters)].into_iter().chain(copy).collect();
    model::initialize_as(&options.model, &groups)
}

/// The loss alone: from the parameters, `tokens` and `targets` `[batch, time]` to `loss`, mean nats per token. As
/// [`train_step`], it is the program of one stage if there are several. Where only answers count, `counted` follows: how many
/// targets do.
///
/// # Errors
/// [`graph::Error`] when the builder refuses the program, as for a model whose sizes contradict each other.
pub fn loss(options: &StepOptions) -> Result<Function, Error> {
    options.check()?;
    let b = Builder::new("loss");
    let parameters = add_params(&b, &options.stage_model(), PARAMETERS, options.precision.parameters);
    let (tokens, targets) = options.batch_params(&b);
    let loss = match options.stages {
        1 => options.loss(&b, &options.forward_options(), &parameters, tokens, targets)?,
        _ => pipeline::evaluate(&b, options, &parameters, tokens, Some(targets))?,
    };
    b.output("loss", loss);
    if options.answers_only {
        b.output("counted", model::forward::count(&b, targets, options.loss_dtype())?);
    }
    b.finish()
}

/// The logits alone: from the parameters and `tokens` `[batch, time]` to `logits` `[batch, time, vocabulary]`, float32.
/// As [`train_step`], it is the program of one stage if there are several.
///
/// # Errors
/// [`graph::Error`] when the builder refuses the program, as for a model whose sizes contradict each other.
pub fn forward(options: &StepOptions) -> Result<Function, Error> {
    options.check()?;
    let b = Builder::new("forward");
    let parameters = add_params(&b, &options.stage_model(), PARAMETERS, options.precision.parameters);
    let ty = TensorType::new(DType::I32, [options.batch, options.sequence_length]);
    let tokens = b.param("tokens", ty, &["batch", "time"]);
    let logits = match options.stages {
        1 => model::forward(&b, &options.model, &options.forward_options(), &parameters, tokens)?,
        _ => pipeline::evaluate(&b, options, &parameters, tokens, None)?,
    };
    b.output("logits", logits);
    b.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Preset;

    /// The largest model's step is built in well under a second, and is no longer than the smallest's.
    #[test]
    fn programs_do_not_grow_with_the_model() {
        let nodes = |name: &str| {
            let preset = Preset::find(name).expect("a preset");
            let options = StepOptions::new(preset.config, 2, 2048);
            train_step(&options).expect("a valid program").node_count()
        };
        assert_eq!(nodes("44m"), nodes("280b"));
        assert!(nodes("280b") < 5000);
    }
}
