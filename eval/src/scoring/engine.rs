//! The device's part: programs, pools of pages, calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use graph::Function;
use model::score::output_axes;
use model::{HeadShape, ModelConfig, Precision, ScoreShape};
use runtime::{Buffer, DeviceKind, Program, Runtime};

use super::schedule::{Call, Job, Target};
use crate::devices::Devices;
use crate::{Error, Result};

/// The page of zeros that stands for chunks there are not.
const BLANK: u32 = 0;
/// The page for what nobody reads again.
const SPARE: u32 = 1;
/// The first page that a node can have.
pub(super) const FIRST_PAGE: u32 = 2;

/// Tokens that are scored at one position in a run of the head.
const TARGETS: usize = 4;

/// Sizes of the programs: the same whatever is scored, so that what is scored beside a text does not change its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Tokens of a chunk.
    pub chunk: usize,
    /// Chunks of a call.
    pub rows: usize,
    /// Positions of a run of the head.
    pub positions: usize,
    /// Most probable tokens that are wanted.
    pub top: usize,
    /// Pages of each pool.
    pub pages: usize,
}

impl Shape {
    /// Sizes of the head's program.
    pub fn head(&self) -> HeadShape {
        HeadShape { hidden: self.rows * self.chunk, positions: self.positions, targets: TARGETS }
    }
}

/// The least chunks that caches have.
const FEWEST_CHUNKS: usize = 4;

/// Chunks of the caches that a chunk with so many before it is computed with: itself and those, rounded up to one or one and a
/// half times a power of two, so that programs are few. It depends on nothing else: so do the bits of what is computed.
pub(super) fn chunks_at(depth: usize) -> usize {
    let needed = depth.saturating_add(1).max(FEWEST_CHUNKS);
    let power = needed.next_power_of_two();
    let between = power / 4 * 3;
    if needed <= between { between } else { power }
}

/// The program of one length of caches, with its tables.
struct Layers {
    program: Program,
    tables: Vec<Buffer>,
}

/// A model on its devices, with pools of pages.
pub(super) struct Engine {
    pub runtime: Runtime,
    pub devices: Devices,
    /// The model as the devices have it ([`Devices::model`]).
    pub config: ModelConfig,
    pub precision: Precision,
    pub parameters: Arc<[Buffer]>,
    pub shape: Shape,
    /// Whether chunks of a call may be at different positions.
    pub own_positions: bool,
    pools: Vec<Buffer>,
    layers: BTreeMap<usize, Layers>,
    head: Program,
    /// Programs for the most probable tokens, by how many.
    tops: BTreeMap<usize, Program>,
    /// Makes the parameters' tables, by the chunks of caches.
    tables: BTreeMap<usize, Program>,
}

/// A run of the head that may not have ended.
pub(super) struct Pending {
    /// What each score is for: the position in the run, and the place among its targets.
    targets: Vec<(usize, usize, Target)>,
    log_probabilities: Buffer,
    best: Buffer,
    top: Option<[Buffer; 2]>,
}

/// A scored token.
pub(super) struct Score {
    pub target: Target,
    pub log_probability: f32,
    pub best: u32,
    pub top: Vec<(u32, f32)>,
}

impl Engine {
    /// `config` and `parameters` are the model's as the devices have it.
    pub fn new(
        devices: &Devices,
        config: &ModelConfig,
        precision: Precision,
        parameters: Vec<Buffer>,
        shape: Shape,
    ) -> Result<Self> {
        let compile =
            |function: Function| devices.compile(&function, |name| output_axes(config, precision, name));
        let head = compile(model::score_head(config, precision, shape.head())?)?;
        let runtime = devices.runtime();
        let mut engine = Self {
            runtime: runtime.clone(),
            devices: devices.clone(),
            config: config.clone(),
            precision,
            parameters: parameters.into(),
            shape,
            own_positions: own_positions(devices, config, precision)?,
            pools: Vec::new(),
            layers: BTreeMap::new(),
            head,
            tops: BTreeMap::new(),
            tables: BTreeMap::new(),
        };
        engine.zero_pools()?;
        engine.want_top(shape.top)?;
        Ok(engine)
    }

