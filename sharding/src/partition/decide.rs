//! For each op: how its operands must lie so that every device can do its part, and how the result then lies.
//!
//! Where operands disagree, the larger one keeps its split. A sum whose parts are on different devices stays in parts
//! (`partial`) through ops that are linear, so that it is added up once, and as late as possible.

use graph::{Binary, DotDims, Elements, Literal, Op, Reduction, TensorType, Unary};

use super::layout::{Axes, MeshLayout, MeshView, merge};
use super::reshape::reshape;

/// What is known of a value before its users are looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ValueState {
    /// How it lies; `None` for a carried value that takes whatever layout the loop's body gives it.
    pub(super) layout: Option<MeshLayout>,
    /// Whether it is made from counters and numbers alone, so that a device computes it again, in any layout, instead of
    /// moving it.
    pub(super) recomputable: bool,
    /// Whether all elements are 0.
    pub(super) zero: bool,
}

/// How an op is split.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    /// How each operand must lie.
    pub(super) operands: Vec<MeshLayout>,
    /// How the result lies.
    pub(super) result: MeshLayout,
}

/// An op with its operands.
pub(super) struct Site<'a> {
    pub(super) op: &'a Op,
    pub(super) types: Vec<&'a TensorType>,
    pub(super) result: &'a TensorType,
    pub(super) states: Vec<&'a ValueState>,
}

/// Sums of no more elements than this are kept in parts whatever they are added to.
const SMALL: usize = 256;

