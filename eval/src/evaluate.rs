//! Tasks put to a model: every document scored, written down as it is finished, and made into numbers.

mod answers;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;
use tasks::format::{Aggregation, Measure};
use tasks::leak::{self, Index};
use tasks::results::{
    GroupRun, Key, Metric, RESULTS, Record, RequestTokens, Results, SAMPLES, Sample, SampleFile, TaskRun,
    ask_hash,
};
use tasks::statistics::{Bootstrap, Score, Statistic};
use tasks::{Ask, Item, Task};

pub use answers::{Answered, Request, answer};

use crate::scoring::{Overlong, Scorer};
use crate::{Error, Result};

/// A task to be evaluated, with all that is asked.
pub struct Subject {
    /// Its task file.
    pub task: Task,
    /// What is asked.
    pub items: Vec<Item>,
    /// Documents in its data, whatever the limit.
    pub original: usize,
    /// How it is shown.
    pub alias: String,
    /// The category it belongs to.
    pub category: String,
    /// `paper`, `lm-eval`, or `file` for a user's own.
    pub protocol: String,
    /// Shots.
    pub shots: usize,
    /// The metric that stands for it; the first of its file if there is none.
    pub metric: Option<String>,
    /// Its file as it was read.
    pub source: Value,
}

impl Subject {
    /// What its answers are the answers to.
    fn key(&self, checkpoint_hash: &str, options: &EvaluationOptions) -> Key {
        Key {
            task: self.task.name().to_owned(),
            protocol: self.protocol.clone(),
            shots: self.shots,
            prompt_hash: self.items.first().map(ask_hash).unwrap_or_default(),
            checkpoint_hash: checkpoint_hash.to_owned(),
            window: options.window,
            overlong: options.overlong.name().to_owned(),
            devices: options.devices.clone(),
        }
    }

    /// Its metrics, the one that stands for it first.
    fn metrics(&self) -> Vec<Metric> {
        let mut metrics: Vec<Metric> = Vec::new();
        for metric in self.task.metrics() {
            let metric = Metric {
                name: metric.name.clone(),
                filter: "none".into(),
                statistic: statistic(metric.aggregation),
                higher_is_better: metric.higher_is_better,
            };
            if Some(&metric.name) == self.metric.as_ref() {
                metrics.insert(0, metric);
            } else {
                metrics.push(metric);
            }
        }
        metrics
    }
}

/// How a metric is made of documents' scores.
fn statistic(aggregation: Aggregation) -> Statistic {
    match aggregation {
        Aggregation::Mean | Aggregation::Nanmean | Aggregation::BrierScore => Statistic::Mean,
        Aggregation::Perplexity => Statistic::Perplexity,
        Aggregation::WeightedPerplexity => Statistic::WeightedPerplexity,
        Aggregation::BitsPerByte => Statistic::BitsPerByte,
        Aggregation::Median => Statistic::Median,
        Aggregation::F1 => Statistic::F1,
        Aggregation::MatthewsCorrcoef => Statistic::MatthewsCorrcoef,
    }
}

/// How an evaluation is done.
#[derive(Clone, Debug, Default)]
pub struct EvaluationOptions {
    /// Tokens of the model's window.
    pub window: usize,
    /// What is done with prompts longer than it.
    pub overlong: Overlong,
    /// How intervals are drawn.
    pub bootstrap: Bootstrap,
    /// The devices ([`Scorer::devices`]).
    pub devices: String,
}

/// What happens in an evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress<'a> {
    /// Documents were finished, or found finished in the folder.
    Documents {
        /// The task.
        task: &'a str,
        /// Documents of all tasks that are done.
        done: usize,
        /// Of these, those that were done before.
        found: usize,
        /// Documents of all tasks.
        of: usize,
    },
    /// The end of a file of an evaluation that was cut off was removed.
    Cut {
        /// Bytes.
        bytes: u64,
    },
}

/// Documents that are scored in one go, unless a task alone has more: about 16 subjects of MMLU.
const TOGETHER: usize = 4096;

