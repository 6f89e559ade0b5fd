//! What the suites of this folder share: a small model, random numbers, the plugin.
#![allow(dead_code)] // Each suite uses a part.

use graph::testing::size;
use graph::{DType, Function, Literal, TensorType};
use model::ModelConfig;
use model::parameters::specs;
use sharding::{CompileOptions, DeviceKind, Program, Runtime};

/// A model with all parts, no two sizes alike.
pub fn tiny() -> ModelConfig {
    ModelConfig { layers: 2, heads: 3, key_value_size: 5, d_model: 8, vocabulary_size: 11 }
}

/// Numbers that only have to be irregular, uniform in [-1, 1): splitmix64 of a counter.
pub struct Random(pub u64);

impl Random {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn number(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub fn literal(&mut self, dtype: DType, shape: &[usize], scale: f64) -> Literal {
        let ty = TensorType::new(dtype, shape);
        let values = (0..ty.elements()).map(|_| scale * self.number()).collect();
        Literal::from_floats(ty, values).unwrap()
    }

    pub fn tokens(&mut self, shape: [usize; 2], vocabulary_size: usize) -> Literal {
        let values =
            (0..shape[0] * shape[1]).map(|_| (self.word() % vocabulary_size as u64) as i64).collect();
        Literal::from_ints(TensorType::new(DType::I32, shape), values).unwrap()
    }
}

/// Parameters far from their initial values, so that no part of the model is idle: biases and gains are random too.
pub fn parameters(config: &ModelConfig, dtype: DType, seed: u64) -> Vec<Literal> {
    let mut random = Random(seed);
    specs(config).map(|spec| random.literal(dtype, &spec.shape, 0.7)).into()
}

/// The CPU plugin, if this machine has it.
pub fn runtime() -> Option<Runtime> {
    let runtime = Runtime::find(DeviceKind::Cpu).unwrap();
    if runtime.is_none() {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    runtime
}

/// A function compiled, quickly unless tests run at full size.
pub fn compile(runtime: &Runtime, function: &Function) -> Program {
    runtime.compile_with(function, &size::either(CompileOptions::quick(), CompileOptions::default())).unwrap()
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
