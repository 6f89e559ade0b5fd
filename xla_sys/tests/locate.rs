//! Where plugins are looked for, in which order, and what is set up for each.
#![cfg(unix)]

use std::ffi::OsString;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use wheels::{Cache, Pin, PinnedFile, Platform};
use xla_sys::locate::{DeviceKind, Error, Found, Located, Locator};
use zip::write::SimpleFileOptions;

/// A machine of our own: a folder tree, a cache in it, and no python3.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Machine {
        Machine { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes an empty file and returns its path.
    fn file(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        path
    }

    fn cache(&self) -> Cache {
        Cache::at(self.path("cache")).python("/nonexistent/python3").offline(true)
    }

    fn locator(&self) -> Locator {
        Locator::bare(self.cache())
    }

    /// A pinned wheel that holds one file, laid into the cache so that no network is needed to fetch it.
    fn pin(&self, name: &'static str, file: &'static str) -> Pin {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(file, SimpleFileOptions::default()).unwrap();
        writer.write_all(name.as_bytes()).unwrap();
        let wheel = writer.finish().unwrap().into_inner();
        let file_name: &'static str = format!("{name}-1.0-py3-none-any.whl").leak();
        let path = self.file(&format!("cache/wheels/{file_name}"));
        fs::write(&path, &wheel).unwrap();
        let contents = self.path("contents");
        fs::write(&contents, name).unwrap();
        let hash = |path: &Path| -> &'static str { wheels::sha256_of_file(path).unwrap().leak() };
        let file = PinnedFile { path: file, sha256: hash(&contents), size: name.len() as u64 };
        Pin {
            name,
            version: "1.0",
            wheel: file_name,
            sha256: hash(&path),
            size: wheel.len() as u64,
            files: Box::leak(Box::new([file])),
            platform: Platform::Any,
            licence: "MIT",
            purpose: "tests",
            instead: "name a plugin with --plugin FILE",
        }
    }

    /// `error` with this machine's folder shown as `~`.
    fn shown(&self, error: Error) -> String {
        error.to_string().replace(self.folder.path().to_str().unwrap(), "~")
    }
}

#[track_caller]
fn check(locator: &Locator, device: DeviceKind, plugin: Option<&Path>, path: &Path, found: Found) -> Located {
    let located = locator.locate(device, plugin, &mut |_| {}).unwrap();
    assert_eq!((located.path.as_path(), &located.found), (path, &found));
    located
}

#[test]
fn each_place_comes_before_the_next() {
    let machine = Machine::new();
    let device = DeviceKind::Tpu;
    let named = machine.file("named.so");
    let by_variable = machine.file("variable.so");
    let in_python = machine.file("venv/lib/python3.12/site-packages/libtpu/libtpu.so");
    let site_packages = machine.path("venv/lib/python3.12/site-packages");
    let pin = machine.pin("tpu", "libtpu/libtpu.so");
    let in_cache = machine.cache().unpacked_folder(&pin).join("libtpu/libtpu.so");

    let locator = machine.locator().pin(device, pin);
    assert_eq!(locator.find(device, None).unwrap(), None, "finding does not fetch");
    let with_python = locator.clone().variable("VIRTUAL_ENV", machine.path("venv"));
    check(&with_python, device, None, &in_python, Found::Python(site_packages));
    assert!(!in_cache.exists(), "nothing is fetched when Python has it");

    check(&locator, device, None, &in_cache, Found::Fetched(pin));
    check(&locator, device, None, &in_cache, Found::Cache(pin));
    let all = with_python.variable("GOPHER_TPU_PLUGIN", &by_variable);
    check(&all, device, None, &by_variable, Found::Variable("GOPHER_TPU_PLUGIN"));
    check(&all, device, Some(&named), &named, Found::Named);
    assert_eq!(all.find(device, None).unwrap().unwrap().path, by_variable);
}

