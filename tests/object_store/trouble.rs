//! A store that fails, and a process that is killed while it uploads.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::place::running::Start;
use crate::place::{SHARD, check_error, signal, stderr};
use crate::server::Server;
use crate::{Bench, ended};

#[test]
fn a_process_killed_in_the_middle_of_an_upload_leaves_the_checkpoint_before() {
    let (Some(bench), Some(server)) = (Bench::new(), Server::start()) else { return };
    let bench = bench.with(&server);
    server.make_bucket("bucket");
    for (index, object) in
        ["config.toml", SHARD, "run/metrics.jsonl", "run/files.json", "manifest.json"].iter().enumerate()
    {
        let store = format!("s3://bucket/run-{index}");
        let hanging = format!("run-{index}/step-00000004/{object}");
        server.fault(&format!("hang {hanging}"));
        let mut child = bench.train("run", &store, 4).start();
        // It stands still in the upload of step 4, of which everything before this object is in the store.
        wait(|| bench.listed(&store) == [2] && server.waits(&hanging));
        child.kill().unwrap();
        child.wait().unwrap();
        server.fault("none");
        fs::remove_dir_all(bench.place.path("run")).unwrap();
        let said = bench.trained("run", &store, 6);
        assert!(said.contains("restored the checkpoint of step 2 from"), "{object}: {said}");
        bench.is_whole("run");
        let listed = bench.listed(&store);
        assert!(listed.starts_with(&[2]) && listed.ends_with(&[6]), "{object}: {listed:?}");
        fs::remove_dir_all(bench.place.path("run")).unwrap();
    }
}

/// A machine that stood still and was thought lost comes back while another has gone on with its run.
#[test]
fn a_process_whose_run_was_taken_over_ends_and_changes_nothing() {
    let (Some(bench), Some(server)) = (Bench::new(), Server::start()) else { return };
    let bench = bench.with(&server);
    server.make_bucket("bucket");
    let store = "s3://bucket/run";
    server.fault(&format!("fail 1000000 step-00000004/{SHARD}"));
    let mut command = bench.train("old", store, 4);
    // It tries again all the while.
    command.env("GOPHER_STORE_TIMEOUT", "200");
    let old = command.stdout(Stdio::null()).stderr(Stdio::piped()).start();
    let ls = || bench.gopher(&["checkpoint", "ls", store]).output().unwrap();
    wait(|| bench.listed(store) == [2] && String::from_utf8_lossy(&ls().stdout).contains("was cut off"));
    signal(&old, "STOP");
    server.fault("none");
    bench.trained("new", store, 6);
    signal(&old, "CONT");
    let output = old.wait_with_output().unwrap();
    let (code, said) = (output.status.code(), stderr(&output));
    assert_eq!(code, Some(1), "{said}");
    let error = said.lines().last().unwrap();
    assert!(
        error.starts_with("error: s3://bucket/run: another gopher train has taken this run over"),
        "{said}"
    );
    assert!(error.contains("--set checkpoint.store=ADDRESS"), "{said}");
    assert_eq!(bench.place.names("old/checkpoints").first().map(String::as_str), Some("step-00000002"));

    bench.is_whole("new");
    assert_eq!(bench.listed(store).last(), Some(&6));
    ended(&bench.gopher(&["checkpoint", "verify", "s3://bucket/run/step-00000006"]).output().unwrap());
    // Started again, it takes over what the other has done.
    let said = bench.trained("old", store, 6);
    assert!(said.contains("restored the checkpoint of step 6 from"), "{said}");
    bench.is_whole("old");
}

#[track_caller]
fn wait(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not come to that");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_an_upload_left_that_was_cut_off_is_cleared_away() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    bench.trained("run", &store, 2);
    let left = bench.place.path("store/step-00000001");
    fs::create_dir(&left).unwrap();
    fs::write(left.join(SHARD), "half of it").unwrap();
    // How an upload to a folder lies there until it is whole.
    fs::write(left.join("tokenizer.model#1"), "half of it").unwrap();
    let listed = bench.gopher(&["checkpoint", "ls", &store]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("was cut off"), "{listed:?}");
    let verified = bench.gopher(&["checkpoint", "verify", &store]).output().unwrap();
    assert!(ended(&verified).contains("an upload is under way or was cut off"), "{verified:?}");
    let files = String::from_utf8_lossy(&verified.stdout);
    assert!(files.lines().all(|line| line.ends_with("  good")), "{files}");
    bench.trained("run", &store, 4);
    assert_eq!(bench.place.names("store"), ["step-00000002", "step-00000004", "writer.json"]);
}

