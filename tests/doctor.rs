//! `gopher doctor` on machines with and without what training needs.

use std::path::Path;
use std::process::{Command, Output};

use runtime::{DeviceKind, Runtime};
use serde_json::Value;

/// A machine whose cache, search path and variables are these alone.
fn doctor(cache: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
    command.arg("doctor").args(arguments).env("GOPHER_CACHE", cache);
    for name in ["GOPHER_CPU_PLUGIN", "GOPHER_OFFLINE"] {
        command.env_remove(name);
    }
    // Whatever accelerators the machine of the tests has.
    command.env("GOPHER_CUDA_PLUGIN", "/none.so").env("GOPHER_TPU_PLUGIN", "/none.so");
    command.envs(variables.iter().copied()).output().unwrap()
}

fn plugin<'a>(report: &'a Value, device: &str) -> &'a Value {
    report["plugins"].as_array().unwrap().iter().find(|plugin| plugin["device"] == device).unwrap()
}

#[track_caller]
fn check_impossible(output: &Output, part: &str) -> Value {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with("error: training is not possible here: "), "{message}");
    assert!(message.contains(part), "{message}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["trains_on"], serde_json::json!([]));
    report
}

#[test]
fn a_machine_that_cannot_fetch_is_told_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let offline = doctor(folder.path(), &[("GOPHER_OFFLINE", "1")], &["--json"]);
    let report = check_impossible(&offline, "there is no cpu plugin on this machine");
    assert_eq!(report["cache"]["offline"], true);
    assert_eq!(plugin(&report, "cpu")["status"], "absent");

    let without_python = doctor(folder.path(), &[("PATH", "")], &["--json"]);
    let report = check_impossible(&without_python, "python3 with pip");
    assert_eq!(report["python"]["version"], Value::Null);
    assert!(report["python"]["remedy"].as_str().unwrap().contains("install python3"));
    assert!(folder.path().read_dir().unwrap().next().is_none(), "looking changes nothing");
}

#[test]
fn a_file_that_is_no_plugin_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.so");
    std::fs::write(&file, "no library").unwrap();
    let file = file.to_str().unwrap();
    let output = doctor(folder.path(), &[("GOPHER_CPU_PLUGIN", file)], &["--json"]);
    let report = check_impossible(&output, file);
    let plugin = plugin(&report, "cpu");
    assert_eq!((&plugin["status"], &plugin["path"]), (&"failed".into(), &file.into()));
    assert_eq!(plugin["found"], "named by GOPHER_CPU_PLUGIN");

    let missing = doctor(folder.path(), &[("GOPHER_CPU_PLUGIN", "/no/such/plugin.so")], &["--json"]);
    check_impossible(&missing, "/no/such/plugin.so");
}

#[test]
fn a_machine_with_a_plugin_can_train() {
    let Some(runtime) = Runtime::find(DeviceKind::Cpu).unwrap() else {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = runtime.plugin_path().to_str().unwrap();
    let variables = [("GOPHER_CPU_PLUGIN", path), ("GOPHER_OFFLINE", "1")];
    let output = doctor(folder.path(), &variables, &["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let plugin = plugin(&report, "cpu");
    assert_eq!(plugin["status"], "ready");
    assert_eq!(plugin["devices"].as_array().unwrap().len(), 1);
    let (major, minor) = runtime.plugin().api_version();
    assert_eq!(plugin["api_version"], serde_json::json!([major, minor]));

    let text = String::from_utf8(doctor(folder.path(), &variables, &[]).stdout).unwrap();
    assert!(text.contains(path) && text.ends_with("training is possible on: cpu\n"), "{text}");
}
