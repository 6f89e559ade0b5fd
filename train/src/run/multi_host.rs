//! Training on several hosts: what several processes that train one model do differently from one.
//!
//! Process 0 owns the run directory. Every other process works in a folder of its own that vanishes: it begins as the
//! run directory is, its `checkpoints` are those of the run, and what is written once for all (metrics, charts, events)
//! is written there and never read. Everything else is the same in all processes.

mod observer;
mod other_processes;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use configuration::Config;
use hosts::{Facts, Group};
use runtime::Runtime;
use sharding::plan::Plan;
use store::checkpoint::Checkpoint;
use store::files::FileError;

use super::open::Opened;
use super::{Parameters, Resume, Summary};
use crate::Error;
use crate::observer::Observer;
use observer::MultiHostObserver;
pub(super) use other_processes::OtherProcesses;

/// Trains a model as one of a group of processes, each of which calls this with the same configuration and run directory,
/// on a file system that all of them share. `version` is that of the program, which must be the same too.
///
/// A wish to stop, in any process, stops all of them before the same step. When this returns, the group has ended.
///
/// # Errors
/// Those of [`train`](super::train), and [`Error::Processes`] when the processes' configurations differ, or another has
/// failed.
pub fn train_multi_host(
    config: Config,
    folder: &Path,
    resume: &Resume,
    group: &Group,
    version: &str,
    observer: &mut dyn Observer,
) -> Result<Summary, Error> {
    let agreed = super::settled(config)
        .and_then(|config| agree_configuration(group, &config, version).map(|()| config));
    let mut observer = MultiHostObserver::new(group, folder, observer);
    let result = agreed.and_then(|config| {
        if group.is_first() {
            return super::train_from(config, Some(folder), resume, Some(group), &mut observer);
        }
        // Process 0 makes the folder, or finds out that it must not be used, and where the run goes on.
        let resume = match group.hear(OPENED, 0)?.as_str() {
            "" => Resume::Auto,
            told => match told.strip_prefix(PARAMETERS_OF) {
                Some(checkpoint) => Resume::WithParameters(Parameters::Folder(checkpoint.into())),
                None => Resume::From(told.into()),
            },
        };
        let follower = Follower::new(folder)?;
        let result =
            super::train_from(config, Some(follower.folder.path()), &resume, Some(group), &mut observer);
        follower.in_run(folder, result)
    });
    match &result {
        Ok(_) => group.finish(),
        Err(error) => group.fail(&error.to_string()),
    }
    result
}

/// Makes sure that all processes are the same program and have the same configuration.
fn agree_configuration(group: &Group, config: &Config, version: &str) -> Result<(), Error> {
    let mut facts = config.facts();
    facts.insert("program".to_owned(), version.to_owned());
    facts.insert("processes".to_owned(), group.count().to_string());
    Ok(group.agree("configuration", &facts)?)
}

/// The topic on which process 0 says that the run directory is there, and which checkpoint the run goes on from.
const OPENED: &str = "run directory";

/// What stands before the path of a checkpoint of which it takes the parameters only. A path begins with a slash.
const PARAMETERS_OF: &str = "parameters of ";

/// Tells the others, as process 0, that the run directory is there.
pub(super) fn tell_opened(group: Option<&Group>, opened: &Opened) -> Result<(), Error> {
    let path = |checkpoint: &Checkpoint| {
        let path = checkpoint.path();
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
    };
    match group {
        Some(group) if group.is_first() => {
            let told = match (&opened.checkpoint, &opened.parameters) {
                (Some(checkpoint), _) => path(checkpoint),
                (None, Some((checkpoint, _))) => format!("{PARAMETERS_OF}{}", path(checkpoint)),
                (None, None) => String::new(),
            };
            Ok(group.tell(OPENED, &told)?)
        }
        _ => Ok(()),
    }
}

/// Makes sure that all processes begin at the same step, by the same plan.
pub(super) fn agree_plan(
    group: Option<&Group>,
    plan: Option<&Plan>,
    checkpoint: Option<&Checkpoint>,
) -> Result<(), Error> {
    let Some(group) = group else { return Ok(()) };
    let step = checkpoint.map_or(0, |checkpoint| checkpoint.manifest().step);
    let mut facts = Facts::from([("first step".to_owned(), (step + 1).to_string())]);
    if let Some(serde_json::Value::Object(plan)) = plan.and_then(|plan| serde_json::to_value(plan).ok()) {
        facts.extend(plan.into_iter().map(|(key, value)| (format!("plan.{key}"), value.to_string())));
    }
    Ok(group.agree("plan", &facts)?)
}

/// Makes sure that all processes have the same text and count the devices in the same order.
pub(super) fn agree_text(group: Option<&Group>, digest: &str, runtime: &Runtime) -> Result<(), Error> {
    let Some(group) = group else { return Ok(()) };
    let ids: Vec<_> = runtime.devices().iter().map(|device| device.id()).collect();
    let facts = Facts::from([
        ("text".to_owned(), digest.to_owned()),
        ("devices".to_owned(), format!("{ids:?}")),
        ("plugin".to_owned(), runtime.platform_version().to_owned()),
    ]);
    Ok(group.agree("text", &facts)?)
}

/// The folder of a process that is not the first.
struct Follower {
    folder: tempfile::TempDir,
}

impl Follower {
    /// A folder that begins as the run directory is.
    fn new(run: &Path) -> Result<Follower, Error> {
        let folder = tempfile::Builder::new().prefix("gopher-process-").tempdir();
        let folder = folder.map_err(|source| FileError::write(&std::env::temp_dir(), source))?;
        let checkpoints = folder.path().join("checkpoints");
        let target = std::path::absolute(run.join("checkpoints")).unwrap_or_else(|_| run.join("checkpoints"));
        std::os::unix::fs::symlink(&target, &checkpoints)
            .map_err(|source| FileError::write(&checkpoints, source))?;
        for name in ["tokenizer.model", "plan.json", "metrics.jsonl", "rewinds.json", "config.toml"] {
            let (from, to): (PathBuf, PathBuf) = (run.join(name), folder.path().join(name));
            match fs::copy(&from, &to) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(FileError::read(&from, source).into()),
            }
        }
        Ok(Follower { folder })
    }

    /// The result of a training in this folder, with its paths replaced by those in the run directory.
    fn in_run(&self, run: &Path, result: Result<Summary, Error>) -> Result<Summary, Error> {
        let place =
            |path: PathBuf| path.strip_prefix(self.folder.path()).map_or(path.clone(), |rest| run.join(rest));
        match result {
            Ok(summary) => {
                let checkpoint = place(summary.checkpoint);
                Ok(Summary { run: run.to_owned(), checkpoint, ..summary })
            }
            Err(Error::BadStep { outcome, reason, saved }) => {
                Err(Error::BadStep { outcome, reason, saved: place(saved) })
            }
            Err(error) => Err(error),
        }
    }
}
