//! `gopher scaling ladder`, `gopher scaling gain` and `gopher report`, by the built program: interrupted, refused, and whole.

mod running;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use running::Start as _;
use runtime::{DeviceKind, Runtime};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn gopher(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.args(arguments).current_dir(&self.0);
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.gopher(arguments).output().unwrap()
    }

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, expected: &str) {
        let output = self.output(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(expected), "{error}\nis not\n{expected}");
    }

    /// Runs the program until it says something on standard error, and sends it a signal then; its exit code, if it has one.
    fn interrupted(&self, arguments: &[&str], at: &str, signal: Signal) -> Option<i32> {
        let mut child = self.gopher(arguments).stderr(Stdio::piped()).stdout(Stdio::null()).start();
        let pid = Pid::from_raw(child.id() as i32).unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = lines.by_ref().map_while(Result::ok).find(|line| line.contains(at));
        assert!(said.is_some(), "it never said {at}");
        kill_process(pid, signal).unwrap();
        // What it still says must not fill the pipe.
        lines.map_while(Result::ok).for_each(drop);
        child.wait().unwrap().code()
    }

    fn ladder(&self, folder: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(folder).join("ladder.json")).unwrap()).unwrap()
    }
}

fn losses(ladder: &Value) -> Vec<f64> {
    ladder["members"].as_array().unwrap().iter().map(|member| member["loss"].as_f64().unwrap()).collect()
}

/// Sentences that can be learnt.
fn text() -> String {
    let (who, what) = (
        ["the king", "a fool", "the ghost", "my lord"],
        ["sleeps", "speaks of war", "sees the sea", "is gone"],
    );
    (0..500)
        .map(|n: usize| {
            format!("{} {} and {} {}.\n", who[n % 4], what[n * 7 % 4], who[n * 3 % 4], what[n / 4 % 4])
        })
        .collect()
}

#[test]
fn a_ladder_goes_on_after_signals_and_ends_as_one_that_was_left_alone() {
    if Runtime::find(DeviceKind::Cpu).unwrap().is_none() {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
        return;
    }
    let place = Place::new();
    place.write("text.txt", text());
    let begin: Vec<&str> = "scaling ladder --data text.txt --budget 30m --sizes 3 --span 5 --tokens-per-parameter 0.5 --vocabulary 300 \
                            --sequence-length 32"
        .split_whitespace()
        .collect();
    let plan: Value =
        serde_json::from_str(&place.text(&[&begin[..], &["--plan-only", "--json", "-o", "L"]].concat()))
            .unwrap();
    assert_eq!(plan["members"].as_array().unwrap().len(), 3);
    assert!(!place.path("L").exists(), "a plan leaves nothing");

    let code = place.interrupted(&[&begin[..], &["-o", "L"]].concat(), "(2 of 3)", Signal::INT);
    assert_eq!(code, Some(130));
    let after = place.ladder("L");
    assert!(after["members"][0]["loss"].is_f64() && after["members"][2]["loss"].is_null(), "{after:#}");
    let on = ["scaling", "ladder", "-o", "L"];
    assert_eq!(place.interrupted(&on, "(3 of 3)", Signal::KILL), None);
    let table = place.text(&on);
    let ladder = place.ladder("L");
    for member in ladder["members"].as_array().unwrap() {
        assert!(table.contains(member["name"].as_str().unwrap()), "{table}");
        assert!(member["seconds"].as_f64().unwrap() > 0.0);
    }
    let found = losses(&ladder);
    assert!(found.iter().all(|loss| *loss < 300f64.ln()), "less than knowing nothing: {found:?}");

    // The same plan without a break: the same bits.
    place.write("M/tokenizer.model", fs::read(place.path("L/tokenizer.model")).unwrap());
    let mut anew = ladder.clone();
    for member in anew["members"].as_array_mut().unwrap() {
        member["loss"] = Value::Null;
        member["seconds"] = json!(0.0);
    }
    place.write("M/ladder.json", anew.to_string());
    let report: Value =
        serde_json::from_str(&place.text(&["scaling", "ladder", "-o", "M", "--json"])).unwrap();
    assert_eq!(losses(&report), found);
    // Three runs are too few for a law with a constant, and that is said.
    assert!(report.get("scaling").is_none());

    place.refused(
        &[&begin[..], &["-o", "L", "--seed", "2"]].concat(),
        2,
        "a ladder was begun there with other settings (--seed)",
    );
    place.write("other/file", "x");
    place.refused(
        &[&begin[..], &["-o", "other"]].concat(),
        2,
        "there is something in this folder, and no ladder",
    );
    place.refused(
        &[&begin[..], &["-o", "N", "--set", "model.layers=3"]].concat(),
        2,
        "--set model.layers: the ladder's rules decide it",
    );
    let wide: Vec<&str> = begin.iter().map(|word| if *word == "5" { "5000" } else { word }).collect();
    place.refused(&[&wide[..], &["-o", "N"]].concat(), 1, "add text, or lower --sizes, --span");
    place.write("few.txt", "a few words");
    let few: Vec<&str> =
        begin.iter().map(|word| if *word == "text.txt" { "few.txt" } else { word }).collect();
    place.refused(&[&few[..], &["-o", "N"]].concat(), 1, "--vocabulary 300: too large for this text");
    place.refused(&["scaling", "ladder", "-o", "N"], 2, "N: no ladder was begun there");
    place.refused(
        &["scaling", "ladder", "-o", "N", "--data", "text.txt"],
        2,
        "--budget: say how much time there is",
    );
    place.refused(&["scaling", "ladder", "-o", "N", "--budget", "5 fortnights"], 2, "a time is expected");
    place.write("L/ladder.json", "{");
    place.refused(&on, 1, "ladder.json: not the plan of a ladder");
    assert!(!place.path("N").exists());

    let report = ["report", "--runs", "M/runs/R", "-o", "r.html", "--model-card", "card.md"];
    let run = fs::read_dir(place.path("M/runs")).unwrap().next().unwrap().unwrap().path();
    fs::rename(run, place.path("M/runs/R")).unwrap();
    assert!(place.text(&report).contains("wrote r.html"));
    a_report_is_written_whole_or_not_at_all(&place, &report);
}

