//! Scoring: programs that read given texts and say how probable their tokens are, of any architecture.
//!
//! A text is cut into chunks at fixed positions. What a chunk leaves for the tokens after it (such as its keys and values) is a
//! page, in pools on the device. [`score_layers`] reads chunks of several texts side by side, all at one position, with the
//! pages of the chunks before each; [`score_head`] makes log-probabilities of what it gives, for the tokens that are asked for.

use graph::{
    BuildResult, Builder, Comparison, DType, Error, Function, Reduction, ScanInputs, ScanOutputs, Tensor,
    TensorType,
};

use crate::architecture::{CacheSpec, DecodeInputs};
use crate::blocks::cache::each;
use crate::config::ModelConfig;
use crate::forward::{Precision, embed, layer_weights, logits, outside_layers, stacked};
use crate::parameters::{LAYERS, VOCABULARY, add_params};
use crate::placement::{RESIDUAL, place};

const BATCH: &str = "batch";
const TIME: &str = "time";
const WIDTH: &str = "width";

/// Lanes that a sum over the vocabulary is first taken in: so many short sums instead of one long one, whose rounding errors
/// would add up. Devices that share the vocabulary have the lanes whole if it is a multiple of these times the devices.
pub const LANES: usize = 128;

/// Sizes of the program of [`score_layers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreShape {
    /// Chunks read side by side, each of another text.
    pub rows: usize,
    /// Tokens of a chunk.
    pub chunk: usize,
    /// Chunks that a text may have up to this one, itself included: the caches' window is so many chunks long.
    pub chunks: usize,
    /// Pages of each pool.
    pub pages: usize,
}

impl ScoreShape {
    /// Positions the caches hold.
    pub fn window(&self) -> usize {
        self.chunks * self.chunk
    }
}

/// Sizes of the programs of [`score_head`] and [`score_top`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadShape {
    /// Positions there are to choose from: rows times tokens of a chunk.
    pub hidden: usize,
    /// Positions that are scored in a run.
    pub positions: usize,
    /// Tokens that are scored at each of them.
    pub targets: usize,
}

/// A tensor that programs of scoring hand on to each other.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreTensor {
    /// Name, such as `keys`.
    pub name: &'static str,
    /// Logical axis of each dimension.
    pub axes: Vec<&'static str>,
    /// Dtype and shape.
    pub ty: TensorType,
}

/// The pools of pages: a pool for each of [`Architecture::caches`](crate::Architecture::caches),
/// `[pages, layers, …]`, where the rest is what one text's chunk of `chunk` tokens leaves.
///
/// # Errors
/// [`Error::Type`] for an architecture with a cache that does not have one axis `batch` and one axis `time`.
pub fn page_pools(
    config: &ModelConfig,
    precision: Precision,
    chunk: usize,
    pages: usize,
) -> Result<Vec<ScoreTensor>, Error> {
    let specs = config.caches(1, chunk).into_iter();
    let pool = |spec: CacheSpec| {
        let layout = PageLayout::of(&spec)?;
        let shape = layout.page_dims.iter().map(|&dim| spec.shape[dim]);
        let shape: Vec<usize> = [pages, spec.shape[0]].into_iter().chain(shape).collect();
        let axes = ["pages", LAYERS].into_iter().chain(layout.page_dims.iter().map(|&dim| spec.axes[dim]));
        let ty = TensorType::new(precision.activations, shape);
        Ok(ScoreTensor { name: spec.name, axes: axes.collect(), ty })
    };
    specs.map(pool).collect()
}

/// The tables that [`score_layers`] reads, those of [`decode_tables`](crate::decode_tables): name, logical axes, type.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program.
pub fn table_params(
    config: &ModelConfig,
    precision: Precision,
    window: usize,
) -> Result<Vec<ScoreTensor>, Error> {
    let b = Builder::new("tables");
    let parameters = add_params(&b, config, "parameters/", precision.parameters);
    let tables = config.decode_tables(&b, &parameters, window, precision.activations)?.into_iter();
    let table = |(CacheSpec { name, axes, shape }, tensor)| ScoreTensor {
        name,
        axes: axes.to_vec(),
        ty: TensorType::new(b.dtype(tensor), shape),
    };
    Ok(tables.map(table).collect())
}

