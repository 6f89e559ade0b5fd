//! The writer of a store: the process that was started last.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Error, Store};
use crate::process::draw_number;
use crate::process::host_name;
use crate::time::utc;

/// The object that names the writer.
const WRITER: &str = "writer.json";

/// A process that writes to a store, until another does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// A number that no other process draws.
    number: String,
    /// Name of its machine.
    host: String,
    /// When it began to write, in UTC.
    since: String,
}

impl Writer {
    /// Makes this process the only one that writes to a store, in place of the one before.
    ///
    /// # Errors
    /// [`Error::Failed`] when the store cannot be written.
    pub fn begin(store: &Store) -> Result<Writer, Error> {
        let writer = Writer { number: draw_number(), host: host_name(), since: utc(SystemTime::now()) };
        // Names and a number: there is nothing that JSON has no words for.
        store.write(WRITER, serde_json::to_vec(&writer).unwrap_or_default())?;
        Ok(writer)
    }

    /// Checks that no other process has begun since.
    ///
    /// # Errors
    /// [`Error::TakenOver`] when another process has become the writer.
    pub fn check(&self, store: &Store) -> Result<(), Error> {
        let found = store.read(WRITER)?;
        let found = found.map(|bytes| serde_json::from_slice::<Writer>(&bytes).ok());
        let by = match found {
            Some(Some(other)) if other == *self => return Ok(()),
            Some(Some(other)) => format!("on host {}, {}", other.host, other.since),
            Some(None) => format!("{WRITER} there is not what one writes"),
            None => format!("{WRITER} is gone"),
        };
        Err(Error::TakenOver { address: store.address().clone(), by })
    }
}
