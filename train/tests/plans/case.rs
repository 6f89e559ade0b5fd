//! A small model with a plan, its step on virtual devices, and comparison with the step of one device.

use std::fmt;
use std::sync::OnceLock;

use configuration::Adam;
use graph::testing::{Random, size};
use graph::{Function, Literal, Partitioned, TensorType};
use model::{ModelConfig, Precision, QueryBlocks};
use runtime::{Buffer, CompileOptions, DeviceKind, Program, QUICK_FLAGS, Runtime, RuntimeOptions};
use sharding::partition::Rules;
use sharding::plan::{MeshShape, Plan, RematPolicy};
use train::plan::Planned;
use train::step::train_step;

/// Devices of the largest mesh tried.
const DEVICES: usize = 32;

/// The CPU runtime with virtual devices; `None`, with a message, when no plugin is on this machine.
pub fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let find = || {
        let xla_flags = size::either(QUICK_FLAGS, &[]);
        let options = RuntimeOptions { virtual_devices: Some(DEVICES), xla_flags, ..Default::default() };
        let runtime = Runtime::find_with(DeviceKind::Cpu, &options).unwrap();
        if runtime.is_none() {
            eprintln!("skipped: no CPU plugin (`gopher runtime install cpu` fetches it)");
        }
        runtime
    };
    RUNTIME.get_or_init(find).as_ref()
}

/// A model and how its training is split.
#[derive(Clone)]
pub struct Case {
    pub planned: Planned,
    pub plan: Plan,
}

/// A plan without tables of its own.
pub fn plan(mesh: [usize; 3], microbatches: usize, zero: u8, remat: RematPolicy) -> Plan {
    let [stage, data, model] = mesh;
    Plan {
        topology: "cpu".into(),
        slices: 1,
        mesh: MeshShape { stage, data, model },
        stages: stage,
        microbatches,
        zero,
        remat,
        sequence_sharding: false,
        batch: 8,
        sequence_length: 8,
        rules: Rules::default(),
    }
}

/// A model in float32, its gradients clipped.
pub fn planned(model: impl Into<ModelConfig>) -> Planned {
    let precision = Precision::FLOAT32;
    Planned {
        model: model.into(),
        precision,
        float32_copy: false,
        adam: Adam::default(),
        clip_norm: 0.25,
        queries: 4.into(),
        seed: 7,
        answers_only: false,
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MeshShape { stage, data, model } = self.plan.mesh;
        let Plan { microbatches, zero, remat, sequence_sharding, batch, sequence_length, .. } = &self.plan;
        let Planned { queries: QueryBlocks { block, piece }, clip_norm, .. } = self.planned;
        write!(
            f,
            "{:?}; \
             stage {stage}, data {data}, model {model}, {batch} x {sequence_length} tokens in {microbatches} \
             microbatches, ZeRO {zero}, remat {}, sequence sharding {sequence_sharding}; queries in blocks of {block}, pieces of {piece}, \
             clip to {clip_norm}",
            self.planned.model,
            remat.name()
        )
    }
}

impl Case {
    /// The same training, whole: one device, one stage, the batch at once, everything kept.
    pub fn whole(&self) -> Function {
        let Plan { batch, sequence_length, .. } = self.plan;
        let whole = Plan { batch, sequence_length, ..plan([1, 1, 1], 1, 0, RematPolicy::None) };
        train_step(&self.planned.step_options(&whole)).unwrap()
    }