#[test]
fn each_device_has_its_own_variable() {
    let machine = Machine::new();
    for device in DeviceKind::ALL {
        let path = machine.file(&format!("{device}.so"));
        let locator = machine.locator().variable(device.variable(), &path);
        check(&locator, device, None, &path, Found::Variable(device.variable()));
        for other in DeviceKind::ALL.into_iter().filter(|other| *other != device) {
            assert!(locator.find(other, None).unwrap().is_none(), "{other} takes {device}'s variable");
        }
        assert_eq!(device.to_string().parse::<DeviceKind>().unwrap(), device);
    }
    let error = "gpu".parse::<DeviceKind>().unwrap_err();
    assert_eq!(error.to_string(), "unknown device \"gpu\": it is one of cpu, cuda, tpu");
}

#[test]
fn variables_of_other_programs_and_empty_ones_are_not_read() {
    let machine = Machine::new();
    let path = machine.file("other.so");
    let locator = machine
        .locator()
        .variable("PJRT_PLUGIN_LIBRARY_PATH", &path)
        .variable("TPU_LIBRARY_PATH", &path)
        .variable("GOPHER_TPU_PLUGIN", "")
        .variable("VIRTUAL_ENV", "");
    assert!(locator.find(DeviceKind::Tpu, None).unwrap().is_none());
}

#[test]
fn a_named_file_that_is_not_there_is_an_error_not_a_reason_to_look_further() {
    let machine = Machine::new();
    let pin = machine.pin("cpu", "cpu/plugin.so");
    let locator = machine.locator().pin(DeviceKind::Cpu, pin);
    let error = locator.locate(DeviceKind::Cpu, Some(&machine.path("gone.so")), &mut |_| {}).unwrap_err();
    assert_eq!(
        machine.shown(error),
        "no plugin at ~/gone.so (named with --plugin): No such file or directory (os error 2)"
    );
    let locator = locator.variable("GOPHER_CPU_PLUGIN", machine.folder.path());
    let error = locator.locate(DeviceKind::Cpu, None, &mut |_| {}).unwrap_err();
    assert_eq!(machine.shown(error), "no plugin at ~ (named by GOPHER_CPU_PLUGIN): it is not a file");
}

#[test]
fn a_named_file_comes_back_as_an_absolute_path() {
    let machine = Machine::new();
    let located = machine.locator().find(DeviceKind::Cpu, Some(Path::new("Cargo.toml"))).unwrap().unwrap();
    assert_eq!(located.path, Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
}

#[test]
fn a_machine_without_a_wheel_is_told_so() {
    let machine = Machine::new();
    let message = |device| machine.shown(machine.locator().locate(device, None, &mut |_| {}).unwrap_err());
    let cpu = message(DeviceKind::Cpu);
    assert!(cpu.starts_with("no cpu plugin is published as a wheel for "), "{cpu}");
    assert!(
        cpu.ends_with(
            "(only Linux with glibc, x86-64 or aarch64): name a PJRT plugin file with --plugin FILE or GOPHER_CPU_PLUGIN"
        ),
        "{cpu}"
    );
    assert!(message(DeviceKind::Tpu).contains("(only Linux with glibc, x86-64): "));
}

#[test]
fn a_wheel_that_cannot_be_fetched_keeps_its_error() {
    let machine = Machine::new();
    let pin = machine.pin("cpu", "cpu/plugin.so");
    fs::remove_file(machine.cache().wheels_folder().join(pin.wheel)).unwrap();
    let error =
        machine.locator().pin(DeviceKind::Cpu, pin).locate(DeviceKind::Cpu, None, &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Fetch(wheels::Error::Offline { .. })), "{error:?}");
}

#[test]
fn the_cpu_plugin_is_not_taken_from_python() {
    let machine = Machine::new();
    machine.file("venv/lib/python3.12/site-packages/lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so");
    let locator = machine.locator().variable("VIRTUAL_ENV", machine.path("venv"));
    assert!(locator.find(DeviceKind::Cpu, None).unwrap().is_none());
}

