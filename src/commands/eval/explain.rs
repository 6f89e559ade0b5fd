//! `gopher eval explain`: one document, token by token.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use anyhow::anyhow;
use clap::Args;
use eval::evaluate::{Answered, Request, answer};
use serde::Serialize;
use tasks::{Answer, Ask, Gold, Item, format};

use super::data::Data;
use super::model::ModelArguments;
use super::select::{Selection, TaskArguments};
use crate::output::{print, print_json, table, usage};

/// Arguments of `gopher eval explain`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// The task.
    #[arg(long, value_name = "NAME", help_heading = "Document")]
    task: String,
    /// The document, by its position in the task's data, from 0.
    #[arg(long, value_name = "N", help_heading = "Document")]
    document: usize,
    #[command(flatten)]
    tasks: ExplainedTask,
    #[command(flatten)]
    data: Data,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// How the task is asked.
#[derive(Args, Clone)]
struct ExplainedTask {
    /// Whether the suite's tasks are asked as in the paper, or as lm-evaluation-harness asks them.
    #[arg(long, value_enum, default_value_t, help_heading = "Document")]
    protocol: super::select::ProtocolArgument,
    /// Documents before it as examples [default: the task's own number].
    #[arg(long, value_name = "N", help_heading = "Document")]
    shots: Option<usize>,
    /// Folder with task files of your own, in lm-evaluation-harness's format; may be given several times.
    #[arg(long, value_name = "DIR", help_heading = "Document")]
    include: Vec<std::path::PathBuf>,
}

/// A token that was read or scored.
#[derive(Serialize)]
struct Token {
    id: u32,
    /// Its text, as the tokenizer decodes it alone.
    text: String,
    /// Natural log of its probability; `None` of one that was given.
    log_probability: Option<f32>,
    /// The likeliest token in its place, if that is another.
    likeliest: Option<String>,
}

/// A request with its numbers.
#[derive(Serialize)]
struct Explained {
    context: String,
    continuation: String,
    /// Tokens of the context that the model was given.
    context_tokens: usize,
    /// Tokens of it that the window had no room for.
    truncated: usize,
    log_probability: f64,
    per_character: Option<f64>,
    per_byte: Option<f64>,
    greedy: bool,
    tokens: Vec<Token>,
}

/// A document with everything that its score is made of.
#[derive(Serialize)]
struct Output<'a> {
    task: &'a str,
    document: usize,
    shots: usize,
    window: usize,
    gold: &'a Gold,
    requests: Vec<Explained>,
    /// A text that was generated.
    generated: Option<String>,
    /// The choice that is likeliest, and the likeliest by characters.
    chosen: Option<usize>,
    chosen_by_characters: Option<usize>,
    measured: Vec<format::Measured>,
    prompt_hash: String,
}

/// Shows a document.
///
/// # Errors
/// A task or a document that there is not, and those of scoring.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { model: model_arguments, task, document, tasks, data, json } = arguments;
    let ExplainedTask { protocol, shots, include } = tasks;
    let arguments =
        TaskArguments { suite: None, tasks: vec![task.clone()], protocol, shots, limit: None, include };
    let model = model_arguments.open()?;
    let Selection { subjects, .. } = arguments.select(&data)?;
    let [subject] = subjects.as_slice() else {
        return Err(usage(format_args!("{task} is a suite of {} tasks; name one of them", subjects.len())));
    };
    let item = subject.items.iter().find(|item| item.document == document).ok_or_else(|| {
        usage(format_args!(
            "{task} has documents 0 to {}; --document {document} is none",
            subject.items.len() - 1
        ))
    })?;
    let mut scorer = model_arguments.load(model, 0)?;
    let mut answered = None;
    answer(&mut scorer, std::slice::from_ref(item), model_arguments.overlong.into(), &mut |_, one| {
        answered = Some(one);
        ControlFlow::Continue(())
    })?;
    let Answered { answer, requests } = answered.ok_or_else(|| anyhow!("the document has no answer"))?;
    let chosen = format::choice_of(item, &answer);
    let tokenizer = scorer.tokenizer();
    let piece = |id: u32| tokenizer.decode(&[id]).unwrap_or_default();
    let explained =
        texts(item).into_iter().zip(&requests).map(|((context, continuation, choice), request)| {
            explain(request, context, continuation, choice, &piece)
        });
    let output = Output {
        task: &task,
        document,
        shots: item.shots,
        window: scorer.window(),
        gold: &item.gold,
        requests: explained.collect(),
        generated: match &answer {
            Answer::Generated(text) => Some(text.clone()),
            _ => None,
        },
        chosen: chosen.as_ref().map(|chosen| chosen.raw),
        chosen_by_characters: chosen.as_ref().map(|chosen| chosen.by_characters),
        measured: subject.task.score(item, &answer)?,
        prompt_hash: tasks::results::prompt_hash(item),
    };
    if json { print_json(&output) } else { print(text(&output)) }
}

