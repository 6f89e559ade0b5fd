//! Texts: WikiText, RACE, LAMBADA.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::documents::Error;
use super::text;
use crate::read;

/// WikiText's articles, as the field `page`: each begins with a line such as ` = Title = `, with one sign of equality.
pub(super) fn pages(files: &[PathBuf]) -> Result<Vec<Value>, Error> {
    let mut pages = Vec::new();
    for path in files {
        let whole = read::text(path)?;
        let mut lines = Vec::new();
        let mut end = |lines: &mut Vec<&str>| {
            let page = lines.join("\n");
            lines.clear();
            if !page.trim().is_empty() {
                pages.push(json!({ "page": page }));
            }
        };
        for line in whole.split('\n') {
            if is_title(line) {
                end(&mut lines);
            }
            lines.push(line);
        }
        end(&mut lines);
    }
    Ok(pages)
}

/// Whether a line is the title of an article, not of a section, which has several signs on each side.
fn is_title(line: &str) -> bool {
    let line = line.trim();
    let inner = line.strip_prefix("= ").and_then(|rest| rest.strip_suffix(" ="));
    inner.is_some_and(|inner| !inner.starts_with("= ") && !inner.ends_with(" ="))
}

/// RACE's articles, one object in each file.
pub(super) fn race(files: &[PathBuf]) -> Result<Vec<Value>, Error> {
    let article = |path: &PathBuf| {
        let whole = read::text(path)?;
        let fields = serde_json::from_str::<Value>(&whole)
            .map_err(|error| read::not_json(path, whole.as_bytes(), &error))?;
        match fields.get("article") {
            Some(_) => Ok(fields),
            None => Err(Error::File {
                path: path.clone(),
                problem: "no field \"article\"; not a file of RACE".into(),
            }),
        }
    };
    files.iter().map(article).collect()
}

/// A request for the log-probability of LAMBADA's last word: the text is both its parts.
pub(super) fn lambada_request(fields: &Value) -> Result<Option<Value>, String> {
    let request = super::field(fields, "request")?;
    let whole = format!("{}{}", text(request, "context")?, text(request, "continuation")?);
    Ok(Some(json!({ "text": whole })))
}
