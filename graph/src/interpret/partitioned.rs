//! Functions for the devices of a mesh: all of them run in lock step, and collectives see all of their values.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Copies, build, check_sizes, contraction, movement, run};
use crate::dtype::TensorType;
use crate::error::Error;
use crate::infer::stack;
use crate::literal::{Elements, Literal};
use crate::mesh::{Mesh, MeshAxis, Split};
use crate::op::{Op, Reduction};
use crate::partitioned::Partitioned;

/// Runs the function of a mesh's devices on whole inputs, and gives whole outputs: the oracle for split programs.
///
/// # Errors
/// As [`super::interpret`]; and [`Error::Interpret`] when devices that should have the same part of an output differ.
pub fn interpret_partitioned(program: &Partitioned, inputs: &[Literal]) -> Result<Vec<Literal>, Error> {
    program.verify()?;
    let Partitioned { function, mesh, params, results } = program;
    check_sizes(function, mesh.devices())?;
    let whole_types = program.param_types()?;
    if inputs.len() != whole_types.len() {
        let (name, expected, given) = (&function.name, whole_types.len(), inputs.len());
        return Err(Error::Interpret(format!("`{name}` takes {expected} inputs, got {given}")));
    }
    let mut copies = Vec::with_capacity(inputs.len());
    for (index, (input, split)) in inputs.iter().zip(params).enumerate() {
        if *input.ty() != whole_types[index] {
            let (name, expected) = (&function.params[index].name, &whole_types[index]);
            return Err(Error::Interpret(format!(
                "input {index}, `{name}`, is {expected} in all, got {}",
                input.ty()
            )));
        }
        copies.push(cut(mesh, input, function.ty(function.params[index].value), split));
    }
    let outputs = run(function, mesh, copies);
    let types = program.result_types()?;
    let joined = outputs.iter().zip(results).zip(&types).enumerate().map(|(index, ((copies, split), ty))| {
        join(mesh, copies, ty, split).ok_or_else(|| {
            let name = &function.results[index].name;
            Error::Interpret(format!("devices that should have the same part of output `{name}` differ"))
        })
    });
    joined.collect()
}

/// Each device's part of a whole. Devices that have the same part share it.
fn cut(mesh: &Mesh, whole: &Literal, local: &TensorType, split: &Split) -> Copies {
    let mut known: HashMap<Vec<usize>, Rc<Literal>> = HashMap::new();
    let part = |device: usize| {
        let starts: Vec<usize> = starts(mesh, device, local, split);
        let steps = vec![1; starts.len()];
        let part = |starts: &Vec<usize>| Rc::new(movement::slice(whole, local, starts, &steps));
        known.entry(starts).or_insert_with_key(part).clone()
    };
    (0..mesh.devices()).map(part).collect()
}

fn starts(mesh: &Mesh, device: usize, local: &TensorType, split: &Split) -> Vec<usize> {
    let start = |(size, axes): (&usize, &Vec<String>)| size * mesh.part(device, axes).unwrap_or(0);
    local.shape.iter().zip(split).map(start).collect()
}

/// The whole of which each device has a part; `None` if two devices differ about one.
fn join(mesh: &Mesh, copies: &Copies, ty: &TensorType, split: &Split) -> Option<Literal> {
    let local = copies[0].ty();
    let count = ty.elements();
    let mut whole = match copies[0].elements() {
        Elements::Float(_) => Elements::Float(vec![0.0; count]),
        Elements::Int(_) => Elements::Int(vec![0; count]),
    };
    let mut written: Vec<bool> = vec![false; count];
    let strides: Vec<usize> = (0..ty.rank()).map(|dim| ty.shape[dim + 1..].iter().product()).collect();
    let mut agree = true;
    for (device, part) in copies.iter().enumerate() {
        let starts = starts(mesh, device, local, split);
        let mut position = 0;
        movement::for_each_index(&local.shape, |index| {
            let at: usize = index
                .iter()
                .zip(&starts)
                .zip(&strides)
                .map(|((i, start), stride)| (i + start) * stride)
                .sum();
            match (&mut whole, part.elements()) {
                (Elements::Float(whole), Elements::Float(part)) => {
                    agree &= !written[at] || whole[at].to_bits() == part[position].to_bits();
                    whole[at] = part[position];
                }
                (Elements::Int(whole), Elements::Int(part)) => {
                    agree &= !written[at] || whole[at] == part[position];
                    whole[at] = part[position];
                }
                _ => agree = false,
            }
            written[at] = true;
            position += 1;
        });
    }
    agree.then(|| build(ty, whole))
}

