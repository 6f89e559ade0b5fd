//! A training on meshes of virtual devices: its state is made, saved and loaded there, and does not depend on the mesh.

use std::path::Path;
use std::sync::OnceLock;

use graph::testing::size;
use graph::{DType, Function, Literal, Partitioned, Split};
use model::{Gopher, Precision};
use proptest::prelude::*;
use runtime::{CompileOptions, DeviceKind, Input, Interface, Program, QUICK_FLAGS, Runtime, RuntimeOptions};
use sharding::plan::{MeshShape, Plan, RematPolicy};
use store::checkpoint::{
    self, Checkpoint, DataPosition, Description, History, RandomState, Snapshot, Versions,
};
use store::skipped::Skipped;
use train::plan::{Planned, split, split_initialize};
use train::state::{StoredRows, TrainState};
use train::step::{initialize, train_step};

/// The CPU runtime with eight virtual devices; `None`, with a message, when no plugin is on this machine.
fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let find = || {
        let xla_flags = size::either(QUICK_FLAGS, &[]);
        let options = RuntimeOptions { virtual_devices: Some(8), xla_flags, ..Default::default() };
        let runtime = Runtime::find_with(DeviceKind::Cpu, &options).unwrap();
        if runtime.is_none() {
            eprintln!("skipped: no CPU plugin (`gopher runtime install cpu` fetches it)");
        }
        runtime
    };
    RUNTIME.get_or_init(find).as_ref()
}

const SEED: u32 = 3;

fn planned() -> Planned {
    let model = Gopher { layers: 2, heads: 4, key_value_size: 4, d_model: 16, vocabulary_size: 32 };
    Planned::new(model, Precision::FLOAT32, 1.0, 8, DeviceKind::Cpu)
}

fn plan(data: usize, model: usize, zero: u8) -> Plan {
    Plan {
        topology: "cpu".into(),
        slices: 1,
        mesh: MeshShape { stage: 1, data, model },
        stages: 1,
        microbatches: 1,
        zero,
        remat: RematPolicy::None,
        sequence_sharding: false,
        batch: 8,
        sequence_length: 8,
        rules: Default::default(),
    }
    .with_derived_rules()
}

fn compile(runtime: &Runtime, partitioned: &Partitioned) -> Program {
    runtime.compile_partitioned(partitioned, &CompileOptions::default()).unwrap()
}

fn compile_whole(runtime: &Runtime, function: &Function) -> Program {
    runtime.compile_with(function, &CompileOptions::default()).unwrap()
}

/// The parameters from a seed, in the layouts of a step's inputs.
fn initialization(plan: &Plan, step: &Partitioned) -> Partitioned {
    let planned = planned();
    let whole = model::initialize(&planned.model, DType::F32).unwrap();
    let results = &step.params[..whole.results.len()];
    let params: Vec<Split> = vec![vec![]];
    sharding::partition::partition(&whole, &plan.mesh(), &[], &plan.rules, &params, results).unwrap()
}

/// The inputs of the step on one device.
fn one_device() -> Vec<Input> {
    let planned = planned();
    Interface::of(&train_step(&planned.step_options(&plan(1, 1, 0))).unwrap()).inputs
}

/// What a state holds.
fn contents(state: &TrainState) -> Vec<Literal> {
    state.buffers().iter().map(|buffer| buffer.to_literal().unwrap()).collect()
}

/// Saves a state; the bytes of every tensor that a checkpoint of it holds.
fn save(state: &TrainState, folder: &Path) -> Vec<(String, Vec<u8>)> {
    save_snapshot(&state.snapshot().unwrap(), folder)
}

fn save_snapshot(snapshot: &Snapshot, folder: &Path) -> Vec<(String, Vec<u8>)> {
    let description = Description {
        step: 1,
        tokens: 64,
        planned: true,
        data: DataPosition {
            order: "shuffled".into(),
            seed: SEED.into(),
            sequences: 8,
            skipped: Skipped::default(),
        },
        random: RandomState { seed: SEED.into(), state: "none".into() },
        config_digest: "abc".into(),
        history: History::default(),
        versions: Versions { gopher: "none".into(), plugin: "none".into() },
        metrics: None,
        from: None,
        files: Vec::new(),
    };
    let folder = checkpoint::save(folder, &description, snapshot).unwrap();
    let checkpoint = Checkpoint::open(&folder).unwrap();
    checkpoint.names().map(|name| (name.to_owned(), checkpoint.read_whole(name).unwrap())).collect()
}

