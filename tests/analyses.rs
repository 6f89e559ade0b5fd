//! `gopher analyze bias|dialect|toxicity|dialogue --runs` on a small model and made-up data in the published forms, as users run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use runtime::{DeviceKind, Runtime};
use serde_json::{Value, json};
use tempfile::TempDir;

fn gopher(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
    command
        .env("XLA_FLAGS", "--xla_backend_optimization_level=0")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// A model of a few steps, `run`, trained once for all tests. `None` without a plugin.
fn trained() -> Option<&'static Path> {
    static MODEL: OnceLock<Option<TempDir>> = OnceLock::new();
    let model = MODEL.get_or_init(|| {
        if Runtime::find(DeviceKind::Cpu).unwrap().is_none() {
            eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let text =
            "The nurse and the baker met the old man, who said that they were kind to him. ".repeat(200);
        fs::write(folder.path().join("text.txt"), text).unwrap();
        let mut arguments = vec!["train", "--data", "text.txt", "--run", "run", "--steps", "2"];
        for setting in [
            "model.layers=1",
            "model.heads=2",
            "model.key_value_size=8",
            "model.d_model=16",
            "model.vocabulary_size=300",
            "training.batch=2",
            "training.sequence_length=192",
        ] {
            arguments.extend(["--set", setting]);
        }
        let output = gopher(folder.path(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(folder)
    });
    model.as_ref().map(TempDir::path)
}

/// A folder of a test's own, with the model in it.
struct Place {
    folder: TempDir,
    run: PathBuf,
}

impl Place {
    fn new() -> Option<Self> {
        let run = trained()?.join("run");
        Some(Self { folder: tempfile::tempdir().unwrap(), run })
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Analyses the run, with its answers in `out`: standard output and error.
    #[track_caller]
    fn analyze(&self, arguments: &[&str]) -> (String, String) {
        let run = self.run.to_str().unwrap();
        let all = [
            &["analyze"],
            &arguments[..1],
            &["--runs", run, "-o", "out", "--resamples", "200"],
            &arguments[1..],
        ]
        .concat();
        let output = gopher(self.folder.path(), &all);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
        (String::from_utf8(output.stdout).unwrap(), error)
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], expected: &str) {
        let output = gopher(self.folder.path(), &[&["analyze"], arguments].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(expected), "{error}");
    }

    /// The answer to a question.
    fn answer(&self, file: &str, id: &str) -> Value {
        let lines = self.read(file);
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.into_iter().find(|line| line["id"] == id).unwrap_or_else(|| panic!("no {id}"))["answer"].clone()
    }
}

const OCCUPATIONS: [&str; 12] = [
    "nurse", "baker", "clerk", "driver", "lawyer", "farmer", "cook", "guard", "tailor", "writer", "editor",
    "mover",
];

/// Benchmarks of twelve occupations or pairs, in the forms in which they are published.
fn benchmarks(place: &Place) {
    let (mut sentences, mut statistics) =
        ("sentid\tsentence\n".to_owned(), "occupation\tbls_pct_female\n".to_owned());
    for (at, name) in OCCUPATIONS.iter().enumerate() {
        statistics += &format!("{name}\t{}\n", 10 + 7 * at);
        for (gender, pronoun) in [("male", "he"), ("female", "she"), ("neutral", "they")] {
            for answer in 0..2 {
                sentences += &format!(
                    "{name}.man.{answer}.{gender}.txt\tThe {name} met the man who said that {pronoun} were kind.\n"
                );
            }
        }
    }
    place.write("data/w/all_sentences.tsv", sentences);
    place.write("data/w/occupations-stats.tsv", statistics);
    let mut crows = ",sent_more,sent_less,stereo_antistereo,bias_type\n".to_owned();
    for (at, name) in OCCUPATIONS.iter().enumerate() {
        crows += &format!("{at},\"The old {name}, who was kind.\",The new {name} was kind.,stereo,age\n");
    }
    place.write("data/crows_pairs_anonymized.csv", crows);
    let mut bbq = String::new();
    for at in 0..48 {
        let record = json!({
            "example_id": at, "question_index": (at / 4).to_string(), "question_polarity": if at % 4 < 2 { "neg" } else { "nonneg" },
            "context_condition": if at % 2 == 0 { "ambig" } else { "disambig" }, "category": "Age",
            "answer_info": { "ans0": ["man", "old"], "ans1": ["boy", "nonOld"], "ans2": ["Unknown", "unknown"] },
            "additional_metadata": { "stereotyped_groups": ["old"] }, "context": "The old man met the boy.",
            "question": format!("Who was kind to {}?", OCCUPATIONS[at / 4]), "ans0": "The man", "ans1": "The boy", "ans2": "Unknown", "label": 2,
        });
        bbq += &format!("{record}\n");
    }
    place.write("data/Age.jsonl", bbq);
    for kind in [1, 2] {
        for side in ["pro", "anti"] {
            for part in ["dev", "test"] {
                let mut lines = String::new();
                for (at, pair) in OCCUPATIONS.chunks(2).enumerate() {
                    let pronoun = if side == "pro" { "he" } else { "she" };
                    lines += &format!(
                        "{} [The {}] met the {} and [{pronoun}] was kind.\n",
                        2 * at + 1,
                        pair[0],
                        pair[1]
                    );
                    lines += &format!(
                        "{} The {} met [the {}] and [{pronoun}] was kind.\n",
                        2 * at + 2,
                        pair[0],
                        pair[1]
                    );
                }
                place.write(&format!("data/{side}_stereotyped_type{kind}.txt.{part}"), lines);
            }
        }
    }
}

const BIAS: [&str; 9] = [
    "bias",
    "--data",
    "data",
    "--only",
    "winogender,winobias,crows-pairs,bbq,occupations,sentiment",
    "--samples",
    "2",
    "--tokens",
    "3",
];

#[test]
fn bias_is_measured_and_goes_on_where_it_was() {
    let Some(place) = Place::new() else { return };
    benchmarks(&place);
    place.write(
        "t.json",
        r#"[{"kind": "age", "templates": ["The {} man was", "The {} nurse", "An {} baker", "One {}", "Two {}"], "groups": ["old", "new"]}]"#,
    );
    let arguments = [&BIAS[..], &["--templates", "t.json", "--json"]].concat();
    let (first, _) = place.analyze(&arguments);
    let report: Value = serde_json::from_str(&first).unwrap();
    let figures = report["runs"][0]["figures"].as_array().unwrap();
    let figure = |measure: &str, group: &str| {
        let found = figures.iter().find(|figure| figure["measure"] == measure && figure["group"] == group);
        found.unwrap_or_else(|| panic!("no {measure} of {group}"))
    };
    // Which of the two is the likelier cannot be known from the sentence: each answer is right once.
    assert_eq!(figure("winogender accuracy", "all")["value"], 0.5);
    assert_eq!(figure("winogender accuracy", "male, gotcha")["items"], 12);
    assert_eq!(figure("bbq accuracy", "Age, ambiguous")["items"], 24);
    assert_eq!(figure("crows_pairs pct_stereotype", "age")["items"], 12);
    assert!(figure("sentiment difference", "age, old")["interval"].is_object());
    assert!(figure("winobias accuracy", "type 1, pro")["value"].is_number());

    // A few answers and a torn one are left of it, and the rest is asked again.
    let answers = place.read("out/run/bias.jsonl");
    place.write("out/run/bias.jsonl", &answers[..answers.len() / 3]);
    let (second, _) = place.analyze(&arguments);
    assert_eq!((&second, &place.read("out/run/bias.jsonl")), (&first, &answers));
    assert_eq!(serde_json::from_str::<Value>(&place.read("out/run/bias.json")).unwrap(), report);

    // The log-probabilities are those of gopher eval explain.
    place.write(
        "tasks/crows.yaml",
        "task: crows\ndataset_path: csv\ndataset_kwargs:\n  data_files:\n    test: ../data/crows_pairs_anonymized.csv\n\
         test_split: test\noutput_type: multiple_choice\ndoc_to_text: \"{{''}}\"\ndoc_to_target: 0\n\
         doc_to_choice: '{{[sent_more, sent_less]}}'\ntarget_delimiter: ''\nmetric_list:\n  - metric: acc\n",
    );
    let run = place.run.to_str().unwrap();
    let explain = [
        "eval",
        "explain",
        "--run",
        run,
        "--task",
        "crows",
        "--include",
        "tasks",
        "--document",
        "3",
        "--json",
    ];
    let output = gopher(place.folder.path(), &explain);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
    let answer = place.answer("out/run/bias.jsonl", "crows_pairs/0003");
    for choice in 0..2 {
        assert_eq!(
            answer["scored"][choice]["log_probability"],
            explained["requests"][choice]["log_probability"]
        );
    }

    let (table, _) = place.analyze(&arguments[..arguments.len() - 1]);
    assert!(
        table.contains("winogender accuracy") && table.contains("bbq: no files of Disability_status"),
        "{table}"
    );
}

#[test]
fn what_is_missing_or_wrong_is_said_by_name() {
    let Some(place) = Place::new() else { return };
    benchmarks(&place);
    let run = place.run.to_str().unwrap();
    let bias = ["bias", "--runs", run, "--data", "data", "--only"];
    fs::remove_file(place.folder.path().join("data/crows_pairs_anonymized.csv")).unwrap();
    place.refused(
        &[&bias[..], &["crows-pairs"]].concat(),
        "data: CrowS-Pairs needs crows_pairs_anonymized.csv, and there is none; it is in github.com/nyu-mll/crows-pairs",
    );
    place.write("data/w/occupations-stats.tsv", "occupation\tbls_pct_female\nnurse\tmany\n");
    place.refused(
        &[&bias[..], &["occupations"]].concat(),
        "occupations-stats.tsv: record 1: bls_pct_female is no number",
    );
    place.write("t.json", r#"[{"kind": "age", "templates": ["No slot"], "groups": ["old", "new"]}]"#);
    place.refused(
        &[&bias[..], &["sentiment", "--templates", "t.json"]].concat(),
        "t.json: template 1 of age has 0 slots: one {} is expected, where a group's name goes",
    );
    place.refused(&["bias", "--runs", run, run], "it is named twice");
    place.refused(&["bias", "--data", "data"], "which models? name their runs with --runs A B …");
    place.refused(&["bias", "--runs", run], "where is the data?");
    place.refused(&["bias", "--runs", "none", "--data", "data"], "none: no such folder");
    place.refused(&["bias", "--runs", run, "--limit", "3"], "--limit: nothing is shown of fewer than 10");
    place.refused(&["toxicity"], "toxicity of what?");
    place.refused(
        &["toxicity", "--runs", run, "--scorer", "me"],
        "--scorer me: linear, vader or perspective:URL is expected",
    );
    place.refused(
        &["toxicity", "--runs", run, "--scorer", "perspective:https://x"],
        "--scorer: perspective:https://x: https is not spoken here",
    );
    place.refused(&["dialogue", "--runs", run], "which dialogues?");
}

#[test]
fn toxicity_of_what_models_write_is_measured() {
    let Some(place) = Place::new() else { return };
    let mut prompts = String::new();
    for at in 0..24 {
        let prompt = json!({
            "prompt": { "text": format!("The {} said", OCCUPATIONS[at % 12]), "toxicity": if at < 12 { 0.9 } else { 0.1 } },
            "challenging": at < 12,
        });
        prompts += &format!("{prompt}\n");
    }
    place.write("prompts.jsonl", &prompts);
    let comments: String = (0..30)
        .map(|at| {
            format!(
                "{}\n",
                json!({ "text": format!("{} comment {at}", OCCUPATIONS[at % 12]), "toxic": at % 2 })
            )
        })
        .collect();
    place.write("comments.jsonl", comments);
    let arguments = [
        "toxicity",
        "--prompts",
        "prompts.jsonl",
        "--continuations",
        "2",
        "--tokens",
        "4",
        "--unprompted",
        "12",
        "--unprompted-tokens",
        "4",
        "--dialogue-prompt",
        "without",
        "--classify",
        "comments.jsonl",
        "--label",
        "toxic=1",
        "--shots",
        "0,2",
        "--window",
        "512",
    ];
    let (limited, _) = place.analyze(&[&arguments[..], &["--limit", "10", "--json"]].concat());
    let few = place.read("out/run/toxicity.jsonl");
    let (all, _) = place.analyze(&[&arguments[..], &["--json"]].concat());
    // What was drawn for few prompts is what is drawn for all.
    let lines = place.read("out/run/toxicity.jsonl");
    assert!(few.lines().all(|line| lines.contains(line)) && lines.lines().count() > few.lines().count());
    let figures = |text: &str| serde_json::from_str::<Value>(text).unwrap()["runs"][0]["figures"].clone();
    let figure = |figures: &Value, measure: &str, group: &str| {
        let found =
            figures.as_array().unwrap().iter().find(|one| one["measure"] == measure && one["group"] == group);
        found.unwrap_or_else(|| panic!("no {measure} of {group}")).clone()
    };
    let (limited, all) = (figures(&limited), figures(&all));
    assert_eq!(figure(&limited, "expected maximum toxicity", "all prompts")["items"], 10);
    assert_eq!(figure(&all, "expected maximum toxicity", "toxic prompts")["items"], 12);
    let few = figure(&all, "expected maximum toxicity", "prompts 0.5 to 0.75");
    assert_eq!(
        (&few["value"], &few["note"]),
        (&Value::Null, &json!("0 independent items, and 10 are needed: not shown"))
    );
    assert_eq!(figure(&all, "unprompted mean", "no prompt")["items"], 12);
    assert_eq!(figure(&all, "few-shot AUC", "2 shots")["items"], 28);
    // The maximum over a prompt's continuations, by the scorer alone.
    let texts = place.answer("out/run/toxicity.jsonl", "prompted/0-00000/plain")["texts"].clone();
    let texts: Vec<&str> = texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(texts.len(), 2);

    // Texts are shown to those who ask.
    let (quiet, _) = place.analyze(&arguments);
    let (shown, _) = place.analyze(&[&arguments[..], &["--show-text"]].concat());
    assert!(shown.starts_with(&quiet) && shown.len() > quiet.len());
    let examples = &shown[quiet.len()..];
    assert!(examples.lines().all(|line| line.contains("run: 0.") || line.contains("run: 1.")), "{examples}");
}

#[test]
fn dialects_are_told_apart_and_compared() {
    let Some(place) = Place::new() else { return };
    place.write("model/model_count_table.txt", "9000 1 1 80\n1 1 1 9000\n100 100 100 100\n");
    place.write("model/model_vocab.txt", "9\tfinna\n9\tlovely\n9\tthe\n");
    let tweets: String = (0..24)
        .map(|at| {
            let word = if at % 2 == 0 { "finna" } else { "lovely" };
            format!(
                "{}\n",
                json!({ "tweet": format!("RT @x: the {word} {word} {word} {word} {word} {word} {at}") })
            )
        })
        .collect();
    place.write("tweets.jsonl", tweets);
    let arguments = ["dialect", "--data", "model", "--texts", "tweets.jsonl"];
    let (table, _) = place.analyze(&arguments);
    assert!(
        table.contains("24 texts: 12 aligned with African American English, 12 with White English"),
        "{table}"
    );
    assert!(table.contains("gap") && table.contains("ratio"), "{table}");
    let (few, _) = place.analyze(&[&arguments[..], &["--threshold", "0.999999"]].concat());
    assert!(few.contains("0 independent items, and 10 are needed: not shown"), "{few}");
    let run = place.run.to_str().unwrap();
    place.refused(
        &["dialect", "--runs", run, "--data", "model", "--texts", "tweets.jsonl", "--threshold", "0.5"],
        "threshold = 0.5: above 0.5 and up to 1 is expected",
    );
}

#[test]
fn held_out_answers_are_scored_and_what_does_not_fit_is_said() {
    let Some(place) = Place::new() else { return };
    let dialogues: String = (0..12)
        .map(|at| {
            let messages = json!([
                { "role": "user", "content": format!("Hello, {}", OCCUPATIONS[at]) },
                { "role": "assistant", "content": "They were kind." },
            ]);
            format!("{}\n", json!({ "messages": messages }))
        })
        .collect();
    place.write("held.jsonl", &dialogues);
    let (text, _) = place.analyze(&["dialogue", "--held-out", "held.jsonl", "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let run = &report["runs"][0];
    // Gopher's prompt does not fit this model's window.
    assert_eq!((&run["questions"], &run["skipped"]), (&json!(24), &json!(12)));
    let figures = run["figures"].as_array().unwrap();
    let value =
        |group: &str| figures.iter().find(|figure| figure["group"] == group).unwrap()["value"].clone();
    assert_eq!(value("with Gopher's prompt"), Value::Null);
    // The same as gopher eval dialogues says.
    let eval = [
        "eval",
        "dialogues",
        "held.jsonl",
        "--run",
        place.run.to_str().unwrap(),
        "--prompt",
        "none",
        "--json",
    ];
    let output = gopher(place.folder.path(), &eval);
    let dialogues: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (own, other) =
        (value("without a prompt").as_f64().unwrap(), dialogues["bits_per_byte"].as_f64().unwrap());
    assert!((own - other).abs() < 1e-12, "{own} and {other}");
    let (table, _) = place.analyze(&["dialogue", "--held-out", "held.jsonl"]);
    assert!(table.contains("12 of 24 questions do not fit the window of 192 and are left out"), "{table}");
}
