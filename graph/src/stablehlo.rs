//! Functions as StableHLO text, the form that compilers behind PJRT take.
//!
//! The module has the function's name and one public function `@main`. Parameters keep their names as far as MLIR's
//! identifiers allow, results have theirs in comments, and each operation has a location `"scope/op"`, which XLA shows
//! in error messages and profiles as the operation's `op_name`. Locations are defined once, at the end of the text.
//!
//! An output that takes over a parameter's memory becomes `tf.aliasing_output` on that parameter. A scan becomes a
//! `stablehlo.while` that carries a counter, the carried values and the stacked outputs; its constants and stacked
//! inputs are captured from the enclosing region.
//!
//! Source: StableHLO specification, <https://openxla.org/stablehlo/spec>; syntax as printed by its own tools.

pub(crate) mod number;
mod ops;
mod partitioned;
mod scan;

pub(crate) use ops::{index_dtype, index_operands, multiplies_in_float32, reduction_start};
pub use partitioned::to_stablehlo_partitioned;

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::function::{Function, Node, Value};
use crate::op::Op;

/// Prints a function as a StableHLO module.
///
/// # Errors
/// [`Error::Verify`] if the function is not valid; [`Error::Export`] if it is for a mesh of several devices, or if a scan
/// is longer than a 32-bit counter can count.
pub fn to_stablehlo(function: &Function) -> Result<String, Error> {
    crate::verify::verify(function)?;
    if function.is_for_a_mesh() {
        let name = &function.name;
        return Err(Error::Export(format!("`{name}` is for a device of a mesh; export it with the mesh")));
    }
    let mut printer = Printer::default();
    printer.module(function)?;
    Ok(printer.out)
}

/// `tensor<2x3xf32>`.
fn tensor(ty: &TensorType) -> String {
    let mut text = String::from("tensor<");
    for size in &ty.shape {
        let _ = write!(text, "{size}x");
    }
    text.push_str(element(ty.dtype));
    text.push('>');
    text
}

fn element(dtype: DType) -> &'static str {
    match dtype {
        DType::Pred => "i1",
        DType::U8 => "ui8",
        DType::I32 => "i32",
        DType::U32 => "ui32",
        DType::I64 => "i64",
        DType::F16 => "f16",
        DType::BF16 => "bf16",
        DType::F32 => "f32",
        DType::F64 => "f64",
    }
}

/// Items joined by `, `.
fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// A quoted MLIR string.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | 0..=31 | 127.. => {
                let _ = write!(quoted, "\\{byte:02X}");
            }
            _ => quoted.push(byte as char),
        }
    }
    quoted.push('"');
    quoted
}

#[derive(Default)]
struct Printer {
    out: String,
    depth: usize,
    next_value: usize,
    /// Names of parameters and block arguments; MLIR lets no region reuse a name it can see.
    taken: HashSet<String>,
    location_numbers: HashMap<String, usize>,
    locations: Vec<String>,
    /// The devices, and what is printed of groups of them.
    mesh: partitioned::Groups,
}

/// A function being printed, with the MLIR name of each value defined so far.
struct Frame<'a> {
    function: &'a Function,
    names: Vec<String>,
}

impl<'a> Frame<'a> {
    fn new(function: &'a Function) -> Self {
        Self { function, names: vec![String::new(); function.types.len()] }
    }

    fn name(&self, value: Value) -> &str {
        &self.names[value.index()]
    }

    fn ty(&self, value: Value) -> &'a TensorType {
        self.function.ty(value)
    }
}

impl Printer {
    fn module(&mut self, function: &Function) -> Result<(), Error> {
        let mut frame = Frame::new(function);
        let _ = writeln!(self.out, "module @{} {{", identifier(&function.name));
        let names = self.signature(function, &function.param_types(), &function.result_types(), &[], &[]);
        for (param, name) in function.params.iter().zip(names) {
            frame.names[param.value.index()] = name;
        }
        self.depth = 2;
        self.nodes(&mut frame)?;
        let results = function.results.iter().map(|output| frame.name(output.value).to_owned());
        self.returns("return", &results.collect::<Vec<_>>(), &function.result_types());
        self.out.push_str("  }\n}\n");
        self.end();
        Ok(())
    }

    fn returns(&mut self, word: &str, names: &[String], types: &[TensorType]) {
        let (names, types) = (list(names), list(types.iter().map(tensor)));
        self.line(&if names.is_empty() { word.to_owned() } else { format!("{word} {names} : {types}") });
    }

