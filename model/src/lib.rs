//! The Gopher family of Transformers (Rae et al. 2021), written with [`graph`]: configurations, parameters, forward
//! pass, loss, initialisation and the decoding step. Nothing here knows how a model is trained or split.
//!
//! The architecture is GPT-2's with RMSNorm for LayerNorm and Transformer-XL relative positions for absolute ones
//! (paper, section 2.1). What the paper leaves open and we chose is said where it stands, and listed in
//! `docs/model.md`.

pub mod attention;
pub mod config;
pub mod decode;
pub mod forward;
pub mod initialize;
pub mod layer;
pub mod parameters;
pub mod placement;
pub mod random;
pub mod remat;

pub use config::{ConfigError, ModelConfig, Preset};
pub use decode::{DecodeShape, decode, relative_keys};
pub use forward::{ForwardOptions, Precision, forward, loss, mean_cross_entropy};
pub use initialize::{initialize, initialize_as};
pub use parameters::{Initializer, ParameterSpec, Parameters};
