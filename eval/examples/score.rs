//! What `bench/score.py` measures of this program, on the CPU: `cargo run --release -p eval --example score -- RUN MODE …`
//!
//! - `encode`: standard input has lines of `[context, continuation]`; prints them as token ids, as `gopher eval` encodes them.
//! - `score FILE [BATCH]`: scores a file's lines of `[context ids, continuation ids]`. `whole` instead shares nothing between them.
//! - `decode FILE COUNT TOKENS`: continues the contexts of the first lines by so many tokens: one as `gopher generate` does, several
//!   side by side.
//! - `matmul`: plain matmuls of the model's sizes, for as many tokens as a call of scoring has.
//!
//! Prints a JSON object: seconds, processor seconds, tokens, and what they took. What is compiled for the first texts is not
//! measured, and nothing that these left is used again.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use eval::scoring::{Overlong, Row, Scorer, ScoringOptions};
use eval::{Decoder, TrainedModel};
use graph::{Builder, DType, ScanInputs, ScanOutputs, TensorType};
use model::Precision;
use runtime::{DeviceKind, Runtime};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Tokens of a call of scoring on a CPU.
const CALL: usize = 256;
/// Runs of the plain matmuls.
const RUNS: usize = 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [run, rest @ ..] = &arguments[..] else { return usage() };
    let model = TrainedModel::open(&PathBuf::from(run), &mut |warning| eprintln!("{warning}"))?;
    let measured = match rest {
        ["encode"] => return encode(model),
        ["score", file] => score(model, file, ScoringOptions::default())?,
        ["score", file, batch] => {
            score(model, file, ScoringOptions { batch: batch.parse()?, ..ScoringOptions::default() })?
        }
        ["whole", file] => score(model, file, ScoringOptions { reuse: false, ..ScoringOptions::default() })?,
        ["decode", file, count, tokens] => decode(model, file, count.parse()?, tokens.parse()?)?,
        ["matmul"] => matmul(&model)?,
        _ => return usage(),
    };
    println!("{measured}");
    Ok(())
}

fn usage() -> Result<()> {
    eprintln!(
        "usage: score RUN encode | score FILE [BATCH] | whole FILE | decode FILE COUNT TOKENS | matmul"
    );
    std::process::exit(2);
}

fn device() -> Result<Runtime> {
    Ok(Runtime::find(DeviceKind::Cpu)?.ok_or("no CPU plugin in the cache")?)
}

fn rows(file: &str) -> Result<Vec<Row>> {
    let row = |line: &str| {
        let (context, continuation) = serde_json::from_str(line)?;
        Ok(Row { context, continuation })
    };
    std::fs::read_to_string(file)?.lines().map(row).collect()
}

fn encode(model: TrainedModel) -> Result<()> {
    let scorer = model.scorer(&device()?, ScoringOptions::default())?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    for line in text.lines() {
        let (context, continuation): (String, String) = serde_json::from_str(line)?;
        let row = match scorer.encoding().pair(&context, &continuation, Overlong::Truncate) {
            Ok(Some(encoded)) => encoded.row,
            // A text longer than any window.
            _ => Row {
                context: scorer.encoding().ids(&context),
                continuation: scorer.encoding().ids(&continuation),
            },
        };
        println!("{}", json!([row.context, row.continuation]));
    }
    Ok(())
}

/// What `work` gives, with the seconds and the processor seconds it took.
fn measured(work: impl FnOnce() -> Result<Value>) -> Result<Value> {
    let (begin, cpu) = (Instant::now(), processor_seconds());
    let mut result = work()?;
    result["seconds"] = begin.elapsed().as_secs_f64().into();
    result["cpu_seconds"] = (processor_seconds() - cpu).into();
    Ok(result)
}

fn score(model: TrainedModel, file: &str, options: ScoringOptions) -> Result<Value> {
    let rows = rows(file)?;
    let layers: u64 = model
        .config()
        .model
        .parameters()
        .iter()
        .filter(|spec| spec.is_of_layers())
        .map(|spec| spec.elements())
        .sum();
    let mut scorer = model.scorer(&device()?, options)?;
    // The longest row needs all programs that others need.
    let longest = rows.iter().max_by_key(|row| row.context.len() + row.continuation.len());
    scorer.score_all(longest.map(std::slice::from_ref).unwrap_or_default())?;
    scorer.forget();
    let before = scorer.statistics();
    measured(|| {
        let scores = scorer.score_all(&rows)?;
        let now = scorer.statistics();
        let calls = now.calls - before.calls;
        Ok(json!({
            "tokens": now.scored - before.scored,
            "computed": now.computed - before.computed,
            "reused": now.reused - before.reused,
            "calls": calls,
            "gflops": (calls * CALL as u64 * 2 * layers) as f64 / 1e9,
            "sum": scores.iter().map(|score| score.log_probability()).sum::<f64>(),
        }))
    })
}

