//! The summary of a run: its results in numbers, and the files that keep them.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use configuration::Config;
use monitor::metrics;
use runtime::{Memory, Runtime};
use serde::Serialize;
use serde_json::json;
use sharding::plan::Plan;
use store::process_log::ProcessLog;
use store::run_directory::RunDirectory;
use store::{checkpoint, lossy_path, self_checksum};

use super::efficiency::Efficiency;
use super::programs::TrainingPrograms;
use super::steps::RunOutcome;
use crate::Error;
use crate::text::Text;

/// The results of a run. Losses are in nats per token; times and memory are of this process alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The run directory.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub run: PathBuf,
    /// The newest checkpoint.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub checkpoint: PathBuf,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Steps completed, those of earlier processes included.
    pub completed: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// All trained numbers of the model.
    pub parameters: u64,
    /// Mean training loss of the last steps: a tenth of the run, at least one step.
    pub loss: Option<f64>,
    /// The last loss on held-out text.
    pub validation_loss: Option<f64>,
    /// Entropy of the training tokens' frequencies: the loss of a model that knows nothing else.
    pub unigram_entropy: f64,
    /// Bytes of text per token: loss / ln 2 / this is bits per byte.
    pub bytes_per_token: f64,
    /// From the call to the first step.
    pub startup_seconds: f64,
    /// From the first step to the last checkpoint.
    pub seconds: f64,
    /// Tokens divided by the time the steps took, without validation and checkpoints; the first step is left out.
    pub tokens_per_second: Option<f64>,
    /// Seconds from the run's first start to the end of this process, or for a run that was complete already to its last
    /// step; `None` if the start is not known.
    pub wall_seconds: Option<f64>,
    /// Part of `wall_seconds` that was spent in steps that count, by all processes.
    pub goodput: Option<f64>,
    /// Model FLOPs utilisation at `tokens_per_second`; `None` if the device's peak is not known, as on CPUs.
    pub mfu: Option<f64>,
    /// Processes that worked on the run.
    pub starts: usize,
    /// Mean time per step that the device waited for the host, at most.
    pub device_wait_seconds: Option<f64>,
    /// The most memory the process had, in bytes, if the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// A line or two of held-out text (of all text, if none is held out), to be continued by the model.
    pub prompt: Option<String>,
    /// Whether text is held out.
    #[serde(skip)]
    pub held_out: bool,
}

pub(super) fn summarize(
    config: &Config,
    run: &RunDirectory,
    text: &Text,
    outcome: RunOutcome,
    start: Instant,
    efficiency: Option<&Efficiency>,
) -> Result<Summary, Error> {
    let records = metrics::read(&run.metrics())?;
    let mean =
        |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let completed = records.last().map_or(0, |record| record.step);
    let tail = records.len().div_ceil(10);
    // A loss that is not finite was left out of training.
    let losses = records[records.len() - tail..].iter().map(|record| record.loss);
    let losses: Vec<f64> = losses.filter(|loss| loss.is_finite()).collect();
    let mine = &records[records.len().saturating_sub(outcome.steps as usize)..];
    let timed = || mine.iter().skip(1);
    let seconds: f64 = timed().map(|record| record.seconds).sum();
    let batches = config.batches();
    let of_step = |step: u64| batches.tokens(step) - batches.tokens(step.saturating_sub(1));
    let timed_tokens: u64 = timed().map(|record| of_step(record.step)).sum();
    let statistics = text.corpus.training_statistics();
    let began = outcome.began.unwrap_or_else(Instant::now);
    let tokens_per_second = (seconds > 0.0).then(|| timed_tokens as f64 / seconds);
    let last = records.last();
    let (wall_seconds, goodput) = match efficiency {
        Some(efficiency) => {
            let wall = efficiency.wall_seconds();
            (wall, wall.and_then(|wall| efficiency.goodput(wall)))
        }
        None => (last.and_then(|record| record.wall_seconds), last.and_then(|record| record.goodput)),
    };
    Ok(Summary {
        run: run.path().to_owned(),
        checkpoint: match outcome.checkpoint {
            Some(checkpoint) => checkpoint,
            None => checkpoint::newest(&run.checkpoints())?.unwrap_or_else(|| run.checkpoints()),
        },
        interrupted: outcome.interrupted,
        completed,
        steps: config.training.steps,
        tokens: batches.tokens(completed),
        parameters: config.model.total_parameters(),
        loss: mean(&losses),
        validation_loss: records.iter().rev().find_map(|record| record.validation_loss),
        unigram_entropy: statistics.unigram_entropy,
        bytes_per_token: statistics.bytes_per_token(),
        startup_seconds: began.duration_since(start).as_secs_f64(),
        seconds: outcome.seconds,
        tokens_per_second,
        wall_seconds,
        goodput,
        mfu: tokens_per_second.zip(efficiency).and_then(|(rate, efficiency)| efficiency.mfu(rate)),
        starts: ProcessLog::read(&run.process_log())?.count(),
        device_wait_seconds: mean(&outcome.device_waits),
        peak_memory_bytes: peak_memory(),
        prompt: text.prompt(config.training.sequence_length / 2),
        held_out: !text.corpus.validation().is_empty(),
    })
}

/// The most memory this process had at any time, as Linux counts it.
pub(super) fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The text of `plan.json`: the plan, and what each device holds and takes by it. Without a plan, one device holds all
/// of it.
pub(super) fn plan(
    config: &Config,
    plan: Option<&Plan>,
    runtime: &Runtime,
    programs: &TrainingPrograms,
) -> Result<String, Error> {
    let bytes = |memory: Memory| {
        json!({
            "arguments": memory.arguments,
            "outputs": memory.outputs,
            "temporaries": memory.temporaries,
            "aliased": memory.aliased,
            "total": memory.total(),
        })
    };
    let state: usize = programs.state.buffers().iter().map(|buffer| buffer.ty().bytes()).sum();
    let mut memory = json!({ "train_step": bytes(programs.step.memory()?) });
    let mut compile_seconds = json!({ "train_step": programs.step.compile_seconds() });
    if let Some((_, program)) = &programs.validation {
        memory["loss"] = bytes(program.memory()?);
        compile_seconds["loss"] = program.compile_seconds().into();
    }
    let facts = [
        (
            "device",
            json!({
                "kind": runtime.kind().to_string(),
                "platform": runtime.platform(),
                "platform_version": runtime.platform_version(),
                "plugin": runtime.plugin_path().display().to_string(),
                "found": runtime.found().to_string(),
            }),
        ),
        ("parameters", config.model.total_parameters().into()),
        ("state_bytes", state.into()),
        ("memory_bytes", memory),
        ("compile_seconds", compile_seconds),
    ];
    let mut file = plan.map_or_else(|| json!({ "mesh": { "data": 1 } }), |plan| json!(plan));
    facts.into_iter().for_each(|(key, value)| file[key] = value);
    file["seal"] = "".into();
    Ok(self_checksum::complete(&format!("{file:#}\n")))
}
