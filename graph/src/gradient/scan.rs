//! The derivative of a scan: a scan in the opposite direction.
//!
//! Its body runs the body's derivative. What that reads of the forward pass comes, as the remat policy says, from
//! stacks that the forward scan is extended to write (residuals), from the forward scan's own inputs, or from
//! nodes of the forward body computed again.

use super::recompute::{Origin, Recompute, Request};
use super::{Backward, Derivative, activity, differentiate};
use crate::builder::{Builder, Tensor};
use crate::error::Error;
use crate::function::{Function, Node, Output, Value};
use crate::infer::stack;
use crate::op::{Op, Scan};

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
        let operand_active = node.operands.iter().map(|&operand| self.is_active(operand)).collect();
        let active = active_values(scan, operand_active);
        let reached = reached_values(scan, &active, cotangents.iter().map(Option::is_some).collect());

        // The backward body. Its carries are cotangents of carries, then sums of cotangents of constants.
        let inner = Builder::new(format!("{}_backward", scan.body.name));
        let cotangent_of = |position: &usize| {
            let value = results[*position];
            (value, inner.param(format!("ct{position}"), scan.body.ty(value).clone(), &[]))
        };
        let carried: Vec<usize> = (0..carries).filter(|&carry| reached[params[carry].index()]).collect();
        let stacked: Vec<usize> = (carries..results.len())
            .filter(|&position| cotangents[position].is_some() && active[results[position].index()])
            .collect();
        let seeds: Vec<(Value, Tensor)> = carried.iter().chain(&stacked).map(cotangent_of).collect();
        let seed_params: Vec<Tensor> = seeds.iter().map(|&(_, tensor)| tensor).collect();
        let (carry_params, stacked_params) = seed_params.split_at(carried.len());
        let recompute = Recompute::new(&scan.body, &scan.remat, origins(scan));
        let Derivative { body, cotangents: found, requests } =
            differentiate(scan.body.clone(), &inner, recompute, active, &seeds)?;
        for &carry in &carried {
            let cotangent = match found.get(&params[carry]) {
                Some(&cotangent) => cotangent,
                None => inner.full(scan.body.ty(params[carry]), 0.0)?,
            };
            inner.output(format!("ct{carry}"), cotangent);
        }
        let with_cotangent = |range: std::ops::Range<usize>| -> Vec<(usize, Tensor)> {
            range.filter_map(|position| Some((position, *found.get(&params[position])?))).collect()
        };
        let constants = with_cotangent(carries + xs..params.len());
        let mut sum_params = Vec::with_capacity(constants.len());
        for &(position, term) in &constants {
            let ty = inner.ty(term);
            let sum = inner.param(format!("sum{position}"), ty.with_dtype(ty.dtype.accumulator()), &[]);
            sum_params.push(sum);
            inner.output(format!("sum{position}"), inner.add(sum, inner.convert(term, inner.dtype(sum))?)?);
        }
        let differentiated_xs = with_cotangent(carries..carries + xs);
        for &(position, cotangent) in &differentiated_xs {
            inner.output(format!("ct_x{position}"), cotangent);
        }

        // What the backward scan reads, in the order of its body's parameters: carries, stacks, constants.
        let is_residual = |request: &&Request| request.origin == Origin::Residual;
        let residuals: Vec<Value> =
            requests.iter().filter(is_residual).map(|request| request.value).collect();
        let stacks = self.keep(index, body, &residuals);
        let b = self.target;
        let mut operands = Vec::new();
        for &carry in &carried {
            operands.push(match cotangents[carry] {
                Some(cotangent) => cotangent,
                None => b.full(scan.body.ty(params[carry]), 0.0)?,
            });
        }
        for (&(position, _), &sum) in constants.iter().zip(&sum_params) {
            // Go on from the sum found so far, instead of adding to it later.
            operands.push(match self.cotangents.remove(&node.operands[position]) {
                Some(found) => b.convert(found, inner.dtype(sum))?,
                None => b.full(&inner.ty(sum), 0.0)?,
            });
        }
        operands.extend(stacked.iter().filter_map(|&y| cotangents[y]));
        let mut order: Vec<Tensor> = [carry_params, &sum_params, stacked_params].concat();
        let mut stacks = stacks.into_iter();
        for Request { origin, tensor, .. } in &requests {
            let value = match origin {
                Origin::Stacked(position) => Some(node.operands[carries + position]),
                Origin::Residual => stacks.next(),
                Origin::Constant(_) => None,
            };
            if let Some(value) = value {
                operands.push(self.primal(value)?);
                order.push(*tensor);
            }
        }
        let backward_xs = order.len() - carry_params.len() - sum_params.len();
        for Request { origin, tensor, .. } in &requests {
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
            xs: backward_xs,
            remat: scan.remat.clone(),
            body: inner.finish()?,
        };
        let outputs = b.op(Op::Scan(Box::new(backward_scan)), &operands)?;

        let mut operand_cotangents = vec![None; node.operands.len()];
        let summed = constants.iter().chain(&differentiated_xs).map(|&(position, _)| position);
        for (position, output) in carried.iter().copied().chain(summed).zip(outputs) {
            operand_cotangents[position] = Some(b.convert(output, self.ty(node.operands[position]).dtype)?);
        }
        Ok(operand_cotangents)
    }

    /// Makes the scan at `index` also return `residuals`, values of its new body; gives their stacks.
    fn keep(&mut self, index: usize, body: Function, residuals: &[Value]) -> Vec<Value> {
        let results = self.source.borrow().nodes[index].results.clone();
        // A copy of the scan that the target already runs again is to return them as well, lest it run a third time.
        let copy = self.recompute.as_ref().and_then(|recompute| {
            let function = self.target.function.borrow();
            let known: Vec<_> = results.iter().filter_map(|value| recompute.known.get(value)).collect();
            function.nodes.iter().position(|node| {
                matches!(node.op, Op::Scan(_))
                    && known.iter().any(|tensor| node.results.contains(&tensor.value))
            })
        });
        if let (Some(copy), Some(recompute)) = (copy, &mut self.recompute) {
            let copies = extend(&mut self.target.function.borrow_mut(), copy, body.clone(), residuals);
            let stacks = extend(&mut self.source.borrow_mut(), index, body, residuals);
            let copies = copies.into_iter().map(|value| self.target.tensor(value));
            recompute.known.extend(stacks.iter().copied().zip(copies));
            return stacks;
        }
        extend(&mut self.source.borrow_mut(), index, body, residuals)
    }
}

