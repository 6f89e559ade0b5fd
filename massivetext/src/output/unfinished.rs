//! A file that is written under a hidden name and gets its own once it is whole.
//!
//! The hidden name follows from the file's alone: whoever begins the file again, after a process was killed, writes over what
//! that one left. A lock tells whether somebody is writing it now.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// How the hidden names of files end that are being written.
pub const UNFINISHED: &str = ".unfinished";

/// The place of a file that is being written.
pub struct Unfinished {
    path: PathBuf,
    hidden: PathBuf,
}

impl Unfinished {
    /// Begins a file that one process writes at a time.
    ///
    /// # Errors
    /// What the operating system refuses; another process that writes the same file.
    pub fn begin(path: &Path) -> Result<(Self, File)> {
        let place = Self::new(path);
        let file = place.open()?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let detail = "another process is writing it; give each its own --part".to_owned();
                return Err(Error::Folder { path: path.into(), detail });
            }
            // Some file systems have no locks.
            Err(TryLockError::Error(_)) => {}
        }
        place.emptied(file)
    }

    /// Begins a file that several processes may write, each the same: waits while another one does.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn begin_in_turn(path: &Path) -> Result<(Self, File)> {
        let mut place = Self::new(path);
        loop {
            let file = place.open()?;
            match file.lock() {
                Ok(()) if place.is_of(&file) => return place.emptied(file),
                // Who had the lock has given the file its own name: it is no longer ours to write.
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // Without locks, each process has a name of its own.
                    place.hidden.set_extension(format!("{}{UNFINISHED}", std::process::id()));
                    let file = place.open()?;
                    return place.emptied(file);
                }
            }
        }
    }

    fn new(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hidden = path.with_file_name(format!(".{}{UNFINISHED}", name.trim_start_matches('.')));
        Self { path: path.into(), hidden }
    }

    fn open(&self) -> Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        options.open(&self.hidden).map_err(|error| self.failed(error))
    }

    /// Whether the file is the one that has the hidden name.
    fn is_of(&self, file: &File) -> bool {
        let is = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let named = fs::metadata(&self.hidden).map(is);
        file.metadata().map(is).is_ok_and(|open| named.is_ok_and(|named| named == open))
    }

    fn emptied(self, file: File) -> Result<(Self, File)> {
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        match file.set_len(0) {
            Err(error) if is_file => Err(self.failed(error)),
            _ => Ok((self, file)),
        }
    }

    /// What went wrong in writing it.
    pub fn failed(&self, error: io::Error) -> Error {
        Error::io(&self.hidden, error)
    }

    /// Gives the file its name, once it is on disk.
    ///
    /// # Errors
    /// What the operating system refuses, such as a full disk.
    pub fn finish(self, file: &File) -> Result<()> {
        file.sync_all().map_err(|error| self.failed(error))?;
        fs::rename(&self.hidden, &self.path).map_err(|error| Error::io(&self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_a_killed_process_left_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipt.json");
        for begin in [Unfinished::begin, Unfinished::begin_in_turn] {
            let (_, mut file) = begin(&path).unwrap();
            file.write_all(b"more than what is written then").unwrap();
            drop(file);
            let (place, mut file) = begin(&path).unwrap();
            file.write_all(b"whole").unwrap();
            place.finish(&file).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"whole");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_file_that_another_process_writes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000.jsonl");
        let (_, _file) = Unfinished::begin(&path).unwrap();
        let error = Unfinished::begin(&path).map(drop).unwrap_err().to_string();
        assert!(error.contains("another process is writing it"), "{error}");
    }

    #[test]
    fn many_that_write_the_same_leave_one_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".plan.json");
        let text = "the same ".repeat(10_000);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let (place, mut file) = Unfinished::begin_in_turn(&path).unwrap();
                        file.write_all(text.as_bytes()).unwrap();
                        place.finish(&file).unwrap();
                        assert!(fs::read(&path).unwrap() == text.as_bytes());
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
