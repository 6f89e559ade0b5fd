//! Files to records: raw bytes first, one record at a time in the order of the input, then what is in them.
//!
//! The two are apart because reading is done by one thread and everything after by many. A record that is no document is told
//! with its place and the reason, and reading goes on behind it.

#[cfg(feature = "parquet")]
pub(crate) mod parquet;
mod reader;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::manifest::Format;
pub use reader::Reader;

/// Why a record is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A line that is no JSON object.
    InvalidJson,
    /// An object whose `text` is absent or no string.
    NoText,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// More bytes than a record may have.
    TooLong,
    /// A file that cannot be read on: what follows in it is lost.
    BrokenFile,
    /// A Parquet file that is packed in a way, or has a column of a type, that is not read.
    Unsupported,
    /// A WARC record whose header cannot be understood.
    BadHeader,
    /// A WARC record whose `Content-Length` is absent, no number, or not where the record ends.
    BadLength,
    /// Bytes of a WARC file that are no record: a gzip member that is damaged, or something else between records.
    Damaged,
    /// A WARC file that ends inside a record.
    Truncated,
    /// An HTTP answer that cannot be understood.
    BadHttp,
    /// An HTTP answer that is compressed in a way that is not known.
    ContentEncoding,
}

impl Kind {
    /// Its name in receipts.
    pub fn name(self) -> &'static str {
        match self {
            Kind::InvalidJson => "invalid_json",
            Kind::NoText => "no_text",
            Kind::InvalidUtf8 => "invalid_utf8",
            Kind::TooLong => "too_long",
            Kind::BrokenFile => "broken_file",
            Kind::Unsupported => "unsupported",
            Kind::BadHeader => "bad_header",
            Kind::BadLength => "bad_length",
            Kind::Damaged => "damaged",
            Kind::Truncated => "truncated",
            Kind::BadHttp => "bad_http",
            Kind::ContentEncoding => "content_encoding",
        }
    }
}

/// Where a record is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// Its first byte in the decompressed file, from 0.
    #[serde(rename = "offset")]
    Byte(u64),
    /// The row of a Parquet file, from 0.
    #[serde(rename = "row")]
    Row(u64),
}

impl Place {
    /// The byte or the row.
    pub fn number(self) -> u64 {
        match self {
            Place::Byte(number) | Place::Row(number) => number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Byte(byte) => write!(f, "byte {byte}"),
            Place::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// A record that is no document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRecord {
    /// The file, as the manifest names it.
    pub file: String,
    /// Where it is in the file: `offset` or `row`.
    #[serde(flatten)]
    pub at: Place,
    /// Why.
    pub kind: Kind,
    /// In words.
    pub detail: String,
}

impl BadRecord {
    /// `file` at byte `offset`, or at row `row`.
    pub fn place(&self) -> String {
        format!("{} at {}", self.file, self.at)
    }
}

/// Where a document came from at first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance<'a> {
    /// The file, as the manifest names it.
    #[serde(borrow)]
    pub file: Cow<'a, str>,
    /// Where it is in the file: `offset` or `row`.
    #[serde(flatten)]
    pub at: Place,
}

/// The bytes of a record.
#[derive(Debug)]
pub struct Raw {
    /// The file's place in the manifest.
    pub file: usize,
    /// Where the record is in the file.
    pub place: Place,
    /// How the bytes are to be understood.
    pub format: Format,
    /// What was read.
    pub content: Content,
}

/// What was read of a record.
#[derive(Debug)]
pub enum Content {
    /// All of it, without the end of the line.
    Bytes(Vec<u8>),
    /// It has this many bytes, which is too many.
    TooLong(u64),
    /// The file's end was not reached.
    Broken(String),
    /// It is no document, as was seen when it was read.
    Bad(Kind, String),
}

/// A document as JSON has it: what we read of it, and what we pass on.
#[derive(Debug)]
pub struct Document<'a> {
    /// The record's `id`; the file and the place in it, if it has none.
    pub id: String,
    /// The text.
    pub text: String,
    /// The record's `source`; the file, if it has none.
    pub source: String,
    /// Its first place: the record's `provenance`, if an earlier stage wrote one.
    pub provenance: Cow<'a, str>,
    /// All other fields, as they are.
    pub other: Vec<(Cow<'a, str>, &'a str)>,
}

