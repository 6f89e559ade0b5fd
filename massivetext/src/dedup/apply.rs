//! The second pass over documents: each is written to those that stay or to those that go. A part of it is a function of the part alone.

use std::collections::BTreeMap;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::signatures::{Signatures, priority};
use super::sort::Record;
use super::store::{Store, number, place};
use super::{Pairs, Receipt};
use crate::manifest::{Manifest, Piece};
use crate::output::{BAD_RECORDS, Compression, Output};
use crate::records::{BadRecord, Kind, Raw, write_line};
use crate::stage::{Folder, each_batch};
use crate::{Error, Result};

/// The rules of the ledger: the same n-grams, or enough of them.
const RULES: [&str; 2] = ["same_ngrams", "similar_ngrams"];

/// The file that says what removals belong to, in their folder.
const PAIRS: &str = "pairs.json";

pub use crate::stage::Places;

/// What [`run`] has to report.
pub type Report = crate::stage::Report<Receipt>;

/// Writes the documents that stay, or a part of them, as removals say that another program computed from these signatures.
///
/// # Errors
/// Signatures of another input, removals of other signatures, and all that ends the whole stage ([`super::run`]).
pub fn run(
    signatures: &Signatures,
    removals: &Path,
    places: &Places,
    manifest: &Manifest,
    progress: &mut dyn FnMut(u64),
) -> Result<Report> {
    let refuse = |path: &Path, detail: &str| Error::Folder { path: path.into(), detail: detail.into() };
    let configuration = &signatures.receipt.configuration;
    let mut receipt = Receipt::new(configuration, manifest)?;
    if receipt.input != signatures.receipt.input {
        let path = places.inputs.first().map(PathBuf::as_path).unwrap_or(Path::new("--in"));
        return Err(refuse(path, "the signatures are of another input; name that which they were made of"));
    }
    let found = read_pairs(signatures, removals)?;
    (receipt.pairs, receipt.clusters) = (found.pairs, found.clusters);
    let plan = receipt.plan(places.rejected.is_some());
    let folder = Folder::begin(&places.inputs, &places.out, places.rejected.as_deref(), places.part, &plan)?;
    if let Some(receipt) = folder.receipt()? {
        return Ok(Report { receipt, was_complete: true, completes: false });
    }
    let shards = places.part.of(manifest.shards(configuration.shard_bytes).len());
    let gone = shards.flat_map(|shard| match read_removals(removals, shard, &signatures.store) {
        Ok(removals) => removals.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    });
    Write::new(&mut receipt, places, manifest, &signatures.store, Box::new(gone)).all(progress)?;
    let completes = folder.finish(&receipt)?;
    Ok(Report { receipt, was_complete: false, completes })
}

/// What removals say of themselves.
#[derive(Deserialize)]
struct PairsFile {
    /// sha256 of the signatures' receipt.
    signatures: String,
    pairs: Pairs,
    clusters: BTreeMap<u64, u64>,
}

fn read_pairs(signatures: &Signatures, removals: &Path) -> Result<PairsFile> {
    let path = removals.join(PAIRS);
    let bytes = inputs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let detail =
                format!("no complete removals (it has no {PAIRS}); deploy/spark/dedup.py writes them");
            Error::Folder { path: removals.into(), detail }
        }
        _ => Error::io(&path, error),
    })?;
    let file: PairsFile =
        inputs::json::from_slice(&bytes).map_err(|detail| Error::Damaged { path: path.clone(), detail })?;
    if file.signatures != signatures.sha256 {
        let detail = "these removals are of other signatures; compute them again".into();
        return Err(Error::Folder { path: removals.into(), detail });
    }
    Ok(file)
}

