//! Values of wrong types in the files that users write or bring: each reader names the file, the key, the value and what is
//! expected, and says nothing of the program's own types.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

/// Words of a parser that speaks to those who wrote the program.
const FOREIGN: [&str; 16] = [
    "usize",
    "u32",
    "u64",
    "i64",
    "i128",
    "struct",
    "untagged",
    "invalid type",
    "invalid value",
    "invalid length",
    "a map",
    "a sequence",
    "visitor",
    "wire type",
    "Protobuf",
    "expected value",
];

const CONFIG: &str = r#"{"model_type": "llama", "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1,
    "intermediate_size": 8, "vocab_size": 16}"#;

const TOKENIZER: &str = r#"{"added_tokens": [], "decoder": {"type": "ByteLevel"},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}"#;

const PLAN: &str = r#"{"topology": "cpu:2", "mesh": {"stage": 1, "data": 2, "model": 1}, "stages": 1, "zero": 0,
    "remat": "none", "sequence_sharding": false, "batch": 2, "sequence_length": 32}"#;

const CHIP: &str = "memory_gb = 48\nbf16_tflops = 181\nf32_tflops = 90\nmemory_gb_per_second = 864\n";

/// What is said of a file with such a content, which is refused.
#[track_caller]
fn said(name: &str, content: &str, command: &str) -> String {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    for (beside, content) in
        [("t.txt", "To be"), ("hf/config.json", CONFIG), ("b/config.toml", "name = \"b\"\n")]
    {
        fs::create_dir_all(folder.path().join(beside).parent().unwrap()).unwrap();
        fs::write(folder.path().join(beside), content).unwrap();
    }
    fs::write(&path, content).unwrap();
    let mut gopher = Command::new(env!("CARGO_BIN_EXE_gopher"));
    gopher.args(command.split(' ')).current_dir(&folder).env("GOPHER_CACHE", folder.path().join("cache"));
    let output = gopher.env("GOPHER_OFFLINE", "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{command}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    for foreign in FOREIGN {
        assert!(!said.contains(foreign), "{foreign} of {name}: {said}");
    }
    let shown = name.rsplit('/').next().unwrap();
    assert!(said.contains(shown), "{shown} in {said}");
    said
}