impl Raw {
    /// The document in these bytes. `name` is that of the file in the manifest.
    ///
    /// # Errors
    /// Why there is none.
    pub fn document(&self, name: &str, limit: usize) -> Result<Document<'_>, BadRecord> {
        let bad = |kind, detail| BadRecord { file: name.to_owned(), at: self.place, kind, detail };
        let bytes = match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::TooLong(length) => {
                let detail = format!("{length} bytes, and a record may have {limit} (--max-record-bytes)");
                return Err(bad(Kind::TooLong, detail));
            }
            Content::Broken(detail) => return Err(bad(Kind::BrokenFile, detail.clone())),
            Content::Bad(kind, detail) => return Err(bad(*kind, detail.clone())),
        };
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let detail = format!("not UTF-8 at byte {} of the record", error.valid_up_to());
            bad(Kind::InvalidUtf8, detail)
        })?;
        let here = || {
            let place = Provenance { file: name.into(), at: self.place };
            serde_json::to_string(&place).map_err(|error| bad(Kind::InvalidJson, error.to_string()))
        };
        if self.format == Format::Text {
            return Ok(Document {
                id: name.to_owned(),
                text: text.to_owned(),
                source: name.to_owned(),
                provenance: Cow::Owned(here()?),
                other: Vec::new(),
            });
        }
        let mut fields = fields(text).map_err(|detail| bad(Kind::InvalidJson, detail))?;
        let mut take = |key: &str| {
            // Of a key that occurs twice, the last counts, as for most readers.
            let mut found = None;
            fields.retain(|(name, value)| {
                let is_it = name == key;
                if is_it {
                    found = Some(*value);
                }
                !is_it
            });
            found
        };
        let text = take("text").ok_or_else(|| bad(Kind::NoText, "`text` is missing".into()))?;
        let text = serde_json::from_str::<String>(text).map_err(|error| {
            let words = inputs::json::json_words(&error);
            let words = words.split(", at line ").next().unwrap_or_default().to_owned();
            match text.starts_with('"') {
                true => bad(Kind::InvalidJson, format!("text: {words}")),
                false => bad(Kind::NoText, format!("text: {words}")),
            }
        })?;
        let mut word = |key: &str| take(key).and_then(name_of);
        let id = word("id").unwrap_or_else(|| format!("{name}:{}", self.place.number()));
        let source = word("source").unwrap_or_else(|| name.to_owned());
        let provenance = match take("provenance") {
            Some(earlier) => Cow::Borrowed(earlier),
            None => Cow::Owned(here()?),
        };
        Ok(Document { id, text, source, provenance, other: fields })
    }
}

/// A string, or a number as it is written.
fn name_of(value: &str) -> Option<String> {
    match serde_json::from_str(value).ok()? {
        serde_json::Value::String(name) => Some(name),
        serde_json::Value::Number(_) => Some(value.to_owned()),
        _ => None,
    }
}

type Fields<'a> = Vec<(Cow<'a, str>, &'a str)>;

/// The fields of an object, in order: names, and values as they are written.
fn fields(text: &str) -> Result<Fields<'_>, String> {
    let mut rest = text.trim_ascii_start();
    rest = rest.strip_prefix('{').ok_or("an object is expected")?.trim_ascii_start();
    let mut fields = Vec::new();
    let wrong =
        |rest: &str, detail: &str| format!("{detail}, at byte {} of the record", text.len() - rest.len());
    if let Some(after) = rest.strip_prefix('}') {
        rest = after;
    } else {
        loop {
            let (key, after) = value::<Cow<'_, str>>(rest).map_err(|detail| wrong(rest, &detail))?;
            let after = after.trim_ascii_start();
            let after = after.strip_prefix(':').ok_or_else(|| wrong(after, "a colon is expected"))?;
            let start = after.trim_ascii_start();
            let (_, after) = value::<IgnoredAny>(start).map_err(|detail| wrong(start, &detail))?;
            fields.push((key, &start[..start.len() - after.len()]));
            rest = after.trim_ascii_start();
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let after = rest.strip_prefix(',').ok_or_else(|| wrong(rest, "a comma or } is expected"))?;
            rest = after.trim_ascii_start();
        }
    }
    match rest.trim_ascii() {
        "" => Ok(fields),
        rest => Err(wrong(rest, "it goes on after its end")),
    }
}

