//! What `gopher plan` and `gopher export` both take: a model, its precision, a plan in a file.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser};
use model::Preset;
use sharding::DeviceKind;
use train::plan::GivenError;
use train::precision::{PrecisionPolicy, Regime};

use crate::output::usage;

/// The names of the paper's models.
pub fn model_names() -> PossibleValuesParser {
    let value = |preset: Preset| match preset.name {
        "280b" => PossibleValue::new(preset.name).alias("gopher"),
        name => PossibleValue::new(name),
    };
    PossibleValuesParser::new(Preset::all().into_iter().map(value))
}

/// Dtypes to plan for.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum PrecisionKind {
    /// float32 throughout.
    F32,
    /// float32 parameters and optimiser state, bfloat16 activations.
    Bf16Activations,
    /// bfloat16 parameters and activations, float32 optimiser state; updates are rounded at random.
    Bf16,
    /// As bf16, with a float32 copy of the parameters in the optimiser's state, from which they are rounded.
    Bf16F32Copy,
    /// float32 on CPUs; elsewhere what the paper trained the model in.
    Auto,
}

impl PrecisionKind {
    /// The regime of a model of the paper on a kind of device.
    pub fn of(self, preset: &Preset, kind: DeviceKind) -> Regime {
        let policy = match self {
            PrecisionKind::F32 => PrecisionPolicy::F32,
            PrecisionKind::Bf16Activations => PrecisionPolicy::Bf16Activations,
            PrecisionKind::Bf16 => PrecisionPolicy::Bf16,
            PrecisionKind::Bf16F32Copy => PrecisionPolicy::Bf16F32Copy,
            PrecisionKind::Auto => PrecisionPolicy::Auto,
        };
        policy.regime(kind, &preset.config)
    }
}

/// A file that cannot be read is a failure; one that holds no plan, or one that does not fit, is wrong usage.
pub fn given_error(error: GivenError) -> anyhow::Error {
    match error {
        GivenError::Read { .. } => error.into(),
        error => usage(error),
    }
}
