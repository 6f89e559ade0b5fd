//! The errors of compiling and running functions.

use std::path::PathBuf;

use graph::TensorType;
use xla_sys::BufferState;
use xla_sys::locate::DeviceKind;

use crate::DeviceLayout;

/// A kind of device, as people call it.
fn device_words(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Cpu => "processor",
        DeviceKind::Cuda => "NVIDIA GPU",
        DeviceKind::Tpu => "TPU",
    }
}

/// Whether a plugin means by these words that there is no device of its kind. Each has its own: libtpu the name of its
/// driver, CUDA a code.
pub(crate) fn says_no_device(kind: DeviceKind, message: &str) -> bool {
    let lower = message.to_ascii_lowercase();
    let signs: &[&str] = match kind {
        DeviceKind::Cpu => &[],
        DeviceKind::Cuda => &[
            "no_device",
            "no cuda-capable device",
            "no visible gpu",
            "no supported devices found",
            "no device found",
            "failed call to cuinit",
            "libcuda.so",
        ],
        DeviceKind::Tpu => {
            &["no jellyfish device found", "no tpu device", "no accelerator", "no devices found"]
        }
    };
    signs.iter().any(|sign| lower.contains(sign))
}

/// Any failure of this crate. Each names the thing, the value and, where there is one, the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no plugin for this kind of device.
    #[error(transparent)]
    Plugin(#[from] xla_sys::locate::Error),
    /// The plugin refused something that was not about one program.
    #[error(transparent)]
    Device(#[from] xla_sys::Error),
    /// The plugin has no device that this process may use.
    #[error("the {platform} plugin offers no devices to this process")]
    NoDevice {
        /// The plugin's platform.
        platform: String,
    },
    /// A plugin found no device of its kind on this machine.
    #[error(
        "no {} on this machine: the plugin {} found none; `gopher doctor` lists the devices there are, and --device cpu \
         takes the processor", device_words(*.kind), .plugin.display()
    )]
    NoDevices {
        /// The kind of device.
        kind: DeviceKind,
        /// The plugin's file.
        plugin: PathBuf,
    },
    /// A layout that no array can have, or that is impossible for an array's shape.
    #[error("impossible layout: {reason}")]
    Layout {
        /// What is wrong with it.
        reason: String,
    },
    /// A program or an array for devices that this process does not have.
    #[error("{what} is for {needed} devices, and the {platform} plugin offers {available} to this process{}", way_out(.platform, *.needed))]
    TooFewDevices {
        /// The program or the array.
        what: String,
        /// Devices of its mesh, or the number of one that is not there plus one.
        needed: usize,
        /// The plugin's platform.
        platform: String,
        /// Devices there are.
        available: usize,
    },
    /// An array is wanted of which only other processes have all parts.
    #[error(
        "{what} has parts on devices of other processes, and this one has {own} of {parts}: read the parts it has"
    )]
    NotAddressable {
        /// The array.
        what: String,
        /// Parts on devices of this process.
        own: usize,
        /// All parts.
        parts: usize,
    },
    /// A plugin that cannot join processes.
    #[error(
        "the {platform} plugin cannot join {processes} processes: use devices of kind cuda or tpu, or one process"
    )]
    CannotJoin {
        /// The plugin's platform.
        platform: String,
        /// Processes that were to be joined.
        processes: usize,
    },
    /// A plugin sees another number of processes than there are.
    #[error(
        "process {index}: the {platform} plugin sees devices of {seen} processes, and {processes} were to be joined"
    )]
    OtherProcesses {
        /// This process.
        index: usize,
        /// The plugin's platform.
        platform: String,
        /// Processes that the devices belong to.
        seen: usize,
        /// Processes that were to be joined.
        processes: usize,
    },
    /// A function on a mesh is to be compiled from a form that cannot say how it lies there.
    #[error(
        "program `{program}` is for a mesh of devices, which only StableHLO can say: compile it from that"
    )]
    PartitionedFormat {
        /// The function's name.
        program: String,
    },
    /// The function cannot be written in the format the compiler takes.
    #[error("program `{program}`: {source}")]
    Export {
        /// The function's name.
        program: String,
        /// What the exporter says.
        source: graph::Error,
    },
    /// The compiler refused the program.
    #[error("cannot compile program `{program}`{}: {source}", place(.operation))]
    Compile {
        /// The function's name.
        program: String,
        /// Scope and name of the operation, such as `layers/attention/dot`, when the compiler names one.
        operation: Option<String>,
        /// What the compiler says.
        source: xla_sys::Error,
    },
    /// The program failed while it ran, or the device did.
    #[error("program `{program}`: {source}")]
    Run {
        /// The function's name.
        program: String,
        /// What the plugin says.
        source: xla_sys::Error,
    },
    /// Too few or too many inputs.
    #[error("program `{program}` takes {expected} inputs, got {given}")]
    InputCount {
        /// The function's name.
        program: String,
        /// Number of parameters.
        expected: usize,
        /// Number given.
        given: usize,
    },
    /// An input of the wrong type.
    #[error("program `{program}`: input {index} `{name}` is {given}, expected {expected}")]
    InputType {
        /// The function's name.
        program: String,
        /// Position of the input.
        index: usize,
        /// The parameter's name.
        name: String,
        /// Type of the parameter.
        expected: TensorType,
        /// Type given.
        given: TensorType,
    },
    /// An input of the right type that lies elsewhere.
    #[error("program `{program}`: input {index} `{name}` lies {}, expected {}", lies(.given), lies(.expected))]
    InputLayout {
        /// The function's name.
        program: String,
        /// Position of the input.
        index: usize,
        /// The parameter's name.
        name: String,
        /// Layout of the parameter.
        expected: Box<DeviceLayout>,
        /// Layout given.
        given: Box<DeviceLayout>,
    },
    /// A program has no input of this number.
    #[error("program `{program}` has {count} inputs, and no input {index}")]
    NoInput {
        /// The function's name.
        program: String,
        /// The number given.
        index: usize,
        /// Number of inputs.
        count: usize,
    },
    /// Bytes that do not fill an input.
    #[error("program `{program}`: input {index} `{name}` is {expected}, which takes {} bytes, got {given}", .expected.bytes())]
    InputBytes {
        /// The function's name.
        program: String,
        /// Position of the input.
        index: usize,
        /// The parameter's name.
        name: String,
        /// Type of the parameter.
        expected: TensorType,
        /// Number of bytes given.
        given: usize,
    },
    /// The compiled program's inputs or outputs are not those of its function.
    #[error("program `{program}`: {what} is {given} on each device, expected {expected}")]
    CompiledType {
        /// The function's name.
        program: String,
        /// Which input or output.
        what: String,
        /// The type it should have.
        expected: String,
        /// The type it has.
        given: String,
    },
    /// An input whose memory an earlier run took over, or that was deleted.
    #[error("program `{program}`: input {index} `{name}` can no longer be used: it was {state}")]
    InputGone {
        /// The function's name.
        program: String,
        /// Position of the input.
        index: usize,
        /// The parameter's name.
        name: String,
        /// The reason why it is gone.
        state: BufferState,
    },
    /// A buffer of one input position given to another one as well, although the program takes its memory.
    #[error(
        "program `{program}`: inputs {first} and {second} are one buffer, but input {donated} `{name}` gives its memory to an output; upload it twice"
    )]
    InputShared {
        /// The function's name.
        program: String,
        /// Position of one of the two inputs.
        first: usize,
        /// Position of the other.
        second: usize,
        /// Position of the one that is given up.
        donated: usize,
        /// Its name.
        name: String,
    },
    /// Values whose number or type is not that of the array's type.
    #[error(transparent)]
    Literal(#[from] graph::Error),
    /// A number was asked of an array.
    #[error("{ty} is not one number")]
    NotScalar {
        /// The array's type.
        ty: TensorType,
    },
    /// The plugin returned an array of a type that no program here has.
    #[error("an array of {0} elements, which programs here do not have")]
    ElementType(xla_sys::ElementType),
}

