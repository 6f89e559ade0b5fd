//! Files of a run that are not what was written.

use std::fs;

use crate::bench::Bench;
use crate::place::SHARD;
use crate::report::{Case, Row};

/// The files of a run of which a bit is changed.
const FILES: [&str; 9] = [
    "checkpoints/step-00000004/SHARD",
    "checkpoints/step-00000004/manifest.json",
    "checkpoints/step-00000004/config.toml",
    "checkpoints/step-00000004/plan.json",
    "checkpoints/step-00000004/tokenizer.model",
    "config.toml",
    "plan.json",
    "tokenizer.model",
    "metrics.jsonl",
];

/// Damages a run that was cut off, and types the line again.
pub fn check(bench: &Bench, bits: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut check = |what: String, damage: &dyn Fn(&str)| {
        let run = bench.cut_off();
        damage(&run);
        let output = bench.train(&run).output().unwrap();
        let ended = bench.ended(&run, &output, &what);
        let _ = fs::remove_dir_all(bench.place.path(&run));
        rows.push(Row { case: Case::Other(what), ended, first: "damaged" });
    };
    for file in FILES {
        let file = file.replace("SHARD", SHARD);
        for bit in 0..bits {
            check(format!("a flipped bit in {}", file.replace("00000004", "N")), &|run| {
                // The last line of the metrics is of a step that is done again: the others count.
                let name = format!("{run}/{file}");
                let length = fs::metadata(bench.place.path(&name)).unwrap().len() as usize;
                let length = if file == "metrics.jsonl" { length / 2 } else { length };
                bench.place.flip(&name, (7919 * (bit + 1) + length * bit / bits) % length);
            });
        }
    }
    let shard = |run: &str| bench.place.path(&format!("{run}/checkpoints/step-00000004/{SHARD}"));
    check("a shard cut off in the middle".into(), &|run| {
        let file = fs::OpenOptions::new().write(true).open(shard(run)).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
    check("a shard whose second half is zeros".into(), &|run| {
        let mut bytes = fs::read(shard(run)).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(0);
        fs::write(shard(run), bytes).unwrap();
    });
    check("an empty shard".into(), &|run| fs::write(shard(run), "").unwrap());
    check("a missing shard".into(), &|run| fs::remove_file(shard(run)).unwrap());
    for file in ["manifest.json", "config.toml", "plan.json", "tokenizer.model"] {
        check(format!("a checkpoint without {file}"), &|run| {
            fs::remove_file(bench.place.path(&format!("{run}/checkpoints/step-00000004/{file}"))).unwrap();
        });
    }
    for file in ["config.toml", "plan.json", "tokenizer.model", "loss.svg", ".lock"] {
        check(format!("a run without {file}"), &|run| {
            let _ = fs::remove_file(bench.place.path(&format!("{run}/{file}")));
        });
    }
    check("no good checkpoint at all".into(), &|run| {
        for step in [2, 4] {
            bench.place.flip(&format!("{run}/checkpoints/step-0000000{step}/{SHARD}"), 999);
        }
    });
    check("a torn last line of metrics.jsonl".into(), &|run| {
        let path = bench.place.path(&format!("{run}/metrics.jsonl"));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 40]).unwrap();
    });
    rows
}
