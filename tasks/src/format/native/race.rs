//! RACE, in two ways: as lm-evaluation-harness has it, where the last question of an article is asked and those before
//! stand in the prompt with their answers, and as its authors count it, every question by itself.

use serde_json::{Value, json};

use super::super::python;
use super::{Fault, Outcome, field, text, texts};

struct Problem {
    question: String,
    options: Vec<String>,
    answer: usize,
}

/// The questions of an article: from `problems`, a list or Python's text of one, or from the columns of RACE's own files.
fn problems(document: &Value) -> Outcome<Vec<Problem>> {
    let letter = |letter: &str, options: &[String]| {
        let position =
            letter.bytes().next().filter(|_| letter.len() == 1).and_then(|byte| byte.checked_sub(b'A'));
        position
            .map(usize::from)
            .filter(|position| *position < options.len())
            .ok_or_else(|| format!("answer {letter:?} is not the letter of one of {} options", options.len()))
    };
    let problems: Vec<Problem> = if let Some(problems) = document.get("problems") {
        let parsed;
        let problems = match problems {
            Value::String(text) => {
                parsed = python::literal(text).map_err(|reason| format!("field 'problems' is {reason}"))?;
                &parsed
            }
            other => other,
        };
        let problems = problems.as_array().ok_or("field 'problems' is not a list")?;
        let one = |problem: &Value| {
            let options = texts(problem, "options")?;
            let answer = letter(text(problem, "answer")?, &options)?;
            Ok(Problem { question: text(problem, "question")?.to_owned(), options, answer })
        };
        problems.iter().map(one).collect::<Outcome<_>>()?
    } else {
        let (questions, answers) = (texts(document, "questions")?, texts(document, "answers")?);
        let options = field(document, "options")?.as_array().ok_or("field 'options' is not a list")?;
        if questions.len() != answers.len() || questions.len() != options.len() {
            return Err(format!(
                "{} questions, {} answers and {} lists of options",
                questions.len(),
                answers.len(),
                options.len()
            ));
        }
        let of = |options: &Value| texts(&json!({ "options": options }), "options");
        let rows = questions.into_iter().zip(answers).zip(options);
        let one = |((question, answer), options): ((String, String), &Value)| {
            let options = of(options)?;
            Ok(Problem { question, answer: letter(&answer, &options)?, options })
        };
        rows.map(one).collect::<Outcome<_>>()?
    };
    if problems.is_empty() {
        return Err("an article without questions".to_owned());
    }
    Ok(problems)
}

fn last(document: &Value) -> Outcome<Problem> {
    problems(document)?.pop().ok_or_else(|| "an article without questions".to_owned())
}

/// The options of the last question.
pub(super) fn doc_to_choice(document: &Value) -> Outcome<Value> {
    let problem = last(document)?;
    match problem.options.len() {
        4 => Ok(problem.options.into()),
        other => Err(format!("{other} options, not 4")),
    }
}

/// The position of the last question's answer.
pub(super) fn doc_to_target(document: &Value) -> Outcome<Value> {
    Ok(last(document)?.answer.into())
}

/// The article, its questions with answers, and the last without.
pub(super) fn doc_to_text(document: &Value) -> Outcome<Value> {
    let mut problems = problems(document)?;
    let last = problems.pop();
    let mut out = format!("Article: {}\n\n", text(document, "article")?);
    for problem in problems {
        let answer = &problem.options[problem.answer];
        // A gap at the end of the sentence is filled; of the six characters from the gap on, the first stays.
        match problem.question.strip_suffix("  _  .") {
            Some(sentence) => out.push_str(&format!("{sentence} {answer}\n")),
            None => out.push_str(&format!("Question: {}\nAnswer: {answer}\n", problem.question)),
        }
    }
    out.push_str(&last.map(|problem| problem.question).unwrap_or_default());
    Ok(out.into())
}

/// A document for each question: `article`, `question`, `options` and `answer`, the position of the right one.
pub(super) fn every_question(documents: &[Value]) -> Result<Vec<Value>, Fault> {
    let mut out = Vec::new();
    for (document, fields) in documents.iter().enumerate() {
        let fault = |problem| Fault { document, problem };
        let article = text(fields, "article").map_err(fault)?;
        for Problem { question, options, answer } in problems(fields).map_err(fault)? {
            out.push(
                json!({ "article": article, "question": question, "options": options, "answer": answer }),
            );
        }
    }
    Ok(out)
}
