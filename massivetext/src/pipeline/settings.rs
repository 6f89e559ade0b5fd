//! What a user sets of a pipeline: a TOML file (`docs/pipeline.md`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StageName;
use crate::filter::Subset;
use crate::output::Compression;
use crate::statistics::RuleSet;
use crate::{Error, Result};

/// A pipeline as its file has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder of everything that is written.
    pub out: PathBuf,
    /// The seed of which duplicates stay and which documents are held out.
    #[serde(default)]
    pub seed: u64,
    /// Tokens of the training whose epochs the report has.
    #[serde(default = "paper_tokens")]
    pub training_tokens: f64,
    /// How all stages write.
    #[serde(default)]
    pub work: Work,
    /// When to stop.
    #[serde(default)]
    pub limits: Limits,
    /// The tokenizer, which is there or is trained.
    #[serde(default)]
    pub tokenizer: TokenizerSettings,
    /// Settings of a stage, for all subsets.
    #[serde(default)]
    pub extract: ExtractSettings,
    /// As above.
    #[serde(default)]
    pub filter: FilterSettings,
    /// As above.
    #[serde(default)]
    pub dedup: DedupSettings,
    /// As above.
    #[serde(default)]
    pub decontaminate: DecontaminateSettings,
    /// As above.
    #[serde(default)]
    pub tokenize: TokenizeSettings,
    /// What the data card says and no receipt knows, by its heading.
    #[serde(default)]
    pub card: Card,
    /// The subsets, by their names.
    pub subset: BTreeMap<String, SubsetSettings>,
}

/// Tokens that the paper's models were trained on.
fn paper_tokens() -> f64 {
    300e9
}

/// How all stages write.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Work {
    /// Whether what is dropped is written too, beside what stays.
    pub rejected: bool,
    /// MiB of input for one file of output.
    pub shard_mib: u64,
    /// The format of the documents that are written.
    pub format: Format,
    /// How lines are compressed.
    pub compression: Lines,
    /// Most bytes of a record.
    pub max_record_bytes: usize,
    /// MiB of memory for sorting.
    pub memory_mib: u64,
    /// Whether a bad record is an error.
    pub strict: bool,
}

impl Default for Work {
    fn default() -> Self {
        let filter = crate::filter::Configuration::default();
        Self {
            rejected: true,
            shard_mib: filter.shard_bytes >> 20,
            format: Format::Jsonl,
            compression: Lines::Zst,
            max_record_bytes: filter.max_record_bytes,
            memory_mib: 1024,
            strict: false,
        }
    }
}

/// The format of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JSON lines.
    Jsonl,
    /// Parquet.
    Parquet,
}

/// How lines are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lines {
    /// By Zstandard.
    Zst,
    /// Not.
    None,
}

impl Work {
    /// How documents are written.
    pub fn compression(&self) -> Compression {
        match (self.format, self.compression) {
            (Format::Parquet, _) => Compression::Parquet,
            (Format::Jsonl, Lines::Zst) => Compression::Zst,
            (Format::Jsonl, Lines::None) => Compression::None,
        }
    }
}

/// When a pipeline stops.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The largest share of a subset's records that a stage may not keep, from 0 to 1.
    pub most_lost: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { most_lost: 0.9 }
    }
}

/// The tokenizer: one of these.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenizerSettings {
    /// A file.
    pub file: Option<PathBuf>,
    /// One that is trained on the documents of all subsets that it then encodes.
    pub train: Option<TrainSettings>,
}

/// A tokenizer that is trained.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    /// Pieces it has.
    pub vocabulary_size: usize,
    /// The share of the documents that it is trained on, above 0 and at most 1. Which they are depends on their texts.
    #[serde(default = "all")]
    pub share: f64,
    /// Memory for the words of these, in MiB; where they take more, some of the text is left out.
    #[serde(default = "train_memory")]
    pub memory_mib: u64,
}

fn all() -> f64 {
    1.0
}

fn train_memory() -> u64 {
    1024
}

