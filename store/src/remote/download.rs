//! A checkpoint of a store, copied to this machine and verified.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::held::{Held, held};
use super::run_files::RunFiles;
use super::{RUN, Store};
use crate::checkpoint::{self, CONFIG, Checkpoint, Error, MANIFEST, PARTIAL, PLAN, clear_leftovers};
use crate::disk;
use crate::files::{FileError, write_atomically};
use crate::process_log::ProcessLog;
use crate::rewinds::{self, Rewinds};
use crate::run_directory::RunDirectory;

/// Copies a checkpoint to `folder/step-N` and opens it: the given step, or the newest good one; what is passed over is
/// reported to `warn`.
///
/// # Errors
/// As [`Checkpoint::open`]; [`super::Error::Missing`] if there is none, and [`Error::Store`].
pub fn fetch(
    store: &Store,
    step: Option<u64>,
    folder: &Path,
    warn: &mut dyn FnMut(&str),
) -> Result<Checkpoint, Error> {
    let missing = |what: String| super::Error::Missing { address: store.address().clone(), what };
    let mut newest = None;
    for held in held(store)?.into_iter().rev().filter(Held::is_complete) {
        if step.is_some_and(|step| step != held.step) {
            continue;
        }
        match download(store, &held, &folder.join(&held.folder)) {
            Err(error) if error.is_damage() && step.is_none() => {
                warn(&passing_over(store, &held, &error));
                newest.get_or_insert(error);
            }
            result => return result,
        }
    }
    Err(match (newest, step) {
        (Some(newest), _) => none_good(store, &newest),
        (None, Some(step)) => missing(format!("checkpoint of step {step}")).into(),
        (None, None) => missing("checkpoint".to_owned()).into(),
    })
}

/// The configuration of a checkpoint, the given one or the newest good one, and where it lies.
///
/// # Errors
/// As [`fetch`]; nothing is written.
pub fn config(store: &Store, step: Option<u64>) -> Result<(String, String), Error> {
    let mut damage = None;
    for held in held(store)?.into_iter().rev().filter(Held::is_complete) {
        if step.is_some_and(|step| step != held.step) {
            continue;
        }
        match config_of(store, &held) {
            // Who goes on from there is told of it.
            Err(error) if error.is_damage() && step.is_none() => _ = damage.get_or_insert(error),
            result => return result,
        }
    }
    let what = step.map_or("checkpoint".to_owned(), |step| format!("checkpoint of step {step}"));
    let missing = || super::Error::Missing { address: store.address().clone(), what }.into();
    Err(damage.unwrap_or_else(missing))
}

fn config_of(store: &Store, held: &Held) -> Result<(String, String), Error> {
    let manifest = held.manifest(store)?;
    let object = format!("{}/{CONFIG}", held.folder);
    let path = store.address().place(&object);
    let bytes = store.read(&object)?.unwrap_or_default();
    let expected = manifest.files.get(CONFIG).map(|digest| digest.sha256.clone()).unwrap_or_default();
    let got = format!("{:x}", Sha256::digest(&bytes));
    match String::from_utf8(bytes) {
        Ok(text) if got == expected => Ok((path.display().to_string(), text)),
        _ => Err(Error::Damaged { path, expected, got }),
    }
}

fn passing_over(store: &Store, held: &Held, error: &Error) -> String {
    format!("passing over {}: {error}", store.address().place(&held.folder).display())
}

fn none_good(store: &Store, newest: &Error) -> Error {
    Error::NoneGood { path: PathBuf::from(store.address().to_string()), newest: newest.to_string() }
}

/// Copies a checkpoint to a folder of another name than a checkpoint's, or where nothing else looks, and verifies it.
fn download(store: &Store, held: &Held, folder: &Path) -> Result<Checkpoint, Error> {
    let write = |path: &Path, source| Error::from(FileError::write(path, source));
    if folder.exists() {
        disk::remove(folder).map_err(|source| write(folder, source))?;
    }
    disk::create_folder(folder).map_err(|source| write(folder, source))?;
    // Before anything large is read: sizes tell already whether it can be good.
    let manifest = held.manifest(store)?;
    for (name, digest) in &manifest.files {
        let path = folder.join(name);
        let mut file = disk::create_file(&path).map_err(|source| write(&path, source))?;
        store.read_parts(&format!("{}/{name}", held.folder), digest.size, &mut |bytes| {
            disk::write(&mut file, &path, bytes).map_err(|source| write(&path, source))
        })?;
        disk::sync_file(&file, &path).map_err(|source| write(&path, source))?;
    }
    let object = format!("{}/{MANIFEST}", held.folder);
    let text = store.read(&object)?.unwrap_or_default();
    write_atomically(&folder.join(MANIFEST), &text)?;
    disk::sync_folder(folder).map_err(|source| write(folder, source))?;
    Checkpoint::open(folder)
}

