//! The train state on the devices: parameters and optimiser state, as buffers and as a checkpoint.

use std::ops::Range;

use graph::{DType, Literal, TensorType};
use runtime::{Buffer, HostArray, Input, Part, Program, Runtime, array_type, copy_to_host};
use store::checkpoint::{Axis, Checkpoint, Dtype, Region, Snapshot, SnapshotPiece, SnapshotTensor};

use crate::Error;
use crate::step::{ADAM, PARAMETERS};

/// The tensors a step reads and writes: for each of its groups ([`state_groups`](crate::step::state_groups)), all
/// parameters of the model. They lie on the devices as the step wants them; a checkpoint holds the pieces, for any other
/// mesh to go on with.
#[derive(Debug)]
pub struct TrainState {
    names: Vec<String>,
    buffers: Vec<Buffer>,
}

impl TrainState {
    /// The state before the first step: parameters, and their float32 copy if there is one, made on the devices from a
    /// seed; Adam's means of zero.
    ///
    /// `step` are the inputs of a training step, of which the state is all before the input `step`. `initialize` makes
    /// what is not Adam's, in that order, from the seed, a u32 scalar, on the same devices and in the same layouts.
    ///
    /// # Errors
    /// [`Error::Parameters`] when `initialize` makes other tensors than the step takes, [`Error::Device`] when a device
    /// fails or its memory is full.
    pub fn initialize(
        runtime: &Runtime,
        step: &[Input],
        initialize: &Program,
        seed: u32,
    ) -> Result<TrainState, Error> {
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
        Ok(TrainState { names: names(inputs), buffers })
    }

    /// The state a checkpoint holds, laid out as the inputs of a training step: for each device, the slice it needs is
    /// read. The host holds no more than one tensor at a time.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when a tensor is missing, of another type or shape, or cannot be read; [`Error::Device`]
    /// when a device fails or its memory is full.
    pub fn load(runtime: &Runtime, step: &[Input], checkpoint: &Checkpoint) -> Result<TrainState, Error> {
        let mut state = TrainState { names: names(state_inputs(step)), buffers: Vec::new() };
        state.reload(runtime, step, checkpoint)?;
        Ok(state)
    }

    /// Replaces the state by that of a checkpoint, as [`TrainState::load`] does, without memory for both. After an
    /// error it may hold a part of it.
    ///
    /// # Errors
    /// As [`TrainState::load`].
    pub fn reload(
        &mut self,
        runtime: &Runtime,
        step: &[Input],
        checkpoint: &Checkpoint,
    ) -> Result<(), Error> {
        let inputs = state_inputs(step);
        for Input { name, ty, .. } in inputs {
            checkpoint.expect(name, dtype(ty.dtype), &ty.shape)?;
        }
        self.buffers.clear();
        for Input { name, ty, layout, .. } in inputs {
            let part = |ranges: &[Range<usize>]| -> Result<HostArray, Error> {
                let region = region(ranges);
                let ty = TensorType::new(ty.dtype, region.shape.clone());
                let mut array = HostArray::zeros(array_type(&ty)).map_err(runtime::Error::from)?;
                checkpoint.read(name, &region, array.bytes_mut())?;
                Ok(array)
            };
            self.buffers.push(runtime.upload_parts(ty, layout, part)?);
        }
        Ok(())
    }

    /// Waits for the state and copies it to the host: of every tensor the pieces in which devices hold it, each once.
    ///
    /// # Errors
    /// [`Error::Device`] when one of the steps that led to this state failed.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        self.snapshot_in(Snapshot::default())
    }

    /// As [`TrainState::snapshot`], into the memory of an earlier one of this state, as far as that goes: the system
    /// takes longer to give fresh memory than the copy takes.
    ///
    /// # Errors
    /// As [`TrainState::snapshot`].
    pub fn snapshot_in(&self, earlier: Snapshot) -> Result<Snapshot, Error> {
        let pieces = earlier.tensors.into_iter().flat_map(|tensor| tensor.pieces);
        let mut memory = pieces.map(|piece| piece.data);
        let parts = self.buffers.iter().map(Buffer::owned_parts).collect::<Result<Vec<_>, _>>()?;
        let mut copies = Vec::new();
        for part in parts.iter().flatten() {
            let ty = part.shard.array_type();
            let array = memory.next().filter(|array| array.array_type() == ty);
            let array = array.map_or_else(|| HostArray::zeros(ty.clone()), Ok);
            copies.push((part, array.map_err(runtime::Error::from)?));
        }
        let mut copied = copy_to_host(copies)?.into_iter();
        let tensor = |((name, buffer), parts): ((&String, &Buffer), &Vec<Part<'_>>)| SnapshotTensor {
            name: name.clone(),
            dtype: dtype(buffer.ty().dtype),
            shape: buffer.ty().shape.clone(),
            split: buffer.layout().split().clone(),
            pieces: (parts.iter().zip(copied.by_ref()))
                .map(|(part, data)| SnapshotPiece { region: region(&part.ranges), data })
                .collect(),
        };
        let tensors = self.names.iter().zip(&self.buffers).zip(&parts).map(tensor).collect();
        let mesh = self.buffers.first().map(|buffer| &buffer.layout().mesh().axes);
        let axes = mesh.into_iter().flatten();
        let mesh = axes.map(|axis| Axis { name: axis.name.clone(), size: axis.size }).collect();
        Ok(Snapshot { mesh, tensors })
    }

    /// All tensors, in the order of a step's inputs.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The parameters, the first group of the state.
    pub fn parameters(&self) -> &[Buffer] {
        let count = self.names.iter().take_while(|name| name.starts_with(PARAMETERS)).count();
        &self.buffers[..count]
    }

    /// Replaces the state by the new one of a step, the first of its `outputs`; the others are returned.
    ///
    /// # Panics
    /// If there are fewer outputs than tensors of the state.
    pub fn advance(&mut self, mut outputs: Vec<Buffer>) -> Vec<Buffer> {
        let rest = outputs.split_off(self.buffers.len());
        self.buffers = outputs;
        rest
    }
}

/// The box of a range in each dimension.
fn region(ranges: &[Range<usize>]) -> Region {
    let (offset, shape) = ranges.iter().map(|range| (range.start, range.len())).unzip();
    Region { offset, shape }
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
