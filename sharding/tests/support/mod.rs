//! What the tests of this crate share: the CPU runtime, and comparing literals.

use std::io::Write;
use std::sync::OnceLock;

use graph::{DType, Elements, Literal, TensorType};
use sharding::{DeviceKind, Runtime};

/// The CPU runtime; `None`, with a message, when no plugin is on this machine.
pub fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let find = || {
        let runtime = Runtime::find(DeviceKind::Cpu).unwrap();
        if runtime.is_none() {
            // Not through a macro, whose output the test harness would hide.
            let message = b"skipped: no CPU plugin; set GOPHER_CPU_PLUGIN, or let the program fetch the pinned wheel once\n";
            std::io::stderr().write_all(message).unwrap();
        }
        runtime
    };
    RUNTIME.get_or_init(find).as_ref()
}

/// A literal of numbers; converted to the dtype.
#[allow(dead_code)]
pub fn literal(dtype: DType, shape: &[usize], values: &[f64]) -> Literal {
    let ty = TensorType::new(dtype, shape);
    if dtype.is_float() {
        Literal::from_floats(ty, values.to_vec()).unwrap()
    } else {
        Literal::from_ints(ty, values.iter().map(|&value| value as i64).collect()).unwrap()
    }
}

/// The largest difference two correct implementations of one operation of this dtype may show, relative to the larger
/// of 1 and the value: a few units in the last place.
#[allow(dead_code)]
pub fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => 2e-3,
        DType::BF16 => 1.6e-2,
        DType::F32 => 2e-6,
        DType::F64 => 1e-13,
        _ => 0.0,
    }
}

/// The first element in which `got` is not `expected`, in words.
#[allow(dead_code)]
pub fn difference(expected: &Literal, got: &Literal, tolerance: f64) -> Option<String> {
    if expected.ty() != got.ty() {
        return Some(format!("type {} instead of {}", got.ty(), expected.ty()));
    }
    match (expected.elements(), got.elements()) {
        (Elements::Float(expected), Elements::Float(got)) => {
            let close = |(a, b): (&f64, &f64)| {
                a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance * a.abs().max(1.0)
            };
            let index = expected.iter().zip(got).position(|pair| !close(pair))?;
            Some(format!("element {index} is {:?} instead of {:?}", got[index], expected[index]))
        }
        (Elements::Int(expected), Elements::Int(got)) => {
            let index = expected.iter().zip(got).position(|(a, b)| a != b)?;
            Some(format!("element {index} is {} instead of {}", got[index], expected[index]))
        }
        _ => Some("another kind of number".into()),
    }
}
