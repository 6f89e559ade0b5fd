//! Where the tensors of a model are to lie when it is split over devices, in terms of logical axes.
//!
//! Annotations change no number. A plan maps the axes of each table to the axes of a mesh; on one device nothing
//! comes of them.
//!
//! | axis | dimension |
//! |---|---|
//! | `batch` | sequences |
//! | `time` | positions, where a plan leaves sequences whole |
//! | `residual_time` | positions of the residual stream, where it may split them |
//! | `width` | the residual stream |
//! | `heads`, `kv`, `distance`, `feed_forward`, `vocabulary` | as in parameters and attention |
//!
//! Between layers' products the residual stream is `[batch, residual_time, width]`: what is elementwise or normalises
//! runs on a part of each sequence. Products see `[batch, time, width]`. So a plan that splits heads and feed-forward
//! over a group of devices gathers in front of each pair of products and scatters sums behind it (Korthikanti et al.
//! 2022, arXiv 2205.05198).

use graph::{BuildResult, Builder, Tensor};

/// The residual stream: what normalisation and biases see.
pub(crate) const RESIDUAL: &[&str] = &["batch", "residual_time", "width"];
/// The residual stream as products see it.
pub(crate) const WHOLE: &[&str] = &["batch", "time", "width"];

/// An activation, from here on, and its cotangent.
pub(crate) fn place(b: &Builder, x: Tensor, axes: &[&str], gradient: Option<&[&str]>) -> BuildResult {
    let _ = (b, axes, gradient);
    Ok(x)
}

/// A parameter as it is read: `axes` are its own, without that of a scan around.
///
/// A plan may store parameters in parts and gather them here, in the dtype of the activations; gradients are added up
/// in that of the parameter.
pub(crate) fn weight(b: &Builder, x: Tensor, axes: &[&str], dtype: graph::DType) -> BuildResult {
    let _ = axes;
    b.convert(x, dtype)
}
