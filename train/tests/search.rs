//! The search finds what pricing every plan finds.

use graph::DType;
use model::{ModelConfig, Precision};
use sharding::cost::Rates;
use sharding::machine::Topology;
use sharding::search::{Found, Pins, Space, exhaustive, search};
use train::plan::{OnMachine, Planned};

/// The plans kept, with their prices; what the two ways of searching must agree on.
fn kept(found: &Found) -> Vec<(String, f64, u64)> {
    let row = |priced: &sharding::search::Priced| {
        let plan = serde_json::to_string(&priced.plan).unwrap();
        (plan, priced.estimate.step_seconds, priced.estimate.peak_bytes())
    };
    found.plans.iter().map(row).collect()
}

/// Searches both ways, for the best three plans that fit `memory` bytes; how many plans the search priced, and how many
/// there are.
#[track_caller]
fn check(machine: &str, memory: u64, batch: usize, sequence_length: usize) -> (usize, usize) {
    let topology = Topology::parse(machine, 1).unwrap().with_memory_bytes(memory);
    let model = ModelConfig { layers: 4, heads: 8, key_value_size: 32, d_model: 256, vocabulary_size: 512 };
    let precision = Precision { parameters: DType::F32, activations: DType::BF16 };
    let planned = Planned::new(model, precision, 1.0, sequence_length, topology.kind());
    let rates = Rates::of(&topology);
    let space = Space {
        topology: topology.to_string(),
        slices: 1,
        islands: topology.devices() / topology.devices_per_island(),
        devices: topology.devices(),
        memory,
        flops_per_second: topology.chip().peak_flops(DType::BF16) * rates.calibration.products,
        batch,
        sequence_length,
        pins: Pins::default(),
    };
    let workload = OnMachine { planned: &planned, rates: &rates };
    let (found, all) = (search(&space, &workload, 3), exhaustive(&space, &workload, 3));
    assert_eq!(kept(&found), kept(&all), "{machine}");
    assert_eq!(all.priced, all.candidates);
    assert!(!found.plans.is_empty(), "nothing fits {machine}");
    (found.priced, all.priced)
}

#[test]
fn nothing_better_on_virtual_devices() {
    let (priced, all) = check("cpu:4", 1 << 30, 8, 128);
    assert!(priced < all, "bounds rule nothing out");
}

#[test]
fn nothing_better_on_a_tpu() {
    check("tpu:v3:2x2", 1 << 34, 16, 512);
}

/// Where memory decides.
#[test]
fn nothing_better_in_little_memory() {
    check("tpu:v5e:2x2", 36 << 20, 8, 512);
}

#[test]
fn nothing_better_on_gpus_of_two_hosts() {
    check("gpu:h100:2x4", 1 << 34, 16, 512);
}
