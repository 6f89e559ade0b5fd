//! What needs all documents, on one machine: which go, by sorting on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::grams::jaccard;
use super::keep::{self, Bits, Removal};
use super::signatures::Seen;
use super::sort::{Record, Sorter};
use super::store::Store;
use super::{Configuration, Pairs};
use crate::Result;

/// Pairs whose similarities are computed at once.
const BATCH: usize = 4096;

/// What is collected while documents are read.
pub(super) struct Known {
    /// The folder for what does not fit into memory.
    work: PathBuf,
    /// Bytes of memory for sorting.
    memory: u64,
    /// The hash of each set, with the document's priority.
    by_set: Sorter<4>,
    /// The keys of each document.
    by_key: Sorter<2>,
}

impl Known {
    /// Nothing yet; sorting takes so many bytes of memory, and files in the folder.
    pub fn new(work: &Path, memory: u64) -> Self {
        let (by_set, by_key) = (sorter(work, memory, "by-set"), sorter(work, memory, "by-key"));
        Self { work: work.to_owned(), memory, by_set, by_key }
    }

    /// Takes a document.
    ///
    /// # Errors
    /// What the operating system refuses, such as a full disk.
    pub fn add(&mut self, document: u64, seen: &Seen) -> Result<()> {
        if seen.is_empty() {
            return Ok(());
        }
        self.by_set.push([seen.hash, seen.priority[0], seen.priority[1], document])?;
        seen.keys.iter().try_for_each(|&key| self.by_key.push([key, document]))
    }

    /// The documents that go.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn removals(
        self,
        configuration: &Configuration,
        store: &Store,
        progress: &mut dyn FnMut(&str, u64),
    ) -> Result<Removals> {
        let Self { work, memory, by_set, by_key } = self;
        Local { configuration, store, work, memory }.removals(by_set, by_key, progress)
    }
}

fn sorter<const N: usize>(work: &Path, memory: u64, name: &str) -> Sorter<N> {
    // No more than four hold records at a time.
    Sorter::new(work, name, usize::try_from(memory / 4).unwrap_or(usize::MAX))
}

/// Works on what was collected.
struct Local<'a> {
    configuration: &'a Configuration,
    store: &'a Store,
    work: PathBuf,
    memory: u64,
}

/// The documents that go.
pub(super) struct Removals {
    /// In order: document, the one that stays, their similarity's bits, and which of the ledger's rules.
    pub all: Sorter<4>,
    pub pairs: Pairs,
    /// How many documents stay for so many.
    pub clusters: BTreeMap<u64, u64>,
}

impl Local<'_> {
    fn sorter<const N: usize>(&self, name: &str) -> Sorter<N> {
        sorter(&self.work, self.memory, name)
    }

    fn removals(
        &self,
        by_set: Sorter<4>,
        by_key: Sorter<2>,
        progress: &mut dyn FnMut(&str, u64),
    ) -> Result<Removals> {
        let (represented, same) = self.same_sets(by_set)?;
        let candidates = self.candidates(by_key, &represented)?;
        drop(represented);
        let (similar_pairs, pairs) = self.verify(candidates, progress)?;
        let mut similar = self.sorter("similar");
        keep::resolve(self.store.bits(), similar_pairs, &mut |removal| similar.push(removal))?;
        // Who has the set of a document that goes is similar to the same one.
        let (mut all, mut staying) = (self.sorter("removals"), self.sorter("staying"));
        let mut remove = |removal: Record<4>| {
            staying.push([removal[1]])?;
            all.push(removal)
        };
        let mut similar = similar.finish()?.peekable();
        let mut last: Option<Removal> = None;
        for pair in same.finish()? {
            let [first, document] = pair?;
            while let Some(removal) =
                similar.next_if(|next| next.as_ref().map_or(true, |next| next[0] <= first))
            {
                let [document, stays, similarity] = removal?;
                remove([document, stays, similarity, 1])?;
                last = Some([document, stays, similarity]);
            }
            remove(match last.filter(|removal| removal[0] == first) {
                Some([_, stays, similarity]) => [document, stays, similarity, 1],
                None => [document, first, 1f64.to_bits(), 0],
            })?;
        }
        for removal in similar {
            let [document, stays, similarity] = removal?;
            remove([document, stays, similarity, 1])?;
        }
        Ok(Removals { all, pairs, clusters: keep::clusters(staying)? })
    }

    /// Documents with the set of another one that comes before them; and each of these behind that one.
    fn same_sets(&self, by_set: Sorter<4>) -> Result<(Bits, Sorter<2>)> {
        let store = self.store;
        let set = |document: u64| store.set(&store.entry(document)?);
        let (mut represented, mut same) = (store.bits(), self.sorter("same"));
        // The hash and the document that came first, and its set if another one has had this hash.
        let mut first: Option<(u64, u64, Option<Vec<u64>>)> = None;
        for record in by_set.finish()? {
            let [hash, _, _, document] = record?;
            first = match first.take().filter(|(of, ..)| *of == hash) {
                None => Some((hash, document, None)),
                Some((hash, representative, known)) => {
                    let known = known.map_or_else(|| set(representative), Ok)?;
                    let own = set(document)?;
                    if own == known {
                        represented.set(document);
                        same.push([representative, document])?;
                        Some((hash, representative, Some(known)))
                    } else {
                        Some((hash, document, Some(own)))
                    }
                }
            };
        }
        Ok((represented, same))
    }

    /// Pairs of documents that share a band, each as often as they do.
    fn candidates(&self, by_key: Sorter<2>, represented: &Bits) -> Result<Sorter<2>> {
        let mut candidates = self.sorter("candidates");
        let (mut key, mut group) = (0, Vec::new());
        for record in by_key.finish()? {
            let [of, document] = record?;
            if represented.has(document) {
                continue;
            }
            if of != key {
                (key, group) = (of, Vec::new());
            }
            group.iter().try_for_each(|&other| candidates.push([other, document]))?;
            group.push(document);
        }
        Ok(candidates)
    }

    /// Of candidates, those that are similar enough, as [`keep`] wants them.
    fn verify(
        &self,
        candidates: Sorter<2>,
        progress: &mut dyn FnMut(&str, u64),
    ) -> Result<(Sorter<7>, Pairs)> {
        let (mut pairs, mut counts, store) = (self.sorter("pairs"), Pairs::default(), self.store);
        let threshold = self.configuration.jaccard;
        let mut sorted = candidates.finish()?;
        let mut last: Option<Record<2>> = None;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            while batch.len() < BATCH
                && let Some(pair) = sorted.next()
            {
                let pair = pair?;
                if last.replace(pair) != Some(pair) {
                    batch.push(pair);
                }
            }
            if batch.is_empty() {
                return Ok((pairs, counts));
            }
            counts.candidates += batch.len() as u64;
            let similar: Result<Vec<_>> = batch
                .into_par_iter()
                .map(|[a, b]| {
                    let (a, b) = (store.entry(a)?, store.entry(b)?);
                    let similarity = jaccard(&store.set(&a)?, &store.set(&b)?);
                    Ok((similarity >= threshold).then(|| keep::pair(a.priority, b.priority, similarity)))
                })
                .collect();
            for pair in similar?.into_iter().flatten() {
                counts.verified += 1;
                pairs.push(pair)?;
            }
            progress("comparing", counts.candidates);
        }
    }
}
