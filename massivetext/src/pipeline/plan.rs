//! From settings to steps: which stage reads what and writes where, each with its library's configuration.

use std::path::PathBuf;

use data::shards::HeldOut;

use super::StageName;
use super::settings::{Settings, SubsetSettings};
use super::storage::Storage;
use super::tokenizer::{self, Training};
use crate::extract::Blocklist;
use crate::manifest::Kinds;
use crate::{Error, Result, decontaminate, dedup, extract, filter, tokenize};

/// What the tokenizer that a pipeline trains is called, and its folder.
pub const TOKENIZER: &str = "tokenizer";

/// Steps in the order in which they are done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder of everything.
    pub out: PathBuf,
    /// Stages of subsets; those that encode come last, since a tokenizer may be trained before them.
    pub steps: Vec<Step>,
    /// The tokenizer, if anything is encoded.
    pub tokenizer: Option<TokenizerPlan>,
}

/// A stage of a subset.
#[derive(Clone, Debug)]
pub struct Step {
    /// The subset.
    pub subset: String,
    /// The stage.
    pub stage: StageName,
    /// How.
    pub work: Configured,
    /// What is read.
    pub inputs: Vec<PathBuf>,
    /// The folder that is written.
    pub out: PathBuf,
    /// The folder of what is dropped.
    pub rejected: Option<PathBuf>,
}

/// A stage with its configuration.
#[derive(Clone, Debug)]
pub enum Configured {
    /// With the list of hosts that the configuration describes.
    Extract(extract::Configuration, Blocklist),
    /// The configuration of a stage.
    Filter(filter::Configuration),
    /// With bytes of memory for sorting.
    Dedup(dedup::Configuration, u64),
    /// With what is looked for.
    Decontaminate {
        /// The configuration.
        configuration: decontaminate::Configuration,
        /// Evaluation files.
        against: Vec<PathBuf>,
        /// A file of titles.
        titles: Option<PathBuf>,
    },
    /// The configuration of a stage.
    Tokenize(tokenize::Configuration),
}

/// Where the tokenizer comes from.
#[derive(Clone, Debug)]
pub enum TokenizerPlan {
    /// A file.
    File(PathBuf),
    /// It is trained.
    Train {
        /// How.
        training: Training,
        /// The documents that are to be encoded, of all subsets.
        inputs: Vec<PathBuf>,
        /// The folder for it.
        out: PathBuf,
    },
}

impl Step {
    /// What it is called: `web/filter`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.subset, self.stage)
    }
}

impl Plan {
    /// The steps of a pipeline; looks for its inputs, and reads none.
    ///
    /// # Errors
    /// Inputs and evaluation files that are not there, settings outside their ranges, a stage that lacks what it needs.
    pub fn new(settings: &Settings, storage: &dyn Storage) -> Result<Self> {
        let (mut steps, mut encoded) = (Vec::new(), Vec::new());
        for (name, subset) in &settings.subset {
            let mut inputs = Vec::new();
            for pattern in &subset.inputs {
                inputs.extend(storage.expand(pattern)?);
            }
            for stage in stages(name, subset, &inputs, storage)? {
                let folder = settings.out.join(name);
                let work = configured(stage, settings, subset)
                    .map_err(|detail| Error::Pipeline { path: format!("{name}/{stage}").into(), detail })?;
                if stage == StageName::Tokenize {
                    encoded.extend(inputs.clone());
                }
                let is_told = settings.work.rejected && stage != StageName::Tokenize;
                let rejected = is_told.then(|| folder.join(format!("{stage}-rejected")));
                let out = folder.join(stage.name());
                let before = std::mem::replace(&mut inputs, vec![out.clone()]);
                steps.push(Step { subset: name.clone(), stage, work, inputs: before, out, rejected });
            }
        }
        steps.sort_by_key(|step| step.stage == StageName::Tokenize);
        let tokenizer = if encoded.is_empty() { None } else { Some(tokenizer(settings, encoded)?) };
        Ok(Self { out: settings.out.clone(), steps, tokenizer })
    }

