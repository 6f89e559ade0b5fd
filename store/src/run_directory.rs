//! The folder that holds everything about one run, and explains it.
//!
//! ```text
//! config.toml                 the resolved configuration
//! tokenizer.model             the tokenizer, in SentencePiece's format or as a tokenizer.json
//! import.json                 of an imported model: where it came from
//! from.json                   of a run that began with another's parameters: whose
//! plan.json                   how the model is split over devices
//! metrics.jsonl               one object per step (see `metrics`)
//! events.jsonl                what happened, and what was done (see `events`)
//! rewinds.json                where the run went back
//! events.out.tfevents.*       the same scalars for TensorBoard
//! starts.jsonl                one object per process that worked on the run (see `process_log`)
//! loss.svg                    the loss curve
//! training.svg                loss, learning rate, gradient norm and throughput
//! checkpoints/step-00000300/  see `checkpoint`
//! .lock                       held while a process trains in it
//! ```

mod claim;
pub mod level;
mod unfinished;

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::checkpoint;
use crate::files::FileError;
use crate::leftovers;
use crate::time::civil_date;
use claim::Claim;
pub use unfinished::Unfinished;

/// Why a run directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such run.
    #[error("no run at {}: it has neither a config.toml nor checkpoints; name a run directory with --run DIR", .path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },

    /// A new run would land on an existing one.
    #[error("{} already holds a run: continue it with --resume auto, or name another directory with --run DIR", .path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },

    /// A run that is made whole would land on something else.
    #[error("{} is already there: name another directory for the run, or remove it first", .path.display())]
    Taken {
        /// What is there.
        path: PathBuf,
    },

    /// Another process trains in it.
    #[error("{} is in use by another training process{holder}: wait for it to end, or name another directory with --run DIR", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// " (process 123)", if it is known.
        holder: String,
    },

    /// A file in it cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A run directory, held by this process alone if it was opened for training.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    // Of a run whose folder is still to be made, how it is named.
    planned: Option<Name>,
    // Folders that were made for this run, the innermost first.
    made: Vec<PathBuf>,
    // Of a run that is created, the files that were there before.
    before: Option<Vec<PathBuf>>,
    lock: Option<Lock>,
    // Of a run that is planned at a place that was given, what keeps others of this machine from planning one there.
    _claim: Option<Claim>,
}

/// How a run directory gets its name.
#[derive(Debug)]
enum Name {
    /// It has it.
    Given,
    /// This one in this folder, or the next that is free.
    Free { parent: PathBuf, name: String },
}

