//! Where a model is, as users name it: a run, its folder of checkpoints, or one checkpoint.

use std::path::{Path, PathBuf};

use store::checkpoint::MANIFEST;
use store::checkpoint::{self, Checkpoint};
use store::run_directory::RunDirectory;
use store::run_directory::level::Level;

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
    let hint = match Level::of(path) {
        Level::Run | Level::Other => return Ok(path.to_owned()),
        Level::Checkpoints { run } => return Ok(run),
        Level::BrokenCheckpoint => {
            "a checkpoint that has no manifest.json is not whole; name another one, or its run".into()
        }
        Level::Inside { run } => format!("the run is {}", run.display()),
        Level::Above { runs } => {
            let names = runs.iter().rev().take(NAMED).map(|run| run.display().to_string());
            let names: Vec<String> = names.collect();
            let more =
                if runs.len() > NAMED { format!(" and {} more", runs.len() - NAMED) } else { String::new() };
            format!("name one of the runs in it: {}{more}", names.join(", "))
        }
    };
    Err(Error::WrongLevel { path: path.to_owned(), hint })
}
