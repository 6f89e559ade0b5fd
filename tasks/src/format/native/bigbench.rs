//! BIG-bench tasks with choices, from their own `task.json`.

use serde_json::{Value, json};

use super::super::random::MersenneTwister;
use super::{Fault, Outcome, field, text};

/// Leaves out documents that are not multiple choice.
pub(super) fn filter_multiple_choice(documents: &[Value]) -> Result<Vec<Value>, Fault> {
    let mut kept = Vec::new();
    for (document, fields) in documents.iter().enumerate() {
        let choices = field(fields, "multiple_choice_targets").and_then(|choices| {
            choices.as_array().ok_or_else(|| "field 'multiple_choice_targets' is not a list".to_owned())
        });
        if !choices.map_err(|problem| Fault { document, problem })?.is_empty() {
            kept.push(fields.clone());
        }
    }
    Ok(kept)
}

/// From whole `task.json` files, one a document, the examples that have `target_scores`, as BIG-bench formats them: `inputs`
/// with prefixes and, unless the file says otherwise, the choices in NumPy's order, `targets`, `multiple_choice_targets` and
/// `multiple_choice_scores`.
///
/// The task's `task_prefix` is not among them: BIG-bench puts it once before everything, which is what a `description` is;
/// each document has it as `task_prefix`.
pub(super) fn process_docs(documents: &[Value]) -> Result<Vec<Value>, Fault> {
    let mut out = Vec::new();
    for (document, task) in documents.iter().enumerate() {
        task_examples(task, &mut out).map_err(|problem| Fault { document, problem })?;
    }
    Ok(out)
}

fn task_examples(task: &Value, out: &mut Vec<Value>) -> Outcome<()> {
    let examples = field(task, "examples")?.as_array().ok_or("field 'examples' is not a list")?;
    let string = |name: &str, default: &str| -> Outcome<String> {
        match task.get(name) {
            None => Ok(default.to_owned()),
            Some(_) => text(task, name).map(str::to_owned),
        }
    };
    let prefix = string("task_prefix", "")?;
    let (before, after) =
        (string("example_input_prefix", "\nQ: ")?, string("example_output_prefix", "\nA: ")?);
    let choice_prefix = string("choice_prefix", "\n  choice: ")?;
    let append = match task.get("append_choices_to_input") {
        None => true,
        Some(Value::Bool(append)) => *append,
        // Two tasks have the text "false", which is true in Python, and so it was run.
        Some(Value::String(text)) => !text.is_empty(),
        Some(other) => return Err(format!("'append_choices_to_input' is {other}")),
    };
    // One generator goes through the examples.
    let mut random = MersenneTwister::numpy(42);
    for (position, example) in examples.iter().enumerate() {
        let Some(scores) = example.get("target_scores") else { continue };
        let fault = |problem: String| format!("example {position}: {problem}");
        let scores =
            scores.as_object().ok_or_else(|| fault("'target_scores' is not an object".to_owned()))?;
        if scores.is_empty() {
            return Err(fault("no choices".to_owned()));
        }
        let (choices, grades): (Vec<&String>, Vec<Option<f64>>) =
            scores.iter().map(|(choice, grade)| (choice, grade.as_f64())).unzip();
        let grades: Vec<f64> = grades
            .into_iter()
            .collect::<Option<_>>()
            .ok_or_else(|| fault("a score is not a number".to_owned()))?;
        let mut inputs = format!("{before}{}", text(example, "input").map_err(fault)?);
        if append {
            let mut sorted = choices.clone();
            sorted.sort();
            for position in random.permutation(sorted.len()) {
                inputs.push_str(&choice_prefix);
                inputs.push_str(sorted[position]);
            }
        }
        inputs.push_str(&after);
        let targets = match example.get("target") {
            Some(Value::Array(targets)) => targets.clone(),
            Some(target) => vec![target.clone()],
            None => {
                let most = grades.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let best = grades.iter().position(|grade| *grade == most).unwrap_or(0);
                vec![choices[best].as_str().into()]
            }
        };
        out.push(json!({
            "inputs": inputs,
            "targets": targets,
            "multiple_choice_targets": choices,
            "multiple_choice_scores": grades,
            "task_prefix": prefix,
        }));
    }
    Ok(())
}
