//! A function that every device of a mesh runs.

use crate::dtype::TensorType;
use crate::error::Error;
use crate::function::Function;
use crate::mesh::{Mesh, Split};
use crate::verify::is_name;

/// The function each device of a mesh runs, with how the whole inputs and outputs are split over the devices.
#[derive(Clone, Debug, PartialEq)]
pub struct Partitioned {
    /// What a device runs: its types are those of a device's parts.
    pub function: Function,
    /// The devices.
    pub mesh: Mesh,
    /// How each input is split.
    pub params: Vec<Split>,
    /// How each output is split.
    pub results: Vec<Split>,
}

impl Partitioned {
    /// Types of the whole inputs.
    ///
    /// # Errors
    /// As [`Partitioned::verify`].
    pub fn param_types(&self) -> Result<Vec<TensorType>, Error> {
        self.whole_types("parameter", &self.function.param_types(), &self.params)
    }

    /// Types of the whole outputs.
    ///
    /// # Errors
    /// As [`Partitioned::verify`].
    pub fn result_types(&self) -> Result<Vec<TensorType>, Error> {
        self.whole_types("result", &self.function.result_types(), &self.results)
    }

    /// Checks the function, that splits fit inputs and outputs, and that collectives go along axes of the mesh.
    ///
    /// # Errors
    /// Names what does not fit.
    pub fn verify(&self) -> Result<(), Error> {
        crate::verify::verify(&self.function)?;
        for (index, axis) in self.mesh.axes.iter().enumerate() {
            let twice = self.mesh.axes[..index].iter().any(|other| other.name == axis.name);
            if axis.size == 0 || twice || !is_name(&axis.name) {
                let name = &axis.name;
                return Err(Error::Export(format!(
                    "mesh axis `{name}` is empty, there twice, or not a name"
                )));
            }
        }
        let devices = self.mesh.axes.iter().try_fold(1usize, |devices, axis| devices.checked_mul(axis.size));
        if devices.is_none_or(|devices| i32::try_from(devices).is_err()) {
            return Err(Error::Export("the mesh has more than 2^31 - 1 devices".into()));
        }
        self.param_types()?;
        self.result_types()?;
        for (output, split) in self.function.results.iter().zip(&self.results) {
            let Some(alias) = output.alias.filter(|&alias| self.params[alias] != *split) else { continue };
            let (name, param) = (&output.name, &self.function.params[alias].name);
            return Err(Error::Export(format!(
                "result `{name}` aliases `{param}` and is split in another way"
            )));
        }
        self.check_axes(&self.function)
    }

    fn check_axes(&self, function: &Function) -> Result<(), Error> {
        for node in &function.nodes {
            node.op.body().map_or(Ok(()), |body| self.check_axes(body))?;
            for axis in node.op.mesh_axes() {
                if self.mesh.axis(&axis.name) != Some(axis) {
                    let (op, name, size) = (node.op.name(), &axis.name, axis.size);
                    return Err(Error::Export(format!("{op}: the mesh has no axis `{name}` of size {size}")));
                }
            }
        }
        Ok(())
    }

    fn whole_types(
        &self,
        what: &str,
        types: &[TensorType],
        splits: &[Split],
    ) -> Result<Vec<TensorType>, Error> {
        let name = &self.function.name;
        if types.len() != splits.len() {
            let (expected, given) = (types.len(), splits.len());
            return Err(Error::Export(format!("`{name}` has {expected} {what}s and {given} splits")));
        }
        let whole = |(index, (local, split)): (usize, (&TensorType, &Split))| {
            let names: Vec<_> = split.iter().flatten().collect();
            let repeated = names.iter().enumerate().any(|(at, axis)| names[..at].contains(axis));
            let fits = split.len() == local.rank() && !repeated;
            let whole = if fits { self.mesh.whole(local, split) } else { None };
            whole.ok_or_else(|| {
                Error::Export(format!("`{name}`, {what} {index}: {local} cannot be split as {split:?}"))
            })
        };
        types.iter().zip(splits).enumerate().map(whole).collect()
    }
}
