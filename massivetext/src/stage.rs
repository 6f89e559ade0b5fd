//! What all stages that go through documents have in common: the folders they write, the receipts of parts and of the whole, and
//! the records of a shard, in order, as many threads have worked on them.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::manifest::{Manifest, Part, Piece};
use crate::output::{RECEIPT, RECEIPTS, claim, write_whole};
use crate::records::{Content, Raw, Reader};
use crate::{Error, Result};

/// What a stage has done, of a part or of the whole.
pub trait PartReceipt: Serialize + DeserializeOwned {
    /// Adds what the next part has done.
    fn add(&mut self, next: Self);
}

/// The most that a record may be allowed: statistics count in 32 bits.
const LARGEST_RECORD: usize = 1 << 30;

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

/// Refuses folders that would be read as input at the next run, or written twice.
fn check_folders(inputs: &[PathBuf], out: &Path, beside: Option<&Path>) -> Result<()> {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let refuse = |path: &Path, detail: String| Err(Error::Folder { path: path.into(), detail });
    for folder in [Some(out), beside].into_iter().flatten() {
        let inside = |input: &&PathBuf| input.is_dir() && whole(folder).starts_with(whole(input));
        if let Some(input) = inputs.iter().find(inside) {
            let detail = format!("it is inside the input {}; name a folder beside it", input.display());
            return refuse(folder, detail);
        }
    }
    match beside {
        Some(beside) if whole(beside) == whole(out) => {
            refuse(beside, "--rejected and --out are the same folder; name two".into())
        }
        _ => Ok(()),
    }
}

/// A folder that a stage, or a part of it, writes.
pub struct Folder {
    complete: PathBuf,
    receipts: PathBuf,
    own: PathBuf,
    mark: String,
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
        let mark = format!("{}-of-{}.{}", part.index, part.parts, std::process::id());
        let plan = json(plan);
        for folder in [Some(out), beside].into_iter().flatten() {
            claim(folder, &plan, &mark)?;
        }
        let (complete, receipts) = (out.join(RECEIPT), out.join(RECEIPTS));
        let own = match part.parts {
            1 => complete.clone(),
            parts => receipts.join(format!("{}-of-{parts}.json", part.index)),
        };
        Ok(Self { complete, receipts, own, mark, part })
    }

    /// The receipt of the whole or of the part, if that is complete already.
    ///
    /// # Errors
    /// A file that is none.
    pub fn receipt<R: PartReceipt>(&self) -> Result<Option<R>> {
        match read_receipt(&self.complete)? {
            Some(receipt) => Ok(Some(receipt)),
            None => read_receipt(&self.own),
        }
    }

    /// Writes the part's receipt, and that of the whole if it was the last. Whether it was.
    ///
    /// # Errors
    /// What the operating system refuses; another part's receipt that is damaged.
    pub fn finish<R: PartReceipt>(&self, receipt: &R) -> Result<bool> {
        if self.part.parts > 1 {
            std::fs::create_dir_all(&self.receipts).map_err(|error| Error::io(&self.receipts, error))?;
        }
        write_whole(&self.own, &self.mark, &json(receipt))?;
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
            write_whole(&self.complete, &self.mark, &json(&whole))?;
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

/// Reads the records of a shard, some at a time. `work` is done by all threads, each with a `tool` of its own, and `done` is given
/// its results, in the order of the records.
///
/// # Errors
/// Those of `done`. What cannot be read is a record itself.
pub fn each_batch<T, W: Send>(
    manifest: &Manifest,
    pieces: &[Piece],
    limit: usize,
    tool: impl Fn() -> T + Sync + Send,
    work: impl Fn(&mut T, Raw) -> W + Sync + Send,
    done: &mut dyn FnMut(Vec<W>) -> Result<()>,
) -> Result<()> {
    let mut batch = |batch: Vec<Raw>| done(batch.into_par_iter().map_init(&tool, &work).collect());
    for piece in pieces {
        let file = &manifest.files[piece.file];
        let mut reader = match Reader::open(&file.path, *piece, limit) {
            Ok(reader) => reader,
            Err(error) => {
                // A file that has gone is as one that ends too early.
                let content = Content::Broken(error.to_string());
                batch(vec![Raw { file: piece.file, offset: piece.start, format: piece.format, content }])?;
                continue;
            }
        };
        loop {
            let (mut raws, mut bytes) = (Vec::new(), 0);
            while raws.len() < BATCH && bytes < BATCH_BYTES {
                let Some(raw) = reader.next(&file.path) else { break };
                bytes += if let Content::Bytes(bytes) = &raw.content { bytes.len() } else { 0 };
                raws.push(raw);
            }
            if raws.is_empty() {
                break;
            }
            batch(raws)?;
        }
    }
    Ok(())
}
