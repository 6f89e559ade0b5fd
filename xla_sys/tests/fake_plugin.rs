//! The safe layer against a plugin that misbehaves: see fake_plugin/plugin.c.

mod common;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use common::{Fake, build};
use xla_sys::*;

/// Longer than anything here takes.
const SECOND: Duration = Duration::from_secs(1);

fn program(text: &str) -> Program {
    Program::mlir(text, vec![ArrayType::new(ElementType::F32, [2]); 2])
}

/// Everything the layer can do, in one go.
fn run(client: &Client) -> Result<()> {
    let executable = client.compile(&program("outputs=2 donate=-1"), &CompileOptions::default())?;
    let device = &executable.devices()[0];
    let x = client.copy_to_device(&HostArray::from_slice(&[1.0f32, 2.0], &[2])?, device)?;
    let y = client.move_to_device(HostArray::from_slice(&[3.0f32, 4.0], &[2])?, device)?;
    let execution = executable.execute(&[&[&x, &y]], &ExecuteOptions::default())?;
    execution.wait()?;
    assert_eq!(execution.outputs[0][0].to_host()?.as_slice::<f32>()?, [1.0, 2.0]);
    assert_eq!(execution.outputs[0][1].start_to_host()?.wait()?.as_slice::<f32>()?, [3.0, 4.0]);
    drop(execution.outputs[0][1].start_to_host()?);
    execution.outputs[0][0].ready_event()?.wait()?;
    let serialized = executable.executable().serialize()?;
    client.deserialize_and_load(&serialized, executable.input_types())?;
    Ok(())
}

#[test]
fn every_handle_is_freed_once_and_before_its_owner() {
    let fake = Fake::new();
    run(&fake.client(&[]).unwrap()).unwrap();
    fake.assert_clean();
    for kind in ["events", "clients", "buffers", "executables", "loaded_executables", "serialized_bytes"] {
        assert!(fake.count(&format!("made_{kind}")) > 0, "{kind}");
    }
}

#[test]
fn what_a_client_made_keeps_it_alive() {
    let fake = Fake::new();
    let client = fake.client(&[]).unwrap();
    let array = HostArray::scalar(1.0f32);
    let buffer = client.copy_to_device(&array, &client.devices()[0]).unwrap();
    let topology = client.topology().unwrap();
    let executable = client.compile(&program("outputs=0 donate=-1"), &CompileOptions::default()).unwrap();
    drop(client);
    assert_eq!(fake.count("live_clients"), 1);
    assert_eq!(buffer.to_host().unwrap(), array);
    assert_eq!(topology.devices().unwrap().len(), 2);
    drop((buffer, topology));
    assert_eq!(fake.count("live_clients"), 1);
    drop(executable);
    fake.assert_clean();
}

#[test]
fn every_error_code_arrives_with_its_message() {
    let fake = Fake::new();
    for number in 1..=17 {
        let options = [
            NamedValue::new("fail_at", "PJRT_Client_Create"),
            NamedValue::new("error_code", i64::from(number)),
        ];
        let expected = Error::Pjrt {
            operation: "PJRT_Client_Create",
            code: ErrorCode::from_number(number),
            message: "PJRT_Client_Create was told to fail".into(),
        };
        assert_eq!(fake.plugin.client(&options).unwrap_err(), expected);
    }
    assert_eq!(ErrorCode::from_number(8).to_string(), "RESOURCE_EXHAUSTED");
    assert_eq!(ErrorCode::from_number(17), ErrorCode::Other(17));
    fake.assert_clean();
}

#[test]
fn a_failure_at_any_stage_is_reported_and_leaks_nothing() {
    for function in [
        "PJRT_Client_Create",
        "PJRT_Client_PlatformName",
        "PJRT_Client_Devices",
        "PJRT_Client_Compile",
        "PJRT_LoadedExecutable_GetExecutable",
        "PJRT_LoadedExecutable_AddressableDevices",
        "PJRT_Executable_Name",
        "PJRT_Executable_NumOutputs",
        "PJRT_Client_BufferFromHostBuffer",
        "PJRT_LoadedExecutable_Execute",
        "PJRT_Buffer_ToHostBuffer",
        "PJRT_Executable_Serialize",
    ] {
        let fake = Fake::new();
        let error = fake.client(&[("fail_at", function)]).and_then(|client| run(&client)).unwrap_err();
        let expected = format!("{function} failed with INTERNAL: {function} was told to fail");
        assert_eq!(error.to_string(), expected);
        fake.assert_clean();
    }
}

