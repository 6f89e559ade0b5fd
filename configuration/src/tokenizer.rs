//! The tokenizer that a configuration's model needs.

use std::path::{Path, PathBuf};

use data::Tokenizer;

use crate::Config;

/// Why a tokenizer is not one for the model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] data::Error),
    /// It has more pieces than the model has tokens.
    #[error(
        "{} has {pieces} pieces, but model.vocabulary_size is {vocabulary_size}{}; --set model.vocabulary_size={pieces} for a new run, or use the tokenizer the model was trained with",
        .tokenizer.display(),
        of_checkpoint(.checkpoint)
    )]
    Vocabulary {
        /// The tokenizer file.
        tokenizer: PathBuf,
        /// Number of its pieces.
        pieces: usize,
        /// Number of tokens the model knows.
        vocabulary_size: usize,
        /// The checkpoint that has that number, when a run is continued.
        checkpoint: Option<PathBuf>,
    },
}

impl Config {
    /// Loads a tokenizer, which must not have more pieces than the model has tokens: ids beyond its pieces stand for none
    /// ([`model::ModelConfig::with_tokens`]). `checkpoint` is the one whose model that is,
    /// if it is one's.
    ///
    /// # Errors
    /// [`TokenizerError::Read`] when the file cannot be read; [`TokenizerError::Vocabulary`], which names `checkpoint`, when it
    /// has more pieces.
    pub fn load_tokenizer(
        &self,
        path: &Path,
        checkpoint: Option<&Path>,
    ) -> Result<Tokenizer, TokenizerError> {
        let tokenizer = Tokenizer::load(path)?;
        let (pieces, vocabulary_size) = (tokenizer.vocabulary_size(), self.model.sizes().vocabulary_size);
        if pieces > vocabulary_size {
            return Err(TokenizerError::Vocabulary {
                tokenizer: path.to_owned(),
                pieces,
                vocabulary_size,
                checkpoint: checkpoint.map(Path::to_owned),
            });
        }
        Ok(tokenizer)
    }
}

fn of_checkpoint(path: &Option<PathBuf>) -> String {
    path.as_ref().map(|path| format!(" in {}", path.display())).unwrap_or_default()
}
