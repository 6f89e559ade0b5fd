//! What all stages that go through documents have in common: the folders they write, the receipts of parts and of the whole, and
//! the records of a shard, in order, as many threads have worked on them.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::manifest::{Manifest, Part, Piece};
use crate::output::{PLAN, PLAN_BESIDE, RECEIPT, RECEIPTS, claim, write_whole};
use crate::records::{Content, Raw, Reader};
use crate::{Error, Result};

/// What a stage has done, of a part or of the whole.
pub trait PartReceipt: Serialize + DeserializeOwned {
    /// Files that the stage wrote into its folder, by their names in it.
    fn files(&self) -> Vec<&str>;

    /// Adds what the next part has done.
    fn add(&mut self, next: Self);
}

/// What a stage, or a part of it, has to report.
#[derive(Clone, Debug)]
pub struct Report<R> {
    /// Of this part.
    pub receipt: R,
    /// It was complete before.
    pub was_complete: bool,
    /// Of all parts, this was the last.
    pub completes: bool,
}

/// Where a stage reads and writes, and how, none of which decides a byte of the output.
#[derive(Clone, Debug)]
pub struct Places {
    /// Files and folders to read.
    pub inputs: Vec<PathBuf>,
    /// The folder of the documents that are kept.
    pub out: PathBuf,
    /// The folder of those that are dropped, if they are wanted.
    pub rejected: Option<PathBuf>,
    /// Which part of the work.
    pub part: Part,
    /// Whether a bad record is an error.
    pub strict: bool,
}

/// The most that a record may be allowed: statistics count in 32 bits.
pub(crate) const LARGEST_RECORD: usize = 1 << 30;

/// Refuses a limit for records that no stage can keep to.
///
/// # Errors
/// [`Error::Setting`].
pub fn check_record_limit(bytes: usize) -> Result<()> {
    match bytes {
        1..=LARGEST_RECORD => Ok(()),
        _ => {
            let detail = format!("1 to {LARGEST_RECORD} bytes are allowed");
            Err(Error::Setting { setting: "--max-record-bytes", value: bytes.to_string(), detail })
        }
    }
}

/// Refuses folders that would be read as input at the next run, or with each other.
fn check_folders(inputs: &[PathBuf], out: &Path, beside: Option<&Path>) -> Result<()> {
    let refuse = |path: &Path, detail: String| Err(Error::Folder { path: path.into(), detail });
    for folder in [Some(out), beside].into_iter().flatten() {
        let inside = |input: &&PathBuf| input.is_dir() && real(folder).starts_with(real(input));
        if let Some(input) = inputs.iter().find(inside) {
            let detail = format!("it is inside the input {}; name a folder beside it", input.display());
            return refuse(folder, detail);
        }
    }
    let Some(beside) = beside else { return Ok(()) };
    match (real(beside), real(out)) {
        (beside_path, out_path) if beside_path == out_path => {
            refuse(beside, "--rejected and --out are the same folder; name two".into())
        }
        (beside_path, out_path)
            if beside_path.starts_with(&out_path) || out_path.starts_with(&beside_path) =>
        {
            let detail = "one of --rejected and --out is inside the other, and would be read with it; name folders side by side";
            refuse(beside, detail.into())
        }
        _ => Ok(()),
    }
}

/// A path without links and dots, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for above in whole.ancestors() {
        if let (Ok(found), Ok(rest)) = (above.canonicalize(), whole.strip_prefix(above)) {
            return found.join(rest);
        }
    }
    whole
}

/// A folder that a stage, or a part of it, writes.
pub struct Folder {
    path: PathBuf,
    complete: PathBuf,
    receipts: PathBuf,
    own: PathBuf,
    part: Part,
}

impl Folder {
    /// Makes a folder ready, and another one beside it if the stage writes two. `plan` is all that decides the output.
    ///
    /// # Errors
    /// A folder with other content, for another plan, or inside one of the `inputs`.
    pub fn begin(
        inputs: &[PathBuf],
        out: &Path,
        beside: Option<&Path>,
        part: Part,
        plan: &Value,
    ) -> Result<Self> {
        check_folders(inputs, out, beside)?;
        let plan = json(plan);
        claim(out, PLAN, &plan)?;
        if let Some(beside) = beside {
            claim(beside, PLAN_BESIDE, &plan)?;
        }
        let (complete, receipts) = (out.join(RECEIPT), out.join(RECEIPTS));
        let own = match part.parts {
            1 => complete.clone(),
            parts => receipts.join(format!("{}-of-{parts}.json", part.index)),
        };
        Ok(Self { path: out.to_owned(), complete, receipts, own, part })
    }

    /// The receipt of the whole or of the part, if that is complete already, with its files. If all parts are, the receipt of the
    /// whole is there afterwards: the last part may have been ended before it wrote it.
    ///
    /// # Errors
    /// A file that is none; what the operating system refuses.
    pub fn receipt<R: PartReceipt>(&self) -> Result<Option<R>> {
        let is_there = |receipt: &R| receipt.files().into_iter().all(|file| self.path.join(file).is_file());
        if let Some(receipt) = read_receipt::<R>(&self.complete)? {
            return Ok(Some(receipt).filter(is_there));
        }
        let own = read_receipt(&self.own)?.filter(is_there);
        if own.is_some() {
            self.complete::<R>()?;
        }
        Ok(own)
    }

