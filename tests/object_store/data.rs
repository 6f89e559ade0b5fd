//! Stages of `gopher data` that read from stores and write to them: the bytes are those of folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::Server;

/// What makes a test short: several shards of little text.
const SMALL: [&str; 4] = ["--shard-mib", "1", "--compare", "none"];

/// A folder of documents, and what a store needs.
pub struct Documents {
    folder: tempfile::TempDir,
    pub environment: Vec<(&'static str, String)>,
}

impl Documents {
    /// Three files, each a shard of its own or more.
    pub fn new() -> Self {
        let documents = Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() };
        for (name, text) in files() {
            documents.write(&format!("docs/{name}"), &text);
        }
        documents
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    pub fn url(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("GOOGLE_"))
        {
            command.env_remove(name);
        }
        command.arg("data").args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("GOPHER_STORE_TIMEOUT", "3");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Filters into `out`, with what is dropped in `why`. What is said.
    #[track_caller]
    fn filter(&self, input: &str, out: &str, why: &str, more: &[&str]) -> String {
        let arguments = ["filter", "--in", input, "--out", out, "--rejected", why, "--work", "room"];
        let output = self.command(&[&arguments[..], &SMALL, more].concat()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
        let left = fs::read_dir(self.path("room")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "it leaves nothing behind");
        error
    }

    #[track_caller]
    pub fn refused(&self, arguments: &[&str], parts: &[&str]) {
        let Output { status, stderr, .. } = self.command(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&stderr);
        assert!(!status.success() && parts.iter().all(|part| error.contains(part)), "{error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    }

    /// The files of a folder, hidden ones too.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path(folder)];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => {
                        let name = path.strip_prefix(self.path(folder)).unwrap().display().to_string();
                        files.insert(name, fs::read(path).unwrap());
                    }
                }
            }
        }
        files
    }
}

