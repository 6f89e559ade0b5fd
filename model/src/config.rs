//! Sizes of a model, and the six of the paper.

use serde::{Deserialize, Serialize};

/// Sizes of a Transformer of the Gopher family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Number of Transformer layers.
    pub layers: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Width of each head's keys, queries and values.
    pub key_value_size: usize,
    /// Width of the residual stream; even, since half of a position's encoding are sines.
    pub d_model: usize,
    /// Number of tokens in the vocabulary.
    pub vocabulary_size: usize,
}

/// A size that makes no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A size is zero.
    #[error("model.{0} is 0; it must be at least 1")]
    Zero(&'static str),
    /// The width of the residual stream is odd.
    #[error("model.d_model is {0}; it must be even, as half of a position's encoding are sines")]
    OddWidth(usize),
    /// Too many parameters to count.
    #[error("the model's sizes multiply to more parameters than can be counted; check model.{0}")]
    TooLarge(&'static str),
}

impl ModelConfig {
    /// Width of the feed-forward layer: four times the residual stream's (paper, Table 1).
    pub fn feed_forward_size(&self) -> usize {
        4 * self.d_model
    }

    /// Width of all heads together.
    pub fn attention_size(&self) -> usize {
        self.heads * self.key_value_size
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// Names the size that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("layers", self.layers),
            ("heads", self.heads),
            ("key_value_size", self.key_value_size),
            ("d_model", self.d_model),
            ("vocabulary_size", self.vocabulary_size),
        ];
        for (name, size) in sizes {
            if size == 0 {
                return Err(ConfigError::Zero(name));
            }
            // Every product of three sizes below then fits 64 bits, with room for optimiser state in bytes.
            if size > 1 << 20 {
                return Err(ConfigError::TooLarge(name));
            }
        }
        if !self.d_model.is_multiple_of(2) {
            return Err(ConfigError::OddWidth(self.d_model));
        }
        Ok(())
    }

    /// Weights in matrices, which is what the paper's model names count (`docs/model.md`):
    /// `vocabulary·d + layers·(5·d·heads·kv + 8·d²)`, the tied embedding counted once.
    pub fn matrix_parameters(&self) -> u64 {
        let [layers, d, a, vocabulary] =
            [self.layers, self.d_model, self.attention_size(), self.vocabulary_size].map(|size| size as u64);
        vocabulary * d + layers * (5 * d * a + 8 * d * d)
    }

    /// Floating-point operations that one token takes in training, forward and backward, computed again or not:
    /// `6N + 12·L·H·K·T` with all parameters (Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
    pub fn flops_per_token(&self, sequence_length: usize) -> f64 {
        let attention = 12.0 * (self.layers * self.attention_size()) as f64 * sequence_length as f64;
        6.0 * self.total_parameters() as f64 + attention
    }

    /// Gains and biases: all parameters that [`ModelConfig::matrix_parameters`] leaves out.
    pub fn vector_parameters(&self) -> u64 {
        let [layers, d, a, vocabulary] =
            [self.layers, self.d_model, self.attention_size(), self.vocabulary_size].map(|size| size as u64);
        layers * (8 * d + 2 * a) + d + vocabulary
    }

    /// All trained numbers.
    pub fn total_parameters(&self) -> u64 {
        self.matrix_parameters() + self.vector_parameters()
    }
}

/// A row of the paper's Table 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Name: `44m` … `280b`.
    pub name: &'static str,
    /// Sizes.
    pub config: ModelConfig,
    /// Highest learning rate.
    pub max_learning_rate: f64,
    /// Batch in sequences of 2,048 tokens: 0.25M tokens are 128 sequences, 2M 1,024, 3M 1,536.
    pub batch_sequences: usize,
    /// Global norm that gradients are clipped to.
    pub clip_norm: f64,
    /// Whether parameters are trained in bfloat16 (7.1B and 280B) or float32.
    pub bfloat16_parameters: bool,
}

impl Preset {
    /// The six models of Table 1, smallest first.
    pub fn all() -> Vec<Preset> {
        // (name, layers, heads, key/value size, d_model, max learning rate, sequences per batch, clip, bf16)
        let rows = [
            ("44m", 8, 16, 32, 512, 6e-4, 128, 1.0, false),
            ("117m", 12, 12, 64, 768, 6e-4, 128, 1.0, false),
            ("417m", 12, 12, 128, 1536, 2e-4, 128, 1.0, false),
            ("1.4b", 24, 16, 128, 2048, 2e-4, 128, 1.0, false),
            ("7.1b", 32, 32, 128, 4096, 1.2e-4, 1024, 0.25, true),
            ("280b", 80, 128, 128, 16384, 4e-5, 1536, 0.25, true),
        ];
        rows.into_iter()
            .map(|(name, layers, heads, key_value_size, d_model, rate, batch, clip, bf16)| Preset {
                name,
                config: ModelConfig { layers, heads, key_value_size, d_model, vocabulary_size: 32_000 },
                max_learning_rate: rate,
                batch_sequences: batch,
                clip_norm: clip,
                bfloat16_parameters: bf16,
            })
            .collect()
    }

    /// The model of this name, in any case; `gopher` is the 280B one.
    pub fn find(name: &str) -> Option<Preset> {
        let name = name.to_ascii_lowercase();
        let name = if name == "gopher" { "280b" } else { &name };
        Preset::all().into_iter().find(|preset| preset.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fact: the tied embedding and the per-layer relative projection counted, these are the paper's names.
    #[test]
    fn matrix_parameters_give_the_names_of_table_1() {
        let counts: Vec<_> =
            Preset::all().iter().map(|preset| (preset.name, preset.config.matrix_parameters())).collect();
        assert_eq!(
            counts,
            [
                ("44m", 43_646_976),
                ("117m", 116_588_544),
                ("417m", 417_202_176),
                ("1.4b", 1_374_158_848),
                ("7.1b", 7_110_393_856),
                ("280b", 279_697_162_240),
            ]
        );
    }

    #[test]
    fn vectors_come_to_ten_widths_a_layer() {
        for preset in Preset::all() {
            let config = preset.config;
            let outside_layers = (config.d_model + config.vocabulary_size) as u64;
            assert_eq!(
                config.vector_parameters() - outside_layers,
                10 * (config.layers * config.d_model) as u64
            );
        }
    }

    #[test]
    fn wrong_sizes_are_named() {
        let good = ModelConfig { layers: 1, heads: 1, key_value_size: 1, d_model: 2, vocabulary_size: 1 };
        assert_eq!(good.check(), Ok(()));
        assert_eq!(ModelConfig { heads: 0, ..good.clone() }.check(), Err(ConfigError::Zero("heads")));
        assert_eq!(ModelConfig { d_model: 3, ..good.clone() }.check(), Err(ConfigError::OddWidth(3)));
        let huge = ModelConfig { layers: usize::MAX, ..good };
        assert_eq!(huge.check(), Err(ConfigError::TooLarge("layers")));
    }
}
