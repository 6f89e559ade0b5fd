//! Boxes of elements inside a whole array, and the copying of what two of them share.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A box of elements inside a whole array: where it begins, and how far it reaches in each dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Region {
    /// Index of its first element.
    pub offset: Vec<usize>,
    /// Its extent in each dimension.
    pub shape: Vec<usize>,
}

impl Region {
    /// All of an array.
    pub fn whole(shape: &[usize]) -> Region {
        Region { offset: vec![0; shape.len()], shape: shape.to_vec() }
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it lies in an array of this shape.
    pub(super) fn fits(&self, whole: &[usize]) -> bool {
        let inside = |((&offset, &extent), &size): ((&usize, &usize), &usize)| {
            offset.checked_add(extent).is_some_and(|end| end <= size)
        };
        (self.offset.len(), self.shape.len()) == (whole.len(), whole.len())
            && self.offset.iter().zip(&self.shape).zip(whole).all(inside)
    }

    /// The intersection with another box; `None` if it is empty.
    pub(super) fn common(&self, other: &Region) -> Option<Region> {
        let mut common = Region { offset: Vec::new(), shape: Vec::new() };
        for dim in 0..self.shape.len() {
            let start = self.offset[dim].max(other.offset[dim]);
            let end = (self.offset[dim] + self.shape[dim]).min(other.offset[dim] + other.shape[dim]);
            if start >= end {
                return None;
            }
            common.offset.push(start);
            common.shape.push(end - start);
        }
        Some(common)
    }
}

/// Whether boxes lie side by side and fill an array of this shape.
pub(super) fn fill(whole: &[usize], regions: &[&Region]) -> bool {
    let all = whole.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    let sum = regions.iter().try_fold(0usize, |sum, region| sum.checked_add(region.elements()));
    if !regions.iter().all(|region| region.fits(whole)) || all.is_none() || all != sum || regions.is_empty() {
        return false;
    }
    let apart = |(index, region): (usize, &&Region)| {
        regions[..index].iter().all(|before| before.common(region).is_none())
    };
    regions.iter().enumerate().all(apart)
}

/// The bytes that two boxes share: runs of one length, with where each begins in either box's row-major bytes.
pub(super) struct Runs {
    /// Bytes of each run.
    pub(super) length: usize,
    /// Begin of each run in the bytes of the first box and in those of the second, ascending in both.
    pub(super) starts: Vec<(usize, usize)>,
}

impl Runs {
    /// The runs that `from` and `to` share.
    pub(super) fn new(from: &Region, to: &Region, element_bytes: usize) -> Runs {
        let Some(common) = from.common(to) else { return Runs { length: 0, starts: Vec::new() } };
        let rank = common.shape.len();
        let strides = |region: &Region| {
            let mut strides = vec![element_bytes; rank];
            for dim in (1..rank).rev() {
                strides[dim - 1] = strides[dim] * region.shape[dim];
            }
            strides
        };
        let (from_strides, to_strides) = (strides(from), strides(to));
        let start = |region: &Region, strides: &[usize]| -> usize {
            (0..rank).map(|dim| (common.offset[dim] - region.offset[dim]) * strides[dim]).sum()
        };
        // The innermost dimension of which one box has more than both: what lies inside of it is contiguous.
        let partial =
            |dim: &usize| common.shape[*dim] != from.shape[*dim] || common.shape[*dim] != to.shape[*dim];
        let inner = (0..rank).rev().find(partial).unwrap_or(0);
        let length = common.shape.get(inner).map_or(element_bytes, |extent| extent * from_strides[inner]);
        let mut starts = vec![(start(from, &from_strides), start(to, &to_strides))];
        for dim in 0..inner {
            let steps = 0..common.shape[dim];
            let step = |&(a, b): &(usize, usize)| steps.clone().map(move |i| (a, b, i)).collect::<Vec<_>>();
            let all = starts.iter().flat_map(step);
            starts = all.map(|(a, b, i)| (a + i * from_strides[dim], b + i * to_strides[dim])).collect();
        }
        Runs { length, starts }
    }

