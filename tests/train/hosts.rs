//! `gopher train` as two processes that meet in a real store on loopback, with the fake plugin for their devices: up to the
//! compiler, which the fake plugin does not have.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::json;

use crate::fake::build;
use crate::place::running::{Running, Start};
use crate::place::{Place, TINY, check_error, stderr};
use crate::server::{Server, free_port};

/// Options of a machine of two hosts with two devices each.
const MACHINE: [&str; 8] =
    ["--run", "run", "--device", "cuda", "--plugin", "fake_plugin.so", "--topology", "gpu:h100:2x2"];

impl Place {
    fn with_fake_plugin() -> Option<Place> {
        let place = Place::new()?;
        build(place.folder.path(), &[]);
        std::fs::create_dir(place.path("temporary")).unwrap();
        Some(place)
    }

    /// A process of two. What it writes for nobody goes to `temporary`.
    fn process(&self, url: &str, index: &str, arguments: &[&str]) -> Command {
        let place = ["--processes", "2", "--process-id", index, "--coordinator", url];
        let batch = ["--set", "training.batch=4"];
        let mut command = self.train_command(&[&MACHINE[..], &place, &batch, arguments].concat());
        command.env("TMPDIR", self.path("temporary"));
        command
    }

    fn start(&self, url: &str, index: &str, arguments: &[&str]) -> Running {
        self.process(url, index, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).start()
    }
}

fn ends(processes: [Running; 2]) -> [Output; 2] {
    processes.map(|process| process.wait_with_output().unwrap())
}

#[test]
fn two_processes_get_as_far_as_the_compiler() {
    let Some(place) = Place::with_fake_plugin() else { return };
    let Some(server) = Server::start(&[]) else { return };
    let outputs = ends(["0", "1"].map(|index| place.start(&server.url(), index, &[])));
    let refused = "PJRT_Client_Compile failed with INVALID_ARGUMENT: syntax error";
    for (index, output) in outputs.iter().enumerate() {
        let text = stderr(output);
        for line in [
            &format!("process {index} of 2, waiting for the others at redis://127.0.0.1:"),
            "all processes are there",
            "plan for gpu:h100:2x2",
            "compiling for fake",
        ] {
            assert!(text.contains(line), "{line:?} is not in: {text}");
        }
        check_error(output, 1, &["cannot compile program", refused]);
    }
    // No step was taken: neither has left anything.
    assert!(!place.path("run").exists());
    assert_eq!(place.names("temporary"), [""; 0]);
}

#[test]
fn the_process_that_differs_is_named_by_both_and_nothing_is_begun() {
    let Some(place) = Place::with_fake_plugin() else { return };
    let Some(server) = Server::start(&[]) else { return };
    for (option, expected) in [
        ("training.seed=7", "process 1 differs from the others: training.seed is 7, and 1 there"),
        ("training.steps=8", "process 1 differs from the others: training.steps is 8, and "),
    ] {
        let odd = place.start(&server.url(), "1", &["--set", option]);
        let outputs = ends([place.start(&server.url(), "0", &[]), odd]);
        for output in &outputs {
            check_error(
                output,
                1,
                &[expected, "start all processes with the same program, configuration and plan"],
            );
        }
        assert!(!place.path("run").exists());
    }
}

#[test]
fn another_plan_is_named() {
    let Some(place) = Place::with_fake_plugin() else { return };
    let Some(server) = Server::start(&[]) else { return };
    let plan = |data: usize, model: usize| {
        json!({
            "topology": "gpu:h100:2x2", "mesh": { "stage": 1, "data": data, "model": model }, "stages": 1, "zero": 0,
            "remat": "none", "sequence_sharding": false, "batch": 4, "sequence_length": 32,
        })
        .to_string()
    };
    place.write("a.json", plan(4, 1));
    place.write("b.json", plan(2, 2));
    let start = |index, plan| place.start(&server.url(), index, &["--plan", plan]);
    for output in ends([start("0", "a.json"), start("1", "b.json")]) {
        check_error(
            &output,
            1,
            &[
                "process 1 differs from the others: plan.mesh is {\"stage\":1,\"data\":2,\"model\":2}, and {\"stage\":1,\"data\":4",
            ],
        );
    }
    assert!(!place.path("run").exists());
}

#[test]
fn a_process_that_does_not_come_is_named() {
    let Some(place) = Place::with_fake_plugin() else { return };
    let Some(server) = Server::start(&[]) else { return };
    let began = Instant::now();
    let output = place.process(&server.url(), "0", &["--process-timeout", "1"]).output().unwrap();
    check_error(&output, 1, &["process 0 of 2: process 1 has not come as far as `start` within 1 s"]);
    assert!(began.elapsed().as_secs() < 20);
    let output = place.process(&server.url(), "1", &["--process-timeout", "1"]).output().unwrap();
    check_error(&output, 1, &["process 1 of 2: process 0 has not answered within 1 s"]);
    assert!(!place.path("run").exists());
}

