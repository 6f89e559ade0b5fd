//! Gradient accumulation: several microbatches a step, one after another, their gradients added up.

use graph::{BuildResult, Builder, Error, ScanInputs, ScanOutputs, Tensor};
use model::ParameterSpec;
use model::forward::{counted_loss_prepared, loss_prepared, share_of_counted};
use model::placement::{Table, put};

use super::{Derivative, StepOptions};

/// Mean loss of all microbatches and its gradients: one loop, whatever their number.
pub(super) fn accumulate(
    b: &Builder,
    options: &StepOptions,
    parameters: &[Tensor],
    tokens: Tensor,
    targets: Tensor,
) -> Result<Derivative, Error> {
    let forward = options.forward_options();
    let prepared = prepare(b, options, parameters)?;
    let specs = options.model.parameters();
    let start = b.scalar(options.precision.activations.accumulator(), 0.0)?;
    let carries = [vec![start], zero_sums(b, &prepared)?].concat();
    // Of how many tokens it is the mean, all microbatches together know.
    let share = match options.answers_only {
        true => Some(share_of_counted(b, targets, options.loss_dtype())?),
        false => None,
    };
    let constants: Vec<Tensor> = prepared.iter().copied().chain(share).collect();
    let inputs = ScanInputs {
        length: options.microbatches,
        carries: &carries,
        xs: &[tokens, targets],
        constants: &constants,
        ..ScanInputs::default()
    };
    let outputs = b.scan("microbatches", inputs, |body| {
        let b = body.builder;
        let (prepared, share) = body.constants.split_at(specs.len());
        let (tokens, targets) = (body.xs[0], body.xs[1]);
        let loss = match share {
            [] => {
                let loss = loss_prepared(b, &options.model, &forward, prepared, tokens, targets)?;
                b.scale(loss, 1.0 / options.microbatches as f64)?
            }
            [share, ..] => {
                let sum = counted_loss_prepared(b, &options.model, &forward, prepared, tokens, targets)?;
                b.mul(sum, *share)?
            }
        };
        let gradients = graph::gradient(b, loss, prepared)?;
        let mut carries = vec![b.add(body.carries[0], loss)?];
        for (index, gradient) in gradients.into_iter().enumerate() {
            carries.push(add_to_sum(b, &specs[index], body.carries[1 + index], gradient)?);
        }
        Ok(ScanOutputs { carries, ys: vec![] })
    })?;
    let gradients = for_parameters(b, &specs, parameters, &prepared, outputs.carries[1..].to_vec())?;
    Ok(Derivative { loss: outputs.carries[0], gradients })
}

/// The parameters as the layers read them: what depends on parameters alone is computed once for all microbatches and
/// takes the place of the parameters it is made from.
pub(super) fn prepare(
    b: &Builder,
    options: &StepOptions,
    parameters: &[Tensor],
) -> Result<Vec<Tensor>, Error> {
    let dtype = options.precision.activations;
    model::forward::prepare(b, &options.model, parameters, options.sequence_length, dtype)
}

/// Zeros for the sums of gradients of these tensors, float32 or wider.
pub(super) fn zero_sums(b: &Builder, tensors: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    let zeros = |&tensor: &Tensor| {
        let ty = b.ty(tensor);
        b.full(&ty.with_dtype(ty.dtype.accumulator()), 0.0)
    };
    tensors.iter().map(zeros).collect()
}

/// A microbatch's gradient for a parameter added to the sum of those before it.
pub(super) fn add_to_sum(b: &Builder, spec: &ParameterSpec, sum: Tensor, gradient: Tensor) -> BuildResult {
    place_sum(b, spec, b.add(sum, b.convert(gradient, b.dtype(sum))?)?)
}

/// The sum of gradients for a parameter, where a plan wants it between microbatches.
pub(super) fn place_sum(b: &Builder, spec: &ParameterSpec, sum: Tensor) -> BuildResult {
    // What is prepared is not a parameter: what becomes of its gradient is, and is placed then.
    if spec.prepared { Ok(sum) } else { put(b, sum, (Table::Gradients, spec.axes), None) }
}

/// Gradients of the parameters from those of `prepared`: that of a parameter something was prepared from follows, once for
/// all microbatches, from that of the prepared tensor.
pub(super) fn for_parameters(
    b: &Builder,
    specs: &[ParameterSpec],
    parameters: &[Tensor],
    prepared: &[Tensor],
    mut gradients: Vec<Tensor>,
) -> Result<Vec<Tensor>, Error> {
    for index in (0..specs.len()).filter(|&index| specs[index].prepared) {
        let cotangent = b.convert(gradients[index], b.dtype(prepared[index]))?;
        gradients[index] = graph::pull_back(b, &[(prepared[index], cotangent)], &[parameters[index]])?[0];
    }
    Ok(gradients)
}
