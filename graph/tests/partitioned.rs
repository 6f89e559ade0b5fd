//! Laws of functions on meshes, on the interpreter.

use graph::testing::Random;
use graph::{
    BuildResult, Builder, DType, Literal, Mesh, MeshAxis, Partitioned, Reduction, Split, Tensor, TensorType,
    interpret_partitioned,
};
use proptest::prelude::*;

/// One of several meshes, with its axes in one of the possible orders.
fn random_mesh(random: &mut Random) -> Mesh {
    let mut axes = Vec::new();
    for name in ["stage", "data", "model"] {
        axes.insert(random.below(axes.len() + 1), MeshAxis { name: name.into(), size: 1 + random.below(3) });
    }
    Mesh { axes }
}

/// Some axes of the mesh, at least one, in any order.
fn random_group(random: &mut Random, mesh: &Mesh) -> Vec<MeshAxis> {
    let mut axes = mesh.axes.clone();
    (0..random.below(3)).for_each(|_| _ = axes.swap_remove(random.below(axes.len())));
    let last = random.below(axes.len());
    axes.swap(0, last);
    axes
}

fn names(axes: &[MeshAxis]) -> Vec<String> {
    axes.iter().map(|axis| axis.name.clone()).collect()
}

/// All axes of the mesh that are not in the group.
fn others(mesh: &Mesh, group: &[MeshAxis]) -> Vec<String> {
    names(&mesh.axes).into_iter().filter(|name| !names(group).contains(name)).collect()
}

fn size(axes: &[MeshAxis]) -> usize {
    axes.iter().map(|axis| axis.size).product()
}

/// Runs `body` on parts of a whole input split in one way, and joins outputs split in another.
fn run(
    mesh: &Mesh,
    input: &Literal,
    [from, to]: [Split; 2],
    body: impl Fn(&Builder, Tensor) -> BuildResult,
) -> Literal {
    let mut part = input.ty().clone();
    part.shape.iter_mut().zip(&from).for_each(|(size, axes)| *size /= mesh.parts(axes).unwrap());
    let b = Builder::new("law");
    let x = b.param("x", part, &[]);
    b.output("y", body(&b, x).unwrap());
    let function = b.finish().unwrap();
    let program = Partitioned { function, mesh: mesh.clone(), params: vec![from], results: vec![to] };
    interpret_partitioned(&program, std::slice::from_ref(input)).unwrap().remove(0)
}

/// A whole whose first dimension falls into parts for every device, and its second for a group; small integers, of
/// which every sum is exact.
fn whole(random: &mut Random, mesh: &Mesh, group: &[MeshAxis]) -> Literal {
    let dtype = random.pick(&[DType::F32, DType::BF16, DType::I32, DType::U8]);
    let ty = TensorType::new(dtype, [mesh.devices() * size(group), 2 * size(group)]);
    let values: Vec<i64> = (0..ty.elements()).map(|_| random.below(5) as i64).collect();
    let made = match dtype.is_float() {
        true => Literal::from_floats(ty, values.iter().map(|&value| value as f64).collect()),
        false => Literal::from_ints(ty, values),
    };
    made.unwrap()
}

/// A split of the first dimension over all devices, of which the group's axes are minor, and one over the others only.
fn rows(mesh: &Mesh, group: &[MeshAxis]) -> [Split; 2] {
    let (outer, inner) = (others(mesh, group), names(group));
    [vec![[outer.clone(), inner].concat(), Vec::new()], vec![outer, Vec::new()]]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_split_and_joined_is_the_same(seed: u64) {
        let mut random = Random::new(seed);
        let mesh = random_mesh(&mut random);
        let group = random_group(&mut random, &mesh);
        let x = whole(&mut random, &mesh, &group);
        let [all, outer] = rows(&mesh, &group);
        let both = vec![outer[0].clone(), names(&group)];
        for split in [all, outer, both] {
            prop_assert_eq!(&run(&mesh, &x, [split.clone(), split], |_, x| Ok(x)), &x);
        }
    }

    #[test]
    fn gathering_parts_gives_the_whole(seed: u64) {
        let mut random = Random::new(seed);
        let mesh = random_mesh(&mut random);
        let group = random_group(&mut random, &mesh);
        let x = whole(&mut random, &mesh, &group);
        prop_assert_eq!(&run(&mesh, &x, rows(&mesh, &group), |b, x| b.all_gather(x, 0, &group)), &x);
    }

    #[test]
    fn scattering_a_sum_gives_parts_of_the_reduction(seed: u64) {
        let mut random = Random::new(seed);
        let mesh = random_mesh(&mut random);
        let group = random_group(&mut random, &mesh);
        let x = whole(&mut random, &mesh, &group);
        let [all, outer] = rows(&mesh, &group);
        let reduce = |b: &Builder, x| b.all_reduce(Reduction::Sum, x, &group);
        let sum = run(&mesh, &x, [all.clone(), outer.clone()], reduce);
        let both = vec![outer[0].clone(), names(&group)];
        let scatter = |b: &Builder, x| b.reduce_scatter(x, 1, &group);
        prop_assert_eq!(run(&mesh, &x, [all, both], scatter), sum);
    }

    #[test]
    fn exchanging_parts_moves_the_split_to_another_dimension(seed: u64) {
        let mut random = Random::new(seed);
        let mesh = random_mesh(&mut random);
        let group = random_group(&mut random, &mesh);
        let x = whole(&mut random, &mesh, &group);
        let [all, outer] = rows(&mesh, &group);
        let both = vec![outer[0].clone(), names(&group)];
        let exchange = |b: &Builder, x| b.all_to_all(x, 1, 0, &group);
        prop_assert_eq!(&run(&mesh, &x, [all.clone(), both.clone()], exchange), &x);
        let back = |b: &Builder, x| b.all_to_all(x, 0, 1, &group);
        prop_assert_eq!(&run(&mesh, &x, [both, all], back), &x);
    }

    #[test]
    fn moving_parts_shifts_rows_and_fills_with_zeros(seed: u64) {
        let mut random = Random::new(seed);
        let mesh = random_mesh(&mut random);
        let axis = random.pick(&mesh.axes);
        let size = axis.size;
        let x = random.literal(&TensorType::new(DType::I32, [size, 2]), true);
        let split = vec![vec![axis.name.clone()], Vec::new()];
        let shift = random.below(2 * size + 1) as i64 - size as i64;
        let moved = run(&mesh, &x, [split.clone(), split], |b, x| b.permute(x, axis.clone(), shift));
        let (before, after) = (x.ints().unwrap(), moved.ints().unwrap());
        for row in 0..size {
            let from = usize::try_from(row as i64 - shift).ok().filter(|&from| from < size);
            for column in 0..2 {
                let expected = from.map_or(0, |from| before[2 * from + column]);
                prop_assert_eq!(after[2 * row + column], expected);
            }
        }
    }
}
