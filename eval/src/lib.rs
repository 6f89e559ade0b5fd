//! Uses of trained models, and runs made of other programs' models.
//!
//! A [`Decoder`] runs a model over a growing text, one compiled step after another, with its keys and values kept on
//! the device. A [`Sampler`] chooses a token from the step's logits on the host. A [`Generator`] puts both together
//! with a tokenizer: text in, text out; [`dialogue`] makes turns of it. [`TrainedModel`] loads what a run directory holds;
//! [`import_model`] makes a run directory of a model that another program trained, and [`export_model`] makes of a run what other
//! programs read.

mod decoder;
mod devices;
pub mod dialogue;
mod error;
pub mod evaluate;
mod exported;
mod generate;
mod imported;
mod place;
mod sample;
pub mod scoring;
mod served;
mod slots;
mod step;
mod stops;
mod trained;

pub use decoder::{Decoder, PROMPT_CHUNK, Session};
pub use devices::ReadParameter;
pub use error::Error;
pub use exported::{ExportFormat, Exported, export_model};
pub use generate::{Conversation, Generation, Generator, Stop};
pub use imported::{Imported, LONGEST_SEQUENCE, Origin, Progress, import_model};
pub use sample::{Sampler, Sampling};
pub use served::{Served, ServingMemory, ServingOptions};
pub use slots::{SlotOptions, SlotStatistics, Slots};
pub use stops::StopStream;
pub use trained::{DecodingMemory, TrainedModel};

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
