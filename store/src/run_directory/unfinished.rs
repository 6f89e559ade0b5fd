//! A run directory that is made beside its place.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Error, LOCK, RunDirectory, lock};
use crate::disk;
use crate::files::FileError;

/// A run directory under another name beside its place, which gets its name when it is whole: [`Unfinished::finish`].
/// Otherwise it is removed when this is dropped, with the parents that were made for it.
#[derive(Debug)]
pub struct Unfinished {
    run: RunDirectory,
    target: PathBuf,
    finished: bool,
    // Dropped after the run is removed.
    parents: Parents,
}

/// Folders that were made, the innermost first: removed when this is dropped.
#[derive(Debug)]
struct Parents(Vec<PathBuf>);

impl Unfinished {
    /// Begins a run that is to be at `target`. What a killed process left of an earlier one is cleared away.
    ///
    /// # Errors
    /// [`Error::Taken`] if there is anything at `target` but an empty folder, [`Error::InUse`] if another process makes one
    /// for the same place, [`Error::File`] if it cannot be written.
    pub fn begin(target: &Path) -> Result<Unfinished, Error> {
        let is_empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
        let taken = || Error::Taken { path: target.to_owned() };
        let name = target.file_name().ok_or_else(taken)?.to_owned();
        if target.symlink_metadata().is_ok() && !is_empty() {
            return Err(taken());
        }
        let write = |path: &Path, source| Error::from(FileError::write(path, source));
        let parent = parent(target);
        let missing = parent.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists());
        let parents = Parents(missing.map(Path::to_owned).collect());
        disk::create_folder(parent).map_err(|source| write(parent, source))?;
        let mut partial = std::ffi::OsString::from(".partial-");
        partial.push(name);
        let partial = parent.join(partial);
        if partial.exists() {
            // Held by whoever is at work on it.
            drop(lock(&partial)?);
            disk::remove(&partial).map_err(|source| write(&partial, source))?;
        }
        let run = RunDirectory::create(partial)?;
        Ok(Unfinished { run, target: target.to_owned(), finished: false, parents })
    }

    /// The folder as it is now.
    pub fn run(&self) -> &RunDirectory {
        &self.run
    }

    /// Puts the run at its place.
    ///
    /// # Errors
    /// [`Error::File`] if that cannot be written or something is there now. Nothing is left behind.
    pub fn finish(mut self) -> Result<RunDirectory, Error> {
        let target = self.target.clone();
        let write = |source| Error::from(FileError::write(&target, source));
        let partial = self.run().path().to_owned();
        disk::remove(&partial.join(LOCK)).map_err(write)?;
        disk::sync_folder(&partial).map_err(write)?;
        disk::rename_folder(&partial, &target).map_err(write)?;
        self.finished = true;
        self.run().begin();
        self.parents.0.clear();
        disk::sync_folder(parent(&target)).map_err(write)?;
        RunDirectory::read(target)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What cannot be removed only takes space.
        if !self.finished {
            self.run.begin();
            let _ = disk::remove(self.run.path());
        }
    }
}

impl Drop for Parents {
    fn drop(&mut self) {
        for folder in &self.0 {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The folder that a path is in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn it_gets_its_name_when_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("runs/a");
        let unfinished = Unfinished::begin(&target).unwrap();
        fs::write(unfinished.run().config(), "").unwrap();
        assert!(!target.exists());
        let error = Unfinished::begin(&target).unwrap_err();
        assert!(matches!(error, Error::InUse { .. }), "{error}");
        assert_eq!(unfinished.finish().unwrap().path(), target);
        assert_eq!(names(&folder.path().join("runs")), ["a"]);
        assert!(!target.join(LOCK).exists());
    }

    #[test]
    fn it_vanishes_with_the_parents_made_for_it() {
        let folder = tempfile::tempdir().unwrap();
        drop(Unfinished::begin(&folder.path().join("runs/deep/a")).unwrap());
        assert!(names(folder.path()).is_empty());
        fs::create_dir(folder.path().join("runs")).unwrap();
        drop(Unfinished::begin(&folder.path().join("runs/deep/a")).unwrap());
        assert_eq!(names(folder.path()), ["runs"]);
    }

    #[test]
    fn only_an_empty_folder_may_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        fs::create_dir(&target).unwrap();
        let unfinished = Unfinished::begin(&target).unwrap();
        fs::write(unfinished.run().config(), "").unwrap();
        unfinished.finish().unwrap();
        for taken in [target.clone(), target.join("config.toml"), folder.path().join("a/..")] {
            let message = Unfinished::begin(&taken).unwrap_err().to_string();
            assert!(
                message.ends_with("is already there: name another directory for the run, or remove it first")
            );
        }
        assert_eq!(names(folder.path()), ["a"]);
    }

    /// A killed process leaves its folder, and no lock.
    #[test]
    fn what_was_left_of_another_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".partial-a");
        fs::create_dir_all(left.join("checkpoints/step-00000000")).unwrap();
        let unfinished = Unfinished::begin(&folder.path().join("a")).unwrap();
        assert!(!left.join("checkpoints/step-00000000").exists());
        fs::write(unfinished.run().config(), "").unwrap();
        unfinished.finish().unwrap();
        assert_eq!(names(folder.path()), ["a"]);
    }
}
