//! Doing the steps of a plan, each unless it is done.

use std::collections::BTreeMap;
use std::path::Path;

use data::Tokenizer;
use serde_json::Value;

use super::plan::{Configured, Plan, Step, TOKENIZER, TokenizerPlan};
use super::settings::Settings;
use super::storage::{Opened, Storage};
use super::summary::{FORMAT, Finished, Summary};
use super::{Done, StageName, card, html, tokenizer};
use crate::ledger::Ledger;
use crate::manifest::{Manifest, Part};
use crate::output::{PLAN, PLAN_BESIDE};
use crate::{Error, Result, decontaminate, dedup, extract, filter, tokenize};

/// What whoever runs a pipeline is told.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// How far a step is.
    Progress {
        /// Which step, from 1.
        place: usize,
        /// Of how many.
        of: usize,
        /// What it is called.
        step: &'a str,
        /// What it does; may be empty.
        what: &'a str,
        /// Records or pairs.
        count: u64,
    },
    /// A step is done.
    Finished {
        /// What it is called.
        step: &'a str,
        /// Where every record has gone.
        ledger: &'a Ledger,
        /// It was done before.
        was_complete: bool,
    },
}

/// The files of a report, in the folder of everything.
pub const REPORT: [&str; 3] = ["report.json", "report.html", "data-card.md"];

