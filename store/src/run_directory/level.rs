//! What a folder is that a user names: a run, or something in it or above it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{CHECKPOINTS, RunDirectory};
use crate::checkpoint::{MANIFEST, step_of};

/// What a path is, of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// A run.
    Run,
    /// A run's folder of checkpoints.
    Checkpoints {
        /// The run.
        run: PathBuf,
    },
    /// A folder named as a checkpoint that has no manifest.
    BrokenCheckpoint,
    /// Anything else in a run.
    Inside {
        /// The run.
        run: PathBuf,
    },
    /// A folder that holds runs, sorted.
    Above {
        /// Those.
        runs: Vec<PathBuf>,
    },
    /// Nothing of a run.
    Other,
}

impl Level {
    /// What a path without a manifest is, with its name in the file system if it is `.` or a link.
    pub fn of(path: &Path) -> Level {
        if RunDirectory::holds_run(path) {
            return Level::Run;
        }
        let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if whole.file_name().is_some_and(|name| name == CHECKPOINTS)
            && let Some(run) = whole.parent().filter(|run| RunDirectory::holds_run(run))
        {
            return Level::Checkpoints { run: run.to_owned() };
        }
        if path.is_dir() && is_named_as_checkpoint(&whole) {
            return Level::BrokenCheckpoint;
        }
        if let Some(run) = whole.ancestors().skip(1).find(|above| RunDirectory::holds_run(above)) {
            return Level::Inside { run: run.to_owned() };
        }
        let entries = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut runs: Vec<PathBuf> = entries.filter(|path| RunDirectory::holds_run(path)).collect();
        runs.sort();
        if runs.is_empty() { Level::Other } else { Level::Above { runs } }
    }
}

/// Whether a folder is a run's, which may be empty of checkpoints, and no checkpoint's.
pub fn is_run(path: &Path) -> bool {
    has_checkpoints(path) && !path.join(MANIFEST).exists()
}

/// Whether a folder is a checkpoint, or one that was damaged.
pub fn is_checkpoint(path: &Path) -> bool {
    path.join(MANIFEST).exists() || is_named_as_checkpoint(path) && !has_checkpoints(path)
}

/// Whether a path is named as a run's folder of checkpoints and is not a run itself.
pub fn is_checkpoints(path: &Path) -> bool {
    path.ends_with(CHECKPOINTS) && !has_checkpoints(path)
}

/// The run that a folder is a part of: its folder of checkpoints, or one of them. As the user would say it.
pub fn run_of_part(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let checkpoints = path.ancestors().take(2).find(|path| is_checkpoints(path))?;
    let run = checkpoints.parent().filter(|run| RunDirectory::holds_run(run))?;
    let here = std::env::current_dir().ok();
    let shown = here.and_then(|here| run.strip_prefix(here).ok()).filter(|run| !run.as_os_str().is_empty());
    Some(shown.unwrap_or(run).to_owned())
}

fn is_named_as_checkpoint(path: &Path) -> bool {
    path.file_name().is_some_and(|name| step_of(&name.to_string_lossy()).is_some())
}

fn has_checkpoints(path: &Path) -> bool {
    path.join(CHECKPOINTS).is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_of_a_run_is_told_from_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let at = |name: &str| root.join(name);
        let step = "runs/a/checkpoints/step-00000003";
        for name in [step, "runs/a/checkpoints/step-00000004", "runs/b", "none/step-00000003"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        fs::write(at(step).join(MANIFEST), "{}").unwrap();
        fs::write(at("runs/b/config.toml"), "").unwrap();
        assert_eq!(Level::of(&at("runs/a")), Level::Run);
        assert_eq!(Level::of(&at("runs/a/checkpoints")), Level::Checkpoints { run: at("runs/a") });
        assert_eq!(Level::of(&at("runs/a/checkpoints/step-00000004")), Level::BrokenCheckpoint);
        assert_eq!(Level::of(&at("runs/c")), Level::Other, "which is not there");
        assert_eq!(Level::of(&at("runs/a/other")), Level::Inside { run: at("runs/a") });
        assert_eq!(Level::of(&at("runs")), Level::Above { runs: vec![at("runs/a"), at("runs/b")] });
        assert_eq!(Level::of(&root), Level::Other);
        assert!(is_run(&at("runs/a")) && !is_run(&at(step)) && !is_run(&at("runs/b")));
        assert!(
            is_checkpoint(&at(step))
                && is_checkpoint(&at("none/step-00000003"))
                && !is_checkpoint(&at("runs/a"))
        );
        for part in ["runs/a/checkpoints", step] {
            assert_eq!(run_of_part(&at(part)), Some(at("runs/a")), "{part}");
        }
        assert_eq!(run_of_part(&at("runs/a")), None);
    }
}
