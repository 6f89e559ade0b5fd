//! Arrow's IPC format, as a stream or as a file.

use std::io::Cursor;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_schema::{ArrowError, DataType};
use serde_json::{Map, Value};

use super::arrow_check::{Fault, check};
use super::error::Place;
use super::{Error, Result};

/// The first bytes of the file format, in which the stream comes after them.
const MAGIC: &[u8] = b"ARROW1\0\0";

/// The rows of a file.
pub(super) fn rows(path: &Path) -> Result<impl Iterator<Item = Result<Value>> + '_> {
    let bytes = super::bytes(path)?;
    if bytes.is_empty() {
        return Err(Error::Empty { path: path.into() });
    }
    let broken = |detail: String| {
        Error::whole(path, format!("not an Arrow file, or a broken one ({detail}); fetch it again"))
    };
    let start = if bytes.starts_with(MAGIC) { MAGIC.len() } else { 0 };
    check(&bytes[start..]).map_err(|fault| match fault {
        Fault::Broken(detail) => broken(detail),
        Fault::Column(detail) => Error::whole(path, detail),
    })?;
    let mut stream = Cursor::new(bytes);
    stream.set_position(start as u64);
    let wrong = move |error: ArrowError| broken(error.to_string());
    let batches = StreamReader::try_new(stream, None).map_err(wrong)?;
    let mut before = 0;
    Ok(batches.flat_map(move |batch| {
        let batch = match batch.map_err(wrong) {
            Ok(batch) => batch,
            Err(error) => return vec![Err(error)].into_iter(),
        };
        let rows = (0..batch.num_rows()).map(|row| object(path, &batch, row, before)).collect::<Vec<_>>();
        before += batch.num_rows();
        rows.into_iter()
    }))
}

fn object(path: &Path, batch: &RecordBatch, row: usize, before: usize) -> Result<Value> {
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        let value = value(column, row).map_err(|detail| {
            let detail = format!("column \"{}\" has {detail}", field.name());
            Error::record(path, Place::Row((before + row) as u64), detail)
        });
        Ok((field.name().clone(), value?))
    });
    Ok(Value::Object(fields.collect::<Result<Map<_, _>>>()?))
}

/// A value of a column as JSON, or what is not read of it.
fn value(array: &dyn Array, row: usize) -> Result<Value, String> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let list =
        |items: &dyn Array| (0..items.len()).map(|item| value(items, item)).collect::<Result<Vec<_>, _>>();
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::List(_) => list(&array.as_list::<i32>().value(row))?.into(),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row))?.into(),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let fields = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| Ok((field.name().clone(), value(column, row)?)));
            Value::Object(fields.collect::<Result<Map<_, _>, String>>()?)
        }
        other => return Err(format!("values of the type {other}, which is not read")),
    })
}
