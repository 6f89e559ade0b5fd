//! The checkpoints of a run under way: what they belong to, and the one that is being written.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use sharding::Runtime;

use super::{Event, Observer};
use crate::Error;
use crate::checkpoint::{
    self, Background, DataPosition, Description, Outcome, RandomState, Request, Retention, Snapshot, Versions,
};
use crate::config::{Checkpoints, Config};
use crate::run_directory::{FileError, RunDirectory};
use crate::state::State;

/// What all checkpoints of a process have in common.
pub(super) struct Identity {
    digest: String,
    versions: Versions,
    /// Names and contents of the further files.
    files: Vec<(String, Vec<u8>)>,
}

impl Identity {
    /// That of a run directory whose files have just been written.
    pub(super) fn new(run: &RunDirectory, digest: String, runtime: &Runtime) -> Result<Self, Error> {
        let file = |name: &str, path: PathBuf| -> Result<_, Error> {
            Ok((name.to_owned(), fs::read(&path).map_err(|source| FileError::read(&path, source))?))
        };
        Ok(Self {
            digest,
            versions: Versions {
                gopher: env!("CARGO_PKG_VERSION").to_owned(),
                plugin: runtime.platform_version().to_owned(),
            },
            files: vec![
                file(checkpoint::CONFIG, run.config())?,
                file(checkpoint::TOKENIZER, run.tokenizer())?,
                file(checkpoint::PLAN, run.plan())?,
            ],
        })
    }
}

/// The saving of a run.
pub(super) struct Saving {
    identity: Identity,
    background: Background,
    /// The step whose checkpoint was saved last, and where.
    saved: Option<(u64, PathBuf)>,
    /// How long training waited for the save under way, in seconds.
    waited: f64,
    /// What of that is not told yet.
    untold: Option<f64>,
    /// That of the last save, for the next one.
    memory: Snapshot,
    /// Whether the last save failed.
    failed: bool,
}

impl Saving {
    pub(super) fn new(identity: Identity) -> Self {
        let background = Background::default();
        let memory = Snapshot::default();
        Self { identity, background, saved: None, waited: 0.0, untold: None, memory, failed: false }
    }

    /// How long training waited for a save since this was last asked, in seconds.
    pub(super) fn take_waited(&mut self) -> Option<f64> {
        self.untold.take()
    }

    /// Copies the state to the host and begins to save it; waits for an earlier save first. A failure is told, and the
    /// second in a row is an error: nothing is being saved any more.
    pub(super) fn save(
        &mut self,
        config: &Config,
        run: &RunDirectory,
        step: u64,
        state: &State,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let start = Instant::now();
        self.poll(observer)?;
        if let Some(earlier) = self.background.under_way() {
            let text = format!("waiting for the checkpoint of step {earlier} before that of step {step}");
            observer.event(Event::Note(text));
            let outcome = self.background.wait();
            self.settle(outcome, observer)?;
        }
        self.start(config, run, step, state, start)?;
        if !config.checkpoint.background {
            let outcome = self.background.wait();
            self.waited = start.elapsed().as_secs_f64();
            self.settle(outcome, observer)?;
        }
        self.untold = Some(self.waited);
        Ok(())
    }

    /// Saves the state after the last step, unless that was just done, and waits until it is on disk.
    pub(super) fn save_last(
        &mut self,
        config: &Config,
        run: &RunDirectory,
        step: u64,
        state: &State,
        observer: &mut dyn Observer,
    ) -> Result<PathBuf, Error> {
        let start = Instant::now();
        if self.background.under_way().is_some_and(|earlier| earlier != step) {
            let outcome = self.background.wait();
            self.failed = false;
            self.settle(outcome, observer)?;
        }
        if self.background.under_way().is_none() && self.saved.as_ref().is_none_or(|saved| saved.0 != step) {
            self.start(config, run, step, state, start)?;
        }
        if let Some(outcome) = self.background.wait() {
            self.report(outcome, observer)?;
        }
        let saved = self.saved.as_ref().filter(|saved| saved.0 == step);
        Ok(saved.ok_or(checkpoint::Error::Thread)?.1.clone())
    }

    fn start(
        &mut self,
        config: &Config,
        run: &RunDirectory,
        step: u64,
        state: &State,
        start: Instant,
    ) -> Result<(), Error> {
        let snapshot = state.snapshot_in(std::mem::take(&mut self.memory))?;
        let (metrics, checkpoints) = (run.metrics(), run.checkpoints());
        let length = fs::metadata(&metrics).map_err(|source| FileError::read(&metrics, source))?.len();
        let Checkpoints { keep_last, keep_every, .. } = config.checkpoint;
        let request = Request {
            checkpoints: checkpoints.clone(),
            description: self.describe(config, step),
            metrics: Some((metrics, length)),
            snapshot,
            retention: Retention { keep_last, keep_every },
        };
        self.background.start(request).map_err(|source| FileError::write(&checkpoints, source))?;
        self.waited = start.elapsed().as_secs_f64();
        Ok(())
    }

    fn describe(&self, config: &Config, step: u64) -> Description {
        let seed = config.training.seed.into();
        Description {
            step,
            tokens: config.batches().tokens(step),
            data: DataPosition { order: "shuffled".into(), seed, sequences: config.batches().position(step) },
            random: RandomState {
                seed,
                state: "none: every random number is a function of seed, parameter, element and step".into(),
            },
            config_digest: self.identity.digest.clone(),
            versions: self.identity.versions.clone(),
            metrics: None,
            files: self.identity.files.clone(),
        }
    }

    /// Tells what came of the save under way, if it has ended.
    pub(super) fn poll(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let outcome = self.background.poll();
        self.settle(outcome, observer)
    }

    /// Tells what came of a save that need not be the last.
    fn settle(&mut self, outcome: Option<Outcome>, observer: &mut dyn Observer) -> Result<(), Error> {
        let Some(outcome) = outcome else { return Ok(()) };
        let step = outcome.step;
        match self.report(outcome, observer) {
            Ok(()) => self.failed = false,
            Err(error) if self.failed => return Err(error.into()),
            Err(error) => {
                self.failed = true;
                observer.event(Event::SaveFailed { step, error: &error });
            }
        }
        Ok(())
    }

    /// Tells of a save that has gone well.
    fn report(&mut self, outcome: Outcome, observer: &mut dyn Observer) -> Result<(), checkpoint::Error> {
        let Outcome { step, result, bytes, elapsed, removed, not_removed, snapshot } = outcome;
        self.memory = snapshot;
        let (path, seconds, waited_seconds) = (result?, elapsed.as_secs_f64(), self.waited);
        observer.event(Event::Saved { checkpoint: &path, bytes, seconds, waited_seconds });
        self.saved = Some((step, path));
        for path in removed {
            observer.event(Event::Note(format!("removed {}, which is no longer kept", path.display())));
        }
        if let Some(error) = not_removed {
            observer
                .event(Event::Note(format!("warning: a checkpoint that is no longer kept stays: {error}")));
        }
        Ok(())
    }
}
