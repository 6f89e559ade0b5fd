//! What an architecture is: the trait that every kind of model implements in one file.

use std::fmt;

use graph::{BuildResult, Builder, DType, Error, Tensor};
use sharding::search::Work;

use crate::blocks::causal::QueryBlocks;
use crate::config::{ConfigError, ModelConfig, Value};
use crate::parameters::ParameterSpec;

/// The sizes that every decoder has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Number of Transformer layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of tokens in the vocabulary.
    pub vocabulary_size: usize,
    /// Number of (query) heads of attention.
    pub heads: usize,
    /// Width of each head's keys, queries and values.
    pub key_value_size: usize,
    /// Width of the feed-forward hidden layer.
    pub feed_forward_size: usize,
}

/// A tensor that decoding keeps from token to token, for all layers.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSpec {
    /// Name, such as `keys`.
    pub name: &'static str,
    /// Logical axis of each dimension; the first is `layers`.
    pub axes: &'static [&'static str],
    /// Size of each dimension.
    pub shape: Vec<usize>,
}

/// What a layer reads in a decoding step, besides the residual stream.
#[derive(Clone, Copy)]
pub struct DecodeInputs<'a> {
    /// The layer's parameters, in the order of [`Architecture::parameters`]; those of matmuls in the activations' dtype.
    pub weights: &'a [Tensor],
    /// The layer's part of what [`Architecture::decode_tables`] made.
    pub tables: &'a [Tensor],
    /// The layer's part of each cache: of all texts, or of one group of texts after another, of each group all kinds in their order.
    pub caches: &'a [Tensor],
    /// Position of the first new token, i32: a scalar, or `[batch]` if each text has its own.
    pub position: Tensor,
    /// Positions that tokens attend to: the caches' first, of which there may be more.
    pub window: usize,
}

/// A decoder-only Transformer: token embeddings, layers that read and write a residual stream, and a head that makes
/// logits of it.
///
/// An implementation has the sizes of one model. All its tensors carry logical axes ([`crate::placement`]): a plan maps
/// these to devices, and an architecture knows nothing of it. Of the parameters, those whose first axis is `layers` belong
/// to the layers, which are one scan; all others stand outside.
pub trait Architecture: fmt::Debug + Send + Sync {
    /// Its name in configurations, such as `gopher`.
    fn kind(&self) -> &'static str;

    /// The sizes every decoder has.
    fn sizes(&self) -> Sizes;

    /// Every key of its configuration with its value, in the order a file has them.
    fn keys(&self) -> Vec<(&'static str, Value)>;

    /// The same model with another number of layers, such as a pipeline stage's share.
    fn with_layers(&self, layers: usize) -> ModelConfig;

    /// Checks the sizes.
    ///
    /// # Errors
    /// [`ConfigError`] with the key that is wrong.
    fn check(&self) -> Result<(), ConfigError>;

    /// The parameters, in the order of every program and checkpoint: names, shapes, logical axes, initial values.
    fn parameters(&self) -> Vec<ParameterSpec>;

    /// Position in [`Architecture::parameters`] of the embedding `[vocabulary, embed]`, whose rows are the residual stream
    /// before the first layer.
    fn embedding(&self) -> usize {
        0
    }

    /// Computes what depends on parameters but on no text, once per step: each parameter of `parameters` whose
    /// [`ParameterSpec::prepared`] is true is replaced by what the layers read instead, for sequences of `length`.
    ///
    /// # Errors
    /// [`Error::Type`] if the parameters do not have the shapes of [`Architecture::parameters`].
    fn prepare(
        &self,
        b: &Builder,
        parameters: &mut [Tensor],
        length: usize,
        dtype: DType,
    ) -> Result<(), Error> {
        let _ = (b, parameters, length, dtype);
        Ok(())
    }

    /// One layer over whole sequences: from the residual stream `[batch, time, width]` to the next. `weights` are the
    /// layer's parameters, in order, matrices in the dtype of activations; queries are taken as `queries` says.
    ///
    /// # Errors
    /// [`Error::Type`] if the shapes are not those of [`Architecture::parameters`].
    fn layer(&self, b: &Builder, weights: &[Tensor], x: Tensor, queries: QueryBlocks) -> BuildResult;

    /// Logits `[batch, time, vocabulary]`, float32 or wider, from the residual stream after the last layer. `parameters`
    /// are all of the model's, of which those outside the layers are read.
    ///
    /// # Errors
    /// [`Error::Type`] if the shapes are not those of [`Architecture::parameters`].
    fn head(&self, b: &Builder, parameters: &[Tensor], x: Tensor) -> BuildResult;

    /// What decoding keeps of earlier tokens, in a window of `window` positions: `[layers, …]` each.
    fn caches(&self, batch: usize, window: usize) -> Vec<CacheSpec>;

    /// Tables that every decoding step reads and that depend on parameters alone, `[layers, …]` each, with their names:
    /// made once per model rather than once per token. Most architectures have none.
    ///
    /// # Errors
    /// [`Error::Type`] if the parameters do not have the shapes of [`Architecture::parameters`].
    fn decode_tables(
        &self,
        b: &Builder,
        parameters: &[Tensor],
        window: usize,
        dtype: DType,
    ) -> Result<Vec<(CacheSpec, Tensor)>, Error> {
        let _ = (b, parameters, window, dtype);
        Ok(Vec::new())
    }

    /// One layer of a decoding step: from the residual stream of the new tokens to the next, and each cache with the new
    /// tokens' rows written at `position`.
    ///
    /// # Errors
    /// [`Error::Type`] if the shapes are not those of [`Architecture::parameters`] and [`Architecture::caches`].
    fn decode_layer(
        &self,
        b: &Builder,
        x: Tensor,
        inputs: DecodeInputs<'_>,
    ) -> Result<(Tensor, Vec<Tensor>), Error>;

    /// What a plan's lower bounds are computed from: matmuls, memory traffic and kept activations, for sequences of
    /// `sequence_length` with queries taken as `queries` says.
    fn work(&self, sequence_length: usize, queries: QueryBlocks) -> Work;

    /// Floating-point operations that one token takes in training, forward and backward, computed again or not: `6N` for
    /// the `N` parameters that take part in arithmetic, and `12·L·H·K·T` for attention over `T` tokens (Chowdhery et al.
    /// 2022, arXiv 2204.02311, appendix B). An embedding that is only looked up is not counted.
    fn flops_per_token(&self, sequence_length: usize) -> f64;
}
