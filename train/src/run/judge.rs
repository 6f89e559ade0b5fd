//! What to do after each step: a state machine that sees numbers and gives a decision, and does nothing itself.

use std::collections::VecDeque;

use store::checkpoint::History;

use crate::incidents::{Incidents, Kind, NotFinitePolicy, Outcome, SpikePolicy};

/// The key in `metrics.jsonl` of a step whose update was left out.
pub(super) const SKIPPED: &str = "skipped";

/// What to do after a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// Nothing: it was applied.
    Continue,
    /// It was applied, and is to be spoken of.
    Note,
    /// It was not applied, counts, and the next one follows.
    Skip,
    /// It was not applied and does not count; training goes back to a checkpoint.
    Rewind,
    /// It was not applied and does not count; training ends. The reason, if the policy is not to stop.
    Stop(Option<String>),
}

/// Decides what to do after each step, from the losses of those before.
///
/// What it knows is a function of the policies, the history that is in the checkpoint and the number of rewinds, so that a
/// run that is continued decides as one without a break.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    policies: Incidents,
    /// Steps that were applied, with their losses: as many as a median is taken of, and the two that come too late for it.
    losses: VecDeque<(u64, f64)>,
    /// Steps left out and rewinds so far.
    got_over: u64,
}

impl Judge {
    /// After the steps of `history`, all those of the run so far, and some rewinds.
    pub(super) fn new(policies: &Incidents, history: &History, rewinds: u64) -> Judge {
        let got_over = history.left_out + rewinds;
        let mut judge = Judge { policies: policies.clone(), losses: VecDeque::new(), got_over };
        for &(step, loss) in &history.losses {
            // Losses are float32; what was read may be off by the last bit of a float64.
            judge.remember(step, f64::from(loss as f32));
        }
        judge
    }

    /// The steps so far, of which some rewinds are none.
    pub(super) fn history(&self, rewinds: u64) -> History {
        let losses = self.losses.iter().copied().collect();
        History { losses, left_out: self.got_over.saturating_sub(rewinds), rewinds }
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

    /// What to do after a step; remembers it, if it was applied.
    pub(super) fn decide(&mut self, outcome: &Outcome) -> Decision {
        let decision = match outcome.kind() {
            None => Decision::Continue,
            Some(Kind::NotFinite) => match self.policies.not_finite {
                NotFinitePolicy::Stop => Decision::Stop(None),
                NotFinitePolicy::Skip => Decision::Skip,
                NotFinitePolicy::Rewind => Decision::Rewind,
            },
            Some(Kind::Spike) => match self.policies.spike {
                SpikePolicy::Note => Decision::Note,
                SpikePolicy::Stop => Decision::Stop(None),
                SpikePolicy::Skip => Decision::Skip,
                SpikePolicy::Rewind => Decision::Rewind,
            },
        };
        match decision {
            Decision::Continue | Decision::Note => self.remember(outcome.step, outcome.loss),
            Decision::Skip | Decision::Rewind => {
                if self.got_over >= self.policies.limit {
                    let (got_over, limit) = (self.got_over, self.policies.limit);
                    return Decision::Stop(Some(format!(
                        "the run got over {got_over} before, and incidents.limit is {limit}"
                    )));
                }
                self.got_over += 1;
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
