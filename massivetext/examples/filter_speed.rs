//! Documents per second of the rules on one thread: `filter_speed DOCUMENTS.jsonl SECONDS SET…`; or of the whole stage, from
//! file to files: `filter_speed DOCUMENTS.jsonl NEW_FOLDER SET…`, the first of which decides. Prints a line of JSON.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use massivetext::filter::{self, Configuration, Places};
use massivetext::manifest::{Manifest, Part};
use massivetext::{Measurer, RuleSet, Rules};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(where_to)) = (arguments.next(), arguments.next()) else {
        return Err("filter_speed DOCUMENTS.jsonl SECONDS|NEW_FOLDER SET…".into());
    };
    let sets: Vec<RuleSet> = arguments.filter_map(|name| RuleSet::named(&name)).collect();
    let began = Instant::now();
    let documents = match where_to.parse() {
        Ok(seconds) => measure(Path::new(&path), seconds, &sets)?,
        Err(_) => stage(Path::new(&path), Path::new(&where_to), &sets)?,
    };
    println!("{}", json!({"sets": sets, "documents": documents, "seconds": began.elapsed().as_secs_f64()}));
    Ok(())
}

fn measure(path: &Path, seconds: f64, sets: &[RuleSet]) -> Result<u64, Box<dyn Error>> {
    let rules: Vec<Rules> = sets.iter().copied().map(Rules::new).collect();
    let mut texts = Vec::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let row: Value = serde_json::from_str(line)?;
        texts.extend(row["text"].as_str().map(str::to_owned));
    }
    let mut measurer = Measurer::default();
    let (mut documents, mut kept) = (0, 0_u64);
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < seconds && !texts.is_empty() {
        for text in &texts {
            let all = measurer.measure(text, sets, &mut ());
            let passes = |(rules, found): (&Rules, &Vec<f64>)| rules.failed(found).next().is_none();
            kept += u64::from(rules.iter().zip(&all).all(passes));
            documents += 1;
        }
    }
    std::hint::black_box(kept);
    Ok(documents)
}

fn stage(path: &Path, out: &Path, sets: &[RuleSet]) -> Result<u64, Box<dyn Error>> {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    let rules = *sets.first().ok_or("no rule set")?;
    let configuration = Configuration { rules, compare: sets.to_vec(), ..Configuration::default() };
    let places = Places {
        inputs: vec![path.to_owned()],
        out: out.to_owned(),
        rejected: None,
        part: Part::WHOLE,
        strict: true,
    };
    let manifest = Manifest::find(&places.inputs)?;
    Ok(filter::run(&configuration, &places, &manifest, &mut |_| ())?.receipt.ledger.records)
}
