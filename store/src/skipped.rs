//! Data that a training leaves out: ranges of positions in the order of the data.

use serde::{Deserialize, Serialize};

/// Positions `from..until` in the order of the data, in sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The first one left out.
    pub from: u64,
    /// The first one after it that is not.
    pub until: u64,
}

/// All that is left out: ranges that do not touch, in order.
///
/// A step that would read from position `p` if nothing were left out reads from [`Skipped::position`]`(p)`: positions are
/// counted without those left out. A range that begins where a step would read changes nothing about the steps before, so
/// that the whole list is right for every step of the run that it has become.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Skipped(Vec<Range>);

impl Skipped {
    /// Leaves out some more.
    pub fn add(&mut self, range: Range) {
        if range.from >= range.until {
            return;
        }
        self.0.push(range);
        self.0.sort();
        let mut merged: Vec<Range> = Vec::with_capacity(self.0.len());
        for range in self.0.drain(..) {
            match merged.last_mut() {
                Some(last) if range.from <= last.until => last.until = last.until.max(range.until),
                _ => merged.push(range),
            }
        }
        self.0 = merged;
    }

    /// Leaves out what another list does as well.
    pub fn extend(&mut self, other: &Skipped) {
        other.0.iter().for_each(|&range| self.add(range));
    }

    /// Where the position `counted`, counted without what is left out, lies in the order of the data.
    pub fn position(&self, counted: u64) -> u64 {
        self.0.iter().fold(counted, |position, range| match range.from <= position {
            true => position + (range.until - range.from),
            false => position,
        })
    }

    /// Number of sequences left out.
    pub fn sequences(&self) -> u64 {
        self.0.iter().map(|range| range.until - range.from).sum()
    }

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges.
    pub fn ranges(&self) -> &[Range] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn skipped(ranges: &[(u64, u64)]) -> Skipped {
        let mut skipped = Skipped::default();
        ranges.iter().for_each(|&(from, until)| skipped.add(Range { from, until }));
        skipped
    }

    #[test]
    fn ranges_that_touch_are_one() {
        assert_eq!(skipped(&[(8, 12), (2, 4), (4, 6), (10, 11), (5, 5)]), skipped(&[(2, 6), (8, 12)]));
        assert_eq!(skipped(&[(2, 6), (8, 12)]).sequences(), 8);
    }

    #[test]
    fn later_steps_read_on_after_what_is_left_out() {
        let skipped = skipped(&[(4, 10)]);
        assert_eq!([0, 2, 4, 6].map(|position| skipped.position(position)), [0, 2, 10, 12]);
    }

    proptest! {
        /// The definition: the positions in order, without those of the ranges.
        #[test]
        fn the_position_is_the_nth_that_is_not_left_out(ranges in proptest::collection::vec((0..60u64, 0..20u64), 0..6)) {
            let ranges: Vec<_> = ranges.into_iter().map(|(from, length)| (from, from + length)).collect();
            let skipped = skipped(&ranges);
            let left = (0..500).filter(|position| !ranges.iter().any(|&(from, until)| (from..until).contains(position)));
            for (counted, position) in left.enumerate() {
                prop_assert_eq!(skipped.position(counted as u64), position);
            }
        }
    }
}