/// Settings of the extraction of documents from crawl files.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExtractSettings {
    /// The language that is kept, by its code; `any` keeps all.
    pub language: Option<String>,
    /// How sure it has to be, from 0 to 1.
    pub min_language_confidence: Option<f64>,
    /// The share of a text that may be U+FFFD, from 0 to 1.
    pub max_replacement: Option<f64>,
    /// A file of domains whose pages are dropped.
    pub block_hosts: Option<PathBuf>,
}

/// Settings of the stage of the rules.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilterSettings {
    /// The rule set that decides.
    pub rules: Option<RuleSet>,
    /// Other thresholds for it: `top_2_gram=0.25`.
    pub thresholds: Option<Vec<String>>,
    /// The rule sets that are measured besides.
    pub compare: Option<Vec<RuleSet>>,
}

/// Settings of deduplication.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DedupSettings {
    /// Documents are duplicates from this Jaccard similarity on.
    pub jaccard: Option<f64>,
    /// Words of an n-gram.
    pub ngram: Option<usize>,
    /// The probability with which a pair at the threshold is found.
    pub recall: Option<f64>,
}

/// Settings of the removal of evaluation documents.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecontaminateSettings {
    /// Evaluation files.
    pub against: Option<Vec<PathBuf>>,
    /// Fields of evaluation records that are looked for.
    pub against_field: Option<Vec<String>>,
    /// A file of titles.
    pub titles: Option<PathBuf>,
    /// Documents go from this Jaccard similarity on.
    pub jaccard: Option<f64>,
    /// Documents go that have this share of an item's n-grams.
    pub containment: Option<f64>,
    /// Words of an n-gram.
    pub ngram: Option<usize>,
}

/// Settings of encoding.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenizeSettings {
    /// Documents that are held out, of all.
    pub validation_fraction: Option<f64>,
}

/// What the data card says and no receipt knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Card {
    /// What the collection is called.
    pub name: Option<String>,
    /// For what purpose it was made, by whom, and who paid for it.
    pub motivation: Option<String>,
    /// What its languages and kinds of text are, and what persons are in it.
    pub composition: Option<String>,
    /// How and when the raw documents were acquired, and whether their authors know.
    pub collection: Option<String>,
    /// What was done to the raw documents before this pipeline.
    pub preprocessing: Option<String>,
    /// What it has been used for, and what it should not be used for.
    pub uses: Option<String>,
    /// How it is distributed, and under which licence.
    pub distribution: Option<String>,
    /// Who looks after it, and how errors are reported.
    pub maintenance: Option<String>,
}

/// A subset.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubsetSettings {
    /// Files and folders; `*` and `?` in the last part of a path stand for any characters, and one.
    #[serde(rename = "in")]
    pub inputs: Vec<PathBuf>,
    /// What kind of text it is.
    pub kind: Subset,
    /// Its stages, in order; by default all that its files need.
    #[serde(default)]
    pub stages: Option<Vec<StageName>>,
    /// Its share of the training's tokens, relative to the other subsets; by default the paper's for its kind.
    #[serde(default)]
    pub weight: Option<f64>,
    /// Settings of a stage, for this subset; they go before those for all.
    #[serde(default)]
    pub extract: ExtractSettings,
    /// As above.
    #[serde(default)]
    pub filter: FilterSettings,
    /// As above.
    #[serde(default)]
    pub dedup: DedupSettings,
    /// As above.
    #[serde(default)]
    pub decontaminate: DecontaminateSettings,
    /// As above.
    #[serde(default)]
    pub tokenize: TokenizeSettings,
}

