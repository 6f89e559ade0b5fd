//! Python's ways with text and literals, where a task file relies on them.

use serde_json::{Map, Number, Value};

/// `str.isspace` of one character.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip()`.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The number of pieces of `re.split(r"\s+", text)`.
pub(super) fn pieces(text: &str) -> usize {
    let mut pieces = 1;
    let mut inside = false;
    for c in text.chars() {
        let space = is_space(c);
        pieces += usize::from(space && !inside);
        inside = space;
    }
    pieces
}

/// `str.capitalize()`.
pub(super) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        None => String::new(),
        Some(first) => capital(first) + &chars.as_str().to_lowercase(),
    }
}

/// The letter that begins a word: of a letter whose capital is two (ß), only the first is one.
pub(super) fn capital(c: char) -> String {
    let mut capitals = c.to_uppercase();
    capitals.next().into_iter().chain(capitals.flat_map(char::to_lowercase)).collect()
}

/// Capitals where a word begins, after a character that `begins` says so of and at the start; the rest small.
///
/// Of any character but a letter this is `str.title()`.
pub(super) fn title(text: &str, begins: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for c in text.chars() {
        match start {
            true => out.push_str(&capital(c)),
            false => out.extend(c.to_lowercase()),
        }
        start = begins(c);
    }
    out
}

/// `str(value)`.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`.
pub(super) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float_repr(float),
            _ => number.to_string(),
        },
        Value::String(text) => text_repr(text),
        Value::Array(values) => format!("[{}]", values.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{}: {}", text_repr(key), repr(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// `repr` of a float: the shortest digits, with an exponent below 1e-4 and from 1e16.
pub(super) fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{value:?}")
}

fn text_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if unprintable(c) => match c as u32 {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// Not `str.isprintable`, for the characters that occur in text: controls, separators, marks of direction.
fn unprintable(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff9}'..='\u{fffb}')
}

/// `ast.literal_eval`, of what JSON can hold: tuples and sets become lists, `None` null.
pub(super) fn literal(text: &str) -> Result<Value, String> {
    let mut reader = Literal { rest: text.trim_start_matches([' ', '\t']), depth: 0 };
    let first = reader.value()?;
    reader.space();
    // "1, 2" is a tuple too.
    let value = if reader.rest.starts_with(',') {
        let mut values = vec![first];
        while reader.eat(',') {
            reader.space();
            if reader.rest.is_empty() {
                break;
            }
            values.push(reader.value()?);
            reader.space();
        }
        Value::Array(values)
    } else {
        first
    };
    match reader.rest.is_empty() {
        true => Ok(value),
        false => Err(format!("not a Python literal from '{}'", start(reader.rest))),
    }
}

fn start(text: &str) -> String {
    text.chars().take(30).collect()
}

struct Literal<'a> {
    rest: &'a str,
    depth: usize,
}

impl Literal<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        self.space();
        self.depth += 1;
        if self.depth > 50 {
            return Err("nested too deeply".to_owned());
        }
        let value = match self.rest.chars().next() {
            None => Err("an empty text is not a Python literal".to_owned()),
            Some('[') => self.list(']'),
            Some('(') => self.list(')'),
            Some('{') => self.braces(),
            Some('\'' | '"') => self.strings(),
            Some('r' | 'u' | 'R' | 'U') if matches!(self.rest.as_bytes().get(1), Some(b'\'' | b'"')) => {
                self.strings()
            }
            Some(_) => self.word(),
        };
        self.depth -= 1;
        value
    }

    fn list(&mut self, end: char) -> Result<Value, String> {
        self.rest = &self.rest[1..];
        let mut values = Vec::new();
        let mut comma = false;
        loop {
            self.space();
            if self.eat(end) {
                // (x) is x, (x,) a tuple.
                return Ok(match values.pop() {
                    Some(only) if end == ')' && values.is_empty() && !comma => only,
                    Some(last) => {
                        values.push(last);
                        Value::Array(values)
                    }
                    None => Value::Array(values),
                });
            }
            if !values.is_empty() && !comma {
                return Err(format!("a comma is missing before '{}'", start(self.rest)));
            }
            values.push(self.value()?);
            self.space();
            comma = self.eat(',');
        }
    }

    fn braces(&mut self) -> Result<Value, String> {
        self.rest = &self.rest[1..];
        let (mut fields, mut values) = (Map::new(), Vec::new());
        loop {
            self.space();
            if self.eat('}') {
                return Ok(if values.is_empty() { Value::Object(fields) } else { Value::Array(values) });
            }
            let key = self.value()?;
            self.space();
            if self.eat(':') {
                fields.insert(text(&key), self.value()?);
            } else {
                values.push(key);
            }
            self.space();
            if !self.eat(',') && !self.rest.starts_with('}') {
                return Err(format!("a comma is missing before '{}'", start(self.rest)));
            }
        }
    }

    /// Adjacent strings are one.
    fn strings(&mut self) -> Result<Value, String> {
        let mut out = String::new();
        loop {
            let raw = self.eat('r') || self.eat('R');
            let _ = !raw && (self.eat('u') || self.eat('U'));
            self.string(raw, &mut out)?;
            let rest = self.rest.trim_start();
            if !rest.starts_with(['\'', '"']) {
                return Ok(Value::String(out));
            }
            self.rest = rest;
        }
    }

    fn string(&mut self, raw: bool, out: &mut String) -> Result<(), String> {
        let quote = if self.rest.starts_with('"') { '"' } else { '\'' };
        let triple: String = [quote; 3].iter().collect();
        let end = if self.rest.starts_with(&triple) { triple } else { quote.to_string() };
        self.rest = &self.rest[end.len()..];
        loop {
            if let Some(rest) = self.rest.strip_prefix(end.as_str()) {
                self.rest = rest;
                return Ok(());
            }
            let Some(c) = self.rest.chars().next() else { return Err("a string without its end".to_owned()) };
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                '\n' if end.len() == 1 => return Err("a string without its end".to_owned()),
                '\\' if !raw => self.escape(out)?,
                '\\' => {
                    out.push('\\');
                    if let Some(next) = self.rest.chars().next() {
                        out.push(next);
                        self.rest = &self.rest[next.len_utf8()..];
                    }
                }
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), String> {
        let Some(c) = self.rest.chars().next() else { return Err("a string without its end".to_owned()) };
        self.rest = &self.rest[c.len_utf8()..];
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if digits > 0 {
            let code = self.rest.get(..digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let decoded = code.and_then(char::from_u32).ok_or_else(|| format!("a bad escape \\{c}"))?;
            self.rest = &self.rest[digits..];
            out.push(decoded);
            return Ok(());
        }
        match c {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            '0' => out.push('\0'),
            '\n' => {}
            '\\' | '\'' | '"' => out.push(c),
            other => {
                out.push('\\');
                out.push(other);
            }
        }
        Ok(())
    }

    fn word(&mut self) -> Result<Value, String> {
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let value = match word {
            "None" => Value::Null,
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            word => {
                let digits = word.replace('_', "");
                if let Ok(number) = digits.parse::<i64>() {
                    Value::Number(number.into())
                } else if let Some(number) = digits
                    .parse::<f64>()
                    .ok()
                    .filter(|_| {
                        digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))
                    })
                    .and_then(Number::from_f64)
                {
                    Value::Number(number)
                } else {
                    return Err(format!("not a Python literal from '{}'", start(self.rest)));
                }
            }
        };
        self.rest = rest;
        Ok(value)
    }
}
