//! Scores requests of a file with a run's model and says how fast: what `bench/score.py` measures.
//!
//! `cargo run --release -p eval --example score -- RUN REQUESTS [reuse|whole] [BATCH]`: each line of REQUESTS is
//! `[context ids, continuation ids]`. They are scored once to compile programs, and once more to be measured, with what the
//! first time left on the device forgotten. A JSON object on standard output: seconds, tokens scored, and what they took.

use std::path::PathBuf;
use std::time::Instant;

use eval::TrainedModel;
use eval::scoring::{Row, ScoringOptions};
use runtime::{DeviceKind, Runtime};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, requests, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: score RUN REQUESTS [reuse|whole] [BATCH]");
        std::process::exit(2);
    };
    let reuse = rest.first().is_none_or(|mode| mode == "reuse");
    let batch = rest.get(1).map_or(Ok(ScoringOptions::default().batch), |batch| batch.parse())?;
    let rows: Vec<Row> = std::fs::read_to_string(requests)?
        .lines()
        .map(|line| {
            let (context, continuation) = serde_json::from_str(line)?;
            Ok(Row { context, continuation })
        })
        .collect::<Result<_>>()?;
    let runtime = Runtime::find(DeviceKind::Cpu)?.ok_or("no CPU plugin in the cache")?;
    let model = TrainedModel::open(&PathBuf::from(run), &mut |warning| eprintln!("{warning}"))?;
    let mut scorer = model.scorer(&runtime, ScoringOptions { batch, reuse, top: 0 })?;
    scorer.score_all(&rows)?;
    let before = scorer.statistics();
    scorer.forget();
    let (begin, cpu) = (Instant::now(), processor_seconds());
    let scores = scorer.score_all(&rows)?;
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), processor_seconds() - cpu);
    let now = scorer.statistics();
    let sum: f64 = scores.iter().map(|score| score.log_probability()).sum();
    println!(
        "{}",
        serde_json::json!({
            "seconds": seconds,
            "cpu_seconds": cpu,
            "first_seconds": before.seconds,
            "scored": now.scored - before.scored,
            "computed": now.computed - before.computed,
            "reused": now.reused - before.reused,
            "calls": now.calls - before.calls,
            "sum": sum,
        })
    );
    Ok(())
}

/// Processor time of this process so far, of all its threads, in seconds; 0 where the system does not say as Linux does.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
