//! `gopher export`: programs of a model as files for other compilers.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, ValueEnum};
use graph::{Function, Remat, TensorType};
use model::parameters::{Initializer, specs};
use model::remat::{POLICIES, SAVEABLE, policy};
use model::{ModelConfig, Precision, Preset};
use serde::Serialize;
use train::step::{Adam, STATE, StepOptions};

use crate::output::{note, print, usage};

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
    /// Sequences in a batch.
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch: u32,
    /// Tokens in a sequence.
    #[arg(long, value_name = "T", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    seq: u32,
    /// Dtypes of parameters and activations.
    #[arg(long, value_enum, default_value_t = PrecisionKind::F32)]
    precision: PrecisionKind,
    /// What a training step keeps of each layer for the backward pass: none (keep all), selective (all but scores and
    /// elementwise functions), attention (as selective, less the feed-forward hidden layer), dots (results of matrix
    /// products), full (nothing but its input), or names of values to keep, separated by commas.
    #[arg(long, value_name = "POLICY", default_value = "none", value_parser = remat)]
    remat: Remat,
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

#[derive(Clone, Copy, ValueEnum)]
enum PrecisionKind {
    /// float32 throughout.
    F32,
    /// float32 parameters and optimiser state, bfloat16 activations.
    Bf16Activations,
    /// bfloat16 activations, in which the paper trained every model.
    Auto,
}

/// The names of the paper's models.
pub fn model_names() -> PossibleValuesParser {
    let value = |preset: Preset| match preset.name {
        "280b" => PossibleValue::new(preset.name).alias("gopher"),
        name => PossibleValue::new(name),
    };
    PossibleValuesParser::new(Preset::all().into_iter().map(value))
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

/// The list of a program's inputs and outputs, in order.
struct Signature<'a> {
    program: &'a str,
    model: &'a ModelConfig,
    inputs: Vec<Input<'a>>,
    outputs: Vec<Output<'a>>,
}

impl Signature<'_> {
    /// JSON with a line for each input and output.
    fn to_json(&self) -> serde_json::Result<String> {
        let Signature { program, model, inputs, outputs } = self;
        let inputs = inputs.iter().map(serde_json::to_string).collect::<serde_json::Result<Vec<_>>>()?;
        let outputs = outputs.iter().map(serde_json::to_string).collect::<serde_json::Result<Vec<_>>>()?;
        let (program, model) = (serde_json::to_string(program)?, serde_json::to_string(model)?);
        let lines = |entries: Vec<String>| format!("[\n    {}\n  ]", entries.join(",\n    "));
        let (inputs, outputs) = (lines(inputs), lines(outputs));
        Ok(format!(
            "{{\n  \"program\": {program},\n  \"model\": {model},\n  \"inputs\": {inputs},\n  \"outputs\": {outputs}\n}}\n"
        ))
    }
}

#[derive(Serialize)]
struct Input<'a> {
    name: &'a str,
    /// Logical axis of each dimension.
    axes: Vec<&'a str>,
    shape: &'a [usize],
    dtype: &'static str,
    /// What it is initialised with; `null` for what a caller gives anew each time.
    initializer: Option<Initializer>,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    axes: Vec<&'a str>,
    shape: &'a [usize],
    dtype: &'static str,
    /// Index of the input whose memory it takes over.
    alias: Option<usize>,
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
    let options = step_options(&arguments)?;
    let function = match arguments.program {
        ProgramKind::Forward => train::step::forward(&options),
        ProgramKind::Loss => train::step::loss(&options),
        ProgramKind::TrainStep => train::step::train_step(&options),
    }?;
    let code = match arguments.format {
        Format::Stablehlo => graph::to_stablehlo(&function)?.into_bytes(),
        Format::HloText => graph::to_hlo_text(&function)?.into_bytes(),
        Format::HloProto => graph::to_hlo_proto(&function)?,
    };
    let signature_file = match &arguments.signature {
        Some(path) => Some(path.clone()),
        None if to_stdout => None,
        None => Some(with_suffix(&arguments.output, ".signature.json")),
    };
    // The program comes last: where it is, its signature is.
    if let Some(path) = &signature_file {
        write_atomically(path, signature(&function, &options.model).to_json()?.as_bytes())?;
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

fn step_options(arguments: &Arguments) -> anyhow::Result<StepOptions> {
    let preset = Preset::find(&arguments.model)
        .with_context(|| format!("there is no model `{}`; `gopher models` lists them", arguments.model))?;
    Ok(StepOptions {
        model: preset.config,
        precision: match arguments.precision {
            PrecisionKind::F32 => Precision::FLOAT32,
            PrecisionKind::Bf16Activations | PrecisionKind::Auto => Precision::BFLOAT16_ACTIVATIONS,
        },
        remat: arguments.remat.clone(),
        query_block: 0,
        batch: arguments.batch as usize,
        sequence_length: arguments.seq as usize,
        adam: Adam::default(),
        clip_norm: preset.clip_norm,
        microbatches: 1,
        stages: 1,
        seed: 0,
        rounding: Default::default(),
    })
}

fn signature<'a>(function: &'a Function, config: &'a ModelConfig) -> Signature<'a> {
    let specs = specs(config);
    let initializer = |name: &str| {
        let [parameters, moments @ ..] = STATE;
        if moments.iter().any(|prefix| name.starts_with(prefix)) {
            return Some(Initializer::Zeros);
        }
        let name = name.strip_prefix(parameters)?;
        specs.iter().find(|spec| spec.name == name).map(|spec| spec.initializer)
    };
    let parts = |ty: &'a TensorType| (&ty.shape[..], ty.dtype.name());
    let axes = |index: usize| function.params[index].axes.iter().map(String::as_str).collect::<Vec<_>>();
    let inputs = function.params.iter().enumerate().map(|(index, param)| {
        let (shape, dtype) = parts(function.ty(param.value));
        Input { name: &param.name, axes: axes(index), shape, dtype, initializer: initializer(&param.name) }
    });
    let outputs = function.results.iter().map(|output| {
        let (shape, dtype) = parts(function.ty(output.value));
        let axes = match output.alias {
            Some(input) => axes(input),
            // Without an alias there are the logits, and scalars.
            None => ["batch", "time", "vocabulary"][..shape.len()].to_vec(),
        };
        Output { name: &output.name, axes, shape, dtype, alias: output.alias }
    });
    Signature { program: &function.name, model: config, inputs: inputs.collect(), outputs: outputs.collect() }
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