/// The logical axes of what the programs of this file and that of the tables give, by name; empty for a pool, which lies as the one it
/// takes over, and for a name that none of them has.
pub fn output_axes(config: &ModelConfig, precision: Precision, name: &str) -> Vec<&'static str> {
    match name {
        "hidden" => vec![BATCH, WIDTH],
        "log_probabilities" | "tokens" => vec![BATCH, "targets"],
        "best" | "maximum" | "log_total" => vec![BATCH],
        "logits" => vec![BATCH, VOCABULARY],
        _ => {
            let tables = table_params(config, precision, 1).unwrap_or_default();
            tables.into_iter().find(|table| table.name == name).map_or_else(Vec::new, |table| table.axes)
        }
    }
}

/// Where the dimensions of a cache `[layers, …]` are in a page.
struct PageLayout {
    /// Position of `batch` and of `time` in the cache, layers included.
    batch: usize,
    time: usize,
    /// The cache's dimensions that a page of a layer has, in order: all but layers and batch.
    page_dims: Vec<usize>,
}

impl PageLayout {
    fn of(spec: &CacheSpec) -> Result<Self, Error> {
        let only = |name: &str| {
            let mut found = spec.axes.iter().enumerate().filter(|(_, axis)| **axis == name);
            match (found.next(), found.next()) {
                (Some((dim, _)), None) => Ok(dim),
                _ => Err(Error::Type {
                    op: "score",
                    scope: String::new(),
                    message: format!(
                        "the cache `{}` has the axes {:?}, expected one that is `{name}`",
                        spec.name, spec.axes
                    ),
                }),
            }
        };
        let (layers, batch, time) = (only(LAYERS)?, only(BATCH)?, only(TIME)?);
        let page_dims = (0..spec.axes.len()).filter(|&dim| dim != layers && dim != batch).collect();
        Ok(Self { batch, time, page_dims })
    }

    /// A layer's cache from the pages `[rows, chunks, …]` of each row's text.
    fn gather(&self, b: &Builder, pages: Tensor) -> BuildResult {
        let place = |dim: usize| 2 + self.page_dims.iter().position(|&page_dim| page_dim == dim).unwrap_or(0);
        let (mut order, mut shape) = (Vec::new(), Vec::new());
        let sizes = b.shape(pages);
        for dim in 1..self.page_dims.len() + 2 {
            match dim {
                _ if dim == self.batch => {
                    order.push(0);
                    shape.push(sizes[0]);
                }
                _ if dim == self.time => {
                    order.extend([1, place(dim)]);
                    shape.push(sizes[1] * sizes[place(dim)]);
                }
                _ => {
                    order.push(place(dim));
                    shape.push(sizes[place(dim)]);
                }
            }
        }
        b.reshape(b.transpose(pages, &order)?, &shape)
    }

    /// The part of a layer's cache at `chunk` positions from `position` on: a scalar, or `[rows]`.
    fn written(&self, b: &Builder, cache: Tensor, position: Tensor, chunk: usize) -> BuildResult {
        if let Some(positions) = each(b, position)? {
            let batch = self.batch - 1;
            let parts = positions.into_iter().enumerate().map(|(row, position)| {
                self.written(b, b.slice_dim(cache, batch, row, row + 1)?, position, chunk)
            });
            return b.concatenate(&parts.collect::<Result<Vec<_>, _>>()?, batch);
        }
        let zero = b.scalar(DType::I32, 0.0)?;
        let mut sizes = b.shape(cache);
        let mut starts = vec![zero; sizes.len()];
        (starts[self.time - 1], sizes[self.time - 1]) = (position, chunk);
        b.dynamic_slice(cache, &starts, &sizes)
    }

    /// A pool with the pages that all layers wrote, stacked `[layers, …]` as caches are, at `destinations` (i32 scalars).
    fn store(&self, b: &Builder, pool: Tensor, written: Tensor, destinations: &[Tensor]) -> BuildResult {
        let order = [self.batch, 0].into_iter().chain(self.page_dims.iter().copied());
        let pages = b.transpose(written, &order.collect::<Vec<_>>())?;
        let zero = b.scalar(DType::I32, 0.0)?;
        let mut pool = pool;
        for (row, &destination) in destinations.iter().enumerate() {
            let page = b.slice_dim(pages, 0, row, row + 1)?;
            let mut starts = vec![zero; b.shape(pool).len()];
            starts[0] = destination;
            pool = b.dynamic_update_slice(pool, page, &starts)?;
        }
        Ok(pool)
    }
}

