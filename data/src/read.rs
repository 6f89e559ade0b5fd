//! Files and folders to documents, one at a time.
//!
//! A `.txt` or `.md` file is one document; every line of a `.jsonl` file is one. Documents of only whitespace
//! are passed over. Text is kept as it is, except that a UTF-8 byte order mark at the start of a file is
//! dropped.

mod zstd_frames;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The settings of reading text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadConfig {
    /// The field of a `.jsonl` object that holds the text.
    pub text_field: String,
    /// What to do with bytes that are not UTF-8.
    pub invalid_utf8: InvalidUtf8,
}

impl Default for ReadConfig {
    fn default() -> Self {
        Self { text_field: "text".into(), invalid_utf8: InvalidUtf8::Error }
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

/// One text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where it came from: the file, with `:line` for `.jsonl`.
    pub name: String,
    /// The text.
    pub text: String,
}

/// The files that [`find_files`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileList {
    /// Readable files, in the order they are read, each once.
    pub files: Vec<PathBuf>,
    /// Number of files passed over inside folders because of their extension.
    pub ignored: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    JsonLines,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// What the extension says, or `None` when it is not one we read.
fn kind(path: &Path) -> Option<(Format, Compression)> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let (stem, compression) = match name.rsplit_once('.')? {
        (stem, "gz") => (stem, Compression::Gzip),
        (stem, "zst") => (stem, Compression::Zstd),
        _ => (name.as_str(), Compression::None),
    };
    match stem.rsplit_once('.')?.1 {
        "txt" | "md" => Some((Format::Text, compression)),
        "jsonl" => Some((Format::JsonLines, compression)),
        _ => None,
    }
}

/// Lists the readable files among `paths`: files as given, folders recursively in sorted order.
///
/// A file reached twice is listed once. Inside a folder, files of other kinds are counted and passed over.
///
/// # Errors
/// A missing path, a file named directly whose kind is not supported, or no readable file at all.
pub fn find_files(paths: &[PathBuf]) -> Result<FileList> {
    let mut list = FileList::default();
    let mut seen = HashSet::new();
    for path in paths {
        if fs::metadata(path).map_err(|e| Error::io(path, e))?.is_dir() {
            walk(path, &mut list, &mut seen)?;
        } else if kind(path).is_none() {
            return Err(Error::UnsupportedFile { path: path.clone() });
        } else if is_new(path, &mut seen)? {
            list.files.push(path.clone());
        }
    }
    if list.files.is_empty() {
        let detail = match list.ignored {
            0 => "no files".into(),
            n => format!("{n} files, none of them .txt, .md or .jsonl (or these with .gz or .zst)"),
        };
        return Err(Error::NoText { paths: paths.to_vec(), detail });
    }
    Ok(list)
}

fn walk(folder: &Path, list: &mut FileList, seen: &mut HashSet<PathBuf>) -> Result<()> {
    // Folders are remembered too: a symbolic link to a parent must not loop.
    if !is_new(folder, seen)? {
        return Ok(());
    }
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut paths: Vec<PathBuf> =
        entries.map_err(|e| Error::io(folder, e))?.iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let metadata = fs::metadata(&path).map_err(|e| Error::io(&path, e))?;
        if metadata.is_dir() {
            walk(&path, list, seen)?;
        } else if !metadata.is_file() || kind(&path).is_none() {
            list.ignored += 1;
        } else if is_new(&path, seen)? {
            list.files.push(path);
        }
    }
    Ok(())
}

fn is_new(path: &Path, seen: &mut HashSet<PathBuf>) -> Result<bool> {
    Ok(seen.insert(fs::canonicalize(path).map_err(|e| Error::io(path, e))?))
}

/// Reads the documents of `files` in order, holding one document in memory at a time.
///
/// Stops after the first error.
pub fn documents<'a>(files: &'a [PathBuf], config: &'a ReadConfig) -> Documents<'a> {
    Documents { files: files.iter(), config, lines: None, failed: false }
}

/// The iterator [`documents`] returns.
pub struct Documents<'a> {
    files: std::slice::Iter<'a, PathBuf>,
    config: &'a ReadConfig,
    lines: Option<Lines<'a>>,
    failed: bool,
}

impl Iterator for Documents<'_> {
    type Item = Result<Document>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            let document = match &mut self.lines {
                Some(lines) => match lines.next(self.config).transpose() {
                    Some(document) => document,
                    None => {
                        self.lines = None;
                        continue;
                    }
                },
                None => match self.open_next().transpose()? {
                    Ok(Some(document)) => Ok(document),
                    Ok(None) => continue,
                    Err(error) => Err(error),
                },
            };
            self.failed = document.is_err();
            if document.as_ref().is_ok_and(|d| d.text.trim().is_empty()) {
                continue;
            }
            return Some(document);
        }
        None
    }
}