    /// The bytes of the first box from its first run to the end of its last.
    pub(super) fn span(&self) -> Range<usize> {
        match (self.starts.first(), self.starts.last()) {
            (Some(first), Some(last)) => first.0..last.0 + self.length,
            _ => 0..0,
        }
    }

    /// Copies all runs; `from` are the bytes of [`Runs::span`].
    pub(super) fn copy(&self, from: &[u8], to: &mut [u8]) {
        let begin = self.span().start;
        for &(source, target) in &self.starts {
            let source = source - begin;
            to[target..target + self.length].copy_from_slice(&from[source..source + self.length]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn region(offset: &[usize], shape: &[usize]) -> Region {
        Region { offset: offset.into(), shape: shape.into() }
    }

    #[test]
    fn boxes_fill_an_array_when_they_cover_it_once() {
        let (left, right) = (region(&[0, 0], &[2, 1]), region(&[0, 1], &[2, 2]));
        assert!(fill(&[2, 3], &[&left, &right]));
        assert!(fill(&[2, 3], &[&Region::whole(&[2, 3])]));
        assert!(fill(&[], &[&Region::whole(&[])]));
        assert!(fill(&[0, 4], &[&Region::whole(&[0, 4])]));
        assert!(!fill(&[2, 3], &[&left]), "a gap");
        assert!(!fill(&[2, 3], &[&left, &right, &left]), "too many");
        let (wide, off) = (region(&[0, 1], &[1, 2]), region(&[0, 1], &[2, 1]));
        assert!(!fill(&[2, 3], &[&left, &wide, &off]), "an overlap and a gap");
        assert!(!fill(&[2, 3], &[&region(&[0, 1], &[2, 3])]), "outside");
        assert!(!fill(&[2, 3], &[&region(&[0], &[6])]), "another rank");
        assert!(!fill(&[2, 3], &[]));
        assert!(!fill(&[usize::MAX, 2], &[&region(&[0, usize::MAX], &[1, 2])]));
    }

    /// Two boxes in an array of up to three dimensions.
    fn boxes() -> impl Strategy<Value = (Vec<usize>, Region, Region)> {
        let any = || (0..100usize, 0..100usize);
        let dims = prop::collection::vec((1..5usize, [any(), any()]), 0..4);
        dims.prop_map(|dims| {
            let whole = dims.iter().map(|dim| dim.0).collect();
            let cut = |size: usize, a: usize, b: usize| (a % size, 1 + b % (size - a % size));
            let pick = |which: usize| {
                let parts = dims.iter().map(|(size, any)| cut(*size, any[which].0, any[which].1));
                let (offset, shape) = parts.unzip();
                Region { offset, shape }
            };
            let (from, to) = (pick(0), pick(1));
            (whole, from, to)
        })
    }

    /// The numbers 0, 1, … of a whole array that lie in a box.
    fn numbers(whole: &[usize], region: &Region) -> Vec<u8> {
        let index = |mut flat: usize, shape: &[usize]| {
            let mut index = vec![0; shape.len()];
            for dim in (0..shape.len()).rev() {
                (index[dim], flat) = (flat % shape[dim], flat / shape[dim]);
            }
            index
        };
        let number = |flat: usize| {
            let index = index(flat, &region.shape);
            let global = index.iter().zip(&region.offset).map(|(a, b)| a + b);
            global.zip(whole).fold(0, |number, (index, size)| number * size + index) as u8
        };
        (0..region.elements()).map(number).collect()
    }

    proptest! {
        #[test]
        fn what_two_boxes_share_is_copied_and_nothing_else((whole, from, to) in boxes()) {
            let source = numbers(&whole, &from);
            let runs = Runs::new(&from, &to, 1);
            let mut target = vec![255; to.elements()];
            runs.copy(&source[runs.span()], &mut target);
            let expected: Vec<u8> = numbers(&whole, &to)
                .into_iter()
                .map(|number| if source.contains(&number) { number } else { 255 })
                .collect();
            prop_assert_eq!(target, expected);
        }
    }
}
