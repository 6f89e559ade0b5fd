//! A task file's keys, read into what they mean.

use serde_json::Value;

use super::data::{Data, Output};
use super::error::{Refusal, Result};
use super::filters::Pipeline;
use super::keys::{Keys, nearest};
use super::metrics::Metric;
use super::native::{self, Function, OfDocument, OfDocuments, Results};
use super::template::{Template, Templates};
use super::yaml::{Kind, Node};
use crate::Generation;

/// Where a part of a prompt comes from.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// A field's name, if documents have it, otherwise a template.
    Text(Template),
    /// A value as it stands.
    Value(Value),
    /// A function.
    Native(OfDocument),
}

/// How documents become prompts: of the document that is asked, or of its shots.
#[derive(Clone, Debug)]
pub(super) struct Prompt {
    pub text: Option<Part>,
    pub target: Option<Part>,
    pub choice: Option<Part>,
    pub target_delimiter: String,
    pub fewshot_delimiter: String,
    pub prefix: Option<Template>,
}

/// Most answers to one document.
const MOST_REPEATS: usize = 1024;

/// How shots are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampler {
    /// At random, by Python's generator with seed 1234.
    Default,
    /// The first.
    FirstN,
}

/// A task file.
#[derive(Debug)]
pub(super) struct Config {
    pub name: String,
    pub alias: Option<String>,
    pub tags: Vec<String>,
    pub data: Data,
    pub process_docs: Option<OfDocuments>,
    pub process_results: Option<Results>,
    pub output: Output,
    pub description: Option<Template>,
    pub prompt: Prompt,
    pub shot: Prompt,
    pub sampler: Sampler,
    pub samples: Option<Vec<Value>>,
    pub num_fewshot: Option<usize>,
    pub metrics: Vec<Metric>,
    pub filters: Vec<Pipeline>,
    pub generation: Option<Generation>,
    pub decontaminate: Option<Part>,
    pub metadata: Value,
    pub templates: Templates,
}

/// The Python file that a function would come from.
type Python<'a> = &'a dyn Fn(&Node, &str) -> Option<Vec<u8>>;

/// Reads a task's keys.
pub(super) fn read(root: Node, python: Python<'_>) -> Result<Config> {
    Reader { keys: Keys::of(root, "a task file")?, templates: Templates::new(), python }.config()
}

struct Reader<'a> {
    keys: Keys,
    templates: Templates,
    python: Python<'a>,
}

