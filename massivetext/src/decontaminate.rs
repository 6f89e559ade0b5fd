//! The stage that removes evaluation documents: what is as similar to one as asked for goes, and what has an evaluation article's title.
//!
//! Similarities are exact: an inverted index of the evaluation documents' n-grams is in memory ([`index`]), and documents stream past it.

pub mod index;
mod items;
mod receipt;
mod titles;
pub mod words;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::index::{Index, Matcher, SHORTEST, Similarity};
pub use self::items::Item;
use self::items::Source;
pub use self::receipt::{EvaluationFile, Found, Receipt, TitleFile};
use self::receipt::{SHARES, add_found};
use self::titles::Titles;
use crate::ledger::{Ledger, show};
use crate::manifest::{Manifest, Part, Piece};
use crate::output::{BAD_RECORDS, Compression, Output};
use crate::records::{BadRecord, Document, Kind, Raw, write_line};
use crate::stage::{Folder, check_record_limit, each_batch};
use crate::{Error, Result};

/// What decides the output, beside the evaluation files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Documents go from this Jaccard similarity to an item on.
    pub jaccard: f64,
    /// Documents go that have this share of an item's n-grams; by default none goes for that.
    pub containment: Option<f64>,
    /// Words of an n-gram.
    pub ngram: usize,
    /// The fields of evaluation records that are looked for.
    pub fields: Vec<String>,
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
            containment: None,
            ngram: 13,
            fields: vec!["text".into()],
            max_record_bytes: 64 << 20,
            shard_bytes: 256 << 20,
            compression: Compression::Zst,
        }
    }
}

impl Configuration {
    /// Refuses numbers outside their ranges.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let range = "must be above 0 and at most 1";
        let wrong = |setting, value: String, detail: &str| {
            Err(Error::Setting { setting, value, detail: detail.into() })
        };
        let is_share = |share: f64| share > 0.0 && share <= 1.0;
        match self.containment {
            _ if self.ngram == 0 => wrong("--ngram", "0".into(), "an n-gram has at least one word"),
            _ if !is_share(self.jaccard) => wrong("--jaccard", self.jaccard.to_string(), range),
            Some(share) if !is_share(share) => wrong("--containment", share.to_string(), range),
            _ => check_record_limit(self.max_record_bytes),
        }
    }

    /// What a similarity drops a document by.
    fn rule(&self, similarity: &Similarity) -> Option<Rule> {
        match self.containment {
            _ if similarity.jaccard >= self.jaccard => Some(Rule::Jaccard),
            Some(share) if similarity.containment >= share => Some(Rule::Containment),
            _ => None,
        }
    }

    /// Whether a similarity is written down of an item.
    fn is_found(&self, similarity: &Similarity) -> bool {
        self.rule(similarity).is_some() || similarity.containment >= SHARES[0]
    }
}

/// Rules in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Jaccard,
    Containment,
    Title,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Rule::Jaccard => "jaccard",
            Rule::Containment => "containment",
            Rule::Title => "title",
        }
    }
}

/// Where a stage reads and writes, and how, none of which decides a byte of the output but by the content of files.
#[derive(Clone, Debug)]
pub struct Places {
    /// Files and folders to read.
    pub inputs: Vec<PathBuf>,
    /// Evaluation files.
    pub against: Vec<PathBuf>,
    /// A file of titles, if documents leave by these too.
    pub titles: Option<PathBuf>,
    /// The folder of the documents that stay.
    pub out: PathBuf,
    /// The folder of those that go, if they are wanted.
    pub rejected: Option<PathBuf>,
    /// Which part of the work.
    pub part: Part,
    /// Whether a bad record is an error.
    pub strict: bool,
}

/// What [`run`] has to report.
pub type Report = crate::stage::Report<Receipt>;

