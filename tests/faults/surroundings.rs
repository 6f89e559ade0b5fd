//! A run whose surroundings fail: the disk, another process, the clock.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::bench::{Bench, Ended};
use crate::place::running::Start;
use crate::place::stderr;
use crate::report::{Case, Row};

pub fn check(bench: &Bench) -> Vec<Row> {
    let rows = [full_disk(bench), read_only(bench), two_writers(bench), clock(bench)];
    rows.into_iter().flatten().collect()
}

/// A file system in memory, for as long as this lives.
struct Mount(PathBuf);

impl Mount {
    fn new(bench: &Bench, name: &str, options: &str) -> Option<Mount> {
        let path = bench.place.path(name);
        fs::create_dir(&path).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(&path).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Mount(path));
        }
        eprintln!("skipped: mounting a file system takes the rights of root");
        None
    }

    fn change(&self, options: &str) {
        let options = format!("remount,{options}");
        let status = Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// There is room for one checkpoint, and then for all.
fn full_disk(bench: &Bench) -> Vec<Row> {
    let Some(disk) = Mount::new(bench, "disk", "size=1600k") else { return Vec::new() };
    let output = bench.train("disk/run").output().unwrap();
    let first = bench.ended("disk/run", &output, "full disk");
    let Ended::Refused(message) = &first else { panic!("{}", stderr(&output)) };
    assert!(message.contains("the disk is full"), "{message}");
    disk.change("size=64m");
    let again = bench.ended("disk/run", &bench.train("disk/run").output().unwrap(), "full disk, then room");
    let row = |what: &str, ended, first| Row { case: Case::Other(what.into()), ended, first };
    vec![
        row("a full disk (tmpfs of 1.6 MB)", first, "full"),
        row("room made on a disk that was full", again, "full"),
    ]
}

fn read_only(bench: &Bench) -> Vec<Row> {
    let Some(disk) = Mount::new(bench, "read-only", "size=64m") else { return Vec::new() };
    let run = bench.cut_off();
    let copied = Command::new("cp").arg("-a").arg(bench.place.path(&run)).arg(disk.0.join("run")).status();
    assert!(copied.unwrap().success());
    disk.change("ro");
    let first = bench.ended("read-only/run", &bench.train("read-only/run").output().unwrap(), "read-only");
    assert!(matches!(first, Ended::Refused(_)));
    disk.change("rw");
    let again =
        bench.ended("read-only/run", &bench.train("read-only/run").output().unwrap(), "read-only no more");
    let row = |what: &str, ended| Row { case: Case::Other(what.into()), ended, first: "read-only" };
    vec![row("a read-only directory", first), row("a directory that was read-only", again)]
}

/// While one process trains in a folder, a second one is started on it.
fn two_writers(bench: &Bench) -> Vec<Row> {
    let run = bench.fresh("two");
    let first = bench.train(&run).start();
    bench.wait_for(&format!("{run}/.lock"));
    let second = bench.train(&run).output().unwrap();
    let output = first.wait_with_output().unwrap();
    let first = bench.ended(&run, &output, "the first of two writers");
    let second = bench.ended(&run, &second, "the second of two writers");
    let row = |what: &str, ended| Row { case: Case::Other(what.into()), ended, first: "two" };
    vec![row("two writers: the first", first), row("two writers: the second", second)]
}

/// The wall clock goes back by an hour every time it is asked.
fn clock(bench: &Bench) -> Vec<Row> {
    let source = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <time.h>\n\
        int clock_gettime(clockid_t clock, struct timespec *now) {\n\
        static int (*real)(clockid_t, struct timespec *); static long asked;\n\
        if (!real) real = dlsym(RTLD_NEXT, \"clock_gettime\");\n\
        int result = real(clock, now);\n\
        if (clock == CLOCK_REALTIME) now->tv_sec -= 3600 * __sync_add_and_fetch(&asked, 1);\n\
        return result; }\n";
    bench.place.write("clock.c", source);
    let library = bench.place.path("clock.so");
    let arguments = ["-shared", "-fPIC", "-o", "clock.so", "clock.c", "-ldl"];
    let compiled = Command::new("cc").args(arguments).current_dir(bench.place.folder.path()).status();
    if !compiled.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no C compiler");
        return Vec::new();
    }
    let run = bench.cut_off();
    let output = bench.train(&run).env("LD_PRELOAD", &library).output().unwrap();
    let ended = bench.ended(&run, &output, "clock");
    let case = Case::Other("a clock that goes back an hour at each reading, from the resume on".into());
    vec![Row { case, ended, first: "killed" }]
}
