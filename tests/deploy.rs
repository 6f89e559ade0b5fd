//! The files in `deploy/` name nothing that does not exist, and those for `gopher data` do their work without a cluster.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
fn the_batch_scripts_are_scripts() {
    for name in ["train.sbatch", "data/array.sbatch"] {
        let output = Command::new("bash").arg("-n").arg(deploy(name)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_manifests_agree_with_themselves() {
    if !Command::new("python3")
        .args(["-c", "import yaml"])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("skipped: no python3 with PyYAML on this machine");
        return;
    }
    let output = Command::new("python3").arg(deploy("check.py")).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    assert_eq!(message.trim_end(), "4 documents are well-formed and agree with themselves");
}

/// A file of `deploy/`.
fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// A folder with documents that are more than one shard of output, and what is made of them in one part, in `whole/`.
fn documents() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("docs")).unwrap();
    let padding = "x".repeat(200 << 10);
    let line =
        |number: usize| format!("{{\"id\": {number}, \"text\": \"a text\", \"padding\": \"{padding}\"}}\n");
    fs::write(folder.path().join("docs/all.jsonl"), (0..12).map(line).collect::<String>()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
    command.args([
        "data",
        "filter",
        "--in",
        "docs",
        "--out",
        "whole",
        "--rejected",
        "gone",
        "--subset",
        "books",
        "--shard-mib",
        "1",
    ]);
    assert!(command.current_dir(folder.path()).output().unwrap().status.success());
    folder
}

/// A shell in `folder` for which the program is `gopher`.
fn shell(folder: &Path, shell: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_gopher")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(shell);
    command.current_dir(folder).env("PATH", format!("{}:{path}", program.display()));
    command
}

/// Checks that `kept` has the files of `whole`, with the same bytes.
#[track_caller]
fn is_whole(folder: &Path, kept: &str) {
    for name in ["00000.jsonl.zst", "00001.jsonl.zst", "00002.jsonl.zst", "receipt.json"] {
        let [whole, kept] = ["whole", kept].map(|which| fs::read(folder.join(which).join(name)).unwrap());
        assert!(whole == kept, "{name}");
    }
}

#[test]
fn a_job_array_does_a_stage_in_parts() {
    let folder = documents();
    let folder = folder.path();
    // What Slurm sets, for a task of an array from `first` to `last`.
    let task = |id: u64, [first, last, count]: [u64; 3], parts: Option<&str>| {
        let mut command = shell(folder, "bash");
        command.arg(deploy("data/array.sbatch"));
        command.args([
            "filter",
            "--in",
            "docs",
            "--out",
            "kept",
            "--rejected",
            "why",
            "--subset",
            "books",
            "--shard-mib",
            "1",
        ]);
        let variables = [("ID", id), ("MIN", first), ("MAX", last), ("COUNT", count)];
        command.envs(variables.map(|(name, value)| (format!("SLURM_ARRAY_TASK_{name}"), value.to_string())));
        command.env_remove("PARTS").envs(parts.map(|parts| ("PARTS", parts)));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let receipt = folder.join("kept/receipt.json");
    let (code, notes) = task(2, [1, 2, 2], None);
    assert_eq!(code, Some(0), "{notes}");
    assert!(notes.starts_with("part 2/2, start 1, on ") && !receipt.exists(), "{notes}");
    // The other one is lost at first: a task of its own, which knows of itself only that it is the first of one.
    let (code, notes) = task(1, [1, 1, 1], Some("2"));
    assert_eq!(code, Some(0), "{notes}");
    is_whole(folder, "kept");
    // What is there is not done again.
    let (code, notes) = task(2, [1, 2, 2], None);
    assert!(code == Some(0) && notes.contains("part 2 of 2 was complete already"), "{notes}");
    // Of an array with gaps it cannot be known how many parts there are.
    for array in [[2, 2, 1], [1, 3, 2]] {
        let (code, notes) = task(array[0], array, None);
        assert!(code == Some(2) && notes.contains("set PARTS to that number"), "{notes}");
    }
}

#[test]
fn an_indexed_job_does_a_stage_in_parts() {
    let folder = documents();
    let folder = folder.path();
    let manifest = fs::read_to_string(deploy("data/indexed-job.yaml")).unwrap();
    let (_, rest) = manifest.split_once("- >-\n").unwrap();
    let words: Vec<_> = rest.split("\n          env:").next().unwrap().split_whitespace().collect();
    let line =
        words.join(" ").replace("/corpus", &folder.to_string_lossy()) + " --subset books --shard-mib 1";
    for index in ["0", "1"] {
        assert!(!folder.join("kept/receipt.json").exists());
        let mut command = shell(folder, "sh");
        command.args(["-c", &line]).env("JOB_COMPLETION_INDEX", index).env("PARTS", "2");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    is_whole(folder, "kept");
}

/// `wandb_import.py` with a stand-in for wandb that writes down how it is called; `None` without a Python that reads TOML.
fn wandb_import(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let can = Command::new("python3").args(["-c", "import tomllib"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no python3 of version 3.11 or later on this machine");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/wandb_import.py");
    let mut command = Command::new("python3");
    // Isolated, so that a wandb that is installed does not count, but for the folder of the stand-in.
    command
        .arg("-S")
        .arg(script)
        .args(arguments)
        .current_dir(folder)
        .env("PYTHONPATH", folder.join("packages"));
    Some(command.output().unwrap())
}

fn run_of_three_steps(folder: &Path) {
    fs::create_dir(folder.join("a")).unwrap();
    fs::write(folder.join("a/config.toml"), "[training]\nsteps = 3\n").unwrap();
    let lines = [
        r#"{"step":1,"tokens":64,"loss":5.5,"learning_rate":0.1}"#,
        r#"{"step":2,"tokens":128,"loss":"NaN","learning_rate":0.2,"validation_loss":5.25}"#,
        r#"{"step":3,"tokens":192,"loss":5.0,"learning_rate":0.3,"mfu":0.4}"#,
        r#"{"step":4,"tok"#,
    ];
    fs::write(folder.join("a/metrics.jsonl"), lines.join("\n")).unwrap();
}

#[test]
fn runs_are_copied_to_wandb() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run_of_three_steps(folder);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let Some(output) = wandb_import(folder, &["a", "--dry-run"]) else { return };
    let expected = r#"{"id": "a", "config": {"training": {"steps": 3}}}
{"step": 1, "tokens": 64, "loss/training": 5.5, "learning_rate": 0.1}
{"step": 2, "tokens": 128, "loss/training": NaN, "learning_rate": 0.2, "loss/validation": 5.25}
{"step": 3, "tokens": 192, "loss/training": 5.0, "learning_rate": 0.3, "mfu": 0.4}
"#;
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));

    let output = wandb_import(folder, &["a"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: the package wandb is not installed"), "{output:?}");

    fs::create_dir(folder.join("packages")).unwrap();
    let stand_in = "class Run:
    def log(self, metrics, step):
        print('log', step, sorted(metrics))
    def finish(self):
        print('finish')
def init(**settings):
    print('init', settings['mode'], settings['project'], settings['id'], settings['config'])
    return Run()
";
    fs::write(folder.join("packages/wandb.py"), stand_in).unwrap();
    let output = wandb_import(folder, &["a", "--project", "p"]).unwrap();
    let expected = "init offline p a {'training': {'steps': 3}}
log 1 ['learning_rate', 'loss/training', 'tokens']
log 2 ['learning_rate', 'loss/training', 'loss/validation', 'tokens']
log 3 ['learning_rate', 'loss/training', 'mfu', 'tokens']
finish
a: 3 steps as a
";
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
}

#[test]
fn a_run_that_is_none_is_not_copied_to_wandb() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let check = |arguments: &[&str], code, part: &str| {
        let Some(output) = wandb_import(folder, arguments) else { return };
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(message.contains(part), "{message}");
    };
    check(&[], 2, "RUN");
    check(&["b", "--dry-run"], 1, "error: b/config.toml: ");
    run_of_three_steps(folder);
    fs::write(folder.join("a/metrics.jsonl"), "{\"step\":1}\n{\"tokens\":2}\n").unwrap();
    check(&["a", "--dry-run"], 1, "error: a/metrics.jsonl, line 2: not a step's metrics");
}
