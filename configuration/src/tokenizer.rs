//! The tokenizer that a configuration's model needs.

use std::path::{Path, PathBuf};

use data::Tokenizer;

use crate::{Config, Error};

impl Config {
    /// Loads a tokenizer, which must have as many pieces as the model has tokens. `checkpoint` is the one whose model that is,
    /// if it is one's.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when the file cannot be read; [`Error::Vocabulary`], which names `checkpoint`, when it has another
    /// number of pieces.
    pub fn load_tokenizer(&self, path: &Path, checkpoint: Option<&Path>) -> Result<Tokenizer, Error> {
        let tokenizer = Tokenizer::load(path)?;
        let (pieces, vocabulary_size) = (tokenizer.vocabulary_size(), self.model.sizes().vocabulary_size);
        if pieces != vocabulary_size {
            return Err(Error::Vocabulary {
                tokenizer: path.to_owned(),
                pieces,
                vocabulary_size,
                checkpoint: checkpoint.map(Path::to_owned),
            });
        }
        Ok(tokenizer)
    }
}

pub(crate) fn of_checkpoint(path: &Option<PathBuf>) -> String {
    path.as_ref().map(|path| format!(" in {}", path.display())).unwrap_or_default()
}
