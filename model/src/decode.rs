//! Generation: one compiled step that reads new tokens and a cache of what earlier ones left, of any architecture.

use graph::{Builder, DType, Error, Function, ScanInputs, ScanOutputs, Tensor, TensorType};

use crate::architecture::{CacheSpec, DecodeInputs};
use crate::config::ModelConfig;
use crate::forward::{Precision, embed, layer_weights, logits, outside_layers, stacked};
use crate::parameters::add_params;
use crate::score::{ScoreTensor, table_params};

/// Sizes of a decoding step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeShape {
    /// Sequences decoded side by side.
    pub batch: usize,
    /// Groups of as many sequences each, with caches of their own: a divisor of `batch`. What attends to the caches of a group is
    /// computed apart, in the same way however many groups there are.
    pub groups: usize,
    /// Tokens read by one step: 1 to generate, more to read a prompt.
    pub chunk: usize,
    /// Positions the cache holds.
    pub window: usize,
    /// Positions that tokens attend to: the cache's first, up to all of it.
    pub attended: usize,
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
/// take over; of several groups, those of each as `keys/group0` and so on, group by group.
/// Outputs: `logits` `[batch, vocabulary]`, float32; each cache.
///
/// A prompt shorter than a multiple of `chunk` is padded at its end: the padding's keys lie after every real token
/// and are overwritten as generation goes on. `position + chunk` must not exceed `attended`, nor that `window`: the tables are those
/// for `attended` positions.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program.
pub fn decode(config: &ModelConfig, precision: Precision, shape: DecodeShape) -> Result<Function, Error> {
    let DecodeShape { batch, groups, chunk, window, attended, own_positions } = shape;
    if groups == 0 || batch % groups != 0 {
        let message = format!("{batch} sequences cannot be divided into {groups} groups");
        return Err(Error::Type { op: "caches", scope: String::new(), message });
    }
    let sizes = config.sizes();
    let tables = table_params(config, precision, attended)?;
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
    let tables: Vec<_> =
        tables.into_iter().map(|ScoreTensor { name, axes, ty }| b.param(name, ty, &axes)).collect();
    let of_group = config.caches(batch / groups, window);
    let specs = (0..groups).flat_map(|group| of_group.iter().map(move |spec| (group, spec)));
    let specs: Vec<(String, &CacheSpec)> = specs
        .map(|(group, spec)| match groups {
            1 => (spec.name.to_owned(), spec),
            _ => (format!("{}/group{group}", spec.name), spec),
        })
        .collect();
    let cache = |(name, spec): &(String, &CacheSpec)| {
        b.param(&**name, TensorType::new(dtype, &*spec.shape), spec.axes)
    };
    let caches: Vec<_> = specs.iter().map(cache).collect();

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
        let inputs =
            DecodeInputs { weights: &weights, tables, caches, position: body.constants[0], window: attended };
        let (x, caches) = config.decode_layer(b, x, inputs)?;
        Ok(ScanOutputs { carries: vec![x], ys: caches })
    })?;
    let zero = b.scalar(DType::I32, 0.0)?;
    let wanted = b.dynamic_slice(outputs.carries[0], &[zero, last, zero], &[batch, 1, sizes.d_model])?;
    let logits = logits(&b, config, &outside, wanted)?;
    b.output("logits", b.reshape(logits, &[batch, config.padded_vocabulary()])?);
    let first_cache = parameters.len() + 3 + table_count;
    for (index, ((name, _), &cache)) in specs.iter().zip(&outputs.ys).enumerate() {
        b.output_aliased(&**name, cache, Some(first_cache + index));
    }
    b.finish()
}

/// Puts the caches of one sequence in the place of one of several: what its first `positions` tokens left.
///
/// Inputs: `row`, i32 scalar; the caches of `batch` sequences, whose memory the outputs take over; those of one, by the same
/// names in `one/…`. Outputs: the caches of `batch` sequences. If layers are `apart`, each cache is an array for each layer,
/// `name/layer`, as [`graph::unroll()`] takes those of [`decode`] apart.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program, or a cache has no axes `batch` and `time`.
pub fn place_caches(
    config: &ModelConfig,
    precision: Precision,
    batch: usize,
    window: usize,
    positions: usize,
    apart: bool,
) -> Result<Function, Error> {
    let b = Builder::new("place_caches");
    let row = b.param("row", TensorType::scalar(DType::I32), &[]);
    let all = cache_params(&b, config, precision, (batch, window), "", apart);
    let one = cache_params(&b, config, precision, (1, window), "one/", apart);
    for (index, (all, one)) in all.into_iter().zip(one).enumerate() {
        let new = b.slice_dim(one.tensor, one.axis("time")?, 0, positions)?;
        let placed = b.dynamic_update_slice(all.tensor, new, &all.starts(&b, "batch", row)?)?;
        b.output_aliased(all.name, placed, Some(1 + index));
    }
    b.finish()
}

