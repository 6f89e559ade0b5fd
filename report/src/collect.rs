//! What run directories hold, read into one report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use monitor::runs::{Overview, Run};
use serde::Serialize;
use tasks::results::{RESULTS, Results, SAMPLES};
use tasks::statistics::Interval;
use tasks::suite::{Metric, entry};

use crate::card::{Card, card};
use crate::laws::{GainPart, Scaling, gain, scaling};
use crate::paper::{FIGURES, PaperFigure};
use crate::{Error, Result};

/// Points of all curves together, so that a page of many runs is no larger than one of few.
const POINTS: usize = 6000;

/// The most runs of a report.
const MOST_RUNS: usize = 64;

/// Everything that a page shows.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The program's version.
    pub program: String,
    /// In the order they were named.
    pub runs: Vec<RunPart>,
    /// Laws of the loss.
    pub scaling: Scaling,
    /// What tasks gain from the smallest to the largest run, if both were evaluated.
    pub gain: Option<GainPart>,
    /// The paper's figures.
    pub paper: Vec<PaperFigure>,
    /// What is in the runs and not in the report, by file.
    pub held_back: Vec<HeldBack>,
    /// The model card of the largest run.
    pub card: Card,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct RunPart {
    /// What it is called here.
    pub name: String,
    /// What is known of its training.
    pub overview: Overview,
    /// Keys of its configuration with their values as TOML; those that are paths are not written down.
    #[serde(serialize_with = "without_paths")]
    pub config: BTreeMap<String, String>,
    /// Training loss by step, means of neighbours where there are many.
    pub training_loss: Vec<(f64, f64)>,
    /// Loss on held-out text by step.
    pub validation_loss: Vec<(f64, f64)>,
    /// Its newest evaluation.
    pub evaluation: Option<Evaluation>,
    /// Its newest analyses.
    pub analyses: Vec<AnalysisPart>,
    /// What could not be read, and why.
    pub problems: Vec<String>,
    #[serde(skip)]
    pub(crate) results: Option<Results>,
}

/// Whether a key says where something lies on a computer, which is nobody's business.
pub(crate) fn is_path(key: &str) -> bool {
    matches!(key, "data.paths" | "data.tokenizer" | "data.mixture" | "device.plugin" | "checkpoint.store")
        || key.starts_with("data.mixture.")
}

fn without_paths<S: serde::Serializer>(
    config: &BTreeMap<String, String>,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    to.collect_map(config.iter().filter(|(key, _)| !is_path(key)))
}

/// An evaluation of the suite.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The checkpoint's step.
    pub step: u64,
    /// How tasks were asked.
    pub protocol: String,
    /// Documents of each task at most.
    pub limit: Option<usize>,
    /// In the order of the suite.
    pub tasks: Vec<TaskPart>,
}

/// A task's score.
#[derive(Clone, Debug, Serialize)]
pub struct TaskPart {
    /// Its name.
    pub task: String,
    /// Its category.
    pub category: String,
    /// Shots.
    pub shots: usize,
    /// The metric.
    pub metric: String,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// Documents with a score.
    pub documents: usize,
    /// The number.
    pub value: f64,
    /// Its 95% interval.
    pub interval: Option<Interval>,
    /// The 280B model's number in the same unit, with so many shots.
    pub gopher_280b: Option<f64>,
}

/// An analysis, as `gopher analyze` left it.
#[derive(Clone, Debug, Serialize)]
pub struct AnalysisPart {
    /// Its name.
    pub analysis: String,
    /// The checkpoint's step.
    pub step: u64,
    /// What it took to find the numbers: seed, resamples, limit, settings.
    pub settings: serde_json::Value,
    /// What is not there, and why.
    pub notes: Vec<String>,
    /// Its numbers.
    pub figures: Vec<FigurePart>,
}

/// A number of an analysis.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct FigurePart {
    /// What is measured.
    pub measure: String,
    /// Of what.
    pub group: String,
    /// What it is over.
    pub items: u64,
    /// The number.
    pub value: Option<f64>,
    /// Where it would be with other things of the kind.
    pub interval: Option<Interval>,
    /// Why something is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it is only for those who ask for everything.
    #[serde(default)]
    pub detail: bool,
}

/// A file whose texts are not shown.
#[derive(Clone, Debug, Serialize)]
pub struct HeldBack {
    /// The run.
    pub run: String,
    /// The file in it.
    pub file: String,
    /// Its lines: a text, prompt or answer each.
    pub lines: u64,
}

/// Reads runs.
///
/// # Errors
/// [`Error::TooMany`], [`Error::Twice`], and a folder that is no run. What of a run cannot be read is one of its problems.
pub fn collect(paths: &[PathBuf], data_card: Option<&Path>) -> Result<Report> {
    if paths.len() > MOST_RUNS {
        return Err(Error::TooMany { runs: paths.len(), most: MOST_RUNS });
    }
    let mut seen = BTreeSet::new();
    for path in paths {
        let place = path.canonicalize().unwrap_or_else(|_| path.clone());
        if !seen.insert(place) {
            return Err(Error::Twice { run: path.clone() });
        }
    }
    let mut held_back = Vec::new();
    let names = names(paths);
    let mut runs = Vec::with_capacity(paths.len());
    for (path, name) in paths.iter().zip(names) {
        runs.push(run(path, name, POINTS / paths.len().max(1), &mut held_back)?);
    }
    let scaling = scaling(&runs);
    let gain = gain(&runs);
    let largest = runs.iter().max_by_key(|run| run.overview.parameters);
    let card = card(largest, data_card)?;
    let program = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Report { program, runs, scaling, gain, paper: FIGURES.to_vec(), held_back, card })
}