#[test]
fn the_first_state_and_its_checkpoint_do_not_depend_on_the_mesh() {
    let Some(runtime) = runtime() else { return };
    let planned = planned();
    let alone = compile_whole(runtime, &model::initialize(&planned.model, DType::F32).unwrap());
    let alone = TrainState::initialize(runtime, &one_device(), &alone, SEED, StoredRows::default()).unwrap();
    let expected = contents(&alone);
    let folder = tempfile::tempdir().unwrap();
    let saved = save(&alone, &folder.path().join("alone"));
    for (data, model, zero) in [(2, 1, 0), (1, 4, 0), (2, 2, 1), (4, 2, 3)] {
        let plan = plan(data, model, zero);
        let step = planned.step(&plan).unwrap();
        let inputs = Interface::of_partitioned(&step, None).unwrap().inputs;
        let program = compile(runtime, &initialization(&plan, &step));
        let state = TrainState::initialize(runtime, &inputs, &program, SEED, StoredRows::default()).unwrap();
        assert_eq!(contents(&state), expected, "{data} × {model}, ZeRO {zero}");
        let here = folder.path().join(format!("{data}-{model}"));
        assert!(save(&state, &here) == saved, "{data} × {model}, ZeRO {zero}");

        // What was saved on one device goes on here, where a step wants it.
        let path = folder.path().join("alone").read_dir().unwrap().next().unwrap().unwrap().path();
        let checkpoint = Checkpoint::open(&path).unwrap();
        let loaded = TrainState::load(runtime, &inputs, &checkpoint, StoredRows::default()).unwrap();
        assert_eq!(contents(&loaded), expected);
        for (buffer, input) in loaded.buffers().iter().zip(&inputs) {
            assert_eq!((buffer.ty(), buffer.layout()), (&input.ty, &input.layout), "{}", input.name);
        }
    }
}

/// What a plan pads of a vocabulary is in no checkpoint: it has the bytes of one device's, and any plan goes on from it.
#[test]
fn checkpoints_do_not_depend_on_a_padded_vocabulary() {
    let Some(runtime) = runtime() else { return };
    let model = Gopher { layers: 2, heads: 8, key_value_size: 4, d_model: 16, vocabulary_size: 30 };
    let planned = Planned { model: model.into(), ..planned() };
    let folder = tempfile::tempdir().unwrap();
    let mut saved = Vec::new();
    for (parts, rows) in [(1, 30), (4, 32), (8, 32)] {
        let plan = plan(1, parts, 0);
        let options = planned.step_options(&plan);
        let stored = StoredRows::of(&options.model);
        let inputs = Interface::of_partitioned(&planned.step(&plan).unwrap(), None).unwrap().inputs;
        assert_eq!(inputs[0].ty.shape, [rows, 16]);
        let first = split_initialize(&initialize(&options).unwrap(), &options.model, &plan).unwrap();
        let program = compile(runtime, &first);
        let state = TrainState::initialize(runtime, &inputs, &program, SEED, stored.clone()).unwrap();
        let here = folder.path().join(parts.to_string());
        saved.push(save(&state, &here));
        assert!(saved.last() == saved.first(), "{parts} devices");

        // Loaded from one device's, the padding is zero.
        let path = folder.path().join("1").read_dir().unwrap().next().unwrap().unwrap().path();
        let loaded = TrainState::load(runtime, &inputs, &Checkpoint::open(&path).unwrap(), stored).unwrap();
        let embedding = contents(&loaded).swap_remove(0);
        let embedding = embedding.floats().unwrap();
        assert!(
            embedding[..30 * 16].iter().all(|&x| x != 0.0) && embedding[30 * 16..].iter().all(|&x| x == 0.0)
        );
        assert!(save(&loaded, &here.join("again")) == saved[0]);
    }
}

/// A plan of up to eight devices, in stages or not.
fn plans() -> impl Strategy<Value = Plan> {
    let meshes =
        [(1, 1, 1), (1, 2, 1), (1, 1, 2), (1, 2, 2), (1, 4, 1), (1, 1, 4), (1, 8, 1), (1, 4, 2), (1, 2, 4)]
            .into_iter()
            .chain([(2, 1, 1), (2, 2, 1), (2, 1, 2), (2, 2, 2), (2, 1, 4), (2, 4, 1)]);
    let meshes: Vec<(usize, usize, usize)> = meshes.collect();
    (prop::sample::select(meshes), 0..4u8, any::<bool>()).prop_map(
        |((stage, data, model), zero, sequence)| {
            let plan = plan(data, model, if stage == 1 { zero } else { zero.min(1) });
            Plan {
                topology: format!("cpu:{}", stage * data * model),
                mesh: MeshShape { stage, data, model },
                stages: stage,
                microbatches: if stage == 1 { 1 } else { 2 },
                sequence_sharding: sequence && model > 1,
                ..plan
            }
            .with_derived_rules()
        },
    )
}

