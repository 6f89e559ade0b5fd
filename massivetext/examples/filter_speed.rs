//! Documents per second of the rules on one thread: `filter_speed DOCUMENTS.jsonl SECONDS SET…`. Prints a line of JSON.

use std::time::Instant;

use massivetext::{Measurer, RuleSet, Rules};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(seconds)) = (arguments.next(), arguments.next()) else {
        return Err("filter_speed DOCUMENTS.jsonl SECONDS SET…".into());
    };
    let seconds: f64 = seconds.parse()?;
    let sets: Vec<RuleSet> = arguments.filter_map(|name| RuleSet::named(&name)).collect();
    let rules: Vec<Rules> = sets.iter().copied().map(Rules::new).collect();
    let mut texts = Vec::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let row: Value = serde_json::from_str(line)?;
        texts.extend(row["text"].as_str().map(str::to_owned));
    }
    let mut measurer = Measurer::default();
    let (mut documents, mut bytes, mut kept) = (0_u64, 0_u64, 0_u64);
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < seconds && !texts.is_empty() {
        for text in &texts {
            let all = measurer.measure(text, &sets, &mut ());
            let is_kept = rules.iter().zip(&all).all(|(rules, found)| rules.failed(found).next().is_none());
            documents += 1;
            bytes += text.len() as u64;
            kept += u64::from(is_kept);
        }
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({
            "sets": sets, "documents": documents, "seconds": took, "documents_per_second": documents as f64 / took,
            "megabytes_per_second": bytes as f64 / took / 1e6, "kept_of_a_round": kept / (documents / texts.len() as u64).max(1),
        })
    );
    Ok(())
}
