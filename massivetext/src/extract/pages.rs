//! Crawl files to pages: what is in a record, and what of it goes on.
//!
//! Pages are decompressed here, one at a time, so that what waits to be worked on is bounded by its size in memory.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};

use super::encoding::charset_of;
use super::hosts::{Blocklist, host_of};
use super::rules;
use crate::manifest::{Format, Piece};
use crate::records::Kind;
use crate::stage::Records;
use crate::warc::http::{Payload, Response, Unreadable};
use crate::warc::{self, Found, Place, Record, Type};
use crate::{Error, Result};

/// What was read.
#[derive(Debug)]
pub(super) struct Raw {
    /// The file's place in the manifest.
    pub(super) file: usize,
    pub(super) place: Place,
    /// What the record says of itself, if it is one.
    pub(super) origin: Origin,
    pub(super) outcome: Outcome,
}

/// What a record of a WARC file says of itself.
#[derive(Debug, Default)]
pub(super) struct Origin {
    pub(super) uri: Option<String>,
    pub(super) host: Option<String>,
    pub(super) date: Option<String>,
    pub(super) record_id: Option<String>,
}

/// What becomes of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Text has to be made of it.
    Page(Bytes),
    /// A rule drops it; what the rule saw.
    Dropped(&'static str, Value),
    /// It is a record of a type that has no text.
    PassedOver(Type),
    /// It is none.
    Bad(Kind, String),
}

/// How text is made of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Text,
    /// UTF-8, which an earlier program has made.
    Converted,
}

/// A page, decompressed.
#[derive(Debug)]
pub(super) struct Bytes {
    pub(super) bytes: Vec<u8>,
    pub(super) form: Form,
    /// What the HTTP header says of the encoding.
    pub(super) charset: Option<String>,
    /// The HTTP header `Rating`.
    pub(super) rating: Option<String>,
    /// Whether its end was there.
    pub(super) is_whole: bool,
}

/// The pages of a piece of input.
pub(super) struct Pages<'a> {
    input: Input,
    file: usize,
    limit: usize,
    blocked: &'a Blocklist,
}

enum Input {
    Warc(Box<warc::Reader>),
    /// One page, until it has been read.
    Html(Option<data::read::Bytes>),
}

impl<'a> Pages<'a> {
    pub(super) fn open(path: &Path, piece: Piece, limit: usize, blocked: &'a Blocklist) -> Result<Self> {
        let wanted = |kind| matches!(kind, Type::Response | Type::Resource | Type::Conversion);
        let input = match piece.format {
            Format::Warc => Input::Warc(Box::new(warc::Reader::open(path, limit, wanted)?)),
            _ => Input::Html(Some(data::read::open(path)?)),
        };
        Ok(Self { input, file: piece.file, limit, blocked })
    }
}

impl Records for Pages<'_> {
    type Record = Raw;

    fn next(&mut self, path: &Path) -> Result<Option<Raw>> {
        let (place, origin, outcome) = match &mut self.input {
            Input::Html(file) => {
                let Some(file) = file.take() else { return Ok(None) };
                let place = Place { offset: 0, member: None, member_length: None };
                (place, Origin::default(), page_file(path, file, self.limit)?)
            }
            Input::Warc(reader) => match reader.next(path)? {
                None => return Ok(None),
                Some(Found::Fault(fault)) => {
                    (fault.place, Origin::default(), Outcome::Bad(fault.kind, fault.detail))
                }
                Some(Found::Record(mut record)) => {
                    let origin = Origin::of(&record);
                    let outcome = match record.content.take() {
                        Some(content) => self.outcome(&record, content, &origin),
                        None => Outcome::PassedOver(record.header.kind),
                    };
                    (record.place, origin, outcome)
                }
            },
        };
        Ok(Some(Raw { file: self.file, place, origin, outcome }))
    }

    fn bytes(record: &Raw) -> usize {
        if let Outcome::Page(page) = &record.outcome { page.bytes.len() } else { 0 }
    }
}

