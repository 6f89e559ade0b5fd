//! Result types: which operands each op accepts, and what it gives. The verifier applies the same rules.

use crate::dtype::{DType, TensorType};
use crate::mesh::MeshAxis;
use crate::op::{Binary, DotDims, Op, Reduction, Scan, Unary};

/// The types of an op's results for operands of the given types.
///
/// # Errors
/// A sentence that says which rule of the op the operands or attributes break.
pub fn infer(op: &Op, operands: &[&TensorType]) -> Result<Vec<TensorType>, String> {
    let one = match op {
        Op::Scan(scan) => return infer_scan(scan, operands),
        Op::Constant(literal) => {
            arity(operands, 0)?;
            literal.ty().clone()
        }
        Op::Iota { ty, dim } => {
            arity(operands, 0)?;
            dim_in_range(*dim, ty.rank())?;
            ensure(ty.dtype != DType::Pred, || "counts need a number type, not pred".into())?;
            ty.clone()
        }
        Op::Unary(unary) => infer_unary(*unary, only(operands)?)?,
        Op::Binary(binary) => {
            let (lhs, rhs) = pair(operands)?;
            same_type(lhs, rhs)?;
            infer_binary(*binary, lhs)?
        }
        Op::Compare(comparison) => {
            let (lhs, rhs) = pair(operands)?;
            same_type(lhs, rhs)?;
            ensure(!comparison.is_ordering() || lhs.dtype != DType::Pred, || {
                "pred has no order; use eq or ne".into()
            })?;
            lhs.with_dtype(DType::Pred)
        }
        Op::Select => {
            let [condition, yes, no] = exactly(operands)?;
            ensure(condition.dtype == DType::Pred, || format!("the condition is {condition}, not pred"))?;
            same_type(yes, no)?;
            ensure(condition.shape == yes.shape, || {
                format!("condition {condition} and values {yes} differ")
            })?;
            yes.clone()
        }
        Op::Convert(dtype) => only(operands)?.with_dtype(*dtype),
        Op::Bitcast(dtype) => {
            let operand = only(operands)?;
            let pred = operand.dtype == DType::Pred || *dtype == DType::Pred;
            ensure(!pred && operand.dtype.size() == dtype.size(), || {
                format!("the bits of {} are not those of a {dtype}", operand.dtype)
            })?;
            operand.with_dtype(*dtype)
        }
        Op::Broadcast { shape, dims } => infer_broadcast(only(operands)?, shape, dims)?,
        Op::Reshape { shape } => {
            let operand = only(operands)?;
            let result = TensorType::new(operand.dtype, shape.clone());
            ensure(result.elements() == operand.elements(), || {
                format!("{operand} has {} elements, {result} has {}", operand.elements(), result.elements())
            })?;
            result
        }
        Op::Transpose { permutation } => {
            let operand = only(operands)?;
            let mut sorted = permutation.clone();
            sorted.sort_unstable();
            ensure(sorted.iter().copied().eq(0..operand.rank()), || {
                format!("{permutation:?} is not a permutation of the dimensions of {operand}")
            })?;
            let shape: Vec<_> = permutation.iter().map(|&dim| operand.shape[dim]).collect();
            TensorType::new(operand.dtype, shape)
        }
        Op::Slice { starts, limits, strides } => infer_slice(only(operands)?, starts, limits, strides)?,
        Op::Pad { low, high, interior } => infer_pad(operands, low, high, interior)?,
        Op::Concatenate { dim } => infer_concatenate(operands, *dim)?,
        Op::Reverse { dims } => {
            let operand = only(operands)?;
            distinct_dims(dims, operand.rank())?;
            operand.clone()
        }
        Op::Dot { dims, output } => {
            let (lhs, rhs) = pair(operands)?;
            infer_dot(lhs, rhs, dims, *output)?
        }
        Op::Reduce { kind, dims } => infer_reduce(only(operands)?, *kind, dims)?,
        Op::Take => {
            let (table, indices) = pair(operands)?;
            table_and_indices(table, indices)?;
            let shape = [&indices.shape[..], &table.shape[1..]].concat();
            TensorType::new(table.dtype, shape)
        }
        Op::ScatterAdd => {
            let [table, indices, updates] = exactly(operands)?;
            table_and_indices(table, indices)?;
            ensure(table.dtype != DType::Pred, || "pred cannot be added".into())?;
            let shape = [&indices.shape[..], &table.shape[1..]].concat();
            let expected = TensorType::new(table.dtype, shape);
            ensure(*updates == expected, || format!("updates are {updates}, expected {expected}"))?;
            table.clone()
        }
        Op::DynamicSlice { sizes } => {
            let (operand, starts) = operands.split_first().ok_or("takes a tensor and its start indices")?;
            start_indices(operand, starts)?;
            fits(operand, sizes)?;
            TensorType::new(operand.dtype, sizes.clone())
        }
        Op::DynamicUpdateSlice => {
            let [operand, update, starts @ ..] = operands else {
                return Err("takes a tensor, an update and start indices".into());
            };
            start_indices(operand, starts)?;
            ensure(operand.dtype == update.dtype, || format!("{operand} cannot be updated with {update}"))?;
            fits(operand, &update.shape)?;
            (*operand).clone()
        }
        Op::Barrier | Op::StopGradient => only(operands)?.clone(),
        Op::Name(name) => {
            ensure(!name.is_empty(), || "the name is empty".into())?;
            only(operands)?.clone()
        }
        Op::Shard { to, gradient } => {
            let operand = only(operands)?;
            for placement in std::iter::once(to).chain(gradient) {
                ensure(placement.axes.len() == operand.rank(), || {
                    format!("{} axes for {operand}", placement.axes.len())
                })?;
            }
            operand.clone()
        }
        Op::AxisIndex { axis } => {
            arity(operands, 0)?;
            group(std::slice::from_ref(axis))?;
            TensorType::scalar(DType::I32)
        }
        Op::AllReduce { kind, axes } => {
            group(axes)?;
            let operand = only(operands)?;
            ensure(!kind.is_logical() && operand.dtype != DType::Pred, || {
                format!("{operand} cannot be combined by {}", kind.name())
            })?;
            operand.clone()
        }
        Op::AllGather { dim, axes } => {
            let operand = only(operands)?;
            dim_in_range(*dim, operand.rank())?;
            let mut result = operand.clone();
            result.shape[*dim] = result.shape[*dim]
                .checked_mul(group(axes)?)
                .ok_or_else(|| format!("dimension {dim} of {operand} becomes too large"))?;
            result
        }
        Op::ReduceScatter { dim, axes } => {
            let operand = only(operands)?;
            ensure(operand.dtype != DType::Pred, || "pred cannot be added".into())?;
            shrunk(operand, *dim, group(axes)?)?
        }
        Op::AllToAll { split, concat, axes } => {
            let operand = only(operands)?;
            let members = group(axes)?;
            let mut result = shrunk(operand, *split, members)?;
            dim_in_range(*concat, operand.rank())?;
            result.shape[*concat] = result.shape[*concat].saturating_mul(members);
            result
        }
        Op::Permute { axis, .. } => {
            group(std::slice::from_ref(axis))?;
            only(operands)?.clone()
        }
    };
    Ok(vec![one])
}