impl RunDirectory {
    /// Creates a run at `path`, and its parents, and takes it for training.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is a run already, [`Error::InUse`], or [`Error::File`] if it cannot be written.
    pub fn create(path: impl Into<PathBuf>) -> Result<RunDirectory, Error> {
        let path = path.into();
        let missing = path.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists());
        let mut run = RunDirectory::unlocked(path.clone());
        run.made = missing.map(Path::to_owned).collect();
        fs::create_dir_all(&path).map_err(|source| FileError::write(&path, source))?;
        run.lock = Some(lock(&path)?);
        if RunDirectory::holds_run(&run.path) {
            return Err(Error::Exists { path: run.path });
        }
        run.before = Some(run.files().into_iter().filter(|file| file.exists()).collect());
        let checkpoints = run.checkpoints();
        if !checkpoints.exists() {
            run.made.insert(0, checkpoints.clone());
        }
        fs::create_dir_all(&checkpoints).map_err(|source| FileError::write(&checkpoints, source))?;
        leftovers::add_run(run.remains());
        Ok(run)
    }

    /// Creates `<parent>/<model>-<date>-<time>` (UTC) and takes it for training; a number is added if the name is taken.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn create_named(parent: &Path, model: &str, now: SystemTime) -> Result<RunDirectory, Error> {
        RunDirectory::create_free(parent, &default_name(model, now))
    }

    fn create_free(parent: &Path, name: &str) -> Result<RunDirectory, Error> {
        let missing = parent.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists());
        let mut made: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        fs::create_dir_all(parent).map_err(|source| FileError::write(parent, source))?;
        for attempt in 1.. {
            let path = match attempt {
                1 => parent.join(name),
                _ => parent.join(format!("{name}-{attempt}")),
            };
            match fs::create_dir(&path) {
                Ok(()) => {
                    made.insert(0, path.clone());
                    let mut run = RunDirectory::create(path)?;
                    run.made.append(&mut made);
                    leftovers::forget_run(&run.path);
                    leftovers::add_run(run.remains());
                    return Ok(run);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(FileError::write(&path, source).into()),
            }
        }
        unreachable!("the loop has no end")
    }

    /// A run that is to be at `path`, of which nothing is there until [`RunDirectory::make`].
    ///
    /// # Errors
    /// As [`RunDirectory::create`], which is tried.
    pub fn planned(path: impl Into<PathBuf>) -> Result<RunDirectory, Error> {
        let path = path.into();
        let claim = Claim::take(&path)?;
        RunDirectory::create(&path)?.abandon();
        Ok(RunDirectory { planned: Some(Name::Given), _claim: claim, ..RunDirectory::unlocked(path) })
    }

    /// The same, with a name as [`RunDirectory::create_named`] gives.
    ///
    /// # Errors
    /// As [`RunDirectory::create_named`], which is tried.
    pub fn planned_named(parent: &Path, model: &str, now: SystemTime) -> Result<RunDirectory, Error> {
        let run = RunDirectory::create_named(parent, model, now)?;
        let path = run.path.clone();
        run.abandon();
        let planned = Name::Free { parent: parent.to_owned(), name: default_name(model, now) };
        Ok(RunDirectory { planned: Some(planned), ..RunDirectory::unlocked(path) })
    }

    /// Makes the folder of a run that was only planned, and takes it for training; one that was named by us may get another
    /// name than was planned.
    ///
    /// # Errors
    /// As [`RunDirectory::create`].
    pub fn make(self) -> Result<RunDirectory, Error> {
        match &self.planned {
            None => Ok(self),
            Some(Name::Given) => RunDirectory::create(&self.path),
            Some(Name::Free { parent, name }) => RunDirectory::create_free(parent, name),
        }
    }

    fn unlocked(path: PathBuf) -> RunDirectory {
        RunDirectory { path, planned: None, made: Vec::new(), before: None, lock: None, _claim: None }
    }

    /// Opens an existing run for training.
    ///
    /// # Errors
    /// [`Error::NotARun`], [`Error::InUse`], or [`Error::File`] if it cannot be written.
    pub fn open(path: impl Into<PathBuf>) -> Result<RunDirectory, Error> {
        let run = RunDirectory::read(path)?;
        Ok(RunDirectory { lock: Some(lock(&run.path)?), ..run })
    }

    /// Opens an existing run for reading, also while a process trains in it.
    ///
    /// # Errors
    /// [`Error::NotARun`].
    pub fn read(path: impl Into<PathBuf>) -> Result<RunDirectory, Error> {
        let run = RunDirectory::unlocked(path.into());
        if RunDirectory::holds_run(&run.path) { Ok(run) } else { Err(Error::NotARun { path: run.path }) }
    }

    /// Why nothing keeps another process from training in it too, if this one does and its file system gives no lock.
    pub fn without_lock(&self) -> Option<&io::Error> {
        self.lock.as_ref()?.held.as_ref().err()
    }

    /// Whether a folder holds a run: a configuration, or a checkpoint if that was lost.
    pub fn holds_run(path: &Path) -> bool {
        path.join(checkpoint::CONFIG).is_file()
            || checkpoint::steps(&path.join(CHECKPOINTS)).is_ok_and(|steps| !steps.is_empty())
    }

    /// Takes back a run that could not begin: removes what [`RunDirectory::create`] made and what was put there since, be it
    /// copied from a store or made, with the folders above it that were made for it. A run that was there before stays as it
    /// is.
    pub fn abandon(self) {
        leftovers::forget_run(&self.path);
        self.remains().remove();
    }

    /// Says that the run has begun: from now on it is worth keeping.
    pub fn begin(&self) {
        leftovers::forget_run(&self.path);
    }

    fn remains(&self) -> Remains {
        Remains {
            path: self.path.clone(),
            made: self.made.clone(),
            before: self.before.clone(),
            lock_made: self.lock.as_ref().map(|lock| lock.made),
        }
    }

    /// The files that a run has before its first step, and those that a store has of it.
    fn files(&self) -> [PathBuf; 8] {
        [
            self.config(),
            self.parameter_source(),
            self.tokenizer(),
            self.plan(),
            self.metrics(),
            self.events(),
            self.process_log(),
            self.rewinds(),
        ]
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `config.toml`.
    pub fn config(&self) -> PathBuf {
        self.path.join(checkpoint::CONFIG)
    }

    /// `tokenizer.model`.
    pub fn tokenizer(&self) -> PathBuf {
        self.path.join(checkpoint::TOKENIZER)
    }

    /// `plan.json`.
    pub fn plan(&self) -> PathBuf {
        self.path.join(checkpoint::PLAN)
    }

    /// `import.json`.
    pub fn import(&self) -> PathBuf {
        self.path.join(checkpoint::IMPORT)
    }

    /// `from.json`.
    pub fn parameter_source(&self) -> PathBuf {
        self.path.join("from.json")
    }

    /// `metrics.jsonl`.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// `events.jsonl`.
    pub fn events(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// `rewinds.json`.
    pub fn rewinds(&self) -> PathBuf {
        self.path.join("rewinds.json")
    }

    /// `loss.svg`.
    pub fn loss_chart(&self) -> PathBuf {
        self.path.join("loss.svg")
    }

    /// `training.svg`.
    pub fn training_chart(&self) -> PathBuf {
        self.path.join("training.svg")
    }

    /// `starts.jsonl`.
    pub fn process_log(&self) -> PathBuf {
        self.path.join("starts.jsonl")
    }

    /// `checkpoints`.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }
}

/// What is there of a run that has not begun.
#[derive(Debug)]
pub(crate) struct Remains {
    pub(crate) path: PathBuf,
    // As those of the run directory.
    made: Vec<PathBuf>,
    before: Option<Vec<PathBuf>>,
    // Of the file of the lock, if there is one.
    lock_made: Option<bool>,
}

impl Remains {
    /// Removes what was made for the run, and nothing that holds a file of someone else.
    pub(crate) fn remove(&self) {
        let lock = self.path.join(LOCK);
        let Some(before) = &self.before else {
            if self.lock_made == Some(true) {
                let _ = fs::remove_file(lock);
            }
            return;
        };
        let run = RunDirectory::unlocked(self.path.clone());
        // What cannot be removed is of no use; the error that ends the run is what matters.
        checkpoint::clear_leftovers(&run.checkpoints());
        for step in checkpoint::steps(&run.checkpoints()).unwrap_or_default() {
            let _ = fs::remove_dir_all(checkpoint::folder(&run.checkpoints(), step));
        }
        for file in run.files().iter().filter(|file| !before.contains(file)) {
            let _ = fs::remove_file(file);
        }
        if self.made.contains(&run.checkpoints()) {
            // Folders of checkpoints that came to nothing.
            for entry in fs::read_dir(run.checkpoints()).into_iter().flatten().flatten() {
                let _ = fs::remove_dir(entry.path());
            }
        }
        if self.lock_made != Some(false) {
            let _ = fs::remove_file(lock);
        }
        for folder in &self.made {
            let _ = fs::remove_dir(folder);
        }
    }
}

const LOCK: &str = ".lock";

/// A run directory taken for training, until this is dropped; the system gives it back when the process ends, however it ends.
#[derive(Debug)]
struct Lock {
    // Whether the file was not there before.
    made: bool,
    // The locked file; or the system's reason for giving no lock, on network file systems mostly, where nothing is gained by
    // refusing to train.
    held: Result<File, io::Error>,
}

/// Name of the folder of checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";

fn lock(folder: &Path) -> Result<Lock, Error> {
    let path = folder.join(LOCK);
    let made = !path.exists();
    let write = |source| FileError::write(&path, source);
    let mut file =
        File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(write)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message: without it, the error is still the right one.
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim();
            let holder = if holder.is_empty() { String::new() } else { format!(" (process {holder})") };
            return Err(Error::InUse { path: folder.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Ok(Lock { made, held: Err(error) }),
    }
    file.set_len(0).map_err(write)?;
    writeln!(file, "{}", std::process::id()).map_err(write)?;
    Ok(Lock { made, held: Ok(file) })
}

/// `<model>-<date>-<time>`, as in `44m-20260131-235959`, in UTC.
fn default_name(model: &str, now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |duration| duration.as_secs());
    let (year, month, day) = civil_date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{model}-{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[track_caller]
    fn check_name(seconds: u64, expected: &str) {
        assert_eq!(default_name("44m", UNIX_EPOCH + Duration::from_secs(seconds)), expected);
    }

    #[test]
    fn the_default_name_holds_date_and_time() {
        check_name(0, "44m-19700101-000000");
        check_name(951_782_400, "44m-20000229-000000");
        check_name(951_868_799, "44m-20000229-235959");
        check_name(951_868_800, "44m-20000301-000000");
        check_name(1_709_210_096, "44m-20240229-123456");
        check_name(4_107_542_400, "44m-21000301-000000"); // 2100 has no leap day
    }

    #[test]
    fn a_new_run_is_made_with_its_parents_and_taken() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(folder.path().join("a/b")).unwrap();
        assert!(run.checkpoints().is_dir());
        let message = RunDirectory::create(run.path()).unwrap_err().to_string();
        assert!(message.contains("is in use by another training process (process "), "{message}");
        fs::write(run.config(), "").unwrap();
        let path = run.path().to_owned();
        assert!(RunDirectory::read(&path).is_ok(), "reading needs no lock");
        assert!(matches!(RunDirectory::open(&path), Err(Error::InUse { .. })));
        drop(run);
        assert!(RunDirectory::open(&path).is_ok());
        assert!(matches!(RunDirectory::create(&path), Err(Error::Exists { .. })));
    }

    #[test]
    fn a_run_that_came_to_nothing_leaves_nothing_and_takes_nothing_away() {
        let folder = tempfile::tempdir().unwrap();
        let entries = || fs::read_dir(folder.path()).unwrap().count();
        RunDirectory::create(folder.path().join("a")).unwrap().abandon();
        RunDirectory::create_named(folder.path(), "44m", UNIX_EPOCH).unwrap().abandon();
        assert_eq!(entries(), 0);
        RunDirectory::create(folder.path().join("deep/er/a")).unwrap().abandon();
        RunDirectory::create_named(&folder.path().join("runs"), "44m", UNIX_EPOCH).unwrap().abandon();
        assert_eq!(entries(), 0, "nor the folders above it");
        RunDirectory::create(folder.path()).unwrap().abandon();
        assert!(folder.path().is_dir() && entries() == 0, "a folder that was there stays");
        // What was copied from a store goes with it, and what lay there before stays.
        let theirs = folder.path().join("metrics.jsonl");
        fs::write(&theirs, "").unwrap();
        let run = RunDirectory::create(folder.path()).unwrap();
        fs::write(run.events(), "").unwrap();
        fs::create_dir(checkpoint::folder(&run.checkpoints(), 3)).unwrap();
        run.abandon();
        assert!(theirs.is_file() && entries() == 1);
        // So does an empty folder that was there.
        fs::create_dir_all(folder.path().join("checkpoints/step-00000007")).unwrap();
        RunDirectory::planned(folder.path()).unwrap().abandon();
        assert!(folder.path().join("checkpoints/step-00000007").is_dir() && entries() == 2);
        // So does a run.
        let run = RunDirectory::create(folder.path().join("b")).unwrap();
        fs::write(run.config(), "").unwrap();
        let path = run.path().to_owned();
        drop(run);
        RunDirectory::open(&path).unwrap().abandon();
        assert!(path.join("checkpoints").is_dir() && path.join("config.toml").is_file());
    }

    #[test]
    fn of_a_run_that_is_planned_nothing_is_there_until_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let entries = || fs::read_dir(folder.path()).unwrap().count();
        let planned = RunDirectory::planned(folder.path().join("deep/a")).unwrap();
        let named = || RunDirectory::planned_named(&folder.path().join("runs"), "44m", UNIX_EPOCH).unwrap();
        let (first, second) = (named(), named());
        assert_eq!(entries(), 0);
        assert_eq!(planned.make().unwrap().path(), folder.path().join("deep/a"));
        let (first, second) = (first.make().unwrap(), second.make().unwrap());
        assert_eq!(first.path(), folder.path().join("runs/44m-19700101-000000"));
        assert_eq!(second.path(), folder.path().join("runs/44m-19700101-000000-2"));
        second.abandon();
        RunDirectory::planned(folder.path().join("b")).unwrap().abandon();
        assert_eq!(entries(), 2);
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(RunDirectory::planned(folder.path().join("file/a")).is_err());
        fs::write(first.config(), "").unwrap();
        assert!(matches!(RunDirectory::planned(first.path()), Err(Error::InUse { .. })));
    }

    #[test]
    fn a_run_that_is_opened_and_given_up_has_no_lock_that_it_did_not_have() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.toml"), "").unwrap();
        RunDirectory::open(folder.path()).unwrap().abandon();
        assert!(!folder.path().join(LOCK).exists());
        drop(RunDirectory::open(folder.path()).unwrap());
        RunDirectory::open(folder.path()).unwrap().abandon();
        assert!(folder.path().join(LOCK).exists());
    }

    #[test]
    fn two_runs_of_one_second_get_two_names() {
        let folder = tempfile::tempdir().unwrap();
        let create = || RunDirectory::create_named(&folder.path().join("runs"), "44m", UNIX_EPOCH).unwrap();
        let (first, second) = (create(), create());
        assert_eq!(first.path(), folder.path().join("runs/44m-19700101-000000"));
        assert_eq!(second.path(), folder.path().join("runs/44m-19700101-000000-2"));
    }

    #[test]
    fn a_folder_that_is_no_run_and_one_that_cannot_be_written_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = RunDirectory::open(folder.path()).unwrap_err().to_string();
        assert!(message.starts_with("no run at ") && message.contains("config.toml"), "{message}");
        fs::write(folder.path().join("file"), "").unwrap();
        let error = RunDirectory::create(folder.path().join("file/run")).unwrap_err();
        assert!(matches!(error, Error::File(FileError::NotWritable { .. })), "{error:?}");
    }
}