/// The layers over one chunk of each of several texts.
///
/// Inputs: the parameters (`parameters/…`); `tokens` `[rows, chunk]`, i32; `position`, i32 scalar, of the first token of every
/// chunk, a multiple of the chunk; `ancestors` `[rows, chunks]`, i32, the pages of the chunks before, in order, and after them
/// any page of finite numbers; `destinations` `[rows]`, i32, the page each row's chunk becomes; the tables of
/// [`decode_tables`](crate::decode_tables) for the window; and the pools of [`page_pools`], whose memory the outputs take over.
/// Outputs: `hidden` `[rows·chunk, width]`, the residual stream after the last layer; each pool.
///
/// Tokens after the end of a text change nothing that stands before them.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program, or as [`page_pools`].
pub fn score_layers(
    config: &ModelConfig,
    precision: Precision,
    shape: ScoreShape,
) -> Result<Function, Error> {
    layers(config, precision, shape, false)
}

/// As [`score_layers`], with chunks at positions of their own: `position` is `[rows]`, i32.
///
/// # Errors
/// As there.
pub fn score_layers_apart(
    config: &ModelConfig,
    precision: Precision,
    shape: ScoreShape,
) -> Result<Function, Error> {
    layers(config, precision, shape, true)
}

fn layers(
    config: &ModelConfig,
    precision: Precision,
    shape: ScoreShape,
    own_positions: bool,
) -> Result<Function, Error> {
    let ScoreShape { rows, chunk, chunks, pages } = shape;
    let (sizes, dtype, window) = (config.sizes(), precision.activations, shape.window());
    let tables = table_params(config, precision, window)?;
    let b = Builder::new("score_layers");
    let parameters = add_params(&b, config, "parameters/", precision.parameters);
    let outside = outside_layers(&b, config, &parameters)?;
    let index = |shape: &[usize]| TensorType::new(DType::I32, shape);
    let tokens = b.param("tokens", index(&[rows, chunk]), &[BATCH, TIME]);
    let position = match own_positions {
        true => b.param("position", index(&[rows]), &[BATCH]),
        false => b.param("position", index(&[]), &[]),
    };
    let ancestors = b.param("ancestors", index(&[rows, chunks]), &[BATCH, "chunks"]);
    // All devices write all pages: whoever has the row of a page, others may read it later.
    let destinations = b.param("destinations", index(&[rows]), &["destinations"]);
    let table_count = tables.len();
    let tables: Vec<_> =
        tables.into_iter().map(|ScoreTensor { name, axes, ty }| b.param(name, ty, &axes)).collect();
    let pools = page_pools(config, precision, chunk, pages)?;
    let layouts = config.caches(rows, window).iter().map(PageLayout::of).collect::<Result<Vec<_>, _>>()?;
    let first_pool = parameters.len() + 4 + table_count;
    let (names, pools): (Vec<_>, Vec<_>) =
        pools.into_iter().map(|ScoreTensor { name, axes, ty }| (name, b.param(name, ty, &axes))).unzip();

    let x = embed(&b, config, &outside, tokens, dtype)?;
    // A layer's page is a row of the pool as a table: so nothing but the pages that are read is copied.
    let flat = |&pool: &Tensor| {
        let shape = b.shape(pool);
        b.reshape(pool, &[&[shape[0] * shape[1]], &shape[2..]].concat())
    };
    let flat_pools = pools.iter().map(flat).collect::<Result<Vec<_>, _>>()?;
    let ancestors = b.scale(ancestors, sizes.layers as f64)?;
    let layer_numbers = b.iota(index(&[sizes.layers]), 0)?;
    let constants = [vec![position, ancestors], flat_pools].concat();
    let inputs = ScanInputs {
        length: sizes.layers,
        carries: &[x],
        xs: &[stacked(config, &parameters), tables, vec![layer_numbers]].concat(),
        constants: &constants,
        ..ScanInputs::default()
    };
    let outputs = b.scan("layers", inputs, |body| {
        let (b, x) = (body.builder, body.carries[0]);
        let (slices, others) = body.xs.split_at(body.xs.len() - table_count - 1);
        let (tables, layer) = others.split_at(table_count);
        let (position, ancestors) = (body.constants[0], body.constants[1]);
        let pages = b.add(ancestors, layer[0])?;
        let gather = |(layout, &pool): (&PageLayout, &Tensor)| layout.gather(b, b.take(pool, pages)?);
        let caches = layouts.iter().zip(&body.constants[2..]).map(gather).collect::<Result<Vec<_>, _>>()?;
        let weights = layer_weights(b, config, slices, dtype)?;
        let inputs = DecodeInputs { weights: &weights, tables, caches: &caches, position, window };
        let (x, caches) = config.decode_layer(b, x, inputs)?;
        let written = |(layout, &cache): (&PageLayout, &Tensor)| layout.written(b, cache, position, chunk);
        let ys = layouts.iter().zip(&caches).map(written).collect::<Result<Vec<_>, _>>()?;
        Ok(ScanOutputs { carries: vec![x], ys })
    })?;
    b.output("hidden", b.reshape(outputs.carries[0], &[rows * chunk, sizes.d_model])?);
    let scalar = |row| b.reshape(b.slice_dim(destinations, 0, row, row + 1)?, &[]);
    let destinations = (0..rows).map(scalar).collect::<Result<Vec<_>, _>>()?;
    for (index, (layout, (&pool, &written))) in layouts.iter().zip(pools.iter().zip(&outputs.ys)).enumerate()
    {
        let pool = layout.store(&b, pool, written, &destinations)?;
        b.output_aliased(names[index], pool, Some(first_pool + index));
    }
    b.finish()
}

