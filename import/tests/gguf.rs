//! GGUF: values and tensors as they were written, quantised blocks to the bit, a Llama in our layout, and damage.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::*;
use import::ForeignModel;
use import::gguf::{Array, Gguf, Scalar, Storage, Value};
use proptest::prelude::*;
use tempfile::TempDir;

fn write(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Opens what `file` writes as a model; the error without the path before it.
fn open(file: &GgufFile) -> Result<ForeignModel, String> {
    let (folder, path) = write(&file.bytes());
    let error = |error: import::Error| error.to_string().replace(folder.path().to_str().unwrap(), "");
    ForeignModel::open(&path).map_err(error)
}

/// The error of a file's bytes as a container, without the path and the words before it.
fn container_error(bytes: &[u8]) -> String {
    let (_folder, path) = write(bytes);
    let error = Gguf::open(&path).expect_err("a damaged file").to_string();
    let start = path.display().to_string() + ": ";
    let error = error.strip_prefix(&start).unwrap();
    error.strip_prefix("not a GGUF file, or a damaged one: ").unwrap_or(error).to_owned()
}

/// Reads one tensor of a type from its bytes, as bits.
#[track_caller]
fn check_blocks(kind: u32, storage: Storage, hex: &str, expected: &[u32]) {
    let bytes = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
    let sizes = vec![expected.len() as u64];
    let tensor = Tensor { name: "x".into(), sizes, kind, bytes, offset: None };
    let (_folder, path) = write(&GgufFile::new(&[], vec![tensor]).bytes());
    let mut gguf = Gguf::open(&path).unwrap();
    assert_eq!(gguf.tensors()["x"].storage, storage);
    let bits: Vec<u32> = gguf.read("x").unwrap().into_iter().map(f32::to_bits).collect();
    assert_eq!(bits, expected);
}

/// Random blocks, and what the package `gguf` (0.19.0) makes of them.
#[test]
fn blocks_are_dequantised_to_the_bit() {
    check_blocks(0, Storage::F32, "0000803f010000806745a3ff", &[0x3F80_0000, 0x8000_0001, 0xFFA3_4567]);
    check_blocks(1, Storage::F16, "803f010081bfff7b", &[0x3FF0_0000, 0x3380_0000, 0xBFF0_2000, 0x477F_E000]);
    check_blocks(30, Storage::Bf16, "803f010081bfff7b", &[0x3F80_0000, 0x1_0000, 0xBF81_0000, 0x7BFF_0000]);
    check_blocks(
        8,
        Storage::Q8_0,
        "a82db8abeeab14cef599cc052535d5cec0ad06783f60ec83760457a17c472a49ed10",
        &Q8_0,
    );
    check_blocks(2, Storage::Q4_0, "0a2fce0d8f02264785762462c423399232b3", &Q4_0);
    check_blocks(3, Storage::Q4_1, "ce3d8d2eb527970bb48a4200a5627b0c90b81826", &Q4_1);
}

#[rustfmt::skip]
const Q8_0: [u32; 32] = [
    0xc0cba000, 0xc0f06400, 0xbfcba000, 0xc0f06400, 0x3fe24000, 0xc08d6800, 0xbf78e000, 0xc111a600,
    0xc0931000, 0x3ee24000, 0x40514800, 0x4095e400, 0xc0733800, 0xc08d6800, 0xc0b50000, 0xc0eabc00,
    0x3f07c000, 0x4129b000, 0x40b22c00, 0x4107c000, 0xbfe24000, 0xc130c200, 0x4126dc00, 0x3eb50000,
    0x40f60c00, 0xc1065600, 0x412f5800, 0x40c8cc00, 0x406d9000, 0x40ce7400, 0xbfd6f000, 0x3fb50000,
];

#[rustfmt::skip]
const Q4_0: [u32; 32] = [
    0x3f28f000, 0x3f0cc800, 0x3f451800, 0xbf28f000, 0xbe614000, 0xbde14000, 0xbea8f000, 0xbe614000,
    0xbee14000, 0xbf28f000, 0xbee14000, 0xbf0cc800, 0x3de14000, 0xbf28f000, 0xbf28f000, 0xbf0cc800,
    0x3ee14000, 0xbf614000, 0x00000000, 0xbf614000, 0xbf28f000, 0xbee14000, 0x00000000, 0xbde14000,
    0xbf28f000, 0xbe614000, 0x3ee14000, 0xbf28f000, 0xbf0cc800, 0x3de14000, 0xbf0cc800, 0x3ea8f000,
];

#[rustfmt::skip]
const Q4_1: [u32; 32] = [
    0x40eb7680, 0x41242b40, 0x41242b40, 0x418085a0, 0x40bd0680, 0x4169d340, 0x40404d00, 0x3dd1a000,
    0x40eb7680, 0x40404d00, 0x418085a0, 0x418c21a0, 0x3dd1a000, 0x413b6340, 0x413b6340, 0x410cf340,
    0x418085a0, 0x40404d00, 0x41529b40, 0x3dd1a000, 0x418085a0, 0x413b6340, 0x40bd0680, 0x3dd1a000,
    0x4169d340, 0x410cf340, 0x41242b40, 0x3dd1a000, 0x41529b40, 0x418085a0, 0x3fc6da00, 0x40404d00,
];

#[test]
fn metadata_of_every_type_comes_back() {
    let raw = |kind, bytes: &[u8]| Meta::Raw(kind, bytes.to_vec());
    let nested =
        [&9u32.to_le_bytes()[..], &1u64.to_le_bytes(), &1u32.to_le_bytes(), &2u64.to_le_bytes(), &[1, 255]];
    let metadata = [
        ("u8", raw(0, &[200])),
        ("i8", raw(1, &[200])),
        ("u16", raw(2, &[1, 2])),
        ("i16", raw(3, &[0, 0x80])),
        ("u32", Meta::U32(7)),
        ("i32", raw(5, &[0xFF; 4])),
        ("f32", Meta::F32(0.5)),
        ("bool", Meta::Bool(true)),
        ("text", text("Grüße")),
        ("texts", texts(&["a", ""])),
        ("numbers", Meta::I32s(vec![-1, 2])),
        ("lists", raw(9, &nested.concat())),
        ("u64", raw(10, &[0xFF; 8])),
        ("i64", raw(11, &[0xFF; 8])),
        ("f64", raw(12, &1e300f64.to_le_bytes())),
    ];
    for version in [2, 3] {
        let (_folder, path) = write(&GgufFile { version, ..GgufFile::new(&metadata, vec![]) }.bytes());
        let gguf = Gguf::open(&path).unwrap();
        let value = |key: &str| gguf.metadata()[key].clone();
        assert_eq!(gguf.metadata().len(), metadata.len());
        assert_eq!((value("u8"), value("i8")), (Value::Unsigned(200), Value::Signed(-56)));
        assert_eq!((value("u16"), value("i16")), (Value::Unsigned(513), Value::Signed(-32768)));
        assert_eq!((value("u32"), value("i32")), (Value::Unsigned(7), Value::Signed(-1)));
        assert_eq!((value("u64"), value("i64")), (Value::Unsigned(u64::MAX), Value::Signed(-1)));
        assert_eq!((value("f32"), value("f64")), (Value::F32(0.5), Value::F64(1e300)));
        assert_eq!((value("bool"), value("text")), (Value::Bool(true), Value::Text("Grüße".into())));
        assert_eq!(value("texts"), Value::Array(Array::Texts(vec!["a".into(), "".into()])));
        let Value::Array(numbers) = value("numbers") else { panic!("a list") };
        assert_eq!(numbers.scalars().collect::<Vec<_>>(), [Value::Signed(-1), Value::Signed(2)]);
        let inner = Array::Scalars(Scalar::I8, vec![1, 255]);
        assert_eq!(value("lists"), Value::Array(Array::Arrays(vec![inner])));
    }
}

#[test]
fn tensors_lie_where_the_alignment_says() {
    let tensors = vec![Tensor::f32("a", &[1], [1.0]), Tensor::f32("b", &[2, 3], (0..6).map(|i| i as f32))];
    let file = GgufFile { alignment: 64, ..GgufFile::new(&[("general.alignment", Meta::U32(64))], tensors) };
    let (_folder, path) = write(&file.bytes());
    let mut gguf = Gguf::open(&path).unwrap();
    assert_eq!(gguf.tensors()["b"].shape, [2, 3]);
    assert_eq!(gguf.tensors()["b"].offset - gguf.tensors()["a"].offset, 64);
    assert_eq!(gguf.read("a").unwrap(), [1.0]);
    assert_eq!(gguf.read("b").unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}

/// Rows `[out]` by columns `[in]` of files become `[in, out]`, with the rows of rotated heads in halves.
#[test]
fn parameters_come_in_our_layout() {
    let mut model = open(&small_gguf()).unwrap();
    check_layout(&mut model);
    assert_eq!((model.sizes().rope_base, model.sizes().norm_epsilon), (50_000.0, 1e-5));
    assert_eq!(model.chat_template(), Some("{{ messages }}"));
    assert!(model.sizes().tied && !model.adds_begin_of_text());
    let ids = model.tokenizer().encode("<|start|> the thé");
    let pieces: Vec<&str> = ids.iter().map(|&id| model.tokenizer().piece(id).unwrap()).collect();
    assert_eq!(pieces, ["<|start|>", "Ġthe", "Ġ", "th", "Ã", "©"]);
}

#[test]
fn a_head_of_its_own_is_taken() {
    let mut file = small_gguf();
    let values = (0..PIECES * WIDTH).map(|i| i as f32);
    file.tensors.push(Tensor::f32("output.weight", &[PIECES as u64, WIDTH as u64], values));
    let mut model = open(&file).unwrap();
    assert!(!model.sizes().tied);
    let head = model.parameters().pop().unwrap();
    assert_eq!((head.name, head.shape.as_slice()), ("head", [PIECES, WIDTH].as_slice()));
    assert_eq!(model.read(&head, 0).unwrap()[..3], [0.0, 1.0, 2.0]);
}

#[test]
fn sentencepiece_in_metadata_becomes_our_tokenizer() {
    let mut pieces = vec!["<unk>".to_owned(), "<s>".into(), "</s>".into()];
    pieces.extend((0..256).map(|byte| format!("<0x{byte:02X}>")));
    pieces.extend(["▁".to_owned(), "▁a".into()]);
    let kinds = (0..pieces.len() as i32)
        .map(|id| [2, 3, 3].get(id as usize).copied().unwrap_or(if id < 259 { 6 } else { 1 }));
    let scores = (0..pieces.len()).map(|id| -(id as f32)).collect();
    let file = small_gguf()
        .with("tokenizer.ggml.model", text("llama"))
        .with("tokenizer.ggml.token_type", Meta::I32s(kinds.collect()))
        .with("tokenizer.ggml.tokens", Meta::Texts(pieces))
        .with("tokenizer.ggml.scores", Meta::F32s(scores))
        .with("tokenizer.ggml.bos_token_id", Meta::U32(1))
        .with("tokenizer.ggml.eos_token_id", Meta::U32(2))
        .without("tokenizer.ggml.add_bos_token");
    let model = open(&file).unwrap();
    assert!(model.adds_begin_of_text());
    let tokenizer = model.tokenizer();
    assert_eq!((tokenizer.begin_of_text(), tokenizer.end_of_text()), (Some(1), Some(2)));
    assert_eq!(tokenizer.encode("a b"), [260, 259, 3 + u32::from(b'b')]);
    assert_eq!(tokenizer.file_name(), "tokenizer.model");
}

#[track_caller]
fn check_refused(file: GgufFile, expected: &str) {
    let error = open(&file).err().unwrap_or_else(|| panic!("taken, not {expected:?}"));
    assert_eq!(error, format!("/model.gguf: {expected}"));
}

const INSTEAD: &str = "is not supported; supported is Llama with RMSNorm, rotary positions, grouped heads and a gated feed-forward layer, without biases";

#[test]
fn what_is_not_implemented_is_refused_by_name() {
    let with = |key: &str, value| small_gguf().with(key, value);
    check_refused(
        with("general.architecture", text("qwen2")),
        "the architecture \"qwen2\" (general.architecture) is not supported; supported is \"llama\"",
    );
    check_refused(
        with("tokenizer.ggml.pre", text("default")),
        "tokenizer.ggml.pre = \"default\" is not supported; supported are \"smollm\", \"gpt-2\" and \"llama-bpe\"",
    );
    check_refused(
        with("tokenizer.ggml.model", text("t5")),
        "tokenizer.ggml.model = \"t5\" is not supported; supported are \"gpt2\" and \"llama\"",
    );
    check_refused(
        with("split.count", Meta::U32(3)),
        "a model split into 3 files (split.count) is not supported; merge it with `llama-gguf-split --merge`",
    );
    for (key, value, shown) in [
        ("llama.rope.scaling.type", text("yarn"), "llama.rope.scaling.type = \"yarn\""),
        ("llama.rope.scaling.factor", Meta::F32(4.0), "llama.rope.scaling.factor = 4"),
        ("llama.expert_count", Meta::U32(8), "llama.expert_count = 8"),
        ("llama.attention.sliding_window", Meta::U32(512), "llama.attention.sliding_window = 512"),
        ("llama.rope.dimension_count", Meta::U32(2), "llama.rope.dimension_count = 2 in heads of 4 numbers"),
    ] {
        check_refused(with(key, value), &format!("{shown} {INSTEAD}"));
    }
    let tensor = |name: &str, kind| {
        let mut file = small_gguf();
        file.tensors.push(Tensor::f32(name, &[2], [1.0, 1.0]).of_kind(kind));
        file
    };
    check_refused(
        tensor("rope_freqs.weight", 0),
        &format!("scaled rotary frequencies (tensor rope_freqs.weight) {INSTEAD}"),
    );
    check_refused(tensor("blk.0.attn_q.bias", 0), &format!("tensor blk.0.attn_q.bias {INSTEAD}"));
    let types = "is not supported; supported are F32, F16, BF16, Q8_0, Q4_0 and Q4_1";
    check_refused(tensor("x", 14), &format!("tensor x of type Q6_K {types}"));
    check_refused(tensor("x", 99), &format!("tensor x of type number 99 {types}"));
}

#[test]
fn parts_that_do_not_fit_are_named() {
    let with = |key: &str, value| small_gguf().with(key, value);
    check_refused(small_gguf().without("llama.block_count"), "no metadata llama.block_count");
    check_refused(
        with("llama.block_count", text("two")),
        "metadata llama.block_count = \"two\": not of the type it should be",
    );
    check_refused(with("llama.block_count", Meta::U32(3)), "no tensor blk.2.attn_norm.weight");
    check_refused(with("llama.block_count", Meta::U32(0)), "layers = 0: not from 1 to 1048576");
    check_refused(
        with("llama.attention.head_count_kv", Meta::U32(3)),
        "4 query heads are not divided by 3 key and value heads",
    );
    check_refused(
        with("llama.feed_forward_length", Meta::U32(7)),
        "tensor blk.0.ffn_gate.weight is [6, 8], but by the model's sizes [7, 8]",
    );
    check_refused(
        with("llama.vocab_size", Meta::U32(300)),
        "llama.vocab_size = 300, but the embedding has 261 rows",
    );
    let mut pieces = pieces();
    pieces.push("x1".into());
    let more = with("tokenizer.ggml.tokens", Meta::Texts(pieces)).without("tokenizer.ggml.token_type");
    check_refused(more, "the tokenizer has 262 pieces, more than the embedding has rows, 261");
    check_refused(
        with("tokenizer.ggml.merges", texts(&["th"])),
        "tokenizer.ggml.merges: 0, \"th\", is not two pieces with a space between them",
    );
    check_refused(
        with("tokenizer.ggml.token_type", Meta::I32s(vec![1])),
        "261 tokenizer.ggml.tokens, but 1 token_type",
    );
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.gguf");
    let error = ForeignModel::open(&missing).err().unwrap().to_string();
    assert_eq!(error, format!("{}: no such file or folder", missing.display()));
}

#[test]
fn lying_headers_are_named() {
    let check = |bytes: &[u8], expected: &str| assert_eq!(container_error(bytes), expected);
    let with_meta = |key: &str, value| GgufFile::new(&[(key, value)], vec![]).bytes();
    let u64s = |values: &[u64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let start = |version: u32, tensors: u64, entries: u64| {
        [b"GGUF".to_vec(), version.to_le_bytes().to_vec(), u64s(&[tensors, entries])].concat()
    };
    check(b"", "the first four bytes takes 4 bytes, but 0 are left");
    check(b"PK\x03\x04", "it begins with [50, 4B, 03, 04], not with \"GGUF\"");
    let versions = "is not supported; supported are versions 2 and 3, little-endian";
    check(&start(1, 0, 0), &format!("version 1 {versions}"));
    check(&start(3 << 24, 0, 0), &format!("a big-endian file (version 3) {versions}"));
    check(&start(3, u64::MAX, 0), "18446744073709551615 tensors do not fit into the 8 bytes that are left");
    check(&start(3, 0, 1 << 40), "1099511627776 metadata entries do not fit into the 0 bytes that are left");

    let list = |kind: u32, count: u64| Meta::Raw(9, [kind.to_le_bytes().to_vec(), u64s(&[count])].concat());
    check(
        &with_meta("k", Meta::Raw(8, u64s(&[1 << 62]))),
        "metadata k: its text takes 4611686018427387904 bytes, but 0 are left",
    );
    check(
        &with_meta("k", list(4, 1 << 61)),
        "metadata k: 2305843009213693952 values do not fit into the 0 bytes that are left",
    );
    check(&with_meta("k", list(8, 9)), "metadata k: 9 texts do not fit into the 0 bytes that are left");
    check(&with_meta("k", Meta::Raw(13, vec![])), "metadata k: a value of the unknown type 13");
    check(&with_meta("k", Meta::Raw(7, vec![2])), "metadata k: the Bool [02], which is neither 0 nor 1");
    check(
        &with_meta("k", Meta::Raw(8, [u64s(&[1]), vec![0xFF]].concat())),
        "metadata k: its text is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0",
    );
    let deep = [9u32.to_le_bytes().to_vec(), u64s(&[1])].concat().repeat(5);
    check(
        &with_meta("k", Meta::Raw(9, [deep, vec![0; 64]].concat())),
        "metadata k: lists in lists, more than 4 deep",
    );
    for (alignment, shown) in [(Meta::U32(0), "0"), (Meta::U32(24), "24"), (text("x"), "\"x\"")] {
        let expected = format!("general.alignment = {shown}: not a power of two");
        check(&with_meta("general.alignment", alignment), &expected);
    }
    let twice = GgufFile::new(&[("k", Meta::U32(1)), ("k", Meta::U32(2))], vec![]).bytes();
    check(&twice, "metadata k appears twice");
}

#[test]
fn lying_tensor_tables_are_named() {
    let check = |tensors: Vec<Tensor>, expected: &str| {
        assert_eq!(container_error(&GgufFile::new(&[], tensors).bytes()), expected);
    };
    let tensor = |sizes: &[u64]| Tensor { sizes: sizes.to_vec(), ..Tensor::f32("t", &[32], [0.0; 32]) };
    let at = |name: &str, offset| Tensor { offset: Some(offset), ..Tensor::f32(name, &[32], [0.0; 32]) };
    check(vec![tensor(&[])], "tensor t: 0 dimensions, not 1 to 4");
    check(vec![tensor(&[1; 5])], "tensor t: 5 dimensions, not 1 to 4");
    check(
        vec![tensor(&[1 << 40, 1 << 40])],
        "tensor t: dimensions [1099511627776, 1099511627776] give no number of elements",
    );
    check(vec![tensor(&[0])], "tensor t: dimensions [0] give no number of elements");
    check(vec![tensor(&[1 << 62])], "tensor t: dimensions [4611686018427387904] give no number of bytes");
    check(vec![tensor(&[31]).of_kind(3)], "tensor t: rows of 31 numbers are not whole blocks of 32 (Q4_1)");
    check(vec![at("t", 5)], "tensor t: offset 5 is no multiple of the alignment 32");
    check(vec![at("a", 0), at("b", 96)], "tensors a and b overlap, at byte 192");
    check(vec![at("a", 0), at("a", 128)], "tensor a appears twice");
    let beyond = |size: u64, offset, length| {
        format!("tensor t of {size} bytes at offset {offset} ends beyond the file, which has {length} bytes")
    };
    check(vec![tensor(&[33])], &beyond(132, 0, 192));
    check(vec![at("t", 1 << 60)], &beyond(128, 1u64 << 60, 192));
    check(vec![at("t", u64::MAX - 31)], &beyond(128, u64::MAX - 31, 192));
    let whole = GgufFile::new(&[], vec![at("t", 0)]).bytes();
    assert_eq!(container_error(&whole[..whole.len() - 1]), beyond(128, 0, 191));
}

/// A variable that marks the child of the test below.
const CHILD: &str = "IMPORT_TEST_CHILD";

/// Damaged files are opened in a process that has 256 MiB of addresses: whatever a header claims, no more is set aside.
#[test]
fn damage_never_panics_and_takes_no_memory() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let test = ["--exact", "damaged_files_are_errors_or_models", "--test-threads=1"];
    let limited = "ulimit -v 262144 && exec \"$0\" \"$@\"";
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    let output = command.args(["-c", limited]).arg(program).args(test).env(CHILD, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn damaged_files_are_errors_or_models() {
    let file = small_gguf();
    let (bytes, header) = (file.bytes(), file.header().len());
    let damage = prop_oneof![
        (0..bytes.len()).prop_map(|end| bytes[..end].to_vec()),
        prop::collection::vec((0..header, any::<u8>()), 1..4).prop_map(|changes| {
            let mut bytes = bytes.clone();
            changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
            bytes
        }),
        // Whole words, as counts, lengths and offsets are.
        (0..header - 8, prop_oneof![Just(u64::MAX), Just(1u64 << 40), 0..1u64 << 20]).prop_map(
            |(at, word)| {
                let mut bytes = bytes.clone();
                bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
                bytes
            }
        ),
    ];
    let (_folder, path) = write(&[]);
    proptest!(ProptestConfig::with_cases(1500), |(bytes in damage)| {
        fs::write(&path, &bytes).unwrap();
        if let Ok(mut gguf) = Gguf::open(&path) {
            for name in gguf.tensors().keys().cloned().collect::<Vec<_>>() {
                let elements = gguf.tensors()[&name].elements();
                prop_assert_eq!(gguf.read(&name).unwrap().len() as u64, elements);
            }
        }
        if let Ok(mut model) = ForeignModel::open(&path) {
            for parameter in model.parameters() {
                model.read(&parameter, 0).unwrap();
            }
        }
    });
}
