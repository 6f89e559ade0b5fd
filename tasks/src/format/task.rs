//! A task: what its file says, made into items and measures.

use std::path::Path;

use serde_json::Value;

use super::config::{self, Config, Part};
use super::data::{Data, Output};
use super::error::{Error, Result};
use super::fewshot::Shots;
use super::group::{self, Group};
use super::load::{self, Source};
use super::metrics::Metric;
use super::prompt::{self, Renderer};
use super::python;
use super::template::Fields;
use super::yaml::Node;
use crate::{Ask, Generation, Gold, Item, Pair};

/// A task file.
#[derive(Debug)]
pub struct Task {
    pub(super) config: Config,
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
        let source: Source<'_> = &|path| inputs::read(path);
        Self::from_source(path, &load::text(path, source)?, source)
    }

    /// Reads a text that is called `path`; the files that it includes or names are asked of `source`.
    pub fn from_source(path: &Path, text: &str, source: Source<'_>) -> Result<Self> {
        let root = load::merged(path, text, source)?;
        if group::is_group(&root) {
            return group::read_group(root).map(Self::Group);
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
            .map_err(|problem| Error::Task { task: self.name().to_owned(), problem })?;
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

    pub(super) fn fault(&self, split: &'static str, document: usize, problem: String) -> Error {
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
