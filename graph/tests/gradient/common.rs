//! Helpers of the suite: random inputs, programs from closures, finite differences, counts of what was emitted.

use graph::interpret::interpret;
pub use graph::testing::Random;
use graph::verify::verify;
use graph::{
    BuildResult, Builder, Error, Function, Literal, Op, Remat, Scan, ScanInputs, ScanOutputs, Tensor,
};

/// Largest accepted difference to central differences, relative to `1 + |derivative|`. With a step of 1e-5 on numbers
/// of order 1 the truncation error is about `step² · f‴ / 6` ≈ 1e-10 and the rounding error about
/// `2^-53 · |f| / step` ≈ 1e-10 for losses up to 10. That leaves a factor of 1000 for sums of many terms and for
/// large third derivatives, while a wrong rule is off by the order of the derivative itself.
const FINITE_DIFFERENCE_TOLERANCE: f64 = 1e-6;
const STEP: f64 = 1e-5;

/// What is differentiated: from parameters of the inputs' types to a tensor.
pub type Program<'a> = &'a dyn Fn(&Builder, &[Tensor]) -> BuildResult;

/// Parameters `p0`, `p1` … of the types of `inputs`.
pub fn params(b: &Builder, inputs: &[Literal]) -> Vec<Tensor> {
    let param = |(index, input): (usize, &Literal)| b.param(format!("p{index}"), input.ty().clone(), &[]);
    inputs.iter().enumerate().map(param).collect()
}

/// A scalar to which every element of `x` contributes differently.
pub fn weighted_sum(b: &Builder, x: Tensor) -> BuildResult {
    let ty = b.ty(x);
    let weights = (0..ty.elements()).map(|index| (1.0 + index as f64).sin() + 0.1).collect();
    let weights = b.constant(Literal::from_floats(ty.clone(), weights)?)?;
    let dims: Vec<_> = (0..ty.rank()).collect();
    b.sum(b.mul(x, weights)?, &dims)
}

/// The function that computes the weighted sum of the program's result.
pub fn loss_function(inputs: &[Literal], program: Program) -> Function {
    let b = Builder::new("loss");
    let result = program(&b, &params(&b, inputs)).unwrap();
    b.output("loss", weighted_sum(&b, result).unwrap());
    b.finish().unwrap()
}

/// The derivatives of that weighted sum, in the order of the float inputs.
pub fn gradient_function(inputs: &[Literal], program: Program) -> Function {
    let b = Builder::new("gradient");
    let params = params(&b, inputs);
    let loss = weighted_sum(&b, program(&b, &params).unwrap()).unwrap();
    let wrt: Vec<_> = params.iter().copied().filter(|&param| b.dtype(param).is_float()).collect();
    for (index, tensor) in graph::gradient(&b, loss, &wrt).unwrap().into_iter().enumerate() {
        assert_eq!(b.ty(tensor), b.ty(wrt[index]), "a derivative has the type of its variable");
        b.output(format!("d{index}"), tensor);
    }
    finish(b)
}

/// Finishes and verifies.
pub fn finish(b: Builder) -> Function {
    let function = b.finish().unwrap();
    verify(&function).unwrap();
    function
}

pub fn run(function: &Function, inputs: &[Literal]) -> Vec<Vec<f64>> {
    let outputs = interpret(function, inputs).unwrap();
    outputs.iter().map(|output| output.floats().unwrap().to_vec()).collect()
}

/// Derivatives of a scalar function by central differences, in the order of the float inputs.
pub fn finite_differences(function: &Function, inputs: &[Literal]) -> Vec<Vec<f64>> {
    let mut inputs = inputs.to_vec();
    let mut derivatives = Vec::new();
    for index in 0..inputs.len() {
        let original = inputs[index].clone();
        let Some(values) = original.floats() else { continue };
        let mut at = |position: usize, step: f64| {
            let mut moved = values.to_vec();
            moved[position] += step;
            inputs[index] = Literal::from_floats(original.ty().clone(), moved).unwrap();
            run(function, &inputs)[0][0]
        };
        let slope = |position| (at(position, STEP) - at(position, -STEP)) / (2.0 * STEP);
        derivatives.push((0..values.len()).map(slope).collect());
        inputs[index] = original;
    }
    derivatives
}

/// The largest difference relative to `1 + |expected|`, or infinity where a number is not finite.
pub fn difference(found: &[Vec<f64>], expected: &[Vec<f64>]) -> f64 {
    let lengths = |values: &[Vec<f64>]| values.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(found), lengths(expected));
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    pairs.fold(0.0, |worst, (found, expected)| {
        let error = (found - expected).abs() / (1.0 + expected.abs());
        if error.is_finite() { f64::max(worst, error) } else { f64::INFINITY }
    })
}

/// The derivatives of the program equal finite differences; says where they do not.
pub fn compare_with_differences(inputs: &[Literal], program: Program) -> Result<(), String> {
    let found = run(&gradient_function(inputs, program), inputs);
    let expected = finite_differences(&loss_function(inputs, program), inputs);
    let error = difference(&found, &expected);
    if error <= FINITE_DIFFERENCE_TOLERANCE {
        return Ok(());
    }
    Err(format!("off by {error:e}\n  inputs {inputs:?}\n  found {found:?}\n  expected {expected:?}"))
}

