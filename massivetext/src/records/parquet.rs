//! Parquet files to raw records: each row becomes the line of JSON that says the same.
//!
//! A group of rows is read some rows at a time, column by column. What is wrong with a row is said of the row; a file that cannot be
//! read on gives one record more, its last.

mod columns;
mod tree;

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::reader::FileReader as _;
use ::parquet::file::serialized_reader::SerializedFileReader;

use super::{Content, Kind, Place, Raw};
use crate::manifest::{Format, Piece};
use crate::{Error, Result};
use columns::Column;
use tree::Node;

/// The column that our own files have for all fields without one of their own.
pub(crate) const OTHER_FIELDS: &str = "other_fields";

/// Rows that are decoded at once, and about how many bytes of them.
const ROWS: u64 = 1024;
const BYTES: u64 = 8 << 20;

/// Code points of what the library says that are written down.
const SHOWN: usize = 300;

/// Reads the rows of a file.
pub(super) struct Reader {
    file: usize,
    /// Most bytes of a row's JSON.
    limit: usize,
    /// The next row's number in the file.
    row: u64,
    state: State,
}

enum State {
    Rows(Box<Rows>),
    /// All that is to be said of the file.
    Refused(Content),
    Ended,
}

/// Why a file cannot be read on.
enum Problem {
    /// The operating system refuses.
    System(io::Error),
    /// What is wrong with the file.
    Broken(String),
}

impl From<ParquetError> for Problem {
    fn from(error: ParquetError) -> Self {
        if let ParquetError::External(inner) = error {
            return match inner.downcast::<io::Error>() {
                Ok(error) if error.raw_os_error().is_some() => Problem::System(*error),
                Ok(error) => Problem::broken(&error.to_string()),
                Err(other) => Problem::broken(&other.to_string()),
            };
        }
        Problem::broken(&error.to_string())
    }
}

impl Problem {
    fn broken(detail: &str) -> Self {
        let detail: String = detail.chars().take(SHOWN).collect();
        Problem::Broken(format!("not a Parquet file, or a broken one ({detail}); fetch it again"))
    }
}

/// What the library gives; where it panics, which on broken files it may, that is what is wrong with the file.
fn guarded<T>(read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    thread_local! {
        static IS_READING: Cell<bool> = const { Cell::new(false) };
    }
    static QUIET: Once = Once::new();
    // A panic is told to the hook before it is caught; of these, the ledger tells.
    QUIET.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_READING.get() {
                others(panic);
            }
        }));
    });
    IS_READING.set(true);
    let result = catch_unwind(AssertUnwindSafe(read));
    IS_READING.set(false);
    result.unwrap_or_else(|_| Err(Problem::broken("its pages contradict each other")))
}

impl Reader {
    /// Opens a file; `limit` is the most bytes that a row's JSON may have.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub(super) fn open(path: &Path, piece: Piece, limit: usize) -> Result<Self> {
        let file = inputs::open(path).map_err(|error| Error::io(path, error))?;
        let length = file.metadata().map_err(|error| Error::io(path, error))?.len();
        let state = match guarded(|| Ok(SerializedFileReader::new(file)?)) {
            Err(Problem::System(error)) => return Err(Error::io(path, error)),
            Err(Problem::Broken(detail)) => State::Refused(Content::Broken(detail)),
            Ok(file) => match Rows::new(file, length) {
                Ok(rows) => State::Rows(Box::new(rows)),
                Err(refused) => State::Refused(refused),
            },
        };
        Ok(Self { file: piece.file, limit, row: 0, state })
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub(super) fn next(&mut self, path: &Path) -> Result<Option<Raw>> {
        let content = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return Ok(None),
            State::Refused(content) => content,
            State::Rows(mut rows) => match guarded(|| rows.next()) {
                Ok(None) => return Ok(None),
                Err(Problem::System(error)) => return Err(Error::io(path, error)),
                Err(Problem::Broken(detail)) => Content::Broken(detail),
                Ok(Some(row)) => {
                    self.state = State::Rows(rows);
                    match row {
                        Err(detail) => Content::Bad(Kind::InvalidUtf8, detail),
                        Ok(json) if json.len() > self.limit => Content::TooLong(json.len() as u64),
                        Ok(json) => Content::Bytes(json),
                    }
                }
            },
        };
        let place = Place::Row(self.row);
        self.row += 1;
        Ok(Some(Raw { file: self.file, place, format: Format::Parquet, content }))
    }
}

