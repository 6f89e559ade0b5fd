//! `--dry-run`: what a training would be, of which nothing is left; and a step that cannot fit, which is said at once.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::{Place, check_error, stderr};

impl Place {
    #[track_caller]
    fn dry(&self, arguments: &[&str]) -> Value {
        let output = self.train(&[arguments, &["--dry-run", "--json"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn it_says_what_would_be_trained_and_writes_nothing() {
    let Some(place) = Place::new() else { return };
    // What other tests compiled is not there: the dry run compiles, and measures itself where nothing is.
    std::fs::remove_file(place.cache().join("programs")).unwrap();
    let arguments = ["--steps", "24", "--set", "training.checkpoint_every=3"];
    let dry = place.dry(&arguments);
    assert_eq!(place.names("."), ["text.txt"]);
    let summary = place.trained(&[&arguments[..], &["--run", "a"]].concat());
    for (said, done) in [("parameters", "parameters"), ("tokens", "tokens"), ("steps", "steps")] {
        assert_eq!(dry[said], summary[done], "{said}");
    }
    let plan: Value = serde_json::from_str(&place.read("a/plan.json")).unwrap();
    assert_eq!(dry["memory_per_device"], plan["memory_bytes"]["train_step"]["total"]);
    assert_eq!(dry["checkpoint_bytes"], plan["state_bytes"]);
    // Three are kept, while a fourth is written.
    assert_eq!(dry["checkpoints"], 4);
    let number = |key: &str| dry[key].as_f64().unwrap();
    let epochs = 24.0 * 64.0 / number("text_tokens");
    assert!((number("epochs") - epochs).abs() < 1e-9, "{dry}");
    assert!(
        number("hours") > 0.0 && number("seconds_per_step") > 0.0 && number("free_memory") > 1e6,
        "{dry}"
    );
    let most = summary["peak_memory_bytes"].as_f64().unwrap();
    assert!((number("process_memory") / most - 1.0).abs() < 0.1, "{} and {most}", number("process_memory"));
    // Of a run that there is, what is left; on several devices, each has its part.
    let before = place.names("a");
    let dry = place.dry(&["--run", "a", "--steps", "30", "--topology", "cpu:2"]);
    assert_eq!((&dry["completed"], &dry["devices"], &dry["run"]), (&24.into(), &2.into(), &"a".into()));
    assert_eq!(place.names("a"), before);
    // Checkpoints that are there already stay beside the one that is to come.
    place.trained(&["--run", "c", "--steps", "4"]);
    assert_eq!(place.dry(&["--run", "c", "--steps", "4"])["checkpoints"], 1);
    let dry = place.dry(&["--run", "c", "--steps", "6"]);
    place.trained(&["--run", "c", "--steps", "6"]);
    assert_eq!((&dry["checkpoints"], place.names("c/checkpoints").len()), (&2.into(), 2));
    std::fs::remove_dir_all(place.path("c")).unwrap();
    // With another run's parameters.
    place.dry(&["--from", "a", "--run", "b"]);
    assert_eq!(place.names("."), ["a", "text.txt"]);
    let text = place.train(&["--dry-run"]);
    let said = String::from_utf8_lossy(&text.stdout).into_owned();
    for part in ["parameters", "hours", "memory of a step, each device", "disk for checkpoints"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    place.check_error(&["--dry-run", "--data", "none.txt"], 1, &["none.txt"]);
}

/// Before anything is read or allocated, with what would fit.
#[test]
fn a_step_that_cannot_fit_is_said_at_once() {
    let Some(place) = Place::new() else { return };
    let sizes =
        ["training.batch=65536", "training.sequence_length=1024", "model.d_model=512", "model.layers=8"];
    let mut arguments = vec!["--run", "a"];
    sizes.iter().for_each(|set| arguments.extend(["--set", set]));
    for more in [&[][..], &["--dry-run"]] {
        let start = Instant::now();
        let output = place.train(&[&arguments[..], more].concat());
        let line =
            check_error(&output, 1, &["a step needs about", "GiB of memory, and this machine has", "free: "]);
        assert!(line.contains("--set training.microbatches="), "{line}");
        assert!(
            start.elapsed() < Duration::from_secs(30) && !stderr(&output).contains("compiling"),
            "{line}"
        );
        assert_eq!(place.names("."), ["text.txt"]);
    }
    // What it names is taken.
    let none = ["--run", "a", "--set", "model.d_model=1048576", "--set", "model.layers=64"];
    place.check_error(&none, 1, &["parameters and the optimiser's state alone take", "a smaller model"]);
}

#[test]
fn bfloat16_on_a_cpu_is_spoken_of() {
    let Some(place) = Place::new() else { return };
    let output = place.train(&["--steps", "1", "--run", "a", "--set", "training.precision=bf16-activations"]);
    assert!(
        stderr(&output).contains("a CPU is faster with --set training.precision=f32"),
        "{}",
        stderr(&output)
    );
    let output = place.train(&["--steps", "1", "--run", "b"]);
    assert!(!stderr(&output).contains("a CPU is faster"), "{}", stderr(&output));
}