/// Runs the stage, or a part of it. `progress` is told how many records have been read, now and then.
///
/// # Errors
/// Settings outside their ranges, evaluation files of which nothing can be looked for, inputs that cannot be listed, folders that
/// hold something else, a disk that refuses; with `strict`, a bad record.
pub fn run(
    configuration: &Configuration,
    places: &Places,
    manifest: &Manifest,
    progress: &mut dyn FnMut(u64),
) -> Result<Report> {
    configuration.check()?;
    let sources = items::read(&places.against, &configuration.fields)?;
    let titles = places.titles.as_deref().map(Titles::read).transpose()?;
    let texts = sources.iter().flat_map(|source| &source.items).map(|item| &item.text[..]);
    let index = Index::new(configuration.ngram, texts);
    let title_file = titles.as_ref().map(|titles| TitleFile {
        file: titles.file.clone(),
        sha256: titles.sha256.clone(),
        titles: titles.titles.len() as u64,
    });
    let mut receipt = Receipt {
        stage: "decontaminate".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: configuration.clone(),
        evaluation: described(&sources, &index, places)?,
        titles: title_file,
        input: manifest.describe(),
        passed_over: manifest.notes(),
        ledger: Ledger::default(),
        found: Vec::new(),
        bad_records: Vec::new(),
        outputs: Vec::new(),
        rejected: Vec::new(),
    };
    let plan = json!({
        "stage": receipt.stage,
        "version": receipt.version,
        "configuration": receipt.configuration,
        "evaluation": receipt.evaluation.iter().map(|file| [&file.file, &file.sha256]).collect::<Vec<_>>(),
        "titles": receipt.titles.as_ref().map(|titles| [&titles.file, &titles.sha256]),
        "input": receipt.input,
        "rejected": places.rejected.is_some(),
    });
    let part = places.part;
    let folder = Folder::begin(&places.inputs, &places.out, places.rejected.as_deref(), part, &plan)?;
    if let Some(receipt) = folder.receipt()? {
        return Ok(Report { receipt, was_complete: true, completes: false });
    }
    let names = sources.iter().flat_map(|source| source.items.iter().map(|item| (&source.file[..], item)));
    let judge =
        Judge { configuration, manifest, index: &index, items: names.collect(), titles: titles.as_ref() };
    let mut stage = Stage { judge, places, receipt: &mut receipt, found: BTreeMap::new(), read: 0, progress };
    let shards = manifest.shards(configuration.shard_bytes);
    for shard in part.of(shards.len()) {
        stage.shard(shard, &shards[shard])?;
    }
    let (read, found) = (stage.read, std::mem::take(&mut stage.found));
    receipt.found = found.into_values().collect();
    receipt.count_found();
    receipt.ledger.check(read, receipt.outputs.iter().map(|file| file.records).sum())?;
    let completes = folder.finish(&receipt)?;
    Ok(Report { receipt, was_complete: false, completes })
}

/// What the receipt says of the evaluation files before anything is found.
fn described(sources: &[Source], index: &Index, places: &Places) -> Result<Vec<EvaluationFile>> {
    let mut sizes = index.items().iter();
    let mut described = Vec::new();
    for (source, path) in sources.iter().zip(&places.against) {
        let sizes: Vec<_> = sizes.by_ref().take(source.items.len()).collect();
        let with_grams = sizes.iter().filter(|size| size.grams > 0).count() as u64;
        let by_ngrams = sizes.iter().filter(|size| size.words >= index.ngram()).count() as u64;
        if with_grams == 0 {
            let least = SHORTEST.min(index.ngram());
            let items = match sizes.len() {
                1 => format!("its one item has fewer than {least} words"),
                items => format!("each of its {items} items has fewer than {least} words"),
            };
            let detail = format!("{items}, and nothing shorter is looked for; leave the file out");
            return Err(Error::Evaluation { path: path.clone(), detail });
        }
        described.push(EvaluationFile {
            file: source.file.clone(),
            sha256: source.sha256.clone(),
            items: sizes.len() as u64,
            by_ngrams,
            by_text: with_grams - by_ngrams,
            too_short: sizes.len() as u64 - with_grams,
            found_by_jaccard: 0,
            found_by_containment: [0; 3],
        });
    }
    Ok(described)
}

struct Stage<'a> {
    judge: Judge<'a>,
    places: &'a Places,
    receipt: &'a mut Receipt,
    /// By the items' places in the index.
    found: BTreeMap<usize, Found>,
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
        let compression = self.judge.configuration.compression;
        let name = compression.file(index);
        let rejected = match &self.places.rejected {
            None => None,
            Some(folder) => Some((
                Output::begin(folder, &name, compression)?,
                Output::begin(folder, &format!("{index:05}{BAD_RECORDS}"), Compression::Zst)?,
            )),
        };
        let mut outputs = Outputs { kept: Output::begin(&self.places.out, &name, compression)?, rejected };
        let judge = self.judge.clone();
        each_batch(
            judge.manifest,
            pieces,
            judge.configuration.max_record_bytes,
            || judge.index.matcher(),
            |matcher, raw| judge.judge(matcher, &raw),
            &mut |judged| self.write(judged, &mut outputs),
        )?;
        self.receipt.outputs.push(outputs.kept.finish()?);
        if let Some((documents, errors)) = outputs.rejected {
            self.receipt.rejected.push(documents.finish()?);
            errors.finish()?;
        }
        Ok(())
    }

    fn write(&mut self, judged: Vec<Result<Judged, BadRecord>>, outputs: &mut Outputs) -> Result<()> {
        self.read += judged.len() as u64;
        for judged in judged {
            match judged {
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
                Ok(judged) => self.account(judged, outputs),
            }
        }
        outputs.kept.write()?;
        if let Some((documents, errors)) = &mut outputs.rejected {
            documents.write()?;
            errors.write()?;
        }
        (self.progress)(self.read);
        Ok(())
    }

    fn account(&mut self, judged: Judged, outputs: &mut Outputs) {
        let Judged { line, rule, id, found } = judged;
        for similarity in found {
            let one = self.judge.found(&similarity, id.clone());
            match self.found.get_mut(&similarity.item) {
                None => drop(self.found.insert(similarity.item, one)),
                Some(known) => add_found(known, one),
            }
        }
        match rule {
            None => {
                self.receipt.ledger.keep();
                outputs.kept.push(&line);
            }
            Some(rule) => {
                self.receipt.ledger.drop(rule.name());
                if let Some((documents, _)) = &mut outputs.rejected {
                    documents.push(&line);
                }
            }
        }
    }
}

