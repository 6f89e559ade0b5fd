//! Files and folders to documents, one at a time.
//!
//! A `.txt` or `.md` file is one document; every line of a `.jsonl` file is one, and every object of a `.json` file, which
//! has them in lines, one after another, or in an array. Documents of only whitespace are passed over. Text is kept as it
//! is, except that a UTF-8 byte order mark at the start of a file is dropped.

mod files;
mod findings;
mod records;
mod stream;
mod zstd_frames;

use std::io::Read as _;
use std::iter::Enumerate;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use files::Format;
pub use files::{FileList, Kinds, PassedOver, Reason, check, find, find_files};
use findings::Looks;
pub(crate) use findings::Notebook;
pub use findings::{BadRecord, Findings, Improbable};
use records::{Record, Records};
use stream::Stream;
pub use stream::{Bytes, open, uncompressed_name};

/// The settings of reading text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadConfig {
    /// The field of a `.jsonl` or `.json` object that holds the text.
    pub text_field: String,
    /// What to do with bytes that are not UTF-8.
    pub invalid_utf8: InvalidUtf8,
    /// What to do with records that have no text.
    pub bad_records: BadRecords,
}

impl Default for ReadConfig {
    fn default() -> Self {
        Self { text_field: "text".into(), invalid_utf8: InvalidUtf8::Error, bad_records: BadRecords::Error }
    }
}

/// What to do with bytes that are not UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvalidUtf8 {
    /// Stop, naming the file and the byte offset.
    #[default]
    Error,
    /// Put U+FFFD in their place, as [`String::from_utf8_lossy`] does.
    Replace,
}

/// What to do with records of `.jsonl` and `.json` files that are no object with a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadRecords {
    /// Stop, naming the file and the line.
    #[default]
    Error,
    /// Pass over them and count them.
    Skip,
}

/// One text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where it came from: the file, with `:line` for `.jsonl` and `.json`.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Reads the documents of `files` in order, holding one document in memory at a time.
///
/// Stops after the first error.
pub fn documents<'a>(files: &'a [PathBuf], config: &'a ReadConfig) -> Documents<'a> {
    Documents {
        files: files.iter().enumerate(),
        config,
        notebook: None,
        current: None,
        failed: false,
        whole: false,
    }
}

/// As [`documents`], of records alone: the text of each is its JSON, of which nothing is judged.
pub(crate) fn records<'a>(files: &'a [PathBuf], config: &'a ReadConfig) -> Documents<'a> {
    Documents { whole: true, ..documents(files, config) }
}

/// The iterator [`documents`] returns.
pub struct Documents<'a> {
    files: Enumerate<std::slice::Iter<'a, PathBuf>>,
    config: &'a ReadConfig,
    notebook: Option<&'a Notebook>,
    current: Option<Current<'a>>,
    failed: bool,
    /// Whether a record's text is all of it.
    whole: bool,
}

/// The file that is being read.
struct Current<'a> {
    file: usize,
    path: &'a Path,
    source: Source<'a>,
    looks: Looks,
}

/// Where its documents come from.
enum Source<'a> {
    /// The file as a whole; `None` when it has been read.
    Whole(Option<Stream<'a>>),
    Records(Records<'a>),
}

impl<'a> Documents<'a> {
    /// Writes down what is noticed on the way.
    pub(crate) fn noting(mut self, notebook: &'a Notebook) -> Self {
        self.notebook = Some(notebook);
        self
    }

    /// The next document, blank ones too.
    fn read(&mut self) -> Result<Option<Document>> {
        loop {
            let Some(current) = &mut self.current else {
                let Some((file, path)) = self.files.next() else { return Ok(None) };
                let source = match Stream::open(path)? {
                    stream if stream.format == Format::Text && !self.whole => Source::Whole(Some(stream)),
                    stream => Source::Records(Records::new(stream, self.whole)),
                };
                self.current = Some(Current { file, path, source, looks: Looks::default() });
                continue;
            };
            if let Some(document) = current.read(self.config, self.notebook)? {
                current.looks.see(&document.text);
                return Ok(Some(document));
            }
            if let Some(notebook) = self.notebook {
                notebook.file(current.file, &current.looks);
            }
            self.current = None;
        }
    }
}

impl Iterator for Documents<'_> {
    type Item = Result<Document>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            let document = self.read().transpose()?;
            self.failed = document.is_err();
            if document.as_ref().is_ok_and(|d| d.text.trim().is_empty()) {
                continue;
            }
            return Some(document);
        }
        None
    }
}

impl Current<'_> {
    fn read(&mut self, config: &ReadConfig, notebook: Option<&Notebook>) -> Result<Option<Document>> {
        let records = match &mut self.source {
            Source::Records(records) => records,
            Source::Whole(stream) => {
                let Some(mut stream) = stream.take() else { return Ok(None) };
                let mut bytes = Vec::new();
                stream.reader.read_to_end(&mut bytes).map_err(|e| stream.error(e))?;
                let text = decode(self.path, &bytes, 0, config.invalid_utf8)?;
                return Ok(Some(Document { name: self.path.display().to_string(), text }));
            }
        };
        while let Some(Record { line, text }) = records.next(config)? {
            match (text, config.bad_records) {
                (Ok(text), _) => {
                    let name = format!("{}:{line}", self.path.display());
                    return Ok(Some(Document { name, text }));
                }
                (Err(error), BadRecords::Error) => return Err(error),
                (Err(error), BadRecords::Skip) => {
                    if let Some(notebook) = notebook {
                        notebook.bad_record(self.file, line, &error);
                    }
                }
            }
        }
        Ok(None)
    }
}

/// What is said of bytes that are not UTF-8 and look like it.
const UTF16: &str = " (the file looks like UTF-16)";

fn decode(path: &Path, bytes: &[u8], offset: u64, policy: InvalidUtf8) -> Result<String> {
    let text = if offset == 0 { bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes) } else { bytes };
    match std::str::from_utf8(text) {
        Ok(text) => Ok(text.into()),
        Err(_) if policy == InvalidUtf8::Replace => Ok(String::from_utf8_lossy(text).into_owned()),
        Err(error) => {
            let skipped = bytes.len() - text.len();
            let hint = match bytes {
                _ if offset > 0 => "",
                [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => UTF16,
                _ if bytes.iter().take(1000).filter(|&&byte| byte == 0).count()
                    > bytes.len().min(1000) / 5 =>
                {
                    UTF16
                }
                _ => "",
            };
            let offset = offset + (skipped + error.valid_up_to()) as u64;
            Err(Error::InvalidUtf8 { path: path.into(), offset, hint })
        }
    }
}
