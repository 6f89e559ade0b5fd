//! The stage of the rules: documents in, those that pass out, with the reason of every drop, the statistics of every document,
//! and a receipt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ledger::{Comparison, Disagreement, Ledger, show};
use crate::manifest::{Description, Manifest, Piece};
use crate::output::{BAD_RECORDS, Compression, Output, STATISTICS, Written};
use crate::records::{BadRecord, Place, Raw, write_line};
use crate::rules::Rules;
use crate::stage::{Folder, PartReceipt, check_record_limit, each_batch};
use crate::statistics::{Measurer, RuleSet, Statistics};
use crate::{Error, Result, choices};

/// What kind of text it is, which decides what the paper does to it: the rules are for web pages alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subset {
    /// MassiveWeb.
    #[default]
    Web,
    /// Books.
    Books,
    /// C4, which has been filtered by its makers.
    C4,
    /// News articles.
    News,
    /// Code.
    Github,
    /// Wikipedia.
    Wikipedia,
}

impl Subset {
    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Subset::Web => "web",
            Subset::Books => "books",
            Subset::C4 => "c4",
            Subset::News => "news",
            Subset::Github => "github",
            Subset::Wikipedia => "wikipedia",
        }
    }

    /// Whether the rules of quality and repetition apply.
    pub fn is_judged(self) -> bool {
        self == Subset::Web
    }
}

/// What decides the output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// The rule set that decides.
    pub rules: RuleSet,
    /// Other thresholds for it: `top_2_gram=0.25`.
    pub thresholds: Vec<String>,
    /// What kind of text it is.
    pub subset: Subset,
    /// The rule sets that are measured besides, for the matrix and `what-if`.
    pub compare: Vec<RuleSet>,
    /// Most bytes of a record.
    pub max_record_bytes: usize,
    /// Bytes of input for one file of output.
    pub shard_bytes: u64,
    /// How documents are written.
    pub compression: Compression,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            rules: RuleSet::Paper,
            thresholds: Vec::new(),
            subset: Subset::Web,
            compare: RuleSet::ALL.to_vec(),
            max_record_bytes: 64 << 20,
            shard_bytes: 256 << 20,
            compression: Compression::Zst,
        }
    }
}

impl Configuration {
    /// The rule set that decides first, then those that are compared with it.
    ///
    /// # Errors
    /// A threshold of no rule.
    pub fn all_rules(&self) -> Result<Vec<Rules>> {
        let mut rules = Rules::new(self.rules);
        self.thresholds.iter().try_for_each(|assignment| rules.set(assignment))?;
        let others = RuleSet::ALL.into_iter().filter(|set| *set != self.rules && self.compare.contains(set));
        Ok([rules].into_iter().chain(others.map(Rules::new)).collect())
    }
}

pub use crate::stage::Places;

/// What a stage has done: `receipt.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `filter`.
    pub stage: String,
    /// Of the program.
    pub version: String,
    /// What decided the output.
    pub configuration: Configuration,
    /// What the paper leaves open, and how the deciding rule set reads it.
    pub choices: BTreeMap<String, String>,
    /// What was read.
    pub input: Description,
    /// What was not read, and why.
    pub passed_over: Vec<String>,
    /// Where every record has gone.
    pub ledger: Ledger,
    /// Where the rule sets disagree; of text that no rule judges, nothing.
    pub disagreement: Disagreement,
    /// The first of the records that are no documents.
    pub bad_records: Vec<BadRecord>,
    /// Files of documents that were kept, in order.
    pub outputs: Vec<Written>,
    /// Files of documents that were dropped, in order.
    pub rejected: Vec<Written>,
}

/// What [`run`] has to report.
pub type Report = crate::stage::Report<Receipt>;

