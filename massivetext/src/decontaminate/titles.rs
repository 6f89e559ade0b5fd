//! Documents that leave by their titles, as the articles of WikiText's evaluation sets leave Wikipedia.

use std::path::Path;

use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization as _;

use super::items::{content, headings};
use crate::records::Document;
use crate::{Error, Result};

/// Bytes of a title at most; what is longer is none.
const LONGEST: usize = 4096;

/// Titles that are looked for.
#[derive(Clone, Debug)]
pub struct Titles {
    /// The file they are of.
    pub file: String,
    /// sha256 of its content, decompressed.
    pub sha256: String,
    /// As they are written, in order, each once.
    pub titles: Vec<String>,
    by_key: FxHashMap<String, usize>,
}

impl Titles {
    /// Reads titles: the headings of level one of a WikiText file, or else its lines.
    ///
    /// # Errors
    /// A file that cannot be read, is no text, or has no title.
    pub fn read(path: &Path) -> Result<Self> {
        let (text, sha256) = content(path)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut titles: Vec<&str> = headings(&text).into_iter().map(|(_, title)| title).collect();
        if titles.is_empty() {
            titles = text.lines().map(str::trim).collect();
        }
        let mut found = Self { file, sha256, titles: Vec::new(), by_key: FxHashMap::default() };
        for title in titles {
            let (place, key) = (found.titles.len(), key(title));
            if !key.is_empty() && !found.by_key.contains_key(&key) {
                found.by_key.insert(key, place);
                found.titles.push(title.to_owned());
            }
        }
        match found.titles.len() {
            0 => Err(Error::Evaluation { path: path.into(), detail: "there is no title in it".into() }),
            _ => Ok(found),
        }
    }

    /// The place of a document's title among them: that of its field `title`, or else of its first line that is not blank.
    pub fn of(&self, document: &Document<'_>) -> Option<usize> {
        let field = document.other.iter().rev().find(|(name, _)| name == "title");
        let title = field.and_then(|(_, value)| serde_json::from_str::<String>(value).ok());
        let title = match &title {
            Some(title) => title,
            None => document.text.lines().find(|line| !line.trim().is_empty())?,
        };
        // The first line may be a whole document.
        let title = Some(heading_or_line(title)).filter(|title| title.len() <= LONGEST)?;
        self.by_key.get(&key(title)).copied()
    }
}

/// A first line without WikiText's signs of a heading.
fn heading_or_line(line: &str) -> &str {
    headings(line).first().map_or(line, |(_, title)| title)
}

/// What titles are compared by: NFKC, case folded, white space as one space, and none beside a character that is neither letter nor
/// digit: WikiText sets such characters apart, and writes `-` within a word as ` @-@ `.
fn key(title: &str) -> String {
    let title = ["-", ",", "."]
        .iter()
        .fold(title.trim().to_owned(), |title, sign| title.replace(&format!(" @{sign}@ "), sign));
    let mut key = String::with_capacity(title.len());
    let mut space = false;
    for c in title.nfkc() {
        if c.is_whitespace() {
            space = true;
            continue;
        }
        let is_joined =
            !c.is_alphanumeric() || key.chars().next_back().is_none_or(|last| !last.is_alphanumeric());
        if std::mem::take(&mut space) && !is_joined {
            key.push(' ');
        }
        // Upper case first: what folds to several letters does so in upper case (ß, ſ, ς).
        key.extend(c.to_uppercase().flat_map(char::to_lowercase));
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(a: &str, b: &str) {
        assert_eq!(key(a), key(b));
    }

    #[test]
    fn titles_are_the_same_however_they_are_set() {
        same("Meridian , Mississippi", "Meridian, Mississippi");
        same("M @-@ 82 ( Michigan highway )", "M-82 (Michigan highway)");
        same(
            "2011 – 12 Michigan Wolverines men 's basketball team",
            "2011–12 Michigan Wolverines men's basketball team",
        );
        same("  HOMARUS\u{a0} gammarus", "Homarus Gammarus");
        same("Straße ﬁve", "STRASSE FIVE");
        same("Οδός", "ΟΔΌΣ");
        assert_ne!(key("High Five"), key("Highfive"));
        assert_ne!(key("Route 29"), key("Route 50"));
    }

    #[test]
    fn a_heading_is_a_title() {
        assert_eq!(heading_or_line(" = Tikal = "), "Tikal");
        assert_eq!(heading_or_line("Tikal = x"), "Tikal = x");
    }
}
