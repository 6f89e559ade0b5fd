//! The runs that are analysed: opened one after another, asked what was not asked yet, and their answers kept.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use analyses::figure::{FEWEST, Figure, Figures};
use analyses::ledger::Ledger;
use analyses::question::{Answer, Answers, Question};
use analyses::scorer::TextScorer;
use anyhow::Context as _;
use clap::Args;
use eval::TrainedModel;
use eval::scoring::{Scorer, ScoringOptions};
use runtime::{DeviceKind, ProgramCache, Runtime, RuntimeOptions};
use serde::Serialize;
use tasks::statistics::Bootstrap;

use super::ask;
use crate::commands::train::Signals;
use crate::output::{Counter, Interrupted, fetching, grouped, line, note, usage};

/// Which runs, and how they are analysed.
#[derive(Args, Clone)]
pub struct RunsArguments {
    /// Run directories of trained or imported models, or folders of checkpoints.
    #[arg(long, value_name = "RUN", num_args = 1.., help_heading = "Runs")]
    pub runs: Vec<PathBuf>,
    /// Tokens a model can look back at [default: the length of its training sequences].
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u32).range(1..=1_048_576), help_heading = "Runs")]
    window: Option<u32>,
    /// Device to run on: cpu, cuda or tpu [default: the one each model was trained on].
    #[arg(long, help_heading = "Runs")]
    device: Option<DeviceKind>,
    /// PJRT plugin to use.
    #[arg(long, value_name = "FILE", help_heading = "Runs")]
    plugin: Option<PathBuf>,
    /// Rows in flight: more take more memory and fill the device better; no score depends on it.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Runs")]
    batch: u32,
    /// Ask only so many questions of each kind, spread evenly over all.
    #[arg(long, value_name = "N", help_heading = "Runs")]
    pub limit: Option<usize>,
    /// Seed of samples and of the resamples that intervals are of.
    #[arg(long, value_name = "N", default_value_t = Bootstrap::default().seed, help_heading = "Results")]
    pub seed: u64,
    /// Resamples that intervals are of.
    #[arg(long, value_name = "N", default_value_t = Bootstrap::default().resamples as u32, value_parser = clap::value_parser!(u32).range(100..=1_000_000), help_heading = "Results")]
    resamples: u32,
    /// Folder for answers and figures, with one in it for each run; what an interrupted analysis has finished there is kept
    /// [default: analyses in each run].
    #[arg(short, long, value_name = "DIR", help_heading = "Results")]
    out: Option<PathBuf>,
}

/// What is said of a run and its figures.
#[derive(Serialize)]
pub struct RunReport {
    pub run: String,
    pub step: u64,
    pub checkpoint_hash: String,
    pub parameters: u64,
    pub window: usize,
    /// Hash of the tokenizer: numbers per token compare only between runs of the same.
    pub tokenizer: String,
    pub questions: usize,
    /// Questions that do not fit the window.
    pub skipped: usize,
    pub figures: Vec<Figure>,
}

/// An analysis of several runs.
pub struct Analysis<'a> {
    arguments: &'a RunsArguments,
    /// The analysis, which is the name of its files.
    name: &'static str,
    signals: Signals,
    pub figures: Figures,
}

/// A run that is analysed.
pub struct Opened {
    path: PathBuf,
    folder: PathBuf,
    kind: DeviceKind,
    plugin: Option<PathBuf>,
    window: usize,
    is_tuned: bool,
    report: RunReport,
    model: Option<TrainedModel>,
    scorer: Option<Scorer>,
}

