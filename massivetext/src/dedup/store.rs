//! What the passes over documents know of each: its set of n-grams, its priority and its id, in files that are read at any place.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::keep::Priority;
use crate::{Error, Result};

/// Numbers that are stored of a document: where its set begins and how long it is, its priority, where its id begins and its bytes.
const NUMBERS: usize = 6;

/// Writes documents, numbered from 0.
pub struct Writer {
    files: [BufWriter<File>; 3],
    paths: [PathBuf; 3],
    documents: u64,
    grams: u64,
    id_bytes: u64,
}

/// Reads documents by their numbers.
pub struct Store {
    files: [File; 3],
    paths: [PathBuf; 3],
    /// How many there are.
    pub documents: u64,
}

/// A document that is stored.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
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

impl Writer {
    /// Begins files in a folder.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn new(folder: &Path) -> Result<Self> {
        let paths = ["documents", "sets", "ids"].map(|name| folder.join(name));
        let create = |path: &PathBuf| -> Result<BufWriter<File>> {
            let file = File::options().read(true).write(true).create(true).truncate(true).open(path);
            Ok(BufWriter::with_capacity(1 << 20, file.map_err(|error| Error::io(path, error))?))
        };
        let files = [create(&paths[0])?, create(&paths[1])?, create(&paths[2])?];
        Ok(Self { files, paths, documents: 0, grams: 0, id_bytes: 0 })
    }

    /// Stores the next document: its set, what decides its priority, and its id. Its number.
    ///
    /// # Errors
    /// What the operating system refuses, such as a full disk.
    pub fn push(&mut self, set: &[u64], priority: [u64; 2], id: &str) -> Result<u64> {
        let number = self.documents;
        let (length, id_length) = (set.len() as u64, id.len() as u64);
        let numbers = [self.grams, length, priority[0], priority[1], self.id_bytes, id_length];
        self.write(0, numbers.iter().flat_map(|number| number.to_le_bytes()))?;
        self.write(1, set.iter().flat_map(|gram| gram.to_le_bytes()))?;
        self.write(2, id.bytes())?;
        self.documents += 1;
        self.grams += length;
        self.id_bytes += id_length;
        Ok(number)
    }

    fn write(&mut self, file: usize, bytes: impl Iterator<Item = u8>) -> Result<()> {
        let bytes: Vec<u8> = bytes.collect();
        self.files[file].write_all(&bytes).map_err(|error| Error::io(&self.paths[file], error))
    }

    /// What was stored.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub fn finish(self) -> Result<Store> {
        let Self { files, paths, documents, .. } = self;
        let [first, second, third] = files;
        let finish = |file: BufWriter<File>, path: &PathBuf| -> Result<File> {
            file.into_inner().map_err(|error| Error::io(path, error.into_error()))
        };
        let files = [finish(first, &paths[0])?, finish(second, &paths[1])?, finish(third, &paths[2])?];
        Ok(Store { files, paths, documents })
    }
}

impl Store {
    /// A document.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn entry(&self, document: u64) -> Result<Entry> {
        let bytes = self.read(0, document * 8 * NUMBERS as u64, 8 * NUMBERS)?;
        let mut numbers = [0; NUMBERS];
        numbers.iter_mut().zip(numbers_of(&bytes)).for_each(|(number, read)| *number = read);
        let [grams, length, first, second, id, id_length] = numbers;
        Ok(Entry { grams: [grams, length], id: [id, id_length], priority: [first, second, document] })
    }

    /// A document's set.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn set(&self, entry: &Entry) -> Result<Vec<u64>> {
        let [begin, length] = entry.grams;
        Ok(numbers_of(&self.read(1, begin * 8, length as usize * 8)?).collect())
    }

    /// A document's id.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn id(&self, document: u64) -> Result<String> {
        let [begin, length] = self.entry(document)?.id;
        Ok(String::from_utf8_lossy(&self.read(2, begin, length as usize)?).into_owned())
    }

    fn read(&self, file: usize, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let read = self.files[file].read_exact_at(&mut bytes, offset);
        read.map_err(|error| Error::io(&self.paths[file], error))?;
        Ok(bytes)
    }
}

fn numbers_of(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.chunks_exact(8).map(|bytes| bytes.try_into().map_or(0, u64::from_le_bytes))
}