    /// The locations, which may stand at the end of the text.
    fn end(&mut self) {
        for (number, location) in self.locations.iter().enumerate() {
            let _ = writeln!(self.out, "#loc{number} = loc({})", quote(location));
        }
    }

    /// The head of `@main`; the names of its arguments. `shardings` are attributes, or empty.
    fn signature(
        &mut self,
        function: &Function,
        params: &[TensorType],
        results: &[TensorType],
        param_shardings: &[String],
        result_shardings: &[String],
    ) -> Vec<String> {
        self.out.push_str("  func.func public @main(");
        let mut names = Vec::with_capacity(params.len());
        for (index, (param, ty)) in function.params.iter().zip(params).enumerate() {
            let name = self.argument(&param.name);
            let mut attributes = parameter_attributes(function, index);
            attributes.extend(param_shardings.get(index).cloned());
            let attributes =
                if attributes.is_empty() { String::new() } else { format!(" {{{}}}", list(&attributes)) };
            let comma = if index + 1 < params.len() { "," } else { "" };
            let ty = tensor(ty);
            let _ = write!(self.out, "\n      {name}: {ty}{attributes} loc({}){comma}", quote(&param.name));
            names.push(name);
        }
        self.out.push_str(if params.is_empty() { ") -> (" } else { "\n  ) -> (" });
        for (index, (output, ty)) in function.results.iter().zip(results).enumerate() {
            let comma = if index + 1 < results.len() { "," } else { "" };
            let ty = tensor(ty);
            let sharding = result_shardings.get(index).map_or(String::new(), |text| format!(" {{{text}}}"));
            let _ = write!(self.out, "\n      {ty}{sharding}{comma}  // {}", output.name.escape_default());
        }
        self.out.push_str(if results.is_empty() { ") {\n" } else { "\n  ) {\n" });
        names
    }

    fn nodes(&mut self, frame: &mut Frame<'_>) -> Result<(), Error> {
        let function = frame.function;
        for node in &function.nodes {
            match &node.op {
                op if op.is_identity() => {
                    let operand = frame.name(node.operands[0]).to_string();
                    frame.names[node.results[0].index()] = operand;
                }
                Op::Scan(scan) => self.scan(frame, node, scan)?,
                op => frame.names[node.results[0].index()] = self.operation(frame, node, op),
            }
        }
        Ok(())
    }

    /// Number of the location of a node.
    fn location(&mut self, function: &Function, node: &Node) -> usize {
        let text = op_name(function, node);
        if let Some(&number) = self.location_numbers.get(&text) {
            return number;
        }
        let number = self.locations.len();
        self.locations.push(text.clone());
        self.location_numbers.insert(text, number);
        number
    }

    fn line(&mut self, text: &str) {
        self.out.extend(std::iter::repeat_n("  ", self.depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Prints an operation with one result and returns the result's name.
    fn define(&mut self, operation: &str, location: usize) -> String {
        let name = self.fresh();
        self.line(&format!("{name} = {operation} loc(#loc{location})"));
        name
    }

    fn fresh(&mut self) -> String {
        self.next_value += 1;
        format!("%{}", self.next_value - 1)
    }

    /// A name for a parameter or block argument: the wanted one, with a number if it is taken.
    fn argument(&mut self, wanted: &str) -> String {
        let wanted = identifier(wanted);
        let mut name = wanted.clone();
        let mut suffix = 1;
        while !self.taken.insert(name.clone()) {
            name = format!("{wanted}_{suffix}");
            suffix += 1;
        }
        format!("%{name}")
    }
}

/// What XLA's messages and profiles call a node: `scope/op`.
pub(crate) fn op_name(function: &Function, node: &Node) -> String {
    let (scope, name) = (function.scope(node), node.op.name());
    if scope.is_empty() { name.to_owned() } else { format!("{scope}/{name}") }
}

/// Attributes of a parameter of `@main`.
fn parameter_attributes(function: &Function, index: usize) -> Vec<String> {
    let aliased = function.results.iter().position(|output| output.alias == Some(index));
    aliased.iter().map(|output| format!("tf.aliasing_output = {output} : i32")).collect()
}

/// The nearest MLIR identifier; never only digits.
fn identifier(name: &str) -> String {
    let mut text: String = name
        .chars()
        .map(|c| match c {
            '/' => '.',
            c if c.is_ascii_alphanumeric() || "_.$-".contains(c) => c,
            _ => '_',
        })
        .collect();
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) {
        text.insert(0, '_');
    }
    text
}
