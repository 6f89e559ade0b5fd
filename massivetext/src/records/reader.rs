//! Files to raw records, one at a time.

use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::{Content, Place, Raw};
use crate::manifest::{Format, Piece};
use crate::{Error, Result};

/// Reads the records of a piece of a file.
pub struct Reader(Kind);

enum Kind {
    Stream(Box<Stream>),
    #[cfg(feature = "parquet")]
    Parquet(Box<super::parquet::Reader>),
}

impl Reader {
    /// Opens a piece; `limit` is the most bytes that a record may have.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(path: &Path, piece: Piece, limit: usize) -> Result<Self> {
        #[cfg(feature = "parquet")]
        if piece.format == Format::Parquet {
            let reader = super::parquet::Reader::open(path, piece, limit)?;
            return Ok(Self(Kind::Parquet(Box::new(reader))));
        }
        Ok(Self(Kind::Stream(Box::new(Stream::open(path, piece, limit)?))))
    }

    /// The next record; `None` after the last. Blank lines are none.
    ///
    /// # Errors
    /// What the operating system refuses. A file that is damaged gives a record that says so, its last.
    pub fn next(&mut self, path: &Path) -> Result<Option<Raw>> {
        match &mut self.0 {
            Kind::Stream(stream) => stream.next(path),
            #[cfg(feature = "parquet")]
            Kind::Parquet(rows) => rows.next(path),
        }
    }
}

/// Records that stand one after another.
struct Stream {
    piece: Piece,
    /// Most bytes of a record.
    limit: usize,
    input: Input,
    /// Bytes of the decompressed file before what is read next.
    offset: u64,
    ended: bool,
}

enum Input {
    Whole(data::read::Bytes),
    Part(BufReader<std::fs::File>),
}

impl Input {
    fn reader(&mut self) -> &mut dyn BufRead {
        match self {
            Input::Whole(bytes) => bytes,
            Input::Part(file) => file,
        }
    }

    fn words(&self, path: &Path, error: io::Error) -> String {
        match self {
            Input::Whole(bytes) => bytes.error(error).to_string(),
            Input::Part(_) => format!("{}: {error}", path.display()),
        }
    }
}

impl Stream {
    fn open(path: &Path, piece: Piece, limit: usize) -> Result<Self> {
        let mut reader = match piece.start {
            0 => Self { piece, limit, input: Input::Whole(data::read::open(path)?), offset: 0, ended: false },
            start => {
                let mut file = inputs::open(path).map_err(|error| Error::io(path, error))?;
                // The line that the byte before the piece is in belongs to the piece before.
                file.seek(SeekFrom::Start(start - 1)).map_err(|error| Error::io(path, error))?;
                let input = Input::Part(BufReader::with_capacity(1 << 20, file));
                Self { piece, limit, input, offset: start - 1, ended: false }
            }
        };
        if reader.piece.start > 0 {
            // Not beyond the piece: a line may go on for as many pieces as it likes.
            let most = piece.end.map_or(u64::MAX, |end| end - reader.offset);
            reader.offset +=
                skip_line(reader.input.reader(), most).map_err(|error| Error::io(path, error))?;
        }
        Ok(reader)
    }

    fn next(&mut self, path: &Path) -> Result<Option<Raw>> {
        while !self.ended && self.piece.end.is_none_or(|end| self.offset < end) {
            let offset = self.offset;
            let read = match self.piece.format {
                Format::JsonLines => read_line(self.input.reader(), self.limit),
                Format::Text | Format::Html | Format::Warc | Format::Parquet => {
                    self.ended = true;
                    read_all(self.input.reader(), self.limit)
                }
            };
            let content = match read {
                Ok(None) => {
                    self.ended = true;
                    return Ok(None);
                }
                Ok(Some(mut line)) => {
                    self.offset += line.consumed;
                    if offset == 0 && line.bytes.starts_with(b"\xEF\xBB\xBF") {
                        line.bytes.drain(..3);
                    }
                    match line.length {
                        length if length > self.limit as u64 => Content::TooLong(length),
                        _ if self.piece.format == Format::JsonLines && line.bytes.trim_ascii().is_empty() => {
                            continue;
                        }
                        _ => Content::Bytes(line.bytes),
                    }
                }
                Err(error) if error.raw_os_error().is_some() => return Err(Error::io(path, error)),
                Err(error) => {
                    self.ended = true;
                    Content::Broken(self.input.words(path, error))
                }
            };
            let place = Place::Byte(offset);
            return Ok(Some(Raw { file: self.piece.file, place, format: self.piece.format, content }));
        }
        Ok(None)
    }
}

/// A line, or as much of it as was kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    /// Its bytes, without the end of the line, kept or not.
    pub(super) length: u64,
    /// Its bytes with the end of the line.
    pub(super) consumed: u64,
}

/// Reads a line and keeps up to one byte more than `limit` of it.
pub(super) fn read_line(reader: &mut dyn BufRead, limit: usize) -> io::Result<Option<Line>> {
    let mut line = Line { bytes: Vec::new(), length: 0, consumed: 0 };
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        if buffer.is_empty() {
            return Ok((line.consumed > 0).then_some(line));
        }
        let end = memchr::memchr(b'\n', buffer);
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = (limit.saturating_add(1)).saturating_sub(line.bytes.len());
        line.bytes.extend_from_slice(&part[..part.len().min(room)]);
        line.length += part.len() as u64;
        let consumed = part.len() + usize::from(end.is_some());
        line.consumed += consumed as u64;
        reader.consume(consumed);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

/// Passes over what is left of a line, or over `most` bytes of it or a few more; how many it were.
fn skip_line(reader: &mut dyn BufRead, most: u64) -> io::Result<u64> {
    let mut skipped = 0;
    while skipped < most {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        let end = memchr::memchr(b'\n', buffer);
        let consumed = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(consumed);
        skipped += consumed as u64;
        if end.is_some() || consumed == 0 {
            break;
        }
    }
    Ok(skipped)
}

/// As [`read_line`], of all that follows.
fn read_all(reader: &mut dyn BufRead, limit: usize) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    reader.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    let rest = io::copy(reader, &mut io::sink())?;
    let length = bytes.len() as u64 + rest;
    Ok(Some(Line { bytes, length, consumed: length }))
}