/// The result of an op of a mesh on every device, of type `ty` on each.
pub(super) fn collective(op: &Op, mesh: &Mesh, operand: Option<&Copies>, ty: &TensorType) -> Copies {
    let devices = mesh.devices();
    let position = |device: usize, axis: &MeshAxis| mesh.position(device, &axis.name).unwrap_or(0);
    if let Op::AxisIndex { axis } = op {
        let index = |device| Rc::new(Literal::scalar(ty.dtype, position(device, axis) as f64));
        return (0..devices).map(index).collect();
    }
    let Some(x) = operand else { return Vec::new() };
    if let Op::Permute { axis, shift } = op {
        let nothing = Rc::new(zeros(ty));
        let mut received: Copies = vec![nothing; devices];
        for (from, to) in mesh.shifted(axis, *shift) {
            received[to] = x[from].clone();
        }
        return received;
    }
    let mut results: Vec<Option<Rc<Literal>>> = vec![None; devices];
    for group in mesh.groups(op.mesh_axes()) {
        let members: Vec<&Literal> = group.iter().map(|&device| x[device].as_ref()).collect();
        match op {
            Op::AllReduce { kind, .. } => {
                let combined = Rc::new(combine(*kind, &members));
                group.iter().for_each(|&device| results[device] = Some(combined.clone()));
            }
            Op::AllGather { dim, .. } => {
                let joined = Rc::new(movement::concatenate(&members, ty, *dim));
                group.iter().for_each(|&device| results[device] = Some(joined.clone()));
            }
            Op::ReduceScatter { dim, .. } => {
                let sum = combine(Reduction::Sum, &members);
                for (part, &device) in group.iter().enumerate() {
                    results[device] = Some(Rc::new(piece(&sum, ty, *dim, part)));
                }
            }
            Op::AllToAll { split, concat, .. } => {
                let mut sent = ty.clone();
                sent.shape[*concat] /= members.len();
                for (part, &device) in group.iter().enumerate() {
                    let pieces: Vec<Literal> =
                        members.iter().map(|member| piece(member, &sent, *split, part)).collect();
                    let pieces: Vec<&Literal> = pieces.iter().collect();
                    results[device] = Some(Rc::new(movement::concatenate(&pieces, ty, *concat)));
                }
            }
            _ => unreachable!("every other op is evaluated device by device"),
        }
    }
    results.into_iter().flatten().collect()
}

/// As [`Op::Reduce`] over a leading dimension of members: sums add up in float64 and round once.
fn combine(kind: Reduction, members: &[&Literal]) -> Literal {
    let ty = members[0].ty();
    let stacked = movement::join(members, &stack(members.len(), ty));
    contraction::reduce(&stacked, ty, kind, &[0])
}

/// Part number `part` along a dimension, of type `ty`.
fn piece(x: &Literal, ty: &TensorType, dim: usize, part: usize) -> Literal {
    let mut starts = vec![0; ty.rank()];
    starts[dim] = part * ty.shape[dim];
    movement::slice(x, ty, &starts, &vec![1; ty.rank()])
}

fn zeros(ty: &TensorType) -> Literal {
    let count = ty.elements();
    let zeros =
        if ty.dtype.is_float() { Elements::Float(vec![0.0; count]) } else { Elements::Int(vec![0; count]) };
    build(ty, zeros)
}
