//! `gopher serve` on a small model that `gopher train` has made, as its users run it. What its API answers is in serve/tests.

mod common;
mod running;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use common::{SmallRun, TEXT, TINY, command, gopher};
use running::{Running, Start};
use serde_json::{Value, json};

/// The token that begins texts, `<s>`.
const BEGIN_OF_TEXT: u64 = 1;

/// A run of two checkpoints, trained once for all tests; `None` without a plugin.
fn trained() -> Option<&'static Path> {
    static RUN: OnceLock<Option<SmallRun>> = OnceLock::new();
    let settings = [&TINY[..], &["training.sequence_length=64", "training.checkpoint_every=2"]].concat();
    RUN.get_or_init(|| SmallRun::train("hamlet", &TEXT.repeat(60), 4, &settings)).as_ref().map(SmallRun::path)
}

/// A server that is ready.
struct Server {
    process: Running,
    address: String,
}

fn serve(run: &Path, arguments: &[&str]) -> Server {
    let mut command = command();
    command.args(["serve", "--addr", "127.0.0.1:0", "--slots", "3", "--run"]).arg(run).args(arguments);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).start();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("curl http://").and_then(|rest| rest.split('/').next());
    let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
    Server { process, address }
}

impl Server {
    fn send(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        stream
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let mut text = String::new();
        self.send("POST", path, &body.to_string()).read_to_string(&mut text).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Sends SIGTERM, and waits for the end: what was said since it was ready.
    fn end(mut self) -> (Option<i32>, String) {
        let id = rustix::process::Pid::from_raw(self.process.id() as i32).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.process.wait().unwrap().code(), said)
    }
}

#[test]
fn answers_are_those_of_generation_and_scoring() {
    let Some(run) = trained() else { return };
    let server = serve(run, &["--name", "prince"]);
    let arguments = [
        "generate",
        "--run",
        run.to_str().unwrap(),
        "--prompt",
        "To be",
        "--tokens",
        "20",
        "--temperature",
        "0",
        "--json",
    ];
    let generated: Value = serde_json::from_slice(&gopher(&arguments).stdout).unwrap();
    let body = json!({"model": "prince", "prompt": "To be", "max_tokens": 20, "temperature": 0});
    let answer = server.post("/v1/completions", &body);
    assert_eq!(answer["choices"][0]["text"], generated["text"], "{answer}");

    // The tokens of a text, each after those before it: as `gopher eval perplexity` has them after the token that begins texts.
    let text = "Whether 'tis nobler in the mind";
    let file = run.with_file_name("scored.txt");
    fs::write(&file, text).unwrap();
    let arguments = ["eval", "perplexity", "--run", run.to_str().unwrap(), file.to_str().unwrap(), "--json"];
    let output = gopher(&arguments);
    let scored: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let info = server.post("/tokenize", &json!({"prompt": text}));
    let tokens: Vec<u64> = serde_json::from_value(info["tokens"].clone()).unwrap();
    let prompt: Vec<u64> = [BEGIN_OF_TEXT].into_iter().chain(tokens.iter().copied()).collect();
    let body = json!({"prompt": prompt, "max_tokens": 1, "temperature": 0, "echo": true, "logprobs": 1});
    let answer = server.post("/v1/completions", &body);
    let logprobs = answer["choices"][0]["logprobs"]["token_logprobs"].as_array().unwrap();
    let sum: f64 = logprobs[1..=tokens.len()].iter().map(|x| x.as_f64().unwrap()).sum();
    let scored = &scored["files"][0];
    assert_eq!(scored["tokens"].as_u64(), Some(tokens.len() as u64), "{scored}");
    assert_eq!(scored["log_probability"].as_f64(), Some(sum), "to the last digit: {scored}");
    let (code, said) = server.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 slots of 64 tokens at ") && said.contains("model prince"), "{said}");
}

#[test]
fn a_signal_lets_streams_end() {
    let Some(run) = trained() else { return };
    let server = serve(run, &["--prefix-cache", "0", "--prompt", "none"]);
    let body = json!({"prompt": "To be", "max_tokens": 55, "n": 6, "stream": true, "seed": 1});
    let mut stream = server.send("POST", "/v1/completions", &body.to_string());
    // It has begun once its head is there.
    let mut first = [0; 64];
    stream.read_exact(&mut first).unwrap();
    let reader = std::thread::spawn(move || {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        rest
    });
    let (code, said) = server.end();
    let rest = reader.join().unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
    assert_eq!(rest.matches("\"finish_reason\":\"").count(), 6);
}

#[test]
fn a_newer_checkpoint_is_taken() {
    let Some(run) = trained() else { return };
    let server = serve(run, &["--checkpoint", "2"]);
    let body =
        json!({"prompt": "To be, or not", "max_tokens": 1, "temperature": 0, "echo": true, "logprobs": 1});
    let of = |server: &Server| server.post("/v1/completions", &body)["choices"].clone();
    let before = of(&server);
    assert_eq!(server.post("/reload", &json!({})), json!({"step": 4, "reloaded": true}));
    let after = of(&server);
    assert_ne!(before, after);
    assert_eq!(server.post("/reload", &json!({})), json!({"step": 4, "reloaded": false}));
    assert_eq!(of(&serve(run, &[])), after, "as of a server that began with it");
}

#[track_caller]
fn refused(run: &Path, arguments: &[&str], code: i32, message: &str) {
    let run = run.to_str().unwrap();
    let output = gopher(&[&["serve", "--run", run], arguments].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(message), "{message}: {said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn what_cannot_be_served_is_said() {
    let nothing = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let key = nothing.path().join("key");
    fs::write(&key, "short\n").unwrap();
    let key = key.to_str().unwrap();
    let none = nothing.path();
    refused(none, &["--addr", &taken], 1, "another program does; name another port with --addr");
    refused(none, &["--addr", "0.0.0.0:0"], 2, "others can reach it; give a key with --api-key-file");
    refused(none, &["--addr", "nowhere"], 2, "no address with a port");
    refused(none, &["--addr", "127.0.0.1:0", "--api-key-file", key], 2, "at least 16");
    refused(none, &["--addr", "127.0.0.1:0", "--slots", "0"], 2, "0 is not in 1..=1024");
    refused(none, &["--addr", "127.0.0.1:0", "--topology", "v5e-4096"], 2, "--topology");
    refused(none, &["--addr", "127.0.0.1:0"], 1, "no run at");
    let Some(run) = trained() else { return };
    let much = ["--addr", "127.0.0.1:0", "--slots", "1024", "--window", "1048576"];
    refused(run, &much, 1, "1024 slots of 1048576 tokens");
    refused(run, &["--addr", "127.0.0.1:0", "--window", "16", "--prompt", "gopher"], 1, "window");
}
