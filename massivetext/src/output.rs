//! Files that are there whole or not at all.
//!
//! A file is written under a hidden name and renamed when it is complete and on disk; the receipt comes last. Compressed files
//! are frames of whole records, cut where the records decide, so that they are the same for any number of threads.

mod matches;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use ruzstd::encoding::{CompressionLevel, FrameCompressor};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::manifest::hexadecimal;
use crate::{Error, Result};
use matches::Matches;

/// The file that says a stage's output is complete, and what is in it.
pub const RECEIPT: &str = "receipt.json";
/// The file that says which stage, configuration and input a folder is written for.
pub const PLAN: &str = ".plan.json";
/// The same, in the folder of what is dropped, whose receipt is in the other one.
pub const PLAN_BESIDE: &str = ".plan-of-rejected.json";
/// The folder of the receipts of parts.
pub const RECEIPTS: &str = ".receipts";
/// How the names of files with statistics end.
pub const STATISTICS: &str = ".statistics.zst";
/// How the names of files with bad records end.
pub const BAD_RECORDS: &str = ".errors.zst";
/// How the hidden names of files end that are being written.
pub const UNFINISHED: &str = ".unfinished";

/// Bytes of records after which a frame ends.
const FRAME: usize = 1 << 20;

/// How documents are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// `.jsonl.zst`.
    #[default]
    Zst,
    /// `.jsonl`.
    None,
}

impl Compression {
    /// The name of a shard's documents.
    pub fn file(self, shard: usize) -> String {
        match self {
            Compression::Zst => format!("{shard:05}.jsonl.zst"),
            Compression::None => format!("{shard:05}.jsonl"),
        }
    }
}

/// A file as the receipt has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its name in the folder.
    pub file: String,
    /// Lines.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// sha256 of its bytes.
    pub sha256: String,
}

/// A file of lines that is being written.
pub struct Output {
    file: File,
    path: PathBuf,
    unfinished: PathBuf,
    compression: Compression,
    /// Records that are in no frame yet, and frames that are not written yet.
    buffer: Vec<u8>,
    full: Vec<Vec<u8>>,
    hash: Sha256,
    written: Written,
}

impl Output {
    /// Begins `folder/name`.
    ///
    /// # Errors
    /// What the operating system refuses; another process that writes the same file.
    pub fn begin(folder: &Path, name: &str, compression: Compression) -> Result<Self> {
        let path = folder.join(name);
        let unfinished = folder.join(format!(".{name}{UNFINISHED}"));
        let io = |error| Error::io(&unfinished, error);
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).open(&unfinished).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let detail = "another process is writing it; give each its own --part".to_owned();
                return Err(Error::Folder { path, detail });
            }
            // Some file systems have no locks.
            Err(TryLockError::Error(_)) => {}
        }
        file.set_len(0).or_else(|error| if is_file(&file) { Err(io(error)) } else { Ok(()) })?;
        let written = Written { file: name.to_owned(), records: 0, bytes: 0, sha256: String::new() };
        let (buffer, full, hash) = (Vec::new(), Vec::new(), Sha256::new());
        Ok(Self { file, path, unfinished, compression, buffer, full, hash, written })
    }

    /// Appends a line, or none.
    pub fn push(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        self.buffer.extend_from_slice(line);
        self.written.records += 1;
        if self.buffer.len() >= FRAME {
            self.full.push(std::mem::take(&mut self.buffer));
        }
    }

    /// Appends a line that is no record.
    pub fn header(&mut self, line: &[u8]) {
        self.buffer.extend_from_slice(line);
    }

    /// Writes the frames that are full.
    ///
    /// # Errors
    /// What the operating system refuses, such as a full disk.
    pub fn write(&mut self) -> Result<()> {
        let full = std::mem::take(&mut self.full);
        let packed: Vec<Vec<u8>> = match self.compression {
            Compression::None => full,
            Compression::Zst => full.par_iter().map(|frame| compressed(frame)).collect(),
        };
        for frame in packed {
            self.hash.update(&frame);
            self.written.bytes += frame.len() as u64;
            self.file.write_all(&frame).map_err(|error| Error::io(&self.unfinished, error))?;
        }
        Ok(())
    }

    /// Writes the rest, and gives the file its name once it is on disk.
    ///
    /// # Errors
    /// As [`Output::write`].
    pub fn finish(mut self) -> Result<Written> {
        // A compressed file has a frame, even of nothing.
        if !self.buffer.is_empty() || (self.written.bytes == 0 && self.full.is_empty()) {
            self.full.push(std::mem::take(&mut self.buffer));
        }
        self.write()?;
        self.file.sync_all().map_err(|error| Error::io(&self.unfinished, error))?;
        fs::rename(&self.unfinished, &self.path).map_err(|error| Error::io(&self.path, error))?;
        self.written.sha256 = hexadecimal(&self.hash.finalize());
        Ok(self.written)
    }
}

fn is_file(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn compressed(frame: &[u8]) -> Vec<u8> {
    let mut compressor = FrameCompressor::new_with_matcher(Matches::new(), CompressionLevel::Fastest);
    compressor.set_source(frame);
    compressor.set_drain(Vec::new());
    compressor.compress();
    compressor.take_drain().unwrap_or_default()
}

/// Writes a small file as a whole. `mark` tells this process from others that write the same.
///
/// # Errors
/// What the operating system refuses.
pub fn write_whole(path: &Path, mark: &str, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = path.with_file_name(format!(".{}.{mark}{UNFINISHED}", name.trim_start_matches('.')));
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|error| Error::io(path, error))
}

/// Makes a folder ready for a stage: it is new, empty, or was begun for the same plan, which is in the file `name`.
///
/// # Errors
/// A folder with other content, or for another plan.
pub fn claim(folder: &Path, name: &str, plan: &[u8], mark: &str) -> Result<()> {
    let refuse = |detail: String| Err(Error::Folder { path: folder.into(), detail });
    fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    let place = folder.join(name);
    match inputs::read(&place) {
        Ok(found) if found == plan => Ok(()),
        Ok(_) => refuse(
            "it holds the output of another input, configuration or version (see .plan.json and receipt.json in it); \
             name another folder, or remove this one"
                .into(),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut entries = fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
            // What another part may have begun at the same moment is a hidden file.
            let other = entries.find_map(|entry| {
                let name = entry.ok()?.file_name().to_string_lossy().into_owned();
                (!name.starts_with('.')).then_some(name)
            });
            match other {
                // Another part may have claimed it and begun since.
                Some(_) if inputs::read(&place).is_ok_and(|found| found == plan) => Ok(()),
                Some(name) => refuse(format!("it is not empty ({name}); name a new folder")),
                None => write_whole(&place, mark, plan),
            }
        }
        Err(error) => Err(Error::io(&place, error)),
    }
}
