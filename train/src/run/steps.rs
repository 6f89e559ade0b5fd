//! The loop. The device is given a step before the host reads the loss of the one before, so that it never waits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use data::Sequences;
use sharding::TransferToHost;

use super::parts::Parts;
use super::report::Report;
pub(super) use super::saving::Identity;
use super::saving::Saving;
use super::{Event, Observer};
use crate::Error;
use crate::batches::Batches;
use crate::config::Config;
use crate::metrics::Record;
use crate::run_directory::RunDirectory;

/// A run under way.
pub(super) struct Steps<'a> {
    config: &'a Config,
    run: &'a RunDirectory,
    parts: Parts,
    sequences: Sequences,
    batches: Batches,
    saving: Saving,
    report: Report<'a>,
    /// Steps given to the device and read back.
    completed: u64,
    /// When the host last came back from waiting for the device.
    free_since: Instant,
    /// When the device finished what was read last.
    finished_at: Instant,
    outcome: Outcome,
}

/// What the steps of this process came to.
#[derive(Default)]
pub(super) struct Outcome {
    /// Steps taken.
    pub(super) steps: u64,
    /// Whether the observer stopped it.
    pub(super) interrupted: bool,
    /// From handing over the first step to the end of the last, checkpoints included.
    pub(super) seconds: f64,
    /// When the first step was handed over.
    pub(super) began: Option<Instant>,
    /// For each step handed over while another was to be under way: at most how long the device waited for it.
    pub(super) device_waits: Vec<f64>,
    /// The newest checkpoint.
    pub(super) checkpoint: Option<PathBuf>,
}