impl Origin {
    fn of(record: &Record) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let header = &record.header;
        Self {
            uri: owned(header.uri()),
            host: header.uri().and_then(host_of),
            date: owned(header.date()),
            record_id: owned(header.record_id()),
        }
    }
}

impl Pages<'_> {
    /// What becomes of a record: the rules that need no text are asked here.
    fn outcome(&self, record: &Record, content: Vec<u8>, origin: &Origin) -> Outcome {
        let header = &record.header;
        if let Some(domain) = origin.host.as_deref().and_then(|host| self.blocked.find(host)) {
            return Outcome::Dropped(rules::BLOCKED_HOST, json!(domain));
        }
        // Where a crawler has cut a record, it says so.
        let is_whole = header.fields.get("warc-truncated").is_none();
        let content_type = header.fields.get("content-type").unwrap_or_default();
        match header.kind {
            Type::Response if content_type.is_empty() || essence(content_type) == "application/http" => {
                answer(&content, self.limit, is_whole)
            }
            Type::Conversion if essence(content_type) == "text/plain" => {
                let form = Form::Converted;
                Outcome::Page(Bytes { bytes: content, form, charset: None, rating: None, is_whole })
            }
            Type::Resource => match form(content_type) {
                Some(form) => Outcome::Page(Bytes {
                    bytes: content,
                    form,
                    charset: charset_of(content_type),
                    rating: None,
                    is_whole,
                }),
                None => Outcome::Dropped(rules::CONTENT_TYPE, json!(essence(content_type))),
            },
            _ => Outcome::Dropped(rules::CONTENT_TYPE, json!(essence(content_type))),
        }
    }
}

/// What becomes of an HTTP answer.
fn answer(block: &[u8], limit: usize, is_whole: bool) -> Outcome {
    let response = match Response::parse(block) {
        Ok(response) => response,
        Err(detail) => return Outcome::Bad(Kind::BadHttp, detail),
    };
    if response.status != 200 {
        return Outcome::Dropped(rules::STATUS, json!(response.status));
    }
    let content_type = response.fields.get("content-type").unwrap_or_default();
    let Some(form) = form(content_type) else {
        return Outcome::Dropped(rules::CONTENT_TYPE, json!(essence(content_type)));
    };
    match response.payload(limit) {
        Ok(Payload { bytes, is_whole: has_end }) => Outcome::Page(Bytes {
            bytes,
            form,
            charset: charset_of(content_type),
            rating: response.fields.get("rating").map(str::to_owned),
            is_whole: is_whole && has_end,
        }),
        Err(Unreadable { kind, detail }) => Outcome::Bad(kind, detail),
    }
}

/// A Content-Type without its parameters, in lower case, cut if it is long.
fn essence(content_type: &str) -> String {
    const SHOWN: usize = 80;
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().chars().take(SHOWN).collect::<String>().to_ascii_lowercase()
}

fn form(content_type: &str) -> Option<Form> {
    match &essence(content_type)[..] {
        "text/html" | "application/xhtml+xml" => Some(Form::Html),
        "text/plain" => Some(Form::Text),
        _ => None,
    }
}

/// A file that is a page.
fn page_file(path: &Path, mut file: data::read::Bytes, limit: usize) -> Result<Outcome> {
    let mut bytes = Vec::new();
    match file.by_ref().take((limit as u64).saturating_add(1)).read_to_end(&mut bytes) {
        Err(error) if error.raw_os_error().is_some() => Err(Error::io(path, error)),
        Err(error) => Ok(Outcome::Bad(Kind::BrokenFile, file.error(error).to_string())),
        Ok(read) if read > limit => {
            let detail = format!("more than {limit} bytes, the most of a record (--max-record-bytes)");
            Ok(Outcome::Bad(Kind::TooLong, detail))
        }
        Ok(_) => {
            let (form, is_whole) = (Form::Html, true);
            Ok(Outcome::Page(Bytes { bytes, form, charset: None, rating: None, is_whole }))
        }
    }
}
