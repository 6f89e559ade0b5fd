//! Runtimes whose compiled programs are kept for the tests after this one.

use std::path::Path;

use runtime::{ProgramCache, RuntimeOptions};

/// So many virtual devices.
pub fn runtime_options(devices: usize) -> RuntimeOptions {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
    let programs = Some(ProgramCache { folder, limit: 1 << 30 });
    RuntimeOptions { virtual_devices: Some(devices), programs, ..RuntimeOptions::default() }
}
