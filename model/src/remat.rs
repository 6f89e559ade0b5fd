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

/// Names of the policies of [`policy`], from the one that keeps most to the one that computes most again.
pub const POLICIES: [&str; 4] = ["none", "selective", "attention", "full"];

/// The policy of a name, if there is one.
///
/// | name | keeps of each layer | computes again |
/// |---|---|---|
/// | `none` | whatever the backward pass reads | what costs nothing |
/// | `selective` | its input, query, key, value, attention's result, the stream after attention, the feed-forward hidden layer before its activation | normalisation, GELU, and inside attention scores, softmax and the weighted values |
/// | `attention` | as `selective` without the hidden layer | these, and the first product of the feed-forward block |
/// | `full` | its input | all |
pub fn policy(name: &str) -> Option<Remat> {
    let save = |names: &[&str]| Remat::Save(names.iter().map(|name| name.to_string()).collect());
    let [_, query, key, value, result, output, hidden] = SAVEABLE;
    Some(match name {
        "none" => Remat::None,
        "selective" => save(&[query, key, value, result, output, hidden]),
        "attention" => save(&[query, key, value, result, output]),
        "full" => Remat::Full,
        _ => return None,
    })
}