/// Each with a change of the file, and what is said of that.
#[test]
fn values_of_wrong_types_are_named_with_what_is_expected() {
    let safetensors = |header: &str| format!("{}\0\0\0\0\0\0\0{header}", char::from(header.len() as u8));
    let metrics = |line: &str| format!("{line}\n{line}\n");
    let tokenizer = "train --data t.txt --set data.tokenizer=tokenizer.json";
    let plan = "plan --model 44m --topology cpu:2 --plan plan.json";
    let chip = "plan --model 44m --topology gpu:chip.toml:1x1";
    let (import, index) = ("import hf -o new", "hf/model.safetensors.index.json");
    let number = "where a whole number from 0 is expected";
    let cases: Vec<(&str, String, &str, Vec<&str>)> = vec![
        (
            "hf/config.json",
            CONFIG.replace("\"hidden_size\": 8", "\"hidden_size\": \"8\""),
            import,
            vec!["hidden_size = \"8\": not a whole number from 0"],
        ),
        (
            "hf/config.json",
            CONFIG.replace("\"vocab_size\": 16", "\"vocab_size\": -1"),
            import,
            vec!["vocab_size = -1: not a whole number from 0"],
        ),
        (
            "hf/config.json",
            CONFIG.replace('}', ", \"rms_norm_eps\": []}"),
            import,
            vec!["rms_norm_eps = []: not a number"],
        ),
        ("hf/config.json", CONFIG.replace('}', ""), import, vec!["it ends too early", "line 2"]),
        ("hf/config.json", "]".into(), import, vec!["there is no JSON value"]),
        (index, "{\"weight_map\": 3}".into(), import, vec!["weight_map: 3 where an object is expected"]),
        (
            index,
            "{\"weight_map\": {\"a\": 3}}".into(),
            import,
            vec!["weight_map.a: 3 where a string is expected"],
        ),
        (index, "{}".into(), import, vec!["`weight_map` is missing"]),
        ("hf/model.safetensors", safetensors("{\"a\": 3}"), import, vec!["3 where an object is expected"]),
        (
            "hf/model.safetensors",
            safetensors("{\"a\": {\"dtype\": \"F32\", \"shape\": 3}}"),
            import,
            vec!["3 where a list is expected"],
        ),
        ("hf/model.safetensors", safetensors("[x"), import, vec!["a list where an object is expected"]),
        (
            "tokenizer.json",
            TOKENIZER.replace("[\"a b\"]", "3"),
            tokenizer,
            vec!["model.merges: 3 where a list is expected"],
        ),
        (
            "tokenizer.json",
            TOKENIZER.replace("\"a b\"", "3"),
            tokenizer,
            vec!["model.merges[0]: a value of none of the forms that are known"],
        ),
        (
            "tokenizer.json",
            TOKENIZER.replace("\"ab\": 2", "\"ab\": \"2\""),
            tokenizer,
            vec!["model.vocab.ab: a string, \"2\",", number],
        ),
        (
            "tokenizer.json",
            TOKENIZER.replace("\"ab\": 2", "\"ab\": 4294967296"),
            tokenizer,
            vec!["model.vocab.ab: 4294967296"],
        ),
        (
            "tokenizer.json",
            TOKENIZER.replace("[],", "[{\"id\": null, \"content\": \"x\"}],"),
            tokenizer,
            vec!["added_tokens[0].id: null", number],
        ),
        (
            "tokenizer.json",
            TOKENIZER.replace("\"merges\"", "\"megres\""),
            tokenizer,
            vec!["model: `merges` is missing"],
        ),
        (
            "plan.json",
            PLAN.replace("\"data\": 2", "\"data\": \"2\""),
            plan,
            vec!["mesh.data = \"2\": a string", number],
        ),
        ("plan.json", PLAN.replace("\"zero\": 0", "\"zero\": 300"), plan, vec!["zero = 300"]),
        (
            "plan.json",
            PLAN.replace("false", "0"),
            plan,
            vec!["sequence_sharding = 0", "true or false is expected"],
        ),
        ("plan.json", "[]".into(), plan, vec!["not a plan"]),
        (
            "chip.toml",
            CHIP.replace("48", "\"48\""),
            chip,
            vec!["memory_gb = \"48\": expected a number above 0"],
        ),
        (
            "chip.toml",
            CHIP.replace("48", "99999999999999999999"),
            chip,
            vec!["the whole number is too large"],
        ),
        (
            "c.toml",
            "[model]\nlayers = \"3\"\n".into(),
            "train c.toml",
            vec!["model.layers = \"3\"", "a whole number"],
        ),
        (
            "c.toml",
            "[training]\nsteps = -1\n".into(),
            "train c.toml",
            vec!["training.steps = -1", "0 or more"],
        ),
        ("c.toml", "[data]\npaths = 3\n".into(), "train c.toml", vec!["data.paths = 3", "a list of strings"]),
        (
            "c.toml",
            "[schedule]\nmaximum = true\n".into(),
            "train c.toml",
            vec!["schedule.maximum = true", "a number"],
        ),
        (
            "c.toml",
            "[training]\nsteps = 99999999999999999999\n".into(),
            "train c.toml",
            vec!["the whole number is too large", "line 2"],
        ),
        (
            "a/config.toml",
            "x = 99999999999999999999\n".into(),
            "runs compare a b",
            vec!["the whole number is too large"],
        ),
        (
            "b/metrics.jsonl",
            metrics("{\"step\": \"1\"}"),
            "runs compare b b",
            vec!["line 1: ", "step: a string, \"1\",", number],
        ),
        (
            "b/metrics.jsonl",
            metrics("{\"step\": 1, \"tokens\": -1}"),
            "runs compare b b",
            vec!["tokens: -1", number],
        ),
        (
            "b/checkpoints/step-00000001/manifest.json",
            "{\"format_version\": \"3\"}".into(),
            "checkpoint export b x.safetensors",
            vec!["format_version: a string, \"3\",", number],
        ),
        (
            "t.model",
            "hello".into(),
            "train --data t.txt --set data.tokenizer=t.model",
            vec!["not a SentencePiece", "its bytes are no fields of one"],
        ),
    ];
    for (name, content, command, parts) in cases {
        let said = said(name, &content, command);
        for part in parts {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}
