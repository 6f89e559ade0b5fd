//! Printing. Nothing here panics, not even on functions that are not valid: their text serves error messages.

use std::fmt::{Display, Write};

use super::elements;
use crate::dtype::TensorType;
use crate::function::{Function, Node, Value};
use crate::mesh::{MeshAxis, Placement};
use crate::op::{DotDims, Op, Remat, Scan};

/// Headers longer than this are broken into lines.
const LINE_WIDTH: usize = 110;

pub(super) fn function(out: &mut String, function: &Function, depth: usize) {
    let params = function.params.iter().map(|param| {
        let axes = match param.axes.is_empty() {
            true => String::new(),
            false => format!(" {{{}}}", param.axes.join(", ")),
        };
        format!("%{} {}: {}{axes}", param.value.0, quoted(&param.name), ty(function, param.value))
    });
    let results = function.results.iter().map(|output| {
        let alias = output.alias.map(|alias| format!(" alias {alias}")).unwrap_or_default();
        format!("%{} {}: {}{alias}", output.value.0, quoted(&output.name), ty(function, output.value))
    });
    let (params, results): (Vec<_>, Vec<_>) = (params.collect(), results.collect());
    let indent = "  ".repeat(depth);
    let start = format!("{indent}func @{}", function.name);
    let one_line = format!("{start}({}) -> ({}) {{\n", params.join(", "), results.join(", "));
    if one_line.len() <= LINE_WIDTH {
        out.push_str(&one_line);
    } else {
        out.push_str(&start);
        items(out, &params, &indent);
        out.push_str(" -> ");
        items(out, &results, &indent);
        out.push_str(" {\n");
    }
    function.nodes.iter().for_each(|each| node(out, function, each, depth + 1));
    let _ = writeln!(out, "{indent}}}");
}

/// A list in parentheses, an item a line.
fn items(out: &mut String, items: &[String], indent: &str) {
    if items.is_empty() {
        return out.push_str("()");
    }
    let lines: Vec<_> = items.iter().map(|item| format!("{indent}  {item}")).collect();
    let _ = write!(out, "(\n{}\n{indent})", lines.join(",\n"));
}

fn node(out: &mut String, function: &Function, node: &Node, depth: usize) {
    let indent = "  ".repeat(depth);
    out.push_str(&indent);
    let results: Vec<_> =
        node.results.iter().map(|&result| format!("%{}: {}", result.0, ty(function, result))).collect();
    if !results.is_empty() {
        let _ = write!(out, "{} = ", results.join(", "));
    }
    out.push_str(node.op.name());
    op(out, &node.op, &node.operands);
    let scope = function.scope(node);
    if !scope.is_empty() {
        let _ = write!(out, " @ {}", quoted(scope));
    }
    if let Op::Scan(scan) = &node.op {
        out.push_str(" {\n");
        self::function(out, &scan.body, depth + 1);
        let _ = write!(out, "{indent}}}");
    }
    out.push('\n');
}

