//! The memory that scoring takes on each device, from its programs as they would run, before anything is compiled or loaded.

use std::collections::BTreeSet;

use graph::{Function, Partitioned};
use model::score::{output_axes, table_params};
use model::{ModelConfig, Precision, ScoreShape};
use runtime::DeviceKind;
use sharding::cost::{Calibration, memory_at_peak};

use super::engine::{Shape, chunks_at};
use crate::devices::Devices;
use crate::{Error, Result};

/// Bytes on each device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needed {
    /// The parameters.
    pub parameters: u64,
    /// The pools of pages.
    pub pools: u64,
    /// Tables, and what a call computes on the way.
    pub programs: u64,
}

impl Needed {
    pub fn total(self) -> u64 {
        self.parameters.saturating_add(self.pools).saturating_add(self.programs)
    }
}

/// Bytes of the parameters on each device.
pub(super) fn parameters(devices: &Devices, config: &ModelConfig, precision: Precision) -> Result<u64> {
    let placed = devices.parameters(config, precision)?;
    placed.iter().map(|(ty, layout)| Ok(layout.shard_type(ty)?.bytes() as u64)).sum()
}

/// Bytes of so many pages on each device.
pub(super) fn pools(
    devices: &Devices,
    config: &ModelConfig,
    precision: Precision,
    chunk: usize,
    pages: usize,
) -> Result<u64> {
    let pools = model::page_pools(config, precision, chunk, pages)?;
    let bytes = |pool: &model::ScoreTensor| -> Result<u64> {
        let layout = devices.layout(pool.name, &pool.axes, pool.ty.rank())?;
        Ok(layout.shard_type(&pool.ty)?.bytes() as u64)
    };
    pools.iter().map(bytes).sum()
}

/// What scoring takes, with windows of `window` tokens. `config` is the model as the devices have it.
///
/// # Errors
/// [`Error::Graph`] and [`Error::Partition`](crate::Error::Partition) if the programs cannot be built.
pub(super) fn needed(
    devices: &Devices,
    config: &ModelConfig,
    precision: Precision,
    shape: Shape,
    window: usize,
) -> Result<Needed> {
    let Shape { rows, chunk, pages, top, .. } = shape;
    let deepest = window.div_ceil(chunk).max(1);
    let lengths: BTreeSet<usize> = (0..deepest).map(chunks_at).collect();
    let tables = |chunks: usize| -> Result<u64> {
        let tables = table_params(config, precision, chunks * chunk)?;
        let bytes = |table: &model::ScoreTensor| -> Result<u64> {
            let layout = devices.layout(table.name, &table.axes, table.ty.rank())?;
            Ok(layout.shard_type(&table.ty)?.bytes() as u64)
        };
        tables.iter().map(bytes).sum()
    };
    let split = |function: Function| devices.split(&function, |name| output_axes(config, precision, name));
    let calibration = Calibration::of_kind(devices.runtime().kind());
    let beside = |program: &Partitioned| -> u64 {
        let peak: u64 = memory_at_peak(program, &calibration).iter().map(|item| item.bytes).sum();
        peak.saturating_sub(inputs(program))
    };
    let chunks = chunks_at(deepest - 1);
    let layers = split(model::score_layers(config, precision, ScoreShape { rows, chunk, chunks, pages })?)?;
    let head = split(model::score_head(config, precision, shape.head())?)?;
    // What the layers give stays while the head runs, and what that gives for the most probable tokens.
    let hidden = input(&head, "hidden");
    let mut call = beside(&layers).max(hidden + beside(&head));
    if top > 0 {
        let top = split(model::score_top(config, shape.head(), top)?)?;
        call = call.max(hidden + inputs(&top) + beside(&top));
    }
    let tables: u64 = lengths.into_iter().map(tables).sum::<Result<u64>>()?;
    Ok(Needed {
        parameters: parameters(devices, config, precision)?,
        pools: pools(devices, config, precision, chunk, pages)?,
        programs: tables + call,
    })
}

