//! `gopher data run` over stores: every stage's folder is the one that its own command writes there, and a pipeline goes on from them.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::data::{Documents, files};
use crate::server::Server;

/// A pipeline over the documents of a folder or store.
fn settings(input: &str, out: &str) -> String {
    format!(
        r#"
out = "{out}"
[work]
shard_mib = 1
[filter]
compare = []
[tokenizer]
train = {{ vocabulary_size = 400 }}
[decontaminate]
against = ["quiz.jsonl"]
[subset.books]
in = ["{input}"]
kind = "books"
"#
    )
}

/// Runs it; what is said.
#[track_caller]
fn run(documents: &Documents, file: &str, more: &[&str]) -> String {
    let output = documents.command(&[&["run", file, "--work", "room"], more].concat()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    let left = std::fs::read_dir(documents.path("room")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "it leaves nothing behind");
    error + &String::from_utf8_lossy(&output.stdout)
}

/// A data card without what says where its input was, and without its checksum.
fn card(bytes: &[u8]) -> Vec<String> {
    let lines = std::str::from_utf8(bytes).unwrap().lines();
    lines.filter(|line| !line.ends_with("docs`") && !line.starts_with("<!--")).map(str::to_owned).collect()
}

fn documents() -> Documents {
    let documents = Documents::new();
    documents
        .write("quiz.jsonl", &json!({"text": "what is the answer to the question of the quiz"}).to_string());
    documents
}

#[test]
fn a_pipeline_in_a_folder_that_is_named_as_a_store_writes_the_same_bytes() {
    let documents = documents();
    documents.write("near.toml", &settings("docs", "near"));
    documents.write("far.toml", &settings(&documents.url("docs"), &documents.url("far/all")));
    run(&documents, "near.toml", &[]);
    let said = run(&documents, "far.toml", &[]);
    assert!(said.contains("far/all/report.html") && !said.contains("complete already"), "{said}");
    let [near, far] = ["near", "far/all"].map(|folder| documents.files(folder));
    assert!(
        near.contains_key("tokenizer/tokenizer.model") && near.contains_key("books/tokenize/00000.shard")
    );
    assert_eq!(near.keys().collect::<Vec<_>>(), far.keys().collect::<Vec<_>>());
    for (name, bytes) in near.iter().filter(|(name, _)| *name != "data-card.md") {
        assert!(*bytes == far[name], "{name}: other bytes");
    }
    assert_eq!(card(&near["data-card.md"]), card(&far["data-card.md"]));
    // Goes on from what is there, and gives the same.
    let again = run(&documents, "far.toml", &[]);
    assert_eq!(again.matches("complete already").count(), 4, "{again}");
    assert!(documents.files("far/all") == far, "other bytes");
    let listed = run(&documents, "far.toml", &["--dry-run", "--force-stage", "dedup"]);
    let row = |step: &str| listed.lines().find(|line| line.starts_with(step)).unwrap().to_owned();
    assert!(row("books/filter").contains("there") && row("books/dedup").contains("again"), "{listed}");
    let forced = run(&documents, "far.toml", &["--force-stage", "dedup"]);
    assert_eq!(forced.matches("complete already").count(), 1, "{forced}");
    assert!(documents.files("far/all") == far, "other bytes");
    // One pattern, and one stage by its own command.
    documents.write("stars.toml", &settings(&documents.url("docs/*.jsonl"), &documents.url("far/stars")));
    run(&documents, "stars.toml", &[]);
    let stars: Value =
        serde_json::from_slice(&documents.files("far/stars")["books/filter/receipt.json"]).unwrap();
    assert_eq!(stars["input"]["files"], json!(1));
}

#[test]
fn what_a_pipeline_cannot_have_in_a_store_is_said() {
    let documents = documents();
    let check = |text: String, parts: &[&str]| {
        documents.write("run.toml", &text);
        documents.refused(&["run", "run.toml"], parts);
    };
    let url = |name: &str| documents.url(name);
    let plain = settings(&url("docs"), &url("far"));
    let quiz = url("quiz.jsonl");
    check(plain.replace("quiz.jsonl", &quiz), &["decontaminate.against =", &quiz, "name a path here"]);
    let file = format!("file = \"{}\"", url("t.model"));
    check(
        plain.replace("train = { vocabulary_size = 400 }", &file),
        &["tokenizer.file =", "name a path here"],
    );
    check(settings(&url("none"), &url("far")), &["none: there is nothing"]);
    check(settings(&url("docs/*.warc"), &url("far")), &["docs/*.warc: there is no such file"]);
    check(settings("ftp://x/y", "out"), &["ftp://x/y: not the address of an object store"]);
    documents.write("other/books/filter/x", "x");
    check(settings(&url("docs"), &url("other")), &[&url("other/books/filter"), "it is not empty (x)"]);
    // Other settings than those that it was made with.
    documents.write("run.toml", &plain);
    run(&documents, "run.toml", &[]);
    check(
        plain.replace("[filter]", "[filter]\nthresholds = [\"min_words=60\"]"),
        &[&url("far/books/filter"), "--force-stage books/filter"],
    );
}

#[test]
fn a_pipeline_over_s3_and_gs_goes_on_after_a_kill() {
    let Some(server) = Server::start() else { return };
    for scheme in ["s3", "gs"] {
        let mut documents = documents();
        documents.environment = server.environment();
        documents.environment.push(("GOPHER_STORE_TIMEOUT", "60".into()));
        let bucket = format!("pipeline-{scheme}");
        server.make_bucket(&bucket);
        for (name, text) in files() {
            server.put(&format!("/{bucket}/docs/{name}"), &text);
        }
        let (address, all) = (|name: &str| format!("{scheme}://{bucket}/{name}"), format!("all-{scheme}"));
        documents.write("far.toml", &settings(&address("docs"), &address(&all)));
        documents.write("near.toml", &settings("docs", "near"));
        run(&documents, "near.toml", &[]);
        // While these are being sent.
        for hanging in ["books/dedup/receipt.json", "tokenizer/tokenizer.model", "report.html"] {
            let hanging = &format!("{all}/{hanging}");
            server.fault(&format!("hang {hanging}"));
            let mut command = documents.command(&["run", "far.toml", "--work", "killed"]);
            let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let began = std::time::Instant::now();
            while !server.waits(hanging) {
                assert!(began.elapsed() < Duration::from_secs(60), "{hanging} is never sent");
                std::thread::sleep(Duration::from_millis(20));
            }
            process.kill().unwrap();
            process.wait().unwrap();
            server.fault("none");
        }
        let said = run(&documents, "far.toml", &[]);
        assert!(said.contains("complete already"), "{said}");
        let near = documents.files("near");
        let far = |name: &str| server.get(&format!("/{bucket}/{all}/{name}"));
        for name in ["report.json", "books/filter/receipt.json"] {
            let [near, far] = [String::from_utf8(near[name].clone()).unwrap(), far(name)]
                .map(|text| serde_json::from_str::<Value>(&text).unwrap());
            // Etags are of the input of a stage, and nothing else differs.
            let ledger = |value: &Value| match name {
                "report.json" => value["subsets"][0]["tokens"].clone(),
                _ => value["ledger"].clone(),
            };
            assert_eq!(ledger(&near), ledger(&far), "{name}");
            assert!(!far.to_string().contains("gopher-data-"), "{name}: the room's name");
        }
        assert_eq!(card(&near["data-card.md"]), card(far("data-card.md").as_bytes()));
    }
}
