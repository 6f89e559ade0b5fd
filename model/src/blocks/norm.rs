//! Normalisation.

use graph::{BuildResult, Builder, Tensor};

/// RMSNorm (Zhang & Sennrich 2019, arXiv 1910.07467): `x / sqrt(mean(x²) + epsilon) · gain` over the last dimension,
/// computed in float32 (or wider); `gain` has the size of that dimension.
///
/// # Errors
/// [`graph::Error::Type`] if `gain` has another size.
pub fn rms_norm(b: &Builder, x: Tensor, gain: Tensor, epsilon: f64) -> BuildResult {
    let _scope = b.scope("norm");
    let dtype = b.dtype(x);
    let last = b.ty(x).rank() - 1;
    let wide = b.convert(x, dtype.accumulator())?;
    let mean_square = b.mean(b.mul(wide, wide)?, &[last])?;
    let scale = b.rsqrt(b.offset(mean_square, epsilon)?)?;
    let normed = b.mul(wide, b.expand(scale, last)?)?;
    b.convert(b.mul(normed, b.convert(gain, dtype.accumulator())?)?, dtype)
}
