//! The API over real connections, with a model that needs no device.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::{Faults, WINDOW, engine, tokenizer};
use data::dialogue::DialoguePrompt;
use serde_json::{Value, json};
use serve::engine::Ended;
use serve::http::{App, Key, Limits, listen};
use tokio::sync::oneshot;

/// A server that ends with its test.
struct Server {
    address: SocketAddr,
    app: Arc<App>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _ended: Ended,
}

fn start(faults: &Arc<Faults>, change: impl FnOnce(&mut App)) -> Server {
    let (engine, ended) = engine(2, 12, faults);
    let limits = Limits {
        head_time: Duration::from_millis(400),
        body_time: Duration::from_millis(400),
        body_bytes: 300_000,
        ..Limits::default()
    };
    let mut app = App {
        engine,
        tokenizer: tokenizer(),
        begin_of_text: None,
        dialogue: DialoguePrompt::none(),
        name: "hamlet".into(),
        window: WINDOW,
        slots: 2,
        limits,
        key: None,
        is_ending: false.into(),
        requests: 0.into(),
    };
    change(&mut app);
    let app = Arc::new(app);
    let (end, is_ended) = oneshot::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let served = Arc::clone(&app);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(async move {
            let listening = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
            tell.send(listening.address).unwrap();
            listening.serve(served, is_ended).await;
        });
    });
    let address = told.recv().unwrap();
    Server { address, app, end: Some(end), thread: Some(thread), _ended: ended }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The objects of a stream, which ends as streams do.
    #[track_caller]
    fn events(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.head.contains("content-type: text/event-stream"), "{}", self.head);
        let mut events: Vec<&str> =
            self.body.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
        assert_eq!(events.pop(), Some("[DONE]"));
        events.into_iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }
}

impl Server {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends bytes, and reads until the other side closes.
    fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        // A server that refuses a head does not read the rest.
        let _ = stream.write_all(bytes);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        reply(&all)
    }

    fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
        );
        self.raw(format!("{head}{body}").as_bytes())
    }

    fn get(&self, path: &str) -> Reply {
        self.request("GET", path, "", "")
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.request("POST", path, "content-type: application/json\r\n", &body.to_string())
    }

    /// What a good request gives.
    #[track_caller]
    fn answer(&self, path: &str, body: Value) -> Value {
        let reply = self.post(path, &body);
        assert_eq!(reply.status, 200, "{body}: {reply:?}");
        reply.json()
    }

    /// What a bad one does: status, field, message.
    #[track_caller]
    fn refused(&self, path: &str, body: Value, status: u16, param: Option<&str>, message: &str) {
        let reply = self.post(path, &body);
        let error = &reply.json()["error"];
        assert_eq!((reply.status, error["param"].as_str()), (status, param), "{body}: {reply:?}");
        assert!(error["message"].as_str().unwrap().contains(message), "{message}: {error}");
        assert!(error["type"].is_string() && error.get("code").is_some(), "{error}");
    }
}

fn reply(bytes: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(bytes);
    let (head, mut rest) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut body = String::new();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        while let Some((length, after)) = rest.split_once("\r\n") {
            let length = usize::from_str_radix(length, 16).unwrap();
            body.push_str(&after[..length]);
            rest = &after[(length + 2).min(after.len())..];
        }
    } else {
        body.push_str(rest);
    }
    Reply { status, head: head.to_ascii_lowercase(), body }
}

const COMPLETIONS: &str = "/v1/completions";
const CHAT: &str = "/v1/chat/completions";

