//! The derivative of a scan: a scan in the opposite direction.
//!
//! Its body runs the body's derivative. What that reads of the forward pass comes, as the remat policy says, from
//! stacks that the forward scan is extended to write (residuals), from the forward scan's own inputs, or from
//! nodes of the forward body computed again.

use std::cell::RefCell;
use std::collections::HashMap;

use super::{Backward, activity};
use crate::builder::{Builder, Tensor};
use crate::error::Error;
use crate::function::{Function, Node, Output, Value};
use crate::infer::stack;
use crate::op::{Op, Remat, Scan};

/// Where a backward body gets a forward value that it does not compute.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    /// Stacked input number `n` of the forward scan.
    Stacked(usize),
    /// Constant number `n` of the forward scan.
    Constant(usize),
    /// A stack of this value that the forward scan must write.
    Residual(Value),
}

/// Forward values available in a backward body, found or made on demand.
pub(super) struct Recompute {
    remat: Remat,
    carries: usize,
    xs: usize,
    known: HashMap<Value, Tensor>,
    /// Under [`Remat::Save`], values that are kept under the name given to them.
    renamed: HashMap<Value, Value>,
    /// Parameters added to the backward body, in order of demand.
    requests: Vec<(Origin, Tensor)>,
}

impl Recompute {
    fn new(scan: &Scan) -> Self {
        let mut renamed = HashMap::new();
        if let Remat::Save(names) = &scan.remat {
            for node in &scan.body.nodes {
                if matches!(&node.op, Op::Name(name) if names.contains(name)) {
                    renamed.insert(node.operands[0], node.results[0]);
                }
            }
        }
        Self {
            remat: scan.remat.clone(),
            carries: scan.carries,
            xs: scan.xs,
            known: HashMap::new(),
            renamed,
            requests: Vec::new(),
        }
    }

    pub(super) fn primal(&mut self, body: &Function, b: &Builder, value: Value) -> Result<Tensor, Error> {
        if let Some(&tensor) = self.known.get(&value) {
            return Ok(tensor);
        }
        if let Some(&named) = self.renamed.get(&value) {
            return self.primal(body, b, named);
        }
        if let Some(position) = body.params.iter().position(|param| param.value == value) {
            let origin = if position < self.carries {
                Origin::Residual(value)
            } else if position < self.carries + self.xs {
                Origin::Stacked(position - self.carries)
            } else {
                Origin::Constant(position - self.carries - self.xs)
            };
            return Ok(self.request(body, b, value, origin));
        }
        let node = body.nodes.iter().find(|node| node.results.contains(&value));
        let node = node.ok_or_else(|| Error::Gradient(format!("value {} has no definition", value.0)))?;
        if self.is_kept(&node.op) {
            return Ok(self.request(body, b, value, Origin::Residual(value)));
        }
        let operands: Result<Vec<_>, _> =
            node.operands.iter().map(|&operand| self.primal(body, b, operand)).collect();
        let results =
            b.in_scope(format!("remat/{}", body.scope(node)), || b.op(node.op.clone(), &operands?))?;
        self.known.extend(node.results.iter().copied().zip(results));
        Ok(self.known[&value])
    }

    /// Whether the policy keeps the results of this op.
    fn is_kept(&self, op: &Op) -> bool {
        match &self.remat {
            Remat::None => !matches!(
                op,
                Op::Constant(_)
                    | Op::Iota { .. }
                    | Op::Broadcast { .. }
                    | Op::Reshape { .. }
                    | Op::Transpose { .. }
                    | Op::Convert(_)
                    | Op::Compare(_)
                    | Op::StopGradient
                    | Op::Name(_)
            ),
            Remat::Dots => matches!(op, Op::Dot { .. } | Op::Scan(_)),
            Remat::Full => false,
            Remat::Save(names) => matches!(op, Op::Name(name) if names.contains(name)),
        }
    }

