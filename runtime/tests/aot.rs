//! Ahead-of-time compilation: reading recorded programs, the process that compiles, kept verdicts, and, where a plugin
//! is on this machine, real compilers.
//!
//! The recorded programs under `tests/aot` are what the compilers of the pinned wheels made of the `.mlir` files there:
//! `aot_compile scan.mlir tpu:v3:2x2 --here --keep scan.v3.pb` (the example of this crate), `slices.mlir tpu:v3:2x2
//! --slices 2`, `scatter.mlir tpu:v5e:4x4`, and for `cuda:h100:1x1x8` field 1 of what it writes, the module without its configuration.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runtime::DeviceKind;
use runtime::aot::{self, Compiled, Cost, Error, Refusal, Request, Target, Verified, Worker};
use sharding::machine::{Collective, Topology};
use xla_sys::OptimizedProgram;
use xla_sys::locate::Locator;

const SCAN: &str = include_str!("aot/scan.mlir");
const SLICES: &str = include_str!("aot/slices.mlir");

fn recorded(format: &str, code: &[u8]) -> OptimizedProgram {
    OptimizedProgram { format: format.into(), code: code.to_vec() }
}

fn scan_for_v3() -> OptimizedProgram {
    recorded("hlo_with_config", include_bytes!("aot/scan.v3.pb"))
}

fn scan_for_h100() -> OptimizedProgram {
    recorded("hlo", include_bytes!("aot/scan.h100.hlo.pb"))
}

fn slices_for_v3() -> OptimizedProgram {
    recorded("hlo_with_config", include_bytes!("aot/slices.v3.pb"))
}

/// The collective operations of a program as lines: kind, group, bytes × executions, where from.
fn collectives(cost: &Cost) -> Vec<String> {
    let line = |each: &aot::CollectiveUse| {
        let between = if each.crosses_slices { " between slices" } else { "" };
        format!(
            "{} of {}{between}, {} × {} {}",
            each.kind, each.group_size, each.bytes, each.executions, each.scope
        )
        .trim_end()
        .to_owned()
    };
    cost.collectives.iter().map(line).collect()
}

/// Two matmuls of 32 × 256 by 256 × 256 in each of 6 layers.
const SCAN_FLOPS: f64 = 6.0 * 2.0 * 2.0 * 32.0 * 256.0 * 256.0;

#[test]
fn a_tpu_program_is_read() {
    let cost = Cost::of(&scan_for_v3(), &[0; 8], 1).unwrap();
    assert_eq!(cost.loops.iter().map(|each| each.trips).collect::<Vec<_>>(), [Some(6)]);
    assert_eq!(cost.matmul_flops, SCAN_FLOPS);
    assert_eq!((cost.matrix_cycles(), cost.total_cycles()), (15636.0, 19774.0));
    // The compiler makes an all-reduce of so small a reduce-scatter.
    let expected = [
        "all-reduce of 4, 16384 × 6 layers/feed_forward/all_reduce",
        "all-reduce of 4, 16384 × 1",
        "collective-permute of 2, 16384 × 1 shift/permute",
    ];
    assert_eq!(collectives(&cost), expected);
}

#[test]
fn a_gpu_program_is_read() {
    let cost = Cost::of(&scan_for_h100(), &[0, 0, 0, 0, 1, 1, 1, 1], 2).unwrap();
    assert_eq!(cost.loops.iter().map(|each| each.trips).collect::<Vec<_>>(), [Some(6)]);
    assert_eq!(cost.matmul_flops, SCAN_FLOPS);
    assert!(cost.cycles.is_empty() && cost.without_cycles.is_empty(), "{cost:?}");
    let expected = [
        "all-reduce of 4, 16384 × 6 layers/feed_forward/all_reduce",
        "collective-permute of 2 between slices, 16384 × 1 shift/permute",
        "reduce-scatter of 4, 16384 × 1 loss/reduce_scatter",
    ];
    assert_eq!(collectives(&cost), expected);
}

