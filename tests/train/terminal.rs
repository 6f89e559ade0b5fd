//! The progress line on terminals of several widths: real pseudo-terminals, read by a small emulator.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::ioctl_fionread;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::place::running::Start;
use crate::place::{Place, signal};

/// A terminal of so many columns, and the end of it that a program writes to.
fn terminal(columns: u16) -> (OwnedFd, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    resize(&ours, columns);
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs =
        open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    (ours, theirs)
}

fn resize(terminal: &OwnedFd, columns: u16) {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

/// The screen of a terminal, without an upper end.
struct Screen {
    columns: usize,
    /// Each with whether it goes on in the next.
    rows: Vec<(Vec<char>, bool)>,
    row: usize,
    column: usize,
}

impl Screen {
    fn new(columns: usize) -> Screen {
        Screen { columns, rows: vec![(Vec::new(), false)], row: 0, column: 0 }
    }

    /// Shows what a program wrote.
    fn show(&mut self, text: &str) {
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\r' => self.column = 0,
                '\n' => self.down(false),
                '\x1b' => {
                    assert_eq!(characters.next(), Some('['));
                    let mut number = String::new();
                    while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                        number.push(digit);
                    }
                    match characters.next() {
                        Some('K') => {
                            self.rows[self.row].0.truncate(self.column);
                            self.check();
                        }
                        Some('J') => {
                            self.rows.truncate(self.row + 1);
                            self.rows[self.row].0.truncate(self.column);
                            self.rows[self.row].1 = false;
                            self.check();
                        }
                        Some('A') => self.row = self.row.checked_sub(number.parse().unwrap()).unwrap(),
                        other => panic!("the terminal knows no ESC [ {number} {other:?}"),
                    }
                }
                character => {
                    if self.column == self.columns {
                        self.down(true);
                    }
                    let row = &mut self.rows[self.row].0;
                    row.resize(row.len().max(self.column + 1), ' ');
                    row[self.column] = character;
                    self.column += 1;
                }
            }
        }
    }

    fn down(&mut self, wrapped: bool) {
        self.rows[self.row].1 = wrapped;
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push((Vec::new(), false));
        }
        if wrapped {
            self.column = 0;
        }
    }

    /// The rows that show progress.
    fn progress(&self) -> Vec<String> {
        let rows = self.rows.iter().map(|(row, _)| row.iter().collect::<String>());
        rows.filter(|row| row.contains(['█', '░']) || row.starts_with("step ") || row.contains(" left"))
            .collect()
    }

    /// There is one line of progress at most, in one row, and nothing below it.
    fn check(&self) {
        let progress = self.progress();
        assert!(progress.len() <= 1, "{} columns: {progress:#?}", self.columns);
        if let [line] = &progress[..] {
            assert!(line.chars().count() < self.columns, "{} columns: {line}", self.columns);
            assert_eq!(self.row + 1, self.rows.len());
        }
    }

    /// Makes the terminal wider or narrower: lines are wrapped anew, and the cursor stays with its line.
    fn resize(&mut self, columns: usize) {
        let mut lines: Vec<Vec<char>> = vec![Vec::new()];
        for (row, wrapped) in std::mem::take(&mut self.rows) {
            lines.last_mut().unwrap().extend(row);
            if !wrapped {
                lines.push(Vec::new());
            }
        }
        lines.pop();
        let last = lines.last().unwrap().len();
        for line in lines {
            let count = line.len().div_ceil(columns).max(1);
            let rows =
                (0..count).map(|row| line[row * columns..line.len().min((row + 1) * columns)].to_vec());
            self.rows.extend(rows.enumerate().map(|(row, text)| (text, row + 1 < count)));
        }
        self.columns = columns;
        self.row = self.rows.len() - 1;
        self.column = if last > 0 { self.rows[self.row].0.len() } else { 0 };
    }
}

/// Takes out what is whole of what a program wrote: characters, and sequences that begin with an escape.
fn whole(bytes: &mut Vec<u8>) -> String {
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let escape = bytes[..valid].iter().rposition(|&byte| byte == b'\x1b');
    let open = escape.filter(|&escape| !bytes[escape + 1..valid].iter().any(u8::is_ascii_alphabetic));
    String::from_utf8(bytes.drain(..open.unwrap_or(valid)).collect()).unwrap()
}

/// Trains on a terminal, which takes another width in `widths` after each few updates of the line.
fn check(widths: &[u16]) {
    let Some(place) = Place::new() else { return };
    let (ours, theirs) = terminal(widths[0]);
    let mut command = place.train_command(&["--run", "a", "--steps", "1000000", "--json"]);
    command.stdout(Stdio::null()).stderr(theirs);
    let mut child = command.start();
    // The program has its own handle; with ours, the terminal would not end when it does.
    drop(command);
    let mut screen = Screen::new(widths[0].into());
    let mut input = File::from(ours.try_clone().unwrap());
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let (mut updates, mut width) = (0, 0);
    let (mut most, mut ended) = (0, false);
    // A terminal whose other end is closed gives an error.
    while let Ok(count @ 1..) = input.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        let text = whole(&mut bytes);
        updates += text.matches("step ").count();
        screen.show(&text);
        most = most.max(screen.progress().iter().map(|line| line.chars().count()).max().unwrap_or(0));
        if updates > 3 * (width + 1) && width + 1 < widths.len() {
            width += 1;
            // What is on its way is shown before: a program cannot know what becomes of the terminal meanwhile.
            signal(&child, "STOP");
            thread::sleep(Duration::from_millis(20));
            while ioctl_fionread(&ours).unwrap() > 0 {
                let count = input.read(&mut buffer).unwrap();
                bytes.extend_from_slice(&buffer[..count]);
            }
            screen.show(&whole(&mut bytes));
            assert!(bytes.is_empty(), "half a character is on its way");
            resize(&ours, widths[width]);
            screen.resize(widths[width].into());
            signal(&child, "CONT");
        } else if updates > 3 * widths.len() && !ended {
            signal(&child, "INT");
            ended = true;
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(width + 1, widths.len());
    assert!(screen.progress().is_empty(), "{:#?}", screen.progress());
    let text: String = screen
        .rows
        .iter()
        .map(|(row, wrapped)| row.iter().collect::<String>() + if *wrapped { "" } else { "\n" })
        .collect();
    assert!(text.contains("training 1000000 steps in a"), "{text}");
    if widths == [200] {
        assert!(most > 80, "a wide terminal shows everything, and the line has {most} columns");
    }
}

#[test]
fn the_line_fits_any_terminal_and_leaves_nothing_behind() {
    let widths = [20, 40, 80, 200].map(|columns| thread::spawn(move || check(&[columns])));
    widths.into_iter().for_each(|checked| checked.join().unwrap());
}

#[test]
fn the_line_follows_the_terminals_width() {
    check(&[200, 80, 40, 100, 20]);
}
