//! Ahead-of-time compilation for TPUs that are not there, with the file that `GOPHER_TPU_PLUGIN` names, or a `libtpu`
//! in the cache or the Python environment. Without one, these tests do nothing and say so.

use std::io::Write;
use std::sync::OnceLock;

use xla_sys::locate::{DeviceKind, Locator};
use xla_sys::*;

fn plugin() -> Option<&'static Plugin> {
    static PLUGIN: OnceLock<Option<Plugin>> = OnceLock::new();
    let find = || {
        let Some(located) = Locator::from_environment().find(DeviceKind::Tpu, None).unwrap() else {
            // Not through a macro, whose output the test harness would hide.
            let message = "skipped: no libtpu; set GOPHER_TPU_PLUGIN, or pip install libtpu\n";
            std::io::stderr().write_all(message.as_bytes()).unwrap();
            return None;
        };
        Some(Plugin::load_located(DeviceKind::Tpu, &located).unwrap())
    };
    PLUGIN.get_or_init(find).as_ref()
}

/// x · x for a square matrix split by rows over 8 devices.
fn square(size: usize) -> Program {
    let matrix = format!("tensor<{size}x{size}xf32>");
    let split = r#"{sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}"#;
    let code = format!(
        r#"module @square {{
          sdy.mesh @mesh = <["x"=8]>
          func.func @main(%x: {matrix} {split}) -> ({matrix} {split}) {{
            %0 = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : ({matrix}, {matrix}) -> {matrix}
            return %0 : {matrix}
          }}
        }}"#
    );
    Program::mlir(code, [ArrayType::new(ElementType::F32, [size, size])])
}

fn options(topology: &Topology) -> CompileOptions {
    let ids = topology.devices().unwrap().iter().map(|device| i64::from(device.id)).collect();
    CompileOptions { device_assignment: Some(vec![ids]), ..CompileOptions::partitioned(8) }
}

#[test]
fn a_program_compiles_for_a_described_pod() {
    let Some(plugin) = plugin() else { return };
    let topology = plugin.topology("v3:2x2", &[]).unwrap();
    assert_eq!(topology.platform_name(), "tpu");
    let devices = topology.devices().unwrap();
    assert_eq!((devices.len(), devices[0].kind.as_str()), (8, "TPU v3"));
    assert!(devices[0].attribute("coords").is_some(), "{devices:?}");
    let executable = topology.compile(&square(512), &options(&topology)).unwrap();
    let part = [ArrayType::new(ElementType::F32, [64, 512])];
    assert_eq!(executable.input_types().unwrap().unwrap(), part);
    assert_eq!(executable.output_types().unwrap(), part);
    assert_eq!((executable.num_partitions().unwrap(), executable.num_outputs().unwrap()), (8, 1));
    let stats = executable.memory_stats().unwrap();
    assert_eq!((stats.arguments, stats.outputs), (64 * 512 * 4, 64 * 512 * 4));
    assert!(stats.peak >= stats.arguments + stats.outputs, "{stats:?}");
    let costs = executable.cost_analysis().unwrap();
    assert!(costs.iter().any(|cost| cost.name == "flops"), "{costs:?}");
    assert!(!executable.serialize().unwrap().is_empty());
}

#[test]
fn a_program_that_does_not_fit_is_refused() {
    let Some(plugin) = plugin() else { return };
    let topology = plugin.topology("v3:2x2", &[]).unwrap();
    // A core's part of the matrix takes 20 GB, and a core has 16.
    let error = topology.compile(&square(200_704), &options(&topology)).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ResourceExhausted));
    assert!(error.to_string().contains("exceeds available HBM"), "{error}");
}

#[test]
fn an_unknown_topology_is_an_error() {
    let Some(plugin) = plugin() else { return };
    let error = plugin.topology("v99:2x2", &[]).unwrap_err();
    assert!(matches!(&error, Error::Pjrt { operation: "PJRT_TopologyDescription_Create", .. }), "{error}");
}
