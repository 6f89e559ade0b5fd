//! Compiled programs.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Instant;

use graph::{Function, Literal, Partitioned, TensorType};
use xla_sys::{ArrayType, BufferState, Element, ExecuteOptions, HostArray, LoadedExecutable};

use crate::buffer::{array_type, element_type, tensor_type};
use crate::options::{CompileOptions, Format, platform_overrides};
use crate::{Buffer, DeviceKind, DeviceLayout, Error, Input, Interface, Output, Result, Runtime};

/// Memory a run needs on each device, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All inputs.
    pub arguments: u64,
    /// All outputs.
    pub outputs: u64,
    /// Space for intermediate results.
    pub temporaries: u64,
    /// Outputs that take over an input's memory, and so are counted twice above.
    pub aliased: u64,
    /// The program's own code.
    pub generated_code: u64,
}

impl Memory {
    /// The sum of inputs, outputs and intermediate results: arguments + outputs + temporaries - aliased.
    pub fn total(&self) -> u64 {
        (self.arguments + self.outputs + self.temporaries).saturating_sub(self.aliased)
    }
}

/// A function compiled for one device or for all devices of a mesh.
#[derive(Debug)]
pub struct Program {
    name: String,
    interface: Interface,
    executable: LoadedExecutable,
    /// The positions of its mesh that are this process's.
    positions: Vec<usize>,
    runtime: Runtime,
    compile_seconds: f64,
    loaded: bool,
}

impl Program {
    /// Compiles a function for one device; `code` stands for it if it is given.
    pub(crate) fn compile(
        runtime: &Runtime,
        function: &Function,
        code: Option<&[u8]>,
        options: &CompileOptions,
    ) -> Result<Self> {
        let start = Instant::now();
        let export = |source| Error::Export { program: function.name.clone(), source };
        let code = match (code, options.format) {
            (Some(code), _) => code.to_vec(),
            (None, format) => {
                let function = lowered(runtime.kind(), function);
                match format {
                    Format::StableHlo => graph::to_stablehlo(&function).map_err(export)?.into_bytes(),
                    Format::HloProto => graph::to_hlo_proto(&function).map_err(export)?,
                }
            }
        };
        let compile_options = xla_sys::CompileOptions::default();
        Self::finish(runtime, function, Interface::of(function), code, options, compile_options, start)
    }

    /// Compiles a function for a mesh; `code` stands for it if it is given.
    pub(crate) fn compile_partitioned(
        runtime: &Runtime,
        partitioned: &Partitioned,
        code: Option<&[u8]>,
        options: &CompileOptions,
    ) -> Result<Self> {
        let start = Instant::now();
        let function = &partitioned.function;
        let program = || function.name.clone();
        if options.format != Format::StableHlo {
            return Err(Error::PartitionedFormat { program: program() });
        }
        let interface = Interface::of_partitioned(partitioned, options.devices.as_deref())?;
        let what = || format!("program `{}`", function.name);
        let devices = runtime.devices_numbered(interface.devices(), what)?;
        let ids = devices.iter().map(|device| device.id().into()).collect();
        let export = |source| Error::Export { program: program(), source };
        let code = match code {
            Some(code) => code.to_vec(),
            None => match lowered(runtime.kind(), function) {
                Cow::Borrowed(_) => graph::to_stablehlo_partitioned(partitioned),
                Cow::Owned(function) => {
                    graph::to_stablehlo_partitioned(&Partitioned { function, ..partitioned.clone() })
                }
            }
            .map_err(export)?
            .into_bytes(),
        };
        let compile_options = xla_sys::CompileOptions {
            device_assignment: Some(vec![ids]),
            ..xla_sys::CompileOptions::partitioned(interface.devices().len())
        };
        Self::finish(runtime, function, interface, code, options, compile_options, start)
    }

    fn finish(
        runtime: &Runtime,
        function: &Function,
        interface: Interface,
        code: Vec<u8>,
        options: &CompileOptions,
        mut compile_options: xla_sys::CompileOptions,
        start: Instant,
    ) -> Result<Self> {
        let name = function.name.clone();
        let types: Vec<_> = interface.inputs.iter().map(|input| array_type(&input.ty)).collect();
        let program = match options.format {
            Format::StableHlo => xla_sys::Program::mlir(code, types),
            Format::HloProto => xla_sys::Program::hlo(code, types),
        };
        compile_options.overrides =
            platform_overrides(runtime.kind(), function, runtime.is_nondeterministic());
        compile_options.overrides.extend(options.overrides.iter().cloned());
        let (executable, loaded) =
            Self::load_or_compile(runtime, &program, &compile_options).map_err(|source| {
                let operation = named_operation(&source.to_string());
                Error::Compile { program: name.clone(), operation, source }
            })?;
        let compile_seconds = start.elapsed().as_secs_f64();
        let positions = runtime.addressable_positions(interface.scalar());
        let runtime = runtime.clone();
        let program = Self { name, interface, executable, positions, runtime, compile_seconds, loaded };
        program.check_compiled()?;
        Ok(program)
    }

