//! Which of similar documents stay: in the order of their priorities, each that is not similar to one that stays before it.
//!
//! That is one pass over pairs sorted by the document that comes later, with a bit for each document.

use std::collections::BTreeMap;

use super::sort::{Record, Sorter};
use super::store::place;
use crate::Result;

/// A document's place in the order of priorities: those with the least stay.
pub type Priority = [u64; 3];

/// A pair of similar documents as a record: the priority of the one that comes later, that of the other, and the similarity's bits.
/// The last number of a priority is the document's.
pub type PairRecord = Record<7>;

/// The record of a pair.
pub fn pair(a: Priority, b: Priority, similarity: f64) -> PairRecord {
    let (first, later) = if a < b { (a, b) } else { (b, a) };
    [later[0], later[1], later[2], first[0], first[1], first[2], similarity.to_bits()]
}

/// A document that goes: its number, that of the one that stays, and their similarity's bits.
pub type Removal = Record<3>;

/// Gives `removed` each document that goes, with the first of those that stay and are similar to it. `is_gone` has none set.
///
/// # Errors
/// Those of reading pairs, and of `removed`.
pub fn resolve(
    mut is_gone: Bits,
    pairs: Sorter<7>,
    removed: &mut dyn FnMut(Removal) -> Result<()>,
) -> Result<()> {
    for pair in pairs.finish()? {
        let [.., document, _, _, other, similarity] = pair?;
        // Pairs of one document follow each other, and all pairs in which `other` is the later one came before.
        if !is_gone.has(document) && !is_gone.has(other) {
            is_gone.set(document);
            removed([document, other, similarity])?;
        }
    }
    Ok(())
}

/// How many documents stay for so many, themselves among them, of a record for each document that goes: the one that stays for it.
///
/// # Errors
/// What the operating system refuses.
pub fn clusters(staying: Sorter<1>) -> Result<BTreeMap<u64, u64>> {
    let mut clusters = BTreeMap::new();
    let mut current: Option<(u64, u64)> = None;
    let mut count = |size: u64| *clusters.entry(size).or_default() += 1;
    for record in staying.finish()? {
        let [document] = record?;
        current = match current {
            Some((of, size)) if of == document => Some((of, size + 1)),
            before => {
                before.into_iter().for_each(|(_, size)| count(size));
                Some((document, 2))
            }
        };
    }
    current.into_iter().for_each(|(_, size)| count(size));
    Ok(clusters)
}

/// A bit for each document.
pub struct Bits(Vec<Vec<u64>>);

impl Bits {
    /// None of them set, for shards of so many documents.
    pub fn new(counts: &[u64]) -> Self {
        Self(counts.iter().map(|count| vec![0; count.div_ceil(64) as usize]).collect())
    }

    /// Whether one is set.
    pub fn has(&self, document: u64) -> bool {
        let (shard, place) = place(document);
        let bits = self.0.get(shard).and_then(|bits| bits.get((place / 64) as usize));
        bits.is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }

    /// Sets one.
    pub fn set(&mut self, document: u64) {
        let (shard, place) = place(document);
        if let Some(bits) = self.0.get_mut(shard).and_then(|bits| bits.get_mut((place / 64) as usize)) {
            *bits |= 1 << (place % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Of any graph: those that stay are not similar, those that go have one that stays and comes before; and the order in which pairs
        /// are found means nothing.
        #[test]
        fn each_that_goes_has_one_that_stays(pairs in proptest::collection::vec((0u64..30, 0u64..30), 0..80)) {
            let folder = tempfile::tempdir().unwrap();
            let priority = |document: u64| [super::super::grams::mix(document), 0, document];
            let pairs: BTreeSet<(u64, u64)> = pairs.into_iter().filter(|(a, b)| a != b).collect();
            let run = |pairs: &mut dyn Iterator<Item = &(u64, u64)>| {
                let mut sorter = Sorter::new(folder.path(), "pairs", 1);
                pairs.for_each(|&(a, b)| sorter.push(pair(priority(a), priority(b), 0.9)).unwrap());
                let mut removed = BTreeMap::new();
                resolve(Bits::new(&[30]), sorter, &mut |[document, other, _]| {
                    removed.insert(document, other);
                    Ok(())
                })
                .unwrap();
                removed
            };
            let removed = run(&mut pairs.iter());
            prop_assert_eq!(&run(&mut pairs.iter().rev()), &removed);
            for (document, other) in &removed {
                prop_assert!(!removed.contains_key(other) && priority(*other) < priority(*document));
                prop_assert!(pairs.contains(&(*document, *other)) || pairs.contains(&(*other, *document)));
            }
            for (a, b) in &pairs {
                prop_assert!(removed.contains_key(a) || removed.contains_key(b));
            }
        }
    }
}
