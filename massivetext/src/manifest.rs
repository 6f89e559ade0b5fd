//! What a stage reads, and how the work is divided.
//!
//! A manifest is the list of files in a fixed order. It is cut into shards by bytes alone, and a shard is what one file of
//! output is made of. A part is a stretch of shards. So the output depends neither on how many parts there are nor on how
//! many threads: part i of N is a function of the manifest, the shard size, i and N.

use std::fmt::{self, Write as _};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use data::read::PassedOver;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::output::{PLAN, PLAN_BESIDE, RECEIPT, RECEIPTS, STATISTICS, UNFINISHED};
use crate::{Error, Result};

/// What the records of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The file is one document.
    Text,
    /// Every line is one.
    JsonLines,
    /// The file is one page.
    Html,
    /// The file has records of a crawler.
    Warc,
    /// Every row is a document.
    Parquet,
}

/// A file to read.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// What outputs call it: its path inside the folder that was named.
    pub name: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// What changes with its content, if something does that is known without reading it.
    pub version: Option<String>,
    /// What is in it.
    pub format: Format,
    /// Whether it can be read from any byte on.
    divisible: bool,
}

/// The files of a stage's input.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// In the order in which they are read.
    pub files: Vec<File>,
    /// What else there was.
    pub passed_over: Vec<PassedOver>,
    /// Brings the files here, if they are elsewhere.
    pub fetch: Option<Arc<dyn Fetch>>,
}

/// Brings the content of files that are elsewhere.
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Makes sure that the file at `path`, which had its size alone, has its content. What it brought before may go.
    ///
    /// # Errors
    /// [`Error::Fetch`]: it is not to be had.
    fn fetch(&self, path: &Path) -> Result<()>;
}

/// A stretch of a file: the records whose first byte is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The file's place in the manifest.
    pub file: usize,
    /// What is in it.
    pub format: Format,
    /// The first byte.
    pub start: u64,
    /// The byte after the last; `None` for the end of the file.
    pub end: Option<u64>,
}

/// What the receipt says of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Files.
    pub files: usize,
    /// Their bytes on disk.
    pub bytes: u64,
    /// sha256 of their names and sizes, and versions if there are any.
    pub sha256: String,
}

