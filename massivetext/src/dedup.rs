//! The stage of deduplication: of documents whose n-grams are alike, one stays.
//!
//! Documents are read twice. The first time, each leaves its set of n-grams ([`grams`]) and its priority on disk; what follows works on
//! these: equal sets are found by a hash and compared; the others become candidates by MinHash ([`minhash`]), and are verified by
//! their exact Jaccard similarity; [`keep`] decides. The second time, documents are written or left out. Everything that grows
//! with the text is on disk ([`store`], [`sort`]), but for a bit or two for each document.

pub mod grams;
pub mod keep;
pub mod minhash;
pub mod sort;
pub mod store;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::ledger::{Ledger, show};
use crate::manifest::{Description, Manifest, Part};
use crate::output::{BAD_RECORDS, Compression, Output, Written};
use crate::records::{BadRecord, Raw, write_line};
use crate::stage::{Folder, PartReceipt, check_record_limit, each_batch};
use crate::{Error, Result};
use grams::{Grams, jaccard, mix};
use keep::{Bits, Removal};
use minhash::Bands;
use sort::{Record, Sorter};
use store::{Store, Writer};

/// What decides the output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Documents are duplicates from this Jaccard similarity of their n-grams on.
    pub jaccard: f64,
    /// Words of an n-gram.
    pub ngram: usize,
    /// The probability with which a pair at the threshold is found, at least.
    pub recall: f64,
    /// Which documents stay, and the hash functions.
    pub seed: u64,
    /// Most bytes of a record.
    pub max_record_bytes: usize,
    /// Bytes of input for one file of output.
    pub shard_bytes: u64,
    /// How documents are written.
    pub compression: Compression,
}

impl Default for Configuration {
    /// The paper's: a Jaccard similarity of 0.8 of 13-grams (A.1.3).
    fn default() -> Self {
        Self {
            jaccard: 0.8,
            ngram: 13,
            recall: 0.999,
            seed: 0,
            max_record_bytes: 64 << 20,
            shard_bytes: 256 << 20,
            compression: Compression::Zst,
        }
    }
}

impl Configuration {
    /// Bands of minima for these numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] for numbers outside their ranges.
    pub fn bands(&self) -> Result<Bands> {
        let wrong =
            |setting, value: String, detail: &str| Error::Setting { setting, value, detail: detail.into() };
        if self.ngram == 0 {
            return Err(wrong("--ngram", "0".into(), "an n-gram has at least one word"));
        }
        if !(self.jaccard > 0.0 && self.jaccard <= 1.0) {
            return Err(wrong("--jaccard", self.jaccard.to_string(), "must be above 0 and at most 1"));
        }
        let bands = Bands::choose(self.jaccard, self.recall);
        bands.ok_or_else(|| {
            let detail = "must be above 0 and below 1, and reachable with 160 minima at this --jaccard";
            wrong("--recall", self.recall.to_string(), detail)
        })
    }
}

/// Where the stage reads and writes, and how, none of which decides a byte of the output.
#[derive(Clone, Debug)]
pub struct Places {
    /// Files and folders to read.
    pub inputs: Vec<PathBuf>,
    /// The folder of the documents that stay.
    pub out: PathBuf,
    /// The folder of those that go, if they are wanted.
    pub rejected: Option<PathBuf>,
    /// Bytes of memory for sorting; what is more goes to disk.
    pub memory: u64,
    /// Whether a bad record is an error.
    pub strict: bool,
}

/// Pairs on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// Pairs that share a band.
    pub candidates: u64,
    /// Of these, those that are as similar as asked for.
    pub verified: u64,
}

/// What the stage has done: `receipt.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `dedup`.
    pub stage: String,
    /// Of the program.
    pub version: String,
    /// What decided the output.
    pub configuration: Configuration,
    /// What follows from it.
    pub bands: Bands,
    /// What was read.
    pub input: Description,
    /// What was not read, and why.
    pub passed_over: Vec<String>,
    /// Where every record has gone.
    pub ledger: Ledger,
    /// Pairs of documents with different sets of n-grams.
    pub pairs: Pairs,
    /// How many documents stay for so many: by the number of documents of which they are the one that stays, themselves among
    /// them. Documents without duplicates are not counted.
    #[serde(default)]
    pub clusters: BTreeMap<u64, u64>,
    /// The first of the records that are no documents.
    pub bad_records: Vec<BadRecord>,
    /// Files of documents that stay, in order.
    pub outputs: Vec<Written>,
    /// Files of documents that go, in order.
    pub rejected: Vec<Written>,
}

