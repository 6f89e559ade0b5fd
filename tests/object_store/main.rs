//! Checkpoints in an object store, with the built program: the machine is lost with its disk, and the same line typed again.
//!
//! A folder (`file://`) needs nothing. `s3://` and `gs://` are tried against `server.py`, which needs Python 3 and can be made
//! to fail; with `GOPHER_MOTO_PYTHON`, a Python that has `moto[server]`, `s3://` against that as well.

mod damage;
mod data;
mod pipeline;
#[allow(dead_code)]
#[path = "../train/place.rs"]
mod place;
mod rewind;
mod server;
mod trouble;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use place::{Place, SHARD, check_error, stderr};
use serde_json::Value;
use server::Server;

/// The results of a run: its curve, and its tensors' file.
type End = (Vec<[Value; 5]>, Vec<u8>);

/// A place with an uninterrupted run of six steps, which saves after every second.
struct Bench {
    place: Place,
    end: End,
    /// What the program is told of a store.
    environment: Vec<(&'static str, String)>,
}

impl Bench {
    /// `None` without a plugin.
    fn new() -> Option<Bench> {
        static WHOLE: OnceLock<(Vec<u8>, End)> = OnceLock::new();
        let mut bench = Bench { place: Place::new()?, end: Default::default(), environment: Vec::new() };
        let (tokenizer, end) = WHOLE.get_or_init(|| {
            bench.place.trained(&["--run", "first", "--steps", "1"]);
            let tokenizer = bench.place.read_bytes("first/tokenizer.model");
            bench.place.write("tokenizer.model", &tokenizer);
            bench.trained("whole", "", 6);
            (tokenizer, (bench.place.curve("whole"), bench.place.state("whole", 6)))
        });
        bench.place.write("tokenizer.model", tokenizer);
        bench.end = end.clone();
        Some(bench)
    }

    /// With a server whose variables are these.
    fn with(mut self, server: &Server) -> Bench {
        self.environment = server.environment();
        self
    }

    /// The address of a folder.
    fn folder(&self, name: &str) -> String {
        format!("file://{}", self.place.path(name).display())
    }

    fn prepare(&self, mut command: Command) -> Command {
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("GOOGLE_"))
        {
            command.env_remove(name);
        }
        command.env("GOPHER_STORE_TIMEOUT", "3");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn gopher(&self, arguments: &[&str]) -> Command {
        self.prepare(self.place.gopher(arguments))
    }

    /// The line a user types, and types again.
    fn train(&self, run: &str, store: &str, steps: u64) -> Command {
        self.train_with(run, store, steps, &[])
    }

    fn train_with(&self, run: &str, store: &str, steps: u64, more: &[&str]) -> Command {
        let (steps, store) = (steps.to_string(), format!("checkpoint.store={store}"));
        let arguments =
            ["--run", run, "--steps", &steps, "--json", "--set", "data.tokenizer=tokenizer.model"];
        // A learning rate that does not depend on the number of steps, so that a run can end early.
        let rate = "schedule.final_fraction=1.0";
        let sets = ["--set", "training.checkpoint_every=2", "--set", rate, "--set", &store];
        self.prepare(self.place.train_command(&[&arguments[..], &sets[..], more].concat()))
    }

    /// A run of some steps with this store.
    #[track_caller]
    fn trained(&self, run: &str, store: &str, steps: u64) -> String {
        ended(&self.train(run, store, steps).output().unwrap())
    }

    /// A run that ended at step 4, and whose machine is lost.
    #[track_caller]
    fn lost(&self, run: &str, store: &str) {
        self.trained(run, store, 4);
        fs::remove_dir_all(self.place.path(run)).unwrap();
    }

    /// The run is, at its end, the uninterrupted one.
    #[track_caller]
    fn is_whole(&self, run: &str) {
        assert_eq!(self.place.curve(run), self.end.0);
        let steps: Vec<u64> =
            self.place.metrics(run).iter().map(|record| record["step"].as_u64().unwrap()).collect();
        assert!(steps.into_iter().eq(1..=6), "one line for each step");
        assert!(self.place.state(run, 6) == self.end.1, "the states differ");
        let names = self.place.names(&format!("{run}/checkpoints"));
        assert!(names.iter().all(|name| name.starts_with("step-")), "{names:?}");
        let rest = self.place.names(run);
        assert!(!rest.iter().any(|name| name.starts_with(".partial")), "{rest:?}");
    }

