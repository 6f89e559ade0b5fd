//! Whether a stream's messages, and what they say of their bodies, are within it and fit each other: the reader takes that for
//! granted.

use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::{self as ipc, root_as_message};
use arrow_schema::{DataType, Schema};

/// What stands before a message of which it is not the length.
const CONTINUES: u32 = u32::MAX;

/// What is wrong with a stream.
pub(super) enum Fault {
    /// It is no stream, or a broken one.
    Broken(String),
    /// A column of a type that is not read.
    Column(String),
}

fn broken<T>(what: &str) -> Result<T, Fault> {
    Err(Fault::Broken(what.into()))
}

/// Checks a stream, up to its end.
pub(super) fn check(stream: &[u8]) -> Result<(), Fault> {
    let take = |at: usize, length: usize| match at.checked_add(length).filter(|&end| end <= stream.len()) {
        Some(end) => Ok((&stream[at..end], end)),
        None => broken("it is cut off"),
    };
    let word = |at| take(at, 4).map(|(word, at)| (word.try_into().map_or(0, u32::from_le_bytes), at));
    let mut schema: Option<Schema> = None;
    let mut at = 0;
    while at < stream.len() {
        let (mut length, mut next) = word(at)?;
        if length == CONTINUES {
            (length, next) = word(next)?;
        }
        if length == 0 {
            break;
        }
        let (header, next) = take(next, length as usize)?;
        let Ok(message) = root_as_message(header) else { return broken("a message that is none") };
        let body = usize::try_from(message.bodyLength()).unwrap_or(usize::MAX);
        (_, at) = take(next, body)?;
        match (message.header_as_schema(), message.header_as_record_batch(), &schema) {
            (Some(fields), _, None) => schema = Some(columns(fields)?),
            (None, Some(batch), Some(schema)) => match Batch::new(&batch, body).fits(schema) {
                Some(()) => {}
                None => return broken("a batch that is not of its columns"),
            },
            _ => return broken("messages in no order"),
        }
    }
    if schema.is_some() { Ok(()) } else { broken("no columns") }
}

/// The columns, all of types that are read.
fn columns(fields: ipc::Schema<'_>) -> Result<Schema, Fault> {
    let Ok(schema) = try_fb_to_schema(fields) else { return broken("columns without types") };
    match schema.fields().iter().find(|field| !reads(field.data_type())) {
        Some(field) => Err(Fault::Column(format!(
            "column \"{}\" is of the type {}, which is not read",
            field.name(),
            field.data_type()
        ))),
        None => Ok(schema),
    }
}

fn reads(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null | DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 => true,
        DataType::List(item) | DataType::LargeList(item) => reads(item.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| reads(field.data_type())),
        other => width(other).is_some(),
    }
}

/// Bytes of a number.
fn width(data_type: &DataType) -> Option<u64> {
    match data_type {
        DataType::Int8 | DataType::UInt8 => Some(1),
        DataType::Int16 | DataType::UInt16 => Some(2),
        DataType::Int32 | DataType::UInt32 | DataType::Float32 => Some(4),
        DataType::Int64 | DataType::UInt64 | DataType::Float64 => Some(8),
        _ => None,
    }
}

/// What a batch says of its body, in the order of its columns.
struct Batch {
    rows: u64,
    /// Lengths of columns and how many of their values are null; nothing where that cannot be.
    nodes: std::vec::IntoIter<Option<(u64, u64)>>,
    /// Bytes of buffers; nothing for those that are not within the body.
    buffers: std::vec::IntoIter<Option<u64>>,
}

impl Batch {
    fn new(batch: &ipc::RecordBatch<'_>, body: usize) -> Self {
        let node = |node: &ipc::FieldNode| {
            let (length, nulls) =
                (u64::try_from(node.length()).ok()?, u64::try_from(node.null_count()).ok()?);
            (nulls <= length).then_some((length, nulls))
        };
        let buffer = |buffer: &ipc::Buffer| {
            let (offset, length) =
                (u64::try_from(buffer.offset()).ok()?, u64::try_from(buffer.length()).ok()?);
            (offset.checked_add(length)? <= body as u64).then_some(length)
        };
        let nodes = batch.nodes().map(|nodes| nodes.iter().map(node).collect::<Vec<_>>());
        let buffers = batch.buffers().map(|buffers| buffers.iter().map(buffer).collect::<Vec<_>>());
        Self {
            rows: u64::try_from(batch.length()).unwrap_or(u64::MAX),
            nodes: nodes.unwrap_or_default().into_iter(),
            buffers: buffers.unwrap_or_default().into_iter(),
        }
    }

    fn fits(mut self, schema: &Schema) -> Option<()> {
        for field in schema.fields() {
            (self.column(field.data_type())? == self.rows).then_some(())?;
        }
        (self.nodes.next().is_none() && self.buffers.next().is_none()).then_some(())
    }

    fn buffer(&mut self, is_large_enough: impl Fn(u64) -> bool) -> Option<()> {
        let bytes = self.buffers.next()??;
        is_large_enough(bytes).then_some(())
    }

    /// The length of a column, if its buffers are as large as that takes.
    fn column(&mut self, data_type: &DataType) -> Option<u64> {
        let (length, nulls) = self.nodes.next()??;
        if *data_type == DataType::Null {
            return Some(length);
        }
        let bits = length.div_ceil(8);
        self.buffer(|bytes| if nulls > 0 { bytes >= bits } else { bytes == 0 || bytes >= bits })?;
        let mut offsets = |width: u64| {
            let needed = length.checked_add(1)?.checked_mul(width)?;
            self.buffer(|bytes| bytes % width == 0 && (bytes >= needed || length == 0))
        };
        match data_type {
            DataType::Boolean => self.buffer(|bytes| bytes >= bits)?,
            DataType::Utf8 | DataType::List(_) => offsets(4)?,
            DataType::LargeUtf8 | DataType::LargeList(_) => offsets(8)?,
            DataType::Struct(_) => {}
            other => {
                let width = width(other)?;
                let needed = length.checked_mul(width)?;
                self.buffer(|bytes| bytes % width == 0 && bytes >= needed)?;
            }
        }
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 => self.buffer(|_| true)?,
            DataType::List(item) | DataType::LargeList(item) => drop(self.column(item.data_type())?),
            DataType::Struct(fields) => {
                for field in fields {
                    (self.column(field.data_type())? == length).then_some(())?;
                }
            }
            _ => {}
        }
        Some(length)
    }
}
