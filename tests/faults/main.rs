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

use bench::Bench;
use report::Report;

/// Each `step`-th of a list.
fn sparse<T>(all: Vec<T>, step: usize) -> Vec<T> {
    all.into_iter().step_by(step).collect()
}

fn matrix(part: usize) -> Option<Report> {
    let bench = Bench::new()?;
    let mut report = Report::default();
    // Every boundary a save reaches, each in every way it can fail.
    for fault in sparse(bench.faults(), 17 * part + 1) {
        report.add(bench.check_fault(&fault));
    }
    report.add_all(bench.check_random_kills(if part == 0 { 50 } else { 2 }));
    report.add_all(damage::check(&bench, if part == 0 { 6 } else { 1 }));
    report.add_all(surroundings::check(&bench));
    Some(report)
}

#[test]
fn a_part_of_the_fault_matrix() {
    matrix(1);
}

#[test]
#[ignore = "takes minutes, and writes docs/faults.md"]
fn the_whole_fault_matrix_is_written_down() {
    let report = matrix(0).expect("a CPU plugin");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    std::fs::write(path, report.markdown()).unwrap();
}