#[test]
fn a_store_that_is_not_there_is_named_without_its_password() {
    let Some(place) = Place::with_fake_plugin() else { return };
    let url = format!("redis://:secret@127.0.0.1:{}", free_port());
    let output = place.process(&url, "0", &["--process-timeout", "1"]).output().unwrap();
    check_error(&output, 1, &["the store at redis://127.0.0.1:", "Connection refused"]);
    assert!(!stderr(&output).contains("secret"), "{}", stderr(&output));
}

#[test]
fn what_several_processes_need_is_wrong_usage_if_it_is_not_said() {
    let Some(place) = Place::new() else { return };
    let check = |arguments: &[&str], expected: &str| {
        check_error(&place.train(arguments), 2, &[expected]);
    };
    let url = ["--coordinator", "redis://store"];
    let two = [&url[..], &["--processes", "2", "--process-id", "0"]].concat();
    let run = [&two[..], &["--run", "run"]].concat();
    check(&["--processes", "2"], "--processes 2: several processes find each other through a store");
    check(&url, "--coordinator redis://store:6379: the number of processes is not known");
    check(&two, "2 processes: name the run directory");
    check(&run, "2 processes: a processor's devices cannot be joined");
    check(&[&run[..], &["--device", "cuda"]].concat(), "2 processes: say with --topology");
    check(&["--coordinator", "http://store"], "--coordinator http://store: expected HOST:PORT of process 0");
    assert!(!place.path("run").exists());
}

#[test]
fn the_batch_script_starts_processes_that_find_each_other_at_the_first() {
    let Some(place) = Place::with_fake_plugin() else { return };
    // Slurm, as far as the script sees it: `srun` starts a process on each of two hosts, which here are one.
    let commands = place.path("commands");
    std::fs::create_dir(&commands).unwrap();
    let gopher = env!("CARGO_BIN_EXE_gopher");
    std::os::unix::fs::symlink(gopher, commands.join("gopher")).unwrap();
    for (name, text) in [
        (
            "srun",
            "while [[ $1 == -* ]]; do shift; done\n\
             for SLURM_PROCID in 0 1; do export SLURM_PROCID; \"$@\" & done\n\
             wait -n || status=$?; wait; exit ${status:-0}\n",
        ),
        ("scontrol", "echo \"scontrol $*\"\n"),
    ] {
        let path = commands.join(name);
        std::fs::write(&path, format!("#!/bin/bash\n{text}")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut config = "data.paths = [\"text.txt\"]\n".to_owned();
    TINY.iter()
        .for_each(|set| config += &format!("{}\n", set.replace("training.batch=2", "training.batch=4")));
    place.write("run.toml", config);
    // What is marked CHANGE, changed.
    let script =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/train.sbatch")).unwrap();
    let script = [
        ("topology=gpu:h100:2x8 ", "topology=gpu:h100:2x2 ".to_owned()),
        ("config=configs/quick-start.toml ", "config=run.toml ".to_owned()),
        ("run=/shared/runs/$SLURM_JOB_NAME ", "run=$PWD/run ".to_owned()),
        ("GOPHER_CACHE=/shared/gopher-cache ", "GOPHER_CACHE=$PWD/cache ".to_owned()),
    ]
    .into_iter()
    .fold(script, |script, (from, to)| {
        assert!(script.contains(from), "{from}");
        script.replace(from, &to)
    });
    place.write("train.sbatch", script);
    let command = place.gopher(&[]);
    let path = std::env::join_paths(
        std::iter::once(commands).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut batch = Command::new("bash");
    batch.arg("train.sbatch").current_dir(place.folder.path()).env("PATH", path.unwrap());
    batch.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    batch.env("GOPHER_CUDA_PLUGIN", place.path("fake_plugin.so")).env("TMPDIR", place.path("temporary"));
    batch.env("SLURM_NTASKS", "2").env("SLURM_JOB_ID", "7").env("SLURM_JOB_NODELIST", "127.0.0.1");
    // Tests run beside each other: a port of its own.
    batch.env("MASTER_PORT", free_port().to_string());
    let output = batch.output().unwrap();
    let (text, said) = (stderr(&output), String::from_utf8_lossy(&output.stdout).into_owned());
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("all processes are there").count(), 2, "{text}");
    assert!(text.contains("compiling for fake"), "{text}");
    assert!(said.contains("scontrol requeue 7"), "{said}");
}
