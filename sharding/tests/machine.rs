//! Machines: what their texts mean, which exist, and what their links cost.

use proptest::prelude::*;
use sharding::DeviceKind;
use sharding::machine::{Chip, Collective, Interconnect, Topology, TopologyError};

#[track_caller]
fn machine(text: &str, slices: usize) -> Topology {
    Topology::parse(text, slices).unwrap_or_else(|error| panic!("{error}"))
}

fn options(machine: &Topology) -> String {
    machine.plugin_options().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_topology_counts_what_it_has() {
    // Text, slices; devices, chips, hosts, devices joined by fast links.
    for (text, slices, counts) in [
        ("cpu:1", 1, [1, 1, 1, 1]),
        ("cpu:8", 1, [8, 8, 1, 8]),
        ("tpu:v2:2x2", 1, [8, 4, 1, 8]),
        ("tpu:v3:2x2", 1, [8, 4, 1, 8]),
        ("tpu:v3:32x32", 1, [2048, 1024, 256, 2048]),
        ("tpu:v3:32x32", 4, [8192, 4096, 1024, 2048]),
        ("tpu:v4:2x2x1", 1, [4, 4, 1, 4]),
        ("tpu:v4:16x16x16", 1, [4096, 4096, 1024, 4096]),
        ("tpu:v5e:1x1", 1, [1, 1, 1, 1]),
        ("tpu:v5e:2x4", 1, [8, 8, 1, 8]),
        ("tpu:v5e:16x16", 2, [512, 512, 128, 256]),
        ("tpu:v5p:16x16x24", 1, [6144, 6144, 1536, 6144]),
        ("tpu:v5p:16x20x28", 1, [8960, 8960, 2240, 8960]),
        ("tpu:v6e:16x16", 1, [256, 256, 64, 256]),
        ("tpu:7x:2x2x1", 1, [8, 4, 1, 8]),
        ("tpu:7x:16x24x24", 1, [18432, 9216, 2304, 18432]),
        ("gpu:h100:1x8", 1, [8, 8, 1, 8]),
        ("gpu:a100-80g:16x8", 1, [128, 128, 16, 8]),
        ("gpu:h200:2x4", 1, [8, 8, 2, 4]),
    ] {
        let machine = machine(text, slices);
        let counted = [machine.devices(), machine.chips(), machine.hosts(), machine.devices_per_island()];
        assert_eq!(counted, counts, "{text}, {slices} slices");
        assert_eq!((machine.to_string().as_str(), machine.slices()), (text, slices));
    }
}

#[test]
fn a_topology_says_what_to_ask_of_the_plugin() {
    for (text, slices, name, expected) in [
        ("cpu:8", 1, "cpu", "cpu_device_count=8"),
        ("tpu:v2:8x16", 1, "v2:8x16", "wrap=[0, 1, 0]"),
        ("tpu:v3:4x4", 1, "v3:4x4", ""),
        ("tpu:v3:16x32", 1, "v3:16x32", "wrap=[0, 1, 0]"),
        ("tpu:v3:32x32", 4, "v3:32x32", "num_slices=4 wrap=[1, 1, 0]"),
        ("tpu:v4:2x2x4", 1, "v4:2x2x4", "chip_config_name=megacore"),
        ("tpu:v4:4x4x8", 1, "v4:4x4x8", "wrap=[1, 1, 1] chip_config_name=megacore"),
        ("tpu:v5e:1x1", 1, "v5e:1x1", "chips_per_host_bounds=[1, 1, 1]"),
        ("tpu:v5e:2x4", 1, "v5e:2x4", "chips_per_host_bounds=[2, 4, 1]"),
        ("tpu:v5e:8x16", 1, "v5e:8x16", "wrap=[0, 1, 0]"),
        ("tpu:v6e:16x16", 2, "v6e:16x16", "num_slices=2 wrap=[1, 1, 0]"),
        ("tpu:v5p:4x4x4", 1, "v5p:4x4x4", "wrap=[1, 1, 1] chip_config_name=megacore"),
        ("tpu:7x:2x2x1", 1, "tpu7x:2x2x1", ""),
        ("gpu:h100:1x8", 1, "cuda", "topology=1x1x8"),
        ("gpu:h100:4x8", 1, "cuda", "topology=4x1x8"),
    ] {
        let machine = machine(text, slices);
        assert_eq!(machine.plugin_name(), name, "{text}");
        let given = options(&machine).replace('"', "");
        assert_eq!(given, expected, "{text}");
    }
    assert_eq!(machine("gpu:a100-80g:1x8", 1).gpu(), Some("a100-80g"));
    assert_eq!(machine("tpu:v3:2x2", 1).gpu(), None);
}

#[test]
fn other_names_for_the_same_machine_are_read() {
    for (text, canonical) in [
        (" TPU:V3:32X32 ", "tpu:v3:32x32"),
        ("tpu:v7x:4x4x4", "tpu:7x:4x4x4"),
        ("tpu:tpu7x:4x4x4", "tpu:7x:4x4x4"),
        ("tpu:v5litepod:4x4", "tpu:v5e:4x4"),
        ("gpu:H100:01x08", "gpu:h100:1x8"),
    ] {
        assert_eq!(machine(text, 1).to_string(), canonical);
    }
}

#[test]
fn a_machine_that_is_not_made_is_refused_with_those_that_are() {
    for (text, slices, expected) in [
        (
            "tpu:v5e:17x3",
            1,
            "topology `tpu:v5e:17x3`: TPU v5e: no slice is 17x3; nearest: tpu:v5e:8x8 or tpu:v5e:4x8",
        ),
        (
            "tpu:v3:64x64",
            1,
            "topology `tpu:v3:64x64`: TPU v3: one slice has at most 1024 chips (32x32); nearest: tpu:v3:32x32 --slices 4",
        ),
        (
            "tpu:v3:32x64",
            2,
            "topology `tpu:v3:32x64`: TPU v3: one slice has at most 1024 chips (32x32); nearest: tpu:v3:32x32 --slices 4",
        ),
        ("tpu:v3:8x4", 1, "topology `tpu:v3:8x4`: TPU v3: no slice is 8x4; nearest: tpu:v3:4x8"),
        ("tpu:v3:4x4x4", 1, "topology `tpu:v3:4x4x4`: TPU v3: a slice has 2 dimensions; nearest: tpu:v3:8x8"),
        (
            "tpu:v4:16x16",
            1,
            "topology `tpu:v4:16x16`: TPU v4: a slice has 3 dimensions; nearest: tpu:v4:4x8x8",
        ),
        (
            "tpu:v4:6x6x6",
            1,
            "topology `tpu:v4:6x6x6`: TPU v4: no slice is 6x6x6; nearest: tpu:v4:4x4x12 or tpu:v4:4x8x8",
        ),
        (
            "tpu:v4:16x16x32",
            1,
            "topology `tpu:v4:16x16x32`: TPU v4: one slice has at most 4096 chips (16x16x16); nearest: tpu:v4:16x16x16 --slices 2",
        ),
        (
            "tpu:v2:4x8",
            1,
            "topology `tpu:v2:4x8`: TPU v2: no slice is 4x8; nearest: tpu:v2:4x4 or tpu:v2:8x8",
        ),
        (
            "tpu:v6e:0x4",
            1,
            "topology `tpu:v6e:0x4`: TPU v6e: a slice has at least one chip; nearest: tpu:v6e:1x1",
        ),
        (
            "tpu:v3:99999999999x99999999999",
            1,
            "topology `tpu:v3:99999999999x99999999999`: TPU v3: one slice has at most 1024 chips (32x32); nearest: tpu:v3:32x32",
        ),
        (
            "tpu:v3:32x32",
            0,
            "topology `tpu:v3:32x32`: 0 slices, which must be 1 to 256; nearest: tpu:v3:32x32",
        ),
        (
            "tpu:v3:32x32",
            1000,
            "topology `tpu:v3:32x32`: 1000 slices, which must be 1 to 256; nearest: tpu:v3:32x32 --slices 256",
        ),
        (
            "gpu:h100:1x9",
            1,
            "topology `gpu:h100:1x9`: a host has 1, 2, 4 or 8 GPUs, not 9; nearest: gpu:h100:1x8 or gpu:h100:2x8",
        ),
        (
            "gpu:a100:2x3",
            1,
            "topology `gpu:a100:2x3`: a host has 1, 2, 4 or 8 GPUs, not 3; nearest: gpu:a100:2x2 or gpu:a100:2x4",
        ),
        (
            "gpu:h100:1x0",
            1,
            "topology `gpu:h100:1x0`: a host has 1, 2, 4 or 8 GPUs, not 0; nearest: gpu:h100:1x1",
        ),
        (
            "gpu:h100:0x8",
            1,
            "topology `gpu:h100:0x8`: 0 hosts, which must be 1 to 4096; nearest: gpu:h100:1x8",
        ),
        (
            "gpu:h100:2x8",
            4,
            "topology `gpu:h100:2x8`: GPUs have hosts instead of slices, 4 were given; nearest: gpu:h100:8x8",
        ),
        ("cpu:0", 1, "topology `cpu:0`: a processor is 1 to 256 virtual devices; nearest: cpu:1"),
        ("cpu:1000", 1, "topology `cpu:1000`: a processor is 1 to 256 virtual devices; nearest: cpu:256"),
        ("cpu:4", 2, "topology `cpu:4`: a processor is one slice, not 2; nearest: cpu:8"),
    ] {
        let error = Topology::parse(text, slices).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn what_is_not_a_topology_is_refused_with_its_form() {
    let form = "; write cpu:8 (devices), tpu:v3:32x32 (generation and chips) or gpu:h100:4x8 (name, hosts and GPUs in each)";
    for (text, reason) in [
        ("", "nothing is given"),
        ("  ", "nothing is given"),
        ("garbage", "`garbage` is none of cpu, tpu, gpu"),
        ("v3:32x32", "`v3` is none of cpu, tpu, gpu"),
        ("cuda:h100:1x8", "`cuda` is none of cpu, tpu, gpu"),
        ("tpu:v3", "parts are missing, or there are too many"),
        ("tpu:v3:32x32:4", "parts are missing, or there are too many"),
        ("cpu:", "`` is not a size"),
        ("cpu:2x2", "the devices of a processor are one number"),
        ("cpu:+2", "`+2` is not a size"),
        ("tpu:v3:32xx32", "`32xx32` is not a size"),
        ("tpu:v3:-1x4", "`-1x4` is not a size"),
        ("tpu:v3:9999999999999999999999x1", "`9999999999999999999999x1` is not a size"),
        ("gpu:h100:8", "GPUs are given as hosts and the GPUs of each, such as 4x8"),
    ] {
        let error = Topology::parse(text, 1).unwrap_err();
        assert_eq!(error.to_string(), format!("topology `{text}`: {reason}{form}"));
    }
    for (text, expected) in [
        (
            "tpu:v9:2x2",
            "topology `tpu:v9:2x2`: no TPU is called `v9`; there are v2, v3, v4, v5e, v5p, v6e, 7x",
        ),
        (
            "gpu:b200:1x8",
            "topology `gpu:b200:1x8`: no GPU is called `b200`; there are a100, a100-80g, h100, h200",
        ),
        // A GPU is not a TPU.
        (
            "tpu:h100:1x8",
            "topology `tpu:h100:1x8`: no TPU is called `h100`; there are v2, v3, v4, v5e, v5p, v6e, 7x",
        ),
    ] {
        assert_eq!(Topology::parse(text, 1).unwrap_err().to_string(), expected);
    }
}

#[test]
fn every_machine_that_exists_is_read_back_from_its_name() {
    let all = Topology::all();
    assert!(all.len() > 500);
    for machine in all {
        assert_eq!(Topology::parse(&machine.to_string(), 1), Ok(machine.clone()));
        assert!(machine.devices() % machine.hosts() == 0, "{machine}");
        assert!(machine.shape().is_sorted() || machine.shape() == [2, 2, 1], "{machine}");
    }
}

#[test]
fn the_sizes_of_each_generation() {
    let sizes = |prefix: &str| {
        let all = Topology::all();
        let names = all.iter().map(ToString::to_string);
        names.filter_map(|name| Some(name.strip_prefix(prefix)?.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(sizes("tpu:v2:"), ["2x2", "4x4", "8x8", "8x16", "16x16"]);
    assert_eq!(sizes("tpu:v3:"), ["2x2", "4x4", "4x8", "8x8", "8x16", "16x16", "16x32", "32x32"]);
    for plane in ["tpu:v5e:", "tpu:v6e:"] {
        assert_eq!(sizes(plane), ["1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16"]);
    }
    for (cubes, largest) in [("tpu:v4:", "16x16x16"), ("tpu:v5p:", "16x20x28"), ("tpu:7x:", "16x24x24")] {
        let sizes = sizes(cubes);
        assert_eq!(sizes[..7], ["2x2x1", "2x2x2", "2x2x4", "2x4x4", "4x4x4", "4x4x8", "4x4x12"]);
        assert!(sizes.contains(&largest.to_owned()), "{cubes}");
    }
}

#[test]
fn larger_machines_come_by_size_and_with_one_slice_first() {
    let larger = |text: &str, slices: usize, count: usize| -> Vec<String> {
        machine(text, slices).next_larger().map(|larger| larger.with_slices()).take(count).collect()
    };
    assert_eq!(
        larger("tpu:v3:8x16", 1, 5),
        [
            "tpu:v3:16x16",
            "tpu:v3:16x32",
            "tpu:v3:32x32",
            "tpu:v3:32x32 --slices 2",
            "tpu:v3:32x32 --slices 3"
        ]
    );
    // A slice of more chips is better than more slices.
    assert_eq!(larger("tpu:v5e:8x8", 2, 2), ["tpu:v5e:16x16", "tpu:v5e:16x16 --slices 2"]);
    assert_eq!(larger("tpu:v5e:16x16", 3, 1), ["tpu:v5e:16x16 --slices 4"]);
    // One of each number of chips, the most cubic: not 4x4x16 beside 4x8x8.
    assert_eq!(
        larger("tpu:v4:2x4x4", 1, 5),
        ["tpu:v4:4x4x4", "tpu:v4:4x4x8", "tpu:v4:4x4x12", "tpu:v4:4x8x8", "tpu:v4:4x4x20"]
    );
    assert_eq!(
        larger("gpu:h100:1x2", 1, 4),
        ["gpu:h100:1x4", "gpu:h100:1x8", "gpu:h100:2x8", "gpu:h100:3x8"]
    );
    assert_eq!(larger("gpu:h100:16x1", 1, 1), ["gpu:h100:3x8"]);
    for (text, slices) in [("tpu:v6e:16x16", 256), ("gpu:a100:4096x8", 1), ("cpu:2", 1)] {
        assert_eq!(larger(text, slices, 1), [""; 0]);
    }
    let memory = machine("tpu:v3:8x8", 1).with_memory_bytes(1 << 33).next_larger().next().unwrap();
    assert_eq!(memory.chip().memory_bytes, 1 << 33);
}

#[test]
fn numbers_of_a_chip_are_those_of_a_device() {
    let v3 = Chip::find("v3").unwrap();
    assert_eq!((v3.bf16_flops, v3.clock_hz, v3.memory_bytes), (61.5e12, 940e6, 16_622_026_752));
    assert_eq!(v3.peak_flops(graph::DType::BF16), v3.bf16_flops);
    // The assumption of the serial estimate, GB/s: all links of the chip one way, for each of its devices.
    for (name, expected) in [
        ("v2", 124.0),
        ("v3", 140.0),
        ("v4", 270.0),
        ("v5e", 200.0),
        ("v5p", 600.0),
        ("v6e", 400.0),
        ("7x", 300.0),
        ("a100", 300.0),
        ("h100", 450.0),
    ] {
        let chip = Chip::find(name).unwrap();
        assert_eq!(chip.estimator_link_bytes_per_second() / 1e9, expected, "{name}");
    }
    assert_eq!(machine("tpu:v3:4x4", 1).estimator_seconds(140e9), 1.0);

    for chip in Chip::ALL {
        assert!(chip.f32_flops <= chip.bf16_flops && chip.bf16_flops < 2e15, "{}", chip.name);
        assert!(chip.memory_bytes > 8 << 30 >> 1 && chip.memory_bytes < 200 << 30, "{}", chip.name);
        // A chip that is not balanced like this is a slip of the pen.
        let intensity = chip.bf16_flops / chip.memory_bytes_per_second;
        assert!((50.0..600.0).contains(&intensity), "{}: {intensity}", chip.name);
        assert!(chip.estimator_link_bytes_per_second() < chip.memory_bytes_per_second, "{}", chip.name);
        let torus = matches!(chip.interconnect, Interconnect::Torus { .. });
        assert_eq!(torus, chip.kind == DeviceKind::Tpu);
    }
}

#[test]
fn virtual_devices_share_their_processor() {
    let (one, eight) = (machine("cpu:1", 1), machine("cpu:8", 1));
    assert_eq!(eight.chip().memory_bytes * 8, one.chip().memory_bytes);
    assert_eq!(eight.chip().f32_flops * 8.0, one.chip().f32_flops);
    assert_eq!(eight.with_memory_bytes(1 << 30).chip().memory_bytes, 1 << 30);
}

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
    fn a_machine_is_read_back_from_its_text(machine in machines()) {
        prop_assert_eq!(Topology::parse(&machine.to_string(), machine.slices()), Ok(machine));
    }

    #[test]
    fn larger_machines_exist(machine in machines()) {
        let mut devices = machine.devices();
        for larger in machine.next_larger() {
            prop_assert!(larger.devices() > devices, "{} after {}", larger, devices);
            prop_assert_eq!(larger.chip().name, machine.chip().name);
            devices = larger.devices();
            prop_assert_eq!(Topology::parse(&larger.to_string(), larger.slices()), Ok(larger));
        }
    }

    #[test]
    fn any_text_is_a_machine_or_one_line(text in "(cpu|tpu|gpu)?:?(v3|v4|v5p|7x|h100)?:?[0-9x]{0,9}", slices in 0usize..300) {
        match Topology::parse(&text, slices) {
            Ok(machine) => prop_assert_eq!(Topology::parse(&machine.to_string(), slices), Ok(machine)),
            Err(error) => {
                prop_assert!(!error.to_string().contains('\n'));
                if let TopologyError::NoSuchMachine { nearest, .. } = error {
                    prop_assert!(!nearest.is_empty());
                    for machine in nearest {
                        prop_assert!(Topology::parse(&machine.topology, machine.slices).is_ok(), "{}", machine);
                    }
                }
            }
        }
    }

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
