//! Attention with relative positions, as in Transformer-XL (Dai et al. 2019).
//!
//! The score of query `i` for key `j` is `((q_i + u)·k_j + (q_i + v)·(W_R R_{i-j})) / sqrt(kv)`, where `R_n` encodes
//! the distance `n` by sines and cosines, and `u`, `v` and `W_R` belong to the layer. Queries see keys `j ≤ i`.

use std::ops::Range;

use graph::{BuildResult, Builder, DType, Tensor, TensorType};
use sharding::cost::SCORES;

use super::attention::{by_texts, part, softmax_values};
use super::cache::seen;
use super::causal::{Attended, QueryBlocks, in_causal_blocks};

/// Encoded distances: row `c` of the result `[rows, d_model]` (f32) encodes distance `first - c` as
/// `[sin, cos]` of the distance divided by 10000^(2i/d_model). Computed, so that a program holds no table.
///
/// # Errors
/// [`graph::Error::Type`] if `first` is no float32 scalar.
pub fn encode_distances(b: &Builder, first: Tensor, rows: usize, d_model: usize) -> BuildResult {
    let half = d_model / 2;
    let count = b.convert(b.iota(TensorType::new(DType::I32, [rows]), 0)?, DType::F32)?;
    let distance = b.sub(first, count)?;
    let index = b.convert(b.iota(TensorType::new(DType::I32, [half]), 0)?, DType::F32)?;
    let frequency = b.exp(b.scale(index, -(1e4f64.ln()) * 2.0 / d_model as f64)?)?;
    let distance = b.broadcast(distance, &[rows, half], &[0])?;
    let angle = b.mul(distance, frequency)?;
    b.concatenate(&[b.sin(angle)?, b.cos(angle)?], 1)
}

/// What attention over one sequence reads. Dimensions: heads `h`, batch `b`, queries `n`, keys `s`, head width `k`.
/// Heads come first so that content and position scores come out of their contractions in one order.
pub struct Attention<'a> {
    /// Queries plus the content bias `u`, divided by `sqrt(k)`: `[h, b, n, k]`.
    pub content_query: Tensor,
    /// Queries plus the position bias `v`, divided by `sqrt(k)`: `[h, b, n, k]`.
    pub position_query: Tensor,
    /// Keys: `[h, b, s, k]`, in one array or in several that have the texts one after another.
    pub keys: &'a [Tensor],
    /// Values: as the keys.
    pub values: &'a [Tensor],
    /// Projected distances `[h, s + 1, k]`, or `[h, b, s + 1, k]` for texts at positions of their own: row `c` is that of
    /// distance `last - c`, where `last` is the last query's position. The rows beyond distance 0 are never weighed.
    pub relative: Tensor,
}

/// `scores[a, j] = raw[a, j + n - 1 - a]`: from columns that count distances from the last query's to those of
/// each query's own keys. `raw` is `[h, b, n, s + 1]`, the result `[h, b, n, s]`; entries of keys after the query
/// are meaningless.
///
/// Row-major, the wanted elements lie `s` apart row to row, in a matrix of rows of `s + 1`: so cutting the first
/// `n - 1` elements and reading rows of `s` is the whole shift.
fn shift(b: &Builder, raw: Tensor) -> BuildResult {
    let [h, batch, n, width] = b.shape(raw)[..] else { unreachable!("scores have four dimensions") };
    let flat = b.reshape(raw, &[h, batch, n * width])?;
    let cut = b.slice_dim(flat, 2, n - 1, n - 1 + n * (width - 1))?;
    b.reshape(cut, &[h, batch, n, width - 1])
}

/// Attention of `n` queries at positions `first_position + a` (i32, a scalar or `[b]`) over keys at positions `0..s`:
/// `[h, b, n, k]`.
///
/// # Errors
/// [`graph::Error::Type`] if the shapes are not those of [`Attention`].
pub fn attend(b: &Builder, inputs: &Attention<'_>, first_position: Tensor) -> BuildResult {
    let Attention { content_query, position_query, keys, values, relative } = *inputs;
    let _scope = b.scope(SCORES);
    let content = by_texts(b, "hbnk,hbsk->hbns", content_query, keys)?;
    let equation = if b.shape(relative).len() == 3 { "hbnk,hsk->hbns" } else { "hbnk,hbsk->hbns" };
    let raw = b.einsum_as(equation, position_query, relative, b.dtype(content))?;
    let scores = b.add(content, shift(b, raw)?)?;
    softmax_values(b, scores, values, "hbns,hbsk->hbnk", first_position)
}

/// Causal self-attention over whole sequences, `[h, b, t, k]`, with `relative` `[h, t + 1, k]`, its queries taken as `blocks` says.
///
/// # Errors
/// [`graph::Error::Type`] if the shapes are not those of [`Attention`].
pub fn attend_causally(b: &Builder, inputs: &Attention<'_>, blocks: QueryBlocks) -> BuildResult {
    let Attention { content_query, position_query, keys, values, relative } = *inputs;
    let length = keys.first().map_or(0, |&key| b.shape(key)[2]);
    let count = keys.len();
    let read = |queries: Range<usize>| {
        let end = queries.end;
        let mut read = [seen(b, keys, end)?, seen(b, values, end)?].concat();
        read.push(part(b, relative, 1, length - end..length + 1)?);
        Ok(read)
    };
    in_causal_blocks(b, blocks, &[content_query, position_query], 2, read, |of| {
        let (b, &[content_query, position_query], Some((&relative, read))) =
            (of.builder, of.queries, of.keys.split_last())
        else {
            unreachable!("what was given to in_causal_blocks")
        };
        let relative = rows_of(b, relative, &of, b.shape(content_query)[2])?;
        let (keys, values) = read.split_at(count);
        let inputs = Attention { content_query, position_query, keys, values, relative };
        attend(b, &inputs, of.first_position)
    })
}

/// Of the projected distances that a block of queries reads, `[h, s + 1, k]` from that of its last query's to the first
/// key on, those that `count` of its queries read, from the distance of their own last one on.
fn rows_of(b: &Builder, relative: Tensor, of: &Attended<'_>, count: usize) -> BuildResult {
    let Some(to_end) = of.to_end else { return Ok(relative) };
    let [h, rows, k] = b.shape(relative)[..] else { unreachable!("distances have three dimensions") };
    // Beyond the last row are keys after the block: hidden, whatever is there.
    let padded = b.pad(relative, 0.0, &[0, 0, 0], &[0, (of.block - count) as i64, 0])?;
    let first = b.sub(to_end, b.scalar(DType::I32, count as f64)?)?;
    let none = b.scalar(DType::I32, 0.0)?;
    b.dynamic_slice(padded, &[none, first, none], &[h, rows, k])
}
