//! Objects of JSON to texts, one object at a time.
//!
//! Of an object, only the text's field is judged: other fields may hold what JSON has not, as other programs write it (NaN,
//! infinities, halves of surrogate pairs, bytes that are not UTF-8).

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead as _, Cursor, Read as _};

use inputs::json::json_words;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::files::Format;
use super::stream::Stream;
use super::{ReadConfig, decode};
use crate::{Error, Result};

/// As much of a file as decides how its records follow each other.
const BEGINNING: u64 = 1 << 16;

/// The records of a file.
pub(super) struct Records<'a> {
    stream: Stream<'a>,
    shape: Shape,
    /// Whether the text of a record is all of it.
    whole: bool,
    /// The line at which the record in `buffer` begins, from 1, and the bytes of the file before it.
    line: u64,
    offset: u64,
    /// The bytes of a record.
    buffer: Vec<u8>,
    /// The line and the offset after it.
    next: (u64, u64),
}

/// How records follow each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// To be told by what a `.json` file begins with.
    Unknown,
    Lines,
    /// Values one after another, of any number of lines.
    Values,
    /// An array of values; whether it has begun.
    Array(bool),
    /// After the end of an array.
    Ended,
}

/// The next record of a file.
pub(super) struct Record {
    /// The line it begins at, from 1.
    pub(super) line: u64,
    /// Its text, or what is wrong with it.
    pub(super) text: Result<String>,
}

impl<'a> Records<'a> {
    pub(super) fn new(stream: Stream<'a>, whole: bool) -> Self {
        let shape = match stream.format {
            Format::Json => Shape::Unknown,
            Format::JsonLines | Format::Text => Shape::Lines,
        };
        Self { stream, shape, whole, line: 1, offset: 0, buffer: Vec::new(), next: (1, 0) }
    }

    /// The file's next record that is not blank; `None` at its end.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub(super) fn next(&mut self, config: &ReadConfig) -> Result<Option<Record>> {
        loop {
            if !self.read_record()? {
                return Ok(None);
            }
            if !self.buffer.trim_ascii().is_empty() && self.buffer.trim_ascii() != b"\xEF\xBB\xBF" {
                return Ok(Some(Record { line: self.line, text: self.text(config) }));
            }
        }
    }

    /// Fills `buffer`; false at the end of the file.
    fn read_record(&mut self) -> Result<bool> {
        if self.shape == Shape::Unknown {
            self.shape = self.tell_shape().map_err(|e| self.stream.error(e))?;
        }
        (self.line, self.offset) = self.next;
        self.buffer.clear();
        let has_ended = self.shape == Shape::Ended;
        let found = match self.shape {
            Shape::Unknown | Shape::Lines | Shape::Ended => self.read_line(),
            Shape::Values | Shape::Array(_) => self.read_value(),
        };
        let found = found.map_err(|e| self.stream.error(e))?;
        if found && has_ended && !self.buffer.trim_ascii().is_empty() {
            return Err(self.wrong("something follows the array that the file begins with".into()));
        }
        Ok(found)
    }

    fn tell_shape(&mut self) -> io::Result<Shape> {
        let mut bytes = Vec::new();
        self.stream.reader.by_ref().take(BEGINNING).read_to_end(&mut bytes)?;
        let rest = std::mem::replace(&mut self.stream.reader, Box::new(io::empty()));
        self.stream.reader = Box::new(Cursor::new(bytes.clone()).chain(rest));
        let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes).trim_ascii_start();
        if start.first() == Some(&b'[') {
            return Ok(Shape::Array(false));
        }
        // An object that goes on after its first line.
        let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let goes_on = serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof());
        Ok(if goes_on && line.len() < start.len() { Shape::Values } else { Shape::Lines })
    }

    fn read_line(&mut self) -> io::Result<bool> {
        let read = self.stream.reader.read_until(b'\n', &mut self.buffer)?;
        self.next = (self.line + 1, self.offset + read as u64);
        Ok(read > 0)
    }

    /// Reads up to the end of a value: the bracket that closes its first one, or else a comma or the end of an array.
    fn read_value(&mut self) -> io::Result<bool> {
        let (mut depth, mut quoted, mut escaped) = (0u64, false, false);
        loop {
            let bytes = self.stream.reader.fill_buf()?;
            if bytes.is_empty() {
                // An array that is not closed gives what there is of its last value, which is then found to be wrong.
                let unclosed = matches!(self.shape, Shape::Array(_)) && self.buffer.is_empty();
                self.shape = Shape::Ended;
                if unclosed {
                    self.line = self.next.0;
                    self.buffer.push(b'{');
                }
                return Ok(!self.buffer.is_empty());
            }
            let mut used = 0;
            let mut complete = false;
            for &byte in bytes {
                used += 1;
                self.next.0 += u64::from(byte == b'\n');
                let outside = depth == 0 && !quoted;
                match byte {
                    b'\xEF' | b'\xBB' | b'\xBF'
                        if self.buffer.is_empty() && self.shape != Shape::Array(true) =>
                    {
                        continue;
                    }
                    b',' | b' ' | b'\t' | b'\r' | b'\n' if outside && self.buffer.is_empty() => continue,
                    b'[' if outside && self.shape == Shape::Array(false) => {
                        self.shape = Shape::Array(true);
                        continue;
                    }
                    b']' if outside && self.shape == Shape::Array(true) => {
                        self.shape = Shape::Ended;
                        complete = true;
                        break;
                    }
                    b',' if outside => {
                        complete = true;
                        break;
                    }
                    _ => {}
                }
                if self.buffer.is_empty() {
                    (self.line, self.offset) = (self.next.0, self.next.1 + used as u64 - 1);
                }
                self.buffer.push(byte);
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    b'{' | b'[' if !quoted => depth += 1,
                    b'}' | b']' if !quoted => {
                        depth = depth.saturating_sub(1);
                        complete = depth == 0;
                    }
                    _ => {}
                }
                if complete {
                    break;
                }
            }
            self.stream.reader.consume(used);
            self.next.1 += used as u64;
            if complete {
                return Ok(true);
            }
        }
    }

    /// The text of the record in `buffer`.
    fn text(&self, config: &ReadConfig) -> Result<String> {
        let path = self.stream.path;
        let bytes = match self.offset {
            0 => self.buffer.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.buffer),
            _ => &self.buffer,
        };
        if self.whole {
            return decode(path, &self.buffer, self.offset, config.invalid_utf8);
        }
        if std::str::from_utf8(bytes).is_ok() {
            return text_field(bytes, &config.text_field).map_err(|detail| self.wrong(detail));
        }
        // Bytes of other fields do not matter, whatever they are.
        if let Ok(text) = text_field(bytes, &config.text_field) {
            return Ok(text);
        }
        let line = decode(path, &self.buffer, self.offset, config.invalid_utf8)?;
        text_field(line.as_bytes(), &config.text_field).map_err(|detail| self.wrong(detail))
    }

    fn wrong(&self, detail: String) -> Error {
        Error::JsonLine { path: self.stream.path.into(), line: self.line, detail }
    }
}

