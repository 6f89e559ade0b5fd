//! The parts that architectures are made of: each a function from tensors to tensors.

pub mod attention;
pub mod cache;
pub mod causal;
pub mod embedding;
pub mod feed_forward;
pub mod norm;
pub mod relative;
pub mod rotary;

use graph::{BuildResult, Builder, Tensor};

use crate::placement::{RESIDUAL, WHOLE, place};

/// Places a sublayer's input, the normalised residual stream `[b, t, d]`, as matmuls see it.
pub(crate) fn gather_stream(b: &Builder, x: Tensor) -> BuildResult {
    place(b, x, WHOLE, Some(RESIDUAL))
}

/// Places a sublayer's output `[b, t, d]`, a sum over what a plan splits, as the residual stream lies.
pub(crate) fn scatter_stream(b: &Builder, x: Tensor) -> BuildResult {
    place(b, x, RESIDUAL, Some(WHOLE))
}