#[test]
fn an_error_of_running_work_comes_out_where_it_is_waited_for() {
    for (function, expected) in [
        ("PJRT_LoadedExecutable_Execute", "an execution"),
        ("PJRT_Buffer_ReadyEvent", "the computation of a buffer"),
        ("PJRT_Buffer_ToHostBuffer", "PJRT_Buffer_ToHostBuffer"),
    ] {
        let fake = Fake::new();
        let error = run(&fake.client(&[("fail_event", function)]).unwrap()).unwrap_err();
        let message = "an event was told to carry an error".to_owned();
        assert_eq!(error, Error::Pjrt { operation: expected, code: ErrorCode::Internal, message });
        fake.assert_clean();
    }
}

#[test]
fn results_that_make_no_sense_are_refused() {
    for (function, expected) in [
        ("PJRT_Client_Create", "PJRT_Client_Create: the client is null"),
        ("PJRT_Client_Devices", "PJRT_Client_Devices: a device is null"),
        ("PJRT_Client_Compile", "PJRT_Client_Compile: the executable is null"),
        (
            "PJRT_LoadedExecutable_GetExecutable",
            "PJRT_LoadedExecutable_GetExecutable: the executable is null",
        ),
        (
            "PJRT_Executable_OptimizedProgram",
            "PJRT_Executable_OptimizedProgram: the program grew while it was copied",
        ),
        ("PJRT_Client_BufferFromHostBuffer", "PJRT_Client_BufferFromHostBuffer: a buffer is null"),
        ("outputs", "PJRT_LoadedExecutable_Execute: a buffer is null"),
        ("events", "an execution: its completion event is null"),
        ("PJRT_Buffer_ElementType", "PJRT_Buffer_Dimensions: element type number 4711 is not supported"),
        ("PJRT_Buffer_Dimensions", "PJRT_Buffer_Dimensions: a dimension is negative"),
        ("PJRT_Buffer_ToHostBuffer", "PJRT_Buffer_ToHostBuffer: its completion event is null"),
    ] {
        let fake = Fake::new();
        let error = fake.client(&[("malform", function)]).and_then(|client| run(&client)).unwrap_err();
        assert_eq!(error.to_string(), format!("the plugin returned a malformed result from {expected}"));
        fake.assert_clean();
    }
    let fake = Fake::new();
    let client = fake.client(&[("malform", "PJRT_Executable_OutputElementTypes")]).unwrap();
    let executable = client.compile(&program("outputs=2 donate=-1"), &CompileOptions::default()).unwrap();
    assert!(matches!(executable.executable().output_types(), Err(Error::Malformed { .. })));
}

#[test]
fn a_library_that_is_no_usable_plugin_is_refused_with_a_reason() {
    let check = |defines: &[&str], expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let library = build(folder.path(), defines);
        let message = Plugin::load(&library, &PluginOptions::default()).unwrap_err().to_string();
        assert_eq!(message.replace(library.to_str().unwrap(), "LIB"), expected);
    };
    check(&["FAKE_NO_SYMBOL"], "LIB is not a PJRT plugin: it does not export GetPjrtApi");
    check(&["FAKE_NULL_API"], "LIB is not a PJRT plugin: GetPjrtApi returned null");
    check(
        &["FAKE_STRUCT_SIZE=16"],
        "LIB is not a PJRT plugin: its function table is too short to hold a version",
    );
    let needed = "and 0.81 or a later 0.x is needed; use a newer plugin";
    check(&["FAKE_MINOR=80"], &format!("the plugin LIB speaks PJRT API 0.80, {needed}"));
    check(&["FAKE_MAJOR=1"], &format!("the plugin LIB speaks PJRT API 1.81, {needed}"));
    check(&["FAKE_MAJOR=-1"], &format!("the plugin LIB speaks PJRT API -1.81, {needed}"));
    check(
        &["FAKE_STRUCT_SIZE=offsetof(PJRT_Api,PJRT_Client_Destroy)"],
        "the plugin LIB does not offer PJRT_Client_Destroy",
    );
    check(&["FAKE_MISSING=PJRT_Event_Await"], "the plugin LIB does not offer PJRT_Event_Await");
    check(
        &["FAKE_INITIALIZE_CODE=14"],
        "PJRT_Plugin_Initialize failed with UNAVAILABLE: initialisation was told to fail",
    );
}

