//! The closed set of operations. Shape inference, verification, differentiation, evaluation and every
//! printer match over [`Op`] exhaustively: an op that misses one of them does not compile.

mod elementary;

use crate::dtype::{DType, TensorType};
use crate::function::Function;
use crate::literal::Literal;
use crate::mesh::{MeshAxis, Placement};
pub use elementary::{Binary, Comparison, Reduction, Unary};

/// Which dimensions of its two operands a dot product pairs, as in StableHLO's `dot_general`.
/// The result's dimensions are: batch, then the left operand's others, then the right operand's others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DotDims {
    /// Batch dimensions of the left operand, in result order.
    pub lhs_batch: Vec<usize>,
    /// Batch dimensions of the right operand, paired with `lhs_batch`.
    pub rhs_batch: Vec<usize>,
    /// Dimensions of the left operand that are summed over.
    pub lhs_contract: Vec<usize>,
    /// Dimensions of the right operand, paired with `lhs_contract`.
    pub rhs_contract: Vec<usize>,
}

impl DotDims {
    /// Dimensions of an operand that are neither batch nor contracted, ascending.
    pub fn free(rank: usize, batch: &[usize], contract: &[usize]) -> Vec<usize> {
        (0..rank).filter(|dim| !batch.contains(dim) && !contract.contains(dim)).collect()
    }
}

/// What the backward pass of a scan keeps from the forward pass; everything else is computed again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Remat {
    /// Keep every intermediate value that the backward pass reads, except those that cost nothing to make again.
    #[default]
    None,
    /// Keep the results of contractions and of inner scans; compute elementwise ops and reductions again.
    Dots,
    /// Keep only the carried values at the start of each iteration.
    Full,
    /// As [`Remat::Full`], and keep the values marked by [`Op::Name`] with one of these names.
    Save(Vec<String>),
}

/// A loop whose body is a function, run once per index of the leading axis of the stacked inputs.
///
/// Operands: `carries` initial values, then stacked inputs (`xs`, leading axis `length`), then constants.
/// Body parameters: the carried values, one slice of each stacked input, the constants.
/// Body results: the next carried values, then one slice of each stacked output.
/// Results: the final carried values, then the stacked outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// Number of iterations, at least 1.
    pub length: usize,
    /// Whether index `length - 1` comes first.
    pub reverse: bool,
    /// Number of carried values.
    pub carries: usize,
    /// Number of stacked inputs.
    pub xs: usize,
    /// What differentiation of this scan keeps.
    pub remat: Remat,
    /// One iteration.
    pub body: Function,
}

