//! The checkpoints of a run: which there are, which is the newest good one, which are no longer kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Checkpoint, Error, Manifest, PARTIAL, folder_name, step_of};
use crate::disk;
use crate::files::{FileError, remove_leftovers};

/// How folders begin that were set aside.
const ASIDE: &str = "aside-";

/// The retention policy: which checkpoints are kept; see docs/checkpoints.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How many of the newest, and of the newest that are planned ([`Manifest::planned`]); 0 for all.
    pub keep_last: u64,
    /// Those of steps divisible by this as well; 0 for none.
    pub keep_every: u64,
    /// How many steps a rewind goes back at least, if there may be one: the checkpoint that it would go to from the next
    /// step, and all that are newer, are kept as well.
    pub rewind_steps: Option<u64>,
    /// Whether that of the best validation ([`History::best`](super::History::best) of the newest) is kept as well.
    pub keep_best: bool,
}

/// Steps of which a folder has something that is named like a checkpoint, ascending; none if there is no folder. An empty
/// folder is nothing, whatever its name.
///
/// # Errors
/// [`Error::File`] if the folder cannot be read.
pub fn steps(checkpoints: &Path) -> Result<Vec<u64>, Error> {
    let entries = match fs::read_dir(checkpoints) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(source) => return Err(FileError::read(checkpoints, source).into()),
    };
    let mut steps = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| FileError::read(checkpoints, source))?;
        let step = step_of(&entry.file_name().to_string_lossy());
        steps.extend(step.filter(|_| !is_empty(&entry.path())));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// Whether a folder has nothing in it, or a file takes the place of one.
fn is_empty(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotADirectory,
    }
}

/// As [`steps`], of those to which a run may go back: not of those that are there because it was stopped between two others.
///
/// # Errors
/// As [`steps`].
pub fn planned_steps(checkpoints: &Path) -> Result<Vec<u64>, Error> {
    Ok(list(checkpoints)?
        .into_iter()
        .filter(CheckpointEntry::may_be_planned)
        .map(|entry| entry.step)
        .collect())
}

/// Removes what a process that was killed left of a save or a removal. No save may be under way.
pub fn clear_leftovers(checkpoints: &Path) {
    remove_leftovers(checkpoints, PARTIAL);
}

/// A checkpoint of a run, as far as can be told without reading all of it.
#[derive(Debug)]
pub struct CheckpointEntry {
    /// Step that its name stands for.
    pub step: u64,
    /// Its folder.
    pub path: PathBuf,
    /// Its manifest, if every file has its size; hashes are not looked at.
    pub manifest: Result<Manifest, Error>,
}

impl CheckpointEntry {
    /// Whether it is [`Manifest::planned`]; true of one whose manifest cannot be used, since that is unknown.
    pub(crate) fn may_be_planned(&self) -> bool {
        self.manifest.as_ref().map_or(true, |manifest| manifest.planned)
    }
}

/// The checkpoints of a folder, oldest first; none if there is no folder.
///
/// # Errors
/// [`Error::File`] if the folder cannot be read.
pub fn list(checkpoints: &Path) -> Result<Vec<CheckpointEntry>, Error> {
    let entry = |step| {
        let path = checkpoints.join(folder_name(step));
        CheckpointEntry { step, manifest: Manifest::read_complete(&path, step), path }
    };
    Ok(steps(checkpoints)?.into_iter().map(entry).collect())
}

/// The newest checkpoint that is complete, if there is any; hashes are not looked at.
///
/// # Errors
/// [`Error::File`] if the folder cannot be read.
pub fn newest(checkpoints: &Path) -> Result<Option<PathBuf>, Error> {
    let complete = |entry: CheckpointEntry| entry.manifest.is_ok().then_some(entry.path);
    Ok(list(checkpoints)?.into_iter().rev().find_map(complete))
}

/// The newest checkpoint of which everything is verified; `None` if there are no checkpoints at all. Each that is
/// passed over is reported to `warn` in a line, if there is one that can be used.
///
/// # Errors
/// [`Error::NoneGood`] if there are checkpoints and none can be used, [`Error::File`] if the folder cannot be read;
/// [`Error::FormatVersion`] for one that another version of this program wrote, which is not damaged and must not be lost.
pub fn newest_good(checkpoints: &Path, warn: &mut dyn FnMut(&str)) -> Result<Option<Checkpoint>, Error> {
    let mut passed_over = Vec::new();
    for step in steps(checkpoints)?.into_iter().rev() {
        let path = checkpoints.join(folder_name(step));
        match Manifest::read_complete(&path, step).and_then(|_| Checkpoint::open(&path)) {
            Ok(checkpoint) => {
                let warning =
                    |(path, error): &(PathBuf, Error)| format!("passing over {}: {error}", path.display());
                passed_over.iter().map(warning).for_each(|warning| warn(&warning));
                return Ok(Some(checkpoint));
            }
            Err(error @ Error::FormatVersion { .. }) => return Err(error),
            Err(error) => passed_over.push((path, error)),
        }
    }
    match passed_over.into_iter().next() {
        None => Ok(None),
        Some((_, newest)) => {
            Err(Error::NoneGood { path: checkpoints.to_owned(), newest: newest.to_string() })
        }
    }
}

