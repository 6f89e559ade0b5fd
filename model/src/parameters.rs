//! The parameters of a model: names, logical axes, shapes, initial values.

use graph::{Builder, DType, Tensor, TensorType};
use serde::Serialize;

use crate::config::ModelConfig;

/// Logical axis that stacks what every layer has.
pub const LAYERS: &str = "layers";

/// Logical axis of the tokens.
pub const VOCABULARY: &str = "vocabulary";

/// What a parameter starts from. The papers do not say; these are GPT-2's.
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
    /// Whether it meets no text, so that programs hold in its place what
    /// [`prepare`](crate::Architecture::prepare) makes of it once per step.
    pub prepared: bool,
}

impl ParameterSpec {
    /// A parameter that the layers or the head read as it is.
    pub fn new(
        name: &'static str,
        axes: &'static [&'static str],
        shape: &[usize],
        initializer: Initializer,
    ) -> Self {
        Self { name, axes, shape: shape.to_vec(), initializer, prepared: false }
    }

    /// Whether it is a matrix (for each layer and head), as opposed to a gain or a bias.
    pub fn is_matrix(&self) -> bool {
        matches!(self.initializer, Initializer::Normal { .. })
    }

    /// Whether it belongs to the layers, stacked along its first axis.
    pub fn is_of_layers(&self) -> bool {
        self.axes.first() == Some(&LAYERS)
    }

    /// Numbers it holds; the largest there is, if they are more.
    pub fn elements(&self) -> u64 {
        self.shape.iter().fold(1, |product: u64, &size| product.saturating_mul(size as u64))
    }
}

/// The initial values of a model of so many layers: normal with deviation 0.02 for matrices, and 0.02 / sqrt(2·layers) for
/// the two projections of a layer that write to the residual stream.
pub(crate) fn matrix_initializers(layers: usize) -> (Initializer, Initializer) {
    let normal = |standard_deviation| Initializer::Normal { standard_deviation };
    (normal(0.02), normal(0.02 / (2.0 * layers as f64).sqrt()))
}

/// Adds every parameter of the model to a program, named `{prefix}{name}`, with dtype `dtype`; in the order of
/// [`ModelConfig::parameters`].
pub fn add_params(b: &Builder, config: &ModelConfig, prefix: &str, dtype: DType) -> Vec<Tensor> {
    let param = |spec: ParameterSpec| {
        b.param(format!("{prefix}{}", spec.name), TensorType::new(dtype, spec.shape), spec.axes)
    };
    config.parameters().into_iter().map(param).collect()
}
