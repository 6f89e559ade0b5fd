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
    /// Another program's model is not taken.
    #[error(transparent)]
    Import(#[from] import::Error),
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
    /// The device or its plugin failed.
    #[error(transparent)]
    Device(#[from] runtime::Error),
    /// The tokenizer failed.
    #[error(transparent)]
    Tokenizer(#[from] data::Error),
}
