//! JSON files, and what is wrong with one in words of the file rather than of the program that reads it.

use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;

/// Reads the text of a file.
///
/// # Errors
/// In words: the key, the value and what is expected, and the place: `mesh.data: a string, "4", where a whole number from 0
/// is expected, at line 3 column 9`.
pub fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    // Once more with the keys, which take time, if it is wrong.
    serde_json::from_slice(text).map_err(|error| {
        with_key("", found_again::<T, _>(&mut serde_json::Deserializer::from_slice(text)), &error)
    })
}

/// Reads a part of a file; `key` is that of the part.
///
/// # Errors
/// As [`from_slice`], without the place.
pub fn from_value<T: DeserializeOwned>(key: &str, value: &Value) -> Result<T, String> {
    T::deserialize(value)
        .map_err(|error: serde_json::Error| with_key(key, found_again::<T, _>(value), &error))
}

/// The key of the value at which reading fails.
fn found_again<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> String {
    match serde_path_to_error::deserialize::<_, T>(deserializer) {
        Err(error) => error.path().to_string(),
        // What follows the value is wrong.
        Ok(_) => String::new(),
    }
}

fn with_key(part: &str, key: String, error: &serde_json::Error) -> String {
    let key =
        [part, &key].into_iter().filter(|key| !key.is_empty() && *key != ".").collect::<Vec<_>>().join(".");
    // Where the text ends or is no JSON, the line says more than the key.
    let is_of_key = error.is_data() && !key.is_empty();
    if is_of_key { format!("{key}: {}", json_words(error)) } else { json_words(error) }
}

/// A parser's reason, such as `invalid type: string "four", expected usize at line 3 column 9`, without the names that
/// the program has for its types: `a string, "four", where a whole number is expected, at line 3 column 9`.
pub fn json_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (text, place) = match text.rfind(" at line ") {
        Some(start) => (&text[..start], format!(", {}", &text[start + 1..])),
        None => (text.as_str(), String::new()),
    };
    format!("{}{place}", reason(text))
}

/// A reason as deserializers of any format give it, such as `invalid type: string "four", expected usize`, in the words of
/// [`json_words`].
pub fn reason(text: &str) -> String {
    for (kind, cut) in [("invalid type: ", false), ("invalid value: ", false), ("invalid length ", true)] {
        if let Some((found, expected)) =
            text.strip_prefix(kind).and_then(|rest| rest.split_once(", expected "))
        {
            let found = if cut { format!("a list of {found}") } else { found_words(found) };
            return format!("{found} where {} is expected", expected_words(expected));
        }
    }
    if let Some(field) = text.strip_prefix("missing field ") {
        return format!("{field} is missing");
    }
    if text.starts_with("data did not match any variant") {
        return "a value of none of the forms that are known".to_owned();
    }
    if text.starts_with("EOF while parsing") {
        return "it ends too early".to_owned();
    }
    match text {
        "trailing characters" => "it goes on after its end".to_owned(),
        "expected value" => "there is no JSON value".to_owned(),
        other => other.to_owned(),
    }
}

/// A value that was found.
fn found_words(found: &str) -> String {
    let quoted = |kind: &str| found.strip_prefix(kind).map(|rest| rest.trim_matches('`'));
    if let Some(text) = found.strip_prefix("string ") {
        return format!("a string, {text},");
    }
    for kind in ["integer ", "floating point ", "boolean "] {
        if let Some(value) = quoted(kind) {
            return value.to_owned();
        }
    }
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "unit value" => "null".to_owned(),
        other => other.to_owned(),
    }
}

/// What is expected, whatever Rust calls it.
fn expected_words(expected: &str) -> String {
    let first = expected.split(' ').next().unwrap_or_default();
    match first {
        "usize" | "u8" | "u16" | "u32" | "u64" => "a whole number from 0".to_owned(),
        "isize" | "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "struct" => "an object".to_owned(),
        "enum" | "variant" => "one of a few words".to_owned(),
        _ => match expected {
            "a map" => "an object".to_owned(),
            "a sequence" => "a list".to_owned(),
            "a boolean" => "true or false".to_owned(),
            other if other.starts_with("a tuple of size ") || other.starts_with("an array of length ") => {
                format!("a list of {}", other.rsplit(' ').next().unwrap_or_default())
            }
            other => other.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)] // Only read from text.
    struct Example {
        count: usize,
        rate: f64,
        flag: bool,
        names: Vec<String>,
        table: BTreeMap<String, u8>,
        pair: (u32, i64),
    }

    #[track_caller]
    fn says<T: DeserializeOwned + std::fmt::Debug>(text: &str, expected: &str) {
        let words = json_words(&serde_json::from_str::<T>(text).unwrap_err());
        assert!(words.starts_with(expected), "{words}");
        for foreign in ["usize", "u32", "f64", "struct", "Example", "invalid", "EOF", "tuple", "elements"] {
            assert!(!words.contains(foreign), "{words}");
        }
    }

    #[test]
    fn reasons_are_said_without_the_names_of_types() {
        let field = |value: &str| format!("{{\"count\": {value}}}");
        says::<Example>(
            &field("\"four\""),
            "a string, \"four\", where a whole number from 0 is expected, at line 1",
        );
        says::<Example>(&field("-1"), "-1 where a whole number from 0 is expected, at line 1");
        says::<Example>(&field("1.5"), "1.5 where a whole number from 0 is expected");
        says::<Example>(&field("null"), "null where a whole number from 0 is expected");
        says::<Example>("{\"rate\": {}}", "an object where a number is expected");
        says::<Example>("{\"flag\": 1}", "1 where true or false is expected");
        says::<Example>("{\"names\": {}}", "an object where a list is expected");
        says::<Example>("{\"table\": []}", "a list where an object is expected");
        says::<Example>("{\"table\": {\"a\": 256}}", "256 where a whole number from 0 is expected");
        says::<Example>("{\"pair\": [1]}", "a list of 1 where a list of 2 is expected");
        says::<Example>("[]", "a list of 0 where an object is expected");
        says::<Example>("3", "3 where an object is expected");
        says::<Example>("{}", "`count` is missing, at line 1 column 2");
        says::<Example>("{\"cuont\": 1}", "unknown field `cuont`, expected one of `count`");
        says::<Example>("", "it ends too early, at line 1 column 0");
        says::<Example>("{} {}", "`count` is missing");
        says::<u8>("1 2", "it goes on after its end");
        says::<Example>("\u{1}", "there is no JSON value");
    }
}
