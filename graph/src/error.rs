//! What can go wrong while a program is built, checked, differentiated, read or run.

use crate::dtype::TensorType;

/// Any failure of this crate. Each names the thing, the value and, where there is one, the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Operands or attributes that an op does not accept.
    #[error("{op}{}: {message}", place(.scope))]
    Type {
        /// The op's name in the text form.
        op: &'static str,
        /// Where in the model it was built, such as `layers/attention`; may be empty.
        scope: String,
        /// Which rule was broken, with the types involved.
        message: String,
    },
    /// A tensor of one builder used in another.
    #[error("{op}{}: operand {operand} belongs to another function; pass it into the scan as a constant", place(.scope))]
    ForeignTensor {
        /// The op's name in the text form.
        op: &'static str,
        /// Where in the model it was built.
        scope: String,
        /// Position of the operand.
        operand: usize,
    },
    /// Values that do not fill their type.
    #[error("a literal of type {ty} cannot be made from {given}")]
    Literal {
        /// The type asked for.
        ty: TensorType,
        /// What was given.
        given: String,
    },
    /// A rule of the verifier that a program breaks.
    #[error("function `{function}`{}: {message}", node_place(.node))]
    Verify {
        /// Name of the function or scan body.
        function: String,
        /// Index of the node, when the rule is about one.
        node: Option<usize>,
        /// The rule, with what was found.
        message: String,
    },
    /// Text that is not a program.
    #[error("line {line}, column {column}: {message}")]
    Parse {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was expected and what was found.
        message: String,
    },
    /// A derivative that does not exist.
    #[error("gradient: {0}")]
    Gradient(String),
    /// A program the interpreter was given wrong inputs for.
    #[error("interpreter: {0}")]
    Interpret(String),
    /// A program that an output format cannot express.
    #[error("export: {0}")]
    Export(String),
}

fn place(scope: &str) -> String {
    if scope.is_empty() { String::new() } else { format!(" in `{scope}`") }
}

fn node_place(node: &Option<usize>) -> String {
    node.map(|index| format!(", node {index}")).unwrap_or_default()
}
