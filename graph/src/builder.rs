//! Building functions: one method per op, types inferred and checked at once.

mod einsum;
mod inline;
mod scan;

pub use scan::{ScanBody, ScanInputs, ScanOutputs};

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::function::{Function, Node, Output, Param, Value};
use crate::infer::infer;
use crate::literal::Literal;
use crate::mesh::{MeshAxis, Placement};
use crate::op::{Binary, Comparison, DotDims, Op, Reduction, Unary};

static NEXT_BUILDER: AtomicU64 = AtomicU64::new(0);

/// A tensor of a function under construction; belongs to the [`Builder`] that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tensor {
    pub(crate) value: Value,
    owner: u64,
}

/// Result of building one op.
pub type BuildResult = Result<Tensor, Error>;

/// Builds one [`Function`]. Methods take `&self`, so that calls nest.
///
/// Elementwise methods of two operands extend the one of lower rank, and dimensions of size 1, to the other's
/// shape (aligned at the last dimension); the IR itself holds the broadcast explicitly.
#[derive(Debug)]
pub struct Builder {
    pub(crate) function: RefCell<Function>,
    scopes: RefCell<Vec<String>>,
    /// The first misuse that the method it happened in could not report; [`Builder::finish`] does.
    misuse: RefCell<Option<Error>>,
    id: u64,
}

/// Ends the scope it was returned for when dropped.
#[must_use = "the scope ends when this guard is dropped"]
pub struct Scope<'a>(&'a Builder);

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        self.0.scopes.borrow_mut().pop();
    }
}