    /// Steps of the checkpoints in a store that are whole.
    #[track_caller]
    fn listed(&self, store: &str) -> Vec<u64> {
        let output = self.gopher(&["checkpoint", "ls", store, "--json"]).output().unwrap();
        let rows: Vec<Value> = serde_json::from_str(&ended(&output)).unwrap();
        let complete = rows.iter().filter(|row| row["complete"] == true);
        complete.map(|row| row["step"].as_u64().unwrap()).collect()
    }
}

/// What a command has said that was to end well: on standard output if it says something there.
#[track_caller]
fn ended(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    match output.stdout.first() {
        Some(b'[') => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => stderr(output),
    }
}

/// Saves, loses everything, goes on, and looks at what is in the store then.
fn check_goes_on(bench: &Bench, store: &str) {
    bench.lost("run", store);
    assert_eq!(bench.listed(store), [2, 4]);
    let said = bench.trained("run", store, 6);
    assert!(said.contains(&format!("restored the checkpoint of step 4 from {store}")), "{said}");
    bench.is_whole("run");
    // The events and the start of the first process came along.
    assert_eq!(bench.place.events("run", "begin").len(), 1);
    assert_eq!(bench.place.read("run/starts.jsonl").lines().count(), 2);
    assert_eq!(bench.place.events("run", "upload").last().unwrap()["step"], 6);

    assert_eq!(bench.listed(store), [2, 4, 6]);
    let verified = bench.gopher(&["checkpoint", "verify", store]).output().unwrap();
    assert!(verified.status.success(), "{}", stderr(&verified));
    let checkpoint = format!("{store}/step-00000004");
    let exported = bench.gopher(&["checkpoint", "export", &checkpoint, "out.safetensors", "--optimizer"]);
    ended(&{ exported }.output().unwrap());
    let local = ["checkpoint", "export", "run/checkpoints/step-00000004", "local.safetensors", "--optimizer"];
    ended(&bench.gopher(&local).output().unwrap());
    assert_eq!(bench.place.read_bytes("out.safetensors"), bench.place.read_bytes("local.safetensors"));
    assert!(!bench.place.names(".").iter().any(|name| name.starts_with(".partial")));

    // Nothing is left to do; nothing is uploaded again.
    let said = bench.trained("run", store, 6);
    assert!(said.contains("all 6 steps are done") && !said.contains("uploaded"), "{said}");
}

impl Place {
    fn read_bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}

#[test]
fn a_run_goes_on_from_a_folder_after_its_machine_is_lost() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    check_goes_on(&bench, &store);
    let names = bench.place.names("store/step-00000006");
    let expected = ["config.toml", "manifest.json", "plan.json", "run", SHARD, "tokenizer.model"];
    assert_eq!(names, expected);
}

