//! A document with what was asked, answered and scored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Error, Result, VERSION};
use crate::statistics::Score;
use crate::{Answer, Ask, Gold, Item, Pair, Scored};

/// What must be equal for an answer to be another's: a file of another model, protocol or prompt never answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The task.
    pub task: String,
    /// `paper` or `lm-eval`.
    pub protocol: String,
    /// Shots that were asked for.
    pub shots: usize,
    /// [`ask_hash`] of the task's first document, which is there whatever `--limit` says.
    pub prompt_hash: String,
    /// The hash of the checkpoint: its manifest's, or that of an imported file.
    pub checkpoint_hash: String,
    /// Tokens of the window.
    pub window: usize,
    /// What is done with prompts that are longer: `truncate`, `skip` or `error`.
    pub overlong: String,
    /// The devices, which round as they do: their kind, and the mesh over which the model is split.
    pub devices: String,
}

impl Key {
    /// The first field in which another key differs: its name, its value here and there.
    pub fn difference<'a>(&'a self, other: &'a Key) -> Option<(&'static str, String, String)> {
        let fields = |key: &'a Key| {
            [
                ("checkpoint", key.checkpoint_hash.clone()),
                ("protocol", key.protocol.clone()),
                ("shots", key.shots.to_string()),
                ("prompt_hash", key.prompt_hash.clone()),
                ("window", key.window.to_string()),
                ("overlong", key.overlong.clone()),
                ("devices", key.devices.clone()),
            ]
        };
        let pairs = fields(self).into_iter().zip(fields(other));
        let differing = pairs.map(|((what, here), (_, there))| (what, here, there));
        differing.into_iter().find(|(_, here, there)| here != there)
    }
}

/// A line of `samples.jsonl`. Above `gopher`, the fields of lm-evaluation-harness's `SampleResult`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The document's position in its data file.
    pub doc_id: usize,
    /// Its fields.
    pub doc: Value,
    /// What is right, as text.
    pub target: String,
    /// What was asked: `gen_args_0` for the first request, with `arg_0` its context and `arg_1` its continuation.
    pub arguments: BTreeMap<String, BTreeMap<String, Value>>,
    /// For each request the answers, of which there is one: `["-1.5", "True"]` (log-probability, and whether it is greedy), or a
    /// text.
    pub resps: Vec<Vec<Shown>>,
    /// The answer to each request.
    pub filtered_resps: Vec<Shown>,
    /// `none`, or what the answer was put through.
    pub filter: String,
    /// Names of the metrics below.
    pub metrics: Vec<String>,
    /// SHA-256 of the document as JSON, indented by 2.
    pub doc_hash: String,
    /// SHA-256 of the first request's context.
    pub prompt_hash: String,
    /// SHA-256 of `target`.
    pub target_hash: String,
    /// What is ours.
    pub gopher: Details,
    /// The document's score in each metric.
    #[serde(flatten)]
    pub scores: BTreeMap<String, Score>,
}

/// An answer as lm-evaluation-harness writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Shown {
    /// A text, or the log-probability of a whole text.
    Text(String),
    /// A log-probability, and whether each token was the likeliest.
    Scored(String, String),
}

impl Shown {
    fn scored(scored: &Scored) -> Self {
        let greedy = if scored.greedy { "True" } else { "False" };
        Shown::Scored(format!("{:?}", scored.log_probability), greedy.into())
    }
}

/// What `samples.jsonl` has beyond lm-evaluation-harness's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// [`VERSION`].
    pub version: u32,
    /// What it answers.
    pub key: Key,
    /// [`ask_hash`] of the document: all that was asked, where `prompt_hash` has the first context.
    pub ask_hash: String,
    /// Documents before it in the prompt.
    pub shots: usize,
    /// Whether it was left out, as it does not fit the window.
    pub skipped: bool,
    /// Tokens of contexts that the window had no room for.
    pub truncated: usize,
    /// Continuations that have no tokens of their own.
    pub empty: usize,
    /// Tokens scored.
    pub tokens: usize,
    /// In the order of `arguments`; none of a generated text.
    pub requests: Vec<Request>,
}

