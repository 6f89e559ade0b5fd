//! The closed set of operations. Shape inference, verification, differentiation, evaluation and every
//! printer match over [`Op`] exhaustively: an op that misses one of them does not compile.

use crate::dtype::{DType, TensorType};
use crate::function::Function;
use crate::literal::Literal;
use crate::mesh::{MeshAxis, Placement};

/// Elementwise function of one operand; the result has the operand's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// `-x`; floats and integers.
    Neg,
    /// `|x|`; floats and signed integers.
    Abs,
    /// -1, 0 or 1; floats and signed integers.
    Sign,
    /// `e^x`; floats.
    Exp,
    /// Natural logarithm; floats.
    Log,
    /// Hyperbolic tangent; floats.
    Tanh,
    /// `1 / (1 + e^-x)`; floats.
    Logistic,
    /// Square root; floats.
    Sqrt,
    /// `1 / sqrt(x)`; floats.
    Rsqrt,
    /// Sine of radians; floats.
    Sin,
    /// Cosine of radians; floats.
    Cos,
    /// Largest integral value not above `x`; floats.
    Floor,
    /// Logical or bitwise complement; booleans and integers.
    Not,
    /// Whether the value is neither infinite nor NaN; floats, result `pred`.
    IsFinite,
}

impl Unary {
    /// Every variant, in declaration order.
    pub const ALL: [Unary; 14] = [
        Unary::Neg,
        Unary::Abs,
        Unary::Sign,
        Unary::Exp,
        Unary::Log,
        Unary::Tanh,
        Unary::Logistic,
        Unary::Sqrt,
        Unary::Rsqrt,
        Unary::Sin,
        Unary::Cos,
        Unary::Floor,
        Unary::Not,
        Unary::IsFinite,
    ];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Unary::Neg => "neg",
            Unary::Abs => "abs",
            Unary::Sign => "sign",
            Unary::Exp => "exp",
            Unary::Log => "log",
            Unary::Tanh => "tanh",
            Unary::Logistic => "logistic",
            Unary::Sqrt => "sqrt",
            Unary::Rsqrt => "rsqrt",
            Unary::Sin => "sin",
            Unary::Cos => "cos",
            Unary::Floor => "floor",
            Unary::Not => "not",
            Unary::IsFinite => "is_finite",
        }
    }
}

/// Elementwise function of two operands of one type; the result has that type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// Sum; integers wrap.
    Add,
    /// Difference; integers wrap.
    Sub,
    /// Product; integers wrap.
    Mul,
    /// Quotient; integers truncate towards zero. Division of an integer by zero gives -1 (all bits set); XLA, however,
    /// takes `x / x` for 1 whatever `x` is.
    Div,
    /// Remainder with the sign of the dividend; integers only. By zero it gives the dividend.
    Rem,
    /// `x^y`; floats.
    Pow,
    /// The larger; NaN if either is NaN.
    Max,
    /// The smaller; NaN if either is NaN.
    Min,
    /// Logical or bitwise and; booleans and integers.
    And,
    /// Logical or bitwise or; booleans and integers.
    Or,
    /// Logical or bitwise exclusive or; booleans and integers.
    Xor,
    /// `x << y`; integers. A shift by the width or more gives 0.
    ShiftLeft,
    /// Unsigned `x >> y`, zeros shifted in; integers. A shift by the width or more gives 0.
    ShiftRight,
}

impl Binary {
    /// Every variant, in declaration order.
    pub const ALL: [Binary; 13] = [
        Binary::Add,
        Binary::Sub,
        Binary::Mul,
        Binary::Div,
        Binary::Rem,
        Binary::Pow,
        Binary::Max,
        Binary::Min,
        Binary::And,
        Binary::Or,
        Binary::Xor,
        Binary::ShiftLeft,
        Binary::ShiftRight,
    ];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Sub => "sub",
            Binary::Mul => "mul",
            Binary::Div => "div",
            Binary::Rem => "rem",
            Binary::Pow => "pow",
            Binary::Max => "max",
            Binary::Min => "min",
            Binary::And => "and",
            Binary::Or => "or",
            Binary::Xor => "xor",
            Binary::ShiftLeft => "shift_left",
            Binary::ShiftRight => "shift_right",
        }
    }
}

/// Direction of an elementwise comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `x == y`
    Eq,
    /// `x != y`
    Ne,
    /// `x < y`
    Lt,
    /// `x <= y`
    Le,
    /// `x > y`
    Gt,
    /// `x >= y`
    Ge,
}

impl Comparison {
    /// Every variant, in declaration order.
    pub const ALL: [Comparison; 6] =
        [Comparison::Eq, Comparison::Ne, Comparison::Lt, Comparison::Le, Comparison::Gt, Comparison::Ge];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Comparison::Eq => "eq",
            Comparison::Ne => "ne",
            Comparison::Lt => "lt",
            Comparison::Le => "le",
            Comparison::Gt => "gt",
            Comparison::Ge => "ge",
        }
    }
}

/// How a reduction combines elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Sum; floats and integers. 16-bit floats are summed in float32 by [`crate::Builder::sum`].
    Sum,
    /// Maximum, starting from the lowest value of the type (minus infinity); floats and integers.
    Max,
    /// Minimum, starting from the highest value of the type (infinity); floats and integers.
    Min,
    /// Logical and; `pred`.
    And,
    /// Logical or; `pred`.
    Or,
}

impl Reduction {
    /// Every variant, in declaration order.
    pub const ALL: [Reduction; 5] =
        [Reduction::Sum, Reduction::Max, Reduction::Min, Reduction::And, Reduction::Or];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "sum",
            Reduction::Max => "max",
            Reduction::Min => "min",
            Reduction::And => "and",
            Reduction::Or => "or",
        }
    }
}

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
        match self {
            Op::StopGradient | Op::Name(_) | Op::Shard { .. } | Op::Permute { shift: 0, .. } => true,
            Op::Permute { .. } => false,
            _ => self.is_collective() && self.mesh_axes().iter().all(|axis| axis.size == 1),
        }
    }

    /// Whether devices exchange values.
    pub fn is_collective(&self) -> bool {
        !matches!(self, Op::AxisIndex { .. }) && !self.mesh_axes().is_empty()
    }

    /// The mesh axes the op mentions: empty, unless it depends on the device or communicates.
    pub fn mesh_axes(&self) -> &[MeshAxis] {
        match self {
            Op::AxisIndex { axis } | Op::Permute { axis, .. } => std::slice::from_ref(axis),
            Op::AllReduce { axes, .. }
            | Op::AllGather { axes, .. }
            | Op::ReduceScatter { axes, .. }
            | Op::AllToAll { axes, .. } => axes,
            _ => &[],
        }
    }
}
