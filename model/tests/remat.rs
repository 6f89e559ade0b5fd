//! What each policy keeps of a layer.

mod common;

use std::collections::BTreeSet;

use common::{models, tiny};
use graph::{Builder, DType, Function, Op, Scan, TensorType};
use model::parameters::add_params;
use model::remat::{POLICIES, SAVEABLE, policy};
use model::{ForwardOptions, ModelConfig};

const BATCH: usize = 2;
const TIME: usize = 6;

fn loss_and_gradients(model: &ModelConfig, name: &str, activations: DType) -> Function {
    let b = Builder::new("loss_and_gradients");
    let parameters = add_params(&b, model, "", DType::F32);
    let ty = TensorType::new(DType::I32, [BATCH, TIME]);
    let (tokens, targets) = (b.param("tokens", ty.clone(), &[]), b.param("targets", ty, &[]));
    let options = ForwardOptions { activations, remat: policy(name).unwrap(), queries: 4.into() };
    let loss = model::loss(&b, model, &options, &parameters, tokens, targets).unwrap();
    for (index, gradient) in graph::gradient(&b, loss, &parameters).unwrap().into_iter().enumerate() {
        b.output(format!("gradient{index}"), gradient);
    }
    b.finish().unwrap()
}

/// The scan over layers, and the one back over them.
fn layers(function: &Function) -> [&Scan; 2] {
    let scan = |name: &str| {
        let mut scans = function.nodes.iter().filter_map(|node| match &node.op {
            Op::Scan(scan) if scan.body.name == name => Some(&**scan),
            _ => None,
        });
        scans.next().unwrap()
    };
    [scan("layers"), scan("layers_backward")]
}

/// Types of what is kept of each layer, sorted.
fn kept(name: &str, activations: DType) -> Vec<String> {
    let function = loss_and_gradients(&tiny(), name, activations);
    let [forward, _] = layers(&function);
    let mut types: Vec<_> =
        forward.body.result_types()[forward.carries..].iter().map(TensorType::to_string).collect();
    types.sort();
    types
}

#[test]
fn selective_keeps_operands_of_products_and_the_stream() {
    for dtype in [DType::F32, DType::BF16] {
        let ty = |shape: &[usize]| TensorType::new(dtype, shape).to_string();
        let stream = ty(&[BATCH, TIME, 8]);
        let heads = ty(&[3, BATCH, TIME, 5]);
        let mut expected = vec![
            // The layer's input, and the stream after attention.
            stream.clone(),
            stream.clone(),
            ty(&[BATCH, TIME, 3, 5]),
            // Query, key, value.
            heads.clone(),
            heads.clone(),
            heads,
            ty(&[BATCH, TIME, 32]),
        ];
        expected.sort();
        assert_eq!(kept("selective", dtype), expected);
        expected.retain(|kept| *kept != ty(&[BATCH, TIME, 32]));
        assert_eq!(kept("attention", dtype), expected);
        assert_eq!(kept("full", dtype), [stream]);
    }
}

#[test]
fn policies_are_in_order_of_what_they_keep() {
    for model in &models() {
        let bytes = |name: &str| -> usize {
            let function = loss_and_gradients(model, name, DType::BF16);
            let [forward, _] = layers(&function);
            forward.body.result_types()[forward.carries..].iter().map(TensorType::bytes).sum()
        };
        let sizes = POLICIES.map(bytes);
        assert!(sizes.is_sorted_by(|more, less| more > less), "{}: {sizes:?}", model.kind());
    }
}

/// Of the matmuls, those inside attention alone are run again.
#[test]
fn selective_repeats_only_matmuls_inside_attention() {
    let dots = |model: &ModelConfig, name: &str| {
        let function = loss_and_gradients(model, name, DType::F32);
        let [forward, backward] = layers(&function);
        let count =
            |scan: &Scan| scan.body.nodes.iter().filter(|node| matches!(node.op, Op::Dot { .. })).count();
        (count(forward), count(backward))
    };
    // Content, position and value matmuls of two blocks; without positions two.
    for (model, inside) in models().iter().zip([3, 2, 2]) {
        let (forward, backward) = dots(model, "none");
        assert_eq!(dots(model, "selective").1, backward + inside * 2, "{}", model.kind());
        assert_eq!(dots(model, "full").1, backward + forward - 1, "{}: all but the last", model.kind());
    }
}

#[test]
fn every_name_is_in_the_model() {
    for model in &models() {
        let function = loss_and_gradients(model, "full", DType::F32);
        let [forward, _] = layers(&function);
        let names: BTreeSet<_> = forward
            .body
            .nodes
            .iter()
            .filter_map(|node| match &node.op {
                Op::Name(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(names, BTreeSet::from(SAVEABLE), "{}", model.kind());
    }
}
