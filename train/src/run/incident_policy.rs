//! The incident policy: a state machine that takes the numbers of each step and gives a decision. It acts on nothing itself.

use std::collections::VecDeque;

use configuration::{Incidents, NotFinitePolicy, SpikePolicy};
use store::checkpoint::History;

use crate::incidents::{IncidentKind, StepOutcome};

/// The key in `metrics.jsonl` of a step whose update was left out.
pub(super) const SKIPPED: &str = "skipped";

/// The decision after a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// The step was applied; go on.
    Continue,
    /// The step was applied, and is reported as an incident.
    Note,
    /// The step was not applied; it counts, and training goes on with the next one.
    Skip,
    /// The step was not applied and does not count; training goes back to a checkpoint.
    Rewind,
    /// The step was not applied and does not count; training ends. The reason is given if the policy is not `stop`.
    Stop(Option<String>),
}

/// The policy with what it depends on: the losses of the steps before, and how many incidents were tolerated.
///
/// Its state is a function of the policies, the history that is in the checkpoint and the number of rewinds, so that a
/// run that is continued decides as an uninterrupted one does.
#[derive(Clone, Debug)]
pub(super) struct IncidentPolicy {
    policies: Incidents,
    /// The last steps that were applied, with their losses: those the median is taken of, and two more, whose losses come
    /// too late for it.
    losses: VecDeque<(u64, f64)>,
    /// Steps left out and rewinds so far.
    tolerated: u64,
}

impl IncidentPolicy {
    /// The policy after `history`, which has all steps of the run so far, and that many rewinds.
    pub(super) fn new(policies: &Incidents, history: &History, rewinds: u64) -> IncidentPolicy {
        let tolerated = history.left_out + rewinds;
        let mut policy = IncidentPolicy { policies: policies.clone(), losses: VecDeque::new(), tolerated };
        for &(step, loss) in &history.losses {
            // Losses are float32; what was read may be off by the last bit of a float64.
            policy.remember(step, f64::from(loss as f32));
        }
        policy
    }

    /// What a checkpoint keeps of this state. Of the tolerated incidents, `rewinds` were rewinds.
    pub(super) fn history(&self, rewinds: u64) -> History {
        let losses = self.losses.iter().copied().collect();
        History { losses, left_out: self.tolerated.saturating_sub(rewinds), rewinds, best: None }
    }

    /// The loss above which a step is a spike; infinite for none. It depends on the steps up to two before it: the device is
    /// given a step before the loss of the one before is known.
    pub(super) fn loss_limit(&self, step: u64) -> f64 {
        let known: Vec<f64> =
            self.losses.iter().filter(|(of, _)| of + 2 <= step).map(|&(_, loss)| loss).collect();
        let window = self.policies.spike_window;
        let Some(first) = known.len().checked_sub(window) else { return f64::INFINITY };
        let limit = median(&known[first..]) + self.policies.spike_threshold;
        // What the device compares with.
        f64::from(limit as f32)
    }

    /// The limit that the device is given: beyond it, it leaves the update out.
    pub(super) fn device_limit(&self, step: u64) -> f64 {
        if self.policies.spike == SpikePolicy::Note { f64::INFINITY } else { self.loss_limit(step) }
    }

    /// Decides about a step, and remembers its loss if it was applied.
    pub(super) fn decide(&mut self, outcome: &StepOutcome) -> Decision {
        let decision = match outcome.kind() {
            None => Decision::Continue,
            Some(IncidentKind::NotFinite) => match self.policies.not_finite {
                NotFinitePolicy::Stop => Decision::Stop(None),
                NotFinitePolicy::Skip => Decision::Skip,
                NotFinitePolicy::Rewind => Decision::Rewind,
            },
            Some(IncidentKind::Spike) => match self.policies.spike {
                SpikePolicy::Note => Decision::Note,
                SpikePolicy::Stop => Decision::Stop(None),
                SpikePolicy::Skip => Decision::Skip,
                SpikePolicy::Rewind => Decision::Rewind,
            },
        };
        match decision {
            Decision::Continue | Decision::Note => self.remember(outcome.step, outcome.loss),
            Decision::Skip | Decision::Rewind => {
                if self.tolerated >= self.policies.limit {
                    let (tolerated, limit) = (self.tolerated, self.policies.limit);
                    return Decision::Stop(Some(format!(
                        "the run tolerated {tolerated} before, and incidents.limit is {limit}"
                    )));
                }
                self.tolerated += 1;
            }
            Decision::Stop(_) => {}
        }
        decision
    }

    fn remember(&mut self, step: u64, loss: f64) {
        self.losses.push_back((step, loss));
        if self.losses.len() > self.policies.spike_window + 2 {
            self.losses.pop_front();
        }
    }
}

/// The checkpoints to go back to from a bad step, out of `steps` in order, the best first: the newest one `back` steps or
/// more before, then older ones; if there is none, the oldest before the step.
pub(super) fn candidates(steps: &[u64], bad: u64, back: u64) -> Vec<u64> {
    let old: Vec<u64> = steps.iter().rev().copied().filter(|step| step.saturating_add(back) <= bad).collect();
    let oldest = steps.iter().copied().find(|&step| step < bad);
    // A step may not be its own checkpoint, as it would be for `back` = 0.
    let old: Vec<u64> = old.into_iter().filter(|&step| step < bad).collect();
    if old.is_empty() { oldest.into_iter().collect() } else { old }
}

/// The step to which a run goes back from a bad step that has every checkpoint it was to have, if that of this one is not
/// among `steps` but older ones are: an upload was too slow for it, say, and the disk was lost.
pub(super) fn missing(steps: &[u64], every: u64, bad: u64, back: u64) -> Option<u64> {
    let old_enough = bad.saturating_sub(back).min(bad.saturating_sub(1));
    let due = old_enough.checked_div(every)? * every;
    (!steps.contains(&due) && steps.iter().any(|&step| step < due)).then_some(due)
}

/// The middle of some numbers, or the mean of the two in the middle.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

#[cfg(test)]
mod tests;
