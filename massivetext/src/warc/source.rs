//! A WARC file as the reader sees it: decompressed bytes, which may be in gzip members, and which can be searched.

use std::fs::File;
use std::io;
use std::path::Path;

use super::MAGIC;
use super::blocks::Blocks;
use super::members::{Members, Next};
use crate::{Error, Result};

/// Bytes that are asked of the operating system at once.
const BLOCK: usize = 1 << 20;
/// Bytes that are decompressed at once.
const DECOMPRESSED: usize = 64 << 10;

/// Bytes that are looked at to see whether a record ends before them.
pub(super) const ENDING: usize = 16;

/// How a record begins that a search finds.
const RECORD: &[u8] = b"WARC/1.";

pub(super) enum Source {
    /// Not compressed, and how many bytes there are.
    Plain(Blocks<File>, u64),
    Gzip(Blocks<Members>),
    /// One stream, compressed in another way.
    Stream(Blocks<data::read::Bytes>),
}

/// What stands where a record is said to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// Another record, or the end.
    Good,
    /// Something else.
    Bad,
    /// The file ends before.
    Beyond,
    /// It is known only when one is there.
    Unknown,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let file = || inputs::open(path).map_err(|error| Error::io(path, error));
        Ok(match ending.as_deref() {
            Some("gz") => Source::Gzip(Blocks::new(Members::new(Blocks::new(file()?, BLOCK)), DECOMPRESSED)),
            _ if data::read::uncompressed_name(&name).len() < name.len() => {
                Source::Stream(Blocks::new(data::read::open(path)?, DECOMPRESSED))
            }
            _ => {
                let file = file()?;
                let length = file.metadata().map_err(|error| Error::io(path, error))?.len();
                Source::Plain(Blocks::new(file, BLOCK), length)
            }
        })
    }

    /// Bytes of the decompressed file before the next one.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Source::Plain(file, _) => file.position(),
            Source::Gzip(members) => members.position(),
            Source::Stream(stream) => stream.position(),
        }
    }

    /// The next bytes: `wanted` at least, but for the end of the file or member.
    pub(super) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        match self {
            Source::Plain(file, _) => file.peek(wanted),
            Source::Gzip(members) => members.peek(wanted),
            Source::Stream(stream) => stream.peek(wanted),
        }
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        match self {
            Source::Plain(file, _) => file.consume(bytes),
            Source::Gzip(members) => members.consume(bytes),
            Source::Stream(stream) => stream.consume(bytes),
        }
    }

    /// Passes over ends of lines.
    pub(super) fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.peek(1)?;
            let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let is_over = blank < bytes.len() || bytes.is_empty();
            self.consume(blank);
            if is_over {
                return Ok(());
            }
        }
    }

    /// Passes over zeros, and says whether there is nothing behind them.
    pub(super) fn skip_zeros(&mut self) -> io::Result<bool> {
        loop {
            let bytes = self.peek(1)?;
            let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
            match bytes.len() {
                0 => return Ok(true),
                length if zeros < length => {
                    self.consume(zeros);
                    return Ok(false);
                }
                _ => self.consume(zeros),
            }
        }
    }

    /// The first byte of the open gzip member.
    pub(super) fn member(&self) -> Option<u64> {
        match self {
            Source::Gzip(members) => Some(members.input.start()),
            _ => None,
        }
    }

    /// The bytes of the gzip member that has just ended.
    pub(super) fn member_length(&mut self) -> io::Result<Option<u64>> {
        let Source::Gzip(members) = self else { return Ok(None) };
        let start = members.input.start();
        Ok(members.input.position()?.checked_sub(start))
    }

    /// What follows where the stream or the gzip member has ended.
    pub(super) fn next_member(&mut self) -> io::Result<Next> {
        let Source::Gzip(members) = self else { return Ok(Next::End) };
        let next = members.input.next()?;
        let offset = members.position();
        members.restart(offset);
        Ok(next)
    }

    /// Opens the first gzip member behind byte `after` that begins with a record; whether there is one. What is read next counts
    /// as byte `offset` of the decompressed file.
    pub(super) fn find_member(&mut self, after: u64, offset: u64) -> io::Result<bool> {
        let Source::Gzip(members) = self else { return Ok(false) };
        let found = members.input.find(after + 1)?;
        members.restart(offset);
        Ok(found)
    }

    /// What stands `length` bytes from here.
    pub(super) fn landing(&mut self, length: u64) -> io::Result<Landing> {
        let Source::Plain(file, size) = self else { return Ok(Landing::Unknown) };
        let Some(end) = file.position().checked_add(length).filter(|end| end <= size) else {
            return Ok(Landing::Beyond);
        };
        let mut bytes = [0; ENDING];
        let found = file.look(end, &mut bytes)?;
        Ok(if is_end(&bytes[..found]) { Landing::Good } else { Landing::Bad })
    }

    /// Passes over bytes; whether there were as many.
    pub(super) fn skip(&mut self, mut bytes: u64) -> io::Result<bool> {
        if let Source::Plain(file, size) = self {
            let to = file.position().saturating_add(bytes);
            file.seek(to.min(*size))?;
            return Ok(to <= *size);
        }
        while bytes > 0 {
            let ready = self.peek(1)?.len();
            if ready == 0 {
                return Ok(false);
            }
            let some = ready.min(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.consume(some);
            bytes -= some as u64;
        }
        Ok(true)
    }

    /// Goes back to a byte, if the file can be read from any byte on.
    pub(super) fn back_to(&mut self, offset: u64) -> io::Result<()> {
        match self {
            Source::Plain(file, _) => file.seek(offset),
            _ => Ok(()),
        }
    }

    /// Goes to the next line with which a record begins; false at the end of the file or member. `at_line` says whether a line
    /// begins here.
    pub(super) fn find_line(&mut self, mut at_line: bool) -> io::Result<bool> {
        loop {
            let bytes = self.peek(RECORD.len())?;
            if at_line && bytes.starts_with(RECORD) {
                return Ok(true);
            }
            if bytes.is_empty() {
                return Ok(false);
            }
            let end = memchr::memchr(b'\n', bytes);
            let passed = end.map_or(bytes.len(), |end| end + 1);
            at_line = end.is_some();
            self.consume(passed);
        }
    }
}

/// Whether a record may have ended before these bytes: [`ENDING`] of them, or all.
pub(super) fn is_end(bytes: &[u8]) -> bool {
    let bytes = &bytes[..bytes.len().min(ENDING)];
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let rest = &bytes[blank..];
    // Two ends of lines are enough: what follows may be damaged. Zeros may be the end of a tape.
    rest.is_empty() || rest.starts_with(MAGIC) || rest.starts_with(&[0]) || bytes.starts_with(b"\r\n\r\n")
}