impl Retention {
    /// Steps of the checkpoints that are no longer kept, newest first: of those that are complete, each with whether it is
    /// planned, where `newest` is the newest that counts, and `best` the step of the best validation, if there was one.
    ///
    /// Those that are not planned change nothing about which others are kept: a run that was stopped and continued has the
    /// same checkpoints to go back to as one that was not.
    pub(crate) fn superseded(self, complete: &[(u64, bool)], newest: u64, best: Option<u64>) -> Vec<u64> {
        let Retention { keep_last, keep_every, rewind_steps, keep_best } = self;
        let best = best.filter(|_| keep_best);
        if keep_last == 0 {
            return Vec::new();
        }
        let mut known: Vec<(u64, bool)> =
            complete.iter().copied().filter(|&(step, _)| step <= newest).collect();
        known.sort_unstable_by(|one, other| other.cmp(one));
        let planned: Vec<u64> = known.iter().filter(|(_, planned)| *planned).map(|&(step, _)| step).collect();
        let mut oldest = planned.get(keep_last as usize - 1).copied().unwrap_or(0);
        if let Some(back) = rewind_steps {
            // From a later step, a rewind goes to this checkpoint or a newer one; if none is old enough, to the oldest.
            let old_enough = planned.iter().copied().find(|step| step.saturating_add(back) <= newest + 1);
            oldest = oldest.min(old_enough.unwrap_or(0));
        }
        let superseded = known.into_iter().enumerate().filter(|&(index, (step, planned))| match planned {
            true => step < oldest,
            false => index as u64 >= keep_last,
        });
        let steps = superseded.map(|(_, (step, _))| step).filter(|step| Some(*step) != best);
        steps.filter(|step| keep_every == 0 || !step.is_multiple_of(keep_every)).collect()
    }
}

/// Removes checkpoints that are no longer kept; `newest`, which has just been saved, is the newest that counts. What is
/// not complete is neither counted nor removed.
///
/// # Errors
/// [`Error::File`] when one cannot be removed.
pub fn remove_superseded(
    checkpoints: &Path,
    retention: Retention,
    newest: u64,
) -> Result<Vec<PathBuf>, Error> {
    let entries = list(checkpoints)?;
    let manifests = entries.iter().filter_map(|entry| entry.manifest.as_ref().ok());
    let best = manifests.filter(|manifest| manifest.step == newest).find_map(Manifest::best_step);
    let complete = entries.iter().filter(|entry| entry.manifest.is_ok());
    let complete: Vec<_> = complete.map(|entry| (entry.step, entry.may_be_planned())).collect();
    let mut removed = Vec::new();
    for step in retention.superseded(&complete, newest, best) {
        let path = checkpoints.join(folder_name(step));
        let write = |source| FileError::write(&path, source);
        let gone = checkpoints.join(format!("{PARTIAL}{}.removed", folder_name(step)));
        disk::rename_folder(&path, &gone).map_err(write)?;
        disk::sync_folder(checkpoints).map_err(write)?;
        disk::remove(&gone).map_err(write)?;
        removed.push(path);
    }
    Ok(removed)
}

/// Renames the checkpoints after a step, so that they are neither read nor removed: a run that goes on from an earlier one
/// leaves them behind. Their new places.
///
/// # Errors
/// [`Error::File`] when one cannot be renamed.
pub fn set_aside_after(checkpoints: &Path, step: u64) -> Result<Vec<PathBuf>, Error> {
    let mut aside = Vec::new();
    // The newest first: if this is cut off, what is left still ends with what the run went through.
    for later in steps(checkpoints)?.into_iter().rev().filter(|&later| later > step) {
        let path = checkpoints.join(folder_name(later));
        let name = |attempt: usize| match attempt {
            1 => format!("{ASIDE}{}", folder_name(later)),
            _ => format!("{ASIDE}{}.{attempt}", folder_name(later)),
        };
        let free = (1..).map(|attempt| checkpoints.join(name(attempt))).find(|place| !place.exists());
        let Some(place) = free else { continue };
        let write = |source| FileError::write(&path, source);
        disk::rename_folder(&path, &place).map_err(write)?;
        disk::sync_folder(checkpoints).map_err(write)?;
        aside.push(place);
    }
    Ok(aside)
}
