//! A small model, inputs of a step, and comparison.

use graph::testing::{Random, size};
use graph::{DType, Function, Literal, TensorType};
use model::{Architecture, Gopher};
use runtime::{DeviceKind, Program, QUICK_FLAGS, Runtime, RuntimeOptions};
use train::step::StepOptions;

/// A model with all parts, no two sizes alike but those of `layers`.
pub fn tiny(layers: usize) -> Gopher {
    Gopher { layers, heads: 3, key_value_size: 5, d_model: 8, vocabulary_size: 11 }
}

/// Parameters of such a model.
pub fn count() -> usize {
    tiny(1).parameters().len()
}

/// Steps of the tiny model on sequences of 6 tokens, in blocks of 4.
pub fn options(layers: usize, batch: usize) -> StepOptions {
    StepOptions { queries: 4.into(), clip_norm: 0.5, ..StepOptions::new(tiny(layers), batch, 6) }
}

/// Inputs of a step in the middle of a training: parameters far from their first values, means and squares of a size
/// with which no update is a jump. Tokens depend on their number alone, not on how they are grouped.
pub fn inputs(function: &Function) -> Vec<Literal> {
    let mut random = Random(1);
    let params = function.params.iter().zip(function.param_types());
    params
        .map(|(param, ty)| {
            let count = ty.elements();
            let mut floats = |number: &mut dyn FnMut(f64) -> f64| {
                let values = (0..count).map(|_| number(random.uniform(-1.0, 1.0))).collect();
                Literal::from_floats(ty.clone(), values).unwrap()
            };
            match param.name.split_once('/').map_or(param.name.as_str(), |(prefix, _)| prefix) {
                "step" => floats(&mut |_| 5.0),
                "learning_rate" => floats(&mut |_| 0.01),
                "loss_limit" => floats(&mut |_| f64::INFINITY),
                "apply" => floats(&mut |_| 1.0),
                "tokens" | "targets" => {
                    let values = (0..count).map(|_| (random.bits() % 11) as i64).collect();
                    Literal::from_ints(ty.clone(), values).unwrap()
                }
                "adam" if param.name.starts_with("adam/v/") => floats(&mut |x| 0.01 + 0.01 * x.abs()),
                "adam" => floats(&mut |x| 0.01 * x),
                _ => floats(&mut |x| 0.7 * x),
            }
        })
        .collect()
}

/// The outputs of one program are those of another: same names and types, and each tensor the same to `tolerance` of its
/// largest number.
pub fn compare(what: &str, names: &Function, got: &[Literal], expected: &[Literal], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for ((output, got), expected) in names.results.iter().zip(got).zip(expected) {
        assert_eq!(got.ty(), expected.ty(), "{what}: {}", output.name);
        let difference = relative_difference(got, expected);
        assert!(difference <= tolerance, "{what}: {} is off by {difference:e}", output.name);
    }
}

/// The largest difference over the largest number expected; NaN if there is one anywhere.
pub fn relative_difference(got: &Literal, expected: &Literal) -> f64 {
    let (got, expected) = (got.floats().unwrap(), expected.floats().unwrap());
    let largest = expected.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let difference = got.iter().zip(expected).map(|(x, y)| (x - y).abs());
    let check: f64 = got.iter().chain(expected).sum();
    if check.is_nan() { f64::NAN } else { difference.fold(0.0, f64::max) / largest.max(f64::MIN_POSITIVE) }
}

/// Inputs in the shapes of another grouping of the same tokens.
pub fn regrouped(inputs: &[Literal], function: &Function) -> Vec<Literal> {
    let types = function.param_types();
    inputs
        .iter()
        .zip(types)
        .map(|(input, ty)| match input.ints() {
            Some(values) => {
                Literal::from_ints(TensorType::new(DType::I32, ty.shape), values.to_vec()).unwrap()
            }
            None => input.clone(),
        })
        .collect()
}

/// A function compiled, quickly unless tests run at full size.
pub fn compile(runtime: &Runtime, function: &Function) -> Program {
    runtime.compile(function).unwrap()
}

/// Results by the interpreter, and by the plugin where there is one.
pub fn run_everywhere(function: &Function, inputs: &[Literal]) -> Vec<(&'static str, Vec<Literal>)> {
    let mut results = vec![("interpreter", graph::interpret(function, inputs).unwrap())];
    let options = RuntimeOptions { xla_flags: size::either(QUICK_FLAGS, &[]), ..RuntimeOptions::default() };
    match Runtime::find_with(DeviceKind::Cpu, &options).unwrap() {
        Some(runtime) => {
            results.push(("plugin", compile(&runtime, function).run_literals(inputs).unwrap()));
        }
        None => eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)"),
    }
    results
}
