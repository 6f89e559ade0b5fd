//! Evaluation files to items: the documents that are looked for.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::manifest::hexadecimal;
use crate::text::is_space;
use crate::{Error, Result};

/// An evaluation document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its line in a file of JSON lines; else its place in the file; both from 1.
    pub number: u64,
    /// An article's heading.
    pub title: Option<String>,
    /// Its text.
    pub text: String,
}

/// An evaluation file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What receipts call it.
    pub file: String,
    /// sha256 of its content, decompressed.
    pub sha256: String,
    /// Its documents, in order.
    pub items: Vec<Item>,
}

/// Endings of files that are text, WikiText's among them.
const TEXT: [&str; 3] = ["txt", "md", "tokens"];

/// Reads evaluation files. Of a record, `fields` are the ones that are looked for, as many of them as it has, one after another.
///
/// # Errors
/// A file that is missing, there twice, of another kind, without text or no text at all; a record that has none of `fields`.
pub fn read(paths: &[PathBuf], fields: &[String]) -> Result<Vec<Source>> {
    let mut seen = Vec::new();
    for path in paths {
        let real = path.canonicalize().map_err(|error| Error::io(path, error))?;
        if seen.contains(&real) {
            return Err(wrong(path, "it is named twice".into()));
        }
        seen.push(real);
    }
    names(paths).into_iter().zip(paths).map(|(name, path)| source(path, name, fields)).collect()
}

fn source(path: &Path, file: String, fields: &[String]) -> Result<Source> {
    let ending = data::read::uncompressed_name(&file).rsplit_once('.').map(|(_, ending)| ending);
    let ending = ending.unwrap_or_default().to_ascii_lowercase();
    let is_text = TEXT.contains(&&ending[..]);
    if !is_text && ending != "jsonl" {
        let detail =
            "evaluation documents are read from .jsonl, .txt, .md and .tokens, each also .gz, .zst or .xz";
        return Err(wrong(path, detail.into()));
    }
    let (text, sha256) = content(path)?;
    let items = if is_text { articles(&text) } else { records(path, &text, fields)? };
    if items.is_empty() {
        return Err(wrong(path, "there is no text in it".into()));
    }
    Ok(Source { file, sha256, items })
}

/// A file's text, without a byte order mark, and the sha256 of its bytes, both decompressed.
///
/// # Errors
/// A file that cannot be read, or is no text.
pub(super) fn content(path: &Path) -> Result<(String, String)> {
    if path.is_dir() {
        return Err(wrong(path, "a folder; name the files in it".into()));
    }
    let mut file = data::read::open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| Error::Data(file.error(error)))?;
    let sha256 = hexadecimal(&Sha256::digest(&bytes));
    let text = String::from_utf8(bytes).map_err(|error| {
        wrong(path, format!("no text: not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
    })?;
    if let Some(at) = memchr::memchr(0, text.as_bytes()) {
        return Err(wrong(path, format!("no text: a zero at byte {at}")));
    }
    let text = match text.strip_prefix('\u{feff}') {
        Some(bare) => bare.to_owned(),
        None => text,
    };
    Ok((text, sha256))
}

fn wrong(path: &Path, detail: String) -> Error {
    Error::Evaluation { path: path.into(), detail }
}

/// The articles of a WikiText file, each with its heading; a text without such headings is one item.
fn articles(text: &str) -> Vec<Item> {
    let mut cuts: Vec<(usize, Option<&str>)> = vec![(0, None)];
    cuts.extend(headings(text).into_iter().map(|(at, title)| (at, Some(title))));
    let ends = cuts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    let parts = cuts.iter().zip(ends).map(|((begin, title), end)| (*title, &text[*begin..end]));
    let parts = parts.filter(|(_, part)| !part.trim_matches(is_space).is_empty());
    let item = |(number, (title, part)): (usize, (Option<&str>, &str))| Item {
        number: number as u64 + 1,
        title: title.map(str::to_owned),
        text: part.to_owned(),
    };
    parts.enumerate().map(item).collect()
}

/// Headings of level one, ` = Title = ` between blank lines, each with where its line begins.
pub(super) fn headings(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut at, mut after_blank) = (0, true);
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let before_blank = lines.peek().is_none_or(|next| next.trim().is_empty());
        if let (true, true, Some(title)) = (after_blank, before_blank, heading(line)) {
            found.push((at, title));
        }
        after_blank = line.trim().is_empty();
        at += line.len();
    }
    found
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim().strip_prefix("= ")?.strip_suffix(" =")?.trim();
    let is_lower = title.starts_with('=') || title.ends_with('=');
    (!is_lower && !title.is_empty()).then_some(title)
}