/// Copies what `chunk` tokens of one sequence left, from a position on.
///
/// Inputs: `position`, i32 scalar; the caches of one sequence, `apart` as in [`place_caches`]. Outputs: for each cache, in the
/// same order and by the same names, the part of it at these positions.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program, or a cache has no axis `time`.
pub fn take_chunk(
    config: &ModelConfig,
    precision: Precision,
    window: usize,
    chunk: usize,
    apart: bool,
) -> Result<Function, Error> {
    let b = Builder::new("take_chunk");
    let position = b.param("position", TensorType::scalar(DType::I32), &[]);
    for cache in cache_params(&b, config, precision, (1, window), "", apart) {
        let mut sizes = b.shape(cache.tensor);
        sizes[cache.axis("time")?] = chunk;
        let part = b.dynamic_slice(cache.tensor, &cache.starts(&b, "time", position)?, &sizes)?;
        b.output(cache.name, part);
    }
    b.finish()
}

/// Puts back what [`take_chunk`] copied.
///
/// Inputs: `position`, i32 scalar; the caches of one sequence, whose memory the outputs take over; the parts, `part/…`. Outputs:
/// the caches.
///
/// # Errors
/// As there.
pub fn put_chunk(
    config: &ModelConfig,
    precision: Precision,
    window: usize,
    chunk: usize,
    apart: bool,
) -> Result<Function, Error> {
    let b = Builder::new("put_chunk");
    let position = b.param("position", TensorType::scalar(DType::I32), &[]);
    let caches = cache_params(&b, config, precision, (1, window), "", apart);
    let parts = cache_params(&b, config, precision, (1, chunk), "part/", apart);
    for (index, (cache, part)) in caches.into_iter().zip(parts).enumerate() {
        let starts = cache.starts(&b, "time", position)?;
        let cache_with = b.dynamic_update_slice(cache.tensor, part.tensor, &starts)?;
        b.output_aliased(cache.name, cache_with, Some(1 + index));
    }
    b.finish()
}

/// A cache, or a layer's part of it, as a program's input.
struct CacheParam {
    tensor: Tensor,
    name: String,
    axes: &'static [&'static str],
}

impl CacheParam {
    /// The dimension with a logical axis.
    fn axis(&self, axis: &str) -> Result<usize, Error> {
        let found = self.axes.iter().position(|&other| other == axis);
        found.ok_or_else(|| {
            let message =
                format!("the cache `{}` has the axes {:?}, none of them `{axis}`", self.name, self.axes);
            Error::Type { op: "caches", scope: String::new(), message }
        })
    }

    /// The indices of its part from `start` on along an axis.
    fn starts(&self, b: &Builder, axis: &str, start: Tensor) -> Result<Vec<Tensor>, Error> {
        let mut starts = vec![b.scalar(DType::I32, 0.0)?; self.axes.len()];
        starts[self.axis(axis)?] = start;
        Ok(starts)
    }
}

/// The caches of so many sequences with so many positions.
fn cache_params(
    b: &Builder,
    config: &ModelConfig,
    precision: Precision,
    (batch, window): (usize, usize),
    prefix: &str,
    apart: bool,
) -> Vec<CacheParam> {
    let mut params = Vec::new();
    for spec in config.caches(batch, window) {
        let name = format!("{prefix}{}", spec.name);
        let mut add = |name: String, axes: &'static [&'static str], shape: &[usize]| {
            let tensor = b.param(&*name, TensorType::new(precision.activations, shape), axes);
            params.push(CacheParam { tensor, name, axes });
        };
        match apart {
            false => add(name, spec.axes, &spec.shape),
            true => (0..spec.shape[0])
                .for_each(|layer| add(format!("{name}/{layer}"), &spec.axes[1..], &spec.shape[1..])),
        }
    }
    params
}
