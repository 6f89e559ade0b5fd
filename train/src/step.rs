//! The programs of training: one step, and the loss alone.

use graph::{Builder, DType, Error, Function, Remat, Tensor, TensorType};
use model::parameters::{COUNT, add_params, specs};
use model::{ForwardOptions, ModelConfig, Precision};
use serde::{Deserialize, Serialize};

/// Adam's constants. The paper does not give them; these are its group's elsewhere (RETRO, arXiv 2112.04426).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Term beside the root, to avoid division by zero.
    pub epsilon: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }
    }
}

/// What a training step is made for.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOptions {
    /// Sizes of the model.
    pub model: ModelConfig,
    /// Dtypes of parameters and activations.
    pub precision: Precision,
    /// What the backward pass of the layers keeps.
    pub remat: Remat,
    /// Queries per attention block; 0 chooses by sequence length.
    pub query_block: usize,
    /// Sequences per batch.
    pub batch: usize,
    /// Tokens per sequence.
    pub sequence_length: usize,
    /// The optimiser's constants.
    pub adam: Adam,
    /// Global norm that gradients are clipped to.
    pub clip_norm: f64,
}

/// The three tensors the state holds for each parameter, as prefixes of their names, in the order of the program's
/// inputs and outputs: all parameters, then all means, then all means of squares.
pub const STATE: [&str; 3] = ["parameters/", "adam/m/", "adam/v/"];

/// Number of state tensors: inputs of a training step before the batch, and outputs before the metrics.
pub const STATE_COUNT: usize = STATE.len() * COUNT;

impl StepOptions {
    fn forward_options(&self) -> ForwardOptions {
        ForwardOptions {
            activations: self.precision.activations,
            remat: self.remat.clone(),
            query_block: self.query_block,
        }
    }

    fn batch_params(&self, b: &Builder) -> (Tensor, Tensor) {
        let ty = TensorType::new(DType::I32, [self.batch, self.sequence_length]);
        let tokens = b.param("tokens", ty.clone(), &["batch", "time"]);
        (tokens, b.param("targets", ty, &["batch", "time"]))
    }
}

/// One step of training: loss, gradients, clipping by global norm, Adam.
///
/// Inputs: the state (51 tensors: [`STATE`] for each parameter); `step`, f32 scalar, counting from 1; `learning_rate`,
/// f32 scalar; `tokens` and `targets`, i32 `[batch, time]`.
/// Outputs: the state, each tensor in the memory of its input; `loss`, f32, mean nats per token before the step;
/// `grad_norm`, f32, global norm before clipping. A step whose gradients are not finite leaves the state as it was.
///
/// # Errors
/// When the sizes make no valid program.
pub fn train_step(options: &StepOptions) -> Result<Function, Error> {
    let b = Builder::new("train_step");
    let parameters = add_params(&b, &options.model, STATE[0], options.precision.parameters);
    let means = add_params(&b, &options.model, STATE[1], DType::F32);
    let squares = add_params(&b, &options.model, STATE[2], DType::F32);
    let step = b.param("step", TensorType::scalar(DType::F32), &[]);
    let learning_rate = b.param("learning_rate", TensorType::scalar(DType::F32), &[]);
    let (tokens, targets) = options.batch_params(&b);
    let loss = model::loss(&b, &options.forward_options(), &parameters, tokens, targets)?;
    let gradients = graph::gradient(&b, loss, &parameters)?;

    let scope = b.scope("optimizer");
    let wide = |x: Tensor| b.convert(x, DType::F32);
    let mut total = b.scalar(DType::F32, 0.0)?;
    for &gradient in &gradients {
        let gradient = wide(gradient)?;
        let all: Vec<_> = (0..b.shape(gradient).len()).collect();
        total = b.add(total, b.sum(b.mul(gradient, gradient)?, &all)?)?;
    }
    let norm = b.sqrt(total)?;
    let finite = b.is_finite(norm)?;
    let limit = b.scalar(DType::F32, options.clip_norm)?;
    let clip = b.div(limit, b.max(norm, limit)?)?;

    let Adam { beta1, beta2, epsilon } = options.adam;
    let correction = |beta: f64| -> Result<Tensor, Error> {
        let power = b.exp(b.scale(step, beta.ln())?)?;
        b.offset(b.neg(power)?, 1.0)
    };
    let (correction1, correction2) = (correction(beta1)?, correction(beta2)?);
    let rate = b.div(learning_rate, correction1)?;
    let keep_unless_finite = |new: Tensor, old: Tensor| {
        let finite = b.broadcast(finite, &b.shape(new), &[])?;
        b.select(finite, new, old)
    };
    let mut state = [Vec::new(), Vec::new(), Vec::new()];
    for index in 0..COUNT {
        let (parameter, mean, square) = (parameters[index], means[index], squares[index]);
        let gradient = b.mul(wide(gradients[index])?, clip)?;
        let squared = b.mul(gradient, gradient)?;
        let new_mean = b.add(b.scale(mean, beta1)?, b.scale(gradient, 1.0 - beta1)?)?;
        let new_square = b.add(b.scale(square, beta2)?, b.scale(squared, 1.0 - beta2)?)?;
        let root = b.offset(b.sqrt(b.div(new_square, correction2)?)?, epsilon)?;
        let update = b.div(b.mul(new_mean, rate)?, root)?;
        let new = b.convert(b.sub(wide(parameter)?, update)?, options.precision.parameters)?;
        state[0].push(keep_unless_finite(new, parameter)?);
        state[1].push(keep_unless_finite(new_mean, mean)?);
        state[2].push(keep_unless_finite(new_square, square)?);
    }
    drop(scope);
    let names = specs(&options.model).map(|spec| spec.name);
    for (position, (prefix, tensors)) in STATE.iter().zip(state).enumerate() {
        for (index, tensor) in tensors.into_iter().enumerate() {
            b.output_aliased(format!("{prefix}{}", names[index]), tensor, Some(position * COUNT + index));
        }
    }
    b.output("loss", loss);
    b.output("grad_norm", norm);
    b.finish()
}

/// The loss alone: from the parameters, `tokens` and `targets` to `loss`, mean nats per token.
///
/// # Errors
/// When the sizes make no valid program.
pub fn loss(options: &StepOptions) -> Result<Function, Error> {
    let b = Builder::new("loss");
    let parameters = add_params(&b, &options.model, STATE[0], options.precision.parameters);
    let (tokens, targets) = options.batch_params(&b);
    let loss = model::loss(&b, &options.forward_options(), &parameters, tokens, targets)?;
    b.output("loss", loss);
    b.finish()
}

/// The logits alone: from the parameters and `tokens` to `logits` `[batch, time, vocabulary]`, float32.
///
/// # Errors
/// When the sizes make no valid program.
pub fn forward(options: &StepOptions) -> Result<Function, Error> {
    let b = Builder::new("forward");
    let parameters = add_params(&b, &options.model, STATE[0], options.precision.parameters);
    let ty = TensorType::new(DType::I32, [options.batch, options.sequence_length]);
    let tokens = b.param("tokens", ty, &["batch", "time"]);
    let logits = model::forward(&b, &options.forward_options(), &parameters, tokens)?;
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
            let options = StepOptions {
                model: preset.config,
                precision: Precision::FLOAT32,
                remat: Remat::None,
                query_block: 0,
                batch: 2,
                sequence_length: 2048,
                adam: Adam::default(),
                clip_norm: preset.clip_norm,
            };
            train_step(&options).expect("a valid program").node_count()
        };
        assert_eq!(nodes("44m"), nodes("280b"));
        assert!(nodes("280b") < 5000);
    }
}
