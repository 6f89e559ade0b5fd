//! Verification of finished functions. A verified function can be interpreted, differentiated, printed and exported
//! without a panic.
//!
//! The rules:
//!
//! 1. The function's name is letters, digits and underscores, and does not start with a digit.
//! 2. Every type has less than 2⁶³ bytes; a dimension of size 0 counts as 1 here.
//! 3. Every value that is defined, read or returned has an entry in the table of types.
//! 4. Every value is defined exactly once, by a parameter or by a node.
//! 5. Every value a node reads is a parameter or a result of an earlier node.
//! 6. A node has the results, and these have the types, that [`infer`] gives for its op and operands.
//! 7. The names of parameters are well-formed and distinct; so are the names of results. A well-formed name is
//!    letters, digits and `_-./:`, at least one of them.
//! 8. A parameter has no axes, or one for each dimension, with well-formed names.
//! 9. An aliased parameter exists, has the type of the result that takes it over, and is taken over once.
//! 10. The first scope is the empty name; the others are well-formed names in the order in which nodes first use
//!     them, without repetition. [`crate::simplify::remove_dead_nodes`] brings them in order.
//! 11. The names in [`Op::Name`], [`Op::Shard`] and [`Remat::Save`], and those of mesh axes, are well-formed.
//! 12. The body of a scan obeys all these rules and aliases nothing.
//!
//! Literals need no rule: they cannot be made ill-formed.

use std::collections::HashSet;

use crate::dtype::TensorType;
use crate::error::Error;
use crate::function::{Function, Node, Value};
use crate::infer::infer;
use crate::op::{Op, Remat};

/// Checks a function and its scan bodies against the rules of this module.
///
/// # Errors
/// [`Error::Verify`] for the first broken rule, with the name of the function or body that breaks it.
pub fn verify(function: &Function) -> Result<(), Error> {
    let mut verifier = Verifier { function, defined: vec![false; function.types.len()], scopes_used: 1 };
    verifier.name_and_types()?;
    verifier.params()?;
    for (index, node) in function.nodes.iter().enumerate() {
        verifier.node(index, node)?;
    }
    verifier.results()?;
    verifier.nothing_left()
}

struct Verifier<'a> {
    function: &'a Function,
    /// Which values are defined by what was seen so far.
    defined: Vec<bool>,
    /// How many scopes were named by what was seen so far; the empty one always is.
    scopes_used: usize,
}