impl Manifest {
    /// Lists what is to be read at `paths`: folders with what is in them, sorted.
    ///
    /// # Errors
    /// A missing path, a pipe or device, a file of another kind, nothing to read; a folder whose stage did not finish.
    pub fn find(paths: &[PathBuf]) -> Result<Self> {
        check_finished(paths)?;
        let found = data::read::find(paths, &DOCUMENTS)?;
        let mut files = Vec::new();
        let mut passed_over = found.passed_over;
        passed_over.retain(|over| !is_ours(&over.path));
        for path in found.files {
            let plain = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let bare = data::read::uncompressed_name(&plain);
            let format = match bare.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()) {
                Some(ending) if ending == "json" && paths.contains(&path) => {
                    let detail = "a .json file; documents are read from .jsonl and .txt: jq -c '.[]' makes lines of a list"
                        .to_owned();
                    return Err(Error::Damaged { path, detail });
                }
                Some(ending) if ending == "json" => {
                    if !is_ours(&path) {
                        passed_over.push(PassedOver { path, reason: data::read::Reason::Kind });
                    }
                    continue;
                }
                Some(ending) if ending == "jsonl" => Format::JsonLines,
                Some(ending) if ending == "parquet" => {
                    check_parquet(&path)?;
                    Format::Parquet
                }
                _ => Format::Text,
            };
            let bytes = fs::metadata(&path).map_err(|error| Error::io(&path, error))?.len();
            let divisible = format == Format::JsonLines && bare.len() == plain.len();
            files.push(File { name: name(paths, &path), path, bytes, version: None, format, divisible });
        }
        if files.is_empty() {
            let path = paths.first().cloned().unwrap_or_default();
            let detail = format!("no documents: read are {}", DOCUMENTS.words);
            return Err(Error::Folder { path, detail });
        }
        Ok(Self { files, passed_over, fetch: None })
    }

    /// As [`Manifest::find`], of crawl files: WARC and WET files, and HTML pages.
    ///
    /// # Errors
    /// Those of [`Manifest::find`].
    pub fn find_crawl(paths: &[PathBuf]) -> Result<Self> {
        check_finished(paths)?;
        let kinds = data::read::Kinds {
            words: ".warc, .wet, .html or .htm, or these with .gz, .zst or .xz",
            is_read: |path| crawl_format(path).is_some(),
        };
        let data::read::FileList { files, passed_over } = data::read::find(paths, &kinds)?;
        let file = |path: PathBuf| {
            let bytes = fs::metadata(&path).map_err(|error| Error::io(&path, error))?.len();
            let format = crawl_format(&path).unwrap_or(Format::Html);
            Ok(File { name: name(paths, &path), path, bytes, version: None, format, divisible: false })
        };
        Ok(Self { files: files.into_iter().map(file).collect::<Result<_>>()?, passed_over, fetch: None })
    }

    /// What was passed over and why, a line for each reason.
    pub fn notes(&self) -> Vec<String> {
        data::read::FileList { files: Vec::new(), passed_over: self.passed_over.clone() }.notes()
    }

    /// What the receipt says of it.
    pub fn describe(&self) -> Description {
        let mut hash = Sha256::new();
        for file in &self.files {
            let version = file.version.iter().map(|version| format!("\t{version}")).collect::<String>();
            hash.update(format!("{}\t{}{version}\n", file.name, file.bytes));
        }
        let bytes = self.files.iter().map(|file| file.bytes).sum();
        Description { files: self.files.len(), bytes, sha256: hexadecimal(&hash.finalize()) }
    }

    /// Cuts the files into shards of about `bytes`: lines that are not compressed at any byte, others between files.
    pub fn shards(&self, bytes: u64) -> Vec<Vec<Piece>> {
        let bytes = bytes.max(1);
        let mut shards = Vec::new();
        let mut shard = Vec::new();
        let mut room = bytes;
        for (index, file) in self.files.iter().enumerate() {
            let piece = |start, end| Piece { file: index, format: file.format, start, end };
            let mut start = 0;
            if file.divisible {
                while file.bytes - start > room {
                    shard.push(piece(start, Some(start + room)));
                    shards.push(std::mem::take(&mut shard));
                    start += room;
                    room = bytes;
                }
            }
            shard.push(piece(start, None));
            room = room.saturating_sub(file.bytes - start);
            if room == 0 {
                shards.push(std::mem::take(&mut shard));
                room = bytes;
            }
        }
        if !shard.is_empty() {
            shards.push(shard);
        }
        shards
    }
}

/// The files that [`Manifest::find`] reads; of `.json` it says what to do with it.
const DOCUMENTS: data::read::Kinds = data::read::Kinds {
    words: ".jsonl, .txt and .md, or these with .gz, .zst or .xz, and .parquet",
    is_read: |path| is_document(path) || ending(path).is_some_and(|ending| ending == "json"),
};

/// Refuses a Parquet file, if this program does not read any.
fn check_parquet(path: &Path) -> Result<()> {
    if cfg!(feature = "parquet") {
        return Ok(());
    }
    let detail = "a Parquet file, and this program was built without reading them; cargo build --release --features parquet";
    Err(Error::Damaged { path: path.into(), detail: detail.into() })
}

/// Which kinds of input there are: the first file of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// One that [`Manifest::find_crawl`] finds.
    pub crawl: Option<PathBuf>,
    /// One that [`Manifest::find`] finds.
    pub document: Option<PathBuf>,
}

impl Kinds {
    /// Looks at the names of all files at `paths`, and reads none.
    ///
    /// # Errors
    /// A missing path, a pipe or device, no file at all.
    pub fn find(paths: &[PathBuf]) -> Result<Self> {
        let words =
            ".warc, .wet, .html, .htm, .jsonl, .txt or .md, or these with .gz, .zst or .xz, or .parquet";
        Ok(Self::of(&data::read::find(paths, &data::read::Kinds { words, is_read: |_| true })?.files))
    }

    /// Those of files, by their names.
    pub fn of(files: &[PathBuf]) -> Self {
        let first = |is_it: fn(&Path) -> bool| files.iter().find(|path| is_it(path)).cloned();
        Self { crawl: first(|path| crawl_format(path).is_some()), document: first(is_document) }
    }
}

/// Refuses folders that a stage has begun and not finished.
fn check_finished(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        if path.join(PLAN).exists() && !path.join(RECEIPT).exists() {
            let detail = format!(
                "the stage that writes this folder has not finished: it has no {RECEIPT}; run that stage again first"
            );
            return Err(Error::Folder { path: path.clone(), detail });
        }
    }
    Ok(())
}

