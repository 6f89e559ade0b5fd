//! The part of the store that plugins use.

use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::{ErrorCode, KeyValueError, KeyValueStore};

use super::Error;
use super::group::Members;

/// The plugins' part of the store, one for each start. A plugin that waits there for a key of a process that has failed
/// gets an error.
pub(super) struct PluginStore {
    pub(super) members: Arc<Members>,
}

impl PluginStore {
    fn key(&self, key: &[u8]) -> Vec<u8> {
        self.members.store.key(&[b"plugin/", key].concat())
    }
}

impl KeyValueStore for PluginStore {
    fn try_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.members.store.store.try_get(&self.key(key))
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError> {
        self.members.store.store.put(&self.key(key), value)
    }

    fn get(&self, key: &[u8], timeout: Duration) -> Result<Vec<u8>, KeyValueError> {
        let deadline = Instant::now() + timeout;
        let value = self.members.wait(deadline, || Ok(self.try_get(key)?));
        match value {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(KeyValueError::missing(key, timeout)),
            Err(Error::Store(error)) => Err(error),
            Err(error) => Err(KeyValueError::new(ErrorCode::Aborted, error.to_string())),
        }
    }
}
