//! What devices exchange in a step, of each kind of plan: read off the program as XLA optimised it, and held against the
//! program it was given, so that a collective that XLA adds is seen. Nothing runs here.
//!
//! A table has a line for each place:
//!
//! - `layer forward`, `layer backward`: in each layer, for each microbatch that passes it; what is computed or gathered
//!   again for the backward pass belongs to it;
//! - `ends`: in the whole step, for embedding, distances, logits and loss, of all microbatches, and for what goes from
//!   stage to stage;
//! - `step`: at the end of the step, for sums of gradients and losses, and the optimiser.
//!
//! XLA makes one of several all-reduces side by side, moves out of a loop what is the same in each turn, and drops what
//! nobody reads. Of the last two a line `saved` says so: its bytes are fewer than the given program's. Otherwise bytes
//! are equal.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use graph::{DType, Function, MeshAxis, Op, Partitioned};
use model::{Gopher, Precision};
use runtime::aot::Cost;
use sharding::machine::Collective;
use sharding::plan::{MeshShape, Plan, RematPolicy};

use crate::case::{Case, plan, planned, runtime};

/// Where, which, and along which axes.
type Key = (&'static str, &'static str, String);

/// How often in a step, and how many bytes of whole arrays altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Uses {
    executions: u64,
    bytes: u64,
}

type Counts = BTreeMap<Key, Uses>;

fn add(counts: &mut Counts, key: Key, executions: u64, bytes: u64) {
    let uses = counts.entry(key).or_default();
    uses.executions += executions;
    uses.bytes += executions * bytes;
}

const FORWARD: &str = "layer forward";
const BACKWARD: &str = "layer backward";
const ENDS: &str = "ends";
const STEP: &str = "step";

/// The place of a scope of the program. Those of combined operations are in parentheses.
fn place(scope: &str) -> &'static str {
    let mut parts = scope.trim_start_matches('(').split(['/', ':']);
    let has = |part: &str| scope.split('/').any(|other| other == part);
    match parts.next().unwrap_or_default() {
        "" | "optimizer" | "all_reduce" => STEP,
        _ if !has("layers") => ENDS,
        _ if has("gradient") || has("remat") => BACKWARD,
        _ => FORWARD,
    }
}

/// The collectives of the program that is given to XLA, loops multiplied out.
fn given(program: &Partitioned) -> Counts {
    fn walk(function: &Function, times: u64, counts: &mut Counts) {
        for node in &function.nodes {
            let operand = || function.ty(node.operands[0]).bytes() as u64;
            let result = || function.ty(node.results[0]).bytes() as u64;
            let (kind, axes, bytes) = match &node.op {
                Op::Scan(scan) => {
                    walk(&scan.body, times * scan.length as u64, counts);
                    continue;
                }
                Op::AllReduce { axes, .. } => (Collective::AllReduce, &axes[..], operand()),
                Op::AllGather { axes, .. } => (Collective::AllGather, &axes[..], result()),
                Op::ReduceScatter { axes, .. } => (Collective::ReduceScatter, &axes[..], operand()),
                Op::AllToAll { axes, .. } => (Collective::AllToAll, &axes[..], operand()),
                Op::Permute { axis, .. } => (Collective::Permute, std::slice::from_ref(axis), operand()),
                _ => continue,
            };
            let names: Vec<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
            let place = place(&function.scopes[node.scope as usize]);
            add(counts, (place, kind.name(), names.join("+")), times, bytes);
        }
    }
    let mut counts = Counts::new();
    walk(&program.function, 1, &mut counts);
    counts
}

