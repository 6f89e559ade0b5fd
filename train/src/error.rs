//! What ends a training.

use std::path::{Path, PathBuf};

use monitor::metrics;
use store::remote::RestoreError;
use store::run_directory::CHECKPOINTS;
use store::{checkpoint, files, rewinds, run_directory};

use crate::incidents::{IncidentKind, StepOutcome};
use crate::plan;
use crate::run::gibibytes;

/// Why training did not begin, or ended early. What was saved before stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] configuration::Error),
    /// The text or the tokenizer is.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// The quick start's text is not to be had.
    #[error(transparent)]
    Fetch(#[from] wheels::Error),
    /// The device, its plugin, or a program on it failed.
    #[error(transparent)]
    Device(#[from] runtime::Error),
    /// A program cannot be built.
    #[error(transparent)]
    Program(#[from] graph::Error),
    /// There is no plan, or a step cannot be split by it.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// The plan that was given is wrong.
    #[error(transparent)]
    GivenPlan(#[from] plan::GivenError),
    /// The plugin has another number of devices than the machine.
    #[error(
        "device.topology = {topology} has {devices} devices, and the {platform} plugin offers {available} to this process"
    )]
    OtherMachine {
        /// The machine.
        topology: String,
        /// Its devices.
        devices: usize,
        /// The plugin's platform.
        platform: String,
        /// Devices there are.
        available: usize,
    },
    /// A step does not fit this computer's memory.
    #[error(
        "a step needs about {} of memory, and this machine has {} free: {way_out}",
        gibibytes(*.needed), gibibytes(*.free)
    )]
    NoMemory {
        /// Bytes of a step.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// What would need less.
        way_out: String,
    },
    /// The processes cannot train together.
    #[error(transparent)]
    Processes(#[from] hosts::Error),
    /// A program makes parameters that a step cannot take.
    #[error("program `{program}` cannot begin this training: {reason}")]
    Parameters {
        /// The program's name.
        program: String,
        /// What does not fit.
        reason: String,
    },
    /// The run directory cannot be used.
    #[error(transparent)]
    RunDirectory(#[from] run_directory::Error),
    /// A file of the run directory cannot be written or read.
    #[error(transparent)]
    File(#[from] files::FileError),
    /// The metrics of a run to be continued are damaged.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// A checkpoint cannot be saved or loaded.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The tokenizer is not one for the model.
    #[error(transparent)]
    Tokenizer(#[from] configuration::TokenizerError),
    /// Text and token shards in one source.
    #[error(
        "{} has token shards and {} does not: name text and shards as sources of a mixture (data.mixture), each with a weight",
        .shards.display(), .text.display()
    )]
    TextBesideShards {
        /// A folder of shards.
        shards: PathBuf,
        /// A path that is none.
        text: PathBuf,
    },
    /// Dialogues, and nothing that says which tokens they are of.
    #[error(
        "dialogues are too little to train a tokenizer on: begin with the parameters of a run (--from RUN), or name a tokenizer (data.tokenizer)"
    )]
    DialoguesAlone,
    /// Dialogues are read from files, and token shards hold text.
    #[error(
        "{}: token shards hold text without turns; data.dialogues is for .jsonl and .json files of dialogues", .folder.display()
    )]
    DialoguesInShards {
        /// The folder.
        folder: PathBuf,
    },
    /// The tokenizer is not the one the run was trained with.
    #[error(
        "{} is not the tokenizer this run was trained with, {}: leave data.tokenizer away to go on with its parameters, or start a new run, with parameters of its own, with another --run DIR",
        .given.display(), .saved.display()
    )]
    OtherTokenizer {
        /// The tokenizer file named now.
        given: PathBuf,
        /// The tokenizer file of the run.
        saved: PathBuf,
    },
    /// A run cannot go on with another value of a key.
    #[error(
        "{key} is {given}, but the run at {} was started with {saved}: continue it with that, or start a new run with another --run DIR",
        .run.display()
    )]
    Changed {
        /// The key.
        key: String,
        /// Value given now.
        given: String,
        /// Value of the run.
        saved: String,
        /// The run directory.
        run: PathBuf,
    },
    /// A run that goes on from another's checkpoint has all of its settings.
    #[error(
        "{key} is {given}, but {place} was saved with {saved}: go on from it with that, or begin a new run with its parameters alone, --from {place}"
    )]
    ChangedSince {
        /// The key.
        key: String,
        /// Value given now.
        given: String,
        /// Value of the checkpoint.
        saved: String,
        /// The checkpoint.
        place: String,
    },
    /// A run that goes on from another's checkpoint has its text.
    #[error(
        "the text is not the one that {place} was trained on ({tokens} training tokens now): go on from it with that text, or begin a new run with its parameters alone, --from {place}"
    )]
    OtherTextSince {
        /// The checkpoint.
        place: String,
        /// Number of training tokens now.
        tokens: u64,
    },
    /// A run that begins with the parameters of another has its model.
    #[error(
        "{key} is {given}, but the model of {place} has {saved}: leave {key} away to begin with its parameters"
    )]
    OtherModel {
        /// The key.
        key: String,
        /// Value given now.
        given: String,
        /// Value of the model.
        saved: String,
        /// The checkpoint or run.
        place: String,
    },
    /// A run is to begin with the parameters of another, and has checkpoints of its own.
    #[error(
        "the run at {run} {}: leave --from away to go on with it, or begin another with a new --run DIR", began(.source_of_run), run = .run.display()
    )]
    BegunOtherwise {
        /// The run directory.
        run: PathBuf,
        /// Whose parameters it began with, if they were another's.
        source_of_run: Option<String>,
    },
    /// The run whose parameters are wanted has no checkpoint.
    #[error("{place} has no checkpoint whose parameters a run could begin with")]
    NoParameters {
        /// The run directory.
        place: String,
    },
    /// A run cannot go on with other text.
    #[error(
        "the text is not the one the run at {} was started with ({tokens} training tokens now): continue it with that text, or start a new run with another --run DIR",
        .run.display()
    )]
    OtherText {
        /// The run directory.
        run: PathBuf,
        /// Number of training tokens now.
        tokens: u64,
    },
    /// The configuration of a run is not what was written.
    #[error(
        "{} is not what gopher wrote: if you changed it, name it as well (gopher train {} --run DIR); otherwise restore it from config.toml in the newest checkpoint",
        .path.display(), .path.display()
    )]
    ConfigChanged {
        /// The configuration.
        path: PathBuf,
    },
    /// The plan of a run is not what was written.
    #[error(
        "{} is not what gopher wrote: name a plan with --plan FILE (plan.json in the newest checkpoint is the one it was trained with)",
        .path.display()
    )]
    PlanChanged {
        /// The plan.
        path: PathBuf,
    },
    /// A run is to go on from a checkpoint of another, and has some of its own.
    #[error(
        "{} is no checkpoint of the run at {}, which has its own: name a new directory with --run DIR, or one of its checkpoints with --resume",
        .checkpoint.display(), .run.display()
    )]
    OtherRun {
        /// The checkpoint.
        checkpoint: PathBuf,
        /// The run directory.
        run: PathBuf,
    },
    /// What is to be gone on from is a run.
    #[error(
        "{run} is a run directory, not a checkpoint: go on with the run by --run {run}, go on elsewhere from one of its checkpoints by --resume {run}/checkpoints/step-…, or begin another run with its parameters by --from {run}", run = .run.display()
    )]
    RunAsCheckpoint {
        /// The run directory.
        run: PathBuf,
    },
    /// What is to be gone on from is a run's folder of checkpoints.
    #[error(
        "{path} holds the checkpoints of a run: go on with the run by --run {run}, or go on elsewhere from one of them by --resume {path}/step-…", path = .path.display(), run = .run.display()
    )]
    CheckpointsAsCheckpoint {
        /// The folder.
        path: PathBuf,
        /// The run directory.
        run: PathBuf,
    },
    /// What is to be a run directory is a part of one.
    #[error("{} is a part of the run at {run}: name that, --run {run}", .path.display(), run = .run.display())]
    PartOfRun {
        /// The folder.
        path: PathBuf,
        /// The run directory.
        run: PathBuf,
    },
    /// A run is to go on from an imported model.
    #[error(
        "{} is an imported model: it has parameters but no state of an optimiser and no place in a text, so that training cannot go on from it; gopher generate --run takes it, and gopher train --from {} begins another run with its parameters",
        .checkpoint.display(), run_of(.checkpoint).display()
    )]
    Imported {
        /// The checkpoint.
        checkpoint: PathBuf,
    },
    /// A run was to begin with a checkpoint that is further than it is to come.
    #[error("{place} has {completed} steps, and the run is to have {steps}: --steps N makes it more, and --from {place} begins at the first step with its parameters alone", place = .checkpoint.display())]
    NothingLeft {
        /// The checkpoint.
        checkpoint: PathBuf,
        /// Its steps.
        completed: u64,
        /// Steps of the whole run.
        steps: u64,
    },
    /// A bad step, by a policy that ends the run or after too many of them.
    #[error("{outcome}{}; the state before it is saved as {}; {}", because(.reason), .saved.display(), advice(.outcome))]
    BadStep {
        /// The step and its numbers.
        outcome: StepOutcome,
        /// Why it ends the run although the policy is another.
        reason: Option<String>,
        /// The checkpoint saved.
        saved: PathBuf,
    },
    /// The device did something else with a step than its numbers call for.
    #[error(
        "{outcome}: the device {}, which contradicts these numbers; its state is not to be trusted: continue from the last checkpoint, and check the device with gopher replay",
        if *.applied { "applied the step" } else { "left the step out" }
    )]
    Contradiction {
        /// The step and its numbers.
        outcome: StepOutcome,
        /// Whether the device applied it.
        applied: bool,
    },
    /// The list of rewinds is damaged.
    #[error(transparent)]
    Rewinds(#[from] rewinds::Error),
    /// A step to be replayed comes after steps that are not the run's own.
    #[error(
        "step {step} of {} cannot be replayed: the run began with another's checkpoint, and of its own there is none before it", .run.display()
    )]
    NotItsOwn {
        /// The run directory.
        run: PathBuf,
        /// The step.
        step: u64,
    },
    /// A step to be replayed is not recorded.
    #[error("{} records no step {step}{}: name one with --step", .run.display(), last_recorded(.last))]
    NotRecorded {
        /// The run directory.
        run: PathBuf,
        /// The step.
        step: u64,
        /// The last step there is.
        last: Option<u64>,
    },
}

