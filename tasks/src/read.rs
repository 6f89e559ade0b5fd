//! Data files to documents: JSON objects, one for each record.
//!
//! | name ends with | a document is |
//! |---|---|
//! | `.arrow` | a row, of a stream or a file of Arrow's IPC format, as Hugging Face's `datasets` writes them |
//! | `.csv`, `.tsv` | a row, with the names of the first row; all fields are strings. Tabs are not quoted |
//! | `.jsonl`, `.ndjson` | a line |
//! | `.json` | a value of an array, or of values one after another |
//! | `.parquet` | a row; with the feature `parquet` |
//! | `.txt`, `.md` | the file, as the field `text` |
//!
//! each also with `.gz`, `.zst` or `.xz` after it. What is wrong with a file is one line with its name and the line, row or
//! byte.

mod arrow;
mod arrow_check;
mod error;
mod json;
#[cfg(feature = "parquet")]
mod parquet;
mod table;

use std::fs;
use std::io::{BufRead as _, Read as _};
use std::path::Path;

use serde_json::{Value, json};

pub use error::{Error, Place, Result};
pub(crate) use json::whole as not_json;

/// The most bytes of one record. Longer ones are no documents but broken files.
pub(crate) const LONGEST: u64 = 256 << 20;

/// What a file does not say of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape<'a> {
    /// Names of a table's columns, if its first row is a record and not names.
    pub columns: &'a [&'a str],
    /// The field of a JSON object that holds the documents.
    pub field: Option<&'a str>,
}

/// The documents of a file, one at a time. After an error come no more; a file without any is an error.
pub struct Documents<'a> {
    path: &'a Path,
    records: Box<dyn Iterator<Item = Result<Value>> + 'a>,
    read: usize,
    ended: bool,
}

/// Opens a file as its name says.
///
/// # Errors
/// A name that says nothing we read, and a file that is not there, cannot be read, or is not what its name says.
pub fn documents<'a>(path: &'a Path, shape: Shape<'a>) -> Result<Documents<'a>> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let ending = data::read::uncompressed_name(&name).rsplit_once('.').map_or("", |(_, ending)| ending);
    let records: Box<dyn Iterator<Item = Result<Value>> + 'a> = match ending {
        "arrow" => Box::new(arrow::rows(path)?),
        "csv" => Box::new(table::rows(path, b',', shape.columns)?),
        "tsv" => Box::new(table::rows(path, b'\t', shape.columns)?),
        "jsonl" | "ndjson" => Box::new(json::lines(path)?),
        "json" => Box::new(json::values(path, shape.field)?.into_iter().map(Ok)),
        "txt" | "md" => Box::new(std::iter::once(text(path).map(|text| json!({ "text": text })))),
        #[cfg(feature = "parquet")]
        "parquet" => Box::new(parquet::rows(path)?),
        #[cfg(not(feature = "parquet"))]
        "parquet" => return Err(Error::Parquet { path: path.into() }),
        _ => return Err(Error::Kind { path: path.into() }),
    };
    Ok(Documents { path, records, read: 0, ended: false })
}

/// The whole of a file of text, of any name.
///
/// # Errors
/// A file that cannot be read, or is not UTF-8.
pub fn text(path: &Path) -> Result<String> {
    let bytes = bytes(path)?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").map(<[u8]>::to_vec).unwrap_or(bytes);
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count() + 1;
        Error::record(path, Place::Line(line as u64), error::NOT_UTF8)
    })
}

/// The bytes of a file, decompressed.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let mut file = data::read::open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| file.error(error))?;
    Ok(bytes)
}

/// Whether a file is small enough to be counted when a list is made: at most `limit` bytes on disk.
pub(crate) fn is_small(path: &Path, limit: u64) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() <= limit)
}

/// The lines of a file, numbered from 1, without their ends.
fn numbered_lines(path: &Path) -> Result<impl Iterator<Item = Result<(u64, Vec<u8>)>> + '_> {
    let mut file = data::read::open(path)?;
    let mut line = 0;
    Ok(std::iter::from_fn(move || {
        let mut bytes = Vec::new();
        line += 1;
        match file.by_ref().take(LONGEST + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(read) if read as u64 > LONGEST => {
                let detail = format!("longer than {} MiB: not a file of records in lines", LONGEST >> 20);
                Some(Err(Error::record(path, Place::Line(line), detail)))
            }
            Ok(_) => {
                let start = if line == 1 && bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
                Some(Ok((line, bytes.split_off(start))))
            }
            Err(error) => Some(Err(file.error(error).into())),
        }
    }))
}

impl Iterator for Documents<'_> {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.records.next();
        match &next {
            Some(Ok(_)) => self.read += 1,
            Some(Err(_)) => self.ended = true,
            None => {
                self.ended = true;
                if self.read == 0 {
                    return Some(Err(Error::Empty { path: self.path.into() }));
                }
            }
        }
        next
    }
}
