//! Where a model is, as users name it: a run, its folder of checkpoints, or one checkpoint.

use std::fs;
use std::path::{Path, PathBuf};

use store::checkpoint::MANIFEST;
use store::checkpoint::{self, Checkpoint};
use store::run_directory::{CHECKPOINTS, RunDirectory};

use crate::{Error, Result};

/// Most runs of a folder that an error names.
const NAMED: usize = 3;

/// The checkpoint that a path and a step mean; without a step, a run's newest good one.
pub(crate) fn find(path: &Path, step: Option<u64>, warn: &mut dyn FnMut(&str)) -> Result<Checkpoint> {
    if path.join(MANIFEST).is_file() {
        let checkpoint = Checkpoint::open(path)?;
        return match (checkpoint.manifest().step, step) {
            (found, Some(step)) if found != step => {
                Err(Error::OtherStep { path: path.to_owned(), found, step })
            }
            _ => Ok(checkpoint),
        };
    }
    let run = RunDirectory::read(level(path)?)?;
    let Some(step) = step else {
        let checkpoint = checkpoint::newest_good(&run.checkpoints(), warn)?;
        return checkpoint.ok_or_else(|| Error::NoCheckpoint { path: run.path().to_owned() });
    };
    let steps = checkpoint::steps(&run.checkpoints())?;
    match steps.contains(&step) {
        true => Ok(Checkpoint::open(&checkpoint::folder(&run.checkpoints(), step))?),
        false if steps.is_empty() => Err(Error::NoCheckpoint { path: run.path().to_owned() }),
        false => Err(Error::NoStep { path: run.path().to_owned(), step, steps }),
    }
}

/// The run that a path means.
fn level(path: &Path) -> Result<PathBuf> {
    if RunDirectory::holds_run(path) {
        return Ok(path.to_owned());
    }
    // With its name, if it is `.` or a link.
    let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if whole.file_name().is_some_and(|name| name == CHECKPOINTS)
        && let Some(run) = whole.parent().filter(|run| RunDirectory::holds_run(run))
    {
        return Ok(run.to_owned());
    }
    let wrong = |hint| Err(Error::WrongLevel { path: path.to_owned(), hint });
    if path.is_dir()
        && whole.file_name().is_some_and(|name| checkpoint::step_of(&name.to_string_lossy()).is_some())
    {
        return wrong(
            "a checkpoint that has no manifest.json is not whole; name another one, or its run".into(),
        );
    }
    if let Some(run) = whole.ancestors().skip(1).find(|above| RunDirectory::holds_run(above)) {
        return wrong(format!("the run is {}", run.display()));
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut runs: Vec<PathBuf> = entries.filter(|path| RunDirectory::holds_run(path)).collect();
    if runs.is_empty() {
        return Ok(path.to_owned());
    }
    runs.sort();
    let names: Vec<String> = runs.iter().rev().take(NAMED).map(|run| run.display().to_string()).collect();
    let more = if runs.len() > NAMED { format!(" and {} more", runs.len() - NAMED) } else { String::new() };
    wrong(format!("name one of the runs in it: {}{more}", names.join(", ")))
}
