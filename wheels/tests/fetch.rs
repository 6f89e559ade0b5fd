//! What `wheels::fetch` promises, shown with a small wheel made here and a stand-in for `python3 -m pip`.
#![cfg(unix)]

#[path = "../../tests/running/mod.rs"]
mod running;

use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use running::Start;
use sha2::{Digest, Sha256};
use wheels::{Cache, Error, Pin, PinnedFile, Platform, Progress, Stage, fetch, installed, verify};
use zip::write::SimpleFileOptions;

const PLUGIN: &[u8] = b"not really a shared object";

/// A cache, a wheel that pip would deliver, and an interpreter that behaves as told.
struct Setting {
    folder: tempfile::TempDir,
    cache: Cache,
    pin: Pin,
}

impl Setting {
    /// pip delivers the wheel.
    fn new() -> Setting {
        Setting::with_wheel(&[("tiny/plugin.so", PLUGIN), ("tiny/data/read me.txt", b"hello")])
    }

    fn with_wheel(entries: &[(&str, &[u8])]) -> Setting {
        let folder = tempfile::tempdir().unwrap();
        let setting = Setting::at(folder, &wheel(entries));
        setting.pip_does(&format!(
            "cp '{}' \"$destination/{}\"",
            setting.wheel().display(),
            setting.pin.wheel
        ));
        setting
    }

    fn at(folder: tempfile::TempDir, wheel: &[u8]) -> Setting {
        let path = folder.path();
        fs::write(path.join("wheel"), wheel).unwrap();
        let interpreter = path.join("python3");
        // A link rather than a fresh copy: a file another thread has open for writing cannot be executed.
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_python.sh"), &interpreter).unwrap();
        let cache = Cache::at(path.join("cache")).python(interpreter);
        let pin = pin(wheel);
        Setting { folder, cache, pin }
    }

    fn wheel(&self) -> PathBuf {
        self.folder.path().join("wheel")
    }

    fn pip_does(&self, script: &str) {
        fs::write(self.folder.path().join("behaviour"), script).unwrap();
    }

    fn pip_says(&self, errors: &str) {
        self.pip_does(&format!("cat >&2 <<'END'\n{errors}\nEND\nexit 1"));
    }

    fn pip_calls(&self) -> usize {
        fs::read_to_string(self.folder.path().join("calls")).map_or(0, |text| text.lines().count())
    }

    fn fetch(&self) -> Result<PathBuf, Error> {
        fetch(&self.pin, &self.cache, &mut |_| {})
    }

    /// The error's message, with this test's folder shown as `~`.
    fn error(&self) -> String {
        let error = self.fetch().expect_err("the fetch should have failed");
        error.to_string().replace(self.folder.path().to_str().unwrap(), "~").replace(self.pin.sha256, "SHA")
    }

    fn lay_by_hand(&self, wheel: &[u8]) {
        fs::create_dir_all(self.cache.wheels_folder()).unwrap();
        fs::write(self.cache.wheels_folder().join(self.pin.wheel), wheel).unwrap();
    }

    fn leftovers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache.wheels_folder().join("partial"));
        entries.map_or(Vec::new(), |entries| entries.flatten().map(|entry| entry.path()).collect())
    }

    #[track_caller]
    fn check_contents(&self, folder: &Path) {
        assert_eq!(fs::read(folder.join("tiny/plugin.so")).unwrap(), PLUGIN);
        assert_eq!(fs::read(folder.join("tiny/data/read me.txt")).unwrap(), b"hello");
        assert_eq!(self.leftovers(), Vec::<PathBuf>::new());
    }
}

