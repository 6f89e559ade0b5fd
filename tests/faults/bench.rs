//! A small run, its results without a fault, and its results with one.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use store::disk::Operation;

use crate::place::running::Start;
use crate::place::{Place, stderr};
use crate::report::{Case, Row};

/// The results of a run: its curve, and its tensors' file.
type End = (Vec<[Value; 5]>, Vec<u8>);

/// A place with an uninterrupted run.
pub struct Bench {
    pub place: Place,
    pub end: End,
    steps: u64,
    arguments: Vec<&'static str>,
    runs: AtomicUsize,
}

/// A fault: an operation on the disk, which time it is done, how it fails; and on what.
pub struct Fault {
    operation: Operation,
    count: u64,
    kind: &'static str,
    path: String,
}

/// How a case ended.
pub enum Ended {
    /// The bits of the uninterrupted run; with what was warned of on the way.
    Same(Vec<String>),
    /// A refusal.
    Refused(String),
}

/// Steps and checkpoints that are kept. A save after every second step.
pub struct Shape {
    pub steps: &'static str,
    pub keep_last: &'static str,
}

/// Two saves, of which the second also removes the first: every boundary there is.
pub const TWO_SAVES: Shape = Shape { steps: "4", keep_last: "checkpoint.keep_last=1" };

/// Three saves, with something to fall back to.
pub const THREE_SAVES: Shape = Shape { steps: "6", keep_last: "checkpoint.keep_last=2" };

impl Bench {
    /// `None` without a plugin.
    pub fn new(shape: Shape) -> Option<Bench> {
        let place = Place::new()?;
        // The tokenizer is trained once; it is not what is looked at here.
        place.trained(&["--run", "first", "--steps", "1"]);
        fs::copy(place.path("first/tokenizer.model"), place.path("tokenizer.model")).unwrap();
        let sets = ["training.checkpoint_every=2", shape.keep_last, "data.tokenizer=tokenizer.model"];
        let mut arguments = vec!["--steps", shape.steps];
        sets.iter().for_each(|set| arguments.extend(["--set", set]));
        let steps = shape.steps.parse().unwrap();
        let mut bench = Bench { place, end: Default::default(), steps, arguments, runs: AtomicUsize::new(0) };
        let output = bench.train("whole").output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        bench.end = bench.end_of("whole");
        Some(bench)
    }

    /// The line a user types, and types again.
    pub fn train(&self, run: &str) -> Command {
        self.place.train_command(&[&["--run", run, "--json"], &self.arguments[..]].concat())
    }

    pub fn end_of(&self, run: &str) -> End {
        (self.place.curve(run), self.place.state(run, self.steps))
    }

    /// A name that no run has had.
    pub fn fresh(&self, what: &str) -> String {
        format!("{what}-{}", self.runs.fetch_add(1, Ordering::Relaxed))
    }

    /// A run whose process was killed when it began to save step 6: checkpoints of 2 and 4, metrics up to 6.
    pub fn cut_off(&self) -> String {
        let run = self.fresh("cut");
        let output = self.train(&run).env("GOPHER_FAULT", "create-folder:3:kill").output().unwrap();
        assert!(output.status.code().is_none(), "it was to be killed: {}", stderr(&output));
        assert_eq!(self.place.names(&format!("{run}/checkpoints")), ["step-00000002", "step-00000004"]);
        run
    }

    /// The outcome of a command that was to bring a run to its end.
    #[track_caller]
    pub fn ended(&self, run: &str, output: &Output, what: &str) -> Ended {
        let said = stderr(output);
        assert!(!said.contains("panicked"), "{what}: {said}");
        if !output.status.success() {
            let error = said.lines().last().unwrap_or_default();
            assert!(error.starts_with("error: ") && output.status.code() == Some(1), "{what}: {said}");
            return Ended::Refused(self.shown(error, run));
        }
        let (curve, state) = self.end_of(run);
        // Lines of the metrics that were damaged stay as they are, and it is said.
        if !said.contains("metrics.jsonl: the lines up to step") {
            assert_eq!(curve, self.end.0, "{what}: the curve is another\n{said}");
        }
        assert!(state == self.end.1, "{what}: the state is another\n{said}");
        let names = self.place.names(&format!("{run}/checkpoints"));
        assert!(names.iter().all(|name| name.starts_with("step-")), "{what}: {names:?}");
        let warnings = said.lines().filter(|line| line.starts_with("warning: "));
        Ended::Same(warnings.map(|line| self.shown(line, run)).collect())
    }

