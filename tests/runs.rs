//! `gopher runs`: on runs that are finished, that go on, and that are damaged.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use monitor::metrics::{Record, Writer};
use serde_json::Value;
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A run of `steps` steps, with a loss of `loss` + 10 / step, validated after every 5th step.
    fn run(&self, name: &str, steps: u64, loss: f64, maximum: &str) {
        fs::create_dir_all(self.path(name)).unwrap();
        let config = format!("name = \"x\"\n[training]\nsteps = 100\n[schedule]\nmaximum = {maximum}\n");
        fs::write(self.path(name).join("config.toml"), config).unwrap();
        fs::write(self.path(name).join("plan.json"), "{\"parameters\": 1838912}").unwrap();
        let (mut metrics, _) = Writer::open(self.path(name).join("metrics.jsonl"), 0, 0).unwrap();
        for step in 1..=steps {
            let loss = loss + 10.0 / step as f64;
            let record = Record {
                step,
                tokens: step * 1000,
                loss,
                seconds: 0.5,
                tokens_per_second: 2000.0,
                validation_loss: step.is_multiple_of(5).then_some(loss + 0.25),
                wall_seconds: Some(step as f64),
                goodput: Some(0.5),
                ..Record::default()
            };
            metrics.write(&record).unwrap();
        }
    }

    fn gopher(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.args(["runs"]).args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.output().unwrap()
    }

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.gopher(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// A command that fails with one line that holds all `parts`.
    #[track_caller]
    fn check_error(&self, arguments: &[&str], parts: &[&str]) {
        let output = self.gopher(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(
            error.starts_with("error: ") && error.lines().count() == 1 && output.stdout.is_empty(),
            "{error}"
        );
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }
}

/// Cells of the line that begins with `title`.
#[track_caller]
fn cells<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.starts_with(&format!("{title}  ")));
    let line = line.unwrap_or_else(|| panic!("no line {title:?} in:\n{text}"));
    line[title.len()..].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn ls_has_a_line_for_each_run() {
    let place = Place::new();
    place.run("runs/a", 100, 2.0, "2e-3");
    place.run("runs/b", 40, 2.5, "2e-3");
    fs::create_dir(place.path("runs/not-a-run")).unwrap();
    let text = place.text(&["ls"]);
    assert_eq!(text.lines().count(), 3, "{text}");
    let row = cells(&text, "a");
    assert_eq!(row[..7], ["1,838,912", "100 of 100", "2.1048", "2.3500", "2,000", "50.0%", "-"]);
    assert!(row[7].ends_with(" ago"), "{text}");
    assert_eq!(cells(&text, "b")[1], "40 of 100");

    let json = place.json(&["ls", "runs"]);
    let run = &json[1];
    assert_eq!((&run["run"], &run["completed"], &run["steps"]), (&"runs/b".into(), &40.into(), &100.into()));
    assert_eq!((&run["goodput"], &run["mfu"]), (&0.5.into(), &Value::Null));
    // A run itself is a list of one.
    assert_eq!(place.json(&["ls", "runs/b"])[0], *run);
}

#[test]
fn compare_says_what_differs_and_what_came_of_it() {
    let place = Place::new();
    place.run("a", 100, 2.0, "2e-3");
    place.run("b", 40, 2.5, "1e-8");
    let text = place.text(&["compare", "a", "b"]);
    assert_eq!(cells(&text, "configuration"), ["a", "b"]);
    assert_eq!(cells(&text, "schedule.maximum"), ["0.002", "1e-8"]);
    assert!(!text.contains("training.steps"), "what is the same is left out: {text}");
    assert_eq!(cells(&text, "steps"), ["100 of 100", "40 of 100"]);
    assert_eq!(cells(&text, "best validation loss"), ["2.3500 (step 100)", "3.0000 (step 40)"]);
    assert_eq!(cells(&text, "tokens/s"), ["2,000", "2,000"]);
    assert_eq!(cells(&text, "goodput"), ["50.0%", "50.0%"]);
    // Up to the last step both have; of two runs, with the difference.
    assert_eq!(cells(&text, "40"), ["2.2600", "2.7600", "+0.5000"]);
    assert!(!text.contains("\n100 "), "{text}");

    let json = place.json(&["compare", "a", "b"]);
    assert_eq!(json["differences"][0]["values"], serde_json::json!(["0.002", "1e-8"]));
    let steps = |list: &str| -> Vec<u64> {
        json[list].as_array().unwrap().iter().map(|row| row["step"].as_u64().unwrap()).collect()
    };
    assert_eq!(steps("training"), [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]);
    assert_eq!(steps("validation"), [5, 10, 15, 20, 25, 30, 35, 40]);
    // The mean over the steps since the row before.
    let expected = 2.0 + (5..=8).map(|step| 10.0 / f64::from(step)).sum::<f64>() / 4.0;
    assert!((json["training"][1]["losses"][0].as_f64().unwrap() - expected).abs() < 1e-12, "{json}");
}

