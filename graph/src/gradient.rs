//! Reverse-mode differentiation: appends to a function the ops that compute the derivative of a scalar.
//!
//! One pass over the nodes in reverse order turns the cotangent of each node's results into cotangents of its
//! operands (`rules.rs`). A scan is differentiated into a second scan in the opposite direction (`scan.rs`), which
//! reads what the first one is made to keep, as its [`crate::Remat`] policy says, and computes the rest again.

mod recompute;
mod rules;
mod scan;
mod split;

pub use split::{Halves, split_gradient};

use std::cell::RefCell;
use std::collections::HashMap;

use crate::builder::{Builder, Tensor};
use crate::dtype::TensorType;
use crate::error::Error;
use crate::function::{Function, Node, Value};
use crate::op::{Op, Unary};

/// Derivatives of `loss` with respect to each tensor of `wrt`, of the same types; zero where it does not depend on it.
///
/// Scans between `wrt` and `loss` are changed in place to keep what their backward pass reads.
///
/// # Errors
/// [`Error::Gradient`] when `loss` is not a float scalar or a tensor of `wrt` is not a float;
/// [`Error::ForeignTensor`] when one of them (counted from `loss`) was made by another builder.
pub fn gradient(b: &Builder, loss: Tensor, wrt: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    check_owner(b, "gradient", std::iter::once(&loss).chain(wrt))?;
    let ty = b.ty(loss);
    if ty.rank() != 0 || !ty.dtype.is_float() {
        return Err(Error::Gradient(format!("the differentiated value is {ty}, not a float scalar")));
    }
    check_floats(b, wrt)?;
    let one = b.full(&ty, 1.0)?;
    pull_back(b, &[(loss, one)], wrt)
}

/// Cotangents of each tensor of `wrt`, from those of `outputs`: the derivatives of the sum of all products of an output
/// and its cotangent, in which the cotangents are constants. With one scalar output and the cotangent 1 it is
/// [`gradient`].
///
/// # Errors
/// As [`gradient`], with any float tensors as outputs; [`Error::Gradient`] when a cotangent is not of its output's type.
pub fn pull_back(b: &Builder, outputs: &[(Tensor, Tensor)], wrt: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    let pairs = outputs.iter().flat_map(|(output, cotangent)| [output, cotangent]);
    check_owner(b, "pull_back", pairs.chain(wrt))?;
    check_floats(b, wrt)?;
    for &(output, cotangent) in outputs {
        let (ty, given) = (b.ty(output), b.ty(cotangent));
        if ty != given || !ty.dtype.is_float() {
            return Err(Error::Gradient(format!("the cotangent of {ty} is {given}")));
        }
    }
    let (active, nodes) = {
        let function = b.function.borrow();
        let seeds: Vec<_> = wrt.iter().map(|tensor| tensor.value).collect();
        (activity(&function, &seeds), function.nodes.len())
    };
    let mut backward =
        Backward { source: &b.function, target: b, recompute: None, cotangents: HashMap::new(), active };
    for &(output, cotangent) in outputs {
        backward.accumulate(output.value, cotangent)?;
    }
    backward.run(nodes)?;
    wrt.iter()
        .map(|&tensor| match backward.cotangents.get(&tensor.value) {
            Some(&cotangent) => Ok(cotangent),
            None => b.full(&b.ty(tensor), 0.0),
        })
        .collect()
}

fn check_owner<'t>(
    b: &Builder,
    op: &'static str,
    mut tensors: impl Iterator<Item = &'t Tensor>,
) -> Result<(), Error> {
    match tensors.position(|&tensor| b.tensor(tensor.value) != tensor) {
        Some(operand) => Err(Error::ForeignTensor { op, scope: b.scope_name(), operand }),
        None => Ok(()),
    }
}

fn check_floats(b: &Builder, wrt: &[Tensor]) -> Result<(), Error> {
    match wrt.iter().find(|&&tensor| !b.dtype(tensor).is_float()) {
        Some(&tensor) => {
            Err(Error::Gradient(format!("a {} has no derivative; only floats have", b.ty(tensor))))
        }
        None => Ok(()),
    }
}

/// The derivative of a function that is another one's part.
struct Derivative {
    /// The function. Its scans may return more than they did.
    body: Function,
    /// Cotangents of its values, in the builder of the derivative.
    cotangents: HashMap<Value, Tensor>,
    /// What the derivative reads of the function: parameters of that builder.
    requests: Vec<recompute::Request>,
}

/// Builds the derivative of `body` in `target`, from the cotangents `seeds`, which belong to `target`.
fn differentiate(
    body: Function,
    target: &Builder,
    recompute: recompute::Recompute,
    active: Vec<bool>,
    seeds: &[(Value, Tensor)],
) -> Result<Derivative, Error> {
    let nodes = body.nodes.len();
    let source = RefCell::new(body);
    let recompute = Some(recompute);
    let mut backward = Backward { source: &source, target, recompute, cotangents: HashMap::new(), active };
    for &(value, cotangent) in seeds {
        if backward.is_active(value) {
            backward.accumulate(value, cotangent)?;
        }
    }
    backward.run(nodes)?;
    let Backward { cotangents, recompute, .. } = backward;
    let mut requests = Vec::new();
    if let Some(mut recompute) = recompute {
        recompute.settle(&source.borrow(), target)?;
        requests = recompute.requests;
    }
    Ok(Derivative { body: source.into_inner(), cotangents, requests })
}

