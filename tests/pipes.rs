//! Pipes, sockets and devices in the place of files: refused at once where a file is needed, and read once where that is
//! enough. To open a named pipe is to wait for its writer, which here never comes.
#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What is refused takes no longer, whatever else the machine does.
const AT_ONCE: Duration = Duration::from_secs(30);

/// A folder with pipes of every name, files beside them, and the program to be run in it.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        for folder in ["folder", "hf", "damaged/checkpoints", "torn"] {
            fs::create_dir_all(place.0.path().join(folder)).unwrap();
        }
        let pipes = [
            "p.toml",
            "p.json",
            "p.txt",
            "p.jsonl.gz",
            "p.model",
            "p.gguf",
            "p.svg",
            "p.so",
            "p.mlir",
            "p",
            "folder/p.txt",
            "hf/config.json",
            "damaged/config.toml",
            "torn/metrics.jsonl",
        ];
        for pipe in pipes {
            assert!(Command::new("mkfifo").arg(place.0.path().join(pipe)).status().unwrap().success());
        }
        std::os::unix::fs::symlink("p.txt", place.0.path().join("link.txt")).unwrap();
        place.write("t.txt", "To be, or not to be, that is the question.\n");
        place.write("torn/config.toml", "name = \"torn\"\n");
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.args(arguments).current_dir(&self.0);
        command.env("GOPHER_CACHE", self.0.path().join("cache")).env("GOPHER_OFFLINE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// How a program ends that should at once; it is killed if it does not.
#[track_caller]
fn end(mut child: Child) -> Output {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > AT_ONCE {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("it waits, after {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

#[track_caller]
fn check(what: &str, output: &Output, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{what}: {:?} {said}", output.status);
    for part in parts {
        assert!(said.contains(part), "{what}: {part} in {said}");
    }
}

const SMALL: [&str; 6] = ["plan", "--model", "44m", "--topology", "cpu:2", "--top"];

#[test]
fn a_named_pipe_is_refused_wherever_a_file_is_named() {
    let place = Place::new();
    let pipe = "a pipe, not a file: write its content to a file and name that";
    let text = "a pipe, which can be read only once";
    let no_run = "neither a config.toml nor checkpoints";
    let cases: [(&str, &[&str]); 31] = [
        ("train p.toml", &["p.toml: ", pipe]),
        ("train --plan p.json --topology cpu:1 --data t.txt", &["p.json: ", pipe]),
        ("train --data p.txt", &["p.txt: ", text]),
        ("train --data p.jsonl.gz", &["p.jsonl.gz: ", text]),
        ("train --data link.txt", &["link.txt: ", text]),
        ("train --data t.txt p.txt", &["p.txt: ", text]),
        ("train --data t.txt --set data.tokenizer=p.model", &["p.model: ", pipe]),
        ("train --data t.txt --plugin p.so", &["p.so", pipe]),
        ("train --data t.txt --run p", &["cannot write p"]),
        ("train --data t.txt --from p", &["--from p: there is no such folder"]),
        ("train --data t.txt --resume p", &["--resume p: there is no such folder"]),
        ("generate --run x --prompt-file p.txt", &["--prompt-file p.txt: ", pipe]),
        ("generate --run p --prompt x", &["no run at p", no_run]),
        ("import p.gguf -o new", &["p.gguf: ", pipe]),
        ("import hf -o new", &["hf/config.json: ", pipe]),
        ("plan --model p.toml --topology tpu:v4:2x2x1", &["p.toml: ", pipe]),
        ("plan --model 44m --topology tpu:v4:2x2x1 --plan p.json", &["p.json: ", pipe]),
        ("plan --model 44m --topology gpu:p.toml:1x1", &["p.toml", pipe]),
        ("plan --run p --topology tpu:v4:2x2x1", &["no run at p", no_run]),
        ("export --model p.toml --program loss --format stablehlo -o a.mlir", &["p.toml: ", pipe]),
        (
            "export --model 44m --program loss --format stablehlo --plan p.json --topology cpu:1 -o a.mlir",
            &["p.json: ", pipe],
        ),
        ("export --run p --program loss --format stablehlo -o a.mlir", &["no run at p", no_run]),
        (
            "export --model 44m --program loss --format stablehlo -o p.mlir",
            &["p.mlir: no program reads this pipe"],
        ),
        (
            "export --model 44m --program loss --format stablehlo -o a.mlir --signature p.json",
            &["p.json: no program reads this pipe"],
        ),
        ("checkpoint ls p", &["p holds no run"]),
        ("checkpoint verify p", &["p holds no run"]),
        ("checkpoint export p a.safetensors", &["p holds no run"]),
        ("runs ls p", &["p: "]),
        ("runs compare torn damaged", &["metrics.jsonl: ", pipe]),
        ("runs compare damaged torn", &["config.toml: ", pipe]),
        ("replay --run p --step 3", &["no run at p", no_run]),
    ];
    for (line, parts) in cases {
        let arguments: Vec<&str> = line.split(' ').collect();
        check(line, &end(place.command(&arguments).spawn().unwrap()), parts);
    }
    for (option, output) in [("-o", "p.json"), ("--svg", "p.svg")] {
        let arguments = [&SMALL[..], &["1", option, output]].concat();
        let parts = [output, ": no program reads this pipe"];
        check(output, &end(place.command(&arguments).spawn().unwrap()), &parts);
    }
    // XLA would read the file too.
    end(place.command(&["doctor"]).env("XLA_FLAGS", "p.txt").spawn().unwrap());
    assert!(!place.0.path().join("new").exists() && !place.0.path().join("a.mlir").exists());
}

/// A pipe that the shell has made is read where reading once is enough.
#[test]
fn a_pipe_without_a_name_is_read_once() {
    let place = Place::new();
    let piped = |line: &str, content: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut child = place.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        // One that refuses to read has closed it.
        let _ = child.stdin.take().unwrap().write_all(content.as_bytes());
        end(child)
    };
    for name in ["/dev/stdin", "/proc/self/fd/0", "/dev/fd/0"] {
        check(name, &piped(&format!("train {name}"), "[model]\nlayesr = 3\n"), &[name, "layesr", "layers"]);
        check(name, &piped(&format!("generate --run x --prompt-file {name}"), "To be"), &["no run at x"]);
        check(
            name,
            &piped(&format!("plan --model 44m --topology cpu:2 --plan {name}"), "{"),
            &[name, "too early"],
        );
        // Text is read more than once, and a model from many places.
        check(
            name,
            &piped(&format!("train --data {name}"), "To be"),
            &[name, "a pipe, which can be read only once"],
        );
        check(name, &piped(&format!("import {name} -o new"), "GGUF"), &[name, "a pipe, not a file"]);
    }
    // Both ways of another shell.
    let line = format!("{} train <(echo 'model.layesr = 3')", env!("CARGO_BIN_EXE_gopher"));
    if let Ok(child) = Command::new("bash").args(["-c", &line]).stderr(Stdio::piped()).spawn() {
        check(&line, &end(child), &["layesr", "layers"]);
    }
}

#[test]
fn devices_and_sockets_are_refused() {
    let place = Place::new();
    let _socket = std::os::unix::net::UnixListener::bind(place.0.path().join("s.toml")).unwrap();
    for (line, parts) in [
        ("train /dev/zero", ["/dev/zero", "a device, not a file"]),
        ("train s.toml", ["s.toml", "a socket, not a file"]),
        ("train --data /dev/zero", ["/dev/zero", "a device"]),
        ("generate --run x --prompt-file /dev/zero", ["/dev/zero", "a device, not a file"]),
        ("import /dev/zero -o new", ["/dev/zero", "a device, not a file"]),
        ("plan --model 44m --topology cpu:2 --plan /dev/zero", ["/dev/zero", "a device, not a file"]),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        check(line, &end(place.command(&arguments).spawn().unwrap()), &parts);
    }
}
