//! Going back to a checkpoint, alone or together with other processes.

use std::time::Instant;

use store::checkpoint::{self, Checkpoint};
use store::rewinds::Rewind;
use store::skipped::Range;

use super::super::best::Best;
use super::super::incident_policy::{self, IncidentPolicy};
use super::super::watchdog::Wait;
use super::{Bad, Steps};
use crate::Error;
use crate::events::{Done, RunEvent};
use crate::incidents::StepOutcome;
use crate::observer::{Event, Observer};

impl Steps<'_> {
    /// Goes back to a checkpoint, and leaves out of the data what came after it; or ends the run, if there is none.
    ///
    /// In this order, so that a process killed at any moment leaves a run that goes on to the same end: as long as the
    /// rewind is not written down, the run comes to the same bad step again from the checkpoint it goes back to, later
    /// ones being gone; once it is, the run goes on from there with later data. Lines of `metrics.jsonl` that are too many
    /// are removed by whoever continues.
    ///
    /// Of several processes, all have come to the same bad step. The first changes the run directory, once all of them
    /// have found the checkpoint to be good.
    pub(super) fn rewind(
        &mut self,
        outcome: StepOutcome,
        observer: &mut dyn Observer,
    ) -> Result<Option<Bad>, Error> {
        let bad = outcome.step;
        let checkpoints = self.run.checkpoints();
        self.watchdog.waits(bad, Wait::Save);
        self.saving.wait(self.run, observer)?;
        self.watchdog.waits(bad, Wait::Load);
        let Some((to, checkpoint)) = self.checkpoint_before(bad, observer)? else {
            let reason = "there is no checkpoint before it to go back to".to_owned();
            return Ok(Some(self.stop(outcome, Some(reason))?));
        };
        if let Some(kind) = outcome.kind() {
            self.log.write(&RunEvent::incident(&outcome, kind, Done::Rewind, None))?;
        }
        let skipped = self.range_to_skip(bad, to);
        if self.others.is_first() {
            checkpoint::set_aside_after(&checkpoints, to)?;
        }
        self.rewinds.add(Rewind { step: bad, to, skipped })?;
        self.log.write(&RunEvent::Rewind { step: bad, to, skipped })?;
        let sequences = skipped.until - skipped.from;
        observer.event(Event::Note(format!(
            "warning: {outcome}; going back to step {to} and leaving out the next {sequences} sequences of the data"
        )));

        self.skipped.add(skipped);
        let loaded = self.programs.state.reload(self.runtime, self.programs.step.inputs(), &checkpoint);
        self.others.all_loaded(bad, loaded)?;
        self.report.go_back(to, checkpoint.manifest().metrics_bytes())?;
        self.policy =
            IncidentPolicy::new(&self.config.incidents, &checkpoint.manifest().history, self.rewinds.count());
        self.best = Best::of(checkpoint.manifest().history.best);
        (self.completed, self.given) = (to, to);
        self.saving.gone_back(to, checkpoint::folder(&checkpoints, to))?;
        self.finished_at = Instant::now();
        self.free_since = Instant::now();
        self.watchdog.ended(None);
        Ok(None)
    }

    /// The checkpoint to go back to from a bad step: the best one that every process can read.
    fn checkpoint_before(
        &mut self,
        bad: u64,
        observer: &mut dyn Observer,
    ) -> Result<Option<(u64, Checkpoint)>, Error> {
        let checkpoints = self.run.checkpoints();
        let mut candidates = Vec::new();
        if self.others.is_first() {
            let mut steps = checkpoint::planned_steps(&checkpoints)?;
            // A run that came from a store has only the checkpoint it went on from on its disk.
            steps.extend(self.saving.planned_steps_in_store(observer));
            steps.sort_unstable();
            steps.dedup();
            let every = self.config.training.checkpoint_every;
            if let Some(due) =
                incident_policy::missing(&steps, every, bad, self.config.incidents.rewind_steps)
            {
                observer.event(Event::Note(format!(
                    "warning: the checkpoint of step {due} is lost, to which a run that lost none would go back: from here on, \
                     this run differs from it"
                )));
            }
            candidates = incident_policy::candidates(&steps, bad, self.config.incidents.rewind_steps);
        }
        let mut candidates = candidates.into_iter();
        // The others have no candidates of their own: they hear of each.
        loop {
            let own = candidates.find(|&step| self.bring_to_disk(step, observer));
            let Some(step) = self.others.propose(bad, own)? else { return Ok(None) };
            let opened = Checkpoint::open(&checkpoint::folder(&checkpoints, step));
            match self.others.all_good(bad, opened)? {
                Ok(checkpoint) => return Ok(Some((step, checkpoint))),
                Err(reason) => {
                    observer.event(Event::Note(format!("warning: passing over step {step}: {reason}")));
                }
            }
        }
    }

    /// Fetches the checkpoint of a step from the run's store, unless the run directory has a good one. Whether it has one now.
    fn bring_to_disk(&self, step: u64, observer: &mut dyn Observer) -> bool {
        if Checkpoint::open(&checkpoint::folder(&self.run.checkpoints(), step)).is_ok() {
            return true;
        }
        let restored = self.saving.restore(self.run, step);
        if let Err(error) = &restored {
            observer.event(Event::Note(format!("warning: passing over step {step}: {error}")));
        }
        restored.is_ok()
    }

    /// The data to leave out after a step to which training goes back: that of as many steps as the configuration says,
    /// and at least that of the bad step and all before it.
    fn range_to_skip(&self, bad: u64, to: u64) -> Range {
        let (batches, skip) = (&self.batches, self.config.incidents.rewind_skip);
        let position = |step: u64| self.skipped.position(batches.position(step - 1));
        let from = position(to + 1);
        let wanted = batches.position(to.saturating_add(skip)) - batches.position(to);
        let after_bad = position(bad).saturating_add(batches.batch(bad - 1) as u64);
        Range { from, until: from.saturating_add(wanted).max(after_bad) }
    }
}
