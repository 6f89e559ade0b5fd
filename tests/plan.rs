//! `gopher plan`: what it says, what it refuses, and what a compiler confirms.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use sharding::DeviceKind;
use tempfile::TempDir;
use xla_sys::locate::Locator;

/// A small case: the 44M model on four virtual devices, eight sequences of 128 tokens.
const SMALL: [&str; 9] =
    ["plan", "--model", "44m", "--topology", "cpu:4", "--batch-tokens", "1K", "--sequence-length", "128"];

/// Runs the program with a verification cache of its own, and the plugins of this machine.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// A command that finds no plugin but those named to it.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.args(arguments).env("GOPHER_CACHE", self.folder.path().join("cache"));
        command.env("GOPHER_OFFLINE", "1").env_remove("GOPHER_CPU_PLUGIN").env_remove("GOPHER_TPU_PLUGIN");
        command
    }

    fn gopher(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.gopher(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must fail with this exit code, saying `part` in one line.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], code: i32, part: &str) {
        let output = self.gopher(arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(part) && !message.contains("panicked"), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn json_has_what_is_documented() {
    let report = Place::new().json(&SMALL);
    let plan = &report["plans"][0];
    for key in ["mesh", "zero", "remat", "microbatches", "stages", "sequence_sharding", "rules"] {
        assert!(!plan[key].is_null(), "a plan lacks `{key}`: {plan}");
    }
    let mesh = |axis: &str| plan["mesh"][axis].as_u64().unwrap();
    assert_eq!(mesh("stage") * mesh("data") * mesh("model"), 4);
    for key in ["peak_bytes_per_device", "step_seconds", "tokens_per_second", "mfu"] {
        assert!(plan["predicted"][key].as_f64().unwrap() > 0.0, "{key}: {plan}");
    }
    assert!(plan.get("compiled").is_none(), "nothing was compiled");
    let seconds = |plan: &Value| plan["predicted"]["step_seconds"].as_f64().unwrap();
    let all: Vec<f64> = report["plans"].as_array().unwrap().iter().map(seconds).collect();
    assert!(all.is_sorted(), "best first: {all:?}");
    assert!(report["priced"].as_u64() <= report["candidates"].as_u64());
}

#[test]
fn the_same_question_gets_the_same_answer() {
    let place = Place::new();
    assert_eq!(place.json(&SMALL), place.json(&SMALL));
}

#[test]
fn pins_are_kept_and_wrong_ones_named() {
    let place = Place::new();
    let pins = ["--pin", "stage=2", "--pin", "zero=1", "--pin", "remat=full", "--pin", "microbatches=4"];
    let report = place.json(&[&SMALL[..], &pins].concat());
    for plan in report["plans"].as_array().unwrap() {
        let choices = json!([plan["mesh"]["stage"], plan["zero"], plan["remat"], plan["microbatches"]]);
        assert_eq!(choices, json!([2, 1, "full", 4]));
    }
    let with = |pin| [&SMALL[..], &["--pin", pin]].concat();
    place.refuses(&with("zero=4"), 2, "--pin zero=4: expected 0, 1, 2 or 3");
    place.refuses(&with("tensor=4"), 2, "--pin tensor=4: expected PART=VALUE, with stage, data, model");
    place.refuses(
        &[&with("zero=1")[..], &["--pin", "zero=2"]].concat(),
        2,
        "--pin zero=1 and --pin zero=2: one part, one value",
    );
    place.refuses(&with("model=3"), 1, "no plan with these pins splits 44m over the 4 devices of cpu:4");
    place.refuses(&with("model=3"), 1, "; --pin model=3 is in the way");
    place.refuses(
        &[&with("data=4")[..], &["--pin", "microbatches=4"]].concat(),
        1,
        "; --pin data=4 is in the way; the nearest batch that would do: --batch-tokens 2048 (16 sequences)",
    );
    let odd = SMALL.map(|word| if word == "1K" { "3200" } else { word });
    place.refuses(
        &[&odd[..], &["--pin", "data=4"]].concat(),
        1,
        "--pin data=4 is in the way; the nearest batch that would do: --batch-tokens 3072 (24 sequences) or --batch-tokens \
         3584 (28 sequences)",
    );
}

/// A plan that was written is read, edited by hand or not; inconsistent edits are named.
#[test]
fn plans_as_files() {
    let place = Place::new();
    let file = place.path("plan.json");
    let report = place.json(&[&SMALL[..], &["-o", &file]].concat());
    let again = place.json(&[&SMALL[..], &["--plan", &file]].concat());
    assert_eq!(again["plans"][0], report["plans"][0]);

    let whole = place.path("report.json");
    fs::write(&whole, report.to_string()).unwrap();
    let again = place.json(&[&SMALL[..], &["--plan", &whole]].concat());
    assert_eq!(again["plans"][0], report["plans"][0]);

    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut plan: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        edit(&mut plan);
        let path = place.path("edited.json");
        fs::write(&path, plan.to_string()).unwrap();
        path
    };
    let refuses = |edit: &dyn Fn(&mut Value), part: &str| {
        place.refuses(&[&SMALL[..], &["--plan", &edited(edit)]].concat(), 2, part);
    };
    refuses(&|plan| plan["mesh"]["data"] = json!(3), "stage x data x model is");
    refuses(&|plan| plan["rules"]["weights"]["heads"] = json!(["tensor"]), "the mesh has no axis `tensor`");
    refuses(&|plan| plan["zero"] = json!(9), "plan: zero = 9: it must be 0, 1, 2 or 3");
    refuses(&|plan| plan["mehs"] = json!(1), "unknown field `mehs`");
    // Words of the file, not of the program, with the field that is meant.
    let number = "where a whole number from 0 is expected\n";
    refuses(
        &|plan| plan["batch"] = json!("four"),
        &format!("batch = \"four\": a string, \"four\", {number}"),
    );
    refuses(&|plan| plan["mesh"]["data"] = json!(-1), &format!("mesh.data = -1: -1 {number}"));
    refuses(&|plan| plan["zero"] = json!(null), &format!("zero = null: null {number}"));
    refuses(
        &|plan| plan["mesh"] = json!("2x2"),
        "mesh = \"2x2\": a string, \"2x2\", where an object is expected\n",
    );
    refuses(&|plan| plan["rules"]["weights"] = json!(3), "3 where an object is expected\n");
    refuses(&|plan| drop(plan.as_object_mut().unwrap().remove("mesh")), "not a plan: `mesh` is missing\n");
    refuses(&|plan| *plan = json!([]), "not a plan: a list of 0 where an object is expected\n");
    // What the table shows is what is computed.
    let other_zero = |plan: &mut Value| plan["zero"] = json!(if plan["zero"] == 3 { 0 } else { 3 });
    refuses(&other_zero, "leave `rules` out to have them follow from zero");
    let by_hand = |plan: &mut Value| {
        plan["rules"]["optimizer"] = json!({"heads": ["model"]});
        plan["rules"]["weights"] = json!({"heads": ["model"], "layers": ["stage"]});
    };
    let output = place.gopher(&[&SMALL[..], &["--plan", &edited(&by_hand)]].concat());
    assert!(String::from_utf8_lossy(&output.stdout).contains("by rules"), "{output:?}");
    refuses(&|plan| plan["topology"] = json!("cpu:8"), "the plan is for cpu:8");
    place.refuses(&[&SMALL[..], &["--plan", "a", "--pin", "zero=1"]].concat(), 2, "cannot be used with");
    place.refuses(&[&SMALL[..], &["--explain", "--json"]].concat(), 2, "cannot be used with");
    place.refuses(&[&SMALL[..], &["--verify", "--limit", "0"]].concat(), 2, "--limit");
    place.refuses(&[&SMALL[..], &["-o", "-"]].concat(), 2, "`-` is no file");
    place.refuses(&[&SMALL[..], &["-o", "one", "--svg", "one"]].concat(), 2, "-o and --svg are both one");
    place.refuses(
        &[&SMALL[..], &["--svg", "a/y.png"]].concat(),
        2,
        "what is written is SVG: name it a/y.svg",
    );
    place.refuses(
        &[&SMALL[..], &["-o", "plan.toml"]].concat(),
        2,
        "what is written is JSON: name it plan.json",
    );
    // Both files or none.
    let (one, full) = (place.path("one.json"), "/dev/full");
    let half = |svg: &str, part: &str| {
        place.refuses(&[&SMALL[..], &["-o", &one, "--svg", svg]].concat(), 1, part);
        assert!(!Path::new(&one).exists());
    };
    half("/no/such/folder/x.svg", "cannot write /no/such/folder/x.svg: there is no folder /no/such/folder");
    if Path::new(full).exists() {
        half(full, "cannot write /dev/full");
    }
    place.refuses(&[&SMALL[..], &["--plan", "/no/such/plan.json"]].concat(), 1, "cannot read the plan");
    for text in ["", "{", "[]", "{\"plans\": []}", "\u{0}\u{1}"] {
        fs::write(&file, text).unwrap();
        place.refuses(&[&SMALL[..], &["--plan", &file]].concat(), 2, "not a plan");
    }
}

/// Machines as people name them elsewhere; a plan is for the machine, whatever its name.
#[test]
fn machines_by_other_names() {
    let place = Place::new();
    let file = place.path("plan.json");
    let on = |machine, more: &[&str]| {
        let tokens = ["--batch-tokens", "16K", "--sequence-length", "1024"];
        [&["plan", "--model", "44m", "--topology", machine][..], &tokens, more].concat().join(" ")
    };
    let run = |line: String| place.json(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(run(on("8xh100", &["-o", &file]))["topology"], "gpu:h100:1x8");
    let named = fs::read_to_string(&file).unwrap().replace("gpu:h100:1x8", "H100:8");
    fs::write(&file, named).unwrap();
    assert_eq!(run(on("gpu:h100:1x8", &["--plan", &file]))["plans"][0]["topology"], "gpu:h100:1x8");

    let card = place.path("card.toml");
    fs::write(&card, "memory_gb = 16\nbf16_tflops = 100\nf32_tflops = 25\nmemory_gb_per_second = 500\n")
        .unwrap();
    let machine = format!("gpu:{card}:1x2");
    let report = run(on(&machine, &[]));
    assert_eq!((&report["topology"], &report["devices"]), (&json!(machine), &json!(2)));
    assert_eq!(report["memory_bytes_per_device"], 14_400_000_000u64);

    let refuses = |line: String, code, part: &str| {
        place.refuses(&line.split(' ').collect::<Vec<_>>(), code, part);
    };
    refuses(on("v4-32", &[]), 2, "v4-32 counts cores: tpu:v4:2x2x4");
    refuses(on("gpu:/no/such.toml:8", &[]), 2, "/no/such.toml: cannot be read");
    refuses(on("8xl4", &["--verify"]), 1, "there are descriptions of a100, a100-80g, h100, h200");
}

/// A verification that ends early, here since there is no compiler, does not take the plan with it.
#[test]
fn a_plan_is_written_and_shown_before_it_is_verified() {
    let place = Place::new();
    let (file, picture) = (place.path("plan.json"), place.path("plan.svg"));
    let line = "plan --model 44m --topology tpu:v3:2x2 --batch-tokens 16K --sequence-length 1024 --verify";
    let line: Vec<&str> = line.split(' ').chain(["-o", &file, "--svg", &picture]).collect();
    let output = place.gopher(&line);
    assert_eq!(output.status.code(), Some(1));
    // Nor the table, which is there while the compiler is at work.
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("microbatches") && table.contains("assumptions"), "{table}");
    assert!(fs::read_to_string(&file).unwrap().contains("\"mesh\"") && Path::new(&picture).exists());
}

#[test]
fn the_explanation_says_what_things_cost_and_the_picture_is_one() {
    let place = Place::new();
    let (plan, picture) = (place.path("plan.json"), place.path("plan.svg"));
    place.json(&[&SMALL[..], &["-o", &plan, "--pin", "model=4"]].concat());
    let arguments = [&SMALL[..], &["--explain", "--against", &plan, "--svg", &picture]].concat();
    let output = place.gopher(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "memory of plan 1",
        "parameters",
        "optimizer",
        "time of plan 1",
        "layers/attention",
        "the other plan",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    assert!(fs::read_to_string(picture).unwrap().starts_with("<svg"));
}

#[test]
fn impossible_machines_are_refused_with_the_nearest() {
    let place = Place::new();
    let on = |topology| ["plan", "--model", "44m", "--topology", topology];
    place.refuses(&on("tpu:v3:64x64"), 2, "32x32");
    place.refuses(&on("gpu:h100:1x9"), 2, "1x8");
    place.refuses(&on("cpu:0"), 2, "cpu:");
    place.refuses(&on("tpu:v9:2x2"), 2, "v9");
    place.refuses(&on("abacus"), 2, "abacus");
    place.refuses(
        &[&on("cpu:4")[..], &["--batch-tokens", "1000"]].concat(),
        2,
        "multiple of the sequence length",
    );
    place.refuses(
        &[&on("cpu:4")[..], &["--batch-tokens", "many"]].concat(),
        2,
        "expected a number of tokens",
    );
}

#[test]
fn a_model_that_fits_nowhere_is_told_by_how_much_and_what_would_do() {
    let check = |arguments: &str, parts: &[&str]| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let output = Place::new().gopher(&arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{message}");
        for part in parts {
            assert!(message.contains(part), "no `{part}` in: {message}");
        }
    };
    check(
        "plan --model 1.4b --topology tpu:v2:2x2 --batch-tokens 0.25M --pin zero=0 --pin stage=1 --pin microbatches=8 \
         --pin remat=full --pin sequence-sharding=true --pin model=4",
        &[
            "1.4b does not fit tpu:v2:2x2",
            "more than the 7.48 GiB there are",
            "the smallest v2 machine that would do is tpu:v2:4x4",
        ],
    );
    // Beyond the largest pod there are more slices.
    check(
        "plan --model 280b --topology tpu:v2:16x16 --batch-tokens 1.5M",
        &["280b does not fit", "the smallest v2 machine that would do is tpu:v2:16x16 --slices 2"],
    );
}

#[test]
fn without_a_network_a_missing_compiler_is_one_line() {
    let place = Place::new();
    let tpu =
        ["plan", "--model", "44m", "--topology", "tpu:v3:2x2", "--batch-tokens", "16K", "--pin", "model=1"];
    let tpu = [&tpu[..], &["--pin", "microbatches=1", "--pin", "zero=0", "--verify"]].concat();
    let output =
        place.command(&tpu).env("PATH", "/usr/bin:/bin").env("HOME", place.folder.path()).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("GOPHER_OFFLINE") && message.contains("libtpu"), "{message}");
}

/// A compiler that ends its process takes nothing with it, and the plan it was given is shown.
#[test]
fn a_compiler_that_crashes_is_reported_with_the_plan() {
    let place = Place::new();
    let (source, plugin) = (place.path("crash.c"), place.path("crash.so"));
    fs::write(&source, "#include <stdlib.h>\nvoid *GetPjrtApi(void) { abort(); }\n").unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o", &plugin, &source]).status().unwrap();
    assert!(built.success());
    let arguments = [&SMALL[..], &["--pin", "model=2", "--pin", "zero=0", "--verify"]].concat();
    let output = place.command(&arguments).env("GOPHER_CPU_PLUGIN", &plugin).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    for part in ["plan 1 cannot be verified", "\"model\":2", "it aborted"] {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

/// A compiler that never answers: when time runs out, the report is whole, and says which plan had no verdict.
#[test]
fn a_report_is_whole_when_time_runs_out() {
    let place = Place::new();
    let (source, plugin) = (place.path("sleep.c"), place.path("sleep.so"));
    fs::write(&source, "#include <unistd.h>\nvoid *GetPjrtApi(void) { sleep(600); return 0; }\n").unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o", &plugin, &source]).status().unwrap();
    assert!(built.success());
    let arguments = [&SMALL[..], &["--verify", "--limit", "1", "--json"]].concat();
    let output = place.command(&arguments).env("GOPHER_CPU_PLUGIN", &plugin).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("plan 1 cannot be verified"), "{message}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let plans = report["plans"].as_array().unwrap();
    let verdict = |verdict: &str| plans.iter().filter(|plan| plan["fit"]["verdict"] == verdict).count();
    assert_eq!((verdict("unfinished"), verdict("predicted")), (1, plans.len() - 1), "{report}");
    // What had no verdict is not what is recommended.
    assert_eq!(plans[0]["fit"]["verdict"], "predicted");
    let reason = plans.iter().find_map(|plan| plan["fit"]["reason"].as_str()).unwrap();
    assert!(reason.contains("stopped after 1 s") || reason.contains("stopped after 0 s"), "{reason}");
}

/// The plugin file for a kind of device that is on this machine; none, with a message, if there is none.
fn plugin(kind: DeviceKind) -> Option<String> {
    let located = Locator::from_environment().find(kind, None).unwrap();
    if located.is_none() {
        eprintln!("skipped: no {kind} plugin on this machine; `gopher runtime install {kind}` fetches it");
    }
    located.map(|located| located.path.to_str().unwrap().to_owned())
}

/// Two processes that ask the same question at once both get the answer, and the third is told it at once.
#[test]
fn a_compiler_confirms_a_plan_and_its_verdict_is_kept() {
    let Some(plugin) = plugin(DeviceKind::Cpu) else { return };
    let place = Place::new();
    let pins = [
        "--pin",
        "model=2",
        "--pin",
        "data=2",
        "--pin",
        "zero=1",
        "--pin",
        "remat=full",
        "--pin",
        "microbatches=1",
    ];
    let arguments = [&SMALL[..], &pins, &["--verify", "--json"]].concat();
    let start = || {
        let mut command = place.command(&arguments);
        command.env("GOPHER_CPU_PLUGIN", &plugin).stdout(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    let third = start().wait_with_output().unwrap();
    let compiled = |output: &Output| -> Value {
        assert!(output.status.success());
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["plans"][0]["compiled"].clone()
    };
    let peak = compiled(&both[0])["peak_bytes_per_device"].as_u64().unwrap();
    assert!(peak > 100 << 20, "{peak}");
    assert_eq!(compiled(&both[1])["peak_bytes_per_device"], peak);
    let third = compiled(&third);
    assert_eq!((third["known"].as_bool(), third["peak_bytes_per_device"].as_u64()), (Some(true), Some(peak)));
    let collectives = third["collectives"].as_object().unwrap();
    assert!(collectives.keys().any(|kind| kind.starts_with("all-reduce x 2")), "{collectives:?}");
}

/// After a refusal comes the next plan, and the report has both with the compiler's numbers; the file has the one that
/// was made.
#[test]
fn a_refused_plan_makes_room_for_the_next() {
    let Some(plugin) = plugin(DeviceKind::Cpu) else { return };
    let place = Place::new();
    let file = place.path("plan.json");
    // Plans that differ in their meshes only.
    let pins = ["remat=full", "zero=0", "microbatches=1", "stage=1", "sequence-sharding=false"];
    let pins: Vec<&str> = pins.into_iter().flat_map(|pin| ["--pin", pin]).collect();
    let arguments = [&SMALL[..], &pins, &["--verify", "--json", "-o", &file]].concat();
    let run = || place.command(&arguments).env("GOPHER_CPU_PLUGIN", &plugin).output().unwrap();
    let report = |output: &Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };
    let first = report(&run());
    assert_eq!(first["plans"][0]["fit"]["verdict"], "proven", "{first}");
    // Compilers for CPUs refuse nothing: the kept verdict is changed to a refusal.
    let verdicts = fs::read_dir(place.path("cache/verified")).unwrap().map(|entry| entry.unwrap().path());
    for verdict in verdicts {
        let refused = json!({"refused": {"out_of_memory": {"needed": 6u64 << 30, "available": 4u64 << 30, "message": "no"}}});
        fs::write(verdict, refused.to_string()).unwrap();
    }
    let second = run();
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stderr));
    let second = report(&second);
    let plans = second["plans"].as_array().unwrap();
    assert_eq!((&plans[0]["mesh"], &plans[0]["fit"]["known"]), (&first["plans"][1]["mesh"], &json!(false)));
    assert_eq!(plans[0]["fit"]["verdict"], "proven", "{second}");
    let refused = plans.iter().find(|plan| plan["mesh"] == first["plans"][0]["mesh"]).unwrap();
    let numbers = ["verdict", "needed", "available"].map(|key| refused["fit"][key].clone());
    assert_eq!(numbers, [json!("refused"), json!(6u64 << 30), json!(4u64 << 30)]);
    let written: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(written["mesh"], plans[0]["mesh"]);
    let mut text = arguments.clone();
    text.retain(|word| *word != "--json");
    let output = place.command(&text).env("GOPHER_CPU_PLUGIN", &plugin).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in [
        "plan 1 is refused by the compiler: it does not fit: 6.00 GiB",
        "plan 1 is proven: the compiler needs",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

/// Memory is predicted with an error that is known, and the recommended plan leaves that much room; a faster one that does
/// not is named.
#[test]
fn the_recommended_plan_leaves_room() {
    let place = Place::new();
    let line = "plan --model 7.1b --topology tpu:v3:8x8";
    let line: Vec<&str> = line.split(' ').collect();
    let report = place.json(&line);
    let plans = report["plans"].as_array().unwrap();
    let (best, memory) = (&plans[0], report["memory_bytes_per_device"].as_f64().unwrap());
    let bytes = |plan: &Value| plan["predicted"]["peak_bytes_per_device"].as_f64().unwrap();
    let seconds = |plan: &Value| plan["predicted"]["step_seconds"].as_f64().unwrap();
    assert_eq!(best["fit"]["verdict"], "margin", "{best:.300}");
    let error = best["fit"]["error"]["excess"].as_f64().unwrap();
    assert!(bytes(best) * (1.0 + error) <= memory, "{best}");
    let faster: Vec<&Value> = plans.iter().filter(|plan| seconds(plan) < seconds(best)).collect();
    assert!(!faster.is_empty(), "nothing is doubtful here any more: choose another machine for this test");
    for plan in faster {
        assert_eq!(plan["fit"]["verdict"], "doubtful", "{plan}");
        assert!(bytes(plan) <= memory && bytes(plan) * (1.0 + error) > memory);
    }
    let text = String::from_utf8(place.gopher(&line).stdout).unwrap();
    for part in [
        "plan 1 is chosen with a margin of",
        "faster, and is doubtful: it leaves",
        "--verify has the compiler",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    // Where none leaves room, the best is named as doubtful.
    let pins = ["microbatches=16", "model=4", "remat=none", "zero=2", "sequence-sharding=true"];
    let pins: Vec<&str> = pins.into_iter().flat_map(|pin| ["--pin", pin]).collect();
    let report = place.json(&[&line[..], &pins].concat());
    assert_eq!(report["plans"][0]["fit"]["verdict"], "doubtful");
}

/// The TPU compiler, without a TPU and without waiting for a metadata server.
#[test]
fn the_tpu_compiler_confirms_a_small_plan() {
    let Some(plugin) = plugin(DeviceKind::Tpu) else { return };
    let place = Place::new();
    let arguments = [
        "plan",
        "--model",
        "44m",
        "--topology",
        "tpu:v5e:2x2",
        "--batch-tokens",
        "2K",
        "--sequence-length",
        "256",
        "--pin",
        "model=2",
        "--pin",
        "stage=1",
        "--pin",
        "zero=1",
        "--pin",
        "remat=full",
        "--pin",
        "microbatches=1",
        "--verify",
        "--json",
    ];
    let output = place.command(&arguments).env("GOPHER_TPU_PLUGIN", &plugin).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let plan = &report["plans"][0];
    let error = plan["errors"]["peak_bytes_per_device"].as_f64().unwrap();
    assert!(error.abs() < 0.2, "the memory is predicted {error:+.3} off");
    assert!(plan["compiled"]["step_seconds"].as_f64().unwrap() > 0.0);
    assert!(Path::new(&place.path("cache/verified")).is_dir());
}

/// A model with a name, a configuration, and a run; sizes changed.
#[test]
fn any_model_is_planned() {
    let place = Place::new();
    let toml = "name = \"mine\"\n[model]\nkind = \"llama\"\nlayers = 4\nheads = 8\nkey_value_heads = 4\n[training]\nbatch = 8\n\
        sequence_length = 64\nprecision = \"f32\"\n";
    fs::write(place.path("mine.toml"), toml).unwrap();
    let file = place.path("mine.toml");
    let planned = place.json(&["plan", "--model", &file, "--topology", "cpu:4"]);
    assert_eq!((&planned["batch_tokens"], &planned["sequence_length"]), (&512.into(), &64.into()));
    assert_eq!(planned["model"]["name"], "mine");
    let deeper = place.json(&["plan", "--model", &file, "--set", "model.layers=8", "--topology", "cpu:4"]);
    let parameters = |report: &Value| report["model"]["parameters"].as_u64().unwrap();
    assert!(parameters(&deeper) > parameters(&planned));
    // Four key heads fall into no eight parts; the vocabulary would be padded.
    let eight = ["plan", "--model", &file, "--topology", "cpu:8", "--pin", "model=8"];
    place.refuses(&eight, 1, "no plan with these pins splits mine over the 8 devices");
    place.refuses(&["plan", "--model", "lama-7b", "--topology", "cpu:4"], 2, "did you mean 'llama-7b'?");
    place.refuses(&["plan", "--topology", "cpu:4"], 2, "which model?");
}