#[test]
fn requests_that_fail_for_a_moment_are_made_again() {
    let (Some(bench), Some(server)) = (Bench::new(), Server::start()) else { return };
    let bench = bench.with(&server);
    for scheme in ["s3", "gs"] {
        server.make_bucket(scheme);
        let store = format!("{scheme}://{scheme}/run");
        server.fault("fail 3 step-00000002/");
        let said = bench.trained("run", &store, 2);
        // A run of two steps is warned of for its schedule.
        let warned = said.lines().find(|line| line.contains("warning") && !line.contains("schedule."));
        assert_eq!(warned, None, "{said}");
        assert_eq!(bench.listed(&store), [2]);
        fs::remove_dir_all(bench.place.path("run")).unwrap();
    }
}

#[test]
fn a_save_that_fails_in_the_store_is_a_warning_and_the_second_ends_the_run() {
    let (Some(bench), Some(server)) = (Bench::new(), Server::start()) else { return };
    let bench = bench.with(&server);
    server.make_bucket("bucket");
    server.fault("fail 1000000 /step-00000002/");
    let said = bench.trained("run", "s3://bucket/one", 4);
    assert!(
        said.contains("warning: the checkpoint of step 2 is not saved: s3://bucket/one: cannot write"),
        "{said}"
    );
    assert_eq!(bench.listed("s3://bucket/one"), [4]);
    let events = fs::read_to_string(bench.place.path("run/events.jsonl")).unwrap();
    assert_eq!(events.matches(r#""event":"save_failed","step":2,"#).count(), 1, "{events}");
    fs::remove_dir_all(bench.place.path("run")).unwrap();

    server.fault("fail 1000000 /step-0");
    let output = bench.train("run", "s3://bucket/two", 4).output().unwrap();
    let parts = ["s3://bucket/two: cannot write", "SlowDown", "tried for 3 s (GOPHER_STORE_TIMEOUT)"];
    let output_error = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{output_error}");
    let error = output_error.lines().last().unwrap();
    assert!(error.starts_with("error: ") && parts.iter().all(|part| error.contains(part)), "{error}");
    assert_eq!(bench.place.names("run/checkpoints"), ["step-00000002", "step-00000004"], "they are on disk");

    // The same line when it is back.
    server.fault("none");
    bench.trained("run", "s3://bucket/two", 6);
    bench.is_whole("run");
    assert_eq!(bench.listed("s3://bucket/two").last(), Some(&6));
}

/// In the middle of a run, with steps under way.
#[test]
fn the_state_is_saved_when_the_second_failure_ends_the_run() {
    let (Some(bench), Some(server)) = (Bench::new(), Server::start()) else { return };
    let bench = bench.with(&server);
    server.make_bucket("bucket");
    server.fault("fail 1000000 /step-");
    let seldom = ["--set", "training.checkpoint_every=300"];
    let output = bench.train_with("run", "s3://bucket/run", 1_000_000, &seldom).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let last = bench.place.metrics("run").last().unwrap()["step"].as_u64().unwrap();
    let newest = bench.place.names("run/checkpoints").pop().unwrap();
    assert_eq!(newest, format!("step-{last:08}"), "{said}");
}

#[test]
fn a_store_that_cannot_be_used_is_named_in_one_line() {
    let (Some(bench), Some(server)) = (Bench::new(), Server::start()) else { return };
    let mut bench = bench.with(&server);
    let train = |bench: &Bench, store: &str| bench.train("run", store, 2).output().unwrap();
    for scheme in ["s3", "gs"] {
        let store = format!("{scheme}://nobody/run");
        check_error(&train(&bench, &store), 1, &[&store, "NoSuchBucket", "is there a bucket named nobody?"]);
    }
    check_error(&train(&bench, "ftp://a/b"), 2, &["ftp://a/b", "file://, s3://, gs://"]);
    check_error(&train(&bench, "file://a/b"), 2, &["the whole path of a folder"]);
    bench.environment = vec![("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1".to_owned())];
    check_error(&train(&bench, "s3://bucket/run"), 1, &["s3://bucket/run", "AWS_ACCESS_KEY_ID"]);
    bench.environment = vec![("GOPHER_STORE_TIMEOUT", "soon".to_owned())];
    check_error(&train(&bench, "s3://bucket/run"), 2, &["GOPHER_STORE_TIMEOUT=soon", "a number of seconds"]);
    bench.environment = server.environment();
    drop(server);
    for (scheme, variable) in [("s3", "AWS_ENDPOINT_URL"), ("gs", "GOOGLE_BASE_URL")] {
        let store = format!("{scheme}://bucket/run");
        check_error(&train(&bench, &store), 1, &[&store, "Connection refused", "tried for 3 s", variable]);
    }
    assert!(!bench.place.path("run").exists(), "what came to nothing leaves nothing");
    // A folder that cannot be made.
    bench.place.write("file", "");
    let inside = bench.folder("file/inside");
    let output = bench.gopher(&["checkpoint", "ls", &inside]).output().unwrap();
    assert!(output.status.code() == Some(1) || ended(&output).contains("has no checkpoint yet"));
}
