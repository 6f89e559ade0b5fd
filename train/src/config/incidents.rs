//! The section `[incidents]`.

use std::fmt;

use super::Error;
use crate::incidents::Incidents;

impl Incidents {
    /// Checks ranges, and that there are checkpoints to go back to.
    ///
    /// # Errors
    /// Names the first key that is wrong.
    pub fn check(&self, checkpoint_every: u64) -> Result<(), Error> {
        let rewinds = self.rewind().is_some();
        let Self { spike_threshold, spike_window, rewind_skip, hang_factor, hang_seconds, .. } = *self;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let duration = |x: f64| (0.0..=1e9).contains(&x);
        let rules: [(&str, &dyn fmt::Display, bool, &str); 7] = [
            ("incidents.spike_threshold", &spike_threshold, positive(spike_threshold), "a positive number"),
            (
                "incidents.spike_window",
                &spike_window,
                (1..=1 << 20).contains(&spike_window),
                "between 1 and 1048576",
            ),
            ("incidents.rewind_skip", &rewind_skip, (1..=1 << 32).contains(&rewind_skip), "at least 1"),
            ("incidents.hang_factor", &hang_factor, (1.0..=1e9).contains(&hang_factor), "between 1 and 1e9"),
            ("incidents.hang_seconds", &hang_seconds, duration(hang_seconds), "between 0 and 1e9"),
            (
                "incidents.stop_deadline",
                &self.stop_deadline,
                duration(self.stop_deadline),
                "between 0 and 1e9",
            ),
            (
                "training.checkpoint_every",
                &checkpoint_every,
                !rewinds || checkpoint_every > 0,
                "at least 1 for a rewind, which goes back to a checkpoint",
            ),
        ];
        match rules.into_iter().find(|rule| !rule.2) {
            Some((key, value, _, expected)) => Err(Error::Range { key, value: value.to_string(), expected }),
            None => Ok(()),
        }
    }
}
