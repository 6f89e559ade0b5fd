//! Objects of any kind, for callers with an order of their own: a stage of `gopher data` reads and writes them.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use super::{Error, Store};
use crate::checkpoint;
use crate::files::FileError;

/// An object of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its name below the store's address.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// What the store says changes with the content; a folder's files have none.
    pub etag: Option<String>,
}

impl Store {
    /// All objects, however deep, by their names.
    ///
    /// # Errors
    /// [`Error::Failed`] when the store cannot be read.
    pub fn objects(&self) -> Result<Vec<Object>, Error> {
        let mut objects = self.list()?;
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(objects)
    }

    /// An object, if there is one of this name.
    ///
    /// # Errors
    /// [`Error::Failed`] when the store cannot be read.
    pub fn object(&self, name: &str) -> Result<Option<Object>, Error> {
        self.head(name)
    }

    /// What a small object holds; `None` if there is none of this name.
    ///
    /// # Errors
    /// [`Error::Failed`] when the store cannot be read.
    pub fn contents(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read(name)
    }

    /// Writes a small object, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Failed`] when the store cannot be written.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.write(name, bytes)
    }

    /// Removes an object, if it is there.
    ///
    /// # Errors
    /// [`Error::Failed`] when the store cannot be written.
    pub fn delete(&self, name: &str) -> Result<(), Error> {
        self.remove(name)
    }

    /// Writes an object into a file of this machine.
    ///
    /// # Errors
    /// [`checkpoint::Error::Store`] when the store cannot be read, or the object is another than it was;
    /// [`checkpoint::Error::File`] when the file cannot be written.
    pub fn fetch(&self, object: &Object, path: &Path) -> Result<(), checkpoint::Error> {
        let refused = |source| FileError::read(path, source);
        let mut file = File::create(path).map_err(refused)?;
        self.read_parts(&object.name, object.size, &mut |bytes| {
            Ok(file.write_all(bytes).map_err(refused)?)
        })?;
        match self.head(&object.name)? {
            Some(now) if now == *object => Ok(()),
            _ => Err(Error::Changed { place: self.address().place(&object.name) }.into()),
        }
    }

    /// Writes a file of this machine as an object, whole or not at all.
    ///
    /// # Errors
    /// [`checkpoint::Error::Store`] when the store cannot be written, [`checkpoint::Error::File`] when the file cannot be read.
    pub fn send(&self, path: &Path, name: &str) -> Result<(), checkpoint::Error> {
        let read = |source| FileError::read(path, source);
        let mut file = File::open(path).map_err(read)?;
        let size = file.metadata().map_err(read)?.len();
        self.write_from(name, size, &mut file)
    }
}
