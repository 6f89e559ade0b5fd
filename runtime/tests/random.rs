//! Random functions give the interpreter's numbers on the plugin, in every exported form.

mod support;

use graph::testing::size::cases;
use graph::testing::{Options, random_function, random_inputs};
use graph::{DType, interpret};
use proptest::prelude::*;
use support::{difference, programs, runtime};

/// Errors add up over the nodes of a function, and float64 values may have passed through float32.
const TOLERANCE: f64 = 1e-4;
const INTS: [DType; 5] = [DType::Pred, DType::U8, DType::I32, DType::U32, DType::I64];

/// Compares every form of a random function with the interpreter: integers exactly, and floats if it is `tame`.
fn check(seed: u64, nodes: usize, dtypes: &[DType], tame: bool) -> Result<(), TestCaseError> {
    let Some(runtime) = runtime() else { return Ok(()) };
    let function =
        random_function(seed, &Options { nodes, dtypes: dtypes.to_vec(), tame, collectives: true });
    let inputs = random_inputs(seed, &function, tame);
    let expected = interpret(&function, &inputs).unwrap();
    for (form, text, program) in programs(runtime, &function) {
        let got = program.run_literals(&inputs).unwrap();
        for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
            let dtype = expected.ty().dtype;
            let tolerance = if dtype.is_float() { TOLERANCE } else { 0.0 };
            let difference = difference(expected, got, tolerance).filter(|_| tame || !dtype.is_float());
            prop_assert_eq!(difference, None, "{} result {}\n{}\n{}", form, index, function, text);
        }
    }
    Ok(())
}

/// Every form of a random function of any values compiles and runs to results of the right types. Whether a rounding
/// error decides a comparison in it is not known, so that its numbers are not compared.
fn run(seed: u64, nodes: usize) -> Result<(), TestCaseError> {
    let Some(runtime) = runtime() else { return Ok(()) };
    let function = random_function(
        seed,
        &Options { nodes, dtypes: DType::ALL.to_vec(), tame: false, collectives: true },
    );
    let inputs = random_inputs(seed, &function, false);
    for (form, _, program) in programs(runtime, &function) {
        let got = program.run_literals(&inputs).unwrap();
        let types: Vec<_> = got.iter().map(|literal| literal.ty().clone()).collect();
        prop_assert_eq!(types, function.result_types(), "{}", form);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(4, 8), max_shrink_iters: 32, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn tame_functions(seed: u64, nodes in 1usize..30) {
        check(seed, nodes, &[&INTS[..], &[DType::F32, DType::F64]].concat(), true)?;
    }

    #[test]
    fn integer_functions(seed: u64, nodes in 1usize..30) {
        check(seed, nodes, &INTS, false)?;
    }

    #[test]
    fn functions_of_any_values(seed: u64, nodes in 1usize..30) {
        run(seed, nodes)?;
    }
}