#[test]
fn transfers_between_slices_are_counted_apart() {
    let cost = Cost::of(&slices_for_v3(), &[0; 8], 2).unwrap();
    let expected = [
        "collective-permute of 2 between slices, 131072 × 1",
        "all-gather of 8, 131072 × 1",
        "reduce-scatter of 8, 131072 × 1",
        "all-reduce of 2 between slices, 16384 × 1",
    ];
    assert_eq!(collectives(&cost), expected);
}

/// The TPU compiler writes a reduce-scatter in three ways: as one; as a fusion of an all-reduce, of a padded operand, with a
/// slice, which sends no more than one, and a permutation that brings the parts to their places; and, over both axes of
/// its grid, as a whole all-reduce.
#[test]
fn reduce_scatters_are_told_from_all_reduces() {
    let program = recorded("hlo_with_config", include_bytes!("aot/scatter.v5e.pb"));
    let cost = Cost::of(&program, &[0; 16], 1).unwrap();
    let expected = [
        "all-reduce of 16, 8388608 × 1",
        "reduce-scatter of 4, 8650752 × 1",
        "reduce-scatter of 4, 8388608 × 1 scatter2",
        "collective-permute of 2, 196608 × 1",
    ];
    assert_eq!(collectives(&cost), expected);
}

#[test]
fn time_is_cycles_and_rings() {
    let cost = Cost::of(&slices_for_v3(), &[0; 8], 2).unwrap();
    let rates = aot::Rates { clock: 1e9, link: 1e9, between_slices: None, matmul_flops: None };
    let estimate = cost.estimate(&rates);
    assert_eq!((estimate.compute, estimate.matrix), (1758e-9, 0.0));
    // An all-gather and a reduce-scatter over 8 devices, 7/8 of the array each; transfers between slices are free.
    let within = 2.0 * 131_072e-9 * 7.0 / 8.0;
    assert!((estimate.collectives - within).abs() < 1e-15, "{estimate:?}");
    assert_eq!(estimate.serial, estimate.compute + estimate.collectives);
    assert_eq!(estimate.overlapped, estimate.collectives);
    // The permutation, and an all-reduce of an eighth over two slices.
    let between = 131_072e-8 + 2.0 * 16_384e-8 / 2.0;
    let estimate = cost.estimate(&aot::Rates { between_slices: Some(1e8), ..rates });
    assert!((estimate.collectives - within - between).abs() < 1e-15, "{estimate:?}");
    // Where the compiler estimates no cycles, the arithmetic counts.
    let cost = Cost::of(&scan_for_h100(), &[0; 8], 1).unwrap();
    let estimate = cost.estimate(&aot::Rates { matmul_flops: Some(SCAN_FLOPS), ..rates });
    assert_eq!((estimate.compute, estimate.matrix), (1.0, 1.0));
}

#[test]
fn a_damaged_program_is_an_error_or_is_read_but_never_a_panic() {
    let whole = scan_for_v3();
    let (read, mut refused) = (|program: &OptimizedProgram| Cost::of(program, &[0; 8], 1), 0);
    for length in (0..whole.code.len()).step_by(97) {
        let cut = recorded("hlo_with_config", &whole.code[..length]);
        refused += usize::from(read(&cut).is_err());
    }
    assert!(refused > 100, "{refused}");
    for position in (0..whole.code.len()).step_by(31) {
        let mut changed = whole.clone();
        changed.code[position] ^= 0x55;
        // Much of a program is names and notes.
        let _ = read(&changed);
    }
    let error = read(&recorded("mlir", b"module {}")).unwrap_err();
    assert_eq!(error, "it is in the format `mlir`, not `hlo_with_config` or `hlo`");
    assert_eq!(read(&recorded("hlo", b"")).unwrap_err(), "the entry computation is missing");
}

