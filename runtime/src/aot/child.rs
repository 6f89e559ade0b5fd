//! Compiling in a process of its own: a compiler that fails a check of its own ends its process, and takes memory that
//! it does not give back.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Compiled, Error, Refusal, Request, compile};

/// The command that starts the process that compiles: this program with two more arguments, the paths of a request and
/// of the answer, which it hands to [`serve`].
#[derive(Debug, Clone)]
pub struct Worker {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments.
    pub arguments: Vec<OsString>,
    /// How long one compilation may take; `None`: as long as it likes.
    pub limit: Option<Duration>,
}

/// The answer of the process.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Compiled(Box<Compiled>),
    Refused(Refusal),
    Failed(String),
}

/// Bytes kept of a process's output.
const LAST_WORDS: usize = 4000;

/// Bytes that a compiler may write of its schedule: more than ten times what the largest plans take.
const SCHEDULE_BYTES: u64 = 4 << 30;
/// How often it is looked how much that is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Bytes of the files of a folder.
fn bytes_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

impl Worker {
    /// The program that is running now, started with these arguments.
    ///
    /// # Errors
    /// When the system does not tell which program that is.
    pub fn this_program(arguments: &[&str]) -> Result<Worker, Error> {
        let program = std::env::current_exe().map_err(|source| Error::Io {
            action: "find",
            path: "this program".into(),
            source,
        })?;
        Ok(Worker { program, arguments: arguments.iter().map(OsString::from).collect(), limit: None })
    }

    /// The same worker with a time limit.
    pub fn limit(mut self, limit: Duration) -> Worker {
        self.limit = Some(limit);
        self
    }

    /// Compiles a program in a process of its own. Several may run at once. A compiler that dies of writing its schedule, or
    /// writes more than 4 GiB of it, is started once more without, if there is time left.
    ///
    /// # Errors
    /// As [`compile`]; also [`Error::Died`] when the process ends without an answer, and [`Error::TimedOut`].
    pub fn compile(&self, request: &Request) -> Result<Compiled, Error> {
        let start = Instant::now();
        let first = self.attempt(request);
        let left = self.limit.map(|limit| limit.saturating_sub(start.elapsed()));
        match first {
            Err(Error::Died { .. } | Error::ScheduleTooLarge { .. })
                if request.memory_bytes_per_cycle.is_some() && left.is_none_or(|left| !left.is_zero()) =>
            {
                let without = Request { memory_bytes_per_cycle: None, ..request.clone() };
                Worker { limit: left, ..self.clone() }.attempt(&without)
            }
            first => first,
        }
    }

