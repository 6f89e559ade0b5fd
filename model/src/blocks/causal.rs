//! How attention over whole sequences takes its queries: in blocks that see no more keys than they need, and long blocks in
//! pieces.

use std::ops::Range;

use graph::{BuildResult, Builder, DType, Error, Remat, ScanInputs, ScanOutputs, Tensor, TensorType};

use super::attention::part;

/// How attention over whole sequences takes its queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QueryBlocks {
    /// Queries of a block, which attends to the keys up to its own end; 0 chooses by the length of sequences.
    pub block: usize,
    /// Queries of a piece of a block, at most. Pieces are computed one after the other in a loop, and their scores once more
    /// in the backward pass, so that the scores of one piece are all that is ever held: memory grows with the length, not
    /// with its square. 0 chooses by the length of sequences. A block that is no longer than a piece is computed at once.
    pub piece: usize,
}

impl From<usize> for QueryBlocks {
    /// Blocks of so many queries; 0 chooses.
    fn from(block: usize) -> Self {
        Self { block, piece: 0 }
    }
}

/// Sequences up to this length have their blocks computed at once, unless a piece is given.
pub const LONGEST_AT_ONCE: usize = 4096;

impl QueryBlocks {
    /// What is computed for sequences of this length. Where nothing is given: about eight blocks, of at least 64 queries; pieces only
    /// for sequences above [`LONGEST_AT_ONCE`], of about 2^21 scores for each head, and at least 256 queries, as
    /// the gradients of all keys are added up after each.
    pub fn of_length(self, length: usize) -> QueryBlocks {
        let block = match self.block {
            0 => length.div_ceil(8).max(64),
            block => block,
        }
        .clamp(1, length.max(1));
        let piece = match self.piece {
            0 if length <= LONGEST_AT_ONCE => block,
            0 => ((1 << 21) / length).max(256),
            piece => piece,
        };
        QueryBlocks { block, piece: piece.min(block) }
    }

    /// Whether blocks are computed in pieces.
    pub fn in_pieces(self) -> bool {
        self.piece < self.block
    }
}

/// Tensors that attention of some queries reads.
pub struct Attended<'a> {
    /// Builder that they come from.
    pub builder: &'a Builder,
    /// The queries' parts, in the order they were given in.
    pub queries: &'a [Tensor],
    /// The keys' parts, up to the end of the queries' block, in the order they were given in.
    pub keys: &'a [Tensor],
    /// Position of the first query, an i32 scalar.
    pub first_position: Tensor,
    /// Positions of the queries' block.
    pub block: usize,
    /// Of a piece of a block, positions from its first query to the end of the block, which is where the keys end: an i32 scalar.
    pub to_end: Option<Tensor>,
}

/// Causal attention over whole sequences, whose queries are taken as `blocks` says, resolved by
/// [`QueryBlocks::of_length`]. `queries` are tensors with the sequence along their dimension `dim`, as is the result; `keys` gives the tensors that a block of
/// queries reads whole. `attend` is called for each block, or, in pieces, for one piece of it. What causality hides is,
/// but for the blocks on the diagonal, never computed.
///
/// # Errors
/// Those of `keys` and `attend`.
pub fn in_causal_blocks(
    b: &Builder,
    blocks: QueryBlocks,
    queries: &[Tensor],
    dim: usize,
    keys: impl Fn(Range<usize>) -> Result<Vec<Tensor>, Error>,
    attend: impl Fn(Attended<'_>) -> BuildResult,
) -> BuildResult {
    let length = b.shape(queries[0])[dim];
    let mut outputs = Vec::new();
    for start in (0..length).step_by(blocks.block.clamp(1, length)) {
        let end = (start + blocks.block).min(length);
        let parts = queries.iter().map(|&query| part(b, query, dim, start..end));
        let queries = parts.collect::<Result<Vec<_>, _>>()?;
        let keys = keys(start..end)?;
        let block = end - start;
        let count = block / largest_divisor(block, blocks.piece);
        outputs.push(if count == 1 {
            attend(Attended {
                builder: b,
                queries: &queries,
                keys: &keys,
                first_position: b.scalar(DType::I32, start as f64)?,
                block,
                to_end: None,
            })?
        } else {
            in_pieces(b, &queries, &keys, dim, start, count, &attend)?
        });
    }
    if outputs.len() == 1 { Ok(outputs[0]) } else { b.concatenate(&outputs, dim) }
}

/// A block of queries that begins at `start`, in `count` pieces one after the other.
fn in_pieces(
    b: &Builder,
    queries: &[Tensor],
    keys: &[Tensor],
    dim: usize,
    start: usize,
    count: usize,
    attend: &impl Fn(Attended<'_>) -> BuildResult,
) -> BuildResult {
    let block = b.shape(queries[0])[dim];
    let piece = block / count;
    let pieces = queries.iter().map(|&query| {
        let mut shape = b.shape(query);
        shape.splice(dim..=dim, [count, piece]);
        let order: Vec<usize> =
            [dim].into_iter().chain((0..shape.len()).filter(|&other| other != dim)).collect();
        b.transpose(b.reshape(query, &shape)?, &order)
    });
    let mut xs = pieces.collect::<Result<Vec<_>, _>>()?;
    xs.push(b.iota(TensorType::new(DType::I32, [count]), 0)?);
    let inputs =
        ScanInputs { length: count, remat: Remat::Full, xs: &xs, constants: keys, ..ScanInputs::default() };
    let scan = b.scan("pieces", inputs, |body| {
        let b = body.builder;
        let Some((&index, queries)) = body.xs.split_last() else { unreachable!("there is the index") };
        let before = b.mul(index, b.scalar(DType::I32, piece as f64)?)?;
        let attended = attend(Attended {
            builder: b,
            queries,
            keys: body.constants,
            first_position: b.add(before, b.scalar(DType::I32, start as f64)?)?,
            block,
            to_end: Some(b.sub(b.scalar(DType::I32, block as f64)?, before)?),
        })?;
        Ok(ScanOutputs { carries: vec![], ys: vec![attended] })
    })?;
    let stacked = scan.ys[0];
    let mut shape = b.shape(stacked);
    let mut order: Vec<usize> = (1..shape.len()).collect();
    order.insert(dim, 0);
    shape.remove(0);
    shape[dim] = block;
    b.reshape(b.transpose(stacked, &order)?, &shape)
}

/// The largest divisor of `number` that is at most `limit`, or `number` itself if that would be less than a quarter of `limit`.
fn largest_divisor(number: usize, limit: usize) -> usize {
    let limit = limit.clamp(1, number);
    let found = (limit.div_ceil(4)..=limit).rev().find(|&divisor| number.is_multiple_of(divisor));
    found.unwrap_or(number)
}

/// Scores that one head computes for one sequence, of queries in blocks of `block` that see the keys up to their own end.
pub fn score_count(block: usize, sequence_length: usize) -> u64 {
    let blocks = (0..sequence_length).step_by(block.max(1));
    let ends = blocks.map(|start| (start, (start + block).min(sequence_length)));
    ends.map(|(start, end)| (end - start) as u64 * end as u64).sum()
}
