//! Documents to one stream of token ids, split into a training and a validation part.
//!
//! Every document is followed by `</s>`. The validation part is made of whole documents where there are
//! enough of them, and otherwise of the end of the stream; see [`CorpusConfig::validation_fraction`].

mod cache;
pub mod dialogues;
mod stream;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use cache::TokenCache;
use stream::Ids;
pub use stream::TokenStream;

use crate::permutation::mix;
use crate::read::{self, Findings, Notebook, ReadConfig};
use crate::shards::{Shard, ShardFolder, ShardPart};
use crate::{Document, Error, Result, Tokenizer};

/// With fewer documents than this, the validation part is the end of the stream.
const MIN_DOCUMENTS_TO_SPLIT: usize = 20;

/// The settings of splitting a corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorpusConfig {
    /// The most of the tokens that are held out, from 0 (none) to below 1.
    ///
    /// With at least 20 documents, whole documents are held out: they are gone through in a fixed scattered
    /// order (which depends on their number alone, not on a seed), and each that still fits is taken. If this
    /// gives less than half of the fraction, or with fewer documents, the last tokens of the stream are held
    /// out instead.
    pub validation_fraction: f64,
}

impl Default for CorpusConfig {
    fn default() -> Self {
        Self { validation_fraction: 0.05 }
    }
}

/// The sizes of a part of the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Documents, counting the one that the end of the training part may cut.
    pub documents: u64,
    /// Tokens, `</s>` included; of dialogues, those of answers.
    pub tokens: u64,
    /// Bytes of UTF-8 text; estimated from the token count for a document that is cut; of dialogues, those of answers.
    pub bytes: u64,
    /// Entropy of the tokens' frequencies in nats per token: the loss of a model that knows only how often
    /// each token occurs. 0 for an empty part.
    pub unigram_entropy: f64,
}

impl Statistics {
    /// Bytes of text per token, by which a loss in nats per token becomes bits per byte: loss / ln 2 / this.
    pub fn bytes_per_token(&self) -> f64 {
        self.bytes as f64 / self.tokens as f64
    }
}

/// An encoded corpus.
#[derive(Clone, Debug)]
pub struct Corpus {
    training: (TokenStream, Statistics),
    validation: (TokenStream, Statistics),
}

/// What [`Corpus::from_files`] makes of files.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The tokens.
    pub corpus: Corpus,
    /// The use that was made of the cache.
    pub cache: CacheOutcome,
    /// What was noticed when the files were read, whether now or when their tokens were put into the cache.
    pub findings: Findings,
}

/// The use that was made of the cache in [`Corpus::from_files`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheOutcome {
    /// No cache folder was given.
    Off,
    /// The tokens came from the cache.
    Hit,
    /// The corpus was encoded and the cache written.
    Written,
    /// The cache was damaged for this reason; the corpus was encoded and the cache written anew.
    Rebuilt(String),
    /// The corpus was encoded; the cache could not be written for this reason.
    NotWritten(String),
}

impl CacheOutcome {
    /// What a user should know of it: that the next run will encode the text again, or that a file was damaged.
    pub fn note(&self) -> Option<String> {
        match self {
            CacheOutcome::Off | CacheOutcome::Hit | CacheOutcome::Written => None,
            CacheOutcome::Rebuilt(damage) => {
                Some(format!("the tokens in the cache were damaged and are made anew ({damage})"))
            }
            CacheOutcome::NotWritten(error) => Some(format!(
                "the tokens are not kept in the cache, so that the next run encodes the text again ({error})"
            )),
        }
    }
}

impl Corpus {
    /// Encodes documents.
    ///
    /// # Errors
    /// A document's error, no text, a tokenizer without `</s>`, or a fraction outside its range.
    pub fn encode(
        documents: impl IntoIterator<Item = Result<Document>>,
        tokenizer: &Tokenizer,
        config: &CorpusConfig,
    ) -> Result<Self> {
        config.check()?;
        let end_of_text = tokenizer.end_of_text().ok_or(Error::NoEndOfText)?;
        let mut encoder = tokenizer.encoder();
        let mut stream = Ids::new(tokenizer.vocabulary_size());
        let mut spans = Vec::new();
        let mut ids = Vec::new();
        for document in documents {
            let text = document?.text;
            if text.trim().is_empty() {
                continue;
            }
            ids.clear();
            encoder.encode_into(&text, &mut ids);
            ids.push(end_of_text);
            stream.push(&ids);
            spans.push(Span { tokens: ids.len(), bytes: text.len() as u64 });
        }
        if spans.is_empty() {
            return Err(Error::NoText {
                paths: Vec::new(),
                detail: "no documents, or only whitespace".into(),
            });
        }
        Self::split(stream, &spans, tokenizer.vocabulary_size(), config.validation_fraction)
    }

