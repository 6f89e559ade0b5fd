//! The programs of a server as files: a prompt's chunk read into a cache, a token of every slot, and what they need beside.

use ::model::score::output_axes;
use ::model::{DecodeShape, ModelConfig, Precision, decode, decode_tables, place_caches};
use configuration::PrecisionPolicy;
use eval::{PROMPT_CHUNK, Served, TrainedModel};
use graph::{Function, Partitioned};
use serde_json::{Value, json};
use sharding::DeviceKind;
use sharding::machine::Topology;
use store::checkpoint::PARAMETERS;

use super::{Arguments, Format, Program, signature};
use crate::commands::workload::Workload;
use crate::output::{note, usage};

/// Slots of a server, unless others are asked for; those of `gopher serve`.
const SLOTS: usize = 32;

/// Slots at most, as of `gopher serve`: what a program does for each of them is written out.
const MOST_SLOTS: usize = 1024;

/// What the names of one text's caches begin with, where those of all slots are there too.
const ONE: &str = "one/";

/// A program of a server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ServingProgram {
    /// What depends on parameters alone and the others read.
    Tables,
    /// Reads a chunk of a prompt.
    Prefill,
    /// Puts a text into a slot.
    Place,
    /// Reads a token of every slot.
    Decode,
}

/// Sizes of the programs, as far as one has them.
struct Sizes {
    slots: usize,
    chunk: usize,
    window: usize,
    attended: usize,
}

/// A program, and the tokenizer of its run.
pub struct Exported {
    pub program: Program,
    /// The ending of its file, and what is in it.
    pub tokenizer: Option<(String, Vec<u8>)>,
}

/// Writes a program of a server.
///
/// # Errors
/// Options that are not of the program, sizes that do not go together, a model without tables or one that devices do not divide, a run without a
/// checkpoint.
pub fn program(
    arguments: &Arguments,
    which: ServingProgram,
    format: Format,
    workload: &Workload,
) -> anyhow::Result<Exported> {
    let sizes = sizes(arguments, which, workload)?;
    let topology = machine(arguments, format)?;
    let trained = workload
        .run
        .as_deref()
        .map(|run| TrainedModel::open(run, &mut |warning| note(format_args!("warning: {warning}"))));
    let trained = trained.transpose()?;
    let model = match &trained {
        Some(trained) => workload.model().with_tokens(trained.tokenizer().vocabulary_size()),
        None => workload.model().clone(),
    };
    let precision = precision(arguments.precision, topology.as_ref(), workload);
    let mesh = match &topology {
        Some(topology) => Some(Served::choose_mesh(topology.devices(), &model).map_err(usage)?),
        None => None,
    };
    let model = match mesh {
        Some(mesh) => Served::model_on(mesh, &model),
        None => model,
    };
    let function = which.build(&model, precision, &sizes)?;
    let caches = model.caches(1, 1);
    let is_cache = |name: &str| {
        let name = name.strip_prefix(ONE).unwrap_or(name);
        caches.iter().any(|cache| cache.name == name)
    };
    let axes = |name: &str| output_axes(&model, precision, name);
    let split: Option<Partitioned> = mesh.map(|mesh| mesh.split(&function, axes)).transpose()?;
    let code = match (&split, format) {
        (Some(split), _) => graph::to_stablehlo_partitioned(split)?.into_bytes(),
        (None, Format::Stablehlo) => graph::to_stablehlo(&function)?.into_bytes(),
        (None, Format::HloText) => graph::to_hlo_text(&function)?.into_bytes(),
        (None, Format::HloProto) => graph::to_hlo_proto(&function)?,
    };
    let words = signature::Words {
        more: which.facts(&sizes, &model, trained.as_ref()),
        meaning: &|name| meaning(name, is_cache(name)),
        is_cache: &is_cache,
        output_axes: &axes,
    };
    let signature = match &split {
        Some(split) => signature::of(&split.function, Some((split, None)), &model, Some(&words))?,
        None => signature::of(&function, None, &model, Some(&words))?,
    };
    let tokenizer = trained.as_ref().map(TrainedModel::tokenizer).map(|tokenizer| {
        let (_, ending) = tokenizer.file_name().rsplit_once('.').unwrap_or(("", "model"));
        (format!(".tokenizer.{ending}"), tokenizer.to_bytes().to_vec())
    });
    Ok(Exported { program: Program { code, signature, parameters: precision.parameters }, tokenizer })
}

