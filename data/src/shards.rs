//! Token shards: an encoded corpus on disk, of any size, read where it is asked for.
//!
//! A folder of shards has the tokenizer that made them and files `NUMBER.shard`, each of which knows how many there are. A shard is
//!
//! | section | bytes |
//! |---|---|
//! | the magic bytes `gshard\0\1`, zeros | 64 |
//! | ids of the documents to train on, then of those held out | 2 or 4 each, little-endian; zeros up to a multiple of 8 |
//! | a table: for each document, the training ones first, where its tokens and its record end, from the first of each | 16 each, two u64 |
//! | records: a line of JSON for each document that says where it came from | any |
//! | how often each id occurs in the training part, then in the held-out part | 8 each, u64 |
//! | the footer: JSON ([`Footer`]) | any |
//! | the footer's length (u64), its SHA-256, the magic bytes | 48 |
//!
//! What a shard claims is compared with its length before it is believed; tables and records with their SHA-256 when they are
//! read; ids are checked to be in the vocabulary, and with their SHA-256 by [`Shard::verify`].

mod folder;
mod footer;
mod write;

use std::fs::File;
use std::io;
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use folder::{ENDING, ShardFolder, is_shard_folder, tokenizer_path};
pub use footer::{Footer, HeldOut, Place, ShardPart};
pub use write::{ShardDocument, ShardWriter};

use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"gshard\0\x01";

/// Where the ids begin.
const BEGIN: u64 = 64;

/// Bytes read at a time when all of a shard is.
const CHUNK: usize = 1 << 20;

/// A shard on disk.
#[derive(Clone, Debug)]
pub struct Shard {
    path: PathBuf,
    footer: Arc<Footer>,
}

impl Shard {
    /// Reads a shard's footer.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Io`]; [`Error::Shard`] for a file that is no shard or not a whole one.
    pub fn open(path: &Path) -> Result<Self> {
        let file = inputs::open(path).map_err(|error| Error::io(path, error))?;
        let footer = footer::read(&file).map_err(|detail| Error::Shard { path: path.into(), detail })?;
        Ok(Self { path: path.into(), footer: Arc::new(footer) })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of itself.
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// Its tokens to train on.
    pub fn training(&self) -> ShardTokens {
        ShardTokens { shard: self.clone(), held_out: false }
    }

    /// Its tokens that are held out.
    pub fn validation(&self) -> ShardTokens {
        ShardTokens { shard: self.clone(), held_out: true }
    }

    /// Reads all of it and compares it with its digests.
    ///
    /// # Errors
    /// [`Error::Shard`] and [`Error::Io`].
    pub fn verify(&self) -> Result<()> {
        for tokens in [self.training(), self.validation()] {
            let (mut hash, mut ids) = (Sha256::new(), Vec::new());
            for start in (0..tokens.len()).step_by(CHUNK) {
                ids.clear();
                tokens.extend(start..(start + CHUNK).min(tokens.len()), &mut ids)?;
                hash.update(self.footer.dtype.to_bytes(ids.iter().map(|&id| id as u32)));
            }
            if hex(hash) != tokens.part().sha256 {
                return Err(self.damaged(format!("the digest of its {} ids differs", tokens.name())));
            }
        }
        self.tables()?;
        self.counts().map(drop)
    }

    /// The document that has a token, counted from the shard's first, and the line of JSON that says where it came from; `None`
    /// past the end.
    ///
    /// # Errors
    /// [`Error::Shard`] and [`Error::Io`].
    pub fn document(&self, token: u64) -> Result<Option<ShardRecord>> {
        let Tables { ends, records } = self.tables()?;
        let index = ends.partition_point(|&(tokens, _)| tokens <= token);
        let Some(&(end, record_end)) = ends.get(index) else { return Ok(None) };
        let (begin, record_begin) =
            index.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or((0, 0));
        let line = records.get(record_begin as usize..record_end as usize).map(String::from_utf8_lossy);
        let Some(line) = line else { return Err(self.damaged("a record lies outside its records".into())) };
        let is_held_out = index as u64 >= self.footer.training.documents;
        let record = line.trim_end().to_owned();
        Ok(Some(ShardRecord { index: index as u64, tokens: begin..end, is_held_out, record }))
    }

    /// Gives each document's record and ids, without the one that ends it, to `each`.
    fn each_document(&self, each: &mut dyn FnMut(&str, &[u32]) -> Result<()>) -> Result<()> {
        let Tables { ends, records } = self.tables()?;
        let training = self.footer.training.tokens;
        let (mut begin, mut record_begin, mut ids) = (0, 0, Vec::new());
        for (end, record_end) in ends {
            let (tokens, before) =
                if begin < training { (self.training(), 0) } else { (self.validation(), training) };
            let range = begin.checked_sub(before).zip(end.checked_sub(before + 1));
            let range = range.filter(|(begin, end)| begin <= end && *end < tokens.len() as u64);
            let record = records.get(record_begin as usize..record_end as usize);
            let (Some((from, to)), Some(record)) = (range, record) else {
                return Err(self.damaged("its table of documents contradicts its footer".into()));
            };
            ids.clear();
            tokens.extend(from as usize..to as usize, &mut ids)?;
            let ids: Vec<u32> = ids.iter().map(|&id| id as u32).collect();
            each(String::from_utf8_lossy(record).trim_end(), &ids)?;
            (begin, record_begin) = (end, record_end);
        }
        Ok(())
    }

    fn tables(&self) -> Result<Tables> {
        let footer = &self.footer;
        let bytes = self.section(footer.table_begin()..footer.counts_begin(), &footer.table_sha256)?;
        let documents = (footer.training.documents + footer.validation.documents) as usize;
        let (ends, records) = bytes.split_at(documents * 16);
        let ends = ends.chunks_exact(16).map(|pair| (number(&pair[..8]), number(&pair[8..])));
        Ok(Tables { ends: ends.collect(), records: records.to_vec() })
    }

    /// Occurrences of each id in the training part, then in the held-out part.
    fn counts(&self) -> Result<Vec<u64>> {
        let footer = &self.footer;
        let bytes = self.section(footer.counts_begin()..footer.footer_begin(), &footer.counts_sha256)?;
        Ok(bytes.chunks_exact(8).map(number).collect())
    }

    /// A section whose bounds are those of a footer that was read, so that it is in the file.
    fn section(&self, bytes: Range<u64>, sha256: &str) -> Result<Vec<u8>> {
        let read = self.read(bytes.start, (bytes.end - bytes.start) as usize)?;
        match hex(Sha256::new_with_prefix(&read)) == sha256 {
            true => Ok(read),
            false => Err(self.damaged("the digest of its tables differs".into())),
        }
    }

    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let read = File::open(&self.path).and_then(|file| file.read_exact_at(&mut bytes, offset));
        match read {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("it is shorter than when it was opened".into()))
            }
            Err(error) => Err(Error::io(&self.path, error)),
        }
    }

    fn damaged(&self, detail: String) -> Error {
        Error::Shard { path: self.path.clone(), detail }
    }
}

