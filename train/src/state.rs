//! The train state on the devices: parameters and optimiser state, as buffers and as a checkpoint.

use std::collections::BTreeMap;
use std::ops::Range;

use graph::{DType, Literal, TensorType};
use model::ModelConfig;
use model::parameters::VOCABULARY;
use runtime::{Buffer, DeviceLayout, HostArray, Input, Part, Program, Runtime, copy_to_host};
use store::checkpoint::{Axis, Checkpoint, Dtype, Region, Snapshot, SnapshotPiece, SnapshotTensor};

use crate::Error;
use crate::step::{ADAM, FLOAT32_COPY, PARAMETERS, state_groups};

/// The tensors a step reads and writes: for each of its groups ([`state_groups`]), all parameters of the model. They lie on the devices as the step wants them; a checkpoint holds the pieces, for any other
/// mesh to go on with.
#[derive(Debug)]
pub struct TrainState {
    names: Vec<String>,
    buffers: Vec<Buffer>,
    stored: StoredRows,
}

/// The rows that checkpoints hold of tensors whose vocabulary a plan pads, by the parameter's name. What padding holds is of
/// no consequence: it is left out when a state is saved, and zero when one is loaded, so that checkpoints are the same for
/// all plans.
#[derive(Clone, Debug, Default)]
pub struct StoredRows(BTreeMap<&'static str, usize>);

impl StoredRows {
    /// Those of a model as a step has it, which may be padded.
    pub fn of(model: &ModelConfig) -> Self {
        let tokens = model.sizes().vocabulary_size;
        let padded = tokens != model.padded_vocabulary();
        let specs = model.parameters().into_iter();
        let of_tokens = specs.filter(|spec| padded && spec.axes.first() == Some(&VOCABULARY));
        Self(of_tokens.map(|spec| (spec.name, tokens)).collect())
    }

    /// The shape in checkpoints of a tensor of the state.
    fn shape(&self, name: &str, shape: &[usize]) -> Vec<usize> {
        let mut shape = shape.to_vec();
        let prefix = state_groups(true).iter().find(|prefix| name.starts_with(**prefix));
        let name = name.strip_prefix(prefix.copied().unwrap_or_default()).unwrap_or(name);
        if let (Some(&rows), Some(first)) = (self.0.get(name), shape.first_mut()) {
            *first = rows;
        }
        shape
    }
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
        stored: StoredRows,
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
        Ok(TrainState { names: names(inputs), buffers, stored })
    }

    /// The state a checkpoint holds, laid out as the inputs of a training step: for each device, the slice it needs is
    /// read. The host holds no more than one tensor at a time.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when a tensor is missing, of another type or shape, or cannot be read; [`Error::Device`]
    /// when a device fails or its memory is full.
    pub fn load(
        runtime: &Runtime,
        step: &[Input],
        checkpoint: &Checkpoint,
        stored: StoredRows,
    ) -> Result<TrainState, Error> {
        let mut state = TrainState { names: names(state_inputs(step)), buffers: Vec::new(), stored };
        state.reload(runtime, step, checkpoint)?;
        Ok(state)
    }

    /// The state before the first step, with the parameters that a checkpoint of any training or an imported one holds: from
    /// their float32 copy if it has one, rounded where the step keeps them with fewer bits. Adam's means are zero.
    ///
    /// # Errors
    /// As [`TrainState::load`].
    pub fn with_parameters(
        runtime: &Runtime,
        step: &[Input],
        checkpoint: &Checkpoint,
        stored: StoredRows,
    ) -> Result<TrainState, Error> {
        let inputs = state_inputs(step);
        let mut state = TrainState { names: names(inputs), buffers: Vec::new(), stored };
        for Input { name, ty, layout, .. } in inputs {
            let parameter = name.strip_prefix(PARAMETERS).or_else(|| name.strip_prefix(FLOAT32_COPY));
            let Some(parameter) = parameter else {
                state.buffers.push(runtime.zeros_with(ty, layout)?);
                continue;
            };
            let copy = format!("{FLOAT32_COPY}{parameter}");
            let source = match checkpoint.tensor(&copy) {
                Ok(_) => copy,
                Err(_) => format!("{PARAMETERS}{parameter}"),
            };
            let shape = state.stored.shape(name, &ty.shape);
            checkpoint.expect(&source, checkpoint.tensor(&source)?.dtype, &shape)?;
            state.buffers.push(upload_tensor(runtime, ty, layout, &shape, |region, bytes| {
                Ok(checkpoint.read_as(&source, region, dtype(ty.dtype), bytes)?)
            })?);
        }
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
            checkpoint.expect(name, dtype(ty.dtype), &self.stored.shape(name, &ty.shape))?;
        }
        self.buffers.clear();
        for Input { name, ty, layout, .. } in inputs {
            let stored = self.stored.shape(name, &ty.shape);
            self.buffers.push(upload_tensor(runtime, ty, layout, &stored, |region, bytes| {
                Ok(checkpoint.read(name, region, bytes)?)
            })?);
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
        let tensor = |((name, buffer), parts): ((&String, &Buffer), &Vec<Part<'_>>)| {
            let shape = self.stored.shape(name, &buffer.ty().shape);
            let pieces = parts.iter().zip(copied.by_ref()).filter_map(|(part, data)| {
                stored_region(&part.ranges, &shape).map(|region| first_rows(region, data))
            });
            let pieces = pieces.collect::<Result<_, Error>>()?;
            let (dtype, split) = (dtype(buffer.ty().dtype), buffer.layout().split().clone());
            Ok(SnapshotTensor { name: name.clone(), dtype, shape, split, pieces })
        };
        let tensors = self.names.iter().zip(&self.buffers).zip(&parts).map(tensor);
        let tensors = tensors.collect::<Result<_, Error>>()?;
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

/// A tensor on the devices, of which `read` gives any box of the `stored` shape; padding is zero.
fn upload_tensor(
    runtime: &Runtime,
    ty: &TensorType,
    layout: &DeviceLayout,
    stored: &[usize],
    read: impl Fn(&Region, &mut [u8]) -> Result<(), Error>,
) -> Result<Buffer, Error> {
    let rows = stored.first().copied().unwrap_or(1);
    runtime.upload_padded(ty, layout, rows, |ranges, bytes| read(&region(ranges), bytes))
}

/// The box of a range in each dimension.
fn region(ranges: &[Range<usize>]) -> Region {
    let (offset, shape) = ranges.iter().map(|range| (range.start, range.len())).unzip();
    Region { offset, shape }
}

/// What checkpoints hold of the box of a range in each dimension, of a tensor that has `shape` there; `None` if that is
/// nothing.
fn stored_region(ranges: &[Range<usize>], shape: &[usize]) -> Option<Region> {
    let mut region = region(ranges);
    if let (Some(first), Some(range), Some(&rows)) = (region.shape.first_mut(), ranges.first(), shape.first())
    {
        *first = range.end.min(rows).checked_sub(range.start).filter(|&rows| rows > 0 || range.is_empty())?;
    }
    Some(region)
}

/// A piece of a snapshot from a device's part, of which it is the first rows.
fn first_rows(region: Region, data: HostArray) -> Result<SnapshotPiece, Error> {
    let ty = data.array_type();
    if ty.dims == region.shape {
        return Ok(SnapshotPiece { region, data });
    }
    let mut ty = ty.clone();
    ty.dims.clone_from(&region.shape);
    let bytes = data.bytes().len() / data.array_type().dims[0].max(1) * region.shape[0];
    let data = HostArray::from_bytes(ty, &data.bytes()[..bytes]).map_err(runtime::Error::from)?;
    Ok(SnapshotPiece { region, data })
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
