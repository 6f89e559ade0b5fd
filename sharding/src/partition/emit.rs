//! The second pass: builds the function of one device.

use std::collections::HashMap;

use graph::{
    Builder, Comparison, DType, Function, MeshAxis, Node, Op, Reduction, Scan, Tensor, TensorType, Value,
};

use super::Error;
use super::analyse::{Analysis, Context, NodePlan};
use super::decide::Decision;
use super::layout::{Axes, MeshLayout};

/// Builds the function one device runs, from parameters with these layouts.
pub(super) fn emit(
    context: &Context<'_>,
    function: &Function,
    analysis: &Analysis,
    params: &[MeshLayout],
) -> Result<Function, Error> {
    let b = Builder::new(function.name.clone());
    let mut emitter = Emitter::new(context, &b, function, analysis);
    for (param, layout) in function.params.iter().zip(params) {
        let axes: Vec<&str> = param.axes.iter().map(String::as_str).collect();
        let tensor = b.param(param.name.clone(), emitter.local_type(param.value, layout), &axes);
        emitter.keep(param.value, layout, tensor);
    }
    emitter.nodes()?;
    for (output, layout) in function.results.iter().zip(&analysis.results) {
        let tensor = emitter.get(output.value, layout)?;
        b.output_aliased(output.name.clone(), tensor, output.alias);
    }
    Ok(b.finish()?)
}

struct Emitter<'a> {
    context: &'a Context<'a>,
    b: &'a Builder,
    /// The function on whole tensors.
    function: &'a Function,
    analysis: &'a Analysis,
    /// For each value of it, the node that makes it.
    definitions: Vec<Option<usize>>,
    /// What has been built of each value: few layouts.
    made: Vec<Vec<(MeshLayout, Tensor)>>,
    /// Positions along groups of axes.
    positions: HashMap<Axes, Tensor>,
}

impl<'a> Emitter<'a> {
    fn new(context: &'a Context<'a>, b: &'a Builder, function: &'a Function, analysis: &'a Analysis) -> Self {
        Self {
            context,
            b,
            function,
            analysis,
            definitions: function.definitions(),
            made: vec![Vec::new(); function.types.len()],
            positions: HashMap::new(),
        }
    }

    fn local_type(&self, value: Value, layout: &MeshLayout) -> TensorType {
        let ty = self.function.ty(value);
        TensorType::new(ty.dtype, self.context.view.local(&ty.shape, layout))
    }

