//! The memory that scoring takes on each device, from its programs as they would run, before anything is compiled or loaded.

use std::collections::BTreeSet;

use graph::{Function, Partitioned};
use model::score::{output_axes, table_params};
use model::{ModelConfig, Precision, ScoreShape, ScoreTensor};
use runtime::DeviceKind;
use sharding::cost::{Calibration, memory_at_peak};

use super::engine::{Shape, chunks_at, own_positions};
use crate::devices::Devices;
use crate::{Error, Result};

/// How far the programs' part of an estimate may be below what the compiler allots: beyond that, the programs are compiled and
/// asked.
const MARGIN: f64 = 2.5;

/// Bytes on each device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Needed {
    /// The parameters.
    pub parameters: u64,
    /// The pools of pages.
    pub pools: u64,
    /// Tables of all lengths of caches.
    pub tables: u64,
    /// What a call takes on the way.
    pub call: u64,
}

impl Needed {
    fn total(self) -> u64 {
        self.parameters.saturating_add(self.beside())
    }

    /// What is needed beside the parameters.
    pub fn beside(self) -> u64 {
        self.pools.saturating_add(self.tables).saturating_add(self.call)
    }

    fn with_call_times(self, factor: f64) -> Self {
        Self { call: (self.call as f64 * factor) as u64, ..self }
    }
}

/// Bytes of so many pages on each device.
pub(super) fn pools(
    devices: &Devices,
    config: &ModelConfig,
    precision: Precision,
    chunk: usize,
    pages: usize,
) -> Result<u64> {
    bytes(devices, &model::page_pools(config, precision, chunk, pages)?)
}

/// Bytes of tensors on each device.
fn bytes(devices: &Devices, tensors: &[ScoreTensor]) -> Result<u64> {
    let bytes = |tensor: &ScoreTensor| -> Result<u64> {
        let layout = devices.layout(tensor.name, &tensor.axes, tensor.ty.rank())?;
        Ok(layout.shard_type(&tensor.ty)?.bytes() as u64)
    };
    tensors.iter().map(bytes).sum()
}

/// What scoring with windows of `window` tokens takes, as far as an estimate goes that compiles nothing.
///
/// # Errors
/// [`Error::Graph`] and [`Error::Partition`] if the programs cannot be built.
pub(super) fn estimate(
    devices: &Devices,
    config: &ModelConfig,
    precision: Precision,
    window: usize,
    shape: Shape,
) -> Result<Needed> {
    let needed = Scoring { devices, config, precision }.estimate(shape, window, u64::MAX)?;
    Ok(needed.with_call_times(MARGIN))
}

/// Checks that scoring with windows of `window` tokens fits `limit` bytes on each device: by an estimate that compiles nothing and,
/// where that leaves it open, by what the compiler says of the programs. `shape` gives their sizes for a window; `config`
/// is the model as the devices have it.
///
/// # Errors
/// [`Error::ScoringMemory`]; [`Error::Graph`] and [`Error::Partition`] if the programs cannot be built.
pub(super) fn check(
    devices: &Devices,
    config: &ModelConfig,
    precision: Precision,
    window: usize,
    limit: u64,
    shape: impl Fn(usize) -> Shape,
) -> Result<()> {
    let scoring = Scoring { devices, config, precision };
    let estimate = |window: usize| scoring.estimate(shape(window), window, limit);
    let mut needed = estimate(window)?;
    let mut factor = 1.0;
    if needed.total() <= limit && needed.with_call_times(MARGIN).total() > limit {
        let compiled = Needed { call: scoring.compiled_call(shape(window), window)?, ..needed };
        factor = compiled.call as f64 / needed.call.max(1) as f64;
        needed = compiled;
    }
    if needed.total() <= limit {
        return Ok(());
    }
    let fits =
        |window: usize| estimate(window).is_ok_and(|needed| needed.with_call_times(factor).total() <= limit);
    let mut narrower = window / 2;
    while narrower > 0 && !fits(narrower) {
        narrower /= 2;
    }
    let way_out = match (narrower, devices.runtime().kind()) {
        (0, DeviceKind::Cpu) => "the model needs a computer with more memory".to_owned(),
        (0, _) => "the model needs more devices (--topology), or some with more memory".to_owned(),
        (narrower, _) => format!("narrow it, such as to --window {narrower}"),
    };
    let (devices, beside, parameters) = (devices.count(), needed.beside(), needed.parameters);
    Err(Error::ScoringMemory { window, devices, beside, parameters, limit, way_out })
}

/// A model on its devices, whose programs are looked at.
struct Scoring<'a> {
    devices: &'a Devices,
    config: &'a ModelConfig,
    precision: Precision,
}

