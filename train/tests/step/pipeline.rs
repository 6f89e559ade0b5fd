//! A pipeline's stages together compute what one device does. All devices are interpreted, in lock step.

use std::time::{Duration, Instant};

use graph::{
    Function, Literal, Mesh, MeshAxis, Partitioned, Split, interpret_partitioned, to_stablehlo_partitioned,
};
use model::remat::policy;
use model::{Precision, Preset};
use train::step::pipeline::STAGE;
use train::step::{StepOptions, forward, loss, train_step};

use crate::common::{compare, count, inputs, options};

/// A stage's program on the mesh of all stages: the layers' tensors are split over them, all others whole.
fn on_stages(function: Function, stages: usize) -> Partitioned {
    let split = |name: &str, rank: usize| -> Split {
        let mut split = vec![vec![]; rank];
        if name.contains("/layers/") {
            split[0].push(STAGE.to_owned());
        }
        split
    };
    let params = function.params.iter().zip(function.param_types());
    let params = params.map(|(param, ty)| split(&param.name, ty.rank())).collect();
    let results = function.results.iter().zip(function.result_types());
    let results = results.map(|(output, ty)| split(&output.name, ty.rank())).collect();
    let mesh = Mesh { axes: vec![MeshAxis { name: STAGE.to_owned(), size: stages }] };
    Partitioned { function, mesh, params, results }
}

fn run(function: Function, stages: usize, inputs: &[Literal]) -> Vec<Literal> {
    interpret_partitioned(&on_stages(function, stages), inputs).unwrap()
}

#[test]
fn stages_together_are_the_whole_model() {
    for (layers, stages, microbatches) in [(2, 2, 2), (4, 2, 3), (3, 3, 5), (4, 4, 6), (4, 4, 2), (3, 3, 1)] {
        let plain = StepOptions { microbatches, ..options(layers, 2) };
        let whole = train_step(&plain).unwrap();
        let inputs = inputs(&whole);
        let expected = graph::interpret(&whole, &inputs).unwrap();
        let function = train_step(&StepOptions { stages, ..plain }).unwrap();
        let shaped: Vec<Literal> = match microbatches {
            // One batch has no axis of microbatches in the plain program.
            1 => with_axis(&inputs),
            _ => inputs,
        };
        let got = run(function, stages, &shaped);
        let what = format!("{layers} layers in {stages} stages, {microbatches} microbatches");
        compare(&what, &whole, &got, &expected, 2e-6);
    }
}

fn with_axis(inputs: &[Literal]) -> Vec<Literal> {
    let mut shaped = inputs.to_vec();
    for input in &mut shaped {
        if let Some(values) = input.ints() {
            let shape = [&[1], &input.ty().shape[..]].concat();
            *input =
                Literal::from_ints(graph::TensorType::new(input.ty().dtype, shape), values.to_vec()).unwrap();
        }
    }
    shaped
}

#[test]
fn every_policy_in_stages_is_the_whole_model() {
    let plain = StepOptions { microbatches: 3, ..options(4, 1) };
    let whole = train_step(&plain).unwrap();
    let inputs = inputs(&whole);
    let expected = graph::interpret(&whole, &inputs).unwrap();
    for name in ["selective", "attention", "full"] {
        let options = StepOptions { stages: 2, remat: policy(name).unwrap(), ..plain.clone() };
        compare(name, &whole, &run(train_step(&options).unwrap(), 2, &inputs), &expected, 2e-6);
    }
}

/// Rounding at random does not depend on which stage a layer is on, and nor do the sums it starts from, but for
/// rounding: where one lies on the edge, a parameter goes to the other neighbour.
#[test]
fn bfloat16_parameters_are_rounded_alike() {
    let precision = Precision { parameters: graph::DType::BF16, activations: graph::DType::F32 };
    let plain = StepOptions { microbatches: 2, precision, seed: 3, ..options(4, 1) };
    let whole = train_step(&plain).unwrap();
    let inputs = inputs(&whole);
    let expected = graph::interpret(&whole, &inputs).unwrap();
    let got = run(train_step(&StepOptions { stages: 2, ..plain }).unwrap(), 2, &inputs);
    let numbers = |literals: &[Literal]| -> Vec<f64> {
        literals[..count()].iter().flat_map(|x| x.floats().unwrap().to_vec()).collect()
    };
    let (got, expected) = (numbers(&got), numbers(&expected));
    let different = got.iter().zip(&expected).filter(|(x, y)| x != y).count();
    assert!(different * 1000 <= got.len(), "{different} of {}", got.len());
}

#[test]
fn evaluation_in_stages_is_that_of_the_whole_model() {
    let plain = options(3, 2);
    let staged = StepOptions { stages: 3, ..plain.clone() };
    for (whole, function) in [
        (loss(&plain).unwrap(), loss(&staged).unwrap()),
        (forward(&plain).unwrap(), forward(&staged).unwrap()),
    ] {
        let inputs = inputs(&whole);
        let expected = graph::interpret(&whole, &inputs).unwrap();
        compare("evaluation", &whole, &run(function, 3, &inputs), &expected, 2e-6);
    }
}

#[test]
fn programs_do_not_grow_with_stages_layers_or_microbatches() {
    let nodes = |layers, stages, microbatches| {
        let options = StepOptions { stages, microbatches, ..options(layers, 1) };
        train_step(&options).unwrap().node_count()
    };
    assert_eq!(nodes(2, 2, 2), nodes(48, 16, 1000));
}

/// The largest model in stages: quick to build, and printed for all devices.
#[test]
fn the_largest_model_in_stages_is_built_at_once() {
    let start = Instant::now();
    let preset = Preset::find("280b").unwrap();
    let options = StepOptions {
        precision: Precision::BFLOAT16,
        remat: policy("selective").unwrap(),
        microbatches: 96,
        stages: 8,
        ..StepOptions::new(preset.config, 16, 2048)
    };
    let text = to_stablehlo_partitioned(&on_stages(train_step(&options).unwrap(), 8)).unwrap();
    assert!(text.contains("sdy.manual_computation") && text.contains("collective_permute"));
    assert!(text.len() < 2_000_000, "{} bytes", text.len());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