#[test]
fn targets_are_written_as_text() {
    let check = |text: &str, expected: &str| {
        let target = text.parse::<Target>();
        assert_eq!(target.map_or_else(|error| error.to_string(), |target| target.to_string()), expected);
    };
    check("tpu:v3:32x32", "tpu:v3:32x32");
    check("cuda:h100:2x1x8", "cuda:cuda topology=2x1x8");
    check("cpu:8", "cpu:8");
    check("cuda:b100:1x1x8", "unknown target `b100`: there are descriptions of a100, a100-80g, h100, h200");
    let help = "write tpu:v3:32x32 (generation and chips), cuda:h100:1x1x8 (groups, hosts in each, devices in each) \
                or cpu:8";
    for text in ["v3:32x32", "tpu:", "cuda:h100:8", "cuda:h100:1x1x1x8", "cpu:many", ""] {
        check(text, &format!("unknown target `{text}`: {help}"));
    }
}

#[test]
fn a_request_survives_json() {
    let target = Target::tpu("v3:32x32").with("num_slices", 4).with("wrap", vec![1, 1, 0]).with("a", "b");
    let request = Request { devices: Some(vec![3, 1]), ..Request::new(target.with("c", true), SCAN) };
    assert_eq!(request.partitions, 8);
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
    let text = text.replace("\"tpu\"", "\"abacus\"");
    let error = serde_json::from_str::<Request>(&text).unwrap_err();
    assert!(error.to_string().starts_with("unknown device \"abacus\""), "{error}");
}

/// Not a test of its own: what this very program does when [`worker`] starts it.
#[test]
fn serve() {
    let arguments: Vec<_> = std::env::args_os().map(PathBuf::from).collect();
    if let [.., request, answer] = arguments.as_slice()
        && answer.ends_with("answer.json")
    {
        aot::serve(request, answer).unwrap();
    }
}

/// A worker that runs [`serve`] above, and nothing else.
fn worker() -> Worker {
    Worker::this_program(&["--exact", "serve", "--nocapture"]).unwrap()
}

/// A worker that runs a line of shell instead of a compiler. The request is `$1`, the answer `$2`.
fn shell(line: &str) -> Worker {
    let arguments = ["-c", line, "sh"].map(Into::into).to_vec();
    Worker { program: "/bin/sh".into(), arguments, limit: None }
}

