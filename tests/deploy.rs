//! The files in `deploy/` name nothing that does not exist. Their syntax is checked by deploy/check.py.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn files() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml" || end == "sbatch"));
    let files: Vec<_> = files.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    assert!(files.len() >= 2, "{files:?}");
    files
}

/// The text without comments.
fn code(text: &str) -> String {
    let line = |line: &str| line.split_once(" #").map_or(line, |(code, _)| code).trim().to_owned();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.map(line).collect::<Vec<_>>().join("\n")
}

/// Words of `gopher train …` up to the end of the command.
fn command(text: &str) -> Vec<String> {
    let code = code(text).replace("\\\n", " ");
    let (_, rest) = code.split_once("gopher train").expect("a file that trains");
    let mut words = Vec::new();
    for line in rest.lines() {
        // In a folded YAML text, the options stand on lines of their own.
        if !words.is_empty() && !line.starts_with("--") {
            break;
        }
        words.extend(line.split_whitespace().map(str::to_owned));
    }
    words
}

#[test]
fn options_are_those_of_gopher_train() {
    let help = Command::new(env!("CARGO_BIN_EXE_gopher")).args(["train", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let known: BTreeSet<_> =
        help.lines().filter_map(|line| line.trim().strip_prefix("--")?.split(' ').next()).collect();
    assert!(known.contains("coordinator"), "{help}");
    for (path, text) in files() {
        let words = command(&text);
        let options: Vec<_> = words.iter().filter_map(|word| word.strip_prefix("--")).collect();
        assert!(options.len() >= 4, "{}: {words:?}", path.display());
        for option in options {
            assert!(known.contains(option), "{}: gopher train has no --{option}", path.display());
        }
    }
}

#[test]
fn variables_and_machines_are_those_that_gopher_reads() {
    let documented = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hosts.md")).unwrap();
    let separators = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let known: BTreeSet<_> =
        documented.split(separators).filter(|word| word.starts_with("GOPHER_")).collect();
    for (path, text) in files() {
        for variable in text.split(separators).filter(|word| word.starts_with("GOPHER_")) {
            assert!(known.contains(variable), "{}: {variable} is not in docs/hosts.md", path.display());
        }
        let machines = code(&text);
        let machines = machines.split_whitespace().map(|word| word.trim_start_matches("topology="));
        let machines: Vec<_> =
            machines.filter(|word| word.starts_with("gpu:") || word.starts_with("tpu:")).collect();
        assert!(!machines.is_empty(), "{}", path.display());
        for machine in machines {
            sharding::machine::Topology::parse(machine, 1).unwrap();
        }
    }
}

#[test]
fn the_batch_script_is_a_script() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/train.sbatch");
    let output = Command::new("bash").arg("-n").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
