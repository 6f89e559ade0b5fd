//! The first pass over documents: what deduplication knows of each, written to a folder. A part of it is a function of the part alone.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Configuration;
use super::grams::{Grams, mix};
use super::minhash::Bands;
use super::store::{Shard, Store, Writer};
use crate::ledger::{Ledger, show};
use crate::manifest::{Description, Manifest, Part, Piece, hexadecimal};
use crate::output::{RECEIPT, Written};
use crate::records::BadRecord;
use crate::stage::{Folder, PartReceipt, check_record_limit, each_batch, read_receipt};
use crate::{Error, Result};

/// What their receipt calls the stage.
const STAGE: &str = "dedup signatures";

/// Where signatures are written, and of what part.
#[derive(Clone, Debug)]
pub struct Places {
    /// Files and folders to read.
    pub inputs: Vec<PathBuf>,
    /// The folder of the signatures.
    pub out: PathBuf,
    /// Which part of the work.
    pub part: Part,
    /// Whether a bad record is an error.
    pub strict: bool,
}

/// What the signatures are of: `receipt.json` in their folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `dedup signatures`.
    pub stage: String,
    /// Of the program.
    pub version: String,
    /// What decides the output of deduplication.
    pub configuration: Configuration,
    /// What follows from it.
    pub bands: Bands,
    /// What was read.
    pub input: Description,
    /// What was not read, and why.
    pub passed_over: Vec<String>,
    /// Where every record has gone: kept are those with a signature.
    pub ledger: Ledger,
    /// The first of the records that are no documents.
    pub bad_records: Vec<BadRecord>,
    /// What is stored of each shard, in order.
    pub shards: Vec<Shard>,
}

impl PartReceipt for Receipt {
    fn files(&self) -> Vec<&str> {
        self.shards.iter().flat_map(|shard| shard.files.iter().map(|file| &file.file[..])).collect()
    }

    fn add(&mut self, next: Self) {
        self.ledger.add(&next.ledger);
        next.bad_records.into_iter().for_each(|record| show(&mut self.bad_records, record));
        self.shards.extend(next.shards);
    }
}

/// What [`run`] has to report.
pub type Report = crate::stage::Report<Receipt>;

/// What else is written of a shard, from what is stored of it.
pub type Export<'a> = &'a dyn Fn(&Store, usize, &Path) -> Result<Vec<Written>>;

/// Computes signatures, or a part of them. `export` writes more files of each shard. `progress` is told how many records have been read.
///
/// # Errors
/// As the whole stage ([`super::run`]).
pub fn run(
    configuration: &Configuration,
    places: &Places,
    manifest: &Manifest,
    export: Export<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report> {
    check_record_limit(configuration.max_record_bytes)?;
    let mut receipt = Receipt {
        stage: STAGE.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: configuration.clone(),
        bands: configuration.bands()?,
        input: manifest.describe(),
        passed_over: manifest.notes(),
        ledger: Ledger::default(),
        bad_records: Vec::new(),
        shards: Vec::new(),
    };
    let plan = json!({
        "stage": receipt.stage,
        "version": receipt.version,
        "configuration": receipt.configuration,
        "input": receipt.input,
    });
    let folder = Folder::begin(&places.inputs, &places.out, None, places.part, &plan)?;
    if let Some(receipt) = folder.receipt()? {
        return Ok(Report { receipt, was_complete: true, completes: false });
    }
    let shards = manifest.shards(configuration.shard_bytes);
    let mut read = 0;
    for index in places.part.of(shards.len()) {
        let mut pass = Pass {
            bands: None,
            bad: &mut |record| {
                if places.strict {
                    return Err(Error::BadRecord { place: record.place(), detail: record.detail });
                }
                receipt.ledger.error(record.kind);
                show(&mut receipt.bad_records, record);
                Ok(())
            },
            seen: &mut |_, _| Ok(()),
            progress: &mut |records| {
                read += records;
                progress(read);
            },
        };
        let mut shard = pass.shard(configuration, manifest, (index, &shards[index]), &places.out)?;
        let store = Store::open(&places.out, std::slice::from_ref(&shard))?;
        shard.files.extend(export(&store, index, &places.out)?);
        receipt.shards.push(shard);
    }
    let documents: u64 = receipt.shards.iter().map(|shard| shard.documents).sum();
    (0..documents).for_each(|_| receipt.ledger.keep());
    receipt.ledger.check(read, documents)?;
    let completes = folder.finish(&receipt)?;
    Ok(Report { receipt, was_complete: false, completes })
}

/// A document as it is read.
pub(super) struct Seen {
    set: Vec<u64>,
    /// What decides its priority.
    pub priority: [u64; 2],
    id: String,
    /// Of its set.
    pub hash: u64,
    /// Of each band, if they are wanted.
    pub keys: Vec<u64>,
}

impl Seen {
    /// Whether it has no n-grams, so that nothing is similar to it.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }
}

/// The first pass over documents.
pub(super) struct Pass<'a> {
    /// The bands whose keys are wanted.
    pub bands: Option<Bands>,
    /// Is given the records that are no documents.
    pub bad: &'a mut dyn FnMut(BadRecord) -> Result<()>,
    /// Is given each document with its number, in order.
    pub seen: &'a mut dyn FnMut(u64, &Seen) -> Result<()>,
    /// Is told how many more records have been read.
    pub progress: &'a mut dyn FnMut(u64),
}

