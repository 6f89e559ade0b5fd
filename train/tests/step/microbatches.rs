//! Microbatches are parts of one batch.

use model::remat::{POLICIES, policy};
use train::step::{StepOptions, train_step};

use crate::common::{compare, inputs, options, regrouped, run_everywhere};

#[test]
fn microbatches_are_one_batch_in_parts() {
    let whole = train_step(&options(2, 6)).unwrap();
    let inputs = inputs(&whole);
    let expected = graph::interpret(&whole, &inputs).unwrap();
    for microbatches in [2, 3, 6] {
        let options = StepOptions { microbatches, ..options(2, 6 / microbatches) };
        let function = train_step(&options).unwrap();
        let names = |function: &graph::Function| -> Vec<String> {
            let params = function.params.iter().map(|param| param.name.clone());
            params.chain(function.results.iter().map(|output| output.name.clone())).collect()
        };
        assert_eq!(names(&function), names(&whole));
        for (place, got) in run_everywhere(&function, &regrouped(&inputs, &function)) {
            let what = format!("{microbatches} microbatches, {place}");
            // The plugin's exponentials and the like are its own.
            compare(&what, &whole, &got, &expected, if place == "plugin" { 1e-5 } else { 1e-6 });
        }
    }
}

#[test]
fn policies_change_no_number_but_by_rounding() {
    let step = |name: &str, microbatches: usize| {
        let remat = policy(name).unwrap();
        train_step(&StepOptions { microbatches, remat, ..options(2, 2) }).unwrap()
    };
    for microbatches in [1, 2] {
        let function = step("none", microbatches);
        let inputs = inputs(&function);
        let expected = graph::interpret(&function, &inputs).unwrap();
        for name in POLICIES {
            let got = graph::interpret(&step(name, microbatches), &inputs).unwrap();
            compare(name, &function, &got, &expected, 1e-6);
        }
    }
    assert_eq!(policy("some"), None);
}

#[test]
fn programs_do_not_grow_with_layers_or_microbatches() {
    let nodes = |layers, microbatches| {
        let options = StepOptions { microbatches, ..options(layers, 1) };
        train_step(&options).unwrap().node_count()
    };
    assert_eq!(nodes(2, 2), nodes(50, 1000));
}

#[test]
fn wrong_numbers_are_named() {
    let message = |microbatches, stages| {
        let options = StepOptions { microbatches, stages, ..options(4, 1) };
        train_step(&options).unwrap_err().to_string()
    };
    assert!(message(0, 1).contains("0 microbatches"));
    assert!(message(4, 3).contains("4 layers in 3 stages"));
}
