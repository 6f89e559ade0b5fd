//! The other processes of a multi-host training, and the agreements with them about a bad step.

use hosts::{Appointment, Facts, Group};
use store::checkpoint::{self, Checkpoint};

use super::super::incident_policy::Decision;
use crate::Error;
use crate::incidents::StepOutcome;

/// The other processes of a training, as the loop sees them: a process alone has none, and need not ask.
///
/// All processes ask the same questions in the same order: each is a topic of its own, by its number.
pub(in super::super) struct OtherProcesses<'a> {
    group: Option<&'a Group>,
    asked: u64,
    saves: Option<Appointment<'a>>,
}

impl<'a> OtherProcesses<'a> {
    pub(in super::super) fn new(group: Option<&'a Group>) -> OtherProcesses<'a> {
        OtherProcesses { group, asked: 0, saves: group.map(|group| group.appointment("save")) }
    }

    /// Whether no other process holds a part of the state.
    pub(in super::super) fn is_alone(&self) -> bool {
        self.group.is_none_or(|group| group.count() == 1)
    }

    /// Whether it is time to save, by the clock of process 0. All processes ask between the same steps.
    pub(in super::super) fn is_time_to_save(&self, by_own_clock: &dyn Fn() -> bool) -> bool {
        match &self.saves {
            Some(saves) => saves.is_due(by_own_clock),
            None => by_own_clock(),
        }
    }

    /// Whether this process writes what is written once for all.
    pub(in super::super) fn is_first(&self) -> bool {
        self.group.is_none_or(Group::is_first)
    }

    /// Makes sure that all processes have seen the same numbers of a step and do the same about it, where that is not to
    /// go on: a process that went on by itself would wait for the others in vain.
    ///
    /// # Errors
    /// [`hosts::Error::Numbers`], in every process, if one has seen others.
    pub(in super::super) fn agree_on(
        &mut self,
        outcome: &StepOutcome,
        decision: &Decision,
        applied: bool,
    ) -> Result<(), Error> {
        if matches!(decision, Decision::Continue | Decision::Note) {
            return Ok(());
        }
        let &StepOutcome { step, loss, grad_norm, loss_limit } = outcome;
        let Some((group, topic)) = self.topic("bad", step) else { return Ok(()) };
        let facts = [
            ("loss", loss.to_string()),
            ("gradient norm", grad_norm.to_string()),
            ("loss limit", loss_limit.to_string()),
            ("applied", applied.to_string()),
            ("what to do", format!("{decision:?}")),
        ];
        let facts = Facts::from(facts.map(|(name, value)| (name.to_owned(), value)));
        group.agree(&topic, &facts).map_err(|error| match error {
            hosts::Error::Differs(reason) => hosts::Error::Numbers { step, reason }.into(),
            error => error.into(),
        })
    }

    /// The step whose checkpoint is to be looked at: the one that process 0 proposes.
    ///
    /// # Errors
    /// [`Error::Processes`] when process 0 proposes none in time, or has failed.
    pub(in super::super) fn propose(&mut self, bad: u64, own: Option<u64>) -> Result<Option<u64>, Error> {
        let Some((group, topic)) = self.topic("checkpoint to go back to", bad) else { return Ok(own) };
        if group.is_first() {
            group.tell(&topic, &own.map_or(String::new(), |step| step.to_string()))?;
            return Ok(own);
        }
        let value = group.hear(&topic, 0)?;
        if value.is_empty() {
            return Ok(None);
        }
        let step = value.parse().map_err(|_| hosts::Error::Nonsense { key: topic, value })?;
        Ok(Some(step))
    }

    /// The checkpoint, if all processes have found it good; or what is wrong with it.
    ///
    /// # Errors
    /// [`Error::Processes`] when a process does not answer in time, or has failed.
    pub(in super::super) fn all_good(
        &mut self,
        bad: u64,
        opened: Result<Checkpoint, checkpoint::Error>,
    ) -> Result<Result<Checkpoint, String>, Error> {
        let own = opened.as_ref().err().map(ToString::to_string);
        let failure = self.failure("verified checkpoint", bad, own)?;
        Ok(match (opened, failure) {
            (Ok(checkpoint), None) => Ok(checkpoint),
            (_, Some(failure)) => Err(failure),
            (Err(error), None) => Err(error.to_string()),
        })
    }

    /// Makes sure that all processes have loaded a checkpoint; `own` is the result in this one.
    ///
    /// # Errors
    /// The error of this process, or [`hosts::Error::Failed`] with that of another.
    pub(in super::super) fn all_loaded(&mut self, bad: u64, own: Result<(), Error>) -> Result<(), Error> {
        let failure = self.failure("loaded checkpoint", bad, own.as_ref().err().map(ToString::to_string))?;
        own?;
        failure.map_or(Ok(()), |failure| Err(hosts::Error::Failed(failure).into()))
    }

    /// The first failure of any process, with its number, after all have come this far.
    fn failure(&mut self, what: &str, bad: u64, own: Option<String>) -> Result<Option<String>, Error> {
        let Some((group, topic)) = self.topic(what, bad) else { return Ok(own) };
        let all = group.exchange(&topic, &own.unwrap_or_default())?;
        let failed = all.iter().enumerate().find(|(_, failure)| !failure.is_empty());
        Ok(failed.map(|(index, failure)| format!("process {index}: {failure}")))
    }

    /// The topic of the next question, if there is anybody to ask.
    fn topic(&mut self, what: &str, bad: u64) -> Option<(&'a Group, String)> {
        let group = self.group?;
        self.asked += 1;
        Some((group, format!("step {bad}: {what} ({})", self.asked)))
    }
}

#[cfg(test)]
mod tests;
