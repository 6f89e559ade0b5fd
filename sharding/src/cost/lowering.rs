//! What a compiler is taken to make of each op: whether the result gets memory of its own, and what computing it reads.

use graph::{Binary, Op, Unary};

/// How an op is compiled, as far as memory and time are concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lowering {
    /// Not at all: the result is the operand's memory, read in another way.
    Alias,
    /// Computed where it is read, with so many elementary operations for each element.
    Elementwise(f64),
    /// Moved or counted where it is read.
    Move,
    /// As [`Lowering::Move`], and no more of the operand is read than the result has.
    Window,
    /// Written into the memory of the first operand, of which it changes a part.
    Update,
    /// Stored; operands may be computed on the way.
    Matmul,
    /// Stored; one elementary operation for each element of the operand, which may be computed on the way.
    Reduction,
    /// Stored; rows of the first operand are looked up or added to in its memory.
    Rows,
    /// Stored; all operands are read from memory, by other devices too.
    Collective,
    /// Stored; all operands are in memory. Its price is that of its body.
    Loop,
}

impl Lowering {
    pub(super) fn of(op: &Op) -> Lowering {
        match op {
            Op::Reshape { .. }
            | Op::Shard { .. }
            | Op::Name(_)
            | Op::Barrier
            | Op::StopGradient
            | Op::Bitcast(_) => Lowering::Alias,
            Op::Unary(unary) => Lowering::Elementwise(unary_operations(*unary)),
            Op::Binary(binary) => Lowering::Elementwise(binary_operations(*binary)),
            Op::Compare(_) | Op::Select | Op::Convert(_) => Lowering::Elementwise(1.0),
            Op::Constant(_)
            | Op::Iota { .. }
            | Op::AxisIndex { .. }
            | Op::Broadcast { .. }
            | Op::Transpose { .. }
            | Op::Pad { .. }
            | Op::Reverse { .. }
            | Op::Concatenate { .. } => Lowering::Move,
            Op::Slice { .. } | Op::DynamicSlice { .. } => Lowering::Window,
            Op::DynamicUpdateSlice => Lowering::Update,
            Op::Dot { .. } => Lowering::Matmul,
            Op::Reduce { .. } => Lowering::Reduction,
            Op::Take | Op::ScatterAdd => Lowering::Rows,
            Op::AllReduce { .. }
            | Op::AllGather { .. }
            | Op::ReduceScatter { .. }
            | Op::AllToAll { .. }
            | Op::Permute { .. } => Lowering::Collective,
            Op::Scan(_) => Lowering::Loop,
        }
    }

    /// Whether the result lies in the memory of the first operand, if that has any.
    pub(super) fn shares_memory(self) -> bool {
        match self {
            Lowering::Alias | Lowering::Update => true,
            Lowering::Elementwise(_) | Lowering::Move | Lowering::Window => false,
            Lowering::Matmul | Lowering::Reduction | Lowering::Rows => false,
            Lowering::Collective | Lowering::Loop => false,
        }
    }

    /// Whether the result is computed where it is read, unless something keeps it from that.
    pub(super) fn fuses(self) -> bool {
        match self {
            Lowering::Alias | Lowering::Elementwise(_) | Lowering::Move | Lowering::Window => true,
            Lowering::Update | Lowering::Matmul | Lowering::Reduction | Lowering::Rows => false,
            Lowering::Collective | Lowering::Loop => false,
        }
    }

    /// Whether this operand has to be in memory, and cannot be computed on the way.
    pub(super) fn reads_memory(self, operand: usize) -> bool {
        match self {
            Lowering::Collective | Lowering::Loop => true,
            Lowering::Rows | Lowering::Update => operand == 0,
            Lowering::Alias | Lowering::Elementwise(_) | Lowering::Move | Lowering::Window => false,
            Lowering::Matmul | Lowering::Reduction => false,
        }
    }

    /// Elementary operations of the op itself, on `result` elements made from `operand` elements. Those of a matmul are
    /// counted as its flops.
    pub(super) fn operations(self, result: usize, operand: usize) -> f64 {
        match self {
            Lowering::Elementwise(each) => each * result as f64,
            Lowering::Reduction => operand as f64,
            Lowering::Alias | Lowering::Move | Lowering::Window | Lowering::Update | Lowering::Rows => 0.0,
            Lowering::Matmul | Lowering::Collective | Lowering::Loop => 0.0,
        }
    }
}

fn unary_operations(unary: Unary) -> f64 {
    match unary {
        Unary::Neg | Unary::Abs | Unary::Sign | Unary::Floor | Unary::Not | Unary::IsFinite => 1.0,
        Unary::Sqrt | Unary::Rsqrt => 4.0,
        Unary::Exp | Unary::Tanh | Unary::Log | Unary::Logistic => 8.0,
        Unary::Sin | Unary::Cos => 12.0,
    }
}

fn binary_operations(binary: Binary) -> f64 {
    match binary {
        Binary::Add | Binary::Sub | Binary::Mul | Binary::Rem | Binary::Max | Binary::Min => 1.0,
        Binary::And | Binary::Or | Binary::Xor | Binary::ShiftLeft | Binary::ShiftRight => 1.0,
        Binary::Div => 4.0,
        Binary::Pow => 16.0,
    }
}