/// The rows of an open file.
struct Rows {
    file: SerializedFileReader<File>,
    /// The columns at the top of the schema.
    fields: Vec<(String, Node)>,
    /// The group that is read next.
    group: usize,
    /// Those of the group that is being read.
    columns: Vec<Column>,
    /// Rows of that group that are not decoded yet, and those that are and not given yet.
    undecoded: u64,
    decoded: u64,
    /// Rows that are decoded at once.
    batch: u64,
}

impl Rows {
    fn new(file: SerializedFileReader<File>, length: u64) -> Result<Self, Content> {
        let unsupported = |detail| Content::Bad(Kind::Unsupported, detail);
        check_packing(file.metadata()).map_err(unsupported)?;
        check_places(file.metadata(), length).map_err(|detail| match Problem::broken(&detail) {
            Problem::Broken(detail) => Content::Broken(detail),
            Problem::System(_) => Content::Broken(detail),
        })?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let top = schema.root_schema().get_fields();
        if !top.iter().any(|field| field.name() == "text" && tree::is_text(field)) {
            let names: Vec<&str> = top.iter().map(|field| field.name()).collect();
            let what =
                if names.contains(&"text") { "the column `text` has no strings" } else { "no column `text`" };
            let detail = format!("{what}; the columns are {}; no row of the file is read", names.join(", "));
            return Err(Content::Bad(Kind::NoText, detail));
        }
        let fields = tree::fields(top).map_err(unsupported)?;
        Ok(Self { file, fields, group: 0, columns: Vec::new(), undecoded: 0, decoded: 0, batch: 1 })
    }

    /// The next row as JSON, or what is wrong with it.
    fn next(&mut self) -> Result<Option<Result<Vec<u8>, String>>, Problem> {
        while self.decoded == 0 {
            if self.undecoded == 0 {
                for column in &mut self.columns {
                    column.check_end()?;
                }
                if self.group == self.file.metadata().num_row_groups() {
                    return Ok(None);
                }
                self.begin_group()?;
                continue;
            }
            let rows = self.undecoded.min(self.batch);
            for column in &mut self.columns {
                column.decode(rows as usize)?;
            }
            (self.decoded, self.undecoded) = (rows, self.undecoded - rows);
        }
        self.decoded -= 1;
        let (mut json, mut wrong) = (Vec::new(), None);
        self.row(&mut json, &mut wrong).map_err(|detail| Problem::broken(&detail))?;
        Ok(Some(wrong.map_or(Ok(json), Err)))
    }

    fn begin_group(&mut self) -> Result<(), Problem> {
        let group = self.file.get_row_group(self.group)?;
        self.group += 1;
        let rows = u64::try_from(group.metadata().num_rows()).unwrap_or(0);
        let bytes = u64::try_from(group.metadata().total_byte_size()).unwrap_or(0);
        self.batch = (BYTES / (bytes / rows.max(1)).max(1)).clamp(1, ROWS);
        self.columns.clear();
        for index in 0..group.num_columns() {
            let reader = group.get_column_reader(index)?;
            self.columns.push(Column::new(group.metadata().column(index).column_descr(), reader));
        }
        self.undecoded = rows;
        Ok(())
    }

