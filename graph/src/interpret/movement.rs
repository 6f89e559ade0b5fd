//! Ops that move elements and compute none.

use super::{build, ints};
use crate::dtype::TensorType;
use crate::literal::{Elements, Literal};

/// Calls `visit` with each index of a shape, in row-major order.
pub(super) fn for_each_index(shape: &[usize], mut visit: impl FnMut(&[usize])) {
    if shape.contains(&0) {
        return;
    }
    let mut index = vec![0; shape.len()];
    loop {
        visit(&index);
        let Some(dim) = (0..shape.len()).rev().find(|&dim| index[dim] + 1 < shape[dim]) else { return };
        index[dim] += 1;
        index[dim + 1..].fill(0);
    }
}

/// Row-major position of an index.
pub(super) fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(index, stride)| index * stride).sum()
}

/// The elements of `x` at the given positions.
fn gather(x: &Literal, positions: &[usize], ty: &TensorType) -> Literal {
    let elements = match x.elements() {
        Elements::Float(values) => Elements::Float(positions.iter().map(|&at| values[at]).collect()),
        Elements::Int(values) => Elements::Int(positions.iter().map(|&at| values[at]).collect()),
    };
    build(ty, elements)
}

/// A tensor of type `ty` whose element at each index is that of `x` at the position `source` gives for it.
fn gather_by(x: &Literal, ty: &TensorType, mut source: impl FnMut(&[usize]) -> usize) -> Literal {
    let mut positions = Vec::with_capacity(ty.elements());
    for_each_index(&ty.shape, |index| positions.push(source(index)));
    gather(x, &positions, ty)
}

/// Elements of several tensors one after the other, as a tensor of type `ty`.
pub(super) fn join(parts: &[&Literal], ty: &TensorType) -> Literal {
    let elements = if ty.dtype.is_float() {
        Elements::Float(parts.iter().flat_map(|part| part.floats().unwrap_or_default()).copied().collect())
    } else {
        Elements::Int(parts.iter().flat_map(|part| part.ints().unwrap_or_default()).copied().collect())
    };
    build(ty, elements)
}

/// Index `row` of the leading dimension.
pub(super) fn row(x: &Literal, row: usize) -> Literal {
    let ty = TensorType::new(x.ty().dtype, &x.ty().shape[1..]);
    let start = row * ty.elements();
    let positions: Vec<_> = (start..start + ty.elements()).collect();
    gather(x, &positions, &ty)
}

pub(super) fn iota(ty: &TensorType, dim: usize) -> Literal {
    let mut counts = Vec::with_capacity(ty.elements());
    for_each_index(&ty.shape, |index| counts.push(index[dim]));
    let elements = if ty.dtype.is_float() {
        Elements::Float(counts.into_iter().map(|count| count as f64).collect())
    } else {
        Elements::Int(counts.into_iter().map(|count| count as i64).collect())
    };
    build(ty, elements)
}

pub(super) fn broadcast(x: &Literal, ty: &TensorType, dims: &[usize]) -> Literal {
    let strides = x.ty().strides();
    gather_by(x, ty, |index| {
        let sizes = x.ty().shape.iter();
        let source = dims.iter().zip(sizes).map(|(&dim, &size)| if size == 1 { 0 } else { index[dim] });
        source.zip(&strides).map(|(index, stride)| index * stride).sum()
    })
}

pub(super) fn transpose(x: &Literal, ty: &TensorType, permutation: &[usize]) -> Literal {
    let strides = x.ty().strides();
    let permuted: Vec<_> = permutation.iter().map(|&dim| strides[dim]).collect();
    gather_by(x, ty, |index| offset(index, &permuted))
}

pub(super) fn slice(x: &Literal, ty: &TensorType, starts: &[usize], steps: &[usize]) -> Literal {
    let strides = x.ty().strides();
    gather_by(x, ty, |index| {
        let source = (0..index.len()).map(|dim| (starts[dim] + index[dim] * steps[dim]) * strides[dim]);
        source.sum()
    })
}

