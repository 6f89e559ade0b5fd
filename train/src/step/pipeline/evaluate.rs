//! Evaluation of a model in stages: logits or loss of one batch, without a backward pass.

use graph::{BuildResult, Builder, DType, ScanInputs, ScanOutputs, Tensor, TensorType};
use model::forward::{
    counted_cross_entropy, embed, logits, mean_cross_entropy, outside_layers, run_layers, share_of_counted,
};

use super::StepOptions;
use super::stages::{Position, sum_over_stages, to_stage};
use crate::step::microbatches::prepare;

/// The stream after the last layer, on the last stage, where it counts: the batch goes from stage to stage while the
/// others run idle.
fn stream_of_last(
    b: &Builder,
    options: &StepOptions,
    position: Position,
    parameters: &[Tensor],
    tokens: Tensor,
) -> BuildResult {
    let embedded = embed(b, &options.model, parameters, tokens, options.precision.activations)?;
    let constants = [&[position.is_first, embedded], parameters].concat();
    let start = b.full(&b.ty(embedded), 0.0)?;
    let tick = b.iota(TensorType::new(DType::I32, [options.stages]), 0)?;
    let inputs = ScanInputs {
        length: options.stages,
        carries: &[start],
        xs: &[tick],
        constants: &constants,
        ..ScanInputs::default()
    };
    let outputs = b.scan("stages", inputs, |body| {
        let (b, constants) = (body.builder, body.constants);
        let arrived = to_stage(b, options, body.carries[0], 1)?;
        let x = b.select(constants[0], constants[1], arrived)?;
        let x = run_layers(b, &options.model, &options.forward_options(), &constants[2..], x)?;
        Ok(ScanOutputs { carries: vec![x], ys: vec![] })
    })?;
    Ok(outputs.carries[0])
}

/// Logits of a batch, or its mean loss if there are targets, of a model in stages; on every stage.
pub(in crate::step) fn evaluate(
    b: &Builder,
    options: &StepOptions,
    parameters: &[Tensor],
    tokens: Tensor,
    targets: Option<Tensor>,
) -> BuildResult {
    let position = Position::new(b, options)?;
    let parameters = outside_layers(b, &options.model, &prepare(b, options, parameters)?)?;
    let x = stream_of_last(b, options, position, &parameters, tokens)?;
    let logits = logits(b, &options.model, &parameters, x)?;
    let result = match targets {
        Some(targets) if options.answers_only => {
            let sum = counted_cross_entropy(b, logits, targets)?;
            b.mul(sum, share_of_counted(b, targets, b.dtype(sum))?)?
        }
        Some(targets) => mean_cross_entropy(b, logits, targets)?,
        None => logits,
    };
    let nothing = b.full(&b.ty(result), 0.0)?;
    sum_over_stages(b, options, b.select(position.is_last, result, nothing)?)
}