    fn request(&mut self, body: &Function, b: &Builder, value: Value, origin: Origin) -> Tensor {
        let name = format!("forward{}", self.requests.len());
        let tensor = b.param(name, body.ty(value).clone(), &[]);
        self.requests.push((origin, tensor));
        self.known.insert(value, tensor);
        tensor
    }
}

/// Positions whose flag is set.
fn positions(flags: &[bool]) -> Vec<usize> {
    flags.iter().enumerate().filter_map(|(position, &flag)| flag.then_some(position)).collect()
}

impl Backward<'_> {
    /// Cotangents of the operands of the scan at `index`, from those of its results.
    pub(super) fn scan(
        &mut self,
        index: usize,
        node: &Node,
        scan: &Scan,
        cotangents: &[Option<Tensor>],
    ) -> Result<Vec<Option<Tensor>>, Error> {
        let (carries, xs) = (scan.carries, scan.xs);
        let params: Vec<Value> = scan.body.params.iter().map(|param| param.value).collect();
        let results: Vec<Value> = scan.body.results.iter().map(|output| output.value).collect();
        let operand_active: Vec<_> = node.operands.iter().map(|&operand| self.is_active(operand)).collect();
        let (active_params, active) = active_params(scan, &params, &results, operand_active);

        // The backward body. Its carries are cotangents of carries, then sums of cotangents of constants.
        let body = RefCell::new(scan.body.clone());
        let inner = Builder::new(format!("{}_backward", scan.body.name));
        let active_carries = positions(&active_params[..carries]);
        let active_xs = positions(&active_params[carries..carries + xs]);
        let active_constants = positions(&active_params[carries + xs..]);
        let constant_value = |position: usize| params[carries + xs + position];
        let sum_type = |position: usize| {
            let ty = scan.body.ty(constant_value(position));
            ty.with_dtype(ty.dtype.accumulator())
        };
        let carry_params: Vec<_> = active_carries
            .iter()
            .map(|&carry| inner.param(format!("ct{carry}"), scan.body.ty(params[carry]).clone(), &[]))
            .collect();
        let sum_params: Vec<_> = active_constants
            .iter()
            .map(|&position| inner.param(format!("sum{position}"), sum_type(position), &[]))
            .collect();
        let stacked_cotangents: Vec<usize> = (carries..results.len())
            .filter(|&position| cotangents[position].is_some() && active[results[position].index()])
            .collect();
        let stacked_params: Vec<_> = stacked_cotangents
            .iter()
            .map(|&y| inner.param(format!("ct{y}"), scan.body.ty(results[y]).clone(), &[]))
            .collect();

        let mut backward = Backward {
            source: &body,
            target: &inner,
            recompute: Some(Recompute::new(scan)),
            cotangents: HashMap::new(),
            active,
        };
        let seeds =
            active_carries.iter().zip(&carry_params).chain(stacked_cotangents.iter().zip(&stacked_params));
        for (&position, &cotangent) in seeds {
            if backward.is_active(results[position]) {
                backward.accumulate(results[position], cotangent)?;
            }
        }
        backward.run(scan.body.nodes.len())?;

        let found = backward.cotangents;
        let or_zero = |value: Value| match found.get(&value) {
            Some(&cotangent) => Ok(cotangent),
            None => inner.full(scan.body.ty(value), 0.0),
        };
        for &carry in &active_carries {
            inner.output(format!("ct{carry}"), or_zero(params[carry])?);
        }
        for (&position, &sum) in active_constants.iter().zip(&sum_params) {
            let sum = match found.get(&constant_value(position)) {
                Some(&term) => inner.add(sum, inner.convert(term, inner.dtype(sum))?)?,
                None => sum,
            };
            inner.output(format!("sum{position}"), sum);
        }
        for &x in &active_xs {
            inner.output(format!("ct_x{x}"), or_zero(params[carries + x])?);
        }
        let requests = backward.recompute.map_or_else(Vec::new, |recompute| recompute.requests);

        // What the backward scan reads, in the order of its body's parameters: carries, stacks, constants.
        let residuals: Vec<Value> = requests
            .iter()
            .filter_map(|(origin, _)| match origin {
                Origin::Residual(value) => Some(*value),
                _ => None,
            })
            .collect();
        let stacks = self.keep(index, body.into_inner(), &residuals);
        let b = self.target;
        let mut operands = Vec::new();
        for &carry in &active_carries {
            operands.push(match cotangents[carry] {
                Some(cotangent) => cotangent,
                None => b.full(scan.body.ty(params[carry]), 0.0)?,
            });
        }
        for &position in &active_constants {
            operands.push(b.full(&sum_type(position), 0.0)?);
        }
        operands.extend(stacked_cotangents.iter().filter_map(|&y| cotangents[y]));
        let mut order: Vec<Tensor> = [&carry_params[..], &sum_params, &stacked_params].concat();
        let mut stacks = stacks.into_iter();
        for (origin, tensor) in &requests {
            let value = match origin {
                Origin::Stacked(position) => Some(node.operands[carries + position]),
                Origin::Residual(_) => stacks.next(),
                Origin::Constant(_) => None,
            };
            if let Some(value) = value {
                operands.push(self.primal(value)?);
                order.push(*tensor);
            }
        }
        let stacked = order.len() - carry_params.len() - sum_params.len();
        for (origin, tensor) in &requests {
            if let Origin::Constant(position) = origin {
                operands.push(self.primal(node.operands[carries + xs + position])?);
                order.push(*tensor);
            }
        }
        inner
            .function
            .borrow_mut()
            .params
            .sort_by_key(|param| order.iter().position(|tensor| tensor.value == param.value));
        let backward_scan = Scan {
            length: scan.length,
            reverse: !scan.reverse,
            carries: carry_params.len() + sum_params.len(),
            xs: stacked,
            remat: Remat::None,
            body: inner.finish()?,
        };
        let outputs = b.op(Op::Scan(Box::new(backward_scan)), &operands)?;

        let mut operand_cotangents = vec![None; node.operands.len()];
        let targets = (active_carries.iter().copied())
            .chain(active_constants.iter().map(|position| carries + xs + position))
            .chain(active_xs.iter().map(|x| carries + x));
        for (position, output) in targets.zip(outputs) {
            operand_cotangents[position] = Some(b.convert(output, self.ty(node.operands[position]).dtype)?);
        }
        Ok(operand_cotangents)
    }

    /// Replaces the body of the scan at `index` by one that also returns `residuals`; gives their stacks.
    fn keep(&self, index: usize, mut body: Function, residuals: &[Value]) -> Vec<Value> {
        let mut source = self.source.borrow_mut();
        let Op::Scan(scan) = &source.nodes[index].op else { return Vec::new() };
        let mut scan = scan.clone();
        let mut types = Vec::with_capacity(residuals.len());
        for &value in residuals {
            let name = format!("residual{}", body.results.len() - scan.carries);
            types.push(stack(scan.length, body.ty(value)));
            body.results.push(Output { name, value, alias: None });
        }
        scan.body = body;
        source.nodes[index].op = Op::Scan(scan);
        let stacks: Vec<_> = types.into_iter().map(|ty| source.new_value(ty)).collect();
        source.nodes[index].results.extend(&stacks);
        stacks
    }
}

/// Which parameters of a scan body, and which of its values, depend on active operands; a carry that depends on
/// one in some iteration does so from then on.
fn active_params(
    scan: &Scan,
    params: &[Value],
    results: &[Value],
    mut active_params: Vec<bool>,
) -> (Vec<bool>, Vec<bool>) {
    loop {
        let seeds: Vec<_> = params
            .iter()
            .zip(&active_params)
            .filter_map(|(&param, &active)| active.then_some(param))
            .collect();
        let active = activity(&scan.body, &seeds);
        let before = active_params.clone();
        for carry in 0..scan.carries {
            active_params[carry] |= active[results[carry].index()];
        }
        if active_params == before {
            return (active_params, active);
        }
    }
}