/// How many subjects, from the first on, are scored together.
fn together_with_first(subjects: &[Subject]) -> usize {
    let mut documents = 0;
    let fits = |subject: &&Subject| {
        documents += subject.items.len();
        documents <= TOGETHER
    };
    subjects.iter().take_while(fits).count().max(1)
}

/// What several subjects ask.
#[derive(Default)]
struct Asked {
    items: Vec<Item>,
    /// The subject of each item.
    subjects: Vec<usize>,
}

impl Asked {
    /// Adds a subject's items, and counts them.
    fn add<'a>(&mut self, subject: usize, items: impl Iterator<Item = &'a Item>) -> usize {
        let before = self.items.len();
        self.items.extend(items.cloned());
        self.subjects.resize(self.items.len(), subject);
        self.items.len() - before
    }
}

/// What a task took.
#[derive(Clone, Copy, Default)]
struct Work {
    /// Tokens that its texts have, whether they were computed or found.
    read: u64,
    /// Tokens whose log-probability was given.
    scored: u64,
}

impl Work {
    fn add(&mut self, answered: &Answered) {
        for request in &answered.requests {
            self.read += (request.context.len() + request.continuation.len()) as u64;
            self.scored += request.log_probabilities.len() as u64;
        }
    }
}

/// An evaluation that is being written to a folder.
pub struct Evaluation {
    samples: SampleFile,
    checkpoint_hash: String,
    options: EvaluationOptions,
    /// By task: tokens scored here and now, and seconds it took; of tasks scored side by side, a share of their seconds in
    /// proportion to the tokens that were read for them.
    work: BTreeMap<String, (u64, f64)>,
}

impl Evaluation {
    /// Opens a folder for these tasks, or makes it. What an earlier evaluation of the same checkpoint has finished there is kept.
    ///
    /// # Errors
    /// [`Error::Results`] when the folder has another model's answers, or answers to other questions.
    pub fn open(
        folder: &Path,
        subjects: &[Subject],
        checkpoint_hash: String,
        options: EvaluationOptions,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
        let keys: Vec<Key> = subjects.iter().map(|subject| subject.key(&checkpoint_hash, &options)).collect();
        let samples = SampleFile::open(&folder.join(SAMPLES), &keys)?;
        if samples.cut() > 0 {
            progress(Progress::Cut { bytes: samples.cut() });
        }
        Ok(Self { samples, checkpoint_hash, options, work: BTreeMap::new() })
    }