    /// The steps that are done again if those of `names` are: these, and all that read what they write. A name is a stage's,
    /// `dedup`, or that of one subset, `web/dedup`; or `tokenizer`, if that is trained.
    ///
    /// # Errors
    /// A name of no step.
    pub fn forced(&self, names: &[String]) -> Result<Vec<&Step>> {
        let mut forced: Vec<&Step> = Vec::new();
        for name in names {
            let is_tokenizer =
                name == TOKENIZER && matches!(self.tokenizer, Some(TokenizerPlan::Train { .. }));
            let is_it = |step: &&Step| {
                let is_encoding = is_tokenizer && step.stage == StageName::Tokenize;
                is_encoding || step.name() == *name || step.stage.name() == *name
            };
            let Some(_) = self.steps.iter().find(is_it) else {
                let all = self.steps.iter().map(Step::name).collect::<Vec<_>>().join(", ");
                let detail = format!("no such stage; there are {all}");
                return Err(Error::Pipeline { path: name.into(), detail });
            };
            for first in self.steps.iter().filter(is_it) {
                let mut later = self.steps.iter().filter(|step| step.subset == first.subset);
                // Steps of a subset stand in their order.
                later.by_ref().take_while(|step| step.stage != first.stage).for_each(drop);
                forced.extend([first].into_iter().chain(later));
            }
        }
        Ok(forced)
    }
}

/// The stages of a subset: those that are named, else all that what it reads needs.
fn stages(
    name: &str,
    subset: &SubsetSettings,
    inputs: &[PathBuf],
    storage: &dyn Storage,
) -> Result<Vec<StageName>> {
    if let Some(stages) = &subset.stages {
        return Ok(stages.clone());
    }
    match storage.kinds(inputs)? {
        Kinds { crawl: Some(crawl), document: Some(document) } => {
            let detail = format!(
                "both crawl files ({}) and documents ({}), of which a stage reads one kind: make two subsets, or name `stages`, the \
                 first of which passes over what it does not read",
                crawl.display(),
                document.display()
            );
            Err(Error::Pipeline { path: format!("subset.{name}.in").into(), detail })
        }
        kinds => Ok(StageName::default_stages(kinds.crawl.is_some())),
    }
}

/// Where the tokenizer comes from that encodes these documents.
fn tokenizer(settings: &Settings, inputs: Vec<PathBuf>) -> Result<TokenizerPlan> {
    match (&settings.tokenizer.file, &settings.tokenizer.train) {
        (Some(file), _) => {
            // Before anything is done.
            tokenizer::load(file)?.end_of_text().ok_or(data::Error::NoEndOfText)?;
            Ok(TokenizerPlan::File(file.clone()))
        }
        (None, Some(train)) => Ok(TokenizerPlan::Train {
            training: Training {
                vocabulary_size: train.vocabulary_size,
                share: train.share,
                memory: train.memory_mib << 20,
                seed: settings.seed,
            },
            inputs,
            out: settings.out.join(TOKENIZER),
        }),
        (None, None) => {
            let detail =
                "no tokenizer: set `file` or `train` in [tokenizer], or leave tokenize out of all `stages`";
            Err(Error::Pipeline { path: "tokenize".into(), detail: detail.into() })
        }
    }
}

/// A stage with its configuration, of a subset: its own settings go before those for all, and those before the defaults.
fn configured(stage: StageName, settings: &Settings, subset: &SubsetSettings) -> Result<Configured, String> {
    let configured = match stage {
        StageName::Extract => extract(settings, subset),
        StageName::Filter => filter(settings, subset),
        StageName::Dedup => dedup(settings, subset),
        StageName::Decontaminate => return decontaminate(settings, subset),
        StageName::Tokenize => tokenize(settings, subset),
    };
    configured.map_err(words)
}

/// An error's words, of which options of the command line are the file's keys.
fn words(error: Error) -> String {
    match error {
        Error::Setting { setting, value, detail } => {
            format!("{} = {value}: {detail}", setting.trim_start_matches('-').replace('-', "_"))
        }
        other => other.to_string(),
    }
}

