//! Descriptions of GPUs that are not there, in the text form of XLA's `GpuTargetConfigProto`
//! (xla/stream_executor/device_description.proto). The numbers are NVIDIA's: the CUDA C++ Programming Guide's table of
//! technical specifications per compute capability, and the data sheets of each product.

/// GPUs there are descriptions of.
pub const NAMES: [&str; 4] = ["a100", "a100-80g", "h100", "h200"];

/// The description of a GPU that the compiler is given.
struct Gpu {
    /// The name of its devices.
    product: &'static str,
    /// Compute capability.
    capability: (u32, u32),
    /// Streaming multiprocessors.
    multiprocessors: u32,
    /// FP32 units in a multiprocessor.
    units: u32,
    /// Boost clock, GHz.
    clock: f64,
    /// Device memory that the driver leaves to programs, bytes, rounded down to a GiB.
    memory: u64,
    /// Its bandwidth, bytes per second.
    bandwidth: u64,
    /// Level 2 cache, bytes.
    cache: u64,
    /// Shared memory of a multiprocessor, bytes; a block may have 1 KiB less.
    shared: u32,
}

fn find(name: &str) -> Option<Gpu> {
    const GB: u64 = 1_000_000_000;
    // The SXM modules.
    let ampere = Gpu {
        product: "NVIDIA A100-SXM4-40GB",
        capability: (8, 0),
        multiprocessors: 108,
        units: 64,
        clock: 1.41,
        memory: 39 << 30,
        bandwidth: 1555 * GB,
        cache: 40 << 20,
        shared: 164 << 10,
    };
    let hopper = Gpu {
        product: "NVIDIA H100 80GB HBM3",
        capability: (9, 0),
        multiprocessors: 132,
        units: 128,
        clock: 1.98,
        memory: 79 << 30,
        bandwidth: 3350 * GB,
        cache: 50 << 20,
        shared: 228 << 10,
    };
    Some(match name {
        "a100" => ampere,
        "a100-80g" => {
            Gpu { product: "NVIDIA A100-SXM4-80GB", memory: 79 << 30, bandwidth: 2039 * GB, ..ampere }
        }
        "h100" => hopper,
        "h200" => Gpu { product: "NVIDIA H200", memory: 139 << 30, bandwidth: 4800 * GB, ..hopper },
        _ => return None,
    })
}

/// The description of a GPU; `None` if it is not in [`NAMES`].
pub fn description(name: &str) -> Option<String> {
    let gpu = find(name)?;
    let lines = [
        "gpu_device_info {".to_owned(),
        // Equal for every compute capability from 8.0 to 9.0.
        "  threads_per_warp: 32 threads_per_block_limit: 1024 threads_per_core_limit: 2048".to_owned(),
        "  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535".to_owned(),
        "  registers_per_block_limit: 65536 registers_per_core_limit: 65536".to_owned(),
        format!("  shared_memory_per_block: {}", 48 << 10),
        format!(
            "  shared_memory_per_core: {} shared_memory_per_block_optin: {}",
            gpu.shared,
            gpu.shared - (1 << 10)
        ),
        format!("  core_count: {} fpus_per_core: {}", gpu.multiprocessors, gpu.units),
        format!("  clock_rate_ghz: {}", gpu.clock),
        format!("  device_memory_size: {} memory_bandwidth: {}", gpu.memory, gpu.bandwidth),
        format!("  l2_cache_size: {}", gpu.cache),
        format!("  cuda_compute_capability {{ major: {} minor: {} }}", gpu.capability.0, gpu.capability.1),
        "}".to_owned(),
        "platform_name: \"CUDA\"".to_owned(),
        // The cuDNN of the pinned plugin's generation.
        "dnn_version_info { major: 9 minor: 10 patch: 0 }".to_owned(),
        format!("device_description_str: \"{}\"", gpu.product),
    ];
    Some(lines.join("\n") + "\n")
}
