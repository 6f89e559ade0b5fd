//! The whole model's loss and gradients: against finite differences, and on the plugin against the interpreter.

mod common;

use common::{Random, models, parameters, relative_difference, run_everywhere};
use graph::{Builder, DType, Function, Literal, Remat, TensorType};
use model::parameters::add_params;
use model::{ForwardOptions, ModelConfig, QueryBlocks};

const BATCH: usize = 2;
const TIME: usize = 6;
/// A block in two pieces, and one that is no longer than a piece.
const PIECES: QueryBlocks = QueryBlocks { block: 4, piece: 2 };

/// Loss and gradients of all parameters.
fn loss_and_gradients(model: &ModelConfig, dtype: DType, remat: Remat, queries: QueryBlocks) -> Function {
    let b = Builder::new("loss_and_gradients");
    let parameters = add_params(&b, model, "", dtype);
    let ty = TensorType::new(DType::I32, [BATCH, TIME]);
    let (tokens, targets) = (b.param("tokens", ty.clone(), &[]), b.param("targets", ty, &[]));
    let options = ForwardOptions { activations: dtype, remat, queries };
    let loss = model::loss(&b, model, &options, &parameters, tokens, targets).unwrap();
    let gradients = graph::gradient(&b, loss, &parameters).unwrap();
    b.output("loss", loss);
    for (spec, gradient) in model.parameters().iter().zip(gradients) {
        b.output(spec.name, gradient);
    }
    b.finish().unwrap()
}

fn inputs(model: &ModelConfig, dtype: DType) -> Vec<Literal> {
    let mut inputs = parameters(model, dtype, 1);
    let mut random = Random(2);
    inputs.push(random.ints(&[BATCH, TIME], 0, model.sizes().vocabulary_size as i64 - 1));
    inputs.push(random.ints(&[BATCH, TIME], 0, model.sizes().vocabulary_size as i64 - 1));
    inputs
}

/// Central differences of step 1e-5 in float64: off by about step² times the third derivative, and by rounding, 1e-16
/// over the step. Three numbers of each parameter are tried, and one random direction in all of it.
#[test]
fn gradients_are_slopes() {
    models().iter().for_each(check_slopes);
}

fn check_slopes(model: &ModelConfig) {
    const STEP: f64 = 1e-5;
    let function = loss_and_gradients(model, DType::F64, Remat::None, PIECES);
    let inputs = inputs(model, DType::F64);
    let results = graph::interpret(&function, &inputs).unwrap();
    let b = Builder::new("loss");
    let params = add_params(&b, model, "", DType::F64);
    let ty = TensorType::new(DType::I32, [BATCH, TIME]);
    let (tokens, targets) = (b.param("tokens", ty.clone(), &[]), b.param("targets", ty, &[]));
    let options = ForwardOptions::new(DType::F64);
    b.output("loss", model::loss(&b, model, &options, &params, tokens, targets).unwrap());
    let loss = b.finish().unwrap();
    let loss_at = |inputs: &[Literal]| graph::interpret(&loss, inputs).unwrap()[0].floats().unwrap()[0];
    let mut random = Random(3);
    for (index, spec) in model.parameters().iter().enumerate() {
        let gradient = results[1 + index].floats().unwrap();
        let count = gradient.len();
        let one = |position: usize| (0..count).map(|other| f64::from(other == position)).collect::<Vec<_>>();
        let mut directions: Vec<Vec<f64>> = (0..3).map(|_| one(random.below(count))).collect();
        directions.push((0..count).map(|_| random.uniform(-1.0, 1.0)).collect());
        for direction in directions {
            let moved = |by: f64| {
                let mut inputs = inputs.clone();
                let numbers = inputs[index].floats().unwrap();
                let numbers = numbers.iter().zip(&direction).map(|(x, d)| x + by * d).collect();
                inputs[index] = Literal::from_floats(inputs[index].ty().clone(), numbers).unwrap();
                loss_at(&inputs)
            };
            let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let expected: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let size = gradient.iter().fold(1e-3f64, |size, g| size.max(g.abs()));
            assert!(
                (slope - expected).abs() < 1e-7 * size.max(slope.abs()),
                "{}: {slope} for {expected}",
                spec.name
            );
        }
    }
    // No part of the model is left out.
    assert!(results[1..].iter().all(|gradient| gradient.floats().unwrap().iter().any(|&g| g != 0.0)));
}

/// What the backward pass keeps and how queries are blocked changes nothing but rounding.
#[test]
fn policies_and_blocks_give_the_same_gradients() {
    models().iter().for_each(check_policies_and_blocks);
}

fn check_policies_and_blocks(model: &ModelConfig) {
    let inputs = inputs(model, DType::F64);
    let run = |remat, queries| {
        graph::interpret(&loss_and_gradients(model, DType::F64, remat, queries), &inputs).unwrap()
    };
    let expected = run(Remat::None, TIME.into());
    let saved = Remat::Save(vec!["query".into(), "feed_forward_hidden".into()]);
    let pieces = |block, piece| QueryBlocks { block, piece };
    for (remat, queries) in [
        (Remat::None, 1.into()),
        (Remat::Dots, 4.into()),
        (Remat::Full, 5.into()),
        (saved.clone(), 100.into()),
        (Remat::None, pieces(TIME, 1)),
        (Remat::Dots, PIECES),
        (Remat::Full, pieces(TIME, 3)),
        (saved, pieces(100, 2)),
    ] {
        let name = format!("{}: {remat:?}, {queries:?}", model.kind());
        for (got, expected) in run(remat, queries).iter().zip(&expected) {
            assert!(relative_difference(got, expected) < 1e-12, "{name}");
        }
    }
}

/// In float32, each tensor to 1e-5 of its largest number. The interpreter itself is held to float64.
#[test]
fn the_plugin_agrees_with_the_interpreter() {
    for model in &models() {
        let function = |dtype| loss_and_gradients(model, dtype, Remat::None, PIECES);
        let exact = graph::interpret(&function(DType::F64), &inputs(model, DType::F64)).unwrap();
        for (place, got) in run_everywhere(&function(DType::F32), &inputs(model, DType::F32)) {
            for (got, exact) in got.iter().zip(&exact) {
                let exact = Literal::from_floats(got.ty().clone(), exact.floats().unwrap().to_vec()).unwrap();
                let difference = relative_difference(got, &exact);
                assert!(difference < 1e-5, "{} on {place}: {difference}", model.kind());
            }
        }
    }
}
