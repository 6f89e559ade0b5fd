//! OpenAI's API over HTTP, in front of the engine.

mod answers;
mod chat;
mod completions;
mod connection;
mod error;
mod fields;
mod page;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use data::Tokenizer;
use eval::dialogue::DialogueForm;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use self::connection::{Listening, listen};
use self::error::ApiError;
use self::fields::{Fields, short};
use crate::engine::Handle;

/// What clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Bytes of a head.
    pub head_bytes: usize,
    /// Connections at a time.
    pub connections: usize,
    /// From connecting, or from the last answer, to the end of a head.
    pub head_time: Duration,
    /// From the end of the head to that of the body.
    pub body_time: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub write_time: Duration,
    /// From a request to the end of its answer.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            head_bytes: 64 << 10,
            connections: 1024,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(60),
            deadline: Duration::from_secs(600),
        }
    }
}

/// The key that clients send: kept as its hash, so that comparing tells nothing of it by the time it takes.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// Of the key itself.
    pub fn new(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    fn is(&self, key: &[u8]) -> bool {
        let other: [u8; 32] = Sha256::digest(key).into();
        let different = self.0.iter().zip(&other).fold(0, |different, (a, b)| different | (a ^ b));
        std::hint::black_box(different) == 0
    }
}

/// A server: what all its requests share.
pub struct App {
    /// The way to the engine.
    pub engine: Handle,
    /// The model's tokenizer.
    pub tokenizer: Arc<Tokenizer>,
    /// The token that texts begin with, if the model wants one.
    pub begin_of_text: Option<u32>,
    /// How dialogues become texts.
    pub dialogue: DialogueForm,
    /// The model's name.
    pub name: String,
    /// Tokens that are read of prompt and answer at most.
    pub window: usize,
    /// Texts side by side.
    pub slots: usize,
    /// What clients may take.
    pub limits: Limits,
    /// The key that clients must send.
    pub key: Option<Key>,
    /// Whether it ends.
    pub is_ending: AtomicBool,
    /// Requests that were given an id.
    pub requests: AtomicU64,
}

impl App {
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    fn id(&self, prefix: &str) -> String {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{prefix}{:x}-{count}", self.now())
    }

    /// The ids of a prompt.
    fn encode(&self, text: &str) -> Result<Vec<u32>, ApiError> {
        let ids = at_leisure(text.len(), || self.tokenizer.encode(text));
        let ids: Vec<u32> = self.begin_of_text.into_iter().chain(ids).collect();
        match ids.is_empty() {
            true => {
                Err(ApiError::field("prompt", "the prompt is empty; give the model some text to continue"))
            }
            false => Ok(ids),
        }
    }

    /// An id of the model.
    fn token(&self, id: &Value, field: &str) -> Result<u32, ApiError> {
        let vocabulary_size = self.tokenizer.vocabulary_size();
        let token = id.as_u64().and_then(|id| u32::try_from(id).ok());
        token.filter(|&token| (token as usize) < vocabulary_size).ok_or_else(|| {
            let message =
                format!("{field} has {}, which is no id from 0 to {}", short(id), vocabulary_size - 1);
            ApiError::field(field, message)
        })
    }

    /// Refuses what the window has no room for. The last token of an answer is not read.
    fn check_length(&self, prompt: usize, max_tokens: usize, field: &str) -> Result<(), ApiError> {
        let read = prompt.saturating_add(max_tokens.saturating_sub(1));
        if read <= self.window {
            return Ok(());
        }
        let window = self.window;
        let message = match prompt > window {
            true => format!("the prompt is {prompt} tokens long and the window holds {window}; shorten it"),
            false => format!(
                "a prompt of {prompt} tokens with {max_tokens} more does not fit the window of {window}; ask for {} at most",
                window - prompt + 1
            ),
        };
        Err(ApiError::field(field, message).coded("context_length_exceeded"))
    }

