//! The forward pass and the loss, of any architecture.

use graph::{
    BuildResult, Builder, Comparison, DType, Error, Reduction, Remat, ScanInputs, ScanOutputs, Tensor,
    TensorType,
};

use crate::blocks::causal::QueryBlocks;
use crate::blocks::embedding;
use crate::config::ModelConfig;
use crate::parameters::ParameterSpec;
use crate::placement::{RESIDUAL, Table, place, put, weight};

/// Dtypes of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precision {
    /// Dtype that parameters are held in.
    pub parameters: DType,
    /// Dtype of activations and of the operands of matmuls.
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
    /// How attention takes its queries.
    pub queries: QueryBlocks,
}

impl ForwardOptions {
    /// Defaults for activations of this dtype.
    pub fn new(activations: DType) -> Self {
        Self { activations, remat: Remat::None, queries: QueryBlocks::default() }
    }
}

/// The parameters outside the layers as they are read, in their places; the rest as they are. An embedding that is read
/// twice is read both times as this tensor, so that its gradient is one sum.
///
/// # Errors
/// [`Error::Type`] if the parameters do not have the shapes of [`ModelConfig::parameters`].
pub fn outside_layers(b: &Builder, model: &ModelConfig, parameters: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    let specs = model.parameters();
    let outside = |(&parameter, spec): (&Tensor, &ParameterSpec)| match spec.is_of_layers() {
        true => Ok(parameter),
        false => put(b, parameter, (Table::Weights, spec.axes), None),
    };
    parameters.iter().zip(&specs).map(outside).collect()
}

/// The parameters with what [`prepare`](crate::Architecture::prepare) makes of some in their places, for sequences of
/// `length`: these are the same for all batches, and a training step computes them once.
///
/// # Errors
/// [`Error::Type`] if the parameters do not have the shapes of [`ModelConfig::parameters`].
pub fn prepare(
    b: &Builder,
    model: &ModelConfig,
    parameters: &[Tensor],
    length: usize,
    dtype: DType,
) -> Result<Vec<Tensor>, Error> {
    let mut prepared = parameters.to_vec();
    model.prepare(b, &mut prepared, length, dtype)?;
    Ok(prepared)
}

/// The residual stream `[b, t, d]` before the first layer: token embeddings. `outside` are those of [`outside_layers`].
///
/// # Errors
/// [`Error::Type`] if `tokens` are not i32 `[b, t]`.
pub fn embed(
    b: &Builder,
    model: &ModelConfig,
    outside: &[Tensor],
    tokens: Tensor,
    dtype: DType,
) -> BuildResult {
    embedding::embed(b, tokens, outside[model.embedding()], dtype)
}

/// The parameters that one layer reads, from its slices of the stacked ones: those of matmuls in `dtype`, as a plan places
/// weights.
pub(crate) fn layer_weights(
    b: &Builder,
    model: &ModelConfig,
    slices: &[Tensor],
    dtype: DType,
) -> Result<Vec<Tensor>, Error> {
    let specs = model.parameters();
    let of_layers = specs.iter().filter(|spec| spec.is_of_layers());
    let read = |(&slice, spec): (&Tensor, &ParameterSpec)| {
        if spec.prepared {
            return Ok(slice);
        }
        // Gains and biases keep their dtype until they are used.
        let dtype = if spec.axes.len() > 2 { dtype } else { b.dtype(slice) };
        weight(b, slice, &spec.axes[1..], dtype)
    };
    slices.iter().zip(of_layers).map(read).collect()
}

/// The stacked parameters of the layers, in order.
pub(crate) fn stacked(model: &ModelConfig, parameters: &[Tensor]) -> Vec<Tensor> {
    let specs = model.parameters();
    let of_layers = parameters.iter().zip(&specs).filter(|(_, spec)| spec.is_of_layers());
    of_layers.map(|(&parameter, _)| parameter).collect()
}

/// The residual stream `[b, t, d]` after the layers, from that before them. Of `prepared`, those of layers are read.
///
/// The layers are one scan: the program is as long for 80 layers as for 2.
///
/// # Errors
/// [`Error::Type`] if the parameters are not those of [`prepare`].
pub fn run_layers(
    b: &Builder,
    model: &ModelConfig,
    options: &ForwardOptions,
    prepared: &[Tensor],
    x: Tensor,
) -> BuildResult {
    let queries = options.queries.of_length(b.shape(x).get(1).copied().unwrap_or_default());
    let xs = stacked(model, prepared);
    let count = xs.first().and_then(|&first| b.shape(first).first().copied());
    let inputs = ScanInputs {
        length: count.unwrap_or_default(),
        remat: options.remat.clone(),
        carries: &[x],
        xs: &xs,
        ..ScanInputs::default()
    };
    let layers = b.scan("layers", inputs, |body| {
        let (b, x) = (body.builder, body.carries[0]);
        let weights = layer_weights(b, model, body.xs, options.activations)?;
        let x = model.layer(b, &weights, x, queries)?;
        Ok(ScanOutputs { carries: vec![place(b, x, RESIDUAL, Some(RESIDUAL))?], ys: vec![] })
    })?;
    Ok(layers.carries[0])
}

