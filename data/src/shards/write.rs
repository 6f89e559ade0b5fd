//! Documents to one shard.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

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
    file: BufWriter<NamedTempFile>,
    footer: Footer,
    training: Part,
    validation: Part,
    /// Tokens of held-out documents, which follow all others.
    held_out: Vec<u8>,
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
        if !(0.0..1.0).contains(&held_out.fraction) {
            let (setting, value) = ("validation_fraction", held_out.fraction.to_string());
            return Err(Error::Setting { setting, value, detail: "must be at least 0 and below 1".into() });
        }
        let end_of_text = tokenizer.end_of_text().ok_or(Error::NoEndOfText)?;
        let vocabulary_size = tokenizer.vocabulary_size();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // Temporary files are private; this one is to end up like any other.
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let io = |source| Error::Io { path: path.into(), source };
        let mut file = BufWriter::with_capacity(1 << 20, builder.tempfile_in(folder).map_err(io)?);
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
            tables_sha256: String::new(),
        };
        let (training, validation) = (Part::new(vocabulary_size), Part::new(vocabulary_size));
        Ok(Self { path: path.into(), file, footer, training, validation, held_out: Vec::new() })
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
        let Self { path, mut file, mut footer, training, validation, held_out } = self;
        file.write_all(&held_out)?;
        let id_bytes = (footer.training.tokens + footer.validation.tokens) * footer.dtype.bytes() as u64;
        file.write_all(&[0; 8][..(id_bytes.next_multiple_of(8) - id_bytes) as usize])?;
        let mut hash = Sha256::new();
        let mut write = |bytes: &[u8]| {
            hash.update(bytes);
            file.write_all(bytes)
        };
        let (tokens, records) = (training.info.tokens, training.records.len() as u64);
        let after = validation.ends.iter().map(|(end, record)| (tokens + end, records + record));
        for (end, record) in training.ends.iter().copied().chain(after) {
            write(&end.to_le_bytes())?;
            write(&record.to_le_bytes())?;
        }
        for count in training.counts.iter().chain(&validation.counts) {
            write(&count.to_le_bytes())?;
        }
        write(&training.records)?;
        write(&validation.records)?;
        footer.record_bytes = (training.records.len() + validation.records.len()) as u64;
        footer.tables_sha256 = hex(hash);
        file.write_all(&footer.to_bytes()?)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        if let Some(folder) = path.parent() {
            // So that the name outlives a power cut, where folders can be put on disk.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(footer)
    }
}
