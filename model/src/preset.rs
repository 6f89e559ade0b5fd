//! Models of papers, by name.

use crate::config::{KINDS, ModelConfig};

/// A model of a paper, and what it was trained with.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Name, such as `44m` or `llama-7b`.
    pub name: &'static str,
    /// Sizes.
    pub config: ModelConfig,
    /// Highest learning rate.
    pub max_learning_rate: f64,
    /// Batch in sequences of 2,048 tokens: 0.25M tokens are 128 sequences, 2M 1,024, 3M 1,536.
    pub batch_sequences: usize,
    /// Global norm that gradients are clipped to.
    pub clip_norm: f64,
    /// Whether parameters are trained in bfloat16 or float32.
    pub bfloat16_parameters: bool,
}

impl Preset {
    /// Every preset, kind after kind, smallest first: the six models of Rae et al.'s Table 1, then others.
    pub fn all() -> Vec<Preset> {
        KINDS.iter().flat_map(|kind| (kind.presets)()).collect()
    }

    /// The model of this name, in any case; `gopher` is the 280B one.
    pub fn find(name: &str) -> Option<Preset> {
        let name = name.to_ascii_lowercase();
        let name = if name == "gopher" { "280b" } else { &name };
        Preset::all().into_iter().find(|preset| preset.name == name)
    }
}
