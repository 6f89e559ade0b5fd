//! What is due after a step: a validation, a checkpoint, the end.

use super::Steps;

impl Steps<'_> {
    /// Whether the state after `step` is to be saved, and is not.
    pub(super) fn is_checkpoint_due(&self, step: u64, every: u64) -> bool {
        let is_best = || self.config.checkpoint.keep_best && self.best.is_at(step);
        step > 0 && (is_due(step, every) || is_best() || self.is_last_save_old()) && !self.saving.has(step)
    }

    /// Whether so many validations had no lower loss that the run ends.
    pub(super) fn is_patience_over(&self) -> bool {
        self.best.is_over(self.config.training.patience).is_some()
    }

    /// Whether the last save began so long ago that it is time for one. No clock is the same in several processes.
    fn is_last_save_old(&self) -> bool {
        let minutes = self.config.training.checkpoint_minutes;
        minutes > 0.0 && self.others.is_alone() && self.saved_at.elapsed().as_secs_f64() >= 60.0 * minutes
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
