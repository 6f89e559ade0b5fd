//! What is said of plans: the predicted, the compiled, and how far they are apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cost::{CollectiveTotal, Estimate, MemoryItem, TimeItem};
use crate::machine::Topology;
use crate::margin::Fit;
use crate::plan::Plan;

/// What of a model matters to a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// Its name.
    pub name: String,
    /// Trained numbers.
    pub parameters: u64,
    /// Dtypes of parameters and activations.
    pub precision: String,
    /// Floating-point operations that one token of training takes at least: see [`MFU`].
    pub flops_per_token: f64,
}

/// How MFU is defined here.
pub const MFU: &str = "MFU = tokens/s * (6N + 12*L*H*K*T) / (devices * peak), with N parameters, L layers, H heads of width K, \
                       sequences of T; what is computed again does not count (Chowdhery et al. 2022, appendix B). \
                       HFU counts the matmuls that are done";

/// Plans for a model on a machine: the recommended one, and then the others, fastest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The model.
    pub model: ModelFacts,
    /// The machine.
    pub topology: String,
    /// Its slices.
    pub slices: usize,
    /// Its devices.
    pub devices: usize,
    /// Memory of a device that programs may use, in bytes.
    pub memory_bytes_per_device: u64,
    /// Tokens of a batch.
    pub batch_tokens: u64,
    /// Tokens of a sequence.
    pub sequence_length: usize,
    /// What the numbers rest on.
    pub assumptions: Vec<String>,
    /// Plans in the search's space, and how many of them were built and priced; 0 for a plan that was given.
    pub candidates: usize,
    /// See `candidates`.
    pub priced: usize,
    /// The plans.
    pub plans: Vec<PlanEntry>,
}

/// A plan with what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanEntry {
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// Whether it fits, and who says so.
    pub fit: Fit,
    /// By the cost model.
    pub predicted: Predicted,
    /// Its step if the machine's links are worse than assumed; of the recommended plan only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
    /// By the compiler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiled: Option<Measured>,
    /// How far the prediction is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Errors>,
}

/// The cost model's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Most memory in use at once on a device.
    pub peak_bytes_per_device: u64,
    /// Seconds of a step, nothing overlapping, each collective on its own links.
    pub step_seconds: f64,
    /// The same if collectives ran entirely beside the rest.
    pub overlapped_seconds: f64,
    /// Seconds of a step by the estimator that compiled programs get: collectives at one assumed rate, those across
    /// slices free.
    pub estimator_seconds: f64,
    /// Tokens per second, at `step_seconds`.
    pub tokens_per_second: f64,
    /// Model FLOPs utilisation, at `step_seconds`.
    pub mfu: f64,
    /// Hardware FLOPs utilisation: the same with the matmuls that are computed again.
    pub hfu: f64,
    /// Seconds of matmuls.
    #[serde(rename = "product_seconds")]
    pub matmul_seconds: f64,
    /// Seconds of memory-bound ops: all else a device does alone.
    #[serde(rename = "pass_seconds")]
    pub memory_bound_seconds: f64,
    /// Seconds of collectives.
    pub collective_seconds: f64,
    /// Number and ring bytes of collectives in a step as the compiler makes them, by kind and group size.
    pub collectives: BTreeMap<String, CollectiveTotal>,
    /// The part of a step in which stages wait for each other.
    pub bubble: f64,
    /// What is in memory at the peak.
    pub memory: Vec<MemoryItem>,
    /// Where the time goes.
    pub time: Vec<TimeItem>,
}

/// Seconds of a step, nothing overlapping, on links that are worse than assumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// With half the bandwidth of all links, fast ones and network.
    pub half_bandwidth_step_seconds: f64,
    /// With a millisecond before the first byte of each transfer between slices or hosts; `None` if there is but one.
    pub millisecond_latency_step_seconds: Option<f64>,
}

