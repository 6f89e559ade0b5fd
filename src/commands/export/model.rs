//! Models as files for other engines.

use std::path::Path;

use eval::{ExportFormat, TrainedModel, export_model};

use super::Arguments;
use crate::output::{check_ending, grouped, note, usage};

/// Writes the model of a run.
///
/// # Errors
/// Options that are of programs, no run, a model that the format has no words for, what cannot be written.
pub fn write(arguments: &Arguments, format: ExportFormat) -> anyhow::Result<()> {
    let Arguments { model, program, batch, seq, precision, remat, topology, .. } = arguments;
    let of_program = [
        ("--program", program.is_some()),
        ("--batch", batch.is_some()),
        ("--seq", seq.is_some()),
        ("--precision", precision.is_some()),
        ("--remat", remat.is_some()),
        ("--topology", topology.is_some()),
        ("--weights", arguments.weights.is_some()),
        ("--attended", arguments.attended.is_some()),
        ("--chunk", arguments.chunk.is_some()),
        ("--signature", arguments.signature.is_some()),
    ];
    let (name, what, endings): (_, _, &[&str]) = match format {
        ExportFormat::Gguf => ("gguf", "a GGUF file", &["gguf"]),
        ExportFormat::HuggingFace => ("hugging-face", "a folder", &[]),
    };
    if let Some((option, _)) = of_program.iter().find(|(_, given)| *given) {
        return Err(usage(format_args!(
            "{option}: it is of programs, and --format {name} writes a model; leave it out"
        )));
    }
    if arguments.output == Path::new("-") {
        return Err(usage(format_args!("-o -: --format {name} needs a name to write to")));
    }
    if !endings.is_empty() {
        check_ending("-o", &arguments.output, what, endings)?;
    }
    let run = model.run_alone().map_err(|error| usage(format_args!("--format {name}: {error}")))?;
    let mut warn = |warning: &str| note(format_args!("warning: {warning}"));
    let trained = TrainedModel::open(run, &mut warn)?;
    let title = trained.config().name.clone();
    let exported = export_model(&trained, format, &arguments.output, &title)?;
    note(format_args!(
        "wrote {}: {} parameters of step {} in float32",
        exported.path.display(),
        grouped(exported.parameters),
        exported.step
    ));
    Ok(())
}