#[test]
fn texts_are_continued() {
    let server = start(&Arc::default(), |_| ());
    let body = json!({"model": "hamlet", "prompt": "To be", "max_tokens": 9, "seed": 3});
    let answer = server.answer(COMPLETIONS, body.clone());
    assert_eq!((&answer["object"], &answer["model"]), (&"text_completion".into(), &"hamlet".into()));
    let choice = &answer["choices"][0];
    assert_eq!((&choice["index"], &choice["logprobs"]), (&0.into(), &Value::Null));
    assert_eq!(choice["finish_reason"], "length");
    let prompt_tokens = tokenizer().encode("To be").len();
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": prompt_tokens, "completion_tokens": 9, "total_tokens": prompt_tokens + 9})
    );
    assert_eq!(server.answer(COMPLETIONS, body)["choices"], answer["choices"], "the same seed");
    // Every form of a prompt, and several answers to each.
    let ids = tokenizer().encode("To be");
    let texts = |answer: &Value| -> Vec<String> {
        let choices = answer["choices"].as_array().unwrap();
        choices.iter().map(|choice| choice["text"].as_str().unwrap().to_owned()).collect()
    };
    let of = |prompt: Value, n: u32| {
        let body = json!({"prompt": prompt, "max_tokens": 9, "seed": 3, "n": n});
        texts(&server.answer(COMPLETIONS, body))
    };
    let one = of(json!("To be"), 1);
    assert_eq!(of(json!(["To be", "or not"]), 1)[0], one[0]);
    assert_eq!(of(json!(ids), 1), one);
    let lists = of(json!([ids, tokenizer().encode("or not")]), 2);
    assert_eq!((lists.len(), &lists[0]), (4, &one[0]));
    assert_ne!(lists[0], lists[1], "answers to one prompt have draws of their own");
    assert_eq!(lists[2..], of(json!("or not"), 2));
    // No tokens at all, and the default.
    assert_eq!(texts(&server.answer(COMPLETIONS, json!({"prompt": "a", "max_tokens": 0}))), [""]);
    let default =
        server.answer(COMPLETIONS, json!({"prompt": "a", "logit_bias": {"40": 100}, "temperature": 0}));
    assert_eq!(default["usage"]["completion_tokens"], 16);
}

/// A stream put together is the answer that comes without.
#[test]
fn streams_are_the_answers() {
    let server = start(&Arc::default(), |_| ());
    for index in 0..12 {
        let mut body = json!({"prompt": ["To be", "日"], "n": 2, "max_tokens": 25, "seed": index});
        if index % 2 == 0 {
            body["stop"] = json!(["e", " t"]);
        }
        if index % 3 == 0 {
            body["logprobs"] = json!(2);
        }
        if index % 4 < 2 {
            body["echo"] = json!(true);
        }
        let whole = server.answer(COMPLETIONS, body.clone());
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        let mut events = server.post(COMPLETIONS, &body).events();
        let last = events.pop().unwrap();
        assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &whole["usage"]));
        for choice in whole["choices"].as_array().unwrap() {
            let of: Vec<&Value> = events
                .iter()
                .map(|event| &event["choices"][0])
                .filter(|of| of["index"] == choice["index"])
                .collect();
            let (last, inner) = of.split_last().unwrap();
            assert!(inner.iter().all(|of| of["finish_reason"].is_null()));
            assert_eq!(last["finish_reason"], choice["finish_reason"]);
            let text: String = of.iter().map(|of| of["text"].as_str().unwrap()).collect();
            assert_eq!(text, choice["text"].as_str().unwrap(), "{body}");
            for list in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
                let all = of.iter().filter_map(|of| of["logprobs"][list].as_array()).flatten();
                let all: Vec<&Value> = all.collect();
                let expected = choice["logprobs"][list].as_array().into_iter().flatten();
                assert_eq!(all, expected.collect::<Vec<_>>(), "{list}: {body}");
            }
        }
        assert!(events.iter().all(|event| event["usage"].is_null() && event["id"] == last["id"]));
    }
}

