//! What can be seen of a training while it goes on, and what is counted over several processes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ChildStderr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::running::{Running, Start};
use crate::place::{Place, TEXT};

/// A training that goes on until it is killed.
struct Endless {
    _child: Running,
    lines: std::io::Lines<BufReader<ChildStderr>>,
}

impl Endless {
    fn start(place: &Place, arguments: &[&str]) -> Endless {
        let endless = ["--steps", "1000000", "--set", "training.validation_every=0"];
        let mut child = place.train_command(&[&endless, arguments].concat()).start();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Endless { _child: child, lines }
    }

    /// The next line of standard error that contains `part`.
    fn line(&mut self, part: &str) -> String {
        let line = self.lines.by_ref().map(Result::unwrap).find(|line| line.contains(part));
        line.unwrap_or_else(|| panic!("no line {part:?}"))
    }
}

fn scrape(address: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn value(page: &str, name: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")))?.parse().ok()
}

#[test]
fn prometheus_sees_a_training_go_on() {
    let Some(place) = Place::new() else { return };
    let mut training = Endless::start(&place, &["--run", "a", "--metrics-addr", "0"]);
    let line = training.line("metrics for Prometheus at ");
    let address = line.rsplit("http://").next().unwrap().trim_end_matches("/metrics").to_owned();
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{line}");
    // Before the first step there is nothing to say of steps.
    assert!(scrape(&address).contains("gopher_build_info{version=\""));
    training.line("step 1/");
    let start = Instant::now();
    let page = loop {
        let page = scrape(&address);
        if value(&page, "gopher_completed_steps").is_some_and(|steps| steps >= 20.0) {
            break page;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{page}");
    };
    assert!(page.contains("gopher_run_info{run=\"a\"} 1"), "{page}");
    assert_eq!(value(&page, "gopher_planned_steps"), Some(1e6));
    assert_eq!(value(&page, "gopher_mfu_ratio"), None, "a CPU has no honest peak");
    drop(training);
    // The page is that of a line of the file.
    let step = value(&page, "gopher_completed_steps").unwrap();
    let text = place.read("a/metrics.jsonl");
    let record: Value = serde_json::from_str(text.lines().nth(step as usize - 1).unwrap()).unwrap();
    for (name, key) in [
        ("gopher_training_loss", "loss"),
        ("gopher_learning_rate", "learning_rate"),
        ("gopher_gradient_norm", "grad_norm"),
        ("gopher_step_seconds", "seconds"),
        ("gopher_goodput_ratio", "goodput"),
        ("gopher_wall_seconds", "wall_seconds"),
    ] {
        let (shown, written) = (value(&page, name).unwrap(), record[key].as_f64().unwrap());
        // serde_json may read a number as the one beside it.
        assert!((shown - written).abs() <= f64::EPSILON * written.abs(), "{name}: {written} in {page}");
    }
}

#[test]
fn an_address_that_cannot_be_had_ends_it_before_anything_is_done() {
    let Some(place) = Place::new() else { return };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    place.check_error(
        &["--run", "a", "--metrics-addr", &address],
        1,
        &[&address, "another program", "another port"],
    );
    assert!(!place.path("a").exists());
    let output = place.train(&["--run", "a", "--metrics-addr", ":9090"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!place.path("a").exists());
}

/// A long validation is no part of the time of the steps around it, which throughput and goodput are made of.
#[test]
fn steps_are_timed_without_validation() {
    let Some(place) = Place::new() else { return };
    place.write("text.txt", TEXT.repeat(2000));
    let all =
        ["training.validation_every=3", "training.validation_batches=0", "data.validation_fraction=0.5"];
    let set: Vec<&str> = all.iter().flat_map(|setting| ["--set", setting]).collect();
    place.trained(&[&["--run", "a", "--steps", "7"], &set[..]].concat());
    let records = place.metrics("a");
    let validations: Vec<f64> =
        records.iter().filter_map(|record| record["validation_seconds"].as_f64()).collect();
    assert_eq!(validations.len(), 3, "after steps 3, 6 and 7");
    let shortest = validations.iter().copied().fold(f64::INFINITY, f64::min);
    // The first step of a process takes longer.
    for record in &records[1..] {
        // A step has one batch, a validation over a thousand.
        assert!(record["seconds"].as_f64().unwrap() < shortest / 4.0, "{shortest}: {record}");
    }
}

/// Goodput counts every step once, and all wall time since the first start: processes that were killed, and the time
/// between them.
#[test]
fn goodput_is_counted_over_all_processes() {
    let Some(place) = Place::new() else { return };
    let mut training = Endless::start(&place, &["--run", "a", "--set", "training.checkpoint_every=5"]);
    training.line("saved ");
    drop(training);
    let (steps, before) = {
        let records = place.metrics("a");
        let last = records.last().unwrap();
        (last["step"].as_u64().unwrap() + 3, last["wall_seconds"].as_f64().unwrap())
    };
    std::thread::sleep(Duration::from_millis(1500));
    let end = steps.to_string();
    let summary = place.trained(&["--run", "a", "--steps", &end, "--set", "training.validation_every=0"]);

    let starts = place.read("a/starts.jsonl");
    let starts: Vec<Value> = starts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(starts.len(), 2);
    assert_eq!(starts[0]["step"], 0);
    assert!(starts[1]["step"].as_u64() >= Some(5) && starts[1]["process"].is_u64(), "{starts:?}");

    let records = place.metrics("a");
    assert_eq!(records.len() as u64, steps);
    let (mut in_steps, mut last) = (0.0, 0.0);
    for record in &records {
        let number = |key: &str| record[key].as_f64().unwrap();
        in_steps += number("seconds");
        assert!((number("goodput") - in_steps / number("wall_seconds")).abs() < 1e-9, "{record}");
        assert!(number("wall_seconds") > last && number("goodput") <= 1.0, "{record}");
        last = number("wall_seconds");
        assert_eq!(record.get("mfu"), None, "a CPU has no honest peak");
    }
    assert!(last > before + 1.5, "{last} {before}");
    assert_eq!((&summary["starts"], &summary["mfu"]), (&2.into(), &Value::Null));
    let (goodput, wall) = (summary["goodput"].as_f64().unwrap(), summary["wall_seconds"].as_f64().unwrap());
    assert!((goodput - in_steps / wall).abs() < 1e-9 && wall > last, "{summary}");
}

/// A run that was killed before its first checkpoint begins again, and leaves no step twice.
#[test]
fn a_run_that_begins_again_has_each_step_once() {
    let Some(place) = Place::new() else { return };
    let mut training = Endless::start(&place, &["--run", "a"]);
    training.line("step 1/");
    drop(training);
    place.trained(&["--run", "a", "--steps", "4", "--set", "training.validation_every=0"]);
    let steps: Vec<_> = place.metrics("a").iter().map(|record| record["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [1, 2, 3, 4]);
    assert_eq!(place.read("a/starts.jsonl").lines().count(), 2);
    for chart in ["a/loss.svg", "a/training.svg"] {
        assert!(place.read(chart).ends_with("</svg>\n"));
    }
}
