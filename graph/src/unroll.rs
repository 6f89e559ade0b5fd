//! Loops, written out.
//!
//! A loop reads its stacked inputs a slice at a time, and XLA's CPU compiler copies each slice before it is used; the stacked
//! inputs that it writes, such as caches, it copies several times. Where a program does little with much memory, that
//! takes longer than the work. A program without the loop has nothing to cut: each slice is an input of its own.

use std::collections::HashMap;

use crate::builder::{Builder, Tensor};
use crate::dtype::TensorType;
use crate::error::Error;
use crate::function::{Function, Node, Param, Value};
use crate::op::{Op, Scan};

/// An input or an output of a function as it was, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its number in the function as it was.
    pub of: usize,
    /// The index of the leading axis that this is; `None` for the whole.
    pub part: Option<usize>,
}

/// A function whose loops are written out.
#[derive(Clone, Debug, PartialEq)]
pub struct Unrolled {
    /// The function.
    pub function: Function,
    /// What each of its inputs is.
    pub inputs: Vec<Piece>,
    /// What each of its outputs is.
    pub outputs: Vec<Piece>,
}

/// Writes out the scans of a function, those in their bodies excepted: the iterations follow each other.
///
/// An input that nothing reads but scans as a stacked input becomes an input for each index of its leading axis, which its type
/// loses, named `name/index`, in its place. So does, among the outputs, what takes over its memory; where that is
/// an update of the input it gets an [`Op::Barrier`], so that it is made in place once, not wherever it is read. All other stacked
/// inputs are sliced and all other stacked outputs joined.
///
/// An input stays whole if an output takes over its memory that is no stacked output of a scan.
///
/// # Errors
/// [`Error::Verify`] when the function is not valid, or has another input or output by one of the names.
pub fn unroll(function: &Function) -> Result<Unrolled, Error> {
    crate::verify::verify(function)?;
    let parts = parts(function);
    let b = Builder::new(&function.name);
    let mut values: Vec<Option<Stacked>> = vec![None; function.types.len()];
    let (mut inputs, mut places) = (Vec::new(), Vec::new());
    for (of, param) in function.params.iter().enumerate() {
        places.push(inputs.len());
        values[param.value.index()] = Some(input(&b, function, param, parts[of]));
        match parts[of] {
            None => inputs.push(Piece { of, part: None }),
            Some(length) => inputs.extend((0..length).map(|part| Piece { of, part: Some(part) })),
        }
    }
    for node in &function.nodes {
        let results = match &node.op {
            Op::Scan(scan) => iterations(&b, scan, node, &values)?,
            op => {
                let operands = node.operands.iter().map(|&value| whole(&b, &values, value));
                let operands = operands.collect::<Result<Vec<_>, _>>()?;
                let results = b.in_scope(function.scope(node).to_owned(), || b.op(op.clone(), &operands))?;
                results.into_iter().map(Stacked::Whole).collect()
            }
        };
        for (value, result) in node.results.iter().zip(results) {
            values[value.index()] = Some(result);
        }
    }
    let mut outputs = Vec::new();
    for (of, output) in function.results.iter().enumerate() {
        let Some(length) = output.alias.and_then(|alias| parts[alias]) else {
            let tensor = whole(&b, &values, output.value)?;
            b.output_aliased(&output.name, tensor, output.alias.map(|alias| places[alias]));
            outputs.push(Piece { of, part: None });
            continue;
        };
        for part in 0..length {
            let tensor = index(&b, &values, output.value, part)?;
            let alias = output.alias.map(|alias| places[alias] + part);
            b.output_aliased(format!("{}/{part}", output.name), tensor, alias);
            outputs.push(Piece { of, part: Some(part) });
        }
    }
    let mut function = b.finish()?;
    hold_updates(&mut function);
    crate::verify::verify(&function)?;
    Ok(Unrolled { function, inputs, outputs })
}

/// A value of the function as it was: one tensor, or one for each index of its leading axis, which they have not.
#[derive(Clone)]
enum Stacked {
    Whole(Tensor),
    Parts(Vec<Tensor>),
}

/// For each input that is taken apart, into how many.
fn parts(function: &Function) -> Vec<Option<usize>> {
    // Of each value that is read: how long the scans are that read it as a stacked input; `None` if something else does.
    let mut lengths: HashMap<Value, Option<usize>> = HashMap::new();
    let mut stacked_outputs = HashMap::new();
    for node in &function.nodes {
        let xs = match &node.op {
            Op::Scan(scan) => {
                let ys = &node.results[scan.carries..];
                stacked_outputs.extend(ys.iter().map(|&value| (value, scan.length)));
                scan.carries..scan.carries + scan.xs
            }
            _ => 0..0,
        };
        for (place, &operand) in node.operands.iter().enumerate() {
            let length = node.op.body().and(xs.contains(&place).then(|| function.ty(operand).shape[0]));
            let known = lengths.entry(operand).or_insert(length);
            *known = known.filter(|_| length.is_some());
        }
    }
    function.results.iter().for_each(|output| {
        lengths.insert(output.value, None);
    });
    let part = |(number, param): (usize, &Param)| {
        let length = lengths.get(&param.value).copied().flatten()?;
        let takes_over = function.results.iter().find(|output| output.alias == Some(number));
        let fits = takes_over.is_none_or(|output| stacked_outputs.get(&output.value) == Some(&length));
        fits.then_some(length)
    };
    function.params.iter().enumerate().map(part).collect()
}

