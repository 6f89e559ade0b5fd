//! `gopher eval --run DIR`: scores tasks.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Args;
use eval::TrainedModel;
use eval::evaluate::{Evaluation, EvaluationOptions, Progress, leak_index};
use eval::scoring::Overlong;
use serde_json::json;
use tasks::leak::Report;
use tasks::results::{Checkpoint, GroupRun, Metric, Results, Suite};
use tasks::statistics::Statistic;
use tasks::suite::{Category, Entry, Presence};

use super::data::Data;
use super::model::ModelArguments;
use super::select::{Selection, TaskArguments};
use super::show;
use crate::commands::train::Signals;
use crate::output::{Counter, Interrupted, grouped, line, note, print, print_json, usage};

/// Arguments of `gopher eval` without a subcommand.
#[derive(Args)]
pub struct ScoreArguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    tasks: TaskArguments,
    #[command(flatten)]
    data: Data,
    /// Look for every document's 13-grams in the text that the run was trained on, and score what was found apart.
    #[arg(long, help_heading = "Results")]
    leaks: bool,
    /// Folder for results.json and samples.jsonl; what an interrupted evaluation has finished there is kept
    /// [default: evaluation in the run].
    #[arg(short, long, value_name = "DIR", help_heading = "Results")]
    output: Option<PathBuf>,
    /// Print results.json instead of tables.
    #[arg(long, help_heading = "Results")]
    json: bool,
}

/// Scores tasks, and prints a table for each category.
///
/// # Errors
/// Wrong arguments, data that cannot be read, a model that cannot be loaded, a device that fails, a full disk. What is
/// finished by then is kept.
pub fn run(arguments: ScoreArguments) -> anyhow::Result<()> {
    let ScoreArguments { model: model_arguments, tasks, data, leaks, output, json } = arguments;
    let signals = Signals::install()?;
    let model = model_arguments.open()?;
    let selection = tasks.select(&data)?;
    let Selection { subjects, .. } = &selection;
    let run = model_arguments.run()?;
    let folder = output.unwrap_or_else(|| folder_of(run, &model));
    let hash = model.hash()?;
    let mut results = header(&model, &model_arguments, &tasks, &selection, &hash)?;
    let leaks = if leaks { Some(search(&model, &selection)?) } else { None };
    let begin = Instant::now();
    let window = model_arguments.window(&model);
    let mut scorer = model_arguments.load(model, 0)?;
    let options = EvaluationOptions {
        window,
        overlong: model_arguments.overlong.into(),
        devices: scorer.devices(),
        ..EvaluationOptions::default()
    };
    let mut cut = |progress: Progress<'_>| {
        if let Progress::Cut { bytes } = progress {
            note(format_args!(
                "removed {bytes} bytes of a document that was being written when the program was stopped"
            ));
        }
    };
    let mut evaluation = Evaluation::open(&folder, subjects, hash, options, &mut cut)?;
    results.max_length = scorer.window();
    if let (Some(topology), Some(mesh)) = (model_arguments.topology(), scorer.mesh()) {
        let mesh = format!("data={},model={}", mesh.data, mesh.model);
        let arguments = &mut results.config.model_args;
        arguments.extend([("topology".to_owned(), json!(topology)), ("plan".to_owned(), json!(mesh))]);
    }
    signals.finish_steps(None, || note("stopping after the documents under way; again ends at once"), || ());
    let mut shown = Counter::new("documents");
    let finished = evaluation.run(&mut scorer, subjects, &mut |progress| {
        if let Progress::Documents { task, done, found, of } = progress {
            shown.show(task, done, found, of);
        }
        if signals.stop().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    signals.saved();
    line::clear();
    if !finished? {
        note(format_args!("stopped; the same command goes on from {}", folder.display()));
        return Err(Interrupted(signals.stop().unwrap_or(130)).into());
    }
    results.total_evaluation_time_seconds = format!("{:.3}", begin.elapsed().as_secs_f64());
    let groups = groups(&selection);
    let results = evaluation.conclude(&folder, subjects, &groups, leaks.as_ref(), results)?;
    let statistics = scorer.statistics();
    note(format_args!(
        "{} tokens scored, {} read, {} of them shared, in {:.1} s; results in {}",
        grouped(statistics.scored),
        grouped(statistics.computed + statistics.reused),
        grouped(statistics.reused),
        statistics.seconds,
        folder.display()
    ));
    if json { print_json(&results) } else { print(show::tables(&results, &selection)) }
}

/// The folder of a run's evaluations, apart from what training writes.
fn folder_of(run: &std::path::Path, model: &TrainedModel) -> PathBuf {
    super::run_of(run).join("evaluation").join(format!("step-{}", model.manifest().step))
}

/// What results say of the model and of how it was scored.
fn header(
    model: &TrainedModel,
    arguments: &ModelArguments,
    tasks: &TaskArguments,
    selection: &Selection,
    hash: &str,
) -> anyhow::Result<Results> {
    let name = arguments.run()?.display().to_string();
    let mut results = Results {
        model_source: "gopher".into(),
        model_name_sanitized: name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect(),
        model_name: name,
        date: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()),
        eot_token_id: model.tokenizer().end_of_text(),
        ..Results::default()
    };
    let config = &mut results.config;
    config.model = "gopher".into();
    config.model_args = BTreeMap::from([
        ("run".to_owned(), json!(results.model_name)),
        ("step".to_owned(), json!(model.manifest().step)),
        ("window".to_owned(), json!(arguments.window(model))),
    ]);
    config.model_num_parameters =
        model.config().model.parameters().iter().map(model::ParameterSpec::elements).sum();
    config.model_dtype = model.activations(arguments.device(model)).to_string();
    config.model_sha = hash.to_owned();
    config.batch_size = arguments.batch.to_string();
    config.device = arguments.device(model).to_string();
    config.limit = tasks.limit.map(|limit| limit as usize);
    config.bootstrap_iters = tasks::statistics::Bootstrap::default().resamples;
    config.random_seed = tasks::statistics::Bootstrap::default().seed;
    config.fewshot_seed = 1234;
    let own = &mut results.gopher;
    own.version = tasks::results::VERSION;
    own.program = env!("CARGO_PKG_VERSION").into();
    own.protocol = tasks::suite::Protocol::from(tasks.protocol).name().into();
    own.checkpoint =
        Checkpoint { path: model.path().to_owned(), step: model.manifest().step, hash: hash.to_owned() };
    own.overlong = Overlong::from(arguments.overlong).name().into();
    own.suite = selection.suite.as_ref().map(|(name, entries)| {
        let whole = |entry: &&&Entry| {
            selection.presence.get(&entry.name) == Some(&Presence::Present) && tasks.limit.is_none()
        };
        Suite {
            name: name.clone(),
            tasks: entries.len(),
            scored: entries.iter().filter(whole).count(),
            missing: selection.missing.clone(),
        }
    });
    Ok(results)
}

