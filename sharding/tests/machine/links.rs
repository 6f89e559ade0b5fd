//! What the links of machines cost.

use proptest::prelude::*;
use sharding::machine::{Collective, Topology, TopologyError};

use crate::{machine, machines};

/// Per axis: `inner × outer` devices and GB/s inside.
#[track_caller]
fn check_links(text: &str, slices: usize, mesh: &[usize], expected: &[(usize, usize, f64)]) {
    let links = machine(text, slices).axis_links(mesh).unwrap();
    let rate = |bytes_per_second: f64| {
        if bytes_per_second.is_finite() { (bytes_per_second / 1e8).round() / 10.0 } else { 0.0 }
    };
    let found: Vec<_> = links
        .iter()
        .map(|axis| (axis.inner.size, axis.outer.size, rate(axis.inner.bytes_per_second)))
        .collect();
    assert_eq!(found, expected, "{text} {mesh:?}");
}

#[test]
fn an_axis_has_the_links_of_the_chips_it_spans() {
    // Rows of a pod: model over both cores and 32 chips in a ring (2 × 70), data over 32 chips, two cores share.
    check_links("tpu:v3:32x32", 1, &[32, 64], &[(32, 1, 70.0), (64, 1, 140.0)]);
    // Half a row is a line: one link.
    check_links("tpu:v3:32x32", 1, &[64, 32], &[(64, 1, 74.4), (32, 1, 70.0)]);
    // The whole pod: two rings.
    check_links("tpu:v3:32x32", 1, &[2048], &[(2048, 1, 280.0)]);
    // The cores of a chip alone.
    check_links("tpu:v3:32x32", 1, &[1024, 2], &[(1024, 1, 140.0), (2, 1, 280.0)]);
    // No ring in a part of a pod.
    check_links("tpu:v3:4x4", 1, &[4, 8], &[(4, 1, 35.0), (8, 1, 70.0)]);
    // Cubes always have rings.
    check_links("tpu:v4:4x4x4", 1, &[4, 16], &[(4, 1, 90.0), (16, 1, 180.0)]);
    // The major of two axes in one dimension takes turns on its links.
    check_links("tpu:v5e:16x16", 1, &[16, 4, 4], &[(16, 1, 100.0), (4, 1, 25.0), (4, 1, 50.0)]);
    // A switch has no such trouble.
    check_links("gpu:h100:1x8", 1, &[2, 4], &[(2, 1, 450.0), (4, 1, 450.0)]);
    // Axes of one device have no links.
    check_links("tpu:v3:2x2", 1, &[1, 8, 1], &[(1, 1, 0.0), (8, 1, 140.0), (1, 1, 0.0)]);
}

#[test]
fn what_is_beyond_a_slice_or_a_host_crosses_the_network() {
    check_links("tpu:v3:32x32", 4, &[4, 32, 64], &[(1, 4, 0.0), (32, 1, 70.0), (64, 1, 140.0)]);
    check_links("tpu:v3:32x32", 4, &[128, 64], &[(32, 4, 70.0), (64, 1, 140.0)]);
    check_links("tpu:v3:32x32", 4, &[8192], &[(2048, 4, 280.0)]);
    check_links("gpu:h100:4x8", 1, &[4, 8], &[(1, 4, 0.0), (8, 1, 450.0)]);
    check_links("gpu:h100:4x8", 1, &[2, 16], &[(1, 2, 0.0), (8, 2, 450.0)]);

    let machine = machine("gpu:h100:4x8", 1);
    let axes = machine.axis_links(&[2, 16]).unwrap();
    assert!(axes[1].crosses_network() && axes[1].size() == 16);
    assert_eq!(axes[1].outer.bytes_per_second, 50e9);
    // Two axes together are the whole machine, in either order.
    let whole = machine.axis_links(&[32]).unwrap()[0];
    assert_eq!(machine.group_links(&[2, 16], &[0, 1]).unwrap(), whole);
    assert_eq!(machine.group_links(&[2, 16], &[1, 0]).unwrap(), whole);
}

