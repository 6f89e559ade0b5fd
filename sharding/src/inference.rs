//! How programs that read a model's parameters and train nothing are split: a mesh of two axes, the rules that follow from
//! it, and the choice of one.

use std::fmt;

use graph::{Function, Mesh, MeshAxis, Partitioned, PlacementTable, Split};

use crate::partition::{self, Rules, partition};
use crate::plan::{DATA, MODEL, MeshShape, STAGE, rules};

/// Prefix of the names that parameters have in programs.
const PARAMETERS: &str = "parameters/";

/// Devices along each axis of a mesh for inference. There are no pipeline stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InferenceMesh {
    /// Devices that have rows of their own and, together with those that share them, all parameters.
    pub data: usize,
    /// Devices that share each row: its heads, feed-forward width and vocabulary.
    pub model: usize,
}

/// As a user reads it, such as `data 2 x model 2`.
impl fmt::Display for InferenceMesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DATA} {} x {MODEL} {}", self.data, self.model)
    }
}

/// Why there is no such mesh.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text that is no mesh.
    #[error("{text}: {reason}; write data=2,model=2, whose product is the number of devices")]
    Syntax {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Pipeline stages.
    #[error(
        "{STAGE} = {0}: inference has no pipeline stages; give those devices to {DATA} or {MODEL}, as in data=2,model=2"
    )]
    Stages(usize),
    /// A mesh of another number of devices than there are.
    #[error("{DATA} {} x {MODEL} {} is {} devices, and there are {devices}", .mesh.data, .mesh.model, .mesh.devices())]
    Devices {
        /// The mesh.
        mesh: InferenceMesh,
        /// Devices there are.
        devices: usize,
    },
    /// A part of the model that the axis `model` does not divide.
    #[error(
        "{MODEL} = {size} does not divide the model's {what}, {count}; on these devices {MODEL} can be {}",
        list(.possible)
    )]
    Indivisible {
        /// Devices along the axis.
        size: usize,
        /// What is to be divided, such as `heads`.
        what: &'static str,
        /// How many of it there are.
        count: usize,
        /// Sizes of the axis that divide the model and the devices.
        possible: Vec<usize>,
    },
}

fn list(sizes: &[usize]) -> String {
    let text = |sizes: &[usize]| sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    match sizes {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", text(before)),
        _ => text(sizes),
    }
}

