//! What the tests of this crate share: the CPU runtime, a function compiled from every form, comparing literals.
#![allow(dead_code)]

pub mod reader;

use std::io::Write;
use std::sync::OnceLock;

use graph::testing::size;
use graph::{DType, Elements, Function, Literal, TensorType};
use runtime::{CompileOptions, DeviceKind, Format, Program, QUICK_FLAGS, Runtime, RuntimeOptions};

/// The CPU runtime; `None`, with a message, when no plugin is on this machine.
pub fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let find = || {
        let options =
            RuntimeOptions { xla_flags: size::either(QUICK_FLAGS, &[]), ..RuntimeOptions::default() };
        let runtime = Runtime::find_with(DeviceKind::Cpu, &options).unwrap();
        if runtime.is_none() {
            assert!(
                !reader::is_wanted(),
                "HLO text is to be tested, and there is no CPU plugin: set GOPHER_CPU_PLUGIN"
            );
            say(
                "skipped: no CPU plugin; set GOPHER_CPU_PLUGIN, or let the program fetch the pinned wheel once",
            );
        }
        runtime
    };
    RUNTIME.get_or_init(find).as_ref()
}

/// Prints past the test harness, which would hide it.
fn say(message: &str) {
    std::io::stderr().write_all(format!("{message}\n").as_bytes()).unwrap();
}

/// A function compiled from StableHLO, from the HLO proto, and from HLO text if there is a reader for it; with the
/// name and text of each form.
pub fn programs(runtime: &Runtime, function: &Function) -> Vec<(&'static str, String, Program)> {
    let hlo = graph::to_hlo_text(function).unwrap();
    let compile = |form, text: String, format, code: Option<&[u8]>| {
        let options = CompileOptions { format, ..CompileOptions::default() };
        let program = match code {
            None => runtime.compile_with(function, &options),
            Some(code) => runtime.compile_code(function, code, &options),
        };
        let program = program.unwrap_or_else(|error| panic!("{form}: {error}\n{text}"));
        (form, text, program)
    };
    let stablehlo = graph::to_stablehlo(function).unwrap();
    let mut programs = vec![
        compile("StableHLO", stablehlo, Format::StableHlo, None),
        compile("HLO proto", hlo.clone(), Format::HloProto, None),
    ];
    if let Some(read) = reader::read(&hlo) {
        let proto = read.unwrap_or_else(|message| panic!("HLO text is refused: {message}\n{hlo}"));
        programs.push(compile("HLO text", hlo, Format::HloProto, Some(&proto)));
    }
    programs
}

/// A literal of numbers; converted to the dtype.
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
