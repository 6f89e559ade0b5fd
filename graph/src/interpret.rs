//! The interpreter: slow, obvious code that says what every op means. Gradients, exports, plans and plugins are
//! compared with it.
//!
//! Floats are computed in float64 and rounded to the dtype of the result after each op. [`Op::Dot`], sums of
//! [`Op::Reduce`] and [`Op::ScatterAdd`] add up in float64 and round once. A NaN that is computed is the positive
//! quiet one, whatever the machine makes of it. Integers wrap. Where XLA defines what
//! happens at an edge (clamped or dropped indices, saturating conversions, division by zero), this does the same.

mod contraction;
mod elementwise;
mod movement;
mod partitioned;

use std::rc::Rc;

use crate::dtype::TensorType;
use crate::error::Error;
use crate::function::{Function, Param};
use crate::literal::{Elements, Literal};
use crate::mesh::Mesh;
use crate::op::{Op, Scan};
use crate::verify::verify;
pub use partitioned::interpret_partitioned;

/// A value of more elements than this, on all devices together, is refused rather than allocated.
const MAX_ELEMENTS: usize = 1 << 28;

/// Runs a function on one literal for each of its parameters, and returns one for each result.
///
/// # Errors
/// [`Error::Verify`] when the function is not valid; [`Error::Interpret`] when the inputs are not those that it
/// takes, or when a value has more than 2²⁸ elements.
pub fn interpret(function: &Function, inputs: &[Literal]) -> Result<Vec<Literal>, Error> {
    verify(function)?;
    check_inputs(function, inputs)?;
    check_sizes(function, 1)?;
    if function.is_for_a_mesh() {
        let name = &function.name;
        return Err(Error::Interpret(format!(
            "`{name}` is for a device of a mesh; interpret it with the mesh"
        )));
    }
    let inputs = inputs.iter().map(|input| vec![Rc::new(input.clone())]).collect();
    let first = |mut copies: Copies| Rc::unwrap_or_clone(copies.swap_remove(0));
    Ok(run(function, &Mesh::default(), inputs).into_iter().map(first).collect())
}

fn check_inputs(function: &Function, inputs: &[Literal]) -> Result<(), Error> {
    let name = &function.name;
    if inputs.len() != function.params.len() {
        let expected: Vec<_> = function.params.iter().map(|param| describe(function, param)).collect();
        return Err(Error::Interpret(format!(
            "`{name}` takes {} inputs ({}), got {}",
            function.params.len(),
            expected.join(", "),
            inputs.len()
        )));
    }
    for (index, (param, input)) in function.params.iter().zip(inputs).enumerate() {
        if function.ty(param.value) != input.ty() {
            return Err(Error::Interpret(format!(
                "input {index} of `{name}` is {}, got {}",
                describe(function, param),
                input.ty()
            )));
        }
    }
    Ok(())
}

fn describe(function: &Function, param: &Param) -> String {
    format!("`{}`: {}", param.name, function.ty(param.value))
}

fn check_sizes(function: &Function, devices: usize) -> Result<(), Error> {
    for (index, ty) in function.types.iter().enumerate() {
        if ty.elements().saturating_mul(devices) > MAX_ELEMENTS {
            let place = if devices == 1 { String::new() } else { format!(" on each of {devices} devices") };
            return Err(Error::Interpret(format!(
                "value %{index} of `{}` is {ty}{place}; the interpreter holds at most 2^28 elements in one value",
                function.name
            )));
        }
    }
    let mut bodies = function.nodes.iter().filter_map(|node| node.op.body());
    bodies.try_for_each(|body| check_sizes(body, devices))
}

/// A value on each of the devices that run a function side by side.
type Copies = Vec<Rc<Literal>>;

/// Runs a verified function on inputs of the right types, on every device of a mesh (or on one device) in lock step.
fn run(function: &Function, mesh: &Mesh, inputs: Vec<Copies>) -> Vec<Copies> {
    let mut values: Vec<Option<Copies>> = vec![None; function.types.len()];
    for (param, input) in function.params.iter().zip(inputs) {
        values[param.value.index()] = Some(input);
    }
    let mut reads_left = reads(function);
    for node in &function.nodes {
        let operands: Vec<Copies> = node
            .operands
            .iter()
            .map(|operand| {
                values[operand.index()].clone().expect("verified: operands are defined before use")
            })
            .collect();
        for operand in &node.operands {
            reads_left[operand.index()] -= 1;
            if reads_left[operand.index()] == 0 {
                values[operand.index()] = None;
            }
        }
        let types: Vec<_> = node.results.iter().map(|&result| function.ty(result)).collect();
        let results = match &node.op {
            Op::Scan(scan) => run_scan(scan, mesh, operands, &types),
            op if op.is_identity() => operands,
            op if !op.mesh_axes().is_empty() => {
                vec![partitioned::collective(op, mesh, operands.first(), types[0])]
            }
            op => vec![on_each(mesh, &operands, |operands| evaluate(op, operands, types[0]))],
        };
        for (result, copies) in node.results.iter().zip(results) {
            debug_assert_eq!(function.ty(*result), copies[0].ty());
            values[result.index()] = Some(copies);
        }
    }
    let outputs = function.results.iter();
    outputs
        .map(|output| values[output.value.index()].clone().expect("verified: results are defined"))
        .collect()
}

