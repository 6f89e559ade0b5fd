//! Hugging Face folders: a Llama in our layout from one file and from several, what is refused, and damage.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::*;
use half::{bf16, f16};
use import::ForeignModel;
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Folder {
    files: TempDir,
}

type Stored = (String, Dtype, Vec<usize>, Vec<u8>);

/// The small Llama's tensors in a type of numbers; the values are exact in none but f32.
fn stored(dtype: Dtype) -> Vec<Stored> {
    let bytes = |value: f32| match dtype {
        Dtype::F16 => f16::from_f32(value).to_le_bytes().to_vec(),
        Dtype::BF16 => bf16::from_f32(value).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    };
    let tensors = tensors(false).into_iter().map(|(name, sizes, values)| {
        let sizes = sizes.into_iter().map(|size| size as usize).collect();
        (name, dtype, sizes, values.into_iter().flat_map(bytes).collect())
    });
    tensors.collect()
}

fn safetensors(tensors: &[Stored]) -> Vec<u8> {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

fn config() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "num_hidden_layers": LAYERS, "hidden_size": WIDTH, "intermediate_size": INNER,
        "num_attention_heads": HEADS, "num_key_value_heads": GROUPS, "head_dim": HEAD, "vocab_size": PIECES,
        "rms_norm_eps": 1e-5, "rope_theta": 50000.0, "rope_scaling": null, "tie_word_embeddings": true,
        "attention_bias": false, "mlp_bias": false, "max_position_embeddings": 64, "pretraining_tp": 1,
        "bos_token_id": 0, "eos_token_id": [1, 5], "torch_dtype": "float32",
    })
}

fn tokenizer() -> Value {
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let vocab: serde_json::Map<String, Value> =
        pieces().into_iter().enumerate().skip(2).map(|(id, piece)| (piece, json!(id))).collect();
    let mark = |id: usize| json!({"id": id, "content": pieces()[id], "special": true, "normalized": false});
    json!({
        "version": "1.0", "added_tokens": [mark(0), mark(1)], "normalizer": null,
        "pre_tokenizer": byte_level, "decoder": byte_level,
        "post_processor": null,
        "model": {"type": "BPE", "vocab": vocab, "merges": MERGES},
    })
}

