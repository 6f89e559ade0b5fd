//! `gopher models`: the paper's Table 1 with exact counts.

use clap::Args;
use model::Preset;
use serde::Serialize;

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
    layers: usize,
    heads: usize,
    key_value_size: usize,
    d_model: usize,
    feed_forward_size: usize,
    vocabulary_size: usize,
    /// As the paper counts: weights in matrices, the tied embedding once.
    parameters: u64,
    /// Gains and biases.
    vector_parameters: u64,
    total_parameters: u64,
    max_learning_rate: f64,
    batch_tokens: u64,
    clip_norm: f64,
    training_state_bytes: TrainingState,
}

/// Bytes of parameters and Adam's two float32 moments, for all parameters.
#[derive(Serialize)]
struct TrainingState {
    /// float32 parameters: 4 + 8 bytes each.
    float32: u64,
    /// float32 parameters, bfloat16 activations: the same state.
    bfloat16_activations: u64,
    /// bfloat16 parameters: 2 + 8 bytes each.
    bfloat16_parameters: u64,
    /// bfloat16 parameters and a float32 copy of them: 2 + 4 + 8 bytes each.
    bfloat16_parameters_float32_copy: u64,
}

impl From<Preset> for Model {
    fn from(preset: Preset) -> Model {
        let Preset { name, config, max_learning_rate, batch_sequences, clip_norm, .. } = preset;
        let total_parameters = config.total_parameters();
        Model {
            name,
            layers: config.layers,
            heads: config.heads,
            key_value_size: config.key_value_size,
            d_model: config.d_model,
            feed_forward_size: config.feed_forward_size(),
            vocabulary_size: config.vocabulary_size,
            parameters: config.matrix_parameters(),
            vector_parameters: config.vector_parameters(),
            total_parameters,
            max_learning_rate,
            batch_tokens: batch_sequences as u64 * SEQUENCE_LENGTH,
            clip_norm,
            training_state_bytes: TrainingState {
                float32: total_parameters * 12,
                bfloat16_activations: total_parameters * 12,
                bfloat16_parameters: total_parameters * 10,
                bfloat16_parameters_float32_copy: total_parameters * 14,
            },
        }
    }
}

/// Prints the table.
///
/// # Errors
/// When it cannot be written.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let models: Vec<Model> = Preset::all().into_iter().map(Model::from).collect();
    if arguments.json {
        return print_json(&models);
    }
    let titles = ["name", "layers", "heads", "kv", "d_model", "parameters", "vectors", "max LR", "batch"];
    let states = ["f32", "bf16 params", "bf16 + f32 copy"];
    let mut rows = vec![titles.iter().chain(&states).map(|&title| title.to_owned()).collect()];
    rows.extend(models.iter().map(|model| {
        vec![
            model.name.to_owned(),
            model.layers.to_string(),
            model.heads.to_string(),
            model.key_value_size.to_string(),
            model.d_model.to_string(),
            grouped(model.parameters),
            grouped(model.vector_parameters),
            format!("{:.1e}", model.max_learning_rate),
            grouped(model.batch_tokens),
            bytes(model.training_state_bytes.float32),
            bytes(model.training_state_bytes.bfloat16_parameters),
            bytes(model.training_state_bytes.bfloat16_parameters_float32_copy),
        ]
    }));
    print(table(&rows))?;
    print(NOTES)
}

const NOTES: &str = "
parameters  weights in matrices, the tied embedding of 32,000 pieces once: what the paper's names count
vectors     gains and biases, which the names leave out
batch       tokens per step, in sequences of 2,048 (280b goes on to twice that)
f32 and the columns after it: bytes of all parameters with Adam's two float32 moments. f32 is float32 parameters, whatever
the activations (12 bytes each); bf16 params bfloat16 parameters (10 bytes); bf16 + f32 copy keeps a float32 copy (14 bytes).
";