impl<'a> Analysis<'a> {
    /// Checks what can be checked before a model is opened.
    ///
    /// # Errors
    /// A usage error without runs, and for one that is named twice.
    pub fn new(arguments: &'a RunsArguments, name: &'static str) -> anyhow::Result<Self> {
        if arguments.runs.is_empty() {
            return Err(usage("which models? name their runs with --runs A B …"));
        }
        if arguments.limit.is_some_and(|limit| limit < FEWEST) {
            return Err(usage(format_args!("--limit: nothing is shown of fewer than {FEWEST}")));
        }
        let (mut places, mut names) = (BTreeSet::new(), BTreeSet::new());
        for run in &arguments.runs {
            let place = run.canonicalize().with_context(|| format!("{}: no such folder", run.display()))?;
            if !names.insert(place.file_name().map(ToOwned::to_owned)) && arguments.out.is_some() {
                let name = place.file_name().unwrap_or_default().display().to_string();
                return Err(usage(format_args!(
                    "--out: two runs are called {name}, and their answers would be in one folder; leave --out away"
                )));
            }
            if !places.insert(place) {
                return Err(usage(format_args!("{}: it is named twice", run.display())));
            }
        }
        let bootstrap = Bootstrap { seed: arguments.seed, resamples: arguments.resamples as usize };
        Ok(Self { arguments, name, signals: Signals::install()?, figures: Figures { bootstrap } })
    }

    /// Opens the runs; their parameters are still on disk. Says so if they have several tokenizers.
    ///
    /// # Errors
    /// A run that is none.
    pub fn open(&self) -> anyhow::Result<Vec<Opened>> {
        let opened: Vec<Opened> =
            self.arguments.runs.iter().map(|run| self.open_one(run)).collect::<anyhow::Result<_>>()?;
        let tokenizers: BTreeSet<&str> = opened.iter().map(|run| run.report.tokenizer.as_str()).collect();
        if tokenizers.len() > 1 {
            note(
                "the runs have different tokenizers: numbers per token do not compare between them, and log-probabilities of \
                 texts do so only as far as both can write them",
            );
        }
        self.signals.finish_steps(
            None,
            || note("stopping after the questions under way; again ends at once"),
            || (),
        );
        Ok(opened)
    }

    fn open_one(&self, run: &Path) -> anyhow::Result<Opened> {
        let mut warn = |warning: &str| note(format_args!("warning: {warning}"));
        let model = TrainedModel::open(run, &mut warn)?;
        let window = self.arguments.window.map_or(model.default_window(), |window| window as usize);
        let trained_on = &model.config().device;
        let kind = self.arguments.device.unwrap_or(trained_on.kind);
        let own = trained_on.plugin.clone().filter(|_| kind == trained_on.kind);
        let step = model.manifest().step;
        let report = RunReport {
            run: run.display().to_string(),
            step,
            checkpoint_hash: model.hash()?,
            parameters: model.config().model.parameters().iter().map(model::ParameterSpec::elements).sum(),
            window,
            tokenizer: model.tokenizer().fingerprint(),
            questions: 0,
            skipped: 0,
            figures: Vec::new(),
        };
        let folder = match &self.arguments.out {
            Some(out) => {
                let place = run.canonicalize().unwrap_or_else(|_| run.to_owned());
                out.join(place.file_name().unwrap_or_default())
            }
            None => crate::commands::eval::run_of(run).join("analyses").join(format!("step-{step}")),
        };
        Ok(Opened {
            path: run.to_owned(),
            folder,
            kind,
            plugin: self.arguments.plugin.clone().or(own),
            window,
            is_tuned: model.config().data.dialogues,
            report,
            model: Some(model),
            scorer: None,
        })
    }

