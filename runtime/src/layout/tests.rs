use graph::{DType, Mesh, MeshAxis, Split, TensorType};
use proptest::prelude::*;

use super::DeviceLayout;

fn mesh(axes: &[(&str, usize)]) -> Mesh {
    Mesh { axes: axes.iter().map(|&(name, size)| MeshAxis { name: name.into(), size }).collect() }
}

fn split(dims: &[&[&str]]) -> Split {
    dims.iter().map(|axes| axes.iter().map(|&axis| axis.to_owned()).collect()).collect()
}

fn layout(axes: &[(&str, usize)], dims: &[&[&str]]) -> DeviceLayout {
    DeviceLayout::new(&mesh(axes), split(dims)).unwrap()
}

/// The parts of the array 0, 1, 2 … of a shape, by position of the mesh.
fn parts(layout: &DeviceLayout, shape: &[usize]) -> Vec<Vec<u8>> {
    let whole = TensorType::new(DType::U8, shape);
    let bytes: Vec<u8> = (0..whole.elements() as u8).collect();
    let cut = |position| {
        let mut part = vec![0; layout.shard_type(&whole).unwrap().bytes()];
        layout.cut(&whole, &bytes, position, &mut part).unwrap();
        part
    };
    (0..layout.devices().len()).map(cut).collect()
}

#[test]
fn positions_count_with_the_last_axis_fastest() {
    let two_by_two = [("data", 2), ("model", 2)];
    // 0 1 2 3
    // 4 5 6 7
    let shape = [2, 4];
    let check = |dims: &[&[&str]], expected: [&[u8]; 4]| {
        assert_eq!(parts(&layout(&two_by_two, dims), &shape), expected);
    };
    check(&[&[], &[]], [&[0, 1, 2, 3, 4, 5, 6, 7]; 4]);
    check(&[&["data"], &[]], [&[0, 1, 2, 3], &[0, 1, 2, 3], &[4, 5, 6, 7], &[4, 5, 6, 7]]);
    check(&[&["model"], &[]], [&[0, 1, 2, 3], &[4, 5, 6, 7], &[0, 1, 2, 3], &[4, 5, 6, 7]]);
    check(&[&["data"], &["model"]], [&[0, 1], &[2, 3], &[4, 5], &[6, 7]]);
    check(&[&["model"], &["data"]], [&[0, 1], &[4, 5], &[2, 3], &[6, 7]]);
    check(&[&[], &["data", "model"]], [&[0, 4], &[1, 5], &[2, 6], &[3, 7]]);
    check(&[&[], &["model", "data"]], [&[0, 4], &[2, 6], &[1, 5], &[3, 7]]);
}

#[test]
fn each_part_is_read_once() {
    let axes = [("stage", 2), ("data", 3), ("model", 2)];
    let check = |dims: &[&[&str]], expected: &[usize]| assert_eq!(layout(&axes, dims).owners(), expected);
    check(&[], &[0]);
    check(&[&[]], &[0]);
    check(&[&["data"]], &[0, 2, 4]);
    check(&[&["model"], &["stage"]], &[0, 1, 6, 7]);
    check(&[&["stage", "model"], &["data"]], &(0..12).collect::<Vec<_>>());
    assert_eq!(DeviceLayout::single(2).owners(), [0]);
}

#[test]
fn layouts_that_place_alike_need_not_be_written_alike() {
    let axes = [("data", 2), ("model", 2)];
    let by = |dims| layout(&axes, dims);
    let alike =
        |a: &DeviceLayout, b: &DeviceLayout| assert!(a.places_like(b) && b.places_like(a), "{a} and {b}");
    let apart =
        |a: &DeviceLayout, b: &DeviceLayout| assert!(!a.places_like(b) && !b.places_like(a), "{a} and {b}");
    alike(&by(&[&["data", "model"]]), &layout(&[("all", 4)], &[&["all"]]));
    alike(&by(&[&["data"]]), &layout(&[("x", 2), ("y", 2), ("z", 1)], &[&["z", "x"]]));
    alike(&DeviceLayout::single(2), &layout(&[("data", 1)], &[&["data"], &[]]));
    apart(&by(&[&["data"]]), &by(&[&["model"]]));
    apart(&by(&[&["data", "model"]]), &by(&[&["model", "data"]]));
    apart(&by(&[&[]]), &DeviceLayout::single(1));
    apart(&by(&[&[]]), &by(&[&[], &[]]));
    apart(&by(&[&["data"]]), &by(&[&["data"]]).on_devices(&[1, 0, 2, 3]).unwrap());
}