impl Reader<'_> {
    fn config(mut self) -> Result<Config> {
        self.keys.without("class", "it names a Python class")?;
        self.keys.without("custom_dataset", "it names a Python function; use dataset_path and data_files")?;
        self.keys.without("doc_to_image", "there are no images")?;
        self.keys.without("doc_to_audio", "there is no sound")?;
        self.keys.without("use_prompt", "prompts are not taken from promptsource; use doc_to_text")?;
        self.keys.without("recipe", "prompts are not taken from unitxt; use doc_to_text")?;
        if let Some(node) = self.keys.take("unsafe_code")
            && !matches!(node.value, Kind::Bool(false))
        {
            return Err(
                node.refuse(Refusal::Unsupported, "'unsafe_code' is not supported: no generated code is run")
            );
        }
        let name = self.keys.text("task")?;
        let Some(name) = name else {
            return Err(self.keys.refuse(Refusal::Missing, "no 'task': a task has a name"));
        };
        let alias = self.keys.name("task_alias")?;
        let mut tags = self.keys.texts("tag")?.unwrap_or_default();
        tags.extend(self.keys.texts("group")?.unwrap_or_default());
        let _ = self.keys.take("task_list");
        let output = self.output()?;
        let fewshot = self.keys.take("fewshot_config");
        let mut fewshot = fewshot.map(|node| Keys::of(node, "'fewshot_config'")).transpose()?;
        let data = self.data(fewshot.as_mut())?;
        let process_docs = match self.function("process_docs")? {
            None => None,
            Some((Function::Documents(function), _)) => Some(function),
            Some((_, node)) => {
                return Err(node.refuse(Refusal::Function, "'process_docs' needs a function of documents"));
            }
        };
        let process_results = match self.function("process_results")? {
            None => None,
            Some((Function::Results(function), _)) => Some(function),
            Some((_, node)) => {
                return Err(node.refuse(Refusal::Function, "'process_results' needs a function of results"));
            }
        };
        let description = self.template("description")?;
        let mut keys = std::mem::replace(&mut self.keys, empty());
        let prompt = self.prompt(&mut keys, None)?;
        self.keys = keys;
        self.needed(&prompt, output)?;
        let (mut shot, mut sampler, mut samples) = (prompt.clone(), Sampler::Default, None);
        if let Some(mut keys) = fewshot {
            shot = self.prompt(&mut keys, Some(&prompt))?;
            sampler = sampler_of(&mut keys)?;
            samples = samples_of(&mut keys)?;
            keys.without("fewshot_indices", "lm-evaluation-harness 0.4.13 ignores it")?;
            keys.without("process_docs", "shots are prepared by the task's own 'process_docs'")?;
            keys.finish("'fewshot_config'")?;
        }
        let metrics = Metric::read_list(&mut self.keys, output, process_results)?;
        let filters = match self.keys.list("filter_list")? {
            Some(nodes) if !nodes.is_empty() => {
                nodes.into_iter().map(Pipeline::read).collect::<Result<_>>()?
            }
            _ => vec![Pipeline::none()],
        };
        let repeats = self.repeats(&filters)?;
        let generation = self.generation(output, &prompt)?.map(|how| Generation { repeats, ..how });
        let decontaminate = self.decontaminate()?;
        let metadata = self.keys.take("metadata").map_or(Value::Null, |node| node.to_json());
        let num_fewshot = self.keys.count("num_fewshot")?;
        self.keys.finish("a task")?;
        Ok(Config {
            name,
            alias,
            tags,
            data: Data { shots_in_file: samples.is_some(), ..data },
            process_docs,
            process_results,
            output,
            description,
            prompt,
            shot,
            sampler,
            samples,
            num_fewshot,
            metrics,
            filters,
            generation,
            decontaminate,
            metadata,
            templates: self.templates,
        })
    }

    /// How many answers are asked for: of several, filters leave one.
    fn repeats(&mut self, filters: &[Pipeline]) -> Result<usize> {
        let node = self.keys.take("repeats");
        let repeats = match node.as_ref().map(|node| &node.value) {
            None => 1,
            Some(Kind::Int(count @ 1..)) => usize::try_from(*count).unwrap_or(usize::MAX),
            Some(_) => 0,
        };
        let problem = match filters.iter().map(Pipeline::wants).max() {
            _ if repeats == 0 || repeats > MOST_REPEATS => {
                format!("'repeats' is a whole number from 1 to {MOST_REPEATS}")
            }
            Some(wanted) if wanted > repeats => {
                format!("filter take_first_k takes {wanted} answers, and 'repeats' is {repeats}")
            }
            _ if repeats > 1 && !filters.iter().all(Pipeline::leaves_one) => {
                "'repeats' needs a filter take_first or majority_vote: one answer is measured".to_owned()
            }
            _ => return Ok(repeats),
        };
        match node {
            Some(node) => Err(node.refuse(Refusal::Unsupported, problem)),
            None => Err(self.keys.refuse(Refusal::Unsupported, problem)),
        }
    }

    fn output(&mut self) -> Result<Output> {
        let Some(node) = self.keys.take("output_type") else { return Ok(Output::Generate) };
        let names = || Output::ALL.map(Output::name);
        match &node.value {
            Kind::Text(name) => {
                Output::ALL.into_iter().find(|output| output.name() == name).ok_or_else(|| {
                    let hint = nearest(name, names().into_iter())
                        .map_or(format!("known are {}", names().join(", ")), |near| {
                            format!("did you mean '{near}'?")
                        });
                    node.refuse(Refusal::Value, format!("unknown output_type '{name}'; {hint}"))
                })
            }
            _ => Err(node.refuse(Refusal::Value, format!("'output_type' is one of {}", names().join(", ")))),
        }
    }

    fn data(&mut self, fewshot: Option<&mut Keys>) -> Result<Data> {
        let options = self.keys.take("dataset_kwargs").map(|node| match node.to_json() {
            Value::Object(options) => Ok(options),
            _ => Err(node.refuse(
                Refusal::Value,
                format!("'dataset_kwargs' is a mapping, and this is {}", node.kind()),
            )),
        });
        let split = fewshot.map(|keys| keys.text("split")).transpose()?.flatten();
        let mut name = |key| self.keys.name(key);
        Ok(Data {
            path: name("dataset_path")?,
            name: name("dataset_name")?,
            training: name("training_split")?,
            validation: name("validation_split")?,
            test: name("test_split")?,
            fewshot: match name("fewshot_split")? {
                found if split.is_none() => found,
                _ => split,
            },
            options: options.transpose()?.unwrap_or_default(),
            shots_in_file: false,
        })
    }

    fn native(&self, node: &Node, name: &str) -> Result<Function> {
        let file = (self.python)(node, name);
        native::find(name, file.as_deref()).map_err(|problem| node.refuse(Refusal::Function, problem))
    }

    fn function(&mut self, key: &'static str) -> Result<Option<(Function, Node)>> {
        let Some(node) = self.keys.take(key) else { return Ok(None) };
        match &node.value {
            Kind::Function(name) => Ok(Some((self.native(&node, name)?, node))),
            _ => {
                Err(node
                    .refuse(Refusal::Value, format!("'{key}' is a !function, and this is {}", node.kind())))
            }
        }
    }

    fn add(&mut self, node: &Node, source: &str) -> Result<Template> {
        self.templates.add(source).map_err(|problem| node.refuse(Refusal::Template, problem))
    }

    fn template(&mut self, key: &'static str) -> Result<Option<Template>> {
        let Some(node) = self.keys.take(key) else { return Ok(None) };
        match &node.value {
            Kind::Text(source) if source.is_empty() => Ok(None),
            Kind::Text(source) => self.add(&node, source).map(Some),
            Kind::Function(name) => self.native(&node, name).and_then(|_| {
                Err(node.refuse(Refusal::Function, format!("'{key}' is a template, not !function {name}")))
            }),
            _ => Err(node.refuse(Refusal::Value, format!("'{key}' is text, and this is {}", node.kind()))),
        }
    }

    fn part(&mut self, keys: &mut Keys, key: &'static str) -> Result<Option<Part>> {
        let Some(node) = keys.take(key) else { return Ok(None) };
        let part = match &node.value {
            Kind::Text(source) => Part::Text(self.add(&node, source)?),
            Kind::Function(name) => match self.native(&node, name)? {
                Function::Field(function) => Part::Native(function),
                other => {
                    let problem = format!(
                        "'{key}' needs a function of a document, and !function {name} is one of {other:?}"
                    );
                    return Err(node.refuse(Refusal::Function, problem));
                }
            },
            // A mapping's values are its choices.
            Kind::Map(entries) if key == "doc_to_choice" => {
                Part::Value(entries.iter().map(|entry| entry.value.to_json()).collect())
            }
            Kind::List(_) if key == "doc_to_text" => {
                return Err(node.refuse(Refusal::Value, "'doc_to_text' is text, and this is a list"));
            }
            Kind::Int(_) | Kind::List(_) => Part::Value(node.to_json()),
            _ => {
                return Err(node
                    .refuse(Refusal::Value, format!("'{key}' is a template, and this is {}", node.kind())));
            }
        };
        Ok(Some(part))
    }

    fn prompt(&mut self, keys: &mut Keys, over: Option<&Prompt>) -> Result<Prompt> {
        let prefix = match keys.take("gen_prefix") {
            None => over.and_then(|over| over.prefix.clone()),
            Some(node) => match &node.value {
                Kind::Text(source) if source.is_empty() => None,
                Kind::Text(source) => Some(self.add(&node, source)?),
                _ => return Err(node.refuse(Refusal::Value, "'gen_prefix' is text")),
            },
        };
        let delimiter = |given: Option<String>, from: Option<&String>, default: &str| {
            given.or_else(|| from.cloned()).unwrap_or_else(|| default.to_owned())
        };
        Ok(Prompt {
            text: self.part(keys, "doc_to_text")?.or_else(|| over.and_then(|over| over.text.clone())),
            target: self.part(keys, "doc_to_target")?.or_else(|| over.and_then(|over| over.target.clone())),
            choice: self.part(keys, "doc_to_choice")?.or_else(|| over.and_then(|over| over.choice.clone())),
            target_delimiter: delimiter(
                keys.text("target_delimiter")?,
                over.map(|over| &over.target_delimiter),
                " ",
            ),
            fewshot_delimiter: delimiter(
                keys.text("fewshot_delimiter")?,
                over.map(|over| &over.fewshot_delimiter),
                "\n\n",
            ),
            prefix,
        })
    }

    fn needed(&self, prompt: &Prompt, output: Output) -> Result<()> {
        let missing = if prompt.text.is_none() && output != Output::Rolling {
            "doc_to_text"
        } else if prompt.target.is_none() {
            "doc_to_target"
        } else if prompt.choice.is_none() && output == Output::MultipleChoice {
            "doc_to_choice"
        } else {
            return Ok(());
        };
        Err(self
            .keys
            .refuse(Refusal::Missing, format!("no '{missing}', which output_type {} needs", output.name())))
    }

    fn generation(&mut self, output: Output, prompt: &Prompt) -> Result<Option<Generation>> {
        let Some(node) = self.keys.take("generation_kwargs") else {
            let greedy = || Generation {
                until: vec![prompt.fewshot_delimiter.clone()],
                max_tokens: 256,
                temperature: 0.0,
                top_p: 1.0,
                repeats: 1,
            };
            return Ok((output == Output::Generate).then(greedy));
        };
        let mut keys = Keys::of(node, "'generation_kwargs'")?;
        let until = keys.texts("until")?.unwrap_or_else(|| vec![prompt.fewshot_delimiter.clone()]);
        let sample = keys.boolean("do_sample")?;
        let temperature = keys.number("temperature")?;
        let top_p = keys.number("top_p")?.unwrap_or(1.0);
        let mut max_tokens = None;
        for key in ["max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"] {
            max_tokens = keys.count(key)?.or(max_tokens);
        }
        if let Some(node) = keys.take("num_beams")
            && !matches!(node.value, Kind::Int(1))
        {
            return Err(
                node.refuse(Refusal::Unsupported, "'num_beams' is not supported: there is no beam search")
            );
        }
        if !(0.0..=1.0).contains(&top_p) || top_p == 0.0 {
            return Err(
                keys.refuse(Refusal::Value, format!("'top_p' is {top_p}; it is above 0 and at most 1"))
            );
        }
        let temperature = match (sample, temperature) {
            (Some(false), _) => 0.0,
            (Some(true), None) => 1.0,
            (_, temperature) => temperature.unwrap_or(0.0),
        };
        if temperature < 0.0 {
            return Err(
                keys.refuse(Refusal::Value, format!("'temperature' is {temperature}; it is at least 0"))
            );
        }
        keys.finish("'generation_kwargs'")?;
        let generation =
            Generation { until, max_tokens: max_tokens.unwrap_or(256), temperature, top_p, repeats: 1 };
        Ok((output == Output::Generate).then_some(generation))
    }

    fn decontaminate(&mut self) -> Result<Option<Part>> {
        let wanted = self.keys.boolean("should_decontaminate")?.unwrap_or(false);
        let mut keys = std::mem::replace(&mut self.keys, empty());
        let query = self.part(&mut keys, "doc_to_decontamination_query");
        self.keys = keys;
        query.map(|query| query.filter(|_| wanted))
    }
}

