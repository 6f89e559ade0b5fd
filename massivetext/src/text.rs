//! Characters, words and lines, as all rule sets see them.
//!
//! A character is a Unicode code point. Whitespace is what Python's `str.split` splits at, which is Unicode's White_Space and
//! the four separators U+001C to U+001F: the public rule sets are written in Python, and the paper's set follows them here so
//! that they can be compared.

use std::ops::Range;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// Whether a character separates words.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// Whether a character is a letter: general category L, as Python's `str.isalpha` has it.
pub fn is_letter(c: char) -> bool {
    match c {
        _ if c.is_ascii() => c.is_ascii_alphabetic(),
        _ => c.general_category_group() == GeneralCategoryGroup::Letter,
    }
}

/// A text without the whitespace at its ends.
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The number of code points.
pub fn length(text: &str) -> usize {
    text.chars().count()
}

/// A word: what stands between whitespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its bytes in the text.
    pub bytes: Range<usize>,
    /// Its code points.
    pub length: usize,
    /// Whether one of them is a letter.
    pub has_letter: bool,
}

/// Puts the words of a text into `words`, in order.
pub fn split_words(text: &str, words: &mut Vec<Word>) {
    words.clear();
    let mut word: Option<Word> = None;
    for (at, c) in text.char_indices() {
        if is_space(c) {
            words.extend(word.take());
            continue;
        }
        let end = at + c.len_utf8();
        match &mut word {
            Some(word) => {
                word.bytes.end = end;
                word.length += 1;
                word.has_letter = word.has_letter || is_letter(c);
            }
            None => word = Some(Word { bytes: at..end, length: 1, has_letter: is_letter(c) }),
        }
    }
    words.extend(word);
}

/// The part of `text` that `part` is.
///
/// `part` must be a slice of `text`: this is how ranges of parts are told that iterators of strings give.
pub fn range_in(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + part.len()
}

/// The stop words of the paper.
pub const STOP_WORDS: [&str; 8] = ["the", "be", "to", "of", "and", "that", "have", "with"];

/// The place of a stop word among [`STOP_WORDS`].
pub fn stop_word(word: &str) -> Option<usize> {
    if !(2..=4).contains(&word.len()) {
        return None;
    }
    STOP_WORDS.iter().position(|stop| *stop == word)
}

/// Counts without overlap, from left to right, as Python's `str.count` does; `note` is told where each is.
pub fn count(text: &str, what: &str, mut note: impl FnMut(Range<usize>)) -> usize {
    let mut found = 0;
    for at in memchr::memmem::find_iter(text.as_bytes(), what.as_bytes()) {
        found += 1;
        note(at..at + what.len());
    }
    found
}

/// The lines of Python's `str.splitlines`: ended by `\n`, `\r`, `\r\n` and eight other characters, which belong to no line.
pub fn python_lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((end, c)) = rest.char_indices().find(|&(_, c)| ends(c)) else {
            return Some(std::mem::take(&mut rest));
        };
        let line = &rest[..end];
        let after = &rest[end + c.len_utf8()..];
        rest = if c == '\r' { after.strip_prefix('\n').unwrap_or(after) } else { after };
        Some(line)
    })
}

/// The parts of a text between runs of at least `least` newlines, as Python's `re.split(r"\n{least,}", text)` gives them:
/// empty ones at the ends are kept.
pub fn split_at_newlines(text: &str, least: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let bytes = text.as_bytes();
        for start in memchr::memchr_iter(b'\n', bytes) {
            if start > 0 && bytes[start - 1] == b'\n' {
                continue;
            }
            let run = bytes[start..].iter().take_while(|&&byte| byte == b'\n').count();
            if run >= least {
                rest = Some(&text[start + run..]);
                return Some(&text[..start]);
            }
        }
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_stands_between_whitespace() {
        let text = " Ünï\u{a0}1\u{1c}…x\u{2003}\n";
        let mut words = Vec::new();
        split_words(text, &mut words);
        let found: Vec<_> =
            words.iter().map(|word| (&text[word.bytes.clone()], word.length, word.has_letter)).collect();
        assert_eq!(found, [("Ünï", 3, true), ("1", 1, false), ("…x", 2, true)]);
        split_words("  \n", &mut words);
        assert!(words.is_empty());
    }

    #[test]
    fn letters_are_those_of_category_l() {
        assert!(['a', 'Ü', 'ª', '字', 'ǅ', 'ʰ'].into_iter().all(is_letter));
        assert!(['1', '_', 'Ⅷ', '\u{345}', '…'].into_iter().all(|c| !is_letter(c)));
    }

    #[test]
    fn lines_end_where_python_ends_them() {
        let lines = |text: &'static str| python_lines(text).collect::<Vec<_>>();
        assert_eq!(lines("a\nb\r\nc\rd\u{2028}e\u{b}f\n"), ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(lines("\n\n"), ["", ""]);
        assert!(lines("").is_empty());
        let parts = |text: &'static str, least| split_at_newlines(text, least).collect::<Vec<_>>();
        assert_eq!(parts("\na\n\n\nb\n", 1), ["", "a", "b", ""]);
        assert_eq!(parts("a\nb\n\nc\n\n\n", 2), ["a\nb", "c", ""]);
        assert_eq!(parts("", 1), [""]);
    }
}
