//! `gopher export`: files, signatures, and that what is exported computes the right numbers.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use graph::{DType, Literal, TensorType};
use model::{Architecture, Gopher};
use runtime::{DeviceKind, Runtime};
use serde_json::Value;
use train::step::{StepOptions, train_step};

/// Parameters and Adam's two means of a Gopher.
fn state_count() -> usize {
    let model = Gopher { layers: 1, heads: 1, key_value_size: 1, d_model: 2, vocabulary_size: 1 };
    3 * model.parameters().len()
}

fn export(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gopher"))
        .arg("export")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn exported(arguments: &[&str]) -> (Vec<u8>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let output = export(folder.path(), &[arguments, &["-o", "program"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    let signature = fs::read(folder.path().join("program.signature.json")).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    (fs::read(folder.path().join("program")).unwrap(), serde_json::from_slice(&signature).unwrap())
}

/// The whole command in under a second when optimised; this build is not.
#[test]
fn the_training_step_of_280b_is_small_and_quick() {
    let start = Instant::now();
    let (code, signature) =
        exported(&["--model", "gopher", "--program", "train-step", "--format", "stablehlo", "--batch", "3"]);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(code.len() < 1_000_000, "{} bytes", code.len());
    assert!(String::from_utf8(code).unwrap().starts_with("module @train_step"));
    assert_eq!(signature["model"]["layers"], 80);
    let (inputs, outputs) =
        (signature["inputs"].as_array().unwrap(), signature["outputs"].as_array().unwrap());
    assert_eq!((inputs.len(), outputs.len()), (state_count() + 6, state_count() + 3));
    let query = inputs.iter().find(|input| input["name"] == "parameters/layers/attention/query").unwrap();
    assert_eq!(query["axes"], serde_json::json!(["layers", "embed", "heads", "kv"]));
    assert_eq!(query["shape"], serde_json::json!([80, 16384, 128, 128]));
    assert_eq!(query["dtype"], "f32");
    assert_eq!(query["initializer"], serde_json::json!({"kind": "normal", "standard_deviation": 0.02}));
    let tokens = inputs.iter().find(|input| input["name"] == "tokens").unwrap();
    assert_eq!(
        (&tokens["shape"], &tokens["dtype"], &tokens["initializer"]),
        (&serde_json::json!([3, 2048]), &"i32".into(), &Value::Null)
    );
    for (index, output) in outputs.iter().enumerate() {
        if index < state_count() {
            assert_eq!(output["alias"], index);
            for key in ["name", "axes", "shape", "dtype"] {
                assert_eq!(output[key], inputs[index][key]);
            }
            let moment = output["name"].as_str().unwrap().starts_with("adam/");
            assert!(!moment || inputs[index]["initializer"]["kind"] == "zeros");
        } else {
            assert_eq!(output["alias"], Value::Null);
        }
    }
    let names: Vec<_> =
        outputs[state_count()..].iter().map(|output| output["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["loss", "grad_norm", "applied"]);
}

#[test]
fn every_program_comes_in_every_format() {
    for program in ["forward", "loss", "train-step"] {
        for (format, start) in [("stablehlo", "module @"), ("hlo-text", "HloModule "), ("hlo-proto", "")] {
            let (code, signature) = exported(&[
                "--model",
                "44m",
                "--program",
                program,
                "--format",
                format,
                "--seq",
                "64",
                "--remat",
                "full",
                "--precision",
                "bf16-activations",
            ]);
            assert!(code.starts_with(start.as_bytes()) && !code.is_empty(), "{program} as {format}");
            assert_eq!(signature["program"], program.replace('-', "_"));
            let output = &signature["outputs"][0];
            if program == "forward" {
                assert_eq!(output["axes"], serde_json::json!(["batch", "time", "vocabulary"]));
                assert_eq!(output["shape"], serde_json::json!([1, 64, 32000]));
            }
        }
    }
}

#[test]
fn a_program_on_standard_output_comes_alone_or_with_a_named_signature() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--model", "44m", "--program", "loss", "--format", "hlo-text", "-o", "-"];
    let output = export(folder.path(), &arguments);
    assert!(output.stdout.starts_with(b"HloModule ") && output.stderr.is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let again = export(folder.path(), &[&arguments[..], &["--signature", "list.json"]].concat());
    assert_eq!(again.stdout, output.stdout);
    assert!(folder.path().join("list.json").is_file());
}

/// The program of a plan says how each array is split, and so does its signature; shapes are of whole arrays.
#[test]
fn a_plan_splits_every_program() {
    let folder = tempfile::tempdir().unwrap();
    let plan = serde_json::json!({
        "topology": "cpu:8", "mesh": { "stage": 2, "data": 2, "model": 2 }, "stages": 2, "microbatches": 4,
        "zero": 1, "remat": "full", "sequence_sharding": false, "batch": 8, "sequence_length": 64,
    });
    let path = folder.path().join("plan.json");
    fs::write(&path, plan.to_string()).unwrap();
    let split_in = |program: &str, precision: &str| {
        let plan = ["--topology", "cpu:8", "--plan", path.to_str().unwrap()];
        let of = ["--model", "44m", "--program", program, "--format", "stablehlo", "--precision", precision];
        let (code, signature) = exported(&[&of[..], &plan].concat());
        assert!(String::from_utf8(code).unwrap().contains("sdy.mesh"), "{program}");
        signature
    };
    let split = |program: &str| split_in(program, "f32");
    let step = split("train-step");
    let with_copy = split_in("train-step", "bf16-f32-copy");
    let mesh = [("stage", 2), ("data", 2), ("model", 2)];
    let mesh = mesh.map(|(name, size)| serde_json::json!({ "name": name, "size": size }));
    assert_eq!(step["mesh"], serde_json::json!(mesh));
    assert_eq!(step["plan"]["microbatches"], 4);
    let entry = |signature: &Value, list: &str, name: &str| {
        let list = signature[list].as_array().unwrap();
        list.iter().find(|entry| entry["name"] == name).unwrap().clone()
    };
    let query = entry(&step, "inputs", "adam/m/layers/attention/query");
    assert_eq!(query["shape"], serde_json::json!([8, 512, 16, 32]));
    assert_eq!(query["split"], serde_json::json!([["stage"], ["data"], ["model"], []]));
    assert_eq!(entry(&step, "outputs", "adam/m/layers/attention/query")["split"], query["split"]);
    let tokens = entry(&step, "inputs", "tokens");
    assert_eq!(tokens["shape"], serde_json::json!([4, 2, 64]));
    assert_eq!(tokens["split"], serde_json::json!([[], ["data"], []]));
    let copy = entry(&with_copy, "inputs", "optimizer/float32_copy/layers/attention/query");
    assert_eq!((&copy["split"], &copy["dtype"]), (&query["split"], &"f32".into()));
    let parameter = entry(&with_copy, "inputs", "parameters/layers/attention/query");
    assert_eq!((&copy["initializer"], &parameter["dtype"]), (&parameter["initializer"], &"bf16".into()));
    // The others are of a microbatch.
    let logits = entry(&split("forward"), "outputs", "logits");
    assert_eq!(logits["shape"], serde_json::json!([2, 64, 32000]));
    assert_eq!(logits["split"], serde_json::json!([["data"], [], ["model"]]));
    assert_eq!(entry(&split("loss"), "outputs", "loss")["split"], serde_json::json!([]));
}

/// What `gopher plan` plans for is what is written: 7.1B has bfloat16 parameters on TPUs, in the paper as here.
#[test]
fn a_split_program_has_the_dtypes_that_were_planned_for() {
    let folder = tempfile::tempdir().unwrap();
    let plan = serde_json::json!({
        "topology": "tpu:v3:8x8", "mesh": { "stage": 1, "data": 32, "model": 4 }, "microbatches": 1, "zero": 0,
        "remat": "full", "sequence_sharding": false, "batch": 32, "sequence_length": 64,
    });
    let path = folder.path().join("plan.json");
    fs::write(&path, plan.to_string()).unwrap();
    let of = ["--model", "7.1b", "--program", "train-step", "--format", "stablehlo"];
    let split = ["--topology", "tpu:v3:8x8", "--plan", path.to_str().unwrap()];
    let dtype = |more: &[&str]| {
        let (_, signature) = exported(&[&of, more].concat());
        let inputs = signature["inputs"].as_array().unwrap().clone();
        let query = inputs.iter().find(|entry| entry["name"] == "parameters/layers/attention/query").unwrap();
        query["dtype"].as_str().unwrap().to_owned()
    };
    assert_eq!(dtype(&split), "bf16");
    assert_eq!(dtype(&[&split[..], &["--precision", "f32"]].concat()), "f32");
    assert_eq!(dtype(&[]), "f32");
}

#[test]
fn bad_arguments_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |change: &[&str], code: i32, part: &str| {
        let base = ["--model", "44m", "--program", "loss", "--format", "stablehlo"];
        let output = export(folder.path(), &[&base, change].concat());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{change:?}: {message}");
        assert!(message.contains(part), "{change:?}: {message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{change:?}");
    };
    check(&["-o", "x", "--batch", "0"], 2, "1..=65536");
    check(&["-o", "x", "--seq", "9999999999"], 2, "--seq");
    check(&["-o", "x", "--remat", "query,kye"], 2, "there is no `kye`");
    check(&["-o", "x", "--precision", "f16"], 2, "bf16-activations");
    check(&["-o", "x", "--topology", "cpu:0"], 2, "nearest: cpu:1");
    check(&["-o", "x", "--topology", "cpu:2", "--remat", "full"], 2, "--remat");
    check(&["-o", "x", "--plan", "plan.json"], 2, "--topology");
    check(&["-o", "x", "--topology", "cpu:7", "--batch", "8"], 1, "a batch of 8 sequences");
    let nearest = "the nearest batch that would do: 7 sequences or 14 sequences";
    check(&["-o", "x", "--topology", "cpu:7", "--batch", "8"], 1, nearest);
    check(
        &["-o", "missing/x"],
        1,
        "error: cannot write missing/x.signature.json: there is no folder missing\n",
    );
    // What is written is named as what it is.
    check(&["-o", "x.json"], 2, "-o x.json: what is written is StableHLO text: name it x.mlir");
    check(&["-o", "x.safetensors"], 2, "name it x.mlir");
    check(
        &["-o", "x", "--signature", "x.png"],
        2,
        "--signature x.png: what is written is JSON: name it x.json",
    );
    // No signature of a program that is not there.
    check(&["-o", "x", "--signature", "missing/x.json"], 1, "cannot write missing/x.json");
    check(&["-o", "missing/x", "--signature", "x.json"], 1, "cannot write missing/x");
    if Path::new("/dev/full").exists() {
        check(&["-o", "/dev/full"], 1, "cannot write /dev/full");
        check(&["-o", "/dev/full", "--signature", "x.json"], 1, "cannot write /dev/full");
        assert!(!Path::new("/dev/full.signature.json").exists());
    }
}

#[test]
fn hlo_cannot_say_how_a_program_is_split() {
    let folder = tempfile::tempdir().unwrap();
    let of = ["--model", "44m", "--program", "loss", "--topology", "cpu:2", "-o", "x", "--format"];
    for format in ["hlo-text", "hlo-proto"] {
        let output = export(folder.path(), &[&of[..], &[format]].concat());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("--format stablehlo"), "{message}");
    }
}

/// A whole training step from a state in the middle of training, on the plugin and by the interpreter: parameters,
/// moments, loss and norm to 1e-5 of each tensor's largest number.
#[test]
fn a_training_step_computes_what_the_interpreter_does() {
    let Some(runtime) = Runtime::find(DeviceKind::Cpu).unwrap() else {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
        return;
    };
    let model = Gopher { layers: 2, heads: 3, key_value_size: 5, d_model: 8, vocabulary_size: 11 };
    let options = StepOptions { clip_norm: 0.5, ..StepOptions::new(model, 2, 6) };
    let function = train_step(&options).unwrap();
    let mut word = 1u64;
    let mut number = move || {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (word >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    };
    let mut inputs = Vec::new();
    for kind in 0..3 {
        for spec in options.model.parameters() {
            let ty = TensorType::new(DType::F32, spec.shape);
            let values = (0..ty.elements()).map(|_| number());
            // Means of squares are not negative.
            let values = values.map(|x| if kind == 2 { x.abs() } else { 0.7 * x }).collect();
            inputs.push(Literal::from_floats(ty, values).unwrap());
        }
    }
    inputs.extend([3.0, 0.01, f64::INFINITY, 1.0].map(|value| Literal::scalar(DType::F32, value)));
    for first in [0, 5] {
        let ids = (0..12).map(|index| (first + 7 * index) % 11).collect();
        inputs.push(Literal::from_ints(TensorType::new(DType::I32, [2, 6]), ids).unwrap());
    }
    let expected = graph::interpret(&function, &inputs).unwrap();
    let norm = expected[state_count() + 1].floats().unwrap()[0];
    assert!(norm > 0.5, "gradients of norm {norm} are not clipped, so that clipping is not tested");
    let got = runtime.compile(&function).unwrap().run_literals(&inputs).unwrap();
    for ((got, expected), output) in got.iter().zip(&expected).zip(&function.results) {
        let (got, expected) = (got.floats().unwrap(), expected.floats().unwrap());
        let largest = expected.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() <= 1e-5 * largest, "{}: {got} for {expected}", output.name);
        }
    }
}

/// A configuration as a user writes it.
const LLAMA: &str = "name = \"mine\"\n[model]\nkind = \"llama\"\nlayers = 2\nheads = 4\nkey_value_heads = 2\nkey_value_size = 6\n\
    d_model = 10\nvocabulary_size = 50\n[training]\nbatch = 4\nmicrobatches = 2\nsequence_length = 12\n";

#[test]
fn any_configuration_is_exported_as_it_trains() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    fs::write(&path, LLAMA).unwrap();
    let path = path.to_str().unwrap();
    let shape = |signature: &Value, name: &str| {
        let inputs = signature["inputs"].as_array().unwrap();
        inputs.iter().find(|input| input["name"] == name).unwrap()["shape"].clone()
    };
    let arguments = ["--model", path, "--program", "train-step", "--format", "stablehlo"];
    let (_, signature) = exported(&arguments);
    assert_eq!((&signature["model"]["kind"], &signature["model"]["layers"]), (&"llama".into(), &2.into()));
    assert_eq!(shape(&signature, "parameters/layers/attention/query"), serde_json::json!([2, 10, 2, 2, 6]));
    // Two microbatches of two sequences.
    assert_eq!(shape(&signature, "tokens"), serde_json::json!([2, 2, 12]));
    let (_, signature) =
        exported(&[&arguments[..], &["--set", "model.layers=3", "--seq", "8", "--batch", "1"]].concat());
    assert_eq!(
        (&signature["model"]["layers"], shape(&signature, "tokens")),
        (&3.into(), serde_json::json!([1, 8]))
    );
    // Split over devices that do not divide its vocabulary.
    let split = ["--topology", "cpu:2", "--set", "model.vocabulary_size=51"];
    let (_, signature) = exported(&[&arguments[..], &split].concat());
    let model = signature["plan"]["mesh"]["model"].as_u64().unwrap();
    assert_eq!(
        shape(&signature, "parameters/embedding"),
        serde_json::json!([51u64.next_multiple_of(model), 10])
    );
}

/// The run of an earlier version that is part of the tests: no device is needed.
#[test]
fn a_run_is_exported_with_its_weights() {
    let folder = tempfile::tempdir().unwrap();
    let archive = std::io::Cursor::new(include_bytes!("train/run-of-before-llama.zip"));
    zip::ZipArchive::new(archive).unwrap().extract(folder.path()).unwrap();
    let arguments =
        ["--run", "old", "--program", "forward", "--format", "hlo-text", "-o", "p.hlo", "--weights"];
    let output = export(folder.path(), &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let signature = fs::read(folder.path().join("p.hlo.signature.json")).unwrap();
    let signature: Value = serde_json::from_slice(&signature).unwrap();
    let inputs = signature["inputs"].as_array().unwrap().iter();
    let expected: Vec<_> = inputs
        .filter(|input| input["name"].as_str().unwrap().starts_with("parameters/"))
        .map(|input| (input["name"].as_str().unwrap().to_owned(), input["shape"].clone()))
        .collect();
    let weights = fs::read(folder.path().join("p.hlo.weights.safetensors")).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&weights).unwrap();
    let mut tensors: Vec<_> = header.tensors().into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets.0);
    let got = tensors.into_iter().map(|(name, info)| (name, serde_json::json!(info.shape)));
    assert_eq!(got.collect::<Vec<_>>(), expected);

    let check = |arguments: &[&str], code: i32, part: &str| {
        let all = [arguments, &["--program", "loss", "--format", "stablehlo", "-o", "x"]].concat();
        let output = export(folder.path(), &all);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(part), "{arguments:?}: {message}");
        assert!(!folder.path().join("x").exists() && !folder.path().join("x.signature.json").exists());
    };
    check(
        &["--run", "old", "--weights", "--set", "model.layers=3"],
        2,
        "--weights: only a run has parameters",
    );
    check(&["--model", "44m", "--weights"], 2, "--weights: only a run has parameters");
    check(&["--run", "none"], 1, "none");
    check(&[], 2, "which model?");
    check(&["--model", "lama-7b"], 2, "did you mean 'llama-7b'?");
    check(
        &["--model", "old/config.toml", "--set", "model.rope_base=1"],
        2,
        "it is a key of model.kind = \"llama\"",
    );
    fs::write(folder.path().join("x.weights.safetensors"), "").unwrap();
    check(&["--run", "old", "--weights"], 1, "x.weights.safetensors");
}