#[test]
fn a_plot_has_every_run_with_its_name_as_text() {
    let place = Place::new();
    place.run("a", 100, 2.0, "2e-3");
    place.run("b<script>&", 40, 2.5, "2e-3");
    place.run("c", 0, 2.5, "2e-3");
    place.text(&["compare", "a", "b<script>&", "c", "--plot", "compare.svg"]);
    let svg = fs::read_to_string(place.path("compare.svg")).unwrap();
    assert!(svg.contains(">a 2.100<") && svg.contains(">b&lt;script&gt;&amp; 2.750<"), "{svg}");
    assert!(svg.contains("training loss") && svg.contains("validation loss"));
    assert!(svg.matches("<polyline").count() >= 4 && !svg.contains("<script"));
    place.check_error(
        &["compare", "a", "c", "--plot", "nowhere/x.svg"],
        &["--plot nowhere/x.svg", "no folder nowhere"],
    );
    place.check_error(&["compare", "a", "c", "--plot", "a"], &["a"]);
    let png = place.gopher(&["compare", "a", "c", "--plot", "x.png"]);
    assert_eq!(png.status.code(), Some(2));
    let message = String::from_utf8_lossy(&png.stderr).into_owned();
    assert!(message.contains("--plot x.png: what is written is SVG: name it x.svg"), "{message}");
    assert!(!place.path("x.png").exists());
}

#[test]
fn runs_that_have_no_step_yet_are_runs() {
    let place = Place::new();
    place.run("empty", 0, 2.0, "2e-3");
    place.run("new", 0, 2.0, "2e-3");
    for file in ["metrics.jsonl", "plan.json"] {
        fs::remove_file(place.path("new").join(file)).unwrap();
    }
    let text = place.text(&["compare", "empty", "new"]);
    assert!(text.contains("configurations are the same") && text.contains("no step in common"), "{text}");
    assert_eq!(cells(&text, "steps"), ["0 of 100", "0 of 100"]);
    assert_eq!(cells(&place.text(&["ls", "."]), "new")[..3], ["-", "0 of 100", "-"]);
    fs::create_dir(place.path("bare")).unwrap();
    let nothing = place.gopher(&["ls", "bare"]);
    assert!(nothing.status.success() && nothing.stdout.is_empty());
    assert_eq!(String::from_utf8_lossy(&nothing.stderr), "no runs in bare\n");
    assert_eq!(place.json(&["ls", "bare"]), serde_json::json!([]));
    let nothing = place.gopher(&["ls", "bare", "--json"]);
    assert_eq!(String::from_utf8_lossy(&nothing.stderr), "no runs in bare\n");
}

