//! Writes what the model computes through XLA's CPU plugin, and from what, for `tests/jax_oracle.py` to check.
//!
//! `cargo run --release --example dump_gradients -- FILE.safetensors [gopher|llama|llama-tied]`
//!
//! One small model in float32, with sizes that differ from one another and every parameter away from its initial
//! value, so that no mistake is hidden by a zero or by a symmetry. The file holds the parameters, Adam's state, the
//! batch, and the results: `loss`, `gradients/…`, and from the training step `grad_norm` and the state `after/…`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use configuration::Adam;
use graph::testing::Random;
use graph::{Builder, DType, Function, Remat, TensorType};
use model::parameters::add_params;
use model::{ForwardOptions, Gopher, Llama, ModelConfig, Precision, QueryBlocks};
use runtime::{Buffer, DeviceKind, Runtime, RuntimeOptions};
use safetensors::tensor::{Dtype, TensorView};
use train::step::{PARAMETERS, StepOptions, train_step};

const STEP: f32 = 10.0;
const LEARNING_RATE: f32 = 1e-3;

/// A model of the kind named.
fn model(name: &str) -> Result<ModelConfig> {
    let llama = |tied_embedding| Llama {
        layers: 3,
        heads: 6,
        key_value_heads: 2,
        key_value_size: 10,
        d_model: 32,
        feed_forward_size: 50,
        vocabulary_size: 101,
        rope_base: 500.0,
        norm_epsilon: 1e-5,
        tied_embedding,
    };
    Ok(match name {
        "gopher" => {
            Gopher { layers: 3, heads: 4, key_value_size: 10, d_model: 32, vocabulary_size: 101 }.into()
        }
        "llama" => llama(false).into(),
        "llama-tied" => llama(true).into(),
        other => bail!("{other}: expected gopher, llama or llama-tied"),
    })
}

fn options(model: ModelConfig) -> StepOptions {
    StepOptions {
        model,
        precision: Precision::FLOAT32,
        remat: Remat::None,
        // Three blocks of queries, the last one shorter; in pieces.
        queries: QueryBlocks { block: 18, piece: 6 },
        batch: 2,
        sequence_length: 48,
        adam: Adam::default(),
        // Below the norm there is, so that clipping is seen.
        clip_norm: 0.25,
        microbatches: 1,
        stages: 1,
        seed: 0,
        rounding: Default::default(),
        float32_copy: false,
        answers_only: false,
    }
}

