//! Why a text is not a machine.

/// A machine that exists, to use instead of one that does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// Its topology, such as `tpu:v3:32x32`.
    pub topology: String,
    /// How many of them.
    pub slices: usize,
}

/// As the options of a command: `tpu:v3:32x32 --slices 4`.
impl std::fmt::Display for Nearest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.topology)?;
        if self.slices > 1 { write!(f, " --slices {}", self.slices) } else { Ok(()) }
    }
}

/// A topology that cannot be read, or that no machine has; or a mesh that it cannot hold. One line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// The text has another form.
    #[error(
        "topology `{text}`: {reason}; write cpu:8 (devices), tpu:v3:32x32 (generation and chips) or gpu:h100:4x8 (name, hosts and GPUs in each)"
    )]
    Syntax {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no chip of this name.
    #[error("topology `{text}`: no {family} is called `{name}`; there are {}{}", .known.join(", "), described(.family))]
    UnknownChip {
        /// The text.
        text: String,
        /// `TPU` or `GPU`.
        family: &'static str,
        /// The name that is not known.
        name: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// No such machine is made.
    #[error("topology `{text}`: {reason}; nearest: {}", list(.nearest))]
    NoSuchMachine {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
        /// Machines that are made, best first. Never empty.
        nearest: Vec<Nearest>,
    },
    /// A name that people use and that means no single machine here, or counts something else.
    #[error("topology `{text}`: {reason}: {}", list(.nearest))]
    Spelling {
        /// The text.
        text: String,
        /// What the name says, or leaves open.
        reason: String,
        /// How it is written here; several where the name may mean several machines. Never empty.
        nearest: Vec<Nearest>,
    },
    /// A file that is to describe a chip does not.
    #[error("topology `{text}`: {path}: {reason}")]
    File {
        /// The text.
        text: String,
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The sizes of a mesh's axes do not multiply to the number of devices.
    #[error("a mesh of {} is not laid over the {devices} devices of {topology}: the sizes must multiply to that", .mesh.iter().map(ToString::to_string).collect::<Vec<_>>().join("×"))]
    Mesh {
        /// Sizes of the axes.
        mesh: Vec<usize>,
        /// The machine, with its slices.
        topology: String,
        /// Its devices.
        devices: usize,
    },
}

fn list(nearest: &[Nearest]) -> String {
    nearest.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// Where a chip that is not known may come from.
fn described(family: &str) -> &'static str {
    if family == "GPU" { "; any other is described in a file: gpu:FILE.toml:1x8" } else { "" }
}
