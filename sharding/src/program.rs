//! Compiled programs.

use std::borrow::Cow;
use std::time::Instant;

use graph::{Function, Literal, TensorType};
use xla_sys::{BufferState, ExecuteOptions, LoadedExecutable};

use crate::buffer::array_type;
use crate::options::{CompileOptions, Format, platform_overrides};
use crate::{Buffer, DeviceKind, Error, Result, Runtime};

/// An input of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Name of the function's parameter.
    pub name: String,
    /// Dtype and shape.
    pub ty: TensorType,
    /// Logical axis name of each dimension, or empty.
    pub axes: Vec<String>,
    /// Whether an output takes over its memory, so that a run uses it up.
    pub donated: bool,
}

/// An output of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Name of the function's result.
    pub name: String,
    /// Dtype and shape.
    pub ty: TensorType,
    /// Position of the input whose memory it takes over.
    pub alias: Option<usize>,
}

/// Device memory a run needs, in bytes.
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
    /// What inputs, outputs and intermediate results take together: arguments + outputs + temporaries - aliased.
    pub fn total(&self) -> u64 {
        (self.arguments + self.outputs + self.temporaries).saturating_sub(self.aliased)
    }
}

/// A function compiled for a device.
#[derive(Debug)]
pub struct Program {
    name: String,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    executable: LoadedExecutable,
    runtime: Runtime,
    compile_seconds: f64,
}

impl Program {
    pub(crate) fn compile(
        runtime: &Runtime,
        function: &Function,
        code: Option<&[u8]>,
        options: &CompileOptions,
    ) -> Result<Self> {
        let start = Instant::now();
        let name = function.name.clone();
        let export = |source| Error::Export { program: name.clone(), source };
        let outputs: Vec<Output> = function.results.iter().zip(function.result_types()).map(output).collect();
        let donated = |index| outputs.iter().any(|output| output.alias == Some(index));
        let params = function.params.iter().zip(function.param_types()).enumerate();
        let inputs: Vec<Input> = params
            .map(|(index, (param, ty))| Input {
                name: param.name.clone(),
                ty,
                axes: param.axes.clone(),
                donated: donated(index),
            })
            .collect();
        let types: Vec<_> = inputs.iter().map(|input| array_type(&input.ty)).collect();
        let program = match (options.format, code) {
            (Format::StableHlo, Some(code)) => xla_sys::Program::mlir(code, types),
            (Format::HloProto, Some(code)) => xla_sys::Program::hlo(code, types),
            (Format::StableHlo, None) => xla_sys::Program::mlir(
                graph::to_stablehlo(&lowered(runtime.kind(), function)).map_err(export)?,
                types,
            ),
            (Format::HloProto, None) => xla_sys::Program::hlo(
                graph::to_hlo_proto(&lowered(runtime.kind(), function)).map_err(export)?,
                types,
            ),
        };
        let mut overrides = platform_overrides(runtime.kind(), function);
        overrides.extend(options.overrides.iter().cloned());
        let compile_options = xla_sys::CompileOptions { overrides, ..Default::default() };
        let executable = runtime.client().compile(&program, &compile_options).map_err(|source| {
            let operation = named_operation(&source.to_string());
            Error::Compile { program: name.clone(), operation, source }
        })?;
        let compile_seconds = start.elapsed().as_secs_f64();
        Ok(Self { name, inputs, outputs, executable, runtime: runtime.clone(), compile_seconds })
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Inputs, in calling order.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Outputs, in order.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Position of the input of this name.
    pub fn input_index(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|input| input.name == name)
    }

