//! Functions: parameters, nodes in execution order, results.

use crate::dtype::TensorType;
use crate::op::Op;

/// A value of one function: the result of a node, or a parameter. An index into [`Function::types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

impl Value {
    /// Position in the function's table of values.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An input of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Name, unique within the function.
    pub name: String,
    /// Logical axis name of each dimension, or empty when the function does not say.
    pub axes: Vec<String>,
    /// The value the parameter defines.
    pub value: Value,
}

/// An output of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Name, unique within the function.
    pub name: String,
    /// The value returned.
    pub value: Value,
    /// Index of the parameter whose memory this output takes over: the caller gives that input up.
    pub alias: Option<usize>,
}

/// One operation with its operands and results.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// Values read.
    pub operands: Vec<Value>,
    /// Values defined: one, or several for a scan.
    pub results: Vec<Value>,
    /// Index into [`Function::scopes`].
    pub scope: u32,
}

/// A program: nodes in execution order, each reading parameters and results of earlier nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Name; letters, digits and underscores.
    pub name: String,
    /// Inputs, in calling order.
    pub params: Vec<Param>,
    /// Operations, in execution order.
    pub nodes: Vec<Node>,
    /// Outputs, in order.
    pub results: Vec<Output>,
    /// Type of each value.
    pub types: Vec<TensorType>,
    /// Names of the places in the model where nodes were built, such as `layers/attention`; entry 0 is empty.
    pub scopes: Vec<String>,
}

impl Function {
    /// A function without parameters, nodes or results.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            params: Vec::new(),
            nodes: Vec::new(),
            results: Vec::new(),
            types: Vec::new(),
            scopes: vec![String::new()],
        }
    }

    /// Type of a value of this function.
    pub fn ty(&self, value: Value) -> &TensorType {
        &self.types[value.index()]
    }

    /// The scope name of a node.
    pub fn scope(&self, node: &Node) -> &str {
        self.scopes.get(node.scope as usize).map_or("", String::as_str)
    }

    /// Types of the parameters, in order.
    pub fn param_types(&self) -> Vec<TensorType> {
        self.params.iter().map(|param| self.ty(param.value).clone()).collect()
    }

    /// Types of the results, in order.
    pub fn result_types(&self) -> Vec<TensorType> {
        self.results.iter().map(|output| self.ty(output.value).clone()).collect()
    }

    /// Adds a value of a type to the table.
    pub(crate) fn new_value(&mut self, ty: TensorType) -> Value {
        self.types.push(ty);
        Value(self.types.len() as u32 - 1)
    }

    /// For each value, the node that defines it; `None` for parameters.
    pub fn definitions(&self) -> Vec<Option<usize>> {
        let mut definitions = vec![None; self.types.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for result in &node.results {
                definitions[result.index()] = Some(index);
            }
        }
        definitions
    }

    /// Whether the function depends on which device of a mesh runs it, or communicates. Mesh axes of one position make
    /// no difference.
    pub fn is_for_a_mesh(&self) -> bool {
        self.nodes.iter().any(|node| {
            node.op.mesh_axes().iter().any(|axis| axis.size > 1)
                || node.op.body().is_some_and(Function::is_for_a_mesh)
        })
    }

    /// Number of nodes, those of scan bodies included.
    pub fn node_count(&self) -> usize {
        self.nodes.iter().map(|node| 1 + node.op.body().map_or(0, Function::node_count)).sum()
    }
}
