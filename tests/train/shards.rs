//! Training on token shards: the numbers are those of the text, and what does not belong together is refused.

use std::fs;

use serde_json::Value;

use crate::place::{Place, TEXT, TINY, stderr};

impl Place {
    /// Documents, a tokenizer (that of a run of one step on them), and their shards with nothing held out.
    fn with_shards() -> Option<Place> {
        let place = Place::new()?;
        fs::create_dir(place.path("docs")).unwrap();
        // Lines of JSON and a text, more than one shard of a MiB.
        let line = |i: usize| {
            let text: String = TEXT.split_inclusive(' ').cycle().skip(i).take(20 + i % 7).collect();
            format!("{}\n", serde_json::json!({"id": format!("d{i}"), "text": text, "source": "test"}))
        };
        place.write("docs/a.jsonl", (0..9000).map(line).collect::<String>());
        place.write("docs/b.txt", TEXT.repeat(3));
        place.trained(&["--run", "tokenizer", "--steps", "1"]);
        place.tokenize("shards", "tokenizer/tokenizer.model", &[]);
        Some(place)
    }

    fn tokenize(&self, out: &str, tokenizer: &str, more: &[&str]) -> Value {
        let fixed = ["data", "tokenize", "--in", "docs", "--tokenizer", tokenizer, "--out", out];
        let settings = ["--validation-fraction", "0", "--shard-mib", "1", "--json"];
        let output = self.gopher(&[&fixed[..], &settings, more].concat()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn step_losses(&self, run: &str) -> Vec<Value> {
        self.metrics(run).iter().map(|step| step["loss"].clone()).collect()
    }
}

/// With nothing held out, and a rate that does not depend on how long a run is.
const WHOLE: [&str; 4] = ["--set", "data.validation_fraction=0", "--set", "schedule.kind=constant"];

/// The same tokens in the same order, whether they are in memory or on disk; and so after an interruption.
#[test]
fn a_run_on_shards_is_the_run_on_the_text() {
    let Some(place) = Place::with_shards() else { return };
    let shards = fs::read_dir(place.path("shards")).unwrap().flatten();
    let count =
        shards.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "shard")).count();
    assert!(count > 1, "{count} shards");
    let tokenizer = ["--set", "data.tokenizer=tokenizer/tokenizer.model", "--steps", "6"];
    place.trained(&[&["--run", "text", "--data", "docs"], &tokenizer[..], &WHOLE].concat());
    let run = |name: &str, steps: &str| {
        place.trained(&[&["--run", name, "--data", "shards", "--steps", steps], &WHOLE[..]].concat());
    };
    run("once", "6");
    run("twice", "3");
    run("twice", "6");
    for of_shards in ["once", "twice"] {
        assert_eq!(place.step_losses(of_shards), place.step_losses("text"), "{of_shards}");
    }
    let replayed = place.gopher(&["replay", "--run", "once", "--step", "5"]).output().unwrap();
    assert!(replayed.status.success(), "{}", stderr(&replayed));
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let Some(place) = Place::with_shards() else { return };
    let shards = ["--data", "shards", "--steps", "1"];
    let check =
        |more: &[&str], expected: &[&str]| place.check_error(&[&shards[..], more].concat(), 1, expected);
    check(&["--data", "docs"], &["shards has token shards and ", "docs does not", "data.mixture"]);
    place.trained(&["--run", "other", "--data", "docs", "--steps", "1"]);
    check(
        &["--set", "data.tokenizer=other/tokenizer.model", "--run", "x"],
        &["its tokens are those of another tokenizer"],
    );
    fs::rename(place.path("shards/00001.shard"), place.path("away")).unwrap();
    check(&["--run", "y"], &["shards: token shards are missing: 00001.shard", "gopher data tokenize"]);
    let bytes = fs::read(place.path("away")).unwrap();
    fs::write(place.path("shards/00001.shard"), &bytes[..bytes.len() / 2]).unwrap();
    check(&["--run", "z"], &["00001.shard: it is truncated"]);
    for run in ["x", "y", "z"] {
        assert!(!place.path(run).exists(), "{run}");
    }
}

/// Text and shards as sources of one mixture, and held-out documents of shards.
#[test]
fn shards_are_a_source_of_a_mixture() {
    let Some(place) = Place::with_shards() else { return };
    let held_out = ["--validation-fraction", "0.05", "--seed", "1"];
    let fixed =
        ["data", "tokenize", "--in", "docs", "--tokenizer", "tokenizer/tokenizer.model", "--out", "held"];
    let output = place.gopher(&[&fixed[..], &held_out].concat()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    place.write(
        "mix.toml",
        "[[data.mixture]]\npaths = [\"held\"]\nweight = 0.25\n[[data.mixture]]\npaths = [\"docs\"]\nweight = 0.75\n",
    );
    let tokenizer = ["--set", "data.tokenizer=tokenizer/tokenizer.model"];
    let mut arguments = vec!["train", "mix.toml", "--run", "mixed", "--steps", "2", "--json"];
    arguments.extend(tokenizer);
    TINY.iter().for_each(|set| arguments.extend(["--set", set]));
    let output = place.gopher(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(summary["validation_loss"].as_f64().is_some(), "{summary}");
}