/// A document of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRecord {
    /// Its place among the documents, those to train on first.
    pub index: u64,
    /// Its tokens, the last of which ends the text, counted from the shard's first.
    pub tokens: Range<u64>,
    /// Whether it is held out.
    pub is_held_out: bool,
    /// Where it came from: a line of JSON.
    pub record: String,
}

struct Tables {
    /// Of each document: where its tokens and its record end.
    ends: Vec<(u64, u64)>,
    records: Vec<u8>,
}

/// One part of a shard's tokens.
#[derive(Clone)]
pub struct ShardTokens {
    shard: Shard,
    held_out: bool,
}

impl ShardTokens {
    fn part(&self) -> &ShardPart {
        if self.held_out { &self.shard.footer.validation } else { &self.shard.footer.training }
    }

    fn name(&self) -> &'static str {
        if self.held_out { "held-out" } else { "training" }
    }

    /// Number of tokens.
    pub(crate) fn len(&self) -> usize {
        // At most the file's length.
        self.part().tokens as usize
    }

    /// The digest of its ids.
    pub(crate) fn digest(&self) -> &[u8] {
        self.part().sha256.as_bytes()
    }

    /// The ids of a range within it.
    ///
    /// # Errors
    /// [`Error::Setting`] for a range past the end; [`Error::Shard`] and [`Error::Io`].
    pub fn ids(&self, range: Range<u64>) -> Result<Vec<u32>> {
        if range.start > range.end || range.end > self.len() as u64 {
            let detail = format!("there are {} tokens", self.len());
            return Err(Error::Setting { setting: "tokens", value: format!("{range:?}"), detail });
        }
        let mut ids = Vec::new();
        self.extend(range.start as usize..range.end as usize, &mut ids)?;
        // They are below the size of the vocabulary, and not negative.
        Ok(ids.into_iter().map(|id| id as u32).collect())
    }

    /// Appends the ids of a range within it.
    pub(crate) fn extend(&self, range: Range<usize>, out: &mut Vec<i32>) -> Result<()> {
        let footer = &self.shard.footer;
        let (offset, length) = self.place(&range);
        let bytes = self.shard.read(offset, length)?;
        let begin = out.len();
        footer.dtype.extend(&bytes, out);
        let vocabulary = footer.vocabulary_size;
        // Ids are not negative: those of u32 beyond i32 are, and are refused as well.
        if let Some(id) =
            out[begin..].iter().find(|&&id| usize::try_from(id).map_or(true, |id| id >= vocabulary))
        {
            let detail = format!("it has the id {}, and its tokenizer {vocabulary} pieces", *id as u32);
            return Err(self.shard.damaged(detail));
        }
        Ok(())
    }

    /// Has the system begin to read a range within it, without waiting.
    #[cfg(target_os = "linux")]
    pub(crate) fn read_ahead(&self, range: Range<usize>) {
        let (offset, length) = self.place(&range);
        // An error is none yet: it shows when the range is read.
        if let Ok(file) = File::open(&self.shard.path) {
            let _ = rustix::fs::fadvise(
                file,
                offset,
                NonZeroU64::new(length as u64),
                rustix::fs::Advice::WillNeed,
            );
        }
    }

    /// Nothing, where the system is not known to have such a call.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn read_ahead(&self, _: Range<usize>) {}

    /// Where in the file the ids of a range are: offset and length in bytes.
    fn place(&self, range: &Range<usize>) -> (u64, usize) {
        let footer = &self.shard.footer;
        let width = footer.dtype.bytes();
        let before = if self.held_out { footer.training.tokens as usize } else { 0 };
        (BEGIN + ((before + range.start) * width) as u64, range.len() * width)
    }

    /// Adds how often each id occurs.
    pub(crate) fn add_counts(&self, counts: &mut [u64]) -> Result<()> {
        let of_both = self.shard.counts()?;
        let skipped = if self.held_out { self.shard.footer.vocabulary_size } else { 0 };
        counts.iter_mut().zip(of_both.iter().skip(skipped)).for_each(|(sum, count)| *sum += count);
        Ok(())
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

fn hex(hash: Sha256) -> String {
    crate::tokenizer::hex(&hash.finalize())
}
