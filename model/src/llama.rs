//! Llama (Touvron et al. 2023, arXiv 2302.13971 and 2307.09288): rotary positions, RMSNorm, SwiGLU, grouped key and value
//! heads (Ainslie et al. 2023, arXiv 2305.13245), no biases.

use std::ops::Range;

use graph::{BuildResult, Builder, DType, Error, Tensor};
use serde::{Deserialize, Serialize};
use sharding::cost::SCORES;
use sharding::search::{Kept, Numbers, PolicyWork, Traffic, Work};

use crate::architecture::{Architecture, CacheSpec, DecodeInputs, Sizes};
use crate::blocks::attention::{by_texts, part, softmax_values};
use crate::blocks::cache::{by_group, by_kind, seen, written};
use crate::blocks::causal::{QueryBlocks, in_causal_blocks, score_count};
use crate::blocks::embedding::project_to_vocabulary;
use crate::blocks::feed_forward::swiglu;
use crate::blocks::norm::rms_norm;
use crate::blocks::rotary::Rotation;
use crate::blocks::{gather_stream, scatter_stream};
use crate::config::{ConfigError, Configured, ModelConfig, Value, check_sizes};
use crate::parameters::{Initializer, ParameterSpec, matrix_initializers};
use crate::placement::place;
use crate::preset::Preset;

/// Sizes and constants of a Transformer of the Llama family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Llama {
    /// Number of Transformer layers.
    pub layers: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads, a divisor of `heads`: query head `h` reads key head `h / (heads / key_value_heads)`.
    pub key_value_heads: usize,
    /// Width of each head's keys, queries and values; even, since rotation takes them in pairs.
    pub key_value_size: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Width of the feed-forward hidden layer.
    pub feed_forward_size: usize,
    /// Number of tokens in the vocabulary.
    pub vocabulary_size: usize,
    /// Base of the rotation's frequencies: pair `i` of a head turns by `rope_base^(-2i / key_value_size)` a position.
    pub rope_base: f64,
    /// Term under the root in RMSNorm, to avoid division by zero.
    pub norm_epsilon: f64,
    /// Whether the head is the embedding, or a matrix of its own.
    pub tied_embedding: bool,
}

impl Llama {
    /// Query heads that share a key and value head.
    pub fn group(&self) -> usize {
        self.heads / self.key_value_heads.max(1)
    }

    /// The embedding that is looked up and takes part in no matmul: 0 parameters if the head is the embedding.
    fn looked_up(&self) -> u64 {
        if self.tied_embedding { 0 } else { (self.vocabulary_size * self.d_model) as u64 }
    }

    fn rotation(&self, b: &Builder, first_position: Tensor, length: usize) -> Result<Rotation, Error> {
        Rotation::new(b, first_position, length, self.key_value_size, self.rope_base)
    }
}

impl Configured for Llama {
    const KIND: &'static str = "llama";

    /// As many key and value heads as query heads, a hidden layer of 8/3 of the width in multiples of 32, and the constants
    /// of Llama 2.
    fn like(sizes: &Sizes) -> Self {
        let Sizes { layers, d_model, vocabulary_size, heads, key_value_size, .. } = *sizes;
        Self {
            layers,
            heads,
            key_value_heads: heads,
            key_value_size: key_value_size.next_multiple_of(2),
            d_model,
            feed_forward_size: d_model.saturating_mul(8).div_ceil(3).next_multiple_of(32),
            vocabulary_size,
            rope_base: 1e4,
            norm_epsilon: 1e-5,
            tied_embedding: true,
        }
    }