impl From<RestoreError<Error>> for Error {
    fn from(error: RestoreError<Error>) -> Error {
        match error {
            RestoreError::Checkpoint(error) => Error::Checkpoint(error),
            RestoreError::Rewinds(error) => Error::Rewinds(error),
            RestoreError::Refused(error) => error,
        }
    }
}

fn because(reason: &Option<String>) -> String {
    reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
}

fn last_recorded(last: &Option<u64>) -> String {
    last.map(|last| format!(", the last is {last}")).unwrap_or_default()
}

fn advice(outcome: &StepOutcome) -> &'static str {
    match outcome.kind() {
        Some(IncidentKind::NotFinite) => {
            "lower schedule.maximum or training.clip_norm, lengthen schedule.warmup_steps, or set incidents.not_finite to \
             \"skip\" or \"rewind\" (docs/incidents.md)"
        }
        _ => {
            "lower schedule.maximum, or set incidents.spike to \"note\", \"skip\" or \"rewind\" (docs/incidents.md)"
        }
    }
}

/// What a run began with.
fn began(source: &Option<String>) -> String {
    match source {
        Some(place) => format!("began with the parameters of {place}"),
        None => "has checkpoints of its own, and did not begin with another's parameters".to_owned(),
    }
}

/// The run directory that a checkpoint is in; the checkpoint itself, if it is in none.
fn run_of(checkpoint: &Path) -> &Path {
    let folder = checkpoint.parent().filter(|folder| folder.ends_with(CHECKPOINTS));
    folder.and_then(Path::parent).filter(|run| !run.as_os_str().is_empty()).unwrap_or(checkpoint)
}
