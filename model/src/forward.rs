//! The forward pass and the loss.

use graph::{
    BuildResult, Builder, Comparison, DType, Error, Reduction, Remat, ScanInputs, ScanOutputs, Tensor,
    TensorType,
};

use crate::attention::{Attention, attend_causally, encode_distances};
use crate::layer::{feed_forward, layer_parameters, project, project_out, rms_norm, stacked};
use crate::parameters::{COUNT, Parameters, RELATIVE, axes};
use crate::placement::{RESIDUAL, Table, WHOLE, place, put, weight};

/// Dtypes of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precision {
    /// Dtype that parameters are held in.
    pub parameters: DType,
    /// Dtype of activations and of the operands of matrix products.
    pub activations: DType,
}

impl Precision {
    /// float32 throughout.
    pub const FLOAT32: Precision = Precision { parameters: DType::F32, activations: DType::F32 };
    /// float32 parameters, bfloat16 activations: the paper's setting below 7.1B.
    pub const BFLOAT16_ACTIVATIONS: Precision =
        Precision { parameters: DType::F32, activations: DType::BF16 };
    /// bfloat16 parameters and activations: the paper's setting for 7.1B and 280B. Adam's means stay float32, and
    /// parameters are updated with stochastic rounding.
    pub const BFLOAT16: Precision = Precision { parameters: DType::BF16, activations: DType::BF16 };
}

/// Choices that change how a forward pass is computed, not what.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardOptions {
    /// Dtype of activations.
    pub activations: DType,
    /// What the backward pass of the layers keeps.
    pub remat: Remat,
    /// Queries per attention block; 0 chooses by sequence length.
    pub query_block: usize,
}

impl ForwardOptions {
    /// Defaults for activations of this dtype.
    pub fn new(activations: DType) -> Self {
        Self { activations, remat: Remat::None, query_block: 0 }
    }

    /// Queries per attention block for sequences of this length: about eight blocks, of at least 64.
    pub fn block(&self, sequence_length: usize) -> usize {
        match self.query_block {
            0 => sequence_length.div_ceil(8).max(64),
            block => block,
        }
    }
}

/// Token embeddings `[b, t, d]`. There is no scaling and no absolute position.
///
/// # Errors
/// When the shapes do not fit.
pub fn embed(b: &Builder, tokens: Tensor, embedding: Tensor, dtype: DType) -> BuildResult {
    let _scope = b.scope("embedding");
    place(b, b.convert(b.take(embedding, tokens)?, dtype)?, RESIDUAL, Some(WHOLE))
}

/// The parameters outside the layers as they are read, in `outside`'s places; the rest as they are. The embedding is
/// read twice, and so that its gradient is one sum, both times as this tensor.
///
/// # Errors
/// When the shapes do not fit.
pub fn outside_layers(b: &Builder, parameters: &[Tensor; COUNT]) -> Result<[Tensor; COUNT], Error> {
    let mut all = *parameters;
    for (index, axes) in axes().into_iter().enumerate() {
        if axes[0] != "layers" {
            all[index] = put(b, all[index], (Table::Weights, axes), None)?;
        }
    }
    Ok(all)
}

/// The distances that attention over `length` positions reads, projected for each layer:
/// `[layers, heads, length + 1, kv]`, from `layers/attention/relative` `[layers, d, heads, kv]`. Row `c` is that of
/// distance `length - 1 - c`.
///
/// They do not depend on the text: a training step makes them once, for all layers and batches.
///
/// # Errors
/// When the shapes do not fit.
pub fn project_distances(b: &Builder, weights: Tensor, length: usize, dtype: DType) -> BuildResult {
    let _scope = b.scope("positions");
    let [layers, d_model, ..] = b.shape(weights)[..] else {
        return Err(Error::Gradient(format!("the relative projections are {}", b.ty(weights))));
    };
    let first = b.scalar(DType::F32, length as f64 - 1.0)?;
    let distances = b.convert(encode_distances(b, first, length + 1, d_model)?, dtype)?;
    let inputs =
        ScanInputs { length: layers, xs: &[weights], constants: &[distances], ..ScanInputs::default() };
    let layers = b.scan("distances", inputs, |body| {
        let b = body.builder;
        let weights = weight(b, body.xs[0], &axes()[RELATIVE][1..], dtype)?;
        let projected = b.einsum("sd,dhk->hsk", body.constants[0], weights)?;
        let projected = place(b, projected, &["heads", "distance", "kv"], None)?;
        Ok(ScanOutputs { carries: vec![], ys: vec![projected] })
    })?;
    Ok(layers.ys[0])
}