/// Which values of a function depend differentiably on the seeds.
fn activity(function: &Function, seeds: &[Value]) -> Vec<bool> {
    let mut active = vec![false; function.types.len()];
    seeds.iter().for_each(|seed| active[seed.index()] = true);
    for node in &function.nodes {
        let operands: Vec<_> = node.operands.iter().map(|operand| active[operand.index()]).collect();
        if !operands.contains(&true) {
            continue;
        }
        let results = match &node.op {
            Op::Scan(scan) => scan::active_results(scan, operands),
            op => vec![passes_gradient(op)],
        };
        for (result, is_active) in node.results.iter().zip(results) {
            active[result.index()] |= is_active && function.ty(*result).dtype.is_float();
        }
    }
    active
}

/// Whether the derivative of an op other than a scan may be other than zero, if its result is a float.
fn passes_gradient(op: &Op) -> bool {
    match op {
        Op::StopGradient | Op::Bitcast(_) => false,
        Op::Unary(unary) => match unary {
            Unary::Sign | Unary::Floor | Unary::Not | Unary::IsFinite => false,
            Unary::Neg
            | Unary::Abs
            | Unary::Exp
            | Unary::Log
            | Unary::Tanh
            | Unary::Logistic
            | Unary::Sqrt
            | Unary::Rsqrt
            | Unary::Sin
            | Unary::Cos => true,
        },
        Op::Constant(_) | Op::Iota { .. } | Op::AxisIndex { .. } => false,
        Op::Binary(_)
        | Op::Compare(_)
        | Op::Select
        | Op::Convert(_)
        | Op::Broadcast { .. }
        | Op::Reshape { .. }
        | Op::Transpose { .. }
        | Op::Slice { .. }
        | Op::Pad { .. }
        | Op::Concatenate { .. }
        | Op::Reverse { .. }
        | Op::Dot { .. }
        | Op::Reduce { .. }
        | Op::Take
        | Op::ScatterAdd
        | Op::DynamicSlice { .. }
        | Op::DynamicUpdateSlice
        | Op::Barrier
        | Op::Name(_)
        | Op::Shard { .. }
        | Op::AllReduce { .. }
        | Op::AllGather { .. }
        | Op::ReduceScatter { .. }
        | Op::AllToAll { .. }
        | Op::Permute { .. }
        | Op::Scan(_) => true,
    }
}

/// How a backward pass over `source` gets at the values of the forward pass.
///
/// At the top level both passes are one function and values are simply read. In a scan body they are kept or
/// computed again: that is [`recompute::Recompute`].
struct Backward<'a> {
    /// The differentiated function.
    source: &'a RefCell<Function>,
    /// Where derivatives are built; its function is `source` itself at the top level.
    target: &'a Builder,
    recompute: Option<recompute::Recompute>,
    /// For values of `source`, the sum of the cotangents found so far, in `target`.
    cotangents: HashMap<Value, Tensor>,
    active: Vec<bool>,
}

impl Backward<'_> {
    fn is_active(&self, value: Value) -> bool {
        self.active.get(value.index()).copied().unwrap_or(false)
    }

    fn ty(&self, value: Value) -> TensorType {
        self.source.borrow().ty(value).clone()
    }

    /// A value of the forward pass, as a tensor of the target.
    fn primal(&mut self, value: Value) -> Result<Tensor, Error> {
        match &mut self.recompute {
            None => Ok(self.target.tensor(value)),
            Some(recompute) => recompute.primal(&self.source.borrow(), self.target, value),
        }
    }

    /// Adds to the cotangent of a value. A rule that can add its part in place does so to the sum that it takes out
    /// of `cotangents`, and gives back the new one.
    fn accumulate(&mut self, value: Value, cotangent: Tensor) -> Result<(), Error> {
        let sum = match self.cotangents.get(&value) {
            Some(&sum) => self.target.add(sum, cotangent)?,
            None => cotangent,
        };
        self.cotangents.insert(value, sum);
        Ok(())
    }

    /// Goes back over the first `nodes` nodes of the source.
    fn run(&mut self, nodes: usize) -> Result<(), Error> {
        for index in (0..nodes).rev() {
            let (node, scope): (Node, String) = {
                let source = self.source.borrow();
                let node = &source.nodes[index];
                let wanted = node.results.iter().any(|result| self.cotangents.contains_key(result))
                    && node.operands.iter().any(|&operand| self.is_active(operand));
                if !wanted {
                    continue;
                }
                (node.clone(), ["gradient", source.scope(node)].join("/").trim_end_matches('/').to_string())
            };
            let target = self.target;
            target.in_scope(scope, || -> Result<(), Error> {
                let cotangents: Vec<_> =
                    node.results.iter().map(|result| self.cotangents.get(result).copied()).collect();
                let operand_cotangents = match &node.op {
                    Op::Scan(scan) => self.scan(index, &node, scan, &cotangents)?,
                    _ => match cotangents[0] {
                        Some(cotangent) => self.rule(&node, cotangent)?,
                        None => return Ok(()),
                    },
                };
                for (&operand, cotangent) in node.operands.iter().zip(operand_cotangents) {
                    if let (Some(cotangent), true) = (cotangent, self.is_active(operand)) {
                        self.accumulate(operand, cotangent)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
