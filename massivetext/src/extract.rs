//! The stage of extraction: crawl files in, documents out, with the reason of every drop, and a receipt.
//!
//! `pages.rs` goes from files to pages and asks the rules that need no text; `judge.rs` makes text of a page and asks the others.

pub mod encoding;
mod hosts;
mod judge;
pub mod language;
mod meta;
mod pages;
pub mod rules;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use hosts::{Blocklist, Listed, host_of};

use crate::ledger::{Ledger, count, show};
use crate::manifest::{Description, Manifest, Piece};
use crate::output::{BAD_RECORDS, Compression, Output, Written};
use crate::records::BadRecord;
use crate::stage::{Folder, PartReceipt, check_record_limit, each_batch_of};
use crate::{Error, Result};
use judge::{Judged, Verdict, judge};
use pages::Pages;

/// What decides the output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// The language that is kept, by its code; `None` keeps all.
    pub language: Option<String>,
    /// How sure it has to be, from 0 to 1.
    pub min_language_confidence: f64,
    /// The share of a text that may be U+FFFD.
    pub max_replacement: f64,
    /// The list of hosts whose pages are dropped.
    pub blocked_hosts: Option<Listed>,
    /// Most bytes of a record, compressed or not.
    pub max_record_bytes: usize,
    /// Bytes of input for one file of output.
    pub shard_bytes: u64,
    /// How documents are written.
    pub compression: Compression,
}

impl Default for Configuration {
    /// The paper's, whose data are English, and our numbers where it has none.
    fn default() -> Self {
        Self {
            language: Some("en".into()),
            min_language_confidence: 0.0,
            max_replacement: 0.1,
            blocked_hosts: None,
            max_record_bytes: 64 << 20,
            shard_bytes: 256 << 20,
            compression: Compression::Zst,
        }
    }
}

impl Configuration {
    /// Refuses settings outside their ranges.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        check_record_limit(self.max_record_bytes)?;
        let fractions = [
            ("--min-language-confidence", self.min_language_confidence),
            ("--max-replacement", self.max_replacement),
        ];
        for (setting, value) in fractions {
            if !(0.0..=1.0).contains(&value) {
                let detail = "0 to 1 is allowed".to_owned();
                return Err(Error::Setting { setting, value: value.to_string(), detail });
            }
        }
        match &self.language {
            Some(code) if !language::is_known(code) => {
                let detail = format!("any, or one of {}, is allowed", language::all().join(", "));
                Err(Error::Setting { setting: "--language", value: code.clone(), detail })
            }
            _ => Ok(()),
        }
    }
}

pub use crate::stage::Places;

/// What the stage has done: `receipt.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `extract`.
    pub stage: String,
    /// Of the program.
    pub version: String,
    /// What decided the output.
    pub configuration: Configuration,
    /// What was read.
    pub input: Description,
    /// Files that were not read, and why.
    pub passed_over: Vec<String>,
    /// Where every record has gone.
    pub ledger: Ledger,
    /// Pages that text was made of, by their encodings.
    pub encodings: BTreeMap<String, u64>,
    /// Texts by their languages.
    pub languages: BTreeMap<String, u64>,
    /// Texts with U+FFFD in them.
    pub replaced: u64,
    /// The first of the records that are no documents.
    pub bad_records: Vec<BadRecord>,
    /// Files of documents that were kept, in order.
    pub outputs: Vec<Written>,
    /// Files of documents that were dropped, in order.
    pub rejected: Vec<Written>,
}

impl PartReceipt for Receipt {
    fn files(&self) -> Vec<&str> {
        self.outputs.iter().map(|file| &file.file[..]).collect()
    }

    fn add(&mut self, next: Self) {
        self.ledger.add(&next.ledger);
        next.encodings.iter().for_each(|(name, n)| count(&mut self.encodings, name, *n));
        next.languages.iter().for_each(|(name, n)| count(&mut self.languages, name, *n));
        self.replaced += next.replaced;
        next.bad_records.into_iter().for_each(|record| show(&mut self.bad_records, record));
        self.outputs.extend(next.outputs);
        self.rejected.extend(next.rejected);
    }
}

/// What [`run`] has to report.
pub type Report = crate::stage::Report<Receipt>;

