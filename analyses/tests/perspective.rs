//! A scorer over HTTP that is well, slow, away, busy, broken, and no such service at all; against a server in this test.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use analyses::scorer::TextScorer;
use analyses::scorer::perspective::{Perspective, Service};
use serde_json::{Value, json};

/// What a server says to its n-th request, and what it was asked.
struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// An answer: after so long, with a status, more headers and a body made of the text that was asked about.
struct Reply {
    after: Duration,
    status: &'static str,
    headers: &'static str,
    body: fn(&str) -> String,
}

fn scored(text: &str) -> String {
    // A tenth for each letter.
    let value = text.chars().count() as f64 / 10.0;
    json!({ "attributeScores": { "TOXICITY": { "summaryScore": { "value": value, "type": "PROBABILITY" } } } }).to_string()
}

const WELL: Reply = Reply { after: Duration::ZERO, status: "200 OK", headers: "", body: scored };

impl Server {
    fn new(reply: impl Fn(usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (requests, heads) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, seen) = (Arc::clone(&requests), Arc::clone(&heads));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                answer(stream, &reply(count.fetch_add(1, Ordering::SeqCst)), &seen);
            }
        });
        Self { address, requests, heads }
    }

    fn service(&self) -> Service {
        Service {
            url: self.address.clone(),
            attribute: "TOXICITY".into(),
            key: Some("secret".into()),
            rate: 1000.0,
            tries: 3,
            timeout: Duration::from_secs(20),
            wait: Duration::from_millis(1),
            cache: None,
        }
    }

    fn asked(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, reply: &Reply, heads: &Mutex<Vec<String>>) {
    let (mut read, mut part) = (Vec::new(), [0; 4096]);
    let (head, body) = loop {
        let count = stream.read(&mut part).unwrap_or(0);
        read.extend(&part[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse::<usize>().unwrap() {
                break (head.to_owned(), body.to_owned());
            }
        }
        if count == 0 {
            return;
        }
    };
    heads.lock().unwrap().push(head);
    let asked: Value = serde_json::from_str(&body).unwrap();
    assert!(asked["requestedAttributes"]["TOXICITY"].is_object() && asked["doNotStore"] == true);
    let body = (reply.body)(asked["comment"]["text"].as_str().unwrap());
    thread::sleep(reply.after);
    let _ = write!(
        stream,
        "HTTP/1.1 {}\r\n{}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        reply.status,
        reply.headers,
        body.len()
    );
}

fn score(service: Service, texts: &[&str]) -> Result<Vec<f64>, String> {
    Perspective::new(service).unwrap().score(texts).map_err(|error| error.to_string())
}

#[test]
fn texts_are_scored_in_order_and_once() {
    let server = Server::new(|_| WELL);
    let folder = tempfile::tempdir().unwrap();
    let cache: PathBuf = folder.path().join("new/scores.jsonl");
    let service = Service { cache: Some(cache.clone()), ..server.service() };
    assert_eq!(score(service.clone(), &["aaa", "", "b", " \n", "aaa"]), Ok(vec![0.3, 0.0, 0.1, 0.0, 0.3]));
    // The one that comes twice was asked about once, those without a word never.
    assert_eq!(server.asked(), 2);
    assert!(
        server.heads.lock().unwrap()[0].starts_with("POST /v1alpha1/comments:analyze?key=secret HTTP/1.1")
    );
    // The program was stopped while it wrote.
    let mut kept = std::fs::read(&cache).unwrap();
    kept.extend(b"{\"key\":\"0");
    std::fs::write(&cache, kept).unwrap();
    assert_eq!(score(service.clone(), &["aaa", "cc", "b"]), Ok(vec![0.3, 0.2, 0.1]));
    assert_eq!(server.asked(), 3);
    assert_eq!(std::fs::read_to_string(&cache).unwrap().lines().count(), 3);
    // No text is kept.
    assert!(!std::fs::read_to_string(&cache).unwrap().contains("aaa"));
    std::fs::write(&cache, "no scores\n").unwrap();
    let error = Perspective::new(service).unwrap_err().to_string();
    assert!(
        error.contains("scores.jsonl: it is no file of scores") && error.ends_with("--scorer-cache"),
        "{error}"
    );
}

#[test]
fn a_busy_service_is_waited_for_as_long_as_it_says() {
    let server = Server::new(|number| match number {
        0 => Reply { status: "429 Too Many Requests", headers: "retry-after: 1\r\n", ..WELL },
        1 => Reply { status: "503 Service Unavailable", ..WELL },
        _ => WELL,
    });
    let begin = Instant::now();
    assert_eq!(score(server.service(), &["ab"]), Ok(vec![0.2]));
    assert!(begin.elapsed() >= Duration::from_secs(1) && server.asked() == 3);
}

#[test]
fn requests_are_spaced() {
    let server = Server::new(|_| WELL);
    let begin = Instant::now();
    score(Service { rate: 20.0, ..server.service() }, &["a", "b", "c", "d"]).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(150), "{:?}", begin.elapsed());
}

