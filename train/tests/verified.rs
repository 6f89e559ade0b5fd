//! The verified plans beside today's predictions: `sharding/calibration/verified.json` has the peak memory that was
//! predicted when it was written, from which the planner learns how far it is off.

use configuration::Draft;
use model::Preset;
use serde_json::Value;
use sharding::cost::{Estimate, Rates};
use sharding::machine::Topology;
use sharding::plan::Plan;
use sharding::search::Workload;
use train::plan::{OnMachine, Planned};

/// A verified plan as it is recorded, priced today, and the memory of a device.
fn predicted(record: &Value) -> (Estimate, u64) {
    let slices = record["slices"].as_u64().unwrap() as usize;
    let topology = Topology::parse(record["topology"].as_str().unwrap(), slices).unwrap();
    let preset = Preset::find(record["model"].as_str().unwrap()).unwrap();
    let mut draft = Draft::quick_start().unwrap();
    draft.set_value("test", "model.preset", preset.name.into()).unwrap();
    let config = draft.finish().unwrap();
    let regime = config.training.precision.regime(topology.kind(), &config.model);
    let plan: Plan = serde_json::from_value(record["plan"].clone()).unwrap();
    let planned = Planned {
        float32_copy: regime.float32_copy(),
        ..Planned::new(config.model, regime.dtypes(), 1.0, plan.sequence_length, topology.kind())
    };
    let rates = Rates::of(&topology);
    let workload = OnMachine { planned: &planned, rates: &rates };
    (workload.estimate(&plan.with_derived_rules()).unwrap(), topology.chip().memory_bytes)
}

fn records() -> Vec<Value> {
    serde_json::from_str(include_str!("../../sharding/calibration/verified.json")).unwrap()
}

fn name(record: &Value) -> String {
    let part = |key: &str| record[key].as_str().unwrap().to_owned();
    format!("{} on {} x {}, {}", part("model"), part("topology"), record["slices"], part("batch"))
}

#[test]
fn the_recorded_predictions_are_those_of_today() {
    assert!(records().len() >= 26);
    for record in records() {
        let recorded = record["predicted_peak_bytes"].as_u64();
        let now = predicted(&record).0.peak_bytes();
        let case = name(&record);
        assert_eq!(recorded, Some(now), "{case}: run `python3 bench/plans.py table`");
    }
}

/// Bytes on rings of collectives whose names begin so, of a compiled program or a priced one.
fn ring_bytes(totals: &Value, kind: &str) -> f64 {
    let of = totals.as_object().unwrap().iter().filter(|(name, _)| name.starts_with(kind));
    of.map(|(_, total)| total["ring_bytes"].as_f64().unwrap()).sum()
}

/// Plans with ZeRO 2 whose gradients the CUDA plugin 0.12 sums in float32 in each microbatch, where the program says bfloat16: up to
/// twice the bytes. 0.11 did not (1.4b on gpu:h100:1x8). Not predicted.
const SUMMED_WIDER: [&str; 2] = ["1.4b on gpu:a100:2x8 x 1, 0.25M", "1.4b on gpu:a100-80g:1x8 x 1, 0.25M"];

/// What is gathered, and what is summed, an all-reduce being two passes and a reduce-scatter one: where records were made
/// before fused reduce-scatters were told from all-reduces, only that is known. Compilers gather again what they have no room to
/// keep: gathers count where a sixth of the memory is free.
#[test]
fn bytes_of_collectives_are_those_of_the_compiled_programs() {
    let (mut checked, mut far) = (0, Vec::new());
    for record in records() {
        let (estimate, memory) = predicted(&record);
        let priced = serde_json::to_value(&estimate.collectives).unwrap();
        let compiled = &record["compiled"]["collectives"];
        let sums = |totals| ring_bytes(totals, "reduce-scatter") + ring_bytes(totals, "all-reduce") / 2.0;
        if record["plan"]["mesh"].as_object().unwrap().values().all(|size| size == 1) {
            continue;
        }
        let mut errors = vec![("sums", sums(&priced) / sums(compiled) - 1.0)];
        let needed = record["compiled"]["peak_bytes_per_device"].as_f64().unwrap();
        if needed <= memory as f64 * 5.0 / 6.0 {
            let gathered = |totals| ring_bytes(totals, "all-gather");
            errors.push(("gathers", gathered(&priced) / gathered(compiled) - 1.0));
        }
        for (what, error) in errors {
            checked += 1;
            if what == "sums" && SUMMED_WIDER.contains(&name(&record).as_str()) {
                assert!((-0.5..-0.2).contains(&error), "{what} of {}: {error:+.3}", name(&record));
                continue;
            }
            assert!(error.abs() <= 0.11, "{what} of {}: {error:+.3}", name(&record));
            if error.abs() > 0.05 {
                far.push(format!("{what} of {}: {error:+.3}", name(&record)));
            }
        }
    }
    // Of small models: the compiler adds gradients of the embedding and the head up behind the loop over microbatches.
    assert_eq!(far.len(), 2, "{far:#?}");
    // Sums of all, and gathers of those that have room.
    assert!(checked >= records().len() + 10, "{checked}");
}

/// Counted by kind: the TPU compiler makes all-reduces of the reduce-scatters that it is said to, and of no others.
#[test]
fn reduce_scatters_become_all_reduces_where_that_is_predicted() {
    let find = |model: &str, machine: &str, batch: &str| {
        let is = |record: &Value| {
            record["model"] == model && record["topology"] == machine && record["batch"] == batch
        };
        records().into_iter().find(is).unwrap()
    };
    for (record, names) in [
        (
            find("7.1b", "tpu:v3:8x8", "2M"),
            &["all-reduce x 32", "reduce-scatter x 32", "reduce-scatter x 4"][..],
        ),
        (find("280b", "tpu:v3:32x32", "6M"), &["all-reduce x 256", "reduce-scatter x 8"]),
        (find("280b", "tpu:v3:32x32", "3M"), &["all-reduce x 128", "reduce-scatter x 16"]),
        (find("280b", "tpu:v6e:16x16", "6M"), &["all-reduce x 128", "reduce-scatter x 2"]),
        (find("280b", "tpu:v4:16x16x16", "6M"), &["reduce-scatter x 1024", "reduce-scatter x 4"]),
        (find("7.1b", "tpu:v5p:2x2x4", "2M"), &["all-reduce x 16"]),
        (find("7.1b", "tpu:v5e:8x8", "2M"), &["all-reduce x 64"]),
    ] {
        let estimate = predicted(&record).0;
        for &kind in names {
            let priced = estimate.collectives[kind].ring_bytes;
            let compiled = record["compiled"]["collectives"][kind]["ring_bytes"].as_f64().unwrap();
            let error = priced / compiled - 1.0;
            assert!(error.abs() <= 0.05, "{kind} of {}: {error:+.3}", name(&record));
        }
    }
}