/// What an op is to those who treat all ops of its kind alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OpClass<'a> {
    /// A computation of a device on its own.
    Local,
    /// The operand itself, with a remark on it.
    Marker,
    /// The device's position along a mesh axis.
    DeviceIndex(&'a MeshAxis),
    /// An exchange between the devices of groups that extend along these mesh axes.
    Collective(&'a [MeshAxis]),
    /// A loop.
    Loop(&'a Scan),
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A value known when the program is built.
    Constant(Literal),
    /// Counts 0, 1, 2 … along one dimension.
    Iota {
        /// Type of the result; not `pred`.
        ty: TensorType,
        /// The dimension that is counted along.
        dim: usize,
    },
    /// Elementwise, one operand.
    Unary(Unary),
    /// Elementwise, two operands.
    Binary(Binary),
    /// Elementwise comparison of two operands of one type; result `pred`.
    Compare(Comparison),
    /// Elementwise choice: operands `pred`, value if true, value if false, all of one shape.
    Select,
    /// Conversion to another dtype: floats round to nearest even, floats to integers truncate.
    Convert(DType),
    /// Reinterpretation of the bits as another dtype of the same size.
    Bitcast(DType),
    /// Result dimension `dims[i]` takes operand dimension `i` (of equal size, or 1); all others repeat.
    Broadcast {
        /// Shape of the result.
        shape: Vec<usize>,
        /// For each operand dimension, the result dimension; strictly increasing.
        dims: Vec<usize>,
    },
    /// The same elements, row-major, in another shape.
    Reshape {
        /// Shape of the result, with as many elements as the operand.
        shape: Vec<usize>,
    },
    /// Result dimension `i` is operand dimension `permutation[i]`.
    Transpose {
        /// A permutation of the operand's dimensions.
        permutation: Vec<usize>,
    },
    /// Elements `start, start + stride …` below `limit`, for each dimension.
    Slice {
        /// First index of each dimension.
        starts: Vec<usize>,
        /// End (exclusive) of each dimension.
        limits: Vec<usize>,
        /// Step of each dimension, at least 1.
        strides: Vec<usize>,
    },
    /// Operands: tensor, scalar padding value. Negative `low`/`high` cut elements off.
    Pad {
        /// Elements added before, for each dimension.
        low: Vec<i64>,
        /// Elements added after, for each dimension.
        high: Vec<i64>,
        /// Elements added between neighbours, for each dimension.
        interior: Vec<usize>,
    },
    /// Joins one or more operands along a dimension.
    Concatenate {
        /// The dimension that grows.
        dim: usize,
    },
    /// Reverses the order along dimensions.
    Reverse {
        /// The reversed dimensions.
        dims: Vec<usize>,
    },
    /// Batched tensor contraction of two operands of one dtype.
    Dot {
        /// Which dimensions are paired.
        dims: DotDims,
        /// Dtype of the result: the operands' own, or a wider float that is also accumulated in.
        output: DType,
    },
    /// Combines all elements along dimensions, which disappear.
    Reduce {
        /// How elements are combined.
        kind: Reduction,
        /// The reduced dimensions, ascending.
        dims: Vec<usize>,
    },
    /// Rows of a table: operands `[V, rest…]` and integer indices `[i…]`; result `[i…, rest…]`.
    /// An index out of range is clamped into it.
    Take,
    /// Adds rows into a table: operands `[V, rest…]`, integer indices `[i…]`, updates `[i…, rest…]`;
    /// result `[V, rest…]`. Repeated indices accumulate; an index out of range is dropped.
    ScatterAdd,
    /// Operands: tensor, then one scalar integer start per dimension, clamped so that the slice fits.
    DynamicSlice {
        /// Size of the slice in each dimension.
        sizes: Vec<usize>,
    },
    /// Operands: tensor, update, then one scalar integer start per dimension, clamped so that the update fits.
    DynamicUpdateSlice,
    /// Identity that a compiler does not look through: the operand is computed once, whole, whoever reads the result.
    Barrier,
    /// Identity that no gradient passes.
    StopGradient,
    /// Identity that names a value for [`Remat::Save`].
    Name(String),
    /// Identity that says how the tensor is to be split over devices, and how its cotangent is (as it comes, if `None`).
    Shard {
        /// Where the tensor lies from here on.
        to: Placement,
        /// Where its cotangent lies.
        gradient: Option<Placement>,
    },
    /// The position of the device along a mesh axis; no operands, result i32 scalar.
    AxisIndex {
        /// The axis.
        axis: MeshAxis,
    },
    /// Combination of the operands of a group of devices, which all of them get: sum, maximum or minimum.
    AllReduce {
        /// How they are combined.
        kind: Reduction,
        /// The mesh axes that a group extends along, major first.
        axes: Vec<MeshAxis>,
    },
    /// The operands of a group of devices joined along a dimension, in order of their positions.
    AllGather {
        /// The dimension that grows.
        dim: usize,
        /// The mesh axes that a group extends along, major first.
        axes: Vec<MeshAxis>,
    },
    /// Sum of the operands of a group of devices, of which each device gets its part of a dimension.
    ReduceScatter {
        /// The dimension that shrinks.
        dim: usize,
        /// The mesh axes that a group extends along, major first.
        axes: Vec<MeshAxis>,
    },
    /// Each device cuts its operand into as many parts as its group has members, and sends part `i` to member `i`, which
    /// joins what it gets.
    AllToAll {
        /// The dimension that is cut.
        split: usize,
        /// The dimension along which parts are joined, in order of the senders.
        concat: usize,
        /// The mesh axes that a group extends along, major first.
        axes: Vec<MeshAxis>,
    },
    /// The operand of the device `shift` positions before along an axis; zeros where there is none.
    Permute {
        /// The axis.
        axis: MeshAxis,
        /// How many positions onwards a value goes; backwards if negative.
        shift: i64,
    },
    /// A loop over a leading axis.
    Scan(Box<Scan>),
}

impl Op {
    /// Name in the text form.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Constant(_) => "constant",
            Op::Iota { .. } => "iota",
            Op::Unary(unary) => unary.name(),
            Op::Binary(binary) => binary.name(),
            Op::Compare(_) => "compare",
            Op::Select => "select",
            Op::Convert(_) => "convert",
            Op::Bitcast(_) => "bitcast",
            Op::Broadcast { .. } => "broadcast",
            Op::Reshape { .. } => "reshape",
            Op::Transpose { .. } => "transpose",
            Op::Slice { .. } => "slice",
            Op::Pad { .. } => "pad",
            Op::Concatenate { .. } => "concatenate",
            Op::Reverse { .. } => "reverse",
            Op::Dot { .. } => "dot",
            Op::Reduce { .. } => "reduce",
            Op::Take => "take",
            Op::ScatterAdd => "scatter_add",
            Op::DynamicSlice { .. } => "dynamic_slice",
            Op::DynamicUpdateSlice => "dynamic_update_slice",
            Op::Barrier => "barrier",
            Op::StopGradient => "stop_gradient",
            Op::Name(_) => "name",
            Op::Shard { .. } => "shard",
            Op::AxisIndex { .. } => "axis_index",
            Op::AllReduce { .. } => "all_reduce",
            Op::AllGather { .. } => "all_gather",
            Op::ReduceScatter { .. } => "reduce_scatter",
            Op::AllToAll { .. } => "all_to_all",
            Op::Permute { .. } => "permute",
            Op::Scan(_) => "scan",
        }
    }

    /// Whether the result is the operand: markers, and exchanges within a group of one device.
    pub fn is_identity(&self) -> bool {
        match self.class() {
            OpClass::Marker => true,
            // What a device hands to itself, unless it is handed on to a neighbour that there is not.
            OpClass::Collective(axes) => match self {
                Op::Permute { shift, .. } => *shift == 0,
                _ => axes.iter().all(|axis| axis.size == 1),
            },
            OpClass::Local | OpClass::DeviceIndex(_) | OpClass::Loop(_) => false,
        }
    }

    /// Whether devices exchange values.
    pub fn is_collective(&self) -> bool {
        matches!(self.class(), OpClass::Collective(..))
    }

    /// The mesh axes the op mentions: empty, unless it depends on the device or communicates.
    pub fn mesh_axes(&self) -> &[MeshAxis] {
        match self.class() {
            OpClass::DeviceIndex(axis) => std::slice::from_ref(axis),
            OpClass::Collective(axes) => axes,
            OpClass::Local | OpClass::Marker | OpClass::Loop(_) => &[],
        }
    }

    /// The function inside the op: a loop's body.
    pub fn body(&self) -> Option<&Function> {
        match self.class() {
            OpClass::Loop(scan) => Some(&scan.body),
            OpClass::Local | OpClass::Marker | OpClass::DeviceIndex(_) | OpClass::Collective(..) => None,
        }
    }

    /// What the op is to those who treat ops of one kind alike.
    pub fn class(&self) -> OpClass<'_> {
        match self {
            Op::Constant(_)
            | Op::Iota { .. }
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Select
            | Op::Convert(_)
            | Op::Bitcast(_)
            | Op::Broadcast { .. }
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Slice { .. }
            | Op::Pad { .. }
            | Op::Concatenate { .. }
            | Op::Reverse { .. }
            | Op::Dot { .. }
            | Op::Reduce { .. }
            | Op::Take
            | Op::ScatterAdd
            | Op::DynamicSlice { .. }
            | Op::DynamicUpdateSlice
            | Op::Barrier => OpClass::Local,
            Op::StopGradient | Op::Name(_) | Op::Shard { .. } => OpClass::Marker,
            Op::AxisIndex { axis } => OpClass::DeviceIndex(axis),
            Op::AllReduce { axes, .. } => OpClass::Collective(axes),
            Op::AllGather { axes, .. } => OpClass::Collective(axes),
            Op::ReduceScatter { axes, .. } => OpClass::Collective(axes),
            Op::AllToAll { axes, .. } => OpClass::Collective(axes),
            Op::Permute { axis, .. } => OpClass::Collective(std::slice::from_ref(axis)),
            Op::Scan(scan) => OpClass::Loop(scan),
        }
    }
}
