//! `rewinds.json`: where a run went back, and what it has left out of the data since.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{FileError, write_atomically};
use crate::self_checksum::{self, SelfChecksum};
use crate::skipped::{Range, Skipped};

/// Why the list of rewinds cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The list is missing, was changed, or is older than the checkpoint.
    #[error("{}: the list of rewinds cannot be used: {reason}. Put back a copy of it (an object store has one beside the checkpoint), or begin a new run with the checkpoint: --run NEW --resume CHECKPOINT", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// One rewind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewind {
    /// The bad step.
    pub step: u64,
    /// The step of the checkpoint it went back to.
    pub to: u64,
    /// The range left out of the data from there on.
    pub skipped: Range,
}

/// All rewinds of a run, in order, as they are in its directory.
#[derive(Clone, Debug)]
pub struct Rewinds {
    path: PathBuf,
    list: Vec<Rewind>,
}

/// The file's contents.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RewindsFile {
    rewinds: Vec<Rewind>,
    /// See [`crate::self_checksum`].
    #[serde(rename = "seal")]
    self_checksum: String,
}

impl Rewinds {
    /// Those of a run that begins: none, which is written down, so that a file that is lost is missed.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn begin(path: PathBuf) -> Result<Rewinds, Error> {
        let rewinds = Rewinds { path, list: Vec::new() };
        rewinds.write(&rewinds.list)?;
        Ok(rewinds)
    }

    /// Reads the file of a run that went back `least` times before its checkpoint.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it is missing, was changed, or is older than the checkpoint.
    pub fn read(path: PathBuf, least: u64) -> Result<Rewinds, Error> {
        let failed = |path: PathBuf, reason: String| Err(Error::Damaged { path, reason });
        let Some(list) = Rewinds::load(&path)? else { return failed(path, "it is missing".to_owned()) };
        let count = list.len() as u64;
        if count < least {
            let reason = format!("it has {count} rewinds, and the checkpoint was saved after {least}");
            return failed(path, reason);
        }
        Ok(Rewinds { path, list })
    }

    /// Reads the file of a run that may not have begun yet: without one, there was no rewind.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it was changed.
    pub fn read_if_there(path: PathBuf) -> Result<Rewinds, Error> {
        Ok(Rewinds { list: Rewinds::load(&path)?.unwrap_or_default(), path })
    }

    fn load(path: &Path) -> Result<Option<Vec<Rewind>>, Error> {
        let failed = |reason: String| Err(Error::Damaged { path: path.to_owned(), reason });
        let text = match inputs::read(path) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FileError::read(path, source).into()),
        };
        if self_checksum::check(text.trim_end()) != SelfChecksum::Matches {
            return failed("its own sha256, `seal`, is not that of its text: it was changed".to_owned());
        }
        match inputs::json::from_slice::<RewindsFile>(text.as_bytes()) {
            Ok(file) => Ok(Some(file.rewinds)),
            Err(reason) => failed(reason),
        }
    }

    /// Whether these are the rewinds of a run that had `earlier` ones, and maybe more.
    pub fn go_on_from(&self, earlier: &Rewinds) -> bool {
        self.list.starts_with(&earlier.list)
    }

    /// Adds a rewind; it is on disk when this returns.
    ///
    /// # Errors
    /// [`FileError`]; the file is then as it was.
    pub fn add(&mut self, rewind: Rewind) -> Result<(), Error> {
        let mut list = self.list.clone();
        list.push(rewind);
        self.write(&list)?;
        self.list = list;
        Ok(())
    }

    fn write(&self, list: &[Rewind]) -> Result<(), Error> {
        let file = RewindsFile { rewinds: list.to_vec(), self_checksum: String::new() };
        let text = serde_json::to_string_pretty(&file)
            .map_err(|error| FileError::write(&self.path, io::Error::other(error)))?;
        Ok(write_atomically(&self.path, format!("{}\n", self_checksum::complete(&text)).as_bytes())?)
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.list.len() as u64
    }

    /// All ranges left out of the data: those of the list, and those a checkpoint knows of.
    pub fn skipped(&self, checkpoint: Option<&Skipped>) -> Skipped {
        let mut skipped = checkpoint.cloned().unwrap_or_default();
        self.list.iter().for_each(|rewind| skipped.add(rewind.skipped));
        skipped
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with the list of a run that went back from each of these steps, to the step before.
    fn written(steps: &[u64]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rewinds.json");
        let mut rewinds = Rewinds::begin(path.clone()).unwrap();
        for &step in steps {
            let skipped = Range { from: step * 4, until: step * 4 + 8 };
            rewinds.add(Rewind { step, to: step - 1, skipped }).unwrap();
        }
        (folder, path)
    }

    #[track_caller]
    fn check_refused(path: &Path, least: u64, part: &str) {
        let message = Rewinds::read(path.to_owned(), least).unwrap_err().to_string();
        assert!(message.contains("rewinds.json: the list of rewinds cannot be used: "), "{message}");
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (_folder, path) = written(&[]);
        assert_eq!(Rewinds::read(path, 0).unwrap().count(), 0);
        let (_folder, path) = written(&[3, 9]);
        let rewinds = Rewinds::read(path, 2).unwrap();
        assert_eq!((rewinds.count(), rewinds.skipped(None).sequences()), (2, 16));
    }

    #[test]
    fn a_list_that_is_missing_older_or_changed_is_refused() {
        let (_folder, path) = written(&[3, 9]);
        check_refused(&path, 3, "it has 2 rewinds, and the checkpoint was saved after 3");
        let text = fs::read_to_string(&path).unwrap();
        for at in 0..text.len() - 1 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            check_refused(&path, 0, "it was changed");
        }
        fs::write(&path, &text[..text.len() / 2]).unwrap();
        check_refused(&path, 0, "it was changed");
        fs::remove_file(&path).unwrap();
        check_refused(&path, 0, "it is missing");
        assert_eq!(Rewinds::read_if_there(path).unwrap().count(), 0);
    }

    #[test]
    fn a_list_goes_on_from_what_it_begins_with() {
        let check = |list: &[u64], earlier: &[u64], expected: bool| {
            let ((_one, list), (_other, earlier)) = (written(list), written(earlier));
            let read = |path| Rewinds::read(path, 0).unwrap();
            assert_eq!(read(list).go_on_from(&read(earlier)), expected);
        };
        check(&[], &[], true);
        check(&[3], &[], true);
        check(&[3], &[3], true);
        check(&[3, 9], &[3], true);
        check(&[], &[3], false);
        check(&[3], &[3, 9], false);
        check(&[4], &[3], false);
    }
}
