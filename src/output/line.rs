//! The terminal's last line, which is rewritten as things go on and never wraps.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// Columns that the line on the terminal takes; 0 if there is none. One for the process, as its standard error is.
static SHOWN: Mutex<usize> = Mutex::new(0);

fn shown() -> MutexGuard<'static, usize> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether standard error is a terminal, on which a line can be rewritten.
pub fn is_possible() -> bool {
    stderr().is_terminal()
}

/// Columns that a line may take now. One less than the terminal has: the cursor stays in the line.
pub fn columns() -> usize {
    terminal_columns() - 1
}

fn terminal_columns() -> usize {
    terminal_size::terminal_size_of(stderr()).map_or(COLUMNS, |(width, _)| usize::from(width.0)).max(2)
}

/// Shows a line in the place of the one before; of what is longer than the terminal is wide, the beginning.
pub fn rewrite(text: &str) {
    let mut shown = shown();
    let line = cut(text, columns());
    write(&format!("{}{line}\x1b[K", back(*shown, terminal_columns())));
    *shown = width(line);
}

/// Removes the line, if there is one.
pub fn clear() {
    let mut shown = shown();
    if *shown > 0 {
        write(&format!("{}\x1b[K", back(*shown, terminal_columns())));
        *shown = 0;
    }
}

/// Goes to the beginning of the line that is shown. Terminals that have become narrower since have wrapped it.
fn back(shown: usize, columns: usize) -> String {
    match shown.saturating_sub(1) / columns {
        0 => "\r".to_owned(),
        rows => format!("\r\x1b[{rows}A\x1b[J"),
    }
}

/// As much of a text as fits in so many columns.
fn cut(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|&(_, character)| {
        used += character_width(character);
        used > columns || character.is_control()
    });
    end.map_or(text, |(end, _)| text.split_at(end).0)
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.chars().map(character_width).sum()
}

/// Columns of a character, or more: what is not of an alphabet may be wide. Bars are not.
fn character_width(character: char) -> usize {
    match character {
        '\u{2500}'..='\u{25ff}' | '\0'..'\u{1100}' => 1,
        _ => 2,
    }
}

fn write(text: &str) {
    // Progress that nobody can see is no reason to stop.
    let _ = stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_to_the_columns_there_are() {
        assert_eq!(cut("step 3/4", 8), "step 3/4");
        assert_eq!(cut("step 3/4", 7), "step 3/");
        assert_eq!(cut("██░░ 7", 4), "██░░");
        assert_eq!((cut("日本", 3), width("日本")), ("日", 4));
        assert_eq!(cut("two\nlines", 20), "two");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn a_line_that_was_wrapped_by_a_narrower_terminal_is_found_again() {
        assert_eq!(back(0, 20), "\r");
        assert_eq!(back(19, 20), "\r");
        assert_eq!(back(20, 20), "\r");
        assert_eq!(back(39, 20), "\r\x1b[1A\x1b[J");
        assert_eq!(back(199, 40), "\r\x1b[4A\x1b[J");
    }
}