fn empty() -> Keys {
    let node = Node { value: Kind::Map(Vec::new()), path: std::sync::Arc::default(), line: 0 };
    Keys::of(node, "").unwrap_or_else(|_| unreachable!("a mapping"))
}

fn sampler_of(keys: &mut Keys) -> Result<Sampler> {
    let Some(node) = keys.take("sampler") else { return Ok(Sampler::Default) };
    match &node.value {
        Kind::Text(name) if name == "default" => Ok(Sampler::Default),
        Kind::Text(name) if name == "first_n" => Ok(Sampler::FirstN),
        Kind::Text(name) => {
            Err(node.refuse(Refusal::Value, format!("unknown sampler '{name}'; known are default, first_n")))
        }
        _ => Err(node.refuse(Refusal::Value, "'sampler' is default or first_n")),
    }
}

fn samples_of(keys: &mut Keys) -> Result<Option<Vec<Value>>> {
    let Some(node) = keys.take("samples") else { return Ok(None) };
    match &node.value {
        Kind::List(samples) => Ok(Some(samples.iter().map(Node::to_json).collect())),
        Kind::Function(name) => Err(node.refuse(
            Refusal::Function,
            format!(
                "'samples: !function {name}' is Python, and no Python is run; write the shots out as a list"
            ),
        )),
        _ => Err(node.refuse(
            Refusal::Value,
            format!("'samples' is a list of documents, and this is {}", node.kind()),
        )),
    }
}