/// The last part of each path, or all of it where that is not enough to tell runs apart.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let last = |path: &PathBuf| {
        path.file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let is_unique = |name: &String| paths.iter().filter(|path| last(path) == *name).count() == 1;
    paths
        .iter()
        .map(|path| Some(last(path)).filter(is_unique).unwrap_or_else(|| path.display().to_string()))
        .collect()
}

fn run(path: &Path, name: String, points: usize, held_back: &mut Vec<HeldBack>) -> Result<RunPart> {
    let run = Run::read(path)?;
    let mut problems = Vec::new();
    let mut hold = |file: &Path| {
        if let Some(lines) = lines(file) {
            let file = file.strip_prefix(path).unwrap_or(file).display().to_string();
            held_back.push(HeldBack { run: name.clone(), file, lines });
        }
    };
    let results = newest(&path.join("evaluation")).and_then(|(_, folder)| {
        hold(&folder.join(SAMPLES));
        folder.join(RESULTS).exists().then(|| Results::read(&folder))
    });
    let results = results.and_then(|read| match read {
        Ok(results) => Some(results),
        Err(error) => {
            problems.push(error.to_string());
            None
        }
    });
    let mut analyses = Vec::new();
    if let Some((step, folder)) = newest(&path.join("analyses")) {
        for file in files(&folder) {
            match file.extension().and_then(|ending| ending.to_str()) {
                Some("jsonl") => hold(&file),
                Some("json") => match analysis(&file, step) {
                    Ok(part) => analyses.push(part),
                    Err(problem) => problems.push(problem),
                },
                _ => {}
            }
        }
    }
    let thin = |curve: Vec<(f64, f64)>| thinned(&curve, points.max(50));
    Ok(RunPart {
        training_loss: thin(run.loss_curve().points()),
        validation_loss: thin(run.validation_curve().points()),
        evaluation: results.as_ref().map(evaluation),
        overview: run.overview,
        config: run.config,
        name,
        analyses,
        problems,
        results,
    })
}

/// The folder `step-N` of the highest N.
fn newest(folder: &Path) -> Option<(u64, PathBuf)> {
    let entries = fs::read_dir(folder).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        let step = entry.file_name().to_str()?.strip_prefix("step-")?.parse().ok()?;
        entry.path().is_dir().then(|| (step, entry.path()))
    });
    entries.max()
}

/// Files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// Lines of a file; `None` if there is none.
fn lines(file: &Path) -> Option<u64> {
    use std::io::Read as _;
    let mut reader = inputs::open(file).ok()?;
    let (mut count, mut block) = (0, vec![0; 1 << 16]);
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Some(count),
            Ok(read) => count += block[..read].iter().filter(|byte| **byte == b'\n').count() as u64,
            Err(_) => return Some(count),
        }
    }
}

/// What `gopher analyze` wrote of a run, if that is what the file is.
fn analysis(path: &Path, step: u64) -> std::result::Result<AnalysisPart, String> {
    #[derive(serde::Deserialize)]
    struct Written {
        analysis: String,
        seed: u64,
        resamples: u64,
        limit: Option<u64>,
        #[serde(default)]
        settings: serde_json::Value,
        #[serde(default)]
        notes: Vec<String>,
        runs: Vec<Of>,
    }
    #[derive(serde::Deserialize)]
    struct Of {
        figures: Vec<FigurePart>,
    }
    let text =
        inputs::read(path).map_err(|error| format!("{}: {}", path.display(), inputs::words(&error)))?;
    let written: Written = inputs::json::from_slice(&text)
        .map_err(|detail| format!("{}: not what gopher analyze writes ({detail})", path.display()))?;
    let Written { analysis, seed, resamples, limit, settings, notes, runs } = written;
    let [run] = <[Of; 1]>::try_from(runs)
        .map_err(|runs| format!("{}: it is of {} runs, not of one", path.display(), runs.len()))?;
    let settings =
        serde_json::json!({"seed": seed, "resamples": resamples, "limit": limit, "settings": settings});
    Ok(AnalysisPart { analysis, step, settings, notes, figures: run.figures })
}

/// At most so many points, evenly of all.
fn thinned(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    (0..most).map(|place| points[place * (points.len() - 1) / (most - 1)]).collect()
}

fn evaluation(results: &Results) -> Evaluation {
    let mut tasks: Vec<(usize, TaskPart)> = Vec::new();
    for (name, summary) in &results.gopher.tasks {
        let Some(score) = summary.metrics.get(&summary.metric) else { continue };
        let place =
            tasks::suite::entries().iter().position(|entry| entry.name == *name).unwrap_or(usize::MAX);
        let gopher = entry(name).filter(|entry| entry.metric.name() == summary.metric).and_then(|entry| {
            let scale = Metric::paper_scale(entry.metric);
            Some(entry.gopher_with(summary.shots as u32)? / scale)
        });
        let part = TaskPart {
            task: name.clone(),
            category: summary.category.clone(),
            shots: summary.shots,
            metric: summary.metric.clone(),
            higher_is_better: score.higher_is_better,
            documents: summary.documents.scored,
            value: score.value,
            interval: score.interval,
            gopher_280b: gopher,
        };
        tasks.push((place, part));
    }
    tasks.sort_by(|a, b| (a.0, &a.1.task).cmp(&(b.0, &b.1.task)));
    Evaluation {
        step: results.gopher.checkpoint.step,
        protocol: results.gopher.protocol.clone(),
        limit: results.config.limit,
        tasks: tasks.into_iter().map(|(_, part)| part).collect(),
    }
}
