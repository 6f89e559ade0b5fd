//! Published training runs, and what `docs/published.md` says that the planner predicts of them.

#[path = "../examples/common/published.rs"]
mod published;

use std::collections::BTreeSet;
use std::fs;

use graph::testing::size;
use published::{Outcome, Row, Run, runs};

fn document() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/published.md")).unwrap()
}

fn row(run: Run) -> Row {
    let outcome = run.predict().unwrap();
    Row { run, outcome }
}

#[test]
fn runs_are_many_and_half_of_them_are_held_out() {
    let runs = runs().unwrap();
    let rows = |held_out: bool| {
        runs.iter().filter(|run| run.held_out == held_out).map(|run| run.row).collect::<BTreeSet<_>>()
    };
    let (held_out, others) = (rows(true), rows(false));
    assert!(held_out.is_disjoint(&others), "points of one run are on both sides");
    assert!(held_out.len() + others.len() >= 30 && held_out.len().abs_diff(others.len()) <= 5);
    for run in &runs {
        assert!(!run.source.is_empty() && (0.05..0.9).contains(&run.measured_mfu), "{}", run.name);
    }
}

/// A sample; all of them with `GOPHER_TEST_SIZE=full`.
#[test]
fn the_document_says_what_is_predicted() {
    let document = document();
    let runs = runs().unwrap();
    let every = size::either(runs.len() / 4, 1);
    for run in runs.into_iter().step_by(every) {
        let line = row(run).line();
        let again = "cargo run --release --example published_runs";
        assert!(document.contains(&line), "run `{again}`: docs/published.md lacks\n{line}");
    }
}

#[test]
fn whatever_is_far_off_is_explained() {
    let of = |name: &str| runs().unwrap().into_iter().find(|run| run.name == name).unwrap();
    let mut far = row(of("ours, 117M"));
    assert!(far.is_far(), "choose another run for this test");
    assert!(
        published::text(&[row(of("ours, 117M"))]).unwrap().contains("all but that of matmuls are guesses")
    );
    far.run.because.clear();
    let error = published::text(&[far]).unwrap_err().to_string();
    assert!(error.contains("far off, and `because` is empty"), "{error}");
}

#[test]
fn pins_that_no_plan_meets_are_said() {
    let run = runs().unwrap().into_iter().find(|run| run.name == "BLOOM 176B").unwrap();
    let row = row(run);
    assert!(matches!(&row.outcome, Outcome::Nothing(reason) if reason == "no plan splits it so"));
    assert!(
        row.is_far() && row.line().ends_with("| no plan splits it so | 36.1% | – | – | – |"),
        "{}",
        row.line()
    );
}
