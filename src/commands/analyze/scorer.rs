//! What scores texts, as users name it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use analyses::scorer::perspective::{Perspective, Service};
use analyses::scorer::{Linear, OfVader, TextScorer};
use clap::Args;

use crate::output::usage;

/// Where the key of a service is looked for.
const KEY: &str = "PERSPECTIVE_API_KEY";

/// How a service that scores texts is asked.
#[derive(Args, Clone)]
pub struct ServiceArguments {
    /// Requests in a second at most, of a scorer perspective:URL.
    #[arg(long, value_name = "N", default_value_t = 1.0, help_heading = "Scoring")]
    scorer_rate: f64,
    /// Tries of each of its requests.
    #[arg(long, value_name = "N", default_value_t = 6, help_heading = "Scoring")]
    scorer_tries: usize,
    /// Seconds that its answers are waited for.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, help_heading = "Scoring")]
    scorer_timeout: f64,
    /// Seconds that are waited after a try that failed, doubled after each further one; a service that says how long is believed.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, help_heading = "Scoring")]
    scorer_wait: f64,
    /// The attribute whose score is wanted of it.
    #[arg(long, value_name = "NAME", default_value = "TOXICITY", help_heading = "Scoring")]
    attribute: String,
    /// File in which its scores are kept, so that no text is asked about twice.
    #[arg(long, value_name = "FILE", help_heading = "Scoring")]
    scorer_cache: Option<PathBuf>,
}

impl ServiceArguments {
    /// The same for another attribute, whose scores are kept elsewhere.
    pub fn for_attribute(&self, attribute: &str) -> Self {
        Self { attribute: attribute.to_owned(), scorer_cache: None, ..self.clone() }
    }
}

/// The scorer that an option names. Its scores are kept in `cache` unless the user names a file.
///
/// # Errors
/// A usage error for one that does not exist, a file of scores that is none.
pub fn parse(
    option: &str,
    named: &str,
    service: &ServiceArguments,
    cache: Option<&Path>,
) -> anyhow::Result<Box<dyn TextScorer>> {
    match named {
        "linear" => return Ok(Box::new(Linear)),
        "vader" => return Ok(Box::new(OfVader)),
        _ => {}
    }
    let Some(url) = named.strip_prefix("perspective:") else {
        return Err(usage(format_args!(
            "{option} {named}: linear, vader or perspective:URL is expected (docs/analyses.md)"
        )));
    };
    let seconds = |option: &str, value: f64| {
        Duration::try_from_secs_f64(value)
            .map_err(|_| usage(format_args!("{option} {value}: a number of seconds is expected")))
    };
    let asked = Service {
        url: url.to_owned(),
        attribute: service.attribute.clone(),
        key: std::env::var(KEY).ok().filter(|key| !key.is_empty()),
        rate: service.scorer_rate,
        tries: service.scorer_tries,
        timeout: seconds("--scorer-timeout", service.scorer_timeout)?,
        wait: seconds("--scorer-wait", service.scorer_wait)?,
        cache: service.scorer_cache.clone().or(cache.map(Path::to_owned)),
    };
    match Perspective::new(asked) {
        Ok(scorer) => Ok(Box::new(scorer)),
        Err(error @ analyses::Error::Scorer { .. }) => Err(usage(format_args!("{option}: {error}"))),
        Err(error) => Err(error.into()),
    }
}
