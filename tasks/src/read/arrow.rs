//! Arrow's IPC format, as a stream or as a file.

use std::io::Cursor;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::{self as ipc, root_as_message};
use arrow_schema::{ArrowError, DataType};
use serde_json::{Map, Value};

use super::error::Place;
use super::{Error, Result};

/// The first bytes of the file format, in which the stream comes after them.
const MAGIC: &[u8] = b"ARROW1\0\0";

/// What stands before a message of which it is not the length.
const CONTINUES: u32 = u32::MAX;

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
    check(&bytes[start..]).map_err(broken)?;
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

/// Whether the messages of a stream and what they say of their bodies are within it: the reader takes that for granted.
fn check(stream: &[u8]) -> Result<(), String> {
    let cut = || "it is cut off".to_owned();
    let take = |at: usize, length: usize| {
        let end = at.checked_add(length).filter(|&end| end <= stream.len()).ok_or_else(cut)?;
        Ok::<_, String>((&stream[at..end], end))
    };
    let mut at = 0;
    while at < stream.len() {
        let word = |at| take(at, 4).map(|(word, at)| (word.try_into().map_or(0, u32::from_le_bytes), at));
        let (mut length, mut next) = word(at)?;
        if length == CONTINUES {
            (length, next) = word(next)?;
        }
        if length == 0 {
            return Ok(());
        }
        let (header, next) = take(next, length as usize)?;
        let message = root_as_message(header).map_err(|_| "a message that is none".to_owned())?;
        let body = usize::try_from(message.bodyLength()).map_err(|_| cut())?;
        (_, at) = take(next, body)?;
        let dictionary = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
        if let Some(batch) = message.header_as_record_batch().or(dictionary) {
            check_batch(&batch, body)?;
        }
    }
    Ok(())
}

fn check_batch(batch: &ipc::RecordBatch<'_>, body: usize) -> Result<(), String> {
    let within = |buffer: &ipc::Buffer| {
        let end = buffer.offset().checked_add(buffer.length());
        buffer.offset() >= 0 && buffer.length() >= 0 && end.is_some_and(|end| end <= body as i64)
    };
    // An element takes no less than a bit, but in columns that hold nothing.
    let most = (body as i64).saturating_mul(8).max(batch.length());
    let node = |node: &ipc::FieldNode| {
        (0..=most).contains(&node.length()) && (0..=node.length()).contains(&node.null_count())
    };
    let good = batch.buffers().is_some_and(|buffers| buffers.iter().all(within))
        && batch.nodes().is_some_and(|nodes| nodes.iter().all(node))
        && batch.length() >= 0;
    if good { Ok(()) } else { Err("a batch that is not within it".into()) }
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
    let list = |items: &dyn Array| (0..items.len()).map(|item| value(items, item)).collect::<Result<Vec<_>, _>>();
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
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::List(_) => list(&array.as_list::<i32>().value(row))?.into(),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row))?.into(),
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row))?.into(),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let fields = fields.iter().zip(columns).map(|(field, column)| Ok((field.name().clone(), value(column, row)?)));
            Value::Object(fields.collect::<Result<Map<_, _>, String>>()?)
        }
        other => return Err(format!("values of the type {other}, which is not read")),
    })
}