/// One array of the file.
struct Array {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn floats(name: String, shape: &[usize], mut next: impl FnMut() -> f32) -> Array {
    let bytes = (0..shape.iter().product()).flat_map(|_| next().to_le_bytes()).collect();
    Array { name, dtype: Dtype::F32, shape: shape.to_vec(), bytes }
}

/// State and batch: gains around 1, biases around 0, weights that keep every activation near 1.
fn inputs(options: &StepOptions, random: &mut Random) -> Vec<Array> {
    let mut arrays = Vec::new();
    for &prefix in options.state_groups() {
        for spec in options.model.parameters() {
            let width = options.model.sizes().d_model as f32;
            let (centre, spread) = match (prefix, spec.name) {
                ("parameters/", name) if name.ends_with("norm") => (1.0, 0.3),
                ("parameters/", name) if name.ends_with("bias") => (0.0, 0.3),
                ("parameters/", "embedding" | "head") => (0.0, 1.0),
                ("parameters/", _) => (0.0, 2.0 / width.sqrt()),
                ("adam/m/", _) => (0.0, 0.01),
                // Squares: positive, and not far from those of the gradients.
                _ => (2e-4, 1e-4),
            };
            let name = format!("{prefix}{}", spec.name);
            arrays.push(floats(name, &spec.shape, || centre + spread * random.signed_f32()));
        }
    }
    arrays.push(floats("step".into(), &[], || STEP));
    arrays.push(floats("learning_rate".into(), &[], || LEARNING_RATE));
    arrays.push(floats("loss_limit".into(), &[], || f32::INFINITY));
    arrays.push(floats("apply".into(), &[], || 1.0));
    for name in ["tokens", "targets"] {
        let shape = vec![options.batch, options.sequence_length];
        let mut token = || (random.bits() % options.model.sizes().vocabulary_size as u64) as i32;
        let bytes = (0..shape.iter().product()).flat_map(|_| token().to_le_bytes()).collect();
        arrays.push(Array { name: name.into(), dtype: Dtype::I32, shape, bytes });
    }
    arrays
}

/// From the parameters and the batch to `gradients/…`; the training step uses them up and does not return them.
fn gradients(options: &StepOptions) -> Result<Function, graph::Error> {
    let b = Builder::new("gradients");
    let parameters = add_params(&b, &options.model, PARAMETERS, DType::F32);
    let ty = TensorType::new(DType::I32, [options.batch, options.sequence_length]);
    let tokens = b.param("tokens", ty.clone(), &["batch", "time"]);
    let targets = b.param("targets", ty, &["batch", "time"]);
    let forward = ForwardOptions { queries: options.queries, ..ForwardOptions::new(DType::F32) };
    let loss = model::loss(&b, &options.model, &forward, &parameters, tokens, targets)?;
    for (spec, gradient) in options.model.parameters().iter().zip(graph::gradient(&b, loss, &parameters)?) {
        b.output(format!("gradients/{}", spec.name), gradient);
    }
    b.finish()
}

/// Compiles a function, runs it on the inputs it names, and returns its outputs.
fn run(runtime: &Runtime, function: &Function, inputs: &[Array]) -> Result<Vec<Array>> {
    let program = runtime.compile(function)?;
    let mut buffers: Vec<Buffer> = Vec::new();
    for input in program.inputs() {
        let array = inputs.iter().find(|array| array.name == input.name);
        let array = array.with_context(|| format!("no value for input `{}`", input.name))?;
        buffers.push(runtime.upload_bytes(&input.ty, &array.bytes)?);
    }
    let outputs = program.run(&buffers.iter().collect::<Vec<_>>())?;
    let array = |(output, buffer): (&runtime::Output, Buffer)| {
        let (name, shape) = (output.name.clone(), output.ty.shape.clone());
        Ok(Array { name, dtype: Dtype::F32, shape, bytes: buffer.to_bytes()? })
    };
    program.outputs().iter().zip(outputs).map(array).collect()
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let file: PathBuf = arguments.next().context("usage: dump_gradients FILE.safetensors [MODEL]")?.into();
    let name = arguments.next().map_or("gopher".into(), |name| name.to_string_lossy().into_owned());
    let options = options(model(&name)?);
    let runtime = Runtime::start(DeviceKind::Cpu, &RuntimeOptions::default(), &mut |_| ())?;
    let mut arrays = inputs(&options, &mut Random(2112_11446));
    let gradients = run(&runtime, &gradients(&options)?, &arrays)?;
    let step = run(&runtime, &train_step(&options)?, &arrays)?;
    arrays.extend(gradients);
    let step = step.into_iter().filter(|array| array.name != "applied");
    arrays.extend(step.map(|array| match array.name.as_str() {
        "loss" | "grad_norm" => array,
        name => Array { name: format!("after/{name}"), ..array },
    }));

    let StepOptions { model, adam, clip_norm, queries, .. } = &options;
    let settings = serde_json::json!({
        "model": model, "adam": adam, "clip_norm": clip_norm, "query_block": queries.block,
        "step": STEP, "learning_rate": LEARNING_RATE,
    });
    let metadata =
        [("settings".to_owned(), settings.to_string()), ("plugin".to_owned(), runtime.found().to_string())];
    let views = arrays.iter().map(|array| {
        Ok((array.name.as_str(), TensorView::new(array.dtype, array.shape.clone(), &array.bytes)?))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    safetensors::serialize_to_file(views, Some(metadata.into_iter().collect()), &file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}