/// A step the device has been given.
struct InFlight {
    step: u64,
    learning_rate: f64,
    loss: TransferToHost,
    grad_norm: TransferToHost,
    validation: Vec<TransferToHost>,
    more: BTreeMap<String, serde_json::Value>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        config: &'a Config,
        run: &'a RunDirectory,
        parts: Parts,
        sequences: Sequences,
        identity: Identity,
        report: Report<'a>,
        completed: u64,
    ) -> Self {
        let now = Instant::now();
        Self {
            config,
            run,
            parts,
            sequences,
            batches: config.batches(),
            saving: Saving::new(identity),
            report,
            completed,
            free_since: now,
            finished_at: now,
            outcome: Outcome::default(),
        }
    }

    /// What is written down of the steps.
    pub(super) fn report(&self) -> &Report<'a> {
        &self.report
    }

    /// Takes the steps that are left, and saves the state at the end, however it comes.
    pub(super) fn run(&mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        let began = Instant::now();
        (self.free_since, self.finished_at) = (began, began);
        let mut bad = None;
        match self.take_steps(&mut bad, observer) {
            Ok(()) => {}
            // The device's state is gone with the device.
            Err(error @ Error::Device(_)) => return Err(error),
            Err(error) => {
                // A full disk may have room for nothing more, but then nothing is lost by trying.
                let _ = self.save_last(observer);
                return Err(error);
            }
        }
        let saved = self.save_last(observer)?;
        if let Some(Record { step, loss, grad_norm, .. }) = bad {
            return Err(Error::NotFinite { step, loss, grad_norm, saved });
        }
        let mut outcome = std::mem::take(&mut self.outcome);
        (outcome.seconds, outcome.began) = (began.elapsed().as_secs_f64(), Some(began));
        outcome.checkpoint = Some(saved);
        Ok(outcome)
    }

    /// Takes steps until the last one, one whose loss or gradients are not finite (put into `bad`), or an interruption.
    fn take_steps(&mut self, bad: &mut Option<Record>, observer: &mut dyn Observer) -> Result<(), Error> {
        let steps = self.config.training.steps;
        let mut under_way = None;
        for step in self.completed + 1..=steps {
            if observer.should_stop() {
                self.outcome.interrupted = true;
                break;
            }
            if self.batches.batch(step - 1) != self.parts.batch() {
                if let Some(last) = under_way.take() {
                    self.finish(last, bad, observer)?;
                }
                if bad.is_some() {
                    break;
                }
                self.change_batch(step, observer)?;
            }
            let started = self.start(step, under_way.as_ref())?;
            if let Some(previous) = under_way.replace(started) {
                self.finish(previous, bad, observer)?;
            }
            if bad.is_some() {
                break;
            }
            if is_due(step, self.config.training.checkpoint_every) && step < steps {
                if let Some(last) = under_way.take() {
                    self.finish(last, bad, observer)?;
                }
                if bad.is_some() {
                    break;
                }
                self.save(observer)?;
                self.finished_at = Instant::now();
            }
        }
        match under_way {
            Some(last) => self.finish(last, bad, observer),
            None => Ok(()),
        }
    }

    /// Compiles the program for the batch that begins with `step`.
    fn change_batch(&mut self, step: u64, observer: &mut dyn Observer) -> Result<(), Error> {
        let batch = self.batches.batch(step - 1);
        let before = self.parts.batch();
        observer.event(Event::Note(format!(
            "from step {step} on, batches of {batch} sequences instead of {before}; compiling"
        )));
        self.parts.compile_step(self.config, batch)?;
        self.finished_at = Instant::now();
        self.free_since = self.finished_at;
        Ok(())
    }

    /// Gives the device a step, and the validation after it if one is due.
    fn start(&mut self, step: u64, under_way: Option<&InFlight>) -> Result<InFlight, Error> {
        let training = &self.config.training;
        let (first, rows) = (self.batches.position(step - 1), self.batches.batch(step - 1));
        let batch = self.sequences.sequences(first, rows);
        let learning_rate = self.config.schedule.learning_rate(step - 1, training.steps);
        let program = &self.parts.step;
        let state = self.parts.state.buffers().len();
        let inputs = [
            program.upload_slice(state, &[step as f32])?,
            program.upload_slice(state + 1, &[learning_rate as f32])?,
            program.upload_slice(state + 2, &batch.inputs)?,
            program.upload_slice(state + 3, &batch.targets)?,
        ];
        let inputs: Vec<_> = self.parts.state.buffers().iter().chain(&inputs).collect();
        let outputs = program.run(&inputs)?;
        let metrics = self.parts.state.advance(outputs);

        // If the step before is still being worked on, the device did not wait for this one. Otherwise it waited for
        // no longer than the host was busy.
        let busy = self.free_since.elapsed().as_secs_f64();
        let mut more = BTreeMap::from([("host_seconds".to_owned(), busy.into())]);
        if let Some(before) = under_way {
            let waited = if before.is_done()? { busy } else { 0.0 };
            self.outcome.device_waits.push(waited);
            more.insert("device_wait_seconds".to_owned(), waited.into());
        }
        let validation = match &self.parts.validation {
            Some((validation, program))
                if step == training.steps || is_due(step, training.validation_every) =>
            {
                validation.start(program, &self.parts.state)?
            }
            _ => Vec::new(),
        };
        let (loss, grad_norm) = (metrics[0].start_to_host()?, metrics[1].start_to_host()?);
        Ok(InFlight { step, learning_rate, loss, grad_norm, validation, more })
    }

    /// Waits for a step and writes down what came of it.
    fn finish(
        &mut self,
        under_way: InFlight,
        bad: &mut Option<Record>,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let InFlight { step, learning_rate, loss, grad_norm, validation, mut more } = under_way;
        let (loss, grad_norm) = (number(loss)?, number(grad_norm)?);
        let seconds = self.finished_at.elapsed().as_secs_f64();
        self.finished_at = Instant::now();
        let validation_loss = match validation.len() {
            0 => None,
            count => {
                let losses = validation.into_iter().map(number).collect::<Result<Vec<f64>, Error>>()?;
                more.insert("validation_seconds".into(), self.finished_at.elapsed().as_secs_f64().into());
                self.finished_at = Instant::now();
                Some(losses.iter().sum::<f64>() / count as f64)
            }
        };
        self.free_since = Instant::now();
        if let Some(waited) = self.saving.take_waited() {
            more.insert("checkpoint_seconds".into(), waited.into());
        }
        self.completed = step;
        self.outcome.steps += 1;
        let tokens = self.batches.tokens(step) - self.batches.tokens(step - 1);
        let record = self.report.step(Record {
            step,
            tokens: self.batches.tokens(step),
            loss,
            learning_rate,
            grad_norm,
            seconds,
            tokens_per_second: tokens as f64 / seconds,
            validation_loss,
            more,
            ..Record::default()
        })?;
        observer.event(Event::Step { record: &record, steps: self.config.training.steps });
        self.saving.poll(observer)?;
        if !(loss.is_finite() && grad_norm.is_finite()) {
            bad.get_or_insert(record);
        }
        Ok(())
    }

    /// Begins to save the state; in the background, unless the configuration wants otherwise.
    fn save(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.saving.save(self.config, self.run, self.completed, &self.parts.state, observer)
    }

    /// Saves the state, unless that was just done, and waits until it is on disk.
    fn save_last(&mut self, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
        self.saving.save_last(self.config, self.run, self.completed, &self.parts.state, observer)
    }
}

impl InFlight {
    fn is_done(&self) -> Result<bool, Error> {
        Ok(self.loss.is_ready()?)
    }
}

/// Waits for a scalar.
fn number(transfer: TransferToHost) -> Result<f64, Error> {
    Ok(transfer.wait()?.to_f64_vec()[0])
}

/// Whether something done every so many steps is to be done after `step`; never, for 0.
fn is_due(step: u64, every: u64) -> bool {
    every > 0 && step.is_multiple_of(every)
}
