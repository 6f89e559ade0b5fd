//! Shard files: safetensors, written in one pass with their hash, and what is to be written.
//!
//! Format: length of the header (u64, little-endian), the header (JSON: name → dtype, shape, offsets), the pieces' bytes
//! (little-endian, row-major). The header's rules are checked by the `safetensors` crate.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use inputs::json;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use sha2::{Digest, Sha256};
use xla_sys::HostArray;

use super::manifest::Axis;
use super::region::{Runs, fill};
use super::{Error, FileDigest, Region};
use crate::disk;
use crate::files::FileError;

/// A header larger than this is not one of ours (safetensors' own limit).
const LARGEST_HEADER: u64 = 100_000_000;

/// Bytes that are hashed and written at a time.
const CHUNK: usize = 1 << 16;

/// Tensors of one process, copied to the host, from which a checkpoint is written.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Axes of the mesh the tensors lie on, major first; empty for one device.
    pub mesh: Vec<Axis>,
    /// The tensors.
    pub tensors: Vec<SnapshotTensor>,
}

/// A tensor with those of its pieces that this process holds.
#[derive(Debug)]
pub struct SnapshotTensor {
    /// Name, with `/` between its parts.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Extent of each dimension of the whole; empty for a scalar.
    pub shape: Vec<usize>,
    /// For each dimension, the axes of the mesh over which it is split, major first.
    pub split: Vec<Vec<String>>,
    /// The pieces.
    pub pieces: Vec<SnapshotPiece>,
}

impl SnapshotTensor {
    /// All elements, little-endian and row-major; `None` if the pieces are not all there.
    pub fn whole(&self) -> Option<Cow<'_, [u8]>> {
        let whole = Region::whole(&self.shape);
        if let [SnapshotPiece { region, data }] = &self.pieces[..]
            && *region == whole
        {
            return Some(data.bytes().into());
        }
        let regions: Vec<_> = self.pieces.iter().map(|piece| &piece.region).collect();
        if !fill(&self.shape, &regions) {
            return None;
        }
        let element = self.dtype.bitsize() / 8;
        let mut bytes = vec![0; whole.elements() * element];
        for SnapshotPiece { region, data } in &self.pieces {
            let runs = Runs::new(region, &whole, element);
            runs.copy(&data.bytes()[runs.span()], &mut bytes);
        }
        Some(bytes.into())
    }
}

/// A piece of a tensor.
#[derive(Debug)]
pub struct SnapshotPiece {
    /// Where it is in the whole.
    pub region: Region,
    /// Its elements.
    pub data: HostArray,
}

impl Snapshot {
    /// Bytes of all pieces.
    pub fn bytes(&self) -> usize {
        let pieces = self.tensors.iter().flat_map(|tensor| &tensor.pieces);
        pieces.map(|piece| piece.data.bytes().len()).sum()
    }
}

/// The contents of a shard file under one name.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
}

impl Item {
    pub(super) fn bytes(&self) -> Option<usize> {
        let elements = self.shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent))?;
        elements.checked_mul(self.dtype.bitsize()).map(|bits| bits / 8)
    }
}

/// A shard file being written: all items are named first, then their bytes come in the same order.
pub(super) struct ShardWriter {
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
    buffer: Vec<u8>,
    /// Bytes still to come.
    left: usize,
}

impl ShardWriter {
    pub(super) fn create(path: &Path, items: &[Item]) -> Result<ShardWriter, Error> {
        let mut offset = 0;
        let mut infos = Vec::new();
        for item in items {
            let malformed = |reason: String| Error::Tensor { name: item.name.clone(), reason };
            if item.name == "__metadata__" {
                return Err(malformed("the name has a meaning of its own in a safetensors file".into()));
            }
            let bytes = item.bytes().ok_or_else(|| malformed("it is too large".into()))?;
            let end = offset + bytes;
            let info =
                TensorInfo { dtype: item.dtype, shape: item.shape.clone(), data_offsets: (offset, end) };
            infos.push((item.name.clone(), info));
            offset = end;
        }
        let malformed = |reason: String| Error::Shard { path: path.to_owned(), reason };
        let metadata = Metadata::new(None, infos).map_err(|error| malformed(error.to_string()))?;
        let mut header = serde_json::to_vec(&metadata).map_err(|error| malformed(error.to_string()))?;
        header.resize(header.len().next_multiple_of(8), b' ');
        let file = disk::create_file(path).map_err(|source| FileError::write(path, source))?;
        let buffer = Vec::with_capacity(CHUNK);
        let mut writer =
            ShardWriter { path: path.to_owned(), file, hash: Sha256::new(), size: 0, buffer, left: offset };
        writer.put(&(header.len() as u64).to_le_bytes())?;
        writer.put(&header)?;
        Ok(writer)
    }

