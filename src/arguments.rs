//! Arguments as people write them: the value of an option may begin with a dash.

use std::ffi::{OsStr, OsString};

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

/// Arguments, of which the values that begin with a dash are part of their options: `--prompt "- eggs"` became
/// `--prompt=- eggs`. What is an option, or looks like one (`--word`), was left to be one.
pub struct Arguments {
    /// The arguments, the program's name first.
    pub all: Vec<OsString>,
    /// An option without a value, and what looks like another one after it.
    left: Option<(OsString, OsString)>,
    /// The command's name, and whether it is told of a run by `--run`.
    command: (String, bool),
}

/// An option that takes a value, or one after another.
struct Open {
    name: OsString,
    many: bool,
    /// Whether it has no value yet, or its last one is part of it.
    state: State,
}

#[derive(PartialEq)]
enum State {
    Bare,
    Follows,
    Attached,
}

impl Arguments {
    /// Reads arguments of a command and its subcommands.
    pub fn read(command: &Command, arguments: impl IntoIterator<Item = OsString>) -> Arguments {
        let mut command = command;
        let mut arguments = arguments.into_iter();
        let mut all: Vec<OsString> = arguments.next().into_iter().collect();
        let (mut left, mut open) = (None, None::<Open>);
        while let Some(argument) = arguments.next() {
            if argument == "--" {
                all.push(argument);
                all.extend(arguments);
                break;
            }
            let bare = open.as_ref().is_some_and(|option| option.state == State::Bare);
            // Where a value must come, it is one, and no option with what is attached to it: `-o -out.txt`.
            let known = option(command, &argument).filter(|_| !(bare && is_attached(&argument)));
            match (&mut open, begins_with_dash(&argument)) {
                (Some(option), true) if known.is_none() && !looks_like_option(&argument) => {
                    if option.state == State::Bare {
                        all.pop();
                    }
                    option.state = State::Attached;
                    all.push([&option.name, OsStr::new("="), &argument].into_iter().collect());
                    open = open.filter(|option| option.many);
                }
                (_, true) => {
                    if let Some(Open { name, state: State::Bare, .. }) = open {
                        left = Some((name, argument.clone()));
                    }
                    let takes =
                        known.filter(|option| option.get_action().takes_values() && is_bare(&argument));
                    let many =
                        |option: &Arg| option.get_num_args().is_some_and(|range| range.max_values() > 1);
                    open = takes.map(|option| Open {
                        name: argument.clone(),
                        many: many(option),
                        state: State::Bare,
                    });
                    all.push(argument);
                }
                (Some(option), false) => {
                    if option.state == State::Attached {
                        all.push(option.name.clone());
                    }
                    option.state = State::Follows;
                    all.push(argument);
                    open = open.filter(|option| option.many);
                }
                (None, false) => {
                    command =
                        argument.to_str().and_then(|name| command.find_subcommand(name)).unwrap_or(command);
                    all.push(argument);
                }
            }
        }
        let takes_run = command.get_arguments().any(|option| option.get_long() == Some("run"));
        Arguments { all, left, command: (command.get_name().to_owned(), takes_run) }
    }

    /// The parser's error, which says how a value that looks like an option is written, if that may be what was meant.
    pub fn explain(&self, mut error: Error) -> Error {
        if let (ErrorKind::InvalidValue | ErrorKind::UnknownArgument, Some((name, value))) =
            (error.kind(), &self.left)
        {
            let tip =
                format!("a value that begins with a dash is written {}={}", name.display(), value.display());
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
        } else if let Some(tip) = self.tip(&error) {
            // The usage would be that with the option which was suggested.
            error.remove(ContextKind::SuggestedArg);
            error.remove(ContextKind::Usage);
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
        }
        error
    }

    /// How another command's way to name a model or a run is written here.
    fn tip(&self, error: &Error) -> Option<String> {
        let (ErrorKind::UnknownArgument, Some(ContextValue::String(argument))) =
            (error.kind(), error.get(ContextKind::InvalidArg))
        else {
            return None;
        };
        match (self.command.0.as_str(), self.command.1) {
            ("train", _) if argument == "--model" => {
                Some("a configuration stands after train: gopher train configs/44m.toml".to_owned())
            }
            (_, true) if !argument.starts_with('-') => Some(format!("a run is named by --run {argument}")),
            _ => None,
        }
    }
}

/// A number of bytes: `512MiB`, `1GiB`, or a plain number.
pub fn bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("", 0)];
    let found = units.iter().find_map(|(unit, shift)| text.strip_suffix(unit).map(|number| (number, shift)));
    let number = found.and_then(|(number, shift)| number.trim().parse::<u64>().ok()?.checked_mul(1 << shift));
    number.filter(|&bytes| bytes > 0).ok_or_else(|| "a size is expected, such as 512MiB or 2GiB".to_owned())
}