/// The collectives of the program as XLA left it. Axes are told by the sizes of groups, which differ here.
fn optimised(case: &Case) -> Option<Counts> {
    // Collectives are XLA's work, not LLVM's.
    let program = case.compile(runtime()?);
    let optimised = program.executable().executable().optimized_program().unwrap();
    let cost = Cost::of(&optimised, &vec![0; case.plan.mesh.devices()], 1).unwrap();
    assert!(cost.loops.iter().all(|inner| inner.trips.is_some()), "{case:?}: {:?}", cost.loops);
    let mut counts = Counts::new();
    for used in cost.collectives {
        let axes = match used.kind {
            Collective::Permute => "stage".to_owned(),
            _ => axes_of_size(case.plan.mesh, used.group_size),
        };
        add(&mut counts, (place(&used.scope), used.kind.name(), axes), used.executions, used.bytes);
    }
    Some(counts)
}

fn axes_of_size(mesh: MeshShape, size: usize) -> String {
    let MeshShape { stage, data, model } = mesh;
    let axes = [("stage", stage), ("data", data), ("model", model)]
        .map(|(name, size)| MeshAxis { name: name.into(), size });
    let axes: Vec<_> = axes.iter().filter(|axis| axis.size > 1).collect();
    let sets = (1..1usize << axes.len()).map(|set| {
        (0..axes.len()).filter(|bit| set >> bit & 1 == 1).map(|bit| axes[bit]).collect::<Vec<_>>()
    });
    let fits = |set: &Vec<&MeshAxis>| set.iter().map(|axis| axis.size).product::<usize>() == size;
    let found: Vec<_> = sets.filter(fits).collect();
    assert_eq!(found.len(), 1, "groups of {size} on {mesh:?}");
    found[0].iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join("+")
}

/// The lines of a table.
fn table(case: &Case, given: &Counts, optimised: &Counts) -> Vec<String> {
    let Plan { stages, microbatches, .. } = case.plan;
    // Each tick of a pipeline has a forward and a backward half, but for `stages - 1` at the end and at the start.
    let layers = (case.planned.model.sizes().layers / stages * (microbatches + stages - 1)) as u64;
    let mut lines = Vec::new();
    for wanted in [FORWARD, BACKWARD, ENDS, STEP] {
        let mut entries = Vec::new();
        for ((place, kind, axes), uses) in optimised {
            if *place == wanted {
                let per = if [FORWARD, BACKWARD].contains(place) { layers } else { 1 };
                assert_eq!(uses.executions % per, 0, "{case:?}: {place} {kind} {axes}: {uses:?}");
                entries.push(format!("{} {kind} {axes}", uses.executions / per));
            }
        }
        if !entries.is_empty() {
            lines.push(format!("{wanted}: {}", entries.join(", ")));
        }
    }
    let keys: BTreeSet<&Key> = given.keys().chain(optimised.keys()).collect();
    for key in keys {
        let of = |counts: &Counts| counts.get(key).copied().unwrap_or_default();
        let (before, after) = (of(given), of(optimised));
        let (place, kind, axes) = key;
        let change = match before.bytes.cmp(&after.bytes) {
            // Operations may be combined, but not multiply.
            Ordering::Equal if after.executions <= before.executions => continue,
            Ordering::Greater => "saved",
            _ => "ADDED",
        };
        lines.push(format!("{change}: {place} {kind} {axes}, {} bytes of {}", after.bytes, before.bytes));
    }
    lines
}

/// Sizes that four devices of `model` and two of `data` divide, on sequences of 8 tokens, 8 of them.
fn model(layers: usize) -> Gopher {
    Gopher { layers, heads: 4, key_value_size: 4, d_model: 16, vocabulary_size: 24 }
}

/// The table of a plan is this one.
#[track_caller]
fn check(plan: Plan, expected: &[&str]) {
    let case = Case { planned: planned(model(3 * plan.stages)), plan };
    let Some(optimised) = optimised(&case) else { return };
    let table = table(&case, &given(&case.split()), &optimised);
    assert_eq!(table, expected, "{case:?}\n{}", table.join("\n"));
}

const NONE: RematPolicy = RematPolicy::None;

fn sequences(plan: Plan) -> Plan {
    Plan { sequence_sharding: true, ..plan }
}

