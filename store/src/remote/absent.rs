//! The store of a program that was built without any.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read;

use super::{Address, Error, Object};
use crate::checkpoint;

/// A store; there is none in this program.
#[derive(Debug)]
pub struct Store(Infallible);

#[allow(clippy::unused_self, missing_docs)]
impl Store {
    /// Opens a store.
    ///
    /// # Errors
    /// [`Error::NotBuilt`], always.
    pub fn open(address: &Address) -> Result<Store, Error> {
        Err(Error::NotBuilt { address: address.clone() })
    }

    pub fn address(&self) -> &Address {
        match self.0 {}
    }

    pub(super) fn folders(&self) -> Result<Vec<String>, Error> {
        match self.0 {}
    }

    pub(super) fn files(&self, _: &str) -> Result<BTreeMap<String, u64>, Error> {
        match self.0 {}
    }

    pub(super) fn list(&self) -> Result<Vec<Object>, Error> {
        match self.0 {}
    }

    pub(super) fn head(&self, _: &str) -> Result<Option<Object>, Error> {
        match self.0 {}
    }

    pub(super) fn read(&self, _: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.0 {}
    }

    pub(super) fn read_parts(
        &self,
        _: &str,
        _: u64,
        _: &mut dyn FnMut(&[u8]) -> Result<(), checkpoint::Error>,
    ) -> Result<(), checkpoint::Error> {
        match self.0 {}
    }

    pub(super) fn write(&self, _: &str, _: Vec<u8>) -> Result<(), Error> {
        match self.0 {}
    }

    pub(super) fn write_from(&self, _: &str, _: u64, _: &mut dyn Read) -> Result<(), checkpoint::Error> {
        match self.0 {}
    }

    pub(super) fn copy(&self, _: &str, _: &str) -> Result<(), Error> {
        match self.0 {}
    }

    pub(super) fn remove(&self, _: &str) -> Result<(), Error> {
        match self.0 {}
    }

    pub(super) fn remove_rest(&self, _: &str) {
        match self.0 {}
    }
}