impl Builder {
    /// Starts a function of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            function: RefCell::new(Function::new(name)),
            scopes: RefCell::default(),
            misuse: RefCell::default(),
            id: NEXT_BUILDER.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Names the place in the model of the ops built while the guard lives, such as `attention`; scopes nest.
    pub fn scope(&self, name: impl Into<String>) -> Scope<'_> {
        self.scopes.borrow_mut().push(name.into());
        Scope(self)
    }

    /// Runs `build` in the scope of exactly this name, whatever scopes are open.
    pub(crate) fn in_scope<T>(&self, name: String, build: impl FnOnce() -> T) -> T {
        let outer = self.scopes.replace(vec![name]);
        let built = build();
        self.scopes.replace(outer);
        built
    }

    /// The current scope's full name.
    pub(crate) fn scope_name(&self) -> String {
        self.scopes.borrow().join("/")
    }

    /// The handle of a value of this builder's function.
    pub(crate) fn tensor(&self, value: Value) -> Tensor {
        Tensor { value, owner: self.id }
    }

    /// Dtype and shape of a tensor of this function.
    ///
    /// # Panics
    /// When the tensor was made by another builder.
    pub fn ty(&self, tensor: Tensor) -> TensorType {
        assert_eq!(tensor.owner, self.id, "the tensor belongs to another builder");
        self.function.borrow().ty(tensor.value).clone()
    }

    /// Shape of a tensor of this function.
    pub fn shape(&self, tensor: Tensor) -> Vec<usize> {
        self.ty(tensor).shape
    }

    /// Dtype of a tensor of this function.
    pub fn dtype(&self, tensor: Tensor) -> DType {
        self.ty(tensor).dtype
    }

    /// Adds a parameter. `axes` names each dimension's logical axis, or is empty.
    pub fn param(&self, name: impl Into<String>, ty: TensorType, axes: &[&str]) -> Tensor {
        let mut function = self.function.borrow_mut();
        let value = function.new_value(ty);
        let axes = axes.iter().map(|axis| axis.to_string()).collect();
        function.params.push(Param { name: name.into(), axes, value });
        self.tensor(value)
    }

    /// Adds a result.
    pub fn output(&self, name: impl Into<String>, tensor: Tensor) {
        self.output_aliased(name, tensor, None);
    }

    /// Adds a result that takes over the memory of parameter number `alias`.
    pub fn output_aliased(&self, name: impl Into<String>, tensor: Tensor, alias: Option<usize>) {
        if tensor.owner != self.id {
            let foreign = Error::ForeignTensor { op: "output", scope: self.scope_name(), operand: 0 };
            self.misuse.borrow_mut().get_or_insert(foreign);
            return;
        }
        let mut function = self.function.borrow_mut();
        function.results.push(Output { name: name.into(), value: tensor.value, alias });
    }

    /// The finished function, without the nodes that no result depends on.
    ///
    /// # Errors
    /// [`Error::Verify`] if the function breaks a rule of [`crate::verify`](mod@crate::verify), such as having two
    /// results of one name; [`Error::ForeignTensor`] if an output was made by another builder.
    pub fn finish(self) -> Result<Function, Error> {
        if let Some(misuse) = self.misuse.into_inner() {
            return Err(misuse);
        }
        let mut function = self.function.into_inner();
        crate::simplify::remove_dead_nodes(&mut function);
        crate::verify::verify(&function)?;
        Ok(function)
    }

    /// Adds a node; the general form of every method below.
    ///
    /// # Errors
    /// [`Error::Type`] if an operand's dtype or shape, or an attribute, is not what the op takes ([`infer`] has the
    /// rules); [`Error::ForeignTensor`] if an operand was made by another builder.
    pub fn op(&self, op: Op, operands: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        if let Some(operand) = operands.iter().position(|tensor| tensor.owner != self.id) {
            return Err(Error::ForeignTensor { op: op.name(), scope: self.scope_name(), operand });
        }
        let mut function = self.function.borrow_mut();
        let types: Vec<_> = operands.iter().map(|tensor| function.ty(tensor.value)).collect();
        let types = infer(&op, &types).map_err(|message| Error::Type {
            op: op.name(),
            scope: self.scope_name(),
            message,
        })?;
        let results: Vec<_> = types.into_iter().map(|ty| function.new_value(ty)).collect();
        let name = self.scope_name();
        let scope = function.scopes.iter().rposition(|known| *known == name).unwrap_or_else(|| {
            function.scopes.push(name);
            function.scopes.len() - 1
        }) as u32;
        let operands = operands.iter().map(|tensor| tensor.value).collect();
        function.nodes.push(Node { op, operands, results: results.clone(), scope });
        Ok(results.into_iter().map(|value| self.tensor(value)).collect())
    }

    fn one(&self, op: Op, operands: &[Tensor]) -> BuildResult {
        self.op(op, operands).map(|results| results[0])
    }

    /// A constant tensor.
    pub fn constant(&self, literal: Literal) -> BuildResult {
        self.one(Op::Constant(literal), &[])
    }

    /// A constant number of any dtype.
    pub fn scalar(&self, dtype: DType, value: f64) -> BuildResult {
        self.constant(Literal::scalar(dtype, value))
    }

    /// A tensor whose elements are all `value`.
    pub fn full(&self, ty: &TensorType, value: f64) -> BuildResult {
        let scalar = self.scalar(ty.dtype, value)?;
        self.broadcast(scalar, &ty.shape, &[])
    }

    /// Counts along dimension `dim`.
    pub fn iota(&self, ty: TensorType, dim: usize) -> BuildResult {
        self.one(Op::Iota { ty, dim }, &[])
    }

    /// An elementwise function.
    pub fn unary(&self, unary: Unary, x: Tensor) -> BuildResult {
        self.one(Op::Unary(unary), &[x])
    }

    /// An elementwise function of two operands, which are broadcast to a common shape.
    pub fn binary(&self, binary: Binary, x: Tensor, y: Tensor) -> BuildResult {
        let (x, y) = self.align(x, y)?;
        self.one(Op::Binary(binary), &[x, y])
    }

    /// An elementwise comparison of two operands, which are broadcast to a common shape.
    pub fn compare(&self, comparison: Comparison, x: Tensor, y: Tensor) -> BuildResult {
        let (x, y) = self.align(x, y)?;
        self.one(Op::Compare(comparison), &[x, y])
    }

    /// `yes` where `condition` holds, `no` elsewhere; all three are broadcast to a common shape.
    pub fn select(&self, condition: Tensor, yes: Tensor, no: Tensor) -> BuildResult {
        let (yes, no) = self.align(yes, no)?;
        let (condition, yes) = self.align(condition, yes)?;
        let (_, no) = self.align(condition, no)?;
        self.one(Op::Select, &[condition, yes, no])
    }

    /// Conversion to a dtype; nothing is added when it already has it.
    pub fn convert(&self, x: Tensor, dtype: DType) -> BuildResult {
        if self.dtype(x) == dtype { Ok(x) } else { self.one(Op::Convert(dtype), &[x]) }
    }

    /// The same bits as another dtype.
    pub fn bitcast(&self, x: Tensor, dtype: DType) -> BuildResult {
        self.one(Op::Bitcast(dtype), &[x])
    }

    /// Operand dimension `i` becomes dimension `dims[i]` of `shape`; all others repeat.
    pub fn broadcast(&self, x: Tensor, shape: &[usize], dims: &[usize]) -> BuildResult {
        if self.shape(x) == shape && dims.iter().copied().eq(0..shape.len()) {
            return Ok(x);
        }
        self.one(Op::Broadcast { shape: shape.to_vec(), dims: dims.to_vec() }, &[x])
    }

    /// Extends a tensor to `shape`, aligned at the last dimension.
    pub fn broadcast_to(&self, x: Tensor, shape: &[usize]) -> BuildResult {
        let rank = self.ty(x).rank();
        let dims: Vec<_> = (shape.len().saturating_sub(rank)..shape.len()).collect();
        self.broadcast(x, shape, &dims)
    }

    fn align(&self, x: Tensor, y: Tensor) -> Result<(Tensor, Tensor), Error> {
        if x.owner != self.id || y.owner != self.id {
            return Ok((x, y));
        }
        let (left, right) = (self.shape(x), self.shape(y));
        if left == right {
            return Ok((x, y));
        }
        let rank = left.len().max(right.len());
        let size = |shape: &[usize], dim: usize| {
            (dim + shape.len()).checked_sub(rank).map_or(1, |position| shape[position])
        };
        let common: Vec<_> = (0..rank)
            .map(|dim| match (size(&left, dim), size(&right, dim)) {
                (1, other) => other,
                (other, _) => other,
            })
            .collect();
        Ok((self.broadcast_to(x, &common)?, self.broadcast_to(y, &common)?))
    }

    /// The same elements in another shape; nothing is added when it already has it.
    pub fn reshape(&self, x: Tensor, shape: &[usize]) -> BuildResult {
        if self.shape(x) == shape {
            return Ok(x);
        }
        self.one(Op::Reshape { shape: shape.to_vec() }, &[x])
    }

    /// Result dimension `i` is operand dimension `permutation[i]`; the identity adds nothing.
    pub fn transpose(&self, x: Tensor, permutation: &[usize]) -> BuildResult {
        if permutation.iter().copied().eq(0..self.ty(x).rank()) {
            return Ok(x);
        }
        self.one(Op::Transpose { permutation: permutation.to_vec() }, &[x])
    }

    /// Elements `starts[d]..limits[d]` of each dimension.
    pub fn slice(&self, x: Tensor, starts: &[usize], limits: &[usize]) -> BuildResult {
        let strides = vec![1; starts.len()];
        self.one(Op::Slice { starts: starts.to_vec(), limits: limits.to_vec(), strides }, &[x])
    }

    /// Elements `start..limit` of one dimension.
    pub fn slice_dim(&self, x: Tensor, dim: usize, start: usize, limit: usize) -> BuildResult {
        let mut limits = self.shape(x);
        let mut starts = vec![0; limits.len()];
        if let (Some(first), Some(last)) = (starts.get_mut(dim), limits.get_mut(dim)) {
            (*first, *last) = (start, limit);
        }
        self.slice(x, &starts, &limits)
    }

    /// Adds `low` and `high` elements of `value` around each dimension; negative counts cut off.
    pub fn pad(&self, x: Tensor, value: f64, low: &[i64], high: &[i64]) -> BuildResult {
        let padding = self.scalar(self.dtype(x), value)?;
        let interior = vec![0; low.len()];
        self.one(Op::Pad { low: low.to_vec(), high: high.to_vec(), interior }, &[x, padding])
    }

    /// Joins tensors along a dimension.
    pub fn concatenate(&self, tensors: &[Tensor], dim: usize) -> BuildResult {
        self.one(Op::Concatenate { dim }, tensors)
    }

    /// Reverses the order along dimensions.
    pub fn reverse(&self, x: Tensor, dims: &[usize]) -> BuildResult {
        self.one(Op::Reverse { dims: dims.to_vec() }, &[x])
    }

    /// A tensor contraction with a result of dtype `output`.
    pub fn dot(&self, x: Tensor, y: Tensor, dims: DotDims, output: DType) -> BuildResult {
        self.one(Op::Dot { dims, output }, &[x, y])
    }

    /// A reduction in the operand's own dtype.
    pub fn reduce(&self, kind: Reduction, x: Tensor, dims: &[usize]) -> BuildResult {
        let mut dims = dims.to_vec();
        dims.sort_unstable();
        self.one(Op::Reduce { kind, dims }, &[x])
    }

    /// Sum over dimensions; 16-bit floats are summed in float32 and rounded once.
    pub fn sum(&self, x: Tensor, dims: &[usize]) -> BuildResult {
        let dtype = self.dtype(x);
        let wide = self.convert(x, dtype.accumulator())?;
        self.convert(self.reduce(Reduction::Sum, wide, dims)?, dtype)
    }

    /// Mean over dimensions, computed as [`Builder::sum`] divided by the count.
    pub fn mean(&self, x: Tensor, dims: &[usize]) -> BuildResult {
        let shape = self.shape(x);
        let count: usize = dims.iter().filter_map(|&dim| shape.get(dim)).product();
        self.scale(self.sum(x, dims)?, 1.0 / count as f64)
    }

    /// Elementwise product with a constant number.
    pub fn scale(&self, x: Tensor, factor: f64) -> BuildResult {
        self.mul(x, self.scalar(self.dtype(x), factor)?)
    }

    /// Sum with a constant number.
    pub fn offset(&self, x: Tensor, term: f64) -> BuildResult {
        self.add(x, self.scalar(self.dtype(x), term)?)
    }

    /// Inserts a dimension of size 1 before dimension `dim`.
    pub fn expand(&self, x: Tensor, dim: usize) -> BuildResult {
        let mut shape = self.shape(x);
        shape.insert(dim.min(shape.len()), 1);
        self.reshape(x, &shape)
    }

    /// Rows of `table` at `indices`.
    pub fn take(&self, table: Tensor, indices: Tensor) -> BuildResult {
        self.one(Op::Take, &[table, indices])
    }

    /// `table` with `updates` added to its rows at `indices`.
    pub fn scatter_add(&self, table: Tensor, indices: Tensor, updates: Tensor) -> BuildResult {
        self.one(Op::ScatterAdd, &[table, indices, updates])
    }

    /// A slice of shape `sizes` at computed start indices.
    pub fn dynamic_slice(&self, x: Tensor, starts: &[Tensor], sizes: &[usize]) -> BuildResult {
        self.one(Op::DynamicSlice { sizes: sizes.to_vec() }, &[&[x], starts].concat())
    }

    /// `x` with `update` written at computed start indices.
    pub fn dynamic_update_slice(&self, x: Tensor, update: Tensor, starts: &[Tensor]) -> BuildResult {
        self.one(Op::DynamicUpdateSlice, &[&[x, update], starts].concat())
    }

    /// Identity that a compiler does not look through.
    pub fn barrier(&self, x: Tensor) -> BuildResult {
        self.one(Op::Barrier, &[x])
    }

    /// Identity that no gradient passes.
    pub fn stop_gradient(&self, x: Tensor) -> BuildResult {
        self.one(Op::StopGradient, &[x])
    }

    /// Identity that says how a tensor is to be split over devices, and how its cotangent is.
    pub fn shard(&self, x: Tensor, to: Placement, gradient: Option<Placement>) -> BuildResult {
        self.one(Op::Shard { to, gradient }, &[x])
    }

    /// The position of the device along a mesh axis, i32.
    pub fn axis_index(&self, axis: MeshAxis) -> BuildResult {
        self.one(Op::AxisIndex { axis }, &[])
    }

    /// The operands of a group of devices combined.
    pub fn all_reduce(&self, kind: Reduction, x: Tensor, axes: &[MeshAxis]) -> BuildResult {
        self.one(Op::AllReduce { kind, axes: axes.to_vec() }, &[x])
    }

    /// The operands of a group of devices joined along a dimension.
    pub fn all_gather(&self, x: Tensor, dim: usize, axes: &[MeshAxis]) -> BuildResult {
        self.one(Op::AllGather { dim, axes: axes.to_vec() }, &[x])
    }

    /// The sum of the operands of a group of devices, cut along a dimension.
    pub fn reduce_scatter(&self, x: Tensor, dim: usize, axes: &[MeshAxis]) -> BuildResult {
        self.one(Op::ReduceScatter { dim, axes: axes.to_vec() }, &[x])
    }

    /// Parts along dimension `split`, exchanged within a group of devices and joined along `concat`.
    pub fn all_to_all(&self, x: Tensor, split: usize, concat: usize, axes: &[MeshAxis]) -> BuildResult {
        self.one(Op::AllToAll { split, concat, axes: axes.to_vec() }, &[x])
    }

    /// The operand of the device `shift` positions before along an axis; zeros where there is none.
    pub fn permute(&self, x: Tensor, axis: MeshAxis, shift: i64) -> BuildResult {
        self.one(Op::Permute { axis, shift }, &[x])
    }

    /// Identity that names a value for [`crate::Remat::Save`].
    pub fn name(&self, x: Tensor, name: impl Into<String>) -> BuildResult {
        self.one(Op::Name(name.into()), &[x])
    }
}

