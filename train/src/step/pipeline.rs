//! Pipeline parallelism: each stage has its share of the layers, and microbatches pass through the stages.
//!
//! All stages run one program in lock step. With `S` stages and `M` microbatches, stage `s` runs at tick `t`
//!
//! - forward, microbatch `t - s`;
//! - backward, microbatch `t - 2(S - 1) + s`.
//!
//! So the last stage runs a microbatch back in the very tick it came forward, and its loss is computed in between; a
//! stage before it has `2(S - 1 - s)` more in flight. This is the schedule "one forward, one backward" (Narayanan et al.
//! 2021, arXiv 2104.04473) in three loops: `S - 1` ticks forward only, `M` ticks of both, `S - 1` ticks backward only.
//! Together they take the time of `M + S - 1` microbatches in all stages.
//!
//! The residuals that the backward half of a microbatch reads wait in ring buffers of `2S - 1` slots. Between ticks the
//! stream moves one stage on, its cotangent one stage back. A tick in which a stage has nothing to do runs all the
//! same:
//!
//! - forward, of whatever arrived, into a slot that is free;
//! - backward, of a microbatch it had or has, with the cotangent zero, which adds nothing to any sum. Where the last
//!   stage has no loss and behind it nothing returns, cotangents are exactly zero, and every slot read was written by
//!   a microbatch, so nothing in it is infinite.
//!
//! Embedding, final norm and logits are on every stage, so every stage computes embeddings and losses; those of the
//! first and the last one count.

mod evaluate;
mod stages;

use graph::{
    Binary, BuildResult, Builder, DType, Error, Function, Halves, Remat, ScanBody, ScanInputs, ScanOutputs,
    Tensor, TensorType, split_gradient,
};
use model::ParameterSpec;
use model::forward::{
    counted_cross_entropy, embed, logits, mean_cross_entropy, outside_layers, run_layers, share_of_counted,
};
use model::placement::{Table, put};

use super::microbatches::{add_to_sum, for_parameters, place_sum, prepare, zero_sums};
use super::{Derivative, StepOptions};
use stages::{Position, to_stage};

pub(super) use evaluate::evaluate;
pub(super) use stages::{first_layer, sum_over_stages};

/// Name of the mesh axis along which stages follow one another.
pub use sharding::plan::STAGE;

