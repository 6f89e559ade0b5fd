//! What the backward pass of the layers keeps: values by name, and policies by name.

use graph::Remat;

/// Names of values inside a layer that [`Remat::Save`] can keep. Where a plan splits sequences or heads, each is the
/// split tensor, not the gathered one.
pub const SAVEABLE: [&str; 7] = [
    "attention_input",
    "query",
    "key",
    "value",
    "attention_result",
    "attention_output",
    "feed_forward_hidden",
];

/// What the backward pass keeps of each layer; it computes the rest again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Everything it reads, and computes again what costs nothing.
    None,
    /// The layer's input, query, key, value, attention's result, the stream after attention, and the feed-forward hidden
    /// layer before its activation. Computed again: normalisation, GELU, and inside attention scores, softmax and the
    /// weighted values.
    Selective,
    /// As [`Policy::Selective`] without the hidden layer: the first matmul of the feed-forward block is computed again
    /// too.
    Attention,
    /// The layer's input only.
    Full,
}

impl Policy {
    /// Every policy, from the one that keeps most to the one that computes most again.
    pub const ALL: [Policy; 4] = [Policy::None, Policy::Selective, Policy::Attention, Policy::Full];

    /// Its name in configurations and plans.
    pub const fn name(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Selective => "selective",
            Policy::Attention => "attention",
            Policy::Full => "full",
        }
    }

    /// What it says of a scan over layers.
    pub fn remat(self) -> Remat {
        let save = |names: &[&str]| Remat::Save(names.iter().map(|name| name.to_string()).collect());
        let [_, query, key, value, result, output, hidden] = SAVEABLE;
        match self {
            Policy::None => Remat::None,
            Policy::Selective => save(&[query, key, value, result, output, hidden]),
            Policy::Attention => save(&[query, key, value, result, output]),
            Policy::Full => Remat::Full,
        }
    }
}

/// The names of [`Policy::ALL`].
pub const POLICIES: [&str; 4] =
    [Policy::None.name(), Policy::Selective.name(), Policy::Attention.name(), Policy::Full.name()];

/// What the [`Policy`] of a name keeps, if there is one.
pub fn policy(name: &str) -> Option<Remat> {
    Policy::ALL.into_iter().find(|policy| policy.name() == name).map(Policy::remat)
}