impl PartReceipt for Receipt {
    fn files(&self) -> Vec<&str> {
        self.outputs.iter().map(|file| &file.file[..]).collect()
    }

    fn add(&mut self, next: Self) {
        self.ledger.add(&next.ledger);
        next.clusters.into_iter().for_each(|(size, n)| *self.clusters.entry(size).or_default() += n);
        next.bad_records.into_iter().for_each(|record| show(&mut self.bad_records, record));
        self.outputs.extend(next.outputs);
        self.rejected.extend(next.rejected);
    }
}

/// The folder, in that of the output, for what is needed on the way.
const WORK: &str = ".work";

/// The rules of the ledger: the same n-grams, or enough of them.
const RULES: [&str; 2] = ["same_ngrams", "similar_ngrams"];

/// Documents whose signatures, or pairs whose similarities, are computed at once.
const BATCH: usize = 4096;

/// Runs the stage; whether it was complete before. `progress` is told what is being done, and how many records or pairs of it are.
///
/// # Errors
/// Settings outside their ranges, folders that hold something else, a disk that refuses, inputs that change while they are
/// read; with `strict`, a bad record.
pub fn run(
    configuration: &Configuration,
    places: &Places,
    manifest: &Manifest,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<(Receipt, bool)> {
    check_record_limit(configuration.max_record_bytes)?;
    let bands = configuration.bands()?;
    let mut receipt = Receipt {
        stage: "dedup".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: configuration.clone(),
        bands,
        input: manifest.describe(),
        passed_over: manifest.notes(),
        ledger: Ledger::default(),
        pairs: Pairs::default(),
        clusters: BTreeMap::new(),
        bad_records: Vec::new(),
        outputs: Vec::new(),
        rejected: Vec::new(),
    };
    let plan = json!({
        "stage": receipt.stage,
        "version": receipt.version,
        "configuration": receipt.configuration,
        "input": receipt.input,
        "rejected": places.rejected.is_some(),
    });
    let folder = Folder::begin(&places.inputs, &places.out, places.rejected.as_deref(), Part::WHOLE, &plan)?;
    if let Some(receipt) = folder.receipt()? {
        return Ok((receipt, true));
    }
    let work = places.out.join(WORK);
    let io = |error| Error::io(&work, error);
    match std::fs::remove_dir_all(&work) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => std::fs::create_dir(&work).map_err(io)?,
    }
    let mut stage =
        Stage { configuration, places, manifest, work: &work, bands, receipt: &mut receipt, progress };
    let (store, by_set) = stage.read()?;
    let removals = stage.removals(&store, by_set)?;
    stage.write(&store, removals)?;
    let read = receipt.ledger.records;
    receipt.ledger.check(read, receipt.outputs.iter().map(|file| file.records).sum())?;
    std::fs::remove_dir_all(&work).map_err(io)?;
    folder.finish(&receipt)?;
    Ok((receipt, false))
}

struct Stage<'a> {
    configuration: &'a Configuration,
    places: &'a Places,
    manifest: &'a Manifest,
    work: &'a Path,
    bands: Bands,
    receipt: &'a mut Receipt,
    progress: &'a mut dyn FnMut(&str, u64),
}

/// A document as it is read the first time.
struct Seen {
    set: Vec<u64>,
    priority: [u64; 2],
    id: String,
}

/// A document as it is read the second time.
struct Line {
    line: Vec<u8>,
    priority: [u64; 2],
    raw: Raw,
}

