//! A bad step leaves the state as it was, and so does the next one that is told of it.

use graph::Literal;
use train::step::{STATE_COUNT, train_step};

use crate::common::{inputs, options, run_everywhere};

/// The outputs of a step with some scalars changed, and of parameters if need be; and the state it began with.
fn run(scalars: &[(&str, f64)], change: impl Fn(&mut Vec<Literal>)) -> Vec<(Vec<Literal>, Vec<Literal>)> {
    let function = train_step(&options(2, 2)).unwrap();
    let mut inputs = inputs(&function);
    for &(name, value) in scalars {
        let position = function.params.iter().position(|param| param.name == name).unwrap();
        inputs[position] = Literal::from_floats(inputs[position].ty().clone(), vec![value]).unwrap();
    }
    change(&mut inputs);
    let state = inputs[..STATE_COUNT].to_vec();
    run_everywhere(&function, &inputs).into_iter().map(|(_, outputs)| (state.clone(), outputs)).collect()
}

fn scalar(literal: &Literal) -> f64 {
    literal.floats().unwrap()[0]
}

#[track_caller]
fn check(scalars: &[(&str, f64)], applied: bool) {
    for (before, outputs) in run(scalars, |_| ()) {
        assert_eq!(scalar(&outputs[STATE_COUNT + 2]), f64::from(u8::from(applied)), "{scalars:?}");
        assert_eq!(outputs[..STATE_COUNT] != before[..], applied, "{scalars:?}");
    }
}

#[test]
fn a_loss_above_the_limit_changes_nothing() {
    let loss = scalar(&run(&[], |_| ())[0].1[STATE_COUNT]);
    check(&[], true);
    check(&[("loss_limit", loss * 1.001)], true);
    check(&[("loss_limit", loss * 0.999)], false);
    check(&[("loss_limit", f64::NEG_INFINITY)], false);
    check(&[("loss_limit", f64::NAN)], false);
}

#[test]
fn a_step_that_is_told_of_a_bad_one_changes_nothing() {
    check(&[("apply", 0.0)], false);
    check(&[("apply", 0.0), ("loss_limit", 1e9)], false);
}

/// An infinite logit bias: the loss is not finite, whatever the gradients are.
#[test]
fn what_is_not_finite_changes_nothing() {
    for value in [f64::NAN, f64::INFINITY] {
        let change = |inputs: &mut Vec<Literal>| {
            let function = train_step(&options(2, 2)).unwrap();
            let bias = function
                .params
                .iter()
                .position(|param| param.name == "parameters/final/logits_bias")
                .unwrap();
            let mut values = inputs[bias].floats().unwrap().to_vec();
            values[0] = value;
            inputs[bias] = Literal::from_floats(inputs[bias].ty().clone(), values).unwrap();
        };
        for (before, outputs) in run(&[], change) {
            let [loss, applied] = [0, 2].map(|index| scalar(&outputs[STATE_COUNT + index]));
            assert!(!loss.is_finite() && applied == 0.0, "{loss} {applied}");
            for (before, after) in before.iter().zip(&outputs) {
                assert_eq!(before.to_bytes(), after.to_bytes());
            }
        }
    }
}
