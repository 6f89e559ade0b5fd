//! What is noticed while text is read and does not end the reading.

use std::cell::RefCell;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Bad records that are named.
const NAMED: usize = 3;

/// What was noticed while files were read. Files are given by their place in the list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Records that were passed over.
    pub bad_records: u64,
    /// The first of them.
    pub first_bad_records: Vec<BadRecord>,
    /// Files whose text is hardly meant to be trained on.
    pub improbable: Vec<Improbable>,
}

/// A record without text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRecord {
    /// The file.
    pub file: usize,
    /// The line it begins at, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub detail: String,
}

/// A file that can be read, but was probably written in another encoding, or is no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Improbable {
    /// The file.
    pub file: usize,
    /// What it looks like.
    pub detail: String,
}

impl Findings {
    /// The findings in words, a line for the records and one for each file; `files` is what was read.
    pub fn notes(&self, files: &[PathBuf]) -> Vec<String> {
        let name = |file: usize| files.get(file).map_or("?".into(), |path| path.display().to_string());
        let mut notes = Vec::new();
        if self.bad_records > 0 {
            let s = if self.bad_records == 1 { "" } else { "s" };
            let named = self.first_bad_records.iter();
            let named = named.map(|bad| format!("{}:{}: {}", name(bad.file), bad.line, bad.detail));
            let mut named = named.collect::<Vec<_>>().join("; ");
            let more = self.bad_records.saturating_sub(self.first_bad_records.len() as u64);
            if more > 0 {
                named += &format!("; and {more} more");
            }
            notes.push(format!("passed over {} bad record{s}: {named}", self.bad_records));
        }
        let improbable = self.improbable.iter().map(|found| {
            format!("warning: {} is trained on as it is, but {}", name(found.file), found.detail)
        });
        notes.extend(improbable);
        notes
    }

    /// The error of reading `files`; that there is no text comes with what was passed over.
    pub(crate) fn explain(&self, error: Error, files: &[PathBuf]) -> Error {
        let Error::NoText { detail, .. } = error else { return error };
        let detail = std::iter::once(detail).chain(self.notes(files)).collect::<Vec<_>>().join("; ");
        Error::NoText { paths: files.to_vec(), detail }
    }
}

/// Collects findings while an iterator of documents is in other hands.
#[derive(Debug, Default)]
pub(crate) struct Notebook(RefCell<Findings>);

impl Notebook {
    pub(crate) fn into_findings(self) -> Findings {
        self.0.into_inner()
    }

    pub(super) fn bad_record(&self, file: usize, line: u64, error: &Error) {
        let mut findings = self.0.borrow_mut();
        findings.bad_records += 1;
        if findings.first_bad_records.len() < NAMED {
            let detail = match error {
                Error::JsonLine { detail, .. } => detail.clone(),
                Error::InvalidUtf8 { offset, .. } => format!("invalid UTF-8 at byte {offset} of the file"),
                other => other.to_string(),
            };
            findings.first_bad_records.push(BadRecord { file, line, detail });
        }
    }

    pub(super) fn file(&self, file: usize, looks: &Looks) {
        if let Some(detail) = looks.improbable() {
            self.0.borrow_mut().improbable.push(Improbable { file, detail });
        }
    }
}

/// Zeros in a row that no text has.
const ZEROS_IN_A_ROW: u64 = 16;

/// Counts over the text of a file that tell text from what is none.
#[derive(Debug, Default)]
pub(super) struct Looks {
    bytes: u64,
    zeros: u64,
    zeros_in_a_row: u64,
    /// Control characters other than tabs, ends of lines and pages, escapes and zeros.
    controls: u64,
    /// U+FFFD, which stands for what could not be decoded.
    replaced: u64,
}

impl Looks {
    pub(super) fn see(&mut self, text: &str) {
        let mut row = 0;
        let mut previous = [0; 2];
        for &byte in text.as_bytes() {
            match byte {
                0 => {
                    self.zeros += 1;
                    row += 1;
                    self.zeros_in_a_row = self.zeros_in_a_row.max(row);
                }
                b'\t' | b'\n' | b'\x0B' | b'\x0C' | b'\r' | b'\x1B' => row = 0,
                ..b' ' | b'\x7F' => {
                    self.controls += 1;
                    row = 0;
                }
                _ => row = 0,
            }
            self.replaced += u64::from([previous[0], previous[1], byte] == *b"\xEF\xBF\xBD");
            previous = [previous[1], byte];
        }
        self.bytes += text.len() as u64;
    }

    /// What the file looks like, if not like text.
    fn improbable(&self) -> Option<String> {
        let percent = |count: u64, of: u64| (100 * count).checked_div(of).unwrap_or(0);
        let zeros = percent(self.zeros, self.bytes);
        // In UTF-16, Latin letters are every other byte.
        if zeros >= 20 && self.zeros_in_a_row < ZEROS_IN_A_ROW {
            return Some(format!(
                "{zeros}% of its bytes are zero, as in UTF-16 without a byte order mark; convert it to UTF-8"
            ));
        }
        if self.zeros_in_a_row >= ZEROS_IN_A_ROW {
            let longest = self.zeros_in_a_row;
            return Some(format!("it has {longest} zero bytes in a row; a part of it is damaged or no text"));
        }
        let controls = percent(self.controls + self.zeros, self.bytes);
        if controls >= 2 {
            return Some(format!("{controls}% of its bytes are control characters; it is hardly text"));
        }
        // Each stands in three bytes for one that could not be decoded.
        let replaced = percent(self.replaced, self.bytes - 2 * self.replaced);
        (replaced >= 2).then(|| {
            format!("{replaced}% of it could not be decoded (U+FFFD); it is probably in another encoding")
        })
    }
}
