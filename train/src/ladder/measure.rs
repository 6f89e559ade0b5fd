//! Planning: how fast this machine is, and what therefore fits.

use std::time::{Duration, Instant};

use configuration::{Config, Draft, Value};
use data::Tokenizer;
use store::leftovers;

use super::shapes::family;
use super::solve::{VALIDATIONS, batch};
use super::{Error, Ladder, Member, Request, Speed, TOKENIZER, VERSION, solve};
use crate::observer::{Event, Observer};
use crate::run::time_steps;
use crate::text::{Text, tokenizer_of_shards};

/// The part of the time that is planned for: machines have slow minutes.
const PLANNED: f64 = 0.9;

/// The most that is held out: so many tokens, and this part of all.
const HELD_OUT: (f64, f64) = ((1 << 18) as f64, 0.05);

/// The width whose speed is measured first.
const PILOT: usize = 64;

/// Sizes that are measured at most, and for how long each, at most and at least, in seconds.
const MEASURED: usize = 5;
const TIMED: (f64, f64) = (5.0, 0.4);

/// The keys that the ladder's rules decide.
const DECIDED: [&str; 20] = [
    "name",
    "model.preset",
    "model.kind",
    "model.layers",
    "model.heads",
    "model.key_value_size",
    "model.d_model",
    "model.vocabulary_size",
    "data.paths",
    "data.mixture",
    "data.dialogues",
    "data.tokenizer",
    "data.validation_fraction",
    "training.steps",
    "training.batch",
    "training.batch_ramp",
    "training.sequence_length",
    "training.seed",
    "schedule.maximum",
    "schedule.warmup_steps",
];

/// A ladder that is planned, and nothing of it written.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub ladder: Ladder,
    /// Its tokenizer's file.
    pub tokenizer: Vec<u8>,
}

/// Forwards what is fetched and nothing else: what a training says of itself is not of interest while it is only timed.
struct Quiet<'a>(&'a mut dyn Observer);

impl Observer for Quiet<'_> {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Fetch(_) = event {
            self.0.event(event);
        }
    }
}

/// Reads the text, trains the tokenizer, times a few sizes and chooses those that fit. Nothing is left on disk but what the user's cache
/// has of the text and of compiled programs.
///
/// # Errors
/// [`Error::Budget`], [`Error::Widths`], [`Error::Text`], and those of a training that cannot begin.
pub fn plan(request: &Request, observer: &mut dyn Observer) -> Result<Planned, Error> {
    let start = Instant::now();
    let mut config = base(request)?;
    let given = config.data.tokenizer.clone().or_else(|| tokenizer_of_shards(&config.data));
    let given = given.map(|path| Tokenizer::load(&path).map_err(crate::Error::from)).transpose()?;
    let vocabulary_size = given.as_ref().map_or(request.vocabulary_size, Tokenizer::vocabulary_size);
    config.check().map_err(crate::Error::from)?;
    crate::text::check(&config.data)?;
    let text = Text::prepare(&config.data, vocabulary_size, given, request.sequence_length, observer);
    let text = text.map_err(|error| match error {
        crate::Error::Data(data::Error::VocabularyTooLarge { requested, maximum }) => {
            Error::Vocabulary { requested, maximum }
        }
        error => error.into(),
    })?;
    let tokens = (text.corpus.training().len() + text.corpus.validation().len()) as u64;
    let validation_fraction = HELD_OUT.1.min(HELD_OUT.0 / tokens as f64);
    let least_held_out = validation_fraction * tokens as f64;
    if least_held_out < 2.0 * request.sequence_length as f64 {
        return Err(Error::Text { tokens, length: request.sequence_length });
    }
    let folder = tempfile::tempdir().map_err(|error| {
        let place = std::env::temp_dir();
        Error::File(store::files::FileError::write(&place, error))
    })?;
    leftovers::add_file(folder.path());
    let path = folder.path().join(TOKENIZER);
    let tokenizer = text.tokenizer.to_bytes().to_vec();
    store::files::write_atomically(&path, &tokenizer)?;
    config.data.tokenizer = Some(path);
    config.data.validation_fraction = validation_fraction;
    drop(text);

    let mut machine = Machine { request, config, vocabulary_size, measured: Vec::new() };
    let (members, text_tokens) = machine.choose(start, tokens, observer)?;
    let ladder = Ladder {
        version: VERSION,
        request: request.clone(),
        measured: machine.measured,
        measuring_seconds: start.elapsed().as_secs_f64(),
        vocabulary_size,
        text_tokens,
        held_out_tokens: tokens - text_tokens,
        validation_fraction,
        members,
    };
    Ok(Planned { ladder, tokenizer })
}

