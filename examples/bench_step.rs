//! Times the training step of a model on random tokens and prints one JSON object; `bench/compare.py` runs it beside
//! other implementations.
//!
//! `cargo run --release --example bench_step -- --model 44m --batch 2 --sequence 512 --steps 12`

#[path = "common/training.rs"]
mod training;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
use configuration::{Adam, Regime};
use graph::Remat;
use model::remat::{POLICIES, policy};
use runtime::{DeviceKind, Runtime, RuntimeOptions};
use train::step::{Rounding, StepOptions};
use training::{Size, Training};

/// Time the training step of a model on random tokens.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
    /// Steps to time, in each of the two ways.
    #[arg(long, default_value_t = 12)]
    steps: usize,
    /// Steps before that.
    #[arg(long, default_value_t = 2)]
    warm_up: usize,
    /// A regime, as in `training.precision`.
    #[arg(long, default_value = "f32")]
    precision: String,
    /// Round new bfloat16 parameters to the nearest instead of at random.
    #[arg(long)]
    round_to_nearest: bool,
    /// What the backward pass keeps of each layer: none (everything), selective, attention, dots or full.
    #[arg(long, default_value = "none")]
    remat: String,
    /// Microbatches of a step; a batch is one of them.
    #[arg(long, default_value_t = 1)]
    microbatches: usize,
    /// Queries per block of attention; 0 chooses by sequence length.
    #[arg(long, default_value_t = 0)]
    query_block: usize,
    /// Where to run: cpu, cuda or tpu.
    #[arg(long, default_value = "cpu")]
    device: DeviceKind,
    /// Let a GPU's program compute other bits in another process.
    #[arg(long)]
    nondeterministic: bool,
    /// The plugin file.
    #[arg(long)]
    plugin: Option<PathBuf>,
}

impl Arguments {
    fn options(&self) -> Result<StepOptions> {
        let preset = self.size.preset()?;
        let regime = Regime::ALL.into_iter().find(|regime| regime.name() == self.precision);
        let names = Regime::ALL.map(Regime::name).join(", ");
        let regime =
            regime.with_context(|| format!("--precision is `{}`; it is one of {names}", self.precision))?;
        Ok(StepOptions {
            model: preset.config,
            precision: regime.dtypes(),
            float32_copy: regime.float32_copy(),
            remat: match self.remat.as_str() {
                "dots" => Remat::Dots,
                name => match policy(name) {
                    Some(remat) => remat,
                    None => bail!("--remat is `{name}`; it is dots or one of {}", POLICIES.join(", ")),
                },
            },
            queries: self.query_block.into(),
            batch: self.size.batch,
            sequence_length: self.size.sequence,
            adam: Adam::default(),
            clip_norm: preset.clip_norm,
            microbatches: self.microbatches,
            stages: 1,
            seed: 0,
            rounding: if self.round_to_nearest { Rounding::Nearest } else { Rounding::Stochastic },
            answers_only: false,
        })
    }
}

/// The largest resident set this process has had, in bytes.
fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn main() -> Result<()> {
    let process = Instant::now();
    let arguments = Arguments::parse();
    let options = arguments.options()?;
    let runtime_options = RuntimeOptions {
        plugin: arguments.plugin.clone(),
        nondeterministic: arguments.nondeterministic,
        ..Default::default()
    };
    let runtime = Runtime::start(arguments.device, &runtime_options, &mut |_| ())?;
    let mut training = Training::start(&runtime, &options)?;
    let until_first_step = process.elapsed().as_secs_f64();

    // One step at a time, each waited for, as the other implementations are timed.
    let mut losses = Vec::new();
    let mut seconds = Vec::new();
    for _ in 0..arguments.warm_up + arguments.steps {
        let start = Instant::now();
        let loss = training.step()?.wait()?.to_f64_vec()[0];
        seconds.push(start.elapsed().as_secs_f64());
        eprintln!("{} {loss:.6} {:.3}", losses.len(), seconds[seconds.len() - 1]);
        losses.push(loss);
    }
    let seconds = seconds.split_off(arguments.warm_up);

    // As training does it: a step is started before the loss of the one before is read.
    let mut dispatch_seconds = Vec::new();
    let mut device_waited = 0;
    let mut pending = VecDeque::from([training.step()?]);
    let start = Instant::now();
    for _ in 0..arguments.steps {
        let dispatch = Instant::now();
        pending.push_back(training.step()?);
        dispatch_seconds.push(dispatch.elapsed().as_secs_f64());
        let previous = pending.pop_front().expect("one step is under way");
        device_waited += usize::from(previous.is_ready()?);
        previous.wait()?;
    }
    let ahead_seconds = start.elapsed().as_secs_f64() / arguments.steps as f64;

    let memory = training.program.memory()?;
    let mut sorted = seconds.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    dispatch_seconds.sort_by(f64::total_cmp);
    let result = serde_json::json!({
        "model": arguments.size.model, "batch": options.batch, "sequence_length": options.sequence_length,
        "precision": arguments.precision, "round_to_nearest": arguments.round_to_nearest, "remat": arguments.remat,
        "microbatches": options.microbatches,
        "query_block": arguments.query_block, "plugin": runtime.found().to_string(),
        "device": runtime.devices()[0].description().kind,
        "losses": losses, "seconds": seconds,
        "median_seconds": median,
        "tokens_per_second": training.tokens.len() as f64 / median,
        "seconds_when_ahead": ahead_seconds,
        "dispatch_seconds": dispatch_seconds[dispatch_seconds.len() / 2],
        "dispatches_the_device_waited_for": device_waited,
        "compile_seconds": training.program.compile_seconds(),
        "seconds_until_first_step": until_first_step,
        "program_bytes": memory.total(),
        "temporary_bytes": memory.temporaries,
        "peak_resident_bytes": peak_resident_bytes(),
    });
    println!("{result}");
    Ok(())
}
