//! Numbers made of documents.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::format::{
    Category, Documents, Leak, LeakScores, MetricScore, Metrics, Results, SampleCount, TaskSummary,
};
use super::sample::{Key, hash};
use super::samples::Record;
use crate::leak::{Overlap, Report};
use crate::statistics::{Bootstrap, Estimate, Score, Statistic, TaskScores, estimate, group};

/// A task that was evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRun {
    /// What its documents answer.
    pub key: Key,
    /// How it is shown.
    pub alias: String,
    /// The category it belongs to.
    pub category: String,
    /// The version of its file.
    pub version: Value,
    /// Its file as it was read.
    pub config: Value,
    /// Documents in its data.
    pub original: usize,
    /// Its metrics, the one that stands for it first.
    pub metrics: Vec<Metric>,
    /// Tokens that were scored in `seconds`.
    pub fresh_tokens: u64,
    /// Seconds it took.
    pub seconds: f64,
}

/// A metric of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, such as `acc`.
    pub name: String,
    /// What answers are put through before; usually `none`.
    pub filter: String,
    /// How it is made of documents' scores.
    pub statistic: Statistic,
    /// Whether more is better.
    pub higher_is_better: bool,
}

/// Several tasks with a mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRun {
    /// Its name.
    pub name: String,
    /// How it is shown.
    pub alias: String,
    /// Its tasks, also those that were not scored.
    pub tasks: Vec<String>,
    /// Whose mean it is.
    pub metric: Metric,
}

impl Results {
    /// Adds a task's numbers. `records` are its documents' in order; with `leaks`, scores of clean and dirty documents too.
    pub fn add_task(
        &mut self,
        task: &TaskRun,
        records: &[&Record],
        leaks: Option<&Report>,
        bootstrap: &Bootstrap,
    ) {
        let name = task.key.task.clone();
        let count = |is: &dyn Fn(&Record) -> bool| records.iter().filter(|record| is(record)).count();
        let scored = |record: &Record| !record.scores.is_empty();
        let documents = Documents {
            original: task.original,
            scored: count(&scored),
            skipped: count(&|record| record.skipped),
            truncated: count(&|record| scored(record) && record.truncated > 0),
            empty: count(&|record| scored(record) && record.empty > 0),
        };
        let metrics = scores(&task.metrics, records, bootstrap);
        let mut shown = head(&name, &task.alias, documents.scored);
        for metric in &task.metrics {
            let Some(score) = metrics.get(&metric.name) else { continue };
            show(&mut shown, metric, score.value, score.standard_error);
        }
        let leak = leaks.map(|report| leak(&name, report, &task.metrics, records, bootstrap));
        let summary = TaskSummary {
            category: task.category.clone(),
            protocol: task.key.protocol.clone(),
            shots: task.key.shots,
            prompt_hash: task.key.prompt_hash.clone(),
            checkpoint_hash: task.key.checkpoint_hash.clone(),
            metric: task.metrics.first().map(|metric| metric.name.clone()).unwrap_or_default(),
            documents,
            tokens: records.iter().map(|record| record.tokens as u64).sum(),
            seconds: task.seconds,
            tokens_per_second: Some(task.fresh_tokens as f64 / task.seconds)
                .filter(|rate| task.fresh_tokens > 0 && rate.is_finite()),
            metrics,
            leak,
        };
        let hashes =
            records.iter().flat_map(|record| [&record.doc_hash, &record.prompt_hash, &record.target_hash]);
        let better = task.metrics.iter().map(|metric| (metric.name.clone(), metric.higher_is_better));
        self.results.insert(name.clone(), shown);
        self.configs.insert(name.clone(), task.config.clone());
        self.versions.insert(name.clone(), task.version.clone());
        self.shots.insert(name.clone(), task.key.shots);
        self.higher_is_better.insert(name.clone(), better.collect());
        let counts = SampleCount { original: task.original, effective: documents.scored };
        self.samples.insert(name.clone(), counts);
        self.task_hashes.insert(name.clone(), hash(&hashes.map(String::as_str).collect::<String>()));
        self.gopher.tasks.insert(name, summary);
    }