/// How a request was answered, token by token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Tokens of the context, less those that were cut off.
    pub context_ids: Vec<u32>,
    /// Tokens that were scored.
    pub continuation_ids: Vec<u32>,
    /// Natural log of the probability of each of them.
    pub log_probabilities: Vec<f64>,
    /// Their sum.
    pub log_probability: f64,
    /// The sum over the characters of the choice, which `acc_norm` compares; `None` where there are no choices.
    pub per_character: Option<f64>,
    /// The sum over its bytes, which `acc_bytes` compares.
    pub per_byte: Option<f64>,
    /// Whether each token is the likeliest.
    pub greedy: bool,
    /// Tokens of the context that were cut off.
    pub truncated: usize,
}

/// The tokens of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTokens {
    /// Tokens of the context, less those that were cut off.
    pub context_ids: Vec<u32>,
    /// Tokens that were scored.
    pub continuation_ids: Vec<u32>,
    /// Natural log of the probability of each of them.
    pub log_probabilities: Vec<f64>,
}

impl Sample {
    /// The line of a document that was asked and answered. `tokens` has an element for each request, in the order of the pairs
    /// and then the unconditional pairs; missing ones are written as empty.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a score or a log-probability is no number.
    pub fn new(
        key: Key,
        item: &Item,
        answer: &Answer,
        tokens: Vec<RequestTokens>,
        scores: BTreeMap<String, Score>,
    ) -> Result<Self> {
        let scored: Vec<Scored> = match answer {
            Answer::Choices { scored, unconditional } => [scored.as_slice(), unconditional].concat(),
            Answer::LogLikelihood(scored) | Answer::Rolling(scored) => vec![*scored],
            Answer::Generated(_) | Answer::Repeated(_) | Answer::Skipped => Vec::new(),
        };
        let shown: Vec<Shown> = match answer {
            Answer::Rolling(scored) => vec![Shown::Text(format!("{:?}", scored.log_probability))],
            Answer::Generated(text) => vec![Shown::Text(text.clone())],
            Answer::Repeated(texts) => texts.iter().cloned().map(Shown::Text).collect(),
            _ => scored.iter().map(Shown::scored).collect(),
        };
        let lengths = |request: usize| match &item.ask {
            Ask::Choices { choices, .. } => choices.get(request),
            _ => None,
        };
        let mut tokens = tokens.into_iter();
        let requests: Vec<Request> = scored
            .iter()
            .enumerate()
            .map(|(request, scored)| {
                let tokens = tokens.next().unwrap_or_default();
                let over = |length: usize| scored.log_probability / length as f64;
                let choice = lengths(request).filter(|choice| !choice.is_empty());
                Request {
                    context_ids: tokens.context_ids,
                    continuation_ids: tokens.continuation_ids,
                    log_probabilities: tokens.log_probabilities,
                    log_probability: scored.log_probability,
                    per_character: choice.map(|choice| over(choice.chars().count())),
                    per_byte: choice.map(|choice| over(choice.len())),
                    greedy: scored.greedy,
                    truncated: scored.truncated,
                }
            })
            .collect();
        check_finite(&key.task, item.document, &scores, &requests)?;
        let target = target(item);
        let arguments = arguments(&item.ask);
        Ok(Self {
            doc_id: item.document,
            doc: item.fields.clone(),
            arguments: (arguments.into_iter().enumerate())
                .map(|(i, request)| {
                    let request = request.into_iter().enumerate();
                    (format!("gen_args_{i}"), request.map(|(j, value)| (format!("arg_{j}"), value)).collect())
                })
                .collect(),
            resps: match answer {
                Answer::Repeated(_) => vec![shown.clone()],
                _ => shown.iter().map(|shown| vec![shown.clone()]).collect(),
            },
            filtered_resps: shown,
            filter: "none".into(),
            metrics: scores.keys().cloned().collect(),
            doc_hash: document_hash(&item.fields),
            prompt_hash: prompt_hash(item),
            target_hash: hash(&target),
            target,
            gopher: Details {
                version: VERSION,
                key,
                ask_hash: ask_hash(item),
                shots: item.shots,
                skipped: matches!(answer, Answer::Skipped),
                truncated: scored.iter().map(|scored| scored.truncated).sum(),
                empty: scored.iter().filter(|scored| scored.tokens == 0).count(),
                tokens: scored.iter().map(|scored| scored.tokens).sum(),
                requests,
            },
            scores,
        })
    }
}