impl InferenceMesh {
    /// Reads `data=2,model=2`, of which either may be left out.
    ///
    /// # Errors
    /// [`Error::Syntax`]; [`Error::Stages`] for an axis `stage` of more than 1.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Syntax { text: text.to_owned(), reason };
        let mut sizes = [(DATA, None), (MODEL, None), (STAGE, None)];
        for part in text.split(',') {
            let part = part.trim();
            let (name, value) =
                part.split_once('=').ok_or_else(|| wrong(format!("`{part}` is no axis with a size")))?;
            let (_, size) = sizes.iter_mut().find(|(axis, _)| *axis == name.trim()).ok_or_else(|| {
                wrong(format!("there is no axis `{}`, only {DATA} and {MODEL}", name.trim()))
            })?;
            let value = value.trim();
            let number = value.parse::<usize>().ok().filter(|&size| size > 0);
            let number =
                number.ok_or_else(|| wrong(format!("{} = {value} is no number from 1", name.trim())))?;
            if size.replace(number).is_some() {
                return Err(wrong(format!("{} stands there twice", name.trim())));
            }
        }
        let [data, model, stage] = sizes.map(|(_, size)| size.unwrap_or(1));
        Self::of(MeshShape { stage, data, model })
    }

    /// The mesh of a plan that was made for training.
    ///
    /// # Errors
    /// [`Error::Stages`].
    pub fn of(mesh: MeshShape) -> Result<Self, Error> {
        let MeshShape { stage, data, model } = mesh;
        if stage > 1 { Err(Error::Stages(stage)) } else { Ok(Self { data, model }) }
    }

    /// Number of devices.
    pub fn devices(self) -> usize {
        self.data.saturating_mul(self.model)
    }

    /// Checks that it is of so many devices and divides a model, of which `divided` says what the axis `model` has to
    /// divide ([`Work::divided`](crate::search::Work::divided)).
    ///
    /// # Errors
    /// [`Error::Devices`] and [`Error::Indivisible`].
    pub fn check(self, devices: usize, divided: &[(&'static str, usize)]) -> Result<(), Error> {
        if self.devices() != devices {
            return Err(Error::Devices { mesh: self, devices });
        }
        match divided.iter().find(|(_, count)| !count.is_multiple_of(self.model)) {
            Some(&(what, count)) => {
                let possible = possible(devices, divided).collect();
                Err(Error::Indivisible { size: self.model, what, count, possible })
            }
            None => Ok(()),
        }
    }

    /// The mesh of `devices` devices whose axis `model` is the shortest with which a model fits each of them, as `fits`
    /// says; the longest there can be if it fits with none.
    pub fn choose(
        devices: usize,
        divided: &[(&'static str, usize)],
        mut fits: impl FnMut(Self) -> bool,
    ) -> Self {
        let of = |model: usize| Self { data: devices / model.max(1), model };
        let mut longest = of(1);
        for mesh in possible(devices, divided).map(of) {
            if fits(mesh) {
                return mesh;
            }
            longest = mesh;
        }
        longest
    }

    /// The mesh as programs know it, the major axis first.
    pub fn mesh(self) -> Mesh {
        let axis = |name: &str, size| MeshAxis { name: name.to_owned(), size };
        Mesh { axes: vec![axis(DATA, self.data), axis(MODEL, self.model)] }
    }

    /// The rules that split a program: those of a plan without ZeRO and without stages.
    pub fn rules(self) -> Rules {
        let mut rules = rules(0, false);
        for table in rules.tables.values_mut() {
            table.retain(|_, axes| !axes.iter().any(|axis| axis == STAGE));
        }
        rules
    }

    /// How a program's input or output of this name lies, whose dimensions have these logical axes: parameters
    /// (`parameters/…`) by the table of parameters, anything else by that of activations; whole on every device, if there is not an
    /// axis for each of its `rank` dimensions.
    pub fn place<S: AsRef<str>>(self, name: &str, axes: &[S], rank: usize) -> Split {
        let table = match name.starts_with(PARAMETERS) {
            true => PlacementTable::Parameters,
            false => PlacementTable::Activations,
        };
        self.rules().split_or_whole(table, axes, rank)
    }

    /// The program that each device runs of `function`. Inputs lie as their axes say ([`InferenceMesh::place`]), an output that takes over an
    /// input's memory as that input, and others as the axes say that `outputs` gives for their name.
    ///
    /// # Errors
    /// [`partition::Error`], naming the dimension that does not fall into equal parts.
    pub fn split(
        self,
        function: &Function,
        outputs: impl Fn(&str) -> Vec<&'static str>,
    ) -> Result<Partitioned, partition::Error> {
        let params = function.params.iter().map(|param| {
            let rank = function.ty(param.value).rank();
            self.place(&param.name, &param.axes, rank)
        });
        let params: Vec<Split> = params.collect();
        let results = function.results.iter().map(|output| match output.alias {
            Some(param) => params[param].clone(),
            None => self.place(&output.name, &outputs(&output.name), function.ty(output.value).rank()),
        });
        let results: Vec<Split> = results.collect();
        partition(function, &self.mesh(), &[], &self.rules(), &params, &results)
    }
}

/// Sizes that the axis `model` can have, ascending.
fn possible(devices: usize, divided: &[(&'static str, usize)]) -> impl Iterator<Item = usize> {
    let divides = move |size: usize| {
        devices.is_multiple_of(size) && divided.iter().all(|(_, count)| count.is_multiple_of(size))
    };
    (1..=devices).filter(move |&size| divides(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: &[(&str, usize)] = &[("heads", 12), ("feed-forward width", 40)];

    #[test]
    fn axes_are_read_from_text() {
        let mesh = |data, model| Ok(InferenceMesh { data, model });
        assert_eq!(InferenceMesh::parse("data=2,model=4"), mesh(2, 4));
        assert_eq!(InferenceMesh::parse("model=4 , stage=1"), mesh(1, 4));
        assert_eq!(mesh(2, 4).map(|mesh| mesh.to_string()), Ok("data 2 x model 4".into()));
        let refused = |text: &str| InferenceMesh::parse(text).unwrap_err().to_string();
        let hint = "; write data=2,model=2, whose product is the number of devices";
        assert_eq!(refused("model"), format!("model: `model` is no axis with a size{hint}"));
        assert_eq!(refused("model=0"), format!("model=0: model = 0 is no number from 1{hint}"));
        assert_eq!(refused("data=2,data=2"), format!("data=2,data=2: data stands there twice{hint}"));
        let no_axis = format!("tensor=2: there is no axis `tensor`, only data and model{hint}");
        assert_eq!(refused("tensor=2"), no_axis);
        assert!(refused("stage=2,data=2").starts_with("stage = 2: inference has no pipeline stages; "));
    }

    #[test]
    fn a_mesh_that_does_not_divide_is_refused_with_those_that_do() {
        let check = |data, model, devices| {
            InferenceMesh { data, model }.check(devices, HEADS).map_err(|error| error.to_string())
        };
        assert_eq!(check(2, 4, 8), Ok(()));
        let devices = "data 2 x model 2 is 4 devices, and there are 8";
        assert_eq!(check(2, 2, 8), Err(devices.into()));
        let heads =
            "model = 8 does not divide the model's heads, 12; on these devices model can be 1, 2 or 4";
        assert_eq!(check(1, 8, 8), Err(heads.into()));
        let width =
            "model = 3 does not divide the model's feed-forward width, 40; on these devices model can be 1";
        assert_eq!(check(1, 3, 3), Err(width.into()));
    }

    #[test]
    fn the_axis_model_is_as_short_as_memory_allows() {
        let chosen = |fits_from: usize| InferenceMesh::choose(8, HEADS, |mesh| mesh.model >= fits_from);
        for (fits_from, data, model) in [(1, 8, 1), (2, 4, 2), (3, 2, 4), (5, 2, 4)] {
            assert_eq!(chosen(fits_from), InferenceMesh { data, model }, "from {fits_from}");
        }
    }
}
