//! What the suites of this folder share: small models, random numbers, the plugin.
#![allow(dead_code)] // Each suite uses a part.

pub use graph::testing::Random;
use graph::testing::size;
use graph::{DType, Function, Literal};
use model::{Gopher, Llama, ModelConfig};
use runtime::{DeviceKind, Program, QUICK_FLAGS, Runtime, RuntimeOptions};

/// A Gopher with all parts, no two sizes alike.
pub fn tiny() -> ModelConfig {
    Gopher { layers: 2, heads: 3, key_value_size: 5, d_model: 8, vocabulary_size: 11 }.into()
}

/// A Llama whose six query heads share two key heads, no two sizes alike.
pub fn tiny_llama(tied_embedding: bool) -> ModelConfig {
    Llama {
        layers: 3,
        heads: 6,
        key_value_heads: 2,
        key_value_size: 4,
        d_model: 7,
        feed_forward_size: 10,
        vocabulary_size: 11,
        rope_base: 100.0,
        norm_epsilon: 1e-5,
        tied_embedding,
    }
    .into()
}

/// A model of each kind, for what must hold of any.
pub fn models() -> [ModelConfig; 3] {
    [tiny(), tiny_llama(true), tiny_llama(false)]
}

/// Parameters far from their initial values, so that no part of the model is idle: biases and gains are random too.
pub fn parameters(config: &ModelConfig, dtype: DType, seed: u64) -> Vec<Literal> {
    let mut random = Random(seed);
    config.parameters().iter().map(|spec| random.scaled(dtype, &spec.shape, 0.7)).collect()
}

/// The CPU plugin, if this machine has it; it compiles quickly unless tests run at full size.
pub fn runtime() -> Option<Runtime> {
    let options = RuntimeOptions { xla_flags: size::either(QUICK_FLAGS, &[]), ..RuntimeOptions::default() };
    let runtime = Runtime::find_with(DeviceKind::Cpu, &options).unwrap();
    if runtime.is_none() {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    runtime
}

/// A function compiled.
pub fn compile(runtime: &Runtime, function: &Function) -> Program {
    runtime.compile(function).unwrap()
}

/// The largest difference between two tensors over the largest number in the expected one.
pub fn relative_difference(got: &Literal, expected: &Literal) -> f64 {
    assert_eq!(got.ty(), expected.ty());
    let (got, expected) = (got.floats().unwrap(), expected.floats().unwrap());
    let largest = expected.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let difference = got.iter().zip(expected).map(|(x, y)| (x - y).abs());
    // A NaN anywhere makes the sum NaN, where a maximum would lose it.
    let check: f64 = got.iter().chain(expected).sum();
    if check.is_nan() { f64::NAN } else { difference.fold(0.0, f64::max) / largest.max(f64::MIN_POSITIVE) }
}

/// Results of a function by the interpreter, and by the plugin where there is one.
pub fn run_everywhere(function: &Function, inputs: &[Literal]) -> Vec<(&'static str, Vec<Literal>)> {
    let mut results = vec![("interpreter", graph::interpret(function, inputs).unwrap())];
    if let Some(runtime) = runtime() {
        results.push(("plugin", compile(&runtime, function).run_literals(inputs).unwrap()));
    }
    results
}
