//! A bad step leaves the state as it was, and so does the next one that is told of it.

use graph::{Function, Literal};
use runtime::{DeviceKind, Program, Runtime};
use train::step::train_step;

use crate::common::{compile, inputs, options};

/// A step, in the interpreter and compiled where there is a plugin.
struct Step {
    function: Function,
    program: Option<Program>,
}

impl Step {
    fn new() -> Step {
        let function = train_step(&options(1, 1)).unwrap();
        let program = Runtime::find(DeviceKind::Cpu).unwrap().map(|runtime| compile(&runtime, &function));
        if program.is_none() {
            eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
        }
        Step { function, program }
    }

    /// Takes the step with the first number of some inputs changed: its loss, `applied`, and whether the state changed.
    #[track_caller]
    fn take(&self, changes: &[(&str, f64)]) -> (f64, bool, bool) {
        let mut inputs = inputs(&self.function);
        for &(name, value) in changes {
            let position = self.function.params.iter().position(|param| param.name == name).unwrap();
            let mut values = inputs[position].floats().unwrap().to_vec();
            values[0] = value;
            inputs[position] = Literal::from_floats(inputs[position].ty().clone(), values).unwrap();
        }
        let mut results = vec![graph::interpret(&self.function, &inputs).unwrap()];
        results.extend(self.program.iter().map(|program| program.run_literals(&inputs).unwrap()));
        let count = options(1, 1).state_count();
        let took = |outputs: &Vec<Literal>| {
            let [loss, applied] = [0, 2].map(|index| outputs[count + index].floats().unwrap()[0]);
            let states = inputs[..count].iter().zip(outputs);
            // A NaN is the same if it has the same bits.
            let changed = states.into_iter().any(|(before, after)| before.to_bytes() != after.to_bytes());
            assert!([0.0, 1.0].contains(&applied), "{changes:?}: {applied}");
            (loss, applied == 1.0, changed)
        };
        let results: Vec<_> = results.iter().map(took).collect();
        assert!(
            results.iter().all(|result| (result.1, result.2) == (results[0].1, results[0].2)),
            "{results:?}"
        );
        results[0]
    }
}

#[test]
fn a_bad_step_and_the_one_after_it_change_nothing() {
    let step = Step::new();
    let (loss, applied, changed) = step.take(&[]);
    assert!(loss.is_finite() && applied && changed);
    let check = |changes: &[(&str, f64)], expected: bool| {
        let (_, applied, changed) = step.take(changes);
        assert_eq!((applied, changed), (expected, expected), "{changes:?}");
    };
    // A loss above the limit.
    check(&[("loss_limit", loss * 1.001)], true);
    check(&[("loss_limit", loss * 0.999)], false);
    check(&[("loss_limit", f64::NEG_INFINITY)], false);
    check(&[("loss_limit", f64::NAN)], false);
    // Told of a bad step before.
    check(&[("apply", 0.0)], false);
    check(&[("apply", 0.0), ("loss_limit", 1e9)], false);
    // A loss that is not finite, whatever the limit.
    for value in [f64::NAN, f64::INFINITY] {
        let changes = [("parameters/final/logits_bias", value)];
        assert!(!step.take(&changes).0.is_finite());
        check(&changes, false);
    }
}