impl Folder {
    fn new() -> Self {
        let folder = Self { files: tempfile::tempdir().unwrap() };
        folder.put("config.json", &config());
        folder.put("tokenizer.json", &tokenizer());
        folder.put(
            "tokenizer_config.json",
            &json!({"bos_token": "<|start|>", "eos_token": {"content": "<|end|>"}}),
        );
        folder.write("model.safetensors", &safetensors(&stored(Dtype::F32)));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn put(&self, name: &str, value: &Value) {
        self.write(name, value.to_string().as_bytes());
    }

    /// The configuration with a key of another value.
    fn configure(&self, key: &str, value: Value) {
        let mut config = config();
        config[key] = value;
        self.put("config.json", &config);
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn open(&self) -> Result<ForeignModel, String> {
        let root = self.files.path().to_str().unwrap();
        ForeignModel::open(self.files.path()).map_err(|error| error.to_string().replace(root, "DIR"))
    }

    #[track_caller]
    fn check_refused(&self, expected: &str) {
        assert_eq!(self.open().err().as_deref(), Some(expected));
    }
}

#[test]
fn parameters_come_in_our_layout() {
    let mut model = Folder::new().open().unwrap();
    // The folder is gone, its files are not read again but when they are asked for.
    assert!(model.parameters().iter().all(|parameter| model.read(parameter, 0).is_err()));
    let folder = Folder::new();
    let mut model = folder.open().unwrap();
    check_layout(&mut model);
    let sizes = model.sizes();
    assert_eq!(
        (sizes.rope_base, sizes.norm_epsilon, sizes.tied, sizes.context_length),
        (50_000.0, 1e-5, true, 64)
    );
    let tokenizer = model.tokenizer();
    assert_eq!((tokenizer.begin_of_text(), tokenizer.end_of_text()), (Some(0), Some(1)));
    assert_eq!(tokenizer.encode("<|end|>the").len(), 2);
    assert!(!model.adds_begin_of_text() && model.chat_template().is_none());
}

#[test]
fn numbers_of_two_bytes_are_widened() {
    for dtype in [Dtype::F16, Dtype::BF16] {
        let folder = Folder::new();
        let mut tensors = stored(dtype);
        let norm = tensors.iter_mut().find(|tensor| tensor.0 == "model.norm.weight").unwrap();
        let values = [1.0, -0.5, 2.0, 0.0, 0.25, 3.0, -8.0, 1.5];
        norm.3 = match dtype {
            Dtype::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect(),
        };
        folder.write("model.safetensors", &safetensors(&tensors));
        let mut model = folder.open().unwrap();
        let norm = model.parameters().pop().unwrap();
        assert_eq!(model.read(&norm, 0).unwrap(), values);
    }
}

/// Puts the first tensors into one file and the others into a second.
fn shard(folder: &Folder) -> Value {
    folder.remove("model.safetensors");
    let tensors = stored(Dtype::F32);
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let mut map = serde_json::Map::new();
    for (name, part) in names.iter().zip([&tensors[..7], &tensors[7..]]) {
        folder.write(name, &safetensors(part));
        map.extend(part.iter().map(|tensor| (tensor.0.clone(), json!(name))));
    }
    let index = json!({"metadata": {"total_size": 1}, "weight_map": map});
    folder.put("model.safetensors.index.json", &index);
    index
}

#[test]
fn tensors_in_several_files_are_found() {
    let folder = Folder::new();
    let mut index = shard(&folder);
    check_layout(&mut folder.open().unwrap());
    index["weight_map"]["model.norm.weight"] = json!("model-00002-of-00002.safetensors");
    folder.put("model.safetensors.index.json", &index);
    folder.check_refused(
        "DIR/model.safetensors.index.json: not an index of safetensors files, or a damaged one: tensor \
         model.norm.weight is not in model-00002-of-00002.safetensors, where it should be",
    );
    for name in ["../model.safetensors", "/model.safetensors", "a/b", "..", ""] {
        index["weight_map"]["model.norm.weight"] = json!(name);
        folder.put("model.safetensors.index.json", &index);
        let expected =
            format!("tensor model.norm.weight is in {name:?}, which is no name of a file in the folder");
        assert!(folder.open().err().unwrap().ends_with(&expected));
    }
    shard_is_missing();
}

fn shard_is_missing() {
    let folder = Folder::new();
    shard(&folder);
    folder.remove("model-00002-of-00002.safetensors");
    folder.check_refused("DIR/model-00002-of-00002.safetensors: no such file or folder");
}

#[test]
fn the_rotary_base_is_found_where_new_versions_write_it() {
    let folder = Folder::new();
    let mut config = config();
    config.as_object_mut().unwrap().remove("rope_theta");
    config["rope_parameters"] = json!({"rope_theta": 123.0, "rope_type": "default"});
    folder.put("config.json", &config);
    assert_eq!(folder.open().unwrap().sizes().rope_base, 123.0);
}

#[test]
fn a_head_and_frequencies_that_say_nothing_new_are_passed_over() {
    let folder = Folder::new();
    let mut tensors = stored(Dtype::F32);
    let embedding = tensors[0].clone();
    tensors.push(("lm_head.weight".into(), embedding.1, embedding.2, embedding.3));
    let frequencies = "model.layers.0.self_attn.rotary_emb.inv_freq";
    tensors.push((frequencies.into(), Dtype::F32, vec![2], vec![0; 8]));
    folder.write("model.safetensors", &safetensors(&tensors));
    assert_eq!(folder.open().unwrap().parameters().len(), 11);
    folder.configure("tie_word_embeddings", json!(false));
    assert_eq!(folder.open().unwrap().parameters().last().unwrap().name, "head");
}

#[test]
fn what_is_not_implemented_is_refused_by_name() {
    let instead = "is not supported; supported is Llama with RMSNorm, rotary positions, grouped heads and a gated \
                   feed-forward layer, without biases";
    let folder = Folder::new();
    for (key, value) in [
        ("attention_bias", json!(true)),
        ("mlp_bias", json!(true)),
        ("hidden_act", json!("gelu")),
        ("sliding_window", json!(4096)),
        ("quantization_config", json!({"quant_method": "gptq"})),
        ("rope_scaling", json!({"factor": 8.0, "rope_type": "llama3"})),
        ("rope_parameters", json!({"rope_theta": 1.0, "rope_type": "yarn"})),
        ("partial_rotary_factor", json!(0.5)),
    ] {
        folder.configure(key, value.clone());
        folder.check_refused(&format!("DIR/config.json: {key} = {value} {instead}"));
    }
    let instead = "is not supported; supported is \"LlamaForCausalLM\"";
    folder.configure("architectures", json!(["MistralForCausalLM"]));
    folder.check_refused(&format!("DIR/config.json: architectures = [\"MistralForCausalLM\"] {instead}"));
    folder.configure("model_type", json!("mistral"));
    folder.check_refused(&format!("DIR/config.json: model_type = \"mistral\" {instead}"));
    folder.put("config.json", &config());
    let mut tensors = stored(Dtype::F32);
    tensors.push(("x".into(), Dtype::F64, vec![1], vec![0; 8]));
    folder.write("model.safetensors", &safetensors(&tensors));
    folder.check_refused(
        "DIR/model.safetensors: tensor x of type F64 is not supported; supported are F32, F16 and BF16",
    );
}

#[test]
fn parts_that_do_not_fit_are_named() {
    let folder = Folder::new();
    folder.configure("intermediate_size", json!(7));
    folder.check_refused(
        "DIR: tensor model.layers.0.mlp.gate_proj.weight is [6, 8], but by the model's sizes [7, 8]",
    );
    folder.configure("num_hidden_layers", json!(3));
    folder.check_refused("DIR: no tensor model.layers.2.input_layernorm.weight");
    folder.configure("tie_word_embeddings", json!(false));
    folder.check_refused("DIR: no tensor lm_head.weight");
    folder.configure("num_key_value_heads", json!(3));
    folder.check_refused("DIR: 4 query heads are not divided by 3 key and value heads");
    folder.configure("hidden_size", json!(-8));
    folder.check_refused("DIR/config.json: hidden_size = -8: not a whole number from 0");
    folder.configure("hidden_size", Value::Null);
    folder.check_refused("DIR/config.json: no hidden_size");
    folder.configure("vocab_size", json!(200));
    folder.check_refused(
        "DIR: tensor model.embed_tokens.weight is [261, 8], but by the model's sizes [200, 8]",
    );
    folder.write("config.json", b"{");
    folder.check_refused(
        "DIR/config.json: not a JSON object, or a damaged one: it ends too early, at line 1 column 1",
    );
    folder.remove("config.json");
    folder.check_refused("DIR/config.json: no such file or folder");
}

#[test]
fn folders_without_weights_or_tokenizer_say_so() {
    let folder = Folder::new();
    folder.remove("model.safetensors");
    folder.check_refused("DIR: neither model.safetensors nor model.safetensors.index.json");
    folder.write("pytorch_model.bin", b"PK");
    folder.check_refused("DIR: pytorch_model.bin is not read; save the model as model.safetensors");
    let folder = Folder::new();
    folder.remove("tokenizer.json");
    folder.check_refused("DIR: no tokenizer: neither tokenizer.json nor tokenizer.model");
}

#[test]
fn marks_are_found_and_checked() {
    let folder = Folder::new();
    folder.remove("tokenizer_config.json");
    let model = folder.open().unwrap();
    assert_eq!((model.tokenizer().begin_of_text(), model.tokenizer().end_of_text()), (Some(0), Some(1)));
    folder.put("tokenizer_config.json", &json!({"bos_token": "<s>"}));
    folder.check_refused("DIR/tokenizer_config.json: bos_token = \"<s>\": not a piece of the tokenizer");
    folder.put("tokenizer_config.json", &json!({}));
    folder.configure("eos_token_id", json!(500));
    folder.check_refused("DIR/config.json: eos_token_id = 500: not the id of a piece");
    folder.put("config.json", &config());
    let mut file = tokenizer();
    file["post_processor"] = json!({
        "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|start|>", "type_id": 0}}, {"Sequence": {}}],
    });
    folder.put("tokenizer.json", &file);
    folder.put("tokenizer_config.json", &json!({"chat_template": "{{ a }}"}));
    let model = folder.open().unwrap();
    assert!(model.adds_begin_of_text());
    assert_eq!(model.chat_template(), Some("{{ a }}"));
}

