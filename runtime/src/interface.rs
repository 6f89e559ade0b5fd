//! The interface of a program: its inputs and outputs, known before it is compiled.

use graph::{Function, Partitioned, Split, TensorType};

use crate::{DeviceLayout, Error, Result};

/// An input of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Name of the function's parameter.
    pub name: String,
    /// Dtype and shape of the whole array.
    pub ty: TensorType,
    /// Logical axis name of each dimension, or empty.
    pub axes: Vec<String>,
    /// Its layout on the program's devices.
    pub layout: DeviceLayout,
    /// Whether an output takes over its memory, so that a run uses it up.
    pub donated: bool,
}

/// An output of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Name of the function's result.
    pub name: String,
    /// Dtype and shape of the whole array.
    pub ty: TensorType,
    /// Its layout on the program's devices.
    pub layout: DeviceLayout,
    /// Position of the input whose memory it takes over.
    pub alias: Option<usize>,
}

/// The inputs and outputs of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Inputs, in calling order.
    pub inputs: Vec<Input>,
    /// Outputs, in order.
    pub outputs: Vec<Output>,
    /// The layout of a number, which has the program's devices: whole on each of them.
    scalar: DeviceLayout,
}

impl Interface {
    /// The interface of a function that runs on one device.
    pub fn of(function: &Function) -> Self {
        let whole = |ty: &TensorType| (ty.clone(), DeviceLayout::single(ty.rank()));
        let types = function.param_types().iter().map(whole).collect();
        let results = function.result_types().iter().map(whole).collect();
        Self::new(function, types, results, DeviceLayout::single(0))
    }

    /// The interface of a function that runs on a mesh. `devices` gives the device at each position of it, as its
    /// number in the client's list; if not given, they are taken in order.
    ///
    /// # Errors
    /// [`Error::Layout`] when a split names an unknown axis or does not divide a dimension evenly, or `devices` are not
    /// as many as the mesh has.
    pub fn of_partitioned(partitioned: &Partitioned, devices: Option<&[usize]>) -> Result<Self> {
        let Partitioned { function, mesh, params, results } = partitioned;
        let scalar = DeviceLayout::replicated(mesh, 0)?;
        let scalar =
            devices.map_or_else(|| Ok(scalar.clone()), |devices| scalar.clone().on_devices(devices))?;
        let whole = |what: &str, shards: Vec<TensorType>, splits: &[Split]| {
            if shards.len() != splits.len() {
                let (count, splits) = (shards.len(), splits.len());
                let reason =
                    format!("program `{}` has {count} {what} and splits for {splits}", function.name);
                return Err(Error::Layout { reason });
            }
            let whole = |(shard, split): (&TensorType, &Split)| {
                let layout = scalar.with_split(split.clone())?;
                Ok((layout.whole_type(shard)?, layout))
            };
            shards.iter().zip(splits).map(whole).collect::<Result<Vec<_>>>()
        };
        let params = whole("inputs", function.param_types(), params)?;
        let results = whole("outputs", function.result_types(), results)?;
        Ok(Self::new(function, params, results, scalar))
    }

    fn new(
        function: &Function,
        params: Vec<(TensorType, DeviceLayout)>,
        results: Vec<(TensorType, DeviceLayout)>,
        scalar: DeviceLayout,
    ) -> Self {
        let outputs = function.results.iter().zip(results).map(|(result, (ty, layout))| Output {
            name: result.name.clone(),
            ty,
            layout,
            alias: result.alias,
        });
        let outputs: Vec<_> = outputs.collect();
        let donated = |index| outputs.iter().any(|output| output.alias == Some(index));
        let inputs = function.params.iter().zip(params).enumerate().map(|(index, (param, (ty, layout)))| {
            Input { name: param.name.clone(), ty, axes: param.axes.clone(), layout, donated: donated(index) }
        });
        Self { inputs: inputs.collect(), outputs, scalar }
    }

    /// The layout of a number: whole on each of the program's devices.
    pub(crate) fn scalar(&self) -> &DeviceLayout {
        &self.scalar
    }

    /// The device at each position of the program's mesh, as its number in the client's list.
    pub fn devices(&self) -> &[usize] {
        self.scalar.devices()
    }

    /// Position of the input of this name.
    pub fn input_index(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|input| input.name == name)
    }

    /// Position of the output of this name.
    pub fn output_index(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|output| output.name == name)
    }
}
