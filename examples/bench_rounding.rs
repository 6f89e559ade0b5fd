//! What rounding at random costs: a training step with bfloat16 parameters beside the same step that rounds to the
//! nearest. Steps of the two alternate in one process, so that both meet the same other work on the machine.
//!
//! `cargo run --release --example bench_rounding -- --model 44m --batch 2 --sequence 512 --rounds 12`

#[path = "common/training.rs"]
mod training;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use configuration::Regime;
use runtime::{DeviceKind, Runtime, RuntimeOptions};
use train::step::{Rounding, StepOptions};
use training::{Size, Training};

/// Time a step with bfloat16 parameters, rounded at random and to the nearest.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
    /// Pairs of steps to time, after one that is not.
    #[arg(long, default_value_t = 12)]
    rounds: usize,
}

/// Takes a step and waits for it: seconds by the clock, and of processor time.
fn timed(training: &mut Training) -> Result<[f64; 2]> {
    let (start, before) = (Instant::now(), processor_seconds()?);
    training.step()?.wait()?;
    Ok([start.elapsed().as_secs_f64(), processor_seconds()? - before])
}

/// Processor time of this process so far, as Linux counts it: in hundredths of a second.
fn processor_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').context("/proc/self/stat has no command")?.1.split_whitespace();
    // User and system time are fields 14 and 15, and the state after the command is field 3.
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / 100.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let size = &arguments.size;
    let preset = size.preset()?;
    let runtime = Runtime::start(DeviceKind::Cpu, &RuntimeOptions::default(), &mut |_| ())?;
    let start = |rounding| {
        let options = StepOptions {
            precision: Regime::Bf16.dtypes(),
            rounding,
            ..StepOptions::new(preset.config.clone(), size.batch, size.sequence)
        };
        Training::start(&runtime, &options)
    };
    let mut trainings = [start(Rounding::Stochastic)?, start(Rounding::Nearest)?];
    let mut seconds = [vec![], vec![]];
    for round in 0..=arguments.rounds {
        // Each goes first as often as the other.
        for index in [round % 2, 1 - round % 2] {
            let times = timed(&mut trainings[index])?;
            if round > 0 {
                seconds[index].push(times);
            }
        }
        eprintln!(
            "{round} of {}: {:?}",
            arguments.rounds,
            seconds.each_ref().map(|times| times.last().copied())
        );
    }
    let of = |index: usize, what: usize| seconds[index].iter().map(move |times| times[what]);
    let medians = |what: usize| [0, 1].map(|index| median(of(index, what).collect()));
    let ratio = |what: usize| median(of(0, what).zip(of(1, what)).map(|(a, b)| a / b).collect());
    let result = serde_json::json!({
        "model": size.model, "batch": size.batch, "sequence_length": size.sequence,
        "rounds": arguments.rounds,
        "wall_seconds": { "stochastic": medians(0)[0], "nearest": medians(0)[1], "median_ratio": ratio(0) },
        "processor_seconds": { "stochastic": medians(1)[0], "nearest": medians(1)[1], "median_ratio": ratio(1) },
    });
    println!("{result}");
    Ok(())
}
