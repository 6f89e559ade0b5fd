//! Foreign model files: GGUF and Hugging Face folders, read into named float tensors, sizes and a tokenizer, and written of such.
//!
//! - [`ForeignModel`] is a Llama from either: its [`LlamaSizes`], its [`data::Tokenizer`], and its parameters in the
//!   layout of this workspace, one slice of one tensor at a time.
//! - [`Outgoing`] is a Llama that is to be written: [`gguf::write`], [`hugging_face::write`].
//! - [`gguf`] is the container format of llama.cpp: metadata, and tensors that may be quantised.
//! - [`hugging_face`] is a folder with `config.json`, safetensors and a tokenizer.
//!
//! What a header claims is compared with the file's size before memory is set aside for it, and tensors are read where
//! they lie in the file: no file is held in memory. What is not implemented is refused by name.
//!
//! What is absent: nothing here knows of XLA, of run directories or of how a Llama is computed.
//!
//! ```no_run
//! let mut model = import::ForeignModel::open(std::path::Path::new("SmolLM2-135M-Instruct.Q4_1.gguf"))?;
//! println!("{} layers, {} pieces", model.sizes().layers, model.tokenizer().vocabulary_size());
//! for parameter in model.parameters() {
//!     for slice in 0..parameter.slices {
//!         let values: Vec<f32> = model.read(&parameter, slice)?;
//!         println!("{}: {} numbers", parameter.name, values.len());
//!     }
//! }
//! # Ok::<(), import::Error>(())
//! ```

mod error;
mod floats;
pub mod gguf;
pub mod hugging_face;
mod llama;
mod model;
mod outgoing;

pub use error::{Error, Result};
pub use llama::{LlamaSizes, Parameter};
pub use model::{ForeignModel, Format};
pub use outgoing::{Outgoing, ReadValues};