#[test]
fn a_run_goes_on_from_s3_and_gs_after_its_machine_is_lost() {
    let (Some(bench), Some(server)) = (Bench::new(), Server::start()) else { return };
    let bench = bench.with(&server);
    for scheme in ["s3", "gs"] {
        server.make_bucket(scheme);
        check_goes_on(&bench, &format!("{scheme}://{scheme}/some/run"));
        for left in ["run", "out.safetensors", "local.safetensors"] {
            let path = bench.place.path(left);
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
    }
}

/// With objects that go in several parts.
#[test]
fn a_run_goes_on_from_an_s3_server_that_others_wrote() {
    let (Some(bench), Some(server)) = (Bench::new(), Server::start_moto()) else { return };
    let mut bench = bench.with(&server);
    server.make_bucket("bucket");
    check_goes_on(&bench, "s3://bucket/run");

    // 36 MB of tensors: five parts.
    let large = ["--set", "model.d_model=512", "--set", "model.key_value_size=128"];
    let run = |run: &str, store: &str, steps| {
        ended(&bench.train_with(run, store, steps, &large).output().unwrap());
    };
    run("large", "", 4);
    run("part", "s3://bucket/large", 2);
    fs::remove_dir_all(bench.place.path("part")).unwrap();
    run("part", "s3://bucket/large", 4);
    assert!(bench.place.state("part", 4).len() > 30_000_000);
    assert!(bench.place.state("part", 4) == bench.place.state("large", 4), "the states differ");
    assert_eq!(bench.place.curve("part"), bench.place.curve("large"));

    bench.environment.retain(|(name, _)| !name.contains("ACCESS_KEY"));
    bench.environment.push(("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1".to_owned()));
    let ls = |store: &str| bench.gopher(&["checkpoint", "ls", store]).output().unwrap();
    check_error(&ls("s3://bucket/run"), 1, &["s3://bucket/run: cannot list", "AWS_ACCESS_KEY_ID"]);
}

#[test]
fn the_store_keeps_what_it_is_told_to() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    let keep = ["--set", "checkpoint.store_keep_last=1", "--set", "checkpoint.store_keep_every=4"];
    for (steps, kept) in [(2, &[2][..]), (4, &[4]), (6, &[4, 6])] {
        ended(&bench.train_with("run", &store, steps, &keep).output().unwrap());
        assert_eq!(bench.listed(&store), kept);
    }
    assert_eq!(bench.place.names("store"), ["step-00000004", "step-00000006", "writer.json"]);
    assert_eq!(bench.place.names("run/checkpoints").len(), 3, "the run directory has its own retention");
}

#[test]
fn an_earlier_checkpoint_of_the_store_is_gone_on_from_and_later_ones_are_left_behind() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    bench.trained("run", &store, 6);
    fs::remove_dir_all(bench.place.path("run")).unwrap();
    let address = format!("{store}/step-00000002");
    let said = ended(&bench.train_with("run", &store, 4, &["--resume", &address]).output().unwrap());
    assert!(said.contains("a later checkpoint is now") && said.contains("aside-step-00000006"), "{said}");
    assert_eq!(bench.listed(&store), [2, 4]);
    let aside = bench.place.path("store/aside-step-00000006").join(SHARD);
    assert!(fs::read(aside).unwrap() == bench.end.1, "nothing of it is lost");
    bench.trained("run", &store, 6);
    bench.is_whole("run");
}

#[test]
fn the_run_s_own_folder_of_checkpoints_is_no_store() {
    let Some(bench) = Bench::new() else { return };
    bench.trained("run", "", 4);
    let own = bench.folder("run/checkpoints");
    let output = bench.train("run", &own, 6).output().unwrap();
    check_error(&output, 1, &["the folder of the run's own checkpoints", "--set checkpoint.store=ADDRESS"]);
    assert_eq!(bench.place.names("run/checkpoints"), ["step-00000002", "step-00000004"]);
}

/// All that is left is the address.
#[test]
fn without_a_configuration_file_that_of_the_store_is_taken() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    bench.lost("run", &store);
    let resume = |address: &str| {
        let arguments = ["train", "--run", "run", "--resume", address, "--steps", "6", "--json"];
        bench.gopher(&arguments).output().unwrap()
    };
    check_error(&resume(&format!("{store}/step-00000003")), 1, &["holds no checkpoint of step 3"]);
    check_error(&resume(&bench.folder("nothing")), 1, &["holds no checkpoint: "]);
    assert!(!bench.place.path("run").exists(), "what came to nothing leaves nothing");
    ended(&resume(&store));
    bench.is_whole("run");
    assert_eq!(bench.listed(&store), [2, 4, 6]);

    fs::remove_dir_all(bench.place.path("run")).unwrap();
    bench.place.flip("store/step-00000006/config.toml", 9);
    let said = ended(&resume(&store));
    assert!(said.contains("passing over") && said.contains("step-00000006/config.toml"), "{said}");
    bench.is_whole("run");
}

