//! `gopher report`: one page of what runs show, the same as JSON, and a model card.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::Args;
use report::{collect, page};
use store::files::write_outputs;

use crate::output::{check_ending, note, print, print_json, usage};

/// Arguments of `gopher report`.
#[derive(Args)]
pub struct Arguments {
    /// Run directories.
    #[arg(long, required = true, num_args = 1.., value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The page; beside it stands a .json file with the same numbers.
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Write the model card of the largest run as Markdown, too.
    #[arg(long, value_name = "FILE.md")]
    model_card: Option<PathBuf>,
    /// A data card, such as gopher data run writes, to be quoted in the model card.
    #[arg(long, value_name = "FILE")]
    data_card: Option<PathBuf>,
    /// Write over files that are there.
    #[arg(long)]
    force: bool,
    /// Print the report as a JSON object.
    #[arg(long)]
    json: bool,
}

/// Reads runs and writes the report.
///
/// # Errors
/// A folder that is no run, and files that are there already.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { runs, output, model_card, data_card, force, json } = arguments;
    check_ending("-o", &output, "a page", &["html", "htm"])?;
    let twin = output.with_extension("json");
    if let Some(card) = &model_card {
        check_ending("--model-card", card, "Markdown", &["md"])?;
        if *card == output || *card == twin {
            return Err(usage(format_args!("--model-card {}: the report is written there", card.display())));
        }
    }
    let targets: Vec<&Path> = [&output, &twin].into_iter().chain(&model_card).map(PathBuf::as_path).collect();
    let is_there =
        |path: &&&Path| path.symlink_metadata().is_ok_and(|file| file.is_file() || file.is_symlink());
    let taken = || targets.iter().find(is_there).filter(|_| !force);
    let refused = |path: &Path| {
        anyhow!("{}: there is a file already; name another, or write over it with --force", path.display())
    };
    if let Some(path) = taken() {
        return Err(refused(path));
    }
    let report = collect(&runs, data_card.as_deref())?;
    let html = page(&report)?;
    let text = serde_json::to_string_pretty(&report)? + "\n";
    let card = report.card.markdown();
    let mut files = vec![(output.as_path(), html.as_bytes()), (twin.as_path(), text.as_bytes())];
    if let Some(path) = &model_card {
        files.push((path, card.as_bytes()));
    }
    // Another report may have come meanwhile.
    if let Some(path) = taken() {
        return Err(refused(path));
    }
    if let Err((path, error)) = write_outputs(&files) {
        bail!("cannot write {}: {error}", path.display());
    }
    let held: u64 = report.held_back.iter().map(|held| held.lines).sum();
    if held > 0 {
        note(format_args!(
            "{held} prompts, texts and answers of the runs are held back: the page shows numbers alone"
        ));
    }
    for problem in report.runs.iter().flat_map(|run| &run.problems) {
        note(format_args!("warning: not in the report: {problem}"));
    }
    if json {
        return print_json(&report);
    }
    let lines =
        files.iter().map(|(path, content)| format!("wrote {} ({} bytes)\n", path.display(), content.len()));
    print(lines.collect::<String>())
}
