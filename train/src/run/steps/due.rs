//! What is due after a step: a validation, a checkpoint, the end.

use super::Steps;

impl Steps<'_> {
    /// Whether the state after `step` is to be saved, and is not.
    pub(super) fn is_checkpoint_due(&self, step: u64, every: u64) -> bool {
        let is_best = || self.config.checkpoint.keep_best && self.best.is_at(step);
        step > 0 && (is_due(step, every) || is_best() || self.is_last_save_old) && !self.saving.has(step)
    }

    /// Whether so many validations had no lower loss that the run ends.
    pub(super) fn is_patience_over(&self) -> bool {
        self.best.is_over(self.config.training.patience).is_some()
    }

    /// Looks whether the last save began so long ago that it is time for one. It stays so until there is one: of several
    /// processes, each is told once.
    pub(super) fn look_at_the_clock(&mut self) {
        let minutes = self.config.training.checkpoint_minutes;
        let is_old = || self.saved_at.elapsed().as_secs_f64() >= 60.0 * minutes;
        if minutes > 0.0 {
            self.is_last_save_old |= self.others.is_time_to_save(&is_old);
        }
    }

    /// Whether the state after `step` is to be validated.
    pub(super) fn is_validation_due(&self, step: u64) -> bool {
        let training = &self.config.training;
        self.programs.validation.is_some()
            && (step == training.steps || is_due(step, training.validation_every))
    }
}

/// Whether something done every so many steps is to be done after `step`; never, for 0.
pub(super) fn is_due(step: u64, every: u64) -> bool {
    every > 0 && step.is_multiple_of(every)
}
