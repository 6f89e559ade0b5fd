//! Opening the folder of a run: whether it holds one, where it goes on, and whether that is still what was written.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use data::Tokenizer;

use super::{Event, Observer, Resume};
use crate::Error;
use crate::checkpoint::{self, CONFIG, Checkpoint, TOKENIZER};
use crate::config::{Config, Draft};
use crate::run_directory::{self, FileError, RunDirectory};
use crate::seal::{self, Seal};
use crate::text::load_tokenizer;

/// A run directory that this process holds, and where the run goes on.
pub(super) struct Opened {
    pub(super) run: RunDirectory,
    /// `None` to begin at the first step.
    pub(super) checkpoint: Option<Checkpoint>,
    /// Whether the checkpoint is one of this run, named by the user.
    pub(super) chosen: bool,
}

/// Creates a run directory, or opens one and checks that the run can go on with this configuration.
pub(super) fn open(
    config: &Config,
    folder: Option<&Path>,
    resume: &Resume,
    observer: &mut dyn Observer,
) -> Result<Opened, Error> {
    let named = match resume {
        Resume::From(path) => Some(Checkpoint::open(path)?),
        Resume::Auto | Resume::Never => None,
    };
    let origin = folder.unwrap_or(Path::new("runs"));
    if let Some(checkpoint) = &named {
        check_fixed(config, checkpoint, origin)?;
    }
    let Some(folder) = folder else {
        let run = RunDirectory::create_named(origin, &config.name, SystemTime::now())?;
        return Ok(Opened { run, checkpoint: named, chosen: false });
    };
    if !RunDirectory::holds_run(folder) {
        return Ok(Opened { run: RunDirectory::create(folder)?, checkpoint: named, chosen: false });
    }
    if *resume == Resume::Never {
        return Err(run_directory::Error::Exists { path: folder.to_owned() }.into());
    }
    let run = RunDirectory::open(folder)?;
    checkpoint::clear_leftovers(&run.checkpoints());
    let (checkpoint, chosen) = match named {
        Some(checkpoint) if is_in(checkpoint.path(), &run.checkpoints()) => (Some(checkpoint), true),
        Some(checkpoint) if checkpoint::steps(&run.checkpoints())?.is_empty() => (Some(checkpoint), false),
        Some(checkpoint) => {
            let (checkpoint, run) = (checkpoint.path().to_owned(), folder.to_owned());
            return Err(Error::OtherRun { checkpoint, run });
        }
        None => {
            let mut warn = |warning: &str| observer.event(Event::Note(format!("warning: {warning}")));
            let newest = checkpoint::newest_good(&run.checkpoints(), &mut warn)?;
            if let Some(checkpoint) = &newest {
                check_fixed(config, checkpoint, folder)?;
                check_metrics(&run, checkpoint, &mut warn);
            }
            (newest, false)
        }
    };
    Ok(Opened { run, checkpoint, chosen })
}

/// Whether a folder lies in another.
pub(super) fn is_in(folder: &Path, parent: &Path) -> bool {
    let place = |path: &Path| fs::canonicalize(path).ok();
    place(folder).and_then(|folder| folder.parent().map(Path::to_owned)) == place(parent)
}

/// What must stay the same is what it was when the checkpoint was saved.
fn check_fixed(config: &Config, checkpoint: &Checkpoint, run: &Path) -> Result<(), Error> {
    let path = checkpoint.path().join(CONFIG);
    let text = fs::read_to_string(&path).map_err(|source| FileError::read(&path, source))?;
    let mut saved = Draft::quick_start()?;
    saved.apply_text(&path.display().to_string(), &text)?;
    for ((key, saved), (_, given)) in saved.finish()?.fixed().into_iter().zip(config.fixed()) {
        if saved != given {
            return Err(Error::Changed { key, given, saved, run: run.to_owned() });
        }
    }
    Ok(())
}

/// The metrics up to the checkpoint are those it was saved with. Training does not depend on them.
fn check_metrics(run: &RunDirectory, checkpoint: &Checkpoint, warn: &mut dyn FnMut(&str)) {
    let path = run.metrics();
    if let Some(metrics) = &checkpoint.manifest().metrics
        && !metrics.matches(&path)
    {
        warn(&format!(
            "{}: the lines up to step {} are not those of the run: they were changed or lost; the state of training is \
             not concerned",
            path.display(),
            checkpoint.manifest().step
        ));
    }
}

impl Opened {
    /// The tokenizer of the checkpoint, or the one the configuration names; `None` if one is to be trained.
    pub(super) fn tokenizer(
        &self,
        config: &Config,
        observer: &mut dyn Observer,
    ) -> Result<Option<Tokenizer>, Error> {
        let pieces = config.model.vocabulary_size;
        let given = config.data.tokenizer.as_deref();
        // Before the first checkpoint, nothing depends on a tokenizer yet.
        let Some(checkpoint) = &self.checkpoint else {
            return given.map(|path| load_tokenizer(path, pieces, None)).transpose();
        };
        let path = checkpoint.path().join(TOKENIZER);
        let saved = load_tokenizer(&path, pieces, Some(checkpoint.path()))?;
        if let Some(given) = given
            && load_tokenizer(given, pieces, Some(checkpoint.path()))?.fingerprint() != saved.fingerprint()
        {
            return Err(Error::OtherTokenizer { given: given.to_owned(), saved: path });
        }
        let of_run = self.run.tokenizer();
        if self.run.config().exists() && fs::read(&of_run).ok() != Some(checkpoint.file(TOKENIZER)?) {
            observer.event(Event::Note(format!(
                "warning: {} is not the tokenizer of the run: written anew from {}",
                of_run.display(),
                path.display()
            )));
        }
        Ok(Some(saved))
    }

    /// Leaves the checkpoints behind that come after the one the user named.
    pub(super) fn set_aside(&self, observer: &mut dyn Observer) -> Result<(), Error> {
        if let (true, Some(checkpoint)) = (self.chosen, &self.checkpoint) {
            let step = checkpoint.manifest().step;
            for place in checkpoint::set_aside_after(&self.run.checkpoints(), step)? {
                observer.event(Event::Note(format!("a later checkpoint is now {}", place.display())));
            }
        }
        Ok(())
    }
}

/// The configuration of the run in a folder, with its path: its `config.toml`; if that is missing, the one of its newest
/// good checkpoint. `None` if the folder holds no run.
///
/// # Errors
/// [`Error::ConfigChanged`] if it is not what was written; when no checkpoint can be used.
pub fn kept_config(folder: &Path) -> Result<Option<(String, String)>, Error> {
    let path = folder.join(CONFIG);
    if path.is_file() {
        let bytes = fs::read(&path).map_err(|source| FileError::read(&path, source))?;
        return match String::from_utf8(bytes) {
            Ok(text) if seal::check(&text) == Seal::Whole => Ok(Some((path.display().to_string(), text))),
            _ => Err(Error::ConfigChanged { path }),
        };
    }
    let checkpoints = folder.join(run_directory::CHECKPOINTS);
    let Some(checkpoint) = checkpoint::newest_good(&checkpoints, &mut |_| {})? else { return Ok(None) };
    let path = checkpoint.path().join(CONFIG);
    let text = fs::read_to_string(&path).map_err(|source| FileError::read(&path, source))?;
    Ok(Some((path.display().to_string(), text)))
}