/// How a file's name ends, in lower case and without what says how it is compressed.
fn ending(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    data::read::uncompressed_name(&name).rsplit_once('.').map(|(_, ending)| ending.to_owned())
}

/// What the name of a crawl file says.
fn crawl_format(path: &Path) -> Option<Format> {
    match &ending(path)?[..] {
        "warc" | "wet" => Some(Format::Warc),
        "html" | "htm" => Some(Format::Html),
        _ => None,
    }
}

/// Whether the name is one of documents. Parquet files are packed inside, and read from their ends.
fn is_document(path: &Path) -> bool {
    let is_parquet = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
    is_parquet || ending(path).is_some_and(|ending| ["jsonl", "txt", "md"].contains(&&ending[..]))
}

/// Whether a file is one of those that stages write beside the documents.
fn is_ours(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        // What a process that was killed had begun is there by chance.
        let is_unfinished = name.starts_with('.') && name.ends_with(UNFINISHED);
        let names = [RECEIPT, PLAN, PLAN_BESIDE, RECEIPTS];
        names.contains(&&name[..]) || name.ends_with(STATISTICS) || is_unfinished
    })
}

/// The file's name inside what was named.
fn name(paths: &[PathBuf], path: &Path) -> String {
    let inside = match paths {
        [one] => path.strip_prefix(one).ok().filter(|rest| rest.file_name().is_some()),
        _ => Some(path),
    };
    let inside = inside.or(path.file_name().map(Path::new)).unwrap_or(path);
    inside.to_string_lossy().into_owned()
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// One part of several, as `2/7`: the second of seven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which, from 1.
    pub index: usize,
    /// Of how many.
    pub parts: usize,
}

impl Part {
    /// All there is.
    pub const WHOLE: Part = Part { index: 1, parts: 1 };

    /// Its shards, of so many.
    pub fn of(self, shards: usize) -> Range<usize> {
        // In 128 bits, which no product of two of 64 exceeds.
        let cut = |index: usize| (shards as u128 * index as u128 / self.parts as u128) as usize;
        cut(self.index - 1)..cut(self.index)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once('/')
            .and_then(|(index, parts)| Some(Part { index: index.parse().ok()?, parts: parts.parse().ok()? }));
        numbers
            .filter(|part| (1..=part.parts).contains(&part.index))
            .ok_or_else(|| format!("{text} is no part; 2/7 is the second of seven, the first is 1/7"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(sizes: &[(u64, bool)]) -> Manifest {
        let file = |(index, &(bytes, divisible)): (usize, &(u64, bool))| File {
            path: PathBuf::new(),
            name: index.to_string(),
            bytes,
            version: None,
            format: Format::JsonLines,
            divisible,
        };
        Manifest { files: sizes.iter().enumerate().map(file).collect(), passed_over: Vec::new(), fetch: None }
    }

    proptest! {
        /// Every byte of every file is in one shard, in order, and every shard in one part.
        #[test]
        fn shards_and_parts_cover_everything_once(
            sizes in prop::collection::vec((1_u64..1000, any::<bool>()), 1..20), bytes in 1_u64..700, parts in 1_usize..9
        ) {
            let manifest = manifest(&sizes);
            let shards = manifest.shards(bytes);
            let pieces: Vec<_> = shards.iter().flatten().collect();
            let mut expected = (0, 0);
            for piece in &pieces {
                prop_assert_eq!((piece.file, piece.start), expected);
                expected = piece.end.map_or((piece.file + 1, 0), |end| (piece.file, end));
            }
            prop_assert_eq!(expected, (sizes.len(), 0));
            prop_assert!(shards.iter().all(|shard| !shard.is_empty()));
            let covered: Vec<_> =
                (1..=parts).flat_map(|index| Part { index, parts }.of(shards.len())).collect();
            prop_assert_eq!(covered, (0..shards.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn parts_are_counted_from_one() {
        assert_eq!("2/7".parse(), Ok(Part { index: 2, parts: 7 }));
        for wrong in ["0/7", "8/7", "1", "1/0", "a/b", "-1/2", ""] {
            assert!(wrong.parse::<Part>().is_err(), "{wrong}");
        }
    }
}
