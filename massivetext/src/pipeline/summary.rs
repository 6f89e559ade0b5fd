//! What a pipeline did, from its receipts: `report.json`, and what the page and the card are made of.

use std::collections::BTreeMap;

use data::shards::ShardPart;
use serde::Serialize;

use super::histograms::{self, Histogram};
use super::plan::{Plan, Step};
use super::run::lost;
use super::settings::Settings;
use super::storage::Opened;
use super::{Done, StageName};
use crate::Result;
use crate::decontaminate::{EvaluationFile, TitleFile};
use crate::filter::Subset;
use crate::ledger::{Disagreement, Ledger};
use crate::output::{STATISTICS, Written};

/// What the first field of a report says.
pub const FORMAT: &str = "massivetext report 1";

/// What a pipeline did. The same input gives the same bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// `massivetext report 1`.
    pub format: &'static str,
    /// Of the program.
    pub version: &'static str,
    /// Tokens of the training that epochs are counted for.
    pub training_tokens: f64,
    /// The seed.
    pub seed: u64,
    /// The tokenizer, if anything was encoded.
    pub tokenizer: Option<TokenizerSummary>,
    /// The subsets, by their names.
    pub subsets: Vec<SubsetSummary>,
}

/// A tokenizer.
#[derive(Clone, Debug, Serialize)]
pub struct TokenizerSummary {
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// Pieces.
    pub vocabulary_size: usize,
}

/// What became of a subset.
#[derive(Clone, Debug, Serialize)]
pub struct SubsetSummary {
    /// Its name.
    pub name: String,
    /// What kind of text it is.
    pub kind: Subset,
    /// Its share of the training's tokens, of all subsets together.
    pub share: f64,
    /// Its tokens.
    pub tokens: Option<Tokens>,
    /// How often the training reads it.
    pub epochs: Option<f64>,
    /// What the paper has of this kind.
    pub paper: PaperSubset,
    /// Its stages, in order.
    pub stages: Vec<StageSummary>,
    /// What was found of the texts of crawl files, if such were read.
    pub extraction: Option<Extraction>,
    /// How the rules' statistics are distributed.
    pub histograms: Vec<Histogram>,
    /// Where rule sets disagree.
    pub disagreement: Option<Disagreement>,
    /// How many documents stay for so many, by that number.
    pub clusters: Option<BTreeMap<u64, u64>>,
    /// Evaluation files, and what was found of them.
    pub evaluation: Vec<EvaluationFile>,
    /// Titles that were looked for.
    pub titles: Option<TitleFile>,
}

/// What was found of the texts of crawl files, kept or not.
#[derive(Clone, Debug, Serialize)]
pub struct Extraction {
    /// Texts by their languages.
    pub languages: BTreeMap<String, u64>,
    /// Pages that text was made of, by their encodings.
    pub encodings: BTreeMap<String, u64>,
    /// Texts with U+FFFD in them.
    pub replaced: u64,
}

/// Tokens of a subset.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Tokens {
    /// Documents to train on.
    pub documents: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Documents that are held out.
    pub held_out_documents: u64,
    /// Their tokens.
    pub held_out_tokens: u64,
}

/// A stage of a subset.
#[derive(Clone, Debug, Serialize)]
pub struct StageSummary {
    /// The stage.
    pub stage: StageName,
    /// Its folder in that of everything.
    pub folder: String,
    /// Where every record has gone.
    pub ledger: Ledger,
    /// The share of records that were not kept, of those that may have text: what was passed over does not count.
    pub lost: f64,
    /// Bytes of the files that were read.
    pub input_bytes: u64,
    /// Bytes of the files of documents, or tokens, that were written.
    pub output_bytes: u64,
}

/// A row of the paper's Table 2.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PaperSubset {
    /// The share of the training's tokens.
    pub share: f64,
    /// Epochs in 300 billion tokens.
    pub epochs: f64,
}

/// The paper's Table 2.
pub fn paper(kind: Subset) -> PaperSubset {
    let (share, epochs) = match kind {
        Subset::Web => (0.48, 0.29),
        Subset::Books => (0.27, 0.15),
        Subset::C4 => (0.10, 0.17),
        Subset::News => (0.10, 0.04),
        Subset::Github => (0.03, 0.02),
        Subset::Wikipedia => (0.02, 1.5),
    };
    PaperSubset { share, epochs }
}

