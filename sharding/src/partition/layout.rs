//! How one value lies on the mesh.

use graph::{Mesh, Split};

/// Mesh axes by number, major first.
pub(super) type Axes = Vec<usize>;

/// How a value is spread over the automatic axes of a mesh.
///
/// Along axes that are mentioned nowhere, every device has the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct MeshLayout {
    /// For each dimension, the axes it is split by.
    pub(super) split: Vec<Axes>,
    /// Axes along which each device has a part of a sum; ascending.
    pub(super) partial: Axes,
}

impl MeshLayout {
    /// The same on every device.
    pub(super) fn replicated(rank: usize) -> Self {
        Self { split: vec![Vec::new(); rank], partial: Vec::new() }
    }

    /// This split, nothing partial.
    pub(super) fn of(split: Vec<Axes>) -> Self {
        Self { split, partial: Vec::new() }
    }

    /// The same split, nothing partial.
    pub(super) fn summed(&self) -> Self {
        Self::of(self.split.clone())
    }

    /// The same split, partial along `partial`.
    pub(super) fn with_partial(&self, partial: &[usize]) -> Self {
        let mut partial = partial.to_vec();
        partial.sort_unstable();
        partial.dedup();
        Self { split: self.split.clone(), partial }
    }

    /// Without the splits of these dimensions.
    pub(super) fn whole(&self, dims: impl IntoIterator<Item = usize>) -> Self {
        let mut layout = self.clone();
        dims.into_iter().for_each(|dim| layout.split[dim].clear());
        layout
    }

    /// Without the partial axes that split a dimension of it.
    pub(super) fn consistent(mut self) -> Self {
        let split = &self.split;
        self.partial.retain(|axis| !split.iter().any(|axes| axes.contains(axis)));
        self
    }
}

/// The mesh, with the axes that are not this module's business told apart.
#[derive(Debug)]
pub(super) struct MeshView<'a> {
    pub(super) mesh: &'a Mesh,
    /// Whether the function is already written per device along the axis.
    pub(super) manual: Vec<bool>,
}

impl MeshView<'_> {
    /// Number of parts a dimension split by these axes has.
    pub(super) fn parts(&self, axes: &[usize]) -> usize {
        axes.iter().map(|&axis| self.mesh.axes[axis].size).product()
    }

    /// Number of parts of a whole value.
    pub(super) fn shards(&self, layout: &MeshLayout) -> usize {
        layout.split.iter().map(|axes| self.parts(axes)).product()
    }

    /// The shape one device has.
    pub(super) fn local(&self, shape: &[usize], layout: &MeshLayout) -> Vec<usize> {
        shape.iter().zip(&layout.split).map(|(size, axes)| size / self.parts(axes)).collect()
    }

    /// The automatic part of a split. Axes of size 1 say nothing and are left out.
    pub(super) fn layout(&self, split: &Split) -> Option<MeshLayout> {
        let number = |name: &String| self.mesh.axes.iter().position(|axis| axis.name == *name);
        let split = split.iter().map(|names| {
            let axes: Option<Axes> = names.iter().map(number).collect();
            let automatic = |&axis: &usize| !self.manual[axis] && self.mesh.axes[axis].size > 1;
            Some(axes?.into_iter().filter(automatic).collect())
        });
        split.collect::<Option<Vec<Axes>>>().map(MeshLayout::of)
    }
}

/// Joins splits of one shape, dimension by dimension: the first in order of `priority` that splits a dimension decides,
/// as far as its axes are still free.
pub(super) fn merge<'a>(rank: usize, splits: impl IntoIterator<Item = &'a [Axes]>) -> Vec<Axes> {
    let mut merged: Vec<Axes> = vec![Vec::new(); rank];
    for split in splits {
        for (dim, axes) in split.iter().enumerate() {
            let taken = axes.iter().any(|axis| merged.iter().any(|used| used.contains(axis)));
            if merged[dim].is_empty() && !taken {
                merged[dim] = axes.clone();
            }
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_split_of_a_dimension_wins_and_no_axis_is_used_twice() {
        let (first, second) = (vec![vec![0], vec![], vec![]], vec![vec![1], vec![0], vec![1]]);
        assert_eq!(merge(3, [&first[..], &second[..]]), vec![vec![0], vec![], vec![1]]);
    }
}
