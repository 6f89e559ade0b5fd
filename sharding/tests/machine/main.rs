//! Machines: what their texts mean, which exist, and what their links cost.

mod links;
mod texts;

use proptest::prelude::*;
use sharding::DeviceKind;
use sharding::machine::Topology;

#[track_caller]
fn machine(text: &str, slices: usize) -> Topology {
    Topology::parse(text, slices).unwrap_or_else(|error| panic!("{error}"))
}

/// Any machine that exists.
fn machines() -> impl Strategy<Value = Topology> {
    let all = Topology::all();
    let tpus = all.iter().filter(|machine| machine.kind() == DeviceKind::Tpu).count();
    prop_oneof![
        (0..all.len(), 1usize..=8).prop_map(move |(index, slices)| {
            let slices = if index < tpus { slices } else { 1 };
            Topology::parse(&all[index].to_string(), slices).unwrap()
        }),
        (1usize..=256).prop_map(|devices| Topology::parse(&format!("cpu:{devices}"), 1).unwrap()),
        (1usize..=64, 0usize..4).prop_map(|(hosts, log)| Topology::parse(
            &format!("gpu:h100:{hosts}x{}", 1 << log),
            1
        )
        .unwrap()),
    ]
}
