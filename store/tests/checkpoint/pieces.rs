//! Tensors come back as they were saved, in whatever pieces and by however many processes.

use std::fs;

use proptest::prelude::*;
use store::checkpoint::{
    self, Checkpoint, Dtype, Error, LARGEST_FILE, Process, Region, SnapshotTensor, publish, save,
    write_pieces,
};

use crate::common::*;

#[test]
fn what_is_saved_is_what_is_loaded() {
    let setting = Setting::with(&[300]);
    assert_eq!(load(&setting.step(300)), contents(&state(300u64 as u8)));
    let checkpoint = Checkpoint::open(&setting.step(300)).unwrap();
    let manifest = checkpoint.manifest();
    assert_eq!((manifest.step, manifest.tokens, manifest.data.sequences), (300, 307_200, 1200));
    assert_eq!((manifest.config_digest.as_str(), manifest.processes), ("abc", 1));
    assert_eq!(checkpoint.file("config.toml").unwrap(), b"name = \"a\"\n");
    assert_eq!(names(&setting.step(300)), ["config.toml", "manifest.json", "plan.json", SHARD]);
}

#[test]
fn the_files_depend_on_the_contents_alone() {
    let (one, two) = (Setting::with(&[1]), Setting(tempfile::tempdir().unwrap()));
    let mut reversed = state(1);
    reversed.tensors.reverse();
    save(&two.folder(), &description(1), &reversed).unwrap();
    assert_eq!(fs::read(one.step(1).join(SHARD)).unwrap(), fs::read(two.step(1).join(SHARD)).unwrap());
}

/// Three processes, each with the rows that its devices hold; the second one's are cut into several files.
#[test]
fn several_processes_write_one_checkpoint() {
    let setting = Setting::with(&[1]);
    let whole: Vec<u8> = (0..48).collect();
    let share = |process: usize| {
        let rows = &whole[16 * process..][..16];
        let half =
            |second: usize| piece(Dtype::F32, &[2 * process + second, 0], &[1, 2], &rows[8 * second..][..8]);
        let split = vec![vec!["data".to_owned()], vec![]];
        let w = SnapshotTensor {
            name: "w".into(),
            dtype: Dtype::F32,
            shape: vec![6, 2],
            split: split.clone(),
            pieces: vec![half(0), half(1)],
        };
        // What every device holds, the first process writes.
        let mut bias = tensor("b", Dtype::U8, &[3], &[1, 2, 3]);
        if process > 0 {
            bias.pieces.clear();
        }
        snapshot(vec![w, bias])
    };
    let partial = setting.folder().join(".partial-step-00000002");
    fs::create_dir(&partial).unwrap();
    for index in [2, 0] {
        write_pieces(&partial, Process { index, count: 3 }, &share(index), LARGEST_FILE).unwrap();
    }
    let early = publish(&setting.folder(), &description(2), 3).unwrap_err();
    assert!(early.to_string().contains("pieces-00001-of-00003.json"), "{early}");
    assert_eq!(setting.newest(), (Some(1), vec![]));
    for name in ["config.toml", "plan.json"] {
        fs::remove_file(partial.join(name)).unwrap();
    }
    write_pieces(&partial, Process { index: 1, count: 3 }, &share(1), 8).unwrap();
    let folder = publish(&setting.folder(), &description(2), 3).unwrap();
    assert_eq!(
        names(&folder),
        [
            "config.toml",
            "manifest.json",
            "plan.json",
            "shard-00000-of-00003.safetensors",
            "shard-00001-of-00003.part-001.safetensors",
            "shard-00001-of-00003.safetensors",
            "shard-00002-of-00003.safetensors",
        ]
    );
    let checkpoint = Checkpoint::open(&folder).unwrap();
    assert_eq!(checkpoint.read_whole("w").unwrap(), whole);
    assert_eq!(checkpoint.read_whole("b").unwrap(), [1, 2, 3]);
    assert_eq!(checkpoint.manifest().processes, 3);
    // A column, from all of them.
    let mut column = [0; 24];
    checkpoint.read("w", &Region { offset: vec![0, 1], shape: vec![6, 1] }, &mut column).unwrap();
    assert_eq!(&column[..8], &[4, 5, 6, 7, 12, 13, 14, 15]);

    // A piece that two processes write, or none, is no checkpoint.
    let partial = setting.folder().join(".partial-step-00000003");
    fs::create_dir(&partial).unwrap();
    for index in 0..2 {
        write_pieces(&partial, Process { index, count: 2 }, &share(0), LARGEST_FILE).unwrap();
    }
    let error = publish(&setting.folder(), &description(3), 2).unwrap_err();
    assert!(error.to_string().contains("the pieces of tensor w do not make up its shape [6, 2]"), "{error}");
    assert_eq!(setting.newest(), (Some(2), vec![]));
}