/// A state on one device: parameters from a seed, and other numbers for Adam's means, which begin with zeros.
fn alone(runtime: &Runtime) -> &'static Snapshot {
    static ALONE: OnceLock<Snapshot> = OnceLock::new();
    ALONE.get_or_init(|| {
        let program = compile_whole(runtime, &model::initialize(&planned().model, DType::F32).unwrap());
        let made = |seed| {
            TrainState::initialize(runtime, &one_device(), &program, seed, StoredRows::default())
                .unwrap()
                .snapshot()
                .unwrap()
                .tensors
        };
        let mut alone = Snapshot { mesh: Vec::new(), tensors: made(SEED) };
        let (parameters, others) = alone.tensors.split_at_mut(planned().model.parameters().len());
        for (seed, means) in (SEED + 1..).zip(others.chunks_mut(parameters.len())) {
            means.iter_mut().zip(made(seed)).for_each(|(mean, other)| mean.pieces = other.pieces);
        }
        alone
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(size::cases(3, 24)))]
    /// No step is compiled for this: only how each plan lays out the state.
    #[test]
    fn a_state_is_the_same_bytes_on_any_other_mesh(first in plans(), second in plans()) {
        let Some(runtime) = runtime() else { return Ok(()) };
        let inputs = |plan: &Plan| {
            Interface::of_partitioned(&planned().step(plan).unwrap(), None).unwrap().inputs
        };
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let expected = save_snapshot(alone(runtime), &path("alone"));
        let load = |name: &str, plan: &Plan| {
            let checkpoint = Checkpoint::open(&checkpoint::folder(&path(name), 1)).unwrap();
            TrainState::load(runtime, &inputs(plan), &checkpoint, StoredRows::default()).unwrap()
        };
        let first_state = load("alone", &first);
        prop_assert!(save(&first_state, &path("first")) == expected, "{first:?}");
        let second_state = load("first", &second);
        prop_assert!(save(&second_state, &path("second")) == expected, "{second:?}");
        prop_assert!(contents(&first_state) == contents(&second_state));
    }
}

#[test]
fn a_run_goes_on_with_another_mesh() {
    let Some(runtime) = runtime() else { return };
    let planned = planned();
    let tokens: Vec<i32> = (0..64).map(|index| index * 7 % 32).collect();
    let take = |program: &Program, state: &mut TrainState, step: f32| {
        let first = state.buffers().len();
        let inputs = [
            program.upload_slice(first, &[step]).unwrap(),
            program.upload_slice(first + 1, &[1e-2f32]).unwrap(),
            program.upload_slice(first + 2, &[f32::INFINITY]).unwrap(),
            program.upload_slice(first + 3, &[1f32]).unwrap(),
            program.upload_slice(first + 4, &tokens).unwrap(),
            program.upload_slice(first + 5, &tokens).unwrap(),
        ];
        let inputs: Vec<_> = state.buffers().iter().chain(&inputs).collect();
        state.advance(program.run(&inputs).unwrap())[0].to_f64().unwrap()
    };
    let whole = train_step(&planned.step_options(&plan(1, 1, 0))).unwrap();
    let alone = compile_whole(runtime, &whole);
    let program = compile_whole(runtime, &model::initialize(&planned.model, DType::F32).unwrap());
    let mut state =
        TrainState::initialize(runtime, alone.inputs(), &program, SEED, StoredRows::default()).unwrap();
    let expected: Vec<f64> = (1..=4).map(|step| take(&alone, &mut state, step as f32)).collect();

    let folder = tempfile::tempdir().unwrap();
    let mut state =
        TrainState::initialize(runtime, alone.inputs(), &program, SEED, StoredRows::default()).unwrap();
    let mut losses = vec![take(&alone, &mut state, 1.0)];
    for (index, (data, model, zero)) in [(2, 2, 0), (8, 1, 3), (1, 4, 0)].into_iter().enumerate() {
        let here = folder.path().join(index.to_string());
        save(&state, &here);
        let path = here.read_dir().unwrap().next().unwrap().unwrap().path();
        let checkpoint = Checkpoint::open(&path).unwrap();
        let program = compile(runtime, &split(&whole, &plan(data, model, zero)).unwrap());
        state = TrainState::load(runtime, program.inputs(), &checkpoint, StoredRows::default()).unwrap();
        losses.push(take(&program, &mut state, index as f32 + 2.0));
    }
    for (expected, got) in expected.iter().zip(&losses) {
        assert!((expected - got).abs() < 1e-5, "{losses:?} instead of {expected:?}");
    }
    assert!(losses[3] < losses[0]);
}