    /// Encodes the documents of `files` (as [`read::find_files`] lists them), or takes the tokens from
    /// `cache`, if it holds them already. What is cached depends on the files' content, not on
    /// their names or dates.
    ///
    /// # Errors
    /// As [`read::documents`] and [`Corpus::encode`]. A damaged or unwritable cache is not an error.
    pub fn from_files(
        files: &[PathBuf],
        read: &ReadConfig,
        tokenizer: &Tokenizer,
        config: &CorpusConfig,
        cache: Option<&TokenCache>,
    ) -> Result<Encoded> {
        config.check()?;
        let encode = || {
            let notebook = Notebook::default();
            let corpus = Self::encode(read::documents(files, read).noting(&notebook), tokenizer, config);
            let findings = notebook.into_findings();
            match corpus {
                Ok(corpus) => Ok((corpus, findings)),
                Err(error) => Err(findings.explain(error, files)),
            }
        };
        let Some(cache) = cache else {
            let (corpus, findings) = encode()?;
            return Ok(Encoded { corpus, cache: CacheOutcome::Off, findings });
        };
        let key = cache::key(files, read, tokenizer, config)?;
        let path = cache.path(&key);
        let damage = match cache::load(&path, &key, tokenizer.vocabulary_size()) {
            Ok(Some((corpus, findings))) => {
                return Ok(Encoded { corpus, cache: CacheOutcome::Hit, findings });
            }
            Ok(None) => None,
            Err(damage) => Some(damage),
        };
        let (corpus, findings) = encode()?;
        let cache = match (cache::store(cache, &key, &corpus, &findings), damage) {
            (Err(error), _) => CacheOutcome::NotWritten(error),
            (Ok(()), Some(damage)) => CacheOutcome::Rebuilt(damage),
            (Ok(()), None) => CacheOutcome::Written,
        };
        Ok(Encoded { corpus, cache, findings })
    }

    /// The corpus that a folder of token shards holds. Tokens are read when they are asked for.
    ///
    /// # Errors
    /// [`Error::Shard`] and [`Error::Io`], for the counts that shards carry.
    pub fn from_shards(folder: &ShardFolder) -> Result<Self> {
        let vocabulary_size = folder.footer().vocabulary_size;
        let part =
            |part, tokens: fn(&Shard) -> crate::shards::ShardTokens, info: fn(&Shard) -> &ShardPart| {
                let stream = TokenStream::of_shards(part, folder.shards().iter().map(tokens));
                let sum = |of: fn(&ShardPart) -> u64| folder.shards().iter().map(info).map(of).sum();
                Self::part(stream, sum(|info| info.documents), sum(|info| info.bytes), vocabulary_size)
            };
        Ok(Self {
            training: part("training", Shard::training, |shard| &shard.footer().training)?,
            validation: part("validation", Shard::validation, |shard| &shard.footer().validation)?,
        })
    }

