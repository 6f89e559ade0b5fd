//! YAML with places: a tree in which every value knows its file and line, and `!function` is a value of its own.
//!
//! Plain scalars are read as PyYAML reads them (YAML 1.1: `yes` is true, `1e5` is text), since files are written for it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

use super::error::{Error, Refusal, Result};

/// Deeper nesting is refused.
const DEEPEST: usize = 64;
/// YAML's own tags of scalars, which say what a plain scalar is anyway.
const CORE: [&str; 4] = ["null", "bool", "int", "float"];
/// More values than this, aliases written out, are refused.
const MOST_VALUES: usize = 200_000;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub value: Kind,
    pub path: Arc<PathBuf>,
    pub line: usize,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// `!function module.name`.
    Function(String),
}

/// A key of a mapping and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub line: usize,
    pub value: Node,
}

impl Node {
    /// An error at this place.
    pub fn refuse(&self, refusal: Refusal, problem: impl Into<String>) -> Error {
        Error::Refused { path: (*self.path).clone(), line: self.line, refusal, problem: problem.into() }
    }

    /// What kind of value this is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) => "an integer",
            Kind::Float(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Function(_) => "a function",
        }
    }

    /// The value as JSON. Functions become their text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.value {
            Kind::Null => Value::Null,
            Kind::Bool(value) => (*value).into(),
            Kind::Int(value) => (*value).into(),
            Kind::Float(value) => (*value).into(),
            Kind::Text(value) => value.as_str().into(),
            Kind::List(values) => values.iter().map(Node::to_json).collect(),
            Kind::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
            ),
            Kind::Function(name) => format!("!function {name}").into(),
        }
    }
}

/// Parses one YAML document, which must be a mapping.
pub(super) fn parse(path: &Path, text: &str) -> Result<Node> {
    let path = Arc::new(path.to_path_buf());
    let mut reader = Reader { parser: Parser::new_from_str(text), path, anchors: HashMap::new(), values: 0 };
    let mut root = None;
    loop {
        let (event, line, column) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(..) if root.is_some() => {
                return Err(reader.malformed(line, column, "a second document; a task file has one"));
            }
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => root = Some(reader.node(event, line, column, 0)?),
        }
    }
    let root = root.unwrap_or(Node { value: Kind::Null, path: reader.path, line: 1 });
    match root.value {
        Kind::Map(_) => Ok(root),
        _ => Err(root.refuse(
            Refusal::Value,
            format!(
                "a task file is a mapping of keys such as 'task' and 'doc_to_text', and this is {}",
                root.kind()
            ),
        )),
    }
}

struct Reader<'a> {
    parser: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
    path: Arc<PathBuf>,
    anchors: HashMap<usize, Node>,
    values: usize,
}

impl<'a> Reader<'a> {
    fn malformed(&self, line: usize, column: usize, reason: impl Into<String>) -> Error {
        Error::Yaml { path: (*self.path).clone(), line, column: column + 1, reason: reason.into() }
    }

    fn next(&mut self) -> Result<(Event<'a>, usize, usize)> {
        match self.parser.next() {
            None => Ok((Event::StreamEnd, 1, 0)),
            Some(Ok((event, span))) => Ok((event, span.start.line(), span.start.col())),
            Some(Err(error)) => {
                let (line, column) = (error.marker().line(), error.marker().col());
                Err(self.malformed(line, column, one_line(&error.info())))
            }
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, column: usize, depth: usize) -> Result<Node> {
        self.values += 1;
        if depth > DEEPEST || self.values > MOST_VALUES {
            return Err(self.malformed(line, column, "nested too deeply, or too many values"));
        }
        let (value, anchor) = match event {
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned();
                let Some(node) = node else { return Err(self.malformed(line, column, "an alias of itself")) };
                self.values += size(&node);
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                let value = match tag.as_deref() {
                    Some("!function") => Kind::Function(text.trim().to_owned()),
                    Some("tag:yaml.org,2002:str" | "!") => Kind::Text(text.into_owned()),
                    Some(core)
                        if CORE.iter().any(|name| core.strip_prefix("tag:yaml.org,2002:") == Some(name)) =>
                    {
                        plain(&text)
                    }
                    Some(tag) => {
                        let problem = format!("unknown tag {tag}; the only one of this format is !function");
                        return Err(self.malformed(line, column, problem));
                    }
                    None if style == ScalarStyle::Plain => plain(&text),
                    None => Kind::Text(text.into_owned()),
                };
                (value, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut values = Vec::new();
                loop {
                    let (event, line, column) = self.next()?;
                    match event {
                        Event::SequenceEnd => break,
                        event => values.push(self.node(event, line, column, depth + 1)?),
                    }
                }
                (Kind::List(values), anchor)
            }
            Event::MappingStart(_, anchor, _) => (Kind::Map(self.entries(depth)?), anchor),
            _ => return Err(self.malformed(line, column, "a value was expected")),
        };
        let node = Node { value, path: Arc::clone(&self.path), line };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, line, column) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, line, column, depth + 1)?;
            let key = match key.value {
                Kind::Text(text) => text,
                Kind::Int(number) => number.to_string(),
                Kind::Float(number) => number.to_string(),
                Kind::Bool(value) => value.to_string(),
                _ => return Err(self.malformed(line, column, format!("{} as a key", key.kind()))),
            };
            let (event, value_line, value_column) = self.next()?;
            let value = self.node(event, value_line, value_column, depth + 1)?;
            if key == "<<" {
                match value.value {
                    Kind::Map(others) => merged.extend(others),
                    _ => return Err(self.malformed(line, column, "'<<' merges a mapping")),
                }
                continue;
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let problem = format!("key '{key}' given twice, first in line {}; keep one", first.line);
                return Err(self.malformed(line, column, problem));
            }
            entries.push(Entry { key, line, value });
        }
        for other in merged {
            if !entries.iter().any(|entry| entry.key == other.key) {
                entries.push(other);
            }
        }
        Ok(entries)
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Kind::List(values) => 1 + values.iter().map(size).sum::<usize>(),
        Kind::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
        _ => 1,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A plain scalar, as YAML 1.1 has it.
fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Kind::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Kind::Bool(false),
        _ => {}
    }
    integer(text)
        .map(Kind::Int)
        .or_else(|| float(text).map(Kind::Float))
        .unwrap_or_else(|| Kind::Text(text.to_owned()))
}

fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (radix, digits) = if let Some(rest) = digits.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = digits.strip_prefix("0b") {
        (2, rest)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, &digits[1..])
    } else {
        (10, digits)
    };
    let digits = digits.replace('_', "");
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i64::from_str_radix(&digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    // A point is needed, and a sign in the exponent.
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.')?;
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '_');
    let exponent_good = exponent.is_none_or(|exponent| {
        exponent
            .strip_prefix(['+', '-'])
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    });
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) || !exponent_good {
        return None;
    }
    unsigned.replace('_', "").parse::<f64>().ok().map(|value| sign * value)
}
