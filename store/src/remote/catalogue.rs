//! The checkpoints of a store: which there are, whether they are whole, which are no longer kept.

use sha2::{Digest, Sha256};

use super::held::{Held, held};
use super::run_files::RunFiles;
use super::{RUN_FILES, Store};
use crate::checkpoint::{
    CheckpointEntry, Error, FileDigest, FileState, MANIFEST, Manifest, Retention, folder_name,
};

/// How folders begin that were set aside.
const ASIDE: &str = "aside-";

/// As [`steps`], of those to which a run may go back.
///
/// # Errors
/// [`Error::Store`] when the store cannot be read.
pub fn planned_steps(store: &Store) -> Result<Vec<u64>, Error> {
    let complete = held(store)?.into_iter().filter(Held::is_complete);
    let planned = complete.map(|held| Ok(held.may_be_planned(store)?.then_some(held.step)));
    planned.filter_map(Result::transpose).collect()
}

/// Steps of the checkpoints of a store, ascending.
pub fn steps(store: &Store) -> Result<Vec<u64>, Error> {
    Ok(held(store)?.iter().filter(|held| held.is_complete()).map(|held| held.step).collect())
}

/// The checkpoints of a store, oldest first, as [`checkpoint::list`](crate::checkpoint::list) lists those of a run; and
/// uploads that were cut off.
///
/// # Errors
/// [`Error::Store`] when the store cannot be read.
pub fn list(store: &Store) -> Result<Vec<CheckpointEntry>, Error> {
    let mut entries = Vec::new();
    for held in held(store)? {
        let manifest = match held.manifest(store) {
            Err(error @ Error::Store(_)) => return Err(error),
            manifest => manifest,
        };
        entries.push(CheckpointEntry {
            step: held.step,
            path: store.address().place(&held.folder),
            manifest,
        });
    }
    Ok(entries)
}

/// Verifies every hash of a checkpoint in a store, without keeping any of it, and says of each object what is wrong.
///
/// # Errors
/// [`Error::Store`] when the store cannot be read; objects that are missing or damaged are no error.
pub fn verify(store: &Store, step: u64) -> Result<Vec<FileState>, Error> {
    let folder = folder_name(step);
    let held = Held { step, files: store.files(&folder)?, folder };
    let mut states = Vec::new();
    let mut state = |name: &str, result: Result<(), Error>| match result {
        Err(error @ Error::Store(_)) => Err(error),
        result => {
            states.push(FileState { name: name.to_owned(), problem: result.err() });
            Ok(())
        }
    };
    let manifest = match held.manifest(store) {
        Ok(manifest) => manifest,
        // Of a file that is too short, its own line says so.
        Err(Error::Incomplete { .. }) => {
            let path = store.address().place(&format!("{}/{MANIFEST}", held.folder));
            let bytes = store.read(&format!("{}/{MANIFEST}", held.folder))?.unwrap_or_default();
            Manifest::parse(path, &bytes)?
        }
        Err(error) => {
            state(MANIFEST, Err(error))?;
            return Ok(states);
        }
    };
    state(MANIFEST, Ok(()))?;
    for (name, digest) in &manifest.files {
        state(name, check(store, &held, name, digest))?;
    }
    match RunFiles::read(store, &held) {
        Ok(run) => {
            state(RUN_FILES, Ok(()))?;
            for (name, digest) in run.objects() {
                state(&name, check(store, &held, &name, digest))?;
            }
        }
        Err(error) => state(RUN_FILES, Err(error))?,
    }
    Ok(states)
}

fn check(store: &Store, held: &Held, name: &str, digest: &FileDigest) -> Result<(), Error> {
    held.check_size(store, name, digest)?;
    let object = format!("{}/{name}", held.folder);
    let mut hash = Sha256::new();
    store.read_parts(&object, digest.size, &mut |bytes| {
        hash.update(bytes);
        Ok(())
    })?;
    let got = format!("{:x}", hash.finalize());
    if got == digest.sha256 {
        return Ok(());
    }
    Err(Error::Damaged { path: store.address().place(&object), expected: digest.sha256.clone(), got })
}

/// Removes a folder: first what makes it a checkpoint.
pub(super) fn remove(store: &Store, held: &Held) -> Result<(), Error> {
    let rest = held.files.keys().filter(|name| *name != MANIFEST).map(String::as_str);
    let manifest = held.is_complete().then_some(MANIFEST);
    for name in manifest.into_iter().chain(rest) {
        store.remove(&format!("{}/{name}", held.folder))?;
    }
    store.remove_rest(&held.folder);
    Ok(())
}

/// Removes checkpoints that are no longer kept, `newest` being the newest that counts, and what uploads have left that were
/// cut off. Steps of the checkpoints that are gone.
pub(super) fn tidy(store: &Store, retention: Retention, newest: u64) -> Result<Vec<u64>, Error> {
    let (complete, cut_off): (Vec<Held>, Vec<Held>) = held(store)?.into_iter().partition(Held::is_complete);
    cut_off.iter().try_for_each(|held| remove(store, held))?;
    if retention.keep_last == 0 {
        return Ok(Vec::new());
    }
    let known = complete.iter().map(|held| Ok((held.step, held.may_be_planned(store)?)));
    let known = known.collect::<Result<Vec<_>, Error>>()?;
    let of_newest = complete.iter().find(|held| held.step == newest).map(|held| held.best_step(store));
    let best = of_newest.transpose()?.flatten();
    let removed = retention.superseded(&known, newest, best);
    for held in complete.iter().filter(|held| removed.contains(&held.step)) {
        remove(store, held)?;
    }
    Ok(removed)
}

/// Moves the checkpoints after a step to other names, at which nothing reads or removes them. Their new places.
///
/// # Errors
/// [`Error::Store`] when the store cannot be read or written. At any moment a checkpoint is whole at one of the two
/// names.
pub fn set_aside_after(store: &Store, step: u64) -> Result<Vec<std::path::PathBuf>, Error> {
    let mut aside = Vec::new();
    let taken = store.folders()?;
    for held in held(store)?.into_iter().rev().filter(|held| held.step > step && held.is_complete()) {
        let name = |attempt: usize| match attempt {
            1 => format!("{ASIDE}{}", held.folder),
            _ => format!("{ASIDE}{}.{attempt}", held.folder),
        };
        let Some(place) = (1..).map(name).find(|place| !taken.contains(place)) else { continue };
        let rest = held.files.keys().filter(|name| *name != MANIFEST).map(String::as_str);
        for name in rest.chain([MANIFEST]) {
            store.copy(&format!("{}/{name}", held.folder), &format!("{place}/{name}"))?;
        }
        remove(store, &held)?;
        aside.push(store.address().place(&place));
    }
    Ok(aside)
}
