//! Operations other than scans, one line each.

use std::ops::Range;

use super::number::{bits, decimal};
use super::{Frame, Printer, list, tensor};
use crate::dtype::{DType, TensorType};
use crate::function::Node;
use crate::literal::{Elements, Literal};
use crate::op::{Binary, Comparison, DotDims, Op, Reduction, Unary};

/// Constants of more elements are printed as one hexadecimal string.
const LONGEST_LIST: usize = 1024;

impl Printer {
    /// Prints an operation of one result and returns the result's name.
    pub(super) fn operation(&mut self, frame: &Frame<'_>, node: &Node, op: &Op) -> String {
        let location = self.location(frame.function, node);
        let mut names: Vec<String> =
            node.operands.iter().map(|&operand| frame.name(operand).to_owned()).collect();
        let mut types: Vec<TensorType> =
            node.operands.iter().map(|&operand| frame.ty(operand).clone()).collect();
        for index in index_operands(op, names.len()) {
            (names[index], types[index]) = self.index(&names[index], &types[index], location);
        }
        let result = tensor(frame.ty(node.results[0]));
        let operands = list(&names);
        let signature = format!("({}) -> {result}", list(types.iter().map(tensor)));
        let text = match op {
            Op::Constant(literal) => constant(literal),
            Op::Iota { dim, .. } => format!("stablehlo.iota dim = {dim} : {result}"),
            Op::Unary(Unary::IsFinite) => format!("stablehlo.is_finite {operands} : {signature}"),
            Op::Unary(unary) => format!("stablehlo.{} {operands} : {result}", unary_name(*unary)),
            Op::Binary(binary) => format!("stablehlo.{} {operands} : {result}", binary_name(*binary)),
            Op::Compare(comparison) => {
                format!("stablehlo.compare {}, {operands} : {signature}", direction(*comparison))
            }
            Op::Select => format!("stablehlo.select {operands} : {}, {result}", tensor(&types[0])),
            Op::Convert(_) => format!("stablehlo.convert {operands} : {signature}"),
            Op::Bitcast(_) => format!("stablehlo.bitcast_convert {operands} : {signature}"),
            Op::Broadcast { dims, .. } => {
                format!("stablehlo.broadcast_in_dim {operands}, dims = [{}] : {signature}", list(dims))
            }
            Op::Reshape { .. } => format!("stablehlo.reshape {operands} : {signature}"),
            Op::Transpose { permutation } => {
                format!("stablehlo.transpose {operands}, dims = [{}] : {signature}", list(permutation))
            }
            Op::Slice { starts, limits, strides } => {
                let ranges = starts.iter().zip(limits).zip(strides).map(|((start, limit), stride)| {
                    let stride = if *stride == 1 { String::new() } else { format!(":{stride}") };
                    format!("{start}:{limit}{stride}")
                });
                format!("stablehlo.slice {operands} [{}] : {signature}", list(ranges))
            }
            Op::Pad { low, high, interior } => format!(
                "stablehlo.pad {operands}, low = [{}], high = [{}], interior = [{}] : {signature}",
                list(low),
                list(high),
                list(interior)
            ),
            Op::Concatenate { dim } => {
                format!("stablehlo.concatenate {operands}, dim = {dim} : {signature}")
            }
            Op::Reverse { dims } => {
                format!("stablehlo.reverse {operands}, dims = [{}] : {result}", list(dims))
            }
            Op::Dot { dims, .. } => {
                let precision =
                    if multiplies_in_float32(&types) { ", precision = [HIGHEST, HIGHEST]" } else { "" };
                format!("stablehlo.dot_general {operands}, {}{precision} : {signature}", dot_dims(dims))
            }
            Op::Reduce { kind, dims } => {
                let dtype = types[0].dtype;
                let start = constant(&reduction_start(*kind, dtype));
                let start = self.define(&start, location);
                format!(
                    "stablehlo.reduce({operands} init: {start}) applies stablehlo.{} across dimensions = [{}] : \
                     ({}, {}) -> {result}",
                    reducer(*kind),
                    list(dims),
                    tensor(&types[0]),
                    tensor(&TensorType::scalar(dtype))
                )
            }
            Op::Take => gather(&names, &types, &result),
            Op::ScatterAdd => return self.scatter_add(&names, &types, location),
            Op::DynamicSlice { sizes } => {
                format!("stablehlo.dynamic_slice {operands}, sizes = [{}] : {signature}", list(sizes))
            }
            Op::DynamicUpdateSlice => format!("stablehlo.dynamic_update_slice {operands} : {signature}"),
            Op::Barrier => format!("stablehlo.optimization_barrier {operands} : {result}"),
            Op::AxisIndex { .. }
            | Op::AllReduce { .. }
            | Op::AllGather { .. }
            | Op::ReduceScatter { .. }
            | Op::AllToAll { .. }
            | Op::Permute { .. } => {
                return self.collective(op, &names, &types, frame.ty(node.results[0]), location);
            }
            Op::StopGradient | Op::Name(_) | Op::Shard { .. } | Op::Scan(_) => {
                unreachable!("printed by `nodes`")
            }
        };
        self.define(&text, location)
    }

