//! What a plan takes at least, by arithmetic.

use super::{DtypeBytes, Kept, Space, Traffic, Work, Workload};
use crate::machine::Collective;
use crate::plan::{DATA, MODEL, MeshShape, Plan};

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

/// Bytes read and written for each parameter by the optimiser, and for each of a microbatch's gradients when it is added up.
const UPDATE_BYTES: f64 = 50.0;
const ACCUMULATE_BYTES: f64 = 9.0;

/// A plan's sizes on one device.
struct Local {
    /// Layers of a stage.
    layers: f64,
    /// Microbatches that a stage works through, those that fill and empty the pipeline included.
    ticks: f64,
    /// Tokens of one microbatch.
    tokens: f64,
    /// Tokens' worth of what is split with heads and the feed-forward width.
    split: f64,
    /// Tokens' worth of the residual stream between matmuls.
    stream: f64,
    /// Attention scores of one microbatch and layer.
    scores: f64,
    /// Parameters, as matmuls read them.
    parameters: f64,
}

impl Local {
    fn new(work: &Work, plan: &Plan) -> Local {
        let MeshShape { stage, data, model } = plan.mesh;
        let layers = (work.layers / stage) as f64;
        let sequences = plan.microbatch() as f64 / data as f64;
        let tokens = sequences * plan.sequence_length as f64;
        let split = tokens / model as f64;
        let parameters = layers * work.layer_parameters as f64 + work.other_parameters as f64;
        Local {
            layers,
            ticks: (plan.microbatches + stage - 1) as f64,
            tokens,
            split,
            stream: if plan.sequence_sharding { split } else { tokens },
            scores: sequences * work.scores / model as f64,
            parameters: parameters / model as f64,
        }
    }
}

/// Arithmetic on what every such plan has.
///
/// Memory: the state, the gradients' sums, and what the backward pass keeps. Time: matmuls at the chip's best; memory
/// traffic of attention, of the residual stream and of the optimiser; the activations that the matmuls of a layer exchange
/// over `model`; the gradients and gathered parameters over `data`.
pub fn bound(space: &Space, work: &Work, workload: &dyn Workload, plan: &Plan) -> Bound {
    let (local, bytes) = (Local::new(work, plan), workload.dtype_bytes());
    let scores = score_matmuls(work, bytes, plan, &local);
    let scores =
        (scores.operations / space.flops_per_second).max(workload.memory_bound_seconds(scores.bytes));
    let seconds = matmuls(work, plan, &local) / space.flops_per_second
        + scores
        + workload.memory_bound_seconds(traffic(work, bytes, plan, &local))
        + exchanged(work, workload, plan, &local);
    Bound { seconds, bytes: memory(work, bytes, plan, &local) as u64 }
}

/// Devices that share what a ZeRO level splits.
fn sharers(plan: &Plan, zero: u8) -> f64 {
    if plan.zero >= zero { plan.mesh.data as f64 } else { 1.0 }
}

/// Bytes of a gradient while a microbatch's are added up.
fn gradient_bytes(bytes: DtypeBytes, plan: &Plan) -> f64 {
    if plan.microbatches > 1 { 4.0 } else { bytes.parameter as f64 }
}

/// Floating-point operations of matmuls with weights in a step on one device. Each is done once forward and twice
/// backward, and once more where the backward pass does not find its result.
fn matmuls(work: &Work, plan: &Plan, local: &Local) -> f64 {
    let recomputed = work.policy(plan.remat).recomputed_matmuls;
    let layers = (3.0 * work.layer_matmuls + recomputed) * local.layers * local.ticks;
    let logits = 3.0 * work.head_matmuls * plan.microbatches as f64;
    2.0 * CERTAIN * (layers + logits) * local.tokens / plan.mesh.model as f64
}

/// What matmuls of attention scores take in a step on one device. With narrow heads, a device waits for the scores' bytes.
struct ScoreMatmuls {
    operations: f64,
    bytes: f64,
}

fn score_matmuls(work: &Work, bytes: DtypeBytes, plan: &Plan, local: &Local) -> ScoreMatmuls {
    let policy = work.policy(plan.remat);
    let scores = local.scores * local.layers * local.ticks;
    ScoreMatmuls {
        operations: 2.0 * CERTAIN * (policy.score_matmuls * work.score_matmuls) * scores,
        bytes: scores * policy.score_matmul_traffic.bytes(bytes.activation),
    }
}

/// Bytes that memory-bound operations read and write in a step on one device.
fn traffic(work: &Work, bytes: DtypeBytes, plan: &Plan, local: &Local) -> f64 {
    let Traffic { scores, split, stream } = work.policy(plan.remat).traffic;
    let layer = scores * local.scores + split * local.split + stream * local.stream;
    let accumulate = match plan.microbatches {
        1 => 0.0,
        microbatches => microbatches as f64 * ACCUMULATE_BYTES / sharers(plan, 2),
    };
    layer.bytes(bytes.activation) * local.layers * local.ticks
        + local.parameters * (UPDATE_BYTES / sharers(plan, 1) + accumulate)
}

/// Seconds of what devices exchange.
fn exchanged(work: &Work, workload: &dyn Workload, plan: &Plan, local: &Local) -> f64 {
    let MeshShape { data, model, .. } = plan.mesh;
    let bytes = workload.dtype_bytes();
    let mut seconds = 0.0;
    if model > 1 {
        let gathered = local.tokens * (work.embed as u64 * bytes.activation) as f64;
        let gather = workload.collective_seconds(plan.mesh, MODEL, Collective::AllGather, gathered);
        seconds += 8.0 * gather * local.layers * local.ticks;
    }
    if data > 1 {
        let of_layers = local.layers * work.layer_parameters as f64 / model as f64;
        let over_data = |collective, bytes| workload.collective_seconds(plan.mesh, DATA, collective, bytes);
        let often = if plan.zero >= 2 { plan.microbatches as f64 } else { 1.0 };
        // A layer's gradients are of the activations' dtype before they are summed.
        let narrow = gradient_bytes(bytes, plan).min(bytes.activation as f64);
        seconds += often * over_data(Collective::ReduceScatter, of_layers * narrow) * 0.9;
        if plan.zero >= 3 {
            let gathered = of_layers * bytes.activation.min(bytes.parameter) as f64;
            seconds += 1.8 * plan.microbatches as f64 * over_data(Collective::AllGather, gathered);
        }
    }
    seconds
}

/// Bytes on one device.
fn memory(work: &Work, bytes: DtypeBytes, plan: &Plan, local: &Local) -> f64 {
    let Kept { scores, split, stream } = work.policy(plan.remat).kept;
    let kept = scores * local.scores + split * local.split + stream * local.stream;
    let stages = plan.mesh.stage as f64;
    let in_flight = if stages > 1.0 { 2.0 * stages - 1.0 } else { 1.0 };
    let gradients = if plan.microbatches > 1 { gradient_bytes(bytes, plan) } else { 0.0 };
    local.parameters
        * (bytes.parameter as f64 / sharers(plan, 3) + 8.0 / sharers(plan, 1) + gradients / sharers(plan, 2))
        + kept.bytes(bytes.activation) * local.layers * in_flight
}
