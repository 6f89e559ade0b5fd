//! Documents to one shard.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::footer::{Footer, HeldOut, IdType, Place, ShardPart};
use super::{BEGIN, MAGIC, hex};
use crate::permutation::mix;
use crate::{Error, Result, Tokenizer};

/// A document to be written, with its tokens.
#[derive(Clone, Debug)]
pub struct ShardDocument<'a> {
    /// Its text, by which it is held out or not.
    pub text: &'a str,
    /// Its tokens, without the one that ends it.
    pub ids: &'a [u32],
    /// Where it came from: JSON in one line.
    pub record: &'a str,
}

/// Writes a shard: under a temporary name beside its place until [`ShardWriter::finish`]. What is held in memory are the held-out
/// documents' tokens, records, and counts.
pub struct ShardWriter {
    path: PathBuf,
    file: BufWriter<File>,
    unfinished: Unfinished,
    footer: Footer,
    training: Part,
    validation: Part,
    /// Tokens of held-out documents, which follow all others.
    held_out: Vec<u8>,
}

/// The file that becomes the shard. It has a name of its own, so that one that a killed process left is written over.
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What was given up is of no use; where it cannot be removed, the next writer takes it.
            let _ = fs::remove_file(path);
        }
    }
}

/// What is collected of a part.
struct Part {
    info: ShardPart,
    hash: Sha256,
    /// Of each document: tokens and bytes of the record up to its end.
    ends: Vec<(u64, u64)>,
    counts: Vec<u64>,
    records: Vec<u8>,
}

impl Part {
    fn new(vocabulary_size: usize) -> Self {
        Self {
            info: ShardPart::default(),
            hash: Sha256::new(),
            ends: Vec::new(),
            counts: vec![0; vocabulary_size],
            records: Vec::new(),
        }
    }

    fn finish(&mut self) -> ShardPart {
        ShardPart { sha256: hex(std::mem::take(&mut self.hash)), ..self.info.clone() }
    }
}

impl HeldOut {
    /// Refuses a fraction outside its range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        if (0.0..1.0).contains(&self.fraction) {
            return Ok(());
        }
        let (setting, value) = ("validation_fraction", self.fraction.to_string());
        Err(Error::Setting { setting, value, detail: "must be at least 0 and below 1".into() })
    }

    /// Whether a text is held out.
    pub fn holds_out(&self, text: &str) -> bool {
        let digest = Sha256::digest(text);
        let number = digest.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        // The upper 53 bits are a number from 0 to below 1.
        let scattered = mix(number ^ self.seed) >> 11;
        (scattered as f64) < self.fraction * (1u64 << 53) as f64
    }
}