impl ServingProgram {
    fn name(self) -> &'static str {
        match self {
            ServingProgram::Tables => "tables",
            ServingProgram::Prefill => "prefill",
            ServingProgram::Place => "place",
            ServingProgram::Decode => "decode",
        }
    }

    /// Whether it has so many rows as there are slots.
    fn has_slots(self) -> bool {
        matches!(self, ServingProgram::Place | ServingProgram::Decode)
    }

    fn build(self, model: &ModelConfig, precision: Precision, sizes: &Sizes) -> anyhow::Result<Function> {
        let &Sizes { slots, chunk, window, attended } = sizes;
        // All slots in one array: groups, as `gopher serve` has them, are a matter of how many are under way.
        let step = |batch, chunk, own_positions| DecodeShape {
            batch,
            groups: 1,
            chunk,
            window,
            attended,
            own_positions,
        };
        let mut function = match self {
            ServingProgram::Tables => decode_tables(model, precision, attended)?.ok_or_else(|| {
                let kind = model.kind();
                usage(format_args!(
                    "--program tables: a {kind} has none; prefill and decode read nothing but its parameters and caches"
                ))
            })?,
            ServingProgram::Prefill => decode(model, precision, step(1, chunk, false))?,
            ServingProgram::Decode => decode(model, precision, step(slots, 1, true))?,
            ServingProgram::Place => place_caches(model, precision, slots, window, attended, false)?,
        };
        self.name().clone_into(&mut function.name);
        Ok(function)
    }

    /// What a signature says of it beside inputs and outputs.
    fn facts(
        self,
        sizes: &Sizes,
        model: &ModelConfig,
        trained: Option<&TrainedModel>,
    ) -> Vec<(&'static str, Value)> {
        let &Sizes { slots, chunk, window, attended } = sizes;
        let tables = ("attended", attended);
        let own = match self {
            ServingProgram::Tables => vec![tables],
            ServingProgram::Prefill => vec![("slots", 1), ("chunk", chunk), ("window", window), tables],
            ServingProgram::Place | ServingProgram::Decode => {
                vec![("slots", slots), ("chunk", 1), ("window", window), tables]
            }
        };
        let own: serde_json::Map<String, Value> =
            own.into_iter().map(|(name, size)| (name.to_owned(), json!(size))).collect();
        let begin = trained.and_then(TrainedModel::begin_of_text);
        let end = trained.and_then(|trained| trained.tokenizer().end_of_text());
        let tokens = json!({ "count": model.tokens(), "begin_of_text": begin, "end_of_text": end });
        vec![("serving", own.into()), ("tokens", tokens)]
    }
}

/// What an input or an output is.
fn meaning(name: &str, is_cache: bool) -> &'static str {
    match name {
        "tokens" => "ids of the tokens that are read; the end of a chunk is filled up with any",
        "position" => {
            "where in its text the first of the tokens stands, from 0; of each slot its own, if there is an axis for it"
        }
        "last" => "index, among the tokens, of the one after which logits are wanted",
        "logits" => {
            "of the token that follows, before the softmax; ids from tokens.count on stand for nothing"
        }
        "row" => "the slot that the text is put into",
        _ if name.starts_with(PARAMETERS) => "a parameter of the model",
        _ if name.starts_with(ONE) => "what the tokens of one text left",
        _ if is_cache => {
            "what earlier tokens left, zeros before the first; it comes out in the memory in which it goes in"
        }
        _ => "a table that the program `tables` makes",
    }
}

/// The sizes that options give.
fn sizes(arguments: &Arguments, which: ServingProgram, workload: &Workload) -> anyhow::Result<Sizes> {
    let name = which.name();
    let foreign = [
        ("--remat", arguments.remat.is_some(), "it keeps nothing for a derivative"),
        (
            "--plan",
            arguments.plan.is_some(),
            "a plan is of a training; it is split as `gopher serve` splits it",
        ),
        ("--slices", arguments.slices.is_some(), "it runs on one slice"),
        (
            "--weights",
            arguments.weights.is_some() && which == ServingProgram::Place,
            "it reads no parameters",
        ),
        ("--batch", arguments.batch.is_some() && !which.has_slots(), "it has no slots"),
        (
            "--chunk",
            arguments.chunk.is_some() && which != ServingProgram::Prefill,
            "only prefill reads chunks",
        ),
    ];
    if let Some((option, _, why)) = foreign.into_iter().find(|(_, given, _)| *given) {
        return Err(usage(format_args!("{option}: --program {name}: {why}; leave it out")));
    }
    let window = arguments.seq.map_or(workload.config.training.sequence_length, |seq| seq as usize);
    let attended = arguments.attended.map_or(window, |attended| attended as usize);
    if attended > window {
        return Err(usage(format_args!(
            "--attended {attended}: the caches have {window} positions; take at most so many, or more with --seq"
        )));
    }
    let chunk = arguments.chunk.map_or(PROMPT_CHUNK.min(attended), |chunk| chunk as usize);
    if chunk > attended {
        return Err(usage(format_args!(
            "--chunk {chunk}: {attended} positions are attended to; take at most so many"
        )));
    }
    let slots = arguments.batch.map_or(SLOTS, |batch| batch as usize);
    if slots > MOST_SLOTS {
        return Err(usage(format_args!(
            "--batch {slots}: a server has {MOST_SLOTS} slots at most; run several"
        )));
    }
    Ok(Sizes { slots, chunk, window, attended })
}

/// The machine that the program is split over.
fn machine(arguments: &Arguments, format: Format) -> anyhow::Result<Option<Topology>> {
    let Some(text) = arguments.topology.as_deref() else { return Ok(None) };
    super::check_splittable(format)?;
    Topology::parse(text, 1).map(Some).map_err(|error| usage(format_args!("--{error}")))
}

/// The dtypes: those that are asked for, those of the run or configuration, or the paper's on a machine, and float32 elsewhere.
fn precision(asked: Option<PrecisionPolicy>, topology: Option<&Topology>, workload: &Workload) -> Precision {
    let (config, model) = (&workload.config, workload.model());
    // For which device is not known without a machine: what the paper trained the model in.
    let kind = topology.map_or(DeviceKind::Tpu, Topology::kind);
    match asked {
        Some(policy) => policy.regime(kind, model).dtypes(),
        None if topology.is_some() => config.training.precision.regime(kind, model).dtypes(),
        None if workload.is_configured => config.regime().dtypes(),
        None => Precision::FLOAT32,
    }
}
