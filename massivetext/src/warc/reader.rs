//! Files to records, and the way from what is none to the next.

use std::io;
use std::path::Path;

use super::header::{self, Type, Wrong};
use super::members::Next;
use super::source::{ENDING, Landing, Source, is_end};
use super::{Fault, Found, MAGIC, Place, Record};
use crate::records::Kind;
use crate::{Error, Result};

/// Reads the records of a file.
pub struct Reader {
    source: Source,
    /// Most bytes of a block that is asked for.
    limit: usize,
    /// Which blocks are asked for.
    wanted: fn(Type) -> bool,
    ended: bool,
    /// Where what is being read begins.
    at: Place,
    /// Whether it is the first in its gzip member.
    is_first: bool,
}

/// Why reading a record stops.
enum Stop {
    Broken(Broken),
    /// The operating system refuses, or what is compressed is damaged.
    Io(io::Error),
}

/// What is no record, and where to go on.
struct Broken {
    kind: Kind,
    detail: String,
    /// Whether the end of the file may be why.
    runs_out: bool,
    next: Search,
}

/// Where the next record is looked for.
enum Search {
    /// Here, where another may begin.
    Here,
    /// From a byte of the file on, if it can be read from there, else from here: the next line that looks like one. Whether
    /// that byte begins a line.
    Line(u64, bool),
    /// In the gzip members that begin behind a byte of the compressed file.
    Member(u64),
    /// Nowhere.
    Nowhere,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Io(error)
    }
}

fn broken<T>(kind: Kind, detail: impl Into<String>, next: Search) -> Result<T, Stop> {
    Err(Stop::Broken(Broken { kind, detail: detail.into(), runs_out: false, next }))
}

fn runs_out<T>(kind: Kind, detail: impl Into<String>, next: Search) -> Result<T, Stop> {
    Err(Stop::Broken(Broken { kind, detail: detail.into(), runs_out: true, next }))
}