/// Mean loss of all microbatches and its gradients, on every stage: those of the layers' parameters are its own.
pub(super) fn pipeline(
    b: &Builder,
    options: &StepOptions,
    parameters: &[Tensor],
    tokens: Tensor,
    targets: Tensor,
) -> Result<Derivative, Error> {
    let prepared = prepare(b, options, parameters)?;
    let types: Vec<_> = prepared.iter().map(|&tensor| b.ty(tensor)).collect();
    let stage = Stage::new(options, &types)?;
    let position = Position::new(b, options)?;
    // Of how many tokens the loss is the mean, all microbatches together know.
    let share = match options.answers_only {
        true => vec![share_of_counted(b, targets, options.loss_dtype())?],
        false => Vec::new(),
    };
    let constants = [&position.list()[..], &[tokens, targets], &share, &prepared].concat();
    let (stages, microbatches) = (options.stages, options.microbatches);

    let mut state = stage.start(b, &prepared)?;
    let mut run = |name: &str, first: usize, length: usize, what: TickKind| -> Result<(), Error> {
        let tick = b.iota(TensorType::new(DType::I32, [length]), 0)?;
        let tick = b.add(tick, b.scalar(DType::I32, first as f64)?)?;
        // A loop carries what it changes. Of the rest, it reads the rings if it does not write them.
        let all = state.list();
        let changed = state.changed(what);
        let (carried, others): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|&index| changed[index]);
        let read: Vec<usize> = others.into_iter().filter(|&index| state.is_ring(index)).collect();
        let pick = |indices: &[usize]| -> Vec<Tensor> { indices.iter().map(|&index| all[index]).collect() };
        let carries = pick(&carried);
        let constants = [&constants[..], &pick(&read)].concat();
        let (xs, constants) = (&[tick], &constants);
        let inputs = ScanInputs { length, carries: &carries, xs, constants, ..ScanInputs::default() };
        let outputs = b.scan(name, inputs, |body| {
            let (constants, others) = body.constants.split_at(body.constants.len() - read.len());
            let mut list = all.clone();
            carried.iter().zip(body.carries).for_each(|(&index, &tensor)| list[index] = tensor);
            read.iter().zip(others).for_each(|(&index, &tensor)| list[index] = tensor);
            let next = Tick::new(&stage, &body, constants).run(state.like(&list), what)?.list();
            Ok(ScanOutputs { carries: carried.iter().map(|&index| next[index]).collect(), ys: vec![] })
        })?;
        let mut list = all;
        carried.iter().zip(outputs.carries).for_each(|(&index, tensor)| list[index] = tensor);
        state = state.like(&list);
        Ok(())
    };
    run("fill", 0, stages - 1, TickKind::Forward)?;
    run("steady", stages - 1, microbatches, TickKind::Both)?;
    run("drain", microbatches + stages - 1, stages - 1, TickKind::Backward)?;

    let mut sums = state.sums;
    for &index in &stage.outside {
        sums[index] = sum_over_stages(b, options, sums[index])?;
    }
    let loss = sum_over_stages(b, options, state.loss)?;
    Ok(Derivative { loss, gradients: for_parameters(b, &stage.specs, parameters, &prepared, sums)? })
}

/// The halves of a tick: forward, backward, or both.
#[derive(Clone, Copy, PartialEq)]
enum TickKind {
    Forward,
    Both,
    Backward,
}

/// The functions that a stage is made of, and their sizes.
struct Stage<'a> {
    options: &'a StepOptions,
    /// The parameters: all, and the positions of those outside the layers.
    specs: Vec<ParameterSpec>,
    outside: Vec<usize>,
    /// The derivative of the layers: from the stream and all parameters to the stream.
    layers: Halves,
    /// From the stream after the last layer, targets, a cotangent of the loss, and all parameters: the loss (where only
    /// answers count, their sum), then cotangents of the stream and of the parameters outside the layers.
    head: Function,
    stream: TensorType,
}

impl<'a> Stage<'a> {
    fn new(options: &'a StepOptions, types: &[TensorType]) -> Result<Self, Error> {
        let model = &options.model;
        let specs = model.parameters();
        let outside: Vec<_> = (0..specs.len()).filter(|&index| !specs[index].is_of_layers()).collect();
        let shape = [options.batch, options.sequence_length, model.sizes().d_model];
        let stream = TensorType::new(options.precision.activations, shape);
        let params = |b: &Builder| -> Vec<Tensor> {
            let param =
                |(index, ty): (usize, &TensorType)| b.param(format!("parameter{index}"), ty.clone(), &[]);
            types.iter().enumerate().map(param).collect()
        };

        let b = Builder::new("layers");
        let x = b.param("x", stream.clone(), &[]);
        b.output("x", run_layers(&b, model, &options.forward_options(), &params(&b), x)?);
        let fixed: Vec<_> = (1..=specs.len()).collect();
        let of_layers = (0..specs.len()).filter(|&index| specs[index].is_of_layers());
        let wrt: Vec<_> = std::iter::once(0).chain(of_layers.map(|index| 1 + index)).collect();
        // What the layers' own loop keeps is kept; around it there is nothing.
        let layers = split_gradient(&b.finish()?, &Remat::None, &fixed, &wrt)?;

        let b = Builder::new("head");
        let x = b.param("x", stream.clone(), &[]);
        let ty = TensorType::new(DType::I32, [options.batch, options.sequence_length]);
        let targets = b.param("targets", ty, &[]);
        let cotangent = b.param("cotangent", TensorType::scalar(stream.dtype.accumulator()), &[]);
        let parameters = params(&b);
        let read = outside_layers(&b, model, &parameters)?;
        let logits = logits(&b, model, &read, x)?;
        let loss = match options.answers_only {
            true => counted_cross_entropy(&b, logits, targets)?,
            false => mean_cross_entropy(&b, logits, targets)?,
        };
        let wrt: Vec<_> = std::iter::once(x).chain(outside.iter().map(|&index| parameters[index])).collect();
        b.output("loss", loss);
        for (index, cotangent) in graph::pull_back(&b, &[(loss, cotangent)], &wrt)?.into_iter().enumerate() {
            b.output(format!("cotangent{index}"), cotangent);
        }
        Ok(Self { options, specs, outside, layers, head: b.finish()?, stream })
    }

