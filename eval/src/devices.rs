//! The devices that a model is on: one, or a mesh over which its programs are split.

use std::ops::Range;

use graph::{Function, Partitioned, TensorType};
use model::score::LANES;
use model::{ModelConfig, Precision};
use runtime::{Buffer, CompileOptions, DeviceKind, DeviceLayout, Program, Runtime};
use sharding::inference::InferenceMesh;

use crate::{Error, Result};

/// Gives a part of a parameter: its position in [`ModelConfig::parameters`], the indices in each dimension, and where its elements
/// go, little-endian and row-major.
pub type ReadParameter<'a> = &'a mut dyn FnMut(usize, &[Range<usize>], &mut [u8]) -> Result<()>;

/// One device, or a mesh of them.
#[derive(Clone, Debug)]
pub(crate) struct Devices {
    runtime: Runtime,
    mesh: Option<InferenceMesh>,
}

impl Devices {
    /// The first device.
    pub fn one(runtime: &Runtime) -> Self {
        Self { runtime: runtime.clone(), mesh: None }
    }

    /// The first devices that there are, as a mesh that divides a model.
    ///
    /// # Errors
    /// [`Error::Mesh`] for one that does not, [`Error::Devices`] for one of more devices.
    pub fn of_mesh(runtime: &Runtime, mesh: InferenceMesh, config: &ModelConfig) -> Result<Self> {
        let (devices, available) = (mesh.devices(), runtime.device_count());
        if devices > available {
            return Err(Error::Devices { devices, platform: runtime.platform().to_owned(), available });
        }
        mesh.check(devices, &divided(config))?;
        Ok(Self { runtime: runtime.clone(), mesh: Some(mesh) })
    }

    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The mesh, if it is one.
    pub fn mesh(&self) -> Option<InferenceMesh> {
        self.mesh
    }

    /// Number of devices.
    pub fn count(&self) -> usize {
        self.mesh.map_or(1, InferenceMesh::devices)
    }

    /// Devices that have rows of their own.
    pub fn data(&self) -> usize {
        self.mesh.map_or(1, |mesh| mesh.data)
    }

    /// Bytes that programs and arrays may have together on each device; virtual devices of a CPU share its memory.
    pub fn memory_limit(&self) -> Option<u64> {
        let shared = if self.runtime.kind() == DeviceKind::Cpu { self.count() as u64 } else { 1 };
        Some(self.runtime.memory_limit()? / shared.max(1))
    }

    /// A model as programs have it here: with a vocabulary that devices share in whole lanes.
    pub fn model(&self, config: &ModelConfig) -> ModelConfig {
        self.mesh.map_or_else(|| config.clone(), |mesh| model_on(mesh, config))
    }

    /// A function as each device runs it; `outputs` gives the logical axes of what it gives.
    ///
    /// # Errors
    /// [`Error::Partition`].
    pub fn split(
        &self,
        function: &Function,
        outputs: impl Fn(&str) -> Vec<&'static str>,
    ) -> Result<Partitioned> {
        let mesh = self.mesh.unwrap_or(InferenceMesh { data: 1, model: 1 });
        Ok(mesh.split(function, outputs)?)
    }

    /// Compiles a function.
    ///
    /// # Errors
    /// [`Error::Partition`] and [`Error::Device`].
    pub fn compile(
        &self,
        function: &Function,
        outputs: impl Fn(&str) -> Vec<&'static str>,
    ) -> Result<Program> {
        match self.mesh {
            None => Ok(self.runtime.compile(function)?),
            Some(_) => self.compile_split(&self.split(function, outputs)?),
        }
    }

    /// Compiles a function that is split.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn compile_split(&self, program: &Partitioned) -> Result<Program> {
        Ok(self.runtime.compile_partitioned(program, &CompileOptions::default())?)
    }

    /// How a tensor with these logical axes lies.
    ///
    /// # Errors
    /// None, for the meshes that there are.
    pub fn layout<S: AsRef<str>>(&self, name: &str, axes: &[S], rank: usize) -> Result<DeviceLayout> {
        match self.mesh {
            None => Ok(DeviceLayout::single(rank)),
            Some(mesh) => Ok(DeviceLayout::new(&mesh.mesh(), mesh.place(name, axes, rank))?),
        }
    }

    /// How each parameter of a model lies, with its type: `config` is that of [`Devices::model`].
    ///
    /// # Errors
    /// None, for the meshes that there are.
    pub fn parameters(
        &self,
        config: &ModelConfig,
        precision: Precision,
    ) -> Result<Vec<(TensorType, DeviceLayout)>> {
        let specs = config.parameters().into_iter();
        let parameter = |spec: model::ParameterSpec| {
            let layout = self.layout(&format!("parameters/{}", spec.name), spec.axes, spec.shape.len())?;
            Ok((TensorType::new(precision.parameters, spec.shape), layout))
        };
        specs.map(parameter).collect()
    }

    /// Copies the parameters of `config` to the devices, to each its part; ids that a mesh pads the vocabulary with have zeros.
    ///
    /// # Errors
    /// Those of `read`, and [`Error::Device`] when a device's memory is full.
    pub fn load(
        &self,
        config: &ModelConfig,
        precision: Precision,
        read: ReadParameter<'_>,
    ) -> Result<Vec<Buffer>> {
        let placed = self.parameters(&self.model(config), precision)?;
        let given = config.parameters();
        let upload = |(index, ((ty, layout), spec)): (usize, ((TensorType, DeviceLayout), _))| {
            let spec: model::ParameterSpec = spec;
            let rows = spec.shape.first().copied().unwrap_or(1);
            self.runtime.upload_padded(&ty, &layout, rows, |ranges, bytes| read(index, ranges, bytes))
        };
        placed.into_iter().zip(given).enumerate().map(upload).collect()
    }
}

/// A model as programs have it on a mesh: with a vocabulary that devices share in whole lanes.
pub(crate) fn model_on(mesh: InferenceMesh, config: &ModelConfig) -> ModelConfig {
    match mesh.model {
        0 | 1 => config.clone(),
        model => config.with_vocabulary_multiple(LANES * model),
    }
}

/// What the axis `model` of a mesh has to divide.
pub(crate) fn divided(config: &ModelConfig) -> Vec<(&'static str, usize)> {
    config.work(1, 1.into()).divided
}