#[test]
fn a_sentencepiece_model_is_used_as_it_is() {
    let text = "the cat sat on the mat and the dog sat on the log\n".repeat(20);
    let config =
        data::TokenizerConfig { vocabulary_size: 260, character_coverage: 0.1, ..Default::default() };
    let document = data::Document { name: "tale".into(), text };
    let trained = data::Tokenizer::train([Ok(document)], &config).unwrap();
    let folder = Folder::new();
    folder.write("tokenizer.model", trained.to_bytes());
    assert_eq!(folder.open().unwrap().tokenizer().file_name(), "tokenizer.json");
    // A tokenizer.json that says the same as tokenizer.model, in words that are not read.
    folder.put("tokenizer.json", &json!({"model": {"type": "Unigram"}}));
    assert_eq!(folder.open().unwrap().tokenizer().fingerprint(), trained.fingerprint());
    folder.remove("tokenizer.json");
    let model = folder.open().unwrap();
    assert_eq!(model.tokenizer().fingerprint(), trained.fingerprint());
    assert!(model.adds_begin_of_text());
}

/// Puts a file with this header, whose length is said to be `length`, in the weights' place.
fn with_header(folder: &Folder, length: u64, header: &[u8], data: usize) {
    let bytes = [&length.to_le_bytes()[..], header, &vec![0; data]].concat();
    folder.write("model.safetensors", &bytes);
}

