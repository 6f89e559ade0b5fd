//! `results.json`: lm-evaluation-harness's `EvalResults`, and ours beside it.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Error, RESULTS, Result, VERSION, number};
use crate::statistics::{Group, Interval, Statistic};

/// Metrics as lm-evaluation-harness writes them: `acc,none`, `acc_stderr,none` (a number or `"N/A"`), `name`, `alias`,
/// `sample_len`.
pub type Metrics = BTreeMap<String, Value>;

/// The numbers of an evaluation. Above `gopher`, the fields of lm-evaluation-harness's `EvalResults`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// By task, and by group with a mean.
    pub results: BTreeMap<String, Metrics>,
    /// By group with a mean.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Metrics>,
    /// Tasks of each group.
    pub group_subtasks: BTreeMap<String, Vec<String>>,
    /// Task files as they were read.
    pub configs: BTreeMap<String, Value>,
    /// Versions of task files.
    pub versions: BTreeMap<String, Value>,
    /// Shots by task.
    #[serde(rename = "n-shot")]
    pub shots: BTreeMap<String, usize>,
    /// By task and metric.
    pub higher_is_better: BTreeMap<String, BTreeMap<String, bool>>,
    /// Documents by task.
    #[serde(rename = "n-samples")]
    pub samples: BTreeMap<String, SampleCount>,
    /// The model, and how it was run.
    pub config: RunConfig,
    /// The commit of this program.
    pub git_hash: Option<String>,
    /// When it began: seconds since 1970.
    pub date: f64,
    /// The piece that ends a text, and its id as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer_eos_token: Option<(String, String)>,
    /// The piece that begins a text, and its id as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer_bos_token: Option<(String, String)>,
    /// The id that ends a text.
    pub eot_token_id: Option<u32>,
    /// Tokens of the window.
    pub max_length: usize,
    /// SHA-256 over each task's documents, prompts and targets, as lm-evaluation-harness makes it.
    pub task_hashes: BTreeMap<String, String>,
    /// `gopher`.
    pub model_source: String,
    /// The run.
    pub model_name: String,
    /// The run, as a file name.
    pub model_name_sanitized: String,
    /// Seconds it took, as text.
    pub total_evaluation_time_seconds: String,
    /// What is ours.
    pub gopher: Own,
}

/// Documents of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleCount {
    /// Documents in its data.
    pub original: usize,
    /// Those that have a score.
    pub effective: usize,
}

/// The model, and how it was run, in lm-evaluation-harness's words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// `gopher`.
    pub model: String,
    /// What the model is made of: run, step, window.
    pub model_args: BTreeMap<String, Value>,
    /// Parameters.
    pub model_num_parameters: u64,
    /// Their dtype.
    pub model_dtype: String,
    /// The checkpoint's hash.
    pub model_sha: String,
    /// Rows that are scored at once.
    pub batch_size: String,
    /// The kind of device.
    pub device: String,
    /// Documents of each task at most.
    pub limit: Option<usize>,
    /// Resamples of a bootstrap.
    pub bootstrap_iters: usize,
    /// Where draws begin.
    pub random_seed: u64,
    /// Where the draws of shots begin.
    pub fewshot_seed: u64,
}

/// What `results.json` has beyond lm-evaluation-harness's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Own {
    /// [`VERSION`].
    pub version: u32,
    /// The program's version.
    pub program: String,
    /// `paper` or `lm-eval`.
    pub protocol: String,
    /// What was scored.
    pub checkpoint: Checkpoint,
    /// SHA-256 of the tokenizer's file.
    pub tokenizer_hash: String,
    /// What was done with prompts longer than the window: `truncate`, `skip` or `error`.
    pub overlong: String,
    /// By task.
    pub tasks: BTreeMap<String, TaskSummary>,
    /// By group: its two means, named.
    pub groups: BTreeMap<String, Category>,
    /// What of the suite there is.
    pub suite: Option<Suite>,
}

/// A checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its folder.
    pub path: PathBuf,
    /// Its step.
    pub step: u64,
    /// Its hash, which is part of each sample's key.
    pub hash: String,
}

/// What of a suite was scored. With data missing there is no mean of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its tasks.
    pub tasks: usize,
    /// Those that were scored whole.
    pub scored: usize,
    /// Those that were not, with why.
    pub missing: BTreeMap<String, String>,
}

