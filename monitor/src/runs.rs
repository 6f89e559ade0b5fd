//! Reading runs, to list them and to set them side by side.

mod compare;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use store::files::FileError;
use store::lossy_path;

use crate::metrics::{self, Point};
use crate::svg::chart::Curve;
pub use compare::{Comparison, Difference, Row};

/// Why runs cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing there.
    #[error("{}: no such folder", .path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// The folder is not a run.
    #[error("{} is not a run: it has no config.toml; `gopher runs ls FOLDER` lists the runs in a folder", .path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// The configuration is damaged.
    #[error("{}: {message}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What the TOML parser says.
        message: String,
    },
    /// The metrics are damaged.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A run as its directory tells of it.
#[derive(Debug, Clone)]
pub struct Run {
    /// The run directory, as it was named.
    pub path: PathBuf,
    /// Keys of `config.toml` with their values as TOML.
    pub config: BTreeMap<String, String>,
    /// All that is known of its steps.
    pub history: History,
    /// Its overview, for one line of a list.
    pub overview: Overview,
}

/// A run in a line. What is not known is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// The run directory, as it was named.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub run: PathBuf,
    /// Trained numbers of the model, once its programs were compiled.
    pub parameters: Option<u64>,
    /// Steps completed.
    pub completed: u64,
    /// Steps of the whole run.
    pub steps: Option<u64>,
    /// Tokens trained on.
    pub tokens: u64,
    /// Mean training loss of the last tenth of the steps, nats per token.
    pub loss: Option<f64>,
    /// The last loss on held-out text.
    pub validation_loss: Option<f64>,
    /// The lowest loss on held-out text.
    pub best_validation_loss: Option<f64>,
    /// The step after which it was measured.
    pub best_validation_step: Option<u64>,
    /// Tokens of all steps over the sum of their times.
    pub tokens_per_second: Option<f64>,
    /// Part of the wall time, until the last step, that was spent in steps that count.
    pub goodput: Option<f64>,
    /// Model FLOPs utilisation over all steps that have one.
    pub mfu: Option<f64>,
    /// When the metrics were written last, in seconds since 1970.
    pub updated: Option<f64>,
}

/// The steps of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Each step with its training loss, in the order of steps.
    pub losses: Vec<(u64, f64)>,
    /// Each step after which the model was validated, with the loss.
    pub validation: Vec<(u64, f64)>,
    tokens: u64,
    trained_tokens: f64,
    seconds: f64,
    goodput: Option<f64>,
    /// Sums of MFU times seconds, and of these seconds.
    utilised: (f64, f64),
}

impl Run {
    /// Reads a run, which may be one that goes on.
    ///
    /// # Errors
    /// [`Error::NotARun`] when there is no run, [`Error::Config`] or [`Error::Metrics`] when a file of it is damaged.
    /// Metrics that are not there yet are no error.
    pub fn read(path: &Path) -> Result<Run, Error> {
        let config_path = path.join("config.toml");
        let text = match inputs::read_to_string(&config_path) {
            Ok(text) => text,
            Err(_) if !path.exists() => return Err(Error::NoFolder { path: path.to_owned() }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(Error::NotARun { path: path.to_owned() });
            }
            Err(source) => return Err(FileError::read(&config_path, source).into()),
        };
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| Error::Config {
            path: config_path,
            message: inputs::toml_words(error.message()),
        })?;
        let mut config = BTreeMap::new();
        leaves(&table, "", &mut config);

        let metrics = path.join("metrics.jsonl");
        let updated = fs::metadata(&metrics).and_then(|file| file.modified()).ok();
        let mut history = History::default();
        if metrics.exists() {
            metrics::scan(&metrics, |point| history.push(point))?;
        }
        let overview = history.overview(path, &config, updated);
        Ok(Run { path: path.to_owned(), config, history, overview })
    }

    /// The curve of the training loss.
    pub fn loss_curve(&self) -> Curve {
        self.history.losses.iter().copied().collect()
    }

    /// The curve of the loss on held-out text.
    pub fn validation_curve(&self) -> Curve {
        self.history.validation.iter().copied().collect()
    }
}

