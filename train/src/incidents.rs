//! Bad steps: what counts as one. What is done about it is in `run/incident_policy.rs`.

use std::fmt;

use serde::{Deserialize, Serialize};

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
