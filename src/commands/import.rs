//! `gopher import`: a run directory of a model that another program trained.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use eval::{Imported, LONGEST_SEQUENCE, Progress, import_model};

use super::train::{Signals, progress};
use crate::output::{Interrupted, bytes, grouped, note, print, print_json, usage};

/// Arguments of `gopher import`.
#[derive(Args)]
pub struct Arguments {
    /// A GGUF file, or a folder with config.json, safetensors and a tokenizer (docs/import.md).
    #[arg(value_name = "MODEL.gguf|FOLDER")]
    source: PathBuf,
    /// Run directory to make, which must not exist.
    #[arg(short = 'o', long, value_name = "RUN")]
    output: PathBuf,
    /// Print a JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// Runs `gopher import`.
///
/// # Errors
/// A model that is not taken, a run that is there already, what cannot be written, a signal. Nothing is left then.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { source, output, json } = arguments;
    let signals = Signals::install()?;
    store::disk::check_fault().map_err(usage)?;
    signals.finish_steps(None, || {}, || {});
    let mut display = progress::Progress::new();
    let imported = import_model(&source, &output, &mut |progress| {
        match progress {
            Progress::Hashing { done, total } => display.amount("hashing", done, total),
            Progress::Writing { done, total } => display.amount("writing", done, total),
        }
        if signals.stop().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    display.clear();
    let imported = imported.map_err(|error| match (error, signals.stop()) {
        (eval::Error::Interrupted, Some(code)) => {
            note("stopped; nothing of the import is left");
            Interrupted(code).into()
        }
        (error, _) => anyhow::Error::from(error),
    })?;
    let (context, sequence) = (imported.origin.context_length, imported.sequence_length);
    if context > sequence {
        note(format_args!(
            "the model was made for texts of {} tokens; gopher generate has a window of {} unless --window W says otherwise",
            grouped(context as u64),
            grouped(LONGEST_SEQUENCE as u64),
        ));
    }
    if json { print_json(&imported) } else { print(describe(&imported)) }
}

fn describe(imported: &Imported) -> String {
    let Imported { run, parameters, vocabulary_size, origin, .. } = imported;
    let stored: Vec<String> = origin.tensors.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    format!(
        "{}: {} parameters in float32, {}, from {} tensors; {} pieces\n",
        run.display(),
        grouped(*parameters),
        bytes(imported.bytes),
        stored.join(", "),
        grouped(*vocabulary_size as u64),
    )
}
