//! Replica groups: the devices that take part in a collective operation together.

use super::proto::{Instruction, IotaReplicaGroupList, MeshAxesReplicaGroupList, ReplicaGroup};

/// The groups of positions in the program's list of devices. Without any, all of them are one group.
pub(super) fn groups(instruction: &Instruction, devices: usize) -> Vec<Vec<usize>> {
    let listed = |groups: &[ReplicaGroup]| -> Vec<Vec<usize>> {
        let member = |&id: &i64| usize::try_from(id).unwrap_or(usize::MAX);
        groups.iter().map(|group| group.replica_ids.iter().map(member).collect()).collect()
    };
    let list = instruction.collective_device_list.as_ref();
    let iota = list.and_then(|list| list.iota_replica_group_list.as_ref());
    let groups = if let Some(mesh) = &instruction.mesh_axes_replica_group_list {
        of_mesh(mesh, devices)
    } else if let Some(iota) = instruction.iota_replica_group_list.as_ref().or(iota) {
        of_iota(iota, devices)
    } else {
        let in_list = list.map(|list| list.replica_groups.as_slice()).filter(|groups| !groups.is_empty());
        listed(in_list.unwrap_or(&instruction.replica_groups))
    };
    if groups.iter().all(Vec::is_empty) { vec![(0..devices).collect()] } else { groups }
}