impl Scoring<'_> {
    fn split(&self, function: &Function) -> Result<Partitioned> {
        self.devices.split(function, |name| output_axes(self.config, self.precision, name))
    }

    /// The programs of a call with the longest caches of a window, split as they would run: those of the layers, of the head, and of
    /// the most probable tokens.
    fn programs(&self, shape: Shape, window: usize) -> Result<(Partitioned, Vec<Partitioned>)> {
        let Shape { rows, chunk, pages, top, .. } = shape;
        let (config, precision) = (self.config, self.precision);
        let chunks = chunks_at(window.div_ceil(chunk).max(1) - 1);
        let layers = ScoreShape { rows, chunk, chunks, pages };
        let mut others = vec![self.split(&model::score_head(config, precision, shape.head())?)?];
        if top > 0 {
            others.push(self.split(&model::score_top(config, shape.head(), top)?)?);
        }
        let program = match own_positions(self.devices, config, precision)? {
            true => model::score_layers_apart(config, precision, layers)?,
            false => model::score_layers(config, precision, layers)?,
        };
        Ok((self.split(&program)?, others))
    }

    /// What a call takes beside parameters, pools and tables, if `beside` says what a program takes beside its inputs.
    fn call(
        &self,
        (layers, others): &(Partitioned, Vec<Partitioned>),
        beside: impl Fn(&Partitioned) -> Result<u64>,
    ) -> Result<u64> {
        let mut call = beside(layers)?;
        for program in others {
            // What it is given is there as well, but for the parameters.
            let function = &program.function;
            let given = function.params.iter().filter(|param| !param.name.starts_with("parameters/"));
            let given: u64 = given.map(|param| function.ty(param.value).bytes() as u64).sum();
            call = call.max(given + beside(program)?);
        }
        Ok(call)
    }

    fn estimate(&self, shape: Shape, window: usize, limit: u64) -> Result<Needed> {
        let Shape { chunk, pages, .. } = shape;
        let (devices, config, precision) = (self.devices, self.config, self.precision);
        let placed = devices.parameters(config, precision)?;
        let parameters = placed.iter().map(|(ty, layout)| Ok(layout.shard_type(ty)?.bytes() as u64));
        let parameters = parameters.sum::<Result<u64>>()?;
        let page = pools(devices, config, precision, chunk, 1)?;
        let needed = Needed { parameters, pools: page.saturating_mul(pages as u64), tables: 0, call: 0 };
        // What cannot fit anyway is not built: its sizes may be beyond any program's.
        if needed.total() > limit {
            return Ok(needed);
        }
        let deepest = window.div_ceil(chunk).max(1);
        let lengths: BTreeSet<usize> = (0..deepest).map(chunks_at).collect();
        let tables = lengths
            .into_iter()
            .map(|chunks| bytes(devices, &table_params(config, precision, chunks * chunk)?));
        let tables = tables.sum::<Result<u64>>()?;
        let calibration = Calibration::of_kind(devices.runtime().kind());
        let call = self.call(&self.programs(shape, window)?, |program| {
            let peak: u64 = memory_at_peak(program, &calibration).iter().map(|item| item.bytes).sum();
            Ok(peak.saturating_sub(inputs(program)))
        })?;
        Ok(Needed { tables, call, ..needed })
    }

    fn compiled_call(&self, shape: Shape, window: usize) -> Result<u64> {
        self.call(&self.programs(shape, window)?, |program| {
            let memory = self.devices.compile_split(program)?.memory()?;
            Ok(memory.total().saturating_sub(inputs(program)))
        })
    }
}

/// Bytes of a program's inputs on a device.
fn inputs(program: &Partitioned) -> u64 {
    let function = &program.function;
    function.params.iter().map(|param| function.ty(param.value).bytes() as u64).sum()
}

#[cfg(test)]
mod tests {
    use graph::testing::size;
    use model::{Gopher, Llama};
    use runtime::{Runtime, RuntimeOptions};
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

    /// An estimate is near enough to what the compiler says that this is asked wherever it matters.
    #[test]
    fn programs_take_what_is_computed_from_them() {
        let options = RuntimeOptions { virtual_devices: Some(4), ..RuntimeOptions::default() };
        let Some(runtime) = Runtime::find_with(DeviceKind::Cpu, &options).unwrap() else {
            println!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
            return;
        };
        let (precision, window) = (Precision::FLOAT32, 512);
        let shape = |window: usize| Shape { chunk: 16, rows: 16, positions: 64, top: 0, pages: window / 8 };
        let mesh = InferenceMesh { data: 2, model: 2 };
        let [gopher, llama] = models();
        let of_mesh = |config: ModelConfig| (Devices::of_mesh(&runtime, mesh, &config).unwrap(), config);
        let on_one = |config: ModelConfig| (Devices::one(&runtime), config);
        let all = [of_mesh(gopher.clone()), on_one(llama.clone()), on_one(gopher), of_mesh(llama)];
        for (index, (devices, config)) in all.into_iter().take(size::either(2, 4)).enumerate() {
            let model = devices.model(&config);
            let name = format!("{} on {} devices", model.kind(), devices.count());
            let scoring = Scoring { devices: &devices, config: &model, precision };
            let estimate = scoring.estimate(shape(window), window, u64::MAX).unwrap();
            let call = scoring.compiled_call(shape(window), window).unwrap();
            let factor = call as f64 / estimate.call as f64;
            println!("{name}: {estimate:?}; compiled, a call takes {factor:.2} times as much");
            assert!((0.8..MARGIN).contains(&factor), "{name}: {factor}");
            let parameters: usize = model.parameters().iter().map(|spec| 4 * spec.elements() as usize).sum();
            let parts = estimate.parameters as f64 / parameters as f64;
            assert!((1.0 / mesh.model as f64..=1.0).contains(&parts), "{name}: {parts}");

            // One of them stands for all: each asks the compiler.
            if index > 0 {
                continue;
            }
            let check = |limit| check(&devices, &model, precision, window, limit, shape);
            let needed = Needed { call, ..estimate };
            assert!(check(needed.total()).is_ok(), "{name}");
            // Less than the compiled programs take, and more than the estimate if that is lower.
            let error = check(needed.total() - 1).unwrap_err().to_string();
            assert!(error.contains(" of parameters on each of 4 devices, and there are "), "{error}");
            assert!(error.ends_with("narrow it, such as to --window 256"), "{error}");
            let error = check(estimate.parameters / 2).unwrap_err().to_string();
            assert!(error.ends_with("the model needs a computer with more memory"), "{error}");
        }
    }
}
