//! The fake plugin, compiled and loaded.

// Each test uses some of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use xla_sys::*;

/// Compiles the fake plugin with these macros.
pub fn build(folder: &Path, defines: &[&str]) -> PathBuf {
    build_from("fake_plugin", folder, defines)
}

/// Compiles the plugin that joins processes, over a plugin for one.
pub fn build_joined(folder: &Path) -> PathBuf {
    build_from("joined_plugin", folder, &[])
}

fn build_from(source: &str, folder: &Path, defines: &[&str]) -> PathBuf {
    let target = match std::env::consts::OS {
        "macos" => format!("{}-apple-darwin", std::env::consts::ARCH),
        _ => format!("{}-unknown-linux-gnu", std::env::consts::ARCH),
    };
    let compiler = cc::Build::new()
        .cargo_metadata(false)
        .target(&target)
        .host(&target)
        .opt_level(0)
        .warnings(false)
        .try_get_compiler()
        .expect("a C compiler");
    // Tests of other crates include this file too.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roots = [package.join("xla_sys"), package.join("../xla_sys")];
    let root = roots.into_iter().find(|root| root.is_dir()).expect("the folder of xla_sys");
    let library = folder.join(source).with_extension("so");
    let output = compiler
        .to_command()
        .args(["-shared", "-fPIC", "-pthread", "-I"])
        .arg(root.join("include"))
        .args(defines.iter().map(|define| format!("-D{define}")))
        .arg("-o")
        .arg(&library)
        .arg(root.join("tests").join(source).join("plugin.c"))
        .output()
        .expect("the C compiler runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// A copy of the well-behaved build, with counters of its own.
pub struct Fake {
    pub plugin: Plugin,
    _folder: tempfile::TempDir,
}

impl Fake {
    pub fn new() -> Fake {
        static LIBRARY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
        let (_, library) = LIBRARY.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let library = build(folder.path(), &[]);
            (folder, library)
        });
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.so");
        std::fs::copy(library, &copy).unwrap();
        Fake { plugin: Plugin::load(&copy, &PluginOptions::default()).unwrap(), _folder: folder }
    }

    pub fn client(&self, orders: &[(&str, &str)]) -> Result<Client> {
        let orders: Vec<_> = orders.iter().map(|(name, value)| NamedValue::new(*name, *value)).collect();
        self.plugin.client(&orders)
    }

    pub fn count(&self, name: &str) -> i64 {
        let attributes = self.plugin.attributes().unwrap();
        match attributes.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.value) {
            Some(Value::Int(count)) => *count,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Every handle was freed once, before its owner, and used only while it lived.
    pub fn assert_clean(&self) {
        let attributes = self.plugin.attributes().unwrap();
        let wrong: Vec<_> = attributes
            .iter()
            .filter(|attribute| !attribute.name.starts_with("made_") && attribute.value != Value::Int(0))
            .map(|attribute| attribute.to_string())
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
