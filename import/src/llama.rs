//! A Llama: its sizes, and its parameters as they lie in files and in this workspace.

use std::path::Path;

use crate::model::Format;
use crate::{Error, Result};

/// The sizes of a Llama.
#[derive(Debug, Clone, PartialEq)]
pub struct LlamaSizes {
    /// Transformer layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; query head h uses key and value head h / (heads / key_value_heads).
    pub key_value_heads: usize,
    /// Numbers in a key, and in a value.
    pub key_value_size: usize,
    /// Inner width of the gated feed-forward layer.
    pub feed_forward_size: usize,
    /// Rows of the embedding.
    pub vocabulary_size: usize,
    /// The base of the rotary frequencies.
    pub rope_base: f64,
    /// What RMSNorm adds to the mean square.
    pub norm_epsilon: f64,
    /// Whether the embedding is the head too.
    pub tied: bool,
    /// The longest text, in tokens, that the model was trained for.
    pub context_length: usize,
}

/// A parameter in this workspace's layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, such as `layers/attention/query`.
    pub name: &'static str,
    /// Its shape; of parameters in layers, `[layers, …]`.
    pub shape: Vec<usize>,
    /// How many parts it is read in: one for each layer, or one in all. They follow each other along the first axis.
    pub slices: usize,
    file: InFile,
}

/// A parameter, or a layer's part of it, as files have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InFile {
    /// Its name in GGUF; `{}` is the layer.
    gguf: &'static str,
    /// Its name in safetensors; `{}` is the layer.
    hugging_face: &'static str,
    /// Its shape; a vector has one row.
    rows: usize,
    columns: usize,
    is_vector: bool,
    /// Whether files have `[out, in]` where we have `[in, out…]`.
    transposed: bool,
    /// Heads whose rows are rotated by position; 0: none.
    rotated_heads: usize,
}

