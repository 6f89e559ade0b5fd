//! The committed bindings belong to the committed header. Regenerating them needs libclang; this does not.

use std::fmt::Write;
use std::path::Path;

use sha2::{Digest, Sha256};
use xla_sys::bindings;

#[test]
fn the_bindings_were_generated_from_the_header_beside_them() {
    let header = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/pjrt_c_api.h")).unwrap();
    let digest = Sha256::digest(&header).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    assert_eq!(
        bindings::HEADER_SHA256,
        digest,
        "the header has changed: run regenerate-bindings, see src/bin/regenerate-bindings.rs"
    );
}

#[test]
fn structures_have_the_sizes_that_plugins_expect() {
    // A structure's size counts up to its last field, so it may be less than what the compiler reserves.
    assert_eq!(bindings::PJRT_Event_IsReady_Args_STRUCT_SIZE, 25);
    assert_eq!(size_of::<bindings::PJRT_Event_IsReady_Args>(), 32);
    assert_eq!(bindings::PJRT_Api_STRUCT_SIZE as usize, size_of::<bindings::PJRT_Api>());
    assert_eq!((bindings::PJRT_API_MAJOR, bindings::PJRT_API_MINOR), (0, 81));
}
