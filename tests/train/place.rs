//! Runs the program on a small model and a small text, in folders of its own.

#[path = "../running/mod.rs"]
pub mod running;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use graph::testing::size;
use runtime::QUICK_FLAGS;
use serde_json::Value;
use sharding::DeviceKind;
use tempfile::TempDir;
use xla_sys::locate::Locator;

/// A model that compiles and trains in about a second.
pub const TINY: [&str; 10] = [
    "model.layers=1",
    "model.heads=2",
    "model.key_value_size=8",
    "model.d_model=16",
    "model.vocabulary_size=330",
    "training.batch=2",
    "training.sequence_length=32",
    "training.validation_every=2",
    "training.validation_batches=2",
    "schedule.warmup_steps=2",
];

/// The file of a checkpoint's tensors.
pub const SHARD: &str = "shard-00000-of-00001.safetensors";

pub const TEXT: &str = "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer\n\
    The slings and arrows of outrageous fortune, Or to take arms against a sea of troubles\n";

/// `TEXT` over and over, with letters at random here and there: a batch with some of these has a high loss.
pub fn noisy_text() -> String {
    let mut word = 1u64;
    let mut letter = || {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b"bcdfghjkpqvwxz"[(word >> 40) as usize % 14])
    };
    let mut noise = || (0..60).map(|_| letter()).collect::<String>() + "\n";
    (0..8).map(|_| TEXT.repeat(7) + &noise()).collect()
}

/// The CPU plugin, if it is on this machine.
pub fn plugin() -> Option<&'static Path> {
    static PLUGIN: OnceLock<Option<PathBuf>> = OnceLock::new();
    let plugin = PLUGIN.get_or_init(|| {
        let found = Locator::from_environment().find(DeviceKind::Cpu, None).unwrap();
        if found.is_none() {
            eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
        }
        found.map(|located| located.path)
    });
    plugin.as_deref()
}

/// A folder with a text, and the program to be run in it.
pub struct Place {
    pub folder: TempDir,
    cache: TempDir,
    plugin: PathBuf,
    /// Of XLA: with some it compiles in less time, which is most of what a run of `TINY` takes.
    flags: String,
}

impl Place {
    /// `None` without a plugin.
    pub fn new() -> Option<Place> {
        let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place = Place { folder, cache, plugin: plugin()?.to_owned(), flags: QUICK_FLAGS.join(" ") };
        place.write("text.txt", TEXT.repeat(60));
        // What one test compiled another need not, though each has a cache of its own.
        let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
        fs::create_dir_all(&programs).unwrap();
        fs::create_dir(place.cache()).unwrap();
        std::os::unix::fs::symlink(programs, place.cache().join("programs")).unwrap();
        Some(place)
    }

    /// The same with programs compiled as a user's are, if tests run at full size: for what is said of their numbers.
    pub fn optimised(self) -> Place {
        Place { flags: size::either(self.flags, String::new()), ..self }
    }