    /// The server's paths.
    pub fn router(self: &Arc<Self>) -> Router {
        let pages = page::paths().fold(Router::new(), |router, path| router.route(path, get(page::file)));
        pages
            .route("/v1/models", get(models))
            .route("/v1/models/{name}", get(model))
            .route("/v1/completions", post(complete))
            .route("/v1/chat/completions", post(chat))
            .route("/tokenize", post(tokenize))
            .route("/detokenize", post(detokenize))
            .route("/tokenizer_info", get(tokenizer_info))
            .route("/health", get(health))
            .route("/metrics", get(metrics))
            .route("/reload", post(reload))
            .fallback(unknown)
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn_with_state(Arc::clone(self), guard))
            .with_state(Arc::clone(self))
    }
}

/// Bytes of a text from which others are not to wait until it is encoded.
const LONG: usize = 32 << 10;

/// What takes long if so many bytes are many, in a way that lets other requests go on.
fn at_leisure<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes < LONG { work() } else { tokio::task::block_in_place(work) }
}

type Served = Result<Response, ApiError>;

/// What is checked and counted of every request.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let known = [
        "/v1/models",
        "/v1/completions",
        "/v1/chat/completions",
        "/tokenize",
        "/detokenize",
        "/tokenizer_info",
        "/health",
        "/metrics",
        "/reload",
        "/",
    ];
    let counted = known.into_iter().find(|known| path == *known).unwrap_or("other");
    let has_key = app.key.as_ref().is_none_or(|key| {
        let sent = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let sent = sent.and_then(|sent| sent.split_at_checked(b"bearer ".len()));
        sent.is_some_and(|(scheme, sent)| scheme.eq_ignore_ascii_case(b"bearer ") && key.is(sent))
    });
    // The page itself is no secret: what it asks for needs the key.
    let is_open = path == "/health" || page::paths().any(|page| page == path);
    let response = if !has_key && !is_open {
        let message = "the server wants a key: send it as Authorization: Bearer KEY";
        ApiError::new(StatusCode::UNAUTHORIZED, message).coded("invalid_api_key").into_response()
    } else {
        next.run(request).await
    };
    app.engine.metrics().answered(counted, response.status().as_u16());
    response
}

/// The body of a request that is to be JSON.
async fn body(app: &App, request: Request) -> Result<Vec<u8>, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence != "application/json" && !(essence.starts_with("application/") && essence.ends_with("+json")) {
        let kind: String = kind.chars().take(64).collect();
        let message = format!("the body's type is {kind:?}; send JSON with content-type: application/json");
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let limit = app.limits.body_bytes;
    let too_large = || {
        let message = format!("the body has more than {limit} bytes; send less");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut stream = request.into_body();
    let read = async {
        let mut bytes = Vec::new();
        while let Some(frame) = stream.frame().await {
            let frame = frame.map_err(|error| ApiError::wrong(format!("the body breaks off: {error}")))?;
            if let Some(data) = frame.data_ref() {
                if bytes.len() + data.len() > limit {
                    return Err(too_large());
                }
                bytes.extend_from_slice(data);
            }
        }
        Ok(bytes)
    };
    tokio::time::timeout(app.limits.body_time, read).await.unwrap_or_else(|_| {
        let seconds = app.limits.body_time.as_secs();
        let message = format!("the body did not come within {seconds} s");
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, message))
    })
}

/// A body for what takes the engine.
async fn wanted(app: &App, request: Request) -> Result<Vec<u8>, ApiError> {
    if app.is_ending.load(Ordering::Relaxed) {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the server ends; ask another one"));
    }
    body(app, request).await
}

