//! The work of a model's training, as far as lower bounds of plans are computed from it.

use crate::plan::RematPolicy;

/// What of a model decides how it can be split, and what each device then does at least. A model's architecture says it
/// (`model::Architecture::work`); numbers are of elements and multiply-adds unless they say otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Layers.
    pub layers: usize,
    /// What the mesh axis `model` splits, with its size: it must fall into equal parts. A vocabulary is padded instead.
    pub divided: Vec<(&'static str, usize)>,
    /// Width of the residual stream.
    pub embed: usize,
    /// Parameters of one layer.
    pub layer_parameters: u64,
    /// All other parameters.
    pub other_parameters: u64,
    /// Multiply-adds of one token in the matmuls of one layer with weights, forward.
    pub layer_matmuls: f64,
    /// Multiply-adds of one token in the matmul of the logits, forward.
    pub head_matmuls: f64,
    /// Attention scores of one sequence in one layer, all heads together.
    pub scores: f64,
    /// Multiply-adds for each score, forward: every matmul that reads or makes scores.
    pub score_matmuls: f64,
    /// What depends on the rematerialisation policy, in the order of [`RematPolicy::ALL`].
    pub policies: [PolicyWork; 4],
}

/// What a rematerialisation policy makes of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyWork {
    /// Multiply-adds of one token in matmuls with weights that the backward pass computes again.
    pub recomputed_matmuls: f64,
    /// How often the forward matmuls of scores are computed: once forward, twice backward, and once more if recomputed.
    pub score_matmuls: f64,
    /// Numbers that these matmuls read and write for each score: float32 ones, and activations.
    pub score_matmul_traffic: [f64; 2],
    /// What elementwise operations and reductions read and write.
    pub traffic: Traffic,
    /// What is kept for the backward pass.
    pub kept: Kept,
}

/// Numbers that memory-bound operations of a layer read and write at least, forward and backward. Found by pricing plans of
/// the kind's models on machines of all kinds; a test compares bounds with prices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// For each attention score: float32 numbers, and activations.
    pub scores: [f64; 2],
    /// Activations for each element of the residual stream, by what is split with heads and the feed-forward width.
    pub split: f64,
    /// Activations for each element of the residual stream as it is kept between matmuls.
    pub stream: f64,
}

/// Activations that the backward pass of a layer finds, for each element of the residual stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// Those that lie as the residual stream does.
    pub stream: f64,
    /// Those that are split with heads and the feed-forward width.
    pub split: f64,
    /// Activations for each attention score.
    pub scores: f64,
}

impl Work {
    /// The part that depends on a policy.
    pub fn policy(&self, policy: RematPolicy) -> &PolicyWork {
        let [none, selective, attention, full] = &self.policies;
        match policy {
            RematPolicy::None => none,
            RematPolicy::Selective => selective,
            RematPolicy::Attention => attention,
            RematPolicy::Full => full,
        }
    }
}
