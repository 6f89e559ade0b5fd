//! `gopher export`: programs of a model as files for other compilers, and models as files for other engines.

mod model;
mod serving;
mod signature;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use ::model::remat::{POLICIES, SAVEABLE, policy};
use clap::{Args, ValueEnum};
use configuration::PrecisionPolicy;
use eval::ExportFormat;
use graph::{DType, Function, Remat};
use sharding::DeviceKind;
use sharding::machine::Topology;
use store::files::write_outputs;
use train::plan::read_for;
use train::step::StepOptions;

use self::serving::ServingProgram;
use super::precision::precisions;
use super::train::Signals;
use super::workload::{ModelArguments, Workload, given_error};
use crate::output::{check_ending, note, print, usage};

/// Arguments of `gopher export`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// What the program computes; of a model for other engines there is none.
    #[arg(long, value_enum, help_heading = "Program")]
    program: Option<ProgramKind>,
    /// Language the program is written in; or gguf or hugging-face, for the model of a run as other engines read it.
    #[arg(long, value_enum, help_heading = "Program")]
    format: FormatArgument,
    /// Sequences in a batch, or slots of a server [default: 1, and 32 slots; of a configuration or a run its own, with --topology the paper's batch, with --plan
    /// the plan's].
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(1..=65_536), help_heading = "Program")]
    batch: Option<u32>,
    /// Tokens in a sequence; of the programs of a server, positions of the caches [default: 2048; of a configuration or a run its own; with --plan the plan's].
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..=1_048_576), help_heading = "Program")]
    seq: Option<u32>,
    /// Of the programs of a server: positions that tokens attend to, the caches' first [default: all of them].
    #[arg(long, value_name = "A", value_parser = clap::value_parser!(u32).range(1..=1_048_576), help_heading = "Program")]
    attended: Option<u32>,
    /// Of prefill: tokens that it reads at once [default: 64, or as many as there are positions].
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=1_048_576), help_heading = "Program")]
    chunk: Option<u32>,
    /// Dtypes of parameters and activations [default: f32; of a configuration or a run its own; with --topology auto, as in
    /// `gopher plan`].
    #[arg(long, value_name = "PRECISION", value_parser = precisions(), help_heading = "Program")]
    precision: Option<PrecisionPolicy>,
    /// What a training step keeps of each layer for the backward pass: none (keep all), selective (all but scores and
    /// elementwise functions), attention (as selective, less the feed-forward hidden layer), dots (results of
    /// matmuls), full (nothing but its input), or names of values to keep, separated by commas [default: none; of a
    /// configuration or a run its own; with --topology the plan's].
    #[arg(long, value_name = "POLICY", value_parser = remat, conflicts_with = "topology", help_heading = "Program")]
    remat: Option<Remat>,
    /// Machine over which the program is split, as in `gopher plan`; only as StableHLO.
    #[arg(long, value_name = "MACHINE", help_heading = "Machine")]
    topology: Option<String>,
    /// TPU slices of that shape.
    #[arg(long, value_name = "N", requires = "topology", value_parser = clap::value_parser!(u32).range(1..=256), help_heading = "Machine")]
    slices: Option<u32>,
    /// How it is split: a file that `gopher plan` wrote [default: the best plan].
    #[arg(long, value_name = "FILE", requires = "topology", help_heading = "Machine")]
    plan: Option<PathBuf>,
    /// File to write, or - for standard output.
    #[arg(short, long, value_name = "FILE", help_heading = "Files")]
    output: PathBuf,
    /// With --run: also write the parameters of its newest checkpoint, in the order of the program's inputs and in its dtype, to
    /// this file [default: -o's name with .weights.safetensors].
    #[arg(long, value_name = "FILE", num_args = 0..=1, help_heading = "Files")]
    #[allow(clippy::option_option)]
    weights: Option<Option<PathBuf>>,
    /// File for the list of inputs and outputs [default: FILE.signature.json; none with -o -].
    #[arg(long, value_name = "FILE", help_heading = "Files")]
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
    /// Of a server: a chunk of a prompt, read into the caches of one text.
    Prefill,
    /// Of a server: a token of every slot.
    Decode,
    /// Of a server: what depends on parameters alone, and prefill and decode read.
    Tables,
    /// Of a server: the caches of one text, put into a slot.
    Place,
}

