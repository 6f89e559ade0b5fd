//! What the texts of machines mean, and which exist.

use proptest::prelude::*;
use sharding::DeviceKind;
use sharding::machine::{Chip, Interconnect, Topology, TopologyError};

use crate::{machine, machines};

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
fn other_names_for_the_same_machine_are_read() {
    for (text, canonical) in [
        (" TPU:V3:32X32 ", "tpu:v3:32x32"),
        ("tpu:v7x:4x4x4", "tpu:7x:4x4x4"),
        ("tpu:tpu7x:4x4x4", "tpu:7x:4x4x4"),
        ("tpu:v5litepod:4x4", "tpu:v5e:4x4"),
        ("gpu:H100:01x08", "gpu:h100:1x8"),
        ("v3:32x32", "tpu:v3:32x32"),
        ("cuda:h100:1x8", "gpu:h100:1x8"),
        // By Cloud TPU's names, where the number is that of devices and of one slice.
        ("v2-8", "tpu:v2:2x2"),
        ("v3-8", "tpu:v3:2x2"),
        ("V3-2048", "tpu:v3:32x32"),
        ("tpu-v3-32", "tpu:v3:4x4"),
        ("tpu:v3-8", "tpu:v3:2x2"),
        ("TPU v3-8", "tpu:v3:2x2"),
        ("v5litepod-16", "tpu:v5e:4x4"),
        ("v5e-16", "tpu:v5e:4x4"),
        ("v5lite-8", "tpu:v5e:2x4"),
        ("v5e:16", "tpu:v5e:4x4"),
        ("v5e-1", "tpu:v5e:1x1"),
        ("tpu-v5-lite-podslice:4x4", "tpu:v5e:4x4"),
        ("v6e-256", "tpu:v6e:16x16"),
        ("trillium-8", "tpu:v6e:2x4"),
        ("trillium:4x4", "tpu:v6e:4x4"),
        ("ironwood:4x4x4", "tpu:7x:4x4x4"),
        ("tpu:ironwood:2x2x1", "tpu:7x:2x2x1"),
        // As clouds and schedulers count GPUs.
        ("h100:8", "gpu:h100:1x8"),
        ("gpu:h100:8", "gpu:h100:1x8"),
        ("h100:4x8", "gpu:h100:4x8"),
        ("8xh100", "gpu:h100:1x8"),
        ("8 x H100", "gpu:h100:1x8"),
        ("h100x8", "gpu:h100:1x8"),
        ("2x8xh100", "gpu:h100:2x8"),
        ("a100-40g:8", "gpu:a100:1x8"),
        ("gpu:a100-40gb:1x8", "gpu:a100:1x8"),
        ("A100-80GB:4", "gpu:a100-80g:1x4"),
        ("gpu:h100-sxm5-80gb:1x8", "gpu:h100:1x8"),
        ("gpu:H200_141GB:1x8", "gpu:h200:1x8"),
        ("8xb200", "gpu:b200:1x8"),
        ("gpu:gb200-nvl72:18x4", "gpu:gb200:18x4"),
        ("2x4090", "gpu:rtx-4090:1x2"),
        ("4090:2", "gpu:rtx-4090:1x2"),
        ("rtx5090:1", "gpu:rtx-5090:1x1"),
        ("nvidia-l4:1", "gpu:l4:1x1"),
        ("4xl40s", "gpu:l40s:1x4"),
        ("rtx6000-ada:2", "gpu:rtx-6000-ada:1x2"),
        ("rtx-6000-blackwell:2", "gpu:rtx-pro-6000:1x2"),
        // Hosts with other numbers of GPUs.
        ("gpu:h100:2x6", "gpu:h100:2x6"),
        ("rtx-4090:3", "gpu:rtx-4090:1x3"),
        ("gpu:l40s:1x10", "gpu:l40s:1x10"),
        ("gpu:a100:4x16", "gpu:a100:4x16"),
    ] {
        assert_eq!(machine(text, 1).to_string(), canonical, "{text}");
        assert_eq!(machine(text, 1), machine(canonical, 1), "{text}");
    }
    assert_eq!(machine("v5e-16", 4).with_slices(), "tpu:v5e:4x4 --slices 4");
}

