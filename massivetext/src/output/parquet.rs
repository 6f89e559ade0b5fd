//! Documents as rows of a Parquet file: a column for each field that every document has, and one of JSON for all others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::Hashed;
use crate::records::{Columns, columns_of};
use crate::{Error, Result};

const SCHEMA: &str = "message documents { required binary id (STRING); required binary text (STRING); required binary source (STRING); \
                      required binary provenance (STRING); optional binary other_fields (STRING); }";

/// Rows after which the size of a page is looked at.
const ROWS: usize = 16;

/// A file of rows that is being written.
pub(super) struct Rows {
    writer: SerializedFileWriter<Hashed>,
    /// For errors.
    path: PathBuf,
}

impl Rows {
    /// Begins a file.
    pub(super) fn begin(file: Hashed, path: &Path) -> Result<Self> {
        // Nothing here depends on the time or the machine.
        let properties = WriterProperties::builder()
            .set_created_by(format!("gopher {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::SNAPPY)
            .set_dictionary_enabled(false)
            .set_column_dictionary_enabled(ColumnPath::from("source"), true)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_write_batch_size(ROWS)
            .build();
        let schema = parse_message_type(SCHEMA).map_err(|error| refused(path, error))?;
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties));
        Ok(Self { writer: writer.map_err(|error| refused(path, error))?, path: path.into() })
    }

    /// Appends lines as a group of rows.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<()> {
        let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let rows: Result<Vec<Columns>, String> = lines.into_par_iter().map(columns_of).collect();
        let rows = rows.map_err(|detail| Error::Damaged { path: self.path.clone(), detail })?;
        if rows.is_empty() {
            return Ok(());
        }
        self.group(rows).map_err(|error| refused(&self.path, error))
    }

    fn group(&mut self, rows: Vec<Columns>) -> Result<(), ParquetError> {
        let mut columns: [Vec<ByteArray>; 5] = Default::default();
        let mut levels = Vec::with_capacity(rows.len());
        for row in rows {
            levels.push(i16::from(row.other_fields.is_some()));
            let fields =
                [Some(row.id), Some(row.text), Some(row.source), Some(row.provenance), row.other_fields];
            for (column, field) in columns.iter_mut().zip(fields) {
                column.extend(field.map(|text| ByteArray::from(text.into_bytes())));
            }
        }
        let mut group = self.writer.next_row_group()?;
        for (index, values) in columns.into_iter().enumerate() {
            let Some(mut column) = group.next_column()? else { break };
            if let ColumnWriter::ByteArrayColumnWriter(writer) = column.untyped() {
                writer.write_batch(&values, Some(&levels[..]).filter(|_| index == 4), None)?;
            }
            column.close()?;
        }
        group.close().map(drop)
    }

    /// Writes the file's end.
    pub(super) fn finish(self) -> Result<Hashed> {
        self.writer.into_inner().map_err(|error| refused(&self.path, error))
    }
}

fn refused(path: &Path, error: ParquetError) -> Error {
    let error = match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => return Error::io(path, *error),
            Err(other) => other.to_string(),
        },
        other => other.to_string(),
    };
    Error::io(path, std::io::Error::other(error))
}
