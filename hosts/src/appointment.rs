//! Something that all processes do between the same two steps, again and again, when process 0 finds that it is time.

use std::cell::Cell;

use super::group::Members;
use super::stop::{AHEAD, patiently};
use super::{Error, Group};

/// What process 0 finds due, all processes do, two questions later: why none of them can miss that is said of
/// [`Stopping`](super::Stopping). The next one is not made before every process has come past the last one: until then its
/// place in the store is that one's.
#[derive(Debug)]
pub struct Appointment<'a> {
    group: &'a Group,
    topic: &'static str,
    /// Number of times it was asked, the same in every process.
    asked: Cell<u64>,
    /// The question that was last answered with yes, or is to be.
    at: Cell<u64>,
    /// Whether the store did not answer the last time.
    away: Cell<bool>,
}

impl Group {
    /// An agreement with the others on when to do what `topic` names.
    pub fn appointment(&self, topic: &'static str) -> Appointment<'_> {
        Appointment { group: self, topic, asked: Cell::new(0), at: Cell::new(0), away: Cell::new(false) }
    }
}

impl Appointment<'_> {
    fn look(&self, asked: u64, is_time: &dyn Fn() -> bool) -> Result<u64, Error> {
        let Members { store, .. } = self.group.members();
        if self.group.is_first() {
            let at = asked + AHEAD;
            // Another process may be as many questions behind.
            let is_free = self.at.get() == 0 || asked >= self.at.get() + AHEAD;
            if !is_free || !is_time() {
                return Ok(self.at.get());
            }
            store.put_text(self.topic, &at.to_string())?;
            return Ok(at);
        }
        let nonsense = |value: String| Error::Nonsense { key: self.topic.to_owned(), value };
        match store.text(self.topic)? {
            Some(text) => text.parse().map_err(|_| nonsense(text)),
            None => Ok(0),
        }
    }

    /// Whether to do it now: asked equally often in every process. What `is_time` says in process 0 counts.
    pub fn is_due(&self, is_time: &dyn Fn() -> bool) -> bool {
        let asked = self.asked.get() + 1;
        self.asked.set(asked);
        if let Some(at) = patiently(&self.away, || self.look(asked, is_time)) {
            self.at.set(at);
        }
        self.at.get() == asked
    }
}
