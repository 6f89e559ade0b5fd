//! The tensor file: safetensors, written in one pass with its hash, read one tensor at a time.
//!
//! Format: length of the header (u64, little-endian), the header (JSON: name → dtype, shape, offsets), the tensors' bytes
//! (little-endian, row-major). The header's rules are checked by the `safetensors` crate.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use sha2::{Digest, Sha256};

use super::{Error, FileDigest};
use crate::run_directory::FileError;

/// A header larger than this is not one of ours (safetensors' own limit).
const LARGEST_HEADER: u64 = 100_000_000;

/// A named array of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// Name, with `/` between its parts.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Extent of each dimension; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements, little-endian, row-major.
    pub data: Cow<'a, [u8]>,
}

/// Writes the file and puts it on disk.
pub(super) fn write(path: &Path, tensors: &[Tensor<'_>]) -> Result<FileDigest, Error> {
    let mut order: Vec<&Tensor<'_>> = tensors.iter().collect();
    // The widest types first keeps every tensor aligned; then by name, so that the file depends only on its contents.
    order.sort_by(|a, b| b.dtype.cmp(&a.dtype).then_with(|| a.name.cmp(&b.name)));
    let mut names = BTreeSet::new();
    let mut offset = 0;
    let mut infos = Vec::new();
    for tensor in &order {
        let malformed = |reason: String| Err(Error::Tensor { name: tensor.name.clone(), reason });
        if tensor.name == "__metadata__" {
            return malformed("the name has a meaning of its own in a safetensors file".into());
        }
        if !names.insert(&tensor.name) {
            return malformed("the name is used twice".into());
        }
        let elements = tensor.shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent));
        let bits = elements.and_then(|elements| elements.checked_mul(tensor.dtype.bitsize()));
        if bits != tensor.data.len().checked_mul(8) {
            let described = describe(tensor.dtype, &tensor.shape);
            return malformed(format!("{} bytes are not {described}", tensor.data.len()));
        }
        let end = offset + tensor.data.len();
        let info =
            TensorInfo { dtype: tensor.dtype, shape: tensor.shape.clone(), data_offsets: (offset, end) };
        infos.push((tensor.name.clone(), info));
        offset = end;
    }
    let malformed = |reason: String| Error::State { path: path.to_owned(), reason };
    let metadata = Metadata::new(None, infos).map_err(|error| malformed(error.to_string()))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|error| malformed(error.to_string()))?;
    header.resize(header.len().next_multiple_of(8), b' ');

    let chunks = || {
        let tensors = order.iter().map(|tensor| &tensor.data[..]);
        [&header[..]].into_iter().chain(tensors)
    };
    let length = (header.len() as u64).to_le_bytes();
    let mut hash = Sha256::new();
    let mut put = || -> io::Result<()> {
        let mut output = BufWriter::with_capacity(1 << 20, File::create_new(path)?);
        for chunk in [&length[..]].into_iter().chain(chunks()) {
            hash.update(chunk);
            output.write_all(chunk)?;
        }
        output.into_inner().map_err(|error| error.into_error())?.sync_all()
    };
    put().map_err(|source| FileError::write(path, source))?;
    let size = (length.len() + header.len() + offset) as u64;
    Ok(FileDigest { size, sha256: format!("{:x}", hash.finalize()) })
}

/// What lies where in a tensor file.
#[derive(Debug)]
pub(super) struct Header {
    metadata: Metadata,
    /// Position of the first tensor's first byte.
    start: u64,
}

impl Header {
    pub(super) fn read(path: &Path, file: &mut File) -> Result<Header, Error> {
        let malformed = |reason: String| Error::State { path: path.to_owned(), reason };
        let read = |source| FileError::read(path, source);
        let size = file.metadata().map_err(read)?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| malformed("shorter than a safetensors header".into()))?;
        let length = u64::from_le_bytes(length);
        if length > LARGEST_HEADER || length > size - 8 {
            return Err(malformed(format!("a safetensors header of {length} bytes does not fit")));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(read)?;
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|error| malformed(format!("not a safetensors header ({error})")))?;
        let (start, end) = (8 + length, 8 + length + metadata.data_len() as u64);
        if end != size {
            return Err(malformed(format!("the header speaks of {end} bytes, the file has {size}")));
        }
        Ok(Header { metadata, start })
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    fn info(&self, path: &Path, name: &str) -> Result<&TensorInfo, Error> {
        self.metadata.info(name).ok_or_else(|| {
            let path = path.to_owned();
            let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
            let similar = self.names().into_iter().find(|other| last(other) == last(name));
            let hint = similar.map_or(String::new(), |other| format!(" (there is {other})"));
            Error::Missing { path, name: name.to_owned(), hint }
        })
    }

    pub(super) fn check(&self, path: &Path, name: &str, dtype: Dtype, shape: &[usize]) -> Result<(), Error> {
        let info = self.info(path, name)?;
        if info.dtype == dtype && info.shape == shape {
            return Ok(());
        }
        Err(Error::Mismatch {
            path: path.to_owned(),
            name: name.to_owned(),
            expected: describe(dtype, shape),
            got: describe(info.dtype, &info.shape),
        })
    }

    pub(super) fn tensor(&self, path: &Path, file: &mut File, name: &str) -> Result<Tensor<'static>, Error> {
        let info = self.info(path, name)?;
        let (start, end) = info.data_offsets;
        let mut data = vec![0; end - start];
        file.seek(SeekFrom::Start(self.start + start as u64))
            .and_then(|_| file.read_exact(&mut data))
            .map_err(|source| FileError::read(path, source))?;
        Ok(Tensor { name: name.to_owned(), dtype: info.dtype, shape: info.shape.clone(), data: data.into() })
    }
}

fn describe(dtype: Dtype, shape: &[usize]) -> String {
    format!("{dtype:?}{shape:?}")
}
