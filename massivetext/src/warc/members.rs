//! The members of a gzip file, one after another, each with its place.

use std::fs::File;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use memchr::memmem::Finder;

use super::blocks::{Blocks, PEEK};

/// How a member begins: two bytes of magic, and deflate, the one method there is (RFC 1952).
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// Flags that are reserved, and 0.
const RESERVED: u8 = 0xe0;
/// How the first record of a member begins, as far as a search asks.
const RECORD: &[u8] = b"WARC/1.";

/// A gzip file. As a [`Read`] it is the member that is open, decompressed; its end is the end of the stream.
pub(super) struct Members {
    state: Option<State>,
    /// The first byte of the open member, or of the last one.
    start: u64,
}

enum State {
    Between(Blocks<File>),
    Inside(Box<GzDecoder<Blocks<File>>>),
}

/// What follows a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one, which is open now.
    Member,
    /// Nothing, or zeros.
    End,
    /// Bytes that are no member, and where.
    Rubbish(u64),
}

impl Members {
    pub(super) fn new(file: Blocks<File>) -> Self {
        Self { state: Some(State::Between(file)), start: 0 }
    }

    /// The first byte of the member that is or was open.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The compressed byte that is read next.
    pub(super) fn position(&mut self) -> io::Result<u64> {
        Ok(self.file()?.position())
    }

    fn file(&mut self) -> io::Result<&mut Blocks<File>> {
        match &mut self.state {
            Some(State::Between(file)) => Ok(file),
            Some(State::Inside(decoder)) => Ok(decoder.get_mut()),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Opens a member that begins here.
    fn open(&mut self) -> io::Result<()> {
        self.start = self.position()?;
        self.state = match self.state.take() {
            Some(State::Between(file)) => Some(State::Inside(Box::new(GzDecoder::new(file)))),
            Some(State::Inside(decoder)) => {
                Some(State::Inside(Box::new(GzDecoder::new(decoder.into_inner()))))
            }
            None => None,
        };
        Ok(())
    }

    /// Goes on behind the member that has been read to its end.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let file = self.file()?;
        let begin = file.position();
        loop {
            let is_first = file.position() == begin;
            let bytes = file.peek(GZIP.len())?;
            let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
            match (zeros, is_first) {
                _ if bytes.is_empty() => return Ok(Next::End),
                (0, true) if bytes.starts_with(&GZIP) => break,
                (0, _) => return Ok(Next::Rubbish(begin)),
                _ => file.consume(zeros),
            }
        }
        self.open()?;
        Ok(Next::Member)
    }

    /// Opens the first member from a byte on that begins with a record; whether there is one.
    pub(super) fn find(&mut self, from: u64) -> io::Result<bool> {
        let finder = Finder::new(&GZIP);
        let file = self.file()?;
        file.seek(from)?;
        loop {
            let bytes = file.peek(PEEK)?;
            match finder.find(bytes) {
                Some(0) if begins_with_record(&bytes[..bytes.len().min(PEEK)]) => {
                    self.open()?;
                    return Ok(true);
                }
                Some(0) => file.consume(1),
                Some(found) => file.consume(found),
                None if bytes.len() < PEEK => return Ok(false),
                // The beginning of one may be at the end.
                None => {
                    let passed = bytes.len() - (GZIP.len() - 1);
                    file.consume(passed);
                }
            }
        }
    }
}

/// Whether the first few KiB of a file are the beginning of a member with a record.
fn begins_with_record(bytes: &[u8]) -> bool {
    if bytes.get(GZIP.len()).is_none_or(|flags| flags & RESERVED != 0) {
        return false;
    }
    let mut begin = [0; RECORD.len()];
    GzDecoder::new(bytes).read_exact(&mut begin).is_ok() && begin == RECORD
}

impl Read for Members {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match &mut self.state {
            Some(State::Inside(decoder)) => decoder.read(bytes),
            _ => Ok(0),
        }
    }
}
