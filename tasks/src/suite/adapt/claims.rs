//! Claims with evidence: FEVER and MultiFC.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::documents::Error;
use super::{Folders, field, records, text};
use crate::read::{self, Shape};

/// FEVER's labels.
const LABELS: [&str; 3] = ["SUPPORTS", "REFUTES", "NOT ENOUGH INFO"];

/// Names of the columns of MultiFC's tables, which have none.
const COLUMNS: [&str; 13] = [
    "claim_id",
    "claim",
    "label",
    "url",
    "reason",
    "categories",
    "speaker",
    "checker",
    "tags",
    "title",
    "published",
    "date",
    "entities",
];

/// A sentence of Wikipedia: the page and the line.
type Place = (String, u64);

/// Where the text of a claim's evidence is.
enum Evidence {
    Text(String),
    Places(Vec<Place>),
}

/// Claims as `claim`, `evidence` (one text, empty if there is none) and `label`, from 0 in the order of the labels: supported,
/// refuted, not enough information.
///
/// The evidence is the text that the file has for it, or the first set of sentences, which are looked up in `wiki-pages`.
pub(super) fn fever(files: &[PathBuf], folders: &Folders) -> Result<Vec<Value>, Error> {
    let mut claims = Vec::new();
    records(files, Shape::default(), |fields| {
        let label = text(fields, "label")?;
        let Some(label) = LABELS.iter().position(|&known| known == label) else {
            return Err(format!("label {label:?}, which is none of {}", LABELS.join(", ")));
        };
        claims.push((text(fields, "claim")?.to_owned(), label, evidence(field(fields, "evidence")?)?));
        Ok(None)
    })?;
    let wanted = claims.iter().flat_map(|(_, _, evidence)| match evidence {
        Evidence::Text(_) => &[],
        Evidence::Places(places) => places.as_slice(),
    });
    let sentences = sentences(wanted.cloned().collect(), files, folders)?;
    let document = |(claim, label, evidence): (String, usize, Evidence)| {
        let evidence = match evidence {
            Evidence::Text(text) => text,
            Evidence::Places(places) => {
                let found = places.iter().filter_map(|place| sentences.get(place).map(String::as_str));
                found.collect::<Vec<_>>().join(" ")
            }
        };
        json!({ "claim": claim, "evidence": evidence, "label": label })
    };
    Ok(claims.into_iter().map(document).collect())
}

/// The evidence of a claim: sentences with their text, `[page, line, text]`, or sets of places, of which the first is taken,
/// each `[annotation, evidence, page, line]`.
fn evidence(value: &Value) -> Result<Evidence, String> {
    let wrong = || "\"evidence\" is neither a list of [page, line, text] nor of sets of places".to_owned();
    let list = value.as_array().ok_or_else(wrong)?;
    let Some(first) = list.first() else { return Ok(Evidence::Text(String::new())) };
    let first = first.as_array().ok_or_else(wrong)?;
    if first.first().is_some_and(Value::is_array) {
        let place = |place: &Value| match (place.get(2), place.get(3)) {
            (Some(Value::String(page)), Some(line)) => {
                Ok(Some((page.clone(), line.as_u64().ok_or_else(wrong)?)))
            }
            // Not enough information: no page.
            (Some(Value::Null), _) => Ok(None),
            _ => Err(wrong()),
        };
        let places = first.iter().filter_map(|sentence| place(sentence).transpose());
        return Ok(Evidence::Places(places.collect::<Result<_, _>>()?));
    }
    let sentence =
        |sentence: &Value| sentence.get(2).and_then(Value::as_str).map(str::to_owned).ok_or_else(wrong);
    Ok(Evidence::Text(list.iter().map(sentence).collect::<Result<Vec<_>, _>>()?.join(" ")))
}

/// The sentences at these places, out of FEVER's copy of Wikipedia.
fn sentences(
    wanted: BTreeSet<Place>,
    files: &[PathBuf],
    folders: &Folders,
) -> Result<HashMap<Place, String>, Error> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let pages = folders.find("wiki-pages/*.jsonl");
    if pages.is_empty() {
        let path = files.first().cloned().unwrap_or_default();
        let problem = "its evidence is in wiki-pages/*.jsonl, which is not there; or take fever_gold_evidence/valid.jsonl".into();
        return Err(Error::File { path, problem });
    }
    let names = wanted.iter().map(|(page, _)| page.as_str()).collect::<BTreeSet<_>>();
    let mut found = HashMap::new();
    for path in &pages {
        for page in read::documents(path, Shape::default())? {
            let page = page?;
            let (Some(name), Some(lines)) = (page["id"].as_str(), page["lines"].as_str()) else { continue };
            if !names.contains(name) {
                continue;
            }
            // A line is its number, its text, and what it links to, between tabs.
            for line in lines.split('\n') {
                let mut parts = line.split('\t');
                let (number, text) = (parts.next().and_then(|number| number.parse().ok()), parts.next());
                if let (Some(number), Some(text)) = (number, text) {
                    let place = (name.to_owned(), number);
                    if wanted.contains(&place) {
                        found.insert(place, text.to_owned());
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Claims as `claim`, `speaker`, `snippets` (what a search for it found, one text), `choices` (the labels of its website, in
/// the order of the alphabet) and `answer`, the position of its own.
pub(super) fn multifc(files: &[PathBuf], folders: &Folders) -> Result<Vec<Value>, Error> {
    let shape = Shape { columns: &COLUMNS, field: None };
    let rows = records(files, shape, |fields| Ok(Some(fields.clone())))?;
    // A claim's name begins with that of its website: "pomt-05849".
    let site = |row: &Value| {
        row["claim_id"].as_str().and_then(|id| id.split('-').next()).unwrap_or_default().to_owned()
    };
    let mut labels = HashMap::<_, BTreeSet<String>>::new();
    for row in &rows {
        labels.entry(site(row)).or_default().insert(row["label"].as_str().unwrap_or_default().to_owned());
    }
    let document = |row: &Value| {
        let choices = labels[&site(row)].iter().collect::<Vec<_>>();
        let answer = choices.iter().position(|&label| Some(label.as_str()) == row["label"].as_str());
        let id = row["claim_id"].as_str().unwrap_or_default();
        let snippets = folders.find(&format!("snippets/{id}"));
        let mut found = Vec::new();
        for path in &snippets {
            // The search's rank, the title, the snippet, and the address.
            for line in read::text(path)?.lines() {
                found.extend(line.split('\t').nth(2).map(|snippet| snippet.trim().to_owned()));
            }
        }
        Ok(json!({
            "claim": row["claim"], "speaker": row["speaker"], "snippets": found.join("\n"),
            "choices": choices, "answer": answer,
        }))
    };
    rows.iter().map(document).collect()
}
