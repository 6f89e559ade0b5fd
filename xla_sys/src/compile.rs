//! What goes into a compiler: a program and options.

use crate::ArrayType;
use crate::api::PjrtStruct;
use crate::bindings as c;
use crate::wire::Writer;

/// The language a [`Program`] is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramFormat {
    /// StableHLO, as text, MLIR bytecode or a portable artifact.
    Mlir,
    /// A serialised `HloModuleProto`. HLO text is not accepted by plugins.
    Hlo,
}

impl ProgramFormat {
    fn name(self) -> &'static str {
        match self {
            ProgramFormat::Mlir => "mlir",
            ProgramFormat::Hlo => "hlo",
        }
    }
}

/// A program to be compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The language of `code`.
    pub format: ProgramFormat,
    /// The program.
    pub code: Vec<u8>,
    /// The types of its inputs, before it is split into partitions.
    pub inputs: Vec<ArrayType>,
}

impl Program {
    /// A StableHLO program.
    pub fn mlir(code: impl Into<Vec<u8>>, inputs: impl Into<Vec<ArrayType>>) -> Program {
        Program { format: ProgramFormat::Mlir, code: code.into(), inputs: inputs.into() }
    }

    /// A serialised `HloModuleProto`.
    pub fn hlo(code: impl Into<Vec<u8>>, inputs: impl Into<Vec<ArrayType>>) -> Program {
        Program { format: ProgramFormat::Hlo, code: code.into(), inputs: inputs.into() }
    }

    /// The C form, which borrows from `self`.
    pub(crate) fn as_raw(&self) -> c::PJRT_Program {
        let format = self.format.name();
        c::PJRT_Program {
            // The C structure serves for output too, so its pointer is mutable; compilers only read.
            code: self.code.as_ptr().cast_mut().cast(),
            code_size: self.code.len(),
            format: format.as_ptr().cast(),
            format_size: format.len(),
            ..PjrtStruct::new()
        }
    }
}

/// The value of a compiler option (a field of XLA's `DebugOptions`, or a TPU compiler flag).
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum OptionValue {
    String(String),
    Bool(bool),
    Int(i64),
    Float(f64),
}

/// How to compile. XLA's message is `CompileOptionsProto` (xla/pjrt/proto/compile_options.proto).
#[derive(Debug, Clone, PartialEq)]
pub struct CompileOptions {
    /// How many copies of the program run, each on data of its own.
    pub num_replicas: usize,
    /// Into how many parts each copy is split (SPMD).
    pub num_partitions: usize,
    /// The device of every replica and partition, `[replica][partition]`. None leaves the choice to the platform;
    /// compilation for a topology needs one.
    pub device_assignment: Option<Vec<Vec<i64>>>,
    /// Split the program by its sharding annotations. On unless there is one partition.
    pub use_spmd_partitioning: bool,
    /// The annotations are Shardy's (`sdy`), not GSPMD's.
    pub use_shardy_partitioner: bool,
    /// Whether the partitioner may choose the sharding of inputs that have no annotation: one value, or one per input.
    pub propagate_sharding_to_inputs: Vec<bool>,
    /// As above for outputs.
    pub propagate_sharding_to_outputs: Vec<bool>,
    /// Compiler options by name. An unknown name is an error of the compiler.
    pub overrides: Vec<(String, OptionValue)>,
}

impl Default for CompileOptions {
    /// One device.
    fn default() -> CompileOptions {
        CompileOptions {
            num_replicas: 1,
            num_partitions: 1,
            device_assignment: None,
            use_spmd_partitioning: false,
            use_shardy_partitioner: false,
            propagate_sharding_to_inputs: Vec::new(),
            propagate_sharding_to_outputs: Vec::new(),
            overrides: Vec::new(),
        }
    }
}

impl CompileOptions {
    /// One program split over `num_partitions` devices by its Shardy annotations.
    pub fn partitioned(num_partitions: usize) -> CompileOptions {
        CompileOptions {
            num_partitions,
            use_spmd_partitioning: true,
            use_shardy_partitioner: true,
            ..CompileOptions::default()
        }
    }

    /// Adds a compiler option.
    pub fn with_override(mut self, name: impl Into<String>, value: impl Into<OptionValue>) -> CompileOptions {
        self.overrides.push((name.into(), value.into()));
        self
    }

    /// The serialised `CompileOptionsProto`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut options = Writer::default();
        options.message(3, |build| {
            // No device ordinal: the assignment decides.
            build.int(1, -1);
            build.int(4, self.num_replicas as i64).int(5, self.num_partitions as i64);
            build.int(6, i64::from(self.use_spmd_partitioning));
            if let Some(assignment) = &self.device_assignment {
                build.message(9, |message| {
                    message.int(1, assignment.len() as i64);
                    let partitions = assignment.first().map_or(0, Vec::len);
                    message.int(2, partitions as i64);
                    // One entry per partition, which lists the replicas' devices.
                    for partition in 0..partitions {
                        message.message(3, |devices| {
                            for replica in assignment {
                                devices.int(1, replica.get(partition).copied().unwrap_or(-1));
                            }
                        });
                    }
                });
            }
            for &allowed in &self.propagate_sharding_to_outputs {
                build.int(12, i64::from(allowed));
            }
            for &allowed in &self.propagate_sharding_to_inputs {
                build.int(18, i64::from(allowed));
            }
            build.int(19, i64::from(self.use_shardy_partitioner));
        });
        for (name, value) in &self.overrides {
            options.message(7, |entry| {
                entry.bytes(1, name.as_bytes()).message(2, |option| {
                    match value {
                        OptionValue::String(string) => option.bytes(1, string.as_bytes()),
                        OptionValue::Bool(bool) => option.int(2, i64::from(*bool)),
                        OptionValue::Int(int) => option.int(3, *int),
                        OptionValue::Float(float) => option.double(4, *float),
                    };
                });
            });
        }
        options.into_bytes()
    }
}

impl From<&str> for OptionValue {
    fn from(value: &str) -> OptionValue {
        OptionValue::String(value.to_owned())
    }
}

impl From<bool> for OptionValue {
    fn from(value: bool) -> OptionValue {
        OptionValue::Bool(value)
    }
}

impl From<i64> for OptionValue {
    fn from(value: i64) -> OptionValue {
        OptionValue::Int(value)
    }
}

impl From<f64> for OptionValue {
    fn from(value: f64) -> OptionValue {
        OptionValue::Float(value)
    }
}