#[test]
fn impossible_layouts_say_why() {
    let axes = [("data", 4), ("model", 2)];
    let refused = |axes: &[(&str, usize)], dims: &[&[&str]], expected: &str| {
        let error = DeviceLayout::new(&mesh(axes), split(dims)).unwrap_err();
        assert_eq!(error.to_string(), format!("impossible layout: {expected}"));
    };
    refused(&axes, &[&["expert"]], "axis `expert` is not one of the mesh data=4,model=2");
    refused(&axes, &[&["data"], &["data"]], "axis `data` splits more than once");
    refused(&[("data", 0)], &[], "axis `data` of the mesh has no devices");
    refused(&[("a", 1), ("a", 2)], &[], "axis `a` is twice in the mesh a=1,a=2");

    let by_both = layout(&axes, &[&["data", "model"], &[]]);
    let check = |result: crate::Result<()>, expected: &str| {
        assert_eq!(result.unwrap_err().to_string(), format!("impossible layout: {expected}"));
    };
    let shape = |shape: &[usize]| TensorType::new(DType::F32, shape);
    check(
        by_both.shard_type(&shape(&[12, 3])).map(drop),
        "dimension 0 of f32[12,3] does not split into 8 equal parts ([data+model, -] over data=4,model=2)",
    );
    check(
        by_both.shard_type(&shape(&[8])).map(drop),
        "f32[8] in a layout for 2 dimensions ([data+model, -] over data=4,model=2)",
    );
    check(by_both.cut(&shape(&[8, 1]), &[0; 31], 0, &mut [0; 4]), "f32[8,1] takes 32 bytes, got 31");
    check(by_both.cut(&shape(&[8, 1]), &[0; 32], 0, &mut [0; 8]), "f32[1,1] takes 4 bytes, got 8");
    check(by_both.cut(&shape(&[8, 1]), &[0; 32], 8, &mut [0; 4]), "position 8 of a mesh data=4,model=2");
    let on = |devices: &[usize]| layout(&axes, &[&[]]).on_devices(devices).map(drop);
    check(on(&[0, 1]), "2 devices for the 8 positions of data=4,model=2");
    check(on(&[0, 1, 2, 3, 4, 5, 6, 6]), "device 6 is at two positions of data=4,model=2");
}

#[test]
fn layouts_print_what_is_split_over_what() {
    let axes = [("stage", 2), ("data", 2)];
    assert_eq!(
        layout(&axes, &[&["data"], &[], &["stage"]]).to_string(),
        "[data, -, stage] over stage=2,data=2"
    );
    assert_eq!(layout(&axes, &[&["data", "stage"]]).to_string(), "[data+stage] over stage=2,data=2");
    assert_eq!(DeviceLayout::single(3).to_string(), "on one device");
    let swapped = layout(&[("data", 2)], &[&["data"]]).on_devices(&[1, 0]).unwrap();
    assert_eq!(swapped.to_string(), "[data] over data=2 on devices [1, 0]");
}

/// A mesh, which dimension each of its axes splits if any, in which order, and the shape of a part.
fn settings() -> impl Strategy<Value = (DeviceLayout, TensorType)> {
    let axes = prop::collection::vec((1usize..4, prop::option::of(0usize..4)), 0..4);
    let shard = prop::collection::vec(0usize..4, 0..4);
    let dtype = prop::sample::select(vec![DType::U8, DType::BF16, DType::F32, DType::F64]);
    (axes, shard, dtype, any::<prop::sample::Index>()).prop_map(|(axes, shard, dtype, rotation)| {
        let names = ["a", "b", "c", "d"];
        let sizes: Vec<_> = names.iter().zip(&axes).map(|(&name, &(size, _))| (name, size)).collect();
        let mut split: Split = vec![Vec::new(); shard.len()];
        for (name, (_, dim)) in names.iter().zip(&axes) {
            if let Some(axes) = dim.and_then(|dim| split.get_mut(dim)) {
                // Not only in the order of the mesh.
                axes.insert(rotation.index(axes.len() + 1), (*name).to_owned());
            }
        }
        let layout = DeviceLayout::new(&mesh(&sizes), split).unwrap();
        let whole = layout.whole_type(&TensorType::new(dtype, shard)).unwrap();
        (layout, whole)
    })
}

/// Where in the whole array an element of a part lies, from the definition: index by index.
fn element(layout: &DeviceLayout, whole: &TensorType, position: usize, mut element: usize) -> usize {
    let axes = &layout.mesh().axes;
    let coordinate = |name: &String| {
        let axis = axes.iter().position(|axis| axis.name == *name).unwrap();
        let inner: usize = axes[axis + 1..].iter().map(|axis| axis.size).product();
        (position / inner % axes[axis].size, axes[axis].size)
    };
    let shard = layout.shard_type(whole).unwrap().shape;
    let mut index = vec![0; shard.len()];
    for dim in (0..shard.len()).rev() {
        index[dim] = element % shard[dim];
        element /= shard[dim];
        let part = layout.split()[dim].iter().map(coordinate).fold(0, |part, (i, size)| part * size + i);
        index[dim] += part * shard[dim];
    }
    index.iter().zip(&whole.shape).fold(0, |flat, (index, size)| flat * size + index)
}

proptest! {
    #[test]
    fn parts_hold_the_elements_that_the_definition_gives_them((layout, whole) in settings()) {
        let width = whole.dtype.size();
        let bytes: Vec<u8> = (0..whole.bytes()).map(|byte| byte as u8).collect();
        let shard = layout.shard_type(&whole).unwrap();
        for position in 0..layout.devices().len() {
            let mut part = vec![0; shard.bytes()];
            layout.cut(&whole, &bytes, position, &mut part).unwrap();
            for (index, got) in part.chunks_exact(width).enumerate() {
                let from = element(&layout, &whole, position, index) * width;
                prop_assert_eq!(got, &bytes[from..from + width]);
            }
        }
    }

    #[test]
    fn joining_the_parts_of_the_owners_gives_the_whole((layout, whole) in settings()) {
        let bytes: Vec<u8> = (0..whole.bytes()).map(|byte| (byte * 7 + 1) as u8).collect();
        let shard = layout.shard_type(&whole).unwrap();
        let mut joined = vec![0; bytes.len()];
        let owners = layout.owners();
        for &position in &owners {
            let mut part = vec![0; shard.bytes()];
            layout.cut(&whole, &bytes, position, &mut part).unwrap();
            layout.join(&whole, &mut joined, position, &part).unwrap();
        }
        prop_assert_eq!(joined, bytes);
        // No part is read twice.
        prop_assert_eq!(owners.len() * shard.bytes(), whole.bytes());
    }
}