    /// Asks a run what it was not asked yet. `part` is the name of the file of answers beside the analysis's own.
    ///
    /// # Errors
    /// A model that cannot be loaded, a device that fails, a full disk, an interruption. What is finished by then is kept.
    pub fn ask(&self, run: &mut Opened, part: &str, questions: &[Question]) -> anyhow::Result<Answers> {
        let settings = serde_json::json!({
            "checkpoint": run.report.checkpoint_hash, "window": run.window, "device": run.kind.to_string(),
        });
        let name = if part.is_empty() { self.name.to_owned() } else { format!("{}-{part}", self.name) };
        let path = run.folder.join(format!("{name}.jsonl"));
        let mut ledger = Ledger::open(&path, &settings.to_string())?;
        if ledger.cut() > 0 {
            note(format_args!(
                "removed {} bytes of an answer that was being written when the program was stopped",
                ledger.cut()
            ));
        }
        let open: Vec<Question> =
            questions.iter().filter(|question| ledger.find(question).is_none()).cloned().collect();
        let (found, of) = (questions.len() - open.len(), questions.len());
        if !open.is_empty() {
            let mut counter = Counter::new("questions");
            let label = format!("{}, {name}", run.path.display());
            let (mut done, mut failed) = (found, None);
            let signals = &self.signals;
            let scorer = run.scorer(self.arguments)?;
            let result = ask::all(scorer, &open, &mut |question, answer| {
                if let Err(error) = ledger.add(question, answer) {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
                done += 1;
                counter.show(&label, done, found, of);
                if signals.stop().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            line::clear();
            if let Some(error) = failed {
                return Err(error.into());
            }
            result?;
            if done < of {
                signals.saved();
                note(format_args!(
                    "stopped after {} of {of} questions; the same command goes on from {}",
                    grouped(done as u64),
                    path.display()
                ));
                return Err(Interrupted(signals.stop().unwrap_or(130)).into());
            }
        }
        let answers = ledger.conclude(questions)?;
        run.report.questions += of;
        run.report.skipped += answers.values().filter(|answer| matches!(answer, Answer::Skipped)).count();
        Ok(answers)
    }

    /// The scores of texts. A service may take long: a signal ends it after the text under way.
    ///
    /// # Errors
    /// A scorer that gives none, and an interruption. What a service has answered is kept.
    pub fn score(
        &self,
        scorer: &mut dyn TextScorer,
        texts: &[&str],
        run: &Opened,
    ) -> anyhow::Result<Vec<f64>> {
        let (mut counter, mut scores) = (Counter::patient("texts"), Vec::with_capacity(texts.len()));
        let label = format!("{}, {}", run.path.display(), scorer.name());
        for (at, text) in texts.iter().enumerate() {
            let of = format!("text {} of {}", at + 1, texts.len());
            let score = scorer.score(std::slice::from_ref(text)).with_context(|| of)?;
            scores.extend(score);
            counter.show(&label, at + 1, 0, texts.len());
            if let Some(code) = self.signals.stop() {
                line::clear();
                self.signals.saved();
                note("stopped; the same command asks about the other texts");
                return Err(Interrupted(code).into());
            }
        }
        line::clear();
        Ok(scores)
    }

    /// Where the scores of a service are kept: in `--out`, or in the first run.
    pub fn cache(&self) -> Option<PathBuf> {
        let folder = match (&self.arguments.out, self.arguments.runs.first()) {
            (Some(out), _) => out.clone(),
            (None, Some(run)) => crate::commands::eval::run_of(run).join("analyses"),
            (None, None) => return None,
        };
        Some(folder.join("scores.jsonl"))
    }

    /// Everything is computed: a signal ends the program at once from here on.
    pub fn conclude(&self) {
        self.signals.saved();
    }
}

impl Opened {
    /// The folder of its answers.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its name, as the user gave it.
    pub fn name(&self) -> &str {
        &self.report.run
    }

    /// Whether it was trained on dialogues, and so is not asked with a prompt before them.
    pub fn is_tuned(&self) -> bool {
        self.is_tuned
    }

    /// It is asked nothing more: its memory is free again.
    pub fn close(self) -> Self {
        Self { model: None, scorer: None, ..self }
    }

    /// What is said of it, with its figures.
    pub fn report(self, figures: Vec<Figure>) -> RunReport {
        RunReport { figures, ..self.report }
    }

    fn scorer(&mut self, arguments: &RunsArguments) -> anyhow::Result<&mut Scorer> {
        if let Some(model) = self.model.take() {
            let programs = ProgramCache::of_user();
            let options =
                RuntimeOptions { plugin: self.plugin.clone(), programs, ..RuntimeOptions::default() };
            let runtime = Runtime::start(self.kind, &options, &mut fetching)?;
            let options = ScoringOptions { batch: arguments.batch as usize, ..ScoringOptions::default() };
            self.scorer = Some(model.scorer_with_window(&runtime, self.window, options)?);
        }
        self.scorer.as_mut().context("the model could not be loaded")
    }
}
