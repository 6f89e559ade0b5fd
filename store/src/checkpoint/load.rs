//! Reading a checkpoint: everything verified first, then any box of any tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use sha2::{Digest, Sha256};

use super::floats::{convert_data, convertible};
use super::manifest::{MANIFEST, Manifest, Piece, TensorEntry, check_size};
use super::region::{Region, Runs};
use super::shard::{Header, describe};
use super::{Error, FileDigest};
use crate::files::FileError;

/// Runs of at least this many bytes are read one by one; shorter ones with what lies between them.
const LONG_RUN: usize = 1 << 16;

/// A checkpoint whose files have been verified.
#[derive(Debug)]
pub struct Checkpoint {
    manifest: Manifest,
    path: PathBuf,
    /// By name.
    shards: BTreeMap<String, File>,
    /// For each piece of each tensor, where its bytes begin in its file.
    starts: Vec<Vec<u64>>,
}

impl Checkpoint {
    /// Opens a checkpoint folder: checks the manifest, the sha256 of every file, and the shards' structure.
    ///
    /// # Errors
    /// One [`Error`] per way it can be wrong; each names the file.
    pub fn open(folder: &Path) -> Result<Checkpoint, Error> {
        let manifest = Manifest::read(folder)?;
        manifest.check_sizes(folder)?;
        for (name, digest) in &manifest.files {
            check_digest(&folder.join(name), digest)?;
        }
        let mut shards: BTreeMap<String, (File, Header)> = BTreeMap::new();
        let mut starts = Vec::new();
        for tensor in &manifest.tensors {
            let mut of_tensor = Vec::new();
            for Piece { file, name, region } in &tensor.pieces {
                let path = folder.join(file);
                if !shards.contains_key(file) {
                    let mut opened = inputs::open(&path).map_err(|source| FileError::read(&path, source))?;
                    let header = Header::read(&path, &mut opened)?;
                    shards.insert(file.clone(), (opened, header));
                }
                let found = shards[file].1.find(name, tensor.dtype, &region.shape);
                of_tensor.push(found.map_err(|reason| Error::Shard { path, reason })?);
            }
            starts.push(of_tensor);
        }
        let shards = shards.into_iter().map(|(name, (file, _))| (name, file)).collect();
        Ok(Checkpoint { manifest, path: folder.to_owned(), shards, starts })
    }

    /// The manifest: what the checkpoint belongs to, and its contents.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same, of which the folder has been renamed since.
    pub(crate) fn moved_to(self, path: PathBuf) -> Checkpoint {
        Checkpoint { path, ..self }
    }

    /// One of the further files, such as [`super::CONFIG`].
    ///
    /// # Errors
    /// [`Error::File`] if there is none or it cannot be read.
    pub fn file(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path.join(name);
        Ok(inputs::read(&path).map_err(|source| FileError::read(&path, source))?)
    }