/// What becomes of a document.
struct Judged {
    line: Vec<u8>,
    rule: Option<Rule>,
    id: String,
    /// Items that were found in it.
    found: Vec<Similarity>,
}

/// What one thread needs to judge a record.
#[derive(Clone)]
struct Judge<'a> {
    configuration: &'a Configuration,
    manifest: &'a Manifest,
    index: &'a Index,
    /// The items of the index, each with its file.
    items: Vec<(&'a str, &'a Item)>,
    titles: Option<&'a Titles>,
}

impl Judge<'_> {
    fn judge(&self, matcher: &mut Matcher<'_>, raw: &Raw) -> Result<Judged, BadRecord> {
        let name = &self.manifest.files[raw.file].name;
        let document = raw.document(name, self.configuration.max_record_bytes)?;
        let all = matcher.compare(&document.text);
        let dropped = all.iter().filter_map(|found| Some((self.configuration.rule(found)?, found)));
        let title = self.titles.and_then(|titles| Some((titles, titles.of(&document)?)));
        let mut more = BTreeMap::new();
        let rule = match dropped.min_by(|(a, left), (b, right)| a.cmp(b).then_with(|| order(*a, left, right)))
        {
            Some((rule, similarity)) => {
                more.insert("contaminated_by", self.item(matcher, &document, similarity));
                Some(rule)
            }
            None => title.map(|(titles, place)| {
                let reason = json!({"file": titles.file, "title": titles.titles[place]});
                more.insert("contaminated_by", reason);
                Rule::Title
            }),
        };
        if let Some(rule) = rule {
            more.insert("dropped_by", Value::from(rule.name()));
        }
        let mut line = Vec::with_capacity(document.text.len() + 256);
        write_line(&document, &more, &mut line).map_err(|error| BadRecord {
            file: name.clone(),
            at: raw.place,
            kind: Kind::InvalidJson,
            detail: error.to_string(),
        })?;
        let found = all.into_iter().filter(|similarity| self.configuration.is_found(similarity)).collect();
        Ok(Judged { line, rule, id: document.id, found })
    }

    /// Which item drops a document, and what they share.
    fn item(&self, matcher: &Matcher<'_>, document: &Document<'_>, similarity: &Similarity) -> Value {
        let (file, item) = self.items[similarity.item];
        let mut reason = json!({"file": file, "item": item.number});
        if let Some(title) = &item.title {
            reason["title"] = json!(title);
        }
        reason["jaccard"] = json!(similarity.jaccard);
        reason["containment"] = json!(similarity.containment);
        if let Some((bytes, words)) = matcher.passage(similarity.item) {
            reason["shared_words"] = json!(words);
            reason["shared"] = json!(shortened(&document.text[bytes]));
        }
        reason
    }

    fn found(&self, similarity: &Similarity, document: String) -> Found {
        let (file, item) = self.items[similarity.item];
        Found {
            file: file.to_owned(),
            item: item.number,
            title: item.title.clone(),
            documents: 1,
            jaccard: similarity.jaccard,
            containment: similarity.containment,
            document,
        }
    }
}

/// The item first that a rule finds most of; of several as alike by that measure, the one more alike by the other, and the first.
fn order(rule: Rule, a: &Similarity, b: &Similarity) -> Ordering {
    let jaccard = b.jaccard.total_cmp(&a.jaccard);
    let containment = b.containment.total_cmp(&a.containment);
    let alike = match rule {
        Rule::Containment => containment.then(jaccard),
        Rule::Jaccard | Rule::Title => jaccard.then(containment),
    };
    alike.then_with(|| a.item.cmp(&b.item))
}

/// Code points of a shared passage that are written down.
const SHOWN: usize = 500;

fn shortened(passage: &str) -> String {
    match passage.char_indices().nth(SHOWN) {
        None => passage.to_owned(),
        Some((end, _)) => format!("{}…", &passage[..end]),
    }
}
