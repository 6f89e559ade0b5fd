//! What the passes over documents know of each: its set of n-grams, its priority and its id, in files that are read at any place.
//!
//! A shard of the input has three files, so that parts of the work are done apart. A document's number is its shard times 2³², plus
//! its place in the shard.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::keep::{Bits, Priority};
use crate::manifest::hexadecimal;
use crate::output::{Unfinished, Written};
use crate::{Error, Result};

/// Numbers that are stored of a document: where its set begins and how long it is, its priority, where its id begins and its bytes.
const NUMBERS: usize = 6;

/// How the files of a shard are called, behind its number.
const KINDS: [&str; 3] = ["documents", "sets", "ids"];

/// The number of a document.
pub fn number(shard: usize, place: u64) -> u64 {
    (shard as u64) << 32 | place
}

/// A shard's place among all, and the document's in the shard.
pub fn place(document: u64) -> (usize, u64) {
    ((document >> 32) as usize, document & u64::from(u32::MAX))
}

/// What is stored of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its place among all.
    pub shard: usize,
    /// Documents.
    pub documents: u64,
    /// Its files.
    pub files: Vec<Written>,
}

struct Growing {
    file: BufWriter<File>,
    name: String,
    place: Unfinished,
    hash: Sha256,
    bytes: u64,
}

impl Growing {
    fn begin(folder: &Path, name: String) -> Result<Self> {
        let (place, file) = Unfinished::begin(&folder.join(&name))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { file, name, place, hash: Sha256::new(), bytes: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| self.place.failed(error))
    }

    fn finish(self, records: u64) -> Result<Written> {
        let file = self.file.into_inner().map_err(|error| self.place.failed(error.into_error()))?;
        self.place.finish(&file)?;
        Ok(Written {
            file: self.name,
            records,
            bytes: self.bytes,
            sha256: hexadecimal(&self.hash.finalize()),
        })
    }
}

/// Writes the documents of a shard, in order.
pub struct Writer {
    shard: usize,
    files: [Growing; 3],
    documents: u64,
    grams: u64,
    id_bytes: u64,
}

impl Writer {
    /// Begins a shard's files in a folder.
    ///
    /// # Errors
    /// What the operating system refuses; another process that writes the same.
    pub fn begin(folder: &Path, shard: usize) -> Result<Self> {
        let begin = |kind| Growing::begin(folder, format!("{shard:05}.{kind}"));
        let files = [begin(KINDS[0])?, begin(KINDS[1])?, begin(KINDS[2])?];
        Ok(Self { shard, files, documents: 0, grams: 0, id_bytes: 0 })
    }

    /// Stores the next document: its set, what decides its priority, and its id. Its number.
    ///
    /// # Errors
    /// What the operating system refuses, such as a full disk; more documents than a shard may have.
    pub fn push(&mut self, set: &[u64], priority: [u64; 2], id: &str) -> Result<u64> {
        if self.documents > u64::from(u32::MAX) {
            let value = (self.documents + 1).to_string();
            let detail = "documents of one shard, and a shard may have 2^32; name a smaller one".into();
            return Err(Error::Setting { setting: "--shard-mib", value, detail });
        }
        let number = number(self.shard, self.documents);
        let (length, id_length) = (set.len() as u64, id.len() as u64);
        let numbers = [self.grams, length, priority[0], priority[1], self.id_bytes, id_length];
        let bytes =
            |numbers: &[u64]| -> Vec<u8> { numbers.iter().flat_map(|number| number.to_le_bytes()).collect() };
        self.files[0].write(&bytes(&numbers))?;
        self.files[1].write(&bytes(set))?;
        self.files[2].write(id.as_bytes())?;
        self.documents += 1;
        self.grams += length;
        self.id_bytes += id_length;
        Ok(number)
    }

    /// Gives the files their names.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub fn finish(self) -> Result<Shard> {
        let Self { shard, files, documents, .. } = self;
        let files: Result<Vec<_>> = files.into_iter().map(|file| file.finish(documents)).collect();
        Ok(Shard { shard, documents, files: files? })
    }
}

/// Reads documents by their numbers.
pub struct Store {
    folder: PathBuf,
    shards: BTreeMap<usize, OpenShard>,
}

struct OpenShard {
    documents: u64,
    /// Files, and their bytes.
    files: [(File, u64); 3],
}

/// A document that is stored.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    shard: usize,
    grams: [u64; 2],
    id: [u64; 2],
    /// Its priority.
    pub priority: Priority,
}

