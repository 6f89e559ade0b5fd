//! JSON, in lines or not.

use std::path::Path;

use serde_json::{Deserializer, Value};

use super::error::{NOT_UTF8, Place};
use super::{Error, Result, bytes, numbered_lines};

/// The objects of a file that has one in each line. Blank lines are passed over.
pub(super) fn lines(path: &Path) -> Result<impl Iterator<Item = Result<Value>> + '_> {
    let parse = |line, bytes: &[u8]| {
        let wrong = |detail: String| Error::record(path, Place::Line(line), detail);
        std::str::from_utf8(bytes).map_err(|_| wrong(NOT_UTF8.into()))?;
        match serde_json::from_slice::<Value>(bytes) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err(wrong("not a JSON object; every line must be one".into())),
            Err(error) if error.is_eof() => {
                Err(wrong("a JSON object that is cut off; fetch the file again".into()))
            }
            Err(error) => Err(wrong(format!("not a JSON object ({})", without_line(&error)))),
        }
    };
    Ok(numbered_lines(path)?.filter_map(move |line| match line {
        Ok((_, bytes)) if bytes.trim_ascii().is_empty() => None,
        Ok((line, bytes)) => Some(parse(line, &bytes)),
        Err(error) => Some(Err(error)),
    }))
}

/// The values of a file: those of the array that it is, or that `field` of the object that it is holds, or else values one
/// after another.
pub(super) fn values(path: &Path, field: Option<&str>) -> Result<Vec<Value>> {
    let mut values = any(path)?;
    if let Some(field) = field {
        let held = match values.as_mut_slice() {
            [Value::Object(object)] => object.remove(field),
            _ => None,
        };
        values = match held {
            Some(Value::Array(values)) => values,
            Some(_) => return Err(Error::whole(path, format!("\"{field}\" is not an array"))),
            None => return Err(Error::whole(path, format!("not a JSON object with an array \"{field}\""))),
        };
    } else if let [Value::Array(array)] = values.as_mut_slice() {
        values = std::mem::take(array);
    }
    match values.iter().position(|value| !value.is_object()) {
        Some(row) => {
            let detail = "not a JSON object; every value must be one";
            Err(Error::record(path, Place::Row(row as u64), detail))
        }
        None => Ok(values),
    }
}

/// The values of a file as they follow each other.
fn any(path: &Path) -> Result<Vec<Value>> {
    let bytes = bytes(path)?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let mut values = Vec::new();
    for value in Deserializer::from_slice(bytes).into_iter::<Value>() {
        values.push(value.map_err(|error| whole(path, bytes, &error))?);
    }
    Ok(values)
}

/// What is wrong with a file that is to be JSON.
pub(crate) fn whole(path: &Path, bytes: &[u8], error: &serde_json::Error) -> Error {
    if let Err(invalid) = std::str::from_utf8(bytes) {
        let line = bytes[..invalid.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        return Error::record(path, Place::Line(line), NOT_UTF8);
    }
    let detail = match error.is_eof() {
        true => "JSON that is cut off; fetch the file again".into(),
        false => format!("not JSON ({})", without_line(error)),
    };
    Error::record(path, Place::Line(error.line() as u64), detail)
}

/// What an error says, without the line, which is that of the file and said already.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((detail, _)) => format!("{detail} at column {}", error.column()),
        None => text,
    }
}
