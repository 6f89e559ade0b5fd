//! The configuration of a training: what to train, on what, and how, as a TOML file with single keys overridden; and what
//! it says of each step: batch, learning rate, dtypes.
//!
//! A configuration is made in layers: the quick start's (`configs/quick-start.toml`, built in, which also documents
//! every key), then a file, then overrides of single keys. `model.preset` in a layer stands for a row of the paper's
//! Table 1. The result has every key, and is what a run directory holds.

mod adam;
mod batches;
mod check;
mod draft;
mod incidents;
mod precision;
mod schedule;
mod text;
mod tokenizer;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use graph::Remat;
use model::ModelConfig;
use serde::{Deserialize, Serialize};
use sharding::DeviceKind;
use sharding::machine::{Topology, TopologyError};
use store::self_checksum;

pub use adam::Adam;
pub use batches::{BatchChange, Batches, microbatches};
pub use draft::Draft;
pub use incidents::{HangPolicy, Incidents, NotFinitePolicy, SpikePolicy};
pub use precision::{BytesPerParameter, PrecisionPolicy, Regime};
pub use schedule::{Schedule, ScheduleError, ScheduleKind};
pub use tokenizer::TokenizerError;
pub use toml::Value;

/// The key of a model's section that comes first in digests.
const VOCABULARY_SIZE: &str = "vocabulary_size";

/// The quick start's configuration as a file.
pub const QUICK_START: &str = include_str!("../../configs/quick-start.toml");

/// A configuration with every key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the run directory and the loss chart.
    pub name: String,
    /// Sizes of the model.
    pub model: ModelConfig,
    /// The text.
    pub data: Data,
    /// Steps, batches, precision.
    pub training: Training,
    /// Adam's constants.
    pub optimizer: Adam,
    /// The learning rate.
    pub schedule: Schedule,
    /// How checkpoints are saved, and which are kept.
    pub checkpoint: Checkpoints,
    /// What is done when something goes wrong.
    pub incidents: Incidents,
    /// Where programs run.
    pub device: Device,
}

/// The text to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Files and folders; none stands for Shakespeare's plays.
    pub paths: Vec<PathBuf>,
    /// Instead of them: several sources, sampled by weight.
    pub mixture: Vec<MixtureSource>,
    /// Whether they are dialogues, of which only answers are learned: objects with `messages`.
    pub dialogues: bool,
    /// The field of a `.jsonl` or `.json` object that holds the text.
    pub text_field: String,
    /// What to do with bytes that are not UTF-8.
    pub invalid_utf8: data::InvalidUtf8,
    /// What to do with records that have no text.
    pub bad_records: data::BadRecords,
    /// A SentencePiece `.model` file; `None` (an empty string in the file) to train a tokenizer.
    #[serde(with = "text::optional_path")]
    pub tokenizer: Option<PathBuf>,
    /// Fraction of the characters that get pieces of their own in a tokenizer trained here.
    pub character_coverage: f64,
    /// The most of the tokens that are held out.
    pub validation_fraction: f64,
}

/// A source of a mixture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixtureSource {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Its share of all sequences, relative to the other sources'.
    pub weight: f64,
}

/// Steps, batches, precision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Steps of the whole run.
    pub steps: u64,
    /// Sequences per step, at first.
    pub batch: usize,
    /// Parts of a step's batch that are worked on one after the other, on one device; with a machine, its plan says.
    pub microbatches: usize,
    /// Tokens per sequence.
    pub sequence_length: usize,
    /// Seed of initial parameters and data order.
    pub seed: u32,
    /// Dtypes of parameters and activations, and how parameters are updated.
    pub precision: PrecisionPolicy,
    /// Global norm that gradients are clipped to.
    pub clip_norm: f64,
    /// What the backward pass keeps of each layer.
    #[serde(with = "text::remat")]
    pub remat: Remat,
    /// Queries per block of attention; 0 chooses by sequence length.
    pub query_block: usize,
    /// Steps between validations; 0 for one after the last step.
    pub validation_every: u64,
    /// Batches of each validation; 0 for the whole held-out part.
    pub validation_batches: usize,
    /// Validations without a lower loss than before after which the run ends; 0 for none.
    pub patience: u64,
    /// Steps between checkpoints; 0 for one after the last step.
    pub checkpoint_every: u64,
    /// Minutes after a checkpoint when another is saved, if none came due before; 0 for none. Several processes, whose clocks
    /// differ, save none for that.
    pub checkpoint_minutes: f64,
    /// Other batches later in the run, in order of their tokens.
    pub batch_ramp: Vec<BatchChange>,
}