/// The machine, as far as it has been measured.
struct Machine<'a> {
    request: &'a Request,
    config: Config,
    vocabulary_size: usize,
    /// Smallest first.
    measured: Vec<Speed>,
}

impl Machine<'_> {
    /// Measures until the sizes that are chosen lie between sizes that were measured.
    fn choose(
        &mut self,
        start: Instant,
        tokens: u64,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<Member>, u64), Error> {
        let text_tokens = tokens - (self.config.data.validation_fraction * tokens as f64) as u64;
        let left = || (PLANNED * self.request.budget_seconds - start.elapsed().as_secs_f64()).max(0.0);
        let mut shape = family(self.vocabulary_size).find(|model| model.d_model == PILOT);
        let mut sequences = 4;
        while let Some(model) = shape.take() {
            let member = super::solve::member(&model, sequences, 1000, self.request);
            self.measure(&member, observer)?;
            let mut members = solve(&self.measured, self.request, self.vocabulary_size, text_tokens, left())?;
            if self.measured.len() == 1 {
                let most = members.iter().map(|member| member.tokens).max().unwrap_or_default();
                sequences = batch(most as f64, self.request.sequence_length);
                self.measured[0] = self.measured[0].with_batch(sequences);
                members = solve(&self.measured, self.request, self.vocabulary_size, text_tokens, left())?;
            }
            let is_known = |member: &Member| {
                let near = |speed: &Speed| (speed.parameters / member.parameters as f64).ln().abs() < 0.15;
                self.measured.iter().any(near)
            };
            // What takes longest first.
            let ends = [members.len() - 1, 0, members.len() / 2];
            let unknown = ends.into_iter().map(|place| &members[place]).find(|member| !is_known(member));
            match unknown {
                Some(member) if self.measured.len() < MEASURED => {
                    shape = Some(member.shape(self.vocabulary_size))
                }
                _ => return Ok((members, text_tokens)),
            }
        }
        Err(Error::Widths { sizes: self.request.sizes, span: self.request.span })
    }

    /// Times a size.
    fn measure(&mut self, member: &Member, observer: &mut dyn Observer) -> Result<(), Error> {
        let (most, least) = TIMED;
        let seconds = (self.request.budget_seconds / 100.0).clamp(least, most);
        let config = member.config(&self.config, self.vocabulary_size);
        let times = time_steps(config, Duration::from_secs_f64(seconds), &mut Quiet(observer))?;
        observer.event(Event::Note(format!(
            "timed {}: {:.1} ms a step of {} tokens",
            member.name,
            1e3 * times.seconds_per_step,
            member.batch * member.sequence_length
        )));
        self.measured.push(Speed {
            parameters: times.parameters as f64,
            batch: member.batch,
            seconds_per_step: times.seconds_per_step,
            seconds_per_validation: times.seconds_per_validation,
            startup_seconds: times.startup_seconds,
        });
        self.measured.sort_by(|a, b| a.parameters.total_cmp(&b.parameters));
        Ok(())
    }
}

/// What all members have in common.
pub(super) fn base(request: &Request) -> Result<Config, Error> {
    let wrong = |error: configuration::Error| Error::Train(error.into());
    let mut draft = Draft::quick_start().map_err(wrong)?;
    for set in &request.set {
        let key = set.split('=').next().unwrap_or_default().trim();
        if DECIDED.contains(&key) || key == "model" {
            return Err(Error::Decided { key: key.to_owned() });
        }
        draft.set(set).map_err(wrong)?;
    }
    let paths: Vec<Value> =
        request.data.iter().map(|path| path.to_string_lossy().into_owned().into()).collect();
    draft.set_value("--data", "data.paths", paths.into()).map_err(wrong)?;
    let mut config = draft.finish().map_err(wrong)?;
    config.data.tokenizer.clone_from(&request.tokenizer);
    config.training.seed = request.seed;
    config.training.sequence_length = request.sequence_length;
    config.training.validation_batches = 0;
    config.training.checkpoint_minutes = 5.0;
    config.checkpoint.keep_last = 1;
    Ok(config)
}

impl Member {
    /// Its configuration.
    pub(super) fn config(&self, base: &Config, vocabulary_size: usize) -> Config {
        let mut config = base.clone();
        config.name.clone_from(&self.name);
        config.model = self.shape(vocabulary_size).into();
        config.training.batch = self.batch;
        config.training.sequence_length = self.sequence_length;
        config.training.steps = self.steps;
        config.training.validation_every = self.steps.div_ceil(VALIDATIONS);
        config.schedule.maximum = self.learning_rate;
        config.schedule.warmup_steps = self.warmup_steps;
        config
    }
}