    /// Corpora one after another: the training parts are one stream, and so are the validation parts. All must have been
    /// encoded by the same tokenizer.
    ///
    /// # Errors
    /// No corpora, or of vocabularies that are not alike in size; [`Error::Shard`] and [`Error::Io`] of those in shards.
    pub fn join(corpora: &[Corpus], vocabulary_size: usize) -> Result<Self> {
        let join = |part: &'static str, of: fn(&Corpus) -> &(TokenStream, Statistics)| {
            let stream = TokenStream::join(part, corpora.iter().map(|corpus| &of(corpus).0));
            let sum = |count: fn(&Statistics) -> u64| corpora.iter().map(|corpus| count(&of(corpus).1)).sum();
            Self::part(stream, sum(|of| of.documents), sum(|of| of.bytes), vocabulary_size)
        };
        if corpora.is_empty() {
            return Err(Error::NoText { paths: Vec::new(), detail: "no corpora".into() });
        }
        Ok(Self {
            training: join("training", |corpus| &corpus.training)?,
            validation: join("validation", |corpus| &corpus.validation)?,
        })
    }

    /// The tokens to train on.
    pub fn training(&self) -> &TokenStream {
        &self.training.0
    }

    /// The tokens held out; they share none with the training part.
    pub fn validation(&self) -> &TokenStream {
        &self.validation.0
    }

    /// The sizes of the training part.
    pub fn training_statistics(&self) -> Statistics {
        self.training.1
    }

    /// The sizes of the validation part.
    pub fn validation_statistics(&self) -> Statistics {
        self.validation.1
    }

    fn split(stream: Ids, spans: &[Span], vocabulary_size: usize, fraction: f64) -> Result<Self> {
        let total: usize = spans.iter().map(|span| span.tokens).sum();
        let held_out = (fraction * total as f64) as usize;
        let parts = match choose_documents(spans, held_out) {
            Some(chosen) => split_by_document(&stream, spans, &chosen),
            None => split_at(stream, spans, total - held_out),
        };
        let part = |part, (ids, documents, bytes): (Ids, u64, u64)| {
            Self::part(TokenStream::of_ids(part, ids), documents, bytes, vocabulary_size)
        };
        let [training, validation] = parts;
        Ok(Self { training: part("training", training)?, validation: part("validation", validation)? })
    }

    fn part(
        stream: TokenStream,
        documents: u64,
        bytes: u64,
        vocabulary_size: usize,
    ) -> Result<(TokenStream, Statistics)> {
        let unigram_entropy = stream::entropy(&stream.counts(vocabulary_size)?);
        let statistics = Statistics { documents, tokens: stream.len() as u64, bytes, unigram_entropy };
        Ok((stream, statistics))
    }
}

impl CorpusConfig {
    fn check(&self) -> Result<()> {
        if (0.0..1.0).contains(&self.validation_fraction) {
            return Ok(());
        }
        let (setting, value) = ("validation_fraction", self.validation_fraction.to_string());
        Err(Error::Setting { setting, value, detail: "must be at least 0 and below 1".into() })
    }
}

/// A document's share of the stream.
struct Span {
    tokens: usize,
    bytes: u64,
}

/// Which documents to hold out, or `None` where the end of the stream is the better choice.
fn choose_documents(spans: &[Span], held_out: usize) -> Option<Vec<bool>> {
    if spans.len() < MIN_DOCUMENTS_TO_SPLIT || held_out == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|&i| (mix(i as u64), i));
    let mut chosen = vec![false; spans.len()];
    let mut taken = 0;
    for i in order {
        if taken + spans[i].tokens <= held_out {
            chosen[i] = true;
            taken += spans[i].tokens;
        }
    }
    (2 * taken >= held_out).then_some(chosen)
}

/// Ids, documents and bytes of the training text, and of the held-out text.
type TrainingAndValidation = [(Ids, u64, u64); 2];

fn split_by_document(stream: &Ids, spans: &[Span], chosen: &[bool]) -> TrainingAndValidation {
    let mut parts = [(stream.empty_like(), 0, 0), (stream.empty_like(), 0, 0)];
    let mut at = 0;
    for (span, &held_out) in spans.iter().zip(chosen) {
        let (ids, documents, bytes) = &mut parts[usize::from(held_out)];
        ids.append(stream, at..at + span.tokens);
        *documents += 1;
        *bytes += span.bytes;
        at += span.tokens;
    }
    parts
}

fn split_at(mut stream: Ids, spans: &[Span], cut: usize) -> TrainingAndValidation {
    let validation = stream.split_off(cut);
    let mut parts = [(stream, 0, 0), (validation, 0, 0)];
    let mut at = 0;
    for span in spans {
        let before = cut.saturating_sub(at).min(span.tokens);
        let bytes_before = (span.bytes as u128 * before as u128 / span.tokens as u128) as u64;
        parts[0].2 += bytes_before;
        parts[1].2 += span.bytes - bytes_before;
        parts[usize::from(before == 0)].1 += 1;
        at += span.tokens;
    }
    parts
}
