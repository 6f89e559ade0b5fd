//! Regular expressions of task files, which are Python's.

use regex::Regex;

/// A regular expression. Those with look-around or back references take another engine, which can give up on a text.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Plain(Regex),
    Fancy(Box<fancy_regex::Regex>),
}

impl Pattern {
    /// Reads a pattern, or says why it is none here.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let ours = translated(pattern);
        let plain = match Regex::new(&ours) {
            Ok(regex) => return Ok(Self::Plain(regex)),
            Err(error) => error,
        };
        let unsupported = |reason: &str| format!("regular expression {pattern:?} is not supported: {reason}");
        match fancy_regex::Regex::new(&ours) {
            Ok(regex) => Ok(Self::Fancy(Box::new(regex))),
            Err(_) => {
                let reason = plain.to_string();
                let reason = reason.lines().last().unwrap_or_default();
                Err(unsupported(reason.trim_start_matches("error: ")))
            }
        }
    }

    /// A pattern that matches each of these texts and nothing else.
    pub fn any_of(texts: &[String]) -> Result<Self, String> {
        let escaped: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
        Regex::new(&escaped.join("|")).map(Self::Plain).map_err(|error| error.to_string())
    }

    /// The matches in a text: each as a whole, and then its groups, empty where a group took no part.
    pub fn find_all(&self, text: &str) -> Result<Vec<Vec<String>>, String> {
        match self {
            Self::Plain(regex) => {
                let groups = |captures: regex::Captures<'_>| {
                    (0..captures.len())
                        .map(|at| captures.get(at).map_or("", |group| group.as_str()).to_owned())
                        .collect()
                };
                Ok(regex.captures_iter(text).map(groups).collect())
            }
            Self::Fancy(regex) => {
                let groups = |captures: fancy_regex::Captures<'_, str>| {
                    (0..captures.len())
                        .map(|at| captures.get(at).map_or("", |group| group.as_str()).to_owned())
                        .collect()
                };
                regex.captures_iter(text).map(|captures| captures.map(groups).map_err(gave_up)).collect()
            }
        }
    }

    /// The text without what matches.
    pub fn remove(&self, text: &str) -> Result<String, String> {
        match self {
            Self::Plain(regex) => Ok(regex.replace_all(text, "").into_owned()),
            Self::Fancy(regex) => {
                let (mut out, mut end) = (String::new(), 0);
                for found in regex.find_iter(text) {
                    let found = found.map_err(gave_up)?;
                    out += &text[end..found.start()];
                    end = found.end();
                }
                Ok(out + &text[end..])
            }
        }
    }
}

fn gave_up(error: fancy_regex::Error) -> String {
    format!("the regular expression cannot be matched with an answer: {error}")
}

/// A pattern of Python's in our engines' words: what they read otherwise is `$` before a last newline, `\Z`, a brace that is no
/// count, and signs in a class.
fn translated(pattern: &str) -> String {
    let is_multiline = has_flag(pattern, 'm');
    let mut out = String::new();
    let mut rest = pattern.chars();
    let (mut in_class, mut class_length) = (false, 0);
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('Z') if !in_class => out += r"\z",
                Some(next) => out.extend(['\\', next]),
                None => out.push('\\'),
            },
            '[' if in_class => out += r"\[",
            '&' | '~' if in_class => out.extend(['\\', c]),
            // The first of a class is no end.
            ']' if in_class && class_length > 0 => {
                in_class = false;
                out.push(']');
            }
            '[' => {
                (in_class, class_length) = (true, 0);
                out.push('[');
                if rest.as_str().starts_with('^') {
                    rest.next();
                    out.push('^');
                }
                continue;
            }
            '$' if !in_class && !is_multiline => out += r"(?:\z|(?=\n\z))",
            '{' if !in_class => match count(rest.as_str()) {
                Some(length) => {
                    let inner = &rest.as_str()[..length];
                    out += if inner.starts_with(',') { "{0" } else { "{" };
                    out += inner;
                    for _ in inner.chars() {
                        rest.next();
                    }
                }
                None => out += r"\{",
            },
            other => out.push(other),
        }
        class_length += 1;
    }
    out
}

/// The bytes of a count after its brace, the other brace included; none if it is no count.
fn count(rest: &str) -> Option<usize> {
    let end = rest.find('}')?;
    let inner = &rest[..end];
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!inner.is_empty() && digits(least) && digits(most)).then_some(end + 1)
}

/// Whether a pattern turns a flag on for any part of it.
fn has_flag(pattern: &str, flag: char) -> bool {
    pattern.match_indices("(?").any(|(at, _)| {
        let flags = pattern[at + 2..].chars().take_while(|c| c.is_ascii_lowercase());
        flags.into_iter().any(|c| c == flag)
    })
}