    /// An index operand in the type that XLA takes it in.
    fn index(&mut self, name: &str, ty: &TensorType, location: usize) -> (String, TensorType) {
        let wide = ty.with_dtype(index_dtype(ty.dtype));
        if wide == *ty {
            return (name.to_string(), wide);
        }
        let convert = format!("stablehlo.convert {name} : ({}) -> {}", tensor(ty), tensor(&wide));
        (self.define(&convert, location), wide)
    }

    fn scatter_add(&mut self, names: &[String], types: &[TensorType], location: usize) -> String {
        let (table, indices) = (&types[0], &types[1]);
        let (scalar, rank) = (tensor(&TensorType::scalar(table.dtype)), indices.rank());
        let numbers = format!(
            "#stablehlo.scatter<update_window_dims = [{}], inserted_window_dims = [0], \
             scatter_dims_to_operand_dims = [0], index_vector_dim = {rank}>",
            list(rank..rank + table.rank() - 1)
        );
        let (name, old, update, sum) =
            (self.fresh(), self.argument("old"), self.argument("update"), self.fresh());
        self.line(&format!(
            "{name} = \"stablehlo.scatter\"({}) <{{indices_are_sorted = false, \
             scatter_dimension_numbers = {numbers}, unique_indices = false}}> ({{",
            list(names)
        ));
        self.line(&format!("^bb0({old}: {scalar}, {update}: {scalar}):"));
        self.depth += 1;
        self.line(&format!("{sum} = stablehlo.add {old}, {update} : {scalar} loc(#loc{location})"));
        self.line(&format!("stablehlo.return {sum} : {scalar}"));
        self.depth -= 1;
        let signature = list(types.iter().map(tensor));
        self.line(&format!("}}) : ({signature}) -> {} loc(#loc{location})", tensor(table)));
        name
    }
}

/// What a reduction of no elements gives.
pub(crate) fn reduction_start(kind: Reduction, dtype: DType) -> Literal {
    let (lowest, highest) = match dtype {
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => {
            (Literal::scalar(dtype, f64::NEG_INFINITY), Literal::scalar(dtype, f64::INFINITY))
        }
        DType::I64 => (integer_scalar(dtype, i64::MIN), integer_scalar(dtype, i64::MAX)),
        DType::I32 => (integer_scalar(dtype, i32::MIN.into()), integer_scalar(dtype, i32::MAX.into())),
        DType::Pred | DType::U8 | DType::U32 => (integer_scalar(dtype, 0), integer_scalar(dtype, -1)),
    };
    match kind {
        Reduction::Sum => Literal::scalar(dtype, 0.0),
        Reduction::Max | Reduction::Or => lowest,
        Reduction::Min | Reduction::And => highest,
    }
}

fn integer_scalar(dtype: DType, value: i64) -> Literal {
    let scalar = Literal::from_ints(TensorType::scalar(dtype), vec![value]);
    scalar.expect("one integer for a scalar of an integer type")
}

/// Which operands of an op are indices.
pub(crate) fn index_operands(op: &Op, operands: usize) -> Range<usize> {
    match op {
        Op::Take | Op::ScatterAdd => 1..2,
        Op::DynamicSlice { .. } => 1..operands,
        Op::DynamicUpdateSlice => 2..operands,
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
        | Op::Barrier
        | Op::StopGradient
        | Op::Name(_)
        | Op::Shard { .. }
        | Op::AxisIndex { .. }
        | Op::AllReduce { .. }
        | Op::AllGather { .. }
        | Op::ReduceScatter { .. }
        | Op::AllToAll { .. }
        | Op::Permute { .. }
        | Op::Scan(_) => 0..0,
    }
}

/// The dtype in which indices are handed to XLA, which clamps bytes as bytes and reads large u32 as negative.
pub(crate) fn index_dtype(dtype: DType) -> DType {
    match dtype {
        DType::U8 => DType::I32,
        DType::U32 => DType::I64,
        other => other,
    }
}

/// Rows of a table; start indices are clamped by the operation itself.
fn gather(names: &[String], types: &[TensorType], result: &str) -> String {
    let (table, indices) = (&types[0], &types[1]);
    let rank = indices.rank();
    let sizes: Vec<_> = std::iter::once(1).chain(table.shape[1..].iter().copied()).collect();
    format!(
        "\"stablehlo.gather\"({}) <{{dimension_numbers = #stablehlo.gather<offset_dims = [{}], \
         collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = {rank}>, \
         indices_are_sorted = false, slice_sizes = array<i64: {}>}}> : ({}, {}) -> {result}",
        list(names),
        list(rank..rank + table.rank() - 1),
        list(sizes),
        tensor(table),
        tensor(indices)
    )
}