    /// Gives so many of the most probable tokens from now on.
    pub fn want_top(&mut self, count: usize) -> Result<()> {
        if count > 0 && !self.tops.contains_key(&count) {
            let function = model::score_top(&self.config, self.shape.head(), count)?;
            let axes = |name: &str| output_axes(&self.config, self.precision, name);
            self.tops.insert(count, self.devices.compile(&function, axes)?);
        }
        self.shape.top = count;
        Ok(())
    }

    /// Makes the programs for all chunks of a window, so that none is made later.
    pub fn compile_window(&mut self, window: usize) -> Result<()> {
        let deepest = window.div_ceil(self.shape.chunk).max(1);
        (0..deepest).try_for_each(|depth| self.compile(chunks_at(depth)))
    }

    /// Takes other parameters of the same model. What pages hold is of the old ones.
    pub fn replace(&mut self, parameters: Arc<[Buffer]>) -> Result<()> {
        let mut tables = BTreeMap::new();
        for (&chunks, program) in &self.tables {
            tables.insert(chunks, program.run(&parameters.iter().collect::<Vec<_>>())?);
        }
        for (chunks, tables) in tables {
            if let Some(layers) = self.layers.get_mut(&chunks) {
                layers.tables = tables;
            }
        }
        self.parameters = parameters;
        self.zero_pools()
    }

    /// Makes new pools, whose pages are all zeros.
    pub fn zero_pools(&mut self) -> Result<()> {
        let pools = model::page_pools(&self.config, self.precision, self.shape.chunk, self.shape.pages)?;
        let zeros = |pool: &model::ScoreTensor| -> Result<Buffer> {
            let layout = self.devices.layout(pool.name, &pool.axes, pool.ty.rank())?;
            Ok(self.runtime.zeros_with(&pool.ty, &layout)?)
        };
        self.pools = pools.iter().map(zeros).collect::<Result<_>>()?;
        Ok(())
    }

    /// Bytes that it holds beside the parameters.
    pub fn held(&self) -> u64 {
        let tables = self.layers.values().flat_map(|layers| &layers.tables);
        self.pools.iter().chain(tables).map(|buffer| buffer.ty().bytes() as u64).sum()
    }

    /// Computes a call's chunks into their pages, and starts the head where tokens are scored.
    pub fn run(&mut self, call: &Call) -> Result<Vec<Pending>> {
        let hidden = self.run_layers(call)?;
        let chunk = self.shape.chunk;
        let mut wanted: Vec<(usize, &[Target])> = Vec::new();
        for (row, job) in call.jobs.iter().enumerate() {
            for (offset, targets) in &job.scored {
                wanted.extend(targets.chunks(TARGETS).map(|targets| (row * chunk + offset, targets)));
            }
        }
        wanted.chunks(self.shape.positions).map(|wanted| self.run_head(&hidden, wanted)).collect()
    }

