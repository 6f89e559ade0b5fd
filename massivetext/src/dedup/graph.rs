//! The neighbors of one document: those it is similar to, compared exactly with all.

use serde::Serialize;

use super::grams::{Grams, covered, jaccard};
use super::signatures::priority;
use crate::Result;
use crate::manifest::Manifest;
use crate::records::{Place, Raw};
use crate::stage::each_batch;

/// Which document, and what counts.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The document's `id`.
    pub document: &'a str,
    /// Words of an n-gram.
    pub ngram: usize,
    /// Seed of priorities.
    pub seed: u64,
    /// Least similarity.
    pub least: f64,
    /// Most bytes of a record; longer ones are passed over.
    pub max_record_bytes: usize,
}

/// A document and those that are similar to it.
#[derive(Clone, Debug, Serialize)]
pub struct Neighborhood {
    /// Its `id`.
    pub id: String,
    /// Its n-grams.
    pub ngrams: u64,
    /// Least similarity of the neighbors.
    pub least: f64,
    /// The most similar one first.
    pub neighbors: Vec<Neighbor>,
}

/// A document that is similar to another one.
#[derive(Clone, Debug, Serialize)]
pub struct Neighbor {
    /// Its `id`.
    pub id: String,
    /// Their similarity.
    pub jaccard: f64,
    /// Whether it comes first in the order of priorities, so that it is the other one that goes.
    pub is_first: bool,
    /// What they share, in the text of the other one.
    pub shared: Vec<Passage>,
}

/// A part of a text.
#[derive(Clone, Debug, Serialize)]
pub struct Passage {
    /// Its first code point.
    pub start: usize,
    /// The code point behind its last.
    pub end: usize,
    /// It itself.
    pub text: String,
}

/// The document that is asked about.
struct Asked {
    text: String,
    set: Vec<u64>,
    priority: [u64; 2],
}

/// Reads all documents twice: to find the one that is asked about, and to compare it with all others. `None` if there is no such
/// document; of several with its `id`, the first is meant. `progress` is told how many records have been read.
///
/// # Errors
/// What the operating system refuses.
pub fn run(
    question: &Question<'_>,
    manifest: &Manifest,
    progress: &mut dyn FnMut(u64),
) -> Result<Option<Neighborhood>> {
    let mut asked: Option<(Asked, usize, Place)> = None;
    let (n, least) = (question.ngram, question.least);
    let find = |grams: &mut Grams, raw: Raw| {
        let document = raw.document(&manifest.files[raw.file].name, question.max_record_bytes).ok()?;
        if document.id != question.document {
            return None;
        }
        grams.read(&document.text, n);
        let priority = priority(question.seed, &document.text, &document.id);
        Some((Asked { text: document.text, set: grams.set.clone(), priority }, raw.file, raw.place))
    };
    let mut read = 0;
    each_record(question, manifest, find, &mut |found, records| {
        if asked.is_none() {
            asked = found.into_iter().flatten().next();
        }
        read += records;
        progress(read);
    })?;
    let Some((asked, file, place)) = asked else { return Ok(None) };
    let compare = |grams: &mut Grams, raw: Raw| {
        let document = raw.document(&manifest.files[raw.file].name, question.max_record_bytes).ok()?;
        if (raw.file, raw.place) == (file, place) {
            return None;
        }
        grams.read(&document.text, n);
        let jaccard =
            Some(jaccard(&grams.set, &asked.set)).filter(|jaccard| *jaccard > 0.0 && *jaccard >= least)?;
        let shared = covered(&asked.text, n, &grams.set).into_iter().map(|bytes| passage(&asked.text, bytes));
        let is_first = priority(question.seed, &document.text, &document.id) < asked.priority;
        Some(Neighbor { id: document.id, jaccard, is_first, shared: shared.collect() })
    };
    let mut neighbors = Vec::new();
    each_record(question, manifest, compare, &mut |found, records| {
        neighbors.extend(found.into_iter().flatten());
        read += records;
        progress(read);
    })?;
    neighbors.sort_by(|a: &Neighbor, b| b.jaccard.total_cmp(&a.jaccard));
    let ngrams = asked.set.len() as u64;
    Ok(Some(Neighborhood { id: question.document.to_owned(), ngrams, least, neighbors }))
}

fn each_record<W: Send>(
    question: &Question<'_>,
    manifest: &Manifest,
    work: impl Fn(&mut Grams, Raw) -> W + Sync + Send,
    done: &mut dyn FnMut(Vec<W>, u64),
) -> Result<()> {
    let all: Vec<_> = manifest.shards(u64::MAX).into_iter().flatten().collect();
    each_batch(manifest, &all, question.max_record_bytes, Grams::default, work, &mut |batch| {
        let records = batch.len() as u64;
        done(batch, records);
        Ok(())
    })
}

fn passage(text: &str, bytes: std::ops::Range<usize>) -> Passage {
    let start = text[..bytes.start].chars().count();
    let part = &text[bytes];
    Passage { start, end: start + part.chars().count(), text: part.to_owned() }
}
