//! The state of a training on the device: parameters and Adam's means, as buffers and as a checkpoint.

use std::path::{Path, PathBuf};

use graph::{DType, Literal, TensorType};
use model::parameters::{COUNT, specs};
use sharding::{Buffer, HostArray, Runtime};

use crate::Error;
use crate::checkpoint::{self, Checkpoint, Description, Dtype, Tensor};
use crate::step::{STATE, STATE_COUNT, StepOptions};

/// The tensors a step reads and writes: for each prefix of [`STATE`], all parameters of the model.
#[derive(Debug)]
pub struct State {
    buffers: Vec<Buffer>,
}

/// Name and type of each tensor, in the order of a step's inputs.
fn slots(options: &StepOptions) -> Vec<(String, TensorType)> {
    let specs = specs(&options.model);
    let dtypes = [options.precision.parameters, DType::F32, DType::F32];
    let slots = STATE.iter().zip(dtypes).flat_map(|(prefix, dtype)| {
        specs
            .iter()
            .map(move |spec| (format!("{prefix}{}", spec.name), TensorType::new(dtype, spec.shape.clone())))
    });
    slots.collect()
}

impl State {
    /// The state before the first step, made on the device from a seed.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn initialize(runtime: &Runtime, options: &StepOptions, seed: u32) -> Result<State, Error> {
        let program = runtime.compile(&model::initialize(&options.model, options.precision.parameters)?)?;
        let mut buffers = program.run(&[&runtime.upload(&Literal::scalar(DType::U32, seed.into()))?])?;
        for (_, ty) in &slots(options)[COUNT..] {
            buffers.push(runtime.zeros(ty)?);
        }
        Ok(State { buffers })
    }

    /// The state a checkpoint holds.
    ///
    /// # Errors
    /// When a tensor is missing, of another type or shape, or cannot be read.
    pub fn load(
        runtime: &Runtime,
        options: &StepOptions,
        checkpoint: &mut Checkpoint,
    ) -> Result<State, Error> {
        let mut buffers = Vec::with_capacity(STATE_COUNT);
        for (name, ty) in slots(options) {
            let tensor = checkpoint.expect_tensor(&name, dtype(ty.dtype), &ty.shape)?;
            buffers.push(runtime.upload_bytes(&ty, &tensor.data)?);
        }
        Ok(State { buffers })
    }

    /// Waits for the state and saves it under `checkpoints`; the folder of the new checkpoint.
    ///
    /// # Errors
    /// When a step that led here failed, or the checkpoint cannot be written.
    pub fn save(
        &self,
        options: &StepOptions,
        checkpoints: &Path,
        description: &Description,
    ) -> Result<PathBuf, Error> {
        let arrays = self.buffers.iter().map(Buffer::to_host).collect::<Result<Vec<HostArray>, _>>()?;
        let slots = slots(options);
        let tensors: Vec<_> = slots
            .into_iter()
            .zip(&arrays)
            .map(|((name, ty), array)| Tensor {
                name,
                dtype: dtype(ty.dtype),
                shape: ty.shape,
                data: array.bytes().into(),
            })
            .collect();
        Ok(checkpoint::save(checkpoints, description, &tensors)?)
    }

    /// All tensors, in the order of a step's inputs.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The parameters.
    pub fn parameters(&self) -> &[Buffer] {
        &self.buffers[..COUNT]
    }

    /// Replaces the state by what a step made of it, the first [`STATE_COUNT`] of `outputs`; the others are returned.
    pub fn advance(&mut self, mut outputs: Vec<Buffer>) -> Vec<Buffer> {
        let rest = outputs.split_off(STATE_COUNT);
        self.buffers = outputs;
        rest
    }
}

/// The dtype's name in a checkpoint.
fn dtype(dtype: DType) -> Dtype {
    match dtype {
        DType::Pred => Dtype::BOOL,
        DType::U8 => Dtype::U8,
        DType::I32 => Dtype::I32,
        DType::U32 => Dtype::U32,
        DType::I64 => Dtype::I64,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    }
}