pub fn check(inputs: &[Literal], program: Program) {
    compare_with_differences(inputs, program).unwrap_or_else(|message| panic!("{message}"));
}

/// The derivatives of two programs are the same up to the order of additions.
pub fn check_same_gradient(inputs: &[Literal], program: Program, other: Program) {
    let found = run(&gradient_function(inputs, program), inputs);
    let expected = run(&gradient_function(inputs, other), inputs);
    let error = difference(&found, &expected);
    assert!(error <= 1e-12, "off by {error:e}\n  found {found:?}\n  expected {expected:?}");
}

/// The scans of a function, not those inside their bodies.
pub fn scans(function: &Function) -> Vec<&Scan> {
    function
        .nodes
        .iter()
        .filter_map(|node| match &node.op {
            Op::Scan(scan) => Some(&**scan),
            _ => None,
        })
        .collect()
}

/// Number of nodes of an op, scan bodies included.
pub fn count(function: &Function, op: &str) -> usize {
    let within = |node: &graph::Node| match &node.op {
        Op::Scan(scan) => count(&scan.body, op),
        _ => 0,
    };
    function.nodes.iter().map(|node| (node.op.name() == op) as usize + within(node)).sum()
}

/// The only result of an op.
pub fn one(b: &Builder, op: Op, operands: &[Tensor]) -> Result<Tensor, Error> {
    b.op(op, operands).map(|results| results[0])
}

/// How a loop of a test program is built.
#[derive(Clone, Debug)]
pub enum How {
    /// As a scan, with this policy.
    Scan(Remat),
    /// As that many copies of its body.
    Unroll,
}

/// One iteration: carries, slices of stacked inputs, constants.
pub type Step<'a> = &'a dyn Fn(&Builder, &[Tensor], &[Tensor], &[Tensor]) -> Result<ScanOutputs, Error>;

/// A program with a loop in it.
pub type LoopProgram<'a> = &'a dyn Fn(&How, &Builder, &[Tensor]) -> BuildResult;

/// The sizes and inputs of a loop.
#[derive(Clone, Copy)]
pub struct Loop<'a> {
    pub length: usize,
    pub reverse: bool,
    pub carries: &'a [Tensor],
    pub xs: &'a [Tensor],
    pub constants: &'a [Tensor],
}

impl How {
    /// Every policy; `Save` keeps the name `kept`.
    pub fn scans() -> [How; 4] {
        [Remat::None, Remat::Dots, Remat::Full, Remat::Save(vec!["kept".into()])].map(How::Scan)
    }

    pub fn build(&self, b: &Builder, inputs: Loop, step: Step) -> Result<ScanOutputs, Error> {
        let Loop { length, reverse, carries, xs, constants } = inputs;
        let remat = match self {
            How::Scan(remat) => remat.clone(),
            How::Unroll => return unrolled(b, inputs, step),
        };
        let inputs = ScanInputs { length, reverse, remat, carries, xs, constants };
        b.scan("body", inputs, |body| step(body.builder, body.carries, body.xs, body.constants))
    }
}

fn unrolled(b: &Builder, inputs: Loop, step: Step) -> Result<ScanOutputs, Error> {
    let Loop { length, reverse, carries, xs, constants } = inputs;
    let mut carries = carries.to_vec();
    let mut rows: Vec<Vec<Tensor>> = Vec::new();
    for iteration in 0..length {
        let index = if reverse { length - 1 - iteration } else { iteration };
        let slice = |&x: &Tensor| b.reshape(b.slice_dim(x, 0, index, index + 1)?, &b.shape(x)[1..]);
        let xs: Vec<_> = xs.iter().map(slice).collect::<Result<_, Error>>()?;
        let outputs = step(b, &carries, &xs, constants)?;
        carries = outputs.carries;
        rows.push(outputs.ys);
    }
    if reverse {
        rows.reverse();
    }
    let ys = (0..rows[0].len()).map(|y| {
        let rows: Vec<_> = rows.iter().map(|row| b.expand(row[y], 0)).collect::<Result<_, Error>>()?;
        b.concatenate(&rows, 0)
    });
    Ok(ScanOutputs { carries, ys: ys.collect::<Result<_, Error>>()? })
}

/// The program's derivative, under every policy bit for bit the same, equals that of its unrolled form and finite
/// differences.
pub fn check_loop(inputs: &[Literal], program: LoopProgram) {
    let expected = check_loop_against_unrolled(inputs, program);
    for how in How::scans() {
        let found = run(&gradient_function(inputs, &|b, x| program(&how, b, x)), inputs);
        assert_eq!(found, expected, "{how:?}");
    }
}

/// As [`check_loop`], but the policies may add in different orders.
pub fn check_loop_against_unrolled(inputs: &[Literal], program: LoopProgram) -> Vec<Vec<f64>> {
    let [first, ..] = How::scans();
    check(inputs, &|b, x| program(&first, b, x));
    for how in How::scans() {
        check_same_gradient(inputs, &|b, x| program(&how, b, x), &|b, x| program(&How::Unroll, b, x));
    }
    run(&gradient_function(inputs, &|b, x| program(&first, b, x)), inputs)
}
