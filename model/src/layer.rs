//! The parts of a layer.

use graph::{BuildResult, Builder, DType, Error, Tensor};

use crate::parameters::{COUNT, Parameters, RELATIVE, axes};
use crate::placement::{RESIDUAL, WHOLE, place, weight};

/// Term under the root in RMSNorm, to avoid division by zero. The paper does not give one; this is ours.
pub const NORM_EPSILON: f64 = 1e-6;

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

/// Queries with both biases, keys and values of a layer: each `[h, b, t, k]`.
pub(crate) struct Projections {
    pub(crate) content_query: Tensor,
    pub(crate) position_query: Tensor,
    pub(crate) key: Tensor,
    pub(crate) value: Tensor,
}

/// From the residual stream `[b, t, d]`.
pub(crate) fn project(b: &Builder, x: Tensor, layer: &Parameters<Tensor>) -> Result<Projections, Error> {
    let dtype = b.dtype(x);
    let y = b.name(rms_norm(b, x, layer.attention_norm)?, "attention_input")?;
    let y = place(b, y, WHOLE, Some(RESIDUAL))?;
    let project = |weight: Tensor, name: &str| {
        let heads = b.einsum("btd,dhk->hbtk", y, weight)?;
        b.name(place(b, heads, &["heads", "batch", "time", "kv"], None)?, name)
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

/// Adds a product `[b, t, d]` and its bias to the residual stream.
fn add_to_stream(b: &Builder, x: Tensor, product: Tensor, bias: Tensor) -> BuildResult {
    // The product is a sum over split dimensions: it is added up before the bias is, which is there once.
    let product = place(b, product, RESIDUAL, Some(WHOLE))?;
    b.add(x, b.add(product, b.convert(bias, b.dtype(x))?)?)
}

/// Adds the attention result `[h, b, t, k]`, projected, to the residual stream.
pub(crate) fn project_out(b: &Builder, x: Tensor, heads: Tensor, layer: &Parameters<Tensor>) -> BuildResult {
    let heads = b.name(b.transpose(heads, &[1, 2, 0, 3])?, "attention_result")?;
    let output = b.einsum("bthk,hkd->btd", heads, layer.output)?;
    b.name(add_to_stream(b, x, output, layer.output_bias)?, "attention_output")
}

/// The feed-forward half of a layer, `x` `[b, t, d]`.
pub(crate) fn feed_forward(b: &Builder, x: Tensor, layer: &Parameters<Tensor>) -> BuildResult {
    let _scope = b.scope("feed_forward");
    let y = rms_norm(b, x, layer.feed_forward_norm)?;
    let y = place(b, y, WHOLE, Some(RESIDUAL))?;
    let hidden = b.einsum("btd,df->btf", y, layer.feed_forward_in)?;
    let hidden = b.add(hidden, b.convert(layer.feed_forward_in_bias, b.dtype(x))?)?;
    let hidden = b.name(hidden, "feed_forward_hidden")?;
    let output = b.einsum("btf,fd->btd", gelu(b, hidden)?, layer.feed_forward_out)?;
    add_to_stream(b, x, output, layer.feed_forward_out_bias)
}

/// The parameters that one iteration of a scan over layers reads, from its slices of the stacked ones: those of
/// products in `dtype`. In the place of `relative` stands whatever the scan was given there.
pub(crate) fn layer_parameters(
    b: &Builder,
    slices: &[Tensor],
    dtype: DType,
) -> Result<Parameters<Tensor>, Error> {
    let outside = *slices.first().ok_or_else(wrong_count)?;
    let all: Vec<Tensor> = [&[outside], slices, &[outside, outside]].concat();
    let mut all: [Tensor; COUNT] = all.try_into().map_err(|_| wrong_count())?;
    for (index, axes) in axes().into_iter().enumerate() {
        if index != RELATIVE && axes[0] == "layers" {
            // Gains and biases keep their dtype until they are used.
            let dtype = if axes.len() > 2 { dtype } else { b.dtype(all[index]) };
            all[index] = weight(b, all[index], &axes[1..], dtype)?;
        }
    }
    Ok(Parameters::from_array(all))
}

fn wrong_count() -> Error {
    Error::Gradient("a layer has the wrong number of parameters".into())
}

/// The stacked parameters, in the order [`layer_parameters`] takes their slices.
pub(crate) fn stacked(all: &[Tensor; COUNT]) -> &[Tensor] {
    &all[1..COUNT - 2]
}
