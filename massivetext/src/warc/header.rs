//! The header of a record.

use std::io;

use super::Fields;
use super::source::Source;
use crate::records::Kind;

/// The most bytes of a header.
pub(super) const LARGEST: usize = 1 << 20;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Of the file and the crawler.
    Warcinfo,
    /// What a server answered, with its HTTP header.
    Response,
    /// A resource without one.
    Resource,
    /// What a server was asked.
    Request,
    /// About another record.
    Metadata,
    /// A response that is the same as an earlier one.
    Revisit,
    /// What another record was made into: the text of WET files.
    Conversion,
    /// The rest of a record in another file.
    Continuation,
    /// Any other, which readers have to pass over.
    Other,
}

impl Type {
    fn named(name: &str) -> Self {
        let all = [
            Type::Warcinfo,
            Type::Response,
            Type::Resource,
            Type::Request,
            Type::Metadata,
            Type::Revisit,
            Type::Conversion,
            Type::Continuation,
        ];
        all.into_iter().find(|kind| name.eq_ignore_ascii_case(kind.name())).unwrap_or(Type::Other)
    }

    /// As `WARC-Type` has it.
    pub fn name(self) -> &'static str {
        match self {
            Type::Warcinfo => "warcinfo",
            Type::Response => "response",
            Type::Resource => "resource",
            Type::Request => "request",
            Type::Metadata => "metadata",
            Type::Revisit => "revisit",
            Type::Conversion => "conversion",
            Type::Continuation => "continuation",
            Type::Other => "other",
        }
    }
}

/// What stands before a record's block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the record is.
    pub kind: Type,
    /// Bytes of the block.
    pub length: u64,
    /// All fields.
    pub fields: Fields,
}

impl Header {
    /// What the record is of.
    pub fn uri(&self) -> Option<&str> {
        // Some writers of WARC/1.0 put it between angle brackets, as that version's grammar has it.
        let uri = self.fields.get("warc-target-uri")?;
        let bare = uri.strip_prefix('<').and_then(|uri| uri.strip_suffix('>')).unwrap_or(uri);
        (!bare.is_empty()).then_some(bare)
    }

    /// When it was fetched.
    pub fn date(&self) -> Option<&str> {
        self.fields.get("warc-date")
    }

    /// Its own name.
    pub fn record_id(&self) -> Option<&str> {
        self.fields.get("warc-record-id")
    }
}

/// Why there is no header.
pub(super) enum Wrong {
    Kind(Kind, String),
    /// The file or the gzip member ends in it.
    Ended,
    Io(io::Error),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Wrong::Io(error)
    }
}

/// Reads the header that begins here, up to the block's first byte.
pub(super) fn read(source: &mut Source) -> Result<Header, Wrong> {
    let bad = |detail: &str| Wrong::Kind(Kind::BadHeader, detail.to_owned());
    let mut room = LARGEST;
    let version = line(source, &mut room)?;
    if !matches!(version.trim_ascii_end(), b"WARC/1.0" | b"WARC/1.1") {
        let shown = String::from_utf8_lossy(&version[..version.len().min(20)]).trim_end().to_owned();
        return Err(bad(&format!("{shown:?}; read are WARC/1.0 and WARC/1.1")));
    }
    let mut fields = Fields::default();
    loop {
        // The next record, where this one's header should go on: it is read as such.
        if source.peek(super::MAGIC.len())?.starts_with(super::MAGIC) {
            return Err(bad("another record begins in the header"));
        }
        match line(source, &mut room)? {
            line if line.trim_ascii().is_empty() => break,
            line => fields.line(&line).map_err(bad)?,
        }
    }
    let kind = fields.get("warc-type").ok_or_else(|| bad("no WARC-Type"))?;
    Ok(Header { kind: Type::named(kind), length: length(&fields)?, fields })
}

/// A line with its end.
fn line(source: &mut Source, room: &mut usize) -> Result<Vec<u8>, Wrong> {
    let mut line = Vec::new();
    loop {
        let bytes = source.peek(1)?;
        if bytes.is_empty() {
            return Err(Wrong::Ended);
        }
        let end = memchr::memchr(b'\n', bytes).map(|end| end + 1);
        let part = end.unwrap_or(bytes.len());
        if part > *room {
            let detail = format!("a header of more than {LARGEST} bytes");
            return Err(Wrong::Kind(Kind::BadHeader, detail));
        }
        line.extend_from_slice(&bytes[..part]);
        source.consume(part);
        *room -= part;
        if end.is_some() {
            return Ok(line);
        }
    }
}

fn length(fields: &Fields) -> Result<u64, Wrong> {
    let bad = |detail: String| Wrong::Kind(Kind::BadLength, detail);
    let mut all = fields.all("content-length");
    let first = all.next().ok_or_else(|| bad("no Content-Length".into()))?;
    if let Some(other) = all.find(|other| *other != first) {
        return Err(bad(format!("Content-Length {first} and {other}")));
    }
    let digits = first.bytes().all(|byte| byte.is_ascii_digit());
    first.parse().ok().filter(|_| digits).ok_or_else(|| {
        let shown: String = first.chars().take(40).collect();
        bad(format!("Content-Length {shown:?}"))
    })
}
