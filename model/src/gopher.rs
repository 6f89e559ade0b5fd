//! Gopher (Rae et al. 2021, arXiv 2112.11446): GPT-2's Transformer with RMSNorm for LayerNorm and Transformer-XL's relative
//! positions for absolute ones (paper, section 2.1).

use graph::{BuildResult, Builder, DType, Error, ScanInputs, ScanOutputs, Tensor};
use serde::{Deserialize, Serialize};
use sharding::search::{Kept, Numbers, PolicyWork, Traffic, Work};

use crate::architecture::{Architecture, CacheSpec, DecodeInputs, Sizes};
use crate::blocks::cache::{by_group, by_kind, each, seen, written};
use crate::blocks::causal::{QueryBlocks, score_count};
use crate::blocks::embedding::project_to_vocabulary;
use crate::blocks::feed_forward::gelu;
use crate::blocks::norm::rms_norm;
use crate::blocks::relative::{Attention, attend, attend_causally, encode_distances};
use crate::blocks::{gather_stream, scatter_stream};
use crate::config::{ConfigError, Configured, ModelConfig, Value, check_sizes};
use crate::parameters::{Initializer, ParameterSpec, matrix_initializers};
use crate::placement::{place, weight};
use crate::preset::Preset;

/// Term under the root in RMSNorm, to avoid division by zero. The paper does not give one; this is ours.
pub const NORM_EPSILON: f64 = 1e-6;

/// Sizes of a Transformer of the Gopher family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gopher {
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

impl Gopher {
    /// Width of the feed-forward layer: four times the residual stream's (paper, Table 1).
    pub fn feed_forward_size(&self) -> usize {
        4 * self.d_model
    }

    /// Width of all heads together.
    pub fn attention_size(&self) -> usize {
        self.heads * self.key_value_size
    }
}

impl Configured for Gopher {
    const KIND: &'static str = "gopher";

    fn like(sizes: &Sizes) -> Self {
        let Sizes { layers, d_model, vocabulary_size, heads, key_value_size, .. } = *sizes;
        Self { layers, heads, key_value_size, d_model: d_model.next_multiple_of(2), vocabulary_size }
    }

    /// The six models of the paper's Table 1, smallest first.
    fn presets() -> Vec<Preset> {
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
                config: Gopher { layers, heads, key_value_size, d_model, vocabulary_size: 32_000 }.into(),
                max_learning_rate: rate,
                batch_sequences: batch,
                clip_norm: clip,
                bfloat16_parameters: bf16,
            })
            .collect()
    }
}

/// A layer's parameters, in the order of [`Gopher::parameters`].
struct Layer {
    attention_norm: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    /// The projected distances where sequences are whole; the projection itself where they are decoded, and not read.
    relative: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
    output: Tensor,
    output_bias: Tensor,
    feed_forward_norm: Tensor,
    feed_forward_in: Tensor,
    feed_forward_in_bias: Tensor,
    feed_forward_out: Tensor,
    feed_forward_out_bias: Tensor,
}

impl Layer {
    fn of(weights: &[Tensor]) -> Result<Self, Error> {
        let &[
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
        ] = weights
        else {
            return Err(Error::Gradient(format!("{} parameters for a layer of Gopher", weights.len())));
        };
        Ok(Self {
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
        })
    }
}

/// Queries with both biases, keys and values of a layer: each `[h, b, t, k]`.
struct Projections {
    content_query: Tensor,
    position_query: Tensor,
    key: Tensor,
    value: Tensor,
}

/// From the residual stream `[b, t, d]`.
fn project(b: &Builder, x: Tensor, layer: &Layer) -> Result<Projections, Error> {
    let dtype = b.dtype(x);
    let y = b.name(rms_norm(b, x, layer.attention_norm, NORM_EPSILON)?, "attention_input")?;
    let y = gather_stream(b, y)?;
    let project = |weight: Tensor, name: &str| {
        let heads = b.einsum("btd,dhk->hbtk", y, weight)?;
        b.name(place(b, heads, &["heads", "batch", "time", "kv"], None)?, name)
    };
    let query = project(layer.query, "query")?;
    let [h, batch, t, k] = b.shape(query)[..] else { unreachable!("queries have four dimensions") };
    let biased = |bias: Tensor| {
        let bias = b.broadcast(b.convert(bias, dtype)?, &[h, batch, t, k], &[0, 3])?;
        b.scale(b.add(query, bias)?, 1.0 / (k as f64).sqrt())
    };
    Ok(Projections {
        content_query: biased(layer.content_bias)?,
        position_query: biased(layer.position_bias)?,
        key: project(layer.key, "key")?,
        value: project(layer.value, "value")?,
    })
}