impl Site<'_> {
    fn layout(&self, operand: usize) -> Option<&MeshLayout> {
        self.states[operand].layout.as_ref()
    }

    fn rank(&self, operand: usize) -> usize {
        self.types[operand].rank()
    }

    fn replicated(&self) -> Decision {
        let operands = self.types.iter().map(|ty| MeshLayout::replicated(ty.rank())).collect();
        Decision { operands, result: MeshLayout::replicated(self.result.rank()) }
    }

    /// The decision for an op other than a scan, `Shard`, or a collective; `None` if too little is known yet.
    pub(super) fn decide(&self, view: &MeshView<'_>) -> Option<Decision> {
        match self.op {
            Op::Constant(_) | Op::Iota { .. } | Op::AxisIndex { .. } => Some(self.replicated()),
            Op::Unary(Unary::Neg) | Op::Barrier | Op::StopGradient | Op::Name(_) => {
                self.like_operand(|layout| layout.clone())
            }
            Op::Convert(to) => {
                let linear = to.is_float() && self.types[0].dtype.is_float();
                self.like_operand(|layout| if linear { layout.clone() } else { layout.summed() })
            }
            Op::Unary(_) | Op::Bitcast(_) => self.like_operand(MeshLayout::summed),
            Op::Binary(Binary::Add | Binary::Sub) => self.additive(view, 0, &[]),
            Op::Binary(Binary::Mul) => self.multiplication(view),
            // Of integers, the parts' remainders would be lost.
            Op::Binary(Binary::Div) if self.result.dtype.is_float() => self.quotient(view),
            Op::Binary(_) | Op::Compare(_) => self.elementwise(view),
            Op::Select => self.additive(view, 1, &[]),
            Op::Concatenate { dim } => self.additive(view, 0, &[*dim]),
            Op::Broadcast { dims, .. } => {
                let operand = self.layout(0)?.clone();
                let mut result = MeshLayout::replicated(self.result.rank()).with_partial(&operand.partial);
                for (dim, axes) in operand.split.iter().enumerate() {
                    result.split[dims[dim]] = axes.clone();
                }
                Some(Decision { operands: vec![operand], result })
            }
            Op::Reshape { shape } => {
                let (operand, result) = reshape(view, &self.types[0].shape, shape, self.layout(0)?);
                Some(Decision { operands: vec![operand], result })
            }
            Op::Transpose { permutation } => {
                let operand = self.layout(0)?.clone();
                let split = permutation.iter().map(|&dim| operand.split[dim].clone()).collect();
                let result = MeshLayout { split, partial: operand.partial.clone() };
                Some(Decision { operands: vec![operand], result })
            }
            Op::Slice { starts, limits, strides } => {
                let shape = &self.types[0].shape;
                let is_cut = |&dim: &usize| (starts[dim], limits[dim], strides[dim]) != (0, shape[dim], 1);
                let cut: Vec<_> = (0..shape.len()).filter(is_cut).collect();
                self.like_operand(|layout| layout.whole(cut.iter().copied()))
            }
            Op::Reverse { dims } => self.like_operand(|layout| layout.whole(dims.iter().copied())),
            Op::Pad { low, high, interior } => {
                let is_padded = |&dim: &usize| (low[dim], high[dim], interior[dim]) != (0, 0, 0);
                let layout = self.layout(0)?.whole((0..low.len()).filter(is_padded));
                let layout = if self.states[1].zero { layout } else { layout.summed() };
                Some(Decision { operands: vec![layout.clone(), MeshLayout::replicated(0)], result: layout })
            }
            Op::Dot { dims, .. } => self.dot(view, dims),
            Op::Reduce { kind, dims } => {
                let operand = self.layout(0)?;
                let operand = match kind {
                    Reduction::Sum => operand.clone(),
                    Reduction::Max | Reduction::Min => operand.summed(),
                    Reduction::And | Reduction::Or => operand.summed().whole(dims.iter().copied()),
                };
                let kept = (0..self.rank(0)).filter(|dim| !dims.contains(dim));
                let mut result = MeshLayout::of(kept.map(|dim| operand.split[dim].clone()).collect());
                if *kind == Reduction::Sum {
                    let summed = dims.iter().flat_map(|&dim| operand.split[dim].iter());
                    let partial: Axes = summed.chain(&operand.partial).copied().collect();
                    result = result.with_partial(&partial);
                }
                Some(Decision { operands: vec![operand], result })
            }
            Op::Take => self.take(),
            Op::ScatterAdd => self.scatter_add(),
            Op::DynamicSlice { sizes } => {
                let shape = &self.types[0].shape;
                let layout = self.layout(0)?.whole((0..shape.len()).filter(|&dim| sizes[dim] != shape[dim]));
                let starts = self.types[1..].iter().map(|ty| MeshLayout::replicated(ty.rank()));
                let operands = std::iter::once(layout.clone()).chain(starts).collect();
                Some(Decision { operands, result: layout })
            }
            Op::DynamicUpdateSlice => {
                let (shape, update) = (&self.types[0].shape, &self.types[1].shape);
                let cut: Vec<_> = (0..shape.len()).filter(|&dim| update[dim] != shape[dim]).collect();
                let mut decision = self.among(view, 0..2, 0..2, &cut)?;
                decision.operands.extend(self.types[2..].iter().map(|ty| MeshLayout::replicated(ty.rank())));
                Some(decision)
            }
            Op::AllReduce { kind, .. } => {
                self.like_operand(
                    |layout| if *kind == Reduction::Sum { layout.clone() } else { layout.summed() },
                )
            }
            Op::Permute { .. } => self.like_operand(|layout| layout.clone()),
            // Refused before, or decided elsewhere.
            Op::Shard { .. }
            | Op::AllGather { .. }
            | Op::ReduceScatter { .. }
            | Op::AllToAll { .. }
            | Op::Scan(_) => Some(self.replicated()),
        }
    }

    /// What is known of the result besides its layout.
    pub(super) fn flags(&self) -> (bool, bool) {
        let all_recomputable =
            || self.states.iter().zip(&self.types).all(|(state, ty)| state.recomputable || ty.rank() == 0);
        let zero = || self.states[0].zero;
        match self.op {
            Op::Constant(literal) => (self.result.rank() == 0, is_zero(literal)),
            Op::Iota { .. } => (true, false),
            Op::Broadcast { .. } => (true, zero()),
            Op::Reshape { .. } => (false, zero()),
            Op::Convert(_) => (all_recomputable(), zero()),
            Op::Unary(_) | Op::Binary(_) | Op::Compare(_) | Op::Select | Op::Bitcast(_) => {
                (all_recomputable() && self.result.rank() > 0, false)
            }
            Op::Transpose { .. }
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
            | Op::StopGradient
            | Op::Name(_)
            | Op::Shard { .. }
            | Op::AxisIndex { .. }
            | Op::AllReduce { .. }
            | Op::AllGather { .. }
            | Op::ReduceScatter { .. }
            | Op::AllToAll { .. }
            | Op::Permute { .. }
            | Op::Scan(_) => (false, false),
        }
    }

    /// One operand, which the result lies like.
    fn like_operand(&self, required: impl Fn(&MeshLayout) -> MeshLayout) -> Option<Decision> {
        let layout = required(self.layout(0)?);
        Some(Decision { operands: vec![layout.clone()], result: layout })
    }

    /// The split that the operands of `range` agree on, with `whole` dimensions not split at all; `None` when all that
    /// is known are numbers that would lie any way, while others are not known yet.
    fn agreed(
        &self,
        view: &MeshView<'_>,
        range: std::ops::Range<usize>,
        whole: &[usize],
    ) -> Option<Vec<Axes>> {
        let mut known: Vec<(bool, usize, MeshLayout)> = Vec::new();
        for operand in range.clone() {
            if let Some(layout) = self.layout(operand) {
                let layout = layout.whole(whole.iter().copied());
                known.push((self.states[operand].recomputable, view.shards(&layout), layout));
            }
        }
        if known.len() < range.len() && known.iter().all(|(recomputable, ..)| *recomputable) {
            return None;
        }
        // The most split operand first; of two, the first.
        known.sort_by_key(|(recomputable, shards, _)| (*recomputable, usize::MAX - shards));
        Some(merge(self.rank(range.start), known.iter().map(|(.., layout)| &layout.split[..])))
    }

    /// All operands of one shape, none of them in parts.
    fn elementwise(&self, view: &MeshView<'_>) -> Option<Decision> {
        let layout = MeshLayout::of(self.agreed(view, 0..self.types.len(), &[])?);
        Some(Decision { operands: vec![layout.clone(); self.types.len()], result: layout })
    }

    /// As [`Site::among`] over all operands, of which the terms start at `first`.
    fn additive(&self, view: &MeshView<'_>, first: usize, whole: &[usize]) -> Option<Decision> {
        self.among(view, 0..self.types.len(), first..self.types.len(), whole)
    }

    /// Operands of one rank, of which those of `terms` are added or put beside each other: a sum in parts may stay so if
    /// all of them are.
    fn among(
        &self,
        view: &MeshView<'_>,
        range: std::ops::Range<usize>,
        terms: std::ops::Range<usize>,
        whole: &[usize],
    ) -> Option<Decision> {
        let split = self.agreed(view, range.clone(), whole)?;
        let partials: Vec<&Axes> = terms
            .clone()
            .filter(|&operand| !self.states[operand].zero)
            .filter_map(|operand| Some(&self.layout(operand)?.partial))
            .collect();
        // A small sum is cheaper to take part in than to finish.
        let small = self.result.elements() <= SMALL && matches!(self.op, Op::Binary(_));
        let mut partial: Axes = partials.iter().copied().flatten().copied().collect();
        if !small {
            partial.retain(|axis| partials.iter().all(|partial| partial.contains(axis)));
        }
        let result = MeshLayout::of(split).with_partial(&partial).consistent();
        let layout = |operand| if terms.contains(&operand) { result.clone() } else { result.summed() };
        Some(Decision { operands: range.map(layout).collect(), result })
    }

    /// A product of which one factor may be a sum in parts.
    fn multiplication(&self, view: &MeshView<'_>) -> Option<Decision> {
        let split = MeshLayout::of(self.agreed(view, 0..2, &[])?);
        let partial = |operand| self.layout(operand).map_or(&[][..], |layout| &layout.partial[..]);
        let (left, right) = (partial(0), partial(1));
        let (kept, which) = if left.is_empty() { (right, 1) } else { (left, 0) };
        let result = split.with_partial(kept).consistent();
        let operand = |operand| if operand == which { result.clone() } else { split.clone() };
        Some(Decision { operands: (0..2).map(operand).collect(), result })
    }

    fn quotient(&self, view: &MeshView<'_>) -> Option<Decision> {
        let split = MeshLayout::of(self.agreed(view, 0..2, &[])?);
        let partial = self.layout(0).map_or(&[][..], |layout| &layout.partial[..]);
        let result = split.with_partial(partial).consistent();
        Some(Decision { operands: vec![result.clone(), split], result })
    }

    fn dot(&self, view: &MeshView<'_>, dims: &DotDims) -> Option<Decision> {
        let layouts = [self.layout(0)?, self.layout(1)?];
        let (lhs, rhs) = (self.rank(0), self.rank(1));
        let lhs_free = DotDims::free(lhs, &dims.lhs_batch, &dims.lhs_contract);
        let rhs_free = DotDims::free(rhs, &dims.rhs_batch, &dims.rhs_contract);
        let local_bytes = |operand: usize| self.types[operand].bytes() / view.shards(layouts[operand]).max(1);
        let larger = usize::from(local_bytes(1) > local_bytes(0));

        // Each role is played by one dimension of one operand or of both. The axes it is split by are those of the
        // larger operand that splits it.
        let pair = |(&l, &r): (&usize, &usize)| [Some(l), Some(r)];
        let batch = dims.lhs_batch.iter().zip(&dims.rhs_batch).map(pair);
        let contract = dims.lhs_contract.iter().zip(&dims.rhs_contract).map(pair);
        let free = lhs_free.iter().map(|&l| [Some(l), None]).chain(rhs_free.iter().map(|&r| [None, Some(r)]));
        let mut roles: Vec<(usize, [Option<usize>; 2], Axes)> = batch
            .chain(contract)
            .chain(free)
            .map(|places| {
                let axes = |operand: usize| {
                    places[operand].map(|dim| layouts[operand].split[dim].clone()).unwrap_or_default()
                };
                let (first, second) = (axes(larger), axes(1 - larger));
                let (owner, axes) = if first.is_empty() { (1 - larger, second) } else { (larger, first) };
                (owner, places, axes)
            })
            .collect();
        // Roles split in both operands alike cost nothing; then the larger operand keeps its splits.
        let alike = |places: &[Option<usize>; 2]| match places {
            [Some(l), Some(r)] => layouts[0].split[*l] == layouts[1].split[*r],
            _ => false,
        };
        roles.sort_by_key(|(owner, places, _)| (!alike(places), *owner != larger));
        let mut used: Axes = Vec::new();
        let mut operands = [MeshLayout::replicated(lhs), MeshLayout::replicated(rhs)];
        for (_, places, axes) in &roles {
            if axes.iter().any(|axis| used.contains(axis)) {
                continue;
            }
            used.extend(axes);
            for (operand, place) in places.iter().enumerate() {
                if let Some(dim) = place {
                    operands[operand].split[*dim] = axes.clone();
                }
            }
        }
        // One operand may be a sum in parts, along axes that play no role.
        let unused = |partial: &Axes| -> Axes {
            partial.iter().copied().filter(|axis| !used.contains(axis)).collect()
        };
        let partials = [unused(&layouts[0].partial), unused(&layouts[1].partial)];
        let carrier = if partials[larger].is_empty() { 1 - larger } else { larger };
        operands[carrier] = operands[carrier].with_partial(&partials[carrier]);

        let axes_of = |operand: usize, dim: usize| operands[operand].split[dim].clone();
        let split = dims.lhs_batch.iter().map(|&dim| axes_of(0, dim));
        let split = split.chain(lhs_free.iter().map(|&dim| axes_of(0, dim)));
        let split = split.chain(rhs_free.iter().map(|&dim| axes_of(1, dim)));
        let summed = dims.lhs_contract.iter().flat_map(|&dim| axes_of(0, dim));
        let partial: Axes = summed.chain(partials[carrier].iter().copied()).collect();
        let result = MeshLayout::of(split.collect()).with_partial(&partial);
        Some(Decision { operands: operands.to_vec(), result })
    }

    /// Rows of a table. Where the table is split along its rows, each device has those that fall into its part, and
    /// zeros for the others.
    fn take(&self) -> Option<Decision> {
        let table = self.layout(0)?.summed();
        let indices = self.layout(1)?.summed();
        let taken: Axes = table.split.iter().flatten().copied().collect();
        let split: Vec<Axes> = indices
            .split
            .iter()
            .map(|axes| if axes.iter().any(|axis| taken.contains(axis)) { Vec::new() } else { axes.clone() })
            .collect();
        let result = [&split[..], &table.split[1..]].concat();
        let result = MeshLayout::of(result).with_partial(&table.split[0]);
        Some(Decision { operands: vec![table, MeshLayout::of(split)], result })
    }

    /// Rows added into a table. Devices with different rows to add have parts of a sum; where the table is split along its
    /// rows, each device adds those that fall into its part.
    fn scatter_add(&self) -> Option<Decision> {
        let updates = self.layout(2)?;
        let indices = self.rank(1);
        let table = self.layout(0).cloned().unwrap_or_else(|| MeshLayout::replicated(self.rank(0)));
        // The table is larger than what is added: its split decides.
        let of_rows = [&[Vec::new()], &updates.split[indices..]].concat();
        let split = merge(self.rank(0), [&table.split[..], &of_rows]);
        let taken: Axes = split.iter().flatten().copied().collect();
        let kept = |axes: &Axes| !axes.iter().any(|axis| taken.contains(axis));
        let mut index_split: Vec<Axes> = updates.split[..indices].to_vec();
        index_split.iter_mut().filter(|axes| !kept(axes)).for_each(Vec::clear);
        let added: Axes = index_split.iter().flatten().copied().collect();
        let both = |axis: &usize| {
            let in_table = self.states[0].zero || self.layout(0).is_none() || table.partial.contains(axis);
            in_table && updates.partial.contains(axis) && !taken.contains(axis)
        };
        let common: Axes = updates.partial.iter().copied().filter(both).collect();
        let partial: Axes = added.iter().chain(&common).copied().collect();
        let updates = [&index_split[..], &split[1..]].concat();
        let result = MeshLayout::of(split).with_partial(&partial);
        let updates = MeshLayout::of(updates).with_partial(&common);
        Some(Decision { operands: vec![result.clone(), MeshLayout::of(index_split), updates], result })
    }
}

fn is_zero(literal: &Literal) -> bool {
    match literal.elements() {
        Elements::Float(values) => values.iter().all(|&value| value == 0.0),
        Elements::Int(values) => values.iter().all(|&value| value == 0),
    }
}
