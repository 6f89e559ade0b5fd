//! The training loop. Each step is dispatched before the host reads the loss of the one before, so that the device
//! never waits.
//!
//! [`IncidentPolicy`] decides what follows each step; the loop carries it out. A bad step changes nothing on the
//! device, nor does the one that was under way when it was found: that one is dispatched again.

mod due;
mod rewind;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use configuration::{Batches, Config};
use data::Sequences;
use monitor::metrics::Record;
use runtime::{Buffer, Runtime, TransferToHost};
use store::checkpoint::{BestValidation, History};
use store::rewinds::Rewinds;
use store::run_directory::RunDirectory;
use store::skipped::Skipped;

use super::best::Best;
use super::dispatch::{Dispatch, Dispatched, number};
use super::incident_policy::{Decision, IncidentPolicy, SKIPPED};
use super::mirror::Mirror;
use super::multi_host::OtherProcesses;
use super::programs::TrainingPrograms;
use super::report::Report;
use super::saving::{Identity, Moment, Saving};
use super::watchdog::{Wait, Watchdog};
use crate::Error;
use crate::events::{Done, Log, RunEvent, StopReason};
use crate::incidents::StepOutcome;
use crate::observer::{Event, Observer};
use due::is_due;

/// A run under way.
pub(super) struct Steps<'a> {
    config: &'a Config,
    run: &'a RunDirectory,
    runtime: &'a Runtime,
    programs: TrainingPrograms,
    sequences: Sequences,
    batches: Batches,
    saving: Saving,
    log: Log,
    policy: IncidentPolicy,
    best: Best,
    rewinds: Rewinds,
    skipped: Skipped,
    watchdog: Watchdog,
    report: Report<'a>,
    others: OtherProcesses<'a>,
    /// Steps dispatched, read back, and not undone by a rewind.
    completed: u64,
    /// How many of them are steps of another run, if this one began with its checkpoint; 0 if with its parameters.
    begun_at: Option<u64>,
    /// The last dispatched step that may have changed the state.
    given: u64,
    /// Its output `applied`, on the device; `None` if it is known to be applied.
    apply: Option<Buffer>,
    /// The error after which no more steps are started: two saves in a row failed.
    not_saved: Option<Error>,
    /// When the last save began, or training did.
    saved_at: Instant,
    /// Whether that was long ago.
    is_last_save_old: bool,
    /// When the host last came back from waiting for the device.
    free_since: Instant,
    /// When the device finished what was read last.
    finished_at: Instant,
    outcome: RunOutcome,
}

/// The parts a loop is made of.
pub(super) struct Beginning<'a> {
    pub(super) programs: TrainingPrograms,
    pub(super) sequences: Sequences,
    pub(super) identity: Identity,
    pub(super) report: Report<'a>,
    pub(super) others: OtherProcesses<'a>,
    /// Steps completed, and the run's checkpoint of them.
    pub(super) completed: u64,
    pub(super) checkpoint: Option<PathBuf>,
    /// The copies in an object store, if there are any.
    pub(super) mirror: Option<Mirror>,
    /// The ranges that the checkpoint's run had left out of the data.
    pub(super) skipped: Option<Skipped>,
    /// The history of the run's steps so far, for the incident policy.
    pub(super) history: History,
}

/// The results of this process's steps.
#[derive(Default)]
pub(super) struct RunOutcome {
    /// Steps taken.
    pub(super) steps: u64,
    /// Whether the observer stopped it.
    pub(super) interrupted: bool,
    /// From the dispatch of the first step to the end of the last, checkpoints included.
    pub(super) seconds: f64,
    /// The time of the first step's dispatch.
    pub(super) began: Option<Instant>,
    /// For each step dispatched while another was to be under way: an upper bound of the time the device waited for it,
    /// in seconds.
    pub(super) device_waits: Vec<f64>,
    /// The newest checkpoint.
    pub(super) checkpoint: Option<PathBuf>,
}

/// A dispatched step that was not read back yet.
struct InFlight {
    step: u64,
    learning_rate: f64,
    loss: TransferToHost,
    grad_norm: TransferToHost,
    applied: TransferToHost,
    more: BTreeMap<String, serde_json::Value>,
}

