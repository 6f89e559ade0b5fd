//! Real processes, the stores they meet in (that of process 0, and a server on loopback), and the fake plugin.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use graph::{DType, Mesh, MeshAxis, TensorType};
use hosts::{Coordinator, Facts, Given, Group, Identity, Patience, RedisStore};
use runtime::{DeviceKind, DeviceLayout, HostArray, KeyValueStore, Runtime, RuntimeOptions};
use store::checkpoint::{
    Checkpoint, Dtype, Region, Snapshot, SnapshotPiece, SnapshotTensor, save_with_peers,
};

use crate::checkpoints::description;
use crate::common::build;
use crate::memory::each;
use crate::patience;
use crate::server::{Server, free_port};

/// A process of a group: this test program, started again for [`process_of_a_group`] alone.
struct Process(Child);

impl Process {
    fn start(store: &str, plugin: &Path, index: usize, role: &str) -> Process {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stores::process_of_a_group", "--nocapture", "--test-threads=1"])
            .env("GOPHER_COORDINATOR", store)
            .env("GOPHER_PROCESSES", "2")
            .env("GOPHER_PROCESS_ID", index.to_string())
            .env("TEST_PLUGIN", plugin)
            .env("TEST_CHECKPOINTS", plugin.with_file_name("checkpoints"))
            .env("TEST_ROLE", role)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Process(child.unwrap())
    }

    /// Waits until the process prints a line that starts so.
    fn wait_for(&mut self, start: &str) {
        let mut lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(start)), "the process ended before `{start}`");
    }

    /// The lines that begin with `> ` among those it printed from now on, without that.
    fn end(mut self) -> Vec<String> {
        let mut text = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        self.0.wait().unwrap();
        text.lines().filter_map(|line| Some(line.split_once("> ")?.1.to_owned())).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test by itself: one process of a group, which says what it sees.
#[test]
fn process_of_a_group() {
    let Ok(role) = std::env::var("TEST_ROLE") else { return };
    let plugin = PathBuf::from(std::env::var_os("TEST_PLUGIN").unwrap());
    let identity = Identity::find(&Given::default(), |name| std::env::var(name).ok()).unwrap().unwrap();
    let on_loss = |error| {
        println!("> lost: {error}");
        std::process::exit(1);
    };
    let group = Group::join(&identity, Path::new("/runs/a"), patience(), on_loss).unwrap();
    group.agree("configuration", &Facts::from([("seed".to_owned(), "1".to_owned())])).unwrap();
    println!("> joined");
    if role == "waits before the plugin" {
        std::thread::sleep(Duration::from_secs(60));
    }
    let options = RuntimeOptions {
        plugin: Some(plugin),
        processes: Some(group.processes()),
        ..RuntimeOptions::default()
    };
    let runtime = match Runtime::find_with(DeviceKind::Cuda, &options) {
        Ok(runtime) => runtime.unwrap(),
        Err(error) => return println!("> error: {error}"),
    };
    let ids: Vec<_> = runtime.devices().iter().map(|device| device.id()).collect();
    let own: Vec<_> = (0..ids.len()).filter(|&number| runtime.is_addressable(number)).collect();
    println!("> devices {ids:?}, own {own:?}");

    // Eight rows of one number, the row's, over all devices.
    let mesh = Mesh { axes: vec![MeshAxis { name: "data".to_owned(), size: 4 }] };
    let layout = DeviceLayout::new(&mesh, vec![vec!["data".to_owned()]]).unwrap();
    let rows = runtime.upload_parts::<runtime::Error>(&TensorType::new(DType::I32, [8]), &layout, |ranges| {
        let rows: Vec<i32> = ranges[0].clone().map(|row| row as i32).collect();
        Ok(HostArray::from_slice(&rows, &[rows.len()])?)
    });
    let rows = rows.unwrap();
    let mut pieces = Vec::new();
    for part in rows.owned_parts().unwrap() {
        let data = part.shard.to_host().unwrap();
        println!("> part {:?} {:?}", part.ranges, data.as_slice::<i32>().unwrap());
        let region = Region { offset: vec![part.ranges[0].start], shape: vec![part.ranges[0].len()] };
        pieces.push(SnapshotPiece { region, data });
    }
    let (name, shape, split) = ("rows".into(), vec![8], rows.layout().split().clone());
    let tensors = vec![SnapshotTensor { name, dtype: Dtype::I32, shape, split, pieces }];
    let checkpoints = PathBuf::from(std::env::var_os("TEST_CHECKPOINTS").unwrap());
    let snapshot = Snapshot { mesh: Vec::new(), tensors };
    save_with_peers(&checkpoints, &description(1), &snapshot, &*group.peers()).unwrap();
    println!("> saved");
    if role == "waits at the end" {
        std::thread::sleep(Duration::from_secs(60));
    }
    group.exchange("end", "").unwrap();
    group.finish();
}

/// The address of a store that process 0 holds, and that of a server if there is one.
fn stores(server: Option<&Server>) -> Vec<String> {
    [format!("127.0.0.1:{}", free_port())].into_iter().chain(server.map(Server::url)).collect()
}

fn fake_plugin() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let library = build(folder.path(), &[]);
    (folder, library)
}

