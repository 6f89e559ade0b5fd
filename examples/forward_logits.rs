//! Writes the logits of a model of the paper, computed through XLA's CPU plugin, with the parameters and tokens they
//! come from: what another XLA makes of the exported program can be compared with them (`interop/run.sh`).
//!
//! `cargo run --release --example forward_logits -- --model 44m --seq 200 --batch 2 -o FILE.safetensors`
//!
//! The program is that of `gopher export --program forward`. Parameters and tokens follow from a seed, and the file has
//! them under the names of the program's inputs and outputs. No parameter keeps its initial value: with gains of 1 and
//! biases of 0, one that is read in another's place would not be noticed.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use graph::testing::Random;
use graph::{DType, TensorType};
use model::Preset;
use model::parameters::Initializer;
use runtime::{DeviceKind, Runtime, RuntimeOptions};
use safetensors::tensor::{Dtype, TensorView};
use train::step::{PARAMETERS, StepOptions};

/// Write a model's logits, with the parameters and tokens they come from.
#[derive(Parser)]
struct Arguments {
    /// A model of Table 1.
    #[arg(long, default_value = "44m")]
    model: String,
    /// Sequences in a batch.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Tokens in a sequence.
    #[arg(long, default_value_t = 2048)]
    seq: usize,
    /// Decides parameters and tokens.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File to write.
    #[arg(short, long)]
    output: PathBuf,
}

/// What a parameter that starts from `initializer` is drawn from: centre and largest distance to it, uniformly.
fn range(initializer: Initializer) -> (f32, f32) {
    match initializer {
        Initializer::Zeros => (0.0, 0.3),
        Initializer::Ones => (1.0, 0.3),
        // With the standard deviation it has at the start.
        Initializer::Normal { standard_deviation } => (0.0, standard_deviation as f32 * 3f32.sqrt()),
    }
}

/// An input of the program, as little-endian bytes in row-major order.
struct Array {
    name: String,
    ty: TensorType,
    bytes: Vec<u8>,
}

fn inputs(options: &StepOptions, random: &mut Random) -> Vec<Array> {
    let parameter = |spec: model::ParameterSpec| {
        let (centre, spread) = range(spec.initializer);
        let ty = TensorType::new(DType::F32, spec.shape);
        let count = ty.shape.iter().product();
        let bytes =
            (0..count).flat_map(|_: usize| (centre + spread * random.signed_f32()).to_le_bytes()).collect();
        Array { name: format!("{PARAMETERS}{}", spec.name), ty, bytes }
    };
    let mut arrays: Vec<Array> = options.model.parameters().into_iter().map(parameter).collect();
    let ty = TensorType::new(DType::I32, [options.batch, options.sequence_length]);
    let mut token = || (random.bits() % options.model.sizes().vocabulary_size as u64) as i32;
    let bytes = (0..ty.shape.iter().product()).flat_map(|_: usize| token().to_le_bytes()).collect();
    arrays.push(Array { name: "tokens".into(), ty, bytes });
    arrays
}

fn main() -> Result<()> {
    let Arguments { model, batch, seq, seed, output } = Arguments::parse();
    ensure!(batch > 0 && seq > 0, "--batch is {batch} and --seq is {seq}; both are at least 1");
    let preset = Preset::find(&model)
        .with_context(|| format!("there is no model `{model}`; `gopher models` lists them"))?;
    let options = StepOptions::new(preset.config, batch, seq);
    let runtime = Runtime::start(DeviceKind::Cpu, &RuntimeOptions::default(), &mut |_| ())?;
    let program = runtime.compile(&train::step::forward(&options)?)?;
    let mut arrays = inputs(&options, &mut Random(seed));
    let upload = |input: &runtime::Input| {
        let array = arrays.iter().find(|array| array.name == input.name);
        let array = array.with_context(|| format!("no value for input `{}`", input.name))?;
        Ok(runtime.upload_bytes(&input.ty, &array.bytes)?)
    };
    let buffers = program.inputs().iter().map(upload).collect::<Result<Vec<_>>>()?;
    let outputs = program.run(&buffers.iter().collect::<Vec<_>>())?;
    for (described, buffer) in program.outputs().iter().zip(outputs) {
        let bytes = buffer.to_bytes()?;
        arrays.push(Array { name: described.name.clone(), ty: described.ty.clone(), bytes });
    }

    let metadata = [
        ("model".to_owned(), preset.name.to_owned()),
        ("seed".to_owned(), seed.to_string()),
        ("plugin".to_owned(), runtime.found().to_string()),
    ];
    let views = arrays.iter().map(|array| {
        let dtype = if array.ty.dtype == DType::I32 { Dtype::I32 } else { Dtype::F32 };
        Ok((array.name.as_str(), TensorView::new(dtype, array.ty.shape.clone(), &array.bytes)?))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    safetensors::serialize_to_file(views, Some(metadata.into_iter().collect()), &output)
        .with_context(|| format!("cannot write {}", output.display()))?;
    Ok(())
}
