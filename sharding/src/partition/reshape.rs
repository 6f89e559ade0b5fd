//! What becomes of a split when a tensor is reshaped.

use super::layout::{Axes, MeshLayout, MeshView};

/// The layout that a reshape's operand must have, as near to `layout` as it can be, and the result's.
///
/// Both shapes fall into runs of dimensions with equal products. A split of a run's first dimension (sizes of 1 aside)
/// passes on to the first dimension of the run it becomes, if the parts divide it; other splits cannot be kept, since a
/// device's part would not lie together.
pub(super) fn reshape(
    view: &MeshView<'_>,
    from: &[usize],
    to: &[usize],
    layout: &MeshLayout,
) -> (MeshLayout, MeshLayout) {
    let mut operand = MeshLayout { split: vec![Vec::new(); from.len()], partial: layout.partial.clone() };
    let mut result = MeshLayout { split: vec![Vec::new(); to.len()], partial: layout.partial.clone() };
    for (inputs, outputs) in runs(from, to) {
        let major = |shape: &[usize], run: std::ops::Range<usize>| run.clone().find(|&dim| shape[dim] > 1);
        let (Some(input), Some(output)) = (major(from, inputs), major(to, outputs)) else { continue };
        let axes: &Axes = &layout.split[input];
        let parts = view.parts(axes);
        if from[input].is_multiple_of(parts) && to[output].is_multiple_of(parts) {
            operand.split[input] = axes.clone();
            result.split[output] = axes.clone();
        }
    }
    (operand, result)
}

type Run = (std::ops::Range<usize>, std::ops::Range<usize>);

/// Runs of dimensions of two shapes with equal products, shortest first.
fn runs(from: &[usize], to: &[usize]) -> Vec<Run> {
    let mut runs = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < from.len() || j < to.len() {
        let (start_i, start_j) = (i, j);
        let (mut left, mut right) = (1usize, 1usize);
        if i < from.len() {
            left *= from[i];
            i += 1;
        }
        if j < to.len() {
            right *= to[j];
            j += 1;
        }
        while left != right {
            if left < right && i < from.len() {
                left *= from[i];
                i += 1;
            } else if j < to.len() {
                right *= to[j];
                j += 1;
            } else if i < from.len() {
                left *= from[i];
                i += 1;
            } else {
                break;
            }
        }
        runs.push((start_i..i, start_j..j));
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::{Mesh, MeshAxis};

    /// `split` gives the number of the axis (of size 2) of each dimension, or -1.
    #[track_caller]
    fn check(from: &[usize], split: &[i32], to: &[usize], operand: &[i32], result: &[i32]) {
        let axes = ["data", "model"].map(|name| MeshAxis { name: name.into(), size: 2 });
        let mesh = Mesh { axes: axes.to_vec() };
        let view = MeshView { mesh: &mesh, manual: vec![false; 2] };
        let layout = |split: &[i32]| {
            MeshLayout::of(split.iter().map(|&axis| usize::try_from(axis).into_iter().collect()).collect())
        };
        assert_eq!(reshape(&view, from, to, &layout(split)), (layout(operand), layout(result)));
    }

    #[test]
    fn the_first_dimension_of_a_run_keeps_its_split() {
        check(&[4, 6, 8], &[0, -1, 1], &[24, 8], &[0, -1, 1], &[0, 1]);
        check(&[24, 8], &[0, 1], &[4, 6, 8], &[0, 1], &[0, -1, 1]);
        check(&[4, 6], &[-1, 0], &[24], &[-1, -1], &[-1]);
        check(&[4, 6], &[0, 1], &[4, 1, 6], &[0, 1], &[0, -1, 1]);
        check(&[1, 4, 6], &[-1, 0, 1], &[4, 6], &[-1, 0, 1], &[0, 1]);
        check(&[6, 4], &[0, -1], &[3, 8], &[-1, -1], &[-1, -1]);
    }

    #[test]
    fn empty_and_scalar_shapes() {
        check(&[], &[], &[1, 1], &[], &[-1, -1]);
        check(&[0, 4], &[-1, 0], &[0, 2], &[-1, 0], &[-1, 0]);
    }
}