#[test]
fn a_run_begins_with_a_checkpoint_of_another_that_is_in_a_store() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    bench.trained("run", &store, 4);
    for (name, address) in [("one", store.clone()), ("two", format!("{store}/step-00000004"))] {
        let output = bench.train_with(name, "", 6, &["--resume", &address]).output().unwrap();
        ended(&output);
        assert!(bench.place.state(name, 6) == bench.end.1, "the states differ");
        // Its own begin with that one.
        let own = bench.place.names(&format!("{name}/checkpoints"));
        assert_eq!(own, ["step-00000004", "step-00000006"]);
    }
    let missing = format!("{store}/step-00000003");
    let output = bench.train_with("three", "", 6, &["--resume", &missing]).output().unwrap();
    check_error(&output, 1, &["holds no checkpoint of step 3", "gopher checkpoint ls"]);
    assert!(!bench.place.path("three").exists(), "what came to nothing leaves nothing");
    assert!(Path::new(&bench.place.path("store/step-00000004/manifest.json")).is_file());
}

/// The parameters of a run in a store are enough to begin another, also on a machine that is lost before its first save.
#[test]
fn a_run_begins_with_the_parameters_in_a_store() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    bench.lost("run", &store);
    let own = bench.folder("own");
    let from = ["--from", &store, "--set", "training.seed=9"];
    ended(&bench.train_with("new", &own, 2, &from).output().unwrap());
    let source: Value = serde_json::from_str(&bench.place.read("new/from.json")).unwrap();
    assert_eq!((&source["place"], &source["step"]), (&format!("{store}/step-00000004").into(), &4.into()));
    assert!(bench.place.names("new/checkpoints").iter().all(|name| name.starts_with("step-")));
    let list = bench.gopher(&["checkpoint", "ls", &own, "--json"]).output().unwrap();
    let rows: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(rows[0]["from"], source);
    // The machine is lost; the same line typed again goes on.
    let curve = bench.place.curve("new");
    fs::remove_dir_all(bench.place.path("new")).unwrap();
    ended(&bench.train_with("new", &own, 4, &from).output().unwrap());
    assert_eq!(bench.place.curve("new")[..2], curve);
    assert_eq!(serde_json::from_str::<Value>(&bench.place.read("new/from.json")).unwrap(), source);
    let other = format!("{store}/step-00000003");
    let output = bench.train_with("three", "", 2, &["--from", &other]).output().unwrap();
    check_error(&output, 1, &["holds no checkpoint of step 3"]);
    assert!(!bench.place.path("three").exists());
}

#[test]
fn a_store_that_holds_another_run_is_refused() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    bench.trained("run", &store, 2);
    let with = |run: &str, more: &[&str]| bench.train_with(run, &store, 4, more).output().unwrap();
    let seed = ["--set", "training.seed=7"];
    check_error(&with("new", &seed), 1, &["training.seed is 7", "was started with"]);
    check_error(&with("new", &["--resume", "never"]), 1, &[&store, "holds checkpoints already"]);
    assert!(!bench.place.path("new").exists(), "what came to nothing leaves nothing");
    // Another text is known only when the checkpoint is there: it goes again, so that the corrected line works.
    let text = bench.place.read("text.txt");
    bench.place.write("text.txt", text.replace('e', "i"));
    check_error(&with("new", &[]), 1, &["text"]);
    assert!(!bench.place.path("new").exists(), "what came to nothing leaves nothing");
    bench.place.write("text.txt", text);
    // A run that is there already.
    let other = bench.train_with("other", "", 2, &seed).output().unwrap();
    ended(&other);
    check_error(&with("other", &seed), 1, &[&store, "the checkpoints of another run than"]);
    // One that differs in what may change, such as the learning rate, and has all else in common.
    ended(&bench.train_with("fork", "", 1, &[]).output().unwrap());
    let metrics = bench.place.read("fork/metrics.jsonl");
    check_error(&with("fork", &[]), 1, &[&store, "the checkpoints of another run than"]);
    assert_eq!(bench.place.read("fork/metrics.jsonl"), metrics);
    assert_eq!(bench.listed(&store), [2]);
}