    /// Shapes of the two papers, with their learning rates and batches of 4M tokens.
    fn presets() -> Vec<Preset> {
        // (name, layers, heads, key/value heads, d_model, feed-forward, max learning rate)
        let rows = [
            ("llama-7b", 32, 32, 32, 4096, 11_008, 3e-4),
            ("llama-13b", 40, 40, 40, 5120, 13_824, 3e-4),
            ("llama-70b", 80, 64, 8, 8192, 28_672, 1.5e-4),
        ];
        rows.into_iter()
            .map(|(name, layers, heads, key_value_heads, d_model, feed_forward_size, rate)| Preset {
                name,
                config: Llama {
                    layers,
                    heads,
                    key_value_heads,
                    key_value_size: 128,
                    d_model,
                    feed_forward_size,
                    vocabulary_size: 32_000,
                    rope_base: 1e4,
                    norm_epsilon: 1e-5,
                    tied_embedding: false,
                }
                .into(),
                max_learning_rate: rate,
                batch_sequences: 2048,
                clip_norm: 1.0,
                bfloat16_parameters: d_model >= 5120,
            })
            .collect()
    }
}

/// A layer's parameters, in the order of [`Llama::parameters`].
struct Layer {
    attention_norm: Tensor,
    /// `[d, g, r, k]`: `g` key heads, `r` query heads for each.
    query: Tensor,
    /// `[d, g, k]`.
    key: Tensor,
    value: Tensor,
    /// `[g, r, k, d]`.
    output: Tensor,
    feed_forward_norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
}

impl Layer {
    fn of(weights: &[Tensor]) -> Result<Self, Error> {
        let &[attention_norm, query, key, value, output, feed_forward_norm, gate, up, down] = weights else {
            return Err(Error::Gradient(format!("{} parameters for a layer of Llama", weights.len())));
        };
        Ok(Self { attention_norm, query, key, value, output, feed_forward_norm, gate, up, down })
    }
}

/// Turned queries `[g, b, r, t, k]`, divided by `sqrt(k)`; turned keys and values `[g, b, t, k]`.
struct Projections {
    query: Tensor,
    key: Tensor,
    value: Tensor,
}

impl Llama {
    /// From the residual stream `[b, t, d]`.
    fn project(
        &self,
        b: &Builder,
        x: Tensor,
        layer: &Layer,
        rotation: &Rotation,
    ) -> Result<Projections, Error> {
        let y = b.name(rms_norm(b, x, layer.attention_norm, self.norm_epsilon)?, "attention_input")?;
        let y = gather_stream(b, y)?;
        let query = b.einsum("btd,dgrk->gbrtk", y, layer.query)?;
        let query = place(b, query, &["heads", "batch", "group", "time", "kv"], None)?;
        let query = b.scale(rotation.apply(b, query)?, 1.0 / (self.key_value_size as f64).sqrt())?;
        let project = |weight: Tensor| {
            place(b, b.einsum("btd,dgk->gbtk", y, weight)?, &["heads", "batch", "time", "kv"], None)
        };
        Ok(Projections {
            query: b.name(query, "query")?,
            key: b.name(rotation.apply(b, project(layer.key)?)?, "key")?,
            value: b.name(project(layer.value)?, "value")?,
        })
    }

    /// Adds the attention result `[g, b, r, t, k]`, projected, to the residual stream; then the feed-forward half.
    fn rest(&self, b: &Builder, x: Tensor, heads: Tensor, layer: &Layer) -> BuildResult {
        let x = {
            let _scope = b.scope("attention");
            let heads = b.name(b.transpose(heads, &[1, 3, 0, 2, 4])?, "attention_result")?;
            let output = b.einsum("btgrk,grkd->btd", heads, layer.output)?;
            b.name(b.add(x, scatter_stream(b, output)?)?, "attention_output")?
        };
        let _scope = b.scope("feed_forward");
        let y = gather_stream(b, rms_norm(b, x, layer.feed_forward_norm, self.norm_epsilon)?)?;
        let hidden = swiglu(b, y, layer.gate, layer.up)?;
        let output = b.einsum("btf,fd->btd", hidden, layer.down)?;
        b.add(x, scatter_stream(b, output)?)
    }
}

