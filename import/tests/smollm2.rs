//! SmolLM2 from its GGUF: sizes, the tokens of an independent implementation, and numbers of its tensors.

mod common;

use std::io::BufReader;
use std::path::Path;
use std::sync::LazyLock;

use common::{reference, smollm2};
use import::{ForeignModel, LlamaSizes};

static MODEL: LazyLock<Option<ForeignModel>> =
    LazyLock::new(|| smollm2().map(|path| ForeignModel::open(&path).unwrap()));

/// The lines of a `.jsonl` or `.jsonl.xz` file.
fn lines(path: &Path) -> Vec<serde_json::Value> {
    let mut bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "xz") {
        let mut text = Vec::new();
        lzma_rs::xz_decompress(&mut BufReader::new(bytes.as_slice()), &mut text).unwrap();
        bytes = text;
    }
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(value: &serde_json::Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Trailing white space of a context belongs to its continuation; an empty one is the token that begins a text.
#[track_caller]
fn check_request(tokenizer: &data::Tokenizer, request: &serde_json::Value, fields: [&serde_json::Value; 4]) {
    let [context, continuation, context_ids, continuation_ids] = fields;
    let (context, continuation) = (context.as_str().unwrap(), continuation.as_str().unwrap());
    if context.is_empty() {
        assert_eq!(ids(context_ids), [tokenizer.begin_of_text().unwrap()]);
        assert_eq!(tokenizer.encode(continuation), ids(continuation_ids), "{request}");
        return;
    }
    let kept = context.trim_end();
    let whole = tokenizer.encode(&format!("{context}{continuation}"));
    let before = tokenizer.encode(kept);
    assert_eq!(before, ids(context_ids), "{request}");
    assert_eq!(whole[before.len()..], ids(continuation_ids), "{request}");
}

#[test]
fn sizes_and_marks_are_those_of_the_metadata() {
    let Some(model) = &*MODEL else { return };
    let expected = LlamaSizes {
        layers: 30,
        d_model: 576,
        heads: 9,
        key_value_heads: 3,
        key_value_size: 64,
        feed_forward_size: 1536,
        vocabulary_size: 49_152,
        rope_base: 100_000.0,
        norm_epsilon: 1e-5,
        tied: true,
        context_length: 8192,
    };
    assert_eq!(*model.sizes(), expected);
    let tokenizer = model.tokenizer();
    assert_eq!((tokenizer.begin_of_text(), tokenizer.end_of_text()), (Some(1), Some(2)));
    assert!(!model.adds_begin_of_text());
    assert!(
        model.chat_template().is_some_and(|template| template.starts_with("{% for message in messages %}"))
    );
}

#[test]
fn texts_and_prompts_have_the_expected_tokens() {
    let (Some(model), Some(reference)) = (&*MODEL, reference()) else { return };
    let tokenizer = model.tokenizer();
    for case in lines(&reference.join("token_logprobs.jsonl")) {
        let text = case["text"].as_str().unwrap();
        assert_eq!(tokenizer.encode(text), ids(&case["ids"]), "{}", case["name"]);
        assert_eq!(tokenizer.decode(&ids(&case["ids"])).unwrap(), text, "{}", case["name"]);
    }
    for case in lines(&reference.join("greedy.jsonl")) {
        let prompt = case["prompt"].as_str().unwrap();
        assert_eq!(tokenizer.encode(prompt), ids(&case["prompt_ids"]), "{prompt:?}");
        assert_eq!(tokenizer.decode(&ids(&case["greedy_ids"])).unwrap(), case["text"].as_str().unwrap());
    }
}

#[test]
fn requests_of_tasks_have_the_expected_tokens() {
    let (Some(model), Some(reference)) = (&*MODEL, reference()) else { return };
    let tokenizer = model.tokenizer();
    let mut requests = 0;
    for entry in std::fs::read_dir(&reference).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with("samples_") {
            continue;
        }
        for document in lines(&path) {
            for request in document["requests"].as_array().unwrap() {
                let fields = [&request[0], &request[1], &request[2], &request[3]];
                let named = ["context", "continuation", "context_ids", "continuation_ids"];
                let fields = if request.is_object() { named.map(|name| &request[name]) } else { fields };
                check_request(tokenizer, request, fields);
                requests += 1;
            }
        }
    }
    assert!(requests > 2000, "only {requests} requests");
    for pair in lines(&reference.join("pairs.jsonl")) {
        let named = ["context", "continuation", "context_ids", "continuation_ids"];
        check_request(tokenizer, &pair, named.map(|name| &pair[name]));
    }
    println!("{requests} requests");
}

#[test]
fn the_tokenizer_comes_back_from_its_file() {
    let (Some(model), Some(reference)) = (&*MODEL, reference()) else { return };
    let again = data::Tokenizer::from_bytes(model.tokenizer().to_bytes().to_vec(), "tokenizer").unwrap();
    assert_eq!(again.fingerprint(), model.tokenizer().fingerprint());
    assert_eq!((again.begin_of_text(), again.end_of_text()), (Some(1), Some(2)));
    for case in lines(&reference.join("token_logprobs.jsonl")) {
        assert_eq!(again.encode(case["text"].as_str().unwrap()), ids(&case["ids"]));
    }
}

/// Sums of the bits of tensors as the package `gguf` (0.19.0) dequantises them.
#[test]
fn tensors_are_those_of_an_independent_reader_to_the_bit() {
    let Some(path) = smollm2() else { return };
    let mut gguf = import::gguf::Gguf::open(&path).unwrap();
    assert_eq!(gguf.tensors().len(), 272);
    for (name, shape, expected) in [
        ("blk.0.attn_q.weight", vec![576, 576], 699_172_363_944_448),
        ("blk.29.ffn_down.weight", vec![576, 1536], 1_865_154_043_482_624),
        ("output_norm.weight", vec![576], 621_805_699_072),
        ("token_embd.weight", vec![49_152, 576], 58_597_194_097_596_096),
    ] {
        assert_eq!(gguf.tensors()[name].shape, shape);
        let sum: u64 = gguf.read(name).unwrap().into_iter().map(|value| u64::from(value.to_bits())).sum();
        assert_eq!(sum, expected, "{name}");
    }
}