/// What can be written.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum FormatArgument {
    /// StableHLO text (MLIR).
    Stablehlo,
    /// HLO text.
    HloText,
    /// Serialised HloModuleProto.
    HloProto,
    /// The model of a run, a Llama, as a file of llama.cpp.
    Gguf,
    /// The model of a run as a folder of safetensors; of a Llama as transformers reads it.
    HuggingFace,
}

/// A language that programs are written in.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    Stablehlo,
    HloText,
    HloProto,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Stablehlo => "StableHLO text",
            Format::HloText => "HLO text",
            Format::HloProto => "an HLO proto",
        }
    }

    /// Endings of its files.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Format::Stablehlo => &["mlir", "stablehlo", "txt"],
            Format::HloText => &["hlo", "txt"],
            Format::HloProto => &["pb", "bin", "hlo"],
        }
    }
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
    store::disk::check_fault().map_err(usage)?;
    let _signals = Signals::install()?;
    let format = match arguments.format {
        FormatArgument::Stablehlo => Format::Stablehlo,
        FormatArgument::HloText => Format::HloText,
        FormatArgument::HloProto => Format::HloProto,
        FormatArgument::Gguf => return model::write(&arguments, ExportFormat::Gguf),
        FormatArgument::HuggingFace => return model::write(&arguments, ExportFormat::HuggingFace),
    };
    let Some(kind) = arguments.program else {
        return Err(usage(
            "which program? --program forward, loss, train-step, prefill, decode, tables or place; --format gguf or hugging-face writes a model",
        ));
    };
    let to_stdout = arguments.output == Path::new("-");
    if to_stdout && format == Format::HloProto && io::stdout().is_terminal() {
        return Err(usage("hlo-proto is binary: name a file with -o FILE, or send standard output to one"));
    }
    if arguments.signature.as_ref() == Some(&arguments.output) {
        let path = arguments.output.display();
        return Err(usage(format_args!("-o and --signature are both {path}: two files are written")));
    }
    if arguments.weights.is_some() && to_stdout {
        return Err(usage("--weights: they lie beside the program, which needs a name: -o FILE"));
    }
    if !to_stdout {
        check_ending("-o", &arguments.output, format.name(), format.endings())?;
    }
    if let Some(path) = &arguments.signature {
        check_ending("--signature", path, "JSON", &["json"])?;
    }
    if let Some(Some(path)) = &arguments.weights {
        check_ending("--weights", path, "a safetensors file", &["safetensors"])?;
    }
    // A name beside /dev/full or a pipe would be a file that nobody asked for.
    let is_special =
        arguments.output.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    if arguments.weights.is_some() && is_special {
        return Err(usage("--weights: they lie beside the program, which must be a file"));
    }
    if let Part::Training(_) = kind.part() {
        let of_server = [("--attended", arguments.attended), ("--chunk", arguments.chunk)];
        if let Some((option, _)) = of_server.iter().find(|(_, given)| given.is_some()) {
            return Err(usage(format_args!("{option}: it is of the programs of a server; leave it out")));
        }
    }
    let workload = arguments.model.workload()?;
    // What is missing is said before anything is written.
    let checkpoint = arguments.weights.as_ref().map(|_| workload.checkpoint()).transpose()?;
    let mut tokenizer = None;
    let Program { code, signature, parameters } = match (kind.part(), arguments.topology.as_deref()) {
        (Part::Serving(which), _) => {
            let exported = serving::program(&arguments, which, format, &workload)?;
            tokenizer = exported.tokenizer.filter(|_| checkpoint.is_some());
            exported.program
        }
        (Part::Training(kind), Some(topology)) => {
            split_program(&arguments, (kind, format), &workload, topology)?
        }
        (Part::Training(kind), None) => program(&arguments, (kind, format), &workload)?,
    };
    let signature_file = match &arguments.signature {
        Some(path) => Some(path.clone()),
        None if to_stdout || is_special => None,
        None => Some(with_suffix(&arguments.output, ".signature.json")),
    };
    let weights = match &arguments.weights {
        Some(Some(path)) => path.clone(),
        _ => with_suffix(&arguments.output, ".weights.safetensors"),
    };
    let tokenizer = tokenizer.map(|(suffix, bytes)| (with_suffix(&arguments.output, &suffix), bytes));
    if let Some(checkpoint) = &checkpoint {
        store::checkpoint::export_parameters(checkpoint, &weights, safetensors_dtype(parameters))?;
    }
    let mut files: Vec<(&Path, &[u8])> = Vec::new();
    files.extend(signature_file.as_deref().map(|path| (path, signature.as_bytes())));
    files.extend(tokenizer.as_ref().map(|(path, bytes)| (path.as_path(), bytes.as_slice())));
    if !to_stdout {
        files.push((&arguments.output, &code));
    }
    if let Err((path, error)) = write_outputs(&files) {
        if checkpoint.is_some() {
            // Weights of no program.
            let _ = std::fs::remove_file(&weights);
        }
        return Err(anyhow::Error::new(error).context(format!("cannot write {}", path.display())));
    }
    if to_stdout {
        return print(code);
    }
    let Some(signature) = signature_file else {
        note(format_args!("wrote {} ({} bytes)", arguments.output.display(), code.len()));
        return Ok(());
    };
    let (path, size) = (arguments.output.display(), code.len());
    let and = match &checkpoint {
        Some(checkpoint) => format!(
            ", {}{}, and {} with the parameters of step {}",
            signature.display(),
            tokenizer.map_or(String::new(), |(path, _)| format!(", {}", path.display())),
            weights.display(),
            checkpoint.manifest().step
        ),
        None => format!(" and {}", signature.display()),
    };
    note(format_args!("wrote {path} ({size} bytes){and}"));
    Ok(())
}

