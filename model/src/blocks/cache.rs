//! Caches of texts that are all at one position, or each at its own; in one array, or in several of which each has some of the texts.

use std::ops::Range;

use graph::{BuildResult, Builder, DType, Error, Tensor};

use super::attention::part;

/// The texts, of all that a step continues, whose cache each array has: `[heads, texts, window, width]`, one after another.
pub fn texts_of(b: &Builder, caches: &[Tensor]) -> Vec<Range<usize>> {
    let ends = caches.iter().scan(0, |end, &cache| {
        let start = *end;
        *end += b.shape(cache).get(1).copied().unwrap_or_default();
        Some(start..*end)
    });
    ends.collect()
}

/// The caches of a layer by kind, such as keys and values: of each kind, those of all groups of texts. They come group by group.
pub fn by_kind<const KINDS: usize>(caches: &[Tensor]) -> [Vec<Tensor>; KINDS] {
    std::array::from_fn(|kind| caches.iter().skip(kind).step_by(KINDS).copied().collect())
}

/// The opposite of [`by_kind`].
pub fn by_group<const KINDS: usize>(caches: [Vec<Tensor>; KINDS]) -> Vec<Tensor> {
    let groups = caches.first().map_or(0, Vec::len);
    (0..groups).flat_map(|group| caches.iter().map(move |kind| kind[group])).collect()
}

/// The first `positions` of caches `[heads, texts, window, width]`.
///
/// # Errors
/// [`Error::Type`] if they have fewer.
pub fn seen(b: &Builder, caches: &[Tensor], positions: usize) -> Result<Vec<Tensor>, Error> {
    caches.iter().map(|&cache| part(b, cache, 2, 0..positions)).collect()
}

/// Caches `[heads, texts, window, width]` with `new` `[heads, batch, n, width]` in them from `position` on: i32, a scalar, or
/// `[batch]`. The arrays have the texts one after another.
///
/// # Errors
/// [`Error::Type`] if the shapes are others.
pub fn written(b: &Builder, caches: &[Tensor], new: Tensor, position: Tensor) -> Result<Vec<Tensor>, Error> {
    let one = |(&cache, texts): (&Tensor, Range<usize>)| {
        let position = match b.shape(position).is_empty() {
            true => position,
            false => part(b, position, 0, texts.clone())?,
        };
        written_in(b, cache, part(b, new, 1, texts)?, position)
    };
    caches.iter().zip(texts_of(b, caches)).map(one).collect()
}

fn written_in(b: &Builder, cache: Tensor, new: Tensor, position: Tensor) -> BuildResult {
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
