//! `gopher data run`.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use massivetext::Error;
use massivetext::output::RECEIPT;
use massivetext::pipeline::{self, Event, Plan, Settings, Storage, Summary, TokenizerPlan};
use serde_json::json;

use super::remote::Room;
use super::remote::pipeline::{Stores, check};
use super::work;
use crate::output::{grouped, line, note, print, print_json, table, usage};

/// Arguments of `gopher data run`.
#[derive(Args)]
pub struct Arguments {
    /// The pipeline (docs/pipeline.md). Paths in it are relative to its folder.
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Say what would be done, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do a stage again, and those after it, after removing their folders: dedup, or web/dedup of one subset. May be given several
    /// times.
    #[arg(long = "force-stage", value_name = "STAGE")]
    forced: Vec<String>,
    /// Tokens of the training whose epochs the report has, such as 300e9.
    #[arg(long, value_name = "N")]
    tokens: Option<f64>,
    /// Threads. The output is the same for any number.
    #[arg(long, value_name = "N", help_heading = "Work")]
    threads: Option<usize>,
    #[command(flatten)]
    room: Room,
    /// Print the report as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Does all stages that are not done, and prints what became of each subset.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut settings = Settings::read(&arguments.file).map_err(usage)?;
    check(&settings)?;
    if let Some(tokens) = arguments.tokens {
        if !(tokens.is_finite() && tokens > 0.0) {
            return Err(usage(format_args!("--tokens {tokens}: a number above 0 is expected")));
        }
        settings.training_tokens = tokens;
    }
    work::set_threads(arguments.threads)?;
    enter(&arguments.file)?;
    let storage = Stores::new(arguments.room);
    let plan = Plan::new(&settings, &storage)?;
    plan.forced(&arguments.forced).map_err(|error| usage(format_args!("--force-stage {error}")))?;
    if arguments.dry_run {
        return dry(&plan, &storage, &arguments.forced, arguments.json);
    }
    let result = pipeline::run(&settings, &plan, &storage, &arguments.forced, &mut observe);
    line::clear();
    let summary = result.map_err(|error| match error {
        // Nothing else of the command line can be meant.
        Error::BadRecord { place, detail } => anyhow!("{place}: {detail}; work.strict = true allows none"),
        error => error.into(),
    })?;
    for name in pipeline::REPORT {
        note(plan.out.join(name).display());
    }
    if arguments.json { print_json(&summary) } else { print(text(&summary)) }
}

/// Goes to the folder of the pipeline's file, from which its paths are meant, as the single commands would be run there.
fn enter(file: &Path) -> anyhow::Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            std::env::set_current_dir(folder).map_err(|error| anyhow!("{}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn observe(event: Event<'_>) {
    match event {
        Event::Progress { place, of, step, what, count } => {
            if line::is_possible() {
                let what = if what.is_empty() { "records" } else { what };
                line::rewrite(&format!("{step} ({place} of {of}): {what} {}", grouped(count)));
            }
        }
        Event::Finished { step, ledger, was_complete } => {
            line::clear();
            let [records, kept] = [ledger.records, ledger.kept].map(grouped);
            let [dropped, errors] = [ledger.all_dropped(), ledger.all_errors()].map(grouped);
            let passed_over = match ledger.all_passed_over() {
                0 => String::new(),
                count => format!(" + {} passed over", grouped(count)),
            };
            let before = if was_complete { ", complete already" } else { "" };
            note(format_args!(
                "{step}: {records} = {kept} kept + {dropped} dropped + {errors} errors{passed_over}{before}"
            ));
        }
    }
}

/// The steps, and which of them are done.
fn dry(plan: &Plan, storage: &dyn Storage, forced: &[String], as_json: bool) -> anyhow::Result<()> {
    let forced: Vec<String> = plan.forced(forced)?.into_iter().map(|step| step.name()).collect();
    let state = |folder: &Path, name: &str| -> anyhow::Result<&str> {
        Ok(match storage.read(&folder.join(RECEIPT))? {
            Some(_) if forced.iter().any(|forced| forced == name) => "again",
            Some(_) => "there",
            None => "to do",
        })
    };
    let paths = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let mut steps = Vec::new();
    for step in &plan.steps {
        let name = step.name();
        steps.push((
            name.clone(),
            state(&step.out, &name)?,
            paths(&step.inputs),
            step.out.display().to_string(),
        ));
    }
    if let Some(TokenizerPlan::Train { inputs, out, .. }) = &plan.tokenizer {
        let state = if forced.is_empty() { state(out, "tokenizer")? } else { "again" };
        let place = plan.steps.iter().take_while(|step| step.stage != pipeline::StageName::Tokenize).count();
        steps.insert(place, ("tokenizer".to_owned(), state, paths(inputs), out.display().to_string()));
    }
    if as_json {
        let steps = steps.iter().map(
            |(step, state, inputs, out)| json!({"step": step, "state": state, "in": inputs, "out": out}),
        );
        return print_json(&steps.collect::<Vec<_>>());
    }
    let mut rows = vec![["step", "state", "in", "out"].map(str::to_owned).to_vec()];
    rows.extend(steps.into_iter().map(|(step, state, inputs, out)| {
        let more = inputs.len().saturating_sub(1);
        let first = inputs.into_iter().next().unwrap_or_default();
        let inputs = if more > 0 { format!("{first} and {more} more") } else { first };
        vec![step, state.to_owned(), inputs, out]
    }));
    print(table(&rows))
}

fn text(summary: &Summary) -> String {
    let mut rows = vec![
        ["subset", "records", "left", "tokens", "held out", "share", "epochs", "paper's"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for subset in &summary.subsets {
        let records = subset.stages.first().map_or(0, |stage| stage.ledger.records);
        let left = subset.stages.last().map_or(0, |stage| stage.ledger.kept);
        let tokens = subset.tokens.map_or(["-".to_owned(), "-".to_owned()], |tokens| {
            [tokens.tokens, tokens.held_out_tokens].map(grouped)
        });
        rows.push(
            [subset.name.clone(), grouped(records), grouped(left)]
                .into_iter()
                .chain(tokens)
                .chain([
                    format!("{:.1}%", 100.0 * subset.share),
                    subset.epochs.map_or("-".to_owned(), |epochs| format!("{epochs:.2}")),
                    subset.paper.epochs.to_string(),
                ])
                .collect(),
        );
    }
    format!("{}epochs of {:e} tokens; the paper's are of 3e11\n", table(&rows), summary.training_tokens)
}
