//! The safe layer against XLA's CPU plugin: the file that `GOPHER_CPU_PLUGIN` names, or the pinned wheel if it is in the
//! cache. Without either, these tests do nothing and say so.

use std::io::Write;
use std::sync::OnceLock;

use half::{bf16, f16};
use proptest::prelude::*;
use xla_sys::locate::{DeviceKind, Locator};
use xla_sys::*;

fn plugin() -> Option<&'static Plugin> {
    static PLUGIN: OnceLock<Option<Plugin>> = OnceLock::new();
    let find = || {
        let Some(located) = Locator::from_environment().find(DeviceKind::Cpu, None).unwrap() else {
            // Not through a macro, whose output the test harness would hide.
            let message = "skipped: no CPU plugin; set GOPHER_CPU_PLUGIN, or let the program fetch the pinned wheel once\n";
            std::io::stderr().write_all(message.as_bytes()).unwrap();
            return None;
        };
        Some(Plugin::load_located(DeviceKind::Cpu, &located).unwrap())
    };
    PLUGIN.get_or_init(find).as_ref()
}

/// A client with four devices, or None if there is no plugin.
fn client() -> Option<Client> {
    Some(plugin()?.client(&[NamedValue::new("cpu_device_count", 4)]).unwrap())
}

fn vector(values: &[f32]) -> HostArray {
    HostArray::from_slice(values, &[values.len()]).unwrap()
}

fn f32s(dims: &[usize]) -> ArrayType {
    ArrayType::new(ElementType::F32, dims)
}

/// x + y, in the memory of x if `donate`.
fn add(size: usize, donate: bool) -> Program {
    let alias = if donate { " {tf.aliasing_output = 0 : i32}" } else { "" };
    let code = format!(
        "module @add {{
           func.func @main(%x: tensor<{size}xf32>{alias}, %y: tensor<{size}xf32>) -> tensor<{size}xf32> {{
             %0 = stablehlo.add %x, %y : tensor<{size}xf32>
             return %0 : tensor<{size}xf32>
           }}
         }}"
    );
    Program::mlir(code, vec![f32s(&[size]); 2])
}

#[test]
fn rows_share_the_memory_of_the_array_and_keep_it() {
    let Some(client) = client() else { return };
    let device = &client.devices()[1];
    let values: Vec<f32> = (0..96).map(|value| value as f32).collect();
    let array = client.copy_to_device(&HostArray::from_slice(&values, &[3, 32]).unwrap(), device).unwrap();
    let rows = array.rows().unwrap();
    let check = || {
        for (row, values) in rows.iter().zip(values.chunks(32)) {
            assert!(row.is_view() && row.array_type() == &f32s(&[32]));
            assert_eq!(row.to_host().unwrap().as_slice::<f32>().unwrap(), values);
        }
    };
    check();
    array.delete().unwrap();
    assert!(array.is_deleted().unwrap() && array.rows().is_err());
    drop(array);
    // What takes memory now takes other memory.
    let others: Vec<_> =
        (0..8).map(|_| client.copy_to_device(&vector(&[7.0; 96]), device).unwrap()).collect();
    check();
    drop(others);

    // Programs that would write where others are write elsewhere.
    let device = &client.devices()[0];
    let array = HostArray::from_slice(&values[..64], &[2, 32]).unwrap();
    let array = client.copy_to_device(&array, device).unwrap();
    let rows = array.rows().unwrap();
    let first = |program: Program, inputs: &[&Buffer]| {
        let executable = client.compile(&program, &CompileOptions::default()).unwrap();
        let execution = executable.execute(&[inputs], &ExecuteOptions::default()).unwrap();
        execution.outputs[0][0].to_host().unwrap().as_slice::<f32>().unwrap().to_vec()
    };
    let ones = client.copy_to_device(&vector(&[1.0; 32]), device).unwrap();
    assert_eq!(first(add(32, true), &[&rows[0], &ones])[..2], [1.0, 2.0]);
    assert_eq!(array.to_host().unwrap().as_slice::<f32>().unwrap(), &values[..64]);
    let twice = "module @twice {
      func.func @main(%x: tensor<2x32xf32> {tf.aliasing_output = 0 : i32}) -> tensor<2x32xf32> {
        %0 = stablehlo.add %x, %x : tensor<2x32xf32>
        return %0 : tensor<2x32xf32>
      }
    }";
    assert_eq!(first(Program::mlir(twice.to_owned(), vec![f32s(&[2, 32])]), &[&array])[..2], [0.0, 2.0]);
    assert_eq!(rows[1].to_host().unwrap().as_slice::<f32>().unwrap(), &values[32..64]);

    // Not every array has rows, and not all rows lie where the plugin wants them.
    let scalar = client.copy_to_device(&HostArray::from_slice(&[1.0f32], &[]).unwrap(), device).unwrap();
    assert!(scalar.rows().is_err());
    let narrow =
        client.copy_to_device(&HostArray::from_slice(&[1.0f32; 6], &[2, 3]).unwrap(), device).unwrap();
    let message = narrow.rows().unwrap_err().to_string();
    assert!(message.contains("aligned"), "{message}");
}