/// Bytes of a program's inputs on a device.
fn inputs(program: &Partitioned) -> u64 {
    let function = &program.function;
    function.params.iter().map(|param| function.ty(param.value).bytes() as u64).sum()
}

/// Bytes of one of them.
fn input(program: &Partitioned, name: &str) -> u64 {
    let function = &program.function;
    let named = function.params.iter().find(|param| param.name == name);
    named.map_or(0, |param| function.ty(param.value).bytes() as u64)
}

/// The refusal of a window whose scoring does not fit, with what would: `needed` says what a narrower one takes.
pub(super) fn refusal(
    devices: &Devices,
    window: usize,
    needed: Needed,
    limit: u64,
    narrower: impl Fn(usize) -> Option<Needed>,
) -> Error {
    let mut fits = window / 2;
    while fits > 0 && narrower(fits).is_none_or(|needed| needed.total() > limit) {
        fits /= 2;
    }
    let way_out = match (fits, devices.runtime().kind()) {
        (0, DeviceKind::Cpu) => "the model needs a computer with more memory".to_owned(),
        (0, _) => "the model needs more devices (--topology), or some with more memory".to_owned(),
        (fits, _) => format!("narrow it, such as to --window {fits}"),
    };
    Error::ScoringMemory {
        window,
        devices: devices.count(),
        beside: needed.pools.saturating_add(needed.programs),
        parameters: needed.parameters,
        limit,
        way_out,
    }
}

#[cfg(test)]
mod tests {
    use model::{Gopher, Llama};
    use runtime::{CompileOptions, Memory, Runtime, RuntimeOptions};
    use sharding::inference::InferenceMesh;

    use super::*;

    /// Sizes at which tensors take more than what every program takes besides.
    fn models() -> [ModelConfig; 2] {
        let gopher = Gopher { layers: 3, heads: 4, key_value_size: 32, d_model: 128, vocabulary_size: 8192 };
        let llama = Llama {
            layers: 3,
            heads: 8,
            key_value_heads: 2,
            key_value_size: 16,
            d_model: 128,
            feed_forward_size: 384,
            vocabulary_size: 8192,
            rope_base: 1e4,
            norm_epsilon: 1e-5,
            tied_embedding: true,
        };
        [gopher.into(), llama.into()]
    }

    /// What is computed from the programs, against what the compiler says of them.
    #[test]
    fn programs_take_what_is_computed_from_them() {
        let options = RuntimeOptions { virtual_devices: Some(4), ..RuntimeOptions::default() };
        let Some(runtime) = Runtime::find_with(DeviceKind::Cpu, &options).unwrap() else {
            println!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
            return;
        };
        let (precision, window) = (Precision::FLOAT32, 512);
        let shape = Shape { chunk: 16, rows: 16, positions: 64, top: 0, pages: 80 };
        let layers = ScoreShape { rows: 16, chunk: 16, chunks: 32, pages: 80 };
        for config in models() {
            let one = Devices::one(&runtime);
            let mesh = InferenceMesh { data: 2, model: 2 };
            for devices in [one, Devices::of_mesh(&runtime, mesh, &config).unwrap()] {
                let model = devices.model(&config);
                let needed = needed(&devices, &model, precision, shape, window).unwrap();
                let compiled = |function: Function| -> Memory {
                    let split =
                        devices.split(&function, |name| output_axes(&model, precision, name)).unwrap();
                    let program = runtime.compile_partitioned(&split, &CompileOptions::default()).unwrap();
                    program.memory().unwrap()
                };
                let layers = compiled(model::score_layers(&model, precision, layers).unwrap());
                let head = compiled(model::score_head(&model, precision, shape.head()).unwrap());
                let name = format!("{} on {} devices", model.kind(), devices.count());
                println!("{name}: {needed:?}, layers {layers:?}, head {head:?}");
                assert_eq!((needed.parameters, needed.pools), (0, 0));
            }
        }
    }
}