/// Does what is not done, and writes the report. The stages that `forced` names are done again, with those after them.
///
/// # Errors
/// Those of the stages; a stage that loses more than the limit allows; counts of two stages that contradict each other.
pub fn run(
    settings: &Settings,
    plan: &Plan,
    storage: &dyn Storage,
    forced: &[String],
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Summary> {
    check_report(&plan.out, storage)?;
    for step in plan.forced(forced)? {
        storage.remove(&step.out, PLAN)?;
        step.rejected.as_deref().map_or(Ok(()), |folder| storage.remove(folder, PLAN_BESIDE))?;
    }
    if let (Some(TokenizerPlan::Train { out, .. }), false) = (&plan.tokenizer, forced.is_empty()) {
        // It is made of what is done again.
        storage.remove(out, PLAN)?;
        for step in plan.steps.iter().filter(|step| step.stage == StageName::Tokenize) {
            storage.remove(&step.out, PLAN)?;
        }
    }
    let mut tokenizer = None;
    let mut all: Vec<Finished<'_>> = Vec::new();
    let mut kept: BTreeMap<&str, u64> = BTreeMap::new();
    for (place, step) in plan.steps.iter().enumerate() {
        let name = step.name();
        let mut progress = |what: &str, count: u64| {
            observe(Event::Progress { place: place + 1, of: plan.steps.len(), step: &name, what, count });
        };
        if step.stage == StageName::Tokenize && tokenizer.is_none() {
            let made = plan.tokenizer.as_ref().map(|plan| made(plan, storage, &mut progress)).transpose();
            tokenizer = made?;
        }
        let opened = storage.open(&step.inputs, Some(&step.out), step.rejected.as_deref())?;
        let done = one(settings, step, &*opened, tokenizer.as_ref(), &mut progress)
            .map_err(|error| opened.explain(explained(error, &name, &*opened)))?;
        opened.finish()?;
        let (done, was_complete) = done;
        let finished = Finished::new(step, done, &*opened).map_err(|error| opened.explain(error))?;
        let ledger = finished.done.ledger();
        check(step, ledger, kept.insert(&step.subset, ledger.kept), settings.limits.most_lost)?;
        observe(Event::Finished { step: &name, ledger, was_complete });
        all.push(finished);
    }
    let summary = Summary::new(settings, plan, all);
    let mut json = serde_json::to_vec_pretty(&summary).unwrap_or_default();
    json.push(b'\n');
    let files = [json, html::page(&summary).into_bytes(), card::text(settings, plan, &summary).into_bytes()];
    for (name, bytes) in REPORT.into_iter().zip(files) {
        storage.write(&plan.out.join(name), &bytes)?;
    }
    Ok(summary)
}

/// Refuses to write a report over what is not one, or over answers that somebody has written into the card.
fn check_report(out: &Path, storage: &dyn Storage) -> Result<()> {
    let read = |name: &str| -> Result<Option<String>> {
        let bytes = storage.read(&out.join(name))?;
        // What is no text is not ours.
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let refuse =
        |name: &str, detail: &str| Err(Error::Pipeline { path: out.join(name), detail: detail.into() });
    let [json, _, markdown] = REPORT;
    let is_ours =
        |text: &String| serde_json::from_str(text).is_ok_and(|report: Value| report["format"] == FORMAT);
    if read(json)?.is_some_and(|text| !is_ours(&text)) {
        return refuse(
            json,
            "it is no report of a pipeline, which would be written over it; name another `out`",
        );
    }
    if read(markdown)?.is_some_and(|text| !card::is_untouched(&text)) {
        let detail = "it was not written by this program, or was changed since, and would be written over: take its answers into [card] \
                      of the pipeline's file, and remove it";
        return refuse(markdown, detail);
    }
    Ok(())
}

fn made(
    plan: &TokenizerPlan,
    storage: &dyn Storage,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<Tokenizer> {
    match plan {
        TokenizerPlan::File(file) => tokenizer::load(file),
        TokenizerPlan::Train { training, inputs, out } => {
            let describe = |path| {
                let opened = storage.open(std::slice::from_ref(path), None, None)?;
                let manifest = opened.manifest(Manifest::find).map_err(|error| opened.explain(error))?;
                Ok(manifest.describe())
            };
            let input = inputs.iter().map(describe).collect::<Result<_>>()?;
            let opened = storage.open(inputs, Some(out), None)?;
            let mut count = |count| progress("training the tokenizer", count);
            let made = tokenizer::train(training, input, &*opened, &mut count)
                .map_err(|error| opened.explain(explained(error, TOKENIZER, &*opened)))?;
            opened.finish()?;
            Ok(made)
        }
    }
}

/// Does a step; whether it was done before.
fn one(
    settings: &Settings,
    step: &Step,
    opened: &dyn Opened,
    tokenizer: Option<&Tokenizer>,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<(Done, bool)> {
    let manifest = || opened.manifest(Manifest::find);
    let (inputs, out) = (opened.inputs().to_vec(), opened.out().to_owned());
    let rejected = opened.rejected().map(Path::to_owned);
    let (part, strict) = (Part::WHOLE, settings.work.strict);
    let mut progress = |what: &str, count: u64| {
        progress(what, count);
        opened.progress();
    };
    let mut count = |records: u64| progress("", records);
    match &step.work {
        Configured::Extract(configuration, blocked) => {
            let places = extract::Places { inputs, out, rejected, part, strict };
            let manifest = opened.manifest(Manifest::find_crawl)?;
            let report = extract::run(configuration, &places, &manifest, blocked, &mut count)?;
            Ok((Done::Extract(Box::new(report.receipt)), report.was_complete))
        }
        Configured::Filter(configuration) => {
            let places = filter::Places { inputs, out, rejected, part, strict };
            let report = filter::run(configuration, &places, &manifest()?, &mut count)?;
            Ok((Done::Filter(Box::new(report.receipt)), report.was_complete))
        }
        Configured::Dedup(configuration, memory) => {
            let places = dedup::Places { inputs, out, rejected, memory: *memory, strict };
            let (receipt, was_complete) = dedup::run(configuration, &places, &manifest()?, &mut progress)?;
            Ok((Done::Dedup(Box::new(receipt)), was_complete))
        }
        Configured::Decontaminate { configuration, against, titles } => {
            let (against, titles) = (against.clone(), titles.clone());
            let places = decontaminate::Places { inputs, against, titles, out, rejected, part, strict };
            let report = decontaminate::run(configuration, &places, &manifest()?, &mut count)?;
            Ok((Done::Decontaminate(Box::new(report.receipt)), report.was_complete))
        }
        Configured::Tokenize(configuration) => {
            let places = tokenize::Places { inputs, out, part, strict };
            // A plan that encodes has one.
            let tokenizer = tokenizer.ok_or(data::Error::NoEndOfText)?;
            let report = tokenize::run(configuration, &places, &manifest()?, tokenizer, &mut count)?;
            Ok((Done::Tokenize(Box::new(report.receipt)), report.was_complete))
        }
    }
}

/// An error of a step, or of the tokenizer, with the way out that a pipeline has.
fn explained(error: Error, name: &str, opened: &dyn Opened) -> Error {
    let is_own = |path: &Path| path == opened.out() || opened.rejected() == Some(path);
    match error {
        Error::Folder { path, detail } if is_own(&path) => {
            let detail =
                format!("{detail}; --force-stage {name} removes it with those after it, and does them again");
            Error::Pipeline { path, detail }
        }
        other => other,
    }
}

/// Checks that no record is lost between two stages, and that a stage keeps enough.
fn check(step: &Step, ledger: &Ledger, before: Option<u64>, most_lost: f64) -> Result<()> {
    if let Some(before) = before.filter(|before| *before != ledger.records) {
        let detail = format!(
            "{}: {} records read, and the stage before it kept {before}",
            step.name(),
            ledger.records
        );
        return Err(Error::Ledger { detail });
    }
    let lost = lost(ledger);
    if lost <= most_lost {
        return Ok(());
    }
    let reasons = ledger.dropped.iter().chain(&ledger.errors).map(|(reason, count)| (*count, &reason[..]));
    let (count, reason) = reasons.max().unwrap_or_default();
    let look = step.rejected.as_ref().map_or(String::new(), |folder| format!(" (see {})", folder.display()));
    let detail = format!(
        "the stage loses {:.1}% of {} records, most of them ({count}) by {reason}{look}, more than [limits] most_lost = {most_lost}; \
         if that is as it should be, raise the limit and run again",
        100.0 * lost,
        with_text(ledger)
    );
    Err(Error::Pipeline { path: step.name().into(), detail })
}

/// Records but for those of crawl files that never have text.
pub(super) fn with_text(ledger: &Ledger) -> u64 {
    ledger.records.saturating_sub(ledger.all_passed_over())
}

/// The share of records that are not kept, of those that may have text.
pub(super) fn lost(ledger: &Ledger) -> f64 {
    match with_text(ledger) {
        0 => 0.0,
        records => records.saturating_sub(ledger.kept) as f64 / records as f64,
    }
}
