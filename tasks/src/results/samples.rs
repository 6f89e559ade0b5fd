//! `samples.jsonl`: written a document at a time, and read again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::sample::{Key, Sample, ask_hash, document_hash, hash, target};
use super::{Error, Result, VERSION};
use crate::Item;
use crate::statistics::Score;

/// What every line begins with.
const BEGINNING: &[u8] = b"{\"doc_id\":";

/// What is kept of a document's line: its scores and what tells whether they are those of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The document's position in its data file.
    pub document: usize,
    /// What it answers.
    pub key: Key,
    /// [`document_hash`].
    pub doc_hash: String,
    /// [`ask_hash`].
    pub ask_hash: String,
    /// Of what is right.
    pub target_hash: String,
    /// Scores by metric; none if the document was left out.
    pub scores: BTreeMap<String, Score>,
    /// Whether it was left out, as it does not fit the window.
    pub skipped: bool,
    /// Tokens of contexts that the window had no room for.
    pub truncated: usize,
    /// Continuations that have no tokens of their own.
    pub empty: usize,
    /// Tokens scored.
    pub tokens: usize,
    /// SHA-256 of the first context.
    pub prompt_hash: String,
}

/// A line with only what a [`Record`] needs.
#[derive(Deserialize)]
struct Line {
    doc_id: usize,
    #[serde(rename = "doc")]
    _doc: IgnoredAny,
    #[serde(rename = "target")]
    _target: IgnoredAny,
    #[serde(rename = "arguments")]
    _arguments: IgnoredAny,
    #[serde(rename = "resps")]
    _resps: IgnoredAny,
    #[serde(rename = "filtered_resps")]
    _filtered_resps: IgnoredAny,
    #[serde(rename = "filter")]
    _filter: IgnoredAny,
    #[serde(rename = "metrics")]
    _metrics: IgnoredAny,
    doc_hash: String,
    prompt_hash: String,
    target_hash: String,
    gopher: LineDetails,
    #[serde(flatten)]
    scores: BTreeMap<String, Score>,
}

#[derive(Deserialize)]
struct LineDetails {
    version: u32,
    key: Key,
    ask_hash: String,
    skipped: bool,
    truncated: usize,
    empty: usize,
    tokens: usize,
}

impl From<Line> for Record {
    fn from(line: Line) -> Self {
        let Line { doc_id, doc_hash, prompt_hash, target_hash, gopher, scores, .. } = line;
        let LineDetails { key, ask_hash, skipped, truncated, empty, tokens, .. } = gopher;
        Self {
            document: doc_id,
            key,
            doc_hash,
            ask_hash,
            target_hash,
            scores,
            skipped,
            truncated,
            empty,
            tokens,
            prompt_hash,
        }
    }
}

impl From<&Sample> for Record {
    fn from(sample: &Sample) -> Self {
        let details = &sample.gopher;
        Self {
            document: sample.doc_id,
            key: details.key.clone(),
            doc_hash: sample.doc_hash.clone(),
            ask_hash: details.ask_hash.clone(),
            target_hash: sample.target_hash.clone(),
            scores: sample.scores.clone(),
            skipped: details.skipped,
            truncated: details.truncated,
            empty: details.empty,
            tokens: details.tokens,
            prompt_hash: sample.prompt_hash.clone(),
        }
    }
}

/// A `samples.jsonl` that is being written. Of a document with two lines, the later counts.
pub struct SampleFile {
    path: PathBuf,
    file: File,
    records: BTreeMap<String, FxHashMap<usize, Record>>,
    cut: u64,
}