#[test]
fn two_processes_meet_in_the_store_share_their_devices_and_save_together() {
    let server = Server::start(&[]);
    let (_folder, plugin) = fake_plugin();
    // Twice in each: what the first start left in the store does not disturb the second.
    for store in stores(server.as_ref()).into_iter().flat_map(|store| [store.clone(), store]) {
        let processes = [0, 1].map(|index| Process::start(&store, &plugin, index, ""));
        let [first, second] = processes.map(Process::end);
        assert_eq!(first[..2], ["joined", "devices [0, 1, 2, 3], own [0, 1]"]);
        assert_eq!(second[..2], ["joined", "devices [0, 1, 2, 3], own [2, 3]"]);
        assert_eq!(first[2..], ["part [0..2] [0, 1]", "part [2..4] [2, 3]", "saved"]);
        assert_eq!(second[2..], ["part [4..6] [4, 5]", "part [6..8] [6, 7]", "saved"]);
        let checkpoint = Checkpoint::open(&plugin.with_file_name("checkpoints/step-00000001")).unwrap();
        let rows: Vec<u8> = (0..8i32).flat_map(i32::to_le_bytes).collect();
        assert_eq!(checkpoint.read_whole("rows").unwrap(), rows);
        assert_eq!(checkpoint.manifest().processes, 2);
        drop(checkpoint);
    }
}

#[test]
fn when_one_process_is_killed_the_other_ends_with_a_clear_error() {
    let server = Server::start(&[]);
    let (_folder, plugin) = fake_plugin();
    // While the other waits for it inside the plugin, and while both train.
    let cases = [
        ("waits before the plugin", "> joined", 1),
        ("waits at the end", "> saved", 1),
        ("waits at the end", "> saved", 0),
    ];
    for (store, (role, until, killed)) in
        stores(server.as_ref()).iter().flat_map(|store| cases.map(|case| (store, case)))
    {
        let other = 1 - killed;
        let waits = |index| if index == killed || until == "> saved" { role } else { "" };
        let mut processes = [0, 1].map(|index| Process::start(store, &plugin, index, waits(index)));
        processes[killed].wait_for(until);
        processes[other].wait_for(until);
        let began = Instant::now();
        processes[killed].0.kill().unwrap();
        let [first, second] = processes;
        let lines = if other == 0 { first.end() } else { second.end() };
        let last = lines.last().cloned().unwrap_or_default();
        let expected = match killed == 0 && !store.starts_with("redis:") {
            true => "process 0, which holds the store, has not answered for 1 s".to_owned(),
            false => format!(
                "process {killed} has shown no sign of life for 1 s: it was killed, or its host is gone"
            ),
        };
        assert!(last.contains(&expected), "{role}: {lines:?}");
        // It is silent for 1.5 s before it is taken for lost; the plugin would have waited for 10 s.
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    }
}