    /// The tensors that the backward half reads of each microbatch: the stream if it does, then the residuals.
    fn kept(&self, x: Tensor, residuals: &[Tensor]) -> Vec<Tensor> {
        let x = self.layers.reads.contains(&0).then_some(x);
        x.into_iter().chain(residuals.iter().copied()).collect()
    }

    fn slots(&self) -> usize {
        2 * self.options.stages - 1
    }

    /// Before the first tick. Rings have the types of what is kept, and sums those of the parameters' gradients.
    fn start(&self, b: &Builder, parameters: &[Tensor]) -> Result<StageCarry, Error> {
        let zeros = |ty: &TensorType| b.full(ty, 0.0);
        let forward = &self.layers.forward;
        let x = self.layers.reads.contains(&0).then_some(&self.stream);
        let residuals = forward.results[forward.results.len() - self.layers.residuals..].iter();
        let kept = x.into_iter().chain(residuals.map(|output| forward.ty(output.value)));
        let rings = kept.map(|ty| {
            let shape = [&[self.slots()], &ty.shape[..]].concat();
            zeros(&TensorType::new(ty.dtype, shape))
        });
        Ok(StageCarry {
            arrived: zeros(&self.stream)?,
            returned: zeros(&self.stream)?,
            loss: b.scalar(self.stream.dtype.accumulator(), 0.0)?,
            rings: rings.collect::<Result<_, _>>()?,
            sums: zero_sums(b, parameters)?,
        })
    }
}

/// The loop carry of a stage, from one tick to the next.
struct StageCarry {
    /// The stream that the stage before has sent; zeros on the first stage.
    arrived: Tensor,
    /// The cotangent of its own stream that the stage behind has sent; zeros on the last stage.
    returned: Tensor,
    /// Sum of the losses of the microbatches so far, on the last stage; 0 on others.
    loss: Tensor,
    /// Ring buffers of residuals for the backward halves, by microbatch modulo the number of slots.
    rings: Vec<Tensor>,
    /// Gradients so far, for each parameter.
    sums: Vec<Tensor>,
}

impl StageCarry {
    fn list(&self) -> Vec<Tensor> {
        [&[self.arrived, self.returned, self.loss], &self.rings[..], &self.sums].concat()
    }

    /// Which tensors of the list change in a tick with these halves.
    fn changed(&self, what: TickKind) -> Vec<bool> {
        let (forward, backward) = (what != TickKind::Backward, what != TickKind::Forward);
        let all = [forward, backward, what == TickKind::Both];
        let rings = std::iter::repeat_n(forward, self.rings.len());
        all.into_iter().chain(rings).chain(std::iter::repeat_n(backward, self.sums.len())).collect()
    }

    /// Whether a tensor of the list is a ring.
    fn is_ring(&self, index: usize) -> bool {
        (3..3 + self.rings.len()).contains(&index)
    }