impl SampleFile {
    /// Opens a file, or makes it, for what will be asked now. A last line that was cut off, as by `kill -9`, is removed.
    ///
    /// # Errors
    /// [`Error::OtherKey`] when it has documents of another checkpoint, or a task that is asked now in another way;
    /// [`Error::InUse`] when another process writes to it; [`Error::Version`], [`Error::NotOurs`], [`Error::Damaged`]. The file is not
    /// changed then.
    pub fn open(path: &Path, keys: &[Key]) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io)?;
        // Where locks are not supported, nothing is known of others.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(Error::InUse { path: path.to_owned() });
        }
        let mut records: BTreeMap<String, FxHashMap<usize, Record>> = BTreeMap::new();
        let whole = scan(path, &file, &mut |record: Record| {
            let other = keys.iter().find(|key| {
                key.checkpoint_hash != record.key.checkpoint_hash
                    || key.task == record.key.task && **key != record.key
            });
            if let Some((what, found, asked)) = other.and_then(|key| record.key.difference(key)) {
                let (path, task) = (path.to_owned(), record.key.task);
                return Err(Error::OtherKey { path, task, what, found, asked });
            }
            records.entry(record.key.task.clone()).or_default().insert(record.document, record);
            Ok(())
        })?;
        let length = file.metadata().map_err(io)?.len();
        if length > whole {
            file.set_len(whole).map_err(io)?;
        }
        Ok(Self { path: path.to_owned(), file, records, cut: length - whole })
    }

    /// Bytes of a last line that was cut off and has been removed.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// What a document was scored, if just this was asked under this key.
    pub fn find(&self, key: &Key, item: &Item) -> Option<&Record> {
        let record = self.records.get(&key.task)?.get(&item.document)?;
        let same = record.key == *key
            && record.ask_hash == ask_hash(item)
            && record.doc_hash == document_hash(&item.fields)
            && record.target_hash == hash(&target(item));
        same.then_some(record)
    }

    /// Adds a document's line, which a reader or a later [`SampleFile::open`] sees whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, sample: &Sample) -> Result<()> {
        let io = |source| Error::Io { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(sample).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(io)?;
        let record = Record::from(sample);
        self.records.entry(record.key.task.clone()).or_default().insert(record.document, record);
        Ok(())
    }

    /// The documents of a task by position.
    pub fn records(&self, task: &str) -> Vec<&Record> {
        let mut records: Vec<&Record> =
            self.records.get(task).into_iter().flat_map(|task| task.values()).collect();
        records.sort_by_key(|record| record.document);
        records
    }

    /// Puts all lines on disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

/// Reads a file's documents by task and position; of one with two lines, the later. A last line that was cut off is passed over.
///
/// # Errors
/// As [`SampleFile::open`], whatever the keys.
pub fn read_records(path: &Path) -> Result<BTreeMap<String, BTreeMap<usize, Record>>> {
    let file = inputs::open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let mut records: BTreeMap<String, BTreeMap<usize, Record>> = BTreeMap::new();
    scan(path, &file, &mut |record: Record| {
        records.entry(record.key.task.clone()).or_default().insert(record.document, record);
        Ok(())
    })?;
    Ok(records)
}

/// Reads a file's lines in full, one after another.
///
/// # Errors
/// As [`read_records`], and those of `each`.
pub fn read_samples(path: &Path, each: &mut dyn FnMut(Sample) -> Result<()>) -> Result<()> {
    let file = inputs::open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    lines(path, &file, &mut |number, line| {
        each(parse(path, number, line, |sample: &Sample| sample.gopher.version)?)
    })
    .map(|_| ())
}

/// Gives the records of a file; the length of its whole lines in bytes.
fn scan(path: &Path, file: &File, each: &mut dyn FnMut(Record) -> Result<()>) -> Result<u64> {
    lines(path, file, &mut |number, line| {
        each(parse(path, number, line, |line: &Line| line.gopher.version)?.into())
    })
}

/// Gives the lines of a file with their numbers from 1; the length in bytes of those that have an end.
fn lines(path: &Path, file: &File, each: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<u64> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut line, mut whole, mut number) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        number += 1;
        let read = reader.read_until(b'\n', &mut line);
        let read = read.map_err(|source| Error::Io { path: path.to_owned(), source })?;
        if line.last() != Some(&b'\n') {
            // Nothing that was written by others is taken for a line that was cut off, and removed.
            let shared = line.len().min(BEGINNING.len());
            if line[..shared] != BEGINNING[..shared] {
                let detail = "its last line is not one of theirs".into();
                return Err(Error::NotOurs { path: path.to_owned(), line: Some(number), detail });
            }
            return Ok(whole);
        }
        each(number, &line[..read - 1])?;
        whole += read as u64;
    }
}

/// Reads a line, or says why it cannot be: it is of another version, another program's, or damaged.
fn parse<T: for<'de> Deserialize<'de>>(
    path: &Path,
    number: usize,
    line: &[u8],
    version: impl Fn(&T) -> u32,
) -> Result<T> {
    #[derive(Deserialize)]
    struct Head {
        gopher: Option<Version>,
    }
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let error = match serde_json::from_slice::<T>(line) {
        Ok(value) if version(&value) == VERSION => return Ok(value),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    };
    let path = path.to_owned();
    match serde_json::from_slice::<Head>(line) {
        Ok(Head { gopher: Some(Version { version: found }) }) if found != u64::from(VERSION) => {
            Err(Error::Version { path, found })
        }
        Ok(Head { gopher: None }) => {
            let detail = "it has no key \"gopher\"".into();
            Err(Error::NotOurs { path, line: Some(number), detail })
        }
        _ => Err(Error::Damaged { path, line: Some(number), detail: error.unwrap_or_default() }),
    }
}
