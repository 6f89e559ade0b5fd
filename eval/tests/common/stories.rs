//! stories260K, a checkpoint of llama2.c, and what its reference says.

use std::fs;
use std::path::{Path, PathBuf};

use data::Tokenizer;
use serde_json::Value;

use super::foreign::{GgufFile, Meta, Tensor, reference, text};
use super::{lines, numbers};

/// The reference files of stories260K, which are not part of the repository.
pub fn stories() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/stories260K");
    if !folder.is_dir() {
        println!("skipped: no reference files at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Numbers of four bytes from a file, one after another.
pub struct Words(std::vec::IntoIter<u8>);

impl Words {
    fn read(path: &Path) -> Self {
        Self(fs::read(path).unwrap().into_iter())
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.0.next().expect("a longer file"))
    }

    fn int(&mut self) -> usize {
        i32::from_le_bytes(self.bytes()).try_into().unwrap()
    }

    fn float(&mut self) -> f32 {
        f32::from_le_bytes(self.bytes())
    }
}

/// A checkpoint of llama2.c as GGUF. Both rotate neighbouring rows of queries and keys, and call the same things by other
/// names.
pub fn llama2_c_as_gguf(model: &Path, tokenizer: &Path) -> GgufFile {
    let mut file = Words::read(model);
    let [width, inner, layers, heads, groups, vocabulary, context] = std::array::from_fn(|_| file.int());
    let head = width / heads;
    let mut tensors = Vec::new();
    let mut tensor = |name: String, sizes: &[usize]| {
        let values: Vec<f32> = (0..sizes.iter().product()).map(|_| file.float()).collect();
        let sizes: Vec<u64> = sizes.iter().map(|&size| size as u64).collect();
        tensors.push(Tensor::f32(&name, &sizes, values));
    };
    tensor("token_embd.weight".into(), &[vocabulary, width]);
    // Each for all layers, in this order.
    let in_layers: [(&str, &[usize]); 9] = [
        ("attn_norm", &[width]),
        ("attn_q", &[heads * head, width]),
        ("attn_k", &[groups * head, width]),
        ("attn_v", &[groups * head, width]),
        ("attn_output", &[width, heads * head]),
        ("ffn_norm", &[width]),
        ("ffn_gate", &[inner, width]),
        ("ffn_down", &[width, inner]),
        ("ffn_up", &[inner, width]),
    ];
    for (name, sizes) in in_layers {
        (0..layers).for_each(|layer| tensor(format!("blk.{layer}.{name}.weight"), sizes));
    }
    tensor("output_norm.weight".into(), &[width]);
    // Of what follows, the rotation's cosines and sines, nothing is needed; a positive vocabulary says that there is no head.
    assert_eq!(file.0.len(), context * head * size_of::<f32>());

    let (pieces, scores, kinds) = llama2_c_pieces(tokenizer, vocabulary);
    let size = |size: usize| Meta::U32(size as u32);
    let metadata = [
        ("general.architecture", text("llama")),
        ("llama.block_count", size(layers)),
        ("llama.context_length", size(context)),
        ("llama.embedding_length", size(width)),
        ("llama.feed_forward_length", size(inner)),
        ("llama.attention.head_count", size(heads)),
        ("llama.attention.head_count_kv", size(groups)),
        ("llama.rope.freq_base", Meta::F32(10_000.0)),
        ("llama.attention.layer_norm_rms_epsilon", Meta::F32(1e-5)),
        ("tokenizer.ggml.model", text("llama")),
        ("tokenizer.ggml.tokens", Meta::Texts(pieces)),
        ("tokenizer.ggml.scores", Meta::F32s(scores)),
        ("tokenizer.ggml.token_type", Meta::I32s(kinds)),
        ("tokenizer.ggml.bos_token_id", Meta::U32(1)),
        ("tokenizer.ggml.eos_token_id", Meta::U32(2)),
    ];
    GgufFile::new(&metadata, tensors)
}

/// The pieces of a tokenizer of llama2.c, their scores, and what they are for: it has spaces as themselves, and marks with
/// line breaks around them.
pub fn llama2_c_pieces(path: &Path, count: usize) -> (Vec<String>, Vec<f32>, Vec<i32>) {
    let mut file = Words::read(path);
    let _longest = file.int();
    let (mut pieces, mut scores, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    for id in 0..count {
        scores.push(file.float());
        let length = file.int();
        let bytes: Vec<u8> = file.0.by_ref().take(length).collect();
        let piece = String::from_utf8(bytes).unwrap();
        let (piece, kind) = match id {
            0 => (piece, 2),
            1 | 2 => (piece.trim().to_owned(), 3),
            3..=258 => (piece, 6),
            _ => (piece.replace(' ', "\u{2581}"), 1),
        };
        pieces.push(piece);
        kinds.push(kind);
    }
    (pieces, scores, kinds)
}

/// A goal, its two solutions, and the sums expected of these.
pub type PiqaItem = (String, [String; 2], Vec<f64>);

/// Contexts with the two continuations of each, and the sums of log-probabilities that the reference gives these. The
/// reference has the contexts only: the continuations are in that of SmolLM2.
pub fn piqa(stories: &Path) -> Option<Vec<PiqaItem>> {
    let documents = lines(&reference()?.join("samples_piqa.jsonl.xz"));
    let sums = lines(&stories.join("expected/piqa_first150.jsonl"));
    let case = |(document, sums): (&Value, &Value)| {
        let goal = sums["goal"].as_str().unwrap().to_owned();
        let [first, second] = [0, 1].map(|index| &document["requests"][index]);
        assert_eq!(first["context"].as_str().unwrap(), format!("Question: {goal}\nAnswer:"));
        let solutions =
            [first, second].map(|request| request["continuation"].as_str().unwrap()[1..].to_owned());
        (goal, solutions, numbers(&sums["sum_logprob"]))
    };
    Some(documents.iter().zip(&sums).map(case).collect())
}

/// What begins a text, the context, a continuation that has a space of its own before it; and where it begins.
pub fn request(tokenizer: &Tokenizer, goal: &str, solution: &str) -> (Vec<u32>, usize) {
    let mut ids = vec![tokenizer.begin_of_text().unwrap()];
    ids.extend(tokenizer.encode(goal));
    let start = ids.len();
    ids.extend(tokenizer.encode(solution));
    (ids, start)
}
