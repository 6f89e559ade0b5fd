//! The precision regimes: dtypes of parameters and activations, and how parameters are updated.
//!
//! Whatever the regime, softmax, cross-entropy, normalisation, long sums and the optimiser's arithmetic are in float32
//! (docs/precision.md).

use graph::DType;
use model::{ModelConfig, Precision};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sharding::DeviceKind;

/// A precision regime: the dtypes of parameters, activations and optimiser state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Regime {
    /// float32 throughout.
    F32,
    /// float32 parameters and bfloat16 activations: the paper's models below 7.1B.
    Bf16Activations,
    /// bfloat16 parameters and activations; updates are rounded at random: the paper's 7.1B and 280B models.
    Bf16,
    /// bfloat16 parameters and activations; the optimiser's state holds a float32 copy, which is updated, and from which
    /// parameters are rounded to the nearest: the paper's appendix C.
    Bf16F32Copy,
}

/// Bytes that a training has for each parameter. In a plan, each group is split as its table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BytesPerParameter {
    /// The parameter.
    pub parameters: usize,
    /// Adam's two means, and the float32 copy if there is one.
    pub optimizer_state: usize,
    /// Parameter and optimiser's state: what is kept from step to step, and saved.
    pub state: usize,
    /// Its gradient. No gradient is kept between steps.
    pub gradients: usize,
    /// The sum of several microbatches' gradients.
    pub gradients_with_microbatches: usize,
}

impl Regime {
    /// Every regime.
    pub const ALL: [Regime; 4] = [Regime::F32, Regime::Bf16Activations, Regime::Bf16, Regime::Bf16F32Copy];

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Regime::F32 => "f32",
            Regime::Bf16Activations => "bf16-activations",
            Regime::Bf16 => "bf16",
            Regime::Bf16F32Copy => "bf16-f32-copy",
        }
    }

    /// Dtypes of parameters and activations.
    pub fn dtypes(self) -> Precision {
        match self {
            Regime::F32 => Precision::FLOAT32,
            Regime::Bf16Activations => Precision::BFLOAT16_ACTIVATIONS,
            Regime::Bf16 | Regime::Bf16F32Copy => Precision::BFLOAT16,
        }
    }

    /// Whether the optimiser's state holds a float32 copy of the parameters.
    pub fn float32_copy(self) -> bool {
        self == Regime::Bf16F32Copy
    }

    /// The bytes that the regime takes for each parameter.
    pub fn bytes_per_parameter(self) -> BytesPerParameter {
        let parameter = self.dtypes().parameters;
        let float32 = DType::F32.size();
        let optimizer_state = (if self.float32_copy() { 3 } else { 2 }) * float32;
        BytesPerParameter {
            parameters: parameter.size(),
            optimizer_state,
            state: parameter.size() + optimizer_state,
            // Derivatives have the dtype of what they are of, and are added up in no less than float32.
            gradients: parameter.size(),
            gradients_with_microbatches: parameter.accumulator().size(),
        }
    }
}

/// What a configuration or a command asks for. Its text is a regime's name, or `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrecisionPolicy {
    /// This regime.
    Fixed(Regime),
    /// The regime in which the paper trained models of the size, and [`Regime::F32`] on CPUs, where bfloat16 is slower.
    Auto,
}

/// Weights in matrices from which on `auto` has bfloat16 parameters. The paper's smallest such model is that of 7.1
/// billion, its largest other one that of 1.4: where between them is our choice.
const BFLOAT16_PARAMETERS_FROM: u64 = 7_000_000_000;

impl PrecisionPolicy {
    /// Every policy.
    pub fn all() -> impl Iterator<Item = PrecisionPolicy> {
        Regime::ALL.into_iter().map(PrecisionPolicy::Fixed).chain([PrecisionPolicy::Auto])
    }

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            PrecisionPolicy::Fixed(regime) => regime.name(),
            PrecisionPolicy::Auto => "auto",
        }
    }

    /// The policy of a name.
    pub fn find(name: &str) -> Option<PrecisionPolicy> {
        PrecisionPolicy::all().find(|policy| policy.name() == name)
    }

    /// The regime of a model on a kind of device.
    pub fn regime(self, device: DeviceKind, model: &ModelConfig) -> Regime {
        match self {
            PrecisionPolicy::Fixed(regime) => regime,
            PrecisionPolicy::Auto if device == DeviceKind::Cpu => Regime::F32,
            PrecisionPolicy::Auto if model.matrix_parameters() >= BFLOAT16_PARAMETERS_FROM => Regime::Bf16,
            PrecisionPolicy::Auto => Regime::Bf16Activations,
        }
    }
}

impl From<Regime> for PrecisionPolicy {
    fn from(regime: Regime) -> Self {
        PrecisionPolicy::Fixed(regime)
    }
}

impl std::fmt::Display for PrecisionPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for PrecisionPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for PrecisionPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer).ok();
        name.and_then(|name| PrecisionPolicy::find(&name)).ok_or_else(|| {
            let names: Vec<_> = PrecisionPolicy::all().map(|policy| format!("\"{policy}\"")).collect();
            de::Error::custom(format!("expected one of {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Preset;

    #[test]
    fn auto_is_what_the_paper_trained_each_model_in_and_float32_on_cpus() {
        for preset in Preset::all() {
            let papers = if preset.bfloat16_parameters { Regime::Bf16 } else { Regime::Bf16Activations };
            for kind in DeviceKind::ALL {
                let expected = if kind == DeviceKind::Cpu { Regime::F32 } else { papers };
                let got = PrecisionPolicy::Auto.regime(kind, &preset.config);
                assert_eq!(got, expected, "{} on {kind}", preset.name);
            }
        }
    }

    #[test]
    fn every_regime_can_be_asked_for_by_its_name_on_every_device() {
        let model = Preset::all().remove(0).config;
        for regime in Regime::ALL {
            let policy: PrecisionPolicy = serde_json::from_value(regime.name().into()).unwrap();
            assert_eq!(policy, regime.into());
            assert!(DeviceKind::ALL.iter().all(|&kind| policy.regime(kind, &model) == regime));
        }
    }

    /// 2.5 TiB for parameters and Adam's state of the 280B model (paper, section 3.3).
    #[test]
    fn the_largest_model_takes_what_the_paper_says() {
        let parameters = Preset::find("280b").unwrap().config.total_parameters();
        let bytes = parameters * Regime::Bf16.bytes_per_parameter().state as u64;
        assert_eq!((bytes as f64 / (1u64 << 40) as f64 * 10.0).round(), 25.0);
    }
}
