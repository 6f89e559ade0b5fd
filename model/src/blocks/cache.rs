//! Caches of texts that are all at one position, or each at its own.

use graph::{BuildResult, Builder, DType, Error, Tensor};

/// `cache` `[heads, batch, window, width]` with `new` `[heads, batch, n, width]` in it from `position` on: i32, a scalar, or
/// `[batch]`.
///
/// # Errors
/// [`Error::Type`] if the shapes are others.
pub fn written(b: &Builder, cache: Tensor, new: Tensor, position: Tensor) -> BuildResult {
    let zero = b.scalar(DType::I32, 0.0)?;
    let Some(positions) = each(b, position)? else {
        return b.dynamic_update_slice(cache, new, &[zero, zero, position, zero]);
    };
    // Row by row, in place: one after another they are no copies of the cache.
    positions.into_iter().enumerate().try_fold(cache, |cache, (row, position)| {
        let place = b.scalar(DType::I32, row as f64)?;
        b.dynamic_update_slice(cache, b.slice_dim(new, 1, row, row + 1)?, &[zero, place, position, zero])
    })
}

/// The positions of texts that have one each, i32 scalars; `None` if `position` is a scalar.
///
/// # Errors
/// [`Error::Type`] if `position` has more than one dimension.
pub fn each(b: &Builder, position: Tensor) -> Result<Option<Vec<Tensor>>, Error> {
    let shape = b.shape(position);
    let Some(&batch) = shape.first() else { return Ok(None) };
    let one = |row| b.reshape(b.slice_dim(position, 0, row, row + 1)?, &[]);
    (0..batch).map(one).collect::<Result<_, _>>().map(Some)
}
