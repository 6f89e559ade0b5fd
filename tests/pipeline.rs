//! `gopher data run`: all stages over two subsets from one file, the same bytes as the single commands, and a report that adds up.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

mod running;
use running::Start as _;

/// A document that every rule of the paper keeps, different for each number.
fn good(number: usize) -> String {
    let digits =
        |n: usize| n.to_string().bytes().map(|digit| (b'b' + digit - b'0') as char).collect::<String>();
    let words = (0..58).map(|word| format!("w{}x{}", digits(number), digits(word)));
    format!("the {} and that", words.collect::<Vec<_>>().join(" "))
}

const PIPELINE: &str = r#"
out = "massive/"
seed = 3
training_tokens = 1e6

[work]
shard_mib = 1

[tokenizer]
train = { vocabulary_size = 300 }

[decontaminate]
against = ["quiz.jsonl"]

[tokenize]
validation_fraction = 0.1

[card]
motivation = "A test & nothing <else>."

[subset.web]
in = ["web/*.jsonl"]
kind = "web"

[subset.books]
in = ["books"]
kind = "books"
weight = 0.12
"#;

/// A folder with a pipeline.
struct Place(TempDir);

impl Place {
    /// Web pages of which some are short, copies, no JSON, or of the quiz; and books.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let line = |number: usize, text: &str| format!("{}\n", json!({"id": number, "text": text}));
        let mut first: String = (0..40).map(|number| line(number, &good(number))).collect();
        first += "no document\n";
        first += &line(40, "too short");
        let copies: String = (0..5).map(|number| line(50 + number, &good(number).to_uppercase())).collect();
        place.write("web/a.jsonl", first);
        place.write("web/b.jsonl", copies + &line(60, &good(7)) + &line(61, &good(99)));
        (100..110).for_each(|number| place.write(&format!("books/{number}.txt"), good(number)));
        place.write("quiz.jsonl", line(0, &good(39)) + &line(1, &good(105)) + &line(2, &good(500)));
        place.write("pipeline.toml", PIPELINE);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(&[&["data", "run", "pipeline.toml"], arguments].concat()).output().unwrap()
    }

    /// The report and the notes of a run that succeeds.
    #[track_caller]
    fn done(&self, arguments: &[&str]) -> (Value, String) {
        let output = self.run(&[arguments, &["--json"]].concat());
        let notes = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{notes}");
        (serde_json::from_slice(&output.stdout).unwrap(), notes)
    }

    /// A run that fails with a code, and one line that holds all `parts`.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, parts: &[&str]) {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        let last = error.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(parts.iter().all(|part| last.contains(part)), "{error}");
    }

    /// Checks that `massive` has these files.
    #[track_caller]
    fn is(&self, whole: &BTreeMap<String, Vec<u8>>) {
        let files = self.files("massive");
        assert_eq!(files.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for (name, bytes) in &files {
            assert!(*bytes == whole[name], "{name}:\n{}\n{}", text(bytes), text(&whole[name]));
        }
    }

    /// All files below a folder that are not hidden, with their bytes.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.path(folder)]);
        while let Some(next) = folders.pop() {
            for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
                let name = path.strip_prefix(self.path(folder)).unwrap().to_string_lossy().into_owned();
                match path.is_dir() {
                    _ if path.file_name().unwrap().to_string_lossy().starts_with('.') => {}
                    true => folders.push(path),
                    false => drop(files.insert(name, fs::read(&path).unwrap())),
                }
            }
        }
        files
    }
}

