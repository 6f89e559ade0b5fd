//! Connections that come in the wrong way, too many, too slowly or for too long, and those that go away; with a model that needs no
//! device.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::Faults;
use common::server::{COMPLETIONS, start};
use serde_json::json;
use serve::http::Key;

#[test]
fn connections_have_limits() {
    let server = start(&Arc::default(), |app| app.limits.connections = 3);
    let body = r#"{"prompt": "a", "seed": 1}"#;
    let old = format!(
        "POST {COMPLETIONS} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(server.raw(old.as_bytes()).status, 200);
    // A stream too, whose end is that of the connection.
    let body = r#"{"prompt": "a", "stream": true}"#;
    let old = old.split("content-length").next().unwrap().to_owned();
    let reply = server.raw(format!("{old}content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    assert!(!reply.head.to_ascii_lowercase().contains("chunked"), "{}", reply.head);
    assert!(reply.body.ends_with("data: [DONE]\n\n"), "{}", reply.body);
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
    // So it does where the device fails, and the next request is answered.
    let reply = std::thread::scope(|scope| {
        let stream = scope.spawn(|| server.post(COMPLETIONS, &body));
        while server.app.engine.metrics().slots.get() == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(60));
        faults.steps.store(1, Ordering::SeqCst);
        stream.join().unwrap()
    });
    let last = reply.body.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.contains("device") && last.starts_with("data: {\"error\":"), "{reply:?}");
    faults.pause.store(0, Ordering::SeqCst);
    assert_eq!(server.post(COMPLETIONS, &json!({"prompt": "a", "max_tokens": 2})).status, 200);
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
    assert_eq!(server.get("/").status, 200, "the page, which asks for the key");
    assert_eq!(server.get("/metrics").status, 401);
}

#[test]
fn a_page_is_there_that_asks_nobody_else() {
    let server = start(&Arc::default(), |_| ());
    for (path, kind) in [("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")] {
        let reply = server.get(path);
        let head = reply.head.to_ascii_lowercase();
        assert!(reply.status == 200 && head.contains(&format!("content-type: {kind}")), "{path}: {head}");
        assert!(
            head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
            "{path}: {head}"
        );
        assert!(!reply.body.contains("://"), "{path} names another place");
    }
    assert_eq!(server.request("POST", "/", "", "").status, 405);
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