impl ProgramKind {
    /// What it is: of a model that is trained, or of a server.
    fn part(self) -> Part {
        match self {
            ProgramKind::Forward => Part::Training(TrainingProgram::Forward),
            ProgramKind::Loss => Part::Training(TrainingProgram::Loss),
            ProgramKind::TrainStep => Part::Training(TrainingProgram::TrainStep),
            ProgramKind::Prefill => Part::Serving(ServingProgram::Prefill),
            ProgramKind::Decode => Part::Serving(ServingProgram::Decode),
            ProgramKind::Tables => Part::Serving(ServingProgram::Tables),
            ProgramKind::Place => Part::Serving(ServingProgram::Place),
        }
    }
}

enum Part {
    Training(TrainingProgram),
    Serving(ServingProgram),
}

/// A program of batches.
#[derive(Clone, Copy, PartialEq)]
enum TrainingProgram {
    Forward,
    Loss,
    TrainStep,
}

impl TrainingProgram {
    fn build(self, options: &StepOptions) -> Result<Function, graph::Error> {
        match self {
            TrainingProgram::Forward => train::step::forward(options),
            TrainingProgram::Loss => train::step::loss(options),
            TrainingProgram::TrainStep => train::step::train_step(options),
        }
    }
}

/// A program as text or bytes, its signature, and the dtype of its parameters.
struct Program {
    code: Vec<u8>,
    signature: String,
    parameters: DType,
}

/// The dtype's name in checkpoints and safetensors files; a program's parameters are of no other.
fn safetensors_dtype(dtype: DType) -> store::checkpoint::Dtype {
    match dtype {
        DType::BF16 => store::checkpoint::Dtype::BF16,
        _ => store::checkpoint::Dtype::F32,
    }
}

