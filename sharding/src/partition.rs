//! Splits a program over a mesh of devices: from a function on whole tensors to the function each device runs.
//!
//! The function says by logical axes where it wants its tensors ([`graph::Op::Shard`]); [`Rules`] say which mesh axes
//! those are. From there this module follows the layouts through every op: what a device has of an operand decides
//! what it computes of the result. Where operands do not fit each other, or a placement asks for another layout,
//! a collective is built in. A matmul over a split dimension leaves every device a part of a sum; parts are added up as
//! late as they can be, so that a gradient accumulated over microbatches is summed over the devices once.
//!
//! This is what XLA's partitioner does too. That a plan's collectives are known before a compiler has seen it, are the
//! same on every platform, and can be priced and counted, is why it is done here.
//!
//! Splits are equal: a dimension that an axis does not divide is refused by name.

mod analyse;
mod decide;
mod emit;
mod layout;
mod reshape;
mod rules;

use graph::{Function, Mesh, Partitioned, Split, TensorType};

use analyse::{Analysis, Context};
use decide::ValueState;
use layout::{MeshLayout, MeshView};
pub use rules::{AxisRules, Rules};

/// Why a program cannot be split as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A dimension does not fall into equal parts.
    #[error("{what}: {logical} ({size}) does not fall into {parts} equal parts over mesh axis {axis}")]
    Indivisible {
        /// The tensor.
        what: String,
        /// The dimension's logical axis.
        logical: String,
        /// The dimension's size.
        size: usize,
        /// The mesh axis, or several.
        axis: String,
        /// Number of devices along it.
        parts: usize,
    },
    /// A split names an axis that the mesh does not have.
    #[error("{what}: the mesh has no axis `{axis}`; it has {}", .known.join(", "))]
    NoAxis {
        /// The tensor.
        what: String,
        /// The axis.
        axis: String,
        /// The mesh's axes.
        known: Vec<String>,
    },
    /// A placement or split has another number of dimensions than the tensor.
    #[error("{what}: axes {axes:?} do not fit {ty}")]
    Rank {
        /// The tensor.
        what: String,
        /// The axes given.
        axes: Vec<String>,
        /// The tensor's type.
        ty: TensorType,
    },
    /// Not one split for each parameter or result.
    #[error("`{function}` has {expected} {what}, and {given} splits were given")]
    Count {
        /// The function.
        function: String,
        /// Parameters or results.
        what: &'static str,
        /// How many there are.
        expected: usize,
        /// How many splits were given.
        given: usize,
    },
    /// A collective that is already in the function, along an axis that this module is to split.
    #[error("`{scope}`: {op} stands in a program that has not been split yet")]
    Collective {
        /// The op.
        op: &'static str,
        /// Where it stands.
        scope: String,
    },
    /// A layout that nothing decides.
    #[error("nothing says how value %{value} lies; this is a fault of the program")]
    Unknown {
        /// Number of the value.
        value: u32,
    },
    /// The resulting function is not valid.
    #[error(transparent)]
    Graph(#[from] graph::Error),
}

/// The function each device runs.
///
/// `manual` axes are those along which the function is written per device already: its types are a device's, and
/// collectives along these axes stay as they are. `params` and `results` say how the whole inputs and outputs are
/// split, manual axes included.
///
/// # Errors
/// [`Error::Count`] if there is not one split for each parameter and result; [`Error::Rank`] if a split or placement has
/// another number of dimensions than its tensor; [`Error::NoAxis`] if it names an axis that the mesh has not;
/// [`Error::Indivisible`] if a dimension does not fall into equal parts; [`Error::Collective`] if the function already
/// gathers, scatters or exchanges along an axis; [`Error::Unknown`] if nothing decides how a value lies.
pub fn partition(
    function: &Function,
    mesh: &Mesh,
    manual: &[&str],
    rules: &Rules,
    params: &[Split],
    results: &[Split],
) -> Result<Partitioned, Error> {
    let manual = mesh.axes.iter().map(|axis| manual.contains(&axis.name.as_str())).collect();
    let context = Context { view: MeshView { mesh, manual }, rules };
    let counts =
        [("parameters", function.params.len(), params), ("results", function.results.len(), results)];
    for (what, expected, splits) in counts {
        if splits.len() != expected {
            let (function, given) = (function.name.clone(), splits.len());
            return Err(Error::Count { function, what, expected, given });
        }
    }
    let layout = |split: &Split, ty: &TensorType, name: &str, axes: &[String]| -> Result<MeshLayout, Error> {
        let what = || format!("`{name}`");
        if split.len() != ty.rank() {
            let axes = split.iter().map(|axes| axes.join("+")).collect();
            return Err(Error::Rank { what: what(), axes, ty: ty.clone() });
        }
        let layout = context.view.layout(split).ok_or_else(|| context.no_axis(split, what()))?;
        context.check(&what, axes, &ty.shape, &layout)?;
        Ok(layout)
    };
    let param_layouts = function
        .params
        .iter()
        .zip(params)
        .map(|(param, split)| layout(split, function.ty(param.value), &param.name, &param.axes));
    let param_layouts = param_layouts.collect::<Result<Vec<_>, Error>>()?;
    let states = param_layouts
        .iter()
        .map(|layout| ValueState { layout: Some(layout.clone()), ..ValueState::default() })
        .collect();
    let mut analysis: Analysis = context.analyse(function, states)?;
    let result_layouts = function
        .results
        .iter()
        .zip(results)
        .map(|(output, split)| layout(split, function.ty(output.value), &output.name, &[]));
    analysis.results = result_layouts.collect::<Result<_, Error>>()?;
    let local = emit::emit(&context, function, &analysis, &param_layouts)?;
    let owned = |splits: &[Split]| splits.to_vec();
    Ok(Partitioned { function: local, mesh: mesh.clone(), params: owned(params), results: owned(results) })
}

#[cfg(test)]
mod tests;
