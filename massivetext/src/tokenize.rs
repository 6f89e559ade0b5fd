//! The stage of the tokenizer: documents in, token shards out that the trainer reads where they are ([`data::shards`]).

use std::path::PathBuf;

use data::Tokenizer;
use data::shards::{ENDING, HeldOut, Place, ShardDocument, ShardPart, ShardWriter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::ledger::{Ledger, show};
use crate::manifest::{Description, Manifest, Part, Piece, hexadecimal};
use crate::output::write_whole;
use crate::records::{BadRecord, Raw};
use crate::stage::{Folder, PartReceipt, check_record_limit, each_batch};
use crate::{Error, Result};

/// What decides the shards, beside the text and the tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Documents that are held out, of all: from 0 to below 1. Which they are depends on their texts.
    pub validation_fraction: f64,
    /// The seed of that choice.
    pub seed: u64,
    /// Most bytes of a record.
    pub max_record_bytes: usize,
    /// Bytes of input for one shard.
    pub shard_bytes: u64,
}

impl Default for Configuration {
    fn default() -> Self {
        Self { validation_fraction: 0.005, seed: 0, max_record_bytes: 64 << 20, shard_bytes: 256 << 20 }
    }
}

/// Where the stage reads and writes, and how, none of which decides a byte of the output.
#[derive(Clone, Debug)]
pub struct Places {
    /// Files and folders to read.
    pub inputs: Vec<PathBuf>,
    /// The folder of the shards.
    pub out: PathBuf,
    /// Which part of the work.
    pub part: Part,
    /// Whether a bad record is an error.
    pub strict: bool,
}

/// A shard as the receipt has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenShard {
    /// Its name in the folder.
    pub file: String,
    /// What there is to train on.
    pub training: ShardPart,
    /// What is held out.
    pub validation: ShardPart,
}

/// What the stage has done: `receipt.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `tokenize`.
    pub stage: String,
    /// Of the program.
    pub version: String,
    /// What decided the output.
    pub configuration: Configuration,
    /// SHA-256 of the tokenizer, in hexadecimal.
    pub tokenizer: String,
    /// Pieces of the tokenizer.
    pub vocabulary_size: usize,
    /// What was read.
    pub input: Description,
    /// What was not read, and why.
    pub passed_over: Vec<String>,
    /// Where every record has gone.
    pub ledger: Ledger,
    /// The first of the records that are no documents.
    pub bad_records: Vec<BadRecord>,
    /// The shards, in order.
    pub shards: Vec<WrittenShard>,
}

impl Receipt {
    /// The sum over all shards: of what there is to train on, and of what is held out.
    pub fn sums(&self) -> [ShardPart; 2] {
        let sum = |of: fn(&WrittenShard) -> &ShardPart| {
            self.shards.iter().map(of).fold(ShardPart::default(), |sum, part| ShardPart {
                documents: sum.documents + part.documents,
                tokens: sum.tokens + part.tokens,
                bytes: sum.bytes + part.bytes,
                ..sum
            })
        };
        [sum(|shard| &shard.training), sum(|shard| &shard.validation)]
    }
}

impl PartReceipt for Receipt {
    fn files(&self) -> Vec<&str> {
        self.shards.iter().map(|shard| &shard.file[..]).collect()
    }

    fn add(&mut self, next: Self) {
        self.ledger.add(&next.ledger);
        next.bad_records.into_iter().for_each(|record| show(&mut self.bad_records, record));
        self.shards.extend(next.shards);
    }
}

/// What [`run`] has to report.
pub type Report = crate::stage::Report<Receipt>;

/// The rule by which documents of nothing but white space are dropped, in the ledger.
const BLANK: &str = "blank";