#[test]
fn lying_headers_are_named() {
    let folder = Folder::new();
    let check = |expected: &str| {
        let start = "DIR/model.safetensors: not a safetensors file, or a damaged one: ";
        let error = folder.open().err().unwrap();
        assert_eq!(error.strip_prefix(start), Some(expected), "{error}");
    };
    folder.write("model.safetensors", b"1234");
    check("it has 4 bytes");
    with_header(&folder, u64::MAX, b"{}", 0);
    check("a header of 18446744073709551615 bytes, of at most 100000000 and the 2 that follow");
    with_header(&folder, 2, b"{}", 5);
    check("tensors of 0 bytes in all, but 5 bytes follow the header");
    let header =
        json!({"x": {"dtype": "F32", "shape": [1u64 << 40, 1u64 << 40], "data_offsets": [0, 4]}}).to_string();
    with_header(&folder, header.len() as u64, header.as_bytes(), 4);
    assert!(folder.open().err().unwrap().contains("overflow"), "{:?}", folder.open().err());
    let header = json!({"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}).to_string();
    with_header(&folder, header.len() as u64, header.as_bytes(), 8);
    assert!(folder.open().err().unwrap().contains("`x`"), "{:?}", folder.open().err());
}

#[test]
fn damaged_weights_are_errors_or_models() {
    let folder = Folder::new();
    let bytes = fs::read(folder.path("model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let damage = prop_oneof![
        (0..bytes.len()).prop_map(|end| bytes[..end].to_vec()),
        prop::collection::vec((0..header, any::<u8>()), 1..4).prop_map(|changes| {
            let mut bytes = bytes.clone();
            changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
            bytes
        }),
    ];
    proptest!(ProptestConfig::with_cases(500), |(bytes in damage)| {
        folder.write("model.safetensors", &bytes);
        if let Ok(mut model) = folder.open() {
            for parameter in model.parameters() {
                model.read(&parameter, 0).unwrap();
            }
        }
    });
}

#[test]
fn damaged_json_is_an_error_or_a_model() {
    let folder = Folder::new();
    let read = |name: &str| fs::read(folder.path(name)).unwrap();
    let files = ["config.json", "tokenizer.json", "tokenizer_config.json"].map(|name| (name, read(name)));
    let damage = (0..files.len(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    proptest!(ProptestConfig::with_cases(500), |((file, at, byte, cut) in damage)| {
        let (name, bytes) = &files[file];
        let at = at.index(bytes.len());
        let mut damaged = bytes.clone();
        if cut { damaged.truncate(at) } else { damaged[at] = byte }
        folder.write(name, &damaged);
        let _ = folder.open();
        folder.write(name, bytes);
    });
}

/// A file is not a folder, and a folder not a file.
#[test]
fn paths_are_told_apart() {
    let folder = Folder::new();
    let path: &Path = &folder.path("config.json");
    let error = ForeignModel::open(path).err().unwrap().to_string();
    assert!(error.contains("not with \"GGUF\""), "{error}");
}
