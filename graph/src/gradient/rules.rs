//! The derivative of each op but scan: from the cotangent of its result to those of its operands.

use super::Backward;
use crate::builder::Tensor;
use crate::dtype::DType;
use crate::error::Error;
use crate::function::Node;
use crate::op::{Binary, Comparison, DotDims, Op, Reduction, Unary};

type Cotangents = Result<Vec<Option<Tensor>>, Error>;

impl Backward<'_> {
    /// Cotangents of the operands of `node`; `None` where there is none, or where nothing active would read it.
    pub(super) fn rule(&mut self, node: &Node, ct: Tensor) -> Cotangents {
        let b = self.target;
        let operand = |position: usize| node.operands[position];
        let shape_of = |this: &Self, position: usize| this.ty(node.operands[position]).shape;
        let first = match &node.op {
            Op::Scan(_) => return Err(Error::Gradient("a scan has its own rule".into())),
            Op::Constant(_)
            | Op::Iota { .. }
            | Op::Compare(_)
            | Op::Bitcast(_)
            | Op::StopGradient
            | Op::AxisIndex { .. }
            | Op::AllReduce { kind: Reduction::And | Reduction::Or, .. }
            | Op::Reduce { kind: Reduction::And | Reduction::Or, .. } => {
                return Ok(vec![None; node.operands.len()]);
            }
            Op::Unary(unary) => return Ok(vec![self.unary(*unary, node, ct)?]),
            Op::Binary(binary) => return self.binary(*binary, node, ct),
            Op::Select => {
                let condition = self.primal(operand(0))?;
                let zero = b.full(&b.ty(ct), 0.0)?;
                let (yes, no) = (self.is_active(operand(1)), self.is_active(operand(2)));
                let yes = yes.then(|| b.select(condition, ct, zero)).transpose()?;
                let no = no.then(|| b.select(condition, zero, ct)).transpose()?;
                return Ok(vec![None, yes, no]);
            }
            Op::Convert(_) => b.convert(ct, self.ty(operand(0)).dtype)?,
            Op::Broadcast { shape, dims } => {
                let from = shape_of(self, 0);
                let kept = |dim: &usize| {
                    dims.iter()
                        .position(|target| target == dim)
                        .is_some_and(|source| from[source] == shape[*dim])
                };
                let summed: Vec<_> = (0..shape.len()).filter(|dim| !kept(dim)).collect();
                let sum = if summed.is_empty() { ct } else { b.sum(ct, &summed)? };
                b.reshape(sum, &from)?
            }
            Op::Reshape { .. } => b.reshape(ct, &shape_of(self, 0))?,
            Op::Transpose { permutation } => b.transpose(ct, &inverse(permutation))?,
            Op::Slice { starts, limits, strides } => {
                let from = shape_of(self, 0);
                let low: Vec<_> = starts.iter().map(|&start| start as i64).collect();
                let interior: Vec<_> = strides.iter().map(|stride| stride - 1).collect();
                let last = |dim: usize| match (limits[dim] - starts[dim]).div_ceil(strides[dim]) {
                    0 => starts[dim],
                    count => starts[dim] + (count - 1) * strides[dim] + 1,
                };
                let high: Vec<_> = (0..from.len()).map(|dim| (from[dim] - last(dim)) as i64).collect();
                let zero = b.scalar(b.dtype(ct), 0.0)?;
                b.op(Op::Pad { low, high, interior }, &[ct, zero])?[0]
            }
            Op::Pad { low, high, interior } => return self.pad(node, ct, low, high, interior),
            Op::Concatenate { dim } => {
                let mut start = 0;
                let mut parts = Vec::with_capacity(node.operands.len());
                for position in 0..node.operands.len() {
                    let end = start + shape_of(self, position)[*dim];
                    let active = self.is_active(operand(position));
                    parts.push(active.then(|| b.slice_dim(ct, *dim, start, end)).transpose()?);
                    start = end;
                }
                return Ok(parts);
            }
            Op::Reverse { dims } => b.reverse(ct, dims)?,
            Op::Dot { dims, .. } => return self.dot(node, ct, dims),
            Op::Reduce { kind, dims } => {
                let from = shape_of(self, 0);
                let kept: Vec<_> = (0..from.len()).filter(|dim| !dims.contains(dim)).collect();
                let spread = |x: Tensor| b.broadcast(x, &from, &kept);
                match kind {
                    Reduction::Sum => spread(ct)?,
                    Reduction::Max | Reduction::Min => {
                        // The extremum's gradient goes in equal parts to all elements that attain it.
                        let x = self.primal(operand(0))?;
                        let extremum = spread(self.primal(node.results[0])?)?;
                        let attains = b.convert(b.compare(Comparison::Eq, x, extremum)?, b.dtype(ct))?;
                        let share = b.div(ct, b.sum(attains, dims)?)?;
                        b.mul(spread(share)?, attains)?
                    }
                    // Of truth values, which have no gradient.
                    Reduction::And | Reduction::Or => return Ok(vec![None]),
                }
            }
            Op::Take => self.take(node, ct)?,
            Op::ScatterAdd => {
                let updates = if self.is_active(operand(2)) { Some(self.scattered(node, ct)?) } else { None };
                return Ok(vec![Some(ct), None, updates]);
            }
            Op::DynamicSlice { sizes } => {
                let starts = self.starts(&node.operands[1..])?;
                // Added in place to the sum found so far, instead of in a pass over all of it.
                match self.cotangents.remove(&operand(0)) {
                    Some(sum) => {
                        let slice = b.add(b.dynamic_slice(sum, &starts, sizes)?, ct)?;
                        b.dynamic_update_slice(sum, slice, &starts)?
                    }
                    None => b.dynamic_update_slice(b.full(&self.ty(operand(0)), 0.0)?, ct, &starts)?,
                }
            }
            Op::DynamicUpdateSlice => {
                let starts = self.starts(&node.operands[2..])?;
                let update = self.ty(operand(1));
                let zeros = b.full(&update, 0.0)?;
                let old = self.is_active(operand(0));
                let old = old.then(|| b.dynamic_update_slice(ct, zeros, &starts)).transpose()?;
                return Ok(vec![old, Some(b.dynamic_slice(ct, &starts, &update.shape)?)]);
            }
            Op::Barrier | Op::Name(_) | Op::Shard { gradient: None, .. } => ct,
            Op::Shard { gradient: Some(to), .. } => b.shard(ct, to.clone(), None)?,
            // The differentiated loss is the sum of all devices' scalars: each device's operand reaches every sum.
            Op::AllReduce { kind: Reduction::Sum, axes } => b.all_reduce(Reduction::Sum, ct, axes)?,
            Op::AllReduce { kind: Reduction::Max | Reduction::Min, axes } => {
                // As for `reduce`: in equal parts to all that attain the extremum, on whatever device.
                let (x, extremum) = (self.primal(operand(0))?, self.primal(node.results[0])?);
                let attains = b.convert(b.compare(Comparison::Eq, x, extremum)?, b.dtype(ct))?;
                let total = b.all_reduce(Reduction::Sum, ct, axes)?;
                b.mul(b.div(total, b.all_reduce(Reduction::Sum, attains, axes)?)?, attains)?
            }
            Op::AllGather { dim, axes } => b.reduce_scatter(ct, *dim, axes)?,
            Op::ReduceScatter { dim, axes } => b.all_gather(ct, *dim, axes)?,
            Op::AllToAll { split, concat, axes } => b.all_to_all(ct, *concat, *split, axes)?,
            Op::Permute { axis, shift } => b.permute(ct, axis.clone(), shift.saturating_neg())?,
        };
        Ok(vec![Some(first)])
    }

    fn starts(&mut self, values: &[crate::function::Value]) -> Result<Vec<Tensor>, Error> {
        values.iter().map(|&value| self.primal(value)).collect()
    }

    fn unary(&mut self, unary: Unary, node: &Node, ct: Tensor) -> Result<Option<Tensor>, Error> {
        let b = self.target;
        let (x, y) = (node.operands[0], node.results[0]);
        let cotangent = match unary {
            Unary::Neg => b.neg(ct)?,
            Unary::Abs => {
                let sign = b.unary(Unary::Sign, self.primal(x)?)?;
                b.mul(ct, sign)?
            }
            Unary::Exp => b.mul(ct, self.primal(y)?)?,
            Unary::Log => b.div(ct, self.primal(x)?)?,
            Unary::Tanh => {
                let y = self.primal(y)?;
                b.mul(ct, b.offset(b.neg(b.mul(y, y)?)?, 1.0)?)?
            }
            Unary::Logistic => {
                let y = self.primal(y)?;
                b.mul(ct, b.mul(y, b.offset(b.neg(y)?, 1.0)?)?)?
            }
            Unary::Sqrt => b.div(b.scale(ct, 0.5)?, self.primal(y)?)?,
            Unary::Rsqrt => {
                let y = self.primal(y)?;
                b.mul(b.scale(ct, -0.5)?, b.mul(y, b.mul(y, y)?)?)?
            }
            Unary::Sin => b.mul(ct, b.cos(self.primal(x)?)?)?,
            Unary::Cos => b.neg(b.mul(ct, b.sin(self.primal(x)?)?)?)?,
            Unary::Sign | Unary::Floor | Unary::Not | Unary::IsFinite => return Ok(None),
        };
        Ok(Some(cotangent))
    }

    fn binary(&mut self, binary: Binary, node: &Node, ct: Tensor) -> Cotangents {
        let b = self.target;
        let (left, right, result) = (node.operands[0], node.operands[1], node.results[0]);
        let (need_left, need_right) = (self.is_active(left), self.is_active(right));
        let mut cotangents = vec![None, None];
        match binary {
            Binary::Add => cotangents = vec![Some(ct), Some(ct)],
            Binary::Sub => {
                let right = need_right.then(|| b.neg(ct)).transpose()?;
                cotangents = vec![Some(ct), right];
            }
            Binary::Mul => {
                if need_left {
                    cotangents[0] = Some(b.mul(ct, self.primal(right)?)?);
                }
                if need_right {
                    cotangents[1] = Some(b.mul(ct, self.primal(left)?)?);
                }
            }
            Binary::Div => {
                let quotient = b.div(ct, self.primal(right)?)?;
                if need_right {
                    cotangents[1] = Some(b.neg(b.mul(quotient, self.primal(result)?)?)?);
                }
                cotangents[0] = Some(quotient);
            }
            Binary::Pow => {
                let x = self.primal(left)?;
                if need_left {
                    // y = 0 gives 0 · 0^-1 at x = 0; any other exponent gives the 0 it should be.
                    let y = self.primal(right)?;
                    let is_zero = b.compare(Comparison::Eq, y, b.full(&b.ty(y), 0.0)?)?;
                    let exponent = b.select(is_zero, b.full(&b.ty(y), 1.0)?, b.offset(y, -1.0)?)?;
                    cotangents[0] = Some(b.mul(ct, b.mul(y, b.pow(x, exponent)?)?)?);
                }
                if need_right {
                    // x = 0 gives 0^y · log 0; its limit for positive y is 0.
                    let is_zero = b.compare(Comparison::Eq, x, b.full(&b.ty(x), 0.0)?)?;
                    let log = b.log(b.select(is_zero, b.full(&b.ty(x), 1.0)?, x)?)?;
                    cotangents[1] = Some(b.mul(ct, b.mul(self.primal(result)?, log)?)?);
                }
            }
            Binary::Max | Binary::Min => {
                // Of two equal operands the left one counts as chosen.
                let order = if binary == Binary::Max { Comparison::Ge } else { Comparison::Le };
                let left_chosen = b.compare(order, self.primal(left)?, self.primal(right)?)?;
                let zero = b.full(&b.ty(ct), 0.0)?;
                if need_left {
                    cotangents[0] = Some(b.select(left_chosen, ct, zero)?);
                }
                if need_right {
                    cotangents[1] = Some(b.select(left_chosen, zero, ct)?);
                }
            }
            Binary::Rem | Binary::And | Binary::Or | Binary::Xor | Binary::ShiftLeft | Binary::ShiftRight => {
            }
        }
        Ok(cotangents)
    }

    fn pad(&mut self, node: &Node, ct: Tensor, low: &[i64], high: &[i64], interior: &[usize]) -> Cotangents {
        let b = self.target;
        // What was cut off comes back as zeros; then a slice leaves out what was added.
        let cut_off = |amounts: &[i64]| amounts.iter().map(|&amount| (-amount).max(0)).collect::<Vec<_>>();
        let added = |amount: i64| amount.max(0) as usize;
        let (cut_low, cut_high) = (cut_off(low), cut_off(high));
        let is_cut = cut_low.iter().chain(&cut_high).any(|&amount| amount > 0);
        let whole = if is_cut { b.pad(ct, 0.0, &cut_low, &cut_high)? } else { ct };
        let shape = b.shape(whole);
        let starts: Vec<_> = low.iter().map(|&amount| added(amount)).collect();
        let limits: Vec<_> = shape.iter().zip(high).map(|(size, &amount)| size - added(amount)).collect();
        let strides: Vec<_> = interior.iter().map(|count| count + 1).collect();
        let inner = if b.shape(whole) == self.ty(node.operands[0]).shape {
            whole
        } else {
            b.op(Op::Slice { starts, limits, strides }, &[whole])?[0]
        };
        let padding = if self.is_active(node.operands[1]) {
            // What reached the result from the operand does not count: mark it and sum the rest.
            let zeros = b.full(&self.ty(node.operands[0]), 0.0)?;
            let one = b.scalar(b.dtype(ct), 1.0)?;
            let is_padding = b.op(node.op.clone(), &[zeros, one])?[0];
            let all: Vec<_> = (0..low.len()).collect();
            Some(b.sum(b.mul(ct, is_padding)?, &all)?)
        } else {
            None
        };
        Ok(vec![Some(inner), padding])
    }

    /// The cotangent of a table: rows added into the sum found so far, or into zeros.
    fn take(&mut self, node: &Node, ct: Tensor) -> Result<Tensor, Error> {
        let b = self.target;
        let table = self.ty(node.operands[0]);
        let indices = self.primal(node.operands[1])?;
        // Take clamps where scatter drops, so clamp first, unless the index type stops short of the last row.
        let dtype = b.dtype(indices);
        let last = table.shape[0] - 1;
        let mut clamped = b.max(indices, b.scalar(dtype, 0.0)?)?;
        if represents(dtype, last) {
            clamped = b.min(clamped, b.scalar(dtype, last as f64)?)?;
        }
        // A row may be taken many times: 16-bit floats are summed in float32.
        let wide = table.dtype.accumulator();
        let sum = match self.cotangents.remove(&node.operands[0]) {
            Some(sum) => b.convert(sum, wide)?,
            None => b.full(&table.with_dtype(wide), 0.0)?,
        };
        b.convert(b.scatter_add(sum, clamped, b.convert(ct, wide)?)?, table.dtype)
    }

    /// The cotangent of a scatter's updates: rows of the result's cotangent; nothing for dropped rows.
    fn scattered(&mut self, node: &Node, ct: Tensor) -> Result<Tensor, Error> {
        let b = self.target;
        let indices = self.primal(node.operands[1])?;
        let dtype = b.dtype(indices);
        let rows = b.take(ct, indices)?;
        let end = self.ty(node.operands[0]).shape[0];
        let mut inside = b.compare(Comparison::Ge, indices, b.scalar(dtype, 0.0)?)?;
        if represents(dtype, end) {
            inside = b.and(inside, b.compare(Comparison::Lt, indices, b.scalar(dtype, end as f64)?)?)?;
        }
        let shape = b.shape(rows);
        let dims: Vec<_> = (0..b.shape(inside).len()).collect();
        let inside = b.broadcast(inside, &shape, &dims)?;
        b.select(inside, rows, b.full(&b.ty(rows), 0.0)?)
    }

    fn dot(&mut self, node: &Node, ct: Tensor, dims: &DotDims) -> Cotangents {
        let (left, right) = (node.operands[0], node.operands[1]);
        let (lhs, rhs) = (self.ty(left), self.ty(right));
        let ct = self.target.convert(ct, lhs.dtype)?;
        let batch = dims.lhs_batch.len();
        let lhs_free = DotDims::free(lhs.rank(), &dims.lhs_batch, &dims.lhs_contract);
        let rhs_free = DotDims::free(rhs.rank(), &dims.rhs_batch, &dims.rhs_contract);
        let split = batch + lhs_free.len();
        let end = split + rhs_free.len();
        let mut cotangents = vec![None, None];
        if self.is_active(left) {
            let side = Side {
                batch: &dims.lhs_batch,
                free: &lhs_free,
                contract: &dims.lhs_contract,
                other_batch: &dims.rhs_batch,
                other_free: &rhs_free,
                other_contract: &dims.rhs_contract,
            };
            let other = self.primal(right)?;
            cotangents[0] = Some(self.dot_side(ct, other, &side, (split..end).collect())?);
        }
        if self.is_active(right) {
            let side = Side {
                batch: &dims.rhs_batch,
                free: &rhs_free,
                contract: &dims.rhs_contract,
                other_batch: &dims.lhs_batch,
                other_free: &lhs_free,
                other_contract: &dims.lhs_contract,
            };
            let other = self.primal(left)?;
            cotangents[1] = Some(self.dot_side(ct, other, &side, (batch..split).collect())?);
        }
        Ok(cotangents)
    }

    /// Cotangent of one operand of a dot: the result's cotangent, contracted with the other operand over the
    /// other operand's free dimensions (`summed`, as dimensions of the cotangent).
    fn dot_side(&self, ct: Tensor, other: Tensor, side: &Side, summed: Vec<usize>) -> Result<Tensor, Error> {
        let b = self.target;
        let dtype = b.dtype(ct);
        let ct_batch: Vec<_> = (0..side.batch.len()).collect();
        // Remaining dimensions of the other operand come out ascending; their partners are this side's.
        let mut partners: Vec<_> = side.other_contract.iter().zip(side.contract).collect();
        partners.sort_unstable();
        let contract: Vec<usize> = partners.into_iter().map(|(_, &dim)| dim).collect();
        let ct_first = [side.batch, side.free, &contract].concat();
        let other_first = [side.batch, &contract, side.free].concat();
        let is_sorted = |order: &[usize]| order.iter().copied().eq(0..order.len());
        if is_sorted(&other_first) && !is_sorted(&ct_first) {
            let dims = DotDims {
                lhs_batch: side.other_batch.to_vec(),
                rhs_batch: ct_batch,
                lhs_contract: side.other_free.to_vec(),
                rhs_contract: summed,
            };
            return b.dot(other, ct, dims, dtype);
        }
        let dims = DotDims {
            lhs_batch: ct_batch,
            rhs_batch: side.other_batch.to_vec(),
            lhs_contract: summed,
            rhs_contract: side.other_free.to_vec(),
        };
        b.transpose(b.dot(ct, other, dims, dtype)?, &inverse(&ct_first))
    }
}

/// The dimensions of one operand of a dot, and those of the other.
struct Side<'a> {
    batch: &'a [usize],
    free: &'a [usize],
    contract: &'a [usize],
    other_batch: &'a [usize],
    other_free: &'a [usize],
    other_contract: &'a [usize],
}

/// Whether an integer type has this number; if not, all its numbers are smaller.
fn represents(dtype: DType, number: usize) -> bool {
    dtype.wrap(number as i64) == number as i64
}

fn inverse(permutation: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; permutation.len()];
    permutation.iter().enumerate().for_each(|(position, &dim)| inverse[dim] = position);
    inverse
}
