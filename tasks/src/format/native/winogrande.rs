//! WinoGrande by partial scoring (Trinh and Le 2018): the context is the sentence up to the blank with an option in it, and
//! what is scored is the rest, the same for both.

use serde_json::Value;

use super::super::python;
use super::{Outcome, text};

/// Which option is right, from 0: with a number for a text, the choices are contexts.
pub(super) fn doc_to_text(document: &Value) -> Outcome<Value> {
    match text(document, "answer")? {
        "1" => Ok(0.into()),
        "2" => Ok(1.into()),
        other => Err(format!("field 'answer' is {other:?}, not \"1\" or \"2\"")),
    }
}

/// The sentence after the blank.
pub(super) fn doc_to_target(document: &Value) -> Outcome<Value> {
    Ok(python::strip(around(document)?.1).into())
}

/// The sentence up to the blank, with each option.
pub(super) fn doc_to_choice(document: &Value) -> Outcome<Value> {
    let (before, _) = around(document)?;
    let option = |name| -> Outcome<Value> { Ok(Value::from(format!("{before}{}", text(document, name)?))) };
    Ok(Value::Array(vec![option("option1")?, option("option2")?]))
}

fn around(document: &Value) -> Outcome<(&str, &str)> {
    let sentence = text(document, "sentence")?;
    sentence.split_once('_').ok_or_else(|| "field 'sentence' has no blank '_'".to_owned())
}
