//! Answers as they come from the engine, for requests of every form: whole, or in pieces.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::App;
use super::error::ApiError;
use crate::engine::{Event, Failure, Finish, Task, TokenScore};

/// How answers of a kind are written.
pub(super) trait Form: Send + 'static {
    /// An answer's piece, as an element of `choices`. `begins` says whether it is the first one.
    fn piece(&mut self, app: &App, index: usize, text: &str, scores: &[TokenScore], begins: bool) -> Value;

    /// The last piece of an answer.
    fn end(&mut self, index: usize, finish: Finish) -> Value;

    /// A prompt that was scored, as a piece; `None` if it is not to be shown.
    fn prompt(&mut self, app: &App, index: usize, scores: &[TokenScore]) -> Option<Value>;

    /// A whole answer.
    fn whole(&mut self, app: &App, index: usize, answer: Whole) -> Value;

    /// What pieces and whole answers are in.
    fn envelope(&self, app: &App, is_piece: bool) -> Value;
}

/// An answer that has come to its end.
#[derive(Default)]
pub(super) struct Whole {
    pub text: String,
    pub prompt: Vec<TokenScore>,
    pub scores: Vec<TokenScore>,
    pub finish: Option<Finish>,
}

/// Tokens that a request took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub prompt: usize,
    pub completion: usize,
}

impl Usage {
    fn json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
        })
    }
}

/// Asks the engine: `tasks` gives them once it is known who listens.
///
/// # Errors
/// A queue that is full.
pub(super) fn submit(
    app: &App,
    count: usize,
    tasks: impl FnOnce(&dyn Fn() -> tokio::sync::mpsc::UnboundedSender<(usize, Event)>, Instant) -> Vec<Task>,
) -> Result<UnboundedReceiver<(usize, Event)>, ApiError> {
    let queue = app.engine.queue();
    if count > queue {
        let message =
            format!("the request asks for {count} answers, and the queue has room for {queue}; split it");
        return Err(ApiError::wrong(message));
    }
    let (sender, receiver) = unbounded_channel();
    let tasks = tasks(&|| sender.clone(), Instant::now());
    app.engine.submit(tasks).map_err(|busy| {
        let waiting = busy.waiting;
        let message = format!("{waiting} answers wait already; come again when there are fewer");
        let seconds = 1 + waiting / app.slots.max(1) as u64;
        let error = ApiError::new(axum::http::StatusCode::TOO_MANY_REQUESTS, message);
        ApiError { retry_after: Some(seconds), ..error.coded("queue_full") }
    })?;
    Ok(receiver)
}

/// An engine that has ended tells nothing any more.
fn engine_gone() -> ApiError {
    ApiError::of(&Failure::Device("the device failed, and the server ends".to_owned()))
}

/// Waits for all answers of a request.
///
/// # Errors
/// The first that fails.
pub(super) async fn collect(
    app: &App,
    mut form: impl Form,
    count: usize,
    mut usage: Usage,
    mut events: UnboundedReceiver<(usize, Event)>,
) -> Result<Value, ApiError> {
    let mut answers: Vec<Whole> = (0..count).map(|_| Whole::default()).collect();
    let mut left = count;
    while left > 0 {
        let (index, event) = events.recv().await.ok_or_else(engine_gone)?;
        let answer = &mut answers[index];
        match event {
            Event::Prompt(scores) => answer.prompt = scores,
            Event::Piece { text, scores } => {
                answer.text.push_str(&text);
                answer.scores.extend(scores);
            }
            Event::End { finish, tokens } => {
                answer.finish = Some(finish);
                usage.completion += tokens;
                left -= 1;
            }
            Event::Failed(failure) => return Err(ApiError::of(&failure)),
        }
    }
    let choices = answers.into_iter().enumerate();
    let choices: Vec<Value> = choices.map(|(index, answer)| form.whole(app, index, answer)).collect();
    let mut envelope = form.envelope(app, false);
    envelope["choices"] = choices.into();
    envelope["usage"] = usage.json();
    Ok(envelope)
}

/// A stream under way.
struct Pieces<F> {
    app: std::sync::Arc<App>,
    form: F,
    events: UnboundedReceiver<(usize, Event)>,
    /// Which answers have had a piece.
    has_begun: Vec<bool>,
    left: usize,
    usage: Usage,
    tells_usage: bool,
    /// Frames to be sent before the next event is waited for.
    frames: VecDeque<Bytes>,
    is_over: bool,
}

impl<F: Form> Pieces<F> {
    fn frame(&mut self, value: &Value) {
        self.frames.push_back(format!("data: {value}\n\n").into());
    }

    fn choice(&mut self, choice: Value) {
        let mut envelope = self.form.envelope(&self.app, true);
        envelope["choices"] = json!([choice]);
        if self.tells_usage {
            envelope["usage"] = Value::Null;
        }
        self.frame(&envelope);
    }

    fn fail(&mut self, error: &ApiError) {
        self.frame(&error.json());
        self.is_over = true;
    }

    fn add(&mut self, index: usize, event: Event) {
        match event {
            Event::Prompt(scores) => {
                if let Some(choice) = self.form.prompt(&self.app, index, &scores) {
                    self.choice(choice);
                }
            }
            Event::Piece { text, scores } => {
                let begins = !std::mem::replace(&mut self.has_begun[index], true);
                let choice = self.form.piece(&self.app, index, &text, &scores, begins);
                self.choice(choice);
            }
            Event::End { finish, tokens } => {
                if !self.has_begun[index] {
                    let choice = self.form.piece(&self.app, index, "", &[], true);
                    self.choice(choice);
                }
                let choice = self.form.end(index, finish);
                self.choice(choice);
                self.usage.completion += tokens;
                self.left -= 1;
            }
            Event::Failed(failure) => return self.fail(&ApiError::of(&failure)),
        }
        if self.left == 0 {
            if self.tells_usage {
                let mut envelope = self.form.envelope(&self.app, true);
                envelope["choices"] = json!([]);
                envelope["usage"] = self.usage.json();
                self.frame(&envelope);
            }
            self.frames.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
            self.is_over = true;
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            if self.is_over {
                return None;
            }
            match self.events.recv().await {
                Some((index, event)) => self.add(index, event),
                None => self.fail(&engine_gone()),
            }
        }
    }
}

/// The answers of a request in pieces, as server-sent events. If the client goes away, the engine notices.
pub(super) fn pieces(
    app: std::sync::Arc<App>,
    form: impl Form,
    count: usize,
    usage: Usage,
    tells_usage: bool,
    events: UnboundedReceiver<(usize, Event)>,
) -> Response {
    let has_begun = vec![false; count];
    let frames = VecDeque::new();
    let pieces =
        Pieces { app, form, events, has_begun, left: count, usage, tells_usage, frames, is_over: false };
    let frames = stream::unfold(pieces, |mut pieces| async move {
        let frame = pieces.next().await?;
        Some((Ok::<_, Infallible>(frame), pieces))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Some proxies would hold pieces back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
