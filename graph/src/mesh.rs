//! Devices in a grid, and how tensors lie on them.

use crate::dtype::TensorType;
use crate::error::Error;
use crate::function::Function;
use crate::verify::{fits_memory, is_name};

/// One axis of a mesh of devices.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MeshAxis {
    /// Name, unique in the mesh.
    pub name: String,
    /// Number of devices along it, at least 1.
    pub size: usize,
}

/// A grid of devices; the position along the last axis varies fastest with a device's number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mesh {
    /// The axes, major first.
    pub axes: Vec<MeshAxis>,
}

/// For each dimension of a tensor, the mesh axes it is split by, major first. Along all other axes, every device has the
/// same part.
pub type Split = Vec<Vec<String>>;

/// The tables of a plan: what a tensor is to a training step, by which a plan decides how its logical axes are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlacementTable {
    /// What a model computes.
    Activations,
    /// A parameter as matmuls read it.
    Weights,
    /// A parameter between steps.
    Parameters,
    /// The gradient of a parameter, in every microbatch and summed over them.
    Gradients,
    /// The optimiser's state, and what meets it in the update.
    Optimizer,
}

impl PlacementTable {
    /// Every table.
    pub const ALL: [PlacementTable; 5] = [
        PlacementTable::Activations,
        PlacementTable::Weights,
        PlacementTable::Parameters,
        PlacementTable::Gradients,
        PlacementTable::Optimizer,
    ];

    /// Its name in programs and plans.
    pub fn name(self) -> &'static str {
        match self {
            PlacementTable::Activations => "activations",
            PlacementTable::Weights => "weights",
            PlacementTable::Parameters => "parameters",
            PlacementTable::Gradients => "gradients",
            PlacementTable::Optimizer => "optimizer",
        }
    }

    /// The table of this name.
    pub fn find(name: &str) -> Option<PlacementTable> {
        PlacementTable::ALL.into_iter().find(|table| table.name() == name)
    }
}

impl std::fmt::Display for PlacementTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A table of a plan, which says where a tensor lies, and the logical axis of each dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placement {
    /// The table.
    pub table: PlacementTable,
    /// Logical axes, one per dimension.
    pub axes: Vec<String>,
}

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

impl Mesh {
    /// Number of devices.
    pub fn devices(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product()
    }

    /// The axis of a name.
    pub fn axis(&self, name: &str) -> Option<&MeshAxis> {
        self.axes.iter().find(|axis| axis.name == name)
    }

    /// By how much a device's number grows from one position along an axis to the next.
    pub fn stride(&self, name: &str) -> Option<usize> {
        let index = self.axes.iter().position(|axis| axis.name == name)?;
        Some(self.axes[index + 1..].iter().map(|axis| axis.size).product())
    }

    /// Position of a device along an axis.
    pub fn position(&self, device: usize, name: &str) -> Option<usize> {
        Some(device / self.stride(name)? % self.axis(name)?.size)
    }

    /// Number of a device's part among the parts that axes, major first, split something into.
    pub fn part(&self, device: usize, axes: &[String]) -> Option<usize> {
        axes.iter()
            .try_fold(0, |part, name| Some(part * self.axis(name)?.size + self.position(device, name)?))
    }

    /// Number of parts that axes split something into.
    pub fn parts(&self, axes: &[String]) -> Option<usize> {
        axes.iter().try_fold(1usize, |parts, name| parts.checked_mul(self.axis(name)?.size))
    }

    /// The devices that communicate in a collective along axes: groups, each in order of position, first axis major.
    pub fn groups(&self, axes: &[MeshAxis]) -> Vec<Vec<usize>> {
        let names: Vec<String> = axes.iter().map(|axis| axis.name.clone()).collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut numbers: std::collections::HashMap<Vec<usize>, usize> = std::collections::HashMap::new();
        for device in 0..self.devices() {
            let others = self.axes.iter().filter(|axis| !names.contains(&axis.name));
            let key: Vec<usize> = others.filter_map(|axis| self.position(device, &axis.name)).collect();
            let group = *numbers.entry(key).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(device);
        }
        for group in &mut groups {
            group.sort_by_key(|&device| self.part(device, &names));
        }
        groups
    }

