//! Steps with bfloat16 parameters, whose updates are rounded at random.

use graph::Literal;
use model::Precision;
use train::step::{StepOptions, train_step};

use crate::common::{count, inputs, options};

/// The step's options, in bfloat16 with rounding from this seed.
fn bfloat16(seed: u32) -> StepOptions {
    StepOptions { precision: Precision::BFLOAT16, seed, ..options(2, 2) }
}

fn run(seed: u32, learning_rate: f64, step: f64) -> (Vec<Literal>, Vec<Literal>) {
    let function = train_step(&bfloat16(seed)).unwrap();
    let mut inputs = inputs(&function);
    for (name, value) in [("learning_rate", learning_rate), ("step", step)] {
        let position = function.params.iter().position(|param| param.name == name).unwrap();
        inputs[position] = Literal::from_floats(inputs[position].ty().clone(), vec![value]).unwrap();
    }
    let mut outputs = graph::interpret(&function, &inputs).unwrap();
    outputs.truncate(count());
    inputs.truncate(count());
    (inputs, outputs)
}

/// A step of a 4096th of a bfloat16's spacing would be lost in rounding to nearest.
#[test]
fn small_updates_happen_in_the_mean() {
    let (before, after) = run(1, 1e-5, 5.0);
    let pairs = before.iter().zip(&after);
    let changed = pairs
        .flat_map(|(x, y)| x.floats().unwrap().iter().zip(y.floats().unwrap()))
        .filter(|(x, y)| x != y)
        .count();
    let all: usize = before.iter().map(|x| x.ty().elements()).sum();
    assert!(changed > 0 && changed < all / 10, "{changed} of {all}");
}

#[test]
fn rounding_is_a_function_of_seed_and_step() {
    let new = |seed, step| run(seed, 1e-3, step).1;
    assert_eq!(new(1, 5.0), new(1, 5.0));
    assert_ne!(new(1, 5.0), new(2, 5.0));
    assert_ne!(new(1, 5.0), new(1, 6.0));
}