fn dot_dims(dims: &DotDims) -> String {
    let contract =
        format!("contracting_dims = [{}] x [{}]", list(&dims.lhs_contract), list(&dims.rhs_contract));
    if dims.lhs_batch.is_empty() {
        return contract;
    }
    format!("batching_dims = [{}] x [{}], {contract}", list(&dims.lhs_batch), list(&dims.rhs_batch))
}

/// Whether a matmul is to be asked for in XLA's highest precision: matmuls of float32. At the default one, TPUs round
/// their operands to bfloat16 and NVIDIA's GPUs to TensorFloat-32. Narrower operands are exact as they are.
pub(crate) fn multiplies_in_float32<'a>(operands: impl IntoIterator<Item = &'a TensorType>) -> bool {
    operands.into_iter().all(|operand| operand.dtype == DType::F32)
}

pub(super) fn constant(literal: &Literal) -> String {
    format!("stablehlo.constant dense<{}> : {}", dense(literal), tensor(literal.ty()))
}

/// The inside of `dense<…>`: one number if all are equal, else nested lists, else (when long) the bytes in hexadecimal.
fn dense(literal: &Literal) -> String {
    let ty = literal.ty();
    let texts: Vec<String> = match literal.elements() {
        _ if ty.elements() == 0 => return String::new(),
        Elements::Float(values) => {
            let first = values[0].to_bits();
            if values.iter().all(|value| value.to_bits() == first) {
                return float(ty.dtype, values[0]);
            }
            if values.len() > LONGEST_LIST {
                return hexadecimal(literal);
            }
            values.iter().map(|&value| float(ty.dtype, value)).collect()
        }
        Elements::Int(values) => {
            if values.iter().all(|value| *value == values[0]) {
                return integer(ty.dtype, values[0]);
            }
            if values.len() > LONGEST_LIST && ty.dtype != DType::Pred {
                return hexadecimal(literal);
            }
            values.iter().map(|&value| integer(ty.dtype, value)).collect()
        }
    };
    nested(&ty.shape, &texts)
}

fn nested(shape: &[usize], texts: &[String]) -> String {
    match shape.split_first() {
        None => texts[0].clone(),
        Some((_, [])) => format!("[{}]", list(texts)),
        Some((&size, rest)) => {
            format!("[{}]", list(texts.chunks(texts.len() / size).map(|part| nested(rest, part))))
        }
    }
}

fn hexadecimal(literal: &Literal) -> String {
    let digits: String = literal.to_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    format!("\"0x{digits}\"")
}

fn float(dtype: DType, value: f64) -> String {
    decimal(dtype, value).unwrap_or_else(|| format!("0x{}", bits(dtype, value)))
}

fn integer(dtype: DType, value: i64) -> String {
    match dtype {
        DType::Pred => (value != 0).to_string(),
        _ => value.to_string(),
    }
}

fn unary_name(unary: Unary) -> &'static str {
    match unary {
        Unary::Neg => "negate",
        Unary::Abs => "abs",
        Unary::Sign => "sign",
        Unary::Exp => "exponential",
        Unary::Log => "log",
        Unary::Tanh => "tanh",
        Unary::Logistic => "logistic",
        Unary::Sqrt => "sqrt",
        Unary::Rsqrt => "rsqrt",
        Unary::Sin => "sine",
        Unary::Cos => "cosine",
        Unary::Floor => "floor",
        Unary::Not => "not",
        Unary::IsFinite => "is_finite",
    }
}

fn binary_name(binary: Binary) -> &'static str {
    match binary {
        Binary::Add => "add",
        Binary::Sub => "subtract",
        Binary::Mul => "multiply",
        Binary::Div => "divide",
        Binary::Rem => "remainder",
        Binary::Pow => "power",
        Binary::Max => "maximum",
        Binary::Min => "minimum",
        Binary::And => "and",
        Binary::Or => "or",
        Binary::Xor => "xor",
        Binary::ShiftLeft => "shift_left",
        Binary::ShiftRight => "shift_right_logical",
    }
}

fn direction(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "EQ",
        Comparison::Ne => "NE",
        Comparison::Lt => "LT",
        Comparison::Le => "LE",
        Comparison::Gt => "GT",
        Comparison::Ge => "GE",
    }
}

pub(super) fn reducer(kind: Reduction) -> &'static str {
    match kind {
        Reduction::Sum => "add",
        Reduction::Max => "maximum",
        Reduction::Min => "minimum",
        Reduction::And => "and",
        Reduction::Or => "or",
    }
}
