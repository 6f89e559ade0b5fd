//! The end of a shard, which says what the rest of it is.

use std::fs::File;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BEGIN, MAGIC, hex};

/// The footer's length, its digest, the magic bytes.
const END: u64 = 8 + 32 + 8;

/// No footer is longer.
const MOST_BYTES: u64 = 1 << 20;

/// What a shard says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Footer {
    /// How ids are stored.
    pub dtype: IdType,
    /// Pieces of the tokenizer: every id is below.
    pub vocabulary_size: usize,
    /// The id that ends each document.
    pub end_of_text: u32,
    /// [`Tokenizer::fingerprint`](crate::Tokenizer::fingerprint) of the tokenizer.
    pub tokenizer: String,
    /// How documents to be held out were chosen.
    pub held_out: HeldOut,
    /// The shard's place among those of the folder.
    pub place: Place,
    /// What there is to train on.
    pub training: ShardPart,
    /// What is held out.
    pub validation: ShardPart,
    /// Bytes of the records.
    pub record_bytes: u64,
    /// SHA-256, in hexadecimal, of the table of documents and the records.
    pub table_sha256: String,
    /// SHA-256, in hexadecimal, of the counts.
    pub counts_sha256: String,
}

/// A part of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPart {
    /// Documents.
    pub documents: u64,
    /// Tokens, those that end documents included.
    pub tokens: u64,
    /// Bytes of UTF-8 text.
    pub bytes: u64,
    /// SHA-256, in hexadecimal, of the ids as they are stored.
    pub sha256: String,
}

/// Which documents are held out: those whose text's hash, mixed with the seed, is among the lowest of this fraction. Equal texts
/// are on the same side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Documents held out, of all documents: from 0 to below 1.
    pub fraction: f64,
    /// The seed.
    pub seed: u64,
}

/// A shard's place among those of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// A digest of what decides all shards, by which those of another text or other settings are told.
    pub plan: String,
    /// Shards of that plan.
    pub of: u64,
    /// Which of them it is, from 0.
    pub shard: u64,
}

/// How ids are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdType {
    /// In two bytes: vocabularies of at most 2^16 pieces.
    U16,
    /// In four bytes.
    U32,
}

impl IdType {
    pub(super) fn of(vocabulary_size: usize) -> Self {
        if vocabulary_size <= 1 << 16 { IdType::U16 } else { IdType::U32 }
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            IdType::U16 => 2,
            IdType::U32 => 4,
        }
    }

    pub(super) fn to_bytes(self, ids: impl Iterator<Item = u32>) -> Vec<u8> {
        match self {
            // The vocabulary has at most 2^16 pieces.
            IdType::U16 => ids.flat_map(|id| (id as u16).to_le_bytes()).collect(),
            IdType::U32 => ids.flat_map(u32::to_le_bytes).collect(),
        }
    }

    /// Appends ids; those of four bytes that no tokenizer has become negative.
    pub(super) fn extend(self, bytes: &[u8], out: &mut Vec<i32>) {
        match self {
            IdType::U16 => {
                out.extend(bytes.chunks_exact(2).map(|b| i32::from(u16::from_le_bytes([b[0], b[1]]))))
            }
            IdType::U32 => {
                out.extend(bytes.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])))
            }
        }
    }
}

impl Footer {
    /// Bytes of all ids, and of the zeros behind them.
    fn id_bytes(&self) -> Option<u64> {
        let tokens = self.training.tokens.checked_add(self.validation.tokens)?;
        tokens.checked_mul(self.dtype.bytes() as u64)?.checked_next_multiple_of(8)
    }

    /// Bytes of the table of documents and the records.
    fn table_bytes(&self) -> Option<u64> {
        let documents = self.training.documents.checked_add(self.validation.documents)?.checked_mul(16)?;
        documents.checked_add(self.record_bytes)
    }

    /// Bytes of the counts.
    fn count_bytes(&self) -> Option<u64> {
        (self.vocabulary_size as u64).checked_mul(16)
    }

    /// Where the table of documents begins. Of a footer that was read, which is one of a file of that length.
    pub(super) fn table_begin(&self) -> u64 {
        BEGIN + self.id_bytes().unwrap_or(0)
    }

    /// Where the counts begin; see there.
    pub(super) fn counts_begin(&self) -> u64 {
        self.table_begin() + self.table_bytes().unwrap_or(0)
    }

    /// Where the footer begins; see there.
    pub(super) fn footer_begin(&self) -> u64 {
        self.counts_begin() + self.count_bytes().unwrap_or(0)
    }

    /// The bytes that a shard ends with.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(self)?;
        let (length, digest) = (bytes.len() as u64, Sha256::digest(&bytes));
        bytes.extend(length.to_le_bytes());
        bytes.extend(digest);
        bytes.extend(MAGIC);
        Ok(bytes)
    }
}

/// Reads a shard's footer; what is wrong, in words.
pub(super) fn read(file: &File) -> Result<Footer, String> {
    let words = |error: std::io::Error| error.to_string();
    let length = file.metadata().map_err(words)?.len();
    let mut begin = [0; MAGIC.len()];
    let is_short = |length: u64| length < BEGIN + END;
    if length < MAGIC.len() as u64 {
        return Err("it is no token shard".into());
    }
    file.read_exact_at(&mut begin, 0).map_err(words)?;
    if begin[..MAGIC.len() - 1] != MAGIC[..MAGIC.len() - 1] {
        return Err("it is no token shard".into());
    }
    if begin != *MAGIC {
        return Err(format!(
            "it is a token shard of version {}, and this program reads version {}",
            begin[7], MAGIC[7]
        ));
    }
    let truncated = || "it is truncated: its end is not that of a token shard".to_owned();
    if is_short(length) {
        return Err(truncated());
    }
    let mut end = [0; END as usize];
    file.read_exact_at(&mut end, length - END).map_err(words)?;
    let (footer_length, rest) = end.split_at(8);
    let (digest, magic) = rest.split_at(32);
    if magic != MAGIC {
        return Err(truncated());
    }
    let footer_length = footer_length.try_into().map_or(0, u64::from_le_bytes);
    let footer_begin = (length - END).checked_sub(footer_length).filter(|&begin| begin >= BEGIN);
    let footer_begin = footer_begin
        .filter(|_| footer_length <= MOST_BYTES)
        .ok_or_else(|| format!("its footer cannot have {footer_length} bytes"))?;
    let mut bytes = vec![0; footer_length as usize];
    file.read_exact_at(&mut bytes, footer_begin).map_err(words)?;
    let hash = Sha256::new_with_prefix(&bytes);
    if hash.clone().finalize()[..] != *digest {
        return Err(format!("its footer is damaged: SHA-256 {}", hex(hash)));
    }
    let footer: Footer = serde_json::from_slice(&bytes).map_err(|error| format!("its footer: {error}"))?;
    let sections = [footer.id_bytes(), footer.table_bytes(), footer.count_bytes()];
    let says = sections.into_iter().try_fold(BEGIN, |sum, bytes| sum.checked_add(bytes?));
    if says != Some(footer_begin) {
        return Err(format!("its sections do not add up to its {length} bytes"));
    }
    let fits = IdType::of(footer.vocabulary_size) == footer.dtype
        && (footer.end_of_text as usize) < footer.vocabulary_size;
    if !fits || footer.place.shard >= footer.place.of {
        return Err("its footer contradicts itself".into());
    }
    Ok(footer)
}