/// Checks that a run can go on from a checkpoint.
pub type Check<'a, E> = dyn Fn(&Checkpoint) -> Result<(), E> + 'a;

/// Why a checkpoint is not restored.
#[derive(Debug)]
pub enum RestoreError<E> {
    /// There is none that can be used, or the store or the run directory cannot be.
    Checkpoint(Error),
    /// The list of rewinds cannot be used.
    Rewinds(rewinds::Error),
    /// The run cannot go on from it, says the caller's [`Check`].
    Refused(E),
}

impl<E> From<Error> for RestoreError<E> {
    fn from(error: Error) -> RestoreError<E> {
        RestoreError::Checkpoint(error)
    }
}

impl<E> From<FileError> for RestoreError<E> {
    fn from(error: FileError) -> RestoreError<E> {
        RestoreError::Checkpoint(error.into())
    }
}

impl<E> From<rewinds::Error> for RestoreError<E> {
    fn from(error: rewinds::Error) -> RestoreError<E> {
        RestoreError::Rewinds(error)
    }
}

/// Restores the newest good checkpoint of a store that is newer than `local`, the newest good one of the run directory,
/// with the run's own files; `None` if there is none. What is passed over is reported to `warn`.
///
/// # Errors
/// [`Error::NoneGood`] if there are checkpoints, none can be used, and there is no local one; the error of `check`;
/// [`super::Error::OtherRun`]. The run directory is then as it was.
pub fn restore_newest<E>(
    store: &Store,
    run: &RunDirectory,
    local: Option<&Checkpoint>,
    check: &Check<'_, E>,
    warn: &mut dyn FnMut(&str),
) -> Result<Option<Checkpoint>, RestoreError<E>> {
    let complete = held(store)?.into_iter().rev().filter(Held::is_complete).collect::<Vec<_>>();
    if let (Some(local), Some(newest)) = (local, complete.first())
        && let Ok(manifest) = newest.manifest(store)
        && (manifest.config_digest != local.manifest().config_digest || !is_of(run, store, newest)?)
    {
        let (address, run) = (store.address().clone(), run.path().display().to_string());
        return Err(Error::from(super::Error::OtherRun { address, run }).into());
    }
    let newer = |held: &&Held| local.is_none_or(|local| held.step > local.manifest().step);
    let mut newest = None;
    for held in complete.iter().filter(newer) {
        match restore_held(store, run, held, false, check) {
            Ok(Some(checkpoint)) => return Ok(Some(checkpoint)),
            Ok(None) => warn(&format!(
                "passing over {}: the run has gone back since, and left it behind",
                store.address().place(&held.folder).display()
            )),
            Err(RestoreError::Checkpoint(error)) if error.is_damage() => {
                warn(&passing_over(store, held, &error));
                newest.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match newest {
        Some(newest) if local.is_none() => Err(none_good(store, &newest).into()),
        _ => Ok(None),
    }
}

/// Whether a checkpoint is of this run, as far as both say which process began it.
fn is_of(run: &RunDirectory, store: &Store, held: &Held) -> Result<bool, Error> {
    let own = ProcessLog::read(&run.process_log())?;
    let name = run.process_log().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let there = store.read(&format!("{}/{RUN}/{name}", held.folder)).map_err(Error::from)?;
    let there = there.map(|bytes| ProcessLog::parse(&bytes));
    Ok(match (own.origin(), there.and_then(|starts| starts.origin())) {
        (Some(own), Some(there)) => own == there,
        _ => true,
    })
}

/// Restores the checkpoint of a step.
///
/// # Errors
/// As [`restore_newest`], and [`super::Error::Missing`].
pub fn restore<E>(
    store: &Store,
    run: &RunDirectory,
    step: u64,
    check: &Check<'_, E>,
) -> Result<Checkpoint, RestoreError<E>> {
    let found = held(store)?.into_iter().find(|held| held.step == step && held.is_complete());
    let missing = || {
        let (address, what) = (store.address().clone(), format!("checkpoint of step {step}"));
        Error::from(super::Error::Missing { address, what })
    };
    let found = found.ok_or_else(missing)?;
    Ok(restore_held(store, run, &found, true, check)?.ok_or_else(missing)?)
}

/// Restores a checkpoint; if it is not one that the user has `chosen`, only if the run has not gone back behind it since.
fn restore_held<E>(
    store: &Store,
    run: &RunDirectory,
    held: &Held,
    chosen: bool,
    check: &Check<'_, E>,
) -> Result<Option<Checkpoint>, RestoreError<E>> {
    let checkpoints = run.checkpoints();
    let partial = checkpoints.join(format!("{PARTIAL}{}", held.folder));
    let restored = (|| {
        let checkpoint = download(store, held, &partial)?;
        check(&checkpoint).map_err(RestoreError::Refused)?;
        let files = download_run_files(store, run, held)?;
        if !chosen && !goes_on_from(run, files.get(&run.rewinds()))? {
            return Ok(None);
        }
        // The checkpoint is the last that gets its name: without it, all this is done again.
        for (path, file) in files {
            let is_metrics = path == run.metrics();
            let known = checkpoint.manifest().metrics.as_ref();
            let wanted = match is_metrics {
                true => !known.is_some_and(|metrics| metrics.matches(&path)),
                false => !path.exists() || !chosen && path == run.rewinds(),
            };
            if wanted {
                disk::rename_file(file, &path).map_err(|source| FileError::write(&path, source))?;
            }
        }
        if !run.plan().exists() {
            write_atomically(&run.plan(), &checkpoint.file(PLAN)?)?;
        }
        let target = checkpoint::folder(&checkpoints, held.step);
        disk::sync_folder(run.path()).map_err(|source| FileError::write(run.path(), source))?;
        disk::put_in_place(&partial, &target).map_err(|source| FileError::write(&target, source))?;
        disk::sync_folder(&checkpoints).map_err(|source| FileError::write(&checkpoints, source))?;
        Ok(Some(checkpoint.moved_to(target)))
    })();
    // A damaged one that was at its name, or what is of no use.
    clear_leftovers(&checkpoints);
    restored
}

/// Copies the run's own files beside their places, by these.
fn download_run_files(
    store: &Store,
    run: &RunDirectory,
    held: &Held,
) -> Result<BTreeMap<PathBuf, NamedTempFile>, Error> {
    let listed = RunFiles::read(store, held)?;
    let mut files = BTreeMap::new();
    for path in [run.metrics(), run.events(), run.process_log(), run.rewinds()] {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(digest) = listed.files.get(&name) else { continue };
        held.check_size(store, &format!("{RUN}/{name}"), digest)?;
        let write = |source| Error::from(FileError::write(&path, source));
        let object = format!("{}/{RUN}/{name}", held.folder);
        let mut file = disk::create_temporary(run.path(), PARTIAL).map_err(write)?;
        let mut hash = Sha256::new();
        store.read_parts(&object, digest.size, &mut |bytes| {
            hash.update(bytes);
            disk::write(&mut file, &path, bytes).map_err(write)
        })?;
        let got = format!("{:x}", hash.finalize());
        if got != digest.sha256 {
            let path = store.address().place(&object);
            return Err(Error::Damaged { path, expected: digest.sha256.clone(), got });
        }
        disk::sync_file(file.as_file(), &path).map_err(write)?;
        files.insert(path, file);
    }
    Ok(files)
}

/// Whether a checkpoint's list of rewinds goes on from that of the run directory: if the run has gone back since, it has left
/// the checkpoint behind.
fn goes_on_from<E>(
    run: &RunDirectory,
    of_checkpoint: Option<&NamedTempFile>,
) -> Result<bool, RestoreError<E>> {
    let of_run = match checkpoint::steps(&run.checkpoints())?.is_empty() {
        true => Rewinds::read_if_there(run.rewinds())?,
        false => Rewinds::read(run.rewinds(), 0)?,
    };
    match of_checkpoint {
        Some(file) => Ok(Rewinds::read_if_there(file.path().to_owned())?.go_on_from(&of_run)),
        None => Ok(of_run.count() == 0),
    }
}

/// The folder of a checkpoint that was copied for a run to begin with, in the run's folder of checkpoints: cleared away with
/// the first save.
pub fn folder_for_another_run(run: &RunDirectory) -> PathBuf {
    run.checkpoints().join(format!("{PARTIAL}of-another-run"))
}
