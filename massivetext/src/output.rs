//! Files that are there whole or not at all.
//!
//! A file is written under a hidden name and renamed when it is complete and on disk; the receipt comes last. Compressed files
//! are frames of whole records, cut where the records decide, so that they are the same for any number of threads.

mod matches;
#[cfg(feature = "parquet")]
mod parquet;
mod unfinished;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use rayon::prelude::*;
use ruzstd::encoding::{CompressionLevel, FrameCompressor};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::manifest::hexadecimal;
use crate::{Error, Result};
use matches::Matches;
pub use unfinished::{UNFINISHED, Unfinished};

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

/// Bytes of records after which a frame ends.
const FRAME: usize = 1 << 20;
/// Bytes of records, as lines, after which a group of rows ends.
const GROUP: usize = 32 << 20;

/// How documents are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// `.jsonl.zst`.
    #[default]
    Zst,
    /// `.jsonl`.
    None,
    /// `.parquet`, packed by Snappy; for a program that was built with `parquet`.
    Parquet,
}

impl Compression {
    /// The name of a shard's documents.
    pub fn file(self, shard: usize) -> String {
        match self {
            Compression::Zst => format!("{shard:05}.jsonl.zst"),
            Compression::None => format!("{shard:05}.jsonl"),
            Compression::Parquet => format!("{shard:05}.parquet"),
        }
    }

    /// Bytes of lines that are compressed at once.
    fn frame(self) -> usize {
        match self {
            Compression::Zst | Compression::None => FRAME,
            Compression::Parquet => GROUP,
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

/// A file of lines, or of the rows that they stand for, that is being written.
pub struct Output {
    sink: Sink,
    place: Unfinished,
    compression: Compression,
    /// Records that are in no frame yet, and frames that are not written yet.
    buffer: Vec<u8>,
    full: Vec<Vec<u8>>,
    written: Written,
}

/// Where records go.
enum Sink {
    Lines(Hashed),
    #[cfg(feature = "parquet")]
    Rows(Box<parquet::Rows>),
}

/// A file, and the hash of what was written to it.
struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output {
    /// Begins `folder/name`.
    ///
    /// # Errors
    /// What the operating system refuses; another process that writes the same file; a format that this program was built without.
    pub fn begin(folder: &Path, name: &str, compression: Compression) -> Result<Self> {
        let path = folder.join(name);
        let (place, file) = Unfinished::begin(&path)?;
        let written = Written { file: name.to_owned(), records: 0, bytes: 0, sha256: String::new() };
        let hashed = Hashed { file, hash: Sha256::new(), bytes: 0 };
        let sink = match compression {
            Compression::Zst | Compression::None => Sink::Lines(hashed),
            Compression::Parquet => Sink::rows(hashed, &path)?,
        };
        Ok(Self { sink, place, compression, buffer: Vec::new(), full: Vec::new(), written })
    }

    /// Appends a line, or none.
    pub fn push(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        self.buffer.extend_from_slice(line);
        self.written.records += 1;
        if self.buffer.len() >= self.compression.frame() {
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
        match &mut self.sink {
            #[cfg(feature = "parquet")]
            Sink::Rows(rows) => full.iter().try_for_each(|lines| rows.write(lines)),
            Sink::Lines(file) => {
                let packed = match self.compression {
                    Compression::Zst => full.par_iter().map(|frame| compressed(frame)).collect(),
                    Compression::None | Compression::Parquet => full,
                };
                let written = packed.iter().try_for_each(|frame| file.write_all(frame));
                written.map_err(|error| self.place.failed(error))
            }
        }
    }

    /// Writes the rest, and gives the file its name once it is on disk.
    ///
    /// # Errors
    /// As [`Output::write`].
    pub fn finish(mut self) -> Result<Written> {
        // A compressed file has a frame, even of nothing.
        if !self.buffer.is_empty() || (self.full.is_empty() && self.sink.is_without_frame()) {
            self.full.push(std::mem::take(&mut self.buffer));
        }
        self.write()?;
        let Hashed { file, hash, bytes } = self.sink.finish()?;
        self.place.finish(&file)?;
        self.written.bytes = bytes;
        self.written.sha256 = hexadecimal(&hash.finalize());
        Ok(self.written)
    }
}

impl Sink {
    #[cfg(feature = "parquet")]
    fn rows(file: Hashed, path: &Path) -> Result<Self> {
        Ok(Sink::Rows(Box::new(parquet::Rows::begin(file, path)?)))
    }

    #[cfg(not(feature = "parquet"))]
    fn rows(_: Hashed, path: &Path) -> Result<Self> {
        let detail =
            "this program was built without writing Parquet files; cargo build --release --features parquet";
        Err(Error::Folder { path: path.into(), detail: detail.into() })
    }

    /// Writes the end, if the format has one.
    fn finish(self) -> Result<Hashed> {
        match self {
            Sink::Lines(file) => Ok(file),
            #[cfg(feature = "parquet")]
            Sink::Rows(rows) => rows.finish(),
        }
    }

    /// Whether it is a file of lines in which nothing has been written.
    fn is_without_frame(&self) -> bool {
        match self {
            Sink::Lines(file) => file.bytes == 0,
            #[cfg(feature = "parquet")]
            Sink::Rows(_) => false,
        }
    }
}

fn compressed(frame: &[u8]) -> Vec<u8> {
    let mut compressor = FrameCompressor::new_with_matcher(Matches::new(), CompressionLevel::Fastest);
    compressor.set_source(frame);
    compressor.set_drain(Vec::new());
    compressor.compress();
    compressor.take_drain().unwrap_or_default()
}

/// Writes a small file as a whole. Other processes may write the same.
///
/// # Errors
/// What the operating system refuses.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let (place, mut file) = Unfinished::begin_in_turn(path)?;
    file.write_all(bytes).map_err(|error| place.failed(error))?;
    place.finish(&file)
}

/// Makes a folder ready for a stage: it is new, empty, or was begun for the same plan, which is in the file `name`.
///
/// # Errors
/// A folder with other content, or for another plan.
pub fn claim(folder: &Path, name: &str, plan: &[u8]) -> Result<()> {
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
                None => write_whole(&place, plan),
            }
        }
        Err(error) => Err(Error::io(&place, error)),
    }
}
