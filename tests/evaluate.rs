//! `gopher eval` on a small model and made-up data in the forms of all distributions, as its users run it.

mod running;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use running::Start;
use runtime::{DeviceKind, Runtime};
use serde_json::Value;
use tempfile::TempDir;

/// Words of many letters in an order that looks random.
fn text() -> String {
    let words = "the of and to in a is that it was for on are as with his they at be this from have or by one had not but \
                 what all were when we there can an your which their said if do will each about how up out them then she \
                 many some so these would other into has more her two like him see time could no make than first been";
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut state = 1u32;
    let mut text = String::new();
    for index in 0..6000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(words[state as usize >> 16 & 63]);
        text.push(if index % 12 == 11 { '\n' } else { ' ' });
    }
    text
}

/// The program, whose programs are compiled in half the time: how quick they are does not matter here.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
    command.env("XLA_FLAGS", "--xla_backend_optimization_level=0");
    command
}

fn gopher(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// The folder of a model of a few steps, `run`, and of an untrained one of the same sizes, `other`; trained once for all
/// tests. `None` without a plugin.
fn models() -> Option<&'static Path> {
    static MODELS: OnceLock<Option<TempDir>> = OnceLock::new();
    let models = MODELS.get_or_init(|| {
        if Runtime::find(DeviceKind::Cpu).unwrap().is_none() {
            eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("text.txt");
        fs::write(&file, text()).unwrap();
        for (name, steps) in [("run", "3"), ("other", "1")] {
            let run = folder.path().join(name);
            let mut arguments = vec![
                "train",
                "--data",
                file.to_str().unwrap(),
                "--run",
                run.to_str().unwrap(),
                "--steps",
                steps,
            ];
            for setting in [
                "model.layers=1",
                "model.heads=2",
                "model.key_value_size=8",
                "model.d_model=16",
                "model.vocabulary_size=320",
                "training.batch=2",
                "training.sequence_length=64",
            ] {
                arguments.extend(["--set", setting]);
            }
            let output = gopher(&arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Some(folder)
    });
    models.as_ref().map(|folder| folder.path())
}

fn data() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tasks/tests/data").display().to_string()
}

/// What `gopher eval` writes, and where.
struct Evaluated {
    folder: PathBuf,
    printed: String,
    said: String,
}

impl Evaluated {
    fn results(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.folder.join("results.json")).unwrap()).unwrap()
    }

    /// The lines of samples.jsonl by task and document.
    fn samples(&self) -> BTreeMap<(String, u64), String> {
        let lines = fs::read_to_string(self.folder.join("samples.jsonl")).unwrap();
        let named = |line: &str| {
            let sample: Value = serde_json::from_str(line).unwrap();
            let task = sample["gopher"]["key"]["task"].as_str().unwrap().to_owned();
            ((task, sample["doc_id"].as_u64().unwrap()), line.to_owned())
        };
        lines.lines().map(named).collect()
    }

    /// The numbers of results.json, without what is of the machine and the day.
    fn numbers(&self) -> Value {
        let mut results = self.results();
        let mut numbers = results["results"].take();
        for task in numbers.as_object_mut().unwrap().values_mut() {
            task.as_object_mut().unwrap().remove("seconds");
        }
        numbers
    }
}

/// Scores the small model, with results in a folder beside it.
#[track_caller]
fn eval(models: &Path, name: &str, arguments: &[&str]) -> Evaluated {
    let folder = models.join(name);
    let (run, data) = (models.join("run"), data());
    let mut all =
        vec!["eval", "--run", run.to_str().unwrap(), "--data", &data, "-o", folder.to_str().unwrap()];
    all.extend(arguments);
    let output = gopher(&all);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{printed}{said}");
    Evaluated { folder, printed, said }
}

