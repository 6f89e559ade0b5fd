//! The section `[optimizer]`.

use serde::{Deserialize, Serialize};

/// Adam's constants. The paper does not give them; these are its group's elsewhere (RETRO, arXiv 2112.04426).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Term beside the root, to avoid division by zero.
    pub epsilon: f64,
    /// Decoupled weight decay (AdamW: Loshchilov & Hutter 2019, arXiv 1711.05101): each step also takes this times the
    /// learning rate off every weight in a matrix ([`is_matrix`](model::parameters::ParameterSpec::is_matrix)), not off
    /// gains and biases.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.0 }
    }
}