    /// Writes the row that the columns are at.
    fn row(&mut self, json: &mut Vec<u8>, wrong: &mut Option<String>) -> Result<(), String> {
        let mut value = Vec::new();
        for (name, node) in &self.fields {
            value.clear();
            node.write(&mut self.columns, &mut value, wrong)?;
            let is_ours = ["id", "source", "provenance", OTHER_FIELDS].contains(&&name[..]);
            if is_ours && value == b"null" {
                continue;
            }
            let inner = if is_ours { object_in(&value) } else { None };
            match (&name[..], inner) {
                (OTHER_FIELDS, Some(object)) => {
                    let members =
                        object.trim_ascii().get(1..object.trim_ascii().len() - 1).unwrap_or_default();
                    if !members.trim_ascii().is_empty() {
                        begin_field(json);
                        json.extend_from_slice(members.as_bytes());
                    }
                }
                ("provenance", Some(object)) => field(name, object.as_bytes(), json),
                _ => field(name, &value, json),
            }
        }
        if json.is_empty() {
            json.push(b'{');
        }
        json.push(b'}');
        Ok(())
    }
}

fn begin_field(json: &mut Vec<u8>) {
    json.push(if json.is_empty() { b'{' } else { b',' });
}

fn field(name: &str, value: &[u8], json: &mut Vec<u8>) {
    begin_field(json);
    columns::string(name, json);
    json.push(b':');
    json.extend_from_slice(value);
}

/// The object in a JSON string that has one as its text, in one line.
fn object_in(value: &[u8]) -> Option<String> {
    let text: String = serde_json::from_slice(value).ok()?;
    let is_object =
        serde_json::from_str::<std::collections::BTreeMap<String, serde::de::IgnoredAny>>(&text).is_ok();
    (is_object && !text.contains(['\n', '\r'])).then_some(text)
}

/// Refuses columns that are packed in a way that is not read here.
fn check_packing(metadata: &ParquetMetaData) -> Result<(), String> {
    let columns = metadata.row_groups().iter().flat_map(|group| group.columns());
    match columns.map(|column| column.compression()).find(|packing| {
        !matches!(
            packing,
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_)
        )
    }) {
        None => Ok(()),
        Some(other) => {
            let name = format!("{other:?}");
            let name = name.split('(').next().unwrap_or_default();
            Err(format!(
                "packed by {name}; read are files packed by Snappy, gzip or Zstandard, or not at all. With pyarrow: python3 -c \"import \
                 pyarrow.parquet as p, sys; p.write_table(p.read_table(sys.argv[1]), sys.argv[2])\" FILE NEW"
            ))
        }
    }
}

/// What the file's end says of its parts: that they are in it, and as many as it says.
fn check_places(metadata: &ParquetMetaData, length: u64) -> Result<(), String> {
    let mut rows = 0_i64;
    for group in metadata.row_groups() {
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or(i64::MAX).min(column.data_page_offset());
            let end = start.checked_add(column.compressed_size()).and_then(|end| u64::try_from(end).ok());
            let is_inside = start >= 0
                && column.compressed_size() >= 0
                && column.num_values() >= 0
                && end.is_some_and(|end| end <= length);
            if !is_inside {
                return Err(format!("column \"{}\" is not in the file", column.column_path().string()));
            }
        }
        if group.num_rows() < 0 {
            return Err("a negative number of rows".into());
        }
        rows = rows.saturating_add(group.num_rows());
    }
    match metadata.file_metadata().num_rows() {
        said if said == rows => Ok(()),
        said => Err(format!("{rows} rows in its groups, and it says {said}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_that_holds_an_object_is_told_from_others() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(object_in(value.as_bytes()).as_deref(), expected, "{value}");
        };
        check(r#""{\"a\": 1}""#, Some("{\"a\": 1}"));
        check(r#"" {} ""#, Some(" {} "));
        check(r#""[1]""#, None);
        check(r#""{\"a\": 1} x""#, None);
        // It would end the line.
        check(r#""{\"a\":\n1}""#, None);
        check("7", None);
    }
}