/// A task's numbers and what they are of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// The category it belongs to.
    pub category: String,
    /// `paper` or `lm-eval`.
    pub protocol: String,
    /// Shots.
    pub shots: usize,
    /// [`super::ask_hash`] of its first document.
    pub prompt_hash: String,
    /// The checkpoint's hash.
    pub checkpoint_hash: String,
    /// The metric that stands for it.
    pub metric: String,
    /// Its documents.
    pub documents: Documents,
    /// Tokens scored, shots not among them.
    pub tokens: u64,
    /// Seconds it took; of an evaluation that went on after an interruption, since then.
    pub seconds: f64,
    /// Tokens in a second, of those that were scored in these seconds.
    pub tokens_per_second: Option<f64>,
    /// By metric.
    pub metrics: BTreeMap<String, MetricScore>,
    /// Scores of documents that are in the training text and of those that are not, if that was looked for.
    pub leak: Option<Leak>,
}

/// How many documents of a task there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Documents {
    /// In its data.
    pub original: usize,
    /// With a score.
    pub scored: usize,
    /// Left out, since they do not fit the window.
    pub skipped: usize,
    /// Of those with a score, those with a context that was cut.
    pub truncated: usize,
    /// Of those with a score, those with a continuation that has no tokens of its own.
    pub empty: usize,
}

/// A metric of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricScore {
    /// How it is made of documents' scores.
    pub statistic: Statistic,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// The number.
    #[serde(with = "number")]
    pub value: f64,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// Its 95% interval.
    pub interval: Option<Interval>,
    /// Documents it is made of.
    pub documents: usize,
}

/// Scores of documents by whether they are in the training text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Words of an n-gram.
    pub n: usize,
    /// Share of a document's n-grams from which it is dirty; 0: any one.
    pub threshold: f64,
    /// Documents that are not.
    pub clean: LeakScores,
    /// Documents that are.
    pub dirty: LeakScores,
    /// Documents shorter than an n-gram, of which nothing can be said.
    pub short: LeakScores,
}

/// Scores of some of a task's documents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeakScores {
    /// Documents.
    pub documents: usize,
    /// By metric.
    pub metrics: BTreeMap<String, MetricScore>,
}

/// The means of a group of tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Category {
    /// The metric.
    pub metric: String,
    /// Tasks it should have.
    pub of: usize,
    /// Its means.
    #[serde(flatten)]
    pub means: Group,
}

impl Results {
    /// Writes them to a file whole: a reader, or a program that is cut off, sees the old contents or the new.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let contents = serde_json::to_vec_pretty(self).map_err(io::Error::from);
        let written = contents.and_then(|contents| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let mut builder = tempfile::Builder::new();
            builder.prefix(".results-");
            // As any other file: what the user's mask leaves of it.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
            let mut file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
            file.write_all(&contents)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(path).map(|_| ()).map_err(|error| error.error)
        });
        written.map_err(|source| Error::Io { path: path.to_owned(), source })
    }

    /// Reads a file, or the `results.json` of a folder.
    ///
    /// # Errors
    /// [`Error::Version`] for those of another version, [`Error::NotOurs`] for lm-evaluation-harness's and other files,
    /// [`Error::Damaged`].
    pub fn read(path: &Path) -> Result<Self> {
        let path = if path.is_dir() { path.join(RESULTS) } else { path.to_owned() };
        let not_ours = |path: PathBuf, detail: String| Error::NotOurs { path, line: None, detail };
        let contents = match inputs::read(&path) {
            Ok(contents) => contents,
            Err(source) => return Err(Error::Io { path, source }),
        };
        let value: Value = match serde_json::from_slice(&contents) {
            Ok(value) => value,
            Err(error) => return Err(not_ours(path, error.to_string())),
        };
        match value.get("gopher").map(|own| own.get("version").and_then(Value::as_u64)) {
            None => return Err(not_ours(path, "it has no key \"gopher\"".into())),
            Some(None) => return Err(not_ours(path, "it has no gopher.version".into())),
            Some(Some(found)) if found != u64::from(VERSION) => return Err(Error::Version { path, found }),
            Some(Some(_)) => {}
        }
        serde_json::from_value(value).map_err(|error| Error::Damaged {
            path,
            line: None,
            detail: error.to_string(),
        })
    }
}