    fn run_layers(&mut self, call: &Call) -> Result<Buffer> {
        let Shape { chunk, rows, .. } = self.shape;
        let chunks = chunks_at(call.jobs.first().map_or(0, Job::depth));
        self.compile(chunks)?;
        let Some(Layers { program, tables }) = self.layers.get(&chunks) else {
            unreachable!("it was compiled")
        };
        let mut tokens = vec![0i32; rows * chunk];
        let mut ancestors = vec![BLANK as i32; rows * chunks];
        let mut destinations = vec![SPARE as i32; rows];
        let mut positions = vec![0i32; rows];
        for (row, job) in call.jobs.iter().enumerate() {
            let copy = |to: &mut [i32], from: &[u32]| {
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = from as i32);
            };
            copy(&mut tokens[row * chunk..], &job.tokens);
            copy(&mut ancestors[row * chunks..], &job.ancestors);
            positions[row] = (job.depth() * chunk) as i32;
            destinations[row] = job.destination.unwrap_or(SPARE) as i32;
        }
        let first = self.parameters.len();
        let tokens = program.upload_slice(first, &tokens)?;
        let position =
            program.upload_slice(first + 1, if self.own_positions { &positions } else { &positions[..1] })?;
        let ancestors = program.upload_slice(first + 2, &ancestors)?;
        let destinations = program.upload_slice(first + 3, &destinations)?;
        let mut inputs: Vec<&Buffer> = self.parameters.iter().collect();
        inputs.extend([&tokens, &position, &ancestors, &destinations]);
        inputs.extend(tables);
        inputs.extend(&self.pools);
        let mut outputs = program.run(&inputs)?;
        self.pools = outputs.split_off(1);
        Ok(outputs.swap_remove(0))
    }

    /// Makes the program for caches of so many chunks, unless there is one.
    fn compile(&mut self, chunks: usize) -> Result<()> {
        if self.layers.contains_key(&chunks) {
            return Ok(());
        }
        let Shape { rows, chunk, pages, .. } = self.shape;
        let shape = ScoreShape { rows, chunk, chunks, pages };
        let (config, precision) = (&self.config, self.precision);
        let compile =
            |function: Function| self.devices.compile(&function, |name| output_axes(config, precision, name));
        let tables = match model::decode_tables(config, precision, shape.window())? {
            Some(function) => {
                let program = compile(function)?;
                let tables = program.run(&self.parameters.iter().collect::<Vec<_>>())?;
                self.tables.insert(chunks, program);
                tables
            }
            None => Vec::new(),
        };
        let layers = if self.own_positions { model::score_layers_apart } else { model::score_layers };
        let program = compile(layers(config, precision, shape)?)?;
        self.layers.insert(chunks, Layers { program, tables });
        Ok(())
    }

    fn run_head(&self, hidden: &Buffer, wanted: &[(usize, &[Target])]) -> Result<Pending> {
        let count = self.shape.positions;
        let (mut positions, mut tokens) = (vec![0i32; count], vec![0i32; count * TARGETS]);
        let mut targets = Vec::new();
        for (place, &(position, wanted)) in wanted.iter().enumerate() {
            positions[place] = position as i32;
            for (index, &target) in wanted.iter().enumerate() {
                tokens[place * TARGETS + index] = target.token as i32;
                targets.push((place, index, target));
            }
        }
        let first = self.parameters.len() + 1;
        let positions = self.head.upload_slice(first, &positions)?;
        let tokens = self.head.upload_slice(first + 1, &tokens)?;
        let inputs = self.parameters.iter().chain([hidden, &positions, &tokens]);
        let outputs = self.head.run(&inputs.collect::<Vec<_>>())?;
        let [log_probabilities, best, maximum, log_total, logits] =
            <[Buffer; 5]>::try_from(outputs).unwrap_or_else(|_| unreachable!("the head has five outputs"));
        let top = match self.tops.get(&self.shape.top) {
            Some(top) => {
                let outputs = top.run(&[&logits, &maximum, &log_total])?;
                Some(outputs.try_into().unwrap_or_else(|_| unreachable!("there are tokens and their scores")))
            }
            None => None,
        };
        Ok(Pending { targets, log_probabilities, best, top })
    }
}

/// Whether a program for chunks at different positions is worth it: on a CPU it writes rows of caches one by one, which is as
/// quick; elsewhere that is many small steps. An architecture with tables would have them copied for each row.
pub(super) fn own_positions(devices: &Devices, config: &ModelConfig, precision: Precision) -> Result<bool> {
    let is_one_cpu = devices.runtime().kind() == DeviceKind::Cpu && devices.mesh().is_none();
    Ok(is_one_cpu && model::decode_tables(config, precision, 1)?.is_none())
}

impl Pending {
    /// Waits for the numbers.
    pub fn finish(self) -> Result<Vec<Score>> {
        let log_probabilities = self.log_probabilities.to_vec::<f32>()?;
        let best = self.best.to_vec::<i32>()?;
        let top = match &self.top {
            Some([tokens, values]) => {
                let tokens = tokens.to_vec::<i32>()?.into_iter().map(|token| token as u32);
                tokens.zip(values.to_vec::<f32>()?).collect()
            }
            None => Vec::new(),
        };
        let count = top.len() / best.len().max(1);
        let score = |(place, index, target): (usize, usize, Target)| {
            let log_probability = log_probabilities[place * TARGETS + index];
            if log_probability.is_nan() {
                return Err(Error::NotFinite);
            }
            let top = top[place * count..(place + 1) * count].to_vec();
            Ok(Score { target, log_probability, best: best[place] as u32, top })
        };
        self.targets.into_iter().map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::chunks_at;

    #[test]
    fn caches_are_of_few_lengths() {
        let mut lengths: Vec<usize> = (0..128).map(chunks_at).collect();
        assert!(lengths.iter().enumerate().all(|(depth, &chunks)| chunks > depth));
        lengths.dedup();
        assert_eq!(lengths, [4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]);
    }
}
