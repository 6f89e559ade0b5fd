//! Contractions of tensors, rewritten as matmuls.
//!
//! A contraction such as `btd,dhk->bthk` is the matmul of `[bt, d]` and `[d, hk]`, whose dimensions happen to have
//! parts. XLA's CPU compiler does not see that: it takes longer for contractions of tensors of higher rank than for the
//! same ones flattened. Once dimensions are merged they cannot be split over devices one by one, so this comes last, on
//! the program of one device.

use crate::dtype::TensorType;
use crate::function::{Function, Node, Value};
use crate::infer::infer;
use crate::op::{DotDims, Op};

/// Merges neighbouring dimensions of the operands of every [`Op::Dot`], in scan bodies too, where they play the same
/// part in it: batch, contracted, or neither. The reshapes this takes move nothing, as tensors are row-major; where
/// only a transposition could bring dimensions together they stay apart.
pub fn flatten_matmuls(function: &mut Function) {
    let nodes = std::mem::take(&mut function.nodes);
    for mut node in nodes {
        if let Op::Scan(scan) = &mut node.op {
            flatten_matmuls(&mut scan.body);
        }
        match &node.op {
            Op::Dot { .. } => flatten(function, node),
            _ => function.nodes.push(node),
        }
    }
    crate::simplify::remove_dead_nodes(function);
}

/// Adds a dot to the nodes, with its operands and its result reshaped where that makes their rank less.
fn flatten(function: &mut Function, node: Node) {
    let Op::Dot { dims, output } = &node.op else { return };
    let (lhs, rhs) = (function.ty(node.operands[0]).clone(), function.ty(node.operands[1]).clone());
    let merged = Merged::of(&lhs.shape, &rhs.shape, dims);
    let op = Op::Dot { dims: merged.dims, output: *output };
    let (flat_lhs, flat_rhs) =
        (TensorType::new(lhs.dtype, merged.lhs), TensorType::new(rhs.dtype, merged.rhs));
    let flat_result = match infer(&op, &[&flat_lhs, &flat_rhs]).as_deref() {
        Ok([ty]) if (&flat_lhs, &flat_rhs) != (&lhs, &rhs) => ty.clone(),
        _ => return function.nodes.push(node),
    };
    let scope = node.scope;
    let mut reshape = |value: Value, from: &TensorType, to: TensorType| {
        if *from == to {
            return value;
        }
        let op = Op::Reshape { shape: to.shape.clone() };
        let result = function.new_value(to);
        function.nodes.push(Node { op, operands: vec![value], results: vec![result], scope });
        result
    };
    let operands = vec![reshape(node.operands[0], &lhs, flat_lhs), reshape(node.operands[1], &rhs, flat_rhs)];
    let result = node.results[0];
    let ty = function.ty(result).clone();
    if ty == flat_result {
        return function.nodes.push(Node { op, operands, results: node.results, scope });
    }
    let flat = function.new_value(flat_result);
    function.nodes.push(Node { op, operands, results: vec![flat], scope });
    let op = Op::Reshape { shape: ty.shape };
    function.nodes.push(Node { op, operands: vec![flat], results: node.results, scope });
}

/// What a dimension does in a contraction: for batch and contracted ones, the number of the merged pair it belongs to.
#[derive(Clone, Copy, PartialEq)]
enum DimRole {
    Free,
    Batch(usize),
    Contract(usize),
}

/// Shapes and dimension numbers of a contraction after merging.
struct Merged {
    lhs: Vec<usize>,
    rhs: Vec<usize>,
    dims: DotDims,
}

impl Merged {
    fn of(lhs: &[usize], rhs: &[usize], dims: &DotDims) -> Self {
        let batch: Vec<_> = dims.lhs_batch.iter().copied().zip(dims.rhs_batch.iter().copied()).collect();
        let mut contract: Vec<_> =
            dims.lhs_contract.iter().copied().zip(dims.rhs_contract.iter().copied()).collect();
        contract.sort_unstable();
        let (batch, contract) = (runs(&batch), runs(&contract));
        let mut parts = [vec![DimRole::Free; lhs.len()], vec![DimRole::Free; rhs.len()]];
        let pairs = batch.iter().map(|&(left, right, run)| (left, right, DimRole::Batch(run)));
        let pairs =
            pairs.chain(contract.iter().map(|&(left, right, run)| (left, right, DimRole::Contract(run))));
        for (left, right, part) in pairs {
            (parts[0][left], parts[1][right]) = (part, part);
        }
        let [(lhs, lhs_parts), (rhs, rhs_parts)] = [merge(lhs, &parts[0]), merge(rhs, &parts[1])];
        let of_runs = |count: usize, part: fn(usize) -> DimRole, parts: &[DimRole]| -> Vec<usize> {
            (0..count).filter_map(|run| parts.iter().position(|&other| other == part(run))).collect()
        };
        let count = |pairs: &[(usize, usize, usize)]| pairs.last().map_or(0, |&(_, _, run)| run + 1);
        let (batches, contracts) = (count(&batch), count(&contract));
        let dims = DotDims {
            lhs_batch: of_runs(batches, DimRole::Batch, &lhs_parts),
            rhs_batch: of_runs(batches, DimRole::Batch, &rhs_parts),
            lhs_contract: of_runs(contracts, DimRole::Contract, &lhs_parts),
            rhs_contract: of_runs(contracts, DimRole::Contract, &rhs_parts),
        };
        Self { lhs, rhs, dims }
    }
}

/// The pairs with the number of the run each is in: pairs whose dimensions follow one another on both sides.
fn runs(pairs: &[(usize, usize)]) -> Vec<(usize, usize, usize)> {
    let mut numbered: Vec<(usize, usize, usize)> = Vec::with_capacity(pairs.len());
    for &(left, right) in pairs {
        let run = match numbered.last() {
            Some(&(before, other, run)) if left == before + 1 && right == other + 1 => run,
            Some(&(_, _, run)) => run + 1,
            None => 0,
        };
        numbered.push((left, right, run));
    }
    numbered
}

/// A shape with neighbours of one part multiplied, and the parts that are left.
fn merge(shape: &[usize], parts: &[DimRole]) -> (Vec<usize>, Vec<DimRole>) {
    let mut merged: (Vec<usize>, Vec<DimRole>) = Default::default();
    for (&size, &part) in shape.iter().zip(parts) {
        match (merged.0.last_mut(), merged.1.last()) {
            (Some(last), Some(&before)) if before == part => *last *= size,
            _ => {
                merged.0.push(size);
                merged.1.push(part);
            }
        }
    }
    merged
}