/// Runs a program on its first device and returns its outputs.
fn run(client: &Client, executable: &LoadedExecutable, inputs: &[HostArray]) -> Vec<HostArray> {
    let device = &executable.devices()[0];
    let buffers: Vec<_> = inputs.iter().map(|input| client.copy_to_device(input, device).unwrap()).collect();
    let buffers: Vec<_> = buffers.iter().collect();
    let execution = executable.execute(&[&buffers], &ExecuteOptions::default()).unwrap();
    execution.outputs[0].iter().map(|output| output.to_host().unwrap()).collect()
}

#[test]
fn the_client_describes_its_devices() {
    let Some(client) = client() else { return };
    assert_eq!(client.platform_name(), "cpu");
    assert_eq!(client.process_index().unwrap(), 0);
    let ids: Vec<_> = client.devices().iter().map(Device::id).collect();
    assert_eq!(ids, [0, 1, 2, 3]);
    assert_eq!(client.addressable_devices(), client.devices());
    let device = &client.devices()[3];
    assert_eq!((device.is_addressable().unwrap(), device.description().kind.as_str()), (true, "cpu"));
    assert!(device.memories().unwrap().iter().all(|memory| !memory.kind.is_empty()));
    assert_eq!(device.memory_stats().unwrap_err().code(), Some(ErrorCode::Unimplemented));
    let names: Vec<_> =
        plugin().unwrap().attributes().unwrap().into_iter().map(|attribute| attribute.name).collect();
    assert!(names.contains(&"stablehlo_current_version".to_owned()), "{names:?}");
    assert_eq!(client.topology().unwrap().devices().unwrap().len(), 4);
}

