//! Paths in JSON, which is Unicode: bytes that are not are shown as `\u{fffd}`, as wherever a path is printed.

use std::path::{Path, PathBuf};

use serde::Serializer;

/// Writes a path as text, for `#[serde(serialize_with = "…")]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// As [`serialize`], of a path that there may be.
///
/// # Errors
/// Those of the serializer.
pub fn serialize_optional<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => serialize(path, serializer),
        None => serializer.serialize_none(),
    }
}