fn wheel(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in entries {
        writer.start_file(*name, SimpleFileOptions::default().unix_permissions(0o744)).unwrap();
        writer.write_all(contents).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn sha256(bytes: &[u8]) -> &'static str {
    String::leak(format!("{:x}", Sha256::digest(bytes)))
}

fn pin(wheel: &[u8]) -> Pin {
    let file = PinnedFile { path: "tiny/plugin.so", sha256: sha256(PLUGIN), size: PLUGIN.len() as u64 };
    Pin {
        name: "tiny",
        version: "1.0",
        wheel: "tiny-1.0-cp311-cp311-manylinux_2_27_x86_64.manylinux2014_x86_64.whl",
        sha256: sha256(wheel),
        size: wheel.len() as u64,
        files: Box::leak(Box::new([file])),
        platform: Platform::Any,
        licence: "MIT",
        purpose: "tests",
        instead: "name a plugin with --plugin FILE",
    }
}

#[test]
fn a_wheel_is_downloaded_once_and_then_served_from_the_cache() {
    let setting = Setting::new();
    assert!(installed(&setting.pin, &setting.cache).unwrap().is_none());

    let mut stages = Vec::new();
    let mut note = |Progress { name, version, stage }| {
        assert_eq!((name, version), ("tiny", "1.0"));
        stages.push(stage);
    };
    let folder = fetch(&setting.pin, &setting.cache, &mut note).unwrap();
    setting.check_contents(&folder);
    let (size, total) = (setting.pin.size, PLUGIN.len() as u64 + 5);
    stages.dedup_by_key(|stage| std::mem::discriminant(stage));
    assert_eq!(stages[0], Stage::Downloading { received: 0, total: size });
    assert_eq!(stages[1], Stage::Verifying);
    assert_eq!(stages[2], Stage::Unpacking { written: PLUGIN.len() as u64, total });
    assert_eq!(stages[3], Stage::Installed);

    let mut reports = 0;
    let again = fetch(&setting.pin, &setting.cache, &mut |_| reports += 1).unwrap();
    assert_eq!((again, reports, setting.pip_calls()), (folder.clone(), 0, 1));
    assert_eq!(verify(&setting.pin, &setting.cache).unwrap(), Some(folder));
}

#[test]
fn pip_is_asked_for_exactly_the_pinned_file() {
    let setting = Setting::new();
    let seen = setting.folder.path().join("requirements");
    setting.pip_does(&format!("cp \"$requirements\" '{}'; exit 1", seen.display()));
    setting.fetch().unwrap_err();
    assert_eq!(
        fs::read_to_string(seen).unwrap(),
        format!("tiny==1.0 --hash=sha256:{}\n", setting.pin.sha256)
    );
    let arguments = fs::read_to_string(setting.folder.path().join("calls")).unwrap();
    for expected in [
        "-m pip download --no-deps --only-binary=:all: --require-hashes",
        "--platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64",
        "--implementation cp --python-version 311 --abi cp311",
    ] {
        assert!(arguments.contains(expected), "{expected} in {arguments}");
    }
}

#[test]
fn the_bytes_received_are_reported_while_pip_downloads() {
    let setting = Setting::new();
    let script = format!(
        "mkdir \"$TMPDIR/pip-unpack\"; sleep 0.4; head -c 10 '{0}' > \"$TMPDIR/pip-unpack/x.whl\"; sleep 0.4; cp '{0}' \"$destination/x.whl\"",
        setting.wheel().display()
    );
    setting.pip_does(&script);
    let mut received = Vec::new();
    let folder = fetch(&setting.pin, &setting.cache, &mut |progress| {
        if let Stage::Downloading { received: bytes, .. } = progress.stage {
            received.push(bytes);
        }
    })
    .unwrap();
    setting.check_contents(&folder);
    // Each once, however long it stays the same: `gopher eval fetch` would say that it begins again and again.
    assert_eq!(received[..2], [0, 10]);
    assert!(received.windows(2).all(|pair| pair[0] < pair[1]), "{received:?}");
    assert!(received.iter().all(|&bytes| bytes <= setting.pin.size), "{received:?}");
}

#[test]
fn executables_stay_executable() {
    let setting = Setting::new();
    let folder = setting.fetch().unwrap();
    let mode = fs::metadata(folder.join("tiny/plugin.so")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn a_wheel_laid_by_hand_needs_no_python_and_no_network() {
    let setting = Setting::new();
    setting.lay_by_hand(&fs::read(setting.wheel()).unwrap());
    let cache = setting.cache.clone().python("/nonexistent/python3").offline(true);
    let folder = fetch(&setting.pin, &cache, &mut |_| {}).unwrap();
    setting.check_contents(&folder);
    assert!(cache.wheels_folder().join(setting.pin.wheel).exists(), "the user's own file stays");
}

#[test]
fn a_wheel_laid_by_hand_with_another_hash_is_refused() {
    let setting = Setting::new();
    setting.lay_by_hand(b"hello");
    assert_eq!(
        setting.error(),
        format!(
            "~/cache/wheels/{} is not the pinned file: expected sha256 SHA, got \
             2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824; remove it and try again, or name a \
             plugin with --plugin FILE",
            setting.pin.wheel
        )
    );
    assert_eq!(setting.pip_calls(), 0);
}

#[test]
fn what_pip_delivers_is_hashed_again() {
    let setting = Setting::new();
    setting.pip_does("echo hello > \"$destination/x.whl\"");
    assert!(matches!(setting.fetch(), Err(Error::WrongHash { .. })));
    assert!(installed(&setting.pin, &setting.cache).unwrap().is_none());
    assert_eq!(setting.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_main_file_with_another_hash_is_refused() {
    let setting = Setting::with_wheel(&[("tiny/plugin.so", b"something else")]);
    assert!(
        matches!(setting.fetch(), Err(Error::WrongHash { file, .. }) if file.ends_with("tiny/plugin.so"))
    );
    let setting = Setting::with_wheel(&[("tiny/other.so", PLUGIN)]);
    assert!(setting.error().ends_with("it does not hold tiny/plugin.so"), "{}", setting.error());
}

#[test]
fn a_file_changed_in_the_cache_is_refused_and_named() {
    let setting = Setting::new();
    let plugin = setting.fetch().unwrap().join("tiny/plugin.so");
    fs::write(&plugin, b"tampered with!").unwrap();
    let message = setting.error();
    assert!(message.contains("tiny/plugin.so is not the pinned file"), "{message}");
    assert!(
        message.contains("it was changed after it was fetched: remove ~/cache/wheels/unpacked/tiny-1.0-")
    );
    assert_eq!(setting.pip_calls(), 1, "an error, not a silent replacement");
}

#[test]
fn a_touched_file_with_the_right_contents_is_accepted() {
    let setting = Setting::new();
    let plugin = setting.fetch().unwrap().join("tiny/plugin.so");
    fs::write(&plugin, PLUGIN).unwrap();
    setting.fetch().unwrap();
    assert_eq!(setting.pip_calls(), 1);
}

#[test]
fn a_change_that_keeps_size_and_time_is_found_by_verify() {
    let setting = Setting::new();
    let plugin = setting.fetch().unwrap().join("tiny/plugin.so");
    let modified = fs::metadata(&plugin).unwrap().modified().unwrap();
    fs::write(&plugin, [0; PLUGIN.len()]).unwrap();
    fs::File::options().write(true).open(&plugin).unwrap().set_modified(modified).unwrap();
    assert!(matches!(verify(&setting.pin, &setting.cache), Err(Error::WrongHash { .. })));
}

#[test]
fn a_file_that_is_gone_is_fetched_again() {
    let setting = Setting::new();
    let folder = setting.fetch().unwrap();
    fs::remove_file(folder.join("tiny/data/read me.txt")).unwrap();
    setting.check_contents(&setting.fetch().unwrap());
    assert_eq!(setting.pip_calls(), 2);
}

#[test]
fn a_folder_without_a_whole_record_is_not_taken_for_good() {
    let setting = Setting::new();
    let folder = setting.fetch().unwrap();
    let record = folder.join(".installed");
    let text = fs::read_to_string(&record).unwrap();
    for torn in [&text[..text.len() / 2], ""] {
        fs::write(&record, torn).unwrap();
        assert!(installed(&setting.pin, &setting.cache).unwrap().is_none());
    }
    setting.check_contents(&setting.fetch().unwrap());
}

#[test]
fn unsafe_archives_are_refused() {
    for name in ["../escape", "/tmp/escape", ".installed", "a/../../escape"] {
        let setting = Setting::with_wheel(&[("tiny/plugin.so", PLUGIN), (name, b"x")]);
        let message = setting.error();
        assert!(message.contains(&format!("unsafe entry name {name:?}")), "{message}");
        assert_eq!(setting.leftovers(), Vec::<PathBuf>::new());
    }
    let setting = Setting::at(tempfile::tempdir().unwrap(), b"not a zip archive");
    setting.lay_by_hand(b"not a zip archive");
    assert!(matches!(setting.fetch(), Err(Error::Archive { .. })));
}

#[test]
fn offline_refuses_to_call_pip() {
    let setting = Setting::new();
    let cache = setting.cache.clone().offline(true);
    let error = fetch(&setting.pin, &cache, &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }));
    assert!(error.to_string().contains("GOPHER_OFFLINE"), "{error}");
    assert_eq!(setting.pip_calls(), 0);
}

#[test]
fn no_python_names_the_interpreter_and_the_way_out() {
    let mut setting = Setting::new();
    setting.cache = setting.cache.clone().python("/nonexistent/python3");
    let wheel = setting.pin.wheel;
    assert_eq!(
        setting.error(),
        format!(
            "cannot fetch {wheel}: there is no `/nonexistent/python3` to run pip with (No such file or directory (os \
             error 2)); install python3 with pip, or copy {wheel} (from `python3 -m pip download --no-deps tiny==1.0` \
             on a machine with a network) to ~/cache/wheels, or name a plugin with --plugin FILE"
        )
    );
}

/// `pip` prints `errors` and fails; the error has the variant's name and contains `part`.
#[track_caller]
fn check_pip_failure(errors: &str, variant: &str, part: &str) {
    let setting = Setting::new();
    setting.pip_says(errors);
    let error = setting.fetch().unwrap_err();
    assert!(format!("{error:?}").starts_with(variant), "{error:?}");
    assert!(error.to_string().contains(part), "{error}");
    assert!(installed(&setting.pin, &setting.cache).unwrap().is_none());
    assert_eq!(setting.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn pip_failures_are_told_apart() {
    check_pip_failure("/usr/bin/python3: No module named pip", "NoPip", "-m ensurepip");
    check_pip_failure(
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<x>: Failed to establish \
         a new connection: [Errno 111] Connection refused')': /tiny/\n\
         ERROR: Could not find a version that satisfies the requirement tiny==1.0\n\
         ERROR: No matching distribution found for tiny==1.0",
        "NoNetwork",
        "(pip: Failed to establish a new connection: [Errno 111] Connection refused); check the network, or copy",
    );
    check_pip_failure(
        "WARNING: Retrying after connection broken by 'ProxyError('Cannot connect to proxy.')': /tiny/",
        "NoNetwork",
        "(pip: Retrying after connection broken by 'ProxyError('Cannot connect to proxy.')': /tiny/)",
    );
    check_pip_failure(
        "ERROR: Could not find a version that satisfies the requirement tiny==1.0 (from versions: none)\n\
         ERROR: No matching distribution found for tiny==1.0\n\nNOTICE: update pip",
        "Pip",
        "pip failed (No matching distribution found for tiny==1.0); copy tiny-1.0",
    );
    check_pip_failure(
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    tiny==1.0:\n        \
         Expected sha256 aaaa\n             Got        bbbb",
        "WrongHash",
        "got bbbb; the package index offers a different file",
    );
    check_pip_failure(
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "DiskFull",
        "GOPHER_CACHE",
    );
    check_pip_failure("", "Pip", "pip failed (exit status: 1)");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let mut setting = Setting::new();
    fs::write(setting.folder.path().join("file"), "").unwrap();
    setting.cache = Cache::at(setting.folder.path().join("file/cache"));
    let message = setting.error();
    assert!(message.starts_with("cannot write to the cache at ~/file/cache/wheels/locks"), "{message}");
}

#[test]
fn a_read_only_cache_that_holds_the_wheel_serves_it() {
    let setting = Setting::new();
    let folder = setting.fetch().unwrap();
    // Nothing below may be written: even as root, a file in the place of a folder cannot be.
    let wheels = setting.cache.wheels_folder();
    for name in ["locks", "partial"] {
        fs::remove_dir_all(wheels.join(name)).unwrap();
        fs::write(wheels.join(name), "").unwrap();
    }
    assert_eq!(setting.fetch().unwrap(), folder);
}

#[test]
fn many_at_once_fetch_once() {
    let setting = Setting::new();
    let wheel = setting.wheel();
    setting.pip_does(&format!("sleep 0.3; cp '{}' \"$destination/x.whl\"", wheel.display()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| setting.check_contents_of_fetch());
        }
    });
    assert_eq!(setting.pip_calls(), 1);
}

impl Setting {
    fn check_contents_of_fetch(&self) {
        self.check_contents(&self.fetch().unwrap());
    }
}

const CHILD: &str = "WHEELS_TEST_CHILD";

/// Not a test of its own: the process that the next test kills.
#[test]
fn child_that_fetches_until_killed() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let pin = pin(&fs::read(folder.join("wheel")).unwrap());
    let cache = Cache::at(folder.join("cache")).python(folder.join("python3"));
    let _ = fetch(&pin, &cache, &mut |_| {});
    panic!("the fetch should not have ended");
}

#[test]
fn a_process_killed_while_fetching_leaves_nothing_in_the_way() {
    let setting = Setting::new();
    let good = fs::read_to_string(setting.folder.path().join("behaviour")).unwrap();
    let started = setting.folder.path().join("started");
    setting.pip_does(&format!(
        "echo half > \"$destination/half.whl\"; touch '{}'; sleep 3; exit 1",
        started.display()
    ));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child_that_fetches_until_killed", "--exact"])
        .env(CHILD, setting.folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .start();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !started.exists() {
        assert!(Instant::now() < deadline, "the child never called pip");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(setting.leftovers().len(), 1, "killed before it could tidy up");

    setting.pip_does(&good);
    setting.check_contents(&setting.fetch().unwrap());
}