/// A JSON value at the beginning of a text, and what follows it.
fn value<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(T, &'a str), String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Ok((value, text.get(values.byte_offset()..).unwrap_or_default())),
        Some(Err(error)) => {
            let words = inputs::json::json_words(&error);
            Err(words.split(", at line ").next().unwrap_or_default().to_owned())
        }
        None => Err("it ends too early".to_owned()),
    }
}

/// Appends a document as a line, with more fields at its end.
///
/// # Errors
/// Never, for what was read as JSON.
pub fn write_line(
    document: &Document<'_>,
    more: &BTreeMap<&str, serde_json::Value>,
    line: &mut Vec<u8>,
) -> io::Result<()> {
    let mut field = |name: &str, value: &dyn Fn(&mut Vec<u8>) -> serde_json::Result<()>| {
        line.push(if line.last().is_none_or(|&byte| byte == b'\n') { b'{' } else { b',' });
        serde_json::to_writer(&mut *line, name)?;
        line.push(b':');
        value(line)
    };
    field("id", &|line| serde_json::to_writer(line, &document.id))?;
    field("text", &|line| serde_json::to_writer(line, &document.text))?;
    field("source", &|line| serde_json::to_writer(line, &document.source))?;
    let raw = |value: &str, line: &mut Vec<u8>| {
        line.extend_from_slice(value.as_bytes());
        Ok(())
    };
    field("provenance", &|line| raw(&document.provenance, line))?;
    for (name, value) in &document.other {
        if !more.contains_key(name.as_ref()) {
            field(name, &|line| raw(value, line))?;
        }
    }
    for (name, value) in more {
        field(name, &|line| serde_json::to_writer(line, value))?;
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}

/// A document as a row of a Parquet file.
#[cfg(feature = "parquet")]
pub(crate) struct Columns {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) source: String,
    /// JSON.
    pub(crate) provenance: String,
    /// An object of JSON with all other fields, as they are written; `None` if there are none.
    pub(crate) other_fields: Option<String>,
}

