//! What does not fall into equal parts is refused by name, before anything is compiled; vocabularies are padded.

use model::Gopher;
use sharding::plan::{Plan, RematPolicy};

use crate::case::{plan, planned};

fn model() -> Gopher {
    Gopher { layers: 4, heads: 4, key_value_size: 4, d_model: 16, vocabulary_size: 24 }
}

#[track_caller]
fn refused(model: Gopher, plan: Plan, expected: &str) {
    assert_eq!(planned(model).step(&plan).unwrap_err().to_string(), expected);
}

#[test]
fn layers_that_are_not_equal_stages() {
    refused(
        model(),
        plan([3, 1, 1], 3, 0, RematPolicy::None),
        "4 layers do not fall into 3 equal stages of mesh axis `stage`",
    );
}

#[test]
fn heads() {
    let model = Gopher { heads: 6, d_model: 24, ..model() };
    refused(
        model,
        plan([1, 1, 4], 1, 0, RematPolicy::None),
        "`parameters/layers/attention/query`: heads (6) does not fall into 4 equal parts over mesh axis model",
    );
}

/// A vocabulary is padded instead: [`crate::equality`] shows that it changes nothing.
#[test]
fn the_vocabulary_is_padded() {
    let planned = planned(Gopher { vocabulary_size: 23, ..model() });
    let types = planned.step(&plan([1, 1, 4], 1, 0, RematPolicy::None)).unwrap().param_types().unwrap();
    assert_eq!(types[0].shape, [24, 16]);
}

#[test]
fn the_hidden_layer() {
    let model = Gopher { heads: 16, d_model: 14, vocabulary_size: 32, ..model() };
    refused(
        model,
        plan([1, 1, 16], 1, 0, RematPolicy::None),
        "`parameters/layers/feed_forward/in`: feed_forward (56) does not fall into 16 equal parts over mesh axis model",
    );
}

#[test]
fn the_width_over_replicas() {
    let model = Gopher { d_model: 14, ..model() };
    refused(
        model,
        plan([1, 4, 1], 1, 1, RematPolicy::None),
        "`adam/m/embedding`: embed (14) does not fall into 4 equal parts over mesh axis data",
    );
}

#[test]
fn sequences() {
    let plan =
        Plan { sequence_sharding: true, sequence_length: 10, ..plan([1, 1, 4], 1, 0, RematPolicy::None) };
    refused(
        model(),
        plan,
        "a tensor of activations in `embedding`: residual_time (10) does not fall into 4 equal parts over mesh axis model",
    );
}

#[test]
fn the_batch() {
    refused(
        model(),
        plan([1, 3, 1], 1, 0, RematPolicy::None),
        "`tokens`: batch (8) does not fall into 3 equal parts over mesh axis data",
    );
}
