//! What needs all documents, on one machine: which go, by sorting on disk.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::grams::jaccard;
use super::keep::{self, Bits, Removal};
use super::minhash::Bands;
use super::signatures::set_hash;
use super::sort::{Record, Sorter};
use super::store::{Store, number};
use super::{Configuration, Pairs};
use crate::Result;

/// Documents whose signatures, or pairs whose similarities, are computed at once.
const BATCH: usize = 4096;

pub(super) struct Local<'a> {
    pub configuration: &'a Configuration,
    pub bands: Bands,
    /// The folder for what does not fit into memory.
    pub work: &'a Path,
    /// Bytes of memory for sorting.
    pub memory: u64,
    pub store: &'a Store,
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
        // No more than four hold records at a time.
        Sorter::new(self.work, name, usize::try_from(self.memory / 4).unwrap_or(usize::MAX))
    }

    /// The numbers of documents, some at a time.
    fn batches(&self) -> impl Iterator<Item = Vec<u64>> + '_ {
        self.store.counts().flat_map(|(shard, documents)| {
            let batch = move |begin| {
                (begin..documents.min(begin + BATCH as u64)).map(|place| number(shard, place)).collect()
            };
            (0..documents).step_by(BATCH).map(batch)
        })
    }

    /// The documents that go.
    pub fn removals(&self, progress: &mut dyn FnMut(&str, u64)) -> Result<Removals> {
        let (represented, same) = self.same_sets(progress)?;
        let candidates = self.candidates(&represented, progress)?;
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
    fn same_sets(&self, progress: &mut dyn FnMut(&str, u64)) -> Result<(Bits, Sorter<2>)> {
        let store = self.store;
        let mut by_set = self.sorter::<4>("by-set");
        let mut done = 0;
        for batch in self.batches() {
            done += batch.len() as u64;
            let hashed: Result<Vec<Option<Record<4>>>> = batch
                .into_par_iter()
                .map(|document| {
                    let entry = store.entry(document)?;
                    let [first, second, document] = entry.priority;
                    let record = |set: Vec<u64>| [set_hash(&set), first, second, document];
                    if entry.is_empty() { Ok(None) } else { Ok(Some(record(store.set(&entry)?))) }
                })
                .collect();
            hashed?.into_iter().flatten().try_for_each(|record| by_set.push(record))?;
            progress("sets", done);
        }
        let (mut represented, mut same) = (store.bits(), self.sorter("same"));
        let mut first: Option<(u64, u64, Vec<u64>)> = None;
        for record in by_set.finish()? {
            let [hash, _, _, document] = record?;
            let set = store.set(&store.entry(document)?)?;
            match &first {
                Some((of, representative, other)) if *of == hash && *other == set => {
                    represented.set(document);
                    same.push([*representative, document])?;
                }
                _ => first = Some((hash, document, set)),
            }
        }
        Ok((represented, same))
    }

    /// Pairs of documents that share a band, each as often as they do.
    fn candidates(&self, represented: &Bits, progress: &mut dyn FnMut(&str, u64)) -> Result<Sorter<2>> {
        let mut by_key = self.sorter::<2>("by-key");
        let (bands, seed, store) = (self.bands, self.configuration.seed, self.store);
        let mut done = 0;
        for batch in self.batches() {
            done += batch.len() as u64;
            let keys: Result<Vec<(u64, Vec<u64>)>> = batch
                .into_par_iter()
                .filter(|&document| !represented.has(document))
                .map(|document| {
                    let mut keys = Vec::new();
                    bands.keys(&store.set(&store.entry(document)?)?, seed, &mut keys);
                    Ok((document, keys))
                })
                .collect();
            for (document, keys) in keys? {
                keys.into_iter().try_for_each(|key| by_key.push([key, document]))?;
            }
            progress("signatures", done);
        }
        let mut candidates = self.sorter("candidates");
        let (mut key, mut group) = (0, Vec::new());
        for record in by_key.finish()? {
            let [of, document] = record?;
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
