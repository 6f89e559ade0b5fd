//! What a plan takes at least, by arithmetic.

use super::{Sizes, Space, Workload};
use crate::machine::Collective;
use crate::plan::{DATA, MODEL, MeshShape, Plan, RematPolicy};

/// Least step time and memory a plan can have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Seconds of a step.
    pub seconds: f64,
    /// Bytes at the peak, on each device.
    pub bytes: u64,
}

/// Parts of a program's work and memory that the arithmetic leaves aside are small: this much of it is certain.
const CERTAIN: f64 = 0.97;

/// What passes over memory read and write at least, in a layer of one microbatch on one device; found by pricing every plan
/// of the paper's models on machines of all kinds. A test compares bounds with prices.
struct Passes {
    /// Float32 numbers for each attention score. (As many as [`SCORE_ACTIVATIONS`] are activations.)
    scores: f64,
    /// Activations for each element of the residual stream, by products of split heads and by what is between them.
    split: f64,
    /// Activations for each element of the residual stream as it is kept.
    stream: f64,
}

const SCORE_ACTIVATIONS: f64 = 5.0;

/// Bytes read and written for each parameter by the optimiser, and for each of a microbatch's gradients when it is added up.
const UPDATE_BYTES: f64 = 50.0;
const ACCUMULATE_BYTES: f64 = 9.0;

fn passes(remat: RematPolicy) -> Passes {
    match remat {
        RematPolicy::None => Passes { scores: 4.0, split: 105.0, stream: 28.0 },
        RematPolicy::Selective | RematPolicy::Attention => Passes { scores: 9.4, split: 105.0, stream: 30.0 },
        RematPolicy::Full => Passes { scores: 9.4, split: 100.0, stream: 32.0 },
    }
}

/// A plan's sizes on one device.
struct Local {
    /// Layers of a stage.
    layers: f64,
    /// Microbatches that a stage works through, those that fill and empty the pipeline included.
    ticks: f64,
    /// Tokens of one microbatch.
    tokens: f64,
    /// Elements of the residual stream of one microbatch.
    elements: f64,
    /// Those of a part that products of split heads have.
    split: f64,
    /// Those of the part that is kept.
    kept: f64,
    /// Attention scores of one microbatch and layer.
    scores: f64,
    /// Parameters, as products read them.
    parameters: f64,
}

impl Local {
    fn new(sizes: &Sizes, plan: &Plan) -> Local {
        let MeshShape { stage, data, model } = plan.mesh;
        let layers = (sizes.layers / stage) as f64;
        let sequences = plan.microbatch() as f64 / data as f64;
        let tokens = sequences * plan.sequence_length as f64;
        let elements = tokens * sizes.embed as f64;
        let split = elements / model as f64;
        let parameters = layers * sizes.layer_parameters as f64 + sizes.other_parameters as f64;
        Local {
            layers,
            ticks: (plan.microbatches + stage - 1) as f64,
            tokens,
            elements,
            split,
            kept: if plan.sequence_sharding { split } else { elements },
            scores: sequences * (sizes.scores as f64) * sizes.heads as f64 / model as f64,
            parameters: parameters / model as f64,
        }
    }
}

/// Arithmetic on what every such plan has.
///
/// Memory: the state, the gradients' sums, and what the backward pass keeps. Time: products at the chip's best; passes over
/// memory of attention, of the residual stream and of the optimiser; the activations that the products of a layer exchange
/// over `model`; the gradients and gathered parameters over `data`.
pub fn bound(space: &Space, sizes: &Sizes, workload: &dyn Workload, plan: &Plan) -> Bound {
    let local = Local::new(sizes, plan);
    let scores = score_products(sizes, plan, &local);
    let scores = (scores.operations / space.flops_per_second).max(workload.pass_seconds(scores.bytes));
    let seconds = products(sizes, plan, &local) / space.flops_per_second
        + scores
        + workload.pass_seconds(passed(sizes, plan, &local))
        + exchanged(sizes, workload, plan, &local);
    Bound { seconds, bytes: memory(sizes, plan, &local) as u64 }
}

/// Devices that share what a ZeRO level splits.
fn sharers(plan: &Plan, zero: u8) -> f64 {
    if plan.zero >= zero { plan.mesh.data as f64 } else { 1.0 }
}

/// Bytes of a gradient while a microbatch's are added up.
fn gradient_bytes(sizes: &Sizes, plan: &Plan) -> f64 {
    if plan.microbatches > 1 { 4.0 } else { sizes.parameter_bytes as f64 }
}