#[test]
fn a_function_the_plugin_lacks_is_named_when_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    // The table ends before the first of the functions that were added later.
    let library =
        build(folder.path(), &["FAKE_STRUCT_SIZE=offsetof(PJRT_Api,PJRT_Executable_OutputElementTypes)"]);
    let plugin = Plugin::load(&library, &PluginOptions::default()).unwrap();
    let client = plugin.client(&[]).unwrap();
    let executable = client.compile(&program("outputs=2 donate=-1"), &CompileOptions::default()).unwrap();
    let missing = |function| Error::MissingFunction { path: plugin.path().to_owned(), function };
    assert_eq!(executable.executable().output_types(), Err(missing("PJRT_Executable_OutputElementTypes")));
    assert_eq!(client.topology().unwrap_err(), missing("PJRT_Client_TopologyDescription"));
    // Within the table, but null.
    assert_eq!(executable.executable().cost_analysis(), Err(missing("PJRT_Executable_GetCostAnalysis")));
}

#[test]
fn a_file_that_is_no_library_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, expected: &str| {
        let error = Plugin::load(folder.path().join(name), &PluginOptions::default()).unwrap_err();
        assert!(matches!(&error, Error::Load { reason, .. } if reason.contains(expected)), "{error}");
    };
    std::fs::write(folder.path().join("text"), "no library").unwrap();
    check("text", "file too short");
    check("absent", "No such file");
}

#[test]
fn loading_a_file_again_gives_the_same_plugin() {
    let fake = Fake::new();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.so");
    std::os::unix::fs::symlink(fake.plugin.path(), &link).unwrap();
    for path in [fake.plugin.path(), &link] {
        let again = Plugin::load(path, &PluginOptions::default()).unwrap();
        assert_eq!((again.path(), again.api_version()), (fake.plugin.path(), MINIMUM_API_VERSION));
    }
    assert_eq!(fake.count("made_initializations"), 1);
}

#[test]
fn careless_texts_and_attributes_are_read_as_well_as_can_be() {
    let client = Fake::new().client(&[]).unwrap();
    assert_eq!((client.platform_name(), client.platform_version()), ("fake", ""));
    let description = client.devices()[1].description();
    assert_eq!((description.id, description.name.as_str()), (1, "FakeDevice(id=1)"));
    assert_eq!(description.kind, "fake\u{fffd}");
    let attributes: Vec<_> = description.attributes.iter().map(NamedValue::to_string).collect();
    assert_eq!(
        attributes,
        ["coords=[1, 2, 3]", "clock=0.5", "megacore=true", "new=<value of unknown type 99>"]
    );
    assert_eq!(description.attribute("megacore"), Some(&Value::Bool(true)));
}

