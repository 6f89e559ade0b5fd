//! JSON files whose values are asked for one by one, so that errors name the key and the value.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Error, Result};

/// The most bytes of a JSON file; tokenizers of the largest vocabularies have tens of millions.
const LONGEST: u64 = 1 << 28;

/// Reads a file that is meant to be small.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let file = inputs::open(path).map_err(|e| Error::io(path, e))?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    if bytes.len() as u64 > LONGEST {
        let detail = format!("longer than {LONGEST} bytes");
        return Err(Error::Damaged { path: path.into(), format: "a JSON file of a model", detail });
    }
    Ok(bytes)
}

/// A JSON file with an object in it.
#[derive(Debug)]
pub(super) struct JsonFile {
    pub(super) path: PathBuf,
    value: Value,
}

impl JsonFile {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let damaged = |detail| Error::Damaged { path: path.into(), format: "a JSON object", detail };
        let value: Value = inputs::json::from_slice(&read(path)?).map_err(damaged)?;
        if !value.is_object() {
            return Err(damaged("it is another kind of value".into()));
        }
        Ok(Self { path: path.into(), value })
    }

    /// The same of a file that need not be there.
    pub(super) fn read_if_there(path: &Path) -> Result<Option<Self>> {
        match Self::read(path) {
            Ok(file) => Ok(Some(file)),
            Err(Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A key's value, unless it is null or not there.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn wrong(&self, key: &str, value: &Value, expected: &str) -> Error {
        Error::inconsistent(&self.path, format!("{key} = {value}: not {expected}"))
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<usize>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let size = value.as_u64().and_then(|size| size.try_into().ok());
        size.map(Some).ok_or_else(|| self.wrong(key, value, "a whole number from 0"))
    }

    pub(super) fn require_size(&self, key: &str) -> Result<usize> {
        self.size(key)?.ok_or_else(|| Error::inconsistent(&self.path, format!("no {key}")))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(key, value, "true or false"))
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| self.wrong(key, value, "a number"))
    }
}