#[test]
fn a_name_that_means_no_single_machine_is_answered_with_its_spelling() {
    for (text, slices, expected) in [
        ("v4-32", 1, "v4-32 counts cores: tpu:v4:2x2x4"),
        ("v4-8", 2, "v4-8 counts cores: tpu:v4:2x2x1 --slices 2"),
        ("v5p-64", 1, "v5p-64 counts cores: tpu:v5p:2x4x4"),
        ("v5p-512", 1, "v5p-512 counts cores: tpu:v5p:4x8x8 or tpu:v5p:4x4x16"),
        ("v5p-8192", 1, "v5p-8192 counts cores: tpu:v5p:16x16x16 or tpu:v5p:4x32x32 or tpu:v5p:8x16x32"),
        ("tpu7x-8", 1, "tpu7x-8 counts cores: tpu:7x:2x2x1"),
        ("ironwood-16", 1, "ironwood-16 counts cores: tpu:7x:2x2x2"),
        ("v3-48", 1, "TPU v3: no slice has 48 cores; nearest: tpu:v3:4x8 or tpu:v3:4x4"),
        ("v3-7", 1, "TPU v3: no slice has 7 cores; nearest: tpu:v3:2x2"),
        ("v5e-12", 1, "TPU v5e: no slice has 12 chips; nearest: tpu:v5e:4x4 or tpu:v5e:2x4"),
        ("v3-8192", 1, "TPU v3: one slice has at most 1024 chips (32x32); nearest: tpu:v3:32x32 --slices 4"),
        ("v6e-0", 1, "TPU v6e: a slice has at least one chip; nearest: tpu:v6e:1x1"),
        ("4xv5e-16", 1, "the number of slices is an option: tpu:v5e:4x4 --slices 4"),
        (
            "ironwood",
            1,
            "TPU 7x, but not how many chips; from smallest to largest: tpu:7x:2x2x1 or tpu:7x:16x24x24",
        ),
        (
            "tpu:v5e",
            1,
            "TPU v5e, but not how many chips; from smallest to largest: tpu:v5e:1x1 or tpu:v5e:16x16",
        ),
        ("a100-40g", 1, "a GPU, but not how many; one, or a full host of them: gpu:a100:1x1 or gpu:a100:1x8"),
        ("gb200", 1, "a GPU, but not how many; one, or a full host of them: gpu:gb200:1x1 or gpu:gb200:1x4"),
        ("h100:16", 1, "16 GPUs, but not on how many hosts: gpu:h100:2x8 or gpu:h100:1x16"),
        ("64xh100", 1, "64 GPUs, but not on how many hosts: gpu:h100:8x8"),
        ("gb200:72", 1, "72 GPUs, but not on how many hosts: gpu:gb200:18x4"),
        ("8xh100", 2, "GPUs have hosts instead of slices, 2 were given; nearest: gpu:h100:2x8"),
    ] {
        let error = Topology::parse(text, slices).unwrap_err().to_string();
        assert_eq!(error, format!("topology `{text}`: {expected}"));
    }
}

/// A file beside the program, so that a new card needs no release.
#[test]
fn a_chip_is_described_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("My:Card.toml").to_str().unwrap().to_owned();
    let text = format!("gpu:{path}:2x4");
    let missing = Topology::parse(&text, 1).unwrap_err().to_string();
    assert!(missing.contains("My:Card.toml: cannot be read: No such file"), "{missing}");
    let card = "memory_gb = 64\nbf16_tflops = 300\nf32_tflops = 75\nmemory_gb_per_second = 1500\n";
    std::fs::write(&path, card).unwrap();
    let machine = machine(&text, 1);
    assert_eq!((machine.devices(), machine.devices_per_island(), machine.to_string()), (8, 4, text));
    assert_eq!(machine.chip().bf16_flops, 300e12);
    assert_eq!(machine.next_larger().next().unwrap().to_string(), format!("gpu:{path}:2x8"));
    std::fs::write(&path, card.replace("64", "\"64 GB\"")).unwrap();
    let wrong = Topology::parse(&format!("gpu:{path}:8"), 1).unwrap_err().to_string();
    assert!(wrong.contains("My:Card.toml: memory_gb = \"64 GB\": expected a number above 0"), "{wrong}");
}

