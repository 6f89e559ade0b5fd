//! Object stores on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A server on loopback; it ends with this.
pub struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// `server.py`; `None` without Python.
    pub fn start() -> Option<Server> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/object_store/server.py");
        let started = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut process) = started else {
            eprintln!("skipped: s3:// and gs://, which need python3");
            return None;
        };
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Some(Server { process, port: line.trim().parse().unwrap() })
    }

    /// moto's server; `None` if there is none.
    pub fn start_moto() -> Option<Server> {
        let Some(python) = std::env::var_os("GOPHER_MOTO_PYTHON") else {
            eprintln!("skipped: moto; GOPHER_MOTO_PYTHON names a Python that has moto[server]");
            return None;
        };
        let script = "from moto.server import ThreadedMotoServer as S\nimport sys\n\
            s = S('127.0.0.1', 0, verbose=False)\ns.start()\nprint(s.get_host_and_port()[1], flush=True)\nsys.stdin.read()";
        let mut process = Command::new(python)
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("GOPHER_MOTO_PYTHON is a Python interpreter");
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Some(Server { process, port: line.trim().parse().expect("moto is installed there") })
    }

    /// What the program has to know of it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let url = format!("http://127.0.0.1:{}", self.port);
        let key = serde_json::json!({
            "gcs_base_url": url, "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""
        });
        vec![
            ("AWS_ENDPOINT_URL", url),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "nobody".into()),
            ("AWS_SECRET_ACCESS_KEY", "nothing".into()),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", key.to_string()),
            ("GOOGLE_ALLOW_HTTP", "true".into()),
        ]
    }

    pub fn make_bucket(&self, name: &str) {
        self.request("PUT", &format!("/{name}"), "");
    }

    /// Puts an object there.
    pub fn put(&self, path: &str, body: &str) {
        self.request("PUT", path, body);
    }

    /// The text of an object, which is one.
    pub fn get(&self, path: &str) -> String {
        self.request("GET", path, "")
    }

    /// See `server.py`.
    pub fn fault(&self, what: &str) {
        self.request("PUT", "/_fault", what);
    }

    /// Whether a request hangs that has this in its name.
    pub fn waits(&self, name: &str) -> bool {
        self.request("GET", "/_hanging", "").contains(name)
    }

    /// The answer's body.
    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = (0..100)
            .find_map(|_| {
                let stream = TcpStream::connect(("127.0.0.1", self.port)).ok();
                stream.or_else(|| {
                    thread::sleep(Duration::from_millis(50));
                    None
                })
            })
            .expect("the server answers");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