impl LlamaSizes {
    /// Checks that the sizes make a model.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        /// More than any model has, and few enough that products of three do not overflow.
        const LARGEST: usize = 1 << 20;
        let sizes = [
            ("layers", self.layers),
            ("width", self.d_model),
            ("query heads", self.heads),
            ("key and value heads", self.key_value_heads),
            ("size of a head", self.key_value_size),
            ("feed-forward size", self.feed_forward_size),
            ("vocabulary", self.vocabulary_size),
        ];
        for (what, size) in sizes {
            if !(1..=LARGEST).contains(&size) {
                return Err(Error::inconsistent(path, format!("{what} = {size}: not from 1 to {LARGEST}")));
            }
        }
        let wrong = |detail| Err(Error::inconsistent(path, detail));
        if !self.heads.is_multiple_of(self.key_value_heads) {
            let (heads, groups) = (self.heads, self.key_value_heads);
            return wrong(format!("{heads} query heads are not divided by {groups} key and value heads"));
        }
        if !self.key_value_size.is_multiple_of(2) {
            return wrong(format!("heads of {} numbers have no pairs to rotate", self.key_value_size));
        }
        if !(self.rope_base > 0.0 && self.rope_base.is_finite()) {
            return wrong(format!("the rotary base is {}", self.rope_base));
        }
        if !(self.norm_epsilon >= 0.0 && self.norm_epsilon.is_finite()) {
            return wrong(format!("RMSNorm's epsilon is {}", self.norm_epsilon));
        }
        Ok(())
    }

    /// The parameters, in the order in which the model uses them.
    pub fn parameters(&self) -> Vec<Parameter> {
        let Self { layers, d_model, heads, key_value_heads, key_value_size, feed_forward_size, .. } = *self;
        let (groups, head) = (heads / key_value_heads, key_value_size);
        let vocabulary = self.vocabulary_size;
        let norm = |name, gguf, hugging_face| {
            let file = InFile {
                is_vector: true,
                transposed: false,
                ..InFile::matrix(gguf, hugging_face, 1, d_model)
            };
            Parameter::of_layers(name, layers, &[d_model], file)
        };
        let linear = |name, shape: &[usize], gguf, hugging_face, out, within| {
            Parameter::of_layers(name, layers, shape, InFile::matrix(gguf, hugging_face, out, within))
        };
        let query = [d_model, key_value_heads, groups, head];
        let key = [d_model, key_value_heads, head];
        let output = [key_value_heads, groups, head, d_model];
        let up = [d_model, feed_forward_size];
        let mut parameters = vec![
            Parameter::whole(
                "embedding",
                &[vocabulary, d_model],
                "token_embd.weight",
                "model.embed_tokens.weight",
            ),
            norm(
                "layers/attention/norm",
                "blk.{}.attn_norm.weight",
                "model.layers.{}.input_layernorm.weight",
            ),
            linear(
                "layers/attention/query",
                &query,
                "blk.{}.attn_q.weight",
                "model.layers.{}.self_attn.q_proj.weight",
                heads * head,
                d_model,
            )
            .rotated(heads),
            linear(
                "layers/attention/key",
                &key,
                "blk.{}.attn_k.weight",
                "model.layers.{}.self_attn.k_proj.weight",
                key_value_heads * head,
                d_model,
            )
            .rotated(key_value_heads),
            linear(
                "layers/attention/value",
                &key,
                "blk.{}.attn_v.weight",
                "model.layers.{}.self_attn.v_proj.weight",
                key_value_heads * head,
                d_model,
            ),
            linear(
                "layers/attention/output",
                &output,
                "blk.{}.attn_output.weight",
                "model.layers.{}.self_attn.o_proj.weight",
                d_model,
                heads * head,
            ),
            norm(
                "layers/feed_forward/norm",
                "blk.{}.ffn_norm.weight",
                "model.layers.{}.post_attention_layernorm.weight",
            ),
            linear(
                "layers/feed_forward/gate",
                &up,
                "blk.{}.ffn_gate.weight",
                "model.layers.{}.mlp.gate_proj.weight",
                feed_forward_size,
                d_model,
            ),
            linear(
                "layers/feed_forward/up",
                &up,
                "blk.{}.ffn_up.weight",
                "model.layers.{}.mlp.up_proj.weight",
                feed_forward_size,
                d_model,
            ),
            linear(
                "layers/feed_forward/down",
                &[feed_forward_size, d_model],
                "blk.{}.ffn_down.weight",
                "model.layers.{}.mlp.down_proj.weight",
                d_model,
                feed_forward_size,
            ),
            Parameter::whole("final/norm", &[d_model], "output_norm.weight", "model.norm.weight"),
        ];
        if !self.tied {
            let shape = [vocabulary, d_model];
            parameters.push(Parameter::whole("head", &shape, "output.weight", "lm_head.weight"));
        }
        parameters
    }
}

impl InFile {
    fn matrix(gguf: &'static str, hugging_face: &'static str, rows: usize, columns: usize) -> Self {
        Self { gguf, hugging_face, rows, columns, is_vector: false, transposed: true, rotated_heads: 0 }
    }
}

impl Parameter {
    fn of_layers(name: &'static str, layers: usize, shape: &[usize], file: InFile) -> Self {
        Self { name, shape: [&[layers], shape].concat(), slices: layers, file }
    }

    /// A parameter outside the layers, which is the same in files.
    fn whole(name: &'static str, shape: &[usize], gguf: &'static str, hugging_face: &'static str) -> Self {
        let (rows, columns) = if let &[rows, columns] = shape { (rows, columns) } else { (1, shape[0]) };
        let file = InFile {
            is_vector: shape.len() == 1,
            transposed: false,
            ..InFile::matrix(gguf, hugging_face, rows, columns)
        };
        Self { name, shape: shape.to_vec(), slices: 1, file }
    }

    fn rotated(mut self, heads: usize) -> Self {
        self.file.rotated_heads = heads;
        self
    }