impl Documents<'_> {
    /// `None` after the last file; `Some(None)` when the next file's documents will come line by line.
    fn open_next(&mut self) -> Result<Option<Option<Document>>> {
        let Some(path) = self.files.next() else { return Ok(None) };
        let mut stream = Stream::open(path)?;
        if stream.format == Format::JsonLines {
            self.lines = Some(Lines { stream, line: 0, offset: 0, buffer: Vec::new() });
            return Ok(Some(None));
        }
        let mut bytes = Vec::new();
        stream.reader.read_to_end(&mut bytes).map_err(|e| stream.error(e))?;
        let text = decode(path, &bytes, 0, self.config.invalid_utf8)?;
        Ok(Some(Some(Document { name: path.display().to_string(), text })))
    }
}

/// A file, decompressed as it is read.
struct Stream<'a> {
    path: &'a Path,
    format: Format,
    compression: Compression,
    reader: Box<dyn BufRead>,
}

impl<'a> Stream<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let (format, compression) = kind(path).ok_or(Error::UnsupportedFile { path: path.into() })?;
        let file = BufReader::new(File::open(path).map_err(|e| Error::io(path, e))?);
        let reader: Box<dyn BufRead> = match compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file))),
            Compression::Zstd => Box::new(BufReader::new(zstd_frames::Decoder::new(file))),
        };
        Ok(Self { path, format, compression, reader })
    }

    /// Tells a broken compressed stream from a broken disk.
    fn error(&self, source: io::Error) -> Error {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        let format = match self.compression {
            Compression::None => return Error::io(self.path, source),
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        };
        match source.kind() {
            UnexpectedEof | InvalidData | InvalidInput | Other => {
                Error::Compressed { path: self.path.into(), format, detail: source.to_string() }
            }
            _ => Error::io(self.path, source),
        }
    }
}

struct Lines<'a> {
    stream: Stream<'a>,
    line: u64,
    offset: u64,
    buffer: Vec<u8>,
}

impl Lines<'_> {
    fn next(&mut self, config: &ReadConfig) -> Result<Option<Document>> {
        loop {
            self.offset += self.buffer.len() as u64;
            self.buffer.clear();
            let read = self.stream.reader.read_until(b'\n', &mut self.buffer);
            if read.map_err(|e| self.stream.error(e))? == 0 {
                return Ok(None);
            }
            self.line += 1;
            let path = self.stream.path;
            let line = decode(path, &self.buffer, self.offset, config.invalid_utf8)?;
            if line.trim().is_empty() {
                continue;
            }
            let text = text_field(&line, &config.text_field).map_err(|detail| Error::JsonLine {
                path: path.into(),
                line: self.line,
                detail,
            })?;
            return Ok(Some(Document { name: format!("{}:{}", path.display(), self.line), text }));
        }
    }
}

fn text_field(line: &str, field: &str) -> Result<String, String> {
    let value: serde_json::Value = serde_json::from_str(line)
        .map_err(|e| format!("not a JSON value ({e}); every line must be an object"))?;
    let serde_json::Value::Object(mut object) = value else {
        return Err("not a JSON object; every line must be one".into());
    };
    match object.remove(field) {
        Some(serde_json::Value::String(text)) => Ok(text),
        Some(other) => Err(format!("field \"{field}\" is not a string but {other:.40}")),
        None => {
            let present: Vec<String> = object.keys().map(|key| format!("\"{key}\"")).collect();
            Err(format!("no field \"{field}\" (it has {}); set text_field", present.join(", ")))
        }
    }
}

fn decode(path: &Path, bytes: &[u8], offset: u64, policy: InvalidUtf8) -> Result<String> {
    let text = if offset == 0 { bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes) } else { bytes };
    match std::str::from_utf8(text) {
        Ok(text) => Ok(text.into()),
        Err(_) if policy == InvalidUtf8::Replace => Ok(String::from_utf8_lossy(text).into_owned()),
        Err(error) => {
            let skipped = bytes.len() - text.len();
            let hint = match bytes {
                _ if offset > 0 => "",
                [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => " (the file looks like UTF-16)",
                _ => "",
            };
            let offset = offset + (skipped + error.valid_up_to()) as u64;
            Err(Error::InvalidUtf8 { path: path.into(), offset, hint })
        }
    }
}
