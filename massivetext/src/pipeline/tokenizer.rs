//! The tokenizer of a pipeline that trains its own: a folder with the model and a receipt.

use std::path::{Path, PathBuf};

use data::read::{documents, find_files};
use data::{ReadConfig, Tokenizer, TokenizerConfig};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::manifest::{Description, Manifest, Part};
use crate::output::write_whole;
use crate::stage::{Folder, PartReceipt};
use crate::{Error, Result};

/// What was trained: `receipt.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `tokenizer`.
    pub stage: String,
    /// Of the program.
    pub version: String,
    /// Pieces that were asked for.
    pub vocabulary_size: usize,
    /// What was read: each subset's documents.
    pub input: Vec<Description>,
    /// The model's file.
    pub file: String,
    /// sha256 of it, in hexadecimal.
    pub tokenizer: String,
}

impl PartReceipt for Receipt {
    fn files(&self) -> Vec<&str> {
        vec![&self.file]
    }

    fn add(&mut self, _: Self) {
        // A tokenizer is trained as a whole.
    }
}

/// Trains a tokenizer on documents, unless that is done. `progress` is told how many have been read.
///
/// # Errors
/// A folder that holds something else, text of which no such tokenizer can be made, a disk that refuses.
pub fn train(
    configuration: &TokenizerConfig,
    inputs: &[PathBuf],
    out: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Tokenizer> {
    let mut input = Vec::new();
    for path in inputs {
        input.push(Manifest::find(std::slice::from_ref(path))?.describe());
    }
    let plan = json!({
        "stage": "tokenizer",
        "version": env!("CARGO_PKG_VERSION"),
        "vocabulary_size": configuration.vocabulary_size,
        "input": input,
    });
    let folder = Folder::begin(inputs, out, None, Part::WHOLE, &plan)?;
    if let Some(receipt) = folder.receipt::<Receipt>()? {
        return Ok(Tokenizer::load(&out.join(receipt.file))?);
    }
    let files = find_files(inputs)?.files;
    let mut count = 0;
    let reading = ReadConfig { bad_records: data::BadRecords::Skip, ..ReadConfig::default() };
    let texts = documents(&files, &reading).inspect(|_| {
        count += 1;
        if count % 1024 == 0 {
            progress(count);
        }
    });
    let tokenizer = Tokenizer::train(texts, configuration)?;
    let file = tokenizer.file_name().to_owned();
    write_whole(&out.join(&file), &std::process::id().to_string(), tokenizer.to_bytes())?;
    let receipt = Receipt {
        stage: "tokenizer".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        vocabulary_size: tokenizer.vocabulary_size(),
        input,
        file,
        tokenizer: tokenizer.fingerprint(),
    };
    folder.finish(&receipt)?;
    Ok(tokenizer)
}

/// The tokenizer of a file.
///
/// # Errors
/// A file that is none.
pub fn load(file: &Path) -> Result<Tokenizer> {
    Tokenizer::load(file).map_err(Error::Data)
}
