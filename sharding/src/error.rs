//! What can go wrong between a function and its results.

use graph::TensorType;
use xla_sys::BufferState;

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
    /// An input whose memory an earlier run took over, or that was deleted.
    #[error("program `{program}`: input {index} `{name}` can no longer be used: it was {state}")]
    InputGone {
        /// The function's name.
        program: String,
        /// Position of the input.
        index: usize,
        /// The parameter's name.
        name: String,
        /// What became of it.
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
    /// Values that do not fit a type.
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

fn place(operation: &Option<String>) -> String {
    operation.as_ref().map(|name| format!(" at `{name}`")).unwrap_or_default()
}
