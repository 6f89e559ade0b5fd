//! A task: what its file says, made into items and measures.

use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::config::{self, Config, Data, Group, Output, Part, task_error};
use super::error::{Error, Result};
use super::fewshot::Shots;
use super::load::{self, Source};
use super::metrics::{self, Aggregate, Chosen, Measure, Measured, Metric};
use super::native::{self, Results};
use super::prompt::{self, Renderer};
use super::python;
use super::template::Fields;
use super::yaml::Node;
use crate::{Answer, Ask, Generation, Gold, Item, Pair, Scored};

/// A task file.
#[derive(Debug)]
pub struct Task {
    config: Config,
}

/// What a file holds.
#[derive(Debug)]
pub enum File {
    /// One task.
    Task(Box<Task>),
    /// A name for several.
    Group(Group),
}

impl File {
    /// Reads a file and what it includes.
    pub fn load(path: &Path) -> Result<Self> {
        let source: Source<'_> = &|path| std::fs::read(path);
        Self::from_source(path, &load::text(path, source)?, source)
    }

    /// Reads a text that is called `path`; the files that it includes or names are asked of `source`.
    pub fn from_source(path: &Path, text: &str, source: Source<'_>) -> Result<Self> {
        let root = load::merged(path, text, source)?;
        if config::is_group(&root) {
            return config::read_group(root).map(Self::Group);
        }
        let python = |node: &Node, name: &str| {
            let (module, _) = name.rsplit_once('.')?;
            let file = format!("{}.py", module.replace('.', "/"));
            source(&node.path.parent().unwrap_or(Path::new("")).join(file)).ok()
        };
        Ok(Self::Task(Box::new(Task { config: config::read(root, &python)? })))
    }
}

impl Task {
    /// Reads a task file and what it includes.
    pub fn load(path: &Path) -> Result<Self> {
        Self::only(path, File::load(path)?)
    }

    /// Reads a task from a text that is called `name` in messages; `include` gives the text of a file that it includes.
    pub fn parse(name: &str, text: &str, include: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let source: Source<'_> =
            &|path| path.to_str().and_then(include).map(String::into_bytes).ok_or_else(missing);
        Self::only(Path::new(name), File::from_source(Path::new(name), text, source)?)
    }