    /// The tensor of a slice in files.
    pub(crate) fn tensor(&self, format: Format, slice: usize) -> String {
        let pattern = match format {
            Format::Gguf => self.file.gguf,
            Format::HuggingFace => self.file.hugging_face,
        };
        pattern.replace("{}", &slice.to_string())
    }

    /// The shape of a slice in files, row-major.
    pub(crate) fn tensor_shape(&self) -> Vec<u64> {
        match self.file {
            InFile { is_vector: true, columns, .. } => vec![columns as u64],
            InFile { rows, columns, .. } => vec![rows as u64, columns as u64],
        }
    }

    /// A slice in our layout, from what the file has.
    pub(crate) fn arrange(&self, format: Format, values: Vec<f32>) -> Vec<f32> {
        let InFile { rows, columns, transposed, rotated_heads, .. } = self.file;
        let values = match format {
            Format::Gguf if rotated_heads > 0 => {
                halves_apart(&values, rotated_heads, rows / rotated_heads, columns)
            }
            _ => values,
        };
        if transposed { transpose(&values, rows, columns) } else { values }
    }
}

impl Parameter {
    /// A slice in the layout of files, from ours: what [`Parameter::arrange`] undoes.
    pub(crate) fn disarrange(&self, format: Format, values: Vec<f32>) -> Vec<f32> {
        let InFile { rows, columns, transposed, rotated_heads, .. } = self.file;
        let values = if transposed { transpose(&values, columns, rows) } else { values };
        match format {
            Format::Gguf if rotated_heads > 0 => {
                halves_together(&values, rotated_heads, rows / rotated_heads, columns)
            }
            _ => values,
        }
    }
}

/// Orders the rows of each head so that row 2i is rotated with 2i + 1, where it was i with i + size / 2.
fn halves_together(values: &[f32], heads: usize, size: usize, columns: usize) -> Vec<f32> {
    let row = |index: usize| &values[index * columns..][..columns];
    let order = (0..heads).flat_map(|head| {
        (0..size / 2).flat_map(move |i| (0..2).map(move |half| head * size + half * (size / 2) + i))
    });
    order.flat_map(row).copied().collect()
}

/// Orders the rows of each head so that row i is rotated with row i + size / 2, where it was 2i with 2i + 1.
fn halves_apart(values: &[f32], heads: usize, size: usize, columns: usize) -> Vec<f32> {
    let row = |index: usize| &values[index * columns..][..columns];
    let order = (0..heads)
        .flat_map(|head| (0..2).flat_map(move |half| (0..size / 2).map(move |i| head * size + 2 * i + half)));
    order.flat_map(row).copied().collect()
}

/// A matrix `[rows, columns]` as `[columns, rows]`, by tiles, so that both are walked through within the cache.
fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let mut out = vec![0.0; values.len()];
    for row_tile in (0..rows).step_by(TILE) {
        for column_tile in (0..columns).step_by(TILE) {
            for row in row_tile..(row_tile + TILE).min(rows) {
                for column in column_tile..(column_tile + TILE).min(columns) {
                    out[column * rows + row] = values[row * columns + column];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_pairs_become_rows_of_halves() {
        // Two heads of four rows of one column: rows are named by head and by the pair's number and half.
        let values = [0.0, 0.5, 1.0, 1.5, 10.0, 10.5, 11.0, 11.5];
        let apart = [0.0, 1.0, 0.5, 1.5, 10.0, 11.0, 10.5, 11.5];
        assert_eq!(halves_apart(&values, 2, 4, 1), apart);
        assert_eq!(halves_together(&apart, 2, 4, 1), values);
    }

    #[test]
    fn transposing_twice_changes_nothing() {
        let (rows, columns) = (37, 65);
        let values: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
        let once = transpose(&values, rows, columns);
        assert_eq!(once[64 * rows + 3], values[3 * columns + 64]);
        assert_eq!(transpose(&once, columns, rows), values);
    }
}