/// A time in seconds: `90s`, `20m`, `1h30m`, `2d`.
pub fn duration(text: &str) -> Result<f64, String> {
    let wrong = || "a time is expected, such as 90s, 20m, 1h or 1h30m".to_owned();
    let (mut seconds, mut rest) = (0.0, text.trim());
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..end].parse().map_err(|_| wrong())?;
        let of_unit = match rest.as_bytes()[end] {
            b's' => 1.0,
            b'm' => 60.0,
            b'h' => 3600.0,
            b'd' => 86_400.0,
            _ => return Err(wrong()),
        };
        (seconds, rest) = (seconds + number * of_unit, &rest[end + 1..]);
    }
    if seconds > 0.0 && seconds < 1e9 { Ok(seconds) } else { Err(wrong()) }
}

/// A dash alone is a file name that stands for standard input or output.
fn begins_with_dash(argument: &OsStr) -> bool {
    argument.len() > 1 && argument.as_encoded_bytes().starts_with(b"-")
}

/// Whether somebody who writes this means an option: `--word`.
fn looks_like_option(argument: &OsStr) -> bool {
    let text = argument.to_string_lossy();
    text.strip_prefix("--").is_some_and(|name| {
        name.starts_with(|first: char| first.is_ascii_alphabetic()) && !name.contains(char::is_whitespace)
    })
}

/// Whether nothing is attached to an option.
fn is_bare(argument: &OsStr) -> bool {
    let bytes = argument.as_encoded_bytes();
    if bytes.starts_with(b"--") { !bytes.contains(&b'=') } else { bytes.len() == 2 }
}

/// Whether a short option, if it is one, has its value attached: `-oFILE`.
fn is_attached(argument: &OsStr) -> bool {
    let bytes = argument.as_encoded_bytes();
    !bytes.starts_with(b"--") && bytes.len() > 2
}

/// The option of a command that an argument is.
fn option<'a>(command: &'a Command, argument: &OsStr) -> Option<&'a Arg> {
    let text = argument.to_string_lossy();
    match text.strip_prefix("--") {
        Some(name) => {
            let name = name.split('=').next();
            command.get_arguments().find(|option| option.get_long().is_some() && option.get_long() == name)
        }
        None => {
            let short = text.strip_prefix('-')?.chars().next();
            command.get_arguments().find(|option| option.get_short().is_some() && option.get_short() == short)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[track_caller]
    fn check(arguments: &str, expected: &str) {
        let mut command = crate::Cli::command();
        command.build();
        let words = |text: &str| text.split('|').map(OsString::from).collect::<Vec<_>>();
        let read = Arguments::read(&command, words(&format!("gopher|{arguments}")));
        assert_eq!(read.all, words(&format!("gopher|{expected}")));
    }

    #[test]
    fn values_may_begin_with_a_dash() {
        check("generate|--prompt|- eggs|--run|-R", "generate|--prompt=- eggs|--run=-R");
        check("generate|--prompt|--- x|--run|r|--json", "generate|--prompt=--- x|--run|r|--json");
        check("generate|--prompt|-- eggs and ham", "generate|--prompt=-- eggs and ham");
        check("generate|--temperature|-0.5", "generate|--temperature=-0.5");
        check("plan|-o|-p.json", "plan|-o=-p.json");
        check("plan|-o|-o.json|-oq.json", "plan|-o=-o.json|-oq.json");
    }

    #[test]
    fn every_value_of_an_option_that_takes_several_may() {
        check(
            "train|--data|-a.txt|b.txt|-c.txt|--steps|4",
            "train|--data=-a.txt|--data|b.txt|--data=-c.txt|--steps|4",
        );
        check("train|--data|a.txt|-b.txt", "train|--data|a.txt|--data=-b.txt");
        check("train|--data|a.txt|--steps|4", "train|--data|a.txt|--steps|4");
        check("train|c.toml|--set|-a.b=3", "train|c.toml|--set=-a.b=3");
    }

    #[test]
    fn what_is_an_option_or_looks_like_one_stays_one() {
        for same in [
            "generate|--run|--json",
            "generate|--run|--jsn",
            "generate|--prompt=- eggs|--run=-R",
            "generate|--prompt-file|-|--run|r",
            "generate|--run|-h",
            "generate|-x",
            "train|--|--data",
            "train|--data|--|-a.txt",
            "plan|-op.json|--json",
            "",
        ] {
            check(same, same);
        }
    }
}