/// What each device computes alone. Devices that hold the same operands share the result.
fn on_each(mesh: &Mesh, operands: &[Copies], compute: impl Fn(&[&Literal]) -> Literal) -> Copies {
    let mut results: Copies = Vec::with_capacity(mesh.devices());
    for device in 0..mesh.devices() {
        let same = |&other: &usize| operands.iter().all(|copies| Rc::ptr_eq(&copies[device], &copies[other]));
        let result = (0..device).find(same).map(|other| results[other].clone()).unwrap_or_else(|| {
            let operands: Vec<_> = operands.iter().map(|copies| copies[device].as_ref()).collect();
            Rc::new(compute(&operands))
        });
        results.push(result);
    }
    results
}

/// How often each value is read; a value is dropped after its last read.
fn reads(function: &Function) -> Vec<usize> {
    let mut reads = vec![0; function.types.len()];
    let operands = function.nodes.iter().flat_map(|node| &node.operands).copied();
    for value in operands.chain(function.results.iter().map(|output| output.value)) {
        reads[value.index()] += 1;
    }
    reads
}

/// The result of one op but a scan, of the given type.
fn evaluate(op: &Op, x: &[&Literal], ty: &TensorType) -> Literal {
    match op {
        Op::Constant(literal) => literal.clone(),
        Op::Iota { ty, dim } => movement::iota(ty, *dim),
        Op::Unary(unary) => elementwise::unary(*unary, x[0]),
        Op::Binary(binary) => elementwise::binary(*binary, x[0], x[1]),
        Op::Compare(comparison) => elementwise::compare(*comparison, x[0], x[1]),
        Op::Select => elementwise::select(x[0], x[1], x[2]),
        Op::Convert(dtype) => elementwise::convert(x[0], *dtype),
        Op::Bitcast(_) => literal(Literal::from_bytes(ty.clone(), &x[0].to_bytes())),
        Op::Broadcast { dims, .. } => movement::broadcast(x[0], ty, dims),
        Op::Reshape { .. } => build(ty, x[0].elements().clone()),
        Op::Transpose { permutation } => movement::transpose(x[0], ty, permutation),
        Op::Slice { starts, strides, .. } => movement::slice(x[0], ty, starts, strides),
        Op::Pad { low, interior, .. } => movement::pad(x[0], x[1], ty, low, interior),
        Op::Concatenate { dim } => movement::concatenate(x, ty, *dim),
        Op::Reverse { dims } => movement::reverse(x[0], dims),
        Op::Dot { dims, .. } => contraction::dot(x[0], x[1], ty, dims),
        Op::Reduce { kind, dims } => contraction::reduce(x[0], ty, *kind, dims),
        Op::Take => movement::take(x[0], x[1], ty),
        Op::ScatterAdd => contraction::scatter_add(x[0], x[1], x[2]),
        Op::DynamicSlice { .. } => movement::dynamic_slice(x[0], &x[1..], ty),
        Op::DynamicUpdateSlice => movement::dynamic_update_slice(x[0], x[1], &x[2..]),
        Op::Barrier => x[0].clone(),
        Op::StopGradient
        | Op::Name(_)
        | Op::Shard { .. }
        | Op::AxisIndex { .. }
        | Op::AllReduce { .. }
        | Op::AllGather { .. }
        | Op::ReduceScatter { .. }
        | Op::AllToAll { .. }
        | Op::Permute { .. }
        | Op::Scan(_) => unreachable!("not evaluated device by device"),
    }
}

fn run_scan(scan: &Scan, mesh: &Mesh, operands: Vec<Copies>, types: &[&TensorType]) -> Vec<Copies> {
    let mut carries = operands;
    let constants = carries.split_off(scan.carries + scan.xs);
    let xs = carries.split_off(scan.carries);
    let mut stacks: Vec<Vec<Option<Copies>>> = vec![vec![None; scan.length]; types.len() - scan.carries];
    for step in 0..scan.length {
        let index = if scan.reverse { scan.length - 1 - step } else { step };
        let row = |x: &Copies| on_each(mesh, std::slice::from_ref(x), |x| movement::row(x[0], index));
        let slices = xs.iter().map(row);
        let inputs = carries.into_iter().chain(slices).chain(constants.iter().cloned()).collect();
        carries = run(&scan.body, mesh, inputs);
        for (stack, y) in stacks.iter_mut().zip(carries.split_off(scan.carries)) {
            stack[index] = Some(y);
        }
    }
    let stacked = stacks.into_iter().zip(&types[scan.carries..]).map(|(rows, ty)| {
        let rows: Vec<Copies> = rows.into_iter().flatten().collect();
        on_each(mesh, &rows, |rows| movement::join(rows, ty))
    });
    carries.into_iter().chain(stacked).collect()
}

/// A literal of a type from elements of its kind and number, rounded or wrapped to the dtype.
fn build(ty: &TensorType, elements: Elements) -> Literal {
    literal(match elements {
        Elements::Float(values) => Literal::from_floats(ty.clone(), values),
        Elements::Int(values) => Literal::from_ints(ty.clone(), values),
    })
}

fn literal(made: Result<Literal, Error>) -> Literal {
    made.expect("verified: kind and number of elements follow from the types")
}

/// Integers of an index operand.
fn ints(literal: &Literal) -> &[i64] {
    literal.ints().expect("verified: integer operand")
}
