//! Operations other than scans.

use super::{Body, Lowering, Site, array, longs};
use crate::dtype::{DType, TensorType};
use crate::hlo::proto::{self, Instruction};
use crate::literal::{Elements, Literal};
use crate::op::{Binary, Comparison, Op, Reduction, Unary};
use crate::stablehlo::{multiplies_in_float32, reduction_start};

impl Lowering {
    /// Lowers an operation of one result and returns the instruction that computes it.
    pub(super) fn operation(&mut self, body: &mut Body, site: &Site<'_>, op: &Op) -> i64 {
        let (name, operands) = (site.op_name.as_str(), site.operands.as_slice());
        let mut emit = |opcode: &str, fill: &dyn Fn(&mut Instruction)| {
            self.emit(body, name, opcode, array(site.result), operands, fill)
        };
        match op {
            Op::Constant(literal) => self.constant(body, name, literal),
            Op::Iota { dim, .. } => emit("iota", &|i| i.dimensions = vec![*dim as i64]),
            Op::Unary(unary) => emit(unary_opcode(*unary), &|_| {}),
            Op::Binary(binary) => emit(binary_opcode(*binary), &|_| {}),
            Op::Compare(comparison) => emit("compare", &|i| {
                i.comparison_direction = direction(*comparison).to_owned();
                i.comparison_type = comparison_type(site.types[0].dtype).to_owned();
            }),
            Op::Select => emit("select", &|_| {}),
            Op::Convert(_) => emit("convert", &|_| {}),
            Op::Bitcast(_) => emit("bitcast-convert", &|_| {}),
            Op::Broadcast { shape, dims } => self.broadcast(body, site, shape, dims),
            Op::Reshape { .. } => emit("reshape", &|_| {}),
            Op::Transpose { permutation } => emit("transpose", &|i| i.dimensions = longs(permutation)),
            Op::Slice { starts, limits, strides } => emit("slice", &|i| {
                let ranges = starts.iter().zip(limits).zip(strides);
                i.slice_dimensions = ranges
                    .map(|((&start, &limit), &stride)| proto::SliceDimensions {
                        start: start as i64,
                        limit: limit as i64,
                        stride: stride as i64,
                    })
                    .collect();
            }),
            // A scalar has nothing to pad, and HLO text no way to say so.
            Op::Pad { low, .. } if low.is_empty() => operands[0],
            Op::Pad { low, high, interior } => emit("pad", &|i| {
                let paddings = low.iter().zip(high).zip(interior);
                let dimensions = paddings.map(|((&low, &high), &interior)| proto::PaddingDimension {
                    edge_padding_low: low,
                    edge_padding_high: high,
                    interior_padding: interior as i64,
                });
                i.padding_config = Some(proto::PaddingConfig { dimensions: dimensions.collect() });
            }),
            Op::Concatenate { dim } => emit("concatenate", &|i| i.dimensions = vec![*dim as i64]),
            Op::Reverse { dims } => emit("reverse", &|i| i.dimensions = longs(dims)),
            Op::Dot { dims, .. } => emit("dot", &|i| {
                i.dot_dimension_numbers = Some(proto::DotDimensionNumbers {
                    lhs_contracting_dimensions: longs(&dims.lhs_contract),
                    rhs_contracting_dimensions: longs(&dims.rhs_contract),
                    lhs_batch_dimensions: longs(&dims.lhs_batch),
                    rhs_batch_dimensions: longs(&dims.rhs_batch),
                });
                if multiplies_in_float32(site.types.iter().copied()) {
                    let operand_precision = vec![proto::HIGHEST_PRECISION; 2];
                    i.precision_config = Some(proto::PrecisionConfig { operand_precision });
                }
            }),
            Op::Reduce { kind, dims } => self.reduce(body, site, *kind, dims),
            Op::Take => self.take(body, site),
            Op::ScatterAdd => self.scatter_add(body, site),
            Op::DynamicSlice { sizes } => emit("dynamic-slice", &|i| i.dynamic_slice_sizes = longs(sizes)),
            Op::DynamicUpdateSlice => emit("dynamic-update-slice", &|_| {}),
            Op::Barrier => emit("opt-barrier", &|_| {}),
            Op::AxisIndex { .. }
            | Op::AllReduce { .. }
            | Op::AllGather { .. }
            | Op::ReduceScatter { .. }
            | Op::AllToAll { .. }
            | Op::Permute { .. } => self.collective(body, site, op),
            Op::StopGradient | Op::Name(_) | Op::Shard { .. } | Op::Scan(_) => {
                unreachable!("lowered by `nodes`")
            }
        }
    }

    /// A constant; one number repeated is broadcast, so that no table of it is stored.
    pub(in crate::hlo) fn constant(&mut self, body: &mut Body, op_name: &str, literal: &Literal) -> i64 {
        let ty = literal.ty();
        let repeated = match literal.elements() {
            _ if ty.rank() == 0 => None,
            Elements::Float(values) => splat(values.iter().map(|value| value.to_bits()))
                .then(|| Elements::Float(vec![values.first().copied().unwrap_or(0.0)])),
            Elements::Int(values) => {
                splat(values).then(|| Elements::Int(vec![values.first().copied().unwrap_or(0)]))
            }
        };
        let scalar = TensorType::scalar(ty.dtype);
        let single = match &repeated {
            Some(one) => self.stored(body, op_name, &scalar, one),
            None => return self.stored(body, op_name, ty, literal.elements()),
        };
        self.emit(body, op_name, "broadcast", array(ty), &[single], |_| {})
    }

