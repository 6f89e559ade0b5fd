//! The search finds what pricing every plan finds.

use std::env;

use graph::DType;
use graph::testing::size;
use model::{Gopher, Llama, ModelConfig, Precision, Preset};
use proptest::prelude::*;
use sharding::cost::Rates;
use sharding::machine::Topology;
use sharding::search::{Found, Pins, Space, Workload, bound, candidates, exhaustive, search};
use train::plan::{OnMachine, Planned};

/// The plans kept, and the one that leaves room, with their prices; what the two ways of searching must agree on.
fn kept(found: &Found) -> Vec<(String, f64, u64)> {
    let row = |priced: &sharding::search::Priced| {
        let plan = serde_json::to_string(&priced.plan).unwrap();
        (plan, priced.estimate.step_seconds, priced.estimate.peak_bytes())
    };
    found.plans.iter().chain(&found.certain).map(row).collect()
}

fn llama(
    layers: usize,
    heads: usize,
    key_value_heads: usize,
    key_value_size: usize,
    d_model: usize,
    feed_forward_size: usize,
    vocabulary_size: usize,
) -> Llama {
    Llama {
        layers,
        heads,
        key_value_heads,
        key_value_size,
        d_model,
        feed_forward_size,
        vocabulary_size,
        rope_base: 1e4,
        norm_epsilon: 1e-5,
        tied_embedding: heads % 2 == 1,
    }
}

/// A training of a small model on a machine whose devices have `memory` bytes.
struct Question {
    topology: Topology,
    planned: Planned,
    space: Space,
}

impl Question {
    fn gopher(machine: &str, memory: u64, batch: usize, sequence_length: usize) -> Question {
        let model = Gopher { layers: 4, heads: 8, key_value_size: 32, d_model: 256, vocabulary_size: 512 };
        let precision = Precision { parameters: DType::F32, activations: DType::BF16 };
        Question::of(model, precision, machine, memory, batch, sequence_length)
    }

    /// A Llama whose query heads share key heads in fours.
    fn llama(machine: &str, memory: u64, batch: usize, sequence_length: usize) -> Question {
        let model = llama(4, 32, 8, 16, 256, 704, 512);
        let precision = Precision { parameters: DType::F32, activations: DType::BF16 };
        Question::of(model, precision, machine, memory, batch, sequence_length)
    }

    fn of(
        model: impl Into<ModelConfig>,
        precision: Precision,
        machine: &str,
        memory: u64,
        batch: usize,
        sequence_length: usize,
    ) -> Question {
        let topology = Topology::parse(machine, 1).unwrap().with_memory_bytes(memory);
        let planned = Planned::new(model, precision, 1.0, sequence_length, topology.kind());
        let space = planned.space(&topology, batch, sequence_length, Pins::default());
        Question { topology, planned, space }
    }

    /// Prices one of each `every` plans: the arithmetic that the search leaves plans out by must be below all prices. How near
    /// it comes to the time, in the median.
    #[track_caller]
    fn check_bounds(&self, every: usize) -> f64 {
        let Question { topology, planned, space } = self;
        let rates = Rates::of(topology);
        let workload = OnMachine { planned, rates: &rates };
        let work = workload.work(space.sequence_length);
        let mut near = Vec::new();
        for plan in candidates(space, &work).into_iter().step_by(every) {
            let Ok(price) = workload.estimate(&plan) else { continue };
            let bound = bound(space, &work, &workload, &plan);
            let (seconds, bytes) = (price.step_seconds, price.peak_bytes());
            assert!(bound.seconds <= seconds, "{} s, bound {} s: {plan:?}", seconds, bound.seconds);
            assert!(bound.bytes <= bytes, "{} bytes, bound {}: {plan:?}", bytes, bound.bytes);
            near.push(bound.seconds / seconds);
        }
        near.sort_by(f64::total_cmp);
        near[near.len() / 2]
    }
}

/// Searches both ways, for the best three plans that fit `memory` bytes; how many plans the search priced, and how many
/// there are.
#[track_caller]
fn check(question: Question) -> (usize, usize) {
    let Question { topology, planned, space } = &question;
    let machine = &space.topology;
    let rates = Rates::of(topology);
    let workload = OnMachine { planned, rates: &rates };
    let (found, all) = (search(space, &workload, 3), exhaustive(space, &workload, 3));
    assert_eq!(kept(&found), kept(&all), "{machine}");
    assert_eq!(all.priced, all.candidates);
    assert!(!found.plans.is_empty(), "nothing fits {machine}");
    (found.priced, all.priced)
}

/// The questions of a test: the first of them where tests are small.
fn some(questions: [Question; 2]) -> impl Iterator<Item = Question> {
    questions.into_iter().take(size::either(1, 2))
}

#[test]
fn nothing_better_on_virtual_devices() {
    for question in
        some([Question::llama("cpu:4", 1 << 30, 8, 128), Question::gopher("cpu:4", 1 << 30, 8, 128)])
    {
        let (priced, all) = check(question);
        assert!(priced < all / 2, "of {all} plans {priced} were priced: the bounds rule little out");
    }
}

#[test]
fn nothing_better_on_a_tpu() {
    let (v3, v5e) = ("tpu:v3:2x2", "tpu:v5e:2x2");
    some([Question::gopher(v3, 1 << 34, 16, 512), Question::llama(v5e, 1 << 34, 16, 512)])
        .for_each(|question| _ = check(question));
}