/// The compiler's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Most memory in use at once on a device.
    pub peak_bytes_per_device: u64,
    /// Seconds of a step: the compiler's cycles and collectives at the assumed rate, one after the other; `None` if the
    /// compiler estimates no cycles.
    pub step_seconds: Option<f64>,
    /// The same with collectives beside the rest.
    pub overlapped_seconds: Option<f64>,
    /// Seconds of fusions with matmuls.
    pub matrix_seconds: Option<f64>,
    /// Seconds of collectives at the assumed rate.
    pub collective_seconds: f64,
    /// MFU at `step_seconds`.
    pub mfu: Option<f64>,
    /// MFU at `overlapped_seconds`.
    pub overlapped_mfu: Option<f64>,
    /// Seconds of a step by the second clock: the bundles of the compiler's final schedule, or an operation's bytes of memory
    /// where they take longer, and collectives at the assumed rate, one after the other; `None` if it was not asked for or not
    /// to be had.
    #[serde(default)]
    pub schedule_seconds: Option<f64>,
    /// MFU at `schedule_seconds`.
    #[serde(default)]
    pub schedule_mfu: Option<f64>,
    /// The part of the cycles of `schedule_seconds` that is estimated, of operations without a schedule.
    #[serde(default)]
    pub schedule_estimated: Option<f64>,
    /// Seconds the compiler took.
    pub compile_seconds: f64,
    /// Host memory it took, in bytes.
    pub host_bytes: u64,
    /// Number and ring bytes of collectives in a step, by kind and group size.
    pub collectives: BTreeMap<String, CollectiveTotal>,
    /// Whether the verdict was known from before.
    pub known: bool,
}

/// Predicted over compiled, less 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// Of the peak memory.
    pub peak_bytes_per_device: f64,
    /// Of the step time by the same estimator.
    pub step_seconds: Option<f64>,
    /// Of the time of matmuls.
    pub matrix_seconds: Option<f64>,
}

impl PlanEntry {
    /// A plan with its price.
    pub fn new(
        plan: Plan,
        estimate: &Estimate,
        model: &ModelFacts,
        topology: &Topology,
        peak: f64,
    ) -> PlanEntry {
        let tokens = plan.tokens() as f64;
        let machine = topology.devices() as f64 * peak;
        let mfu = |seconds: f64| tokens * model.flops_per_token / seconds / machine;
        let stages = plan.stages as f64;
        let predicted = Predicted {
            peak_bytes_per_device: estimate.peak_bytes(),
            step_seconds: estimate.step_seconds,
            overlapped_seconds: estimate.overlapped_seconds(),
            estimator_seconds: estimate.estimator_seconds(),
            tokens_per_second: tokens / estimate.step_seconds,
            mfu: mfu(estimate.step_seconds),
            hfu: estimate.matmul_flops / estimate.step_seconds / peak,
            matmul_seconds: estimate.matmul_seconds,
            memory_bound_seconds: estimate.memory_bound_seconds,
            collective_seconds: estimate.collective_seconds,
            collectives: estimate.collectives.clone(),
            bubble: (stages - 1.0) / (plan.microbatches as f64 + stages - 1.0),
            memory: estimate.memory.clone(),
            time: estimate.time.clone(),
        };
        let memory = topology.chip().memory_bytes;
        let fit = Fit::predicted(topology.kind(), predicted.peak_bytes_per_device, memory);
        PlanEntry { plan, fit, predicted, sensitivity: None, compiled: None, errors: None }
    }
}

/// What a report's numbers rest on, for a machine.
pub fn assumptions(topology: &Topology) -> Vec<String> {
    let chip = topology.chip();
    let mut all = vec![
        MFU.to_owned(),
        "predicted step: matmuls, memory-bound ops and collectives one after the other; collectives on the links they \
         go over (docs/topologies.md)"
            .to_owned(),
        format!(
            "estimator: collectives one after the other at {:.0} GB/s per device, those between slices or hosts free, \
             starting them free",
            chip.estimator_link_bytes_per_second() / 1e9
        ),
    ];
    if topology.kind() == crate::DeviceKind::Tpu {
        all.push(format!(
            "compiled step: the TPU compiler's estimated cycles at {:.0} MHz, and collectives by the estimator; not measured \
             on hardware",
            chip.clock_hz / 1e6
        ));
    }
    all
}