/// Runs the stage, or a part of it.
///
/// `progress` is told how many records have been read, now and then.
///
/// # Errors
/// Inputs that cannot be listed, folders that hold something else, a disk that refuses; with `strict`, a bad record.
pub fn run(
    configuration: &Configuration,
    places: &Places,
    manifest: &Manifest,
    progress: &mut dyn FnMut(u64),
) -> Result<Report> {
    check_record_limit(configuration.max_record_bytes)?;
    let rules = configuration.all_rules()?;
    let shards = manifest.shards(configuration.shard_bytes);
    let part = places.part;
    let mut receipt = Receipt {
        stage: "filter".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: configuration.clone(),
        choices: choices::of(configuration.rules),
        input: manifest.describe(),
        passed_over: manifest.notes(),
        ledger: Ledger::default(),
        disagreement: Disagreement::default(),
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
    let folder = Folder::begin(&places.inputs, &places.out, places.rejected.as_deref(), part, &plan)?;
    if let Some(receipt) = folder.receipt()? {
        return Ok(Report { receipt, was_complete: true, completes: false });
    }

    let mut stage = Stage {
        configuration,
        places,
        manifest,
        rules: &rules,
        comparison: Comparison::new(&rules),
        receipt: &mut receipt,
        read: 0,
        progress,
    };
    for index in part.of(shards.len()) {
        stage.shard(index, &shards[index])?;
    }
    let read = stage.read;
    let disagreement = stage.comparison.named();
    if configuration.subset.is_judged() {
        receipt.disagreement = disagreement;
    }
    receipt.ledger.check(read, receipt.outputs.iter().map(|file| file.records).sum())?;
    let completes = folder.finish(&receipt)?;
    Ok(Report { receipt, was_complete: false, completes })
}

impl PartReceipt for Receipt {
    fn files(&self) -> Vec<&str> {
        self.outputs.iter().map(|file| &file.file[..]).collect()
    }

    fn add(&mut self, next: Self) {
        self.ledger.add(&next.ledger);
        self.disagreement.add(&next.disagreement);
        next.bad_records.into_iter().for_each(|record| show(&mut self.bad_records, record));
        self.outputs.extend(next.outputs);
        self.rejected.extend(next.rejected);
    }
}

struct Stage<'a> {
    configuration: &'a Configuration,
    places: &'a Places,
    manifest: &'a Manifest,
    rules: &'a [Rules],
    comparison: Comparison<'a>,
    receipt: &'a mut Receipt,
    read: u64,
    progress: &'a mut dyn FnMut(u64),
}

/// The files of a shard.
struct Outputs {
    kept: Output,
    statistics: Output,
    rejected: Option<(Output, Output)>,
}

/// What becomes of a record.
struct Judged {
    /// The document's line, whether kept or dropped.
    line: Vec<u8>,
    statistics: Vec<u8>,
    verdict: Result<Vec<Option<usize>>, BadRecord>,
}

impl Stage<'_> {
    fn shard(&mut self, index: usize, pieces: &[Piece]) -> Result<()> {
        let compression = self.configuration.compression;
        let name = compression.file(index);
        let out = &self.places.out;
        let rejected = match &self.places.rejected {
            None => None,
            Some(folder) => Some((
                Output::begin(folder, &name, compression)?,
                Output::begin(folder, &format!("{index:05}{BAD_RECORDS}"), Compression::Zst)?,
            )),
        };
        let mut outputs = Outputs {
            kept: Output::begin(out, &name, compression)?,
            statistics: Output::begin(out, &format!("{index:05}{STATISTICS}"), Compression::Zst)?,
            rejected,
        };
        outputs.statistics.header(&self.header());
        self.judge(pieces, &mut outputs)?;
        self.receipt.outputs.push(outputs.kept.finish()?);
        outputs.statistics.finish()?;
        if let Some((documents, errors)) = outputs.rejected {
            self.receipt.rejected.push(documents.finish()?);
            errors.finish()?;
        }
        Ok(())
    }

    /// The first line of a file of statistics: what the numbers of the lines after it are.
    fn header(&self) -> Vec<u8> {
        let statistics: BTreeMap<&str, &[&str]> =
            self.rules.iter().map(|rules| (rules.set.name(), rules.set.statistics())).collect();
        let header = json!({
            "format": "massivetext statistics 1",
            "rules": self.configuration.rules,
            "choices": self.receipt.choices,
            "statistics": statistics,
        });
        format!("{header}\n").into_bytes()
    }

    /// Judges the records of these pieces.
    fn judge(&mut self, pieces: &[Piece], outputs: &mut Outputs) -> Result<()> {
        let judge = Judge { configuration: self.configuration, manifest: self.manifest, rules: self.rules };
        each_batch(
            judge.manifest,
            pieces,
            judge.configuration.max_record_bytes,
            Measurer::default,
            |measurer, raw| judge.judge(measurer, &raw),
            &mut |judged| self.write(judged, outputs),
        )
    }

    fn write(&mut self, judged: Vec<Judged>, outputs: &mut Outputs) -> Result<()> {
        self.read += judged.len() as u64;
        for Judged { line, statistics, verdict } in judged {
            outputs.statistics.push(&statistics);
            match verdict {
                Err(bad) if self.places.strict => {
                    return Err(Error::BadRecord { place: bad.place(), detail: bad.detail });
                }
                Err(bad) => {
                    self.receipt.ledger.error(bad.kind);
                    if let Some((_, errors)) = &mut outputs.rejected {
                        errors.push(format!("{}\n", json!(bad)).as_bytes());
                    }
                    show(&mut self.receipt.bad_records, bad);
                }
                Ok(verdicts) => {
                    self.comparison.see(&verdicts);
                    let own = &self.rules[0].rules;
                    match verdicts
                        .first()
                        .copied()
                        .flatten()
                        .filter(|_| self.configuration.subset.is_judged())
                    {
                        None => {
                            self.receipt.ledger.keep();
                            outputs.kept.push(&line);
                        }
                        Some(rule) => {
                            self.receipt.ledger.drop(own[rule].name);
                            if let Some((documents, _)) = &mut outputs.rejected {
                                documents.push(&line);
                            }
                        }
                    }
                }
            }
        }
        outputs.kept.write()?;
        outputs.statistics.write()?;
        if let Some((documents, errors)) = &mut outputs.rejected {
            documents.write()?;
            errors.write()?;
        }
        (self.progress)(self.read);
        Ok(())
    }
}

