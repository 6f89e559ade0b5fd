//! The section `[incidents]`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;

/// The section `[incidents]` of the configuration: a policy for each kind of incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incidents {
    /// The policy for a loss or a gradient norm that is not finite.
    pub not_finite: NotFinitePolicy,
    /// The policy for a spike of the loss.
    pub spike: SpikePolicy,
    /// How far above the median of the last losses a spike is, in nats per token.
    pub spike_threshold: f64,
    /// Number of last losses whose median is taken.
    pub spike_window: usize,
    /// A rewind goes back at least so many steps.
    pub rewind_steps: u64,
    /// A rewind leaves out the batches of so many steps.
    pub rewind_skip: u64,
    /// Steps left out and rewinds that a run tolerates.
    pub limit: u64,
    /// The policy for a hang: no step ends in time.
    pub hang: HangPolicy,
    /// A hang is at least so many times the median step time.
    pub hang_factor: f64,
    /// A hang is at least so many seconds.
    pub hang_seconds: f64,
    /// Seconds after a signal within which the state must be saved; 0 for no limit. It is the caller who sees to it.
    pub stop_deadline: f64,
}

/// The policy for a loss or a gradient norm that is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotFinitePolicy {
    /// End the training with the state before the step.
    Stop,
    /// Leave the update out.
    Skip,
    /// Go back to a checkpoint, and on with later data.
    Rewind,
}

/// The policy for a spike of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpikePolicy {
    /// Say so, and go on.
    Note,
    /// End the training with the state before the step.
    Stop,
    /// Leave the update out.
    Skip,
    /// Go back to a checkpoint, and on with later data.
    Rewind,
}

/// The policy for a hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HangPolicy {
    /// Nothing is watched.
    Off,
    /// Say so.
    Note,
    /// Say so, and end the program if it is the device that is waited for.
    Abort,
}

impl Incidents {
    /// Steps before a bad one to go back behind, if training may go back to a checkpoint.
    pub fn rewind(&self) -> Option<u64> {
        let may = self.not_finite == NotFinitePolicy::Rewind || self.spike == SpikePolicy::Rewind;
        may.then_some(self.rewind_steps)
    }
}

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