/// The removals of a shard, in order: document, the one that stays, their similarity's bits, and which of [`RULES`].
fn read_removals(folder: &Path, shard: usize, store: &Store) -> Result<Vec<Record<4>>> {
    let folder = folder.join(format!("shard={shard}"));
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Error::io(&folder, error))?,
    };
    let mut removals = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::io(&folder, error))?.path();
        if path.extension().is_none_or(|ending| ending != "csv") {
            continue;
        }
        let bytes = inputs::read(&path).map_err(|error| Error::io(&path, error))?;
        for (at, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let removal = removal(line).filter(|[document, stays, ..]| {
                place(*document).0 == shard && store.has(*document) && store.has(*stays)
            });
            removals.push(removal.ok_or_else(|| {
                let detail =
                    format!("line {}: {line:?} is no removal from this shard; compute them again", at + 1);
                Error::Damaged { path: path.clone(), detail }
            })?);
        }
    }
    removals.sort_unstable();
    Ok(removals)
}

fn removal(line: &str) -> Option<Record<4>> {
    let mut fields = line.split(',');
    let mut number = || fields.next()?.parse::<u64>().ok();
    let (document, stays) = (number()?, number()?);
    let similarity: f64 = fields.next()?.parse().ok()?;
    let rule = fields.next()?.parse().ok().filter(|rule| *rule < RULES.len() as u64)?;
    fields.next().is_none().then_some([document, stays, similarity.to_bits(), rule])
}

/// Writes documents, in order.
pub(super) struct Write<'a> {
    receipt: &'a mut Receipt,
    places: &'a Places,
    manifest: &'a Manifest,
    store: &'a Store,
    removals: Peekable<Box<dyn Iterator<Item = Result<Record<4>>> + 'a>>,
}

/// A document as it is read.
struct Line {
    line: Vec<u8>,
    priority: [u64; 2],
    raw: Raw,
}

/// The files of a shard.
struct Outputs {
    kept: Output,
    rejected: Option<(Output, Output)>,
}

impl<'a> Write<'a> {
    /// `removals` are those of the part's shards, in order.
    pub fn new(
        receipt: &'a mut Receipt,
        places: &'a Places,
        manifest: &'a Manifest,
        store: &'a Store,
        removals: Box<dyn Iterator<Item = Result<Record<4>>> + 'a>,
    ) -> Self {
        Self { receipt, places, manifest, store, removals: removals.peekable() }
    }

    /// Writes the part's shards, and checks that every record is accounted for.
    pub fn all(mut self, progress: &mut dyn FnMut(u64)) -> Result<()> {
        let shards = self.manifest.shards(self.receipt.configuration.shard_bytes);
        let mut read = 0;
        for index in self.places.part.of(shards.len()) {
            self.shard(index, &shards[index], &mut |records| {
                read += records;
                progress(read);
            })?;
        }
        match self.removals.next().transpose()? {
            None => {
                let written = self.receipt.outputs.iter().map(|file| file.records).sum();
                self.receipt.ledger.check(read, written)
            }
            Some([document, ..]) => {
                let (shard, place) = place(document);
                let detail = format!("document {place} of shard {shard} is to go, and there is none");
                Err(Error::Ledger { detail })
            }
        }
    }

    fn shard(&mut self, index: usize, pieces: &[Piece], progress: &mut dyn FnMut(u64)) -> Result<()> {
        let (manifest, limit) = (self.manifest, self.receipt.configuration.max_record_bytes);
        let (seed, compression) = (self.receipt.configuration.seed, self.receipt.configuration.compression);
        let mut outputs = Outputs::begin(self.places, index, compression)?;
        let mut document = number(index, 0);
        let line = |raw: Raw| line(manifest, raw, limit, seed);
        each_batch(manifest, pieces, limit, || (), |(), raw| line(raw), &mut |batch| {
            let records = batch.len() as u64;
            for found in batch {
                match found {
                    Err(bad) => self.bad(bad, &mut outputs)?,
                    Ok(found) => {
                        self.document(document, &found, &mut outputs)?;
                        document += 1;
                    }
                }
            }
            outputs.write()?;
            progress(records);
            Ok(())
        })?;
        self.receipt.outputs.push(outputs.kept.finish()?);
        if let Some((documents, errors)) = outputs.rejected {
            self.receipt.rejected.push(documents.finish()?);
            errors.finish()?;
        }
        Ok(())
    }

