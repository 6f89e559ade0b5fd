//! Output and exit codes of the program.

mod counter;
mod fetch;
pub mod line;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

pub use counter::Counter;
pub use fetch::fetching;

/// The user asked for something that cannot be asked: exit code 2.
#[derive(Debug)]
pub struct UsageError(pub String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// A signal interrupted the program, which has saved what it had: the exit code is the signal's, 130 for Ctrl-C, 143
/// for SIGTERM and 129 for SIGHUP, as shells give it.
#[derive(Debug)]
pub struct Interrupted(pub u8);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// The reader of standard output has closed it, as `head` does: exit code 0, without a message.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for Closed {}

/// An error of wrong usage.
pub fn usage(message: impl fmt::Display) -> anyhow::Error {
    UsageError(message.to_string()).into()
}

/// Endings of files by which people and programs know what is in them.
const KNOWN_ENDINGS: [&str; 25] = [
    "bin",
    "csv",
    "gguf",
    "gif",
    "hlo",
    "html",
    "jpeg",
    "jpg",
    "json",
    "jsonl",
    "mlir",
    "npy",
    "npz",
    "onnx",
    "pb",
    "pdf",
    "png",
    "pt",
    "pth",
    "safetensors",
    "stablehlo",
    "svg",
    "toml",
    "txt",
    "yaml",
];

/// Checks that a file which the user names is not named as one of another format. `endings` are those of the format, the
/// usual one first; an ending that says nothing is taken.
///
/// # Errors
/// A usage error that names the right ending.
pub fn check_ending(option: &str, path: &Path, format: &str, endings: &[&str]) -> anyhow::Result<()> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some(ending) if KNOWN_ENDINGS.contains(&ending) && !endings.contains(&ending) => {
            let named = path.with_extension(endings.first().unwrap_or(&""));
            let (path, named) = (path.display(), named.display());
            Err(usage(format_args!("{option} {path}: what is written is {format}: name it {named}")))
        }
        _ => Ok(()),
    }
}

/// Writes a part of the results to standard output, at once.
///
/// # Errors
/// When it cannot be written; the error ends the program without a word if the reader has closed it.
pub fn print(text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    // Both are one screen.
    line::clear();
    let mut output = io::stdout().lock();
    match output.write_all(text.as_ref()).and_then(|()| output.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write the results to standard output")),
    }
}

/// Writes a value as JSON to standard output.
///
/// # Errors
/// As [`print()`].
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(serde_json::to_string_pretty(value)? + "\n")
}

/// Rows of one length as aligned lines: the first column to the left, the others to the right.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("  {cell:>width$}"),
        });
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// A whole number with its thousands separated by commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the largest binary unit that leaves at least 1.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (0..UNITS.len() - 1).find(|&unit| count >> (10 * (unit + 1)) == 0).unwrap_or(UNITS.len() - 1);
    match unit {
        0 => format!("{count} B"),
        _ => format!("{:.2} {}", count as f64 / (1u64 << (10 * unit)) as f64, UNITS[unit]),
    }
}

/// Says on standard error what is being done or was noticed, in the place of a line that is rewritten. Never fails: results
/// do not depend on it.
pub fn note(message: impl fmt::Display) {
    line::clear();
    let _ = writeln!(io::stderr(), "{message}");
}

/// Says why the program ends, as one line with all causes, and with which exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if error.is::<Closed>() {
        return ExitCode::SUCCESS;
    }
    note(format_args!("error: {}", one_line(error)));
    if error.is::<UsageError>() {
        ExitCode::from(2)
    } else if let Some(Interrupted(code)) = error.downcast_ref() {
        ExitCode::from(*code)
    } else {
        ExitCode::FAILURE
    }
}

/// The error and its causes, each said once: many errors already hold their cause's words.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if !line.contains(&text) {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&text);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn causes_are_joined_in_one_line_and_said_once() {
        let check = |error: anyhow::Error, expected: &str| assert_eq!(one_line(&error), expected);
        let full = || anyhow::Error::new(io::Error::other("the disk is full"));
        check(full(), "the disk is full");
        check(full().context("cannot write a.txt"), "cannot write a.txt: the disk is full");
        check(full().context("a.txt: the disk is full"), "a.txt: the disk is full");
        check(anyhow::anyhow!("two\n  lines"), "two lines");
        check(usage("no").context("outer"), "outer: no");
    }

    #[test]
    fn files_are_named_as_what_they_hold() {
        let check =
            |path: &str| check_ending("--svg", Path::new(path), "SVG", &["svg"]).map_err(|e| e.to_string());
        for path in ["x.svg", "x.SVG", "x", "/dev/stdout", "x.out", ".svg", "run.png/x", "x.2026"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        for path in ["x.png", "x.PNG", "a/b.pdf", "x.svg.json"] {
            assert!(check(path).is_err(), "{path}");
        }
        assert_eq!(check("a/x.png").unwrap_err(), "--svg a/x.png: what is written is SVG: name it a/x.svg");
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let sizes = [0, 1023, 1024, 3 << 29, 5 << 40, 5000 << 40];
        assert_eq!(sizes.map(bytes), ["0 B", "1023 B", "1.00 KiB", "1.50 GiB", "5.00 TiB", "5000.00 TiB"]);
    }

    #[test]
    fn columns_are_aligned() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(table(&[row(["name", "n"]), row(["a", "1,000"])]), "name      n\na     1,000\n");
    }

    #[test]
    fn the_kind_of_error_is_found_under_context() {
        let result: anyhow::Result<()> = Err(usage("no")).context("outer");
        assert!(result.unwrap_err().is::<UsageError>());
    }
}