    fn only(path: &Path, file: File) -> Result<Self> {
        match file {
            File::Task(task) => Ok(*task),
            File::Group(group) => Err(Error::Read {
                path: path.to_path_buf(),
                reason: format!(
                    "a group '{}' of tasks, not a task; name one of {}",
                    group.name,
                    group.members.join(", ")
                ),
            }),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// `task_alias`: the name to show.
    pub fn alias(&self) -> Option<&str> {
        self.config.alias.as_deref()
    }

    /// The tags and groups it says it is of.
    pub fn tags(&self) -> &[String] {
        &self.config.tags
    }

    /// What is asked.
    pub fn output(&self) -> Output {
        self.config.output
    }

    /// The number of shots that its file wants, if it says one.
    pub fn num_fewshot(&self) -> Option<usize> {
        self.config.num_fewshot
    }

    /// Where its documents are.
    pub fn data(&self) -> &Data {
        &self.config.data
    }

    /// Its metrics, in the file's order.
    pub fn metrics(&self) -> &[Metric] {
        &self.config.metrics
    }

    /// `metadata`, or null.
    pub fn metadata(&self) -> &Value {
        &self.config.metadata
    }

    /// How it generates; none for other output types.
    pub fn generation(&self) -> Option<&Generation> {
        self.config.generation.as_ref()
    }

    /// What is asked about each of `documents`, the first `limit` of them, with `shots` of `pool` before each. Both are as
    /// the data files have them; for a task whose file holds its shots, `pool` is not looked at.
    ///
    /// The prompts are those of lm-evaluation-harness 0.4.13, except that no document is ever its own shot.
    pub fn items(
        &self,
        documents: &[Value],
        pool: &[Value],
        shots: usize,
        limit: Option<usize>,
    ) -> Result<Vec<Item>> {
        let config = &self.config;
        let documents = self.prepared(documents, "document")?;
        let pool = match &config.samples {
            _ if shots == 0 => Vec::new(),
            Some(samples) => samples.clone(),
            None => self.prepared(pool, "shot")?,
        };
        let asked = &documents[..documents.len().min(limit.unwrap_or(usize::MAX))];
        let renderer = Renderer::new(config, &config.prompt, &documents);
        // lm-evaluation-harness looks up fields of a shot among those of documents.
        let shot_renderer =
            Renderer { prompt: &config.shot, ..Renderer::new(config, &config.shot, &documents) };
        let spare = config.data.fewshot == config.data.test;
        let mut drawing = Shots::new(&pool, shots, config.sampler, spare)
            .map_err(|problem| task_error(self.name(), problem))?;
        let mut rendered_shots: Vec<Option<String>> = vec![None; pool.len()];
        let mut items = Vec::with_capacity(asked.len());
        let mut multiple_input = None;
        for (document, fields) in asked.iter().enumerate() {
            let fault = |problem| self.fault("document", document, problem);
            let rendered = renderer.render(fields).map_err(fault)?;
            let multiple_input = *multiple_input
                .get_or_insert(prompt::is_integer(&rendered.text) && rendered.choices.is_some());
            let mut context = match &config.description {
                Some(description) => renderer.resolve(description, &Fields::new(fields)).map_err(fault)?,
                None => String::new(),
            };
            for shot in drawing.draw(fields).map_err(fault)? {
                if rendered_shots[shot].is_none() {
                    let text = shot_renderer.shot(&pool[shot], multiple_input);
                    rendered_shots[shot] = Some(text.map_err(|problem| self.fault("shot", shot, problem))?);
                }
                context.push_str(rendered_shots[shot].as_deref().unwrap_or_default());
            }
            let (ask, gold) = self.ask(&renderer, rendered, context, multiple_input).map_err(fault)?;
            items.push(Item { document, fields: fields.clone(), ask, gold, shots });
        }
        Ok(items)
    }

    fn prepared(&self, documents: &[Value], split: &'static str) -> Result<Vec<Value>> {
        if let Some(position) = documents.iter().position(|document| !document.is_object()) {
            return Err(self.fault(split, position, "not an object with fields".to_owned()));
        }
        match self.config.process_docs {
            None => Ok(documents.to_vec()),
            Some(function) => {
                function(documents).map_err(|fault| self.fault(split, fault.document, fault.problem))
            }
        }
    }

    fn fault(&self, split: &'static str, document: usize, problem: String) -> Error {
        Error::Document { task: self.name().to_owned(), split, document, problem }
    }

    fn ask(
        &self,
        renderer: &Renderer<'_>,
        rendered: prompt::Rendered,
        context: String,
        multiple_input: bool,
    ) -> Result<(Ask, Gold), String> {
        let config = &self.config;
        let delimiter = &config.prompt.target_delimiter;
        let full = |question: &str| {
            format!("{context}{question}{}", renderer.prefix(question, rendered.prefix.as_deref()))
        };
        Ok(match config.output {
            Output::MultipleChoice => {
                let choices = rendered.choices.ok_or("no choices")?;
                let pairs: Vec<Pair> = if multiple_input {
                    let continuation = format!("{delimiter}{}", python::text(&rendered.target));
                    // No delimiter stands between a choice and a prefix here.
                    let context = |choice: &String| {
                        format!("{context}{choice}{}", rendered.prefix.as_deref().unwrap_or_default())
                    };
                    let pair = |choice| Pair { context: context(choice), continuation: continuation.clone() };
                    choices.iter().map(pair).collect()
                } else {
                    let context = full(prompt::question(&rendered.text)?);
                    let pair = |choice| Pair {
                        context: context.clone(),
                        continuation: format!("{delimiter}{choice}"),
                    };
                    choices.iter().map(pair).collect()
                };
                if let Some(empty) = pairs.iter().position(|pair| pair.continuation.is_empty()) {
                    return Err(format!("the continuation of choice {empty} is empty"));
                }
                let gold =
                    self.gold(if multiple_input { &rendered.text } else { &rendered.target }, &choices)?;
                let mutual = config.metrics.iter().any(|metric| metric.name == "acc_mutual_info");
                let alone =
                    |choice| Pair { context: String::new(), continuation: format!("{delimiter}{choice}") };
                let unconditional = if mutual { choices.iter().map(alone).collect() } else { Vec::new() };
                (Ask::Choices { pairs, choices, unconditional }, gold)
            }
            Output::LogLikelihood => {
                let context = full(prompt::question(&rendered.text)?);
                let continuation = target_text(&rendered.target)?;
                if continuation.is_empty() {
                    return Err("the continuation is empty".to_owned());
                }
                let gold = Gold::Texts(vec![continuation.clone()]);
                (Ask::LogLikelihood(Pair { context, continuation }), gold)
            }
            Output::Rolling => (Ask::Rolling(target_text(&rendered.target)?), Gold::None),
            Output::Generate => {
                let texts = match (&rendered.choices, &rendered.target) {
                    (Some(choices), target) => vec![choices[prompt::position(target, choices)?].clone()],
                    (None, Value::Array(targets)) if targets.is_empty() => {
                        return Err("no target".to_owned());
                    }
                    (None, Value::Array(targets)) => targets.iter().map(python::text).collect(),
                    (None, target) => vec![python::text(target)],
                };
                let generation = config.generation.clone().ok_or("no 'generation_kwargs'")?;
                (
                    Ask::Generate { context: full(prompt::question(&rendered.text)?), generation },
                    Gold::Texts(texts),
                )
            }
        })
    }

    fn gold(&self, target: &Value, choices: &[String]) -> Result<Gold, String> {
        if self.config.metrics.iter().any(|metric| metric.name == "multiple_choice_grade") {
            let grades = target
                .as_array()
                .and_then(|grades| grades.iter().map(Value::as_f64).collect::<Option<Vec<_>>>());
            return match grades {
                Some(grades) if grades.len() == choices.len() => Ok(Gold::Grades(grades)),
                _ => Err(format!(
                    "multiple_choice_grade needs a target that is a list of {} grades, and it is {}",
                    choices.len(),
                    python::repr(target)
                )),
            };
        }
        let one = |target: &Value| match target {
            Value::String(text) => choices
                .iter()
                .position(|choice| choice == text)
                .ok_or_else(|| format!("target {} is not one of the choices", python::repr(target))),
            target if prompt::is_integer(target) => prompt::position(target, choices),
            other => Err(format!("target {} is neither a choice nor its position", python::repr(other))),
        };
        match target {
            Value::Array(targets) if targets.is_empty() => Err("no target".to_owned()),
            Value::Array(targets) => targets.iter().map(one).collect::<Result<_, _>>().map(Gold::Choices),
            target => one(target).map(Gold::Choice),
        }
    }

    /// The values of this task's metrics for one answer; none for [`Answer::Skipped`].
    pub fn score(&self, item: &Item, answer: &Answer) -> Result<Vec<Measured>> {
        let fault = |problem: String| self.fault("document", item.document, problem);
        match (answer, &item.ask) {
            (Answer::Skipped, _) => Ok(Vec::new()),
            (Answer::Choices { scored, unconditional }, Ask::Choices { choices, .. }) => {
                self.score_choices(item, choices, scored, unconditional).map_err(fault)
            }
            (Answer::LogLikelihood(scored), Ask::LogLikelihood(_)) => {
                Ok(self.measured("none", |name| match name {
                    "perplexity" => Some(Measure::Number(scored.log_probability)),
                    "acc" => Some(Measure::Number(f64::from(u8::from(scored.greedy)))),
                    _ => None,
                }))
            }
            (Answer::Rolling(scored), Ask::Rolling(text)) => {
                let counted = match self.config.process_results {
                    Some(Results::WikiText) => native::original(&item.fields).map_err(fault)?,
                    _ => text.as_str(),
                };
                let weighted = |weight: usize| {
                    Some(Measure::Weighted { log_probability: scored.log_probability, weight: weight as f64 })
                };
                Ok(self.measured("none", |name| match name {
                    "word_perplexity" => weighted(python::pieces(counted)),
                    "byte_perplexity" | "bits_per_byte" => weighted(counted.len()),
                    _ => None,
                }))
            }
            (Answer::Generated(text), Ask::Generate { .. }) => {
                let Gold::Texts(golds) = &item.gold else {
                    return Err(fault("a generated text has nothing to be compared with".to_owned()));
                };
                let mut out = Vec::new();
                for filter in &self.config.filters {
                    let text = filter.apply(text, &item.fields).map_err(fault)?;
                    out.extend(self.config.metrics.iter().map(|metric| {
                        let same =
                            |gold: &String| metric.ignored.without(gold) == metric.ignored.without(&text);
                        Measured {
                            metric: metric.name.clone(),
                            filter: filter.name.clone(),
                            value: Measure::Number(f64::from(u8::from(golds.iter().any(same)))),
                        }
                    }));
                }
                Ok(out)
            }
            _ => Err(fault("an answer of another kind than what was asked".to_owned())),
        }
    }

    fn score_choices(
        &self,
        item: &Item,
        choices: &[String],
        scored: &[Scored],
        unconditional: &[Scored],
    ) -> Result<Vec<Measured>, String> {
        let Some(chosen) = metrics::chosen(choices, scored) else {
            return Err(format!("{} scores for {} choices", scored.len(), choices.len()));
        };
        if scored.iter().any(|scored| scored.log_probability.is_nan()) {
            return Err("a log-probability that is not a number".to_owned());
        }
        if self.config.process_results == Some(Results::TruthfulQa) {
            let share = native::probability_of_truth(&item.fields, scored)?;
            return Ok(self.measured("none", |_| Some(Measure::Number(share))));
        }
        let logs: Vec<f64> = scored.iter().map(|scored| scored.log_probability).collect();
        let right = |choice: usize| {
            f64::from(u8::from(match &item.gold {
                Gold::Choice(gold) => *gold == choice,
                Gold::Choices(golds) => golds.contains(&choice),
                // The best grade counts as right.
                Gold::Grades(grades) => grades.iter().all(|grade| *grade <= grades[choice]),
                Gold::Texts(_) | Gold::None => false,
            }))
        };
        let gold = match &item.gold {
            Gold::Choice(gold) => Some(*gold),
            Gold::Choices(golds) => golds.first().copied(),
            Gold::Grades(grades) => Some(metrics::first_greatest(grades.iter().copied())),
            Gold::Texts(_) | Gold::None => None,
        };
        Ok(self.measured("none", |name| {
            Some(match name {
                "acc" => Measure::Number(right(chosen.raw)),
                "acc_norm" => Measure::Number(right(chosen.by_characters)),
                "acc_bytes" => Measure::Number(right(chosen.by_bytes)),
                "acc_mutual_info" => {
                    if unconditional.len() != scored.len() {
                        return None;
                    }
                    let gains = scored
                        .iter()
                        .zip(unconditional)
                        .map(|(with, alone)| with.log_probability - alone.log_probability);
                    Measure::Number(right(metrics::first_greatest(gains)))
                }
                "exact_match" => {
                    let greedy =
                        (0..scored.len()).any(|choice| right(choice) == 1.0 && scored[choice].greedy);
                    Measure::Number(f64::from(u8::from(greedy)))
                }
                "multiple_choice_grade" => match &item.gold {
                    Gold::Grades(grades) => Measure::Number(*grades.get(chosen.raw)?),
                    _ => return None,
                },
                "brier_score" => {
                    Measure::Probabilities { gold: gold?, probabilities: metrics::softmax(&logs) }
                }
                "f1" | "mcc" => Measure::Labels { gold: gold?, chosen: chosen.raw },
                _ => return None,
            })
        }))
    }

    fn measured(&self, filter: &str, value: impl Fn(&str) -> Option<Measure>) -> Vec<Measured> {
        let of = |metric: &Metric| {
            let value = value(&metric.name)?;
            Some(Measured { metric: metric.name.clone(), filter: filter.to_owned(), value })
        };
        self.config.metrics.iter().filter_map(of).collect()
    }

    /// Each metric over the documents that have it, in the file's order, for each filter; those that no document has are left
    /// out.
    pub fn aggregate(&self, measured: &[Vec<Measured>]) -> Vec<Aggregate> {
        let generated = self.config.output == Output::Generate;
        let filters: Vec<&str> = match generated {
            true => self.config.filters.iter().map(|filter| filter.name.as_str()).collect(),
            false => vec!["none"],
        };
        let mut out = Vec::new();
        for filter in filters {
            for metric in &self.config.metrics {
                let values: Vec<&Measure> = measured
                    .iter()
                    .flatten()
                    .filter(|measured| measured.metric == metric.name && measured.filter == filter)
                    .map(|measured| &measured.value)
                    .collect();
                let Some((value, stderr)) = metrics::aggregate(metric.aggregation, &values) else { continue };
                out.push(Aggregate {
                    metric: metric.name.clone(),
                    filter: filter.to_owned(),
                    value,
                    stderr,
                    aggregation: metric.aggregation,
                    higher_is_better: metric.higher_is_better,
                    documents: values.len(),
                });
            }
        }
        out
    }

    /// The text of a document that is looked for in training text, if its file names one (`should_decontaminate`).
    pub fn decontamination_query(&self, item: &Item) -> Result<Option<String>> {
        let fault = |problem: String| self.fault("document", item.document, problem);
        let fields = Fields::new(&item.fields);
        match &self.config.decontaminate {
            None => Ok(None),
            Some(Part::Value(value)) => Ok(Some(python::text(value))),
            Some(Part::Native(function)) => {
                function(&item.fields).map(|value| Some(python::text(&value))).map_err(fault)
            }
            Some(Part::Text(template)) => match item.fields.get(&template.source) {
                Some(value) => Ok(Some(python::text(value))),
                None => self.config.templates.render(template, &fields).map(Some).map_err(fault),
            },
        }
    }
}

fn target_text(target: &Value) -> Result<String, String> {
    target.as_str().map(str::to_owned).ok_or_else(|| format!("target {} is not text", python::repr(target)))
}

/// What the model chose, for a question with choices.
pub fn choice_of(item: &Item, answer: &Answer) -> Option<Chosen> {
    match (&item.ask, answer) {
        (Ask::Choices { choices, .. }, Answer::Choices { scored, .. }) => metrics::chosen(choices, scored),
        _ => None,
    }
}

/// sha256 in hexadecimal of what the model is given first: lm-evaluation-harness's `prompt_hash` of a sample.
pub fn prompt_hash(item: &Item) -> String {
    let first = match &item.ask {
        Ask::Choices { pairs, .. } => pairs.first().map_or("", |pair| &pair.context),
        Ask::LogLikelihood(pair) => &pair.context,
        Ask::Rolling(text) => text,
        Ask::Generate { context, .. } => context,
    };
    hexadecimal(Sha256::digest(first.as_bytes()))
}

/// sha256 in hexadecimal over all that is asked, contexts and continuations in order: two runs with one hash were asked the
/// same.
pub fn prompts_hash(items: &[Item]) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    for item in items {
        match &item.ask {
            Ask::Choices { pairs, unconditional, .. } => {
                for pair in pairs.iter().chain(unconditional) {
                    add(&pair.context);
                    add(&pair.continuation);
                }
            }
            Ask::LogLikelihood(pair) => {
                add(&pair.context);
                add(&pair.continuation);
            }
            Ask::Rolling(text) => add(text),
            Ask::Generate { context, generation } => {
                add(context);
                add(&generation.until.join("\0"));
            }
        }
    }
    hexadecimal(hash.finalize())
}

fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
