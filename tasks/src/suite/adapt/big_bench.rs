//! A task of BIG-bench, from its `task.json`, as `bigbench/api/json_task.py` reads it.
//!
//! A document has the fields of the data set `hails/bigbench` (`inputs`, `targets`, `multiple_choice_targets`,
//! `multiple_choice_scores`), whose `inputs` begin with the task's prefix, and these beside them: `task_prefix`, and
//! `question`, the input without it, for prompts with shots, before all of which it stands once.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use super::super::documents::Error;
use super::Scores;
use crate::permutation::permutation;
use crate::read;

/// The seed of BIG-bench, which each example has anew.
const SEED: u32 = 42;

/// Of a key that stands twice, as in `timedial`, the last value counts, as in Python.
struct TaskFile {
    task_prefix: String,
    example_input_prefix: String,
    example_output_prefix: String,
    choice_prefix: String,
    /// A boolean; in two tasks the text "false", which Python takes for true: their authors' numbers are with choices.
    append_choices_to_input: Value,
    examples: Option<Vec<Example>>,
}

#[derive(Default)]
struct Example {
    input: Value,
    target: Value,
    target_scores: Option<Scores>,
    others: Map<String, Value>,
}

impl Default for TaskFile {
    fn default() -> Self {
        Self {
            task_prefix: String::new(),
            example_input_prefix: "\nQ: ".into(),
            example_output_prefix: "\nA: ".into(),
            choice_prefix: "\n  choice: ".into(),
            append_choices_to_input: true.into(),
            examples: None,
        }
    }
}

/// A JSON object that is read key by key.
trait Keys: Default {
    const WHAT: &'static str;

    fn read<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error>;
}

impl Keys for TaskFile {
    const WHAT: &'static str = "a task of BIG-bench";

    fn read<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error> {
        match key.as_str() {
            "task_prefix" => self.task_prefix = map.next_value()?,
            "example_input_prefix" => self.example_input_prefix = map.next_value()?,
            "example_output_prefix" => self.example_output_prefix = map.next_value()?,
            "choice_prefix" => self.choice_prefix = map.next_value()?,
            "append_choices_to_input" => self.append_choices_to_input = map.next_value()?,
            "examples" => {
                let examples = map.next_value::<Vec<ByKey<Example>>>()?;
                self.examples = Some(examples.into_iter().map(|ByKey(example)| example).collect());
            }
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl Keys for Example {
    const WHAT: &'static str = "an example";

    fn read<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error> {
        match key.as_str() {
            "input" => self.input = map.next_value()?,
            "target" => self.target = map.next_value()?,
            "target_scores" => self.target_scores = Some(map.next_value()?),
            _ => drop(self.others.insert(key, map.next_value()?)),
        }
        Ok(())
    }
}

struct ByKey<T>(T);

impl<'de, T: Keys> Deserialize<'de> for ByKey<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Keys> Visitor<'de> for Object<T> {
            type Value = ByKey<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(T::WHAT)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ByKey<T>, A::Error> {
                let mut read = T::default();
                while let Some(key) = map.next_key()? {
                    read.read(key, &mut map)?;
                }
                Ok(ByKey(read))
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

/// The examples with choices, each once.
pub(super) fn documents(path: &Path) -> Result<Vec<Value>, Error> {
    let bytes = read::bytes(path)?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let task = serde_json::from_slice::<ByKey<TaskFile>>(bytes);
    let ByKey(task) = task.map_err(|error| read::not_json(path, bytes, &error))?;
    let wrong = |problem: &str| Error::File { path: path.into(), problem: problem.into() };
    let Some(examples) = &task.examples else {
        return Err(wrong(
            "no \"examples\": its subtasks are in folders beside it; name the task.json of one",
        ));
    };
    let appends = match &task.append_choices_to_input {
        Value::Null => false,
        Value::Bool(appends) => *appends,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
    };
    let (mut seen, mut documents) = (HashSet::new(), Vec::new());
    for (record, example) in examples.iter().enumerate() {
        let wrong = |problem: String| Error::Record { path: path.into(), record, problem };
        let Some(Scores(scores)) = &example.target_scores else { continue };
        let others = (&example.input, &example.target, scores, &example.others);
        if !seen.insert(format!("{others:?}")) {
            continue;
        }
        documents.push(document(&task, example, scores, appends).map_err(wrong)?);
    }
    if documents.is_empty() {
        return Err(wrong("no example has choices (\"target_scores\")"));
    }
    Ok(documents)
}

fn document(
    task: &TaskFile,
    example: &Example,
    scores: &[(String, f64)],
    appends: bool,
) -> Result<Value, String> {
    let Some(input) = example.input.as_str() else { return Err("\"input\" is not a text".into()) };
    if scores.is_empty() {
        return Err("no choices".into());
    }
    let most = scores.iter().map(|&(_, score)| score).fold(f64::NEG_INFINITY, f64::max);
    let least = scores.iter().map(|&(_, score)| score).fold(f64::INFINITY, f64::min);
    let targets = match &example.target {
        Value::Null if most <= least && (scores.len() > 1 || most == 0.0) => {
            return Err("no choice has a higher score than another".into());
        }
        Value::Null => scores.iter().find(|&&(_, score)| score == most).map(|(choice, _)| json!([choice])),
        Value::Array(targets) => Some(targets.clone().into()),
        target => Some(json!([target])),
    };
    let mut question = format!("{}{input}", task.example_input_prefix);
    if appends {
        let mut sorted = scores.iter().map(|(choice, _)| choice.as_str()).collect::<Vec<_>>();
        sorted.sort_unstable();
        for place in permutation(SEED, sorted.len()) {
            question.push_str(&task.choice_prefix);
            question.push_str(sorted[place]);
        }
    }
    question.push_str(&task.example_output_prefix);
    let prefix = &task.task_prefix;
    let (choices, scores): (Vec<_>, Vec<_>) = scores.iter().cloned().unzip();
    Ok(json!({
        "inputs": format!("{prefix}{question}"),
        "question": question,
        "task_prefix": prefix,
        "targets": targets,
        "multiple_choice_targets": choices,
        "multiple_choice_scores": scores,
    }))
}
