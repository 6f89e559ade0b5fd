//! How large machines are made, and how large a job was ever run.

/// Slices that one job has joined: 199 TPU v5e pods, rounded up.
pub(super) const MOST_SLICES: usize = 256;
/// Hosts of one GPU job: Llama 3 was trained on 2048 of eight H100; twice as many are taken as possible.
pub(super) const MOST_HOSTS: usize = 4096;
/// Virtual devices of a processor; more were not tried.
pub(super) const MOST_CPU_DEVICES: usize = 256;

/// GPUs that a host has, or a part of them that a job may take.
pub(super) fn gpus_per_host(chip: &str) -> &'static [usize] {
    match chip {
        // Trays of two boards, of two GPUs each.
        "gb200" => &[1, 2, 4],
        _ => &[1, 2, 3, 4, 5, 6, 7, 8, 10, 16],
    }
}

/// Of [`gpus_per_host`], those that most machines have.
pub(super) fn usual_gpus_per_host(chip: &str) -> &'static [usize] {
    match chip {
        "gb200" => &[1, 2, 4],
        _ => &[1, 2, 4, 8],
    }
}
