//! The errors of loading a model and sampling from it.

use std::path::PathBuf;

use store::{checkpoint, files, run_directory};

/// Any failure of this crate. Each names the thing, the value and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A temperature that divides nothing.
    #[error("the temperature is {0}; it must be a number from 0 (always the likeliest token)")]
    Temperature(f64),
    /// A share of probability that is none.
    #[error("top-p is {0}; it must be above 0 and at most 1 (1 leaves every token in)")]
    TopP(f64),
    /// A number of tokens to choose from that leaves none.
    #[error(
        "top-k is 0; it must be at least 1 (1 always takes the likeliest token; without --top-k every token stays in)"
    )]
    TopK,
    /// A prompt without tokens.
    #[error("the prompt is empty; give the model some text to continue")]
    EmptyPrompt,
    /// A prompt that does not fit the window.
    #[error(
        "the prompt is {tokens} tokens long and the window holds {window}; shorten it, or widen the window with --window {tokens} or more"
    )]
    PromptTooLong {
        /// Length of the prompt.
        tokens: usize,
        /// Length of the window.
        window: usize,
    },
    /// A dialogue whose newest turn does not fit the window.
    #[error(
        "the prompt and the newest turn are {tokens} tokens long, {answer} more are kept for the answer, and the window holds {window}: \
         shorten the turn or the prompt, or widen the window to {} or more", .tokens.saturating_add(*.answer)
    )]
    DialogueTooLong {
        /// Tokens of the prompt and the newest turn.
        tokens: usize,
        /// Tokens of the answer.
        answer: usize,
        /// Length of the window.
        window: usize,
    },
    /// A window without positions.
    #[error("the window is 0 tokens long; it must hold at least 1")]
    EmptyWindow,
    /// A token that the model does not have.
    #[error("token {token} is not in the model's vocabulary of {vocabulary_size}")]
    Token {
        /// The token.
        token: u32,
        /// Number of tokens the model has.
        vocabulary_size: usize,
    },
    /// Nothing may be scored at a time.
    #[error("the batch is 0; at least 1 row must be in flight")]
    Batch,
    /// A row without a context.
    #[error("row {row} has no context; give it one token at least, such as the one that begins a text")]
    EmptyContext {
        /// Its position.
        row: usize,
    },
    /// A row that does not fit the window.
    #[error("row {row} has {tokens} tokens to read and the window holds {window}; truncate its context")]
    RowTooLong {
        /// Its position.
        row: usize,
        /// Tokens to read: all but the last of its continuation.
        tokens: usize,
        /// Length of the window.
        window: usize,
    },
    /// A text that does not fit the window and is not to be cut, or cannot be.
    #[error(
        "a text has {tokens} tokens to read, {continuation} of them scored, and the window holds {window}; {}",
        if .continuation > .window { "split it, or leave such out with --overlong skip" }
        else { "cut the beginning of its context with --overlong truncate, or leave such out with --overlong skip" }
    )]
    Overlong {
        /// Tokens to read.
        tokens: usize,
        /// Tokens to score.
        continuation: usize,
        /// Length of the window.
        window: usize,
    },
    /// An empty context that no token can stand for.
    #[error(
        "a context is empty and the tokenizer has no token that begins or ends a text to stand for it; give each a context"
    )]
    NoPrefixToken,
    /// A stride that windows cannot roll by.
    #[error("the stride is {stride} and the window {window} tokens; it must be from 1 to that")]
    Stride {
        /// The stride.
        stride: usize,
        /// Length of the window.
        window: usize,
    },
    /// Logits that are no numbers.
    #[error(
        "the model gives logits that are not finite; its parameters are damaged or its training diverged"
    )]
    NotFinite,
    /// A run that has not saved anything yet.
    #[error("{} has no checkpoint yet; train it for training.checkpoint_minutes or to its end, or set training.checkpoint_every", .path.display())]
    NoCheckpoint {
        /// The run directory.
        path: PathBuf,
    },
    /// A run without the checkpoint that is asked for.
    #[error("{} has no checkpoint of step {step}; it has those of {}", .path.display(), listed(.steps))]
    NoStep {
        /// The run directory.
        path: PathBuf,
        /// The step.
        step: u64,
        /// Steps of those it has.
        steps: Vec<u64>,
    },
    /// One checkpoint was named, and the step of another.
    #[error("{} is the checkpoint of step {found}, not {step}; name the run's folder to choose a step, or leave the step out", .path.display())]
    OtherStep {
        /// The checkpoint's folder.
        path: PathBuf,
        /// Its step.
        found: u64,
        /// The step that was asked for.
        step: u64,
    },
    /// A path that is part of a run, or has runs in it, and is not a run itself.
    #[error("no run at {}: {hint}", .path.display())]
    WrongLevel {
        /// The path.
        path: PathBuf,
        /// What to name instead.
        hint: String,
    },
    /// A window that the device has no memory for.
    #[error(
        "a window of {window} tokens needs {} beside {} of parameters, and there are {}: {}",
        bytes(*.cache), bytes(*.parameters), bytes(*.limit), narrower(*.window, *.cache, *.parameters, *.limit)
    )]
    Memory {
        /// Length of the window.
        window: usize,
        /// Bytes of what is kept of its tokens, and of what is computed with it.
        cache: u64,
        /// Bytes of the parameters.
        parameters: u64,
        /// Bytes there are in all.
        limit: u64,
    },
    /// A window that scoring on these devices has no memory for.
    #[error(
        "a window of {window} tokens needs {} beside {} of parameters{}, and there are {}: {way_out}",
        bytes(*.beside), bytes(*.parameters),
        if *.devices > 1 { format!(" on each of {devices} devices") } else { String::new() },
        bytes(*.limit)
    )]
    ScoringMemory {
        /// Length of the window.
        window: usize,
        /// Devices that the model is split over.
        devices: usize,
        /// Bytes on each of what is kept of tokens and of what is computed with it.
        beside: u64,
        /// Bytes on each of the parameters.
        parameters: u64,
        /// Bytes there are on each.
        limit: u64,
        /// What would fit.
        way_out: String,
    },
    /// Nothing can be continued.
    #[error("there are 0 slots; at least 1 text must be continued at a time")]
    NoSlots,
    /// A model that is served with more or longer texts than there is memory for.
    #[error(
        "{slots} slots of {window} tokens, {} each, need {} with the model and what it computes, and there are {}: {way_out}",
        bytes(*.slot), bytes(*.total), bytes(*.limit)
    )]
    ServingMemory {
        /// Number of slots.
        slots: usize,
        /// Length of the window.
        window: usize,
        /// Bytes of each slot.
        slot: u64,
        /// Bytes of everything.
        total: u64,
        /// Bytes there are.
        limit: u64,
        /// What would fit.
        way_out: String,
    },
    /// A mesh that texts in slots cannot be split over.
    #[error("{mesh}: a served model is split over `model` alone; take data=1,model={devices}")]
    ServingMesh {
        /// The mesh.
        mesh: sharding::inference::InferenceMesh,
        /// Its devices.
        devices: usize,
    },
    /// A model that is to take the place of another one.
    #[error("{what} of the model at {} is not that of the one that is served; start the server anew", .path.display())]
    OtherModel {
        /// What differs.
        what: &'static str,
        /// The checkpoint.
        path: PathBuf,
    },
    /// A mesh of more devices than there are.
    #[error(
        "a mesh of {devices} devices is asked for, and platform {platform} has {available}; take a smaller --topology"
    )]
    Devices {
        /// Devices of the mesh.
        devices: usize,
        /// The plugin's name for its platform.
        platform: String,
        /// Devices there are.
        available: usize,
    },
    /// A mesh that does not fit the model.
    #[error(transparent)]
    Mesh(#[from] sharding::inference::Error),
    /// A program cannot be split over a mesh.
    #[error(transparent)]
    Partition(#[from] sharding::partition::Error),
    /// Another program's model is not taken.
    #[error(transparent)]
    Import(#[from] import::Error),
    /// A model that a format has no words for.
    #[error(
        "a {kind} cannot be written as {format}: it is a Llama's; --format hugging-face writes a folder with its parameters"
    )]
    NoSuchFormat {
        /// The kind of model.
        kind: String,
        /// The format.
        format: &'static str,
    },
    /// Whoever watches an import wanted it to end.
    #[error("the import was interrupted; nothing of it is left")]
    Interrupted,
    /// An imported run's account of where it came from is not what was written.
    #[error("{}: {detail}; import the model again", .path.display())]
    Origin {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The folder is no run directory, or one cannot be made there.
    #[error(transparent)]
    RunDirectory(#[from] run_directory::Error),
    /// A file of the run directory cannot be written or read.
    #[error(transparent)]
    File(#[from] files::FileError),
    /// The run's configuration cannot be read.
    #[error(transparent)]
    Configuration(#[from] configuration::Error),
    /// The run's tokenizer cannot be read, or is not one for the model.
    #[error(transparent)]
    Vocabulary(#[from] configuration::TokenizerError),
    /// A checkpoint cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// A program cannot be built.
    #[error(transparent)]
    Graph(#[from] graph::Error),
    /// A document that cannot be answered.
    #[error("document {document}: {source}")]
    Document {
        /// Its position in the task's data.
        document: usize,
        /// Why.
        source: Box<Error>,
    },
    /// A text that is to be drawn at random.
    #[error(
        "document {document}: generation_kwargs asks for a temperature above 0; evaluation is greedy: set do_sample: false or temperature: 0"
    )]
    Sampled {
        /// Its position in the task's data.
        document: usize,
    },
    /// A task that cannot be evaluated.
    #[error("{task}: {source}")]
    Task {
        /// Its name.
        task: String,
        /// Why.
        source: Box<Error>,
    },
    /// A folder that cannot be made.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Results that cannot be read or written.
    #[error(transparent)]
    Results(#[from] tasks::results::Error),
    /// A task that cannot score a document.
    #[error(transparent)]
    TaskFile(#[from] tasks::format::Error),
    /// The device or its plugin failed.
    #[error(transparent)]
    Device(#[from] runtime::Error),
    /// A chat template that cannot be used, or turns that it refuses.
    #[error(transparent)]
    Template(#[from] data::dialogue::TemplateError),
    /// The tokenizer failed.
    #[error(transparent)]
    Tokenizer(#[from] data::Error),
}

/// Steps as a user reads them: "steps 1, 2 and 3".
fn listed(steps: &[u64]) -> String {
    let text = |steps: &[u64]| steps.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    match steps {
        [] => "no step".to_owned(),
        [only] => format!("step {only}"),
        [before @ .., last] if before.len() <= 8 => format!("steps {} and {last}", text(before)),
        [first, .., last] => format!("{} steps from {first} to {last} (gopher checkpoint ls)", steps.len()),
    }
}

/// Bytes in a unit that people read.
fn bytes(count: u64) -> String {
    match count {
        0..0x10_0000 => format!("{:.1} KiB", count as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", count as f64 / f64::from(1 << 20)),
        _ => format!("{:.1} GiB", count as f64 / f64::from(1 << 30)),
    }
}

/// What would fit: memory of a window grows as its length.
fn narrower(window: usize, cache: u64, parameters: u64, limit: u64) -> String {
    let room = limit.saturating_sub(parameters) as f64 * 0.9;
    match (room / cache.max(1) as f64 * window as f64) as usize {
        0 => "the model needs a device with more memory".to_owned(),
        fits => format!("narrow it, such as to --window {fits}"),
    }
}
