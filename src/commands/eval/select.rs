//! Which tasks: of the suite, or of users' files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use eval::evaluate::Subject;
use serde_json::Value;
use tasks::suite::{self, Entry, Folders, Presence};
use tasks::{Task, format, read};

use super::data::Data;
use crate::output::{note, usage};

/// Which tasks, and how they are asked.
#[derive(Args, Clone)]
pub struct TaskArguments {
    /// Tasks of the paper: gopher152, or a category of it [default without --tasks: gopher152].
    #[arg(long, value_name = "NAME", value_parser = suite_names(), help_heading = "Tasks")]
    pub suite: Option<String>,
    /// Tasks by name, of the suite's or of --include's.
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Tasks")]
    pub tasks: Vec<String>,
    /// Whether the suite's tasks are asked as in the paper, or as lm-evaluation-harness asks them.
    #[arg(long, value_enum, default_value_t, help_heading = "Tasks")]
    pub protocol: ProtocolArgument,
    /// Documents before each as examples [default: each task's own number].
    #[arg(long, value_name = "N", help_heading = "Tasks")]
    pub shots: Option<usize>,
    /// The first N documents of each task only.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Tasks")]
    pub limit: Option<u64>,
    /// Folder with task files of your own, in lm-evaluation-harness's format; may be given several times.
    #[arg(long, value_name = "DIR", help_heading = "Tasks")]
    pub include: Vec<PathBuf>,
}

/// How tasks of the suite are asked.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum ProtocolArgument {
    /// As in the paper.
    #[default]
    Paper,
    /// As lm-evaluation-harness asks them.
    LmEval,
}

impl From<ProtocolArgument> for suite::Protocol {
    fn from(argument: ProtocolArgument) -> Self {
        match argument {
            ProtocolArgument::Paper => suite::Protocol::Paper,
            ProtocolArgument::LmEval => suite::Protocol::LmEval,
        }
    }
}

fn suite_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(suite::suites())
}

/// What is to be scored.
pub struct Selection {
    /// The tasks that have data.
    pub subjects: Vec<Subject>,
    /// The suite's entry of each of them, if it has one.
    pub entries: BTreeMap<String, &'static Entry>,
    /// Whether all of each task's data is there.
    pub presence: BTreeMap<String, Presence>,
    /// The suite, if one was asked for, and the tasks in it.
    pub suite: Option<(String, Vec<&'static Entry>)>,
    /// Tasks of the suite without data, and why.
    pub missing: BTreeMap<String, String>,
}

impl TaskArguments {
    /// Finds the tasks and reads their documents. Of a suite, tasks without data are passed over and named in the selection;
    /// a task that is asked for by name must have its data.
    ///
    /// # Errors
    /// Names that are no tasks, task files that are none, data that cannot be read.
    pub fn select(&self, data: &Data) -> anyhow::Result<Selection> {
        let own = own_tasks(&self.include)?;
        let folders = data.folders()?;
        let mut selection = Selection {
            subjects: Vec::new(),
            entries: BTreeMap::new(),
            presence: BTreeMap::new(),
            suite: None,
            missing: BTreeMap::new(),
        };
        for name in &self.tasks {
            match (own.get(name), suite::entry(name)) {
                (Some(path), _) => selection.subjects.push(self.own_subject(path)?),
                (None, Some(entry)) => self.add(entry, &folders, &mut selection)?,
                (None, None) => match suite::suite(name) {
                    Some(entries) => self.add_suite(&entries, &folders, &mut selection),
                    None => return Err(unknown(name, &own.keys().map(String::as_str).collect::<Vec<_>>())),
                },
            }
        }
        let suite = match (&self.suite, self.tasks.is_empty()) {
            (Some(name), _) => Some(name.as_str()),
            (None, true) if own.is_empty() => Some("gopher152"),
            _ => None,
        };
        if let Some(name) = suite {
            let entries = suite::suite(name).ok_or_else(|| unknown(name, &[]))?;
            self.add_suite(&entries, &folders, &mut selection);
            selection.suite = Some((name.to_owned(), entries));
        } else if self.tasks.is_empty() {
            for path in own.values() {
                selection.subjects.push(self.own_subject(path)?);
            }
        }
        if selection.subjects.is_empty() {
            let why = selection.missing.values().next().cloned().unwrap_or_default();
            return Err(anyhow!("there is data for none of the tasks: {why}"));
        }
        Ok(selection)
    }