    /// The carry with the tensors of another list.
    fn like(&self, list: &[Tensor]) -> StageCarry {
        let (rings, sums) = list[3..].split_at(self.rings.len());
        StageCarry {
            arrived: list[0],
            returned: list[1],
            loss: list[2],
            rings: rings.to_vec(),
            sums: sums.to_vec(),
        }
    }
}

/// One tick of a stage, within the body of a loop.
struct Tick<'a> {
    stage: &'a Stage<'a>,
    b: &'a Builder,
    number: Tensor,
    position: Position,
    tokens: Tensor,
    targets: Tensor,
    /// The part of the mean loss that a token has, where only answers count.
    share: Option<Tensor>,
    parameters: &'a [Tensor],
}

impl<'a> Tick<'a> {
    fn new(stage: &'a Stage<'a>, body: &ScanBody<'a>, constants: &'a [Tensor]) -> Self {
        let [index, is_first, is_last, tokens, targets, ref rest @ ..] = *constants else {
            unreachable!("a loop has the constants it was given")
        };
        let position = Position { index, is_first, is_last };
        let (share, parameters) = rest.split_at(usize::from(stage.options.answers_only));
        let share = share.first().copied();
        Self { stage, b: body.builder, number: body.xs[0], position, tokens, targets, share, parameters }
    }

    fn run(&self, mut state: StageCarry, what: TickKind) -> Result<StageCarry, Error> {
        let (b, options) = (self.b, self.stage.options);
        let mut after = None;
        if what != TickKind::Backward {
            let _scope = b.scope("forward");
            let x = self.forward(&mut state)?;
            state.arrived = to_stage(b, options, x, 1)?;
            after = Some(x);
        }
        if what != TickKind::Forward {
            let _scope = b.scope("backward");
            let returned = match after {
                Some(x) => self.head(x, &mut state)?,
                None => state.returned,
            };
            let cotangent = self.backward(returned, &mut state)?;
            state.returned = to_stage(b, options, cotangent, -1)?;
        }
        Ok(state)
    }

    /// The stream after this stage's layers, of the microbatch that is due; what its backward half will read is kept.
    fn forward(&self, state: &mut StageCarry) -> BuildResult {
        let (b, stage) = (self.b, self.stage);
        let microbatch = self.forward_microbatch()?;
        let tokens = row(b, self.tokens, self.within(microbatch)?)?;
        let parameters = self.outside()?;
        let embedded = embed(b, &stage.options.model, &parameters, tokens, stage.stream.dtype)?;
        let x = b.select(self.position.is_first, embedded, state.arrived)?;
        let results = b.inline(&stage.layers.forward, &[&[x], self.parameters].concat())?;
        let slots = b.scalar(DType::I32, stage.slots() as f64)?;
        // From minus the stage's position on: made positive first.
        let slot = b.binary(Binary::Rem, b.add(microbatch, slots)?, slots)?;
        for (ring, kept) in state.rings.iter_mut().zip(stage.kept(x, &results[1..])) {
            *ring = put_row(b, *ring, kept, slot)?;
        }
        Ok(results[0])
    }

    /// Adds the loss, and its gradients, of what comes out of the last stage; gives the cotangent of that there, and on
    /// other stages the one that was sent.
    fn head(&self, x: Tensor, state: &mut StageCarry) -> BuildResult {
        let (b, stage) = (self.b, self.stage);
        let _scope = b.scope("head");
        let targets = row(b, self.targets, self.within(self.forward_microbatch()?)?)?;
        let dtype = b.dtype(state.loss);
        let share = match self.share {
            Some(share) => share,
            None => b.scalar(dtype, 1.0 / stage.options.microbatches as f64)?,
        };
        let share = b.select(self.position.is_last, share, b.scalar(dtype, 0.0)?)?;
        let results = b.inline(&stage.head, &[&[x, targets, share], self.parameters].concat())?;
        state.loss = b.add(state.loss, b.mul(results[0], share)?)?;
        for (&index, &gradient) in stage.outside.iter().zip(&results[2..]) {
            state.sums[index] = add_to_sum(b, &stage.specs[index], state.sums[index], gradient)?;
        }
        b.select(self.position.is_last, results[1], state.returned)
    }