/// Nothing that was looked at is nothing that was found good.
#[test]
fn checkpoints_that_are_not_there_are_not_good() {
    let place = Place::new();
    place.run("a", 5, 2.0, "2e-3");
    fs::create_dir_all(place.path("a/checkpoints")).unwrap();
    let checkpoint = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.arg("checkpoint").args(arguments).current_dir(place.0.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let nothing = "error: a has no checkpoint: nothing was verified\n";
    assert_eq!(checkpoint(&["verify", "a"]), (Some(1), nothing.into()));
    assert_eq!(checkpoint(&["verify", "a", "--json"]), (Some(1), nothing.into()));
    // A list may be empty; it says so.
    assert_eq!(checkpoint(&["ls", "a"]), (Some(0), "a has no checkpoint yet\n".into()));
    assert_eq!(checkpoint(&["ls", "a", "--json"]), (Some(0), "a has no checkpoint yet\n".into()));
    // To do something with nothing is a failure, and so is a list of what is not there.
    for (arguments, expected) in [
        (&["export", "a", "x.safetensors"][..], "a has no checkpoint yet"),
        (&["convert", "a", "--to", "x"], "a has no checkpoint yet"),
        (&["ls", "none"], "none holds no run"),
        (&["verify", "none"], "none holds no run"),
    ] {
        let (code, message) = checkpoint(arguments);
        assert!(code == Some(1) && message.contains(expected), "{arguments:?}: {code:?} {message}");
    }
    let compared = place.gopher(&["compare", "a", "none"]);
    assert_eq!(compared.status.code(), Some(1));
    assert_eq!(place.gopher(&["ls", "none"]).status.code(), Some(1));
    let (code, message) = checkpoint(&["export", "a", "x.gguf"]);
    assert!(
        code == Some(2) && message.contains("what is written is safetensors: name it x.safetensors"),
        "{message}"
    );
}

/// A line that is being written, or that a killed process left, is passed over, wherever it was cut.
#[test]
fn a_torn_line_is_passed_over() {
    let place = Place::new();
    place.run("a", 3, 2.0, "2e-3");
    let path = place.path("a/metrics.jsonl");
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    for cut in [last, last + 1, last + 40, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(place.json(&["ls", "."])[0]["completed"], 2, "cut at {cut}");
    }
    fs::write(&path, [&whole[..], &[0; 64], b"\n"].concat()).unwrap();
    assert_eq!(place.json(&["ls", "."])[0]["completed"], 3);
}

#[test]
fn losses_that_are_not_finite_spoil_nothing() {
    let place = Place::new();
    place.run("a", 20, 2.0, "2e-3");
    place.run("bad", 20, f64::NAN, "2e-3");
    place.run("worse", 20, f64::INFINITY, "2e-3");
    let text = place.text(&["compare", "a", "bad", "worse", "--plot", "x.svg"]);
    assert_eq!(cells(&text, "20"), ["2.5132", "-", "-"]);
    let svg = fs::read_to_string(place.path("x.svg")).unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert_eq!(place.json(&["compare", "a", "bad"])["runs"][1]["loss"], Value::Null);
}

#[test]
fn what_is_no_run_is_named_in_a_line() {
    let place = Place::new();
    place.run("a", 3, 2.0, "2e-3");
    place.run("damaged", 3, 2.0, "2e-3");
    place.check_error(&["compare", "a", "nowhere"], &["nowhere: no such folder"]);
    place.check_error(&["compare", "a", "."], &[". is not a run", "gopher runs ls"]);
    place.check_error(&["compare", "a", "a/config.toml"], &["a/config.toml is not a run"]);
    place.check_error(&["ls", "nowhere"], &["nowhere: no such folder"]);
    // Before the first run, there is none in the usual folder.
    let none = place.gopher(&["ls"]);
    assert!(none.status.success() && none.stdout.is_empty());
    assert_eq!(String::from_utf8_lossy(&none.stderr), "no runs yet: gopher train begins one in runs\n");
    assert_eq!(place.json(&["ls"]), serde_json::json!([]));

    let text = fs::read_to_string(place.path("damaged/metrics.jsonl")).unwrap();
    fs::write(place.path("damaged/metrics.jsonl"), text.replacen("{\"step\":2", "{\"stop\":2", 1)).unwrap();
    place.check_error(&["compare", "a", "damaged"], &["metrics.jsonl, line 2"]);
    // A list goes on without it, and says so.
    let output = place.gopher(&["ls", "."]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stderr).starts_with("warning: "));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
    assert!(place.json(&["ls", "."])[1]["error"].as_str().unwrap().contains("line 2"));

    fs::write(place.path("damaged/config.toml"), "name = \n").unwrap();
    place.check_error(&["compare", "a", "damaged"], &["damaged/config.toml: "]);

    let one = place.gopher(&["compare", "a"]);
    assert_eq!(one.status.code(), Some(2));
}

#[test]
fn a_million_steps_are_read_in_no_time() {
    let place = Place::new();
    place.run("a", 1, 2.0, "2e-3");
    place.run("long", 1, 2.0, "2e-3");
    let path = place.path("long/metrics.jsonl");
    let line = fs::read_to_string(&path).unwrap();
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    for step in 1..=1_000_000u64 {
        file.write_all(line.replacen(":1,", &format!(":{step},"), 1).as_bytes()).unwrap();
    }
    drop(file);
    let start = Instant::now();
    let json = place.json(&["compare", "a", "long", "--plot", "x.svg"]);
    assert_eq!(json["runs"][1]["completed"], 1_000_000);
    // A second of the processor, on a machine that may be busy.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(fs::metadata(place.path("x.svg")).unwrap().len() < 200_000);
}

#[test]
fn a_run_whose_name_is_not_text_is_listed() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    place.run("a", 5, 1.0, "1e-3");
    fs::rename(place.path("a"), place.0.path().join(std::ffi::OsStr::from_bytes(b"a\xff"))).unwrap();
    let rows = place.json(&["ls", "."]);
    assert!(rows[0]["run"].as_str().unwrap().ends_with("a\u{fffd}"), "{rows}");
}
