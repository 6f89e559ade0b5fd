//! Two evaluations of the same documents, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::results::{self, RESULTS, Record, Results, SAMPLES, TaskSummary, read_records};
use crate::statistics::{Bootstrap, GroupDifference, Paired, Statistic, TaskPairs, pair, pair_group};

/// What is compared, and what may differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The metric; without it, the one that stands for each task in the first results.
    pub metric: Option<String>,
    /// Compare documents that were asked in different ways too.
    pub different_prompts: bool,
    /// How documents are drawn.
    pub bootstrap: Bootstrap,
}

/// Two evaluations that cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be used.
    #[error(transparent)]
    Results(#[from] results::Error),
    /// They have no task in common, or no document of one.
    #[error("{} and {} have no document in common: {detail}", .a.display(), .b.display())]
    NothingInCommon {
        /// The first.
        a: PathBuf,
        /// The second.
        b: PathBuf,
        /// What each has.
        detail: String,
    },
    /// Documents were not asked the same.
    #[error(
        "the models were not asked the same: {}; evaluate one of them as the other was, or say --different-prompts to compare them nevertheless",
        .differences.join("; ")
    )]
    Different {
        /// What differs, task by task.
        differences: Vec<String>,
    },
    /// A task has no such metric.
    #[error("{task} has no metric {metric:?} in {}; it has {}", .path.display(), .metrics.join(", "))]
    Metric {
        /// The results.
        path: PathBuf,
        /// The task.
        task: String,
        /// The metric.
        metric: String,
        /// Those it has.
        metrics: Vec<String>,
    },
}

/// Two evaluations side by side: `b` less `a`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The first.
    pub a: Of,
    /// The second.
    pub b: Of,
    /// Tasks in both, by name.
    pub tasks: Vec<TaskComparison>,
    /// By category, of tasks that have the same statistic: all that are right or wrong, say.
    pub categories: Vec<CategoryComparison>,
    /// Tasks of the first only.
    pub tasks_only_a: Vec<String>,
    /// Tasks of the second only.
    pub tasks_only_b: Vec<String>,
    /// What was asked differently, if that was allowed.
    pub differences: Vec<String>,
}

/// One of two evaluations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Of {
    /// Its results.
    pub path: PathBuf,
    /// The model.
    pub model: String,
    /// The step of its checkpoint.
    pub step: u64,
    /// The hash of its checkpoint.
    pub checkpoint_hash: String,
}

/// A task in both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskComparison {
    /// Its name.
    pub task: String,
    /// Its category.
    pub category: String,
    /// What is compared.
    pub metric: String,
    /// How that is made of documents' scores.
    pub statistic: Statistic,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// Documents that only the first has a score of.
    pub documents_only_a: usize,
    /// Documents that only the second has a score of.
    pub documents_only_b: usize,
    /// The numbers; `None` if no document has a score in both.
    pub pairs: Option<Paired>,
}

/// A category's tasks together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoryComparison {
    /// Its name.
    pub category: String,
    /// How its tasks' numbers are made.
    pub statistic: Statistic,
    /// Its means.
    #[serde(flatten)]
    pub means: GroupDifference,
}

/// An evaluation as it is on disk.
struct Side {
    path: PathBuf,
    results: Results,
    records: BTreeMap<String, BTreeMap<usize, Record>>,
}

impl Side {
    fn read(path: &Path) -> Result<Self, Error> {
        let path = if path.is_dir() { path.join(RESULTS) } else { path.to_owned() };
        let results = Results::read(&path)?;
        let records = read_records(&path.with_file_name(SAMPLES))?;
        Ok(Self { path, results, records })
    }

    fn of(&self) -> Of {
        let checkpoint = &self.results.gopher.checkpoint;
        Of {
            path: self.path.clone(),
            model: self.results.model_name.clone(),
            step: checkpoint.step,
            checkpoint_hash: checkpoint.hash.clone(),
        }
    }

    fn tasks(&self) -> BTreeSet<&str> {
        self.results.gopher.tasks.keys().map(String::as_str).collect()
    }
}

/// A task's documents in both.
struct Matched {
    task: TaskComparison,
    pairs: TaskPairs,
    differences: Vec<String>,
}

