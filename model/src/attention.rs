//! Attention with relative positions, as in Transformer-XL (Dai et al. 2019).
//!
//! The score of query `i` for key `j` is `((q_i + u)·k_j + (q_i + v)·(W_R R_{i-j})) / sqrt(kv)`, where `R_n` encodes
//! the distance `n` by sines and cosines, and `u`, `v` and `W_R` belong to the layer. Queries see keys `j ≤ i`.

use graph::{BuildResult, Builder, Comparison, DType, Error, Reduction, Tensor, TensorType};

/// Encoded distances: row `c` of the result `[rows, d_model]` (f32) encodes distance `first - c` as
/// `[sin, cos]` of the distance divided by 10000^(2i/d_model). Computed, so that a program holds no table.
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
pub struct Attention {
    /// Queries plus the content bias `u`, divided by `sqrt(k)`: `[h, b, n, k]`.
    pub content_query: Tensor,
    /// Queries plus the position bias `v`, divided by `sqrt(k)`: `[h, b, n, k]`.
    pub position_query: Tensor,
    /// Keys: `[h, b, s, k]`.
    pub key: Tensor,
    /// Values: `[h, b, s, k]`.
    pub value: Tensor,
    /// Projected distances `[h, s + 1, k]`: row `c` is that of distance `last - c`, where `last` is the last
    /// query's position. The rows beyond distance 0 are never weighed.
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

/// Attention of `n` queries at positions `first_position + a` over keys at positions `0..s`: `[h, b, n, k]`.
///
/// Scores and softmax are float32 (paper, appendix C), or float64 in a program of that type. The weights are divided
/// by their sum after they have been applied to the values, which is the same and touches fewer numbers.
pub fn attend(b: &Builder, inputs: &Attention, first_position: Tensor) -> BuildResult {
    let Attention { content_query, position_query, key, value, relative } = *inputs;
    let dtype = b.dtype(value);
    let wide = dtype.accumulator();
    let content = b.einsum_as("hbnk,hbsk->hbns", content_query, key, wide)?;
    let raw = b.einsum_as("hbnk,hsk->hbns", position_query, relative, wide)?;
    let scores = b.add(content, shift(b, raw)?)?;
    let shape = b.shape(scores);
    let (n, s) = (shape[2], shape[3]);
    let query = b.add(b.iota(TensorType::new(DType::I32, [n, s]), 0)?, first_position)?;
    let key_position = b.iota(TensorType::new(DType::I32, [n, s]), 1)?;
    let visible = b.compare(Comparison::Le, key_position, query)?;
    let lowest = b.scalar(wide, f32::MIN as f64)?;
    let scores = b.select(visible, scores, lowest)?;
    // Softmax does not change when all scores of a row move by the same amount, so the maximum needs no gradient.
    let maximum = b.stop_gradient(b.reduce(Reduction::Max, scores, &[3])?)?;
    let weights = b.exp(b.sub(scores, b.expand(maximum, 3)?)?)?;
    let total = b.sum(weights, &[3])?;
    let applied = b.einsum_as("hbns,hbsk->hbnk", b.convert(weights, dtype)?, value, wide)?;
    b.convert(b.div(applied, b.expand(total, 3)?)?, dtype)
}

/// Causal self-attention over whole sequences, `[h, b, t, k]`, with `relative` `[h, t + 1, k]`.
///
/// Queries are taken in blocks, each of which sees only the keys up to its own end: what causality hides is, but
/// for the blocks on the diagonal, never computed.
pub fn attend_causally(b: &Builder, inputs: &Attention, block: usize) -> Result<Tensor, Error> {
    let length = b.shape(inputs.key)[2];
    let block = block.clamp(1, length);
    let mut outputs = Vec::new();
    for start in (0..length).step_by(block) {
        let end = (start + block).min(length);
        let part = |x: Tensor, from: usize, to: usize, dim: usize| {
            if from == 0 && b.shape(x)[dim] == to { Ok(x) } else { b.slice_dim(x, dim, from, to) }
        };
        let inputs = Attention {
            content_query: part(inputs.content_query, start, end, 2)?,
            position_query: part(inputs.position_query, start, end, 2)?,
            key: part(inputs.key, 0, end, 2)?,
            value: part(inputs.value, 0, end, 2)?,
            relative: part(inputs.relative, length - end, length + 1, 1)?,
        };
        let first_position = b.scalar(DType::I32, start as f64)?;
        outputs.push(attend(b, &inputs, first_position)?);
    }
    if outputs.len() == 1 { Ok(outputs[0]) } else { b.concatenate(&outputs, 2) }
}
