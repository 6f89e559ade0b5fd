//! `--precision`: what several commands take.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use configuration::{PrecisionPolicy, Regime};

/// Reads the name of a precision, and lists them with what they are.
pub fn precisions() -> impl TypedValueParser<Value = PrecisionPolicy> {
    let help = |policy| match policy {
        PrecisionPolicy::Fixed(Regime::F32) => "float32 throughout",
        PrecisionPolicy::Fixed(Regime::Bf16Activations) => {
            "float32 parameters and optimiser state, bfloat16 activations"
        }
        PrecisionPolicy::Fixed(Regime::Bf16) => {
            "bfloat16 parameters and activations, float32 optimiser state; updates are rounded at random"
        }
        PrecisionPolicy::Fixed(Regime::Bf16F32Copy) => {
            "As bf16, with a float32 copy of the parameters in the optimiser's state, from which they are rounded"
        }
        PrecisionPolicy::Auto => "float32 on CPUs; elsewhere what the paper trained the model in",
    };
    let value = move |policy: PrecisionPolicy| PossibleValue::new(policy.name()).help(help(policy));
    PossibleValuesParser::new(PrecisionPolicy::all().map(value))
        .try_map(|name| PrecisionPolicy::find(&name).ok_or_else(|| format!("there is no precision `{name}`")))
}