    fn nodes(&mut self) -> Result<(), Error> {
        let (function, analysis) = (self.function, self.analysis);
        for (node, plan) in function.nodes.iter().zip(&analysis.plans) {
            let plan = plan.as_ref().ok_or(Error::Unknown { value: node.results[0].0 })?;
            let name = function.scope(node);
            let _scope = (!name.is_empty()).then(|| self.b.scope(name));
            match plan {
                // Made where it is read, as it is read.
                NodePlan::Op(_) if analysis.states[node.results[0].index()].recomputable => {}
                NodePlan::Op(decision) => {
                    let operands = node.operands.iter().zip(&decision.operands);
                    let operands = operands
                        .map(|(&value, layout)| self.get(value, layout))
                        .collect::<Result<Vec<_>, _>>()?;
                    let result = self.operation(node, decision, &operands)?;
                    self.keep(node.results[0], &decision.result, result);
                }
                NodePlan::Scan { operands, params, body } => {
                    if let Op::Scan(scan) = &node.op {
                        self.scan(node, scan, operands, params, body)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn found(&self, value: Value, layout: &MeshLayout) -> Option<Tensor> {
        self.made[value.index()].iter().find(|(made, _)| made == layout).map(|(_, tensor)| *tensor)
    }

    fn keep(&mut self, value: Value, layout: &MeshLayout, tensor: Tensor) {
        self.made[value.index()].push((layout.clone(), tensor));
    }

    /// A value in a layout.
    fn get(&mut self, value: Value, layout: &MeshLayout) -> Result<Tensor, Error> {
        if let Some(tensor) = self.found(value, layout) {
            return Ok(tensor);
        }
        let state = &self.analysis.states[value.index()];
        let tensor = if state.recomputable && (layout.partial.is_empty() || state.zero) {
            self.rebuild(value, layout)?
        } else {
            let given =
                if state.recomputable { layout.summed() } else { self.analysis.layout(value)?.clone() };
            let tensor =
                if state.recomputable { self.get(value, &given)? } else { self.given(value, &given)? };
            self.move_to(tensor, &self.function.ty(value).shape, &given, layout)?
        };
        self.keep(value, layout, tensor);
        Ok(tensor)
    }

    /// A value as the op that makes it left it.
    fn given(&self, value: Value, layout: &MeshLayout) -> Result<Tensor, Error> {
        self.found(value, layout).ok_or(Error::Unknown { value: value.0 })
    }

    /// A recomputable value, made in a layout.
    fn rebuild(&mut self, value: Value, layout: &MeshLayout) -> Result<Tensor, Error> {
        let function = self.function;
        let node = self.definitions[value.index()].map(|index| &function.nodes[index]);
        let node = node.ok_or(Error::Unknown { value: value.0 })?;
        let b = self.b;
        let shape = self.context.view.local(&function.ty(value).shape, layout);
        match &node.op {
            Op::Iota { ty, dim } => {
                let count = b.iota(TensorType::new(ty.dtype, shape.clone()), *dim)?;
                let axes = &layout.split[*dim];
                if axes.is_empty() {
                    return Ok(count);
                }
                let start = self.start(axes, shape[*dim])?;
                Ok(b.add(count, b.convert(start, ty.dtype)?)?)
            }
            Op::Broadcast { dims, .. } => {
                let operand = node.operands[0];
                let from = &function.ty(operand).shape;
                let mut required = MeshLayout { split: Vec::new(), partial: layout.partial.clone() };
                for (dim, &target) in dims.iter().enumerate() {
                    let repeats = from[dim] != function.ty(value).shape[target];
                    required.split.push(if repeats { Axes::new() } else { layout.split[target].clone() });
                }
                let operand = self.get(operand, &required)?;
                Ok(b.broadcast(operand, &shape, dims)?)
            }
            Op::Constant(_)
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Select
            | Op::Convert(_)
            | Op::Bitcast(_) => {
                let operands: Vec<Tensor> = node
                    .operands
                    .iter()
                    .map(|&operand| self.get(operand, layout))
                    .collect::<Result<_, _>>()?;
                Ok(b.op(node.op.clone(), &operands)?[0])
            }
            // Never recomputable: `Site::flags`.
            Op::Reshape { .. }
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
            | Op::StopGradient
            | Op::Name(_)
            | Op::Shard { .. }
            | Op::AxisIndex { .. }
            | Op::AllReduce { .. }
            | Op::AllGather { .. }
            | Op::ReduceScatter { .. }
            | Op::AllToAll { .. }
            | Op::Permute { .. }
            | Op::Scan(_) => Err(Error::Unknown { value: value.0 }),
        }
    }

    /// This device's position within a group along axes, i32.
    fn position(&mut self, axes: &[usize]) -> Result<Tensor, Error> {
        if let Some(&tensor) = self.positions.get(axes) {
            return Ok(tensor);
        }
        let b = self.b;
        let mut position = None;
        for axis in self.mesh_axes(axes) {
            let (size, along) = (axis.size, b.axis_index(axis)?);
            position = Some(match position {
                None => along,
                Some(outer) => b.add(b.scale(outer, size as f64)?, along)?,
            });
        }
        let position = match position {
            Some(position) => position,
            None => b.scalar(DType::I32, 0.0)?,
        };
        self.positions.insert(axes.to_vec(), position);
        Ok(position)
    }

    /// First index of this device's part, of `size` elements, of a dimension split by axes; i32.
    fn start(&mut self, axes: &[usize], size: usize) -> Result<Tensor, Error> {
        let position = self.position(axes)?;
        Ok(self.b.scale(position, size as f64)?)
    }

    fn mesh_axes(&self, axes: &[usize]) -> Vec<MeshAxis> {
        axes.iter().map(|&axis| self.context.view.mesh.axes[axis].clone()).collect()
    }

    /// A tensor of global shape `shape` from one layout in another.
    fn move_to(
        &mut self,
        tensor: Tensor,
        shape: &[usize],
        from: &MeshLayout,
        to: &MeshLayout,
    ) -> Result<Tensor, Error> {
        let b = self.b;
        let (mut x, mut now) = (tensor, from.clone());
        // Parts are added up where the sum is to be split, then the others.
        let mut owed: Axes = from.partial.iter().copied().filter(|axis| !to.partial.contains(axis)).collect();
        for dim in 0..shape.len() {
            if !to.split[dim].starts_with(&now.split[dim]) {
                continue;
            }
            let rest = &to.split[dim][now.split[dim].len()..];
            let scattered: Axes = rest.iter().copied().take_while(|axis| owed.contains(axis)).collect();
            if !scattered.is_empty() {
                x = b.reduce_scatter(x, dim, &self.mesh_axes(&scattered))?;
                owed.retain(|axis| !scattered.contains(axis));
                now.split[dim].extend(scattered);
            }
        }
        if !owed.is_empty() {
            x = b.all_reduce(Reduction::Sum, x, &self.mesh_axes(&owed))?;
        }
        now.partial.retain(|axis| to.partial.contains(axis));
        // An axis that goes from one dimension to another.
        for dim in 0..shape.len() {
            let Some((&axis, kept)) = now.split[dim].split_last() else { continue };
            let target = (0..shape.len()).find(|&other| {
                other != dim && to.split[other].split_last() == Some((&axis, &now.split[other][..]))
            });
            if let (Some(target), true) = (target, to.split[dim] == kept) {
                x = b.all_to_all(x, target, dim, &self.mesh_axes(&[axis]))?;
                now.split[dim].pop();
                now.split[target].push(axis);
            }
        }
        for dim in 0..shape.len() {
            let common = now.split[dim].iter().zip(&to.split[dim]).take_while(|(a, b)| a == b).count();
            let gathered = now.split[dim].split_off(common);
            if !gathered.is_empty() {
                x = b.all_gather(x, dim, &self.mesh_axes(&gathered))?;
            }
        }
        if now.split != to.split {
            let mut sizes = b.shape(x);
            let mut starts = Vec::with_capacity(shape.len());
            for (dim, size) in sizes.iter_mut().enumerate() {
                let rest = to.split[dim][now.split[dim].len()..].to_vec();
                *size /= self.context.view.parts(&rest);
                starts.push(match rest.is_empty() {
                    true => b.scalar(DType::I32, 0.0)?,
                    false => self.start(&rest, *size)?,
                });
            }
            x = b.dynamic_slice(x, &starts, &sizes)?;
        }
        // The first device of a group has all of what is to be a sum in parts, the others nothing.
        let new: Axes = to.partial.iter().copied().filter(|axis| !from.partial.contains(axis)).collect();
        if !new.is_empty() {
            let position = self.position(&new)?;
            let first = b.compare(Comparison::Eq, position, b.scalar(DType::I32, 0.0)?)?;
            let first = b.broadcast(first, &b.shape(x), &[])?;
            x = b.select(first, x, b.full(&b.ty(x), 0.0)?)?;
        }
        Ok(x)
    }

    /// An op with one result, on what this device has of the operands.
    fn operation(&mut self, node: &Node, decision: &Decision, operands: &[Tensor]) -> Result<Tensor, Error> {
        let b = self.b;
        let local = self.local_type(node.results[0], &decision.result).shape;
        let one = |op: Op| -> Result<Tensor, Error> { Ok(b.op(op, operands)?[0]) };
        let layout = &decision.operands;
        match &node.op {
            Op::Shard { .. } => Ok(operands[0]),
            Op::Reshape { .. } => Ok(b.reshape(operands[0], &local)?),
            Op::Slice { starts, limits, strides } => {
                let shape = &self.function.ty(node.operands[0]).shape;
                let limits = limits.iter().enumerate();
                let limits = limits
                    .map(|(dim, &limit)| if limit == shape[dim] { b.shape(operands[0])[dim] } else { limit });
                let (starts, limits, strides) = (starts.clone(), limits.collect(), strides.clone());
                one(Op::Slice { starts, limits, strides })
            }
            Op::DynamicSlice { .. } => one(Op::DynamicSlice { sizes: local }),
            Op::Reduce { kind: kind @ (Reduction::Max | Reduction::Min), dims } => {
                let reduced = one(node.op.clone())?;
                let axes: Axes = dims.iter().flat_map(|&dim| layout[0].split[dim].iter().copied()).collect();
                if axes.is_empty() {
                    return Ok(reduced);
                }
                Ok(b.all_reduce(*kind, reduced, &self.mesh_axes(&axes))?)
            }
            Op::Take if !layout[0].split[0].is_empty() => {
                let rows = self.function.ty(node.operands[0]).shape[0];
                self.take_part(operands, rows, &layout[0].split[0])
            }
            Op::ScatterAdd if !layout[0].split[0].is_empty() => {
                let start = self.start(&layout[0].split[0], b.shape(operands[0])[0])?;
                // Rows of other devices fall out of this one's range, and so are dropped.
                let rows = self.function.ty(node.operands[0]).shape[0];
                let indices = b.sub(self.row_numbers(operands[1], rows)?, start)?;
                Ok(b.scatter_add(operands[0], indices, operands[2])?)
            }
            // What the op says does not depend on how much of the operands a device has.
            Op::Constant(_)
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Select
            | Op::Convert(_)
            | Op::Bitcast(_)
            | Op::Transpose { .. }
            | Op::Pad { .. }
            | Op::Concatenate { .. }
            | Op::Reverse { .. }
            | Op::Dot { .. }
            | Op::Reduce { kind: Reduction::Sum | Reduction::And | Reduction::Or, .. }
            | Op::Take
            | Op::ScatterAdd
            | Op::DynamicUpdateSlice
            | Op::Barrier
            | Op::StopGradient
            | Op::Name(_)
            | Op::AxisIndex { .. }
            | Op::AllReduce { .. }
            | Op::Permute { .. } => one(node.op.clone()),
            // Recomputable, and so made where they are read; refused; or emitted elsewhere.
            Op::Iota { .. }
            | Op::Broadcast { .. }
            | Op::AllGather { .. }
            | Op::ReduceScatter { .. }
            | Op::AllToAll { .. }
            | Op::Scan(_) => Err(Error::Unknown { value: node.results[0].0 }),
        }
    }

    /// Row numbers as int32. Those that it has no room for lie outside of a table of `rows` rows, on the same side as before.
    fn row_numbers(&self, indices: Tensor, rows: usize) -> Result<Tensor, Error> {
        let b = self.b;
        let dtype = b.dtype(indices);
        let below = |value: Tensor| b.min(value, b.scalar(dtype, rows as f64)?);
        let indices = match dtype {
            DType::U32 => below(indices)?,
            DType::I64 => b.max(below(indices)?, b.scalar(dtype, -1.0)?)?,
            DType::Pred | DType::U8 | DType::I32 => indices,
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => indices,
        };
        Ok(b.convert(indices, DType::I32)?)
    }

    /// The rows of a table of `rows` rows that this device's part of it has, zeros for the others.
    fn take_part(&mut self, operands: &[Tensor], rows: usize, axes: &[usize]) -> Result<Tensor, Error> {
        let b = self.b;
        let here = b.shape(operands[0])[0];
        let number = |value: usize| b.scalar(DType::I32, value as f64);
        let wanted = self.row_numbers(operands[1], rows)?;
        let wanted = b.min(b.max(wanted, number(0)?)?, number(rows - 1)?)?;
        let index = b.sub(wanted, self.start(axes, here)?)?;
        let inside = b.and(
            b.compare(Comparison::Ge, index, number(0)?)?,
            b.compare(Comparison::Lt, index, number(here)?)?,
        )?;
        let taken = b.take(operands[0], index)?;
        let dims: Vec<usize> = (0..b.shape(inside).len()).collect();
        let inside = b.broadcast(inside, &b.shape(taken), &dims)?;
        Ok(b.select(inside, taken, b.full(&b.ty(taken), 0.0)?)?)
    }

    fn scan(
        &mut self,
        node: &Node,
        scan: &Scan,
        operands: &[MeshLayout],
        params: &[MeshLayout],
        body: &Analysis,
    ) -> Result<(), Error> {
        let values: Vec<Tensor> = node
            .operands
            .iter()
            .zip(operands)
            .map(|(&value, layout)| self.get(value, layout))
            .collect::<Result<_, _>>()?;
        let body = emit(self.context, &scan.body, body, params)?;
        let local = Scan { body, remat: scan.remat.clone(), ..*scan };
        let results = self.b.op(Op::Scan(Box::new(local)), &values)?;
        for (&value, tensor) in node.results.iter().zip(results) {
            let layout = self.analysis.layout(value)?;
            self.keep(value, layout, tensor);
        }
        Ok(())
    }
}