/// The program for one device.
fn program(
    arguments: &Arguments,
    (kind, format): (TrainingProgram, Format),
    workload: &Workload,
) -> anyhow::Result<Program> {
    let config = &workload.config;
    let mut options = match workload.is_configured {
        // What `gopher train` would run.
        true => StepOptions::of(config, config.training.batch),
        false => StepOptions {
            clip_norm: config.training.clip_norm,
            ..StepOptions::new(config.model.clone(), 1, config.training.sequence_length)
        },
    };
    if let Some(batch) = arguments.batch {
        (options.batch, options.microbatches) = (batch as usize, 1);
    }
    if kind != TrainingProgram::TrainStep {
        // Of a whole batch, which needs no memory for gradients.
        (options.batch, options.microbatches) = (options.batch * options.microbatches, 1);
    }
    if let Some(length) = arguments.seq {
        options.sequence_length = length as usize;
    }
    if let Some(remat) = &arguments.remat {
        options.remat = remat.clone();
    }
    if let Some(precision) = arguments.precision {
        // For which device is not known: what the paper trained the model in.
        let regime = precision.regime(DeviceKind::Tpu, &config.model);
        (options.precision, options.float32_copy) = (regime.dtypes(), regime.float32_copy());
    }
    let function = kind.build(&options)?;
    let code = match format {
        Format::Stablehlo => graph::to_stablehlo(&function)?.into_bytes(),
        Format::HloText => graph::to_hlo_text(&function)?.into_bytes(),
        Format::HloProto => graph::to_hlo_proto(&function)?,
    };
    let signature = signature::of(&function, None, &config.model, None)?;
    Ok(Program { code, signature, parameters: options.precision.parameters })
}

/// The program split over a machine.
fn split_program(
    arguments: &Arguments,
    (kind, format): (TrainingProgram, Format),
    workload: &Workload,
    topology: &str,
) -> anyhow::Result<Program> {
    check_splittable(format)?;
    let topology = Topology::parse(topology, arguments.slices.unwrap_or(1) as usize).map_err(usage)?;
    let given = arguments.plan.as_deref().map(|path| read_for(path, &topology).map_err(given_error));
    let given = given.transpose()?;
    let (batch, sequence_length) = match &given {
        Some(plan) => (plan.batch, plan.sequence_length),
        None => {
            let training = &workload.config.training;
            let seq = arguments.seq.map_or(training.sequence_length, |seq| seq as usize);
            (training.batch * training.sequence_length / seq, seq)
        }
    };
    let batch = arguments.batch.map_or(batch, |batch| batch as usize);
    let sequence_length = arguments.seq.map_or(sequence_length, |seq| seq as usize);
    let planned = workload.planned(arguments.precision, topology.kind(), sequence_length);
    let plan = match (given, &arguments.plan) {
        (Some(plan), Some(path)) => {
            let expected = [("--batch", batch), ("--seq", sequence_length)];
            planned.check(path, &plan, expected).map_err(given_error)?;
            plan
        }
        _ => {
            let best = planned.best(&topology, batch, sequence_length)?;
            if !best.fit.is_trusted() {
                note(format_args!(
                    "warning: the memory of the plan: {}; have `gopher plan --verify -o FILE` find one that compiles, and \
                     name it with --plan FILE",
                    best.fit
                ));
            }
            best.priced.plan
        }
    };
    let mut options = planned.step_options(&plan);
    if kind != TrainingProgram::TrainStep {
        // Of one microbatch, which is what fits the memory that the plan was made for.
        options.microbatches = 1;
    }
    let split = train::plan::split(&kind.build(&options)?, &plan)?;
    let code = graph::to_stablehlo_partitioned(&split)?.into_bytes();
    let signature = signature::of(&split.function, Some((&split, Some(&plan))), workload.model(), None)?;
    Ok(Program { code, signature, parameters: options.precision.parameters })
}

/// Whether a program in this language can be split.
fn check_splittable(format: Format) -> anyhow::Result<()> {
    match format {
        Format::Stablehlo => Ok(()),
        _ => Err(usage("--topology: only StableHLO can say how a program is split: --format stablehlo")),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
