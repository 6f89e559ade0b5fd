//! Generation: one compiled step that reads new tokens and a cache of what earlier ones left, of any architecture.

use graph::{Builder, DType, Error, Function, ScanInputs, ScanOutputs, TensorType};

use crate::architecture::DecodeInputs;
use crate::config::ModelConfig;
use crate::forward::{Precision, embed, layer_weights, logits, outside_layers, stacked};
use crate::parameters::add_params;

/// Sizes of a decoding step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeShape {
    /// Sequences decoded side by side.
    pub batch: usize,
    /// Tokens read by one step: 1 to generate, more to read a prompt.
    pub chunk: usize,
    /// Positions the cache holds.
    pub window: usize,
    /// Whether each sequence has a position of its own.
    pub own_positions: bool,
}

/// The program that makes the tables of [`Architecture::decode_tables`](crate::Architecture::decode_tables) from the
/// model's parameters (`parameters/…`): an output for each table. `None` for an architecture without any.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program.
pub fn decode_tables(
    config: &ModelConfig,
    precision: Precision,
    window: usize,
) -> Result<Option<Function>, Error> {
    let b = Builder::new("decode_tables");
    let parameters = add_params(&b, config, "parameters/", precision.parameters);
    let tables = config.decode_tables(&b, &parameters, window, precision.activations)?;
    if tables.is_empty() {
        return Ok(None);
    }
    for (spec, table) in tables {
        b.output(spec.name, table);
    }
    b.finish().map(Some)
}

/// One decoding step.
///
/// Inputs: the parameters (`parameters/…`); `tokens` `[batch, chunk]`, i32; `position`, i32 scalar, of the first of
/// them, or `[batch]` if each sequence has its own; `last`, i32 scalar, the index within the chunk whose
/// logits are wanted; the tables of [`decode_tables`]; and the
/// caches, such as `keys` and `values` ([`Architecture::caches`](crate::Architecture::caches)), whose memory the outputs
/// take over.
/// Outputs: `logits` `[batch, vocabulary]`, float32; each cache.
///
/// A prompt shorter than a multiple of `chunk` is padded at its end: the padding's keys lie after every real token
/// and are overwritten as generation goes on. `position + chunk` must not exceed `window`.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program.
pub fn decode(config: &ModelConfig, precision: Precision, shape: DecodeShape) -> Result<Function, Error> {
    let DecodeShape { batch, chunk, window, own_positions } = shape;
    let sizes = config.sizes();
    let tables = match decode_tables(config, precision, window)? {
        Some(function) => {
            let types = function.result_types();
            function.results.iter().map(|output| output.name.clone()).zip(types).collect()
        }
        None => Vec::new(),
    };
    let b = Builder::new("decode");
    let dtype = precision.activations;
    let parameters = add_params(&b, config, "parameters/", precision.parameters);
    let outside = outside_layers(&b, config, &parameters)?;
    let tokens = b.param("tokens", TensorType::new(DType::I32, [batch, chunk]), &["batch", "time"]);
    let position = match own_positions {
        true => b.param("position", TensorType::new(DType::I32, [batch]), &["batch"]),
        false => b.param("position", TensorType::scalar(DType::I32), &[]),
    };
    let last = b.param("last", TensorType::scalar(DType::I32), &[]);
    let table_count = tables.len();
    let tables = tables.into_iter().map(|(name, ty)| b.param(name, ty, &[]));
    let tables: Vec<_> = tables.collect();
    let specs = config.caches(batch, window);
    let caches = specs.iter().map(|spec| b.param(spec.name, TensorType::new(dtype, &*spec.shape), spec.axes));
    let caches: Vec<_> = caches.collect();

    let x = embed(&b, config, &outside, tokens, dtype)?;
    let inputs = ScanInputs {
        length: sizes.layers,
        carries: &[x],
        xs: &[stacked(config, &parameters), tables, caches].concat(),
        constants: &[position],
        ..ScanInputs::default()
    };
    let outputs = b.scan("layers", inputs, |body| {
        let (b, x) = (body.builder, body.carries[0]);
        let (slices, others) = body.xs.split_at(body.xs.len() - table_count - specs.len());
        let (tables, caches) = others.split_at(table_count);
        let weights = layer_weights(b, config, slices, dtype)?;
        let inputs = DecodeInputs { weights: &weights, tables, caches, position: body.constants[0], window };
        let (x, caches) = config.decode_layer(b, x, inputs)?;
        Ok(ScanOutputs { carries: vec![x], ys: caches })
    })?;
    let zero = b.scalar(DType::I32, 0.0)?;
    let wanted = b.dynamic_slice(outputs.carries[0], &[zero, last, zero], &[batch, 1, sizes.d_model])?;
    let logits = logits(&b, config, &outside, wanted)?;
    b.output("logits", b.reshape(logits, &[batch, config.padded_vocabulary()])?);
    let first_cache = parameters.len() + 3 + table_count;
    for (index, (spec, &cache)) in specs.iter().zip(&outputs.ys).enumerate() {
        b.output_aliased(spec.name, cache, Some(first_cache + index));
    }
    b.finish()
}

/// Puts the caches of one sequence in the place of one of several.
///
/// Inputs: `row`, i32 scalar; the caches of `batch` sequences, whose memory the outputs take over; those of one, by the same
/// names in `one/…`. Outputs: the caches of `batch` sequences. If layers are `apart`, each cache is an array for each layer,
/// `name/layer`, as [`graph::unroll()`] takes those of [`decode`] apart.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program, or a cache has no axis `batch`.
pub fn place_caches(
    config: &ModelConfig,
    precision: Precision,
    batch: usize,
    window: usize,
    apart: bool,
) -> Result<Function, Error> {
    let b = Builder::new("place_caches");
    let row = b.param("row", TensorType::scalar(DType::I32), &[]);
    let arrays = |batch, prefix: &str| -> Vec<_> {
        let arrays = config.caches(batch, window).into_iter().flat_map(|spec| {
            let name = format!("{prefix}{}", spec.name);
            let ty = |shape: &[usize]| TensorType::new(precision.activations, shape);
            match apart {
                false => vec![(name, spec.axes, ty(&spec.shape))],
                true => (0..spec.shape[0])
                    .map(|layer| (format!("{name}/{layer}"), &spec.axes[1..], ty(&spec.shape[1..])))
                    .collect(),
            }
        });
        arrays.map(|(name, axes, ty)| (b.param(&*name, ty, axes), name, axes)).collect()
    };
    let all = arrays(batch, "");
    for (index, ((all, name, axes), (new, ..))) in all.into_iter().zip(arrays(1, "one/")).enumerate() {
        let mut starts = vec![b.scalar(DType::I32, 0.0)?; axes.len()];
        let axis = axes.iter().position(|&axis| axis == "batch");
        let Some(start) = axis.and_then(|axis| starts.get_mut(axis)) else {
            let message = format!("the cache `{name}` has the axes {axes:?}, none of them `batch`");
            return Err(Error::Type { op: "place_caches", scope: String::new(), message });
        };
        *start = row;
        b.output_aliased(name, b.dynamic_update_slice(all, new, &starts)?, Some(1 + index));
    }
    b.finish()
}
