//! What the stages of `gopher data` have in common: threads, progress, and what is said beside a result.

use std::path::Path;

use anyhow::anyhow;
use massivetext::ledger::Ledger;
use massivetext::manifest::Part;
use massivetext::records::BadRecord;

use crate::output::{grouped, line, note, usage};

/// Sets the number of threads, if one is given.
pub fn set_threads(threads: Option<usize>) -> anyhow::Result<()> {
    match threads {
        None => Ok(()),
        Some(0) => Err(usage("--threads 0: there is at least one")),
        Some(threads) => rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(|error| anyhow!("--threads {threads}: {error}")),
    }
}

/// Runs a stage, with a line of how far it is on a terminal.
pub fn with_progress<R, E>(run: impl FnOnce(&mut dyn FnMut(u64)) -> Result<R, E>) -> Result<R, E> {
    let result = run(&mut |records| {
        if line::is_possible() {
            line::rewrite(&format!("{} records", grouped(records)));
        }
    });
    line::clear();
    result
}

/// Says that nothing had to be done, or that other parts are missing.
pub fn say_complete(out: &Path, part: Part, was_complete: bool, completes: bool) {
    if was_complete && part.parts > 1 {
        note(format_args!(
            "{}: part {} of {} was complete already; nothing was done",
            out.display(),
            part.index,
            part.parts
        ));
    } else if was_complete {
        note(format_args!(
            "{}: complete already, for the same input and configuration; nothing was done",
            out.display()
        ));
    } else if !completes {
        note(format_args!(
            "part {} of {} is complete; the receipt of the whole comes with the last one",
            part.index, part.parts
        ));
    }
}

/// Warns of records that are no documents.
pub fn say_bad_records(ledger: &Ledger, shown: &[BadRecord]) {
    let errors = ledger.all_errors();
    if let Some(first) = shown.first() {
        note(format_args!(
            "warning: {} no document, the first {}: {}",
            if errors == 1 { "1 record is".to_owned() } else { format!("{} records are", grouped(errors)) },
            first.place(),
            first.detail
        ));
    }
}
