//! How large machines are made, and how large a job was ever run.

/// Slices that one job has joined: 199 TPU v5e pods, rounded up.
pub(super) const MOST_SLICES: usize = 256;
/// Hosts of one GPU job: Llama 3 was trained on 2048 of eight H100; twice as many are taken as possible.
pub(super) const MOST_HOSTS: usize = 4096;
/// Virtual devices of a processor; more were not tried.
pub(super) const MOST_CPU_DEVICES: usize = 256;
/// GPUs that a host with NVLink between them has, or a part of them that a job may take.
pub(super) const GPUS_PER_HOST: [usize; 4] = [1, 2, 4, 8];