    /// A folder with a run `whole` besides: of 24 steps, saved after every third. It is trained once, and copied from memory.
    pub fn with_whole() -> Option<Place> {
        static FILES: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
        let place = Place::new()?;
        let files = FILES.get_or_init(|| {
            let trained = Place::new().unwrap();
            trained.trained(&["--run", "whole", "--steps", "24", "--set", "training.checkpoint_every=3"]);
            files_below(trained.folder.path(), Path::new("whole"))
        });
        for (name, bytes) in files {
            let path = place.folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        Some(place)
    }

    /// The cache of this place.
    pub fn cache(&self) -> PathBuf {
        self.cache.path().join("cache")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program, in this folder, with a cache of its own and no network, and programs compiled quickly.
    pub fn gopher(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.args(arguments).current_dir(self.folder.path());
        command.env("GOPHER_CPU_PLUGIN", &self.plugin);
        command.env("GOPHER_CACHE", self.cache()).env("GOPHER_OFFLINE", "1");
        command.env("XLA_FLAGS", &self.flags);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `gopher train`, of a tiny model on `text.txt` unless `arguments` say otherwise.
    pub fn train_command(&self, arguments: &[&str]) -> Command {
        let mut all = vec!["train"];
        TINY.iter().for_each(|set| all.extend(["--set", set]));
        if !arguments.contains(&"--data") {
            all.extend(["--data", "text.txt"]);
        }
        all.extend(arguments);
        self.gopher(&all)
    }

    pub fn train(&self, arguments: &[&str]) -> Output {
        self.train_command(arguments).output().unwrap()
    }

    /// The summary of a training that succeeds.
    #[track_caller]
    pub fn trained(&self, arguments: &[&str]) -> Value {
        let output = self.train(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A training that ends with `code` and one line that begins with `error: ` and holds all `parts`; the line.
    #[track_caller]
    pub fn check_error(&self, arguments: &[&str], code: i32, parts: &[&str]) -> String {
        check_error(&self.train(arguments), code, parts)
    }

    /// The numbers of `metrics.jsonl` that do not depend on the clock, line by line.
    pub fn curve(&self, run: &str) -> Vec<[Value; 5]> {
        let keys = ["step", "loss", "learning_rate", "grad_norm", "validation_loss"];
        let number = |record: &Value, key: &str| record.get(key).cloned().unwrap_or(Value::Null);
        self.metrics(run).iter().map(|record| keys.map(|key| number(record, key))).collect()
    }

    /// Changes a bit of a file.
    pub fn flip(&self, name: &str, byte: usize) {
        let mut bytes = fs::read(self.path(name)).unwrap();
        let length = bytes.len();
        bytes[byte % length] ^= 1 << (byte % 7);
        self.write(name, bytes);
    }

    /// What `metrics.jsonl` of a run holds.
    pub fn metrics(&self, run: &str) -> Vec<Value> {
        let text = self.read(&format!("{run}/metrics.jsonl"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Lines of `events.jsonl` of a run that are of one kind.
    pub fn events(&self, run: &str, kind: &str) -> Vec<Value> {
        let text = self.read(&format!("{run}/events.jsonl"));
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["event"] == kind).collect()
    }

    /// The tensors of a checkpoint as they lie in its file.
    pub fn state(&self, run: &str, step: u64) -> Vec<u8> {
        fs::read(self.path(&format!("{run}/checkpoints/step-{step:08}/{SHARD}"))).unwrap()
    }

    /// Names in a folder, sorted; none if there is no folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// The files of a folder and those below it, by their names from `root` on, with their contents.
fn files_below(root: &Path, folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap);
    let names = entries.map(|entry| folder.join(entry.file_name()));
    names
        .flat_map(|name| match root.join(&name) {
            path if path.is_dir() => files_below(root, &name),
            path => vec![(name, fs::read(path).unwrap())],
        })
        .collect()
}

/// An error is the last line of what was said; before it may stand what was being done.
#[track_caller]
pub fn check_error(output: &Output, code: i32, parts: &[&str]) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    let error = text.lines().last().unwrap_or_default();
    assert!(error.starts_with("error: "), "{text}");
    assert_eq!(text.matches("error: ").count(), 1, "{text}");
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {text}");
    }
    assert!(!text.contains("panicked") && output.stdout.is_empty(), "{text}");
    error.to_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Sends a signal.
pub fn signal(child: &Child, name: &str) {
    let kill = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(kill.success());
}

/// Waits until a file has some lines with a certain part.
pub fn wait_for_lines(file: &Path, part: &str, count: usize) {
    let start = Instant::now();
    let lines =
        || fs::read_to_string(file).map_or(0, |text| text.lines().filter(|line| line.contains(part)).count());
    while lines() < count {
        assert!(start.elapsed() < Duration::from_secs(180), "{}: not {count} lines {part:?}", file.display());
        thread::sleep(Duration::from_millis(2));
    }
}