    fn shown(&self, line: &str, run: &str) -> String {
        line.replace(run, "DIR").replace(self.place.folder.path().to_str().unwrap(), "…")
    }

    /// Every boundary that the uninterrupted run reaches, in every way it can fail.
    pub fn faults(&self) -> Vec<Fault> {
        let run = self.fresh("log");
        let log = self.place.path("operations.log");
        let output = self.train(&run).env("GOPHER_FAULT", format!("log:{}", log.display())).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for line in fs::read_to_string(&log).unwrap().lines() {
            let (name, rest) = line.split_once(' ').unwrap();
            let (count, path) = rest.split_once(' ').unwrap();
            let operation = Operation::ALL.into_iter().find(|operation| operation.name() == name).unwrap();
            seen.insert(name.to_owned());
            let kinds: &[_] =
                if operation == Operation::Write { &["kill", "full", "torn"] } else { &["kill", "full"] };
            faults.extend(kinds.iter().map(|&kind| Fault {
                operation,
                count: count.parse().unwrap(),
                kind,
                path: path.replace(&run, "DIR").replace(self.place.folder.path().to_str().unwrap(), "…"),
            }));
        }
        // Nothing that can be done to the disk is left out.
        let all = Operation::ALL.map(|operation| operation.name().to_owned());
        assert!(all.iter().all(|name| seen.contains(name)), "{seen:?}");
        faults
    }

    /// A run with a fault, then the same line again.
    pub fn check_fault(&self, fault: &Fault) -> Row {
        let Fault { operation, count, kind, path } = fault;
        let what = format!("{}:{count}:{kind}", operation.name());
        let run = self.fresh("fault");
        let output = self.train(&run).env("GOPHER_FAULT", &what).output().unwrap();
        let said = stderr(&output);
        assert!(!said.contains("panicked"), "{what}: {said}");
        let first = match (output.status.code(), *kind) {
            (None, "kill" | "torn") => "killed",
            (Some(1), "full") => "an error",
            (Some(0), "full") => "a warning, or nothing",
            _ => panic!("{what}: {:?} {said}", output.status),
        };
        let again = self.train(&run).output().unwrap();
        let ended = self.ended(&run, &again, &what);
        assert!(matches!(ended, Ended::Same(_)), "{what} on {path}: {}", stderr(&again));
        let _ = fs::remove_dir_all(self.place.path(&run));
        Row { case: Case::Boundary { operation: operation.name(), kind, path: general(path) }, ended, first }
    }

    /// A run killed with SIGKILL at a random time, and the line typed again.
    pub fn check_random_kill(&self) -> Row {
        let mut state = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = (state >> 11) as f64 / (1u64 << 53) as f64;
        let run = self.fresh("killed");
        let mut child = self.train(&run).start();
        // From before the first file of the run to after the last: a multiple of the time to the first step.
        let start = Instant::now();
        let lines = self.place.path(&run).join("metrics.jsonl");
        while random > 0.2 && !lines.exists() && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        let part = if random > 0.2 { (random - 0.2) / 4.0 } else { random };
        thread::sleep(start.elapsed().max(Duration::from_secs(2)).mul_f64(part));
        let _ = child.kill();
        let first = if child.wait().unwrap().success() { "ended before" } else { "killed" };
        let again = self.train(&run).output().unwrap();
        let what = format!("killed at {random}");
        let ended = self.ended(&run, &again, &what);
        assert!(matches!(ended, Ended::Same(_)), "{what}: {}", stderr(&again));
        let _ = fs::remove_dir_all(self.place.path(&run));
        Row { case: Case::Other("SIGKILL at a random time".into()), ended, first }
    }

    /// Waits until a file is there, for at most half a minute.
    pub fn wait_for(&self, name: &str) {
        let start = Instant::now();
        while !self.place.path(name).exists() {
            assert!(start.elapsed() < Duration::from_secs(30), "no {name}");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A path without the step it belongs to.
fn general(path: &str) -> String {
    let mut general = path.to_owned();
    for step in 1..=9 {
        general = general.replace(&format!("step-{step:08}"), "step-N");
    }
    general
}