impl Settings {
    /// Reads a pipeline's file.
    ///
    /// # Errors
    /// [`Error::Pipeline`]: a file that cannot be read, no TOML, an unknown key with the known one nearest to it, a value that does
    /// not fit.
    pub fn read(path: &Path) -> Result<Self> {
        let text = inputs::read_to_string(path).map_err(|error| wrong(path, inputs::words(&error)))?;
        let settings = Self::parse(&text).map_err(|detail| wrong(path, detail))?;
        settings.check().map_err(|detail| wrong(path, detail))?;
        Ok(settings)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |key: String, error: &toml::de::Error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
            format!("line {}: {}", before.matches('\n').count() + 1, words(&key, error.message()))
        };
        let deserializer = toml::Deserializer::parse(text).map_err(|error| wrong(String::new(), &error))?;
        serde_path_to_error::deserialize(deserializer)
            .map_err(|error| wrong(error.path().to_string(), error.inner()))
    }

    /// Refuses values outside their ranges that no stage looks at.
    fn check(&self) -> Result<(), String> {
        let limit = self.limits.most_lost;
        if !(0.0..=1.0).contains(&limit) {
            return Err(format!("limits.most_lost = {limit}: a share from 0 to 1 is expected"));
        }
        if !(self.training_tokens.is_finite() && self.training_tokens > 0.0) {
            return Err(format!("training_tokens = {}: a number above 0 is expected", self.training_tokens));
        }
        if !(1..1 << 30).contains(&self.work.shard_mib) || !(1..1 << 30).contains(&self.work.memory_mib) {
            return Err("work.shard_mib and work.memory_mib are 1 or more".into());
        }
        if self.work.format == Format::Parquet && !cfg!(feature = "parquet") {
            return Err("work.format = \"parquet\": this program was built without it; cargo build --release --features parquet".into());
        }
        if self.tokenizer.file.is_some() && self.tokenizer.train.is_some() {
            return Err("[tokenizer]: `file` or `train` is expected, not both".into());
        }
        if let Some(TrainSettings { share, memory_mib, .. }) = self.tokenizer.train {
            if !(share > 0.0 && share <= 1.0) {
                return Err(format!(
                    "tokenizer.train.share = {share}: a share above 0 and at most 1 is expected"
                ));
            }
            if !(1..1 << 30).contains(&memory_mib) {
                return Err(format!("tokenizer.train.memory_mib = {memory_mib}: 1 or more is expected"));
            }
        }
        if self.subset.is_empty() {
            return Err("there is no subset: [subset.web] begins one".into());
        }
        self.subset.iter().try_for_each(|(name, subset)| subset.check(name))
    }
}

impl SubsetSettings {
    fn check(&self, name: &str) -> Result<(), String> {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(is_letter) || name.starts_with('-') || name == "tokenizer" {
            return Err(format!(
                "[subset.{name:?}]: a name of letters, digits, - and _ is expected, since folders have it; not `tokenizer`"
            ));
        }
        if let Some(weight) = self.weight.filter(|weight| !(weight.is_finite() && *weight >= 0.0)) {
            return Err(format!("subset.{name}.weight = {weight}: 0 or more is expected"));
        }
        if self.inputs.is_empty() {
            return Err(format!("subset.{name}.in: no file or folder"));
        }
        let Some(stages) = &self.stages else { return Ok(()) };
        let twice = stages.iter().enumerate().find(|(place, stage)| stages[..*place].contains(stage));
        if let Some((_, stage)) = twice {
            return Err(format!("subset.{name}.stages: {stage} is there twice"));
        }
        if stages.iter().position(|stage| *stage == StageName::Extract).is_some_and(|place| place > 0) {
            return Err(format!(
                "subset.{name}.stages: extract is the first, for no stage writes crawl files"
            ));
        }
        match stages.iter().position(|stage| *stage == StageName::Tokenize) {
            _ if stages.is_empty() => Err(format!("subset.{name}.stages: no stage")),
            Some(place) if place + 1 < stages.len() => {
                Err(format!("subset.{name}.stages: tokenize is the last, for no stage reads shards"))
            }
            _ => Ok(()),
        }
    }
}

fn wrong(path: &Path, detail: String) -> Error {
    Error::Pipeline { path: path.into(), detail }
}

