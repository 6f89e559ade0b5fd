//! The checkpoints of a run under way: what they belong to, and the one that is being written.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use configuration::{Checkpoints, Config};
use runtime::Runtime;
use store::checkpoint::{
    self, Background, Checkpoint, DataPosition, Description, History, ParameterSource, Peers, RandomState,
    Request, Retention, SaveOutcome, Snapshot, Versions,
};
use store::files::FileError;
use store::run_directory::RunDirectory;
use store::skipped::Skipped;

use super::mirror::Mirror;
use crate::Error;
use crate::events::{Log, RunEvent};
use crate::observer::{Event, Observer};
use crate::state::TrainState;

/// The parts that all checkpoints of a process have in common.
pub(super) struct Identity {
    digest: String,
    versions: Versions,
    /// Names and contents of the further files.
    files: Vec<(String, Vec<u8>)>,
    /// The processes that save together.
    peers: Option<Arc<dyn Peers>>,
    /// Whose parameters the run began with, if they were another's.
    from: Option<ParameterSource>,
}

impl Identity {
    /// Reads these parts from a run directory whose files have just been written.
    pub(super) fn new(
        run: &RunDirectory,
        digest: String,
        runtime: &Runtime,
        peers: Option<Arc<dyn Peers>>,
        from: Option<ParameterSource>,
    ) -> Result<Self, Error> {
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
            peers,
            from,
        })
    }

    /// Whose parameters the run began with, if they were another's.
    pub(super) fn from(&self) -> Option<ParameterSource> {
        self.from.clone()
    }
}

/// The contents of a checkpoint to be saved.
pub(super) struct Moment<'a> {
    pub(super) config: &'a Config,
    pub(super) run: &'a RunDirectory,
    /// Steps completed.
    pub(super) step: u64,
    /// The state after them.
    pub(super) state: &'a TrainState,
    /// Whether it is one that a run without interruptions saves.
    pub(super) planned: bool,
    /// The ranges left out of the data so far.
    pub(super) skipped: &'a Skipped,
    /// The history that the incident policy needs for later steps.
    pub(super) history: History,
}

/// The saving of a run.
pub(super) struct Saving {
    identity: Identity,
    log: Log,
    background: Background,
    mirror: Option<Mirror>,
    /// The step whose checkpoint was saved last, and where.
    saved: Option<(u64, PathBuf)>,
    /// How long training waited for the save under way, in seconds.
    waited: f64,
    /// The part of that which no record has yet.
    untold: Option<f64>,
    /// The host copy of the last save, whose memory the next one uses.
    memory: Snapshot,
    /// Whether the last save failed.
    failed: bool,
}

impl Saving {
    /// The saving of a process that goes on from a checkpoint of the run, or begins without one.
    pub(super) fn new(
        identity: Identity,
        log: Log,
        saved: Option<(u64, PathBuf)>,
        mirror: Option<Mirror>,
    ) -> Self {
        let background = Background::default();
        let memory = Snapshot::default();
        Self { identity, log, background, mirror, saved, waited: 0.0, untold: None, memory, failed: false }
    }

    /// Whether a checkpoint of a step is there or being written.
    pub(super) fn has(&self, step: u64) -> bool {
        self.background.under_way() == Some(step) || self.saved.as_ref().is_some_and(|saved| saved.0 == step)
    }

    /// Waits for the save under way, before training goes back to an earlier checkpoint.
    pub(super) fn wait(&mut self, run: &RunDirectory, observer: &mut dyn Observer) -> Result<(), Error> {
        let outcome = self.background.wait();
        self.settle(outcome, run, observer)
    }

    /// Training has gone back to a checkpoint.
    ///
    /// # Errors
    /// [`checkpoint::Error::UploadThread`] when the system gives no thread to write to the store.
    pub(super) fn gone_back(&mut self, step: u64, checkpoint: PathBuf) -> Result<(), Error> {
        self.saved = Some((step, checkpoint));
        self.mirror.as_mut().map_or(Ok(()), |mirror| mirror.go_back(step))
    }

    /// Steps of the checkpoints in the run's store to which it may go back; none if it does not say.
    pub(super) fn planned_steps_in_store(&self, observer: &mut dyn Observer) -> Vec<u64> {
        let steps = self.mirror.as_ref().map_or(Ok(Vec::new()), Mirror::planned_steps);
        steps.unwrap_or_else(|error| {
            observer.event(Event::Note(format!("warning: {error}")));
            Vec::new()
        })
    }

    /// A checkpoint that is in the run's store and not on disk.
    pub(super) fn restore(&self, run: &RunDirectory, step: u64) -> Result<Checkpoint, Error> {
        match &self.mirror {
            Some(mirror) => mirror.restore(run, step),
            // There is no store that could have named it.
            None => Ok(Checkpoint::open(&checkpoint::folder(&run.checkpoints(), step))?),
        }
    }

    /// How long training waited for a save since this was last asked, in seconds.
    pub(super) fn take_waited(&mut self) -> Option<f64> {
        self.untold.take()
    }

    /// Copies the state to the host and begins to save it; waits for an earlier save first. A failure is reported as an
    /// event; the second in a row is an error, since nothing is being saved any more.
    pub(super) fn save(&mut self, moment: &Moment<'_>, observer: &mut dyn Observer) -> Result<(), Error> {
        let start = Instant::now();
        let (run, step) = (moment.run, moment.step);
        self.poll(run, observer)?;
        if let Some(earlier) = self.background.under_way() {
            let text = format!("waiting for the checkpoint of step {earlier} before that of step {step}");
            observer.event(Event::Note(text));
            let outcome = self.background.wait();
            self.settle(outcome, run, observer)?;
        }
        self.start(moment, start)?;
        if !moment.config.checkpoint.background {
            let outcome = self.background.wait();
            self.waited = start.elapsed().as_secs_f64();
            self.settle(outcome, run, observer)?;
        }
        self.untold = Some(self.waited);
        Ok(())
    }