/// How checkpoints are saved, and which are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoints {
    /// Whether training goes on while one is written.
    pub background: bool,
    /// How many of the newest are kept; 0 for all.
    pub keep_last: u64,
    /// Those of steps divisible by this are kept as well; 0 for none.
    pub keep_every: u64,
    /// Whether one is saved of each validation with a lower loss than all before, and the last of them kept.
    pub keep_best: bool,
    /// Address of an object store that they are copied to, and come from on a new machine; empty for none.
    pub store: String,
    /// As `keep_last`, of those in the store.
    pub store_keep_last: u64,
    /// As `keep_every`, of those in the store.
    pub store_keep_every: u64,
}

/// Where programs run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Kind of device.
    #[serde(with = "text::device")]
    pub kind: DeviceKind,
    /// The plugin file; `None` (an empty string in the file) to search for one.
    #[serde(with = "text::optional_path")]
    pub plugin: Option<PathBuf>,
    /// Whether programs compute the same bits in every process, without which a resumed run does not have the bits of an
    /// uninterrupted one. CPUs and TPUs always do.
    pub deterministic: bool,
    /// The machine over which each step is split, as [`Topology::parse`] reads it; empty for one device.
    pub topology: String,
    /// TPU slices of that shape, joined by the data centre's network; 1 for other machines.
    pub slices: usize,
    /// A file with the plan of how. `None` for the plan that the run directory keeps, or the best. It is not a key of the
    /// file: the plan itself becomes part of the run directory.
    #[serde(skip)]
    pub plan: Option<PathBuf>,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{origin}, line {line}, column {column}: {message}")]
    Syntax {
        /// The file.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the TOML parser says.
        message: String,
    },
    /// A path that a configuration cannot hold.
    #[error(
        "{path}: the bytes of this path are no UTF-8, and so it cannot be kept in the run's configuration; rename it, or name the file by another path"
    )]
    Path {
        /// The path, as far as it is text.
        path: String,
    },
    /// A key that means nothing.
    #[error("{origin}: unknown key `{key}`; {hint}")]
    UnknownKey {
        /// The file, or `--set`.
        origin: String,
        /// The key with its section.
        key: String,
        /// The nearest key, or where to find all of them.
        hint: String,
    },
    /// A value of the wrong type or outside its range.
    #[error("{origin}: {key} = {value}: expected {expected}")]
    Value {
        /// The file, or `--set`.
        origin: String,
        /// The key with its section.
        key: String,
        /// The value as TOML.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// An override that is not one.
    #[error("--set {text}: expected SECTION.KEY=VALUE, as in --set model.layers=4")]
    Override {
        /// What was given.
        text: String,
    },
    /// A value that makes no sense.
    #[error("configuration: {key} = {value}: it must be {expected}")]
    Range {
        /// The key with its section.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Sizes that make no model.
    #[error("configuration: {0}")]
    Model(#[from] model::ConfigError),
    /// A machine that there is not.
    #[error("configuration: device.topology: {0}")]
    Topology(#[from] TopologyError),
    /// A machine of another kind of device.
    #[error(
        "configuration: device.kind = {kind}: device.topology = {topology} is of kind {expected}; leave device.kind away, or set device.topology to \"\" for one device"
    )]
    Kind {
        /// `device.kind`.
        kind: DeviceKind,
        /// `device.topology`.
        topology: String,
        /// The kind of its devices.
        expected: DeviceKind,
    },
    /// A learning rate that makes no sense.
    #[error("configuration: {0}")]
    Schedule(#[from] ScheduleError),
}

impl Config {
    /// The quick start's configuration.
    ///
    /// # Errors
    /// None, as a test proves; it is read from a file that is built in.
    pub fn quick_start() -> Result<Config, Error> {
        Draft::quick_start()?.finish()
    }

    /// The configuration in a file that has every key that differs from the quick start's, such as a run's.
    ///
    /// # Errors
    /// As [`Draft::apply_file`] and [`Draft::finish`].
    pub fn read(path: &Path) -> Result<Config, Error> {
        let mut draft = Draft::quick_start()?;
        draft.apply_file(path)?;
        draft.finish()
    }

    /// The machine over which each step is split; `None` for one device.
    ///
    /// # Errors
    /// [`Error::Topology`] when there is no such machine.
    pub fn topology(&self) -> Result<Option<Topology>, Error> {
        match self.device.topology.as_str() {
            "" => Ok(None),
            text => Ok(Some(Topology::parse(text, self.device.slices)?)),
        }
    }

    /// The dtypes of this training.
    pub fn regime(&self) -> Regime {
        self.training.precision.regime(self.device.kind, &self.model)
    }

    /// The batch of each step.
    pub fn batches(&self) -> Batches {
        let Training { batch, sequence_length, batch_ramp, .. } = &self.training;
        Batches::new(*batch, *sequence_length, batch_ramp)
    }

    /// Sequences that are worked on at a time on one device.
    pub fn microbatch(&self) -> usize {
        self.training.batch / self.training.microbatches.max(1)
    }

    /// Parts of a batch that are worked on one after the other on one device: never larger than those of the first batch.
    pub fn microbatches(&self, batch: usize) -> usize {
        match self.training.batch == batch {
            true => self.training.microbatches.max(1),
            false => microbatches(batch, self.microbatch(), 1, 1).unwrap_or(1),
        }
    }

    /// Checks that all paths can be written down.
    ///
    /// # Errors
    /// [`Error::Path`] names one whose bytes are no text.
    pub fn check_paths(&self) -> Result<(), Error> {
        let data = &self.data;
        let paths = data.paths.iter().chain(data.mixture.iter().flat_map(|source| &source.paths));
        let paths = paths.chain(&data.tokenizer).chain(&self.device.plugin);
        match paths.into_iter().find(|path| path.to_str().is_none()) {
            Some(path) => Err(Error::Path { path: path.display().to_string() }),
            None => Ok(()),
        }
    }

    /// The configuration as a file that gives it back.
    pub fn to_toml(&self) -> String {
        let header = "# The configuration of this run, every key with the value it had. To train so again:\n\
                      # gopher train config.toml\n\n";
        // Only values that TOML has no words for could fail: none of these types holds one.
        let body = toml::to_string(self).unwrap_or_else(|error| format!("# {error}\n"));
        self_checksum::complete(&format!("{header}{body}\n# {}\n", self_checksum::EMPTY))
    }

    /// All keys with their values as TOML, but for `device.plugin`: what must be the same in all processes of a run. Where a
    /// plugin lies may differ from host to host.
    pub fn facts(&self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::new();
        if let Ok(toml::Value::Table(table)) = toml::Value::try_from(self) {
            for (section, value) in table {
                match value {
                    toml::Value::Table(keys) => facts.extend(
                        keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), value.to_string())),
                    ),
                    value => drop(facts.insert(section, value.to_string())),
                }
            }
        }
        facts.remove("device.plugin");
        facts
    }

    /// The keys that must not change while a run goes on, with their values as TOML: the model, what the state holds of
    /// it, and what decides the order of the data. The kind of model comes first: other keys follow from it.
    pub fn fixed(&self) -> Vec<(String, String)> {
        let changes = self.training.batch_ramp.iter();
        let changes: Vec<_> = changes
            .map(|BatchChange { tokens, batch }| format!("{{ tokens = {tokens}, batch = {batch} }}"))
            .collect();
        let weights: Vec<_> = self.data.mixture.iter().map(|source| source.weight.to_string()).collect();
        let (of_tokens, of_layers): (Vec<_>, Vec<_>) =
            self.model.keys().into_iter().partition(|(key, _)| *key == VOCABULARY_SIZE);
        let kind = ("model.kind".to_owned(), toml::Value::from(self.model.kind()).to_string());
        let sizes = of_tokens.into_iter().chain(of_layers);
        let sizes = sizes.map(|(key, value)| (format!("model.{key}"), value.to_string()));
        let others = [
            ("training.precision", toml::Value::from(self.regime().name()).to_string()),
            ("training.batch", self.training.batch.to_string()),
            ("training.batch_ramp", format!("[{}]", changes.join(", "))),
            ("training.sequence_length", self.training.sequence_length.to_string()),
            ("training.seed", self.training.seed.to_string()),
            // What the sources hold is part of the digest of the text.
            ("data.mixture", format!("[{}]", weights.join(", "))),
            ("data.dialogues", self.data.dialogues.to_string()),
            ("data.text_field", toml::Value::from(self.data.text_field.as_str()).to_string()),
            ("data.invalid_utf8", format!("{:?}", self.data.invalid_utf8).to_lowercase()),
            ("data.bad_records", format!("{:?}", self.data.bad_records).to_lowercase()),
            ("data.validation_fraction", self.data.validation_fraction.to_string()),
        ];
        let others = others.map(|(key, value)| (key.to_owned(), value));
        [kind].into_iter().chain(sizes).chain(others).collect()
    }
}

#[cfg(test)]
mod tests;
