//! Several processes, each with devices of its own, whose programs run on the devices of all.

use std::fmt;
use std::sync::Arc;

use xla_sys::KeyValueStore;

/// This process among those that a plugin is to join.
#[derive(Clone)]
pub struct Processes {
    /// Number of processes, at least 1.
    pub count: usize,
    /// This one, from 0.
    pub index: usize,
    /// The key-value store in which the plugins of all processes find each other. Its keys are for this start of the
    /// program alone: what is left there from an earlier one would be taken for new.
    pub store: Arc<dyn KeyValueStore>,
}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes")
            .field("count", &self.count)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