/// Log-probabilities of given tokens at given positions.
///
/// Inputs: the parameters (`parameters/…`), of which those outside the layers are read; `hidden` `[hidden, width]` of
/// [`score_layers`]; `positions` `[positions]`, i32, rows of it; `targets` `[positions, targets]`, i32.
/// Outputs: `log_probabilities` `[positions, targets]`, float32, natural; `best` `[positions]`, i32, the most probable token,
/// the first of several; `maximum` and `log_total` `[positions]`, float32, such that the log-probability of a token is its logit,
/// less the maximum, less the total; `logits` `[positions, vocabulary]`, float32.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program.
pub fn score_head(config: &ModelConfig, precision: Precision, shape: HeadShape) -> Result<Function, Error> {
    let HeadShape { hidden, positions, targets } = shape;
    let b = Builder::new("score_head");
    let parameters = add_params(&b, config, "parameters/", precision.parameters);
    let outside = outside_layers(&b, config, &parameters)?;
    let width = config.sizes().d_model;
    let index = |shape: &[usize]| TensorType::new(DType::I32, shape);
    let hidden = b.param("hidden", TensorType::new(precision.activations, [hidden, width]), &[BATCH, WIDTH]);
    let places = b.param("positions", index(&[positions]), &[BATCH]);
    let wanted = b.param("targets", index(&[positions, targets]), &[BATCH, "targets"]);
    // Each position is a row of its own, so that a plan can split them.
    let x = place(&b, b.reshape(b.take(hidden, places)?, &[positions, 1, width])?, RESIDUAL, None)?;
    let logits = logits(&b, config, &outside, x)?;
    let vocabulary = config.padded_vocabulary();
    let logits = b.convert(b.reshape(logits, &[positions, vocabulary])?, DType::F32)?;
    let lanes = in_lanes(&b, logits)?;
    let maximum = b.reduce(Reduction::Max, b.reduce(Reduction::Max, lanes, &[1])?, &[1])?;
    let shifted = b.sub(lanes, b.broadcast(maximum, &b.shape(lanes), &[0])?)?;
    let total = b.sum(b.sum(b.exp(shifted)?, &[1])?, &[1])?;
    let log_total = b.log(total)?;
    let row = b.scale(b.iota(index(&[positions, targets]), 0)?, vocabulary as f64)?;
    let picked = b.take(b.reshape(logits, &[positions * vocabulary])?, b.add(row, wanted)?)?;
    let log_probabilities = log_probability(&b, picked, maximum, log_total)?;
    b.output("log_probabilities", log_probabilities);
    b.output("best", first_of(&b, logits, maximum)?);
    b.output("maximum", maximum);
    b.output("log_total", log_total);
    b.output("logits", logits);
    b.finish()
}