/// The categories that have a mean: all their tasks, scored or not, have one metric.
fn groups(selection: &Selection) -> Vec<GroupRun> {
    let mut groups = Vec::new();
    for category in Category::ALL {
        let scored = selection.entries.values().any(|entry| entry.category == category);
        let tasks: Vec<&Entry> =
            tasks::suite::entries().iter().filter(|task| task.category == category).collect();
        let Some(first) = tasks.first() else { continue };
        if !scored || category == Category::Extra || tasks.iter().any(|task| task.metric != first.metric) {
            continue;
        }
        let statistic = match first.metric {
            tasks::suite::Metric::BitsPerByte => Statistic::BitsPerByte,
            tasks::suite::Metric::WordPerplexity => Statistic::WeightedPerplexity,
            _ => Statistic::Mean,
        };
        groups.push(GroupRun {
            name: category.name().into(),
            alias: category.title().into(),
            tasks: tasks.iter().map(|task| task.name.clone()).collect(),
            metric: Metric {
                name: first.metric.name().into(),
                filter: "none".into(),
                statistic,
                higher_is_better: first.metric.higher_is_better(),
            },
        });
    }
    groups
}

/// Looks for the documents in the run's own training text.
fn search(model: &TrainedModel, selection: &Selection) -> anyhow::Result<Report> {
    if model.origin().is_some() {
        return Err(usage("--leaks: the model was imported, and what text it was trained on is not known"));
    }
    let mut index = leak_index(&selection.subjects);
    note("reading the training text for documents of the tasks in it");
    train::text::documents(&model.config().data, &mut Notes, &mut |document| index.read(&document.text))
        .context("--leaks reads the text that the run was trained on")?;
    Ok(index.report(0.0))
}

/// Says what is noticed in the training text.
struct Notes;

impl train::observer::Observer for Notes {
    fn event(&mut self, event: train::observer::Event<'_>) {
        match event {
            train::observer::Event::Fetch(progress) => crate::output::fetching(progress),
            train::observer::Event::Note(text) => note(text),
            _ => {}
        }
    }
}