/// Compares two evaluations, each a folder of `gopher eval -o` or the `results.json` in it. Documents are pairs if their task,
/// position and content are the same.
///
/// # Errors
/// [`Error::Different`] when documents were not asked the same; files that cannot be used; nothing in common.
pub fn compare(a: &Path, b: &Path, options: &Options) -> Result<Comparison, Error> {
    let (a, b) = (Side::read(a)?, Side::read(b)?);
    let shared: Vec<&str> = a.tasks().intersection(&b.tasks()).copied().collect();
    let matched: Vec<Matched> =
        shared.iter().map(|task| match_task(task, &a, &b, options)).collect::<Result<_, _>>()?;
    if matched.iter().all(|matched| matched.pairs.scores.is_empty()) {
        let detail = match shared.as_slice() {
            [] => {
                let names = |side: &Side| side.tasks().into_iter().collect::<Vec<_>>().join(", ");
                format!("the tasks of one are {}, those of the other {}", names(&a), names(&b))
            }
            shared => format!("the documents of {} are others in each", shared.join(", ")),
        };
        return Err(Error::NothingInCommon { a: a.path, b: b.path, detail });
    }
    let differences: Vec<String> =
        matched.iter().flat_map(|matched| matched.differences.iter().cloned()).collect();
    if !differences.is_empty() && !options.different_prompts {
        return Err(Error::Different { differences });
    }
    let only = |one: &Side, other: &Side| {
        one.tasks().difference(&other.tasks()).map(|&task| task.to_owned()).collect::<Vec<_>>()
    };
    Ok(Comparison {
        categories: categories(&matched, &options.bootstrap),
        tasks: (matched.into_iter())
            .map(|Matched { task, pairs, .. }| TaskComparison {
                pairs: pair(&pairs, &options.bootstrap),
                ..task
            })
            .collect(),
        tasks_only_a: only(&a, &b),
        tasks_only_b: only(&b, &a),
        a: a.of(),
        b: b.of(),
        differences,
    })
}

fn match_task(task: &str, a: &Side, b: &Side, options: &Options) -> Result<Matched, Error> {
    let summary = |side: &Side| -> TaskSummary { side.results.gopher.tasks[task].clone() };
    let (summary_a, summary_b) = (summary(a), summary(b));
    let metric = options.metric.clone().unwrap_or_else(|| summary_a.metric.clone());
    for (side, summary) in [(a, &summary_a), (b, &summary_b)] {
        if !summary.metrics.contains_key(&metric) {
            let metrics = summary.metrics.keys().cloned().collect();
            return Err(Error::Metric { path: side.path.clone(), task: task.into(), metric, metrics });
        }
    }
    let score = &summary_a.metrics[&metric];
    let (statistic, higher_is_better) = (score.statistic, score.higher_is_better);
    let none = BTreeMap::new();
    let records = |side: &'_ Side| side.records.get(task).unwrap_or(&none).clone();
    let scored = |records: &BTreeMap<usize, Record>| {
        records.values().filter(|record| record.scores.contains_key(&metric)).count()
    };
    let (records_a, records_b) = (records(a), records(b));
    let (mut scores, mut other_prompts, mut other_targets) = (Vec::new(), 0, 0);
    for (document, a) in &records_a {
        let Some(b) = records_b.get(document).filter(|b| b.doc_hash == a.doc_hash) else { continue };
        let (Some(&score_a), Some(&score_b)) = (a.scores.get(&metric), b.scores.get(&metric)) else {
            continue;
        };
        scores.push((score_a, score_b));
        other_prompts += usize::from(a.ask_hash != b.ask_hash);
        other_targets += usize::from(a.target_hash != b.target_hash);
    }
    let paired = scores.len();
    let mut differences = Vec::new();
    let mut differ = |what: &str, a: String, b: String| {
        if a != b {
            differences.push(format!("{task}: {what} {a} against {b}"));
        }
    };
    differ("protocol", summary_a.protocol.clone(), summary_b.protocol.clone());
    differ("shots", summary_a.shots.to_string(), summary_b.shots.to_string());
    for (what, count) in [("other prompts", other_prompts), ("other right answers", other_targets)] {
        if count > 0 {
            differences.push(format!("{task}: {what} in {count} of {paired} documents"));
        }
    }
    let (documents_only_a, documents_only_b) = (scored(&records_a) - paired, scored(&records_b) - paired);
    let category = summary_a.category;
    let name = task.to_owned();
    Ok(Matched {
        pairs: TaskPairs { task: name.clone(), statistic, higher_is_better, scores },
        task: TaskComparison {
            task: name,
            category,
            metric,
            statistic,
            higher_is_better,
            documents_only_a,
            documents_only_b,
            pairs: None,
        },
        differences,
    })
}

/// Means of each category, of its tasks that have the same statistic.
fn categories(matched: &[Matched], bootstrap: &Bootstrap) -> Vec<CategoryComparison> {
    let mut groups: BTreeMap<(&str, Statistic, bool), Vec<TaskPairs>> = BTreeMap::new();
    for Matched { task, pairs, .. } in matched {
        let key = (task.category.as_str(), task.statistic, task.higher_is_better);
        groups.entry(key).or_default().push(pairs.clone());
    }
    let category = |((category, statistic, _), pairs): ((&str, Statistic, bool), Vec<TaskPairs>)| {
        Some(CategoryComparison {
            category: category.into(),
            statistic,
            means: pair_group(&pairs, bootstrap)?,
        })
    };
    groups.into_iter().filter_map(category).collect()
}
