//! One function's nodes within another's.

use super::{Builder, Tensor};
use crate::error::Error;
use crate::function::Function;

impl Builder {
    /// Adds the nodes of a function, in its scopes within the current one; gives its results for these operands.
    ///
    /// # Errors
    /// [`Error::Type`] when the operands are not of the types of the function's inputs, [`Error::ForeignTensor`] when
    /// one of them was made by another builder, [`Error::Verify`] when the function is not valid.
    pub fn inline(&self, function: &Function, operands: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        crate::verify::verify(function)?;
        if let Some(operand) = operands.iter().position(|tensor| tensor.owner != self.id) {
            return Err(Error::ForeignTensor { op: "inline", scope: self.scope_name(), operand });
        }
        let fail = |message| Error::Type { op: "inline", scope: self.scope_name(), message };
        let (name, params) = (&function.name, &function.params);
        if params.len() != operands.len() {
            let message = format!("`{name}` takes {} operands, got {}", params.len(), operands.len());
            return Err(fail(message));
        }
        // Every value is a parameter or the result of an earlier node, so each place is filled before it is read.
        let mut tensors = vec![None; function.types.len()];
        for (param, &operand) in params.iter().zip(operands) {
            let (expected, ty) = (function.ty(param.value), self.ty(operand));
            if *expected != ty {
                return Err(fail(format!("`{name}` takes `{}` as {expected}, got {ty}", param.name)));
            }
            tensors[param.value.index()] = Some(operand);
        }
        let outer = self.scope_name();
        for node in &function.nodes {
            let scope = match (outer.as_str(), function.scope(node)) {
                (outer, "") => outer.to_owned(),
                ("", inner) => inner.to_owned(),
                (outer, inner) => format!("{outer}/{inner}"),
            };
            let operands: Vec<_> = node.operands.iter().filter_map(|value| tensors[value.index()]).collect();
            let results = self.in_scope(scope, || self.op(node.op.clone(), &operands))?;
            for (value, tensor) in node.results.iter().zip(results) {
                tensors[value.index()] = Some(tensor);
            }
        }
        Ok(function.results.iter().filter_map(|output| tensors[output.value.index()]).collect())
    }
}