fn check_finite(
    task: &str,
    document: usize,
    scores: &BTreeMap<String, Score>,
    requests: &[Request],
) -> Result<()> {
    let scores = scores.iter().flat_map(|(name, score)| match *score {
        Score::Number(value) => vec![(name.clone(), value)],
        Score::Weighted(value, weight) => vec![(name.clone(), value), (name.clone(), weight)],
        Score::Labels { .. } => Vec::new(),
    });
    let requests = requests.iter().enumerate().flat_map(|(i, request)| {
        let all = request.log_probabilities.iter().chain([&request.log_probability]);
        all.map(move |&value| (format!("the log-probability of request {i}"), value))
    });
    match scores.chain(requests).find(|(_, value)| !value.is_finite()) {
        Some((what, value)) => Err(Error::NotFinite { task: task.into(), document, what, value }),
        None => Ok(()),
    }
}

/// What is asked, request by request, as lm-evaluation-harness has it.
fn arguments(ask: &Ask) -> Vec<Vec<Value>> {
    let pair = |pair: &Pair| vec![json!(pair.context), json!(pair.continuation)];
    match ask {
        Ask::Choices { pairs, unconditional, .. } => pairs.iter().chain(unconditional).map(pair).collect(),
        Ask::LogLikelihood(only) => vec![pair(only)],
        Ask::Rolling(text) => vec![vec![json!(text)]],
        Ask::Generate { context, generation } => vec![vec![
            json!(context),
            json!({
                "until": generation.until,
                "max_gen_toks": generation.max_tokens,
                "do_sample": generation.temperature > 0.0,
                "temperature": generation.temperature,
                "top_p": generation.top_p,
            }),
        ]],
    }
}

/// What is right about a document, as text: a choice's number, a text, or a list of either.
pub fn target(item: &Item) -> String {
    match (&item.gold, &item.ask) {
        (Gold::Choice(choice), _) => choice.to_string(),
        (Gold::Choices(choices), _) => json!(choices).to_string(),
        (Gold::Grades(grades), _) => json!(grades).to_string(),
        (Gold::Texts(texts), _) => match texts.as_slice() {
            [only] => only.clone(),
            texts => json!(texts).to_string(),
        },
        (Gold::None, Ask::LogLikelihood(pair)) => pair.continuation.clone(),
        (Gold::None, Ask::Rolling(text)) => text.clone(),
        (Gold::None, _) => String::new(),
    }
}

/// SHA-256 of a document as JSON indented by 2, in hexadecimal: lm-evaluation-harness's `doc_hash`, where its fields are in
/// alphabetical order.
pub fn document_hash(fields: &Value) -> String {
    hash(&format!("{fields:#}"))
}

/// SHA-256 of the context of a document's first request, in hexadecimal: lm-evaluation-harness's `prompt_hash`.
pub fn prompt_hash(item: &Item) -> String {
    let first = match &item.ask {
        Ask::Choices { pairs, .. } => pairs.first().map_or("", |pair| &pair.context),
        Ask::LogLikelihood(pair) => &pair.context,
        Ask::Rolling(text) => text,
        Ask::Generate { context, .. } => context,
    };
    hash(first)
}

/// SHA-256 of all that is asked about a document, in hexadecimal: every context and continuation, lengths of choices, and how
/// texts are generated.
pub fn ask_hash(item: &Item) -> String {
    hash(&json!(item.ask).to_string())
}

pub(super) fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
