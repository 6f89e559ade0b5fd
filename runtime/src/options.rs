//! Options of compilation, and those that each platform needs besides.

use graph::{DType, Function, Op};
use sharding::machine::GPU_MEMORY_FRACTION;
use xla_sys::{NamedValue, OptionValue};

use crate::{DeviceKind, RuntimeOptions};

/// The form in which a program is handed to the compiler; both give the same results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// StableHLO text.
    #[default]
    StableHlo,
    /// A serialised `HloModuleProto`.
    HloProto,
}

/// The options of compiling a program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompileOptions {
    /// The form in which the compiler gets the program.
    pub format: Format,
    /// Compiler options by name (fields of XLA's `DebugOptions`, or a TPU compiler flag). They come after, and so win
    /// over, those a platform needs. An unknown name is an error of the compiler.
    pub overrides: Vec<(String, OptionValue)>,
    /// For a program on a mesh, the device at each of its positions, as its number in [`Runtime::devices`]; if not
    /// given, they are taken in order.
    ///
    /// [`Runtime::devices`]: crate::Runtime::devices
    pub devices: Option<Vec<usize>>,
}

/// [`RuntimeOptions::xla_flags`] for programs that run a few times: a CPU's compiler takes less than half of the time, for LLVM optimises
/// nothing, and code of fused operations is made by XLA's older and shorter way. What XLA itself makes of a program, its collectives
/// among it, is the same.
pub const QUICK_FLAGS: &[&str] = &[
    "--xla_backend_optimization_level=0",
    "--xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters",
];

/// Compiler options that a platform needs for a program, apart from what the user asks for: the one place for them.
///
/// | platform | program | option | why |
/// |---|---|---|---|
/// | CPU | any | `xla_cpu_enable_fast_min_max=false` | by default, a maximum or minimum may lose a NaN |
/// | CUDA | any, unless [`RuntimeOptions::nondeterministic`] | `xla_gpu_deterministic_ops=true` | sums by atomic additions, and kernels that are chosen by their time on the day, round differently from process to process: no run could be resumed with the same bits |
/// | CPU | has bfloat16 | `xla_cpu_experimental_ynn_fusion_type=""` | the fused kernels it selects have no bfloat16 path: a training step that takes 4 s without them does not end in 97 s |
pub(crate) fn platform_overrides(
    kind: DeviceKind,
    function: &Function,
    nondeterministic: bool,
) -> Vec<(String, OptionValue)> {
    let mut overrides = Vec::new();
    if kind == DeviceKind::Cuda && !nondeterministic {
        overrides.push(("xla_gpu_deterministic_ops".to_owned(), true.into()));
    }
    if kind == DeviceKind::Cpu {
        overrides.push(("xla_cpu_enable_fast_min_max".to_owned(), false.into()));
        if mentions(function, DType::BF16) {
            overrides.push(("xla_cpu_experimental_ynn_fusion_type".to_owned(), "".into()));
        }
    }
    overrides
}

/// Options of a client that a platform needs: the one place for them.
///
/// | platform | option | what |
/// |---|---|---|
/// | CPU | `cpu_device_count` | virtual devices |
/// | CUDA | `memory_fraction` | the part of its memory that a GPU's programs share: what plans count on; by default three quarters |
/// | CUDA, several processes | `num_nodes`, `node_id` | processes, and which of them this is |
///
/// libtpu has no such options: it learns its place from its surroundings (the variables that Google's scheduler sets, or
/// the metadata server).
pub(crate) fn client_options(kind: DeviceKind, options: &RuntimeOptions) -> Vec<NamedValue> {
    let integer = |name: &str, value: usize| NamedValue::new(name, i64::try_from(value).unwrap_or(i64::MAX));
    match kind {
        DeviceKind::Cpu => vec![integer("cpu_device_count", options.virtual_devices.unwrap_or(1))],
        DeviceKind::Cuda => {
            let mut named = vec![NamedValue::new("memory_fraction", GPU_MEMORY_FRACTION as f32)];
            if let Some(processes) = &options.processes {
                named.extend([integer("num_nodes", processes.count), integer("node_id", processes.index)]);
            }
            named
        }
        DeviceKind::Tpu => Vec::new(),
    }
}

/// Whether any value of a function, scan bodies included, is of a dtype.
fn mentions(function: &Function, dtype: DType) -> bool {
    function.types.iter().any(|ty| ty.dtype == dtype)
        || function.nodes.iter().any(|node| match &node.op {
            Op::Scan(scan) => mentions(&scan.body, dtype),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::{Builder, ScanInputs, ScanOutputs, TensorType};

    #[test]
    fn programs_for_gpus_give_the_same_bits_in_every_process_unless_that_is_not_wanted() {
        let builder = Builder::new("f");
        builder.output("y", builder.param("x", TensorType::new(DType::F32, [2]), &[]));
        let function = builder.finish().unwrap();
        let option = ("xla_gpu_deterministic_ops".to_owned(), true.into());
        assert!(platform_overrides(DeviceKind::Cuda, &function, false).contains(&option));
        assert!(!platform_overrides(DeviceKind::Cuda, &function, true).contains(&option));
        // Other plugins would refuse an option that they do not know.
        assert!(!platform_overrides(DeviceKind::Cpu, &function, false).contains(&option));
    }

    #[test]
    fn the_bfloat16_option_is_set_for_bfloat16_anywhere_and_only_on_cpu() {
        let check = |kind, inside: DType, expected: bool| {
            let builder = Builder::new("f");
            let x = builder.param("x", TensorType::new(DType::F32, [2]), &[]);
            let inputs = ScanInputs { length: 2, carries: &[x], ..ScanInputs::default() };
            let outputs = builder
                .scan("body", inputs, |body| {
                    let b = body.builder;
                    let narrow = b.convert(body.carries[0], inside)?;
                    let sum = b.convert(b.add(narrow, narrow)?, DType::F32)?;
                    Ok(ScanOutputs { carries: vec![sum], ys: vec![] })
                })
                .unwrap();
            builder.output("y", outputs.carries[0]);
            let function = builder.finish().unwrap();
            let overrides = platform_overrides(kind, &function, false);
            let set = overrides.iter().any(|(name, _)| name == "xla_cpu_experimental_ynn_fusion_type");
            assert_eq!(set, expected, "{kind} {inside}");
        };
        check(DeviceKind::Cpu, DType::BF16, true);
        check(DeviceKind::Cpu, DType::F16, false);
        check(DeviceKind::Tpu, DType::BF16, false);
        check(DeviceKind::Cuda, DType::BF16, false);
    }
}