/// The text in a field of an object.
fn text_field(bytes: &[u8], field: &str) -> Result<String, String> {
    let parse = |bytes: &[u8]| {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let found = TextField { field }.deserialize(&mut deserializer)?;
        deserializer.end().map(|()| found)
    };
    let found = parse(bytes).or_else(|error| match without_numbers_json_lacks(bytes) {
        Some(bytes) => parse(&bytes).map_err(|_| error),
        None => Err(error),
    });
    match found {
        Ok(Found::Text(text)) => Ok(text),
        Ok(Found::Other(other)) => Err(format!("field \"{field}\" is not a string but {other:.40}")),
        Ok(Found::Nothing(present)) => {
            Err(format!("no field \"{field}\" (it has {}); set text_field", present.join(", ")))
        }
        Err(error) if error.is_data() => Err("not a JSON object; every line must be one".into()),
        Err(error) => Err(format!("not a JSON value ({}); every line must be an object", json_words(&error))),
    }
}

/// The bytes with null for `NaN`, `Infinity` and `-Infinity` outside strings; `None` if there are none.
fn without_numbers_json_lacks(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut quoted, mut escaped, mut changed) = (false, false, false);
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let number = [&b"-Infinity"[..], b"Infinity", b"NaN"].into_iter().find(|name| rest.starts_with(name));
        if let (false, Some(number)) = (quoted, number) {
            out.extend(b"null");
            rest = &rest[number.len()..];
            changed = true;
            continue;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        out.push(byte);
        rest = after;
    }
    changed.then_some(out)
}

/// What an object has in a field.
enum Found {
    Text(String),
    Other(Value),
    /// Not the field; those that it has, quoted.
    Nothing(Vec<String>),
}

/// Finds a field and ignores all others.
struct TextField<'a> {
    field: &'a str,
}

impl<'de> DeserializeSeed<'de> for TextField<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TextField<'_> {
    type Value = Found;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let (mut found, mut present) = (None, Vec::new());
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == self.field {
                found = Some(map.next_value::<Value>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
                if found.is_none() {
                    present.push(format!("\"{key}\""));
                }
            }
        }
        Ok(match found {
            Some(Value::String(text)) => Found::Text(text),
            Some(other) => Found::Other(other),
            None => Found::Nothing(present),
        })
    }
}