/// A bad step that ends the run.
struct Bad {
    outcome: StepOutcome,
    /// Why it does, although the policy is another.
    reason: Option<String>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        config: &'a Config,
        run: &'a RunDirectory,
        runtime: &'a Runtime,
        beginning: Beginning<'a>,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let Beginning {
            programs,
            sequences,
            identity,
            report,
            others,
            completed,
            checkpoint,
            mirror,
            skipped,
            history,
        } = beginning;
        let of_another = completed > 0 || identity.from().is_some();
        let begun_at = (checkpoint.is_none() && of_another).then_some(completed);
        let log = Log::open(run.events())?;
        let rewinds = Rewinds::read(run.rewinds(), history.rewinds)?;
        let skipped = rewinds.skipped(skipped.as_ref());
        let policy = IncidentPolicy::new(&config.incidents, &history, rewinds.count());
        let (steps, skipped_sequences) = (config.training.steps, skipped.sequences());
        let (version, platform) = (env!("CARGO_PKG_VERSION").to_owned(), runtime.platform().to_owned());
        log.write(&match completed {
            0 => RunEvent::Begin { steps, version, platform, from: identity.from() },
            _ => RunEvent::Resume { completed, steps, version, platform, skipped_sequences },
        })?;
        let watchdog = Watchdog::start(&config.incidents, log.clone(), observer.alarm());
        let now = Instant::now();
        Ok(Self {
            config,
            run,
            runtime,
            programs,
            sequences,
            batches: config.batches(),
            saving: Saving::new(identity, log.clone(), checkpoint.map(|path| (completed, path)), mirror),
            log,
            policy,
            best: Best::of(history.best),
            rewinds,
            skipped,
            watchdog,
            report,
            others,
            completed,
            begun_at,
            given: completed,
            apply: None,
            not_saved: None,
            saved_at: now,
            is_last_save_old: false,
            free_since: now,
            finished_at: now,
            outcome: RunOutcome::default(),
        })
    }

    /// The records of the steps.
    pub(super) fn report(&self) -> &Report<'a> {
        &self.report
    }

    /// Takes the steps that are left, and saves the state at the end, however it comes.
    pub(super) fn run(&mut self, observer: &mut dyn Observer) -> Result<RunOutcome, Error> {
        let began = Instant::now();
        (self.free_since, self.finished_at, self.saved_at) = (began, began, began);
        if !self.others.is_alone() && self.config.training.checkpoint_every == 0 {
            let text = "warning: nothing is saved before the end, since training.checkpoint_every is 0";
            observer.event(Event::Note(text.to_owned()));
        }
        let result = self.take_steps(observer).and_then(|bad| {
            let saved = self.save_last(observer)?;
            match bad {
                Some(Bad { outcome, reason }) => Err(Error::BadStep { outcome, reason, saved }),
                None => Ok(saved),
            }
        });
        // After a failure of the device its state is gone; after another, it may be that of a step nobody has read. Where
        // several processes hold it, the others may be anywhere, and cannot be waited for.
        if let Err(error) = &result
            && !matches!(error, Error::Device(_) | Error::BadStep { .. })
            && self.given == self.completed
            && self.others.is_alone()
        {
            // A full disk may have room for nothing more, but then nothing is lost by trying.
            let _ = self.save_last(observer);
        }
        self.watchdog.waits(self.completed, Wait::Nothing);
        if let (Ok(_), false, Some(best)) =
            (&result, self.outcome.interrupted, self.best.is_over(self.config.training.patience))
        {
            let BestValidation { step, loss, since } = best;
            observer.event(Event::Note(format!(
                "ending after step {}: {since} validations had no lower loss than that of step {step}, {loss:.3}; \
                 training.patience says how many may",
                self.completed
            )));
        }
        let (reason, message) = match &result {
            Ok(_) if self.outcome.interrupted => (StopReason::Interrupted, None),
            Ok(_) if self.completed < self.config.training.steps => (StopReason::Patience, None),
            Ok(_) => (StopReason::Finished, None),
            Err(error @ Error::BadStep { .. }) => (StopReason::Incident, Some(error.to_string())),
            Err(error) => (StopReason::Error, Some(error.to_string())),
        };
        // What ends the run is what matters.
        let logged = self.log.write(&RunEvent::Stop { step: self.completed, reason, message });
        let saved = result?;
        logged?;
        let mut outcome = std::mem::take(&mut self.outcome);
        (outcome.seconds, outcome.began) = (began.elapsed().as_secs_f64(), Some(began));
        outcome.checkpoint = Some(saved);
        Ok(outcome)
    }

    /// Takes steps until the last one, a bad one that ends the run, or an interruption.
    fn take_steps(&mut self, observer: &mut dyn Observer) -> Result<Option<Bad>, Error> {
        let (steps, every) = (self.config.training.steps, self.config.training.checkpoint_every);
        let mut under_way: Option<InFlight> = None;
        let mut stopping = false;
        if self.begun_at == Some(self.completed) && !self.saving.has(self.completed) {
            // Begun with another run's checkpoint or parameters: from now on it has one of its own to go on from.
            self.save(observer)?;
            self.finished_at = Instant::now();
        }
        loop {
            stopping |= observer.should_stop() || self.not_saved.is_some();
            self.look_at_the_clock();
            let last = under_way.as_ref().map_or(self.completed, |step| step.step);
            // A checkpoint is of a state that no later step has changed: none is started before it is saved.
            let mut save = last < steps && self.is_checkpoint_due(last, every);
            if save && under_way.is_none() {
                self.save(observer)?;
                self.finished_at = Instant::now();
                save = false;
            }
            let change = last < steps && self.batches.batch(last) != self.programs.batch();
            if change && !stopping && under_way.is_none() {
                self.change_batch(last + 1, observer)?;
            }
            // Nor before it is validated: what is validated is the state, and the time it takes is not the steps'.
            let wait = under_way.is_some() && (save || change || self.is_validation_due(last));
            let over = self.is_patience_over();
            let started = match last < steps && !stopping && !wait && !over {
                true => Some(self.start(last + 1, under_way.as_ref())?),
                false => None,
            };
            match std::mem::replace(&mut under_way, started) {
                Some(previous) => {
                    let step = previous.step;
                    let Some((outcome, decision)) = self.finish(previous, observer)? else { continue };
                    // The step after a bad one, if there is one under way, has changed nothing and will be taken again.
                    drop(under_way.take());
                    (self.apply, self.given) = (None, self.completed);
                    self.watchdog.ended(None);
                    let bad = match decision {
                        Decision::Stop(reason) => Some(self.stop(outcome, reason)?),
                        Decision::Rewind => self.rewind(outcome, observer)?,
                        Decision::Skip | Decision::Note | Decision::Continue => None,
                    };
                    debug_assert!(self.completed <= step, "a step counts that was not read");
                    if bad.is_some() {
                        return Ok(bad);
                    }
                }
                None if under_way.is_none() => {
                    if let Some(error) = self.not_saved.take() {
                        return Err(error);
                    }
                    self.outcome.interrupted = stopping && last < steps && !over;
                    return Ok(None);
                }
                None => {}
            }
        }
    }

    /// Sees to the program for the batch that begins with `step`.
    fn change_batch(&mut self, step: u64, observer: &mut dyn Observer) -> Result<(), Error> {
        let batch = self.batches.batch(step - 1);
        let before = self.programs.batch();
        let compiling = if self.programs.has_step(batch) { "" } else { "; compiling" };
        observer.event(Event::Note(format!(
            "from step {step} on, batches of {batch} sequences instead of {before}{compiling}"
        )));
        self.programs.compile_step(self.config, batch)?;
        self.finished_at = Instant::now();
        self.free_since = self.finished_at;
        Ok(())
    }

    /// Gives the device a step.
    fn start(&mut self, step: u64, under_way: Option<&InFlight>) -> Result<InFlight, Error> {
        let dispatch = Dispatch {
            config: self.config,
            sequences: &self.sequences,
            skipped: &self.skipped,
            step,
            loss_limit: self.policy.device_limit(step),
            apply: self.apply.take(),
        };
        let watchdog = &self.watchdog;
        watchdog.waits(step, Wait::Batch);
        // What the host does until it hands the step over. The call that does may wait for the step before to end, as it does
        // with several CPU devices: that is no work of the host.
        let (free_since, mut busy, mut before_done) = (self.free_since, 0.0, Ok(false));
        let dispatched = dispatch.start(&mut self.programs, || {
            watchdog.waits(step, Wait::Start);
            busy = free_since.elapsed().as_secs_f64();
            before_done = under_way.map_or(Ok(false), InFlight::is_done);
        })?;
        self.given = step;
        let Dispatched { learning_rate, loss, grad_norm, applied, apply } = dispatched;
        self.apply = Some(apply);

        // If the step before was still being worked on then, the device did not wait for this one. Otherwise it waited for
        // no longer than the host was busy.
        let mut more = BTreeMap::from([("host_seconds".to_owned(), busy.into())]);
        if under_way.is_some() {
            let waited = if before_done? { busy } else { 0.0 };
            self.outcome.device_waits.push(waited);
            more.insert("device_wait_seconds".to_owned(), waited.into());
        }
        Ok(InFlight { step, learning_rate, loss, grad_norm, applied, more })
    }

    /// Waits for a step, decides what follows, and records it if it counts, after the validation if one is due. What is
    /// left to do if it was not applied.
    fn finish(
        &mut self,
        under_way: InFlight,
        observer: &mut dyn Observer,
    ) -> Result<Option<(StepOutcome, Decision)>, Error> {
        let InFlight { step, learning_rate, loss, grad_norm, applied, mut more } = under_way;
        self.watchdog.waits(step, Wait::Step);
        let (loss, grad_norm, applied) = (number(loss)?, number(grad_norm)?, number(applied)? != 0.0);
        let seconds = self.finished_at.elapsed().as_secs_f64();
        self.finished_at = Instant::now();
        self.watchdog.ended(Some(seconds));
        let outcome = StepOutcome { step, loss, grad_norm, loss_limit: self.policy.loss_limit(step) };
        let decision = self.policy.decide(&outcome);
        self.others.agree_on(&outcome, &decision, applied)?;
        if applied != matches!(decision, Decision::Continue | Decision::Note) {
            return Err(Error::Contradiction { outcome, applied });
        }
        match self.saving.poll(self.run, observer) {
            // The steps under way are still finished, so that their state can be saved.
            Err(error) if self.others.is_alone() => self.not_saved = Some(error),
            polled => polled?,
        }
        let counts = applied || decision == Decision::Skip;
        let mut validation_loss = None;
        if let Some((validation, program)) = &self.programs.validation
            && counts
            && self.is_validation_due(step)
        {
            self.watchdog.waits(step, Wait::Validation);
            let loss = validation.loss(program, &self.programs.state, || self.watchdog.ended(None))?;
            more.insert("validation_seconds".into(), self.finished_at.elapsed().as_secs_f64().into());
            self.finished_at = Instant::now();
            validation_loss = Some(loss);
            self.best.validated(step, loss);
        }
        self.watchdog.waits(step, Wait::Nothing);
        self.free_since = Instant::now();
        if let Some(kind) = outcome.kind() {
            if decision == Decision::Skip {
                more.insert(SKIPPED.to_owned(), serde_json::to_value(kind).unwrap_or_default());
            }
            let (action, what) = match decision {
                Decision::Skip => (Done::Skip, "; its update is left out"),
                _ => (Done::Note, ""),
            };
            if counts {
                self.log.write(&RunEvent::incident(&outcome, kind, action, None))?;
                observer.event(Event::Note(format!("warning: {outcome}{what}")));
            }
        }
        if counts {
            if let Some(waited) = self.saving.take_waited() {
                more.insert("checkpoint_seconds".into(), waited.into());
            }
            let tokens = self.batches.tokens(step);
            let tokens_per_second = (tokens - self.batches.tokens(step - 1)) as f64 / seconds;
            self.record(
                Record {
                    step,
                    tokens,
                    loss,
                    learning_rate,
                    grad_norm,
                    seconds,
                    tokens_per_second,
                    validation_loss,
                    more,
                    ..Record::default()
                },
                observer,
            )?;
        }
        Ok((!applied).then_some((outcome, decision)))
    }

    /// Writes down a step that counts.
    fn record(&mut self, record: Record, observer: &mut dyn Observer) -> Result<(), Error> {
        let record = self.report.step(record)?;
        self.completed = record.step;
        self.outcome.steps += 1;
        observer.event(Event::Step { record: &record, steps: self.config.training.steps });
        Ok(())
    }

    /// A bad step ends the run.
    fn stop(&mut self, outcome: StepOutcome, reason: Option<String>) -> Result<Bad, Error> {
        if let Some(kind) = outcome.kind() {
            self.log.write(&RunEvent::incident(&outcome, kind, Done::Stop, reason.clone()))?;
        }
        Ok(Bad { outcome, reason })
    }

    /// Begins to save the state; in the background, unless the configuration wants otherwise.
    fn save(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.watchdog.waits(self.completed, Wait::Save);
        (self.saved_at, self.is_last_save_old) = (Instant::now(), false);
        let (saving, moment) = self.saving();
        saving.save(&moment, observer)?;
        self.watchdog.waits(self.completed, Wait::Nothing);
        self.watchdog.ended(None);
        Ok(())
    }

    /// Saves the state, unless that was just done, and waits until it is on disk.
    fn save_last(&mut self, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
        self.watchdog.waits(self.completed, Wait::Save);
        let (saving, moment) = self.saving();
        saving.save_last(&moment, observer)
    }

    fn saving(&mut self) -> (&mut Saving, Moment<'_>) {
        let Self {
            config, run, completed, programs, skipped, saving, policy, best, rewinds, begun_at, ..
        } = self;
        let (step, every) = (*completed, config.training.checkpoint_every);
        // The last step is none of a longer run. Without any that are due, all are alike: there are no rewinds then.
        let planned = every == 0 || is_due(step, every) || Some(step) == *begun_at;
        let history = History { best: best.kept(), ..policy.history(rewinds.count()) };
        (saving, Moment { config, run, step, state: &programs.state, planned, skipped, history })
    }
}

impl InFlight {
    fn is_done(&self) -> Result<bool, Error> {
        Ok(self.loss.is_ready()?)
    }
}
