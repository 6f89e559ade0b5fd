//! Prompts as users give them: on the command line, in files, or line by line.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::output::usage;

/// A text to continue.
#[derive(Debug, PartialEq)]
pub struct Prompt {
    /// The text.
    pub text: String,
    /// Where it came from, for errors.
    pub place: String,
}

/// The prompts of the command line, then those of files, of which `-` is standard input.
///
/// # Errors
/// Wrong usage if there is none, one is empty, or standard input is named twice; a file that cannot be read.
pub fn read(texts: Vec<String>, files: &[PathBuf]) -> anyhow::Result<Vec<Prompt>> {
    if texts.is_empty() && files.is_empty() {
        return Err(usage("nothing to continue: give --prompt TEXT, --prompt-file FILE or --interactive"));
    }
    if files.iter().filter(|file| is_standard_input(file)).count() > 1 {
        return Err(usage("--prompt-file -: standard input can be read once only"));
    }
    let mut prompts = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        if text.is_empty() {
            return Err(usage(eval::Error::EmptyPrompt));
        }
        prompts.push(Prompt { text, place: format!("--prompt {}", index + 1) });
    }
    for file in files {
        let place = format!("--prompt-file {}", file.display());
        let text = match is_standard_input(file) {
            false => read_file("--prompt-file", file)?,
            true => standard_input().map_err(anyhow::Error::from).and_then(text).map_err(named(&place))?,
        };
        if text.is_empty() {
            return Err(anyhow!("{place}: {}", eval::Error::EmptyPrompt));
        }
        prompts.push(Prompt { text, place });
    }
    Ok(prompts)
}

/// The text of a file that an option names.
///
/// # Errors
/// When it cannot be read, or is not UTF-8.
pub fn read_file(option: &str, path: &Path) -> anyhow::Result<String> {
    let place = format!("{option} {}", path.display());
    inputs::read(path).map_err(anyhow::Error::from).and_then(text).map_err(named(&place))
}

/// The error with the place before it.
fn named(place: &str) -> impl Fn(anyhow::Error) -> anyhow::Error {
    move |error| anyhow!("{place}: {error}")
}

/// Bytes that are no text.
#[derive(Debug)]
pub struct NotText {
    /// Where the first of them is.
    valid_up_to: usize,
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not UTF-8 text at byte {}", self.valid_up_to)
    }
}

impl std::error::Error for NotText {}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    io::stdin().lock().read_to_end(&mut content)?;
    Ok(content)
}

/// Shows on a terminal that a line is waited for.
pub fn ask() {
    // Nothing is lost if it is not seen.
    let _ = io::stderr().write_all(b"> ");
}

/// The next line, if there is one, without its end.
///
/// # Errors
/// When the input cannot be read; inside, when the line is not UTF-8.
pub fn line(input: &mut impl BufRead) -> anyhow::Result<Option<anyhow::Result<String>>> {
    let mut content = Vec::new();
    let read = input.read_until(b'\n', &mut content).map_err(|error| anyhow!("standard input: {error}"))?;
    Ok((read > 0).then(|| text(content)))
}

/// A text without the mark that some editors begin files with, and without one line end after it, which every editor puts
/// there.
fn text(content: Vec<u8>) -> anyhow::Result<String> {
    let text = String::from_utf8(content)
        .map_err(|error| NotText { valid_up_to: error.utf8_error().valid_up_to() })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_loses_a_mark_and_one_line_end() {
        let check = |content: &str, expected: &str| assert_eq!(text(content.into()).unwrap(), expected);
        check("To be", "To be");
        check("To be\n", "To be");
        check("To be\r\n", "To be");
        check("\u{FEFF}To be\n\n", "To be\n");
        check("\n", "");
        check(" a \r", " a \r");
        assert_eq!(text(b"ab\xff".to_vec()).unwrap_err().to_string(), "not UTF-8 text at byte 2");
    }

    #[test]
    fn lines_come_one_by_one_to_the_end() {
        let mut input = &b"one\r\n\n\xff\nlast"[..];
        let mut next = || line(&mut input).unwrap();
        assert_eq!(next().unwrap().unwrap(), "one");
        assert_eq!(next().unwrap().unwrap(), "");
        assert!(next().unwrap().is_err());
        assert_eq!(next().unwrap().unwrap(), "last");
        assert!(next().is_none());
    }
}