#[test]
fn parameters_that_the_step_would_not_take_are_named() {
    let Some(runtime) = runtime() else { return };
    let planned = planned();
    let step = planned.step(&plan(2, 2, 3)).unwrap();
    let inputs = Interface::of_partitioned(&step, None).unwrap().inputs;
    let program = compile_whole(runtime, &model::initialize(&planned.model, DType::F32).unwrap());
    let error = TrainState::initialize(runtime, &inputs, &program, SEED, StoredRows::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "program `initialize` cannot begin this training: `embedding` is f32[32,16], on one device; the step takes \
         f32[32,16], [model, data] over stage=1,data=2,model=2"
    );
}

/// Random bits of rounding are functions of an element's place in the whole tensor. Gradients, whose sums depend on the
/// mesh, are clipped to nothing: what is left of the step is the same to the bit.
#[test]
fn rounding_at_random_does_not_depend_on_the_mesh() {
    let Some(runtime) = runtime() else { return };
    let planned = Planned {
        clip_norm: 1e-30,
        seed: 9,
        model: planned().model.with_layers(4),
        precision: Precision::BFLOAT16,
        ..planned()
    };
    let staged = |stage: usize, data, model, zero| {
        let plan = plan(data, model, zero);
        let mesh = MeshShape { stage, ..plan.mesh };
        Plan { mesh, stages: stage, microbatches: stage, ..plan }.with_derived_rules()
    };
    let values = |input: &Input| -> Literal {
        // Numbers that are irregular, and positive where they are means of squares.
        let wave = |index: usize| (index as f64 * 0.7 + input.name.len() as f64).sin();
        let number = |index: usize| match input.name.as_str() {
            "step" => 3.0,
            "learning_rate" => 1e-3,
            "loss_limit" => f64::INFINITY,
            "apply" => 1.0,
            name if name.starts_with("adam/v/") => 0.01 + 0.005 * wave(index),
            name if name.starts_with("adam/m/") => 0.02 * wave(index),
            _ => 0.5 * wave(index),
        };
        match input.ty.dtype {
            DType::I32 => {
                let tokens = (0..input.ty.elements()).map(|index| (index * 7 % 32) as i64).collect();
                Literal::from_ints(input.ty.clone(), tokens).unwrap()
            }
            _ => Literal::from_floats(input.ty.clone(), (0..input.ty.elements()).map(number).collect())
                .unwrap(),
        }
    };
    let run = |program: &Program| -> Vec<Literal> {
        let inputs = program.inputs().iter().enumerate();
        let inputs: Vec<_> =
            inputs.map(|(index, input)| program.upload(index, &values(input)).unwrap()).collect();
        let outputs = program.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
        let parameters = &outputs[..planned.model.parameters().len()];
        parameters.iter().map(|buffer| buffer.to_literal().unwrap()).collect()
    };
    let whole = train_step(&planned.step_options(&plan(1, 1, 0))).unwrap();
    let alone = compile_whole(runtime, &whole);
    let expected = run(&alone);
    let before: Vec<_> = alone.inputs()[..expected.len()].iter().map(values).collect();
    assert_ne!(expected, before);
    let meshes =
        [(1, 2, 1, 1), (1, 4, 1, 3), (1, 8, 1, 2), (1, 1, 4, 0), (2, 1, 1, 0), (4, 2, 1, 1), (2, 2, 2, 1)];
    // Of the small size, a mesh of two axes and one of all.
    for (stage, data, model, zero) in meshes.into_iter().skip(size::either(5, 0)) {
        let program = compile(runtime, &planned.step(&staged(stage, data, model, zero)).unwrap());
        assert_eq!(program.devices().len(), stage * data * model);
        assert!(run(&program) == expected, "stage {stage} x data {data} x model {model}, ZeRO {zero}");
    }
}