    fn attempt(&self, request: &Request) -> Result<Compiled, Error> {
        let folder = tempfile::tempdir().map_err(io("make a folder in", &std::env::temp_dir()))?;
        let (question, answer) = (folder.path().join("request.json"), folder.path().join("answer.json"));
        let schedule = folder.path().join("schedule");
        let is_wanted = request.memory_bytes_per_cycle.is_some();
        let request = Request { schedule_folder: is_wanted.then(|| schedule.clone()), ..request.clone() };
        if is_wanted {
            fs::create_dir(&schedule).map_err(io("make", &schedule))?;
        }
        let text =
            serde_json::to_vec(&request).map_err(|error| Error::Child { reason: error.to_string() })?;
        fs::write(&question, text).map_err(io("write", &question))?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args([&question, &answer]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Nobody to ask, and no chip to fight over, even on a machine that has some; libtpu's log files go with the
        // folder.
        command.env("TPU_SKIP_MDS_QUERY", "1").env("ALLOW_MULTIPLE_LIBTPU_LOAD", "1");
        command.env("TPU_LOG_DIR", folder.path());
        // Compilers allocate in many threads and free most of it: glibc would keep that for each thread. For the 280B step
        // this is 3.8 GiB instead of 4.7 GiB.
        for (name, value) in [
            ("MALLOC_ARENA_MAX", "1"),
            ("MALLOC_MMAP_THRESHOLD_", "131072"),
            ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        if is_wanted {
            let mut flags = std::env::var_os("LIBTPU_INIT_ARGS").unwrap_or_default();
            flags.push(" ");
            flags.push(super::schedule::flags(&schedule));
            command.env("LIBTPU_INIT_ARGS", flags);
        }
        let mut child = command.spawn().map_err(io("start", &self.program))?;
        let mut stderr = child.stderr.take();
        let listener = std::thread::spawn(move || {
            let mut said = Vec::new();
            if let Some(stderr) = &mut stderr {
                // What cannot be read is not shown.
                let _ = stderr.read_to_end(&mut said);
            }
            said
        });
        let status = self.wait(&mut child, is_wanted.then_some(&*schedule))?;
        let said = listener.join().unwrap_or_default();
        let died = || Error::Died { how: describe(status), said: tail(&said) };
        let Ok(text) = fs::read(&answer) else { return Err(died()) };
        match serde_json::from_slice(&text) {
            Ok(Answer::Compiled(compiled)) => Ok(*compiled),
            Ok(Answer::Refused(refusal)) => Err(refusal.into()),
            Ok(Answer::Failed(reason)) => Err(Error::Child { reason }),
            Err(_) => Err(died()),
        }
    }

    /// Waits for a process, and ends it when time is over, or when it has written too much to `folder`.
    fn wait(&self, child: &mut Child, folder: Option<&Path>) -> Result<ExitStatus, Error> {
        let start = Instant::now();
        let mut looked = start;
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = child.try_wait().map_err(io("wait for", &self.program))? {
                return Ok(status);
            }
            if let Some(limit) = self.limit.filter(|&limit| start.elapsed() >= limit) {
                child.kill().and_then(|()| child.wait()).map_err(io("stop", &self.program))?;
                return Err(Error::TimedOut { limit });
            }
            if let Some(folder) = folder
                && looked.elapsed() >= LOOK_EVERY
            {
                looked = Instant::now();
                let bytes = bytes_of(folder);
                if bytes > SCHEDULE_BYTES {
                    child.kill().and_then(|()| child.wait()).map_err(io("stop", &self.program))?;
                    return Err(Error::ScheduleTooLarge { bytes });
                }
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

/// What a process that a [`Worker`] starts does: reads the request, compiles, and writes the answer, be it an error.
///
/// # Errors
/// When the request cannot be read or the answer not be written.
pub fn serve(request: &Path, answer: &Path) -> Result<(), Error> {
    let text = fs::read(request).map_err(io("read", request))?;
    let outcome = match serde_json::from_slice::<Request>(&text) {
        Ok(request) => match compile(&request) {
            Ok(compiled) => Answer::Compiled(Box::new(compiled)),
            Err(Error::Refused(refusal)) => Answer::Refused(refusal),
            Err(error) => Answer::Failed(error.to_string()),
        },
        Err(error) => Answer::Failed(format!("{}: {error}", request.display())),
    };
    let text = serde_json::to_vec(&outcome).map_err(|error| Error::Child { reason: error.to_string() })?;
    fs::write(answer, text).map_err(io("write", answer))
}

fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path: path.clone(), source }
}

/// The way a process ended.
fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return match signal {
            6 => "it aborted: a check of its own failed".to_owned(),
            9 => "it was killed, perhaps because the machine has too little memory".to_owned(),
            11 => "segmentation fault".to_owned(),
            other => format!("signal {other}"),
        };
    }
    status.to_string()
}

/// The end of what a process said, from the beginning of a line.
fn tail(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let said = said.trim();
    let from = said.len().saturating_sub(LAST_WORDS);
    let from = (from..said.len()).find(|&index| index == 0 || said.as_bytes()[index - 1] == b'\n');
    from.map_or_else(String::new, |from| said[from..].to_owned())
}
