//! XLA's own parser of HLO text, as a Python process that serves all tests.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

struct Reader {
    requests: ChildStdin,
    answers: ChildStdout,
    _process: Child,
}

const PYTHON: &str = "GOPHER_JAXLIB_PYTHON";

/// Whether the tests run with a reader, and so must not pass without having run.
pub fn is_wanted() -> bool {
    std::env::var_os(PYTHON).is_some()
}

/// The serialised `HloModuleProto` that a text stands for, or the parser's message; `None` without a parser.
pub fn read(text: &str) -> Option<Result<Vec<u8>, String>> {
    static READER: OnceLock<Option<Mutex<Reader>>> = OnceLock::new();
    let reader = READER.get_or_init(start).as_ref()?;
    let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
    reader.requests.write_all(&(text.len() as u32).to_le_bytes()).unwrap();
    reader.requests.write_all(text.as_bytes()).unwrap();
    reader.requests.flush().unwrap();
    let mut header = [0; 5];
    reader.answers.read_exact(&mut header).unwrap();
    let mut answer = vec![0; u32::from_le_bytes([header[1], header[2], header[3], header[4]]) as usize];
    reader.answers.read_exact(&mut answer).unwrap();
    Some(if header[0] == 1 { Ok(answer) } else { Err(String::from_utf8_lossy(&answer).into_owned()) })
}

fn start() -> Option<Mutex<Reader>> {
    let Some(python) = std::env::var_os(PYTHON) else {
        super::say("skipped: HLO text; tests/hlo_text.sh runs these tests with a reader for it");
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hlo_text_reader.py");
    let mut process = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("GOPHER_JAXLIB_PYTHON is a Python interpreter");
    let requests = process.stdin.take().unwrap();
    let answers = process.stdout.take().unwrap();
    Some(Mutex::new(Reader { requests, answers, _process: process }))
}