    /// Answers what has no answer yet, until `progress` breaks off. Whether all is done. Several tasks that follow each other are
    /// scored side by side, so that what each of them asks after the same examples fills the device together; each document is
    /// written down as soon as it is finished.
    ///
    /// # Errors
    /// A document that cannot be answered, with its task; a device that fails; a file that cannot be written.
    pub fn run(
        &mut self,
        scorer: &mut Scorer,
        subjects: &[Subject],
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<bool> {
        let of = subjects.iter().map(|subject| subject.items.len()).sum();
        let (mut done, mut found) = (0, 0);
        let mut subjects = subjects;
        while !subjects.is_empty() {
            let together;
            (together, subjects) = subjects.split_at(together_with_first(subjects));
            let keys: Vec<Key> =
                together.iter().map(|subject| subject.key(&self.checkpoint_hash, &self.options)).collect();
            let mut asked = Asked::default();
            for (place, (subject, key)) in together.iter().zip(&keys).enumerate() {
                let is_open = |item: &&Item| self.samples.find(key, item).is_none();
                let open = asked.add(place, subject.items.iter().filter(is_open));
                let before = subject.items.len() - open;
                (done, found) = (done + before, found + before);
                if progress(Progress::Documents { task: subject.task.name(), done, found, of }).is_break() {
                    return Ok(false);
                }
            }
            if asked.items.is_empty() {
                continue;
            }
            let Asked { items, subjects: asking } = asked;
            let named = |index: usize, source| Error::Task {
                task: together[asking[index]].task.name().to_owned(),
                source: Box::new(source),
            };
            let begin = Instant::now();
            let mut work = vec![Work::default(); together.len()];
            let (mut failed, mut stopped) = (None, false);
            let samples = &mut self.samples;
            let overlong = self.options.overlong;
            let answered = answers::answer_named(scorer, &items, overlong, &named, &mut |index, answered| {
                let (subject, key) = (&together[asking[index]], &keys[asking[index]]);
                work[asking[index]].add(&answered);
                let written = sample(&subject.task, key, &items[index], answered)
                    .and_then(|sample| Ok(samples.append(&sample)?));
                if let Err(error) = written {
                    failed = Some(named(index, error));
                    return ControlFlow::Break(());
                }
                done += 1;
                let flow = progress(Progress::Documents { task: subject.task.name(), done, found, of });
                stopped = flow.is_break();
                flow
            });
            self.samples.sync()?;
            let seconds = begin.elapsed().as_secs_f64();
            let read: u64 = work.iter().map(|work| work.read).sum();
            for (subject, work) in together.iter().zip(&work) {
                let share = work.read as f64 / read.max(1) as f64;
                self.work.insert(subject.task.name().to_owned(), (work.scored, seconds * share));
            }
            answered?;
            if let Some(error) = failed {
                return Err(error);
            }
            if stopped {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes numbers of what is answered, adds them to `results`, and writes these. With `leaks`, scores of documents that are
    /// in the training text and of others are apart.
    ///
    /// # Errors
    /// [`Error::Results`] when the file cannot be written.
    pub fn conclude(
        &self,
        folder: &Path,
        subjects: &[Subject],
        groups: &[GroupRun],
        leaks: Option<&leak::Report>,
        mut results: Results,
    ) -> Result<Results> {
        let mut all: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
        for subject in subjects {
            let key = subject.key(&self.checkpoint_hash, &self.options);
            let records: Vec<&Record> =
                subject.items.iter().filter_map(|item| self.samples.find(&key, item)).collect();
            let name = subject.task.name();
            let (fresh_tokens, seconds) = self.work.get(name).copied().unwrap_or_default();
            let run = TaskRun {
                key,
                alias: subject.alias.clone(),
                category: subject.category.clone(),
                version: subject.task.metadata().get("version").cloned().unwrap_or(Value::Null),
                config: subject.source.clone(),
                original: subject.original,
                metrics: subject.metrics(),
                fresh_tokens,
                seconds,
            };
            results.add_task(&run, &records, leaks, &self.options.bootstrap);
            all.insert(name.to_owned(), records);
        }
        for group in groups {
            results.add_group(group, &all, &self.options.bootstrap);
        }
        results.write(&folder.join(RESULTS))?;
        Ok(results)
    }
}

/// The tasks' documents, for a search of the training text.
pub fn leak_index(subjects: &[Subject]) -> Index {
    let mut index = Index::new(leak::WORDS);
    for subject in subjects {
        for item in &subject.items {
            index.add(subject.task.name(), item.document, leak::fields(&item.fields));
        }
    }
    index
}

/// A document's line: its answer, its scores, and the tokens they come from.
fn sample(task: &Task, key: &Key, item: &Item, answered: Answered) -> Result<Sample> {
    let mut scores = BTreeMap::new();
    for measured in task.score(item, &answered.answer)? {
        let score = match measured.value {
            Measure::Weighted { log_probability, weight } => Score::Weighted(log_probability, weight),
            Measure::Labels { gold, chosen } => Score::Labels { gold, chosen },
            number => Score::Number(number.number().unwrap_or(f64::NAN)),
        };
        // Of several filters, the first stands for the metric.
        scores.entry(measured.metric).or_insert(score);
    }
    let tokens = answered.requests.into_iter().map(|request| RequestTokens {
        context_ids: request.context,
        continuation_ids: request.continuation,
        log_probabilities: request.log_probabilities.iter().map(|&log| f64::from(log)).collect(),
    });
    let tokens: Vec<RequestTokens> = match item.ask {
        // The windows of one text, one after another.
        Ask::Rolling(_) => {
            let joined = tokens.reduce(|mut text, window| {
                text.continuation_ids.extend(window.continuation_ids);
                text.log_probabilities.extend(window.log_probabilities);
                text
            });
            joined.into_iter().collect()
        }
        _ => tokens.collect(),
    };
    Ok(Sample::new(key.clone(), item, &answered.answer, tokens, scores)?)
}
