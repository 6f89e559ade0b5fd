//! `POST /v1/completions`: texts continued.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use eval::Sampling;
use serde_json::{Map, Value, json};

use super::answers::{Form, Usage, Whole, collect, pieces, submit};
use super::error::ApiError;
use super::fields::{Choice, Fields, MOST_ANSWERS, short};
use super::tokens::token_text;
use super::{App, json_response};
use crate::engine::{Finish, Task, TokenScore};

/// Log-probabilities at most.
const MOST_LOGPROBS: u64 = 5;

/// Tokens of an answer if the request does not say.
const DEFAULT_TOKENS: u64 = 16;

/// A prompt.
struct Prompt {
    tokens: Arc<[u32]>,
    /// As it is echoed.
    text: String,
}

/// Continues texts.
pub(super) async fn answer(app: Arc<App>, body: &[u8]) -> Result<Response, ApiError> {
    let mut fields = Fields::parse(body)?;
    fields.model(&app.name)?;
    let prompts = prompts(&app, fields.take("prompt"))?;
    let max_tokens = fields.whole("max_tokens", 0..=u64::from(u32::MAX))?.unwrap_or(DEFAULT_TOKENS) as usize;
    let choice = fields.sampling(app.tokenizer.vocabulary_size(), Sampling::default())?;
    let logprobs = fields.whole("logprobs", 0..=MOST_LOGPROBS)?.map(|count| count as usize);
    let echo = fields.flag("echo")?;
    let (is_stream, tells_usage) = fields.stream()?;
    fields.finish()?;
    for prompt in &prompts {
        app.check_length(prompt.tokens.len(), max_tokens, "prompt")?;
    }
    let count = prompts.len() * choice.count;
    if count as u64 > MOST_ANSWERS {
        let message = format!("the request asks for {count} answers; {MOST_ANSWERS} are the most");
        return Err(ApiError::field("prompt", message));
    }
    let usage = Usage { prompt: prompts.iter().map(|prompt| prompt.tokens.len()).sum(), completion: 0 };
    let events = submit(&app, count, |events, now| {
        let task = |index: usize| {
            let Choice { logit_bias, stop, .. } = choice.clone();
            Task {
                index,
                prompt: Arc::clone(&prompts[index / choice.count].tokens),
                max_tokens,
                sampling: choice.of(index % choice.count),
                logit_bias,
                stop,
                trims: false,
                logprobs,
                score_prompt: echo && logprobs.is_some(),
                deadline: now + app.limits.deadline,
                arrived: now,
                events: events(),
            }
        };
        (0..count).map(task).collect()
    })?;
    let echoed = if echo { prompts.into_iter().map(|prompt| prompt.text).collect() } else { Vec::new() };
    let form = Completion { id: app.id("cmpl-"), echoed, answers: choice.count, logprobs };
    match is_stream {
        true => Ok(pieces(app, form, count, usage, tells_usage, events)),
        false => {
            let answers = collect(&app, form, count, usage, events).await?;
            Ok(json_response(&answers).into_response())
        }
    }
}

/// A text, a list of texts, a list of ids, or a list of such lists.
fn prompts(app: &App, prompt: Option<Value>) -> Result<Vec<Prompt>, ApiError> {
    let wrong = |message: String| ApiError::field("prompt", message);
    let form = "it must be a text, a list of texts, a list of ids, or a list of such lists";
    let prompts = match prompt {
        None => return Err(wrong(format!("there is no prompt; {form}"))),
        Some(Value::Array(list)) if list.is_empty() => return Err(wrong(format!("prompt is empty; {form}"))),
        Some(Value::Array(list)) if list.iter().any(Value::is_number) => vec![Value::Array(list)],
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    };
    let is_text = prompts.first().is_some_and(Value::is_string);
    let prompt = |prompt: Value| match prompt {
        Value::String(text) if is_text => {
            let tokens = app.encode(&text)?;
            Ok(Prompt { tokens: tokens.into(), text })
        }
        Value::Array(ids) if !is_text => {
            let tokens = ids.iter().map(|id| app.token(id, "prompt")).collect::<Result<Vec<_>, _>>()?;
            if tokens.is_empty() {
                return Err(wrong("a prompt has no tokens; give the model some text to continue".into()));
            }
            let text = app.tokenizer.decode(&tokens).map_err(|error| wrong(error.to_string()))?;
            Ok(Prompt { tokens: tokens.into(), text })
        }
        Value::String(_) | Value::Array(_) => {
            Err(wrong(format!("prompt has texts and lists of ids; {form}")))
        }
        other => Err(wrong(format!("prompt has {}; {form}", short(&other)))),
    };
    prompts.into_iter().map(prompt).collect()
}