/// Replaces the body of the scan at `index` by one that also returns `residuals`, where it does not do so yet;
/// gives their stacks.
fn extend(function: &mut Function, index: usize, mut body: Function, residuals: &[Value]) -> Vec<Value> {
    let Op::Scan(scan) = &function.nodes[index].op else { return Vec::new() };
    let mut scan = scan.clone();
    let mut stacks = Vec::with_capacity(residuals.len());
    for &value in residuals {
        let returned = body.results.iter().skip(scan.carries).position(|output| output.value == value);
        let position = returned.map_or(body.results.len(), |position| scan.carries + position);
        if position == body.results.len() {
            let name = format!("residual{}", position - scan.carries);
            let ty = stack(scan.length, body.ty(value));
            body.results.push(Output { name, value, alias: None });
            let result = function.new_value(ty);
            function.nodes[index].results.push(result);
        }
        stacks.push(function.nodes[index].results[position]);
    }
    scan.body = body;
    function.nodes[index].op = Op::Scan(scan);
    stacks
}

/// Where the backward body gets each of the body's parameters.
fn origins(scan: &Scan) -> Vec<Origin> {
    let origin = |position: usize| match position.checked_sub(scan.carries) {
        None => Origin::Residual,
        Some(x) if x < scan.xs => Origin::Stacked(x),
        Some(x) => Origin::Constant(x - scan.xs),
    };
    (0..scan.body.params.len()).map(origin).collect()
}

/// Which results of a scan depend on operands with these flags.
pub(super) fn active_results(scan: &Scan, operand_active: Vec<bool>) -> Vec<bool> {
    let active = active_values(scan, operand_active);
    scan.body.results.iter().map(|output| active[output.value.index()]).collect()
}

/// Which values of a scan body depend on active operands; a carry that does in some iteration does so from then on.
fn active_values(scan: &Scan, mut active_params: Vec<bool>) -> Vec<bool> {
    loop {
        let params = scan.body.params.iter().zip(&active_params);
        let seeds: Vec<_> = params.filter_map(|(param, &active)| active.then_some(param.value)).collect();
        let active = activity(&scan.body, &seeds);
        let before = active_params.clone();
        for carry in 0..scan.carries {
            active_params[carry] |= active[scan.body.results[carry].value.index()];
        }
        if active_params == before {
            return active;
        }
    }
}

/// Which active values of a scan body get a cotangent, when results with these flags have one; a carry that gets
/// one in some iteration passes it on to the iterations before.
fn reached_values(scan: &Scan, active: &[bool], mut reached_results: Vec<bool>) -> Vec<bool> {
    let body = &scan.body;
    loop {
        let mut reached = vec![false; body.types.len()];
        for (output, &is_reached) in body.results.iter().zip(&reached_results) {
            reached[output.value.index()] |= is_reached && active[output.value.index()];
        }
        for node in body.nodes.iter().rev() {
            if node.results.iter().any(|result| reached[result.index()]) {
                node.operands.iter().for_each(|operand| reached[operand.index()] |= active[operand.index()]);
            }
        }
        let before = reached_results.clone();
        for carry in 0..scan.carries {
            reached_results[carry] |= reached[body.params[carry].value.index()];
        }
        if reached_results == before {
            return reached;
        }
    }
}
