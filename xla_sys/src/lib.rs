//! PJRT C API: generated bindings and a safe layer; finding and verifying plugins.