/// Number of devices in a group along axes.
fn group(axes: &[MeshAxis]) -> Result<usize, String> {
    ensure(!axes.is_empty(), || "goes along no mesh axis".into())?;
    for (index, axis) in axes.iter().enumerate() {
        ensure(axis.size > 0, || format!("mesh axis `{}` has no devices", axis.name))?;
        ensure(axes[..index].iter().all(|other| other.name != axis.name), || {
            format!("mesh axis `{}` is there twice", axis.name)
        })?;
    }
    let members = axes.iter().try_fold(1usize, |members, axis| members.checked_mul(axis.size));
    members.filter(|&members| i32::try_from(members).is_ok()).ok_or_else(|| "the group is too large".into())
}

/// One of `parts` equal parts along a dimension.
fn shrunk(operand: &TensorType, dim: usize, parts: usize) -> Result<TensorType, String> {
    dim_in_range(dim, operand.rank())?;
    ensure(operand.shape[dim].is_multiple_of(parts), || {
        format!("dimension {dim} of {operand} does not fall into {parts} equal parts")
    })?;
    let mut result = operand.clone();
    result.shape[dim] /= parts;
    Ok(result)
}

fn ensure(condition: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(message()) }
}

fn arity(operands: &[&TensorType], expected: usize) -> Result<(), String> {
    ensure(operands.len() == expected, || format!("takes {expected} operands, got {}", operands.len()))
}

