//! `gopher train --dry-run`: what a training would be, as a table.

use std::process::{Command, Stdio};

use serde_json::Value;
use train::run::DryRun;

use crate::output::{bytes, grouped, note, print, print_json, table};

/// Where programs were compiled, measures memory and start again in another process, which loads them as the training will. If that
/// fails, as it does if the text came from a pipe, what was measured here stays.
pub fn measure_again(dry: &mut DryRun) {
    // Devices with memory of their own load nothing.
    if dry.process_memory.is_none() {
        return;
    }
    note("once more, with the programs that are compiled now");
    if let Some(again) = again() {
        dry.process_memory = again["process_memory"].as_u64().or(dry.process_memory);
        dry.startup_seconds = again["startup_seconds"].as_f64().unwrap_or(dry.startup_seconds);
    }
}

/// What another process with the same arguments says.
fn again() -> Option<Value> {
    let mut command = Command::new(std::env::current_exe().ok()?);
    // Right behind the subcommand: what follows `--` is no option.
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let behind = 1 + arguments.iter().position(|argument| argument == "train")?;
    command.args(&arguments[..behind]).arg("--measured-again").args(&arguments[behind..]);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    serde_json::from_slice(&output.stdout).ok().filter(|_| output.status.success())
}

/// Prints it.
///
/// # Errors
/// When standard output cannot be written.
pub fn show(dry: &DryRun, json: bool) -> anyhow::Result<()> {
    if json { print_json(dry) } else { print(describe(dry)) }
}

fn describe(dry: &DryRun) -> String {
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "not known".to_owned());
    let run = match &dry.run {
        Some(run) => format!("{}, from step {}", run.display(), dry.completed),
        None => "new".to_owned(),
    };
    let validation = dry.seconds_per_validation.map(|seconds| format!("{seconds:.2}"));
    let rows = [
        ("name", dry.name.clone()),
        ("run", run),
        ("parameters", grouped(dry.parameters)),
        ("precision", dry.precision.clone()),
        ("steps", format!("{} of {}", dry.steps.saturating_sub(dry.completed), dry.steps)),
        ("tokens", grouped(dry.tokens)),
        (
            "tokens of text",
            format!("{}, and {} held out", grouped(dry.text_tokens), grouped(dry.held_out_tokens)),
        ),
        ("epochs", format!("{:.2}", dry.epochs)),
        ("devices", format!("{} ({})", dry.devices, dry.platform)),
        ("memory of a step, each device", bytes(dry.memory_per_device)),
        ("of which state and batch", bytes(dry.arguments_per_device)),
        ("memory of the process", or_unknown(dry.process_memory.map(bytes))),
        ("memory that is free", or_unknown(dry.free_memory.map(bytes))),
        ("start to first step, s", format!("{:.1}", dry.startup_seconds)),
        ("step, s", format!("{:.4} (of {} timed here)", dry.seconds_per_step, dry.timed_steps)),
        ("validation, s", validation.unwrap_or_else(|| "none".to_owned())),
        ("tokens/s", grouped(dry.tokens_per_second as u64)),
        ("hours", format!("{:.3}", dry.hours)),
        ("tensors of a checkpoint", bytes(dry.checkpoint_bytes)),
        ("disk for checkpoints", format!("{} for {}", bytes(dry.disk_bytes), dry.checkpoints)),
    ];
    table(&rows.map(|(name, value)| vec![name.to_owned(), value]))
}
