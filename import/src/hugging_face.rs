//! A folder as Hugging Face's `transformers` saves it: `config.json`, safetensors in one file or several, a tokenizer.

mod config;
mod json;
mod safetensors;
mod tokenizer;
pub mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::floats::Storage;
use crate::llama::LlamaSizes;
use json::JsonFile;
use safetensors::Tensors;

/// An open folder: sizes, and where its tensors lie.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    config: JsonFile,
    sizes: LlamaSizes,
    tensors: Tensors,
}

impl Folder {
    /// Opens a folder and reads its configuration and the headers of its safetensors files.
    ///
    /// # Errors
    /// Files that are missing, cannot be read or are damaged, and configurations that are not implemented.
    pub fn open(path: &Path) -> Result<Self> {
        let config = JsonFile::read(&path.join(config::FILE))?;
        let sizes = config::sizes(&config)?;
        let tensors = Tensors::open(path)?;
        Ok(Self { path: path.into(), config, sizes, tensors })
    }

    /// The sizes.
    pub fn sizes(&self) -> &LlamaSizes {
        &self.sizes
    }

    /// The shape of each tensor, row-major.
    pub fn shapes(&self) -> BTreeMap<String, Vec<u64>> {
        self.tensors.shapes()
    }

    /// The files that are read, of those that are there.
    pub fn files(&self) -> Vec<PathBuf> {
        let beside = [config::FILE].into_iter().chain(tokenizer::FILES).map(|name| self.path.join(name));
        beside.filter(|file| file.is_file()).chain(self.tensors.files()).collect()
    }

    /// How each tensor is stored.
    pub fn storages(&self) -> impl Iterator<Item = Storage> {
        self.tensors.storages()
    }

    /// Reads a tensor as f32, row-major.
    ///
    /// # Errors
    /// No tensor of this name, or the file cannot be read.
    pub fn read(&mut self, name: &str) -> Result<Vec<f32>> {
        self.tensors.read(name)
    }
}