    /// Names of the tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.manifest.tensors.iter().map(|tensor| tensor.name.as_str())
    }

    /// The manifest's entry of a tensor.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no tensor of the name.
    pub fn tensor(&self, name: &str) -> Result<&TensorEntry, Error> {
        Ok(&self.manifest.tensors[self.index(name)?])
    }

    fn index(&self, name: &str) -> Result<usize, Error> {
        let found = self.names().position(|other| other == name);
        found.ok_or_else(|| {
            let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
            let similar = self.names().find(|other| last(other) == last(name));
            let hint = similar.map_or(String::new(), |other| format!(" (there is {other})"));
            Error::Missing { path: self.path.clone(), name: name.to_owned(), hint }
        })
    }

    /// Checks that a tensor has this type and shape.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no tensor of the name, [`Error::Mismatch`] when it has another dtype or shape.
    pub fn expect(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<(), Error> {
        let tensor = self.tensor(name)?;
        if tensor.dtype == dtype && tensor.shape == shape {
            return Ok(());
        }
        Err(Error::Mismatch {
            path: self.path.clone(),
            name: name.to_owned(),
            expected: describe(dtype, shape),
            got: describe(tensor.dtype, &tensor.shape),
        })
    }

    /// Reads a whole tensor: its elements, little-endian, row-major.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::File`] if it cannot be read.
    pub fn read_whole(&self, name: &str) -> Result<Vec<u8>, Error> {
        let tensor = self.tensor(name)?;
        let mut data = vec![0; tensor.bytes()];
        self.read(name, &Region::whole(&tensor.shape), &mut data)?;
        Ok(data)
    }

    /// Reads a box of a tensor into `data`, row-major, from the pieces that it lies in.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Tensor`] when the box is outside of the tensor or does not fill `data`;
    /// [`Error::File`] if it cannot be read.
    pub fn read(&self, name: &str, region: &Region, data: &mut [u8]) -> Result<(), Error> {
        let index = self.index(name)?;
        let tensor = &self.manifest.tensors[index];
        let element_bytes = tensor.dtype.bitsize() / 8;
        if !region.fits(&tensor.shape) || data.len() != region.elements() * element_bytes {
            let shape = &tensor.shape;
            let reason = format!("{region:?} in {} bytes is no part of {shape:?}", data.len());
            return Err(Error::Tensor { name: name.to_owned(), reason });
        }
        for (piece, &start) in tensor.pieces.iter().zip(&self.starts[index]) {
            let runs = Runs::new(&piece.region, region, element_bytes);
            let read = self.read_runs(&self.shards[&piece.file], start, &runs, data);
            read.map_err(|source| FileError::read(&self.path.join(&piece.file), source))?;
        }
        Ok(())
    }

    /// As [`Checkpoint::read`], of a tensor of floats that is wanted as `dtype`: rounded to the nearest, ties to even.
    ///
    /// # Errors
    /// As [`Checkpoint::read`]; [`Error::Tensor`] also for a dtype that cannot be converted.
    pub fn read_as(&self, name: &str, region: &Region, dtype: Dtype, data: &mut [u8]) -> Result<(), Error> {
        let stored = self.tensor(name)?.dtype;
        if stored == dtype {
            return self.read(name, region, data);
        }
        if !convertible(dtype, stored) {
            let reason = format!("it is {stored:?}, which is not converted to {dtype:?}");
            return Err(Error::Tensor { name: name.to_owned(), reason });
        }
        let mut bytes = vec![0; region.elements() * stored.bitsize() / 8];
        self.read(name, region, &mut bytes)?;
        let converted = convert_data(bytes, stored, dtype);
        if converted.len() != data.len() {
            let reason = format!("{region:?} as {dtype:?} has {} bytes, not {}", converted.len(), data.len());
            return Err(Error::Tensor { name: name.to_owned(), reason });
        }
        data.copy_from_slice(&converted);
        Ok(())
    }

    fn read_runs(&self, mut file: &File, start: u64, runs: &Runs, data: &mut [u8]) -> io::Result<()> {
        let mut read = |at: usize, into: &mut [u8]| {
            file.seek(SeekFrom::Start(start + at as u64))?;
            file.read_exact(into)
        };
        if runs.length >= LONG_RUN || runs.starts.len() == 1 {
            for &(source, target) in &runs.starts {
                read(source, &mut data[target..target + runs.length])?;
            }
            return Ok(());
        }
        let span = runs.span();
        let mut bytes = vec![0; span.len()];
        read(span.start, &mut bytes)?;
        runs.copy(&bytes, data);
        Ok(())
    }
}

/// The verification of one file of a checkpoint.
#[derive(Debug)]
pub struct FileState {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub problem: Option<Error>,
}

/// Verifies every file of a checkpoint, and says of each what is wrong.
pub fn verify(folder: &Path) -> Vec<FileState> {
    let state =
        |name: &str, result: Result<(), Error>| FileState { name: name.into(), problem: result.err() };
    let manifest = match Manifest::read(folder) {
        Ok(manifest) => manifest,
        Err(error) => return vec![state(MANIFEST, Err(error))],
    };
    let named = super::step_of(&folder.file_name().unwrap_or_default().to_string_lossy());
    let expected = match named {
        Some(step) if step != manifest.step => {
            let reason = format!("it speaks of step {}", manifest.step);
            Err(Error::Manifest { path: folder.join(MANIFEST), reason })
        }
        _ => Ok(()),
    };
    let mut states = vec![state(MANIFEST, expected)];
    states.extend(manifest.files.iter().map(|(name, digest)| {
        let path = folder.join(name);
        state(name, check_size(&path, digest).and_then(|()| check_digest(&path, digest)))
    }));
    if states.iter().all(|state| state.problem.is_none())
        && let Err(error) = Checkpoint::open(folder)
    {
        states.push(state("shards", Err(error)));
    }
    states
}

fn check_digest(path: &Path, digest: &FileDigest) -> Result<(), Error> {
    let got = sha256(path).map_err(|source| FileError::read(path, source))?;
    if got == digest.sha256 {
        return Ok(());
    }
    Err(Error::Damaged { path: path.to_owned(), expected: digest.sha256.clone(), got })
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = inputs::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:x}", hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}