pub(crate) fn json_response(value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn complete(State(app): State<Arc<App>>, request: Request) -> Served {
    let body = wanted(&app, request).await?;
    completions::answer(app, &body).await
}

async fn chat(State(app): State<Arc<App>>, request: Request) -> Served {
    let body = wanted(&app, request).await?;
    chat::answer(app, &body).await
}

fn model_json(app: &App) -> Value {
    json!({
        "id": app.name,
        "object": "model",
        "created": 0,
        "owned_by": "gopher",
        "max_model_len": app.window,
    })
}

async fn models(State(app): State<Arc<App>>) -> Response {
    json_response(&json!({"object": "list", "data": [model_json(&app)]}))
}

async fn model(State(app): State<Arc<App>>, Path(name): Path<String>) -> Served {
    if name == app.name {
        return Ok(json_response(&model_json(&app)));
    }
    let message = format!("there is no model {}; this server has {}", short(&name.into()), app.name);
    Err(ApiError::new(StatusCode::NOT_FOUND, message).coded("model_not_found"))
}

async fn tokenize(State(app): State<Arc<App>>, request: Request) -> Served {
    let mut fields = Fields::parse(&body(&app, request).await?)?;
    fields.model(&app.name)?;
    let text = match fields.take("prompt") {
        Some(Value::String(text)) => text,
        Some(other) => {
            return Err(ApiError::field("prompt", format!("prompt is {}; it must be a text", short(&other))));
        }
        None => return Err(ApiError::field("prompt", "there is no prompt; give a text")),
    };
    let adds = match fields.take("add_special_tokens") {
        None => true,
        Some(Value::Bool(adds)) => adds,
        Some(other) => {
            let message = format!("add_special_tokens is {}; it must be true or false", short(&other));
            return Err(ApiError::field("add_special_tokens", message));
        }
    };
    fields.finish()?;
    // Clients ask what the names of these tokens are, as `tokenizer_info` gives them.
    let special = [app.tokenizer.begin_of_text(), app.tokenizer.end_of_text()];
    let special = special.into_iter().flatten().find(|&id| app.tokenizer.piece(id) == Some(&text));
    let ids = match special {
        Some(id) => vec![id],
        None => at_leisure(text.len(), || app.tokenizer.encode(&text)),
    };
    let begin = app.begin_of_text.filter(|_| adds);
    let tokens: Vec<u32> = begin.into_iter().chain(ids).collect();
    Ok(json_response(&json!({"count": tokens.len(), "max_model_len": app.window, "tokens": tokens})))
}

async fn detokenize(State(app): State<Arc<App>>, request: Request) -> Served {
    let mut fields = Fields::parse(&body(&app, request).await?)?;
    fields.model(&app.name)?;
    let Some(Value::Array(ids)) = fields.take("tokens") else {
        return Err(ApiError::field("tokens", "there are no tokens; give a list of ids"));
    };
    fields.finish()?;
    let ids = ids.iter().map(|id| app.token(id, "tokens")).collect::<Result<Vec<_>, _>>()?;
    let text = app.tokenizer.decode(&ids).map_err(|error| ApiError::field("tokens", error.to_string()))?;
    Ok(json_response(&json!({"prompt": text})))
}

async fn tokenizer_info(State(app): State<Arc<App>>) -> Response {
    let piece = |id: Option<u32>| id.and_then(|id| app.tokenizer.piece(id)).map(str::to_owned);
    json_response(&json!({
        "tokenizer_class": app.tokenizer.file_name(),
        "vocab_size": app.tokenizer.vocabulary_size(),
        "model_max_length": app.window,
        "add_bos_token": app.begin_of_text.is_some(),
        "bos_token": piece(app.tokenizer.begin_of_text()),
        "eos_token": piece(app.tokenizer.end_of_text()),
        "unk_token": piece(app.tokenizer.unknown()),
        "pad_token": null,
        "chat_template": null,
    }))
}

async fn health(State(app): State<Arc<App>>) -> Served {
    if app.is_ending.load(Ordering::Relaxed) {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the server ends"));
    }
    Ok(json_response(&json!({"status": "ok"})))
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut response = Response::new(Body::from(app.engine.metrics().exposition()));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn reload(State(app): State<Arc<App>>) -> Served {
    let reloaded = app.engine.reload().await;
    let (step, is_other) =
        reloaded.map_err(|message| ApiError::new(StatusCode::CONFLICT, message).coded("not_reloaded"))?;
    Ok(json_response(&json!({"step": step, "reloaded": is_other})))
}

async fn unknown(request: Request) -> ApiError {
    let path = short(&request.uri().path().into());
    ApiError::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {path}; docs/serving.md lists what there is"),
    )
}

async fn wrong_method(request: Request) -> ApiError {
    let (method, path) = (request.method(), request.uri().path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, format!("{path} does not take {method}"))
}