/// Adds a matmul's result `[b, t, d]` and its bias to the residual stream.
fn add_to_stream(b: &Builder, x: Tensor, product: Tensor, bias: Tensor) -> BuildResult {
    // The result is a sum over split dimensions: it is added up before the bias is, which is there once.
    let product = scatter_stream(b, product)?;
    b.add(x, b.add(product, b.convert(bias, b.dtype(x))?)?)
}

/// Adds the attention result `[h, b, t, k]`, projected, to the residual stream.
fn project_out(b: &Builder, x: Tensor, heads: Tensor, layer: &Layer) -> BuildResult {
    let heads = b.name(b.transpose(heads, &[1, 2, 0, 3])?, "attention_result")?;
    let output = b.einsum("bthk,hkd->btd", heads, layer.output)?;
    b.name(add_to_stream(b, x, output, layer.output_bias)?, "attention_output")
}

/// The feed-forward half of a layer, `x` `[b, t, d]`. The paper does not name its activation; Flamingo's Gopher-family
/// models use GELU.
fn feed_forward(b: &Builder, x: Tensor, layer: &Layer) -> BuildResult {
    let _scope = b.scope("feed_forward");
    let y = rms_norm(b, x, layer.feed_forward_norm, NORM_EPSILON)?;
    let y = gather_stream(b, y)?;
    let hidden = b.einsum("btd,df->btf", y, layer.feed_forward_in)?;
    let hidden = b.add(hidden, b.convert(layer.feed_forward_in_bias, b.dtype(x))?)?;
    let hidden = b.name(hidden, "feed_forward_hidden")?;
    let output = b.einsum("btf,fd->btd", gelu(b, hidden)?, layer.feed_forward_out)?;
    add_to_stream(b, x, output, layer.feed_forward_out_bias)
}

const PROJECTION: &[&str] = &["layers", "embed", "heads", "kv"];
const HEAD_BIAS: &[&str] = &["layers", "heads", "kv"];
const VECTOR: &[&str] = &["layers", "embed"];

/// Position of `layers/attention/relative` among all parameters.
const RELATIVE: usize = 5;

impl Architecture for Gopher {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn sizes(&self) -> Sizes {
        let Gopher { layers, heads, key_value_size, d_model, vocabulary_size } = *self;
        let feed_forward_size = self.feed_forward_size();
        Sizes { layers, d_model, vocabulary_size, heads, key_value_size, feed_forward_size }
    }