/// All gradients and the loss in one sum over the replicas, however many microbatches there are.
#[test]
fn data_parallelism() {
    for microbatches in [1, 4] {
        check(plan([1, 2, 1], microbatches, 0, NONE), &["step: 1 all-reduce data"]);
    }
}

/// Of 17 tensors, 13 have a dimension `embed`, which is split: each replica sums its part of their gradients, and new
/// parameters are gathered. The biases without it are summed as before, together with the loss; then follows the norm.
#[test]
fn data_parallelism_with_the_optimizer_split() {
    for microbatches in [1, 2] {
        check(
            plan([1, 2, 1], microbatches, 1, NONE),
            &["step: 13 all-gather data, 2 all-reduce data, 13 reduce-scatter data"],
        );
    }
}

/// Gradients that can be scattered are so in every microbatch: ten tensors of each layer; outside, embedding and final
/// norm. Those of the relative projections are summed once, for each of three layers, and so are biases that have no
/// dimension to split.
#[test]
fn data_parallelism_with_gradients_split() {
    check(
        plan([1, 2, 1], 2, 2, NONE),
        &[
            "layer backward: 10 reduce-scatter data",
            "ends: 7 reduce-scatter data",
            "step: 13 all-gather data, 2 all-reduce data",
        ],
    );
}

/// Each layer's ten tensors are gathered when it runs forward, and the eight that its derivative reads when it runs back.
/// Outside the layers the relative projections are gathered in each of three layers; embedding and final norm once,
/// though they are read in both microbatches, for XLA moves that out of the loop.
#[test]
fn data_parallelism_with_parameters_split() {
    check(
        plan([1, 2, 1], 2, 3, NONE),
        &[
            "layer forward: 10 all-gather data",
            "layer backward: 8 all-gather data, 10 reduce-scatter data",
            "ends: 5 all-gather data, 7 reduce-scatter data",
            "step: 2 all-reduce data",
            "saved: ends all-gather data, 4672 bytes of 6272",
        ],
    );
}

/// Attention and feed-forward each end in a sum, and so do their derivatives. At the ends: the embedding, two sums of the
/// loss's softmax, the cotangent of the logits' input. At last the loss and the norm.
#[test]
fn tensor_parallelism() {
    check(
        plan([1, 1, 4], 1, 0, NONE),
        &[
            "layer forward: 2 all-reduce model",
            "layer backward: 2 all-reduce model",
            "ends: 4 all-reduce model",
            "step: 1 all-reduce model",
        ],
    );
    // What follows attention is computed again, and so is its sum.
    check(
        plan([1, 1, 4], 1, 0, RematPolicy::Full),
        &[
            "layer forward: 2 all-reduce model",
            "layer backward: 3 all-reduce model",
            "ends: 4 all-reduce model",
            "step: 1 all-reduce model",
        ],
    );
}

/// Each of the sums falls into a scattered sum and a gathering; the inputs of products are gathered again for their
/// derivatives. Gradients of norms and output biases are of part of the sequence, and summed at last.
#[test]
fn sequence_parallelism() {
    for remat in [RematPolicy::None, RematPolicy::Attention] {
        check(
            sequences(plan([1, 1, 4], 1, 0, remat)),
            &[
                "layer forward: 2 all-gather model, 2 reduce-scatter model",
                "layer backward: 4 all-gather model, 2 reduce-scatter model",
                "ends: 2 all-gather model, 2 all-reduce model, 2 reduce-scatter model",
                "step: 2 all-reduce model",
            ],
        );
    }
    check(
        sequences(plan([1, 1, 4], 1, 0, RematPolicy::Full)),
        &[
            "layer forward: 2 all-gather model, 2 reduce-scatter model",
            "layer backward: 4 all-gather model, 3 reduce-scatter model",
            "ends: 2 all-gather model, 2 all-reduce model, 2 reduce-scatter model",
            "step: 2 all-reduce model",
        ],
    );
}