impl Reader {
    /// Opens a file: `.gz` as gzip members, `.zst` and `.xz` as one stream, others as they are. `limit` is the most bytes of a
    /// block, `wanted` says whose blocks are asked for.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(path: &Path, limit: usize, wanted: fn(Type) -> bool) -> Result<Self> {
        let at = Place { offset: 0, member: None, member_length: None };
        Ok(Self { source: Source::open(path)?, limit, wanted, ended: false, at, is_first: false })
    }

    /// The next record, or what stands in its place; `None` at the end of the file.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn next(&mut self, path: &Path) -> Result<Option<Found>> {
        if self.ended {
            return Ok(None);
        }
        let stop = match self.record() {
            Ok(found) => {
                self.ended = found.is_none();
                return Ok(found.map(Found::Record));
            }
            Err(stop) => stop,
        };
        let fault = match stop {
            Stop::Broken(broken) => self.go_on(broken),
            Stop::Io(error) => self.damaged(error).and_then(|broken| self.go_on(broken)),
        };
        fault.map(|fault| Some(Found::Fault(fault))).map_err(|error| Error::io(path, error))
    }

    /// Where the next byte is.
    fn place(&self) -> Place {
        Place { offset: self.source.offset(), member: self.source.member(), member_length: None }
    }

    fn record(&mut self) -> Result<Option<Record>, Stop> {
        self.at = self.place();
        if !self.goes_on()? {
            return Ok(None);
        }
        let start = self.at.offset;
        let header = header::read(&mut self.source).or_else(|wrong| match wrong {
            Wrong::Io(error) => Err(Stop::Io(error)),
            Wrong::Kind(kind, detail) => broken(kind, detail, self.after(start, false)),
            Wrong::Ended => {
                let detail = "it ends in the record's header";
                runs_out(Kind::BadHeader, detail, self.after(start, false))
            }
        })?;
        let length = header.length;
        let wanted = (self.wanted)(header.kind);
        let content = self.block(length, wanted)?;
        let is_first = std::mem::replace(&mut self.is_first, false);
        if wanted && content.is_none() {
            let detail = format!("{length} bytes, and a record may have {} (--max-record-bytes)", self.limit);
            return broken(Kind::TooLong, detail, Search::Here);
        }
        let mut place = self.at;
        if is_first && self.source.peek(1)?.is_empty() {
            place.member_length = self.source.member_length()?;
        }
        Ok(Some(Record { place, header, content }))
    }

    /// Goes to where a record begins; whether there is one.
    fn goes_on(&mut self) -> Result<bool, Stop> {
        loop {
            self.source.skip_line_ends()?;
            self.at = self.place();
            let offset = self.at.offset;
            let bytes = self.source.peek(MAGIC.len())?;
            match bytes.first() {
                Some(_) if bytes.starts_with(MAGIC) => return Ok(true),
                Some(0) => {
                    if !self.source.skip_zeros()? {
                        let next = Search::Line(self.source.offset(), true);
                        return broken(Kind::Damaged, "zeros, and then others", next);
                    }
                }
                Some(_) => {
                    let detail = "no record begins here: WARC/1.0 or WARC/1.1 is expected";
                    return broken(Kind::Damaged, detail, self.after(offset, false));
                }
                None => match self.source.next_member()? {
                    Next::End => return Ok(false),
                    Next::Member => {
                        self.is_first = true;
                        self.at = self.place();
                    }
                    Next::Rubbish(byte) => {
                        self.at.member = Some(byte);
                        return broken(Kind::Damaged, "no gzip member begins here", Search::Member(byte));
                    }
                },
            }
        }
    }

    /// A search by lines, from `offset` on if it is possible to go back.
    fn after(&self, offset: u64, at_line: bool) -> Search {
        match self.source {
            Source::Plain(..) => Search::Line(offset, at_line),
            // What is left of the header, or of a line of something else.
            _ => Search::Line(self.source.offset(), self.source.offset() > offset),
        }
    }

    /// Reads a block, or passes over it; and sees that it ends where it is said to.
    fn block(&mut self, length: u64, wanted: bool) -> Result<Option<Vec<u8>>, Stop> {
        let start = self.source.offset();
        let lies = |found: String| format!("Content-Length {length}, {found}");
        match self.source.landing(length)? {
            Landing::Bad => {
                let detail = lies("where no record ends".into());
                return broken(Kind::BadLength, detail, Search::Line(start, true));
            }
            Landing::Beyond => {
                let detail = lies("beyond the end of the file".into());
                return runs_out(Kind::BadLength, detail, Search::Line(start, true));
            }
            Landing::Good | Landing::Unknown => {}
        }
        let content = match usize::try_from(length) {
            Ok(bytes) if wanted && bytes <= self.limit => self.read(bytes)?,
            _ => self.source.skip(length)?.then(Vec::new),
        };
        let is_kept = wanted && length <= self.limit as u64;
        let Some(content) = content else {
            let found = self.source.offset() - start;
            return match self.source {
                Source::Gzip(_) => {
                    let detail = lies(format!("and its gzip member has {found} bytes more"));
                    broken(Kind::BadLength, detail, Search::Here)
                }
                _ => runs_out(Kind::BadLength, lies("beyond the end of the file".into()), Search::Nowhere),
            };
        };
        if !self.ends()? {
            let detail = lies("where no record ends".into());
            return broken(Kind::BadLength, detail, Search::Line(self.source.offset(), false));
        }
        Ok(is_kept.then_some(content))
    }

    /// Whether a record ends here; goes behind its end.
    fn ends(&mut self) -> io::Result<bool> {
        let Source::Gzip(_) = self.source else {
            let ends = is_end(self.source.peek(ENDING)?);
            self.source.skip_line_ends()?;
            return Ok(ends);
        };
        // Nothing else may follow in the member, so that its checksum is read, or that of all the records in it in the end.
        self.source.skip_line_ends()?;
        let bytes = self.source.peek(MAGIC.len())?;
        match bytes.first() {
            Some(0) => self.source.skip_zeros(),
            _ => Ok(bytes.is_empty() || bytes.starts_with(MAGIC)),
        }
    }

    /// Reads so many bytes; `None` if there are fewer.
    fn read(&mut self, length: usize) -> io::Result<Option<Vec<u8>>> {
        let mut content = Vec::new();
        while content.len() < length {
            let bytes = self.source.peek(1)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let part = bytes.len().min(length - content.len());
            content.extend_from_slice(&bytes[..part]);
            self.source.consume(part);
        }
        Ok(Some(content))
    }

    /// What an error of reading says, if it is not the operating system's.
    fn damaged(&self, error: io::Error) -> io::Result<Broken> {
        if error.raw_os_error().is_some() {
            return Err(error);
        }
        let next = self.source.member().map_or(Search::Nowhere, Search::Member);
        let runs_out = error.kind() == io::ErrorKind::UnexpectedEof;
        Ok(Broken { kind: Kind::Damaged, detail: error.to_string(), runs_out, next })
    }

    /// Goes to where the next record may be.
    fn go_on(&mut self, broken: Broken) -> io::Result<Fault> {
        let Broken { mut kind, mut detail, mut runs_out, next } = broken;
        self.is_first = false;
        let mut is_there = self.search(next);
        if let Err(error) = is_there {
            // What was wrong with the record was the damage.
            let next;
            Broken { kind, detail, runs_out, next } = self.damaged(error)?;
            is_there = self.search(next);
        }
        self.ended = !is_there?;
        if runs_out && self.ended {
            kind = Kind::Truncated;
        }
        if let Some(member) = self.at.member {
            detail = format!("{detail} (gzip member at byte {member} of the compressed file)");
        }
        Ok(Fault { place: self.at, kind, detail })
    }

    /// Whether there may be another record.
    fn search(&mut self, search: Search) -> io::Result<bool> {
        match search {
            Search::Here => Ok(true),
            Search::Nowhere => Ok(false),
            Search::Member(after) => {
                self.is_first = true;
                self.source.find_member(after, self.at.offset)
            }
            Search::Line(from, at_line) => {
                self.source.back_to(from)?;
                // Where a gzip member ends, another may begin.
                Ok(self.source.find_line(at_line)? || self.source.member().is_some())
            }
        }
    }
}