fn extract(settings: &Settings, subset: &SubsetSettings) -> Result<Configured> {
    let (own, all, work) = (&subset.extract, &settings.extract, &settings.work);
    let usual = extract::Configuration::default();
    let language = match first(&own.language, &all.language) {
        None => usual.language,
        Some(code) => Some(code).filter(|code| code != "any"),
    };
    let blocked = first(&own.block_hosts, &all.block_hosts).map(|file| Blocklist::read(&file)).transpose()?;
    let confidence = own.min_language_confidence.or(all.min_language_confidence);
    let configuration = extract::Configuration {
        language,
        min_language_confidence: confidence.unwrap_or(usual.min_language_confidence),
        max_replacement: own.max_replacement.or(all.max_replacement).unwrap_or(usual.max_replacement),
        blocked_hosts: blocked.as_ref().map(Blocklist::describe),
        max_record_bytes: work.max_record_bytes,
        shard_bytes: work.shard_mib << 20,
        compression: work.compression(),
    };
    configuration.check()?;
    Ok(Configured::Extract(configuration, blocked.unwrap_or_default()))
}

fn filter(settings: &Settings, subset: &SubsetSettings) -> Result<Configured> {
    let (own, all, work) = (&subset.filter, &settings.filter, &settings.work);
    let usual = filter::Configuration::default();
    let configuration = filter::Configuration {
        rules: own.rules.or(all.rules).unwrap_or(usual.rules),
        thresholds: first(&own.thresholds, &all.thresholds).unwrap_or(usual.thresholds),
        subset: subset.kind,
        compare: first(&own.compare, &all.compare).unwrap_or(usual.compare),
        max_record_bytes: work.max_record_bytes,
        shard_bytes: work.shard_mib << 20,
        compression: work.compression(),
    };
    configuration.all_rules()?;
    Ok(Configured::Filter(configuration))
}

fn dedup(settings: &Settings, subset: &SubsetSettings) -> Result<Configured> {
    let (own, all, work) = (&subset.dedup, &settings.dedup, &settings.work);
    let usual = dedup::Configuration::default();
    let configuration = dedup::Configuration {
        jaccard: own.jaccard.or(all.jaccard).unwrap_or(usual.jaccard),
        ngram: own.ngram.or(all.ngram).unwrap_or(usual.ngram),
        recall: own.recall.or(all.recall).unwrap_or(usual.recall),
        seed: settings.seed,
        max_record_bytes: work.max_record_bytes,
        shard_bytes: work.shard_mib << 20,
        compression: work.compression(),
    };
    configuration.bands()?;
    Ok(Configured::Dedup(configuration, work.memory_mib << 20))
}

fn decontaminate(settings: &Settings, subset: &SubsetSettings) -> Result<Configured, String> {
    let (own, all, work) = (&subset.decontaminate, &settings.decontaminate, &settings.work);
    let usual = decontaminate::Configuration::default();
    let configuration = decontaminate::Configuration {
        jaccard: own.jaccard.or(all.jaccard).unwrap_or(usual.jaccard),
        containment: own.containment.or(all.containment),
        ngram: own.ngram.or(all.ngram).unwrap_or(usual.ngram),
        fields: first(&own.against_field, &all.against_field).unwrap_or(usual.fields),
        max_record_bytes: work.max_record_bytes,
        shard_bytes: work.shard_mib << 20,
        compression: work.compression(),
    };
    configuration.check().map_err(words)?;
    let against = first(&own.against, &all.against).unwrap_or_default();
    let titles = first(&own.titles, &all.titles);
    if against.is_empty() && titles.is_none() {
        let detail = "nothing to look for: set `against` or `titles` in [decontaminate], or leave decontaminate out of the \
                      subset's `stages`";
        return Err(detail.into());
    }
    match against.iter().chain(&titles).find(|file| !file.exists()) {
        Some(missing) => Err(format!("{}: no such file", missing.display())),
        None => Ok(Configured::Decontaminate { configuration, against, titles }),
    }
}

fn tokenize(settings: &Settings, subset: &SubsetSettings) -> Result<Configured> {
    let usual = tokenize::Configuration::default();
    let fraction = subset.tokenize.validation_fraction.or(settings.tokenize.validation_fraction);
    let configuration = tokenize::Configuration {
        validation_fraction: fraction.unwrap_or(usual.validation_fraction),
        seed: settings.seed,
        max_record_bytes: settings.work.max_record_bytes,
        shard_bytes: settings.work.shard_mib << 20,
    };
    HeldOut { fraction: configuration.validation_fraction, seed: configuration.seed }.check()?;
    Ok(Configured::Tokenize(configuration))
}

fn first<T: Clone>(own: &Option<T>, all: &Option<T>) -> Option<T> {
    own.as_ref().or(all.as_ref()).cloned()
}
