//! The parameters of another run that a run begins with: where they are, and whether they are those of its model.

use std::fs;
use std::path::{Path, PathBuf};

use configuration::Config;
use store::checkpoint::{self, CONFIG, Checkpoint, ParameterSource};
use store::files::FileError;
use store::remote::{self, Address, Store};
use store::run_directory::level::{is_checkpoint, is_checkpoints};
use store::run_directory::{CHECKPOINTS, RunDirectory};

use super::open::saved_config;
use super::{Resume, kept_config};
use crate::Error;
use crate::observer::{Event, Observer};

/// The place of parameters that a run can begin with: a run, trained or imported, whose newest good checkpoint is taken, or
/// one of its checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// On a disk.
    Folder(PathBuf),
    /// In an object store.
    Store(Address),
}

impl Parameters {
    /// The configuration of the model that they are of, as the text of a file, and where it lies.
    ///
    /// # Errors
    /// [`Error::NoParameters`] if there are none, [`Error::Checkpoint`] and [`Error::File`] if they cannot be read.
    pub fn config(&self) -> Result<(String, String), Error> {
        match self {
            Parameters::Folder(path) if is_checkpoint(path) => {
                let path = path.join(CONFIG);
                let text = inputs::read_to_string(&path).map_err(|source| FileError::read(&path, source))?;
                Ok((path.display().to_string(), text))
            }
            Parameters::Folder(path) => {
                kept_config(run(path))?.ok_or_else(|| Error::NoParameters { place: self.to_string() })
            }
            Parameters::Store(address) => {
                let (run, step) = address.of_run();
                let store = Store::open(&run).map_err(checkpoint::Error::from)?;
                Ok(remote::config(&store, step)?)
            }
        }
    }

    /// The place from which they were taken, if that is recorded.
    fn of(source: &ParameterSource) -> Result<Parameters, Error> {
        match Address::is_meant(&source.place) {
            true => {
                let address = source.place.parse().map_err(checkpoint::Error::from)?;
                Ok(Parameters::Store(address))
            }
            false => Ok(Parameters::Folder(source.place.clone().into())),
        }
    }

    /// Whether they are those that were taken from a place: of this checkpoint, or of one of this run.
    fn include(&self, source: &ParameterSource) -> bool {
        match self {
            Parameters::Folder(path) => Path::new(&source.place).starts_with(absolute(run(path))),
            Parameters::Store(address) => {
                let rest = source.place.strip_prefix(&address.to_string());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }

    /// Opens the checkpoint that has them; one in a store is copied to `folder`.
    fn open(
        &self,
        folder: &Path,
        observer: &mut dyn Observer,
    ) -> Result<(Checkpoint, ParameterSource), Error> {
        let mut warn = |warning: &str| observer.event(Event::Note(format!("warning: {warning}")));
        match self {
            Parameters::Folder(path) => {
                let checkpoint = match is_checkpoint(path) {
                    true => Some(Checkpoint::open(path)?),
                    false => checkpoint::newest_good(&run(path).join(CHECKPOINTS), &mut warn)?,
                };
                let checkpoint = checkpoint.ok_or_else(|| Error::NoParameters { place: self.to_string() })?;
                let place = absolute(checkpoint.path()).display().to_string();
                let source = ParameterSource::of(checkpoint.manifest(), place);
                Ok((checkpoint, source))
            }
            Parameters::Store(address) => {
                let (run, step) = address.of_run();
                let store = Store::open(&run).map_err(checkpoint::Error::from)?;
                let checkpoint = remote::fetch(&store, step, folder, &mut warn)?;
                let name = checkpoint::folder_name(checkpoint.manifest().step);
                let place = run.place(&name).display().to_string();
                let source = ParameterSource::of(checkpoint.manifest(), place);
                Ok((checkpoint, source))
            }
        }
    }
}

impl std::fmt::Display for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Parameters::Folder(path) => path.display().fmt(f),
            Parameters::Store(address) => address.fmt(f),
        }
    }
}

/// The parameters that a run without a checkpoint begins with: those asked for, or those with which it was to begin before;
/// `None` for some of its own.
///
/// # Errors
/// [`Error::OtherModel`] when they are another model's, [`Error::BegunOtherwise`] when the run was to begin with others, and
/// those of reading them.
pub(super) fn open(
    config: &Config,
    run: &RunDirectory,
    resume: &Resume,
    observer: &mut dyn Observer,
) -> Result<Option<(Checkpoint, ParameterSource)>, Error> {
    let asked = match resume {
        Resume::WithParameters(parameters) => Some(parameters.clone()),
        Resume::Auto => recorded(run)?.as_ref().map(Parameters::of).transpose()?,
        Resume::Never | Resume::From(_) | Resume::FromStore(_) => None,
    };
    let Some(asked) = asked else { return Ok(None) };
    let (checkpoint, source) = asked.open(&remote::folder_for_another_run(run), observer)?;
    check_model(config, &checkpoint, &source.place)?;
    Ok(Some((checkpoint, source)))
}

/// Checks that a run that goes on began with the parameters that are asked for, if any are.
pub(super) fn check_begun(run: &RunDirectory, checkpoint: &Checkpoint, resume: &Resume) -> Result<(), Error> {
    let Resume::WithParameters(asked) = resume else { return Ok(()) };
    let begun = checkpoint.manifest().from.as_ref();
    if begun.is_some_and(|source| asked.include(source)) {
        return Ok(());
    }
    let source_of_run = begun.map(|source| source.place.clone());
    Err(Error::BegunOtherwise { run: run.path().to_owned(), source_of_run })
}

/// Whose parameters a run was to begin with.
fn recorded(run: &RunDirectory) -> Result<Option<ParameterSource>, Error> {
    let path = run.parameter_source();
    match inputs::read(&path) {
        Ok(bytes) => Ok(Some(ParameterSource::parse(&path, &bytes)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::read(&path, source).into()),
    }
}

/// Checks that the model of a checkpoint is the one of the configuration.
fn check_model(config: &Config, checkpoint: &Checkpoint, place: &str) -> Result<(), Error> {
    let saved = saved_config(checkpoint)?;
    let keys = |config: &Config| {
        let kind = ("model.kind".to_owned(), format!("{:?}", config.model.kind()));
        let sizes = config.model.keys().into_iter();
        let sizes = sizes.map(|(key, value)| (format!("model.{key}"), value.to_string()));
        std::iter::once(kind).chain(sizes).collect::<Vec<_>>()
    };
    for ((key, saved), (_, given)) in keys(&saved).into_iter().zip(keys(config)) {
        if saved != given {
            return Err(Error::OtherModel { key, given, saved, place: place.to_owned() });
        }
    }
    Ok(())
}

/// The run directory that is meant by it or by its folder of checkpoints.
fn run(path: &Path) -> &Path {
    match path.parent() {
        Some(run) if is_checkpoints(path) => {
            if run.as_os_str().is_empty() {
                Path::new(".")
            } else {
                run
            }
        }
        _ => path,
    }
}

fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}
