//! `POST /v1/chat/completions`: the next turn of a dialogue.

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use eval::dialogue::{Fitted, Role, Turn, default_answer, sampling};
use serde_json::{Value, json};

use super::answers::{Form, Usage, Whole, collect, pieces, submit};
use super::completions::number;
use super::error::ApiError;
use super::fields::{Choice, Fields, short};
use super::tokens::token_text;
use super::{App, at_leisure, json_response};
use crate::engine::{Finish, Task, TokenScore};

/// Most probable tokens at most.
const MOST_LOGPROBS: u64 = 20;

/// The header that says how many of the oldest turns were left out, so that the others fit the window.
const LEFT_OUT: &str = "x-gopher-turns-left-out";

/// Answers a dialogue.
pub(super) async fn answer(app: Arc<App>, body: &[u8]) -> Result<Response, ApiError> {
    let mut fields = Fields::parse(body)?;
    fields.model(&app.name)?;
    let turns = turns(fields.take("messages"))?;
    let newer = fields.whole("max_completion_tokens", 1..=u64::from(u32::MAX))?;
    let older = fields.whole("max_tokens", 1..=u64::from(u32::MAX))?;
    let wanted = newer.or(older).map(|tokens| tokens as usize);
    let mut choice = fields.sampling(app.tokenizer.vocabulary_size(), sampling())?;
    let with_scores = fields.flag("logprobs")?;
    let top = fields.whole("top_logprobs", 0..=MOST_LOGPROBS)?.map(|count| count as usize);
    if top.is_some() && !with_scores {
        return Err(ApiError::field(
            "top_logprobs",
            "top_logprobs is only for an answer with \"logprobs\": true",
        ));
    }
    let logprobs = with_scores.then_some(top.unwrap_or_default());
    if let Some(format) = fields.take("response_format")
        && format != json!({"type": "text"})
    {
        let message = "this server answers in text; leave response_format out";
        return Err(ApiError::field("response_format", message).coded("unsupported_field"));
    }
    let (is_stream, tells_usage) = fields.stream()?;
    fields.finish()?;
    // Room for at least one token, and for a few where the answer may be as long as there is room.
    let room = wanted.unwrap_or(default_answer(app.window));
    app.check_length(1, room, "max_tokens")?;
    let fitted = at_leisure(body.len(), || {
        app.dialogue.fit(&turns, &app.tokenizer, app.begin_of_text, app.window, room)
    });
    let Fitted { tokens, left_out } = fitted.map_err(|error| {
        let refused = ApiError::field("messages", error.to_string());
        match error {
            eval::Error::Template(_) => refused,
            _ => refused.coded("context_length_exceeded"),
        }
    })?;
    if tokens.is_empty() {
        return Err(ApiError::field("messages", "these messages make no text; say something"));
    }
    let max_tokens = wanted.unwrap_or(app.window - tokens.len());
    app.check_length(tokens.len(), max_tokens, "messages")?;
    choice.stop = choice.stop.iter().cloned().chain(app.dialogue.stops(&app.tokenizer)).collect();
    let count = choice.count;
    let usage = Usage { prompt: tokens.len(), completion: 0 };
    let prompt: Arc<[u32]> = tokens.into();
    let events = submit(&app, count, |events, now| {
        let task = |index: usize| {
            let Choice { logit_bias, stop, .. } = choice.clone();
            Task {
                index,
                prompt: Arc::clone(&prompt),
                max_tokens,
                sampling: choice.of(index),
                logit_bias,
                stop,
                trims: true,
                logprobs,
                score_prompt: false,
                deadline: now + app.limits.deadline,
                arrived: now,
                events: events(),
            }
        };
        (0..count).map(task).collect()
    })?;
    let form = Chat { id: app.id("chatcmpl-"), with_scores };
    let mut response = match is_stream {
        true => pieces(app, form, count, usage, tells_usage, events),
        false => {
            let answers = collect(&app, form, count, usage, events).await?;
            json_response(&answers).into_response()
        }
    };
    if left_out > 0 {
        response.headers_mut().insert(LEFT_OUT, HeaderValue::from(left_out));
    }
    Ok(response)
}