/// An input, in parts if it is taken apart.
fn input(b: &Builder, function: &Function, param: &Param, parts: Option<usize>) -> Stacked {
    let axes: Vec<&str> = param.axes.iter().map(String::as_str).collect();
    let ty = function.ty(param.value);
    let Some(length) = parts else { return Stacked::Whole(b.param(&param.name, ty.clone(), &axes)) };
    let axes = axes.get(1..).unwrap_or_default();
    let one = TensorType::new(ty.dtype, &ty.shape[1..]);
    let part = |part| b.param(format!("{}/{part}", param.name), one.clone(), axes);
    Stacked::Parts((0..length).map(part).collect())
}

/// A value as one tensor.
fn whole(b: &Builder, values: &[Option<Stacked>], value: Value) -> Result<Tensor, Error> {
    match values[value.index()].as_ref() {
        Some(Stacked::Whole(tensor)) => Ok(*tensor),
        Some(Stacked::Parts(parts)) => {
            let row = |&part: &Tensor| b.reshape(part, &[&[1], &b.shape(part)[..]].concat());
            b.concatenate(&parts.iter().map(row).collect::<Result<Vec<_>, _>>()?, 0)
        }
        None => unreachable!("a verified function defines a value before it is read"),
    }
}

/// An index of a value's leading axis.
fn index(b: &Builder, values: &[Option<Stacked>], value: Value, index: usize) -> Result<Tensor, Error> {
    if let Some(Stacked::Parts(parts)) = &values[value.index()] {
        return Ok(parts[index]);
    }
    let row = b.slice_dim(whole(b, values, value)?, 0, index, index + 1)?;
    b.reshape(row, &b.shape(row)[1..])
}

/// A scan's iterations, one after another.
fn iterations(
    b: &Builder,
    scan: &Scan,
    node: &Node,
    values: &[Option<Stacked>],
) -> Result<Vec<Stacked>, Error> {
    let (carries, others) = node.operands.split_at(scan.carries);
    let (xs, constants) = others.split_at(scan.xs);
    let all = |of: &[Value]| of.iter().map(|&value| whole(b, values, value)).collect::<Result<Vec<_>, _>>();
    let (mut carries, constants) = (all(carries)?, all(constants)?);
    let mut ys = vec![vec![None; scan.length]; node.results.len() - scan.carries];
    for step in 0..scan.length {
        let step = if scan.reverse { scan.length - 1 - step } else { step };
        let xs = xs.iter().map(|&value| index(b, values, value, step)).collect::<Result<Vec<_>, _>>()?;
        // The body's scopes are whole names.
        let operands = [carries, xs, constants.clone()].concat();
        carries = b.in_scope(String::new(), || b.inline(&scan.body, &operands))?;
        for (y, result) in ys.iter_mut().zip(carries.split_off(scan.carries)) {
            y[step] = Some(result);
        }
    }
    let stacked = ys.into_iter().map(|parts| Stacked::Parts(parts.into_iter().flatten().collect()));
    Ok(carries.into_iter().map(Stacked::Whole).chain(stacked).collect())
}

/// Puts a barrier behind updates that take over an input's memory. XLA's CPU compiler would make them again in whatever reads
/// them, each time in a copy of the input.
fn hold_updates(function: &mut Function) {
    let aliased: Vec<Value> =
        function.results.iter().filter(|output| output.alias.is_some()).map(|output| output.value).collect();
    let mut held: HashMap<Value, Value> = HashMap::new();
    for mut node in std::mem::take(&mut function.nodes) {
        for operand in &mut node.operands {
            *operand = held.get(operand).copied().unwrap_or(*operand);
        }
        let scope = node.scope;
        let update = match (&node.op, &node.results[..]) {
            (Op::DynamicUpdateSlice, &[result]) if aliased.contains(&result) => Some(result),
            _ => None,
        };
        function.nodes.push(node);
        if let Some(update) = update {
            let result = function.new_value(function.ty(update).clone());
            function.nodes.push(Node {
                op: Op::Barrier,
                operands: vec![update],
                results: vec![result],
                scope,
            });
            held.insert(update, result);
        }
    }
    for output in &mut function.results {
        output.value = held.get(&output.value).copied().unwrap_or(output.value);
    }
    crate::simplify::remove_dead_nodes(function);
}
