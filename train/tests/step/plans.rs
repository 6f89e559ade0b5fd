//! A plan changes no number but by rounding: the devices of a mesh together compute what one device does.

use graph::interpret_partitioned;
use model::Gopher;
use sharding::partition::Rules;
use sharding::plan::{MeshShape, Plan, RematPolicy};
use train::plan::{Planned, split};
use train::step::{StepOptions, forward, loss, train_step};

use crate::common::{compare, inputs, options, regrouped};

const BATCH: usize = 8;
pub const TIME: usize = 8;

/// Every dimension that a plan may split is a multiple of four.
fn model() -> Gopher {
    Gopher { layers: 4, heads: 4, key_value_size: 3, d_model: 8, vocabulary_size: 12 }
}

pub fn planned() -> Planned {
    let StepOptions { precision, float32_copy, adam, clip_norm, .. } = options(1, 1);
    let (queries, answers_only) = (4.into(), false);
    Planned {
        model: model().into(),
        precision,
        float32_copy,
        adam,
        clip_norm,
        queries,
        seed: 0,
        answers_only,
    }
}

fn plan(
    mesh: [usize; 3],
    microbatches: usize,
    zero: u8,
    sequence_sharding: bool,
    remat: RematPolicy,
) -> Plan {
    let [stage, data, model] = mesh;
    let plan = Plan {
        topology: "cpu".into(),
        slices: 1,
        mesh: MeshShape { stage, data, model },
        stages: stage,
        microbatches,
        zero,
        remat,
        sequence_sharding,
        batch: BATCH,
        sequence_length: TIME,
        rules: Rules::default(),
    };
    plan.with_derived_rules()
}

/// Each way to split, alone and with others.
pub fn plans() -> Vec<Plan> {
    use RematPolicy::{Attention, Full, None, Selective};
    vec![
        plan([1, 4, 1], 1, 0, false, None),
        plan([1, 2, 1], 2, 1, false, Selective),
        plan([1, 2, 1], 2, 2, false, Full),
        plan([1, 4, 1], 1, 3, false, Attention),
        plan([1, 1, 4], 1, 0, false, None),
        plan([1, 1, 2], 1, 0, true, None),
        plan([1, 1, 4], 2, 0, true, Selective),
        plan([1, 2, 2], 1, 0, true, Full),
        plan([1, 2, 2], 2, 3, true, Selective),
        plan([1, 2, 2], 4, 2, false, Attention),
        plan([2, 1, 1], 4, 0, false, None),
        plan([2, 2, 1], 2, 1, false, Selective),
        plan([4, 1, 2], 8, 0, true, Selective),
        plan([2, 2, 2], 4, 3, true, Selective),
        plan([2, 2, 2], 2, 2, false, Full),
    ]
}

/// No split at all.
pub fn one_device() -> Plan {
    plan([1, 1, 1], 1, 0, false, RematPolicy::None)
}

pub fn name(plan: &Plan) -> String {
    let MeshShape { stage, data, model } = plan.mesh;
    let Plan { microbatches, zero, sequence_sharding, remat, .. } = plan;
    format!(
        "stages {stage}, data {data}, model {model}, {microbatches} microbatches, ZeRO {zero}, sequences split: \
         {sequence_sharding}, {remat:?}"
    )
}

#[test]
fn every_plan_trains_as_one_device() {
    let whole = planned().step_options(&one_device());
    let whole = train_step(&whole).unwrap();
    let inputs = inputs(&whole);
    let expected = graph::interpret(&whole, &inputs).unwrap();
    for plan in plans() {
        let function = train_step(&planned().step_options(&plan)).unwrap();
        let step = planned().step(&plan).unwrap_or_else(|error| panic!("{}: {error}", name(&plan)));
        // Tokens are those of the whole batch, in the shape that this plan's program has them in.
        let shaped = regrouped(&inputs, &function);
        let got =
            interpret_partitioned(&step, &shaped).unwrap_or_else(|error| panic!("{}: {error}", name(&plan)));
        compare(&name(&plan), &whole, &got, &expected, 2e-6);
    }
}

#[test]
fn every_plan_evaluates_as_one_device() {
    for plan in plans() {
        let whole = StepOptions { stages: 1, ..planned().step_options(&plan) };
        let staged = planned().step_options(&plan);
        for (whole, function) in [(loss(&whole), loss(&staged)), (forward(&whole), forward(&staged))] {
            let (whole, function) = (whole.unwrap(), function.unwrap());
            let inputs = inputs(&whole);
            let expected = graph::interpret(&whole, &inputs).unwrap();
            let got = interpret_partitioned(&split(&function, &plan).unwrap(), &inputs).unwrap();
            compare(&name(&plan), &whole, &got, &expected, 2e-6);
        }
    }
}