/// Logits `[b, t, vocabulary]`, float32 or wider, from the residual stream `[b, t, d]` after the last layer. Of `outside`,
/// those outside the layers are read. Ids that stand for no token ([`ModelConfig::tokens`]) have logits
/// of -1e30.
///
/// # Errors
/// [`Error::Type`] if the parameters are not those of [`outside_layers`].
pub fn logits(b: &Builder, model: &ModelConfig, outside: &[Tensor], x: Tensor) -> BuildResult {
    let logits = model.head(b, outside, x)?;
    let tokens = model.tokens();
    if tokens == model.padded_vocabulary() { Ok(logits) } else { embedding::mask_padding(b, logits, tokens) }
}

/// Logits `[b, t, vocabulary]`, float32, of every position; `tokens` is `[b, t]`, i32.
///
/// # Errors
/// [`Error::Type`] if the parameters do not have the shapes of [`ModelConfig::parameters`].
pub fn forward(
    b: &Builder,
    model: &ModelConfig,
    options: &ForwardOptions,
    parameters: &[Tensor],
    tokens: Tensor,
) -> BuildResult {
    let length = b.shape(tokens).get(1).copied().unwrap_or_default();
    let prepared = prepare(b, model, parameters, length, options.activations)?;
    forward_prepared(b, model, options, &prepared, tokens)
}

/// As [`forward`], with the parameters of [`prepare`].
///
/// # Errors
/// [`Error::Type`] if the parameters are not those of [`prepare`].
pub fn forward_prepared(
    b: &Builder,
    model: &ModelConfig,
    options: &ForwardOptions,
    prepared: &[Tensor],
    tokens: Tensor,
) -> BuildResult {
    let all = outside_layers(b, model, prepared)?;
    let x = embed(b, model, &all, tokens, options.activations)?;
    logits(b, model, &all, run_layers(b, model, options, &all, x)?)
}

/// Negative log-probability of each target, in nats: `[b, t]`, float32; `targets` is `[b, t]`, i32.
///
/// # Errors
/// [`Error::Type`] if `logits` are not `[b, t, vocabulary]` of floats.
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
/// As [`cross_entropy`].
pub fn mean_cross_entropy(b: &Builder, logits: Tensor, targets: Tensor) -> BuildResult {
    b.mean(cross_entropy(b, logits, targets)?, &[0, 1])
}

/// Sum of [`cross_entropy`] over the positions whose target is not negative, a scalar. Negative targets stand for tokens that
/// nothing is to be learned of, such as those of a question.
///
/// # Errors
/// As [`cross_entropy`].
pub fn counted_cross_entropy(b: &Builder, logits: Tensor, targets: Tensor) -> BuildResult {
    let losses = cross_entropy(b, logits, targets)?;
    let _scope = b.scope("counted");
    let nothing = b.full(&b.ty(losses), 0.0)?;
    b.sum(b.select(is_counted(b, targets)?, losses, nothing)?, &[0, 1])
}

/// What [`counted_cross_entropy`] is multiplied by to become a mean over all of `targets`, of any shape: one over the number of those
/// that are not negative, or 1 if there is none.
///
/// # Errors
/// [`Error::Type`] if `targets` are not i32.
pub fn share_of_counted(b: &Builder, targets: Tensor, dtype: DType) -> BuildResult {
    let number = b.max(count(b, targets, dtype)?, b.scalar(dtype, 1.0)?)?;
    b.div(b.scalar(dtype, 1.0)?, number)
}

/// How many of `targets`, of any shape, are not negative, a scalar.
///
/// # Errors
/// [`Error::Type`] if `targets` are not i32.
pub fn count(b: &Builder, targets: Tensor, dtype: DType) -> BuildResult {
    let _scope = b.scope("counted");
    let ty = b.ty(targets).with_dtype(dtype);
    let ones = b.select(is_counted(b, targets)?, b.full(&ty, 1.0)?, b.full(&ty, 0.0)?)?;
    b.sum(ones, &(0..ty.rank()).collect::<Vec<_>>())
}

fn is_counted(b: &Builder, targets: Tensor) -> BuildResult {
    b.compare(Comparison::Ge, targets, b.full(&b.ty(targets), 0.0)?)
}

/// Mean negative log-probability of `targets` `[b, t]` after `tokens` `[b, t]`, in nats per token, a float32 scalar.
///
/// # Errors
/// [`Error::Type`] if the parameters do not have the shapes of [`ModelConfig::parameters`].
pub fn loss(
    b: &Builder,
    model: &ModelConfig,
    options: &ForwardOptions,
    parameters: &[Tensor],
    tokens: Tensor,
    targets: Tensor,
) -> BuildResult {
    mean_cross_entropy(b, forward(b, model, options, parameters, tokens)?, targets)
}

/// As [`loss`], with the parameters of [`prepare`].
///
/// # Errors
/// [`Error::Type`] if the parameters are not those of [`prepare`].
pub fn loss_prepared(
    b: &Builder,
    model: &ModelConfig,
    options: &ForwardOptions,
    prepared: &[Tensor],
    tokens: Tensor,
    targets: Tensor,
) -> BuildResult {
    mean_cross_entropy(b, forward_prepared(b, model, options, prepared, tokens)?, targets)
}

/// As [`loss_prepared`], but the sum over the targets that are not negative ([`counted_cross_entropy`]).
///
/// # Errors
/// [`Error::Type`] if the parameters are not those of [`prepare`].
pub fn counted_loss_prepared(
    b: &Builder,
    model: &ModelConfig,
    options: &ForwardOptions,
    prepared: &[Tensor],
    tokens: Tensor,
    targets: Tensor,
) -> BuildResult {
    counted_cross_entropy(b, forward_prepared(b, model, options, prepared, tokens)?, targets)
}