    /// Saves the state after the last step, unless that was just done, and waits until it is on disk.
    pub(super) fn save_last(
        &mut self,
        moment: &Moment<'_>,
        observer: &mut dyn Observer,
    ) -> Result<PathBuf, Error> {
        let start = Instant::now();
        let (run, step) = (moment.run, moment.step);
        if self.background.under_way().is_some_and(|earlier| earlier != step) {
            let outcome = self.background.wait();
            self.failed = false;
            self.settle(outcome, run, observer)?;
        }
        if self.background.under_way().is_none() && self.saved.as_ref().is_none_or(|saved| saved.0 != step) {
            self.start(moment, start)?;
        }
        if let Some(outcome) = self.background.wait() {
            self.report(outcome, observer)?;
            self.upload(run, observer)?;
        }
        if let Some(mirror) = &mut self.mirror {
            mirror.finish(&self.log, observer)?;
        }
        let saved = self.saved.as_ref().filter(|saved| saved.0 == step);
        Ok(saved.ok_or(checkpoint::Error::Thread)?.1.clone())
    }

    fn start(&mut self, moment: &Moment<'_>, start: Instant) -> Result<(), Error> {
        let Moment { config, run, state, .. } = *moment;
        let snapshot = state.snapshot_in(std::mem::take(&mut self.memory))?;
        let (metrics, checkpoints) = (run.metrics(), run.checkpoints());
        let length = fs::metadata(&metrics).map_err(|source| FileError::read(&metrics, source))?.len();
        let Checkpoints { keep_last, keep_every, keep_best, .. } = config.checkpoint;
        let rewind_steps = config.incidents.rewind();
        let request = Request {
            checkpoints: checkpoints.clone(),
            description: self.describe(moment),
            metrics: Some((metrics, length)),
            snapshot,
            retention: Retention { keep_last, keep_every, rewind_steps, keep_best },
            peers: self.identity.peers.clone(),
        };
        self.background.start(request).map_err(|source| FileError::write(&checkpoints, source))?;
        self.waited = start.elapsed().as_secs_f64();
        Ok(())
    }

    fn describe(&self, moment: &Moment<'_>) -> Description {
        let &Moment { config, step, planned, skipped, ref history, .. } = moment;
        let batches = config.batches();
        let seed = config.training.seed.into();
        Description {
            step,
            tokens: batches.tokens(step),
            planned,
            data: DataPosition {
                order: "shuffled".into(),
                seed,
                sequences: skipped.position(batches.position(step)),
                skipped: skipped.clone(),
            },
            random: RandomState {
                seed,
                state: "none: every random number is a function of seed, parameter, element and step".into(),
            },
            config_digest: self.identity.digest.clone(),
            history: history.clone(),
            versions: self.identity.versions.clone(),
            metrics: None,
            from: self.identity.from(),
            files: self.identity.files.clone(),
        }
    }

    /// Reports the result of the save under way, if it has ended, and of the upload.
    pub(super) fn poll(&mut self, run: &RunDirectory, observer: &mut dyn Observer) -> Result<(), Error> {
        let outcome = self.background.poll();
        self.settle(outcome, run, observer)?;
        self.mirror.as_mut().map_or(Ok(()), |mirror| mirror.poll(&self.log, observer))
    }

    /// Has the checkpoint that was saved last uploaded.
    fn upload(&mut self, run: &RunDirectory, observer: &mut dyn Observer) -> Result<(), Error> {
        match (&mut self.mirror, &self.saved) {
            (Some(mirror), Some((_, path))) => mirror.offer(path, run, observer),
            _ => Ok(()),
        }
    }

    /// Reports the result of a save that need not be the last.
    fn settle(
        &mut self,
        outcome: Option<SaveOutcome>,
        run: &RunDirectory,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let Some(outcome) = outcome else { return Ok(()) };
        let step = outcome.step;
        match self.report(outcome, observer) {
            Ok(()) => {
                self.failed = false;
                self.upload(run, observer)?;
            }
            Err(error) if self.failed => return Err(error.into()),
            Err(error) => {
                self.failed = true;
                observer.event(Event::SaveFailed { step, error: &error });
            }
        }
        Ok(())
    }

    /// Logs the result of a save, and reports a successful one to the observer.
    fn report(&mut self, outcome: SaveOutcome, observer: &mut dyn Observer) -> Result<(), checkpoint::Error> {
        let SaveOutcome { step, result, bytes, elapsed, removed, not_removed, digest, snapshot } = outcome;
        self.memory = snapshot;
        let path = result.inspect_err(|error| {
            // Where a checkpoint cannot be written, a line often cannot either: the failure of the save is what counts.
            let _ = self.log.write(&RunEvent::SaveFailed { step, message: error.to_string() });
        })?;
        self.saved = Some((step, path.clone()));
        let (seconds, waited_seconds) = (elapsed.as_secs_f64(), self.waited);
        let checkpoint = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.log.write(&RunEvent::Save { step, checkpoint, seconds, digest })?;
        observer.event(Event::Saved { checkpoint: &path, bytes, seconds, waited_seconds });
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