/// What was asked, request by request: context, continuation, the choice as it is measured.
fn texts(item: &Item) -> Vec<(&str, &str, Option<&str>)> {
    match &item.ask {
        Ask::Choices { pairs, choices, unconditional } => {
            let choices = choices.iter().map(|choice| Some(choice.as_str())).chain(std::iter::repeat(None));
            let pairs = pairs.iter().chain(unconditional);
            pairs.zip(choices).map(|(pair, choice)| (&*pair.context, &*pair.continuation, choice)).collect()
        }
        Ask::LogLikelihood(pair) => vec![(&pair.context, &pair.continuation, None)],
        Ask::Rolling(text) => vec![("", text, None)],
        Ask::Generate { context, .. } => vec![(context, "", None)],
    }
}

fn explain(
    request: &Request,
    context: &str,
    continuation: &str,
    choice: Option<&str>,
    piece: &dyn Fn(u32) -> String,
) -> Explained {
    let scored = request.scored();
    let over = |length: usize| (length > 0).then(|| scored.log_probability / length as f64);
    let tokens = request.continuation.iter().enumerate().map(|(index, &id)| Token {
        id,
        text: piece(id),
        log_probability: request.log_probabilities.get(index).copied(),
        likeliest: request.best.get(index).filter(|&&best| best != id).map(|&best| piece(best)),
    });
    Explained {
        context: context.to_owned(),
        continuation: continuation.to_owned(),
        context_tokens: request.context.len(),
        truncated: request.truncated,
        log_probability: scored.log_probability,
        per_character: choice.and_then(|choice| over(choice.chars().count())),
        per_byte: choice.and_then(|choice| over(choice.len())),
        greedy: scored.greedy,
        tokens: tokens.collect(),
    }
}

fn text(output: &Output<'_>) -> String {
    let mut text = String::new();
    let Output { task, document, shots, window, .. } = output;
    let _ = writeln!(text, "{task}, document {document}, {shots} shots, window {window}\n");
    let mut shown = None;
    for (index, request) in output.requests.iter().enumerate() {
        if shown != Some(&request.context) {
            let _ = writeln!(
                text,
                "prompt, {} tokens:\n{}⟨end of prompt⟩\n",
                request.context_tokens, request.context
            );
            shown = Some(&request.context);
        }
        if request.truncated > 0 {
            let _ = writeln!(
                text,
                "its first {} tokens do not fit the window and were cut off",
                request.truncated
            );
        }
        if request.tokens.is_empty() && output.generated.is_some() {
            continue;
        }
        let per = |name: &str, value: Option<f64>| {
            value.map_or(String::new(), |value| format!(", {value:.4} per {name}"))
        };
        let _ = writeln!(
            text,
            "continuation {index} {:?}: log p {:.4}{}{}{}",
            request.continuation,
            request.log_probability,
            per("character", request.per_character),
            per("byte", request.per_byte),
            if request.greedy { ", each token the likeliest" } else { "" }
        );
        if request.tokens.is_empty() {
            let _ = writeln!(
                text,
                "  it has no tokens of its own: the prompt's last token reaches over its beginning"
            );
        }
        let mut rows = vec![["", "id", "text", "log p", "likelier"].map(str::to_owned).to_vec()];
        rows.extend(request.tokens.iter().map(|token| {
            let log = token.log_probability.map_or(String::new(), |log| format!("{log:.4}"));
            let likelier = token.likeliest.as_ref().map_or(String::new(), |text| format!("{text:?}"));
            vec![String::new(), token.id.to_string(), format!("{:?}", token.text), log, likelier]
        }));
        let _ = writeln!(text, "{}", table(&rows));
    }
    if let Some(generated) = &output.generated {
        let _ = writeln!(text, "generated: {generated:?}\n");
    }
    let _ = writeln!(text, "right: {}", gold(output.gold));
    if let Some(chosen) = output.chosen {
        let _ = writeln!(text, "chosen: {chosen} (the highest log p)");
    }
    if let Some(chosen) = output.chosen_by_characters {
        let _ = writeln!(text, "chosen by log p per character: {chosen}");
    }
    for measured in &output.measured {
        let value = match &measured.value {
            format::Measure::Number(value) => value.to_string(),
            format::Measure::Weighted { log_probability, weight } => {
                format!("log p {log_probability:.4} over {weight}")
            }
            format::Measure::Labels { gold, chosen } => format!("chosen {chosen}, right {gold}"),
            format::Measure::Probabilities { .. } => continue,
        };
        let _ = writeln!(text, "{}: {value}", measured.metric);
    }
    text
}

fn gold(gold: &Gold) -> String {
    match gold {
        Gold::Choice(choice) => choice.to_string(),
        Gold::Choices(choices) => format!("any of {choices:?}"),
        Gold::Grades(grades) => format!("grades {grades:?}"),
        Gold::Texts(texts) => texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or "),
        Gold::None => "nothing is right or wrong".into(),
    }
}