#[test]
fn arguments_are_checked_before_the_plugin_sees_them() {
    let fake = Fake::new();
    let client = fake.client(&[("fail_at", "PJRT_LoadedExecutable_Execute")]).unwrap();
    let other = fake.client(&[]).unwrap();
    let executable = client.compile(&program("outputs=2 donate=0"), &CompileOptions::default()).unwrap();
    let device = &client.devices()[0];
    let put = |array: HostArray, device| client.copy_to_device(&array, device).unwrap();
    let good = put(HostArray::from_slice(&[1.0f32, 2.0], &[2]).unwrap(), device);
    let check = |arguments: &[&[&Buffer]], expected: &str| {
        assert_eq!(
            executable.execute(arguments, &ExecuteOptions::default()).unwrap_err().to_string(),
            expected
        );
    };
    check(&[], "executable main runs on 1 devices, got argument lists for 0");
    check(&[&[&good]], "executable main takes 2 arguments, got 1 for device number 0");
    let integers = put(HostArray::from_slice(&[1i32, 2], &[2]).unwrap(), device);
    check(
        &[&[&good, &integers]],
        "argument 1 of executable main must be f32[2], got i32[2] (device number 0)",
    );
    let long = put(HostArray::from_slice(&[1.0f32; 3], &[3]).unwrap(), device);
    check(&[&[&long, &good]], "argument 0 of executable main must be f32[2], got f32[3] (device number 0)");
    let elsewhere = put(HostArray::from_slice(&[1.0f32, 2.0], &[2]).unwrap(), &client.devices()[1]);
    check(&[&[&good, &elsewhere]], "argument 1 of executable main must be on device 0, but is on device 1");
    let foreign =
        other.copy_to_device(&HostArray::from_slice(&[1.0f32, 2.0], &[2]).unwrap(), &other.devices()[0]);
    check(&[&[&good, &foreign.unwrap()]], "argument 1 of executable main belongs to another client");
    check(
        &[&[&good, &good]],
        "PJRT_LoadedExecutable_Execute failed with INTERNAL: PJRT_LoadedExecutable_Execute was told to fail",
    );
    good.delete().unwrap();
    check(
        &[&[&good, &good]],
        "argument 0 of executable main (f32[2], device number 0) was deleted and can no longer be used",
    );
    let error = client.copy_to_device(&HostArray::scalar(0u8), &other.devices()[0]).unwrap_err();
    assert_eq!(error.to_string(), "device FakeDevice(id=0) belongs to another client");
}

#[test]
fn a_donated_argument_cannot_be_used_again_unless_it_was_kept() {
    let fake = Fake::new();
    let client = fake.client(&[]).unwrap();
    let executable = client.compile(&program("outputs=2 donate=1"), &CompileOptions::default()).unwrap();
    let array = HostArray::from_slice(&[1.0f32, 2.0], &[2]).unwrap();
    let put = || client.copy_to_device(&array, &client.devices()[0]).unwrap();
    let (x, y) = (put(), put());
    let keep = ExecuteOptions { non_donatable_inputs: vec![1], ..ExecuteOptions::default() };
    executable.execute(&[&[&x, &y]], &keep).unwrap();
    assert_eq!(y.state().unwrap(), BufferState::Live);
    executable.execute(&[&[&x, &y]], &ExecuteOptions::default()).unwrap();
    assert_eq!((x.state().unwrap(), y.state().unwrap()), (BufferState::Live, BufferState::Donated));
    let error = executable.execute(&[&[&x, &y]], &ExecuteOptions::default()).unwrap_err();
    let expected = "argument 1 of executable main (f32[2], device number 0) was donated to an earlier execution \
                    and can no longer be used";
    assert_eq!(error.to_string(), expected);
    let expected = "the buffer f32[2] was donated to an earlier execution and can no longer be used";
    assert_eq!(y.to_host().unwrap_err().to_string(), expected);
    y.delete().unwrap();
    assert_eq!(y.state().unwrap(), BufferState::Donated);
}

#[test]
fn a_moved_array_lives_until_the_device_is_done_with_it() {
    let fake = Fake::new();
    let client = fake.client(&[]).unwrap();
    let array = HostArray::from_slice(&[5i64; 1000], &[1000]).unwrap();
    let buffer = client.move_to_device(array.clone(), &client.devices()[0]).unwrap();
    // The fake reads the moved memory itself, and calls back when it is done.
    assert_eq!(fake.count("callbacks_pending"), 1);
    assert_eq!(buffer.to_host().unwrap(), array);
    drop(buffer);
    assert_eq!(fake.count("callbacks_pending"), 0);
}