#[test]
fn the_newest_python_and_the_newest_cuda_win() {
    let machine = Machine::new();
    for python in ["3.9", "3.12"] {
        for cuda in ["12", "13"] {
            let folder = format!("venv/lib/python{python}/site-packages/jax_plugins/xla_cuda{cuda}");
            machine.file(&format!("{folder}/xla_cuda_plugin.so"));
        }
    }
    let site_packages = machine.path("venv/lib/python3.12/site-packages");
    let plugin = site_packages.join("jax_plugins/xla_cuda13/xla_cuda_plugin.so");
    let locator = machine.locator().variable("CONDA_PREFIX", machine.path("venv"));
    check(&locator, DeviceKind::Cuda, None, &plugin, Found::Python(site_packages));
}

#[test]
fn python3_is_asked_where_it_imports_from() {
    let machine = Machine::new();
    // A Python that does not run is passed over …
    let not_python = machine.path("not_python");
    std::os::unix::fs::symlink("/bin/false", &not_python).unwrap();
    let locator = Locator::bare(machine.cache().python(&not_python));
    assert!(locator.find(DeviceKind::Tpu, None).unwrap().is_none());
    // … and one that runs is believed: here, a virtual environment made by hand.
    let program = "import sys; print(sys.executable); print(sys.version_info[1])";
    let Ok(output) = std::process::Command::new("python3").args(["-c", program]).output() else {
        println!("skipped: no python3");
        return;
    };
    let output = String::from_utf8(output.stdout).unwrap();
    let (executable, minor) = output.trim().split_once('\n').unwrap();
    let folder = Path::new(executable).parent().unwrap();
    fs::write(machine.file("env/pyvenv.cfg"), format!("home = {}\n", folder.display())).unwrap();
    let site_packages = machine.path(&format!("env/lib/python3.{minor}/site-packages"));
    let plugin = machine.file(&format!("env/lib/python3.{minor}/site-packages/libtpu/libtpu.so"));
    let python = machine.path("env/bin/python3");
    fs::create_dir_all(python.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(executable, &python).unwrap();
    let locator = Locator::bare(machine.cache().python(&python));
    check(&locator, DeviceKind::Tpu, None, &plugin, Found::Python(site_packages));
}

#[test]
fn a_tpu_plugin_without_a_tpu_is_kept_from_looking_for_one() {
    let machine = Machine::new();
    let plugin = machine.file("libtpu.so");
    let environment =
        |locator: Locator| locator.find(DeviceKind::Tpu, Some(&plugin)).unwrap().unwrap().environment;
    let one = |name: &str| (name.to_owned(), OsString::from("1"));
    assert_eq!(
        environment(machine.locator()),
        [one("TPU_SKIP_MDS_QUERY"), one("ALLOW_MULTIPLE_LIBTPU_LOAD")]
    );
    let set = machine.locator().variable("TPU_SKIP_MDS_QUERY", "0");
    assert_eq!(environment(set), [one("ALLOW_MULTIPLE_LIBTPU_LOAD")], "the user's own value stays");
    assert_eq!(environment(machine.locator().with_tpu()), []);
}

/// A Python environment with `jax[cuda13]`.
fn cuda_environment(machine: &Machine) -> PathBuf {
    for file in [
        "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
        "nvidia/cu13/bin/ptxas",
        "nvidia/cu13/nvvm/libdevice/libdevice.10.bc",
        "nvidia/cu13/lib/libcublas.so.13",
        "nvidia/cu13/lib/libcublasLt.so.13",
        "nvidia/cu13/lib/libcudart.so.13",
        "nvidia/cudnn/lib/libcudnn.so.9",
        "nvidia/cudnn/lib/libcudnn_ops.so.9",
        "nvidia/nccl/lib/libnccl.so.2",
    ] {
        machine.file(&format!("venv/lib/python3.12/site-packages/{file}"));
    }
    machine.path("venv/lib/python3.12/site-packages")
}

fn xla_flags(located: &Located) -> Option<&str> {
    let found = located.environment.iter().find(|(name, _)| name == "XLA_FLAGS");
    found.map(|(_, value)| value.to_str().unwrap())
}

#[test]
fn a_cuda_plugin_in_python_uses_the_libraries_beside_it() {
    let machine = Machine::new();
    let site_packages = cuda_environment(&machine);
    let locator = machine.locator().variable("VIRTUAL_ENV", machine.path("venv"));
    let located = locator.find(DeviceKind::Cuda, None).unwrap().unwrap();
    assert_eq!(located.preload, Vec::<PathBuf>::new(), "its own search path finds them");
    let flag = format!("--xla_gpu_cuda_data_dir={}", site_packages.join("nvidia/cu13").display());
    assert_eq!(xla_flags(&located), Some(flag.as_str()));

    let with_flags = locator.clone().variable("XLA_FLAGS", "--xla_a=1");
    let located = with_flags.find(DeviceKind::Cuda, None).unwrap().unwrap();
    assert_eq!(xla_flags(&located), Some(format!("--xla_a=1 {flag}").as_str()), "the user's flags stay");
    let file = machine.file("flags.txt");
    std::fs::write(&file, "--xla_a=1\n").unwrap();
    let with_file = locator.clone().variable("XLA_FLAGS", file);
    let located = with_file.find(DeviceKind::Cuda, None).unwrap().unwrap();
    assert_eq!(
        xla_flags(&located),
        Some(format!("{flag} --xla_a=1").as_str()),
        "the flags of the user's file stay"
    );
    let own = locator.variable("XLA_FLAGS", "--xla_gpu_cuda_data_dir=/opt/cuda");
    assert_eq!(xla_flags(&own.find(DeviceKind::Cuda, None).unwrap().unwrap()), None);
}

#[test]
fn a_cuda_plugin_from_elsewhere_gets_the_environments_libraries() {
    let machine = Machine::new();
    let site_packages = cuda_environment(&machine);
    let plugin = machine.file("a/b/plugin.so");
    let locator = machine.locator().variable("VIRTUAL_ENV", machine.path("venv"));
    let located = locator.find(DeviceKind::Cuda, Some(&plugin)).unwrap().unwrap();
    let expected = [
        "nvidia/cu13/lib/libcudart.so.13",
        "nvidia/cu13/lib/libcublasLt.so.13",
        "nvidia/cu13/lib/libcublas.so.13",
        "nvidia/cudnn/lib/libcudnn.so.9",
        "nvidia/nccl/lib/libnccl.so.2",
    ];
    assert_eq!(located.preload, expected.map(|name| site_packages.join(name)));
}

#[test]
fn a_fetched_cuda_plugin_brings_the_compilers_tools() {
    let machine = Machine::new();
    let plugin = machine.pin("cuda", "jax_plugins/xla_cuda13/xla_cuda_plugin.so");
    let assembler = machine.pin("nvcc", "nvidia/cu13/bin/ptxas");
    let library = machine.pin("nvvm", "nvidia/cu13/nvvm/libdevice/libdevice.10.bc");
    let locator = machine.locator().pin(DeviceKind::Cuda, plugin).cuda_tools([assembler, library]);
    for found in [Found::Fetched(plugin), Found::Cache(plugin)] {
        let located = locator.locate(DeviceKind::Cuda, None, &mut |_| {}).unwrap();
        assert_eq!(located.found, found);
        let folder = xla_flags(&located).unwrap().strip_prefix("--xla_gpu_cuda_data_dir=").unwrap();
        assert_eq!(fs::read(Path::new(folder).join("bin/ptxas")).unwrap(), b"nvcc");
        assert_eq!(fs::read(Path::new(folder).join("nvvm/libdevice/libdevice.10.bc")).unwrap(), b"nvvm");
    }
    let toolkit = machine.path("cuda toolkit");
    machine.file("cuda toolkit/bin/ptxas");
    machine.file("cuda toolkit/nvvm/libdevice/libdevice.10.bc");
    let located = locator.variable("CUDA_HOME", &toolkit).find(DeviceKind::Cuda, None).unwrap().unwrap();
    let quoted = format!("--xla_gpu_cuda_data_dir=\"{}\"", toolkit.display());
    assert_eq!(xla_flags(&located), Some(quoted.as_str()));
}
