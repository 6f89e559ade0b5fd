//! What happens to a run when its process is killed, its disk is full, or its files are damaged, at every moment of a
//! save: the same line typed again comes to the bits of the uninterrupted run, or is refused in words.
//!
//! `cargo test --test faults` tries a part of it. All of it, written to docs/faults.md, takes some minutes:
//!
//! ```text
//! cargo test --release --test faults -- --ignored --nocapture
//! ```

mod bench;
mod damage;
#[path = "../train/place.rs"]
#[allow(dead_code)]
mod place;
mod report;
mod surroundings;

use std::sync::Mutex;
use std::thread;

use bench::{Bench, THREE_SAVES, TWO_SAVES};
use graph::testing::size;
use report::{Report, Row};

/// Does something for each of a list, several at a time: most of a run is waiting for a compiler.
pub fn side_by_side<T: Send>(all: Vec<T>, check: impl Fn(T) -> Row + Sync) -> Vec<Row> {
    let threads = std::env::var("FAULTS_THREADS").ok().and_then(|count| count.parse().ok()).unwrap_or(2);
    let (queue, rows) = (Mutex::new(all.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        let work = || {
            while let Some(one) = { queue.lock().unwrap().next() } {
                let row = check(one);
                rows.lock().unwrap().push(row);
            }
        };
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    rows.into_inner().unwrap()
}

/// All cases, or only every so-manyth boundary and a few of the others; of these fewer unless tests run at full size.
fn matrix(whole: bool) -> Option<Report> {
    let mut report = Report::default();
    let bench = Bench::new(TWO_SAVES)?;
    // Every boundary a save reaches, each in every way it can fail.
    let faults = bench.faults().into_iter().step_by(if whole { 1 } else { size::either(47, 19) }).collect();
    report.add_all(side_by_side(faults, |fault| bench.check_fault(&fault)));
    eprintln!("{} cases at boundaries", report.len());
    let bench = Bench::new(THREE_SAVES)?;
    let kills = (0..if whole { 50 } else { size::either(1, 2) }).collect();
    report.add_all(side_by_side(kills, |_: usize| bench.check_random_kill()));
    eprintln!("{} cases with kills at random times", report.len());
    report.add_all(damage::check(&bench, whole));
    report.add_all(surroundings::check(&bench));
    Some(report)
}

#[test]
fn a_part_of_the_fault_matrix() {
    matrix(false);
}

#[test]
#[ignore = "takes minutes, and writes docs/faults.md"]
fn the_whole_fault_matrix_is_written_down() {
    let report = matrix(true).expect("a CPU plugin");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    std::fs::write(path, report.markdown()).unwrap();
}