#[test]
fn wrong_client_options_are_errors() {
    let Some(plugin) = plugin() else { return };
    for count in [Value::Int(0), Value::Int(-1), Value::Int(1025), Value::Bool(true)] {
        let error = plugin.client(&[NamedValue::new("cpu_device_count", count.clone())]).unwrap_err();
        let expected =
            format!("client option cpu_device_count={count}: it must be an integer from 1 to 1024");
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(plugin.client(&[NamedValue::new("cpu_device_count", 1024)]).unwrap().devices().len(), 1024);
    // Older plugins ignore what they do not know.
    if plugin.api_version() >= (0, 115) {
        let error = plugin.client(&[NamedValue::new("no_such_option", 1)]).unwrap_err();
        assert!(error.to_string().contains("no_such_option"), "{error}");
    }
}

#[test]
fn every_element_type_makes_the_round_trip() {
    let Some(client) = client() else { return };
    let check = |array: HostArray| {
        for device in client.devices() {
            let copied = client.copy_to_device(&array, device).unwrap();
            assert_eq!(copied.to_host().unwrap(), array);
            assert_eq!((copied.array_type(), copied.device()), (array.array_type(), device));
            assert_eq!(client.move_to_device(array.clone(), device).unwrap().to_host().unwrap(), array);
        }
    };
    check(HostArray::from_bools(&[true, false, true], &[3]).unwrap());
    check(HostArray::from_slice(&[i8::MIN, -1, i8::MAX], &[3]).unwrap());
    check(HostArray::from_slice(&[i16::MIN, i16::MAX], &[2]).unwrap());
    check(HostArray::from_slice(&[i32::MIN, i32::MAX], &[2, 1]).unwrap());
    check(HostArray::from_slice(&[i64::MIN, i64::MAX], &[1, 2]).unwrap());
    check(HostArray::from_slice(&[0, u8::MAX], &[2]).unwrap());
    check(HostArray::from_slice(&[0, u16::MAX], &[2]).unwrap());
    check(HostArray::from_slice(&[0, u32::MAX], &[2]).unwrap());
    check(HostArray::from_slice(&[0, u64::MAX], &[2]).unwrap());
    check(HostArray::from_slice(&[f16::MIN, f16::NAN, f16::MIN_POSITIVE], &[3]).unwrap());
    check(HostArray::from_slice(&[bf16::MAX, bf16::NEG_INFINITY, bf16::NEG_ZERO], &[3]).unwrap());
    check(HostArray::from_slice(&[f32::NAN, -0.0, f32::MIN_POSITIVE / 2.0], &[3]).unwrap());
    check(HostArray::from_slice(&[f64::INFINITY, f64::EPSILON], &[2]).unwrap());
    check(HostArray::scalar(1.5f32));
    check(HostArray::from_slice::<f32>(&[], &[0, 3]).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_shape_makes_the_round_trip(
        dims in prop::collection::vec(0usize..6, 0..6),
        element_type in prop::sample::select(ElementType::ALL),
        seed: u8,
    ) {
        let Some(client) = client() else { return Ok(()) };
        let array_type = ArrayType::new(element_type, dims);
        let bytes: Vec<u8> = (0..array_type.byte_count().unwrap()).map(|i| seed.wrapping_mul(i as u8 | 1)).collect();
        let array = HostArray::from_bytes(array_type, &bytes).unwrap();
        let device = &client.devices()[1];
        prop_assert_eq!(client.copy_to_device(&array, device).unwrap().to_host().unwrap(), array.clone());
        prop_assert_eq!(client.move_to_device(array.clone(), device).unwrap().to_host().unwrap(), array);
    }
}

#[test]
fn a_stablehlo_program_runs() {
    let Some(client) = client() else { return };
    let executable = client.compile(&add(3, false), &CompileOptions::default()).unwrap();
    let outputs = run(&client, &executable, &[vector(&[1.0, 2.0, 3.0]), vector(&[10.0, 20.0, 30.0])]);
    assert_eq!(outputs, [vector(&[11.0, 22.0, 33.0])]);
    let compiled = executable.executable();
    assert_eq!(compiled.name(), "add");
    assert_eq!(compiled.output_types().unwrap(), [f32s(&[3])]);
    assert_eq!(compiled.input_types().unwrap().unwrap(), [f32s(&[3]), f32s(&[3])]);
    assert_eq!(compiled.donated_inputs().unwrap().unwrap(), [0usize; 0]);
    assert_eq!((compiled.num_replicas().unwrap(), compiled.num_partitions().unwrap()), (1, 1));
}

#[test]
fn an_hlo_module_proto_runs() {
    let Some(client) = client() else { return };
    let executable = client.compile(&add(2, false), &CompileOptions::default()).unwrap();
    let optimized = executable.executable().optimized_program().unwrap();
    assert_eq!(optimized.format, "hlo_with_config");
    // HloModuleProtoWithConfig: field 1, of length-delimited type, is the module.
    let (&tag, rest) = optimized.code.split_first().unwrap();
    assert_eq!(tag, 0x0a);
    let last = rest.iter().position(|byte| byte & 0x80 == 0).unwrap();
    let size = rest[..=last].iter().rev().fold(0usize, |size, byte| size << 7 | usize::from(byte & 0x7f));
    let module = &rest[last + 1..][..size];
    let program = Program::hlo(module, vec![f32s(&[2]); 2]);
    let executable = client.compile(&program, &CompileOptions::default()).unwrap();
    let outputs = run(&client, &executable, &[vector(&[1.0, 2.0]), vector(&[3.0, 4.0])]);
    assert_eq!(outputs, [vector(&[4.0, 6.0])]);
}

#[test]
fn outputs_of_any_layout_arrive_row_major() {
    let Some(client) = client() else { return };
    let code = r#"func.func @main(%x: tensor<2x3xf32>) -> (tensor<2x3xf32> {mhlo.layout_mode = "{0,1}"}) {
        %0 = stablehlo.add %x, %x : tensor<2x3xf32>
        return %0 : tensor<2x3xf32>
    }"#;
    let executable =
        client.compile(&Program::mlir(code, [f32s(&[2, 3])]), &CompileOptions::default()).unwrap();
    let input = HostArray::from_slice(&[0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0], &[2, 3]).unwrap();
    let expected = HostArray::from_slice(&[0.0f32, 2.0, 4.0, 6.0, 8.0, 10.0], &[2, 3]).unwrap();
    assert_eq!(run(&client, &executable, &[input]), [expected]);
}

#[test]
fn a_program_split_by_shardy_reduces_over_all_devices() {
    let Some(client) = client() else { return };
    let code = r#"module @split {
      sdy.mesh @mesh = <["x"=4]>
      func.func @main(%x: tensor<8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}]>})
          -> (tensor<f32> {sdy.sharding = #sdy.sharding<@mesh, []>}) {
        %zero = stablehlo.constant dense<0.0> : tensor<f32>
        %0 = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [0]
            : (tensor<8xf32>, tensor<f32>) -> tensor<f32>
        return %0 : tensor<f32>
      }
    }"#;
    let executable =
        client.compile(&Program::mlir(code, [f32s(&[8])]), &CompileOptions::partitioned(4)).unwrap();
    assert_eq!(executable.devices(), client.devices());
    // The types are those of each device's part.
    assert_eq!(executable.input_types(), [f32s(&[2])]);
    let part =
        |(index, device)| client.copy_to_device(&vector(&[index as f32, 10.0]), device as &Device).unwrap();
    let parts: Vec<_> = executable.devices().iter().enumerate().map(part).collect();
    let arguments: Vec<[&Buffer; 1]> = parts.iter().map(|part| [part]).collect();
    let arguments: Vec<&[&Buffer]> = arguments.iter().map(|list| list.as_slice()).collect();
    let execution = executable.execute(&arguments, &ExecuteOptions::default()).unwrap();
    execution.wait().unwrap();
    for (outputs, device) in execution.outputs.iter().zip(client.devices()) {
        assert_eq!(outputs[0].to_host().unwrap(), HostArray::scalar(46.0f32));
        assert_eq!(outputs[0].device(), device);
    }
    let error = executable.execute(&arguments[..3], &ExecuteOptions::default()).unwrap_err();
    assert_eq!(error, Error::DeviceCount { executable: "split".into(), expected: 4, got: 3 });
}

