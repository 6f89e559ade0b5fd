//! Regenerates `xla_sys/src/bindings.rs` from `xla_sys/include/pjrt_c_api.h`.
//!
//! ```text
//! pip install --target /tmp/libclang libclang==18.1.1
//! LIBCLANG_PATH=/tmp/libclang/clang/native \
//! BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)" \
//!   cargo run -p xla_sys --features regenerate --bin regenerate-bindings [-- --check]
//! ```
//!
//! `--check` writes nothing and exits with status 1 if the committed file is not what the header gives.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use sha2::{Digest, Sha256};

fn main() -> ExitCode {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        other => {
            eprintln!("unexpected arguments {other:?}; the only one there is is --check");
            return ExitCode::from(2);
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header_path = root.join("include/pjrt_c_api.h");
    let output_path = root.join("src/bindings.rs");
    let generated = match std::fs::read_to_string(&header_path)
        .map_err(|error| error.to_string())
        .and_then(|header| generate(&header_path, &header))
    {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", header_path.display());
            return ExitCode::FAILURE;
        }
    };
    if check {
        if std::fs::read_to_string(&output_path).is_ok_and(|committed| committed == generated) {
            println!("{} is what the header gives", output_path.display());
            return ExitCode::SUCCESS;
        }
        eprintln!(
            "{} is not what the header gives; run regenerate-bindings without --check",
            output_path.display()
        );
        return ExitCode::FAILURE;
    }
    match std::fs::write(&output_path, generated) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", output_path.display());
            ExitCode::FAILURE
        }
    }
}

fn generate(path: &Path, header: &str) -> Result<String, String> {
    let bindings = bindgen::Builder::default()
        .header(path.to_str().ok_or("the path of the header is not UTF-8")?)
        .allowlist_file(".*/pjrt_c_api\\.h")
        .prepend_enum_name(false)
        .derive_default(true)
        .generate_comments(false)
        .disable_header_comment()
        .generate()
        .map_err(|error| error.to_string())?
        .to_string();

    let mut text = String::new();
    let digest = Sha256::digest(header.as_bytes());
    let digest: String = digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    text.push_str(
        "// Machine-generated from include/pjrt_c_api.h (Apache-2.0, The OpenXLA Authors). Do not edit:\n",
    );
    text.push_str("// run `regenerate-bindings`, see src/bin/regenerate-bindings.rs.\n\n");
    let _ = writeln!(text, "/// SHA-256 of the header these bindings were generated from.");
    let _ = writeln!(text, "pub const HEADER_SHA256: &str = \"{digest}\";\n");
    text.push_str(&bindings);

    // A few structures (callback tables) have a size constant but no field for it.
    let has_size = |name: &String| bindings.contains(&format!("pub struct {name} {{\n    pub struct_size:"));
    let structs: Vec<String> = structs(header).into_iter().filter(has_size).collect();
    text.push_str("\n// Every structure that carries its size, and how much of it this header defines.\n");
    for name in &structs {
        let _ = writeln!(text, "crate::api::pjrt_struct!({name}, {name}_STRUCT_SIZE);");
    }
    text.push_str("\n// Every function that takes one argument structure and returns an error or null.\n");
    let known: HashSet<&str> = structs.iter().map(String::as_str).collect();
    for name in slots(header) {
        let args = format!("{name}_Args");
        // These two return nothing: they report on an error and cannot fail themselves.
        if matches!(name.as_str(), "PJRT_Error_Destroy" | "PJRT_Error_Message") {
            continue;
        }
        if !known.contains(args.as_str()) {
            return Err(format!("function {name} has no argument structure {args}"));
        }
        let _ = writeln!(text, "crate::api::pjrt_function!({name}, {args});");
    }
    Ok(text)
}

/// The first argument of every use of the macro that gives a structure its size.
fn structs(header: &str) -> Vec<String> {
    header
        .split("PJRT_DEFINE_STRUCT_TRAITS(")
        .skip(1)
        .filter_map(|rest| rest.split([',', ')']).next())
        .map(|name| name.trim().to_owned())
        .filter(|name| name.starts_with("PJRT_"))
        .collect()
}

/// The function slots of `PJRT_Api`, in order.
fn slots(header: &str) -> Vec<String> {
    header
        .split("_PJRT_API_STRUCT_FIELD(PJRT_")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|name| format!("PJRT_{}", name.trim()))
        .collect()
}