impl Stage<'_> {
    fn sorter<const N: usize>(&self, name: &str) -> Sorter<N> {
        // No more than four hold records at a time.
        Sorter::new(self.work, name, usize::try_from(self.places.memory / 4).unwrap_or(usize::MAX))
    }

    /// Reads all documents: what is known of each, and their sets' hashes with their priorities.
    fn read(&mut self) -> Result<(Store, Sorter<4>)> {
        let (mut writer, mut by_set) = (Writer::new(self.work)?, self.sorter("by-set"));
        let (ngram, limit, seed) =
            (self.configuration.ngram, self.configuration.max_record_bytes, self.configuration.seed);
        let mut read = 0;
        for pieces in self.manifest.shards(self.configuration.shard_bytes) {
            each_batch(
                self.manifest,
                &pieces,
                limit,
                Grams::default,
                |grams, raw| {
                    let document = raw.document(&self.manifest.files[raw.file].name, limit)?;
                    grams.read(&document.text, ngram);
                    let priority = priority(seed, &document.text, &document.id);
                    Ok(Seen { set: grams.set.clone(), priority, id: document.id })
                },
                &mut |batch: Vec<Result<Seen, BadRecord>>| {
                    read += batch.len() as u64;
                    for seen in batch.into_iter().flatten() {
                        let document = writer.push(&seen.set, seen.priority, &seen.id)?;
                        if !seen.set.is_empty() {
                            let hash = seen.set.iter().fold(0, |hash, gram| mix(hash ^ gram));
                            by_set.push([hash, seen.priority[0], seen.priority[1], document])?;
                        }
                    }
                    (self.progress)("reading", read);
                    Ok(())
                },
            )?;
        }
        Ok((writer.finish()?, by_set))
    }

    /// The documents that go, in order: document, the one that stays, their similarity's bits, and which of [`RULES`].
    fn removals(&mut self, store: &Store, by_set: Sorter<4>) -> Result<Sorter<4>> {
        let (represented, same) = self.same_sets(store, by_set)?;
        let candidates = self.candidates(store, &represented)?;
        let pairs = self.verify(store, candidates)?;
        let mut similar = self.sorter("similar");
        keep::resolve(store.documents as usize, pairs, &mut |removal| similar.push(removal))?;
        // Who has the set of a document that goes is similar to the same one.
        let (mut removals, mut staying) = (self.sorter("removals"), self.sorter("staying"));
        let mut remove = |removal: Record<4>| {
            staying.push([removal[1]])?;
            removals.push(removal)
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
        self.receipt.clusters = keep::clusters(staying)?;
        Ok(removals)
    }

    /// Documents with the set of another one that comes before them; and each of these behind that one.
    fn same_sets(&mut self, store: &Store, by_set: Sorter<4>) -> Result<(Bits, Sorter<2>)> {
        let (mut represented, mut same) = (Bits::new(store.documents as usize), self.sorter("same"));
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
    fn candidates(&mut self, store: &Store, represented: &Bits) -> Result<Sorter<2>> {
        let mut by_key = self.sorter::<2>("by-key");
        let (bands, seed) = (self.bands, self.configuration.seed);
        for begin in (0..store.documents).step_by(BATCH) {
            let batch = begin..store.documents.min(begin + BATCH as u64);
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
            (self.progress)("signatures", begin);
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
    fn verify(&mut self, store: &Store, candidates: Sorter<2>) -> Result<Sorter<7>> {
        let mut pairs = self.sorter("pairs");
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
                return Ok(pairs);
            }
            self.receipt.pairs.candidates += batch.len() as u64;
            let similar: Result<Vec<_>> = batch
                .into_par_iter()
                .map(|[a, b]| {
                    let (a, b) = (store.entry(a)?, store.entry(b)?);
                    let similarity = jaccard(&store.set(&a)?, &store.set(&b)?);
                    Ok((similarity >= threshold).then(|| keep::pair(a.priority, b.priority, similarity)))
                })
                .collect();
            for pair in similar?.into_iter().flatten() {
                self.receipt.pairs.verified += 1;
                pairs.push(pair)?;
            }
            (self.progress)("comparing", self.receipt.pairs.candidates);
        }
    }

    /// Reads all documents again, and writes those that stay, and those that go if they are wanted.
    fn write(&mut self, store: &Store, removals: Sorter<4>) -> Result<()> {
        let (limit, seed) = (self.configuration.max_record_bytes, self.configuration.seed);
        let compression = self.configuration.compression;
        let mut removals = removals.finish()?.peekable();
        let (mut document, mut read) = (0, 0);
        for (index, pieces) in self.manifest.shards(self.configuration.shard_bytes).iter().enumerate() {
            let name = compression.file(index);
            let mut kept = Output::begin(&self.places.out, &name, compression)?;
            let mut gone = match &self.places.rejected {
                None => None,
                Some(folder) => Some((
                    Output::begin(folder, &name, compression)?,
                    Output::begin(folder, &format!("{index:05}{BAD_RECORDS}"), Compression::Zst)?,
                )),
            };
            let manifest = self.manifest;
            let with_line = |raw: Raw| -> Result<Line, BadRecord> {
                let found = raw.document(&manifest.files[raw.file].name, limit)?;
                let priority = priority(seed, &found.text, &found.id);
                let mut line = Vec::with_capacity(found.text.len() + 256);
                write_line(&found, &BTreeMap::new(), &mut line)
                    .map_err(|error| unwritable(manifest, &raw, &error))?;
                drop(found);
                Ok(Line { line, priority, raw })
            };
            each_batch(manifest, pieces, limit, || (), |(), raw| with_line(raw), &mut |batch: Vec<
                Result<Line, BadRecord>,
            >| {
                read += batch.len() as u64;
                for line in batch {
                    let Line { line, priority, raw } = match line {
                        Ok(line) => line,
                        Err(bad) if self.places.strict => {
                            return Err(Error::BadRecord { place: bad.place(), detail: bad.detail });
                        }
                        Err(bad) => {
                            self.receipt.ledger.error(bad.kind);
                            if let Some((_, errors)) = &mut gone {
                                errors.push(format!("{}\n", json!(bad)).as_bytes());
                            }
                            show(&mut self.receipt.bad_records, bad);
                            continue;
                        }
                    };
                    let is_same =
                        document < store.documents && store.entry(document)?.priority[..2] == priority;
                    if !is_same {
                        let path = manifest.files[raw.file].path.clone();
                        let detail = "it has changed while it was read; run the stage again".into();
                        return Err(Error::Damaged { path, detail });
                    }
                    let removal =
                        removals.next_if(|next| next.as_ref().map_or(true, |next| next[0] == document));
                    match removal.transpose()? {
                        None => {
                            self.receipt.ledger.keep();
                            kept.push(&line);
                        }
                        Some([_, stays, similarity, rule]) => {
                            let rule = RULES[usize::from(rule == 1)];
                            self.receipt.ledger.drop(rule);
                            if let Some((documents, _)) = &mut gone {
                                let more = BTreeMap::from([
                                    ("dropped_by", Value::from(rule)),
                                    ("duplicate_of", Value::from(store.id(stays)?)),
                                    ("jaccard", json!(f64::from_bits(similarity))),
                                ]);
                                let found = raw.document(&manifest.files[raw.file].name, limit);
                                let mut line = Vec::new();
                                if let Ok(found) = found {
                                    write_line(&found, &more, &mut line)
                                        .map_err(|error| Error::io(self.work, error))?;
                                }
                                documents.push(&line);
                            }
                        }
                    }
                    document += 1;
                }
                kept.write()?;
                if let Some((documents, errors)) = &mut gone {
                    documents.write()?;
                    errors.write()?;
                }
                (self.progress)("writing", read);
                Ok(())
            })?;
            self.receipt.outputs.push(kept.finish()?);
            if let Some((documents, errors)) = gone {
                self.receipt.rejected.push(documents.finish()?);
                errors.finish()?;
            }
        }
        Ok(())
    }
}

/// What decides which of similar documents stays: a hash of the seed and the text; of equal texts, of the id.
fn priority(seed: u64, text: &str, id: &str) -> [u64; 2] {
    let hash = |text: &str| {
        let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(text).finalize();
        digest.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    [hash(text), hash(id)]
}

fn unwritable(manifest: &Manifest, raw: &Raw, error: &std::io::Error) -> BadRecord {
    let file = manifest.files[raw.file].name.clone();
    BadRecord { file, offset: raw.offset, kind: crate::records::Kind::InvalidJson, detail: error.to_string() }
}