macro_rules! elementwise {
    ($($(#[$doc:meta])* $method:ident($($operand:ident),+) = $kind:ident::$variant:ident via $via:ident;)*) => {
        impl Builder {
            $($(#[$doc])* pub fn $method(&self, $($operand: Tensor),+) -> BuildResult {
                self.$via($kind::$variant, $($operand),+)
            })*
        }
    };
}

elementwise! {
    /// `-x`.
    neg(x) = Unary::Neg via unary;
    /// `|x|`.
    abs(x) = Unary::Abs via unary;
    /// `e^x`.
    exp(x) = Unary::Exp via unary;
    /// Natural logarithm.
    log(x) = Unary::Log via unary;
    /// Hyperbolic tangent.
    tanh(x) = Unary::Tanh via unary;
    /// `1 / (1 + e^-x)`.
    logistic(x) = Unary::Logistic via unary;
    /// Square root.
    sqrt(x) = Unary::Sqrt via unary;
    /// `1 / sqrt(x)`.
    rsqrt(x) = Unary::Rsqrt via unary;
    /// Sine of radians.
    sin(x) = Unary::Sin via unary;
    /// Cosine of radians.
    cos(x) = Unary::Cos via unary;
    /// Logical or bitwise complement.
    not(x) = Unary::Not via unary;
    /// Neither infinite nor NaN.
    is_finite(x) = Unary::IsFinite via unary;
    /// Sum.
    add(x, y) = Binary::Add via binary;
    /// Difference.
    sub(x, y) = Binary::Sub via binary;
    /// Elementwise product.
    mul(x, y) = Binary::Mul via binary;
    /// Quotient.
    div(x, y) = Binary::Div via binary;
    /// Power.
    pow(x, y) = Binary::Pow via binary;
    /// The larger.
    max(x, y) = Binary::Max via binary;
    /// The smaller.
    min(x, y) = Binary::Min via binary;
    /// Logical or bitwise and.
    and(x, y) = Binary::And via binary;
    /// Logical or bitwise or.
    or(x, y) = Binary::Or via binary;
    /// Logical or bitwise exclusive or.
    xor(x, y) = Binary::Xor via binary;
}
