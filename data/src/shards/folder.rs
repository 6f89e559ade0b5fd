//! A folder of token shards, whole and of one tokenizer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Footer, Shard};
use crate::{Document, Error, Result, Tokenizer};

/// How the names of shards end.
pub const ENDING: &str = "shard";

/// Names that a tokenizer has in a folder of shards.
const TOKENIZERS: [&str; 2] = ["tokenizer.model", "tokenizer.json"];

/// A folder of shards, in order.
#[derive(Clone, Debug)]
pub struct ShardFolder {
    path: PathBuf,
    shards: Vec<Shard>,
}

/// Whether a path is a folder with token shards in it.
pub fn is_shard_folder(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|entries| entries.flatten().any(|entry| is_shard(&entry.path())))
}

fn is_shard(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
}

/// Where a folder of shards has its tokenizer, whether it is there or not.
pub fn tokenizer_path(folder: &Path) -> PathBuf {
    let path = TOKENIZERS.iter().map(|name| folder.join(name)).find(|path| path.exists());
    path.unwrap_or_else(|| folder.join(TOKENIZERS[0]))
}

impl ShardFolder {
    /// Reads the footers of a folder's shards: no token is read.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Io`]; [`Error::Shard`] for a shard that is damaged, of another tokenizer or plan
    /// than the first, or there twice; [`Error::MissingShards`] when some are not there.
    pub fn open(path: &Path) -> Result<Self> {
        let entries = fs::read_dir(path).map_err(|error| Error::io(path, error))?;
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| Error::io(path, error))?.path();
            if is_shard(&entry) {
                paths.push(entry);
            }
        }
        paths.sort();
        let mut by_place: BTreeMap<u64, Shard> = BTreeMap::new();
        let mut first: Option<Shard> = None;
        for path in paths {
            let shard = Shard::open(&path)?;
            let first = first.get_or_insert_with(|| shard.clone());
            if let Some(detail) = difference(first.footer(), shard.footer()) {
                return Err(Error::Shard { path, detail: format!("{detail} {}", first.path().display()) });
            }
            if let Some(other) = by_place.insert(shard.footer().place.shard, shard.clone()) {
                return Err(Error::Shard {
                    path,
                    detail: format!("it is in the place of {}", other.path().display()),
                });
            }
        }
        let Some(first) = first else {
            return Err(Error::MissingShards { path: path.into(), detail: "there are none".into() });
        };
        check_whole(first.footer().place.of, &by_place)
            .map_err(|detail| Error::MissingShards { path: path.into(), detail })?;
        Ok(Self { path: path.into(), shards: by_place.into_values().collect() })
    }

    /// The shards, in order.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The footer of one of them: tokenizer, vocabulary and choice of held-out documents are those of all.
    pub fn footer(&self) -> &Footer {
        // A folder has at least one.
        self.shards[0].footer()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The texts of all documents, to train on and held out, as their tokens give them back, and named by their records.
    ///
    /// # Errors
    /// [`Error::Shard`] and [`Error::Io`].
    pub fn documents(&self, tokenizer: &Tokenizer, each: &mut dyn FnMut(&Document)) -> Result<()> {
        for shard in &self.shards {
            shard.each_document(&mut |record, ids| {
                each(&Document { name: record.to_owned(), text: tokenizer.decode(ids)? });
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The tokenizer of the folder.
    ///
    /// # Errors
    /// [`Error::Missing`] when it is not there, its own errors, and [`Error::ShardTokenizer`] when it is not that of the shards.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        let tokenizer = Tokenizer::load(&tokenizer_path(&self.path))?;
        self.check_tokenizer(&tokenizer)?;
        Ok(tokenizer)
    }

    /// Whether a tokenizer is that of the shards.
    ///
    /// # Errors
    /// [`Error::ShardTokenizer`] if it is not.
    pub fn check_tokenizer(&self, tokenizer: &Tokenizer) -> Result<()> {
        let (of_shards, given) = (&self.footer().tokenizer, tokenizer.fingerprint());
        match *of_shards == given {
            true => Ok(()),
            false => {
                Err(Error::ShardTokenizer { path: self.path.clone(), of_shards: of_shards.clone(), given })
            }
        }
    }
}

/// What a shard does not have in common with another, in words.
fn difference(first: &Footer, other: &Footer) -> Option<&'static str> {
    let same_ids = (first.dtype, first.vocabulary_size, first.end_of_text)
        == (other.dtype, other.vocabulary_size, other.end_of_text);
    if first.tokenizer != other.tokenizer || !same_ids {
        return Some("it was made with another tokenizer than");
    }
    let same_plan = (&first.place.plan, first.place.of) == (&other.place.plan, other.place.of);
    (!same_plan || first.held_out != other.held_out)
        .then_some("it was made from other text or with other settings than")
}

/// Says which of the shards are not there.
fn check_whole(of: u64, shards: &BTreeMap<u64, Shard>) -> Result<(), String> {
    let missing = (0..of).filter(|shard| !shards.contains_key(shard)).take(4);
    let missing: Vec<String> = missing.map(|shard| format!("{shard:05}.{ENDING}")).collect();
    match missing.as_slice() {
        [] => Ok(()),
        few if few.len() <= 3 => Err(few.join(", ")),
        many => Err(format!("{} and more", many[..3].join(", "))),
    }
}
