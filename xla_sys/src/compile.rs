//! Input of a compiler: a program and options.

use std::collections::HashSet;

use crate::api::PjrtStruct;
use crate::bindings as c;
use crate::wire::Writer;
use crate::{ArrayType, Error, Result};

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
#[allow(missing_docs)] // Each variant is the Rust type of its name.
pub enum OptionValue {
    String(String),
    Bool(bool),
    Int(i64),
    Float(f64),
}

/// Options of a compilation. XLA's message is `CompileOptionsProto` (xla/pjrt/proto/compile_options.proto).
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

    /// XLA ends the process, or hangs, over what this refuses.
    fn check(&self) -> Result<()> {
        let refuse = |reason: String| Err(Error::CompileOptions { reason });
        let (replicas, partitions) = (self.num_replicas, self.num_partitions);
        let limit = i32::MAX as usize;
        if !(1..=limit).contains(&replicas) || !(1..=limit).contains(&partitions) {
            return refuse(format!(
                "{replicas} replicas of {partitions} partitions; there must be at least one of each"
            ));
        }
        let Some(assignment) = &self.device_assignment else { return Ok(()) };
        if assignment.len() != replicas {
            return refuse(format!("devices are assigned to {} replicas of {replicas}", assignment.len()));
        }
        if let Some(replica) = assignment.iter().position(|devices| devices.len() != partitions) {
            let assigned = assignment[replica].len();
            return refuse(format!("replica {replica} has {assigned} devices for {partitions} partitions"));
        }
        let mut seen = HashSet::new();
        match assignment.iter().flatten().find(|device| !seen.insert(**device)) {
            Some(device) => refuse(format!("device {device} is assigned twice")),
            None => Ok(()),
        }
    }

    /// The serialised `CompileOptionsProto`.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut options = Writer::default();
        options.message(3, |build| {
            // No device ordinal: the assignment decides.
            build.int(1, -1);
            build.int(4, self.num_replicas as i64).int(5, self.num_partitions as i64);
            build.int(6, i64::from(self.use_spmd_partitioning));
            if let Some(assignment) = &self.device_assignment {
                build.message(9, |message| {
                    message.int(1, assignment.len() as i64);
                    message.int(2, self.num_partitions as i64);
                    // One entry per partition, which lists the replicas' devices.
                    for partition in 0..self.num_partitions {
                        message.message(3, |devices| {
                            for replica in assignment {
                                devices.int(1, replica[partition]);
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
        Ok(options.into_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_written_as_xla_reads_them() {
        let check =
            |options: CompileOptions, expected: &[u8]| assert_eq!(options.to_bytes().unwrap(), expected);
        // CompileOptionsProto { executable_build_options (3) { device_ordinal (1): -1, num_replicas (4): 1,
        //   num_partitions (5): 1, use_spmd_partitioning (6): 0, use_shardy_partitioner (19): 0 } }
        let mut one = vec![0x1a, 20, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        one.extend([0x20, 1, 0x28, 1, 0x30, 0, 0x98, 0x01, 0]);
        check(CompileOptions::default(), &one);
        // env_option_overrides (7) { key (1): "a", value (2) { bool_field (2): 1 } }
        one.extend([0x3a, 7, 0x0a, 1, b'a', 0x12, 2, 0x10, 1]);
        // ... { string_field (1): "x" }, { int_field (3): 5 }, { double_field (4): 2.0 }
        one.extend([0x3a, 8, 0x0a, 1, b'b', 0x12, 3, 0x0a, 1, b'x']);
        one.extend([0x3a, 7, 0x0a, 1, b'c', 0x12, 2, 0x18, 5]);
        one.extend([0x3a, 14, 0x0a, 1, b'd', 0x12, 9, 0x21, 0, 0, 0, 0, 0, 0, 0, 0x40]);
        let options = CompileOptions::default();
        let options = options.with_override("a", true).with_override("b", "x");
        check(options.with_override("c", 5).with_override("d", 2.0), &one);
    }

    #[test]
    fn a_device_assignment_is_written_by_partition() {
        let options = CompileOptions {
            num_replicas: 2,
            num_partitions: 2,
            device_assignment: Some(vec![vec![0, 1], vec![2, 3]]),
            ..CompileOptions::default()
        };
        // DeviceAssignmentProto { replica_count (1): 2, computation_count (2): 2,
        //   computation_devices (3) { replica_device_ids (1): 0, 2 }, computation_devices { 1, 3 } }
        let expected = [0x4a, 16, 0x08, 2, 0x10, 2, 0x1a, 4, 0x08, 0, 0x08, 2, 0x1a, 4, 0x08, 1, 0x08, 3];
        let bytes = options.to_bytes().unwrap();
        assert!(bytes.windows(expected.len()).any(|window| window == expected), "{bytes:?}");
    }

    #[test]
    fn options_that_would_end_the_process_are_refused() {
        let check = |replicas, partitions, assignment: Option<Vec<Vec<i64>>>, expected: &str| {
            let options = CompileOptions {
                num_replicas: replicas,
                num_partitions: partitions,
                device_assignment: assignment,
                ..CompileOptions::default()
            };
            assert_eq!(
                options.to_bytes().unwrap_err().to_string(),
                format!("impossible compile options: {expected}")
            );
        };
        check(0, 1, None, "0 replicas of 1 partitions; there must be at least one of each");
        check(1, 0, None, "1 replicas of 0 partitions; there must be at least one of each");
        check(2, 1, Some(vec![vec![0]]), "devices are assigned to 1 replicas of 2");
        check(2, 1, Some(vec![vec![0], vec![]]), "replica 1 has 0 devices for 1 partitions");
        check(2, 1, Some(vec![vec![5], vec![5]]), "device 5 is assigned twice");
    }
}
