//! `gopher runs`: what was trained, in a list or side by side.

mod text;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use monitor::runs::{self, Comparison, Listed, Overview, Run};
use serde::Serialize;
use store::files::write_output;

use crate::output::{check_ending, note, print, print_json};

/// The folder in which runs are begun, unless another is named.
const USUAL: &str = "runs";

/// Arguments of `gopher runs`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the runs in a folder, with their losses and rates.
    Ls {
        /// The folder, or a run.
        #[arg(value_name = "DIR", default_value = USUAL)]
        folder: PathBuf,
        /// Print a JSON list instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Set runs side by side: what differs in their configurations, results, and losses at common steps.
    Compare {
        /// Run directories, two or more.
        #[arg(required = true, num_args = 2.., value_name = "RUN")]
        runs: Vec<PathBuf>,
        /// Draw the loss curves over each other.
        #[arg(long, value_name = "FILE.svg")]
        plot: Option<PathBuf>,
        /// Print a JSON object instead of tables.
        #[arg(long)]
        json: bool,
    },
}

/// Runs `gopher runs`.
///
/// # Errors
/// When there is no such run, a file of one is damaged, or the chart cannot be written.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.action {
        Action::Ls { folder, json } => {
            let usual = folder == Path::new(USUAL);
            let listed = match runs::list(&folder) {
                Err(runs::Error::NoFolder { .. }) if usual => Vec::new(),
                listed => listed?,
            };
            if listed.is_empty() {
                match usual {
                    true => note(format_args!("no runs yet: gopher train begins one in {USUAL}")),
                    false => note(format_args!("no runs in {}", folder.display())),
                }
            }
            if json {
                return print_json(&listed.iter().map(RunEntry::new).collect::<Vec<_>>());
            }
            let mut overviews = Vec::new();
            for Listed { run, .. } in listed {
                match run {
                    Ok(run) => overviews.push(run.overview),
                    Err(error) => note(format_args!("warning: {error}")),
                }
            }
            if overviews.is_empty() {
                return Ok(());
            }
            print(text::list(&overviews, &folder))
        }
        Action::Compare { runs, plot, json } => {
            if let Some(path) = &plot {
                check_ending("--plot", path, "SVG", &["svg"])?;
            }
            let runs = runs.iter().map(|path| Run::read(path)).collect::<Result<Vec<_>, _>>()?;
            let comparison = Comparison::new(&runs);
            let names = text::names(&comparison.runs);
            if let Some(path) = &plot {
                draw(path, &Comparison::figure(&runs, &names).svg())?;
                note(format_args!("wrote {}", path.display()));
            }
            if json { print_json(&comparison) } else { print(text::comparison(&comparison, &names)) }
        }
    }
}

fn draw(path: &Path, svg: &str) -> anyhow::Result<()> {
    write_output(path, svg.as_bytes()).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => anyhow!("--plot {}: {error}", path.display()),
        _ => anyhow!("--plot {}: cannot write it: {error}", path.display()),
    })
}

/// A run, or what keeps it from being read.
#[derive(Serialize)]
#[serde(untagged)]
enum RunEntry<'a> {
    Read(&'a Overview),
    Damaged { run: String, error: String },
}

impl<'a> RunEntry<'a> {
    fn new(listed: &'a Listed) -> Self {
        match &listed.run {
            Ok(run) => RunEntry::Read(&run.overview),
            Err(error) => {
                RunEntry::Damaged { run: listed.path.display().to_string(), error: error.to_string() }
            }
        }
    }
}