    /// The step of each device.
    pub fn split(&self) -> Partitioned {
        let mut plan = self.plan.clone();
        plan.check(plan.mesh.devices()).unwrap_or_else(|error| panic!("{self:?}: {error}"));
        self.planned.step(&plan).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// The step of each device, compiled.
    pub fn compile(&self, runtime: &Runtime) -> Program {
        let compiled = runtime.compile_partitioned(&self.split(), &CompileOptions::default());
        compiled.unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// The whole step, compiled.
    pub fn compile_whole(&self, runtime: &Runtime) -> Program {
        runtime.compile(&self.whole()).unwrap()
    }
}

/// A state whose parameters are far from their first values, whose means are zero, so that those after one step are the
/// gradients, and whose squares are as large as clipped gradients', so that no update divides by what is only rounding.
pub fn state(whole: &Function, seed: u64) -> Vec<Literal> {
    let mut random = Random(seed);
    let params = whole.params.iter().zip(whole.param_types()).take_while(|(param, _)| param.name != "step");
    params
        .map(|(param, ty)| {
            let mut number = || match param.name.split('/').nth(1) {
                Some("m") if param.name.starts_with("adam/") => 0.0,
                Some("v") if param.name.starts_with("adam/") => 1e-5 * (1.5 + random.uniform(-1.0, 1.0)),
                _ => 0.7 * random.uniform(-1.0, 1.0),
            };
            let values = (0..ty.elements()).map(|_| number()).collect();
            Literal::from_floats(ty.clone(), values).unwrap()
        })
        .collect()
}

/// The inputs after the state in step `step`, for a program with such whole inputs; tokens and targets depend on seed and
/// step, not on the shape they have.
pub fn batch<'a>(
    inputs: impl Iterator<Item = (&'a str, TensorType)>,
    seed: u64,
    step: usize,
    vocabulary: usize,
) -> Vec<Literal> {
    let mut random = Random(seed.wrapping_add(1000 * step as u64));
    let mut value = |(name, ty): (&str, TensorType)| match name {
        "step" => Literal::from_floats(ty, vec![step as f64]).unwrap(),
        "learning_rate" => Literal::from_floats(ty, vec![0.01]).unwrap(),
        "loss_limit" => Literal::from_floats(ty, vec![f64::INFINITY]).unwrap(),
        "apply" => Literal::from_floats(ty, vec![1.0]).unwrap(),
        _ => {
            // Products of two: small numbers are more frequent, which can be learnt.
            let mut number = || random.bits() % vocabulary as u64;
            let values =
                (0..ty.elements()).map(|_| (number() * number() / vocabulary as u64) as i64).collect();
            Literal::from_ints(ty, values).unwrap()
        }
    };
    inputs.skip_while(|(name, _)| *name != "step").map(&mut value).collect()
}

/// What a training did: loss, norm of gradients and whether it was applied of each step, the gradients of the first (clipped and times
/// `1 - beta1`, as Adam's means hold them), and the state after the last.
pub struct Training {
    pub metrics: Vec<[Literal; 3]>,
    pub gradients: Vec<Literal>,
    pub state: Vec<Literal>,
    /// Outputs that devices with the same part of it did not have alike, to the bit.
    pub apart: Vec<String>,
}

/// Whether every device has the part of the whole that its position calls for.
fn is_one(buffer: &Buffer) -> bool {
    let whole = buffer.to_bytes().unwrap();
    buffer.shards().iter().enumerate().all(|(position, shard)| {
        let shard = shard.to_host().unwrap();
        let mut part = vec![0; shard.bytes().len()];
        buffer.layout().cut(buffer.ty(), &whole, position, &mut part).unwrap();
        part == shard.bytes()
    })
}

/// A tensor with other rows: of a vocabulary that a plan pads, what padding holds must not matter.
fn resized(literal: Literal, shape: &[usize]) -> Literal {
    let mut numbers = literal.floats().unwrap().to_vec();
    numbers.resize(shape.iter().product(), 0.5);
    Literal::from_floats(TensorType::new(literal.ty().dtype, shape), numbers).unwrap()
}

/// Takes steps on the devices of a program; the state stays there.
pub fn train(program: &Program, case: &Case, seed: u64, steps: usize) -> Training {
    let download = |buffers: &[Buffer]| -> Vec<Literal> {
        buffers.iter().map(|buffer| buffer.to_literal().unwrap()).collect()
    };
    let upload = |index: usize, literals: Vec<Literal>| -> Vec<Buffer> {
        let literals = literals.iter().enumerate();
        literals.map(|(offset, literal)| program.upload(index + offset, literal).unwrap()).collect()
    };
    let vocabulary = case.planned.model.sizes().vocabulary_size;
    let parameters = case.planned.model.parameters().len();
    let count = case.planned.state_groups().len() * parameters;
    let whole = case.whole();
    let shapes: Vec<_> = whole.param_types().into_iter().take(count).map(|ty| ty.shape).collect();
    let fitted = |literals: Vec<Literal>| -> Vec<Literal> {
        literals
            .into_iter()
            .zip(shapes.iter().cycle())
            .map(|(literal, shape)| resized(literal, shape))
            .collect()
    };
    let padded = state(&whole, seed).into_iter().zip(program.inputs());
    let padded = padded.map(|(literal, input)| resized(literal, &input.ty.shape)).collect();
    let mut buffers = upload(0, padded);
    let mut training = Training { metrics: vec![], gradients: vec![], state: vec![], apart: vec![] };
    for step in 1..=steps {
        let inputs = program.inputs().iter().map(|input| (input.name.as_str(), input.ty.clone()));
        let inputs = upload(count, batch(inputs, seed, step, vocabulary));
        let inputs: Vec<_> = buffers.iter().chain(&inputs).collect();
        buffers = program.run(&inputs).unwrap();
        let (outputs, last) = (program.outputs().iter().zip(&buffers), step == steps);
        let apart =
            outputs.filter(|(output, buffer)| (last || !output.name.contains('/')) && !is_one(buffer));
        training.apart.extend(apart.map(|(output, _)| output.name.clone()));
        let metrics = download(&buffers.split_off(count));
        training.metrics.push(metrics.try_into().unwrap());
        if step == 1 {
            training.gradients = fitted(download(&buffers[parameters..2 * parameters]));
        }
    }
    training.state = fitted(download(&buffers));
    training
}

/// By how much a tensor is off, over the largest number expected in it or `floor`, whichever is larger; NaN if there is
/// one anywhere.
pub fn difference(got: &Literal, expected: &Literal, floor: f64) -> f64 {
    let (got, expected) = (got.floats().unwrap(), expected.floats().unwrap());
    assert_eq!(got.len(), expected.len());
    let largest = expected.iter().fold(floor, |largest, x| largest.max(x.abs()));
    let off = got.iter().zip(expected).map(|(x, y)| (x - y).abs() / largest);
    if got.iter().chain(expected).any(|x| x.is_nan()) { f64::NAN } else { off.fold(0.0, f64::max) }
}
