//! The feed-forward half of a layer: two forms of its hidden layer.

use graph::{BuildResult, Builder, Tensor};

/// GELU in its tanh form (Hendrycks & Gimpel 2016, arXiv 1606.08415).
///
/// # Errors
/// [`graph::Error::Type`] if `x` is not of floats.
pub fn gelu(b: &Builder, x: Tensor) -> BuildResult {
    let cube = b.mul(x, b.mul(x, x)?)?;
    let inner = b.scale(b.add(x, b.scale(cube, 0.044715)?)?, (2.0 / std::f64::consts::PI).sqrt())?;
    b.mul(b.scale(x, 0.5)?, b.offset(b.tanh(inner)?, 1.0)?)
}

/// SwiGLU's hidden layer `[b, t, f]` (Shazeer 2020, arXiv 2002.05202): `silu(y·gate) · (y·up)` with `y` `[b, t, d]` and
/// weights `[d, f]`; `silu(x) = x / (1 + e^-x)`.
///
/// # Errors
/// [`graph::Error::Type`] if the widths differ.
pub fn swiglu(b: &Builder, y: Tensor, gate: Tensor, up: Tensor) -> BuildResult {
    let gate = b.name(b.einsum("btd,df->btf", y, gate)?, "feed_forward_hidden")?;
    let up = b.name(b.einsum("btd,df->btf", y, up)?, "feed_forward_hidden")?;
    b.mul(b.mul(gate, b.logistic(gate)?)?, up)
}