/// Six ticks forward and six back each end in a step to the next stage. Gradients of what is outside the layers, loss
/// and norm are summed over stages once.
#[test]
fn pipeline() {
    check(plan([3, 1, 1], 4, 0, NONE), &["ends: 12 collective-permute stage", "step: 1 all-reduce stage"]);
}

/// Each axis has what it has alone.
#[test]
fn data_and_sequence_parallelism() {
    check(
        sequences(plan([1, 2, 4], 2, 1, RematPolicy::Selective)),
        &[
            "layer forward: 2 all-gather model, 2 reduce-scatter model",
            "layer backward: 4 all-gather model, 2 reduce-scatter model",
            "ends: 4 all-gather model, 4 all-reduce model, 4 reduce-scatter model",
            "step: 13 all-gather data, 1 all-reduce data, 1 all-reduce data+model, 1 all-reduce model, \
             13 reduce-scatter data",
        ],
    );
}

/// The layers have what each axis has alone. The embedding's gradient is made in parts of `embed`, from all replicas' cotangents and tokens: in each of
/// six ticks an all-to-all, and gatherings over `data` and `model`.
#[test]
fn all_axes() {
    check(
        sequences(plan([3, 2, 4], 4, 3, RematPolicy::Selective)),
        &[
            "layer forward: 10 all-gather data, 2 all-gather model, 2 reduce-scatter model",
            "layer backward: 8 all-gather data, 4 all-gather model, 10 reduce-scatter data, 2 reduce-scatter model",
            "ends: 12 all-gather data, 10 all-gather model, 8 all-reduce model, 6 all-to-all data, \
             12 collective-permute stage, 11 reduce-scatter data, 10 reduce-scatter model",
            "step: 2 all-reduce data, 1 all-reduce data+model, 2 all-reduce model, 1 all-reduce stage",
            "saved: ends all-gather data, 1984 bytes of 3712",
        ],
    );
}

/// libtpu 0.0.52 fails a check of its own where scattered bfloat16 numbers are converted and added up in a loop.
#[test]
fn gradients_added_up_in_a_loop_are_scattered_in_float32() {
    let mut planned = planned(model(3));
    planned.precision = Precision { parameters: DType::BF16, activations: DType::BF16 };
    let function = Case { planned, plan: plan([1, 2, 1], 2, 2, NONE) }.split().function;
    let microbatches = function.nodes.iter().find_map(|node| match &node.op {
        Op::Scan(scan) if scan.body.name == "microbatches" => Some(&scan.body),
        _ => None,
    });
    let body = microbatches.expect("a loop over microbatches");
    let scattered = body.nodes.iter().filter(|node| matches!(node.op, Op::ReduceScatter { .. }));
    let dtypes: Vec<_> = scattered.map(|node| body.ty(node.results[0]).dtype).collect();
    assert!(!dtypes.is_empty() && dtypes.iter().all(|&dtype| dtype == DType::F32), "{dtypes:?}");
}

/// What the comparison is for: a collective that only the optimised program has, or that is larger there, is in its table.
#[test]
fn an_added_collective_is_seen() {
    let case = Case { planned: planned(model(3)), plan: plan([1, 2, 1], 1, 0, NONE) };
    let given = given(&case.split());
    let mut optimised = given.clone();
    add(&mut optimised, (FORWARD, "all-gather", "data".into()), 3, 64);
    let sums = optimised.get_mut(&(STEP, "all-reduce", "data".into())).unwrap();
    let (before, after) = (sums.bytes, sums.bytes + 4);
    *sums = Uses { executions: 1, bytes: after };
    let expected = [
        "layer forward: 1 all-gather data".to_owned(),
        "step: 1 all-reduce data".to_owned(),
        "ADDED: layer forward all-gather data, 192 bytes of 0".to_owned(),
        format!("ADDED: step all-reduce data, {after} bytes of {before}"),
    ];
    assert_eq!(table(&case, &given, &optimised), expected);
}
