//! Steps in which only some targets count: their loss and gradients, whole and over every plan.

use graph::{DType, Literal, interpret_partitioned};
use train::plan::{Planned, split};
use train::step::{StepOptions, forward, loss, train_step};

use crate::common::{compare, inputs, options, regrouped};
use crate::plans;

/// Whether the target at a position counts: of some sequences many do, of others none.
fn counts(position: usize, length: usize) -> bool {
    let (sequence, place) = (position / length, position % length);
    !matches!(sequence % 4, 1) && (place * 7 + sequence * 3) % 5 < 2 + sequence % 2
}

/// The inputs with targets of -1 where `counts` says no.
fn marked(inputs: &[Literal], length: usize, counts: impl Fn(usize, usize) -> bool) -> Vec<Literal> {
    let mut inputs = inputs.to_vec();
    // Tokens are the last input but one.
    let targets = inputs.last_mut().unwrap();
    let values = targets.ints().unwrap().iter().enumerate();
    let values = values.map(|(position, &target)| if counts(position, length) { target } else { -1 });
    *targets = Literal::from_ints(targets.ty().clone(), values.collect()).unwrap();
    inputs
}

fn answers(options: StepOptions) -> StepOptions {
    StepOptions { answers_only: true, ..options }
}

/// By the definition: the mean over the targets that count of log-probabilities, computed here from the logits.
#[test]
fn the_loss_is_the_mean_over_the_targets_that_count() {
    let options = answers(options(2, 5));
    let function = loss(&options).unwrap();
    let all = inputs(&function);
    let inputs = marked(&all, 6, counts);
    let got = graph::interpret(&function, &inputs).unwrap();
    let logits = forward(&options).unwrap();
    let logits = graph::interpret(&logits, &inputs[..inputs.len() - 1]).unwrap();
    let rows = logits[0].floats().unwrap();
    let (mut sum, mut count) = (0.0, 0);
    for (row, &target) in rows.chunks(11).zip(inputs.last().unwrap().ints().unwrap()) {
        if target >= 0 {
            let total: f64 = row.iter().map(|x| x.exp()).sum();
            sum += total.ln() - row[target as usize];
            count += 1;
        }
    }
    assert!(count > 5 && count < 25);
    let number = |index: usize| got[index].floats().unwrap()[0];
    assert!(
        (number(0) - sum / f64::from(count)).abs() < 1e-6,
        "{} for {}",
        number(0),
        sum / f64::from(count)
    );
    assert_eq!(number(1), f64::from(count));
    // Nothing that counts is no loss, and no division by nothing.
    let nothing = graph::interpret(&function, &marked(&all, 6, |_, _| false)).unwrap();
    assert_eq!((nothing[0].floats().unwrap(), nothing[1].floats().unwrap()), (&[0.0][..], &[0.0][..]));
}

/// Where everything counts, a step is the step; and the gradients of two halves of the targets add up to those of all.
#[test]
fn gradients_are_those_of_the_targets_that_count() {
    for microbatches in [1, 3] {
        let plain = StepOptions { microbatches, clip_norm: 1e9, ..options(2, 2) };
        let (whole, some) = (train_step(&plain).unwrap(), train_step(&answers(plain.clone())).unwrap());
        let mut all = inputs(&whole);
        // Without means of before, the new ones are gradients, times a constant.
        for (input, param) in all.iter_mut().zip(&whole.params) {
            if param.name.starts_with("adam/m/") {
                *input = Literal::from_floats(input.ty().clone(), vec![0.0; input.ty().elements()]).unwrap();
            }
        }
        let expected = graph::interpret(&whole, &all).unwrap();
        let got = graph::interpret(&some, &all).unwrap();
        compare("everything counts", &whole, &got, &expected, 2e-6);
        let part = |which: bool| {
            let inputs = marked(&all, 6, |position, length| counts(position, length) == which);
            let targets = inputs.last().unwrap().ints().unwrap();
            let count = targets.iter().filter(|target| **target >= 0).count() as f64;
            let share = count / targets.len() as f64;
            (share, graph::interpret(&some, &inputs).unwrap())
        };
        let ((of_one, one), (of_other, other)) = (part(true), part(false));
        for (index, output) in whole.results.iter().enumerate() {
            if !output.name.starts_with("adam/m/") && output.name != "loss" {
                continue;
            }
            let numbers = |literals: &[Literal]| literals[index].floats().unwrap().to_vec();
            let (one, other, all) = (numbers(&one), numbers(&other), numbers(&expected));
            let largest = all.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
            for ((one, other), all) in one.iter().zip(&other).zip(&all) {
                let sum = of_one * one + of_other * other;
                assert!((sum - all).abs() <= 3e-6 * largest, "{}: {sum} for {all}", output.name);
            }
        }
    }
}

fn planned() -> Planned {
    Planned { answers_only: true, ..plans::planned() }
}

/// However the targets that count fall on devices, stages and microbatches.
#[test]
fn every_plan_learns_answers_as_one_device() {
    let whole = planned().step_options(&plans::one_device());
    let whole = train_step(&whole).unwrap();
    let inputs = marked(&inputs(&whole), plans::TIME, counts);
    let expected = graph::interpret(&whole, &inputs).unwrap();
    for plan in plans::plans() {
        let function = train_step(&planned().step_options(&plan)).unwrap();
        let got =
            interpret_partitioned(&planned().step(&plan).unwrap(), &regrouped(&inputs, &function)).unwrap();
        compare(&plans::name(&plan), &whole, &got, &expected, 2e-6);
    }
}

#[test]
fn every_plan_evaluates_answers_as_one_device() {
    for plan in plans::plans() {
        let staged = planned().step_options(&plan);
        let whole = loss(&StepOptions { stages: 1, ..staged.clone() }).unwrap();
        let inputs = marked(&inputs(&whole), plans::TIME, counts);
        let expected = graph::interpret(&whole, &inputs).unwrap();
        let function = loss(&staged).unwrap();
        let got = interpret_partitioned(&split(&function, &plan).unwrap(), &inputs).unwrap();
        compare(&plans::name(&plan), &whole, &got, &expected, 2e-6);
        assert_eq!(got[1].ty().dtype, DType::F32);
    }
}
