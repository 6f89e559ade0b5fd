//! Files of a run that are not what was written.

use std::fs;

use graph::testing::size;

use crate::bench::Bench;
use crate::place::SHARD;
use crate::report::{Case, Row};
use crate::side_by_side;

/// The files of a run of which a bit is changed.
const FILES: [&str; 10] = [
    "checkpoints/step-00000004/SHARD",
    "checkpoints/step-00000004/manifest.json",
    "checkpoints/step-00000004/config.toml",
    "checkpoints/step-00000004/plan.json",
    "checkpoints/step-00000004/tokenizer.model",
    "config.toml",
    "plan.json",
    "tokenizer.model",
    "metrics.jsonl",
    "rewinds.json",
];

/// What is done to a run in a folder.
type Damage = Box<dyn Fn(&Bench, &str) + Send>;

/// Damages runs that were cut off, and types the line again.
pub fn check(bench: &Bench, whole: bool) -> Vec<Row> {
    let all = cases(if whole { 6 } else { 1 });
    let some = all.into_iter().step_by(if whole { 1 } else { size::either(9, 5) }).collect();
    side_by_side(some, |(what, damage): (String, Damage)| {
        let run = bench.cut_off();
        damage(bench, &run);
        let output = bench.train(&run).output().unwrap();
        let ended = bench.ended(&run, &output, &what);
        let _ = fs::remove_dir_all(bench.place.path(&run));
        Row { case: Case::Other(what), ended, first: "damaged" }
    })
}

/// Every way to damage a run, with `bits` flipped bits in each kind of file.
fn cases(bits: usize) -> Vec<(String, Damage)> {
    let mut cases: Vec<(String, Damage)> = Vec::new();
    let mut add = |what: &str, damage: Damage| cases.push((what.to_owned(), damage));
    for file in FILES {
        let file = file.replace("SHARD", SHARD);
        let what = format!("a flipped bit in `{}`", file.replace("00000004", "N"));
        for bit in 0..bits {
            let file = file.clone();
            let flip = move |bench: &Bench, run: &str| {
                // The later lines of the metrics are of steps that are done again: the others count.
                let name = format!("{run}/{file}");
                let length = fs::metadata(bench.place.path(&name)).unwrap().len() as usize;
                let length = if file == "metrics.jsonl" { length / 2 } else { length };
                bench.place.flip(&name, (7919 * (bit + 1) + length * bit / bits) % length);
            };
            add(&what, Box::new(flip));
        }
    }
    let shard =
        |bench: &Bench, run: &str| bench.place.path(&format!("{run}/checkpoints/step-00000004/{SHARD}"));
    let cut = move |bench: &Bench, run: &str| {
        let file = fs::OpenOptions::new().write(true).open(shard(bench, run)).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    };
    add("a shard cut off in the middle", Box::new(cut));
    let zeros = move |bench: &Bench, run: &str| {
        let mut bytes = fs::read(shard(bench, run)).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(0);
        fs::write(shard(bench, run), bytes).unwrap();
    };
    add("a shard whose second half is zeros", Box::new(zeros));
    add("an empty shard", Box::new(move |bench, run| fs::write(shard(bench, run), "").unwrap()));
    add("a missing shard", Box::new(move |bench, run| fs::remove_file(shard(bench, run)).unwrap()));
    for file in ["manifest.json", "config.toml", "plan.json", "tokenizer.model"] {
        let remove = move |bench: &Bench, run: &str| {
            fs::remove_file(bench.place.path(&format!("{run}/checkpoints/step-00000004/{file}"))).unwrap();
        };
        add(&format!("a checkpoint without `{file}`"), Box::new(remove));
    }
    for file in ["config.toml", "plan.json", "tokenizer.model", "rewinds.json", ".lock"] {
        let remove = move |bench: &Bench, run: &str| {
            fs::remove_file(bench.place.path(&format!("{run}/{file}"))).unwrap();
        };
        add(&format!("a run without `{file}`"), Box::new(remove));
    }
    let none_good = |bench: &Bench, run: &str| {
        for step in [2, 4] {
            bench.place.flip(&format!("{run}/checkpoints/step-0000000{step}/{SHARD}"), 999);
        }
    };
    add("no good checkpoint at all", Box::new(none_good));
    let torn = |bench: &Bench, run: &str| {
        let path = bench.place.path(&format!("{run}/metrics.jsonl"));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 40]).unwrap();
    };
    add("a torn last line of `metrics.jsonl`", Box::new(torn));
    cases
}
