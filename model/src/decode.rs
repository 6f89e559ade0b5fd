//! Generation: one compiled step that reads new tokens and a cache of the earlier ones' keys and values.

use graph::{Builder, DType, Error, Function, ScanInputs, ScanOutputs, TensorType};

use crate::attention::{Attention, attend, encode_distances};
use crate::config::ModelConfig;
use crate::forward::{Precision, embed, logits, outside_layers};
use crate::layer::{feed_forward, layer_parameters, project, project_out, stacked};
use crate::parameters::{Parameters, add_params};

/// Sizes of a decoding step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeShape {
    /// Sequences decoded side by side.
    pub batch: usize,
    /// Tokens read by one step: 1 to generate, more to read a prompt.
    pub chunk: usize,
    /// Positions the cache holds.
    pub window: usize,
}

/// The projected distances that every decoding step reads: from the model's parameters to `relative_keys`
/// `[layers, heads, 2·window, kv]`, whose row `c` is that of distance `window - 1 - c`.
///
/// They do not depend on the text, so they are made once per model rather than once per token.
///
/// # Errors
/// When the sizes make no valid program.
pub fn relative_keys(config: &ModelConfig, precision: Precision, window: usize) -> Result<Function, Error> {
    let b = Builder::new("relative_keys");
    let dtype = precision.activations;
    let parameters = add_params(&b, config, "parameters/", precision.parameters);
    let first = b.scalar(DType::F32, window as f64 - 1.0)?;
    let distances = b.convert(encode_distances(&b, first, 2 * window, config.d_model)?, dtype)?;
    let weights = b.convert(Parameters::from_array(parameters).relative, dtype)?;
    b.output("relative_keys", b.einsum("sd,ldhk->lhsk", distances, weights)?);
    b.finish()
}

/// One decoding step.
///
/// Inputs: the parameters (`parameters/…`); `tokens` `[batch, chunk]`, i32; `position`, i32 scalar, of the first of
/// them; `last`, i32 scalar, the index within the chunk whose logits are wanted; `relative_keys`; and the caches
/// `keys` and `values` `[layers, heads, batch, window, kv]`, whose memory the outputs take over.
/// Outputs: `logits` `[batch, vocabulary]`, float32; `keys`; `values`.
///
/// A prompt shorter than a multiple of `chunk` is padded at its end: the padding's keys lie after every real token
/// and are overwritten as generation goes on. `position + chunk` must not exceed `window`.
///
/// # Errors
/// When the sizes make no valid program.
pub fn decode(config: &ModelConfig, precision: Precision, shape: DecodeShape) -> Result<Function, Error> {
    let DecodeShape { batch, chunk, window } = shape;
    let ModelConfig { layers, heads, key_value_size: kv, .. } = *config;
    let b = Builder::new("decode");
    let dtype = precision.activations;
    let parameters = add_params(&b, config, "parameters/", precision.parameters);
    let outside = outside_layers(&b, &parameters)?;
    let tokens = b.param("tokens", TensorType::new(DType::I32, [batch, chunk]), &["batch", "time"]);
    let position = b.param("position", TensorType::scalar(DType::I32), &[]);
    let last = b.param("last", TensorType::scalar(DType::I32), &[]);
    let relative_type = TensorType::new(dtype, [layers, heads, 2 * window, kv]);
    let relative = b.param("relative_keys", relative_type, &["layers", "heads", "distance", "kv"]);
    let cache_type = TensorType::new(dtype, [layers, heads, batch, window, kv]);
    let cache_axes = ["layers", "heads", "batch", "time", "kv"];
    let keys = b.param("keys", cache_type.clone(), &cache_axes);
    let values = b.param("values", cache_type, &cache_axes);

    let x = embed(&b, tokens, outside[0], dtype)?;
    let inputs = ScanInputs {
        length: layers,
        carries: &[x],
        xs: &[stacked(&parameters), &[relative, keys, values]].concat(),
        constants: &[position],
        ..ScanInputs::default()
    };
    let outputs = b.scan("layers", inputs, |body| {
        let (b, x, position) = (body.builder, body.carries[0], body.constants[0]);
        let (weights, caches) = body.xs.split_at(body.xs.len() - 3);
        let layer = layer_parameters(b, weights, dtype)?;
        let _scope = b.scope("attention");
        let new = project(b, x, &layer)?;
        let zero = b.scalar(DType::I32, 0.0)?;
        let at_position = [zero, zero, position, zero];
        let key = b.dynamic_update_slice(caches[1], new.key, &at_position)?;
        let value = b.dynamic_update_slice(caches[2], new.value, &at_position)?;
        // Row c of what attention reads is distance `position + chunk - 1 - c`.
        let first_row = b.sub(b.scalar(DType::I32, (window - chunk) as f64)?, position)?;
        let relative = b.dynamic_slice(caches[0], &[zero, first_row, zero], &[heads, window + 1, kv])?;
        let attention = Attention {
            content_query: new.content_query,
            position_query: new.position_query,
            key,
            value,
            relative,
        };
        let x = project_out(b, x, attend(b, &attention, position)?, &layer)?;
        drop(_scope);
        Ok(ScanOutputs { carries: vec![feed_forward(b, x, &layer)?], ys: vec![key, value] })
    })?;
    let zero = b.scalar(DType::I32, 0.0)?;
    let wanted = b.dynamic_slice(outputs.carries[0], &[zero, last, zero], &[batch, 1, config.d_model])?;
    let logits = logits(&b, wanted, &outside)?;
    b.output("logits", b.reshape(logits, &[batch, config.vocabulary_size])?);
    let first_cache = parameters.len() + 4;
    b.output_aliased("keys", outputs.ys[0], Some(first_cache));
    b.output_aliased("values", outputs.ys[1], Some(first_cache + 1));
    b.finish()
}
