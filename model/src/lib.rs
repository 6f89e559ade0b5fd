//! Decoder-only Transformers written with [`graph`]: architectures as values, their parameters, forward pass, loss,
//! initialisation and decoding step. Nothing here knows how a model is trained, or on which devices.
//!
//! An [`Architecture`] is one file over the shared [`blocks`]: [`gopher`] (Rae et al. 2021, the paper's own) and
//! [`llama`] (Touvron et al. 2023). Everything else is written once for all of them: [`forward()`], [`decode()`],
//! [`initialize()`]. What the papers leave open and we chose is said where it stands, and listed in `docs/model.md`.

pub mod architecture;
pub mod blocks;
pub mod config;
pub mod decode;
pub mod forward;
pub mod gopher;
pub mod initialize;
pub mod llama;
pub mod parameters;
pub mod placement;
pub mod preset;
pub mod random;
pub mod remat;
pub mod score;

pub use architecture::{Architecture, CacheSpec, Sizes};
pub use blocks::causal::QueryBlocks;
pub use config::{ConfigError, KINDS, Kind, ModelConfig, Value};
pub use decode::{DecodeShape, decode, decode_tables, place_caches, put_chunk, take_chunk};
pub use forward::{ForwardOptions, Precision, forward, loss, mean_cross_entropy};
pub use gopher::Gopher;
pub use initialize::{initialize, initialize_as};
pub use llama::Llama;
pub use parameters::{Initializer, ParameterSpec};
pub use preset::Preset;
pub use score::{
    HeadShape, ScoreShape, ScoreTensor, page_pools, score_head, score_layers, score_layers_apart, score_top,
};