#[test]
fn the_device_assignment_is_obeyed() {
    let Some(client) = client() else { return };
    let options = |assignment: Vec<Vec<i64>>| CompileOptions {
        num_replicas: assignment.len(),
        device_assignment: Some(assignment),
        ..CompileOptions::default()
    };
    let ids = |assignment| {
        let executable = client.compile(&add(2, false), &options(assignment)).unwrap();
        executable.devices().iter().map(Device::id).collect::<Vec<_>>()
    };
    assert_eq!(ids(vec![vec![2]]), [2]);
    assert_eq!(ids(vec![vec![3], vec![1]]), [3, 1]);
    let buffer = client.copy_to_device(&vector(&[1.0]), &client.devices()[0]).unwrap();
    let moved = buffer.copy_to_device(&client.devices()[2]).unwrap();
    assert_eq!((moved.device().id(), moved.to_host().unwrap()), (2, vector(&[1.0])));
}

#[test]
fn a_donated_input_becomes_unusable_and_its_memory_is_reused() {
    let Some(client) = client() else { return };
    let executable = client.compile(&add(1000, true), &CompileOptions::default()).unwrap();
    assert_eq!(executable.executable().donated_inputs().unwrap().unwrap(), [0]);
    let stats = executable.executable().memory_stats().unwrap();
    assert_eq!((stats.arguments, stats.outputs, stats.aliased), (8000, 4000, 4000));
    assert_eq!(stats.total(), 8000 + stats.temporaries);
    let device = &client.devices()[0];
    let ones = vector(&[1.0; 1000]);
    let x = client.copy_to_device(&ones, device).unwrap();
    let y = client.copy_to_device(&ones, device).unwrap();
    let keep = ExecuteOptions { non_donatable_inputs: vec![0], ..ExecuteOptions::default() };
    executable.execute(&[&[&x, &y]], &keep).unwrap();
    assert_eq!(x.state().unwrap(), BufferState::Live);
    let execution = executable.execute(&[&[&x, &y]], &ExecuteOptions::default()).unwrap();
    assert_eq!(x.state().unwrap(), BufferState::Donated);
    let error = executable.execute(&[&[&x, &y]], &ExecuteOptions::default()).unwrap_err();
    assert!(
        matches!(&error, Error::ArgumentUnusable { index: 0, state: BufferState::Donated, .. }),
        "{error}"
    );
    assert!(matches!(x.to_host().unwrap_err(), Error::BufferUnusable { .. }));
    assert_eq!(execution.outputs[0][0].to_host().unwrap(), vector(&[2.0; 1000]));
    // One buffer for both would be read after it is overwritten.
    let same = &execution.outputs[0][0];
    assert!(matches!(
        executable.execute(&[&[same, same]], &ExecuteOptions::default()),
        Err(Error::Pjrt { .. })
    ));
}