    /// Which device sends to which when each value goes `shift` positions onwards along an axis.
    pub(crate) fn shifted(&self, axis: &MeshAxis, shift: i64) -> Vec<(usize, usize)> {
        let to = |from: usize| usize::try_from(i64::try_from(from).ok()?.checked_add(shift)?).ok();
        let groups = self.groups(std::slice::from_ref(axis)).into_iter();
        let pairs = groups.flat_map(|group| {
            let pair = |from: usize| Some((group[from], *group.get(to(from)?)?));
            (0..group.len()).filter_map(pair).collect::<Vec<_>>()
        });
        pairs.collect()
    }

    /// The type of the whole of which a device has a part of type `local`; `None` if an axis is unknown or it is too
    /// large for any memory.
    pub fn whole(&self, local: &TensorType, split: &Split) -> Option<TensorType> {
        let sizes = local.shape.iter().zip(split).map(|(size, axes)| size.checked_mul(self.parts(axes)?));
        Some(TensorType::new(local.dtype, sizes.collect::<Option<Vec<_>>>()?)).filter(fits_memory)
    }
}

impl Partitioned {
    /// Types of the whole inputs.
    ///
    /// # Errors
    /// [`Error::Export`] if there is not one split for each input, or if one of them has another rank than its input, an
    /// axis twice, or one that the mesh has not.
    pub fn param_types(&self) -> Result<Vec<TensorType>, Error> {
        self.whole_types("parameter", &self.function.param_types(), &self.params)
    }

    /// Types of the whole outputs.
    ///
    /// # Errors
    /// As [`Partitioned::param_types`], of outputs.
    pub fn result_types(&self) -> Result<Vec<TensorType>, Error> {
        self.whole_types("result", &self.function.result_types(), &self.results)
    }

    /// Checks the function, that splits fit inputs and outputs, and that collectives go along axes of the mesh.
    ///
    /// # Errors
    /// [`Error::Verify`] if the function is not valid. [`Error::Export`] if an axis of the mesh has no devices, is there
    /// twice or has no well-formed name; if there are more than 2³¹ - 1 devices; as [`Partitioned::param_types`] and
    /// [`Partitioned::result_types`]; if an output lies in the memory of an input that is split in another way; or if an
    /// op goes along an axis that the mesh has not, or has in another size.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mesh() -> Mesh {
        let axis = |name: &str, size| MeshAxis { name: name.into(), size };
        Mesh { axes: vec![axis("stage", 2), axis("data", 3), axis("model", 2)] }
    }

    #[test]
    fn devices_count_along_the_last_axis_first() {
        let mesh = mesh();
        let positions: Vec<_> = ["stage", "data", "model"].map(|axis| mesh.position(9, axis)).to_vec();
        assert_eq!(positions, [Some(1), Some(1), Some(1)]);
        assert_eq!(mesh.part(9, &["model".into(), "stage".into()]), Some(3));
        assert_eq!(mesh.part(9, &["tensor".into()]), None);
    }

    #[test]
    fn groups_are_ordered_by_position_with_the_first_axis_major() {
        let mesh = mesh();
        let axes = |names: &[&str]| -> Vec<MeshAxis> {
            names.iter().filter_map(|name| mesh.axis(name).cloned()).collect()
        };
        assert_eq!(mesh.groups(&axes(&["data"]))[..2], [vec![0, 2, 4], vec![1, 3, 5]]);
        assert_eq!(mesh.groups(&axes(&["model", "stage"]))[0], [0, 6, 1, 7]);
        assert_eq!(mesh.groups(&axes(&["stage", "data", "model"])), [(0..12).collect::<Vec<_>>()]);
    }
}