    /// The bytes of the next item, or a part of them.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let left = self.left.checked_sub(bytes.len());
        self.left = left.ok_or_else(|| self.miscounted(bytes.len()))?;
        self.put(bytes)
    }

    fn miscounted(&self, more: usize) -> Error {
        let reason = format!("{} bytes were to come, and {more} came", self.left);
        Error::Shard { path: self.path.clone(), reason }
    }

    fn put(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(CHUNK - self.buffer.len()));
            // Whole chunks go from where they are.
            if now.len() == CHUNK {
                self.put_chunk(now)?;
            } else {
                self.buffer.extend_from_slice(now);
                if self.buffer.len() == CHUNK {
                    self.flush()?;
                }
            }
            bytes = rest;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let buffer = std::mem::take(&mut self.buffer);
        self.put_chunk(&buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    fn put_chunk(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.hash.update(chunk);
        self.size += chunk.len() as u64;
        disk::write(&mut self.file, &self.path, chunk)
            .map_err(|source| FileError::write(&self.path, source).into())
    }

    /// Puts the file on disk.
    pub(super) fn finish(mut self) -> Result<FileDigest, Error> {
        if self.left > 0 {
            return Err(self.miscounted(0));
        }
        if !self.buffer.is_empty() {
            self.flush()?;
        }
        disk::sync_file(&self.file, &self.path).map_err(|source| FileError::write(&self.path, source))?;
        Ok(FileDigest { size: self.size, sha256: format!("{:x}", self.hash.finalize()) })
    }
}

/// Writes a small file with its hash, and puts it on disk.
pub(super) fn write_file(path: &Path, contents: &[u8]) -> Result<FileDigest, Error> {
    let put = || {
        let mut file = disk::create_file(path)?;
        disk::write(&mut file, path, contents)?;
        disk::sync_file(&file, path)
    };
    put().map_err(|source| FileError::write(path, source))?;
    Ok(FileDigest { size: contents.len() as u64, sha256: format!("{:x}", Sha256::digest(contents)) })
}

/// The header of a shard: the place of each piece in the file.
#[derive(Debug)]
pub(super) struct Header {
    metadata: Metadata,
    /// Position of the first piece's first byte.
    start: u64,
}

impl Header {
    pub(super) fn read(path: &Path, file: &mut File) -> Result<Header, Error> {
        let malformed = |reason: String| Error::Shard { path: path.to_owned(), reason };
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
        let metadata: Metadata = json::from_slice(&header)
            .map_err(|reason| malformed(format!("not a safetensors header ({reason})")))?;
        let (start, end) = (8 + length, 8 + length + metadata.data_len() as u64);
        if end != size {
            return Err(malformed(format!("the header speaks of {end} bytes, the file has {size}")));
        }
        Ok(Header { metadata, start })
    }

    /// Where the bytes of a piece begin in the file, if it is there and as it is said to be.
    pub(super) fn find(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<u64, String> {
        match self.metadata.info(name) {
            None => Err(format!("it holds no {name}, of which the manifest speaks")),
            Some(info) if info.dtype != dtype || info.shape != shape => Err(format!(
                "{name} is {}, the manifest says {}",
                describe(info.dtype, &info.shape),
                describe(dtype, shape)
            )),
            Some(info) => Ok(self.start + info.data_offsets.0 as u64),
        }
    }
}

pub(super) fn describe(dtype: Dtype, shape: &[usize]) -> String {
    format!("{dtype:?}{shape:?}")
}