impl Summary {
    /// The summary of what was done.
    pub(super) fn new(settings: &Settings, plan: &Plan, all: Vec<Finished<'_>>) -> Self {
        let weight = |name: &str| {
            settings.subset.get(name).map_or(0.0, |subset| subset.weight.unwrap_or(paper(subset.kind).share))
        };
        let sum: f64 = settings.subset.keys().map(|name| weight(name)).sum();
        let tokenizer = all.iter().find_map(|finished| match &finished.done {
            Done::Tokenize(receipt) => Some(TokenizerSummary {
                sha256: receipt.tokenizer.clone(),
                vocabulary_size: receipt.vocabulary_size,
            }),
            _ => None,
        });
        let mut by_subset: BTreeMap<&str, Vec<Finished<'_>>> = BTreeMap::new();
        for finished in all {
            by_subset.entry(&finished.step.subset).or_default().push(finished);
        }
        let mut subsets = Vec::new();
        for (name, subset) in &settings.subset {
            let share = if sum > 0.0 { weight(name) / sum } else { 0.0 };
            let mut summary = SubsetSummary {
                name: name.clone(),
                kind: subset.kind,
                share,
                tokens: None,
                epochs: None,
                paper: paper(subset.kind),
                stages: Vec::new(),
                extraction: None,
                histograms: Vec::new(),
                disagreement: None,
                clusters: None,
                evaluation: Vec::new(),
                titles: None,
            };
            for finished in by_subset.remove(&name[..]).unwrap_or_default() {
                summary.add(plan, finished);
            }
            summary.epochs = summary
                .tokens
                .filter(|tokens| tokens.tokens > 0)
                .map(|tokens| settings.training_tokens * share / tokens.tokens as f64);
            subsets.push(summary);
        }
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            training_tokens: settings.training_tokens,
            seed: settings.seed,
            tokenizer,
            subsets,
        }
    }
}

/// What a step has done, with what is read of its files.
pub(super) struct Finished<'a> {
    step: &'a Step,
    /// Its receipt.
    pub done: Done,
    histograms: Vec<Histogram>,
    output_bytes: u64,
}

impl<'a> Finished<'a> {
    /// Reads files of statistics, and looks at the sizes of shards.
    ///
    /// # Errors
    /// Those that are not there any more, or are damaged.
    pub fn new(step: &'a Step, done: Done, opened: &dyn Opened) -> Result<Self> {
        let (out, mut histograms) = (opened.out(), Vec::new());
        let written = |files: &[Written]| files.iter().map(|file| file.bytes).sum();
        let output_bytes = match &done {
            Done::Extract(receipt) => written(&receipt.outputs),
            Done::Filter(receipt) => {
                for file in &receipt.outputs {
                    opened.fetch(&out.join(statistics_of(&file.file)))?;
                }
                histograms = histograms::of(out, receipt)?;
                written(&receipt.outputs)
            }
            Done::Dedup(receipt) => written(&receipt.outputs),
            Done::Decontaminate(receipt) => written(&receipt.outputs),
            Done::Tokenize(receipt) => {
                let sizes = receipt.shards.iter().map(|shard| opened.size(&out.join(&shard.file)));
                sizes.sum::<Result<u64>>()?
            }
        };
        Ok(Self { step, done, histograms, output_bytes })
    }
}

/// The file of the statistics of the documents in a shard's file.
pub(super) fn statistics_of(documents: &str) -> String {
    format!("{}{STATISTICS}", documents.split('.').next().unwrap_or_default())
}

impl SubsetSummary {
    fn add(&mut self, plan: &Plan, finished: Finished<'_>) {
        let Finished { step, done, histograms, output_bytes } = finished;
        let ledger = done.ledger().clone();
        let input_bytes = done.input_bytes();
        match done {
            Done::Extract(receipt) => {
                self.extraction = Some(Extraction {
                    languages: receipt.languages,
                    encodings: receipt.encodings,
                    replaced: receipt.replaced,
                });
            }
            Done::Filter(receipt) => {
                self.histograms = histograms;
                self.disagreement = Some(receipt.disagreement);
            }
            Done::Dedup(receipt) => self.clusters = Some(receipt.clusters),
            Done::Decontaminate(receipt) => {
                self.evaluation = receipt.evaluation;
                self.titles = receipt.titles;
            }
            Done::Tokenize(receipt) => self.tokens = Some(tokens(receipt.sums())),
        }
        let folder = step.out.strip_prefix(&plan.out).unwrap_or(&step.out).to_string_lossy().into_owned();
        let lost = lost(&ledger);
        self.stages.push(StageSummary { stage: step.stage, folder, ledger, lost, input_bytes, output_bytes });
    }
}

fn tokens([training, held_out]: [ShardPart; 2]) -> Tokens {
    Tokens {
        documents: training.documents,
        tokens: training.tokens,
        bytes: training.bytes,
        held_out_documents: held_out.documents,
        held_out_tokens: held_out.tokens,
    }
}
