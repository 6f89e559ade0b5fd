//! The work of a model's training, as far as lower bounds of plans are computed from it.

use std::ops::{Add, Mul};

use crate::plan::RematPolicy;

/// What of a model decides how it can be split, and what each device then does at least. A model's architecture says it
/// (`model::Architecture::work`); numbers are of elements and multiply-adds unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PolicyWork {
    /// Multiply-adds of one token in matmuls with weights that the backward pass computes again.
    pub recomputed_matmuls: f64,
    /// How often the forward matmuls of scores are computed: once forward, twice backward, and once more if recomputed.
    pub score_matmuls: f64,
    /// Numbers that these matmuls read and write for each score.
    pub score_matmul_traffic: Numbers,
    /// What memory-bound operations read and write.
    pub traffic: Traffic,
    /// What is kept for the backward pass.
    pub kept: Kept,
}

/// Numbers in memory: float32 ones, and ones of the activations' dtype.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Those that are float32 whatever the activations are.
    pub float32: f64,
    /// Those of the activations' dtype.
    pub activations: f64,
}

impl Numbers {
    /// So many of each.
    pub const fn new(float32: f64, activations: f64) -> Numbers {
        Numbers { float32, activations }
    }

    /// Their bytes, with activations of `activation` bytes.
    pub fn bytes(self, activation: u64) -> f64 {
        4.0 * self.float32 + activation as f64 * self.activations
    }
}

impl Add for Numbers {
    type Output = Numbers;

    fn add(self, other: Numbers) -> Numbers {
        Numbers::new(self.float32 + other.float32, self.activations + other.activations)
    }
}

impl Mul<f64> for Numbers {
    type Output = Numbers;

    fn mul(self, times: f64) -> Numbers {
        Numbers::new(self.float32 * times, self.activations * times)
    }
}

/// Numbers that memory-bound operations of a layer read and write at least, forward and backward: what of the priced
/// program is there in every plan. A test compares bounds with prices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    /// For each attention score.
    pub scores: Numbers,
    /// For each token, of what is split with heads and the feed-forward width.
    pub split: Numbers,
    /// For each token, of the residual stream as it lies between matmuls.
    pub stream: Numbers,
}

/// Numbers that the backward pass of a layer finds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Kept {
    /// For each attention score.
    pub scores: Numbers,
    /// For each token, of what is split with heads and the feed-forward width.
    pub split: Numbers,
    /// For each token, of what lies as the residual stream does.
    pub stream: Numbers,
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