    fn stored(&mut self, body: &mut Body, op_name: &str, ty: &TensorType, elements: &Elements) -> i64 {
        let mut literal = proto::Literal { shape: Some(array(ty)), ..Default::default() };
        match elements {
            Elements::Int(values) => match ty.dtype {
                DType::Pred => literal.preds = values.iter().map(|&value| value != 0).collect(),
                DType::U8 => literal.u8s = values.iter().map(|&value| value as u8).collect(),
                DType::I32 => literal.s32s = values.iter().map(|&value| value as i32).collect(),
                DType::U32 => literal.u32s = values.iter().map(|&value| value as u32).collect(),
                DType::I64 | DType::F16 | DType::BF16 | DType::F32 | DType::F64 => {
                    literal.s64s = values.clone();
                }
            },
            Elements::Float(values) => match ty.dtype {
                DType::F16 => {
                    literal.f16s =
                        values.iter().flat_map(|&value| half::f16::from_f64(value).to_le_bytes()).collect();
                }
                DType::BF16 => {
                    literal.bf16s =
                        values.iter().flat_map(|&value| half::bf16::from_f64(value).to_le_bytes()).collect();
                }
                DType::F32 => literal.f32s = values.iter().map(|&value| value as f32).collect(),
                DType::F64 | DType::Pred | DType::U8 | DType::I32 | DType::U32 | DType::I64 => {
                    literal.f64s = values.clone();
                }
            },
        }
        self.emit(body, op_name, "constant", array(ty), &[], |i| i.literal = Some(literal))
    }

    /// HLO's broadcast does not repeat dimensions of size 1: those are dropped first.
    fn broadcast(&mut self, body: &mut Body, site: &Site<'_>, shape: &[usize], dims: &[usize]) -> i64 {
        let operand = site.types[0];
        let kept: Vec<usize> =
            (0..operand.rank()).filter(|&dim| operand.shape[dim] == shape[dims[dim]]).collect();
        let mut source = site.operands[0];
        if kept.len() < operand.rank() {
            let sizes: Vec<usize> = kept.iter().map(|&dim| operand.shape[dim]).collect();
            let ty = TensorType::new(operand.dtype, sizes);
            source = self.emit(body, &site.op_name, "reshape", array(&ty), &[source], |_| {});
        }
        self.emit(body, &site.op_name, "broadcast", array(site.result), &[source], |i| {
            i.dimensions = kept.iter().map(|&dim| dims[dim] as i64).collect();
        })
    }

    fn reduce(&mut self, body: &mut Body, site: &Site<'_>, kind: Reduction, dims: &[usize]) -> i64 {
        let dtype = site.types[0].dtype;
        let combiner = self.combiner(reducer(kind), dtype);
        let start = self.constant(body, &site.op_name, &reduction_start(kind, dtype));
        let operands = [site.operands[0], start];
        self.emit(body, &site.op_name, "reduce", array(site.result), &operands, |i| {
            i.dimensions = longs(dims);
            i.called_computation_ids = vec![combiner];
        })
    }

    fn take(&mut self, body: &mut Body, site: &Site<'_>) -> i64 {
        let (table, rank) = (site.types[0], site.types[1].rank());
        self.emit(body, &site.op_name, "gather", array(site.result), &site.operands, |i| {
            i.gather_dimension_numbers = Some(proto::GatherDimensionNumbers {
                offset_dims: (rank..rank + table.rank() - 1).map(|dim| dim as i64).collect(),
                collapsed_slice_dims: vec![0],
                start_index_map: vec![0],
                index_vector_dim: rank as i64,
            });
            i.gather_slice_sizes = longs(&table.shape);
            i.gather_slice_sizes[0] = 1;
        })
    }

    fn scatter_add(&mut self, body: &mut Body, site: &Site<'_>) -> i64 {
        let (table, rank) = (site.types[0], site.types[1].rank());
        let combiner = self.combiner("add", table.dtype);
        self.emit(body, &site.op_name, "scatter", array(site.result), &site.operands, |i| {
            i.scatter_dimension_numbers = Some(proto::ScatterDimensionNumbers {
                update_window_dims: (rank..rank + table.rank() - 1).map(|dim| dim as i64).collect(),
                inserted_window_dims: vec![0],
                scatter_dims_to_operand_dims: vec![0],
                index_vector_dim: rank as i64,
            });
            i.called_computation_ids = vec![combiner];
        })
    }
}

/// Whether all items are equal.
fn splat<T: PartialEq>(items: impl IntoIterator<Item = T>) -> bool {
    let mut items = items.into_iter();
    let first = items.next();
    items.all(|item| Some(item) == first)
}

fn unary_opcode(unary: Unary) -> &'static str {
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
        Unary::IsFinite => "is-finite",
    }
}

fn binary_opcode(binary: Binary) -> &'static str {
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
        Binary::ShiftLeft => "shift-left",
        Binary::ShiftRight => "shift-right-logical",
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

fn comparison_type(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => "FLOAT",
        DType::I32 | DType::I64 => "SIGNED",
        DType::Pred | DType::U8 | DType::U32 => "UNSIGNED",
    }
}
