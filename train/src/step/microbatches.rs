//! Several microbatches a step, one after another, their gradients added up.

use graph::{BuildResult, Builder, DType, Error, ScanInputs, ScanOutputs, Tensor};
use model::forward::{loss_projected, project_distances};
use model::parameters::{COUNT, RELATIVE, axes};
use model::placement::{Table, put};

use super::{Derivative, StepOptions};

/// Mean loss of all microbatches and its gradients: one loop, whatever their number.
pub(super) fn accumulate(
    b: &Builder,
    options: &StepOptions,
    parameters: &[Tensor; COUNT],
    tokens: Tensor,
    targets: Tensor,
) -> Result<Derivative, Error> {
    let forward = options.forward_options();
    let projected = project(b, options, parameters)?;
    let start = b.scalar(options.precision.activations.accumulator(), 0.0)?;
    let carries = [vec![start], zero_sums(b, &projected)?].concat();
    let inputs = ScanInputs {
        length: options.microbatches,
        carries: &carries,
        xs: &[tokens, targets],
        constants: &projected,
        ..ScanInputs::default()
    };
    let outputs = b.scan("microbatches", inputs, |body| {
        let b = body.builder;
        let parameters = all(body.constants)?;
        let loss = loss_projected(b, &forward, &parameters, body.xs[0], body.xs[1])?;
        let loss = b.scale(loss, 1.0 / options.microbatches as f64)?;
        let gradients = graph::gradient(b, loss, &parameters)?;
        let mut carries = vec![b.add(body.carries[0], loss)?];
        for (index, gradient) in gradients.into_iter().enumerate() {
            carries.push(add_to_sum(b, index, body.carries[1 + index], gradient)?);
        }
        Ok(ScanOutputs { carries, ys: vec![] })
    })?;
    let gradients = for_parameters(b, parameters, &projected, outputs.carries[1..].to_vec())?;
    Ok(Derivative { loss: outputs.carries[0], gradients })
}

/// A list of one tensor for each parameter, such as the constants of a loop that was given them.
pub(super) fn all(tensors: &[Tensor]) -> Result<[Tensor; COUNT], Error> {
    let count = || Error::Gradient(format!("{} tensors for {COUNT} parameters", tensors.len()));
    tensors.try_into().map_err(|_| count())
}

/// The parameters with the projected distances in the place of [`RELATIVE`]: these are the same for all microbatches.
pub(super) fn project(
    b: &Builder,
    options: &StepOptions,
    parameters: &[Tensor; COUNT],
) -> Result<[Tensor; COUNT], Error> {
    let mut projected = *parameters;
    let dtype = options.precision.activations;
    projected[RELATIVE] = project_distances(b, parameters[RELATIVE], options.sequence_length, dtype)?;
    Ok(projected)
}

/// Zeros for the sums of gradients of these tensors, float32 or wider.
pub(super) fn zero_sums(b: &Builder, tensors: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    let zeros = |&tensor: &Tensor| {
        let ty = b.ty(tensor);
        b.full(&ty.with_dtype(ty.dtype.accumulator()), 0.0)
    };
    tensors.iter().map(zeros).collect()
}

/// A microbatch's gradient for parameter `index` added to the sum of those before it.
pub(super) fn add_to_sum(b: &Builder, index: usize, sum: Tensor, gradient: Tensor) -> BuildResult {
    place_sum(b, index, b.add(sum, b.convert(gradient, b.dtype(sum))?)?)
}

/// The sum of gradients for parameter `index`, where a plan wants it between microbatches.
pub(super) fn place_sum(b: &Builder, index: usize, sum: Tensor) -> BuildResult {
    // The projected distances are not a parameter: what becomes of their gradient is, and is placed then.
    if index == RELATIVE { Ok(sum) } else { put(b, sum, (Table::Gradients, axes()[index]), None) }
}

/// Gradients of the parameters from those of `projected`: that of the relative projections follows, once for all
/// microbatches, from that of the projected distances.
pub(super) fn for_parameters(
    b: &Builder,
    parameters: &[Tensor; COUNT],
    projected: &[Tensor; COUNT],
    mut gradients: Vec<Tensor>,
) -> Result<Vec<Tensor>, Error> {
    let distances: DType = b.dtype(projected[RELATIVE]);
    let cotangent = b.convert(gradients[RELATIVE], distances)?;
    let relative =
        graph::pull_back(b, &[(projected[RELATIVE], cotangent)], &parameters[RELATIVE..=RELATIVE])?;
    gradients[RELATIVE] = relative[0];
    Ok(gradients)
}