#[test]
fn a_store_that_is_not_there_or_does_not_let_us_in_is_named_without_the_password() {
    let check = |url: &str, password: Option<&str>, expected: &str| {
        let coordinator = Coordinator::parse(url, password).unwrap();
        let error = match RedisStore::connect(&coordinator) {
            Err(error) => error.to_string(),
            Ok(_) => "connected".to_owned(),
        };
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    };
    let port = free_port();
    check(
        &format!("redis://:secret@127.0.0.1:{port}"),
        None,
        &format!("the store at redis://127.0.0.1:{port}: Connection refused"),
    );
    check("redis://no-such-host.invalid", None, "the store at redis://no-such-host.invalid:6379: ");
    let Some(server) = Server::start(&["--requirepass", "secret"]) else { return };
    let (url, port) = (server.url(), server.port);
    check(
        &url,
        None,
        &format!("the store at {url}: it wants a password; put it into the address or into GOPHER_"),
    );
    check(&url, Some("secret-2"), &format!("the store at {url}: it refuses the user or the password"));
    check(
        &format!("redis://me:secret@127.0.0.1:{port}"),
        None,
        &format!("the store at {url}: it refuses the user"),
    );
    check(&url, Some("secret"), "connected");
    check(&format!("redis://:secret@127.0.0.1:{port}"), None, "connected");
}

#[test]
fn a_store_that_was_restarted_is_found_again() {
    let Some(server) = Server::start(&[]) else { return };
    let port = server.port;
    let store = RedisStore::connect(&Coordinator::parse(&server.url(), None).unwrap()).unwrap();
    store.put(b"key", b"a\0b").unwrap();
    assert_eq!(store.try_get(b"key").unwrap().as_deref(), Some(&b"a\0b"[..]));
    drop(server);
    assert!(store.try_get(b"key").unwrap_err().to_string().contains("Connection refused"));
    let Some(_server) = Server::start_on(port, &[]) else { return };
    assert_eq!(store.try_get(b"key").unwrap(), None);
    store.put(b"key", b"").unwrap();
    assert_eq!(store.try_get(b"key").unwrap().as_deref(), Some(&b""[..]));
}

#[test]
fn a_process_that_does_not_come_is_named() {
    let server = Server::start(&[]);
    for store in stores(server.as_ref()) {
        let coordinator = Coordinator::parse(&store, None).unwrap();
        let identity = Identity { count: 2, index: 0, coordinator };
        let patience = Patience { arrival: Duration::from_millis(1100), ..patience() };
        let error = Group::join(&identity, Path::new("/runs/a"), patience, |_| {}).unwrap_err().to_string();
        assert!(
            error.starts_with("process 0 of 2: process 1 has not come as far as `start` within 1 s"),
            "{store}: {error}"
        );
    }
}

#[test]
fn two_hundred_processes_meet_in_seconds_and_ask_about_a_step_in_milliseconds() {
    let Some(server) = Server::start(&[]) else { return };
    let (count, began) = (200, Instant::now());
    let slow = Patience { sign: Duration::from_secs(5), loss: Duration::from_secs(60), ..patience() };
    let groups = each(count, |index| {
        let coordinator = Coordinator::parse(&server.url(), None).unwrap();
        let group = Group::join(&Identity { count, index, coordinator }, Path::new("/runs/a"), slow, |_| {});
        group.unwrap()
    });
    let joined = began.elapsed();
    each(count, |index| groups[index].agree("plan", &Facts::from([("seed".into(), "1".into())])).unwrap());
    let agreed = began.elapsed() - joined;
    let stopping = groups[1].stopping();
    let asked = Instant::now();
    for _ in 0..100 {
        assert!(!stopping.should_stop(&|| false));
    }
    let asked = asked.elapsed() / 100;
    eprintln!(
        "{count} processes joined in {joined:?}, agreed in {agreed:?}; a question about a step took {asked:?}"
    );
    assert!(joined < Duration::from_secs(20) && agreed < Duration::from_secs(20), "{joined:?} {agreed:?}");
    assert!(asked < Duration::from_millis(20), "{asked:?}");
}
