//! Templates, as Jinja2 renders them in lm-evaluation-harness: strict about what is undefined, a trailing newline kept,
//! values printed as Python prints them, Python's methods on text and lists.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind, from_args};
use minijinja::{Environment, ErrorKind, State, UndefinedBehavior, Value};
use serde_json::Value as Json;

use super::python;

/// The templates of one task.
#[derive(Debug)]
pub(super) struct Templates {
    environment: Environment<'static>,
    added: usize,
}

/// One of a [`Templates`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    name: String,
    pub source: String,
}

/// A document as templates see it.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub json: &'a Json,
    value: Value,
}

impl<'a> Fields<'a> {
    pub fn new(json: &'a Json) -> Self {
        Self { json, value: Value::from(minijinja::value::Serde(json)) }
    }
}

impl Templates {
    pub fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        environment.set_syntax(syntax.unwrap_or_default());
        environment.set_formatter(|out, _, value| {
            if value.is_undefined() {
                return Err(ErrorKind::UndefinedError.into());
            }
            match value.as_str() {
                Some(text) => out.write_str(text)?,
                None => out.write_str(&printed(value)?)?,
            }
            Ok(())
        });
        environment.set_unknown_method_callback(method);
        environment.add_filter("string", |value: &Value| printed(value));
        environment.add_filter("trim", |text: &str, chars: Option<&str>| match chars {
            Some(chars) => text.trim_matches(|c| chars.contains(c)).to_owned(),
            None => python::strip(text).to_owned(),
        });
        environment.add_filter("title", |text: &str| {
            python::title(text, |c| python::is_space(c) || matches!(c, '-' | '(' | '{' | '[' | '<'))
        });
        environment.add_filter("int", |value: &Value, default: Option<i64>| {
            number(value).map_or(default.unwrap_or(0), |number| number.trunc() as i64)
        });
        environment.add_filter("float", |value: &Value, default: Option<f64>| {
            number(value).or(default).unwrap_or(0.0)
        });
        environment.add_filter("regex_replace", regex_replace);
        Self { environment, added: 0 }
    }

    /// Adds a template, or says why it does not parse.
    pub fn add(&mut self, source: &str) -> Result<Template, String> {
        let name = format!("template {}", self.added);
        self.environment
            .add_template_owned(name.clone(), source.to_owned())
            .map_err(|error| format!("template {source:?} does not parse: {}", reason(&error)))?;
        self.added += 1;
        Ok(Template { name, source: source.to_owned() })
    }

    /// Renders a template, or names the field or the filter that fails.
    pub fn render(&self, template: &Template, fields: &Fields<'_>) -> Result<String, String> {
        let compiled = self.environment.get_template(&template.name).map_err(|error| error.to_string())?;
        compiled.render(&fields.value).map_err(|error| {
            let missing = (error.kind() == ErrorKind::UndefinedError).then(|| {
                let mut names: Vec<String> = compiled.undeclared_variables(false).into_iter().collect();
                names.sort();
                names.into_iter().find(|name| fields.json.get(name).is_none())
            });
            match missing.flatten() {
                Some(name) => format!(
                    "template {:?} needs a field '{name}'; this one has {}",
                    template.source,
                    field_names(fields.json)
                ),
                None => format!("template {:?} fails: {}", template.source, reason(&error)),
            }
        })
    }
}

/// The names of a document's fields, for messages.
pub(super) fn field_names(document: &Json) -> String {
    match document {
        Json::Object(fields) if fields.is_empty() => "none".to_owned(),
        Json::Object(fields) => fields.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        _ => "no fields, it is not an object".to_owned(),
    }
}

fn reason(error: &minijinja::Error) -> String {
    let text = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A number, a boolean as one, or the number that a text says.
fn number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some(text) => python::strip(text).replace('_', "").parse().ok(),
        None => json(value).ok().and_then(|json| json.as_f64().or_else(|| json.as_bool().map(f64::from))),
    }
}

fn printed(value: &Value) -> Result<String, minijinja::Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    if value.kind() == ValueKind::Number || value.kind() == ValueKind::Bool || value.is_none() {
        return Ok(python::text(&json(value)?));
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable if value.try_iter()?.any(|item| item.is_undefined()) => {
            Err(ErrorKind::UndefinedError.into())
        }
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => Ok(python::repr(&json(value)?)),
        _ => Ok(value.to_string()),
    }
}

