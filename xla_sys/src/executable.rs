//! Compiled programs: what can be asked of them without running them.

use std::sync::Arc;

use crate::api::{Api, PjrtStruct, named_values, slice, text};
use crate::bindings as c;
use crate::client::ClientHandle;
use crate::topology::TopologyHandle;
use crate::{ArrayType, Error, NamedValue, Result, signature};

/// The owner that an executable must not outlive.
#[derive(Clone)]
pub(crate) enum Owner {
    Client(Arc<ClientHandle>),
    Topology(Arc<TopologyHandle>),
}

impl Owner {
    pub(crate) fn api(&self) -> &Arc<Api> {
        match self {
            Owner::Client(client) => &client.api,
            Owner::Topology(topology) => topology.api(),
        }
    }
}

/// A compiled program. To run one, see [`LoadedExecutable`](crate::LoadedExecutable).
pub struct Executable {
    raw: *mut c::PJRT_Executable,
    owner: Owner,
    name: String,
}

// SAFETY: PJRT executables may be used and destroyed on any thread.
unsafe impl Send for Executable {}
// SAFETY: and by several threads at once.
unsafe impl Sync for Executable {}

impl Executable {
    /// # Safety
    /// `raw` is null or an executable of this owner that nobody else frees.
    pub(crate) unsafe fn from_raw(
        operation: &'static str,
        owner: Owner,
        raw: *mut c::PJRT_Executable,
    ) -> Result<Executable> {
        if raw.is_null() {
            return Err(Error::malformed(operation, "the executable is null"));
        }
        let mut executable = Executable { raw, owner, name: String::new() };
        let mut args = c::PJRT_Executable_Name_Args { executable: raw, ..PjrtStruct::new() };
        // SAFETY: the executable is alive, and with it its name, which is copied.
        executable.name = unsafe {
            executable.api().call(&mut args)?;
            text(args.executable_name, args.executable_name_size)
        };
        Ok(executable)
    }

    fn api(&self) -> &Api {
        self.owner.api()
    }

    /// The program's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many copies of the program run.
    pub fn num_replicas(&self) -> Result<usize> {
        let mut args = c::PJRT_Executable_NumReplicas_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: the executable is alive.
        unsafe { self.api().call(&mut args) }?;
        Ok(args.num_replicas)
    }

    /// Into how many parts each copy is split.
    pub fn num_partitions(&self) -> Result<usize> {
        let mut args = c::PJRT_Executable_NumPartitions_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: the executable is alive.
        unsafe { self.api().call(&mut args) }?;
        Ok(args.num_partitions)
    }

    /// How many arrays the program returns on each device.
    pub fn num_outputs(&self) -> Result<usize> {
        let mut args = c::PJRT_Executable_NumOutputs_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: the executable is alive.
        unsafe { self.api().call(&mut args) }?;
        Ok(args.num_outputs)
    }

    /// The types of the outputs on each device.
    pub fn output_types(&self) -> Result<Vec<ArrayType>> {
        let mut types =
            c::PJRT_Executable_OutputElementTypes_Args { executable: self.raw, ..PjrtStruct::new() };
        let mut dims = c::PJRT_Executable_OutputDimensions_Args { executable: self.raw, ..PjrtStruct::new() };
        let operation = "PJRT_Executable_OutputDimensions";
        // SAFETY: the executable is alive, and with it the lists, which are copied; the number of dimensions of each
        // output says how long the list of all dimensions is.
        let (types, ranks, dims) = unsafe {
            self.api().call(&mut types)?;
            self.api().call(&mut dims)?;
            let ranks = slice(dims.dim_sizes, dims.num_outputs);
            let all = slice(dims.dims, ranks.iter().sum());
            (slice(types.output_types, types.num_output_types), ranks, all)
        };
        if types.len() != ranks.len() || dims.len() != ranks.iter().sum::<usize>() {
            return Err(Error::malformed(operation, "the lists of element types and dimensions disagree"));
        }
        let mut rest = dims;
        let output = |(&element_type, &rank): (&c::PJRT_Buffer_Type, &usize)| {
            let (dims, after) = rest.split_at(rank);
            rest = after;
            ArrayType::from_raw(element_type, dims, operation)
        };
        types.iter().zip(ranks).map(output).collect()
    }

    /// The types of the inputs on each device, as the compiler left them; None if the plugin does not tell.
    pub fn input_types(&self) -> Result<Option<Vec<ArrayType>>> {
        Ok(self.signature()?.map(|signature| signature.inputs))
    }

    /// The indices of inputs whose memory may be taken for outputs; None if the plugin does not tell.
    pub fn donated_inputs(&self) -> Result<Option<Vec<usize>>> {
        Ok(self.signature()?.map(|signature| signature.donated))
    }