    /// Compiles a program, or takes it from those that were compiled before, and says whether it did.
    fn load_or_compile(
        runtime: &Runtime,
        program: &xla_sys::Program,
        options: &xla_sys::CompileOptions,
    ) -> xla_sys::Result<(LoadedExecutable, bool)> {
        let client = runtime.client();
        // A program of several devices, loaded, waits for ever in its collectives (the CPU plugin of version 0.11.2).
        let devices = options.device_assignment.iter().flatten().flatten().count();
        let Some((cache, mut key)) = runtime.program_cache().filter(|_| devices <= 1) else {
            return Ok((client.compile(program, options)?, false));
        };
        key.add(&program.code);
        // All of them, in words.
        key.add(format!("{:?} {options:?}", program.format).as_bytes());
        let name = key.finish();
        // What another version of the plugin wrote in spite of the key is compiled again.
        let kept =
            cache.load(&name).and_then(|bytes| client.deserialize_and_load(&bytes, &program.inputs).ok());
        if let Some(executable) = kept {
            return Ok((executable, true));
        }
        let executable = client.compile(program, options)?;
        if let Ok(bytes) = executable.executable().serialize() {
            cache.store(&name, &bytes);
        }
        Ok((executable, false))
    }

    /// Checks that the compiled inputs and outputs are laid out as asked.
    fn check_compiled(&self) -> Result<()> {
        let check = |what: String, whole: &TensorType, layout: &DeviceLayout, given: &ArrayType| {
            let expected = array_type(&layout.shard_type(whole)?);
            if *given == expected {
                return Ok(());
            }
            let (program, expected, given) = (self.name.clone(), expected.to_string(), given.to_string());
            Err(Error::CompiledType { program, what, expected, given })
        };
        if self.executable.input_types_are_known() {
            for (index, (input, given)) in self.inputs().iter().zip(self.executable.input_types()).enumerate()
            {
                check(format!("input {index} `{}`", input.name), &input.ty, &input.layout, given)?;
            }
        }
        let outputs = self.executable.executable().output_types()?;
        if outputs.len() != self.outputs().len() {
            let (expected, given) = (self.outputs().len(), outputs.len());
            let (expected, given) = (expected.to_string(), given.to_string());
            let what = "the number of outputs".to_owned();
            return Err(Error::CompiledType { program: self.name.clone(), what, expected, given });
        }
        for (index, (output, given)) in self.outputs().iter().zip(&outputs).enumerate() {
            check(format!("output {index} `{}`", output.name), &output.ty, &output.layout, given)?;
        }
        Ok(())
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Inputs and outputs.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Inputs, in calling order.
    pub fn inputs(&self) -> &[Input] {
        &self.interface.inputs
    }

    /// Outputs, in order.
    pub fn outputs(&self) -> &[Output] {
        &self.interface.outputs
    }

    /// Position of the input of this name.
    pub fn input_index(&self, name: &str) -> Option<usize> {
        self.interface.input_index(name)
    }

    /// Position of the output of this name.
    pub fn output_index(&self, name: &str) -> Option<usize> {
        self.interface.output_index(name)
    }

    /// The devices it runs on, as their numbers in [`Runtime::devices`], by position of the mesh.
    pub fn devices(&self) -> &[usize] {
        self.interface.devices()
    }

    /// Seconds it took to export and compile the function.
    pub fn compile_seconds(&self) -> f64 {
        self.compile_seconds
    }

    /// Whether it was compiled before, and taken from the [`ProgramCache`](crate::ProgramCache).
    pub fn was_loaded(&self) -> bool {
        self.loaded
    }

    /// The compiled program, for what this type does not offer.
    pub fn executable(&self) -> &LoadedExecutable {
        &self.executable
    }

    /// Memory a run needs on each device.
    ///
    /// # Errors
    /// [`Error::Device`] when the plugin does not say.
    pub fn memory(&self) -> Result<Memory> {
        let stats = self.executable.executable().memory_stats().map_err(|source| self.failed(source))?;
        let bytes = |count: i64| count.max(0) as u64;
        Ok(Memory {
            arguments: bytes(stats.arguments),
            outputs: bytes(stats.outputs),
            temporaries: bytes(stats.temporaries),
            aliased: bytes(stats.aliased),
            generated_code: bytes(stats.generated_code),
        })
    }

    /// Copies a literal to where the program wants its input `index`.
    ///
    /// # Errors
    /// [`Error::NoInput`] when there is no input `index`, [`Error::InputType`] when it is of another type,
    /// [`Error::Device`] when a device's memory is full.
    pub fn upload(&self, index: usize, literal: &Literal) -> Result<Buffer> {
        self.check_type(index, literal.ty())?;
        self.upload_bytes(index, &literal.to_bytes())
    }

    /// Copies a whole array, given as little-endian bytes in row-major order, to where the program wants its input
    /// `index`.
    ///
    /// # Errors
    /// [`Error::NoInput`] when there is no input `index`, [`Error::InputBytes`] when it takes another number of bytes,
    /// [`Error::Device`] when a device's memory is full.
    pub fn upload_bytes(&self, index: usize, bytes: &[u8]) -> Result<Buffer> {
        let input = self.input(index)?;
        self.check_bytes(index, bytes.len())?;
        self.runtime.upload_bytes_with(&input.ty, bytes, &input.layout)
    }

    /// Copies numbers in row-major order to where the program wants its input `index`.
    ///
    /// # Errors
    /// [`Error::NoInput`] when there is no input `index`, [`Error::InputType`] when it has another dtype,
    /// [`Error::InputBytes`] when it takes another number of elements, [`Error::Device`] when a device's memory is
    /// full.
    pub fn upload_slice<T: Element>(&self, index: usize, values: &[T]) -> Result<Buffer> {
        let input = self.input(index)?;
        if T::TYPE != element_type(input.ty.dtype) {
            self.check_type(index, &tensor_type(&ArrayType::new(T::TYPE, [values.len()]))?)?;
        }
        self.check_bytes(index, size_of_val(values))?;
        self.runtime.upload_array_with(HostArray::from_slice(values, &input.ty.shape)?, &input.layout)
    }

    /// Makes the program's input `index` from its parts, as [`Runtime::upload_parts`] does.
    ///
    /// # Errors
    /// As there, and [`Error::NoInput`].
    pub fn upload_parts<E: From<Error>>(
        &self,
        index: usize,
        part: impl FnMut(&[Range<usize>]) -> Result<HostArray, E>,
    ) -> Result<Buffer, E> {
        let input = self.input(index)?;
        self.runtime.upload_parts(&input.ty, &input.layout, part)
    }

    /// Starts the program and returns its outputs without waiting for them; they can be inputs of the next run at
    /// once. (Virtual devices of the CPU take one run at a time: the next waits for it.) Inputs whose memory an output takes over ([`Input::donated`]) cannot be used again.
    ///
    /// # Errors
    /// Before anything runs: [`Error::InputCount`]; [`Error::InputType`]; [`Error::InputLayout`] for an input on other
    /// devices or split otherwise; [`Error::InputGone`] for one that was donated before; [`Error::InputShared`] for one
    /// that is given twice although it is donated. A failure on a device shows when an output is read.
    pub fn run(&self, inputs: &[&Buffer]) -> Result<Vec<Buffer>> {
        self.execute(inputs, &ExecuteOptions::default())
    }

    /// As [`Program::run`], but every input stays usable: those that would be used up are copied.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_keeping(&self, inputs: &[&Buffer]) -> Result<Vec<Buffer>> {
        let donated = self.inputs().iter().enumerate().filter(|(_, input)| input.donated);
        let non_donatable_inputs = donated.map(|(index, _)| index).collect();
        self.execute(inputs, &ExecuteOptions { non_donatable_inputs, ..Default::default() })
    }

