//! A server over real connections, and a client that sends it anything.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serve::engine::Ended;
use serve::http::{App, Limits, listen};
use tokio::sync::oneshot;

use super::{Faults, WINDOW, engine, tokenizer};

pub const COMPLETIONS: &str = "/v1/completions";
pub const CHAT: &str = "/v1/chat/completions";

/// A server that ends with its test.
pub struct Server {
    pub address: SocketAddr,
    pub app: Arc<App>,
    pub end: Option<oneshot::Sender<()>>,
    pub thread: Option<std::thread::JoinHandle<()>>,
    _ended: Ended,
}

pub fn start(faults: &Arc<Faults>, change: impl FnOnce(&mut App)) -> Server {
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
        dialogue: eval::dialogue::DialogueForm::default(),
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
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The objects of a stream, which ends as streams do.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.head.contains("content-type: text/event-stream"), "{}", self.head);
        let mut events: Vec<&str> =
            self.body.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
        assert_eq!(events.pop(), Some("[DONE]"));
        events.into_iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }
}

impl Server {
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends bytes, and reads until the other side closes.
    pub fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        // A server that refuses a head does not read the rest.
        let _ = stream.write_all(bytes);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        reply(&all)
    }

    pub fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
        );
        self.raw(format!("{head}{body}").as_bytes())
    }

    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path, "", "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.request("POST", path, "content-type: application/json\r\n", &body.to_string())
    }

    /// What a good request gives.
    #[track_caller]
    pub fn answer(&self, path: &str, body: Value) -> Value {
        let reply = self.post(path, &body);
        assert_eq!(reply.status, 200, "{body}: {reply:?}");
        reply.json()
    }

    /// What a bad one does: status, field, message.
    #[track_caller]
    pub fn refused(&self, path: &str, body: Value, status: u16, param: Option<&str>, message: &str) {
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