fn json(value: &Value) -> Result<Json, minijinja::Error> {
    serde_json::to_value(value)
        .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// Methods of Python's `str`, `list` and `dict`; those of minijinja's own that differ from Python's come first.
fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, minijinja::Error> {
    let fault = |problem: String| minijinja::Error::new(ErrorKind::InvalidOperation, problem);
    if let Some(text) = value.as_str() {
        match name {
            "strip" | "lstrip" | "rstrip" => {
                let (chars,): (Option<&str>,) = from_args(args)?;
                let cut = |c: char| chars.map_or_else(|| python::is_space(c), |chars| chars.contains(c));
                return Ok(Value::from(match name {
                    "strip" => text.trim_matches(cut),
                    "lstrip" => text.trim_start_matches(cut),
                    _ => text.trim_end_matches(cut),
                }));
            }
            "capitalize" => {
                let () = from_args(args)?;
                return Ok(Value::from(python::capitalize(text)));
            }
            "title" => {
                let () = from_args(args)?;
                return Ok(Value::from(python::title(text, |c| !c.is_alphabetic())));
            }
            "index" | "rindex" => {
                let (what,): (&str,) = from_args(args)?;
                let at = if name == "index" { text.find(what) } else { text.rfind(what) };
                let at = at.ok_or_else(|| fault(format!("{what:?} is not in the text")))?;
                return Ok(Value::from(text[..at].chars().count()));
            }
            "removeprefix" | "removesuffix" => {
                let (what,): (&str,) = from_args(args)?;
                let cut =
                    if name == "removeprefix" { text.strip_prefix(what) } else { text.strip_suffix(what) };
                return Ok(Value::from(cut.unwrap_or(text)));
            }
            "zfill" => {
                let (width,): (usize,) = from_args(args)?;
                return Ok(Value::from(format!("{text:0>width$}", width = width.min(1000))));
            }
            "rsplit" => {
                let (separator, most): (&str, Option<usize>) = from_args(args)?;
                let mut pieces: Vec<&str> = match most {
                    Some(most) => text.rsplitn(most.saturating_add(1), separator).collect(),
                    None => text.rsplit(separator).collect(),
                };
                pieces.reverse();
                return Ok(pieces.into_iter().map(Value::from).collect());
            }
            "split" => {
                let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
                let most = most.filter(|most| *most >= 0).map_or(usize::MAX, |most| most as usize + 1);
                return Ok(match separator {
                    Some("") => return Err(fault("empty separator".to_owned())),
                    Some(separator) => text.splitn(most, separator).map(Value::from).collect(),
                    None if most == usize::MAX => text
                        .split(python::is_space)
                        .filter(|piece| !piece.is_empty())
                        .map(Value::from)
                        .collect(),
                    None => words(text, most).into_iter().map(Value::from).collect(),
                });
            }
            _ => {}
        }
    }
    if name == "index" && value.kind() == ValueKind::Seq {
        let (what,): (&Value,) = from_args(args)?;
        for (at, item) in value.try_iter()?.enumerate() {
            if item == *what {
                return Ok(Value::from(at));
            }
        }
        return Err(fault(format!("{} is not in the list", printed(what)?)));
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}

/// `text.split(None, most - 1)`.
fn words(text: &str, most: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(python::is_space);
    while !rest.is_empty() {
        match rest.find(python::is_space) {
            Some(end) if words.len() + 1 < most => {
                words.push(&rest[..end]);
                rest = rest[end..].trim_start_matches(python::is_space);
            }
            _ => {
                words.push(rest);
                break;
            }
        }
    }
    words
}

fn regex_replace(
    text: &str,
    pattern: &str,
    replacement: &str,
    options: Kwargs,
) -> Result<String, minijinja::Error> {
    let count: Option<usize> = options.get("count")?;
    options.assert_all_used()?;
    let fault = |problem: String| minijinja::Error::new(ErrorKind::InvalidOperation, problem);
    let regex = regex::Regex::new(pattern).map_err(|_| fault(format!("regular expression {pattern:?}")))?;
    // Python writes groups as \1.
    let mut ours = String::new();
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '$' => ours.push_str("$$"),
            '\\' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => ours.push_str(&format!("${{{digit}}}")),
                Some('n') => ours.push('\n'),
                Some('t') => ours.push('\t'),
                Some('\\') => ours.push('\\'),
                other => return Err(fault(format!("\\{} in a replacement", other.unwrap_or(' ')))),
            },
            c => ours.push(c),
        }
    }
    Ok(regex.replacen(text, count.unwrap_or(0), ours.as_str()).into_owned())
}