#[test]
fn operations_cost_what_rings_do() {
    let close = |seconds: f64, expected: f64| {
        assert!((seconds / expected - 1.0).abs() < 1e-12, "{seconds} is not {expected}");
    };
    let host = machine("gpu:h100:1x8", 1).axis_links(&[8]).unwrap()[0];
    let pass = 7.0 / 8.0 * 450e6 / 450e9 + 7.0 * 3e-6;
    close(host.seconds(Collective::AllGather, 450e6), pass);
    close(host.seconds(Collective::ReduceScatter, 450e6), pass);
    close(host.seconds(Collective::AllReduce, 450e6), 2.0 * pass);
    close(host.seconds(Collective::AllToAll, 450e6), pass);
    close(host.seconds(Collective::Permute, 450e6), 1e-3 + 3e-6);

    // Over four hosts an eighth crosses the network.
    let hosts = machine("gpu:h100:4x8", 1).axis_links(&[32]).unwrap()[0];
    let crossing = 3.0 / 4.0 * 450e6 / 8.0 / 50e9 + 3.0 * 8e-6;
    close(hosts.seconds(Collective::AllGather, 450e6), pass + crossing);
    close(hosts.seconds(Collective::AllReduce, 450e6), 2.0 * (pass + crossing));
    close(hosts.seconds(Collective::Permute, 450e6), 450e6 / 50e9 + 8e-6);

    // All-to-all on a ring of 16: data goes 4 links far on average, both ways.
    let ring = machine("tpu:v5e:16x16", 1).axis_links(&[16, 16]).unwrap()[0];
    close(ring.seconds(Collective::AllToAll, 100e6), 15.0 / 16.0 * 100e6 / 100e9 * 4.0 + 8e-6);

    let alone = machine("tpu:v3:2x2", 1).axis_links(&[8, 1]).unwrap()[1];
    assert_eq!(alone.seconds(Collective::AllReduce, 1e9), 0.0);
}

#[test]
fn a_mesh_of_another_size_is_refused() {
    let machine = machine("tpu:v3:32x32", 4);
    let error = machine.axis_links(&[4, 64, 16]).unwrap_err();
    assert!(matches!(error, TopologyError::Mesh { .. }));
    let expected = "a mesh of 4×64×16 is not laid over the 8192 devices of tpu:v3:32x32 --slices 4: the sizes must multiply to that";
    assert_eq!(error.to_string(), expected);
    assert!(machine.axis_links(&[usize::MAX, usize::MAX]).is_err());
    assert!(machine.axis_links(&[]).is_err() && machine.axis_links(&[0]).is_err());
}

/// A mesh of three axes that has the machine's devices, and any order of its prime factors.
fn meshes() -> impl Strategy<Value = (Topology, Vec<usize>)> {
    (machines(), prop::collection::vec(0usize..3, 32)).prop_map(|(machine, places)| {
        let mut mesh = vec![1; 3];
        let (mut left, mut place) = (machine.devices(), places.iter().cycle());
        while left > 1 {
            let prime = (2..=left).find(|factor| left.is_multiple_of(*factor)).unwrap();
            mesh[*place.next().unwrap()] *= prime;
            left /= prime;
        }
        (machine, mesh)
    })
}

proptest! {
    #[test]
    fn links_reach_every_device_of_a_mesh((machine, mesh) in meshes()) {
        let axes = machine.axis_links(&mesh).unwrap();
        for (axis, &size) in axes.iter().zip(&mesh) {
            // Rounded up where a mesh's axis and a dimension of the machine do not divide one another.
            prop_assert!(axis.size() >= size, "{} {:?} {:?}", machine, mesh, axis);
            prop_assert_eq!(axis.size() == 1, size == 1);
            for operation in [
                Collective::AllReduce,
                Collective::AllGather,
                Collective::ReduceScatter,
                Collective::AllToAll,
                Collective::Permute,
            ] {
                let (small, large) = (axis.seconds(operation, 1e6), axis.seconds(operation, 1e9));
                prop_assert!(small.is_finite() && large.is_finite() && small >= 0.0);
                prop_assert!(size == 1 || (small > 0.0 && large > small));
            }
        }
    }

    #[test]
    fn powers_of_two_are_counted_exactly(places in prop::collection::vec(0usize..3, 13)) {
        let mut mesh = [1usize; 3];
        for place in places {
            mesh[place] *= 2;
        }
        let machine = Topology::parse("tpu:v3:32x32", 4).unwrap();
        for (axis, size) in machine.axis_links(&mesh).unwrap().iter().zip(mesh) {
            prop_assert_eq!(axis.size(), size);
        }
    }
}
