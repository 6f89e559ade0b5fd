//! A ladder: models of one family and several sizes, trained alike, so that what changes with size can be read off them.
//!
//! [`plan`] measures how fast this machine is (`measure.rs`) and chooses the largest sizes whose training fits a time (`solve.rs`), by the
//! family's rule (`shapes.rs`); [`climb`] trains one after the other, each a run directory of its own. All that it knows
//! is in the ladder's folder, so that it goes on after any interruption.

mod climb;
mod measure;
mod shapes;
mod solve;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use store::files::{FileError, write_atomically};

pub use climb::{Climbed, climb};
pub use measure::{Planned, plan};
pub use solve::{Speed, solve};

/// The file of a ladder's plan.
pub const LADDER: &str = "ladder.json";

/// The file of its tokenizer.
pub const TOKENIZER: &str = "tokenizer.model";

/// The folder of its runs.
pub const RUNS: &str = "runs";

/// The version of the file.
const VERSION: u32 = 1;

/// Why there is no ladder, or it ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The time is too short.
    #[error(
        "a budget of {seconds:.0} s is left for training, and the smallest ladder of these sizes takes {least:.0} s: raise --budget, or lower \
         --sizes, --span, --vocabulary or --tokens-per-parameter"
    )]
    Budget {
        /// What is left of it.
        seconds: f64,
        /// What is needed.
        least: f64,
    },
    /// The text is too short.
    #[error(
        "the text has {tokens} tokens to train on, and the smallest ladder of these sizes needs {least}, gone through four times: add text, or lower \
         --sizes, --span, --vocabulary or --tokens-per-parameter"
    )]
    Short {
        /// Its tokens.
        tokens: u64,
        /// What is needed.
        least: u64,
    },
    /// There are not so many sizes.
    #[error(
        "{sizes} sizes within a factor of {span}: there are not so many widths; lower --sizes, raise --span, or lower --vocabulary"
    )]
    Widths {
        /// Sizes asked for.
        sizes: usize,
        /// Largest by smallest.
        span: f64,
    },
    /// More pieces than the text can give.
    #[error(
        "--vocabulary {requested}: too large for this text, which gives at most {maximum} pieces; --vocabulary {maximum} or less, or add text"
    )]
    Vocabulary {
        /// Pieces asked for.
        requested: usize,
        /// The most that there can be.
        maximum: usize,
    },
    /// Nothing can be held out.
    #[error(
        "the text has {tokens} tokens: too few to hold out a sequence of {length} and train on the rest; add text, or lower --sequence-length"
    )]
    Text {
        /// Its tokens.
        tokens: u64,
        /// Tokens of a sequence.
        length: usize,
    },
    /// A key that is not the user's to set.
    #[error("--set {key}: the ladder's rules decide it (docs/scaling.md)")]
    Decided {
        /// The key.
        key: String,
    },
    /// The folder holds another ladder.
    #[error("{}: a ladder was begun there with other settings ({what}); go on with it by naming -o alone, or choose another folder", .folder.display())]
    Other {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The folder holds something else.
    #[error("{}: there is something in this folder, and no ladder; choose another (-o DIR)", .folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds none.
    #[error("{}: no ladder was begun there; name a text with --data and a time with --budget", .folder.display())]
    None {
        /// The folder.
        folder: PathBuf,
    },
    /// The file is damaged.
    #[error("{}: not the plan of a ladder ({detail}); remove the folder, or choose another (-o DIR)", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A training did not begin, or ended early.
    #[error(transparent)]
    Train(#[from] crate::Error),
}

/// What a user asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Files and folders of text.
    pub data: Vec<PathBuf>,
    /// Seconds for all of it.
    pub budget_seconds: f64,
    /// Models, two or more.
    pub sizes: usize,
    /// Parameters of the largest by those of the smallest, above 1.
    pub span: f64,
    /// Tokens for each parameter of the largest model, at least.
    pub tokens_per_parameter: f64,
    /// Whether each size has its own number of tokens by its parameters.
    pub per_size: bool,
    /// Tokens of a sequence.
    pub sequence_length: usize,
    /// Pieces of the tokenizer that is trained.
    pub vocabulary_size: usize,
    /// A tokenizer instead.
    pub tokenizer: Option<PathBuf>,
    /// Seed of initial parameters and data order.
    pub seed: u32,
    /// Other keys of the configuration, as `SECTION.KEY=VALUE`.
    pub set: Vec<String>,
}