fn exactly<'a, const N: usize>(operands: &[&'a TensorType]) -> Result<[&'a TensorType; N], String> {
    operands.try_into().map_err(|_| format!("takes {N} operands, got {}", operands.len()))
}

fn only<'a>(operands: &[&'a TensorType]) -> Result<&'a TensorType, String> {
    exactly::<1>(operands).map(|[operand]| operand)
}

fn pair<'a>(operands: &[&'a TensorType]) -> Result<(&'a TensorType, &'a TensorType), String> {
    exactly::<2>(operands).map(|[lhs, rhs]| (lhs, rhs))
}

fn same_type(lhs: &TensorType, rhs: &TensorType) -> Result<(), String> {
    ensure(lhs == rhs, || format!("operands differ: {lhs} and {rhs}"))
}

fn dim_in_range(dim: usize, rank: usize) -> Result<(), String> {
    ensure(dim < rank, || format!("dimension {dim} does not exist; the rank is {rank}"))
}

fn distinct_dims(dims: &[usize], rank: usize) -> Result<(), String> {
    for (position, &dim) in dims.iter().enumerate() {
        dim_in_range(dim, rank)?;
        ensure(!dims[..position].contains(&dim), || format!("dimension {dim} is named twice"))?;
    }
    Ok(())
}

fn infer_unary(unary: Unary, operand: &TensorType) -> Result<TensorType, String> {
    let dtype = operand.dtype;
    let accepted = match unary {
        Unary::Neg => dtype != DType::Pred,
        Unary::Abs | Unary::Sign => dtype.is_signed(),
        Unary::Not => !dtype.is_float(),
        Unary::Exp
        | Unary::Log
        | Unary::Tanh
        | Unary::Logistic
        | Unary::Sqrt
        | Unary::Rsqrt
        | Unary::Sin
        | Unary::Cos
        | Unary::Floor
        | Unary::IsFinite => dtype.is_float(),
    };
    ensure(accepted, || format!("does not accept {dtype}"))?;
    Ok(if unary == Unary::IsFinite { operand.with_dtype(DType::Pred) } else { operand.clone() })
}

fn infer_binary(binary: Binary, operand: &TensorType) -> Result<TensorType, String> {
    let dtype = operand.dtype;
    let accepted = match binary {
        Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Max | Binary::Min => {
            dtype != DType::Pred
        }
        Binary::Pow => dtype.is_float(),
        Binary::And | Binary::Or | Binary::Xor => !dtype.is_float(),
        Binary::Rem | Binary::ShiftLeft | Binary::ShiftRight => dtype.is_int(),
    };
    ensure(accepted, || format!("does not accept {dtype}"))?;
    Ok(operand.clone())
}

fn infer_broadcast(operand: &TensorType, shape: &[usize], dims: &[usize]) -> Result<TensorType, String> {
    ensure(dims.len() == operand.rank(), || {
        format!("{} dimensions are mapped, {operand} has {}", dims.len(), operand.rank())
    })?;
    for (source, &target) in dims.iter().enumerate() {
        dim_in_range(target, shape.len())?;
        ensure(source == 0 || dims[source - 1] < target, || format!("dims {dims:?} do not increase"))?;
        let (from, to) = (operand.shape[source], shape[target]);
        ensure(from == to || from == 1, || {
            format!("dimension {source} of {operand} cannot become dimension {target} of size {to}")
        })?;
    }
    Ok(TensorType::new(operand.dtype, shape))
}