/// Runs the stage, or a part of it. `progress` is told how many records have been read, now and then.
///
/// # Errors
/// A tokenizer that does not end texts, folders that hold something else, a disk that refuses; with `strict`, a bad record.
pub fn run(
    configuration: &Configuration,
    places: &Places,
    manifest: &Manifest,
    tokenizer: &Tokenizer,
    progress: &mut dyn FnMut(u64),
) -> Result<Report> {
    check_record_limit(configuration.max_record_bytes)?;
    let held_out = HeldOut { fraction: configuration.validation_fraction, seed: configuration.seed };
    // Before anything is written.
    held_out.check()?;
    tokenizer.end_of_text().ok_or(data::Error::NoEndOfText)?;
    let shards = manifest.shards(configuration.shard_bytes);
    let mut receipt = Receipt {
        stage: "tokenize".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: *configuration,
        tokenizer: tokenizer.fingerprint(),
        vocabulary_size: tokenizer.vocabulary_size(),
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
        "tokenizer": receipt.tokenizer,
        "input": receipt.input,
    });
    let folder = Folder::begin(&places.inputs, &places.out, None, places.part, &plan)?;
    if let Some(receipt) = folder.receipt()? {
        return Ok(Report { receipt, was_complete: true, completes: false });
    }
    write_whole(&places.out.join(tokenizer.file_name()), tokenizer.to_bytes())?;
    let plan = hexadecimal(&Sha256::digest(plan.to_string()));
    let mut read = 0;
    for index in places.part.of(shards.len()) {
        let file = format!("{index:05}.{ENDING}");
        let place = Place { plan: plan.clone(), of: shards.len() as u64, shard: index as u64 };
        let mut writer = ShardWriter::new(&places.out.join(&file), tokenizer, held_out, place)?;
        let mut shard = Shard { configuration, manifest, tokenizer, strict: places.strict };
        read += shard
            .write(&shards[index], &mut writer, &mut receipt, &mut |records| progress(read + records))?;
        let footer = writer.finish()?;
        receipt.shards.push(WrittenShard { file, training: footer.training, validation: footer.validation });
    }
    let [training, validation] = receipt.sums();
    receipt.ledger.check(read, training.documents + validation.documents)?;
    let completes = folder.finish(&receipt)?;
    Ok(Report { receipt, was_complete: false, completes })
}

/// What a shard is made with.
struct Shard<'a> {
    configuration: &'a Configuration,
    manifest: &'a Manifest,
    tokenizer: &'a Tokenizer,
    strict: bool,
}

/// A document with its tokens.
struct Encoded {
    text: String,
    ids: Vec<u32>,
    record: String,
}

impl Shard<'_> {
    /// Writes the documents of these pieces. How many records there were.
    fn write(
        &mut self,
        pieces: &[Piece],
        writer: &mut ShardWriter,
        receipt: &mut Receipt,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64> {
        let limit = self.configuration.max_record_bytes;
        let mut seen = 0;
        each_batch(
            self.manifest,
            pieces,
            limit,
            || self.tokenizer.encoder(),
            |encoder, raw| {
                let (text, record) = self.document(&raw)?;
                let mut ids = Vec::new();
                if !text.trim().is_empty() {
                    encoder.encode_into(&text, &mut ids);
                }
                Ok(Encoded { text, ids, record })
            },
            &mut |batch: Vec<Result<Encoded, BadRecord>>| {
                seen += batch.len() as u64;
                for encoded in batch {
                    match encoded {
                        Err(bad) if self.strict => {
                            return Err(Error::BadRecord { place: bad.place(), detail: bad.detail });
                        }
                        Err(bad) => {
                            receipt.ledger.error(bad.kind);
                            show(&mut receipt.bad_records, bad);
                        }
                        Ok(document) if document.text.trim().is_empty() => receipt.ledger.drop(BLANK),
                        Ok(Encoded { text, ids, record }) => {
                            receipt.ledger.keep();
                            writer.add(&ShardDocument { text: &text, ids: &ids, record: &record })?;
                        }
                    }
                }
                progress(seen);
                Ok(())
            },
        )?;
        Ok(seen)
    }

    /// The text of a record, and the line that says where it came from.
    fn document(&self, raw: &Raw) -> Result<(String, String), BadRecord> {
        let name = &self.manifest.files[raw.file].name;
        let document = raw.document(name, self.configuration.max_record_bytes)?;
        let word = |text: &str| serde_json::Value::from(text).to_string();
        // The provenance is JSON as it was read.
        let record = format!(
            "{{\"id\":{},\"source\":{},\"provenance\":{}}}",
            word(&document.id),
            word(&document.source),
            document.provenance
        );
        Ok((document.text, record))
    }
}
