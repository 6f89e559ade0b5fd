//! From functions to HLO modules.

mod collective;
mod ops;

use std::collections::HashMap;

use super::proto::{self, AliasKind, Instruction, Layout, Module, PrimitiveType, ProgramShape, Shape};
use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::function::{Function, Node, Value};
use crate::mesh::Mesh;
use crate::op::Op;
use crate::stablehlo::{index_dtype, index_operands, op_name};

/// Lowers a function to an HLO module whose entry computation returns a tuple of the function's results.
///
/// # Errors
/// [`Error::Verify`] if the function is not valid; [`Error::Export`] if it is for a mesh of several devices, or if a scan
/// is longer than a 32-bit counter can count.
pub fn lower(function: &Function) -> Result<Module, Error> {
    crate::verify::verify(function)?;
    if function.is_for_a_mesh() {
        let name = &function.name;
        return Err(Error::Export(format!("`{name}` is for a device of a mesh; export it with the mesh")));
    }
    lower_on(&Mesh::default(), function)
}

/// Lowers a verified function for a device of a mesh that has the axes it names.
pub(super) fn lower_on(mesh: &Mesh, function: &Function) -> Result<Module, Error> {
    let mut lowering = Lowering { mesh: mesh.clone(), ..Lowering::default() };
    let mut entry = Body::new("main");
    let mut values = vec![0; function.types.len()];
    for (number, param) in function.params.iter().enumerate() {
        let shape = array(function.ty(param.value));
        values[param.value.index()] = lowering.parameter(&mut entry, &param.name, number, shape);
        let metadata = proto::Metadata { op_name: param.name.clone() };
        entry.instructions[number].metadata = Some(metadata);
    }
    lowering.nodes(&mut entry, function, &mut values)?;
    let results: Vec<i64> = function.results.iter().map(|output| values[output.value.index()]).collect();
    let shape = tuple(function.result_types().iter().map(array));
    let root = lowering.emit(&mut entry, "", "tuple", shape, &results, |_| {});
    let entry_computation_id = lowering.finish(entry, root);

    let entry = lowering.computations.last();
    let aliases = function.results.iter().enumerate().filter_map(|(output, result)| {
        Some(proto::AliasEntry {
            output_shape_index: vec![output as i64],
            parameter_number: result.alias? as i64,
            parameter_shape_index: Vec::new(),
            kind: AliasKind::May.into(),
        })
    });
    let aliases: Vec<_> = aliases.collect();
    Ok(Module {
        name: identifier(&function.name),
        entry_computation_name: entry.map(|entry| entry.name.clone()).unwrap_or_default(),
        entry_computation_id,
        host_program_shape: entry.and_then(|entry| entry.program_shape.clone()),
        id: 1,
        input_output_alias: (!aliases.is_empty()).then_some(proto::InputOutputAlias { entries: aliases }),
        computations: lowering.computations,
    })
}

/// A computation under construction.
pub(super) struct Body {
    name: String,
    instructions: Vec<Instruction>,
}

impl Body {
    pub(super) fn new(name: &str) -> Self {
        Self { name: identifier(name), instructions: Vec::new() }
    }
}

#[derive(Default)]
pub(super) struct Lowering {
    computations: Vec<proto::Computation>,
    /// Computations of two scalars, by opcode and dtype.
    combiners: HashMap<(&'static str, DType), i64>,
    last_id: i64,
    /// The devices that collectives name.
    mesh: Mesh,
    /// Number of channels in use; each collective has its own.
    channels: i64,
}

impl Lowering {
    /// Adds an instruction and returns its id; `fill` sets the fields of its opcode.
    pub(super) fn emit(
        &mut self,
        body: &mut Body,
        op_name: &str,
        opcode: &str,
        shape: Shape,
        operands: &[i64],
        fill: impl FnOnce(&mut Instruction),
    ) -> i64 {
        self.last_id += 1;
        let metadata = (!op_name.is_empty()).then(|| proto::Metadata { op_name: op_name.to_owned() });
        let mut instruction = Instruction {
            name: format!("{opcode}.{}", self.last_id),
            opcode: opcode.to_owned(),
            shape: Some(shape),
            metadata,
            id: self.last_id,
            operand_ids: operands.to_vec(),
            ..Instruction::default()
        };
        fill(&mut instruction);
        body.instructions.push(instruction);
        self.last_id
    }

    /// Adds a parameter named after `name`.
    pub(super) fn parameter(&mut self, body: &mut Body, name: &str, number: usize, shape: Shape) -> i64 {
        self.emit(body, "", "parameter", shape, &[], |instruction| {
            instruction.parameter_number = number as i64;
            instruction.name = format!("{}.{}", identifier(name), instruction.id);
        })
    }