/// The one line of an error, and the exit code.
#[track_caller]
fn refused(arguments: &[&str], code: i32) -> String {
    let output = gopher(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{arguments:?}: {said}");
    errors[0].to_owned()
}

#[test]
fn the_suite_is_scored_whatever_the_batch_and_what_is_shared() {
    let Some(models) = models() else { return };
    let all = eval(models, "batch-64", &[]);
    for line in ["language modelling", "reading comprehension", "MMLU", "BIG-bench"] {
        assert!(all.printed.contains(&format!("{line}\n")), "no {line}:\n{}", all.printed);
    }
    let results = all.results();
    let suite = &results["gopher"]["suite"];
    let scored = results["gopher"]["tasks"].as_object().unwrap().len();
    let missing = suite["missing"].as_object().unwrap().len();
    assert_eq!((&suite["name"], suite["tasks"].as_u64()), (&"gopher152".into(), Some(152)));
    assert_eq!(scored + missing, 152);
    // With tasks missing there is no mean of all.
    assert!(all.printed.contains("of 152 tasks of gopher152 scored whole"), "{}", all.printed);
    assert!(all.printed.contains("no mean of all"), "{}", all.printed);
    assert!(results["results"].get("gopher152").is_none());

    for (name, arguments) in
        [("batch-1", &["--batch", "1"][..]), ("batch-8", &["--batch", "8", "--no-reuse"])]
    {
        let again = eval(models, name, arguments);
        assert_eq!(again.samples(), all.samples(), "{name}");
        assert_eq!(again.numbers(), all.numbers(), "{name}");
    }
}

#[test]
fn what_an_evaluation_has_finished_when_it_is_killed_is_kept() {
    let Some(models) = models() else { return };
    let whole = eval(models, "whole", &["--suite", "lm"]);
    let folder = models.join("killed");
    let (run, data) = (models.join("run"), data());
    let arguments = ["eval", "--run", run.to_str().unwrap(), "--data", &data, "-o", folder.to_str().unwrap()];
    let mut child = command().args(arguments).args(["--suite", "lm"]).stderr(Stdio::null()).start();
    let lines = || fs::read_to_string(folder.join("samples.jsonl")).map_or(0, |text| text.lines().count());
    let begin = Instant::now();
    while lines() < 3 && begin.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = lines();
    assert!(kept >= 3, "killed with {kept} documents done");
    // As if it had been killed in the middle of a line.
    let samples = folder.join("samples.jsonl");
    let mut text = fs::read_to_string(&samples).unwrap();
    text.push_str("{\"doc_id\":7,\"doc\":{\"te");
    fs::write(&samples, text).unwrap();
    let resumed = eval(models, "killed", &["--suite", "lm"]);
    assert!(resumed.said.contains("of a document that was being written"), "{}", resumed.said);
    assert_eq!(resumed.samples(), whole.samples());
    assert_eq!(resumed.numbers(), whole.numbers());
    // And nothing is left to do.
    let again = eval(models, "killed", &["--suite", "lm"]);
    assert!(again.said.contains("0 tokens scored"), "{}", again.said);
    assert_eq!(again.numbers(), whole.numbers());
}

#[test]
fn another_models_answers_are_no_ones() {
    let Some(models) = models() else { return };
    let first = eval(models, "first", &["--tasks", "piqa"]);
    let (other, data, folder) = (models.join("other"), data(), first.folder.to_str().unwrap());
    let arguments =
        ["eval", "--run", other.to_str().unwrap(), "--data", &data, "--tasks", "piqa", "-o", folder];
    let error = refused(&arguments, 1);
    assert!(error.contains("holds piqa with") && error.contains("-o DIR"), "{error}");
    let run = models.join("run");
    let same = ["eval", "--run", run.to_str().unwrap(), "--data", &data, "--tasks", "piqa", "-o", folder];
    let error = refused(&[&same[..], &["--protocol", "lm-eval"]].concat(), 1);
    assert!(error.contains("protocol"), "{error}");
}

#[test]
fn two_models_are_compared_document_by_document() {
    let Some(models) = models() else { return };
    let a = eval(models, "a", &["--tasks", "piqa,fever_two_way"]);
    let (other, data, b) = (models.join("other"), data(), models.join("b"));
    let b = b.to_str().unwrap();
    let arguments =
        ["eval", "--run", other.to_str().unwrap(), "--data", &data, "--tasks", "piqa,fever_two_way", "-o", b];
    assert!(gopher(&arguments).status.success());
    let output = gopher(&["eval", "compare", a.folder.to_str().unwrap(), b, "--json"]);
    let comparison: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{comparison}");
    assert_eq!(comparison["tasks"].as_array().map(Vec::len), Some(2), "{comparison}");
}

#[test]
fn a_document_is_explained_with_the_numbers_of_its_sample() {
    let Some(models) = models() else { return };
    let scored = eval(models, "explained", &["--tasks", "hellaswag", "--protocol", "lm-eval"]);
    let sample: Value = serde_json::from_str(scored.samples().values().next().unwrap()).unwrap();
    let (run, data) = (models.join("run"), data());
    let arguments =
        ["eval", "explain", "--run", run.to_str().unwrap(), "--data", &data, "--task", "hellaswag"];
    let arguments = [&arguments[..], &["--protocol", "lm-eval", "--document", "0"]].concat();
    let output = gopher(&[&arguments[..], &["--json"]].concat());
    let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
    let requests = sample["gopher"]["requests"].as_array().unwrap();
    assert_eq!(explained["requests"].as_array().unwrap().len(), requests.len());
    for (shown, request) in explained["requests"].as_array().unwrap().iter().zip(requests) {
        assert_eq!(shown["log_probability"], request["log_probability"]);
        let ids: Vec<&Value> = shown["tokens"].as_array().unwrap().iter().map(|token| &token["id"]).collect();
        assert_eq!(ids, request["continuation_ids"].as_array().unwrap().iter().collect::<Vec<_>>());
        let sum: f64 = shown["tokens"]
            .as_array()
            .unwrap()
            .iter()
            .map(|token| token["log_probability"].as_f64().unwrap())
            .sum();
        assert!((sum - shown["log_probability"].as_f64().unwrap()).abs() < 1e-4);
    }
    let text = String::from_utf8(gopher(&arguments).stdout).unwrap();
    for part in ["⟨end of prompt⟩", "continuation 3", "right: ", "chosen: ", "acc_norm: "] {
        assert!(text.contains(part), "no {part}:\n{text}");
    }
}

#[test]
fn any_text_has_a_perplexity() {
    let Some(models) = models() else { return };
    let (run, folder) = (models.join("run"), tempfile::tempdir().unwrap());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let long: String = text().chars().take(2000).collect();
    let (short, long, empty) =
        (file("short.txt", "the one of them"), file("long", &long), file("empty.txt", ""));
    let measure = |arguments: &[&str]| -> Value {
        let run = run.to_str().unwrap();
        let output = gopher(&[&["eval", "perplexity", "--run", run, "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let both = measure(&[&short, &long]);
    let number = |value: &Value, key: &str| value[key].as_f64().unwrap();
    let (first, second, total) = (&both["files"][0], &both["files"][1], &both["total"]);
    assert_eq!((&first["bytes"], &first["words"], &first["windows"]), (&15.into(), &4.into(), &1.into()));
    assert!(number(second, "windows") > 2.0 && number(second, "bytes") == 2000.0);
    let sum = number(first, "log_probability") + number(second, "log_probability");
    assert_eq!(number(total, "log_probability"), sum);
    let bits = -number(first, "log_probability") / 15.0 / std::f64::consts::LN_2;
    assert!((number(first, "bits_per_byte") - bits).abs() < 1e-12);
    assert!((number(first, "word_perplexity").ln() * 4.0 + number(first, "log_probability")).abs() < 1e-9);
    // A shorter stride gives tokens more context, and scores each of them once all the same.
    let strided = measure(&["--stride", "16", &long]);
    assert_eq!(strided["files"][0]["tokens"], second["tokens"]);
    assert!(number(&strided["files"][0], "windows") > number(second, "windows"));

    let run = run.to_str().unwrap();
    let error = refused(&["eval", "perplexity", "--run", run, &empty], 2);
    assert!(error.contains("empty.txt") && error.contains("empty"), "{error}");
    let error = refused(&["eval", "perplexity", "--run", run, "--stride", "0", &short], 1);
    assert!(error.contains("stride"), "{error}");
}

#[test]
fn users_own_task_files_are_scored() {
    let Some(models) = models() else { return };
    let folder = tempfile::tempdir().unwrap();
    let questions: String = (0..6)
        .map(|i| format!("{{\"question\": \"which one is {i}\", \"choices\": [\"the first\", \"the other\"], \"answer\": {}}}\n", i % 2))
        .collect();
    fs::write(folder.path().join("questions.jsonl"), questions).unwrap();
    let yaml = "task: which\ndataset_path: json\ndataset_kwargs:\n  data_files:\n    test: questions.jsonl\ntest_split: test\n\
                output_type: multiple_choice\ndoc_to_text: \"{{question}}?\"\ndoc_to_choice: choices\ndoc_to_target: answer\n\
                metric_list:\n  - metric: acc\n  - metric: f1\n  - metric: mcc\n  - metric: brier_score\n";
    let path = folder.path().join("which.yaml");
    fs::write(&path, yaml).unwrap();
    let include = folder.path().to_str().unwrap();
    let own = eval(models, "own", &["--include", include, "--shots", "2"]);
    assert!(own.printed.contains("your own tasks\n"), "{}", own.printed);
    let results = own.results();
    assert_eq!(results["n-samples"]["which"]["effective"], 6);
    assert_eq!(results["n-shot"]["which"], 2);
    for metric in ["acc", "f1", "mcc", "brier_score"] {
        let [value, error] =
            ["", "_stderr"].map(|of| results["results"]["which"][format!("{metric}{of},none")].as_f64());
        assert!(value.is_some() && error.is_some(), "{metric}: {}", results["results"]["which"]);
    }
    // No document is its own example.
    for line in own.samples().values() {
        let sample: Value = serde_json::from_str(line).unwrap();
        let prompt = sample["arguments"]["gen_args_0"]["arg_0"].as_str().unwrap();
        let question = sample["doc"]["question"].as_str().unwrap();
        assert_eq!(prompt.matches(question).count(), 1, "{prompt}");
    }

    let run = models.join("run");
    let run = run.to_str().unwrap();
    fs::write(&path, yaml.replace("doc_to_choice", "doc_to_choise")).unwrap();
    let error = refused(&["eval", "--run", run, "--include", include], 1);
    assert!(error.contains("which.yaml") && error.contains("doc_to_choice"), "{error}");
    fs::write(&path, yaml.replace("{{question}}", "{{quest}}")).unwrap();
    let error = refused(&["eval", "--run", run, "--include", include], 1);
    assert!(error.contains("document 0") && error.contains("quest"), "{error}");
}

#[test]
fn the_training_text_is_searched_for_documents() {
    let Some(models) = models() else { return };
    let folder = tempfile::tempdir().unwrap();
    let seen = text().split_whitespace().skip(100).take(20).collect::<Vec<_>>().join(" ");
    let other =
        "words that the model has not read in this order: seen never been one with how up out then she some";
    let documents = format!("{{\"text\": {seen:?}}}\n{{\"text\": {other:?}}}\n{{\"text\": \"too short\"}}\n");
    fs::write(folder.path().join("texts.jsonl"), documents).unwrap();
    let yaml = "task: texts\ndataset_path: json\ndataset_kwargs:\n  data_files:\n    test: texts.jsonl\ntest_split: test\n\
                output_type: loglikelihood_rolling\ndoc_to_text: \"\"\ndoc_to_target: \"{{text}}\"\n\
                metric_list:\n  - metric: bits_per_byte\n";
    fs::write(folder.path().join("texts.yaml"), yaml).unwrap();
    let scored = eval(models, "leaks", &["--include", folder.path().to_str().unwrap(), "--leaks"]);
    let results = scored.results();
    let leak = &results["gopher"]["tasks"]["texts"]["leak"];
    let documents = |part: &str| leak[part]["documents"].as_u64();
    assert_eq!(
        (documents("dirty"), documents("clean"), documents("short")),
        (Some(1), Some(1), Some(1)),
        "{leak}"
    );
    assert!(
        scored.printed.contains("1 of 3 documents share 13 words with the training text"),
        "{}",
        scored.printed
    );
}

/// A plan for training, of which scoring takes the mesh.
fn plan_file(folder: &Path, stage: usize, data: usize, model: usize) -> String {
    let path = folder.join(format!("{stage}x{data}x{model}.json"));
    let mesh = serde_json::json!({ "stage": stage, "data": data, "model": model });
    let plan = serde_json::json!({
        "topology": format!("cpu:{}", stage * data * model), "mesh": mesh, "stages": stage, "microbatches": stage,
        "zero": 1, "remat": "full", "sequence_sharding": false, "batch": 8, "sequence_length": 64,
    });
    fs::write(&path, plan.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn several_devices_give_the_table_of_one() {
    let Some(models) = models() else { return };
    let folder = tempfile::tempdir().unwrap();
    // Choices and a generated answer.
    let tasks = ["--tasks", "piqa,nq_open"];
    let one = eval(models, "one", &tasks);
    let by_default = eval(models, "cpu-4", &[&tasks[..], &["--topology", "cpu:4"]].concat());
    assert_eq!(by_default.printed, one.printed);
    assert!(
        by_default.said.contains("mesh for cpu:4: data 4 x model 1, by default\n"),
        "{}",
        by_default.said
    );
    let split = ["--topology", "cpu:4", "--plan", "data=2,model=2"];
    let given = eval(models, "cpu-2-2", &[&tasks[..], &split].concat());
    assert_eq!(given.printed, one.printed);
    assert!(given.said.contains("mesh for cpu:4: data 2 x model 2, given by --plan\n"), "{}", given.said);
    let arguments = &given.results()["config"]["model_args"];
    assert_eq!((&arguments["topology"], &arguments["plan"]), (&"cpu:4".into(), &"data=2,model=2".into()));

    let file = folder.path().join("text.txt");
    fs::write(&file, text().chars().take(1200).collect::<String>()).unwrap();
    let run = models.join("run");
    let perplexity = |arguments: &[&str]| -> f64 {
        let words = ["eval", "perplexity", file.to_str().unwrap(), "--run", run.to_str().unwrap(), "--json"];
        let output = gopher(&[&words[..], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let measured: Value = serde_json::from_slice(&output.stdout).unwrap();
        measured["total"]["nats_per_token"].as_f64().unwrap()
    };
    let plan = plan_file(folder.path(), 1, 1, 2);
    let difference = perplexity(&["--topology", "cpu:2", "--plan", &plan]) - perplexity(&[]);
    assert!(difference.abs() < 2e-5, "{difference}");
    let (data, run) = (data(), run.to_str().unwrap());
    let explain = ["eval", "explain", "--run", run, "--data", &data, "--task", "piqa", "--document", "0"];
    let output = gopher(&[&explain[..], &["--topology", "cpu:2"]].concat());
    assert!(String::from_utf8_lossy(&output.stderr).contains("mesh for cpu:2: data 2 x model 1"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("chosen: "));
}

#[test]
fn meshes_that_cannot_be_are_refused() {
    let Some(models) = models() else { return };
    let (run, folder) = (models.join("run"), tempfile::tempdir().unwrap());
    let [stages, other] = [(2, 2, 1), (1, 4, 2)].map(|(s, d, m)| plan_file(folder.path(), s, d, m));
    for (arguments, parts) in [
        (&["--plan", "data=2"][..], &["--plan data=2", "--topology"][..]),
        (&["--topology", "cpu:none"], &["--topology `cpu:none`", "cpu:8"]),
        (&["--topology", "gpu:h100:2x8"], &["gpu:h100:2x8", "2 hosts", "one host"]),
        (&["--topology", "cpu:4", "--device", "cuda"], &["--device cuda", "cpu:4 is of kind cpu"]),
        (&["--topology", "cpu:4", "--plan", "data=2"], &["--plan data=2", "is 2 devices, and there are 4"]),
        (&["--topology", "cpu:4", "--plan", "model=4"], &["model = 4", "heads, 2", "can be 1 or 2"]),
        (&["--topology", "cpu:4", "--plan", "stage=2,data=2"], &["no pipeline stages", "data=2,model=2"]),
        (&["--topology", "cpu:4", "--plan", "tensor=4"], &["no axis `tensor`", "data=2,model=2"]),
        (&["--topology", "cpu:4", "--plan", &stages], &[&stages, "no pipeline stages"]),
        (&["--topology", "cpu:4", "--plan", &other], &[&other, "for cpu:8, not cpu:4"]),
        (&["--topology", "cpu:4", "--plan", "nowhere.json"], &["nowhere.json", "cannot read"]),
    ] {
        let words = ["eval", "--run", run.to_str().unwrap(), "--tasks", "piqa"];
        let error = refused(&[&words[..], arguments].concat(), 2);
        for part in parts {
            assert!(error.contains(part), "{arguments:?}: no {part:?} in: {error}");
        }
    }
}

#[test]
fn what_cannot_be_scored_is_named() {
    let Some(models) = models() else { return };
    let run = models.join("run");
    let run = run.to_str().unwrap();
    let data = data();
    let empty = tempfile::tempdir().unwrap();
    let nothing = empty.path().to_str().unwrap();
    for (arguments, code, parts) in [
        (&["eval"][..], 2, &["--run DIR"][..]),
        (&["eval", "--run", run, "--tasks", "pica"], 2, &["no task pica", "piqa"]),
        (&["eval", "--run", run, "--tasks", "hellaswag", "--data", nothing], 1, &["hellaswag", "eval fetch"]),
        (&["eval", "--run", run, "--data", "/nowhere"], 2, &["--data /nowhere"]),
        (&["eval", "--run", nothing], 1, &[nothing]),
        (&["eval", "--run", run, "--include", nothing], 1, &["no task files"]),
        (&["eval", "--run", run, "--batch", "0", "--tasks", "piqa", "--data", &data], 2, &["--batch"]),
        (
            &["eval", "explain", "--run", run, "--data", &data, "--task", "piqa", "--document", "99"],
            2,
            &["piqa has documents 0 to", "99"],
        ),
        (
            &["eval", "explain", "--run", run, "--data", &data, "--task", "lm", "--document", "0"],
            2,
            &["a suite of"],
        ),
        (&["eval", "compare", nothing, nothing], 1, &["results.json"]),
    ] {
        let error = refused(arguments, code);
        for part in parts {
            assert!(error.contains(part), "{arguments:?}: no {part:?} in: {error}");
        }
    }
    let overlong = ["eval", "--run", run, "--data", &data, "--tasks", "multifc", "--window", "16", "-o"];
    let out = empty.path().join("overlong");
    let arguments = [&overlong[..], &[out.to_str().unwrap(), "--overlong", "error"]].concat();
    let error = refused(&arguments, 1);
    assert!(error.contains("multifc: document") && error.contains("16"), "{error}");
    let skipped = eval(models, "skipped", &["--tasks", "multifc", "--window", "16", "--overlong", "skip"]);
    assert!(skipped.said.contains("in ") && skipped.printed.contains("left out"), "{}", skipped.printed);
}