    /// Uploads the inputs, runs the program, and downloads the outputs.
    ///
    /// # Errors
    /// As [`Program::run`], and a failure on a device.
    pub fn run_literals(&self, inputs: &[Literal]) -> Result<Vec<Literal>> {
        self.check_count(inputs.len())?;
        let upload = |(index, literal)| self.upload(index, literal);
        let buffers = inputs.iter().enumerate().map(upload).collect::<Result<Vec<_>>>()?;
        self.run(&buffers.iter().collect::<Vec<_>>())?.iter().map(Buffer::to_literal).collect()
    }

    fn execute(&self, inputs: &[&Buffer], options: &ExecuteOptions) -> Result<Vec<Buffer>> {
        self.check_count(inputs.len())?;
        for (index, buffer) in inputs.iter().enumerate() {
            self.check_type(index, buffer.ty())?;
            self.check_layout(index, buffer.layout())?;
        }
        self.check_donated(inputs, options)?;
        // By `check_layout`, all of them lie on the same devices.
        let on_device = |index: usize| inputs.iter().map(|buffer| &buffer.shards()[index]).collect();
        let arguments: Vec<Vec<_>> = (0..self.positions.len()).map(on_device).collect();
        let arguments: Vec<_> = arguments.iter().map(Vec::as_slice).collect();
        let turn = if arguments.len() > 1 { self.runtime.turn() } else { None };
        let execution = self.executable.execute(&arguments, options).map_err(|source| {
            if let xla_sys::Error::ArgumentUnusable { index, state, .. } = source {
                return self.gone(index, state);
            }
            self.failed(source)
        })?;
        if let Some(mut turn) = turn {
            *turn = execution.events;
        }
        let mut devices: Vec<_> = execution.outputs.into_iter().map(Vec::into_iter).collect();
        let output = |output: &Output| {
            // Each device has one, by `check_compiled`.
            let shards = devices.iter_mut().filter_map(Iterator::next).collect();
            Buffer::new(shards, self.positions.clone(), output.ty.clone(), output.layout.clone())
        };
        Ok(self.outputs().iter().map(output).collect())
    }

