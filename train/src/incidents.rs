//! Incidents: what counts as a bad step or a hang, and the section `[incidents]` of the configuration, which says what
//! is done about them.

use std::fmt;

use serde::{Deserialize, Serialize};

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

/// The kind of a bad step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// The loss or the gradients' norm is not finite.
    NotFinite,
    /// The loss is above its limit.
    Spike,
}

/// The outcome of a step: the numbers by which it is good or bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOutcome {
    /// The step, from 1.
    pub step: u64,
    /// Its loss, in nats per token.
    pub loss: f64,
    /// Its gradients' global norm.
    pub grad_norm: f64,
    /// The loss above which it is a spike; infinite for none.
    pub loss_limit: f64,
}

impl StepOutcome {
    /// The kind of incident, if the step is a bad one.
    pub fn kind(&self) -> Option<IncidentKind> {
        if !(self.loss.is_finite() && self.grad_norm.is_finite()) {
            Some(IncidentKind::NotFinite)
        } else if self.loss > self.loss_limit {
            Some(IncidentKind::Spike)
        } else {
            None
        }
    }
}

/// `step 12: loss 9.5, gradient norm 3.1 (loss limit 5.25)`.
impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // They are float32 numbers.
        let (step, [loss, grad_norm, loss_limit]) =
            (self.step, [self.loss, self.grad_norm, self.loss_limit].map(|number| number as f32));
        write!(f, "step {step}: loss {loss}, gradient norm {grad_norm}")?;
        if loss_limit.is_finite() { write!(f, " (loss limit {loss_limit})") } else { Ok(()) }
    }
}
