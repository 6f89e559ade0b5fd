//! The state of a training on the device: parameters and Adam's means, as buffers and as a checkpoint.

mod digest;

use std::path::{Path, PathBuf};

use graph::{DType, Literal, TensorType};
use model::parameters::COUNT;
use sharding::{Buffer, HostArray, Input, Program, Runtime};

use crate::Error;
use crate::checkpoint::{self, Checkpoint, Description, Dtype, Tensor};
use crate::step::ADAM;
pub use digest::StateDigest;

/// The tensors a step reads and writes: for each of its groups ([`state_groups`](crate::step::state_groups)), all
/// parameters of the model.
/// They lie on the devices as the step wants them; a checkpoint holds them whole, for any other mesh to go on with.
#[derive(Debug)]
pub struct State {
    names: Vec<String>,
    buffers: Vec<Buffer>,
}

impl State {
    /// The state before the first step: parameters, and their float32 copy if there is one, made on the devices from a
    /// seed; Adam's means of zero.
    ///
    /// `step` are the inputs of a training step, of which the state is all before the input `step`. `initialize` makes
    /// what is not Adam's, in that order, from the seed, a u32 scalar, on the same devices and in the same layouts.
    ///
    /// # Errors
    /// [`Error::Parameters`] when it makes others, and when a device refuses.
    pub fn initialize(
        runtime: &Runtime,
        step: &[Input],
        initialize: &Program,
        seed: u32,
    ) -> Result<State, Error> {
        let inputs = state_inputs(step);
        let is_adams = |input: &&Input| input.name.starts_with(ADAM);
        let made: Vec<&Input> = inputs.iter().filter(|input| !is_adams(input)).collect();
        check_parameters(&made, initialize)?;
        let seed = initialize.upload(0, &Literal::scalar(DType::U32, seed.into()))?;
        let mut made = initialize.run(&[&seed])?.into_iter();
        let mut buffers = Vec::with_capacity(inputs.len());
        for input in inputs {
            let made = if is_adams(&input) { None } else { made.next() };
            buffers.push(match made {
                Some(buffer) => buffer,
                None => runtime.zeros_with(&input.ty, &input.layout)?,
            });
        }
        Ok(State { names: names(inputs), buffers })
    }

    /// The state a checkpoint holds, laid out as the inputs of a training step.
    ///
    /// # Errors
    /// When a tensor is missing, of another type or shape, or cannot be read, and when a device refuses.
    pub fn load(runtime: &Runtime, step: &[Input], checkpoint: &mut Checkpoint) -> Result<State, Error> {
        let mut state = State { names: names(state_inputs(step)), buffers: Vec::new() };
        state.reload(runtime, step, checkpoint)?;
        Ok(state)
    }

    /// Replaces the state by that of a checkpoint, as [`State::load`] does, without room for both. After an error it holds
    /// a part of it.
    ///
    /// # Errors
    /// As [`State::load`].
    pub fn reload(
        &mut self,
        runtime: &Runtime,
        step: &[Input],
        checkpoint: &mut Checkpoint,
    ) -> Result<(), Error> {
        self.buffers.clear();
        for Input { name, ty, layout, .. } in state_inputs(step) {
            let tensor = checkpoint.expect_tensor(name, dtype(ty.dtype), &ty.shape)?;
            self.buffers.push(runtime.upload_bytes_with(ty, &tensor.data, layout)?);
        }
        Ok(())
    }

    /// Waits for the state and saves it under `checkpoints`; the folder of the new checkpoint.
    ///
    /// # Errors
    /// When a step that led here failed, or the checkpoint cannot be written.
    pub fn save(&self, checkpoints: &Path, description: &Description) -> Result<PathBuf, Error> {
        self.to_host()?.save(checkpoints, description)
    }

    /// Waits for the state and copies it to the host.
    ///
    /// # Errors
    /// When a step that led here failed.
    pub fn to_host(&self) -> Result<HostState, Error> {
        let tensor = |(name, buffer): (&String, &Buffer)| {
            Ok::<_, Error>((name.clone(), buffer.ty().clone(), buffer.to_host()?))
        };
        Ok(HostState { tensors: self.names.iter().zip(&self.buffers).map(tensor).collect::<Result<_, _>>()? })
    }

    /// All tensors, in the order of a step's inputs.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The parameters.
    pub fn parameters(&self) -> &[Buffer] {
        &self.buffers[..COUNT]
    }

    /// Replaces the state by what a step made of it, the first of its `outputs`; the others are returned.
    ///
    /// # Panics
    /// If there are fewer outputs than tensors of the state.
    pub fn advance(&mut self, mut outputs: Vec<Buffer>) -> Vec<Buffer> {
        let rest = outputs.split_off(self.buffers.len());
        self.buffers = outputs;
        rest
    }
}

/// A copy of a state on the host, whole.
#[derive(Debug)]
pub struct HostState {
    tensors: Vec<(String, TensorType, HostArray)>,
}

impl HostState {
    /// What identifies it.
    pub fn digest(&self) -> StateDigest {
        StateDigest::of(self.tensors.iter().map(|(name, ty, array)| (name.as_str(), ty, array.bytes())))
    }

    /// Saves it under `checkpoints`; the folder of the new checkpoint.
    ///
    /// # Errors
    /// When the checkpoint cannot be written.
    pub fn save(&self, checkpoints: &Path, description: &Description) -> Result<PathBuf, Error> {
        let tensors = self.tensors.iter().map(|(name, ty, array)| Tensor {
            name: name.clone(),
            dtype: dtype(ty.dtype),
            shape: ty.shape.clone(),
            data: array.bytes().into(),
        });
        Ok(checkpoint::save(checkpoints, description, &tensors.collect::<Vec<_>>())?)
    }
}

fn state_inputs(step: &[Input]) -> &[Input] {
    let count = step.iter().position(|input| input.name == "step").unwrap_or(step.len());
    &step[..count]
}

fn names(inputs: &[Input]) -> Vec<String> {
    inputs.iter().map(|input| input.name.clone()).collect()
}

/// A program makes parameters that a step can take, and makes them from a seed alone.
fn check_parameters(wanted: &[&Input], program: &Program) -> Result<(), Error> {
    let outputs = program.outputs();
    let refuse = |reason| Err(Error::Parameters { program: program.name().to_owned(), reason });
    if (program.inputs().len(), outputs.len()) != (1, wanted.len()) {
        let (inputs, outputs, wanted) = (program.inputs().len(), outputs.len(), wanted.len());
        return refuse(format!(
            "{inputs} inputs and {outputs} outputs, expected a seed and {wanted} parameters"
        ));
    }
    for (input, output) in wanted.iter().zip(outputs) {
        if input.ty != output.ty || !input.layout.places_like(&output.layout) {
            return refuse(format!(
                "`{}` is {}, {}; the step takes {}, {}",
                output.name, output.ty, output.layout, input.ty, input.layout
            ));
        }
    }
    Ok(())
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
