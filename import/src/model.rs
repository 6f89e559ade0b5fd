//! A Llama from a foreign file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data::Tokenizer;

use crate::gguf::{Gguf, Storage};
use crate::hugging_face::Folder;
use crate::llama::{LlamaSizes, Parameter};
use crate::{Error, Result};

/// Which kind of file a model is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A GGUF file of llama.cpp.
    Gguf,
    /// A folder as Hugging Face's `transformers` saves it.
    HuggingFace,
}

/// A Llama in a GGUF file or in a Hugging Face folder, opened and checked; its parameters are still on disk.
pub struct ForeignModel {
    source: Source,
    sizes: LlamaSizes,
    tokenizer: Tokenizer,
    adds_begin_of_text: bool,
    chat_template: Option<String>,
}

enum Source {
    Gguf(Gguf),
    HuggingFace(Folder),
}

impl ForeignModel {
    /// Opens a GGUF file or a folder, and checks that it is a Llama whose tensors are all there, in the shapes that its
    /// sizes say, and of which nothing would be left out.
    ///
    /// # Errors
    /// What cannot be read, is damaged, does not fit together, or is not implemented; each is named with its value.
    pub fn open(path: &Path) -> Result<Self> {
        let model = if path.is_dir() { Self::from_folder(path)? } else { Self::from_gguf(path)? };
        model.sizes.check(path)?;
        model.check_tensors(path)?;
        let (pieces, rows) = (model.tokenizer.vocabulary_size(), model.sizes.vocabulary_size);
        if pieces > rows {
            let detail =
                format!("the tokenizer has {pieces} pieces, more than the embedding has rows, {rows}");
            return Err(Error::inconsistent(path, detail));
        }
        Ok(model)
    }

    fn from_gguf(path: &Path) -> Result<Self> {
        let gguf = Gguf::open(path)?;
        let sizes = gguf.llama_sizes()?;
        let found = gguf.tokenizer()?;
        let chat_template = gguf.get::<&str>("tokenizer.chat_template")?.map(str::to_owned);
        Ok(Self {
            source: Source::Gguf(gguf),
            sizes,
            tokenizer: found.tokenizer,
            adds_begin_of_text: found.adds_begin_of_text,
            chat_template,
        })
    }

    fn from_folder(path: &Path) -> Result<Self> {
        let folder = Folder::open(path)?;
        let found = folder.tokenizer()?;
        Ok(Self {
            sizes: folder.sizes().clone(),
            tokenizer: found.tokenizer,
            adds_begin_of_text: found.adds_begin_of_text,
            chat_template: found.chat_template,
            source: Source::HuggingFace(folder),
        })
    }

    /// The sizes.
    pub fn sizes(&self) -> &LlamaSizes {
        &self.sizes
    }

    /// The tokenizer; it may have fewer pieces than the embedding has rows.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The tokenizer alone.
    pub fn into_tokenizer(self) -> Tokenizer {
        self.tokenizer
    }

    /// Whether texts given to the model begin with [`Tokenizer::begin_of_text`], as the file says. Encoding does not add
    /// it.
    pub fn adds_begin_of_text(&self) -> bool {
        self.adds_begin_of_text
    }

    /// The template of chats (Jinja), if the file has one.
    pub fn chat_template(&self) -> Option<&str> {
        self.chat_template.as_deref()
    }

    /// The parameters, in the order in which the model uses them.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.sizes.parameters()
    }

    /// The files it is read from.
    pub fn files(&self) -> Vec<PathBuf> {
        match &self.source {
            Source::Gguf(gguf) => vec![gguf.path().to_owned()],
            Source::HuggingFace(folder) => folder.files(),
        }
    }

    /// How many tensors are stored in which way.
    pub fn storages(&self) -> BTreeMap<Storage, usize> {
        let all: Vec<Storage> = match &self.source {
            Source::Gguf(gguf) => gguf.tensors().values().map(|tensor| tensor.storage).collect(),
            Source::HuggingFace(folder) => folder.storages().collect(),
        };
        let mut counts = BTreeMap::new();
        all.into_iter().for_each(|storage| *counts.entry(storage).or_default() += 1);
        counts
    }

    /// Reads a slice of a parameter in our layout: row-major f32, of the parameter's shape without the first axis, or of
    /// the whole shape where there is one slice.
    ///
    /// # Errors
    /// A slice that there is not, and a file that cannot be read.
    pub fn read(&mut self, parameter: &Parameter, slice: usize) -> Result<Vec<f32>> {
        let format = self.format();
        let name = parameter.tensor(format, slice);
        let values = match &mut self.source {
            Source::Gguf(gguf) => gguf.read(&name)?,
            Source::HuggingFace(folder) => folder.read(&name)?,
        };
        Ok(parameter.arrange(format, values))
    }

    /// Which kind of file it is read from.
    pub fn format(&self) -> Format {
        match self.source {
            Source::Gguf(_) => Format::Gguf,
            Source::HuggingFace(_) => Format::HuggingFace,
        }
    }

    /// Checks that the tensors are those of the parameters, no fewer and no more.
    fn check_tensors(&self, path: &Path) -> Result<()> {
        let format = self.format();
        let mut found = match &self.source {
            Source::Gguf(gguf) => gguf.shapes(),
            Source::HuggingFace(folder) => folder.shapes(),
        };
        for parameter in self.parameters() {
            for slice in 0..parameter.slices {
                let name = parameter.tensor(format, slice);
                let expected = parameter.tensor_shape();
                match found.remove(&name) {
                    None => return Err(Error::inconsistent(path, format!("no tensor {name}"))),
                    Some(shape) if shape != expected => {
                        let detail =
                            format!("tensor {name} is {shape:?}, but by the model's sizes {expected:?}");
                        return Err(Error::inconsistent(path, detail));
                    }
                    Some(_) => {}
                }
            }
        }
        match found.keys().find(|name| !self.is_superfluous(name)) {
            Some(name) => Err(Error::unsupported(path, format!("tensor {name}"), INSTEAD)),
            None => Ok(()),
        }
    }

    /// Whether a tensor says nothing that the model does not know without it.
    fn is_superfluous(&self, name: &str) -> bool {
        // Folders of old versions have the rotary frequencies, and some the embedding twice.
        self.format() == Format::HuggingFace
            && (name.ends_with(".rotary_emb.inv_freq") || self.sizes.tied && name == "lm_head.weight")
    }
}

/// What is supported of architectures.
pub(crate) const INSTEAD: &str = "supported is Llama with RMSNorm, rotary positions, grouped heads and a gated feed-forward layer, without biases";