    fn input(&self, index: usize) -> Result<&Input> {
        let (program, count) = (|| self.name.clone(), self.inputs().len());
        self.inputs().get(index).ok_or_else(|| Error::NoInput { program: program(), index, count })
    }

    fn check_count(&self, given: usize) -> Result<()> {
        let expected = self.inputs().len();
        if given == expected {
            return Ok(());
        }
        Err(Error::InputCount { program: self.name.clone(), expected, given })
    }

    fn check_type(&self, index: usize, given: &TensorType) -> Result<()> {
        let Input { name, ty, .. } = self.input(index)?;
        if given == ty {
            return Ok(());
        }
        let (program, name) = (self.name.clone(), name.clone());
        Err(Error::InputType { program, index, name, expected: ty.clone(), given: given.clone() })
    }

    fn check_bytes(&self, index: usize, given: usize) -> Result<()> {
        let Input { name, ty, .. } = self.input(index)?;
        if given == ty.bytes() {
            return Ok(());
        }
        let (program, name) = (self.name.clone(), name.clone());
        Err(Error::InputBytes { program, index, name, expected: ty.clone(), given })
    }

    fn check_layout(&self, index: usize, given: &DeviceLayout) -> Result<()> {
        let Input { name, layout, .. } = self.input(index)?;
        if given.places_like(layout) {
            return Ok(());
        }
        let (program, name) = (self.name.clone(), name.clone());
        let (expected, given) = (Box::new(layout.clone()), Box::new(given.clone()));
        Err(Error::InputLayout { program, index, name, expected, given })
    }

    /// One buffer in two places cannot give up its memory in one of them.
    fn check_donated(&self, inputs: &[&Buffer], options: &ExecuteOptions) -> Result<()> {
        if !options.non_donatable_inputs.is_empty() {
            return Ok(());
        }
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_unstable_by_key(|&index| (std::ptr::from_ref(inputs[index]), index));
        for group in order.chunk_by(|&a, &b| std::ptr::eq(inputs[a], inputs[b])) {
            let donated = group.iter().copied().find(|&index| self.inputs()[index].donated);
            if let (&[first, second, ..], Some(donated)) = (group, donated) {
                let (program, name) = (self.name.clone(), self.inputs()[donated].name.clone());
                return Err(Error::InputShared { program, first, second, donated, name });
            }
        }
        Ok(())
    }

    fn gone(&self, index: usize, state: BufferState) -> Error {
        let name = self.inputs()[index].name.clone();
        Error::InputGone { program: self.name.clone(), index, name, state }
    }

    fn failed(&self, source: xla_sys::Error) -> Error {
        Error::Run { program: self.name.clone(), source }
    }
}

/// A function in the form that a platform's compiler makes most of.
fn lowered(kind: DeviceKind, function: &Function) -> Cow<'_, Function> {
    // The verifier is to see the function as it was given.
    if kind != DeviceKind::Cpu || graph::verify(function).is_err() {
        return Cow::Borrowed(function);
    }
    let mut function = function.clone();
    graph::flatten_matmuls(&mut function);
    Cow::Owned(function)
}

/// The operation a compiler's message is about: the location `loc("…")` of StableHLO, or HLO's `op_name="…"`.
pub(crate) fn named_operation(message: &str) -> Option<String> {
    let start = ["loc(\"", "op_name=\""].iter().find_map(|mark| Some(message.find(mark)? + mark.len()))?;
    let (name, _) = message[start..].split_once('"')?;
    Some(name.to_owned())
}