    pub(crate) fn signature(&self) -> Result<Option<signature::Signature>> {
        match self.optimized_program() {
            Ok(program) => Ok(signature::of(&program)),
            Err(Error::Pjrt { .. } | Error::MissingFunction { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The size of the machine code in bytes; -1 if the plugin does not know.
    pub fn generated_code_size(&self) -> Result<i64> {
        let mut args =
            c::PJRT_Executable_SizeOfGeneratedCodeInBytes_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: the executable is alive.
        unsafe { self.api().call(&mut args) }?;
        Ok(args.size_in_bytes)
    }

    /// A text that is equal for executables compiled from equal programs with equal options and versions.
    pub fn fingerprint(&self) -> Result<Vec<u8>> {
        let mut args = c::PJRT_Executable_Fingerprint_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: the executable is alive, and with it the fingerprint, which is copied.
        unsafe {
            self.api().call(&mut args)?;
            Ok(slice(args.executable_fingerprint.cast::<u8>(), args.executable_fingerprint_size).to_vec())
        }
    }

    /// The memory the program needs on each device.
    pub fn memory_stats(&self) -> Result<CompiledMemoryStats> {
        let mut args =
            c::PJRT_Executable_GetCompiledMemoryStats_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: the executable is alive.
        unsafe { self.api().call(&mut args) }?;
        Ok(CompiledMemoryStats {
            generated_code: args.generated_code_size_in_bytes,
            arguments: args.argument_size_in_bytes,
            outputs: args.output_size_in_bytes,
            aliased: args.alias_size_in_bytes,
            temporaries: args.temp_size_in_bytes,
            peak: args.peak_memory_in_bytes,
            host_generated_code: args.host_generated_code_size_in_bytes,
            host_arguments: args.host_argument_size_in_bytes,
            host_outputs: args.host_output_size_in_bytes,
            host_aliased: args.host_alias_size_in_bytes,
            host_temporaries: args.host_temp_size_in_bytes,
        })
    }

    /// The compiler's estimates, such as `flops` and `bytes accessed`. Each loop body counts once.
    pub fn cost_analysis(&self) -> Result<Vec<NamedValue>> {
        let mut args = c::PJRT_Executable_GetCostAnalysis_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: the executable is alive, and with it the properties, which are copied.
        unsafe {
            self.api().call(&mut args)?;
            Ok(named_values(args.properties, args.num_properties))
        }
    }

    /// The program as the compiler left it.
    pub fn optimized_program(&self) -> Result<OptimizedProgram> {
        let operation = "PJRT_Executable_OptimizedProgram";
        let mut program: c::PJRT_Program = PjrtStruct::new();
        let mut args = c::PJRT_Executable_OptimizedProgram_Args {
            executable: self.raw,
            program: &mut program,
            ..PjrtStruct::new()
        };
        // SAFETY: the executable is alive; without a place for the code, its size is returned.
        unsafe { self.api().call(&mut args) }?;
        let mut code = vec![0u8; program.code_size];
        program.code = code.as_mut_ptr().cast();
        args.program = &mut program;
        // SAFETY: the place for the code is as large as the plugin said it must be.
        unsafe { self.api().call(&mut args) }?;
        if program.code_size > code.len() {
            return Err(Error::malformed(operation, "the program grew while it was copied"));
        }
        code.truncate(program.code_size);
        // SAFETY: the format lives as long as the executable, and is copied.
        Ok(OptimizedProgram { format: unsafe { text(program.format, program.format_size) }, code })
    }

    /// The executable as bytes, for [`Client::deserialize_and_load`](crate::Client::deserialize_and_load).
    pub fn serialize(&self) -> Result<Vec<u8>> {
        let mut args = c::PJRT_Executable_Serialize_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: the executable is alive; the bytes live until the deleter is called, once, after they are copied.
        unsafe {
            self.api().call(&mut args)?;
            let bytes = slice(args.serialized_bytes.cast::<u8>(), args.serialized_bytes_size).to_vec();
            if let Some(delete) = args.serialized_executable_deleter {
                delete(args.serialized_executable);
            }
            Ok(bytes)
        }
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        let mut args = c::PJRT_Executable_Destroy_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: we own the executable and do not use it again.
        let _ = unsafe { self.api().call(&mut args) };
    }
}

impl std::fmt::Debug for Executable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Executable").field(&self.name).finish()
    }
}

/// The memory a program needs on each device, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompiledMemoryStats {
    /// Machine code.
    pub generated_code: i64,
    /// Inputs.
    pub arguments: i64,
    /// Outputs.
    pub outputs: i64,
    /// The part of the outputs that lies in donated inputs.
    pub aliased: i64,
    /// Everything else the program needs while it runs.
    pub temporaries: i64,
    /// The compiler's peak. Reliable on TPU; on CPU use [`CompiledMemoryStats::total`].
    pub peak: i64,
    /// Machine code in host memory, on platforms that set some of it apart.
    pub host_generated_code: i64,
    /// Inputs in host memory.
    pub host_arguments: i64,
    /// Outputs in host memory.
    pub host_outputs: i64,
    /// The part of the outputs that lies in donated inputs in host memory.
    pub host_aliased: i64,
    /// Temporaries in host memory.
    pub host_temporaries: i64,
}

impl CompiledMemoryStats {
    /// Arguments, outputs and temporaries, counting shared memory once: an upper bound of the data in device memory.
    pub fn total(&self) -> i64 {
        self.arguments + self.outputs + self.temporaries - self.aliased
    }
}

/// A program as the compiler left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptimizedProgram {
    /// What `code` is: `hlo_with_config` (a serialised `HloModuleProtoWithConfig`), or `hlo` (an `HloModuleProto`).
    pub format: String,
    /// The program.
    pub code: Vec<u8>,
}
