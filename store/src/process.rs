//! The identity of this process: the name of its machine, and a number that no other draws.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};

/// This machine's name.
pub fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    name.ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or("localhost".to_owned())
}

/// A number that no other start draws: two keys that the standard library took from the system's source of randomness.
pub fn draw_number() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number() ^ u64::from(std::process::id()))
}
