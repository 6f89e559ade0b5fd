//! `rewinds.json`: where a run went back, and what it has left out of the data since.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::run_directory::{FileError, write_atomically};
use crate::skipped::{Range, Skipped};

/// One rewind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rewind {
    /// The bad step.
    pub(crate) step: u64,
    /// The step of the checkpoint it went back to.
    pub(crate) to: u64,
    /// What is left out of the data from there on.
    pub(crate) skipped: Range,
}

/// All rewinds of a run, in order, as they are in its directory.
#[derive(Clone, Debug)]
pub(crate) struct Rewinds {
    path: PathBuf,
    list: Vec<Rewind>,
}

impl Rewinds {
    /// Reads the file; without one, there was no rewind.
    ///
    /// # Errors
    /// [`Error::Rewinds`] if it is not one.
    pub(crate) fn read(path: PathBuf) -> Result<Rewinds, Error> {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Rewinds { path, list: Vec::new() });
            }
            Err(source) => return Err(FileError::read(&path, source).into()),
        };
        match serde_json::from_slice(&text) {
            Ok(list) => Ok(Rewinds { path, list }),
            Err(source) => Err(Error::Rewinds { path, reason: source.to_string() }),
        }
    }

    /// Adds a rewind; it is on disk when this returns.
    ///
    /// # Errors
    /// [`FileError`]; the file is then as it was.
    pub(crate) fn add(&mut self, rewind: Rewind) -> Result<(), Error> {
        let mut list = self.list.clone();
        list.push(rewind);
        let text = serde_json::to_string_pretty(&list)
            .map_err(|error| FileError::write(&self.path, io::Error::other(error)))?;
        write_atomically(&self.path, format!("{text}\n").as_bytes())?;
        self.list = list;
        Ok(())
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.list.len() as u64
    }

    /// What is left out of the data, together with what a checkpoint knows of.
    pub(crate) fn skipped(&self, checkpoint: Option<&Skipped>) -> Skipped {
        let mut skipped = checkpoint.cloned().unwrap_or_default();
        self.list.iter().for_each(|rewind| skipped.add(rewind.skipped));
        skipped
    }
}
