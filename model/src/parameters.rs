//! The parameters of a model: names, logical axes, shapes, initial values.

use graph::{Builder, DType, Tensor, TensorType};
use serde::Serialize;

use crate::config::ModelConfig;

/// What a parameter starts from. The paper does not say; these are GPT-2's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Initializer {
    /// All zeros.
    Zeros,
    /// All ones.
    Ones,
    /// Normal with mean 0.
    Normal {
        /// Standard deviation.
        standard_deviation: f64,
    },
}

/// One parameter tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// Name, such as `layers/attention/query`.
    pub name: &'static str,
    /// Logical axis of each dimension.
    pub axes: &'static [&'static str],
    /// Size of each dimension.
    pub shape: Vec<usize>,
    /// What it starts from.
    pub initializer: Initializer,
}

impl ParameterSpec {
    /// Whether it is a matrix (for each layer and head), as opposed to a gain or a bias.
    pub fn is_matrix(&self) -> bool {
        matches!(self.initializer, Initializer::Normal { .. })
    }
}

/// Number of parameter tensors.
pub const COUNT: usize = 17;

/// Position of `layers/attention/relative`, the one parameter that meets no text: a program may hold its product with
/// the distances instead ([`crate::forward::project_distances`]).
pub const RELATIVE: usize = 5;

/// The parameters of a model, in a fixed order; all tensors of the layers are stacked along `layers`.
///
/// Standard deviations: 0.02, and 0.02 / sqrt(2·layers) for the two projections that write to the residual stream.
pub fn specs(config: &ModelConfig) -> [ParameterSpec; COUNT] {
    let ModelConfig { layers, heads, key_value_size: kv, d_model, vocabulary_size } = *config;
    let ff = config.feed_forward_size();
    let weight = Initializer::Normal { standard_deviation: 0.02 };
    let residual = Initializer::Normal { standard_deviation: 0.02 / (2.0 * layers as f64).sqrt() };
    let (zeros, ones) = (Initializer::Zeros, Initializer::Ones);
    let spec = |name, axes, shape: &[usize], initializer| ParameterSpec {
        name,
        axes,
        shape: shape.to_vec(),
        initializer,
    };
    const PROJECTION: &[&str] = &["layers", "embed", "heads", "kv"];
    const HEAD_BIAS: &[&str] = &["layers", "heads", "kv"];
    const VECTOR: &[&str] = &["layers", "embed"];
    let projection = [layers, d_model, heads, kv];
    [
        spec("embedding", &["vocabulary", "embed"], &[vocabulary_size, d_model], weight),
        spec("layers/attention/norm", VECTOR, &[layers, d_model], ones),
        spec("layers/attention/query", PROJECTION, &projection, weight),
        spec("layers/attention/key", PROJECTION, &projection, weight),
        spec("layers/attention/value", PROJECTION, &projection, weight),
        spec("layers/attention/relative", PROJECTION, &projection, weight),
        spec("layers/attention/content_bias", HEAD_BIAS, &[layers, heads, kv], zeros),
        spec("layers/attention/position_bias", HEAD_BIAS, &[layers, heads, kv], zeros),
        spec(
            "layers/attention/output",
            &["layers", "heads", "kv", "embed"],
            &[layers, heads, kv, d_model],
            residual,
        ),
        spec("layers/attention/output_bias", VECTOR, &[layers, d_model], zeros),
        spec("layers/feed_forward/norm", VECTOR, &[layers, d_model], ones),
        spec("layers/feed_forward/in", &["layers", "embed", "feed_forward"], &[layers, d_model, ff], weight),
        spec("layers/feed_forward/in_bias", &["layers", "feed_forward"], &[layers, ff], zeros),
        spec(
            "layers/feed_forward/out",
            &["layers", "feed_forward", "embed"],
            &[layers, ff, d_model],
            residual,
        ),
        spec("layers/feed_forward/out_bias", VECTOR, &[layers, d_model], zeros),
        spec("final/norm", &["embed"], &[d_model], ones),
        spec("final/logits_bias", &["vocabulary"], &[vocabulary_size], zeros),
    ]
}

/// Logical axes of every parameter, in the order of [`specs`].
pub fn axes() -> [&'static [&'static str]; COUNT] {
    // They are the same for all sizes.
    let sizes = ModelConfig { layers: 1, heads: 1, key_value_size: 1, d_model: 2, vocabulary_size: 1 };
    specs(&sizes).map(|spec| spec.axes)
}

/// One thing for each parameter, such as its tensor in a program.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // Each field is the parameter of its name in `specs`.
pub struct Parameters<T> {
    pub embedding: T,
    pub attention_norm: T,
    pub query: T,
    pub key: T,
    pub value: T,
    pub relative: T,
    pub content_bias: T,
    pub position_bias: T,
    pub output: T,
    pub output_bias: T,
    pub feed_forward_norm: T,
    pub feed_forward_in: T,
    pub feed_forward_in_bias: T,
    pub feed_forward_out: T,
    pub feed_forward_out_bias: T,
    pub final_norm: T,
    pub logits_bias: T,
}

impl<T> Parameters<T> {
    /// From one thing per parameter, in the order of [`specs`].
    pub fn from_array(all: [T; COUNT]) -> Self {
        let [
            embedding,
            attention_norm,
            query,
            key,
            value,
            relative,
            content_bias,
            position_bias,
            output,
            output_bias,
            feed_forward_norm,
            feed_forward_in,
            feed_forward_in_bias,
            feed_forward_out,
            feed_forward_out_bias,
            final_norm,
            logits_bias,
        ] = all;
        Self {
            embedding,
            attention_norm,
            query,
            key,
            value,
            relative,
            content_bias,
            position_bias,
            output,
            output_bias,
            feed_forward_norm,
            feed_forward_in,
            feed_forward_in_bias,
            feed_forward_out,
            feed_forward_out_bias,
            final_norm,
            logits_bias,
        }
    }
}

/// Adds every parameter of the model to a program, named `{prefix}{name}`, with dtype `dtype`; in the order of [`specs`].
pub fn add_params(b: &Builder, config: &ModelConfig, prefix: &str, dtype: DType) -> [Tensor; COUNT] {
    specs(config)
        .map(|spec| b.param(format!("{prefix}{}", spec.name), TensorType::new(dtype, spec.shape), spec.axes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gains of norms are the vectors that start from one; biases those that start from zero.
    #[test]
    fn matrices_are_what_the_names_of_models_count() {
        let config = ModelConfig { layers: 3, heads: 5, key_value_size: 7, d_model: 22, vocabulary_size: 13 };
        let (matrices, vectors): (Vec<_>, Vec<_>) =
            specs(&config).into_iter().partition(ParameterSpec::is_matrix);
        let count = |specs: &[ParameterSpec]| -> u64 {
            specs.iter().map(|spec| spec.shape.iter().product::<usize>() as u64).sum()
        };
        assert_eq!(count(&matrices), config.matrix_parameters());
        assert_eq!(count(&vectors), config.vector_parameters());
        assert!(vectors.iter().all(|spec| spec.name.ends_with("norm") || spec.name.ends_with("bias")));
    }

    #[test]
    fn positions_have_their_names() {
        let config = ModelConfig { layers: 1, heads: 1, key_value_size: 1, d_model: 2, vocabulary_size: 1 };
        assert_eq!(specs(&config)[RELATIVE].name, "layers/attention/relative");
        assert_eq!(Parameters::from_array(specs(&config)).relative.name, "layers/attention/relative");
    }
}
