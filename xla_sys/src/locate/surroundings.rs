//! The installations on this machine: Python environments, CUDA libraries, TPU devices.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// True on a machine with TPU chips: they are PCI devices under one of these names.
pub(super) fn has_tpu() -> bool {
    let numbered = |folder: &str, prefix: &str| {
        names(Path::new(folder)).iter().any(|name| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit()))
        })
    };
    numbered("/dev", "accel") || numbered("/dev/vfio", "")
}

/// `lib/python3.*/site-packages` of an environment, newest Python first.
pub(super) fn site_packages_of(environment: &Path) -> Vec<PathBuf> {
    let library = environment.join("lib");
    let mut versions: Vec<_> = names(&library)
        .into_iter()
        .filter_map(|name| {
            let minor: u32 = name.strip_prefix("python3.")?.parse().ok()?;
            Some((minor, library.join(name).join("site-packages")))
        })
        .filter(|(_, path)| path.is_dir())
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, path)| path).collect()
}

/// The folders `interpreter` imports from; none if it does not run.
pub(super) fn python_path(interpreter: &Path) -> Vec<PathBuf> {
    let output = Command::new(interpreter)
        .args(["-c", "import sys; print('\\n'.join(sys.path))"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let Ok(output) = output else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir()).collect()
}

/// The plugin of the newest CUDA generation in a `site-packages` folder.
pub(super) fn cuda_plugin(site_packages: &Path) -> Option<PathBuf> {
    let plugins = site_packages.join("jax_plugins");
    let mut generations: Vec<u32> =
        names(&plugins).iter().filter_map(|name| name.strip_prefix("xla_cuda")?.parse().ok()).collect();
    generations.sort();
    let path = |generation| plugins.join(format!("xla_cuda{generation}")).join("xla_cuda_plugin.so");
    generations.into_iter().rev().map(path).find(|path| path.is_file())
}

/// The folder under `site-packages/nvidia` that holds `ptxas` and `libdevice`: `cu13`, or `cuda_nvcc` before it.
pub(super) fn cuda_data_folder(nvidia: &Path) -> Option<PathBuf> {
    let mut folders: Vec<_> = names(nvidia).into_iter().map(|name| nvidia.join(name)).collect();
    folders.sort();
    folders.into_iter().rev().find(|folder| is_cuda_data_folder(folder))
}

pub(super) fn is_cuda_data_folder(folder: &Path) -> bool {
    folder.join("bin/ptxas").is_file() && folder.join("nvvm/libdevice").is_dir()
}

/// The libraries the CUDA plugin opens by name, in an order in which each finds what it needs already open.
pub(super) fn cuda_libraries(nvidia: &Path) -> Vec<PathBuf> {
    const ORDER: [&str; 13] = [
        "libcudart",
        "libnvJitLink",
        "libnvrtc",
        "libnvvm",
        "libcublasLt",
        "libcublas",
        "libcusparse",
        "libcusolver",
        "libcufft",
        "libcupti",
        "libcudnn",
        "libnccl",
        "libnvshmem_host",
    ];
    let mut libraries = Vec::new();
    for package in names(nvidia) {
        let folder = nvidia.join(package).join("lib");
        libraries.extend(names(&folder).into_iter().map(|name| (name, folder.clone())));
    }
    libraries.sort();
    let of_stem = |stem: &str| {
        let prefix = format!("{stem}.so");
        let found = libraries.iter().find(|(name, _)| name.starts_with(&prefix));
        found.map(|(name, folder)| folder.join(name))
    };
    ORDER.iter().filter_map(|stem| of_stem(stem)).collect()
}

/// Makes `link` point to `target`; another process doing the same at once is no error.
pub(super) fn link(target: &Path, link: &Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|current| current == target) {
        return Ok(());
    }
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder)?;
    }
    match symlink(target, link) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_link(link)? == target {
                return Ok(());
            }
            fs::remove_file(link)?;
            symlink(target, link)
        }
        outcome => outcome,
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Names in a folder; none if it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