#[test]
fn events_report_completion() {
    let fake = Fake::new();
    let client = fake.client(&[]).unwrap();
    let buffer = client.copy_to_device(&HostArray::scalar(1u8), &client.devices()[0]).unwrap();
    let event = buffer.ready_event().unwrap();
    assert!(!event.is_ready().unwrap());
    event.wait().unwrap();
    assert!(event.is_ready().unwrap());
    let (sender, receiver) = mpsc::channel();
    event.on_ready(move |result| sender.send(result).unwrap()).unwrap();
    assert_eq!(receiver.recv_timeout(SECOND).unwrap(), Ok(()));
    // A panic in the callback does not unwind into the plugin.
    event.on_ready(|_| std::panic::resume_unwind(Box::new("stays here"))).unwrap();
    drop((event, buffer, client));

    let client = fake.client(&[("fail_event", "PJRT_Buffer_ReadyEvent")]).unwrap();
    let buffer = client.copy_to_device(&HostArray::scalar(1u8), &client.devices()[0]).unwrap();
    let (sender, receiver) = mpsc::channel();
    buffer.ready_event().unwrap().on_ready(move |result| sender.send(result).unwrap()).unwrap();
    assert_eq!(receiver.recv_timeout(SECOND).unwrap().unwrap_err().code(), Some(ErrorCode::Internal));
    drop((buffer, client));

    let client = fake.client(&[("fail_at", "PJRT_Event_OnReady")]).unwrap();
    let buffer = client.copy_to_device(&HostArray::scalar(1u8), &client.devices()[0]).unwrap();
    let (sender, receiver) = mpsc::channel();
    buffer.ready_event().unwrap().on_ready(move |result| sender.send(result).unwrap()).unwrap_err();
    // The callback is dropped, not called.
    assert_eq!(receiver.recv_timeout(SECOND), Err(RecvTimeoutError::Disconnected));
    drop((buffer, client));
    fake.assert_clean();
}

#[test]
fn topologies_compile_without_a_client() {
    let fake = Fake::new();
    let topology = fake.plugin.topology("v1:2", &[]).unwrap();
    assert_eq!((topology.platform_name(), topology.platform_version()), ("fake", "7"));
    assert_eq!(topology.devices().unwrap()[1].name, "FakeDevice(id=1)");
    assert_eq!(topology.serialize().unwrap(), b"v1:2");
    let executable = topology.compile(&program("outputs=2 donate=-1"), &CompileOptions::default()).unwrap();
    drop(topology);
    assert_eq!(executable.serialize().unwrap(), b"outputs=2 donate=-1");
    let types: Vec<_> = executable.output_types().unwrap().iter().map(ArrayType::to_string).collect();
    assert_eq!(types, ["f32[2,3]", "i64[4]"]);
    drop(executable);
    fake.assert_clean();

    let error = fake.plugin.topology("v9:9", &[]).unwrap_err();
    assert_eq!(error.to_string(), "PJRT_TopologyDescription_Create failed with NOT_FOUND: no such topology");
    for function in ["PJRT_TopologyDescription_PlatformName", "PJRT_Compile"] {
        let topology = fake.plugin.topology("v1:2", &[NamedValue::new("fail_at", function)]);
        let result = topology.and_then(|topology| topology.compile(&program(""), &CompileOptions::default()));
        assert!(matches!(result.unwrap_err(), Error::Pjrt { operation, .. } if operation == function));
    }
    for function in ["PJRT_TopologyDescription_Create", "PJRT_Compile"] {
        let topology = fake.plugin.topology("v1:2", &[NamedValue::new("malform", function)]);
        let program = program("outputs=1 donate=-1");
        let result = topology.and_then(|topology| topology.compile(&program, &CompileOptions::default()));
        assert!(matches!(result.unwrap_err(), Error::Malformed { operation, .. } if operation == function));
    }
    fake.assert_clean();
}

#[test]
fn an_unknown_option_is_an_error_of_the_plugin() {
    let error = Fake::new().client(&[("no_such_option", "1")]).unwrap_err();
    assert_eq!(error.to_string(), "PJRT_Client_Create failed with INVALID_ARGUMENT: unknown option");
}

#[test]
fn handles_may_be_used_and_dropped_on_any_thread() {
    let fake = Fake::new();
    let client = fake.client(&[]).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..20).try_for_each(|_| run(&client)).unwrap());
        }
    });
    drop(client);
    fake.assert_clean();
}
