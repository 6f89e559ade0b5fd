//! Outputs that are being written when a signal ends the program: nothing of them is left.
#![cfg(unix)]

mod running;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use running::Start;

/// What is in a folder and those below it.
fn names(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        if path.is_dir() {
            found.extend(names(&path));
        }
    }
    found
}

/// Runs a command that comes to a halt before an operation on the disk, and ends it with a signal.
#[track_caller]
fn check(line: &str, halt: &str, (name, code): (&str, i32)) {
    let folder = tempfile::tempdir().unwrap();
    let mut gopher = Command::new(env!("CARGO_BIN_EXE_gopher"));
    gopher.args(line.split(' ')).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = gopher.env("GOPHER_FAULT", format!("{halt}:wait")).start();
    let start = Instant::now();
    while !names(folder.path()).iter().any(|name| name.starts_with(".partial-")) {
        assert!(start.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "{line}");
        std::thread::sleep(Duration::from_millis(5));
    }
    // It is at the operation, or just before it.
    std::thread::sleep(Duration::from_millis(50));
    let kill = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(kill.success());
    let status = child.wait().unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new(), "{line} at {halt}: {status:?}");
    assert_eq!(status.code(), Some(code), "{line}");
}

#[test]
fn a_signal_leaves_nothing_of_what_is_being_written() {
    let export = "export --model 44m --program loss --format stablehlo --batch 1 --seq 8 -o a.mlir";
    check(export, "write:1", ("INT", 130));
    check(export, "sync-file:2", ("TERM", 143));
    check(export, "rename-file:1", ("HUP", 129));
    check("plan --model 44m --topology cpu:2 --top 1 -o a.json --svg a.svg", "sync-file:2", ("INT", 130));
}