/// What follows the op's name.
fn op(out: &mut String, op: &Op, operands: &[Value]) {
    match op {
        Op::Compare(comparison) => {
            let _ = write!(out, " {}", comparison.name());
        }
        Op::Reduce { kind, .. } | Op::AllReduce { kind, .. } => {
            let _ = write!(out, " {}", kind.name());
        }
        Op::Scan(each) => return scan(out, each, operands),
        _ => {}
    }
    if !operands.is_empty() {
        let _ = write!(out, " {}", values(operands));
    }
    match op {
        Op::Constant(literal) => {
            out.push(' ');
            elements::print(out, literal);
        }
        Op::Iota { dim, .. } | Op::Concatenate { dim } => {
            let _ = write!(out, " dim={dim}");
        }
        Op::Broadcast { dims, .. } | Op::Reverse { dims } | Op::Reduce { dims, .. } => {
            integers(out, "dims", dims);
        }
        Op::Transpose { permutation } => integers(out, "permutation", permutation),
        Op::Slice { starts, limits, strides } => {
            integers(out, "starts", starts);
            integers(out, "limits", limits);
            integers(out, "strides", strides);
        }
        Op::Pad { low, high, interior } => {
            integers(out, "low", low);
            integers(out, "high", high);
            integers(out, "interior", interior);
        }
        Op::Dot { dims: DotDims { lhs_batch, rhs_batch, lhs_contract, rhs_contract }, .. } => {
            if !lhs_batch.is_empty() || !rhs_batch.is_empty() {
                integers(out, "lhs_batch", lhs_batch);
                integers(out, "rhs_batch", rhs_batch);
            }
            integers(out, "lhs_contract", lhs_contract);
            integers(out, "rhs_contract", rhs_contract);
        }
        Op::Name(name) => {
            let _ = write!(out, " {}", quoted(name));
        }
        Op::Shard { to, gradient } => {
            let _ = write!(out, " to={}", placement(to));
            if let Some(gradient) = gradient {
                let _ = write!(out, " gradient={}", placement(gradient));
            }
        }
        Op::AxisIndex { axis } => mesh_axes(out, std::slice::from_ref(axis)),
        Op::AllReduce { axes, .. } => mesh_axes(out, axes),
        Op::AllGather { dim, axes } | Op::ReduceScatter { dim, axes } => {
            let _ = write!(out, " dim={dim}");
            mesh_axes(out, axes);
        }
        Op::AllToAll { split, concat, axes } => {
            let _ = write!(out, " split={split} concat={concat}");
            mesh_axes(out, axes);
        }
        Op::Permute { axis, shift } => {
            let _ = write!(out, " shift={shift}");
            mesh_axes(out, std::slice::from_ref(axis));
        }
        // The result type and the operands say everything.
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Select
        | Op::Convert(_)
        | Op::Bitcast(_)
        | Op::Reshape { .. }
        | Op::Take
        | Op::ScatterAdd
        | Op::DynamicSlice { .. }
        | Op::DynamicUpdateSlice
        | Op::Barrier
        | Op::StopGradient
        | Op::Scan(_) => {}
    }
}

fn scan(out: &mut String, scan: &Scan, operands: &[Value]) {
    let _ = write!(out, " length={}", scan.length);
    if scan.reverse {
        out.push_str(" reverse");
    }
    let (carries, rest) = operands.split_at(scan.carries.min(operands.len()));
    let (xs, constants) = rest.split_at(scan.xs.min(rest.len()));
    for (key, list) in [("carries", carries), ("xs", xs), ("constants", constants)] {
        if !list.is_empty() {
            let _ = write!(out, " {key}=[{}]", values(list));
        }
    }
    match &scan.remat {
        Remat::None => {}
        Remat::Dots => out.push_str(" remat=dots"),
        Remat::Full => out.push_str(" remat=full"),
        Remat::Save(names) => {
            let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
            let _ = write!(out, " remat=save[{}]", names.join(", "));
        }
    }
}

fn placement(placement: &Placement) -> String {
    let axes: Vec<_> = placement.axes.iter().map(|axis| quoted(axis)).collect();
    format!("{}[{}]", quoted(placement.table.name()), axes.join(", "))
}

fn mesh_axes(out: &mut String, axes: &[MeshAxis]) {
    let axes: Vec<_> = axes.iter().map(|axis| format!("{} {}", quoted(&axis.name), axis.size)).collect();
    let _ = write!(out, " axes=[{}]", axes.join(", "));
}

fn integers(out: &mut String, key: &str, values: &[impl Display]) {
    let values: Vec<_> = values.iter().map(ToString::to_string).collect();
    let _ = write!(out, " {key}=[{}]", values.join(", "));
}

fn values(values: &[Value]) -> String {
    let values: Vec<_> = values.iter().map(|value| format!("%{}", value.0)).collect();
    values.join(", ")
}

fn ty(function: &Function, value: Value) -> String {
    function.types.get(value.index()).map_or("?".into(), TensorType::to_string)
}

/// Valid names need no escapes; others must still not break the line.
fn quoted(name: &str) -> String {
    format!("{name:?}")
}