#[test]
fn a_checkpoint_is_converted_and_exported() {
    let setting = Setting::with(&[1]);
    let numbers = [1.0f32, -0.5, 1.0 + 1.0 / 256.0, 3.0e38];
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let state = snapshot(vec![
        tensor("parameters/w", Dtype::F32, &[2, 2], &bytes),
        tensor("adam/m/w", Dtype::F32, &[2, 2], &bytes),
    ]);
    let folder = save(&setting.folder(), &description(2), &state).unwrap();
    let checkpoint = Checkpoint::open(&folder).unwrap();

    let converted = setting.0.path().join("converted");
    checkpoint::convert(&checkpoint, &converted, 2).unwrap();
    assert_eq!(load(&converted), contents(&state));
    let again = Checkpoint::open(&converted).unwrap();
    assert_eq!(again.file("config.toml").unwrap(), checkpoint.file("config.toml").unwrap());
    assert_eq!((again.manifest().step, names(&converted).len()), (2, 5));
    let taken = checkpoint::convert(&checkpoint, &converted, 2).unwrap_err();
    assert!(matches!(taken, Error::Taken { .. }), "{taken}");

    let export = |name: &str, dtype, everything| {
        let path = setting.0.path().join(name);
        checkpoint::export(&checkpoint, &path, dtype, everything).unwrap();
        let file = fs::read(path).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
        let mut all: Vec<_> =
            tensors.iter().map(|(name, t)| (name.to_owned(), t.dtype(), t.data().to_vec())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    assert_eq!(export("a", None, false), [("parameters/w".into(), Dtype::F32, bytes.clone())]);
    // 1 + 2^-8 lies between two numbers with 8 bits, and goes to the even one.
    let narrow: Vec<u8> = [0x3f80u16, 0xbf00, 0x3f80, 0x7f62].iter().flat_map(|n| n.to_le_bytes()).collect();
    assert_eq!(
        export("b", Some(Dtype::BF16), true),
        [("adam/m/w".into(), Dtype::F32, bytes.clone()), ("parameters/w".into(), Dtype::BF16, narrow)]
    );
    assert_eq!(names(setting.0.path()), ["a", "b", "checkpoints", "converted"]);
}

/// A tensor of up to three dimensions, how many equal parts each has when saved, and when read.
fn splits() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    let parts = (1..4usize, 1..4usize, 1..3usize);
    prop::collection::vec(parts.prop_map(|(saved, read, more)| (saved * read * more, saved, read)), 0..4)
}

/// The boxes of equal parts.
fn boxes(dims: &[(usize, usize)]) -> Vec<Region> {
    let mut boxes = vec![Region { offset: vec![], shape: vec![] }];
    for &(size, parts) in dims {
        let extend = |region: &Region| {
            let extended = |part: usize| {
                let mut region = region.clone();
                region.offset.push(part * (size / parts));
                region.shape.push(size / parts);
                region
            };
            (0..parts).map(extended).collect::<Vec<_>>()
        };
        boxes = boxes.iter().flat_map(extend).collect();
    }
    boxes
}

/// The elements of a box of a row-major array whose elements are their own numbers.
fn numbers(shape: &[usize], region: &Region) -> Vec<u8> {
    let mut numbers = vec![0u32];
    for ((&size, &offset), &extent) in shape.iter().zip(&region.offset).zip(&region.shape) {
        let step =
            |&before: &u32| (offset..offset + extent).map(move |index| before * size as u32 + index as u32);
        numbers = numbers.iter().flat_map(step).collect();
    }
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_saved_in_any_parts_is_read_in_any_others(dims in splits(), largest in 1..200usize) {
        let shape: Vec<usize> = dims.iter().map(|dim| dim.0).collect();
        let saved = boxes(&dims.iter().map(|dim| (dim.0, dim.1)).collect::<Vec<_>>());
        let read = boxes(&dims.iter().map(|dim| (dim.0, dim.2)).collect::<Vec<_>>());
        let pieces = saved.iter().map(|region| {
            piece(Dtype::U32, &region.offset, &region.shape, &numbers(&shape, region))
        });
        let w = SnapshotTensor {
            name: "w".into(),
            dtype: Dtype::U32,
            shape: shape.clone(),
            split: vec![vec![]; shape.len()],
            pieces: pieces.collect(),
        };
        let setting = Setting(tempfile::tempdir().unwrap());
        let partial = setting.folder().join(".partial-step-00000001");
        fs::create_dir_all(&partial).unwrap();
        write_pieces(&partial, Process::ALONE, &snapshot(vec![w]), largest).unwrap();
        let folder = publish(&setting.folder(), &description(1), 1).unwrap();
        let checkpoint = Checkpoint::open(&folder).unwrap();
        for region in read {
            let expected = numbers(&shape, &region);
            let mut got = vec![0; expected.len()];
            checkpoint.read("w", &region, &mut got).unwrap();
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn any_tensors_come_back_bit_by_bit(
        shapes in prop::collection::vec((0..4usize, prop::collection::vec(0..5usize, 0..4)), 0..6), seed in any::<u8>(),
    ) {
        let dtypes = [Dtype::F32, Dtype::BF16, Dtype::I64, Dtype::U8];
        let all = snapshot(shapes.iter().enumerate().map(|(index, (dtype, shape))| {
            let dtype = dtypes[*dtype];
            let size = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            let data: Vec<u8> = (0..size).map(|byte| (byte as u8).wrapping_mul(31).wrapping_add(seed)).collect();
            tensor(&format!("t/{index}"), dtype, shape, &data)
        }).collect());
        let setting = Setting(tempfile::tempdir().unwrap());
        let folder = save(&setting.folder(), &description(1), &all).unwrap();
        prop_assert_eq!(load(&folder), contents(&all));
    }
}
