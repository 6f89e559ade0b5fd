//! Signatures as Parquet files, which engines of clusters read.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ::parquet::data_type::{Int32Type, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::minhash::Bands;
use super::signatures::set_hash;
use super::store::{Store, number};
use crate::manifest::hexadecimal;
use crate::output::{Unfinished, Written};
use crate::{Error, Result};

const KEYS: &str = "message keys { required int32 band; required int64 key; required int64 document; }";
const DOCUMENTS: &str = "message documents { required int64 document; required int64 set_hash; \
                         required int64 priority_0; required int64 priority_1; }";

/// Documents whose keys are one row group.
const GROUP: u64 = 1 << 15;

/// Writes the keys and the priorities of a shard's documents: `00000.keys.parquet` and `00000.documents.parquet`. Documents
/// without n-grams, to which nothing is similar, are in neither.
///
/// # Errors
/// What the operating system refuses.
pub fn export(store: &Store, shard: usize, folder: &Path, bands: Bands, seed: u64) -> Result<Vec<Written>> {
    let mut keys = Table::begin(folder, format!("{shard:05}.keys.parquet"), KEYS)?;
    let mut documents = Table::begin(folder, format!("{shard:05}.documents.parquet"), DOCUMENTS)?;
    let count = store.counts().find(|(of, _)| *of == shard).map_or(0, |(_, count)| count);
    for begin in (0..count).step_by(GROUP as usize) {
        let batch = begin..count.min(begin + GROUP);
        let rows: Result<Vec<Option<Row>>> =
            batch.into_par_iter().map(|place| row(store, number(shard, place), bands, seed)).collect();
        let rows: Vec<Row> = rows?.into_iter().flatten().collect();
        let column = |value: &dyn Fn(&Row) -> i64| Column::Long(rows.iter().map(value).collect());
        documents.group(&[
            column(&|row| row.document),
            column(&|row| row.set_hash),
            column(&|row| row.priority[0]),
            column(&|row| row.priority[1]),
        ])?;
        let band = rows.iter().flat_map(|row| 0..row.keys.len() as i32).collect();
        let key = rows.iter().flat_map(|row| row.keys.iter().copied()).collect();
        let document = rows.iter().flat_map(|row| row.keys.iter().map(|_| row.document)).collect();
        keys.group(&[Column::Int(band), Column::Long(key), Column::Long(document)])?;
    }
    Ok(vec![keys.finish()?, documents.finish()?])
}

/// A document's numbers, as signed ones.
struct Row {
    document: i64,
    set_hash: i64,
    priority: [i64; 2],
    keys: Vec<i64>,
}

fn row(store: &Store, document: u64, bands: Bands, seed: u64) -> Result<Option<Row>> {
    let entry = store.entry(document)?;
    if entry.is_empty() {
        return Ok(None);
    }
    let set = store.set(&entry)?;
    let mut keys = Vec::new();
    bands.keys(&set, seed, &mut keys);
    let [first, second, _] = entry.priority;
    Ok(Some(Row {
        document: document.cast_signed(),
        set_hash: set_hash(&set).cast_signed(),
        // The order of unsigned numbers is that of signed ones that are less by half the range.
        priority: [first, second].map(|number| (number ^ 1 << 63).cast_signed()),
        keys: keys.into_iter().map(u64::cast_signed).collect(),
    }))
}

enum Column {
    Int(Vec<i32>),
    Long(Vec<i64>),
}

struct Table<'a> {
    writer: SerializedFileWriter<File>,
    place: Unfinished,
    folder: &'a Path,
    name: String,
    records: u64,
}

impl<'a> Table<'a> {
    fn begin(folder: &'a Path, name: String, schema: &str) -> Result<Self> {
        let path = folder.join(&name);
        let (place, file) = Unfinished::begin(&path)?;
        let properties = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
        let writer = parse_message_type(schema)
            .and_then(|schema| SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)));
        Ok(Self { writer: writer.map_err(|error| refused(&place, error))?, place, folder, name, records: 0 })
    }

    /// Appends rows.
    fn group(&mut self, columns: &[Column]) -> Result<()> {
        let mut write = || {
            let mut group = self.writer.next_row_group()?;
            let mut columns = columns.iter();
            let mut rows = 0;
            while let (Some(mut writer), Some(column)) = (group.next_column()?, columns.next()) {
                rows = match column {
                    Column::Int(values) => writer.typed::<Int32Type>().write_batch(values, None, None)?,
                    Column::Long(values) => writer.typed::<Int64Type>().write_batch(values, None, None)?,
                };
                writer.close()?;
            }
            group.close()?;
            Ok(rows as u64)
        };
        self.records += write().map_err(|error| refused(&self.place, error))?;
        Ok(())
    }

    fn finish(self) -> Result<Written> {
        let path = self.folder.join(&self.name);
        let file = self.writer.into_inner().map_err(|error| refused(&self.place, error))?;
        self.place.finish(&file)?;
        let mut hash = Sha256::new();
        let mut file = File::open(&path).map_err(|error| Error::io(&path, error))?;
        let bytes = std::io::copy(&mut file, &mut hash).map_err(|error| Error::io(&path, error))?;
        Ok(Written { file: self.name, records: self.records, bytes, sha256: hexadecimal(&hash.finalize()) })
    }
}

fn refused(place: &Unfinished, error: ParquetError) -> Error {
    place.failed(std::io::Error::other(error))
}
