//! What this process has begun to write and what is not whole yet, so that a signal that ends it can leave nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::run_directory::Remains;

#[derive(Debug, Default)]
struct Leftovers {
    files: Vec<PathBuf>,
    runs: Vec<Remains>,
}

static LEFTOVERS: Mutex<Leftovers> = Mutex::new(Leftovers { files: Vec::new(), runs: Vec::new() });

/// So many files are not whole at once only if some were dropped, or have got their names.
const MANY: usize = 64;

fn leftovers() -> MutexGuard<'static, Leftovers> {
    LEFTOVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes files that have not got their names, and runs that have not begun with what was made for them. For a process that
/// ends now, from a thread that no signal has interrupted.
pub fn remove() {
    let Leftovers { files, runs } = std::mem::take(&mut *leftovers());
    // What cannot be removed only takes space.
    for file in files {
        let _ = if file.is_dir() { fs::remove_dir_all(file) } else { fs::remove_file(file) };
    }
    runs.iter().for_each(Remains::remove);
}

/// Adds a file or folder that gets another name when it is whole.
pub fn add_file(path: &Path) {
    let files = &mut leftovers().files;
    if files.len() >= MANY {
        files.retain(|file| file.exists());
    }
    files.push(path.to_owned());
}

pub(crate) fn add_run(run: Remains) {
    leftovers().runs.push(run);
}

/// Forgets a run that has begun, or is no more.
pub(crate) fn forget_run(path: &Path) {
    leftovers().runs.retain(|run| run.path != path);
}
