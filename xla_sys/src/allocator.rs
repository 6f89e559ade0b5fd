//! Tuning of the C library's allocator for XLA's CPU plugin.

/// Makes the C library keep freed memory for reuse instead of returning it to the system. Call it once, at the start.
///
/// XLA's CPU plugin allocates a program's temporary buffers anew for each execution. By default glibc maps and unmaps
/// such large blocks every time, and the kernel clears each page again: a third of the processor time of a training
/// step of 44M parameters went there (`docs/performance.md`). The price is that the process keeps the most memory it
/// ever needed. Does nothing where the C library is not glibc, or where the user has set a `MALLOC_` variable or
/// `GLIBC_TUNABLES`.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;
        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        let set_by_user = std::env::vars_os().any(|(name, _)| {
            let name = name.to_string_lossy();
            name.starts_with("MALLOC_") || name == "GLIBC_TUNABLES"
        });
        if set_by_user {
            return;
        }
        // Numbers of glibc's malloc.h.
        const TRIM_THRESHOLD: c_int = -1;
        const TOP_PAD: c_int = -2;
        const MMAP_MAX: c_int = -4;
        const ARENA_MAX: c_int = -8;
        for (parameter, value) in
            [(MMAP_MAX, 0), (TRIM_THRESHOLD, c_int::MAX), (TOP_PAD, 64 << 20), (ARENA_MAX, 1)]
        {
            // SAFETY: mallopt takes two integers, keeps no reference, and locks the allocator itself; unknown
            // parameters are ignored with a return value of 0.
            unsafe { mallopt(parameter, value) };
        }
    }
}
