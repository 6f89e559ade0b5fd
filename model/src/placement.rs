//! Where the tensors of a model are to lie when it is split over devices, in terms of logical axes.
//!
//! Annotations change no number. A plan maps the axes of each table to the axes of a mesh; on one device they
//! mean nothing.
//!
//! | axis | dimension |
//! |---|---|
//! | `batch` | sequences |
//! | `time` | positions, where a plan leaves sequences whole |
//! | `residual_time` | positions of the residual stream, where it may split them |
//! | `width` | the residual stream |
//! | `heads`, `group`, `kv`, `distance`, `feed_forward`, `vocabulary` | as in parameters and attention |
//!
//! Between layers' matmuls the residual stream is `[batch, residual_time, width]`: what is elementwise or normalises
//! runs on a part of each sequence. Matmuls see `[batch, time, width]`. So a plan that splits heads and feed-forward
//! over a group of devices gathers in front of each pair of matmuls and scatters sums behind it (Korthikanti et al.
//! 2022, arXiv 2205.05198).

use graph::{BuildResult, Builder, DType, Placement, Tensor};

/// The residual stream: what normalisation and biases see.
pub(crate) const RESIDUAL: &[&str] = &["batch", "residual_time", "width"];
/// The residual stream as matmuls see it.
pub(crate) const WHOLE: &[&str] = &["batch", "time", "width"];

/// The tables of a plan, from logical axes to the axes of a mesh.
pub use graph::PlacementTable as Table;

/// A tensor that lies, from here on, as a table says of its axes; `gradient` says the same of its cotangent, which
/// otherwise lies as it comes.
///
/// # Errors
/// [`graph::Error::Type`] if there is not one axis for each dimension.
pub fn put(b: &Builder, x: Tensor, to: (Table, &[&str]), gradient: Option<(Table, &[&str])>) -> BuildResult {
    let placement = |(table, axes): (Table, &[&str])| Placement {
        table,
        axes: axes.iter().map(|&axis| axis.to_owned()).collect(),
    };
    b.shard(x, placement(to), gradient.map(placement))
}

/// An activation, from here on, and its cotangent.
pub(crate) fn place(b: &Builder, x: Tensor, axes: &[&str], gradient: Option<&[&str]>) -> BuildResult {
    put(b, x, (Table::Activations, axes), gradient.map(|axes| (Table::Activations, axes)))
}

/// A parameter as it is read: `axes` are its own, without that of a scan around.
///
/// A plan may store parameters in parts and gather them here, in the dtype of the activations; gradients are added up
/// in that of the parameter.
pub(crate) fn weight(b: &Builder, x: Tensor, axes: &[&str], dtype: DType) -> BuildResult {
    if b.dtype(x) == dtype {
        return put(b, x, (Table::Weights, axes), Some((Table::Gradients, axes)));
    }
    let stored = put(b, x, (Table::Parameters, axes), Some((Table::Gradients, axes)))?;
    put(b, b.convert(stored, dtype)?, (Table::Weights, axes), None)
}
