//! A checkpoint of the run directory, copied to a store.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::catalogue::{remove, tidy};
use super::held::Held;
use super::run_files::RunFiles;
use super::{RUN, RUN_FILES, Store, Writer};
use crate::checkpoint::{Error, FileDigest, MANIFEST, Manifest, Retention, folder_name};
use crate::files::FileError;
use crate::run_directory::RunDirectory;

/// A checkpoint to be uploaded, with its files open: what is removed from the run directory meanwhile is uploaded all the
/// same.
#[derive(Debug)]
pub struct Upload {
    step: u64,
    manifest: Vec<u8>,
    files: Vec<(PathBuf, File, FileDigest)>,
    /// The run's own: name, file, and how many of its bytes.
    run: Vec<(String, File, u64)>,
}

/// The result of an upload.
#[derive(Debug, Default)]
pub struct Uploaded {
    /// Bytes that were sent; 0 if the checkpoint was there.
    pub bytes: u64,
    /// From beginning to end.
    pub elapsed: Duration,
    /// Steps of the checkpoints that were no longer kept and are gone.
    pub removed: Vec<u64>,
    /// Why not all of them are gone. The new checkpoint is good all the same.
    pub not_removed: Option<Error>,
}

impl Upload {
    /// Opens the files of a checkpoint of a run, and the run's own as they are now.
    ///
    /// # Errors
    /// [`Error`] when a file of the checkpoint cannot be opened.
    pub fn open(checkpoint: &Path, run: &RunDirectory) -> Result<Upload, Error> {
        let path = checkpoint.join(MANIFEST);
        let manifest = fs::read(&path).map_err(|source| FileError::read(&path, source))?;
        let Manifest { step, files: listed, metrics, .. } = Manifest::parse(path, &manifest)?;
        let mut files = Vec::new();
        for (name, digest) in listed {
            let path = checkpoint.join(name);
            let file = File::open(&path).map_err(|source| FileError::read(&path, source))?;
            files.push((path, file, digest));
        }
        let mut of_run = Vec::new();
        for path in [run.metrics(), run.events(), run.process_log(), run.rewinds()] {
            let read = |source| FileError::read(&path, source);
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(read(source).into()),
            };
            let mut length = file.metadata().map_err(read)?.len();
            if path == run.metrics() {
                // Those of later steps are none of this checkpoint's.
                length = length.min(metrics.as_ref().map_or(0, |metrics| metrics.bytes));
            }
            of_run.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), file, length));
        }
        Ok(Upload { step, manifest, files, run: of_run })
    }

    /// Its step.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Puts the checkpoint into the store, then removes what is no longer kept there.
    ///
    /// # Errors
    /// [`Error::Store`], also when another process has begun to write there; [`Error::Damaged`] when a file is not what was
    /// saved. There is then no checkpoint of this step in the store.
    pub fn perform(self, store: &Store, writer: &Writer, retention: Retention) -> Result<Uploaded, Error> {
        let (step, start) = (self.step, Instant::now());
        let bytes = self.send(store, writer)?;
        let elapsed = start.elapsed();
        let (removed, not_removed) = match tidy(store, retention, step) {
            Ok(removed) => (removed, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Ok(Uploaded { bytes, elapsed, removed, not_removed })
    }

    fn send(self, store: &Store, writer: &Writer) -> Result<u64, Error> {
        writer.check(store)?;
        let folder = folder_name(self.step);
        let manifest = format!("{folder}/{MANIFEST}");
        let held = Held { step: self.step, files: store.files(&folder)?, folder: folder.clone() };
        if held.is_complete() && store.read(&manifest)?.as_ref() == Some(&self.manifest) {
            return Ok(0);
        }
        remove(store, &held)?;
        let mut bytes = self.manifest.len() as u64;
        for (path, file, expected) in self.files {
            writer.check(store)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let got = send(store, &format!("{folder}/{name}"), file, expected.size)?;
            if got.sha256 != expected.sha256 {
                return Err(Error::Damaged { path, expected: expected.sha256, got: got.sha256 });
            }
            bytes += got.size;
        }
        let mut files = BTreeMap::new();
        for (name, file, length) in self.run {
            writer.check(store)?;
            let got = send(store, &format!("{folder}/{RUN}/{name}"), file, length)?;
            bytes += got.size;
            files.insert(name, got);
        }
        writer.check(store)?;
        store.write(&format!("{folder}/{RUN_FILES}"), RunFiles::new(files).to_text().into_bytes())?;
        writer.check(store)?;
        store.write(&manifest, self.manifest)?;
        Ok(bytes)
    }
}

/// Sends the first bytes of a file. What was sent.
fn send(store: &Store, name: &str, file: File, length: u64) -> Result<FileDigest, Error> {
    let mut source = Hashing { inner: file.take(length), hash: Sha256::new(), size: 0 };
    store.write_from(name, length, &mut source)?;
    Ok(FileDigest { size: source.size, sha256: format!("{:x}", source.hash.finalize()) })
}

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    size: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.size += count as u64;
        Ok(count)
    }
}
