//! A training does not depend on how it is split.

use graph::Literal;
use graph::testing::size;
use model::Gopher;
use sharding::plan::{Plan, RematPolicy};

use crate::case::{Case, plan, planned, runtime, train};

const STEPS: usize = 20;

fn losses(metrics: &[[Literal; 3]]) -> Vec<f64> {
    metrics.iter().map(|[loss, ..]| loss.floats().unwrap()[0]).collect()
}

/// Twenty steps on 1, 4 and 8 devices.
#[test]
fn losses_are_the_same_on_one_four_and_eight_devices() {
    let Some(runtime) = runtime() else { return };
    let model = Gopher { layers: 4, heads: 4, key_value_size: 4, d_model: 16, vocabulary_size: 24 };
    let planned = planned(model);
    let alone = Case { planned: planned.clone(), plan: plan([1, 1, 1], 1, 0, RematPolicy::None) };
    let expected = losses(&train(&alone.compile_whole(runtime), &alone, 9, STEPS).metrics);
    let (first, last) = (expected[0], expected[STEPS - 1]);
    assert!(last < first - 0.1, "nothing is learnt: {expected:?}");
    let plans = [
        plan([1, 4, 1], 1, 1, RematPolicy::None),
        Plan { sequence_sharding: true, ..plan([1, 2, 2], 2, 2, RematPolicy::Selective) },
        plan([1, 4, 2], 1, 3, RematPolicy::Full),
        Plan { sequence_sharding: true, ..plan([2, 2, 2], 4, 1, RematPolicy::Attention) },
    ];
    // The last two are on eight devices.
    for plan in plans.into_iter().skip(size::either(1, 0)).step_by(size::either(2, 1)) {
        let case = Case { planned: planned.clone(), plan };
        let got = train(&case.compile(runtime), &case, 9, STEPS);
        assert_eq!(got.apart, Vec::<String>::new(), "{case:?}");
        let got = losses(&got.metrics);
        let off = got.iter().zip(&expected).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        assert!(off <= 1e-4, "{case:?}: {got:?} instead of {expected:?}");
    }
}