/// As lm-evaluation-harness asks: the whole prompt's tokens, and exactly one more.
#[test]
fn prompts_are_scored() {
    let server = start(&Arc::default(), |_| ());
    let ids = tokenizer().encode("To be, or not to be");
    let body = json!({
        "prompt": [ids, ids[..3]], "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": true, "seed": 1234
    });
    let answer = server.answer(COMPLETIONS, body);
    for (choice, count) in answer["choices"].as_array().unwrap().iter().zip([ids.len(), 3]) {
        let logprobs = &choice["logprobs"];
        let list = |name: &str| logprobs[name].as_array().unwrap().clone();
        let (numbers, top) = (list("token_logprobs"), list("top_logprobs"));
        assert_eq!((numbers.len(), top.len(), list("tokens").len()), (count + 1, count + 1, count + 1));
        assert!(numbers[0].is_null() && top[0].is_null());
        for ((number, top), token) in numbers.iter().zip(&top).zip(&list("tokens")).skip(1) {
            let top = top.as_object().unwrap();
            assert_eq!(top[token.as_str().unwrap()], *number, "the token itself is there");
            assert!(top.values().all(|other| other.as_f64() >= number.as_f64()));
        }
        let generated = top[count].as_object().unwrap();
        assert_eq!(generated.len(), 1, "a greedy token is the most probable one");
        let text: String = list("tokens").iter().map(|token| token.as_str().unwrap()).collect();
        let is_text = !text.contains("bytes:") && choice["finish_reason"] == "length";
        assert!(!is_text || text.ends_with(choice["text"].as_str().unwrap()));
        assert_eq!(list("text_offset")[0], 0);
    }
    // Without log-probabilities, an echo is only text.
    let answer = server.answer(COMPLETIONS, json!({"prompt": "To be", "echo": true, "max_tokens": 0}));
    assert_eq!(answer["choices"][0]["text"], "To be");
}

#[test]
fn dialogues_are_answered() {
    let server = start(&Arc::default(), |_| ());
    let messages = json!([
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "Who "}, {"type": "text", "text": "are you?"}]},
        {"role": "assistant", "content": "Nobody."},
        {"role": "user", "content": "Why?", "name": "me"},
    ]);
    let mut body = json!({"messages": messages, "max_completion_tokens": 30, "seed": 5, "logprobs": true,
        "top_logprobs": 3, "n": 2});
    let whole = server.answer(CHAT, body.clone());
    assert_eq!(whole["object"], "chat.completion");
    for choice in whole["choices"].as_array().unwrap() {
        let content = choice["message"]["content"].as_str().unwrap();
        assert_eq!(choice["message"]["role"], "assistant");
        assert_eq!(content.trim(), content);
        let scores = choice["logprobs"]["content"].as_array().unwrap();
        assert!(scores.iter().all(|score| score["top_logprobs"].as_array().unwrap().len() == 3));
        assert!(
            scores.iter().all(|score| score["bytes"].is_array() && score["logprob"].as_f64().unwrap() < 0.0)
        );
    }
    body["stream"] = json!(true);
    let events = server.post(CHAT, &body).events();
    for choice in whole["choices"].as_array().unwrap() {
        let of = events.iter().map(|event| &event["choices"][0]).filter(|of| of["index"] == choice["index"]);
        let of: Vec<&Value> = of.collect();
        assert_eq!(of[0]["delta"]["role"], "assistant");
        assert!(of[1..].iter().all(|of| of["delta"].get("role").is_none()));
        let text: String = of.iter().filter_map(|of| of["delta"]["content"].as_str()).collect();
        assert_eq!(text, choice["message"]["content"].as_str().unwrap());
        assert_eq!(of.last().unwrap()["finish_reason"], choice["finish_reason"]);
    }
    // Without a number, an answer may be as long as there is room; turns that have none are left out, and counted.
    let long: Vec<Value> = (0..40)
        .map(|turn| json!({"role": if turn % 2 == 0 { "user" } else { "assistant" }, "content": "To be or not"}))
        .chain([json!({"role": "user", "content": "Why?"})])
        .collect();
    let reply = server.post(CHAT, &json!({"messages": long, "seed": 1}));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.head.contains("x-gopher-turns-left-out: "), "{}", reply.head);
    assert!(reply.json()["usage"]["total_tokens"].as_u64().unwrap() <= WINDOW as u64 + 1);
    let refused = |messages: Value, message: &str| {
        server.refused(CHAT, json!({"messages": messages}), 400, Some("messages"), message);
    };
    refused(json!([]), "it must be a list of messages");
    refused(json!("hi"), "messages is \"hi\"");
    refused(json!([{"role": "user"}]), "message 0 has no content");
    refused(json!([{"role": "robot", "content": "x"}]), "the role \"robot\"");
    refused(json!([{"role": "user", "content": [{"type": "image_url"}]}]), "a part of the type image_url");
    refused(json!([{"role": "user", "content": "x", "tool_calls": []}]), "does not support tool_calls");
    refused(json!([{"role": "user", "content": "日".repeat(300)}]), "");
    server.refused(
        CHAT,
        json!({"messages": messages, "tools": []}),
        400,
        Some("tools"),
        "does not support tools",
    );
    let format = json!({"messages": messages, "response_format": {"type": "json_object"}});
    server.refused(CHAT, format, 400, Some("response_format"), "answers in text");
}