#[test]
fn a_compiler_that_ends_its_process_is_an_error() {
    let check = |line: &str, expected: &str| {
        let request = Request::new(Target::tpu("v3:2x2"), SCAN);
        let error = shell(line).compile(&request).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(
        "echo 'Check failed: 1 == 2' >&2; kill -ABRT $$",
        "the compiler ended its process without an answer (it aborted: a check of its own failed); the last it \
         said:\nCheck failed: 1 == 2",
    );
    check("kill -SEGV $$", "the compiler ended its process without an answer (segmentation fault)");
    check("exit 3", "the compiler ended its process without an answer (exit status: 3)");
    check(
        "echo '{\"compiled\":{' > $2; kill -KILL $$",
        "the compiler ended its process without an answer (it was killed, perhaps because the machine has too little \
         memory)",
    );
    check("grep -q v3:2x2 $1 && echo '{\"failed\":\"no luck\"}' > $2", "no luck");
}

/// A compiler may end its process over its schedule, or fill the disk with it: then it is asked again without.
#[test]
fn a_compiler_that_fails_over_its_schedule_is_started_without() {
    let request = Request::new(Target::tpu("v5e:2x2"), SCAN);
    let request = Request { memory_bytes_per_cycle: Some(546.0), ..request };
    let folder = "folder=${LIBTPU_INIT_ARGS#*--xla_jf_dump_to=}; folder=${folder%% *};";
    let check = |line: &str, expected: &str| {
        let without = "echo '{\"failed\":\"asked without\"}' > $2";
        let line = format!("{folder} case $folder in */schedule) {line};; *) {without};; esac");
        assert_eq!(shell(&line).compile(&request).unwrap_err().to_string(), expected);
    };
    check("kill -ABRT $$", "asked without");
    check("truncate -s 5G $folder/1-fusion-01-final_bundles.txt; exec sleep 600", "asked without");
    // A verdict is one, whatever became of the schedule; and the folder is told to the process.
    check("grep -q schedule_folder $1 && echo '{\"failed\":\"no luck\"}' > $2", "no luck");
    let line = format!("{folder} case $folder in */schedule) sleep 2; kill -ABRT $$;; esac; exec sleep 600");
    let error = shell(&line).limit(Duration::from_secs(3)).compile(&request).unwrap_err();
    assert!(error.to_string().starts_with("the compiler was stopped after "), "{error}");
}

/// The final schedule says how long a program takes that waits for nothing but memory.
#[test]
fn the_schedule_is_a_second_clock() {
    if !has_plugin(DeviceKind::Tpu) {
        return;
    }
    let first = compile("tpu:v5e:2x4", SCAN).unwrap();
    let request = Request::new("tpu:v5e:2x4".parse().unwrap(), SCAN);
    let request = Request { memory_bytes_per_cycle: Some(546.0), ..request };
    let both = worker().compile(&request).unwrap();
    let schedule = both.cost.schedule.unwrap();
    // The matrix units do 131,072 operations in a cycle.
    assert!(schedule.matrix >= SCAN_FLOPS / 131_072.0, "{schedule:?}");
    assert!(
        schedule.bundles <= schedule.cycles && schedule.cycles < 10.0 * both.cost.total_cycles(),
        "{schedule:?}"
    );
    assert!(schedule.estimated <= 0.5 * schedule.cycles, "{schedule:?}");
    let cost = Cost { schedule: None, ..both.cost };
    assert_eq!((both.peak_bytes_per_device, cost), (first.peak_bytes_per_device, first.cost));
}

#[test]
fn a_compiler_that_takes_too_long_is_stopped() {
    let request = Request::new(Target::tpu("v3:2x2"), SCAN);
    let error = shell("exec sleep 600").limit(Duration::from_secs(1)).compile(&request).unwrap_err();
    assert_eq!(error.to_string(), "the compiler was stopped after 1 s without an answer; allow it more time");
}

/// Whether the plugin for a kind of device is on this machine; says so if it is not.
fn has_plugin(kind: DeviceKind) -> bool {
    let found = Locator::from_environment().find(kind, None).unwrap().is_some();
    if !found {
        // Not through a macro, whose output the test harness would hide.
        let message = format!("skipped: no {kind} plugin; set {}\n", kind.variable());
        std::io::stderr().write_all(message.as_bytes()).unwrap();
    }
    found
}

fn compile(target: &str, program: &str) -> Result<Compiled, Error> {
    worker().compile(&Request::new(target.parse().unwrap(), program))
}

/// Checks what is true of the scan on every target.
fn check_scan(compiled: &Compiled) {
    // A half of x, and a quarter of both weights; two outputs.
    assert_eq!(compiled.arguments, 2 * (32 * 256 + 2 * 6 * 256 * 256));
    assert!(compiled.outputs >= 2 * (32 + 8) * 256, "{compiled:?}");
    assert!(compiled.peak_bytes_per_device >= compiled.arguments + 2 * (32 + 8) * 256, "{compiled:?}");
    assert!(compiled.fits() && compiled.devices == 8 && compiled.slices == 1, "{compiled:?}");
    assert!(compiled.host_peak_rss > 10 << 20, "{compiled:?}");
    assert_eq!(compiled.cost.matmul_flops, SCAN_FLOPS);
    // The CPU's compiler adds up in f32.
    let bytes = if compiled.device_kind == "cpu" { 32768 } else { 16384 };
    let collectives = collectives(&compiled.cost);
    assert_eq!(collectives[0], format!("all-reduce of 4, {bytes} × 6 layers/feed_forward/all_reduce"));
}

#[test]
fn a_program_compiles_for_tpus_that_are_not_there() {
    if !has_plugin(DeviceKind::Tpu) {
        return;
    }
    // At once: neither waits for the other.
    std::thread::scope(|scope| {
        for (target, kind) in [("tpu:v3:2x2", "TPU v3"), ("tpu:v5e:2x4", "TPU v5 lite")] {
            scope.spawn(move || {
                let compiled = compile(target, SCAN).unwrap();
                assert_eq!(compiled.device_kind, kind);
                assert!(compiled.device_memory > Some(15 << 30), "{compiled:?}");
                assert!(compiled.cost.matrix_cycles() > 0.0, "{compiled:?}");
                check_scan(&compiled);
            });
        }
    });
    let target = Target::tpu("v3:2x2").with("num_slices", 2);
    let compiled = worker().compile(&Request::new(target, SLICES)).unwrap();
    assert_eq!((compiled.devices, compiled.slices), (16, 2));
    let crossing = compiled.cost.collectives.iter().filter(|each| each.crosses_slices);
    let crossing: Vec<_> = crossing.map(|each| each.kind).collect();
    assert_eq!(crossing, [Collective::Permute, Collective::AllReduce]);
}

#[test]
fn what_a_tpu_compiler_refuses_is_told() {
    if !has_plugin(DeviceKind::Tpu) {
        return;
    }
    // 90,000 layers' weights take 24 GB on each core, and a core has 16.
    match compile("tpu:v3:2x2", &SCAN.replace("tensor<6x", "tensor<90000x")) {
        Err(Error::Refused(Refusal::OutOfMemory { needed, available, .. })) => {
            assert!(needed > available && available > 15 << 30, "{needed} of {available}");
        }
        other => panic!("{other:?}"),
    }
    let wrong = SCAN.replace("contracting_dims = [1] x [0]", "contracting_dims = [0] x [0]");
    match compile("tpu:v3:2x2", &wrong) {
        Err(Error::Refused(Refusal::Compiler { operation, message, .. })) => {
            assert_eq!(operation.as_deref(), Some("layers/feed_forward/up"));
            assert!(message.contains("contracting dimension"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    let error = compile("tpu:v3:4x4", SCAN).unwrap_err();
    assert_eq!(error.to_string(), "the program is split over 8 devices, but tpu:v3:4x4 has 32");
}

#[test]
fn a_program_compiles_for_gpus_that_are_not_there() {
    if !has_plugin(DeviceKind::Cuda) {
        return;
    }
    for (gpu, memory) in [("a100", 39 << 30), ("a100-80g", 79 << 30), ("h100", 79 << 30), ("h200", 139 << 30)]
    {
        let compiled = compile(&format!("cuda:{gpu}:1x1x8"), SCAN).unwrap();
        assert!(compiled.device_kind.to_lowercase().contains(&gpu[..4]), "{compiled:?}");
        assert_eq!(compiled.device_memory, Some(memory));
        check_scan(&compiled);
    }
}

#[test]
fn a_program_compiles_for_virtual_devices_of_the_processor() {
    if has_plugin(DeviceKind::Cpu) {
        check_scan(&compile("cpu:8", SCAN).unwrap());
    }
}

#[test]
fn a_real_compiler_that_aborts_is_survived() {
    if !has_plugin(DeviceKind::Cpu) {
        return;
    }
    let Worker { program, arguments, .. } = worker();
    let with_flag = ["XLA_FLAGS=--xla_no_such_flag=1".into(), program.into_os_string()];
    let worker = Worker {
        program: PathBuf::from("/usr/bin/env"),
        arguments: with_flag.into_iter().chain(arguments).collect(),
        limit: None,
    };
    let error = worker.compile(&Request::new(Target::cpu(8), SCAN)).unwrap_err().to_string();
    assert!(error.contains("ended its process") && error.contains("xla_no_such_flag"), "{error}");
}

#[test]
fn verdicts_are_kept_and_damaged_ones_ignored() {
    if !has_plugin(DeviceKind::Cpu) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let verified = Verified::at(folder.path());
    let ask = |program: &str, worker: &Worker| {
        verified.verdict(&Request::new(Target::cpu(8), program), worker, &mut |_| {})
    };
    let files = || std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    // A compiler that dies gives no verdict.
    assert!(matches!(ask(SCAN, &shell("kill -ABRT $$")), Err(Error::Died { .. })));
    assert_eq!(files().count(), 0);
    let first = ask(SCAN, &worker()).unwrap();
    assert!(!first.known && first.note.is_none(), "{first:?}");
    // Whoever knows the verdict asks nobody.
    let second = ask(SCAN, &shell("exit 1")).unwrap();
    assert!(second.known, "{second:?}");
    assert_eq!(second.outcome, first.outcome);
    let kept: Vec<_> = files().collect();
    let [path] = kept.as_slice() else { panic!("{kept:?}") };
    damage(path);
    let third = ask(SCAN, &worker()).unwrap();
    assert!(!third.known, "{third:?}");
    assert!(third.note.is_some_and(|note| note.starts_with("a kept verdict is ignored: ")));
    assert!(ask(SCAN, &shell("exit 1")).unwrap().known);
    // Refusals are verdicts too.
    let wrong = SCAN.replace("contracting_dims = [1] x [0]", "contracting_dims = [0] x [0]");
    assert!(!ask(&wrong, &worker()).unwrap().known);
    let known = ask(&wrong, &shell("exit 1")).unwrap();
    assert!(matches!(known.outcome, Err(Refusal::Compiler { .. })) && known.known, "{known:?}");
}

fn damage(path: &Path) {
    let text = std::fs::read(path).unwrap();
    std::fs::write(path, &text[..text.len() / 2]).unwrap();
}

#[test]
fn a_machine_says_what_to_ask_of_the_plugin() {
    for (text, slices, expected) in [
        ("cpu:8", 1, "cpu:8"),
        ("tpu:v2:8x16", 1, "tpu:v2:8x16 wrap=[0, 1, 0]"),
        ("tpu:v3:4x4", 1, "tpu:v3:4x4"),
        ("tpu:v3:16x32", 1, "tpu:v3:16x32 wrap=[0, 1, 0]"),
        ("tpu:v3:32x32", 4, "tpu:v3:32x32 num_slices=4 wrap=[1, 1, 0]"),
        ("tpu:v4:2x2x4", 1, "tpu:v4:2x2x4 chip_config_name=megacore"),
        ("tpu:v4:4x4x8", 1, "tpu:v4:4x4x8 wrap=[1, 1, 1] chip_config_name=megacore"),
        ("tpu:v5e:1x1", 1, "tpu:v5e:1x1 chips_per_host_bounds=[1, 1, 1]"),
        ("tpu:v5e:2x4", 1, "tpu:v5e:2x4 chips_per_host_bounds=[2, 4, 1]"),
        ("tpu:v5e:8x16", 1, "tpu:v5e:8x16 wrap=[0, 1, 0]"),
        ("tpu:v6e:16x16", 2, "tpu:v6e:16x16 num_slices=2 wrap=[1, 1, 0]"),
        ("tpu:v5p:4x4x4", 1, "tpu:v5p:4x4x4 wrap=[1, 1, 1] chip_config_name=megacore"),
        ("tpu:7x:2x2x1", 1, "tpu:tpu7x:2x2x1"),
        ("gpu:h100:1x8", 1, "cuda:cuda topology=1x1x8"),
        ("gpu:h100:4x8", 1, "cuda:cuda topology=4x1x8"),
    ] {
        let target = Target::of(&Topology::parse(text, slices).unwrap()).unwrap();
        assert_eq!(target.to_string().replace('"', ""), expected, "{text}");
    }
    let gpu = Target::of(&Topology::parse("gpu:a100-80g:1x8", 1).unwrap()).unwrap();
    assert_eq!(gpu, Target::cuda("a100-80g", [1, 1, 8]).unwrap());
}