/// 0, 1, 2, … reshaped, transposed and cut. None that name devices which are not there.
fn of_iota(iota: &IotaReplicaGroupList, devices: usize) -> Vec<Vec<usize>> {
    let sizes = sizes(iota.iota_reshape_dims.iter().copied());
    let order: Vec<usize> = if iota.iota_transpose_perm.is_empty() {
        (0..sizes.len()).collect()
    } else {
        iota.iota_transpose_perm.iter().map(|&axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect()
    };
    let width = usize::try_from(iota.num_devices_per_group).unwrap_or(0);
    cut(&sizes, &order, width, devices)
}

/// One group for each position on the axes that are not named; members ordered by the named axes, first axis major.
fn of_mesh(list: &MeshAxesReplicaGroupList, devices: usize) -> Vec<Vec<usize>> {
    let Some(mesh) = &list.mesh else { return Vec::new() };
    // Each axis is a product of factors, cut where the named parts of axes begin and end.
    let (mut factors, mut axis_of, mut span_of) = (Vec::new(), Vec::new(), Vec::new());
    for (index, axis) in mesh.axes.iter().enumerate() {
        let parts = list.axes.iter().filter(|part| part.mesh_axis_index == index as i64);
        let mut cuts = vec![1, axis.size];
        for part in parts.filter_map(|part| part.sub_axis_info.as_ref()) {
            cuts.extend([part.pre_size, part.pre_size.saturating_mul(part.size)]);
        }
        cuts.sort_unstable();
        cuts.dedup();
        for pair in cuts.windows(2) {
            factors.push(pair[1].checked_div(pair[0]).unwrap_or(0));
            axis_of.push(index as i64);
            span_of.push((pair[0], pair[1]));
        }
    }
    let mut named = Vec::new();
    for part in &list.axes {
        let within = |factor: &usize| {
            axis_of[*factor] == part.mesh_axis_index
                && part.sub_axis_info.as_ref().is_none_or(|sub| {
                    let end = sub.pre_size.saturating_mul(sub.size);
                    span_of[*factor].0 >= sub.pre_size && span_of[*factor].1 <= end
                })
        };
        named.extend((0..factors.len()).filter(within));
    }
    let sizes = sizes(factors.into_iter());
    let width = named.iter().map(|&factor| sizes[factor]).product();
    let rest = (0..sizes.len()).filter(|factor| !named.contains(factor));
    let order: Vec<usize> = rest.chain(named.iter().copied()).collect();
    let mut groups = cut(&sizes, &order, width, devices);
    if !mesh.device_ids.is_empty() {
        for member in groups.iter_mut().flatten() {
            let id = mesh.device_ids.get(*member).and_then(|&id| usize::try_from(id).ok());
            *member = id.unwrap_or(usize::MAX);
        }
    }
    groups
}

fn sizes(sizes: impl Iterator<Item = i64>) -> Vec<usize> {
    sizes.map(|size| usize::try_from(size).unwrap_or(0)).collect()
}

/// The numbers of an array of `sizes`, read with its axes in another order, in groups of `width`.
fn cut(sizes: &[usize], order: &[usize], width: usize, devices: usize) -> Vec<Vec<usize>> {
    let total = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size)).unwrap_or(0);
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if total == 0 || total > devices || width == 0 || !sorted.into_iter().eq(0..sizes.len()) {
        return Vec::new();
    }
    let strides: Vec<usize> = (0..sizes.len()).map(|axis| sizes[axis + 1..].iter().product()).collect();
    let number = |position: usize| {
        let mut rest = position;
        let mut number = 0;
        for &axis in order.iter().rev() {
            number += rest % sizes[axis] * strides[axis];
            rest /= sizes[axis];
        }
        number
    };
    let numbers: Vec<usize> = (0..total).map(number).collect();
    numbers.chunks(width).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aot::proto::{AxisRef, CollectiveDeviceList, Mesh, MeshAxis, SubAxis};

    fn check(instruction: Instruction, devices: usize, expected: &[&[usize]]) {
        assert_eq!(groups(&instruction, devices), expected);
    }

    fn iota(per_group: i64, dims: &[i64], order: &[i32]) -> Instruction {
        let list = IotaReplicaGroupList {
            num_replica_groups: 0,
            num_devices_per_group: per_group,
            iota_reshape_dims: dims.to_vec(),
            iota_transpose_perm: order.to_vec(),
        };
        Instruction { iota_replica_group_list: Some(list), ..Default::default() }
    }

    fn mesh(axes: &[(i64, Option<(i64, i64)>)], device_ids: &[i64]) -> Instruction {
        let axis = |(name, size): (&str, i64)| MeshAxis { name: name.into(), size };
        let part = |&(index, sub): &(i64, Option<(i64, i64)>)| AxisRef {
            mesh_axis_index: index,
            sub_axis_info: sub.map(|(pre_size, size)| SubAxis { pre_size, size }),
        };
        let mesh =
            Mesh { axes: [("data", 2), ("model", 4)].map(axis).to_vec(), device_ids: device_ids.to_vec() };
        let list = MeshAxesReplicaGroupList { mesh: Some(mesh), axes: axes.iter().map(part).collect() };
        Instruction { mesh_axes_replica_group_list: Some(list), ..Default::default() }
    }

    #[test]
    fn groups_are_read_in_every_form() {
        check(Instruction::default(), 3, &[&[0, 1, 2]]);
        let replica_groups = [[2, 0], [1, 3]].map(|ids| ReplicaGroup { replica_ids: ids.to_vec() }).to_vec();
        let listed = Instruction { replica_groups: replica_groups.clone(), ..Default::default() };
        check(listed, 4, &[&[2, 0], &[1, 3]]);
        let list = CollectiveDeviceList { replica_groups, ..Default::default() };
        let listed = Instruction { collective_device_list: Some(list), ..Default::default() };
        check(listed, 4, &[&[2, 0], &[1, 3]]);
        check(iota(4, &[8], &[]), 8, &[&[0, 1, 2, 3], &[4, 5, 6, 7]]);
        check(iota(2, &[2, 4], &[1, 0]), 8, &[&[0, 4], &[1, 5], &[2, 6], &[3, 7]]);
        check(mesh(&[(0, None)], &[]), 8, &[&[0, 4], &[1, 5], &[2, 6], &[3, 7]]);
        check(mesh(&[(1, None)], &[]), 8, &[&[0, 1, 2, 3], &[4, 5, 6, 7]]);
        check(mesh(&[(1, None), (0, None)], &[]), 8, &[&[0, 4, 1, 5, 2, 6, 3, 7]]);
        check(mesh(&[(1, Some((1, 2)))], &[]), 8, &[&[0, 2], &[1, 3], &[4, 6], &[5, 7]]);
        check(mesh(&[(1, Some((2, 2)))], &[]), 8, &[&[0, 1], &[2, 3], &[4, 5], &[6, 7]]);
        check(mesh(&[(0, None)], &[7, 6, 5, 4, 3, 2, 1, 0]), 8, &[&[7, 3], &[6, 2], &[5, 1], &[4, 0]]);
    }

    #[test]
    fn what_makes_no_sense_is_one_group_of_all() {
        check(iota(2, &[3, -4], &[]), 4, &[&[0, 1, 2, 3]]);
        check(iota(2, &[2, 2], &[0, 0]), 4, &[&[0, 1, 2, 3]]);
        check(mesh(&[(1, Some((0, 0)))], &[]), 2, &[&[0, 1]]);
    }
}
