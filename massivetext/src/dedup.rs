//! The stage of deduplication: of documents whose n-grams are alike, one stays.
//!
//! Documents are read twice. The first time, each leaves its set of n-grams ([`grams`]) and its priority on disk ([`signatures`]); what
//! follows works on these: equal sets are found by a hash and compared; the others become candidates by MinHash ([`minhash`]), and are
//! verified by their exact Jaccard similarity; [`keep`] decides. The second time, documents are written or left out ([`apply`]).
//! Everything that grows with the text is on disk ([`store`], [`sort`]), but for a bit or two for each document.
//!
//! The first and the last of these are done in parts. What is between them needs all documents: [`run`] does it on one machine
//! (`local`), `deploy/spark/dedup.py` on many.

pub mod apply;
pub mod grams;
pub mod graph;
pub mod keep;
mod local;
pub mod minhash;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod signatures;
pub mod sort;
pub mod store;
pub mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ledger::{Ledger, show};
use crate::manifest::{Description, Manifest, Part};
use crate::output::{Compression, Written};
use crate::records::BadRecord;
use crate::stage::{Folder, PartReceipt, check_record_limit};
use crate::{Error, Result};
use apply::Write;
use local::Known;
use minhash::Bands;
use signatures::Pass;
use store::Store;

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

impl Receipt {
    /// Of nothing yet.
    fn new(configuration: &Configuration, manifest: &Manifest) -> Result<Self> {
        Ok(Self {
            stage: "dedup".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            configuration: configuration.clone(),
            bands: configuration.bands()?,
            input: manifest.describe(),
            passed_over: manifest.notes(),
            ledger: Ledger::default(),
            pairs: Pairs::default(),
            clusters: BTreeMap::new(),
            bad_records: Vec::new(),
            outputs: Vec::new(),
            rejected: Vec::new(),
        })
    }

    /// All that decides the output.
    fn plan(&self, with_rejected: bool) -> Value {
        json!({
            "stage": self.stage,
            "version": self.version,
            "configuration": self.configuration,
            "input": self.input,
            "rejected": with_rejected,
        })
    }
}

impl PartReceipt for Receipt {
    fn files(&self) -> Vec<&str> {
        self.outputs.iter().map(|file| &file.file[..]).collect()
    }

    fn add(&mut self, next: Self) {
        self.ledger.add(&next.ledger);
        next.bad_records.into_iter().for_each(|record| show(&mut self.bad_records, record));
        self.outputs.extend(next.outputs);
        self.rejected.extend(next.rejected);
    }
}

/// The folder, in that of the output, for what is needed on the way.
const WORK: &str = ".work";

/// Runs the stage on one machine; whether it was complete before. `progress` is told what is being done, and how many records or
/// pairs of it are.
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
    let mut receipt = Receipt::new(configuration, manifest)?;
    let plan = receipt.plan(places.rejected.is_some());
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
    let mut known = Known::new(&work, places.memory);
    let store = read(&receipt, places, manifest, &work, &mut known, progress)?;
    let removals = known.removals(configuration, &store, progress)?;
    (receipt.pairs, receipt.clusters) = (removals.pairs, removals.clusters);
    let (inputs, out, rejected) = (places.inputs.clone(), places.out.clone(), places.rejected.clone());
    let places = apply::Places { inputs, out, rejected, part: Part::WHOLE, strict: places.strict };
    Write::new(&mut receipt, &places, manifest, &store, Box::new(removals.all.finish()?))
        .all(&mut |records| progress("writing", records))?;
    std::fs::remove_dir_all(&work).map_err(io)?;
    folder.finish(&receipt)?;
    Ok((receipt, false))
}

/// Reads all documents, and stores what is known of each.
fn read(
    receipt: &Receipt,
    places: &Places,
    manifest: &Manifest,
    work: &Path,
    known: &mut Known,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<Store> {
    let configuration = &receipt.configuration;
    let (mut shards, mut read) = (Vec::new(), 0);
    let mut pass = Pass {
        bands: Some(receipt.bands),
        bad: &mut |record| match places.strict {
            // They are counted when documents are written.
            false => Ok(()),
            true => Err(Error::BadRecord { place: record.place(), detail: record.detail }),
        },
        seen: &mut |document, seen| known.add(document, seen),
        progress: &mut |records| {
            read += records;
            progress("reading", read);
        },
    };
    for shard in manifest.shards(configuration.shard_bytes).iter().enumerate() {
        shards.push(pass.shard(configuration, manifest, (shard.0, &shard.1[..]), work)?);
    }
    Store::open(work, &shards)
}