impl Request {
    /// The usual ladder.
    pub fn new(data: Vec<PathBuf>, budget_seconds: f64) -> Self {
        Self {
            data,
            budget_seconds,
            sizes: 6,
            span: 32.0,
            tokens_per_parameter: 20.0,
            per_size: false,
            sequence_length: 256,
            vocabulary_size: 2048,
            tokenizer: None,
            seed: 1,
            set: Vec::new(),
        }
    }

    /// What differs from another.
    fn differs(&self, other: &Self) -> Option<&'static str> {
        let differences = [
            ("--data", self.data != other.data),
            ("--budget", self.budget_seconds != other.budget_seconds),
            ("--sizes", self.sizes != other.sizes),
            ("--span", self.span != other.span),
            ("--tokens-per-parameter", self.tokens_per_parameter != other.tokens_per_parameter),
            ("--per-size", self.per_size != other.per_size),
            ("--sequence-length", self.sequence_length != other.sequence_length),
            ("--vocabulary", self.vocabulary_size != other.vocabulary_size),
            ("--tokenizer", self.tokenizer != other.tokenizer),
            ("--seed", self.seed != other.seed),
            ("--set", self.set != other.set),
        ];
        differences.into_iter().find_map(|(what, differs)| differs.then_some(what))
    }
}

/// A model of a ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Name of its run.
    pub name: String,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of a head.
    pub key_value_size: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// All trained numbers.
    pub parameters: u64,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Steps until it is reached.
    pub warmup_steps: u64,
    /// Sequences of a step.
    pub batch: usize,
    /// Tokens of a sequence.
    pub sequence_length: usize,
    /// Steps.
    pub steps: u64,
    /// Tokens of all steps.
    pub tokens: u64,
    /// Seconds that its training should take.
    pub predicted_seconds: f64,
    /// Seconds that it took so far, all starts together.
    pub seconds: f64,
    /// Loss on held-out text at its end, nats per token.
    pub loss: Option<f64>,
}

/// A ladder with its members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    version: u32,
    /// What was asked for.
    pub request: Request,
    /// Sizes that were timed.
    pub measured: Vec<Speed>,
    /// What that took, with the tokenizer and the text.
    pub measuring_seconds: f64,
    /// Pieces of the tokenizer.
    pub vocabulary_size: usize,
    /// Tokens to train on.
    pub text_tokens: u64,
    /// Tokens held out.
    pub held_out_tokens: u64,
    /// The most of the tokens that are held out.
    pub validation_fraction: f64,
    /// Smallest first.
    pub members: Vec<Member>,
}

impl Ladder {
    /// The ladder in a folder; `None` if there is nothing.
    ///
    /// # Errors
    /// [`Error::Taken`] by something else, [`Error::Damaged`], [`Error::File`].
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(LADDER);
        let text = match inputs::read(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                let is_empty = match std::fs::read_dir(folder) {
                    Ok(mut entries) => entries.next().is_none(),
                    Err(error) => error.kind() == io::ErrorKind::NotFound,
                };
                return if is_empty { Ok(None) } else { Err(Error::Taken { folder: folder.to_owned() }) };
            }
            Err(source) => return Err(FileError::read(&path, source).into()),
        };
        let damaged = |detail| Error::Damaged { path: path.clone(), detail };
        let ladder: Self = inputs::json::from_slice(&text).map_err(damaged)?;
        match ladder.version {
            VERSION => Ok(Some(ladder)),
            other => Err(damaged(format!("version {other}, and this program reads {VERSION}"))),
        }
    }

    /// Checks that it is what is asked for now.
    ///
    /// # Errors
    /// [`Error::Other`].
    pub fn check(&self, folder: &Path, request: &Request) -> Result<(), Error> {
        match self.request.differs(request) {
            Some(what) => Err(Error::Other { folder: folder.to_owned(), what }),
            None => Ok(()),
        }
    }

    fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(LADDER);
        let text =
            serde_json::to_string_pretty(self).map_err(|error| FileError::write(&path, error.into()))?;
        Ok(write_atomically(&path, format!("{text}\n").as_bytes())?)
    }
}