fn a_report_is_written_whole_or_not_at_all(place: &Place, report: &[&str]) {
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    let (page, twin) = (read("r.html"), read("r.json"));
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert_eq!(serde_json::from_str::<Value>(&twin).unwrap()["runs"][0]["name"], json!("R"));
    assert!(read("card.md").starts_with("# Model card: R\n"));
    place.refused(report, 1, "r.html: there is a file already; name another, or write over it with --force");
    fs::remove_file(place.path("r.html")).unwrap();
    place.refused(report, 1, "r.json: there is a file already");
    assert!(!place.path("r.html").exists());
    let forced = [report, &["--force", "--json"]].concat();
    assert_eq!(place.text(&forced), twin);
    assert_eq!((read("r.html"), read("r.json")), (page, twin));
    place.refused(&["report", "--runs", "M/runs/R", "-o", "no/r.html"], 1, "there is no folder no");
    place.refused(
        &["report", "--runs", "M/runs/R", "-o", "r.json"],
        2,
        "what is written is a page: name it r.html",
    );
    place.refused(&["report", "--runs", "nowhere", "-o", "s.html"], 1, "nowhere: no such folder");
    let names: Vec<_> = fs::read_dir(&place.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| Path::new(name).to_string_lossy().contains("partial")), "{names:?}");
}

#[test]
fn gains_need_two_evaluated_runs_of_two_sizes() {
    let place = Place::new();
    let run = |name: &str, parameters: u64, accuracy: f64| {
        place.write(&format!("{name}/config.toml"), "[training]\nsteps = 1\n");
        place.write(&format!("{name}/plan.json"), json!({"parameters": parameters}).to_string());
        let score = json!({"statistic": "mean", "higher_is_better": true, "value": accuracy, "standard_error": 0.01, "interval": null, "documents": 100});
        let task = json!({"category": "common sense", "protocol": "paper", "shots": 0, "prompt_hash": "p", "checkpoint_hash": "c", "metric": "acc",
            "documents": {"original": 100, "scored": 100, "skipped": 0, "truncated": 0, "empty": 0}, "tokens": 1, "seconds": 1.0,
            "tokens_per_second": null, "metrics": {"acc": score}, "leak": null});
        let mut results = serde_json::to_value(tasks::results::Results::default()).unwrap();
        results["gopher"]["version"] = json!(tasks::results::VERSION);
        results["gopher"]["tasks"] = json!({"piqa": task});
        place.write(&format!("{name}/evaluation/step-1/results.json"), results.to_string());
    };
    run("a", 1000, 0.5);
    run("b", 8000, 0.8);
    run("c", 2000, 0.1);
    let gain = ["scaling", "gain", "--runs", "b", "c", "a"];
    let found: Value = serde_json::from_str(&place.text(&[&gain[..], &["--json"]].concat())).unwrap();
    assert_eq!((&found["small"]["run"], &found["large"]["run"]), (&json!("a"), &json!("b")));
    assert_eq!((&found["all"]["large"], &found["all"]["clearly_better"]), (&json!(1), &json!(1)));
    let table = place.text(&[&gain[..], &["--tasks"]].concat());
    assert!(table.contains("+60.0%") && table.contains("common sense"), "{table}");
    place.refused(&["scaling", "gain", "--runs", "a"], 2, "--runs");
    run("d", 1000, 0.7);
    place.refused(&["scaling", "gain", "--runs", "a", "d"], 1, "all of these runs have 1000 parameters");
    fs::remove_dir_all(place.path("c/evaluation")).unwrap();
    place.refused(&gain, 1, "c: it was not evaluated; gopher eval --run c does");
}