/// Attention of queries `[g, b, r, n, k]` at positions `first_position + a` over keys `[g, b, s, k]` at positions `0..s`, in one array
/// or in several that have the texts one after another, as values have them.
fn attend(
    b: &Builder,
    query: Tensor,
    keys: &[Tensor],
    values: &[Tensor],
    first_position: Tensor,
) -> BuildResult {
    let _scope = b.scope(SCORES);
    let scores = by_texts(b, "gbrnk,gbsk->gbrns", query, keys)?;
    softmax_values(b, scores, values, "gbrns,gbsk->gbrnk", first_position)
}

const VECTOR: &[&str] = &["layers", "embed"];
const KEY: &[&str] = &["layers", "embed", "heads", "kv"];
const INWARD: &[&str] = &["layers", "embed", "feed_forward"];

impl Architecture for Llama {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn sizes(&self) -> Sizes {
        let Llama { layers, d_model, vocabulary_size, heads, key_value_size, feed_forward_size, .. } = *self;
        Sizes { layers, d_model, vocabulary_size, heads, key_value_size, feed_forward_size }
    }

    fn keys(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("layers", self.layers.into()),
            ("heads", self.heads.into()),
            ("key_value_heads", self.key_value_heads.into()),
            ("key_value_size", self.key_value_size.into()),
            ("d_model", self.d_model.into()),
            ("feed_forward_size", self.feed_forward_size.into()),
            ("vocabulary_size", self.vocabulary_size.into()),
            ("rope_base", self.rope_base.into()),
            ("norm_epsilon", self.norm_epsilon.into()),
            ("tied_embedding", self.tied_embedding.into()),
        ]
    }

    fn with_layers(&self, layers: usize) -> ModelConfig {
        Llama { layers, ..self.clone() }.into()
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_sizes(&self.keys())?;
        let rule = |key, value, rule: String| Err(ConfigError::Rule { key, value, rule });
        if !self.heads.is_multiple_of(self.key_value_heads) {
            let heads = self.heads;
            return rule(
                "key_value_heads",
                self.key_value_heads,
                format!("it must divide model.heads, {heads}, so that each serves as many query heads"),
            );
        }
        if !self.key_value_size.is_multiple_of(2) {
            let why = "it must be even, as rotation takes a head's numbers in pairs";
            return rule("key_value_size", self.key_value_size, why.into());
        }
        let positive = |key, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(ConfigError::NotPositive { key, value: value.to_string() }),
        };
        positive("rope_base", self.rope_base)?;
        positive("norm_epsilon", self.norm_epsilon)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let Llama {
            layers, key_value_heads: g, key_value_size: k, d_model: d, feed_forward_size: ff, ..
        } = *self;
        let (vocabulary_size, r) = (self.vocabulary_size, self.group());
        let (weight, residual) = matrix_initializers(layers);
        let spec = ParameterSpec::new;
        let gain = |name| spec(name, VECTOR, &[layers, d], Initializer::Ones);
        let table = |name| spec(name, &["vocabulary", "embed"], &[vocabulary_size, d], weight);
        let mut all = vec![
            table("embedding"),
            gain("layers/attention/norm"),
            spec(
                "layers/attention/query",
                &["layers", "embed", "heads", "group", "kv"],
                &[layers, d, g, r, k],
                weight,
            ),
            spec("layers/attention/key", KEY, &[layers, d, g, k], weight),
            spec("layers/attention/value", KEY, &[layers, d, g, k], weight),
            spec(
                "layers/attention/output",
                &["layers", "heads", "group", "kv", "embed"],
                &[layers, g, r, k, d],
                residual,
            ),
            gain("layers/feed_forward/norm"),
            spec("layers/feed_forward/gate", INWARD, &[layers, d, ff], weight),
            spec("layers/feed_forward/up", INWARD, &[layers, d, ff], weight),
            spec(
                "layers/feed_forward/down",
                &["layers", "feed_forward", "embed"],
                &[layers, ff, d],
                residual,
            ),
            spec("final/norm", &["embed"], &[d], Initializer::Ones),
        ];
        if !self.tied_embedding {
            all.push(table("head"));
        }
        all
    }

    fn layer(&self, b: &Builder, weights: &[Tensor], x: Tensor, queries: QueryBlocks) -> BuildResult {
        let layer = Layer::of(weights)?;
        let heads = {
            let _scope = b.scope("attention");
            let length = b.shape(x)[1];
            let rotation = self.rotation(b, b.scalar(DType::I32, 0.0)?, length)?;
            let Projections { query, key, value } = self.project(b, x, &layer, &rotation)?;
            let keys =
                |of: Range<usize>| Ok(vec![part(b, key, 2, 0..of.end)?, part(b, value, 2, 0..of.end)?]);
            in_causal_blocks(b, queries, &[query], 3, keys, |of| {
                let (&[query], &[key, value]) = (of.queries, of.keys) else {
                    unreachable!("what was given to in_causal_blocks")
                };
                attend(of.builder, query, &[key], &[value], of.first_position)
            })?
        };
        self.rest(b, x, heads, &layer)
    }

    fn head(&self, b: &Builder, parameters: &[Tensor], x: Tensor) -> BuildResult {
        let _scope = b.scope("logits");
        let (table, norm) = match *parameters {
            [embedding, .., norm] if self.tied_embedding => (embedding, norm),
            [.., norm, head] => (head, norm),
            _ => return Err(Error::Gradient("Llama has more parameters than one".into())),
        };
        let y = gather_stream(b, rms_norm(b, x, norm, self.norm_epsilon)?)?;
        project_to_vocabulary(b, y, table)
    }

    fn caches(&self, batch: usize, window: usize) -> Vec<CacheSpec> {
        let shape = vec![self.layers, self.key_value_heads, batch, window, self.key_value_size];
        let axes = &["layers", "heads", "batch", "time", "kv"];
        ["keys", "values"].map(|name| CacheSpec { name, axes, shape: shape.clone() }).into()
    }

    fn decode_layer(
        &self,
        b: &Builder,
        x: Tensor,
        inputs: DecodeInputs<'_>,
    ) -> Result<(Tensor, Vec<Tensor>), Error> {
        let DecodeInputs { weights, caches, position, window, .. } = inputs;
        let layer = Layer::of(weights)?;
        let (heads, caches) = {
            let _scope = b.scope("attention");
            let rotation = self.rotation(b, position, b.shape(x)[1])?;
            let new = self.project(b, x, &layer, &rotation)?;
            let [keys, values] = by_kind(caches);
            let keys = written(b, &keys, new.key, position)?;
            let values = written(b, &values, new.value, position)?;
            let (seen_keys, seen_values) = (seen(b, &keys, window)?, seen(b, &values, window)?);
            (attend(b, new.query, &seen_keys, &seen_values, position)?, by_group([keys, values]))
        };
        Ok((self.rest(b, x, heads, &layer)?, caches))
    }

    fn work(&self, sequence_length: usize, queries: QueryBlocks) -> Work {
        let (d, k, ff) = (self.d_model as f64, self.key_value_size as f64, self.feed_forward_size as f64);
        // Of pieces, no scores are kept, whatever the policy.
        let (pieces, block) = (queries.in_pieces(), queries.block);
        let (queries, keys) = (self.heads as f64 * k, self.key_value_heads as f64 * k);
        let (attention, hidden) = (2.0 * d * (queries + keys), d * ff);
        let specs = self.parameters();
        let count = |of_layers: bool| -> u64 {
            let group = specs.iter().filter(|spec| spec.is_of_layers() == of_layers);
            group.map(ParameterSpec::elements).sum()
        };
        let numbers = Numbers::new;
        let policy = |recomputed_matmuls, scores_again: bool, traffic: [Numbers; 2], kept: Kept| {
            let (score_matmuls, matmul_traffic, scores) = match scores_again {
                false => (3.0, numbers(3.0, 3.0), numbers(5.0, 2.0)),
                true => (4.0, numbers(5.0, 3.0), numbers(9.0, 2.0)),
            };
            let [split, stream] = traffic;
            let traffic = Traffic { scores, split, stream };
            PolicyWork {
                recomputed_matmuls,
                score_matmuls,
                score_matmul_traffic: matmul_traffic,
                traffic,
                kept,
            }
        };
        // Rotation is float32; SwiGLU's product is fused into the matmuls that read it.
        let split =
            |of_keys| numbers(9.0, 0.0) * queries + numbers(1.0, of_keys) * keys + numbers(0.0, 7.0) * ff;
        let kept = |scores, of_queries: Numbers, of_keys, hidden, stream| Kept {
            scores,
            split: of_queries * queries + numbers(0.0, of_keys) * keys + numbers(0.0, hidden) * ff,
            stream: numbers(0.0, stream) * d,
        };
        let no = Numbers::default();
        let all_scores = if pieces { no } else { numbers(1.0, 0.0) };
        let saved = [split(4.0), numbers(8.0, 25.0) * d];
        Work {
            layers: self.layers,
            divided: vec![
                ("key and value heads", self.key_value_heads),
                ("feed-forward width", self.feed_forward_size),
            ],
            embed: self.d_model,
            layer_parameters: count(true) / self.layers.max(1) as u64,
            other_parameters: count(false),
            layer_matmuls: attention + 3.0 * hidden,
            head_matmuls: d * self.vocabulary_size as f64,
            scores: score_count(block, sequence_length) as f64 * self.heads as f64,
            // Content and values.
            score_matmuls: 2.0 * k,
            policies: [
                policy(
                    0.0,
                    pieces,
                    [split(2.0), numbers(8.0, 23.0) * d],
                    kept(all_scores, numbers(1.0, 1.0), 2.0, 3.0, 2.0),
                ),
                policy(0.0, true, saved, kept(no, numbers(0.0, 2.0), 2.0, 2.0, 2.0)),
                policy(2.0 * hidden, true, saved, kept(no, numbers(0.0, 2.0), 2.0, 0.0, 2.0)),
                policy(
                    attention + 2.0 * hidden,
                    true,
                    [split(2.0), numbers(7.0, 32.0) * d],
                    kept(no, no, 0.0, 0.0, 1.0),
                ),
            ],
        }
    }

    fn flops_per_token(&self, sequence_length: usize) -> f64 {
        let attention =
            12.0 * (self.layers * self.heads * self.key_value_size) as f64 * sequence_length as f64;
        let parameters: u64 = self.parameters().iter().map(ParameterSpec::elements).sum();
        6.0 * (parameters - self.looked_up()) as f64 + attention
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fact: the counts that the models' cards give, 6.74, 13.02 and 68.98 billion.
    #[test]
    fn presets_have_their_published_numbers_of_parameters() {
        let counts: Vec<_> =
            Llama::presets().iter().map(|preset| (preset.name, preset.config.total_parameters())).collect();
        assert_eq!(
            counts,
            [("llama-7b", 6_738_415_616), ("llama-13b", 13_015_864_320), ("llama-70b", 68_976_648_192)]
        );
    }

    #[test]
    fn wrong_sizes_are_named() {
        let sizes = Sizes {
            layers: 2,
            d_model: 12,
            vocabulary_size: 7,
            heads: 6,
            key_value_size: 4,
            feed_forward_size: 0,
        };
        let good = Llama::like(&sizes);
        assert_eq!(good.check(), Ok(()));
        let message = |config: Llama| config.check().unwrap_err().to_string();
        assert_eq!(
            message(Llama { key_value_heads: 4, ..good.clone() }),
            "model.key_value_heads is 4; it must divide model.heads, 6, so that each serves as many query heads"
        );
        assert_eq!(
            message(Llama { key_value_size: 5, ..good.clone() }),
            "model.key_value_size is 5; it must be even, as rotation takes a head's numbers in pairs"
        );
        assert_eq!(
            message(Llama { key_value_heads: 0, ..good.clone() }),
            "model.key_value_heads is 0; it must be at least 1"
        );
        assert_eq!(
            message(Llama { rope_base: f64::NAN, ..good }),
            "model.rope_base is NaN; it must be a positive number"
        );
    }
}