    fn limit(&self) -> Option<usize> {
        self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// Adds the tasks that have data, and the names of the others.
    fn add_suite(&self, entries: &[&'static Entry], folders: &Folders, selection: &mut Selection) {
        for entry in entries {
            if let Err(error) = self.add(entry, folders, selection) {
                selection.missing.insert(entry.name.clone(), format!("{error:#}"));
            }
        }
    }

    fn add(&self, entry: &'static Entry, folders: &Folders, selection: &mut Selection) -> anyhow::Result<()> {
        if selection.entries.contains_key(&entry.name) {
            return Ok(());
        }
        let protocol = suite::Protocol::from(self.protocol);
        let (task, documents, items) = entry.open(folders, protocol, self.shots, self.limit())?;
        if documents.repeated > 0 {
            note(format_args!(
                "warning: {}: {} of {} documents stand in the data twice",
                entry.name,
                documents.repeated,
                items.len()
            ));
        }
        let shots = self.shots.unwrap_or_else(|| entry.default_shots(&task));
        selection.presence.insert(entry.name.clone(), documents.presence);
        selection.subjects.push(Subject {
            items,
            original: documents.total,
            alias: entry.name.clone(),
            category: entry.category.name().to_owned(),
            protocol: protocol.name().to_owned(),
            shots,
            metric: Some(entry.metric.name().to_owned()),
            source: Value::String(entry.yaml(protocol)),
            task,
        });
        selection.entries.insert(entry.name.clone(), entry);
        Ok(())
    }

    /// A user's own task, with the data that its file names.
    fn own_subject(&self, path: &Path) -> anyhow::Result<Subject> {
        let task = Task::load(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let split = |name: &str| -> anyhow::Result<Vec<Value>> {
            let mut documents = Vec::new();
            for file in task.data().files(name) {
                let file = folder.join(file);
                for document in read::documents(&file, read::Shape::default())? {
                    documents.push(document?);
                }
            }
            Ok(documents)
        };
        let asked = task.data().documents().to_owned();
        let documents = split(&asked)?;
        if documents.is_empty() {
            return Err(anyhow!(
                "{}: no documents: dataset_kwargs.data_files names no file for the split {asked}; this program reads local files only",
                path.display()
            ));
        }
        let shots = self.shots.or(task.num_fewshot()).unwrap_or(0);
        let pool = match shots {
            0 => Vec::new(),
            _ if task.data().shots() == asked => documents.clone(),
            _ => split(task.data().shots())?,
        };
        let items = task.items(&documents, &pool, shots, self.limit())?;
        let source = read::text(path).context("reading the task file again")?;
        Ok(Subject {
            items,
            original: documents.len(),
            alias: task.alias().unwrap_or(task.name()).to_owned(),
            category: "file".into(),
            protocol: "file".into(),
            shots,
            metric: None,
            source: Value::String(source),
            task,
        })
    }
}

/// Task files of folders, by the names of their tasks.
fn own_tasks(folders: &[PathBuf]) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut own: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders {
        let mut paths = Vec::new();
        let entries = std::fs::read_dir(folder).with_context(|| format!("--include {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("--include {}", folder.display()))?.path();
            if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            // What begins so is included by others and no task itself.
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('_')) {
                continue;
            }
            let format::File::Task(task) = format::File::load(&path)? else { continue };
            if let Some(other) = own.insert(task.name().to_owned(), path.clone()) {
                return Err(anyhow!(
                    "the task {} is in {} and in {}; give one another name",
                    task.name(),
                    other.display(),
                    path.display()
                ));
            }
        }
    }
    if !folders.is_empty() && own.is_empty() {
        return Err(anyhow!("--include {}: no task files (.yaml)", folders[0].display()));
    }
    Ok(own)
}

/// The error of a name that no task has.
fn unknown(name: &str, own: &[&str]) -> anyhow::Error {
    let mut known: Vec<&str> = own.to_vec();
    for entry in suite::entries() {
        known.push(&entry.name);
    }
    for name in suite::suites() {
        known.push(name);
    }
    let nearest = known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((similarity, known)) if similarity > 0.75 => {
            usage(format_args!("there is no task {name}; did you mean {known}?"))
        }
        _ => usage(format_args!("there is no task {name}; gopher eval list has their names")),
    }
}
