//! What a server answered: HTTP as crawlers store it, which is not always as servers sent it.

use std::io::{self, Read};

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};

use super::Fields;
use crate::records::Kind;

/// The most bytes of a header.
const LARGEST: usize = 1 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The status: 200.
    pub status: u16,
    /// The header.
    pub fields: Fields,
    /// What follows it, as it was sent.
    pub body: &'a [u8],
}

/// The content of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Without chunks and compression.
    pub bytes: Vec<u8>,
    /// Whether its end was there.
    pub is_whole: bool,
}

/// Why there is no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The kind of it.
    pub kind: Kind,
    /// In words.
    pub detail: String,
}

impl<'a> Response<'a> {
    /// The answer in a block. Interim answers before it, of status 1xx, are passed over.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(block: &'a [u8]) -> Result<Self, String> {
        let mut rest = block;
        loop {
            let (status, fields, body) = head(rest)?;
            if !(100..200).contains(&status) || !body.starts_with(b"HTTP/") {
                return Ok(Self { status, fields, body });
            }
            rest = body;
        }
    }

    /// The content, of at most `limit` bytes. What the header says of chunks and of gzip is believed if the body looks so: some
    /// crawlers undo them and leave the header as it was.
    ///
    /// # Errors
    /// A coding that is not known, data that are none of the coding, more than `limit` bytes.
    pub fn payload(&self, limit: usize) -> Result<Payload, Unreadable> {
        let too_long = || Unreadable {
            kind: Kind::TooLong,
            detail: format!("more than {limit} bytes when decompressed (--max-record-bytes)"),
        };
        let mut payload = Payload { bytes: Vec::new(), is_whole: true };
        let chunked = self.codings("transfer-encoding").any(|coding| coding == "chunked");
        match chunked.then(|| dechunked(self.body)).flatten() {
            Some(result) => payload = result?,
            None => payload.bytes.extend_from_slice(self.body),
        }
        let codings: Vec<String> = self.codings("content-encoding").collect();
        for coding in codings.iter().rev() {
            let (bytes, is_whole) = match &coding[..] {
                "" | "identity" => continue,
                "gzip" | "x-gzip" if !payload.bytes.starts_with(&GZIP) => continue,
                "gzip" | "x-gzip" => members(&payload.bytes, limit),
                "deflate" if is_zlib(&payload.bytes) => {
                    decompressed(&mut ZlibDecoder::new(&payload.bytes[..]), limit)
                }
                "deflate" => decompressed(&mut DeflateDecoder::new(&payload.bytes[..]), limit),
                other => {
                    let shown: String = other.chars().take(40).collect();
                    let detail = format!("Content-Encoding {shown:?}; read are gzip and deflate");
                    return Err(Unreadable { kind: Kind::ContentEncoding, detail });
                }
            }
            .map_err(|error| Unreadable { kind: Kind::BadHttp, detail: format!("{coding}: {error}") })?;
            if bytes.len() > limit {
                return Err(too_long());
            }
            payload = Payload { bytes, is_whole: payload.is_whole && is_whole };
        }
        if payload.bytes.len() > limit { Err(too_long()) } else { Ok(payload) }
    }

    /// The codings of a field, in the order in which they were applied.
    fn codings<'f>(&'f self, field: &'f str) -> impl Iterator<Item = String> + 'f {
        self.fields
            .all(field)
            .flat_map(|value| value.split(','))
            .map(|coding| coding.trim().to_ascii_lowercase())
    }
}

/// Status, fields, and what follows the blank line.
fn head(block: &[u8]) -> Result<(u16, Fields, &[u8]), String> {
    let mut lines = Lines(block);
    let first = lines.next().ok_or("no HTTP header")?;
    let words = || first.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if !first.starts_with(b"HTTP/") {
        return Err("no HTTP header: HTTP/ is expected".into());
    }
    let status = words().nth(1).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
    let status =
        status.filter(|status| (100..1000).contains(status)).ok_or("an HTTP header without a status")?;
    let mut fields = Fields::default();
    loop {
        if block.len() - lines.0.len() > LARGEST {
            return Err(format!("an HTTP header of more than {LARGEST} bytes"));
        }
        match lines.next() {
            None => return Err("an HTTP header without an end".into()),
            Some(line) if line.trim_ascii().is_empty() => return Ok((status, fields, lines.0)),
            // A line that is no field is none, as for browsers.
            Some(line) => drop(fields.line(line)),
        }
    }
}

/// Lines with their ends.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.0)? + 1;
        let (line, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(line)
    }
}

/// The data of a chunked body (RFC 9112, section 7.1). `None` if it does not begin with a chunk.
fn dechunked(body: &[u8]) -> Option<Result<Payload, Unreadable>> {
    let mut lines = Lines(body);
    let mut bytes = Vec::new();
    let mut is_first = true;
    loop {
        let Some(size) = lines.next() else {
            return (!is_first).then_some(Ok(Payload { bytes, is_whole: false }));
        };
        let Some(size) = chunk_size(size) else {
            let detail = "a chunk without a size".into();
            return (!is_first).then_some(Err(Unreadable { kind: Kind::BadHttp, detail }));
        };
        if size == 0 {
            return Some(Ok(Payload { bytes, is_whole: true }));
        }
        let (data, rest) = lines.0.split_at(size.min(lines.0.len()));
        let after = rest.strip_prefix(b"\r").unwrap_or(rest);
        if is_first && size == data.len() && !after.is_empty() && !after.starts_with(b"\n") {
            return None;
        }
        bytes.extend_from_slice(data);
        if data.len() < size {
            return Some(Ok(Payload { bytes, is_whole: false }));
        }
        lines = Lines(after.strip_prefix(b"\n").unwrap_or(after));
        is_first = false;
    }
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii();
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    usize::from_str_radix(digits?, 16).ok()
}

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Whether bytes begin as a zlib stream does (RFC 1950); some servers call raw deflate by the same name.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [method, flags, ..] if method & 15 == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

/// One byte more than `limit` of what is compressed, at most; and whether its end was there.
fn decompressed(input: &mut dyn Read, limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    match input.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes) {
        Ok(_) => Ok((bytes, true)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok((bytes, false)),
        Err(error) => Err(error),
    }
}

/// All members of a gzip file.
fn members(mut packed: &[u8], limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut all = Vec::new();
    while packed.starts_with(&GZIP) && all.len() <= limit {
        let mut decoder = GzDecoder::new(packed);
        let (bytes, is_whole) = decompressed(&mut decoder, limit - all.len())?;
        all.extend_from_slice(&bytes);
        if !is_whole {
            return Ok((all, false));
        }
        packed = decoder.into_inner();
    }
    Ok((all, true))
}