    /// Adds the gradients of the microbatch that is due; gives the cotangent of the stream before this stage's layers.
    fn backward(&self, returned: Tensor, state: &mut StageCarry) -> BuildResult {
        let (b, stage) = (self.b, self.stage);
        let behind = b.scalar(DType::I32, 2.0 * (stage.options.stages as f64 - 1.0))?;
        let microbatch = b.add(b.sub(self.number, behind)?, self.position.index)?;
        let microbatch = self.within(microbatch)?;
        let slot = b.binary(Binary::Rem, microbatch, b.scalar(DType::I32, stage.slots() as f64)?)?;
        let kept = state.rings.iter().map(|&ring| row(b, ring, slot)).collect::<Result<Vec<_>, _>>()?;
        let residuals = kept.len() - stage.layers.residuals;
        let mut operands = Vec::new();
        for &input in &stage.layers.reads {
            operands.push(if input == 0 { kept[0] } else { self.parameters[input - 1] });
        }
        operands.extend(&kept[residuals..]);
        operands.push(returned);
        let results = b.inline(&stage.layers.backward, &operands)?;
        let layers = stage.specs.iter().enumerate().filter(|(_, spec)| spec.is_of_layers());
        for ((index, spec), &gradient) in layers.zip(&results[1..]) {
            state.sums[index] = add_to_sum(b, spec, state.sums[index], gradient)?;
        }

        // The first stage's stream is embeddings: its cotangent is added to the rows they were taken from.
        let _scope = b.scope("embedding");
        let tokens = row(b, self.tokens, microbatch)?;
        let whole = put(b, results[0], (Table::Activations, &["batch", "time", "width"]), None)?;
        let embedding = stage.options.model.embedding();
        let rows = b.convert(whole, b.dtype(state.sums[embedding]))?;
        let rows = b.select(self.position.is_first, rows, b.full(&b.ty(rows), 0.0)?)?;
        let sum = b.scatter_add(state.sums[embedding], tokens, rows)?;
        state.sums[embedding] = place_sum(b, &stage.specs[embedding], sum)?;
        Ok(results[0])
    }

    fn forward_microbatch(&self) -> BuildResult {
        self.b.sub(self.number, self.position.index)
    }

    /// The microbatch of this number, or if there is none, the nearest.
    fn within(&self, microbatch: Tensor) -> BuildResult {
        let b = self.b;
        let last = b.scalar(DType::I32, self.stage.options.microbatches as f64 - 1.0)?;
        b.max(b.min(microbatch, last)?, b.scalar(DType::I32, 0.0)?)
    }

    fn outside(&self) -> Result<Vec<Tensor>, Error> {
        outside_layers(self.b, &self.stage.options.model, self.parameters)
    }
}

/// Row `index` of a tensor along its leading dimension, which goes.
fn row(b: &Builder, x: Tensor, index: Tensor) -> BuildResult {
    let shape = b.shape(x);
    let sizes = [&[1], &shape[1..]].concat();
    b.reshape(b.dynamic_slice(x, &starts(b, index, shape.len())?, &sizes)?, &shape[1..])
}

/// The tensor with another row `index`.
fn put_row(b: &Builder, x: Tensor, row: Tensor, index: Tensor) -> BuildResult {
    let rank = b.shape(x).len();
    b.dynamic_update_slice(x, b.expand(row, 0)?, &starts(b, index, rank)?)
}

fn starts(b: &Builder, index: Tensor, rank: usize) -> Result<Vec<Tensor>, Error> {
    let zero = b.scalar(DType::I32, 0.0)?;
    let mut starts = vec![zero; rank];
    starts[0] = index;
    Ok(starts)
}