fn records(path: &Path, text: &str, fields: &[String]) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let text = record(line, fields).map_err(|detail| wrong(path, format!("line {number}: {detail}")))?;
        items.push(Item { number, title: None, text });
    }
    Ok(items)
}

/// The text of a record.
fn record(line: &str, fields: &[String]) -> Result<String, String> {
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|error| {
        let words = inputs::json::json_words(&error);
        words.split(", at line ").next().unwrap_or_default().to_owned()
    })?;
    let mut texts = Vec::new();
    for (field, value) in fields.iter().filter_map(|field| Some((field, object.get(field)?))) {
        let Value::String(text) = value else {
            return Err(format!("the field `{field}` is no string"));
        };
        texts.push(&text[..]);
    }
    if texts.is_empty() {
        let wanted = fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" or ");
        let there: Vec<&str> = object.keys().map(String::as_str).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        return Err(format!("no field {wanted}; it has {there}: name one with --against-field"));
    }
    Ok(texts.join("\n"))
}

/// What files are called: as much of the ends of their paths as tells them apart, so that it does not matter from where they are
/// named.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let most = paths.iter().map(|path| path.components().count()).max().unwrap_or(1);
    let end = |path: &PathBuf, parts: usize| {
        let skipped = path.components().count().saturating_sub(parts);
        path.components().skip(skipped).collect::<PathBuf>().to_string_lossy().into_owned()
    };
    let all = |parts: usize| paths.iter().map(|path| end(path, parts)).collect::<Vec<_>>();
    let are_distinct = |names: &Vec<String>| {
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort_unstable();
        sorted.windows(2).all(|pair| pair[0] != pair[1])
    };
    (1..most).map(all).find(are_distinct).unwrap_or_else(|| all(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_begin_at_headings_of_level_one() {
        let text = " \n = A b = \n \n text \n = no = \n \n = = lower = = \n \n more \n \n = C = \n \n";
        let found: Vec<_> =
            articles(text).into_iter().map(|item| (item.number, item.title, item.text)).collect();
        let title = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [
                (
                    1,
                    title("A b"),
                    " = A b = \n \n text \n = no = \n \n = = lower = = \n \n more \n \n".into()
                ),
                (2, title("C"), " = C = \n \n".into()),
            ]
        );
        let plain = articles("one = two = three");
        assert_eq!((plain.len(), plain[0].title.clone()), (1, None));
        assert_eq!(articles("before\n\n= A =\n\nx")[0].text, "before\n\n");
        assert!(articles(" \n").is_empty());
    }

    #[track_caller]
    fn refused(line: &str, expected: &str) {
        assert_eq!(record(line, &["text".into(), "goal".into()]).unwrap_err(), expected);
    }

    #[test]
    fn a_record_has_the_fields_that_are_named() {
        assert_eq!(record(r#"{"goal": "a", "text": "b"}"#, &["text".into(), "goal".into()]).unwrap(), "b\na");
        refused(
            r#"{"question": "a", "sol1": "b"}"#,
            "no field `text` or `goal`; it has question, sol1: name one with --against-field",
        );
        refused("{}", "no field `text` or `goal`; it has none: name one with --against-field");
        refused(r#"{"text": 3}"#, "the field `text` is no string");
        refused("[]", "a list where an object is expected");
    }

    #[test]
    fn files_are_called_by_what_tells_them_apart() {
        let check = |paths: &[&str], expected: &[&str]| {
            assert_eq!(names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>()), expected);
        };
        check(&["a/b/test.jsonl", "/x/other.txt"], &["test.jsonl", "other.txt"]);
        check(&["a/b/test.jsonl", "../c/test.jsonl"], &["b/test.jsonl", "c/test.jsonl"]);
        check(&["test.jsonl", "c/test.jsonl"], &["test.jsonl", "c/test.jsonl"]);
    }
}