    /// Writes the part's receipt, and that of the whole if those of all parts are there. Whether they are.
    ///
    /// # Errors
    /// What the operating system refuses; another part's receipt that is damaged.
    pub fn finish<R: PartReceipt>(&self, receipt: &R) -> Result<bool> {
        if self.part.parts > 1 {
            std::fs::create_dir_all(&self.receipts).map_err(|error| Error::io(&self.receipts, error))?;
        }
        write_whole(&self.own, &json(receipt))?;
        self.complete::<R>()
    }

    fn complete<R: PartReceipt>(&self) -> Result<bool> {
        if self.part.parts == 1 {
            return Ok(true);
        }
        let mut whole: Option<R> = None;
        for index in 1..=self.part.parts {
            let path = self.receipts.join(format!("{index}-of-{}.json", self.part.parts));
            let Some(part) = read_receipt::<R>(&path)? else { return Ok(false) };
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => whole.add(part),
            }
        }
        if let Some(whole) = whole {
            write_whole(&self.complete, &json(&whole))?;
        }
        Ok(true)
    }
}

/// Reads a receipt, if there is one.
///
/// # Errors
/// A file that is none.
pub fn read_receipt<R: DeserializeOwned>(path: &Path) -> Result<Option<R>> {
    match inputs::read(path) {
        Ok(bytes) => inputs::json::from_slice(&bytes)
            .map(Some)
            .map_err(|detail| Error::Damaged { path: path.into(), detail }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path, error)),
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // What is written has names for keys and numbers that JSON has.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Records that are worked on at once, and their bytes.
const BATCH: usize = 1024;
const BATCH_BYTES: usize = 16 << 20;

/// What the records of a piece of input are read with, one at a time.
pub trait Records: Send {
    /// A record as it was read.
    type Record: Send;

    /// The next record of the file at `path`; `None` after the last.
    ///
    /// # Errors
    /// What the operating system refuses.
    fn next(&mut self, path: &Path) -> Result<Option<Self::Record>>;

    /// What a record holds in memory.
    fn bytes(record: &Self::Record) -> usize;
}

impl Records for Reader {
    type Record = Raw;

    fn next(&mut self, path: &Path) -> Result<Option<Raw>> {
        Reader::next(self, path)
    }

    fn bytes(record: &Raw) -> usize {
        if let Content::Bytes(bytes) = &record.content { bytes.len() } else { 0 }
    }
}

/// Reads the documents of a shard, some at a time, as [`each_batch_of`] does.
///
/// # Errors
/// Those of [`each_batch_of`].
pub fn each_batch<T, W: Send>(
    manifest: &Manifest,
    pieces: &[Piece],
    limit: usize,
    tool: impl Fn() -> T + Sync + Send,
    work: impl Fn(&mut T, Raw) -> W + Sync + Send,
    done: &mut dyn FnMut(Vec<W>) -> Result<()>,
) -> Result<()> {
    each_batch_of(manifest, pieces, |path, piece| Reader::open(path, piece, limit), tool, work, done)
}

/// Reads the records of a shard, some at a time. `work` is done by all threads, each with a `tool` of its own, and `done` is given
/// its results, in the order of the records.
///
/// # Errors
/// Those of `done`, and what the operating system refuses. Where a compressed file is damaged, that is a record itself.
pub fn each_batch_of<R: Records, T, W: Send>(
    manifest: &Manifest,
    pieces: &[Piece],
    open: impl Fn(&Path, Piece) -> Result<R>,
    tool: impl Fn() -> T + Sync + Send,
    work: impl Fn(&mut T, R::Record) -> W + Sync + Send,
    done: &mut dyn FnMut(Vec<W>) -> Result<()>,
) -> Result<()> {
    for piece in pieces {
        let file = &manifest.files[piece.file];
        if let Some(fetch) = &manifest.fetch {
            fetch.fetch(&file.path)?;
        }
        let bytes = std::fs::metadata(&file.path).map_err(|error| Error::io(&file.path, error))?.len();
        if bytes != file.bytes {
            let detail =
                format!("it had {} bytes when the stage began, and has {bytes}; run it again", file.bytes);
            return Err(Error::Damaged { path: file.path.clone(), detail });
        }
        let mut reader = open(&file.path, *piece)?;
        let mut batch = next_batch(&mut reader, &file.path)?;
        while !batch.is_empty() {
            // Reading is one thread's work, so the others go on meanwhile.
            let (next, worked) = rayon::join(
                || next_batch(&mut reader, &file.path),
                || std::mem::take(&mut batch).into_par_iter().map_init(&tool, &work).collect(),
            );
            done(worked)?;
            batch = next?;
        }
    }
    Ok(())
}

/// The records that follow, as many as are worked on at once; none at the end.
fn next_batch<R: Records>(reader: &mut R, path: &Path) -> Result<Vec<R::Record>> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    while records.len() < BATCH && bytes < BATCH_BYTES {
        let Some(record) = reader.next(path)? else { break };
        bytes += R::bytes(&record);
        records.push(record);
    }
    Ok(records)
}
