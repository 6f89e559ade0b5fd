//! What `gopher plan` and `gopher export` both take: a model, its precision, a plan in a file.

use clap::builder::{PossibleValue, PossibleValuesParser};
use model::Preset;
use train::plan::GivenError;

use crate::output::usage;

/// The names of the paper's models.
pub fn model_names() -> PossibleValuesParser {
    let value = |preset: Preset| match preset.name {
        "280b" => PossibleValue::new(preset.name).alias("gopher"),
        name => PossibleValue::new(name),
    };
    PossibleValuesParser::new(Preset::all().into_iter().map(value))
}

/// A file that cannot be read is a failure; one that holds no plan, or one that does not fit, is wrong usage.
pub fn given_error(error: GivenError) -> anyhow::Error {
    match error {
        GivenError::Read { .. } => error.into(),
        error => usage(error),
    }
}