/// Floating-point operations of products with weights in a step on one device. Each product is done once forward and twice
/// backward, and once more where the backward pass does not find its result.
fn products(sizes: &Sizes, plan: &Plan, local: &Local) -> f64 {
    let (embed, wide) = (sizes.embed as f64, sizes.feed_forward as f64);
    let heads = (sizes.heads * sizes.key_value_size) as f64;
    // Query, key, value and output; the two of the feed-forward layer.
    let (attention, hidden) = (4.0 * embed * heads, embed * wide);
    let again = match plan.remat {
        RematPolicy::None | RematPolicy::Selective => 0.0,
        RematPolicy::Attention => hidden,
        RematPolicy::Full => attention + hidden,
    };
    let layers = (3.0 * (attention + 2.0 * hidden) + again) * local.layers * local.ticks;
    let logits = 3.0 * embed * sizes.vocabulary as f64 * plan.microbatches as f64;
    2.0 * CERTAIN * (layers + logits) * local.tokens / plan.mesh.model as f64
}

/// What products of attention scores take in a step on one device. With narrow heads, a device waits for the scores' bytes.
struct ScoreProducts {
    operations: f64,
    bytes: f64,
}

fn score_products(sizes: &Sizes, plan: &Plan, local: &Local) -> ScoreProducts {
    // Content, distances and values: forward, twice backward, and again if they are not kept.
    let (products, float32) = if plan.remat == RematPolicy::None { (9.0, 6.0) } else { (12.0, 8.7) };
    let scores = local.scores * local.layers * local.ticks;
    ScoreProducts {
        operations: 2.0 * CERTAIN * products * scores * sizes.key_value_size as f64,
        bytes: scores * (float32 * 4.0 + 3.3 * sizes.activation_bytes as f64),
    }
}

/// Bytes that passes over memory read and write in a step on one device.
fn passed(sizes: &Sizes, plan: &Plan, local: &Local) -> f64 {
    let Passes { scores, split, stream } = passes(plan.remat);
    let activation = sizes.activation_bytes as f64;
    let layer = local.scores * (4.0 * scores + SCORE_ACTIVATIONS * activation)
        + (local.split * split + local.kept * stream) * activation;
    let accumulate = match plan.microbatches {
        1 => 0.0,
        microbatches => microbatches as f64 * ACCUMULATE_BYTES / sharers(plan, 2),
    };
    layer * local.layers * local.ticks + local.parameters * (UPDATE_BYTES / sharers(plan, 1) + accumulate)
}

/// Seconds of what devices exchange.
fn exchanged(sizes: &Sizes, workload: &dyn Workload, plan: &Plan, local: &Local) -> f64 {
    let MeshShape { data, model, .. } = plan.mesh;
    let mut seconds = 0.0;
    if model > 1 {
        let bytes = local.elements * sizes.activation_bytes as f64;
        let gather = workload.collective_seconds(plan.mesh, MODEL, Collective::AllGather, bytes);
        seconds += 8.0 * gather * local.layers * local.ticks;
    }
    if data > 1 {
        let of_layers = local.layers * sizes.layer_parameters as f64 / model as f64;
        let scatter = |bytes| workload.collective_seconds(plan.mesh, DATA, Collective::ReduceScatter, bytes);
        let often = if plan.zero >= 2 { plan.microbatches as f64 } else { 1.0 };
        // A layer's gradients are of the activations' dtype before they are summed.
        let narrow = gradient_bytes(sizes, plan).min(sizes.activation_bytes as f64);
        seconds += often * scatter(of_layers * narrow) * 0.9;
        if plan.zero >= 3 {
            let gathered = of_layers * sizes.activation_bytes.min(sizes.parameter_bytes) as f64;
            seconds += 1.8 * plan.microbatches as f64 * scatter(gathered);
        }
    }
    seconds
}

/// Bytes on one device.
fn memory(sizes: &Sizes, plan: &Plan, local: &Local) -> f64 {
    let activation = sizes.activation_bytes as f64;
    let kept = match plan.remat {
        RematPolicy::Full => local.kept,
        RematPolicy::Attention => 2.0 * local.kept + 1.7 * local.split,
        RematPolicy::Selective => 2.0 * local.kept + 5.4 * local.split,
        RematPolicy::None => 2.0 * local.kept + 18.0 * local.split + local.scores,
    };
    let stages = plan.mesh.stage as f64;
    let in_flight = if stages > 1.0 { 2.0 * stages - 1.0 } else { 1.0 };
    let gradients = if plan.microbatches > 1 { gradient_bytes(sizes, plan) } else { 0.0 };
    local.parameters
        * (sizes.parameter_bytes as f64 / sharers(plan, 3)
            + 8.0 / sharers(plan, 1)
            + gradients / sharers(plan, 2))
        + kept * activation * local.layers * in_flight
}
