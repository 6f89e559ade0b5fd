//! The stages of a pipeline as devices along a mesh axis: the position of one, and what stages exchange.

use graph::{BuildResult, Builder, Comparison, DType, Error, MeshAxis, Reduction, Tensor};

use super::{STAGE, StepOptions};

/// The position in the pipeline of the stage that runs the program.
#[derive(Clone, Copy)]
pub(super) struct Position {
    pub(super) index: Tensor,
    pub(super) is_first: Tensor,
    pub(super) is_last: Tensor,
}

impl Position {
    pub(super) fn new(b: &Builder, options: &StepOptions) -> Result<Self, Error> {
        let index = stage_index(b, options)?;
        let is = |stage: usize| b.compare(Comparison::Eq, index, b.scalar(DType::I32, stage as f64)?);
        Ok(Self { index, is_first: is(0)?, is_last: is(options.stages - 1)? })
    }

    pub(super) fn list(self) -> [Tensor; 3] {
        [self.index, self.is_first, self.is_last]
    }
}

/// The mesh axis of the stages.
fn axis(options: &StepOptions) -> MeshAxis {
    MeshAxis { name: STAGE.to_owned(), size: options.stages }
}

/// Position of the stage, i32 scalar.
fn stage_index(b: &Builder, options: &StepOptions) -> BuildResult {
    b.axis_index(axis(options))
}

/// The tensor that the stage `shift` before this one sends (a collective permute); zeros where there is none.
pub(super) fn to_stage(b: &Builder, options: &StepOptions, x: Tensor, shift: i64) -> BuildResult {
    b.permute(x, axis(options), shift)
}

/// Sum of all stages' tensors; the tensor itself without a pipeline.
pub(in crate::step) fn sum_over_stages(b: &Builder, options: &StepOptions, x: Tensor) -> BuildResult {
    match options.stages {
        1 => Ok(x),
        _ => b.all_reduce(Reduction::Sum, x, &[axis(options)]),
    }
}

/// Index of the first of the `count` layers that this stage has, u32 scalar; none without a pipeline.
pub(in crate::step) fn first_layer(
    b: &Builder,
    options: &StepOptions,
    count: usize,
) -> Result<Option<Tensor>, Error> {
    if options.stages == 1 {
        return Ok(None);
    }
    let index = b.convert(stage_index(b, options)?, DType::U32)?;
    Ok(Some(b.mul(index, b.scalar(DType::U32, count as f64)?)?))
}
