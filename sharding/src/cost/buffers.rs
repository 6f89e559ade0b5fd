//! Which values of a program get memory of their own, and what each step reads.
//!
//! Compilers fuse: an elementwise result that is read by one other computation is never stored. This is a model of that,
//! not any compiler's rules: matmuls, collectives, reductions, loops and what they read are stored; elementwise ops,
//! counters and moves are computed where they are read, unless they are costly and read more than once. Where matmuls are a
//! library's kernels, what they read is stored too, unless it is but converted or moved.

use graph::{Function, TensorType, Value};

use super::lowering::Lowering;

/// What holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// Nothing: it is computed where it is read.
    Fused,
    /// The memory of this value, which may be the value itself.
    Buffer(Value),
}

/// Memory read by a fused computation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Read {
    pub(super) buffer: Value,
    pub(super) bytes: u64,
}

/// The storage of a function's values.
pub(super) struct Buffers {
    pub(super) storage: Vec<Storage>,
    /// For each value, what computing it where it is read takes: reads, and elementary operations on elements.
    reads: Vec<Vec<Read>>,
    operations: Vec<f64>,
}

impl Buffers {
    /// Decides what is stored. `size` gives the bytes of a value; `stores_operands` says that what matmuls read is stored.
    pub(super) fn new(function: &Function, size: &dyn Fn(&TensorType) -> u64, stores_operands: bool) -> Self {
        let count = function.types.len();
        let mut readers: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
        for (index, node) in function.nodes.iter().enumerate() {
            for (position, operand) in node.operands.iter().enumerate() {
                readers[operand.index()].push((index, position));
            }
        }
        let mut is_result = vec![false; count];
        function.results.iter().for_each(|output| is_result[output.value.index()] = true);

        // Backwards: whether a value is wanted in memory, through ops that only rename it.
        let mut wanted = is_result.clone();
        let mut multiplied = vec![false; count];
        let mut uses = vec![0usize; count];
        for node in function.nodes.iter().rev() {
            for &result in &node.results {
                for &(reader, position) in &readers[result.index()] {
                    let lowering = Lowering::of(&function.nodes[reader].op);
                    let through = function.nodes[reader].results[0].index();
                    if lowering == Lowering::Alias {
                        wanted[result.index()] |= wanted[through];
                        multiplied[result.index()] |= multiplied[through];
                        uses[result.index()] += uses[through];
                    } else {
                        wanted[result.index()] |= lowering.reads_memory(position);
                        multiplied[result.index()] |= stores_operands && lowering == Lowering::Matmul;
                        uses[result.index()] += 1;
                    }
                }
            }
        }

        let mut buffers = Self {
            storage: vec![Storage::Fused; count],
            reads: vec![Vec::new(); count],
            operations: vec![0.0; count],
        };
        for param in &function.params {
            buffers.store(param.value, size(function.ty(param.value)));
        }
        for node in &function.nodes {
            let result = node.results[0];
            let ty = function.ty(result);
            let lowering = Lowering::of(&node.op);
            let operand = node.operands.first().map(|operand| buffers.storage[operand.index()]);
            if let (true, Some(Storage::Buffer(root))) = (lowering.shares_memory(), operand) {
                buffers.storage[result.index()] = Storage::Buffer(root);
                buffers.reads[result.index()] = vec![Read { buffer: root, bytes: size(ty) }];
                continue;
            }
            if !lowering.fuses() {
                node.results.iter().for_each(|&result| buffers.store(result, size(function.ty(result))));
                continue;
            }
            let (mut reads, operations) = buffers.work(function, node);
            if lowering == Lowering::Window {
                reads.iter_mut().for_each(|read| read.bytes = read.bytes.min(size(ty)));
            }
            let costly = !stores_operands && operations > 3.0 * ty.elements() as f64 && !reads.is_empty();
            // One operation for each element is a conversion.
            let computed = operations > ty.elements() as f64 && !reads.is_empty();
            let read = wanted[result.index()] || (computed && multiplied[result.index()]);
            if read || (costly && uses[result.index()] > 1) {
                buffers.store(result, size(ty));
            } else {
                buffers.reads[result.index()] = reads;
                buffers.operations[result.index()] = operations;
            }
        }
        buffers
    }

    fn store(&mut self, value: Value, bytes: u64) {
        self.storage[value.index()] = Storage::Buffer(value);
        self.reads[value.index()] = vec![Read { buffer: value, bytes }];
    }

    /// Whether a value has memory of its own.
    pub(super) fn is_own(&self, value: Value) -> bool {
        self.storage[value.index()] == Storage::Buffer(value)
    }

    /// What computing a node reads, and its elementary operations, with all that is fused into it.
    pub(super) fn work(&self, function: &Function, node: &graph::Node) -> (Vec<Read>, f64) {
        let mut reads: Vec<Read> = Vec::new();
        let elements = function.ty(node.results[0]).elements();
        let read = node.operands.first().map_or(0, |&operand| function.ty(operand).elements());
        let mut operations = Lowering::of(&node.op).operations(elements, read);
        for operand in &node.operands {
            operations += self.operations[operand.index()];
            for read in &self.reads[operand.index()] {
                match reads.iter_mut().find(|known| known.buffer == read.buffer) {
                    Some(known) => known.bytes = known.bytes.max(read.bytes),
                    None => reads.push(*read),
                }
            }
        }
        (reads, operations)
    }

    /// The buffers a value's bits lie in or are computed from.
    pub(super) fn sources(&self, value: Value) -> impl Iterator<Item = Value> + '_ {
        self.reads[value.index()].iter().map(|read| read.buffer)
    }
}