impl Entry {
    /// Whether it has no n-grams, so that nothing is similar to it.
    pub fn is_empty(&self) -> bool {
        self.grams[1] == 0
    }
}

impl Store {
    /// Opens the files of these shards.
    ///
    /// # Errors
    /// Files that are missing or have another size; what the operating system refuses.
    pub fn open(folder: &Path, shards: &[Shard]) -> Result<Self> {
        let open = |name: &str, bytes: Option<u64>| -> Result<(File, u64)> {
            let path = folder.join(name);
            let file = File::open(&path).map_err(|error| Error::io(&path, error))?;
            let found = file.metadata().map_err(|error| Error::io(&path, error))?.len();
            match bytes {
                Some(bytes) if bytes != found => {
                    let detail = format!("{found} bytes, and the receipt says {bytes}; compute it again");
                    Err(Error::Damaged { path, detail })
                }
                _ => Ok((file, found)),
            }
        };
        let shard = |shard: &Shard| -> Result<(usize, OpenShard)> {
            let name = |kind: &str| format!("{:05}.{kind}", shard.shard);
            let bytes =
                |kind: &str| shard.files.iter().find(|file| file.file == name(kind)).map(|file| file.bytes);
            let [a, b, c] = KINDS.map(|kind| open(&name(kind), bytes(kind)));
            Ok((shard.shard, OpenShard { documents: shard.documents, files: [a?, b?, c?] }))
        };
        let shards: Result<_> = shards.iter().map(shard).collect();
        Ok(Self { folder: folder.to_owned(), shards: shards? })
    }

    /// The documents of each shard, by its place among all.
    pub fn counts(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.shards.iter().map(|(&shard, open)| (shard, open.documents))
    }

    /// A bit for each document.
    pub fn bits(&self) -> Bits {
        let shards = self.shards.last_key_value().map_or(0, |(&shard, _)| shard + 1);
        let mut counts = vec![0; shards];
        self.counts().for_each(|(shard, documents)| counts[shard] = documents);
        Bits::new(&counts)
    }

    /// Whether there is such a document.
    pub fn has(&self, document: u64) -> bool {
        let (shard, place) = place(document);
        self.shards.get(&shard).is_some_and(|shard| place < shard.documents)
    }

    /// A document.
    ///
    /// # Errors
    /// No such document; what the operating system refuses.
    pub fn entry(&self, document: u64) -> Result<Entry> {
        let (shard, place) = place(document);
        if !self.has(document) {
            let detail = format!("document {document} is not in these signatures");
            return Err(Error::Damaged { path: self.folder.clone(), detail });
        }
        let bytes = self.read(shard, 0, place * 8 * NUMBERS as u64, 8 * NUMBERS)?;
        let mut numbers = [0; NUMBERS];
        numbers.iter_mut().zip(numbers_of(&bytes)).for_each(|(number, read)| *number = read);
        let [grams, length, first, second, id, id_length] = numbers;
        Ok(Entry { shard, grams: [grams, length], id: [id, id_length], priority: [first, second, document] })
    }

    /// A document's set.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn set(&self, entry: &Entry) -> Result<Vec<u64>> {
        let [begin, length] = entry.grams;
        Ok(numbers_of(&self.read(
            entry.shard,
            1,
            begin.saturating_mul(8),
            (length as usize).saturating_mul(8),
        )?)
        .collect())
    }

    /// A document's id.
    ///
    /// # Errors
    /// No such document; what the operating system refuses.
    pub fn id(&self, document: u64) -> Result<String> {
        let Entry { shard, id: [begin, length], .. } = self.entry(document)?;
        Ok(String::from_utf8_lossy(&self.read(shard, 2, begin, length as usize)?).into_owned())
    }

    fn read(&self, shard: usize, kind: usize, offset: u64, length: usize) -> Result<Vec<u8>> {
        let path = || self.folder.join(format!("{shard:05}.{}", KINDS[kind]));
        let Some(OpenShard { files, .. }) = self.shards.get(&shard) else { return Ok(Vec::new()) };
        let (file, size) = &files[kind];
        // What a damaged file says is compared with what there is before memory is asked for.
        if offset.checked_add(length as u64).is_none_or(|end| end > *size) {
            let detail = format!("it has {size} bytes, and {length} are to be at {offset}; compute it again");
            return Err(Error::Damaged { path: path(), detail });
        }
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, offset).map_err(|error| Error::io(&path(), error))?;
        Ok(bytes)
    }
}

fn numbers_of(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.chunks_exact(8).map(|bytes| bytes.try_into().map_or(0, u64::from_le_bytes))
}
