//! Stopping at the same step in all processes.

use std::cell::Cell;
use std::time::Duration;

use super::group::Members;
use super::{Error, Group};

/// Whether to stop: the wish of any process stops all of them before the same step.
///
/// A process that stopped by itself would leave the others waiting in the middle of a step. So process 0 decides, when it
/// is asked before step `t`, that all stop before step `t + 2`, and writes that down. No process has been asked about that
/// step by then, and each will read it: a process is asked about step `t + 2` once it has read the loss of step `t`, which
/// process 0 has a part in, and which it starts after it has decided. All ask the same questions: one is also asked when the
/// last step before a checkpoint ends, so that `t` counts questions rather than steps.
#[derive(Debug)]
pub struct Stopping<'a> {
    group: &'a Group,
    /// Number of times it was asked, the same in every process.
    asked: Cell<u64>,
    /// The question that is answered with yes.
    at: Cell<Option<u64>>,
    /// Whether process 0 knows of this process's wish.
    told: Cell<bool>,
    /// Whether the store did not answer the last time.
    away: Cell<bool>,
}

/// How many steps are begun before all stop.
pub(super) const AHEAD: u64 = 2;

impl Group {
    /// The agreement with the others on when to stop.
    pub fn stopping(&self) -> Stopping<'_> {
        Stopping {
            group: self,
            asked: Cell::new(0),
            at: Cell::new(None),
            told: Cell::new(false),
            away: Cell::new(false),
        }
    }
}

impl Stopping<'_> {
    fn decide(&self, asked: u64, wish: &dyn Fn() -> bool) -> Result<Option<u64>, Error> {
        let Members { store, .. } = self.group.members();
        let wish = wish();
        if self.group.is_first() {
            if !wish && store.text("wish")?.is_none() {
                return Ok(None);
            }
            store.put_text("stop", &(asked + AHEAD).to_string())?;
            return Ok(Some(asked + AHEAD));
        }
        if wish && !self.told.get() {
            store.put_text("wish", &self.group.index().to_string())?;
            self.told.set(true);
        }
        let nonsense = |value: String| Error::Nonsense { key: "stop".to_owned(), value };
        store.text("stop")?.map(|text| text.parse().map_err(|_| nonsense(text))).transpose()
    }

    /// Whether to stop now: asked equally often in every process, with the wish of this one.
    pub fn should_stop(&self, wish: &dyn Fn() -> bool) -> bool {
        let asked = self.asked.get() + 1;
        self.asked.set(asked);
        if self.at.get().is_none()
            && let Some(at) = patiently(&self.away, || self.decide(asked, wish))
        {
            self.at.set(at);
        }
        self.at.get().is_some_and(|at| asked >= at)
    }
}

/// What the store answers; `None` if it does not.
///
/// A store that is away for a moment must not make one process miss what the others read. One that is away for long is away
/// for all, and must not slow them down: `away` is whether it was the last time.
pub(super) fn patiently<T>(away: &Cell<bool>, mut ask: impl FnMut() -> Result<T, Error>) -> Option<T> {
    let tries = if away.get() { 1 } else { 10 };
    for left in (0..tries).rev() {
        let answer = ask();
        away.set(answer.is_err());
        match answer {
            Ok(answer) => return Some(answer),
            Err(_) if left > 0 => std::thread::sleep(Duration::from_secs(1)),
            Err(_) => {}
        }
    }
    None
}
