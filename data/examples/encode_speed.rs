//! How fast a tokenizer encodes, on one thread: `encode_speed MODEL DOCUMENTS.jsonl PASSES`. Each pass has a tokenizer of its own,
//! which remembers no word at first. Prints a line of JSON: processor seconds of each pass, tokens, and the SHA-256 of the ids.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use data::Tokenizer;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, documents, passes] = arguments.as_slice() else {
        return Err("encode_speed MODEL DOCUMENTS.jsonl PASSES".into());
    };
    let mut texts = Vec::new();
    for line in std::fs::read_to_string(documents)?.lines() {
        let row: Value = serde_json::from_str(line)?;
        texts.extend(row["text"].as_str().map(str::to_owned));
    }
    let (mut seconds, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..passes.parse()? {
        let tokenizer = Tokenizer::load(Path::new(model))?;
        ids.clear();
        let clock = Clock::start();
        let mut encoder = tokenizer.encoder();
        for text in &texts {
            encoder.encode_into(text, &mut ids);
        }
        seconds.push(clock.seconds());
    }
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{}", json!({"seconds": seconds, "tokens": ids.len(), "sha256": digest}));
    Ok(())
}

/// The processor time of this thread, so that other programs do not count; where Linux does not tell it, the time.
struct Clock(Instant, Option<u64>);

impl Clock {
    fn start() -> Self {
        Self(Instant::now(), Self::nanoseconds())
    }

    fn nanoseconds() -> Option<u64> {
        let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        statistics.split(' ').next()?.parse().ok()
    }

    fn seconds(&self) -> f64 {
        match (self.1, Self::nanoseconds()) {
            (Some(from), Some(to)) => to.saturating_sub(from) as f64 * 1e-9,
            _ => self.0.elapsed().as_secs_f64(),
        }
    }
}