impl ShardWriter {
    /// Begins a shard.
    ///
    /// # Errors
    /// [`Error::NoEndOfText`], [`Error::Setting`] for a fraction outside its range, and [`Error::Io`].
    pub fn new(path: &Path, tokenizer: &Tokenizer, held_out: HeldOut, place: Place) -> Result<Self> {
        held_out.check()?;
        let end_of_text = tokenizer.end_of_text().ok_or(Error::NoEndOfText)?;
        let vocabulary_size = tokenizer.vocabulary_size();
        let io = |source| Error::Io { path: path.into(), source };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = path.with_file_name(format!(".{name}.unfinished"));
        let file = File::options().write(true).create(true).truncate(false).open(&unfinished).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let detail = "another process is writing it; give each its own --part".to_owned();
                return Err(Error::Shard { path: path.into(), detail });
            }
            // Some file systems have no locks.
            Err(TryLockError::Error(_)) => {}
        }
        file.set_len(0).map_err(io)?;
        let unfinished = Unfinished(Some(unfinished));
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let mut begin = [0; BEGIN as usize];
        begin[..MAGIC.len()].copy_from_slice(MAGIC);
        file.write_all(&begin).map_err(io)?;
        let footer = Footer {
            dtype: IdType::of(vocabulary_size),
            vocabulary_size,
            end_of_text,
            tokenizer: tokenizer.fingerprint(),
            held_out,
            place,
            training: ShardPart::default(),
            validation: ShardPart::default(),
            record_bytes: 0,
            table_sha256: String::new(),
            counts_sha256: String::new(),
        };
        let (training, validation) = (Part::new(vocabulary_size), Part::new(vocabulary_size));
        Ok(Self { path: path.into(), file, unfinished, footer, training, validation, held_out: Vec::new() })
    }

    /// Tokens so far, of both parts.
    pub fn tokens(&self) -> u64 {
        self.training.info.tokens + self.validation.info.tokens
    }

    /// Appends a document.
    ///
    /// # Errors
    /// [`Error::TokenOutOfRange`] and [`Error::Io`].
    pub fn add(&mut self, document: &ShardDocument<'_>) -> Result<()> {
        let vocabulary_size = self.footer.vocabulary_size;
        if let Some(&id) = document.ids.iter().find(|&&id| id as usize >= vocabulary_size) {
            return Err(Error::TokenOutOfRange { id, vocabulary_size });
        }
        let is_held_out = self.footer.held_out.holds_out(document.text);
        let part = if is_held_out { &mut self.validation } else { &mut self.training };
        let ids = || document.ids.iter().copied().chain([self.footer.end_of_text]);
        let bytes = self.footer.dtype.to_bytes(ids());
        part.hash.update(&bytes);
        ids().for_each(|id| part.counts[id as usize] += 1);
        part.info.documents += 1;
        part.info.tokens += document.ids.len() as u64 + 1;
        part.info.bytes += document.text.len() as u64;
        part.records.extend(document.record.bytes().filter(|&byte| byte != b'\n'));
        part.records.push(b'\n');
        part.ends.push((part.info.tokens, part.records.len() as u64));
        match is_held_out {
            true => self.held_out.extend(bytes),
            false => {
                self.file.write_all(&bytes).map_err(|source| Error::Io { path: self.path.clone(), source })?
            }
        }
        Ok(())
    }

    /// Writes what follows the ids and gives the shard its name. Its footer.
    ///
    /// # Errors
    /// [`Error::Io`], after which there is no shard.
    pub fn finish(mut self) -> Result<Footer> {
        self.footer.training = self.training.finish();
        self.footer.validation = self.validation.finish();
        let path = self.path.clone();
        self.write_end().map_err(|source| Error::Io { path, source })
    }

    fn write_end(self) -> io::Result<Footer> {
        let Self { path, mut file, mut unfinished, mut footer, training, validation, held_out } = self;
        file.write_all(&held_out)?;
        let id_bytes = (footer.training.tokens + footer.validation.tokens) * footer.dtype.bytes() as u64;
        file.write_all(&[0; 8][..(id_bytes.next_multiple_of(8) - id_bytes) as usize])?;
        let (mut table_hash, mut count_hash) = (Sha256::new(), Sha256::new());
        let mut write = |hash: &mut Sha256, bytes: &[u8]| {
            hash.update(bytes);
            file.write_all(bytes)
        };
        let (tokens, records) = (training.info.tokens, training.records.len() as u64);
        let after = validation.ends.iter().map(|(end, record)| (tokens + end, records + record));
        for (end, record) in training.ends.iter().copied().chain(after) {
            write(&mut table_hash, &end.to_le_bytes())?;
            write(&mut table_hash, &record.to_le_bytes())?;
        }
        write(&mut table_hash, &training.records)?;
        write(&mut table_hash, &validation.records)?;
        for count in training.counts.iter().chain(&validation.counts) {
            write(&mut count_hash, &count.to_le_bytes())?;
        }
        footer.record_bytes = (training.records.len() + validation.records.len()) as u64;
        footer.table_sha256 = hex(table_hash);
        footer.counts_sha256 = hex(count_hash);
        file.write_all(&footer.to_bytes()?)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        if let Some(unfinished) = &unfinished.0 {
            fs::rename(unfinished, &path)?;
        }
        unfinished.0 = None;
        if let Some(folder) = path.parent() {
            // So that the name outlives a power cut, where folders can be put on disk.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(footer)
    }
}
