//! Programs of one device that were compiled before are found again: the same types, memory and bits.

use std::fs;
use std::path::{Path, PathBuf};

use graph::testing::{Options, Random, random_function, random_inputs};
use graph::{Builder, DType, Function, Literal, Mesh, MeshAxis, Partitioned, TensorType};
use runtime::{DeviceKind, ProgramCache, Runtime, RuntimeOptions};

fn runtime(folder: &Path, limit: u64) -> Option<Runtime> {
    let programs = Some(ProgramCache { folder: folder.to_owned(), limit });
    let options = RuntimeOptions { programs, virtual_devices: Some(2), ..RuntimeOptions::default() };
    let runtime = Runtime::find_with(DeviceKind::Cpu, &options).unwrap();
    if runtime.is_none() {
        eprintln!("skipped: no CPU plugin (`gopher runtime install cpu` fetches it)");
    }
    runtime
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A few functions, with inputs.
fn functions() -> Vec<(Function, Vec<Literal>)> {
    let options = Options { nodes: 12, dtypes: vec![DType::F32, DType::I32], tame: true, collectives: false };
    (0..4)
        .map(|seed| {
            let function = random_function(seed, &options);
            let inputs = random_inputs(seed, &function, true);
            (function, inputs)
        })
        .collect()
}

/// x * factor, which takes over x's memory.
fn scaled(factor: f64) -> Function {
    let builder = Builder::new("scaled");
    let x = builder.param("x", TensorType::new(DType::F32, [1000]), &[]);
    builder.output("y", builder.scale(x, factor).unwrap());
    builder.finish().unwrap()
}

#[test]
fn what_is_loaded_is_what_was_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime(folder.path(), u64::MAX) else { return };
    for (function, inputs) in functions() {
        let before = files(folder.path()).len();
        let compiled = runtime.compile(&function).unwrap();
        assert_eq!(files(folder.path()).len(), before + 1);
        let loaded = runtime.compile(&function).unwrap();
        assert_eq!(files(folder.path()).len(), before + 1);
        assert_eq!(loaded.run_literals(&inputs).unwrap(), compiled.run_literals(&inputs).unwrap());
        assert_eq!(loaded.memory().unwrap(), compiled.memory().unwrap());
    }
}

#[test]
fn another_program_or_option_is_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime(folder.path(), u64::MAX) else { return };
    let x = Random::new(1).scaled(DType::F32, &[1000], 1.0);
    let run =
        |factor| runtime.compile(&scaled(factor)).unwrap().run_literals(std::slice::from_ref(&x)).unwrap();
    assert_ne!(run(2.0), run(3.0));
    assert_eq!(files(folder.path()).len(), 2);
    assert_ne!(run(2.0), run(3.0));
    assert_eq!(files(folder.path()).len(), 2);
    let overrides = vec![("xla_cpu_enable_fast_math".to_owned(), xla_sys::OptionValue::Bool(true))];
    let options = runtime::CompileOptions { overrides, ..Default::default() };
    runtime.compile_with(&scaled(2.0), &options).unwrap();
    assert_eq!(files(folder.path()).len(), 3);
}

#[test]
fn what_is_damaged_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime(folder.path(), u64::MAX) else { return };
    let x = Random::new(1).scaled(DType::F32, &[1000], 1.0);
    let run = || runtime.compile(&scaled(2.0)).unwrap().run_literals(std::slice::from_ref(&x)).unwrap();
    let expected = run();
    let file = files(folder.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    for at in [0, 15, 20, 60, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&file, damaged).unwrap();
        assert_eq!(run(), expected, "byte {at}");
        assert_eq!(fs::read(&file).unwrap().len(), whole.len());
    }
    for length in [0, 10, 16, 40, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        assert_eq!(run(), expected, "{length} bytes");
    }
}

#[test]
fn the_limit_holds_and_a_folder_that_cannot_be_written_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let Some(first) = runtime(folder.path(), u64::MAX) else { return };
    first.compile(&scaled(1.5)).unwrap();
    let size = fs::metadata(&files(folder.path())[0]).unwrap().len();
    let limited = runtime(folder.path(), 2 * size + size / 2).unwrap();
    for factor in 2..6 {
        limited.compile(&scaled(f64::from(factor))).unwrap();
    }
    assert_eq!(files(folder.path()).len(), 2);
    // The last one is there.
    let before = files(folder.path());
    limited.compile(&scaled(5.0)).unwrap();
    assert_eq!(files(folder.path()), before);
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    runtime(&file.join("below"), u64::MAX).unwrap().compile(&scaled(1.5)).unwrap();
    assert_eq!(fs::read(&file).unwrap().len(), 0);
}

/// Loaded, it would wait for the other devices for ever.
#[test]
fn a_program_of_several_devices_is_compiled_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime(folder.path(), u64::MAX) else { return };
    let split = vec![vec![vec!["data".to_owned()]]];
    let mesh = Mesh { axes: vec![MeshAxis { name: "data".into(), size: 2 }] };
    let program = Partitioned { function: scaled(2.0), mesh, params: split.clone(), results: split };
    for _ in 0..2 {
        assert!(!runtime.compile_partitioned(&program, &Default::default()).unwrap().was_loaded());
    }
    assert!(files(folder.path()).is_empty());
}
