//! `gopher cache`: what it lists, and what it removes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

fn gopher(cache: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
    command.arg("cache").args(arguments).env("GOPHER_CACHE", cache);
    command.env_remove("GOPHER_TOKEN_CACHE").env_remove("GOPHER_PROGRAM_CACHE");
    command.output().unwrap()
}

#[track_caller]
fn answer(cache: &Path, arguments: &[&str]) -> Value {
    let output = gopher(cache, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A cache with something in each part.
fn cache() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("tokens/a.tokens", 2048),
        ("programs/a.program", 50),
        ("verified/a.json", 3),
        ("text/plays/hamlet.txt", 7),
        ("wheels/unpacked/a/lib.so", 100),
        ("wheels/by-hand.whl", 1000),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![0; bytes]).unwrap();
    }
    folder
}

fn sizes(cache: &Path) -> Vec<Value> {
    let list = answer(cache, &["ls", "--json"]);
    list["parts"].as_array().unwrap().iter().map(|part| json!([part["name"], part["bytes"]])).collect()
}

#[test]
fn the_parts_are_listed() {
    let folder = cache();
    let list = answer(folder.path(), &["ls", "--json"]);
    assert_eq!((&list["bytes"], &list["token_limit"]), (&json!(2208), &json!(16u64 << 30)));
    let tokens = json!({ "name": "tokens", "purpose": "texts that were encoded", "files": 1, "bytes": 2048 });
    assert_eq!(list["parts"][0], tokens);
    let text = String::from_utf8(gopher(folder.path(), &["ls"]).stdout).unwrap();
    assert!(text.contains("tokens") && text.contains("2.00 KiB"), "{text}");
    // A cache that is not there yet is empty.
    assert_eq!(answer(&folder.path().join("none"), &["ls", "--json"])["bytes"], 0);
}

#[test]
fn what_was_made_here_is_removed_and_the_rest_if_asked() {
    let folder = cache();
    let cleared = answer(folder.path(), &["clear", "--json"]);
    assert_eq!(cleared["bytes"], 2101);
    let left = [("tokens", 0), ("programs", 0), ("verdicts", 0), ("text", 7), ("wheels", 100)];
    let left = left.map(|(part, bytes)| json!([part, bytes]));
    assert_eq!(sizes(folder.path()), left);
    assert!(gopher(folder.path(), &["clear", "text"]).status.success());
    assert_eq!(sizes(folder.path())[3], json!(["text", 0]));
    assert!(gopher(folder.path(), &["clear", "--all"]).status.success());
    assert_eq!(answer(folder.path(), &["ls", "--json"])["bytes"], 0);
    assert!(folder.path().join("wheels/by-hand.whl").is_file());
    let output = gopher(folder.path(), &["clear", "everything"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("tokens, programs, verdicts, text, wheels"));
}

#[test]
fn a_limit_that_is_no_size_is_named() {
    let folder = cache();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
    command.args(["cache", "ls"]).env("GOPHER_CACHE", folder.path()).env("GOPHER_TOKEN_CACHE", "much");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("GOPHER_TOKEN_CACHE = much: expected a number of bytes"), "{said}");
}
