//! The forward pass and the loss.

use graph::{
    BuildResult, Builder, Comparison, DType, Error, Reduction, Remat, ScanInputs, ScanOutputs, Tensor,
    TensorType,
};

use crate::attention::{Attention, attend_causally, encode_distances};
use crate::config::ModelConfig;
use crate::parameters::{COUNT, Parameters};

/// Term under the root in RMSNorm, to avoid division by zero. The paper does not give one; this is ours.
pub const NORM_EPSILON: f64 = 1e-6;

/// Names of values inside a layer that [`Remat::Save`] can keep.
pub const SAVEABLE: [&str; 6] =
    ["attention_input", "query", "key", "value", "attention_result", "feed_forward_hidden"];

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

/// `x / rms(x) · gain` over the last dimension, computed in float32 (or wider).
pub(crate) fn rms_norm(b: &Builder, x: Tensor, gain: Tensor) -> BuildResult {
    let _scope = b.scope("norm");
    let dtype = b.dtype(x);
    let last = b.ty(x).rank() - 1;
    let wide = b.convert(x, dtype.accumulator())?;
    let mean_square = b.mean(b.mul(wide, wide)?, &[last])?;
    let scale = b.rsqrt(b.offset(mean_square, NORM_EPSILON)?)?;
    let normed = b.mul(wide, b.expand(scale, last)?)?;
    b.convert(b.mul(normed, b.convert(gain, dtype.accumulator())?)?, dtype)
}

/// GELU in its tanh form. The paper does not name its activation; Flamingo's Gopher-family models use GELU.
fn gelu(b: &Builder, x: Tensor) -> BuildResult {
    let cube = b.mul(x, b.mul(x, x)?)?;
    let inner = b.scale(b.add(x, b.scale(cube, 0.044715)?)?, (2.0 / std::f64::consts::PI).sqrt())?;
    b.mul(b.scale(x, 0.5)?, b.offset(b.tanh(inner)?, 1.0)?)
}

/// `x` `[b, t, inputs…]` times `weight` `[inputs…, outputs…]`, with as many input dimensions in both: `[b, t, outputs…]`.
///
/// Written as the product of two matrices: XLA's CPU compiler takes longer for products of tensors of higher rank,
/// and their derivatives, than for the same ones flattened (`docs/performance.md`).
pub(crate) fn multiply(b: &Builder, x: Tensor, weight: Tensor) -> BuildResult {
    let (rows, shape) = (b.shape(x), b.shape(weight));
    let (inputs, outputs) = shape.split_at(rows.len() - 2);
    let width = inputs.iter().product();
    let x = b.reshape(x, &[rows[0] * rows[1], width])?;
    let weight = b.convert(b.reshape(weight, &[width, outputs.iter().product()])?, b.dtype(x))?;
    b.reshape(b.einsum("nd,df->nf", x, weight)?, &[&rows[..2], outputs].concat())
}

/// Queries with both biases, keys and values of a layer: each `[h, b, t, k]`, from `x` `[b, t, d]`.
pub(crate) struct Projections {
    pub(crate) content_query: Tensor,
    pub(crate) position_query: Tensor,
    pub(crate) key: Tensor,
    pub(crate) value: Tensor,
}

pub(crate) fn project(b: &Builder, x: Tensor, layer: &Parameters<Tensor>) -> Result<Projections, Error> {
    let dtype = b.dtype(x);
    let project = |weight: Tensor, name: &str| {
        let heads = multiply(b, x, weight)?;
        b.name(b.transpose(heads, &[2, 0, 1, 3])?, name)
    };
    let query = project(layer.query, "query")?;
    let [h, batch, t, k] = b.shape(query)[..] else { unreachable!("queries have four dimensions") };
    let biased = |bias: Tensor| {
        let bias = b.broadcast(b.convert(bias, dtype)?, &[h, batch, t, k], &[0, 3])?;
        b.scale(b.add(query, bias)?, 1.0 / (k as f64).sqrt())
    };
    Ok(Projections {
        content_query: biased(layer.content_bias)?,
        position_query: biased(layer.position_bias)?,
        key: project(layer.key, "key")?,
        value: project(layer.value, "value")?,
    })
}

/// Adds the attention result `[h, b, t, k]`, projected, to the residual stream.
pub(crate) fn project_out(b: &Builder, x: Tensor, heads: Tensor, layer: &Parameters<Tensor>) -> BuildResult {
    let dtype = b.dtype(x);
    let heads = b.name(b.transpose(heads, &[1, 2, 0, 3])?, "attention_result")?;
    let output = multiply(b, heads, layer.output)?;
    b.add(x, b.add(output, b.convert(layer.output_bias, dtype)?)?)
}

