//! `gopher export`: programs of a model as files for other compilers.

mod signature;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use graph::{Function, Remat};
use model::Preset;
use model::remat::{POLICIES, SAVEABLE, policy};
use sharding::DeviceKind;
use sharding::machine::Topology;
use train::plan::{Planned, read_for};
use train::precision::{PrecisionPolicy, Regime};
use train::step::StepOptions;

use super::precision::precisions;
use super::workload::{given_error, model_names};
use crate::output::{note, print, usage};

/// Tokens of a sequence in the paper.
const SEQUENCE_LENGTH: u32 = 2048;

/// Arguments of `gopher export`.
#[derive(Args)]
pub struct Arguments {
    /// Model of the paper; `gopher models` lists them.
    #[arg(long, value_name = "NAME", value_parser = model_names(), ignore_case = true)]
    model: String,
    /// What the program computes.
    #[arg(long, value_enum)]
    program: ProgramKind,
    /// Language it is written in.
    #[arg(long, value_enum)]
    format: Format,
    /// Sequences in a batch [default: 1; with --topology the paper's batch, with --plan the plan's].
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch: Option<u32>,
    /// Tokens in a sequence [default: 2048; with --plan the plan's].
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    seq: Option<u32>,
    /// Dtypes of parameters and activations [default: f32; with --topology auto, as in `gopher plan`].
    #[arg(long, value_name = "PRECISION", value_parser = precisions())]
    precision: Option<PrecisionPolicy>,
    /// What a training step keeps of each layer for the backward pass: none (keep all), selective (all but scores and
    /// elementwise functions), attention (as selective, less the feed-forward hidden layer), dots (results of matrix
    /// products), full (nothing but its input), or names of values to keep, separated by commas [default: none; with
    /// --topology the plan's].
    #[arg(long, value_name = "POLICY", value_parser = remat, conflicts_with = "topology")]
    remat: Option<Remat>,
    /// Machine over which the program is split, as in `gopher plan`; only as StableHLO.
    #[arg(long, value_name = "MACHINE")]
    topology: Option<String>,
    /// TPU slices of that shape.
    #[arg(long, value_name = "N", requires = "topology", value_parser = clap::value_parser!(u32).range(1..=256))]
    slices: Option<u32>,
    /// How it is split: a file that `gopher plan` wrote [default: the best plan].
    #[arg(long, value_name = "FILE", requires = "topology")]
    plan: Option<PathBuf>,
    /// File to write, or - for standard output.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// File for the list of inputs and outputs [default: FILE.signature.json; none with -o -].
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProgramKind {
    /// Parameters and tokens to logits.
    Forward,
    /// Parameters, tokens and targets to the mean loss.
    Loss,
    /// State and batch to the next state: loss, gradients, clipping, Adam.
    TrainStep,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// StableHLO text (MLIR).
    Stablehlo,
    /// HLO text.
    HloText,
    /// Serialised HloModuleProto.
    HloProto,
}

fn remat(text: &str) -> Result<Remat, String> {
    if let Some(policy) = policy(text) {
        return Ok(policy);
    }
    let name = |name: &str| match SAVEABLE.contains(&name) {
        true => Ok(name.to_owned()),
        false => Err(format!(
            "there is no `{name}`; it is {}, dots, or any of {}",
            POLICIES.join(", "),
            SAVEABLE.join(", ")
        )),
    };
    Ok(match text {
        "dots" => Remat::Dots,
        _ => Remat::Save(text.split(',').map(name).collect::<Result<_, _>>()?),
    })
}

/// Writes the program and its signature.
///
/// # Errors
/// When a file cannot be written.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let to_stdout = arguments.output == Path::new("-");
    if to_stdout && arguments.format == Format::HloProto && io::stdout().is_terminal() {
        return Err(usage("hlo-proto is binary: name a file with -o FILE, or send standard output to one"));
    }
    if arguments.signature.as_ref() == Some(&arguments.output) {
        let path = arguments.output.display();
        return Err(usage(format_args!("-o and --signature are both {path}: two files are written")));
    }
    let preset = Preset::find(&arguments.model)
        .with_context(|| format!("there is no model `{}`; `gopher models` lists them", arguments.model))?;
    let (code, signature) = match arguments.topology.as_deref() {
        Some(topology) => split_program(&arguments, &preset, topology)?,
        None => program(&arguments, &preset)?,
    };
    let signature_file = match &arguments.signature {
        Some(path) => Some(path.clone()),
        None if to_stdout => None,
        None => Some(with_suffix(&arguments.output, ".signature.json")),
    };
    // The program comes last: where it is, its signature is.
    if let Some(path) = &signature_file {
        write_atomically(path, signature.as_bytes())?;
    }
    if to_stdout {
        return print(code);
    }
    write_atomically(&arguments.output, &code)?;
    let signature = signature_file.unwrap_or_default();
    let (path, size) = (arguments.output.display(), code.len());
    note(format_args!("wrote {path} ({size} bytes) and {}", signature.display()));
    Ok(())
}