#[test]
fn a_service_that_does_not_answer_is_an_error_in_the_end() {
    let server = Server::new(|_| Reply { status: "500 Internal Server Error", ..WELL });
    let error = score(server.service(), &["a"]).unwrap_err();
    assert!(
        error.contains("(TOXICITY): it answers with status 500 (3 tries); the same command goes on"),
        "{error}"
    );
    assert_eq!(server.asked(), 3);
    let slow = Server::new(|_| Reply { after: Duration::from_millis(600), ..WELL });
    let error = score(Service { timeout: Duration::from_millis(50), tries: 1, ..slow.service() }, &["a"])
        .unwrap_err();
    assert!(error.contains("no answer within 0.05 s;"), "{error}");
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = score(Service { url: format!("http://{away}"), ..server.service() }, &["a"]).unwrap_err();
    assert!(error.contains("it cannot be reached: ") && error.contains("(3 tries)"), "{error}");
}

/// What will not become better is not tried again.
#[test]
fn nonsense_is_refused_at_once() {
    let refused = |reply: fn(usize) -> Reply, expected: &str| {
        let server = Server::new(reply);
        let error = score(server.service(), &["aa"]).unwrap_err();
        assert!(error.contains(expected) && server.asked() == 1, "{error}");
    };
    refused(
        |_| Reply { body: |_| "<html>".into(), ..WELL },
        "its answer has no score of TOXICITY: is it a Perspective API?",
    );
    refused(|_| Reply { body: |_| "{}".into(), ..WELL }, "its answer has no score of TOXICITY");
    refused(
        |_| Reply { body: |_| scored(&"a".repeat(30)), ..WELL },
        "its score of TOXICITY is 3, and 0 to 1 is expected",
    );
    refused(
        |_| Reply {
            status: "400 Bad Request",
            body: |_| json!({ "error": { "message": "no\nkey" } }).to_string(),
            ..WELL
        },
        "it answers with status 400: no key",
    );
}

#[test]
fn addresses_that_are_none_are_refused() {
    let server = Server::new(|_| WELL);
    for (url, expected) in [
        ("https://example.org", "https is not spoken here; have a forwarder"),
        ("example.org", "an address http://HOST:PORT is expected"),
        ("http://", "an address http://HOST:PORT is expected"),
        ("http://a b", "an address http://HOST:PORT is expected"),
    ] {
        let error =
            Perspective::new(Service { url: url.into(), ..server.service() }).unwrap_err().to_string();
        assert!(error.contains(expected), "{url}: {error}");
    }
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Perspective::new(Service { rate, ..server.service() }).is_err(), "{rate}");
    }
    assert!(Perspective::new(Service { tries: 0, ..server.service() }).is_err());
}
