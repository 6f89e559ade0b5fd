//! `gopher models`: the models with a name, with exact counts.

use std::collections::BTreeMap;

use clap::Args;
use configuration::{BytesPerParameter, PrecisionPolicy, Regime};
use model::config::Configured;
use model::{Gopher, KINDS, Preset, Value};
use serde::Serialize;
use sharding::DeviceKind;

use crate::output::{bytes, grouped, print, print_json, table};

/// Arguments of `gopher models`.
#[derive(Args)]
pub struct Arguments {
    /// Print a JSON list instead of a table.
    #[arg(long)]
    json: bool,
}

/// Tokens in a training sequence of the paper.
const SEQUENCE_LENGTH: u64 = 2048;

#[derive(Serialize)]
struct Model {
    name: &'static str,
    kind: &'static str,
    /// The keys of its kind, and the width of the feed-forward layer where that is no key.
    #[serde(flatten)]
    keys: BTreeMap<&'static str, Value>,
    /// As the Gopher paper counts: weights in matrices, a tied embedding once.
    parameters: u64,
    /// Gains and biases.
    vector_parameters: u64,
    total_parameters: u64,
    max_learning_rate: f64,
    batch_tokens: u64,
    clip_norm: f64,
    /// The regime that the paper trained it in.
    precision: &'static str,
    /// For each regime, bytes of all parameters and the optimiser's state.
    training_state_bytes: BTreeMap<&'static str, u64>,
    /// For each regime, bytes of each parameter.
    bytes_per_parameter: BTreeMap<&'static str, BytesPerParameter>,
}

impl From<Preset> for Model {
    fn from(preset: Preset) -> Model {
        let Preset { name, config, max_learning_rate, batch_sequences, clip_norm, .. } = preset;
        let total_parameters = config.total_parameters();
        Model {
            name,
            kind: config.kind(),
            keys: [("feed_forward_size", config.sizes().feed_forward_size.into())]
                .into_iter()
                .chain(config.keys())
                .collect(),
            parameters: config.matrix_parameters(),
            vector_parameters: config.vector_parameters(),
            total_parameters,
            max_learning_rate,
            batch_tokens: batch_sequences as u64 * SEQUENCE_LENGTH,
            clip_norm,
            // On accelerators, which the paper used.
            precision: PrecisionPolicy::Auto.regime(DeviceKind::Tpu, &config).name(),
            training_state_bytes: of_regimes(|regime| {
                total_parameters * regime.bytes_per_parameter().state as u64
            }),
            bytes_per_parameter: of_regimes(Regime::bytes_per_parameter),
        }
    }
}

fn of_regimes<T>(of: impl Fn(Regime) -> T) -> BTreeMap<&'static str, T> {
    Regime::ALL.into_iter().map(|regime| (regime.name(), of(regime))).collect()
}

/// Prints the tables.
///
/// # Errors
/// When they cannot be written.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let models = Preset::all().into_iter().map(Model::from);
    if arguments.json {
        return print_json(&models.collect::<Vec<_>>());
    }
    let tables: Vec<String> = KINDS.iter().map(|kind| table(&rows((kind.presets)()))).collect();
    print(tables.join("\n"))?;
    print(NOTES)?;
    print(table(&regimes()))?;
    print(REGIMES)
}

/// Titles of the sizes that models of a kind differ in; of a key without a title there is no column.
fn title(key: &str) -> Option<&'static str> {
    Some(match key {
        "layers" => "layers",
        "heads" => "heads",
        "key_value_heads" => "groups",
        "key_value_size" => "kv",
        "d_model" => "d_model",
        "feed_forward_size" => "ff",
        _ => return None,
    })
}

/// The models of a kind, one a row.
fn rows(presets: Vec<Preset>) -> Vec<Vec<String>> {
    let keys = presets.first().map(|preset| preset.config.keys()).unwrap_or_default();
    let keys: Vec<_> = keys.into_iter().filter_map(|(key, _)| Some((key, title(key)?))).collect();
    let sizes = keys.iter().map(|&(_, title)| title);
    let titles = ["name"].into_iter().chain(sizes);
    let titles = titles.chain(["parameters", "vectors", "max LR", "batch"]);
    // Other papers do not say it.
    let of_gopher = presets.first().is_some_and(|preset| preset.config.kind() == Gopher::KIND);
    let titles = titles.chain(of_gopher.then_some("precision"));
    // Of the two regimes with float32 parameters, the state is the same.
    let states = [Regime::F32, Regime::Bf16, Regime::Bf16F32Copy].map(Regime::name);
    let mut rows = vec![titles.chain(states).map(str::to_owned).collect()];
    rows.extend(presets.into_iter().map(Model::from).map(|model| {
        let mut row = vec![model.name.to_owned()];
        row.extend(keys.iter().map(|(key, _)| model.keys[key].to_string()));
        row.extend([
            grouped(model.parameters),
            grouped(model.vector_parameters),
            format!("{:.1e}", model.max_learning_rate),
            grouped(model.batch_tokens),
        ]);
        row.extend(of_gopher.then(|| model.precision.to_owned()));
        row.extend(states.map(|regime| bytes(model.training_state_bytes[regime])));
        row
    }));
    rows
}

/// Bytes of each parameter, by regime.
fn regimes() -> Vec<Vec<String>> {
    let titles = [
        "bytes per parameter",
        "parameters",
        "optimiser state",
        "together",
        "gradients",
        "with microbatches",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(Regime::ALL.map(|regime| {
        let BytesPerParameter { parameters, optimizer_state, state, gradients, gradients_with_microbatches } =
            regime.bytes_per_parameter();
        let numbers = [parameters, optimizer_state, state, gradients, gradients_with_microbatches];
        [regime.name().to_owned()].into_iter().chain(numbers.map(|number| number.to_string())).collect()
    }));
    rows
}

const NOTES: &str = "
parameters  weights in matrices, a tied embedding once: what the names of the Gopher paper's models count
vectors     gains and biases, which the names leave out
batch       tokens per step, in sequences of 2,048 (280b goes on to twice that)
precision   what the paper trained models of the size in; the columns after it are bytes of all parameters with the
            optimiser's state in other regimes (bf16-activations takes as much as f32)

";

const REGIMES: &str = "
The optimiser's state is Adam's two float32 means, and in bf16-f32-copy a float32 copy of the parameters. Gradients live
during a step only; of several microbatches their float32 sum is kept. See docs/precision.md.
";