impl ProgramKind {
    fn build(self, options: &StepOptions) -> Result<Function, graph::Error> {
        match self {
            ProgramKind::Forward => train::step::forward(options),
            ProgramKind::Loss => train::step::loss(options),
            ProgramKind::TrainStep => train::step::train_step(options),
        }
    }
}

/// The program for one device, and its signature.
fn program(arguments: &Arguments, preset: &Preset) -> anyhow::Result<(Vec<u8>, String)> {
    let batch = arguments.batch.unwrap_or(1) as usize;
    let sequence_length = arguments.seq.unwrap_or(SEQUENCE_LENGTH) as usize;
    // For which device is not known: what the paper trained the model in.
    let regime = arguments.precision.unwrap_or(Regime::F32.into()).regime(DeviceKind::Tpu, &preset.config);
    let options = StepOptions {
        precision: regime.dtypes(),
        float32_copy: regime.float32_copy(),
        remat: arguments.remat.clone().unwrap_or_default(),
        clip_norm: preset.clip_norm,
        ..StepOptions::new(preset.config.clone(), batch, sequence_length)
    };
    let function = arguments.program.build(&options)?;
    let code = match arguments.format {
        Format::Stablehlo => graph::to_stablehlo(&function)?.into_bytes(),
        Format::HloText => graph::to_hlo_text(&function)?.into_bytes(),
        Format::HloProto => graph::to_hlo_proto(&function)?,
    };
    Ok((code, signature::of(&function, None, &preset.config)?))
}

/// The program split over a machine, and its signature.
fn split_program(
    arguments: &Arguments,
    preset: &Preset,
    topology: &str,
) -> anyhow::Result<(Vec<u8>, String)> {
    if arguments.format != Format::Stablehlo {
        return Err(usage("--topology: only StableHLO can say how a program is split: --format stablehlo"));
    }
    let topology = Topology::parse(topology, arguments.slices.unwrap_or(1) as usize).map_err(usage)?;
    let given = arguments.plan.as_deref().map(|path| read_for(path, &topology).map_err(given_error));
    let given = given.transpose()?;
    let (batch, sequence_length) = match &given {
        Some(plan) => (plan.batch, plan.sequence_length),
        None => {
            let sequence_length = SEQUENCE_LENGTH as usize;
            let seq = arguments.seq.map_or(sequence_length, |seq| seq as usize);
            (preset.batch_sequences * sequence_length / seq, seq)
        }
    };
    let batch = arguments.batch.map_or(batch, |batch| batch as usize);
    let sequence_length = arguments.seq.map_or(sequence_length, |seq| seq as usize);
    let regime = arguments.precision.unwrap_or(PrecisionPolicy::Auto).regime(topology.kind(), &preset.config);
    let (model, precision, clip_norm) = (preset.config.clone(), regime.dtypes(), preset.clip_norm);
    let planned = Planned {
        float32_copy: regime.float32_copy(),
        ..Planned::new(model, precision, clip_norm, sequence_length, topology.kind())
    };
    let plan = match (given, &arguments.plan) {
        (Some(plan), Some(path)) => {
            let expected = [("--batch", batch), ("--seq", sequence_length)];
            planned.check(path, &plan, expected).map_err(given_error)?;
            plan
        }
        _ => planned.best(&topology, batch, sequence_length)?,
    };
    let mut options = planned.step_options(&plan);
    if !matches!(arguments.program, ProgramKind::TrainStep) {
        // Of one microbatch, which is what fits the memory that the plan was made for.
        options.microbatches = 1;
    }
    let split = train::plan::split(&arguments.program.build(&options)?, &plan)?;
    let code = graph::to_stablehlo_partitioned(&split)?.into_bytes();
    Ok((code, signature::of(&split.function, Some((&split, &plan)), &preset.config)?))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Writes a file whole or not at all. What is no regular file, such as a pipe or /dev/null, is written in place.
fn write_atomically(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            return std::fs::write(path, contents);
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            let message = format!("there is no folder {}", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        let mut builder = tempfile::Builder::new();
        // Readable as any other file would be, not only by its owner.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.prefix(".gopher-").tempfile_in(folder)?;
        file.write_all(contents)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