fn turns(messages: Option<Value>) -> Result<Vec<Turn>, ApiError> {
    let wrong = |message: String| ApiError::field("messages", message);
    let messages = match messages {
        Some(Value::Array(messages)) if !messages.is_empty() => messages,
        Some(other) => {
            return Err(wrong(format!("messages is {}; it must be a list of messages", short(&other))));
        }
        None => return Err(wrong("there are no messages; give a list of them".into())),
    };
    let turn = |(place, message): (usize, Value)| {
        let Value::Object(fields) = message else {
            return Err(wrong(format!("message {place} is {}; it must be an object", short(&message))));
        };
        let mut fields = Fields::of(fields);
        let role = match fields.take("role") {
            Some(Value::String(role)) => match role.as_str() {
                "system" | "developer" => Role::System,
                "user" => Role::User,
                "assistant" => Role::Assistant,
                _ => {
                    return Err(wrong(format!(
                        "message {place} has the role {}; there are system, user and assistant",
                        short(&role.into())
                    )));
                }
            },
            _ => return Err(wrong(format!("message {place} has no role; say system, user or assistant"))),
        };
        let content = match fields.take("content") {
            Some(Value::String(text)) => text,
            Some(Value::Array(parts)) => {
                let part = |part: &Value| match (part["type"].as_str(), part["text"].as_str()) {
                    (Some("text"), Some(text)) => Ok(text.to_owned()),
                    (kind, _) => Err(wrong(format!(
                        "message {place} has a part of the type {}; only text is read",
                        kind.unwrap_or("none")
                    ))),
                };
                parts.iter().map(part).collect::<Result<String, _>>()?
            }
            None => return Err(wrong(format!("message {place} has no content"))),
            Some(other) => {
                return Err(wrong(format!(
                    "message {place} has {} as content; it must be a text",
                    short(&other)
                )));
            }
        };
        fields.take("name");
        fields.take("refusal");
        fields.finish().map_err(|error| wrong(format!("message {place}: {}", error.message)))?;
        Ok(Turn { role, content })
    };
    messages.into_iter().enumerate().map(turn).collect()
}

/// How answers are written.
struct Chat {
    id: String,
    with_scores: bool,
}

impl Chat {
    fn logprobs(&self, app: &App, scores: &[TokenScore]) -> Value {
        if !self.with_scores {
            return Value::Null;
        }
        let one = |id: u32, log_probability: f32| {
            let (text, bytes) = token_text(&app.tokenizer, id);
            json!({"token": text, "logprob": number(log_probability), "bytes": bytes})
        };
        let scored = |score: &TokenScore| {
            let mut token = one(score.id, score.log_probability.unwrap_or(f32::NEG_INFINITY));
            token["top_logprobs"] = score.top.iter().map(|&(id, log)| one(id, log)).collect();
            token
        };
        json!({"content": scores.iter().map(scored).collect::<Vec<_>>(), "refusal": null})
    }
}

impl Form for Chat {
    fn piece(&mut self, app: &App, index: usize, text: &str, scores: &[TokenScore], begins: bool) -> Value {
        let mut delta = json!({"content": text});
        if begins {
            delta["role"] = "assistant".into();
        }
        json!({"index": index, "delta": delta, "logprobs": self.logprobs(app, scores), "finish_reason": null})
    }

    fn end(&mut self, index: usize, finish: Finish) -> Value {
        json!({"index": index, "delta": {}, "logprobs": null, "finish_reason": finish.name()})
    }

    fn prompt(&mut self, _: &App, _: usize, _: &[TokenScore]) -> Option<Value> {
        None
    }

    fn whole(&mut self, app: &App, index: usize, answer: Whole) -> Value {
        json!({
            "index": index,
            "message": {"role": "assistant", "content": answer.text, "refusal": null},
            "logprobs": self.logprobs(app, &answer.scores),
            "finish_reason": answer.finish.map(Finish::name),
        })
    }

    fn envelope(&self, app: &App, is_piece: bool) -> Value {
        let object = if is_piece { "chat.completion.chunk" } else { "chat.completion" };
        json!({"id": self.id, "object": object, "created": app.now(), "model": app.name})
    }
}