/// The row of a line that [`write_line`] wrote.
///
/// # Errors
/// Another line.
#[cfg(feature = "parquet")]
pub(crate) fn columns_of(line: &[u8]) -> Result<Columns, String> {
    let line = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    let fields = fields(line)?;
    let Some(([id, text, source, provenance], other)) = fields.split_first_chunk() else {
        return Err("no document: it has too few fields".into());
    };
    let string = |(name, value): &(Cow<'_, str>, &str)| {
        serde_json::from_str::<String>(value)
            .map_err(|error| format!("{name}: {}", inputs::json::json_words(&error)))
    };
    let member =
        |(name, value): &(Cow<'_, str>, &str)| format!("{}:{value}", serde_json::Value::from(&name[..]));
    let members = other.iter().map(member).collect::<Vec<_>>().join(",");
    Ok(Columns {
        id: string(id)?,
        text: string(text)?,
        source: string(source)?,
        provenance: provenance.1.to_owned(),
        other_fields: (!other.is_empty()).then(|| format!("{{{members}}}")),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use proptest::prelude::*;

    use super::reader::read_line;
    use super::*;
    use crate::manifest::Piece;

    const LIMIT: usize = 60;

    /// A document's id, text and offset, or what a bad record is and where.
    type Found = Result<(String, String, u64), (Kind, u64)>;

    /// All records of a file of lines, read as pieces that are cut at `cuts`.
    fn read(bytes: &[u8], cuts: &[u64]) -> Vec<Found> {
        let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let ends = cuts.iter().copied().map(Some).chain([None]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let mut found = Vec::new();
        for (start, end) in starts.zip(ends) {
            let piece = Piece { file: 0, format: Format::JsonLines, start, end };
            let mut reader = Reader::open(file.path(), piece, LIMIT).unwrap();
            while let Some(raw) = reader.next(file.path()).unwrap() {
                found.push(match raw.document("f", LIMIT) {
                    Ok(document) => Ok((document.id, document.text, raw.place.number())),
                    Err(bad) => Err((bad.kind, bad.at.number())),
                });
            }
        }
        found
    }

    #[track_caller]
    fn refused(line: &str, kind: Kind, detail: &str) {
        let content = Content::Bytes(line.as_bytes().to_vec());
        let raw = Raw { file: 0, place: Place::Byte(5), format: Format::JsonLines, content };
        let bad = raw.document("f", 1000).unwrap_err();
        assert_eq!((bad.kind, bad.detail.as_str(), bad.place().as_str()), (kind, detail, "f at byte 5"));
    }

    #[test]
    fn what_is_wrong_with_a_record_is_said() {
        refused("[1]", Kind::InvalidJson, "an object is expected");
        refused("{\"text\": \"a\"", Kind::InvalidJson, "a comma or } is expected, at byte 12 of the record");
        refused(
            "{\"text\": \"a\"} x",
            Kind::InvalidJson,
            "it goes on after its end, at byte 14 of the record",
        );
        refused("{\"text\": \"a", Kind::InvalidJson, "it ends too early, at byte 9 of the record");
        refused("{\"text\" 1}", Kind::InvalidJson, "a colon is expected, at byte 8 of the record");
        refused("{\"x\": NaN}", Kind::InvalidJson, "there is no JSON value, at byte 6 of the record");
        refused("{\"text\": null}", Kind::NoText, "text: null where a string is expected");
        refused("{\"text\": [\"a\"]}", Kind::NoText, "text: a list where a string is expected");
        refused("{}", Kind::NoText, "`text` is missing");
    }

    #[test]
    fn other_fields_go_on_as_they_are_written() {
        let line = r#"{"a": 1e400, "id": 12345678901234567890123, "text": "\u00e9\n", "b" : [ {"c":0.10} ] , "\u0061": 2}"#;
        let content = Content::Bytes(line.as_bytes().to_vec());
        let raw = Raw { file: 0, place: Place::Byte(0), format: Format::JsonLines, content };
        let document = raw.document("f", 1000).unwrap();
        let mut written = Vec::new();
        write_line(&document, &BTreeMap::new(), &mut written).unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "{\"id\":\"12345678901234567890123\",\"text\":\"é\\n\",\"source\":\"f\",\"provenance\":\
             {\"file\":\"f\",\"offset\":0},\"a\":1e400,\"b\":[ {\"c\":0.10} ],\"a\":2}\n"
        );
    }

    #[test]
    fn a_long_line_is_counted_and_not_kept() {
        let mut endless = Cursor::new(vec![b'x'; 5000]);
        let line = read_line(&mut endless, 10).unwrap().unwrap();
        assert_eq!((line.bytes.len(), line.length, line.consumed), (11, 5000, 5000));
    }

    /// Lines of JSON and of rubbish.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            "[a-z\\\\\"é\u{2028}]{0,20}"
                .prop_map(|text| serde_json::json!({"text": text}).to_string().into_bytes()),
            "[{}\\[\\]:,\"a-z0-9 .e-]{0,30}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>().prop_filter("a line", |byte| *byte != b'\n'), 0..80),
        ]
    }

    proptest! {
        /// Every line that is not blank is a document or a bad record, wherever the file is cut; and a document's text is what
        /// another reader of JSON finds.
        #[test]
        fn nothing_is_lost_or_read_twice(
            lines in prop::collection::vec(line(), 0..12), mut cuts in prop::collection::btree_set(1_u64..400, 0..4)
        ) {
            let bytes = lines.join(&b'\n');
            cuts.retain(|cut| *cut < bytes.len() as u64);
            let whole = read(&bytes, &[]);
            prop_assert_eq!(&read(&bytes, &cuts.into_iter().collect::<Vec<_>>()), &whole);
            let mut offset = 0;
            let mut expected = Vec::new();
            for line in &lines {
                let bare = if offset == 0 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
                if !bare.trim_ascii().is_empty() {
                    let text = serde_json::from_slice::<serde_json::Value>(bare).ok()
                        .filter(|_| bare.len() <= LIMIT)
                        .and_then(|value| Some(value.get("text")?.as_str()?.to_owned()));
                    expected.push((offset, text));
                }
                offset += line.len() as u64 + 1;
            }
            let found: Vec<_> = whole.into_iter().map(|record| match record {
                Ok((_, text, offset)) => (offset, Some(text)),
                Err((_, offset)) => (offset, None),
            }).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