#[test]
fn a_moved_array_survives_a_chain_of_donations() {
    let Some(client) = client() else { return };
    let executable = client.compile(&add(1000, true), &CompileOptions::default()).unwrap();
    let device = &client.devices()[0];
    let one = client.copy_to_device(&vector(&[1.0; 1000]), device).unwrap();
    let mut state = client.move_to_device(vector(&[0.0; 1000]), device).unwrap();
    // Nothing waits in between: every execution takes the not yet computed output of the last.
    for _ in 0..100 {
        let mut execution = executable.execute(&[&[&state, &one]], &ExecuteOptions::default()).unwrap();
        state = execution.outputs.remove(0).remove(0);
    }
    drop(executable);
    assert_eq!(state.to_host().unwrap(), vector(&[100.0; 1000]));
    assert_eq!(state.on_device_size().unwrap(), 4000);
    state.ready_event().unwrap().wait().unwrap();
    state.delete().unwrap();
    assert_eq!(state.state().unwrap(), BufferState::Deleted);
}

#[test]
fn arguments_of_the_wrong_number_type_or_device_are_refused() {
    let Some(client) = client() else { return };
    let executable = client.compile(&add(2, false), &CompileOptions::default()).unwrap();
    let put =
        |array: HostArray, device: usize| client.copy_to_device(&array, &client.devices()[device]).unwrap();
    let good = put(vector(&[1.0, 2.0]), 0);
    let check = |arguments: &[&Buffer], expected: &str| {
        let error = executable.execute(&[arguments], &ExecuteOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(&[&good], "executable add takes 2 arguments, got 1 for device number 0");
    // Of the same size in bytes: the plugin itself would run this.
    let integers = put(HostArray::from_slice(&[1i32, 2], &[2]).unwrap(), 0);
    check(&[&good, &integers], "argument 1 of executable add must be f32[2], got i32[2] (device number 0)");
    let column = put(HostArray::from_slice(&[1.0f32, 2.0], &[2, 1]).unwrap(), 0);
    check(&[&column, &good], "argument 0 of executable add must be f32[2], got f32[2,1] (device number 0)");
    let elsewhere = put(vector(&[1.0, 2.0]), 3);
    check(&[&good, &elsewhere], "argument 1 of executable add must be on device 0, but is on device 3");
}

#[test]
fn a_program_must_have_the_inputs_it_is_declared_with() {
    let Some(client) = client() else { return };
    let check = |inputs: Vec<ArrayType>, expected: &str| {
        let program = Program { inputs, ..add(2, false) };
        assert_eq!(client.compile(&program, &CompileOptions::default()).unwrap_err().to_string(), expected);
    };
    check(vec![f32s(&[2])], "program add was declared with 1 inputs, but the compiler found 2");
    check(
        vec![f32s(&[2]), f32s(&[3])],
        "program add was declared with input 1 of type f32[3], but the compiler found f32[2]",
    );
}

#[test]
fn an_error_of_the_compiler_keeps_its_message() {
    let Some(client) = client() else { return };
    let check = |code: &str, expected: &str| match client
        .compile(&Program::mlir(code, []), &CompileOptions::default())
    {
        Err(Error::Pjrt { operation: "PJRT_Client_Compile", message, .. }) => {
            assert!(message.contains(expected), "{message}")
        }
        other => panic!("{other:?}"),
    };
    check("func.func @main(", "expected");
    check(
        "func.func @main() -> tensor<2xf32> {
           %0 = stablehlo.constant dense<0.0> : tensor<3xf32>
           return %0 : tensor<3xf32>
         }",
        "tensor<3xf32>",
    );
}

#[test]
fn compiler_options_are_obeyed_and_unknown_ones_refused() {
    let Some(client) = client() else { return };
    let with = |name: &str, value: OptionValue| {
        client.compile(&add(2, false), &CompileOptions::default().with_override(name, value))
    };
    with("xla_backend_optimization_level", 0.into()).unwrap();
    with("xla_cpu_enable_fast_math", false.into()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    with("xla_dump_to", folder.path().to_str().unwrap().into()).unwrap();
    assert!(folder.path().read_dir().unwrap().next().is_some(), "the dump folder is empty");
    let error = with("xla_no_such_option", true.into()).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::InvalidArgument), "{error}");
    assert!(error.to_string().contains("xla_no_such_option"), "{error}");
}

#[test]
fn a_serialised_executable_runs_again() {
    let Some(client) = client() else { return };
    let executable = client.compile(&add(2, false), &CompileOptions::default()).unwrap();
    let bytes = executable.executable().serialize().unwrap();
    drop(executable);
    let inputs = add(2, false).inputs;
    let executable = client.deserialize_and_load(&bytes, &inputs).unwrap();
    assert_eq!(run(&client, &executable, &[vector(&[1.0, 2.0]), vector(&[3.0, 4.0])]), [vector(&[4.0, 6.0])]);
    assert!(matches!(client.deserialize_and_load(b"nonsense", &inputs), Err(Error::Pjrt { .. })));
}

#[test]
fn threads_may_share_an_executable() {
    let Some(client) = client() else { return };
    let executable = client.compile(&add(2, false), &CompileOptions::default()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (client, executable) = (&client, &executable);
            scope.spawn(move || {
                for step in 0..50 {
                    let x = (thread * 100 + step) as f32;
                    let outputs = run(client, executable, &[vector(&[x, 1.0]), vector(&[1.0, x])]);
                    assert_eq!(outputs, [vector(&[x + 1.0, x + 1.0])]);
                }
            });
        }
    });
}
