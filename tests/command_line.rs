//! What holds for the arguments of all commands.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The program, in a folder of its own.
fn gopher(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gopher")).current_dir(folder).args(arguments).output().unwrap()
}

/// Arguments with which the program ends with `code` and says all `parts`.
#[track_caller]
fn check(arguments: &[&str], code: i32, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = gopher(&folder, arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{message}");
    for part in parts {
        assert!(message.contains(part), "{part} in {message}");
    }
}

/// Each gets as far as to look for what is named.
#[test]
fn values_that_begin_with_a_dash_are_taken() {
    check(&["generate", "--prompt", "- eggs", "--run", "-R"], 1, &["no run at -R"]);
    check(&["generate", "--prompt-file", "-p.txt", "--run", "r"], 1, &["--prompt-file -p.txt: No such file"]);
    check(&["train", "--data", "-a.txt", "-b.txt", "--run", "-R"], 1, &["-a.txt"]);
    check(&["train", "--plugin", "-p.so", "--resume", "-x"], 2, &["--resume -x: there is no such folder"]);
    check(&["train", "--set", "-x=3"], 2, &["-x"]);
    check(&["plan", "--model", "-m.toml", "--topology", "cpu:1"], 2, &["--model -m.toml: there is no model"]);
    let export = ["export", "--program", "loss", "--format", "stablehlo", "-o", "-o.mlir", "--run", "-R"];
    check(&export, 1, &["no run at -R"]);
    check(&["import", "nothing.gguf", "-o", "-R"], 1, &["nothing.gguf"]);
    check(&["runs", "compare", "a", "b", "--plot", "-c.svg"], 1, &["a: no such folder"]);
}

/// What looks like an option is one; the error says how else to write it.
#[test]
fn values_that_look_like_options_need_a_sign() {
    let tip = "a value that begins with a dash is written --prompt=--eggs";
    check(&["generate", "--prompt", "--eggs", "--run", "R"], 2, &[tip]);
    let tip = "a value that begins with a dash is written --run=--json";
    check(&["generate", "--prompt", "x", "--run", "--json"], 2, &[tip]);
    check(&["generate", "--prompt=--eggs", "--run=--json"], 1, &["no run at --json"]);
    check(&["models", "-x"], 2, &["-x"]);
}

/// Scripts that their shells read without a complaint, where there are such shells.
#[test]
fn shells_get_their_completions() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, part) in [("bash", "_gopher()"), ("zsh", "#compdef gopher"), ("fish", "complete -c gopher")] {
        let output = gopher(&folder, &["completions", shell]);
        assert!(output.status.success());
        let script = String::from_utf8(output.stdout).unwrap();
        for part in [part, "generate", "prompt-file", "top-k"] {
            assert!(script.contains(part), "{part} in the script for {shell}");
        }
        let path = folder.path().join(shell);
        fs::write(&path, script).unwrap();
        match Command::new(shell).arg("-n").arg(&path).output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => eprintln!("skipped: no {shell} on this machine"),
        }
    }
    check(&["completions", "tcsh"], 2, &["tcsh"]);
}

/// Every option of the long helps is in a group, and `--json` and `--help` alone are not.
#[test]
fn long_helps_have_groups() {
    let folder = tempfile::tempdir().unwrap();
    let groups = [
        ("train", &["What to train:", "Data:", "Run:", "Machine:", "Several hosts:", "Watching:"][..]),
        ("generate", &["Model:", "Prompts:", "Sampling:"]),
        ("chat", &["Model:", "Dialogue:", "Sampling:"]),
        ("serve", &["Model:", "Load:", "Network:"]),
        ("plan", &["Model:", "Machine:", "Search:", "Results:"]),
        ("export", &["Program:", "Machine:", "Files:"]),
    ];
    for (command, groups) in groups {
        let output = gopher(&folder, &[command, "--help"]);
        let help = String::from_utf8(output.stdout).unwrap();
        for group in groups {
            assert!(help.contains(&format!("\n{group}\n")), "{group} in {help}");
        }
        let (_, rest) = help.split_once("\nOptions:\n").unwrap();
        let ungrouped = rest.split("\n\n").next().unwrap();
        assert!(ungrouped.matches(" --").count() <= 2, "{ungrouped}");
    }
}

/// What is right for one command and wrong for another is answered with the way to say it there.
#[test]
fn a_model_and_a_run_are_named_as_the_command_takes_them() {
    let output = gopher(&tempfile::tempdir().unwrap(), &["train", "--model", "44m"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("--stop-deadline"), "{output:?}");
    check(
        &["train", "--model", "44m"],
        2,
        &["--model", "tip: a configuration stands after train: gopher train configs/"],
    );
    for arguments in
        [&["replay", "runs/x"][..], &["generate", "runs/x"], &["generate", "runs/x", "--prompt", "a"]]
    {
        check(arguments, 2, &["tip: a run is named by --run runs/x"]);
    }
}