/// What one thread needs to judge a record.
#[derive(Clone, Copy)]
struct Judge<'a> {
    configuration: &'a Configuration,
    manifest: &'a Manifest,
    rules: &'a [Rules],
}

impl Judge<'_> {
    fn judge(&self, measurer: &mut Measurer, raw: &Raw) -> Judged {
        let name = &self.manifest.files[raw.file].name;
        let document = match raw.document(name, self.configuration.max_record_bytes) {
            Ok(document) => document,
            Err(bad) => return Judged { line: Vec::new(), statistics: Vec::new(), verdict: Err(bad) },
        };
        let sets: Vec<RuleSet> = self.rules.iter().map(|rules| rules.set).collect();
        let all = measurer.measure(&document.text, &sets, &mut ());
        let verdicts: Vec<Option<usize>> = self
            .rules
            .iter()
            .zip(&all)
            .map(|(rules, statistics)| {
                rules
                    .rules
                    .iter()
                    .position(|rule| statistics.get(rule.index).is_some_and(|&value| rule.fails(value)))
            })
            .collect();
        let mut more = BTreeMap::new();
        if self.configuration.subset.is_judged() && verdicts.first().copied().flatten().is_some() {
            let failed: Vec<Value> = self.rules[0].failed(&all[0]).map(|rule| {
                json!({"rule": rule.name, "statistic": rule.statistic, "value": number(all[0][rule.index]),
                       "drops": rule.drops, "threshold": number(rule.threshold)})
            }).collect();
            more.insert("dropped_by", failed.first().map_or(Value::Null, |first| first["rule"].clone()));
            more.insert("failed", Value::Array(failed));
        }
        let mut line = Vec::with_capacity(document.text.len() + 256);
        if let Err(error) = write_line(&document, &more, &mut line) {
            let kind = crate::records::Kind::InvalidJson;
            let bad = BadRecord { file: name.clone(), at: raw.place, kind, detail: error.to_string() };
            return Judged { line: Vec::new(), statistics: Vec::new(), verdict: Err(bad) };
        }
        let statistics = statistics_line(&document.id, name, raw.place, &sets, &all);
        Judged { line, statistics, verdict: Ok(verdicts) }
    }
}

/// A line of a file of statistics.
fn statistics_line(id: &str, file: &str, at: Place, sets: &[RuleSet], all: &[Statistics]) -> Vec<u8> {
    let (name, place) = match at {
        Place::Byte(offset) => ("offset", offset),
        Place::Row(row) => ("row", row),
    };
    let values: BTreeMap<&str, Vec<Value>> = sets
        .iter()
        .zip(all)
        .map(|(set, statistics)| (set.name(), statistics.iter().map(|value| number(*value)).collect()))
        .collect();
    format!("{}\n", json!({"id": id, "file": file, name: place, "statistics": values})).into_bytes()
}

/// A number as JSON has it: whole ones without a point, none as null.
pub fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT { json!(value as i64) } else { json!(value) }
}
