//! Safetensors: headers read and checked, tensors read from where they lie.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;

use super::json;
use crate::floats::Storage;
use crate::{Error, Result};

/// The weights where one file has them all.
const SINGLE: &str = "model.safetensors";
/// Which file has which tensor, where there are several.
const INDEX: &str = "model.safetensors.index.json";
/// The longest header, which is the limit of the format's own library.
const LONGEST_HEADER: u64 = 100_000_000;
/// The header's length, before it.
const PREFIX: u64 = 8;

/// The tensors of a folder.
#[derive(Debug)]
pub(super) struct Tensors {
    folder: PathBuf,
    by_name: BTreeMap<String, Place>,
}

/// Where a tensor lies.
#[derive(Debug, Clone)]
struct Place {
    file: PathBuf,
    offset: u64,
    shape: Vec<usize>,
    storage: Storage,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Tensors {
    /// Reads the headers of a folder's files.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let (single, index) = (folder.join(SINGLE), folder.join(INDEX));
        let by_name = if single.is_file() {
            header(&single)?
        } else if index.is_file() {
            sharded(folder, &index)?
        } else {
            let pytorch = ["pytorch_model.bin", "pytorch_model.bin.index.json"];
            let detail = match pytorch.iter().find(|name| folder.join(name).is_file()) {
                Some(name) => format!("{name} is not read; save the model as {SINGLE}"),
                None => format!("neither {SINGLE} nor {INDEX}"),
            };
            return Err(Error::inconsistent(folder, detail));
        };
        Ok(Self { folder: folder.into(), by_name })
    }

    pub(super) fn shapes(&self) -> BTreeMap<String, Vec<u64>> {
        let shape = |place: &Place| place.shape.iter().map(|&size| size as u64).collect();
        self.by_name.iter().map(|(name, place)| (name.clone(), shape(place))).collect()
    }

    /// The files in which the tensors lie.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        self.by_name.values().map(|place| place.file.clone()).collect()
    }

    pub(super) fn storages(&self) -> impl Iterator<Item = Storage> {
        self.by_name.values().map(|place| place.storage)
    }

    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>> {
        let missing = || Error::inconsistent(&self.folder, format!("no tensor {name}"));
        let Place { file, offset, shape, storage } = self.by_name.get(name).ok_or_else(missing)?;
        let read = || {
            let mut reader = BufReader::new(inputs::open(file)?);
            reader.seek(SeekFrom::Start(*offset))?;
            // The header was checked against the file's size: the product is no longer than the file.
            storage.read(&mut reader, shape.iter().product())
        };
        read().map_err(|e| Error::io(file, e))
    }
}

/// Where the tensors of one file lie.
fn header(path: &Path) -> Result<BTreeMap<String, Place>> {
    let damaged = |detail| Error::Damaged { path: path.into(), format: "a safetensors file", detail };
    let io = |e| Error::io(path, e);
    let mut file = inputs::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    if length < PREFIX {
        return Err(damaged(format!("it has {length} bytes")));
    }
    let mut prefix = [0; PREFIX as usize];
    file.read_exact(&mut prefix).map_err(io)?;
    let header = u64::from_le_bytes(prefix);
    if header > (length - PREFIX).min(LONGEST_HEADER) {
        let left = length - PREFIX;
        return Err(damaged(format!(
            "a header of {header} bytes, of at most {LONGEST_HEADER} and the {left} that follow"
        )));
    }
    let mut bytes = vec![0; header as usize];
    file.read_exact(&mut bytes).map_err(io)?;
    let metadata: Metadata = inputs::json::from_slice(&bytes).map_err(damaged)?;
    let data = metadata.data_len() as u64;
    if PREFIX + header + data != length {
        let left = length - PREFIX - header;
        return Err(damaged(format!("tensors of {data} bytes in all, but {left} bytes follow the header")));
    }
    let place = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let storage = match info.dtype {
            Dtype::F32 => Storage::F32,
            Dtype::F16 => Storage::F16,
            Dtype::BF16 => Storage::Bf16,
            other => {
                let what = format!("tensor {name} of type {other:?}");
                return Err(Error::unsupported(path, what, "supported are F32, F16 and BF16"));
            }
        };
        let offset = PREFIX + header + info.data_offsets.0 as u64;
        Ok((name, Place { file: path.into(), offset, shape: info.shape.clone(), storage }))
    };
    metadata.tensors().into_iter().map(place).collect()
}

/// Where the tensors of several files lie.
fn sharded(folder: &Path, index: &Path) -> Result<BTreeMap<String, Place>> {
    let damaged =
        |detail| Error::Damaged { path: index.into(), format: "an index of safetensors files", detail };
    let parsed: Index = inputs::json::from_slice(&json::read(index)?).map_err(damaged)?;
    let mut files: BTreeMap<&str, BTreeMap<String, Place>> = BTreeMap::new();
    let mut by_name = BTreeMap::new();
    for (name, file) in &parsed.weight_map {
        let mut components = Path::new(file).components();
        if !matches!((components.next(), components.next()), (Some(Component::Normal(_)), None)) {
            return Err(damaged(format!(
                "tensor {name} is in {file:?}, which is no name of a file in the folder"
            )));
        }
        if !files.contains_key(file.as_str()) {
            files.insert(file, header(&folder.join(file))?);
        }
        let place = files[file.as_str()].get(name);
        let place =
            place.ok_or_else(|| damaged(format!("tensor {name} is not in {file}, where it should be")))?;
        by_name.insert(name.clone(), place.clone());
    }
    Ok(by_name)
}
