//! What is not as it was saved is named, and passed over.

use std::fs;
use std::path::Path;

use store::checkpoint::{Checkpoint, Dtype, Error, Region, newest_good, save};

use crate::common::*;

#[test]
fn the_newest_good_checkpoint_is_taken() {
    let setting = Setting::with(&[100, 300, 200]);
    assert_eq!(setting.names(), ["step-00000100", "step-00000200", "step-00000300"]);
    assert_eq!(setting.newest(), (Some(300), vec![]));
    // Beyond eight digits the names sort otherwise, the steps do not.
    save(&setting.folder(), &description(123_456_789), &state(1)).unwrap();
    assert_eq!(setting.newest(), (Some(123_456_789), vec![]));
    assert!(newest_good(Path::new("/nonexistent"), &mut |_| {}).unwrap().is_none());
}

#[test]
fn damaged_checkpoints_are_passed_over_by_name() {
    type Damage = fn(&Path);
    let damage: [(&str, Damage); 8] = [
        ("manifest.json: No such file", |folder| fs::remove_file(folder.join("manifest.json")).unwrap()),
        ("manifest.json: not a checkpoint's manifest (it ends too early", |folder| {
            fs::write(folder.join("manifest.json"), "{\"format_version\": 3").unwrap()
        }),
        ("safetensors is incomplete: expected", |folder| fs::remove_file(folder.join(SHARD)).unwrap()),
        ("safetensors is incomplete: expected", |folder| {
            let shard = fs::OpenOptions::new().write(true).open(folder.join(SHARD)).unwrap();
            shard.set_len(100).unwrap();
        }),
        ("safetensors is damaged: expected sha256", |folder| flip(&folder.join(SHARD), 300)),
        ("config.toml is damaged: expected sha256", |folder| flip(&folder.join("config.toml"), 3)),
        ("plan.json is damaged: expected sha256", |folder| flip(&folder.join("plan.json"), 1)),
        ("it speaks of step 100, in step-00000200", |folder| {
            fs::copy(folder.join("../step-00000100/manifest.json"), folder.join("manifest.json"))
                .map(drop)
                .unwrap()
        }),
    ];
    for (expected, damage) in damage {
        let setting = Setting::with(&[100, 200]);
        damage(&setting.step(200));
        let (step, warnings) = setting.newest();
        assert_eq!((step, warnings.len()), (Some(100), 1), "{expected}");
        assert!(warnings[0].starts_with("passing over ~/step-00000200: "), "{warnings:?}");
        assert!(warnings[0].contains(expected), "{warnings:?}");
        // With nothing to fall back to, a run is not begun anew over what is left of it.
        fs::remove_dir_all(setting.step(100)).unwrap();
        let error = newest_good(&setting.folder(), &mut |_| {}).unwrap_err();
        assert!(matches!(error, Error::NoneGood { .. }), "{error}");
    }
    let setting = Setting::with(&[100]);
    for name in ["step-200", "step-00000abc", ".partial-step-00000300", "aside-step-00000300", "notes"] {
        fs::create_dir(setting.folder().join(name)).unwrap();
    }
    assert_eq!(
        setting.newest(),
        (Some(100), vec![]),
        "names that are no checkpoint's are nothing to warn of"
    );
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn any_changed_bit_of_a_manifest_is_seen() {
    let setting = Setting::with(&[100]);
    let path = setting.step(100).join("manifest.json");
    let good = fs::read(&path).unwrap();
    // But for the line break at the end, which means nothing.
    for index in 0..good.len() - 1 {
        let mut bad = good.clone();
        bad[index] ^= 1 << (index % 8);
        fs::write(&path, bad).unwrap();
        assert!(Checkpoint::open(&setting.step(100)).is_err(), "byte {index}");
    }
}

#[test]
fn a_manifest_that_is_not_ours_is_refused() {
    let setting = Setting::with(&[100]);
    let path = setting.step(100).join("manifest.json");
    let good = fs::read_to_string(&path).unwrap();
    let check = |from: &str, to: &str, expected: &str| {
        assert!(good.contains(from), "{from}");
        let at = good.rfind("\"seal\": \"").unwrap();
        let open = format!("{}\"seal\": \"\"\n}}", &good[..at]).replace(from, to);
        fs::write(&path, store::self_checksum::complete(&open) + "\n").unwrap();
        let message = setting.error(100);
        assert!(message.starts_with("~/step-00000100/"), "{message}");
        assert!(message.contains(expected), "{message}");
    };
    check(
        "\"format_version\": 3",
        "\"format_version\": 4",
        "checkpoint format 4, this program reads format 3",
    );
    check("\"tokens\": 1", "\"tokens\": -1", "not a checkpoint's manifest");
    check("\"versions\"", "\"version\"", "unknown field `version`");
    check("\"config.toml\"", "\"../config.toml\"", "\"../config.toml\" is not a file name");
    check("\"config.toml\"", "\"manifest.json\"", "is incomplete: expected");
    check(
        "\"name\": \"adam/step\",\n      \"dtype\"",
        "\"name\": \"empty\",\n      \"dtype\"",
        "listed twice",
    );
    let shape = "\"shape\": [\n        3,\n        2\n      ],\n      \"split\"";
    check(shape, &shape.replace('3', "4"), "do not make up its shape [4, 2]");
    check(&format!("\"file\": \"{SHARD}\""), "\"file\": \"x\"", "is in x, which is not listed");
    check("\"dtype\": \"I64\"", "\"dtype\": \"U64\"", "adam/step is I64[], the manifest says U64[]");
    check(
        "\"name\": \"adam/step\",\n          \"offset\"",
        "\"name\": \"x\",\n          \"offset\"",
        "it holds no x",
    );
}

#[test]
fn a_shard_of_the_right_hash_can_still_be_malformed() {
    let check = |contents: &[u8], expected: &str| {
        let setting = Setting::with(&[100]);
        let (path, manifest) = (setting.step(100).join(SHARD), setting.step(100).join("manifest.json"));
        let hash = |bytes: &[u8]| {
            use sha2::Digest;
            format!("{:x}", sha2::Sha256::digest(bytes))
        };
        let old = fs::read(&path).unwrap();
        let text = fs::read_to_string(&manifest).unwrap().replace(&hash(&old), &hash(contents));
        let text =
            text.replace(&format!("\"size\": {}", old.len()), &format!("\"size\": {}", contents.len()));
        let at = text.rfind("\"seal\": \"").unwrap();
        fs::write(&manifest, store::self_checksum::complete(&format!("{}\"seal\": \"\"\n}}", &text[..at])))
            .unwrap();
        fs::write(&path, contents).unwrap();
        let error = Checkpoint::open(&setting.step(100)).unwrap_err();
        assert!(matches!(error, Error::Shard { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let with_header = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    };
    check(b"", "shorter than a safetensors header");
    check(&u64::MAX.to_le_bytes(), "does not fit");
    check(&with_header("{", 0), "not a safetensors header");
    check(
        &with_header(r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
        "not a safetensors header",
    );
    check(&with_header(r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5), "the file has");
}

#[test]
fn a_tensor_that_is_not_as_expected_is_named() {
    let setting = Setting::with(&[100]);
    let checkpoint = Checkpoint::open(&setting.step(100)).unwrap();
    let name = "parameters/embedding";
    checkpoint.expect(name, Dtype::BF16, &[3, 2]).unwrap();
    let message =
        |name, dtype, shape: &[usize]| setting.tilde(checkpoint.expect(name, dtype, shape).unwrap_err());
    assert_eq!(
        message(name, Dtype::F32, &[3, 2]),
        "~/step-00000100, tensor parameters/embedding: expected F32[3, 2], got BF16[3, 2]: the checkpoint is of \
         another model or precision"
    );
    assert!(message(name, Dtype::BF16, &[2, 3]).contains("expected BF16[2, 3], got BF16[3, 2]"));
    assert!(
        message("adam/v/embedding", Dtype::F32, &[]).contains("holds no tensor adam/v/embedding (there is "),
        "the nearest name is suggested"
    );
    let outside = Region { offset: vec![2, 0], shape: vec![2, 2] };
    let error = checkpoint.read(name, &outside, &mut [0; 8]).unwrap_err();
    assert!(matches!(error, Error::Tensor { .. }), "{error}");
}
