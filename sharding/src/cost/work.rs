//! What one device does in one execution of a program: matmuls, memory-bound ops, collectives.

use graph::{DType, DotDims, Function, MeshAxis, Node, Op, TensorType};

use super::buffers::{Buffers, Storage};
use super::lowering::Lowering;
use super::memory::Size;
use crate::machine::Collective;

/// Something a device does.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Where in the model, such as `layers/attention`.
    pub scope: String,
    /// How often in one execution.
    pub times: u64,
    /// What it is.
    pub kind: WorkKind,
}

/// Columns of a tile of a TPU's arrays.
const LANES: usize = 128;

/// What a piece of work is.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkKind {
    /// A matmul, possibly batched.
    Matmul {
        /// Matmuls side by side.
        batch: usize,
        /// Rows of the result.
        m: usize,
        /// Columns of the result.
        n: usize,
        /// Length of the sums.
        k: usize,
        /// Dtype of the operands.
        dtype: DType,
        /// Bytes read and written.
        bytes: u64,
        /// Elementary operations fused into it.
        operations: f64,
    },
    /// A memory-bound op: elementwise, a reduction or a move, with all that is fused into it.
    MemoryBound {
        /// Bytes read and written.
        bytes: u64,
        /// Elementary operations on elements.
        operations: f64,
    },
    /// Communication.
    Collective {
        /// Which.
        collective: Collective,
        /// Bytes of the whole: of the joined result, or of what is summed.
        bytes: u64,
        /// The mesh axes it goes along.
        axes: Vec<MeshAxis>,
        /// Whether it is a reduce-scatter of bfloat16 of which each device gets an odd number of columns of tiles: the TPU compiler
        /// sums those whole.
        is_narrow: bool,
    },
}

impl WorkKind {
    /// Multiplications and additions of a matmul; 0 for anything else.
    pub fn flops(&self) -> f64 {
        match *self {
            WorkKind::Matmul { batch, m, n, k, .. } => 2.0 * batch as f64 * m as f64 * n as f64 * k as f64,
            WorkKind::MemoryBound { .. } | WorkKind::Collective { .. } => 0.0,
        }
    }
}

/// Everything one execution of a function takes, in order.
pub(super) fn work(function: &Function, size: Size<'_>) -> Vec<Work> {
    let mut all = Vec::new();
    collect(function, size, 1, &mut all);
    all
}

fn collect(function: &Function, size: Size<'_>, times: u64, all: &mut Vec<Work>) {
    let buffers = Buffers::new(function, size, false);
    for node in &function.nodes {
        if let Op::Scan(scan) = &node.op {
            collect(&scan.body, size, times * scan.length as u64, all);
            continue;
        }
        let result = node.results[0];
        let in_place = Lowering::of(&node.op) == Lowering::Update;
        let stored = match buffers.storage[result.index()] {
            Storage::Fused => false,
            Storage::Buffer(root) => root == result || in_place,
        };
        if !stored {
            continue;
        }
        let (reads, operations) = buffers.work(function, node);
        // In place: the part that changes.
        let written = size(function.ty(if in_place { node.operands[1] } else { result }));
        let stays = |buffer| in_place && buffers.sources(node.operands[0]).any(|source| source == buffer);
        let read: u64 = reads.iter().filter(|read| !stays(read.buffer)).map(|read| read.bytes).sum();
        let kind = kind(function, node, read + written, operations, size);
        all.push(Work { scope: function.scope(node).to_owned(), times, kind });
    }
}

fn kind(function: &Function, node: &Node, bytes: u64, operations: f64, size: Size<'_>) -> WorkKind {
    let result = function.ty(node.results[0]);
    let operand = |index: usize| function.ty(node.operands[index]);
    let collective = |collective, axes: &[MeshAxis], ty: &TensorType| WorkKind::Collective {
        collective,
        bytes: size(ty),
        axes: axes.to_vec(),
        is_narrow: false,
    };
    match &node.op {
        Op::Dot { dims, .. } => {
            let (lhs, rhs) = (operand(0), operand(1));
            let product = |ty: &TensorType, dims: &[usize]| dims.iter().map(|&dim| ty.shape[dim]).product();
            WorkKind::Matmul {
                batch: product(lhs, &dims.lhs_batch),
                m: product(lhs, &DotDims::free(lhs.rank(), &dims.lhs_batch, &dims.lhs_contract)),
                n: product(rhs, &DotDims::free(rhs.rank(), &dims.rhs_batch, &dims.rhs_contract)),
                k: product(lhs, &dims.lhs_contract),
                dtype: lhs.dtype,
                bytes,
                operations,
            }
        }
        Op::AllReduce { axes, .. } => collective(Collective::AllReduce, axes, result),
        Op::AllGather { axes, .. } => collective(Collective::AllGather, axes, result),
        Op::ReduceScatter { axes, dim } => WorkKind::Collective {
            collective: Collective::ReduceScatter,
            bytes: size(operand(0)),
            axes: axes.clone(),
            is_narrow: *dim + 1 == result.rank()
                && result.shape[*dim] % (2 * LANES) == LANES
                && result.dtype == DType::BF16,
        },
        Op::AllToAll { axes, .. } => collective(Collective::AllToAll, axes, result),
        Op::Permute { axis, .. } => collective(Collective::Permute, std::slice::from_ref(axis), result),
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
        | Op::Reduce { .. }
        | Op::Take
        | Op::ScatterAdd
        | Op::DynamicSlice { .. }
        | Op::DynamicUpdateSlice
        | Op::Barrier
        | Op::StopGradient
        | Op::Name(_)
        | Op::Shard { .. }
        | Op::AxisIndex { .. } => WorkKind::MemoryBound { bytes, operations },
        // Priced as its body's work, as often as that runs.
        Op::Scan(_) => WorkKind::MemoryBound { bytes: 0, operations: 0.0 },
    }
}
