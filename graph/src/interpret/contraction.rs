//! Ops that combine many elements into one. Float sums add up in float64 and are rounded once.

use super::elementwise::{binary_float, binary_int, one_nan};
use super::movement::{for_each_index, offset};
use super::{build, ints};
use crate::dtype::{DType, TensorType};
use crate::literal::{Elements, Literal};
use crate::op::{Binary, DotDims, Reduction};

/// Positions in a tensor of all indices along `dims`, the others being 0; row-major in the order of `dims`.
fn positions_along(ty: &TensorType, dims: &[usize]) -> Vec<usize> {
    let shape: Vec<_> = dims.iter().map(|&dim| ty.shape[dim]).collect();
    let all = ty.strides();
    let strides: Vec<_> = dims.iter().map(|&dim| all[dim]).collect();
    let mut positions = Vec::with_capacity(shape.iter().product());
    for_each_index(&shape, |index| positions.push(offset(index, &strides)));
    positions
}

pub(super) fn dot(x: &Literal, y: &Literal, ty: &TensorType, dims: &DotDims) -> Literal {
    struct Side {
        batch: Vec<usize>,
        free: Vec<usize>,
        contract: Vec<usize>,
    }
    let side = |ty: &TensorType, batch: &[usize], contract: &[usize]| Side {
        batch: positions_along(ty, batch),
        free: positions_along(ty, &DotDims::free(ty.rank(), batch, contract)),
        contract: positions_along(ty, contract),
    };
    let lhs = side(x.ty(), &dims.lhs_batch, &dims.lhs_contract);
    let rhs = side(y.ty(), &dims.rhs_batch, &dims.rhs_contract);
    // For each element of the result, its first position in each operand.
    let starts = lhs.batch.iter().zip(&rhs.batch).flat_map(|(left_batch, right_batch)| {
        let rights = &rhs.free;
        lhs.free
            .iter()
            .flat_map(move |left| rights.iter().map(move |right| (left_batch + left, right_batch + right)))
    });
    let contract = || lhs.contract.iter().zip(&rhs.contract);
    let elements = match (x.elements(), y.elements()) {
        (Elements::Float(x), Elements::Float(y)) => Elements::Float(
            starts
                .map(|(left, right)| {
                    one_nan(contract().fold(0.0, |sum, (l, r)| sum + x[left + l] * y[right + r]))
                })
                .collect(),
        ),
        _ => {
            let (x, y) = (ints(x), ints(y));
            let product = |left: usize, right: usize| x[left].wrapping_mul(y[right]);
            Elements::Int(
                starts
                    .map(|(left, right)| {
                        contract().fold(0, |sum: i64, (l, r)| sum.wrapping_add(product(left + l, right + r)))
                    })
                    .collect(),
            )
        }
    };
    build(ty, elements)
}

pub(super) fn reduce(x: &Literal, ty: &TensorType, kind: Reduction, dims: &[usize]) -> Literal {
    let kept = DotDims::free(x.ty().rank(), &[], dims);
    let (starts, along) = (positions_along(x.ty(), &kept), positions_along(x.ty(), dims));
    let dtype = ty.dtype;
    let binary = match kind {
        Reduction::Sum => Binary::Add,
        Reduction::Max => Binary::Max,
        Reduction::Min => Binary::Min,
        Reduction::And => Binary::And,
        Reduction::Or => Binary::Or,
    };
    let elements = match x.elements() {
        Elements::Float(x) => {
            let first = match kind {
                Reduction::Max => f64::NEG_INFINITY,
                Reduction::Min => f64::INFINITY,
                _ => 0.0,
            };
            let combine = |start: &usize| {
                one_nan(along.iter().fold(first, |so_far, at| binary_float(binary, so_far, x[start + at])))
            };
            Elements::Float(starts.iter().map(combine).collect())
        }
        Elements::Int(x) => {
            let (lowest, highest) = int_range(dtype);
            let first = match kind {
                Reduction::Sum | Reduction::Or => 0,
                Reduction::Max => lowest,
                Reduction::Min => highest,
                Reduction::And => 1,
            };
            let combine = |start: &usize| {
                along.iter().fold(first, |so_far, at| binary_int(binary, dtype, so_far, x[start + at]))
            };
            Elements::Int(starts.iter().map(combine).collect())
        }
    };
    build(ty, elements)
}

fn int_range(dtype: DType) -> (i64, i64) {
    match dtype {
        DType::Pred => (0, 1),
        DType::U8 => (0, u8::MAX as i64),
        DType::I32 => (i32::MIN as i64, i32::MAX as i64),
        DType::U32 => (0, u32::MAX as i64),
        DType::I64 | DType::F16 | DType::BF16 | DType::F32 | DType::F64 => (i64::MIN, i64::MAX),
    }
}

/// Updates of rows beyond the table are dropped.
pub(super) fn scatter_add(table: &Literal, indices: &Literal, updates: &Literal) -> Literal {
    fn add<T: Copy>(table: &mut [T], rows: &[i64], updates: &[T], size: usize, add: impl Fn(T, T) -> T) {
        for (&row, update) in rows.iter().zip(updates.chunks(size)) {
            let start = usize::try_from(row).ok().and_then(|row| row.checked_mul(size));
            let Some(slots) = start.and_then(|start| table.get_mut(start..start.checked_add(size)?)) else {
                continue;
            };
            slots.iter_mut().zip(update).for_each(|(slot, &term)| *slot = add(*slot, term));
        }
    }
    // A chunk size of 0 is refused even where there is nothing to divide.
    let size = table.ty().strides()[0].max(1);
    let mut elements = table.elements().clone();
    match (&mut elements, updates.elements()) {
        (Elements::Float(table), Elements::Float(updates)) => {
            add(table, ints(indices), updates, size, |x, y| one_nan(x + y));
        }
        (Elements::Int(table), Elements::Int(updates)) => {
            add(table, ints(indices), updates, size, i64::wrapping_add);
        }
        _ => unreachable!("verified: table and updates have one dtype"),
    }
    build(table.ty(), elements)
}