    fn keys(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("layers", self.layers.into()),
            ("heads", self.heads.into()),
            ("key_value_size", self.key_value_size.into()),
            ("d_model", self.d_model.into()),
            ("vocabulary_size", self.vocabulary_size.into()),
        ]
    }

    fn with_layers(&self, layers: usize) -> ModelConfig {
        Gopher { layers, ..self.clone() }.into()
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_sizes(&self.keys())?;
        if !self.d_model.is_multiple_of(2) {
            return Err(ConfigError::Rule {
                key: "d_model",
                value: self.d_model,
                rule: "it must be even, as half of a position's encoding are sines".into(),
            });
        }
        Ok(())
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let Gopher { layers, heads, key_value_size: kv, d_model, vocabulary_size } = *self;
        let ff = self.feed_forward_size();
        let (weight, residual) = matrix_initializers(layers);
        let (zeros, ones) = (Initializer::Zeros, Initializer::Ones);
        let spec = ParameterSpec::new;
        let projection = [layers, d_model, heads, kv];
        vec![
            spec("embedding", &["vocabulary", "embed"], &[vocabulary_size, d_model], weight),
            spec("layers/attention/norm", VECTOR, &[layers, d_model], ones),
            spec("layers/attention/query", PROJECTION, &projection, weight),
            spec("layers/attention/key", PROJECTION, &projection, weight),
            spec("layers/attention/value", PROJECTION, &projection, weight),
            ParameterSpec {
                prepared: true,
                ..spec("layers/attention/relative", PROJECTION, &projection, weight)
            },
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
            spec(
                "layers/feed_forward/in",
                &["layers", "embed", "feed_forward"],
                &[layers, d_model, ff],
                weight,
            ),
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

    /// The relative projections `[layers, d, heads, kv]` become the distances that attention over `length` positions reads,
    /// projected for each layer: `[layers, heads, length + 1, kv]`, row `c` being that of distance `length - 1 - c`.
    fn prepare(
        &self,
        b: &Builder,
        parameters: &mut [Tensor],
        length: usize,
        dtype: DType,
    ) -> Result<(), Error> {
        let _scope = b.scope("positions");
        let weights = parameters[RELATIVE];
        let [layers, d_model, ..] = b.shape(weights)[..] else {
            return Err(Error::Gradient(format!("the relative projections are {}", b.ty(weights))));
        };
        let first = b.scalar(DType::F32, length as f64 - 1.0)?;
        let distances = b.convert(encode_distances(b, first, length + 1, d_model)?, dtype)?;
        let inputs =
            ScanInputs { length: layers, xs: &[weights], constants: &[distances], ..ScanInputs::default() };
        let layers = b.scan("distances", inputs, |body| {
            let b = body.builder;
            let weights = weight(b, body.xs[0], &PROJECTION[1..], dtype)?;
            let projected = b.einsum("sd,dhk->hsk", body.constants[0], weights)?;
            let projected = place(b, projected, &["heads", "distance", "kv"], None)?;
            Ok(ScanOutputs { carries: vec![], ys: vec![projected] })
        })?;
        parameters[RELATIVE] = layers.ys[0];
        Ok(())
    }

    fn layer(&self, b: &Builder, weights: &[Tensor], x: Tensor, queries: QueryBlocks) -> BuildResult {
        let layer = Layer::of(weights)?;
        let x = {
            let _scope = b.scope("attention");
            let projections = project(b, x, &layer)?;
            let attention = Attention {
                content_query: projections.content_query,
                position_query: projections.position_query,
                keys: &[projections.key],
                values: &[projections.value],
                relative: layer.relative,
            };
            project_out(b, x, attend_causally(b, &attention, queries)?, &layer)?
        };
        feed_forward(b, x, &layer)
    }

    /// The embedding is read a second time, and there is a bias for each token.
    fn head(&self, b: &Builder, parameters: &[Tensor], x: Tensor) -> BuildResult {
        let _scope = b.scope("logits");
        let [embedding, .., final_norm, logits_bias] = *parameters else {
            return Err(Error::Gradient("Gopher has more parameters than three".into()));
        };
        let y = gather_stream(b, rms_norm(b, x, final_norm, NORM_EPSILON)?)?;
        let logits = project_to_vocabulary(b, y, embedding)?;
        b.add(logits, b.convert(logits_bias, b.dtype(x).accumulator())?)
    }

    fn caches(&self, batch: usize, window: usize) -> Vec<CacheSpec> {
        let shape = vec![self.layers, self.heads, batch, window, self.key_value_size];
        let axes = &["layers", "heads", "batch", "time", "kv"];
        ["keys", "values"].map(|name| CacheSpec { name, axes, shape: shape.clone() }).into()
    }

    /// The projected distances `[layers, heads, 2·window, kv]`, whose row `c` is that of distance `window - 1 - c`.
    fn decode_tables(
        &self,
        b: &Builder,
        parameters: &[Tensor],
        window: usize,
        dtype: DType,
    ) -> Result<Vec<(CacheSpec, Tensor)>, Error> {
        let first = b.scalar(DType::F32, window as f64 - 1.0)?;
        let distances = b.convert(encode_distances(b, first, 2 * window, self.d_model)?, dtype)?;
        let weights = b.convert(parameters[RELATIVE], dtype)?;
        let projected = b.einsum("sd,ldhk->lhsk", distances, weights)?;
        let spec = CacheSpec {
            name: "relative_keys",
            axes: &["layers", "heads", "distance", "kv"],
            shape: b.shape(projected),
        };
        Ok(vec![(spec, projected)])
    }

    fn decode_layer(
        &self,
        b: &Builder,
        x: Tensor,
        inputs: DecodeInputs<'_>,
    ) -> Result<(Tensor, Vec<Tensor>), Error> {
        let DecodeInputs { weights, tables, caches, position, window } = inputs;
        let layer = Layer::of(weights)?;
        let _scope = b.scope("attention");
        let new = project(b, x, &layer)?;
        let [keys, values] = by_kind(caches);
        let keys = written(b, &keys, new.key, position)?;
        let values = written(b, &values, new.value, position)?;
        // Row c of what attention reads is distance `position + chunk - 1 - c`.
        let (chunk, zero) = (b.shape(x)[1], b.scalar(DType::I32, 0.0)?);
        let rows = [self.heads, window + 1, self.key_value_size];
        let relative = |position| {
            let first_row = b.sub(b.scalar(DType::I32, (window - chunk) as f64)?, position)?;
            b.dynamic_slice(tables[0], &[zero, first_row, zero], &rows)
        };
        let relative = match each(b, position)? {
            None => relative(position)?,
            Some(positions) => {
                let parts = positions.into_iter().map(|position| b.expand(relative(position)?, 1));
                b.concatenate(&parts.collect::<Result<Vec<_>, _>>()?, 1)?
            }
        };
        let attention = Attention {
            content_query: new.content_query,
            position_query: new.position_query,
            keys: &seen(b, &keys, window)?,
            values: &seen(b, &values, window)?,
            relative,
        };
        let x = project_out(b, x, attend(b, &attention, position)?, &layer)?;
        drop(_scope);
        Ok((feed_forward(b, x, &layer)?, by_group([keys, values])))
    }

    fn work(&self, sequence_length: usize, queries: QueryBlocks) -> Work {
        let (d, a, ff) = (self.d_model, self.attention_size(), self.feed_forward_size());
        // Query, key, value and output; the two of the feed-forward layer.
        let (attention, hidden) = (4.0 * (d * a) as f64, (d * ff) as f64);
        let outside = (self.vocabulary_size * d + d + self.vocabulary_size) as u64;
        let all = self.parameters().iter().map(ParameterSpec::elements).sum::<u64>();
        let (width, heads, wide) = (d as f64, a as f64, ff as f64);
        let numbers = Numbers::new;
        let policy = |recomputed_matmuls, scores_again: bool, traffic: [Numbers; 2], kept: Kept| {
            let (score_matmuls, matmul_traffic, scores) = match scores_again {
                false => (3.0, numbers(8.0, 1.0), numbers(8.0, 1.0)),
                true => (4.0, numbers(11.0, 1.0), numbers(14.0, 1.0)),
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
        let kept = |scores, of_heads: Numbers, of_hidden, of_stream| Kept {
            scores,
            split: of_heads * heads + numbers(0.0, of_hidden) * wide,
            stream: numbers(0.0, of_stream) * width,
        };
        let no = Numbers::default();
        // Of pieces, no scores are kept, whatever the policy.
        let pieces = queries.in_pieces();
        let all_scores = if pieces { no } else { numbers(1.0, 0.0) };
        // Where the hidden layer is computed again, GELU's float32 numbers are read more than once.
        let (gelu_found, gelu_again) = (numbers(0.0, 14.0) * wide, numbers(8.0, 4.0) * wide);
        Work {
            layers: self.layers,
            divided: vec![("heads", self.heads), ("feed-forward width", ff)],
            embed: d,
            layer_parameters: (all - outside) / self.layers.max(1) as u64,
            other_parameters: outside,
            layer_matmuls: attention + 2.0 * hidden,
            head_matmuls: (d * self.vocabulary_size) as f64,
            scores: score_count(queries.block, sequence_length) as f64 * self.heads as f64,
            // Content, distances and values.
            score_matmuls: 3.0 * self.key_value_size as f64,
            policies: [
                policy(
                    0.0,
                    pieces,
                    [numbers(5.0, 3.0) * heads + gelu_found, numbers(4.0, 26.0) * width],
                    kept(all_scores, numbers(1.0, 3.0), 2.0, 2.0),
                ),
                policy(
                    0.0,
                    true,
                    [numbers(4.0, 10.0) * heads + gelu_found, numbers(4.0, 28.0) * width],
                    kept(no, numbers(0.0, 4.0), 1.0, 2.0),
                ),
                policy(
                    hidden,
                    true,
                    [numbers(4.0, 10.0) * heads + gelu_again, numbers(6.0, 26.0) * width],
                    kept(no, numbers(0.0, 4.0), 0.0, 2.0),
                ),
                policy(
                    attention + hidden,
                    true,
                    [numbers(5.0, 3.0) * heads + gelu_again, numbers(9.0, 29.0) * width],
                    kept(no, no, 0.0, 1.0),
                ),
            ],
        }
    }

    fn flops_per_token(&self, sequence_length: usize) -> f64 {
        let attention = 12.0 * (self.layers * self.attention_size()) as f64 * sequence_length as f64;
        let parameters: u64 = self.parameters().iter().map(ParameterSpec::elements).sum();
        6.0 * parameters as f64 + attention
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fact: the tied embedding and the per-layer relative projection counted, these are the paper's names.
    #[test]
    fn matrix_parameters_give_the_names_of_table_1() {
        let counts: Vec<_> =
            Gopher::presets().iter().map(|preset| (preset.name, preset.config.matrix_parameters())).collect();
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
        for preset in Gopher::presets() {
            let (config, sizes) = (&preset.config, preset.config.sizes());
            let outside_layers = (sizes.d_model + sizes.vocabulary_size) as u64;
            assert_eq!(
                config.vector_parameters() - outside_layers,
                10 * (sizes.layers * sizes.d_model) as u64
            );
        }
    }

    /// `vocabulary·d + layers·(5·d·heads·kv + 8·d²)`, and of vectors `layers·(8·d + 2·heads·kv) + d + vocabulary`.
    #[test]
    fn parameters_are_what_the_formulas_of_the_documents_count() {
        let config = ModelConfig::from(Gopher {
            layers: 3,
            heads: 5,
            key_value_size: 7,
            d_model: 22,
            vocabulary_size: 13,
        });
        assert_eq!(config.matrix_parameters(), 13 * 22 + 3 * (5 * 22 * 35 + 8 * 22 * 22));
        assert_eq!(config.vector_parameters(), 3 * (8 * 22 + 2 * 35) + 22 + 13);
        let specs = config.parameters();
        let vectors = specs.iter().filter(|spec| !spec.is_matrix());
        assert!(vectors.into_iter().all(|spec| spec.name.ends_with("norm") || spec.name.ends_with("bias")));
    }

    #[test]
    fn what_is_prepared_is_the_relative_projection() {
        let specs =
            Gopher { layers: 1, heads: 1, key_value_size: 1, d_model: 2, vocabulary_size: 1 }.parameters();
        let prepared: Vec<_> = specs.iter().filter(|spec| spec.prepared).map(|spec| spec.name).collect();
        assert_eq!(prepared, ["layers/attention/relative"]);
        assert_eq!(specs[RELATIVE].name, "layers/attention/relative");
    }

    #[test]
    fn wrong_sizes_are_named() {
        let good = Gopher { layers: 1, heads: 1, key_value_size: 1, d_model: 2, vocabulary_size: 1 };
        assert_eq!(good.check(), Ok(()));
        let message = |config: Gopher| config.check().unwrap_err().to_string();
        assert_eq!(message(Gopher { heads: 0, ..good.clone() }), "model.heads is 0; it must be at least 1");
        assert_eq!(
            message(Gopher { d_model: 3, ..good.clone() }),
            "model.d_model is 3; it must be even, as half of a position's encoding are sines"
        );
        assert_eq!(
            message(Gopher { layers: usize::MAX, ..good }),
            "the model's sizes multiply to more parameters than can be counted; check model.layers"
        );
    }
}
