//! `gopher scaling gain`: which tasks gain from a small run to a large one.

use std::path::{Path, PathBuf};

use analyses::scaling::gain::{Count, Gains, gains};
use anyhow::{anyhow, bail};
use clap::Args;
use monitor::runs::Run;
use serde::Serialize;
use tasks::results::{RESULTS, Results};

use crate::output::{note, print, print_json, table};

/// Arguments of `gopher scaling gain`.
#[derive(Args)]
pub struct Arguments {
    /// Run directories that gopher eval has scored, two or more: the smallest and the largest are compared.
    #[arg(long, required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Show every task, not only headings.
    #[arg(long)]
    tasks: bool,
    /// Print a JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    small: Side,
    large: Side,
    #[serde(flatten)]
    gains: Gains,
}

#[derive(Serialize)]
struct Side {
    run: PathBuf,
    parameters: u64,
    #[serde(skip)]
    results: Results,
}

/// Compares.
///
/// # Errors
/// Runs that were not evaluated, or are of one size.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut sides = arguments.runs.iter().map(|run| side(run)).collect::<anyhow::Result<Vec<_>>>()?;
    sides.sort_by_key(|side| side.parameters);
    let (small, large) = (sides.remove(0), sides.pop().ok_or_else(|| anyhow!("two runs are needed"))?);
    if small.parameters == large.parameters {
        bail!("all of these runs have {} parameters: there is no smaller and no larger", small.parameters);
    }
    let gains = gains(&small.results, &large.results);
    for (task, why) in &gains.left_out {
        note(format_args!("left out: {task}: {why}"));
    }
    if gains.tasks.is_empty() {
        bail!(
            "{} and {} have no scores of the same task to compare",
            small.run.display(),
            large.run.display()
        );
    }
    let report = Report { small, large, gains };
    if arguments.json { print_json(&report) } else { print(text(&report, arguments.tasks)) }
}

/// A run with its newest evaluation.
fn side(path: &Path) -> anyhow::Result<Side> {
    let run = Run::read(path)?;
    let parameters = run.overview.parameters;
    let parameters = parameters.ok_or_else(|| {
        anyhow!("{}: it does not say how many parameters it has (plan.json)", path.display())
    })?;
    let folder = path.join("evaluation");
    let steps = std::fs::read_dir(&folder).into_iter().flatten().flatten().filter_map(|entry| {
        let step: u64 = entry.file_name().to_str()?.strip_prefix("step-")?.parse().ok()?;
        entry.path().join(RESULTS).is_file().then(|| (step, entry.path()))
    });
    let (_, newest) = steps.max().ok_or_else(|| {
        anyhow!("{}: it was not evaluated; gopher eval --run {} does", path.display(), path.display())
    })?;
    Ok(Side { run: path.to_owned(), parameters, results: Results::read(&newest)? })
}

fn text(report: &Report, tasks: bool) -> String {
    let Report { small, large, gains } = report;
    let percent = |gain: Option<f64>| gain.map_or("-".into(), |gain| format!("{:+.1}%", 100.0 * gain));
    let line = |name: &str, count: &Count| {
        let numbers =
            [count.tasks, count.large, count.some, count.none, count.clearly_better, count.clearly_worse];
        let mut row = vec![name.to_owned()];
        row.extend(numbers.map(|number| number.to_string()));
        row.push(percent(count.mean));
        row
    };
    let head = ["", "tasks", ">25%", "<=25%", "none", "clearly better", "clearly worse", "mean"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(gains.headings.iter().map(|(heading, count)| line(heading.title(), count)));
    rows.push(line("all", &gains.all));
    let mut text = format!(
        "from {} ({} parameters) to {} ({} parameters)\n{}",
        small.run.display(),
        small.parameters,
        large.run.display(),
        large.parameters,
        table(&rows)
    );
    if tasks {
        let head = ["task", "heading", "metric", "documents", "small", "large", "gain", "clear"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(gains.tasks.iter().map(|gain| {
            vec![
                gain.task.clone(),
                gain.heading.title().to_owned(),
                gain.metric.clone(),
                gain.documents.to_string(),
                format!("{:.4}", gain.small),
                format!("{:.4}", gain.large),
                percent(gain.gain),
                gain.clear.map_or("-", |clear| if clear { "yes" } else { "no" }).to_owned(),
            ]
        }));
        text += &format!("\n{}", table(&rows));
    }
    text
}