    /// Completes a computation, which returns the instruction `root`, and returns its id.
    pub(super) fn finish(&mut self, body: Body, root: i64) -> i64 {
        self.last_id += 1;
        let parameters = || body.instructions.iter().filter(|instruction| instruction.opcode == "parameter");
        let result = body.instructions.iter().find(|instruction| instruction.id == root);
        let program_shape = ProgramShape {
            parameters: parameters().filter_map(|parameter| parameter.shape.clone()).collect(),
            parameter_names: parameters().map(|parameter| parameter.name.clone()).collect(),
            result: result.and_then(|root| root.shape.clone()),
        };
        self.computations.push(proto::Computation {
            name: format!("{}.{}", body.name, self.last_id),
            instructions: body.instructions,
            program_shape: Some(program_shape),
            id: self.last_id,
            root_id: root,
        });
        self.last_id
    }

    /// The computation that applies a binary opcode to two scalars.
    fn combiner(&mut self, opcode: &'static str, dtype: DType) -> i64 {
        if let Some(&id) = self.combiners.get(&(opcode, dtype)) {
            return id;
        }
        let shape = array(&TensorType::scalar(dtype));
        let mut body = Body::new(&format!("{opcode}_{dtype}"));
        let operands = ["x", "y"].map(|name| name.to_owned());
        let operands: Vec<i64> = operands
            .iter()
            .enumerate()
            .map(|(number, name)| self.parameter(&mut body, name, number, shape.clone()))
            .collect();
        let root = self.emit(&mut body, "", opcode, shape, &operands, |_| {});
        let id = self.finish(body, root);
        self.combiners.insert((opcode, dtype), id);
        id
    }

    /// Lowers the nodes of a function; `values` has the instruction of each value defined so far.
    pub(super) fn nodes(
        &mut self,
        body: &mut Body,
        function: &Function,
        values: &mut [i64],
    ) -> Result<(), Error> {
        for node in &function.nodes {
            let lowered = match &node.op {
                op if op.is_identity() => vec![values[node.operands[0].index()]],
                Op::Scan(scan) => self.scan(body, function, node, scan, values)?,
                op => {
                    let mut site = Site::new(function, node, values);
                    self.widen_indices(body, &mut site, op);
                    vec![self.operation(body, &site, op)]
                }
            };
            for (result, instruction) in node.results.iter().zip(lowered) {
                values[result.index()] = instruction;
            }
        }
        Ok(())
    }
}

impl Lowering {
    /// Converts index operands to the type that XLA takes them in.
    fn widen_indices(&mut self, body: &mut Body, site: &mut Site<'_>, op: &Op) {
        for index in index_operands(op, site.operands.len()) {
            let ty = site.types[index];
            let wide = ty.with_dtype(index_dtype(ty.dtype));
            if wide != *ty {
                let operand = site.operands[index];
                site.operands[index] =
                    self.emit(body, &site.op_name, "convert", array(&wide), &[operand], |_| {});
            }
        }
    }
}

/// A node with what its lowering reads.
struct Site<'a> {
    op_name: String,
    operands: Vec<i64>,
    types: Vec<&'a TensorType>,
    result: &'a TensorType,
}

impl<'a> Site<'a> {
    fn new(function: &'a Function, node: &Node, values: &[i64]) -> Self {
        let ty = |value: &Value| function.ty(*value);
        Self {
            op_name: op_name(function, node),
            operands: node.operands.iter().map(|operand| values[operand.index()]).collect(),
            types: node.operands.iter().map(ty).collect(),
            result: ty(&node.results[0]),
        }
    }
}

/// The shape of an array, row-major.
pub(super) fn array(ty: &TensorType) -> Shape {
    Shape {
        element_type: primitive(ty.dtype).into(),
        dimensions: longs(&ty.shape),
        tuple_shapes: Vec::new(),
        layout: Some(Layout { minor_to_major: (0..ty.rank() as i64).rev().collect(), memory_space: 0 }),
        is_dynamic_dimension: vec![false; ty.rank()],
    }
}

/// The shape of a tuple.
pub(super) fn tuple(shapes: impl IntoIterator<Item = Shape>) -> Shape {
    Shape {
        element_type: PrimitiveType::Tuple.into(),
        tuple_shapes: shapes.into_iter().collect(),
        ..Shape::default()
    }
}

pub(super) fn primitive(dtype: DType) -> PrimitiveType {
    match dtype {
        DType::Pred => PrimitiveType::Pred,
        DType::U8 => PrimitiveType::U8,
        DType::I32 => PrimitiveType::S32,
        DType::U32 => PrimitiveType::U32,
        DType::I64 => PrimitiveType::S64,
        DType::F16 => PrimitiveType::F16,
        DType::BF16 => PrimitiveType::Bf16,
        DType::F32 => PrimitiveType::F32,
        DType::F64 => PrimitiveType::F64,
    }
}

fn longs(numbers: &[usize]) -> Vec<i64> {
    numbers.iter().map(|&number| number as i64).collect()
}

/// The nearest HLO identifier.
fn identifier(name: &str) -> String {
    let mut text: String = name
        .chars()
        .map(|c| match c {
            '/' => '.',
            c if c.is_ascii_alphanumeric() || "_.-".contains(c) => c,
            _ => '_',
        })
        .collect();
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        text.insert(0, '_');
    }
    text
}