impl Verifier<'_> {
    fn error(&self, node: Option<usize>, message: String) -> Error {
        Error::Verify { function: self.function.name.clone(), node, message }
    }

    fn ensure(&self, holds: bool, message: impl FnOnce() -> String) -> Result<(), Error> {
        if holds { Ok(()) } else { Err(self.error(None, message())) }
    }

    fn name_and_types(&self) -> Result<(), Error> {
        let name = &self.function.name;
        self.ensure(is_function_name(name), || {
            format!("the name `{name}` is not letters, digits and underscores, not starting with a digit")
        })?;
        for (index, ty) in self.function.types.iter().enumerate() {
            self.ensure(fits_memory(ty), || format!("%{index} is {ty}, which no memory can hold"))?;
        }
        let first = self.function.scopes.first();
        self.ensure(first.is_some_and(String::is_empty), || {
            format!("scope 0 is {first:?}, expected the empty name")
        })
    }

    fn params(&mut self) -> Result<(), Error> {
        let function = self.function;
        self.names("parameter", function.params.iter().map(|param| param.name.as_str()))?;
        for param in &function.params {
            self.define(None, param.value)?;
            let (name, ty) = (&param.name, function.ty(param.value));
            self.ensure(param.axes.is_empty() || param.axes.len() == ty.rank(), || {
                format!("parameter `{name}` is {ty} and has {} axes", param.axes.len())
            })?;
            for axis in &param.axes {
                self.ensure(is_name(axis), || format!("parameter `{name}`: axis `{axis}` {NAME_RULE}"))?;
            }
        }
        Ok(())
    }

    fn names<'n>(&self, what: &str, names: impl Iterator<Item = &'n str>) -> Result<(), Error> {
        let mut seen = HashSet::new();
        for name in names {
            self.ensure(is_name(name), || format!("{what} `{name}` {NAME_RULE}"))?;
            self.ensure(seen.insert(name), || format!("two {what}s are named `{name}`"))?;
        }
        Ok(())
    }

    fn in_table(&self, node: Option<usize>, value: Value) -> Result<(), Error> {
        if value.index() < self.defined.len() {
            return Ok(());
        }
        let count = self.defined.len();
        Err(self.error(node, format!("%{} has no type; the table has {count} entries", value.0)))
    }

    fn define(&mut self, node: Option<usize>, value: Value) -> Result<(), Error> {
        self.in_table(node, value)?;
        if std::mem::replace(&mut self.defined[value.index()], true) {
            return Err(self.error(node, format!("%{} is defined twice", value.0)));
        }
        Ok(())
    }

    fn node(&mut self, index: usize, node: &Node) -> Result<(), Error> {
        let function = self.function;
        let op = node.op.name();
        let fail = |message: String| self.error(Some(index), format!("{op}: {message}"));
        let mut operands = Vec::with_capacity(node.operands.len());
        for &operand in &node.operands {
            self.in_table(Some(index), operand)?;
            if !self.defined[operand.index()] {
                return Err(fail(format!("%{} is read before it is defined", operand.0)));
            }
            operands.push(function.ty(operand));
        }
        self.attributes(index, &node.op)?;
        let inferred = infer(&node.op, &operands).map_err(fail)?;
        for &result in &node.results {
            self.in_table(Some(index), result)?;
        }
        let declared = node.results.iter().map(|&result| function.ty(result));
        if !declared.clone().eq(&inferred) {
            let (declared, inferred) = (list(declared), list(&inferred));
            return Err(fail(format!("the results are declared as {declared}; the op gives {inferred}")));
        }
        self.scope(index, node)?;
        node.results.iter().try_for_each(|&result| self.define(Some(index), result))
    }

    /// Names within the op, and the body of a scan: before type inference, which trusts them.
    fn attributes(&self, index: usize, op: &Op) -> Result<(), Error> {
        let names = match op {
            Op::Name(name) => std::slice::from_ref(name),
            Op::Shard { to, gradient } => {
                let placements = std::iter::once(to).chain(gradient);
                return self.all_names(index, op, &mut placements.flat_map(|placement| &placement.axes));
            }
            Op::AxisIndex { .. }
            | Op::AllReduce { .. }
            | Op::AllGather { .. }
            | Op::ReduceScatter { .. }
            | Op::AllToAll { .. }
            | Op::Permute { .. } => {
                return self.all_names(index, op, &mut op.mesh_axes().iter().map(|axis| &axis.name));
            }
            Op::Scan(scan) => {
                verify(&scan.body)?;
                if let Some(output) = scan.body.results.iter().find(|output| output.alias.is_some()) {
                    let (body, name) = (&scan.body.name, &output.name);
                    let message = format!("scan: result `{name}` of the body `{body}` has an alias");
                    return Err(self.error(Some(index), message));
                }
                match &scan.remat {
                    Remat::Save(names) => names.as_slice(),
                    Remat::None | Remat::Dots | Remat::Full => &[],
                }
            }
            Op::Constant(_)
            | Op::Iota { .. }
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Select
            | Op::Convert(_)
            | Op::Bitcast(_)
            | Op::Broadcast { .. }
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Slice { .. }
            | Op::Pad { .. }
            | Op::Concatenate { .. }
            | Op::Reverse { .. }
            | Op::Dot { .. }
            | Op::Reduce { .. }
            | Op::Take
            | Op::ScatterAdd
            | Op::DynamicSlice { .. }
            | Op::DynamicUpdateSlice
            | Op::Barrier
            | Op::StopGradient => return Ok(()),
        };
        self.all_names(index, op, &mut names.iter())
    }

    fn all_names(
        &self,
        index: usize,
        op: &Op,
        names: &mut dyn Iterator<Item = &String>,
    ) -> Result<(), Error> {
        for name in names {
            if !is_name(name) {
                return Err(self.error(Some(index), format!("{}: `{name}` {NAME_RULE}", op.name())));
            }
        }
        Ok(())
    }

    fn scope(&mut self, index: usize, node: &Node) -> Result<(), Error> {
        let (scope, scopes) = (node.scope as usize, &self.function.scopes);
        let fail = |message: String| Err(self.error(Some(index), message));
        match scopes.get(scope) {
            None => return fail(format!("scope {scope} does not exist; there are {}", scopes.len())),
            Some(_) if scope < self.scopes_used => return Ok(()),
            Some(name) if scope > self.scopes_used => {
                return fail(format!("scope {scope}, `{name}`, is used before scope {}", self.scopes_used));
            }
            Some(name) if !is_name(name) => return fail(format!("scope `{name}` {NAME_RULE}")),
            Some(name) if scopes[..scope].contains(name) => {
                return fail(format!("two scopes are named `{name}`"));
            }
            Some(_) => self.scopes_used += 1,
        }
        Ok(())
    }

    fn results(&self) -> Result<(), Error> {
        let function = self.function;
        self.names("result", function.results.iter().map(|output| output.name.as_str()))?;
        let mut aliased = HashSet::new();
        for output in &function.results {
            let name = &output.name;
            self.in_table(None, output.value)?;
            let Some(alias) = output.alias else { continue };
            let param = function.params.get(alias);
            let param = param.ok_or_else(|| {
                let count = function.params.len();
                self.error(None, format!("result `{name}` aliases parameter {alias} of {count}"))
            })?;
            let (ty, param_ty) = (function.ty(output.value), function.ty(param.value));
            self.ensure(ty == param_ty, || {
                format!("result `{name}` is {ty} and aliases parameter `{}`, which is {param_ty}", param.name)
            })?;
            self.ensure(aliased.insert(alias), || format!("two results alias parameter `{}`", param.name))?;
        }
        Ok(())
    }

    fn nothing_left(&self) -> Result<(), Error> {
        let undefined = self.defined.iter().position(|defined| !defined);
        self.ensure(undefined.is_none(), || format!("%{} is never defined", undefined.unwrap_or_default()))?;
        let unused = self.function.scopes.get(self.scopes_used);
        self.ensure(unused.is_none(), || {
            format!("no node is in scope `{}`", unused.map_or("", String::as_str))
        })
    }
}

const NAME_RULE: &str = "is not a name; names are letters, digits and `_-./:`";

pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./:".contains(&byte))
}

fn is_function_name(name: &str) -> bool {
    let starts_well = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Also bounds every stride and product of sizes that code on verified functions computes.
pub(crate) fn fits_memory(ty: &TensorType) -> bool {
    let bytes = ty.shape.iter().fold(ty.dtype.size(), |bytes, &size| bytes.saturating_mul(size.max(1)));
    i64::try_from(bytes).is_ok()
}

fn list<'t>(types: impl IntoIterator<Item = &'t TensorType>) -> String {
    let types: Vec<_> = types.into_iter().map(TensorType::to_string).collect();
    if types.is_empty() { "nothing".into() } else { types.join(", ") }
}