pub(super) fn pad(
    x: &Literal,
    padding: &Literal,
    ty: &TensorType,
    low: &[i64],
    interior: &[usize],
) -> Literal {
    let strides = x.ty().strides();
    // The padding value stands after the elements of `x`.
    let padding_position = x.ty().elements();
    let flat = TensorType::new(x.ty().dtype, [padding_position + 1]);
    let both = join(&[x, padding], &flat);
    gather_by(&both, ty, |index| {
        let mut position = 0;
        for dim in 0..index.len() {
            // In 128 bits, in which no padding overflows.
            let shifted = index[dim] as i128 - low[dim] as i128;
            let step = interior[dim] as i128 + 1;
            if shifted < 0 || shifted % step != 0 || shifted / step >= x.ty().shape[dim] as i128 {
                return padding_position;
            }
            position += (shifted / step) as usize * strides[dim];
        }
        position
    })
}

pub(super) fn concatenate(parts: &[&Literal], ty: &TensorType, dim: usize) -> Literal {
    let flat = TensorType::new(ty.dtype, [parts.iter().map(|part| part.ty().elements()).sum::<usize>()]);
    let all = join(parts, &flat);
    gather_by(&all, ty, |index| {
        let (mut index, mut start) = (index.to_vec(), 0);
        for part in parts {
            if index[dim] < part.ty().shape[dim] {
                return start + offset(&index, &part.ty().strides());
            }
            index[dim] -= part.ty().shape[dim];
            start += part.ty().elements();
        }
        unreachable!("the result is as long as its parts")
    })
}

pub(super) fn reverse(x: &Literal, dims: &[usize]) -> Literal {
    let strides = x.ty().strides();
    gather_by(x, x.ty(), |index| {
        let source = index.iter().enumerate().map(|(dim, &at)| match dims.contains(&dim) {
            true => (x.ty().shape[dim] - 1 - at) * strides[dim],
            false => at * strides[dim],
        });
        source.sum()
    })
}

/// Row numbers beyond the table are clamped into it.
pub(super) fn take(table: &Literal, indices: &Literal, ty: &TensorType) -> Literal {
    let rows = table.ty().shape[0] as i64;
    let size = table.ty().strides()[0];
    let mut positions = Vec::with_capacity(ty.elements());
    if !ty.shape.contains(&0) {
        for &index in ints(indices) {
            let row = index.clamp(0, rows - 1) as usize;
            positions.extend(row * size..(row + 1) * size);
        }
    }
    gather(table, &positions, ty)
}

/// Start indices, clamped so that a window of shape `sizes` fits into `shape`.
fn clamped_starts(starts: &[&Literal], shape: &[usize], sizes: &[usize]) -> Vec<usize> {
    let starts = starts.iter().map(|start| ints(start)[0]);
    starts
        .zip(shape.iter().zip(sizes))
        .map(|(at, (all, size))| at.clamp(0, (all - size) as i64) as usize)
        .collect()
}

pub(super) fn dynamic_slice(x: &Literal, starts: &[&Literal], ty: &TensorType) -> Literal {
    let starts = clamped_starts(starts, &x.ty().shape, &ty.shape);
    slice(x, ty, &starts, &vec![1; ty.rank()])
}

pub(super) fn dynamic_update_slice(x: &Literal, update: &Literal, starts: &[&Literal]) -> Literal {
    let (shape, sizes) = (&x.ty().shape, &update.ty().shape);
    let starts = clamped_starts(starts, shape, sizes);
    let (strides, update_strides) = (x.ty().strides(), update.ty().strides());
    let elements = x.ty().elements();
    let flat = TensorType::new(x.ty().dtype, [elements + update.ty().elements()]);
    let both = join(&[x, update], &flat);
    gather_by(&both, x.ty(), |index| {
        let inside =
            (0..index.len()).all(|dim| (starts[dim]..starts[dim] + sizes[dim]).contains(&index[dim]));
        if inside {
            let within = (0..index.len()).map(|dim| (index[dim] - starts[dim]) * update_strides[dim]);
            elements + within.sum::<usize>()
        } else {
            offset(index, &strides)
        }
    })
}