/// What the parser says of a key: a value that does not fit, or an unknown name with the known one that is nearest to it.
fn words(key: &str, message: &str) -> String {
    for (what, ours) in [("unknown field `", "unknown key"), ("unknown variant `", "unknown value")] {
        if let Some((name, rest)) = message.strip_prefix(what).and_then(|rest| rest.split_once('`')) {
            let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            let near = known.iter().map(|other| (strsim::damerau_levenshtein(name, other), other)).min();
            return match near {
                Some((distance, near)) if distance <= 2 + name.len() / 5 => {
                    format!("{ours} `{name}`; did you mean `{near}`?")
                }
                _ => format!("{ours} `{name}`; there are {}", known.join(", ")),
            };
        }
    }
    let reason = inputs::json::reason(message);
    match key {
        _ if reason == message => inputs::toml_words(message),
        "" | "." => reason.replace("an object", "a table"),
        key => format!("{key}: {}", reason.replace("an object", "a table")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "out = \"o\"\n[subset.web]\nin = [\"a\"]\nkind = \"web\"\n";

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = Settings::parse(text).and_then(|settings| settings.check()).unwrap_err();
        assert_eq!(error, expected);
    }

    #[test]
    fn a_wrong_key_is_named_with_the_nearest() {
        refused(&format!("sede = 1\n{SMALL}"), "line 1: unknown key `sede`; did you mean `seed`?");
        refused(
            &format!("{SMALL}[subset.web.filter]\nrulez = \"paper\"\n"),
            "line 6: unknown key `rulez`; did you mean `rules`?",
        );
        refused(
            &format!("{SMALL}stages = [\"filter\", \"dedupe\"]\n"),
            "line 5: unknown value `dedupe`; did you mean `dedup`?",
        );
        refused(
            &format!("{SMALL}[dedup]\nneighbours = 3\n"),
            "line 6: unknown key `neighbours`; there are jaccard, ngram, recall",
        );
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_its_key() {
        refused(
            &format!("seed = \"x\"\n{SMALL}"),
            "line 1: seed: a string, \"x\", where a whole number from 0 is expected",
        );
        refused(&format!("seed = -1\n{SMALL}"), "line 1: seed: -1 where a whole number from 0 is expected");
        refused(&format!("dedup = 3\n{SMALL}"), "line 1: dedup: 3 where a table is expected");
        refused(
            &SMALL.replace("[\"a\"]", "\"a\""),
            "line 3: subset.web.in: a string, \"a\", where a list is expected",
        );
        refused(&SMALL.replace("kind = \"web\"", ""), "line 2: subset.web: `kind` is missing");
        refused("out = \"o\"", "line 1: `subset` is missing");
        refused(
            &format!("tokenizer = {{ train = {{}} }}\n{SMALL}"),
            "line 1: tokenizer.train: `vocabulary_size` is missing",
        );
        refused(&format!("seed = 1\nseed = 2\n{SMALL}"), "line 2: duplicate key");
    }

    #[test]
    fn the_pipeline_in_the_documentation_is_one() {
        let page = include_str!("../../../docs/pipeline.md");
        let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```\n").next()).unwrap();
        let settings = Settings::parse(example).unwrap();
        settings.check().unwrap();
        assert_eq!(settings.subset.len(), 2);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        refused(
            &format!("{SMALL}stages = [\"tokenize\", \"filter\"]\n"),
            "subset.web.stages: tokenize is the last, for no stage reads shards",
        );
        refused(
            &format!("{SMALL}stages = [\"filter\", \"extract\"]\n"),
            "subset.web.stages: extract is the first, for no stage writes crawl files",
        );
        refused(
            &format!("{SMALL}stages = [\"dedup\", \"dedup\"]\n"),
            "subset.web.stages: dedup is there twice",
        );
        refused(&format!("{SMALL}stages = []\n"), "subset.web.stages: no stage");
        refused(&format!("{SMALL}weight = -1.0\n"), "subset.web.weight = -1: 0 or more is expected");
        refused(
            &format!("{SMALL}[limits]\nmost_lost = 2.0\n"),
            "limits.most_lost = 2: a share from 0 to 1 is expected",
        );
        let both = "[tokenizer]\nfile = \"a\"\ntrain = { vocabulary_size = 300 }\n";
        refused(&format!("{SMALL}{both}"), "[tokenizer]: `file` or `train` is expected, not both");
        let none = "[tokenizer]\ntrain = { vocabulary_size = 300, share = 0 }\n";
        refused(
            &format!("{SMALL}{none}"),
            "tokenizer.train.share = 0: a share above 0 and at most 1 is expected",
        );
        refused("out = \"o\"\nsubset = {}\n", "there is no subset: [subset.web] begins one");
        let path = "out = \"o\"\n[subset.\"../x\"]\nin = [\"a\"]\nkind = \"web\"\n";
        assert!(Settings::parse(path).unwrap().check().unwrap_err().contains("\"../x\""));
    }
}
