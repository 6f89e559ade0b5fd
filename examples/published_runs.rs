//! Predicts published training runs, and writes docs/published.md: measured, predicted, ratio, and what differs.
//!
//! `cargo run --release --example published_runs`; with `--only TEXT`, prints the rows whose model or machine contains it.

#[path = "common/published.rs"]
mod published;

use std::fs;

use anyhow::{Context, Result};
use clap::Parser;
use published::{Row, runs, text};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/published.md");
const START: &str = "<!-- table -->\n";
const END: &str = "<!-- end of table -->\n";

#[derive(Parser)]
struct Arguments {
    /// Print runs whose model or machine contains this, and write nothing.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut rows = Vec::new();
    for run in runs()? {
        let is_meant = |only: &String| run.name.contains(only) || run.machine.contains(only);
        if arguments.only.as_ref().is_none_or(is_meant) {
            let outcome = run.predict()?;
            rows.push(Row { run, outcome });
            if let Some(Row { run, outcome }) = rows.last() {
                let what = match outcome {
                    published::Outcome::Planned { like_source, .. } => {
                        let [serial, overlapped] = like_source.map(|mfu| mfu / run.measured_mfu);
                        format!("{serial:.2} {overlapped:.2}{}", if run.held_out { " held out" } else { "" })
                    }
                    published::Outcome::Nothing(reason) => reason.clone(),
                };
                eprintln!("{:>3} {:26} {:20} x{:<3} {what}", run.row, run.name, run.machine, run.slices);
            }
        }
    }
    if arguments.only.is_some() {
        println!("{}", text(&rows)?);
        return Ok(());
    }
    let document = fs::read_to_string(DOCUMENT).with_context(|| DOCUMENT.to_owned())?;
    let (before, rest) = document.split_once(START).context("docs/published.md has no mark of its table")?;
    let (_, after) = rest.split_once(END).context("docs/published.md has no mark after its table")?;
    fs::write(DOCUMENT, format!("{before}{START}\n{}\n{END}{after}", text(&rows)?))?;
    Ok(())
}