    /// Position of the output of this name.
    pub fn output_index(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|output| output.name == name)
    }

    /// Seconds it took to export and compile the function.
    pub fn compile_seconds(&self) -> f64 {
        self.compile_seconds
    }

    /// The compiled program, for what this type does not offer.
    pub fn executable(&self) -> &LoadedExecutable {
        &self.executable
    }

    /// Device memory a run needs.
    ///
    /// # Errors
    /// When the plugin does not say.
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

    /// Starts the program and returns its outputs without waiting for them; they can be inputs of the next run at
    /// once. Inputs whose memory an output takes over ([`Input::donated`]) cannot be used again.
    ///
    /// # Errors
    /// Before anything runs: a wrong number of inputs, an input of the wrong type, one that was used up, one that is
    /// given twice although it is donated. A failure on the device shows when an output is read.
    pub fn run(&self, inputs: &[&Buffer]) -> Result<Vec<Buffer>> {
        self.execute(inputs, &ExecuteOptions::default())
    }

    /// As [`Program::run`], but every input stays usable: those that would be used up are copied.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_keeping(&self, inputs: &[&Buffer]) -> Result<Vec<Buffer>> {
        let donated = self.inputs.iter().enumerate().filter(|(_, input)| input.donated);
        let non_donatable_inputs = donated.map(|(index, _)| index).collect();
        self.execute(inputs, &ExecuteOptions { non_donatable_inputs, ..Default::default() })
    }

    /// Uploads the inputs, runs the program, and downloads the outputs.
    ///
    /// # Errors
    /// As [`Program::run`], and a failure on the device.
    pub fn run_literals(&self, inputs: &[Literal]) -> Result<Vec<Literal>> {
        self.check_types(inputs.iter().map(Literal::ty))?;
        let buffers =
            inputs.iter().map(|literal| self.runtime.upload(literal)).collect::<Result<Vec<_>>>()?;
        self.run(&buffers.iter().collect::<Vec<_>>())?.iter().map(Buffer::to_literal).collect()
    }

    fn execute(&self, inputs: &[&Buffer], options: &ExecuteOptions) -> Result<Vec<Buffer>> {
        self.check_types(inputs.iter().map(|buffer| buffer.ty()))?;
        self.check_donated(inputs, options)?;
        let arguments: Vec<_> = inputs.iter().map(|buffer| buffer.inner()).collect();
        let execution = self.executable.execute(&[&arguments], options).map_err(|source| {
            if let xla_sys::Error::ArgumentUnusable { index, state, .. } = source {
                return self.gone(index, state);
            }
            self.failed(source)
        })?;
        execution.outputs.into_iter().flatten().map(Buffer::new).collect()
    }

    fn check_types<'a>(&self, given: impl ExactSizeIterator<Item = &'a TensorType>) -> Result<()> {
        let program = || self.name.clone();
        if given.len() != self.inputs.len() {
            let (expected, given) = (self.inputs.len(), given.len());
            return Err(Error::InputCount { program: program(), expected, given });
        }
        for (index, (given, input)) in given.zip(&self.inputs).enumerate() {
            if *given != input.ty {
                return Err(Error::InputType {
                    program: program(),
                    index,
                    name: input.name.clone(),
                    expected: input.ty.clone(),
                    given: given.clone(),
                });
            }
        }
        Ok(())
    }

    /// One buffer in two places cannot give up its memory in one of them.
    fn check_donated(&self, inputs: &[&Buffer], options: &ExecuteOptions) -> Result<()> {
        if !options.non_donatable_inputs.is_empty() {
            return Ok(());
        }
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_unstable_by_key(|&index| (std::ptr::from_ref(inputs[index]), index));
        for group in order.chunk_by(|&a, &b| std::ptr::eq(inputs[a], inputs[b])) {
            let donated = group.iter().copied().find(|&index| self.inputs[index].donated);
            if let (&[first, second, ..], Some(donated)) = (group, donated) {
                let (program, name) = (self.name.clone(), self.inputs[donated].name.clone());
                return Err(Error::InputShared { program, first, second, donated, name });
            }
        }
        Ok(())
    }

    fn gone(&self, index: usize, state: BufferState) -> Error {
        let name = self.inputs[index].name.clone();
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
    graph::flatten_products(&mut function);
    Cow::Owned(function)
}

fn output((output, ty): (&graph::Output, TensorType)) -> Output {
    Output { name: output.name.clone(), ty, alias: output.alias }
}

/// The operation a compiler's message is about: the location `loc("…")` of StableHLO, or HLO's `op_name="…"`.
fn named_operation(message: &str) -> Option<String> {
    let start = ["loc(\"", "op_name=\""].iter().find_map(|mark| Some(message.find(mark)? + mark.len()))?;
    let (name, _) = message[start..].split_once('"')?;
    Some(name.to_owned())
}
