//! Tables of text: commas or tabs.

use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::error::{NOT_UTF8, Place};
use super::{Error, Result};

/// The rows of a table. Its columns have these names, or, if there are none, those of its first row.
pub(super) fn rows<'a>(
    path: &'a Path,
    delimiter: u8,
    columns: &'a [&'a str],
) -> Result<impl Iterator<Item = Result<Value>> + use<'a>> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        // Texts between tabs have quotes of their own.
        .quoting(delimiter != b'\t')
        .has_headers(columns.is_empty())
        .from_reader(data::read::open(path)?);
    let names = match columns {
        [] => reader.headers().map_err(|error| wrong(path, error))?.iter().map(str::to_owned).collect(),
        columns => columns.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(),
    };
    let mut record = StringRecord::new();
    Ok(std::iter::from_fn(move || match reader.read_record(&mut record) {
        Ok(false) => None,
        Ok(true) if record.len() != names.len() => {
            let line = record.position().map_or(0, csv::Position::line);
            let detail = format!("{} fields instead of {} ({})", record.len(), names.len(), names.join(", "));
            Some(Err(Error::record(path, Place::Line(line), detail)))
        }
        Ok(true) => {
            let fields = names.iter().zip(&record).map(|(name, field)| (name.clone(), field.into()));
            Some(Ok(Value::Object(fields.collect::<Map<_, _>>())))
        }
        Err(error) => Some(Err(wrong(path, error))),
    }))
}

fn wrong(path: &Path, error: csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    let at = |detail: String| Error::record(path, Place::Line(line), detail);
    match error.into_kind() {
        // A broken compressed stream, or a broken disk.
        ErrorKind::Io(error) => Error::whole(path, format!("cannot be read on: {error}; fetch it again")),
        ErrorKind::Utf8 { .. } => at(NOT_UTF8.into()),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            at(format!("{len} fields instead of {expected_len}"))
        }
        kind => at(format!("not a table ({kind:?})")),
    }
}