fn infer_slice(
    operand: &TensorType,
    starts: &[usize],
    limits: &[usize],
    strides: &[usize],
) -> Result<TensorType, String> {
    let rank = operand.rank();
    ensure(starts.len() == rank && limits.len() == rank && strides.len() == rank, || {
        format!("starts, limits and strides need {rank} entries each for {operand}")
    })?;
    let mut shape = Vec::with_capacity(rank);
    for dim in 0..rank {
        let (start, limit, stride) = (starts[dim], limits[dim], strides[dim]);
        ensure(start <= limit && limit <= operand.shape[dim] && stride > 0, || {
            format!("{start}..{limit} by {stride} is outside dimension {dim} of {operand}")
        })?;
        shape.push((limit - start).div_ceil(stride));
    }
    Ok(TensorType::new(operand.dtype, shape))
}

fn infer_pad(
    operands: &[&TensorType],
    low: &[i64],
    high: &[i64],
    interior: &[usize],
) -> Result<TensorType, String> {
    let (operand, padding) = pair(operands)?;
    let rank = operand.rank();
    ensure(*padding == TensorType::scalar(operand.dtype), || {
        format!("the padding value is {padding}, expected {}[]", operand.dtype)
    })?;
    ensure(low.len() == rank && high.len() == rank && interior.len() == rank, || {
        format!("low, high and interior need {rank} entries each for {operand}")
    })?;
    let mut shape = Vec::with_capacity(rank);
    for dim in 0..rank {
        // In 128 bits, in which no padding overflows.
        let size = operand.shape[dim] as i128;
        let spread = (size - 1).max(0) * interior[dim] as i128;
        let padded = size + spread + low[dim] as i128 + high[dim] as i128;
        ensure((0..=i64::MAX as i128).contains(&padded), || {
            format!("dimension {dim} of {operand} would have the size {padded}")
        })?;
        shape.push(padded as usize);
    }
    Ok(TensorType::new(operand.dtype, shape))
}

fn infer_concatenate(operands: &[&TensorType], dim: usize) -> Result<TensorType, String> {
    let (first, rest) = operands.split_first().ok_or("takes at least one operand")?;
    dim_in_range(dim, first.rank())?;
    let mut result = (*first).clone();
    for operand in rest {
        let mut expected = (*first).clone();
        if operand.rank() == first.rank() {
            expected.shape[dim] = operand.shape[dim];
        }
        ensure(**operand == expected, || format!("{first} and {operand} do not join along dimension {dim}"))?;
        result.shape[dim] = result.shape[dim].saturating_add(operand.shape[dim]);
    }
    Ok(result)
}

fn infer_dot(
    lhs: &TensorType,
    rhs: &TensorType,
    dims: &DotDims,
    output: DType,
) -> Result<TensorType, String> {
    let DotDims { lhs_batch, rhs_batch, lhs_contract, rhs_contract } = dims;
    ensure(lhs.dtype == rhs.dtype && lhs.dtype != DType::Pred, || {
        format!("operands {lhs} and {rhs} need one number type")
    })?;
    let wider = lhs.dtype.is_float() && output.is_float() && output.size() >= lhs.dtype.size();
    ensure(output == lhs.dtype || wider, || format!("{} products do not give {output}", lhs.dtype))?;
    ensure(lhs_batch.len() == rhs_batch.len() && lhs_contract.len() == rhs_contract.len(), || {
        "batch and contracted dimensions come in pairs".into()
    })?;
    distinct_dims(&[&lhs_batch[..], lhs_contract].concat(), lhs.rank())?;
    distinct_dims(&[&rhs_batch[..], rhs_contract].concat(), rhs.rank())?;
    let pairs = lhs_batch.iter().zip(rhs_batch).chain(lhs_contract.iter().zip(rhs_contract));
    for (&left, &right) in pairs {
        ensure(lhs.shape[left] == rhs.shape[right], || {
            format!("dimension {left} of {lhs} and dimension {right} of {rhs} differ in size")
        })?;
    }
    let mut shape: Vec<usize> = lhs_batch.iter().map(|&dim| lhs.shape[dim]).collect();
    shape.extend(DotDims::free(lhs.rank(), lhs_batch, lhs_contract).iter().map(|&dim| lhs.shape[dim]));
    shape.extend(DotDims::free(rhs.rank(), rhs_batch, rhs_contract).iter().map(|&dim| rhs.shape[dim]));
    Ok(TensorType::new(output, shape))
}