/// How answers are written.
struct Completion {
    id: String,
    /// Texts of prompts that come before answers; empty if none does.
    echoed: Vec<String>,
    /// Answers to each prompt.
    answers: usize,
    logprobs: Option<usize>,
}

impl Completion {
    fn echoed(&self, index: usize) -> &str {
        self.echoed.get(index / self.answers).map_or("", String::as_str)
    }

    /// Scores as the API has them, of tokens of a text before which `before` characters stand.
    fn logprobs(&self, app: &App, scores: &[TokenScore], before: usize) -> Value {
        if self.logprobs.is_none() {
            return Value::Null;
        }
        let text = |id: u32| token_text(&app.tokenizer, id).0;
        let top = |score: &TokenScore| match score.log_probability {
            None => Value::Null,
            Some(log_probability) => {
                let mut table = Map::new();
                // The token itself is there if it is none of the most probable; of equal texts, the more probable.
                let all = score.top.iter().copied().chain([(score.id, log_probability)]);
                for (id, log_probability) in all {
                    table.entry(text(id)).or_insert_with(|| number(log_probability));
                }
                Value::Object(table)
            }
        };
        let all = |of: &dyn Fn(&TokenScore) -> Value| Value::Array(scores.iter().map(of).collect());
        json!({
            "tokens": all(&|score| text(score.id).into()),
            "token_logprobs": all(&|score| score.log_probability.map_or(Value::Null, number)),
            "top_logprobs": all(&top),
            "text_offset": all(&|score| (before + score.offset).into()),
        })
    }

    fn choice(&self, index: usize, text: &str, logprobs: Value, finish: Option<Finish>) -> Value {
        json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish.map(Finish::name)})
    }
}

/// A float32 as the float64 that it is, so that sums of it are those of the numbers themselves.
pub(super) fn number(x: f32) -> Value {
    // A probability of 0 has no logarithm in JSON.
    Value::from(f64::from(x.max(f32::MIN)))
}

impl Form for Completion {
    fn piece(&mut self, app: &App, index: usize, text: &str, scores: &[TokenScore], begins: bool) -> Value {
        let before = self.echoed(index).chars().count();
        let logprobs = self.logprobs(app, scores, before);
        // What is scored came with its own text.
        let echoed = if begins && self.logprobs.is_none() { self.echoed(index) } else { "" };
        self.choice(index, &format!("{echoed}{text}"), logprobs, None)
    }

    fn end(&mut self, index: usize, finish: Finish) -> Value {
        self.choice(index, "", Value::Null, Some(finish))
    }

    fn prompt(&mut self, app: &App, index: usize, scores: &[TokenScore]) -> Option<Value> {
        let logprobs = self.logprobs(app, scores, 0);
        Some(self.choice(index, self.echoed(index), logprobs, None))
    }

    fn whole(&mut self, app: &App, index: usize, answer: Whole) -> Value {
        let echoed = self.echoed(index);
        let before = echoed.chars().count();
        let logprobs = match self.logprobs {
            None => Value::Null,
            Some(_) => {
                let moved = answer.scores.into_iter();
                let moved = moved.map(|score| TokenScore { offset: score.offset + before, ..score });
                let all: Vec<TokenScore> = answer.prompt.into_iter().chain(moved).collect();
                self.logprobs(app, &all, 0)
            }
        };
        self.choice(index, &format!("{echoed}{}", answer.text), logprobs, answer.finish)
    }

    fn envelope(&self, app: &App, _is_piece: bool) -> Value {
        json!({"id": self.id, "object": "text_completion", "created": app.now(), "model": app.name})
    }
}
