//! What every causal attention does with its scores.

use std::ops::Range;

use graph::{BuildResult, Builder, Comparison, DType, Reduction, Tensor, TensorType};

use super::cache::texts_of;

/// Softmax of `scores` `[heads, batch, …, n, s]` over keys at positions `0..s` that queries at `first_position + a` may see,
/// applied to `values` by `equation`, in their dtype: one array, or several as of [`by_texts`]. `first_position` is a scalar, or `[batch]`.
///
/// Scores and softmax are float32 (paper, appendix C), or float64 in a program of that type. The weights are divided
/// by their sum after they have been applied to the values, which is the same and touches fewer numbers.
///
/// # Errors
/// [`graph::Error::Type`] if `equation` does not fit the shapes.
pub fn softmax_values(
    b: &Builder,
    scores: Tensor,
    values: &[Tensor],
    equation: &str,
    first_position: Tensor,
) -> BuildResult {
    let dtype = values.first().map_or(DType::F32, |&value| b.dtype(value));
    let wide = dtype.accumulator();
    let shape = b.shape(scores);
    let last = shape.len() - 1;
    let (n, s) = (shape[last - 1], shape[last]);
    let query = b.iota(TensorType::new(DType::I32, [n, s]), 0)?;
    let key_position = || b.iota(TensorType::new(DType::I32, [n, s]), 1);
    let visible = match b.shape(first_position)[..] {
        [] => {
            let query = b.add(query, first_position)?;
            b.compare(Comparison::Le, key_position()?, query)?
        }
        [batch, ..] => {
            let first = b.broadcast(first_position, &[batch, n, s], &[0])?;
            let visible = b.compare(Comparison::Le, key_position()?, b.add(query, first)?)?;
            b.broadcast(visible, &shape, &[1, last - 1, last])?
        }
    };
    let lowest = b.scalar(wide, f32::MIN as f64)?;
    let scores = b.select(visible, scores, lowest)?;
    // Softmax does not change when all scores of a row move by the same amount, so the maximum needs no gradient.
    let maximum = b.stop_gradient(b.reduce(Reduction::Max, scores, &[last])?)?;
    let weights = b.exp(b.sub(scores, b.expand(maximum, last)?)?)?;
    let total = b.sum(weights, &[last])?;
    let applied = by_texts(b, equation, b.convert(weights, dtype)?, values)?;
    b.convert(b.div(applied, b.expand(total, last)?)?, dtype)
}

/// The contraction of `x` `[heads, batch, …]` with `parts` `[heads, texts, …]`, which have the texts of `x` one after another, by an
/// `equation` that keeps heads and texts where they are; in the accumulator's dtype. However many parts there are beside it, each is the
/// same computation.
///
/// # Errors
/// [`graph::Error::Type`] if `equation` does not fit the shapes.
pub fn by_texts(b: &Builder, equation: &str, x: Tensor, parts: &[Tensor]) -> BuildResult {
    let one = |(&array, texts): (&Tensor, Range<usize>)| {
        b.einsum_as(equation, part(b, x, 1, texts)?, array, b.dtype(array).accumulator())
    };
    let joined: Vec<_> = parts.iter().zip(texts_of(b, parts)).map(one).collect::<Result<_, _>>()?;
    if joined.len() == 1 { Ok(joined[0]) } else { b.concatenate(&joined, 1) }
}

/// The part `range` of `x` along `dim`; `x` itself if that is all of it.
///
/// # Errors
/// [`graph::Error::Type`] if `x` is shorter.
pub fn part(b: &Builder, x: Tensor, dim: usize, range: Range<usize>) -> BuildResult {
    let whole = range.start == 0 && b.shape(x)[dim] == range.end;
    if whole { Ok(x) } else { b.slice_dim(x, dim, range.start, range.end) }
}
