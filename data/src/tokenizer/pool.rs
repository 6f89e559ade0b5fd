//! What encoders remember, kept for those that come after them.

use std::sync::{Mutex, PoisonError};

/// No more are kept; there are as many as encoders were in use at once.
const MOST: usize = 256;

/// The memories of encoders that are no more.
pub(super) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> Pool<T> {
    /// A memory that an encoder has left, or a new one.
    pub(super) fn take(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn give(&self, memory: T) {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < MOST {
            free.push(memory);
        }
    }
}
