//! Machines that are not like others: file systems without locks; and that these tests leave nothing running on them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use crate::place::running::Start;
use crate::place::{Place, stderr, wait_for_lines};

/// A library that has `flock` fail with an error number; `None` without a C compiler.
fn no_locks(place: &Place, errno: i32) -> Option<String> {
    let (source, library) = (format!("flock-{errno}.c"), format!("flock-{errno}.so"));
    let text =
        format!("#include <errno.h>\nint flock(int file, int how) {{ errno = {errno}; return -1; }}\n");
    place.write(&source, text);
    let arguments = ["-shared", "-fPIC", "-o", &library, &source];
    let compiled = Command::new("cc").args(arguments).current_dir(place.folder.path()).status();
    if !compiled.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no C compiler");
        return None;
    }
    Some(place.path(&library).display().to_string())
}

/// Network file systems answer with ENOLCK, ENOTSUPP (524), ENOSYS, EIO and others.
#[test]
fn where_no_lock_is_to_be_had_training_goes_on_with_a_warning() {
    let Some(place) = Place::new() else { return };
    for (run, errno, until) in [("a", 37, 2), ("b", 524, 1), ("c", 5, 1)] {
        let Some(library) = no_locks(&place, errno) else { return };
        for steps in ["1", "2"].into_iter().take(until) {
            let mut train = place.train_command(&["--run", run, "--steps", steps]);
            let output = train.env("LD_PRELOAD", &library).output().unwrap();
            let text = stderr(&output);
            assert!(output.status.success(), "{errno}: {text}");
            let warning = format!("warning: {run}: its file system gives no lock (");
            assert_eq!(text.matches(&warning).count(), 1, "{errno}: {text}");
        }
    }
}

/// Of all tests: their processes are started by [`Start`].
#[cfg(unix)]
#[test]
fn a_test_that_panics_ends_the_training_it_has_started() {
    use rustix::process::{Pid, test_kill_process};

    let Some(place) = Place::new() else { return };
    let is_there = |id: u32| test_kill_process(Pid::from_raw(id as i32).unwrap()).is_ok();
    let mut id = 0;
    let test = || {
        let child = place.train_command(&["--run", "a", "--steps", "1000000"]).start();
        id = child.id();
        wait_for_lines(&place.path("a/metrics.jsonl"), "", 1);
        assert!(is_there(id));
        panic!("the panic of a test whose training goes on");
    };
    assert!(catch_unwind(AssertUnwindSafe(test)).is_err());
    assert!(id > 0 && !is_there(id), "process {id} is still there");
}
