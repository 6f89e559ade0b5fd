//! Parquet files, as PyArrow and Hugging Face's `datasets` write them.

use std::fs::File;
use std::io::{self, Seek as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::{Field, Row};
use serde_json::{Map, Value};

use super::error::Place;
use super::{Error, Result};

/// The rows of a file.
pub(super) fn rows(path: &Path) -> Result<impl Iterator<Item = Result<Value>> + '_> {
    let file = open(path)?;
    let length = file.metadata().map_err(|error| Error::whole(path, error.to_string()))?.len();
    if length == 0 {
        return Err(Error::Empty { path: path.into() });
    }
    let reader = guarded(|| SerializedFileReader::new(file)).map_err(|detail| broken(path, &detail))?;
    check(path, reader.metadata(), length)?;
    let expected: i64 = reader.metadata().row_groups().iter().map(|group| group.num_rows()).sum();
    let mut rows = reader.into_iter();
    let mut read = 0;
    Ok(std::iter::from_fn(move || {
        let row = match guarded(|| rows.next().transpose()) {
            Ok(Some(row)) => object(path, &row, read),
            Ok(None) if i64::try_from(read) == Ok(expected) => return None,
            Ok(None) => Err(broken(path, &format!("{read} rows instead of {expected}"))),
            Err(detail) => Err(broken(path, &detail)),
        };
        read += 1;
        Some(row)
    }))
}

/// The file, unpacked beside it if its name ends in `.gz`, `.zst` or `.xz`: a Parquet file is read from its end.
fn open(path: &Path) -> Result<File> {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let failed = |error: io::Error| Error::whole(path, error.to_string());
    if data::read::uncompressed_name(&name) == name {
        return inputs::open(path).map_err(|source| data::Error::Io { path: path.into(), source }.into());
    }
    let (mut packed, mut file) = (data::read::open(path)?, tempfile::tempfile().map_err(failed)?);
    io::copy(&mut packed, &mut file).map_err(|error| packed.error(error))?;
    file.rewind().map_err(failed)?;
    Ok(file)
}

/// What the file's end says of its parts: that they are in it, and packed in a way that is read here.
fn check(path: &Path, metadata: &ParquetMetaData, length: u64) -> Result<()> {
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        match column.compression() {
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_) => {
            }
            other => {
                let name = format!("{other:?}");
                let name = name.split('(').next().unwrap_or_default();
                let detail = format!(
                    "packed by {name}; read are files packed by Snappy, gzip or Zstandard, or not at all. With pyarrow: python3 -c \
                     \"import pyarrow.parquet as p, sys; p.write_table(p.read_table(sys.argv[1]), sys.argv[2])\" FILE NEW"
                );
                return Err(Error::whole(path, detail));
            }
        }
        let start = column.dictionary_page_offset().unwrap_or(i64::MAX).min(column.data_page_offset());
        let end = start.checked_add(column.compressed_size());
        let is_inside = start >= 0
            && column.compressed_size() >= 0
            && column.num_values() >= 0
            && end.and_then(|end| u64::try_from(end).ok()).is_some_and(|end| end <= length);
        if !is_inside {
            return Err(broken(
                path,
                &format!("column \"{}\" is not in the file", column.column_path().string()),
            ));
        }
    }
    match metadata.row_groups().iter().all(|group| group.num_rows() >= 0) {
        true => Ok(()),
        false => Err(broken(path, "a negative number of rows")),
    }
}

fn broken(path: &Path, detail: &str) -> Error {
    Error::whole(path, format!("not a Parquet file, or a broken one ({detail}); fetch it again"))
}

/// What the library says, or that it gave up: on some broken files it panics.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("its pages contradict each other".into()),
    }
}

fn object(path: &Path, row: &Row, read: usize) -> Result<Value> {
    fields(row).map_err(|detail| Error::record(path, Place::Row(read as u64), detail))
}

fn fields(row: &Row) -> Result<Value, String> {
    let named = row.get_column_iter().map(|(name, field)| {
        let value = value(field).map_err(|kind| match kind {
            // Of a field in it.
            inner if inner.starts_with("column") => inner,
            kind => format!("column \"{name}\" has values of the type {kind}, which is not read"),
        });
        Ok((name.clone(), value?))
    });
    Ok(Value::Object(named.collect::<Result<Map<_, _>, String>>()?))
}

/// A value as JSON, or the type that is not read.
fn value(field: &Field) -> Result<Value, String> {
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(value) => (*value).into(),
        Field::Byte(value) => (*value).into(),
        Field::Short(value) => (*value).into(),
        Field::Int(value) => (*value).into(),
        Field::Long(value) => (*value).into(),
        Field::UByte(value) => (*value).into(),
        Field::UShort(value) => (*value).into(),
        Field::UInt(value) => (*value).into(),
        Field::ULong(value) => (*value).into(),
        Field::Float(value) => f64::from(*value).into(),
        Field::Double(value) => (*value).into(),
        Field::Str(value) => value.as_str().into(),
        Field::Group(row) => fields(row)?,
        Field::ListInternal(list) => list.elements().iter().map(value).collect::<Result<Vec<_>, _>>()?.into(),
        Field::Float16(_) => return Err("Float16".into()),
        Field::Decimal(_) => return Err("Decimal".into()),
        Field::Bytes(_) => return Err("Bytes".into()),
        Field::Date(_) => return Err("Date".into()),
        Field::TimeMillis(_) | Field::TimeMicros(_) => return Err("Time".into()),
        Field::TimestampMillis(_) | Field::TimestampMicros(_) => return Err("Timestamp".into()),
        Field::MapInternal(_) => return Err("Map".into()),
    })
}
