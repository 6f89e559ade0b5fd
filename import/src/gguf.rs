//! GGUF, llama.cpp's container of a model: metadata by key, and a table of tensors with their bytes.
//!
//! Layout, all little-endian: `GGUF`, version (u32), number of tensors (u64), number of metadata entries (u64); the
//! entries, each a key, a type and a value; the tensors, each a name, dimensions (the fastest first), a type and an
//! offset; then, aligned, the tensors' bytes.

mod header;
mod sizes;
mod tensor;
mod tokenizer;
mod value;
pub mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

pub use crate::floats::Storage;
pub use tensor::TensorInfo;
pub use value::{Array, Scalar, Value};

/// The first bytes of a GGUF file.
pub(crate) const MAGIC: [u8; 4] = *b"GGUF";

/// An open GGUF file whose header has been checked against its size.
#[derive(Debug)]
pub struct Gguf {
    path: PathBuf,
    file: File,
    metadata: BTreeMap<String, Value>,
    tensors: BTreeMap<String, TensorInfo>,
}

impl Gguf {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// A file that cannot be read, is no GGUF file or a damaged one, or is of another version, byte order or with tensors
    /// of types other than those of [`Storage`].
    pub fn open(path: &Path) -> Result<Self> {
        let file = inputs::open(path).map_err(|e| Error::io(path, e))?;
        let length = file.metadata().map_err(|e| Error::io(path, e))?.len();
        let (metadata, tensors) = header::read(path, BufReader::new(&file), length)?;
        Ok(Self { path: path.into(), file, metadata, tensors })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The metadata by key.
    pub fn metadata(&self) -> &BTreeMap<String, Value> {
        &self.metadata
    }

    /// The tensors by name.
    pub fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.tensors
    }

    /// Reads a tensor as f32, dequantised, row-major.
    ///
    /// # Errors
    /// No tensor of this name, or the file cannot be read.
    pub fn read(&mut self, name: &str) -> Result<Vec<f32>> {
        let info = self.tensors.get(name).ok_or_else(|| self.inconsistent(format!("no tensor {name}")))?;
        let mut read = || {
            self.file.seek(SeekFrom::Start(info.offset))?;
            // A type's numbers are not more than a few times its bytes, which are in the file.
            info.storage.read(&mut BufReader::new(&self.file), info.elements() as usize)
        };
        read().map_err(|e| Error::io(&self.path, e))
    }

    pub(crate) fn inconsistent(&self, detail: impl Into<String>) -> Error {
        Error::inconsistent(&self.path, detail)
    }

    /// The value of a key as `T`; `None` if there is no such key.
    ///
    /// # Errors
    /// A value of another type.
    pub(crate) fn get<'a, T: TryFrom<&'a Value>>(&'a self, key: &str) -> Result<Option<T>> {
        let Some(value) = self.metadata.get(key) else { return Ok(None) };
        let wrong =
            || self.inconsistent(format!("metadata {key} = {}: not of the type it should be", value.brief()));
        T::try_from(value).map(Some).map_err(|_| wrong())
    }

    /// [`Gguf::get`] of a key that must be there.
    pub(crate) fn require<'a, T: TryFrom<&'a Value>>(&'a self, key: &str) -> Result<T> {
        self.get(key)?.ok_or_else(|| self.inconsistent(format!("no metadata {key}")))
    }
}
