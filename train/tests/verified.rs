//! The verified plans beside today's predictions: `sharding/calibration/verified.json` has the peak memory that was
//! predicted when it was written, from which the planner learns how far it is off.

use configuration::Draft;
use model::Preset;
use serde_json::Value;
use sharding::cost::Rates;
use sharding::machine::Topology;
use sharding::plan::Plan;
use sharding::search::Workload;
use train::plan::{OnMachine, Planned};

/// A verified plan as it is recorded, priced today.
fn predicted(record: &Value) -> u64 {
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
    workload.estimate(&plan.with_derived_rules()).unwrap().peak_bytes()
}

#[test]
fn the_recorded_predictions_are_those_of_today() {
    let records = include_str!("../../sharding/calibration/verified.json");
    let records: Vec<Value> = serde_json::from_str(records).unwrap();
    assert!(records.len() >= 26);
    for record in records {
        let recorded = record["predicted_peak_bytes"].as_u64();
        let now = predicted(&record);
        let case = format!("{} on {}", record["model"], record["topology"]);
        assert_eq!(recorded, Some(now), "{case}: run `python3 bench/plans.py table`");
    }
}