/// Checks that every element that begins ends, and that nothing is fetched or run.
#[track_caller]
fn check_page(page: &str) {
    for foreign in ["http", "src=", "href=", "<script", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let mut open: Vec<&str> = Vec::new();
    let body = page.strip_prefix("<!doctype html>").unwrap();
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("<{part}"));
        assert!(!text.contains('>') && tag.matches('"').count() % 2 == 0, "<{part}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn two_subsets_go_through_all_stages_and_the_report_adds_up() {
    let place = Place::new();
    let (report, notes) = place.done(&[]);
    assert!(notes.contains("web/filter: 49 = 47 kept + 1 dropped + 1 errors\n"), "{notes}");
    let kept = |subset: &Value| -> Vec<u64> {
        subset["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| stage["ledger"]["kept"].as_u64().unwrap())
            .collect()
    };
    let subsets = report["subsets"].as_array().unwrap();
    let names: Vec<_> = subsets.iter().map(|subset| subset["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["books", "web"]);
    assert_eq!((kept(&subsets[0]), kept(&subsets[1])), (vec![10, 10, 9, 9], vec![47, 41, 40, 40]));
    for subset in subsets {
        let stages = subset["stages"].as_array().unwrap();
        let mut before = None;
        for stage in stages {
            let ledger = &stage["ledger"];
            let sum = |counts: &Value| {
                counts.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>()
            };
            let records = ledger["records"].as_u64().unwrap();
            let kept = ledger["kept"].as_u64().unwrap();
            assert_eq!(records, kept + sum(&ledger["dropped"]) + sum(&ledger["errors"]));
            assert!(before.is_none_or(|before| before == records));
            before = Some(kept);
        }
        // Every document that was measured is in every histogram.
        let measured = stages[0]["ledger"]["kept"].as_u64().unwrap()
            + stages[0]["ledger"]["dropped"]
                .as_object()
                .unwrap()
                .values()
                .map(|n| n.as_u64().unwrap())
                .sum::<u64>();
        for histogram in subset["histograms"].as_array().unwrap() {
            let counts =
                histogram["counts"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>();
            let rest = histogram["above"].as_u64().unwrap() + histogram["without"].as_u64().unwrap();
            assert_eq!(counts + rest, measured, "{histogram}");
        }
        assert_eq!(subset["histograms"].as_array().unwrap().len(), 21);
    }
    // Weights are shares of their sum, and 1e6 tokens of them are so many epochs.
    let (books, web) = (&subsets[0], &subsets[1]);
    assert_eq!((books["share"].as_f64(), web["share"].as_f64()), (Some(0.12 / 0.6), Some(0.48 / 0.6)));
    let tokens = web["tokens"]["tokens"].as_f64().unwrap();
    assert_eq!(web["epochs"].as_f64(), Some(1e6 * (0.48 / 0.6) / tokens));
    assert_eq!(web["paper"], json!({"share": 0.48, "epochs": 0.29}));
    assert_eq!(web["clusters"], json!({"2": 6}));
    assert_eq!(web["evaluation"][0]["found_by_containment"], json!([1, 1, 1]));
    assert_eq!(report["tokenizer"]["vocabulary_size"], 300);

    let page = fs::read_to_string(place.path("massive/report.html")).unwrap();
    check_page(&page);
    for part in ["min_words drops below 50", "<td>same_ngrams</td><td>6</td>", "not dolma", "quiz.jsonl"] {
        assert!(page.contains(part), "{part}");
    }
    let card = fs::read_to_string(place.path("massive/data-card.md")).unwrap();
    for heading in
        ["Motivation", "Composition", "Collection", "Preprocessing", "Uses", "Distribution", "Maintenance"]
    {
        assert!(card.contains(&format!("\n## {heading}\n")), "{heading}");
    }
    assert!(
        card.contains("A test & nothing <else>.")
            && card.contains("unknown: to be written by whoever publishes this")
    );
    assert!(card.contains("- web dedup: of documents with a Jaccard similarity of 13-grams of 0.8 or more, one stays; within the subset; 41 of 47 records kept"));
}

#[test]
fn what_is_done_is_not_done_again_and_is_what_the_single_commands_make() {
    let place = Place::new();
    let (report, _) = place.done(&[]);
    let whole = place.files("massive");
    let times = || -> Vec<_> {
        let receipts = whole.keys().filter(|name| name.contains('/'));
        receipts
            .map(|name| fs::metadata(place.path("massive").join(name)).unwrap().modified().unwrap())
            .collect()
    };
    let before = times();
    let (again, notes) = place.done(&["--threads", "1"]);
    assert_eq!(notes.matches("complete already").count(), 8, "{notes}");
    assert!(again == report && times() == before && place.files("massive") == whole);

    let single = |arguments: &[&str]| {
        let output = place.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let inputs: [(&str, &[&str]); 2] = [("web", &["web/a.jsonl", "web/b.jsonl"]), ("books", &["books"])];
    for (subset, first) in inputs {
        let at = |stage: &str| format!("single/{subset}/{stage}");
        let stage = |stage: &str, inputs: &[&str], more: &[&str]| {
            let (out, why) = (at(stage), at(&format!("{stage}-rejected")));
            let fixed = ["--out", &out, "--rejected", &why, "--shard-mib", "1"];
            single(&[&["data", stage, "--in"], inputs, &fixed, more].concat());
        };
        stage("filter", first, &["--subset", subset]);
        stage("dedup", &[&at("filter")], &["--seed", "3"]);
        stage("decontaminate", &[&at("dedup")], &["--against", "quiz.jsonl"]);
    }
    fs::create_dir_all(place.path("single/tokenizer")).unwrap();
    single(&[
        "tokenizer",
        "train",
        "single/books/decontaminate",
        "single/web/decontaminate",
        "--vocabulary-size",
        "300",
        "-o",
        "single/tokenizer/tokenizer.model",
    ]);
    for subset in ["web", "books"] {
        let (input, out) = (format!("single/{subset}/decontaminate"), format!("single/{subset}/tokenize"));
        single(&[
            "data",
            "tokenize",
            "--in",
            &input,
            "--out",
            &out,
            "--tokenizer",
            "single/tokenizer/tokenizer.model",
            "--shard-mib",
            "1",
            "--seed",
            "3",
            "--validation-fraction",
            "0.1",
        ]);
    }
    let single = place.files("single");
    // What the pipeline has beside it: its reports, and the receipt of its tokenizer.
    let own = |name: &str| !name.contains('/') || name == "tokenizer/receipt.json";
    let rest: Vec<_> = whole.keys().filter(|name| !own(name)).collect();
    assert_eq!(single.keys().collect::<Vec<_>>(), rest);
    single.iter().for_each(|(name, bytes)| assert!(*bytes == whole[name], "{name}"));
}

#[test]
fn what_was_ended_goes_on() {
    let place = Place::new();
    place.done(&[]);
    let whole = place.files("massive");
    fs::remove_dir_all(place.path("massive")).unwrap();
    let mut child =
        place.command(&["data", "run", "pipeline.toml"]).stderr(Stdio::null()).stdout(Stdio::null()).start();
    let first = place.path("massive/books/filter/receipt.json");
    while !first.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    // It may have ended by itself, which changes nothing of what is checked.
    let _ = child.kill();
    child.wait().unwrap();
    let (_, notes) = place.done(&["--threads", "1"]);
    assert!(notes.contains("books/filter: 10 = 10 kept + 0 dropped + 0 errors, complete already"), "{notes}");
    place.is(&whole);
    // Within a stage: half of a file, what was begun, and no receipt.
    place.write("massive/web/dedup/00000.jsonl.zst", "half");
    place.write("massive/web/dedup/.receipt.json.1-of-1.77.unfinished", "half");
    place.write("massive/web/filter/.00000.jsonl.zst.unfinished", "half");
    fs::remove_file(place.path("massive/web/decontaminate/receipt.json")).unwrap();
    fs::remove_file(place.path("massive/web/dedup/receipt.json")).unwrap();
    let (_, notes) = place.done(&[]);
    assert_eq!(notes.matches("complete already").count(), 6, "{notes}");
    place.is(&whole);
}

#[test]
fn a_changed_setting_is_refused_until_the_stage_is_forced() {
    let place = Place::new();
    let (before, _) = place.done(&[]);
    place.write(
        "pipeline.toml",
        PIPELINE.replace("kind = \"web\"", "kind = \"web\"\n[subset.web.dedup]\njaccard = 0.9\n"),
    );
    place.refused(&[], 1, &["massive/web/dedup: it holds the output of another", "--force-stage web/dedup"]);
    let output = place.run(&["--dry-run", "--force-stage", "web/dedup"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let states: Vec<(&str, &str)> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once("  "))
        .map(|(step, rest)| (step.trim(), rest.trim_start().split("  ").next().unwrap()))
        .collect();
    let again = ["web/dedup", "web/decontaminate", "tokenizer", "web/tokenize"];
    assert_eq!(states.len(), 9, "{text}");
    for (step, state) in states {
        assert_eq!(state, if again.contains(&step) { "again" } else { "there" }, "{text}");
    }
    place.refused(
        &["--force-stage", "dedupe"],
        2,
        &["--force-stage dedupe: no such stage; there are books/filter, "],
    );
    let (after, notes) = place.done(&["--force-stage", "web/dedup"]);
    assert!(notes.contains("web/filter: 49 = 47 kept + 1 dropped + 1 errors, complete already"), "{notes}");
    assert_eq!(after["subsets"][0]["stages"][2], before["subsets"][0]["stages"][2]);
    place.write(
        "pipeline.toml",
        fs::read_to_string(place.path("pipeline.toml")).unwrap().replace("= 300 }", "= 310 }"),
    );
    place.refused(&[], 1, &["massive/tokenizer: it holds the output of another", "--force-stage tokenizer"]);
    assert_eq!(place.done(&["--force-stage", "tokenizer"]).0["tokenizer"]["vocabulary_size"], 310);
    let receipt: Value =
        serde_json::from_slice(&fs::read(place.path("massive/web/dedup/receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt["configuration"]["jaccard"], 0.9);
}

#[test]
fn nothing_of_somebody_else_is_written_over() {
    let place = Place::new();
    place.write("massive/report.json", "{}");
    place.refused(&[], 1, &["massive/report.json: it is no report of a pipeline"]);
    fs::remove_file(place.path("massive/report.json")).unwrap();
    place.done(&[]);
    let card = fs::read_to_string(place.path("massive/data-card.md")).unwrap();
    place.write(
        "massive/data-card.md",
        card.replacen("unknown: to be written by whoever publishes this", "from a friend", 1),
    );
    place.refused(&[], 1, &["massive/data-card.md: ", "changed since", "[card]"]);
    place.write("massive/data-card.md", &card);
    place.done(&[]);
}

#[test]
fn a_stage_that_loses_most_of_a_subset_stops_the_run() {
    let place = Place::new();
    place.write("pipeline.toml", PIPELINE.to_owned() + "[limits]\nmost_lost = 0.1\n");
    place.refused(
        &[],
        1,
        &[
            "web/dedup: the stage loses 12.8% of 47 records",
            "(6) by same_ngrams",
            "massive/web/dedup-rejected",
            "most_lost = 0.1",
        ],
    );
    assert!(!place.path("massive/report.json").exists());
}

#[test]
fn what_is_wrong_with_a_pipeline_is_said_before_anything_is_written() {
    let place = Place::new();
    let check = |from: &str, to: &str, code: i32, parts: &[&str]| {
        assert!(PIPELINE.contains(from), "{from}");
        place.write("pipeline.toml", PIPELINE.replace(from, to));
        place.refused(&[], code, parts);
        assert!(!place.path("massive").exists());
    };
    check("[card]", "[crad]", 2, &["pipeline.toml: line ", "unknown key `crad`; did you mean `card`?"]);
    check("against =", "agianst =", 2, &["unknown key `agianst`; did you mean `against`?"]);
    check("kind = \"web\"", "kind = \"wed\"", 2, &["unknown value `wed`; did you mean `web`?"]);
    check("out = \"massive/\"", "", 2, &["pipeline.toml: line ", "`out` is missing"]);
    check("seed = 3", "seed = 3\nseed = 4", 2, &["pipeline.toml: line 4: "]);
    check("web/*.jsonl", "web/*.json", 1, &["web/*.json: there is no such file"]);
    check("quiz.jsonl", "quizz.jsonl", 1, &["decontaminate: quizz.jsonl: no such file"]);
    check("against = [\"quiz.jsonl\"]", "", 1, &["books/decontaminate: nothing to look for"]);
    check("train = { vocabulary_size = 300 }", "file = \"none.model\"", 1, &["none.model"]);
    check("[tokenizer]\ntrain = { vocabulary_size = 300 }", "", 1, &["no tokenizer"]);
    check("validation_fraction = 0.1", "validation_fraction = 1.5", 1, &["tokenize", "1.5"]);
    check(
        "[tokenize]",
        "[dedup]\njaccard = 2\n[tokenize]",
        1,
        &["error: books/dedup: jaccard = 2: must be above 0"],
    );
    place.write("pipeline.toml", PIPELINE);
    let output = place.run(&["--dry-run", "--json"]);
    let steps: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(steps.iter().all(|step| step["state"] == "to do") && steps.len() == 9, "{steps:?}");
    assert!(!place.path("massive").exists());
    place.refused(&["--tokens", "0"], 2, &["--tokens 0"]);
    assert!(!Path::new(&place.path("massive")).exists());
}