fn infer_reduce(operand: &TensorType, kind: Reduction, dims: &[usize]) -> Result<TensorType, String> {
    distinct_dims(dims, operand.rank())?;
    ensure(dims.is_sorted(), || format!("dims {dims:?} are not ascending"))?;
    ensure(kind.is_logical() == (operand.dtype == DType::Pred), || {
        format!("`{}` does not accept {}", kind.name(), operand.dtype)
    })?;
    let kept = (0..operand.rank()).filter(|dim| !dims.contains(dim));
    let shape: Vec<_> = kept.map(|dim| operand.shape[dim]).collect();
    Ok(TensorType::new(operand.dtype, shape))
}

fn table_and_indices(table: &TensorType, indices: &TensorType) -> Result<(), String> {
    ensure(table.rank() > 0 && table.shape[0] > 0, || format!("{table} has no rows"))?;
    ensure(indices.dtype.is_int(), || format!("the indices are {indices}, not integers"))
}

fn start_indices(operand: &TensorType, starts: &[&TensorType]) -> Result<(), String> {
    ensure(starts.len() == operand.rank(), || {
        format!("{operand} needs {} start indices, got {}", operand.rank(), starts.len())
    })?;
    for start in starts {
        ensure(start.rank() == 0 && start.dtype.is_int() && start.dtype == starts[0].dtype, || {
            format!("start index {start} is not an integer scalar of the type of the others")
        })?;
    }
    Ok(())
}

fn fits(operand: &TensorType, sizes: &[usize]) -> Result<(), String> {
    let fits =
        sizes.len() == operand.rank() && sizes.iter().zip(&operand.shape).all(|(size, all)| size <= all);
    ensure(fits, || format!("a slice of shape {sizes:?} does not fit {operand}"))
}

fn infer_scan(scan: &Scan, operands: &[&TensorType]) -> Result<Vec<TensorType>, String> {
    let Scan { length, carries, xs, body, .. } = scan;
    let (params, results) = (body.param_types(), body.result_types());
    ensure(*length > 0, || "the length is 0".into())?;
    ensure(operands.len() == params.len() && carries.saturating_add(*xs) <= params.len(), || {
        format!(
            "{} operands for a body of {} parameters ({carries} carried, {xs} stacked)",
            operands.len(),
            params.len()
        )
    })?;
    ensure(results.len() >= *carries, || format!("the body returns {} of {carries} carries", results.len()))?;
    for (index, (operand, param)) in operands.iter().zip(&params).enumerate() {
        let stacked = index >= *carries && index < carries + xs;
        let expected = if stacked { stack(*length, param) } else { param.clone() };
        ensure(**operand == expected, || {
            format!("operand {index} is {operand}, the body `{}` expects {expected}", body.name)
        })?;
    }
    for (index, (param, result)) in params.iter().zip(&results[..*carries]).enumerate() {
        ensure(param == result, || format!("carry {index} enters as {param} and leaves as {result}"))?;
    }
    let stacked = results[*carries..].iter().map(|result| stack(*length, result));
    Ok(results[..*carries].iter().cloned().chain(stacked).collect())
}

/// The type of `length` tensors of one type along a new leading axis.
pub(crate) fn stack(length: usize, ty: &TensorType) -> TensorType {
    TensorType::new(ty.dtype, [&[length], &ty.shape[..]].concat())
}
