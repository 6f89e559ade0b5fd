//! Results as tables.

use std::fmt::Write as _;

use tasks::results::{MetricScore, Results, TaskSummary};
use tasks::statistics::Estimate;
use tasks::suite::Category;

use super::select::Selection;
use crate::output::{grouped, table};

/// A table for each category: the metric, its 95% interval, and the paper's 280B model beside it.
pub fn tables(results: &Results, selection: &Selection) -> String {
    let mut text = String::new();
    let own = &results.gopher;
    let mut categories: Vec<(&str, &str)> =
        Category::ALL.iter().map(|category| (category.name(), category.title())).collect();
    categories.push(("file", "your own tasks"));
    for (name, title) in categories {
        let tasks: Vec<(&String, &TaskSummary)> =
            own.tasks.iter().filter(|(_, task)| task.category == name).collect();
        if tasks.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{title}");
        let head = ["task", "shots", "documents", "metric", "value", "95% interval", "Gopher 280B"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(tasks.iter().map(|(name, task)| row(name, task, selection)));
        if let Some(group) = own.groups.get(name) {
            let mean = |what: &str, mean: &Estimate| {
                let higher = tasks
                    .first()
                    .is_none_or(|(_, task)| first(task).is_none_or(|score| score.higher_is_better));
                let documents = grouped(mean.documents as u64);
                let interval = mean.interval.map_or(String::new(), |interval| {
                    format!("{} to {}", number(interval.low, higher), number(interval.high, higher))
                });
                let tasks = format!("{what} ({} of {})", group.means.tasks, group.of);
                vec![
                    tasks,
                    String::new(),
                    documents,
                    group.metric.clone(),
                    number(mean.value, higher),
                    interval,
                    String::new(),
                ]
            };
            rows.push(mean("mean of tasks", &group.means.unweighted));
            rows.push(mean("mean of questions", &group.means.question_weighted));
        }
        let _ = writeln!(text, "{}", table(&rows));
        for (name, task) in &tasks {
            remarks(&mut text, name, task);
        }
    }
    if let Some(suite) = &own.suite {
        let _ = writeln!(
            text,
            "{} of {} tasks of {} scored whole; protocol {}",
            suite.scored, suite.tasks, suite.name, own.protocol
        );
        if suite.scored < suite.tasks {
            let partial = own.tasks.len().saturating_sub(suite.scored);
            let _ = writeln!(
                text,
                "{partial} in part, {} without data (gopher eval list says how to get it): no mean of all",
                suite.missing.len()
            );
        }
    }
    text
}

fn first(task: &TaskSummary) -> Option<&MetricScore> {
    task.metrics.get(&task.metric)
}

fn row(name: &str, task: &TaskSummary, selection: &Selection) -> Vec<String> {
    let score = first(task);
    let higher = score.is_none_or(|score| score.higher_is_better);
    let value = score.map_or("-".into(), |score| number(score.value, higher));
    let interval = score.and_then(|score| score.interval).map_or(String::new(), |interval| {
        format!("{} to {}", number(interval.low, higher), number(interval.high, higher))
    });
    let paper = selection.entries.get(name).and_then(|entry| {
        let value = entry.gopher_with(task.shots as u32)? / entry.metric.paper_scale();
        Some(number(value, higher))
    });
    let Documents { scored, original } = Documents::of(task);
    let documents = if scored == original { scored } else { format!("{scored} of {original}") };
    vec![
        name.to_owned(),
        task.shots.to_string(),
        documents,
        task.metric.clone(),
        value,
        interval,
        paper.unwrap_or_default(),
    ]
}

struct Documents {
    scored: String,
    original: String,
}

impl Documents {
    fn of(task: &TaskSummary) -> Self {
        let documents = &task.documents;
        Self { scored: grouped(documents.scored as u64), original: grouped(documents.original as u64) }
    }
}

/// Shares in per cent, everything else as it is.
fn number(value: f64, share: bool) -> String {
    if share { format!("{:.1}%", 100.0 * value) } else { format!("{value:.3}") }
}

/// What a reader of the number must know.
fn remarks(text: &mut String, name: &str, task: &TaskSummary) {
    let documents = &task.documents;
    for (count, what) in [
        (documents.truncated, "documents have a beginning that the window had no room for"),
        (documents.skipped, "documents do not fit the window and were left out"),
        (documents.empty, "documents have a continuation without tokens of its own"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "{name}: {} {what}", grouped(count as u64));
        }
    }
    if let Some(leak) = &task.leak {
        let score = |part: &tasks::results::LeakScores| {
            let value = part.metrics.get(&task.metric);
            value.map_or("-".into(), |score| number(score.value, score.higher_is_better))
        };
        let _ = writeln!(
            text,
            "{name}: {} of {} documents share {} words with the training text: {} {} without them, {} with them alone",
            leak.dirty.documents,
            documents.scored,
            leak.n,
            task.metric,
            score(&leak.clean),
            score(&leak.dirty)
        );
    }
}