/// Where memory decides.
#[test]
fn nothing_better_in_little_memory() {
    let machine = "tpu:v5e:2x2";
    some([Question::llama(machine, 40 << 20, 8, 512), Question::gopher(machine, 36 << 20, 8, 512)])
        .for_each(|question| _ = check(question));
}

#[test]
fn nothing_better_on_gpus_of_two_hosts() {
    let machine = "gpu:h100:2x4";
    some([Question::gopher(machine, 1 << 34, 16, 512), Question::llama(machine, 1 << 34, 16, 512)])
        .for_each(|question| _ = check(question));
}

#[test]
fn bounds_are_below_prices() {
    for (machine, batch, sequence_length) in [
        ("cpu:4", 8, 128),
        ("tpu:v3:2x2", 16, 512),
        ("tpu:v6e:2x2", 8, 2048),
        ("gpu:h100:2x4", 16, 512),
        // In pieces.
        ("tpu:v5e:2x2", 4, 8192),
        ("cpu:4", 4, 16384),
    ] {
        for question in [Question::gopher, Question::llama] {
            let question = question(machine, 1 << 34, batch, sequence_length);
            let (near, kind) = (question.check_bounds(size::either(29, 1)), question.planned.model.kind());
            eprintln!("{kind} on {machine}: {near:.2}");
            assert!(near > 0.4, "{kind} on {machine}: bounds are {near} of prices in the median");
        }
    }
}

/// Heads that are wider or narrower together than the residual stream; other dtypes.
#[test]
fn bounds_of_odd_models_are_below_prices() {
    let all: [(ModelConfig, DType, DType); 6] = [
        (
            Gopher { layers: 2, heads: 2, key_value_size: 8, d_model: 64, vocabulary_size: 64 }.into(),
            DType::F32,
            DType::F32,
        ),
        (
            Gopher { layers: 6, heads: 4, key_value_size: 64, d_model: 64, vocabulary_size: 4096 }.into(),
            DType::BF16,
            DType::BF16,
        ),
        (
            Gopher { layers: 1, heads: 8, key_value_size: 2, d_model: 512, vocabulary_size: 8 }.into(),
            DType::F32,
            DType::BF16,
        ),
        // As many key heads as query heads; one for all; a hidden layer narrower than the stream.
        (llama(2, 4, 4, 64, 64, 512, 64).into(), DType::F32, DType::F32),
        (llama(3, 7, 1, 16, 512, 64, 512).into(), DType::BF16, DType::BF16),
        (llama(1, 12, 4, 2, 96, 96, 4096).into(), DType::F32, DType::BF16),
    ];
    for (model, parameters, activations) in all {
        for (machine, sequence_length) in [("cpu:4", 32), ("tpu:v4:2x2x1", 256), ("gpu:a100:1x4", 1024)] {
            let precision = Precision { parameters, activations };
            let question = Question::of(model.clone(), precision, machine, 1 << 34, 4, sequence_length);
            let near = question.check_bounds(size::either(29, 1));
            eprintln!("{machine} {model:?}: {near:.2}");
        }
    }
}

/// Of all plans, when bounds or prices change: `BOUNDS_EVERY=1`, four minutes.
#[test]
fn bounds_of_the_paper_s_models_are_below_prices() {
    let every = env::var("BOUNDS_EVERY").map_or(size::either(307, 101), |every| every.parse().unwrap());
    let machines = ["tpu:v3:4x4", "tpu:v5e:2x2", "gpu:h100:1x8", "cpu:8", "tpu:v5p:8x8x16", "tpu:v6e:16x16"];
    for (preset, machine) in Preset::all().into_iter().zip(machines.into_iter().cycle()) {
        let parameters = if preset.bfloat16_parameters { DType::BF16 } else { DType::F32 };
        let precision = Precision { parameters, activations: DType::BF16 };
        let question = Question::of(preset.config, precision, machine, 1 << 36, preset.batch_sequences, 2048);
        eprintln!("{machine}: {:.2}", question.check_bounds(every));
    }
}

/// Shapes that are nobody's: heads in groups of any size, heads, streams and hidden layers of any width.
fn shapes() -> impl Strategy<Value = ModelConfig> {
    let widths = (1usize..40, 1usize..200, 1usize..400);
    (any::<bool>(), 1usize..5, 1usize..9, 1usize..9, widths, 1usize..300).prop_map(
        |(is_llama, layers, key_heads, group, (half_head, half_stream, hidden), words)| {
            let (head, stream, vocabulary) = (2 * half_head, 2 * half_stream, 2 * words);
            if is_llama {
                llama(layers, key_heads * group, key_heads, head, stream, 2 * hidden, vocabulary).into()
            } else {
                let (heads, key_value_size, d_model) = (key_heads, head, stream);
                Gopher { layers, heads, key_value_size, d_model, vocabulary_size: vocabulary }.into()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(size::cases(6, 100)))]

    #[test]
    fn bounds_of_any_model_are_below_prices(
        model in shapes(),
        machine in prop::sample::select(vec!["cpu:2", "cpu:8", "tpu:v3:2x2", "tpu:v5e:2x4", "tpu:v6e:2x2", "gpu:h100:1x4", "gpu:a100:2x2"]),
        batch in prop::sample::select(vec![8usize, 16, 24]),
        sequence_length in 1usize..700,
        dtypes in prop::sample::select(vec![(DType::F32, DType::F32), (DType::F32, DType::BF16), (DType::BF16, DType::BF16)]),
        every in 30usize..90,
    ) {
        let precision = Precision { parameters: dtypes.0, activations: dtypes.1 };
        Question::of(model, precision, machine, 1 << 36, batch, sequence_length).check_bounds(every);
    }
}
