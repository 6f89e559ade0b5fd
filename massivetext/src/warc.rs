//! WARC files: what a crawler has stored, a record at a time (ISO 28500, WARC/1.0 and 1.1).
//!
//! A record is a version line, header fields, a blank line, a block of `Content-Length` bytes, and two ends of lines. In a
//! `.warc.gz` each record is a gzip member of its own, as the standard recommends, or one member holds several. [`Reader`] gives
//! records in order, each with its place, and a [`Fault`] with its place for each stretch that is no record; then it goes on at
//! the next record it can find. No more of a block is held in memory than a record may have.

mod blocks;
mod fields;
mod header;
pub mod http;
mod members;
mod reader;
mod source;

pub use fields::Fields;
pub use header::{Header, Type};
pub use reader::Reader;

use crate::records::Kind;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first byte in the decompressed file, from 0. A gzip member that cannot be read counts as if it were empty.
    pub offset: u64,
    /// The gzip member that it is in, if the file is compressed so.
    pub member: Option<u64>,
    /// That member's bytes, if there is nothing else in it.
    pub member_length: Option<u64>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it is.
    pub place: Place,
    /// What its header says.
    pub header: Header,
    /// Its block; `None` if it was not asked for.
    pub content: Option<Vec<u8>>,
}

/// A stretch of a file that is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it begins.
    pub place: Place,
    /// What is wrong.
    pub kind: Kind,
    /// In words.
    pub detail: String,
}

/// What [`Reader::next`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A record.
    Record(Record),
    /// None.
    Fault(Fault),
}

/// How every record begins.
pub(crate) const MAGIC: &[u8] = b"WARC/";