/// In a rack of GB200, the GPUs of 18 hosts of four have NVLink between them.
#[test]
fn hosts_of_a_rack_are_joined_as_one() {
    for (text, island, groups) in [
        ("gpu:gb200:18x4", 72, [1, 18, 4]),
        ("gpu:gb200:36x4", 72, [2, 18, 4]),
        ("gpu:gb200:16x4", 64, [1, 16, 4]),
        ("gpu:gb200:32x4", 64, [2, 16, 4]),
        ("gpu:b200:2x8", 8, [2, 1, 8]),
    ] {
        let machine = machine(text, 1);
        assert_eq!((machine.devices_per_island(), machine.cuda_groups()), (island, groups), "{text}");
    }
    let links = machine("gpu:gb200:36x4", 1).axis_links(&[2, 72]).unwrap();
    assert!(links[0].crosses_network() && !links[1].crosses_network());
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
            "topology `gpu:h100:1x9`: a host has 1 to 8, 10 or 16 GPUs, not 9; nearest: gpu:h100:1x8 or gpu:h100:2x8",
        ),
        (
            "gpu:a100:2x12",
            1,
            "topology `gpu:a100:2x12`: a host has 1 to 8, 10 or 16 GPUs, not 12; nearest: gpu:a100:2x10 or gpu:a100:3x8",
        ),
        (
            "gpu:gb200:1x8",
            1,
            "topology `gpu:gb200:1x8`: a host has 1, 2 or 4 GPUs, not 8; nearest: gpu:gb200:1x4 or gpu:gb200:2x4",
        ),
        (
            "gpu:h100:1x0",
            1,
            "topology `gpu:h100:1x0`: a host has 1 to 8, 10 or 16 GPUs, not 0; nearest: gpu:h100:1x1",
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
        ("tpu:v3:32x32:4", "parts are missing, or there are too many"),
        ("cpu:", "`` is not a size"),
        ("cpu:2x2", "the devices of a processor are one number"),
        ("cpu:+2", "`+2` is not a size"),
        ("tpu:v3:32xx32", "`32xx32` is not a size"),
        ("tpu:v3:-1x4", "`-1x4` is not a size"),
        ("tpu:v3:9999999999999999999999x1", "`9999999999999999999999x1` is not a size"),
        ("rocm:8", "`rocm` is none of cpu, tpu, gpu"),
        ("tpu:", "parts are missing, or there are too many"),
        ("gpu:h100:1x2x4", "GPUs are given as hosts and the GPUs of each, such as 4x8"),
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
            "gpu:h100-pcie:1x8",
            "topology `gpu:h100-pcie:1x8`: no GPU is called `h100-pcie`; there are a100, a100-80g, h100, h200, b200, gb200, \
             l4, l40s, rtx-4090, rtx-5090, rtx-6000-ada, rtx-pro-6000; any other is described in a file: gpu:FILE.toml:1x8",
        ),
        (
            "8xv100",
            "topology `8xv100`: no GPU is called `v100`; there are a100, a100-80g, h100, h200, b200, gb200, l4, l40s, \
             rtx-4090, rtx-5090, rtx-6000-ada, rtx-pro-6000; any other is described in a file: gpu:FILE.toml:1x8",
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
        assert!(chip.f32_flops <= chip.bf16_flops && chip.bf16_flops < 3e15, "{}", chip.name);
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

/// However the slice is called.
#[test]
fn a_number_of_slices_that_there_is_not_is_refused() {
    for text in ["tpu:v5e:2x2", "v5e-4", "v3-8", "v5litepod-4", "v5e:4"] {
        for slices in [0, 257, usize::MAX] {
            let error = Topology::parse(text, slices).unwrap_err().to_string();
            assert!(error.contains("slices, which must be 1 to 256"), "{text}: {error}");
        }
    }
}

/// Also of a machine with nothing in it.
#[test]
fn what_is_named_instead_is_a_machine() {
    for text in ["gb200:0x5", "gpu:h100:0x11", "gpu:l4:0x0", "gpu:gb200:999999x3", "v4-0", "tpu:v5e:0x4"] {
        let error = Topology::parse(text, 1).unwrap_err();
        let (TopologyError::NoSuchMachine { nearest, .. } | TopologyError::Spelling { nearest, .. }) = error
        else {
            panic!("{text}: {error}");
        };
        for machine in nearest {
            assert!(Topology::parse(&machine.topology, machine.slices).is_ok(), "{text}: {machine}");
        }
    }
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
            prop_assert_eq!(&larger.chip().name, &machine.chip().name);
            devices = larger.devices();
            prop_assert_eq!(Topology::parse(&larger.to_string(), larger.slices()), Ok(larger));
        }
    }

    #[test]
    fn any_text_is_a_machine_or_one_line(
        text in "([0-9x]{0,3}|(cpu|tpu|gpu)?:?)(v3|v4|v5e|v5p|7x|h100|gb200|4090)?[:-]?[0-9x]{0,9}",
        slices in 0usize..300,
    ) {
        match Topology::parse(&text, slices) {
            Ok(machine) => prop_assert_eq!(Topology::parse(&machine.to_string(), slices), Ok(machine)),
            Err(error) => {
                prop_assert!(!error.to_string().contains('\n'));
                if let TopologyError::NoSuchMachine { nearest, .. } | TopologyError::Spelling { nearest, .. } = error {
                    prop_assert!(!nearest.is_empty());
                    for machine in nearest {
                        prop_assert!(Topology::parse(&machine.topology, machine.slices).is_ok(), "{}", machine);
                    }
                }
            }
        }
    }
}