    fn bad(&mut self, bad: BadRecord, outputs: &mut Outputs) -> Result<()> {
        if self.places.strict {
            return Err(Error::BadRecord { place: bad.place(), detail: bad.detail });
        }
        self.receipt.ledger.error(bad.kind);
        if let Some((_, errors)) = &mut outputs.rejected {
            errors.push(format!("{}\n", json!(bad)).as_bytes());
        }
        crate::ledger::show(&mut self.receipt.bad_records, bad);
        Ok(())
    }

    fn document(&mut self, document: u64, found: &Line, outputs: &mut Outputs) -> Result<()> {
        let is_same = self.store.has(document) && self.store.entry(document)?.priority[..2] == found.priority;
        if !is_same {
            let path = self.manifest.files[found.raw.file].path.clone();
            let detail = "it has changed since it was read; run the stage again".into();
            return Err(Error::Damaged { path, detail });
        }
        let removal = self.removals.next_if(|next| next.as_ref().map_or(true, |next| next[0] == document));
        match removal.transpose()? {
            None => {
                self.receipt.ledger.keep();
                outputs.kept.push(&found.line);
            }
            Some([_, stays, similarity, rule]) => {
                let rule = RULES[usize::from(rule == 1)];
                self.receipt.ledger.drop(rule);
                if let Some((documents, _)) = &mut outputs.rejected {
                    let more = BTreeMap::from([
                        ("dropped_by", Value::from(rule)),
                        ("duplicate_of", Value::from(self.store.id(stays)?)),
                        ("jaccard", json!(f64::from_bits(similarity))),
                    ]);
                    documents.push(&rejected(
                        self.manifest,
                        found,
                        &more,
                        self.receipt.configuration.max_record_bytes,
                    )?);
                }
            }
        }
        Ok(())
    }
}

impl Outputs {
    fn begin(places: &Places, index: usize, compression: Compression) -> Result<Self> {
        let name = compression.file(index);
        let rejected = match &places.rejected {
            None => None,
            Some(folder) => Some((
                Output::begin(folder, &name, compression)?,
                Output::begin(folder, &format!("{index:05}{BAD_RECORDS}"), Compression::Zst)?,
            )),
        };
        Ok(Self { kept: Output::begin(&places.out, &name, compression)?, rejected })
    }

    fn write(&mut self) -> Result<()> {
        self.kept.write()?;
        if let Some((documents, errors)) = &mut self.rejected {
            documents.write()?;
            errors.write()?;
        }
        Ok(())
    }
}

fn line(manifest: &Manifest, raw: Raw, limit: usize, seed: u64) -> Result<Line, BadRecord> {
    let name = &manifest.files[raw.file].name;
    let found = raw.document(name, limit)?;
    let priority = priority(seed, &found.text, &found.id);
    let mut line = Vec::with_capacity(found.text.len() + 256);
    write_line(&found, &BTreeMap::new(), &mut line).map_err(|error| {
        let (file, at) = (name.clone(), raw.place);
        BadRecord { file, at, kind: Kind::InvalidJson, detail: error.to_string() }
    })?;
    drop(found);
    Ok(Line { line, priority, raw })
}

/// The line of a document that goes.
fn rejected(
    manifest: &Manifest,
    found: &Line,
    more: &BTreeMap<&str, Value>,
    limit: usize,
) -> Result<Vec<u8>> {
    let file = &manifest.files[found.raw.file];
    let mut line = Vec::new();
    if let Ok(document) = found.raw.document(&file.name, limit) {
        write_line(&document, more, &mut line).map_err(|error| Error::io(&file.path, error))?;
    }
    Ok(line)
}
