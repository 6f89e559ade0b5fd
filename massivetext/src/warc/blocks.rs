//! Bytes in blocks.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek as _, SeekFrom};

/// The most that can be asked of [`Blocks::peek`].
pub(super) const PEEK: usize = 8 << 10;

/// A stream that is read in large blocks, whose next bytes can be looked at before they are consumed.
pub(super) struct Blocks<R> {
    pub(super) input: R,
    buffer: Vec<u8>,
    /// What of the buffer has been read and not consumed.
    start: usize,
    end: usize,
    /// Bytes of the stream before `start`.
    position: u64,
    block: usize,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    /// Begins at the stream's first byte. `block` bytes are asked of `input` at once.
    pub(super) fn new(input: R, block: usize) -> Self {
        Self { input, buffer: Vec::new(), start: 0, end: 0, position: 0, block, ended: false }
    }

    /// Bytes consumed so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next bytes: `wanted` at least, but for the end of the stream.
    pub(super) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.end - self.start < wanted.min(PEEK) && !self.ended {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            self.buffer.resize(self.block + PEEK, 0);
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Passes over bytes that [`Blocks::peek`] has shown.
    pub(super) fn consume(&mut self, bytes: usize) {
        let bytes = bytes.min(self.end - self.start);
        self.start += bytes;
        self.position += bytes as u64;
    }

    /// Forgets what was read ahead, because the input begins anew; `position` is where.
    pub(super) fn restart(&mut self, position: u64) {
        (self.start, self.end, self.position, self.ended) = (0, 0, position, false);
    }
}

impl Blocks<File> {
    /// Goes to a byte of the file.
    pub(super) fn seek(&mut self, to: u64) -> io::Result<()> {
        let first = self.position - self.start as u64;
        match usize::try_from(to.wrapping_sub(first)) {
            Ok(inside) if to >= first && inside <= self.end => self.start = inside,
            _ => {
                self.input.seek(SeekFrom::Start(to))?;
                (self.start, self.end, self.ended) = (0, 0, false);
            }
        }
        self.position = to;
        Ok(())
    }

    /// Some bytes from a place on, without going there.
    pub(super) fn look(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let inside = usize::try_from(at.wrapping_sub(self.position)).unwrap_or(usize::MAX);
        let ahead = self.end - self.start;
        if at >= self.position && inside <= ahead && (ahead - inside >= bytes.len() || self.ended) {
            let found = (ahead - inside).min(bytes.len());
            bytes[..found].copy_from_slice(&self.buffer[self.start + inside..][..found]);
            return Ok(found);
        }
        let here = self.input.stream_position()?;
        self.input.seek(SeekFrom::Start(at))?;
        let mut found = 0;
        while found < bytes.len() {
            match self.input.read(&mut bytes[found..]) {
                Ok(0) => break,
                Ok(read) => found += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.input.seek(SeekFrom::Start(here))?;
        Ok(found)
    }
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let ready = self.peek(1)?;
        let read = ready.len().min(bytes.len());
        bytes[..read].copy_from_slice(&ready[..read]);
        Blocks::consume(self, read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Blocks<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    fn consume(&mut self, bytes: usize) {
        Blocks::consume(self, bytes);
    }
}