/// A run in a list.
#[derive(Debug)]
pub struct Listed {
    /// Its directory.
    pub path: PathBuf,
    /// The run, or why it cannot be read.
    pub run: Result<Run, Error>,
}

/// The runs in a folder, by name: its subfolders that have a configuration, or itself if it has one.
///
/// # Errors
/// [`Error::NoFolder`] or [`Error::File`] when the folder cannot be read. The error of a single run stands in its
/// place.
pub fn list(folder: &Path) -> Result<Vec<Listed>, Error> {
    let listed = |path: PathBuf| Listed { run: Run::read(&path), path };
    if folder.join("config.toml").is_file() {
        return Ok(vec![listed(folder.to_owned())]);
    }
    if !folder.exists() {
        return Err(Error::NoFolder { path: folder.to_owned() });
    }
    let entries = fs::read_dir(folder).map_err(|source| FileError::read(folder, source))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("config.toml").is_file())
        .collect();
    paths.sort();
    Ok(paths.into_iter().map(listed).collect())
}

impl History {
    fn push(&mut self, point: Point) {
        let Point { step, tokens, loss, seconds, validation_loss, goodput, mfu } = point;
        self.trained_tokens += tokens.saturating_sub(self.tokens) as f64;
        self.tokens = tokens;
        self.losses.push((step, loss));
        self.validation.extend(validation_loss.map(|loss| (step, loss)));
        self.goodput = goodput;
        if seconds.is_finite() {
            self.seconds += seconds;
            if let Some(mfu) = mfu {
                self.utilised = (self.utilised.0 + mfu * seconds, self.utilised.1 + seconds);
            }
        }
    }

    /// Mean training loss of the last tenth of the steps.
    fn last_loss(&self) -> Option<f64> {
        let tail = &self.losses[self.losses.len() - self.losses.len().div_ceil(10)..];
        mean(tail.iter().map(|&(_, loss)| loss))
    }

    fn overview(
        &self,
        path: &Path,
        config: &BTreeMap<String, String>,
        updated: Option<SystemTime>,
    ) -> Overview {
        let best = self.validation.iter().filter(|(_, loss)| !loss.is_nan());
        let best = best.min_by(|a, b| a.1.total_cmp(&b.1));
        let ratio = |a: f64, b: f64| (b > 0.0).then_some(a / b);
        Overview {
            run: path.to_owned(),
            parameters: parameters(path),
            completed: self.losses.last().map_or(0, |&(step, _)| step),
            steps: config.get("training.steps").and_then(|steps| steps.parse().ok()),
            tokens: self.tokens,
            loss: self.last_loss(),
            validation_loss: self.validation.last().map(|&(_, loss)| loss),
            best_validation_loss: best.map(|&(_, loss)| loss),
            best_validation_step: best.map(|&(step, _)| step),
            tokens_per_second: ratio(self.trained_tokens, self.seconds),
            goodput: self.goodput,
            mfu: ratio(self.utilised.0, self.utilised.1),
            updated: updated.map(store::time::seconds_since_1970),
        }
    }
}

/// Trained numbers of the model, as `plan.json` says.
fn parameters(run: &Path) -> Option<u64> {
    #[derive(Deserialize)]
    struct Plan {
        parameters: u64,
    }
    let text = inputs::read(&run.join("plan.json")).ok()?;
    Some(serde_json::from_slice::<Plan>(&text).ok()?.parameters)
}

/// `None` of nothing.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// Every value that is not a table, with its dotted key.
fn leaves(table: &toml::Table, prefix: &str, out: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => leaves(inner, &key, out),
            // Small numbers with an exponent, as people write them.
            toml::Value::Float(number) => {
                out.insert(key, format!("{number:?}"));
            }
            value => {
                out.insert(key, value.to_string());
            }
        }
    }
}