/// Runs the stage, or a part of it. `blocked` is the list that the configuration describes. `progress` is told how many records
/// have been read, now and then.
///
/// # Errors
/// Settings outside their ranges, folders that hold something else, a disk that refuses; with `strict`, a bad record.
pub fn run(
    configuration: &Configuration,
    places: &Places,
    manifest: &Manifest,
    blocked: &Blocklist,
    progress: &mut dyn FnMut(u64),
) -> Result<Report> {
    configuration.check()?;
    let shards = manifest.shards(configuration.shard_bytes);
    let mut receipt = Receipt {
        stage: "extract".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: configuration.clone(),
        input: manifest.describe(),
        passed_over: manifest.notes(),
        ledger: Ledger::default(),
        encodings: BTreeMap::new(),
        languages: BTreeMap::new(),
        replaced: 0,
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
    let folder = Folder::begin(&places.inputs, &places.out, places.rejected.as_deref(), places.part, &plan)?;
    if let Some(receipt) = folder.receipt()? {
        return Ok(Report { receipt, was_complete: true, completes: false });
    }
    let mut stage =
        Stage { configuration, places, manifest, blocked, receipt: &mut receipt, read: 0, progress };
    for index in places.part.of(shards.len()) {
        stage.shard(index, &shards[index])?;
    }
    let read = stage.read;
    receipt.ledger.check(read, receipt.outputs.iter().map(|file| file.records).sum())?;
    let completes = folder.finish(&receipt)?;
    Ok(Report { receipt, was_complete: false, completes })
}

struct Stage<'a> {
    configuration: &'a Configuration,
    places: &'a Places,
    manifest: &'a Manifest,
    blocked: &'a Blocklist,
    receipt: &'a mut Receipt,
    read: u64,
    progress: &'a mut dyn FnMut(u64),
}

/// The files of a shard.
struct Outputs {
    kept: Output,
    rejected: Option<(Output, Output)>,
}

impl Stage<'_> {
    fn shard(&mut self, index: usize, pieces: &[Piece]) -> Result<()> {
        let compression = self.configuration.compression;
        let name = compression.file(index);
        let rejected = match &self.places.rejected {
            None => None,
            Some(folder) => Some((
                Output::begin(folder, &name, compression)?,
                Output::begin(folder, &format!("{index:05}{BAD_RECORDS}"), Compression::Zst)?,
            )),
        };
        let mut outputs = Outputs { kept: Output::begin(&self.places.out, &name, compression)?, rejected };
        let (configuration, manifest, blocked) = (self.configuration, self.manifest, self.blocked);
        each_batch_of(
            manifest,
            pieces,
            |path, piece| Pages::open(path, piece, configuration.max_record_bytes, blocked),
            || (),
            |(), raw| judge(configuration, &manifest.files[raw.file], raw),
            &mut |judged| self.write(judged, &mut outputs),
        )?;
        self.receipt.outputs.push(outputs.kept.finish()?);
        if let Some((documents, errors)) = outputs.rejected {
            self.receipt.rejected.push(documents.finish()?);
            errors.finish()?;
        }
        Ok(())
    }

    fn write(&mut self, judged: Vec<Judged>, outputs: &mut Outputs) -> Result<()> {
        self.read += judged.len() as u64;
        for judged in judged {
            self.account(judged, outputs)?;
        }
        outputs.kept.write()?;
        if let Some((documents, errors)) = &mut outputs.rejected {
            documents.write()?;
            errors.write()?;
        }
        (self.progress)(self.read);
        Ok(())
    }

    /// Writes down where a record goes.
    fn account(&mut self, judged: Judged, outputs: &mut Outputs) -> Result<()> {
        let receipt = &mut *self.receipt;
        judged.encoding.iter().for_each(|name| count(&mut receipt.encodings, name, 1));
        judged.language.iter().for_each(|code| count(&mut receipt.languages, code, 1));
        receipt.replaced += u64::from(judged.is_replaced);
        match judged.verdict {
            Verdict::Kept => {
                receipt.ledger.keep();
                outputs.kept.push(&judged.line);
            }
            Verdict::Dropped(rule) => {
                receipt.ledger.drop(rule);
                if let Some((documents, _)) = &mut outputs.rejected {
                    documents.push(&judged.line);
                }
            }
            Verdict::PassedOver(kind) => receipt.ledger.pass_over(kind.name()),
            Verdict::Bad(bad) if self.places.strict => {
                return Err(Error::BadRecord { place: bad.place(), detail: bad.detail });
            }
            Verdict::Bad(bad) => {
                receipt.ledger.error(bad.kind);
                if let Some((_, errors)) = &mut outputs.rejected {
                    errors.push(format!("{}\n", json!(bad)).as_bytes());
                }
                show(&mut receipt.bad_records, bad);
            }
        }
        Ok(())
    }
}