#[test]
fn what_is_wrong_is_refused_by_name() {
    let server = start(&Arc::default(), |_| ());
    let refused = |body: Value, param: &str, message: &str| {
        server.refused(COMPLETIONS, body, 400, Some(param), message);
    };
    refused(json!({}), "prompt", "there is no prompt");
    refused(json!({"prompt": ""}), "prompt", "the prompt is empty");
    refused(json!({"prompt": []}), "prompt", "prompt is empty");
    refused(json!({"prompt": [[]]}), "prompt", "a prompt has no tokens");
    refused(json!({"prompt": [1, "a"]}), "prompt", "\"a\", which is no id from 0 to 299");
    refused(json!({"prompt": ["a", [1]]}), "prompt", "prompt has texts and lists of ids");
    refused(json!({"prompt": [300]}), "prompt", "300, which is no id from 0 to 299");
    refused(json!({"prompt": [-1]}), "prompt", "-1, which is no id");
    refused(json!({"prompt": [1.5]}), "prompt", "1.5, which is no id");
    refused(json!({"prompt": {"a": 1}}), "prompt", "prompt has an object");
    refused(json!({"prompt": "日".repeat(30_000)}), "prompt", "the window holds 200; shorten it");
    refused(json!({"prompt": "a", "max_tokens": 1000}), "prompt", "ask for 199 at most");
    refused(json!({"prompt": "a", "max_tokens": -1}), "max_tokens", "max_tokens is -1");
    refused(
        json!({"prompt": "a", "logprobs": 6}),
        "logprobs",
        "logprobs is 6; it must be a whole number from 0 to 5",
    );
    refused(json!({"prompt": "a", "temperature": -0.5}), "temperature", "temperature is -0.5");
    refused(json!({"prompt": "a", "suffix": "b"}), "suffix", "does not support suffix");
    refused(json!({"prompt": vec!["a"; 70], "n": 2}), "prompt", "140 answers; 128 are the most");
    let wrong_model = json!({"model": "gpt-4", "prompt": "a"});
    server.refused(
        COMPLETIONS,
        wrong_model,
        404,
        Some("model"),
        "there is no model \"gpt-4\"; this server has hamlet",
    );
    server.refused(
        COMPLETIONS,
        json!({"prompt": "a", "n": 20}),
        400,
        None,
        "20 answers, and the queue has room for 12",
    );
    let plain = |content: &str, body: &str| {
        let headers = if content.is_empty() { String::new() } else { format!("content-type: {content}\r\n") };
        server.request("POST", COMPLETIONS, &headers, body)
    };
    assert_eq!(plain("text/plain", "{}").status, 415);
    assert_eq!(plain("", "{}").status, 415);
    assert_eq!(plain("application/json; charset=utf-8", r#"{"prompt": "a"}"#).status, 200);
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\u{0}",
        r#"{"prompt": "a", "temperature": 1e999}"#,
        r#"{"prompt": "a", "temperature": NaN}"#,
    ] {
        assert_eq!(plain("application/json", body).status, 400, "{body}");
    }
    assert_eq!(plain("application/json", &"[".repeat(200_000)).status, 400);
    let deep = format!(r#"{{"prompt": "a", "user": {}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(plain("application/json", &deep).status, 400);
    assert_eq!(plain("application/json", &format!("\"{}\"", "x".repeat(300_000))).status, 413);
    assert_eq!(server.get("/nothing").status, 404);
    assert_eq!(server.get(COMPLETIONS).status, 405);
    assert_eq!(server.get("/v1/models/other").status, 404);
}

#[test]
fn connections_have_limits() {
    let server = start(&Arc::default(), |app| app.limits.connections = 3);
    let body = r#"{"prompt": "a", "seed": 1}"#;
    let old = format!(
        "POST {COMPLETIONS} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(server.raw(old.as_bytes()).status, 200);
    // A body that never ends, and one that is too long, in chunks.
    let chunked = format!(
        "POST {COMPLETIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    assert_eq!(server.raw(format!("{chunked}5\r\n{{\"pro\r\n").as_bytes()).status, 408);
    let long = format!("{chunked}{}", format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(6));
    assert_eq!(server.raw(long.as_bytes()).status, 413);
    let begin = Instant::now();
    assert!(server.raw(b"POST /v1/comp").status != 200, "a head that never ends");
    assert!(
        server.raw(format!("GET /health HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1_000_000)).as_bytes()).status
            != 200
    );
    assert!(server.raw(b"\x16\x03\x01\x02\x00garbage\r\n\r\n").status >= 400, "TLS");
    assert!(begin.elapsed() < Duration::from_secs(10));
    // More connections than there are places wait until others give up.
    let idle: Vec<TcpStream> = (0..3).map(|_| server.connect()).collect();
    assert_eq!(server.get("/health").status, 200);
    drop(idle);
}

#[test]
fn a_vanished_client_frees_its_slot() {
    let faults = Arc::new(Faults::default());
    faults.pause.store(10, Ordering::SeqCst);
    let server = start(&faults, |_| ());
    let metrics = server.app.engine.metrics();
    for stream in [false, true] {
        let body = json!({"prompt": "a", "max_tokens": 190, "stream": stream, "logit_bias": {"40": 100}})
            .to_string();
        let head = format!(
            "POST {COMPLETIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut client = server.connect();
        client.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let wait = |what: &str, holds: &dyn Fn() -> bool| {
            let end = Instant::now() + Duration::from_secs(20);
            while !holds() {
                assert!(Instant::now() < end, "{what}");
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let before = metrics.steps.get();
        wait("it has begun", &|| metrics.slots.get() == 1 && metrics.steps.get() > before + 2);
        let steps = metrics.steps.get();
        drop(client);
        wait("the slot is free", &|| metrics.slots.get() == 0);
        assert!(metrics.steps.get() - steps < 10, "{} steps", metrics.steps.get() - steps);
    }
}

#[test]
fn a_full_queue_says_when_to_come_again() {
    let faults = Arc::new(Faults::default());
    faults.pause.store(20, Ordering::SeqCst);
    let server = start(&faults, |_| ());
    let long = json!({"prompt": "a", "max_tokens": 60, "n": 12, "logit_bias": {"40": 100}});
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| server.post(COMPLETIONS, &long).status);
        while server.app.engine.metrics().slots.get() < 2 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let reply = server.post(COMPLETIONS, &json!({"prompt": "a", "n": 12}));
        assert_eq!(reply.status, 429, "{reply:?}");
        assert!(reply.head.contains("retry-after: 6"), "{}", reply.head);
        assert_eq!(reply.json()["error"]["code"], "queue_full");
        faults.pause.store(0, Ordering::SeqCst);
        assert_eq!(busy.join().unwrap(), 200);
    });
    assert_eq!(server.post(COMPLETIONS, &json!({"prompt": "a", "n": 12})).status, 200);
}

#[test]
fn failures_are_told() {
    let faults = Arc::new(Faults::default());
    let server = start(&faults, |app| app.limits.deadline = Duration::from_millis(300));
    let mut body = json!({"prompt": "a", "max_tokens": 150, "logit_bias": {"40": 100}});
    faults.steps.store(1, Ordering::SeqCst);
    let reply = server.post(COMPLETIONS, &body);
    assert_eq!((reply.status, reply.json()["error"]["type"].as_str()), (500, Some("server_error")));
    faults.pause.store(10, Ordering::SeqCst);
    let reply = server.post(COMPLETIONS, &body);
    assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (504, Some("deadline")));
    // In mid-stream, a frame says it, and nothing comes after it.
    body["stream"] = json!(true);
    let reply = server.post(COMPLETIONS, &body);
    let frames: Vec<&str> = reply.body.split("\n\n").filter(|frame| !frame.is_empty()).collect();
    assert_eq!(reply.status, 200);
    assert!(frames.len() > 2 && frames.last().unwrap().starts_with("data: {\"error\":"), "{frames:?}");
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_key_is_asked_for() {
    let server = start(&Arc::default(), |app| app.key = Some(Key::new("a long secret key")));
    let with = |header: &str| server.request("GET", "/v1/models", header, "").status;
    assert_eq!(with(""), 401);
    assert_eq!(with("authorization: Bearer a long secret kez\r\n"), 401);
    assert_eq!(with("authorization: Basic a long secret key\r\n"), 401);
    assert_eq!(with("authorization: Bearer\r\n"), 401);
    assert_eq!(with("authorization: bearer a long secret key\r\n"), 200);
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.get("/metrics").status, 401);
}

#[test]
fn what_is_under_way_is_finished_at_the_end() {
    let faults = Arc::new(Faults::default());
    faults.pause.store(5, Ordering::SeqCst);
    let mut server = start(&faults, |_| ());
    let body = json!({"prompt": "a", "max_tokens": 60, "n": 4, "stream": true, "logit_bias": {"40": 100}});
    let mut idle = server.connect();
    std::thread::scope(|scope| {
        let under_way = scope.spawn(|| server.post(COMPLETIONS, &body).events().len());
        while server.app.engine.metrics().slots.get() < 2 {
            std::thread::sleep(Duration::from_millis(1));
        }
        server.app.is_ending.store(true, Ordering::SeqCst);
        assert_eq!(server.get("/health").status, 503);
        assert_eq!(server.post(COMPLETIONS, &body).status, 503);
        assert_eq!(under_way.join().unwrap(), 4 * 61);
    });
    server.app.is_ending.store(false, Ordering::SeqCst);
    let address = server.address;
    std::thread::scope(|scope| {
        let end = server.end.take().unwrap();
        let server = &server;
        let under_way = scope.spawn(|| server.post(COMPLETIONS, &body).events().len());
        while server.app.engine.metrics().slots.get() < 2 {
            std::thread::sleep(Duration::from_millis(1));
        }
        end.send(()).unwrap();
        assert_eq!(under_way.join().unwrap(), 4 * 61);
    });
    server.thread.take().unwrap().join().unwrap();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    assert_eq!(idle.read(&mut [0; 8]).unwrap(), 0, "idle connections are closed");
}

#[test]
fn tokens_and_the_server_tell_about_themselves() {
    let server = start(&Arc::default(), |app| app.begin_of_text = Some(1));
    let models = server.get("/v1/models").json();
    assert_eq!((&models["data"][0]["id"], &models["object"]), (&"hamlet".into(), &"list".into()));
    assert_eq!(server.get("/v1/models/hamlet").json()["max_model_len"], WINDOW);
    let ids = tokenizer().encode("To be");
    let tokenize = |body: Value| server.answer("/tokenize", body)["tokens"].clone();
    assert_eq!(tokenize(json!({"prompt": "To be", "add_special_tokens": false})), json!(ids));
    assert_eq!(tokenize(json!({"prompt": "To be"}))[0], 1);
    assert_eq!(tokenize(json!({"prompt": "", "add_special_tokens": false})), json!([]));
    // The names that /tokenizer_info gives are these tokens.
    assert_eq!(tokenize(json!({"prompt": "</s>", "add_special_tokens": false})), json!([2]));
    assert_eq!(server.answer("/detokenize", json!({"tokens": ids}))["prompt"], "To be");
    server.refused("/detokenize", json!({"tokens": [300]}), 400, Some("tokens"), "300, which is no id");
    server.refused("/tokenize", json!({"prompt": 1}), 400, Some("prompt"), "prompt is 1");
    let info = server.get("/tokenizer_info").json();
    assert_eq!((&info["eos_token"], &info["bos_token"]), (&"</s>".into(), &"<s>".into()));
    assert_eq!(server.post("/reload", &json!({})).json(), json!({"step": 1, "reloaded": true}));
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("gopher_requests_total{path=\"/tokenize\",status=\"200\"} 4"), "{metrics}");
}