impl Pass<'_> {
    /// Reads the documents of a shard, which is given with its place among all, and stores what is known of each.
    ///
    /// # Errors
    /// Those of `bad` and `seen`; what the operating system refuses.
    pub fn shard(
        &mut self,
        configuration: &Configuration,
        manifest: &Manifest,
        (index, pieces): (usize, &[Piece]),
        folder: &Path,
    ) -> Result<Shard> {
        let mut writer = Writer::begin(folder, index)?;
        let (limit, seed, bands) = (configuration.max_record_bytes, configuration.seed, self.bands);
        each_batch(
            manifest,
            pieces,
            limit,
            Grams::default,
            |grams, raw| {
                let document = raw.document(&manifest.files[raw.file].name, limit)?;
                grams.read(&document.text, configuration.ngram);
                let set = grams.set.clone();
                let mut keys = Vec::new();
                bands.inspect(|bands| bands.keys(&set, seed, &mut keys));
                let priority = priority(seed, &document.text, &document.id);
                Ok(Seen { hash: set_hash(&set), set, priority, id: document.id, keys })
            },
            &mut |batch: Vec<Result<Seen, BadRecord>>| {
                let records = batch.len() as u64;
                for seen in batch {
                    match seen {
                        Ok(seen) => {
                            let number = writer.push(&seen.set, seen.priority, &seen.id)?;
                            (self.seen)(number, &seen)?;
                        }
                        Err(record) => (self.bad)(record)?,
                    }
                }
                (self.progress)(records);
                Ok(())
            },
        )?;
        writer.finish()
    }
}

/// What decides which of similar documents stays: a hash of the seed and the text; of equal texts, of the id.
pub(super) fn priority(seed: u64, text: &str, id: &str) -> [u64; 2] {
    let hash = |text: &str| {
        let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(text).finalize();
        digest.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    [hash(text), hash(id)]
}

/// A hash of a set: equal sets have the same.
pub(super) fn set_hash(set: &[u64]) -> u64 {
    set.iter().fold(0, |hash, gram| mix(hash ^ gram))
}

/// Signatures that are complete.
pub struct Signatures {
    /// What they are of.
    pub receipt: Receipt,
    /// What is known of each document.
    pub store: Store,
    /// sha256 of the receipt's bytes, by which other files say that they belong to these signatures.
    pub sha256: String,
}

/// Opens a folder of signatures.
///
/// # Errors
/// A folder that is none, or whose parts are not all there; files of another size than the receipt says.
pub fn open(folder: &Path) -> Result<Signatures> {
    let path = folder.join(RECEIPT);
    let refuse = |detail: &str| Error::Folder { path: folder.into(), detail: detail.into() };
    let receipt: Value = read_receipt(&path)?.ok_or_else(|| {
        refuse("no complete signatures (it has no receipt.json); `gopher data dedup signatures` writes them, in all parts")
    })?;
    if receipt["stage"] != STAGE {
        return Err(refuse("the output of another stage, not signatures"));
    }
    let receipt: Receipt = serde_json::from_value(receipt)
        .map_err(|error| Error::Damaged { path: path.clone(), detail: inputs::json::json_words(&error) })?;
    let bytes = inputs::read(&path).map_err(|error| Error::io(&path, error))?;
    let store = Store::open(folder, &receipt.shards)?;
    Ok(Signatures { receipt, store, sha256: hexadecimal(&Sha256::digest(bytes)) })
}
