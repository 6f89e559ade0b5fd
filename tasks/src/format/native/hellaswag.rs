//! HellaSwag: WikiHow's marks are taken out of its texts.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::super::python;
use super::{Fault, Outcome, each, field, text, texts, with};

static BRACKETS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\[.*?\]").expect("a regular expression"));

/// Adds `query`, `choices` and `gold`.
pub(super) fn process_docs(documents: &[Value]) -> Result<Vec<Value>, Fault> {
    each(documents, |document| {
        let context = format!(
            "{}: {} {}",
            text(document, "activity_label")?,
            text(document, "ctx_a")?,
            python::capitalize(text(document, "ctx_b")?)
        );
        let choices: Vec<Value> =
            texts(document, "endings")?.iter().map(|ending| clean(ending).into()).collect();
        Ok(with(
            document,
            [("query", clean(&context).into()), ("choices", choices.into()), ("gold", gold(document)?)],
        ))
    })
}

fn gold(document: &Value) -> Outcome<Value> {
    let label = field(document, "label")?;
    let number = label.as_i64().or_else(|| python::strip(label.as_str()?).parse().ok());
    number.map(Value::from).ok_or_else(|| format!("field 'label' is {label}, not a number"))
}

fn clean(text: &str) -> String {
    let text = python::strip(text).replace(" [title]", ". ");
    BRACKETS.replace_all(&text, "").replace("  ", " ")
}