/// Documents that are kept and dropped, and a line that is none.
pub fn files() -> [(&'static str, String); 3] {
    let good = |number: usize| {
        let letters = |n: usize| n.to_string().bytes().map(|digit| (digit + 49) as char).collect::<String>();
        let words: Vec<String> =
            (0..60).map(|word| format!("w{}x{}", letters(number), letters(word))).collect();
        let pad = format!("{number:<5000}");
        json!({"text": format!("the {} and that", words.join(" ")), "number": number, "pad": pad}).to_string()
    };
    let lines = |numbers: std::ops::Range<usize>| numbers.map(good).collect::<Vec<_>>().join("\n");
    let short = json!({"text": "too short"}).to_string();
    [
        ("a.jsonl", format!("{}\n{short}\nno document\n", lines(0..300))),
        ("below/b.jsonl", lines(300..400)),
        ("c.txt", "a text of its own".to_owned()),
    ]
}

fn receipt(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn a_folder_that_is_named_as_a_store_gives_the_same_bytes() {
    let documents = Documents::new();
    documents.filter("docs", "kept", "why", &[]);
    let (kept, why) = (documents.files("kept"), documents.files("why"));
    assert!(kept.contains_key("00001.jsonl.zst") && kept.contains_key("receipt.json"));
    documents.filter(&documents.url("docs"), &documents.url("far/kept"), &documents.url("far/why"), &[]);
    assert!(documents.files("far/kept") == kept && documents.files("far/why") == why, "other bytes");
    // Only one of the places.
    documents.filter("docs", &documents.url("mixed"), "why-2", &[]);
    documents.filter(&documents.url("docs/"), "mixed-2", "why-3", &[]);
    assert!(documents.files("mixed") == kept && documents.files("mixed-2") == kept, "other bytes");
    // Nothing is left to do.
    let said =
        documents.filter(&documents.url("docs"), &documents.url("far/kept"), &documents.url("far/why"), &[]);
    assert!(said.contains(&format!("{}: complete already", documents.url("far/kept"))), "{said}");
}

#[test]
fn parts_find_each_other_in_the_store() {
    let documents = Documents::new();
    documents.filter("docs", "kept", "why", &[]);
    let (out, why) = (documents.url("far/kept"), documents.url("far/why"));
    for part in ["3/3", "1/3", "1/3"] {
        let said = documents.filter(&documents.url("docs"), &out, &why, &["--part", part]);
        assert!(!said.contains("warning: ") || part == "1/3", "{said}");
        assert!(!documents.path("far/kept/receipt.json").exists(), "two of three");
    }
    documents.refused(
        &["filter", "--in", &out, "--out", "again"],
        &[&out, "the stage that writes this folder has not finished"],
    );
    documents.filter(&documents.url("docs"), &out, &why, &["--part", "2/3"]);
    let mut far = documents.files("far/kept");
    far.retain(|name, _| !name.starts_with(".receipts"));
    assert!(far == documents.files("kept"), "other bytes");
    // The next stage reads it.
    documents.filter(&out, "again", "why-2", &[]);
    let ledger = receipt(&documents.files("again")["receipt.json"])["ledger"].clone();
    assert_eq!((&ledger["records"], &ledger["kept"]), (&json!(400), &json!(400)));
}

#[test]
fn what_is_not_possible_is_said_in_a_line() {
    let documents = Documents::new();
    let docs = documents.url("docs");
    documents
        .refused(&["filter", "--in", &documents.url("none"), "--out", "out"], &["/none: there is nothing"]);
    documents.refused(
        &["filter", "--in", "ftp://x/y", "--out", "out"],
        &["ftp://x/y: not the address of an object store"],
    );
    let inside = documents.url("docs/out");
    documents
        .refused(&["filter", "--in", &docs, "--out", &inside], &[&inside, "it is inside the input", &docs]);
    documents
        .refused(&["filter", "--in", "docs", "--out", &inside], &[&inside, "it is inside the input docs"]);
    let (out, why) = (documents.url("out"), documents.url("out/why"));
    documents.refused(
        &["filter", "--in", &docs, "--out", &out, "--rejected", &why],
        &[&why, "name places side by side"],
    );
    documents.refused(
        &["decontaminate", "--in", &docs, "--out", &out, "--against", &docs],
        &["--against file:", "object stores are for what stages read and write"],
    );
    documents.write("other/x", "x");
    let other = documents.url("other");
    documents.refused(&["filter", "--in", &docs, "--out", &other], &[&other, "it is not empty (x)"]);
}

/// A stage through a server of a kind.
fn check_server(scheme: &str, server: &Server) {
    let mut documents = Documents::new();
    documents.environment = server.environment();
    let bucket = format!("corpus-{scheme}");
    server.make_bucket(&bucket);
    for (name, text) in files() {
        server.put(&format!("/{bucket}/docs/{name}"), &text);
    }
    let address = |name: &str| format!("{scheme}://{bucket}/{name}");
    documents.filter("docs", "local/kept", "local/why", &[]);
    documents.filter(&address("docs"), &address("kept"), &address("why"), &[]);
    // Read back by the next stage, one file of it too.
    documents.filter("local/kept", "local/again", "local/why-2", &["--compression", "none"]);
    documents.filter(
        &address("kept"),
        &documents.url("far/again"),
        &address("why-2"),
        &["--compression", "none"],
    );
    documents.filter(&address("docs/below/b.jsonl"), "one", "why-3", &["--compression", "none"]);
    let [local, far] = ["local/again", "far/again"].map(|folder| documents.files(folder));
    for name in ["00000.jsonl", "00000.statistics.zst"] {
        assert!(local[name] == far[name], "{name}: other bytes");
    }
    // Etags tell inputs apart where there are some.
    let [local, far] = [&local, &far].map(|files| receipt(&files["receipt.json"]));
    assert_eq!(local["ledger"], far["ledger"]);
    assert_ne!(local["input"]["sha256"], far["input"]["sha256"]);
    let one = documents.files("one");
    let first: Value =
        serde_json::from_slice(one["00000.jsonl"].split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!((&first["id"], &first["provenance"]["file"]), (&json!("b.jsonl:0"), &json!("b.jsonl")));
    let said = documents.filter(&address("docs"), &address("kept"), &address("why"), &[]);
    assert!(said.contains(&format!("{}: complete already", address("kept"))), "{said}");

    // Several inputs: names say where they are from.
    let inputs = ["filter", "--in", &address("docs"), "docs", "--out", "both", "--compression", "none"];
    let output = documents.command(&inputs).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let both = String::from_utf8(documents.files("both")["00000.jsonl"].clone()).unwrap();
    let place = |name: String| both.contains(&json!({"file": name, "offset": 0}).to_string());
    assert!(place(address("docs/a.jsonl")) && place("docs/a.jsonl".into()), "names");
    assert!(!both.contains("gopher-data-"), "the room's name is nowhere");

    // Other contents under the same names and of the same sizes are another input.
    for (name, text) in files() {
        server.put(&format!("/{bucket}/others/{name}"), &text.replacen("the ", "eht ", 1));
    }
    let (others, kept, why) = (address("others"), address("kept"), address("why"));
    let again = ["filter", "--in", &others, "--out", &kept, "--rejected", &why];
    documents.refused(&[&again[..], &SMALL].concat(), &[&kept, "it holds the output of another input"]);
}

#[test]
fn stages_read_and_write_s3_and_gs() {
    let Some(server) = Server::start() else { return };
    check_server("s3", &server);
    check_server("gs", &server);
}

#[test]
fn stages_read_and_write_an_s3_server_that_others_wrote() {
    let Some(server) = Server::start_moto() else { return };
    check_server("s3", &server);
}

#[test]
fn a_stage_that_is_killed_is_done_by_the_same_command() {
    let Some(server) = Server::start() else { return };
    let mut documents = Documents::new();
    documents.environment = server.environment();
    documents.environment.push(("GOPHER_STORE_TIMEOUT", "60".into()));
    server.make_bucket("s3");
    documents.filter("docs", "local/kept", "local/why", &[]);
    let places = ["--in", "docs", "--out", "s3://s3/kept", "--rejected", "s3://s3/why", "--work", "room"];
    // When a file, and when the receipt, is being sent.
    for hanging in ["kept/00001.jsonl.zst", "kept/receipt.json"] {
        server.fault(&format!("hang {hanging}"));
        let mut process = documents
            .command(&[&["filter"], &places[..], &SMALL].concat())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = std::time::Instant::now();
        while !server.waits(hanging) {
            assert!(began.elapsed() < Duration::from_secs(60), "{hanging} is never sent");
            std::thread::sleep(Duration::from_millis(20));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        server.fault("none");
        let list = server.get("/s3?prefix=kept/");
        assert!(list.contains("kept/00000.jsonl.zst") && !list.contains("kept/receipt.json"), "{list}");
        documents.refused(
            &["filter", "--in", "s3://s3/kept", "--out", "next"],
            &["s3://s3/kept", "has not finished"],
        );
    }
    fs::remove_dir_all(documents.path("room")).unwrap();
    documents.filter("docs", "s3://s3/kept", "s3://s3/why", &[]);
    documents.filter("s3://s3/kept", "back", "why-2", &[]);
    documents.filter("local/kept", "back-2", "why-3", &[]);
    let [back, local] = ["back", "back-2"].map(|folder| documents.files(folder)["00000.jsonl.zst"].clone());
    assert!(back == local, "other bytes");
    let remote: Value = serde_json::from_str(&server.get("/s3/kept/receipt.json")).unwrap();
    assert_eq!(remote, receipt(&fs::read(Path::new(&documents.path("local/kept/receipt.json"))).unwrap()));
}

#[test]
fn a_store_that_refuses_a_while_is_asked_again() {
    let Some(server) = Server::start() else { return };
    let mut documents = Documents::new();
    documents.environment = server.environment();
    server.make_bucket("s3");
    server.fault("fail 3 kept/");
    documents.filter("docs", "s3://s3/kept", "why", &[]);
    server.fault("fail 1000000 other/");
    documents.refused(
        &["filter", "--in", "docs", "--out", "s3://s3/other", "--work", "room"],
        &["s3://s3/other: cannot write .plan.json"],
    );
}