/// A layout as the end of a sentence that begins with "lies".
fn lies(layout: &DeviceLayout) -> String {
    let text = layout.to_string();
    if text.starts_with('[') { format!("as {text}") } else { text }
}

fn way_out(platform: &str, needed: usize) -> String {
    match platform {
        "cpu" => format!("; start it with {needed} virtual devices"),
        _ => String::new(),
    }
}

fn place(operation: &Option<String>) -> String {
    operation.as_ref().map(|name| format!(" at `{name}`")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_devices_is_told_from_other_failures() {
        for (kind, message) in [
            (DeviceKind::Tpu, "Unable to initialize backend 'tpu': UNAVAILABLE: No jellyfish device found."),
            (
                DeviceKind::Cuda,
                "failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected",
            ),
            (DeviceKind::Cuda, "no supported devices found for platform CUDA"),
        ] {
            assert!(says_no_device(kind, message), "{message}");
        }
        let busy = "The TPU is already in use by process with pid 12";
        assert!(!says_no_device(DeviceKind::Tpu, busy));
        assert!(!says_no_device(DeviceKind::Cuda, "out of memory"));
        let error = Error::NoDevices { kind: DeviceKind::Tpu, plugin: "/lib/libtpu.so".into() }.to_string();
        assert!(
            error
                .starts_with("no TPU on this machine: the plugin /lib/libtpu.so found none; `gopher doctor`")
        );
    }
}
