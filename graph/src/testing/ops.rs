//! Random ops.

use super::Writer;
use crate::builder::Tensor;
use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::mesh::{MeshAxis, Placement, PlacementTable};
use crate::op::{Binary, Comparison, DotDims, Op, Reduction, Unary};

impl Writer<'_> {
    /// Adds one random op, and what it needs.
    pub(super) fn op(&mut self) -> Result<(), Error> {
        match self.random.below(26) {
            0 => self.constant_or_iota(),
            1..=4 => self.unary(),
            5..=8 => self.binary(),
            9 => self.compare(),
            10 => self.select(),
            11 => self.convert(),
            12 => self.bitcast(),
            13 => self.reshape_or_transpose(),
            14 => self.broadcast(),
            15 => self.slice(),
            16 => self.pad(),
            17 => self.concatenate(),
            18 => self.dot(),
            19 => self.reduce(),
            20 => self.take_or_scatter(),
            21 => self.dynamic(),
            22 => self.marker(),
            23 if self.options.collectives => self.collective(),
            23 => self.marker(),
            24 => self.reverse(),
            _ if self.depth < 2 => self.scan(),
            _ => self.marker(),
        }
    }

    fn number(&mut self) -> Result<Tensor, Error> {
        let dtype = self.numeric_dtype();
        let numeric = |ty: &TensorType| ty.dtype != DType::Pred;
        self.any(numeric, |ty| if numeric(&ty) { ty } else { ty.with_dtype(dtype) })
    }

    /// One of the dtypes asked for that is not `pred`, or the dtype of indices.
    pub(super) fn numeric_dtype(&mut self) -> DType {
        let numeric = self.options.dtypes.iter().copied().filter(|dtype| *dtype != DType::Pred);
        let numeric: Vec<_> = numeric.collect();
        if numeric.is_empty() { DType::I32 } else { self.random.pick(&numeric) }
    }

    /// Adds an op that computes no new floats: its result is exact if all operands are.
    fn moved(&mut self, op: Op, operands: &[Tensor]) -> Result<(), Error> {
        let mut exact = true;
        for &operand in operands {
            exact &= self.read(operand);
        }
        for result in self.b.op(op, operands)? {
            self.give(result, exact);
        }
        Ok(())
    }

    /// Adds an op that computes floats, and keeps a tame result between -1 and 1.
    fn computed(&mut self, op: Op, operands: &[Tensor]) -> Result<(), Error> {
        operands.iter().for_each(|&operand| _ = self.read(operand));
        for result in self.b.op(op, operands)? {
            let float = self.b.dtype(result).is_float();
            let result = if self.options.tame && float { self.b.tanh(result)? } else { result };
            self.give(result, !float);
        }
        Ok(())
    }

    /// Whether a jump of the result between neighbouring operands is allowed.
    fn may_jump(&mut self, tensors: &[Tensor]) -> bool {
        let known = |&tensor: &Tensor| {
            let exact = self.pool.iter().find(|entry| entry.tensor == tensor).is_none_or(|entry| entry.exact);
            exact || !self.b.dtype(tensor).is_float()
        };
        !self.options.tame || tensors.iter().all(known)
    }

    fn constant_or_iota(&mut self) -> Result<(), Error> {
        let ty =
            TensorType::new(self.random.pick(&self.options.dtypes), self.random.shape(self.options.tame));
        let made = if ty.rank() == 0 || ty.dtype == DType::Pred {
            self.literal(&ty)?
        } else {
            let dim = self.random.below(ty.rank());
            self.b.iota(ty, dim)?
        };
        self.give(made, true);
        Ok(())
    }

    fn unary(&mut self) -> Result<(), Error> {
        let mut x = self.any(|_| true, |ty| ty)?;
        let dtype = self.b.dtype(x);
        let choices: &[Unary] = match dtype {
            DType::Pred => &[Unary::Not],
            DType::U8 | DType::U32 => &[Unary::Not, Unary::Neg],
            DType::I32 | DType::I64 => &[Unary::Not, Unary::Neg, Unary::Abs, Unary::Sign],
            _ => &Unary::ALL,
        };
        let mut unary = self.random.pick(choices);
        if dtype.is_float() && unary == Unary::Not {
            unary = Unary::Neg;
        }
        let jumps = matches!(unary, Unary::Sign | Unary::Floor | Unary::IsFinite);
        if dtype.is_float() && jumps && !self.may_jump(&[x]) {
            unary = Unary::Tanh;
        }
        if self.options.tame && matches!(unary, Unary::Log | Unary::Sqrt | Unary::Rsqrt) {
            self.read(x);
            x = self.b.offset(self.b.abs(x)?, 1.0)?;
        }
        self.computed(Op::Unary(unary), &[x])
    }

    fn binary(&mut self) -> Result<(), Error> {
        let x = self.any(|_| true, |ty| ty)?;
        let ty = self.b.ty(x);
        let mut y = self.of(&ty)?;
        let logical = [Binary::And, Binary::Or, Binary::Xor];
        let both = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Max, Binary::Min];
        let integer = [Binary::Rem, Binary::ShiftLeft, Binary::ShiftRight];
        let binary = match ty.dtype {
            DType::Pred => self.random.pick(&logical),
            dtype if dtype.is_int() => self.random.pick(&[&both[..], &logical, &integer].concat()),
            _ => self.random.pick(&[&both[..], &[Binary::Pow]].concat()),
        };
        let mut x = x;
        if binary == Binary::Div && ty.dtype.is_int() {
            // By zero, XLA gives -1, but takes x / x for 1 all the same.
            let one = self.b.full(&ty, 1.0)?;
            self.read(y);
            y = self.b.or(y, one)?;
        }
        if self.options.tame && ty.dtype.is_float() && matches!(binary, Binary::Div | Binary::Pow) {
            self.read(x);
            self.read(y);
            if binary == Binary::Div {
                y = self.b.offset(self.b.abs(y)?, 1.0)?;
            } else {
                x = self.b.offset(self.b.abs(x)?, 1.0)?;
                y = self.b.tanh(y)?;
            }
        }
        self.computed(Op::Binary(binary), &[x, y])
    }

    fn compare(&mut self) -> Result<(), Error> {
        let x = self.any(|_| true, |ty| ty)?;
        let ty = self.b.ty(x);
        let mut y = self.of(&ty)?;
        let mut x = x;
        if !self.may_jump(&[x, y]) {
            (x, y) = (self.literal(&ty)?, self.literal(&ty)?);
        }
        let comparison = match ty.dtype {
            DType::Pred => self.random.pick(&[Comparison::Eq, Comparison::Ne]),
            _ => self.random.pick(&Comparison::ALL),
        };
        self.moved(Op::Compare(comparison), &[x, y])
    }

    fn select(&mut self) -> Result<(), Error> {
        let yes = self.any(|_| true, |ty| ty)?;
        let ty = self.b.ty(yes);
        let no = self.of(&ty)?;
        let condition = self.of(&ty.with_dtype(DType::Pred))?;
        self.moved(Op::Select, &[condition, yes, no])
    }

    fn convert(&mut self) -> Result<(), Error> {
        let mut x = self.any(|_| true, |ty| ty)?;
        let from = self.b.dtype(x);
        let mut to = self.random.pick(&self.options.dtypes);
        if !to.is_float() && !self.may_jump(&[x]) {
            to = from;
        }
        if self.options.tame && from.is_int() && to.is_float() {
            // Integers wrap to anything; as floats they are kept small.
            let eight = self.b.full(&self.b.ty(x), 8.0)?;
            self.read(x);
            x = self.b.binary(Binary::Rem, x, eight)?;
        }
        self.moved(Op::Convert(to), &[x])
    }

    fn bitcast(&mut self) -> Result<(), Error> {
        let x = self.number()?;
        let dtype = self.b.dtype(x);
        // Floats only where they were asked for: integers read as floats may be NaNs, whose bits no one defines.
        let allowed =
            |other: &DType| other.is_int() || self.options.dtypes.contains(other) || *other == dtype;
        let fits = |other: &DType| *other != DType::Pred && other.size() == dtype.size() && allowed(other);
        let targets: Vec<_> = DType::ALL.into_iter().filter(fits).collect();
        let target = self.random.pick(&targets);
        if !self.options.tame || dtype.is_int() && target.is_int() {
            return self.moved(Op::Bitcast(target), &[x]);
        }
        // Bits that differ by a rounding error, and small integers read as floats, are not tame: there and back.
        let target = targets.iter().copied().find(|other| other.is_int()).filter(|_| dtype.is_float());
        let exact = self.read(x);
        let bits = self.b.bitcast(x, target.unwrap_or(dtype))?;
        let back = self.b.bitcast(bits, dtype)?;
        self.give(back, exact);
        Ok(())
    }

    fn reshape_or_transpose(&mut self) -> Result<(), Error> {
        let x = self.any(|_| true, |ty| ty)?;
        let ty = self.b.ty(x);
        if self.random.once_in(2) {
            let mut permutation: Vec<_> = (0..ty.rank()).collect();
            for last in (1..ty.rank()).rev() {
                permutation.swap(last, self.random.below(last + 1));
            }
            return self.moved(Op::Transpose { permutation }, &[x]);
        }
        let mut shape = ty.shape;
        if shape.len() > 1 && self.random.once_in(2) {
            let last = shape.pop().unwrap_or(1);
            shape[0] *= last;
        } else {
            shape.insert(self.random.below(shape.len() + 1), 1);
        }
        self.moved(Op::Reshape { shape }, &[x])
    }

    fn broadcast(&mut self) -> Result<(), Error> {
        let x = self.any(|ty| ty.rank() < 4, |ty| ty)?;
        let mut shape = Vec::new();
        let mut dims = Vec::new();
        for size in self.b.shape(x) {
            if self.random.once_in(3) && shape.len() < 3 {
                shape.push(1 + self.random.below(3));
            }
            dims.push(shape.len());
            shape.push(if size == 1 { 1 + self.random.below(3) } else { size });
        }
        if self.random.once_in(2) {
            shape.push(1 + self.random.below(3));
        }
        self.moved(Op::Broadcast { shape, dims }, &[x])
    }

    fn slice(&mut self) -> Result<(), Error> {
        let x = self.any(|_| true, |ty| ty)?;
        let (mut starts, mut limits, mut strides) = (Vec::new(), Vec::new(), Vec::new());
        for size in self.b.shape(x) {
            let start = self.random.below(size.max(1));
            starts.push(start);
            limits.push(start + (size - start).min(1 + self.random.below(4)));
            strides.push(1 + self.random.below(2));
        }
        self.moved(Op::Slice { starts, limits, strides }, &[x])
    }

    fn pad(&mut self) -> Result<(), Error> {
        let x = self.any(|_| true, |ty| ty)?;
        let ty = self.b.ty(x);
        let padding = self.of(&TensorType::scalar(ty.dtype))?;
        let (mut low, mut high, mut interior) = (Vec::new(), Vec::new(), Vec::new());
        for &size in &ty.shape {
            // Cuts at most one element off, and only where at least one is left.
            low.push(self.random.below(3) as i64 - (size > 1) as i64);
            high.push(self.random.below(3) as i64);
            interior.push(self.random.below(2));
        }
        self.moved(Op::Pad { low, high, interior }, &[x, padding])
    }

    fn concatenate(&mut self) -> Result<(), Error> {
        let x = self.any(|ty| ty.rank() > 0, |ty| TensorType::new(ty.dtype, [2]))?;
        let ty = self.b.ty(x);
        let dim = self.random.below(ty.rank());
        let mut parts = vec![x];
        for _ in 0..self.random.below(3) {
            let joins = |other: &TensorType| {
                let mut shape = other.shape.clone();
                other.dtype == ty.dtype && shape.len() == ty.rank() && {
                    shape[dim] = ty.shape[dim];
                    shape == ty.shape
                }
            };
            parts.push(self.any(joins, |_| ty.clone())?);
        }
        self.moved(Op::Concatenate { dim }, &parts)
    }

    fn reverse(&mut self) -> Result<(), Error> {
        let x = self.any(|_| true, |ty| ty)?;
        let dims = (0..self.b.ty(x).rank()).filter(|_| self.random.once_in(2)).collect();
        self.moved(Op::Reverse { dims }, &[x])
    }

    fn dot(&mut self) -> Result<(), Error> {
        let x = self.number()?;
        let ty = self.b.ty(x);
        let mut dims = DotDims::default();
        let mut shape = Vec::new();
        for (dim, &size) in ty.shape.iter().enumerate() {
            if self.random.once_in(3) {
                shape.push(1 + self.random.below(3));
            }
            match self.random.below(3) {
                0 => {
                    dims.lhs_batch.push(dim);
                    dims.rhs_batch.push(shape.len());
                    shape.push(size);
                }
                1 => {
                    dims.lhs_contract.push(dim);
                    dims.rhs_contract.push(shape.len());
                    shape.push(size);
                }
                _ => {}
            }
        }
        let y = self.of(&TensorType::new(ty.dtype, shape))?;
        let wide = self.random.once_in(2);
        let output = if wide { ty.dtype.accumulator() } else { ty.dtype };
        self.computed(Op::Dot { dims, output }, &[x, y])
    }

    fn reduce(&mut self) -> Result<(), Error> {
        let x = self.any(|_| true, |ty| ty)?;
        let ty = self.b.ty(x);
        let kind = match ty.dtype {
            DType::Pred => self.random.pick(&[Reduction::And, Reduction::Or]),
            _ => self.random.pick(&[Reduction::Sum, Reduction::Max, Reduction::Min]),
        };
        let dims = (0..ty.rank()).filter(|_| self.random.once_in(2)).collect();
        self.computed(Op::Reduce { kind, dims }, &[x])
    }

    fn take_or_scatter(&mut self) -> Result<(), Error> {
        let table = |ty: &TensorType| ty.dtype != DType::Pred && ty.rank() > 0 && ty.shape[0] > 0;
        let dtype = self.numeric_dtype();
        let x = self.any(table, |ty| match table(&ty) {
            true => ty,
            false => TensorType::new(dtype, [3, 2]),
        })?;
        let indices = self.any(
            |ty| ty.dtype.is_int() && ty.rank() < 3,
            |ty| TensorType::new(DType::I32, &ty.shape[..ty.rank().min(2)]),
        )?;
        if self.random.once_in(2) {
            return self.moved(Op::Take, &[x, indices]);
        }
        let ty = self.b.ty(x);
        let shape = [self.b.shape(indices), ty.shape[1..].to_vec()].concat();
        let updates = self.of(&TensorType::new(ty.dtype, shape))?;
        self.computed(Op::ScatterAdd, &[x, indices, updates])
    }

    fn dynamic(&mut self) -> Result<(), Error> {
        let x = self.any(|_| true, |ty| ty)?;
        let ty = self.b.ty(x);
        let index = self.random.pick(&[DType::I32, DType::U32, DType::I64]);
        let mut starts = Vec::new();
        for _ in 0..ty.rank() {
            starts.push(self.of(&TensorType::scalar(index))?);
        }
        let sizes: Vec<_> =
            ty.shape.iter().map(|&size| size.min(self.random.below(size.max(1)) + 1)).collect();
        if self.random.once_in(2) {
            return self.moved(Op::DynamicSlice { sizes }, &[&[x], &starts[..]].concat());
        }
        let update = self.of(&TensorType::new(ty.dtype, sizes))?;
        self.moved(Op::DynamicUpdateSlice, &[&[x, update], &starts[..]].concat())
    }

    fn marker(&mut self) -> Result<(), Error> {
        let x = self.any(|_| true, |ty| ty)?;
        let op = match self.random.below(5) {
            0 => Op::StopGradient,
            4 => Op::Barrier,
            3 => Op::Shard {
                to: self.placement(&x),
                gradient: self.random.once_in(2).then(|| self.placement(&x)),
            },
            1 => Op::Name("kept".into()),
            _ => Op::Name("other".into()),
        };
        self.moved(op, &[x])
    }

    /// An exchange between the devices of a mesh that has one.
    fn collective(&mut self) -> Result<(), Error> {
        let x = self.any(|ty| ty.rank() > 0, |ty| TensorType::new(ty.dtype, [2]))?;
        let ty = self.b.ty(x);
        let dim = self.random.below(ty.rank());
        let axis = MeshAxis { name: "alone".into(), size: 1 };
        let axes = vec![axis.clone()];
        let op = match self.random.below(6) {
            0 if ty.dtype != DType::Pred => Op::AllReduce { kind: Reduction::Sum, axes },
            1 => Op::AllGather { dim, axes },
            2 if ty.dtype != DType::Pred => Op::ReduceScatter { dim, axes },
            3 => Op::AllToAll { split: dim, concat: self.random.below(ty.rank()), axes },
            4 => return self.moved(Op::AxisIndex { axis }, &[]),
            _ => Op::Permute { axis, shift: self.random.below(2) as i64 },
        };
        self.moved(op, &[x])
    }

    fn placement(&self, x: &Tensor) -> Placement {
        let axes = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let axes = axes.iter().cycle().take(self.b.ty(*x).rank()).map(|axis| axis.to_string());
        Placement { table: PlacementTable::Activations, axes: axes.collect() }
    }
}
