//! Statistics of 137 documents beside those that the public programs gave.

use std::fs::File;
use std::path::Path;

use lzma_rust2::XzReader;
use massivetext::{Measurer, RuleSet};
use serde_json::{Deserializer, Value};

const FILE: &str = "../../shared/reference/gopher_filters/docs_with_stats.jsonl.xz";

#[test]
fn statistics_are_those_of_the_reference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let Ok(file) = File::open(&path) else {
        eprintln!("skipped: {FILE} is not there");
        return;
    };
    let mut measurer = Measurer::default();
    let (mut documents, mut compared, mut worst) = (0, 0, 0.0_f64);
    for row in Deserializer::from_reader(XzReader::new(file, true)).into_iter::<Value>() {
        let row = row.unwrap();
        documents += 1;
        for (set, key) in [(RuleSet::DatatroveWs, "datatrove_ws"), (RuleSet::Dolma, "dolma")] {
            let found = measurer.measure(row["text"].as_str().unwrap(), &[set], &mut ()).remove(0);
            let expected = flat(&row[key]);
            for (name, value) in &expected {
                let index = set.statistics().iter().position(|known| known == name);
                let found = found[index.unwrap_or_else(|| panic!("{set} has no {name}"))];
                worst = worst.max((found - value).abs());
                assert!(
                    (found - value).abs() <= 1e-9,
                    "{} {set} {name}: {found}, not {value}",
                    row["source"]
                );
                compared += 1;
            }
        }
    }
    // 22 statistics of datatrove and 19 of dolma.
    assert_eq!((documents, compared), (137, 137 * (22 + 19)));
    println!("{compared} statistics of {documents} documents; the largest difference is {worst:e}");
}

/// Objects in an object as names with dots.
fn flat(statistics: &Value) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for (name, value) in statistics.as_object().unwrap() {
        match value {
            Value::Object(inner) => all
                .extend(inner.iter().map(|(key, value)| (format!("{name}.{key}"), value.as_f64().unwrap()))),
            value => all.push((name.clone(), value.as_f64().unwrap())),
        }
    }
    all
}
