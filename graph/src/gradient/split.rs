//! The derivative of a function in two halves, for programs that run the second one later.

use super::recompute::{Origin, Recompute, Request};
use super::{activity, differentiate};
use crate::builder::Builder;
use crate::error::Error;
use crate::function::{Function, Output, Value};
use crate::op::Remat;
use crate::verify::verify;

/// A function that also returns what its derivative reads, and that derivative. A pipeline runs the two at different
/// times, with the forward halves of other batches in between.
#[derive(Clone, Debug, PartialEq)]
pub struct Halves {
    /// From the function's inputs to its outputs and then the residuals.
    pub forward: Function,
    /// Number of residuals.
    pub residuals: usize,
    /// Which of the function's inputs `backward` reads again, by position.
    pub reads: Vec<usize>,
    /// From those inputs, the residuals, and one cotangent for each output, to one for each input asked for, of the
    /// input's type.
    pub backward: Function,
}

/// Splits the derivative of `function` with respect to the inputs at the positions `wrt`.
///
/// `remat` says what of the function's own nodes is kept; scans in it follow their own policies. What takes only inputs
/// at the positions `fixed` is not kept under [`Remat::None`] if it is cheap: they are those that stay the same from
/// run to run, such as a model's parameters.
///
/// # Errors
/// [`Error::Verify`] when the function is not valid; [`Error::Gradient`] when one of `wrt` is no input or no float.
pub fn split_gradient(
    function: &Function,
    remat: &Remat,
    fixed: &[usize],
    wrt: &[usize],
) -> Result<Halves, Error> {
    verify(function)?;
    let values = wrt.iter().map(|&position| input(function, position)).collect::<Result<Vec<_>, _>>()?;
    let origins: Vec<Origin> = (0..function.params.len())
        .map(|position| match fixed.contains(&position) {
            true => Origin::Constant(position),
            false => Origin::Stacked(position),
        })
        .collect();
    let inner = Builder::new(format!("{}_backward", function.name));
    let seeds: Vec<_> = function
        .results
        .iter()
        .map(|output| {
            let cotangent =
                inner.param(format!("ct/{}", output.name), function.ty(output.value).clone(), &[]);
            (output.value, cotangent)
        })
        .collect();
    let active = activity(function, &values);
    let recompute = Recompute::new(function, remat, origins);
    let parts = differentiate(function.clone(), &inner, recompute, active, &seeds)?;
    for &position in wrt {
        let param = &function.params[position];
        let cotangent = match parts.cotangents.get(&param.value) {
            Some(&cotangent) => cotangent,
            None => inner.full(function.ty(param.value), 0.0)?,
        };
        inner.output(format!("ct/{}", param.name), cotangent);
    }

    let is_residual = |request: &&Request| request.origin == Origin::Residual;
    let mut reads: Vec<(usize, Value)> = Vec::new();
    for Request { origin, tensor, .. } in &parts.requests {
        if let Origin::Stacked(position) | Origin::Constant(position) = origin {
            reads.push((*position, tensor.value));
        }
    }
    reads.sort_unstable();
    let residuals: Vec<&Request> = parts.requests.iter().filter(is_residual).collect();
    let mut order: Vec<Value> = reads.iter().map(|&(_, value)| value).collect();
    order.extend(residuals.iter().map(|request| request.tensor.value));
    order.extend(seeds.iter().map(|(_, cotangent)| cotangent.value));
    inner
        .function
        .borrow_mut()
        .params
        .sort_by_key(|param| order.iter().position(|&value| value == param.value));

    let mut forward = parts.body;
    forward.name = format!("{}_forward", function.name);
    forward.results.iter_mut().for_each(|output| output.alias = None);
    for (index, request) in residuals.iter().enumerate() {
        let name = format!("residual/{index}");
        forward.results.push(Output { name, value: request.value, alias: None });
    }
    crate::simplify::remove_dead_nodes(&mut forward);
    verify(&forward)?;
    Ok(Halves {
        forward,
        residuals: residuals.len(),
        reads: reads.into_iter().map(|(position, _)| position).collect(),
        backward: inner.finish()?,
    })
}

fn input(function: &Function, position: usize) -> Result<Value, Error> {
    let (name, count) = (&function.name, function.params.len());
    let param = function.params.get(position);
    let param = param
        .ok_or_else(|| Error::Gradient(format!("`{name}` has {count} inputs, and no input {position}")))?;
    let ty = function.ty(param.value);
    if !ty.dtype.is_float() {
        let message = format!("input `{}` of `{name}` is {ty}; only floats have derivatives", param.name);
        return Err(Error::Gradient(message));
    }
    Ok(param.value)
}
