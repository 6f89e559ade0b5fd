//! The tokenizer of a pipeline that trains its own: a folder with the model and a receipt.

use std::path::Path;

use data::read::Document;
use data::shards::HeldOut;
use data::tokenizer::Sampling;
use data::{Tokenizer, TokenizerConfig};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::storage::Opened;
use crate::manifest::{Description, File, Manifest, Part, Piece};
use crate::output::write_whole;
use crate::records::Reader;
use crate::stage::{Folder, LARGEST_RECORD, PartReceipt};
use crate::{Error, Result};

/// How a tokenizer is trained: what decides its bytes, beside the text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Pieces.
    pub vocabulary_size: usize,
    /// The share of the documents that it is trained on, above 0 and at most 1.
    pub share: f64,
    /// Bytes of memory for the words of these; where they take more, some of the text is left out.
    pub memory: u64,
    /// The seed of both choices.
    pub seed: u64,
}

impl Training {
    /// Whether it is trained on a document of this text. With the same seed, others are held out from a training of models.
    fn takes(&self, text: &str) -> bool {
        let choice = HeldOut { fraction: self.share, seed: !self.seed };
        self.share >= 1.0 || choice.holds_out(text)
    }
}

/// What was trained: `receipt.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `tokenizer`.
    pub stage: String,
    /// Of the program.
    pub version: String,
    /// How.
    pub training: Training,
    /// Pieces it has.
    pub vocabulary_size: usize,
    /// Documents that it was trained on.
    pub documents: u64,
    /// Of their text, the share whose words found room.
    pub share_used: f64,
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

/// Trains a tokenizer on documents, unless that is done: `input` is what is said of them. `progress` is told how many have been read.
///
/// # Errors
/// A folder that holds something else, text of which no such tokenizer can be made, a disk that refuses.
pub fn train(
    training: &Training,
    input: Vec<Description>,
    opened: &dyn Opened,
    progress: &mut dyn FnMut(u64),
) -> Result<Tokenizer> {
    let out = opened.out();
    let plan = json!({
        "stage": "tokenizer",
        "version": env!("CARGO_PKG_VERSION"),
        "training": training,
        "input": input,
    });
    let folder = Folder::begin(opened.inputs(), out, None, Part::WHOLE, &plan)?;
    if let Some(receipt) = folder.receipt::<Receipt>()? {
        let file = out.join(receipt.file);
        opened.fetch(&file)?;
        return Ok(Tokenizer::load(&file)?);
    }
    let manifest = opened.manifest(Manifest::find)?;
    let mut texts =
        Texts { manifest: &manifest, pieces: manifest.shards(u64::MAX).concat().into_iter(), open: None };
    let (mut read, mut taken, mut failed) = (0, 0, None);
    let documents = std::iter::from_fn(|| {
        texts.next().unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    let chosen = documents.filter(|document| {
        read += 1;
        if read % 1024 == 0 {
            progress(read);
        }
        let takes = training.takes(&document.text);
        taken += u64::from(takes);
        takes
    });
    let configuration =
        TokenizerConfig { vocabulary_size: training.vocabulary_size, ..TokenizerConfig::default() };
    let sampling = Sampling { memory: training.memory, seed: training.seed };
    let trained = Tokenizer::train_within(chosen.map(Ok), &configuration, sampling);
    let (tokenizer, sample) = failed.map_or_else(|| Ok(trained?), Err)?;
    let file = tokenizer.file_name().to_owned();
    write_whole(&out.join(&file), tokenizer.to_bytes())?;
    let receipt = Receipt {
        stage: "tokenizer".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        training: *training,
        vocabulary_size: tokenizer.vocabulary_size(),
        documents: taken,
        share_used: sample.share(),
        input,
        file,
        tokenizer: tokenizer.fingerprint(),
    };
    folder.finish(&receipt)?;
    Ok(tokenizer)
}

/// The texts of all documents that are not blank. Bad records are passed over; the stage that encodes counts them.
struct Texts<'a> {
    manifest: &'a Manifest,
    pieces: std::vec::IntoIter<Piece>,
    /// The file that is being read.
    open: Option<(&'a File, Reader)>,
}

impl Texts<'_> {
    fn next(&mut self) -> Result<Option<Document>> {
        loop {
            let Some((file, reader)) = &mut self.open else {
                let Some(piece) = self.pieces.next() else { return Ok(None) };
                let file = &self.manifest.files[piece.file];
                if let Some(fetch) = &self.manifest.fetch {
                    fetch.fetch(&file.path)?;
                }
                self.open = Some((file, Reader::open(&file.path, piece, LARGEST_RECORD)?));
                continue;
            };
            match reader.next(&file.path)? {
                None => self.open = None,
                Some(raw) => match raw.document(&file.name, LARGEST_RECORD) {
                    Ok(found) if !found.text.trim().is_empty() => {
                        return Ok(Some(Document { name: found.id, text: found.text }));
                    }
                    _ => {}
                },
            }
        }
    }
}

/// The tokenizer of a file.
///
/// # Errors
/// A file that is none.
pub fn load(file: &Path) -> Result<Tokenizer> {
    Tokenizer::load(file).map_err(Error::Data)
}