/// The residual stream `[b, t, d]` after the layers, from that before them. Of `parameters`, those of layers are read,
/// and in the place of [`RELATIVE`] stand the projected distances of [`project_distances`].
///
/// The layers are one scan: the program is as long for 80 layers as for 2.
///
/// # Errors
/// When the shapes do not fit.
pub fn run_layers(
    b: &Builder,
    options: &ForwardOptions,
    parameters: &[Tensor; COUNT],
    x: Tensor,
) -> BuildResult {
    let length = b.shape(x).get(1).copied().unwrap_or_default();
    let block = options.block(length);
    let inputs = ScanInputs {
        length: b.shape(parameters[RELATIVE]).first().copied().unwrap_or_default(),
        remat: options.remat.clone(),
        carries: &[x],
        xs: stacked(parameters),
        ..ScanInputs::default()
    };
    let layers = b.scan("layers", inputs, |body| {
        let (b, x) = (body.builder, body.carries[0]);
        let layer = layer_parameters(b, body.xs, options.activations)?;
        let x = {
            let _scope = b.scope("attention");
            let projections = project(b, x, &layer)?;
            let attention = Attention {
                content_query: projections.content_query,
                position_query: projections.position_query,
                key: projections.key,
                value: projections.value,
                relative: layer.relative,
            };
            project_out(b, x, attend_causally(b, &attention, block)?, &layer)?
        };
        let x = place(b, feed_forward(b, x, &layer)?, RESIDUAL, Some(RESIDUAL))?;
        Ok(ScanOutputs { carries: vec![x], ys: vec![] })
    })?;
    Ok(layers.carries[0])
}

/// Logits `[b, t, vocabulary]` in float32, from `x` `[b, t, d]` after the last layer.
///
/// # Errors
/// When the shapes do not fit.
pub fn logits(b: &Builder, x: Tensor, parameters: &[Tensor; COUNT]) -> BuildResult {
    let _scope = b.scope("logits");
    let parameters = Parameters::from_array(*parameters);
    let dtype = b.dtype(x);
    let y = place(b, rms_norm(b, x, parameters.final_norm)?, WHOLE, Some(RESIDUAL))?;
    let embedding = b.convert(parameters.embedding, dtype)?;
    let logits = b.einsum_as("btd,vd->btv", y, embedding, dtype.accumulator())?;
    let logits = place(b, logits, &["batch", "time", "vocabulary"], None)?;
    b.add(logits, b.convert(parameters.logits_bias, dtype.accumulator())?)
}

/// Logits `[b, t, vocabulary]`, float32, of every position; `tokens` is `[b, t]`, i32.
///
/// # Errors
/// When the parameters do not have the shapes of [`crate::parameters::specs`].
pub fn forward(
    b: &Builder,
    options: &ForwardOptions,
    parameters: &[Tensor; COUNT],
    tokens: Tensor,
) -> BuildResult {
    let length = b.shape(tokens).get(1).copied().unwrap_or_default();
    let mut all = *parameters;
    all[RELATIVE] = project_distances(b, all[RELATIVE], length, options.activations)?;
    forward_projected(b, options, &all, tokens)
}

/// As [`forward`], with the projected distances of [`project_distances`] in the place of [`RELATIVE`].
///
/// # Errors
/// When the shapes do not fit.
pub fn forward_projected(
    b: &Builder,
    options: &ForwardOptions,
    parameters: &[Tensor; COUNT],
    tokens: Tensor,
) -> BuildResult {
    let all = outside_layers(b, parameters)?;
    let x = embed(b, tokens, all[0], options.activations)?;
    logits(b, run_layers(b, options, &all, x)?, &all)
}

/// Negative log-probability of each target, in nats: `[b, t]`, float32; `targets` is `[b, t]`, i32.
///
/// # Errors
/// When the shapes do not fit.
pub fn cross_entropy(b: &Builder, logits: Tensor, targets: Tensor) -> BuildResult {
    let _scope = b.scope("cross_entropy");
    let shape = b.shape(logits);
    let last = shape.len() - 1;
    let maximum = b.stop_gradient(b.reduce(Reduction::Max, logits, &[last])?)?;
    let shifted = b.sub(logits, b.expand(maximum, last)?)?;
    let log_total = b.log(b.sum(b.exp(shifted)?, &[last])?)?;
    // Picked by comparison: a gather would leave its gradient a scatter over all logits.
    let vocabulary = b.iota(TensorType::new(DType::I32, shape.clone()), last)?;
    let is_target = b.compare(Comparison::Eq, vocabulary, b.expand(targets, last)?)?;
    let zero = b.scalar(b.dtype(logits), 0.0)?;
    let picked = b.sum(b.select(is_target, shifted, zero)?, &[last])?;
    b.sub(log_total, picked)
}

/// Mean of [`cross_entropy`] over all positions, a scalar.
///
/// # Errors
/// When the shapes do not fit.
pub fn mean_cross_entropy(b: &Builder, logits: Tensor, targets: Tensor) -> BuildResult {
    b.mean(cross_entropy(b, logits, targets)?, &[0, 1])
}

/// Mean negative log-probability of `targets` `[b, t]` after `tokens` `[b, t]`, in nats per token, a float32 scalar.
///
/// # Errors
/// When the parameters do not have the shapes of [`crate::parameters::specs`].
pub fn loss(
    b: &Builder,
    options: &ForwardOptions,
    parameters: &[Tensor; COUNT],
    tokens: Tensor,
    targets: Tensor,
) -> BuildResult {
    mean_cross_entropy(b, forward(b, options, parameters, tokens)?, targets)
}

/// As [`loss`], with the projected distances of [`project_distances`] in the place of [`RELATIVE`].
///
/// # Errors
/// When the shapes do not fit.
pub fn loss_projected(
    b: &Builder,
    options: &ForwardOptions,
    parameters: &[Tensor; COUNT],
    tokens: Tensor,
    targets: Tensor,
) -> BuildResult {
    mean_cross_entropy(b, forward_projected(b, options, parameters, tokens)?, targets)
}