fn decode(model: TrainedModel, file: &str, count: usize, tokens: usize) -> Result<Value> {
    let prompts: Vec<Vec<u32>> = rows(file)?.into_iter().take(count).map(|row| row.context).collect();
    let runtime = device()?;
    if let [prompt] = &prompts[..] {
        // As long as `gopher generate` makes it.
        let window = (prompt.len() + tokens).next_power_of_two().max(256).min(model.default_window());
        let generator = model.generator(&runtime, window)?;
        greedy(generator.decoder(), prompt, 2)?;
        return measured(|| {
            let made = greedy(generator.decoder(), prompt, tokens)?;
            Ok(json!({"tokens": made.len(), "ids": made[..made.len().min(8)]}))
        });
    }
    let mut scorer = model.scorer(&runtime, ScoringOptions::default())?;
    let made = |scorer: &mut Scorer, prompts: &[Vec<u32>]| -> Result<()> {
        Ok(scorer.generate_each(prompts, tokens, &[], &mut |_, _| ControlFlow::Continue(()))?)
    };
    made(&mut scorer, &prompts[..1])?;
    let before = scorer.statistics().generated;
    measured(|| {
        made(&mut scorer, &prompts)?;
        Ok(json!({"tokens": scorer.statistics().generated - before}))
    })
}

/// The likeliest tokens after a prompt, whether the model ends the text or not.
fn greedy(decoder: &Decoder, prompt: &[u32], tokens: usize) -> Result<Vec<u32>> {
    let mut session = decoder.start()?;
    let mut logits = session.read(prompt)?;
    let mut made = Vec::new();
    while made.len() < tokens {
        let best = (0..).zip(&logits).max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        let token = best.map(|(token, _)| token).ok_or("no logits")?;
        made.push(token);
        if made.len() < tokens {
            logits = session.read(&[token])?;
        }
    }
    Ok(made)
}

/// The two matmuls of a feed-forward layer, again and again, with other weights for each layer.
fn matmul(model: &TrainedModel) -> Result<Value> {
    let sizes = model.config().model.sizes();
    let (layers, width, hidden) = (sizes.layers, sizes.d_model, sizes.feed_forward_size);
    let b = Builder::new("matmuls");
    let float = |shape: &[usize]| TensorType::new(Precision::FLOAT32.activations, shape);
    let types = [float(&[CALL, width]), float(&[layers, width, hidden]), float(&[layers, hidden, width])];
    let x = b.param("x", types[0].clone(), &[]);
    let weights = [b.param("up", types[1].clone(), &[]), b.param("down", types[2].clone(), &[])];
    let inputs = ScanInputs { length: layers, carries: &[x], xs: &weights, ..ScanInputs::default() };
    let outputs = b.scan("layers", inputs, |body| {
        let b = body.builder;
        let hidden = b.einsum("td,df->tf", body.carries[0], body.xs[0])?;
        Ok(ScanOutputs { carries: vec![b.einsum("tf,fd->td", hidden, body.xs[1])?], ys: Vec::new() })
    })?;
    b.output("x", outputs.carries[0]);
    let runtime = device()?;
    let program = runtime.compile(&b.finish()?)?;
    debug_assert_eq!(types[0].dtype, DType::F32);
    let upload = |ty: &TensorType| runtime.upload_slice(&vec![0.01f32; ty.elements()], &ty.shape);
    let inputs = types.iter().map(upload).collect::<std::result::Result<Vec<_>, _>>()?;
    let run = || -> Result<()> {
        program.run(&inputs.iter().collect::<Vec<_>>())?[0].to_vec::<f32>()?;
        Ok(())
    };
    run()?;
    measured(|| {
        (0..RUNS).try_for_each(|_| run())?;
        Ok(json!({"gflops": (RUNS * layers * 2 * CALL * width * hidden * 2) as f64 / 1e9}))
    })
}

/// Processor time of this process so far, of all its threads, in seconds; 0 where the system does not say as Linux does.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
