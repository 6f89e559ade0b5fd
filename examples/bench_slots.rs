//! Times the steps that continue texts of a run's model, without a server around them, and prints a line for each number of texts.
//!
//! `cargo run --release --example bench_slots -- --run RUN --slots 32 --texts 1,8,32`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use eval::{ServingOptions, SlotOptions, TrainedModel};
use runtime::{DeviceKind, Runtime, RuntimeOptions};

/// Time the steps that continue texts.
#[derive(Parser)]
struct Arguments {
    /// A run directory.
    #[arg(long)]
    run: PathBuf,
    /// Texts side by side at most.
    #[arg(long, default_value_t = 32)]
    slots: usize,
    /// Tokens of a text at most.
    #[arg(long, default_value_t = 2048)]
    window: usize,
    /// Texts that are continued.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32")]
    texts: Vec<usize>,
    /// Tokens of each prompt.
    #[arg(long, default_value_t = 40)]
    prompt: usize,
    /// Steps to time.
    #[arg(long, default_value_t = 32)]
    steps: usize,
}

/// Seconds of processor time that this process has taken.
fn processor_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("/proc/self/stat cannot be read")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    // User and system time, in hundredths of a second on every Linux.
    Ok((ticks(11) + ticks(12)) / 100.0)
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = Runtime::find_with(DeviceKind::Cpu, &RuntimeOptions::default())?
        .context("no CPU plugin; run gopher doctor")?;
    let model = TrainedModel::open(&arguments.run, &mut |_| ())?;
    let slots = SlotOptions { slots: arguments.slots, window: arguments.window, prefix_bytes: 0 };
    let begin = Instant::now();
    let mut served = model.served(&runtime, None, ServingOptions { slots, tops: &[] })?;
    println!(
        "loaded after {:.0} s; rows of programs: {:?}",
        begin.elapsed().as_secs_f64(),
        served.slots.rows()
    );
    for &texts in &arguments.texts {
        let mut tokens = vec![None; arguments.slots];
        for (slot, token) in tokens.iter_mut().enumerate().take(texts) {
            let prompt: Vec<u32> =
                (0..arguments.prompt).map(|place| (place * 7 + slot) as u32 % 1000).collect();
            served.slots.begin(&prompt)?;
            while served.slots.read()?.is_none() {}
            served.slots.place(slot)?;
            *token = Some((slot as u32, prompt.len()));
        }
        let processor = processor_seconds()?;
        let mut seconds = Vec::new();
        for _ in 0..arguments.steps {
            let begin = Instant::now();
            served.slots.step(&tokens)?;
            seconds.push(begin.elapsed().as_secs_f64());
            for (_, position) in tokens.iter_mut().flatten() {
                *position += 1;
            }
        }
        let processor = (processor_seconds()? - processor) / arguments.steps as f64;
        println!("{texts} texts: median {:.3} s a step, {processor:.3} s of processor time", median(seconds));
    }
    Ok(())
}