    /// Adds a group's means, of those of its tasks that have a score. `records` are documents by task.
    ///
    /// Under lm-evaluation-harness's name stands the question-weighted mean, as in its MMLU; both stand in `gopher.groups`.
    pub fn add_group(
        &mut self,
        run: &GroupRun,
        records: &BTreeMap<String, Vec<&Record>>,
        bootstrap: &Bootstrap,
    ) {
        let tasks: Vec<TaskScores> = (run.tasks.iter())
            .filter_map(|task| {
                let scores = scores_of(&run.metric.name, records.get(task)?);
                Some(TaskScores { task: task.clone(), statistic: run.metric.statistic, scores })
            })
            .collect();
        self.group_subtasks.insert(run.name.clone(), run.tasks.clone());
        let Some(means) = group(&tasks, bootstrap) else { return };
        let mut shown = head(&run.name, &run.alias, means.question_weighted.documents);
        show(&mut shown, &run.metric, means.question_weighted.value, means.question_weighted.standard_error);
        self.results.insert(run.name.clone(), shown.clone());
        self.groups.insert(run.name.clone(), shown);
        let better = BTreeMap::from([(run.metric.name.clone(), run.metric.higher_is_better)]);
        self.higher_is_better.insert(run.name.clone(), better);
        let category = Category { metric: run.metric.name.clone(), of: run.tasks.len(), means };
        self.gopher.groups.insert(run.name.clone(), category);
    }
}

fn head(name: &str, alias: &str, documents: usize) -> Metrics {
    let fields = [("name", json!(name)), ("alias", json!(alias)), ("sample_len", json!(documents))];
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Writes a metric as lm-evaluation-harness does. What is not finite has no number in JSON.
fn show(metrics: &mut Metrics, metric: &Metric, value: f64, standard_error: Option<f64>) {
    let number =
        |value: f64, otherwise: &str| if value.is_finite() { json!(value) } else { json!(otherwise) };
    let Metric { name, filter, .. } = metric;
    metrics.insert(format!("{name},{filter}"), number(value, &value.to_string()));
    let error = standard_error.map_or(json!("N/A"), |error| number(error, "N/A"));
    metrics.insert(format!("{name}_stderr,{filter}"), error);
}

/// The scores that documents have in a metric.
fn scores_of(metric: &str, records: &[&Record]) -> Vec<Score> {
    records.iter().filter_map(|record| record.scores.get(metric).copied()).collect()
}

/// Metrics of some documents; none of those in which no document has a score.
fn scores(metrics: &[Metric], records: &[&Record], bootstrap: &Bootstrap) -> BTreeMap<String, MetricScore> {
    let score = |metric: &Metric| {
        let scores = scores_of(&metric.name, records);
        let Estimate { value, standard_error, interval, documents } =
            estimate(metric.statistic, &scores, bootstrap)?;
        let Metric { statistic, higher_is_better, .. } = *metric;
        let score = MetricScore { statistic, higher_is_better, value, standard_error, interval, documents };
        Some((metric.name.clone(), score))
    };
    metrics.iter().filter_map(score).collect()
}

/// Scores of a task's clean, dirty and short documents. What the report does not have was not looked for, and is in none.
fn leak(task: &str, report: &Report, metrics: &[Metric], records: &[&Record], bootstrap: &Bootstrap) -> Leak {
    let overlaps: HashMap<usize, &Overlap> = (report.documents.iter())
        .filter(|overlap| overlap.task == task)
        .map(|overlap| (overlap.document, overlap))
        .collect();
    let part = |is: &dyn Fn(&Overlap) -> bool| {
        let records: Vec<&Record> = (records.iter().copied())
            .filter(|record| !record.scores.is_empty())
            .filter(|record| overlaps.get(&record.document).is_some_and(|overlap| is(overlap)))
            .collect();
        LeakScores { documents: records.len(), metrics: scores(metrics, &records, bootstrap) }
    };
    Leak {
        n: report.n,
        threshold: report.threshold,
        clean: part(&|overlap| !overlap.is_short() && !overlap.dirty),
        dirty: part(&|overlap| overlap.dirty),
        short: part(&Overlap::is_short),
    }
}