/// The most probable tokens at each position.
///
/// Inputs: `logits`, `maximum` and `log_total` of [`score_head`], whose log-probabilities these equal bit for bit.
/// Outputs: `tokens` `[positions, count]`, i32, the most probable first, and of equal ones the one with the least id;
/// `log_probabilities` `[positions, count]`, float32.
///
/// # Errors
/// [`Error::Type`] if the sizes make no valid program, or `count` is 0.
pub fn score_top(config: &ModelConfig, shape: HeadShape, count: usize) -> Result<Function, Error> {
    let (positions, vocabulary) = (shape.positions, config.padded_vocabulary());
    let b = Builder::new("score_top");
    let float = |shape: &[usize]| TensorType::new(DType::F32, shape);
    let mut logits = b.param("logits", float(&[positions, vocabulary]), &[BATCH, VOCABULARY]);
    let maximum = b.param("maximum", float(&[positions]), &[BATCH]);
    let log_total = b.param("log_total", float(&[positions]), &[BATCH]);
    let ids = b.iota(TensorType::new(DType::I32, [positions, vocabulary]), 1)?;
    let (mut tokens, mut values) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let largest = b.reduce(Reduction::Max, logits, &[1])?;
        let token = first_of(&b, logits, largest)?;
        tokens.push(b.expand(token, 1)?);
        values.push(b.reshape(largest, &[positions, 1])?);
        let taken = b.compare(Comparison::Eq, ids, b.expand(token, 1)?)?;
        logits = b.select(taken, b.scalar(DType::F32, f64::NEG_INFINITY)?, logits)?;
    }
    let tokens = tokens.into_iter().map(|token| b.reshape(token, &[positions, 1]));
    b.output("tokens", b.concatenate(&tokens.collect::<Result<Vec<_>, _>>()?, 1)?);
    b.output("log_probabilities", log_probability(&b, b.concatenate(&values, 1)?, maximum, log_total)?);
    b.finish()
}

/// `picked` `[positions, n]` less `maximum` and `log_total` `[positions]`.
fn log_probability(b: &Builder, picked: Tensor, maximum: Tensor, log_total: Tensor) -> BuildResult {
    let shape = b.shape(picked);
    let wide = |x| b.broadcast(x, &shape, &[0]);
    b.sub(b.sub(picked, wide(maximum)?)?, wide(log_total)?)
}

/// The least id whose logit is the row's `maximum` `[positions]`.
fn first_of(b: &Builder, logits: Tensor, maximum: Tensor) -> BuildResult {
    let ids = b.iota(TensorType::new(DType::I32, b.shape(logits)), 1)?;
    let is_best = b.compare(Comparison::Eq, logits, b.expand(maximum, 1)?)?;
    let none = b.scalar(DType::I32, b.shape(logits)[1] as f64)?;
    let least = in_lanes_of(b, b.select(is_best, ids, none)?, i32::MAX as f64)?;
    b.reduce(Reduction::Min, b.reduce(Reduction::Min, least, &[1])?, &[1])
}

/// `[positions, vocabulary]` as `[positions, parts, LANES]`, with minus infinity behind the end.
fn in_lanes(b: &Builder, logits: Tensor) -> BuildResult {
    in_lanes_of(b, logits, f64::NEG_INFINITY)
}

fn in_lanes_of(b: &Builder, x: Tensor, padding: f64) -> BuildResult {
    let [positions, vocabulary] = b.shape(x)[..] else { unreachable!("logits have two dimensions") };
    let padded = vocabulary.next_multiple_of(LANES);
    let x = match (padded - vocabulary) as i64 {
        0 => x,
        more => b.pad(x, padding, &[0, 0], &[0, more])?,
    };
    b.reshape(x, &[positions, padded / LANES, LANES])
}
