//! Tells the linker where the program finds XLA when it runs: what crate `xla` says of it reaches only its own tests.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-env-changed=XLA_EXTENSION_DIR");
    let help = "`sh interop/run.sh` makes it, builds and runs; `sh interop/compose.sh DIR` makes it alone";
    match std::env::var("XLA_EXTENSION_DIR") {
        Err(_) => println!("cargo::error=XLA_EXTENSION_DIR does not name a build of XLA; {help}"),
        Ok(folder) if !Path::new(&folder).join("lib/libxla_extension.so").exists() => {
            println!(
                "cargo::error=XLA_EXTENSION_DIR is {folder}, where there is no lib/libxla_extension.so; {help}"
            )
        }
        Ok(folder) => println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}/lib"),
    }
}
