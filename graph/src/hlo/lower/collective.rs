//! Operations by which devices exchange values, and the device's position.

use super::ops::reducer;
use super::{Body, Lowering, Site, array, longs};
use crate::dtype::{DType, TensorType};
use crate::hlo::proto::{Instruction, IotaReplicaGroupList, ReplicaGroup, SourceTarget};
use crate::literal::Literal;
use crate::mesh::MeshAxis;
use crate::op::{Op, Reduction};

impl Lowering {
    /// Lowers an operation that depends on the device or communicates.
    pub(super) fn collective(&mut self, body: &mut Body, site: &Site<'_>, op: &Op) -> i64 {
        let (name, dtype, result) = (site.op_name.as_str(), site.result.dtype, array(site.result));
        match op {
            Op::AllReduce { kind, axes } => {
                let combiner = self.combiner(reducer(*kind), dtype);
                let devices = self.devices(axes, true);
                self.emit(body, name, "all-reduce", result, &site.operands, |i| {
                    devices(i);
                    i.called_computation_ids = vec![combiner];
                })
            }
            Op::ReduceScatter { dim, axes } => {
                let combiner = self.combiner(reducer(Reduction::Sum), dtype);
                let devices = self.devices(axes, true);
                self.emit(body, name, "reduce-scatter", result, &site.operands, |i| {
                    devices(i);
                    i.dimensions = vec![*dim as i64];
                    i.called_computation_ids = vec![combiner];
                })
            }
            Op::AllGather { dim, axes } => {
                let devices = self.devices(axes, true);
                self.emit(body, name, "all-gather", result, &site.operands, |i| {
                    devices(i);
                    i.dimensions = vec![*dim as i64];
                })
            }
            Op::AllToAll { split, concat, axes } => self.all_to_all(body, site, *split, *concat, axes),
            Op::Permute { axis, shift } => self.permute(body, site, axis, *shift),
            Op::AxisIndex { axis } => self.axis_index(body, site, axis),
            _ => unreachable!("only ops of a mesh are lowered here"),
        }
    }

    /// What names the groups along axes in an instruction.
    fn devices(
        &mut self,
        axes: &[MeshAxis],
        use_global_device_ids: bool,
    ) -> impl FnOnce(&mut Instruction) + use<> {
        self.channels += 1;
        let channel = self.channels;
        let groups = self.mesh.groups(axes);
        let (count, members) = (groups.len(), groups.first().map_or(0, Vec::len));
        let dim = |axis: &MeshAxis| self.mesh.axes.iter().position(|other| other.name == axis.name);
        let others = self.mesh.axes.iter().filter(|axis| !axes.contains(axis));
        let permutation: Vec<i32> = others.chain(axes).filter_map(dim).map(|dim| dim as i32).collect();
        let (shape, permutation) = match permutation.is_sorted() {
            // In this order nothing is to be transposed.
            true => (vec![self.mesh.devices() as i64], vec![0]),
            false => (self.mesh.axes.iter().map(|axis| axis.size as i64).collect(), permutation),
        };
        let iota = IotaReplicaGroupList {
            num_replica_groups: count as i64,
            num_devices_per_group: members as i64,
            iota_reshape_dims: shape,
            iota_transpose_perm: permutation,
        };
        let groups: Vec<_> = groups.iter().map(|group| ReplicaGroup { replica_ids: longs(group) }).collect();
        move |instruction| {
            instruction.channel_id = channel;
            instruction.use_global_device_ids = use_global_device_ids;
            instruction.replica_groups = groups;
            instruction.iota_replica_group_list = Some(iota);
        }
    }

    /// HLO's operation joins along the dimension that it cuts; the parts are then moved where they belong.
    fn all_to_all(
        &mut self,
        body: &mut Body,
        site: &Site<'_>,
        split: usize,
        concat: usize,
        axes: &[MeshAxis],
    ) -> i64 {
        let (name, operand) = (site.op_name.as_str(), site.types[0]);
        let devices = self.devices(axes, false);
        let exchanged = self.emit(body, name, "all-to-all", array(operand), &site.operands, |i| {
            devices(i);
            i.dimensions = vec![split as i64];
        });
        if split == concat {
            return exchanged;
        }
        let members: usize = axes.iter().map(|axis| axis.size).product();
        let mut shape = operand.shape.clone();
        shape[split] /= members;
        shape.insert(split, members);
        let apart = TensorType::new(operand.dtype, shape);
        let parts = self.emit(body, name, "reshape", array(&apart), &[exchanged], |_| {});
        let mut permutation: Vec<usize> = (0..apart.rank()).filter(|&dim| dim != split).collect();
        permutation.insert(concat, split);
        let shape: Vec<usize> = permutation.iter().map(|&dim| apart.shape[dim]).collect();
        let moved = array(&TensorType::new(operand.dtype, shape));
        let moved =
            self.emit(body, name, "transpose", moved, &[parts], |i| i.dimensions = longs(&permutation));
        self.emit(body, name, "reshape", array(site.result), &[moved], |_| {})
    }

    fn permute(&mut self, body: &mut Body, site: &Site<'_>, axis: &MeshAxis, shift: i64) -> i64 {
        let (name, result) = (site.op_name.as_str(), array(site.result));
        let pairs = self.mesh.shifted(axis, shift);
        if pairs.is_empty() {
            let zero = self.constant(body, name, &Literal::scalar(site.result.dtype, 0.0));
            return self.emit(body, name, "broadcast", result, &[zero], |_| {});
        }
        self.channels += 1;
        let channel = self.channels;
        self.emit(body, name, "collective-permute", result, &site.operands, |i| {
            i.channel_id = channel;
            let pair = |(source, target)| SourceTarget { source: source as i64, target: target as i64 };
            i.source_target_pairs = pairs.into_iter().map(pair).collect();
        })
    }

    /// The device's number, taken apart.
    fn axis_index(&mut self, body: &mut Body, site: &Site<'_>, axis: &MeshAxis) -> i64 {
        let name = site.op_name.as_str();
        if axis.size <= 1 {
            return self.constant(body, name, &Literal::scalar(DType::I32, 0.0));
        }
        let stride = self.mesh.stride(&axis.name).unwrap_or(1);
        let shape = array(&TensorType::scalar(DType::U32));
        let mut number = self.emit(body, name, "partition-id", shape.clone(), &[], |_| {});
        for (opcode, by) in [("divide", stride), ("remainder", axis.size)] {
            let by = self.constant(body, name, &Literal::scalar(DType::U32, by as f64));
            number = self.emit(body, name, opcode, shape.clone(), &[number, by], |_| {});
        }
        self.emit(body, name, "convert", array(site.result), &[number], |_| {})
    }
}
