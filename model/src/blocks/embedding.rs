//! Tokens in, logits out.

use graph::{BuildResult, Builder, Comparison, DType, Tensor, TensorType};

use crate::placement::{RESIDUAL, WHOLE, place};

/// Token embeddings `[b, t, d]` in `dtype`: rows of `table` `[vocabulary, d]`. There is no scaling and no absolute
/// position.
///
/// # Errors
/// [`graph::Error::Type`] if `tokens` are not i32 or `table` is no matrix.
pub fn embed(b: &Builder, tokens: Tensor, table: Tensor, dtype: DType) -> BuildResult {
    let _scope = b.scope("embedding");
    place(b, b.convert(b.take(table, tokens)?, dtype)?, RESIDUAL, Some(WHOLE))
}

/// Logits `[b, t, vocabulary]`, float32 or wider: the products of `y` `[b, t, d]` with the rows of `table`.
///
/// # Errors
/// [`graph::Error::Type`] if the widths differ.
pub fn project_to_vocabulary(b: &Builder, y: Tensor, table: Tensor) -> BuildResult {
    let dtype = b.dtype(y);
    let logits = b.einsum_as("btd,vd->btv", y, b.convert(table, dtype)?, dtype.accumulator())?;
    place(b, logits, &["batch", "time", "vocabulary"], None)
}

/// Logits `[b, t, padded]` with those of ids from `vocabulary_size` on, which stand for no token, lowered to -1e30: no
/// softmax gives them weight.
///
/// # Errors
/// [`graph::Error::Type`] if `logits` are not of floats.
pub fn mask_padding(b: &Builder, logits: Tensor, vocabulary_size: usize) -> BuildResult {
    let _scope = b.scope("padding");
    let shape = b.shape(logits);
    let last = shape.len() - 1;
    let id = b.iota(TensorType::new(DType::I32, shape), last)?;
    let is_token = b.compare(Comparison::Lt, id, b.scalar(DType::I32, vocabulary_size as f64)?)?;
    b.select(is_token, logits, b.scalar(b.dtype(logits), -1e30)?)
}