/// The feed-forward half of a layer, `x` `[b, t, d]`.
pub(crate) fn feed_forward(b: &Builder, x: Tensor, layer: &Parameters<Tensor>) -> BuildResult {
    let _scope = b.scope("feed_forward");
    let dtype = b.dtype(x);
    let y = rms_norm(b, x, layer.feed_forward_norm)?;
    let hidden = multiply(b, y, layer.feed_forward_in)?;
    let hidden =
        b.name(b.add(hidden, b.convert(layer.feed_forward_in_bias, dtype)?)?, "feed_forward_hidden")?;
    let output = multiply(b, gelu(b, hidden)?, layer.feed_forward_out)?;
    b.add(x, b.add(output, b.convert(layer.feed_forward_out_bias, dtype)?)?)
}

/// Logits `[b, t, vocabulary]` in float32, from `x` `[b, t, d]` after the last layer.
pub(crate) fn logits(b: &Builder, x: Tensor, parameters: &Parameters<Tensor>) -> BuildResult {
    let _scope = b.scope("logits");
    let dtype = b.dtype(x);
    let y = rms_norm(b, x, parameters.final_norm)?;
    let embedding = b.convert(parameters.embedding, dtype)?;
    let [batch, length, width] = b.shape(y)[..] else {
        unreachable!("the residual stream has three dimensions")
    };
    let y = b.reshape(y, &[batch * length, width])?;
    let logits = b.einsum_as("nd,vd->nv", y, embedding, dtype.accumulator())?;
    let vocabulary = b.shape(logits)[1];
    let logits = b.reshape(logits, &[batch, length, vocabulary])?;
    b.add(logits, b.convert(parameters.logits_bias, dtype.accumulator())?)
}

/// Token embeddings `[b, t, d]`. There is no scaling and no absolute position.
pub(crate) fn embed(b: &Builder, tokens: Tensor, embedding: Tensor, dtype: DType) -> BuildResult {
    let _scope = b.scope("embedding");
    b.convert(b.take(embedding, tokens)?, dtype)
}

/// The parameters that one iteration of a scan over layers reads, from its slices of the stacked ones.
pub(crate) fn layer_parameters(slices: &[Tensor], outside: Tensor) -> Result<Parameters<Tensor>, Error> {
    let all: Vec<Tensor> = [&[outside], slices, &[outside, outside]].concat();
    let all: [Tensor; COUNT] =
        all.try_into().map_err(|_| Error::Gradient("a layer has the wrong number of parameters".into()))?;
    Ok(Parameters::from_array(all))
}

/// The stacked parameters, in the order [`layer_parameters`] takes their slices.
pub(crate) fn stacked(all: &[Tensor; COUNT]) -> &[Tensor] {
    &all[1..COUNT - 2]
}

/// Logits `[b, t, vocabulary]`, float32, of every position; `tokens` is `[b, t]`, i32.
///
/// The layers are one scan: the program is as long for 80 layers as for 2.
///
/// # Errors
/// When the parameters do not have the shapes of [`crate::parameters::specs`].
pub fn forward(
    b: &Builder,
    config: &ModelConfig,
    options: &ForwardOptions,
    parameters: &[Tensor; COUNT],
    tokens: Tensor,
) -> BuildResult {
    let all = Parameters::from_array(*parameters);
    let x = embed(b, tokens, all.embedding, options.activations)?;
    let length = b.shape(tokens)[1];
    let distances = {
        let _scope = b.scope("positions");
        let first = b.scalar(DType::F32, length as f64 - 1.0)?;
        b.convert(encode_distances(b, first, length + 1, config.d_model)?, options.activations)?
    };
    let block = options.block(length);
    let inputs = ScanInputs {
        length: config.layers,
        reverse: false,
        remat: options.remat.clone(),
        carries: &[x],
        xs: stacked(parameters),
        constants: &[distances],
    };
    let layers = b.scan("layers", inputs, |body| {
        let (b, x, distances) = (body.builder, body.carries[0], body.constants[0]);
        let layer = layer_parameters(body.xs, x)?;
        let x = {
            let _scope = b.scope("attention");
            let y = b.name(rms_norm(b, x, layer.attention_norm)?, "attention_input")?;
            let projections = project(b, y, &layer)?;
            let relative =
                b.einsum("sd,dhk->shk", distances, b.convert(layer.relative, options.activations)?)?;
            let attention = Attention {
                content_query: projections.content_query,
                position_query: projections.position_query,
                key: projections.key,
                value: projections.value,
                relative: b.transpose(relative, &[1, 0, 2])?,
            };
            let heads = attend_causally(b, &attention, block)?;
            project_out(b, x, heads, &layer)?
        };
        Ok(ScanOutputs { carries: vec![feed_forward(b, x, &layer)?], ys: vec![] })
    })?;
    logits(b, layers.carries[0], &all)
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
    config: &ModelConfig,
    options: &ForwardOptions,
    parameters: &[Tensor; COUNT],
    tokens: Tensor,
    targets: Tensor,
) -> BuildResult {
    let logits = forward(b, config, options, parameters, tokens)?;
    mean_cross_entropy(b, logits, targets)
}
