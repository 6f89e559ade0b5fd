//! Memory that this process may have on the host.

use std::fs;

/// Bytes of this computer, as Linux counts them, or fewer if the process is in a container (control group) that may have no
/// more.
pub fn host_memory() -> Option<u64> {
    let text = |path: &str| fs::read_to_string(path).ok();
    let computer = text("/proc/meminfo").and_then(|text| computer(&text));
    let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let group = groups.iter().find_map(|path| group(&text(path)?));
    computer.into_iter().chain(group).min()
}

/// The memory that `/proc/meminfo` says there is.
fn computer(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The limit of a control group: a number, or "max".
fn group(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_words_are_read() {
        let text = "MemFree:  5 kB\nMemTotal:       16318260 kB\nSwapTotal: 9 kB\n";
        assert_eq!(computer(text), Some(16_318_260 * 1024));
        for text in ["", "MemTotal: many kB", "MemTotal: 1 MB", "MemTotal: 18446744073709551615 kB"] {
            assert_eq!(computer(text), None, "{text}");
        }
        assert_eq!((group("8589934592\n"), group("max\n"), group("")), (Some(8 << 30), None, None));
    }
}
